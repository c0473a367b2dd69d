/* redact - replaces in texts what the user's patterns match.
 *
 * A file of patterns has a pattern on each line: "name = regex"
 * (regex.h), or "use NAME" for a ready-made one. These are email; cards
 * (numbers that Luhn's sum confirms); keys (by their beginnings, or by a name
 * before them, also a member's); bearer (the word after Bearer or Basic). Each
 * match becomes "[redacted:name]".
 *
 * Owns:    the parsed patterns; a redaction owns all that its searches have
 *          learnt.
 * Threads: parsed patterns are constant; a redaction belongs to one thread.
 * Errors:  parse: -EINVAL with line and reason, never with the text of the
 *          line; text: -ENOMEM, and nothing is added.
 * Limits:  LLMOBS_REDACT_MAX patterns. The texts of one event share a limit of
 *          time (regex.h, work.h): a text that takes longer is replaced as a
 *          whole.
 */
#ifndef LLMOBS_REDACT_H
#define LLMOBS_REDACT_H

#include "lib/text/regex.h"

#define LLMOBS_REDACT_MAX 64
#define LLMOBS_REDACTED "[redacted]"

struct llmobs_redact;

/* The wrong line in a file of patterns, and the reason, a static text; line 0:
 * the file as a whole is wrong. */
struct llmobs_redact_fault {
    size_t line;
    const char *why;
};

int llmobs_redact_parse(struct llmobs_text file, struct llmobs_redact **out,
                        struct llmobs_redact_fault *fault);
void llmobs_redact_free(struct llmobs_redact *redact);

/* The patterns, applied to one event. */
struct llmobs_redaction {
    const struct llmobs_redact *redact;
    struct llmobs_regex_memory memory[LLMOBS_REDACT_MAX];
    struct llmobs_founds founds;
    bool too_long; /* a text was replaced as a whole */
};

void llmobs_redaction_begin(struct llmobs_redaction *redaction,
                            const struct llmobs_redact *redact);
void llmobs_redaction_end(struct llmobs_redaction *redaction);

/* Adds the text to `out` with all matches replaced; where no pattern matches,
 * adds nothing, and *changed is false. The text has no NUL in it, but behind
 * it. */
int llmobs_redaction_text(struct llmobs_redaction *redaction,
                          struct llmobs_text text, struct llmobs_buf *out,
                          bool *changed);

/* Gives the name of the pattern that makes the value of a member with this name
 * a secret; NULL: no pattern does. Name and value of a member are two texts, so
 * the patterns cannot match both at once. */
const char *llmobs_redaction_member(const struct llmobs_redaction *redaction,
                                    const char *name);

#endif
