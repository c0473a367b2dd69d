#include "core/otlp/content.h"

#include <string.h>

#include "core/otlp/attributes.h"
#include "core/otlp/messages.h"

/* One side of a span, its input or its output. */
struct side {
    const struct llmobs_json *documents; /* NULL: it has none */
    const char *value;                   /* likewise */
    bool output;
};

static struct side side_of(const struct llmobs_otlp_source *s, bool output)
{
    const struct llmobs_json *io =
        llmobs_json_get(s->meta, output ? "output" : "input");

    return (struct side){llmobs_json_get(io, "documents"),
                         llmobs_json_gets(io, "value"), output};
}

/* The texts that no convention names. */
static void put_own(struct llmobs_otlp_attributes *out, const struct side *side)
{
    if (side->value)
        llmobs_otlp_put_text_or_object(
            out, side->output ? "llmobs.output.value" : "llmobs.input.value",
            side->value);
    if (llmobs_json_len(side->documents) > 0)
        llmobs_otlp_put_document(out,
                                 side->output ? "llmobs.output.documents"
                                              : "llmobs.input.documents",
                                 side->documents);
}

/* The value of an agent or a workflow is one message; so is that of a call
 * whose messages were too long to keep. */
static void put_message(const struct llmobs_otlp_source *s,
                        struct llmobs_otlp_attributes *out,
                        const struct side *side)
{
    if (side->value)
        llmobs_otlp_put_message(s, out, side->output, side->value);
}

static void put_tool(struct llmobs_otlp_attributes *out,
                     const struct side *side)
{
    if (side->value && *side->value)
        llmobs_otlp_put_text_or_object(out,
                                       side->output
                                           ? "gen_ai.tool.call.result"
                                           : "gen_ai.tool.call.arguments",
                                       side->value);
}

static void put_retrieval(const struct llmobs_otlp_source *s,
                          struct llmobs_otlp_attributes *out,
                          const struct side *side)
{
    struct side rest = *side;

    if (!side->output && side->value) {
        llmobs_otlp_attr_text(
            out, "gen_ai.retrieval.query.text",
            (struct llmobs_text){side->value, strlen(side->value)});
        rest.value = NULL;
    }
    if (side->output && llmobs_json_len(side->documents) > 0 &&
        llmobs_otlp_put_retrieved(s, out, side->documents))
        rest.documents = NULL;
    put_own(out, &rest);
}

static void put_side(const struct llmobs_otlp_source *s,
                     struct llmobs_otlp_attributes *out, bool output)
{
    struct side side = side_of(s, output);

    switch (s->op) {
    case LLMOBS_OTLP_INFERENCE:
    case LLMOBS_OTLP_AGENT:
    case LLMOBS_OTLP_WORKFLOW:
        put_message(s, out, &side);
        side.value = NULL;
        put_own(out, &side);
        break;
    case LLMOBS_OTLP_TOOL:
        if (s->form >= LLMOBS_SEMCONV_1_41)
            put_tool(out, &side);
        else
            put_own(out, &side);
        break;
    case LLMOBS_OTLP_RETRIEVAL:
        put_retrieval(s, out, &side);
        break;
    default:
        put_own(out, &side);
        break;
    }
}

/* The newest form names the variables of a prompt. */
static void put_variables(const struct llmobs_otlp_source *s,
                          struct llmobs_otlp_attributes *out)
{
    const struct llmobs_json *input = llmobs_json_get(s->meta, "input");
    const struct llmobs_json *variables =
        llmobs_json_get(llmobs_json_get(input, "prompt"), "variables");
    const char *prefix = s->form >= LLMOBS_SEMCONV_LATEST
                             ? "gen_ai.prompt.variable."
                             : "llmobs.prompt.variable.";

    for (void *it = llmobs_json_iter(variables); it;
         it = llmobs_json_next(variables, it))
        llmobs_otlp_put_variable(out, prefix, llmobs_json_iter_key(it),
                                 llmobs_json_iter_value(it));
}

void llmobs_otlp_put_content(const struct llmobs_otlp_source *s,
                             struct llmobs_otlp_attributes *out)
{
    const struct llmobs_json *tools =
        llmobs_json_get(s->meta, "tool_definitions");

    if (s->op == LLMOBS_OTLP_INFERENCE)
        llmobs_otlp_put_messages(s, out);
    put_side(s, out, false);
    put_side(s, out, true);
    llmobs_otlp_put_tools(out,
                          s->form >= LLMOBS_SEMCONV_1_41
                              ? "gen_ai.tool.definitions"
                              : "llmobs.tool.definitions",
                          tools);
    put_variables(s, out);
}
