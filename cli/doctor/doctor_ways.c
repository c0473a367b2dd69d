/* Says which calls without libcurl of a program are observed. */
#include "cli/doctor/doctor.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/glob.h"
#include "lib/base/sandbox.h"
#include "lib/base/tls_auto.h"

/* -- over a TLS library ---------------------------------------------------- */

/* True where the process has an object of such a name. */
static bool has_loaded(const struct llmobs_doctor *doctor, const char *names)
{
    const struct llmobs_process *process = &doctor->process;

    for (size_t i = 0; i < process->object_count; i++)
        if (llmobs_glob_listed(names, process->objects[i].path))
            return true;
    return false;
}

/* True where the program, or the process, has one of these libraries. */
static bool has_tls(const struct llmobs_doctor *doctor)
{
    return doctor->routes.tls || has_loaded(doctor, LLMOBS_TLS_LIBRARIES);
}

/* Facts that the program's file shows. */
struct file {
    bool inside;                   /* it has OpenSSL's functions itself */
    char why[LLMOBS_NO_ENTRY_MAX]; /* they cannot be hooked; "": they can */
};

static void say_why(struct file *file, const char *name, const char *why)
{
    snprintf(file->why, sizeof(file->why), LLMOBS_NO_ENTRY "%s%s", name, why);
}

/* True where this process, and so the programs that it starts, may have memory
 * that was written and is executed: a filter, or systemd, may forbid it. */
static bool may_execute(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *at = mmap(NULL, page, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool may =
        at != MAP_FAILED && mprotect(at, page, PROT_READ | PROT_EXEC) == 0;

    if (at != MAP_FAILED)
        munmap(at, page);
    return may;
}

/* A running process's shim has noted why it hooks nothing. */
static void read_file(struct file *file, const struct llmobs_doctor *doctor,
                      const char *path)
{
    struct llmobs_allowance allowance = {.left = LLMOBS_ALLOWANCE_MAX};
    const struct llmobs_process *process = &doctor->process;
    struct llmobs_object object;

    *file = (struct file){.inside = false};
    if (llmobs_object_open(&object, process->pid ? process->root : AT_FDCWD,
                           path, &allowance, "SSL_read") != 0)
        return;
    file->inside = object.native && (object.defines || object.holds);
    for (size_t i = LLMOBS_OBJECT_ENTRIES; file->inside && i-- > 0;) {
        const struct llmobs_object_entry *entry = &object.entries[i];
        const char *name = llmobs_object_entry_name(i);
        /* The shim's page is not far away, either. */
        struct llmobs_prologue copy = {.code = entry->code,
                                       .size = sizeof(entry->code),
                                       .from = entry->address,
                                       .to = entry->address -
                                             LLMOBS_PROLOGUE_CODE};

        if (entry->address == 0 || entry->size < sizeof(entry->code)) {
            say_why(file, name, " is not exported");
        } else if (!llmobs_prologue_copy(&copy)) {
            say_why(file, name, " begins with");
            for (size_t k = 0, len = strlen(file->why);
                 k < LLMOBS_PROLOGUE_SHOWN; k++, len += 3)
                snprintf(file->why + len, sizeof(file->why) - len, " %02x",
                         entry->code[k]);
        }
    }
    llmobs_object_close(&object);
    if (file->inside && process->pid)
        (void)llmobs_process_note(process, LLMOBS_NO_ENTRY, file->why,
                                  sizeof(file->why));
    else if (file->inside && !file->why[0] && !may_execute())
        say_why(file, "", "no memory may be made executable");
}

/* The variable in the program's environment; NULL: it is unset. */
static const char *variable(const struct llmobs_doctor *doctor,
                            const char *name)
{
    return doctor->process.pid ? llmobs_process_env(&doctor->process, name)
                               : getenv(name);
}

/* True where a tracer in the language of the program reports its calls, as its
 * variables and objects show, and Node's options. `base`: the program's name.
 */
static bool has_tracer(const struct llmobs_doctor *doctor, const char *base)
{
    const char *options, *file;

    for (size_t i = 0; i < LLMOBS_TRACER_SIGNS; i++) {
        const char *value = variable(doctor, llmobs_tracer_signs[i].name);

        if (value && llmobs_tracer_has(value, llmobs_tracer_signs[i].part))
            return true;
    }
    for (size_t i = 0; i < doctor->process.object_count; i++)
        if (llmobs_tracer_brings(doctor->process.objects[i].path, &file))
            return true;
    options = variable(doctor, "NODE_OPTIONS");
    return llmobs_glob_listed(LLMOBS_NODE, base) &&
           ((options && llmobs_tracer_module(options)) ||
            (doctor->process.pid &&
             llmobs_process_loads_tracer(doctor->process.pid)));
}

/* True where the program is PHP by its file's name, or has PHP as a module. */
static bool is_php(const struct llmobs_doctor *doctor, const char *base)
{
    return strncmp(base, "php", 3) == 0 || has_loaded(doctor, "libphp*");
}

static enum llmobs_tls_way way_of(struct llmobs_doctor *doctor,
                                  const struct file *file, const char *base)
{
    struct llmobs_config *config = llmobs_doctor_config(doctor);
    enum llmobs_tls_mode mode = config ? config->tls : LLMOBS_TLS_AUTO;

    llmobs_config_free(config);
    if (file->why[0])
        return LLMOBS_TLS_LEFT;
    if (mode == LLMOBS_TLS_OFF)
        return LLMOBS_TLS_NOT;
    if (mode == LLMOBS_TLS_ON || (!file->inside && is_php(doctor, base)))
        return LLMOBS_TLS_OBSERVED;
    if (!llmobs_glob_listed(file->inside ? LLMOBS_NODE : LLMOBS_CLIENTS, base))
        return LLMOBS_TLS_NOT;
    return has_tracer(doctor, base) ? LLMOBS_TLS_TRACED : LLMOBS_TLS_OBSERVED;
}

enum llmobs_tls_way llmobs_doctor_tls_of(struct llmobs_doctor *doctor,
                                         char *why)
{
    const char *base = llmobs_program_base(doctor->process.exe);
    struct file file;

    read_file(&file, doctor, doctor->process.exe);
    snprintf(why, sizeof(file.why), "%s", file.why);
    return file.inside || has_tls(doctor) ? way_of(doctor, &file, base)
                                          : LLMOBS_TLS_NONE;
}

enum llmobs_tls_way llmobs_doctor_tls(struct llmobs_doctor *doctor)
{
    const char *base = llmobs_program_base(doctor->program.file);
    enum llmobs_tls_way way = LLMOBS_TLS_NONE;
    struct file file;
    const char *where;

    read_file(&file, doctor, doctor->program.file);
    where = file.inside ? "the TLS library inside it" : "a TLS library";
    if (file.inside || has_tls(doctor) ||
        llmobs_glob_listed(LLMOBS_CLIENTS ",dotnet", base)) /* opens OpenSSL */
        way = way_of(doctor, &file, base);
    if (way == LLMOBS_TLS_LEFT)
        LLMOBS_WARN("tls",
                    "a vendor's build of Node 18 to 26 is seen, and others by "
                    "`llmobs-run --intercept CMD` with NODE_USE_ENV_PROXY=1",
                    "%s", file.why);
    else if (way == LLMOBS_TLS_TRACED)
        LLMOBS_FIND(NOTE, "tls",
                    "a tracer reports the program's calls: those over a TLS "
                    "library are left to it, unless LLMOBS_TLS=on");
    else if (way == LLMOBS_TLS_OBSERVED)
        LLMOBS_FIND(OK, "tls", "calls without libcurl over %s are observed",
                    where);
    else if (way == LLMOBS_TLS_NOT)
        LLMOBS_FIND(NOTE, "tls",
                    "calls without libcurl over %s are not observed: "
                    "LLMOBS_TLS=on observes them",
                    where);
    return way;
}

/* -- by plain http:// ------------------------------------------------------ */

enum llmobs_sockets_way llmobs_doctor_sockets_of(struct llmobs_doctor *doctor)
{
    const char *base = llmobs_program_base(doctor->program.file);
    struct llmobs_config *config = llmobs_doctor_config(doctor);
    bool php = is_php(doctor, base);
    bool client = php || llmobs_glob_listed(LLMOBS_SOCKET_CLIENTS, base);
    enum llmobs_sockets_way way = LLMOBS_SOCKETS_OBSERVED;
    char note[sizeof(LLMOBS_LISTENS)], status[40] = "/proc/self/status";
    /* Other programs do not read the file. */
    bool reads = client || doctor->routes.count > 0 || has_tls(doctor);
    bool on = config && config->sockets == LLMOBS_TLS_ON &&
              (reads || variable(doctor, "LLMOBS_SOCKETS"));
    bool listed =
        config && llmobs_lists_plain(config->proxy_urls) &&
        (reads || variable(doctor, "DD_LLMOBS_INSTRUMENTED_PROXY_URLS"));

    if (doctor->process.pid)
        snprintf(status, sizeof(status), "/proc/%d/status",
                 (int)doctor->process.pid);
    /* A client's modules may bring connect. */
    if (doctor->routes.alone)
        way = LLMOBS_SOCKETS_STATIC;
    else if (!client && !doctor->routes.connects)
        way = LLMOBS_SOCKETS_NONE;
    else if (!config || config->sockets == LLMOBS_TLS_OFF)
        way = LLMOBS_SOCKETS_OFF;
    else if (!on && !client && !listed)
        way = LLMOBS_SOCKETS_OTHER;
    else if (!on && !php && has_tracer(doctor, base))
        way = LLMOBS_SOCKETS_TRACED;
    else if (!on && !client)
        way = doctor->process.pid &&
                      llmobs_process_note(&doctor->process, LLMOBS_LISTENS,
                                          note, sizeof(note))
                  ? LLMOBS_SOCKETS_LISTENS
              : llmobs_sandbox_is(status, "/proc/1/status")
                  ? LLMOBS_SOCKETS_FILTERED
                  : LLMOBS_SOCKETS_UNTIL;
    llmobs_config_free(config);
    return way;
}

#define NOT "calls by plain http:// are not observed: "

const char *llmobs_doctor_sockets_why(enum llmobs_sockets_way way)
{
    static const char *const why[] = {
        [LLMOBS_SOCKETS_OFF] = NOT "LLMOBS_SOCKETS is off",
        [LLMOBS_SOCKETS_OTHER] =
            NOT "LLMOBS_SOCKETS=on in its environment observes them",
        [LLMOBS_SOCKETS_TRACED] =
            NOT "a tracer in its language reports them; LLMOBS_SOCKETS=on "
                "observes them",
        [LLMOBS_SOCKETS_LISTENS] =
            NOT "it listens, as a server does; LLMOBS_SOCKETS=on observes them",
        [LLMOBS_SOCKETS_FILTERED] =
            NOT "it has a filter of its own; LLMOBS_SOCKETS=on observes them",
        [LLMOBS_SOCKETS_STATIC] = NOT "it is a static program",
        [LLMOBS_SOCKETS_NONE] =
            NOT "no file of it calls connect of libc; a Go program asks the "
                "kernel itself"};

    return why[way];
}

bool llmobs_doctor_sockets(struct llmobs_doctor *doctor, bool curl)
{
    enum llmobs_sockets_way way = llmobs_doctor_sockets_of(doctor);

    if (way <= LLMOBS_SOCKETS_UNTIL)
        LLMOBS_FIND(OK, "http",
                    "calls without libcurl by plain http:// are observed%s; "
                    "LLMOBS_SOCKETS=off leaves them out",
                    way == LLMOBS_SOCKETS_UNTIL
                        ? " until it listens, since a gateway by http:// is "
                          "listed"
                        : "");
    else if (way < LLMOBS_SOCKETS_OTHER || (!curl && !doctor->program.shell))
        LLMOBS_FIND(NOTE, "http", "%s", llmobs_doctor_sockets_why(way));
    return way <= LLMOBS_SOCKETS_UNTIL;
}
