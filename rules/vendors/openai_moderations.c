/* Moderations of OpenAI, and Mistral's of the same form (WIRE 6.15). */
#include <errno.h>

#include "rules/vendors/openai.h"
#include "rules/read/values.h"

static int read_request(struct llmobs_reading *reading)
{
    if (reading->classified->call->request_truncated)
        return 0;
    return llmobs_value_input(reading->span,
                              llmobs_json_get(reading->request, "input"));
}

/* Mistral says of the categories alone whether they hold. */
static int add_verdict(struct llmobs_json *verdicts,
                       const struct llmobs_json *result)
{
    const struct llmobs_json *flagged = llmobs_json_get(result, "flagged");
    const struct llmobs_json *all = llmobs_json_get(result, "categories");
    bool yes = llmobs_json_is_true(flagged);
    struct llmobs_json *verdict, *names;
    int rc;

    if (!llmobs_json_is_object(all))
        return 0;
    verdict = llmobs_json_object();
    names = llmobs_json_array();
    /* Adds the names of the categories that hold. */
    rc = 0;
    for (void *it = llmobs_json_iter(all); it && rc == 0;
         it = llmobs_json_next(all, it))
        if (llmobs_json_is_true(llmobs_json_iter_value(it)))
            rc = llmobs_json_add(names,
                                 llmobs_json_string(llmobs_json_iter_key(it)));
    if (!flagged)
        yes = llmobs_json_len(names) > 0;
    if (rc == 0)
        rc = llmobs_json_set(verdict, "flagged", llmobs_json_bool(yes));
    if (rc == 0)
        rc = llmobs_json_set(verdict, "categories", llmobs_json_share(names));
    if (rc == 0)
        rc = llmobs_json_add(verdicts, llmobs_json_share(verdict));
    llmobs_json_free(names);
    llmobs_json_free(verdict);
    return rc;
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    const struct llmobs_json *results = llmobs_json_get(body, "results");
    int rc = llmobs_reading_model(reading, llmobs_json_gets(body, "model"));
    struct llmobs_json *verdicts;
    bool one;

    if (rc < 0 || !llmobs_json_is_array(results))
        return rc;
    /* The scores of all categories are left out: they are long, and say little.
     */
    verdicts = llmobs_json_array();
    one = llmobs_json_len(results) == 1;
    rc = verdicts ? 0 : -ENOMEM;
    LLMOBS_JSON_EACH (result, results, rc == 0)
        rc = add_verdict(verdicts, result);
    if (rc == 0)
        rc = llmobs_value_output(reading->span,
                                 one ? llmobs_json_at(verdicts, 0) : verdicts);
    llmobs_json_free(verdicts);
    return rc;
}

/* Only the model. */
static const char keys[] = "";

const struct llmobs_form llmobs_form_openai_moderations = {
    .keys = keys,
    .request = read_request,
    .document = read_document,
    .ends = llmobs_reading_ends,
};
