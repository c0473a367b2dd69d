/* What a reader notes of the entry that it dies of, and what others make of
 * that. */
#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/shared/guard.h"
#include "core/log/adopt_file.h"
#include "core/log/spool_file.h"
#include "core/log/try.h"
#include "llmobs.h"
#include "tests/unit/spool_case.h"

UNIT_FIXTURE(spool_begin, spool_end);

static void leave_two(void)
{
    spool_keep(1);
    spool_keep(1);
}

/* -- how readers die ------------------------------------------------------- */

/* No sanitizer knows better than the kernel that nothing is there. */
static void touch_nothing(void)
{
    int *volatile nowhere = (int *)(uintptr_t)4096;

    *nowhere = 0;
}

static void *touch_apart(void *unused)
{
    touch_nothing();
    return unused;
}

static void get_bus(void)
{
    raise(SIGBUS);
}

static void get_ill(void)
{
    raise(SIGILL);
}

static void get_fpe(void)
{
    raise(SIGFPE);
}

static void get_term(void)
{
    raise(SIGTERM);
}

static void get_int(void)
{
    raise(SIGINT);
}

static void get_kill(void)
{
    raise(SIGKILL);
}

/* No compiler takes the call out, nor what comes after it. */
static int deeper(volatile char *above)
{
    static volatile int left = INT_MAX;
    volatile char room[4096];

    room[0] = above ? above[0] : 0;
    return left-- > 0 ? deeper(room) + room[0] : 0;
}

static void go_deeper(void)
{
    _exit(deeper(NULL));
}

/* Another process sends it, as `kill -SEGV`. */
static void be_sent(void)
{
    pid_t pid = getpid();

    if (fork() == 0) {
        kill(pid, SIGSEGV);
        _exit(0);
    }
    for (;;)
        pause();
}

/* Another thread reads no entry. */
static void die_apart(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, touch_apart, NULL);
    pthread_join(thread, NULL);
}

static void die_after(void)
{
    llmobs_try_end();
    touch_nothing();
}

/* -- readers ----------------------------------------------------------------
 */

/* A reader that dies so once it has the first entry. */
static void read_and(void (*die)(void))
{
    const struct rlimit none = {0, 0};
    struct llmobs_adopted one;
    struct rlimit stack;
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct llmobs_adopt *own =
            llmobs_adopt_new(&config, LLMOBS_ADOPT_SAME, NULL);

        signal(SIGTERM, SIG_DFL); /* which Check has handlers for */
        signal(SIGINT, SIG_DFL);
        setrlimit(RLIMIT_CORE, &none);
        getrlimit(RLIMIT_STACK, &stack);
        stack.rlim_cur = 1 << 20; /* without a limit no stack overflows */
        setrlimit(RLIMIT_STACK, &stack);
        if (!freopen("/dev/null", "w", stderr)) /* for a sanitizer's report */
            _exit(1);
        llmobs_guard_begin();
        if (llmobs_adopt_next(own, &one) == 1)
            die();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_ne(status, 0);
}

static void check_left(uint64_t ours, uint64_t aside)
{
    struct llmobs_adopt_counts left;

    ck_assert_int_eq(llmobs_adopt_count(adopt, &left), 0);
    ck_assert_uint_eq(left.ours, ours);
    ck_assert_uint_eq(left.set_aside, aside);
}

static void fall(void (*die)(void), bool counts)
{
    spool_in_dead(leave_two);
    check_left(2, 0);
    read_and(die);
    check_left(2, 0);
    read_and(die);
    if (counts)
        check_left(1, 1);
    else
        check_left(2, 0);
}

TEST(a_fault_counts)
{
    fall(touch_nothing, true);
}

TEST(an_abort_counts)
{
    fall(abort, true);
}

TEST(a_bus_error_counts)
{
    fall(get_bus, true);
}

TEST(an_illegal_instruction_counts)
{
    fall(get_ill, true);
}

TEST(an_arithmetic_error_counts)
{
    fall(get_fpe, true);
}

TEST(a_stack_that_overflows_counts)
{
    fall(go_deeper, true);
}

TEST(an_end_from_outside_counts_not)
{
    fall(get_term, false);
}

TEST(an_interrupt_counts_not)
{
    fall(get_int, false);
}

TEST(a_kill_counts_not)
{
    fall(get_kill, false);
}

TEST(a_signal_of_another_counts_not)
{
    fall(be_sent, false);
}

TEST(a_fault_of_another_thread_counts_not)
{
    fall(die_apart, false);
}

TEST(a_fault_after_the_reading_counts_not)
{
    fall(die_after, false);
}

/* Which of two died is known by the file. */
TEST(a_fault_in_a_process_without_a_guard_is_not_noted)
{
    llmobs_try_note();
    spool_in_dead(leave_two);
    ck_assert_int_eq(llmobs_adopt_next(adopt, &last), 1);
    llmobs_try_note();
    llmobs_item_free(last.item);
    llmobs_adopt_return(adopt, &last.spooled);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 1);
    llmobs_adopt_free(adopt);
    adopt = llmobs_adopt_new(&config, LLMOBS_ADOPT_SAME, NULL);
    check_left(1, 0);
}

/* -- what others make of it ------------------------------------------------ */

TEST(all_behind_it_is_read_and_it_stays)
{
    fall(touch_nothing, true);
    ck_assert(llmobs_adopt_has_left(adopt));
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 1);
    ck_assert_int_eq(spool_dirs(), 1);
    for (int i = 0; i < 2; i++) {
        llmobs_adopt_free(adopt);
        adopt = llmobs_adopt_new(&config, LLMOBS_ADOPT_SAME, NULL);
        check_left(0, 1);
        ck_assert(!llmobs_adopt_has_left(adopt));
        spool_adopt_all(true);
        ck_assert_uint_eq(calls, 0);
        ck_assert_int_eq(spool_dirs(), 1);
    }
}

TEST(who_removes_all_gets_it_unread)
{
    unsigned count = 0;

    fall(touch_nothing, true);
    llmobs_adopt_set_all(adopt);
    for (; llmobs_adopt_next(adopt, &last) == 1; count++) {
        ck_assert_ptr_null(last.item);
        llmobs_adopt_release(adopt, &last.spooled, 1);
    }
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(spool_dirs(), 0);
}

/* Finds the one file, and its key. */
static void find_file(struct llmobs_adopt_file *file)
{
    DIR *dir = opendir(place);
    struct dirent *entry;
    struct llmobs_spool_name name;

    memset(file, 0, sizeof(*file));
    while (dir && (entry = readdir(dir)))
        if (llmobs_spool_name_parse(entry->d_name, &name))
            snprintf(file->path, sizeof(file->path), "%s/%s", place,
                     entry->d_name);
    if (dir)
        closedir(dir);
    ck_assert_int_eq(llmobs_adopt_file_find_owner(file), 0);
}

/* An observed program starts a drain for what another could read: not for what
 * nobody can, and not soon after a reader had it. */
static void check_wants_drain(bool wants, bool aside)
{
    struct llmobs_adopt *own =
        llmobs_adopt_new(&config, LLMOBS_ADOPT_OWN, NULL);
    static struct llmobs_adopt_file file;
    struct stat st;

    ck_assert_int_eq(llmobs_adopt_has_left(own), wants);
    ck_assert_int_eq(llmobs_adopt_any(own), 0);
    llmobs_adopt_free(own);
    find_file(&file);
    ck_assert_int_eq(stat(file.path, &st), 0);
    ck_assert_int_eq((st.st_mode & LLMOBS_SPOOL_ASIDE) != 0, aside);
    llmobs_adopt_file_free(&file);
}

TEST(a_program_wants_no_drain_for_what_nobody_reads)
{
    fall(touch_nothing, true);
    spool_adopt_all(true);
    check_wants_drain(false, true);
}

TEST(a_program_wants_no_drain_for_what_one_has_just_left)
{
    spool_in_dead(leave_two);
    check_wants_drain(true, false);
    spool_adopt_all(false);
    check_wants_drain(false, false);
}

/* Notes the death of a reader of that version. */
static void note(const char *version, uint64_t id)
{
    static struct llmobs_adopt_file file;
    struct llmobs_spool_addition tried = {.type = LLMOBS_ENTRY_TRIED,
                                          .id = id,
                                          .field = {version, strlen(version)}};

    find_file(&file);
    tried.key = &file.key;
    ck_assert_int_eq(LLMOBS_TRIED_FIELD, LLMOBS_RELEASE_FIELD);
    ck_assert_int_eq(llmobs_spool_file_add(file.path, &tried), 0);
    llmobs_adopt_file_free(&file);
}

TEST(another_version_tries_again)
{
    static const char *const versions[] = {LLMOBS_VERSION "1",
                                           LLMOBS_VERSION "1", LLMOBS_VERSION};
    struct llmobs_adopted one;
    uint64_t id;

    spool_in_dead(leave_two);
    ck_assert_int_eq(llmobs_adopt_next(adopt, &one), 1);
    id = one.spooled.id;
    llmobs_item_free(one.item);
    llmobs_adopt_free(adopt);
    adopt = llmobs_adopt_new(&config, LLMOBS_ADOPT_SAME, NULL);
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        note(versions[i], id);
        check_left(2, 0);
    }
    note(LLMOBS_VERSION, id);
    check_left(1, 1);
}

/* A note makes no entry of one that there is none of. */
TEST(notes_are_no_entries)
{
    spool_in_dead(leave_two);
    note(LLMOBS_VERSION, 1);
    note(LLMOBS_VERSION, 1);
    check_left(2, 0);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 2);
    ck_assert_int_eq(spool_dirs(), 0);
}
