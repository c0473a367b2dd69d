/* Checks whether the library can be preloaded into a program. */
#include "cli/doctor/doctor.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/shared/preload.h"
#include "lib/base/file.h"

#define PRELOAD_FILE "/etc/ld.so.preload"
#define PRELOAD_MAX 65536

#define ABOUT "preload"

static void bad(struct llmobs_doctor *doctor, const char *text,
                const char *more)
{
    LLMOBS_FIND(FAIL, ABOUT, "%s%s", text, more);
}

/* -- possible ------------------------------------------------------------- */

static bool is_musl(const struct llmobs_object *object)
{
    return strncmp(llmobs_program_base(object->interp), "ld-musl", 7) == 0;
}

/* False after a finding why nothing can be preloaded into such a file. */
static bool takes_preloads(struct llmobs_doctor *doctor,
                           const struct llmobs_object *object)
{
    static const struct {
        unsigned machine;
        const char *name;
    } known[] = {{EM_X86_64, "x86-64"}, {EM_AARCH64, "aarch64"},
                 {EM_386, "i386"},      {EM_ARM, "arm"},
                 {EM_RISCV, "riscv"},   {EM_PPC64, "ppc64"},
                 {EM_S390, "s390"}};
    const char *base = llmobs_program_base(object->interp), *name = "unknown";
    int fd;

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (known[i].machine == object->machine)
            name = known[i].name;
    if (!object->native)
        LLMOBS_FIND(FAIL, ABOUT,
                    "made for another kind of machine: %s, %d bits", name,
                    object->wide ? 64 : 32);
    else if (!object->program)
        bad(doctor, "a library and no program", "");
    else if (object->interp[0] == '\0' && object->damaged)
        bad(doctor, "a damaged file", "");
    else if (object->interp[0] == '\0' && doctor->program.shell)
        LLMOBS_FIND(NOTE, ABOUT,
                    "statically linked: not into it, but into what it runs");
    else if (object->interp[0] == '\0')
        bad(doctor, "statically linked: nothing can be preloaded", "");
    else if (strncmp(base, "ld-linux", 8) != 0 && !is_musl(object))
        bad(doctor,
            "its loader is neither glibc's nor musl's: ", object->interp);
    else if ((fd = llmobs_object_at(doctor->library.root, object->interp)) < 0)
        bad(doctor, "its loader is not there: ", object->interp);
    else
        return close(fd) == 0;
    return false;
}

static void check_rights(struct llmobs_doctor *doctor,
                         const struct llmobs_object *object)
{
    const struct stat *st = &object->st;
    bool user = (st->st_mode & S_ISUID) != 0;
    bool group = (st->st_mode & S_ISGID) != 0 && (st->st_mode & S_IXGRP) != 0;
    bool caps = fgetxattr(object->fd, "security.capability", NULL, 0) > 0;
    bool secure = llmobs_object_is_secure(object);

    if (!user && !group && !caps)
        return;
    LLMOBS_FIND_AS(secure ? LLMOBS_REPORT_FAIL : LLMOBS_REPORT_NOTE, ABOUT,
                   "%s: the loader preloads nothing from a directory of its "
                   "user's choice%s",
                   user    ? "set-user-id"
                   : group ? "set-group-id"
                           : "has file capabilities",
                   secure ? "" : ", but for you it does");
}

/* Takes the next name off a list as of LD_PRELOAD; false: none is left. Passes
 * over names that are too long for a file. */
static bool next_preload(const char **list, char name[PATH_MAX])
{
    static const char ends[] = ": \t\n";
    size_t len;

    if (!*list)
        return false;
    do {
        *list += strspn(*list, ends);
        len = strcspn(*list, ends);
        snprintf(name, PATH_MAX, "%.*s", (int)len, *list);
        *list += len;
    } while (len >= PATH_MAX);
    return len > 0;
}

/* Copies the whole name to `found`, PATH_MAX bytes, unless that is NULL. */
static bool in_list(const char *list, const char *beginning, char *found)
{
    char name[PATH_MAX];

    while (next_preload(&list, name))
        if (strncmp(llmobs_program_base(name), beginning, strlen(beginning)) ==
            0) {
            if (found)
                memcpy(found, name, sizeof(name));
            return true;
        }
    return false;
}

static const char *variable(const struct llmobs_doctor *doctor,
                            const char *name)
{
    const char *value;

    if (doctor->process.pid != 0)
        return llmobs_process_env(&doctor->process, name);
    value = getenv(name);
    return value && *value != '\0' ? value : NULL;
}

/* Initialises `text` and reads /etc/ld.so.preload, the list of libraries that
 * the loader preloads into every program. */
static int read_list(const struct llmobs_doctor *doctor,
                     struct llmobs_buf *text)
{
    char path[PATH_MAX + sizeof(PRELOAD_FILE)];

    snprintf(path, sizeof(path), "%s" PRELOAD_FILE, doctor->process.prefix);
    llmobs_buf_init(text, PRELOAD_MAX);
    return llmobs_file_read(path, text);
}

/* True where that list has the shim; musl's loader does not read the list. */
static bool is_for_all(struct llmobs_doctor *doctor, char *found)
{
    struct llmobs_buf text;
    bool there = read_list(doctor, &text) == 0 &&
                 in_list(text.data, LLMOBS_DOCTOR_SHIM,
                         doctor->library.musl ? NULL : found);

    llmobs_buf_fini(&text);
    if (there && doctor->library.musl)
        LLMOBS_FIND(NOTE, ABOUT,
                    PRELOAD_FILE " has no effect: musl does not read it");
    return there && !doctor->library.musl;
}

/* AddressSanitizer ends a program unless the first library's path has the name
 * of its runtime in it. The path that llmobs-run preloads has that name. */
static void check_asan(struct llmobs_doctor *doctor)
{
    const char *options = variable(doctor, "ASAN_OPTIONS");
    const char *list = variable(doctor, "LD_PRELOAD");
    static struct llmobs_preload preload;
    char first[PATH_MAX] = "";

    if (!doctor->routes.asan || doctor->process.pid != 0)
        return;
    if (list)
        snprintf(first, sizeof(first), "%.*s", (int)strcspn(list, ": "), list);
    else if (!is_for_all(doctor, first) && llmobs_preload_find(&preload) == 0)
        snprintf(first, sizeof(first), "%s", preload.listed);
    if (strstr(first, "libasan.so") || strstr(first, "libclang_rt.asan") ||
        (options && strstr(options, "verify_asan_link_order=0")))
        LLMOBS_FIND(OK, ABOUT,
                    "libasan finds its name first, or does not mind");
    else
        bad(doctor, "built with libasan, which ends it behind: ", first);
}

/* The file of a process may have been replaced, so it opens /proc/PID/exe. */
static int open_program(const struct llmobs_doctor *doctor,
                        struct llmobs_object *object,
                        struct llmobs_allowance *allowance)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/exe", (int)doctor->process.pid);
    return llmobs_object_open(object, AT_FDCWD,
                              doctor->process.pid ? path : doctor->program.file,
                              allowance, NULL);
}

void llmobs_doctor_open_library(struct llmobs_doctor *doctor,
                                struct llmobs_allowance *allowance)
{
    static struct llmobs_object object;
    struct llmobs_allowance own = {.left = LLMOBS_ALLOWANCE_MAX / 4};

    doctor->library =
        (struct llmobs_library){.root = doctor->process.root,
                                .allowance = allowance,
                                .path = variable(doctor, "LD_LIBRARY_PATH")};
    if (open_program(doctor, &object, &own) != 0)
        return;
    doctor->library.musl = is_musl(&object);
    if (doctor->process.pid == 0)
        llmobs_library_set_loader(&doctor->library, object.interp);
    llmobs_object_close(&object);
}

void llmobs_doctor_possible(struct llmobs_doctor *doctor)
{
    static struct llmobs_object object;
    enum llmobs_report_level before = doctor->report.worst;
    /* This has its own budget, so that it is reported however much the rest
     * reads. */
    struct llmobs_allowance allowance = {.left = LLMOBS_ALLOWANCE_MAX / 4};
    int rc = open_program(doctor, &object, &allowance);
    bool possible;

    doctor->report.worst = LLMOBS_REPORT_OK;
    if (rc != 0) {
        bad(doctor, "",
            rc == -ENOEXEC  ? "neither a program nor a script"
            : rc == -EINVAL ? "not a regular file"
                            : strerror(-rc));
    } else if (takes_preloads(doctor, &object)) {
        if (doctor->process.secure)
            bad(doctor,
                "it was started with more rights than its user's (set-user-id, "
                "capabilities): nothing was preloaded",
                "");
        if (doctor->process.pid == 0 && access(doctor->program.file, X_OK) != 0)
            bad(doctor, "not executable: ", doctor->program.file);
        if (doctor->process.pid == 0)
            check_rights(doctor, &object);
        check_asan(doctor);
    }
    if (rc == 0)
        llmobs_object_close(&object);
    possible = doctor->possible = doctor->report.worst < LLMOBS_REPORT_FAIL;
    if (possible)
        LLMOBS_FIND(OK, ABOUT, "possible");
    if (before > doctor->report.worst)
        doctor->report.worst = before;
    LLMOBS_KNOWN("preload_possible", llmobs_json_bool(possible));
}

/* -- on ------------------------------------------------------------------- */

static void report_command(struct llmobs_doctor *doctor)
{
    static struct llmobs_preload preload;
    const struct llmobs_program *program = &doctor->program;
    char shim[PATH_MAX];
    int rc = llmobs_preload_find(&preload), fd = -1;

    if (in_list(variable(doctor, "LD_PRELOAD"), LLMOBS_DOCTOR_SHIM, shim)) {
        LLMOBS_FIND(OK, ABOUT, "asked for by LD_PRELOAD in this environment");
        /* glibc's loader may find another name than a plain path. */
        if (doctor->library.musl || (strchr(shim, '/') && !strchr(shim, '$')))
            fd = llmobs_object_at(doctor->library.root, shim);
        if (fd == -ENOENT)
            bad(doctor, "not there, and the loader goes on without it: ", shim);
        else if (fd >= 0)
            close(fd);
    } else if (is_for_all(doctor, NULL)) {
        LLMOBS_FIND(OK, ABOUT, "asked for by " PRELOAD_FILE);
    } else if (rc == -EINVAL) {
        bad(doctor,
            "no loader takes a path with a blank, ':' or '$': install "
            "elsewhere than in ",
            preload.library);
    } else if (rc == 0) {
        doctor->by_launcher = true;
        if (doctor->dropper[0] != '\0') {
            LLMOBS_FIND(FAIL, ABOUT,
                        "%s runs its command without LD_PRELOAD: put `%s run` "
                        "right before %s",
                        doctor->dropper, preload.tool,
                        doctor->hands_on ? "what its shell gets"
                                         : llmobs_program_name(program));
            return;
        }
        LLMOBS_FIND(OK, ABOUT, "`llmobs-run` would preload %s",
                    preload.library);
    } else {
        bad(doctor,
            LLMOBS_DOCTOR_SHIM " is not beside this program, nor in "
                               "../lib/llmobs",
            "");
    }
}

/* -- other preloads ------------------------------------------------------- */

/* Whether the file defines one of the functions for other objects; -1: it was
 * not looked into. A sanitizer's runtime does not count, since it passes calls
 * on unchanged. Notes what it wraps of libcurl, too. */
static int defines(struct llmobs_doctor *doctor, const char *path)
{
    static const char *const functions[] = {"connect", "getaddrinfo"};
    static struct llmobs_object object;
    struct llmobs_allowance allowance = {.left = LLMOBS_ALLOWANCE_MAX / 8};
    bool found = false;

    for (size_t i = 0; i < 2 && !found; i++) {
        if (!strchr(path, '/') ||
            llmobs_object_open(&object, doctor->library.root, path, &allowance,
                               functions[i]) != 0)
            return -1;
        (void)llmobs_libcurl_routes_add_wrapper(&doctor->routes, &object, path);
        found = object.defines &&
                !llmobs_object_has(&object, "__sanitizer_print_stack_trace");
        llmobs_object_close(&object);
    }
    return found;
}

static void report_list(struct llmobs_doctor *doctor, const char *list)
{
    char path[PATH_MAX];

    while (next_preload(&list, path)) {
        int holds = strcmp(llmobs_program_base(path), LLMOBS_DOCTOR_SHIM) != 0
                        ? defines(doctor, path)
                        : 0;

        if (holds == 0)
            continue;
        LLMOBS_FIND(NOTE, ABOUT,
                    "beside %s, which %s connect or the look-up of names%s "
                    "only an agent on 127.0.0.1, localhost or a Unix socket "
                    "is delivered to",
                    path,
                    holds > 0 ? "holds" : "was not looked into: if it holds",
                    holds > 0 ? ":" : ",");
        if (holds > 0)
            memcpy(doctor->holder, path, sizeof(path));
    }
}

/* -- in a process --------------------------------------------------------- */

static void report_object(struct llmobs_doctor *doctor,
                          const struct llmobs_process_object *object)
{
    if (object->deleted)
        LLMOBS_FIND(NOTE, ABOUT,
                    "on, by a file that was replaced or deleted since: "
                    "%s; a restart takes the new one",
                    object->path);
    else
        LLMOBS_FIND(OK, ABOUT, "on: %s", object->path);
}

void llmobs_doctor_on(struct llmobs_doctor *doctor)
{
    const struct llmobs_process *process = &doctor->process;
    const struct llmobs_process_object *shim =
        llmobs_process_object(process, LLMOBS_DOCTOR_SHIM);
    const struct llmobs_process_object *core =
        llmobs_process_object(process, LLMOBS_DOCTOR_CORE);
    const char *list = variable(doctor, "LD_PRELOAD");
    char why[LLMOBS_NO_CORE_MAX];
    struct llmobs_buf text;

    report_list(doctor, list);
    if (read_list(doctor, &text) == 0 && !doctor->library.musl)
        report_list(doctor, text.data);
    llmobs_buf_fini(&text);
    if (process->pid == 0) {
        report_command(doctor);
        return;
    }
    if (shim)
        report_object(doctor, shim);
    else if (!process->maps_known)
        bad(doctor, "its memory cannot be read: ask as root", "");
    else if (in_list(list, LLMOBS_DOCTOR_SHIM, NULL))
        bad(doctor, "not on, though LD_PRELOAD names it: ", list);
    else
        bad(doctor,
            "not on: it was started without LD_PRELOAD=" LLMOBS_DOCTOR_SHIM,
            "");
    /* Also of one that is loaded. */
    if (shim && llmobs_process_note(process, LLMOBS_NO_CORE, why, sizeof(why)))
        bad(doctor, why, "");
    else if (shim && core)
        report_object(doctor, core);
    else if (shim)
        LLMOBS_FIND(NOTE, ABOUT,
                    LLMOBS_DOCTOR_CORE
                    " is loaded at the program's first call: none so far");
    LLMOBS_KNOWN("preload_on", llmobs_json_bool(shim != NULL));
}
