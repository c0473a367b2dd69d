/* layout - the places of values in an API's bodies, from the table of a dialect
 * or from a rule of the user's file; and the values at these places.
 *
 * The places are one text, a line for each: its letter, then a JSON pointer
 * (RFC 6901). Behind a '|' stands another pointer, for bodies in which the
 * first finds nothing. A line of a capital letter has a word instead of a
 * pointer. As a text, the places of a rule go to another process unchanged.
 *
 * Owns:    nothing; what is found is borrowed from the body.
 * Threads: any; values belong to one reading.
 * Errors:  never fails; a place that a body does not have is NULL.
 * Limits:  LLMOBS_LAYOUT_MAX bytes of all lines; LLMOBS_LAYOUT_PLACES pointers
 *          with LLMOBS_LAYOUT_STEPS steps. The rest is left out.
 */
#ifndef LLMOBS_LAYOUT_H
#define LLMOBS_LAYOUT_H

#include <stdint.h>

#include "lib/text/json.h"
#include "rules/read/message.h"

#define LLMOBS_LAYOUT_MAX 384
#define LLMOBS_LAYOUT_PLACES 48
#define LLMOBS_LAYOUT_STEPS 144

/* The letters of the places. */
enum {
    /* In the request: */
    LLMOBS_AT_INPUT = 'i',    /* messages, texts to embed, or any value */
    LLMOBS_AT_CONTENTS = 'j', /* contents to embed, which several lines may
                               * have; for a chat, the documents on which the
                               * prompt rests */
    LLMOBS_AT_PROMPT = 'q',   /* a text of the user */
    LLMOBS_AT_SYSTEM = 'y',   /* a text of the system's */
    LLMOBS_AT_SETTINGS = 'k', /* the object with the dialect's keys */
    LLMOBS_AT_METADATA = 'z', /* an object; all of it is metadata */
    LLMOBS_AT_PIECES = 'g',   /* true: a stream has pieces; else each event has
                               * the whole answer */
    /* In the answer, or in the request: */
    LLMOBS_AT_MODEL = 'm',
    LLMOBS_AT_CONVERSATION = '~', /* the id of the conversation */
    /* In the answer, or in each event of a stream: */
    LLMOBS_AT_ID = '@',
    LLMOBS_AT_TYPE = '%',    /* of an event: LLMOBS_AT_ONLY, LLMOBS_AT_FAULTS */
    LLMOBS_AT_OUTPUT = 'o',  /* all of it; an embedding's vectors */
    LLMOBS_AT_CHOICES = 'l', /* a list of objects, each with a message */
    LLMOBS_AT_ROLE = 'r',
    LLMOBS_AT_TEXT = 'x',
    LLMOBS_AT_IMAGE = 'v', /* a picture in base64, which is counted */
    LLMOBS_AT_REASONING = 'h',
    LLMOBS_AT_INSTEAD = 'p', /* a text, if the answer has no other */
    LLMOBS_AT_CALLS = 'f',   /* calls of tools, or one call */
    LLMOBS_AT_INDEX = '=',   /* the index of the text, or of the call */
    LLMOBS_AT_END = 'e',     /* true, or the word LLMOBS_AT_LAST */
    LLMOBS_AT_REASON = 'w',
    LLMOBS_AT_FAULT = '!', /* the text of an error, or an object with one */
    LLMOBS_AT_USAGE = 'u', /* an object with counts (usage.h) */
    LLMOBS_AT_INPUT_TOKENS = '<',
    LLMOBS_AT_OUTPUT_TOKENS = '>',
    LLMOBS_AT_TOTAL_TOKENS = '+',
    LLMOBS_AT_CACHED_TOKENS = 'c',
    LLMOBS_AT_PREFILL = 'a',   /* how long the model read the prompt */
    LLMOBS_AT_DECODE = 'b',    /* how long the model wrote */
    LLMOBS_AT_DOCUMENTS = 'd', /* the list of documents */
    /* In a document: */
    LLMOBS_AT_DOCUMENT_TEXT = 't',
    LLMOBS_AT_DOCUMENT_NAME = 'n',
    LLMOBS_AT_DOCUMENT_ID = '#',
    LLMOBS_AT_DOCUMENT_SCORE = 's',
    /* The words: */
    LLMOBS_AT_LAST = 'E',     /* the value at LLMOBS_AT_END, if not true */
    LLMOBS_AT_REASONS = 'W',  /* "eos=stop wait=": a reason of this API and the
                               * word of all APIs for it; none: no reason */
    LLMOBS_AT_ENDED = 'N',    /* the reason, if the answer ends without one */
    LLMOBS_AT_UNIT = 'U',     /* the unit of times: "s", "ms", "us" or "ns" */
    LLMOBS_AT_ONLY = 'O',     /* "token final": the only types of events with
                               * output */
    LLMOBS_AT_FAULTS = 'F',   /* the only types of events with a fault */
    LLMOBS_AT_REPLACES = 'R', /* types of events before which nothing counts */
    LLMOBS_AT_PAUSES = 'P'    /* types of events that end it without a reason */
};

/* A dialect as a table: form->variant of the functions in
 * rules/tables/interpreter.h. */
struct llmobs_layout {
    const char *places; /* at most LLMOBS_LAYOUT_MAX; NULL: the user's rule has
                         * them */
    /* How messages are written; NULL: as in OpenAI's API, or as any value. */
    const struct llmobs_message_form *messages;
    /* The request is itself a message, of this form; NULL: it is not. */
    const struct llmobs_message_form *alone;
    /* The keys at LLMOBS_AT_SETTINGS that are metadata; NULL: form->keys. */
    const char *settings;
    /* For llmobs_interpreter_signed: words, of which the request has each as a
     * member, NULL-terminated. "a|b": one of them; "{a": an object, "[a": a
     * list, "'a": a text; "a=b": this text. */
    const char *asks;
    const char *answers; /* and a text that the answer has; or NULL */
    const char *also; /* a member of the request with settings, too; or NULL */
    unsigned sources; /* LLMOBS_SOURCES_* that an answer has; 0: none */
    bool may;         /* `answers` counts only where an answer came */
    bool sums;        /* the total is the sum of input and output */
    bool keep_space;  /* a streamed text keeps the white space around it */
    bool texts;       /* the answer is a text without a role */
    bool mute;        /* an answer may end without a reason */
    char role[12];    /* of a complete answer that names no role, or ""; of a
                       * stream only in a user's rule */
};

/* A pointer of a line, with its steps. */
struct llmobs_layout_pointer {
    char which;
    bool either; /* it stands behind a '|' */
    uint8_t step, steps;
};

/* A place in a body: a member or an element of a container. */
struct llmobs_layout_found {
    const struct llmobs_json *in; /* NULL: the body lacks it */
    const char *step;             /* NULL: `in` is the place itself */
    void *member;                 /* of an object; NULL: not a member */
};

/* The places of a layout, and where the last two bodies have them. All zeros
 * except what llmobs_layout_read has filled. */
struct llmobs_layout_values {
    char text[LLMOBS_LAYOUT_MAX + 1]; /* the text of the steps */
    uint16_t steps[LLMOBS_LAYOUT_STEPS];
    struct llmobs_layout_pointer pointers[LLMOBS_LAYOUT_PLACES];
    uint8_t count, step_count;
    uint8_t lines[128]; /* the number of a letter's first pointer, from 1 on */
    const struct llmobs_json *bodies[2];
    struct llmobs_layout_found found[2][LLMOBS_LAYOUT_PLACES];
    bool facts[2]; /* the body has any (llmobs_layout_tells) */
    const struct llmobs_layout_found *now; /* in the last body */
};

/* Names the fault in a line of this letter, as a static text; NULL: the line
 * has no fault. */
const char *llmobs_layout_fault(char which, const char *what);

/* Reads the lines, once in a call. `places` may be NULL. */
void llmobs_layout_read(struct llmobs_layout_values *values,
                        const char *places);

/* Goes to a body: finds all places in it. With `alike`, a body that was given
 * before has its places where they were (struct llmobs_event). */
void llmobs_layout_go(struct llmobs_layout_values *values,
                      const struct llmobs_json *body, bool alike);

const struct llmobs_json *llmobs_layout_value(
    const struct llmobs_layout_found *found);

/* The first pointer of a letter, from 1 on; 0: the layout has none. */
static inline size_t llmobs_layout_line(
    const struct llmobs_layout_values *values, char which)
{
    return values->lines[(unsigned char)which & 0x7F];
}

/* True where the layout names this place. */
static inline bool llmobs_layout_has(const struct llmobs_layout_values *values,
                                     char which)
{
    return llmobs_layout_line(values, which) > 0;
}

/* The value at a place of that body; NULL: the layout does not name the place,
 * or the body lacks it. _nth: for a letter with several lines. */
static inline __attribute__((always_inline)) const struct llmobs_json *
llmobs_layout_at(const struct llmobs_layout_values *values, char which)
{
    size_t line = llmobs_layout_line(values, which);

    if (line == 0 || !values->now[line - 1].in)
        return NULL;
    return llmobs_layout_value(&values->now[line - 1]);
}

/* True where that body has a place that says something about the answer, but is
 * no part of its text: most events of a stream have none. */
static inline bool llmobs_layout_tells(
    const struct llmobs_layout_values *values)
{
    return values->facts[values->now == values->found[1]];
}

const struct llmobs_json *llmobs_layout_nth(
    const struct llmobs_layout_values *values, char which, size_t n);

/* The value at a place of another body, which may be NULL. */
const struct llmobs_json *llmobs_layout_of(
    const struct llmobs_layout_values *values, char which,
    const struct llmobs_json *body);

/* The member that the nth pointer of a letter begins with, or the word of a
 * capital letter; NULL: the layout lacks it, or it is the whole body. */
const char *llmobs_layout_key(const struct llmobs_layout_values *values,
                              char which, size_t n);

/* Gives an object with the members that the places of these letters begin with,
 * if they stand complete at the ends of a body whose middle is missing; NULL
 * when memory runs out. */
struct llmobs_json *llmobs_layout_ends(
    const struct llmobs_layout_values *values, const char *letters,
    struct llmobs_text head, struct llmobs_text tail);

#endif
