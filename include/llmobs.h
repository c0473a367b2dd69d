/* llmobs - the public face of llmobs-preload for C and C++ programs.
 *
 * A program that includes this header links with nothing. If
 * libllmobs_preload.so is preloaded, its calls make spans of LLM Observability;
 * if not, each call is one comparison and does nothing.
 *
 *     llmobs_span_t span = LLMOBS_START(LLMOBS_WORKFLOW);
 *     llmobs_annotate_text(span, question, NULL);
 *     ... calls to language models become children ...
 *     llmobs_annotate_text(span, NULL, answer);
 *     llmobs_finish(span);
 *
 * Answers: 0: done. LLMOBS_NOT_OBSERVING (1): no calls are observed, and this
 *          call did nothing. A negative errno number: a wrong use, or a lack of
 *          memory, with a line in the file that LLMOBS_LOG names. No call ever
 *          ends the program, prints, or changes errno.
 * Owns:    the library owns a span from start to finish. It copies every text,
 *          array and struct that it is given before the call returns.
 * Texts:   C strings in UTF-8; invalid bytes become U+FFFD. NULL: not given.
 * Structs: a struct with a `size` has its own sizeof there, and a member that
 *          is not set is 0: struct llmobs_annotation a = {.size = sizeof(a)}.
 *          Those without one (pairs, messages, links, exported ids) never
 *          change their form within LLMOBS_API_VERSION.
 * Threads: any thread may make any call. A span that is started becomes the
 *          current span of its thread until it is finished; spans that the same
 *          thread starts meanwhile are its children. Another thread may use and
 *          finish a span. Signal handlers must make no call.
 * Fork:    in a child the spans of the thread that forked are still parents,
 *          but only the process that started a span can submit it.
 * Limits:  LLMOBS_SPANS_MAX open spans at once, LLMOBS_DEPTH_MAX current spans
 *          in a thread.
 */
#ifndef LLMOBS_H
#define LLMOBS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LLMOBS_VERSION "0.1.0"

/* The version of the table below; a library that does not know it gives no
 * table. */
#define LLMOBS_API_VERSION 1u

#define LLMOBS_NOT_OBSERVING 1
#define LLMOBS_SPANS_MAX 65000
#define LLMOBS_DEPTH_MAX 4096

#ifdef __cplusplus
extern "C" {
#endif

/* An open span. The pointer is a number and points to no memory, so that the
 * library can recognise a finished span. NULL stands for the current span of
 * the calling thread where a function says so. */
typedef struct llmobs_opaque *llmobs_span_t;

/* The value of a start that started no span. Every call accepts it, and gives
 * LLMOBS_NOT_OBSERVING. */
#ifdef __cplusplus
#define LLMOBS_NO_SPAN \
    (reinterpret_cast<llmobs_span_t>(static_cast<uintptr_t>(1)))
#else
#define LLMOBS_NO_SPAN ((llmobs_span_t)(uintptr_t)1)
#endif

enum llmobs_span_kind {
    LLMOBS_LLM,       /* a call to a language model */
    LLMOBS_EMBEDDING, /* a call to a model that makes embeddings */
    LLMOBS_WORKFLOW,  /* a fixed sequence of operations */
    LLMOBS_AGENT,     /* a model decides on the operations */
    LLMOBS_TASK,      /* one step, without a request to another service */
    LLMOBS_TOOL,      /* a call to another program or service */
    LLMOBS_RETRIEVAL  /* a search that gives documents */
};

/* A text and its name: a tag, or an HTTP header. */
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
    int agentless; /* 1: straight to the intake, -1: to an agent, 0: as
                    * DD_LLMOBS_AGENTLESS_ENABLED says */
    int integrations_enabled;  /* -1: calls of models make no spans */
    const char *agent_service; /* the newer name of ml_app; wins over it */
    const char *sample_rate;   /* DD_LLMOBS_SAMPLE_RATE: "0" to "1" */
};

/* -- spans --------------------------------------------------------------- */

struct llmobs_start_options {
    size_t size;
    enum llmobs_span_kind kind;
    const char *name;           /* NULL: the kind's name */
    const char *model_name;     /* llm and embedding; NULL: "custom" */
    const char *model_provider; /* llm and embedding; NULL: "custom" */
    const char *session_id;     /* NULL: the parent's */
    const char *ml_app;         /* NULL: the parent's, else the process's */
    const char *user_id;        /* the three user_... are tags */
    const char *user_handle;
    const char *user_name;
    llmobs_span_t parent;      /* NULL: see llmobs_start_span */
    int detached;              /* 1: does not become the current span */
    const char *agent_service; /* the newer name of ml_app; wins over it */
    const char *agent_version; /* agent spans: the version of the agent */
};

/* A call of a tool that a model asks for. */
struct llmobs_tool_call {
    const char *name;
    const char *arguments; /* the text of a JSON object; any other text is kept
                            * as {"value": text} */
    const char *tool_id;
    const char *type; /* "function", ... */
};

/* The answer of a tool. */
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
    double score; /* used where has_score is not 0 */
    int has_score;
};

/* The input or the output of a span, given in at most one of four forms. Each
 * kind reads it as:
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

/* The ids of a span; an evaluation or a link names the span by them. */
struct llmobs_exported {
    char span_id[24];  /* decimal */
    char trace_id[40]; /* 32 hex digits */
};

/* A link from a span to an earlier one, for example from a tool to the model
 * that asked for it. */
struct llmobs_link {
    const struct llmobs_exported *span; /* the earlier span */
    const char *from; /* its "input" or "output"; NULL: not told */
    const char *to;   /* as `from`, of the span with the link */
};

struct llmobs_annotation {
    size_t size;
    struct llmobs_side input;            /* replaces an earlier one */
    struct llmobs_side output;           /* replaces an earlier one */
    const struct llmobs_number *metrics; /* added by key: input_tokens,
                                          * output_tokens, total_tokens,
                                          * time_to_first_token (s), ... */
    size_t metric_count;
    const struct llmobs_pair *tags; /* added by key; Datadog knows session_id,
                                     * user_id, user_handle and user_name */
    size_t tag_count;
    const char *metadata_json; /* the text of a JSON object; added by key */
    /* llm spans. The text of a JSON array of {"name", "description", "schema",
     * "version"}. */
    const char *tool_definitions_json;
    /* llm spans. The text of a JSON object: "id" (else "name", else
     * "<ml_app>_unnamed-prompt"), "version", "label", "template" (text) or
     * "chat_template" (messages, and {"type": "placeholder", "name"}),
     * "variables", "tags", "rag_context_variables", "rag_query_variables"
     * (arrays of names), "prompt_uuid", "prompt_version_uuid". */
    const char *prompt_json;
    /* Keys of the span's tags, by which Datadog also splits cost and tokens; a
     * key that the span does not have is left out. */
    const char *const *cost_tags;
    size_t cost_tag_count;
    const char *agent_version; /* agent spans; as in start_options */
    /* Agent spans. The text of a JSON object that describes the agent: texts
     * "name", "framework", "instructions", "model", "handoff_description";
     * "model_settings" (only the settings of inference are used: others may
     * hold keys); arrays of {"name", "type", "description", "parameters":
     * {NAME: {"type", "required"}}} "tools", "capabilities" and
     * "extra_instructions"; any JSON "agent_settings", "data_contracts",
     * "guardrails", "handoffs", "memory_policies", "metadata" and
     * "system_prompts". Anything else is left out. */
    const char *agent_manifest_json;
    const struct llmobs_link *links; /* added to the links that the span has */
    size_t link_count;
};

/* -- evaluations --------------------------------------------------------- */

enum llmobs_metric_type {
    LLMOBS_CATEGORICAL, /* text */
    LLMOBS_SCORE,       /* number */
    LLMOBS_BOOLEAN,     /* truth */
    LLMOBS_JSON,        /* json */
    LLMOBS_TEXT         /* text, of any length; only for feedback */
};

struct llmobs_evaluation_options {
    size_t size;
    const char *label; /* not empty, without a dot */
    enum llmobs_metric_type metric_type;
    const char *text; /* the value is one of these four, by metric_type */
    double number;    /* finite */
    int truth;
    const char *json; /* the text of a JSON object */
    /* The span that is evaluated: by its ids, or by a tag; never both. */
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
    const char *agent_service; /* the newer name of ml_app; wins over it */
};

/* A user's opinion of a span, a trace or a session. */
struct llmobs_feedback_options {
    size_t size;
    const char *label; /* not empty, without a dot */
    enum llmobs_metric_type metric_type;
    const char *text; /* the value is one of these four, by metric_type */
    double number;    /* finite */
    int truth;
    const char *json;           /* the text of a JSON object */
    const char *submitter_id;   /* who gives the feedback; not empty */
    const char *submitter_type; /* "user", ...; NULL: not told */
    /* The object of the feedback: exactly one of these four. */
    const struct llmobs_exported *span;
    const char *trace_id; /* 32 hex digits, as export_span gives them */
    const char *session_id;
    const char *join_key;      /* a key of the program's own */
    const char *agent_service; /* NULL: the process's */
    int64_t timestamp_ms;      /* since 1970; 0: now */
    const struct llmobs_pair *tags;
    size_t tag_count;
    const char *assessment; /* "pass", "fail" */
    const char *reasoning;  /* why */
};

/* -- annotations of a scope ---------------------------------------------- */

struct llmobs_context_options {
    size_t size;
    const char *name;               /* of each span */
    const struct llmobs_pair *tags; /* of each span */
    size_t tag_count;
    const char *prompt_json;      /* of each llm span */
    const char *const *cost_tags; /* of each span, as in an annotation */
    size_t cost_tag_count;
    const char *agent_version; /* of each agent span */
};

/* -- the program's own processor ------------------------------------------ */

/* A span that is about to be delivered, in the hands of the processor. */
struct llmobs_finished;

enum llmobs_part {
    LLMOBS_INPUT, /* messages or documents, as in a side; a text as a string */
    LLMOBS_OUTPUT,
    LLMOBS_METADATA /* an object */
};

/* Looks at a span of the program or of a call before it is sent or written.
 * Gives 0; or LLMOBS_DROP if the span is not wanted; or a negative errno
 * number: then the span stays as it was. It runs in the thread that finishes
 * the span. For a call through libcurl it runs in a thread of the library, or
 * in the thread that ends the process or flushes. So it may run in two threads
 * at once, with 64 KiB of stack, and as late as in the exit handlers. It must
 * return, and must call neither libcurl nor this API, except the three
 * functions below, whose texts are valid until it returns or sets the part. */
#define LLMOBS_DROP 1
typedef int llmobs_processor_fn(void *context, struct llmobs_finished *span);

/* -- the library --------------------------------------------------------- */

/* Whether the calls of a scope go to an LLM proxy. YES and NO win over the
 * URL. */
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
    /* Members that a library of this version adds. */
    int (*feedback)(const struct llmobs_feedback_options *options);
    int (*set_processor)(llmobs_processor_fn *processor, void *context);
    const char *(*finished_get)(struct llmobs_finished *span,
                                enum llmobs_part part);
    int (*finished_set)(struct llmobs_finished *span, enum llmobs_part part,
                        const char *json);
    const char *(*finished_tag)(struct llmobs_finished *span, const char *key);
};

/* The symbol of the preloaded library for C and C++. NULL: no calls are
 * observed, or the library does not know this version. `enable`: the program
 * wants to be observed, with these options; or NULL. */
__attribute__((weak)) const struct llmobs_api *llmobs_get_api(
    unsigned version, const struct llmobs_enable_options *enable);

typedef const struct llmobs_api *llmobs_get_api_fn(
    unsigned version, const struct llmobs_enable_options *enable);

/* Reads the address from the GOT: in a position-dependent program the linker
 * would otherwise settle the weak symbol for good. */
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

/* True if the library is new enough for a function of the table. */
#define LLMOBS_API_HAS(api, name)                                              \
    ((api) &&                                                                  \
     (api)->size >= offsetof(struct llmobs_api, name) + sizeof((api)->name) && \
     (api)->name)

/* -- on and off ---------------------------------------------------------- */

/* Switches observing on if the environment does not decide that. A member that
 * is set here wins over the environment; a member that is NULL changes nothing.
 * Call it first: once observing is on, by DD_LLMOBS_ENABLED and a first call of
 * libcurl or of this API, the settings cannot change, and options give
 * -EALREADY. DD_LLMOBS_ENABLED=0, /etc/llmobs/disabled and a program with
 * raised rights keep observing off: LLMOBS_NOT_OBSERVING. */
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

/* Delivers all finished spans, waiting as long as an exit would, and observes
 * no calls until the next enable. A span that is still open is dropped at its
 * finish. */
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

/* Starts a span; *out is LLMOBS_NO_SPAN if none was started. Its parent is
 * `parent`, else the current span of the thread, else the caller whose headers
 * the thread has activated, else the context in the environment of the process.
 * -EINVAL: an unknown kind, or an impossible size; -EBADF: the parent is not
 * open; -EMFILE: beyond a limit. */
static inline int llmobs_start_span(const struct llmobs_start_options *options,
                                    llmobs_span_t *out)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    if (out)
        *out = LLMOBS_NO_SPAN;
    return api ? api->start(options, out) : LLMOBS_NOT_OBSERVING;
}

/* As llmobs_start_span, for llm and embedding spans. Never NULL. */
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

/* As llmobs_start_span, with the members that most other spans need. */
static inline llmobs_span_t llmobs_start(enum llmobs_span_kind kind,
                                         const char *name)
{
    return llmobs_start_model(kind, name, NULL, NULL);
}

/* Starts a span with the name of the function that it stands in. */
#define LLMOBS_START(kind) llmobs_start((kind), __func__)

/* Ends and submits a span; a span that is never finished is never submitted. In
 * each thread whose current span it was, the span before it becomes current.
 * -EBADF: no open span (finished already, NULL, or never a span). In a forked
 * child a span of the parent process only stops being current. */
static inline int llmobs_finish(llmobs_span_t span)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->finish(span) : LLMOBS_NOT_OBSERVING;
}

/* _enter also makes an open span the current span of this thread; _leave ends
 * that. The span stays open. -EBADF: not open; _leave: -ENOENT if the span is
 * not current in the thread. */
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

/* The current span of this thread; LLMOBS_NO_SPAN: no span is current. */
static inline llmobs_span_t llmobs_current(void)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->current() : LLMOBS_NO_SPAN;
}

/* Annotates a span; NULL: the current span. After an error the span is
 * unchanged. -EBADF: not open; -ENOENT: NULL, and no span is current; -EINVAL:
 * a form that the kind does not accept, a text that is not JSON, a number that
 * is not finite, an empty key, a colon in a tag's key; -ECHILD: the parent
 * process's span. */
static inline int llmobs_annotate(llmobs_span_t span,
                                  const struct llmobs_annotation *annotation)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->annotate(span, annotation) : LLMOBS_NOT_OBSERVING;
}

/* These three annotate with one part. Either text may be NULL. */
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

/* Marks a span as failed; NULL: the current span. The first error stays. Any
 * text may be NULL. Errors as annotate. */
static inline int llmobs_error(llmobs_span_t span, const char *type,
                               const char *message, const char *stack)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->error(span, type, message, stack) : LLMOBS_NOT_OBSERVING;
}

/* The ids of an open span, for an evaluation now or later; NULL: the current
 * span. After an error both ids are "". -EBADF, -ENOENT as annotate. */
static inline int llmobs_export_span(llmobs_span_t span,
                                     struct llmobs_exported *out)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    if (out)
        out->span_id[0] = out->trace_id[0] = '\0';
    return api ? api->export_span(span, out) : LLMOBS_NOT_OBSERVING;
}

/* Submits an evaluation of a span, which may belong to another process.
 * -EINVAL: a value that the struct's comments rule out. */
static inline int llmobs_submit_evaluation(
    const struct llmobs_evaluation_options *options)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->evaluate(options) : LLMOBS_NOT_OBSERVING;
}

/* Submits a user's feedback on a span, which may belong to another process.
 * -EINVAL: a value that the struct's comments rule out. */
static inline int llmobs_submit_feedback(
    const struct llmobs_feedback_options *options)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return LLMOBS_API_HAS(api, feedback) ? api->feedback(options)
                                         : LLMOBS_NOT_OBSERVING;
}

/* Delivers all finished spans at once, and waits for that, at most timeout_ms
 * milliseconds. -ETIMEDOUT: some spans are left, and are tried again later. */
static inline int llmobs_flush(int64_t timeout_ms)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->flush(timeout_ms) : LLMOBS_NOT_OBSERVING;
}

/* -- the program's own processor ------------------------------------------ */

/* From now on the processor gets each span; NULL: no processor gets spans. Set
 * it before the first call that it shall see. While a processor is set, the
 * content of a call is not written to disk before the processor has run. So if
 * the process is killed during a call, its span has no content. A thread may
 * still run the processor that was set before; after llmobs_flush the library's
 * own thread does not run it any more. -EMFILE: beyond 1024 processors. */
static inline int llmobs_set_processor(llmobs_processor_fn *processor,
                                       void *context)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return LLMOBS_API_HAS(api, set_processor)
               ? api->set_processor(processor, context)
               : LLMOBS_NOT_OBSERVING;
}

/* Only for the processor. The part as JSON text; NULL: the span lacks it. */
static inline const char *llmobs_finished_get(struct llmobs_finished *span,
                                              enum llmobs_part part)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return LLMOBS_API_HAS(api, finished_get) ? api->finished_get(span, part)
                                             : NULL;
}

/* Replaces a part by the text of a JSON value, in the forms that annotate takes
 * for the span's kind; NULL removes the part. -EINVAL: another form. */
static inline int llmobs_finished_set(struct llmobs_finished *span,
                                      enum llmobs_part part, const char *json)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return LLMOBS_API_HAS(api, finished_set)
               ? api->finished_set(span, part, json)
               : LLMOBS_NOT_OBSERVING;
}

/* The value of a tag of the program's or of the call's; for "span.kind" and
 * "name" the span's kind and name. NULL: the span has no such tag. */
static inline const char *llmobs_finished_tag(struct llmobs_finished *span,
                                              const char *key)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return LLMOBS_API_HAS(api, finished_tag) ? api->finished_tag(span, key)
                                             : NULL;
}

/* -- other processes ----------------------------------------------------- */

/* Calls add(context, name, value) for each header that carries the span to
 * another service. If add gives a number other than 0, the calls end and that
 * number is the answer. NULL: the current span. Not for requests through
 * libcurl: the library adds the headers to requests that go to a proxy. The two
 * texts are valid during the call of add. -EBADF, -ENOENT as annotate. */
static inline int llmobs_inject(llmobs_span_t span, llmobs_header_fn *add,
                                void *context)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->inject(span, add, context) : LLMOBS_NOT_OBSERVING;
}

/* Gives the library the headers of the request that this thread serves now (in
 * any case; headers without context are passed over). Until the next activate
 * the caller is the parent of the spans that the thread starts without a
 * current span. If the caller has a public address, only its ids count
 * (LLMOBS_INBOUND_TRUST): give its address as a pair {":remote-addr", ADDRESS}.
 * Also pass X-Forwarded-For, Forwarded, X-Real-IP and the like, which may name
 * such an address. -ENOENT: the headers carry no caller, or there are no
 * headers, and the thread has no caller now. */
static inline int llmobs_activate(const struct llmobs_pair *headers,
                                  size_t count)
{
    const struct llmobs_api *api = llmobs_api_get(NULL);

    return api ? api->activate(headers, count) : LLMOBS_NOT_OBSERVING;
}

/* -- scopes of this thread ------------------------------------------------ */

/* Says whether the thread's calls through libcurl go to a proxy, until the
 * matching end. -EMFILE: beyond 16 nested scopes. end: -ENOENT without a begin.
 */
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

/* The spans that the thread starts until the matching end, and the spans of its
 * calls through libcurl, get this name, these tags and this prompt. Scopes
 * nest, at most 16 deep: -EMFILE. An inner scope wins. -EINVAL as annotate;
 * end: -ENOENT without a begin. */
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
/* A span that is finished at the end of its scope, and marked as failed if an
 * exception ends the scope. */
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

/* A scope whose calls go to a proxy, or do not. */
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

/* LLMOBS_SCOPE with the name of the function. */
#define LLMOBS_FUNCTION(variable, kind) LLMOBS_SCOPE(variable, kind, __func__)

/* Declares `variable`: until the end of its scope calls are proxied, or not. */
#define LLMOBS_PROXIED_SCOPE(variable, proxied)                                \
    __attribute__((cleanup(llmobs_proxied_end_at_end), unused)) int variable = \
        llmobs_proxied_begin(proxied)

#endif
#endif
