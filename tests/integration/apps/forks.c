/* Calls, and has children call while a thread loads and unloads libraries, so
 * that some are born with a loader that is locked for ever. Prints how many
 * ended in order.
 *
 *   forks COUNT URL BODY
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>

static size_t eat(char *data, size_t size, size_t count, void *arg)
{
    (void)data;
    (void)arg;
    return size * count;
}

static void call(char **argv)
{
    CURL *curl = curl_easy_init();

    curl_easy_setopt(curl, CURLOPT_URL, argv[2]);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, argv[3]);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, eat);
    curl_easy_perform(curl);
    curl_easy_cleanup(curl);
}

static void *load(void *arg)
{
    for (;;) {
        void *library = dlopen("libz.so.1", RTLD_NOW);

        if (library)
            dlclose(library);
    }
    return arg;
}

int main(int argc, char **argv)
{
    int status, done = 0;
    pthread_t thread;

    if (argc != 4)
        return 2;
    call(argv);
    for (int i = 0; i < 3; i++)
        pthread_create(&thread, NULL, load, NULL);
    for (int i = 0; i < atoi(argv[1]); i++) {
        pid_t child = fork();

        if (child == 0) {
            alarm(60);
            call(argv);
            _exit(0);
        }
        done += waitpid(child, &status, 0) == child && status == 0;
    }
    printf("%d\n", done);
    return 0;
}
