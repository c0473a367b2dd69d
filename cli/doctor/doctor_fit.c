#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"

#define LIBC "libc.so.6"
#define GLIBC "GLIBC_2."

/* The release in "GLIBC_2.34", where that is the whole text; 0: it is not. */
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

/* The newest release of glibc that the file names; 0: none. */
static long newest_in(const struct llmobs_object *object)
{
    long newest = 0;

    llmobs_object_find(object, GLIBC, note, &newest);
    return newest;
}

/* The newest release that the core beside the shim asks for. */
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

/* The C library that the program gets, by its loader's rules; its path too. */
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

void llmobs_doctor_fit(struct llmobs_doctor *doctor,
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
