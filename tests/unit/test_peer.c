/* The markers of peers that are down: only a file that this user or root made
 * is believed. */
#include "core/export/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <dirent.h>

#include "lib/base/answers.h"
#include "lib/base/clock.h"
#include "tests/unit/unit.h"

#define URL "http://user:secret@127.0.0.1:8126"
/* True if a process that begins now would ask that peer. */
#define MAY_ASK(at) \
    llmobs_peer_may_ask(&(struct llmobs_peer){.config = &config, .url = (at)})

static struct llmobs_config config;
static char base[UNIT_DIRECTORY];
static char path[512];

static void setup(void)
{
    memset(&config, 0, sizeof(config));
    unit_directory(base);
    config.store_dir = base;
}

static void teardown(void)
{
    unit_remove(base);
}

/* The one file there; how many there are. */
static int find(void)
{
    DIR *list = opendir(base);
    int n = 0;

    for (struct dirent *entry; (entry = readdir(list));) {
        if (entry->d_name[0] == '.')
            continue;
        ck_assert_ptr_null(strstr(entry->d_name, "secret"));
        ck_assert_int_eq(strncmp(entry->d_name, "dead-", 5), 0);
        snprintf(path, sizeof(path), "%s/%s", base, entry->d_name);
        n++;
    }
    closedir(list);
    return n;
}

static void age(int64_t seconds)
{
    struct timespec now, times[2];

    clock_gettime(CLOCK_REALTIME, &now);
    times[0] = times[1] = (struct timespec){now.tv_sec - seconds, now.tv_nsec};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

UNIT_FIXTURE(setup, teardown);

TEST(a_down_marker_lasts_for_its_time)
{
    struct stat st;

    umask(0);
    ck_assert(MAY_ASK(URL));
    llmobs_peer_mark_down(&config, URL);
    ck_assert(!MAY_ASK(URL));
    ck_assert(MAY_ASK(URL "/"));
    ck_assert_int_eq(find(), 1);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
    ck_assert_int_eq(st.st_size, 0);
    age(29);
    ck_assert(!MAY_ASK(URL));
    age(31);
    ck_assert(MAY_ASK(URL));
    age(-100);
    ck_assert(MAY_ASK(URL));
    llmobs_peer_mark_down(&config, URL);
    ck_assert(!MAY_ASK(URL));
    llmobs_peer_unmark(&config, URL);
    ck_assert(MAY_ASK(URL));
    ck_assert_int_eq(find(), 0);
    llmobs_peer_unmark(&config, URL);
}

/* Neither followed nor believed. */
TEST(a_link_is_no_down_marker)
{
    char target[100];

    llmobs_peer_mark_down(&config, URL);
    ck_assert_int_eq(find(), 1);
    snprintf(target, sizeof(target), "%s-target", base);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink(target, path), 0);
    llmobs_peer_mark_down(&config, URL);
    ck_assert_int_ne(access(target, F_OK), 0);
    ck_assert(MAY_ASK(URL));
    llmobs_peer_unmark(&config, URL);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    llmobs_peer_mark_down(&config, URL);
    ck_assert(MAY_ASK(URL));
}

TEST(without_a_place_there_is_none)
{
    config.store_dir = "/proc/none/store";
    llmobs_peer_mark_down(&config, URL);
    ck_assert(MAY_ASK(URL));
    llmobs_peer_unmark(&config, URL);
}

/* Beside the store where the place is ours to choose. */
TEST(beside_the_store)
{
    if (geteuid() == 0)
        return;
    config.store_dir = NULL;
    config.xdg_state_home = base;
    llmobs_peer_mark_down(&config, URL);
    strcat(base, "/llmobs");
    ck_assert_int_eq(find(), 1);
    base[strlen(base) - strlen("/llmobs")] = '\0';
}

/* One that was silent gets no time of a process that begins, flushes or ends;
 * but the thread of one that lives asks it again. */
TEST(nobody_waits_for_a_silent_one)
{
    struct llmobs_exporter exporter = {.phase = LLMOBS_PHASE_RUNNING};
    struct llmobs_peer peer = {
        .exporter = &exporter, .config = &config, .url = strdup(URL)};

    llmobs_peer_mark_down(&config, URL);
    ck_assert_int_eq(llmobs_peer_begin(&peer), -EHOSTDOWN);
    ck_assert_int_eq(llmobs_peer_begin(&peer), 0);
    exporter.phase = LLMOBS_PHASE_AWAITED;
    ck_assert_int_eq(llmobs_peer_begin(&peer), -EHOSTDOWN);
    exporter.phase = LLMOBS_PHASE_ENDING;
    ck_assert_int_eq(llmobs_peer_begin(&peer), -EHOSTDOWN);
    exporter.phase = LLMOBS_PHASE_RUNNING;
    ck_assert_int_eq(llmobs_peer_begin(&peer), 0);
    llmobs_peer_answered(&peer);
    exporter.phase = LLMOBS_PHASE_AWAITED;
    ck_assert_int_eq(llmobs_peer_begin(&peer), 0);
    free(peer.url);
}

/* Of many processes one asks again when the time is over. */
TEST(one_asks_for_all)
{
    struct llmobs_exporter exporter = {.phase = LLMOBS_PHASE_RUNNING};
    struct llmobs_peer one = {
        .exporter = &exporter, .config = &config, .url = strdup(URL)};
    struct llmobs_peer other = one;

    llmobs_peer_mark_down(&config, URL);
    ck_assert_int_eq(find(), 1);
    age(31);
    ck_assert_int_eq(llmobs_peer_begin(&one), 0);
    ck_assert_int_eq(llmobs_peer_begin(&other), -EHOSTDOWN);
    exporter.phase = LLMOBS_PHASE_ENDING;
    ck_assert_int_eq(llmobs_peer_begin(&one), 0);
    ck_assert_int_eq(llmobs_peer_begin(&other), -EHOSTDOWN);
    /* It was cut: nobody knows. */
    llmobs_peer_failed(&one, -ECANCELED, llmobs_clock_mono_ns(), 1000);
    ck_assert_int_eq(llmobs_peer_begin(&other), -EHOSTDOWN);
    /* It is gone, and lets nobody wait. */
    llmobs_peer_failed(&one, -ECONNREFUSED, llmobs_clock_mono_ns(), 1000);
    ck_assert_int_eq(find(), 0);
    ck_assert_int_eq(llmobs_peer_begin(&other), 0);
    llmobs_peer_failed(&one, -ETIMEDOUT, llmobs_clock_mono_ns(), 1000);
    ck_assert_int_eq(llmobs_peer_begin(&one), -EHOSTDOWN);
    ck_assert_int_eq(llmobs_peer_begin(&other), -EHOSTDOWN);
    llmobs_peer_answered(&one);
    ck_assert_int_eq(llmobs_peer_begin(&one), 0);
    ck_assert_int_eq(llmobs_peer_begin(&other), 0);
    free(one.url);
}

/* An answer removes the marker that its process knows of. */
TEST(an_answer_removes_the_mark)
{
    struct llmobs_exporter exporter = {.phase = LLMOBS_PHASE_RUNNING};
    struct llmobs_peer peer = {
        .exporter = &exporter, .config = &config, .url = strdup(URL)};

    ck_assert_int_eq(llmobs_peer_begin(&peer), 0);
    llmobs_peer_mark_down(&config, URL);
    llmobs_peer_answered(&peer);
    ck_assert_int_eq(find(), 1);
    ck_assert_int_eq(llmobs_peer_begin(&peer), 0);
    llmobs_peer_answered(&peer);
    ck_assert_int_eq(find(), 0);
    llmobs_peer_failed(&peer, -ETIMEDOUT, llmobs_clock_mono_ns(), 1000);
    ck_assert_int_eq(find(), 1);
    llmobs_peer_answered(&peer);
    ck_assert_int_eq(find(), 0);
    free(peer.url);
}

/* -- answers --------------------------------------------------------------- */

static struct llmobs_answer answers[LLMOBS_ANSWERS];

/* A process of its own each time: it knows what is in the file alone. */
static void answer(const char *url, long status, int error)
{
    struct llmobs_exporter exporter = {.phase = LLMOBS_PHASE_RUNNING};
    struct llmobs_peer peer = {
        .exporter = &exporter, .config = &config, .url = strdup(url)};
    int dir = open(base, O_DIRECTORY | O_RDONLY);

    llmobs_peer_note(&peer, "agent", status, error, 0, status == 202);
    llmobs_answers_read(dir, answers);
    close(dir);
    free(peer.url);
}

TEST(a_row_of_failures_has_a_first)
{
    int64_t first;

    answer(URL, 0, -ECONNREFUSED);
    ck_assert_str_eq(answers[0].exporter, "agent");
    ck_assert_str_eq(answers[0].place, "http://127.0.0.1:8126");
    first = answers[0].since_ns;
    ck_assert_int_gt(first, 0);
    ck_assert_int_eq(answers[0].accepted_ns, 0);
    for (long status = 301; status < 600; status += 51) {
        answer(URL, status, 0);
        ck_assert_int_eq(answers[0].status, status);
        ck_assert_int_eq(answers[0].since_ns, first);
        ck_assert_int_gt(answers[0].last_ns, first);
    }
    answer(URL, 202, 0);
    ck_assert_int_eq(answers[0].since_ns, 0);
    ck_assert_int_gt(answers[0].accepted_ns, first);
    answer(URL, 403, 0);
    ck_assert_int_gt(answers[0].accepted_ns, first);
    ck_assert_int_gt(answers[0].since_ns, answers[0].accepted_ns);
    ck_assert_str_eq(answers[1].form, "");
}

TEST(the_oldest_answer_goes)
{
    char url[64];

    for (int i = 0; i < LLMOBS_ANSWERS + 1; i++) {
        snprintf(url, sizeof(url), "http://127.0.0.1:%d", i + 1);
        answer(url, 403, 0);
    }
    ck_assert_str_eq(answers[0].place, url);
    ck_assert_str_eq(answers[1].place, "http://127.0.0.1:2");
}

/* Bytes that are no answer of this version count as none, and are written
 * over. */
TEST(a_damaged_answer_is_none)
{
    char other[] = "answer1", text[16 + sizeof(answers->place)];
    int fd;

    answer(URL, 403, 0);
    snprintf(path, sizeof(path), "%s/answers", base);
    fd = open(path, O_WRONLY);
    ck_assert_int_eq(pwrite(fd, other, sizeof(other), 0), sizeof(other));
    answer("http://h", 403, 0);
    ck_assert_str_eq(answers[0].place, "http://h");
    memset(text, 'x', sizeof(text));
    ck_assert_int_eq(pwrite(fd, text, sizeof(text), 8), sizeof(text));
    answer(URL, 403, 0);
    ck_assert_uint_eq(strlen(answers[0].place), sizeof(text) - 16 - 1);
    ck_assert_int_eq(ftruncate(fd, 100), 0);
    close(fd);
    answer(URL, 202, 0);
    ck_assert_str_eq(answers[0].place, "http://127.0.0.1:8126");
    ck_assert_int_eq(answers[0].since_ns, 0);
}

/* SIGXFSZ would end the program. */
TEST(no_answer_beyond_a_limit_of_file_sizes)
{
    struct rlimit limit = {2047, 2047};

    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    answer(URL, 403, 0);
    ck_assert_str_eq(answers[0].form, "");
    snprintf(path, sizeof(path), "%s/answers", base);
    ck_assert_int_eq(access(path, F_OK), -1);
}

/* A link leads nowhere. */
TEST(a_link_for_the_answers_is_not_followed)
{
    snprintf(path, sizeof(path), "%s/answers", base);
    ck_assert_int_eq(symlink("../stolen", path), 0);
    answer(URL, 403, 0);
    ck_assert_str_eq(answers[0].form, "");
}
