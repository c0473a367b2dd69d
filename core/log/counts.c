#include "core/log/counts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
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

/* True for a name that fits a line of a page, and has no control characters
 * that a terminal would obey. */
static bool name_is_good(const char *name)
{
    size_t len = 0;

    while ((name[len] >= 'a' && name[len] <= 'z') ||
           (name[len] >= '0' && name[len] <= '9') || name[len] == '_')
        len++;
    return len > 0 && len < LLMOBS_COUNTS_NAME_MAX && name[len] == '\0';
}

static bool is_named(const struct llmobs_counts *counts, size_t i,
                     const char *name)
{
    return counts->list[i].name[0] == name[0] &&
           strcmp(counts->list[i].name, name) == 0;
}

/* Looks at `first` before the rest: lists that are merged mostly have one
 * order. */
static const struct llmobs_count *find_count(const struct llmobs_counts *counts,
                                             const char *name, size_t first)
{
    if (first < counts->len && is_named(counts, first, name))
        return &counts->list[first];
    for (size_t i = 0; i < counts->len; i++)
        if (is_named(counts, i, name))
            return &counts->list[i];
    return NULL;
}

int llmobs_counts_append(struct llmobs_counts *counts, const char *name,
                         uint64_t value)
{
    struct llmobs_count *count = &counts->list[counts->len];

    if (counts->len >= LLMOBS_COUNTS_MAX || !name_is_good(name))
        return -ENOSPC;
    counts->len++;
    count->value = value;
    memcpy(count->name, name, strlen(name) + 1);
    return 0;
}

static int add_count(struct llmobs_counts *counts, const char *name,
                     uint64_t value, size_t first)
{
    struct llmobs_count *count =
        (struct llmobs_count *)find_count(counts, name, first);
    size_t len = strlen(name);

    if (!count)
        return llmobs_counts_append(counts, name, value);
    if (len > 3 && strcmp(name + len - 3, "_at") == 0) /* a time */
        count->value = value > count->value ? value : count->value;
    else if (__builtin_add_overflow(count->value, value, &count->value))
        count->value = UINT64_MAX;
    return 0;
}

int llmobs_counts_add(struct llmobs_counts *counts, const char *name,
                      uint64_t value)
{
    return add_count(counts, name, value, counts->len);
}

int llmobs_counts_merge(struct llmobs_counts *counts,
                        const struct llmobs_counts *more)
{
    int rc = 0;

    for (size_t i = 0; i < more->len && !rc; i++)
        rc = add_count(counts, more->list[i].name, more->list[i].value, i);
    return rc;
}

uint64_t llmobs_counts_get(const struct llmobs_counts *counts, const char *name)
{
    const struct llmobs_count *count = find_count(counts, name, counts->len);

    return count ? count->value : 0;
}

/* -- pages --------------------------------------------------------------- */

static uint64_t checksum(const char *text, size_t len)
{
    uint64_t sum = 0xcbf29ce484222325;

    for (size_t i = 0; i < len; i++)
        sum = (sum ^ (unsigned char)text[i]) * 0x100000001b3;
    return sum;
}

/* Writes "NAME NUMBER" as a line; gives its length. Without printf: a short
 * process writes a page of some 25 lines as it ends. The page has room (see
 * above). */
static size_t write_line(char *out, const struct llmobs_count *count)
{
    size_t len = strlen(count->name);
    char digits[21];
    size_t more = llmobs_text_decimal(count->value, digits);

    memcpy(out, count->name, len);
    out[len++] = ' ';
    memcpy(out + len, digits, more);
    len += more;
    out[len++] = '\n';
    return len;
}

/* Writes the last line, the sum of all before it. */
static size_t write_sum(char *out, const char *text, size_t len)
{
    return (size_t)snprintf(out, SUM_LEN + 1, "= %016" PRIx64 "\n",
                            checksum(text, len));
}

void llmobs_page_write(const struct llmobs_page *page,
                       char out[LLMOBS_PAGE_SIZE])
{
    const struct llmobs_counts *counts = &page->counts;
    size_t len, lines = 0;

    len = (size_t)snprintf(
        out, LLMOBS_PAGE_SIZE, MAGIC VERSION "\n%" PRIu64 " %" PRIu64 " %s\n",
        page->boot, page->pidns, page->last[0] ? page->last : "-");
    for (size_t i = 0; i < counts->len && lines < LLMOBS_PAGE_COUNTS; i++)
        if (counts->list[i].value > 0 && ++lines)
            len += write_line(out + len, &counts->list[i]);
    len += write_sum(out + len, out, len);
    memset(out + len, ' ', LLMOBS_PAGE_SIZE - len);
    out[LLMOBS_PAGE_SIZE - 1] = '\n';
}

/* Without strtoull, as write_line is without printf. */
static uint64_t read_number(char **at)
{
    uint64_t value = 0;

    for (; **at >= '0' && **at <= '9'; ++*at)
        value = value * 10 + (uint64_t)(**at - '0');
    return value;
}

/* Reads the lines between the magic and the sum. A page has each name once, as
 * its writer's list has. */
static int read_lines(struct llmobs_page *page, char *text)
{
    char *line = strsep(&text, "\n"), *name;

    page->boot = read_number(&line);
    line += *line == ' ';
    page->pidns = read_number(&line);
    if (*line++ != ' ' || strlen(line) >= sizeof(page->last))
        return -EBADMSG;
    if (strcmp(line, "-") != 0)
        memcpy(page->last, line, strlen(line) + 1);
    while ((line = strsep(&text, "\n")) != NULL) {
        name = strsep(&line, " ");
        if (!line ||
            llmobs_counts_append(&page->counts, name, read_number(&line)) != 0)
            return -EBADMSG;
    }
    return 0;
}

int llmobs_page_read(struct llmobs_page *page, const char *text, size_t len)
{
    char copy[LLMOBS_PAGE_SIZE + 1], sum[SUM_LEN + 1], *end;
    const size_t magic = strlen(MAGIC);

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
    return read_lines(page, copy + magic + 2);
}
