/* Runs the command `llmobs doctor`: options, command, exit status. */
#include "cli/doctor/doctor.h"
#include "cli/doctor/host.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/intercept/refusals.h"
#include "cli/shared/options.h"
#include "cli/shared/cli.h"
#include "cli/shared/tell.h"
#include "lib/base/glob.h"

#define FPM "fpm:"
/* Their first argument, if it is no option, is a file. */
#define INTERPRETERS                                                       \
    "sh,dash,bash,zsh,ksh,mksh,fish,python*,perl*,ruby*,php*,lua*,tclsh*," \
    "Rscript"

/* -- the command ---------------------------------------------------------- */

/* False after a finding that there is no such command. */
static bool find_command(struct llmobs_doctor *doctor, char **words)
{
    static struct llmobs_program other;
    const char *command;
    int rc;

    LLMOBS_KNOWN("kind", llmobs_json_string("command"));
    words = llmobs_doctor_look_through(doctor, words);
    command = *words;
    rc = llmobs_program_find(&doctor->program, command);
    doctor->program.shell |= doctor->hands_on;
    if (rc == 0 && words[1] && strchr(words[1], '/') && words[1][0] != '-' &&
        llmobs_glob_listed(INTERPRETERS,
                           llmobs_program_base(doctor->program.path)) &&
        access(words[1], F_OK) != 0)
        LLMOBS_FIND(FAIL, "program", "%s: no such file", words[1]);
    while (*++words) {
        if (!doctor->argument && **words != '-' && access(*words, R_OK) == 0)
            doctor->argument = *words;
        if (!doctor->may_run && llmobs_program_find(&other, *words) == 0 &&
            access(other.path, X_OK) == 0)
            doctor->may_run = *words;
    }
    if (rc != 0)
        LLMOBS_FIND(FAIL, "program", "%s: %s",
                    doctor->program.path[0] ? doctor->program.path : command,
                    rc == -ENOENT  ? "no such command"
                    : rc == -ELOOP ? "a script whose interpreter is a script, "
                                     "too often"
                                   : strerror(-rc));
    return rc == 0;
}

static int examine(struct llmobs_doctor *doctor, char **words)
{
    const char *what = *words;
    size_t len = strlen(what);

    LLMOBS_KNOWN("target", llmobs_json_string(what));
    if (strncmp(what, FPM, strlen(FPM)) == 0)
        return llmobs_doctor_fpm(doctor, what + strlen(FPM));
    /* A file with the settings of php-fpm, and no program. */
    if (len > 5 && strcmp(what + len - 5, ".conf") == 0 &&
        access(what, X_OK) != 0 && strchr(what, '/'))
        return llmobs_doctor_fpm(doctor, what);
    if (*what && !what[strspn(what, "0123456789")]) {
        long pid = strtol(what, NULL, 10);
        int rc = pid > 0 && pid <= INT_MAX
                     ? llmobs_process_open(&doctor->process, (pid_t)pid)
                     : -ESRCH;

        LLMOBS_KNOWN("kind", llmobs_json_string("process"));
        if (rc == 0 && doctor->process.exe[0] != '\0') {
            llmobs_program_is(&doctor->program, doctor->process.exe);
            return llmobs_doctor_examine(doctor);
        }
        LLMOBS_FIND(FAIL, "program", "process %s: %s", what,
                    rc == -ESRCH ? "no such process"
                    : rc == 0    ? "it may not be looked into: ask as root"
                                 : strerror(-rc));
        return rc == -ENOMEM ? rc : 0;
    }
    return find_command(doctor, words) ? llmobs_doctor_examine(doctor) : 0;
}

static int examine_and_report(struct llmobs_doctor *doctor, char **words,
                              bool json)
{
    int status, rc;

    doctor->process.root = AT_FDCWD;
    doctor->allowance.left = LLMOBS_ALLOWANCE_MAX;
    llmobs_report_init(&doctor->report);
    rc = examine(doctor, words);
    /* A process and a pool have their own environment, and a call in the
     * doctor's would show nothing of them. */
    if (rc == 0 && !doctor->no_selftest && doctor->process.pid == 0 &&
        doctor->program.file[0] != '\0') {
        if (doctor->holder[0] == '\0')
            llmobs_doctor_selftest(doctor);
        else
            LLMOBS_FIND(NOTE, "self-test",
                        "not made: beside %s a call to this machine may go "
                        "elsewhere",
                        doctor->holder);
    }
    if (rc == 0)
        rc = json ? llmobs_report_print_json(&doctor->report)
                  : llmobs_report_print_text(&doctor->report);
    if (rc != 0)
        llmobs_tell("llmobs doctor: %s\n", strerror(-rc));
    status =
        rc != 0 ? LLMOBS_CLI_FAILED : llmobs_report_status(&doctor->report);
    llmobs_process_close(&doctor->process);
    llmobs_report_fini(&doctor->report);
    return status;
}

int llmobs_cmd_doctor(int argc, char **argv)
{
    static struct llmobs_doctor doctor;
    static bool json, host, runs, forgets;
    static char **words;
    static const struct llmobs_cli_option options[] = {
        LLMOBS_CLI_FLAG("json", &json),
        LLMOBS_CLI_FLAG("no-self-test", &doctor.no_selftest),
        LLMOBS_CLI_FLAG("host", &host),
        LLMOBS_CLI_FLAG("run", &runs),
        LLMOBS_CLI_FLAG("forget-refusals", &forgets),
        {NULL, llmobs_cli_command, &words, 0, 0, 1, NULL}};
    int status = llmobs_cli_parse(argc, argv, options);
    bool misses;
    int rc;

    if (status >= 0)
        return status;
    if (runs && (json || host || doctor.no_selftest))
        return llmobs_cli_wrong("--run goes with no other option", "");
    if ((host || forgets) != !*words)
        return llmobs_cli_wrong(host ? "with --host there is no CMD"
                                : forgets
                                    ? "with --forget-refusals there is no "
                                      "CMD"
                                    : "neither CMD nor --host",
                                "");
    if (forgets) {
        struct llmobs_config *config =
            llmobs_config_load((const char *const *)environ, NULL, NULL);
        char path[PATH_MAX];

        rc = config && llmobs_refusals_path(config, path) ? 0 : -ENOMEM;
        if (rc == 0 && unlink(path) != 0 && errno != ENOENT)
            rc = -errno;
        llmobs_config_free(config);
        if (rc != 0)
            llmobs_tell("llmobs doctor: %s\n", strerror(-rc));
        return rc != 0 ? LLMOBS_CLI_FAILED : LLMOBS_CLI_OK;
    }
    if (!host)
        return runs ? llmobs_doctor_run(words)
                    : examine_and_report(&doctor, words, json);
    rc = llmobs_doctor_host(json, &misses);
    if (rc != 0)
        llmobs_tell("llmobs doctor: %s\n", strerror(-rc));
    return rc != 0 || misses ? LLMOBS_CLI_FAILED : LLMOBS_CLI_OK;
}
