/* A gateway on libmicrohttpd: `mhd KIND PORT`. KIND is the threads that it has:
 *   one       one of the library's
 *   pool      eight of the library's
 *   each      one for each connection
 *   own       the program's, by its own select
 * SIGINT ends it. */
#include <sys/select.h>
#include <unistd.h>

#include <microhttpd.h>

#include "tests/servers/forward.h"

static enum MHD_Result reply(struct MHD_Connection *connection,
                             const struct text *body)
{
    struct text answer = {NULL, 0};
    unsigned status = (unsigned)forward(body, &answer);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer.len, answer.data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result;

    MHD_add_response_header(response, "Content-Type", "application/json");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    text_drop(&answer);
    return result;
}

/* Called for the head, for each piece of the body, and for its end. */
static enum MHD_Result on_access(void *cls, struct MHD_Connection *connection,
                                 const char *url, const char *method,
                                 const char *version, const char *data,
                                 size_t *len, void **of_request)
{
    struct text *body = *of_request;

    (void)url, (void)method, (void)version;
    if (strcmp(cls, "mine") != 0)
        return MHD_NO;
    if (!body) {
        *of_request = calloc(1, sizeof(*body));
        return MHD_YES;
    }
    if (*len == 0)
        return reply(connection, body);
    text_add(body, data, *len);
    *len = 0;
    return MHD_YES;
}

static void on_end(void *cls, struct MHD_Connection *connection,
                   void **of_request, enum MHD_RequestTerminationCode code)
{
    (void)cls, (void)connection, (void)code;
    if (*of_request)
        text_drop(*of_request);
    free(*of_request);
    *of_request = NULL;
}

static void drive(struct MHD_Daemon *daemon)
{
    for (;;) {
        fd_set read, write, except;
        MHD_socket max = 0;
        struct timeval some = {0, 50000};

        FD_ZERO(&read);
        FD_ZERO(&write);
        FD_ZERO(&except);
        MHD_get_fdset(daemon, &read, &write, &except, &max);
        select(max + 1, &read, &write, &except, &some);
        MHD_run(daemon);
    }
}

int main(int argc, char **argv)
{
    static char mine[] = "mine";
    const char *kind = argc == 3 ? argv[1] : "";
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD;
    unsigned threads = strcmp(kind, "pool") == 0 ? 8 : 0;
    struct MHD_Daemon *daemon;

    if (strcmp(kind, "each") == 0)
        flags |= MHD_USE_THREAD_PER_CONNECTION;
    else if (strcmp(kind, "own") == 0)
        flags = 0;
    if (argc != 3)
        return 2;
    forward_open();
    daemon = MHD_start_daemon(
        flags, (uint16_t)atoi(argv[2]), NULL, NULL, on_access, mine,
        MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_CONNECTION_LIMIT,
        1000U, MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_END);
    if (!daemon)
        return 1;
    if (flags == 0)
        drive(daemon);
    for (;;)
        pause();
}
