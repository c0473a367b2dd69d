/* serve - answers requests on loopback from a cassette.
 *
 * Threads: one.
 * Limits:  those of site.h.
 */
#ifndef LLMOBS_SERVE_H
#define LLMOBS_SERVE_H

#include "cli/run/cassette.h"
#include "cli/shared/site.h"

struct llmobs_serve {
    struct llmobs_site site; /* llmobs_serve_init sets it; the port is the
                              * caller's */
    struct llmobs_cassette *cassette;
    const char *command; /* begins each message */
    bool nearest;
    bool timed; /* answers take as long as in the recording */
    unsigned long misses;
};

/* Makes the site answer from the cassette. */
void llmobs_serve_init(struct llmobs_serve *serve);

#endif
