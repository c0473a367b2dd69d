/* The directory of a process in the spool: its own, or one that was spare. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log/process_dir.h"
#include "core/log/spool_file.h"
#include "tests/unit/spool_case.h"

/* All that is in the spool goes, and the process ends. */
static void end_with(const struct llmobs_spooled *list, size_t count)
{
    llmobs_spool_ending(spool);
    llmobs_spool_release(spool, list, count);
    llmobs_spool_close(spool);
}

static void path_of(const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", place, name);
}

START_TEST(test_given_and_taken)
{
    struct llmobs_spooled one = spool_keep(1);
    char path[128];
    struct stat before, after;

    ck_assert_int_eq(stat(llmobs_spool_path(spool), &before), 0);
    end_with(&one, 1);
    ck_assert_int_eq(spool_dirs(), 0);
    ck_assert(spool_holds(LLMOBS_SPOOL_SPARE));
    llmobs_spool_reset(spool);
    one = spool_keep(1);
    ck_assert_int_eq(spool_dirs(), 1);
    ck_assert(!spool_holds(LLMOBS_SPOOL_SPARE));
    ck_assert_int_eq(stat(llmobs_spool_path(spool), &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    ck_assert(llmobs_spool_has(spool, &one));
    end_with(&one, 1);
    path_of(LLMOBS_SPOOL_SPARE, path);
    ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

/* There is one already: it is replaced, or ours goes. */
START_TEST(test_one_spare_alone)
{
    struct llmobs_spooled one = spool_keep(1);
    char path[128];

    path_of(LLMOBS_SPOOL_SPARE, path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    end_with(&one, 1);
    ck_assert_int_eq(spool_dirs(), 0);
    ck_assert_int_eq(rmdir(path), 0);
    llmobs_spool_reset(spool);
    one = spool_keep(1);
    ck_assert_int_eq(close(open(path, O_WRONLY | O_CREAT, 0600)), 0);
    end_with(&one, 1);
    ck_assert_int_eq(spool_dirs(), 0);
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* The spool neither uses nor moves what somebody else has put there. */
START_TEST(test_unfit)
{
    struct llmobs_spooled one;
    char path[128];
    struct stat st;

    ck_assert_int_eq(mkdir(place, 0700), 0);
    path_of(LLMOBS_SPOOL_SPARE, path);
    for (int kind = 0; kind < 3; kind++) {
        ck_assert_int_eq(kind == 0   ? mkdir(path, 0700) | chmod(path, 0755)
                         : kind == 1 ? symlink(base, path)
                                     : mkfifo(path, 0600),
                         0);
        llmobs_spool_reset(spool);
        one = spool_keep(1);
        ck_assert_int_eq(spool_dirs(), 1);
        ck_assert(spool_holds(LLMOBS_SPOOL_SPARE));
        ck_assert_int_eq(stat(llmobs_spool_path(spool), &st), 0);
        ck_assert_uint_eq(st.st_mode & 07777, 0700);
        ck_assert_int_eq(kind == 0 ? rmdir(path) : unlink(path), 0);
        end_with(&one, 1);
        ck_assert_int_eq(spool_dirs(), 0);
        ck_assert_int_eq(rmdir(path), 0);
    }
}
END_TEST

/* A file that is left, or is somebody's, keeps the directory where it is. */
START_TEST(test_not_empty)
{
    struct llmobs_spooled one = spool_keep(1), two = spool_keep(1);
    char dir[128], path[160];

    end_with(&one, 1);
    ck_assert_int_eq(spool_dirs(), 1);
    ck_assert(!spool_holds(LLMOBS_SPOOL_SPARE));
    ck_assert(llmobs_spool_has(spool, &two));
    snprintf(dir, sizeof(dir), "%s", llmobs_spool_path(spool));
    snprintf(path, sizeof(path), "%s/theirs", dir);
    ck_assert_int_eq(close(open(path, O_WRONLY | O_CREAT, 0600)), 0);
    end_with(&two, 1);
    ck_assert_int_eq(spool_dirs(), 1);
    ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

/* A call that ends after the exit handler finds its directory given. */
START_TEST(test_after_the_end)
{
    struct llmobs_spooled one = spool_keep(1), two;
    char spare[128];

    end_with(&one, 1);
    ck_assert_str_eq(llmobs_spool_path(spool), "");
    two = spool_keep(1);
    ck_assert_int_eq(spool_dirs(), 1);
    ck_assert(llmobs_spool_has(spool, &two));
    path_of(LLMOBS_SPOOL_SPARE, spare);
    ck_assert_int_eq(rmdir(spare), 0);
    end_with(&two, 1);
    ck_assert_int_eq(spool_dirs(), 0);
}
END_TEST

/* An entry that is not released is no reason to look at the disk. */
START_TEST(test_not_idle)
{
    struct llmobs_spooled one = spool_keep(1);
    char path[PATH_MAX];

    llmobs_spool_file_path(llmobs_spool_path(spool), 1, path);
    ck_assert_int_eq(unlink(path), 0);
    llmobs_spool_ending(spool);
    llmobs_spool_close(spool);
    ck_assert_int_eq(spool_dirs(), 1);
    ck_assert(!spool_holds(LLMOBS_SPOOL_SPARE));
    end_with(&one, 1);
    ck_assert_int_eq(spool_dirs(), 0);
}
END_TEST

/* Like the worker's turn: one thread delivers, or closes, at a time. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void *end_often(void *arg)
{
    for (int i = 0; i < 300; i++) {
        struct llmobs_spooled one = spool_keep_patiently(1);

        pthread_mutex_lock(&turn);
        end_with(&one, 1);
        pthread_mutex_unlock(&turn);
    }
    return arg;
}

/* Calls of several threads that all end after the exit handler: none is in a
 * directory that was given. */
START_TEST(test_ends_beside_calls)
{
    pthread_t threads[4];
    char path[128];

    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, end_often, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(spool_dirs(), 0);
    path_of(LLMOBS_SPOOL_SPARE, path);
    ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

/* Somebody has made what we are about to make again. */
START_TEST(test_made_twice)
{
    struct llmobs_spooled one = spool_keep(1);
    char dir[160];

    snprintf(dir, sizeof(dir), "%s", llmobs_spool_path(spool));
    end_with(&one, 1);
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    ck_assert(llmobs_spool_is_at(spool, dir));
    one = spool_keep(1);
    ck_assert(llmobs_spool_has(spool, &one));
    ck_assert_str_eq(llmobs_spool_path(spool), dir);
    end_with(&one, 1);
    ck_assert_int_eq(spool_dirs(), 0);
}
END_TEST

/* A mask that takes the app's own rights from its files. */
START_TEST(test_any_mask)
{
    mode_t mask = umask(0777);
    struct llmobs_spooled list[] = {spool_keep(1), spool_keep(2)};
    char path[PATH_MAX];
    struct stat st;

    umask(mask);
    llmobs_spool_file_path(llmobs_spool_path(spool), 1, path);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert(llmobs_spool_has(spool, &list[1]));
    end_with(list, 2);
    ck_assert_int_eq(spool_dirs(), 0);
}
END_TEST

UNIT_SUITE(spool_place)
{
    Suite *s = suite_create("spool_place");

    spool_add(s, "any_mask", test_any_mask);
    spool_add(s, "given_and_taken", test_given_and_taken);
    spool_add(s, "one_spare_alone", test_one_spare_alone);
    spool_add(s, "unfit", test_unfit);
    spool_add(s, "not_empty", test_not_empty);
    spool_add(s, "after_the_end", test_after_the_end);
    spool_add(s, "not_idle", test_not_idle);
    spool_add(s, "ends_beside_calls", test_ends_beside_calls);
    spool_add(s, "made_twice", test_made_twice);
    return s;
}
