/* The C API: spans, their nesting, wrong uses. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/sanitizer.h"
#include "core/sdk/own_span.h"
#include "core/sdk/span_table.h"
#include "tests/unit/api_case.h"

#define TRACE "6affe73a00000000c3d1e2f3a4b5c6d7"

static const struct llmobs_api *api;

static struct llmobs_start_options options_of(enum llmobs_span_kind kind,
                                              const char *name)
{
    return (struct llmobs_start_options){
        .size = sizeof(struct llmobs_start_options),
        .kind = kind,
        .name = name};
}

static llmobs_span_t start(const struct llmobs_start_options *options)
{
    llmobs_span_t span = NULL;

    ck_assert_int_eq(api->start(options, &span), 0);
    return span;
}

/* Whether the one is the parent of the other. */
static void is_child(const char *child, const char *parent)
{
    char *id = strdup(api_case_at(parent, "span_id"));

    ck_assert_str_eq(api_case_at(child, "parent_id"), id);
    free(id);
    id = strdup(api_case_at(parent, "trace_id"));
    ck_assert_str_eq(api_case_at(child, "trace_id"), id);
    free(id);
}

TEST(each_kind_is_submitted)
{
    static const struct {
        enum llmobs_span_kind kind;
        const char *name;
        bool model;
    } kinds[] = {
        {LLMOBS_LLM, "llm", true},
        {LLMOBS_EMBEDDING, "embedding", true},
        {LLMOBS_WORKFLOW, "workflow", false},
        {LLMOBS_AGENT, "agent", false},
        {LLMOBS_TASK, "task", false},
        {LLMOBS_TOOL, "tool", false},
        {LLMOBS_RETRIEVAL, "retrieval", false},
    };

    api = api_case();
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        ck_assert_int_eq(
            api->finish(api_case_start(kinds[i].kind, i % 2 ? "" : NULL)), 0);
    ck_assert_uint_eq(api_case_count(), 7);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        const char *model = kinds[i].model ? "\"custom\"" : "";
        char kind[32] = "\"";

        strcat(strcat(kind, kinds[i].name), "\"");
        ck_assert_str_eq(api_case_at(kinds[i].name, "meta.span.kind"), kind);
        ck_assert_str_eq(api_case_at(kinds[i].name, "meta.model_name"), model);
        ck_assert_str_eq(api_case_at(kinds[i].name, "meta.model_provider"),
                         model);
        ck_assert_str_eq(api_case_at(kinds[i].name, "parent_id"),
                         "\"undefined\"");
    }
}

TEST(nests_by_thread_and_by_name)
{
    struct llmobs_start_options options = options_of(LLMOBS_TOOL, "named");
    llmobs_span_t root, middle, leaf, named, detached;

    api = api_case();
    root = api_case_start(LLMOBS_WORKFLOW, "root");
    middle = api_case_start(LLMOBS_TASK, "middle");
    leaf = api_case_start(LLMOBS_LLM, "leaf");
    options.parent = root;
    options.detached = 1;
    named = start(&options);
    ck_assert_ptr_eq(api->current(), leaf);
    options = options_of(LLMOBS_TASK, "under leaf");
    options.detached = 1;
    detached = start(&options);
    ck_assert_ptr_eq(api->current(), leaf);
    ck_assert_int_eq(api->finish(middle), 0);
    ck_assert_ptr_eq(api->current(), leaf);
    ck_assert_int_eq(api->finish(leaf), 0);
    ck_assert_ptr_eq(api->current(), root);
    ck_assert_int_eq(api->finish(detached), 0);
    ck_assert_int_eq(api->finish(named), 0);
    ck_assert_int_eq(api->finish(root), 0);
    ck_assert_ptr_eq(api->current(), LLMOBS_NO_SPAN);
    is_child("middle", "root");
    is_child("leaf", "middle");
    is_child("named", "root");
    is_child("under leaf", "leaf");
    ck_assert_int_eq(api->finish(api_case_start(LLMOBS_TASK, "next")), 0);
    ck_assert_str_eq(api_case_at("next", "parent_id"), "\"undefined\"");
}

TEST(children_inherit_session_and_application)
{
    struct llmobs_start_options options = options_of(LLMOBS_WORKFLOW, "a");
    struct llmobs_annotation annotation = {.size = sizeof(annotation)};
    struct llmobs_pair tag = {"session_id", "s2"};
    llmobs_span_t a, b;

    api = api_case();
    options.ml_app = "shop,app";
    options.session_id = "s1";
    options.user_id = "u1";
    options.user_handle = "h";
    options.user_name = "Ann";
    a = start(&options);
    b = api_case_start(LLMOBS_LLM, "b");
    api->finish(b);
    annotation.tags = &tag;
    annotation.tag_count = 1;
    ck_assert_int_eq(api->annotate(NULL, &annotation), 0);
    api->finish(api_case_start(LLMOBS_LLM, "c"));
    api->finish(a);
    ck_assert(api_case_has_tag("a", "ml_app:shop_app"));
    ck_assert(api_case_has_tag("b", "ml_app:shop_app"));
    ck_assert_str_eq(api_case_at("b", "session_id"), "\"s1\"");
    ck_assert(api_case_has_tag("b", "session_id:s1"));
    ck_assert_str_eq(api_case_at("c", "session_id"), "\"s2\"");
    ck_assert_str_eq(api_case_at("a", "session_id"), "\"s2\"");
    ck_assert(api_case_has_tag("a", "user_id:u1"));
    ck_assert(api_case_has_tag("a", "user_handle:h"));
    ck_assert(api_case_has_tag("a", "user_name:Ann"));
    ck_assert(!api_case_has_tag("b", "user_id:u1"));
    api->finish(api_case_start(LLMOBS_LLM, "d"));
    ck_assert(api_case_has_tag("d", "ml_app:local-app"));
    ck_assert_str_eq(api_case_at("d", "session_id"), "");
}

TEST(an_agent_is_named_below_it)
{
    llmobs_span_t agent, tool;

    api = api_case();
    agent = api_case_start(LLMOBS_AGENT, "planner");
    tool = api_case_start(LLMOBS_TOOL, "tool");
    api->finish(api_case_start(LLMOBS_LLM, "deep"));
    api->finish(tool);
    api->finish(agent);
    ck_assert_str_eq(api_case_at("planner", "meta.agent_attribution"), "");
    ck_assert_str_eq(api_case_at("tool", "meta.agent_attribution.pagent_name"),
                     "\"planner\"");
    ck_assert_str_eq(api_case_at("deep", "meta.agent_attribution.pagent_name"),
                     "\"planner\"");
}

/* Nor does its name go into the headers of a call below it. */
TEST(an_agents_name_is_redacted_below_it)
{
    struct llmobs_context context;
    llmobs_span_t agent;

    api = api_case();
    api_case_redact("use email");
    agent = api_case_start(LLMOBS_AGENT, "of bob@mail.com");
    ck_assert(llmobs_own_span_child_of_current(&context));
    ck_assert_str_eq(context.pagent_name, "of [redacted:email]");
    api->finish(api_case_start(LLMOBS_TOOL, "tool"));
    api->finish(agent);
    ck_assert_str_eq(api_case_at("tool", "meta.agent_attribution.pagent_name"),
                     "\"of [redacted:email]\"");
}

/* -- wrong uses ---------------------------------------------------------- */

TEST(a_span_ends_once)
{
    struct llmobs_exported ids;
    llmobs_span_t span, other;
    struct llmobs_annotation annotation = {.size = sizeof(annotation)};

    api = api_case();
    span = api_case_start(LLMOBS_TASK, "once");
    ck_assert_int_eq(api->finish(span), 0);
    ck_assert_int_eq(api->finish(span), -EBADF);
    ck_assert_int_eq(api->annotate(span, &annotation), -EBADF);
    ck_assert_int_eq(api->error(span, "t", "m", NULL), -EBADF);
    ck_assert_int_eq(api->export_span(span, &ids), -EBADF);
    ck_assert_str_eq(ids.span_id, "");
    ck_assert_int_eq(api->enter(span), -EBADF);
    ck_assert_int_eq(api->leave(span), -EBADF);
    /* Another span has its place now. */
    for (int i = 0; i < 1000; i++) {
        other = api_case_start(LLMOBS_TASK, "other");
        ck_assert_ptr_ne(other, span);
        ck_assert_int_eq(api->finish(span), -EBADF);
        ck_assert_int_eq(api->finish(other), 0);
    }
    ck_assert_uint_eq(api_case_count(), 1001);
}

/* Each place is used again, also the one that it had. */
TEST(a_number_is_never_another_spans)
{
    struct llmobs_open_span *live = llmobs_open_span_new();
    uint64_t first = llmobs_span_table_add(live), other;

    ck_assert_uint_ne(first, 0);
    ck_assert_ptr_eq(llmobs_span_table_lock(first), live);
    ck_assert_ptr_eq(llmobs_span_table_remove(first), live);
    for (int i = 0; i < 2 * LLMOBS_SPAN_TABLE_MAX; i++) {
        other = llmobs_span_table_add(live);
        ck_assert(!llmobs_span_table_has(first));
        ck_assert_ptr_null(llmobs_span_table_lock(first));
        ck_assert_ptr_eq(llmobs_span_table_lock(other), live);
        ck_assert_ptr_eq(llmobs_span_table_remove(other), live);
    }
    llmobs_open_span_free(live);
}

TEST(no_span_is_no_span)
{
    static const uintptr_t wild[] = {2,
                                     3,
                                     0x10002,
                                     0xffff,
                                     UINTPTR_MAX,
                                     UINTPTR_MAX - 1,
                                     0x7fffffffffffffff};
    struct llmobs_annotation annotation = {.size = sizeof(annotation)};
    struct llmobs_exported ids;

    api = api_case();
    ck_assert_int_eq(api->finish(NULL), -EBADF);
    ck_assert_int_eq(api->annotate(NULL, &annotation), -ENOENT);
    ck_assert_int_eq(api->error(NULL, NULL, NULL, NULL), -ENOENT);
    ck_assert_int_eq(api->export_span(NULL, &ids), -ENOENT);
    ck_assert_int_eq(api->export_span(NULL, NULL), -EINVAL);
    ck_assert_int_eq(api->inject(NULL, NULL, NULL), -EINVAL);
    ck_assert_int_eq(api->finish(LLMOBS_NO_SPAN), LLMOBS_NOT_OBSERVING);
    ck_assert_int_eq(api->annotate(LLMOBS_NO_SPAN, &annotation),
                     LLMOBS_NOT_OBSERVING);
    for (size_t i = 0; i < sizeof(wild) / sizeof(*wild); i++) {
        llmobs_span_t span = (llmobs_span_t)wild[i];

        ck_assert_int_eq(api->finish(span), -EBADF);
        ck_assert_int_eq(api->annotate(span, &annotation), -EBADF);
        ck_assert_int_eq(api->enter(span), -EBADF);
    }
    ck_assert_uint_eq(api_case_count(), 0);
}

/* A program that was compiled with the first header gives shorter structs. */
TEST(structs_of_the_first_version_are_taken)
{
    struct llmobs_start_options options = options_of(LLMOBS_AGENT, "old");
    struct llmobs_annotation annotation = {
        .size = offsetof(struct llmobs_annotation, cost_tags),
        .output.text = "done",
        .agent_version = "not read"};
    struct llmobs_context_options context = {
        .size = offsetof(struct llmobs_context_options, cost_tags),
        .name = "named",
        .agent_version = "not read"};
    llmobs_span_t span;

    api = api_case();
    options.size = offsetof(struct llmobs_start_options, agent_service);
    options.agent_service = "not-read";
    options.ml_app = "mine";
    ck_assert_int_eq(api->start(&options, &span), 0);
    ck_assert_int_eq(api->annotate(span, &annotation), 0);
    ck_assert_int_eq(api->finish(span), 0);
    ck_assert_str_eq(api_case_at("old", "meta.output.value"), "\"done\"");
    ck_assert(api_case_has_tag("old", "ml_app:mine"));
    ck_assert(!api_case_has_tag("old", "agent_version:not read"));
    ck_assert_int_eq(api->context_begin(&context), 0);
    ck_assert_int_eq(api->context_end(), 0);
    options.size -= sizeof(void *);
    ck_assert_int_eq(api->start(&options, &span), -EINVAL);
}

TEST(the_newer_names_win)
{
    struct llmobs_start_options options = options_of(LLMOBS_AGENT, "new");
    llmobs_span_t span;

    api = api_case();
    options.ml_app = "older";
    options.agent_service = "newer";
    options.agent_version = "1.4";
    ck_assert_int_eq(api->start(&options, &span), 0);
    ck_assert_int_eq(api->finish(api_case_start(LLMOBS_TASK, "below")), 0);
    ck_assert_int_eq(api->finish(span), 0);
    ck_assert(api_case_has_tag("new", "ml_app:newer"));
    ck_assert(api_case_has_tag("new", "agent_service:newer"));
    ck_assert(api_case_has_tag("new", "agent_version:1.4"));
    ck_assert(!api_case_has_tag("below", "agent_version:1.4"));
    options = options_of(LLMOBS_WORKFLOW, "flow");
    options.agent_version = "1.4";
    ck_assert_int_eq(api->start(&options, &span), 0);
    ck_assert_int_eq(api->finish(span), 0);
    ck_assert(!api_case_has_tag("flow", "agent_version:1.4"));
}

TEST(wrong_structs_are_refused)
{
    struct {
        struct llmobs_start_options options;
        char later[16];
    } big = {.options = {.size = sizeof(big), .kind = LLMOBS_TASK}};
    struct llmobs_start_options options = options_of(LLMOBS_TASK, "x");
    llmobs_span_t span = NULL;

    api = api_case();
    ck_assert_int_eq(api->start(NULL, &span), -EINVAL);
    ck_assert_int_eq(api->start(&options, NULL), -EINVAL);
    options.size = 0;
    ck_assert_int_eq(api->start(&options, &span), -EINVAL);
    options.size = sizeof(options) - 1;
    ck_assert_int_eq(api->start(&options, &span), -EINVAL);
    options.size = SIZE_MAX;
    ck_assert_int_eq(api->start(&options, &span), -EINVAL);
    options = options_of((enum llmobs_span_kind)7, "x");
    ck_assert_int_eq(api->start(&options, &span), -EINVAL);
    options = options_of((enum llmobs_span_kind) - 1, "x");
    ck_assert_int_eq(api->start(&options, &span), -EINVAL);
    ck_assert_ptr_eq(span, LLMOBS_NO_SPAN);
    options = options_of(LLMOBS_TASK, "x");
    options.parent = (llmobs_span_t)(uintptr_t)0x770005;
    ck_assert_int_eq(api->start(&options, &span), -EBADF);
    ck_assert_int_eq(api->start(&big.options, &span), 0);
    ck_assert_int_eq(api->finish(span), 0);
    big.later[15] = 1;
    ck_assert_int_eq(api->start(&big.options, &span), -E2BIG);
    ck_assert_int_eq(api->annotate(NULL, NULL), -EINVAL);
    ck_assert_int_eq(api->evaluate(NULL), -EINVAL);
    ck_assert_int_eq(api->context_begin(NULL), -EINVAL);
    ck_assert_int_eq(api->activate(NULL, 3), -EINVAL);
    ck_assert_int_eq(api->flush(-1), -EINVAL);
    ck_assert_ptr_null(llmobs_c_api_table(0));
    ck_assert_ptr_null(llmobs_c_api_table(LLMOBS_API_VERSION + 1));
    ck_assert_uint_eq(api_case_count(), 1);
}

TEST(there_is_a_limit)
{
    struct llmobs_start_options options = options_of(LLMOBS_TASK, "x");
    llmobs_span_t *spans = calloc(LLMOBS_SPANS_MAX, sizeof(*spans)), none;
    size_t count = 0;

    api = api_case();
    for (; count < LLMOBS_DEPTH_MAX; count++)
        spans[count] = start(&options);
    ck_assert_int_eq(api->start(&options, &none), -EMFILE);
    options.detached = 1;
    for (; count < LLMOBS_SPANS_MAX; count++)
        spans[count] = start(&options);
    ck_assert_int_eq(api->start(&options, &none), -EMFILE);
    ck_assert_ptr_eq(none, LLMOBS_NO_SPAN);
    ck_assert_int_eq(api->finish(spans[77]), 0);
    spans[77] = start(&options);
    for (size_t i = 0; i < count; i++)
        llmobs_open_span_free(
            llmobs_span_table_lock((uint64_t)(uintptr_t)spans[i])
                ? llmobs_span_table_remove((uint64_t)(uintptr_t)spans[i])
                : NULL);
    ck_assert_ptr_eq(api->current(), LLMOBS_NO_SPAN);
    free(spans);
}

/* -- threads and processes ----------------------------------------------- */

static void *finish_elsewhere(void *arg)
{
    llmobs_span_t span = arg;

    ck_assert_ptr_eq(api->current(), LLMOBS_NO_SPAN);
    api->finish(api_case_start(LLMOBS_TASK, "alone"));
    ck_assert_int_eq(api->enter(span), 0);
    api->finish(api_case_start(LLMOBS_TASK, "below"));
    ck_assert_int_eq(api->leave(span), 0);
    ck_assert_int_eq(api->leave(span), -ENOENT);
    ck_assert_int_eq(api->enter(span), 0);
    ck_assert_int_eq(api->finish(span), 0);
    return NULL;
}

TEST(a_span_may_end_in_another_thread)
{
    pthread_t thread;
    llmobs_span_t outer, span;

    api = api_case();
    outer = api_case_start(LLMOBS_WORKFLOW, "outer");
    span = api_case_start(LLMOBS_TASK, "handed");
    pthread_create(&thread, NULL, finish_elsewhere, span);
    pthread_join(thread, NULL);
    ck_assert_ptr_eq(api->current(), outer);
    api->finish(api_case_start(LLMOBS_TASK, "after"));
    api->finish(outer);
    is_child("handed", "outer");
    is_child("below", "handed");
    is_child("after", "outer");
    ck_assert_str_eq(api_case_at("alone", "parent_id"), "\"undefined\"");
}

#define ROUNDS 300

static llmobs_span_t shared;

/* Starts its own, and uses one that others use and end. */
static void *hammer(void *arg)
{
    struct llmobs_pair tag = {"k", "v"};
    struct llmobs_annotation annotation = {
        .size = sizeof(annotation), .tags = &tag, .tag_count = 1};
    int *ended = arg;

    for (int i = 0; i < ROUNDS; i++) {
        llmobs_span_t span = api_case_start(LLMOBS_TASK, "own");
        llmobs_span_t common = __atomic_load_n(&shared, __ATOMIC_ACQUIRE);
        int rc = api->annotate(common, &annotation);

        ck_assert(rc == 0 || rc == -EBADF);
        if (i % 7 == 0 && api->finish(common) == 0) {
            (*ended)++;
            common = api_case_start(LLMOBS_TASK, "shared");
            ck_assert_int_eq(api->leave(common), 0);
            __atomic_store_n(&shared, common, __ATOMIC_RELEASE);
        }
        ck_assert_int_eq(api->annotate(span, &annotation), 0);
        ck_assert_int_eq(api->finish(span), 0);
    }
    return NULL;
}

TEST(threads_do_not_harm_each_other)
{
    pthread_t threads[4];
    int ended[4] = {0}, sum = 0;

    api = api_case();
    shared = api_case_start(LLMOBS_TASK, "shared");
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, hammer, &ended[i]);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        sum += ended[i];
    }
    ck_assert_uint_eq(api_case_count(), (size_t)(4 * ROUNDS + sum));
    ck_assert_int_gt(sum, 0);
    ck_assert_int_eq(api->finish(shared), 0);
}

#if !LLMOBS_TSAN
/* Its lock is held by a thread that the child has not. */
TEST(a_child_waits_for_nobody)
{
    struct llmobs_annotation annotation = {.size = sizeof(annotation)};
    llmobs_span_t span;
    int status;
    pid_t pid;

    api = api_case();
    span = api_case_start(LLMOBS_WORKFLOW, "held");
    ck_assert_ptr_nonnull(llmobs_span_table_lock((uint64_t)(uintptr_t)span));
    pid = fork();
    if (pid == 0) {
        bool fine = api->annotate(span, &annotation) == -EBADF &&
                    api->finish(api_case_start(LLMOBS_TASK, "x")) == 0 &&
                    api->finish(span) == -EBADF && api_case_count() == 1;

        _exit(fine ? 0 : 1);
    }
    llmobs_span_table_unlock((uint64_t)(uintptr_t)span);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(api->finish(span), 0);
}

TEST(a_child_continues_and_does_not_submit)
{
    struct llmobs_annotation annotation = {.size = sizeof(annotation)};
    llmobs_span_t span;
    int status;
    pid_t pid;

    api = api_case();
    span = api_case_start(LLMOBS_WORKFLOW, "parents");
    pid = fork();
    if (pid == 0) {
        struct llmobs_exported mine, childs;
        llmobs_span_t below;
        bool fine = api->current() == span &&
                    api->export_span(span, &mine) == 0 &&
                    api->annotate(span, &annotation) == -ECHILD;

        below = api_case_start(LLMOBS_TASK, "below");
        fine = fine && api->export_span(below, &childs) == 0 &&
               strcmp(mine.trace_id, childs.trace_id) == 0 &&
               api->finish(below) == 0 && api->finish(span) == 0 &&
               api->finish(span) == -EBADF &&
               api->current() == LLMOBS_NO_SPAN && api_case_count() == 1;
        _exit(fine ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(api->annotate(span, &annotation), 0);
    ck_assert_int_eq(api->finish(span), 0);
    ck_assert_uint_eq(api_case_count(), 1);
}
#endif

/* -- off and on ---------------------------------------------------------- */

TEST(nothing_is_made_while_it_is_off)
{
    struct llmobs_start_options options = options_of(LLMOBS_TASK, "x");
    struct llmobs_enable_options enable = {.size = sizeof(enable)};
    llmobs_span_t span, before;

    api = api_case();
    before = api_case_start(LLMOBS_TASK, "before");
    ck_assert_int_eq(api->enabled(), 1);
    ck_assert_int_eq(api->disable(), 0);
    ck_assert_int_eq(api->disable(), LLMOBS_NOT_OBSERVING);
    ck_assert_int_eq(api->enabled(), 0);
    ck_assert_int_eq(api->start(&options, &span), LLMOBS_NOT_OBSERVING);
    ck_assert_ptr_eq(span, LLMOBS_NO_SPAN);
    ck_assert_ptr_eq(api->current(), LLMOBS_NO_SPAN);
    ck_assert_int_eq(api->finish(before), LLMOBS_NOT_OBSERVING);
    ck_assert_int_eq(api->evaluate(NULL), LLMOBS_NOT_OBSERVING);
    enable.env = "dev";
    ck_assert_int_eq(api->enable(&enable), -EALREADY);
    enable.env = NULL;
    ck_assert_int_eq(api->enable(&enable), 0);
    enable.size--;
    ck_assert_int_eq(api->enable(&enable), -EINVAL);
    ck_assert_int_eq(api->finish(start(&options)), 0);
    ck_assert_uint_eq(api_case_count(), 1);
}

TEST(an_enable_comes_before_the_environment)
{
    static const char *const env[] = {"DD_ENV=prod", "HOME=/h", NULL};
    struct llmobs_enable_options enable = {.size = sizeof(enable),
                                           .ml_app = "a",
                                           .env = "dev",
                                           .agentless = -1,
                                           .sample_rate = "0.5"};
    const char **list = llmobs_c_api_environment(env, &enable);
    static const char *const want[] = {"DD_LLMOBS_ENABLED=1",
                                       "DD_LLMOBS_ML_APP=a",
                                       "DD_ENV=dev",
                                       "DD_LLMOBS_AGENTLESS_ENABLED=0",
                                       "DD_LLMOBS_SAMPLE_RATE=0.5",
                                       "DD_ENV=prod",
                                       "HOME=/h"};

    for (size_t i = 0; i < 7; i++)
        ck_assert_str_eq(list[i], want[i]);
    ck_assert_ptr_null(list[7]);
    free(list);
    enable.size = 3;
    ck_assert_ptr_null(llmobs_c_api_environment(env, &enable));
}

/* -- other processes ----------------------------------------------------- */

static int collect(void *context, const char *name, const char *value)
{
    struct llmobs_pair *headers = context;
    size_t i = 0;

    while (headers[i].key)
        i++;
    ck_assert_uint_lt(i, 15);
    headers[i].key = strdup(name);
    headers[i].value = strdup(value);
    return 0;
}

static int refuse(void *context, const char *name, const char *value)
{
    (void)name;
    (void)value;
    ++*(int *)context;
    return 42;
}

TEST(a_caller_is_carried_over)
{
    struct llmobs_pair headers[16] = {{NULL, NULL}};
    struct llmobs_start_options options = options_of(LLMOBS_AGENT, "client");
    llmobs_span_t span;
    size_t count = 0;
    int calls = 0;

    api = api_case();
    options.ml_app = "client-app";
    options.session_id = "s";
    span = start(&options);
    ck_assert_int_eq(api->inject(span, refuse, &calls), 42);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(api->inject(NULL, collect, headers), 0);
    ck_assert_int_eq(api->finish(span), 0);
    ck_assert_int_eq(api->inject(NULL, collect, headers), -ENOENT);
    while (headers[count].key)
        count++;
    ck_assert_int_eq(api->activate(headers, count), 0);
    for (int i = 0; i < 2; i++)
        api->finish(api_case_start(LLMOBS_WORKFLOW, i ? "one" : "two"));
    ck_assert_int_eq(api->activate(NULL, 0), -ENOENT);
    api->finish(api_case_start(LLMOBS_WORKFLOW, "later"));
    is_child("one", "client");
    is_child("two", "client");
    ck_assert(api_case_has_tag("one", "ml_app:client-app"));
    ck_assert_str_eq(api_case_at("one", "session_id"), "\"s\"");
    ck_assert_str_eq(api_case_at("one", "meta.agent_attribution.pagent_name"),
                     "\"client\"");
    ck_assert_str_eq(api_case_at("later", "parent_id"), "\"undefined\"");
    ck_assert(api_case_has_tag("later", "ml_app:local-app"));
    for (size_t i = 0; i < count; i++) {
        free((char *)(uintptr_t)headers[i].key);
        free((char *)(uintptr_t)headers[i].value);
    }
}

TEST(hostile_headers_carry_nobody)
{
    char *longest = unit_own(calloc(1, 100001));
    const struct llmobs_pair headers[] = {
        {NULL, NULL},
        {"traceparent", NULL},
        {NULL, "x"},
        {"TraceParent", "00-" TRACE "-0000000000000000-01"},
        {"traceparent", "00-" TRACE "-00000000000000aa-01"},
        {"x-datadog-tags", longest},
        {"", ""}};

    memset(longest, 'x', 100000);
    api = api_case();
    ck_assert_int_eq(api->activate(headers, 7), -ENOENT);
    ck_assert_int_eq(api->activate(headers + 4, 3), 0);
    api->finish(api_case_start(LLMOBS_TASK, "x"));
    ck_assert_str_eq(api_case_at("x", "_dd.trace_id"), "\"" TRACE "\"");
    ck_assert_int_eq(api->activate(headers, 1), -ENOENT);
}

/* Programs that were built before fill these, and arrays of these, by the form
 * that they had then: no size in them says which. */
TEST(structs_without_a_size_keep_their_form)
{
    ck_assert_uint_eq(LLMOBS_API_VERSION, 1);
    ck_assert_uint_eq(sizeof(struct llmobs_exported), 24 + 40);
    ck_assert_uint_eq(sizeof(struct llmobs_pair), 2 * sizeof(char *));
    ck_assert_uint_eq(sizeof(struct llmobs_number), 2 * sizeof(char *));
    ck_assert_uint_eq(sizeof(struct llmobs_message), 6 * sizeof(char *));
    ck_assert_uint_eq(sizeof(struct llmobs_document), 5 * sizeof(char *));
    ck_assert_uint_eq(sizeof(struct llmobs_link), 3 * sizeof(char *));
    ck_assert_uint_eq(sizeof(struct llmobs_side), 6 * sizeof(char *));
}
