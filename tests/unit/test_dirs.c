/* Tests directories that other users may try to replace. */
#include "lib/base/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* Somebody with rights in the parent, who acts just after a directory was
 * made: moves it away, and makes a link of its name to `lead_to`, or moves
 * `lead_to` itself there. */
static const char *lead_to;
static bool moves;

int mkdirat(int parent, const char *name, mode_t mode)
{
    int rc = (int)syscall(SYS_mkdirat, parent, name, mode);

    if (rc == 0 && lead_to) {
        ck_assert_int_eq(renameat(parent, name, parent, "away"), 0);
        ck_assert_int_eq(moves ? renameat(AT_FDCWD, lead_to, parent, name)
                               : symlinkat(lead_to, parent, name),
                         0);
    }
    return rc;
}

static unsigned mode_of(const char *path)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    return st.st_mode & 07777;
}

/* Gives what became of a directory at `path` under `mask`, and the mode of the
 * directory that a link leads to in between. */
static unsigned led(const char *path, mode_t mask, int *rc)
{
    char victim[UNIT_DIRECTORY];
    unsigned mode;
    int fd = -1;

    unit_directory(victim);
    ck_assert_int_eq(chmod(victim, 0751), 0);
    lead_to = victim;
    mask = umask(mask);
    *rc = llmobs_dirs_have(path, false, &fd);
    umask(mask);
    lead_to = NULL;
    if (*rc == 0)
        close(fd);
    mode = mode_of(victim);
    unit_remove(victim);
    return mode;
}

TEST(a_link_in_between)
{
    static const mode_t masks[] = {0, 0077, 0300, 0777};
    static const char *const names[] = {"llmobs", "llmobs/below", "other",
                                        "other/llmobs"};

    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
        for (size_t j = 0; j < sizeof names / sizeof *names; j++) {
            char dir[UNIT_DIRECTORY], path[PATH_MAX];
            int rc;

            unit_directory(dir);
            snprintf(path, sizeof path, "%s/%s", dir, names[j]);
            ck_assert_uint_eq(led(path, masks[i], &rc), 0751);
            if (j < 2)
                ck_assert_int_lt(rc, 0);
            unit_remove(dir);
        }
}

/* Root's commands too leave another user's directory as it is. */
TEST(anothers_in_between)
{
    char dir[UNIT_DIRECTORY], path[PATH_MAX], other[PATH_MAX];
    mode_t mask;
    int parent;

    if (geteuid() != 0)
        return;
    unit_directory(dir);
    snprintf(other, sizeof other, "%s/other", dir);
    ck_assert_int_eq(mkdir(other, 0751), 0);
    ck_assert_int_eq(chmod(other, 0051), 0);
    ck_assert_int_eq(chown(other, 65534, 65534), 0);
    snprintf(path, sizeof path, "%s/made", dir);
    parent = open(dir, O_PATH | O_DIRECTORY);
    lead_to = other;
    moves = true;
    mask = umask(0700);
    ck_assert_int_eq(llmobs_dirs_make(parent, "made"), -EPERM);
    umask(mask);
    lead_to = NULL;
    ck_assert_uint_eq(mode_of(path), 0051);
    close(parent);
    unit_remove(dir);
}

TEST(under_any_mask)
{
    static const mode_t masks[] = {0, 0022, 0077, 0200, 0300, 0700, 0777};

    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        char dir[UNIT_DIRECTORY], path[PATH_MAX];
        mode_t mask;
        int rc, fd = -1;

        unit_directory(dir);
        snprintf(path, sizeof path, "%s/a/b/llmobs/c", dir);
        mask = umask(masks[i]);
        rc = llmobs_dirs_have(path, false, &fd);
        umask(mask);
        ck_assert_int_eq(rc, 0);
        close(fd);
        ck_assert_uint_eq(mode_of(path), 0700);
        snprintf(path, sizeof path, "%s/a", dir);
        ck_assert_uint_eq(mode_of(path), 0700);
        ck_assert_int_eq(llmobs_dirs_make(AT_FDCWD, path), -EEXIST);
        unit_remove(dir);
    }
}
