/* renders - reads what a model makes for a prompt, at once or as a job that is
 * asked for later: pictures, videos, sounds.
 *
 * Owns:    its state, while a call is read; the tables are constant.
 * Threads: one at a time.
 * Errors:  -ENOMEM.
 */
#ifndef LLMOBS_TABLES_RENDERS_H
#define LLMOBS_TABLES_RENDERS_H

#include "rules/tables/interpreter.h"

/* The variant of a form. The places are those of a layout: OUTPUT has what was
 * made, one thing or a list; REASON how far it is, END whether it is done. */
struct llmobs_render {
    struct llmobs_layout layout;
    const char *what;    /* "image" or "video", where no type says it */
    const char *goes_on; /* words at REASON */
    const char *fails;
    const char *facts; /* members of the answer that are metadata; or NULL */
    bool says;         /* some models answer with words */
};

/* Functions of a form: of the call that asks for a thing, and of one that asks
 * about the job. */
int llmobs_render_begin(struct llmobs_reading *reading);
int llmobs_render_document(struct llmobs_reading *reading,
                           const struct llmobs_json *body);
int llmobs_render_begin_poll(struct llmobs_reading *reading);
int llmobs_render_poll(struct llmobs_reading *reading,
                       const struct llmobs_json *body);

#endif
