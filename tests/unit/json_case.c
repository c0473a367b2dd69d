/* Parses and draws JSON for tests. */
#include "tests/unit/json_case.h"

#include <stdlib.h>
#include <string.h>

int json_case_parse(const char *text, size_t len, struct llmobs_json **json)
{
    char *exact = malloc(len > 0 ? len : 1);
    int rc;

    memcpy(exact, text, len);
    rc = llmobs_json_parse((struct llmobs_text){exact, len}, json);
    if ((rc == 0) != (*json != NULL))
        ck_abort_msg("%d with %p", rc, (void *)*json);
    free(exact);
    return rc;
}

struct llmobs_json *json_case_parsed(const char *text)
{
    struct llmobs_json *json;

    ck_assert_int_eq(json_case_parse(text, strlen(text), &json), 0);
    return json;
}

uint64_t json_case_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}
