/* mime - the texts of the forms that a program sends.
 *
 * Nobody can ask libcurl what a program has put in a form by curl_mime_*. So
 * the operations behind the thunks of curl_mime_* record each part as the
 * program makes it. A form of curl_formadd is the program's own list, which is
 * read as libcurl reads it. The text of a part is read, but not of one that is
 * a file, has a coding, comes from a function or is a form itself; form.h
 * decides by type and bytes which part is a text.
 *
 * Owns:    one record per live form, with the list of its parts, and one per
 *          part, with its name, type and text; each is found by its address
 *          (keyed.h), so no call walks over more than one form's parts.
 * Threads: those of keyed.h: a form belongs to the thread that uses it.
 * Errors:  a form with a part that could not be recorded, because memory ran
 *          out or by the limits, has no fields; where a text could not be
 *          copied its size takes its place.
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

#include "include/engine.h"
#include "lib/text/form.h"

#define LLMOBS_MIME_FORMS_MAX 1024
#define LLMOBS_MIME_PARTS_MAX 4096
#define LLMOBS_MIME_TEXTS_MAX ((size_t)4 * 1024 * 1024)

/* As the libcurl functions of the same names, each of which they call exactly
 * once. They record what libcurl has accepted, and preserve errno. */
LLMOBS_FORM_HOOKS(LLMOBS_OPERATION)

/* A number that is larger than the numbers of all forms made before. */
uint64_t llmobs_mime_now(void);

/* Appends the fields of the form to `out`; nothing if the form was made after
 * `since`, because then it is another form at the same address. */
void llmobs_mime_append_form(const curl_mime *mime, uint64_t since,
                             struct llmobs_body *out);

/* Appends the fields of a list of curl_formadd, NULL included, to `out`. Reads
 * the program's list as libcurl is about to read it, but no file, no buffer of
 * a file, and no callback. */
void llmobs_mime_append_list(const struct curl_httppost *list,
                             struct llmobs_body *out);

#endif
