/* http_date - reads how long an answer's Retry-After asks the client to wait.
 *
 * Threads: any, in any locale.
 * Errors:  -1 for a value that cannot be read.
 * Limits:  a day at most.
 */
#ifndef LLMOBS_HTTP_DATE_H
#define LLMOBS_HTTP_DATE_H

#include <stdint.h>

#define LLMOBS_HTTP_DATE_MAX_MS INT64_C(86400000)

/* `value`: seconds, or a date such as "Wed, 21 Oct 2015 07:28:00 GMT" (the only
 * form that today's servers may send); `now_s`: seconds since 1970. 0 for a
 * date that has passed. */
int64_t llmobs_http_date_wait_ms(const char *value, int64_t now_s);

#endif
