/* vectors - takes the lists of numbers out of the bytes of a body: the vectors
 * of a search, which tell nothing to a reader, are long, and can be turned back
 * into the text that they stand for.
 *
 * A list that has nothing but numbers, blanks and null becomes a list of
 * blanks, "[ ]", and so does an object whose names are numbers as well, a
 * sparse vector: {"17": 0.5}. The body keeps its length, and JSON stays JSON. A
 * list below a member "distances" or "scores" stays: it tells how similar the
 * documents are.
 *
 * Within a text of JSON, such as a query of GraphQL, a list goes only where it
 * has two numbers and one of them a fraction or an exponent, or sixteen
 * numbers: "see [1]" and "[2, 3]" are words. If the bytes' end cuts a list off,
 * one number is enough; so it is in bytes that may begin within a text.
 *
 * Threads: any; the body belongs to one thread.
 * Limits:  one pass over the bytes, of which those of a list are read twice.
 *          Allocates nothing. Does not see into a compressed body or base64.
 */
#ifndef LLMOBS_VECTORS_H
#define LLMOBS_VECTORS_H

#include <stdbool.h>
#include <stddef.h>

/* Writes blanks over the vectors in these bytes, which may end anywhere.
 * `from_start`: they are the beginning of a document; else they may begin
 * anywhere, also within a vector. */
void llmobs_vectors_mask(char *data, size_t len, bool from_start);

#endif
