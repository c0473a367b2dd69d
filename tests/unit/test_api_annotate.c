/* The C API: what is said of a span, by kind. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/stats.h"
#include "core/sdk/own_span.h"
#include "tests/unit/api_case.h"

static const struct llmobs_api *api;

static struct llmobs_annotation nothing(void)
{
    return (struct llmobs_annotation){.size = sizeof(struct llmobs_annotation)};
}

/* -- forms --------------------------------------------------------------- */

#define DOCUMENTS "[{\"text\": \"a\"}, {\"text\": \"b\"}]"

static const struct {
    enum llmobs_span_kind kind;
    const char *json;   /* given, as input and output */
    const char *input;  /* meta.input; NULL: refused */
    const char *output; /* meta.output, likewise */
} forms[] = {
    {LLMOBS_LLM, "\"hi\"",
     "{\"messages\": [{\"content\": \"hi\", \"role\": \"\"}]}",
     "{\"messages\": [{\"content\": \"hi\", \"role\": \"\"}]}"},
    {LLMOBS_LLM, "{\"role\":\"user\",\"content\":\"hi\",\"other\":1}",
     "{\"messages\": [{\"content\": \"hi\", \"role\": \"user\"}]}",
     "{\"messages\": [{\"content\": \"hi\", \"role\": \"user\"}]}"},
    {LLMOBS_LLM, "[\"a\",{\"role\":\"tool\"}]",
     "{\"messages\": [{\"content\": \"a\", \"role\": \"\"}, "
     "{\"content\": \"\", \"role\": \"tool\"}]}",
     "{\"messages\": [{\"content\": \"a\", \"role\": \"\"}, "
     "{\"content\": \"\", \"role\": \"tool\"}]}"},
    {LLMOBS_LLM,
     "{\"tool_calls\":[{\"name\":\"f\",\"arguments\":\"no\"},{\"name\":\"g\"}],"
     "\"tool_results\":{\"result\":{\"n\":1},\"tool_id\":\"7\"}}",
     "{\"messages\": [{\"content\": \"\", \"role\": \"\", \"tool_calls\": "
     "[{\"arguments\": {\"value\": \"no\"}, \"name\": \"f\", \"tool_id\": \"\""
     ", \"type\": \"function\"}, {\"arguments\": {}, \"name\": \"g\", "
     "\"tool_id\": \"\", \"type\": \"function\"}], \"tool_results\": "
     "[{\"result\": \"{\\\"n\\\": 1}\", \"tool_id\": \"7\", \"type\": "
     "\"tool_result\"}]}]}",
     NULL},
    {LLMOBS_LLM, "5", NULL, NULL},
    {LLMOBS_LLM, "[[]]", NULL, NULL},
    {LLMOBS_LLM, "{\"text\":\"x\"}", NULL, NULL},
    {LLMOBS_LLM, "{\"content\":7}", NULL, NULL},
    {LLMOBS_LLM, "{\"content\":\"x\",\"role\":[]}", NULL, NULL},
    {LLMOBS_LLM, "{\"content\":\"x\",\"tool_calls\":\"f\"}", NULL, NULL},
    {LLMOBS_LLM, "{\"tool_calls\":[{\"arguments\":{}}]}", NULL, NULL},
    {LLMOBS_EMBEDDING, "[\"a\",{\"text\":\"b\"}]",
     "{\"documents\": " DOCUMENTS "}",
     "{\"value\": \"[\\\"a\\\", {\\\"text\\\": \\\"b\\\"}]\"}"},
    {LLMOBS_EMBEDDING, "{\"text\":\"a\",\"score\":0.5,\"id\":\"i\"}",
     "{\"documents\": [{\"id\": \"i\", \"score\": 0.5, \"text\": \"a\"}]}",
     NULL},
    {LLMOBS_EMBEDDING, "{\"name\":\"a\"}", NULL,
     "{\"value\": \"{\\\"name\\\": \\\"a\\\"}\"}"},
    {LLMOBS_EMBEDDING, "{\"text\":\"a\",\"score\":\"high\"}", NULL, NULL},
    {LLMOBS_RETRIEVAL, "[\"a\",{\"text\":\"b\"}]",
     "{\"value\": \"[\\\"a\\\", {\\\"text\\\": \\\"b\\\"}]\"}",
     "{\"documents\": " DOCUMENTS "}"},
    {LLMOBS_RETRIEVAL, "7", "{\"value\": \"7\"}", NULL},
    {LLMOBS_TASK, "\"text\"", "{\"value\": \"text\"}", "{\"value\": \"text\"}"},
    {LLMOBS_TOOL, "{\"b\":1,\"a\":[true]}",
     "{\"value\": \"{\\\"a\\\": [true], \\\"b\\\": 1}\"}",
     "{\"value\": \"{\\\"a\\\": [true], \\\"b\\\": 1}\"}"},
    {LLMOBS_AGENT, "not json", NULL, NULL},
    {LLMOBS_AGENT, "", NULL, NULL},
};

TEST(each_kind_has_its_forms)
{
    api = api_case();
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        struct llmobs_annotation in = nothing(), out = nothing();
        llmobs_span_t span = api_case_start(forms[i].kind, "x");

        in.input.json = forms[i].json;
        out.output.json = forms[i].json;
        ck_assert_msg(api->annotate(span, &in) ==
                          (forms[i].input ? 0 : -EINVAL),
                      "input of row %zu", i);
        if (forms[i].output)
            ck_assert_msg(api->annotate(span, &out) == 0, "output of row %zu",
                          i);
        api->finish(span);
        ck_assert_str_eq(api_case_at("x", "meta.input"),
                         forms[i].input ? forms[i].input : "");
        ck_assert_str_eq(api_case_at("x", "meta.output"),
                         forms[i].output ? forms[i].output : "");
    }
}

/* -- agents and costs ----------------------------------------------------- */

TEST(an_agent_is_described)
{
    struct llmobs_annotation annotation = nothing();
    llmobs_span_t span;

    api = api_case();
    span = api_case_start(LLMOBS_AGENT, "agent");
    annotation.agent_version = "2";
    annotation.agent_manifest_json =
        "{\"name\": \"a\", \"instructions\": \"\", \"handoffs\": [\"b\"], "
        "\"model\": 7, \"model_settings\": {\"temperature\": 0, "
        "\"extra_headers\": "
        "{\"Authorization\": \"Bearer k\"}, \"logit_bias\": {\"1\": 2}, "
        "\"tool_choice\": {\"a\": \"b\"}, \"stop_sequences\": []}, \"tools\": "
        "[1, "
        "{\"name\": \"t\", \"parameters\": {\"p\": {\"type\": \"int\", "
        "\"required\": true, \"default\": 3}, \"q\": 1}}, {\"name\": \"\"}]}";
    annotation.metadata_json = "{\"_dd\": {\"mine\": 1}, \"k\": 1}";
    ck_assert_int_eq(api->annotate(span, &annotation), 0);
    api->finish(span);
    ck_assert(api_case_has_tag("agent", "agent_version:2"));
    ck_assert_str_eq(
        api_case_at("agent", "meta.metadata"),
        "{\"_dd\": {\"agent_manifest\": {\"framework\": \"manual\", "
        "\"handoffs\": [\"b\"], \"model_settings\": "
        "{\"logit_bias\": {\"1\": 2}, \"temperature\": 0}, \"name\": \"a\", "
        "\"tools\": [{\"name\": \"t\", \"parameters\": {\"p\": {\"required\": "
        "true, \"type\": \"int\"}, \"q\": {}}}]}}, "
        "\"k\": 1}");
    span = api_case_start(LLMOBS_TASK, "task");
    ck_assert_int_eq(api->annotate(span, &annotation), -EINVAL);
    annotation = nothing();
    annotation.agent_manifest_json = "[1]";
    api->finish(span);
    span = api_case_start(LLMOBS_AGENT, "agent");
    ck_assert_int_eq(api->annotate(span, &annotation), -EINVAL);
    api->finish(span);
}

/* Each member of Datadog's AgentManifest: given, and as the event has it. */
TEST(an_agent_is_described_in_full)
{
#define SAME(key, json)                 \
    {                                   \
        "\"" key "\": " json, key, json \
    }
#define GONE(key, json)               \
    {                                 \
        "\"" key "\": " json, key, "" \
    }
    static const char *const rows[][3] = {
        SAME("framework", "\"own\""),
        SAME("handoff_description", "\"takes refunds\""),
        SAME("system_prompts", "[\"one\", \"two\"]"),
        SAME("extra_instructions", "[{\"name\": \"f\", \"type\": \"d\"}]"),
        SAME("agent_settings", "{\"end\": \"early\", \"retries\": 0}"),
        {"\"agent_settings\": {\"a\": null, \"b\": false, \"c\": {}}",
         "agent_settings", "{\"b\": false}"},
        {"\"capabilities\": [{\"name\": \"fs\", \"headers\": {\"k\": \"v\"}}]",
         "capabilities", "[{\"name\": \"fs\"}]"},
        GONE("capabilities", "[{\"url\": \"http://h\"}]"),
        SAME("data_contracts", "{\"output\": {\"name\": \"Fruit\"}}"),
        SAME("guardrails", "[\"no_pii\"]"),
        SAME("handoffs", "[{\"agent_name\": \"b\"}, \"c\"]"),
        GONE("handoffs", "[\"a\", null]"),
        SAME("memory_policies", "[\"trim\", \"trim\"]"),
        SAME("metadata", "{\"team\": {\"size\": 0}}"),
        GONE("metadata", "{\"a\": {\"b\": [], \"c\": null}}"),
    };

    api = api_case();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llmobs_annotation annotation = nothing();
        char name[8], text[300];
        llmobs_span_t span;

        snprintf(name, sizeof(name), "%zu", i);
        span = api_case_start(LLMOBS_AGENT, name);
        snprintf(text, sizeof(text), "{%s, \"model\": \"m\"}", rows[i][0]);
        annotation.agent_manifest_json = text;
        ck_assert_int_eq(api->annotate(span, &annotation), 0);
        api->finish(span);
        snprintf(text, sizeof(text), "meta.metadata._dd.agent_manifest.%s",
                 rows[i][1]);
        ck_assert_str_eq(api_case_at(name, text), rows[i][2]);
    }
}

TEST(cost_tags_are_keys_of_tags)
{
    const struct llmobs_pair tags[] = {{"team", "x"}, {"tier", "1"}};
    const char *const keys[] = {"team", "none", "team", "service"};
    const char *const wrong[] = {"team", NULL};
    struct llmobs_annotation annotation = nothing();
    struct llmobs_context_options context = {.size = sizeof(context),
                                             .tags = &tags[1],
                                             .tag_count = 1,
                                             .agent_version = "3"};
    const char *const tier[] = {"tier"};
    llmobs_span_t span;

    api = api_case();
    context.cost_tags = tier;
    context.cost_tag_count = 1;
    ck_assert_int_eq(api->context_begin(&context), 0);
    span = api_case_start(LLMOBS_LLM, "llm");
    api->finish(api_case_start(LLMOBS_AGENT, "versioned"));
    ck_assert_int_eq(api->context_end(), 0);
    annotation.tags = tags;
    annotation.tag_count = 1;
    annotation.cost_tags = keys;
    annotation.cost_tag_count = 4;
    ck_assert_int_eq(api->annotate(span, &annotation), 0);
    annotation.cost_tags = wrong;
    annotation.cost_tag_count = 2;
    ck_assert_int_eq(api->annotate(span, &annotation), -EINVAL);
    annotation.cost_tags = NULL;
    ck_assert_int_eq(api->annotate(span, &annotation), -EINVAL);
    api->finish(span);
    ck_assert_str_eq(api_case_at("llm", "meta.metadata._dd"),
                     "{\"cost_tags\": [\"tier\", \"team\", \"service\"]}");
    ck_assert(api_case_has_tag("versioned", "agent_version:3"));
}

TEST(links_join)
{
    struct llmobs_exported to = {"77", "6affe73a00000000c3d1e2f3a4b5c6d7"};
    struct llmobs_link links[] = {{&to, "output", "input"}, {&to, NULL, NULL}};
    struct llmobs_annotation annotation = nothing();
    llmobs_span_t span;

    api = api_case();
    span = api_case_start(LLMOBS_TOOL, "linked");
    annotation.links = links;
    annotation.link_count = 1;
    ck_assert_int_eq(api->annotate(span, &annotation), 0);
    annotation.links = links + 1;
    ck_assert_int_eq(api->annotate(span, &annotation), 0);
    to.span_id[0] = 'x';
    ck_assert_int_eq(api->annotate(span, &annotation), -EINVAL);
    to.span_id[0] = '7';
    to.trace_id[3] = '\0';
    ck_assert_int_eq(api->annotate(span, &annotation), -EINVAL);
    links[1].span = NULL;
    ck_assert_int_eq(api->annotate(span, &annotation), -EINVAL);
    annotation.links = NULL;
    ck_assert_int_eq(api->annotate(span, &annotation), -EINVAL);
    api->finish(span);
    ck_assert_str_eq(
        api_case_at("linked", "span_links"),
        "[{\"attributes\": {\"from\": \"output\", \"to\": \"input\"}, "
        "\"span_id\": \"77\", \"trace_id\": "
        "\"6affe73a00000000c3d1e2f3a4b5c6d7\"}, {\"attributes\": {}, "
        "\"span_id\": \"77\", \"trace_id\": "
        "\"6affe73a00000000c3d1e2f3a4b5c6d7\"}]");
}

/* -- the program's own processor --------------------------------------------
 */

static int seen;
static char was[3][200];

static void note(struct llmobs_finished *span)
{
    for (int part = LLMOBS_INPUT; part <= LLMOBS_METADATA; part++) {
        const char *text = api->finished_get(span, (enum llmobs_part)part);

        snprintf(was[part], sizeof(was[part]), "%s", text ? text : "none");
    }
    seen++;
}

static int process(void *context, struct llmobs_finished *span)
{
    const char *omit = api->finished_tag(span, "omit");
    const char *kind = api->finished_tag(span, "span.kind");

    ck_assert_ptr_eq(context, &seen);
    note(span);
    ck_assert_ptr_null(api->finished_tag(span, "none"));
    if (omit && strcmp(omit, "1") == 0)
        return LLMOBS_DROP;
    if (omit) { /* what it does before it fails counts for nothing */
        ck_assert_int_eq(api->finished_set(span, LLMOBS_OUTPUT, NULL), 0);
        return -EIO;
    }
    ck_assert_int_eq(api->finished_set(span, LLMOBS_INPUT, "{"), -EINVAL);
    ck_assert_int_eq(api->finished_set(span, LLMOBS_METADATA, "[]"), -EINVAL);
    ck_assert_int_eq(api->finished_set(span, (enum llmobs_part)3, "1"),
                     -EINVAL);
    if (strcmp(kind, "llm") == 0)
        ck_assert_int_eq(api->finished_set(span, LLMOBS_INPUT, "5"), -EINVAL);
    ck_assert_int_eq(api->finished_set(span, LLMOBS_INPUT, "\"gone\""), 0);
    ck_assert_int_eq(api->finished_set(span, LLMOBS_OUTPUT, NULL), 0);
    ck_assert_ptr_null(api->finished_get(span, LLMOBS_OUTPUT));
    return api->finished_set(span, LLMOBS_METADATA, "{\"k\": 2}");
}

static void make(enum llmobs_span_kind kind, const char *name, const char *omit)
{
    const struct llmobs_pair tag = {"omit", omit};
    struct llmobs_annotation annotation = nothing();
    llmobs_span_t span = api_case_start(kind, name);

    annotation.input.text = "secret";
    annotation.output.text = "also";
    annotation.metadata_json = "{\"k\": 1}";
    annotation.tags = &tag;
    annotation.tag_count = omit ? 1 : 0;
    ck_assert_int_eq(api->annotate(span, &annotation), 0);
    ck_assert_int_eq(api->finish(span), 0);
}

TEST(a_processor_changes_spans)
{
    size_t before;

    api = api_case();
    ck_assert_int_eq(api->set_processor(process, &seen), 0);
    make(LLMOBS_LLM, "changed", NULL);
    ck_assert_str_eq(was[LLMOBS_INPUT], "[{\"content\": \"secret\"}]");
    ck_assert_str_eq(was[LLMOBS_METADATA], "{\"k\": 1}");
    ck_assert_str_eq(
        api_case_at("changed", "meta.input"),
        "{\"messages\": [{\"content\": \"gone\", \"role\": \"\"}]}");
    ck_assert_str_eq(api_case_at("changed", "meta.output"), "");
    ck_assert_str_eq(api_case_at("changed", "meta.metadata"), "{\"k\": 2}");
    make(LLMOBS_TASK, "task", NULL);
    ck_assert_str_eq(was[LLMOBS_OUTPUT], "\"also\"");
    ck_assert_str_eq(api_case_at("task", "meta.input"),
                     "{\"value\": \"gone\"}");
    make(LLMOBS_TASK, "failed", "0");
    ck_assert_str_eq(api_case_at("failed", "meta.output"),
                     "{\"value\": \"also\"}");
    before = api_case_count();
    make(LLMOBS_TASK, "dropped", "1");
    ck_assert_uint_eq(api_case_count(), before);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_dropped_program), 1);
    ck_assert_int_eq(seen, 4);
    ck_assert_int_eq(api->set_processor(NULL, NULL), 0);
    make(LLMOBS_TASK, "untouched", "1");
    ck_assert_int_eq(seen, 4);
    ck_assert_str_eq(api_case_at("untouched", "meta.input"),
                     "{\"value\": \"secret\"}");
}

TEST(structs_say_the_same)
{
    const struct llmobs_tool_call call = {"f", "{\"a\": 1}", "id1", NULL};
    const struct llmobs_tool_result result = {NULL, "42", "id1", "x"};
    const struct llmobs_message messages[] = {
        {.role = "user", .content = "hi"},
        {.role = "assistant", .tool_calls = &call, .tool_call_count = 1},
        {.role = "tool", .tool_results = &result, .tool_result_count = 1}};
    const struct llmobs_document documents[] = {
        {.text = "a", .name = "n", .id = "i", .score = 1, .has_score = 1},
        {.text = "b\xff"}};
    struct llmobs_annotation annotation = nothing();
    llmobs_span_t span;

    api = api_case();
    span = api_case_start(LLMOBS_LLM, "llm");
    annotation.input.messages = messages;
    annotation.input.message_count = 3;
    annotation.output.text = "ho";
    ck_assert_int_eq(api->annotate(span, &annotation), 0);
    api->finish(span);
    ck_assert_str_eq(
        api_case_at("llm", "meta.input.messages"),
        "[{\"content\": \"hi\", \"role\": \"user\"}, {\"content\": \"\", "
        "\"role\": \"assistant\", \"tool_calls\": [{\"arguments\": {\"a\": 1}, "
        "\"name\": \"f\", \"tool_id\": \"id1\", \"type\": \"function\"}]}, "
        "{\"content\": \"\", \"role\": \"tool\", \"tool_results\": "
        "[{\"result\": \"42\", \"tool_id\": \"id1\", \"type\": \"x\"}]}]");
    span = api_case_start(LLMOBS_RETRIEVAL, "search");
    annotation = nothing();
    annotation.input.text = "q";
    annotation.output.documents = documents;
    annotation.output.document_count = 2;
    ck_assert_int_eq(api->annotate(span, &annotation), 0);
    api->finish(span);
    ck_assert_str_eq(api_case_at("search", "meta.input.value"), "\"q\"");
    ck_assert_str_eq(api_case_at("search", "meta.output.documents"),
                     "[{\"id\": \"i\", \"name\": \"n\", \"score\": 1, "
                     "\"text\": \"a\"}, {\"text\": \"b\xef\xbf\xbd\"}]");
}

/* -- joining and replacing ----------------------------------------------- */

TEST(later_words_join_or_replace)
{
    struct llmobs_annotation annotation = nothing();
    struct llmobs_number metrics[] = {{"input_tokens", 3}, {"a.b", 0.5}};
    struct llmobs_pair tags[] = {{"k", "1,2"}, {"l", NULL}};
    llmobs_span_t span;

    api = api_case();
    span = api_case_start(LLMOBS_LLM, "x");
    annotation.input.text = "one";
    annotation.metrics = metrics;
    annotation.metric_count = 2;
    annotation.tags = tags;
    annotation.tag_count = 2;
    annotation.metadata_json = "{\"t\":1,\"u\":{\"v\":[]}}";
    ck_assert_int_eq(api->annotate(span, &annotation), 0);
    annotation = nothing();
    annotation.input.text = "two";
    metrics[0].value = 4;
    annotation.metrics = metrics;
    annotation.metric_count = 1;
    annotation.tags = tags;
    annotation.tag_count = 1;
    tags[0].value = "3";
    annotation.metadata_json = "{\"t\":null}";
    ck_assert_int_eq(api->annotate(span, &annotation), 0);
    api->finish(span);
    ck_assert_str_eq(api_case_at("x", "meta.input.messages"),
                     "[{\"content\": \"two\", \"role\": \"\"}]");
    ck_assert_str_eq(api_case_at("x", "metrics"),
                     "{\"a_b\": 0.5, \"input_tokens\": 4}");
    ck_assert_str_eq(api_case_at("x", "meta.metadata"),
                     "{\"t\": null, \"u\": {\"v\": []}}");
    ck_assert(api_case_has_tag("x", "k:3"));
    ck_assert(api_case_has_tag("x", "l:"));
    ck_assert(!api_case_has_tag("x", "k:1_2"));
}

TEST(what_is_wrong_changes_nothing)
{
    struct llmobs_number nan_metric = {"x", NAN}, empty = {"", 1};
    struct llmobs_pair bad_tag = {"a:b", "x"}, no_key = {NULL, "x"};
    struct llmobs_message message = {.content = "x", .tool_call_count = 3};
    struct llmobs_document document = {.score = INFINITY, .has_score = 1};
    struct llmobs_annotation wrong[14];
    llmobs_span_t span;
    size_t n = 0;

    for (size_t i = 0; i < 14; i++) {
        wrong[i] = nothing();
        wrong[i].output.text = "must not be seen";
        wrong[i].metadata_json = "{\"must\": \"not\"}";
    }
    wrong[n++].metadata_json = "[1]";
    wrong[n++].metadata_json = "{";
    wrong[n].metrics = &nan_metric;
    wrong[n++].metric_count = 1;
    wrong[n].metrics = &empty;
    wrong[n++].metric_count = 1;
    wrong[n++].metric_count = 1;
    wrong[n].tags = &bad_tag;
    wrong[n++].tag_count = 1;
    wrong[n].tags = &no_key;
    wrong[n++].tag_count = 1;
    wrong[n++].tag_count = SIZE_MAX;
    wrong[n++].tool_definitions_json = "{}";
    wrong[n++].tool_definitions_json = "[{\"description\": \"no name\"}]";
    wrong[n++].prompt_json = "[]";
    wrong[n].input.text = "a";
    wrong[n++].input.json = "\"b\"";
    wrong[n].input.messages = &message;
    wrong[n++].input.message_count = 1;
    wrong[n].input.documents = &document;
    wrong[n++].input.document_count = 1;
    ck_assert_uint_eq(n, 14);
    api = api_case();
    span = api_case_start(LLMOBS_LLM, "x");
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(api->annotate(span, &wrong[i]) == -EINVAL, "row %zu", i);
    api->finish(span);
    ck_assert_str_eq(api_case_at("x", "meta.output"), "");
    ck_assert_str_eq(api_case_at("x", "meta.metadata"), "{}");
    ck_assert_str_eq(api_case_at("x", "metrics"), "{}");
}

/* -- prompts and tools --------------------------------------------------- */

static const struct {
    const char *given;
    const char *want; /* NULL: refused */
} prompts[] = {
    {"{\"id\":\"p\",\"version\":\"2\",\"template\":\"Hi {{n}}\","
     "\"variables\":{\"n\":\"x\"},\"tags\":{\"t\":\"1\"},\"unknown\":1}",
     "{\"_dd_context_variable_keys\": [\"context\"], "
     "\"_dd_query_variable_keys\": [\"question\"], \"id\": \"p\", "
     "\"ml_app\": \"local-app\", \"tags\": {\"t\": \"1\"}, \"template\": "
     "\"Hi {{n}}\", \"variables\": {\"n\": \"x\"}, \"version\": \"2\"}"},
    {"{\"chat_template\":[{\"role\":\"user\",\"content\":\"c\"}],"
     "\"rag_context_variables\":[\"a\"],\"rag_query_variables\":[]}",
     "{\"_dd_context_variable_keys\": [\"a\"], \"_dd_query_variable_keys\": "
     "[], \"chat_template\": [{\"content\": \"c\", \"role\": \"user\"}], "
     "\"id\": \"local-app_unnamed-prompt\", \"ml_app\": \"local-app\"}"},
    {"{\"name\":\"n\",\"chat_template\":[{\"type\":\"placeholder\",\"name\":"
     "\"history\",\"x\":1}],\"prompt_uuid\":\"u\",\"prompt_version_uuid\":"
     "\"v\"}",
     "{\"_dd_context_variable_keys\": [\"context\"], "
     "\"_dd_query_variable_keys\": [\"question\"], \"chat_template\": "
     "[{\"name\": \"history\", \"type\": \"placeholder\"}], \"id\": \"n\", "
     "\"ml_app\": \"local-app\", \"prompt_uuid\": \"u\", "
     "\"prompt_version_uuid\": \"v\"}"},
    {"{\"chat_template\":[{\"type\":\"placeholder\"}]}", NULL},
    {"{\"prompt_uuid\":1}", NULL},
    {"{\"id\":7}", NULL},
    {"{\"template\":[]}", NULL},
    {"{\"template\":\"a\",\"chat_template\":[]}", NULL},
    {"{\"variables\":[\"a\"]}", NULL},
    {"{\"rag_context_variables\":[1]}", NULL},
    {"{\"rag_query_variables\":\"a\"}", NULL},
};

TEST(a_prompt_is_checked)
{
    api = api_case();
    for (size_t i = 0; i < sizeof(prompts) / sizeof(*prompts); i++) {
        llmobs_span_t span = api_case_start(LLMOBS_LLM, "x");
        struct llmobs_annotation annotation = nothing();
        const char *want = prompts[i].want;

        annotation.prompt_json = prompts[i].given;
        ck_assert_msg(api->annotate(span, &annotation) == (want ? 0 : -EINVAL),
                      "row %zu", i);
        api->finish(span);
        ck_assert_str_eq(api_case_at("x", "meta.input.prompt"),
                         want ? want : "");
        ck_assert(
            api_case_has_tag(
                "x", "prompt_tracking_instrumentation_method:annotated") ==
            (want != NULL));
    }
}

TEST(tools_and_prompts_are_of_models)
{
    struct llmobs_annotation annotation = nothing();
    llmobs_span_t span;

    api = api_case();
    span = api_case_start(LLMOBS_LLM, "llm");
    annotation.tool_definitions_json =
        "[{\"name\":\"f\",\"version\":\"1\"},{\"name\":\"g\",\"description\":"
        "\"d\",\"schema\":{\"type\":\"object\"}}]";
    ck_assert_int_eq(api->annotate(span, &annotation), 0);
    api->finish(api_case_start(LLMOBS_TOOL, "f"));
    api->finish(api_case_start(LLMOBS_TOOL, "g"));
    api->finish(span);
    ck_assert_str_eq(api_case_at("f", "meta.tool"), "{\"version\": \"1\"}");
    ck_assert_str_eq(api_case_at("g", "meta.tool"), "");
    ck_assert_str_eq(api_case_at("llm", "meta.tool_definitions"),
                     "[{\"description\": \"\", \"name\": \"f\", \"schema\": {},"
                     " \"version\": \"1\"}, {\"description\": \"d\", \"name\": "
                     "\"g\", \"schema\": {\"type\": \"object\"}}]");
    span = api_case_start(LLMOBS_TASK, "task");
    ck_assert_int_eq(api->annotate(span, &annotation), -EINVAL);
    annotation = nothing();
    annotation.prompt_json = "{}";
    ck_assert_int_eq(api->annotate(span, &annotation), -EINVAL);
    api->finish(span);
}

TEST(the_first_error_stays)
{
    llmobs_span_t span;

    api = api_case();
    span = api_case_start(LLMOBS_TOOL, "x");
    ck_assert_int_eq(api->error(NULL, "ENOENT", "no file", "at f()"), 0);
    ck_assert_int_eq(api->error(span, "later", NULL, "x"), 0);
    api->finish(span);
    ck_assert_str_eq(
        api_case_at("x", "meta.error"),
        "{\"message\": \"no file\", \"stack\": \"at f()\", \"type\": "
        "\"ENOENT\"}");
    ck_assert_str_eq(api_case_at("x", "status"), "\"error\"");
    ck_assert(api_case_has_tag("x", "error_type:ENOENT"));
    api->finish(api_case_start(LLMOBS_TOOL, "y"));
    ck_assert_str_eq(api_case_at("y", "meta.error"), "");
}

/* The last line of a trace repeats the message. */
TEST(keys_in_errors_are_masked)
{
    static const char message[] =
        "Incorrect API key provided: sk-proj-0123456789abcdef";
    static const char stack[] = "main.c:7\nError: Incorrect API key provided: "
                                "sk-proj-0123456789abcdef\n";
    const char *error;

    api = api_case();
    (void)api_case_start(LLMOBS_TOOL, "x");
    ck_assert_int_eq(api->error(NULL, "Error", message, stack), 0);
    api->finish(api->current());
    error = api_case_at("x", "meta.error");
    ck_assert_ptr_null(strstr(error, "0123456789"));
    ck_assert_ptr_nonnull(strstr(error, "main.c:7"));
}

/* -- what goes for all inside -------------------------------------------- */

TEST(contexts_say_it_of_all_inside)
{
    const struct llmobs_pair tags[] = {{"team", "a"}, {"x", "1"}};
    const struct llmobs_pair bad_tags[] = {{"a:b", "1"}, {"", "1"}, {NULL, ""}};
    struct llmobs_context_options outer = {
        .size = sizeof(outer), .name = "outer", .tags = tags, .tag_count = 2};
    struct llmobs_context_options inner = {.size = sizeof(inner),
                                           .name = "inner",
                                           .tags = &tags[1],
                                           .tag_count = 1,
                                           .prompt_json = "{\"id\":\"p\"}"};

    api = api_case();
    ck_assert_int_eq(api->context_end(), -ENOENT);
    ck_assert_int_eq(api->context_begin(&outer), 0);
    api->finish(api_case_start(LLMOBS_TASK, "x"));
    ck_assert_int_eq(api->context_begin(&inner), 0);
    api->finish(api_case_start(LLMOBS_LLM, "x"));
    ck_assert_int_eq(api->context_end(), 0);
    ck_assert_int_eq(api->context_end(), 0);
    api->finish(api_case_start(LLMOBS_TASK, "after"));
    ck_assert(api_case_has_tag("outer", "team:a"));
    ck_assert(api_case_has_tag("inner", "team:a"));
    ck_assert_str_eq(api_case_at("inner", "meta.input.prompt.id"), "\"p\"");
    ck_assert(!api_case_has_tag("after", "team:a"));
    inner.prompt_json = "[";
    ck_assert_int_eq(api->context_begin(&inner), -EINVAL);
    inner.prompt_json = NULL;
    for (size_t i = 0; i < 3; i++) {
        inner.tags = &bad_tags[i];
        ck_assert_int_eq(api->context_begin(&inner), -EINVAL);
    }
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(api->context_begin(&outer), 0);
    ck_assert_int_eq(api->context_begin(&outer), -EMFILE);
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(api->context_end(), 0);
}

TEST(proxied_nests)
{
    api = api_case();
    ck_assert_int_eq(api->proxied_end(), -ENOENT);
    ck_assert_int_eq(api->proxied_begin((enum llmobs_proxied)3), -EINVAL);
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(api->proxied_begin(LLMOBS_PROXIED_YES), 0);
    ck_assert_int_eq(api->proxied_begin(LLMOBS_PROXIED_NO), -EMFILE);
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(api->proxied_end(), 0);
    ck_assert_int_eq(api->proxied_end(), -ENOENT);
}

/* -- evaluations --------------------------------------------------------- */

TEST(evaluations_are_submitted)
{
    const struct llmobs_pair tags[] = {{"k", "v"}};
    struct llmobs_evaluation_options e = {.size = sizeof(e),
                                          .label = "good",
                                          .metric_type = LLMOBS_SCORE,
                                          .number = 0.5,
                                          .tags = tags,
                                          .tag_count = 1};
    struct llmobs_exported ids;
    llmobs_span_t span;

    api = api_case();
    span = api_case_start(LLMOBS_LLM, "x");
    ck_assert_int_eq(api->export_span(NULL, &ids), 0);
    ck_assert_int_eq(api->evaluate(&e), -EINVAL);
    e.span = &ids;
    ck_assert_int_eq(api->evaluate(&e), 0);
    e.metric_type = LLMOBS_JSON;
    ck_assert_int_eq(api->evaluate(&e), -EINVAL);
    e.json = "[]";
    ck_assert_int_eq(api->evaluate(&e), -EINVAL);
    e.json = "{\"a\":1}";
    e.metadata_json = "{}";
    ck_assert_int_eq(api->evaluate(&e), 0);
    e.metadata_json = "{";
    ck_assert_int_eq(api->evaluate(&e), -EINVAL);
    e.metadata_json = NULL;
    e.tag_count = 1000;
    ck_assert_int_eq(api->evaluate(&e), -EINVAL);
    e.tag_count = 1;
    e.metric_type = (enum llmobs_metric_type)9;
    ck_assert_int_eq(api->evaluate(&e), -EINVAL);
    api->finish(span);
    ck_assert_uint_eq(api_case_count(), 3);
}

/* -- by JSON ------------------------------------------------------------- */

TEST(an_object_says_it_all)
{
    static const char text[] =
        "{\"input\": \"in\", \"output\": {\"a\": 1}, \"metadata\": {\"m\": 1}, "
        "\"metrics\": {\"n\": 2}, \"tags\": {\"t\": 3, \"u\": \"v\"}}";
    static const char *const wrong[] = {"[]",
                                        "{\"inputs\": 1}",
                                        "{\"metrics\": {\"a\": \"b\"}}",
                                        "{\"metrics\": {\"a\": null}}",
                                        "{\"tags\": []}",
                                        "{\"tags\": {\"\": 1}}"};
    struct llmobs_json *json;
    llmobs_span_t span;

    api = api_case();
    span = api_case_start(LLMOBS_TASK, "x");
    ck_assert_int_eq(
        llmobs_json_parse((struct llmobs_text){text, sizeof(text) - 1}, &json),
        0);
    ck_assert_int_eq(llmobs_own_span_annotate_json(0, json), 0);
    llmobs_json_free(json);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        ck_assert_int_eq(
            llmobs_json_parse((struct llmobs_text){wrong[i], strlen(wrong[i])},
                              &json),
            0);
        ck_assert_int_eq(llmobs_own_span_annotate_json(0, json), -EINVAL);
        llmobs_json_free(json);
    }
    api->finish(span);
    ck_assert_str_eq(api_case_at("x", "meta.input.value"), "\"in\"");
    ck_assert_str_eq(api_case_at("x", "meta.output.value"),
                     "\"{\\\"a\\\": 1}\"");
    ck_assert_str_eq(api_case_at("x", "metrics"), "{\"n\": 2}");
    ck_assert(api_case_has_tag("x", "t:3"));
}
