/* Links from a request to the answers that it goes on from, and those that must
 * not be made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/linking.h"
#include "tests/unit/link_case.h"

LINK_FIXTURE;

TEST(a_result_links_to_its_call)
{
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
}

TEST(results_of_several_calls)
{
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
}

TEST(near_misses_of_tools)
{
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
}

TEST(a_reused_id_names_neither)
{
    TURN(1, "[" USER "]", ASKED);
    TURN(2, "[" USER "]", ASKED);
    ck_assert_str_eq(TURN(3, BROUGHT, NULL), "");
    TURN(4, "[" USER "]", ASKED);
    ck_assert_str_eq(TURN(5, BROUGHT, NULL), "");
    /* The same span again, after a failed delivery, is no second one. */
    TURN(6, "[" USER "]", "[" CALLS(OTHER, "b") "]");
    TURN(6, "[" USER "]", "[" CALLS(OTHER, "b") "]");
    ck_assert_str_eq(TURN(7, "[" BRINGS(OTHER) "]", NULL), "6");
}

TEST(what_leaves_no_call)
{
    TURN_AS(1, "[" USER "]", ASKED, .failed = true);
    ck_assert_str_eq(TURN(2, BROUGHT, NULL), "");
    /* The server ran the tool. */
    TURN(3, "[" USER "]", "[" CALLS(OTHER, "search") "," BRINGS(OTHER) "]");
    ck_assert_str_eq(TURN(4, "[" BRINGS(OTHER) "]", NULL), "");
    /* It was not there yet when the request began. */
    ck_assert_str_eq(
        TURN_AS(9, "[" BRINGS(OTHER) "]", NULL, .start = link_now - SECOND * 9),
        "");
    TURN(8, "[" USER "]", "[" CALLS("call_8aB1cD2eF3gH4iJ5kL6m", "x") "]");
    ck_assert_str_eq(TURN_AS(9, "[" BRINGS("call_8aB1cD2eF3gH4iJ5kL6m") "]",
                             NULL, .start = link_now - SECOND * 9),
                     "");
    ck_assert_str_eq(TURN(9, "[" BRINGS("call_8aB1cD2eF3gH4iJ5kL6m") "]", NULL),
                     "8");
    /* Too old. */
    TURN(5, "[" USER "]", ASKED);
    link_now += LLMOBS_LINK_LIFE_NS - SECOND;
    ck_assert_str_eq(TURN(6, BROUGHT, NULL), "5");
    link_now += SECOND * 2;
    ck_assert_str_eq(TURN(7, BROUGHT, NULL), "");
}

TEST(ids_without_chance)
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
        "call_12345678",
        "get_weather_2_of_2",
        "getTheWeather",
        "00000000-0000-0000-0000-000000000001"};
    static const char *const unique[] = {
        CALL,
        OTHER,
        "D681PevKs",                /* Mistral's */
        "call_3k2xbz9a",            /* Ollama's */
        "get_weather_1byjy32y4hvq", /* Cohere's */
        "tooluse_kZJMlvQmRJ6eAyJE5GIl7Q",
        "chatcmpl-tool-3a9f0c1d2b4e4f6f8a7b5c6d7e8f9a0b",
        "call_f6f0a1b2-c3d4-4e5f-8a9b-0c1d2e3f4a5b"};
    char in[256], out[256];

    link_begin();
    for (size_t i = 0; i < sizeof(weak) / sizeof(*weak); i++) {
        ck_assert_msg(!llmobs_linker_is_unique(weak[i], "f"), "%s", weak[i]);
        snprintf(out, sizeof(out), "[" CALLS("%s", "f") "]", weak[i]);
        snprintf(in, sizeof(in), "[" BRINGS("%s") "]", weak[i]);
        TURN(1, "[" USER "]", out);
        ck_assert_str_eq(TURN(2, in, NULL), "");
        link_begin();
    }
    for (size_t i = 0; i < sizeof(unique) / sizeof(*unique); i++)
        ck_assert_msg(llmobs_linker_is_unique(unique[i], NULL), "%s",
                      unique[i]);
    ck_assert(!llmobs_linker_is_unique(NULL, NULL));
    ck_assert(!llmobs_linker_is_unique("call_base64decode_1", "base64decode"));
}

/* A row that is full loses its oldest record; nothing else breaks. */
TEST(many_records)
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
    free(table.rows);
}

/* -- the end user ------------------------------------------------------------
 */

static uint64_t user_of(const char *body)
{
    static const uint64_t key[2] = {1, 2};
    struct llmobs_siphash hash;

    llmobs_siphash_init(&hash, key);
    llmobs_linking_add_user((struct llmobs_text){body, strlen(body)}, &hash);
    return llmobs_siphash_now(&hash).lo;
}

TEST(end_users)
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
        "{\"a\":\"\\",
        "{\"a\":\"\\\\\\\",\"user\":\"a\"}"};
    uint64_t none = user_of("{}");

    for (size_t i = 0; i < sizeof(nobody) / sizeof(*nobody); i++)
        ck_assert_msg(user_of(nobody[i]) == none, "%s", nobody[i]);
    ck_assert(user_of("{\"user\":\"a\"}") != none);
    ck_assert(user_of("{\"user\":\"a\"}") != user_of("{\"user\":\"b\"}"));
    ck_assert(user_of("{\"user\":\"a\"}") ==
              user_of("{\"messages\":[{\"role\":\"user\"}], \"user\" : "
                      "\"a\"}"));
    ck_assert(user_of("{\"user\":\"a\"}") ==
              user_of("{\"b\":\"\\\"\\\\\",\"user\":\"a\"}"));
    ck_assert(user_of("{\"safety_identifier\":\"a\"}") != none);
    ck_assert(user_of("{\"metadata\":{\"user_id\":\"a\"}}") != none);
    ck_assert(user_of("{\"metadata\":{\"user_id\":\"a\"}}") !=
              user_of("{\"metadata\":{\"user_id\":\"b\"}}"));
}

/* -- turns -------------------------------------------------------------------
 */

/* The value of the link_last span's tag conversation_id; "": it has none. */
static const char *conversation(void)
{
    const char *tag = llmobs_json_text(llmobs_json_at(link_last.extra_tags, 0));

    return tag && strncmp(tag, "conversation_id:", 16) == 0 ? tag + 16 : "";
}

TEST(turns_follow_each_other)
{
    ck_assert_str_eq(TURN(1, FIRST, "[" HELLO "]"), "");
    ck_assert_str_eq(conversation(), "");
    ck_assert_str_eq(TURN(2, SECOND_TURN, "[" STORY "]"), "1:turn");
    ck_assert_str_eq(conversation(), "1");
    ck_assert_str_eq(TURN(3, THIRD, "[" HELLO "]"), "2:turn");
    ck_assert_str_eq(conversation(), "1");
    /* An edit of the history is a branch; so is another answer. */
    ck_assert_str_eq(TURN(4, "[" HI "," HELLO "," LAST "]", "[" STORY "]"),
                     "1:turn");
    ck_assert_str_eq(conversation(), "1");
    ck_assert_str_eq(TURN(5, SECOND_TURN, "[" HELLO "]"), "1:turn");
    ck_assert_str_eq(TURN(6, THIRD, NULL), "2:turn");
    /* A summary in place of the history begins anew. */
    ck_assert_str_eq(
        TURN(7, "[" SAYS("user", "So far: hi.") "," LAST "]", "[" STORY "]"),
        "");
    ck_assert_str_eq(conversation(), "");
}

TEST(near_misses_of_turns)
{
    TURN_AS(1, FIRST, "[" HELLO "]", .account = 7, .model = "gpt-4o");
    ck_assert_str_eq(TURN_AS(2, SECOND_TURN, NULL, .model = "gpt-4o"), "");
    ck_assert_str_eq(
        TURN_AS(3, SECOND_TURN, NULL, .account = 8, .model = "gpt-4o"), "");
    ck_assert_str_eq(TURN_AS(4, SECOND_TURN, NULL, .account = 7,
                             .model = "claude-4", .url = TURN_URL),
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
}

/* Two strangers behind one key say the same and hear the same. */
TEST(equal_beginnings_are_nobodys)
{
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
}

/* A beginning that was had hours ago still shows that it is no sign. */
TEST(old_beginnings_still_count)
{
    TURN(1, FIRST, "[" HELLO "]");
    link_now += LLMOBS_LINK_LIFE_NS * 2;
    ck_assert_str_eq(TURN(2, SECOND_TURN, NULL), "");
    TURN(3, FIRST, "[" HELLO "]");
    ck_assert_str_eq(TURN(4, SECOND_TURN, NULL), "");
}

TEST(forms_of_one_conversation)
{
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
        "1");
    /* Other arguments under a weak id are another call. */
    ck_assert_str_eq(TURN(3,
                          "[" HI "," HELLO
                          ",{\"role\":\"assistant\",\"tool_calls\":"
                          "[{\"name\":\"f\",\"arguments\":{\"city\":\"Rome\"},"
                          "\"tool_id\":\"c1\"}]}," BRINGS("c1") "]",
                          NULL),
                     "");
    ck_assert_str_eq(TURN(4, "[" SAYS("system", "Be kind.") "]", "[]"), "");
}

TEST(ids_of_the_provider)
{
    TURN_AS(1, FIRST, "[" HELLO "]", .response = "resp_1");
    ck_assert_str_eq(TURN_AS(2, "[" MORE "]", "[" STORY "]",
                             .response = "resp_2", .previous = "resp_1"),
                     "1:turn");
    ck_assert_str_eq(conversation(), "1");
    /* A branch; another key; an id that is not known. */
    ck_assert_str_eq(TURN_AS(3, "[" LAST "]", NULL, .previous = "resp_1"),
                     "1:turn");
    ck_assert_str_eq(
        TURN_AS(4, "[" LAST "]", NULL, .previous = "resp_1", .account = 9), "");
    ck_assert_str_eq(TURN_AS(5, SECOND_TURN, NULL, .previous = "resp_0"), "");
    ck_assert_str_eq(TURN_AS(6, FIRST, "[" HELLO "]", .conversation = "conv"),
                     "");
    ck_assert_str_eq(conversation(), "conv");
    ck_assert_str_eq(
        TURN_AS(7, "[" MORE "]", "[" STORY "]", .conversation = "conv"),
        "6:turn");
    ck_assert_str_eq(TURN_AS(8, "[" LAST "]", "[" HELLO "]",
                             .conversation = "conv",
                             .stitch = LLMOBS_STITCH_SESSION),
                     "7:turn");
    ck_assert_str_eq(link_last.context.session_id, "conv");
    ck_assert_str_eq(TURN_AS(9, "[" LAST "]", NULL, .conversation = "other"),
                     "");
}

/* Each of several answers may be the one that the program goes on from. */
TEST(several_answers)
{
    ck_assert_str_eq(TURN_AS(1, FIRST, "[" STORY "," HELLO "]", .choices = 2),
                     "");
    ck_assert_str_eq(TURN(2, SECOND_TURN, NULL), "1:turn");
    ck_assert_str_eq(TURN(3, "[" HI "," STORY "," HELLO "," MORE "]", NULL),
                     "");
}

TEST(sessions)
{
    TURN_AS(1, FIRST, "[" HELLO "]", .stitch = LLMOBS_STITCH_SESSION);
    ck_assert_str_eq(link_last.context.session_id, "1");
    TURN_AS(2, SECOND_TURN, "[" STORY "]", .stitch = LLMOBS_STITCH_SESSION);
    ck_assert_str_eq(link_last.context.session_id, "1");
    ck_assert_str_eq(TURN(3, THIRD, NULL), "2:turn");
    ck_assert_str_eq(link_last.context.session_id, "");
}

/* -- retries -----------------------------------------------------------------
 */

TEST(the_same_bytes_again)
{
    int64_t from;

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
    ck_assert_str_eq(TURN_AS(11, NULL, NULL, BODY, .url = TURN_URL "s"), "");
    ck_assert_str_eq(TURN_AS(12, NULL, NULL, BODY, .account = 4), "");
    link_now += LLMOBS_LINK_RETRY_NS;
    ck_assert_str_eq(TURN_AS(13, NULL, NULL, BODY), "");
    /* Two at once, of which one fails: neither is the retry of the other. */
    from = link_now;
    TURN_AS(14, NULL, NULL, BODY, .failed = true, .status = 500, .start = from);
    ck_assert_str_eq(TURN_AS(15, NULL, NULL, BODY, .start = from), "");
    ck_assert_str_eq(TURN_AS(16, NULL, NULL, BODY), "");
    /* Two have failed: nobody knows which of them comes again. */
    TURN_AS(17, NULL, NULL, BODY, .failed = true, .start = link_now);
    TURN_AS(18, NULL, NULL, BODY, .failed = true, .start = link_now - SECOND);
    ck_assert_str_eq(TURN_AS(19, NULL, NULL, BODY), "");
}

#define BILL(said) SAYS("system", "x-anthropic-billing-header: " said)
#define TASK(text)                                                 \
    "{\"role\":\"assistant\",\"tool_calls\":[{\"name\":\"Agent\"," \
    "\"arguments\":{\"prompt\":\"" text "\"},\"tool_id\":\"" CALL "\"}]}"
#define SUB BILL("cc_version=1; cc_is_subagent=true;")
#define REMINDS SAYS("user", "<system-reminder>\\nToday.</system-reminder>")

/* Claude Code tells the one who bills another thing in each request. */
TEST(words_to_the_one_who_bills)
{
    TURN(1, "[" BILL("cch=1;") "," HI "]", "[" HELLO "]");
    ck_assert_str_eq(TURN(2,
                          "[" BILL("cch=2; cc_prev_req=req_1;") "," HI "," HELLO
                                                                "," MORE "]",
                          "[" STORY "]"),
                     "1:turn");
    ck_assert_str_eq(
        TURN(3, "[" HI "," HELLO "," MORE "," STORY "," LAST "]", NULL),
        "2:turn");
    /* Other words of the system count. */
    ck_assert_str_eq(
        TURN(4,
             "[" SAYS("system", "x-anthropic-billing") "," HI "," HELLO "," MORE
                                                       "]",
             NULL),
        "");
}

TEST(agents_of_tools)
{
    TURN(1, "[" BILL("a;") "," HI "]", "[" TASK("Find it.") "]");
    ck_assert_str_eq(TURN(2,
                          "[" SUB "," REMINDS "," SAYS("user", "Find it.") "]",
                          "[" HELLO "]"),
                     "1:agent");
    ck_assert_str_eq(TURN(3,
                          "[" SUB "," REMINDS
                          "," SAYS("user", "Find it.") "," HELLO "," MORE "]",
                          NULL),
                     "1:agent 2:turn");
    /* Another task, other credentials, no agent of a tool. */
    ck_assert_str_eq(TURN(4, "[" SUB "," SAYS("user", "Find that.") "]", NULL),
                     "");
    ck_assert_str_eq(TURN_AS(5, "[" SUB "," SAYS("user", "Find it.") "]", NULL,
                             .account = 8),
                     "");
    ck_assert_str_eq(TURN(6, "[" SAYS("user", "Find it.") "]", NULL), "");
    ck_assert_str_eq(TURN_AS(9, "[" SAYS("user", "Find it.") "]", NULL,
                             .said = "{\"agent_id\":\"agent_id:a\"}"),
                     "1:agent");
    /* An agent that passes its own task on is not its own starter. */
    TURN(7, "[" SUB "," SAYS("user", "Pass on.") "]", "[" TASK("Pass on.") "]");
    ck_assert_str_eq(TURN(8,
                          "[" SUB "," SAYS("user", "Pass on.") "," TASK(
                              "Pass on.") "," BRINGS(CALL) "]",
                          NULL),
                     "7");
}

#define SPAWN(said)                                                       \
    "{\"role\":\"assistant\",\"tool_calls\":[{\"name\":\"multi_agent_v1." \
    "spawn_agent\","                                                      \
    "\"arguments\":{" said "},\"tool_id\":\"" CALL "\"}]}"
#define CHILD                                                                  \
    .said = "{\"agent_id\":\"agent_id:a\",\"parent_agent_id\":\"parent_agent_" \
            "id:b\"}"
#define LETTER(text)                                                        \
    SAYS("assistant",                                                       \
         "{\\\"author\\\":\\\"/root\\\",\\\"recipient\\\":\\\"/root/a\\\"," \
         "\\\"content\\\":\\\"" text "\\\",\\\"trigger_turn\\\":true}")
#define LOOK "\"message\":\"Look here.\""

/* Codex: the task is a user's words, or a letter of the agent that sets it, and
 * may stand behind the parent's own history. */
TEST(agents_of_codex)
{
    TURN(1, "[" HI "]", "[" SPAWN(LOOK) "]");
    ck_assert_str_eq(
        TURN_AS(2, "[" SAYS("user", "Look here.") "]", "[" HELLO "]", CHILD),
        "1:agent");
    ck_assert_str_eq(
        TURN_AS(3, "[" REMINDS "," LETTER("Look here.") "]", NULL, CHILD),
        "1:agent");
    ck_assert_str_eq(TURN_AS(4,
                             "[" HI "," SPAWN(LOOK) "," SAYS(
                                 "user", "Look here.") "," HELLO "]",
                             NULL, CHILD),
                     "1:agent");
    /* Neither the parent itself, nor who has another task. */
    ck_assert_str_eq(TURN(5, "[" HI "," SPAWN(LOOK) "," BRINGS(CALL) "]", NULL),
                     "1");
    ck_assert_str_eq(TURN_AS(6, "[" LETTER("Look there.") "]", NULL, CHILD),
                     "");
    ck_assert_str_eq(TURN_AS(7,
                             "[" SAYS("assistant", "{\\\"author\\\": no") "]",
                             NULL, CHILD),
                     "");
    /* An agent of that agent, by the other form of the arguments. */
    TURN_AS(8, "[" SAYS("user", "Look here.") "]",
            "[" SPAWN("\"items\":[{\"type\":\"text\",\"text\":\"Dig.\"}]") "]",
            CHILD);
    ck_assert_str_eq(TURN_AS(9,
                             "[" HI "," SPAWN(LOOK) "," LETTER(
                                 "Look here.") "," LETTER("Dig.") "]",
                             NULL, CHILD),
                     "8:agent");
}
