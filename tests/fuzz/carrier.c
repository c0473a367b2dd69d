/* Trace context that a peer sent: a line each for the members of a carrier, in
 * their order, the rest a program's own header list. First byte: the styles
 * (bit 7: it came from a stranger). A context that was read can be sent on, and
 * reads back the same. */
#include <stdio.h>
#include <string.h>

#include "core/trace/carrier.h"
#include "core/trace/inject.h"
#include "core/trace/propagate.h"
#include "tests/fuzz/fuzz.h"

#define HEADERS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const styles[] = {
    "DD_TRACE_PROPAGATION_STYLE=datadog,tracecontext,baggage",
    "DD_TRACE_PROPAGATION_STYLE=tracecontext,datadog",
    "DD_TRACE_PROPAGATION_STYLE=b3,b3multi,baggage",
    "DD_TRACE_PROPAGATION_STYLE=b3multi,tracecontext",
    "DD_TRACE_PROPAGATION_STYLE=b3 single header",
    "DD_TRACE_PROPAGATION_STYLE=none"};

static struct llmobs_config *configs[sizeof(styles) / sizeof(*styles)];

static void load(void)
{
    for (size_t i = 0; i < sizeof(styles) / sizeof(*styles); i++) {
        const char *const env[] = {"DD_LLMOBS_ENABLED=1", styles[i], NULL};

        configs[i] = llmobs_config_load(env, NULL, NULL);
        FUZZ_CHECK(configs[i] != NULL);
    }
}

/* Gives a line as a text, NULL for an empty one. */
static char *line(struct llmobs_text *in)
{
    struct llmobs_text part = fuzz_take(in, '\n');

    return part.len ? fuzz_string(part) : NULL;
}

static void check_sent(const struct llmobs_config *config,
                       const struct llmobs_context *context)
{
    char parent[LLMOBS_TRACEPARENT_LEN + 1], state[LLMOBS_TRACESTATE_LEN + 1];
    struct llmobs_carrier carrier = {
        .traceparent = parent, .tracestate = state, .process = true};
    struct llmobs_context again;

    FUZZ_CHECK(llmobs_context_traceparent(context, parent, sizeof(parent)) ==
                   0 &&
               strlen(parent) == LLMOBS_TRACEPARENT_LEN);
    (void)llmobs_context_tracestate(context, state, sizeof(state));
    FUZZ_CHECK(strlen(state) <= LLMOBS_TRACESTATE_LEN &&
               !strpbrk(state, "\r\n"));
    if (llmobs_context_from_carrier(&again, config, &carrier))
        FUZZ_CHECK(again.apm_trace_id.lo == context->apm_trace_id.lo);
}

static void check_nodes(const struct llmobs_inject *inject)
{
    for (size_t i = 0; i < inject->count; i++)
        FUZZ_CHECK(!strpbrk(inject->nodes[i].data, "\r\n"));
}

static void inject(const struct llmobs_config *config,
                   const struct llmobs_context *context,
                   struct curl_slist *list, const char *baggage)
{
    static struct llmobs_inject ours;
    struct llmobs_own_headers own;
    struct llmobs_inject_plan plan = {
        .config = config,
        .sender = llmobs_propagate_span(context),
        .own = &own,
        .url = "https://proxy.test/v1/chat/completions",
        .baggage = baggage};
    static const char away[] = "Location: https://other.test/\r\n";
    struct llmobs_context from_own;

    memset(&ours, 0, sizeof(ours));
    llmobs_inject_scan(list, plan.url, &own);
    plan.continued = own.names && llmobs_context_from_carrier(&from_own, config,
                                                              &own.carrier);
    if (!llmobs_inject_fill(&ours, &plan))
        return;
    check_nodes(&ours);
    (void)llmobs_inject_link(&ours, list);
    llmobs_inject_response(&ours, away, sizeof(away) - 1);
}

static struct curl_slist *make_list(struct llmobs_text *in,
                                    struct curl_slist nodes[HEADERS])
{
    size_t n = 0;

    while (in->len && n < HEADERS) {
        nodes[n].data = fuzz_string(fuzz_take(in, '\n'));
        nodes[n].next = NULL;
        if (n > 0)
            nodes[n - 1].next = &nodes[n];
        n++;
    }
    return n ? nodes : NULL;
}

static void forget(struct curl_slist *list, char **texts, size_t count)
{
    for (; list; list = list->next)
        free(list->data);
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size}, baggage = {"", 0};
    unsigned style = fuzz_byte(&in);
    const struct llmobs_config *config;
    struct curl_slist nodes[HEADERS], *list;
    struct llmobs_context context;
    struct llmobs_carrier carrier;
    char *texts[13], *whole;

    if (!configs[0])
        load();
    for (size_t i = 0; i < 13; i++)
        texts[i] = line(&in);
    carrier = (struct llmobs_carrier){.traceparent = texts[0],
                                      .tracestate = texts[1],
                                      .x_datadog_trace_id = texts[2],
                                      .x_datadog_parent_id = texts[3],
                                      .x_datadog_tags = texts[4],
                                      .x_datadog_sampling_priority = texts[5],
                                      .x_datadog_origin = texts[6],
                                      .baggage = texts[7],
                                      .b3 = texts[8],
                                      .x_b3_traceid = texts[9],
                                      .x_b3_spanid = texts[10],
                                      .x_b3_sampled = texts[11],
                                      .x_b3_flags = texts[12],
                                      .stranger = style & 0x80};
    config = configs[style % (sizeof(styles) / sizeof(*styles))];
    list = make_list(&in, nodes);
    if (!llmobs_context_from_carrier(&context, config, &carrier))
        llmobs_context_root(&context, config);
    check_sent(config, &context);
    if (!llmobs_context_baggage(config, texts[7], &baggage))
        baggage.len = 0;
    whole = fuzz_string(baggage);
    inject(config, &context, list, baggage.len ? whole : NULL);
    free(whole);
    forget(list, texts, 13);
    return 0;
}
