/* Runs `llmobs completion`: the scripts, and the words for shells. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/query/metrics.h"
#include "cli/query/tools.h"
#include "cli/query/values.h"
#include "cli/shared/cli.h"
#include "cli/shared/embed.h"
#include "cli/shared/escape.h"
#include "cli/shared/options.h"
#include "cli/shared/reader.h"
#include "cli/shared/tell.h"
#include "core/config/config.h"
#include "core/config/state_dir.h"
#include "lib/span/span.h"

LLMOBS_EMBED(llmobs_completion_bash, "packaging/completion/llmobs.bash");
LLMOBS_EMBED(llmobs_completion_zsh, "packaging/completion/_llmobs");
LLMOBS_EMBED(llmobs_completion_fish, "packaging/completion/llmobs.fish");

static const char help_text[] =
    "usage: llmobs completion bash|zsh|fish\n"
    "\n"
    "Prints the file by which that shell completes commands, options, and the\n"
    "values that the newest spans have. It is installed with the tool; "
    "without\n"
    "that, as from a checkout, one of these lines loads it:\n"
    "\n"
    "    source <(llmobs completion bash)\n"
    "    source <(llmobs completion zsh)\n"
    "    llmobs completion fish | source\n";

/* Prints the words of an option whose values are words of this program, or that
 * people often give. */
static bool print_words(const char *option)
{
    static const char *const choices[][2] = {
        {"color", "auto\nalways\nnever"},
        {"to", "agent\nagentless\notlp\nstore"},
        {"step", "1m\n5m\n1h\n1d"},
        {"since", "10m\n1h\n1d\n7d"},
    };
    bool by = strcmp(option, "by") == 0;
    int use = by ? LLMOBS_KEY_GROUP : LLMOBS_KEY_FIELD;

    for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++)
        if (strcmp(option, choices[i][0]) == 0)
            return puts(choices[i][1]) >= 0;
    if (strcmp(option, "timeseries") == 0) {
        for (int i = 0; i < LLMOBS_METRIC_COUNT; i++)
            puts(llmobs_metric_words((enum llmobs_metric)i)->word);
        return puts("latency\nttft\ntokens\nevals\neval:") >= 0;
    }
    if (strcmp(option, "kind") == 0) {
        for (int i = LLMOBS_KIND_LLM; i <= LLMOBS_KIND_RETRIEVAL; i++)
            puts(llmobs_kind_name((enum llmobs_kind)i));
        return true;
    }
    if (!by && strcmp(option, "fields") != 0)
        return false;
    for (int i = 0; i < LLMOBS_KEY_TAG; i++)
        if (llmobs_key_words((enum llmobs_key)i)->uses & use)
            puts(llmobs_key_words((enum llmobs_key)i)->word);
    return puts("tag:\neval:") >= 0;
}

/* Answers the completion files, which hide all messages and ask for the values
 * of each option that they do not know. */
static int complete(const char *member, const char *store)
{
    struct llmobs_config *config = llmobs_cli_config(store);
    struct llmobs_reader *reader = NULL;
    struct llmobs_values values;
    char dir[PATH_MAX], room[LLMOBS_ESCAPE_NAME];
    int rc = -ENOMEM;

    if (config)
        rc = llmobs_config_store_dir(config, dir, sizeof(dir));
    if (rc == 0)
        rc = llmobs_reader_open(dir, &reader);
    llmobs_tools_of(dir);
    if (rc == 0) {
        rc = llmobs_values_read(&values, reader, member);
        /* Leaves out a value that a terminal shows with escapes: the user could
         * not type it. */
        for (size_t i = 0; rc == 0 && i < values.count; i++)
            if (strcmp(llmobs_escape_name(values.list[i], room),
                       values.list[i]) == 0)
                puts(values.list[i]);
        llmobs_values_fini(&values);
    }
    llmobs_reader_close(reader);
    llmobs_config_free(config);
    return rc == 0         ? LLMOBS_CLI_OK
           : rc == -EINVAL ? LLMOBS_CLI_USAGE /* no spans have such values */
                           : LLMOBS_CLI_FAILED;
}

int llmobs_cmd_completion(int argc, char **argv)
{
    static const struct {
        const char *shell, *from, *to;
    } files[] = {
        {"bash", llmobs_completion_bash, llmobs_completion_bash_end},
        {"zsh", llmobs_completion_zsh, llmobs_completion_zsh_end},
        {"fish", llmobs_completion_fish, llmobs_completion_fish_end},
    };
    const char *shell = argc == 2 ? argv[1] : "";

    if (argc > 1 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help_text, stdout);
        return LLMOBS_CLI_OK;
    }
    if ((argc == 3 || argc == 4) && strcmp(argv[1], "values") == 0)
        return print_words(argv[2])
                   ? LLMOBS_CLI_OK
                   : complete(argv[2], argc == 4 ? argv[3] : NULL);
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        if (strcmp(files[i].shell, shell) == 0) {
            fwrite(files[i].from, 1, (size_t)(files[i].to - files[i].from),
                   stdout);
            return LLMOBS_CLI_OK;
        }
    llmobs_tell("llmobs completion: none for '%s'; one of bash, zsh, fish\n",
                shell);
    return LLMOBS_CLI_USAGE;
}
