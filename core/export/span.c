#include "core/export/span.h"

#include <string.h>

#include "core/event/facts.h"
#include "core/export/attributes.h"
#include "core/export/fields.h"
#include "lib/span/content_filter.h"

/* Values of OTLP's enums. */
#define KIND_INTERNAL 1
#define KIND_CLIENT 3
#define STATUS_ERROR 2

/* The longest name of a span. */
#define NAME_MAX_LEN ((size_t)1 << 20)

/* -- ids ----------------------------------------------------------------- */

static void put_big_endian(uint8_t *to, uint64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8)
        to[i] = (uint8_t)number;
}

void llmobs_otlp_put_trace_id(struct llmobs_otlp_writer *w,
                              struct llmobs_otlp_field field,
                              struct llmobs_id128 id)
{
    uint8_t bytes[16];

    put_big_endian(bytes, id.hi);
    put_big_endian(bytes + 8, id.lo);
    llmobs_otlp_hex(w, field, bytes, sizeof(bytes));
}

void llmobs_otlp_put_span_id(struct llmobs_otlp_writer *w,
                             struct llmobs_otlp_field field, uint64_t id)
{
    uint8_t bytes[8];

    put_big_endian(bytes, id);
    llmobs_otlp_hex(w, field, bytes, sizeof(bytes));
}

/* The parent span in the trace; 0: no parent. */
static uint64_t parent_of(const struct llmobs_otlp_source *s)
{
    uint64_t apm =
        llmobs_otlp_source_id(llmobs_otlp_source_fact(s, LLMOBS_FACT_PARENT));

    if (apm)
        return apm;
    return llmobs_otlp_source_id(llmobs_json_gets(s->event, "parent_id"));
}

static void put_identity(struct llmobs_otlp_writer *w,
                         const struct llmobs_otlp_source *s)
{
    const struct llmobs_json *flags = s->fact[LLMOBS_FACT_FLAGS];
    const char *state = llmobs_otlp_source_fact(s, LLMOBS_FACT_TRACESTATE);
    uint64_t parent = parent_of(s);

    llmobs_otlp_put_trace_id(w, OTLP_SPAN_TRACE_ID, s->trace_id);
    llmobs_otlp_put_span_id(w, OTLP_SPAN_ID, s->span_id);
    if (state && *state)
        llmobs_otlp_string(w, OTLP_SPAN_TRACE_STATE, llmobs_text_of(state));
    if (parent)
        llmobs_otlp_put_span_id(w, OTLP_SPAN_PARENT_ID, parent);
    llmobs_otlp_fixed32(
        w, OTLP_SPAN_FLAGS,
        LLMOBS_FLAG_KNOWS_REMOTE |
            (flags ? (uint32_t)llmobs_json_to_int(flags) & LLMOBS_FLAGS_OTLP
                   : LLMOBS_FLAG_SAMPLED));
}

/* -- name, kind and times ------------------------------------------------ */

/* "chat gpt-4o"; without an operation, the name in LLM Observability. */
static int make_name(const struct llmobs_otlp_source *s,
                     struct llmobs_buf *name)
{
    const char *first = s->method ? s->method : s->operation;
    int rc = llmobs_buf_adds(name, first ? first : s->name);

    if (rc || !first || !s->subject)
        return rc;
    rc = llmobs_buf_addc(name, ' ');
    return rc ? rc : llmobs_buf_adds(name, s->subject);
}

static void put_times(struct llmobs_otlp_writer *w,
                      const struct llmobs_otlp_source *s)
{
    int64_t start = llmobs_json_to_int(llmobs_json_get(s->event, "start_ns"));
    int64_t duration =
        llmobs_json_to_int(llmobs_json_get(s->event, "duration"));
    uint64_t from = start > 0 ? (uint64_t)start : 0;

    llmobs_otlp_fixed64(w, OTLP_SPAN_START, from);
    llmobs_otlp_fixed64(w, OTLP_SPAN_END,
                        from + (duration > 0 ? (uint64_t)duration : 0));
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

static void put_links(struct llmobs_otlp_writer *w,
                      const struct llmobs_otlp_source *s)
{
    const struct llmobs_json *links = llmobs_json_get(s->event, "span_links");

    if (llmobs_json_len(links) == 0)
        return;
    llmobs_otlp_list(w, OTLP_SPAN_LINKS);
    for (size_t i = 0; i < llmobs_json_len(links); i++)
        put_link(w, s, llmobs_json_at(links, i));
    llmobs_otlp_close_list(w);
}

/* -- status -------------------------------------------------------------- */

/* Without content, only a word of the provider's says more than the type. A
 * span without an error has no status: only the program could set it. */
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

/* -- attributes ---------------------------------------------------------- */

/* Writes LLM Observability's own values where the span's differ. */
static void put_own(const struct llmobs_otlp_source *s, const char *name,
                    struct llmobs_otlp_attributes *out)
{
    const char *parent = llmobs_json_gets(s->event, "parent_id");
    uint64_t id = llmobs_otlp_source_id(parent);

    if (strcmp(name, s->name) != 0)
        llmobs_otlp_attr_text(out, "llmobs.name", llmobs_text_of(s->name));
    if (id && id != parent_of(s))
        llmobs_otlp_attr_text(out, "llmobs.parent_id", llmobs_text_of(parent));
}

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
    };

    llmobs_otlp_list(w, OTLP_SPAN_ATTRIBUTES);
    llmobs_otlp_put_attributes(s, content, &out);
    put_own(s, name, &out);
    llmobs_otlp_close_list(w);
    if (out.dropped > 0)
        llmobs_otlp_uint32(w, OTLP_SPAN_DROPPED, (uint32_t)out.dropped);
}

bool llmobs_otlp_is_span(const struct llmobs_json *event)
{
    struct llmobs_otlp_source source;

    return llmobs_json_to_int(llmobs_json_get(event, "start_ns")) > 0 &&
           llmobs_otlp_source_read(&source, LLMOBS_SEMCONV_1_41, event) == 0;
}

void llmobs_otlp_span(struct llmobs_otlp_writer *w,
                      const struct llmobs_config *config, bool content,
                      const struct llmobs_json *event)
{
    struct llmobs_otlp_source s;
    struct llmobs_buf name;
    char room[96];
    int rc = llmobs_otlp_source_read(&s, config->otlp.semconv, event);

    llmobs_buf_init(&name, NAME_MAX_LEN);
    llmobs_buf_lend(&name, room, sizeof(room));
    if (rc == 0)
        rc = make_name(&s, &name);
    if (rc == 0) {
        put_identity(w, &s);
        llmobs_otlp_string(w, OTLP_SPAN_NAME,
                           (struct llmobs_text){name.data, name.len});
        llmobs_otlp_enum(w, OTLP_SPAN_KIND,
                         s.client ? KIND_CLIENT : KIND_INTERNAL);
        put_times(w, &s);
        put_attributes(w, &s, config, content, name.data);
        put_links(w, &s);
        put_status(w, &s, content);
    }
    llmobs_otlp_fail(w, rc);
    llmobs_buf_fini(&name);
}
