/* store - reads a search in a vector database, by a table of the members of its
 * bodies: the query's text in, the documents with their scores out. Vectors are
 * removed from the bodies before this reads them (lib/span/vectors.h).
 *
 * Owns:    nothing; the tables are constant.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  those of documents.h and values.h; STORE_DEPTH_MAX levels of a body.
 */
#ifndef LLMOBS_TABLES_STORE_H
#define LLMOBS_TABLES_STORE_H

#include "rules/read/reading.h"

/* The variant of a form: names of members, NULL-terminated, of which the first
 * that is there is taken. */
struct llmobs_store {
    const char *asks;  /* one of these is in each search */
    const char *each;  /* of the request: a list of searches; if it has only
                        * one, that has the keys; NULL: it is one search */
    const char *keys;  /* of the request: kept as metadata; NULL: the form's */
    const char *texts; /* of the request, at any depth but in filters:
                        * their texts are the query; NULL: none */
    const char *lists; /* of the answer: members above the hits */
    const char *hits;  /* one of `lists`, which has nothing but hits; NULL: an
                        * object with a score is a hit */
    const char *payloads; /* of a hit: has its text; NULL: the hit has */
    const char *ids;      /* of a hit, else of its payload */
    const char *drops;    /* of a hit without a payload: no part of its
                           * text; NULL: none */
    const char *scores;   /* of a hit: every hit has a score */
    /* Marks the span as failed where the answer says so in words of its own;
     * NULL: it has none. */
    int (*fail)(struct llmobs_reading *reading, const struct llmobs_json *body);
};

/* The functions of a form. */
bool llmobs_store_asks(const struct llmobs_reading *reading);
int llmobs_store_request(struct llmobs_reading *reading);
int llmobs_store_document(struct llmobs_reading *reading,
                          const struct llmobs_json *body);

/* Sets the input: the text if there is only one, else the list of texts. A
 * search by a vector has no text, and so no input. */
int llmobs_store_input(struct llmobs_span *span,
                       const struct llmobs_json *texts);

/* The first of the members that is there; NULL: none. */
const struct llmobs_json *llmobs_store_first(const struct llmobs_json *object,
                                             const char *names);

/* Adds one document: a text, or an object that has one among other members.
 * NULL members are left out; a score may be a number's text. */
int llmobs_store_add(struct llmobs_span *span,
                     const struct llmobs_json *payload,
                     const struct llmobs_json *id,
                     const struct llmobs_json *score);

#endif
