/* The price of the rules for a request that is no LLM call: ns of CPU a
 * request.
 *
 *   bench-miss
 */
#include <stdio.h>
#include <time.h>

#include "lib/base/clock.h"
#include "rules/read/text.h"
#include "rules/rules.h"

#define ROUNDS 1000000

int main(void)
{
    struct llmobs_rules_config config = {
        .proxy_urls = "http://proxy.test:4000,http://b.test/v1",
    };
    struct llmobs_request request = {
        .method = "POST",
        .url = "https://internal.service.example.test/api/v2/orders/12?x=1",
        .content_type = "application/json",
        .body = llmobs_text_of("{\"model\":\"m\",\"messages\":[]}"),
    };
    struct llmobs_rules *rules = llmobs_rules_new(&config);
    struct llmobs_match match;
    int64_t begun = llmobs_clock_read_ns(CLOCK_THREAD_CPUTIME_ID);

    if (!rules)
        return 1;
    for (int i = 0; i < ROUNDS; i++)
        llmobs_rules_match(rules, &request, &match);
    printf("%.1f\n",
           (double)(llmobs_clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - begun) /
               ROUNDS);
    llmobs_rules_free(rules);
    return 0;
}
