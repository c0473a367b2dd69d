/* pages - texts of an app that end where their page does and are taken back
 * page and all: who reads them at another time than libcurl dies. */
#ifndef LLMOBS_PAGES_H
#define LLMOBS_PAGES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <curl/curl.h>

#define PAGE 4096

/* CURLOPT_PREREQFUNCTION and its data, since 7.80. */
#define PREREQFUNCTION ((CURLoption)20312)
#define PREREQDATA ((CURLoption)10313)

#define ASKS(what)                                            \
    "{\"model\": \"gpt-4o-mini\", \"messages\": [{\"role\": " \
    "\"user\", \"content\": \"" what "\"}]}"

/* A body and the one that takes its place, of one length. */
static const char *const texts[] = {ASKS("say hello to the test"),
                                    ASKS("now something newer 1")};

/* Ends with its page, with its NUL where it is to have one. */
static inline char *paged(const char *text, bool ended)
{
    size_t len = strlen(text) + ended;
    char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED || mprotect(page + PAGE, PAGE, PROT_NONE) != 0)
        exit(3);
    return memcpy(page + PAGE - len, text, len);
}

/* Never given to anybody else again: addresses of other options stay others.
 */
static inline void unpage(void *text)
{
    char *at = text;

    mprotect(at - (uintptr_t)at % PAGE, PAGE, PROT_NONE);
}

#endif
