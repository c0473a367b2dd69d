/* Programs that call no model: with us they make the system calls that they
 * make without, and a filter that kills for any other lets them live. */
#include "tests/clients/cases.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define TIMES 3
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static CURL *fetching(struct text *text)
{
    return asking(the_base, "/v1/models", NULL, text);
}

static long fetch(void)
{
    return status_at(the_base, "/v1/models", NULL);
}

static void begin(const char *base)
{
    the_base = base;
    (void)!write(STDERR_FILENO, "from here on\n", 13);
}

static void fetch_easy(const char *base)
{
    begin(base);
    for (int i = 0; i < TIMES; i++)
        printf("%ld\n", fetch());
}

static void in_multi(void)
{
    struct text texts[TIMES] = {{0}};
    CURLM *multi = curl_multi_init();
    CURL *list[TIMES];

    for (int i = 0; i < TIMES; i++) {
        list[i] = fetching(&texts[i]);
        curl_multi_add_handle(multi, list[i]);
    }
    drive(multi);
    for (int i = 0; i < TIMES; i++) {
        curl_multi_remove_handle(multi, list[i]);
        show("multi", list[i], CURLE_OK, &texts[i]);
        curl_easy_cleanup(list[i]);
    }
    curl_multi_cleanup(multi);
}

static void fetch_multi(const char *base)
{
    begin(base);
    in_multi();
}

static void called_thrice(const char *base)
{
    begin(base);
    for (int i = 0; i < TIMES; i++) {
        printf("%ld\n", status_of(base, hello));
        usleep(30000);
    }
}

static void *fetch_once(void *status)
{
    *(long *)status = fetch();
    return NULL;
}

static void in_threads(void)
{
    for (int i = 0; i < TIMES; i++) {
        pthread_t thread;
        long status = 0;

        if (pthread_create(&thread, NULL, fetch_once, &status) != 0)
            exit(3);
        pthread_join(thread, NULL);
        printf("thread: %ld\n", status);
    }
}

static void fetch_threads(const char *base)
{
    begin(base);
    in_threads();
}

/* Each other child cleans up before it ends. */
static void in_children(void)
{
    for (int i = 0; i < TIMES; i++) {
        int status = -1;
        pid_t pid;

        fflush(stdout);
        pid = fork();
        if (pid == 0) {
            printf("child: %ld\n", fetch());
            if (i % 2)
                curl_global_cleanup();
            exit(i);
        }
        waitpid(pid, &status, 0);
        printf("its end: %d\n", status);
    }
    printf("%ld\n", fetch());
}

static void fetch_forked(const char *base)
{
    begin(base);
    in_children();
}

/* After a call to a model a child that makes none is quiet all the same. */
static void forked_after_a_call(const char *base)
{
    printf("%ld\n", status_of(base, hello));
    begin(base);
    in_children();
}

/* libcurl's life is over, and the program's goes on. */
static void fetch_cleaned(const char *base)
{
    begin(base);
    for (int i = 0; i < TIMES; i++) {
        curl_global_cleanup();
        curl_global_init(CURL_GLOBAL_ALL);
        printf("%ld\n", fetch());
    }
}

/* -- few descriptors ------------------------------------------------------- */

/* All that are left, as soon as they are: how many? Of thousands only some, as
 * a look is to be short. */
static int take_all(void)
{
    int list[256], count = 0;

    while (count < 256 && (list[count] = open("/", O_PATH)) >= 0)
        count++;
    for (int i = count; i-- > 0;)
        close(list[i]);
    return count;
}

/* Looks often, for what is taken for a moment only: the least that it saw. */
static int least_left(int ms)
{
    int least = take_all();

    for (int i = 0; i < 4 * ms; i++) {
        int left = take_all();

        least = left < least ? left : least;
        usleep(250);
    }
    return least;
}

/* As soon as all are back, or after so long. */
static int left_at_last(int all, int ms)
{
    int left = take_all();

    for (int i = 0; i < ms && left < all; i++) {
        usleep(1000);
        left = take_all();
    }
    return left;
}

static size_t count_left(char *data, size_t size, size_t count, void *to)
{
    (void)data;
    *(int *)to = take_all();
    return size * count;
}

static void show_left(void)
{
    printf("at the end: %d\n", take_all());
}

/* As many calls as the limit has room for; the app's own opens succeed and fail
 * as they do without us. */
static void few_descriptors(const char *base)
{
    const char *ms = getenv("LOOK_MS"), *settle = getenv("SETTLE_MS");
    int all = take_all();

    atexit(show_left);
    for (int i = 0; i < 5; i++) {
        CURL *curl = asking(base, CHAT, hello, NULL);
        int within = -1;
        CURLcode rc;

        write_to(curl, count_left, &within);
        rc = curl_easy_perform(curl);
        printf("%d within %d", (int)rc, within);
        printf(", after %d", least_left(ms ? atoi(ms) : 10));
        curl_easy_cleanup(curl);
        printf(", cleaned %d\n", left_at_last(all, settle ? atoi(settle) : 0));
    }
}

/* -- a filter that kills --------------------------------------------------- */

#ifdef __x86_64__
#define THIS_ARCH AUDIT_ARCH_X86_64
#else
#define THIS_ARCH AUDIT_ARCH_AARCH64
#endif

/* The calls that the C library and libcurl need for a GET over HTTP, for
 * threads and for their end: no number of a thread or a process, no look at
 * signals, no file. */
static const int allowed[] = {
    SYS_read,
    SYS_write,
    SYS_close,
    SYS_socket,
    SYS_connect,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getsockname,
    SYS_getpeername,
    SYS_sendto,
    SYS_recvfrom,
    SYS_ppoll,
    SYS_fcntl,
    SYS_ioctl,
    SYS_mmap,
    SYS_munmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_brk,
    SYS_madvise,
    SYS_futex,
    SYS_rt_sigaction,
    SYS_rt_sigreturn,
    SYS_exit,
    SYS_exit_group,
    SYS_socketpair,
    SYS_fstat,
    SYS_clock_gettime,
    SYS_getrandom,
    SYS_rt_sigprocmask,
    SYS_set_robust_list,
    SYS_clone,
    SYS_clone3,
    SYS_rseq,
    SYS_pipe2,
    SYS_eventfd2,
    SYS_newfstatat,
    SYS_lseek,
#ifdef SYS_poll
    SYS_poll,
#endif
};

static bool forbid_the_rest(void)
{
    static struct sock_filter filter[COUNT(allowed) + 6] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    struct sock_fprog program = {COUNT(filter), filter};
    size_t at = 4;

    for (size_t i = 0; i < COUNT(allowed); i++)
        filter[at++] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed[i],
            (uint8_t)(COUNT(allowed) - i), 0);
    filter[at++] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    filter[at++] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* Its output is lost with it where it is killed: nothing is flushed. */
static void confined(const char *base)
{
    begin(base);
    printf("%ld %d\n", fetch(), forbid_the_rest());
    printf("%ld\n", fetch());
    in_multi();
    in_threads();
    curl_global_cleanup();
    printf("%d\n", curl_global_init(CURL_GLOBAL_ALL));
    printf("%ld\n", fetch());
}

/* All is left to the exit. */
static void confined_exit(const char *base)
{
    confined(base);
    exit(0);
}

/* -- the first call of all in a handler that runs after ours --------------- */

static bool calls_at_exit;

static void call_at_exit(void)
{
    if (calls_at_exit)
        printf("at exit: %ld\n", status_of(the_base, hello));
}

__attribute__((constructor)) static void register_early(void)
{
    atexit(call_at_exit);
}

static void called_at_exit(const char *base)
{
    begin(base);
    printf("%ld\n", fetch());
    calls_at_exit = true;
    exit(0);
}

static const struct one_case cases[] = {
    {"fetch_easy", fetch_easy, 0, 0},
    {"fetch_multi", fetch_multi, 0, 0},
    {"fetch_threads", fetch_threads, 0, 0},
    {"fetch_forked", fetch_forked, 0, 0},
    {"fetch_cleaned", fetch_cleaned, 0, 0},
    {"forked_after_a_call", forked_after_a_call, 1, 0},
    {"called_thrice", called_thrice, 3, 0},
    {"few_descriptors", few_descriptors, 5, 0},
    {"confined", confined, 0, 0},
    {"confined_exit", confined_exit, 0, 0},
    {"called_at_exit", called_at_exit, 1, 0},
};

CASES_MAIN(cases)
