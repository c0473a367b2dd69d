/* lacking - what lacking.c and lacking_tool.c share. */
#ifndef LLMOBS_LACKING_H
#define LLMOBS_LACKING_H

#define HIDDEN __attribute__((visibility("hidden")))
#define MAYBE __attribute__((weak))

/* The version of struct stat that the kernel's is: glibc up to 2.32 asks. */
#ifdef __x86_64__
#define STAT_VERSION 1
#else
#define STAT_VERSION 0
#endif

#endif
