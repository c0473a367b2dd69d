/* How long an event of 4 KB takes on its way into a request of OTLP, beside a
 * copy of the bytes that come out: ns of CPU a span, two numbers.
 *
 *   bench-otlp protobuf|json [COUNT]     encoded from its values
 *   bench-otlp parse [COUNT]             read into values from its text
 *   bench-otlp request [COUNT]           both, of a batch of 64
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "core/export/otlp_traces.h"
#include "core/export/writer.h"

#define BATCH 64

/* Prose as models write it: of four lines one has two quotation marks. */
#define PLAIN                                                        \
    "The quick brown fox jumps over the lazy dog again, and nobody " \
    "wonders.\\n"
#define QUOTE                                                          \
    "The quick brown fox jumps over the \\\"lazy\\\" dog, and nobody " \
    "wonders.\\n"
#define LINES4 PLAIN PLAIN QUOTE PLAIN
#define LINES16 LINES4 LINES4 LINES4 LINES4

static const char event[] =
    "{\"_call\": {\"executable\": \"python3.11\", \"finish_reasons\": "
    "[\"stop\"], \"first_chunk_ns\": 412000000, \"flags\": 257, \"host\": "
    "\"api.openai.com\", \"operation\": \"chat\", \"pid\": 4711, \"port\": "
    "443, \"provider\": \"openai\", \"request_model\": \"gpt-4o-mini\", "
    "\"response_id\": \"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWx\", "
    "\"response_model\": \"gpt-4o-mini-2024-07-18\", \"status\": 200, "
    "\"stream\": true}, \"_dd\": {\"apm_trace_id\": "
    "\"674f1a2b000000001122334455667788\", \"span_id\": "
    "\"1234567890123456789\", \"trace_id\": "
    "\"674f1a2b000000001122334455667788\"}, \"duration\": 1834000000, "
    "\"meta\": {\"input\": {\"messages\": [{\"content\": \"" LINES4
    "\", \"role\": \"system\"}, {\"content\": \"" LINES16 LINES4
    "\", \"role\": \"user\"}]}, \"metadata\": {\"max_tokens\": 1024, "
    "\"temperature\": 0.7, \"top_p\": 1.0}, \"model_name\": "
    "\"gpt-4o-mini-2024-07-18\", \"model_provider\": \"openai\", \"output\": "
    "{\"messages\": [{\"content\": \"" LINES16 LINES16
    "\", \"role\": \"assistant\"}]}, \"span\": {\"kind\": \"llm\"}}, "
    "\"metrics\": {\"input_tokens\": 640, \"output_tokens\": 320, "
    "\"total_tokens\": 960}, \"name\": \"openai.request\", \"parent_id\": "
    "\"undefined\", \"span_id\": \"1234567890123456789\", \"start_ns\": "
    "1767225600000000000, \"status\": \"ok\", \"tags\": [\"env:prod\", "
    "\"language:c\", \"ml_app:shop\", \"service:shop\", \"version:1.2\"], "
    "\"trace_id\": \"674f1a2b000000001122334455667788\"}";

static struct llmobs_config config;
static struct llmobs_text text = {event, sizeof(event) - 1};
static struct llmobs_json *parsed;
static struct llmobs_buf out;

static void encode(void)
{
    struct llmobs_otlp_writer writer;

    llmobs_buf_cut(&out, 0);
    llmobs_otlp_begin(&writer, &out,
                      config.otlp.signals[LLMOBS_SIGNAL_TRACES].json);
    llmobs_otlp_list(&writer, OTLP_SPANS);
    llmobs_otlp_item(&writer, OTLP_SPANS);
    llmobs_otlp_span(&writer, &config, true, parsed);
    llmobs_otlp_close(&writer);
    llmobs_otlp_close_list(&writer);
    if (llmobs_otlp_end(&writer) != 0)
        exit(2);
}

static void parse(void)
{
    struct llmobs_json *json;

    if (llmobs_json_parse(text, &json) != 0)
        exit(2);
    llmobs_json_free(json);
}

static void request(void)
{
    struct llmobs_text events[BATCH];
    size_t left_out;

    for (size_t i = 0; i < BATCH; i++)
        events[i] = text;
    llmobs_buf_cut(&out, 0);
    if (llmobs_otlp_traces(&config, true, events, BATCH, &out, &left_out) != 0)
        exit(2);
}

static void copy(void)
{
    static char *to;

    if (!to && !(to = malloc(out.len)))
        exit(2);
    memcpy(to, out.data, out.len);
    __asm__ volatile("" : : "r"(to) : "memory");
}

static double ns_of(void (*work)(void), size_t count)
{
    int64_t begun = llmobs_clock_read_ns(CLOCK_THREAD_CPUTIME_ID);

    for (size_t i = 0; i < count; i++)
        work();
    return (double)(llmobs_clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - begun) /
           (double)count;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 20000;
    double each = 1;

    config.otlp.semconv = LLMOBS_SEMCONV_1_41;
    config.otlp.span_content = true;
    config.otlp.value_max = config.otlp.attribute_max = INT64_MAX;
    config.otlp.signals[LLMOBS_SIGNAL_TRACES].json = strcmp(mode, "json") == 0;
    llmobs_buf_init(&out, SIZE_MAX);
    if (count == 0 || llmobs_json_parse(text, &parsed) != 0)
        return 2;
    encode();
    if (strcmp(mode, "parse") == 0) {
        printf("%.1f %.1f\n", ns_of(copy, count), ns_of(parse, count));
    } else if (strcmp(mode, "request") == 0) {
        request();
        each = BATCH;
        printf("%.1f %.1f\n", ns_of(copy, count / BATCH + 1) / each,
               ns_of(request, count / BATCH + 1) / each);
    } else {
        printf("%.1f %.1f\n", ns_of(copy, count), ns_of(encode, count));
    }

    llmobs_json_free(parsed);
    llmobs_buf_fini(&out);
    return 0;
}
