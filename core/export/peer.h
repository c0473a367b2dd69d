/* peer - whether the other end of an exporter's connection answers.
 *
 * A process that finds a peer silent marks it as down for all processes of this
 * host: an empty file in the state directory. So a series of short processes
 * pays the time-out of a silent agent once in LLMOBS_PEER_DOWN_MS, and not once
 * in each process.
 *
 * Threads: a marker: any; a struct llmobs_peer: the thread that sends.
 * Errors:  none; without a state directory there are no markers.
 * Limits:  one file for each URL, "dead-<hash>", 0600. A link does not count as
 *          a marker, and neither does the file of another user, except root.
 */
#ifndef LLMOBS_PEER_H
#define LLMOBS_PEER_H

#include "core/export/exporter.h"

#define LLMOBS_PEER_DOWN_MS 30000

/* A request that was cut before its time-out proves a peer silent only if it
 * lasted at least this long: to a peer on this host, and to a peer far away. */
#define LLMOBS_SILENT_NEAR_MS 50
#define LLMOBS_SILENT_FAR_MS 1000

/* The functions for the marker of a URL. */
void llmobs_peer_mark_down(const struct llmobs_config *config, const char *url);
void llmobs_peer_unmark(const struct llmobs_config *config, const char *url);

/* The state of one peer. The functions below also set the exporter's `silent`.
 */
struct llmobs_peer {
    struct llmobs_exporter *exporter;
    const struct llmobs_config *config;
    char *url;         /* as configured; owned by the exporter */
    bool tried;        /* this process has sent a request */
    bool marked;       /* the marker was there at the last look, or later */
    bool asks_for_all; /* the marker was old, and this process renewed it */
    int64_t silent_ns; /* when a request last timed out; 0: never */
};

/* To be called before a request. -EHOSTDOWN: do not send it now: the peer was
 * found silent, and this process begins, ends or flushes, so that the app would
 * wait. */
int llmobs_peer_begin(struct llmobs_peer *peer);

/* False where any process has lately found the peer silent. After that time the
 * first process that calls this may ask the peer, and marks it anew before:
 * other processes do not ask until that process has an answer. */
bool llmobs_peer_may_ask(struct llmobs_peer *peer);

/* To be called after a request: _answered after any answer, _failed after none.
 * The peer is silent if the request has timed out, or if the end of the process
 * has cut it although it had lasted `enough_ms` since `began_ns`; true then. */
void llmobs_peer_answered(struct llmobs_peer *peer);
bool llmobs_peer_failed(struct llmobs_peer *peer, int rc, int64_t began_ns,
                        int64_t enough_ms);

/* Notes the answer in the state directory (answers.h): a status, or the error
 * and libcurl's code; and how many events were accepted. `exporter`: as
 * LLMOBS_EXPORTER names it. */
void llmobs_peer_note(const struct llmobs_peer *peer, const char *exporter,
                      long status, int error, int code, size_t accepted);

/* True where the peer has accepted something within a day. */
bool llmobs_peer_was_there(const struct llmobs_peer *peer,
                           const char *exporter);

void llmobs_peer_forget(struct llmobs_peer *peer);

#endif
