/* curlcode - the names of libcurl's result codes, by number: the running
 * libcurl may be older or newer than the headers we were built with.
 *
 * Threads: any. Never fails.
 */
#ifndef LLMOBS_CURLCODE_H
#define LLMOBS_CURLCODE_H

/* "CURLE_OPERATION_TIMEDOUT"; "CURLE_UNKNOWN" for a number of no known
 * release. Static, never NULL. */
const char *llmobs_curlcode_name(int code);

#endif
