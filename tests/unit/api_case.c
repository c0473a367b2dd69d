/* Gives tests the C API over an exporter in memory. */
#include "tests/unit/api_case.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/fork.h"
#include "lib/span/redact.h"
#include "core/sdk/evaluation_submit.h"
#include "tests/unit/context_case.h"

#define EVENTS_MAX 4096

static struct llmobs_config config;
/* All, for the leak checker to see: none is ever freed. */
static struct llmobs_worker *workers[64];
static size_t worker_count;
static struct llmobs_worker *worker;
static struct llmobs_json *events[EVENTS_MAX];
static size_t event_count;

static int keep(struct llmobs_exporter *exporter,
                const struct llmobs_text *texts, size_t count)
{
    (void)exporter;
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_lt(event_count, EVENTS_MAX);
        ck_assert_int_eq(llmobs_json_parse(texts[i], &events[event_count++]),
                         0);
    }
    return (int)count;
}

static void nothing(struct llmobs_exporter *exporter)
{
    (void)exporter;
}

static const struct llmobs_exporter_ops ops = {
    .name = "double", .send = keep, .forget = nothing, .free = nothing};

static struct llmobs_exporter exporter = {.ops = &ops};

const struct llmobs_api *api_case(void)
{
    config = context_base;
    config.event_max = 5000000;
    config.payload_max = 5000000;
    config.buffer_max = 64 * 1024 * 1024;
    config.capture_max = 1024 * 1024;
    config.exit_flush_ms = 10000;
    config.tags_header_max = 512;
    config.inject_styles = config.extract_styles;
    (void)llmobs_fork_init();
    worker = llmobs_worker_new(
        &config, llmobs_queue_new((size_t)config.buffer_max), &exporter);
    ck_assert_ptr_nonnull(worker);
    ck_assert_uint_lt(worker_count, 64);
    workers[worker_count++] = worker;
    llmobs_evaluation_init(&config, worker);
    llmobs_c_api_open(&config, worker);
    for (size_t i = 0; i < event_count; i++)
        llmobs_json_free(events[i]);
    event_count = 0;
    return llmobs_c_api_table(LLMOBS_API_VERSION);
}

void api_case_redact(const char *patterns)
{
    /* Kept until the next test's: the last one's worker may still look. */
    static struct llmobs_redact *last;
    struct llmobs_redact_fault fault;

    llmobs_redact_free(last);
    ck_assert_int_eq(
        llmobs_redact_parse((struct llmobs_text){patterns, strlen(patterns)},
                            &config.privacy.redact, &fault),
        0);
    last = config.privacy.redact;
}

size_t api_case_count(void)
{
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    return event_count;
}

const struct llmobs_json *api_case_event(const char *name)
{
    for (size_t i = api_case_count(); i > 0; i--) {
        const char *found = llmobs_json_gets(events[i - 1], "name");

        if (found && strcmp(found, name) == 0)
            return events[i - 1];
    }
    ck_abort_msg("no event %s", name);
    return NULL;
}

const char *api_case_at(const char *name, const char *path)
{
    static char *text;
    const struct llmobs_json *at = api_case_event(name);
    char copy[256], *rest = copy, *key;

    ck_assert_uint_lt(strlen(path), sizeof(copy));
    strcpy(copy, path);
    while (at && (key = strsep(&rest, ".")) != NULL)
        at = llmobs_json_get(at, key);
    free(text);
    text = at ? llmobs_json_dumps(at, 0) : strdup("");
    return text;
}

bool api_case_has_tag(const char *name, const char *tag)
{
    const struct llmobs_json *tags =
        llmobs_json_get(api_case_event(name), "tags");

    for (size_t i = 0; i < llmobs_json_len(tags); i++)
        if (strcmp(llmobs_json_text(llmobs_json_at(tags, i)), tag) == 0)
            return true;
    return false;
}

llmobs_span_t api_case_start(enum llmobs_span_kind kind, const char *name)
{
    struct llmobs_start_options options = {
        .size = sizeof(options), .kind = kind, .name = name};
    llmobs_span_t span = NULL;

    ck_assert_int_eq(
        llmobs_c_api_table(LLMOBS_API_VERSION)->start(&options, &span), 0);
    ck_assert_ptr_nonnull(span);
    return span;
}
