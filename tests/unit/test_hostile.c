/* Answers made to cost time and memory, through the whole of rules/: a span
 * all the same, and what it costs stays in proportion to what came. Answers
 * that would cost the square of their length would take hours here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/sanitizer.h"
#include "core/event/to_span.h"
#include "rules/read/text.h"
#include "tests/support/es_frame.h"
#include "tests/unit/unit.h"

/* A sanitizer looks at memory, not at what a body costs. */
#define LENGTH (LLMOBS_ASAN ? 256 * 1024 : 2 * 1024 * 1024)
#define WHOLE (15 * 1024 * 1024)
#define CPU_SECONDS_MAX 20
#define CHAT "https://api.openai.com/v1/chat/completions"
#define COHERE "https://api.cohere.com/v2/chat"
#define OLLAMA "http://localhost:11434/api/chat"
#define MESSAGES "https://api.anthropic.com/v1/messages"
#define CONVERSE                                       \
    "https://bedrock-runtime.us-east-1.amazonaws.com/" \
    "model/m/converse-stream"
#define FRAMES "application/vnd.amazon.eventstream"
#define RESPONSES "https://api.openai.com/v1/responses"
#define COMPLETIONS "https://api.openai.com/v1/completions"
#define SSE "text/event-stream"
#define LINES "application/x-ndjson"
#define JSON "application/json"
#define DELTA(piece) "data: {\"choices\":[{\"delta\":{" piece "}}]}\n\n"
#define USAGE "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}"

/* An answer: a beginning, a piece again and again, an end. */
struct hostile {
    const char *name, *url, *type, *begin, *piece, *end;
    const char *model; /* of the span */
    int tokens;        /* output tokens; 0: none told */
};

static const struct hostile answers[] = {
    {"events", CHAT, SSE, "", "data: {}\n\n", "data: {" USAGE "}\n\n", "m", 4},
    {"no events", CHAT, SSE, "data: {" USAGE "}\n\n", "\n", "", "m", 4},
    {"comments", CHAT, SSE, "", ":\n", "\ndata: {" USAGE "}\n\n", "m", 4},
    {"ends in CR", CHAT, SSE, "", "data:1\r\r", "data:{" USAGE "}\r\r", "m", 4},
    {"lines of one event", CHAT, SSE, "", "data:1\n", "\ndata:{" USAGE "}\n\n",
     "m", 4},
    {"one line", CHAT, SSE, "data: ", "a", "\n\ndata:{" USAGE "}\n\n", "m", 4},
    {"names of events", CHAT, SSE, "", "event: a\n\n", "data:{" USAGE "}\n\n",
     "m", 4},
    {"texts", CHAT, SSE, "", DELTA("\"content\":\"a\""),
     "data: {" USAGE "}\n\n", "m", 4},
    {"white space", CHAT, SSE, "", DELTA("\"content\":\" \""),
     "data: {" USAGE "}\n\n", "m", 4},
    {"calls of one index", CHAT, SSE, "",
     DELTA("\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":"
           "\"f\",\"arguments\":\"[\"}}]"),
     "data: {" USAGE "}\n\n", "m", 4},
    {"calls without index", CHAT, SSE, "",
     DELTA("\"tool_calls\":[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"c\"}]"),
     "data: {" USAGE "}\n\n", "m", 4},
    {"usage in each", CHAT, SSE, "", "data: {" USAGE "}\n\n", "", "m", 4},
    {"errors", CHAT, SSE, "", "data: {\"error\":\"x\"}\n\n",
     "data: {" USAGE "}\n\n", "m", 4},
    {"deep event", CHAT, SSE, "data: ", "[", "\n\ndata: {" USAGE "}\n\n", "m",
     4},
    {"deep", CHAT, JSON, "{\"a\":", "[", "", "m", 0},
    {"many tokens", CHAT, JSON, "{\"model\":\"n\",\"a\":[", "1,",
     "1]," USAGE "}", "n", 4},
    {"same key", CHAT, JSON, "{\"model\":\"n\",\"a\":{", "\"k\":\"aaaaaaaa\",",
     "\"k\":1}," USAGE "}", "n", 4},
    {"long key", CHAT, JSON, "{\"model\":\"n\",\"", "k", "\":1," USAGE "}", "n",
     4},
    {"long number", CHAT, JSON, "{\"model\":\"n\",\"a\":1", "0", "," USAGE "}",
     "n", 4},
    {"long count", CHAT, JSON,
     "{\"model\":\"n\",\"usage\":{\"completion_tokens\":1", "0", "}}", "n", 0},
    {"bad bytes", CHAT, JSON, "{\"model\":\"n\",\"a\":\"", "\xff\xc0\xed",
     "\"," USAGE "}", "n", 4},
    {"lone surrogates", CHAT, JSON, "{\"model\":\"n\",\"a\":\"", "\\uD800",
     "\"," USAGE "}", "n", 4},
    {"NULs", CHAT, JSON, "{\"model\":\"n\",\"a\":\"", "\\u0000",
     "\"," USAGE "}", "n", 4},
    {"quotes", CHAT, JSON, "{\"model\":\"n\",\"a\":\"", "\\\"", "", "m", 0},
    {"content", CHAT, JSON,
     "{\"model\":\"n\"," USAGE ",\"choices\":[{\"message\":{\"content\":\"",
     "a", "\"}}]}", "n", 4},
    {"parts", CHAT, JSON,
     "{\"model\":\"n\"," USAGE ",\"choices\":[{\"message\":{\"content\":[",
     "{\"type\":\"a\"},", "1]}}]}", "n", 4},
    {"choices", CHAT, JSON, "{\"model\":\"n\"," USAGE ",\"choices\":[",
     "{\"message\":{}},", "1]}", "n", 4},
    {"HTML", CHAT, "text/html", "<html>", "<p>", "", "m", 0},
    {"blocks", MESSAGES, SSE, "",
     "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":"
     "{\"type\":\"text\",\"text\":\"a\"}}\n\n",
     "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":4}}\n\n",
     "m", 4},
    {"pieces of JSON", MESSAGES, SSE,
     "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":"
     "{\"type\":\"tool_use\",\"name\":\"f\"}}\n\n",
     "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
     "{\"type\":\"input_json_delta\",\"partial_json\":\"[\"}}\n\n",
     "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":4}}\n\n",
     "m", 4},
    {"items", RESPONSES, SSE, "",
     "data: {\"type\":\"response.output_item.done\",\"output_index\":0,"
     "\"item\":{\"type\":\"message\"}}\n\n",
     "data: {\"type\":\"response.completed\",\"response\":{\"usage\":"
     "{\"output_tokens\":4}}}\n\n",
     "m", 4},
    {"deltas", RESPONSES, SSE, "",
     "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,"
     "\"delta\":\"a\"}\n\n",
     "data: {\"type\":\"response.completed\",\"response\":{\"usage\":"
     "{\"output_tokens\":4}}}\n\n",
     "m", 4},
    {"legacy texts", COMPLETIONS, SSE, "",
     "data: {\"choices\":[{\"text\":\"a\"}]}\n\n", "data: {" USAGE "}\n\n", "m",
     4},
    {"lines", OLLAMA, LINES, "", "{}\n", "{\"eval_count\":4}\n", "m", 4},
    {"empty lines", OLLAMA, LINES, "{}", "\n", "{\"eval_count\":4}\n", "m", 4},
    {"calls by line", OLLAMA, LINES, "",
     "{\"message\":{\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]}}\n",
     "{\"eval_count\":4}\n", "m", 4},
    {"texts by type", COHERE, SSE, "",
     "data:{\"delta\":{\"message\":{\"content\":{\"text\":\"a\"}}}}\n\n",
     "data:{\"type\":\"message-end\",\"delta\":{\"usage\":{\"tokens\":"
     "{\"output_tokens\":4}}}}\n\n",
     "m", 4},
};

static void make_body(const struct hostile *h, struct llmobs_buf *body,
                      size_t len)
{
    size_t piece = strlen(h->piece);
    int rc;

    llmobs_buf_init(body, 128 * 1024 * 1024);
    rc = llmobs_buf_adds(body, h->begin);
    for (size_t n = 0; rc == 0 && n < len; n += piece)
        rc = llmobs_buf_add(body, h->piece, piece);
    if (rc == 0)
        rc = llmobs_buf_adds(body, h->end);
    ck_assert_int_eq(rc, 0);
}

static struct llmobs_exchange *make_exchange(const struct llmobs_rules *rules,
                                             const char *url, const char *type)
{
    static const char ask[] = "{\"model\":\"m\",\"messages\":[],"
                              "\"stream\":true}";
    struct llmobs_exchange *e = llmobs_exchange_new(16 * 1024 * 1024);
    struct llmobs_request request = {
        .method = "POST", .url = url, .body = {ask, sizeof(ask) - 1}};
    char line[64];

    ck_assert_ptr_nonnull(e);
    e->url = strdup(url);
    snprintf(e->method, sizeof(e->method), "POST");
    snprintf(line, sizeof(line), "content-type: %s", type);
    llmobs_headers_add_answer(&e->response_headers, line, strlen(line));
    ck_assert(llmobs_rules_match(rules, &request, &e->match));
    ck_assert_int_eq(llmobs_body_add(&e->request, ask, sizeof(ask) - 1), 0);
    e->status = 200;
    return e;
}

static int64_t metric(const struct llmobs_span *span, const char *key)
{
    return llmobs_json_to_int(llmobs_json_get(span->metrics, key));
}

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* A line of this process's status, in KiB: "VmHWM:" is the most memory that it
 * had; 0 where the system or a sanitizer hides it. */
static size_t status_kib(const char *name)
{
    size_t kib = 0;
#if !LLMOBS_ASAN && !LLMOBS_TSAN
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];

    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtoul(line + strlen(name), NULL, 10);
    if (file)
        fclose(file);
#else
    (void)name;
#endif
    return kib;
}

TEST(answers_cost_what_they_weigh)
{
    struct llmobs_rules_config config = {.proxy_urls = NULL};
    struct llmobs_rules *rules = llmobs_rules_new(&config);

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        const struct hostile *h = &answers[i];
        struct llmobs_exchange *e = make_exchange(rules, h->url, h->type);
        double start = cpu_seconds();
        UNIT_ENDS(llmobs_span) span;
        UNIT_ENDS(llmobs_buf) body;

        make_body(h, &body, LENGTH);
        llmobs_exchange_received(e, body.data, body.len);
        ck_assert_msg(llmobs_exchange_to_span(e, &span) == 0, "%s", h->name);
        ck_assert_msg(strcmp(span.model_name, h->model) == 0, "%s: model %s",
                      h->name, span.model_name);
        ck_assert_msg(metric(&span, "output_tokens") == h->tokens,
                      "%s: %lld output tokens", h->name,
                      (long long)metric(&span, "output_tokens"));
        ck_assert_msg(cpu_seconds() - start < CPU_SECONDS_MAX, "%s: %g s",
                      h->name, cpu_seconds() - start);
        llmobs_exchange_free(e);
    }
    llmobs_rules_free(rules);
    ck_assert_uint_lt(status_kib("VmHWM:"), LENGTH / 1024 * 128);
}

static const struct hostile long_texts[] = {
    {"content", CHAT, JSON,
     "{\"model\":\"n\"," USAGE ",\"choices\":[{\"message\":{\"role\":"
     "\"assistant\",\"content\":\"",
     "words ", "\"}}]}", "n", 4},
    {"part", CHAT, JSON,
     "{\"model\":\"n\"," USAGE ",\"choices\":[{\"message\":{\"role\":"
     "\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"",
     "words ", "\"}]}}]}", "n", 4},
    {"block", MESSAGES, JSON,
     "{\"model\":\"n\",\"usage\":{\"output_tokens\":4},\"role\":\"assistant\","
     "\"content\":[{\"type\":\"text\",\"text\":\"",
     "words ", "\"}]}", "n", 4},
    {"item", RESPONSES, JSON,
     "{\"model\":\"n\",\"usage\":{\"output_tokens\":4},\"output\":[{\"type\":"
     "\"message\",\"role\":\"assistant\",\"content\":[{\"type\":"
     "\"output_text\",\"text\":\"",
     "words ", "\"}]}]}", "n", 4},
};

/* The span of a long answer has its text where the answer has it, and the
 * answer is as before when the span is gone. */
TEST(a_long_answer_is_not_copied)
{
    struct llmobs_rules_config config = {.proxy_urls = NULL};
    struct llmobs_rules *rules = llmobs_rules_new(&config);

    for (size_t i = 0; i < sizeof(long_texts) / sizeof(long_texts[0]); i++) {
        const struct hostile *h = &long_texts[i];
        struct llmobs_exchange *e = make_exchange(rules, h->url, h->type);
        FILE *file = fopen("/proc/self/clear_refs", "w");
        struct llmobs_span span;
        size_t len, before;
        UNIT_ENDS(llmobs_buf) body;

        make_body(h, &body, 4 * (size_t)LENGTH);
        len = body.len - strlen(h->begin) - strlen(h->end);
        llmobs_exchange_received(e, body.data, body.len);
        llmobs_exchange_prepare(e, LLMOBS_STAGE_END, false);
        e->lends = true;
        /* 5: the most memory so far is forgotten. */
        if (file && (fputs("5", file) < 0 || fclose(file) != 0))
            file = NULL;
        before = status_kib("VmRSS:");
        ck_assert_msg(llmobs_exchange_to_span(e, &span) == 0, "%s", h->name);
        if (file)
            ck_assert_msg(status_kib("VmHWM:") <= before + len / 1024 / 4,
                          "%s: %zu KiB, before %zu", h->name,
                          status_kib("VmHWM:"), before);
        ck_assert_int_eq(metric(&span, "output_tokens"), h->tokens);
        ck_assert_uint_eq(
            strlen(llmobs_json_gets(llmobs_json_at(span.output_messages, 0),
                                    "content")),
            len);
        llmobs_span_fini(&span);
        ck_assert_mem_eq(e->response.head.data, body.data, body.len);
        llmobs_exchange_free(e);
    }
    llmobs_rules_free(rules);
}

/* At their full length, bodies that cost much more than their bytes are read by
 * their ends: a span that says so, with the usage that stands there. */
TEST(a_body_has_a_budget)
{
    static const struct hostile bodies[] = {
        {"bad bytes", CHAT, JSON, "{\"model\":\"n\",\"a\":\"", "\xff\xff\xff",
         "\"," USAGE "}", "n", 4},
        {"control characters", CHAT, JSON, "{\"model\":\"n\",\"a\":\"",
         "\x01\x02\x03", "\"," USAGE "}", "n", 4},
        {"events", CHAT, SSE, "", "data: {}\n\n", "data: {" USAGE "}\n\n", "m",
         4},
    };
    struct llmobs_rules_config config = {.proxy_urls = NULL};
    struct llmobs_rules *rules = llmobs_rules_new(&config);

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        const struct hostile *h = &bodies[i];
        struct llmobs_exchange *e = make_exchange(rules, h->url, h->type);
        UNIT_ENDS(llmobs_span) span;
        UNIT_ENDS(llmobs_buf) body;

        make_body(h, &body, WHOLE);
        llmobs_exchange_received(e, body.data, body.len);
        ck_assert(!e->response.truncated);
        ck_assert_int_eq(llmobs_exchange_to_span(e, &span), 0);
        ck_assert_str_eq(span.model_name, h->model);
        ck_assert_int_eq(metric(&span, "output_tokens"), h->tokens);
        ck_assert(span.output_dropped && !span.input_dropped);
        ck_assert_uint_eq(
            (size_t)llmobs_json_to_int(llmobs_json_get(
                llmobs_json_get(span.metadata, "truncated"), "response_bytes")),
            body.len);
        llmobs_exchange_free(e);
    }
    llmobs_rules_free(rules);
}

/* Masking alone takes more work than a body may: its ends are read, and masked
 * they are. */
TEST(what_is_read_is_masked)
{
    static const struct hostile one = {
        .begin = "{\"model\":\"n\",\"password\":\"first-secret\","
                 "\"url\":\"https://u:a-secret@h\"",
        .piece = ",\"a\":\"some text that says nothing\"",
        .end = ",\"password\":\"last-secret\"," USAGE "}"};
    struct llmobs_rules_config config = {.proxy_urls = NULL};
    struct llmobs_rules *rules = llmobs_rules_new(&config);
    struct llmobs_exchange *e = make_exchange(rules, CHAT, JSON);
    UNIT_ENDS(llmobs_span) span;
    UNIT_ENDS(llmobs_buf) body;

    llmobs_body_fini(&e->response);
    llmobs_body_init(&e->response, 4 * WHOLE);
    make_body(&one, &body, 3 * WHOLE);
    llmobs_exchange_received(e, body.data, body.len);
    ck_assert(!e->response.truncated);
    ck_assert_int_eq(llmobs_exchange_to_span(e, &span), 0);
    ck_assert_int_eq(metric(&span, "output_tokens"), 4);
    ck_assert(span.output_dropped);
    ck_assert_ptr_null(memmem(e->response.head.data, body.len, "secret", 6));
    llmobs_exchange_free(e);
    llmobs_rules_free(rules);
}

/* A frame that was masked is read as before, and the next ones are. */
TEST(what_is_read_of_frames_is_masked)
{
    static const char *const events[][2] = {
        {"messageStart", "{\"role\":\"assistant\"}"},
        {"contentBlockDelta",
         "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"{\\\"password\\\": "
         "\\\"a-secret\\\"} or \\\"secret\\\": [\"}}"},
        {"contentBlockDelta", "{\"contentBlockIndex\":0,\"delta\":{\"text\":"
                              "\" of http://u:a-secret@h\"}}"},
        {"messageStop", "{\"stopReason\":\"end_turn\"}"},
        {"metadata", "{\"usage\":{\"inputTokens\":3,\"outputTokens\":4}}"}};
    struct llmobs_rules_config config = {.proxy_urls = NULL};
    struct llmobs_rules *rules = llmobs_rules_new(&config);
    struct llmobs_exchange *e = make_exchange(rules, CONVERSE, FRAMES);
    UNIT_ENDS(llmobs_span) span;
    UNIT_ENDS(llmobs_buf) body;
    char *output;

    llmobs_buf_init(&body, 65536);
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
        ck_assert_int_eq(es_frame_add_event(&body, llmobs_text_of(events[i][0]),
                                            llmobs_text_of(events[i][1])),
                         0);
    llmobs_exchange_received(e, body.data, body.len);
    e->end = LLMOBS_END_DONE;
    ck_assert_int_eq(llmobs_exchange_to_span(e, &span), 0);
    ck_assert(!span.failed);
    ck_assert_int_eq(metric(&span, "output_tokens"), 4);
    output = llmobs_json_dumps(span.output_messages, 0);
    ck_assert_ptr_nonnull(strstr(output, "or \\\"secret\\\": [ of http://***"));
    ck_assert_ptr_null(strstr(output, "a-secret"));
    free(output);
    llmobs_exchange_free(e);
    llmobs_rules_free(rules);
}

/* No event is lost or read twice, and what was read is not kept. */
TEST(a_million_events_are_read)
{
    static const struct hostile one = {.begin = "",
                                       .piece = DELTA("\"content\":\"a\""),
                                       .end = "data: {" USAGE
                                              "}\n\ndata: [DONE]\n\n"};
    struct llmobs_rules_config config = {.proxy_urls = NULL};
    struct llmobs_rules *rules = llmobs_rules_new(&config);
    struct llmobs_exchange *e = make_exchange(rules, CHAT, SSE);
    struct llmobs_call call = {.method = "POST",
                               .url = CHAT,
                               .request = llmobs_body_head(&e->request),
                               .status = 200,
                               .transport_ok = true};
    const char *content;
    UNIT_ENDS(llmobs_buf) body;
    UNIT_ENDS(llmobs_span) span;
    size_t before;

    make_body(&one, &body, 1000000 * strlen(one.piece));
    call.response = (struct llmobs_text){body.data, body.len};
    before = status_kib("VmHWM:");
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    ck_assert_int_eq(llmobs_rules_read(&e->match, &call, &span), 0);
    ck_assert_uint_le(status_kib("VmHWM:") - before, 16 * 1024);
    ck_assert_int_eq(metric(&span, "output_tokens"), 4);
    content =
        llmobs_json_gets(llmobs_json_at(span.output_messages, 0), "content");
    ck_assert_uint_eq(strlen(content), 1000000);
    ck_assert(span.complete);
    llmobs_exchange_free(e);
    llmobs_rules_free(rules);
}

/* 100 MB of a stream: its beginning and its end are kept, so the usage at the
 * end is told and the memory is that of the edges. */
TEST(a_huge_stream_keeps_its_ends)
{
    static const char piece[] = DELTA("\"content\":\"word \"");
    static const char end[] = "data: {" USAGE "}\n\ndata: [DONE]\n\n";
    struct llmobs_rules_config config = {.proxy_urls = NULL};
    struct llmobs_rules *rules = llmobs_rules_new(&config);
    struct llmobs_exchange *e = make_exchange(rules, CHAT, SSE);
    UNIT_ENDS(llmobs_span) span;

    while (e->response.total < 100 * 1000 * 1000)
        llmobs_exchange_received(e, piece, sizeof(piece) - 1);
    llmobs_exchange_received(e, end, sizeof(end) - 1);
    ck_assert_uint_le(e->mark_count, LLMOBS_MARKS_MAX);
    ck_assert_uint_le(e->response.head.cap, LLMOBS_BODY_EDGE + 4096);
    ck_assert_int_eq(llmobs_exchange_to_span(e, &span), 0);
    ck_assert_int_eq(metric(&span, "input_tokens"), 3);
    ck_assert_int_eq(metric(&span, "output_tokens"), 4);
    ck_assert(span.complete && !span.failed && span.output_dropped);
    ck_assert_uint_lt(status_kib("VmHWM:"), 64 * 1024);
    llmobs_exchange_free(e);
    llmobs_rules_free(rules);
}
