/* dialect - how one family of APIs is recognised and read.
 *
 * A dialect is one file: it defines its shapes (paths) and how to read them,
 * and is listed once in rules/providers.c. It does no I/O, keeps no state and
 * may be called from any thread.
 *
 * Owns:    nothing; all tables are constant.
 * Threads: any.
 * Errors:  -ENOMEM, -ENOENT, -ENOTSUP; what cannot be read is left out.
 * Limits:  none of its own.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_DIALECT_H
#define LLMOBS_DIALECT_H

#include "core/span/span.h"
#include "rules/read/call.h"
#include "rules/read/url.h"

struct llmobs_form;

/* One operation of a dialect: a row of the shape table. */
struct llmobs_shape {
    const char *method;    /* "POST" */
    const char *path;      /* suffix of the path, from a '/'; '*' stands for
                            * any bytes of one segment; "**", once and with no
                            * other star, for one or more whole segments */
    const char *holds;     /* what "**" must hold, or NULL */
    const char *not_path;  /* a suffix that makes it another one, or NULL */
    const char *operation; /* "chat", ... */
    const char *span_name; /* "%s.createChatCompletion": %s is the client */
    const char *helper; /* end of the x-stainless-helper-method header that */
    const char *helper_name; /* gives this name instead; both may be NULL */
    enum llmobs_kind kind;
    bool any_host; /* known on every host (rule 3) */
    bool telling;  /* nothing but this API has such a path: on every host a call
                    * counts even if its body never could be read */
    bool streams;  /* it streams unless the request says no */
    const struct llmobs_form *form; /* another than its dialect's, or NULL */
};

/* One known host: a row of the provider table. Data, no code. */
struct llmobs_provider {
    struct llmobs_text host; /* "api.groq.com", "*.openai.com" */
    const char *name;        /* model_provider */
    const char *span_name;   /* of all its calls; NULL: the shape's */
    const struct llmobs_dialect *const *dialects; /* NULL-terminated */
};

/* What a dialect is told besides the call. */
struct llmobs_classified {
    const struct llmobs_call *call;
    const struct llmobs_shape *shape;
    const struct llmobs_url *url; /* of the call */
    const char *provider;         /* NULL: unknown */
    bool proxied;                 /* no model and no metrics are wanted */
    bool confirm;                 /* the request's body decides */
};

/* Reading fills the span; a model_provider that it sets is taken before that of
 * the host. Before it has touched the span, where the request body is none of
 * this dialect: -ENOENT with `confirm` (an unknown host: it was no LLM call),
 * or on any host where the path serves other things too; -ENOTSUP with
 * `proxied` (the generic dialect reads it). */
struct llmobs_dialect {
    const char *name;                  /* as in LLMOBS_RULES */
    const char *integration;           /* the integration tag */
    const struct llmobs_shape *shapes; /* ended by one with a NULL path */
    const struct llmobs_form *form;    /* what is read, and how (reading.h) */
    /* In place of a form, where the bodies are kept as texts. */
    int (*read)(const struct llmobs_classified *classified,
                struct llmobs_span *span);
};

/* The dialect of a configured proxy's endpoints that no other one reads. */
extern const struct llmobs_dialect llmobs_dialect_generic;

#endif
