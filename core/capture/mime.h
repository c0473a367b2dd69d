/* mime - the texts of the forms that a program makes by curl_mime_*, which
 * libcurl gives nobody back.
 *
 * The operations of core/ops/mime.c note each part as the program makes it.
 * Where a call sends such a form, the texts among its parts are read here; a
 * part that is a file, comes from a function or is a form itself is noted as
 * such, and no byte of it is looked at.
 *
 * Owns:    one record per live part, by its address (keyed.h), with its name
 *          and text.
 * Threads: those of keyed.h: a part belongs to the thread that uses it.
 * Errors:  without memory a part is not noted, or loses its text.
 * Limits:  a name of LLMOBS_FORM_NAME_MAX bytes, a text of
 * LLMOBS_FORM_TEXT_MAX; of a form the first LLMOBS_FORM_PARTS_MAX parts are
 * read. A form is found by a walk over all records. Fork:    the child has its
 * own copies.
 */
#ifndef LLMOBS_MIME_H
#define LLMOBS_MIME_H

#include <curl/curl.h>

#include "core/text/form.h"

/* libcurl has made this form. A form that was there before, whose end nobody
 * saw, is forgotten. */
void llmobs_mime_begin(curl_mime *mime);

/* The form goes, with those in it. */
void llmobs_mime_end(curl_mime *mime);

/* libcurl has made this part of it. */
void llmobs_mime_part(curl_mime *mime, curl_mimepart *part);

/* What libcurl has accepted for a part. `size` as in curl_mime_data. */
void llmobs_mime_name(curl_mimepart *part, const char *name);
void llmobs_mime_data(curl_mimepart *part, const char *data, size_t size);

/* Its bytes are no text; `size` below 0: unknown. `within`: the form that they
 * are; NULL: none. */
void llmobs_mime_file(curl_mimepart *part, int64_t size, curl_mime *within);

/* It has a file's name, or has none again: NULL. */
void llmobs_mime_filename(curl_mimepart *part, const char *name);

/* A number that is larger than those of all parts that were made before. */
uint64_t llmobs_mime_now(void);

/* Appends the fields of the form to `out`: nothing of one whose parts were all
 * made after `since`, for it may be another one at the same address. */
void llmobs_mime_fields(const curl_mime *mime, uint64_t since,
                        struct llmobs_body *out);

#endif
