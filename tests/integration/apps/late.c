/* Calls after the exit handlers of the libraries: one in main, before them, one
 * of a thread that outlives main, one in an exit handler of the program, and
 * one in a destructor. Prints what libcurl answers.
 *
 *   late URL BODY
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <curl/curl.h>

static char **arguments;
static struct curl_slist *list;
static pthread_t thread;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static size_t eat(char *data, size_t size, size_t count, void *arg)
{
    (void)data;
    (void)arg;
    return size * count;
}

static void call(const char *who)
{
    CURL *curl = curl_easy_init();

    curl_easy_setopt(curl, CURLOPT_URL, arguments[1]);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, arguments[2]);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, eat);
    printf("%s %d\n", who, (int)curl_easy_perform(curl));
    fflush(stdout);
    curl_easy_cleanup(curl);
}

static void *outlive(void *arg)
{
    pthread_mutex_lock(&gate);
    call("thread");
    pthread_mutex_unlock(&gate);
    return arg;
}

static void at_exit(void)
{
    pthread_mutex_unlock(&gate);
    pthread_join(thread, NULL);
    call("handler");
}

/* Handlers run in the opposite order: no library has one before this. */
__attribute__((constructor)) static void begin(void)
{
    pthread_mutex_lock(&gate);
    atexit(at_exit);
}

__attribute__((destructor)) static void end(void)
{
    call("destructor");
}

int main(int argc, char **argv)
{
    if (argc != 3)
        _Exit(2);
    arguments = argv;
    list = curl_slist_append(NULL, "Content-Type: application/json");
    call("main");
    return pthread_create(&thread, NULL, outlive, NULL);
}
