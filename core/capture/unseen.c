/* Logs and counts objects that may call libcurl past the library. */
#include "core/capture/unseen.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/stats.h"
#include "lib/base/wrapped_names.h"

#define NAMES_LEN 400
#define BITS 64

static const struct llmobs_wrappers *wrappers;
static atomic_bool reported[LLMOBS_WRAPPERS];

void llmobs_unseen_watch(const struct llmobs_wrappers *the_wrappers)
{
    wrappers = the_wrappers;
}

/* The functions without which no handle makes a call. */
static bool is_needed_first(const char *name)
{
    static const char *const first[] = {"curl_easy_init", "curl_easy_setopt",
                                        "curl_easy_perform",
                                        "curl_multi_add_handle"};
    bool found = false;

    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
        found |= strcmp(first[i], name) == 0;
    return found;
}

/* The functions of one object whose calls the library does not see. An object
 * may define functions of libcurl and ask the loader for libcurl's own later,
 * so these count only with `last`, or if one of them is one that every call
 * needs. */
static uint64_t hidden_by(const struct llmobs_wrapper *one, bool last)
{
    uint64_t strays = __atomic_load_n(&one->strays, __ATOMIC_ACQUIRE);
    uint64_t defines = __atomic_load_n(&one->defines, __ATOMIC_ACQUIRE);
    bool first = last;

    if (__atomic_load_n(&one->reaches, __ATOMIC_ACQUIRE))
        return strays;
    for (unsigned i = 0; i < BITS && !first; i++)
        first = (defines >> i & 1) && is_needed_first(wrappers->name(i));
    return first ? strays | defines : strays;
}

bool llmobs_unseen_any(void)
{
    return wrappers && __atomic_load_n(&wrappers->unseen, __ATOMIC_ACQUIRE);
}

void llmobs_unseen_report(bool last)
{
    if (!llmobs_unseen_any())
        return;
    for (size_t i = 0; i < LLMOBS_WRAPPERS; i++) {
        const struct llmobs_wrapper *one = &wrappers->list[i];
        const char *path = __atomic_load_n(&one->path, __ATOMIC_ACQUIRE);
        uint64_t hidden = path ? hidden_by(one, last) : 0;
        char names[NAMES_LEN] = "";
        size_t len = 0;

        if (!hidden || atomic_exchange(&reported[i], true))
            continue;
        for (unsigned k = 0; k < BITS && len < sizeof(names); k++)
            if (hidden >> k & 1)
                len +=
                    (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
                                     len ? ", " : "", wrappers->name(k));
        llmobs_log(
            LLMOBS_LOG_WARN,
            "%s has functions of libcurl of its own, or got libcurl's by a "
            "way that is not watched: if the program calls %s by it, that "
            "is not seen",
            *path ? path : "the program", names);
        llmobs_stats_add(LLMOBS_STAT_wrapped, 1);
        llmobs_wrapped_add(path);
    }
}
