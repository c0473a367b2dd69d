/* linking - a call while it is linked, for the files of this room. */
#ifndef LLMOBS_LINKING_H
#define LLMOBS_LINKING_H

#include "lib/base/buf.h"
#include "lib/span/span.h"
#include "core/config/config.h"
#include "core/event/link_table.h"

#define LLMOBS_LINK_CALLS 64
#define LLMOBS_LINK_CALL_MAX ((size_t)64 * 1024)

/* The calls of tools that answers have made, {"name", "arguments"}, for a
 * request that brings a result without the call, since the server has the
 * history (OpenAI's previous_response_id). They are content, so only the memory
 * of the process that makes the spans has them, and only where it infers spans
 * of tools. A new call replaces the oldest; one of more than
 * LLMOBS_LINK_CALL_MAX is not copied. */
struct llmobs_link_calls {
    struct {
        struct llmobs_hash128 key;
        struct llmobs_json *call; /* owned; NULL: the place is free */
    } list[LLMOBS_LINK_CALLS];
    size_t next;
};

#define LLMOBS_LINKS_MAX 32
#define LLMOBS_LINK_TURNS 8
/* A retry begins within this time after the failure. */
#define LLMOBS_LINK_RETRY_NS (INT64_C(600) * 1000000000)

/* The kinds of records. */
#define LLMOBS_LINK_TOOL 't' /* a tool's call; check: the tool's name */
#define LLMOBS_LINK_TURN                                                       \
    'm'                          /* messages up to an answer; check: the first \
                                  * span of the conversation */
#define LLMOBS_LINK_RESPONSE 'r' /* the id of an answer; check: as for 'm' */
#define LLMOBS_LINK_CONVERSATION 'c' /* the provider's conversation id */
#define LLMOBS_LINK_RUN                                                       \
    'a' /* a tool's name and arguments; check: when a request has brought its \
         * result, in ns; 0: none has */
#define LLMOBS_LINK_RETRY 'y' /* a request that failed */
#define LLMOBS_LINK_PARENT \
    'p' /* a tool's call; check: the span above that of the answer, or 0 */
#define LLMOBS_LINK_BROUGHT                                                   \
    'b' /* a tool's result, and the span of the first request with it; check: \
         * 1: there is an inferred span; 0: none, the tool has its own */
#define LLMOBS_LINK_OWN \
    'o' /* a tool's span that was measured; check: when it began, in ns */
#define LLMOBS_LINK_JOB                                                     \
    'j' /* a job's id; check: the span that counts its tokens; 0: none does \
         */

#define LLMOBS_LINK_AGENT 'g' /* the task of an agent that a tool starts */

#define LLMOBS_LINK_APM \
    'w' /* a span; the record has its trace by its carrier */

#define LLMOBS_LINK_INFERRED_TAG "inferred:true"

/* Spans of tools that were not measured. An owned list, empty at first. */
struct llmobs_inferred {
    struct llmobs_span *list;
    size_t count;
};

/* Facts of a call that the linker needs and a span lacks; all are borrowed. */
struct llmobs_linker_call {
    const char *method;
    const char *url;
    uint64_t account;           /* stands for its credentials (account.h) */
    struct llmobs_text request; /* its body as sent; no data: incomplete */
    bool whole;                 /* request and answer were read as a whole */
    bool aborted;               /* by the program, or the process's end */
    enum llmobs_stitch stitch;
    struct llmobs_inferred *inferred; /* gets inferred spans; NULL: make none */
};

struct llmobs_linking {
    struct llmobs_link_table *table;
    struct llmobs_link_calls *calls;
    const struct llmobs_linker_call *call;
    struct llmobs_span *span;
    struct llmobs_hash128 scope; /* a hash of the call's caller */
    struct llmobs_hash128 owner; /* a hash of the caller without the end user */
    const struct llmobs_json *input, *output; /* messages, or NULL */
    int64_t end_ns;
};

/* Sets scope and owner, from the call. */
void llmobs_linking_set_scope(struct llmobs_linking *l);

/* Gives the key of a session. A session's id is random enough, and a server
 * gives it to one client, so the caller is not part of the key. */
struct llmobs_hash128 llmobs_linking_session(const struct llmobs_linking *l,
                                             struct llmobs_text id);

/* Begins a key with the caller in it. */
void llmobs_linking_begin(const struct llmobs_linking *l, char kind,
                          struct llmobs_siphash *hash);

/* Adds the end user whom a request names in its JSON: the members user,
 * safety_identifier, user_id and metadata.user_id of the document, names and
 * values as they are written (OpenAI's API has user and safety_identifier,
 * Anthropic's has metadata.user_id). A text that is not a JSON object may add
 * anything. */
void llmobs_linking_add_user(struct llmobs_text body,
                             struct llmobs_siphash *out);

/* Adds a text and its NUL; NULL counts as an empty text. */
void llmobs_linking_add(struct llmobs_siphash *hash, const char *text);

/* Finds the record under the key: the only record or, of several, the only one
 * in the span's own trace. False: there is no such record. */
bool llmobs_linking_pick(const struct llmobs_linking *l,
                         struct llmobs_hash128 key,
                         struct llmobs_link_record *out);

/* As llmobs_linking_pick, for a record that is fresh, and whose call had ended
 * before this call began. */
bool llmobs_linking_find(const struct llmobs_linking *l,
                         struct llmobs_hash128 key,
                         struct llmobs_link_record *out);

/* Puts a record of this span under the key. */
void llmobs_linking_put(const struct llmobs_linking *l,
                        struct llmobs_hash128 key, uint64_t check);

/* Puts a record of the span's trace by its carrier, if this differs. */
void llmobs_linking_put_apm(const struct llmobs_linking *l);

/* Gives the trace that an earlier span has by its carrier; false where its two
 * traces are equal. */
bool llmobs_linking_find_apm(const struct llmobs_linking *l, uint64_t span_id,
                             struct llmobs_id128 *out);

/* Adds a link, unless the span has a link to the same span. `kind` names the
 * link; NULL: a plain link. */
void llmobs_linking_link(const struct llmobs_linking *l,
                         const struct llmobs_link_record *to, const char *from,
                         const char *kind);

/* Gives that fact as a text; NULL: the span lacks the fact. */
char *llmobs_linking_fact_text(const struct llmobs_linking *l,
                               enum llmobs_fact fact);

/* True for a message of the model's. */
bool llmobs_linking_is_model(const struct llmobs_json *message);

/* True where an id of a call of the tool `name` is random enough that no server
 * gives it twice. `name` may be NULL. */
bool llmobs_linker_is_unique(const char *id, const char *name);

/* The parts of the linker. Each adds its links, then puts its records. */
void llmobs_link_tools(const struct llmobs_linking *l);
/* Links the results of tools that this request is the first to bring. `turn`
 * NULL: the results whose ids are known; else `turn` is the answer that the
 * history ends with: the other results of tools that this answer called. */
void llmobs_link_results(const struct llmobs_linking *l,
                         const struct llmobs_link_record *turn);
void llmobs_link_runs(const struct llmobs_linking *l);
void llmobs_link_turns(const struct llmobs_linking *l);
/* For a span that is not a turn: only sets the conversation's name. */
void llmobs_link_turns_name(const struct llmobs_linking *l);

/* _called: the span's answer calls this tool. _answered: the span's request
 * brings the result of a call that the answer with this record made. */
void llmobs_link_runs_called(const struct llmobs_linking *l,
                             const struct llmobs_json *call);
void llmobs_link_runs_answered(const struct llmobs_linking *l,
                               const struct llmobs_json *call,
                               const struct llmobs_link_record *answer);

/* A span of a tool that was measured; all members are borrowed. */
struct llmobs_link_run {
    const char *name;
    const struct llmobs_json *arguments; /* NULL: not known */
    uint64_t span_id;
    struct llmobs_id128 trace_id;
    int64_t start_ns, end_ns;
};

/* _called: the span's answer calls a tool. _measured: a tool has its own span.
 */
void llmobs_link_inferred_called(const struct llmobs_linking *l,
                                 const struct llmobs_json *call);
void llmobs_link_inferred_measured(struct llmobs_link_table *table,
                                   const struct llmobs_link_run *run);

/* Finds the measured span of the tool that this answer called: with its name
 * and arguments, between the answer and this request, in the trace of either.
 * False: there is none, or several. */
bool llmobs_link_measured(const struct llmobs_linking *l,
                          const struct llmobs_link_record *answer,
                          const struct llmobs_json *call,
                          struct llmobs_link_record *out);

/* The span's request brings this result of a tool that this answer called;
 * `call` is NULL if the request does not repeat the call. True: the tool has an
 * inferred span, to which the request is now linked; the first such request
 * makes the span. */
bool llmobs_link_inferred(const struct llmobs_linking *l,
                          const struct llmobs_link_record *answer,
                          const struct llmobs_json *call,
                          const struct llmobs_json *result);

/* Gives the inferred spans what the span got later: session and
 * conversation. */
void llmobs_link_inferred_end(const struct llmobs_linking *l);

#endif
