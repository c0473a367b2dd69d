/* Makes the fuzz targets' seeds of texts, recorded cases, and an ELF object.
 *
 *   fuzz-seeds OUTDIR TEXT OBJECT CASES...
 *
 * TEXT has a case for a target, in which each section is a seed (case_file.h).
 * CASES is a folder of tests/rules/, of tests/rare/, or one of the recordings.
 * A call that is not ours or too long to be of use is left out; prints how many
 * were taken.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/span/allowlist.h"
#include "core/log/item_entry.h"
#include "lib/text/eventstream.h"
#include "lib/text/sse.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/case_file.h"
#include "tests/support/corpus_case.h"
#include "tests/support/es_frame.h"
#include "tests/unit/rule_case.h"

#define SEED_MAX 20000 /* as -max_len of scripts/fuzz */

static const char *out;
static size_t number;

static void write_seed(const char *target, const char *before, size_t len,
                       struct llmobs_text text)
{
    char path[4096];
    FILE *file;

    if (text.len == 0 || text.len > SEED_MAX)
        return;
    snprintf(path, sizeof(path), "%s/%s/%05zu", out, target, number++);
    file = fopen(path, "wb");
    if (!file)
        return;
    fwrite(before, 1, len, file);
    fwrite(text.data, 1, text.len, file);
    fclose(file);
}

static unsigned char shape_of(const struct llmobs_match *match)
{
    size_t count = fuzz_shape_count();

    for (size_t i = 0; i < count; i++) {
        struct llmobs_rule rule = fuzz_shape(i);

        if (rule.shape == match->rule->shape)
            return (unsigned char)i;
    }
    return (unsigned char)(count - 1);
}

static unsigned char flags_of(const struct llmobs_match *match,
                              const struct llmobs_call *call)
{
    unsigned status = call->status >= 500   ? 4
                      : call->status >= 400 ? 3
                      : call->status >= 300 ? 6
                      : call->status == 204 ? 7
                      : call->status == 0   ? 5
                                            : 0;

    return (unsigned char)((match->proxied ? FUZZ_PROXIED : 0) |
                           (match->confirm ? FUZZ_CONFIRM : 0) |
                           (call->transport_ok ? 0 : FUZZ_TRANSPORT_FAILED) |
                           status << FUZZ_STATUS_SHIFT);
}

static unsigned char type_of(const struct llmobs_call *call)
{
    const char *type = llmobs_header_find(
        call->response_headers, call->response_header_count, "content-type");

    if (!type)
        return FUZZ_NO_TYPE;
    for (unsigned i = 0; i < FUZZ_TYPES; i++)
        if (fuzz_types[i] &&
            strncmp(type, fuzz_types[i], strlen(fuzz_types[i])) == 0)
            return (unsigned char)i;
    return strstr(type, "json") ? FUZZ_JSON : FUZZ_TEXT;
}

/* The part of the URL for which the shape's last star stands. */
static struct llmobs_text star_of(const char *url, const char *shape)
{
    const char *star = strrchr(shape, '*');
    struct llmobs_text text = {url, strcspn(url, "?#")};
    size_t rest = star ? strlen(star + 1) : 0;

    if (!star || text.len < rest)
        return (struct llmobs_text){"", 0};
    text.len -= rest;
    for (const char *at = url + text.len; at > url; at--)
        if (at[-1] == '/')
            return (struct llmobs_text){at, text.len - (size_t)(at - url)};
    return text;
}

static void add_answer(struct llmobs_buf *buf, const struct llmobs_call *call)
{
    struct llmobs_eventstream_event event;
    struct llmobs_eventstream es;

    if (type_of(call) != FUZZ_EVENTSTREAM) {
        (void)llmobs_buf_add(buf, call->response.data, call->response.len);
        return;
    }
    llmobs_eventstream_init(&es, call->response);
    while (llmobs_eventstream_next(&es, &event)) {
        (void)llmobs_buf_add(buf, event.event_type.data, event.event_type.len);
        (void)llmobs_buf_addc(buf, FUZZ_TYPE_END);
        if (!es_frame_chunk(event.payload, buf))
            (void)llmobs_buf_add(buf, event.payload.data, event.payload.len);
        (void)llmobs_buf_addc(buf, FUZZ_CUT);
    }
}

static void write_dialect(const struct llmobs_match *match,
                          const struct llmobs_call *call)
{
    struct llmobs_text star = star_of(call->url, match->rule->shape->path);
    char head[3] = {(char)shape_of(match), (char)flags_of(match, call),
                    (char)type_of(call)};
    struct llmobs_buf buf;

    llmobs_buf_init(&buf, (size_t)64 << 20);
    (void)llmobs_buf_add(&buf, star.data, star.len);
    (void)llmobs_buf_addc(&buf, '\n');
    (void)llmobs_buf_add(&buf, call->request.data, call->request.len);
    (void)llmobs_buf_addc(&buf, FUZZ_CUT);
    add_answer(&buf, call);
    write_seed("dialects", head, sizeof(head),
               (struct llmobs_text){buf.data, buf.len});
    llmobs_buf_fini(&buf);
}

/* -- compressed bodies ----------------------------------------------------- */

static void write_body(char coding, const void *data, size_t len)
{
    write_seed("inflate", &coding, 1, (struct llmobs_text){data, len});
}

static void write_deflated(char coding, int window, struct llmobs_text text)
{
    static unsigned char out[2 * SEED_MAX];
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text.data,
                  .avail_in = (uInt)text.len,
                  .next_out = out,
                  .avail_out = sizeof(out)};

    if (text.len == 0 || text.len > SEED_MAX ||
        deflateInit2(&z, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    if (deflate(&z, Z_FINISH) == Z_STREAM_END)
        write_body(coding, out, z.total_out);
    deflateEnd(&z);
}

/* The smallest of their kinds: their makers are not linked here. */
static void write_coded(void)
{
    static const unsigned char brotli[] = "\x0b\x02\x80hello\x03";
    static const unsigned char zstd[] =
        "\x28\xb5\x2f\xfd\x20\x05\x29\x00\x00hello";

    write_body(2, brotli, sizeof(brotli) - 1);
    write_body(3, zstd, sizeof(zstd) - 1);
}

/* -- the spool ------------------------------------------------------------- */

static void write_entry(struct llmobs_exchange *exchange,
                        enum llmobs_entry_type type)
{
    static struct llmobs_entry_writer writer;
    char head[] = {0, (char)type, 1};
    struct llmobs_exchange_facts facts;
    struct llmobs_buf buf;

    llmobs_buf_init(&buf, (size_t)64 << 20);
    llmobs_entry_begin(&writer, type, 1);
    llmobs_exchange_add(exchange, false, &facts, &writer);
    if (!writer.failed) {
        for (int i = 0; i < writer.pieces; i++)
            (void)llmobs_buf_add(&buf, writer.iov[i].iov_base,
                                 writer.iov[i].iov_len);
        for (size_t i = 0; i < 2; i++, head[0] = 2)
            write_seed(
                "spool", head, sizeof(head),
                (struct llmobs_text){buf.data + sizeof(writer.start.head),
                                     buf.len - sizeof(writer.start.head)});
    }
    llmobs_buf_fini(&buf);
}

static void write_call(const struct llmobs_match *match,
                       const struct llmobs_call *call)
{
    struct llmobs_exchange *exchange = llmobs_exchange_new(SEED_MAX);

    if (!exchange)
        return;
    exchange->match = *match;
    exchange->url = llmobs_allowlist_url_copy(call->url);
    exchange->status = call->status;
    (void)llmobs_body_add(&exchange->request, call->request.data,
                          call->request.len);
    write_entry(exchange, LLMOBS_ENTRY_BEGIN);
    llmobs_exchange_received(exchange, call->response.data, call->response.len);
    write_entry(exchange, LLMOBS_ENTRY_END);
    llmobs_exchange_free(exchange);
}

/* -- an object ------------------------------------------------------------- */

static void put_place(char *to, size_t place)
{
    to[0] = (char)place;
    to[1] = (char)(place >> 8);
}

/* As the loader lays it out. */
static void write_image(const char *file, const Elf64_Ehdr *head)
{
    const Elf64_Phdr *phdr = (const void *)(file + head->e_phoff);
    static char image[SEED_MAX];
    char places[6] = {0};
    size_t len = 0;

    for (size_t i = 0; i < head->e_phnum; i++) {
        const Elf64_Phdr *p = &phdr[i];

        if (p->p_vaddr + p->p_memsz > sizeof(image))
            return;
        if (p->p_type == PT_LOAD) {
            memcpy(image + p->p_vaddr, file + p->p_offset, p->p_filesz);
            len = p->p_vaddr + p->p_memsz;
        } else if (p->p_type == PT_GNU_EH_FRAME) {
            put_place(places + 2, p->p_vaddr);
        } else if (p->p_type == PT_DYNAMIC) {
            put_place(places + 4, p->p_vaddr);
        }
    }
    put_place(places, head->e_entry);
    write_seed("frames", places, 6, (struct llmobs_text){image, len});
    memcpy(places, places + 4, 2);
    write_seed("elf", places, 6, (struct llmobs_text){image, len});
}

static bool from_object(const char *path)
{
    static _Alignas(16) char file[SEED_MAX];
    FILE *in = fopen(path, "rb");
    size_t len = in ? fread(file, 1, sizeof(file), in) : 0;
    Elf64_Ehdr head;

    if (in)
        fclose(in);
    if (len < sizeof(head) || len == sizeof(file))
        return false;
    memcpy(&head, file, sizeof(head));
    write_seed("object", "", 0, (struct llmobs_text){file, len});
    write_seed("frames", "\0\0\0\0\0\0", 6, (struct llmobs_text){file, len});
    write_image(file, &head);
    return true;
}

/* -- calls ----------------------------------------------------------------- */

/* The documents of a stream, as json_series is given them. */
static void write_series(const struct llmobs_call *call)
{
    struct llmobs_sse_event event;
    struct llmobs_buf buf;
    struct llmobs_sse sse;

    llmobs_buf_init(&buf, SEED_MAX);
    llmobs_sse_init(&sse, call->response);
    while (llmobs_sse_next(&sse, &event) &&
           llmobs_buf_add(&buf, event.data.data, event.data.len) == 0)
        (void)llmobs_buf_addc(&buf, FUZZ_CUT);
    llmobs_sse_fini(&sse);
    write_seed("json_series", "", 0, (struct llmobs_text){buf.data, buf.len});
    llmobs_buf_fini(&buf);
}

static void write_all(const struct llmobs_match *match,
                      const struct llmobs_call *call)
{
    unsigned char type = type_of(call);

    write_dialect(match, call);
    write_call(match, call);
    write_deflated(0, 15 + 16, call->response);
    write_deflated(1, 15, call->response);
    write_seed("json", "", 0, call->request);
    if (type == FUZZ_SSE) {
        write_seed("sse", "", 0, call->response);
        write_series(call);
    }
    if (type == FUZZ_EVENTSTREAM)
        write_seed("eventstream", number % 2 ? "1" : "0", 1, call->response);
    else if (type != FUZZ_SSE)
        write_seed("json", "", 0, call->response);
}

static size_t from_rules(const char *dir)
{
    struct case_texts texts;
    int rc = case_texts_read(&texts, dir);
    size_t taken = 0;

    for (size_t i = 0; rc == 0 && i < texts.count; i++) {
        struct rule_case c;

        if (rule_case_load(&c, &texts.list[i]) == 0 && c.ours) {
            write_all(&c.match, &c.call);
            taken++;
        }
        rule_case_fini(&c);
    }
    case_texts_fini(&texts);
    return taken;
}

static bool from_recording(const char *dir)
{
    static const char *const env[] = {"DD_LLMOBS_ENABLED=1", NULL};
    struct llmobs_config *config = llmobs_config_load(env, NULL, NULL);
    struct llmobs_rules_config plain = {0};
    struct llmobs_rules *rules = llmobs_rules_new(&plain);
    struct llmobs_exchange *exchange = NULL;
    struct corpus_case c;
    const char *why;

    if (corpus_case_load(&c, dir) == 0 &&
        corpus_case_exchange(&c, rules, config, &exchange, &why) == 0) {
        struct llmobs_call call = {
            .url = exchange->url,
            .response_headers = exchange->response_headers.list,
            .response_header_count = exchange->response_headers.count,
            .request = llmobs_body_head(&exchange->request),
            .response = llmobs_body_head(&exchange->response),
            .status = exchange->status,
            .transport_ok = true,
        };

        write_all(&exchange->match, &call);
    }
    if (exchange)
        llmobs_exchange_free(exchange);
    corpus_case_fini(&c);
    llmobs_rules_free(rules);
    llmobs_config_free(config);
    return exchange != NULL;
}

static bool from_texts(const char *path)
{
    struct case_texts texts;
    int rc = case_texts_read(&texts, path);

    for (size_t i = 0; rc == 0 && i < texts.count; i++) {
        const struct case_text *target = &texts.list[i];
        char dir[4096];

        snprintf(dir, sizeof(dir), "%s/%s", out, target->name);
        (void)mkdir(dir, 0777);
        for (size_t k = 0; k < target->count; k++)
            write_seed(target->name, "", 0,
                       llmobs_buf_text(&target->sections[k].data));
    }
    case_texts_fini(&texts);
    return rc == 0;
}

static void make_dirs(void)
{
    static const char *const targets[] = {
        "sse",     "eventstream", "json",   "dialects", "spool",
        "inflate", "frames",      "object", "elf",      "json_series"};
    char path[4096];

    (void)mkdir(out, 0777);
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", out, targets[i]);
        (void)mkdir(path, 0777);
    }
}

int main(int argc, char **argv)
{
    size_t taken = 0;

    if (argc < 5) {
        fprintf(stderr, "usage: fuzz-seeds OUTDIR TEXT OBJECT CASES...\n");
        return 2;
    }
    out = argv[1];
    make_dirs();
    write_coded();
    if (!from_texts(argv[2]))
        return 1;
    if (!from_object(argv[3])) {
        fprintf(stderr, "fuzz-seeds: %s: no small object\n", argv[3]);
        return 1;
    }
    for (int i = 4; i < argc; i++) {
        char path[4096];

        snprintf(path, sizeof(path), "%s/request.json", argv[i]);
        taken += access(path, F_OK) == 0 ? from_recording(argv[i])
                                         : from_rules(argv[i]);
    }
    printf("%zu calls\n", taken);
    return taken == 0;
}
