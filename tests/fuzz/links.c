/* The file of links: whatever is in it, every link that is made leads to a span
 * that this run has left, and a run after it works. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/event/link_table.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/fuzz-links-XXXXXX";
static char path[sizeof(dir) + 8];

static void end(void)
{
    (void)unlink(path);
    (void)rmdir(dir);
}

static void begin(void)
{
    FUZZ_CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/links", dir);
    atexit(end);
}

static struct llmobs_hash128 key_of(const struct llmobs_link_table *table,
                                    unsigned number)
{
    struct llmobs_siphash hash;

    llmobs_link_table_hash(table, 'f', &hash);
    llmobs_siphash_add(&hash, &number, sizeof(number));
    return llmobs_siphash_now(&hash);
}

/* Writes the bytes over the file: to its begin, or into the row of a key. */
static void damage(const struct llmobs_link_table *table, unsigned where,
                   struct llmobs_text bytes)
{
    int fd = open(path, O_RDWR);
    uint64_t row = key_of(table, where % 4).lo % LLMOBS_LINK_ROWS;
    off_t at = where & 64 ? 0
                          : (off_t)((1 + row) * LLMOBS_LINK_ROW *
                                    sizeof(struct llmobs_link_record));

    if (fd < 0)
        return;
    if (where & 128)
        FUZZ_CHECK(ftruncate(fd, (off_t)bytes.len) == 0);
    else if (bytes.len > 0)
        FUZZ_CHECK(pwrite(fd, bytes.data, bytes.len, at) == (ssize_t)bytes.len);
    close(fd);
}

static void put(struct llmobs_link_table *table, unsigned number)
{
    const struct llmobs_link_record record = {.key = key_of(table, number),
                                              .span_id = 1000 + number,
                                              .at_ns = 1 + number};

    llmobs_link_table_put(table, &record);
}

static void check(struct llmobs_link_table *table, unsigned number)
{
    struct llmobs_link_record *found;
    size_t count = llmobs_link_table_find(table, key_of(table, number), &found);

    FUZZ_CHECK(count <= LLMOBS_LINK_ROW);
    for (size_t i = 0; i < count; i++)
        FUZZ_CHECK(found[i].span_id == 1000 + number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};
    struct llmobs_link_table table;

    if (!path[0])
        begin();
    (void)unlink(path);
    llmobs_link_table_init(&table);
    table.path = path;
    while (in.len > 0) {
        unsigned where = fuzz_byte(&in);

        llmobs_link_table_begin(&table);
        put(&table, where % 4);
        damage(&table, where, fuzz_take(&in, FUZZ_CUT));
        llmobs_link_table_end(&table);
        llmobs_link_table_begin(&table);
        for (unsigned i = 0; i < 4; i++)
            check(&table, i);
        if (where & 16)
            llmobs_link_table_drop(&table, key_of(&table, where % 4),
                                   1000 + where % 4);
        llmobs_link_table_end(&table);
    }
    free(table.rows);
    return 0;
}
