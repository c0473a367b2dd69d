/* Tests directory listings without malloc. */
#include "lib/base/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* More than one read of the directory gives. */
#define FILES 1200

static void make_files(const char *dir)
{
    for (int i = 0; i < FILES; i++) {
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%s/%d-a-name-of-some-length", dir, i);
        close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
}

/* Notes the names in `seen`; at most `max` of them. */
static int note(struct llmobs_listing *list, bool seen[FILES], int max)
{
    const char *name;
    int count = 0;

    while (count < max && (name = llmobs_listing_next(list))) {
        long i = strtol(name, NULL, 10);

        if (name[0] == '.')
            continue;
        ck_assert_int_lt(i, FILES);
        ck_assert(!seen[i]);
        seen[i] = true;
        count++;
    }
    return count;
}

TEST(each_name_once)
{
    bool seen[FILES] = {false};
    struct llmobs_listing list;
    char dir[UNIT_DIRECTORY];

    unit_directory(dir);
    make_files(dir);
    ck_assert_int_eq(llmobs_listing_open_in(&list, AT_FDCWD, dir), 0);
    ck_assert_int_eq(note(&list, seen, INT_MAX), FILES);
    ck_assert_ptr_null(llmobs_listing_next(&list));
    memset(seen, 0, sizeof seen);
    llmobs_listing_seek(&list, 0);
    ck_assert_int_eq(note(&list, seen, INT_MAX), FILES);
    llmobs_listing_close(&list);
    unit_remove(dir);
}

/* A place holds in another listing, too, and behind names that were removed. */
TEST(goes_on_at_a_place)
{
    bool seen[FILES] = {false};
    struct llmobs_listing list;
    char dir[UNIT_DIRECTORY];
    int64_t next = 0;
    int count = 0, more;

    unit_directory(dir);
    make_files(dir);
    do {
        ck_assert_int_eq(llmobs_listing_open_in(&list, AT_FDCWD, dir), 0);
        llmobs_listing_seek(&list, next);
        more = note(&list, seen, 100);
        next = list.next;
        count += more;
        llmobs_listing_close(&list);
        for (int i = 0; i < FILES; i++) {
            char path[PATH_MAX];

            snprintf(path, sizeof path, "%s/%d-a-name-of-some-length", dir, i);
            if (seen[i])
                unlink(path);
        }
    } while (more);
    ck_assert_int_eq(count, FILES);
    unit_remove(dir);
}

TEST(no_more_than_asked_for)
{
    bool seen[FILES] = {false};
    struct llmobs_listing list;
    char dir[UNIT_DIRECTORY];
    int count = 0;

    unit_directory(dir);
    make_files(dir);
    ck_assert_int_eq(llmobs_listing_open_in(&list, AT_FDCWD, dir), 0);
    list.left = 5;
    while (llmobs_listing_next(&list))
        count++;
    ck_assert_int_eq(count, 5);
    list.left = 1;
    ck_assert_ptr_nonnull(llmobs_listing_next(&list));
    ck_assert_ptr_null(llmobs_listing_next(&list));
    ck_assert_int_eq(note(&list, seen, INT_MAX), 0);
    llmobs_listing_close(&list);
    unit_remove(dir);
}

TEST(no_directory)
{
    struct llmobs_listing list;

    ck_assert_int_eq(llmobs_listing_open(&list, -1), -EBADF);
    ck_assert_int_eq(llmobs_listing_open_in(&list, AT_FDCWD, "/proc/none"),
                     -ENOENT);
    ck_assert_int_eq(llmobs_listing_open_in(&list, AT_FDCWD, "/dev/null"),
                     -ENOTDIR);
    ck_assert_int_eq(
        llmobs_listing_open(&list, open("/dev/null", O_RDONLY | O_CLOEXEC)), 0);
    ck_assert_ptr_null(llmobs_listing_next(&list));
    llmobs_listing_close(&list);
}
