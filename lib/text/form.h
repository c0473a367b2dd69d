/* form - the text fields of a form (multipart/form-data), and nothing of its
 * files.
 *
 * The fields become lines of JSON in a body, one for each part: {"name":"text"}
 * of a text, {"name":{"type":"audio/mpeg","bytes":12}} of a file. A part counts
 * as a file where it has a file name, a coding, or a type other than text; is
 * longer than LLMOBS_FORM_TEXT_MAX; or has bytes that no text has, or a long
 * piece of base64. So a body of these lines may be cut anywhere, and masked as
 * any other (lib/span/members.h).
 *
 * Source:  RFC 7578; RFC 2046, 5.1.1, for the delimiters. Lines may also end
 *          without a carriage return.
 *
 * Owns:    a parser owns its memory, from new to free. It is fed on the
 *          program's thread, where it only searches line ends and copies.
 * Threads: one at a time; no lock.
 * Errors:  without memory a field is left out.
 * Limits:  LLMOBS_FORM_PARTS_MAX parts, LLMOBS_FORM_KEPT_MAX bytes of lines; a
 *          part whose header is longer than LLMOBS_FORM_HEAD_MAX is left out.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_FORM_H
#define LLMOBS_FORM_H

#include <stdint.h>

#include "lib/text/body.h"

#define LLMOBS_FORM_TEXT_MAX ((size_t)32 * 1024)
#define LLMOBS_FORM_KEPT_MAX ((size_t)64 * 1024)
#define LLMOBS_FORM_NAME_MAX ((size_t)128)
#define LLMOBS_FORM_TYPE_MAX ((size_t)64)
#define LLMOBS_FORM_HEAD_MAX ((size_t)1024)
#define LLMOBS_FORM_PARTS_MAX 64

struct llmobs_form_parser;

/* True for a transfer coding that leaves the bytes as they are; also for NULL,
 * where no coding is given (RFC 2045, 6.2). */
bool llmobs_form_plain(const char *coding);

/* True for the content type of a form; false for NULL. */
bool llmobs_form_type(const char *content_type);

/* Gives a parser for a form of this content type, which names the boundary.
 * NULL: the type is no form's, or memory ran out. */
struct llmobs_form_parser *llmobs_form_new(const char *content_type);
void llmobs_form_free(struct llmobs_form_parser *form);

/* Takes the next bytes of the form, and appends the fields that end in them. */
void llmobs_form_feed(struct llmobs_form_parser *form, const char *data,
                      size_t len, struct llmobs_body *out);

/* Bytes are missing here: the parser goes on at the next delimiter. */
void llmobs_form_gap(struct llmobs_form_parser *form);

/* The program sends the form again from byte `from` on. From 0 on the parser
 * begins anew; from any other byte on it reads nothing more. */
void llmobs_form_rewind(struct llmobs_form_parser *form, uint64_t from);

/* Appends the line of a field that does not come from a form's bytes. `type`:
 * as the program names it, or NULL; `bytes` below 0: unknown. A text that
 * counts as a file (see above) becomes a file's line. */
void llmobs_form_text(struct llmobs_body *out, struct llmobs_text name,
                      const char *type, struct llmobs_text text);
void llmobs_form_file(struct llmobs_body *out, struct llmobs_text name,
                      const char *type, int64_t bytes);

#endif
