/* boxed WHEN HOW URL BODY [THEN]: takes on a sandbox that refuses all files, by
 * HOW (landlock, seccomp), either as its first step (WHEN: first), after
 * curl_global_init (init), or after the first of four calls (call), and then
 * makes three calls. THEN: close, it first has a file of its own at the numbers
 * from 3 to 63, and its status is 7 if that has grown; fork, a child makes a
 * call before. Status 77: the kernel has no landlock. */
#include <curl/curl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALL_OF_FILES 0x1fff /* what the first version of landlock knows */
#define REFUSED 13          /* EACCES */

static void by_landlock(void)
{
    struct landlock_ruleset_attr none = {.handled_access_fs = ALL_OF_FILES};
    long rules = syscall(SYS_landlock_create_ruleset, &none, sizeof none, 0UL);

    if (rules < 0)
        exit(77);
    if (syscall(SYS_landlock_restrict_self, rules, 0UL) != 0)
        exit(3);
    close((int)rules);
}

static void by_filter(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | REFUSED),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog filter = {sizeof steps / sizeof *steps, steps};

    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        exit(4);
}

static void enter(const char *how)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        exit(5);
    if (strcmp(how, "landlock") == 0)
        by_landlock();
    else
        by_filter();
}

static char **arguments;

static void call(void)
{
    CURL *curl = curl_easy_init();

    curl_easy_setopt(curl, CURLOPT_URL, arguments[3]);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, arguments[4]);
    printf(" %d\n", (int)curl_easy_perform(curl));
    curl_easy_cleanup(curl);
    fflush(stdout);
}

static void call_in_child(void)
{
    pid_t child = fork();

    if (child == 0) {
        call();
        exit(0);
    }
    waitpid(child, NULL, 0);
}

static void take_numbers(int file)
{
    for (int fd = 3; fd < 64; fd++)
        dup2(file, fd);
}

int main(int argc, char **argv)
{
    const char *then = argc > 5 ? argv[5] : "";
    FILE *own = fopen("own", "w"); /* one with a name, as the spool's */
    struct stat st;

    if (argc < 5 || !own)
        return 6;
    arguments = argv;
    if (strcmp(argv[1], "first") == 0)
        enter(argv[2]);
    curl_global_init(CURL_GLOBAL_ALL);
    if (strcmp(argv[1], "call") == 0)
        call();
    if (strcmp(argv[1], "first") != 0)
        enter(argv[2]);
    if (strcmp(then, "close") == 0)
        take_numbers(fileno(own));
    if (strcmp(then, "fork") == 0)
        call_in_child();
    for (int i = 0; i < 3; i++)
        call();
    curl_global_cleanup();
    return fstat(fileno(own), &st) != 0 || st.st_size != 0 ? 7 : 0;
}
