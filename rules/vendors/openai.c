#include "rules/vendors/openai.h"

#include <errno.h>

#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/request.h"
#include "rules/read/usage.h"

bool llmobs_openai_asks(const struct llmobs_reading *reading, const char *what)
{
    bool deployed = llmobs_request_deployment(reading->classified->url).len > 0;

    return (deployed || llmobs_json_is_string(
                            llmobs_json_get(reading->request, "model"))) &&
           llmobs_reading_has(reading, what);
}

/* Finds a value on either side of the missing middle. */
static struct llmobs_json *value_of(const struct llmobs_call *call,
                                    const char *key)
{
    struct llmobs_json *value = llmobs_cut_json_first(call->response, key);

    return value ? value : llmobs_cut_json_last(call->response_tail, key);
}

/* True where the last finish reason is there; embeddings have none and end with
 * their usage. */
static bool has_ended(const struct llmobs_reading *reading,
                      const struct llmobs_json *usage)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *reason;
    bool ended;

    if (reading->classified->shape->kind == LLMOBS_KIND_EMBEDDING)
        return llmobs_json_is_object(usage);
    reason = llmobs_cut_json_last(call->response_tail, "finish_reason");
    if (!reason)
        reason = llmobs_cut_json_last(call->response, "finish_reason");
    ended = llmobs_json_is_string(reason);
    llmobs_fact_finish(reading->span, llmobs_json_text(reason));
    llmobs_json_free(reason);
    return ended;
}

int llmobs_openai_ends(struct llmobs_reading *reading)
{
    return llmobs_openai_ends_by(reading, llmobs_usage_read);
}

int llmobs_openai_ends_by(struct llmobs_reading *reading,
                          int (*read)(const struct llmobs_json *usage,
                                      struct llmobs_span *span))
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *usage =
        llmobs_cut_json_last(call->response_tail, "usage");
    struct llmobs_json *model = value_of(call, "model");
    int rc;

    if (!usage)
        usage = llmobs_cut_json_first(call->response, "usage");
    reading->span->complete = has_ended(reading, usage);
    rc = llmobs_reading_model(reading, llmobs_json_text(model));
    if (rc == 0 && llmobs_json_is_object(usage))
        rc = read(usage, reading->span);
    llmobs_json_free(model);
    llmobs_json_free(usage);
    return rc;
}

/* Adds the names that are flagged in a result, and not in the list. */
static int add_flagged(struct llmobs_json *flagged,
                       const struct llmobs_json *result)
{
    const struct llmobs_json *categories =
        llmobs_json_get(result, "categories");
    int rc = 0;

    for (void *it = llmobs_json_iter(categories); rc == 0 && it;
         it = llmobs_json_next(categories, it))
        if (llmobs_json_is_true(llmobs_json_iter_value(it)))
            rc = llmobs_json_set(flagged, llmobs_json_iter_key(it),
                                 llmobs_json_null());
    return rc;
}

/* A response has one result, a chat a list of them: one for each choice. */
static int read_flagged(const struct llmobs_json *side, struct llmobs_json *out,
                        const char *key)
{
    const struct llmobs_json *results = llmobs_json_get(side, "results");
    struct llmobs_json *flagged = llmobs_json_object();
    struct llmobs_json *names = llmobs_json_array();
    int rc = flagged && names ? add_flagged(flagged, side) : -ENOMEM;

    LLMOBS_JSON_EACH (one, results, rc == 0)
        rc = add_flagged(flagged, one);
    for (void *it = llmobs_json_iter(flagged); rc == 0 && it;
         it = llmobs_json_next(flagged, it))
        rc = llmobs_json_add(names,
                             llmobs_json_string(llmobs_json_iter_key(it)));
    llmobs_json_free(flagged);
    if (rc == 0 && llmobs_json_len(names) > 0)
        return llmobs_json_set(out, key, names);
    llmobs_json_free(names);
    return rc;
}

int llmobs_openai_moderation(const struct llmobs_json *body,
                             struct llmobs_span *span)
{
    const struct llmobs_json *moderation = llmobs_json_get(body, "moderation");
    struct llmobs_json *out;
    int rc;

    if (!llmobs_json_is_object(moderation))
        return 0;
    out = llmobs_json_object();
    rc = read_flagged(llmobs_json_get(moderation, "input"), out, "input");
    if (rc == 0)
        rc = read_flagged(llmobs_json_get(moderation, "output"), out, "output");
    if (rc == 0 && llmobs_json_len(out) > 0)
        return llmobs_json_set(span->metadata, "moderation", out);
    llmobs_json_free(out);
    return rc;
}
