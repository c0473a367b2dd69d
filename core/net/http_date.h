/* http_date - how long an answer's Retry-After asks to wait.
 *
 * Owns:    nothing. Threads: any; the locale has no say. Fork: nothing to do.
 * Errors:  -1 for what cannot be read.
 * Limits:  at most a day.
 */
#ifndef LLMOBS_HTTP_DATE_H
#define LLMOBS_HTTP_DATE_H

#include <stdint.h>

#define LLMOBS_HTTP_DATE_MAX_MS INT64_C(86400000)

/* `value`: seconds, or a date as "Wed, 21 Oct 2015 07:28:00 GMT" (the only
 * form that may be sent today); `now_s`: seconds since 1970. A date that has
 * passed: 0. */
int64_t llmobs_http_date_wait_ms(const char *value, int64_t now_s);

#endif
