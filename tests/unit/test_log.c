/* Tests the log. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/dirs.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/span/secrets.h"
#include "tests/unit/unit.h"

static char path[64];

static void begin(enum llmobs_log_level level)
{
    snprintf(path, sizeof(path), "/tmp/llmobs-log-%ld", (long)getpid());
    unlink(path);
    llmobs_log_init(path, level);
}

static char *content(void)
{
    static char text[256 * 1024];
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void end(void)
{
    unlink(path);
    llmobs_log_init(NULL, LLMOBS_LOG_OFF);
}

TEST(writes_by_level)
{
    begin(LLMOBS_LOG_WARN);
    ck_assert(llmobs_log_on(LLMOBS_LOG_ERROR));
    ck_assert(!llmobs_log_on(LLMOBS_LOG_INFO));
    llmobs_log(LLMOBS_LOG_WARN, "seen %d", 42);
    llmobs_log(LLMOBS_LOG_INFO, "unseen");
    ck_assert_ptr_nonnull(strstr(content(), " warn seen 42\n"));
    ck_assert_ptr_null(strstr(content(), "unseen"));
    end();
}

TEST(lines_are_filtered)
{
    begin(LLMOBS_LOG_WARN);
    llmobs_log_filter(llmobs_secrets_mask);
    llmobs_log(LLMOBS_LOG_WARN, "no host https://u:abc@h/?key=%s", "abcdef");
    llmobs_log_filter(NULL);
    ck_assert_ptr_nonnull(strstr(content(), "no host https://*****@h/?key="));
    ck_assert_ptr_null(strstr(content(), "abc"));
    end();
}

TEST(says_when)
{
    int year, month, day, hour, minute, second, ms;
    char want[32];
    time_t now;
    struct tm tm;

    begin(LLMOBS_LOG_INFO);
    llmobs_log(LLMOBS_LOG_INFO, "x");
    ck_assert_int_eq(sscanf(content(), "%d-%d-%dT%d:%d:%d.%dZ", &year, &month,
                            &day, &hour, &minute, &second, &ms),
                     7);
    now = time(NULL);
    gmtime_r(&now, &tm);
    snprintf(want, sizeof(want), "%04d-%02d-%02d", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday);
    ck_assert_int_eq(strncmp(content(), want, 10), 0);
    end();
}

TEST(a_line_is_one_line)
{
    char *big = malloc(100000);

    begin(LLMOBS_LOG_INFO);
    llmobs_log(LLMOBS_LOG_INFO, "%s",
               "one\ntwo\rthree\x1b[31m \xc2\x9b\x33\x31m \xc2\xa0\xc3\x9b");
    ck_assert_ptr_nonnull(
        strstr(content(), "one two three [31m   31m \xc2\xa0\xc3\x9b\n"));
    memset(big, 'y', 99999);
    big[99999] = '\0';
    llmobs_log(LLMOBS_LOG_INFO, "%s", big);
    ck_assert_uint_le(strlen(strchr(content(), '\n') + 1), LLMOBS_LOG_LINE_MAX);
    ck_assert_int_eq(content()[strlen(content()) - 1], '\n');
    free(big);
    end();
}

TEST(once_is_once)
{
    char cause[8];

    begin(LLMOBS_LOG_INFO);
    strcpy(cause, "c1");
    for (int i = 0; i < 3; i++) {
        llmobs_log_once(LLMOBS_LOG_INFO, "c1", "first");
        llmobs_log_once(LLMOBS_LOG_INFO, cause, "first again");
        llmobs_log_once(LLMOBS_LOG_INFO, "c2", "second");
        llmobs_log_once(LLMOBS_LOG_DEBUG, "c3", "unseen");
    }
    ck_assert_ptr_null(strstr(content(), "again"));
    ck_assert_ptr_null(strstr(strstr(content(), "first") + 1, "first"));
    ck_assert_ptr_null(strstr(strstr(content(), "second") + 1, "second"));
    end();
}

TEST(only_a_file_of_ours)
{
    struct stat st;
    char link_path[80];
    int reader;

    begin(LLMOBS_LOG_INFO);
    llmobs_log(LLMOBS_LOG_INFO, "x");
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    snprintf(link_path, sizeof(link_path), "%s.link", path);
    unlink(link_path);
    ck_assert_int_eq(symlink(path, link_path), 0);
    llmobs_log_init(link_path, LLMOBS_LOG_INFO);
    llmobs_log(LLMOBS_LOG_INFO, "through a link");
    unlink(link_path);
    ck_assert_int_eq(mkfifo(link_path, 0600), 0);
    llmobs_log(LLMOBS_LOG_INFO, "into a pipe");
    reader = open(link_path, O_RDWR | O_NONBLOCK);
    llmobs_log(LLMOBS_LOG_INFO, "into a pipe that is read");
    ck_assert_int_lt((int)read(reader, link_path, 1), 0);
    close(reader);
    unlink(link_path);
    ck_assert_ptr_null(strstr(content(), "through"));
    llmobs_log_init("/proc/self/fd/2", LLMOBS_LOG_INFO);
    llmobs_log(LLMOBS_LOG_INFO, "must not be seen");
    llmobs_log_init("/nowhere/at/all", LLMOBS_LOG_INFO);
    errno = 1234;
    llmobs_log(LLMOBS_LOG_INFO, "gone");
    ck_assert_int_eq(errno, 1234);
    end();
}

/* Another user could have made root write to a file of the system. */
TEST(no_file_of_another)
{
    char dir[] = "/tmp/llmobs-log-XXXXXX", way[64], other[64], second[64];

    begin(LLMOBS_LOG_INFO);
    llmobs_log(LLMOBS_LOG_INFO, "first");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(way, sizeof(way), "%s/way", dir);
    snprintf(other, sizeof(other), "%s/way/log", dir);
    snprintf(second, sizeof(second), "%s/second", dir);
    ck_assert_int_eq(link(path, second), 0);
    llmobs_log(LLMOBS_LOG_INFO, "two names");
    unlink(second);
    llmobs_log(LLMOBS_LOG_INFO, "one name");
    ck_assert_ptr_null(strstr(content(), "two names"));
    ck_assert_ptr_nonnull(strstr(content(), "one name"));
    ck_assert_int_eq(symlink(dir, way), 0);
    llmobs_log_init(other, LLMOBS_LOG_INFO);
    llmobs_log(LLMOBS_LOG_INFO, "by a link of ours");
    ck_assert_int_eq(unlink(other), 0);
    if (geteuid() == 0) {
        int fd;

        ck_assert_int_eq(lchown(way, 12345, (gid_t)-1), 0);
        llmobs_log(LLMOBS_LOG_INFO, "by a link of another");
        ck_assert_int_ne(access(other, F_OK), 0);
        fd = llmobs_file_append(way);
        ck_assert_int_lt(fd, 0);
        ck_assert_int_eq(llmobs_dirs_have(way, true, &fd), -EPERM);
        ck_assert_int_eq(chown(path, 12345, (gid_t)-1), 0);
        llmobs_log_init(path, LLMOBS_LOG_INFO);
        llmobs_log(LLMOBS_LOG_INFO, "for another");
        ck_assert_ptr_null(strstr(content(), "for another"));
    }
    unlink(way);
    rmdir(dir);
    end();
}

static void *log_many(void *arg)
{
    for (int i = 0; i < 200; i++) {
        llmobs_log(LLMOBS_LOG_INFO, "%s-%d.", (const char *)arg, i);
        llmobs_log_once(LLMOBS_LOG_INFO, "race", "only one");
    }
    return NULL;
}

TEST(threads_share_it)
{
    static char names[4][2] = {"a", "b", "c", "d"};
    pthread_t threads[4];
    int lines = 0;

    begin(LLMOBS_LOG_INFO);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, log_many, names[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (const char *at = content(); *at; at++)
        lines += *at == '\n';
    ck_assert_int_eq(lines, 4 * 200 + 1);
    end();
}
