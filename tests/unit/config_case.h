/* config_case - a configuration of an environment, and what was complained
 * about while it was read. */
#ifndef LLMOBS_UNIT_CONFIG_CASE_H
#define LLMOBS_UNIT_CONFIG_CASE_H

#include "core/config/config.h"

/* In values that must be in no complaint. */
#define SECRET "Unspeakable4714"

/* Of the last load: the texts, a line each, and how many. */
extern char complaints[16384];
extern int complaint_count;

/* `env` is NULL-terminated; the configuration lives as long as the case. */
struct llmobs_config *config_case_load(const char *const *env);

#define LOAD(...) config_case_load((const char *const[]){__VA_ARGS__, NULL})

#endif
