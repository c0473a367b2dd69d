/* A file of rules, and behind FUZZ_CUT a URL for which one is looked for. */
#include <string.h>

#include "rules/custom.h"
#include "rules/read/text.h"
#include "rules/read/url.h"
#include "rules/rules.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Another process makes the same match of the note that one process writes. */
static void check_note(const struct llmobs_match *match)
{
    struct llmobs_recalls *recalls = NULL;
    struct llmobs_match recalled;
    char note[LLMOBS_RULES_NOTE_MAX];

    if (!match->rule || llmobs_rules_note(match, note, sizeof(note)) != 0)
        return;
    if (llmobs_rules_recall(&recalls, llmobs_text_of(llmobs_rules_api(match)),
                            llmobs_text_of(note), &recalled) == 0)
        FUZZ_CHECK(recalled.kind == match->kind);
    llmobs_recalls_free(recalls);
}

static void check_match(struct llmobs_text text, const char *url)
{
    struct llmobs_rules_config config = {.rules_json = text};
    struct llmobs_rules *rules = llmobs_rules_new(&config);
    struct llmobs_request asked = {.method = "POST",
                                   .url = url,
                                   .content_type = "application/json",
                                   .body = {"{\"model\":\"m\"}", 13}};
    struct llmobs_match match;

    if (rules && llmobs_rules_match(rules, &asked, &match)) {
        FUZZ_CHECK(match.rule != NULL && !match.rule->never);
        check_note(&match);
    }
    llmobs_rules_free(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};
    struct llmobs_text text = fuzz_take(&in, FUZZ_CUT);
    char *copy = fuzz_copy(text), *url = fuzz_string(in);
    struct llmobs_custom_fault fault = {.rule = 0};
    struct llmobs_custom custom;

    text.data = copy;
    if (llmobs_custom_parse(text, &custom, &fault) != 0)
        FUZZ_CHECK(custom.count == 0 && fault.why != NULL);
    llmobs_custom_free(&custom);
    check_match(text, url);
    fuzz_work();
    free(copy);
    free(url);
    return 0;
}
