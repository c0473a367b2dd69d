/* evhttp - the requests of libevent's HTTP server: while a callback of the
 * program runs.
 *
 * The calls, and struct evkeyval with the list that it is in: event2/http.h and
 * event2/keyvalq_struct.h of libevent 2. */
#include "shim/servers/library.h"

struct evkeyval {
    struct evkeyval *next;
    struct evkeyval **before;
    char *key;
    char *value;
};

struct evkeyvalq {
    struct evkeyval *first;
};

typedef void callback(void *request, void *argument);

/* Stand for the library's functions of their names, of which the types alone
 * count. */
const struct evkeyvalq *evhttp_request_get_input_headers(void *request);
void *evhttp_request_get_connection(void *request);
void evhttp_connection_get_peer(void *connection, const char **address,
                                uint16_t *port);

#define REAL LLMOBS_SERVER_REAL

static void add_address(struct llmobs_server_fields *fields, void *request)
{
    void *connection = REAL(evhttp_request_get_connection)(request);
    const char *address = NULL;
    uint16_t port;

    if (connection)
        REAL(evhttp_connection_get_peer)(connection, &address, &port);
    llmobs_server_add_address(fields, address);
}

/* A function of its own, so that the list is not in the frame below which the
 * program's callback runs. */
__attribute__((noinline)) static void begin_called(
    struct llmobs_server_run *run, void *request, const struct evkeyval *first)
{
    struct llmobs_server_fields fields;

    llmobs_server_clear(&fields);
    for (const struct evkeyval *one = first; one; one = one->next)
        llmobs_server_add(&fields, one->key, one->value);
    add_address(&fields, request);
    llmobs_server_run(run, &fields);
}

static void begin(struct llmobs_server_run *run, void *request)
{
    const struct evkeyvalq *headers =
        REAL(evhttp_request_get_input_headers)(request);
    const struct evkeyval *first = headers ? headers->first : NULL;
    const struct evkeyval *one = first;

    while (one && !llmobs_server_carries(one->key))
        one = one->next;
    if (one)
        begin_called(run, request, first);
    else
        llmobs_server_run(run, NULL);
}

static void on_request(void *request, void *argument)
{
    const struct llmobs_server_handler *handler = argument;
    struct llmobs_server_run run;

    begin(&run, request);
    ((callback *)handler->function)(request, handler->argument);
    llmobs_server_done(&run);
}

static void evhttp_set_gencb(void *http, callback *function, void *argument)
{
    const struct llmobs_server_handler *handler =
        llmobs_server_handler((void *)function, argument);

    if (handler)
        REAL(evhttp_set_gencb)(http, on_request, (void *)(uintptr_t)handler);
    else
        REAL(evhttp_set_gencb)(http, function, argument);
}

static int evhttp_set_cb(void *http, const char *path, callback *function,
                         void *argument)
{
    const struct llmobs_server_handler *handler =
        llmobs_server_handler((void *)function, argument);

    if (handler)
        return REAL(evhttp_set_cb)(http, path, on_request,
                                   (void *)(uintptr_t)handler);
    return REAL(evhttp_set_cb)(http, path, function, argument);
}

void *llmobs_server_evhttp(enum llmobs_server_function hook)
{
    switch (hook) {
        LLMOBS_SERVER_EVHTTP_HOOKS(LLMOBS_SERVER_CASE)
    default:
        return NULL;
    }
}
