/* Hooks of web_search.api. */
#include "rules/read/hooks.h"
#include "rules/tables/search.h"

/* Exa says what a call costs, in USD. */
int llmobs_exa_read(struct llmobs_reading *reading,
                    const struct llmobs_json *body)
{
    const struct llmobs_json *total =
        llmobs_json_get(llmobs_json_get(body, "costDollars"), "total");
    int rc = llmobs_search_document(reading, body);

    if (rc < 0 || !llmobs_json_is_number(total) ||
        llmobs_json_to_real(total) < 0)
        return rc;
    return llmobs_json_set(reading->span->metrics, "total_cost",
                           llmobs_json_clone(total));
}
