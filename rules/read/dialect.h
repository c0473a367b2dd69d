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
#include "rules/read/frame.h"
#include "rules/read/left_out.h"
#include "rules/read/url.h"

struct llmobs_form;

/* A field of a request's header by which a protocol shows itself. */
struct llmobs_sign {
    const char *name;      /* in lower case, with its colon */
    const char *values[3]; /* the value has all of these, NULL-terminated; none:
                            * any value that is not empty */
    const char *in_body;   /* then a text that the body's ends must have, as
                            * others send such a field, too; or NULL */
};

/* How the frames of a connection are read while they pass, on the app's thread:
 * no allocation, no I/O. A call of such a shape has as its request the frames
 * of the settings and the input, and as its answer those of one response, a
 * line each (form.frames). */
struct llmobs_frames {
    enum llmobs_frame_kind (*kind)(const struct llmobs_look *frame, bool sent);
    /* True where these settings say that the words of speech follow it; NULL:
     * they never do. */
    bool (*transcribes)(struct llmobs_text settings);
    /* Keys for the look (frame.h); NULL: none. */
    const char *names;
    /* Takes out of a whole frame's text what is never kept, and answers the new
     * length; NULL: all of it is kept. */
    size_t (*shrink)(char *text, size_t len);
    bool binary; /* JSON comes in binary frames, too */
    /* The parameters of the URL by which it may name the model,
     * NULL-terminated; NULL: none. */
    const char *models;
};

/* One operation of a dialect: a row of the shape table. */
struct llmobs_shape {
    /* Four texts that each row has, without pointers for the loader. */
    char method[10];      /* "POST", "GET", "HEAD", "DELETE"; or
                           * LLMOBS_METHOD_WEBSOCKET, then with `frames` */
    char path[56];        /* suffix of the path, from a '/'; '*' stands for
                           * any bytes of one segment; "**", once and with no
                           * other star, for one or more whole segments */
    const char *holds;    /* a text that "**" must contain, or NULL */
    const char *not_path; /* with this suffix it is another operation; or NULL
                           */
    char operation[30];   /* "chat", ... */
    char span_name[38];   /* "%s.createChatCompletion": %s is the client;
                           * "%p.rerank": %p is the provider, and without one
                           * the name begins behind it */
    const char *helper; /* a request whose x-stainless-helper-method ends so */
    const char *helper_name; /* has this name instead; both may be NULL */
    const char *genai; /* the operation in OpenTelemetry's words; NULL: "chat",
                        * of an embedding "embeddings", of a tool
                        * "execute_tool", of a retrieval "retrieval", of a task
                        * none */
    enum llmobs_kind kind;
    bool any_host;  /* counts on every host, also an unlisted one (rule 3) */
    bool telling;   /* only this API has such a path: a call counts on every
                     * host, even if its body never could be read */
    bool shared;    /* another API has the path, too, on any host: a body that
                     * is none of this shape's may be one of a later shape's */
    bool by_body;   /* the path has several operations: the body decides on
                     * listed hosts, too, between this shape and later ones */
    bool whole;     /* the path is the whole one, since many others end so */
    bool bodyless;  /* a request of it needs no body. On an unlisted host it
                     * counts only if it is telling, too, and rules/bodyless.c
                     * has to know a segment of its path */
    bool form_data; /* its body may be a form (multipart). On an unlisted host
                     * the form's fields confirm it, unless the path is
                     * telling */
    bool media;     /* its answer has a picture or a sound within JSON: of one
                     * that is long the ends suffice */
    bool streams;   /* it streams unless the request refuses that */
    bool goes_on;   /* a later request may bring its answer */
    bool resumes;   /* it is such a later request, without a body, which has
                     * signs; it counts in a process that has made such calls */
    const struct llmobs_form *form; /* its own form, or NULL: the dialect's */
    const struct llmobs_frames *frames; /* of a websocket; or NULL */
    const struct llmobs_sign *signs; /* ended by one without a name: a request
                                      * shows by any of them that it has this
                                      * shape, whatever its path is; NULL: the
                                      * path shows it */
    const char *host;                /* of an observed dialect: its only host,
                                      * with '*' for any bytes; NULL: any host,
                                      * and the body decides */
    const char *queries;             /* parameters of the URL, NULL-terminated:
                                      * the first that is there is kept, as the
                                      * request's body; NULL: none is */
};

/* A row of a dialect's shapes; the kind and what else it has follow by name. */
#define LLMOBS_SHAPE(method_, path_, operation_, name_, ...)       \
    {                                                              \
        .method = method_, .path = path_, .operation = operation_, \
        .span_name = name_, __VA_ARGS__                            \
    }

/* One known host: a row of the provider table. It has no pointer, for each is
 * a word that the loader relocates in every process. */
struct llmobs_provider {
    unsigned char host_len, dialects; /* the dialects' number in providers.c */
    char host[42];                    /* "api.groq.com", "*.openai.com" */
    char name[18];                    /* model_provider */
    char genai[20];     /* OpenTelemetry's name of it; empty: the same */
    char span_name[16]; /* of the spans of all its calls; empty: the shape's */
};

/* The subject of a dialect. All but those of models are looked for only where
 * LLMOBS_OBSERVE says so. */
enum llmobs_group {
    LLMOBS_GROUP_MODELS,
    LLMOBS_GROUP_VECTOR, /* searches in vector databases: lists of numbers in
                          * the bodies are never kept */
    LLMOBS_GROUP_SEARCH  /* web searches */
};

/* A call and the result of its classification, for a dialect. */
struct llmobs_classified {
    const struct llmobs_call *call;
    const struct llmobs_shape *shape;
    const struct llmobs_url *url; /* of the call */
    const char *provider;         /* NULL: unknown */
    const char *places;           /* of the user's rule (layout.h), or NULL */
    bool proxied;                 /* the gateway reports model and metrics:
                                   * leave them out */
    bool confirm;                 /* the request's body decides whether it is a
                                   * call */
};

/* A dialect's functions fill the span; a model_provider that they set replaces
 * the host's. Where the request body is none of this dialect they leave the
 * span untouched and answer -ENOENT with `confirm` (on an unknown host it was
 * no LLM call), or on any host where the path serves other things too; -ENOTSUP
 * with `proxied` (the generic dialect then reads it). */
struct llmobs_dialect {
    const char *name;        /* as in LLMOBS_RULES */
    const char *integration; /* the integration tag */
    const char *genai; /* OpenTelemetry's name of the provider on a host that is
                        * not listed; NULL: as the integration */
    const char *api;   /* which of OpenAI's APIs it is; NULL: none of two */
    bool server; /* one server alone has this API: on hosts that are not listed
                  * the integration is the provider, too */
    /* Of the pictures, sounds and files within the JSON of its requests and of
     * its answers: LLMOBS_MEDIA_* (left_out.h); 0: all stay as they came. */
    unsigned sent_media, answered_media;
    const struct llmobs_shape *shapes; /* ended by one with an empty path */
    const struct llmobs_form *form;    /* its functions (reading.h) */
    enum llmobs_group group;
    /* For a dialect without a form, which keeps the bodies as texts. */
    int (*read)(const struct llmobs_classified *classified,
                struct llmobs_span *span);
};

/* A dialect whose name is also that of its variable; its members follow by
 * name.
 */
#define LLMOBS_DIALECT(name_, ...)                                        \
    const struct llmobs_dialect llmobs_dialect_##name_ = {.name = #name_, \
                                                          __VA_ARGS__}

/* The dialect for those endpoints of a configured proxy that no other dialect
 * reads. */
extern const struct llmobs_dialect llmobs_dialect_generic;

/* The dialect of a user's rule that says the kind of its calls, and the places
 * of their values; one operation for each kind. */
extern const struct llmobs_dialect llmobs_dialect_json;

#endif
