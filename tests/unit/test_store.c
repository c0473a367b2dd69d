/* Tests the local store. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/dirs.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "core/export/store.h"
#include "tests/unit/unit.h"

static char dir[128], file[160];
static struct llmobs_config config;
static struct llmobs_exporter *store;

static void begin(int64_t max)
{
    char base[UNIT_DIRECTORY];

    unit_directory(base);
    snprintf(dir, sizeof(dir), "%s/a/b", base);
    snprintf(file, sizeof(file), "%s/spans.jsonl", dir);
    config = (struct llmobs_config){.store_dir = dir, .store_max = max};
    store = llmobs_store_new(&config);
    ck_assert_ptr_nonnull(store);
}

static void end(void)
{
    store->ops->free(store);
    *strrchr(dir, '/') = '\0';
    *strrchr(dir, '/') = '\0';
    unit_remove(dir);
}

static int send_one(const char *text)
{
    struct llmobs_text event = {text, strlen(text)};

    return store->ops->send(store, &event, 1);
}

static char *content(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t len = 0;
    ssize_t n;

    if (!f)
        return strdup("");
    n = getdelim(&text, &len, '\0', f);
    fclose(f);
    if (n < 0) {
        free(text);
        return strdup("");
    }
    return text;
}

static void expect(const char *want)
{
    char *text = content(file);

    ck_assert_str_eq(text, want);
    free(text);
}

TEST(makes_its_place_and_appends)
{
    const struct llmobs_text two[] = {{"{\"b\": 1}", 8}, {"{\"c\": 2}", 8}};
    struct stat st;
    mode_t mask;

    begin(1 << 20);
    mask = umask(0777);
    ck_assert_int_eq(send_one("{\"a\": 1}"), 1);
    ck_assert_int_eq(store->ops->send(store, two, 2), 2);
    umask(mask);
    expect("{\"a\": 1}\n{\"b\": 1}\n{\"c\": 2}\n");
    ck_assert_int_eq(stat(dir, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0700);
    ck_assert_int_eq(stat(file, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    end();
}

TEST(keeps_no_descriptor)
{
    int before;

    begin(4096);
    before = unit_entries("/proc/self/fd");
    ck_assert_int_gt(before, 0);
    for (int i = 0; i < 300; i++)
        ck_assert_int_eq(send_one("{\"some\": \"event that is a bit longer\"}"),
                         1);
    ck_assert_int_eq(unit_entries("/proc/self/fd"), before);
    store->ops->forget(store);
    end();
}

TEST(other_peoples_files_are_left_alone)
{
    char other[200];
    char *text;

    begin(1 << 20);
    ck_assert_int_eq(send_one("1"), 1);
    snprintf(other, sizeof(other), "%s/other", dir);
    ck_assert_int_eq(rename(file, other), 0);
    ck_assert_int_eq(symlink(other, file), 0);
    ck_assert_int_eq(send_one("2"), -ELOOP);
    unlink(file);
    ck_assert_int_eq(link(other, file), 0);
    ck_assert_int_eq(send_one("3"), -EPERM);
    unlink(file);
    ck_assert_int_eq(mkfifo(file, 0600), 0);
    ck_assert_int_lt(send_one("4"), 0);
    unlink(file);
    ck_assert_int_eq(mkdir(file, 0700), 0);
    ck_assert_int_eq(send_one("5"), -EISDIR);
    rmdir(file);
    text = content(other);
    ck_assert_str_eq(text, "1\n");
    free(text);
    if (geteuid() == 0) {
        ck_assert_int_eq(rename(other, file), 0);
        ck_assert_int_eq(chown(file, 12345, 12345), 0);
        ck_assert_int_eq(send_one("6"), -EPERM);
    }
    end();
}

TEST(a_place_that_cannot_be)
{
    begin(1 << 20);
    config.store_dir = (char *)"/proc/nowhere/at/all";
    ck_assert_int_lt(send_one("1"), 0);
    config.store_dir = (char *)"/dev/null/x";
    ck_assert_int_eq(send_one("1"), -ENOTDIR);
    config.store_dir = dir;
    ck_assert_int_eq(send_one("1"), 1);
    end();
}

TEST(the_log_names_the_place)
{
    char log[200], *text;

    begin(1 << 20);
    ck_assert_int_eq(send_one("1"), 1);
    snprintf(log, sizeof(log), "%s/log", dir);
    llmobs_log_init(log, LLMOBS_LOG_WARN);
    config.store_dir = (char *)"/dev/null/x";
    ck_assert_int_eq(send_one("1"), -ENOTDIR);
    llmobs_log_init(NULL, LLMOBS_LOG_OFF);
    text = content(log);
    ck_assert_ptr_nonnull(strstr(text, "store /dev/null/x cannot be written"));
    free(text);
    end();
}

static int have(const char *path, bool chosen)
{
    int fd = -1, rc = llmobs_dirs_have(path, chosen, &fd);

    if (rc)
        return rc;
    close(fd);
    return 0;
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* As somebody may prepare them in /var/tmp: nothing is made behind a link. */
TEST(directories_of_ours_are_no_links)
{
    static const char *const names[] = {"llmobs", "llmobs-1000"};
    char base[200], target[220], link[240], path[280], inner[240];

    begin(1 << 20);
    ck_assert_int_eq(send_one("1"), 1);
    for (size_t i = 0; i < 2; i++) {
        snprintf(base, sizeof(base), "%s/llmobs-%zu", dir, i);
        snprintf(target, sizeof(target), "%s/target", base);
        snprintf(inner, sizeof(inner), "%s/store", target);
        snprintf(link, sizeof(link), "%s/%s", base, names[i]);
        snprintf(path, sizeof(path), "%s/store", link);
        ck_assert_int_eq(have(target, true), 0);
        ck_assert_int_eq(symlink(target, link), 0);
        ck_assert_int_eq(have(path, false), -ENOTDIR);
        ck_assert(!is_there(inner));
        ck_assert_int_eq(have(path, true), 0);
        ck_assert(is_there(inner));
        ck_assert_int_eq(have(path, false), -ENOTDIR);
        unlink(link);
        ck_assert_int_eq(have(path, false), 0);
        ck_assert(is_there(path));
        if (geteuid() != 0)
            continue;
        ck_assert_int_eq(chown(link, 12345, 12345), 0);
        ck_assert_int_eq(have(path, false), -EPERM);
    }
    end();
}

/* A home, on the other hand, may be wherever a link leads. */
TEST(what_is_not_ours_may_be_a_link)
{
    char target[200], link[200], path[260];
    struct stat st;
    mode_t mask;

    begin(1 << 20);
    ck_assert_int_eq(send_one("1"), 1);
    snprintf(target, sizeof(target), "%s/target", dir);
    snprintf(link, sizeof(link), "%s/home-of-llmobs", dir);
    snprintf(path, sizeof(path), "%s/.local/state/llmobs/store", link);
    ck_assert_int_eq(mkdir(target, 0700), 0);
    ck_assert_int_eq(symlink(target, link), 0);
    mask = umask(0777);
    ck_assert_int_eq(have(path, false), 0);
    umask(mask);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0700);
    *strrchr(path, '/') = '\0';
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0700);
    end();
}

TEST(a_line_that_was_cut_is_ended)
{
    int fd;

    begin(1 << 20);
    ck_assert_int_eq(send_one("{\"a\": 1}"), 1);
    fd = open(file, O_WRONLY | O_APPEND);
    ck_assert_int_eq((int)write(fd, "{\"half", 6), 6);
    close(fd);
    ck_assert_int_eq(send_one("{\"b\": 2}"), 1);
    expect("{\"a\": 1}\n{\"half\n{\"b\": 2}\n");
    end();
}

static const struct llmobs_text three[] = {
    {"{\"a\": 1}", 8}, {"{\"b\": 2}", 8}, {"{\"c\": 3}", 8}};

static int write_beyond_the_limit(rlim_t bytes, int events)
{
    struct rlimit limit = {bytes, bytes};

    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 1;
    if (store->ops->send(store, three, 3) != events)
        return 2;
    return store->ops->send(store, three, 3) == -EFBIG ? 0 : 3;
}

static void expect_within(rlim_t bytes, int events, const char *want)
{
    int status = 0;
    pid_t pid;

    begin(1 << 20);
    pid = fork();
    if (pid == 0)
        _exit(write_beyond_the_limit(bytes, events));
    waitpid(pid, &status, 0);
    ck_assert_int_eq(status, 0);
    expect(want);
    end();
}

/* A file size limit stands for a full disk: the first lines stay, the half
 * one is taken back. */
TEST(a_short_write_leaves_no_half_line)
{
    expect_within(20, 2, "{\"a\": 1}\n{\"b\": 2}\n");
}

/* An event without the end of its line comes again, and so is not kept. */
TEST(a_short_write_leaves_no_line_without_end)
{
    expect_within(17, 1, "{\"a\": 1}\n");
    expect_within(18, 2, "{\"a\": 1}\n{\"b\": 2}\n");
}

/* The kernel takes 1024 pieces at once, and gives EINVAL for more. */
TEST(more_events_than_the_kernel_takes_at_once)
{
    enum { MANY = 1300 };
    static struct llmobs_text events[MANY];
    static char texts[MANY][16], want[MANY * 16];
    size_t at = 0;

    for (int i = 0; i < MANY; i++) {
        int len = snprintf(texts[i], sizeof(texts[i]), "{\"n\": %d}", i);

        events[i] = (struct llmobs_text){texts[i], (size_t)len};
        at += (size_t)snprintf(want + at, sizeof(want) - at, "%s\n", texts[i]);
    }
    begin(1 << 20);
    ck_assert_int_eq(store->ops->send(store, events, MANY), MANY);
    expect(want);
    end();
}

static int survey(int *lines, int *bad, int64_t *bytes)
{
    DIR *list = opendir(dir);
    struct dirent *entry;
    int files = 0;

    *lines = *bad = 0;
    *bytes = 0;
    while ((entry = readdir(list))) {
        char path[512], *text, *save = NULL;

        if (entry->d_name[0] == '.' ||
            strcmp(entry->d_name, LLMOBS_STORE_TRIMMED) == 0)
            continue;
        files++;
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        text = content(path);
        *bytes += (int64_t)strlen(text);
        *bad += text[0] && text[strlen(text) - 1] != '\n';
        for (char *line = strtok_r(text, "\n", &save); line;
             line = strtok_r(NULL, "\n", &save)) {
            size_t len = strlen(line);

            (*lines)++;
            *bad += len < 10 || strncmp(line, "{\"n\": \"", 7) != 0 ||
                    strcmp(line + len - 2, "\"}") != 0 ||
                    strspn(line + 7, "0123456789-x") != len - 9;
        }
        free(text);
    }
    closedir(list);
    return files;
}

/* A writer that does not get the lock in time leaves the event to its spool. */
static void send_until(const char *line)
{
    for (int tries = 0; send_one(line) != 1; tries++)
        if (tries == 50)
            _exit(1);
}

/* Lines of different lengths, some longer than a page. */
static void write_lines(int writer, int count)
{
    char line[20000];

    for (int i = 0; i < count; i++) {
        int len = snprintf(line, sizeof(line), "{\"n\": \"%d-%d-", writer, i);
        size_t pad = (size_t)(i % 50 == 0 ? 9000 : i % 7 * 30);

        memset(line + len, 'x', pad);
        strcpy(line + len + pad, "\"}");
        send_until(line);
    }
}

static void write_by_processes(int processes, int lines)
{
    for (int p = 0; p < processes; p++) {
        if (fork() == 0) {
            write_lines(p, lines);
            _exit(0);
        }
    }
    for (int p = 0; p < processes; p++) {
        int status = 0;

        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
}

TEST(processes_share_a_file)
{
    int lines, bad;
    int64_t bytes;

    begin(1 << 30);
    write_by_processes(8, 500);
    ck_assert_int_eq(survey(&lines, &bad, &bytes), 1);
    ck_assert_int_eq(lines, 8 * 500);
    ck_assert_int_eq(bad, 0);
    end();
}

/* Rotating all the time, yet nothing is old enough to go. */
TEST(processes_rotate_without_loss)
{
    int lines, bad, files;
    int64_t bytes;

    begin(2 << 20);
    write_by_processes(8, 500);
    files = survey(&lines, &bad, &bytes);
    ck_assert_int_eq(lines, 8 * 500);
    ck_assert_int_eq(bad, 0);
    ck_assert_int_ge(files, 3);
    end();
}

TEST(the_oldest_goes)
{
    int lines, bad;
    int64_t bytes;
    char *text;

    begin(64 * 1024);
    write_by_processes(8, 200);
    ck_assert_int_gt(survey(&lines, &bad, &bytes), 2);
    ck_assert_int_eq(bad, 0);
    ck_assert_int_le(bytes, 64 * 1024);
    ck_assert_int_gt(bytes, 32 * 1024);
    write_lines(9, 200);
    ck_assert_int_gt(survey(&lines, &bad, &bytes), 2);
    ck_assert_int_le(bytes, 64 * 1024);
    text = content(file);
    ck_assert_ptr_nonnull(strstr(text, "\"9-199-"));
    free(text);
    end();
}

TEST(one_batch_may_fill_many_files)
{
    struct llmobs_text events[64];
    int lines, bad;
    int64_t bytes;

    begin(4096);
    for (int i = 0; i < 64; i++)
        events[i] = (struct llmobs_text){"{\"n\": \"0-0-xxxxxxxxxxx\"}", 24};
    ck_assert_int_eq(store->ops->send(store, events, 64), 64);
    ck_assert_int_eq(survey(&lines, &bad, &bytes), 2);
    ck_assert_int_eq(lines, 64);
    ck_assert_int_eq(bad, 0);
    end();
}

/* A writer that waited for the lock of a file that was rotated meanwhile writes
 * to the new one. A round in which it no longer waits, as the machine is busy,
 * shows nothing. */
TEST(a_file_that_moved_is_not_written)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool waits = false;
    char moved[200];
    int fd, status;
    pid_t pid;

    for (int round = 0; round < 50 && !waits; round++) {
        begin(1 << 20);
        ck_assert_int_eq(send_one("1"), 1);
        fd = open(file, O_RDWR);
        ck_assert_int_eq(fcntl(fd, F_SETLK, &lock), 0);
        pid = fork();
        if (pid == 0)
            _exit(send_one("2") != 1);
        usleep(50000);
        snprintf(moved, sizeof(moved), "%s/spans-1.jsonl", dir);
        ck_assert_int_eq(rename(file, moved), 0);
        waits = waitpid(pid, &status, WNOHANG) == 0;
        close(fd);
        if (waits)
            ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
        if (waits)
            expect("2\n");
        end();
    }
    ck_assert(waits);
}

TEST(names_grow_when_the_clock_does_not)
{
    char path[200];

    begin(4096);
    ck_assert_int_eq(send_one("1"), 1);
    snprintf(path, sizeof(path), "%s/spans-9000000000000000000.jsonl", dir);
    ck_assert_int_eq(rename(file, path), 0);
    for (int i = 0; i < 600; i++)
        ck_assert_int_eq(send_one("22"), 1);
    snprintf(path, sizeof(path), "%s/spans-9000000000000000001.jsonl", dir);
    ck_assert_int_eq(access(path, F_OK), 0);
    end();
}

/* Names beside those that the library writes: other lengths of the number,
 * numbers beyond a time, kinds of files other than regular ones. */
TEST(strange_names_are_neither_taken_nor_waited_for)
{
    static const char *const names[] = {"spans-20260101.jsonl",
                                        "spans-1.jsonl",
                                        "spans-000000000000000001.jsonl",
                                        "spans-00000000000000000001.jsonl",
                                        "spans-10000000000000000000.jsonl",
                                        "spans-9999999999999999999.jsonl",
                                        "spans-9223372036854775808.jsonl",
                                        "spans-0000000000000000000.jsonl",
                                        "spans-0000000000000000001.jsonl.gz",
                                        "spans-.jsonl"};
    const size_t count = sizeof(names) / sizeof(*names);
    char path[240];

    begin(4096);
    ck_assert_int_eq(send_one("1"), 1);
    for (size_t i = 0; i < count; i++) {
        int fd;

        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        fd = open(path, O_CREAT | O_WRONLY, 0600);
        ck_assert_int_eq(ftruncate(fd, 100000), 0);
        close(fd);
    }
    snprintf(path, sizeof(path), "%s/spans-0000000000000000001.jsonl", dir);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/spans-0000000000000000002.jsonl", dir);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    snprintf(path, sizeof(path), "%s/spans-0000000000000000003.jsonl", dir);
    ck_assert_int_eq(symlink("nowhere", path), 0);
    for (int i = 0; i < 3000; i++)
        ck_assert_int_eq(send_one("22"), 1);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        ck_assert_int_eq(access(path, F_OK), 0);
        ck_assert_int_eq(unlink(path), 0);
    }
    /* Three others; of the store three full ones and the current one. */
    ck_assert_int_ge(unit_entries(dir), 7);
    ck_assert_int_le(unit_entries(dir), 8);
    end();
}

/* Behind the last number that a name may have, no file replaces another. */
TEST(numbers_end)
{
    static const char *const last[] = {"9223372036854775806",
                                       "9999999999999999998"};
    char path[200];
    int lines, bad;
    int64_t bytes;

    for (size_t i = 0; i < sizeof(last) / sizeof(*last); i++) {
        begin(1 << 20);
        ck_assert_int_eq(send_one("1"), 1);
        snprintf(path, sizeof(path), "%s/spans-%s.jsonl", dir, last[i]);
        ck_assert_int_eq(rename(file, path), 0);
        config.store_max = 100; /* a file has a quarter */
        for (int n = 0; n < 4; n++)
            ck_assert_int_eq(send_one("2222222222222222"), 1);
        survey(&lines, &bad, &bytes);
        ck_assert_int_eq(lines, 5);
        end();
    }
}

/* So many copies of the process's own, by somebody's hand: each rotation takes
 * some of them. */
TEST(many_old_files_go_by_and_by)
{
    char path[200];

    begin(4096);
    ck_assert_int_eq(send_one("1"), 1);
    for (int i = 1; i <= 100; i++) {
        int fd;

        snprintf(path, sizeof(path), "%s/spans-%019d.jsonl", dir, i);
        fd = open(path, O_CREAT | O_WRONLY, 0600);
        ck_assert_int_eq(ftruncate(fd, 4096), 0);
        close(fd);
    }
    for (int i = 0; i < 3000; i++)
        ck_assert_int_eq(send_one("22"), 1);
    ck_assert_int_le(unit_entries(dir), 5);
    end();
}

/* An event beyond the whole store is kept as long as it is the newest. */
TEST(a_huge_event_is_written)
{
    char *huge = malloc(20001);
    int lines, bad;
    int64_t bytes;

    begin(4096);
    memset(huge, 'x', 20000);
    huge[20000] = '\0';
    ck_assert_int_eq(send_one("small"), 1);
    ck_assert_int_eq(send_one(huge), 1);
    survey(&lines, &bad, &bytes);
    ck_assert_int_ge(bytes, 20001);
    ck_assert_int_eq(send_one("small"), 1);
    survey(&lines, &bad, &bytes);
    ck_assert_int_lt(bytes, 4096);
    free(huge);
    end();
}

/* An app without standard streams: what it prints must not be ours. */
TEST(not_where_the_standard_streams_are)
{
    int status;
    pid_t pid;

    begin(1 << 20);
    pid = fork();
    if (pid == 0) {
        close(0);
        close(1);
        close(2);
        if (llmobs_fd_open(AT_FDCWD, "/dev/null", O_RDONLY) < 3)
            _exit(2);
        _exit(send_one("{}") == 1 && fcntl(0, F_GETFD) < 0 &&
                      fcntl(1, F_GETFD) < 0
                  ? 0
                  : 1);
    }
    waitpid(pid, &status, 0);
    ck_assert_int_eq(status, 0);
    expect("{}\n");
    end();
}

static off_t size_now(void)
{
    struct stat st;

    return stat(file, &st) == 0 ? st.st_size : 0;
}

/* A writer that dies at any moment after its first bytes costs its own line at
 * most. */
TEST(killed_writers_cost_one_line_each)
{
    int lines, bad;
    int64_t bytes;

    begin(1 << 30);
    for (int round = 0; round < 20; round++) {
        off_t before = size_now();
        pid_t pid = fork();

        if (pid == 0) {
            write_lines(round, 100000);
            _exit(0);
        }
        while (size_now() == before)
            usleep(100);
        usleep((useconds_t)(round * 700));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    write_lines(99, 1);
    survey(&lines, &bad, &bytes);
    ck_assert_int_le(bad, 20);
    ck_assert_int_ge(lines, 20);
    end();
}
