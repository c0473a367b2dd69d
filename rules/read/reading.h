/* reading - how a call is read, whatever its dialect: request, answer, error,
 * model.
 *
 * A dialect fills a llmobs_form; what the form's functions do is the dialect,
 * all else is here: which form the answer has, streams, answers that are cut,
 * text or errors, which model is named, what a proxied call leaves out.
 *
 * Owns:    what a reading holds is its own; the form is constant.
 * Threads: one at a time.
 * Errors:  -ENOMEM; -ENOENT and -ENOTSUP as struct llmobs_dialect says.
 * Limits:  none of its own.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_READING_H
#define LLMOBS_READING_H

#include "rules/read/answer.h"
#include "rules/read/dialect.h"
#include "rules/read/events.h"

struct llmobs_form;

/* One call being read. */
struct llmobs_reading {
    const struct llmobs_form *form;
    const struct llmobs_classified *classified;
    struct llmobs_span *span;
    struct llmobs_json *request; /* an object, or NULL: it is none */
    bool beyond; /* request holds only what stands at the body's ends */
    struct llmobs_answer answer;
    char *model;       /* by llmobs_reading_model; NULL: not known yet */
    void *state;       /* form->state_size bytes, zero at first; NULL: none */
    bool done;         /* the stream's own end was seen */
    bool answered;     /* the output stands as it is: empty though it failed */
    uint64_t first_at; /* by llmobs_reading_token; 0: no token yet */
};

/* What makes a dialect. A function that is NULL is not called; all answer 0 or
 * -ENOMEM and leave out what they cannot read. */
struct llmobs_form {
    /* Keys of the request that are looked for where its middle is missing,
     * NULL-terminated; "model" need not stand here. NULL: none. */
    const char *const *keys;
    /* True where the body is a request of this dialect: asked on hosts that
     * nobody listed. reading->request is an object. */
    bool (*confirm)(const struct llmobs_reading *reading);
    bool confirm_always; /* on listed ones too; not behind a gateway */
    /* Comes first, whatever the bodies are: what the path says. */
    int (*begin)(struct llmobs_reading *reading);
    /* Reads reading->request, an object, into input, metadata, tools. Where the
     * body's middle is missing it holds `keys` only. */
    int (*request)(struct llmobs_reading *reading);
    /* Reads an answer that is an object, of any status: what a failed call
     * says of its error is read already. */
    int (*document)(struct llmobs_reading *reading,
                    const struct llmobs_json *body);
    /* Reads one event; one that is no JSON comes only where it says that it is
     * an error. Errors of the forms that error.h knows are read afterwards. */
    int (*event)(struct llmobs_reading *reading,
                 const struct llmobs_event *event);
    /* Notes the model that the request names elsewhere than in its "model";
     * asked where nothing noted one before. */
    int (*model)(struct llmobs_reading *reading);
    /* Makes the output of what the events said. */
    int (*finish)(struct llmobs_reading *reading);
    /* An answer in JSON whose middle is missing: call->response is its
     * beginning, ->response_tail its end. One that is beyond the limits of
     * core/text/json.h is both. */
    int (*ends)(struct llmobs_reading *reading);
    /* The state's own allocations, at the end. */
    void (*state_fini)(void *state);
    size_t state_size;
    const void *variant; /* what functions that several forms share are told */
    enum llmobs_framing framing; /* of its streams that are no SSE */
    const char *failed_role; /* of the empty message that stands for an answer
                              * that did not come; NULL: no role */
    const char *unknown;     /* the model where none is told; NULL: "unknown" */
};

/* Reads the call by the form; what it answers, dialect.h says. */
int llmobs_reading_run(const struct llmobs_form *form,
                       const struct llmobs_classified *classified,
                       struct llmobs_span *span);

/* Notes the model's name; the first that is not empty stays. NULL is fine. A
 * dialect whose request decides does so in form->request, one whose answer
 * decides where it reads that; else form->model is asked, and then the
 * request's "model" is used. */
int llmobs_reading_model(struct llmobs_reading *reading, const char *model);

/* Notes that an event brought a first piece of the answer; later ones are
 * passed over. */
void llmobs_reading_token(struct llmobs_reading *reading,
                          const struct llmobs_event *event);

#endif
