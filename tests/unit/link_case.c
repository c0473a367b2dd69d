/* Makes calls and a linker for tests. */
#include "tests/unit/link_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct llmobs_linker linker;
int64_t link_now;
struct llmobs_inferred link_tools;
struct llmobs_span link_last;
char link_path[UNIT_DIRECTORY + 16];

static char dir[UNIT_DIRECTORY];
static bool begun;
static uint64_t tool_ids[8], tool_count; /* all that were inferred */

void link_free_sessions(struct llmobs_link_sessions *sessions)
{
    for (size_t i = 0; i < LLMOBS_LINK_SESSIONS; i++)
        llmobs_json_free(sessions->list[i].tags);
    memset(sessions, 0, sizeof(*sessions));
}

void link_free_calls(struct llmobs_link_calls *calls)
{
    for (size_t i = 0; i < LLMOBS_LINK_CALLS; i++)
        llmobs_json_free(calls->list[i].call);
    memset(calls, 0, sizeof(*calls));
}

static void free_linker(void)
{
    llmobs_linker_close(&linker);
    free(linker.table.rows);
    link_free_sessions(&linker.sessions);
    link_free_calls(&linker.calls);
}

void link_end(void)
{
    if (begun)
        free_linker();
    begun = false;
}

void link_begin(void)
{
    link_end();
    begun = true;
    llmobs_linker_init(&linker);
    link_now = SECOND * 1700000000;
    tool_count = 0;
}

void link_begin_file(void)
{
    unit_directory(dir);
    snprintf(link_path, sizeof(link_path), "%s/links.0", dir);
    link_begin();
    llmobs_linker_set_file(&linker, link_path);
}

void link_next_process(void)
{
    free_linker();
    llmobs_linker_init(&linker);
    llmobs_linker_set_file(&linker, link_path);
}

void link_end_file(void)
{
    link_end();
    unit_remove(dir);
}

struct llmobs_json *link_json(const char *text)
{
    struct llmobs_json *value = NULL;

    if (text)
        ck_assert_int_eq(
            llmobs_json_parse((struct llmobs_text){text, strlen(text)}, &value),
            0);
    return value;
}

static void fill(const struct turn *turn, struct llmobs_span *span)
{
    ck_assert_int_eq(llmobs_span_init(span), 0);
    span->context.span_id = turn->id;
    span->context.trace_id =
        (struct llmobs_id128){1, turn->trace ? turn->trace : turn->id};
    span->context.parent_id = turn->parent;
    span->input_messages = link_json(turn->in);
    span->output_messages = link_json(turn->out);
    span->tool_definitions = link_json(turn->tools);
    span->said = link_json(turn->said);
    span->failed = turn->failed;
    span->http_status = turn->status;
    span->start_ns = turn->start ? turn->start : link_now;
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
    if (turn->intent)
        ck_assert_int_eq(llmobs_span_set(&span->intent, turn->intent), 0);
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

const char *link_short_id(const char *id)
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
    for (size_t i = 0; i < link_tools.count; i++) {
        uint64_t id = link_tools.list[i].context.span_id, at = 0;

        while (at < tool_count && tool_ids[at] != id)
            at++;
        ck_assert_uint_lt(at, sizeof(tool_ids) / sizeof(*tool_ids));
        tool_ids[at] = id;
        tool_count += at == tool_count;
    }
}

const char *links_of(const struct llmobs_span *span)
{
    static char ids[256];

    ids[0] = '\0';
    for (size_t i = 0; i < llmobs_json_len(span->links); i++) {
        const struct llmobs_json *link = llmobs_json_at(span->links, i);
        const struct llmobs_json *ends = llmobs_json_get(link, "attributes");
        const char *kind = llmobs_json_gets(ends, "kind");

        if (i > 0)
            strcat(ids, " ");
        strcat(ids, link_short_id(llmobs_json_gets(link, "span_id")));
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

const char *link_turn(const struct turn *turn)
{
    struct llmobs_linker_call call = {
        .method = "POST",
        .url = turn->url ? turn->url : TURN_URL,
        .account = turn->account,
        .whole = !turn->cut,
        .aborted = turn->aborted,
        .stitch = turn->off      ? LLMOBS_STITCH_OFF
                  : turn->stitch ? turn->stitch
                                 : LLMOBS_STITCH_TAG,
        .inferred = turn->infer ? &link_tools : NULL,
    };

    if (turn->body)
        call.request = (struct llmobs_text){turn->body, strlen(turn->body)};
    if (link_last.metadata)
        llmobs_span_fini(&link_last);
    fill(turn, &link_last);
    link_now += SECOND;
    llmobs_inferred_fini(&link_tools);
    llmobs_linker_link(&linker, &call, &link_last);
    llmobs_linker_close(&linker);
    note_tools();
    return links_of(&link_last);
}
