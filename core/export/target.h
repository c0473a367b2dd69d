/* target - where a request of this library goes: scheme, host and port, and the
 * proxy on the way.
 *
 * Threads: llmobs_proxies_read and _named: a thread of the app only, as they
 *          read the environment. The rest: any.
 * Errors:  -EINVAL for a URL that a request cannot use.
 * Limits:  LLMOBS_TARGET_HOST_MAX bytes of a host name; a proxy variable longer
 *          than LLMOBS_PROXY_MAX counts as unset.
 */
#ifndef LLMOBS_TARGET_H
#define LLMOBS_TARGET_H

#include <stdbool.h>

#define LLMOBS_TARGET_HOST_MAX 256
#define LLMOBS_PROXY_MAX 1024

struct llmobs_target {
    char scheme[16];                   /* lower case */
    char host[LLMOBS_TARGET_HOST_MAX]; /* lower case, without brackets */
    unsigned port;
    bool numeric; /* the host is an address */
};

/* The proxy variables as libcurl knows them; "" where unset. */
struct llmobs_proxies {
    char http[LLMOBS_PROXY_MAX];
    char https[LLMOBS_PROXY_MAX];
    char none[LLMOBS_PROXY_MAX]; /* no_proxy, with ranges of addresses */
};

/* Reads scheme, host and port of a URL. A URL without a scheme gets `scheme`,
 * or is wrong if that is NULL. */
int llmobs_target_parse(const char *url, const char *scheme,
                        struct llmobs_target *out);

/* True for a proxy that takes addresses only: libcurl would look the target's
 * name up itself. */
bool llmobs_target_proxy_wants_address(const struct llmobs_target *proxy);

void llmobs_proxies_read(struct llmobs_proxies *proxies);

/* True when the environment names any proxy, for any request. */
bool llmobs_proxies_named(void);

/* The proxy for `target`; NULL: no proxy. Borrowed from `proxies`. */
const char *llmobs_proxies_find(const struct llmobs_proxies *proxies,
                                const struct llmobs_target *target);

#endif
