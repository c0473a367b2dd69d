/* A gateway over FastCGI: `fcgi KIND SOCKET`. KIND is the way in which it gets
 * its requests:
 *   r          FCGX_Accept_r, one thread
 *   threads    the same in eight threads
 *   processes  the same in four processes
 *   child      a process for each request, forked after its accept
 *   plain      FCGX_Accept
 *   stdio      FCGI_Accept
 *   opened     FCGX_Accept_r, from a library that is opened at run time
 *   handed     one thread accepts, two others serve
 * With ASKS_ITSELF it asks the model after each request, of its own accord.
 * SIGKILL ends it: libfcgi takes SIGTERM for a hint. */
#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/servers/forward.h"

#define NO_FCGI_DEFINES
#include <fcgi_stdio.h>
#include <fcgiapp.h>

static int (*accept_r)(FCGX_Request *) = FCGX_Accept_r;
static void (*finish_r)(FCGX_Request *) = FCGX_Finish_r;
static int listener;
static bool asks_itself;

/* Reads the body, asks, and answers. */
static void serve(FCGX_Stream *in, FCGX_Stream *out)
{
    struct text body = {0}, answer = {0};
    char some[4096];
    int got, status;

    while ((got = FCGX_GetStr(some, sizeof(some), in)) > 0)
        text_add(&body, some, (size_t)got);
    status = forward(&body, &answer);
    FCGX_FPrintF(out, "Status: %d\r\nContent-Length: %d\r\n\r\n", status,
                 (int)answer.len);
    FCGX_PutStr(answer.data ? answer.data : "", (int)answer.len, out);
    text_drop(&body);
    text_drop(&answer);
}

static void *loop(void *unused)
{
    FCGX_Request request;

    FCGX_InitRequest(&request, listener, 0);
    while (accept_r(&request) == 0) {
        serve(request.in, request.out);
        finish_r(&request);
        if (asks_itself)
            ask_itself();
    }
    return unused;
}

static void threads(void)
{
    pthread_t all[8];

    for (int i = 0; i < 8; i++)
        pthread_create(&all[i], NULL, loop, NULL);
    for (int i = 0; i < 8; i++)
        pthread_join(all[i], NULL);
}

static void processes(void)
{
    for (int i = 0; i < 4; i++)
        if (fork() == 0) {
            loop(NULL);
            exit(0);
        }
    while (wait(NULL) > 0)
        continue;
}

/* The parent leaves the connection to the child. */
static void child(void)
{
    FCGX_Request request;

    FCGX_InitRequest(&request, listener, 0);
    while (accept_r(&request) == 0) {
        int connection = request.ipcFd;

        if (fork() == 0) {
            serve(request.in, request.out);
            finish_r(&request);
            exit(0);
        }
        FCGX_Free(&request, 0);
        close(connection);
        wait(NULL);
    }
}

static void plain(void)
{
    FCGX_Stream *in, *out, *err;
    FCGX_ParamArray variables;

    while (FCGX_Accept(&in, &out, &err, &variables) >= 0)
        serve(in, out);
}

static void stdio(void)
{
    while (FCGI_Accept() >= 0) {
        serve(FCGI_stdin->fcgx_stream, FCGI_stdout->fcgx_stream);
        FCGI_Finish();
    }
}

static void opened(void)
{
    void *library = dlopen("libfcgi.so.0", RTLD_NOW | RTLD_LOCAL);

    accept_r = (int (*)(FCGX_Request *))dlsym(library, "FCGX_Accept_r");
    finish_r = (void (*)(FCGX_Request *))dlsym(library, "FCGX_Finish_r");
    if (!accept_r || !finish_r)
        exit(4);
    loop(NULL);
}

/* -- one accepts, others serve --------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static FCGX_Request *waiting;

static void *worker(void *unused)
{
    for (;;) {
        FCGX_Request *request;

        pthread_mutex_lock(&lock);
        while (!waiting)
            pthread_cond_wait(&changed, &lock);
        request = waiting;
        waiting = NULL;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
        serve(request->in, request->out);
        finish_r(request);
        free(request);
    }
    return unused;
}

static void handed(void)
{
    pthread_t workers[2];

    for (int i = 0; i < 2; i++)
        pthread_create(&workers[i], NULL, worker, NULL);
    for (;;) {
        FCGX_Request *request = malloc(sizeof(*request));

        FCGX_InitRequest(request, listener, 0);
        if (accept_r(request) != 0)
            return;
        pthread_mutex_lock(&lock);
        while (waiting)
            pthread_cond_wait(&changed, &lock);
        waiting = request;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
        if (asks_itself)
            ask_itself();
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } kinds[] = {{"threads", threads}, {"processes", processes},
                 {"child", child},     {"plain", plain},
                 {"stdio", stdio},     {"opened", opened},
                 {"handed", handed}};

    if (argc != 3)
        return 2;
    forward_open();
    asks_itself = getenv("ASKS_ITSELF") != NULL;
    FCGX_Init();
    listener = FCGX_OpenSocket(argv[2], 128);
    if (listener < 0)
        return 1;
    /* The calls without an argument accept on descriptor 0. */
    if (dup2(listener, 0) != 0)
        return 1;
    if (strcmp(argv[1], "r") == 0)
        loop(NULL);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(argv[1], kinds[i].name) == 0)
            kinds[i].run();
    return 0;
}
