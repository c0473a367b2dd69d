/* Keeps each thread's current span and caller. */
#include "core/sdk/thread_state.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/network.h"
#include "core/sdk/span_table.h"

struct current {
    uint64_t span;
    uint64_t request; /* in which it started; 0: in none */
};

struct thread {
    struct current *spans;
    size_t depth, cap;
    enum llmobs_proxying proxied[LLMOBS_THREAD_STATE_NEST_MAX];
    size_t proxied_depth;
    struct llmobs_annotation_context contexts[LLMOBS_THREAD_STATE_NEST_MAX];
    size_t context_depth;
    struct llmobs_caller *caller; /* of _activate; NULL: none */
    struct llmobs_serving serving;
    struct llmobs_told told;
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
    {":method", offsetof(struct llmobs_carrier, method)},
    {":path", offsetof(struct llmobs_carrier, target)},
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
    free(thread->spans);
    llmobs_caller_leave(thread->caller);
    llmobs_caller_leave(thread->serving.caller);
    free(thread);
}

static pthread_key_t key(void)
{
    return (pthread_key_t)(atomic_load(&made) - 1);
}

/* Makes the key when the first thread needs it. The app has a limited number of
 * keys. And two copies of libc in a process (dlmopen) share the values of a
 * thread, so a library must get the same number from both: a key made early
 * would shift the numbers of later libraries in one of them. */
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
static struct thread *find_thread(void)
{
    return llmobs_thread_state_used() ? pthread_getspecific(key()) : NULL;
}

/* The calling thread's record, made if needed; NULL when memory runs out. */
static struct thread *get_thread(void)
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

static int grow_spans(struct thread *thread)
{
    size_t cap = thread->cap ? thread->cap * 2 : 8;
    struct current *spans;

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
    struct thread *thread = get_thread();
    int rc;

    if (!thread)
        return -ENOMEM;
    (void)llmobs_thread_state_top();
    rc = grow_spans(thread);
    if (!rc)
        thread->spans[thread->depth++] =
            (struct current){number, thread->serving.request};
    return rc;
}

int llmobs_thread_state_remove(uint64_t number)
{
    struct thread *thread = find_thread();
    size_t i = thread ? thread->depth : 0;

    while (i > 0 && thread->spans[i - 1].span != number)
        i--;
    if (i == 0)
        return -ENOENT;
    memmove(&thread->spans[i - 1], &thread->spans[i],
            (thread->depth - i) * sizeof(*thread->spans));
    thread->depth--;
    return 0;
}

uint64_t llmobs_thread_state_top(void)
{
    struct thread *thread = find_thread();

    for (size_t i = thread ? thread->depth : 0; i-- > 0;) {
        const struct current *one = &thread->spans[i];
        bool open = llmobs_span_table_has(one->span);

        if (open && one->request == thread->serving.request)
            return one->span;
        if (!open && i + 1 == thread->depth)
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
 * headers counts, even a header that is too long to be copied. */
static bool shows_stranger(const struct llmobs_header *header)
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

int llmobs_caller_new(const struct llmobs_header *headers, size_t count,
                      struct llmobs_caller **out)
{
    struct llmobs_caller *caller;
    size_t len = 0;
    char *at;

    *out = NULL;
    for (size_t i = 0; i < count; i++)
        len += which(&headers[i]) < CARRIED ? strlen(headers[i].value) + 1 : 0;
    if (len == 0)
        return 0;
    caller = calloc(1, sizeof(*caller) + len);
    if (!caller)
        return -ENOMEM;
    atomic_init(&caller->users, 1);
    at = caller->texts;
    for (size_t i = 0; i < count; i++) {
        size_t n = which(&headers[i]);

        if (n < CARRIED) {
            const char **field =
                (const char **)((char *)&caller->carrier + carried[n].offset);

            len = strlen(headers[i].value) + 1;
            memcpy(at, headers[i].value, len);
            if (!*field) /* of headers with one name the first counts */
                *field = at;
            at += len;
        }
        if (shows_stranger(&headers[i]))
            caller->carrier.stranger = true;
    }
    *out = caller;
    return 0;
}

void llmobs_caller_leave(struct llmobs_caller *caller)
{
    if (caller && atomic_fetch_sub(&caller->users, 1) == 1)
        free(caller);
}

int llmobs_thread_state_activate(struct llmobs_caller *caller)
{
    struct thread *thread = caller ? get_thread() : find_thread();

    if (thread) {
        llmobs_caller_leave(thread->caller);
        thread->caller = caller;
    } else if (caller) {
        llmobs_caller_leave(caller);
        return -ENOMEM;
    }
    return 0;
}

const struct llmobs_carrier *llmobs_thread_state_inbound(void)
{
    static const struct llmobs_carrier nobody = {.untraced = true};
    const struct thread *thread = find_thread();
    const struct llmobs_caller *caller = !thread ? NULL
                                         : thread->serving.request
                                             ? thread->serving.caller
                                             : thread->caller;

    return caller                              ? &caller->carrier
           : thread && thread->serving.request ? &nobody
                                               : NULL;
}

/* -- the request that it serves ---------------------------------------------
 */

struct llmobs_serving llmobs_thread_state_serve(struct llmobs_serving now)
{
    struct thread *thread = now.request ? get_thread() : find_thread();
    struct llmobs_serving before = {0};

    if (thread) {
        before = thread->serving;
        thread->serving = now;
    } else {
        llmobs_caller_leave(now.caller);
    }
    return before;
}

uint64_t llmobs_thread_state_entry(void)
{
    const struct thread *thread = find_thread();

    return thread ? thread->serving.entry : 0;
}

struct llmobs_told *llmobs_thread_state_told(bool make)
{
    struct thread *thread = make ? get_thread() : find_thread();

    return thread ? &thread->told : NULL;
}

/* -- scopes ---------------------------------------------------------------- */

int llmobs_thread_state_proxied_begin(enum llmobs_proxying how)
{
    struct thread *thread = get_thread();

    if (!thread)
        return -ENOMEM;
    if (thread->proxied_depth == LLMOBS_THREAD_STATE_NEST_MAX)
        return -EMFILE;
    thread->proxied[thread->proxied_depth++] = how;
    return 0;
}

int llmobs_thread_state_proxied_end(void)
{
    struct thread *thread = find_thread();

    if (!thread || thread->proxied_depth == 0)
        return -ENOENT;
    thread->proxied_depth--;
    return 0;
}

enum llmobs_proxying llmobs_thread_state_proxied(void)
{
    struct thread *thread = find_thread();

    return thread && thread->proxied_depth > 0
               ? thread->proxied[thread->proxied_depth - 1]
               : LLMOBS_PROXYING_BY_URL;
}

int llmobs_annotation_context_begin(struct llmobs_annotation_context *context)
{
    struct thread *thread = get_thread();
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
    struct thread *thread = find_thread();

    if (!thread || thread->context_depth == 0)
        return -ENOENT;
    llmobs_annotation_context_free(&thread->contexts[--thread->context_depth]);
    return 0;
}

const struct llmobs_annotation_context *llmobs_annotation_context_at(size_t i)
{
    struct thread *thread = find_thread();

    return thread && i < thread->context_depth ? &thread->contexts[i] : NULL;
}

/* The member of that key; a missing one is `fresh`, which this takes. */
static struct llmobs_json *have(struct llmobs_json *packed, const char *key,
                                struct llmobs_json *fresh)
{
    if (llmobs_json_get(packed, key))
        llmobs_json_free(fresh);
    else
        (void)llmobs_json_set(packed, key, fresh);
    return llmobs_json_get(packed, key);
}

char *llmobs_annotation_context_pack(void)
{
    const struct llmobs_annotation_context *context =
        llmobs_annotation_context_at(0);
    struct llmobs_json *packed, *tags = NULL;
    char *text;

    if (!context)
        return NULL;
    packed = llmobs_json_object();
    for (size_t i = 0; (context = llmobs_annotation_context_at(i)) != NULL;
         i++) {
        (void)llmobs_json_sets(packed, "name", context->name);
        if (context->tags)
            tags = have(packed, "tags", llmobs_json_object());
        for (void *it = llmobs_json_iter(context->tags); it;
             it = llmobs_json_next(context->tags, it))
            (void)llmobs_json_set(
                tags, llmobs_json_iter_key(it),
                llmobs_json_clone(llmobs_json_iter_value(it)));
        LLMOBS_JSON_EACH (key, context->cost_tags, true)
            (void)llmobs_json_add(
                have(packed, "cost_tags", llmobs_json_array()),
                llmobs_json_clone(key));
        if (context->prompt)
            (void)llmobs_json_set(packed, "prompt",
                                  llmobs_json_clone(context->prompt));
    }
    text = packed ? llmobs_json_dumps(packed, 0) : NULL;
    llmobs_json_free(packed);
    return text;
}
