/* The first look at a request without a body. Every GET of a program passes
 * here, so this is one walk over the URL, and the code that reads URLs and
 * knows hosts is not even mapped for it. */
#include <string.h>

#include "rules/rules.h"

/* Segments of paths. Each bodyless shape whose path shows it has such a
 * segment, not as its last; or a query. tests/unit/test_rules.c proves it. */
static bool is_place(const char *at)
{
    switch (*at) {
    case 'b':
        return strncmp(at, "batches/", strlen("batches/")) == 0 ||
               strncmp(at, "batch/jobs/", strlen("batch/jobs/")) == 0;
    case 'd':
        return strncmp(at, "deferred-", strlen("deferred-")) == 0;
    case 'g':
        return strncmp(at, "get_result", strlen("get_result")) == 0;
    case 'i':
        return strncmp(at, "interactions/", strlen("interactions/")) == 0;
    case 'o':
        return strncmp(at, "operations/", strlen("operations/")) == 0;
    case 'p':
        return strncmp(at, "predictions/", strlen("predictions/")) == 0;
    case 'r':
        return strncmp(at, "responses/", strlen("responses/")) == 0 ||
               strncmp(at, "requests/", strlen("requests/")) == 0;
    case 's':
        return strncmp(at, "sessions/sesn_", strlen("sessions/sesn_")) == 0 ||
               (strncmp(at, "stream?", strlen("stream?")) == 0 &&
                strstr(at, "conv_id="));
    case 't':
        return strncmp(at, "transcript/", strlen("transcript/")) == 0 ||
               strncmp(at, "tasks/", strlen("tasks/")) == 0;
    case 'v':
        return strncmp(at, "videos/", strlen("videos/")) == 0;
    default:
        return false;
    }
}

bool llmobs_rules_fetches(const char *url)
{
    for (; *url; url++)
        if (*url == '/' && is_place(url + 1))
            return true;
    return false;
}
