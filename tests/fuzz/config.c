/* A configuration file, or (first byte odd) an environment, a variable a line.
 * The shim reads two of a file's names by itself, and must agree. */
#include <string.h>

#include "core/config/config.h"
#include "shim/conf.h"
#include "tests/fuzz/fuzz.h"

#define VARIABLES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hear(void *ctx, const char *text)
{
    (void)ctx;
    FUZZ_CHECK(!strpbrk(text, "\r\n"));
}

static void check_file(struct llmobs_text in)
{
    const char *path = fuzz_file(in);
    char variable[96] = "LLMOBS_CONFIG=";
    const char *const env[] = {variable, NULL};
    struct llmobs_config *config;
    struct llmobs_conf conf;

    strcat(variable, path);
    config = llmobs_config_load(env, hear, NULL);
    llmobs_conf_read(path, &conf);
    if (config)
        FUZZ_CHECK(config->enabled == conf.enabled);
    llmobs_config_free(config);
}

static void check_environment(struct llmobs_text in)
{
    const char *env[VARIABLES + 1] = {NULL};
    struct llmobs_config *config;
    size_t n = 0;

    while (in.len && n < VARIABLES)
        env[n++] = fuzz_string(fuzz_take(&in, '\n'));
    config = llmobs_config_load(env, hear, NULL);
    llmobs_config_free(config);
    while (n > 0)
        free((void *)(uintptr_t)env[--n]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};

    if (fuzz_byte(&in) % 2)
        check_environment(in);
    else
        check_file(in);
    return 0;
}
