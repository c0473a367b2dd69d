/* reading - a call of any dialect while it is read, and the form of a dialect.
 *
 * A dialect is a llmobs_form, whose functions know the API. All that dialects
 * share is in reader.h: the forms of answers (whole, streamed, cut, text,
 * error), the choice of the model's name, the parts that a proxied call leaves
 * out.
 *
 * Owns:    a reading owns its members; the form is constant.
 * Threads: one thread at a time.
 * Errors:  -ENOMEM; -ENOENT and -ENOTSUP as struct llmobs_dialect says.
 */
#ifndef LLMOBS_READING_H
#define LLMOBS_READING_H

#include "rules/read/answer.h"
#include "rules/read/dialect.h"
#include "rules/read/error.h"
#include "rules/read/events.h"

struct llmobs_form;

/* A call while it is read. */
struct llmobs_reading {
    const struct llmobs_form *form;
    const struct llmobs_classified *classified;
    struct llmobs_span *span;
    struct llmobs_json *request; /* an object; NULL: no object */
    bool beyond; /* `request` only has values from the body's ends */
    struct llmobs_answer answer;
    char *model;       /* from llmobs_reading_model; NULL: not known yet */
    void *state;       /* form->state_size bytes, zero at first; or NULL */
    bool done;         /* the stream's own end was seen */
    bool answered;     /* the output is final, even an empty one of a failed
                        * call */
    uint64_t first_at; /* from llmobs_reading_token; 0: no token yet */
    struct llmobs_error_look look; /* the look for errors in the events */
    uint64_t sourceless; /* the tree of an event without sources (sources.h) */
    const struct llmobs_json *plain;   /* the tree of an event that says nothing
                                        * beside its text (facts.c) */
    const struct llmobs_json *stopped; /* metadata.moderation, if an answer has
                                        * told it; the metadata owns it */
    unsigned told; /* events that were searched for id and model */
};

/* The functions and values of a dialect. A function may be NULL; each gives 0
 * or -ENOMEM, and leaves out all that it cannot read. */
struct llmobs_form {
    /* Keys to look for in a request whose middle is missing; "model" need not
     * be among them. NULL: no keys. */
    const char *keys;
    /* True where the body is a request of this dialect; called for hosts that
     * are not listed. reading->request is an object; NULL for a bodyless shape,
     * whose answer decides (llmobs_answer_says). */
    bool (*confirm)(const struct llmobs_reading *reading);
    bool confirm_always; /* also call `confirm` for listed hosts, but not behind
                          * a gateway */
    bool gated; /* behind a gateway a body that is none of this dialect is kept
                 * as a text, for others have the path */
    /* Called first, whatever the bodies are: reads the path. */
    int (*begin)(struct llmobs_reading *reading);
    /* Reads reading->request, an object, into input, metadata, tools. If the
     * body's middle is missing, the object only has members of `keys`. */
    int (*request)(struct llmobs_reading *reading);
    /* Reads an answer that is an object, of any status; or, with `lists`, an
     * array of a call that did not fail. The error of a failed call has been
     * read before. */
    int (*document)(struct llmobs_reading *reading,
                    const struct llmobs_json *body);
    /* Reads an event. An event that is not JSON comes here only if its frame
     * says that it is an error. Errors in the forms that error.h knows are read
     * after this. */
    int (*event)(struct llmobs_reading *reading,
                 const struct llmobs_event *event);
    /* Notes a model that the request does not name as its "model"; called if no
     * model was noted before. */
    int (*model)(struct llmobs_reading *reading);
    /* Gives a model that stands elsewhere in the call: in the path, or ""; NULL
     * when memory runs out. It is the model that was asked for, and the name if
     * `model` notes none. */
    char *(*asked)(const struct llmobs_reading *reading);
    /* Makes the output from the events. */
    int (*finish)(struct llmobs_reading *reading);
    /* Reads a JSON answer whose middle is missing: call->response is its
     * beginning, ->response_tail its end. For an answer beyond the limits of
     * lib/text/json.h each of them is the whole answer. */
    int (*ends)(struct llmobs_reading *reading);
    /* Frees the state's own allocations, at the end. */
    void (*state_fini)(void *state);
    size_t state_size;
    bool lists; /* an answer may be an array */
    bool texts; /* an event may be a text, which is no answer even if it looks
                 * like JSON: only its frame says that it is an error */
    const char *place; /* the metadata's names for the segments that the stars
                        * of the path stand for; NULL: none is kept */
    /* Names in quotes; the body of a request has at least one of them. The
     * library guesses by them where it will not have the body when it reads the
     * call. NULL: the names of most APIs. */
    const char *signs;
    const void *variant; /* settings for functions that several forms share */
    enum llmobs_framing framing; /* of streams that are not server-sent events
                                  */
    const char *failed_role; /* role of the empty message for an answer that did
                              * not come; NULL: no role */
    const char *unknown;     /* the model's name if unknown; NULL: "unknown" */
    const struct llmobs_websocket_words *websocket; /* NULL: no calls by it */
};

/* The type of reading->state, and the function that frees its allocations. */
#define LLMOBS_STATE(type, fini) .state_fini = fini, .state_size = sizeof(type)

/* Notes the model's name; the first name that is not empty stays. `model` may
 * be NULL. A dialect whose request names the model notes it in form->request, a
 * dialect whose answer names it where it reads the answer. Otherwise
 * form->model is called, and then the request's "model" is taken. */
int llmobs_reading_model(struct llmobs_reading *reading, const char *model);

/* The name of a model that a server names by the path of its file: the file's;
 * else `model` itself, which may be NULL. */
const char *llmobs_reading_file(const char *model);

/* Notes the time of an event that brought a piece of the answer; only the first
 * one counts. */
void llmobs_reading_token(struct llmobs_reading *reading,
                          const struct llmobs_event *event);

/* True if the request's object has this key, even if the body's middle is
 * missing. */
bool llmobs_reading_has(const struct llmobs_reading *reading, const char *key);

/* form->ends of an answer that is an object or a list: it is complete if its
 * end is there.
 */
int llmobs_reading_ends(struct llmobs_reading *reading);

#endif
