/* A file of the ledger, whose checksum is made right: what is read of it can be
 * written, and reads back the same. The part behind FUZZ_CUT is one more, added
 * to it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/ledger/counts.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* FNV-1a, as core/ledger/counts.c has it: no change of a byte would find it. */
static uint64_t checksum(struct llmobs_text text)
{
    uint64_t sum = 0xcbf29ce484222325;

    for (size_t i = 0; i < text.len; i++)
        sum = (sum ^ (unsigned char)text.data[i]) * 0x100000001b3;
    return sum;
}

static int read_page(struct llmobs_text in, struct llmobs_page *page)
{
    struct llmobs_buf text;
    char *copy;
    int rc;

    llmobs_buf_init(&text, (size_t)1 << 20);
    (void)llmobs_buf_add(&text, in.data, in.len);
    (void)llmobs_buf_addf(&text, "= %016" PRIx64 "\n", checksum(in));
    copy = fuzz_copy((struct llmobs_text){text.data, text.len});
    rc = llmobs_page_read(page, copy, text.len);
    free(copy);
    llmobs_buf_fini(&text);
    return rc;
}

static void check_round(const struct llmobs_page *page)
{
    char text[LLMOBS_PAGE_SIZE], again[LLMOBS_PAGE_SIZE];
    struct llmobs_page back;

    llmobs_page_write(page, text);
    FUZZ_CHECK(llmobs_page_read(&back, text, sizeof(text)) == 0);
    llmobs_page_write(&back, again);
    FUZZ_CHECK(memcmp(text, again, sizeof(text)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};
    struct llmobs_page first, second;
    struct llmobs_text part = fuzz_take(&in, FUZZ_CUT);
    int rc = read_page(part, &first);

    if (rc == 0)
        check_round(&first);
    if (rc == 0 && read_page(in, &second) == 0 &&
        llmobs_counts_merge(&first.counts, &second.counts) == 0)
        check_round(&first);
    return 0;
}
