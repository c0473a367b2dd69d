/* diff - two texts in one, with the words that only one of them has.
 *
 * Owns:    its text and its marks, from init to fini; borrows the two texts.
 * Threads: any.
 * Errors:  -ENOMEM, -EFBIG of the buffer.
 * Limits:  the words between the begin and the end that both texts have are
 *          compared if there are LLMOBS_DIFF_WORDS of them, and if their
 *          numbers multiplied are LLMOBS_DIFF_CELLS, at most: this bounds time
 *          and memory. Else all of these words count as different.
 *
 * A word ends at a blank; how many blanks there are makes no difference. As in
 * `git diff --word-diff`, [-these-] words are of the first text alone,
 * {+these+} of the second.
 */
#ifndef LLMOBS_DIFF_H
#define LLMOBS_DIFF_H

#include "cli/shared/screen.h"
#include "lib/base/buf.h"

#define LLMOBS_DIFF_CELLS 4000000u
#define LLMOBS_DIFF_WORDS 100000u

struct llmobs_diff_mark {
    size_t start, end; /* in the text */
    enum llmobs_paint paint;
};

struct llmobs_diff {
    size_t keep; /* so many words stand before and behind a difference, not the
                  * rest of what is the same; 0: all */
    struct llmobs_buf text;
    struct llmobs_diff_mark *marks; /* in the order of the text */
    size_t count, cap;
    bool differs; /* a word is in one text alone */
};

void llmobs_diff_init(struct llmobs_diff *diff, size_t keep);
void llmobs_diff_fini(struct llmobs_diff *diff);

/* Appends both texts in one. */
int llmobs_diff_add(struct llmobs_diff *diff, struct llmobs_text a,
                    struct llmobs_text b);

/* Prints the text in lines of the screen's width that begin with `indent`
 * blanks, fit for a terminal. */
int llmobs_diff_print(const struct llmobs_diff *diff,
                      const struct llmobs_screen *screen, size_t indent);

#endif
