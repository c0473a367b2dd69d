/* Tests the relay's lock file and its claims. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "core/deliver/delivery.h"
#include "core/deliver/worker.h"
#include "lib/base/stats.h"
#include "core/log/relay_sign.h"
#include "core/log/spool_file.h"
#include "core/log/spool_state.h"
#include "tests/unit/spool_case.h"

/* -- a living process ---------------------------------------------------- */

static pid_t child;
static int order, told;
static struct llmobs_config unset;

static void keep_handed(void)
{
    struct llmobs_exchange *e = spool_make(1);

    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_START), 0);
    e->item.spooled.for_relay = true;
    ck_assert_int_eq(llmobs_spool_end(spool, e), 0);
    llmobs_spool_delegate(spool, &e->item.spooled);
    llmobs_exchange_free(e);
}

static void adopt_one(void)
{
    struct llmobs_adopted one;

    ck_assert_int_eq(llmobs_adopt_next(adopt, &one), 1);
    llmobs_item_free(one.item);
}

static struct llmobs_exchange *begun;

static void end_begun(void)
{
    begun->item.spooled.for_relay = true;
    ck_assert_int_eq(llmobs_spool_end(spool, begun), 0);
    llmobs_spool_delegate(spool, &begun->item.spooled);
}

/* a: adopts a call; h: keeps a call and hands it over; k: keeps one for itself;
 * b: begins one; e: ends that, and hands it over; l: closes its spool; x: runs
 * another program, until the orders end; else it ends. */
static void obey(char what)
{
    if (what == 'a')
        adopt_one();
    else if (what == 'h')
        keep_handed();
    else if (what == 'k')
        spool_keep(1);
    else if (what == 'b')
        llmobs_spool_begin(spool, begun = spool_make(1), LLMOBS_STAGE_START);
    else if (what == 'l')
        llmobs_spool_close(spool);
    else if (what == 'e')
        end_begun();
    else
        _exit(0);
}

static void begin_child(void)
{
    int orders[2], answers[2];
    char what;

    ck_assert_int_eq(pipe2(orders, O_CLOEXEC) | pipe2(answers, O_CLOEXEC), 0);
    child = fork();
    if (child == 0) {
        close(orders[1]);
        close(answers[0]);
        llmobs_spool_reset(spool);
        while (read(orders[0], &what, 1) == 1) {
            if (what == 'x' && dup2(orders[0], STDIN_FILENO) == STDIN_FILENO)
                execlp("cat", "cat", NULL);
            obey(what);
            (void)!write(answers[1], "", 1);
        }
        _exit(0);
    }
    order = orders[1];
    told = answers[0];
    close(orders[0]);
    close(answers[1]);
}

static void tell(const char *what)
{
    char answer;

    for (; *what; what++) {
        ck_assert_int_eq(write(order, what, 1), 1);
        ck_assert_int_eq(read(told, &answer, 1), 1);
    }
}

static void end_child(void)
{
    close(order);
    close(told);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

static void become_relay(void)
{
    unset = config;
    unset.store_dir = NULL;
    ck_assert_int_eq(llmobs_adopt_set_relay(adopt, &unset, NULL), 0);
}

/* Takes so many calls, and then there is no other. */
static void take(unsigned count)
{
    struct llmobs_adopted list[8];
    int rc;

    for (unsigned i = 0; i < count; i++) {
        ck_assert_int_eq(llmobs_adopt_next(adopt, &list[i]), 1);
        ck_assert(!list[i].killed);
        llmobs_item_free(list[i].item);
    }
    rc = llmobs_adopt_next(adopt, &last);
    ck_assert_int_eq(rc, 0);
    for (unsigned i = 0; i < count; i++)
        llmobs_adopt_release(adopt, &list[i].spooled, 1);
}

UNIT_FIXTURE(spool_begin, spool_end);

TEST(relay_takes_what_a_living_process_hands_over)
{
    begin_child();
    tell("khbh");
    take(0);
    become_relay();
    take(2);
    take(0);
    tell("hk");
    take(1);
    take(0);
    end_child();
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 3); /* two of its own, and one under way */
    ck_assert_uint_eq(killed, 1);
    ck_assert_int_eq(spool_dirs(), 0);
}

TEST(relay_has_a_file_of_a_process_that_ends)
{
    struct llmobs_adopted one;

    begin_child();
    tell("h");
    become_relay();
    ck_assert_int_eq(llmobs_adopt_next(adopt, &one), 1);
    llmobs_item_free(one.item);
    tell("l");
    take(0);
    llmobs_adopt_release(adopt, &one.spooled, 1);
    take(0);
    ck_assert_int_eq(spool_dirs(), 0);
    tell("h");
    take(1);
    end_child();
    take(0);
    ck_assert_int_eq(spool_dirs(), 0);
}

TEST(relay_takes_back_what_it_could_not_send)
{
    struct llmobs_adopted one, other;

    begin_child();
    tell("hh");
    become_relay();
    ck_assert_int_eq(llmobs_adopt_next(adopt, &one), 1);
    llmobs_item_free(one.item);
    ck_assert_int_eq(llmobs_adopt_next(adopt, &other), 1);
    llmobs_item_free(other.item);
    take(0);
    llmobs_adopt_release(adopt, &one.spooled, 1);
    llmobs_adopt_return(adopt, &other.spooled);
    take(1);
    take(0);
    end_child();
}

/* Of the files in the spool: how many are claimed, and how many there are. */
static unsigned files(const char *pattern)
{
    char path[160];
    glob_t found;
    unsigned count;

    snprintf(path, sizeof(path), "%s/%s", place, pattern);
    ck_assert_int_le(glob(path, 0, NULL, &found), GLOB_NOMATCH);
    count = (unsigned)found.gl_pathc;
    globfree(&found);
    return count;
}

/* A file goes once nothing in it is under way. */
TEST(relay_keeps_a_file_with_a_call_under_way)
{
    begin_child();
    tell("bh");
    become_relay();
    take(1);
    ck_assert_uint_eq(files("r.*"), 1);
    tell("h");
    ck_assert_uint_eq(files("o.*"), 1);
    take(1);
    ck_assert_uint_eq(files("o.*"), 0);
    ck_assert_uint_eq(files("r.*"), 1);
    tell("e");
    take(1);
    ck_assert_uint_eq(files("r.*"), 0);
    end_child();
}

/* It would take the file away from the calls that begin in it. */
TEST(relay_claims_no_file_without_an_end)
{
    begin_child();
    tell("b");
    become_relay();
    take(0);
    ck_assert_uint_eq(files("r.*"), 0);
    tell("k");
    take(0);
    ck_assert_uint_eq(files("r.*"), 0);
    end_child();
}

/* A process that lives long goes through more files than it can have at once:
 * those of which the relay has all are no longer its own. */
TEST(relay_takes_files_from_a_busy_process)
{
    spool->file_max = 1;
    for (int i = 0; i < 2 * LLMOBS_SPOOL_FILES; i++)
        keep_handed();
}

TEST(relay_leaves_what_another_has_claimed)
{
    spool_in_dead(keep_handed);
    begin_child();
    tell("a");
    become_relay();
    take(0);
    end_child();
    take(1);
    ck_assert_int_eq(spool_dirs(), 0);
}

TEST(relay_takes_what_was_claimed_before_an_exec)
{
    char answer;

    spool_in_dead(keep_handed);
    begin_child();
    tell("a");
    become_relay();
    take(0);
    ck_assert_int_eq(write(order, "x", 1), 1);
    ck_assert_int_eq(read(told, &answer, 1), 0); /* the program has begun */
    take(1);
    ck_assert_int_eq(spool_dirs(), 0);
    end_child();
}

/* A file that has not grown is passed over for a moment alone: its process may
 * have executed another program, or ended, and another may have its pid. */
TEST(relay_looks_again_at_what_rests)
{
    const struct timespec moment = {0, 50 * LLMOBS_NS_PER_MS};
    char answer;
    int rc = 0;

    begin_child();
    tell("k");
    become_relay();
    take(0);
    ck_assert_int_eq(write(order, "x", 1), 1);
    ck_assert_int_eq(read(told, &answer, 1), 0);
    for (int i = 0; i < 100 && rc == 0; i++) {
        nanosleep(&moment, NULL);
        rc = llmobs_adopt_next(adopt, &last);
    }
    ck_assert_int_eq(rc, 1);
    llmobs_item_free(last.item);
    llmobs_adopt_release(adopt, &last.spooled, 1);
    take(0);
    ck_assert_int_eq(spool_dirs(), 0);
    end_child();
}

static void name_of_file(char *name, size_t cap)
{
    char path[160];
    glob_t found;

    snprintf(path, sizeof(path), "%s/[ocr].*", place);
    ck_assert_int_eq(glob(path, 0, NULL, &found), 0);
    ck_assert_uint_eq(found.gl_pathc, 1);
    snprintf(name, cap, "%s", found.gl_pathv[0]);
    globfree(&found);
}

/* The process delivers its last call of the file, and leaves the file. */
TEST(relay_has_the_rest_of_a_file)
{
    struct llmobs_spooled one = spool_keep(1);

    keep_handed();
    llmobs_spool_set_ending(spool);
    llmobs_spool_release(spool, &one, 1);
    llmobs_spool_close(spool);
    ck_assert_int_eq(spool_files(), 1);
}

/* A thread of the process that opened the file before writes behind. */
TEST(relay_closes_what_it_claims)
{
    char name[160];
    int fd;

    begin_child();
    tell("bh");
    name_of_file(name, sizeof(name));
    fd = open(name, O_WRONLY | O_APPEND);
    become_relay();
    take(1);
    ck_assert_int_eq(
        llmobs_spool_file_write_line(fd, (struct llmobs_text){"a", 1}), 0);
    ck_assert_int_gt(lseek(fd, 0, SEEK_CUR), (off_t)LLMOBS_SPOOL_CLOSED);
    close(fd);
    tell("e");
    take(1);
    ck_assert_int_eq(spool_dirs(), 0);
    end_child();
}

TEST(relay_names_a_file_once)
{
    char first[160], second[160];

    spool_in_dead(keep_handed);
    become_relay();
    ck_assert_int_eq(llmobs_adopt_next(adopt, &last), 1);
    llmobs_item_free(last.item);
    ck_assert_int_eq(llmobs_adopt_next(adopt, &last), 0);
    llmobs_adopt_return(adopt, &last.spooled);
    name_of_file(first, sizeof(first));
    ck_assert_int_eq(llmobs_adopt_next(adopt, &last), 1);
    llmobs_item_free(last.item);
    name_of_file(second, sizeof(second));
    ck_assert_str_eq(first, second);
    llmobs_adopt_release(adopt, &last.spooled, 1);
    take(0);
    ck_assert_int_eq(spool_dirs(), 0);
}

TEST(relay_works_for_those_that_name_nothing)
{
    begin_child();
    tell("h");
    become_relay();
    unset = config;
    config.store_dir = NULL;
    llmobs_adopt_free(adopt);
    adopt = llmobs_adopt_new(&config, LLMOBS_ADOPT_SAME, NULL);
    take(0);
    ck_assert_int_eq(llmobs_adopt_set_relay(adopt, &unset, NULL), 0);
    take(1);
    end_child();
}

/* -- the sign ------------------------------------------------------------ */

TEST(relay_sign_says_for_whom)
{
    struct llmobs_owner *owner = llmobs_owner_new(&config), *other;
    const struct llmobs_owner *list[] = {owner};
    struct llmobs_relay_sign sign = {-1, NULL}, second = {-1, NULL};
    struct llmobs_config elsewhere = config;
    int dir;

    elsewhere.site = (char *)"elsewhere";
    other = llmobs_owner_new(&elsewhere);
    ck_assert_int_eq(mkdir(place, 0700), 0);
    ck_assert_int_eq(llmobs_spool_open_dir(&config, false, &dir), 0);
    ck_assert(!llmobs_relay_sign_is_up(dir, owner));
    ck_assert_int_eq(llmobs_relay_sign_write(&sign, dir, list, 1), 0);
    ck_assert(llmobs_relay_sign_is_up(dir, owner));
    ck_assert(llmobs_relay_sign_is_up(dir, NULL));
    ck_assert(!llmobs_relay_sign_is_up(dir, other));
    ck_assert_int_eq(llmobs_relay_find(&config), LLMOBS_RELAY_UP);
    ck_assert_int_eq(llmobs_relay_find(&elsewhere), LLMOBS_RELAY_OF_OTHERS);
    ck_assert_int_eq(llmobs_relay_sign_write(&second, dir, list, 1), -EBUSY);
    ck_assert(llmobs_relay_sign_is_up(dir, owner));
    llmobs_relay_sign_remove(&sign, dir);
    ck_assert(!llmobs_relay_sign_is_up(dir, NULL));
    ck_assert_int_eq(llmobs_relay_find(&config), LLMOBS_RELAY_NONE);
    ck_assert_int_eq(llmobs_relay_sign_write(&second, dir, list, 1), 0);
    llmobs_relay_sign_remove(&second, dir);
    close(dir);
    llmobs_owner_free(owner);
    llmobs_owner_free(other);
}

/* A relay of one destination has a sign of its own, beside the one for all. */
TEST(relay_sign_of_one_destination)
{
    struct llmobs_owner *owner = llmobs_owner_new(&config), *other;
    const struct llmobs_owner *list[] = {owner};
    struct llmobs_relay_sign all = {-1, NULL}, own = {-1, owner};
    const struct timespec to_come[2] = {{4000000000, 0}, {4000000000, 0}};
    struct llmobs_config elsewhere = config;
    char name[40];
    int dir;

    elsewhere.api_key = (char *)"another";
    other = llmobs_owner_new(&elsewhere);
    ck_assert_int_eq(mkdir(place, 0700), 0);
    ck_assert_int_eq(llmobs_spool_open_dir(&config, false, &dir), 0);
    snprintf(name, sizeof(name), LLMOBS_RELAY_SIGN "%u", geteuid());
    ck_assert_int_eq(llmobs_relay_sign_begin(dir, NULL), 0);
    ck_assert_int_eq(utimensat(dir, name, to_come, 0), 0);
    ck_assert_int_eq(llmobs_relay_sign_begin(dir, NULL), 0);
    ck_assert_int_eq(unlinkat(dir, name, 0), 0);
    ck_assert_int_eq(llmobs_relay_sign_begin(dir, owner), 0);
    ck_assert(!llmobs_relay_sign_is_up(dir, owner));
    ck_assert_int_eq(llmobs_relay_sign_begin(dir, owner), -EBUSY);
    ck_assert_int_eq(llmobs_relay_sign_begin(dir, other), 0);
    llmobs_relay_sign_give_up(dir, owner);
    ck_assert_int_eq(llmobs_relay_sign_begin(dir, owner), 0);
    ck_assert_int_eq(llmobs_relay_sign_write(&own, dir, list, 1), 0);
    ck_assert(llmobs_relay_sign_is_up(dir, owner));
    ck_assert(!llmobs_relay_sign_is_up(dir, other));
    ck_assert(!llmobs_relay_sign_is_up(dir, NULL));
    ck_assert_int_eq(llmobs_relay_sign_begin(dir, owner), -EBUSY);
    llmobs_relay_sign_give_up(dir, owner);
    ck_assert(llmobs_relay_sign_is_there(&own, dir));
    ck_assert(llmobs_relay_sign_is_held(dir, owner, NULL));
    ck_assert(!llmobs_relay_sign_is_held(dir, owner, &own));
    ck_assert(!llmobs_relay_sign_is_held(dir, other, NULL));
    ck_assert(llmobs_relay_sign_is_held(dir, owner, &all));
    ck_assert_int_eq(llmobs_relay_sign_write(&all, dir, list, 1), 0);
    ck_assert(llmobs_relay_sign_is_held(dir, owner, &own));
    llmobs_relay_sign_remove(&all, dir);
    llmobs_relay_sign_remove(&own, dir);
    ck_assert(!llmobs_relay_sign_is_up(dir, owner));
    ck_assert_int_eq(llmobs_relay_sign_begin(dir, owner), 0);
    close(dir);
    llmobs_owner_free(owner);
    llmobs_owner_free(other);
}

/* As of a relay that hangs, one that was killed, and one of another user. */
TEST(relay_sign_of_nobody)
{
    struct llmobs_owner *owner = llmobs_owner_new(&config);
    const struct llmobs_owner *list[] = {owner};
    const struct timespec long_ago[2] = {{1000000000, 0}, {1000000000, 0}};
    const struct timespec to_come[2] = {{4000000000, 0}, {4000000000, 0}};
    struct llmobs_relay_sign sign = {-1, NULL};
    char copy[256];
    ssize_t len;
    int dir;

    ck_assert_int_eq(mkdir(place, 0700), 0);
    ck_assert_int_eq(llmobs_spool_open_dir(&config, false, &dir), 0);
    ck_assert_int_eq(llmobs_relay_sign_write(&sign, dir, list, 1), 0);
    ck_assert_int_eq(futimens(sign.fd, long_ago), 0);
    ck_assert(!llmobs_relay_sign_is_up(dir, owner));
    ck_assert_int_eq(llmobs_relay_sign_renew(&sign), 0);
    ck_assert(llmobs_relay_sign_is_up(dir, owner));
    ck_assert_int_eq(futimens(sign.fd, to_come), 0);
    ck_assert(!llmobs_relay_sign_is_up(dir, owner));
    ck_assert_int_eq(llmobs_relay_sign_renew(&sign), 0);
    len = pread(sign.fd, copy, sizeof(copy), 0);
    ck_assert_int_gt(len, 0);
    ck_assert_int_eq(ftruncate(sign.fd, len - 1), 0);
    ck_assert(!llmobs_relay_sign_is_up(dir, owner));
    ck_assert(llmobs_relay_sign_is_held(dir, owner, NULL));
    /* of another version: it may run, and has no files of this one */
    copy[8]++;
    ck_assert_int_eq(pwrite(sign.fd, copy, (size_t)len, 0), len);
    ck_assert(!llmobs_relay_sign_is_up(dir, owner));
    ck_assert(llmobs_relay_sign_is_up(dir, NULL));
    ck_assert(!llmobs_relay_sign_is_held(dir, owner, NULL));
    copy[8]--;
    ck_assert_int_eq(pwrite(sign.fd, copy, (size_t)len, 0), len);
    ck_assert(llmobs_relay_sign_is_up(dir, owner));
    ck_assert(llmobs_relay_sign_is_held(dir, owner, NULL));
    close(sign.fd);
    ck_assert(!llmobs_relay_sign_is_up(dir, owner));
    if (geteuid() == 0) {
        ck_assert_int_eq(llmobs_relay_sign_write(&sign, dir, list, 1), 0);
        ck_assert_int_eq(fchown(sign.fd, 65534, 65534), 0);
        ck_assert(!llmobs_relay_sign_is_up(dir, owner));
        close(sign.fd);
    }
    close(dir);
    llmobs_owner_free(owner);
}

/* The one file gets the name of a claim in another pid namespace. */
static void claim_elsewhere(const char *letter)
{
    char from[160], to[260];

    name_of_file(from, sizeof(from));
    snprintf(to, sizeof(to), "%s/%s.1-2-3.4.%s", place, letter,
             strrchr(from, '/') + (strstr(from, "/o.") ? 3 : 11));
    ck_assert_int_eq(rename(from, to), 0);
}

/* Only its lock says whether it lives. */
TEST(relay_of_another_container)
{
    struct llmobs_owner *owner = llmobs_owner_new(&config);
    const struct llmobs_owner *list[] = {owner};
    struct llmobs_relay_sign sign = {-1, NULL};
    int dir;

    spool_in_dead(keep_handed);
    ck_assert_int_eq(llmobs_spool_open_dir(&config, false, &dir), 0);
    claim_elsewhere("c");
    take(0);
    ck_assert_int_eq(llmobs_relay_sign_write(&sign, dir, list, 1), 0);
    claim_elsewhere("r");
    take(0);
    llmobs_relay_sign_remove(&sign, dir);
    take(1);
    spool_in_dead(keep_handed);
    claim_elsewhere("r");
    become_relay();
    take(1);
    ck_assert_int_eq(spool_dirs(), 0);
    close(dir);
    llmobs_owner_free(owner);
}

/* -- the worker ----------------------------------------------------------- */

/* The process has had no call so far, and no files. */
TEST(relay_gets_the_first_event)
{
    static struct llmobs_worker *worker; /* nobody frees a worker */
    struct llmobs_owner *owner = llmobs_owner_new(&config);
    const struct llmobs_owner *list[] = {owner};
    struct llmobs_relay_sign sign = {-1, NULL};
    int dir;

    config.relay = true;
    ck_assert_int_eq(mkdir(place, 0700), 0);
    ck_assert_int_eq(llmobs_spool_open_dir(&config, false, &dir), 0);
    ck_assert_int_eq(llmobs_relay_sign_write(&sign, dir, list, 1), 0);
    worker = llmobs_worker_new(&config, llmobs_queue_new(65536), NULL);
    llmobs_account_set(&llmobs_worker_delivery(worker)->account, spool, NULL);
    ck_assert_int_eq(llmobs_worker_submit_event(worker, LLMOBS_EVENT_SPAN,
                                                (struct llmobs_text){"{}", 2}),
                     0);
    ck_assert_uint_eq(llmobs_worker_pending(worker), 0);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_left), 1);
    llmobs_relay_sign_remove(&sign, dir);
    close(dir);
    llmobs_owner_free(owner);
}

static int closed;

static void note_close(const struct llmobs_config *of)
{
    (void)of;
    closed++;
}

/* The counts of a call after the exit handler, too. */
TEST(relay_is_not_alone_to_count)
{
    static struct llmobs_worker *worker; /* nobody frees a worker */
    struct llmobs_owner *owner = llmobs_owner_new(&config);
    const struct llmobs_owner *list[] = {owner};
    struct llmobs_relay_sign sign = {-1, NULL};
    int dir;

    config.relay = true;
    ck_assert_int_eq(mkdir(place, 0700), 0);
    ck_assert_int_eq(llmobs_spool_open_dir(&config, false, &dir), 0);
    ck_assert_int_eq(llmobs_relay_sign_write(&sign, dir, list, 1), 0);
    worker = llmobs_worker_new(&config, llmobs_queue_new(65536), NULL);
    llmobs_account_set(&llmobs_worker_delivery(worker)->account, spool, NULL);
    llmobs_worker_delivery(worker)->close = note_close;
    closed = 0;
    llmobs_worker_stop(worker, 0);
    ck_assert_int_eq(closed, 1);
    ck_assert_int_eq(llmobs_worker_submit_event(worker, LLMOBS_EVENT_SPAN,
                                                (struct llmobs_text){"{}", 2}),
                     0);
    ck_assert_int_eq(closed, 2);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_left), 1);
    llmobs_relay_sign_remove(&sign, dir);
    close(dir);
    llmobs_owner_free(owner);
}

/* The look for a relay finds no sign. */
TEST(relay_that_is_missing_is_no_error_of_the_app)
{
    static struct llmobs_worker *worker; /* nobody frees a worker */
    static struct llmobs_exporter far = {.wants_warm = true};

    config.relay = true;
    config.thread = false;
    worker = llmobs_worker_new(&config, llmobs_queue_new(65536), &far);
    llmobs_account_set(&llmobs_worker_delivery(worker)->account, spool, NULL);
    ck_assert_int_eq(llmobs_spool_open(spool), 0);
    errno = 0;
    for (int i = 0; i < 2; i++) {
        atomic_store(&spool->relay_ns, 0);
        llmobs_worker_warm(worker);
        ck_assert_int_eq(errno, 0);
    }
}
