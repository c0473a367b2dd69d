/* sanitizer - tells the sanitizer of this build, by GCC or clang. */
#ifndef LLMOBS_SANITIZER_H
#define LLMOBS_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define LLMOBS_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define LLMOBS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LLMOBS_ASAN 1
#elif __has_feature(thread_sanitizer)
#define LLMOBS_TSAN 1
#endif
#endif

#ifndef LLMOBS_ASAN
#define LLMOBS_ASAN 0
#endif
#ifndef LLMOBS_TSAN
#define LLMOBS_TSAN 0
#endif

#endif
