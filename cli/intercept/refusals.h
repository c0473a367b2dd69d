/* refusals - programs that took none of a run's certificates: a line for each
 * host and kind, with the time, in a file beside the store. A line counts for
 * 30 days. Who compares a certificate after the handshake leaves without a
 * word, as does who has no use for a connection. It is a refusal where the same
 * kind has left that host before, has sent it nothing since, and has no other
 * connection to it open. Lines of no host say why a run
 * read no more.
 *
 * Threads: any. Errors: a file that cannot be read or written is as an empty
 * one.
 */
#ifndef LLMOBS_REFUSALS_H
#define LLMOBS_REFUSALS_H

#include <limits.h>

#include "core/config/config.h"

/* Writes the path of the file. False: it is too long. */
bool llmobs_refusals_path(const struct llmobs_config *config,
                          char path[PATH_MAX]);

/* Calls `each` with those that count; `ns`: when they end, by the wall clock. A
 * sign before the host: no refusal, but the program left, or used one later. */
#define LLMOBS_REFUSALS_LEFT "?"
#define LLMOBS_REFUSALS_USED "+"
typedef void llmobs_refusal_fn(void *user, const char *host, uint64_t kind,
                               int64_t ns);
void llmobs_refusals_read(const char *path, llmobs_refusal_fn *each,
                          void *user);

bool llmobs_refusals_have(const char *path, const char *host, uint64_t kind);

/* A connection that shakes hands, and what its program did with it: left it
 * soon, without a byte; or sent some; or refused the certificate. True: it is a
 * refusal. */
enum llmobs_refusals_end {
    LLMOBS_REFUSALS_NEITHER,
    LLMOBS_REFUSALS_LEAVES,
    LLMOBS_REFUSALS_USES,
    LLMOBS_REFUSALS_REFUSES
};
void llmobs_refusals_begin(const char *host, uint64_t kind);
bool llmobs_refusals_end(const char *path, const char *host, uint64_t kind,
                         enum llmobs_refusals_end how);

/* Why connections to models passed unread though nobody asked for it, as bits.
 */
enum llmobs_unread {
    LLMOBS_UNREAD_EXPIRED = 1,
    LLMOBS_UNREAD_REFUSED = 2,
    LLMOBS_UNREAD_KILLED = 4,
    LLMOBS_UNREAD_HIDDEN = 8,
    LLMOBS_UNREAD_MANY = 16
};

#define LLMOBS_UNREAD_WHYS 5

/* Of each bit the text for people; of a line of no host likewise. */
extern const char *const llmobs_unread_whys[LLMOBS_UNREAD_WHYS];
const char *llmobs_unread_why(const char *host);

/* Logs it, and adds a line where there is none. */
void llmobs_unread_tell(const char *path, enum llmobs_unread why);

#endif
