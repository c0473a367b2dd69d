#include "core/otlp/span.h"

#include <string.h>

#include "core/otlp/fields.h"
#include "core/span/id128.h"

#define KIND_INTERNAL 1
#define KIND_CLIENT 3
#define STATUS_ERROR 2

static struct llmobs_text text_of(const char *string)
{
    return (struct llmobs_text){string, string ? strlen(string) : 0};
}

static bool read_trace(const struct llmobs_json *event, struct llmobs_id128 *id)
{
    const char *text =
        llmobs_json_gets(llmobs_json_get(event, "_dd"), "apm_trace_id");

    return text && llmobs_id128_parse(text_of(text), id);
}

static bool read_id(const struct llmobs_json *event, const char *key,
                    uint64_t *id)
{
    const char *text = llmobs_json_gets(event, key);

    return text && llmobs_id128_parse_decimal64(text_of(text), id) && *id;
}

bool llmobs_otlp_is_span(const struct llmobs_json *event)
{
    struct llmobs_id128 trace;
    uint64_t span;

    return read_trace(event, &trace) && read_id(event, "span_id", &span) &&
           llmobs_json_to_int(llmobs_json_get(event, "start_ns")) > 0;
}

static void put_bytes(uint8_t *to, uint64_t number)
{
    for (int i = 7; i >= 0; i--) {
        to[i] = (uint8_t)number;
        number >>= 8;
    }
}

static void write_ids(struct llmobs_otlp_writer *w,
                      const struct llmobs_json *event)
{
    const struct llmobs_json *facts = llmobs_json_get(event, "_call");
    struct llmobs_id128 trace = {0, 0};
    uint64_t span = 0, parent = 0;
    uint8_t bytes[16];

    (void)read_trace(event, &trace);
    (void)read_id(event, "span_id", &span);
    put_bytes(bytes, trace.hi);
    put_bytes(bytes + 8, trace.lo);
    llmobs_otlp_hex(w, OTLP_SPAN_TRACE_ID, bytes, 16);
    put_bytes(bytes, span);
    llmobs_otlp_hex(w, OTLP_SPAN_ID, bytes, 8);
    if (!read_id(facts, "parent", &parent) &&
        !read_id(event, "parent_id", &parent))
        return;
    put_bytes(bytes, parent);
    llmobs_otlp_hex(w, OTLP_SPAN_PARENT_ID, bytes, 8);
}

static bool is_client(const struct llmobs_json *event)
{
    const struct llmobs_json *meta = llmobs_json_get(event, "meta");
    const char *kind = llmobs_json_gets(llmobs_json_get(meta, "span"), "kind");

    return llmobs_json_is_true(
               llmobs_json_get(llmobs_json_get(event, "_call"), "proxied")) ||
           (kind &&
            (strcmp(kind, "llm") == 0 || strcmp(kind, "embedding") == 0 ||
             strcmp(kind, "retrieval") == 0));
}

static void write_status(struct llmobs_otlp_writer *w,
                         const struct llmobs_json *event)
{
    const char *status = llmobs_json_gets(event, "status");

    if (!status || strcmp(status, "error") != 0)
        return;
    llmobs_otlp_message(w, OTLP_SPAN_STATUS);
    llmobs_otlp_enum(w, OTLP_STATUS_CODE, STATUS_ERROR);
    llmobs_otlp_close(w);
}

void llmobs_otlp_span(struct llmobs_otlp_writer *w,
                      const struct llmobs_config *config, bool content,
                      const struct llmobs_json *event)
{
    int64_t start = llmobs_json_to_int(llmobs_json_get(event, "start_ns"));
    int64_t duration = llmobs_json_to_int(llmobs_json_get(event, "duration"));

    (void)config;
    (void)content;
    write_ids(w, event);
    llmobs_otlp_string(w, OTLP_SPAN_NAME,
                       text_of(llmobs_json_gets(event, "name")));
    llmobs_otlp_enum(w, OTLP_SPAN_KIND,
                     is_client(event) ? KIND_CLIENT : KIND_INTERNAL);
    llmobs_otlp_fixed64(w, OTLP_SPAN_START, (uint64_t)start);
    llmobs_otlp_fixed64(w, OTLP_SPAN_END, (uint64_t)(start + duration));
    write_status(w, event);
}
