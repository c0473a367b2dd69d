/* Serializes exchanges and events into entries. */
#include "core/log/item_entry.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/curlcode.h"
#include "lib/span/allowlist.h"
#include "llmobs.h"

/* The fields of an exchange. Their numbers are on the disk and never change. */
enum {
    TAG_NUMBERS = 1,
    TAG_TIMES,
    TAG_RULE,
    TAG_METHOD,
    TAG_URL,
    TAG_REQUEST_HEADER,
    TAG_RESPONSE_HEADER,
    TAG_REQUEST,
    TAG_REQUEST_TAIL,
    TAG_RESPONSE,
    TAG_RESPONSE_TAIL,
    TAG_MARKS,
    TAG_ERROR_TEXT,
    TAG_SAMPLE_RATE,
    TAG_SAMPLED,
    TAG_ML_APP,
    TAG_SESSION,
    TAG_PAGENT,
    TAG_ANNOTATIONS,
    TAG_DM,
    TAG_ORIGIN,
    TAG_VENDORS,
    TAG_CALLER,
    TAG_CALLER_LEFT,
    TAG_EXPERIMENT,
    TAG_API, /* before TAG_RULE */
    TAG_PAGE,
    TAG_PEER,
    TAG_MASKED /* behind TAG_NUMBERS */
};

/* The order in TAG_NUMBERS, which only ever grows at its end: numbers that a
 * member of the exchange holds, and others. */
#define NUMBERS(MEMBER, OTHER)                      \
    MEMBER(TRACE_HIGH, context.trace_id.hi)         \
    MEMBER(TRACE_LOW, context.trace_id.lo)          \
    MEMBER(APM_HIGH, context.apm_trace_id.hi)       \
    MEMBER(APM_LOW, context.apm_trace_id.lo)        \
    MEMBER(SPAN, context.span_id)                   \
    MEMBER(PARENT, context.parent_id)               \
    MEMBER(APM_PARENT, context.apm_parent_id)       \
    MEMBER(PAGENT_SPAN, context.pagent_span_id)     \
    MEMBER(START_WALL, start_wall_ns)               \
    MEMBER(START_MONO, start_mono_ns)               \
    MEMBER(DURATION, duration_ns)                   \
    MEMBER(STATUS, status)                          \
    MEMBER(END, end)                                \
    MEMBER(CODE, code)                              \
    MEMBER(MULTIPART, multipart)                    \
    MEMBER(REQUEST_TOTAL, request.total)            \
    OTHER(REQUEST_FLAGS, none)                      \
    MEMBER(RESPONSE_TOTAL, response.total)          \
    OTHER(RESPONSE_FLAGS, none)                     \
    MEMBER(HTTP_VERSION, transfer.http_version)     \
    MEMBER(REDIRECTS, transfer.redirects)           \
    MEMBER(BYTES_SENT, transfer.bytes_sent)         \
    MEMBER(BYTES_RECEIVED, transfer.bytes_received) \
    MEMBER(CAPTURE_MAX, request.whole_max)          \
    MEMBER(PRIORITY, context.priority)              \
    OTHER(TRACE_FLAGS, none)                        \
    OTHER(THREAD, none)                             \
    OTHER(PROGRESS, none)                           \
    MEMBER(ACCOUNT, account)                        \
    MEMBER(TAGS, tags)                              \
    MEMBER(KEY, key)

enum {
#define NUMBER(id, member) NUMBER_##id,
    NUMBERS(NUMBER, NUMBER)
#undef NUMBER
        NUMBER_COUNT
};
#define SKIP(id, member)

/* TAG_MASKED says which version has masked the request, and whether it has
 * masked the answer, too: another version may know other secrets. */
#define REQUEST_MASKED LLMOBS_VERSION
#define BOTH_MASKED LLMOBS_VERSION "+"

/* The least number of bytes of TAG_NUMBERS: a process that was started before
 * an upgrade does not write the numbers that the upgrade added. */
#define NUMBERS_LEAST (NUMBER_TAGS * sizeof(int64_t))

#define TRACE_REMOTE 1
#define TRACE_SENT 2
#define TRACE_UNSAMPLED 4
#define TRACE_WIRED 8
#define TRACE_APP_FOUND 16 /* nobody named the ml_app */
#define TRACE_OWN 32
#define TRACE_BARE_HEAD 256 /* times bare_head */

#define FLAG_TRUNCATED 1
#define FLAG_LOST 2
#define FLAG_UNSEEN 8
#define FLAG_BARE 4 /* for both bodies: they were left out */

/* -- writing ------------------------------------------------------------- */

static int64_t flags_of(const struct llmobs_body *body)
{
    return (body->truncated ? FLAG_TRUNCATED : 0) |
           (body->lost ? FLAG_LOST : 0) | (body->unseen ? FLAG_UNSEEN : 0);
}

/* True where the request is longer than what a BEGIN gets of it. */
static bool is_cut(const struct llmobs_exchange *exchange)
{
    return llmobs_body_head(&exchange->request).len > LLMOBS_BEGIN_MAX;
}

/* Also writes where in this process a call that has begun is. The thread
 * pointer names the thread, because asking the kernel for the thread's number
 * would be a system call. */
static void fill_numbers(const struct llmobs_exchange *exchange, bool bare,
                         enum llmobs_entry_type type, int64_t *n)
{
    bool begun = llmobs_entry_has_begun(type);

#define FILL(id, member) n[NUMBER_##id] = (int64_t)exchange->member;
    NUMBERS(FILL, SKIP)
#undef FILL
    n[NUMBER_REQUEST_FLAGS] = flags_of(&exchange->request);
    n[NUMBER_RESPONSE_FLAGS] = flags_of(&exchange->response);
    n[NUMBER_TRACE_FLAGS] =
        (exchange->context.remote ? TRACE_REMOTE : 0) |
        (exchange->traced ? TRACE_SENT : 0) |
        (exchange->own_trace ? TRACE_OWN : 0) |
        (exchange->wired ? TRACE_WIRED : 0) |
        (exchange->context.app ? TRACE_APP_FOUND : 0) |
        (exchange->context.unsampled ? TRACE_UNSAMPLED : 0) |
        exchange->bare_head * TRACE_BARE_HEAD;
    n[NUMBER_THREAD] = begun ? (intptr_t)__builtin_thread_pointer() : 0;
    n[NUMBER_PROGRESS] = begun ? (intptr_t)&exchange->progress : 0;
    if (type == LLMOBS_ENTRY_START)
        n[NUMBER_REQUEST_TOTAL] = n[NUMBER_REQUEST_FLAGS] = 0;
    if (type == LLMOBS_ENTRY_BEGIN && is_cut(exchange))
        n[NUMBER_REQUEST_FLAGS] |= FLAG_TRUNCATED;
    if (bare)
        n[NUMBER_REQUEST_FLAGS] = n[NUMBER_RESPONSE_FLAGS] =
            type == LLMOBS_ENTRY_START ? FLAG_BARE : FLAG_LOST | FLAG_BARE;
}

static void add_text(struct llmobs_entry_writer *writer, uint32_t tag,
                     const char *text)
{
    if (text && *text)
        llmobs_entry_add(writer, tag, text, strlen(text));
}

/* Adds "name" NUL "value" as two pieces, the NUL in the first. `bare`: without
 * headers that name users, as bodies do. */
static void add_headers(struct llmobs_entry_writer *writer, uint32_t tag,
                        bool bare, const struct llmobs_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        const struct llmobs_header *header = &headers->list[i];

        if (!bare || !llmobs_allowlist_tag(header->name, strlen(header->name)))
            llmobs_entry_add_two(
                writer, tag,
                (struct llmobs_text){header->name, strlen(header->name) + 1},
                llmobs_text_of(header->value));
    }
}

static void add_body(struct llmobs_entry_writer *writer, uint32_t tag,
                     struct llmobs_body *body)
{
    struct llmobs_text head = llmobs_body_head(body), tail;

    if (head.data)
        llmobs_entry_add(writer, tag, head.data, head.len);
    if (!body->truncated)
        return;
    tail = llmobs_body_tail(body);
    llmobs_entry_add(writer, tag + 1, tail.data, tail.len);
}

/* Short texts; the context's are the last, and of these the ones that the log
 * looks at itself. */
#define TEXT(tag, member)                                 \
    {                                                     \
        tag, offsetof(struct llmobs_exchange, member),    \
            sizeof(((struct llmobs_exchange *)0)->member) \
    }
static const struct {
    uint32_t tag;
    size_t at;
    size_t cap;
} texts[] = {
    TEXT(TAG_METHOD, method),
    TEXT(TAG_ERROR_TEXT, error_text),
    TEXT(TAG_SAMPLE_RATE, context.sample_rate),
    TEXT(TAG_SAMPLED, context.sampled),
    TEXT(TAG_ML_APP, context.ml_app),
    TEXT(TAG_EXPERIMENT, context.experiment),
    TEXT(TAG_PAGE, context.page),
    TEXT(TAG_DM, context.dm),
    TEXT(TAG_ORIGIN, context.origin),
    TEXT(TAG_SESSION, context.session_id),
    TEXT(TAG_PAGENT, context.pagent_name),
    TEXT(TAG_VENDORS, context.vendors),
};
#undef TEXT
#define TEXTS (sizeof(texts) / sizeof(*texts))
#define FIRST_OF_CONTEXT 2
#define FIRST_LOOKED_AT 7

void llmobs_exchange_add(struct llmobs_exchange *exchange, bool bare,
                         struct llmobs_exchange_facts *facts,
                         struct llmobs_entry_writer *writer)
{
    enum llmobs_entry_type type = writer->start.head.type;
    bool ended = type == LLMOBS_ENTRY_END;
    struct llmobs_match match = exchange->match;

    /* Writes the rule of the exchange. If the bodies are left out, the rule
     * needs no body to confirm it. */
    if (type == LLMOBS_ENTRY_START)
        match.confirm = match.confirm && !exchange->stands;
    else if (bare &&
             llmobs_rules_seems(
                 &match, llmobs_body_head(match.bodyless ? &exchange->response
                                                         : &exchange->request)))
        match.confirm = false;
    writer->failed =
        llmobs_rules_note(&match, facts->rule, sizeof(facts->rule));
    if (writer->failed) /* the rule's text has no end */
        return;
    fill_numbers(exchange, bare, type, facts->numbers);
    facts->times[0] = exchange->transfer.dns_ms;
    facts->times[1] = exchange->transfer.connect_ms;
    facts->times[2] = exchange->transfer.tls_ms;
    facts->times[3] = exchange->transfer.first_byte_ms;
    llmobs_entry_add(writer, TAG_NUMBERS, facts->numbers,
                     NUMBER_COUNT * sizeof(*facts->numbers));
    llmobs_entry_add(writer, TAG_TIMES, facts->times, sizeof(facts->times));
    add_text(writer, TAG_API, llmobs_rules_api(&exchange->match));
    add_text(writer, TAG_RULE, facts->rule);
    add_text(writer, TAG_METHOD, exchange->method);
    add_text(writer, TAG_URL, exchange->url);
    if (type != LLMOBS_ENTRY_START)
        add_headers(writer, TAG_REQUEST_HEADER, bare,
                    &exchange->request_headers);
    if (ended)
        add_headers(writer, TAG_RESPONSE_HEADER, false,
                    &exchange->response_headers);
    for (size_t i = FIRST_OF_CONTEXT; i < TEXTS; i++) {
        const char *text = (const char *)exchange + texts[i].at;

        if (*text && (i < FIRST_LOOKED_AT || llmobs_exchange_may_keep(text)))
            add_text(writer, texts[i].tag, text);
    }
    if (!bare)
        add_text(writer, TAG_ANNOTATIONS, exchange->annotations);
    add_text(writer, TAG_PEER, exchange->peer);
    add_text(writer, TAG_CALLER, exchange->caller);
    add_text(writer, TAG_CALLER_LEFT, exchange->caller_unnamed);
    /* A BEGIN gets no coded body, as that is not masked. */
    if (bare || type == LLMOBS_ENTRY_START ||
        (!ended && llmobs_exchange_request_coded(exchange)))
        return;
    if (ended || !is_cut(exchange))
        add_body(writer, TAG_REQUEST, &exchange->request);
    else
        llmobs_entry_add(writer, TAG_REQUEST,
                         llmobs_body_head(&exchange->request).data,
                         LLMOBS_BEGIN_MAX);
    if (!ended)
        return;
    add_text(writer, TAG_MASKED,
             llmobs_exchange_is_masked(exchange, true) ? BOTH_MASKED
                                                       : REQUEST_MASKED);
    add_body(writer, TAG_RESPONSE, &exchange->response);
    add_text(writer, TAG_ERROR_TEXT, exchange->error_text);
    if (exchange->mark_count > 0)
        llmobs_entry_add(writer, TAG_MARKS, exchange->marks,
                         exchange->mark_count * sizeof(*exchange->marks));
}

/* -- reading ------------------------------------------------------------- */

/* An exchange while it is read, and the fields that it must have. */
struct reading {
    struct llmobs_text api; /* the lines of the user's API; borrowed */
    struct llmobs_exchange *exchange;
    struct llmobs_recalls **recalls;
    int64_t numbers[NUMBER_COUNT];
    bool numbered;
    bool ruled;
};

/* An entry with a time before 1970 is damaged: no clock gives such a time, and
 * a difference of its times could overflow. */
static int read_numbers(struct reading *reading, struct llmobs_text value)
{
    struct llmobs_exchange *exchange = reading->exchange;
    int64_t *n = reading->numbers;

    if (value.len < NUMBERS_LEAST)
        return 0;
    memcpy(n, value.data,
           value.len < sizeof(reading->numbers) ? value.len
                                                : sizeof(reading->numbers));
    reading->numbered = true;
    if (n[NUMBER_START_WALL] < 0 || n[NUMBER_START_MONO] < 0 ||
        n[NUMBER_DURATION] < 0)
        return -EINVAL;
#define READ(id, member) \
    exchange->member = (__typeof__(exchange->member))n[NUMBER_##id];
    NUMBERS(READ, SKIP)
#undef READ
    exchange->code_name = llmobs_curlcode_name(exchange->code);
    exchange->response.whole_max = exchange->request.whole_max;
    exchange->context.remote = n[NUMBER_TRACE_FLAGS] & TRACE_REMOTE;
    exchange->traced = n[NUMBER_TRACE_FLAGS] & TRACE_SENT;
    exchange->wired = n[NUMBER_TRACE_FLAGS] & TRACE_WIRED;
    exchange->own_trace = n[NUMBER_TRACE_FLAGS] & TRACE_OWN;
    exchange->bare_head = n[NUMBER_TRACE_FLAGS] / TRACE_BARE_HEAD & 7;
    exchange->context.unsampled = n[NUMBER_TRACE_FLAGS] & TRACE_UNSAMPLED;
    exchange->context.app = n[NUMBER_TRACE_FLAGS] & TRACE_APP_FOUND
                                ? LLMOBS_APP_FOUND
                                : LLMOBS_APP_NAMED;
    return 0;
}

static int read_header(struct llmobs_headers *headers, struct llmobs_text value)
{
    size_t name = strnlen(value.data, value.len);
    struct llmobs_header *header = &headers->list[headers->count];

    if (name == value.len || headers->count == LLMOBS_HEADERS_MAX)
        return -EINVAL;
    header->name = llmobs_allowlist_answer(value.data, name);
    if (!header->name)
        header->name = llmobs_allowlist_tag(value.data, name);
    if (!header->name)
        return 0;
    header->value = strndup(value.data + name + 1, value.len - name - 1);
    headers->count++;
    return header->value ? 0 : -ENOMEM;
}

static int read_head(struct llmobs_body *body, struct llmobs_text value)
{
    if (body->head.len > 0)
        return -EINVAL;
    body->head.max = value.len;
    return llmobs_buf_add(&body->head, value.data, value.len);
}

static int read_tail(struct llmobs_body *body, struct llmobs_text value)
{
    free(body->tail);
    body->tail = malloc(value.len + 1);
    if (!body->tail)
        return -ENOMEM;
    memcpy(body->tail, value.data, value.len);
    body->tail_len = value.len;
    return 0;
}

static void read_flags(struct llmobs_body *body, int64_t flags)
{
    body->truncated = flags & FLAG_TRUNCATED;
    body->lost = flags & FLAG_LOST;
    body->unseen = flags & FLAG_UNSEEN;
}

static int read_field(struct reading *reading, uint32_t tag,
                      struct llmobs_text value)
{
    struct llmobs_exchange *exchange = reading->exchange;
    int rc;

    switch (tag) {
    case TAG_NUMBERS:
        return read_numbers(reading, value);
    case TAG_TIMES: {
        double times[4];

        if (value.len != sizeof(times))
            return 0;
        memcpy(times, value.data, sizeof(times));
        exchange->transfer.dns_ms = times[0];
        exchange->transfer.connect_ms = times[1];
        exchange->transfer.tls_ms = times[2];
        exchange->transfer.first_byte_ms = times[3];
        return 0;
    }
    case TAG_API:
        reading->api = value;
        return 0;
    case TAG_RULE:
        rc = llmobs_rules_recall(reading->recalls, reading->api, value,
                                 &exchange->match);
        reading->ruled = rc == 0;
        return rc;
    case TAG_URL:
        return llmobs_entry_copy(&exchange->url, value);
    case TAG_ANNOTATIONS:
        return llmobs_entry_copy(&exchange->annotations, value);
    case TAG_PEER:
        return llmobs_entry_copy(&exchange->peer, value);
    case TAG_CALLER:
        return llmobs_entry_copy(&exchange->caller, value);
    case TAG_CALLER_LEFT:
        return llmobs_entry_copy(&exchange->caller_unnamed, value);
    case TAG_REQUEST_HEADER:
        return read_header(&exchange->request_headers, value);
    case TAG_RESPONSE_HEADER:
        return read_header(&exchange->response_headers, value);
    case TAG_REQUEST:
        return read_head(&exchange->request, value);
    case TAG_REQUEST_TAIL:
        return read_tail(&exchange->request, value);
    case TAG_RESPONSE:
        return read_head(&exchange->response, value);
    case TAG_RESPONSE_TAIL:
        return read_tail(&exchange->response, value);
    case TAG_MASKED:
        if (llmobs_text_is(value, BOTH_MASKED))
            exchange->answer_masked = exchange->response.total;
        else if (!llmobs_text_is(value, REQUEST_MASKED))
            return 0;
        exchange->masked = exchange->request.total;
        return 0;
    case TAG_MARKS: {
        size_t count = value.len / sizeof(*exchange->marks);

        if (count > LLMOBS_MARKS_MAX)
            return -EINVAL;
        free(exchange->marks);
        exchange->marks = calloc(count + 1, sizeof(*exchange->marks));
        if (!exchange->marks)
            return -ENOMEM;
        memcpy(exchange->marks, value.data, count * sizeof(*exchange->marks));
        exchange->mark_count = exchange->mark_cap = count;
        return 0;
    }
    default:
        for (size_t i = 0; i < TEXTS; i++)
            if (texts[i].tag == tag)
                llmobs_context_text((char *)exchange + texts[i].at,
                                    texts[i].cap, value);
        return 0;
    }
}

int llmobs_exchange_read(const struct llmobs_entry *entry,
                         struct llmobs_recalls **recalls,
                         struct llmobs_exchange **out)
{
    struct reading reading = {.recalls = recalls};
    const int64_t *flags = reading.numbers;
    struct llmobs_exchange *exchange;
    struct llmobs_text value;
    size_t at = 0;
    uint32_t tag;
    int rc = 0;

    *out = NULL;
    if (!llmobs_entry_has_begun(entry->type) &&
        entry->type != LLMOBS_ENTRY_END &&
        entry->type != LLMOBS_ENTRY_CHILDS_END)
        return -EINVAL;
    exchange = reading.exchange = llmobs_exchange_new(0);
    if (!exchange)
        return -ENOMEM;
    while (!rc && llmobs_entry_field(entry, &at, &tag, &value))
        rc = read_field(&reading, tag, value);
    if (!rc && (!reading.numbered || !reading.ruled || !exchange->url))
        rc = -EINVAL;
    if (rc) {
        llmobs_exchange_free(exchange);
        return rc;
    }
    exchange->bare = (flags[NUMBER_REQUEST_FLAGS] & FLAG_BARE) != 0;
    read_flags(&exchange->request, flags[NUMBER_REQUEST_FLAGS]);
    read_flags(&exchange->response, flags[NUMBER_RESPONSE_FLAGS]);
    *out = exchange;
    return 0;
}

/* -- an encoded event ------------------------------------------------------ */

/* Beside the tags of the text: when the entry was written, by both clocks. */
#define TAG_BEGAN 64
#define TAG_MONO 65

struct llmobs_item *llmobs_event_item_new(enum llmobs_event_kind kind,
                                          struct llmobs_text text)
{
    struct llmobs_event_item *event = malloc(sizeof(*event) + text.len);

    if (!event)
        return NULL;
    memset(event, 0, sizeof(*event));
    event->item.type = LLMOBS_ITEM_EVENT;
    event->item.kind = kind;
    event->len = text.len;
    memcpy(event->data, text.data, text.len);
    return &event->item;
}

struct llmobs_text llmobs_event_item_text(const struct llmobs_item *item)
{
    const struct llmobs_event_item *event =
        (const struct llmobs_event_item *)item;

    return (struct llmobs_text){event->data, event->len};
}

void llmobs_event_add(struct llmobs_entry_writer *writer,
                      enum llmobs_event_kind kind, struct llmobs_text text,
                      const int64_t now_ns[2])
{
    llmobs_entry_add(writer, LLMOBS_EVENT_TAG + (uint32_t)kind, text.data,
                     text.len);
    llmobs_entry_add(writer, TAG_BEGAN, &now_ns[0], sizeof(*now_ns));
    llmobs_entry_add(writer, TAG_MONO, &now_ns[1], sizeof(*now_ns));
}

/* Finds the key by its quotes, which are escaped within any string. */
static int64_t start_of_span(struct llmobs_text event)
{
    static const char key[] = "\"start_ns\":";
    const char *end = event.data + event.len;
    const char *at = memmem(event.data, event.len, key, sizeof(key) - 1);
    int64_t start = 0;

    if (!at)
        return 0;
    at += sizeof(key) - 1;
    while (at < end && *at == ' ')
        at++;
    for (; at < end && *at >= '0' && *at <= '9'; at++)
        if (start <= (INT64_MAX - 9) / 10)
            start = start * 10 + (*at - '0');
    return start;
}

/* -- either ---------------------------------------------------------------- */

int llmobs_item_read(const struct llmobs_entry *entry,
                     struct llmobs_recalls **recalls, struct llmobs_item **out)
{
    struct llmobs_exchange *exchange = NULL;
    struct llmobs_text text;
    size_t at = 0;
    uint32_t tag;
    int rc;

    *out = NULL;
    if (entry->type != LLMOBS_ENTRY_EVENT) {
        rc = llmobs_exchange_read(entry, recalls, &exchange);
        *out = exchange ? &exchange->item : NULL;
        return rc;
    }
    if (!llmobs_entry_field(entry, &at, &tag, &text) ||
        tag < LLMOBS_EVENT_TAG || tag >= LLMOBS_EVENT_TAG + LLMOBS_EVENT_KINDS)
        return -EINVAL;
    *out = llmobs_event_item_new(
        (enum llmobs_event_kind)(tag - LLMOBS_EVENT_TAG), text);
    return *out ? 0 : -ENOMEM;
}

/* Copies the numbers of an entry; false where it has no numbers. */
static bool find_numbers(const struct llmobs_entry *entry,
                         int64_t numbers[NUMBER_COUNT])
{
    struct llmobs_text value;
    size_t at = 0, size = NUMBER_COUNT * sizeof(*numbers);
    uint32_t tag;

    while (llmobs_entry_field(entry, &at, &tag, &value))
        if (tag == TAG_NUMBERS && value.len >= size) {
            memcpy(numbers, value.data, size);
            return true;
        }
    return false;
}

int64_t llmobs_item_start(const struct llmobs_entry *entry, int64_t *mono_ns)
{
    int64_t start = 0, wall = 0, mono = 0, numbers[NUMBER_COUNT];
    struct llmobs_text value;
    size_t at = 0;
    uint32_t tag;

    if (entry->type != LLMOBS_ENTRY_EVENT && find_numbers(entry, numbers)) {
        start = wall = numbers[NUMBER_START_WALL];
        mono = numbers[NUMBER_START_MONO];
    }
    while (entry->type == LLMOBS_ENTRY_EVENT &&
           llmobs_entry_field(entry, &at, &tag, &value)) {
        if (tag == LLMOBS_EVENT_TAG + LLMOBS_EVENT_SPAN)
            start = start_of_span(value);
        else if (tag == TAG_BEGAN && value.len == sizeof(wall))
            memcpy(&wall, value.data, sizeof(wall));
        else if (tag == TAG_MONO && value.len == sizeof(mono))
            memcpy(&mono, value.data, sizeof(mono));
    }
    start = start ? start : wall;
    /* An event had begun so long before its entry was written. */
    if (mono_ns)
        *mono_ns = mono > 0 && wall - start < mono ? mono - (wall - start) : 0;
    return start;
}

void llmobs_exchange_entry_place(const struct llmobs_entry *entry,
                                 struct llmobs_exchange_place *out)
{
    int64_t numbers[NUMBER_COUNT];

    *out = (struct llmobs_exchange_place){0, 0};
    if (!llmobs_entry_has_begun(entry->type) || !find_numbers(entry, numbers))
        return;
    out->thread = (uint64_t)numbers[NUMBER_THREAD];
    out->progress = (uint64_t)numbers[NUMBER_PROGRESS];
}
