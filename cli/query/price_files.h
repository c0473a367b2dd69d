/* price_files - loads the tables of prices that LLMOBS_PRICES names, or the one
 * that ships with the tool.
 *
 * Threads: one: it reads the environment.
 * Errors:  -errno, -EFBIG, those of llmobs_prices_add; the messages are on
 *          stderr then.
 * Limits:  LLMOBS_PRICE_FILES_MAX bytes of a file.
 *
 * Nothing is fetched.
 */
#ifndef LLMOBS_PRICE_FILES_H
#define LLMOBS_PRICE_FILES_H

#include "cli/query/prices.h"

#define LLMOBS_PRICE_FILES_MAX (16u * 1024 * 1024)

/* Gives the prices, without the files that cannot be read; NULL where there are
 * none. The answer is the first error. `command` names the messages. */
int llmobs_price_files_load(const char *command, struct llmobs_prices **out);

#endif
