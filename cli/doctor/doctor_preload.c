#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/doctor/doctor_preload.h"
#include "cli/shared/preload.h"
#include "core/base/file.h"

#define PRELOAD_FILE "/etc/ld.so.preload"
#define PRELOAD_MAX 65536

#define LIBC "libc.so.6"
#define GLIBC "GLIBC_2."

#define ABOUT "preload"

static void bad(struct llmobs_doctor *doctor, const char *text,
                const char *more)
{
    llmobs_report_add(&doctor->report, LLMOBS_REPORT_BAD, ABOUT, "%s%s", text,
                      more);
}

/* ---- possible ----------------------------------------------------------- */

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static bool is_machine_ours(struct llmobs_doctor *doctor,
                            const struct llmobs_object *object)
{
    static const struct {
        unsigned machine;
        const char *name;
    } known[] = {{EM_X86_64, "x86-64"}, {EM_AARCH64, "aarch64"},
                 {EM_386, "i386"},      {EM_ARM, "arm"},
                 {EM_RISCV, "riscv"},   {EM_PPC64, "ppc64"},
                 {EM_S390, "s390"}};
    const char *name = "unknown";

    if (object->native)
        return true;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].machine == object->machine)
            name = known[i].name;
    llmobs_report_add(&doctor->report, LLMOBS_REPORT_BAD, ABOUT,
                      "made for another kind of machine: %s, %d bits", name,
                      object->wide ? 64 : 32);
    return false;
}

static bool is_musl(const struct llmobs_object *object)
{
    return strncmp(base_of(object->interp), "ld-musl", 7) == 0;
}

static bool is_loader_known(struct llmobs_doctor *doctor,
                            const struct llmobs_object *object)
{
    const char *base = base_of(object->interp);
    int fd;

    if (!object->program)
        bad(doctor, "a library and no program", "");
    else if (object->interp[0] == '\0' && object->damaged)
        bad(doctor, "a damaged file", "");
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

/* Decides as the kernel would on AT_SECURE, for the user who runs the doctor.
 */
static void check_rights(struct llmobs_doctor *doctor,
                         const struct llmobs_object *object)
{
    const struct stat *st = &object->st;
    bool user = (st->st_mode & S_ISUID) != 0;
    bool group = (st->st_mode & S_ISGID) != 0 && (st->st_mode & S_IXGRP) != 0;
    bool caps = fgetxattr(object->fd, "security.capability", NULL, 0) > 0;
    bool secure = (user && st->st_uid != getuid()) ||
                  (group && st->st_gid != getgid()) || (caps && getuid() != 0);

    if (!user && !group && !caps)
        return;
    llmobs_report_add(&doctor->report,
                      secure ? LLMOBS_REPORT_BAD : LLMOBS_REPORT_NOTE, ABOUT,
                      "%s: the loader preloads nothing from a directory of its "
                      "user's choice%s",
                      user    ? "set-user-id"
                      : group ? "set-group-id"
                              : "has file capabilities",
                      secure ? "" : ", but for you it does");
}

/* Copies the whole name to `found`, PATH_MAX bytes, unless that is NULL. */
static bool in_list(const char *list, const char *beginning, char *found)
{
    while (list != NULL && *list != '\0') {
        size_t len = strcspn(list, ": \t\n");
        size_t base = len;

        while (base > 0 && list[base - 1] != '/')
            base--;
        if (strncmp(list + base, beginning, strlen(beginning)) == 0) {
            if (found != NULL)
                snprintf(found, PATH_MAX, "%.*s", (int)len, list);
            return true;
        }
        list += len;
        list += strspn(list, ": \t\n");
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
    return value != NULL && *value != '\0' ? value : NULL;
}

/* AddressSanitizer ends a program in which its own runtime is not the first
 * library. */
static void check_asan(struct llmobs_doctor *doctor)
{
    const char *options = variable(doctor, "ASAN_OPTIONS");
    const char *list = variable(doctor, "LD_PRELOAD");

    if (!doctor->routes.asan || doctor->process.pid != 0)
        return;
    if ((options != NULL &&
         strstr(options, "verify_asan_link_order=0") != NULL) ||
        (list != NULL && strncmp(base_of(strndupa(list, strcspn(list, ": "))),
                                 "libasan", 7) == 0))
        llmobs_report_add(&doctor->report, LLMOBS_REPORT_OK, ABOUT,
                          "libasan comes first, or does not mind");
    else
        bad(doctor,
            "built with libasan, which must come first: set "
            "LD_PRELOAD=libasan.so.N before llmobs-run, or "
            "ASAN_OPTIONS=verify_asan_link_order=0",
            "");
}

static void check_object(struct llmobs_doctor *doctor,
                         const struct llmobs_object *object)
{
    if (!is_machine_ours(doctor, object) || !is_loader_known(doctor, object))
        return;
    if (doctor->process.pid != 0) {
        if (doctor->process.secure)
            bad(doctor,
                "it was started with more rights than its user's "
                "(set-user-id, capabilities): nothing was preloaded",
                "");
        return;
    }
    if (access(doctor->program.file, X_OK) != 0)
        bad(doctor, "not executable: ", doctor->program.file);
    check_rights(doctor, object);
    check_asan(doctor);
}

/* A process's file may have been replaced, so /proc names the one that runs. */
static int open_program(const struct llmobs_doctor *doctor)
{
    char path[64];

    if (doctor->process.pid == 0)
        return llmobs_object_at(AT_FDCWD, doctor->program.file);
    snprintf(path, sizeof path, "/proc/%d/exe", (int)doctor->process.pid);
    return llmobs_object_at(AT_FDCWD, path);
}

bool llmobs_doctor_has_musl(const struct llmobs_doctor *doctor)
{
    static struct llmobs_object object;
    struct llmobs_allowance allowance = {.left = LLMOBS_ALLOWANCE_MAX / 4};
    int fd = open_program(doctor);
    bool musl = false;

    if (fd >= 0 && llmobs_object_open(&object, fd, &allowance) == 0) {
        musl = is_musl(&object);
        llmobs_object_close(&object);
    } else if (fd >= 0) {
        close(fd);
    }
    return musl;
}

void llmobs_doctor_possible(struct llmobs_doctor *doctor)
{
    static struct llmobs_object object;
    bool before = doctor->report.bad;
    int fd = open_program(doctor);
    /* This has its own budget, so that it is reported however much the rest
     * reads. */
    struct llmobs_allowance allowance = {.left = LLMOBS_ALLOWANCE_MAX / 4};
    int rc = fd < 0 ? fd : llmobs_object_open(&object, fd, &allowance);
    bool possible;

    doctor->report.bad = false;
    if (rc == 0) {
        check_object(doctor, &object);
        llmobs_object_close(&object);
    } else {
        if (fd >= 0)
            close(fd);
        bad(doctor, "",
            rc == -ENOEXEC  ? "neither a program nor a script"
            : rc == -EINVAL ? "not a regular file"
                            : strerror(-rc));
    }
    possible = doctor->possible = !doctor->report.bad;
    if (possible)
        llmobs_report_add(&doctor->report, LLMOBS_REPORT_OK, ABOUT, "possible");
    doctor->report.bad |= before;
    llmobs_report_fact(&doctor->report, "preload_possible",
                       llmobs_json_bool(possible));
}

/* ---- on ----------------------------------------------------------------- */

/* Initialises `text` and reads /etc/ld.so.preload, the list of libraries that
 * the loader preloads into every program. */
static int read_list(const struct llmobs_doctor *doctor,
                     struct llmobs_buf *text)
{
    char path[PATH_MAX + sizeof PRELOAD_FILE];

    snprintf(path, sizeof path, "%s" PRELOAD_FILE, doctor->process.prefix);
    llmobs_buf_init(text, PRELOAD_MAX);
    return llmobs_file_read(path, text);
}

/* musl's loader reads no such file. */
static bool is_for_all(struct llmobs_doctor *doctor, char *found)
{
    struct llmobs_buf text;
    bool there = read_list(doctor, &text) == 0 &&
                 in_list(text.data, LLMOBS_DOCTOR_SHIM,
                         doctor->library.musl ? NULL : found);

    llmobs_buf_fini(&text);
    if (there && doctor->library.musl)
        llmobs_report_add(&doctor->report, LLMOBS_REPORT_NOTE, ABOUT,
                          PRELOAD_FILE " has no effect: musl does not read it");
    return there && !doctor->library.musl;
}

/* glibc's loader writes a line to stderr for such a file. */
static void tell_silence(struct llmobs_doctor *doctor, const char *shim)
{
    int fd = doctor->library.musl ? llmobs_object_at(doctor->library.root, shim)
                                  : AT_FDCWD;

    if (fd == -ENOENT)
        bad(doctor, "not there, and musl passes over it in silence: ", shim);
    else if (fd >= 0)
        close(fd);
}

static void tell_command(struct llmobs_doctor *doctor, char *shim)
{
    struct llmobs_report *report = &doctor->report;
    static struct llmobs_preload preload;

    if (in_list(variable(doctor, "LD_PRELOAD"), LLMOBS_DOCTOR_SHIM, shim)) {
        llmobs_report_add(report, LLMOBS_REPORT_OK, ABOUT,
                          "asked for by LD_PRELOAD in this environment");
        tell_silence(doctor, shim);
    } else if (is_for_all(doctor, shim)) {
        llmobs_report_add(report, LLMOBS_REPORT_OK, ABOUT,
                          "asked for by " PRELOAD_FILE);
    } else if (llmobs_preload_find(&preload) == 0) {
        doctor->by_launcher = true;
        snprintf(shim, PATH_MAX, "%s", preload.library);
        llmobs_report_add(report, LLMOBS_REPORT_OK, ABOUT,
                          "`llmobs-run` would preload %s", preload.library);
    } else {
        bad(doctor,
            LLMOBS_DOCTOR_SHIM " is not beside this program, nor in "
                               "../lib/llmobs",
            "");
    }
}

static void tell_absent(struct llmobs_doctor *doctor)
{
    const char *list = variable(doctor, "LD_PRELOAD");

    if (!doctor->process.maps_known)
        bad(doctor, "its memory cannot be read: ask as root", "");
    else if (in_list(list, LLMOBS_DOCTOR_SHIM, NULL))
        bad(doctor, "not on, though LD_PRELOAD names it: ", list);
    else
        bad(doctor,
            "not on: it was started without LD_PRELOAD=" LLMOBS_DOCTOR_SHIM,
            "");
}

/* ---- other preloads ----------------------------------------------------- */

static bool is_there(void *ctx, const char *text, size_t at)
{
    (void)text;
    (void)at;
    *(bool *)ctx = true;
    return false;
}

enum answer { NO, YES, UNKNOWN };

/* Whether the file defines the function for other objects. A sanitizer's
 * runtime does not count, since it passes calls on unchanged. */
static enum answer defines(struct llmobs_doctor *doctor, const char *path,
                           const char *function)
{
    static struct llmobs_object object;
    struct llmobs_allowance allowance = {.left = LLMOBS_ALLOWANCE_MAX / 16};
    int fd = strchr(path, '/') != NULL
                 ? llmobs_object_at(doctor->library.root, path)
                 : -ENOENT;
    bool sanitizer = false, found;

    if (fd < 0)
        return UNKNOWN;
    if (llmobs_object_open_for(&object, fd, &allowance, function) != 0) {
        close(fd);
        return UNKNOWN;
    }
    found = object.defines;
    if (found)
        llmobs_object_find(&object, "__sanitizer_print_stack_trace", is_there,
                           &sanitizer);
    llmobs_object_close(&object);
    return found && !sanitizer ? YES : NO;
}

static void tell_other(struct llmobs_doctor *doctor, const char *path)
{
    enum answer holds = defines(doctor, path, "connect");

    if (holds == NO)
        holds = defines(doctor, path, "getaddrinfo");
    if (holds == NO)
        return;
    llmobs_report_add(
        &doctor->report, LLMOBS_REPORT_NOTE, ABOUT,
        "beside %s, which %s connect or the look-up of names%s "
        "only an agent on 127.0.0.1, localhost or a Unix socket "
        "is delivered to",
        path, holds == YES ? "holds" : "was not looked into: if it holds",
        holds == YES ? ":" : ",");
    if (holds == YES)
        snprintf(doctor->holder, sizeof doctor->holder, "%s", path);
}

static void tell_list(struct llmobs_doctor *doctor, const char *list)
{
    static const char ends[] = ": \t\n";
    char path[PATH_MAX];

    for (; list != NULL && *list != '\0'; list += strspn(list, ends)) {
        size_t len = strcspn(list, ends);

        if (len > 0 && len < sizeof path) {
            snprintf(path, sizeof path, "%.*s", (int)len, list);
            if (strcmp(base_of(path), LLMOBS_DOCTOR_SHIM) != 0)
                tell_other(doctor, path);
        }
        list += len;
    }
}

static void tell_others(struct llmobs_doctor *doctor)
{
    struct llmobs_buf text;

    tell_list(doctor, variable(doctor, "LD_PRELOAD"));
    if (read_list(doctor, &text) == 0 && !doctor->library.musl)
        tell_list(doctor, text.data);
    llmobs_buf_fini(&text);
}

/* ---- the C library ------------------------------------------------------ */

/* The release in "GLIBC_2.34"; 0: the text is not of that form. */
static long release_in(const char *text, size_t at)
{
    char *end;
    long release = at == 0 ? strtol(text + strlen(GLIBC), &end, 10) : 0;

    return release > 0 && *end == '\0' ? release : 0;
}

static bool note(void *ctx, const char *text, size_t at)
{
    long *newest = ctx, release = release_in(text, at);

    *newest = release > *newest ? release : *newest;
    return true;
}

/* The newest release of glibc that the file names; 0: it names none. */
static long newest_in(const struct llmobs_object *object)
{
    long newest = 0;

    llmobs_object_find(object, GLIBC, note, &newest);
    return newest;
}

/* The newest release that the core needs which lies beside the shim. */
static long asked_for(const struct llmobs_doctor *doctor, const char *shim,
                      struct llmobs_allowance *allowance)
{
    static struct llmobs_object core;
    char path[PATH_MAX];
    const char *slash = strrchr(shim, '/');
    long release;
    int fd;

    if (slash == NULL ||
        snprintf(path, sizeof path, "%.*s/" LLMOBS_DOCTOR_CORE,
                 (int)(slash - shim), shim) >= (int)sizeof path)
        return 0;
    fd = llmobs_object_at(doctor->library.root, path);
    if (fd < 0)
        return 0;
    if (llmobs_object_open(&core, fd, allowance) != 0) {
        close(fd);
        return 0;
    }
    release = newest_in(&core);
    llmobs_object_close(&core);
    return release;
}

/* The release of the C library that the program's loader chooses; its path too.
 */
static long given_to(const struct llmobs_doctor *doctor,
                     const struct llmobs_object *program, char path[PATH_MAX])
{
    static struct llmobs_object libc;
    const char *file = doctor->program.file;
    long release = 0;

    if (llmobs_library_find(&doctor->library, program, file, program, file,
                            LIBC, path, &libc) != 0)
        return 0;
    release = newest_in(&libc);
    llmobs_object_close(&libc);
    return release;
}

static void check_fit(struct llmobs_doctor *doctor,
                      const struct llmobs_object *program, const char *shim)
{
    struct llmobs_allowance allowance = {.left = LLMOBS_ALLOWANCE_MAX / 16};
    char path[PATH_MAX];
    long asked = asked_for(doctor, shim, &allowance);
    long given = asked > 0 ? given_to(doctor, program, path) : 0;

    if (given > 0 && given < asked)
        llmobs_report_add(
            &doctor->report, LLMOBS_REPORT_BAD, "preload",
            "%s is glibc 2.%ld, and " LLMOBS_DOCTOR_CORE
            " asks for 2.%ld: it is not loaded there, and nothing "
            "is observed",
            path, given, asked);
}

/* ---- in a process ------------------------------------------------------- */

/* Reports whether the program's C library is new enough for a core that is not
 * loaded yet. */
static void tell_fit(struct llmobs_doctor *doctor, const char *shim)
{
    static struct llmobs_object object;
    struct llmobs_allowance allowance = {.left = LLMOBS_ALLOWANCE_MAX / 16};
    int fd = doctor->possible && shim[0] != '\0' ? open_program(doctor) : -1;

    if (fd >= 0 && llmobs_object_open(&object, fd, &allowance) == 0) {
        check_fit(doctor, &object, shim);
        llmobs_object_close(&object);
    } else if (fd >= 0) {
        close(fd);
    }
}

static bool tell_object(struct llmobs_doctor *doctor, const char *name,
                        const char *absent)
{
    const struct llmobs_process_object *object =
        llmobs_process_object(&doctor->process, name);

    if (object == NULL)
        llmobs_report_add(&doctor->report, LLMOBS_REPORT_NOTE, ABOUT, "%s",
                          absent);
    else if (object->deleted)
        llmobs_report_add(&doctor->report, LLMOBS_REPORT_NOTE, ABOUT,
                          "on, by a file that was replaced or deleted since: "
                          "%s; a restart takes the new one",
                          object->path);
    else
        llmobs_report_add(&doctor->report, LLMOBS_REPORT_OK, ABOUT, "on: %s",
                          object->path);
    return object != NULL;
}

static bool tell_process(struct llmobs_doctor *doctor)
{
    const struct llmobs_process_object *shim =
        llmobs_process_object(&doctor->process, LLMOBS_DOCTOR_SHIM);

    if (shim == NULL) {
        tell_absent(doctor);
        return false;
    }
    tell_object(doctor, LLMOBS_DOCTOR_SHIM, "");
    if (!tell_object(doctor, LLMOBS_DOCTOR_CORE,
                     LLMOBS_DOCTOR_CORE
                     " is loaded at the first call of libcurl: none so far"))
        tell_fit(doctor, shim->path);
    return true;
}

void llmobs_doctor_on(struct llmobs_doctor *doctor)
{
    char shim[PATH_MAX] = "";

    tell_others(doctor);
    if (doctor->process.pid != 0) {
        llmobs_report_fact(&doctor->report, "preload_on",
                           llmobs_json_bool(tell_process(doctor)));
        return;
    }
    tell_command(doctor, shim);
    tell_fit(doctor, shim);
}
