/* llmobs, llmobs-run and llmobs-entrypoint are one program, which acts by its
 * name. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "cli/run/run.h"
#include "cli/shared/preload.h"
#include "cli/shared/tell.h"

/* -- the tool itself ------------------------------------------------------ */

/* One file of the tool serves glibc and musl, and has the path of glibc's
 * loader in it. If the kernel finds that loader, it starts the tool. Otherwise
 * this looks for the loader, and executes it with the tool as argument. */

#if defined __x86_64__
#define MACHINE EM_X86_64
#define MUSL "/lib/ld-musl-x86_64.so.1"
#define GLIBC "ld-linux-x86-64.so.2"
#define FOLDER "x86_64-linux-gnu/"
#elif defined __aarch64__
#define MACHINE EM_AARCH64
#define MUSL "/lib/ld-musl-aarch64.so.1"
#define GLIBC "ld-linux-aarch64.so.1"
#define FOLDER "aarch64-linux-gnu/"
#endif

#define STATUS_REFUSED 126
#define STATUS_ABSENT 127
/* Programs have some ten; the loader itself reads only one page of them. */
#define HEADERS_MAX 64
/* The loader, an option and its value, the tool, and the NULL at the end. */
#define LOADER_WORDS 5
/* An older glibc needs these for the tool besides libc.so.6; a newer glibc has
 * them as empty stubs, and `empty` stands in their place (lib/libc/stubs). */
#define THREADS "libpthread.so.0"
#define EMPTY "empty"

struct start {
    char tool[PATH_MAX];
    int argc;
    char **argv;
    int error;                /* the kernel's answer to the last attempt */
    bool lacking;             /* not all libraries of the tool are here */
    char libraries[PATH_MAX]; /* if lacking: where to look for them */
};

/* True where the file is an object for this processor. */
static bool read_header(int fd, ElfW(Ehdr) * header)
{
    static const ElfW(Ehdr)
        want = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
                            ELFDATA2LSB}};

    return pread(fd, header, sizeof(*header), 0) == (ssize_t)sizeof(*header) &&
           memcmp(header->e_ident, want.e_ident, EI_VERSION) == 0 &&
           header->e_machine == MACHINE;
}

/* A root that somebody has put together from the files that programs name may
 * have a newer glibc without the libraries that it keeps for older programs. */
static bool lacks_libraries(void)
{
    static const char *const places[] = {
        "/lib/" FOLDER THREADS, "/lib64/" THREADS, "/usr/lib/" FOLDER THREADS,
        "/usr/lib64/" THREADS,  "/lib/" THREADS,   "/usr/lib/" THREADS};

    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
        if (access(places[i], F_OK) == 0)
            return false;
    return true;
}

/* Executes the tool by that loader; returns if that fails. glibc's loader has
 * an option for the name from 2.33 on, musl's has long had it. */
static void start_by(struct start *start, const char *loader)
{
    static char as[] = "--argv0", name[] = "llmobs", from[] = "--library-path";
    size_t rest = start->argc > 1 ? (size_t)start->argc - 1 : 0;
    char **words, **at, beside[PATH_MAX];
    ElfW(Ehdr) header;
    int fd = loader[0] == '/' ? open(loader, O_RDONLY | O_CLOEXEC) : -1;
    bool is = fd >= 0 && read_header(fd, &header);

    if (fd >= 0)
        close(fd);
    /* Of one for another processor, or another file in its place, the kernel or
     * that loader would print an error. */
    if (!is)
        return;
    at = words = calloc(LOADER_WORDS + rest, sizeof(*words));
    if (!words)
        return;
    *at++ = (char *)loader;
    snprintf(beside, sizeof(beside), "%.*s/" THREADS,
             (int)(strrchr(loader, '/') - loader), loader);
    if (strstr(loader, "/ld-musl-")) {
        *at++ = as;
        *at++ = start->argc > 0 ? start->argv[0] : name;
    } else if (start->lacking && access(beside, F_OK) != 0) {
        *at++ = from;
        *at++ = start->libraries;
    }
    *at++ = start->tool;
    if (rest > 0)
        memcpy(at, start->argv + 1, rest * sizeof(*at));
    execve(loader, words, environ);
    start->error = errno;
    free(words);
}

static bool read_interpreter(int fd, char path[PATH_MAX])
{
    ElfW(Phdr) headers[HEADERS_MAX];
    ElfW(Ehdr) header;
    size_t size;

    if (!read_header(fd, &header) || header.e_phnum > HEADERS_MAX)
        return false;
    size = header.e_phnum * sizeof(*headers);
    if (pread(fd, headers, size, (off_t)header.e_phoff) != (ssize_t)size)
        return false;
    for (size_t i = 0; i < header.e_phnum; i++) {
        size_t len = headers[i].p_filesz;

        if (headers[i].p_type != PT_INTERP || len == 0 || len > PATH_MAX)
            continue;
        return pread(fd, path, len, (off_t)headers[i].p_offset) ==
                   (ssize_t)len &&
               path[len - 1] == '\0';
    }
    return false;
}

/* Some systems (NixOS) have their loader at another path, and at the usual path
 * a program that only prints an error. A program that works on this system has
 * the loader's path in its header: a shell, env, or this process's parent. */
static void start_as(struct start *start, const char *program)
{
    char loader[PATH_MAX];
    int fd = open(program, O_RDONLY | O_CLOEXEC);
    bool has = fd >= 0 && read_interpreter(fd, loader);

    if (fd >= 0)
        close(fd);
    if (has)
        start_by(start, loader);
}

static int start_tool_tell(const char *tool, const char *why, int status)
{
    llmobs_tell("llmobs: %s%s\n", tool, why);
    return status;
}

/* Executes the tool with these arguments, argv[0] included, and the environment
 * unchanged. Returns if the tool cannot be started, after a line on stderr: 127
 * if the tool or a loader is missing, else 126. */
static int start_tool(int argc, char **argv)
{
    static struct start start;
    const char *list = getenv("LD_LIBRARY_PATH");
    int len;

    if (llmobs_preload_tool(start.tool) != 0)
        return start_tool_tell("cannot find its own directory", "",
                               STATUS_ABSENT);
    start.argc = argc;
    start.argv = argv;
    if (lacks_libraries()) {
        /* Includes the user's own list, which the loader's option replaces. */
        len = snprintf(start.libraries, sizeof(start.libraries),
                       "%.*s/" EMPTY "%s%s",
                       (int)(strrchr(start.tool, '/') - start.tool), start.tool,
                       list ? ":" : "", list ? list : "");
        start.lacking = len > 0 && (size_t)len < sizeof(start.libraries);
    } else {
        execve(start.tool, argv, environ);
    }
    start.error = start.lacking ? ENOENT : errno;
    if (access(start.tool, F_OK) != 0)
        return start_tool_tell(start.tool, llmobs_preload_remedy(start.tool),
                               STATUS_ABSENT);
    if (start.error != E2BIG && access(start.tool, X_OK) == 0) {
        static const char *const usual[] = {MUSL,
                                            "/lib/" FOLDER GLIBC,
                                            "/usr/lib/" FOLDER GLIBC,
                                            "/lib/" GLIBC,
                                            "/usr/lib/" GLIBC,
                                            "/lib64/" GLIBC,
                                            "/usr/lib64/" GLIBC};
        char parent[sizeof("/proc/2147483647/exe")];

        start_as(&start, "/bin/sh");
        start_as(&start, "/usr/bin/env");
        for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
            start_by(&start, usual[i]);
        snprintf(parent, sizeof(parent), "/proc/%d/exe", (int)getppid());
        start_as(&start, parent);
    } else if (start.error != E2BIG)
        start.error = EACCES;
    if (start.error == E2BIG || start.error == EACCES) {
        llmobs_tell("llmobs: %s: %s\n", start.tool, strerror(start.error));
        return STATUS_REFUSED;
    }
    return start_tool_tell(start.tool,
                           ": no loader of glibc or musl starts it here",
                           STATUS_ABSENT);
}

/* -- the name ------------------------------------------------------------- */

/* The kernel follows no more links to a program. */
#define LINKS_MAX 40

enum name { TOOL, LAUNCHER, ENTRYPOINT, NAME_COUNT };

static char *const names[NAME_COUNT] = {"llmobs", "llmobs-run",
                                        "llmobs-entrypoint"};

/* NAME_COUNT: an unknown name. */
static enum name name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    enum name name = TOOL;

    while (name < NAME_COUNT &&
           strcmp(slash ? slash + 1 : path, names[name]) != 0)
        name++;
    return name;
}

/* Replaces `path`, a link, by what it leads to; false: not a link. */
static bool follow(char path[PATH_MAX])
{
    char target[PATH_MAX];
    ssize_t len = readlink(path, target, sizeof(target) - 1);
    char *slash = strrchr(path, '/');
    size_t folder;

    if (len <= 0)
        return false;
    target[len] = '\0';
    folder = target[0] != '/' && slash ? (size_t)(slash + 1 - path) : 0;
    if (folder + (size_t)len >= PATH_MAX)
        return false;
    memcpy(path + folder, target, (size_t)len + 1);
    return true;
}

/* The program's name: as it was called; else the name of the executed file, or
 * of a link on the way to that file. Any other name is the launcher's. */
static enum name own_name(const char *called)
{
    const char *file = (const char *)getauxval(AT_EXECFN);
    enum name name = called ? name_of(called) : NAME_COUNT;
    char path[PATH_MAX] = "";

    if (file && strlen(file) < sizeof(path))
        strcpy(path, file);
    for (int i = 0; i < LINKS_MAX && name == NAME_COUNT; i++) {
        name = name_of(path);
        if (name == NAME_COUNT && !follow(path))
            return LAUNCHER;
    }
    return name == NAME_COUNT ? LAUNCHER : name;
}

int main(int argc, char **argv)
{
    enum name name = own_name(argc > 0 ? argv[0] : NULL);

    if (name == TOOL && (argc < 2 || strcmp(argv[1], "run") != 0))
        return start_tool(argc, argv);
    if (name == TOOL) {
        argv[1] = (char[]){"llmobs run"};
        return llmobs_cmd_run(argc - 1, argv + 1);
    }
    if (argc < 1)
        return llmobs_cmd_run(1, (char *[]){names[name], NULL});
    argv[0] = names[name];
    return llmobs_cmd_run(argc, argv);
}
