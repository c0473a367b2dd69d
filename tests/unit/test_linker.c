/* Links from a request to the answers that it goes on from, and those that must
 * not be made. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ledger/stats.h"
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
static struct llmobs_inferred tools;     /* of the last turn */
static uint64_t tool_ids[8], tool_count; /* all that were inferred */
static int64_t now;

static void begin(void)
{
    llmobs_linker_init(&linker);
    now = SECOND * 1700000000;
    tool_count = 0;
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
    const char *url, *body, *model;
    const char *response, *previous, *conversation; /* the provider's ids */
    const char *session, *tag; /* and what the answer says of it */
    const char *tool, *input;  /* of a tool's span */
    uint64_t account;
    uint64_t trace; /* 0: one of its own */
    int64_t start;  /* 0: behind the last one */
    int choices;
    long status; /* 0: 200, or none where it failed */
    bool failed, cut, aborted, off, infer;
    uint64_t parent;
    enum llmobs_stitch stitch; /* _OFF: as by default */
};

static struct llmobs_span last; /* that was linked, or zeroes */

static void fill(const struct turn *turn, struct llmobs_span *span)
{
    ck_assert_int_eq(llmobs_span_init(span), 0);
    span->context.span_id = turn->id;
    span->context.trace_id =
        (struct llmobs_id128){1, turn->trace ? turn->trace : turn->id};
    span->context.parent_id = turn->parent;
    span->input_messages = json(turn->in);
    span->output_messages = json(turn->out);
    span->failed = turn->failed;
    span->http_status = turn->status;
    span->start_ns = turn->start ? turn->start : now;
    span->duration_ns = SECOND / 2;
    if (turn->choices)
        ck_assert_int_eq(llmobs_json_set(span->metadata, "n",
                                         llmobs_json_int(turn->choices)),
                         0);
    if (turn->model)
        ck_assert_int_eq(llmobs_span_set(&span->model_name, turn->model), 0);
    llmobs_span_fact(&span->facts, LLMOBS_FACT_RESPONSE_ID, turn->response);
    llmobs_span_fact(&span->facts, LLMOBS_FACT_PREVIOUS_RESPONSE_ID,
                     turn->previous);
    llmobs_span_fact(&span->facts, LLMOBS_FACT_CONVERSATION_ID,
                     turn->conversation);
    llmobs_span_fact(&span->facts, LLMOBS_FACT_MCP_SESSION, turn->session);
    llmobs_span_fact(&span->facts, LLMOBS_FACT_MCP_TARGET, turn->tool);
    if (turn->tool)
        span->kind = LLMOBS_KIND_TOOL;
    if (turn->input)
        ck_assert_int_eq(llmobs_span_set(&span->input_value, turn->input), 0);
    span->session_tags = turn->session ? "server_" : NULL;
    if (turn->tag) {
        span->extra_tags = llmobs_json_array();
        ck_assert_int_eq(llmobs_json_add(span->extra_tags,
                                         llmobs_json_string("kind:client")),
                         0);
        ck_assert_int_eq(
            llmobs_json_add(span->extra_tags, llmobs_json_string(turn->tag)),
            0);
    }
}

/* "T1", "T2", ... for the id of an inferred span, in their order; else the id
 * itself. */
static const char *short_id(const char *id)
{
    static char text[8];

    for (uint64_t i = 0; i < tool_count; i++)
        if (tool_ids[i] == strtoull(id, NULL, 10)) {
            snprintf(text, sizeof(text), "T%d", (int)i + 1);
            return text;
        }
    return id;
}

static void note_tools(void)
{
    for (size_t i = 0; i < tools.count; i++) {
        uint64_t id = tools.list[i].context.span_id, at = 0;

        while (at < tool_count && tool_ids[at] != id)
            at++;
        ck_assert_uint_lt(at, sizeof(tool_ids) / sizeof(*tool_ids));
        tool_ids[at] = id;
        tool_count += at == tool_count;
    }
}

/* "2 1:turn": the spans that it is linked to, and the kinds. */
static const char *links_of(const struct llmobs_span *span)
{
    static char ids[256];

    ids[0] = '\0';
    for (size_t i = 0; i < llmobs_json_len(span->links); i++) {
        const struct llmobs_json *link = llmobs_json_at(span->links, i);
        const struct llmobs_json *ends = llmobs_json_get(link, "attributes");
        const char *kind = llmobs_json_gets(ends, "kind");

        if (i > 0)
            strcat(ids, " ");
        strcat(ids, short_id(llmobs_json_gets(link, "span_id")));
        if (kind) {
            strcat(ids, ":");
            strcat(ids, kind);
        }
        ck_assert_str_eq(llmobs_json_gets(ends, "from"),
                         kind && strcmp(kind, "retry_of") == 0 ? "input"
                                                               : "output");
        ck_assert_str_eq(llmobs_json_gets(ends, "to"), "input");
        ck_assert_uint_eq(strlen(llmobs_json_gets(link, "trace_id")), 32);
    }
    return ids;
}

/* Links a call; gives its links. */
static const char *link_turn(const struct turn *turn)
{
    struct llmobs_linker_call call = {
        .method = "POST",
        .url = turn->url ? turn->url : URL,
        .account = turn->account,
        .whole = !turn->cut,
        .aborted = turn->aborted,
        .stitch = turn->off      ? LLMOBS_STITCH_OFF
                  : turn->stitch ? turn->stitch
                                 : LLMOBS_STITCH_TAG,
        .inferred = turn->infer ? &tools : NULL,
    };

    if (turn->body)
        call.request = (struct llmobs_text){turn->body, strlen(turn->body)};
    if (last.metadata)
        llmobs_span_fini(&last);
    fill(turn, &last);
    now += SECOND;
    llmobs_inferred_fini(&tools);
    llmobs_linker_link(&linker, &call, &last);
    note_tools();
    return links_of(&last);
}

/* The value of the last span's tag conversation_id; "": it has none. */
static const char *conversation(void)
{
    const char *tag = llmobs_json_text(llmobs_json_at(last.extra_tags, 0));

    return tag && strncmp(tag, "conversation_id:", 16) == 0 ? tag + 16 : "";
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
        "1:turn");
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
    /* It was not there yet when the request began. */
    ck_assert_str_eq(
        TURN_AS(9, "[" BRINGS(OTHER) "]", NULL, .start = now - SECOND * 9), "");
    TURN(8, "[" USER "]", "[" CALLS("call_8aB1cD2eF3gH4iJ5kL6m", "x") "]");
    ck_assert_str_eq(TURN_AS(9, "[" BRINGS("call_8aB1cD2eF3gH4iJ5kL6m") "]",
                             NULL, .start = now - SECOND * 9),
                     "");
    ck_assert_str_eq(TURN(9, "[" BRINGS("call_8aB1cD2eF3gH4iJ5kL6m") "]", NULL),
                     "8");
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
        llmobs_linker_fini(&linker);
        begin();
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
    struct llmobs_link_record record = {.at_ns = SECOND};
    struct llmobs_link_record *found;
    struct llmobs_link_table table;
    size_t kept = 0;

    llmobs_link_table_init(&table);
    llmobs_link_table_begin(&table);
    ck_assert_uint_eq(llmobs_link_table_find(&table, record.key, &found), 0);
    for (uint64_t i = 1; i <= 100; i++) {
        record.key.hi = record.span_id = i;
        record.at_ns += SECOND;
        llmobs_link_table_put(&table, &record);
    }
    for (uint64_t i = 1; i <= 100; i++) {
        record.key.hi = i;
        if (llmobs_link_table_find(&table, record.key, &found) == 0)
            continue;
        ck_assert_uint_eq(found[0].span_id, i);
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

/* -- turns ------------------------------------------------------------------
 */

#define SAYS(role, text) "{\"role\":\"" role "\",\"content\":\"" text "\"}"
#define HI SAYS("user", "Hi")
#define HELLO SAYS("assistant", "Hello! How can I help you today?")
#define MORE SAYS("user", "Tell me a story.")
#define STORY SAYS("assistant", "Once upon a time there was a byte.")
#define END SAYS("user", "And then?")

#define FIRST "[" HI "]"
#define SECOND_TURN "[" HI "," HELLO "," MORE "]"
#define THIRD "[" HI "," HELLO "," MORE "," STORY "," END "]"

START_TEST(turns_follow_each_other)
{
    begin();
    ck_assert_str_eq(TURN(1, FIRST, "[" HELLO "]"), "");
    ck_assert_str_eq(conversation(), "");
    ck_assert_str_eq(TURN(2, SECOND_TURN, "[" STORY "]"), "1:turn");
    ck_assert_str_eq(conversation(), "1");
    ck_assert_str_eq(TURN(3, THIRD, "[" HELLO "]"), "2:turn");
    ck_assert_str_eq(conversation(), "1");
    /* An edit of the history is a branch; so is another answer. */
    ck_assert_str_eq(TURN(4, "[" HI "," HELLO "," END "]", "[" STORY "]"),
                     "1:turn");
    ck_assert_str_eq(conversation(), "1");
    ck_assert_str_eq(TURN(5, SECOND_TURN, "[" HELLO "]"), "1:turn");
    ck_assert_str_eq(TURN(6, THIRD, NULL), "2:turn");
    /* A summary in place of the history begins anew. */
    ck_assert_str_eq(
        TURN(7, "[" SAYS("user", "So far: hi.") "," END "]", "[" STORY "]"),
        "");
    ck_assert_str_eq(conversation(), "");
    llmobs_linker_fini(&linker);
}
END_TEST

START_TEST(near_misses_of_turns)
{
    begin();
    TURN_AS(1, FIRST, "[" HELLO "]", .account = 7, .model = "gpt-4o");
    ck_assert_str_eq(TURN_AS(2, SECOND_TURN, NULL, .model = "gpt-4o"), "");
    ck_assert_str_eq(
        TURN_AS(3, SECOND_TURN, NULL, .account = 8, .model = "gpt-4o"), "");
    ck_assert_str_eq(TURN_AS(4, SECOND_TURN, NULL, .account = 7,
                             .model = "claude-4", .url = URL),
                     "");
    ck_assert_str_eq(TURN_AS(5, SECOND_TURN, NULL, .account = 7,
                             .model = "gpt-4o", .url = "https://other/v1"),
                     "");
    ck_assert_str_eq(TURN_AS(6, SECOND_TURN, NULL, .account = 7,
                             .model = "gpt-4o", .body = "{\"user\":\"b\"}"),
                     "");
    ck_assert_str_eq(TURN_AS(7, SECOND_TURN, NULL, .account = 7,
                             .model = "gpt-4o", .cut = true),
                     "");
    ck_assert_str_eq(
        TURN_AS(8, "[" SAYS("system", "Be kind.") "," HI "," HELLO "," MORE "]",
                NULL, .account = 7, .model = "gpt-4o"),
        "");
    ck_assert_str_eq(
        TURN_AS(9, "[" HI "," SAYS("assistant", "Hello!") "," MORE "]", NULL,
                .account = 7, .model = "gpt-4o"),
        "");
    ck_assert_str_eq(TURN_AS(10, SECOND_TURN, NULL, .account = 7,
                             .model = "gpt-4o", .off = true),
                     "");
    llmobs_linker_fini(&linker);
}
END_TEST

/* Two strangers behind one key say the same and hear the same. */
START_TEST(equal_beginnings_are_nobodys)
{
    begin();
    TURN(1, FIRST, "[" HELLO "]");
    TURN(2, FIRST, "[" HELLO "]");
    ck_assert_str_eq(TURN(3, SECOND_TURN, "[" STORY "]"), "");
    ck_assert_str_eq(conversation(), "");
    /* From here on it is one again. */
    ck_assert_str_eq(TURN(4, THIRD, NULL), "3:turn");
    ck_assert_str_eq(conversation(), "3");
    /* One of the two is in the same trace. */
    TURN_AS(5, FIRST, "[" HELLO "]", .trace = 77);
    ck_assert_str_eq(TURN_AS(6, SECOND_TURN, NULL, .trace = 77), "5:turn");
    TURN_AS(7, FIRST, "[" HELLO "]", .trace = 77);
    ck_assert_str_eq(TURN_AS(8, SECOND_TURN, NULL, .trace = 77), "");
    /* Many of them are still several, when most of their records are gone. */
    for (uint64_t i = 10; i < 40; i++)
        TURN(i, FIRST, "[" HELLO "]");
    ck_assert_str_eq(TURN(50, SECOND_TURN, NULL), "");
    llmobs_linker_fini(&linker);
}
END_TEST

/* A beginning that was had hours ago still shows that it is no sign. */
START_TEST(old_beginnings_still_count)
{
    begin();
    TURN(1, FIRST, "[" HELLO "]");
    now += LLMOBS_LINK_LIFE_NS * 2;
    ck_assert_str_eq(TURN(2, SECOND_TURN, NULL), "");
    TURN(3, FIRST, "[" HELLO "]");
    ck_assert_str_eq(TURN(4, SECOND_TURN, NULL), "");
    llmobs_linker_fini(&linker);
}
END_TEST

START_TEST(forms_of_one_conversation)
{
    begin();
    /* A reasoning stays away; pieces come together. */
    TURN(1, FIRST,
         "[" SAYS("reasoning", "Hm.") "," HELLO "," CALLS("c1", "f") "]");
    ck_assert_str_eq(
        TURN(2,
             "[" HI ",{\"role\":\"assistant\",\"content\":\"Hello! How can "
             "I help you today?\",\"tool_calls\":[{\"name\":\"f\","
             "\"arguments\":{\"city\":\"Oslo\"},\"tool_id\":\"c1\"}]}," BRINGS(
                 "c1") "]",
             NULL),
        "1:turn");
    /* Other arguments under a weak id are another call. */
    ck_assert_str_eq(TURN(3,
                          "[" HI "," HELLO
                          ",{\"role\":\"assistant\",\"tool_calls\":"
                          "[{\"name\":\"f\",\"arguments\":{\"city\":\"Rome\"},"
                          "\"tool_id\":\"c1\"}]}," BRINGS("c1") "]",
                          NULL),
                     "");
    ck_assert_str_eq(TURN(4, "[" SAYS("system", "Be kind.") "]", "[]"), "");
    llmobs_linker_fini(&linker);
}
END_TEST

START_TEST(ids_of_the_provider)
{
    begin();
    TURN_AS(1, FIRST, "[" HELLO "]", .response = "resp_1");
    ck_assert_str_eq(TURN_AS(2, "[" MORE "]", "[" STORY "]",
                             .response = "resp_2", .previous = "resp_1"),
                     "1:turn");
    ck_assert_str_eq(conversation(), "1");
    /* A branch; another key; an id that is not known. */
    ck_assert_str_eq(TURN_AS(3, "[" END "]", NULL, .previous = "resp_1"),
                     "1:turn");
    ck_assert_str_eq(
        TURN_AS(4, "[" END "]", NULL, .previous = "resp_1", .account = 9), "");
    ck_assert_str_eq(TURN_AS(5, SECOND_TURN, NULL, .previous = "resp_0"), "");
    ck_assert_str_eq(TURN_AS(6, FIRST, "[" HELLO "]", .conversation = "conv"),
                     "");
    ck_assert_str_eq(conversation(), "conv");
    ck_assert_str_eq(
        TURN_AS(7, "[" MORE "]", "[" STORY "]", .conversation = "conv"),
        "6:turn");
    ck_assert_str_eq(TURN_AS(8, "[" END "]", "[" HELLO "]",
                             .conversation = "conv",
                             .stitch = LLMOBS_STITCH_SESSION),
                     "7:turn");
    ck_assert_str_eq(last.context.session_id, "conv");
    ck_assert_str_eq(TURN_AS(9, "[" END "]", NULL, .conversation = "other"),
                     "");
    llmobs_linker_fini(&linker);
}
END_TEST

/* Each of several answers may be the one that the program goes on from. */
START_TEST(several_answers)
{
    begin();
    ck_assert_str_eq(TURN_AS(1, FIRST, "[" STORY "," HELLO "]", .choices = 2),
                     "");
    ck_assert_str_eq(TURN(2, SECOND_TURN, NULL), "1:turn");
    ck_assert_str_eq(TURN(3, "[" HI "," STORY "," HELLO "," MORE "]", NULL),
                     "");
    llmobs_linker_fini(&linker);
}
END_TEST

START_TEST(sessions)
{
    begin();
    TURN_AS(1, FIRST, "[" HELLO "]", .stitch = LLMOBS_STITCH_SESSION);
    ck_assert_str_eq(last.context.session_id, "1");
    TURN_AS(2, SECOND_TURN, "[" STORY "]", .stitch = LLMOBS_STITCH_SESSION);
    ck_assert_str_eq(last.context.session_id, "1");
    ck_assert_str_eq(TURN(3, THIRD, NULL), "2:turn");
    ck_assert_str_eq(last.context.session_id, "");
    llmobs_linker_fini(&linker);
}
END_TEST

/* -- retries ----------------------------------------------------------------
 */

#define BODY .body = "{\"q\":1}"

START_TEST(the_same_bytes_again)
{
    int64_t from;

    begin();
    ck_assert_str_eq(
        TURN_AS(1, NULL, NULL, BODY, .failed = true, .status = 429), "");
    ck_assert_str_eq(TURN_AS(2, NULL, NULL, BODY, .failed = true),
                     "1:retry_of");
    ck_assert_str_eq(TURN_AS(2, NULL, NULL, BODY, .failed = true),
                     "1:retry_of");
    ck_assert_str_eq(TURN_AS(3, NULL, NULL, BODY), "2:retry_of");
    /* After a success it is a new one. */
    ck_assert_str_eq(TURN_AS(4, NULL, NULL, BODY), "");
    ck_assert_str_eq(
        TURN_AS(5, NULL, NULL, BODY, .failed = true, .status = 400), "");
    ck_assert_str_eq(TURN_AS(6, NULL, NULL, BODY), "");
    TURN_AS(7, NULL, NULL, BODY, .failed = true, .aborted = true);
    ck_assert_str_eq(TURN_AS(8, NULL, NULL, BODY), "");
    /* Another body, address or key; too late. */
    TURN_AS(9, NULL, NULL, BODY, .failed = true, .status = 503);
    ck_assert_str_eq(TURN_AS(10, NULL, NULL, .body = "{\"q\":2}"), "");
    ck_assert_str_eq(TURN_AS(11, NULL, NULL, BODY, .url = URL "s"), "");
    ck_assert_str_eq(TURN_AS(12, NULL, NULL, BODY, .account = 4), "");
    now += LLMOBS_LINK_RETRY_NS;
    ck_assert_str_eq(TURN_AS(13, NULL, NULL, BODY), "");
    /* Two at once, of which one fails: neither is the retry of the other. */
    from = now;
    TURN_AS(14, NULL, NULL, BODY, .failed = true, .status = 500, .start = from);
    ck_assert_str_eq(TURN_AS(15, NULL, NULL, BODY, .start = from), "");
    ck_assert_str_eq(TURN_AS(16, NULL, NULL, BODY), "");
    /* Two have failed: nobody knows which of them comes again. */
    TURN_AS(17, NULL, NULL, BODY, .failed = true, .start = now);
    TURN_AS(18, NULL, NULL, BODY, .failed = true, .start = now - SECOND);
    ck_assert_str_eq(TURN_AS(19, NULL, NULL, BODY), "");
    llmobs_linker_fini(&linker);
}
END_TEST

/* -- inferred spans ---------------------------------------------------------
 */

#define INFER .infer = true, .off = true, .body = "{}"

/* "T1 weather {...} -> -3, 500 ms behind 1; ...": what the last turn infers. */
static const char *inferred(void)
{
    static char text[1024];
    size_t at = 0;

    text[0] = '\0';
    for (size_t i = 0; i < tools.count; i++) {
        const struct llmobs_span *span = &tools.list[i];
        char id[24];

        ck_assert_int_eq(span->kind, LLMOBS_KIND_TOOL);
        ck_assert_str_eq(llmobs_json_text(llmobs_json_at(span->extra_tags, 0)),
                         "inferred:true");
        ck_assert(llmobs_json_is_true(
            llmobs_json_get(span->metadata, "duration_is_upper_bound")));
        snprintf(id, sizeof(id), "%llu",
                 (unsigned long long)span->context.span_id);
        at += (size_t)snprintf(
            text + at, sizeof(text) - at, "%s%s %s %s -> %s, %d ms",
            i ? "; " : "", short_id(id), span->name, span->input_value,
            span->output_value, (int)(span->duration_ns / 1000000));
        at += (size_t)snprintf(text + at, sizeof(text) - at, " behind %s",
                               links_of(span));
    }
    return text;
}

#define WEATHER " weather {\"city\": \"Oslo\"} -> -3, 500 ms behind "

START_TEST(a_tool_is_inferred_once)
{
    const struct llmobs_span *tool;

    begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER, .parent = 9);
    ck_assert_str_eq(inferred(), "");
    ck_assert_str_eq(TURN_AS(2, BROUGHT, NULL, INFER, .failed = true), "T1");
    ck_assert_str_eq(inferred(), "T1" WEATHER "1");
    tool = &tools.list[0];
    ck_assert_uint_eq(tool->context.trace_id.lo, 1);
    ck_assert_uint_eq(tool->context.parent_id, 9);
    ck_assert_str_eq(llmobs_json_gets(tool->metadata, "tool_id"), CALL);
    /* The same call once more, as an adopter makes it. */
    ck_assert_str_eq(
        TURN_AS(2, BROUGHT, NULL, INFER, .failed = true, .start = now - SECOND),
        "T1");
    ck_assert_str_eq(inferred(), "T1" WEATHER "1");
    /* A retry, and a later turn. */
    ck_assert_str_eq(TURN_AS(3, BROUGHT, NULL, INFER), "T1 2:retry_of");
    ck_assert_str_eq(inferred(), "");
    TURN_AS(4,
            "[" USER "," CALLS(CALL, "weather") "," BRINGS(
                CALL) ",{\"role\":\"assistant\",\"content\":\"Yes.\"}," USER
                      "]",
            NULL, INFER);
    ck_assert_str_eq(inferred(), "");
    llmobs_linker_fini(&linker);
}
END_TEST

START_TEST(a_call_that_is_not_repeated)
{
    char ask[256];

    begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    ck_assert_str_eq(TURN_AS(2, "[" BRINGS(CALL) "]", NULL, INFER), "T1");
    ck_assert_str_eq(inferred(), "T1" WEATHER "1");
    llmobs_linker_fini(&linker);
    /* Of many calls the oldest ones are forgotten. */
    begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    for (int i = 0; i < LLMOBS_LINK_CALLS; i++) {
        snprintf(ask, sizeof(ask),
                 "[" CALLS("call_4kTq8Wb2Z%dsX0pLm7RvN3", "x") "]", i);
        TURN_AS((uint64_t)(100 + i), "[" USER "]", ask, INFER);
    }
    ck_assert_str_eq(TURN_AS(2, "[" BRINGS(CALL) "]", NULL, INFER), "1");
    ck_assert_str_eq(inferred(), "");
    llmobs_linker_fini(&linker);
}
END_TEST

START_TEST(parallel_tools_are_inferred)
{
    begin();
    TURN_AS(1, "[" USER "]",
            "[" CALLS(CALL, "weather") "," CALLS(OTHER, "mail") "]", INFER,
            .trace = 7, .parent = 5);
    ck_assert_str_eq(
        TURN_AS(2,
                "[" USER "," CALLS(CALL, "weather") "," CALLS(
                    OTHER, "mail") "," BRINGS(CALL) "," BRINGS(OTHER) "]",
                "[" CALLS("call_9sW1dK3fP5gJ7hQ2aZ4x", "c") "]", INFER,
                .trace = 7, .parent = 5),
        "T1 T2");
    ck_assert_str_eq(inferred(), "T1 mail {\"city\": \"Oslo\"} -> -3, 500 ms "
                                 "behind 1; T2" WEATHER "1");
    ck_assert_uint_eq(tools.list[0].context.trace_id.lo, 7);
    ck_assert_uint_eq(tools.list[0].context.parent_id, 5);
    llmobs_linker_fini(&linker);
}
END_TEST

static void brings_none(const char *request)
{
    TURN_AS(90, request, NULL, INFER);
    ck_assert_str_eq(inferred(), "");
    llmobs_linker_fini(&linker);
}

START_TEST(near_misses_of_inferred_tools)
{
    begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER, .account = 4);
    brings_none(BROUGHT);
    begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    brings_none("[" USER "," CALLS(CALL, "mail") "," BRINGS(CALL) "]");
    begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    llmobs_link_calls_fini(&linker.calls);
    brings_none("[" BRINGS(CALL) "]"); /* nobody knows which tool */
    begin();
    TURN_AS(1, "[" USER "]", "[" CALLS("call_1", "weather") "]", INFER);
    brings_none("[" USER
                "," CALLS("call_1", "weather") "," BRINGS("call_1") "]");
    begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    TURN_AS(2, "[" USER "]", ASKED, INFER);
    brings_none(BROUGHT); /* of which answer? */
    begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    brings_none("[" USER "," CALLS(CALL, "weather") "]"); /* no result */
    begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    now += LLMOBS_LINK_LIFE_NS;
    brings_none(BROUGHT);
    begin(); /* the request is not known to its end */
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    ck_assert_str_eq(TURN_AS(2, BROUGHT, NULL, .infer = true, .off = true),
                     "1");
    ck_assert_str_eq(inferred(), "");
    /* Not asked for. */
    ck_assert_str_eq(TURN(3, BROUGHT, NULL), "1");
    llmobs_linker_fini(&linker);
}
END_TEST

START_TEST(a_tool_with_a_span_is_not_inferred)
{
    static const char event[] =
        "{\"name\": \"weather\", \"span_id\": \"5\", \"trace_id\": "
        "\"00000000000000010000000000000001\", \"start_ns\": %lld, "
        "\"duration\": 5, \"tags\": [\"a:b\"%s], "
        "\"meta\": {\"span\": {\"kind\": \"%s\"}}}";
    static const struct {
        const char *kind, *tag, *links;
        int64_t late;
    } events[] = {{"tool", "", "1", 0},
                  {"tool", ", \"inferred:true\"", "T1", 0},
                  {"task", "", "T1", 0},
                  {"tool", "", "T1", 5 * SECOND}};
    char text[512];

    /* An MCP client's, in another trace. */
    begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    TURN_AS(5, NULL, NULL, INFER, .tool = "weather",
            .input = "{\"city\":\"Oslo\"}");
    ck_assert_str_eq(TURN_AS(2, BROUGHT, NULL, INFER), "1");
    ck_assert_str_eq(inferred(), "");
    ck_assert_str_eq(TURN_AS(3, BROUGHT, NULL, .infer = true, .off = true),
                     "1");
    llmobs_linker_fini(&linker);
    /* With other arguments, in another trace: it is another one's. */
    begin();
    TURN_AS(1, "[" USER "]", ASKED, INFER);
    TURN_AS(5, NULL, NULL, INFER, .tool = "weather",
            .input = "{\"city\":\"Rome\"}");
    ck_assert_str_eq(TURN_AS(2, BROUGHT, NULL, INFER), "T1");
    llmobs_linker_fini(&linker);
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
        begin();
        TURN_AS(1, "[" USER "]", ASKED, INFER);
        snprintf(text, sizeof(text), event, (long long)(now + events[i].late),
                 events[i].tag, events[i].kind);
        llmobs_linker_note(&linker, (struct llmobs_text){text, strlen(text)});
        ck_assert_msg(
            strcmp(TURN_AS(2, BROUGHT, NULL, INFER), events[i].links) == 0,
            "%zu: %s", i, links_of(&last));
        llmobs_linker_fini(&linker);
    }
}
END_TEST

/* -- the file ---------------------------------------------------------------
 */

static char path[UNIT_DIRECTORY + 16];
static char dir[UNIT_DIRECTORY];

static void begin_file(void)
{
    unit_directory(dir);
    snprintf(path, sizeof(path), "%s/links.0", dir);
    begin();
    llmobs_linker_share(&linker, path);
}

/* Another process of the same user. */
static void next_process(void)
{
    llmobs_linker_fini(&linker);
    llmobs_linker_init(&linker);
    llmobs_linker_share(&linker, path);
}

static void end_file(void)
{
    llmobs_linker_fini(&linker);
    unit_remove(dir);
}

START_TEST(processes_share_a_file)
{
    struct stat st;

    begin_file();
    TURN_AS(1, "[" USER "]", ASKED, BODY, .failed = false);
    next_process();
    ck_assert_str_eq(TURN(2, BROUGHT, "[" STORY "]"), "1");
    next_process();
    TURN(3, FIRST, "[" HELLO "]");
    next_process();
    ck_assert_str_eq(TURN(4, SECOND_TURN, NULL), "3:turn");
    TURN_AS(5, NULL, NULL, .body = "x", .failed = true);
    next_process();
    ck_assert_str_eq(TURN_AS(6, NULL, NULL, .body = "x"), "5:retry_of");
    next_process();
    ck_assert_str_eq(TURN_AS(7, NULL, NULL, .body = "x"), "");
    TURN_AS(8, "[" USER "]", "[" CALLS(OTHER, "mail") "]", INFER, .parent = 3);
    for (uint64_t i = 0; i < 2; i++) {
        next_process();
        ck_assert_str_eq(TURN_AS(9 + i,
                                 "[" USER
                                 "," CALLS(OTHER, "mail") "," BRINGS(OTHER) "]",
                                 NULL, INFER),
                         "T1");
        ck_assert_uint_eq(tools.count, i == 0);
    }
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    ck_assert_int_le(st.st_size, LLMOBS_LINK_FILE_SIZE);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_link_file_failed), 0);
    end_file();
}
END_TEST

static void write_at(off_t at, const void *data, size_t len)
{
    int fd = open(path, O_RDWR);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, data, len, at), (ssize_t)len);
    close(fd);
}

static void flip(off_t at)
{
    char byte;
    int fd = open(path, O_RDONLY);

    ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
    close(fd);
    byte ^= 0x55;
    write_at(at, &byte, 1);
}

/* Each byte that changes costs a link at most. */
START_TEST(damaged_files)
{
    const char *found;
    struct stat st;
    size_t lost = 0;

    begin_file();
    for (off_t at = 0; at < 48; at++) {
        TURN(1, "[" USER "]", ASKED);
        flip(at);
        next_process();
        ck_assert_str_eq(TURN(2, BROUGHT, NULL), "");
        unlink(path);
    }
    TURN(1, "[" USER "]", ASKED);
    ck_assert_int_eq(stat(path, &st), 0);
    for (off_t at = LLMOBS_LINK_ROW * 72; at < st.st_size; at += 8) {
        flip(at);
        next_process();
        found = TURN(2, BROUGHT, NULL);
        ck_assert_msg(!*found || strcmp(found, "1") == 0 ||
                          strcmp(found, "1:turn") == 0,
                      "%s", found);
        lost += strcmp(found, "1") != 0;
        flip(at);
    }
    ck_assert_uint_ge(lost, 9);
    for (off_t size = 0; size < 64; size += 7) {
        ck_assert_int_eq(truncate(path, size), 0);
        next_process();
        ck_assert_str_eq(TURN(3, BROUGHT, NULL), "");
        TURN(1, "[" USER "]", ASKED);
        ck_assert_str_eq(TURN(3, BROUGHT, NULL), "1");
    }
    end_file();
}
END_TEST

/* Without the file there are the links of the process itself. */
START_TEST(files_that_cannot_be_used)
{
    char other[sizeof(path) + 8];
    uint64_t failed;

    begin_file();
    snprintf(other, sizeof(other), "%s.other", path);
    ck_assert_int_eq(symlink(other, path), 0);
    failed = llmobs_stats_get(LLMOBS_STAT_link_file_failed);
    TURN(1, "[" USER "]", ASKED);
    ck_assert_str_eq(TURN(2, BROUGHT, NULL), "1");
    ck_assert_uint_gt(llmobs_stats_get(LLMOBS_STAT_link_file_failed), failed);
    ck_assert_int_ne(access(other, F_OK), 0);
    unlink(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_str_eq(TURN(3, BROUGHT, NULL), "1");
    unlink(path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_str_eq(TURN(4, BROUGHT, NULL), "1");
    rmdir(path);
    /* A second name. */
    next_process();
    TURN(1, "[" USER "]", ASKED);
    ck_assert_int_eq(link(path, other), 0);
    ck_assert_str_eq(TURN(5, BROUGHT, NULL), "");
    unlink(other);
    ck_assert_str_eq(TURN(6, BROUGHT, NULL), "1");
    /* No directory: no spool, and nothing to count. */
    failed = llmobs_stats_get(LLMOBS_STAT_link_file_failed);
    llmobs_linker_share(&linker, "/nonexistent/links.0");
    ck_assert_str_eq(TURN(7, BROUGHT, NULL), "");
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_link_file_failed), failed);
    end_file();
}
END_TEST

/* The app's own limit of file sizes: no signal, no file. */
START_TEST(limits_of_file_sizes)
{
    const struct rlimit small = {4096, 4096};
    struct stat st;

    begin_file();
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    TURN(1, "[" USER "]", ASKED);
    ck_assert_str_eq(TURN(2, BROUGHT, NULL), "1");
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_size, 0);
    end_file();
}
END_TEST

/* -- a tool's own span ------------------------------------------------------
 */

#define OSLO "{\"city\":\"Oslo\"}"
#define RUN(number, name, arguments, in)                        \
    link_turn(&(struct turn){.id = (number),                    \
                             .tool = (name),                    \
                             .input = (arguments),              \
                             .account = 9,                      \
                             .url = "http://tools.example/mcp", \
                             .trace = (in)})

START_TEST(a_tool_links_to_who_called_it)
{
    begin();
    TURN_AS(1, "[" USER "]", ASKED, .trace = 5);
    ck_assert_str_eq(RUN(2, "weather", OSLO, 5), "1");
    /* A second try of it, then the result, and the same call anew. */
    ck_assert_str_eq(RUN(3, "weather", " {\"city\": \"Oslo\"}", 5), "1");
    TURN_AS(4, BROUGHT, "[" CALLS(OTHER, "weather") "]", .trace = 5);
    ck_assert_str_eq(RUN(6, "weather", OSLO, 5), "4");
    /* The links of a tool's span do not change. */
    ck_assert_str_eq(link_turn(&(struct turn){.id = 2,
                                              .tool = "weather",
                                              .input = OSLO,
                                              .trace = 5,
                                              .start = now - 4 * SECOND}),
                     "1");
    llmobs_linker_fini(&linker);
}
END_TEST

START_TEST(near_misses_of_runs)
{
    begin();
    ck_assert_str_eq(RUN(9, "weather", OSLO, 5), "");
    TURN_AS(1, "[" USER "]", ASKED, .trace = 5);
    ck_assert_str_eq(RUN(2, "weather", OSLO, 6), "");
    ck_assert_str_eq(RUN(3, "weather", "{\"city\":\"Rome\"}", 5), "");
    ck_assert_str_eq(RUN(4, "weather", "{}", 5), "");
    ck_assert_str_eq(RUN(5, "climate", OSLO, 5), "");
    ck_assert_str_eq(RUN(6, "weather", NULL, 5), "");
    ck_assert_str_eq(RUN(7, "weather", "\"Oslo\"", 5), "");
    /* It began before the answer's end. */
    ck_assert_str_eq(link_turn(&(struct turn){.id = 8,
                                              .tool = "weather",
                                              .input = OSLO,
                                              .trace = 5,
                                              .start = now - 8 * SECOND}),
                     "");
    /* Two answers wait for the same. */
    TURN_AS(10, "[" USER "]", "[" CALLS(OTHER, "weather") "]", .trace = 5);
    ck_assert_str_eq(RUN(11, "weather", OSLO, 5), "");
    TURN_AS(12, "[" USER "," CALLS(OTHER, "weather") "," BRINGS(OTHER) "]",
            NULL, .trace = 5);
    ck_assert_str_eq(RUN(13, "weather", OSLO, 5), "1");
    TURN_AS(14, BROUGHT, NULL, .trace = 5);
    ck_assert_str_eq(RUN(15, "weather", OSLO, 5), "");
    llmobs_linker_fini(&linker);
}
END_TEST

/* -- sessions ---------------------------------------------------------------
 */

/* The tags of a call, with blanks between. */
static const char *tags_of_call(const struct turn *turn)
{
    static char text[256];

    link_turn(turn);
    text[0] = '\0';
    for (size_t i = 0; i < llmobs_json_len(last.extra_tags); i++) {
        strcat(text, i > 0 ? " " : "");
        strcat(text, llmobs_json_text(llmobs_json_at(last.extra_tags, i)));
    }
    return text;
}

#define TAGS(number, ...) \
    tags_of_call(&(struct turn){.id = (number), __VA_ARGS__})

START_TEST(a_session_shares_its_tags)
{
    begin();
    ck_assert_str_eq(TAGS(1, .session = "a"), "");
    ck_assert_str_eq(TAGS(2, .session = "a", .tag = "server_name:x"),
                     "kind:client server_name:x");
    ck_assert_str_eq(TAGS(3, .session = "a"), "server_name:x");
    ck_assert_str_eq(TAGS(4, .session = "a", .tag = "other:y"),
                     "kind:client other:y server_name:x");
    ck_assert_str_eq(TAGS(5, .session = "a", .tag = "server_name:z"),
                     "kind:client server_name:z");
    ck_assert_str_eq(TAGS(6, .session = "a"), "server_name:z");
    llmobs_linker_fini(&linker);
}
END_TEST

START_TEST(near_misses_of_sessions)
{
    struct llmobs_link_sessions parents;

    begin();
    TAGS(1, .session = "a", .tag = "server_name:x");
    ck_assert_str_eq(TAGS(2, .session = "b"), "");
    ck_assert_str_eq(TAGS(3, .session = NULL), "");
    ck_assert_str_eq(
        TAGS(5, .session = "a", .url = "https://api.example.org/mcp"), "");
    ck_assert_str_eq(TAGS(6, .session = "a"), "server_name:x");
    parents = linker.sessions;
    llmobs_linker_reset(&linker);
    ck_assert_str_eq(TAGS(7, .session = "a"), "");
    llmobs_linker_fini(&linker);
    llmobs_link_sessions_fini(&parents);
}
END_TEST

START_TEST(many_sessions)
{
    char name[16];

    begin();
    TAGS(1, .session = "used", .tag = "server_name:x");
    TAGS(2, .session = "unused", .tag = "server_name:y");
    for (int i = 0; i < 2 * LLMOBS_LINK_SESSIONS; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        TAGS(3, .session = name, .tag = "server_name:z");
        ck_assert_str_eq(TAGS(4, .session = "used"), "server_name:x");
    }
    ck_assert_str_eq(TAGS(5, .session = "unused"), "");
    llmobs_linker_fini(&linker);
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
    UNIT_TEST(s, turns_follow_each_other);
    UNIT_TEST(s, near_misses_of_turns);
    UNIT_TEST(s, equal_beginnings_are_nobodys);
    UNIT_TEST(s, old_beginnings_still_count);
    UNIT_TEST(s, forms_of_one_conversation);
    UNIT_TEST(s, ids_of_the_provider);
    UNIT_TEST(s, sessions);
    UNIT_TEST(s, several_answers);
    UNIT_TEST(s, the_same_bytes_again);
    UNIT_TEST(s, a_tool_links_to_who_called_it);
    UNIT_TEST(s, near_misses_of_runs);
    UNIT_TEST(s, a_session_shares_its_tags);
    UNIT_TEST(s, near_misses_of_sessions);
    UNIT_TEST(s, many_sessions);
    UNIT_TEST(s, a_tool_is_inferred_once);
    UNIT_TEST(s, a_call_that_is_not_repeated);
    UNIT_TEST(s, parallel_tools_are_inferred);
    UNIT_TEST(s, near_misses_of_inferred_tools);
    UNIT_TEST(s, a_tool_with_a_span_is_not_inferred);
    UNIT_TEST(s, processes_share_a_file);
    UNIT_TEST(s, damaged_files);
    UNIT_TEST(s, files_that_cannot_be_used);
    UNIT_TEST(s, limits_of_file_sizes);
    return s;
}
