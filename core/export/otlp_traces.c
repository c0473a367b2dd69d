/* Writes and sends OTLP spans. */
#include "core/export/otlp_traces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config_otlp.h"
#include "core/event/facts.h"
#include "core/export/attributes.h"
#include "core/export/fields.h"
#include "core/export/otlp_route.h"
#include "core/export/resource.h"
#include "core/export/source.h"
#include "core/export/store.h"
#include "core/export/writer.h"
#include "lib/base/log.h"
#include "lib/span/content_filter.h"

/* Values of OTLP's enums. */
#define KIND_INTERNAL 1
#define KIND_CLIENT 3
#define STATUS_ERROR 2

/* The longest name of a span. */
#define NAME_MAX_LEN ((size_t)1 << 20)

/* The parent span in the trace; 0: no parent. */
static uint64_t parent_of(const struct llmobs_otlp_source *s)
{
    uint64_t apm =
        llmobs_otlp_source_id(llmobs_otlp_source_fact(s, LLMOBS_FACT_PARENT));

    if (apm)
        return apm;
    return llmobs_otlp_source_id(llmobs_json_gets(s->event, "parent_id"));
}

/* -- links --------------------------------------------------------------- */

/* Writes a link, which names the trace of LLM Observability. For a span in this
 * span's trace, the linked span has this span's OTLP trace; for another, the
 * link gives the trace by OTLP, if that differs. */
static void put_link(struct llmobs_otlp_writer *w,
                     const struct llmobs_otlp_source *s,
                     const struct llmobs_json *link)
{
    const struct llmobs_json *ends = llmobs_json_get(link, "attributes");
    struct llmobs_otlp_attributes out = {.writer = w,
                                         .list = OTLP_LINK_ATTRIBUTES};
    uint64_t span = llmobs_otlp_source_id(llmobs_json_gets(link, "span_id"));
    const char *trace = llmobs_json_gets(link, "trace_id");
    const char *apm = llmobs_json_gets(ends, "apm_trace_id");
    struct llmobs_id128 id = s->trace_id;

    if (!span || !trace)
        return;
    if (!llmobs_json_says(s->event, "trace_id", trace) &&
        !llmobs_otlp_source_trace(apm ? apm : trace, &id))
        return;
    llmobs_otlp_item(w, OTLP_SPAN_LINKS);
    llmobs_otlp_put_trace_id(w, OTLP_LINK_TRACE_ID, id);
    llmobs_otlp_put_span_id(w, OTLP_LINK_SPAN_ID, span);
    llmobs_otlp_list(w, OTLP_LINK_ATTRIBUTES);
    llmobs_otlp_attr_said(&out, "llmobs.link.from",
                          llmobs_json_gets(ends, "from"));
    llmobs_otlp_attr_said(&out, "llmobs.link.kind",
                          llmobs_json_gets(ends, "kind"));
    llmobs_otlp_attr_said(&out, "llmobs.link.to", llmobs_json_gets(ends, "to"));
    llmobs_otlp_close_list(w);
    llmobs_otlp_close(w);
}

/* -- status -------------------------------------------------------------- */

/* Without content, the provider's error code is the only text that says more
 * than the type. A span without an error has no status: only the program could
 * set it. */
static void put_status(struct llmobs_otlp_writer *w,
                       const struct llmobs_otlp_source *s, bool content)
{
    const char *message =
        llmobs_json_gets(llmobs_json_get(s->meta, "error"), "message");

    if (!s->failed)
        return;
    llmobs_otlp_message(w, OTLP_SPAN_STATUS);
    if (message && *message && (content || llmobs_content_is_code(message)))
        llmobs_otlp_string(w, OTLP_STATUS_MESSAGE, llmobs_text_of(message));
    llmobs_otlp_enum(w, OTLP_STATUS_CODE, STATUS_ERROR);
    llmobs_otlp_close(w);
}

/* -- the span ------------------------------------------------------------ */

/* No text of an event is as long, and no event has as many attributes: such a
 * limit costs no counting. */
static size_t limit_of(int64_t number)
{
    return number > 0 && number < INT32_MAX ? (size_t)number : 0;
}

static void put_attributes(struct llmobs_otlp_writer *w,
                           const struct llmobs_otlp_source *s,
                           const struct llmobs_config *config, bool content,
                           const char *name)
{
    struct llmobs_otlp_attributes out = {
        .writer = w,
        .list = OTLP_SPAN_ATTRIBUTES,
        .max = limit_of(config->otlp.attribute_max),
        .value_max = limit_of(config->otlp.value_max),
        .hash_key = config->hash_key,
    };
    const char *parent = llmobs_json_gets(s->event, "parent_id");
    uint64_t id = llmobs_otlp_source_id(parent);

    llmobs_otlp_list(w, OTLP_SPAN_ATTRIBUTES);
    llmobs_otlp_put_attributes(s, content, &out);
    /* LLM Observability's own values, where the span's differ. */
    if (strcmp(name, s->name) != 0)
        llmobs_otlp_attr_text(&out, "llmobs.name", llmobs_text_of(s->name));
    if (id && id != parent_of(s))
        llmobs_otlp_attr_text(&out, "llmobs.parent_id", llmobs_text_of(parent));
    llmobs_otlp_close_list(w);
    if (out.dropped > 0)
        llmobs_otlp_uint32(w, OTLP_SPAN_DROPPED, (uint32_t)out.dropped);
}

void llmobs_otlp_span(struct llmobs_otlp_writer *w,
                      const struct llmobs_config *config, bool content,
                      const struct llmobs_json *event)
{
    int64_t start = llmobs_json_to_int(llmobs_json_get(event, "start_ns"));
    int64_t duration = llmobs_json_to_int(llmobs_json_get(event, "duration"));
    const struct llmobs_json *links = llmobs_json_get(event, "span_links");
    uint64_t parent, from = start > 0 ? (uint64_t)start : 0;
    const struct llmobs_json *flags;
    struct llmobs_otlp_source s;
    struct llmobs_buf name;
    const char *first, *state;
    char room[96];
    int rc = llmobs_otlp_source_read(&s, config->otlp.semconv, event);

    if (rc) {
        llmobs_otlp_fail(w, rc);
        return;
    }
    /* "chat gpt-4o"; without an operation, the name in LLM Observability. */
    first = s.method ? s.method : s.operation;
    llmobs_buf_init(&name, NAME_MAX_LEN);
    llmobs_buf_lend(&name, room, sizeof(room));
    llmobs_buf_adds(&name, first ? first : s.name);
    if (first && s.subject) {
        llmobs_buf_addc(&name, ' ');
        llmobs_buf_adds(&name, s.subject);
    }
    llmobs_otlp_fail(w, name.error);
    parent = parent_of(&s);
    state = llmobs_otlp_source_fact(&s, LLMOBS_FACT_TRACESTATE);
    flags = s.fact[LLMOBS_FACT_FLAGS];
    llmobs_otlp_put_trace_id(w, OTLP_SPAN_TRACE_ID, s.trace_id);
    llmobs_otlp_put_span_id(w, OTLP_SPAN_ID, s.span_id);
    if (state && *state)
        llmobs_otlp_string(w, OTLP_SPAN_TRACE_STATE, llmobs_text_of(state));
    if (parent)
        llmobs_otlp_put_span_id(w, OTLP_SPAN_PARENT_ID, parent);
    llmobs_otlp_fixed32(
        w, OTLP_SPAN_FLAGS,
        LLMOBS_FLAG_KNOWS_REMOTE |
            (flags ? (uint32_t)llmobs_json_to_int(flags) & LLMOBS_FLAGS_OTLP
                   : LLMOBS_FLAG_SAMPLED));
    llmobs_otlp_string(w, OTLP_SPAN_NAME, llmobs_buf_text(&name));
    llmobs_otlp_enum(w, OTLP_SPAN_KIND, s.client ? KIND_CLIENT : KIND_INTERNAL);
    llmobs_otlp_fixed64(w, OTLP_SPAN_START, from);
    llmobs_otlp_fixed64(w, OTLP_SPAN_END,
                        from + (duration > 0 ? (uint64_t)duration : 0));
    put_attributes(w, &s, config, content, name.data);
    if (llmobs_json_len(links) > 0) {
        llmobs_otlp_list(w, OTLP_SPAN_LINKS);
        LLMOBS_JSON_EACH (link, links, true)
            put_link(w, &s, link);
        llmobs_otlp_close_list(w);
    }
    put_status(w, &s, content);
    llmobs_buf_fini(&name);
}

/* -- sampling -------------------------------------------------------------- */

bool llmobs_otlp_is_sampled(const struct llmobs_config *config,
                            struct llmobs_text event)
{
    struct llmobs_text facts = llmobs_facts_split(event).facts;
    const struct llmobs_json *flags, *dd;
    struct llmobs_id128 trace = {0, 0};
    struct llmobs_json *json;
    bool sampled;

    if (llmobs_json_parse(facts.len ? facts : event, &json) != 0)
        return true;
    flags = llmobs_json_get(
        facts.len ? json : llmobs_json_get(json, LLMOBS_FACTS_KEY), "flags");
    if (flags) {
        /* The process that made the span decided as its trace began. */
        sampled = llmobs_json_to_int(flags) & LLMOBS_FLAG_SAMPLED;
    } else {
        /* An event of an older version does not say. */
        dd = facts.len ? NULL : llmobs_json_get(json, "_dd");
        (void)llmobs_otlp_source_trace(llmobs_json_gets(dd, "apm_trace_id"),
                                       &trace);
        sampled = llmobs_otlp_samples(&config->otlp, trace.lo);
    }
    llmobs_json_free(json);
    return sampled;
}

/* -- a request ------------------------------------------------------------- */

/* True for a span with ids that a receiver accepts: for one bad id some
 * receivers refuse a whole request. */
static bool is_span(const struct llmobs_otlp_batch *batch,
                    const struct llmobs_json *event)
{
    struct llmobs_otlp_source source;

    (void)batch;
    return llmobs_json_to_int(llmobs_json_get(event, "start_ns")) > 0 &&
           llmobs_otlp_source_read(&source, LLMOBS_SEMCONV_1_41, event) == 0;
}

static void write_span(const struct llmobs_otlp_batch *batch,
                       struct llmobs_otlp_writer *w,
                       const struct llmobs_json *event)
{
    llmobs_otlp_item(w, OTLP_SPANS);
    llmobs_otlp_span(w, batch->config, batch->content, event);
    llmobs_otlp_close(w);
}

int llmobs_otlp_traces(const struct llmobs_config *config, bool content,
                       const struct llmobs_text *events, size_t count,
                       struct llmobs_buf *out, size_t *left_out)
{
    const struct llmobs_otlp_batch batch = {
        .config = config,
        .signal = LLMOBS_SIGNAL_TRACES,
        .lists = {OTLP_RESOURCE_SPANS, OTLP_SCOPE_SPANS, OTLP_SPANS},
        .takes = is_span,
        .write = write_span,
        .content = content,
    };

    return llmobs_otlp_batch_write(&batch, events, count, out, left_out);
}

/* -- the exporter ---------------------------------------------------------- */

struct otlp {
    struct llmobs_exporter base; /* first */
    const struct llmobs_config *config;
    struct llmobs_otlp_route route;
    struct llmobs_otlp_picked sampled; /* the events of the send under way */
    struct llmobs_exporter *store;     /* for evaluations; NULL: not taken */
};

/* A malformed event is found in the same way as a refused event. */
static int write_traces(struct llmobs_post *post,
                        const struct llmobs_text *events, size_t count,
                        struct llmobs_buf *body)
{
    struct llmobs_otlp_route *route = (struct llmobs_otlp_route *)post;
    const struct llmobs_config *config = post->peer.config;
    size_t left_out = 0;
    int rc =
        llmobs_otlp_traces(config, config->otlp.span_content, events, count,
                           llmobs_otlp_route_begin(route), &left_out);

    (void)body;
    /* OpenTelemetry sends content only if the user asks for it, Datadog always.
     * A user who changes the destination would miss the texts. */
    if (config->otlp.content_unasked)
        llmobs_log_once(LLMOBS_LOG_WARN, "otlp content",
                        "exporter otlp: the texts of messages are left out "
                        "(OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="
                        "SPAN_ONLY sends them)");
    if (rc == -EINVAL || (!rc && left_out))
        return count > 1 ? -E2BIG : -EBADMSG;
    return rc ? rc : llmobs_otlp_route_end(route, count);
}

static const struct llmobs_post_form traces_form = {
    .name = "otlp",
    LLMOBS_OTLP_FORM("otlp"),
    .write = write_traces,
    .accepted = llmobs_otlp_accepted,
};

static int otlp_send(struct llmobs_exporter *exporter,
                     const struct llmobs_text *events, size_t count)
{
    struct otlp *otlp = (struct otlp *)exporter;

    exporter->via = NULL;
    if (exporter->kind == LLMOBS_EVENT_EVALUATION && otlp->store) {
        llmobs_log_once(
            LLMOBS_LOG_WARN, "otlp evaluations",
            "exporter otlp: evaluations are kept in the local store "
            "(OTEL_LOGS_EXPORTER=otlp sends them)");
        otlp->base.via = otlp->store->ops->name;
        otlp->store->phase = otlp->base.phase;
        otlp->store->kind = otlp->base.kind;
        return otlp->store->ops->send(otlp->store, events, count);
    }
    otlp->sampled.count = 0;
    for (size_t i = 0; i < count && i < LLMOBS_SEND_MAX; i++) {
        if (llmobs_otlp_is_sampled(otlp->config, events[i]))
            llmobs_otlp_pick(&otlp->sampled, events[i], i);
        else
            llmobs_exporter_set_outcome(exporter, i,
                                        LLMOBS_OUTCOME_SAMPLED_OUT);
    }
    return llmobs_otlp_send_picked(&otlp->route, &otlp->sampled, count);
}

static void otlp_warm(struct llmobs_exporter *exporter)
{
    llmobs_post_warm(&((struct otlp *)exporter)->route.post);
}

static void otlp_forget(struct llmobs_exporter *exporter)
{
    llmobs_otlp_route_forget(&((struct otlp *)exporter)->route);
}

static void otlp_free(struct llmobs_exporter *exporter)
{
    struct otlp *otlp = (struct otlp *)exporter;

    if (otlp->store)
        otlp->store->ops->free(otlp->store);
    llmobs_otlp_route_fini(&otlp->route);
    free(otlp);
}

static const struct llmobs_exporter_ops ops = {
    .name = "otlp",
    .send = otlp_send,
    .forget = otlp_forget,
    .free = otlp_free,
    .warm = otlp_warm,
};

struct llmobs_exporter *llmobs_otlp_exporter_new(
    const struct llmobs_config *config, struct llmobs_http *http,
    bool keeps_evaluations)
{
    struct otlp *otlp = calloc(1, sizeof(*otlp));
    int rc;

    if (!otlp)
        return NULL;
    otlp->base.ops = &ops;
    otlp->base.kinds = 1u << LLMOBS_EVENT_SPAN;
    otlp->config = config;
    rc = llmobs_otlp_route_init(&otlp->route, &otlp->base, config,
                                LLMOBS_SIGNAL_TRACES, &traces_form, http,
                                "spans");
    if (keeps_evaluations) {
        otlp->store = llmobs_store_new(config);
        otlp->base.kinds |= 1u << LLMOBS_EVENT_EVALUATION;
    }
    if (!rc && (otlp->store || !keeps_evaluations))
        return &otlp->base;
    otlp_free(&otlp->base);
    return NULL;
}
