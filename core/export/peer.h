/* peer - peers found dead, for all processes of this host: an empty file in
 * our state directory, so that a loop of short processes pays the time-out of
 * a silent agent once in LLMOBS_PEER_DOWN_MS, not once each.
 *
 * Owns:    nothing between calls. Threads: any.
 * Errors:  none: without a directory there is no marker.
 * Limits:  one file a URL, "dead-<hash>", 0600; never followed as a link, and
 *          of no other user's making.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_PEER_H
#define LLMOBS_PEER_H

#include "core/export/exporter.h"

#define LLMOBS_PEER_DOWN_MS 30000

void llmobs_peer_mark_down(const struct llmobs_config *config, const char *url);
bool llmobs_peer_is_marked_down(const struct llmobs_config *config,
                                const char *url);
void llmobs_peer_unmark(const struct llmobs_config *config, const char *url);

/* What an exporter knows of its peer. Keeps the exporter's `silent`. */
struct llmobs_peer {
    struct llmobs_exporter *exporter;
    const struct llmobs_config *config;
    char *url;         /* as configured; owned by the exporter */
    bool tried;        /* a request was sent by this process */
    int64_t silent_ns; /* when it let us wait; 0: it did not */
};

/* -EHOSTDOWN when nothing is to be tried now: the peer was found silent, and
 * this process is at its begin or its end, where the app would wait. */
int llmobs_peer_begin(struct llmobs_peer *peer);

/* For who has a choice: whether it was found silent lately. */
bool llmobs_peer_is_silent(const struct llmobs_peer *peer);

/* After a request: with any answer, and without. An error says that the peer
 * is silent when time ran out, or when the process's end cut the request that
 * had begun at `began_ns` and lasted `enough_ms`. */
void llmobs_peer_answered(struct llmobs_peer *peer);
void llmobs_peer_failed(struct llmobs_peer *peer, int rc, int64_t began_ns,
                        int64_t enough_ms);

void llmobs_peer_forget(struct llmobs_peer *peer);

#endif
