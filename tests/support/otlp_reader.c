/* Decodes OTLP's protobuf into JSON values. */
#include "tests/support/otlp_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Types of fields, and where they are repeated. */
enum type {
    STRING,
    HEX,
    ENUM,
    UINT32,
    BOOL,
    INT64,
    FIXED64,
    SFIXED64,
    FIXED32,
    DOUBLE,
    FIXED64S,
    DOUBLES,
    MESSAGE,
    LIST
};

struct row {
    const char *message; /* that has the field */
    int number;
    const char *name;
    enum type type;
    const char *of; /* the message in it */
};

static const struct row rows[] = {
    {"traces", 1, "resourceSpans", LIST, "ResourceSpans"},
    {"metrics", 1, "resourceMetrics", LIST, "ResourceMetrics"},
    {"logs", 1, "resourceLogs", LIST, "ResourceLogs"},
    {"ResourceSpans", 1, "resource", MESSAGE, "Resource"},
    {"ResourceSpans", 2, "scopeSpans", LIST, "ScopeSpans"},
    {"ResourceSpans", 3, "schemaUrl", STRING, NULL},
    {"ResourceMetrics", 1, "resource", MESSAGE, "Resource"},
    {"ResourceMetrics", 2, "scopeMetrics", LIST, "ScopeMetrics"},
    {"ResourceMetrics", 3, "schemaUrl", STRING, NULL},
    {"ResourceLogs", 1, "resource", MESSAGE, "Resource"},
    {"ResourceLogs", 2, "scopeLogs", LIST, "ScopeLogs"},
    {"ResourceLogs", 3, "schemaUrl", STRING, NULL},
    {"Resource", 1, "attributes", LIST, "KeyValue"},
    {"ScopeSpans", 1, "scope", MESSAGE, "Scope"},
    {"ScopeSpans", 2, "spans", LIST, "Span"},
    {"ScopeSpans", 3, "schemaUrl", STRING, NULL},
    {"ScopeMetrics", 1, "scope", MESSAGE, "Scope"},
    {"ScopeMetrics", 2, "metrics", LIST, "Metric"},
    {"ScopeMetrics", 3, "schemaUrl", STRING, NULL},
    {"ScopeLogs", 1, "scope", MESSAGE, "Scope"},
    {"ScopeLogs", 2, "logRecords", LIST, "LogRecord"},
    {"ScopeLogs", 3, "schemaUrl", STRING, NULL},
    {"Scope", 1, "name", STRING, NULL},
    {"Scope", 2, "version", STRING, NULL},
    {"Scope", 3, "attributes", LIST, "KeyValue"},
    {"Span", 1, "traceId", HEX, NULL},
    {"Span", 2, "spanId", HEX, NULL},
    {"Span", 3, "traceState", STRING, NULL},
    {"Span", 4, "parentSpanId", HEX, NULL},
    {"Span", 5, "name", STRING, NULL},
    {"Span", 6, "kind", ENUM, NULL},
    {"Span", 7, "startTimeUnixNano", FIXED64, NULL},
    {"Span", 8, "endTimeUnixNano", FIXED64, NULL},
    {"Span", 9, "attributes", LIST, "KeyValue"},
    {"Span", 10, "droppedAttributesCount", UINT32, NULL},
    {"Span", 11, "events", LIST, "Event"},
    {"Span", 12, "droppedEventsCount", UINT32, NULL},
    {"Span", 13, "links", LIST, "Link"},
    {"Span", 14, "droppedLinksCount", UINT32, NULL},
    {"Span", 15, "status", MESSAGE, "Status"},
    {"Span", 16, "flags", FIXED32, NULL},
    {"Status", 2, "message", STRING, NULL},
    {"Status", 3, "code", ENUM, NULL},
    {"Event", 1, "timeUnixNano", FIXED64, NULL},
    {"Event", 2, "name", STRING, NULL},
    {"Event", 3, "attributes", LIST, "KeyValue"},
    {"Link", 1, "traceId", HEX, NULL},
    {"Link", 2, "spanId", HEX, NULL},
    {"Link", 3, "traceState", STRING, NULL},
    {"Link", 4, "attributes", LIST, "KeyValue"},
    {"Link", 6, "flags", FIXED32, NULL},
    {"KeyValue", 1, "key", STRING, NULL},
    {"KeyValue", 2, "value", MESSAGE, "AnyValue"},
    {"AnyValue", 1, "stringValue", STRING, NULL},
    {"AnyValue", 2, "boolValue", BOOL, NULL},
    {"AnyValue", 3, "intValue", INT64, NULL},
    {"AnyValue", 4, "doubleValue", DOUBLE, NULL},
    {"AnyValue", 5, "arrayValue", MESSAGE, "ArrayValue"},
    {"AnyValue", 6, "kvlistValue", MESSAGE, "KeyValueList"},
    {"ArrayValue", 1, "values", LIST, "AnyValue"},
    {"KeyValueList", 1, "values", LIST, "KeyValue"},
    {"Metric", 1, "name", STRING, NULL},
    {"Metric", 2, "description", STRING, NULL},
    {"Metric", 3, "unit", STRING, NULL},
    {"Metric", 5, "gauge", MESSAGE, "Gauge"},
    {"Metric", 7, "sum", MESSAGE, "Sum"},
    {"Metric", 9, "histogram", MESSAGE, "Histogram"},
    {"Gauge", 1, "dataPoints", LIST, "NumberDataPoint"},
    {"Sum", 1, "dataPoints", LIST, "NumberDataPoint"},
    {"Sum", 2, "aggregationTemporality", ENUM, NULL},
    {"Sum", 3, "isMonotonic", BOOL, NULL},
    {"Histogram", 1, "dataPoints", LIST, "HistogramDataPoint"},
    {"Histogram", 2, "aggregationTemporality", ENUM, NULL},
    {"NumberDataPoint", 2, "startTimeUnixNano", FIXED64, NULL},
    {"NumberDataPoint", 3, "timeUnixNano", FIXED64, NULL},
    {"NumberDataPoint", 4, "asDouble", DOUBLE, NULL},
    {"NumberDataPoint", 6, "asInt", SFIXED64, NULL},
    {"NumberDataPoint", 7, "attributes", LIST, "KeyValue"},
    {"HistogramDataPoint", 2, "startTimeUnixNano", FIXED64, NULL},
    {"HistogramDataPoint", 3, "timeUnixNano", FIXED64, NULL},
    {"HistogramDataPoint", 4, "count", FIXED64, NULL},
    {"HistogramDataPoint", 5, "sum", DOUBLE, NULL},
    {"HistogramDataPoint", 6, "bucketCounts", FIXED64S, NULL},
    {"HistogramDataPoint", 7, "explicitBounds", DOUBLES, NULL},
    {"HistogramDataPoint", 9, "attributes", LIST, "KeyValue"},
    {"HistogramDataPoint", 11, "min", DOUBLE, NULL},
    {"HistogramDataPoint", 12, "max", DOUBLE, NULL},
    {"LogRecord", 1, "timeUnixNano", FIXED64, NULL},
    {"LogRecord", 2, "severityNumber", ENUM, NULL},
    {"LogRecord", 3, "severityText", STRING, NULL},
    {"LogRecord", 5, "body", MESSAGE, "AnyValue"},
    {"LogRecord", 6, "attributes", LIST, "KeyValue"},
    {"LogRecord", 7, "droppedAttributesCount", UINT32, NULL},
    {"LogRecord", 8, "flags", FIXED32, NULL},
    {"LogRecord", 9, "traceId", HEX, NULL},
    {"LogRecord", 10, "spanId", HEX, NULL},
    {"LogRecord", 11, "observedTimeUnixNano", FIXED64, NULL},
    {"LogRecord", 12, "eventName", STRING, NULL},
};

#define ROWS (sizeof(rows) / sizeof(*rows))

/* Gives nothing, and notes the first reason. */
static struct llmobs_json *refuse(const char **why, const char *reason)
{
    if (*why == NULL)
        *why = reason;
    return NULL;
}

static struct llmobs_json *decimal(uint64_t number, bool negative)
{
    char text[24];

    (void)snprintf(text, sizeof(text), negative ? "%" PRId64 : "%" PRIu64,
                   number);
    return llmobs_json_string(text);
}

/* -- protobuf -------------------------------------------------------------- */

struct input {
    const unsigned char *at, *end;
};

static bool read_varint(struct input *in, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 70 && in->at < in->end; shift += 7) {
        unsigned char byte = *in->at++;

        *out |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return shift < 63 || byte < 2;
    }
    return false;
}

static bool read_little(struct input *in, size_t len, uint64_t *out)
{
    *out = 0;
    if ((size_t)(in->end - in->at) < len)
        return false;
    for (size_t i = 0; i < len; i++)
        *out |= (uint64_t)*in->at++ << 8 * i;
    return true;
}

static bool read_bytes(struct input *in, struct input *out)
{
    uint64_t len;

    if (!read_varint(in, &len) || len > (uint64_t)(in->end - in->at))
        return false;
    out->at = in->at;
    out->end = in->at + len;
    in->at += len;
    return true;
}

static struct llmobs_json *real_of(uint64_t bits)
{
    double number;

    memcpy(&number, &bits, sizeof(number));
    return llmobs_json_real(number);
}

static struct llmobs_json *text_of(struct input bytes, const char **why)
{
    size_t len = (size_t)(bytes.end - bytes.at);
    struct llmobs_json *json = llmobs_json_stringn((const char *)bytes.at, len);

    if (json && strlen(llmobs_json_text(json)) == len &&
        memcmp(llmobs_json_text(json), bytes.at, len) == 0)
        return json;
    llmobs_json_free(json);
    return refuse(why, "bad UTF-8");
}

static struct llmobs_json *hex_of(struct input bytes, const char **why)
{
    size_t len = (size_t)(bytes.end - bytes.at);
    char text[40];

    if (len != 8 && len != 16)
        return refuse(why, "an id of another length");
    for (size_t i = 0; i < len; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", bytes.at[i]);
    return llmobs_json_string(text);
}

static struct llmobs_json *packed_of(struct input bytes, enum type type,
                                     const char **why)
{
    struct llmobs_json *list = llmobs_json_array();
    uint64_t number;

    while (read_little(&bytes, 8, &number))
        (void)llmobs_json_add(list, type == DOUBLES ? real_of(number)
                                                    : decimal(number, false));
    if (bytes.at == bytes.end)
        return list;
    llmobs_json_free(list);
    return refuse(why, "a packed list with a rest");
}

static struct llmobs_json *read_message(const char *message, struct input in,
                                        const char **why);

static struct llmobs_json *of_bytes(const struct row *row, struct input bytes,
                                    const char **why)
{
    switch (row->type) {
    case STRING:
        return text_of(bytes, why);
    case HEX:
        return hex_of(bytes, why);
    case FIXED64S:
    case DOUBLES:
        return packed_of(bytes, row->type, why);
    default:
        return read_message(row->of, bytes, why);
    }
}

static struct llmobs_json *of_number(const struct row *row, uint64_t number,
                                     const char **why)
{
    switch (row->type) {
    case ENUM:
    case UINT32:
    case FIXED32:
        return number <= UINT32_MAX ? llmobs_json_int((int64_t)number)
                                    : refuse(why, "a number beyond 32 bits");
    case BOOL:
        return number < 2 ? llmobs_json_bool(number)
                          : refuse(why, "a boolean beyond 1");
    case DOUBLE:
        return real_of(number);
    default:
        return decimal(number, row->type != FIXED64);
    }
}

static unsigned wire_of(enum type type)
{
    switch (type) {
    case ENUM:
    case UINT32:
    case BOOL:
    case INT64:
        return 0;
    case FIXED64:
    case SFIXED64:
    case DOUBLE:
        return 1;
    case FIXED32:
        return 5;
    default:
        return 2;
    }
}

static struct llmobs_json *read_value(const struct row *row, struct input *in,
                                      const char **why)
{
    unsigned wire = wire_of(row->type);
    struct input bytes;
    uint64_t number;

    if (wire == 2)
        return read_bytes(in, &bytes) ? of_bytes(row, bytes, why)
                                      : refuse(why, "bytes beyond the end");
    if (wire == 0 ? read_varint(in, &number)
                  : read_little(in, wire == 1 ? 8 : 4, &number))
        return of_number(row, number, why);
    return refuse(why, "a number beyond the end");
}

/* Puts the value into the message; takes it. */
static bool put(struct llmobs_json *message, const struct row *row,
                struct llmobs_json *value, const char **why)
{
    struct llmobs_json *there = llmobs_json_get(message, row->name);

    if (row->type != LIST && there) {
        llmobs_json_free(value);
        return refuse(why, "a field that comes twice") != NULL;
    }
    if (row->type != LIST)
        return llmobs_json_set(message, row->name, value) == 0;
    if (!there) {
        (void)llmobs_json_set(message, row->name, llmobs_json_array());
        there = llmobs_json_get(message, row->name);
    }
    return llmobs_json_add(there, value) == 0;
}

static const struct row *row_of_number(const char *message, uint64_t number)
{
    for (size_t i = 0; i < ROWS; i++)
        if ((uint64_t)rows[i].number == number &&
            strcmp(rows[i].message, message) == 0)
            return &rows[i];
    return NULL;
}

static bool read_field(const char *message, struct input *in,
                       struct llmobs_json *out, const char **why)
{
    const struct row *row;
    struct llmobs_json *value;
    uint64_t tag;

    if (!read_varint(in, &tag))
        return refuse(why, "no tag") != NULL;
    row = row_of_number(message, tag >> 3);
    if (!row)
        return refuse(why, "an unknown field") != NULL;
    if ((tag & 7) != wire_of(row->type))
        return refuse(why, "another wire type") != NULL;
    value = read_value(row, in, why);
    return value && put(out, row, value, why);
}

static struct llmobs_json *read_message(const char *message, struct input in,
                                        const char **why)
{
    struct llmobs_json *out = llmobs_json_object();

    while (in.at < in.end) {
        if (!read_field(message, &in, out, why)) {
            llmobs_json_free(out);
            return refuse(why, "no memory");
        }
    }
    return out;
}

struct llmobs_json *otlp_read_protobuf(const char *signal,
                                       struct llmobs_text bytes,
                                       const char **why)
{
    struct input in = {(const unsigned char *)bytes.data,
                       (const unsigned char *)bytes.data + bytes.len};

    *why = NULL;
    return read_message(signal, in, why);
}

/* -- JSON ------------------------------------------------------------------ */

static const struct row *row_of_name(const char *message, const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(rows[i].message, message) == 0 &&
            strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static bool is_decimal(const struct llmobs_json *json)
{
    const char *text = llmobs_json_text(json);
    size_t len = text ? strspn(text, "-0123456789") : 0;

    return len > 0 && text[len] == '\0';
}

static bool is_hex(const struct llmobs_json *json)
{
    const char *text = llmobs_json_text(json);
    size_t len = text ? strspn(text, "0123456789abcdef") : 0;

    return (len == 16 || len == 32) && text[len] == '\0';
}

static bool is_real(const struct llmobs_json *json)
{
    return llmobs_json_is_number(json) && !llmobs_json_is_int(json);
}

static bool all(const struct llmobs_json *list,
                bool (*is)(const struct llmobs_json *))
{
    for (size_t i = 0; i < llmobs_json_len(list); i++)
        if (!is(llmobs_json_at(list, i)))
            return false;
    return llmobs_json_is_array(list);
}

static bool is_scalar(enum type type, const struct llmobs_json *json)
{
    switch (type) {
    case STRING:
        return llmobs_json_is_string(json);
    case HEX:
        return is_hex(json);
    case ENUM:
    case UINT32:
    case FIXED32:
        return llmobs_json_is_int(json);
    case BOOL:
        return llmobs_json_is_true(json) || llmobs_json_is_false(json);
    case DOUBLE:
        return is_real(json);
    case FIXED64S:
        return all(json, is_decimal);
    case DOUBLES:
        return all(json, is_real);
    default:
        return is_decimal(json);
    }
}

static struct llmobs_json *checked(const char *message,
                                   const struct llmobs_json *json,
                                   const char **why);

static struct llmobs_json *checked_list(const struct row *row,
                                        const struct llmobs_json *json,
                                        const char **why)
{
    struct llmobs_json *out = llmobs_json_array();

    for (size_t i = 0; i < llmobs_json_len(json); i++)
        (void)llmobs_json_add(out,
                              checked(row->of, llmobs_json_at(json, i), why));
    return llmobs_json_is_array(json) ? out : refuse(why, "no list");
}

static struct llmobs_json *checked_field(const struct row *row,
                                         struct llmobs_json *json,
                                         const char **why)
{
    if (row->type == MESSAGE)
        return checked(row->of, json, why);
    if (row->type == LIST)
        return checked_list(row, json, why);
    if (!is_scalar(row->type, json))
        return refuse(why, "a scalar of another type");
    return llmobs_json_share(json);
}

static struct llmobs_json *checked(const char *message,
                                   const struct llmobs_json *json,
                                   const char **why)
{
    struct llmobs_json *out = llmobs_json_object();

    if (!llmobs_json_is_object(json))
        (void)refuse(why, "no object");
    for (void *it = llmobs_json_iter(json); it && !*why;
         it = llmobs_json_next(json, it)) {
        const struct row *row = row_of_name(message, llmobs_json_iter_key(it));
        struct llmobs_json *value =
            row ? checked_field(row, llmobs_json_iter_value(it), why)
                : refuse(why, "an unknown member");

        if (row && row->type == LIST && llmobs_json_len(value) == 0)
            llmobs_json_free(value);
        else if (value)
            (void)llmobs_json_set(out, row->name, value);
    }
    return out;
}

struct llmobs_json *otlp_read_json(const char *signal, struct llmobs_text text,
                                   const char **why)
{
    struct llmobs_json *json;
    struct llmobs_json *out = NULL;

    *why = NULL;
    if (llmobs_json_parse(text, &json) != 0)
        return refuse(why, "no JSON");
    out = checked(signal, json, why);
    llmobs_json_free(json);
    if (!*why)
        return out;
    llmobs_json_free(out);
    return NULL;
}
