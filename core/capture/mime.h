/* mime - the texts of the forms that a program makes by curl_mime_*, which
 * libcurl gives nobody back.
 *
 * The operations of core/capture/mime_ops.c note each part as the program makes
 * it. Where a call sends such a form, the texts among its parts are read here,
 * not those of a part that is a file, has a coding, comes from a function or is
 * a form itself. form.h decides by type and bytes which part is a text.
 *
 * Owns:    one record per live form, with the list of its parts, and one per
 *          part, with its name, type and text; each is found by its address
 *          (keyed.h), so no call walks over more than one form's parts.
 * Threads: those of keyed.h: a form belongs to the thread that uses it.
 * Errors:  a form of which a part could not be noted, for want of memory or by
 *          the limits, has no fields; where a text could not be copied its
 *          size takes its place.
 * Limits:  LLMOBS_MIME_FORMS_MAX forms and LLMOBS_MIME_PARTS_MAX parts at a
 *          time, LLMOBS_MIME_TEXTS_MAX bytes of texts in all; a name of
 *          LLMOBS_FORM_NAME_MAX bytes, a text of LLMOBS_FORM_TEXT_MAX; of a
 *          form the first LLMOBS_FORM_PARTS_MAX parts. Headers of its own that
 *          a part gets (curl_mime_headers) count as they are then: a program
 *          that adds to the list later is not seen.
 * Fork:    the child has its own copies.
 */
#ifndef LLMOBS_MIME_H
#define LLMOBS_MIME_H

#include <curl/curl.h>

#include "lib/text/form.h"

#define LLMOBS_MIME_FORMS_MAX 1024
#define LLMOBS_MIME_PARTS_MAX 4096
#define LLMOBS_MIME_TEXTS_MAX ((size_t)4 * 1024 * 1024)

/* libcurl has made this form. A form that was there before, whose end nobody
 * saw, is forgotten. */
void llmobs_mime_begin(curl_mime *mime);

/* libcurl is about to free the form. */
void llmobs_mime_end(curl_mime *mime);

/* libcurl has made this part of the form. */
void llmobs_mime_part(curl_mime *mime, curl_mimepart *part);

/* libcurl has accepted this for a part. `size` is that of curl_mime_data. */
void llmobs_mime_name(curl_mimepart *part, const char *name);
void llmobs_mime_data(curl_mimepart *part, const char *data, size_t size);

/* The part's bytes are no text; `size` below 0: unknown. `within`: the form in
 * the part, or NULL. Drops the record of that form: libcurl frees the form with
 * the part unseen, and no call can send it by itself. */
void llmobs_mime_file(curl_mimepart *part, int64_t size, curl_mime *within);

/* The part gets a file's name, a type or a coding; NULL: it has none again. */
void llmobs_mime_filename(curl_mimepart *part, const char *name);
void llmobs_mime_type(curl_mimepart *part, const char *type);
void llmobs_mime_encoder(curl_mimepart *part, const char *coding);

/* The part gets headers, borrowed for the call; NULL: it has none again. */
void llmobs_mime_headers(curl_mimepart *part, const struct curl_slist *headers);

/* A number that is larger than the numbers of all forms made before. */
uint64_t llmobs_mime_now(void);

/* Appends the fields of the form to `out`; nothing if the form was made after
 * `since`, for then it is another form at the same address. */
void llmobs_mime_fields(const curl_mime *mime, uint64_t since,
                        struct llmobs_body *out);

#endif
