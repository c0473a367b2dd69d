/* breaks - tells why calls read less of a provider's cache of prompts than an
 * earlier call had left there.
 *
 * Owns:    the calls and their rows, until fini.
 * Threads: one.
 * Errors:  -ENOMEM.
 * Limits:  a call is compared with LLMOBS_BREAKS_BACK earlier ones of its
 *          session and host; memory: some 40 bytes for each tool and message.
 *
 * A call without texts (LLMOBS_CONTENT=off) has no cause: what its prompt was
 * made of is not known.
 */
#ifndef LLMOBS_BREAKS_H
#define LLMOBS_BREAKS_H

#include "cli/query/prices.h"
#include "cli/query/row.h"

#define LLMOBS_BREAKS_BACK 400

/* The parameters on which a cache depends: those of breaks.c, and the key. */
#define LLMOBS_BREAKS_PARAMS 7

/* A part of a prompt. Its kind: T tool, t server's tool, S system, B billing
 * line, U user, R reminder, M memory file, r result, A answer, c call, h
 * thinking, i image, x other. */
struct llmobs_breaks_part {
    uint64_t hash;
    const char *name; /* never NULL; equal names are one text */
    size_t bytes;
    size_t message;
    char kind;
};

struct llmobs_breaks_call {
    struct llmobs_row *row;
    const char *host, *response_id; /* NULL: none */
    struct llmobs_breaks_part *parts;
    size_t count; /* of the prompt; the answer's follow */
    size_t whole, cap;
    uint64_t *tail; /* sorted hashes of the messages */
    size_t tail_count;
    uint64_t params[LLMOBS_BREAKS_PARAMS]; /* 0: none */
    const char *cause; /* NULL: nothing was lost, or it is not known */
    const char *why;   /* in words */
    int64_t lost;      /* tokens */
    double cost;       /* of the lost tokens, in USD; -1: unknown */
    /* The call before it of its session and host; NULL: none. */
    const struct llmobs_breaks_call *before;
    const struct llmobs_breaks_call
        *after; /* the call that it is compared to */
};

struct llmobs_breaks {
    struct llmobs_texts texts;
    struct llmobs_breaks_call **calls;
    size_t count, cap;
    size_t unknown; /* calls without texts */
};

/* Adds a span, if it is a call of a model whose counts are known. */
int llmobs_breaks_add(struct llmobs_breaks *breaks,
                      const struct llmobs_json *event,
                      struct llmobs_place place);

/* Orders the calls by time, drops repeated ones, and sets their causes. */
int llmobs_breaks_explain(struct llmobs_breaks *breaks,
                          struct llmobs_prices *prices);

void llmobs_breaks_fini(struct llmobs_breaks *breaks);

#endif
