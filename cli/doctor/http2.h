/* http2 - whether a server speaks HTTP/2 from the first byte, as a gRPC server
 * does. Such a server has no answer that a client of HTTP/1.1 can read.
 *
 * Threads: one.
 * Errors:  a server that cannot be asked speaks no HTTP/2.
 * Limits:  the time that the caller gives, for each address and for the answer,
 *          and the look-up of a name.
 */
#ifndef LLMOBS_HTTP2_H
#define LLMOBS_HTTP2_H

#include <stdbool.h>

/* Connects without TLS. True when the first bytes of the answer are a SETTINGS
 * frame, with which every server of HTTP/2 begins. */
bool llmobs_http2_is_spoken(const char *host, unsigned port, int ms);

#endif
