/* A spool that a dead process left. First byte: 2: what is delivered
 * is noted. Then entries, each ended by FUZZ_CUT: type, flags (1:
 * whole; 2: struck; 4: half of it), and its fields as they stand. The
 * target reads each entry that would be delivered as far as its span. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/event/to_span.h"
#include "lib/span/content_filter.h"
#include "lib/span/span.h"
#include "core/log/adopt.h"
#include "core/log/item_entry.h"
#include "core/log/owner.h"
#include "core/log/spool_file.h"
#include "tests/fuzz/fuzz.h"

#define WHOLE 1u
#define STRUCK 2u
#define HALF 4u
/* Above what a pid may be: nobody has it. */
#define DEAD "o.4999999-1-1"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct llmobs_entry_key key = {1, {2, 3}};
static struct llmobs_config *config;
static struct llmobs_adopt *adopt;
static char base[64], dead[PATH_MAX];

static void begin(void)
{
    static char dir[96];
    const char *const env[] = {"DD_LLMOBS_ENABLED=1", dir, NULL};

    snprintf(base, sizeof(base), "/dev/shm/llmobs-fuzz.XXXXXX");
    if (!mkdtemp(base)) {
        snprintf(base, sizeof(base), "/tmp/llmobs-fuzz.XXXXXX");
        FUZZ_CHECK(mkdtemp(base) != NULL);
    }
    snprintf(dir, sizeof(dir), "LLMOBS_SPOOL_DIR=%s", base);
    snprintf(dead, sizeof(dead), "%s/" DEAD, base);
    config = llmobs_config_load(env, NULL, NULL);
    FUZZ_CHECK(config != NULL);
    adopt = llmobs_adopt_new(config, LLMOBS_ADOPT_ANY, NULL);
    FUZZ_CHECK(adopt != NULL);
}

static void end(void)
{
    llmobs_adopt_free(adopt);
    (void)rmdir(base);
}

/* -- the file ------------------------------------------------------------- */

static void add_entry(struct llmobs_text in, struct llmobs_buf *out)
{
    static struct llmobs_entry_writer writer;
    unsigned type = fuzz_byte(&in), flags = fuzz_byte(&in);
    size_t before = out->len;

    llmobs_entry_begin(&writer, (enum llmobs_entry_type)(type % 8),
                       type / 8 + 1);
    writer.start.head.len = in.len;
    writer.iov[writer.pieces++] =
        (struct iovec){(void *)(uintptr_t)in.data, in.len};
    (void)llmobs_entry_end(&writer, &key);
    if (flags & STRUCK)
        writer.start.head.type |= LLMOBS_ENTRY_DONE;
    for (int i = 0; i < writer.pieces; i++)
        (void)llmobs_buf_add(out, writer.iov[i].iov_base,
                             writer.iov[i].iov_len);
    if (flags & HALF)
        llmobs_buf_cut(out, before + (out->len - before) / 2);
    if (!(flags & WHOLE))
        out->data[out->len - 1] ^= 1;
}

/* Ours comes first, or nobody would ever look further. */
static struct llmobs_buf owner;

static void make_owner(void)
{
    struct llmobs_owner *made = llmobs_owner_alloc();
    struct llmobs_text text;

    FUZZ_CHECK(made && llmobs_owner_fill(made, config, 0, &key) == 0);
    text = llmobs_buf_text(&made->lead);
    llmobs_buf_init(&owner, (size_t)1 << 20);
    (void)llmobs_buf_add(&owner, text.data, text.len);
    llmobs_owner_free(made);
}

static void write_file(struct llmobs_text text)
{
    char path[PATH_MAX];
    FILE *file;

    llmobs_spool_file_path(dead, 1, path);
    file = fopen(path, "w");
    FUZZ_CHECK(file != NULL);
    FUZZ_CHECK(fwrite(text.data, 1, text.len, file) == text.len);
    FUZZ_CHECK(fclose(file) == 0);
}

/* -- what is had of it ----------------------------------------------------- */

static void read_exchange(struct llmobs_exchange *exchange)
{
    struct llmobs_span span;

    if (llmobs_exchange_to_span(exchange, &span) == 0)
        llmobs_span_fini(&span);
}

static void read_event(struct llmobs_text event)
{
    struct llmobs_buf out;

    llmobs_buf_init(&out, (size_t)1 << 24);
    (void)llmobs_content_filter_json(&config->privacy, event, &out);
    llmobs_buf_fini(&out);
}

/* Each is had once, and the first time is the last. */
static void adopt_all(bool had)
{
    struct llmobs_adopt_counts left;
    struct llmobs_adopted one;

    (void)llmobs_adopt_count(adopt, &left);
    while (llmobs_adopt_next(adopt, &one) == 1) {
        if (one.item->type == LLMOBS_ITEM_EXCHANGE)
            read_exchange((struct llmobs_exchange *)one.item);
        else
            read_event(llmobs_event_item_text(one.item));
        llmobs_item_free(one.item);
        if (had)
            llmobs_adopt_write_delivered_to(adopt, &one.spooled, 1);
        llmobs_adopt_release(adopt, &one.spooled, 1);
    }
}

/* Removes all that is left there: it has our name by now. */
static void clean(void)
{
    DIR *list = opendir(base);
    struct dirent *entry;

    while (list && (entry = readdir(list)))
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(list), entry->d_name, 0);
    if (list)
        closedir(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};
    struct llmobs_buf out;
    unsigned form = fuzz_byte(&in);

    if (!config) {
        begin();
        make_owner();
        atexit(end);
    }
    llmobs_buf_init(&out, (size_t)1 << 24);
    (void)llmobs_buf_add(&out, owner.data, owner.len);
    while (in.len)
        add_entry(fuzz_take(&in, FUZZ_CUT), &out);
    write_file((struct llmobs_text){out.data, out.len});
    adopt_all(form & 2);
    clean();
    llmobs_buf_fini(&out);
    return 0;
}
