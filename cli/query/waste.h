/* waste - calls whose tokens, money or time nobody had to spend.
 *
 * Owns:    what it keeps of each call, and its lines, until fini.
 * Threads: one.
 * Errors:  -ENOMEM.
 * Limits:  memory: some 200 bytes a call, and as much for each call of a tool.
 *
 * A request is the same as another one if the messages, the tools, the model
 * that it asks for and the settings are equal. Of equal requests in the order
 * of time:
 * - a repeat is a request after an equal request that was answered;
 * - a retry begins within LLMOBS_WASTE_RETRY_S of the end of a failed request,
 *   before any was answered; its waste is the cost of the failed request.
 * A loop is the same call of a tool, with the same arguments, in one trace at
 * least LLMOBS_WASTE_LOOP times. A failed call that has tokens or a cost was
 * paid for.
 */
#ifndef LLMOBS_WASTE_H
#define LLMOBS_WASTE_H

#include "cli/query/digest.h"
#include "cli/query/keys.h"
#include "cli/query/load.h"

#define LLMOBS_WASTE_RETRY_S 600
#define LLMOBS_WASTE_LOOP 3

enum llmobs_waste_kind {
    LLMOBS_WASTE_REPEAT,
    LLMOBS_WASTE_RETRY,
    LLMOBS_WASTE_LOOPS,
    LLMOBS_WASTE_FAILED,
    LLMOBS_WASTE_CALLER, /* the sum of one caller, or of others that are asked
                            for, without loops, a call once */
    LLMOBS_WASTE_KINDS
};

/* A number is -1 where it is not known. */
struct llmobs_waste_line {
    enum llmobs_waste_kind kind;
    size_t count;         /* repeats, retries, calls */
    int64_t input_tokens; /* of these */
    int64_t output_tokens;
    double cost;
    int64_t time_ns;
    const char *model; /* NULL: unknown, and so are the next ones */
    const char *thing; /* the tool's call, or the error's type */
    const char *by[LLMOBS_BY_KEYS]; /* the caller, or the facts asked for */
    const char *trace;              /* one of the spans */
    const char *span;
};

/* The caller may set `by` after init; count 0: the caller's line, or its first
 * frames, joined. */
struct llmobs_waste {
    struct llmobs_by by;
    struct llmobs_digest seed;
    struct llmobs_texts texts;
    struct llmobs_waste_call *calls;
    size_t call_count, call_cap;
    struct llmobs_waste_call *tools; /* the calls of tools */
    size_t tool_count, tool_cap;
    struct llmobs_waste_line *lines; /* by their kind, the dearest first */
    size_t count, cap;
};

void llmobs_waste_init(struct llmobs_waste *waste);
void llmobs_waste_fini(struct llmobs_waste *waste);

/* Reads the spans that `load` selects, and makes the lines. */
int llmobs_waste_read(struct llmobs_waste *waste, struct llmobs_load *load,
                      struct llmobs_reader *reader);

/* Adds the numbers of another line. */
void llmobs_waste_add(struct llmobs_waste_line *to,
                      const struct llmobs_waste_line *line);

#endif
