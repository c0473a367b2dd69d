/* corpus_case - one recorded exchange, taken through the core as a transfer
 * that has ended would be, without network.
 *
 * Owns:    what a corpus_case holds, from load to fini.
 * Threads: one at a time.
 * Errors:  -errno; a malformed case is -EINVAL.
 * Limits:  those of an exchange, and 64 MiB a file.
 * Fork:    plain memory.
 *
 * A folder holds request.json (method, url, headers, body or body_base64) and
 * response.json (status, headers, body or body_base64). The bodies are decoded;
 * the headers that say how they came are not passed on.
 */
#ifndef LLMOBS_CORPUS_CASE_H
#define LLMOBS_CORPUS_CASE_H

#include "core/config/config.h"
#include "core/event/exchange.h"
#include "lib/text/json.h"

struct corpus_case {
    struct llmobs_json *request;
    struct llmobs_json *response;
    struct llmobs_buf request_body;
    struct llmobs_buf response_body;
    bool multipart; /* the request's body is a form, and is not there */
};

/* fini is due also after an error. */
int corpus_case_load(struct corpus_case *c, const char *dir);
void corpus_case_fini(struct corpus_case *c);

/* Gives an exchange that has ended well and is ready for
 * llmobs_exchange_to_span; free with llmobs_exchange_free. -ENOENT: not ours,
 * *why says why, a static text. */
int corpus_case_exchange(const struct corpus_case *c,
                         const struct llmobs_rules *rules,
                         const struct llmobs_config *config,
                         struct llmobs_exchange **out, const char **why);

/* Appends the event as it would be posted. -ENOENT as above. */
int corpus_case_event(const struct corpus_case *c,
                      const struct llmobs_rules *rules,
                      const struct llmobs_config *config,
                      struct llmobs_buf *event, const char **why);

#endif
