/* Documents one after another: each has the same tree as it has by itself, and
 * what somebody shares of one stays as it was. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "lib/text/json_series.h"
#include "tests/fuzz/fuzz.h"

#define KEPT 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A part of a document, and its text at that time. */
struct kept {
    struct llmobs_json *json;
    char *text;
};

static char *text_of(const struct llmobs_json *json)
{
    char *text = llmobs_json_dumps(json, LLMOBS_JSON_KEEP_ORDER);

    FUZZ_CHECK(text != NULL);
    return text;
}

static void check_text(const struct llmobs_json *json, const char *want)
{
    char *have = text_of(json);

    FUZZ_CHECK(strcmp(have, want) == 0);
    free(have);
}

static void let_go(struct kept *kept)
{
    if (kept->json)
        check_text(kept->json, kept->text);
    llmobs_json_free(kept->json);
    free(kept->text);
    *kept = (struct kept){NULL, NULL};
}

/* Walks down by the bits of `way`, and shares a part on some ways. */
static void keep(struct kept *kept, struct llmobs_json *json, unsigned way)
{
    let_go(kept);
    if (!(way & 1))
        return;
    for (way >>= 1; way & 1 && llmobs_json_len(json) > 0; way >>= 1)
        json = llmobs_json_is_array(json)
                   ? llmobs_json_at(json, 0)
                   : llmobs_json_iter_value(llmobs_json_iter(json));
    kept->json = llmobs_json_share(json);
    kept->text = text_of(json);
}

/* The tree has the values that the document has by itself. */
static void check_tree(const struct llmobs_json *json, struct llmobs_text text)
{
    struct llmobs_json *own;
    char *want;

    FUZZ_CHECK(llmobs_json_parse(text, &own) == 0);
    want = text_of(own);
    check_text(json, want);
    free(want);
    llmobs_json_free(own);
}

/* Gives the document by itself; NULL: it is none. */
static struct llmobs_json *check(struct llmobs_json_series *series,
                                 struct llmobs_text text)
{
    char *exact = fuzz_copy(text);
    struct llmobs_json *json, *own;
    int rc, want;

    text.data = exact;
    rc = llmobs_json_series_parse(series, text, &json);
    want = llmobs_json_parse(text, &own);
    FUZZ_CHECK(rc == want && (rc == 0) == (json != NULL));
    if (rc == 0)
        check_tree(json, text);
    free(exact);
    llmobs_json_free(own);
    return json;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};
    struct llmobs_json_series series = {.other = NULL};
    struct kept kept[KEPT] = {{NULL, NULL}};

    for (size_t i = 0; in.len > 0; i++) {
        struct llmobs_text text = fuzz_take(&in, FUZZ_CUT);
        struct llmobs_json *json = check(&series, text);
        size_t len = llmobs_json_series_again(&series, in);

        if (len > 0)
            check_tree(json, (struct llmobs_text){in.data, len});
        if (json)
            keep(&kept[i % KEPT], json, (unsigned)(i * 37 + size) % 32);
    }
    llmobs_json_series_fini(&series);
    for (size_t i = 0; i < KEPT; i++)
        let_go(&kept[i]);
    return 0;
}
