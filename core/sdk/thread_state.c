#include "core/sdk/thread_state.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/network.h"
#include "lib/base/stack.h"
#include "core/sdk/span_table.h"

/* A request, and the state that it has put aside. Its headers and their values
 * follow the struct. */
struct request {
    struct request *outer;
    const void *key;
    uintptr_t mark;
    size_t floor;
    int64_t since_mono_ns; /* its span's beginning; 0: the span has begun */
    uint64_t entry;
    char *headers;
    struct llmobs_carrier inbound;
    bool unread; /* its headers were not asked for yet */
    size_t count;
    struct llmobs_header list[];
};

struct thread {
    uint64_t *spans;
    size_t depth, cap;
    size_t floor; /* spans of the newest request are from here on */
    struct request *newest;
    bool doubtful;
    enum llmobs_proxying proxied[LLMOBS_THREAD_STATE_NEST_MAX];
    size_t proxied_depth;
    struct llmobs_annotation_context contexts[LLMOBS_THREAD_STATE_NEST_MAX];
    size_t context_depth;
    char *headers; /* the texts that `inbound` points to */
    struct llmobs_carrier inbound;
};

static const struct {
    const char *name;
    size_t offset;
} carried[] = {
    {"traceparent", offsetof(struct llmobs_carrier, traceparent)},
    {"tracestate", offsetof(struct llmobs_carrier, tracestate)},
    {"x-datadog-trace-id", offsetof(struct llmobs_carrier, x_datadog_trace_id)},
    {"x-datadog-parent-id",
     offsetof(struct llmobs_carrier, x_datadog_parent_id)},
    {"x-datadog-tags", offsetof(struct llmobs_carrier, x_datadog_tags)},
    {"x-datadog-sampling-priority",
     offsetof(struct llmobs_carrier, x_datadog_sampling_priority)},
    {"x-datadog-origin", offsetof(struct llmobs_carrier, x_datadog_origin)},
    {"baggage", offsetof(struct llmobs_carrier, baggage)},
    {"b3", offsetof(struct llmobs_carrier, b3)},
    {"x-b3-traceid", offsetof(struct llmobs_carrier, x_b3_traceid)},
    {"x-b3-spanid", offsetof(struct llmobs_carrier, x_b3_spanid)},
    {"x-b3-sampled", offsetof(struct llmobs_carrier, x_b3_sampled)},
    {"x-b3-flags", offsetof(struct llmobs_carrier, x_b3_flags)},
};

#define CARRIED (sizeof(carried) / sizeof(*carried))

static atomic_bool used;
/* The key of pthread_key_create, plus 1; 0: not made yet. */
static atomic_uint made;

/* -- the record ---------------------------------------------------------- */

void llmobs_annotation_context_free(struct llmobs_annotation_context *context)
{
    free(context->name);
    free(context->agent_version);
    llmobs_json_free(context->cost_tags);
    llmobs_json_free(context->tags);
    llmobs_json_free(context->prompt);
    memset(context, 0, sizeof(*context));
}

static void free_thread(void *arg)
{
    struct thread *thread = arg;

    for (size_t i = 0; i < thread->context_depth; i++)
        llmobs_annotation_context_free(&thread->contexts[i]);
    for (struct request *one = thread->newest, *outer; one; one = outer) {
        outer = one->outer;
        free(one->headers);
        free(one);
    }
    free(thread->spans);
    free(thread->headers);
    free(thread);
}

static pthread_key_t key(void)
{
    return (pthread_key_t)(atomic_load(&made) - 1);
}

/* Makes the key when the first thread needs it. The app has a limited number of
 * keys. And two copies of libc in a process (dlmopen) share the values of a
 * thread: so both must give a library the same number, and a key made early
 * would shift the numbers of later libraries. */
static bool have_key(void)
{
    unsigned none = 0;
    pthread_key_t mine;

    if (atomic_load(&made))
        return true;
    if (pthread_key_create(&mine, free_thread) != 0)
        return false;
    if (!atomic_compare_exchange_strong(&made, &none, (unsigned)mine + 1))
        pthread_key_delete(mine);
    return true;
}

bool llmobs_thread_state_used(void)
{
    return atomic_load_explicit(&used, memory_order_acquire);
}

/* The calling thread's record; NULL: it has no record. */
static struct thread *thread_state_find(void)
{
    return llmobs_thread_state_used() ? pthread_getspecific(key()) : NULL;
}

/* The calling thread's record, made if needed; NULL when memory runs out. */
static struct thread *thread_state_get(void)
{
    struct thread *thread;

    if (!have_key())
        return NULL;
    thread = pthread_getspecific(key());
    if (thread)
        return thread;
    thread = calloc(1, sizeof(*thread));
    if (thread && pthread_setspecific(key(), thread) != 0) {
        free(thread);
        return NULL;
    }
    atomic_store(&used, true);
    return thread;
}

/* -- current spans ------------------------------------------------------- */

static int thread_state_grow(struct thread *thread)
{
    size_t cap = thread->cap ? thread->cap * 2 : 8;
    uint64_t *spans;

    if (thread->depth < thread->cap)
        return 0;
    if (cap > LLMOBS_THREAD_STATE_DEPTH_MAX)
        return -EMFILE;
    spans = realloc(thread->spans, cap * sizeof(*spans));
    if (!spans)
        return -ENOMEM;
    thread->spans = spans;
    thread->cap = cap;
    return 0;
}

int llmobs_thread_state_push(uint64_t number)
{
    struct thread *thread = thread_state_get();
    int rc;

    if (!thread)
        return -ENOMEM;
    (void)llmobs_thread_state_top();
    rc = thread_state_grow(thread);
    if (!rc)
        thread->spans[thread->depth++] = number;
    return rc;
}

/* Number `i` of the spans, counted from 1, is gone: the spans above it have
 * moved down by one. */
static void lower_floors(struct thread *thread, size_t i)
{
    if (thread->floor >= i)
        thread->floor--;
    for (struct request *one = thread->newest; one; one = one->outer)
        if (one->floor >= i)
            one->floor--;
}

int llmobs_thread_state_remove(uint64_t number)
{
    struct thread *thread = thread_state_find();
    size_t i = thread ? thread->depth : 0;

    while (i > 0 && thread->spans[i - 1] != number)
        i--;
    if (i == 0)
        return -ENOENT;
    memmove(&thread->spans[i - 1], &thread->spans[i],
            (thread->depth - i) * sizeof(*thread->spans));
    thread->depth--;
    lower_floors(thread, i);
    return 0;
}

uint64_t llmobs_thread_state_top(void)
{
    struct thread *thread = thread_state_find();

    while (thread && thread->depth > thread->floor) {
        uint64_t number = thread->spans[thread->depth - 1];

        if (llmobs_span_table_has(number))
            return number;
        thread->depth--;
    }
    return 0;
}

/* -- the caller ---------------------------------------------------------- */

static size_t which(const struct llmobs_header *header)
{
    size_t i = 0;

    if (!header->name || !header->value || !header->value[0] ||
        strnlen(header->value, LLMOBS_THREAD_STATE_HEADER_MAX + 1) >
            LLMOBS_THREAD_STATE_HEADER_MAX)
        return CARRIED;
    while (i < CARRIED && strcasecmp(carried[i].name, header->name) != 0)
        i++;
    return i;
}

/* True where a proxy's header, or ":remote-addr", which no real header can be
 * called, says that the caller is from a public network. Each of several
 * headers counts, even a header that is too long to be kept. */
static bool thread_state_is_stranger(const struct llmobs_header *header)
{
#define NAME(with, id, text) text with,
    static const char *const names[] = {LLMOBS_NETWORK_HEADERS(NAME, "")};
#undef NAME

    if (!header->name || !header->value)
        return false;
    if (strcmp(header->name, ":remote-addr") == 0)
        return llmobs_network_public_caller(header->value);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcasecmp(header->name, names[i]) == 0)
            return llmobs_network_public_forwarded(header->value);
    return false;
}

/* Of headers with one name the first counts. */
static void set_carried(struct llmobs_carrier *carrier, size_t i,
                        const char *value)
{
    const char **field = (const char **)((char *)carrier + carried[i].offset);

    if (!*field)
        *field = value;
}

static const char *thread_state_copy(char **to, const char *value)
{
    size_t len = strlen(value) + 1;
    char *at = memcpy(*to, value, len);

    *to += len;
    return at;
}

int llmobs_thread_state_activate(const struct llmobs_header *headers,
                                 size_t count)
{
    struct thread *thread = count ? thread_state_get() : thread_state_find();
    size_t len = 0;
    char *at;

    if (!thread)
        return count ? -ENOMEM : 0;
    if (thread->newest)
        thread->newest->unread = false;
    free(thread->headers);
    thread->headers = NULL;
    memset(&thread->inbound, 0, sizeof(thread->inbound));
    for (size_t i = 0; i < count; i++)
        len += which(&headers[i]) < CARRIED ? strlen(headers[i].value) + 1 : 0;
    if (len == 0)
        return 0;
    at = thread->headers = malloc(len);
    if (!at)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        size_t n = which(&headers[i]);

        if (n < CARRIED)
            set_carried(&thread->inbound, n,
                        thread_state_copy(&at, headers[i].value));
        if (thread_state_is_stranger(&headers[i]))
            thread->inbound.stranger = true;
    }
    return 0;
}

const struct llmobs_carrier *llmobs_thread_state_inbound(void)
{
    struct thread *thread = thread_state_find();
    struct request *newest = thread ? thread->newest : NULL;

    if (newest && newest->unread)
        (void)llmobs_thread_state_activate(newest->list, newest->count);
    return thread && thread->headers ? &thread->inbound : NULL;
}

/* -- requests -------------------------------------------------------------- */

static size_t thread_state_size_of(const struct llmobs_served *served)
{
    size_t size =
        sizeof(struct request) + served->count * sizeof(struct llmobs_header);

    for (size_t i = 0; i < served->count; i++)
        size += strlen(served->headers[i].value) + 1;
    return size;
}

static void copy_headers(struct request *request,
                         const struct llmobs_served *served)
{
    char *at = (char *)(request->list + served->count);

    request->count = served->count;
    request->unread = served->count > 0;
    for (size_t i = 0; i < served->count; i++) {
        request->list[i].name = (char *)(uintptr_t)served->headers[i].name;
        request->list[i].value = at;
        (void)thread_state_copy(&at, served->headers[i].value);
    }
}

int llmobs_thread_state_enter(const struct llmobs_served *served,
                              int64_t since_mono_ns)
{
    struct thread *thread = thread_state_get();
    struct request *request =
        thread ? malloc(thread_state_size_of(served)) : NULL;

    if (!request)
        return -ENOMEM;
    request->outer = thread->newest;
    request->key = served->key;
    request->mark = served->mark;
    request->since_mono_ns = since_mono_ns;
    request->entry = 0;
    request->floor = thread->floor;
    request->headers = thread->headers;
    if (thread->headers)
        request->inbound = thread->inbound;
    copy_headers(request, served);
    thread->newest = request;
    thread->floor = thread->depth;
    thread->headers = NULL;
    return 0;
}

void llmobs_thread_state_leave(void)
{
    struct thread *thread = thread_state_find();
    struct request *request = thread ? thread->newest : NULL;

    if (!request)
        return;
    free(thread->headers);
    thread->headers = request->headers;
    if (thread->headers)
        thread->inbound = request->inbound;
    thread->floor = request->floor;
    thread->newest = request->outer;
    free(request);
}

int64_t llmobs_thread_state_unasked(void)
{
    struct thread *thread = thread_state_find();
    int64_t since =
        thread && thread->newest ? thread->newest->since_mono_ns : 0;

    if (since)
        thread->newest->since_mono_ns = 0;
    return since;
}

void llmobs_thread_state_set_entry(uint64_t number)
{
    struct thread *thread = thread_state_find();

    if (thread && thread->newest)
        thread->newest->entry = number;
}

uint64_t llmobs_thread_state_entry(void)
{
    struct thread *thread = thread_state_find();

    return thread && thread->newest ? thread->newest->entry : 0;
}

const void *llmobs_thread_state_newest(void)
{
    struct thread *thread = thread_state_find();

    return thread && thread->newest ? thread->newest->key : NULL;
}

bool llmobs_thread_state_holds(const void *of)
{
    struct thread *thread = thread_state_find();
    struct request *one = thread ? thread->newest : NULL;

    while (one && one->key != of)
        one = one->outer;
    return one != NULL;
}

const void *llmobs_thread_state_apart(void)
{
    struct thread *thread = thread_state_find();
    struct request *one = thread ? thread->newest : NULL;

    while (one && one->mark)
        one = one->outer;
    return one ? one->key : NULL;
}

/* The stack belongs to the program, whose sanitizer may watch it. */
__attribute__((no_sanitize("address", "thread"))) static bool stands(
    uintptr_t mark)
{
    uintptr_t here = LLMOBS_STACK_ENTRY();

    return here < mark && mark - here < llmobs_stack_sure(here, 0) &&
           *(const volatile uintptr_t *)mark == mark;
}

bool llmobs_thread_state_gone(void)
{
    struct thread *thread = thread_state_find();

    return thread && thread->newest && thread->newest->mark &&
           !stands(thread->newest->mark);
}

void llmobs_thread_state_doubt(void)
{
    struct thread *thread = thread_state_find();

    if (thread)
        thread->doubtful = true;
}

bool llmobs_thread_state_doubtful(void)
{
    struct thread *thread = thread_state_find();

    return thread && thread->doubtful;
}

/* -- scopes ---------------------------------------------------------------- */

int llmobs_thread_state_proxied_begin(enum llmobs_proxying how)
{
    struct thread *thread = thread_state_get();

    if (!thread)
        return -ENOMEM;
    if (thread->proxied_depth == LLMOBS_THREAD_STATE_NEST_MAX)
        return -EMFILE;
    thread->proxied[thread->proxied_depth++] = how;
    return 0;
}

int llmobs_thread_state_proxied_end(void)
{
    struct thread *thread = thread_state_find();

    if (!thread || thread->proxied_depth == 0)
        return -ENOENT;
    thread->proxied_depth--;
    return 0;
}

enum llmobs_proxying llmobs_thread_state_proxied(void)
{
    struct thread *thread = thread_state_find();

    return thread && thread->proxied_depth > 0
               ? thread->proxied[thread->proxied_depth - 1]
               : LLMOBS_PROXYING_BY_URL;
}

int llmobs_annotation_context_begin(struct llmobs_annotation_context *context)
{
    struct thread *thread = thread_state_get();
    int rc = thread ? 0 : -ENOMEM;

    if (thread && thread->context_depth == LLMOBS_THREAD_STATE_NEST_MAX)
        rc = -EMFILE;
    if (rc)
        llmobs_annotation_context_free(context);
    else
        thread->contexts[thread->context_depth++] = *context;
    return rc;
}

int llmobs_annotation_context_end(void)
{
    struct thread *thread = thread_state_find();

    if (!thread || thread->context_depth == 0)
        return -ENOENT;
    llmobs_annotation_context_free(&thread->contexts[--thread->context_depth]);
    return 0;
}

const struct llmobs_annotation_context *llmobs_annotation_context_at(size_t i)
{
    struct thread *thread = thread_state_find();

    return thread && i < thread->context_depth ? &thread->contexts[i] : NULL;
}
