/* layout - where the bodies of an API have what: the table of a dialect, or of
 * a rule of the user's file; and the values at these places.
 *
 * The places are one text, a line for each: its letter, then a JSON pointer
 * (RFC 6901). Behind a '|' stands another pointer, for bodies in which the
 * first finds nothing. A line of a capital letter has a word and no pointer. So
 * the places of a rule go to another process as they are.
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

/* Which place: the letter of its line. Of the request: */
#define LLMOBS_AT_INPUT "i" /* messages, texts to embed, or any value */
#define LLMOBS_AT_CONTENTS \
    "j"                      /* contents to embed; several lines may have it */
#define LLMOBS_AT_PROMPT "q" /* a text of the user */
#define LLMOBS_AT_SYSTEM "y" /* a text of the system */
#define LLMOBS_AT_SETTINGS "k" /* the object with the keys of the dialect */
#define LLMOBS_AT_METADATA "z" /* an object, all of which is metadata */
#define LLMOBS_AT_PIECES \
    "g" /* true: a stream has pieces; else each event has the whole answer */
/* Of the answer, or of the request: */
#define LLMOBS_AT_MODEL "m"
#define LLMOBS_AT_CONVERSATION "~" /* its id */
/* Of the answer, or of each event of a stream: */
#define LLMOBS_AT_ID "@"
#define LLMOBS_AT_TYPE "%"    /* of an event; see LLMOBS_AT_ONLY and _FAULTS */
#define LLMOBS_AT_OUTPUT "o"  /* all of it; of an embedding its vectors */
#define LLMOBS_AT_CHOICES "l" /* a list of objects, each with a message */
#define LLMOBS_AT_ROLE "r"
#define LLMOBS_AT_TEXT "x"
#define LLMOBS_AT_IMAGE "v" /* a picture in base64, which is counted */
#define LLMOBS_AT_REASONING "h"
#define LLMOBS_AT_INSTEAD "p" /* the text of an answer that has no other */
#define LLMOBS_AT_CALLS "f"   /* calls of tools, or one call */
#define LLMOBS_AT_INDEX "="   /* of the text, or of the one call */
#define LLMOBS_AT_END "e"     /* true, or the word LLMOBS_AT_LAST */
#define LLMOBS_AT_REASON "w"
#define LLMOBS_AT_FAULT "!" /* the text of an error, or an object with one */
#define LLMOBS_AT_USAGE "u" /* an object with counts (usage.h) */
#define LLMOBS_AT_INPUT_TOKENS "<"
#define LLMOBS_AT_OUTPUT_TOKENS ">"
#define LLMOBS_AT_TOTAL_TOKENS "+"
#define LLMOBS_AT_CACHED_TOKENS "c"
#define LLMOBS_AT_PREFILL "a"   /* the time that the model read the prompt */
#define LLMOBS_AT_DECODE "b"    /* the time that it wrote */
#define LLMOBS_AT_DOCUMENTS "d" /* the list */
/* Of one of the documents: */
#define LLMOBS_AT_DOCUMENT_TEXT "t"
#define LLMOBS_AT_DOCUMENT_NAME "n"
#define LLMOBS_AT_DOCUMENT_ID "#"
#define LLMOBS_AT_DOCUMENT_SCORE "s"
/* Words: */
#define LLMOBS_AT_LAST "E" /* what stands at LLMOBS_AT_END, if not true */
#define LLMOBS_AT_REASONS                                                     \
    "W"                     /* "eos=stop wait=": a reason of this API and the \
                             * word of all APIs for it; none: no reason */
#define LLMOBS_AT_ENDED "N" /* the reason of an end without one */
#define LLMOBS_AT_UNIT "U"  /* of the times: "s", "ms", "us" or "ns" */
#define LLMOBS_AT_ONLY \
    "O" /* "token final": the only types of events with output */
#define LLMOBS_AT_FAULTS "F" /* the only types of events with a fault */

/* A line of a dialect's places: LLMOBS_AT(TEXT, "/message/content"). */
#define LLMOBS_AT(which, what) LLMOBS_AT_##which what "\n"

/* A dialect as a table: form->variant of the functions in
 * rules/tables/interpreter.h. */
struct llmobs_layout {
    char places[LLMOBS_LAYOUT_MAX]; /* "": the user's rule has them */
    /* How messages are written; NULL: as OpenAI's, or as any value. */
    const struct llmobs_message_form *messages;
    /* The request is itself a message, of this form; NULL: it is none. */
    const struct llmobs_message_form *alone;
    /* The keys at LLMOBS_AT_SETTINGS that are metadata; NULL: those of
     * form->keys but for the first ones, as many as `plain` says. */
    const char *settings;
    /* For llmobs_interpreter_signed: words, of which the request has each as a
     * member, NULL-terminated. "a|b": one of them; "{a": an object, "[a": a
     * list, "'a": a text; "a=b": this text. */
    const char *asks;
    const char *answers; /* and a text that the answer has; or NULL */
    unsigned char plain;
    bool sums;       /* the total is input and output together */
    bool keep_space; /* a streamed text keeps the white space around it */
    bool texts;      /* the answer is a text without a role */
    bool loose;    /* of a user's rule: what a cut request still has is read, an
                    * error at its place comes first, and no model's name is a
                    * fact, no count made up */
    bool mute;     /* an answer may end without a reason */
    char role[12]; /* of an answer that names none, or "" */
};

/* A pointer of a line, with its steps. */
struct llmobs_layout_pointer {
    char which;
    bool either; /* it stands behind a '|' */
    uint8_t step, steps;
};

/* Where a place is in a body: a member or an element of a container. */
struct llmobs_layout_found {
    const struct llmobs_json *in; /* NULL: nowhere */
    const char *step;             /* NULL: `in` is the place itself */
    void *member;                 /* of an object; NULL: it is none */
};

/* The places of a layout, and where they are in the last two bodies. All zeros
 * but for what llmobs_layout_read has filled. */
struct llmobs_layout_values {
    char text[LLMOBS_LAYOUT_MAX + 1]; /* of the steps */
    uint16_t steps[LLMOBS_LAYOUT_STEPS];
    struct llmobs_layout_pointer pointers[LLMOBS_LAYOUT_PLACES];
    uint8_t count, step_count;
    uint8_t lines[128]; /* the first pointer of a letter, from 1 on */
    const struct llmobs_json *bodies[2];
    struct llmobs_layout_found found[2][LLMOBS_LAYOUT_PLACES];
    const struct llmobs_layout_found *now; /* of the last body */
};

/* Names the fault of what a line of this letter says, in a static text; NULL:
 * it has none. */
const char *llmobs_layout_fault(const char *which, const char *what);

/* Reads the lines, once for a call. `places` may be NULL. */
void llmobs_layout_read(struct llmobs_layout_values *values,
                        const char *places);

/* Goes to a body: finds all places in it. With `alike` a body at which this was
 * called before has them where they were (struct llmobs_event). */
void llmobs_layout_go(struct llmobs_layout_values *values,
                      const struct llmobs_json *body, bool alike);

const struct llmobs_json *llmobs_layout_value(struct llmobs_layout_found found);

/* The value at a place of that body; NULL: the layout names no such place, or
 * the body has none. _nth: of a letter with several lines. */
static inline const struct llmobs_json *llmobs_layout_at(
    const struct llmobs_layout_values *values, const char *which)
{
    size_t line = values->lines[(unsigned char)*which];

    if (line == 0 || !values->now[line - 1].in)
        return NULL;
    return llmobs_layout_value(values->now[line - 1]);
}

const struct llmobs_json *llmobs_layout_nth(
    const struct llmobs_layout_values *values, const char *which, size_t n);

/* The value at a place of another body, which may be NULL. */
const struct llmobs_json *llmobs_layout_of(
    const struct llmobs_layout_values *values, const char *which,
    const struct llmobs_json *body);

/* True where the layout names this place. */
bool llmobs_layout_has(const struct llmobs_layout_values *values,
                       const char *which);

/* The member that the nth pointer of a letter begins with, or the word of a
 * capital letter; NULL: the layout has none, or it is the whole body. */
const char *llmobs_layout_key(const struct llmobs_layout_values *values,
                              const char *which, size_t n);

/* Gives an object with the members that places of these letters begin with, as
 * far as they stand whole at the ends of a body whose middle is missing; NULL
 * without memory. */
struct llmobs_json *llmobs_layout_ends(
    const struct llmobs_layout_values *values, const char *which,
    struct llmobs_text head, struct llmobs_text tail);

#endif
