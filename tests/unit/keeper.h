/* keeper - an exporter for tests, which keeps the events that it gets.
 *
 * Owns:    the texts of KEEPER_EVENTS events, each cut at KEEPER_TEXT bytes.
 * Threads: the worker's writes; a test reads once it has stopped.
 */
#ifndef LLMOBS_TEST_KEEPER_H
#define LLMOBS_TEST_KEEPER_H

#include "core/export/exporter.h"

#define KEEPER_EVENTS 64
#define KEEPER_TEXT 4096

extern char keeper_events[KEEPER_EVENTS][KEEPER_TEXT];
extern int keeper_count; /* set to 0 by a test that begins */
extern struct llmobs_exporter keeper;

#endif
