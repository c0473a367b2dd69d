/* Any file as one that `llmobs doctor` is asked about. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cli/doctor/object.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool see(void *ctx, const char *text, size_t at)
{
    size_t *count = ctx;

    FUZZ_CHECK(strlen(text) <= 2 * LLMOBS_OBJECT_NAME + 64);
    FUZZ_CHECK(strncmp(text + at, "curl", 4) == 0);
    return ++*count < 100;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct llmobs_object object;
    const char *path =
        fuzz_file((struct llmobs_text){(const char *)data, size});
    struct llmobs_allowance allowance = {.left = LLMOBS_ALLOWANCE_MAX};
    size_t count = 0;
    int rc = llmobs_object_open(&object, AT_FDCWD, path, &allowance, NULL);

    FUZZ_CHECK(rc != -ENOENT);
    if (rc == 0) {
        FUZZ_CHECK(object.needed_count <= LLMOBS_OBJECT_NEEDED);
        for (size_t i = 0; i < object.needed_count; i++)
            FUZZ_CHECK(strlen(object.needed[i]) < LLMOBS_OBJECT_NAME);
        llmobs_object_find(&object, "curl", see, &count);
        llmobs_object_close(&object);
    }
    fuzz_work();
    return 0;
}
