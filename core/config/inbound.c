/* Reads trace context and page from the process's environment. */
#include "core/config/inbound.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/thread.h"
#include "core/config/perl_request.h"
#include "core/config/php_request.h"

#define NAME(text)             \
    {                          \
        text, sizeof(text) - 1 \
    }

static const struct llmobs_php_name names[LLMOBS_CARRIED_COUNT] = {
    [LLMOBS_CARRIED_TRACEPARENT] = NAME("TRACEPARENT"),
    [LLMOBS_CARRIED_TRACESTATE] = NAME("TRACESTATE"),
    [LLMOBS_CARRIED_BAGGAGE] = NAME("BAGGAGE"),
    [LLMOBS_CARRIED_HTTP_TRACEPARENT] = NAME("HTTP_TRACEPARENT"),
    [LLMOBS_CARRIED_HTTP_TRACESTATE] = NAME("HTTP_TRACESTATE"),
    [LLMOBS_CARRIED_HTTP_BAGGAGE] = NAME("HTTP_BAGGAGE"),
    [LLMOBS_CARRIED_HTTP_TRACE_ID] = NAME("HTTP_X_DATADOG_TRACE_ID"),
    [LLMOBS_CARRIED_HTTP_PARENT_ID] = NAME("HTTP_X_DATADOG_PARENT_ID"),
    [LLMOBS_CARRIED_HTTP_TAGS] = NAME("HTTP_X_DATADOG_TAGS"),
    [LLMOBS_CARRIED_HTTP_PRIORITY] = NAME("HTTP_X_DATADOG_SAMPLING_PRIORITY"),
    [LLMOBS_CARRIED_HTTP_ORIGIN] = NAME("HTTP_X_DATADOG_ORIGIN"),
    [LLMOBS_CARRIED_METHOD] = NAME("REQUEST_METHOD"),
    [LLMOBS_CARRIED_URI] = NAME("REQUEST_URI"),
    [LLMOBS_CARRIED_SCRIPT] = NAME("SCRIPT_NAME"),
    [LLMOBS_CARRIED_REMOTE_ADDR] = NAME("REMOTE_ADDR"),
#define NAME_OF(with, id, text) [LLMOBS_CARRIED_HTTP_##id] = NAME("HTTP_" #id),
    LLMOBS_NETWORK_HEADERS(NAME_OF, )
#undef NAME_OF
};

static const char *some(const char *value)
{
    return value && *value ? value : NULL;
}

static void select_page(const char *const values[LLMOBS_CARRIED_COUNT],
                        struct llmobs_carrier *out)
{
    out->method = some(values[LLMOBS_CARRIED_METHOD]);
    out->target = some(values[LLMOBS_CARRIED_URI]);
    if (!out->target)
        out->target = some(values[LLMOBS_CARRIED_SCRIPT]);
}

void llmobs_inbound_select(const char *const values[LLMOBS_CARRIED_COUNT],
                           struct llmobs_carrier *out)
{
    memset(out, 0, sizeof(*out));
    select_page(values, out);
    out->baggage = some(values[LLMOBS_CARRIED_BAGGAGE]);
    out->traceparent = some(values[LLMOBS_CARRIED_TRACEPARENT]);
    if (out->traceparent) {
        out->process = true;
        out->tracestate = some(values[LLMOBS_CARRIED_TRACESTATE]);
        return;
    }
    /* A client can send the headers of a proxy itself. So these headers can
     * show that a caller is a stranger, but never that it is trusted. */
    out->stranger =
        llmobs_network_public_caller(values[LLMOBS_CARRIED_REMOTE_ADDR]);
    for (size_t i = LLMOBS_CARRIED_REMOTE_ADDR + 1; i < LLMOBS_CARRIED_COUNT;
         i++)
        out->stranger |= llmobs_network_public_forwarded(values[i]);
    if (!out->baggage)
        out->baggage = some(values[LLMOBS_CARRIED_HTTP_BAGGAGE]);
    out->traceparent = some(values[LLMOBS_CARRIED_HTTP_TRACEPARENT]);
    out->tracestate = some(values[LLMOBS_CARRIED_HTTP_TRACESTATE]);
    out->x_datadog_trace_id = some(values[LLMOBS_CARRIED_HTTP_TRACE_ID]);
    out->x_datadog_parent_id = some(values[LLMOBS_CARRIED_HTTP_PARENT_ID]);
    out->x_datadog_tags = some(values[LLMOBS_CARRIED_HTTP_TAGS]);
    out->x_datadog_sampling_priority =
        some(values[LLMOBS_CARRIED_HTTP_PRIORITY]);
    out->x_datadog_origin = some(values[LLMOBS_CARRIED_HTTP_ORIGIN]);
}

static size_t (*lookups)(void);
/* The app had only one thread at the last moment without a transfer. */
static atomic_bool trusted;

void llmobs_inbound_set_lookups(size_t (*count)(void))
{
    lookups = count;
}

/* True where the app has no other thread. libcurl resolves host names in
 * threads of its own, one for each transfer. So an app that had one thread when
 * its transfers began is taken to have no threads besides these. */
static bool is_alone(void)
{
    size_t threads = llmobs_thread_apps();
    bool alone = threads == 1;

    if (!alone && threads > 0 && atomic_load(&trusted) && lookups)
        alone = threads <= 1 + lookups();
    atomic_store(&trusted, alone);
    return alone;
}

/* True for a name with these first letters, which few other variables have. */
static bool may_carry(const char *entry)
{
    return (entry[0] == 'T' && entry[1] == 'R') ||
           (entry[0] == 'B' && entry[1] == 'A') ||
           (entry[0] == 'R' && entry[1] == 'E') ||
           (entry[0] == 'S' && entry[1] == 'C') ||
           (entry[0] == 'H' && entry[1] == 'T');
}

/* Stores the value if the entry has one of the names from `first` on. */
static void read_entry(const char *entry, size_t first,
                       const char *values[LLMOBS_CARRIED_COUNT])
{
    const char *equals = strchr(entry, '=');
    size_t len = equals ? (size_t)(equals - entry) : 0;

    for (size_t i = first; len > 0 && i < LLMOBS_CARRIED_COUNT; i++)
        if (names[i].len == len && !values[i] &&
            memcmp(names[i].text, entry, len) == 0)
            values[i] = equals + 1;
}

#define OF_REQUEST LLMOBS_CARRIED_HTTP_TRACEPARENT

static bool wanted; /* LLMOBS_INBOUND, constant after init */
/* The app's only thread at first, which serves its requests; 0: not known
 * yet. */
static atomic_ulong serving;

void llmobs_inbound_init(bool on)
{
    size_t len;

    wanted = on;
    if (!on || !llmobs_perl_found())
        return;
    /* Without the handler the hook itself sets the environment. */
    if (pthread_atfork(llmobs_perl_before_fork, NULL, NULL) == 0)
        (void)llmobs_perl_read_request(&len);
}

/* Not inlined, because its values and its caller's values are too many for one
 * frame. */
__attribute__((noinline)) static bool read_php(
    const char *values[LLMOBS_CARRIED_COUNT])
{
    const char *found[LLMOBS_CARRIED_COUNT] = {NULL};
    bool context = false;

    if (!llmobs_php_has_request() ||
        !llmobs_php_read_request(names + OF_REQUEST,
                                 LLMOBS_CARRIED_COUNT - OF_REQUEST,
                                 found + OF_REQUEST))
        return false;
    for (size_t i = LLMOBS_CARRIED_METHOD; i < LLMOBS_CARRIED_REMOTE_ADDR; i++)
        values[i] = found[i];
    for (size_t i = OF_REQUEST; i < LLMOBS_CARRIED_METHOD; i++)
        context |= found[i] != NULL;
    if (!context)
        return false;
    for (size_t i = OF_REQUEST; i < LLMOBS_CARRIED_COUNT; i++)
        if (found[i])
            values[i] = found[i];
    return true;
}

/* The hook gives entries only if they have a context. */
static bool read_perl(const char *values[LLMOBS_CARRIED_COUNT])
{
    size_t len;
    const char *entry = llmobs_perl_read_request(&len), *end = entry + len;

    if (len == 0 || end[-1] != '\0')
        return false;
    memset(values, 0, LLMOBS_CARRIED_COUNT * sizeof(*values));
    for (; entry < end; entry += strlen(entry) + 1)
        read_entry(entry, OF_REQUEST, values);
    return true;
}

static bool is_serving(bool alone)
{
    if (alone)
        atomic_store(&serving, (unsigned long)pthread_self());
    return atomic_load(&serving) == (unsigned long)pthread_self();
}

bool llmobs_inbound_is_php(void)
{
    return wanted && llmobs_php_has_request() && is_serving(is_alone());
}

const struct llmobs_carrier *llmobs_inbound_read(
    const struct llmobs_carrier *at_start, struct llmobs_carrier *room)
{
    const char *values[LLMOBS_CARRIED_COUNT] = {NULL};
    bool alone = is_alone();

    for (char **entry = alone ? environ : NULL; entry && *entry; entry++)
        if (may_carry(*entry))
            read_entry(*entry, 0, values);
    /* If the request has a context, it replaces the process's whole context. */
    if (wanted && is_serving(alone) &&
        (read_php(values) || read_perl(values))) {
        values[LLMOBS_CARRIED_TRACEPARENT] = NULL;
        values[LLMOBS_CARRIED_TRACESTATE] = NULL;
        values[LLMOBS_CARRIED_BAGGAGE] = NULL;
    } else if (!alone) {
        /* The page is that of the request, with a context or without. */
        *room = *at_start;
        if (values[LLMOBS_CARRIED_METHOD])
            select_page(values, room);
        return room;
    }
    llmobs_inbound_select(values, room);
    return room;
}

const char *llmobs_inbound_entry_name(const char *value)
{
    if (!value || !*value || strcmp(value, "0") == 0)
        return NULL;
    return strcmp(value, "1") == 0 ? "chat-proxy-entrypoint" : value;
}
