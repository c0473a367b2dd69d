/* Tests the counters' files under limits and damage. */
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

#include "core/ledger/ledger_dir.h"
#include "tests/unit/ledger_case.h"

/* -- who is dead --------------------------------------------------------- */

static void put(const struct llmobs_process_id *owner,
                const struct llmobs_page *page)
{
    char name[LLMOBS_PROCESS_ID_MAX];
    int fd = open(ledger_at, O_PATH | O_DIRECTORY);

    llmobs_process_id_put(owner, name);
    ck_assert_int_eq(llmobs_record_write(fd, name, page), 0);
    close(fd);
}

/* Rows: how a record differs from one of this process, and whether it is that
 * of a dead one. */
TEST(the_dead_are_told_from_the_living)
{
    static const struct {
        pid_t pid; /* 0: mine */
        int start, boot, pidns;
        bool dead;
    } rows[] = {
        {0, 0, 0, 0, false},       {0, 1, 0, 0, true},
        {0, 0, 1, 0, true},        {0, 0, 0, 1, false},
        {0, 1, 0, 1, false},       {0, 1, 1, 1, true},
        {1, 0, 0, 0, true},        {4999999, 0, 0, 0, true},
        {4999999, 0, 0, 1, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llmobs_process_id owner = {.nonce = i + 1};
        struct llmobs_page page = ledger_page_of_mine();

        ledger_begin();
        ck_assert_int_eq(mkdir(ledger_at, 0700), 0);
        llmobs_process_start(getpid(), &owner.start);
        ck_assert_uint_ne(owner.start, 0);
        ck_assert_uint_ne(page.boot, 0);
        ck_assert_uint_ne(page.pidns, 0);
        owner.pid = rows[i].pid ? rows[i].pid : getpid();
        owner.start += (uint64_t)rows[i].start;
        page.boot += (uint64_t)rows[i].boot;
        page.pidns += (uint64_t)rows[i].pidns;
        put(&owner, &page);
        ledger_look();
        ck_assert_msg(ledger_seen.records == !rows[i].dead, "row %zu", i);
        llmobs_ledger_fold(ledger_at, 10);
        ck_assert_msg((ledger_files(NULL) == 1) &&
                          (access(ledger_at, F_OK) == 0),
                      "row %zu", i);
        ledger_look();
        ck_assert_msg(ledger_ended("dropped_died") == rows[i].dead, "row %zu",
                      i);
        ck_assert_msg(ledger_living("pending") == !rows[i].dead, "row %zu", i);
        ledger_end();
    }
}

/* Nobody may have asked for the status of a dead process for a long time. */
TEST(a_zombie_is_dead)
{
    siginfo_t info;
    pid_t pid;

    ledger_begin();
    pid = ledger_fork(ledger_live_and_die);
    ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("dropped_died"), 3);
    ck_assert_uint_eq(ledger_seen.records, 0);
    waitpid(pid, NULL, 0);
    ledger_end();
}

/* Another program in the same process: what the former had pending is gone. */
TEST(a_process_that_was_replaced_by_exec)
{
    struct llmobs_process_id owner = {.pid = getpid()};
    struct llmobs_page page = ledger_page_of_mine();

    ledger_begin();
    ck_assert_int_eq(mkdir(ledger_at, 0700), 0);
    llmobs_process_start(getpid(), &owner.start);
    owner.nonce = 5;
    put(&owner, &page);
    owner.nonce = 16;
    put(&owner, &page);
    llmobs_ledger_fold(ledger_at, 10);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("dropped_died"), 1);
    ck_assert_uint_eq(ledger_living("pending"), 1);
    ck_assert_uint_eq(ledger_seen.records, 1);
    ledger_end();
}

/* Added, and killed before the record was removed. */
TEST(a_death_between_adding_and_removing)
{
    char record[256] = "";
    struct llmobs_totals totals;
    struct llmobs_page page;
    int fd;

    ledger_begin();
    ledger_in_child(ledger_live_and_die);
    ledger_files(record);
    fd = open(ledger_at, O_PATH | O_DIRECTORY);
    ck_assert_int_eq(llmobs_record_read(fd, record, true, &page), 0);
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 10), 0);
    ck_assert_int_eq(llmobs_record_write(fd, record, &page), 0);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 4);
    ledger_in_child(
        ledger_live_and_close); /* takes it away before it is forgotten */
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 8);
    ck_assert_uint_eq(ledger_files(NULL), 1);
    /* The same, found by a fold. */
    ledger_in_child(ledger_live_and_die);
    ledger_files(record);
    ck_assert_int_eq(llmobs_record_read(fd, record, true, &page), 0);
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 10), 0);
    ck_assert_int_eq(llmobs_record_write(fd, record, &page), 0);
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 10), 0);
    ck_assert_uint_eq(ledger_files(NULL), 1);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 12);
    ck_assert_int_eq(llmobs_totals_open(&totals, fd, false, 0), 0);
    ck_assert_str_eq(totals.page.last, record);
    llmobs_totals_close(&totals);
    close(fd);
    ledger_end();
}

/* -- bad files ----------------------------------------------------------- */

static void write_file(const char *name, const void *data, size_t len)
{
    char path[400];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", ledger_at, name);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fwrite(data, 1, len, f);
    fclose(f);
}

static size_t read_file(const char *name, char out[LLMOBS_PAGE_SIZE + 1])
{
    char path[400];
    size_t len;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", ledger_at, name);
    f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    len = fread(out, 1, LLMOBS_PAGE_SIZE + 1, f);
    fclose(f);
    return len;
}

TEST(unreadable_totals_begin_anew_and_say_so)
{
    char text[LLMOBS_PAGE_SIZE + 1];

    ledger_begin();
    ledger_in_child(ledger_live_and_close);
    ck_assert_uint_eq(read_file("totals", text), LLMOBS_PAGE_SIZE);
    memset(text, 0, sizeof(text)); /* as after a crash of the host */
    write_file("totals", text, LLMOBS_PAGE_SIZE);
    ledger_look();
    ck_assert_uint_eq(ledger_ended(LLMOBS_LEDGER_RESTARTS), 1);
    ledger_in_child(ledger_live_and_close);
    ledger_in_child(ledger_live_and_close);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 8);
    ck_assert_uint_eq(ledger_ended(LLMOBS_LEDGER_RESTARTS), 1);
    ck_assert_uint_eq(ledger_files(NULL), 1);
    ledger_end();
}

/* Counters that only a later version has survive; a later format too. */
TEST(other_versions_lose_nothing)
{
    struct llmobs_page page = ledger_page_of_mine();
    char text[LLMOBS_PAGE_SIZE + 1];

    ledger_begin();
    ck_assert_int_eq(mkdir(ledger_at, 0700), 0);
    llmobs_counts_add(&page.counts, "dropped_later", 9);
    llmobs_page_write(&page, text);
    write_file("totals", text, LLMOBS_PAGE_SIZE);
    ledger_in_child(ledger_live_and_close);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("dropped_later"), 9);
    ck_assert_uint_eq(ledger_ended("captured"), 5);
    write_file("totals", "llmobs-ledger 2\n{}\n", 19);
    ledger_in_child(ledger_live_and_close);
    ck_assert_uint_eq(read_file("totals", text), 19);
    ck_assert_uint_eq(ledger_files(NULL), 2);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 4);
    ck_assert_uint_eq(ledger_seen.unreadable, 1);
    ledger_end();
}

TEST(odd_files_are_left_alone)
{
    char path[400], text[LLMOBS_PAGE_SIZE + 1];

    ledger_begin();
    ledger_in_child(ledger_live_and_close);
    write_file("1-2-3", "rubbish", 7);
    write_file("1-2-4", "", 0);
    write_file("notes.txt", "mine", 4);
    write_file("-1-2-3", "rubbish", 7);
    write_file("1-2-3x", "rubbish", 7);
    write_file("99999999999999999999-2-3", "rubbish", 7);
    snprintf(path, sizeof(path), "%s/1-2-5", ledger_at);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    snprintf(path, sizeof(path), "%s/1-2-6", ledger_at);
    ck_assert_int_eq(symlink("totals", path), 0);
    snprintf(path, sizeof(path), "%s/1-2-7", ledger_at);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 100), 0);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 4);
    ck_assert_uint_eq(ledger_seen.unreadable, 4);
    ck_assert_uint_eq(ledger_files(NULL), 10);
    ck_assert_uint_eq(read_file("notes.txt", text), 4);
    ledger_end();
}

/* A link in place of the totals would lead us into another's file. */
TEST(a_link_is_not_followed)
{
    char path[400], victim[200], text[LLMOBS_PAGE_SIZE + 1];

    ledger_begin();
    ck_assert_int_eq(mkdir(ledger_at, 0700), 0);
    write_file("victim", "precious", 8);
    snprintf(victim, sizeof(victim), "%s/victim", ledger_at);
    snprintf(path, sizeof(path), "%s/totals", ledger_at);
    ck_assert_int_eq(symlink("victim", path), 0);
    ledger_in_child(ledger_live_and_close);
    ck_assert_uint_eq(read_file("victim", text), 8);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(link(victim, path), 0); /* a second name does as well */
    ledger_in_child(ledger_live_and_close);
    ck_assert_uint_eq(read_file("victim", text), 8);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 100), 0);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 8);
    ledger_end();
}

/* Root reads all ledgers, and leaves no file in one that its owner could not
 * write. */
TEST(the_ledger_of_another_user)
{
    char path[400], record[256];

    ledger_begin();
    if (geteuid() != 0) {
        ledger_end();
        return;
    }
    ledger_in_child(ledger_live_and_die);
    ck_assert_int_eq(chown(ledger_at, 65534, 65534), 0);
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 10), -EPERM);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 4);
    ck_assert_uint_eq(ledger_files(NULL), 1); /* the record, no totals */
    ck_assert_int_eq(chown(ledger_at, 0, 0), 0);
    ledger_files(record);
    snprintf(path, sizeof(path), "%s/%s", ledger_at, record);
    ck_assert_int_eq(chown(path, 65534, 65534), 0);
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 10), 0);
    ck_assert_uint_eq(ledger_files(NULL), 1); /* it is another's to add */
    ck_assert_int_eq(chown(path, 0, 0), 0);
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 10), 0);
    snprintf(path, sizeof(path), "%s/totals", ledger_at);
    ck_assert_int_eq(chown(path, 65534, 65534), 0);
    ledger_in_child(ledger_live_and_close);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 8);
    ck_assert_uint_eq(ledger_files(NULL), 2);
    ledger_end();
}

static void fold_as_nobody(void)
{
    if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
        abort();
    for (int i = 0; i < 3; i++)
        if (llmobs_ledger_fold(ledger_at, 10) != -EACCES)
            abort();
}

/* A fold that cannot remove what it has added would add it again. */
TEST(records_that_stay_are_not_added)
{
    char path[600];

    ledger_begin();
    ledger_in_child(ledger_live_and_close); /* makes the totals */
    ledger_in_child(ledger_live_and_die);
    ledger_in_child(ledger_live_and_die);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 12);
    if (geteuid() == 0) {
        snprintf(path, sizeof(path),
                 "chown -R 65534 %s; chmod 500 %s; chmod 755 %s/..", ledger_at,
                 ledger_at, ledger_at);
        ck_assert_int_eq(system(path), 0);
        ledger_in_child(fold_as_nobody);
        ledger_look();
        ck_assert_uint_eq(ledger_ended("captured"), 12);
    }
    ledger_end();
}

static void under_a_file_limit(void)
{
    struct rlimit limit = {100, 100};

    setrlimit(RLIMIT_FSIZE, &limit);
    ledger_live_and_close();
}

static void where_no_file_may_grow(void)
{
    struct rlimit limit = {0, 0};

    setrlimit(RLIMIT_FSIZE, &limit);
    ledger_count(4, 4);
    llmobs_ledger_close(&ledger_config); /* SIGXFSZ would kill */
}

static void without_descriptors(void)
{
    struct rlimit limit = {0, 0};

    setrlimit(RLIMIT_NOFILE, &limit);
    ledger_live_and_close();
}

static void where_nothing_can_be_made(void)
{
    ledger_config.store_dir = (char[]){"/proc/nowhere"};
    ledger_live_and_close();
}

TEST(what_cannot_be_written_harms_nobody)
{
    ledger_begin();
    ledger_in_child(under_a_file_limit);
    ledger_in_child(where_no_file_may_grow);
    ledger_in_child(without_descriptors);
    ledger_in_child(where_nothing_can_be_made);
    ledger_in_child(ledger_live_and_close);
    llmobs_ledger_fold(ledger_at, 100);
    ledger_look();
    /* Where files may not grow, a link has the counts. */
    ck_assert_uint_eq(ledger_ended("captured"), 12);
    ck_assert_uint_eq(ledger_seen.unreadable, 0);
    ledger_end();
}

static void where_half_a_page_fits(void)
{
    const struct rlimit half = {LLMOBS_PAGE_SIZE / 2, RLIM_INFINITY};

    setrlimit(RLIMIT_FSIZE, &half);
    ledger_live_and_close();
}

TEST(half_a_page_is_not_written)
{
    ledger_begin();
    ledger_in_child(ledger_live_and_close);
    ledger_in_child(where_half_a_page_fits);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 8);
    ck_assert_uint_eq(ledger_ended(LLMOBS_LEDGER_RESTARTS), 0);
    ledger_end();
}

static void removed_while_running(void)
{
    char command[200];

    ledger_count(2, 2);
    llmobs_ledger_record(&ledger_config, false);
    snprintf(command, sizeof(command), "rm -rf '%s'", ledger_base);
    if (system(command) != 0)
        _exit(1);
    llmobs_ledger_close(&ledger_config);
}

TEST(a_removed_directory_is_made_again)
{
    ledger_begin();
    ledger_in_child(removed_while_running);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 2);
    ledger_end();
}
