/* Finds the trace id at the end of a span's line. */
#include "cli/shared/tail.h"

#include <string.h>

static const char key[] = "\"trace_id\":";

/* True where the key ends at `at`, and is one: no text has an unescaped quote.
 * False for feedback, where a number, its time, stands before the key; a span
 * has the list of its tags there. */
static bool has_trace_key(struct llmobs_text line, const char *at)
{
    size_t len = sizeof(key) - 1;

    while (at > line.data && at[-1] == ' ')
        at--;
    if ((size_t)(at - line.data) <= len || memcmp(at - len, key, len) != 0 ||
        at[-(ptrdiff_t)len - 1] == '\\')
        return false;
    at -= len;
    while (at > line.data && (at[-1] == ' ' || at[-1] == ','))
        at--;
    return at == line.data || at[-1] < '0' || at[-1] > '9';
}

struct llmobs_text llmobs_tail_trace(struct llmobs_text line)
{
    struct llmobs_text none = {NULL, 0};
    const char *stop = line.data + line.len - 2;
    const char *at;

    if (line.len < sizeof(key) + 2 || memcmp(stop, "\"}", 2) != 0)
        return none;
    at = memrchr(line.data, '"', (size_t)(stop - line.data));
    if (!at || memchr(at, '\\', (size_t)(stop - at)) ||
        !has_trace_key(line, at))
        return none;
    return (struct llmobs_text){at + 1, (size_t)(stop - at) - 1};
}
