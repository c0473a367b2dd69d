/* fields - the fields of OTLP's messages: protobuf number and JSON name.
 *
 * Sources: WIRE 9.6; opentelemetry-proto, opentelemetry/proto.
 */
#ifndef LLMOBS_OTLP_FIELDS_H
#define LLMOBS_OTLP_FIELDS_H

enum llmobs_otlp_wire {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_FIXED32 = 5
};

struct llmobs_otlp_field {
    int number;       /* in protobuf */
    const char *name; /* in JSON; static */
};

#define LLMOBS_OTLP_FIELD(number, name) \
    ((struct llmobs_otlp_field){number, name})

/* Requests: the list of resources of each signal, and its list of scopes. */
#define OTLP_RESOURCE_SPANS LLMOBS_OTLP_FIELD(1, "resourceSpans")
#define OTLP_RESOURCE_METRICS LLMOBS_OTLP_FIELD(1, "resourceMetrics")
#define OTLP_RESOURCE_LOGS LLMOBS_OTLP_FIELD(1, "resourceLogs")
#define OTLP_RESOURCE LLMOBS_OTLP_FIELD(1, "resource")
#define OTLP_SCOPE_SPANS LLMOBS_OTLP_FIELD(2, "scopeSpans")
#define OTLP_SCOPE_METRICS LLMOBS_OTLP_FIELD(2, "scopeMetrics")
#define OTLP_SCOPE_LOGS LLMOBS_OTLP_FIELD(2, "scopeLogs")
#define OTLP_SCOPE LLMOBS_OTLP_FIELD(1, "scope")
#define OTLP_SPANS LLMOBS_OTLP_FIELD(2, "spans")
#define OTLP_METRICS LLMOBS_OTLP_FIELD(2, "metrics")
#define OTLP_LOG_RECORDS LLMOBS_OTLP_FIELD(2, "logRecords")
#define OTLP_SCHEMA_URL LLMOBS_OTLP_FIELD(3, "schemaUrl")

/* Resource and InstrumentationScope. */
#define OTLP_RESOURCE_ATTRIBUTES LLMOBS_OTLP_FIELD(1, "attributes")
#define OTLP_SCOPE_NAME LLMOBS_OTLP_FIELD(1, "name")
#define OTLP_SCOPE_VERSION LLMOBS_OTLP_FIELD(2, "version")

/* Span. */
#define OTLP_SPAN_TRACE_ID LLMOBS_OTLP_FIELD(1, "traceId")
#define OTLP_SPAN_ID LLMOBS_OTLP_FIELD(2, "spanId")
#define OTLP_SPAN_TRACE_STATE LLMOBS_OTLP_FIELD(3, "traceState")
#define OTLP_SPAN_PARENT_ID LLMOBS_OTLP_FIELD(4, "parentSpanId")
#define OTLP_SPAN_NAME LLMOBS_OTLP_FIELD(5, "name")
#define OTLP_SPAN_KIND LLMOBS_OTLP_FIELD(6, "kind")
#define OTLP_SPAN_START LLMOBS_OTLP_FIELD(7, "startTimeUnixNano")
#define OTLP_SPAN_END LLMOBS_OTLP_FIELD(8, "endTimeUnixNano")
#define OTLP_SPAN_ATTRIBUTES LLMOBS_OTLP_FIELD(9, "attributes")
#define OTLP_SPAN_DROPPED LLMOBS_OTLP_FIELD(10, "droppedAttributesCount")
#define OTLP_SPAN_LINKS LLMOBS_OTLP_FIELD(13, "links")
#define OTLP_SPAN_STATUS LLMOBS_OTLP_FIELD(15, "status")
#define OTLP_SPAN_FLAGS LLMOBS_OTLP_FIELD(16, "flags")
#define OTLP_STATUS_MESSAGE LLMOBS_OTLP_FIELD(2, "message")
#define OTLP_STATUS_CODE LLMOBS_OTLP_FIELD(3, "code")
#define OTLP_LINK_TRACE_ID LLMOBS_OTLP_FIELD(1, "traceId")
#define OTLP_LINK_SPAN_ID LLMOBS_OTLP_FIELD(2, "spanId")
#define OTLP_LINK_ATTRIBUTES LLMOBS_OTLP_FIELD(4, "attributes")

/* KeyValue and AnyValue; the lists of ArrayValue and KeyValueList are
 * "values". */
#define OTLP_KEY LLMOBS_OTLP_FIELD(1, "key")
#define OTLP_VALUE LLMOBS_OTLP_FIELD(2, "value")
#define OTLP_STRING_VALUE LLMOBS_OTLP_FIELD(1, "stringValue")
#define OTLP_BOOL_VALUE LLMOBS_OTLP_FIELD(2, "boolValue")
#define OTLP_INT_VALUE LLMOBS_OTLP_FIELD(3, "intValue")
#define OTLP_DOUBLE_VALUE LLMOBS_OTLP_FIELD(4, "doubleValue")
#define OTLP_ARRAY_VALUE LLMOBS_OTLP_FIELD(5, "arrayValue")
#define OTLP_KVLIST_VALUE LLMOBS_OTLP_FIELD(6, "kvlistValue")
#define OTLP_VALUES LLMOBS_OTLP_FIELD(1, "values")

/* Metric, Sum, Histogram and their data points. */
#define OTLP_METRIC_NAME LLMOBS_OTLP_FIELD(1, "name")
#define OTLP_METRIC_UNIT LLMOBS_OTLP_FIELD(3, "unit")
#define OTLP_METRIC_SUM LLMOBS_OTLP_FIELD(7, "sum")
#define OTLP_METRIC_HISTOGRAM LLMOBS_OTLP_FIELD(9, "histogram")
#define OTLP_DATA_POINTS LLMOBS_OTLP_FIELD(1, "dataPoints")
#define OTLP_TEMPORALITY LLMOBS_OTLP_FIELD(2, "aggregationTemporality")
#define OTLP_IS_MONOTONIC LLMOBS_OTLP_FIELD(3, "isMonotonic")
#define OTLP_POINT_START LLMOBS_OTLP_FIELD(2, "startTimeUnixNano")
#define OTLP_POINT_TIME LLMOBS_OTLP_FIELD(3, "timeUnixNano")
#define OTLP_NUMBER_AS_INT LLMOBS_OTLP_FIELD(6, "asInt")
#define OTLP_NUMBER_ATTRIBUTES LLMOBS_OTLP_FIELD(7, "attributes")
#define OTLP_HISTOGRAM_COUNT LLMOBS_OTLP_FIELD(4, "count")
#define OTLP_HISTOGRAM_SUM LLMOBS_OTLP_FIELD(5, "sum")
#define OTLP_HISTOGRAM_BUCKETS LLMOBS_OTLP_FIELD(6, "bucketCounts")
#define OTLP_HISTOGRAM_BOUNDS LLMOBS_OTLP_FIELD(7, "explicitBounds")
#define OTLP_HISTOGRAM_ATTRIBUTES LLMOBS_OTLP_FIELD(9, "attributes")
#define OTLP_HISTOGRAM_MIN LLMOBS_OTLP_FIELD(11, "min")
#define OTLP_HISTOGRAM_MAX LLMOBS_OTLP_FIELD(12, "max")

/* LogRecord. */
#define OTLP_LOG_TIME LLMOBS_OTLP_FIELD(1, "timeUnixNano")
#define OTLP_LOG_SEVERITY LLMOBS_OTLP_FIELD(2, "severityNumber")
#define OTLP_LOG_ATTRIBUTES LLMOBS_OTLP_FIELD(6, "attributes")
#define OTLP_LOG_DROPPED LLMOBS_OTLP_FIELD(7, "droppedAttributesCount")
#define OTLP_LOG_FLAGS LLMOBS_OTLP_FIELD(8, "flags")
#define OTLP_LOG_TRACE_ID LLMOBS_OTLP_FIELD(9, "traceId")
#define OTLP_LOG_SPAN_ID LLMOBS_OTLP_FIELD(10, "spanId")
#define OTLP_LOG_OBSERVED LLMOBS_OTLP_FIELD(11, "observedTimeUnixNano")
#define OTLP_LOG_EVENT_NAME LLMOBS_OTLP_FIELD(12, "eventName")

#endif
