/* Tests patterns of file names. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor/find_files.h"
#include "tests/unit/unit.h"

static struct llmobs_allowance plenty = {.left = LLMOBS_ALLOWANCE_MAX};

static void make(const char *dir, const char *name)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (name[strlen(name) - 1] == '/') {
        ck_assert_int_eq(mkdir(path, 0700), 0);
        return;
    }
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
}

static void make_some(char dir[UNIT_DIRECTORY])
{
    static const char *const names[] = {"a1/",       "a1/x.so", "a1/.x.so",
                                        "a1/x.so.1", "b1/",     "b1/y.so",
                                        "a2/",       "a2/y.so", "a3"};

    unit_directory(dir);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        make(dir, names[i]);
}

static bool count(void *ctx, const char *path)
{
    int *left = ctx;

    ck_assert_int_eq(path[0], '/');
    return --*left != 0;
}

/* How many it finds below the directory, where no more than `most` are wanted.
 */
static int found(const char *dir, const char *below, int most,
                 struct llmobs_allowance *allowance)
{
    char pattern[256];
    int left = most;

    snprintf(pattern, sizeof pattern, "%s%s", dir, below);
    llmobs_find_files(pattern, allowance, count, &left);
    return most - left;
}

TEST(by_a_pattern)
{
    static const struct {
        const char *pattern;
        int count;
    } rows[] = {{"/a*/*.so", 2},    {"/a1/x.so", 1}, {"/a1/none.so", 0},
                {"//a1//*.so", 1},  {"/*/y.s?", 2},  {"/[ab]1/?.so", 2},
                {"/a[!1]/*.so", 1}, {"/a3/*", 0},    {"/none/*", 0},
                {"/*", 4},          {"/a1/.x*", 1},  {"/a1/*", 2},
                {"/a*/../b1/*", 2}};
    char dir[UNIT_DIRECTORY], name[300];
    int none = 9;

    make_some(dir);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(found(dir, rows[i].pattern, 9, &plenty) == rows[i].count,
                      "%s", rows[i].pattern);
    ck_assert_int_eq(found(dir, "/*/*", 2, &plenty), 2);
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    llmobs_find_files(name, &plenty, count, &none);
    llmobs_find_files("", &plenty, count, &none);
    ck_assert_int_eq(none, 9);
    unit_remove(dir);
}

/* With "." and "..", a directory of a1 has five entries. */
TEST(within_a_budget)
{
    char dir[UNIT_DIRECTORY];

    make_some(dir);
    for (uint64_t entries = 0; entries < 5; entries++) {
        struct llmobs_allowance little = {.left =
                                              entries * LLMOBS_FIND_FILES_COST};

        ck_assert_int_le(found(dir, "/a1/*", 9, &little), (int)entries);
        ck_assert(little.spent);
        ck_assert_int_lt((int)little.left, LLMOBS_FIND_FILES_COST);
    }
    unit_remove(dir);
}
