/* cold - puts large arrays of zeros that few processes use behind all other
 * variables.
 *
 * The first write to a page costs a process a fault, some 0.7 us. So the small
 * variables that every process uses lie together, in few pages, and these
 * arrays lie behind them: the linker sorts the sections by name (Makefile).
 */
#ifndef LLMOBS_COLD_H
#define LLMOBS_COLD_H

#include "lib/base/sanitizer.h"

/* ASan does not watch the ends of a variable in a section of its own: with it,
 * the arrays stay where the compiler puts them. */
#if LLMOBS_ASAN
#define LLMOBS_COLD_FIRST
#define LLMOBS_COLD
#else
/* For an array of which each process uses the beginning. */
#define LLMOBS_COLD_FIRST __attribute__((section(".bss.cold1")))
#define LLMOBS_COLD __attribute__((section(".bss.cold2")))
#endif

#endif
