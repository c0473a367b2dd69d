/* A pattern, a line feed, a text; or (first byte odd) a file of patterns,
 * FUZZ_CUT, a text. Matches lie within the text, in their order, apart; the
 * work has a bound, whatever the pattern. */
#include <string.h>

#include "lib/span/redact.h"
#include "lib/text/regex.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_founds(const struct llmobs_founds *founds, size_t len)
{
    size_t end = 0;

    for (size_t i = 0; i < founds->count; i++) {
        const struct llmobs_found *found = &founds->list[i];

        FUZZ_CHECK(found->len > 0 && found->start >= end);
        end = found->start + found->len;
        FUZZ_CHECK(end <= len);
    }
}

static void check_pattern(struct llmobs_text in)
{
    struct llmobs_text pattern = fuzz_take(&in, '\n');
    struct llmobs_regex_memory memory = {NULL};
    struct llmobs_founds founds = {.list = NULL};
    char *text = fuzz_copy(in);
    struct llmobs_regex *regex;
    const char *why = NULL;

    if (llmobs_regex_compile(pattern, &regex, &why) == 0) {
        in.data = text;
        if (llmobs_regex_find(regex, &memory, in, 0, &founds) == 0)
            check_founds(&founds, in.len);
        llmobs_regex_memory_free(&memory);
        llmobs_regex_free(regex);
    } else {
        FUZZ_CHECK(why != NULL);
    }
    free(founds.list);
    free(text);
}

static void check_redaction(struct llmobs_text in)
{
    static struct llmobs_redaction redaction;
    struct llmobs_text file = fuzz_take(&in, FUZZ_CUT);
    struct llmobs_redact_fault fault = {0, NULL};
    struct llmobs_redact *redact;
    struct llmobs_buf out;
    bool changed;
    char *text;

    if (llmobs_redact_parse(file, &redact, &fault) != 0) {
        FUZZ_CHECK(fault.why != NULL);
        return;
    }
    text = fuzz_string(in);
    llmobs_buf_init(&out, (size_t)1 << 24);
    llmobs_redaction_begin(&redaction, redact);
    (void)llmobs_redaction_text(
        &redaction, (struct llmobs_text){text, strlen(text)}, &out, &changed);
    (void)llmobs_redaction_member(&redaction, text);
    llmobs_redaction_end(&redaction);
    llmobs_redact_free(redact);
    llmobs_buf_fini(&out);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};

    if (fuzz_byte(&in) % 2)
        check_redaction(in);
    else
        check_pattern(in);
    fuzz_work();
    return 0;
}
