/* allowlist - which parts of headers and URLs may be kept: the one place that
 * says so. Whatever is not on its lists is never copied.
 *
 * Threads: any.
 * Errors:  -ENOMEM.
 *
 * Of a URL are kept scheme, host, port and path, without the parameters of the
 * path, and in the path what is known as a key by its beginning, or looks like
 * one, is masked (mask.h). User, password, query and fragment are not.
 */
#ifndef LLMOBS_ALLOWLIST_H
#define LLMOBS_ALLOWLIST_H

#include "core/base/buf.h"

/* The name, static and in lower case, of a header that may be kept, asked in
 * any case; NULL: it may not. */
const char *llmobs_allowlist_header(const char *name, size_t len);

/* Host and port of a URL; borrowed from it. */
struct llmobs_text llmobs_allowlist_host(const char *url);

/* Appends what may be kept of a URL. */
int llmobs_allowlist_url(const char *url, struct llmobs_buf *out);

/* The same as a new text; NULL without memory. */
char *llmobs_allowlist_url_copy(const char *url);

/* Appends what a log may tell of a request that is none of ours, perhaps: host,
 * port, and of the path what is a word ("chat", "v1"). Anything else may be a
 * key of somebody's and becomes "*". */
int llmobs_allowlist_words(const char *url, struct llmobs_buf *out);

#endif
