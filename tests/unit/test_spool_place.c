/* The files of a process in the spool, and its name there. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log/spool_file.h"
#include "tests/unit/spool_case.h"

/* All that is in the spool goes, and the process ends. */
static void end_with(const struct llmobs_spooled *list, size_t count)
{
    llmobs_spool_set_ending(spool);
    llmobs_spool_release(spool, list, count);
    llmobs_spool_close(spool);
}

UNIT_FIXTURE(spool_begin, spool_end);

TEST(test_names)
{
    static const char *const good[] = {"o.1-0-a-1", "o.77-88-ff-4294967295",
                                       "r.1-2-3.4.5-6-7-8",
                                       "c.1-2-3.4026531836.5-6-7-8"};
    static const char *const bad[] = {"",
                                      "o.",
                                      "1-2-3",
                                      "o.1-2-3",
                                      "o.1-2-3-0",
                                      "o.1-2-3-1x",
                                      "o.01-2-3-1",
                                      "x.1-2-3-1",
                                      "c.1-2-3-4",
                                      "c.1-2-3.4",
                                      "c.1-2-3..5-6-7-8",
                                      "usage",
                                      "o.1-2-3-4.5",
                                      "rejected.jsonl"};
    struct llmobs_spool_name name;
    char again[LLMOBS_SPOOL_NAME_MAX];

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        ck_assert(llmobs_spool_name_parse(good[i], &name));
        llmobs_spool_name_write(&name, again);
        ck_assert_str_eq(again, good[i]);
    }
    ck_assert_uint_eq(name.by.nonce, 3);
    ck_assert_uint_eq(name.by_pidns, 4026531836);
    ck_assert_uint_eq(name.who.start, 6);
    ck_assert_uint_eq(name.file, 8);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        ck_assert(!llmobs_spool_name_parse(bad[i], &name));
}

/* A file in which an entry is left stays. */
TEST(test_not_empty)
{
    struct llmobs_spooled one = spool_keep(1), two = spool_keep(1);

    end_with(&one, 1);
    ck_assert_int_eq(spool_files(), 1);
    ck_assert(llmobs_spool_has(spool, &two));
    end_with(&two, 1);
    ck_assert_int_eq(spool_dirs(), 0);
}

/* A call that ends after the exit handler has a file of its own. */
TEST(test_after_the_end)
{
    struct llmobs_spooled one = spool_keep(1), two;

    end_with(&one, 1);
    ck_assert_int_eq(spool_dirs(), 0);
    two = spool_keep(1);
    ck_assert_int_eq(spool_dirs(), 1);
    ck_assert(llmobs_spool_has(spool, &two));
    end_with(&two, 1);
    ck_assert_int_eq(spool_dirs(), 0);
}

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
 * file that was removed. */
TEST(test_ends_beside_calls)
{
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, end_often, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(spool_dirs(), 0);
}

/* A mask that takes the app's own rights from its files. */
TEST(test_any_mask)
{
    mode_t mask = umask(0777);
    struct llmobs_spooled list[] = {spool_keep(1), spool_keep(2)};
    char path[PATH_MAX];
    struct stat st;

    umask(mask);
    llmobs_spool_file_path(spool_prefix(), 1, path);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert(llmobs_spool_has(spool, &list[1]));
    end_with(list, 2);
    ck_assert_int_eq(spool_dirs(), 0);
}
