#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/config.h"

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
