/* row - the parts of one span that every view of the store is made of: trees,
 * lists, tables, charts, files.
 *
 * Owns:    itself; its texts belong to the llmobs_texts that it was read into.
 * Threads: one.
 * Errors:  -EINVAL: the event is no span; -ENOMEM.
 * Limits:  an error's message is kept up to LLMOBS_ROW_ERROR bytes, the words
 *          of a text up to LLMOBS_ROW_WORDS, cut between characters.
 *
 * Texts are as the event has them: a terminal needs cli/shared/escape. To show
 * more of a span than the row has, read its line again, at its place.
 */
#ifndef LLMOBS_ROW_H
#define LLMOBS_ROW_H

#include "cli/query/evaluations.h"
#include "cli/query/texts.h"
#include "cli/shared/reader.h"
#include "lib/text/json.h"

#define LLMOBS_ROW_ERROR 1024
#define LLMOBS_ROW_WORDS 200
/* The begin of a line of links that names the turn before. */
#define LLMOBS_ROW_TURN "goes on from "
/* A cost above this is no cost. */
#define LLMOBS_COST_MAX 1e12

/* A text is NULL, a number is -1 where the event does not have it. */
struct llmobs_row {
    struct llmobs_place place;
    const char *trace_id;
    const char *span_id;
    const char *parent_id; /* NULL: a root */
    bool wanted : 1;       /* the filters select it */
    bool path : 1;         /* not selected, but above a row that is */
    bool filled : 1;       /* more than the ids and the start are set */
    bool failed : 1;
    bool billed : 1;  /* no model call, but only this span has its usage */
    bool local : 1;   /* the call went to this host */
    bool given : 1;   /* the provider gave the cost */
    bool waiting : 1; /* it is in the spool, and not delivered */
    bool orphan : 1;  /* it names a parent that is not in the store */
    int http_status;  /* of a failed call that was refused; 0: none */

    const char *name;  /* never NULL */
    const char *kind;  /* never NULL */
    const char *model; /* that was asked for */
    const char *response_model;
    const char *price_model; /* whose price counts: mostly the latter */
    const char *others;      /* JSON: the tokens of other models (cost.c) */
    const char *tier;        /* of service */
    const char *provider;
    const char *ml_app;
    const char *session;
    const char *error_type;
    const char *error_message;
    const char *question; /* the first words of the last message of the input */
    const char *answer;   /* the first words of the output */
    const char *evaluations; /* lines fit for a terminal, each with its end */
    const char *links;       /* such lines: the spans that it continues */
    const char *run;         /* the outermost one that it belongs to */
    const char *program;     /* the name of its script, else of the program */
    const char *turn_trace;  /* the ids of its turn before */
    const char *turn_span;
    int64_t start_ns; /* a wall time */
    int64_t duration_ns;
    int64_t input_tokens; /* cached tokens included */
    int64_t output_tokens;
    int64_t cache_read_tokens;
    int64_t cache_write_tokens;
    int64_t cache_write_hour_tokens; /* the part that is kept for an hour */
    int64_t reasoning_tokens;
    int64_t searches;   /* of the web, by a tool of the server */
    double first_token; /* seconds */
    double cost;        /* USD, of a row that counts (llmobs_row_counts) */
    double estimate;    /* beside a cost that the provider gave; -1: none */
    struct llmobs_evaluations *judged; /* borrowed; NULL: not read */

    struct llmobs_row *parent; /* the nearest shown one; NULL: at the top */
    struct llmobs_row *child;  /* oldest */
    struct llmobs_row *next;   /* the parent's next younger child */
    struct llmobs_row *talk; /* the first turn of its conversation, or itself */
    unsigned turn;           /* its number in the conversation; 0: unknown */
    unsigned turns;          /* of a first turn: the number of the last one */
    /* Equal for the children of one shown row; 0: at the top. */
    uint32_t family;
    unsigned mark;
};

/* The text that a row has at an offset. */
static inline const char *llmobs_row_text(const struct llmobs_row *row,
                                          size_t at)
{
    return *(const char *const *)(const void *)((const char *)row + at);
}

/* Which parts of an event to read beside the ids and the start. */
enum llmobs_row_parts {
    LLMOBS_ROW_IDS,   /* none */
    LLMOBS_ROW_FACTS, /* all but the two next */
    LLMOBS_ROW_ALL    /* the question and the answer too */
};

/* Gives a new row in *out. */
int llmobs_row_new(const struct llmobs_json *event, struct llmobs_place place,
                   enum llmobs_row_parts parts, struct llmobs_texts *texts,
                   struct llmobs_row **out);

/* Fills a row of ids from its event. */
int llmobs_row_fill(struct llmobs_row *row, const struct llmobs_json *event,
                    enum llmobs_row_parts parts, struct llmobs_texts *texts);

/* True for a call of a model; false for the workflow span of a call through a
 * gateway, since the gateway reports the call. */
bool llmobs_row_is_call(const struct llmobs_row *row);

/* True where sums include the row's tokens and cost: for a call of a model, and
 * for another request that the library has read, such as the poll that found a
 * job's tokens, or an agent of the provider. False for a span of the program:
 * its numbers repeat those of its calls. */
bool llmobs_row_counts(const struct llmobs_row *row);

void llmobs_row_free(struct llmobs_row *row); /* NULL is fine */

#endif
