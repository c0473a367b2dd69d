/* locked BYTES URL BODY [WHEN]: as a program of real time, locks all its memory
 * to come, within a limit that its rights do not lift. After a call it makes as
 * many threads as it can, and prints how many it could. BYTES 0: with the limit
 * and the rights that it has. WHEN: it has initialised libcurl before, and with
 * "handle" also made its handle, and all memory is locked above the limit. */
#include <curl/curl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 64
#define STACK (256 << 10)

static void *rest(void *arg)
{
    return pause() ? arg : NULL;
}

/* The kernel lifts the limit for a process with that right. */
static void drop_right(void)
{
    struct __user_cap_header_struct who = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct rights[2];

    if (syscall(SYS_capget, &who, rights) != 0)
        exit(3);
    rights[0].effective &= ~(1U << CAP_IPC_LOCK);
    rights[0].permitted &= ~(1U << CAP_IPC_LOCK);
    if (syscall(SYS_capset, &who, rights) != 0)
        exit(4);
}

int main(int argc, char **argv)
{
    rlim_t most = argc >= 4 ? strtoul(argv[1], NULL, 10) : 1;
    CURL *curl = NULL;
    pthread_attr_t how;
    pthread_t thread;
    int made = 0;

    if (argc == 5)
        curl_global_init(CURL_GLOBAL_ALL);
    if (argc == 5 && strcmp(argv[4], "handle") == 0) {
        curl = curl_easy_init();
        if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
            return 77;
    }
    if (most > 0) {
        drop_right();
        if (setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){most, most}) != 0)
            return 5;
    }
    if (argc < 4 || (!curl && mlockall(MCL_FUTURE) != 0))
        return 6;
    if (!curl)
        curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, argv[2]);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, argv[3]);
    printf("%d\n", (int)curl_easy_perform(curl));
    pthread_attr_init(&how);
    pthread_attr_setstacksize(&how, STACK);
    while (made < THREADS && pthread_create(&thread, &how, rest, NULL) == 0)
        made++;
    printf("%d\n", made);
    fflush(stdout);
    return 0;
}
