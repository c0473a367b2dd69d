/* ledger_case - a ledger of its own for each test, and processes that count in
 * it and end one way or the other. */
#ifndef LLMOBS_LEDGER_CASE_H
#define LLMOBS_LEDGER_CASE_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/ledger/ledger.h"
#include "tests/unit/unit.h"

extern char ledger_base[UNIT_DIRECTORY],
    ledger_at[128]; /* its store, its directory */
extern struct llmobs_config ledger_config;
extern struct llmobs_ledger ledger_seen; /* by the last ledger_look */

void ledger_begin(void);
void ledger_end(void);
void ledger_count(uint64_t captured, uint64_t delivered);

/* Runs in a child, which ends without any handler. */
pid_t ledger_fork(void (*run)(void));
void ledger_in_child(void (*run)(void));

/* Of 4 captured: 3 delivered, 1 unconfirmed, and an ordinary end; or 1
 * delivered, 3 pending, and none. */
void ledger_live_and_close(void);
void ledger_live_and_die(void);

/* How many files there are, and the name of one record of them. */
size_t ledger_files(char record[256]);

void ledger_look(void);
uint64_t ledger_ended(const char *name);
uint64_t ledger_living(const char *name);
bool ledger_adds_up(const struct llmobs_counts *counts);

/* A record that this process could write: 1 captured, 1 pending. */
struct llmobs_page ledger_page_of_mine(void);

#endif
