#include "core/log/counts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"

#define MAGIC "llmobs-ledger "
#define VERSION "1"

/* The longest page: a head of 160 bytes, 41 names, the end. */
_Static_assert(200 + LLMOBS_COUNTS_MAX * (LLMOBS_COUNTS_NAME_MAX + 21) <=
                   LLMOBS_PAGE_SIZE,
               "a page holds every name");

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

void llmobs_page_write(const struct llmobs_page *page,
                       char out[LLMOBS_PAGE_SIZE])
{
    const struct llmobs_counts *counts = &page->counts;
    size_t len;

    len = (size_t)snprintf(
        out, LLMOBS_PAGE_SIZE, MAGIC VERSION "\n%" PRIu64 " %" PRIu64 " %s\n",
        page->boot, page->pidns, page->last[0] ? page->last : "-");
    for (size_t i = 0; i < counts->len; i++)
        len += write_line(out + len, &counts->list[i]);
    len += (size_t)snprintf(out + len, LLMOBS_PAGE_SIZE - len,
                            "= %016" PRIx64 "\n", checksum(out, len));
    memset(out + len, ' ', LLMOBS_PAGE_SIZE - len);
    out[LLMOBS_PAGE_SIZE - 1] = '\n';
}

/* Cuts the next line out of *at; NULL at the end. */
static char *cut_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');

    if (!end)
        return NULL;
    *end = '\0';
    *at = end + 1;
    return line;
}

static bool read_number(const char *text, int base, uint64_t *out)
{
    uint64_t value = 0;

    if (*text == '\0')
        return false;
    for (; *text; text++) {
        int digit = *text >= '0' && *text <= '9'   ? *text - '0'
                    : *text >= 'a' && *text <= 'f' ? *text - 'a' + 10
                                                   : base;

        if (digit >= base ||
            __builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return false;
    }
    *out = value;
    return true;
}

static int read_head(struct llmobs_page *page, char *line)
{
    char *boot = line ? strsep(&line, " ") : NULL;
    char *pidns = line ? strsep(&line, " ") : NULL;

    if (!boot || !pidns || !line || strlen(line) >= sizeof(page->last) ||
        !read_number(boot, 10, &page->boot) ||
        !read_number(pidns, 10, &page->pidns))
        return -EBADMSG;
    if (strcmp(line, "-") != 0)
        memcpy(page->last, line, strlen(line) + 1);
    return 0;
}

/* A page has each name once, as its writer's list has. */
static int read_count(struct llmobs_page *page, char *line)
{
    char *name = strsep(&line, " ");
    uint64_t value;

    if (!line || !read_number(line, 10, &value) ||
        llmobs_counts_append(&page->counts, name, value) != 0)
        return -EBADMSG;
    return 0;
}

/* Checks the sum, and cuts the text behind the lines that it covers. */
static bool check_sum(char *text)
{
    char *end = strstr(text, "\n= ");
    uint64_t sum;

    if (!end)
        return false;
    end[3 + 16] = '\0';
    if (!read_number(end + 3, 16, &sum))
        return false;
    end[1] = '\0';
    return sum == checksum(text, (size_t)(end + 1 - text));
}

static int read_lines(struct llmobs_page *page, char *text)
{
    char *at = text, *line;
    int rc;

    if (!check_sum(text))
        return -EBADMSG;
    cut_line(&at); /* the magic */
    rc = read_head(page, cut_line(&at));
    while (!rc && (line = cut_line(&at)) != NULL)
        rc = read_count(page, line);
    return rc;
}

int llmobs_page_read(struct llmobs_page *page, const char *text, size_t len)
{
    char copy[LLMOBS_PAGE_SIZE + 32];
    const size_t magic = strlen(MAGIC);

    memset(page, 0, sizeof(*page));
    if (len <= magic + 1 || memcmp(text, MAGIC, magic) != 0)
        return -EBADMSG;
    if (memcmp(text + magic, VERSION "\n", 2) != 0)
        return -EPROTONOSUPPORT;
    if (len != LLMOBS_PAGE_SIZE)
        return -EBADMSG;
    memcpy(copy, text, len);
    memset(copy + len, 0, sizeof(copy) - len);
    return read_lines(page, copy);
}
