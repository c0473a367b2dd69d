/* Gathers the facts of a call that Datadog's event has no field for. */
#include "core/event/facts.h"

#include <errno.h>
#include <string.h>

#include "lib/base/fork.h"
#include "lib/base/machine.h"
#include "lib/base/program.h"
#include "lib/base/scratch.h"
#include "core/trace/propagate.h"
#include "lib/span/secrets.h"
#include "lib/text/json_plain.h"

/* The beginning of the lead, and its text behind the facts. */
#define FIRST "{\"" LLMOBS_FACTS_KEY "\": "
#define BEHIND ", "

#define FACTS_MAX ((size_t)1024 * 1024)

/* -- the error ------------------------------------------------------------ */

/* True for a word, which names a kind of error; a sentence describes one
 * error. */
static bool is_error_word(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789_.-:");

    return len > 0 && len <= 64 && text[len] == '\0';
}

/* Where the provider sent its own code, that code is set already. */
static void set_error_code(struct llmobs_facts *facts,
                           const struct llmobs_span *span)
{
    const char *type = span->error_type ? span->error_type : "";
    char status[21];

    if (!span->failed ||
        llmobs_span_fact_is_set(&span->facts, LLMOBS_FACT_ERROR_CODE))
        return;
    if (strncmp(type, "CURLE_", 6) == 0) {
        /* "CURLE_COULDNT_CONNECT" becomes "couldnt_connect". */
        char text[64];
        size_t len = 0;

        type += 6;
        if (strcmp(type, "OPERATION_TIMEDOUT") == 0)
            type = "TIMEOUT";
        for (; type[len] && len + 1 < sizeof(text); len++)
            text[len] = type[len] >= 'A' && type[len] <= 'Z'
                            ? (char)(type[len] + 32)
                            : type[len];
        text[len] = '\0';
        llmobs_span_fact_word(facts, LLMOBS_FACT_ERROR_CODE, text);
        return;
    }
    /* An error in an answer whose status says success has no code. */
    if (strncmp(type, "http_2", 6) == 0)
        type = "";
    if (strncmp(type, "http_", 5) == 0 && is_error_word(type))
        type += 5;
    if (!is_error_word(type) && span->http_status >= 300) {
        (void)llmobs_text_decimal((uint64_t)span->http_status, status);
        type = status;
    }
    llmobs_span_fact_word(facts, LLMOBS_FACT_ERROR_CODE,
                          is_error_word(type) ? type : "_OTHER");
}

/* -- the facts of the core ------------------------------------------------ */

/* Adds the facts that the core knows. */
static void gather_facts(const struct llmobs_span *span,
                         const struct llmobs_config *config,
                         struct llmobs_facts *facts)
{
    const struct llmobs_context *context = &span->context;
    const size_t cap = LLMOBS_TRACESTATE_LEN + 1;
    char parent[21], *state = NULL;
    int flags = LLMOBS_FLAG_KNOWS_REMOTE |
                (context->remote ? LLMOBS_FLAG_REMOTE : 0) |
                (context->app ? LLMOBS_FLAG_APP_FOUND : 0) |
                (context->unsampled ? 0 : LLMOBS_FLAG_SAMPLED);
    const struct llmobs_otlp_config *otlp;
    bool other;

    if (span->streamed)
        llmobs_span_fact_true(facts, LLMOBS_FACT_STREAM);
    if (span->proxied)
        llmobs_span_fact_true(facts, LLMOBS_FACT_PROXIED);
    if (span->http_status > 0)
        llmobs_span_fact_int(facts, LLMOBS_FACT_STATUS, span->http_status);
    llmobs_span_fact_int(facts, LLMOBS_FACT_FLAGS, flags);
    /* The parent in the APM trace, if LLM Observability's differs. */
    if (context->apm_parent_id &&
        context->apm_parent_id != context->parent_id) {
        (void)llmobs_text_decimal(context->apm_parent_id, parent);
        llmobs_span_fact_word(facts, LLMOBS_FACT_PARENT, parent);
    }
    if (span->traced || context->vendors[0])
        state = llmobs_scratch_alloc(cap);
    if (state && llmobs_context_tracestate(context, state, cap) == 0) {
        if (context->origin[0] || context->dm[0] || context->vendors[0] ||
            context->session_id[0] || context->pagent_name[0])
            llmobs_secrets_mask_whole(state, strlen(state));
        llmobs_span_fact_word(facts, LLMOBS_FACT_TRACESTATE, state);
    }
    llmobs_scratch_free(state);
    llmobs_span_fact(facts, LLMOBS_FACT_PAGE, context->page);
    set_error_code(facts, span);
    otlp = &config->otlp;
    other = config->pid > 0;
    if (!span->foreign) {
        llmobs_span_fact_int(facts, LLMOBS_FACT_PID,
                             other ? config->pid : llmobs_fork_pid());
        llmobs_span_fact_word(facts, LLMOBS_FACT_EXECUTABLE,
                              other ? config->executable
                                    : llmobs_program_name());
    }
    /* Of an unknown process the user is not known, either. */
    if ((!other || config->uid >= 0) &&
        (!span->foreign ||
         llmobs_span_fact_is_set(&span->facts, LLMOBS_FACT_PID)))
        llmobs_span_fact_int(facts, LLMOBS_FACT_UID,
                             other ? config->uid : (int64_t)llmobs_fork_uid());
    llmobs_span_fact_word(facts, LLMOBS_FACT_HOSTNAME,
                          other ? config->machine : llmobs_machine_name());
    llmobs_span_fact_word(facts, LLMOBS_FACT_RUN, config->run);
    if (otlp->service && *otlp->service)
        llmobs_span_fact_word(facts, LLMOBS_FACT_SERVICE, otlp->service);
    if (otlp->resource && *otlp->resource)
        llmobs_span_fact_word(facts, LLMOBS_FACT_RESOURCE, otlp->resource);
}

/* -- in the text of an event ---------------------------------------------- */

int llmobs_facts_lead(const struct llmobs_span *span,
                      const struct llmobs_config *config,
                      struct llmobs_buf *out)
{
    size_t at = out->len;
    struct llmobs_facts *core = llmobs_scratch_alloc(sizeof(*core));
    int rc;

    if (!core)
        return -ENOMEM;
    llmobs_span_facts_init(core);
    gather_facts(span, config, core);
    rc = llmobs_buf_adds(out, FIRST);
    if (!rc)
        rc = llmobs_span_facts_write(&span->facts, core, out);
    llmobs_span_facts_fini(core);
    llmobs_scratch_free(core);
    if (!rc)
        rc = llmobs_buf_addc(out, '}');
    if (!rc && llmobs_privacy_applies(&config->privacy)) {
        const struct llmobs_text text = {out->data + at, out->len - at};
        struct llmobs_buf clean;

        llmobs_buf_init(&clean, FACTS_MAX);
        rc = llmobs_content_filter_json(&config->privacy, text, &clean);
        llmobs_buf_cut(out, at);
        if (!rc)
            rc = llmobs_buf_add(out, clean.data, clean.len);
        llmobs_buf_fini(&clean);
    }
    if (rc)
        return rc;
    llmobs_buf_cut(out, out->len - 1);
    /* A text from a body or a URL was masked when it became a fact. */
    if (config->otlp.service || config->otlp.resource ||
        llmobs_span_fact_is_set(&span->facts, LLMOBS_FACT_USERS))
        llmobs_secrets_mask(out->data + at, out->len - at);
    return llmobs_buf_adds(out, BEHIND);
}

struct llmobs_facts_parts llmobs_facts_split(struct llmobs_text event)
{
    struct llmobs_facts_parts parts = {.lead = event};
    const char *end = event.data + event.len;
    size_t at = sizeof(FIRST) - 1, depth = 0;

    if (event.len <= at || memcmp(event.data, FIRST "{", at + 1) != 0)
        return parts;
    do { /* to behind the object */
        char c = event.data[at];

        if (c == '"')
            at = (size_t)(llmobs_json_string_end(event.data + at + 1, end) -
                          event.data);
        depth += c == '{';
        depth -= c == '}';
    } while (++at < event.len && depth > 0);
    if (at >= event.len)
        return parts;
    parts.facts = (struct llmobs_text){event.data + sizeof(FIRST) - 1,
                                       at - (sizeof(FIRST) - 1)};
    if (event.data[at] == ',' && at + 1 < event.len)
        at += event.data[at + 1] == ' ' ? 2 : 1;
    parts.lead.len = 1;
    parts.rest = (struct llmobs_text){event.data + at, event.len - at};
    return parts;
}
