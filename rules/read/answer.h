/* answer - the form of an answer, and a text where no dialect can read it.
 *
 * Owns:    the document of llmobs_answer, from read to fini.
 * Threads: one thread at a time.
 * Errors:  -ENOMEM.
 * Limits:  LLMOBS_ANSWER_TEXT_CUT bytes of a body that is text, but not JSON.
 */
#ifndef LLMOBS_ANSWER_H
#define LLMOBS_ANSWER_H

#include "lib/span/span.h"
#include "rules/read/call.h"
#include "rules/read/events.h"

#define LLMOBS_ANSWER_TEXT_CUT (64 * 1024)

enum llmobs_answer_form {
    LLMOBS_ANSWER_EMPTY,
    LLMOBS_ANSWER_JSON,   /* `json` is the document */
    LLMOBS_ANSWER_STREAM, /* events, or their beginning */
    LLMOBS_ANSWER_CUT,    /* JSON beyond the capture limit: head and tail */
    LLMOBS_ANSWER_BEYOND, /* JSON beyond the limits of lib/text/json.h */
    LLMOBS_ANSWER_OTHER   /* text, binary, encoded, or incomplete JSON */
};

struct llmobs_answer {
    enum llmobs_answer_form form;
    enum llmobs_framing framing; /* of a stream */
    struct llmobs_json *json;
};

/* Looks at the response of a call. `stream`: the request asked for a stream
 * (WIRE 8.1). `framing`: the dialect's, if it does not stream server-sent
 * events. */
int llmobs_answer_read(const struct llmobs_call *call, bool stream,
                       enum llmobs_framing framing,
                       struct llmobs_answer *answer);
void llmobs_answer_fini(struct llmobs_answer *answer);

/* True where the answer has, somewhere at its ends, a member of this name whose
 * text begins so. */
bool llmobs_answer_says(const struct llmobs_call *call, const char *name,
                        const char *value);

/* False where an object came as the answer, and none of these words stands at
 * its ends. The answer of a call that failed has words of its own. */
bool llmobs_answer_may_have(const struct llmobs_call *call, const char *words);

/* The body as text: itself, cut at LLMOBS_ANSWER_TEXT_CUT, where it is
 * readable, else a word that names its kind (WIRE 8.4). Gives a new C string.
 */
char *llmobs_answer_text(const struct llmobs_call *call);

/* Gives the output for llmobs_answer_text: one message without a role. */
struct llmobs_json *llmobs_answer_message(const struct llmobs_call *call);

#endif
