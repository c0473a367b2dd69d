/* Tests the adoption of spool files that other processes left. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/process_id.h"
#include "lib/base/sanitizer.h"
#include "core/log/spool_file.h"
#include "tests/unit/spool_case.h"

static void leave_some(void)
{
    struct llmobs_spooled gone = spool_keep(1), event = {.id = 0};
    struct llmobs_exchange *e = spool_make(1), *no_call = spool_make(1);

    spool_keep(1);
    llmobs_spool_begin(spool, e, LLMOBS_STAGE_START);
    llmobs_spool_begin(spool, e, LLMOBS_STAGE_BEGIN);
    llmobs_spool_begin(spool, no_call, LLMOBS_STAGE_START);
    llmobs_spool_cancel(spool, no_call);
    llmobs_spool_release(spool, &gone, 1);
    llmobs_spool_write_event(spool, &event, LLMOBS_EVENT_SPAN,
                             (struct llmobs_text){"{}", 2});
    spool_keep(5 << 20);
    spool_keep(1);
}

UNIT_FIXTURE(spool_begin, spool_end);

TEST(test_adopt)
{
    spool_in_dead(leave_some);
    ck_assert_int_eq(spool_dirs(), 1);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 4);
    ck_assert_uint_eq(killed, 1);
    ck_assert_uint_eq(events, 1);
    ck_assert_int_eq(spool_dirs(), 0);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls + events, 0);
}

static void leave_long(void)
{
    spool_keep(100000);
}

/* The settings of a process may be longer than those of most. */
TEST(an_owner_with_long_settings)
{
    static char service[10000];

    memset(service, 's', sizeof(service) - 1);
    config.service = service;
    spool_in_dead(leave_long);
    config.service = NULL;
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 1);
    ck_assert_int_eq(spool_dirs(), 0);
}

static bool asks, stands;

static void leave_started(void)
{
    struct llmobs_exchange *e = spool_make(1);

    e->match.confirm = true;
    e->stands = stands;
    llmobs_headers_add(&e->request_headers, "content-type: text/x", 12);
    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_START), 0);
    if (!asks)
        return;
    spool_keep(5 << 20);
    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_BEGIN), 0);
}

/* By the later of its entries. */
static void adopt_started(void)
{
    struct llmobs_adopt_counts left;
    struct llmobs_exchange *e;

    spool_in_dead(leave_started);
    ck_assert_int_eq(llmobs_adopt_count(adopt, &left), 0);
    ck_assert_uint_eq(left.ours, asks ? 2 : 1);
    do {
        ck_assert_int_eq(llmobs_adopt_next(adopt, &last), 1);
        if (!last.killed)
            llmobs_item_free(last.item);
    } while (!last.killed);
    e = (struct llmobs_exchange *)last.item;
    ck_assert_int_eq(e->end, LLMOBS_END_KILLED);
    ck_assert_str_eq(e->url, "https://api.openai.com/v1/chat/completions");
    ck_assert_uint_eq(e->request_headers.count, asks ? 1 : 0);
    ck_assert_int_eq(e->request.total > 0, asks);
    ck_assert_int_eq(llmobs_body_head(&e->request).len > 0, asks);
    ck_assert_int_eq(e->match.confirm, asks || !stands);
    ck_assert(last.uncounted);
    ck_assert_int_eq(llmobs_adopt_next(adopt, &last), 0);
    llmobs_exchange_free(e);
}

TEST(test_started)
{
    asks = false;
    stands = true;
    adopt_started();
}

TEST(test_started_unsure)
{
    asks = stands = false;
    adopt_started();
}

TEST(test_started_and_asked)
{
    asks = true;
    adopt_started();
}

/* Given back they come again, and a killed call is counted once. */
TEST(test_give_back)
{
    unsigned uncounted = 0;

    spool_in_dead(leave_some);
    for (int i = 0; i < 2; i++) {
        while (llmobs_adopt_next(adopt, &last) == 1) {
            uncounted += last.uncounted;
            llmobs_item_free(last.item);
            llmobs_adopt_return(adopt, &last.spooled);
            calls++;
            if (calls % 5 == 0)
                break;
        }
        ck_assert_int_eq(spool_dirs(), 1);
        llmobs_adopt_free(adopt);
        adopt = llmobs_adopt_new(&config, LLMOBS_ADOPT_SAME, NULL);
    }
    ck_assert_uint_eq(uncounted, 1);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 4);
    ck_assert_uint_eq(events, 1);
    ck_assert_int_eq(spool_dirs(), 0);
}

static void leave_four(void)
{
    for (int i = 0; i < 4; i++)
        spool_keep(1);
}

static void leave_two(void)
{
    spool_keep(1);
    spool_keep(1);
}

/* Finds the one file. */
static void find_file(char path[256])
{
    char pattern[128];
    glob_t found;

    snprintf(pattern, sizeof(pattern), "%s/[ocr].*-1", place);
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    ck_assert_uint_eq(found.gl_pathc, 1);
    snprintf(path, 256, "%s", found.gl_pathv[0]);
    globfree(&found);
}

/* Of that file. */
static unsigned notes(void)
{
    struct llmobs_entry_key key;
    struct llmobs_entry entry;
    struct llmobs_buf text;
    char path[256];
    unsigned n = 0;
    size_t at = 0;

    find_file(path);
    llmobs_buf_init(&text, 1 << 20);
    ck_assert_int_eq(llmobs_spool_file_read(path, 0, 1 << 20, &text), 0);
    ck_assert_int_eq(llmobs_entry_file_read(llmobs_buf_text(&text), &key), 0);
    while (llmobs_entry_next(&key, (struct llmobs_text){text.data, text.len},
                             &at, &entry))
        n += entry.type == LLMOBS_ENTRY_RELEASE;
    llmobs_buf_fini(&text);
    return n;
}

/* A kill between two notes of a batch would repeat a part of it. */
TEST(test_one_note_a_batch)
{
    struct llmobs_spooled list[3];

    spool_in_dead(leave_four);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(llmobs_adopt_next(adopt, &last), 1);
        llmobs_item_free(last.item);
        list[i] = last.spooled;
    }
    llmobs_adopt_release(adopt, list, 3);
    ck_assert_uint_eq(notes(), 1);
    llmobs_adopt_free(adopt);
    adopt = llmobs_adopt_new(&config, LLMOBS_ADOPT_SAME, NULL);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 1);
    ck_assert_int_eq(spool_dirs(), 0);
}

/* That file grows no more: the disk has no room. */
static void fill_disk(void)
{
    struct rlimit limit;
    struct stat st;
    char path[256];

    find_file(path);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = (rlim_t)st.st_size;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A span that the adopter adds to a call's file and delivers: released in its
 * place, as there is no room for a note, and given to nobody again. */
TEST(test_added_on_a_full_disk)
{
    struct llmobs_spooled added, beside[2];

    spool_in_dead(leave_two);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(llmobs_adopt_next(adopt, &last), 1);
        llmobs_item_free(last.item);
        beside[i] = last.spooled;
    }
    ck_assert_int_eq(llmobs_adopt_add(adopt, &beside[1], 77,
                                      (struct llmobs_text){"{}", 2}, &added),
                     0);
    fill_disk();
    llmobs_adopt_release(adopt, &added, 1);
    for (size_t i = 0; i < 2; i++)
        llmobs_adopt_return(adopt, &beside[i]);
    llmobs_adopt_free(adopt);
    adopt = llmobs_adopt_new(&config, LLMOBS_ADOPT_SAME, NULL);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 2);
    ck_assert_uint_eq(events, 0);
}

static void leave_and_note(void)
{
    struct llmobs_spooled one = spool_keep(1);

    llmobs_spool_write_delivered_to(spool, &one, 1);
    one = spool_keep(1);
    llmobs_spool_write_delivered_to(spool, &one, 2);
    llmobs_spool_write_delivered_to(spool, &one, 4);
}

TEST(test_had)
{
    unsigned sum = 0;

    spool_in_dead(leave_and_note);
    while (llmobs_adopt_next(adopt, &last) == 1) {
        sum = sum * 10 + last.item->delivered_to;
        llmobs_item_free(last.item);
        llmobs_adopt_release(adopt, &last.spooled, 1);
    }
    ck_assert_uint_eq(sum, 16);
}

/* -- files of one call each ---------------------------------------------- */

/* More than one process claims at a time. */
#define CLAIMED 64
#define SHORT_ONES (CLAIMED + 6)

static void leave_one_call(void)
{
    spool_keep(1);
}

/* Takes as many entries as it can; gives how many. */
static size_t take_a_batch(struct llmobs_spooled *list)
{
    size_t n = 0;
    int rc;

    while ((rc = llmobs_adopt_next(adopt, &last)) == 1) {
        ck_assert_uint_lt(n, SHORT_ONES);
        llmobs_item_free(last.item);
        list[n++] = last.spooled;
    }
    ck_assert_int_eq(rc, n == CLAIMED ? -EAGAIN : 0);
    return n;
}

TEST(test_short_ones)
{
    struct llmobs_spooled list[SHORT_ONES];
    struct llmobs_adopt_counts left;

    ck_assert_int_eq(llmobs_adopt_any(adopt), 0);
    for (int i = 0; i < SHORT_ONES; i++)
        spool_in_dead(leave_one_call);
    ck_assert_int_eq(llmobs_adopt_any(adopt), 1);
    ck_assert_uint_eq(take_a_batch(list), CLAIMED);
    ck_assert_int_eq(spool_dirs(), SHORT_ONES);
    ck_assert_int_eq(llmobs_adopt_count(adopt, &left), -EBUSY);
    llmobs_adopt_release(adopt, list, CLAIMED);
    ck_assert_uint_eq(take_a_batch(list), SHORT_ONES - CLAIMED);
    ck_assert_int_eq(spool_dirs(), SHORT_ONES - CLAIMED);
    for (int i = SHORT_ONES - CLAIMED; i-- > 0;)
        llmobs_adopt_release(adopt, list + i, 1);
    ck_assert_int_eq(spool_dirs(), 0);
    ck_assert_int_eq(llmobs_adopt_any(adopt), 0);
}

static void die_in_a_batch(void)
{
    struct llmobs_spooled list[SHORT_ONES];

    llmobs_adopt_forget(adopt);
    ck_assert_uint_eq(take_a_batch(list), 5);
    llmobs_adopt_release(adopt, list, 2);
}

/* The next process gets the entries that the dead one did not let go of. */
TEST(test_death_in_a_batch)
{
    for (int i = 0; i < 5; i++)
        spool_in_dead(leave_one_call);
    spool_in_dead(die_in_a_batch);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 3);
    ck_assert_int_eq(spool_dirs(), 0);
}

/* Of several files each keeps its own entries. */
TEST(test_give_back_some)
{
    struct llmobs_spooled list[SHORT_ONES];

    for (int i = 0; i < 4; i++)
        spool_in_dead(leave_one_call);
    ck_assert_uint_eq(take_a_batch(list), 4);
    llmobs_adopt_return(adopt, &list[1]);
    llmobs_adopt_release(adopt, &list[0], 1);
    llmobs_adopt_release(adopt, &list[2], 2);
    ck_assert_int_eq(spool_dirs(), 1);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 1);
    ck_assert_int_eq(spool_dirs(), 0);
}

/* -- without memory ------------------------------------------------------ */

#if !LLMOBS_ASAN && !LLMOBS_TSAN
#define BIG ((size_t)2560 * 1024)

static void leave_small_and_big(void)
{
    spool_keep(0);
    spool_keep(BIG);
}

static void leave_big_released(void)
{
    struct llmobs_spooled big = spool_keep(BIG);

    spool_keep(0);
    llmobs_spool_release(spool, &big, 1);
}

/* From now on there is no more memory than is in use. */
static struct rlimit end_memory(void)
{
    struct rlimit was, none;
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    ck_assert(f && fscanf(f, "%lu", &pages) == 1);
    fclose(f);
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &was), 0);
    none = was;
    none.rlim_cur = pages * (rlim_t)sysconf(_SC_PAGESIZE);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
    return was;
}

/* A call for which there was no memory comes again. */
TEST(test_adopt_short_of_memory)
{
    struct rlimit was;

    spool_in_dead(leave_small_and_big);
    ck_assert_int_eq(llmobs_adopt_next(adopt, &last), 1);
    llmobs_item_free(last.item);
    was = end_memory();
    ck_assert_int_eq(llmobs_adopt_next(adopt, &last), -ENOMEM);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &was), 0);
    ck_assert_int_eq(llmobs_adopt_next(adopt, &last), 1);
    ck_assert_uint_gt(
        llmobs_body_head(&((struct llmobs_exchange *)last.item)->response).len,
        BIG - 1);
    llmobs_item_free(last.item);
    for (int i = 0; i < 2; i++)
        llmobs_adopt_return(adopt, &last.spooled);
    ck_assert_int_eq(spool_dirs(), 1);
}

/* Nor does what was released come, because nobody could read of it. */
TEST(test_survey_short_of_memory)
{
    struct rlimit was;
    void *volatile room;

    spool_in_dead(leave_big_released);
    /* A part of a file can still be read. */
    ck_assert_int_eq(mallopt(M_MMAP_THRESHOLD, 32 << 20), 1);
    ck_assert_int_eq(mallopt(M_TRIM_THRESHOLD, 64 << 20), 1);
    room = malloc(1 << 20);
    free(room);
    was = end_memory();
    ck_assert_int_eq(llmobs_adopt_next(adopt, &last), -ENOMEM);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &was), 0);
    for (int i = 0; i < 2 && spool_dirs() > 0; i++)
        spool_adopt_all(true);
    ck_assert_uint_eq(calls, 1);
    ck_assert_int_eq(spool_dirs(), 0);
}
#endif

/* Neither the living's, nor our own, nor another tenant's. */
TEST(test_not_for_us)
{
    char *const key = "another key";
    int to[2], from[2];
    char byte;
    pid_t pid;

    spool_in_dead(leave_some);
    config.api_key = key;
    llmobs_adopt_free(adopt);
    adopt = llmobs_adopt_new(&config, LLMOBS_ADOPT_SAME, NULL);
    llmobs_adopt_set_own(adopt, spool);
    llmobs_spool_reset(spool);
    spool_keep(1);
    ck_assert(pipe(to) == 0 && pipe(from) == 0);
    pid = fork();
    if (pid == 0) {
        llmobs_spool_reset(spool);
        spool_keep(1);
        if (write(from[1], "x", 1) != 1 || read(to[0], &byte, 1) != 1)
            _exit(1);
        _exit(0);
    }
    ck_assert_int_eq(read(from[0], &byte, 1), 1);
    ck_assert_int_eq(spool_dirs(), 3);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 0);
    ck_assert_int_eq(write(to[1], "x", 1), 1);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 1);
    ck_assert_int_eq(spool_dirs(), 2);
    for (int i = 0; i < 2; i++) {
        close(to[i]);
        close(from[i]);
    }
}

/* A file cut anywhere, or with other bytes: what is whole comes, once. */
TEST(test_damaged)
{
    char command[300];

    spool_in_dead(leave_some);
    snprintf(command, sizeof(command),
             "cd %s; file=$(echo o.*-1); printf garbage >> $file; "
             "truncate -s -100 $file; mkfifo ${file%%1}7; "
             "ln -s /etc/passwd ${file%%1}8; : > ${file%%1}9",
             place);
    ck_assert_int_eq(system(command), 0);
    spool_adopt_all(false);
    ck_assert_uint_ge(calls, 2);
    ck_assert_int_eq(spool_dirs(), 1);
}

/* -- strangers' bytes ---------------------------------------------------- */

/* As much of a whole file as a process of another key writes. */
static size_t add_forged(char *to, const struct llmobs_entry_key *by,
                         uint64_t victim)
{
    struct llmobs_entry_writer writer;
    struct llmobs_entry_file file;
    size_t len = sizeof(file);

    llmobs_entry_file(&file, by);
    memcpy(to, &file, sizeof(file));
    for (int type = LLMOBS_ENTRY_OWNER; type <= LLMOBS_ENTRY_DELIVERED_TO;
         type++) {
        llmobs_entry_begin(&writer, (enum llmobs_entry_type)type, victim);
        llmobs_entry_add(&writer, 1, &victim, sizeof(victim));
        ck_assert_int_eq(writer.failed, 0);
        (void)llmobs_entry_end(&writer, by);
        memcpy(to + len, &writer.start, writer.filled);
        len += writer.filled;
    }
    return len;
}

/* An answer that holds entries, of which one releases the first call. */
static void leave_forged(void)
{
    struct llmobs_spooled first = spool_keep(1);
    struct llmobs_exchange *e = spool_make(1);
    struct llmobs_entry_key guessed = {0};
    char text[4096];
    size_t len = add_forged(text, &guessed, first.id);

    llmobs_exchange_received(e, text, len);
    spool_keep(1);
    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_BEGIN), 0);
    ck_assert_int_eq(llmobs_spool_end(spool, e), 0);
    llmobs_exchange_free(e);
}

/* Cut before the end of that answer's entry: its call is one that was killed,
 * and nothing else changes. */
TEST(test_forged_answer)
{
    char command[300];

    spool_in_dead(leave_forged);
    snprintf(command, sizeof(command), "truncate -s -40 %s/o.*-1", place);
    ck_assert_int_eq(system(command), 0);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 3);
    ck_assert_uint_eq(killed, 1);
    ck_assert_uint_eq(events, 0);
    ck_assert_int_eq(spool_dirs(), 0);
}

static void leave_before_time(void)
{
    struct llmobs_exchange *e;

    spool_keep(1);
    e = spool_make(2);
    e->start_wall_ns = INT64_MIN + 1;
    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_BEGIN), 0);
    llmobs_exchange_free(e);
}

/* A call that began before any clock is damaged: its entry stays, and the
 * others come. */
TEST(test_before_time)
{
    spool_in_dead(leave_before_time);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 1);
    ck_assert_int_eq(spool_dirs(), 1);
}

static void leave_one(void)
{
    spool_keep(1);
}

/* A later version's file stays, also beside one that we deliver. */
TEST(test_later_version)
{
    char command[300];

    for (int more = 0; more < 2; more++) {
        spool_in_dead(leave_one);
        snprintf(command, sizeof(command),
                 "cd %s && one=$(echo o.*-1) && cp $one ${one%%1}2 && "
                 "printf '\\011' | "
                 "dd of=$one bs=1 seek=8 conv=notrunc 2>/dev/null && %s",
                 place, more ? "true" : "rm ${one%1}2");
        ck_assert_int_eq(system(command), 0);
        spool_adopt_all(true);
        ck_assert_uint_eq(calls, (unsigned)more);
        ck_assert_int_eq(spool_dirs(), 1);
        unit_remove(place);
    }
}

/* The entries of a dead process of which a reader has closed the file. */
static void leave_closed(void)
{
    struct llmobs_exchange *e = spool_make(1), *late = spool_make(1);
    char path[PATH_MAX];

    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_START), 0);
    llmobs_spool_file_path(spool_prefix(), 1, path);
    ck_assert_int_eq(llmobs_spool_file_close(path), 0);
    ck_assert_int_eq(llmobs_spool_begin(spool, late, LLMOBS_STAGE_START), 0);
    ck_assert_uint_eq(late->item.spooled.file, 2);
    ck_assert_int_eq(llmobs_spool_end(spool, e), 0);
    ck_assert_int_eq(llmobs_spool_end(spool, late), 0);
}

/* A call that ends behind the closing counts; one that begins there is in the
 * next file, and there alone. */
TEST(test_closed)
{
    spool_in_dead(leave_closed);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 2);
    ck_assert_uint_eq(killed, 0);
    ck_assert_int_eq(spool_dirs(), 0);
}

/* As a writer that knows no limit leaves it: of an earlier version, as long as
 * the answers to all calls that were under way. */
static void leave_closed_and_long(void)
{
    struct llmobs_exchange *e = spool_make(1);
    const size_t piece = (size_t)4 << 20;
    char *junk = malloc(piece), path[PATH_MAX];
    int fd;

    memset(junk, 'x', piece);
    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_START), 0);
    llmobs_spool_file_path(spool_prefix(), 1, path);
    ck_assert_int_eq(llmobs_spool_file_close(path), 0);
    fd = llmobs_spool_file_open(path, O_WRONLY | O_APPEND);
    ck_assert_int_ge(fd, 0);
    for (size_t n = 0; n < LLMOBS_SPOOL_TEXT; n += piece)
        ck_assert_int_eq(write(fd, junk, piece), (ssize_t)piece);
    close(fd);
    free(junk);
}

/* It keeps nobody from the files behind it. */
TEST(test_closed_and_long)
{
    spool_in_dead(leave_closed_and_long);
    spool_in_dead(leave_one);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 2);
    ck_assert_uint_eq(killed, 1);
    ck_assert_int_eq(spool_dirs(), 0);
}

/* A call that a child completes, and one that its process completes as well. */
static void leave_completed(void)
{
    for (int own = 0; own < 2; own++) {
        struct llmobs_exchange *e = spool_make(1);

        ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_START), 0);
        ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_BEGIN), 0);
        llmobs_spool_end_parents(spool, e);
        if (own)
            ck_assert_int_eq(llmobs_spool_end(spool, e), 0);
        llmobs_exchange_free(e);
    }
}

TEST(test_ended_by_a_child_as_well)
{
    spool_in_dead(leave_completed);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 2);
    ck_assert_uint_eq(killed, 0);
    ck_assert_int_eq(spool_dirs(), 0);
}

/* A thread that an exit waits for looks at no file. */
TEST(test_in_time)
{
    spool_in_dead(leave_some);
    spool_in_dead(leave_one);
    llmobs_adopt_stop(adopt, true);
    ck_assert_int_eq(llmobs_adopt_next(adopt, &last), 0);
    llmobs_adopt_stop(adopt, false);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 5);
    ck_assert_int_eq(spool_dirs(), 0);
}

/* -- calls under way ------------------------------------------------------- */

static struct llmobs_adopt_call seen;
static uint64_t progress_id;
static unsigned seen_count;

/* The other process is a copy of this one. */
static int see(void *ctx, const struct llmobs_adopt_call *call)
{
    const struct iovec there = {(void *)(uintptr_t)call->place.progress,
                                sizeof(struct llmobs_progress)};
    struct llmobs_progress progress = {0};
    const struct iovec here = {&progress, sizeof(progress)};

    (void)ctx;
    seen = *call;
    seen_count++;
    ck_assert_int_eq(process_vm_readv(call->pid, &here, 1, &there, 1, 0),
                     sizeof(progress));
    ck_assert_uint_eq(progress.sign, LLMOBS_PROGRESS_SIGN);
    ck_assert_uint_eq(progress.received, 7);
    progress_id = progress.id;
    ck_assert_str_eq(call->exchange->url,
                     "https://api.openai.com/v1/chat/completions");
    return 0;
}

/* One that has ended, one that was none, one that begins, one that is on. */
static void have_some(int to, int from)
{
    struct llmobs_exchange *e = spool_make(7), *no_call = spool_make(7);
    char byte;

    llmobs_spool_reset(spool);
    spool_keep(1);
    llmobs_spool_begin(spool, no_call, LLMOBS_STAGE_START);
    llmobs_spool_cancel(spool, no_call);
    llmobs_spool_begin(spool, e, LLMOBS_STAGE_START);
    if (write(to, "s", 1) != 1 || read(from, &byte, 1) != 1)
        _exit(1);
    llmobs_spool_begin(spool, e, LLMOBS_STAGE_BEGIN);
    if (write(to, "b", 1) != 1 || read(from, &byte, 1) != 1)
        _exit(1);
    llmobs_spool_end(spool, e);
    if (write(to, "e", 1) != 1 || read(from, &byte, 1) != 1)
        _exit(1);
    _exit(0);
}

static void expect_under_way(int fd, unsigned count)
{
    char byte;

    ck_assert_int_eq(read(fd, &byte, 1), 1);
    seen_count = 0;
    ck_assert_int_eq(llmobs_adopt_under_way(adopt, see, NULL), 0);
    ck_assert_uint_eq(seen_count, count);
}

TEST(test_under_way)
{
    int answers[2], orders[2], status;
    pid_t child;

    ck_assert_int_eq(pipe(answers) | pipe(orders), 0);
    child = fork();
    if (child == 0)
        have_some(answers[1], orders[0]);
    for (int i = 0; i < 2; i++) {
        expect_under_way(answers[0], 1);
        ck_assert_int_eq(seen.pid, child);
        ck_assert(!seen.elsewhere && seen.start);
        ck_assert_uint_eq(progress_id, seen.id);
        ck_assert_uint_eq(seen.place.thread,
                          (uintptr_t)__builtin_thread_pointer());
        ck_assert_int_eq(write(orders[1], "", 1), 1);
    }
    expect_under_way(answers[0], 0);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
}

/* An entry with fewer numbers does not say where the call is. */
TEST(test_unknown_place)
{
    struct llmobs_exchange_place found = {1, 1};
    struct llmobs_entry_writer *writer = malloc(sizeof(*writer));
    const struct llmobs_entry_key key = {1, {2, 3}};
    const int64_t numbers[26] = {1, 2, 3};
    struct llmobs_entry entry;
    char text[4096];
    size_t at = 0, len = 0;

    llmobs_entry_begin(writer, LLMOBS_ENTRY_BEGIN, 5);
    llmobs_entry_add(writer, 1, numbers, sizeof(numbers));
    ck_assert_int_eq(writer->failed, 0);
    (void)llmobs_entry_end(writer, &key);
    for (int i = 0; i < writer->pieces; i++) {
        memcpy(text + len, writer->iov[i].iov_base, writer->iov[i].iov_len);
        len += writer->iov[i].iov_len;
    }
    free(writer);
    ck_assert(
        llmobs_entry_next(&key, (struct llmobs_text){text, len}, &at, &entry));
    llmobs_exchange_entry_place(&entry, &found);
    ck_assert(found.thread == 0 && found.progress == 0);
}

/* The first process of a pid namespace, and its child, where /proc is still
 * that of the namespace above: there their numbers are others' processes. */
static int starts_beside_proc(void)
{
    uint64_t start, program, child_start, child_program;
    pid_t child = fork();

    if (child == 0)
        for (;;)
            pause();
    if (getpid() != 1 || llmobs_process_program(1, &start, &program) != 0 ||
        llmobs_process_program(child, &child_start, &child_program) != 0)
        return 1;
    return start || program || child_start || child_program ? 2 : 0;
}

TEST(of_another_proc)
{
    int status;
    pid_t pid, child = fork();

    if (child == 0) {
        if (unshare(CLONE_NEWPID) != 0 &&
            unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0)
            _exit(0); /* no namespaces here */
        pid = fork();
        if (pid == 0)
            _exit(starts_beside_proc());
        _exit(waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 3);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
