/* A configuration file, or (first byte odd) an environment, a variable a line.
 * The shim reads two of a file's names by itself, and must agree. */
#include <string.h>

#include "core/config/config.h"
#include "core/config/config_otlp.h"
#include "lib/text/json_clean.h"
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

/* UTF-8 without a control character. */
static void check_plain(const char *text)
{
    struct llmobs_text rest = {text, strlen(text)};

    while (rest.len) {
        uint32_t point;
        size_t len = llmobs_utf8_decode(rest, &point);

        FUZZ_CHECK(len > 0 && point >= ' ' && point != 0x7f);
        rest.data += len;
        rest.len -= len;
    }
}

/* No bad byte reaches a request or a resource. */
static void check_otlp(const struct llmobs_otlp_config *otlp)
{
    struct llmobs_text rest = {otlp->resource,
                               otlp->resource ? strlen(otlp->resource) : 0};
    struct llmobs_text key, value;
    struct llmobs_buf plain;

    for (int i = 0; i < LLMOBS_SIGNAL_COUNT; i++) {
        const struct llmobs_otlp_signal *signal = &otlp->signals[i];

        check_plain(signal->url);
        FUZZ_CHECK(strstr(signal->url, "://"));
        for (char **header = signal->headers; header && *header; header++) {
            check_plain(*header);
            FUZZ_CHECK(strstr(*header, ": "));
        }
    }
    if (otlp->service)
        check_plain(otlp->service);
    llmobs_buf_init(&plain, 1 << 20);
    while (llmobs_otel_list_next(&rest, &key, &value)) {
        FUZZ_CHECK(llmobs_otel_list_decode(key, true, &plain) == 0);
        FUZZ_CHECK(llmobs_otel_list_decode(value, true, &plain) == 0);
        check_plain(plain.data);
    }
    llmobs_buf_fini(&plain);
}

static void check_environment(struct llmobs_text in)
{
    const char *env[VARIABLES + 1] = {NULL};
    struct llmobs_config *config;
    size_t n = 0;

    while (in.len && n < VARIABLES)
        env[n++] = fuzz_string(fuzz_take(&in, '\n'));
    config = llmobs_config_load(env, hear, NULL);
    if (config)
        check_otlp(&config->otlp);
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
