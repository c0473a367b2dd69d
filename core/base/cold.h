/* cold - where zeros lie that few processes touch.
 *
 * Every page that is written to costs a process a fault, some 0.7 us: what is
 * small and always used lies together, and these arrays behind it. The linker
 * sorts by the names (Makefile).
 *
 * Owns, Threads, Errors, Limits, Fork: nothing.
 */
#ifndef LLMOBS_COLD_H
#define LLMOBS_COLD_H

#include "core/base/sanitizer.h"

/* What is in a section of its own ASan does not watch the ends of. */
#if LLMOBS_ASAN
#define LLMOBS_COLD_FIRST
#define LLMOBS_COLD
#else
/* Of this one each process uses the beginning. */
#define LLMOBS_COLD_FIRST __attribute__((section(".bss.cold1")))
#define LLMOBS_COLD __attribute__((section(".bss.cold2")))
#endif

#endif
