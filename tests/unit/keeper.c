/* Implements an exporter that keeps events. */
#include "tests/unit/keeper.h"

#include <stdio.h>

char keeper_events[KEEPER_EVENTS][KEEPER_TEXT];
int keeper_count;

static int keep(struct llmobs_exporter *exporter,
                const struct llmobs_text *given, size_t count)
{
    (void)exporter;
    for (size_t i = 0; i < count && keeper_count < KEEPER_EVENTS; i++)
        snprintf(keeper_events[keeper_count++], KEEPER_TEXT, "%.*s",
                 (int)given[i].len, given[i].data);
    return (int)count;
}

static void nothing(struct llmobs_exporter *exporter)
{
    (void)exporter;
}

static const struct llmobs_exporter_ops keeps = {
    .name = "keeps", .send = keep, .forget = nothing, .free = nothing};
struct llmobs_exporter keeper = {.ops = &keeps};
