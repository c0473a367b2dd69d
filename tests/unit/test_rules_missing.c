/* APIs of the user's own, from which any line may be missing: each reads any
 * answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mix.h"
#include "rules/apis/read.h"
#include "rules/read/text.h"
#include "rules/rules.h"
#include "tests/unit/unit.h"

#define MORE 4096
#define URL "http://own.test/v1/own"

/* What the members of the bodies are, for one reading after the other. */
static const char *const values[] = {
    "\"w\"",
    "7",
    "[\"a\", 1, null, [0.5], {}]",
    "{\"w\": \"x\", \"role\": \"user\", \"content\": [{\"type\": \"text\"}]}",
    "[{\"w\": {\"w\": \"x\"}, \"text\": \"t\", \"index\": 0, \"score\": 0.5,"
    " \"finish_reason\": \"w\", \"message\": {\"role\": \"assistant\","
    " \"content\": \"c\", \"tool_calls\": [{\"id\": 1}]}}]",
};

#define VALUES (sizeof(values) / sizeof(values[0]))

/* The member of a word's place has its number for a name: the places of a form
 * have few bytes. */
static void add_line(struct llmobs_buf *out, size_t number)
{
    const struct llmobs_apis_word *word = &llmobs_apis_words[number];
    static const char *const others[][2] = {
        {"confirm", "asks"},      {"framing", "lines"},
        {"sources", "openai"},    {"messages", "thinking instead=w"},
        {"alone", "reasoning=w"}, {"finish_reasons", "w=stop x="},
        {"time_unit", "ms"},      {"role_default", "assistant"},
        {"reads", NULL},          {"hook", NULL},
    };
    const char *what = word->type == LLMOBS_APIS_SWITCH ? "" : "w";
    char place[24];

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(others[i][0], word->name) == 0)
            what = others[i][1];
    if (!what)
        return;
    snprintf(place, sizeof(place), "/%zu", number);
    llmobs_buf_adds(out, word->name);
    llmobs_buf_addc(out, ' ');
    llmobs_buf_adds(out, word->type == LLMOBS_APIS_PLACE ? place : what);
    llmobs_buf_addc(out, '\n');
}

/* Which lines a form has. */
enum lines { ALONE, ALL_BUT, SOME };

static bool has_line(enum lines lines, size_t number, size_t i)
{
    if (lines == SOME)
        return llmobs_mix(number * 1024 + i) % 4 == 0;
    return (i == number) == (lines == ALONE);
}

static void make_text(unsigned reader, const char *name, const char *kind,
                      enum lines lines, size_t number, struct llmobs_buf *out)
{
    llmobs_buf_cut(out, 0);
    llmobs_buf_adds(out, "host own.test corp own\napi own\npath /v1/own ");
    llmobs_buf_adds(out, kind);
    llmobs_buf_adds(out, " chat own.call\nform main\nreads ");
    llmobs_buf_adds(out, name);
    llmobs_buf_addc(out, '\n');
    for (size_t i = 0; i < llmobs_apis_word_count; i++)
        if (llmobs_apis_words[i].readers & reader && has_line(lines, number, i))
            add_line(out, i);
}

/* Each member has that value, but for the model, without which a body is no
 * call. */
static void make_body(const char *value, struct llmobs_buf *out)
{
    static const char *const names[] = {"w", "messages", "choices", "query",
                                        "documents"};
    char key[24];

    llmobs_buf_cut(out, 0);
    llmobs_buf_adds(out, "{\"model\": \"m\"");
    for (size_t i = 0; i < 5 + llmobs_apis_word_count; i++) {
        bool model =
            i >= 5 && strcmp(llmobs_apis_words[i - 5].name, "model") == 0;

        snprintf(key, sizeof(key), "%zu", i - 5);
        llmobs_buf_adds(out, ", \"");
        llmobs_buf_adds(out, i < 5 ? names[i] : key);
        llmobs_buf_adds(out, "\": ");
        llmobs_buf_adds(out, model ? "\"m\"" : value);
    }
    llmobs_buf_addc(out, '}');
}

static unsigned readings;

static void read_call(const struct llmobs_match *match, struct llmobs_call call)
{
    struct llmobs_span span;
    int rc;

    ck_assert_int_eq(llmobs_span_init(&span), 0);
    rc = llmobs_rules_read(match, &call, &span);
    ck_assert_msg(rc == 0 || rc == -ENOENT, "%d", rc);
    readings += rc == 0;
    llmobs_span_fini(&span);
}

/* Reads it as an answer, a stream, an error, and without its middle. */
static void read_all(const struct llmobs_match *match, const char *body)
{
    static struct llmobs_header json = {(char *)"content-type",
                                        (char *)"application/json"};
    static struct llmobs_header sse = {(char *)"content-type",
                                       (char *)"text/event-stream"};
    struct llmobs_call call = {.method = "POST",
                               .url = URL,
                               .request = llmobs_text_of(body),
                               .response = llmobs_text_of(body),
                               .response_headers = &json,
                               .response_header_count = 1,
                               .status = 200,
                               .transport_ok = true};
    const size_t third = strlen(body) / 3;
    static char stream[20 * MORE];

    read_call(match, call);
    call.status = 400;
    read_call(match, call);
    call.status = 200;
    call.request.len = call.response.len = third;
    call.request_tail = call.response_tail =
        (struct llmobs_text){body + 2 * third, strlen(body) - 2 * third};
    call.request_truncated = call.response_truncated = true;
    read_call(match, call);
    call.request_truncated = call.response_truncated = false;
    call.response_headers = &sse;
    ck_assert_int_lt(snprintf(stream, sizeof(stream),
                              "data: %s\n\ndata: %s\n\n", body, body),
                     sizeof(stream));
    call.request = llmobs_text_of(body);
    call.response = llmobs_text_of(stream);
    read_call(match, call);
}

/* As another process reads it from the note of the one that has the rules. */
static void read_with(struct llmobs_text text)
{
    static char bodies[VALUES][8 * MORE];
    struct llmobs_rules_config config = {.rules_json = text};
    struct llmobs_rules *rules = llmobs_rules_new(&config);
    struct llmobs_request request = {
        .method = "POST", .url = URL, .content_type = "application/json"};
    struct llmobs_recalls *recalls = NULL;
    struct llmobs_match match;
    char note[LLMOBS_RULES_NOTE_MAX];
    struct llmobs_buf body;

    llmobs_buf_init(&body, sizeof(bodies[0]) - 1);
    for (size_t v = 0; v < VALUES && !*bodies[v]; v++) {
        make_body(values[v], &body);
        strcpy(bodies[v], body.data);
    }
    llmobs_buf_fini(&body);
    request.body = llmobs_text_of(bodies[0]);
    if (rules && llmobs_rules_match(rules, &request, &match)) {
        ck_assert_int_eq(llmobs_rules_note(&match, note, sizeof(note)), 0);
        ck_assert_int_eq(llmobs_rules_recall(
                             &recalls, llmobs_text_of(llmobs_rules_api(&match)),
                             llmobs_text_of(note), &match),
                         0);
        for (size_t v = 0; v < VALUES; v++)
            read_all(&match, bodies[v]);
    }
    llmobs_recalls_free(recalls);
    llmobs_rules_free(rules);
}

/* Every `step`th line. */
static void check_kind(unsigned reader, const char *name, const char *kind,
                       size_t step)
{
    struct llmobs_buf text;

    llmobs_buf_init(&text, MORE);
    for (size_t i = 0; i <= llmobs_apis_word_count; i += step)
        for (enum lines lines = ALONE; lines <= SOME; lines++) {
            if (lines != SOME && i < llmobs_apis_word_count &&
                !(llmobs_apis_words[i].readers & reader))
                continue;
            make_text(reader, name, kind, lines, i, &text);
            read_with(llmobs_buf_text(&text));
        }
    llmobs_buf_fini(&text);
    ck_assert_uint_gt(readings, 1000);
}

TEST(a_table_lacks_any_line)
{
    check_kind(LLMOBS_APIS_TABLE, "table", "llm", 1);
    check_kind(LLMOBS_APIS_TABLE, "table", "embedding", 4);
    check_kind(LLMOBS_APIS_TABLE, "table", "retrieval", 3);
}

TEST(a_chat_lacks_any_line)
{
    check_kind(LLMOBS_APIS_CHAT, "chat", "llm", 1);
}

TEST(a_store_lacks_any_line)
{
    check_kind(LLMOBS_APIS_STORE, "store", "retrieval", 1);
}

TEST(a_search_lacks_any_line)
{
    check_kind(LLMOBS_APIS_SEARCH, "search", "tool", 1);
}

TEST(a_reranker_lacks_any_line)
{
    check_kind(LLMOBS_APIS_RERANK, "rerank", "retrieval", 1);
}
