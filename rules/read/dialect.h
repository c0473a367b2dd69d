/* dialect - a family of APIs: its paths, and the functions that read its calls.
 *
 * A dialect is one file, with its shapes (paths) and its reading functions, and
 * its rows in rules/providers.c (docs/RULES.md names them). It does no I/O,
 * keeps no state and may be called from any thread.
 *
 * Owns:    nothing; all tables are constant.
 * Threads: any.
 * Errors:  -ENOMEM, -ENOENT, -ENOTSUP; a dialect leaves out all that it cannot
 *          read.
 */
#ifndef LLMOBS_DIALECT_H
#define LLMOBS_DIALECT_H

#include "lib/span/span.h"
#include "rules/read/call.h"
#include "rules/read/left_out.h"
#include "rules/read/url.h"

struct llmobs_form;

/* A field of a request's header that shows a protocol. */
struct llmobs_sign {
    const char *name;      /* in lower case, with its colon */
    const char *values[3]; /* the value has all of these, NULL-terminated;
                            * without any, it must not be empty */
    const char *in_body;   /* a text that the body's ends must also have, as
                            * other protocols send such a field, too; or NULL */
};

/* An operation of a dialect: a row of the shape table. */
struct llmobs_shape {
    /* The texts stand in the row itself. With pointers, the loader would copy a
     * page of the table for each pointer, in every process. An empty text means
     * that there is none. */
    char method[8];       /* "POST", "GET", "HEAD", "DELETE" */
    char path[56];        /* suffix of the path, from a '/'; '*' stands for any
                           * bytes of a segment; "**", once and without other
                           * stars, for one or more whole segments */
    char holds[8];        /* a text that "**" must contain */
    char not_path[50];    /* a suffix of another operation's path */
    char operation[30];   /* "chat", ... */
    char span_name[40];   /* "%s.createChatCompletion": %s is the client;
                           * "%p.rerank": %p is the provider, and without a
                           * provider the name begins behind the point */
    char helper[20];      /* if x-stainless-helper-method ends with this, */
    char helper_name[26]; /* the span has this name */
    char genai[20]; /* the operation's name in OpenTelemetry; empty: "chat",
                     * of an embedding "embeddings", of a tool
                     * "execute_tool", of a retrieval "retrieval", of a task
                     * none */
    enum llmobs_kind kind;
    bool any_host;  /* counts on every host, even an unlisted host (rule 3) */
    bool telling;   /* only this API has such a path: a call counts on every
                     * host, even if its body could not be read */
    bool shared;    /* another API also has the path, on any host: a body that
                     * does not fit this shape may fit a later shape */
    bool by_body;   /* the path has several operations: even on listed hosts the
                     * body decides between this shape and later shapes */
    bool whole;     /* the path must be complete, since many others end so */
    bool bodyless;  /* its requests need no body. On an unlisted host a request
                     * counts only if the path is also telling, and
                     * rules/bodyless.c has to know a segment of the path */
    bool form_data; /* its body may be a form (multipart). On an unlisted host
                     * the form's fields confirm it, unless the path is
                     * telling */
    bool media;     /* its answer has a picture or a sound within JSON: the ends
                     * of a long answer suffice */
    bool streams;   /* it streams unless the request refuses a stream */
    bool goes_on;   /* a later request may bring its answer */
    bool resumes;   /* the request brings the answer of an earlier call, whose
                     * shape has `goes_on`. It has no body; a header from
                     * `signs` shows it. It counts only in a process that has
                     * made such an earlier call */
    unsigned char form; /* its number in the dialect's `forms`; 0: the dialect's
                         * `form` */
    const struct llmobs_sign *signs; /* ended by a sign without a name: any of
                                      * them shows that a request has this
                                      * shape, whatever its path is; NULL: the
                                      * path shows it. With `any_host`: the body
                                      * shows it, at a path of another dialect
                                      */
    char host[24]; /* an observed dialect's only host, with '*' for any bytes;
                    * empty: any host, and the body decides */
    char queries[32]; /* parameters of the URL, ended by an empty one: the first
                       * that the URL has is kept, as the request's body */
};

/* The member of a dialect that is the table of its shapes; and a loop over
 * them. */
#define LLMOBS_SHAPES(rows) \
    .shapes = (rows), .shape_count = sizeof(rows) / sizeof((rows)[0])
#define LLMOBS_SHAPES_EACH(shape, dialect)                     \
    for (const struct llmobs_shape *shape = (dialect)->shapes; \
         shape < (dialect)->shapes + (dialect)->shape_count; shape++)

/* A known host: a row of the provider table. It has no pointers, as the loader
 * would have to relocate each of them in every process. */
struct llmobs_provider {
    unsigned char host_len, dialects; /* the dialects' number in providers.c */
    char host[42];                    /* "api.groq.com", "*.openai.com" */
    char name[18];                    /* model_provider */
    char genai[20];     /* its name in OpenTelemetry; empty: `name` */
    char span_name[16]; /* of all its calls' spans; empty: the shape's */
};

/* The subject of a dialect. Dialects of subjects other than models are looked
 * for only if LLMOBS_OBSERVE says so. */
enum llmobs_group {
    LLMOBS_GROUP_MODELS,
    LLMOBS_GROUP_VECTOR, /* searches in vector databases: the numbers of their
                          * vectors are never kept */
    LLMOBS_GROUP_SEARCH  /* web searches */
};

/* A call and the result of its classification, for a dialect. */
struct llmobs_classified {
    const struct llmobs_call *call;
    const struct llmobs_shape *shape;
    const struct llmobs_url *url; /* the call's */
    const char *provider;         /* NULL: unknown */
    const char *places;           /* the user's rule's (layout.h), or NULL */
    bool proxied;                 /* the gateway reports model and metrics: they
                                   * are left out */
    bool confirm;                 /* the request's body decides whether it is a
                                   * call */
};

/* A dialect's functions fill the span; a model_provider that they set replaces
 * the host's. If the request body does not fit this dialect, they leave the
 * span untouched. They then give -ENOENT with `confirm` (on an unknown host it
 * was no LLM call), or on any host if the path also serves other things; and
 * -ENOTSUP with `proxied` (the generic dialect then reads it). */
struct llmobs_dialect {
    const char *name;        /* as in LLMOBS_RULES */
    const char *integration; /* the integration tag */
    const char *genai; /* the provider's name in OpenTelemetry on a host that is
                        * not listed; NULL: as the integration */
    const char *api;   /* which of OpenAI's APIs it is; NULL: neither */
    const char *provider; /* on hosts that are not listed, where only one
                           * provider has this API; NULL: none */
    /* How the recorder treats pictures, sounds and files inside the JSON of
     * requests and of answers: LLMOBS_MEDIA_* (left_out.h) or 0. */
    unsigned sent_media, answered_media;
    const struct llmobs_shape *shapes; /* LLMOBS_SHAPES */
    unsigned char shape_count;
    const struct llmobs_form *form;         /* its functions (reading.h) */
    const struct llmobs_form *const *forms; /* by the shapes' numbers, from 1 */
    enum llmobs_group group;
    /* For a dialect without a form, which keeps the bodies as texts: */
    int (*read)(const struct llmobs_classified *classified,
                struct llmobs_span *span);
};

/* A dialect whose name is also the name of its variable; its members follow by
 * name.
 */
#define LLMOBS_DIALECT(name_, ...)                                        \
    const struct llmobs_dialect llmobs_dialect_##name_ = {.name = #name_, \
                                                          __VA_ARGS__}

/* The dialect for endpoints of a configured proxy that no other dialect
 * reads. */
extern const struct llmobs_dialect llmobs_dialect_generic;

/* The dialect of a user's rule that tells the kind of its calls, and the places
 * of their values; it has an operation for each kind. */
extern const struct llmobs_dialect llmobs_dialect_json;

#endif
