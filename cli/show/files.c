#include "cli/show/files.h"

#include <string.h>

#include "cli/shared/embed.h"

LLMOBS_EMBED(llmobs_completion_bash, "packaging/completion/llmobs.bash");
LLMOBS_EMBED(llmobs_completion_zsh, "packaging/completion/_llmobs");
LLMOBS_EMBED(llmobs_completion_fish, "packaging/completion/llmobs.fish");

struct llmobs_text llmobs_completion_file(const char *shell)
{
    static const struct {
        const char *shell, *from, *to;
    } files[] = {
        {"bash", llmobs_completion_bash, llmobs_completion_bash_end},
        {"zsh", llmobs_completion_zsh, llmobs_completion_zsh_end},
        {"fish", llmobs_completion_fish, llmobs_completion_fish_end},
    };

    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        if (strcmp(files[i].shell, shell) == 0)
            return (struct llmobs_text){files[i].from,
                                        (size_t)(files[i].to - files[i].from)};
    return (struct llmobs_text){NULL, 0};
}
