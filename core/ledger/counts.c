/* Reads and writes a page of counters. */
#include "core/ledger/counts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"

#define MAGIC "llmobs-ledger "
#define VERSION "1"
#define SUM_LEN 19

/* The longest page: a head of 160 bytes, 41 names, the end. */
_Static_assert(200 + LLMOBS_PAGE_COUNTS * (LLMOBS_COUNTS_NAME_MAX + 21) <=
                   LLMOBS_PAGE_SIZE,
               "a page holds so many names");

/* -- numbers ------------------------------------------------------------- */

static size_t find_count(const struct llmobs_counts *counts, const char *name)
{
    size_t i = 0;

    while (i < counts->len && (counts->list[i].name[0] != name[0] ||
                               strcmp(counts->list[i].name, name) != 0))
        i++;
    return i;
}

int llmobs_counts_add(struct llmobs_counts *counts, const char *name,
                      uint64_t value)
{
    size_t len = 0, i = find_count(counts, name);
    struct llmobs_count *count = &counts->list[i];

    if (i == counts->len) {
        /* Only what fits a line of a page, and no control characters, which a
         * terminal would obey. */
        while ((name[len] >= 'a' && name[len] <= 'z') ||
               (name[len] >= '0' && name[len] <= '9') || name[len] == '_')
            len++;
        if (i == LLMOBS_COUNTS_MAX || len == 0 ||
            len >= LLMOBS_COUNTS_NAME_MAX || name[len])
            return -ENOSPC;
        counts->len++;
        count->value = 0;
        memcpy(count->name, name, len + 1);
    }
    len = strlen(name);
    if (len > 3 && strcmp(name + len - 3, "_at") == 0) /* a time */
        count->value = value > count->value ? value : count->value;
    else if (__builtin_add_overflow(count->value, value, &count->value))
        count->value = UINT64_MAX;
    return 0;
}

int llmobs_counts_merge(struct llmobs_counts *counts,
                        const struct llmobs_counts *more)
{
    int rc = 0;

    for (size_t i = 0; i < more->len; i++)
        if (llmobs_counts_add(counts, more->list[i].name,
                              more->list[i].value) != 0)
            rc = -ENOSPC;
    return rc;
}

uint64_t llmobs_counts_get(const struct llmobs_counts *counts, const char *name)
{
    size_t i = find_count(counts, name);

    return i < counts->len ? counts->list[i].value : 0;
}

/* -- pages --------------------------------------------------------------- */

/* Writes the last line, the sum of all before it. */
static size_t write_sum(char *out, const char *text, size_t len)
{
    uint64_t sum = 0xcbf29ce484222325;

    for (size_t i = 0; i < len; i++)
        sum = (sum ^ (unsigned char)text[i]) * 0x100000001b3;
    return (size_t)snprintf(out, SUM_LEN + 1, "= %016" PRIx64 "\n", sum);
}

void llmobs_page_write(const struct llmobs_page *page,
                       char out[LLMOBS_PAGE_SIZE])
{
    const struct llmobs_counts *counts = &page->counts;
    size_t len, lines = 0;

    len = (size_t)snprintf(
        out, LLMOBS_PAGE_SIZE, MAGIC VERSION "\n%" PRIu64 " %" PRIu64 " %s\n",
        page->boot, page->pidns, page->last[0] ? page->last : "-");
    /* Lines "NAME NUMBER". Without printf: a short process writes some 25 as it
     * ends. The page has room (see above). */
    for (size_t i = 0; i < counts->len && lines < LLMOBS_PAGE_COUNTS; i++)
        if (counts->list[i].value > 0 && ++lines) {
            size_t more = strlen(counts->list[i].name);

            memcpy(out + len, counts->list[i].name, more);
            len += more;
            out[len++] = ' ';
            len += llmobs_text_decimal(counts->list[i].value, out + len);
            out[len++] = '\n';
        }
    len += write_sum(out + len, out, len);
    memset(out + len, ' ', LLMOBS_PAGE_SIZE - len);
    out[LLMOBS_PAGE_SIZE - 1] = '\n';
}

/* Without strtoull, as the page is written without printf. */
static uint64_t read_number(char **at)
{
    uint64_t value = 0;

    for (; **at >= '0' && **at <= '9'; ++*at)
        value = value * 10 + (uint64_t)(**at - '0');
    return value;
}

int llmobs_page_read(struct llmobs_page *page, const char *text, size_t len)
{
    char copy[LLMOBS_PAGE_SIZE + 1], sum[SUM_LEN + 1], *end, *line, *name;
    const size_t magic = strlen(MAGIC);
    char *lines = copy + magic + 2;

    memset(page, 0, sizeof(*page));
    if (len <= magic + 1 || memcmp(text, MAGIC, magic) != 0)
        return -EBADMSG;
    if (memcmp(text + magic, VERSION "\n", 2) != 0)
        return -EPROTONOSUPPORT;
    if (len != LLMOBS_PAGE_SIZE)
        return -EBADMSG;
    memcpy(copy, text, len);
    copy[len] = '\0';
    end = strstr(copy + magic, "\n= ");
    if (!end)
        return -EBADMSG;
    write_sum(sum, copy, (size_t)(end + 1 - copy));
    if (strncmp(end + 1, sum, SUM_LEN) != 0)
        return -EBADMSG;
    *end = '\0';
    line = strsep(&lines, "\n");
    page->boot = read_number(&line);
    line += *line == ' ';
    page->pidns = read_number(&line);
    if (*line++ != ' ' || strlen(line) >= sizeof(page->last))
        return -EBADMSG;
    if (strcmp(line, "-") != 0)
        memcpy(page->last, line, strlen(line) + 1);
    while ((line = strsep(&lines, "\n")) != NULL) {
        name = strsep(&line, " ");
        if (!line ||
            llmobs_counts_add(&page->counts, name, read_number(&line)) != 0)
            return -EBADMSG;
    }
    return 0;
}
