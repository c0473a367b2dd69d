/* A key that comes in pieces: in each dialect's stream, in each writing of
 * JSON, cut at each place, the event has none of it. What is masked where it
 * comes to rest is not searched again; what was joined is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/encode.h"
#include "core/event/exchange.h"
#include "core/event/to_span.h"
#include "lib/span/secrets.h"
#include "lib/text/json.h"
#include "tests/support/es_frame.h"
#include "tests/unit/unit.h"

#define KEY "Zq9xWv7uT5sR3pN1kLm2Qa"
#define LAST "m2Qa" /* these may stay */

/* Each "@" of a piece's event stands for the piece. `name`: the type of AWS's
 * frames; NULL: text. */
static const struct stream {
    const char *url, *request, *type, *name, *before, *piece, *behind;
} streams[] = {
#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define ASKED "{\"model\":\"m\",\"stream\":true," MESSAGES "}"
#define EVENTS "text/event-stream"
#define DATA(json) "data: " json "\n\n"
#define CHAT "https://api.openai.com/v1/chat/completions"
#define DELTA(members) \
    DATA("{\"choices\":[{\"index\":0,\"delta\":{" members "}}]}")
    {CHAT, ASKED, EVENTS, NULL, "", DELTA("\"content\":\"@\""), DATA("[DONE]")},
    {CHAT, ASKED, EVENTS, NULL,
     DELTA("\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":"
           "{\"name\":\"f\",\"arguments\":\"\"}}]"),
     DELTA("\"tool_calls\":[{\"index\":0,\"function\":"
           "{\"arguments\":\"@\"}}]"),
     DATA("[DONE]")},
    {CHAT, ASKED, EVENTS, NULL, "", DELTA("\"reasoning_content\":\"@\""),
     DATA("[DONE]")},
    {"https://api.openai.com/v1/completions",
     "{\"model\":\"m\",\"stream\":true,\"prompt\":\"hi\"}", EVENTS, NULL, "",
     DATA("{\"choices\":[{\"index\":0,\"text\":\"@\"}]}"), DATA("[DONE]")},
#define RESPONSES "https://api.openai.com/v1/responses"
    {RESPONSES, "{\"model\":\"m\",\"stream\":true,\"input\":\"hi\"}", EVENTS,
     NULL, "",
     DATA("{\"type\":\"response.output_text.delta\",\"item_id\":\"i\","
          "\"output_index\":0,\"content_index\":0,\"delta\":\"@\"}"),
     ""},
#define CLAUDE "https://api.anthropic.com/v1/messages"
#define BLOCK(block, delta)                                   \
    DATA("{\"type\":\"content_block_start\",\"index\":0,"     \
         "\"content_block\":{" block "}}"),                   \
        DATA("{\"type\":\"content_block_delta\",\"index\":0," \
             "\"delta\":{" delta "}}"),                       \
        DATA("{\"type\":\"content_block_stop\",\"index\":0}") \
            DATA("{\"type\":\"message_stop\"}")
    {CLAUDE, ASKED, EVENTS, NULL,
     BLOCK("\"type\":\"text\",\"text\":\"\"",
           "\"type\":\"text_delta\",\"text\":\"@\"")},
    {CLAUDE, ASKED, EVENTS, NULL,
     BLOCK("\"type\":\"thinking\",\"thinking\":\"\"",
           "\"type\":\"thinking_delta\",\"thinking\":\"@\"")},
    {CLAUDE, ASKED, EVENTS, NULL,
     BLOCK("\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}",
           "\"type\":\"input_json_delta\",\"partial_json\":\"@\"")},
    {"https://generativelanguage.googleapis.com/v1beta/models/m:"
     "streamGenerateContent?alt=sse",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]}",
     EVENTS, NULL, "",
     DATA("{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":"
          "[{\"text\":\"@\"}]}}]}"),
     ""},
    {"http://localhost:11434/api/chat", ASKED, "application/x-ndjson", NULL, "",
     "{\"message\":{\"role\":\"assistant\",\"content\":\"@\"},"
     "\"done\":false}\n",
     "{\"done\":true}\n"},
    {"http://localhost:11434/api/generate",
     "{\"model\":\"m\",\"prompt\":\"hi\"}", "application/x-ndjson", NULL, "",
     "{\"response\":\"@\",\"done\":false}\n", "{\"done\":true}\n"},
    {"https://api.cohere.com/v2/chat", ASKED, EVENTS, NULL,
     DATA("{\"type\":\"content-start\",\"index\":0,\"delta\":{\"message\":"
          "{\"content\":{\"type\":\"text\",\"text\":\"\"}}}}"),
     DATA("{\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":"
          "{\"content\":{\"text\":\"@\"}}}}"),
     DATA("{\"type\":\"message-end\"}")},
#define BEDROCK "https://bedrock-runtime.us-east-1.amazonaws.com/model/"
#define FRAMES "application/vnd.amazon.eventstream"
    {BEDROCK "m/converse-stream",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}]}",
     FRAMES, "contentBlockDelta", "",
     "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"@\"}}", ""},
    {BEDROCK "anthropic.claude-v1/invoke-with-response-stream",
     "{\"anthropic_version\":\"v\"," MESSAGES "}", FRAMES, "chunk", "",
     "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
     "{\"type\":\"text_delta\",\"text\":\"@\"}}",
     ""},
};

/* A secret, and how much of it may come first so that no piece is masked. */
static const struct {
    const char *text;
    size_t first;
} secrets[] = {
    {"sk-proj-" KEY, 10},
    {"X-Api-Key: " KEY, 9},
    {"Authorization: Bearer " KEY, 18},
    {"{\"api_key\": \"" KEY "\"}", 11},
    {"{\"headers\": {\"X-Own\": \"" KEY "\"}}", 14},
};

enum writing { PLAIN, UNICODE, ONE, WRITINGS };

/* Adds the piece as a text of JSON has it; of ONE only a letter is escaped. */
static void add_piece(struct llmobs_buf *out, struct llmobs_text piece,
                      enum writing writing)
{
    for (size_t i = 0; i < piece.len; i++) {
        char c = piece.data[i];
        bool escaped = writing == UNICODE || (writing == ONE && i == 0);

        if (escaped)
            ck_assert_int_eq(llmobs_buf_addf(out, "\\u%04x", c), 0);
        else
            ck_assert_int_eq(llmobs_buf_addf(out, c == '"' ? "\\%c" : "%c", c),
                             0);
    }
}

static void add_event(struct llmobs_buf *out, const struct stream *stream,
                      struct llmobs_text piece, enum writing writing)
{
    const char *at = strchr(stream->piece, '@');
    UNIT_ENDS(llmobs_buf) event;

    llmobs_buf_init(&event, 1 << 16);
    (void)llmobs_buf_add(&event, stream->piece, (size_t)(at - stream->piece));
    add_piece(&event, piece, writing);
    (void)llmobs_buf_adds(&event, at + 1);
    if (stream->name)
        (void)es_frame_add_event(out, llmobs_text_of(stream->name),
                                 llmobs_buf_text(&event));
    else
        (void)llmobs_buf_add(out, event.data, event.len);
}

static bool proxied; /* the event has the messages as one text */

/* Gives the event of a call in `out`. */
static void observe(const char *url, const char *request, const char *type,
                    struct llmobs_text answer, struct llmobs_buf *out)
{
    static struct llmobs_rules *rules;
    const struct llmobs_rules_config own = {.proxy_urls = NULL};
    const struct llmobs_config config = {.event_max = 5000000};
    const struct llmobs_request asked = {.method = "POST",
                                         .url = url,
                                         .content_type = "application/json",
                                         .body = llmobs_text_of(request)};
    struct llmobs_exchange *x = llmobs_exchange_new(1 << 20);
    struct llmobs_span span;
    char line[100];

    if (!rules)
        rules = llmobs_rules_new(&own);
    ck_assert_msg(x && llmobs_rules_match(rules, &asked, &x->match), "%s", url);
    x->match.proxied = proxied;
    strcpy(x->method, "POST");
    x->url = strdup(url);
    x->context.span_id = 1;
    x->status = 200;
    x->end = LLMOBS_END_DONE;
    x->code_name = "CURLE_OK";
    llmobs_headers_add(&x->request_headers, "Content-Type: application/json",
                       12);
    snprintf(line, sizeof(line), "Content-Type: %s\r\n", type);
    llmobs_headers_add_answer(&x->response_headers, line, strlen(line));
    llmobs_exchange_sent_text(x, request, strlen(request));
    llmobs_exchange_received(x, answer.data, answer.len);
    llmobs_exchange_end(x);
    ck_assert_msg(llmobs_exchange_to_span(x, &span) == 0, "%s", url);
    ck_assert_int_eq(llmobs_encode_call(&span, &config, out), 0);
    llmobs_span_fini(&span);
    llmobs_exchange_free(x);
}

/* Facts and content are as if they were searched now. `masked`: the key was. */
static void check_event(struct llmobs_buf *event, bool masked, const char *why,
                        size_t where)
{
    char *again = unit_own(strdup(event->data));

    llmobs_secrets_mask(again, strlen(again));
    ck_assert_msg(strcmp(again, event->data) == 0, "%s at %zu: %s", why, where,
                  event->data);
    for (size_t i = 0; masked && i + 4 + strlen(LAST) <= strlen(KEY); i++) {
        char window[5] = {0};

        memcpy(window, &KEY[i], 4);
        ck_assert_msg(!strstr(event->data, window), "%s at %zu: %s", why, where,
                      event->data);
    }
}

static void cut_in_three(const struct stream *stream, size_t which,
                         enum writing writing, size_t first, size_t second)
{
    const char *text = secrets[which].text;
    const size_t ends[] = {first, second, strlen(text)};
    UNIT_ENDS(llmobs_buf) answer;
    UNIT_ENDS(llmobs_buf) event;
    size_t from = 0;

    llmobs_buf_init(&answer, 1 << 16);
    llmobs_buf_init(&event, 1 << 16);
    (void)llmobs_buf_adds(&answer, stream->before);
    for (size_t i = 0; i < 3; from = ends[i++])
        add_event(&answer, stream,
                  (struct llmobs_text){text + from, ends[i] - from}, writing);
    (void)llmobs_buf_adds(&answer, stream->behind);
    observe(stream->url, stream->request, stream->type,
            llmobs_buf_text(&answer), &event);
    check_event(&event, first <= secrets[which].first, stream->piece, first);
    ck_assert_msg(strstr(event.data, "****") != NULL, "%s", stream->piece);
}

static void cut_each_stream(void)
{
    for (size_t i = 0; i < sizeof(streams) / sizeof(*streams); i++)
        for (size_t which = 0; which < sizeof(secrets) / sizeof(*secrets);
             which++)
            for (int writing = 0; writing < WRITINGS; writing++) {
                size_t len = strlen(secrets[which].text);

                for (size_t first = 1; first < len - 1; first++)
                    cut_in_three(&streams[i], which, (enum writing)writing,
                                 first, first + 1 + first * 7 % (len - first));
            }
}

TEST(in_three_events_of_each_stream)
{
    cut_each_stream();
    proxied = true;
    cut_each_stream();
}

/* The places of documents where a body says a text; "@" stands for it. */
static const struct {
    const char *url, *request, *answer;
} documents[] = {
#define OK                                                \
    "{\"choices\":[{\"message\":{\"role\":\"assistant\"," \
    "\"content\":\"ok\"}}]}"
#define USER(content)                                                        \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":" content \
    "}]}"
    {CHAT, USER("\"a @ b\""), OK},
    {CHAT, USER("[{\"type\":\"text\",\"text\":\"a @ b\"}]"), OK},
    {CHAT,
     USER("[{\"type\":\"text\",\"text\":\"a\"},"
          "{\"type\":\"text\",\"text\":\"@\"}]"),
     OK},
    {CHAT, "{\"model\":\"@\"," MESSAGES "}", OK},
    {CHAT, "{\"model\":\"m\",\"user\":\"@\",\"temperature\":0.5," MESSAGES "}",
     OK},
    {CHAT,
     "{\"model\":\"m\",\"metadata\":{\"a\":\"@\",\"b\":[1,true]}," MESSAGES "}",
     OK},
    {CHAT,
     "{\"model\":\"m\",\"tools\":[{\"type\":\"function\",\"function\":"
     "{\"name\":\"f\",\"description\":\"a @ b\"}}]," MESSAGES "}",
     OK},
    {CHAT, USER("\"hi\""),
     "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"@\","
     "\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":"
     "{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": \\\"x\\\"}\"}}]}}]}"},
    {CHAT, USER("\"hi\""),
     "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":null,"
     "\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":"
     "{\"name\":\"f\",\"arguments\":\"@\"}}]}}]}"},
    {CLAUDE, "{\"model\":\"m\",\"system\":\"@\"," MESSAGES "}",
     "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"@\"},"
     "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\","
     "\"input\":{\"a\":\"@\"}}]}"},
    {CHAT, USER("\"hi\""), "{\"error\":{\"message\":\"a @ b\"}}"},
};

static void put_text(struct llmobs_buf *out, const char *form,
                     struct llmobs_text text, size_t odd)
{
    for (; *form; form++) {
        if (*form != '@') {
            (void)llmobs_buf_addc(out, *form);
            continue;
        }
        for (size_t i = 0; i < text.len; i++)
            add_piece(out, (struct llmobs_text){text.data + i, 1},
                      i == odd || odd == text.len ? UNICODE : PLAIN);
    }
}

/* Whole, with no letter, each one, or all of them escaped. */
static void fill_each_document(void)
{
    for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++)
        for (size_t which = 0; which < sizeof(secrets) / sizeof(*secrets);
             which++) {
            struct llmobs_text text = llmobs_text_of(secrets[which].text);

            for (size_t odd = 0; odd <= text.len + 1; odd++) {
                UNIT_ENDS(llmobs_buf) request;
                UNIT_ENDS(llmobs_buf) answer;
                UNIT_ENDS(llmobs_buf) event;

                llmobs_buf_init(&request, 1 << 16);
                llmobs_buf_init(&answer, 1 << 16);
                llmobs_buf_init(&event, 1 << 16);
                put_text(&request, documents[i].request, text, odd);
                put_text(&answer, documents[i].answer, text, odd);
                observe(documents[i].url, request.data, "application/json",
                        llmobs_buf_text(&answer), &event);
                check_event(&event, true, request.data, odd);
            }
        }
}

TEST(in_each_place_of_documents)
{
    fill_each_document();
    proxied = true;
    fill_each_document();
}
