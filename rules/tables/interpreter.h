/* interpreter - reads the calls of a dialect as its layout says
 * (rules/read/layout.h), and those of a rule of the user's file.
 *
 * Owns:    its state, while a call is read.
 * Threads: one at a time.
 * Errors:  -ENOMEM.
 * Limits:  those of layout.h, openai_stream.h and message_content.h.
 */
#ifndef LLMOBS_INTERPRETER_H
#define LLMOBS_INTERPRETER_H

#include "rules/read/layout.h"
#include "rules/read/reading.h"
#include "rules/vendors/openai_stream.h"

struct llmobs_interpreter {
    struct llmobs_stream stream; /* of pieces */
    struct llmobs_layout_values at;
    struct llmobs_buf instead;
    struct llmobs_buf text; /* texts of whole outputs, one behind the other */
    struct llmobs_json *value; /* the last output or event that is whole */
    struct llmobs_json *usage; /* the last of a stream */
    int64_t calls, part;
    struct llmobs_error_look look; /* at the place of a fault */
    bool said;                     /* a piece of text came */
    bool any;                      /* an event came */
    bool reasoned;                 /* a reason came */
};

/* Functions of a form, of which the variant is a llmobs_layout. */
bool llmobs_interpreter_asks(const struct llmobs_reading *reading);
bool llmobs_interpreter_signed(const struct llmobs_reading *reading);
char *llmobs_interpreter_path_model(const struct llmobs_reading *reading);
int llmobs_interpreter_begin(struct llmobs_reading *reading);
int llmobs_interpreter_request(struct llmobs_reading *reading);
int llmobs_interpreter_model(struct llmobs_reading *reading);
int llmobs_interpreter_document(struct llmobs_reading *reading,
                                const struct llmobs_json *body);
int llmobs_interpreter_event(struct llmobs_reading *reading,
                             const struct llmobs_event *event);
int llmobs_interpreter_finish(struct llmobs_reading *reading);
int llmobs_interpreter_ends(struct llmobs_reading *reading);
void llmobs_interpreter_fini(void *state);

#define LLMOBS_INTERPRETER_STATE \
    LLMOBS_STATE(struct llmobs_interpreter, llmobs_interpreter_fini)

#endif
