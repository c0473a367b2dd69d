/* The counting of trace headers among the bytes that a program sends: a byte of
 * how its calls are, one of how many places, and for each one how far it is
 * from the last and how long; then pairs of how much of the rest a call passes,
 * and how much of the mix is taken. Each byte of the program's arrives once, in
 * order, and what is put among them whole, or not at all. */
#include "shim/insert.h"
#include "tests/fuzz/fuzz.h"

#define MOST 1024
#define OURS 0x80 /* the program's bytes are below */

enum {
    SHORTER = 1,
    CHANGES = 2,
    PIECES = 4
}; /* calls, frames' lengths, vectors */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char program[MOST], text[2 * MOST], came[3 * MOST];

static struct llmobs_insertions make(struct llmobs_text *in, bool changes,
                                     size_t *len)
{
    struct llmobs_insertions all = {.text = text};
    size_t at = 0, from = 0;

    for (size_t count = fuzz_byte(in) % 8; count > 0; count--) {
        size_t long_is = fuzz_byte(in) % 16 + 1;

        at += fuzz_byte(in) % 64;
        if (changes) {
            all.list[all.count++] =
                (struct llmobs_insertion){at, from, 3, true};
            at += 3;
            from += 3;
        }
        all.list[all.count++] =
            (struct llmobs_insertion){at, from, long_is, false};
        from += long_is;
        at++;
    }
    *len = at + fuzz_byte(in);
    return all;
}

/* As many pieces as the call may have. */
static size_t cut(size_t from, size_t len, size_t count, struct iovec *pieces)
{
    for (size_t i = 0; i < count; i++)
        pieces[i] = (struct iovec){program + from + len * i / count,
                                   len * (i + 1) / count - len * i / count};
    return count;
}

static size_t take(const struct llmobs_insertions *all, size_t count,
                   size_t most, size_t *got)
{
    size_t took = 0;

    for (size_t i = 0; i < count && took < most; i++) {
        size_t left = most - took, part = all->pieces[i].iov_len;

        part = part < left ? part : left;
        memcpy(came + *got, all->pieces[i].iov_base, part);
        *got += part;
        took += part;
    }
    return took;
}

/* Gives how many bytes came of this place's; a part is wrong. */
static size_t check_place(const struct llmobs_insertion *place, size_t at,
                          size_t end, bool must)
{
    bool is = at < end && came[at] & OURS;

    FUZZ_CHECK(is || !must);
    if (is)
        FUZZ_CHECK(place->len <= end - at &&
                   memcmp(came + at, text + place->from, place->len) == 0);
    return is ? place->len : 0;
}

static void check_all(const struct llmobs_insertions *wanted, size_t len,
                      size_t got, bool each)
{
    size_t at = 0, next = 0;
    bool must = each;

    for (size_t i = 0; i < len;) {
        size_t part = 0;

        if (next < wanted->count && wanted->list[next].at == i) {
            const struct llmobs_insertion *place = &wanted->list[next++];

            part = check_place(place, at, got, must);
            at += part;
            must = each || (place->instead && part > 0);
            if (place->instead && part == 0)
                next++; /* what it counts must not be there */
            if (place->instead)
                i += part;
            if (part > 0)
                continue;
        }
        FUZZ_CHECK(at < got && came[at] == program[i]);
        at++;
        i++;
    }
    FUZZ_CHECK(at == got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};
    unsigned how = fuzz_byte(&in);
    size_t len, sent = 0, got = 0, idle = 0;
    struct llmobs_insertions all = make(&in, how & CHANGES, &len);
    const struct llmobs_insertions wanted = all;
    bool fresh = true;

    for (size_t i = 0; i < MOST; i++)
        program[i] = (char)(i % 127);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(OURS | i % 101);
    while (sent < len && idle < 8) {
        size_t left = len - sent, passed = left, most, mix, took, own;
        struct iovec pieces[LLMOBS_INSERT_PIECES];

        if (!fresh && how & SHORTER)
            passed = 1 + fuzz_byte(&in) % left;
        mix = cut(sent, passed,
                  how & PIECES && !(how & CHANGES)
                      ? 1 + fuzz_byte(&in) % LLMOBS_INSERT_PIECES
                      : 1,
                  pieces);
        if (!fresh)
            llmobs_insert_check(&all, pieces, mix, true);
        most = in.len > 0 ? fuzz_byte(&in) : sizeof(came);
        idle = most > 0 ? 0 : idle + 1;
        took = take(&all, llmobs_insert_mix(&all, pieces, mix), most, &got);
        own = took > 0 ? llmobs_insert_took(&all, took) : 0;
        FUZZ_CHECK(own <= passed && (own > 0 || took <= most));
        llmobs_insert_show(&all, pieces, mix, own, true);
        fresh = false;
        sent += own;
    }
    if (sent == len)
        check_all(&wanted, len, got, !(how & SHORTER));
    fuzz_work();
    return 0;
}
