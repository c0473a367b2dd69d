/* lacking - what lacking.c and lacking_tool.c share. */
#ifndef LLMOBS_LACKING_H
#define LLMOBS_LACKING_H

#define HIDDEN __attribute__((visibility("hidden")))
#define MAYBE __attribute__((weak))

/* glibc up to 2.32 takes the version of struct stat as an argument. */
#ifdef __x86_64__
#define STAT_VERSION 1
#else
#define STAT_VERSION 0
#endif

#endif
