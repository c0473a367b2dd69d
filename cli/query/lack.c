#include "cli/query/lack.h"

#include <stdio.h>
#include <string.h>

#include "cli/query/cost.h"

void llmobs_lack_add(struct llmobs_lack *lack, const struct llmobs_row *row)
{
    if (strcmp(row->kind, "llm") != 0 || row->failed ||
        row->input_tokens >= 0 || row->output_tokens >= 0)
        return;
    lack->calls++;
    lack->streams += row->first_token >= 0 ? 1 : 0;
}

const char *llmobs_lack_note(const struct llmobs_lack *lack,
                             char room[LLMOBS_LACK_NOTE])
{
    bool streams = lack->streams > 0;
    size_t count = streams ? lack->streams : lack->calls;
    char number[LLMOBS_COST_TEXT];

    snprintf(number, sizeof(number), "%zu", count);
    llmobs_cost_group(number);
    room[0] = '\0';
    if (count > 0)
        snprintf(room, LLMOBS_LACK_NOTE, "%s %scall%s told no tokens%s", number,
                 streams ? "streamed " : "", count == 1 ? "" : "s",
                 streams ? LLMOBS_LACK_REMEDY : "");
    return room;
}
