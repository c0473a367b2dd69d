/* choose - the exporter "auto", which finds out where events go: straight to
 * the intake if the configuration says so; else to an agent that is configured
 * or answers; else to the intake if a key is set; else to the local store. The
 * table of docs/OPERATIONS.md ("Where a call goes") has each case.
 *
 * Source: WIRE 2.3.
 */
#ifndef LLMOBS_CHOOSE_H
#define LLMOBS_CHOOSE_H

#include "core/export/exporter.h"

/* Gives the exporter; NULL when memory runs out. */
struct llmobs_exporter *llmobs_choose_new(const struct llmobs_config *config);

#endif
