#include "cli/shared/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config/config.h"

/* The bound of a spool, in bytes, that a command takes care of where the
 * configuration has none. */
#define SPOOL_MAX ((int64_t)256 * 1024 * 1024)

int llmobs_cli_parse(int argc, char **argv, const struct option *options,
                     int (*apply)(void *ctx, int code, const char *value),
                     void *ctx)
{
    int code, rc = 0;

    while (rc == 0 && (code = getopt_long(argc, argv, "h", options, NULL)) >= 0)
        rc = apply(ctx, code, optarg);
    if (rc == 0 && optind < argc) {
        fprintf(stderr, "%s: unexpected argument: %s\n", argv[0], argv[optind]);
        rc = -EINVAL;
    }
    if (rc != 0)
        fprintf(stderr, "`%s --help` tells more.\n", argv[0]);
    return rc;
}

int llmobs_cli_seconds(const char *command, const char *name, const char *value,
                       long *out)
{
    char *end;

    *out = strtol(value, &end, 10);
    if (end != value && *end == '\0' && *out >= 1 &&
        *out <= LLMOBS_CLI_SECONDS_MAX)
        return 0;
    fprintf(stderr, "%s: --%s: 1 to %d seconds\n", command, name,
            LLMOBS_CLI_SECONDS_MAX);
    return -EINVAL;
}

static void ignore(void *ctx, const char *text)
{
    (void)ctx;
    (void)text;
}

struct llmobs_config *llmobs_cli_config(const char *store)
{
    struct llmobs_config *config =
        llmobs_config_load((const char *const *)environ, ignore, NULL);

    if (config == NULL || store == NULL)
        return config;
    free(config->store_dir);
    config->store_dir = strdup(store);
    if (config->store_dir != NULL)
        return config;
    llmobs_config_free(config);
    return NULL;
}

void llmobs_cli_have_spool(struct llmobs_config *config)
{
    if (config->spool_max <= 0)
        config->spool_max = SPOOL_MAX;
}
