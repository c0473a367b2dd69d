/* agent - where a Datadog Agent listens, and whether it accepts LLM events.
 *
 * Owns:    an endpoint owns its texts, until llmobs_endpoint_fini.
 * Threads: the thread that has the worker's turn: a probe is a request and may
 *          take its time-out.
 *
 * Sources: WIRE 2.2, 2.3.
 */
#ifndef LLMOBS_AGENT_H
#define LLMOBS_AGENT_H

#include "core/export/http.h"

/* A URL in the parts that llmobs_http_send takes. */
struct llmobs_endpoint {
    char *url;
    char *unix_socket; /* NULL: not a Unix socket */
};

/* Joins an origin ("http://host:port[/base]", "https://...", "unix:///path")
 * and a path. -EINVAL for any other origin, -ENOMEM. */
int llmobs_endpoint_init(struct llmobs_endpoint *endpoint, const char *origin,
                         const char *path);
void llmobs_endpoint_fini(struct llmobs_endpoint *endpoint);

/* True when the origin has a base path; "/" does not count. */
bool llmobs_endpoint_has_base(const char *origin);

/* 1 where an agent's answer to /info names an EVP proxy, else 0. */
int llmobs_agent_info(struct llmobs_text body);

/* Asks the agent for its /info. 1: it has an EVP proxy; 0: it has none;
 * -EBUSY: it cannot say now; another negative errno: it did not answer
 * (llmobs_http_send). */
int llmobs_agent_probe(struct llmobs_http *http,
                       const struct llmobs_config *config, int64_t timeout_ms,
                       const struct llmobs_tick *tick);

#endif
