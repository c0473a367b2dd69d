#include "cli/query/waste.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query/each.h"
#include "lib/base/grow.h"

#define NS_PER_S INT64_C(1000000000)
#define FRAMES 3 /* of a caller */
#define THING 120
#define TEXT_MAX 65536

/* The facts that are kept of a call of a model, or of a tool. */
struct llmobs_waste_call {
    struct llmobs_digest digest;
    const char *trace, *span, *model, *thing, *by[LLMOBS_BY_KEYS];
    int64_t start_ns, duration_ns;
    int64_t input_tokens, output_tokens;
    double cost;
    bool failed;
    bool comparable; /* the digest is that of the whole request */
    bool wasted;
};

void llmobs_waste_init(struct llmobs_waste *waste)
{
    memset(waste, 0, sizeof(*waste));
    waste->seed = llmobs_digest_seed();
}

void llmobs_waste_fini(struct llmobs_waste *waste)
{
    llmobs_texts_fini(&waste->texts);
    free(waste->calls);
    free(waste->tools);
    free(waste->lines);
}

/* -- texts ---------------------------------------------------------------- */

/* Shares a text that may be missing. */
static int waste_share(struct llmobs_waste *waste, const char **out,
                       const char *text)
{
    *out = NULL;
    if (!text || *text == '\0')
        return 0;
    *out = llmobs_texts_share(&waste->texts, text);
    return *out ? 0 : -ENOMEM;
}

/* Shares the caller's line in its script, else its first frames. */
static int waste_set_caller(struct llmobs_waste *waste, const char **out,
                            const struct llmobs_json *event)
{
    const struct llmobs_json *caller = llmobs_json_get(
        llmobs_json_get(llmobs_json_get(event, "meta"), "metadata"), "caller");
    const struct llmobs_by_key key = {LLMOBS_KEY_CALLER, ""};
    struct llmobs_key_room room;
    struct llmobs_buf text;
    int rc = 0;

    if (llmobs_json_gets(caller, "file"))
        return waste_share(waste, out, llmobs_key_of(&key, NULL, event, &room));
    llmobs_buf_init(&text, TEXT_MAX);
    rc = llmobs_key_add_frames(event, FRAMES, " < ", &text);
    if (rc == 0)
        rc = waste_share(waste, out,
                         text.len > 0 ? text.data
                                      : llmobs_json_gets(caller, "module"));
    llmobs_buf_fini(&text);
    return rc;
}

/* Shares what the lines are by. */
static int waste_set_by(struct llmobs_waste *waste,
                        struct llmobs_waste_call *call,
                        const struct llmobs_row *row,
                        const struct llmobs_json *event)
{
    struct llmobs_key_room room;
    int rc = 0;

    if (waste->by.count == 0)
        return waste_set_caller(waste, &call->by[0], event);
    for (size_t i = 0; rc == 0 && i < waste->by.count; i++)
        rc = waste_share(waste, &call->by[i],
                         llmobs_key_of(&waste->by.keys[i], row, event, &room));
    return rc;
}

/* Keeps "name(arguments)". */
static int set_thing(struct llmobs_waste *waste, const char **out,
                     const char *name, const struct llmobs_json *arguments)
{
    const char *said = llmobs_json_text(arguments);
    char *made = NULL;
    struct llmobs_buf text;
    int rc = 0;

    if (arguments && !said)
        said = made = llmobs_json_dumps(arguments, 0);
    if (!said)
        said = "";
    llmobs_buf_init(&text, TEXT_MAX);
    rc =
        llmobs_buf_addf(&text, "%.*s(%.*s)", (int)llmobs_texts_cut(name, THING),
                        name, (int)llmobs_texts_cut(said, THING), said);
    if (rc == 0)
        rc = waste_share(waste, out, text.data);
    llmobs_buf_fini(&text);
    free(made);
    return rc;
}

/* -- calls ---------------------------------------------------------------- */

static int waste_set_texts(struct llmobs_waste *waste,
                           struct llmobs_waste_call *call,
                           const struct llmobs_row *row,
                           const struct llmobs_json *event)
{
    int rc = waste_share(waste, &call->model, row->model);

    call->trace = llmobs_texts_share(&waste->texts, row->trace_id);
    call->span =
        llmobs_texts_keep(&waste->texts, row->span_id, strlen(row->span_id));
    if (!call->trace || !call->span)
        return -ENOMEM;
    return rc == 0 ? waste_set_by(waste, call, row, event) : rc;
}

static int waste_add_call(struct llmobs_waste *waste,
                          const struct llmobs_row *row,
                          const struct llmobs_json *event)
{
    struct llmobs_waste_call call = {
        .start_ns = row->start_ns,
        .duration_ns = row->duration_ns,
        .input_tokens = row->input_tokens,
        .output_tokens = row->output_tokens,
        .cost = row->cost,
        .failed = row->failed,
    };
    int rc = waste_set_texts(waste, &call, row, event);

    if (rc == 0 && row->failed)
        rc = waste_share(waste, &call.thing,
                         row->error_type ? row->error_type : "error");
    call.comparable = llmobs_digest_request(waste->seed, event, &call.digest);
    if (rc == 0)
        rc = llmobs_grow(&waste->calls, &waste->call_cap, waste->call_count,
                         sizeof(call));
    if (rc == 0)
        waste->calls[waste->call_count++] = call;
    return rc;
}

static int waste_add_tool(struct llmobs_waste *waste,
                          const struct llmobs_row *row,
                          const struct llmobs_json *event, const char *name,
                          const struct llmobs_json *arguments)
{
    struct llmobs_waste_call tool = {.start_ns = row->start_ns,
                                     .duration_ns = -1};
    int rc = waste_set_texts(waste, &tool, row, event);

    tool.digest = llmobs_digest_tool(waste->seed, name, arguments);
    if (rc == 0)
        rc = set_thing(waste, &tool.thing, name, arguments);
    if (rc == 0)
        rc = llmobs_grow(&waste->tools, &waste->tool_cap, waste->tool_count,
                         sizeof(tool));
    if (rc == 0)
        waste->tools[waste->tool_count++] = tool;
    return rc;
}

/* Adds the calls of tools that an answer asks for. */
static int waste_add_asked(struct llmobs_waste *waste,
                           const struct llmobs_row *row,
                           const struct llmobs_json *event)
{
    const struct llmobs_json *messages = llmobs_json_get(
        llmobs_json_get(llmobs_json_get(event, "meta"), "output"), "messages");
    int rc = 0;

    for (size_t i = 0; i < llmobs_json_len(messages); i++) {
        const struct llmobs_json *calls =
            llmobs_json_get(llmobs_json_at(messages, i), "tool_calls");

        for (size_t k = 0; rc == 0 && k < llmobs_json_len(calls); k++) {
            const struct llmobs_json *call = llmobs_json_at(calls, k);
            const char *name = llmobs_json_gets(call, "name");

            if (name)
                rc = waste_add_tool(waste, row, event, name,
                                    llmobs_json_get(call, "arguments"));
        }
    }
    return rc;
}

static int waste_take_row(void *ctx, const struct llmobs_row *row,
                          const struct llmobs_json *event)
{
    struct llmobs_waste *waste = ctx;
    int rc;

    if (!llmobs_row_is_call(row))
        return 0;
    rc = waste_add_call(waste, row, event);
    return rc == 0 ? waste_add_asked(waste, row, event) : rc;
}

/* -- lines ---------------------------------------------------------------- */

static struct llmobs_waste_line waste_begin_line(
    enum llmobs_waste_kind kind, const struct llmobs_waste_call *call)
{
    struct llmobs_waste_line line = {.kind = kind,
                                     .input_tokens = -1,
                                     .output_tokens = -1,
                                     .cost = -1,
                                     .time_ns = -1,
                                     .model = call->model,
                                     .thing = call->thing,
                                     .trace = call->trace,
                                     .span = call->span};

    memcpy(line.by, call->by, sizeof(line.by));
    return line;
}

static void sum(int64_t *sum, int64_t number)
{
    if (number < 0)
        return;
    if (*sum < 0)
        *sum = 0;
    if (__builtin_add_overflow(*sum, number, sum))
        *sum = INT64_MAX;
}

void llmobs_waste_add(struct llmobs_waste_line *to,
                      const struct llmobs_waste_line *line)
{
    to->count += line->count;
    sum(&to->input_tokens, line->input_tokens);
    sum(&to->output_tokens, line->output_tokens);
    sum(&to->time_ns, line->time_ns);
    if (line->cost >= 0)
        to->cost = (to->cost < 0 ? 0 : to->cost) + line->cost;
}

static void waste_count(struct llmobs_waste_line *line,
                        struct llmobs_waste_call *call)
{
    const struct llmobs_waste_line one = {.count = 1,
                                          .input_tokens = call->input_tokens,
                                          .output_tokens = call->output_tokens,
                                          .cost = call->cost,
                                          .time_ns = call->duration_ns};

    call->wasted = true;
    llmobs_waste_add(line, &one);
}

static int waste_keep_line(struct llmobs_waste *waste,
                           const struct llmobs_waste_line *line)
{
    int rc = 0;

    if (line->count == 0)
        return 0;
    rc = llmobs_grow(&waste->lines, &waste->cap, waste->count, sizeof(*line));
    if (rc == 0)
        waste->lines[waste->count++] = *line;
    return rc;
}

/* -- requests ------------------------------------------------------------- */

static int waste_by_time(const struct llmobs_waste_call *a,
                         const struct llmobs_waste_call *b)
{
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    return strcmp(a->span, b->span);
}

static int by_request(const void *left, const void *right)
{
    const struct llmobs_waste_call *a = left, *b = right;
    int order = (int)b->comparable - (int)a->comparable;

    if (order == 0)
        order = llmobs_digest_compare(a->digest, b->digest);
    return order != 0 ? order : waste_by_time(a, b);
}

/* True where `next` began so soon after the end of `call`, which failed, that
 * it is a retry. */
static bool is_retry(const struct llmobs_waste_call *call,
                     const struct llmobs_waste_call *next)
{
    int64_t wait;

    if (call->start_ns <= 0) /* unknown, and a difference may overflow */
        return false;
    wait = next->start_ns - call->start_ns;
    if (call->duration_ns > 0)
        wait -= call->duration_ns;
    return wait <= LLMOBS_WASTE_RETRY_S * NS_PER_S;
}

/* Makes the lines of equal requests. */
static int take_equal(struct llmobs_waste *waste,
                      struct llmobs_waste_call *calls, size_t count)
{
    struct llmobs_waste_line retry = {0}, repeat = {0};
    size_t i = 0;
    int rc;

    for (; i + 1 < count && calls[i].failed; i++) {
        if (!is_retry(&calls[i], &calls[i + 1]))
            continue;
        if (retry.count == 0)
            retry = waste_begin_line(LLMOBS_WASTE_RETRY, &calls[i]);
        waste_count(&retry, &calls[i]);
    }
    for (i++; i < count; i++) {
        if (repeat.count == 0) {
            repeat = waste_begin_line(LLMOBS_WASTE_REPEAT, &calls[i]);
            repeat.thing = NULL;
        }
        waste_count(&repeat, &calls[i]);
    }
    rc = waste_keep_line(waste, &retry);
    return rc == 0 ? waste_keep_line(waste, &repeat) : rc;
}

static int find_equal(struct llmobs_waste *waste)
{
    struct llmobs_waste_call *calls = waste->calls;
    size_t from = 0, count = waste->call_count;
    int rc = 0;

    if (count > 1)
        qsort(calls, count, sizeof(*calls), by_request);
    for (size_t i = 1; rc == 0 && i <= count && calls[from].comparable; i++) {
        if (i < count && calls[i].comparable &&
            llmobs_digest_compare(calls[i].digest, calls[from].digest) == 0)
            continue;
        rc = take_equal(waste, calls + from, i - from);
        from = i < count ? i : from;
    }
    return rc;
}

/* -- failed calls --------------------------------------------------------- */

static bool was_paid(const struct llmobs_waste_call *call)
{
    return call->failed && (call->input_tokens > 0 || call->output_tokens > 0 ||
                            call->cost > 0);
}

/* For shared texts: equal texts have one address. */
static int by_address(const char *a, const char *b)
{
    return (a > b) - (a < b);
}

static int by_keys(const char *const a[LLMOBS_BY_KEYS],
                   const char *const b[LLMOBS_BY_KEYS])
{
    int order = 0;

    for (size_t i = 0; order == 0 && i < LLMOBS_BY_KEYS; i++)
        order = by_address(a[i], b[i]);
    return order;
}

static int by_error(const void *left, const void *right)
{
    const struct llmobs_waste_call *a = left, *b = right;
    int order = (int)was_paid(b) - (int)was_paid(a);

    if (order == 0)
        order = by_address(a->thing, b->thing);
    if (order == 0)
        order = by_address(a->model, b->model);
    if (order == 0)
        order = by_keys(a->by, b->by);
    return order != 0 ? order : waste_by_time(a, b);
}

static int find_paid(struct llmobs_waste *waste)
{
    struct llmobs_waste_call *calls = waste->calls;
    struct llmobs_waste_line line = {0};
    int rc = 0;

    if (waste->call_count > 1)
        qsort(calls, waste->call_count, sizeof(*calls), by_error);
    for (size_t i = 0; rc == 0 && i < waste->call_count && was_paid(&calls[i]);
         i++) {
        if (line.thing != calls[i].thing || line.model != calls[i].model ||
            by_keys(line.by, calls[i].by) != 0) {
            rc = waste_keep_line(waste, &line);
            line = waste_begin_line(LLMOBS_WASTE_FAILED, &calls[i]);
        }
        waste_count(&line, &calls[i]);
    }
    return rc == 0 ? waste_keep_line(waste, &line) : rc;
}

/* -- callers -------------------------------------------------------------- */

static int by_caller(const void *left, const void *right)
{
    const struct llmobs_waste_call *a = left, *b = right;
    int order = (int)b->wasted - (int)a->wasted;

    if (order == 0)
        order = by_keys(a->by, b->by);
    return order != 0 ? order : waste_by_time(a, b);
}

/* The model that a caller's line is by; NULL: its calls may have several. */
static const char *model_of(const struct llmobs_waste *waste,
                            const struct llmobs_waste_call *call)
{
    for (size_t i = 0; i < waste->by.count; i++)
        if (waste->by.keys[i].key == LLMOBS_KEY_MODEL)
            return call->by[i];
    return NULL;
}

/* Sums what each caller wastes: a call counts once, even if several lines have
 * it. */
static int find_callers(struct llmobs_waste *waste)
{
    struct llmobs_waste_call *calls = waste->calls;
    struct llmobs_waste_line line = {0};
    int rc = 0;

    if (waste->call_count > 1)
        qsort(calls, waste->call_count, sizeof(*calls), by_caller);
    for (size_t i = 0; rc == 0 && i < waste->call_count && calls[i].wasted;
         i++) {
        if (i == 0 || by_keys(line.by, calls[i].by) != 0) {
            rc = waste_keep_line(waste, &line);
            line = waste_begin_line(LLMOBS_WASTE_CALLER, &calls[i]);
            line.model = model_of(waste, &calls[i]);
            line.thing = NULL;
        }
        waste_count(&line, &calls[i]);
    }
    return rc == 0 ? waste_keep_line(waste, &line) : rc;
}

/* -- tools ---------------------------------------------------------------- */

static int by_tool(const void *left, const void *right)
{
    const struct llmobs_waste_call *a = left, *b = right;
    int order = by_address(a->trace, b->trace);

    if (order == 0)
        order = llmobs_digest_compare(a->digest, b->digest);
    return order != 0 ? order : waste_by_time(a, b);
}

static int find_loops(struct llmobs_waste *waste)
{
    struct llmobs_waste_call *tools = waste->tools;
    size_t from = 0, count = waste->tool_count;
    int rc = 0;

    if (count > 1)
        qsort(tools, count, sizeof(*tools), by_tool);
    for (size_t i = 1; rc == 0 && i <= count; i++) {
        struct llmobs_waste_line line;

        if (i < count && tools[i].trace == tools[from].trace &&
            llmobs_digest_compare(tools[i].digest, tools[from].digest) == 0)
            continue;
        line = waste_begin_line(LLMOBS_WASTE_LOOPS, &tools[from]);
        line.count = i - from;
        if (line.count >= LLMOBS_WASTE_LOOP)
            rc = waste_keep_line(waste, &line);
        from = i;
    }
    return rc;
}

/* -- all ------------------------------------------------------------------ */

static int compare_counts(int64_t a, int64_t b)
{
    return (a < b) - (a > b);
}

/* Orders lines by cost, then by tokens, then by count, the highest first. */
static int by_price(const void *left, const void *right)
{
    const struct llmobs_waste_line *a = left, *b = right;
    int order = (int)a->kind - (int)b->kind;

    if (order == 0)
        order = (a->cost < b->cost) - (a->cost > b->cost);
    if (order == 0)
        order = compare_counts(a->input_tokens, b->input_tokens);
    if (order == 0)
        order = compare_counts((int64_t)a->count, (int64_t)b->count);
    if (order == 0)
        order = strcmp(a->trace, b->trace);
    return order != 0 ? order : strcmp(a->span, b->span);
}

int llmobs_waste_read(struct llmobs_waste *waste, struct llmobs_load *load,
                      struct llmobs_reader *reader)
{
    int rc;

    load->parts = LLMOBS_ROW_FACTS;
    rc = llmobs_each(load, reader, waste_take_row, waste);
    if (rc == 0)
        rc = find_equal(waste);
    if (rc == 0)
        rc = find_paid(waste);
    if (rc == 0)
        rc = find_callers(waste);
    if (rc == 0)
        rc = find_loops(waste);
    if (rc == 0 && waste->count > 1)
        qsort(waste->lines, waste->count, sizeof(*waste->lines), by_price);
    return rc == 0 && waste->count > 0
               ? llmobs_by_shorten(&waste->by, waste->lines->by,
                                   sizeof(*waste->lines), waste->count)
               : rc;
}
