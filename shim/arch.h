/* arch - the relocation numbers that differ between processors.
 *
 * Only these three kinds of relocation hold the address of a function by its
 * name. On both processors all arguments of the libcurl functions travel in
 * registers, also the one behind "...".
 */
#ifndef LLMOBS_ARCH_H
#define LLMOBS_ARCH_H

#include <elf.h>

#if defined(__x86_64__) && defined(__LP64__)
#define LLMOBS_R_JUMP_SLOT R_X86_64_JUMP_SLOT
#define LLMOBS_R_GLOB_DAT R_X86_64_GLOB_DAT
#define LLMOBS_R_ABS64 R_X86_64_64
#define LLMOBS_R_COPY R_X86_64_COPY
#elif defined(__aarch64__) && defined(__LP64__)
#define LLMOBS_R_JUMP_SLOT R_AARCH64_JUMP_SLOT
#define LLMOBS_R_GLOB_DAT R_AARCH64_GLOB_DAT
#define LLMOBS_R_ABS64 R_AARCH64_ABS64
#define LLMOBS_R_COPY R_AARCH64_COPY
#else
#error "64-bit x86 and ARM only"
#endif

#endif
