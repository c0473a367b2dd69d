#include "core/event/linker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/work.h"

void llmobs_linker_init(struct llmobs_linker *linker)
{
    llmobs_link_table_init(&linker->table);
    llmobs_link_sessions_reset(&linker->sessions);
    llmobs_link_calls_reset(&linker->calls);
}

void llmobs_linker_fini(struct llmobs_linker *linker)
{
    llmobs_link_table_fini(&linker->table);
    llmobs_link_sessions_fini(&linker->sessions);
    llmobs_link_calls_fini(&linker->calls);
}

void llmobs_linker_reset(struct llmobs_linker *linker)
{
    llmobs_link_table_reset(&linker->table);
    llmobs_link_sessions_reset(&linker->sessions);
    llmobs_link_calls_reset(&linker->calls);
}

void llmobs_linker_set_file(struct llmobs_linker *linker, const char *path)
{
    linker->table.path = path;
}

/* -- all of it --------------------------------------------------------------
 */

static bool has_messages(const struct llmobs_span *span)
{
    return (span->kind == LLMOBS_KIND_LLM || span->proxied) &&
           (span->input_messages || span->output_messages);
}

/* True for a turn of a conversation. An agent and a workflow have no messages,
 * but may still name the conversation. */
static bool is_turn(const struct llmobs_span *span)
{
    return has_messages(span) ||
           ((span->kind == LLMOBS_KIND_AGENT ||
             span->kind == LLMOBS_KIND_WORKFLOW) &&
            llmobs_span_fact_is_set(&span->facts, LLMOBS_FACT_CONVERSATION_ID));
}

void llmobs_linker_link(struct llmobs_linker *linker,
                        const struct llmobs_linker_call *call,
                        struct llmobs_span *span)
{
    struct llmobs_linking l = {.table = &linker->table,
                               .calls = &linker->calls,
                               .call = call,
                               .span = span};
    const struct llmobs_text session = {
        span->facts.text.data + span->facts.values[LLMOBS_FACT_MCP_SESSION].at,
        span->facts.values[LLMOBS_FACT_MCP_SESSION].len};

    llmobs_work_begin(LLMOBS_WORK_BODY / 8);
    llmobs_link_table_begin(l.table);
    llmobs_linking_set_scope(&l);
    l.end_ns = span->start_ns + span->duration_ns;
    l.output = span->output_behind;
    if (has_messages(span)) {
        l.input = span->input_messages;
        l.output = span->output_messages;
    }
    if (l.input || l.output)
        llmobs_link_tools(&l);
    if (call->stitch != LLMOBS_STITCH_OFF && is_turn(span))
        llmobs_link_turns(&l);
    else if (call->stitch != LLMOBS_STITCH_OFF &&
             llmobs_span_fact_is_set(&span->facts, LLMOBS_FACT_CONVERSATION_ID))
        llmobs_link_turns_name(&l);
    llmobs_link_runs(&l);
    llmobs_link_retries(&l);
    llmobs_link_inferred_end(&l);
    llmobs_link_jobs(&l);
    if (session.len > 0 && span->session_tags)
        llmobs_link_sessions_tag(&linker->sessions,
                                 llmobs_linking_session(&l, session), span);
    llmobs_link_table_end(l.table);
    (void)llmobs_work_end();
}

/* -- tools of the program's own ---------------------------------------------
 */

static bool event_has_tag(const struct llmobs_json *event, const char *tag)
{
    const struct llmobs_json *tags = llmobs_json_get(event, "tags");

    for (size_t i = 0; i < llmobs_json_len(tags); i++) {
        const char *text = llmobs_json_text(llmobs_json_at(tags, i));

        if (text && strcmp(text, tag) == 0)
            return true;
    }
    return false;
}

/* Fills `run` from an event's text; false where it is no tool's span. */
static bool read_tool_span(const struct llmobs_json *event,
                           struct llmobs_link_run *out)
{
    const struct llmobs_json *meta = llmobs_json_get(event, "meta");
    const char *trace = llmobs_json_gets(event, "trace_id");
    const char *span = llmobs_json_gets(event, "span_id");

    if (!llmobs_json_says(llmobs_json_get(meta, "span"), "kind", "tool") ||
        !span || !trace || event_has_tag(event, LLMOBS_LINK_INFERRED_TAG) ||
        !llmobs_id128_parse((struct llmobs_text){trace, strlen(trace)},
                            &out->trace_id))
        return false;
    out->name = llmobs_json_gets(event, "name");
    out->span_id = strtoull(span, NULL, 10);
    out->start_ns = llmobs_json_to_int(llmobs_json_get(event, "start_ns"));
    out->end_ns =
        out->start_ns + llmobs_json_to_int(llmobs_json_get(event, "duration"));
    return out->name != NULL;
}

static struct llmobs_json *arguments_of_event(const struct llmobs_json *event)
{
    const struct llmobs_json *meta = llmobs_json_get(event, "meta");
    const char *text =
        llmobs_json_gets(llmobs_json_get(meta, "input"), "value");
    struct llmobs_json *arguments = NULL;

    if (text)
        (void)llmobs_json_parse((struct llmobs_text){text, strlen(text)},
                                &arguments);
    return arguments;
}

void llmobs_linker_add_tool(struct llmobs_linker *linker,
                            struct llmobs_text event)
{
    struct llmobs_link_run run = {.name = NULL};
    struct llmobs_json *json = NULL, *arguments;

    if (!memmem(event.data, event.len, "\"tool\"", 6))
        return;
    llmobs_work_begin(LLMOBS_WORK_BODY / 8);
    if (llmobs_json_parse(event, &json) == 0 && read_tool_span(json, &run)) {
        run.arguments = arguments = arguments_of_event(json);
        llmobs_link_table_begin(&linker->table);
        llmobs_link_inferred_measured(&linker->table, &run);
        llmobs_link_table_end(&linker->table);
        llmobs_json_free(arguments);
    }
    llmobs_json_free(json);
    (void)llmobs_work_end();
}
