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

/* `host` is lower case, without brackets, zone and the dot at its end. Reads
 * numbers as libcurl and the C library do: 0x7f.1, 2130706433, 0177.0.0.1. */
bool llmobs_network_private_host(const char *host);

/* True where the address of a caller (CGI's REMOTE_ADDR), with a port or
 * without one, is known and not private. NULL and "": not known. */
bool llmobs_network_public_caller(const char *address);

/* The headers that a proxy adds, each name with `end` behind it. */
#define LLMOBS_NETWORK_HEADERS(end)                                \
    "x-forwarded-for" end, "forwarded" end, "x-real-ip" end,       \
        "x-forwarded" end, "forwarded-for" end, "x-client-ip" end, \
        "x-cluster-client-ip" end, "true-client-ip" end,           \
        "cf-connecting-ip" end, "cf-connecting-ipv6" end,          \
        "fastly-client-ip" end, "fly-client-ip" end

/* True where the value of such a header names an address that is not known to
 * be private. */
bool llmobs_network_public_forwarded(const char *value);

#endif
