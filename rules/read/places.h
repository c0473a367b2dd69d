/* places - where a user's rule says that the values of a call are: JSON
 * pointers (RFC 6901) into its bodies.
 *
 * One text has the places of a rule, a line for each: its letter, then its
 * pointer. So they go to another process as they are.
 *
 * Owns:    nothing; what is found is borrowed from the body.
 * Threads: any; no state.
 * Errors:  never fails; a place that a body does not have is NULL.
 * Limits:  LLMOBS_PLACES_MAX bytes of all lines.
 */
#ifndef LLMOBS_PLACES_H
#define LLMOBS_PLACES_H

#include "core/text/json.h"

/* With the rest of a rule the text has room in a note of 512 bytes. */
#define LLMOBS_PLACES_MAX 256

enum llmobs_place {
    LLMOBS_PLACE_INPUT = 'i',     /* of the request */
    LLMOBS_PLACE_OUTPUT = 'o',    /* of the answer, and so all that follow */
    LLMOBS_PLACE_MODEL = 'm',     /* or of the request */
    LLMOBS_PLACE_DOCUMENTS = 'd', /* the list */
    LLMOBS_PLACE_TEXT = 't',      /* of one of the documents */
    LLMOBS_PLACE_NAME = 'n',      /* likewise */
    LLMOBS_PLACE_ID = '#',        /* likewise */
    LLMOBS_PLACE_SCORE = 's',     /* likewise */
    LLMOBS_PLACE_INPUT_TOKENS = '<',
    LLMOBS_PLACE_OUTPUT_TOKENS = '>',
    LLMOBS_PLACE_TOTAL_TOKENS = '+'
};

/* Names the fault of a pointer, in a static text; NULL: it has none. */
const char *llmobs_place_fault(const char *pointer);

/* True for the places that a retrieval alone has. */
bool llmobs_place_is_of_documents(enum llmobs_place which);

/* True where the rule names this place. `places` may be NULL here and below. */
bool llmobs_place_named(const char *places, enum llmobs_place which);

/* Gives the member of the body in which the place is; NULL: the rule names no
 * such place, or the whole body is it, or memory is short. */
char *llmobs_place_first(const char *places, enum llmobs_place which);

/* The value at this place of a body, which may be NULL; NULL: the rule names no
 * such place, or the body has none. */
const struct llmobs_json *llmobs_place_of(const char *places,
                                          enum llmobs_place which,
                                          const struct llmobs_json *body);

#endif
