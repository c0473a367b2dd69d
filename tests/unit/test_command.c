/* Requests to llmobs: URLs, whole and damaged. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/sanitizer.h"
#include "lib/base/stats.h"
#include "core/capture/command.h"
#include "core/capture/served.h"
#include "core/sdk/span_table.h"
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
    llmobs_handle_set(handle, llmobs_setting(CURLOPT_URL), url, 1000);
    llmobs_handle_set(handle, llmobs_setting(CURLOPT_POSTFIELDSIZE),
                      (void *)(uintptr_t)len, 1000);
    llmobs_handle_set(handle, llmobs_setting(CURLOPT_POSTFIELDS),
                      (void *)(uintptr_t)body, 1000);
    llmobs_handle_set(handle, llmobs_setting(CURLOPT_HTTPHEADER), &header,
                      1000);
    llmobs_command_transfer(handle);
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
    llmobs_command_init(true, NULL);
}

static bool is_quiet(void)
{
    return llmobs_thread_state_top() == 0 && !llmobs_thread_state_inbound();
}

TEST(a_request_and_its_spans)
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

TEST(a_model_and_an_error)
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

/* A body that is wrong in one place does not keep a span from its end. */
TEST(an_end_that_says_nonsense_is_an_end)
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

TEST(a_hook_that_failed)
{
    uint64_t before = llmobs_stats_get(LLMOBS_STAT_hook_failed);

    begin();
    say("hook/failed", "{}");
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_hook_failed), before + 1);
    ck_assert(is_quiet());
}

/* -- requests that take turns ---------------------------------------------- */

/* Begins a request. */
static void begin_turn(int key, const char *entry)
{
    char body[300];

    snprintf(body, sizeof(body),
             "{\"request\": %d, \"headers\": {\"x-datadog-trace-id\": \"%d\","
             " \":method\": \"POST\", \":path\": \"/of/%d?key=1\","
             " \"x-datadog-parent-id\": \"%d\","
             " \"x-datadog-tags\": \"_dd.p.llmobs_parent_id=%d\"}%s%s%s}",
             key, key, key, 100 + key, 100 + key,
             entry ? ", \"entry\": {\"kind\": \"workflow\", \"name\": \"" : "",
             entry ? entry : "", entry ? "\"}" : "");
    say("request/start", body);
}

/* The thread works for it from now on; 0: for none. */
static void serve(int key)
{
    char text[32];

    snprintf(text, sizeof(text), "serve %d", key);
    ck_assert_str_eq(llmobs_command_say(text), "");
}

static void turn(int key, const char *entry)
{
    begin_turn(key, entry);
    serve(key);
}

static void end_turn(int key, const char *what)
{
    char body[100];

    snprintf(body, sizeof(body), "{\"request\": %d, \"entry\": %s}", key, what);
    say("request/finish", body);
}

static void forget(int key)
{
    char body[40];

    snprintf(body, sizeof(body), "{\"request\": %d}", key);
    say("request/forget", body);
}

static void call(const char *name)
{
    (void)api->finish(api_case_start(LLMOBS_TASK, name));
}

static void check_below(const char *name, const char *parent)
{
    char id[64];

    snprintf(id, sizeof(id), "%s", api_case_at(parent, "span_id"));
    ck_assert_str_eq(api_case_at(name, "parent_id"), id);
}

TEST(requests_that_take_turns)
{
    begin();
    begin_turn(7001, "a");
    call("before");
    serve(7001);
    call("of a");
    turn(7002, "b");
    call("of b");
    ck_assert_str_eq(llmobs_thread_state_inbound()->method, "POST");
    ck_assert_str_eq(llmobs_thread_state_inbound()->target, "/of/7002?key=1");
    serve(7001);
    call("of a again");
    end_turn(7002, "{\"output\": \"said b\"}");
    call("of a at last");
    serve(0); /* the thread leaves it, and it goes on */
    call("of nobody");
    end_turn(7001, "{\"error\": {\"type\": \"T\", \"message\": \"M\"}}");
    serve(7001);
    call("of its caller");
    serve(7002);
    call("of the other caller");
    forget(7002);
    serve(7002);
    call("of one that is forgotten");
    serve(0);
    forget(7001);
    ck_assert(is_quiet());
    ck_assert_uint_eq(api_case_count(), 11);
    ck_assert_str_eq(api_case_at("a", "parent_id"), "\"7101\"");
    ck_assert_str_eq(api_case_at("a", "meta.error.type"), "\"T\"");
    ck_assert_str_eq(api_case_at("b", "parent_id"), "\"7102\"");
    ck_assert_str_eq(api_case_at("b", "status"), "\"ok\"");
    ck_assert_str_eq(api_case_at("b", "meta.output.value"), "\"said b\"");
    check_below("of a", "a");
    check_below("of a again", "a");
    check_below("of a at last", "a");
    check_below("of b", "b");
    ck_assert_str_eq(api_case_at("of its caller", "parent_id"), "\"7101\"");
    ck_assert_str_eq(api_case_at("of the other caller", "parent_id"),
                     "\"7102\"");
    for (size_t i = 0; i < 3; i++)
        ck_assert_str_eq(
            api_case_at(((const char *[]){"before", "of nobody",
                                          "of one that is forgotten"})[i],
                        "parent_id"),
            "\"undefined\"");
}

static void *work_for(void *name)
{
    serve(7010);
    call(name);
    return NULL;
}

static void *end_it(void *unused)
{
    end_turn(7010, "{}");
    return unused;
}

static void in_a_thread(void *(*work)(void *), const char *name)
{
    pthread_t thread;

    ck_assert_int_eq(
        pthread_create(&thread, NULL, work, (void *)(uintptr_t)name), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

TEST(threads_that_work_for_a_request)
{
    begin();
    turn(7010, "pooled");
    in_a_thread(work_for, "before");
    in_a_thread(end_it, NULL);
    in_a_thread(work_for, "after");
    call("here");
    end_turn(7010, "{}"); /* not twice */
    serve(0);
    forget(7010);
    ck_assert(is_quiet());
    ck_assert_uint_eq(api_case_count(), 4);
    check_below("before", "pooled");
    ck_assert_str_eq(api_case_at("after", "parent_id"), "\"7110\"");
    ck_assert_str_eq(api_case_at("here", "parent_id"), "\"7110\"");
}

/* Spans of tasks that take turns are each below their own request's, and what
 * a request leaves open ends with it. */
TEST(spans_of_requests_that_take_turns)
{
    begin();
    turn(7020, "left");
    say("span/start", "{\"kind\": \"task\", \"name\": \"open\"}");
    turn(7021, "other");
    call("of other");
    say("span/start", "{\"kind\": \"task\", \"name\": \"others\"}");
    serve(7020);
    call("of open");
    say("span/finish", "{}");
    serve(7021);
    call("of others");
    end_turn(7021, "{}");
    serve(0);
    forget(7020);
    forget(7021);
    ck_assert(is_quiet());
    ck_assert_uint_eq(api_case_count(), 7);
    check_below("open", "left");
    check_below("others", "other");
    check_below("of other", "other");
    check_below("of open", "open");
    check_below("of others", "others");
    ck_assert_str_eq(api_case_at("open", "status"), "\"ok\"");
    ck_assert_str_eq(api_case_at("others", "meta.error.type"),
                     "\"unfinished\"");
    ck_assert_str_eq(api_case_at("left", "meta.error.type"), "\"unfinished\"");
}

/* No entry begins or ends by these, and the thread keeps no request. */
TEST(keys_that_are_none)
{
    static const char *const keys[] = {
        "0",    "-1", "1.5",   "\"7030\"", "true",
        "null", "[]", "{}",    "1e30",     "9223372036854775808",
        "-0",   "",   "7030.0"};
    char text[200];

    begin();
    begin_turn(7030, "good");
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        snprintf(text, sizeof(text),
                 "{\"request\": %s, \"entry\": {\"kind\": \"task\"}}", keys[i]);
        say("request/finish", text);
        say("request/start", text);
        say("request/forget", text);
        ck_assert_msg(is_quiet(), "row %zu", i);
    }
    ck_assert_uint_eq(api_case_count(), 0);
    end_turn(7030, "{\"nonsense\": 1}");
    end_turn(7030, "{}");
    ck_assert_uint_eq(api_case_count(), 1);
}

TEST(entries_that_do_not_begin)
{
    begin();
    say("request/start", "{\"request\": 7040, \"entry\": {\"kind\": \"x\"}}");
    end_turn(7040, "{}");
    say("request/start", "{\"request\": 7042, \"entry\": 1}");
    end_turn(7042, "{}");
    ck_assert(is_quiet());
    begin_turn(7041, "once");
    begin_turn(7041, "twice");
    end_turn(7041, "{}");
    end_turn(7041, "{}");
    ck_assert_uint_eq(api_case_count(), 1);
    ck_assert_str_eq(api_case_at("once", "status"), "\"ok\"");
}

/* Those beyond the limit have no caller, and those before keep theirs. */
TEST(more_requests_than_are_kept)
{
    const uintptr_t first = 8000, last = first + LLMOBS_SERVED_MAX;

    begin();
    for (uintptr_t key = first; key <= last; key++)
        ck_assert_int_eq(llmobs_served_keep(key, NULL),
                         key < last ? 0 : -EMFILE);
    turn(7050, "too many");
    ck_assert_uint_eq(llmobs_thread_state_entry(), 0);
    call("of none");
    serve(0);
    for (uintptr_t key = first; key < last; key++)
        ck_assert_uint_eq(llmobs_served_set_entry(key, key), 0);
    for (uintptr_t key = last - 1; key >= first; key--) {
        ck_assert_uint_eq(llmobs_served_set_entry(key, 0), key);
        ck_assert(llmobs_served_forget(key));
    }
    ck_assert(!llmobs_served_forget(first));
    ck_assert_int_eq(llmobs_served_keep(first, NULL), 0);
    ck_assert_int_eq(llmobs_served_keep(first, NULL), -EEXIST);
    ck_assert(llmobs_served_forget(first));
    ck_assert_uint_eq(api_case_count(), 1);
    ck_assert_str_eq(api_case_at("of none", "parent_id"), "\"undefined\"");
}

/* Threads keep, serve and forget the same keys at once. */
static void *race(void *seed)
{
    unsigned random = (unsigned)(uintptr_t)seed;
    char text[160];

    for (int i = 0; i < 20000; i++) {
        int key = 7060 + rand_r(&random) % 4;

        snprintf(text, sizeof(text),
                 "request/start {\"request\": %d, \"headers\": "
                 "{\"x-datadog-trace-id\": \"%d\"}}",
                 key, key);
        if (rand_r(&random) % 4 == 0)
            (void)llmobs_command_say(text);
        serve(key);
        ck_assert_ptr_nonnull(llmobs_thread_state_inbound());
        snprintf(text, sizeof(text), "request/forget {\"request\": %d}", key);
        if (rand_r(&random) % 4 == 0)
            (void)llmobs_command_say(text);
        serve(0);
    }
    return NULL;
}

TEST(keys_of_several_threads)
{
    pthread_t threads[4];

    begin();
    for (uintptr_t i = 0; i < 4; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, race, (void *)(i + 1)), 0);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int key = 7060; key < 7064; key++)
        forget(key);
}

TEST(a_request_of_a_stranger)
{
    begin();
    say("request/start",
        "{\"request\": 7070, \"headers\": {\"x-datadog-trace-id\": \"70\","
        " \"x-datadog-parent-id\": \"71\", \"x-forwarded-for\":"
        " [\"10.0.0.1\", \"8.8.8.8\"], \"x-datadog-tags\":"
        " \"_dd.p.llmobs_parent_id=71,_dd.p.llmobs_ml_app=evil\"},"
        " \"entry\": {\"kind\": \"workflow\", \"name\": \"theirs\"}}");
    end_turn(7070, "{}");
    forget(7070);
    ck_assert_str_eq(api_case_at("theirs", "parent_id"), "\"71\"");
    ck_assert(!api_case_has_tag("theirs", "ml_app:evil"));
}

/* Commands in another form are none, and cost the thread nothing. */
TEST(what_tells_nothing)
{
    static const char *const texts[] = {
        "serve",          "serve ",
        "serve x",        "serve 0 1",
        "serve 0 :",      "stream ",
        "stream 1",       "stream 0 1 2",
        "connection ",    "connection x",
        "serve 0 99:",    "stream 7 0 1",
        "serve  7001",    "serve -1",
        "connection 1 2", "serve 99999999999999999999999999 4294967297:1"};

    begin();
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        ck_assert_str_eq(llmobs_command_say(texts[i]), "");
        llmobs_command_say("serve 0");
        ck_assert_msg(is_quiet(), "row %zu", i);
    }
}

#define CALLER                                          \
    "\"headers\": {\"via\": [\"a\"], \"traceparent\": " \
    "\"00-0af7651916cd43dd8448eb211c80319c-00000000000000aa-01\"},"
#define SPAN                                                  \
    "{\"kind\": \"workflow\", \"name\": \"\\u0041\\ud800\","  \
    " \"input\": [{\"role\": \"user\", \"content\": \"x\"}]," \
    " \"tags\": {\"a\": null}, \"metadata\": {\"b\": [1e999]}}"

static const char *const whole[] = {
    "{" CALLER " \"entry\": " SPAN "}",
    "{\"request\": 12, " CALLER " \"entry\": " SPAN "}",
};

/* Of memory that ends where the body does, for the sanitizer's eyes. */
static void cut_and_change(const char *text, size_t size)
{
    for (size_t i = 0; i <= size; i++) {
        char *copy = malloc(i + 1);

        memcpy(copy, text, i);
        say_bytes("request/start", copy, i, LLMOBS_COMMAND_TYPE);
        say_bytes("request/finish", copy, i, LLMOBS_COMMAND_TYPE);
        say_bytes("span/finish", copy, i, LLMOBS_COMMAND_TYPE);
        say_bytes("request/forget", copy, i, LLMOBS_COMMAND_TYPE);
        free(copy);
    }
    for (size_t i = 0; i < size; i++) {
        char *copy = strdup(text);

        copy[i] = (char)(copy[i] ^ (1 << i % 7));
        say("request/start", copy);
        say("span/start", copy);
        say("request/finish", copy);
        say("request/forget", copy);
        free(copy);
    }
}

TEST(cut_and_changed_at_every_byte)
{
    begin();
    for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
        cut_and_change(whole[i], strlen(whole[i]));
    say("request/finish", "{}");
    ck_assert(is_quiet());
}

TEST(only_with_method_type_and_leave)
{
    static const char good[] = "{\"kind\": \"task\"}";
    struct llmobs_handle *handle;

    begin();
    say_bytes("span/start", good, strlen(good), "application/json");
    say_bytes("span/start", good, strlen(good), LLMOBS_COMMAND_TYPE "+json");
    say("span/start/", good);
    say("", good);
    handle = llmobs_handle_create(&no_real, (CURL *)&address);
    llmobs_command_transfer(handle);
    llmobs_handle_set(handle, llmobs_setting(CURLOPT_URL),
                      (void *)(uintptr_t) "llmobs://", 1000);
    llmobs_command_transfer(handle);
    llmobs_command_init(false, NULL);
    say("span/start", good);
    ck_assert(is_quiet());
    ck_assert_uint_eq(api_case_count(), 0);
}

TEST(spans_of_the_c_api_may_be_between)
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

/* A worker that was forked inside a span serves requests of others. */
TEST(a_child_lets_go_of_its_parents_spans)
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
