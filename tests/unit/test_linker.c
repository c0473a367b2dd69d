/* Links from a request to the answers that it goes on from, and those that must
 * not be made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/links/link_user.h"
#include "core/links/linker.h"
#include "tests/unit/unit.h"

#define SECOND INT64_C(1000000000)
#define URL "https://api.example.com/v1/chat/completions"

#define CALL "call_4kTq8Wb2ZsX0pLm7RvN3"
#define OTHER "toolu_01A09q90qw90lq917835lq9"

/* Messages of the corpus. */
#define USER "{\"role\":\"user\",\"content\":\"Is it cold?\"}"
#define CALLS(id, name)                                         \
    "{\"role\":\"assistant\",\"tool_calls\":[{\"name\":\"" name \
    "\",\"arguments\":{\"city\":\"Oslo\"},\"tool_id\":\"" id "\"}]}"
#define BRINGS(id)                                                  \
    "{\"role\":\"tool\",\"tool_results\":[{\"tool_id\":\"" id "\"," \
    "\"result\":\"-3\"}]}"

static struct llmobs_linker linker;
static int64_t now;

static void begin(void)
{
    llmobs_linker_init(&linker);
    now = SECOND * 1700000000;
}

static struct llmobs_json *json(const char *text)
{
    struct llmobs_json *value = NULL;

    if (text)
        ck_assert_int_eq(
            llmobs_json_parse((struct llmobs_text){text, strlen(text)}, &value),
            0);
    return value;
}

struct turn {
    uint64_t id;
    const char *in, *out; /* messages, or NULL */
    const char *url, *body;
    uint64_t account;
    bool failed;
};

/* Links a call; gives the ids of the spans that it is linked to, "2 1". */
static const char *link_turn(const struct turn *turn)
{
    struct llmobs_linker_call call = {.url = turn->url ? turn->url : URL,
                                      .account = turn->account};
    static char ids[256];
    struct llmobs_span span;

    if (turn->body)
        call.request = (struct llmobs_text){turn->body, strlen(turn->body)};
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    span.context.span_id = turn->id;
    span.context.trace_id = (struct llmobs_id128){1, turn->id};
    span.input_messages = json(turn->in);
    span.output_messages = json(turn->out);
    span.failed = turn->failed;
    span.start_ns = now;
    span.duration_ns = SECOND / 2;
    now += SECOND;
    llmobs_linker_link(&linker, &call, &span);
    ids[0] = '\0';
    for (size_t i = 0; i < llmobs_json_len(span.links); i++) {
        const struct llmobs_json *link = llmobs_json_at(span.links, i);

        if (i > 0)
            strcat(ids, " ");
        strcat(ids, llmobs_json_gets(link, "span_id"));
        ck_assert_str_eq(
            llmobs_json_gets(llmobs_json_get(link, "attributes"), "from"),
            "output");
        ck_assert_str_eq(
            llmobs_json_gets(llmobs_json_get(link, "attributes"), "to"),
            "input");
        ck_assert_uint_eq(strlen(llmobs_json_gets(link, "trace_id")), 32);
    }
    llmobs_span_fini(&span);
    return ids;
}

#define TURN(number, before, answer) \
    link_turn(&(struct turn){.id = (number), .in = (before), .out = (answer)})
#define TURN_AS(number, before, answer, ...) \
    link_turn(&(struct turn){                \
        .id = (number), .in = (before), .out = (answer), __VA_ARGS__})

/* -- tools ------------------------------------------------------------------
 */

#define ASKED "[" CALLS(CALL, "weather") "]"
#define BROUGHT "[" USER "," CALLS(CALL, "weather") "," BRINGS(CALL) "]"

START_TEST(a_result_links_to_its_call)
{
    begin();
    ck_assert_str_eq(TURN(1, "[" USER "]", ASKED), "");
    ck_assert_str_eq(TURN(2, BROUGHT, NULL), "1");
    /* A retry brings it as well; a later turn has it in its history. */
    ck_assert_str_eq(TURN(3, BROUGHT, NULL), "1");
    ck_assert_str_eq(
        TURN(4,
             "[" USER "," CALLS(CALL, "weather") "," BRINGS(
                 CALL) ","
                       "{\"role\":\"assistant\",\"content\":\"Yes.\"}," USER
                       "]",
             NULL),
        "");
    /* The program has begun the answer itself. */
    ck_assert_str_eq(
        TURN(5,
             "[" USER "," CALLS(CALL, "weather") "," BRINGS(
                 CALL) ","
                       "{\"role\":\"assistant\",\"content\":\"{\"}]",
             NULL),
        "1");
    /* Without a history: the server has that. */
    ck_assert_str_eq(TURN(6, "[" BRINGS(CALL) "]", NULL), "1");
    llmobs_linker_fini(&linker);
}
END_TEST

START_TEST(results_of_several_calls)
{
    begin();
    TURN(1, "[" USER "]", "[" CALLS(CALL, "a") "," CALLS(OTHER, "b") "]");
    ck_assert_str_eq(TURN(2,
                          "[" USER
                          "," CALLS(CALL, "a") "," CALLS(OTHER, "b") "," BRINGS(
                              CALL) "," BRINGS(OTHER) "]",
                          NULL),
                     "1");
    /* Two answers of two requests. */
    TURN(3, "[" USER "]", "[" CALLS("call_9sW1dK3fP5gJ7hQ2aZ4x", "c") "]");
    ck_assert_str_eq(
        TURN(4, "[" BRINGS(CALL) "," BRINGS("call_9sW1dK3fP5gJ7hQ2aZ4x") "]",
             NULL),
        "3 1");
    llmobs_linker_fini(&linker);
}
END_TEST

START_TEST(near_misses_of_tools)
{
    begin();
    TURN_AS(1, "[" USER "]", ASKED, .account = 7);
    ck_assert_str_eq(TURN_AS(2, BROUGHT, NULL, .account = 8), "");
    ck_assert_str_eq(TURN(3, BROUGHT, NULL), "");
    ck_assert_str_eq(TURN_AS(4, BROUGHT, NULL, .account = 7,
                             .url = "https://api.example.org/v1/chat"),
                     "");
    ck_assert_str_eq(TURN_AS(5, BROUGHT, NULL, .account = 7,
                             .url = "https://api.example.com:8443/v1/chat"),
                     "");
    ck_assert_str_eq(TURN_AS(6, BROUGHT, NULL, .account = 7,
                             .body = "{\"messages\":[],\"user\":\"b\"}"),
                     "");
    /* Another tool's name under the same id. */
    ck_assert_str_eq(
        TURN_AS(7, "[" USER "," CALLS(CALL, "mail") "," BRINGS(CALL) "]", NULL,
                .account = 7),
        "");
    ck_assert_str_eq(TURN_AS(8, BROUGHT, NULL, .account = 7,
                             .url = "https://api.example.com/v1/responses"),
                     "1");
    llmobs_linker_fini(&linker);
}
END_TEST

START_TEST(a_reused_id_names_neither)
{
    begin();
    TURN(1, "[" USER "]", ASKED);
    TURN(2, "[" USER "]", ASKED);
    ck_assert_str_eq(TURN(3, BROUGHT, NULL), "");
    TURN(4, "[" USER "]", ASKED);
    ck_assert_str_eq(TURN(5, BROUGHT, NULL), "");
    /* The same span again, after a failed delivery, is no second one. */
    TURN(6, "[" USER "]", "[" CALLS(OTHER, "b") "]");
    TURN(6, "[" USER "]", "[" CALLS(OTHER, "b") "]");
    ck_assert_str_eq(TURN(7, "[" BRINGS(OTHER) "]", NULL), "6");
    llmobs_linker_fini(&linker);
}
END_TEST

START_TEST(what_leaves_no_call)
{
    begin();
    TURN_AS(1, "[" USER "]", ASKED, .failed = true);
    ck_assert_str_eq(TURN(2, BROUGHT, NULL), "");
    /* The server ran the tool. */
    TURN(3, "[" USER "]", "[" CALLS(OTHER, "search") "," BRINGS(OTHER) "]");
    ck_assert_str_eq(TURN(4, "[" BRINGS(OTHER) "]", NULL), "");
    /* Too old. */
    TURN(5, "[" USER "]", ASKED);
    now += LLMOBS_LINK_LIFE_NS - SECOND;
    ck_assert_str_eq(TURN(6, BROUGHT, NULL), "5");
    now += SECOND * 2;
    ck_assert_str_eq(TURN(7, BROUGHT, NULL), "");
    llmobs_linker_fini(&linker);
}
END_TEST

START_TEST(ids_without_chance)
{
    static const char *const weak[] = {
        "",
        "0",
        "1",
        "call_1",
        "call_abc",
        "call_get_weather_1",
        "abc123",
        "functions.get_current_weather_of_a_city:0",
        "tool_use_id_of_paris",
        "123456789012345678901234",
        "00000000-0000-0000-0000-000000000001"};
    static const char *const unique[] = {
        CALL, OTHER, "tooluse_kZJMlvQmRJ6eAyJE5GIl7Q",
        "chatcmpl-tool-3a9f0c1d2b4e4f6f8a7b5c6d7e8f9a0b",
        "call_f6f0a1b2-c3d4-4e5f-8a9b-0c1d2e3f4a5b"};
    char in[256], out[256];

    begin();
    for (size_t i = 0; i < sizeof(weak) / sizeof(*weak); i++) {
        ck_assert_msg(!llmobs_linker_is_unique(weak[i]), "%s", weak[i]);
        snprintf(out, sizeof(out), "[" CALLS("%s", "f") "]", weak[i]);
        snprintf(in, sizeof(in), "[" BRINGS("%s") "]", weak[i]);
        TURN(1, "[" USER "]", out);
        ck_assert_str_eq(TURN(2, in, NULL), "");
    }
    for (size_t i = 0; i < sizeof(unique) / sizeof(*unique); i++)
        ck_assert_msg(llmobs_linker_is_unique(unique[i]), "%s", unique[i]);
    ck_assert(!llmobs_linker_is_unique(NULL));
    llmobs_linker_fini(&linker);
}
END_TEST

/* A row that is full loses its oldest record; nothing else breaks. */
START_TEST(many_records)
{
    struct llmobs_link_record record = {.at_ns = SECOND}, found;
    struct llmobs_link_table table;
    size_t kept = 0;

    llmobs_link_table_init(&table);
    ck_assert(!llmobs_link_table_find(&table, record.key, 0, &found));
    for (uint64_t i = 1; i <= 100; i++) {
        record.key.hi = record.span_id = i;
        record.at_ns += SECOND;
        llmobs_link_table_put(&table, &record);
    }
    for (uint64_t i = 1; i <= 100; i++) {
        record.key.hi = i;
        if (!llmobs_link_table_find(&table, record.key, record.at_ns, &found))
            continue;
        ck_assert_uint_eq(found.span_id, i);
        ck_assert_uint_gt(i, 100 - LLMOBS_LINK_ROW);
        kept++;
    }
    ck_assert_uint_eq(kept, LLMOBS_LINK_ROW);
    llmobs_link_table_fini(&table);
}
END_TEST

/* -- the end user ------------------------------------------------------------
 */

static uint64_t user_of(const char *body)
{
    static const uint64_t key[2] = {1, 2};
    struct llmobs_siphash hash;

    llmobs_siphash_init(&hash, key);
    llmobs_link_user_add((struct llmobs_text){body, strlen(body)}, &hash);
    return llmobs_siphash_now(&hash).lo;
}

START_TEST(end_users)
{
    static const char *const nobody[] = {
        "{\"messages\":[{\"role\":\"user\",\"user\":\"a\"}]}",
        "{\"messages\":\"\\\"user\\\":\\\"a\\\"\"}",
        "{\"metadata\":{\"x\":{\"user_id\":\"a\"}}}",
        "{\"tools\":{\"user_id\":\"a\"}}",
        "{\"user\":7}",
        "{\"user\":",
        "{\"user\"",
        "\"user",
        "}}}\"user\":\"a\"",
        "{\"a\":\"\\"};
    uint64_t none = user_of("{}");

    for (size_t i = 0; i < sizeof(nobody) / sizeof(*nobody); i++)
        ck_assert_msg(user_of(nobody[i]) == none, "%s", nobody[i]);
    ck_assert(user_of("{\"user\":\"a\"}") != none);
    ck_assert(user_of("{\"user\":\"a\"}") != user_of("{\"user\":\"b\"}"));
    ck_assert(user_of("{\"user\":\"a\"}") ==
              user_of("{\"messages\":[{\"role\":\"user\"}], \"user\" : "
                      "\"a\"}"));
    ck_assert(user_of("{\"safety_identifier\":\"a\"}") != none);
    ck_assert(user_of("{\"metadata\":{\"user_id\":\"a\"}}") != none);
    ck_assert(user_of("{\"metadata\":{\"user_id\":\"a\"}}") !=
              user_of("{\"metadata\":{\"user_id\":\"b\"}}"));
}
END_TEST

UNIT_SUITE(linker)
{
    Suite *s = suite_create("linker");

    UNIT_TEST(s, a_result_links_to_its_call);
    UNIT_TEST(s, results_of_several_calls);
    UNIT_TEST(s, near_misses_of_tools);
    UNIT_TEST(s, a_reused_id_names_neither);
    UNIT_TEST(s, what_leaves_no_call);
    UNIT_TEST(s, ids_without_chance);
    UNIT_TEST(s, many_records);
    UNIT_TEST(s, end_users);
    return s;
}
