/* An API that a user's rule describes: its kind, and the places in its bodies
 * (LLMOBS_RULES, docs/SPANS.md). No path selects it. */
#include "rules/tables/interpreter.h"

static const struct llmobs_layout layout = {
    .role = "assistant", .keep_space = true, .loose = true};

static const struct llmobs_form form = {
    .begin = llmobs_interpreter_begin,
    .request = llmobs_interpreter_request,
    .model = llmobs_interpreter_model,
    .document = llmobs_interpreter_document,
    .event = llmobs_interpreter_event,
    .finish = llmobs_interpreter_finish,
    .ends = llmobs_interpreter_ends,
    LLMOBS_INTERPRETER_STATE,
    .lists = true,
    .variant = &layout,
};

/* The operation is the rule's kind. The paths only keep the rows apart. */
static const struct llmobs_shape shapes[] = {
    LLMOBS_POST(LLM, "/llm", "llm", "%p.llm"),
    LLMOBS_POST(EMBEDDING, "/embedding", "embedding", "%p.embedding"),
    LLMOBS_POST(RETRIEVAL, "/retrieval", "retrieval", "%p.retrieval"),
    LLMOBS_POST(TOOL, "/tool", "tool", "%p.tool"),
    LLMOBS_POST(TASK, "/task", "task", "%p.task"),
    LLMOBS_POST(WORKFLOW, "/workflow", "workflow", "%p.workflow"),
};

LLMOBS_DIALECT(json, .integration = "http", .genai = "_OTHER",
               LLMOBS_SHAPES(shapes), .form = &form);
