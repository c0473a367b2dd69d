/* Tests name resolution. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fork_gate.h"
#include "lib/base/sanitizer.h"
#include "lib/base/thread.h"
#include "core/export/target.h"
#include "core/export/resolve.h"
#include "tests/unit/unit.h"

static void nap(int ms)
{
    const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

/* -- a name server of our own ------------------------------------------- */

struct dns {
    int fd;
    char file[64];
    atomic_bool stop;
    atomic_int delay_ms;
    atomic_int failing; /* SERVFAIL */
    atomic_int questions;
    pthread_t thread;
};

/* Every name is 127.0.0.77 and has no IPv6 address. */
static size_t make_answer(unsigned char *q, size_t len, bool failing)
{
    static const unsigned char record[] = {0xc0, 12, 0, 1, 0,   1, 0, 0,
                                           0,    1,  0, 4, 127, 0, 0, 77};
    size_t end = 12;

    while (end < len && q[end])
        end += q[end] + 1u;
    end += 5;
    q[2] = 0x84;
    q[3] = failing ? 0x82 : 0x80;
    q[6] = q[8] = q[9] = q[10] = q[11] = q[7] = 0;
    if (failing || end > len || q[end - 3] != 1)
        return end;
    q[7] = 1;
    memcpy(q + end, record, sizeof(record));
    return end + sizeof(record);
}

static void *dns_main(void *arg)
{
    struct dns *dns = arg;
    unsigned char text[1024];
    struct sockaddr_in from;
    socklen_t len;

    while (!atomic_load(&dns->stop)) {
        ssize_t n;

        len = sizeof(from);
        n = recvfrom(dns->fd, text, 512, 0, (struct sockaddr *)&from, &len);
        if (n < 17)
            continue;
        atomic_fetch_add(&dns->questions, 1);
        nap(atomic_load(&dns->delay_ms));
        sendto(dns->fd, text,
               make_answer(text, (size_t)n, atomic_load(&dns->failing)), 0,
               (struct sockaddr *)&from, len);
    }
    return NULL;
}

/* Needs a namespace of our own for /etc/resolv.conf; false where that is not
 * allowed. The test's process keeps it until its end. */
static bool dns_start(struct dns *dns)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
    const struct timeval tick = {0, 20000};
    FILE *file;

    memset(dns, 0, sizeof(*dns));
    inet_pton(AF_INET, "127.9.9.9", &at.sin_addr);
    dns->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(dns->file, sizeof(dns->file), "/tmp/llmobs-resolv-%d",
             (int)getpid());
    file = fopen(dns->file, "w");
    if (!file)
        return false;
    fputs("nameserver 127.9.9.9\noptions timeout:10 attempts:1\n", file);
    fclose(file);
    if (bind(dns->fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        unshare(CLONE_NEWNS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount(dns->file, "/etc/resolv.conf", NULL, MS_BIND, NULL) != 0) {
        close(dns->fd);
        unlink(dns->file);
        return false;
    }
    setsockopt(dns->fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick));
    pthread_create(&dns->thread, NULL, dns_main, dns);
    return true;
}

static void dns_stop(struct dns *dns)
{
    atomic_store(&dns->stop, true);
    pthread_join(dns->thread, NULL);
    close(dns->fd);
    umount("/etc/resolv.conf");
    unlink(dns->file);
}

static int get(struct llmobs_resolve *resolve, const char *host, char *out)
{
    int rc;

    while ((rc = llmobs_resolve_get(resolve, host, true, out)) == -EINPROGRESS)
        llmobs_resolve_wait(resolve, 20);
    return rc;
}

/* -- look-ups ----------------------------------------------------------- */

TEST(local_names)
{
    static const char *const names[] = {"localhost", "localhost.",
                                        "api.localhost", "x.y.localhost."};
    struct llmobs_resolve *resolve = llmobs_resolve_new();
    char out[LLMOBS_RESOLVE_TEXT_MAX];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_int_eq(llmobs_resolve_get(resolve, names[i], true, out), 0);
        ck_assert_str_eq(out, "127.0.0.1,::1");
    }
    ck_assert_int_ne(llmobs_resolve_get(resolve, "notlocalhost", true, out), 0);
    llmobs_resolve_free(resolve);
}

TEST(keeps_answers)
{
    struct llmobs_resolve *resolve;
    char out[LLMOBS_RESOLVE_TEXT_MAX];
    struct dns dns;
    int asked;

    if (!dns_start(&dns))
        return;
    resolve = llmobs_resolve_new();
    ck_assert_int_eq(get(resolve, "one.test", out), 0);
    ck_assert_str_eq(out, "127.0.0.77");
    asked = atomic_load(&dns.questions);
    ck_assert_int_ge(asked, 1);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(llmobs_resolve_get(resolve, "one.test", true, out), 0);
    ck_assert_int_eq(atomic_load(&dns.questions), asked);
    /* A young answer is not doubted. */
    llmobs_resolve_doubt(resolve, "one.test");
    ck_assert_int_eq(llmobs_resolve_get(resolve, "one.test", true, out), 0);
    ck_assert_int_eq(atomic_load(&dns.questions), asked);
    /* Many names: the oldest goes. */
    for (int i = 0; i < 20; i++) {
        char name[32];

        snprintf(name, sizeof(name), "n%d.test", i);
        ck_assert_int_eq(get(resolve, name, out), 0);
        ck_assert_str_eq(out, "127.0.0.77");
    }
    /* Without a thread, and a failure that is not kept. */
    ck_assert_int_eq(llmobs_resolve_get(resolve, "two.test", false, out), 0);
    atomic_store(&dns.failing, 1);
    ck_assert_int_eq(get(resolve, "three.test", out), -EHOSTUNREACH);
    atomic_store(&dns.failing, 0);
    ck_assert_int_eq(get(resolve, "three.test", out), 0);
    llmobs_resolve_free(resolve);
    dns_stop(&dns);
}

/* A dead name server holds up nobody, and one look-up runs at a time. */
TEST(slow_answers)
{
    struct llmobs_resolve *resolve;
    char out[LLMOBS_RESOLVE_TEXT_MAX];
    struct dns dns;
    int64_t began = llmobs_clock_mono_ns();

    if (!dns_start(&dns))
        return;
    resolve = llmobs_resolve_new();
    atomic_store(&dns.delay_ms, 1000);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(llmobs_resolve_get(resolve, "slow.test", true, out),
                         -EINPROGRESS);
        llmobs_resolve_wait(resolve, 5);
    }
    ck_assert_int_lt(unit_ms_since(began), 900);
    ck_assert_int_le(atomic_load(&dns.questions), 2);
    ck_assert_int_eq(get(resolve, "slow.test", out), 0);
    /* Freed in the middle of a look-up. */
    atomic_store(&dns.delay_ms, 300);
    ck_assert_int_eq(llmobs_resolve_get(resolve, "gone.test", true, out),
                     -EINPROGRESS);
    llmobs_resolve_free(resolve);
    nap(900);
    dns_stop(&dns);
}

#if !LLMOBS_ASAN && !LLMOBS_TSAN
/* -- forks -------------------------------------------------------------- */

struct looker {
    atomic_bool stop;
    atomic_int done;
};

/* An exporter against names that have to be looked up each time:
 * more of them than are kept. */
static void *look_on(void *arg)
{
    struct looker *looker = arg;
    struct llmobs_resolve *resolve = llmobs_resolve_new();

    for (int i = 0; !atomic_load(&looker->stop); i++) {
        char out[LLMOBS_RESOLVE_TEXT_MAX], name[32];

        snprintf(name, sizeof(name), "loop%d.test", i % 10);
        if (get(resolve, name, out) == 0)
            atomic_fetch_add(&looker->done, 1);
    }
    llmobs_resolve_free(resolve);
    return NULL;
}

static int in_child(int i)
{
    struct addrinfo *list = NULL;
    struct llmobs_resolve *resolve;
    char out[LLMOBS_RESOLVE_TEXT_MAX];

    /* Check's own handler would kill the whole group. */
    signal(SIGALRM, SIG_DFL);
    alarm(10);
    if (i % 2) {
        resolve = llmobs_resolve_new();
        return get(resolve, "child.test", out) == 0 ? 0 : 1;
    }
    return getaddrinfo("child.test", "80", NULL, &list) == 0 ? 0 : 2;
}

static int forks_wanted(void)
{
    const char *text = getenv("LLMOBS_TEST_FORKS");

    return text ? atoi(text) : 300;
}

TEST(forks_beside_lookups)
{
    enum { FAILED_MAX = 5 };
    int count = forks_wanted(), made = 0, failed = 0, missed;
    struct looker looker = {0};
    pthread_t thread;
    struct dns dns;

    if (!dns_start(&dns))
        return;
    (void)llmobs_fork_gate_missed();
    pthread_create(&thread, NULL, look_on, &looker);
    /* Each child that hangs takes ten seconds: some tell as much as all. */
    for (; made < count && failed < FAILED_MAX; made++) {
        int status = -1;
        pid_t child = fork();

        if (child == 0)
            _exit(in_child(made));
        waitpid(child, &status, 0);
        failed += status != 0;
        if (status != 0)
            fprintf(stderr, "fork %d: status %#x\n", made, (unsigned)status);
    }
    atomic_store(&looker.stop, true);
    pthread_join(thread, NULL);
    /* Only a fork that waited in vain, and was counted, may harm its child. */
    missed = (int)llmobs_fork_gate_missed();
    ck_assert_int_le(failed, missed);
    ck_assert_int_lt(missed, made / 2);
    /* The forks did not keep the exporter out, either. */
    ck_assert_int_gt(atomic_load(&looker.done), made / 10);
    dns_stop(&dns);
}

static int64_t fork_ms(void)
{
    int64_t began = llmobs_clock_mono_ns(), took;
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    took = unit_ms_since(began);
    waitpid(child, NULL, 0);
    return took;
}

/* The least of some: what else the machine does makes them longer. */
static int64_t least_fork_ms(void)
{
    int64_t least = fork_ms();

    for (int i = 1; i < 5; i++) {
        int64_t took = fork_ms();

        least = took < least ? took : least;
    }
    return least;
}

/* A fork waits for a look-up, but no longer than nobody notices, and not each
 * time anew; it is counted. */
TEST(fork_waits_bounded)
{
    struct llmobs_resolve *resolve;
    char out[LLMOBS_RESOLVE_TEXT_MAX];
    struct dns dns;
    int64_t took;

    if (!dns_start(&dns))
        return;
    resolve = llmobs_resolve_new();
    (void)llmobs_fork_gate_missed();
    atomic_store(&dns.delay_ms, 1500);
    ck_assert_int_eq(llmobs_resolve_get(resolve, "slow.test", true, out),
                     -EINPROGRESS);
    for (int i = 0; i < 5000 && atomic_load(&dns.questions) == 0; i++)
        nap(1);
    took = fork_ms();
    ck_assert_int_ge(took, LLMOBS_FORK_GATE_REST_MS - 1);
    ck_assert_int_lt(took, 100);
    ck_assert_int_lt(least_fork_ms(), LLMOBS_FORK_GATE_REST_MS);
    ck_assert_uint_ge(llmobs_fork_gate_missed(), 2);
    ck_assert_int_eq(get(resolve, "slow.test", out), 0);
    ck_assert_int_lt(least_fork_ms(), 40);
    llmobs_resolve_free(resolve);
    dns_stop(&dns);
}

static void *hold(void *arg)
{
    atomic_int *stage = arg;

    llmobs_fork_gate_enter();
    atomic_store(stage, 1);
    while (atomic_load(stage) != 2)
        nap(1);
    llmobs_fork_gate_leave();
    return NULL;
}

static void *hold_a_while(void *arg)
{
    atomic_int *stage = arg;

    llmobs_fork_gate_enter();
    atomic_store(stage, 1);
    nap(300);
    atomic_store(stage, 2);
    llmobs_fork_gate_leave();
    return NULL;
}

/* The TLS library's first work takes tens of milliseconds, on a busy host
 * hundreds: the child gets none of its locks. */
TEST(fork_waits_for_a_long_call)
{
    atomic_int stage = 0;
    pthread_t thread;
    int64_t began;
    pid_t child;
    int status;

    ck_assert_int_eq(llmobs_fork_gate_init(), 0);
    pthread_create(&thread, NULL, hold_a_while, &stage);
    while (atomic_load(&stage) != 1)
        nap(1);
    began = llmobs_clock_mono_ns();
    child = fork();
    if (child == 0)
        _exit(atomic_load(&stage) == 2 ? 0 : 1);
    ck_assert_int_lt(unit_ms_since(began), LLMOBS_FORK_GATE_CALL_MS);
    pthread_join(thread, NULL);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

static atomic_int destructor; /* 1: it runs, as one of a TLS library */

static void take_a_while(void *unused)
{
    (void)unused;
    atomic_store(&destructor, 1);
    nap(100);
    atomic_store(&destructor, 2);
}

static void hold_and_end(void *arg)
{
    static pthread_key_t key;

    pthread_key_create(&key, take_a_while);
    pthread_setspecific(key, &key);
    hold_a_while(arg);
}

/* A thread that a fork finds at work ends right after it, and its destructors
 * take locks: before the fork, or after it. */
TEST(fork_is_beside_no_end)
{
    atomic_int stage = 0;
    pid_t child;
    int status;

    atomic_store(&destructor, 0);
    ck_assert_int_eq(llmobs_fork_gate_thread(hold_and_end, &stage, 0, NULL), 0);
    while (atomic_load(&stage) != 1)
        nap(1);
    child = fork();
    if (child == 0)
        _exit(atomic_load(&destructor));
    while (atomic_load(&destructor) != 2)
        nap(1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_ne(WEXITSTATUS(status), 1);
}

/* The child is an exit: its threads end before it goes on, or not at all. */
static int exit_beside(int at_stage)
{
    atomic_int stage = 0;

    atomic_store(&destructor, 0);
    if (llmobs_fork_gate_thread(hold_and_end, &stage, 0, NULL) != 0)
        return 9;
    while (at_stage ? atomic_load(&stage) != at_stage
                    : atomic_load(&destructor) != 1)
        nap(1);
    llmobs_thread_stay(5000);
    if (atomic_load(&destructor) == 1)
        return 1;
    while (atomic_load(&stage) != 2)
        nap(1);
    nap(50);
    return atomic_load(&destructor);
}

static void exit_is_beside_no_end_of(int at_stage, int want)
{
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(exit_beside(at_stage));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), want);
}

/* A thread that has its work before it at an exit stays; one that is in its
 * destructors ends before the exit goes on. */
TEST(exit_is_beside_no_end)
{
    exit_is_beside_no_end_of(1, 0);
    exit_is_beside_no_end_of(0, 2);
}

TEST(fork_waits_bounded_for_a_call)
{
    atomic_int stage = 0;
    pthread_t thread;
    int64_t took;

    ck_assert_int_eq(llmobs_fork_gate_init(), 0);
    pthread_create(&thread, NULL, hold, &stage);
    while (atomic_load(&stage) != 1)
        nap(1);
    errno = 77;
    took = fork_ms();
    ck_assert_int_ge(took, LLMOBS_FORK_GATE_CALL_MS - 1);
    ck_assert_int_lt(took, 5000); /* for ever, if it waited for the call */
    ck_assert_int_lt(least_fork_ms(), LLMOBS_FORK_GATE_AGAIN_MS + 40);
    atomic_store(&stage, 2);
    pthread_join(thread, NULL);
    ck_assert_int_lt(least_fork_ms(), 40);
    /* It can be entered at once again, also in a child. */
    llmobs_fork_gate_enter();
    llmobs_fork_gate_leave();
}
#endif

/* -- places and proxies ------------------------------------------------- */

TEST(places)
{
    static const struct {
        const char *url, *fallback, *scheme, *host;
        unsigned port;
        bool numeric;
    } rows[] = {
        {"http://a.b", NULL, "http", "a.b", 80, false},
        {"HTTPS://A.b./x?y:z@w", NULL, "https", "a.b.", 443, false},
        {"http://u:p@1.2.3.4:81/", NULL, "http", "1.2.3.4", 81, true},
        {"http://[::1]:8126", NULL, "http", "::1", 8126, true},
        {"http://[FE80::1]/", NULL, "http", "fe80::1", 80, true},
        {"proxy:3128", "http", "http", "proxy", 3128, false},
        {"socks5h://p", "http", "socks5h", "p", 1080, false},
        {"p:", "http", "http", "p", 80, false},
        {"a.b", NULL, NULL, NULL, 0, false},
        {"http://", NULL, NULL, NULL, 0, false},
        {"http:///x", NULL, NULL, NULL, 0, false},
        {"http://a:0", NULL, NULL, NULL, 0, false},
        {"http://a:65536", NULL, NULL, NULL, 0, false},
        {"http://a:99999999999", NULL, NULL, NULL, 0, false},
        {"http://a:b", NULL, NULL, NULL, 0, false},
        {"http://[::1", NULL, NULL, NULL, 0, false},
        {"http://[::1]x", NULL, NULL, NULL, 0, false},
        {"http://a b", NULL, NULL, NULL, 0, false},
        {"http://a\r\nb", NULL, NULL, NULL, 0, false},
        {"://a", NULL, NULL, NULL, 0, false},
    };
    char longer[400] = "http://";

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct llmobs_target target;
        int rc = llmobs_target_parse(rows[i].url, rows[i].fallback, &target);

        ck_assert_msg((rc == 0) == (rows[i].host != NULL), "%s", rows[i].url);
        if (rc)
            continue;
        ck_assert_str_eq(target.scheme, rows[i].scheme);
        ck_assert_str_eq(target.host, rows[i].host);
        ck_assert_uint_eq(target.port, rows[i].port);
        ck_assert_int_eq(target.numeric, rows[i].numeric);
    }
    memset(longer + 7, 'a', sizeof(longer) - 8);
    {
        struct llmobs_target target;

        ck_assert_int_eq(llmobs_target_parse(longer, NULL, &target), -EINVAL);
    }
}

static void set_proxies(const char *http, const char *https, const char *all,
                        const char *none)
{
    static const char *const names[] = {
        "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
        "all_proxy",  "ALL_PROXY",  "no_proxy",    "NO_PROXY"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
    setenv("HTTP_PROXY", "http://never:1", 1);
    if (http)
        setenv("http_proxy", http, 1);
    if (https)
        setenv("HTTPS_PROXY", https, 1);
    if (all)
        setenv("ALL_PROXY", all, 1);
    if (none)
        setenv("no_proxy", none, 1);
}

TEST(proxies)
{
    static const struct {
        const char *http, *https, *all, *none, *url, *want;
    } rows[] = {
        {NULL, NULL, NULL, NULL, "http://a.b/", NULL},
        {"p:1", "q:2", NULL, NULL, "http://a.b/", "p:1"},
        {"p:1", "q:2", NULL, NULL, "https://a.b/", "q:2"},
        {NULL, NULL, "r:3", NULL, "https://a.b/", "r:3"},
        {"p:1", NULL, "r:3", NULL, "http://a.b/", "p:1"},
        {"p:1", NULL, NULL, "*", "http://a.b/", NULL},
        {"p:1", NULL, NULL, "a.b", "http://a.b/", NULL},
        {"p:1", NULL, NULL, "b", "http://a.b/", NULL},
        {"p:1", NULL, NULL, ".B", "http://a.b./", NULL},
        {"p:1", NULL, NULL, "x, .b ,y", "http://a.b/", NULL},
        {"p:1", NULL, NULL, "a", "http://a.b/", "p:1"},
        {"p:1", NULL, NULL, "aa.b,ab", "http://a.b/", "p:1"},
        {"p:1", NULL, NULL, "", "http://a.b/", "p:1"},
        {"p:1", NULL, NULL, "[::1]", "http://[::1]:1/", NULL},
        {"p:1", NULL, NULL, "127.0.0.1", "http://127.0.0.1/", NULL},
        {"", NULL, NULL, NULL, "http://a.b/", NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct llmobs_proxies list;
        struct llmobs_target target;
        const char *got;

        set_proxies(rows[i].http, rows[i].https, rows[i].all, rows[i].none);
        llmobs_proxies_read(&list);
        ck_assert_int_eq(llmobs_target_parse(rows[i].url, NULL, &target), 0);
        got = llmobs_proxies_find(&list, &target);
        ck_assert_msg(rows[i].want ? got && strcmp(got, rows[i].want) == 0
                                   : !got,
                      "row %zu: %s", i, got ? got : "none");
    }
    set_proxies(NULL, NULL, NULL, NULL);
    unsetenv("HTTP_PROXY");
}
