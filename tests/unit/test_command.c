/* Requests to llmobs: URLs, whole and damaged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/sanitizer.h"
#include "core/ledger/stats.h"
#include "core/ops/command.h"
#include "core/sdk/thread_state.h"
#include "tests/unit/api_case.h"

static const struct llmobs_real no_real;
static int address; /* stands for an easy handle */
static const struct llmobs_api *api;

/* As a program sets it: of the body's bytes none are read behind `len`. */
static void say_bytes(const char *command, const char *body, size_t len,
                      const char *type)
{
    struct llmobs_handle *handle =
        llmobs_handle_create(&no_real, (CURL *)&address);
    struct curl_slist header = {.data = NULL};
    char url[64], line[128];

    snprintf(url, sizeof(url), "llmobs://%s", command);
    snprintf(line, sizeof(line), "Content-Type: %s", type);
    header.data = line;
    llmobs_handle_note(handle, CURLOPT_URL, url, 1000);
    llmobs_handle_note(handle, CURLOPT_POSTFIELDSIZE, (void *)(uintptr_t)len,
                       1000);
    llmobs_handle_note(handle, CURLOPT_POSTFIELDS, (void *)(uintptr_t)body,
                       1000);
    llmobs_handle_note(handle, CURLOPT_HTTPHEADER, &header, 1000);
    llmobs_command_run(handle);
    llmobs_handle_detach(handle);
    llmobs_handle_release(handle);
}

static void say(const char *command, const char *body)
{
    say_bytes(command, body, strlen(body), LLMOBS_COMMAND_TYPE);
}

static void begin(void)
{
    api = api_case();
    llmobs_command_init(true);
}

static bool is_quiet(void)
{
    return llmobs_thread_state_top() == 0 && !llmobs_thread_state_inbound();
}

START_TEST(a_request_and_its_spans)
{
    begin();
    say("request/start",
        "{\"headers\": {\"X-Datadog-Trace-Id\": \"7\","
        " \"x-datadog-parent-id\": \"9\","
        " \"x-datadog-tags\": \"_dd.p.llmobs_parent_id=9,"
        "_dd.p.llmobs_ml_app=caller\"},"
        " \"entry\": {\"kind\": \"workflow\", \"name\": \"entry\","
        " \"input\": \"in\"}}");
    say("span/start", "{\"kind\": \"tool\", \"name\": \"tool\"}");
    say("span/finish", "{\"output\": \"said\"}");
    say("request/finish", "{\"entry\": {\"output\": \"out\"}}");
    ck_assert(is_quiet());
    ck_assert_uint_eq(api_case_count(), 2);
    ck_assert_str_eq(api_case_at("entry", "parent_id"), "\"9\"");
    ck_assert(api_case_has_tag("entry", "ml_app:caller"));
    ck_assert_str_eq(api_case_at("entry", "meta.input.value"), "\"in\"");
    ck_assert_str_eq(api_case_at("entry", "meta.output.value"), "\"out\"");
    ck_assert_str_eq(api_case_at("entry", "status"), "\"ok\"");
    ck_assert_str_eq(api_case_at("tool", "meta.output.value"), "\"said\"");
    ck_assert_str_ne(api_case_at("tool", "parent_id"), "\"9\"");
}
END_TEST

START_TEST(a_model_and_an_error)
{
    begin();
    say("span/start", "{\"kind\": \"llm\", \"name\": \"l\","
                      " \"model_name\": \"m\", \"model_provider\": \"p\","
                      " \"session_id\": \"s\", \"ml_app\": \"a\"}");
    say("span/finish", "{\"metrics\": {\"input_tokens\": 3},"
                       " \"error\": {\"type\": \"T\", \"message\": \"M\"}}");
    ck_assert_str_eq(api_case_at("l", "meta.model_name"), "\"m\"");
    ck_assert_str_eq(api_case_at("l", "meta.model_provider"), "\"p\"");
    ck_assert_str_eq(api_case_at("l", "session_id"), "\"s\"");
    ck_assert(api_case_has_tag("l", "ml_app:a"));
    ck_assert_str_eq(api_case_at("l", "meta.error.type"), "\"T\"");
    ck_assert_str_eq(api_case_at("l", "meta.error.message"), "\"M\"");
    ck_assert_str_eq(api_case_at("l", "metrics.input_tokens"), "3");
}
END_TEST

/* A body that is wrong in one place does not keep a span from its end. */
START_TEST(an_end_that_says_nonsense_is_an_end)
{
    static const char *const ends[] = {
        "{\"nonsense\": 1}", "{\"error\": 1}", "{\"error\": {}}",
        "{\"output\": 5, \"metrics\": \"x\"}", "{\"metadata\": []}"};

    begin();
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        say("span/start", "{\"kind\": \"task\"}");
        ck_assert(!is_quiet());
        say("span/finish", ends[i]);
        ck_assert_msg(is_quiet(), "row %zu", i);
    }
    ck_assert_uint_eq(api_case_count(), sizeof(ends) / sizeof(*ends));
}
END_TEST

START_TEST(a_hook_that_failed)
{
    uint64_t before = llmobs_stats_get(LLMOBS_STAT_hook_failed);

    begin();
    say("hook/failed", "{}");
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_hook_failed), before + 1);
    ck_assert(is_quiet());
}
END_TEST

static const char whole[] =
    "{\"headers\": {\"traceparent\": "
    "\"00-0af7651916cd43dd8448eb211c80319c-00000000000000aa-01\"},"
    " \"entry\": {\"kind\": \"workflow\", \"name\": \"\\u0041\\ud800\","
    " \"input\": [{\"role\": \"user\", \"content\": \"x\"}],"
    " \"tags\": {\"a\": null}, \"metadata\": {\"b\": [1e999]}}}";

/* Of memory that ends where the body does, for the sanitizer's eyes. */
START_TEST(cut_and_changed_at_every_byte)
{
    begin();
    for (size_t i = 0; i < sizeof(whole); i++) {
        char *copy = malloc(i + 1);

        memcpy(copy, whole, i);
        say_bytes("request/start", copy, i, LLMOBS_COMMAND_TYPE);
        say_bytes("request/finish", copy, i, LLMOBS_COMMAND_TYPE);
        say_bytes("span/finish", copy, i, LLMOBS_COMMAND_TYPE);
        free(copy);
    }
    for (size_t i = 0; i + 1 < sizeof(whole); i++) {
        char copy[sizeof(whole)];

        memcpy(copy, whole, sizeof(whole));
        copy[i] = (char)(copy[i] ^ (1 << i % 7));
        say("request/start", copy);
        say("span/start", copy);
    }
    say("request/finish", "{}");
    ck_assert(is_quiet());
}
END_TEST

START_TEST(only_with_method_type_and_leave)
{
    static const char good[] = "{\"kind\": \"task\"}";
    struct llmobs_handle *handle;

    begin();
    say_bytes("span/start", good, strlen(good), "application/json");
    say_bytes("span/start", good, strlen(good), LLMOBS_COMMAND_TYPE "+json");
    say("span/start/", good);
    say("", good);
    handle = llmobs_handle_create(&no_real, (CURL *)&address);
    llmobs_command_run(handle);
    llmobs_handle_note(handle, CURLOPT_URL, (void *)(uintptr_t) "llmobs://",
                       1000);
    llmobs_command_run(handle);
    llmobs_command_init(false);
    say("span/start", good);
    ck_assert(is_quiet());
    ck_assert_uint_eq(api_case_count(), 0);
}
END_TEST

START_TEST(spans_of_the_c_api_may_be_between)
{
    llmobs_span_t span;

    begin();
    say("span/start", "{\"kind\": \"workflow\", \"name\": \"w\"}");
    span = api_case_start(LLMOBS_TASK, "t");
    say("span/finish", "{}"); /* of the one that was started last */
    ck_assert_int_lt(api->finish(span), 0);
    say("span/finish", "{}");
    say("span/finish", "{}");
    ck_assert_uint_eq(api_case_count(), 2);
    ck_assert(is_quiet());
}
END_TEST

/* A worker that was forked inside a span serves requests of others. */
START_TEST(a_child_lets_go_of_its_parents_spans)
{
    int status = 0;
    pid_t pid;

    begin();
    say("span/start", "{\"kind\": \"workflow\", \"name\": \"outer\"}");
    say("span/start", "{\"kind\": \"task\", \"name\": \"inner\"}");
    pid = fork();
    if (pid == 0) {
        say("request/start", "{\"headers\": {}}");
        _exit(is_quiet() ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    say("span/finish", "{}");
    say("span/finish", "{}");
    ck_assert_uint_eq(api_case_count(), 2);
    ck_assert_str_eq(api_case_at("inner", "status"), "\"ok\"");
}
END_TEST

UNIT_SUITE(command)
{
    Suite *s = suite_create("command");

    UNIT_TEST(s, a_request_and_its_spans);
    UNIT_TEST(s, a_model_and_an_error);
    UNIT_TEST(s, an_end_that_says_nonsense_is_an_end);
    UNIT_TEST(s, a_hook_that_failed);
    UNIT_TEST(s, cut_and_changed_at_every_byte);
    UNIT_TEST(s, only_with_method_type_and_leave);
    UNIT_TEST(s, spans_of_the_c_api_may_be_between);
#if !LLMOBS_TSAN
    UNIT_TEST(s, a_child_lets_go_of_its_parents_spans);
#endif
    return s;
}
