/* Finds connections by address or number, without a lock for readers. */
#include "shim/connections.h"

#include <stdint.h>
#include <sys/mman.h>

#include "lib/base/readable.h"
#include "shim/str.h"

#define LEVELS 6
#define WORDS 8 /* of a bucket, the size of a cache line */

/* The lowest bits of a word. The other bits are the negated address, so that a
 * leak checker does not take the word for a reference (core/capture/hidden.h).
 */
enum state {
    NEW = 1, /* it has sent too little to be judged */
    HTTP,
    FOREIGN
};
#define STATES ((uintptr_t)3)

struct bucket {
    _Alignas(64) uintptr_t words[WORDS]; /* 0: free */
};

/* Where a connection's word is, and the record beside it. */
struct place {
    uintptr_t *word; /* NULL: the connection has none */
    struct llmobs_connection *record;
};

/* The buckets of each level; behind them lie their records. */
static struct bucket *levels[LEVELS];
static unsigned count; /* of levels */

static unsigned bits_of(unsigned level)
{
    return 3 + 3 * level;
}

static size_t size_of(unsigned level)
{
    return (sizeof(struct bucket) + WORDS * sizeof(struct llmobs_connection))
           << bits_of(level);
}

static uintptr_t hidden(const void *key)
{
    return -(uintptr_t)key;
}

static struct bucket *bucket_of(unsigned level, const void *key)
{
    uint64_t mixed = (uint64_t)(uintptr_t)key * UINT64_C(0x9E3779B97F4A7C15);

    return &__atomic_load_n(&levels[level],
                            __ATOMIC_ACQUIRE)[mixed >> (64 - bits_of(level))];
}

static struct place place_in(unsigned level, struct bucket *bucket, size_t i)
{
    struct bucket *first = levels[level];
    struct llmobs_connection *records =
        (void *)(first + ((size_t)1 << bits_of(level)));

    return (struct place){
        &bucket->words[i],
        &records[(size_t)(bucket - first) * WORDS + i],
    };
}

/* The place of the connection's word; WORDS: there is none. Compares all words,
 * because a branch that the processor predicts wrongly costs more. */
static size_t find_in(const struct bucket *bucket, uintptr_t wanted)
{
    size_t at = WORDS;

#pragma GCC unroll 8
    for (size_t i = 0; i < WORDS; i++) {
        uintptr_t word = __atomic_load_n(&bucket->words[i], __ATOMIC_RELAXED);

        at = (word & ~STATES) == wanted ? i : at;
    }
    return at;
}

/* Most connections are in the newest level, which has the most words. */
static struct place find(const void *key)
{
    unsigned level = __atomic_load_n(&count, __ATOMIC_ACQUIRE);

    while (level-- > 0) {
        struct bucket *bucket = bucket_of(level, key);
        size_t at = find_in(bucket, hidden(key));

        if (at < WORDS)
            return place_in(level, bucket, at);
    }
    return (struct place){NULL, NULL};
}

/* Adds a level, or finds that another thread did. */
static bool grow(unsigned now)
{
    const int access = PROT_READ | PROT_WRITE;
    struct bucket *none = NULL;
    long made;

    if (now == LEVELS)
        return false;
    made = llmobs_sys(SYS_mmap, 0, size_of(now), access,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (made < 0 && made > -4096)
        return false;
    if (!__atomic_compare_exchange_n(&levels[now], &none, (struct bucket *)made,
                                     false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        llmobs_sys(SYS_munmap, made, size_of(now));
    __atomic_compare_exchange_n(&count, &now, now + 1, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
    return true;
}

static struct place claim_in(unsigned level, const void *key, enum state state)
{
    struct bucket *bucket = bucket_of(level, key);

    for (size_t i = 0; i < WORDS; i++) {
        uintptr_t none = 0;

        if (__atomic_load_n(&bucket->words[i], __ATOMIC_RELAXED) == 0 &&
            __atomic_compare_exchange_n(&bucket->words[i], &none,
                                        hidden(key) | state, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return place_in(level, bucket, i);
    }
    return (struct place){NULL, NULL};
}

/* Claims a free word for a connection that has none. */
static struct place claim(const void *key, enum state state)
{
    struct place place = {NULL, NULL};
    unsigned now;

    do {
        now = __atomic_load_n(&count, __ATOMIC_ACQUIRE);
        for (unsigned level = now; level-- > 0 && !place.word;)
            place = claim_in(level, key, state);
    } while (!place.word && grow(now));
    if (place.word && state == NEW)
        *place.record = (struct llmobs_connection){.held = 0};
    return place;
}

static enum state state_of(struct place place)
{
    return (enum state)(__atomic_load_n(place.word, __ATOMIC_RELAXED) & STATES);
}

static void set_state(struct place place, const void *key, enum state state)
{
    __atomic_store_n(place.word, hidden(key) | state, __ATOMIC_RELEASE);
}

void llmobs_connections_wipe(struct llmobs_connection *connection)
{
    llmobs_bytes_clear(connection->first, sizeof(connection->first));
    connection->held = 0;
    connection->next = 0;
}

/* Reads more of the first bytes that a new connection sends, and judges the
 * connection once they are enough. For HTTP the record keeps only the bytes
 * that earlier attempts sent. */
static enum state read_first(struct llmobs_connection *connection,
                             const char *bytes, size_t len)
{
    char *first = connection->first;
    size_t held = connection->held, all = held;

    switch (llmobs_http1_first_add(first, &all, true, bytes, len)) {
    case LLMOBS_HTTP1_FIRST_SHORT:
        connection->held = (unsigned char)all;
        return NEW;
    case LLMOBS_HTTP1_FIRST_H2:
        connection->http2 = true;
        __attribute__((fallthrough));
    case LLMOBS_HTTP1_FIRST_HTTP:
        llmobs_bytes_clear(first + held, all - held);
        return HTTP;
    case LLMOBS_HTTP1_FIRST_OTHER:
        break;
    }
    llmobs_connections_wipe(connection);
    return FOREIGN;
}

/* Skips the bytes that an earlier attempt to send has shown. Only lengths
 * count, because the program may pass the same bytes from another address. */
static void skip_shown(struct llmobs_connection *connection,
                       struct llmobs_sent *sent)
{
    size_t ahead = __atomic_load_n(&connection->ahead, __ATOMIC_RELAXED), over;

    do
        over = ahead < sent->len ? ahead : sent->len;
    while (over > 0 && !__atomic_compare_exchange_n(
                           &connection->ahead, &ahead, ahead - over, true,
                           __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    sent->len -= over;
    if (sent->len > 0 && sent->bytes)
        sent->bytes += over;
}

struct llmobs_sent llmobs_connections_sent(const void *key, const char *bytes,
                                           size_t len)
{
    struct llmobs_sent sent = {NULL, bytes, len, false};
    struct place place = find(key);
    enum state state;

    if (!place.word)
        place = claim(key, NEW);
    if (!place.word)
        return sent;
    state = state_of(place);
    sent.foreign = state == FOREIGN;
    if (sent.foreign)
        return sent;
    skip_shown(place.record, &sent);
    if (state == NEW) {
        state = read_first(place.record, sent.bytes, sent.len);
        set_state(place, key, state);
    }
    sent.foreign = state == FOREIGN;
    if (state == HTTP)
        sent.connection = place.record;
    return sent;
}

/* Keeps the first bytes that must go next. */
static void keep_next(struct llmobs_connection *connection,
                      const struct iovec *pieces, size_t n, size_t accepted)
{
    for (size_t i = 0; i < n; i++) {
        const char *bytes = pieces[i].iov_base;
        size_t len = pieces[i].iov_len, over = accepted < len ? accepted : len;
        size_t room = sizeof(connection->first) - connection->next;
        size_t part = len - over < room ? len - over : room;

        accepted -= over;
        if (!bytes || !llmobs_readable(bytes + over, part))
            break;
        llmobs_bytes_copy(connection->first + connection->next, bytes + over,
                          part);
        connection->next += (unsigned char)part;
    }
}

struct llmobs_connection *llmobs_connections_accepted(
    const void *key, const struct iovec *pieces, size_t n, size_t accepted)
{
    struct llmobs_sent beyond = {.foreign = false};
    struct place place = find(key);
    size_t len = 0;

    if (!place.word || state_of(place) == FOREIGN)
        return NULL;
    for (size_t i = 0; i < n; i++)
        len += pieces[i].iov_len;
    beyond.len = accepted > len ? accepted - len : 0;
    skip_shown(place.record, &beyond);
    if (accepted < len)
        __atomic_add_fetch(&place.record->ahead, len - accepted,
                           __ATOMIC_ACQ_REL);
    if (state_of(place) != HTTP)
        return NULL;
    if (accepted > len) /* of those that were kept */
        llmobs_connections_wipe(place.record);
    else if (accepted < len)
        keep_next(place.record, pieces, n, accepted);
    return place.record;
}

bool llmobs_connections_differ(const void *key, const struct iovec *pieces,
                               size_t n)
{
    struct llmobs_connection *connection = llmobs_connections_find(key);
    size_t next = connection ? connection->next : 0, at = 0;
    bool differ = false;

    for (size_t i = 0; at < next && i < n; i++) {
        const char *bytes = pieces[i].iov_base;

        for (size_t k = 0; at < next && k < pieces[i].iov_len; k++)
            differ |= connection->first[at++] != bytes[k];
    }
    if (next > 0)
        llmobs_connections_wipe(connection);
    return differ;
}

struct llmobs_connection *llmobs_connections_received(const void *key,
                                                      bool *first)
{
    struct place place = find(key);
    enum state state;

    if (!place.word) {
        place = claim(key, FOREIGN);
        *first = true;
    }
    if (!place.word)
        return NULL;
    state = state_of(place);
    if (state == NEW) {
        llmobs_connections_wipe(place.record);
        set_state(place, key, FOREIGN);
    }
    return state == HTTP ? place.record : NULL;
}

struct llmobs_connection *llmobs_connections_begin_http2(const void *key)
{
    struct place place = find(key);

    if (!place.word || state_of(place) != FOREIGN)
        return NULL;
    *place.record = (struct llmobs_connection){.http2 = true};
    set_state(place, key, HTTP);
    return place.record;
}

struct llmobs_connection *llmobs_connections_find(const void *key)
{
    struct place place = find(key);

    return place.word && state_of(place) == HTTP ? place.record : NULL;
}

/* The next connection may use the freed memory. A connection has two words if
 * two threads were its first users at the same time. */
void *llmobs_connections_forget(const void *key)
{
    void *of_core = NULL;
    struct place place;

    while ((place = find(key)).word) {
        enum state state = state_of(place);

        if (state == HTTP && place.record->of_core)
            of_core = place.record->of_core;
        if (state == NEW || (state == HTTP && place.record->next))
            llmobs_connections_wipe(place.record);
        __atomic_store_n(place.word, 0, __ATOMIC_RELEASE);
    }
    return of_core;
}
