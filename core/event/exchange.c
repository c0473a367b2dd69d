/* Allocates, fills and frees a captured exchange. */
#include "core/event/exchange.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/base/blocks.h"
#include "lib/base/clock.h"
#include "lib/base/cold.h"
#include "lib/base/fork.h"
#include "lib/base/sanitizer.h"
#include "lib/base/sha256.h"
#include "lib/span/allowlist.h"
#include "lib/span/secrets.h"
#include "lib/span/vectors.h"
#include "lib/text/inflate.h"

/* How many bytes of each end of a picture or a sound within JSON stay. */
#define INLINE_MEDIA_MAX ((size_t)64 * 1024)

/* A block holds an exchange and room for two small bodies. */
struct block {
    struct llmobs_exchange exchange;
    char request[LLMOBS_BODY_ROOM];
    char response[LLMOBS_BODY_ROOM];
};

/* Under a sanitizer each exchange is allocated: the sanitizer sees its end.
 */
#if LLMOBS_ASAN
static struct llmobs_blocks blocks = {.taken = UINT64_MAX};
#else
LLMOBS_COLD static struct block memory[LLMOBS_BLOCKS];
static struct llmobs_blocks blocks = {.memory = (unsigned char *)memory,
                                      .size = sizeof(struct block)};
#endif

/* Wipes a block, so that it holds no address of freed memory: the program may
 * get that memory next and leak it, and the address would hide the leak
 * (hidden.h). */
static void free_memory(void *item)
{
    if (!llmobs_blocks_have(&blocks, item)) {
        free(item);
        return;
    }
    memset(item, 0, sizeof(struct llmobs_exchange));
    llmobs_blocks_free(&blocks, item);
}

static const char coding_name[] = "content-encoding";

struct llmobs_exchange *llmobs_exchange_new(size_t capture_max)
{
    struct block *block = llmobs_blocks_alloc(&blocks);
    struct llmobs_exchange *exchange =
        block ? &block->exchange : malloc(sizeof(*exchange));

    if (!exchange)
        return NULL;
    memset(exchange, 0, sizeof(*exchange));
    exchange->item.type = LLMOBS_ITEM_EXCHANGE;
    llmobs_body_init(&exchange->request, capture_max);
    llmobs_body_init(&exchange->response, capture_max);
    if (block) {
        exchange->request.room = block->request;
        exchange->response.room = block->response;
    }
    exchange->transfer.dns_ms = -1;
    exchange->transfer.connect_ms = -1;
    exchange->transfer.tls_ms = -1;
    exchange->transfer.first_byte_ms = -1;
    exchange->transfer.bytes_sent = -1;
    exchange->transfer.bytes_received = -1;
    llmobs_exchange_start(exchange);
    return exchange;
}

void llmobs_exchange_start(struct llmobs_exchange *exchange)
{
    exchange->process = llmobs_fork_process();
    exchange->start_wall_ns = llmobs_clock_wall_ns();
    exchange->start_mono_ns = llmobs_clock_mono_ns();
}

void llmobs_exchange_set_begin(struct llmobs_exchange *exchange,
                               int64_t mono_ns)
{
    exchange->start_wall_ns -= exchange->start_mono_ns - mono_ns;
    exchange->start_mono_ns = mono_ns;
}

void llmobs_exchange_free(struct llmobs_exchange *exchange)
{
    if (!exchange)
        return;
    exchange->progress.id = 0;
    free(exchange->url);
    free(exchange->annotations);
    free(exchange->peer);
    free(exchange->caller);
    free(exchange->caller_unnamed);
    free(exchange->marks);
    llmobs_headers_clear(&exchange->request_headers);
    llmobs_headers_clear(&exchange->response_headers);
    llmobs_form_free(exchange->form);
    exchange->form = NULL;
    llmobs_body_fini(&exchange->request);
    llmobs_body_fini(&exchange->response);
    llmobs_body_fini(&exchange->plain);
    free_memory(exchange);
}

void llmobs_item_free(struct llmobs_item *item)
{
    if (item->type == LLMOBS_ITEM_EXCHANGE)
        llmobs_exchange_free((struct llmobs_exchange *)item);
    else
        free(item);
}

/* Adds a header by its name on the list of allowed ones; NULL: adds nothing. */
static void add_header(struct llmobs_headers *headers, const char *name,
                       struct llmobs_text value)
{
    struct llmobs_header *header = &headers->list[headers->count];

    if (!name || headers->count == LLMOBS_HEADERS_MAX)
        return;
    value = llmobs_text_trim(value);
    if (value.len > LLMOBS_HEADER_VALUE_MAX)
        value.len = LLMOBS_HEADER_VALUE_MAX;
    header->name = name;
    if (!llmobs_allowlist_hashed(name)) {
        header->value = strndup(value.data, value.len);
    } else if ((header->value = malloc(LLMOBS_SHA256_LEN + 1))) {
        /* Half the hash, in hex: enough to tell one session from another. */
        llmobs_sha256_digits(value.data, value.len, LLMOBS_SHA256_LEN,
                             header->value);
    }
    if (!header->value)
        return;
    llmobs_secrets_mask(header->value, strlen(header->value));
    headers->count++;
}

void llmobs_headers_add(struct llmobs_headers *headers, const char *line,
                        size_t name_len)
{
    const char *name = llmobs_allowlist_header(line, name_len);
    const char *value = line + name_len + 1;

    if (name)
        add_header(headers, name, llmobs_text_of(value));
}

/* True if the only free places are for the headers that a call needs. Other
 * headers do not get these places. */
static bool is_full(const struct llmobs_headers *headers)
{
    return headers->count >= LLMOBS_HEADERS_MAX - LLMOBS_HEADERS_NEEDED;
}

void llmobs_headers_add_tag(struct llmobs_headers *headers, const char *line,
                            size_t name_len)
{
    const char *name = llmobs_allowlist_tag(line, name_len);

    if (name && !is_full(headers))
        add_header(headers, name,
                   llmobs_allowlist_tag_value(name, line, name_len));
}

void llmobs_headers_add_answer(struct llmobs_headers *headers, const char *line,
                               size_t len)
{
    bool full = is_full(headers);
    const char *colon = memchr(line, ':', len);
    size_t name_len = colon ? (size_t)(colon - line) : len;

    if (colon)
        add_header(headers,
                   full ? llmobs_allowlist_header(line, name_len)
                        : llmobs_allowlist_answer(line, name_len),
                   (struct llmobs_text){colon + 1, len - name_len - 1});
}

void llmobs_headers_clear(struct llmobs_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++)
        free(headers->list[i].value);
    headers->count = 0;
}

void llmobs_exchange_expect(struct llmobs_exchange *exchange, const char *line,
                            size_t len)
{
    static const char name[] = "content-length:";
    size_t at = sizeof(name) - 1;
    uint64_t length = 0;

    if (len <= at || strncasecmp(line, name, at) != 0)
        return;
    while (at < len && (line[at] == ' ' || line[at] == '\t'))
        at++;
    for (; at < len && line[at] >= '0' && line[at] <= '9'; at++)
        if (length <= LLMOBS_BODY_EXPECT)
            length = length * 10 + (uint64_t)(line[at] - '0');
    llmobs_body_expect(&exchange->response, length);
}

/* Adds bytes to a body that is empty, or whose pictures and sounds were left
 * out so far. When memory runs out, the body is marked as lost. */
static void add_bytes(const struct llmobs_exchange *exchange,
                      struct llmobs_body *body, struct llmobs_blob *blob,
                      unsigned media, struct llmobs_text data)
{
    if (body->total == 0) {
        char first = data.len > 0 ? *data.data : 0;
        /* Or a stream of it: other bytes are not looked at. */
        bool may_be_json = (first >= 'a' && first <= 'z') ||
                           (first && memchr("{[: \r\n\t", first, 7));

        llmobs_blob_reset(blob);
        blob->how = exchange->whole ? 0 : media;
        blob->most = blob->how && may_be_json ? llmobs_rules_stays : NULL;
    }
    (void)llmobs_blob_add(blob, body, data.data, data.len);
}

void llmobs_exchange_received(struct llmobs_exchange *exchange,
                              const void *data, size_t len)
{
    struct llmobs_mark *marks;
    size_t cap;

    if (!len)
        return;
    if (exchange->response.total == 0 && !exchange->whole) {
        /* Keeps only both ends of sounds and pictures, by which a reader
         * recognises them. */
        static const char *const kinds[] = {"audio/", "image/", "video/"};
        const char *type = llmobs_header_find(exchange->response_headers.list,
                                              exchange->response_headers.count,
                                              "content-type");

        for (size_t i = 0; type && i < sizeof(kinds) / sizeof(kinds[0]); i++)
            if (strncasecmp(type, kinds[i], strlen(kinds[i])) == 0)
                llmobs_body_limit(&exchange->response, LLMOBS_BODY_SMALL);
        /* A picture within JSON would fill the budget. Compressed bytes stay,
         * because they cannot be read without their middle. */
        if (exchange->match.media && *(const char *)data == '{')
            llmobs_body_limit(&exchange->response, INLINE_MEDIA_MAX);
    }
    add_bytes(exchange, &exchange->response, &exchange->response_blob,
              exchange->match.answered_media, (struct llmobs_text){data, len});
    exchange->progress.received = exchange->response.total;
    marks = exchange->marks;
    cap = exchange->mark_cap;
    if (exchange->mark_count == LLMOBS_MARKS_MAX)
        return;
    if (exchange->mark_count == cap) {
        cap = cap ? cap * 2 : 16;
        marks = realloc(marks, cap * sizeof(*marks));
        if (!marks)
            return;
        exchange->marks = marks;
        exchange->mark_cap = cap;
    }
    marks[exchange->mark_count].offset = llmobs_body_len(&exchange->response);
    marks[exchange->mark_count].at_ns = llmobs_clock_mono_ns();
    exchange->mark_count++;
}

void llmobs_exchange_unreceive(struct llmobs_exchange *exchange,
                               const void *data, size_t len)
{
    struct llmobs_text head = llmobs_body_head(&exchange->response);

    if (exchange->response.truncated || exchange->response.left > 0 ||
        len > head.len || memcmp(head.data + head.len - len, data, len) != 0)
        return;
    llmobs_body_rewind(&exchange->response, head.len - len);
    llmobs_blob_reset(&exchange->response_blob);
    exchange->progress.received = exchange->response.total;
    while (exchange->mark_count &&
           exchange->marks[exchange->mark_count - 1].offset >
               exchange->response.total)
        exchange->mark_count--;
}

void llmobs_exchange_restart(struct llmobs_exchange *exchange)
{
    llmobs_body_rewind(&exchange->response, 0);
    exchange->answer_masked = 0;
    exchange->progress.received = 0;
    llmobs_body_expect(&exchange->response, 0);
    llmobs_headers_clear(&exchange->response_headers);
    exchange->mark_count = 0;
    exchange->again = exchange->header_again = 0;
    exchange->status = 0;
}

void llmobs_exchange_sent_text(struct llmobs_exchange *exchange,
                               const void *data, size_t len)
{
    add_bytes(exchange, &exchange->request, &exchange->request_blob,
              exchange->match.sent_media, (struct llmobs_text){data, len});
}

void llmobs_exchange_sent_copy(struct llmobs_exchange *exchange,
                               const struct llmobs_body *copy, uint64_t len)
{
    struct llmobs_text head = llmobs_body_head(copy);

    if (copy->truncated || copy->lost || head.len == 0) {
        (void)llmobs_body_clone(&exchange->request, copy);
        llmobs_body_rewind(&exchange->request, len);
        return;
    }
    if (len < head.len)
        head.len = (size_t)len;
    llmobs_exchange_sent_text(exchange, head.data, head.len);
}

void llmobs_exchange_sent(struct llmobs_exchange *exchange, const void *data,
                          size_t len)
{
    if (!exchange->match.form)
        llmobs_exchange_sent_text(exchange, data, len);
    else if (exchange->form)
        llmobs_form_feed(exchange->form, data, len, &exchange->request);
}

void llmobs_exchange_rewind(struct llmobs_exchange *exchange, uint64_t total)
{
    if (exchange->form)
        llmobs_form_rewind(exchange->form, total);
    if (!exchange->form || total == 0)
        llmobs_body_rewind(&exchange->request, total);
    llmobs_blob_reset(&exchange->request_blob);
    exchange->masked = exchange->judged = 0;
    exchange->denied = false;
}

void llmobs_exchange_end(struct llmobs_exchange *exchange)
{
    llmobs_body_end(&exchange->request);
    llmobs_body_end(&exchange->response);
    llmobs_form_free(exchange->form);
    exchange->form = NULL;
}

static bool is_coded(const struct llmobs_body *body,
                     const struct llmobs_headers *headers)
{
    return llmobs_inflate_is_coded(
        llmobs_body_head(body),
        llmobs_header_find(headers->list, headers->count, coding_name));
}

/* Masks the secrets of a body, and the vectors of a search. A compressed body
 * is not text: its vectors stay. */
static void mask_body(const struct llmobs_exchange *exchange,
                      struct llmobs_body *body,
                      const struct llmobs_headers *headers, bool secrets)
{
    bool vectors =
        llmobs_rules_has_vectors(&exchange->match) && !is_coded(body, headers);
    /* The body's own memory, and so writable; the tail of a whole one is empty.
     */
    struct llmobs_text ends[2] = {llmobs_body_head(body),
                                  llmobs_body_tail(body)};

    for (int i = 0; i < 2; i++) {
        char *data = (char *)(uintptr_t)ends[i].data;

        if (secrets)
            llmobs_secrets_mask(data, ends[i].len);
        if (vectors)
            llmobs_vectors_mask(data, ends[i].len, i == 0);
    }
}

static void mask_text(char *text)
{
    if (text)
        llmobs_secrets_mask(text, strlen(text));
}

bool llmobs_exchange_request_coded(const struct llmobs_exchange *exchange)
{
    return is_coded(&exchange->request, &exchange->request_headers);
}

/* Somebody who decodes the body would read the secrets. If this function cannot
 * decode it, the secrets cannot be masked, and the body is dropped. But a body
 * whose first byte does not belong to the coding was never coded. */
static void decode_request(struct llmobs_exchange *exchange)
{
    struct llmobs_body *request = &exchange->request, plain;
    struct llmobs_headers *headers = &exchange->request_headers;
    bool cut = false;
    int rc;

    if (!llmobs_exchange_request_coded(exchange))
        return;
    llmobs_body_init(&plain, request->whole_max);
    rc = llmobs_inflate_body(
        llmobs_body_head(request),
        llmobs_header_find(headers->list, headers->count, coding_name),
        request->whole_max, &plain, &cut);
    if (rc == -EBADMSG && plain.total == 0) {
        llmobs_body_fini(&plain);
        return;
    }
    plain.lost = plain.lost || rc || cut || request->lost || request->truncated;
    llmobs_body_fini(request);
    *request = plain;
    exchange->masked = 0;
    /* The headers are as if the request had come without its coding. */
    for (size_t i = 0; i < headers->count; i++)
        if (strcmp(headers->list[i].name, coding_name) == 0) {
            free(headers->list[i].value);
            headers->list[i] = headers->list[--headers->count];
            return;
        }
}

bool llmobs_exchange_is_denied(struct llmobs_exchange *exchange)
{
    const struct llmobs_body *body = &exchange->request;

    if (exchange->judged != body->total || body->lost)
        exchange->denied =
            !body->truncated && !body->lost &&
            llmobs_rules_denies(&exchange->match, llmobs_body_head(body));
    exchange->judged = body->total;
    return exchange->denied;
}

void llmobs_exchange_prepare(struct llmobs_exchange *exchange,
                             enum llmobs_stage stage, bool bare)
{
    struct llmobs_text head;
    bool text;

    mask_text(exchange->context.experiment);
    mask_text(exchange->context.page);
    mask_text(exchange->annotations);
    if (stage == LLMOBS_STAGE_END)
        mask_text(exchange->error_text);
    /* A coded request may still grow until the END, and a part of it cannot be
     * masked. */
    if (bare || stage == LLMOBS_STAGE_START ||
        (stage == LLMOBS_STAGE_BEGIN &&
         llmobs_exchange_request_coded(exchange)))
        return;
    if (stage == LLMOBS_STAGE_END)
        decode_request(exchange);
    if (exchange->masked != exchange->request.total) {
        exchange->masked = exchange->request.total;
        mask_body(exchange, &exchange->request, &exchange->request_headers,
                  true);
    }
    if (stage != LLMOBS_STAGE_END)
        return;
    /* Frames have checksums, and begin with a 0. Like compressed bytes, they
     * are masked when they are read. */
    head = llmobs_body_head(&exchange->response);
    text = head.len > 0 && *head.data != '\0' &&
           !is_coded(&exchange->response, &exchange->response_headers);
    if (text)
        exchange->answer_masked = exchange->response.total;
    mask_body(exchange, &exchange->response, &exchange->response_headers, text);
}

bool llmobs_exchange_may_keep(const char *text)
{
    char copy[sizeof(((struct llmobs_context *)0)->vendors)];
    size_t len = strlen(text);

    if (len == 0 || len >= sizeof(copy))
        return len == 0;
    memcpy(copy, text, len);
    llmobs_secrets_mask(copy, len);
    return memcmp(copy, text, len) == 0;
}

bool llmobs_exchange_is_masked(const struct llmobs_exchange *exchange,
                               bool answer)
{
    return answer ? exchange->answer_masked == exchange->response.total
                  : exchange->masked == exchange->request.total;
}

static bool is_whole_body(const struct llmobs_body *body)
{
    return !body->truncated && !body->lost;
}

bool llmobs_exchange_request_whole(const struct llmobs_exchange *exchange)
{
    const struct llmobs_headers *headers = &exchange->request_headers;

    return is_whole_body(&exchange->request) && !exchange->bare &&
           !exchange->multipart &&
           !llmobs_header_find(headers->list, headers->count, coding_name);
}

bool llmobs_exchange_answer_whole(const struct llmobs_exchange *exchange)
{
    return is_whole_body(&exchange->response) && !exchange->bare;
}

enum { NOBODY, OWNER, EXIT };

#define EXIT_PATIENCE_MS 100

static bool change_holder(atomic_int *holder, int from, int to)
{
    return atomic_compare_exchange_strong_explicit(
        holder, &from, to, memory_order_acquire, memory_order_relaxed);
}

/* By naps, as an owner of a higher priority would keep the other thread from
 * the processor; a pause of the whole process counts as one. */
static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = LLMOBS_NS_PER_MS / 10}, NULL);
}

bool llmobs_holder_trylock(atomic_int *holder, int ms)
{
    for (int i = 0; !change_holder(holder, NOBODY, EXIT); i++) {
        if (i == 10 * ms)
            return false;
        nap();
    }
    return true;
}

void llmobs_holder_lock(atomic_int *holder)
{
    for (int i = 0; !change_holder(holder, NOBODY, OWNER) &&
                    !change_holder(holder, OWNER, OWNER);
         i++) {
        if (i >= 10 * EXIT_PATIENCE_MS)
            (void)change_holder(holder, EXIT, NOBODY);
        nap();
    }
}

void llmobs_holder_unlock(atomic_int *holder)
{
    atomic_store_explicit(holder, NOBODY, memory_order_release);
}
