#include "cli/log/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/to_span.h"
#include "lib/text/json.h"

static const char *const names[LLMOBS_PS_FIELDS] = {
    "program", "model", "provider", "host", "ml_app"};

/* The numbers of a call. JSON has no unsigned ones: they go as signed bits. */
struct numbers {
    int64_t pid, start, pidns, elsewhere, id, trace_high, trace_low;
    int64_t thread, progress, wall, mono;
};

#define NUMBERS (sizeof(struct numbers) / sizeof(int64_t))

/* -- writing --------------------------------------------------------------- */

static int set_text(struct llmobs_json *line, enum llmobs_ps_field field,
                    const char *text)
{
    size_t len = text ? strnlen(text, LLMOBS_PS_TEXT) : 0;

    return len == 0 ? 0
                    : llmobs_json_set(line, names[field],
                                      llmobs_json_stringn(text, len));
}

/* The host of a URL, with its port. */
static int set_host(struct llmobs_json *line, const char *url)
{
    const char *begin = strstr(url, "://"), *end, *at;

    begin = begin ? begin + 3 : url;
    end = begin + strcspn(begin, "/?#");
    at = memrchr(begin, '@', (size_t)(end - begin));
    if (at)
        begin = at + 1;
    if (end - begin > LLMOBS_PS_TEXT || end == begin)
        return 0;
    return llmobs_json_set(line, names[LLMOBS_PS_HOST],
                           llmobs_json_stringn(begin, (size_t)(end - begin)));
}

static int set_numbers(struct llmobs_json *line,
                       const struct llmobs_adopt_call *call)
{
    const struct llmobs_exchange *exchange = call->exchange;
    const struct numbers numbers = {
        .pid = call->pid,
        .start = (int64_t)call->start,
        .pidns = (int64_t)call->pidns,
        .elsewhere = call->elsewhere,
        .id = (int64_t)call->id,
        .trace_high = (int64_t)exchange->context.trace_id.hi,
        .trace_low = (int64_t)exchange->context.trace_id.lo,
        .thread = (int64_t)call->place.thread,
        .progress = (int64_t)call->place.progress,
        .wall = exchange->start_wall_ns,
        .mono = exchange->start_mono_ns};
    struct llmobs_json *list = llmobs_json_array();
    int64_t all[NUMBERS];
    int rc = 0;

    memcpy(all, &numbers, sizeof(all));
    for (size_t i = 0; i < NUMBERS && rc == 0; i++)
        rc = llmobs_json_add(list, llmobs_json_int(all[i]));
    return llmobs_json_set_made(line, "numbers", list, rc);
}

/* Makes a span of the request alone: a call under way has no span yet. */
static int set_span(struct llmobs_json *line, struct llmobs_exchange *exchange)
{
    struct llmobs_span span;
    int rc;

    exchange->end = LLMOBS_END_KILLED;
    rc = llmobs_exchange_to_span(exchange, &span);
    if (rc != 0)
        return rc;
    rc = set_text(line, LLMOBS_PS_MODEL, span.model_name);
    if (rc == 0)
        rc = set_text(line, LLMOBS_PS_PROVIDER, span.model_provider);
    llmobs_span_fini(&span);
    return rc;
}

static int fill(struct llmobs_json *line, const struct llmobs_adopt_call *call)
{
    int rc = set_span(line, call->exchange);

    if (rc == 0)
        rc = set_numbers(line, call);
    if (rc == 0)
        rc = set_text(line, LLMOBS_PS_PROGRAM, call->config->executable);
    if (rc == 0)
        rc = set_host(line, call->exchange->url);
    return rc == 0 ? set_text(line, LLMOBS_PS_ML_APP,
                              call->exchange->context.ml_app)
                   : rc;
}

int llmobs_ps_call_write(const struct llmobs_adopt_call *call,
                         struct llmobs_buf *out)
{
    struct llmobs_json *line = llmobs_json_object();
    int rc = fill(line, call);

    if (rc == 0)
        rc = llmobs_json_dump(line, LLMOBS_JSON_ASCII, out);
    if (rc == 0)
        rc = llmobs_buf_addc(out, '\n');
    llmobs_json_free(line);
    return rc;
}

/* -- reading --------------------------------------------------------------- */

static int read_numbers(const struct llmobs_json *list,
                        struct llmobs_ps_call *call)
{
    int64_t all[NUMBERS];
    struct numbers n;

    if (llmobs_json_len(list) != NUMBERS)
        return -EINVAL;
    for (size_t i = 0; i < NUMBERS; i++)
        all[i] = llmobs_json_to_int(llmobs_json_at(list, i));
    memcpy(&n, all, sizeof(n));
    if (n.pid <= 0 || n.pid > INT32_MAX)
        return -EINVAL;
    call->pid = (pid_t)n.pid;
    call->start = (uint64_t)n.start;
    call->pidns = (uint64_t)n.pidns;
    call->elsewhere = n.elsewhere != 0;
    call->id = (uint64_t)n.id;
    call->trace_high = (uint64_t)n.trace_high;
    call->trace_low = (uint64_t)n.trace_low;
    call->place.thread = (uint64_t)n.thread;
    call->place.progress = (uint64_t)n.progress;
    call->start_wall_ns = n.wall;
    call->start_mono_ns = n.mono;
    return 0;
}

static void free_texts(struct llmobs_ps_call *call)
{
    for (size_t i = 0; i < LLMOBS_PS_FIELDS; i++)
        free(call->text[i]);
}

static int read_texts(const struct llmobs_json *line,
                      struct llmobs_ps_call *call)
{
    for (size_t i = 0; i < LLMOBS_PS_FIELDS; i++) {
        const char *text = llmobs_json_gets(line, names[i]);

        call->text[i] = text ? strdup(text) : NULL;
        if (text && !call->text[i])
            return -ENOMEM;
    }
    return 0;
}

int llmobs_ps_call_read(struct llmobs_text text, uid_t uid,
                        struct llmobs_ps_calls *calls)
{
    struct llmobs_ps_call call = {.uid = uid};
    struct llmobs_json *line = NULL;
    int rc;

    if (calls->count == LLMOBS_PS_CALLS) {
        calls->more = true;
        return 0;
    }
    rc = llmobs_json_parse(text, &line);
    if (rc == 0)
        rc = read_numbers(llmobs_json_get(line, "numbers"), &call);
    if (rc == 0)
        rc = read_texts(line, &call);
    if (rc == 0 && !calls->list) {
        calls->list = malloc(LLMOBS_PS_CALLS * sizeof(*calls->list));
        rc = calls->list ? 0 : -ENOMEM;
    }
    if (rc == 0)
        calls->list[calls->count++] = call;
    else
        free_texts(&call);
    llmobs_json_free(line);
    return rc;
}

/* -- a list ---------------------------------------------------------------- */

static int by_age(const void *a, const void *b)
{
    const struct llmobs_ps_call *x = a, *y = b;

    if (x->start_wall_ns != y->start_wall_ns)
        return x->start_wall_ns > y->start_wall_ns ? 1 : -1;
    if (x->pid != y->pid)
        return x->pid > y->pid ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

void llmobs_ps_calls_keep(struct llmobs_ps_calls *calls,
                          bool (*keep)(struct llmobs_ps_call *))
{
    size_t kept = 0;

    if (calls->count > 1)
        qsort(calls->list, calls->count, sizeof(*calls->list), by_age);
    for (size_t i = 0; i < calls->count; i++) {
        struct llmobs_ps_call *call = &calls->list[i];
        const struct llmobs_ps_call *last =
            kept > 0 ? &calls->list[kept - 1] : NULL;

        /* A copy of a process's file has the same call again. */
        if ((!last || call->pid != last->pid || call->pidns != last->pidns ||
             call->id != last->id) &&
            keep(call))
            calls->list[kept++] = *call;
        else
            free_texts(call);
    }
    calls->count = kept;
}

void llmobs_ps_calls_free(struct llmobs_ps_calls *calls)
{
    for (size_t i = 0; i < calls->count; i++)
        free_texts(&calls->list[i]);
    free(calls->list);
    *calls = (struct llmobs_ps_calls){0};
}
