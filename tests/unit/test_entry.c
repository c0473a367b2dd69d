/* Tests the entries of spool files. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/mix.h"
#include "lib/base/sha256.h"
#include "core/event/encode.h"
#include "core/event/to_span.h"
#include "lib/span/allowlist.h"
#include "core/log/entry.h"
#include "core/log/item_entry.h"
#include "core/trace/carrier.h"
#include "llmobs.h"
#include "tests/unit/context_case.h"
#include "tests/unit/unit.h"

static struct llmobs_buf disk;
static struct llmobs_entry_key key;

static void begin(void)
{
    llmobs_buf_init(&disk, (size_t)1 << 30);
    llmobs_entry_key(&key);
}

static void end(void)
{
    llmobs_buf_fini(&disk);
}

static void put(struct llmobs_entry_writer *writer)
{
    size_t size = (size_t)llmobs_entry_end(writer, &key), before = disk.len;

    for (int i = 0; i < writer->pieces; i++)
        ck_assert_int_eq(llmobs_buf_add(&disk, writer->iov[i].iov_base,
                                        writer->iov[i].iov_len),
                         0);
    ck_assert_uint_eq(disk.len - before, size);
}

static void put_text(uint64_t id, const char *text, size_t len)
{
    struct llmobs_entry_writer writer;

    llmobs_entry_begin(&writer, LLMOBS_ENTRY_EVENT, id);
    llmobs_entry_add(&writer, 7, text, len);
    ck_assert_int_eq(writer.failed, 0);
    put(&writer);
}

static struct llmobs_text all(void)
{
    return (struct llmobs_text){disk.data, disk.len};
}

/* The ids of what is read, in a number each digit of which is one. */
static unsigned ids(void)
{
    struct llmobs_entry entry;
    unsigned found = 0;
    size_t at = 0;

    while (llmobs_entry_next(&key, all(), &at, &entry))
        found = found * 10 + (unsigned)entry.id;
    return found;
}

UNIT_FIXTURE(begin, end);

TEST(test_fields)
{
    struct llmobs_entry_writer writer;
    struct llmobs_text value, two[] = {{"ab", 2}, {"cd", 2}};
    struct llmobs_entry entry;
    size_t at = 0, in = 0;
    uint32_t tag;

    llmobs_entry_begin(&writer, LLMOBS_ENTRY_BEGIN, 42);
    llmobs_entry_add(&writer, 1, "one", 3);
    llmobs_entry_add(&writer, 2, "", 0);
    llmobs_entry_add_two(&writer, 3, two[0], two[1]);
    ck_assert_int_eq(writer.failed, 0);
    put(&writer);
    ck_assert_int_eq(writer.pieces, 1);
    ck_assert(llmobs_entry_next(&key, all(), &at, &entry));
    ck_assert_uint_eq(entry.id, 42);
    ck_assert_uint_eq(entry.type, LLMOBS_ENTRY_BEGIN);
    ck_assert_uint_eq(entry.offset, 0);
    ck_assert_uint_eq(entry.size, disk.len);
    ck_assert(llmobs_entry_field(&entry, &in, &tag, &value));
    ck_assert_uint_eq(tag, 1);
    ck_assert_mem_eq(value.data, "one", 3);
    ck_assert(llmobs_entry_field(&entry, &in, &tag, &value));
    ck_assert_uint_eq(value.len, 0);
    ck_assert(llmobs_entry_field(&entry, &in, &tag, &value));
    ck_assert_uint_eq(value.len, 4);
    ck_assert_mem_eq(value.data, "abcd", 4);
    ck_assert(!llmobs_entry_field(&entry, &in, &tag, &value));
    ck_assert(!llmobs_entry_next(&key, all(), &at, &entry));
}

static void add_ones(struct llmobs_entry_writer *writer, int count)
{
    llmobs_entry_begin(writer, LLMOBS_ENTRY_END, 1);
    for (int i = 0; i < count; i++)
        llmobs_entry_add(writer, 1, "x", 1);
}

TEST(test_too_many_fields)
{
    struct llmobs_entry_writer writer;

    add_ones(&writer, LLMOBS_ENTRY_FIELDS + 2);
    ck_assert_int_eq(llmobs_entry_end(&writer, &key), -ENOSPC);
    add_ones(&writer, LLMOBS_ENTRY_FIELDS);
    put(&writer);
    ck_assert_uint_eq(ids(), 1);
}

/* A small text is copied, a larger one is a piece; whatever their order and
 * number, all of it is read again. */
TEST(test_sizes)
{
    static char bytes[3000];
    struct llmobs_entry_writer writer;
    struct llmobs_entry entry;
    struct llmobs_text value;
    size_t at = 0, in = 0;
    uint32_t tag;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7);
    llmobs_entry_begin(&writer, LLMOBS_ENTRY_END, 1);
    for (uint32_t i = 0; i < LLMOBS_ENTRY_FIELDS; i++)
        llmobs_entry_add(&writer, i, bytes, i * 31);
    ck_assert_int_eq(writer.failed, 0);
    put(&writer);
    ck_assert(llmobs_entry_next(&key, all(), &at, &entry));
    for (uint32_t i = 0; i < LLMOBS_ENTRY_FIELDS; i++) {
        ck_assert(llmobs_entry_field(&entry, &in, &tag, &value));
        ck_assert_uint_eq(tag, i);
        ck_assert_uint_eq(value.len, i * 31);
        ck_assert_mem_eq(value.data, bytes, value.len);
    }
    ck_assert(!llmobs_entry_field(&entry, &in, &tag, &value));
}

/* Word by word, of an entry of one field with at most LLMOBS_ENTRY_SUM bytes: a
 * file may be another version's. */
static uint64_t plain_seal(const char *bytes, size_t len)
{
    const struct llmobs_entry_head *head = (const void *)bytes;
    uint64_t plain = key.seal[0], running = key.seal[1];
    uint64_t state = llmobs_mix(key.seal[0] ^ head->id);

    state = llmobs_mix(llmobs_mix(state ^ head->len) ^ head->type);
    state = llmobs_mix(state ^ (head->len - 16)) + 7;
    for (size_t at = sizeof(*head); at <= len; at += 8) {
        uint64_t word = 0;

        memcpy(&word, bytes + at, len - at < 8 ? len - at : 8);
        plain += word;
        running += plain;
    }
    return llmobs_mix(
        llmobs_mix(llmobs_mix(llmobs_mix(state) ^ plain) + running) ^
        key.seal[1]);
}

TEST(test_sum)
{
    static char bytes[5000];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * i + i / 13);
    for (size_t len = 0; len < sizeof(bytes); len += len < 700 ? 1 : 61) {
        uint64_t seal;

        llmobs_buf_cut(&disk, 0);
        put_text(len + 1, bytes, len);
        memcpy(&seal, disk.data + disk.len - 8, sizeof(seal));
        ck_assert(seal == plain_seal(disk.data, disk.len - 8));
    }
}

/* A write cut short anywhere costs its own entry and no other. */
TEST(test_cut_anywhere)
{
    char *whole;
    size_t first, second;

    put_text(1, "the first", 9);
    first = disk.len;
    put_text(2, "the second, with \x93LLMOBS in it", 30);
    second = disk.len - first;
    put_text(3, "the third", 9);
    whole = malloc(disk.len);
    ck_assert_ptr_nonnull(whole);
    memcpy(whole, disk.data, disk.len);
    ck_assert_uint_eq(ids(), 123);
    for (size_t cut = 0; cut < second; cut++) {
        size_t rest = disk.len - first - second;

        llmobs_buf_cut(&disk, 0);
        llmobs_buf_add(&disk, whole, first + cut);
        ck_assert_uint_eq(ids(), 1);
        llmobs_buf_add(&disk, whole + first + second, rest);
        ck_assert_uint_eq(ids(), 13);
        llmobs_buf_cut(&disk, 0);
        llmobs_buf_add(&disk, whole, first + second + rest);
    }
    free(whole);
}

/* The bit by which an entry is struck. */
static bool is_done_bit(size_t i, int bit)
{
    return i == offsetof(struct llmobs_entry_head, type) + 1 && bit == 7;
}

/* One wrong bit anywhere else: no entry is read that is not one. */
TEST(test_wrong_byte)
{
    put_text(1, "some text", 9);
    for (size_t i = 0; i < disk.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            disk.data[i] = (char)(disk.data[i] ^ 1 << bit);
            ck_assert_uint_eq(ids(), is_done_bit(i, bit) ? 1 : 0);
            disk.data[i] = (char)(disk.data[i] ^ 1 << bit);
        }
    ck_assert_uint_eq(ids(), 1);
}

/* Of a big entry both ends are looked at, and where it ends. */
TEST(test_big)
{
    size_t len = 100 * LLMOBS_ENTRY_SUM;
    char *text = unit_own(malloc(len));
    size_t size;

    memset(text, 'x', len);
    put_text(1, text, len);
    put_text(2, "more", 4);
    ck_assert_uint_eq(ids(), 12);
    size = disk.len;
    disk.data[200] = 'y';
    ck_assert_uint_eq(ids(), 2);
    disk.data[200] = 'x';
    memmove(disk.data + 5000, disk.data + 6000, size - 6000);
    llmobs_buf_cut(&disk, size - 1000);
    ck_assert_uint_eq(ids(), 2);
}

/* A field that says more than there is ends the entry. */
TEST(test_hostile_field)
{
    struct llmobs_entry_mark mark = {.tag = 1, .len = UINT64_MAX};
    struct llmobs_entry entry = {.fields = {(const char *)&mark, sizeof(mark)}};
    struct llmobs_text value;
    size_t at = 0;
    uint32_t tag;

    ck_assert(!llmobs_entry_field(&entry, &at, &tag, &value));
    mark.len = 1;
    ck_assert(!llmobs_entry_field(&entry, &at, &tag, &value));
    entry.fields.len = 3;
    ck_assert(!llmobs_entry_field(&entry, &at, &tag, &value));
}

/* -- bytes of strangers -------------------------------------------------- */

/* A whole entry of another key, as a peer can make it. */
static size_t forge(char *to, const struct llmobs_entry_key *by, uint64_t id)
{
    struct llmobs_entry_writer writer;
    size_t len = 0;

    llmobs_entry_begin(&writer, LLMOBS_ENTRY_EVENT, id);
    llmobs_entry_add(&writer, 1, "{}", 2);
    ck_assert_int_eq(writer.failed, 0);
    (void)llmobs_entry_end(&writer, by);
    for (int i = 0; i < writer.pieces; i++) {
        memcpy(to + len, writer.iov[i].iov_base, writer.iov[i].iov_len);
        len += writer.iov[i].iov_len;
    }
    return len;
}

/* A forged entry is never read, in any form, at any end of its holder. */
TEST(test_forged)
{
    struct llmobs_entry_key other = key;
    struct llmobs_entry_file file;
    char text[1000] = "";
    size_t len = 9;

    other.mark++;
    len += forge(text + len, &other, 5);
    llmobs_entry_file(&file, &other);
    memcpy(text + len, &file, sizeof(file));
    len += sizeof(file);
    other = key;
    other.seal[1]++;
    len += forge(text + len, &other, 7);
    put_text(1, text, len);
    put_text(2, "more", 4);
    ck_assert_uint_eq(ids(), 12);
    for (size_t cut = 1; cut <= len; cut++) {
        char *last = disk.data + 32 + 16 + len - cut;

        memmove(last, last + 1, (size_t)(disk.data + disk.len - last - 1));
        llmobs_buf_cut(&disk, disk.len - 1);
        ck_assert_uint_eq(ids(), 2);
    }
}

/* Half an entry, and behind it one whose text has what would end the first:
 * a peer knows ids and lengths, and where a disk is full. */
TEST(test_spliced)
{
    char text[400], *tail;
    uint64_t id = 1, ends[] = {~id, id, 0};
    size_t head = 100;

    for (size_t i = 0; i < 3; i++) {
        llmobs_buf_cut(&disk, 0);
        memset(text, 'x', sizeof(text));
        put_text(id, text, 300);
        llmobs_buf_cut(&disk, head);
        tail = text + (32 + 16 + 300 - head) - (32 + 16);
        memcpy(tail, &ends[i], sizeof(ends[i]));
        put_text(2, text, sizeof(text));
        ck_assert_uint_eq(ids(), 2);
    }
}

/* The same with an entry of the same id behind it, which ends where the first
 * would have. */
TEST(test_ends_together)
{
    const size_t all_of = 300, head = 100, most = 32 + 16 + 8;
    char text[400];

    memset(text, 'x', sizeof(text));
    put_text(1, text, all_of);
    llmobs_buf_cut(&disk, head);
    put_text(1, text, all_of - head);
    ck_assert_uint_eq(disk.len, all_of + most);
    ck_assert_uint_eq(ids(), 1);
    llmobs_buf_cut(&disk, 0);
    put_text(1, text, all_of - head);
    ck_assert_uint_eq(ids(), 1);
}

/* A page that the disk lost between both ends must not make text a field. */
TEST(test_lost_mark)
{
    const size_t len = 3 * LLMOBS_ENTRY_SUM, step = 1024;
    struct llmobs_entry_mark forged = {.tag = 9, .len = step - sizeof(forged)};
    struct llmobs_entry_writer writer;
    char *text = unit_own(malloc(len));
    size_t mark;

    memset(text, 'x', len);
    for (size_t at = 0; at < len; at += step)
        memcpy(text + at, &forged, sizeof(forged));
    llmobs_entry_begin(&writer, LLMOBS_ENTRY_END, 1);
    llmobs_entry_add(&writer, 8, text, len);
    llmobs_entry_add(&writer, 10, text, len);
    ck_assert_int_eq(writer.failed, 0);
    put(&writer);
    ck_assert_uint_eq(ids(), 1);
    mark = 32 + 16 + len;
    memset(disk.data + mark - 64, 0, 64 + sizeof(forged));
    ck_assert_uint_eq(ids(), 0);
}

TEST(test_file)
{
    struct llmobs_entry_key two, read;
    struct llmobs_entry_file file;
    struct llmobs_text text = {(const char *)&file, sizeof(file)};

    llmobs_entry_key(&two);
    ck_assert_mem_ne(&two, &key, sizeof(two));
    llmobs_entry_file(&file, &two);
    ck_assert_int_eq(llmobs_entry_file_read(text, &read), 0);
    ck_assert_mem_eq(&two, &read, sizeof(two));
    text.len--;
    ck_assert_int_eq(llmobs_entry_file_read(text, &read), -ENODATA);
    text.len++;
    file.version++;
    ck_assert_int_eq(llmobs_entry_file_read(text, &read), -ENOTSUP);
    file.magic[0]++;
    ck_assert_int_eq(llmobs_entry_file_read(text, &read), -EBADMSG);
}

/* A filter of system calls that has no getrandom. */
static int without_getrandom(void)
{
    struct sock_filter list[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getrandom, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {sizeof(list) / sizeof(list[0]), list};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

TEST(test_key_without_getrandom)
{
    struct llmobs_entry_key keys[4] = {0}, none = {0};
    int ends[2], status;
    pid_t pid;

    for (int i = 0; i < 4; i += 2) { /* two keys of each of two processes */
        ck_assert_int_eq(pipe(ends), 0);
        pid = fork();
        if (pid == 0) {
            int bad = without_getrandom();

            llmobs_entry_key(&keys[0]);
            llmobs_entry_key(&keys[1]);
            _exit(bad ||
                  write(ends[1], keys, 2 * sizeof(none)) != 2 * sizeof(none));
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
        ck_assert_int_eq(read(ends[0], &keys[i], 2 * sizeof(none)),
                         2 * sizeof(none));
        close(ends[0]);
        close(ends[1]);
    }
    for (int i = 0; i < 4; i++) {
        ck_assert_mem_ne(&keys[i], &none, sizeof(none));
        for (int j = 0; j < i; j++)
            ck_assert_mem_ne(&keys[i], &keys[j], sizeof(none));
    }
}

/* -- exchanges ----------------------------------------------------------- */

static struct llmobs_rules *rules;
static struct llmobs_recalls *recalls;

static const char request[] =
    "{\"model\":\"gpt-test\",\"messages\":[{\"role\":\"user\",\"content\":"
    "\"hello\"}]}";
static const char response[] =
    "{\"model\":\"gpt-test-1\",\"choices\":[{\"message\":{\"role\":"
    "\"assistant\",\"content\":\"Echo\"}}],\"usage\":{\"prompt_tokens\":1,"
    "\"completion_tokens\":2,\"total_tokens\":3}}";

static void fill_context(struct llmobs_context *context)
{
    llmobs_context_root(context, &context_base);
    context->trace_id = (struct llmobs_id128){1, 2};
    context->apm_trace_id = (struct llmobs_id128){3, 4};
    context->span_id = UINT64_MAX;
    context->parent_id = 5;
    context->apm_parent_id = 6;
    context->pagent_span_id = 7;
    strcpy(context->sample_rate, "0.5");
    strcpy(context->sampled, "1");
    strcpy(context->ml_app, "app");
    strcpy(context->session_id, "session");
    strcpy(context->pagent_name, "agent");
    context->remote = true;
    context->unsampled = true;
    context->priority = 2;
    strcpy(context->dm, "-3");
    strcpy(context->origin, "rum");
    strcpy(context->vendors, "other=1");
}

static void fill_transfer(struct llmobs_exchange *e)
{
    e->status = 200;
    e->code = 28;
    e->code_name = "CURLE_OPERATION_TIMEDOUT";
    strcpy(e->error_text, "timed out");
    e->transfer = (struct llmobs_transfer){2, 3, 40, 50, .5, .25, .125, 7};
    e->start_wall_ns = 1000000000000000001;
    e->start_mono_ns = 77;
    e->duration_ns = 88;
    e->multipart = true;
    e->traced = true;
}

static struct llmobs_exchange *make(size_t capture_max)
{
    struct llmobs_exchange *e = llmobs_exchange_new(capture_max);
    struct llmobs_request asked = {
        .method = "POST",
        .url = "http://proxy.example/v1/chat/completions",
        .content_type = "application/json",
        .body = {request, sizeof(request) - 1}};
    struct llmobs_rules_config config = {.proxy_urls = "http://proxy.example"};

    ck_assert_ptr_nonnull(e);
    if (!rules)
        rules = llmobs_rules_new(&config);
    ck_assert(llmobs_rules_match(rules, &asked, &e->match));
    e->url = llmobs_allowlist_url_copy(
        "http://me:pw@proxy.example/v1/chat/completions?key=SECRET#x");
    strcpy(e->method, "POST");
    e->annotations = strdup("{\"tags\": {\"said\": \"it\"}}");
    fill_context(&e->context);
    fill_transfer(e);
    llmobs_headers_add(&e->request_headers, "content-type: a/b", 12);
    llmobs_headers_add_answer(&e->response_headers, "content-type: c/d", 17);
    llmobs_headers_add_answer(&e->response_headers, "content-type:", 13);
    ck_assert_int_eq(llmobs_body_add(&e->request, request, sizeof(request) - 1),
                     0);
    llmobs_exchange_received(e, response, 20);
    llmobs_exchange_received(e, response + 20, sizeof(response) - 21);
    return e;
}

static struct llmobs_exchange *again_as(struct llmobs_exchange *e,
                                        enum llmobs_entry_type type, bool bare)
{
    struct llmobs_exchange_facts facts;
    struct llmobs_entry_writer writer;
    struct llmobs_exchange *read = NULL;
    struct llmobs_entry entry;
    size_t at = 0;

    llmobs_buf_cut(&disk, 0);
    llmobs_exchange_prepare(e,
                            type == LLMOBS_ENTRY_START   ? LLMOBS_STAGE_START
                            : type == LLMOBS_ENTRY_BEGIN ? LLMOBS_STAGE_BEGIN
                                                         : LLMOBS_STAGE_END,
                            bare);
    llmobs_entry_begin(&writer, type, e->context.span_id);
    llmobs_exchange_add(e, bare, &facts, &writer);
    ck_assert_int_eq(writer.failed, 0);
    put(&writer);
    ck_assert(llmobs_entry_next(&key, all(), &at, &entry));
    ck_assert_int_eq(llmobs_exchange_read(&entry, &recalls, &read), 0);
    return read;
}

static struct llmobs_exchange *again(struct llmobs_exchange *e, bool begun)
{
    return again_as(e, begun ? LLMOBS_ENTRY_BEGIN : LLMOBS_ENTRY_END, false);
}

static void done(struct llmobs_exchange *a, struct llmobs_exchange *b)
{
    llmobs_exchange_free(a);
    llmobs_exchange_free(b);
    llmobs_recalls_free(recalls);
    recalls = NULL;
    llmobs_rules_free(rules);
    rules = NULL;
}

static void same_headers(const struct llmobs_headers *a,
                         const struct llmobs_headers *b)
{
    ck_assert_uint_eq(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        ck_assert_str_eq(a->list[i].name, b->list[i].name);
        ck_assert_str_eq(a->list[i].value, b->list[i].value);
    }
}

static void same_text(struct llmobs_text a, struct llmobs_text b)
{
    ck_assert_uint_eq(a.len, b.len);
    ck_assert(a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static void same_body(struct llmobs_body *a, struct llmobs_body *b)
{
    same_text(llmobs_body_head(a), llmobs_body_head(b));
    same_text(llmobs_body_tail(a), llmobs_body_tail(b));
    ck_assert_uint_eq(a->total, b->total);
    ck_assert_int_eq(a->truncated, b->truncated);
    ck_assert_int_eq(a->lost, b->lost);
    ck_assert_uint_eq(a->whole_max, b->whole_max);
}

static void same_scalars(const struct llmobs_exchange *a,
                         const struct llmobs_exchange *b)
{
    const struct llmobs_context *c = &a->context, *d = &b->context;

    ck_assert_mem_eq(&c->trace_id, &d->trace_id, sizeof(c->trace_id));
    ck_assert_mem_eq(&c->apm_trace_id, &d->apm_trace_id, sizeof(c->trace_id));
    ck_assert(c->span_id == d->span_id && c->parent_id == d->parent_id);
    ck_assert(c->apm_parent_id == d->apm_parent_id);
    ck_assert(c->pagent_span_id == d->pagent_span_id);
    ck_assert_str_eq(c->sample_rate, d->sample_rate);
    ck_assert_str_eq(c->sampled, d->sampled);
    ck_assert_str_eq(c->ml_app, d->ml_app);
    ck_assert_str_eq(c->session_id, d->session_id);
    ck_assert_str_eq(c->pagent_name, d->pagent_name);
    ck_assert_str_eq(a->method, b->method);
    ck_assert_str_eq(a->error_text, b->error_text);
    ck_assert_str_eq(a->code_name, b->code_name);
    ck_assert(a->status == b->status && a->end == b->end);
    ck_assert(a->code == b->code && a->multipart == b->multipart);
    ck_assert(a->start_wall_ns == b->start_wall_ns);
    ck_assert(a->start_mono_ns == b->start_mono_ns);
    ck_assert(a->duration_ns == b->duration_ns);
    ck_assert_mem_eq(&a->transfer, &b->transfer, sizeof(a->transfer));
}

/* The names of a rule without pointers have no limit. */
TEST(a_rule_too_long_for_an_entry)
{
    struct llmobs_exchange_facts facts;
    struct llmobs_entry_writer writer;
    static char provider[LLMOBS_RULES_NOTE_MAX + 1];
    struct llmobs_exchange *e = make(1000);

    memset(provider, 'p', sizeof(provider) - 1);
    e->match.provider = provider;
    llmobs_entry_begin(&writer, LLMOBS_ENTRY_END, 1);
    llmobs_exchange_add(e, false, &facts, &writer);
    ck_assert_uint_eq(writer.fields, 0);
    ck_assert_int_eq(llmobs_entry_end(&writer, &key), -ENOSPC);
    llmobs_exchange_free(e);
}

TEST(test_exchange)
{
    struct llmobs_exchange *e = make(1 << 20), *r = again(e, false);

    same_scalars(e, r);
    same_headers(&e->request_headers, &r->request_headers);
    same_headers(&e->response_headers, &r->response_headers);
    same_body(&e->request, &r->request);
    same_body(&e->response, &r->response);
    ck_assert_str_eq(r->annotations, e->annotations);
    ck_assert_uint_eq(r->mark_count, 2);
    ck_assert_mem_eq(e->marks, r->marks, 2 * sizeof(*e->marks));
    ck_assert_str_eq(r->url, "http://proxy.example/v1/chat/completions");
    ck_assert(!memmem(disk.data, disk.len, "SECRET", 6));
    ck_assert(!memmem(disk.data, disk.len, "me:pw", 5));
    done(e, r);
}

/* Without the bodies: what they were stays known. */
TEST(test_bare)
{
    static const enum llmobs_entry_type types[] = {
        LLMOBS_ENTRY_START, LLMOBS_ENTRY_BEGIN, LLMOBS_ENTRY_END};

    for (int i = 0; i < 3; i++) {
        struct llmobs_exchange *e = make(1 << 20), *r;
        bool asked = types[i] != LLMOBS_ENTRY_START;
        struct llmobs_span span;

        e->code = 28;
        strcpy(e->error_text, "Echo is in the error");
        r = again_as(e, types[i], true);
        ck_assert(!memmem(disk.data, disk.len, "Echo", 4));
        ck_assert(!memmem(disk.data, disk.len, "messages", 8));
        ck_assert_ptr_null(r->annotations);
        ck_assert(r->bare);
        ck_assert(r->request.lost == asked && r->response.lost == asked);
        ck_assert_uint_eq(r->request.total, asked ? e->request.total : 0);
        ck_assert_uint_eq(r->response.total, e->response.total);
        ck_assert_uint_eq(r->mark_count, 0);
        ck_assert_str_eq(r->url, e->url);
        ck_assert_int_eq(llmobs_exchange_to_span(r, &span), 0);
        ck_assert(!span.input_dropped && !span.output_dropped);
        ck_assert_ptr_null(span.input_value);
        ck_assert_ptr_null(span.input_messages);
        ck_assert_ptr_null(span.output_value);
        ck_assert_ptr_null(span.output_messages);
        ck_assert((llmobs_json_get(span.metadata, "truncated") != NULL) ==
                  asked);
        llmobs_span_fini(&span);
        done(e, r);
    }
}

static void write_span(struct llmobs_exchange *e, struct llmobs_buf *out)
{
    struct llmobs_config config = context_base;
    UNIT_ENDS(llmobs_span) span;

    llmobs_buf_init(out, 1 << 24);
    config.event_max = 1 << 20;
    ck_assert_int_eq(llmobs_exchange_to_span(e, &span), 0);
    ck_assert_int_eq(llmobs_encode_span(&span, &config, out), 0);
}

TEST(test_same_event)
{
    struct llmobs_exchange *e = make(1 << 20), *r = again(e, false);
    struct llmobs_buf a, b;

    write_span(e, &a);
    write_span(r, &b);
    ck_assert_str_eq(a.data, b.data);
    ck_assert_ptr_nonnull(strstr(a.data, "Echo"));
    ck_assert_ptr_nonnull(strstr(a.data, "\"flags\": 768, "));
    ck_assert_ptr_nonnull(strstr(a.data, "\"first_chunk_ns\": "));
    ck_assert_ptr_nonnull(strstr(a.data, ";s:2;o:rum;t.dm:-3;"));
    ck_assert_ptr_nonnull(strstr(a.data, ",other=1\""));
    llmobs_buf_fini(&a);
    llmobs_buf_fini(&b);
    done(e, r);
}

TEST(test_truncated)
{
    struct llmobs_exchange *e = make(100), *r;
    char part[1000];

    for (int i = 0; i < 1000; i++) {
        memset(part, 'a' + i % 26, sizeof(part));
        llmobs_exchange_received(e, part, sizeof(part));
    }
    llmobs_body_miss(&e->request, 9);
    r = again(e, false);
    ck_assert(r->response.truncated && r->request.lost);
    same_body(&e->request, &r->request);
    same_body(&e->response, &r->response);
    done(e, r);
}

TEST(test_begun)
{
    struct llmobs_exchange *e = make(1 << 20), *r;
    char *more = calloc(1, LLMOBS_BEGIN_MAX);

    ck_assert_ptr_nonnull(more);
    ck_assert_int_eq(llmobs_body_add(&e->request, more, LLMOBS_BEGIN_MAX), 0);
    free(more);
    r = again(e, true);
    ck_assert_uint_eq(r->request.head.len, LLMOBS_BEGIN_MAX);
    ck_assert(r->request.truncated);
    ck_assert_uint_eq(r->request.total, e->request.total);
    ck_assert_uint_eq(r->response.head.len, 0);
    ck_assert_uint_eq(r->response_headers.count, 0);
    same_headers(&e->request_headers, &r->request_headers);
    done(e, r);
}

/* Known before the call begins. */
TEST(test_annotated)
{
    static const enum llmobs_entry_type types[] = {
        LLMOBS_ENTRY_START, LLMOBS_ENTRY_BEGIN, LLMOBS_ENTRY_END};
    static const char secret[] = "ghp_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX";

    for (int i = 0; i < 3; i++) {
        struct llmobs_exchange *e = make(1 << 20), *r;

        free(e->annotations);
        ck_assert_int_gt(
            asprintf(&e->annotations, "{\"tags\": {\"with\": \"%s\"}}", secret),
            0);
        snprintf(e->context.page, sizeof(e->context.page), "GET /hook/%s",
                 secret);
        /* Trace headers are made of these, so they are left out. */
        strcpy(e->context.session_id, secret);
        strcpy(e->context.pagent_name, secret);
        memcpy(e->context.origin, secret, sizeof(e->context.origin) - 1);
        memcpy(e->context.dm, secret, sizeof(e->context.dm) - 1);
        snprintf(e->context.vendors, sizeof(e->context.vendors), "v=%s",
                 secret);
        r = again_as(e, types[i], false);
        ck_assert_str_eq(e->context.session_id, secret);
        ck_assert_str_eq(r->context.session_id, "");
        ck_assert(!memmem(disk.data, disk.len, secret + 5, 9));
        ck_assert_str_eq(r->annotations, e->annotations);
        done(e, r);
    }
}

TEST(test_all_headers)
{
    struct llmobs_exchange *e = make(1 << 20), *r;

    for (int i = 0; i < LLMOBS_HEADERS_MAX; i++) {
        llmobs_headers_add(&e->request_headers, "content-type: x", 12);
        llmobs_headers_add_answer(&e->response_headers, "content-type: x", 15);
    }
    r = again(e, false);
    ck_assert_uint_eq(r->request_headers.count, LLMOBS_HEADERS_MAX);
    ck_assert_uint_eq(r->response_headers.count, LLMOBS_HEADERS_MAX);
    done(e, r);
}

/* The headers by which a request says whose it is: masked, and where bodies are
 * not to be on the disk, not there. */
TEST(test_tag_headers)
{
    static const char user[] = "Helicone-User-Id: echo";
    static const char property[] =
        "Helicone-Property-Token: sk-abcdefghijklmnopqrstuvwx0123";

    for (int bare = 0; bare < 2; bare++) {
        struct llmobs_exchange *e = make(1 << 20), *r;

        llmobs_headers_add_tag(&e->request_headers, user, 16);
        llmobs_headers_add_tag(&e->request_headers, property, 23);
        e->tags = LLMOBS_REQUEST_TAGS_HASH;
        r = again_as(e, LLMOBS_ENTRY_BEGIN, bare);
        ck_assert(!memmem(disk.data, disk.len, "abcdefgh", 8));
        ck_assert((memmem(disk.data, disk.len, "echo", 4) == NULL) == bare);
        ck_assert_uint_eq(r->request_headers.count, bare ? 1 : 3);
        ck_assert_int_eq(r->tags, LLMOBS_REQUEST_TAGS_HASH);
        if (!bare)
            same_headers(&e->request_headers, &r->request_headers);
        done(e, r);
    }
}

/* A process that was running before an upgrade has written it. */
TEST(test_fewer_numbers)
{
    const size_t cut = sizeof(int64_t);
    struct llmobs_exchange *e = make(1000), *r = again(e, false);
    struct llmobs_entry entry;
    struct llmobs_entry_mark mark;
    size_t at = 0, end;
    char *fields;

    llmobs_exchange_free(r);
    ck_assert(llmobs_entry_next(&key, all(), &at, &entry));
    fields = malloc(entry.fields.len);
    memcpy(fields, entry.fields.data, entry.fields.len);
    memcpy(&mark, fields, sizeof(mark));
    ck_assert_int_eq(mark.tag, 1);
    mark.len -= cut;
    memcpy(fields, &mark, sizeof(mark));
    end = sizeof(mark) + mark.len;
    memmove(fields + end, fields + end + cut, entry.fields.len - end - cut);
    entry.fields = (struct llmobs_text){fields, entry.fields.len - cut};
    ck_assert_int_eq(llmobs_exchange_read(&entry, &recalls, &r), 0);
    ck_assert_str_eq(r->url, e->url);
    ck_assert_uint_eq(r->account, e->account);
    ck_assert_int_eq(r->tags, LLMOBS_REQUEST_TAGS_PLAIN);
    free(fields);
    done(e, r);
}

/* A body is not searched for secrets again where this version has masked it. */
TEST(test_masked_by)
{
    struct llmobs_exchange *e = make(1 << 20), *r = again(e, false);
    struct llmobs_entry entry;
    size_t at = 0;
    char *found;

    ck_assert_uint_gt(r->masked, 0);
    ck_assert_uint_eq(r->masked, r->request.total);
    ck_assert_uint_gt(r->answer_masked, 0);
    ck_assert_uint_eq(r->answer_masked, r->response.total);
    llmobs_exchange_free(r);
    found =
        memmem(disk.data, disk.len, LLMOBS_VERSION "+", sizeof(LLMOBS_VERSION));
    ck_assert_ptr_nonnull(found);
    ck_assert(llmobs_entry_next(&key, all(), &at, &entry));
    found[0] ^= 1;
    ck_assert_int_eq(llmobs_exchange_read(&entry, &recalls, &r), 0);
    ck_assert(!llmobs_exchange_is_masked(r, false));
    ck_assert(!llmobs_exchange_is_masked(r, true));
    done(e, r);
}

/* Entries with each field cut out, doubled, or wrong: an error, or an exchange
 * that can be freed. */
TEST(test_hostile_exchange)
{
    struct llmobs_exchange *e = make(1 << 20), *r = again(e, false), *x;
    struct llmobs_entry entry;
    unsigned seed = 4711;
    size_t at = 0;

    ck_assert(llmobs_entry_next(&key, all(), &at, &entry));
    for (int i = 0; i < 20000; i++) {
        size_t where = (size_t)rand_r(&seed) % entry.fields.len;
        char *byte = (char *)(uintptr_t)entry.fields.data + where;
        struct llmobs_entry part = entry;
        char was = *byte;

        if (i % 3 == 0)
            part.fields.len = where;
        else
            *byte = (char)rand_r(&seed);
        if (llmobs_exchange_read(&part, &recalls, &x) == 0)
            llmobs_exchange_free(x);
        *byte = was;
    }
    done(e, r);
}

TEST(test_recall)
{
    const char *const wrong[] = {"", "\t\t\t\t\t", "openai_chat", "a\tb\tc",
                                 "no such dialect\t/x\t0\t\t\t"};
    struct llmobs_exchange *e = make(1000);
    struct llmobs_match match;
    struct llmobs_text text;
    char note[512];

    ck_assert_int_eq(llmobs_rules_note(&e->match, note, 10), -ENOSPC);
    ck_assert_int_eq(llmobs_rules_note(&e->match, note, sizeof(note)), 0);
    text = (struct llmobs_text){note, strlen(note)};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(
            llmobs_rules_recall(&recalls, llmobs_text_of(NULL), text, &match),
            0);
        ck_assert_int_eq(match.kind, e->match.kind);
        ck_assert(match.proxied && e->match.proxied);
        ck_assert_int_eq(match.confirm, e->match.confirm);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        text = (struct llmobs_text){wrong[i], strlen(wrong[i])};
        ck_assert_int_lt(
            llmobs_rules_recall(&recalls, llmobs_text_of(NULL), text, &match),
            0);
    }
    done(e, NULL);
}

/* -- sha256: FIPS 180-4's examples, and the lengths around a block -------- */

static void is_hash(const char *text, size_t len, const char *want)
{
    uint8_t hash[LLMOBS_SHA256_LEN];
    char hex[2 * LLMOBS_SHA256_LEN + 1];

    llmobs_sha256(text, len, hash);
    for (size_t i = 0; i < sizeof(hash); i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    ck_assert_str_eq(hex, want);
}

TEST(test_sha256)
{
    const char *const two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmno"
                            "mnopnopq";
    char *million = unit_own(malloc(1000000));

    memset(million, 'a', 1000000);
    is_hash("", 0,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    is_hash("abc", 3,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    is_hash(two, strlen(two),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    is_hash(million, 1000000,
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    is_hash(million, 55,
            "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
    is_hash(million, 56,
            "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
    is_hash(million, 64,
            "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
}
