/* civetweb - civetweb's requests: while a handler of the program runs, in the
 * thread of its connection.
 *
 * The structures and the calls: civetweb.h of civetweb 1.15 and 1.16, which are
 * the same. Those of other versions differ, so their handlers stay the
 * program's own. */
#include "core/base/cold.h"
#include "shim/servers/library.h"

#define MAX_HEADERS 64
#define PAGE 4096

struct request_info {
    const char *about[7];
    char remote_addr[48];
    long long content_length;
    int remote_port, server_port, is_ssl;
    void *of_server, *of_connection;
    int header_count;
    struct {
        const char *name, *value;
    } headers[MAX_HEADERS];
};

typedef int handler(void *connection, void *argument);
typedef int beginner(void *connection);

/* The last word is there only where civetweb was built with its experimental
 * interfaces. */
struct callbacks {
    beginner *begin_request;
    void (*others[18])(void);
};

struct init_data {
    const struct callbacks *callbacks;
    void *argument;
    const char **options;
};

/* Stand for the library's functions of their names, of which the types alone
 * count. */
const char *mg_version(void);
const struct request_info *mg_get_request_info(const void *connection);

#define REAL LLMOBS_SERVER_REAL

static bool is_known(void)
{
    const char *version = REAL(mg_version)();

    return version[0] == '1' && version[1] == '.' && version[2] == '1' &&
           (version[3] == '5' || version[3] == '6') && version[4] == '\0';
}

/* A function of its own, so that the list is not in the frame below which the
 * program's handler runs. */
__attribute__((noinline)) static void begin_called(
    struct llmobs_server_run *run, const struct request_info *info, int count)
{
    struct llmobs_server_fields fields;

    llmobs_server_clear(&fields);
    for (int i = 0; i < count; i++)
        llmobs_server_add(&fields, info->headers[i].name,
                          info->headers[i].value);
    llmobs_server_add_address(&fields, info->remote_addr);
    llmobs_server_run(run, &fields);
}

static void begin(struct llmobs_server_run *run, const void *connection)
{
    const struct request_info *info = REAL(mg_get_request_info)(connection);
    int count = info ? info->header_count : 0;
    int i = 0;

    if (count > MAX_HEADERS)
        count = MAX_HEADERS;
    while (i < count && !llmobs_server_carries(info->headers[i].name))
        i++;
    if (i < count)
        begin_called(run, info, count);
    else
        llmobs_server_run(run, NULL);
}

static int on_request(void *connection, void *argument)
{
    const struct llmobs_server_handler *mine = argument;
    struct llmobs_server_run run;
    int result;

    begin(&run, connection);
    result = ((handler *)mine->function)(connection, mine->argument);
    llmobs_server_done(&run);
    return result;
}

static void mg_set_request_handler(void *context, const char *uri,
                                   handler *function, void *argument)
{
    const struct llmobs_server_handler *mine =
        is_known() ? llmobs_server_handler((void *)function, argument) : NULL;

    if (mine)
        REAL(mg_set_request_handler)
    (context, uri, on_request, (void *)(uintptr_t)mine);
    else REAL(mg_set_request_handler)(context, uri, function, argument);
}

/* -- the callback for all requests ----------------------------------------- */

/* It has no argument that could name the program's function: there is one of
 * ours for each. A place is taken once and never given back, as a server may
 * still call it. */
#define PLACES(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define PLACE_COUNT 8

LLMOBS_COLD static beginner *beginners[PLACE_COUNT];

static int on_begin(void *connection, unsigned i)
{
    beginner *function = __atomic_load_n(&beginners[i], __ATOMIC_ACQUIRE);
    struct llmobs_server_run run;
    int result;

    begin(&run, connection);
    result = function(connection);
    llmobs_server_done(&run);
    return result;
}

#define ONE(i)                                \
    static int on_begin_##i(void *connection) \
    {                                         \
        return on_begin(connection, i);       \
    }
PLACES(ONE)

static beginner *ours(unsigned i)
{
    switch (i) {
#define CASE(i) \
    case i:     \
        return on_begin_##i;
        PLACES(CASE)
    default:
        return NULL;
    }
}

/* NULL: no place is left. */
static beginner *stand_in(beginner *function)
{
    for (unsigned i = 0; i < PLACE_COUNT; i++) {
        beginner *there = NULL;

        if (__atomic_compare_exchange_n(&beginners[i], &there, function, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ||
            there == function)
            return ours(i);
    }
    return NULL;
}

/* Copies the program's callbacks with ours among them; false: it is to keep its
 * own. Whether the last word is there nobody tells, but in the page of the
 * others it can be read. */
static bool swap(struct callbacks *to, const struct callbacks *from)
{
    beginner *mine = NULL;

    if (from && from->begin_request && is_known() &&
        (uintptr_t)&from->others[17] % PAGE != 0)
        mine = stand_in(from->begin_request);
    if (!mine)
        return false;
    *to = *from;
    to->begin_request = mine;
    return true;
}

static void *mg_start(const struct callbacks *callbacks, void *argument,
                      const char **options)
{
    struct callbacks copy;

    return REAL(mg_start)(swap(&copy, callbacks) ? &copy : callbacks, argument,
                          options);
}

static void *mg_start2(struct init_data *init, void *error)
{
    struct init_data mine;
    struct callbacks copy;

    if (!init || !swap(&copy, init->callbacks))
        return REAL(mg_start2)(init, error);
    mine = *init;
    mine.callbacks = &copy;
    return REAL(mg_start2)(&mine, error);
}

void *llmobs_server_civetweb(enum llmobs_server_function hook)
{
    switch (hook) {
        LLMOBS_SERVER_CIVETWEB_HOOKS(LLMOBS_SERVER_CASE)
    default:
        return NULL;
    }
}
