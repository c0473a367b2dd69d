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

#include "lib/text/json_series.h"
#include "rules/read/message.h"

#define LLMOBS_LAYOUT_MAX 384
#define LLMOBS_LAYOUT_PLACES 48
#define LLMOBS_LAYOUT_STEPS 144

/* The places: P(ID, letter, word, form, readers, kinds, meaning). The word is
 * that of files of APIs and of rules; a SAYING is a word, not a pointer, and
 * has a capital letter. docs/RULES.md has the meaning, rules/apis/read.h the
 * rest. */
#define LLMOBS_LAYOUT_WORDS(P)                                                \
    P(INPUT, 'i', "input", PLACE, PLACES, ALL,                                \
      "messages, texts to embed, or any value")                               \
    P(CONTENTS, 'j', "contents", PLACE, PLACES, ALL,                          \
      "contents to embed, or documents below the prompt; several lines")      \
    P(PROMPT, 'q', "prompt", PLACE, PLACES, LLM, "a text of the user")        \
    P(SYSTEM, 'y', "system", PLACE, PLACES, LLM, "a text of the system")      \
    P(SETTINGS, 'k', "settings_in", PLACE, IN, ALL,                           \
      "the object that has the settings")                                     \
    P(PIECES, 'g', "pieces", PLACE, PLACES, ALL,                              \
      "true: a stream has pieces; else each event has the whole answer")      \
    P(MODEL, 'm', "model", PLACE, PLACES, ALL,                                \
      "the model, of the answer or the request")                              \
    P(CONVERSATION, '~', "conversation", PLACE, PLACES, ALL,                  \
      "the id of the conversation")                                           \
    P(ID, '@', "id", PLACE, PLACES, ALL, "the id of the answer")              \
    P(TYPE, '%', "type", PLACE, PLACES, ALL, "the type of an event")          \
    P(OUTPUT, 'o', "output", PLACE, PLACES, SAYS,                             \
      "all of the answer, or its message; an embedding's vectors")            \
    P(CHOICES, 'l', "choices", PLACE, PLACES, ALL,                            \
      "a list of objects, each with a message")                               \
    P(ROLE, 'r', "role", PLACE, PLACES, LLM, "the role of the answer")        \
    P(TEXT, 'x', "text", PLACE, PLACES, LLM, "the text of the answer")        \
    P(IMAGE, 'v', "image", PLACE, PLACES, ALL,                                \
      "a picture in base64, which is counted")                                \
    P(REASONING, 'h', "reasoning", PLACE, PLACES, LLM,                        \
      "the text of the model's thoughts")                                     \
    P(INSTEAD, 'p', "instead", PLACE, PLACES, ALL,                            \
      "a text for an answer that has no other")                               \
    P(CALLS, 'f', "tool_calls", PLACE, PLACES, LLM,                           \
      "calls of tools, or one call")                                          \
    P(INDEX, '=', "index", PLACE, PLACES, LLM,                                \
      "the index of the text, or of the call")                                \
    P(END, 'e', "end", PLACE, PLACES, ALL,                                    \
      "true where a stream has ended; `= WORD`: this word")                   \
    P(LAST, 'E', "end_value", SAYING, PLACES, ALL, "the word at `end`")       \
    P(REASON, 'w', "finish_reason", PLACE, PLACES, LLM,                       \
      "why the answer ended")                                                 \
    P(REASONS, 'W', "finish_reasons", SAYING, PLACES, LLM,                    \
      "`eos=stop wait=`: this API's reason and the usual word; nothing: "     \
      "no reason")                                                            \
    P(ENDED, 'N', "finish_default", SAYING, PLACES, LLM,                      \
      "the reason where an answer ends without one")                          \
    P(FAULT, '!', "error", PLACE, PLACES, ALL,                                \
      "the text of an error, or an object with one")                          \
    P(USAGE, 'u', "usage", PLACE, PLACES, ALL,                                \
      "an object with counts of tokens")                                      \
    P(INPUT_TOKENS, '<', "input_tokens", PLACE, PLACES, ALL, "")              \
    P(OUTPUT_TOKENS, '>', "output_tokens", PLACE, PLACES, ALL, "")            \
    P(TOTAL_TOKENS, '+', "total_tokens", PLACE, PLACES, ALL, "")              \
    P(CACHED_TOKENS, 'c', "cached_tokens", PLACE, PLACES, ALL,                \
      "input that the provider had read before")                              \
    P(IMAGE_TOKENS, '&', "image_tokens", PLACE, PLACES, ALL,                  \
      "of pictures, which input_tokens leaves out")                           \
    P(PREFILL, 'a', "prefill_time", PLACE, PLACES, LLM,                       \
      "how long the model read the prompt")                                   \
    P(DECODE, 'b', "decode_time", PLACE, PLACES, LLM,                         \
      "how long the model wrote")                                             \
    P(UNIT, 'U', "time_unit", SAYING, PLACES, LLM, "of times: s, ms, us, ns") \
    P(ONLY, 'O', "only", SAYING, PLACES, ALL,                                 \
      "the types of events that have output")                                 \
    P(FAULTS, 'F', "error_types", SAYING, PLACES, ALL,                        \
      "the types of events that have an error")                               \
    P(REPLACES, 'R', "replaces", SAYING, PLACES, ALL,                         \
      "types of events that replace all output before them")                  \
    P(PAUSES, 'P', "pauses", SAYING, PLACES, ALL,                             \
      "types of events that end an answer without a reason")                  \
    P(DOCUMENTS, 'd', "documents", PLACE, PLACES, FINDS,                      \
      "the list of documents")                                                \
    P(DOCUMENT_TEXT, 't', "document_text", PLACE, PLACES, FINDS,              \
      "in a document")                                                        \
    P(DOCUMENT_NAME, 'n', "document_name", PLACE, PLACES, FINDS,              \
      "in a document")                                                        \
    P(DOCUMENT_ID, '#', "document_id", PLACE, PLACES, FINDS, "in a document") \
    P(DOCUMENT_SCORE, 's', "document_score", PLACE, PLACES, FINDS,            \
      "in a document")                                                        \
    P(METADATA, 'z', "settings", WORDS, ANY, ALL,                             \
      "members of the request that are metadata; a pointer: all of that "     \
      "object is; `usual`: those of most APIs")

#define LLMOBS_AT(id, letter, ...) LLMOBS_AT_##id = letter,
enum { LLMOBS_LAYOUT_WORDS(LLMOBS_AT) };
#undef LLMOBS_AT

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
    uint64_t trees[2];  /* of those bodies; 0: not known */
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
                      const struct llmobs_json *body,
                      const struct llmobs_json_changes *alike);

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
