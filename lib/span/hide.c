/* Overwrites a credential with stars. */
#include "lib/span/hide.h"

#include <stdbool.h>
#include <string.h>

#include "lib/span/mask.h"

#define KEEP 4
#define KEEP_FROM 12

static bool is_printable(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x20 || text[i] > 0x7e || text[i] == '\\')
            return false;
    return true;
}

/* True for a note that redact.h left. */
static bool is_redacted(const char *value, size_t len)
{
    static const char lead[] = "[redacted";
    size_t from = sizeof(lead) - 1;

    if (len <= from || memcmp(value, lead, from) != 0 || value[len - 1] != ']')
        return false;
    for (size_t i = from; i + 1 < len; i++)
        if (!llmobs_mask_is_alnum(value[i]) && !strchr(":_-", value[i]))
            return false;
    return true;
}

void llmobs_hide_secret(char *value, size_t len)
{
    if (is_redacted(value, len))
        return;
    if (len >= KEEP_FROM && is_printable(value, len))
        len -= KEEP;
    memset(value, '*', len);
}
