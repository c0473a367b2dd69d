/* parts - the form that libcurl makes of a program's list (curl_formadd), as
 * far as it is text.
 *
 * Owns:    nothing. It reads the program's list as libcurl is about to read it
 *          itself, and no file, no buffer of a file, and no callback.
 * Threads: the thread that drives the handle.
 * Errors:  without memory a field is left out.
 * Limits:  those of lib/text/form.h.
 * Fork:    no state.
 */
#ifndef LLMOBS_PARTS_H
#define LLMOBS_PARTS_H

#include <curl/curl.h>

#include "lib/text/form.h"

/* Headers that a program gives a part of a form (formadd or mime). libcurl
 * sends them in place of its own headers, except a Content-Type if the program
 * has also set the part's type (lib/mime.c, Curl_mime_prepare_headers). */
struct llmobs_part_headers {
    const char *type; /* borrowed from the list; NULL: none of them is one */
    bool no_text;     /* they name a coding, or may name a file */
};

struct llmobs_part_headers llmobs_parts_headers(
    const struct curl_slist *headers);

/* Appends the fields of such a list, NULL included, to `out`. */
void llmobs_parts_list(const struct curl_httppost *list,
                       struct llmobs_body *out);

#endif
