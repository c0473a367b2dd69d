#include "core/event/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fork.h"
#include "core/base/program.h"
#include "core/base/scratch.h"
#include "core/trace/propagate.h"

/* The begin and the end of the member, as llmobs_facts_add writes them. */
#define FIRST "{\"" LLMOBS_FACTS_KEY "\": "
#define BEHIND ", "

/* The longest text of OTEL_RESOURCE_ATTRIBUTES that each span repeats. */
#define RESOURCE_MAX ((size_t)16 * 1024)

/* The flags of a span in OTLP. */
#define FLAG_SAMPLED 0x001
#define FLAG_TELLS_REMOTE 0x100
#define FLAG_REMOTE 0x200

/* -- the trace ------------------------------------------------------------ */

static void set_flags(struct llmobs_json *facts,
                      const struct llmobs_context *context)
{
    int flags = FLAG_TELLS_REMOTE | (context->remote ? FLAG_REMOTE : 0) |
                (context->unsampled ? 0 : FLAG_SAMPLED);

    (void)llmobs_json_set(facts, "flags", llmobs_json_int(flags));
}

/* The parent in the APM trace, where LLM Observability has another one. */
static void set_parent(struct llmobs_json *facts,
                       const struct llmobs_context *context)
{
    char text[21];

    if (!context->apm_parent_id || context->apm_parent_id == context->parent_id)
        return;
    (void)llmobs_propagate_decimal(context->apm_parent_id, text);
    (void)llmobs_json_sets(facts, "parent", text);
}

static void set_state(struct llmobs_json *facts,
                      const struct llmobs_context *context)
{
    const size_t cap = LLMOBS_TRACESTATE_LEN + 1;
    char *text = llmobs_scratch_take(cap);

    if (text && llmobs_context_tracestate(context, text, cap) == 0)
        (void)llmobs_json_sets(facts, "tracestate", text);
    llmobs_scratch_give(text);
}

/* -- the error ------------------------------------------------------------ */

/* True for a word, which names a kind of error; a sentence tells of one. */
static bool is_word(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789_.-:");

    return len > 0 && len <= 64 && text[len] == '\0';
}

/* "CURLE_COULDNT_CONNECT" becomes "couldnt_connect". */
static void set_curl_code(struct llmobs_json *facts, const char *name)
{
    char text[64];
    size_t len = 0;

    if (strcmp(name, "OPERATION_TIMEDOUT") == 0)
        name = "TIMEOUT";
    for (; name[len] && len + 1 < sizeof(text); len++)
        text[len] = name[len] >= 'A' && name[len] <= 'Z'
                        ? (char)(name[len] + 32)
                        : name[len];
    text[len] = '\0';
    (void)llmobs_json_sets(facts, "error_code", text);
}

/* The provider's own code is there already, where it sent one. */
static void set_error(struct llmobs_json *facts, const struct llmobs_span *span)
{
    const char *type = span->error_type ? span->error_type : "";
    char status[21];

    if (!span->failed || llmobs_json_get(facts, "error_code"))
        return;
    if (strncmp(type, "CURLE_", 6) == 0) {
        set_curl_code(facts, type + 6);
        return;
    }
    if (strncmp(type, "http_", 5) == 0 && is_word(type))
        type += 5;
    if (!is_word(type) && span->http_status >= 300) {
        (void)llmobs_propagate_decimal((uint64_t)span->http_status, status);
        type = status;
    }
    (void)llmobs_json_sets(facts, "error_code",
                           is_word(type) ? type : "_OTHER");
}

/* -- the process ---------------------------------------------------------- */

static void set_process(struct llmobs_json *facts,
                        const struct llmobs_config *config)
{
    const struct llmobs_otlp_config *otlp = &config->otlp;
    bool other = config->pid > 0;

    (void)llmobs_json_set(
        facts, "pid", llmobs_json_int(other ? config->pid : llmobs_fork_pid()));
    (void)llmobs_json_sets(facts, "executable",
                           other ? config->executable : llmobs_program_name());
    if (otlp->service && *otlp->service)
        (void)llmobs_json_sets(facts, "service", otlp->service);
    if (otlp->resource && *otlp->resource &&
        strnlen(otlp->resource, RESOURCE_MAX + 1) <= RESOURCE_MAX)
        (void)llmobs_json_sets(facts, "resource", otlp->resource);
}

static void set_true(struct llmobs_json *facts, const char *key, bool value)
{
    if (value)
        (void)llmobs_json_set(facts, key, llmobs_json_bool(true));
}

struct llmobs_json *llmobs_facts_make(const struct llmobs_span *span,
                                      const struct llmobs_config *config)
{
    struct llmobs_json *facts = span->facts;

    set_true(facts, "stream", span->streamed);
    set_true(facts, "proxied", span->proxied);
    if (span->http_status > 0)
        (void)llmobs_json_set(facts, "status",
                              llmobs_json_int(span->http_status));
    set_flags(facts, &span->context);
    set_parent(facts, &span->context);
    if (span->traced || span->context.vendors[0])
        set_state(facts, &span->context);
    set_error(facts, span);
    set_process(facts, config);
    return llmobs_json_share(facts);
}

/* -- in the text of an event ---------------------------------------------- */

int llmobs_facts_add(const struct llmobs_json *facts, struct llmobs_text event,
                     struct llmobs_buf *out)
{
    bool more = event.len > 2; /* than "{}" */
    size_t len = out->len;
    int rc;

    if (llmobs_json_len(facts) == 0 || event.len < 2)
        return llmobs_buf_add(out, event.data, event.len);
    rc = llmobs_buf_adds(out, FIRST);
    if (!rc)
        rc = llmobs_json_dump(facts, LLMOBS_JSON_ASCII, out);
    if (!rc && more)
        rc = llmobs_buf_adds(out, BEHIND);
    if (!rc)
        rc = llmobs_buf_add(out, event.data + 1, event.len - 1);
    if (rc)
        llmobs_buf_cut(out, len);
    return rc;
}

/* Answers the offset behind the string that begins at `at`; 0: it has no end.
 */
static size_t behind_string(struct llmobs_text text, size_t at)
{
    while (++at < text.len && text.data[at] != '"')
        at += text.data[at] == '\\';
    return at < text.len ? at + 1 : 0;
}

/* The same of the object that begins at `at`. */
static size_t behind_object(struct llmobs_text text, size_t at)
{
    size_t depth = 0;

    while (at > 0 && at < text.len) {
        char c = text.data[at];

        if (c == '"') {
            at = behind_string(text, at);
            continue;
        }
        at++;
        depth += c == '{';
        depth -= c == '}';
        if (depth == 0)
            return at;
    }
    return 0;
}

struct llmobs_facts_parts llmobs_facts_split(struct llmobs_text event)
{
    struct llmobs_facts_parts parts = {.lead = event};
    size_t at = sizeof(FIRST) - 1;

    if (event.len <= at || memcmp(event.data, FIRST "{", at + 1) != 0)
        return parts;
    at = behind_object(event, at);
    if (!at || at == event.len)
        return parts;
    if (event.data[at] == ',' && at + 1 < event.len)
        at += event.data[at + 1] == ' ' ? 2 : 1;
    parts.lead.len = 1;
    parts.rest = (struct llmobs_text){event.data + at, event.len - at};
    return parts;
}
