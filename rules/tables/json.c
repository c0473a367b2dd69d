/* An API that a user's rule describes: its kind, and the places in its bodies
 * (LLMOBS_RULES, docs/SPANS.md). No path selects it. */
#include "rules/tables/interpreter.h"

static const struct llmobs_layout layout = {
    .role = "assistant", .keep_space = true, .loose = true};

static const struct llmobs_form form = {LLMOBS_INTERPRETER, .lists = true,
                                        .variant = &layout};

/* The operation is the rule's kind. The paths only keep the rows apart. */
static const struct llmobs_shape shapes[] = {
    LLMOBS_SHAPE("POST", "/llm", "llm", "%p.llm", .kind = LLMOBS_KIND_LLM),
    LLMOBS_SHAPE("POST", "/embedding", "embedding", "%p.embedding",
                 .kind = LLMOBS_KIND_EMBEDDING),
    LLMOBS_SHAPE("POST", "/retrieval", "retrieval", "%p.retrieval",
                 .kind = LLMOBS_KIND_RETRIEVAL),
    LLMOBS_SHAPE("POST", "/tool", "tool", "%p.tool", .kind = LLMOBS_KIND_TOOL),
    LLMOBS_SHAPE("POST", "/task", "task", "%p.task", .kind = LLMOBS_KIND_TASK),
    LLMOBS_SHAPE("POST", "/workflow", "workflow", "%p.workflow",
                 .kind = LLMOBS_KIND_WORKFLOW),
    {.path = ""},
};

LLMOBS_DIALECT(json, .integration = "http", .genai = "_OTHER", .shapes = shapes,
               .form = &form);
