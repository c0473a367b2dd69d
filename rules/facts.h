/* facts - the facts of a call that follow from its address, for any dialect
 * (WIRE 9.1): where it went, by whose API, for which operation.
 *
 * Owns:    nothing.
 * Threads: any.
 * Errors:  none: a fact that is not known is left out.
 */
#ifndef LLMOBS_RULES_FACTS_H
#define LLMOBS_RULES_FACTS_H

#include "rules/custom.h"

void llmobs_rules_facts(const struct llmobs_rule *rule,
                        const struct llmobs_classified *classified,
                        struct llmobs_span *span);

#endif
