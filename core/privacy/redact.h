/* redact - patterns of what nobody is to see, and its replacement in texts.
 *
 * A file has a pattern a line, "name = regex" (regex.h) or "use NAME" of one
 * that is ready-made: email, cards (numbers that Luhn's sum confirms), keys (by
 * their beginnings, or by a name before them that says so, a member's too),
 * bearer (what follows Bearer or Basic). Each match becomes "[redacted:name]".
 *
 * Owns:    what was parsed; a redaction what its searches have learnt.
 * Threads: parsed patterns are constant; a redaction is one thread's.
 * Errors:  parse: -EINVAL with line and reason, never with what the line says;
 *          text: -ENOMEM, nothing is added then.
 * Limits:  LLMOBS_REDACT_MAX patterns. The texts of one event share what time
 *          they may take (regex.h, work.h): one that takes longer is replaced
 *          whole.
 */
#ifndef LLMOBS_REDACT_H
#define LLMOBS_REDACT_H

#include "core/text/regex.h"

#define LLMOBS_REDACT_MAX 64
#define LLMOBS_REDACTED "[redacted]"

struct llmobs_redact;

/* Where and why a file is no list of patterns; both static, line 0: all of it.
 */
struct llmobs_redact_fault {
    size_t line;
    const char *why;
};

int llmobs_redact_parse(struct llmobs_text file, struct llmobs_redact **out,
                        struct llmobs_redact_fault *fault);
void llmobs_redact_free(struct llmobs_redact *redact);

/* Patterns at work on one event. */
struct llmobs_redaction {
    const struct llmobs_redact *redact;
    struct llmobs_regex_memory memory[LLMOBS_REDACT_MAX];
    struct llmobs_founds founds;
    bool too_long; /* a text was replaced as a whole */
};

void llmobs_redaction_begin(struct llmobs_redaction *redaction,
                            const struct llmobs_redact *redact);
void llmobs_redaction_end(struct llmobs_redaction *redaction);

/* Adds the text, which has no NUL in it and one behind it, to `out` with all
 * matches replaced; where nothing matches, nothing, and *changed is false. */
int llmobs_redaction_text(struct llmobs_redaction *redaction,
                          struct llmobs_text text, struct llmobs_buf *out,
                          bool *changed);

/* The name of the pattern by which all that a member of this name holds is a
 * secret, NULL: none. In an object, name and value are two texts. */
const char *llmobs_redaction_member(const struct llmobs_redaction *redaction,
                                    const char *name);

#endif
