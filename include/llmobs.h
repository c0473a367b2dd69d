/* llmobs - the public face of llmobs-preload for C and C++ programs.
 *
 * A program that includes this header links with nothing. Where
 * libllmobs_preload.so is preloaded its calls make spans of LLM Observability;
 * where it is not, each call is one comparison and does nothing.
 *
 *     llmobs_span_t span = LLMOBS_START(LLMOBS_WORKFLOW);
 *     llmobs_annotate_text(span, question, NULL);
 *     ... calls of language models through libcurl become children ...
 *     llmobs_annotate_text(span, NULL, answer);
 *     llmobs_finish(span);
 *
 * Answers: 0 done; LLMOBS_NOT_OBSERVING (1) nothing is observed, so that
 *          nothing was done; a negative errno number for a wrong use or a lack
 *          of memory, with a line in the file that LLMOBS_LOG names. No call
 *          ever ends the program, prints, or changes errno.
 * Owns:    a span is ours from start to finish; every text, array and struct
 *          that is given is copied before the call returns.
 * Texts:   C strings in UTF-8; bad bytes become U+FFFD. NULL: not given.
 * Structs: the ones with a `size` begin with their own sizeof, and what is not
 *          set is 0: struct llmobs_annotation a = {.size = sizeof(a)}.
 * Threads: every call may be made by any thread. A span that is started
 *          becomes the current one of its thread, until it is finished; spans
 *          started meanwhile by the same thread are its children. A span may
 *          be used and finished by another thread. None of it is for signal
 *          handlers.
 * Fork:    a child goes on with the spans of the thread that forked as
 *          parents; only the process that started a span can submit it.
 * Limits:  LLMOBS_SPANS_MAX spans that are open at once, LLMOBS_DEPTH_MAX
 *          current ones of a thread.
 */
#ifndef LLMOBS_H
#define LLMOBS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LLMOBS_VERSION "0.1.0"

/* Of the table below; a library that does not know it answers none. */
#define LLMOBS_API_VERSION 1u

#define LLMOBS_NOT_OBSERVING 1
#define LLMOBS_SPANS_MAX 65000
#define LLMOBS_DEPTH_MAX 4096

#ifdef __cplusplus
extern "C" {
#endif

/* A span that is open. A number in the clothes of a pointer: it points to
 * nothing, and one that is finished is recognised. NULL stands for the current
 * span of the calling thread where a function says so. */
typedef struct llmobs_opaque *llmobs_span_t;

/* What a start answers that started nothing: good for every call, each of
 * which then answers LLMOBS_NOT_OBSERVING. */
#ifdef __cplusplus
#define LLMOBS_NO_SPAN \
    (reinterpret_cast<llmobs_span_t>(static_cast<uintptr_t>(1)))
#else
#define LLMOBS_NO_SPAN ((llmobs_span_t)(uintptr_t)1)
#endif

enum llmobs_span_kind {
    LLMOBS_LLM,       /* a call of a language model */
    LLMOBS_EMBEDDING, /* a call of a model that makes embeddings */
    LLMOBS_WORKFLOW,  /* a fixed sequence of operations */
    LLMOBS_AGENT,     /* a model decides on the operations */
    LLMOBS_TASK,      /* one step without a request to others */
    LLMOBS_TOOL,      /* a call of another program or service */
    LLMOBS_RETRIEVAL  /* a search that answers documents */
};

/* A text by its name: a tag, a header of HTTP. */
struct llmobs_pair {
    const char *key;
    const char *value;
};

struct llmobs_number {
    const char *key;
    double value;
};

/* -- on and off ---------------------------------------------------------- */

struct llmobs_enable_options {
    size_t size;
    const char *ml_app;  /* as DD_LLMOBS_ML_APP */
    const char *service; /* DD_SERVICE */
    const char *env;     /* DD_ENV */
    const char *site;    /* DD_SITE */
    const char *api_key; /* DD_API_KEY */
    /* DD_LLMOBS_INSTRUMENTED_PROXY_URLS: separated by commas. */
    const char *instrumented_proxy_urls;
    int agentless;            /* 1 straight to the intake, -1 to an agent; 0 as
                               * DD_LLMOBS_AGENTLESS_ENABLED says */
    int integrations_enabled; /* -1: calls through libcurl make no spans */
};

/* -- spans --------------------------------------------------------------- */

struct llmobs_start_options {
    size_t size;
    enum llmobs_span_kind kind;
    const char *name;           /* NULL: the kind's name */
    const char *model_name;     /* llm and embedding; NULL: "custom" */
    const char *model_provider; /* likewise */
    const char *session_id;     /* NULL: the parent's */
    const char *ml_app;         /* NULL: the parent's, else the process's */
    const char *user_id;        /* these are tags of this span */
    const char *user_handle;
    const char *user_name;
    llmobs_span_t parent; /* NULL: by the rule of llmobs_start */
    int detached;         /* 1: does not become the current span */
};

/* A call of a tool that a model asks for. */
struct llmobs_tool_call {
    const char *name;
    const char *arguments; /* the text of a JSON object; another text is kept
                            * as {"value": text} */
    const char *tool_id;
    const char *type; /* "function", ... */
};

/* What a tool answered. */
struct llmobs_tool_result {
    const char *name;
    const char *result;
    const char *tool_id;
    const char *type;
};

struct llmobs_message {
    const char *role; /* "system", "user", "assistant", "tool", ... */
    const char *content;
    const struct llmobs_tool_call *tool_calls;
    size_t tool_call_count;
    const struct llmobs_tool_result *tool_results;
    size_t tool_result_count;
};

struct llmobs_document {
    const char *text;
    const char *name;
    const char *id;
    double score; /* counts where has_score is not 0 */
    int has_score;
};

/* One side of a span; at most one of the four forms is given. What the kinds
 * read it as:
 *                input                        output
 *   llm          messages *)                  messages *)
 *   embedding    documents **)                text
 *   retrieval    text                         documents **)
 *   others       text                         text
 * *) a message {"role", "content", "tool_calls", "tool_results"}, a text, or an
 * array of these; **) a document {"text", "name", "id", "score"}, a text, or an
 * array of these; another form there is -EINVAL. Where a text is read, another
 * form is kept as the text of its JSON. */
struct llmobs_side {
    const char *text;
    const char *json; /* the text of a JSON value */
    const struct llmobs_message *messages;
    size_t message_count;
    const struct llmobs_document *documents;
    size_t document_count;
};

struct llmobs_annotation {
    size_t size;
    struct llmobs_side input;            /* replaces what was there */
    struct llmobs_side output;           /* likewise */
    const struct llmobs_number *metrics; /* joins, by key: input_tokens,
                                          * output_tokens, total_tokens,
                                          * time_to_first_token (s), ... */
    size_t metric_count;
    const struct llmobs_pair *tags; /* joins, by key; session_id, user_id,
                                     * user_handle and user_name are known */
    size_t tag_count;
    const char *metadata_json; /* the text of a JSON object; joins, by key */
    /* llm spans. The text of a JSON array of {"name", "description", "schema",
     * "version"}. */
    const char *tool_definitions_json;
    /* llm spans. The text of a JSON object: "id", "version", "template" (text)
     * or "chat_template" (messages), "variables", "tags",
     * "rag_context_variables", "rag_query_variables" (arrays of names). */
    const char *prompt_json;
};

/* The ids of a span as evaluations name them. */
struct llmobs_exported {
    char span_id[24];  /* decimal */
    char trace_id[40]; /* 32 hex digits */
};

/* -- evaluations --------------------------------------------------------- */

enum llmobs_metric_type {
    LLMOBS_CATEGORICAL, /* text */
    LLMOBS_SCORE,       /* number */
    LLMOBS_BOOLEAN,     /* truth */
    LLMOBS_JSON         /* json */
};

struct llmobs_evaluation_options {
    size_t size;
    const char *label; /* not empty, without a dot */
    enum llmobs_metric_type metric_type;
    const char *text; /* the value, by the metric's type */
    double number;    /* finite */
    int truth;
    const char *json; /* the text of a JSON object */
    /* What is evaluated: a span, or the one with this tag; never both. */
    const struct llmobs_exported *span;
    const char *tag_key;
    const char *tag_value;
    const char *ml_app;   /* NULL: the process's */
    int64_t timestamp_ms; /* since 1970; 0: now */
    const struct llmobs_pair *tags;
    size_t tag_count;
    const char *assessment;    /* "pass", "fail" */
    const char *reasoning;     /* why */
    const char *metadata_json; /* the text of a JSON object */
    int of_trace;              /* 1: of the span's whole trace */
};

/* -- annotations of what is started inside ------------------------------- */

struct llmobs_context_options {
    size_t size;
    const char *name;               /* of each span */
    const struct llmobs_pair *tags; /* of each span */
    size_t tag_count;
    const char *prompt_json; /* of each llm span */
};

/* -- the library --------------------------------------------------------- */

/* Whether the calls inside go to an LLM proxy, whatever their URL is. */
enum llmobs_proxied {
    LLMOBS_PROXIED_BY_URL, /* as DD_LLMOBS_INSTRUMENTED_PROXY_URLS says */
    LLMOBS_PROXIED_YES,
    LLMOBS_PROXIED_NO
};

typedef int llmobs_header_fn(void *context, const char *name,
                             const char *value);

struct llmobs_api {
    size_t size;
    int (*enable)(const struct llmobs_enable_options *options);
    int (*disable)(void);
    int (*enabled)(void);
    int (*start)(const struct llmobs_start_options *options,
                 llmobs_span_t *out);
    int (*finish)(llmobs_span_t span);
    int (*enter)(llmobs_span_t span);
    int (*leave)(llmobs_span_t span);
    llmobs_span_t (*current)(void);
    int (*annotate)(llmobs_span_t span,
                    const struct llmobs_annotation *annotation);
    int (*error)(llmobs_span_t span, const char *type, const char *message,
                 const char *stack);
    int (*export_span)(llmobs_span_t span, struct llmobs_exported *out);
    int (*evaluate)(const struct llmobs_evaluation_options *options);
    int (*flush)(int64_t timeout_ms);
    int (*inject)(llmobs_span_t span, llmobs_header_fn *add, void *context);
    int (*activate)(const struct llmobs_pair *headers, size_t count);
    int (*proxied_begin)(enum llmobs_proxied proxied);
    int (*proxied_end)(void);
    int (*context_begin)(const struct llmobs_context_options *options);
    int (*context_end)(void);
};

/* The one symbol, which the preloaded library has. NULL: nothing is observed,
 * or it does not know this version. `enable`: observing is wanted, so. */
__attribute__((weak)) const struct llmobs_api *llmobs_get_api(
    unsigned version, const struct llmobs_enable_options *enable);

typedef const struct llmobs_api *llmobs_get_api_fn(
    unsigned version, const struct llmobs_enable_options *enable);

/* By way of the GOT: what a position-dependent program compiles to otherwise is
 * settled when it is linked, for good. */
static inline llmobs_get_api_fn *llmobs_get_api_found(void)
{
#if defined(__x86_64__) && !defined(__PIC__) && !defined(__PIE__)
    llmobs_get_api_fn *found;

    __asm__(".weak llmobs_get_api\n\t"
            "movq llmobs_get_api@GOTPCREL(%%rip), %0"
            : "=r"(found));
    return found;
#else
    return llmobs_get_api;
#endif
}

static inline const struct llmobs_api *llmobs_api_get(
    const struct llmobs_enable_options *enable)
{
    llmobs_get_api_fn *get = llmobs_get_api_found();

    return get ? get(LLMOBS_API_VERSION, enable) : NULL;
}

/* -- on and off ---------------------------------------------------------- */

/* Switches observing on where the environment leaves that open, and says what
 * the environment does not: a field that is set here wins. What is on already,
 * by DD_LLMOBS_ENABLED and a first call of libcurl or of this API, keeps its
 * settings: -EALREADY where any is given. So call it first. NULL: no settings.
 * DD_LLMOBS_ENABLED=0, /etc/llmobs/disabled and a program with raised rights
 * stay off: LLMOBS_NOT_OBSERVING. */
static inline int llmobs_enable(const struct llmobs_enable_options *options)
{
    const struct llmobs_api *api;
    struct llmobs_enable_options none;

    memset(&none, 0, sizeof(none));
    none.size = sizeof(none);
    if (!options)
        options = &none;
    api = llmobs_api_get(options);
    return api ? api->enable(options) : LLMOBS_NOT_OBSERVING;
}

/* Delivers what there is, waiting as long as an exit would, and observes
 * nothing more until the next enable; spans that are open are dropped when
 * they are finished. */
static inline int llmobs_disable(void)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->disable() : LLMOBS_NOT_OBSERVING;
}

/* 1 while spans are made, else 0. */
static inline int llmobs_enabled(void)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->enabled() : 0;
}

/* -- spans --------------------------------------------------------------- */

/* Starts a span; *out is LLMOBS_NO_SPAN where none was started. Its parent is
 * the one that is named, else the current span of the thread, else the caller
 * whose headers the thread has activated, else the context that the process
 * has in its environment. -EINVAL: a kind or size that is none; -EBADF: a
 * parent that is not open; -EMFILE: beyond a limit. */
static inline int llmobs_start_span(const struct llmobs_start_options *options,
                                    llmobs_span_t *out)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    if (out)
        *out = LLMOBS_NO_SPAN;
    return api ? api->start(options, out) : LLMOBS_NOT_OBSERVING;
}

/* The same with what llm and embedding spans need. Never NULL. */
static inline llmobs_span_t llmobs_start_model(enum llmobs_span_kind kind,
                                               const char *name,
                                               const char *model_name,
                                               const char *model_provider)
{
    llmobs_span_t span = LLMOBS_NO_SPAN;
    struct llmobs_start_options options;

    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.kind = kind;
    options.name = name;
    options.model_name = model_name;
    options.model_provider = model_provider;
    (void)llmobs_start_span(&options, &span);
    return span;
}

/* With what most others need. */
static inline llmobs_span_t llmobs_start(enum llmobs_span_kind kind,
                                         const char *name)
{
    return llmobs_start_model(kind, name, NULL, NULL);
}

/* Named after the function that it stands in. */
#define LLMOBS_START(kind) llmobs_start((kind), __func__)

/* Ends and submits a span; what is never finished is never submitted. The
 * current span of each thread that had this one is then the one before it.
 * -EBADF: not open (finished already, NULL, no span at all). In a forked child
 * a span of its parent only stops being current. */
static inline int llmobs_finish(llmobs_span_t span)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->finish(span) : LLMOBS_NOT_OBSERVING;
}

/* Makes an open span the current one of this thread as well, or no longer; it
 * stays open. -EBADF; leave: -ENOENT where the thread does not have it. */
static inline int llmobs_enter(llmobs_span_t span)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->enter(span) : LLMOBS_NOT_OBSERVING;
}

static inline int llmobs_leave(llmobs_span_t span)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->leave(span) : LLMOBS_NOT_OBSERVING;
}

/* The current span of this thread; LLMOBS_NO_SPAN: there is none. */
static inline llmobs_span_t llmobs_current(void)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->current() : LLMOBS_NO_SPAN;
}

/* Says what a span was about; NULL: the current one. What is wrong changes
 * nothing at all. -EBADF: not open; -ENOENT: NULL, and there is no current
 * span; -EINVAL: a form that the kind does not take, a text that is no JSON, a
 * number that is not finite, a key that is empty or a tag's with a colon;
 * -ECHILD: a span of the parent process. */
static inline int llmobs_annotate(llmobs_span_t span,
                                  const struct llmobs_annotation *annotation)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->annotate(span, annotation) : LLMOBS_NOT_OBSERVING;
}

/* Parts of it. Either text may be NULL. */
static inline int llmobs_annotate_text(llmobs_span_t span, const char *input,
                                       const char *output)
{
    struct llmobs_annotation annotation;

    memset(&annotation, 0, sizeof(annotation));
    annotation.size = sizeof(annotation);
    annotation.input.text = input;
    annotation.output.text = output;
    return llmobs_annotate(span, &annotation);
}

static inline int llmobs_annotate_tag(llmobs_span_t span, const char *key,
                                      const char *value)
{
    const struct llmobs_pair tag = {key, value};
    struct llmobs_annotation annotation;

    memset(&annotation, 0, sizeof(annotation));
    annotation.size = sizeof(annotation);
    annotation.tags = &tag;
    annotation.tag_count = 1;
    return llmobs_annotate(span, &annotation);
}

static inline int llmobs_annotate_metric(llmobs_span_t span, const char *key,
                                         double value)
{
    const struct llmobs_number metric = {key, value};
    struct llmobs_annotation annotation;

    memset(&annotation, 0, sizeof(annotation));
    annotation.size = sizeof(annotation);
    annotation.metrics = &metric;
    annotation.metric_count = 1;
    return llmobs_annotate(span, &annotation);
}

/* The span failed; NULL: the current one. The first error stays. Any text may
 * be NULL. Errors as annotate. */
static inline int llmobs_error(llmobs_span_t span, const char *type,
                               const char *message, const char *stack)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->error(span, type, message, stack) : LLMOBS_NOT_OBSERVING;
}

/* The ids of an open span, for an evaluation now or later; NULL: the current
 * one. Both are "" where the answer is not 0. -EBADF, -ENOENT as annotate. */
static inline int llmobs_export_span(llmobs_span_t span,
                                     struct llmobs_exported *out)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    if (out)
        out->span_id[0] = out->trace_id[0] = '\0';
    return api ? api->export_span(span, out) : LLMOBS_NOT_OBSERVING;
}

/* Submits an evaluation of a span, whose process may be another. -EINVAL: what
 * the struct's comments rule out. */
static inline int llmobs_submit_evaluation(
    const struct llmobs_evaluation_options *options)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->evaluate(options) : LLMOBS_NOT_OBSERVING;
}

/* Delivers what is finished, due or not, and waits for it, at most timeout_ms
 * milliseconds. -ETIMEDOUT: something is left, which is tried again later. */
static inline int llmobs_flush(int64_t timeout_ms)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->flush(timeout_ms) : LLMOBS_NOT_OBSERVING;
}

/* -- other processes ----------------------------------------------------- */

/* Calls add(context, name, value) for each header that carries the span to the
 * service that is called, until it answers other than 0: that is the answer
 * then. NULL: the current span. Not for requests through libcurl: those to
 * proxies get their headers by themselves. The two texts last for the call.
 * -EBADF, -ENOENT as annotate. */
static inline int llmobs_inject(llmobs_span_t span, llmobs_header_fn *add,
                                void *context)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->inject(span, add, context) : LLMOBS_NOT_OBSERVING;
}

/* The request that this thread serves now came with these headers (others are
 * passed over; names in any case): its caller is the parent of what the thread
 * starts without a current span, until the next activate. Of a caller with a
 * public address nothing but ids is taken (LLMOBS_INBOUND_TRUST): say who it is
 * by a pair {":remote-addr", ADDRESS}, and pass its X-Forwarded-For, Forwarded,
 * X-Real-IP and the like, which may make it a stranger, too. -ENOENT: the
 * headers carry no caller, and the thread has none now; so it is for no headers
 * at all. */
static inline int llmobs_activate(const struct llmobs_pair *headers,
                                  size_t count)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->activate(headers, count) : LLMOBS_NOT_OBSERVING;
}

/* -- what goes for all calls inside, in this thread ---------------------- */

/* The calls through libcurl until the matching end go to a proxy, or to none.
 * They nest, 16 deep: -EMFILE. end: -ENOENT where there is no begin. */
static inline int llmobs_proxied_begin(enum llmobs_proxied proxied)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->proxied_begin(proxied) : LLMOBS_NOT_OBSERVING;
}

static inline int llmobs_proxied_end(void)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->proxied_end() : LLMOBS_NOT_OBSERVING;
}

/* The spans that the thread starts until the matching end have this name,
 * these tags and this prompt, inner ones last. Spans of calls through libcurl
 * too. They nest, 16 deep: -EMFILE. -EINVAL as annotate; end: -ENOENT. */
static inline int llmobs_context_begin(
    const struct llmobs_context_options *options)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->context_begin(options) : LLMOBS_NOT_OBSERVING;
}

static inline int llmobs_context_end(void)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->context_end() : LLMOBS_NOT_OBSERVING;
}

#ifdef __cplusplus
}

#include <exception>

namespace llmobs
{
/* A span that ends with its scope; failed where an exception ends it. */
class scope
{
  public:
    explicit scope(llmobs_span_kind kind,
                   const char *name = __builtin_FUNCTION())
        : span_(llmobs_start(kind, name)), exceptions_(exceptions())
    {
    }
    explicit scope(const llmobs_start_options &options)
        : span_(LLMOBS_NO_SPAN), exceptions_(exceptions())
    {
        (void)llmobs_start_span(&options, &span_);
    }
    ~scope()
    {
        if (exceptions() > exceptions_)
            (void)llmobs_error(span_, "exception", NULL, NULL);
        (void)llmobs_finish(span_);
    }
    llmobs_span_t get() const
    {
        return span_;
    }
    operator llmobs_span_t() const
    {
        return span_;
    }

  private:
    scope(const scope &);
    scope &operator=(const scope &);
    static int exceptions()
    {
#if defined(__cpp_lib_uncaught_exceptions)
        return std::uncaught_exceptions();
#else
        return std::uncaught_exception() ? 1 : 0;
#endif
    }
    llmobs_span_t span_;
    int exceptions_;
};

/* The same for the calls inside. */
class proxied_scope
{
  public:
    explicit proxied_scope(llmobs_proxied proxied)
        : begun_(llmobs_proxied_begin(proxied) == 0)
    {
    }
    ~proxied_scope()
    {
        if (begun_)
            (void)llmobs_proxied_end();
    }

  private:
    proxied_scope(const proxied_scope &);
    proxied_scope &operator=(const proxied_scope &);
    bool begun_;
};
} // namespace llmobs

#else

static inline void llmobs_finish_at_end(llmobs_span_t *span)
{
    (void)llmobs_finish(*span);
}

static inline void llmobs_proxied_end_at_end(int *begun)
{
    if (*begun == 0)
        (void)llmobs_proxied_end();
}

/* Declares `variable`, a span that is finished at the end of its scope. */
#define LLMOBS_SCOPE(variable, kind, name)                 \
    __attribute__((cleanup(llmobs_finish_at_end), unused)) \
    llmobs_span_t variable = llmobs_start((kind), (name))

/* LLMOBS_SCOPE of the name of the function. */
#define LLMOBS_FUNCTION(variable, kind) LLMOBS_SCOPE(variable, kind, __func__)

/* Declares `variable`: until the end of its scope calls are proxied, or not. */
#define LLMOBS_PROXIED_SCOPE(variable, proxied)                                \
    __attribute__((cleanup(llmobs_proxied_end_at_end), unused)) int variable = \
        llmobs_proxied_begin(proxied)

#endif
#endif
