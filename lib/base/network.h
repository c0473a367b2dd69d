/* network - tells whether an address, or the host of a URL, belongs to a
 * private network: loopback, RFC 1918, shared (100.64/10), unique local,
 * link-local, and names that no public name server has.
 *
 * Threads: any.
 * Errors:  none: an address that is not known to be private counts as public.
 */
#ifndef LLMOBS_NETWORK_H
#define LLMOBS_NETWORK_H

#include <stdbool.h>

/* True for a host in a private network. `host` is lower case, without brackets,
 * zone or final dot. Numbers are read as libcurl and the C library read them:
 * 0x7f.1, 2130706433, 0177.0.0.1. */
bool llmobs_network_private_host(const char *host);

/* True where the address of a caller (CGI's REMOTE_ADDR), with a port or
 * without one, is known and not private. NULL and "" are not known. */
bool llmobs_network_public_caller(const char *address);

/* The headers by which proxies name their client, or themselves (Via), for
 * N(with, name in CGI, name). */
#define LLMOBS_NETWORK_HEADERS(N, with)                             \
    N(with, X_FORWARDED_FOR, "x-forwarded-for")                     \
    N(with, FORWARDED, "forwarded")                                 \
    N(with, X_REAL_IP, "x-real-ip")                                 \
    N(with, X_FORWARDED, "x-forwarded")                             \
    N(with, FORWARDED_FOR, "forwarded-for")                         \
    N(with, X_CLIENT_IP, "x-client-ip")                             \
    N(with, X_CLUSTER_CLIENT_IP, "x-cluster-client-ip")             \
    N(with, TRUE_CLIENT_IP, "true-client-ip")                       \
    N(with, CF_CONNECTING_IP, "cf-connecting-ip")                   \
    N(with, CF_CONNECTING_IPV6, "cf-connecting-ipv6")               \
    N(with, FASTLY_CLIENT_IP, "fastly-client-ip")                   \
    N(with, FLY_CLIENT_IP, "fly-client-ip")                         \
    N(with, VIA, "via")                                             \
    N(with, X_ENVOY_EXTERNAL_ADDRESS, "x-envoy-external-address")   \
    N(with, X_AZURE_CLIENTIP, "x-azure-clientip")                   \
    N(with, X_AZURE_SOCKETIP, "x-azure-socketip")                   \
    N(with, CLOUDFRONT_VIEWER_ADDRESS, "cloudfront-viewer-address") \
    N(with, X_APPENGINE_USER_IP, "x-appengine-user-ip")             \
    N(with, X_ORIGINAL_FORWARDED_FOR, "x-original-forwarded-for")   \
    N(with, X_VERCEL_FORWARDED_FOR, "x-vercel-forwarded-for")

/* True where the value of such a header names an address that is not known to
 * be private. */
bool llmobs_network_public_forwarded(const char *value);

#endif
