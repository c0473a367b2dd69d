/* curlcode - the names of libcurl's result codes, by number: the running
 * libcurl may be older or newer than the headers that the library was built
 * with.
 *
 * Threads: any. Never fails.
 */
#ifndef LLMOBS_CURLCODE_H
#define LLMOBS_CURLCODE_H

/* Not libcurl's: a connection that no libcurl made ended too early. */
#define LLMOBS_CODE_CONNECTION_LOST 1000

/* "CURLE_OPERATION_TIMEDOUT"; "CURLE_UNKNOWN" for a number of no known
 * release; "connection_lost" for LLMOBS_CODE_CONNECTION_LOST. Static, never
 * NULL. */
const char *llmobs_curlcode_name(int code);

#endif
