/* spool_case - a spool of its own for each test, and who adopts from it. */
#ifndef LLMOBS_UNIT_SPOOL_CASE_H
#define LLMOBS_UNIT_SPOOL_CASE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/config/config.h"
#include "core/log/adopt.h"
#include "core/log/spool.h"
#include "tests/unit/unit.h"

extern char base[UNIT_DIRECTORY]; /* a directory for all of the test */
extern char place[96];            /* the spool in it */
extern struct llmobs_config config;
extern struct llmobs_spool *spool;
extern struct llmobs_adopt *adopt;

/* The calls that spool_adopt_all came upon, and the last of them. */
extern unsigned calls, killed, events;
extern struct llmobs_adopted last;

/* Gives a call with an answer of so many bytes. */
struct llmobs_exchange *spool_make(size_t more);

/* A call's BEGIN and END, as many bytes more in it; gives its place. */
struct llmobs_spooled spool_keep(size_t more);

/* The same beside threads that begin the spool: a call waits for them for some
 * milliseconds only, which a busy host may need for itself. Then the call is
 * in memory alone; here it tries again. */
struct llmobs_spooled spool_keep_patiently(size_t more);

/* The first part of the names of our own process's files; "" without a name. */
const char *spool_prefix(void);

/* The files of our own process. */
int spool_files(void);

/* Processes that have files in the spool. */
int spool_dirs(void);

/* Runs in a process that ends as if it had been killed. */
void spool_in_dead(void (*run)(void));

/* Adopts all there is, and lets go of each or gives it back. */
void spool_adopt_all(bool let_go);

/* Frees nothing at the end of this test: a thread of it goes on with them. */
void spool_abandon(void);

/* The fixture of a file's tests: UNIT_FIXTURE(spool_begin, spool_end). */
void spool_begin(void);
void spool_end(void);

#endif
