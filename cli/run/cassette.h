/* cassette - the recordings of a directory (docs/RECORD.md), in memory.
 *
 * Owns:    everything, from load to free.
 * Threads: one.
 * Errors:  load says on stderr which file is wrong, and why.
 * Limits:  LLMOBS_CASSETTE_MAX recordings, LLMOBS_CASSETTE_BYTES of files.
 */
#ifndef LLMOBS_CASSETTE_H
#define LLMOBS_CASSETTE_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/text/json.h"

#define LLMOBS_CASSETTE_MAX 100000
#define LLMOBS_CASSETTE_NAME 16
#define LLMOBS_CASSETTE_BYTES ((size_t)1024 * 1024 * 1024)

/* A body of a request, as recordings are compared by it. */
struct llmobs_cassette_body {
    struct llmobs_buf text;   /* its secrets masked */
    struct llmobs_json *json; /* NULL: not JSON */
};

/* `ms` after the request `end` bytes of the answer had come. */
struct llmobs_cassette_chunk {
    size_t end;
    int64_t ms;
};

struct llmobs_cassette_item {
    char name[LLMOBS_CASSETTE_NAME]; /* of its directory */
    unsigned number;
    struct llmobs_json *head; /* owns the texts below */
    const char *method;
    char *path;      /* owned */
    const char *cut; /* why it cannot be served, or NULL */
    bool form;       /* the body of the request is a form, and not known */
    struct llmobs_cassette_body request;
    int status; /* 0: no answer came */
    const char *type;
    bool faulty; /* the answer broke off */
    struct llmobs_buf answer;
    struct llmobs_cassette_chunk *chunks;
    size_t chunk_count;
    unsigned served; /* how often */
};

struct llmobs_cassette {
    struct llmobs_cassette_item *items; /* by number */
    size_t count, cap;
};

/* Loads a directory; `command` begins the messages. -errno; -EINVAL: a file
 * does not belong to a recording. */
int llmobs_cassette_load(struct llmobs_cassette *cassette, const char *dir,
                         const char *command);
void llmobs_cassette_free(struct llmobs_cassette *cassette);

/* Fills a body from bytes, which it takes; masks them. */
void llmobs_cassette_read_body(struct llmobs_cassette_body *body,
                               struct llmobs_buf *bytes);
void llmobs_cassette_free_body(struct llmobs_cassette_body *body);

/* Gives the path of a URL or of a target, as a recording has it: without the
 * query, its keys masked; NULL when memory runs out. */
char *llmobs_cassette_path(const char *url);

#endif
