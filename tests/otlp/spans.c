/* Spans of every kind, and evaluations of every type, by the C API.
 * usage: spans [evaluations]
 *
 * With WITH_CURL the process first uses libcurl, so that the library begins its
 * work in it, and lives on for some exports of metrics. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef WITH_CURL
#include <curl/curl.h>
#endif

#include "llmobs.h"

static int failures;

static void want(int rc, const char *what)
{
    if (rc < 0) {
        printf("%s: %d\n", what, rc);
        failures++;
    }
}

static void ask_the_model(void)
{
    const struct llmobs_tool_call call = {
        .name = "look",
        .arguments = "{\"place\": \"Paris\", \"days\": 2}",
        .tool_id = "call_1",
        .type = "function"};
    const struct llmobs_tool_call odd = {
        .name = "say", .arguments = "no object", .tool_id = "call_2"};
    const struct llmobs_tool_result result = {.name = "look",
                                              .result = "{\"degrees\": 21.5}",
                                              .tool_id = "call_1",
                                              .type = "function"};
    const struct llmobs_message asked[] = {
        {.role = "system", .content = "Be brief."},
        {.role = "user", .content = "h\xc3\xa9llo \xf0\x9f\x98\x80 \\ \"q\""},
        {.role = "assistant", .tool_calls = &call, .tool_call_count = 1},
        {.role = "tool", .tool_results = &result, .tool_result_count = 1}};
    const struct llmobs_message answered[] = {
        {.role = "reasoning", .content = "It is warm."},
        {.role = "assistant",
         .content = "21.5",
         .tool_calls = &odd,
         .tool_call_count = 1}};
    const struct llmobs_number numbers[] = {{"input_tokens", 12},
                                            {"output_tokens", 5},
                                            {"total_tokens", 17},
                                            {"cache_read_input_tokens", 3},
                                            {"cache_write_input_tokens", 2},
                                            {"reasoning_output_tokens", 4},
                                            {"total_cost", 0.25},
                                            {"stars", 4.5}};
    const struct llmobs_pair tags[] = {{"team", "search"}, {"q", "a:b c"}};
    struct llmobs_annotation all = {
        .size = sizeof(all),
        .metrics = numbers,
        .metric_count = 8,
        .tags = tags,
        .tag_count = 2,
        .metadata_json = "{\"temperature\": 0, \"max_tokens\": 50, "
                         "\"top_k\": 40, \"stop\": \"END\", \"n\": 2, "
                         "\"seed\": 7, \"own\": {\"b\": [1, 2.5, null]}, "
                         "\"yes\": true, \"large\": 9007199254740993}",
        .tool_definitions_json =
            "[{\"name\": \"look\", \"description\": \"Looks.\", "
            "\"schema\": {\"type\": \"object\"}}]",
        .prompt_json = "{\"id\": \"greet\", \"version\": \"3\", "
                       "\"template\": \"Hello {{who}}\", "
                       "\"variables\": {\"who\": \"you\"}}"};
    llmobs_span_t span =
        llmobs_start_model(LLMOBS_LLM, "answer", "m-1", "acme");

    all.input.messages = asked;
    all.input.message_count = 4;
    all.output.messages = answered;
    all.output.message_count = 2;
    want(llmobs_annotate(span, &all), "annotate a model");
    want(llmobs_finish(span), "finish");
}

static void retrieve(void)
{
    const struct llmobs_document documents[] = {{.text = "One.",
                                                 .name = "first",
                                                 .id = "d1",
                                                 .score = 0.5,
                                                 .has_score = 1},
                                                {.text = "Two."}};
    struct llmobs_annotation found = {.size = sizeof(found)};
    LLMOBS_SCOPE(span, LLMOBS_RETRIEVAL, "index");

    found.input.text = "which?";
    found.output.documents = documents;
    found.output.document_count = 2;
    want(llmobs_annotate(span, &found), "annotate a retrieval");
}

static void embed(void)
{
    const struct llmobs_document document = {.text = "some text"};
    struct llmobs_annotation made = {.size = sizeof(made)};
    llmobs_span_t span =
        llmobs_start_model(LLMOBS_EMBEDDING, "vectors", "e-1", "acme");

    made.input.documents = &document;
    made.input.document_count = 1;
    made.output.text = "[1 embedding(s) returned with size 8]";
    want(llmobs_annotate(span, &made), "annotate an embedding");
    want(llmobs_finish(span), "finish");
}

static void use_tools(void)
{
    LLMOBS_SCOPE(agent, LLMOBS_AGENT, "planner");
    LLMOBS_SCOPE(task, LLMOBS_TASK, "prepare");
    LLMOBS_SCOPE(tool, LLMOBS_TOOL, "look");

    want(llmobs_annotate_text(tool, "{\"place\": \"Paris\"}", "21.5"),
         "annotate a tool");
    want(llmobs_annotate_text(task, "before", "after"), "annotate a task");
    want(llmobs_annotate_text(agent, "goal", "done"), "annotate an agent");
}

static void fail(void)
{
    LLMOBS_SCOPE(tool, LLMOBS_TOOL, "breaks");

    want(llmobs_error(tool, "IOError", "the disk is full", "at line 3"),
         "error");
}

static void make_spans(void)
{
    struct llmobs_start_options options = {.size = sizeof(options),
                                           .kind = LLMOBS_WORKFLOW,
                                           .name = "serve",
                                           .session_id = "session-1",
                                           .user_id = "user-1",
                                           .user_name = "Ann"};
    llmobs_span_t root = NULL;

    want(llmobs_start_span(&options, &root), "start");
    ask_the_model();
    retrieve();
    embed();
    use_tools();
    fail();
    want(llmobs_annotate_text(root, "question", "answer"), "annotate a flow");
    want(llmobs_finish(root), "finish");
}

static void evaluate(const struct llmobs_exported *ids)
{
    const struct llmobs_pair tag = {"judge", "human"};
    struct llmobs_evaluation_options options = {.size = sizeof(options),
                                                .span = ids,
                                                .tags = &tag,
                                                .tag_count = 1,
                                                .timestamp_ms = 1700000000123};

    options.label = "quality";
    options.metric_type = LLMOBS_SCORE;
    options.number = 0.75;
    options.reasoning = "reads well";
    want(llmobs_submit_evaluation(&options), "score");
    options.label = "safe";
    options.metric_type = LLMOBS_BOOLEAN;
    options.truth = 1;
    options.assessment = "pass";
    options.reasoning = NULL;
    want(llmobs_submit_evaluation(&options), "boolean");
    options.label = "unsafe";
    options.truth = 0;
    options.assessment = NULL;
    want(llmobs_submit_evaluation(&options), "boolean");
    options.label = "tone";
    options.metric_type = LLMOBS_CATEGORICAL;
    options.text = "friendly";
    want(llmobs_submit_evaluation(&options), "categorical");
    options.label = "details";
    options.metric_type = LLMOBS_JSON;
    options.json = "{\"a\": [1, \"two\"]}";
    want(llmobs_submit_evaluation(&options), "json");
    options.label = "by_tag";
    options.metric_type = LLMOBS_SCORE;
    options.span = NULL;
    options.tag_key = "msg_id";
    options.tag_value = "7";
    want(llmobs_submit_evaluation(&options), "by a tag");
}

static void begin(void)
{
#ifdef WITH_CURL
    CURL *easy = curl_easy_init();

    curl_easy_setopt(easy, CURLOPT_URL, "file:///dev/null");
    want(-(int)curl_easy_perform(easy), "libcurl");
    curl_easy_cleanup(easy);
#endif
}

static void live_on(void)
{
#ifdef WITH_CURL
    usleep(1300000);
#endif
}

int main(int argc, char **argv)
{
    struct llmobs_exported ids;

    if (argc > 1 && strcmp(argv[1], "evaluations") == 0) {
        LLMOBS_SCOPE(span, LLMOBS_LLM, "judged");

        want(llmobs_export_span(span, &ids), "export");
        evaluate(&ids);
    } else {
        begin();
        make_spans();
        live_on();
    }
    return failures;
}
