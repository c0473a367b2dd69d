/* A call that a signal handler leaves by siglongjmp after so many milliseconds,
 * wherever it is then, and two more of the same handle.
 *
 *   left MS HOW URL BODY     HOW: perform, reset, cleanup; what comes next
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <curl/curl.h>

static sigjmp_buf out;

static void on_alarm(int number)
{
    (void)number;
    siglongjmp(out, 1);
}

static size_t eat(char *data, size_t size, size_t count, void *arg)
{
    (void)data;
    (void)arg;
    return size * count;
}

static void set(CURL *curl, struct curl_slist *list, char **argv)
{
    curl_easy_setopt(curl, CURLOPT_URL, argv[3]);
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, argv[4]);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, eat);
}

int main(int argc, char **argv)
{
    struct curl_slist *list =
        curl_slist_append(NULL, "Content-Type: application/json");
    struct itimerval timer = {.it_value.tv_usec = atoi(argv[1]) * 1000};
    CURL *curl = curl_easy_init();

    if (argc != 5)
        return 2;
    set(curl, list, argv);
    signal(SIGALRM, on_alarm);
    if (sigsetjmp(out, 1) == 0) {
        setitimer(ITIMER_REAL, &timer, NULL);
        printf("stayed %d\n", (int)curl_easy_perform(curl));
        return 1;
    }
    if (strcmp(argv[2], "reset") == 0) {
        curl_easy_reset(curl);
        set(curl, list, argv);
    } else if (strcmp(argv[2], "cleanup") == 0) {
        curl_easy_cleanup(curl);
        curl = curl_easy_init();
        set(curl, list, argv);
    }
    for (int i = 0; i < 2; i++)
        printf("%d\n", (int)curl_easy_perform(curl));
    curl_easy_cleanup(curl);
    curl_slist_free_all(list);
    return 0;
}
