/* Makes requests for tests of the rules. */
#include "tests/unit/match_case.h"

#include <string.h>

#include "rules/read/text.h"

char match_complaints[1024];
int match_complaint_count;

static void note(void *ctx, const char *text)
{
    (void)ctx;
    match_complaint_count++;
    strncat(match_complaints, text,
            sizeof(match_complaints) - strlen(match_complaints) - 1);
}

struct llmobs_rules *match_make(const char *proxies, const char *json)
{
    static const char *const never[] = {"http://agent.test:8126",
                                        "http://otlp.test/v1/traces", NULL};
    struct llmobs_rules_config config = {
        .proxy_urls = proxies,
        .never_urls = never,
        .rules_json = llmobs_text_of(json),
        .complain = note,
    };

    match_complaints[0] = '\0';
    match_complaint_count = 0;
    return llmobs_rules_new(&config);
}

bool match_run(const struct llmobs_rules *rules, const struct match_row *row,
               struct llmobs_match *match)
{
    struct llmobs_request request = {
        .method = row->method,
        .url = row->url,
        .content_type = row->type,
        .body_pending = row->body == PENDING,
        .multipart = row->body == FORM,
    };

    if (row->body == JSON)
        request.body = llmobs_text_of(" \r\n" BODY);
    if (row->body == TEXT)
        request.body = llmobs_text_of("hello");
    return llmobs_rules_match(rules, &request, match);
}

static const char *why_of(int rule)
{
    switch (rule) {
    case 1:
        return "rule 1: configured proxy, known path";
    case 11:
        return "rule 1: configured proxy, bodies as text";
    case 2:
        return "rule 2:";
    default:
        return "rule 3:";
    }
}

void match_check(const struct llmobs_rules *rules, const struct match_row *rows,
                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct match_row *row = &rows[i];
        struct llmobs_match match;
        bool ours = match_run(rules, row, &match);

        ck_assert_msg(ours == (row->rule != 0), "%s %s body %d: %s",
                      row->method, row->url, row->body, match.why);
        ck_assert_ptr_nonnull(match.why);
        if (!ours)
            continue;
        ck_assert_msg(strncmp(match.why, why_of(row->rule),
                              strlen(why_of(row->rule))) == 0,
                      "%s: %s", row->url, match.why);
        ck_assert_ptr_nonnull(match.rule);
        ck_assert_int_eq(match.proxied, row->rule % 10 == 1);
        ck_assert_int_eq(match.confirm, row->rule == 3);
        ck_assert_int_eq(match.inject, match.proxied);
        ck_assert(!match.near || row->rule == 3);
        ck_assert_int_eq(match.kind, match.proxied ? LLMOBS_KIND_WORKFLOW
                                                   : LLMOBS_KIND_LLM);
        ck_assert_msg(match.provider == row->provider ||
                          (match.provider && row->provider &&
                           strcmp(match.provider, row->provider) == 0),
                      "%s: provider %s", row->url, match.provider);
    }
}
