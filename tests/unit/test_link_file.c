/* The file by which processes share what they link, whole, damaged and missing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/sanitizer.h"
#include "lib/base/stats.h"
#include "tests/unit/link_case.h"

TEST(processes_share_a_file)
{
    struct stat st;

    link_begin_file();
    TURN_AS(1, "[" USER "]", ASKED, BODY, .failed = false);
    link_next_process();
    ck_assert_str_eq(TURN(2, BROUGHT, "[" STORY "]"), "1");
    link_next_process();
    TURN(3, FIRST, "[" HELLO "]");
    link_next_process();
    ck_assert_str_eq(TURN(4, SECOND_TURN, NULL), "3:turn");
    TURN_AS(5, NULL, NULL, .body = "x", .failed = true);
    link_next_process();
    ck_assert_str_eq(TURN_AS(6, NULL, NULL, .body = "x"), "5:retry_of");
    link_next_process();
    ck_assert_str_eq(TURN_AS(7, NULL, NULL, .body = "x"), "");
    TURN_AS(8, "[" USER "]", "[" CALLS(OTHER, "mail") "]", INFER, .parent = 3);
    for (uint64_t i = 0; i < 2; i++) {
        link_next_process();
        ck_assert_str_eq(TURN_AS(9 + i,
                                 "[" USER
                                 "," CALLS(OTHER, "mail") "," BRINGS(OTHER) "]",
                                 NULL, INFER),
                         "T1");
        ck_assert_uint_eq(link_tools.count, i == 0);
    }
    ck_assert_int_eq(stat(link_path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    ck_assert_int_le(st.st_size, LLMOBS_LINK_FILE_SIZE);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_link_file_failed), 0);
    link_end_file();
}

static void write_at(off_t at, const void *data, size_t len)
{
    int fd = open(link_path, O_RDWR);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, data, len, at), (ssize_t)len);
    close(fd);
}

static void flip(off_t at)
{
    char byte;
    int fd = open(link_path, O_RDONLY);

    ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
    close(fd);
    byte ^= 0x55;
    write_at(at, &byte, 1);
}

static bool is_used(off_t at)
{
    static const char none[8];
    char bytes[sizeof(none)] = "";
    int fd = open(link_path, O_RDONLY);

    ck_assert_int_ge(pread(fd, bytes, sizeof(bytes), at), 1);
    close(fd);
    return memcmp(bytes, none, sizeof(none)) != 0;
}

/* Each byte that changes costs a link at most. Under a sanitizer, which makes
 * this last ten times as long, a ninth of those that nobody uses change. */
TEST(damaged_files)
{
    const char *found;
    struct stat st;
    size_t lost = 0;

    link_begin_file();
    for (off_t at = 0; at < 48; at++) {
        TURN(1, "[" USER "]", ASKED);
        flip(at);
        link_next_process();
        ck_assert_str_eq(TURN(2, BROUGHT, NULL), "");
        unlink(link_path);
    }
    TURN(1, "[" USER "]", ASKED);
    ck_assert_int_eq(stat(link_path, &st), 0);
    for (off_t at = LLMOBS_LINK_ROW * 72; at < st.st_size; at += 8) {
        if (LLMOBS_ASAN && at % 72 != 0 && !is_used(at))
            continue;
        flip(at);
        link_next_process();
        found = TURN(2, BROUGHT, NULL);
        ck_assert_msg(!*found || strcmp(found, "1") == 0 ||
                          strcmp(found, "1:turn") == 0,
                      "%s", found);
        lost += strcmp(found, "1") != 0;
        flip(at);
    }
    ck_assert_uint_ge(lost, 9);
    for (off_t size = 0; size < 64; size += 7) {
        ck_assert_int_eq(truncate(link_path, size), 0);
        link_next_process();
        ck_assert_str_eq(TURN(3, BROUGHT, NULL), "");
        TURN(1, "[" USER "]", ASKED);
        ck_assert_str_eq(TURN(3, BROUGHT, NULL), "1");
    }
    link_end_file();
}

/* Without the file there are the links of the process itself. */
TEST(files_that_cannot_be_used)
{
    char other[sizeof(link_path) + 8];
    uint64_t failed;

    link_begin_file();
    snprintf(other, sizeof(other), "%s.other", link_path);
    ck_assert_int_eq(symlink(other, link_path), 0);
    failed = llmobs_stats_get(LLMOBS_STAT_link_file_failed);
    TURN(1, "[" USER "]", ASKED);
    ck_assert_str_eq(TURN(2, BROUGHT, NULL), "1");
    ck_assert_uint_gt(llmobs_stats_get(LLMOBS_STAT_link_file_failed), failed);
    ck_assert_int_ne(access(other, F_OK), 0);
    unlink(link_path);
    ck_assert_int_eq(mkfifo(link_path, 0600), 0);
    ck_assert_str_eq(TURN(3, BROUGHT, NULL), "1");
    unlink(link_path);
    ck_assert_int_eq(mkdir(link_path, 0700), 0);
    ck_assert_str_eq(TURN(4, BROUGHT, NULL), "1");
    rmdir(link_path);
    /* A second name. */
    link_next_process();
    TURN(1, "[" USER "]", ASKED);
    ck_assert_int_eq(link(link_path, other), 0);
    ck_assert_str_eq(TURN(5, BROUGHT, NULL), "");
    unlink(other);
    ck_assert_str_eq(TURN(6, BROUGHT, NULL), "1");
    /* No directory: no spool, and nothing to count. */
    failed = llmobs_stats_get(LLMOBS_STAT_link_file_failed);
    llmobs_linker_set_file(&linker, "/nonexistent/links.0");
    ck_assert_str_eq(TURN(7, BROUGHT, NULL), "");
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_link_file_failed), failed);
    link_end_file();
}

/* The app's own limit of file sizes: no signal, no file. */
TEST(limits_of_file_sizes)
{
    const struct rlimit small = {4096, 4096};
    struct stat st;

    link_begin_file();
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    TURN(1, "[" USER "]", ASKED);
    ck_assert_str_eq(TURN(2, BROUGHT, NULL), "1");
    ck_assert_int_eq(stat(link_path, &st), 0);
    ck_assert_int_eq(st.st_size, 0);
    link_end_file();
}
