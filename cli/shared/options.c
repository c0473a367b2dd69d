#include "cli/shared/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/shared/escape.h"
#include "cli/shared/suggest.h"
#include "core/config/config.h"

/* The bound of a spool, in bytes, that a command takes care of where the
 * configuration has none. */
#define SPOOL_MAX ((int64_t)256 * 1024 * 1024)

/* The name of the long option that was typed; NULL: it was a letter. */
static const char *long_name(const char *typed, char room[LLMOBS_SUGGEST_MAX])
{
    if (strncmp(typed, "--", 2) != 0)
        return NULL;
    snprintf(room, LLMOBS_SUGGEST_MAX, "%.*s", (int)strcspn(typed + 2, "="),
             typed + 2);
    return room;
}

void llmobs_cli_refuse_option(char **argv, const struct option *options,
                              int code)
{
    char name[LLMOBS_SUGGEST_MAX], shown[LLMOBS_ESCAPE_NAME];
    char letter[] = {'-', (char)optopt, '\0'};
    bool is_letter = strncmp(argv[optind - 1], "--", 2) != 0;
    const char *typed = is_letter ? letter : argv[optind - 1];
    struct llmobs_suggest suggest;

    llmobs_escape_name(typed, shown);
    if (code == ':' || (!is_letter && optopt != 0)) {
        fprintf(stderr, "%s: %s %s\n", argv[0], shown,
                code == ':' ? "needs a value" : "takes no value");
        return;
    }
    llmobs_suggest_init(&suggest, "");
    if (!is_letter && long_name(typed, name) != NULL) {
        llmobs_suggest_init(&suggest, name);
        for (const struct option *at = options; at->name != NULL; at++)
            llmobs_suggest_offer(&suggest, at->name);
    }
    fprintf(stderr, "%s: no such option: %s", argv[0], shown);
    if (suggest.best != NULL)
        fprintf(stderr, "; did you mean --%s?", suggest.best);
    fputc('\n', stderr);
}

/* Hands over the arguments behind the options; refuses the first one where
 * there may be none. */
static int parse_words(int argc, char **argv, bool words,
                       int (*apply)(void *ctx, int code, const char *value),
                       void *ctx)
{
    int rc = 0;

    for (; rc == 0 && optind < argc; optind++) {
        char room[LLMOBS_ESCAPE_NAME];

        if (words) {
            rc = apply(ctx, LLMOBS_CLI_WORD, argv[optind]);
            continue;
        }
        fprintf(stderr, "%s: unexpected argument: %s\n", argv[0],
                llmobs_escape_name(argv[optind], room));
        rc = -EINVAL;
    }
    return rc;
}

static int parse(int argc, char **argv, const char *letters,
                 const struct option *options, bool words,
                 int (*apply)(void *ctx, int code, const char *value),
                 void *ctx)
{
    char shorts[32];
    int code, rc = 0;

    snprintf(shorts, sizeof shorts, ":h%s", letters);
    opterr = 0;
    while (rc == 0 &&
           (code = getopt_long(argc, argv, shorts, options, NULL)) >= 0) {
        if (code == '?' || code == ':') {
            llmobs_cli_refuse_option(argv, options, code);
            rc = -EINVAL;
        } else {
            rc = apply(ctx, code, optarg);
        }
    }
    if (rc == 0)
        rc = parse_words(argc, argv, words, apply, ctx);
    if (rc != 0)
        fprintf(stderr, "`%s --help` tells more.\n", argv[0]);
    return rc;
}

int llmobs_cli_parse(int argc, char **argv, const char *letters,
                     const struct option *options,
                     int (*apply)(void *ctx, int code, const char *value),
                     void *ctx)
{
    return parse(argc, argv, letters, options, false, apply, ctx);
}

int llmobs_cli_parse_words(int argc, char **argv, const char *letters,
                           const struct option *options,
                           int (*apply)(void *ctx, int code, const char *value),
                           void *ctx)
{
    return parse(argc, argv, letters, options, true, apply, ctx);
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

void llmobs_cli_no_store(const char *command, const char *dir)
{
    char room[LLMOBS_ESCAPE_NAME];

    fprintf(stderr,
            "%s: no such directory: %s (nothing was recorded there; `llmobs "
            "doctor` tells why)\n",
            command, llmobs_escape_name(dir, room));
}

void llmobs_cli_have_spool(struct llmobs_config *config)
{
    if (config->spool_max <= 0)
        config->spool_max = SPOOL_MAX;
}
