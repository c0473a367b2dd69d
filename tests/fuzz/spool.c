/* A spool that a dead process left. First byte: the form of its file (bit 0:
 * the last release's). Then entries, each ended by FUZZ_CUT: type, flags (1:
 * whole; 2: struck; 4: half of it), and its fields as they stand. The
 * target reads each entry that would be delivered as far as its span. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/event/to_span.h"
#include "core/privacy/content_filter.h"
#include "core/span/span.h"
#include "core/spool/adopt.h"
#include "core/spool/exchange_entry.h"
#include "core/spool/owner.h"
#include "core/spool/spool_file.h"
#include "tests/fuzz/fuzz.h"

#define WHOLE 1u
#define STRUCK 2u
#define HALF 4u
/* Above what a pid may be: nobody has it. */
#define DEAD "4999999-1-1"

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
    adopt = llmobs_adopt_new(config, LLMOBS_ADOPT_ANY);
    FUZZ_CHECK(adopt != NULL);
}

static void end(void)
{
    llmobs_adopt_free(adopt);
    (void)rmdir(base);
}

/* -- the file ------------------------------------------------------------- */

static void add_entry(struct llmobs_text in, bool old, struct llmobs_buf *out)
{
    static struct llmobs_entry_writer writer;
    unsigned type = fuzz_byte(&in), flags = fuzz_byte(&in);
    size_t before = out->len;

    llmobs_entry_begin(&writer, (enum llmobs_entry_type)(type % 8),
                       type / 8 + 1);
    writer.start.head.len = in.len;
    writer.iov[writer.pieces++] =
        (struct iovec){(void *)(uintptr_t)in.data, in.len};
    (void)llmobs_entry_end(&writer, old ? NULL : &key);
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
static struct llmobs_buf owners[2];

static void make_owners(void)
{
    struct llmobs_owner *owner = llmobs_owner_new(config);
    const size_t head = sizeof(struct llmobs_entry_head),
                 begin = sizeof(struct llmobs_entry_file) + head;
    struct llmobs_buf old;
    struct llmobs_text text;

    FUZZ_CHECK(owner != NULL);
    llmobs_owner_seal(owner, &key);
    text = llmobs_owner_text(owner);
    for (size_t i = 0; i < 2; i++)
        llmobs_buf_init(&owners[i], (size_t)1 << 20);
    (void)llmobs_buf_add(&owners[0], text.data, text.len);
    llmobs_buf_init(&old, (size_t)1 << 20);
    (void)llmobs_buf_addc(&old, LLMOBS_ENTRY_OWNER);
    (void)llmobs_buf_addc(&old, WHOLE);
    (void)llmobs_buf_add(&old, text.data + begin,
                         text.len - begin - sizeof(uint64_t));
    add_entry((struct llmobs_text){old.data, old.len}, true, &owners[1]);
    llmobs_buf_fini(&old);
    llmobs_owner_free(owner);
}

static void write_file(struct llmobs_text text, bool old)
{
    char path[PATH_MAX];
    FILE *file;

    FUZZ_CHECK(mkdir(dead, 0700) == 0);
    if (old)
        llmobs_spool_old_path(dead, 1, path);
    else
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
    llmobs_exchange_free(exchange);
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
    struct llmobs_adopt_left left;
    struct llmobs_adopted one;

    (void)llmobs_adopt_count(adopt, &left);
    while (llmobs_adopt_next(adopt, &one) == 1) {
        FUZZ_CHECK((one.exchange != NULL) != (one.event.data != NULL));
        if (one.exchange)
            read_exchange(one.exchange);
        else
            read_event(one.event);
        if (had)
            llmobs_adopt_note_delivered_to(adopt, &one.spooled, 1);
        llmobs_adopt_let_go(adopt, &one.spooled, 1);
    }
}

/* Removes all that is left there: it has our name by now. */
static void clean_dir(int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    while (list && (entry = readdir(list)))
        if (entry->d_name[0] != '.' && unlinkat(fd, entry->d_name, 0) != 0 &&
            depth > 0) {
            clean_dir(fd, entry->d_name, depth - 1);
            (void)unlinkat(fd, entry->d_name, AT_REMOVEDIR);
        }
    if (list)
        closedir(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};
    struct llmobs_buf out;
    unsigned form = fuzz_byte(&in);
    bool old = form & 1;

    if (!config) {
        begin();
        make_owners();
        atexit(end);
    }
    llmobs_buf_init(&out, (size_t)1 << 24);
    (void)llmobs_buf_add(&out, owners[old].data, owners[old].len);
    while (in.len)
        add_entry(fuzz_take(&in, FUZZ_CUT), old, &out);
    write_file((struct llmobs_text){out.data, out.len}, old);
    adopt_all(form & 2);
    clean_dir(AT_FDCWD, base, 1);
    llmobs_buf_fini(&out);
    return 0;
}
