/* Splices trace headers into a write, and corrects its count. */
#include "shim/insert.h"

/* FNV-1a of the bytes from `from` to `to`; another sum where some lack. */
static uint64_t sum_of(const struct iovec *pieces, size_t count, size_t from,
                       size_t to)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    size_t at = 0;

    for (size_t i = 0; i < count && at < to; i++) {
        const unsigned char *bytes = pieces[i].iov_base;

        for (size_t k = 0; k < pieces[i].iov_len && at < to; k++, at++)
            if (at >= from)
                sum = (sum ^ bytes[k]) * UINT64_C(1099511628211);
    }
    return sum ^ (to - at);
}

void llmobs_insert_check(struct llmobs_insertions *all,
                         const struct iovec *pieces, size_t count,
                         bool readable)
{
    size_t stay = !all->torn ? 0 : all->list[0].instead ? 2 : 1;

    /* A child, or its parent, has sent what was torn, if the byte is known. */
    if (readable && all->shown < SIZE_MAX &&
        all->first != sum_of(NULL, 0, 0, 1) &&
        all->first != sum_of(pieces, count, 0, 1))
        stay = all->torn = 0;
    if (all->count == stay ||
        (readable && sum_of(pieces, count, 0, all->shown) == all->sum))
        return;
    while (all->count > stay)
        all->lost += !all->list[--all->count].instead;
}

size_t llmobs_insert_mix(struct llmobs_insertions *all,
                         const struct iovec *pieces, size_t count)
{
    struct iovec *to = all->pieces;
    size_t next = 0, done = 0;

    for (size_t i = 0; i < count; i++) {
        struct iovec rest = pieces[i];

        for (; next < all->count && all->list[next].at < done + rest.iov_len;
             next++) {
            const struct llmobs_insertion *here = &all->list[next];
            size_t part = here->at - done, len = here->len;

            *to++ = (struct iovec){rest.iov_base, part};
            if (here->instead && len > rest.iov_len - part)
                len = rest.iov_len - part;
            *to++ = (struct iovec){all->text + here->from, len};
            part += here->instead ? len : 0;
            rest.iov_base = (char *)rest.iov_base + part;
            rest.iov_len -= part;
            done += part;
        }
        *to++ = rest;
        done += rest.iov_len;
    }
    if (count == 0 && all->torn)
        *to++ = (struct iovec){all->text + all->list[0].from, all->list[0].len};
    return (size_t)(to - all->pieces);
}

size_t llmobs_insert_took(struct llmobs_insertions *all, size_t took)
{
    size_t ours = 0, gone = 0, own;

    for (; gone < all->count; gone++) {
        struct llmobs_insertion *here = &all->list[gone];
        size_t begins = here->at + ours, part;

        if (took <= begins)
            break;
        part = took - begins < here->len ? took - begins : here->len;
        if (here->instead)
            here->at += part;
        else
            ours += part;
        here->from += part;
        here->len -= part;
        all->torn = here->len > 0 || here->instead;
        if (here->len > 0)
            break;
    }
    own = took - ours;
    all->count -= gone;
    for (size_t i = 0; i < all->count; i++) {
        all->list[i] = all->list[i + gone];
        all->list[i].at -= own;
    }
    return own;
}

void llmobs_insert_show(struct llmobs_insertions *all,
                        const struct iovec *pieces, size_t count,
                        size_t accepted, bool readable)
{
    size_t end = all->count ? all->list[all->count - 1].at + 1 : 0;

    all->shown = readable ? end : SIZE_MAX;
    if (readable && end > 0) {
        all->sum = sum_of(pieces, count, accepted, accepted + end);
        all->first = sum_of(pieces, count, accepted, accepted + 1);
    }
}
