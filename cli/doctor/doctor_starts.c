/* Programs that a command may start, as far as files show them. */
#include "cli/doctor/doctor.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor/find_files.h"
#include "lib/base/glob.h"
#include "lib/base/tls_auto.h"

#define ENTRIES_MAX 100000
#define LEAST_SIZE                                            \
    ((off_t)1024 * 1024) /* no smaller program has TLS inside \
                          */

#define STATIC \
    true, "is static: none of its calls is seen", LLMOBS_DOCTOR_INTERCEPT

/* Programs that are out of reach, wholly or in part, by a text in them. */
static const struct kind {
    const char *text;
    bool alone; /* only where the program is static */
    const char *what, *remedy;
} kinds[] = {
    {"---- Bun! ----", false,
     "has Bun's TLS inside: its calls by https:// are not seen",
     LLMOBS_DOCTOR_INTERCEPT},
    {"NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:1", false,
     "is a Node of its own: calls by an addon that has a TLS library inside "
     "are not seen",
     LLMOBS_DOCTOR_INTERCEPT "; LLMOBS_TLS=on observes its others"},
    {"api.openai.com", STATIC},
    {"api.anthropic.com", STATIC},
};

static struct llmobs_doctor *asking; /* nftw hands nothing on */
static int left;
static char other[PATH_MAX]; /* the first program that is none of these */

/* `by` is "" for the program itself, of which other lines say the rest. */
static void look_into(struct llmobs_doctor *doctor, const char *path,
                      const char *by)
{
    static struct llmobs_object object;
    const struct kind *end = kinds + sizeof(kinds) / sizeof(*kinds);
    const struct kind *kind = kinds;

    if (llmobs_object_open(&object, AT_FDCWD, path, &doctor->allowance, NULL) !=
        0)
        return;
    while (kind < end &&
           !(object.program && (!kind->alone || object.interp[0] == '\0') &&
             llmobs_object_has(&object, kind->text)))
        kind++;
    if (kind < end && (*by != '\0' || kind == &kinds[1]))
        LLMOBS_WARN("reach", kind->remedy, "%s%s %s", path, by, kind->what);
    else if (kind == end && object.program && other[0] == '\0')
        snprintf(other, sizeof(other), "%s", path);
    llmobs_object_close(&object);
}

static int look_at(const char *path, const struct stat *st, int type,
                   struct FTW *ftw)
{
    (void)ftw;
    if (type == FTW_F && st->st_mode & S_IXUSR && st->st_size >= LEAST_SIZE)
        look_into(asking, path, ", which the script may start,");
    return --left == 0;
}

static bool walk(void *ctx, const char *path)
{
    char root[PATH_MAX]; /* pnpm has a link there */

    (void)ctx;
    return realpath(path, root) && nftw(root, look_at, 16, FTW_PHYS) == 0;
}

/* Looks at the package of the script, with the packages in it, and those beside
 * it that hold a platform's programs: NAME-linux-x64 beside NAME. A script that
 * is in no installed package has its packages in a directory above. */
static void walk_package(struct llmobs_doctor *doctor, const char *script)
{
    char root[PATH_MAX], path[PATH_MAX + 16], *slash;
    bool installed, has_packages = false, is_package = false;

    if (!realpath(script, root))
        return;
    installed = strstr(root, "/node_modules/") != NULL;
    while (!has_packages && !(is_package && installed)) {
        slash = strrchr(root, '/');
        *slash = '\0';
        if (slash == root)
            return;
        snprintf(path, sizeof(path), "%s/package.json", root);
        is_package = access(path, F_OK) == 0;
        snprintf(path, sizeof(path), "%s/node_modules", root);
        has_packages = access(path, F_OK) == 0;
    }
    left = ENTRIES_MAX;
    if (walk(NULL, root) && installed) {
        snprintf(path, sizeof(path), "%s-*", root);
        llmobs_find_files(path, &doctor->allowance, walk, NULL);
    }
    if (left <= 0)
        LLMOBS_ASK("reach", "%s has too many files to look at all", root);
    else if (other[0] != '\0')
        LLMOBS_ASK("reach",
                   "%s, which the script may start, is a program whose calls "
                   "were not looked at",
                   other);
}

void llmobs_doctor_starts(struct llmobs_doctor *doctor)
{
    const struct llmobs_program *program = &doctor->program;
    const char *script =
        program->script[0] != '\0' ? program->script : doctor->argument;

    asking = doctor;
    if (!llmobs_glob_listed(LLMOBS_NODE, llmobs_program_base(program->file)))
        look_into(doctor, program->file, "");
    else if (script && !program->shell)
        walk_package(doctor, script);
}
