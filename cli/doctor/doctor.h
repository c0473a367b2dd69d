/* doctor - the checks of `llmobs doctor`, and the state that they share.
 *
 * Owns:    the files that it has opened, until the command ends.
 * Threads: one.
 * Errors:  findings of the report; -ENOMEM and the like end the command.
 * Limits:  those of object, library, routes, program and process.
 */
#ifndef LLMOBS_DOCTOR_H
#define LLMOBS_DOCTOR_H

#include "cli/doctor/process.h"
#include "cli/doctor/program.h"
#include "cli/doctor/report.h"
#include "core/config/config.h"

#define LLMOBS_DOCTOR_SHIM LLMOBS_PROCESS_SHIM
#define LLMOBS_DOCTOR_CORE "libllmobs_core.so"
#define LLMOBS_DOCTOR_TOOL "llmobs-tool"

/* The remedy where no preload reaches the TLS of a program. */
#define LLMOBS_DOCTOR_INTERCEPT "`llmobs-run --intercept CMD` observes them"

struct llmobs_http;

struct llmobs_doctor {
    struct llmobs_report report;
    struct llmobs_program program;
    struct llmobs_process process; /* pid 0: the doctor looks at a command */
    struct llmobs_library library;
    struct llmobs_allowance allowance;
    struct llmobs_libcurl_routes routes;
    char holder[PATH_MAX]; /* another preload that defines connect or the
                            * look-up of names; "": none */
    char dropper[32];      /* a command before it that drops LD_PRELOAD; "" */
    bool hands_on;         /* the command is a runner's whose own is unknown */
    bool in_reach;         /* it has a libcurl, and calls by it are seen */
    bool carries;          /* and it is there whenever a call is made */
    const char *argument;  /* the command's first file; NULL: none */
    const char *may_run;   /* its first argument that is a command; NULL */
    bool relayed;          /* a relay delivers for it */
    bool possible;         /* its loader preloads the libraries that LD_PRELOAD
                            * names */
    bool by_launcher;      /* nothing preloads the shim yet; llmobs-run would */
    bool off;              /* observing is switched off, by the program's
                            * settings or for all programs */
    bool no_exporter;      /* the chosen exporter's peer does not take spans */
    bool no_selftest;
};

/* Add to the report of the `doctor` in scope: a finding of a level (report.h),
 * or by the level's last word (OK, NOTE, FAIL); a warning; what
 * only a run can tell; a fact. */
#define LLMOBS_FIND_AS(level, about, ...) \
    llmobs_report_add(&doctor->report, level, about, NULL, __VA_ARGS__)
#define LLMOBS_FIND(level, ...) \
    LLMOBS_FIND_AS(LLMOBS_REPORT_##level, __VA_ARGS__)
#define LLMOBS_WARN(about, remedy, ...)                                   \
    llmobs_report_add(&doctor->report, LLMOBS_REPORT_WARN, about, remedy, \
                      __VA_ARGS__)
#define LLMOBS_ASK(about, ...)                                       \
    llmobs_report_add(&doctor->report, LLMOBS_REPORT_UNKNOWN, about, \
                      "`llmobs doctor --run CMD` tells", __VA_ARGS__)
#define LLMOBS_KNOWN(name, value) \
    llmobs_report_fact(&doctor->report, name, value)

/* -- the checks ------------------------------------------------------------
 * Their answer, where they have one, is 0, or -ENOMEM and the like. */

/* Looks through commands that run another (`timeout 10 curl` is about curl),
 * and changes this process's environment to that which the last one gets. Gives
 * the words from that one on, and notes in `dropper` who takes LD_PRELOAD away.
 * Where a runner has no command, or gives a text to a shell: those from that
 * runner on, with `hands_on`. */
char **llmobs_doctor_look_through(struct llmobs_doctor *doctor, char **words);

/* Makes all checks of the found program, or of the open process. */
int llmobs_doctor_examine(struct llmobs_doctor *doctor);

/* Looks at a pool of php-fpm, which `pool` names, or the path of its file. */
int llmobs_doctor_fpm(struct llmobs_doctor *doctor, const char *pool);

/* Calls that go by OpenSSL or GnuTLS and not by libcurl (LLMOBS_TLS). In this
 * order: the process has neither library; it is observed; it has a tracer for
 * its language; it is not observed; the library is inside the program, and its
 * functions cannot be hooked. */
enum llmobs_tls_way {
    LLMOBS_TLS_NONE,
    LLMOBS_TLS_OBSERVED,
    LLMOBS_TLS_TRACED,
    LLMOBS_TLS_NOT,
    LLMOBS_TLS_LEFT
};

/* How the calls of the process go, as its settings, the libraries that it has
 * loaded and its program's file show. `why`: LLMOBS_NO_ENTRY_MAX bytes, for the
 * reason of LEFT.
 */
enum llmobs_tls_way llmobs_doctor_tls_of(struct llmobs_doctor *doctor,
                                         char *why);

/* Reports on the program, or the process. No report for a program that has
 * neither library. */
enum llmobs_tls_way llmobs_doctor_tls(struct llmobs_doctor *doctor);

/* Calls by plain http:// and not by libcurl (LLMOBS_SOCKETS). In this order:
 * they are observed; or until it listens; or they are not, since the variable
 * is off; a tracer in its language reports them; the process listens, or has a
 * filter that others set for it (lib/base/sandbox.h); the
 * program, which may have no such calls, is none of those that are observed
 * without the variable; it is static; no file of it calls connect. */
enum llmobs_sockets_way {
    LLMOBS_SOCKETS_OBSERVED,
    LLMOBS_SOCKETS_UNTIL,
    LLMOBS_SOCKETS_OFF,
    LLMOBS_SOCKETS_TRACED,
    LLMOBS_SOCKETS_LISTENS,
    LLMOBS_SOCKETS_FILTERED,
    LLMOBS_SOCKETS_OTHER,
    LLMOBS_SOCKETS_STATIC,
    LLMOBS_SOCKETS_NONE
};

/* How the calls of the program or process go, as its settings and the files
 * that the routes were read from show. */
enum llmobs_sockets_way llmobs_doctor_sockets_of(struct llmobs_doctor *doctor);

/* Why a process's calls are not observed; NULL where they are. */
const char *llmobs_doctor_sockets_why(enum llmobs_sockets_way way);

/* Reports on the program, or the process; true where they are observed.
 * `curl`: calls by a libcurl are, so that of a program which may have no others
 * nothing is said. */
bool llmobs_doctor_sockets(struct llmobs_doctor *doctor, bool curl);

/* Warns of programs out of reach that a script of Node may start: those in its
 * package; and of a program that is a Node itself. Other programs there are not
 * looked at, and it says so. */
void llmobs_doctor_starts(struct llmobs_doctor *doctor);

/* Reports whether anything can be preloaded into the program's file. */
void llmobs_doctor_possible(struct llmobs_doctor *doctor);

/* Reports whether shim and core are in the process, or would be in the
 * command. */
void llmobs_doctor_on(struct llmobs_doctor *doctor);

/* Reports the configuration, and whether its exporter takes spans. */
int llmobs_doctor_settings(struct llmobs_doctor *doctor);

/* Reports only whether the program's settings switch observing on; sends no
 * request. `proxy_urls`: gives the URLs of its gateways; NULL: it has none. */
int llmobs_doctor_switch(struct llmobs_doctor *doctor, char **proxy_urls);

/* Warns of variables with an unknown name, and of gateways and rules that
 * cannot be read. */
void llmobs_doctor_wrong(struct llmobs_doctor *doctor,
                         const struct llmobs_config *config,
                         const char *const *env);

/* Sends a request to the endpoint of each OTLP signal in use: metrics and log
 * records if they are on, and spans unless `why_not` says why they go
 * elsewhere. */
void llmobs_doctor_otlp(struct llmobs_doctor *doctor,
                        const struct llmobs_config *config,
                        const char *why_not);

/* Makes an observed call with the settings of this environment, and reports the
 * step that failed, if any. */
void llmobs_doctor_selftest(struct llmobs_doctor *doctor);

/* Runs the command as llmobs-run does, and tells on stderr, once it has ended,
 * which requests left it, and which connections of it cannot be read. Gives its
 * exit status. */
int llmobs_doctor_run(char **words);

/* -- for them ------------------------------------------------------------- */

/* Makes a folder for a log, in a place that has room where there is one; "" on
 * error. */
#define LLMOBS_DOCTOR_DIR 64
int llmobs_doctor_make_dir(char dir[LLMOBS_DOCTOR_DIR]);

/* Opens the libraries as the program's loader would find them; `allowance` is
 * borrowed for all that is read. */
void llmobs_doctor_open_library(struct llmobs_doctor *doctor,
                                struct llmobs_allowance *allowance);

/* The settings of the program, without a word about their mistakes; the caller
 * frees them. NULL without memory, and where a process's cannot be read. */
struct llmobs_config *llmobs_doctor_config(struct llmobs_doctor *doctor);

/* Warns of a setting, with what to do about it; `ctx` is the doctor. */
void llmobs_doctor_complain(void *ctx, const char *text);

/* Gives a value in a form that may be shown; keys, tokens and headers are
 * never shown. NULL without memory. */
char *llmobs_doctor_shown(const char *name, const char *value);

/* Gives a client that reaches a peer as the program would, also through another
 * preload that defines connect; NULL without memory. */
struct llmobs_http *llmobs_doctor_open_http(const struct llmobs_doctor *doctor,
                                            const struct llmobs_config *config);

/* True where the program delivers to this host alone: beside the other preload,
 * or without a libcurl. */
bool llmobs_doctor_is_held(const struct llmobs_doctor *doctor);

/* Reports a peer that the doctor, which reaches what the program would, cannot
 * ask for that reason. */
void llmobs_doctor_tell_held(struct llmobs_doctor *doctor,
                             enum llmobs_report_level level, const char *about,
                             const char *place);

#endif
