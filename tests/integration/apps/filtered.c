/* filtered HOW URL BODY: makes a call, takes on a filter that kills for all
 * that libcurl does not need, and makes two more. HOW: prctl or seccomp, the
 * call by which it takes the filter on; multi, a transfer is under way
 * meanwhile; threads, for all threads, of which another one waits; fork, a
 * child makes a call; wide, the filter allows what the library needs, too, and
 * kills for ptrace alone. */
#include <curl/curl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALLOWED                                                                \
    SYS_read, SYS_write, SYS_close, SYS_connect, SYS_sendto, SYS_recvfrom,     \
        SYS_sendmsg, SYS_recvmsg, SYS_ppoll, SYS_socket, SYS_socketpair,       \
        SYS_setsockopt, SYS_getsockopt, SYS_getpeername, SYS_getsockname,      \
        SYS_fcntl, SYS_futex, SYS_rt_sigaction, SYS_rt_sigprocmask,            \
        SYS_rt_sigreturn, SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap,      \
        SYS_brk, SYS_madvise, SYS_clock_nanosleep, SYS_nanosleep, SYS_exit,    \
        SYS_exit_group, SYS_clock_gettime, SYS_ioctl, SYS_eventfd2, SYS_clone, \
        SYS_set_robust_list, SYS_wait4, SYS_rseq, SYS_restart_syscall

static const int allowed[] = {ALLOWED,
#if defined(__x86_64__)
                              SYS_poll
#endif
};

static char **arguments;

static bool is(const char *how)
{
    return strcmp(arguments[1], how) == 0;
}

#define STEP(...) steps[count++] = (struct sock_filter)__VA_ARGS__

static void enter(void)
{
    static struct sock_filter steps[256];
    struct sock_fprog filter = {0, steps};
    unsigned short count = 0;
    bool wide = is("wide");
    long rc;

    STEP(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    for (size_t i = 0; !wide && i < sizeof(allowed) / sizeof(*allowed); i++) {
        STEP(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], 0, 1));
        STEP(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
    STEP(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, wide ? 0 : 1, 1));
    STEP(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    STEP(BPF_STMT(BPF_RET | BPF_K,
                  wide ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS));
    filter.len = count;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        exit(3);
    if (is("seccomp") || is("threads"))
        rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                     is("threads") ? SECCOMP_FILTER_FLAG_TSYNC : 0, &filter);
    else
        rc = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
    if (rc != 0)
        exit(4);
}

static size_t drop(char *data, size_t size, size_t count, void *unused)
{
    (void)data, (void)unused;
    return size * count;
}

static CURL *ask(void)
{
    CURL *curl = curl_easy_init();

    curl_easy_setopt(curl, CURLOPT_URL, arguments[2]);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, arguments[3]);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    return curl;
}

static void call(void)
{
    CURL *curl = ask();

    printf("%d\n", (int)curl_easy_perform(curl));
    fflush(stdout);
    curl_easy_cleanup(curl);
    usleep(30000);
}

static void drive(CURLM *multi, bool to_end)
{
    int running = 1;
    CURLMsg *message;

    for (int i = 0; running && (to_end || i < 2); i++) {
        curl_multi_perform(multi, &running);
        if (running)
            curl_multi_wait(multi, NULL, 0, 5, NULL);
    }
    while (to_end && (message = curl_multi_info_read(multi, &running)))
        printf("message %d %d\n", (int)message->msg, (int)message->data.result);
}

static void *wait_long(void *unused)
{
    sleep(600);
    return unused;
}

static void call_in_child(void)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        call();
        exit(0);
    }
    waitpid(child, &status, 0);
    printf("child %d\n", status);
}

int main(int argc, char **argv)
{
    CURLM *multi;
    CURL *curl;
    pthread_t thread;

    if (argc < 4)
        return 6;
    arguments = argv;
    curl_global_init(CURL_GLOBAL_ALL);
    multi = curl_multi_init();
    curl = ask();
    if (is("threads") && pthread_create(&thread, NULL, wait_long, NULL) != 0)
        return 5;
    call();
    usleep(500000); /* the agent's answer is heard before the filter */
    if (is("multi")) {
        curl_multi_add_handle(multi, curl);
        drive(multi, false);
    }
    enter();
    if (is("multi")) {
        drive(multi, true);
        curl_multi_remove_handle(multi, curl);
    }
    if (is("threads"))
        usleep(500000); /* longer than a thread of the library sleeps */
    if (is("fork"))
        call_in_child();
    call();
    call();
    curl_easy_cleanup(curl);
    curl_multi_cleanup(multi);
    curl_global_cleanup();
    return 0;
}
