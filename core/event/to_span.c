/* Makes a span of an ended exchange: decodes, masks and reads it. */
#include "core/event/to_span.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/script.h"
#include "lib/base/stats.h"
#include "lib/base/work.h"
#include "core/trace/caller_unnamed.h"
#include "core/trace/script_frames.h"
#include "core/event/provider_headers.h"
#include "lib/span/secrets.h"
#include "lib/span/vectors.h"
#include "lib/text/budget.h"
#include "lib/text/eventstream.h"
#include "lib/text/inflate.h"

/* Numbers of libcurl's API, whose header this file does not include. */
#define CODE_HTTP_RETURNED_ERROR 22

/* Reading, redacting and encoding a body need up to this many times its length
 * in memory, besides the body. */
#define READING 4
/* A compressed body that unpacks to at most this, or to what an exchange may
 * have whole, is read whole. */
#define DECODED_MAX ((size_t)16 * 1024 * 1024)

/* The memory that a call needs besides the exchange's. */
struct decoded {
    struct llmobs_body request;
    size_t reading; /* bytes that both bodies took from the budget */
};

/* -- the budget ----------------------------------------------------------- */

/* The memory for reading a body. The budget does not count the length of a body
 * from the disk yet. */
static size_t reading_of(const struct llmobs_body *body)
{
    size_t len = llmobs_body_head(body).len;

    return READING * len + (body->charged < len ? len - body->charged : 0);
}

/* Shortens a body to its two ends where the budget has no room to read it
 * whole. */
static void reserve_reading(struct decoded *decoded, struct llmobs_body *body)
{
    size_t need = reading_of(body);

    if (!llmobs_budget_claim(need, LLMOBS_BUDGET_READING)) {
        llmobs_body_shrink(body);
        need = reading_of(body);
        llmobs_budget_force(need);
    }
    decoded->reading += need;
}

/* -- content codings ----------------------------------------------------- */

/* The members of a call that are about one of its bodies. */
struct part {
    struct llmobs_text *head, *tail;
    const char **encoded;
    bool *truncated;
};

/* Undoes the coding of a body. 1: `part` now has the ends of `out`; 0: it stays
 * as it is. Where the decoding was cut, its last bytes are not the end of the
 * body, and `part` has no tail. */
static int decode_body(const struct part *part, const char *coding,
                       struct llmobs_body *out, struct decoded *decoded)
{
    size_t max = out->whole_max > DECODED_MAX ? out->whole_max : DECODED_MAX;
    bool cut;
    int rc;

    if (!llmobs_inflate_is_coded(*part->head, coding))
        return 0;
    rc = llmobs_inflate_body(*part->head, coding, max, out, &cut);
    if (rc == -ENOMEM)
        return rc;
    if (rc == -ENOTSUP) {
        *part->encoded = coding;
        return 0;
    }
    /* Invalid from its first byte on: the body never had this coding. */
    if (rc && out->total == 0)
        return 0;
    reserve_reading(decoded, out);
    *part->head = llmobs_body_head(out);
    if (!part->head->data)
        part->head->data = "";
    *part->tail = (struct llmobs_text){NULL, 0};
    if (out->truncated && !cut && !*part->truncated)
        *part->tail = llmobs_body_tail(out);
    *part->truncated = *part->truncated || out->truncated || out->total >= max;
    return 1;
}

static int decode_bodies(struct llmobs_call *call, struct decoded *decoded,
                         struct llmobs_body *plain)
{
    static const char name[] = "content-encoding";
    const struct part request = {&call->request, &call->request_tail,
                                 &call->request_encoded,
                                 &call->request_truncated};
    const struct part response = {&call->response, &call->response_tail,
                                  &call->encoded, &call->response_truncated};
    int rc = decode_body(&request,
                         llmobs_header_find(call->request_headers,
                                            call->request_header_count, name),
                         &decoded->request, decoded);

    if (rc >= 0)
        rc = decode_body(&response,
                         llmobs_header_find(call->response_headers,
                                            call->response_header_count, name),
                         plain, decoded);
    /* The marks say when compressed bytes came, not when decoded bytes did. */
    if (rc > 0) {
        call->marks = NULL;
        call->mark_count = 0;
    }
    return rc < 0 ? rc : 0;
}

/* Masks the payload of each frame and corrects its checksum, as a frame is read
 * only where its checksum is right. Other bytes are not read. */
static void mask_frames(char *data, size_t len)
{
    struct llmobs_eventstream_event event;
    struct llmobs_eventstream frames;
    size_t from;

    llmobs_eventstream_init(&frames, (struct llmobs_text){data, len});
    llmobs_eventstream_seek(&frames);
    llmobs_secrets_mask(data, frames.at);
    for (from = frames.at; llmobs_eventstream_next(&frames, &event);
         from = frames.at) {
        llmobs_secrets_mask((char *)(uintptr_t)event.payload.data,
                            event.payload.len);
        llmobs_eventstream_seal(data + from, event.end - from);
    }
    llmobs_secrets_mask(data + from, len - from);
}

/* The texts lie in memory of the exchange, or in decoded bodies. They are
 * masked whole, because the end of a value does not show whether it is a
 * secret. They are masked even if little work is left, because the later tries
 * also read them. Once the time is over, nothing more is masked: no try
 * follows. */
static void mask_texts(const struct llmobs_exchange *exchange,
                       const struct decoded *decoded,
                       const struct llmobs_call *call)
{
    const struct llmobs_text texts[] = {call->request, call->request_tail,
                                        call->response, call->response_tail};
    /* A frame begins with its length, whose first byte is always 0; no text
     * begins with a 0. */
    bool frames = call->response.len > 0 && call->response.data[0] == '\0';
    bool vectors = llmobs_rules_has_vectors(&exchange->match);

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        char *data = (char *)(uintptr_t)texts[i].data;
        bool answer = i >= 2;
        const struct llmobs_body *body =
            answer ? &exchange->plain : &decoded->request;

        /* A body may have been masked on its way to the disk. */
        bool masked =
            body->total == 0 && llmobs_exchange_is_masked(exchange, answer);

        (void)llmobs_work_do(texts[i].len * (vectors ? 4 : 3));
        if (texts[i].len == 0 || llmobs_work_is_late())
            continue;
        if (!masked && answer && frames)
            mask_frames(data, texts[i].len);
        else if (!masked)
            llmobs_secrets_mask(data, texts[i].len);
        /* The disk has compressed vectors as they came. */
        if (vectors)
            llmobs_vectors_mask(data, texts[i].len, i % 2 == 0);
    }
}

static int open_call(struct llmobs_exchange *exchange, struct decoded *decoded,
                     struct llmobs_call *call)
{
    int rc;

    *call = (struct llmobs_call){
        .method = exchange->method,
        .url = exchange->url ? exchange->url : "",
        .request_headers = exchange->request_headers.list,
        .request_header_count = exchange->request_headers.count,
        .response_headers = exchange->response_headers.list,
        .response_header_count = exchange->response_headers.count,
        .request = llmobs_body_head(&exchange->request),
        .request_tail = llmobs_body_tail(&exchange->request),
        .response = llmobs_body_head(&exchange->response),
        .response_tail = llmobs_body_tail(&exchange->response),
        .multipart = exchange->multipart,
        .request_truncated =
            exchange->request.truncated || exchange->request.lost,
        .response_size = exchange->response.total,
        .response_truncated =
            exchange->response.truncated || exchange->response.lost,
        .status = exchange->status,
        .transport_ok = exchange->end == LLMOBS_END_DONE && exchange->code == 0,
        .start_ns = exchange->start_mono_ns,
        .marks = exchange->marks,
        .mark_count = exchange->mark_count,
        .lends = exchange->lends,
        .bare = exchange->bare,
    };
    rc = decode_bodies(call, decoded, &exchange->plain);
    mask_texts(exchange, decoded, call);
    return rc;
}

/* -- status -------------------------------------------------------------- */

/* WIRE 8.2 and 8.3. An error that the answer names is set already, and
 * stays. */
static void set_status(const struct llmobs_exchange *exchange,
                       const struct llmobs_call *call, struct llmobs_span *span)
{
    bool refused =
        exchange->status >= 300 && exchange->status != LLMOBS_NOT_MODIFIED;
    char type[32], message[32];

    if (refused && (call->transport_ok || span->complete ||
                    (exchange->end == LLMOBS_END_DONE &&
                     exchange->code == CODE_HTTP_RETURNED_ERROR))) {
        snprintf(type, sizeof(type), "http_%ld", exchange->status);
        snprintf(message, sizeof(message), "HTTP %ld", exchange->status);
        (void)llmobs_span_fail(span, type, message);
    } else if (span->complete)
        return;
    else if (exchange->end == LLMOBS_END_EXIT)
        (void)llmobs_span_fail(span, "aborted", "process exit");
    else if (exchange->end == LLMOBS_END_KILLED)
        (void)llmobs_span_fail(span, "process_killed",
                               "the process ended before the call did");
    else if (exchange->end == LLMOBS_END_REMOVED)
        (void)llmobs_span_fail(span, "aborted",
                               "transfer aborted by the application");
    else if (exchange->end == LLMOBS_END_CANCELLED)
        (void)llmobs_span_fail(span, "cancelled",
                               *exchange->error_text
                                   ? exchange->error_text
                                   : "cancelled by the client");
    else if (exchange->code != 0)
        (void)llmobs_span_fail(
            span, exchange->code_name ? exchange->code_name : "CURLE_UNKNOWN",
            exchange->error_text);
    else if (span->streamed &&
             /* the dialect would have seen the stream's end, had it come */
             !call->encoded &&
             (!call->response_truncated || call->response_tail.len > 0))
        (void)llmobs_span_fail(span, "incomplete_stream",
                               "the stream ended before its own end");
}

/* -- what libcurl measured ------------------------------------------------ */

static const char *http_version_name(long version)
{
    switch (version) {
    case 1:
        return "1.0";
    case 2:
        return "1.1";
    case 3:
    case 4:
    case 5:
        return "2";
    case 30:
    case 31:
        return "3";
    default:
        return NULL;
    }
}

static void set_count(struct llmobs_json *object, const char *key,
                      int64_t number)
{
    if (number >= 0)
        (void)llmobs_json_set(object, key, llmobs_json_int(number));
}

/* To the microsecond: further digits are noise. */
static void set_ms(struct llmobs_json *object, const char *key, double ms)
{
    if (ms >= 0 && ms < 1e12)
        (void)llmobs_json_set(
            object, key,
            llmobs_json_real((double)(int64_t)(ms * 1000 + 0.5) / 1000));
}

/* The span is complete without these details, if memory for them runs out. */
static void add_transfer(const struct llmobs_exchange *exchange,
                         struct llmobs_span *span)
{
    const struct llmobs_transfer *from = &exchange->transfer;
    const unsigned why = LLMOBS_STAT_headers_added + exchange->bare_head;
    struct llmobs_json *to = llmobs_json_object();

    if (exchange->end == LLMOBS_END_DONE && !exchange->wired)
        set_count(to, "curl_code", exchange->code);
    (void)llmobs_json_sets(to, "http_version",
                           http_version_name(from->http_version));
    set_count(to, "bytes_sent", from->bytes_sent);
    set_count(to, "bytes_received", from->bytes_received);
    set_count(to, "redirects", from->redirects);
    set_ms(to, "dns_ms", from->dns_ms);
    set_ms(to, "connect_ms", from->connect_ms);
    set_ms(to, "tls_ms", from->tls_ms);
    set_ms(to, "first_byte_ms", from->first_byte_ms);
    if (why > LLMOBS_STAT_headers_added && why <= LLMOBS_STAT_headers_way)
        (void)llmobs_json_sets(to, "no_trace_headers",
                               llmobs_stats_name(why) + strlen("headers_"));
    llmobs_provider_headers_add(&exchange->response_headers, to);
    (void)llmobs_json_set(span->metadata, "transfer", llmobs_json_searched(to));
}

static void add_span_tag(struct llmobs_span *span, const char *tag)
{
    if (!span->extra_tags)
        span->extra_tags = llmobs_json_array();
    (void)llmobs_json_add(span->extra_tags, llmobs_json_string(tag));
}

/* The sum, the least and the greatest gap, and how many gaps were at most 10
 * ms, 20 ms and so on, each twice the one before, up to 81.92 s, or longer. */
enum { GAPS_SUM, GAPS_MIN, GAPS_MAX, GAPS_UP_TO, GAPS = GAPS_UP_TO + 15 };

/* Adds the times between the pieces in which a stream came, as the histogram
 * that metrics have of them: one by one they would fill the event. */
static void add_chunk_gaps(const struct llmobs_exchange *exchange,
                           struct llmobs_span *span)
{
    uint64_t gaps[GAPS] = {0};
    size_t count = GAPS_UP_TO;

    if (!span->streamed || exchange->mark_count < 2)
        return;
    for (size_t i = 1; i < exchange->mark_count; i++) {
        uint64_t gap = (uint64_t)exchange->marks[i].at_ns -
                       (uint64_t)exchange->marks[i - 1].at_ns;
        size_t up_to = GAPS_UP_TO;

        for (uint64_t most = 10 * LLMOBS_NS_PER_MS;
             gap > most && up_to + 1 < GAPS; most *= 2)
            up_to++;
        if (i == 1 || gap < gaps[GAPS_MIN])
            gaps[GAPS_MIN] = gap;
        if (gap > gaps[GAPS_MAX])
            gaps[GAPS_MAX] = gap;
        gaps[GAPS_SUM] += gap;
        gaps[up_to]++;
        if (up_to >= count)
            count = up_to + 1;
    }
    llmobs_span_fact_ints(&span->facts, LLMOBS_FACT_CHUNK_GAPS_NS, gaps, count);
}

static void add_tags(const struct llmobs_exchange *exchange,
                     struct llmobs_span *span)
{
    char text[sizeof("gateway_request_id:") + LLMOBS_PROVIDER_HEADER_MAX];
    const char *id =
        llmobs_provider_headers_gateway_id(&exchange->response_headers);

    if (id) {
        snprintf(text, sizeof(text), "gateway_request_id:%s", id);
        add_span_tag(span, text);
    }
    if (exchange->key) {
        snprintf(text, sizeof(text), "key:%08x", (unsigned)exchange->key);
        add_span_tag(span, text);
    }
    if (span->http_status > 0) {
        snprintf(text, sizeof(text), "http.status_code:%ld", span->http_status);
        add_span_tag(span, text);
    }
    if (exchange->own_trace)
        add_span_tag(span, "trace_headers:own");
    if (span->proxied)
        add_span_tag(span, "ml-proxy:custom");
    if (span->proxied && !span->integration)
        add_span_tag(span, "integration:http");
}

/* -- annotations ---------------------------------------------------------- */

static void add_pair(struct llmobs_span *span, const char *key,
                     const char *value)
{
    struct llmobs_buf pair;

    llmobs_buf_init(&pair, (size_t)1 << 24);
    if (!span->extra_tags)
        span->extra_tags = llmobs_json_array();
    if (llmobs_buf_addf(&pair, "%s:%s", key, value) == 0)
        (void)llmobs_json_add(span->extra_tags, llmobs_json_string(pair.data));
    llmobs_buf_fini(&pair);
}

/* Applies the annotations that the thread that made the call packed into a text
 * (llmobs_annotation_context_pack); NULL, or a text of another form, changes
 * nothing. */
static void apply_annotations(const char *packed, struct llmobs_span *span)
{
    struct llmobs_json *json, *tags;
    struct llmobs_json *prompt;

    if (!packed || llmobs_json_parse(llmobs_text_of(packed), &json) != 0)
        return;
    if (llmobs_json_gets(json, "name"))
        (void)llmobs_span_set(&span->name, llmobs_json_gets(json, "name"));
    tags = llmobs_json_get(json, "tags");
    for (void *it = llmobs_json_iter(tags); it;
         it = llmobs_json_next(tags, it)) {
        const char *key = llmobs_json_iter_key(it);
        const char *value = llmobs_json_text(llmobs_json_iter_value(it));

        if (!value)
            continue;
        add_pair(span, key, value);
        if (strcmp(key, "session_id") == 0 && *value)
            llmobs_context_text(span->context.session_id,
                                sizeof(span->context.session_id),
                                llmobs_text_of(value));
    }
    (void)llmobs_span_cost_tags(span, llmobs_json_get(json, "cost_tags"), tags);
    /* The prompt of the llm span above holds where there is no other, and the
     * tag does not say that the program annotated this call, as in Datadog's
     * SDK. */
    prompt = llmobs_json_get(json, "prompt");
    if (span->kind == LLMOBS_KIND_LLM && !span->proxied) {
        if (llmobs_json_is_object(prompt))
            add_pair(span, "prompt_tracking_instrumentation_method",
                     "annotated");
        else if (!span->input_prompt)
            prompt = llmobs_json_get(json, "parent_prompt");
        llmobs_json_replace(&span->input_prompt, prompt);
    }
    llmobs_json_free(json);
}

/* -- the whole span ------------------------------------------------------- */

/* True where a part of the body never came here, whatever its size. */
static bool is_lost(const struct llmobs_body *body)
{
    return body->lost && !body->truncated;
}

static void complete_span(const struct llmobs_exchange *exchange,
                          const struct llmobs_call *call,
                          struct llmobs_span *span)
{
    struct llmobs_json *caller;
    const char *plugin;
    char tag[96];

    span->context = exchange->context;
    span->start_ns = exchange->start_wall_ns;
    if (span->duration_ns ==
        0) /* else the answer ended before its connection */
        span->duration_ns = exchange->duration_ns;
    span->http_status = exchange->status;
    span->traced = exchange->traced;
    if (!span->model_provider && exchange->match.provider)
        (void)llmobs_span_set(&span->model_provider, exchange->match.provider);
    set_status(exchange, call, span);
    /* Of texts that are not known the span must not say that they were empty,
     * or dropped for their size. */
    if (exchange->bare || exchange->response.unseen ||
        (span->output_dropped && is_lost(&exchange->response))) {
        llmobs_json_free(span->output_messages);
        llmobs_json_free(span->output_documents);
        free(span->output_value);
        span->output_messages = span->output_documents = NULL;
        span->output_value = NULL;
        span->output_dropped = false;
    } else {
        /* Gives a span with an error an empty message as its output (WIRE 8.2),
         * unless the answer had output. */
        bool messages = span->proxied ? span->input_messages != NULL
                                      : span->kind == LLMOBS_KIND_LLM;
        struct llmobs_json *message, *list;

        if (span->failed && messages && !span->output_messages &&
            !span->output_value) {
            list = llmobs_json_array();
            message = llmobs_json_object();
            if (llmobs_json_sets(message, "content", "") == 0 &&
                llmobs_json_add(list, llmobs_json_share(message)) == 0)
                span->output_messages = llmobs_json_share(list);
            llmobs_json_free(message);
            llmobs_json_free(list);
        }
    }
    if (exchange->bare || exchange->request.unseen ||
        (span->input_dropped && is_lost(&exchange->request))) {
        llmobs_json_free(span->input_messages);
        llmobs_json_free(span->input_documents);
        free(span->input_value);
        span->input_messages = span->input_documents = NULL;
        span->input_value = NULL;
        span->input_dropped = false;
    }
    add_transfer(exchange, span);
    if (exchange->mark_count > 0)
        llmobs_span_fact_int(&span->facts, LLMOBS_FACT_FIRST_CHUNK_NS,
                             exchange->marks[0].at_ns -
                                 exchange->start_mono_ns);
    add_chunk_gaps(exchange, span);
    if (call->request_truncated || call->response_truncated) {
        /* The length, as far as it is known, of each body that was cut. */
        struct llmobs_json *sizes = llmobs_json_object();

        if (call->request_truncated && exchange->request.total)
            set_count(sizes, "request_bytes", (int64_t)exchange->request.total);
        if (call->response_truncated && exchange->response.total)
            set_count(sizes, "response_bytes",
                      (int64_t)exchange->response.total);
        if (exchange->request.unseen || exchange->response.unseen)
            (void)llmobs_json_set(sizes, "unseen", llmobs_json_bool(true));
        (void)llmobs_json_set(span->metadata, "truncated", sizes);
    }
    caller = llmobs_unnamed_caller(exchange->caller, exchange->caller_unnamed);
    plugin = llmobs_script_frames_plugin(caller);
    if (plugin) {
        snprintf(tag, sizeof(tag), "plugin:%s", plugin);
        add_span_tag(span, tag);
    }
    if (caller)
        (void)llmobs_json_set(span->metadata, "caller",
                              llmobs_json_searched(caller));
    if (exchange->peer) {
        char *program;
        int64_t pid = strtol(exchange->peer, &program, 10);

        program += *program == ' ';
        span->foreign = true;
        span->language = llmobs_script_language(program);
        llmobs_span_fact_int(&span->facts, LLMOBS_FACT_PID, pid);
        llmobs_span_fact_word(&span->facts, LLMOBS_FACT_EXECUTABLE, program);
    }
    add_tags(exchange, span);
    apply_annotations(exchange->annotations, span);
}

/* -- how much of it is read ---------------------------------------------- */

/* If a body takes too much work, only its two ends are read, as if it were too
 * long. The last try reads so little that it needs no bound. */
static const struct {
    int64_t work;
    size_t edge;
} tries[] = {{LLMOBS_WORK_BODY, SIZE_MAX},
             {LLMOBS_WORK_BODY / 8, LLMOBS_BODY_EDGE / 2},
             {LLMOBS_WORK_ALL, LLMOBS_BODY_EDGE / 32}};

#define TRIES (sizeof(tries) / sizeof(*tries))

static bool shorten_text(struct llmobs_text *head, struct llmobs_text *tail,
                         size_t edge)
{
    if (head->len <= edge || head->len + tail->len <= edge * 2)
        return false;
    if (tail->len == 0)
        *tail = *head;
    if (tail->len > edge) {
        tail->data += tail->len - edge;
        tail->len = edge;
    }
    head->len = edge;
    return true;
}

/* Initialises `span`; on error it is freed again. */
static int read_span(const struct llmobs_exchange *exchange,
                     const struct llmobs_call *call, struct llmobs_span *span)
{
    int rc = llmobs_span_init(span);

    if (rc)
        return rc;
    span->kind = exchange->match.kind;
    span->proxied = exchange->match.proxied;
    rc = llmobs_rules_read(&exchange->match, call, span);
    /* A gateway's bodies that no dialect reads stay as they are, and may hold a
     * sign-in instead of a chat. */
    for (int i = 0; i < 2; i++) {
        char *value = i ? span->output_value : span->input_value;

        if (value)
            llmobs_secrets_mask_whole(value, strlen(value));
    }
    if (rc)
        llmobs_span_fini(span);
    return rc;
}

static int read_within(struct llmobs_exchange *exchange,
                       struct decoded *decoded, struct llmobs_call *call,
                       struct llmobs_span *span)
{
    int rc = 0, enough = -E2BIG;

    for (size_t try = 0; enough == -E2BIG && try < TRIES; try++) {
        llmobs_work_begin(tries[try].work);
        if (try == 0)
            rc = open_call(exchange, decoded, call);
        else {
            /* Shortens the answer, and the request only in the last try: the
             * peer can make only the answer long. */
            size_t edge = tries[try].edge;

            if (shorten_text(&call->response, &call->response_tail, edge))
                call->response_truncated = true;
            if (try + 1 == TRIES &&
                shorten_text(&call->request, &call->request_tail, edge))
                call->request_truncated = true;
        }
        if (!rc || try > 0)
            rc = read_span(exchange, call, span);
        enough = llmobs_work_end();
        if (enough && !rc)
            llmobs_span_fini(span);
    }
    return enough ? enough : rc;
}

/* Not inlined into its caller, so that both stack frames are small. */
__attribute__((noinline)) static int read_call(struct llmobs_exchange *exchange,
                                               struct decoded *decoded,
                                               struct llmobs_span *span)
{
    struct llmobs_call call;
    int rc = read_within(exchange, decoded, &call, span);

    if (!rc)
        complete_span(exchange, &call, span);
    return rc;
}

int llmobs_exchange_to_span(struct llmobs_exchange *exchange,
                            struct llmobs_span *span)
{
    struct decoded decoded = {.reading = 0};
    int rc;

    llmobs_body_init(&decoded.request, exchange->request.whole_max);
    llmobs_body_fini(&exchange->plain); /* of a try before */
    llmobs_body_init(&exchange->plain, exchange->response.whole_max);
    reserve_reading(&decoded, &exchange->request);
    reserve_reading(&decoded, &exchange->response);
    rc = read_call(exchange, &decoded, span);
    llmobs_body_fini(&decoded.request);
    llmobs_budget_release(decoded.reading);
    return rc;
}
