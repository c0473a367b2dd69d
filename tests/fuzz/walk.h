/* walk - the handles of a walk over libcurl's API, and what their callbacks and
 * settings are up to (tests/fuzz/api_walk.c). The output depends on the
 * seed and on libcurl's behaviour alone, not on how bytes arrive in time. */
#ifndef LLMOBS_FUZZ_WALK_H
#define LLMOBS_FUZZ_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/clients/cases.h"

#define HANDLES 5

enum act { NOTHING, PAUSE, REFUSE, TOO_LITTLE, SWITCH, RELIST, TWIN, PERFORM };
#define ACTS 8

/* One easy handle and what its callbacks are up to. */
struct item {
    struct walk *walk;
    CURL *curl;
    CURL *twin;              /* made in a callback, used afterwards */
    FILE *file;              /* for libcurl's own fread */
    struct curl_slist *list; /* NULL: the common one */
    CURLM *multi;
    char *body; /* borrowed by libcurl */
    size_t body_at;
    size_t read_most;
    enum act on_header, on_body, on_read;
    int header_at; /* which line the act is for */
    int headers, bodies, reads;
    bool paused, refused;
    uint64_t head_hash, body_hash;
    size_t head_len, body_len;
};

struct walk {
    uint64_t state;
    const char *base;
    struct curl_slist *headers; /* the common list */
    int steps;
    struct item items[HANDLES];
    struct text trace;
};

/* The next number of the seed, below a bound. */
unsigned walk_any(struct walk *walk, unsigned below);

/* Adds to the trace, which is printed at the end. */
__attribute__((format(printf, 2, 3))) void walk_say(struct walk *walk,
                                                    const char *format, ...);

/* Its lists and bodies are the model's: gone before they are freed. */
void item_drop_twin(struct item *item);

void item_relist(struct item *item);
void item_twin(struct item *item);

/* The answer of a callback to `len` bytes. */
size_t item_act(struct item *item, enum act what, size_t len, size_t pause);

/* After a pause. */
void item_go_on(struct item *item);

void item_set_body(struct item *item, const char *model);

/* The options of every handle, so that it ends and leaves the terminal alone.
 */
void item_set_needed(struct item *item);
void item_set_all(struct item *item);
void item_set_something(struct item *item);

#endif
