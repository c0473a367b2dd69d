/* Decodes HPACK header blocks. */
#include "lib/text/hpack.h"

#include <errno.h>

#include "lib/base/siphash.h"

/* Both bounds of a table until SETTINGS say more (RFC 9113, 6.5.2). */
#define INITIAL 4096
#define STATIC 61     /* entries of the static table */
#define VALUED 16     /* the last one that has a value */
#define ENTRY_SIZE 32 /* what HPACK adds to an entry's texts */
#define SHORTEST 5    /* bits of a code of Huffman's */
#define END 256       /* the last code's place: no text may have it (5.2) */
/* The bound of the lines of a block: they may have its own texts, and the names
 * of the table again and again. */
#define LINES_MAX (4 * LLMOBS_HPACK_TABLE_MAX)

/* RFC 7541, appendix A: the names one after the other, where each begins, and
 * the values of the entries 2 to 16. */
static const char names[] =
    ":authority\0:method\0:method\0:path\0:path\0:scheme\0:scheme\0:status\0"
    ":status\0:status\0:status\0:status\0:status\0:status\0accept-charset\0"
    "accept-encoding\0accept-language\0accept-ranges\0accept\0"
    "access-control-allow-origin\0age\0allow\0authorization\0cache-control\0"
    "content-disposition\0content-encoding\0content-language\0content-length\0"
    "content-location\0content-range\0content-type\0cookie\0date\0etag\0"
    "expect\0expires\0from\0host\0if-match\0if-modified-since\0if-none-match\0"
    "if-range\0if-unmodified-since\0last-modified\0link\0location\0"
    "max-forwards\0proxy-authenticate\0proxy-authorization\0range\0referer\0"
    "refresh\0retry-after\0server\0set-cookie\0strict-transport-security\0"
    "transfer-encoding\0user-agent\0vary\0via\0www-authenticate";
static const uint16_t places[STATIC] = {
    0,   11,  19,  27,  33,  39,  47,  55,  63,  71,  79,  87,  95,
    103, 111, 126, 142, 158, 172, 179, 207, 211, 217, 231, 245, 265,
    282, 299, 314, 331, 345, 358, 365, 370, 375, 382, 390, 395, 400,
    409, 427, 441, 450, 470, 484, 489, 498, 511, 530, 550, 556, 564,
    572, 584, 591, 602, 628, 646, 657, 662, 666};
static const char values[] =
    "GET\0POST\0/\0/index.html\0http\0https\000200\000204\000206\000304\000400"
    "\000404\000500\0\0gzip, deflate";

/* RFC 7541, appendix B, whose codes are canonical: how many have so many bits,
 * and the bytes in the order of their codes. */
static const unsigned char counts[] = {0,  0,  0,  0, 0,  10, 26, 32, 6, 0, 5,
                                       3,  2,  6,  2, 3,  0,  0,  0,  3, 8, 13,
                                       26, 29, 12, 4, 15, 19, 29, 0,  4};

static const unsigned char bytes[END] = {
    0x30, 0x31, 0x32, 0x61, 0x63, 0x65, 0x69, 0x6f, 0x73, 0x74, 0x20, 0x25,
    0x2d, 0x2e, 0x2f, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3d, 0x41,
    0x5f, 0x62, 0x64, 0x66, 0x67, 0x68, 0x6c, 0x6d, 0x6e, 0x70, 0x72, 0x75,
    0x3a, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c,
    0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x59,
    0x6a, 0x6b, 0x71, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x26, 0x2a, 0x2c, 0x3b,
    0x58, 0x5a, 0x21, 0x22, 0x28, 0x29, 0x3f, 0x27, 0x2b, 0x7c, 0x23, 0x3e,
    0x00, 0x24, 0x40, 0x5b, 0x5d, 0x7e, 0x5e, 0x7d, 0x3c, 0x60, 0x7b, 0x5c,
    0xc3, 0xd0, 0x80, 0x82, 0x83, 0xa2, 0xb8, 0xc2, 0xe0, 0xe2, 0x99, 0xa1,
    0xa7, 0xac, 0xb0, 0xb1, 0xb3, 0xd1, 0xd8, 0xd9, 0xe3, 0xe5, 0xe6, 0x81,
    0x84, 0x85, 0x86, 0x88, 0x92, 0x9a, 0x9c, 0xa0, 0xa3, 0xa4, 0xa9, 0xaa,
    0xad, 0xb2, 0xb5, 0xb9, 0xba, 0xbb, 0xbd, 0xbe, 0xc4, 0xc6, 0xe4, 0xe8,
    0xe9, 0x01, 0x87, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8f, 0x93, 0x95, 0x96,
    0x97, 0x98, 0x9b, 0x9d, 0x9e, 0xa5, 0xa6, 0xa8, 0xae, 0xaf, 0xb4, 0xb6,
    0xb7, 0xbc, 0xbf, 0xc5, 0xe7, 0xef, 0x09, 0x8e, 0x90, 0x91, 0x94, 0x9f,
    0xab, 0xce, 0xd7, 0xe1, 0xec, 0xed, 0xc7, 0xcf, 0xea, 0xeb, 0xc0, 0xc1,
    0xc8, 0xc9, 0xca, 0xcd, 0xd2, 0xd5, 0xda, 0xdb, 0xee, 0xf0, 0xf2, 0xf3,
    0xff, 0xcb, 0xcc, 0xd3, 0xd4, 0xd6, 0xdd, 0xde, 0xdf, 0xf1, 0xf4, 0xf5,
    0xf6, 0xf7, 0xf8, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0x02, 0x03, 0x04, 0x05,
    0x06, 0x07, 0x08, 0x0b, 0x0c, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14,
    0x15, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x7f, 0xdc,
    0xf9, 0x0a, 0x0d, 0x16};

/* A part of a block. */
struct input {
    const unsigned char *at, *end;
};

/* An entry's name and masked value are one behind the other. */
struct entry {
    uint64_t at;          /* in all texts since init */
    uint32_t name, value; /* lengths */
};

/* The name and the value of a line, one behind the other. */
struct line {
    struct llmobs_wiped *text;
    uint32_t name; /* length */
};

void llmobs_hpack_init(struct llmobs_hpack *hpack, const uint64_t key[2])
{
    *hpack = (struct llmobs_hpack){
        .key = {key[0], key[1]}, .max = INITIAL, .allowed = INITIAL};
}

void llmobs_hpack_fini(struct llmobs_hpack *hpack)
{
    llmobs_wiped_fini(&hpack->entries.bytes);
    llmobs_wiped_fini(&hpack->texts.bytes);
    explicit_bzero(hpack, sizeof(*hpack));
}

void llmobs_hpack_allow(struct llmobs_hpack *hpack, uint32_t size)
{
    if (size > hpack->allowed)
        hpack->allowed = size;
}

/* -- the dynamic table ----------------------------------------------------- */

/* Makes room for `len` more bytes: the others move up only once there are fewer
 * of them than have gone. */
static int reserve(struct llmobs_hpack_queue *queue, uint32_t len)
{
    struct llmobs_wiped *all = &queue->bytes;
    uint32_t left = all->len - queue->gone;

    if (left < queue->gone && all->cap - all->len < len) {
        memmove(all->data, all->data + queue->gone, left);
        llmobs_wiped_cut(all, left);
        queue->before += queue->gone;
        queue->gone = 0;
    }
    return llmobs_wiped_reserve(all, len);
}

static void drop(struct llmobs_hpack_queue *queue, uint32_t len)
{
    explicit_bzero(queue->bytes.data + queue->gone, len);
    queue->gone += len;
}

static uint32_t count_of(const struct llmobs_hpack *hpack)
{
    const struct llmobs_hpack_queue *entries = &hpack->entries;

    return (entries->bytes.len - entries->gone) /
           (uint32_t)sizeof(struct entry);
}

/* The entry of that index, which is less than count_of. */
static struct entry entry_of(const struct llmobs_hpack *hpack, uint32_t index)
{
    const struct llmobs_wiped *all = &hpack->entries.bytes;
    struct entry entry;

    memcpy(&entry, all->data + all->len - (index + 1) * sizeof(entry),
           sizeof(entry));
    return entry;
}

/* Masks a value, or removes the mask: SipHash of the place in all texts, eight
 * bytes at a time. */
static void mask(const struct llmobs_hpack *hpack, uint64_t place, char *value,
                 size_t len)
{
    for (size_t i = 0; i < len; i += 8, place += 8) {
        size_t part = len - i < 8 ? len - i : 8;
        uint64_t word = llmobs_siphash_short(hpack->key, &place, sizeof(place));

        for (size_t k = 0; k < part; k++)
            value[i + k] ^= (char)(word >> 8 * k);
    }
}

/* Removes the oldest entries until the table has no more than `size`. */
static void evict(struct llmobs_hpack *hpack, uint32_t size)
{
    while (hpack->size > size) {
        struct entry entry = entry_of(hpack, count_of(hpack) - 1);
        uint32_t len = entry.name + entry.value;

        drop(&hpack->texts, len);
        drop(&hpack->entries, sizeof(entry));
        hpack->size -= len + ENTRY_SIZE;
    }
}

static int insert(struct llmobs_hpack *hpack, const struct line *line)
{
    struct llmobs_wiped *texts = &hpack->texts.bytes;
    struct entry entry = {0, line->name, line->text->len - line->name};
    uint32_t of = line->text->len + ENTRY_SIZE;

    evict(hpack, of > hpack->max ? 0 : hpack->max - of);
    if (of > hpack->max)
        return 0;
    if (reserve(&hpack->entries, sizeof(entry)) ||
        reserve(&hpack->texts, line->text->len))
        return -ENOMEM;
    entry.at = hpack->texts.before + texts->len;
    (void)llmobs_wiped_add(texts, llmobs_wiped_text(line->text));
    mask(hpack, entry.at + entry.name, texts->data + texts->len - entry.value,
         entry.value);
    (void)llmobs_wiped_add(
        &hpack->entries.bytes,
        (struct llmobs_text){(const char *)&entry, sizeof(entry)});
    hpack->size += of;
    return 0;
}

/* Copies the name of an entry of either table, and its value where the `whole`
 * entry is meant. */
static int copy_indexed(const struct llmobs_hpack *hpack, uint32_t index,
                        bool whole, struct line *line)
{
    const char *value = values;
    struct llmobs_text name;
    int error;

    if (index > STATIC) {
        struct entry entry = entry_of(hpack, index - STATIC - 1);
        struct llmobs_text text = {hpack->texts.bytes.data +
                                       (entry.at - hpack->texts.before),
                                   entry.name + (whole ? entry.value : 0)};
        error = llmobs_wiped_add(line->text, text);
        line->name = entry.name;
        if (!error && whole)
            mask(hpack, entry.at + entry.name, line->text->data + entry.name,
                 entry.value);
        return error;
    }
    name = llmobs_text_of(names + places[index - 1]);
    line->name = (uint32_t)name.len;
    error = llmobs_wiped_add(line->text, name);
    if (error || !whole || index < 2 || index > VALUED)
        return error;
    for (uint32_t i = 2; i < index; i++)
        value = llmobs_words_next(value);
    return llmobs_wiped_add(line->text, llmobs_text_of(value));
}

/* -- a block --------------------------------------------------------------- */

/* Reads a number that begins in the lower `bits` of a byte (5.1). No length of
 * a block that is read needs more than four bytes behind it. */
static int read_number(struct input *in, unsigned bits, uint32_t *number)
{
    uint32_t most = (UINT32_C(1) << bits) - 1;

    if (in->at == in->end)
        return -EBADMSG;
    *number = *in->at++ & most;
    if (*number < most)
        return 0;
    for (unsigned shift = 0; shift < 28 && in->at < in->end; shift += 7) {
        *number += (*in->at & UINT32_C(0x7f)) << shift;
        if (!(*in->at++ & 0x80))
            return 0;
    }
    return -EBADMSG;
}

/* Adds what Huffman's code stands for (5.2): the codes of a length are the
 * numbers that follow on the `first` one. */
static int unpack(struct input in, struct llmobs_wiped *text)
{
    uint64_t window = 0; /* the next bits, from the highest one */
    unsigned have = 0;

    if (llmobs_wiped_reserve(text, (size_t)(in.end - in.at) * 8 / SHORTEST))
        return -ENOMEM;
    for (;;) {
        uint32_t first = 0, before = 0, code;
        unsigned len = SHORTEST;

        for (; have <= 56 && in.at < in.end; have += 8)
            window |= (uint64_t)*in.at++ << (56 - have);
        while ((code = (uint32_t)(window >> (64 - len)) - first) >=
               counts[len]) {
            before += counts[len];
            first = (first + counts[len++]) << 1;
        }
        if (len > have)
            break;
        if (before + code == END)
            return -EBADMSG;
        text->data[text->len++] = (char)bytes[before + code];
        window <<= len;
        have -= len;
    }
    /* Padding is less than a byte, of ones. */
    return have < 8 && window == ~(UINT64_MAX >> have) ? 0 : -EBADMSG;
}

static int read_text(struct input *in, struct llmobs_wiped *text)
{
    bool packed = in->at < in->end && (*in->at & 0x80);
    struct input part;
    uint32_t len;
    int error = read_number(in, 7, &len);

    if (error)
        return error;
    if (len > (size_t)(in->end - in->at))
        return -EBADMSG;
    part = (struct input){in->at, in->at + len};
    in->at += len;
    if (packed)
        return unpack(part, text);
    return llmobs_wiped_add(text,
                            (struct llmobs_text){(const char *)part.at, len});
}

static int resize(struct llmobs_hpack *hpack, struct input *in)
{
    int error = read_number(in, 5, &hpack->max);

    if (error || hpack->max > hpack->allowed)
        return -EBADMSG;
    if (hpack->max > LLMOBS_HPACK_TABLE_MAX)
        return -EFBIG;
    evict(hpack, hpack->max);
    return 0;
}

/* Reads a line, whose first byte says in which form it is (6). Only what is
 * wanted, or goes into the table, is copied from there. */
static int read_line(struct llmobs_hpack *hpack, struct input *in, bool wanted,
                     struct line *line)
{
    bool whole = *in->at & 0x80, adds = !whole && (*in->at & 0x40);
    uint32_t index;
    int error = read_number(in, whole ? 7 : adds ? 6 : 4, &index);

    if (!error && (whole || index > 0)) {
        if (index == 0 || index > STATIC + count_of(hpack))
            error = -EBADMSG;
        else if (wanted || adds)
            error = copy_indexed(hpack, index, whole, line);
    } else if (!error) {
        error = read_text(in, line->text);
        line->name = line->text->len;
    }
    if (!error && !whole)
        error = read_text(in, line->text);
    if (!error && adds)
        error = insert(hpack, line);
    return error;
}

int llmobs_hpack_read(struct llmobs_hpack *hpack, struct llmobs_text block,
                      bool (*field)(void *user, struct llmobs_text name,
                                    struct llmobs_text value),
                      void *user)
{
    const unsigned char *data = (const unsigned char *)block.data;
    struct input in = {data, data + block.len};
    struct llmobs_wiped text = {NULL, 0, 0};
    struct line line = {&text, 0};
    bool wanted = field;
    size_t copied = 0;
    int error = 0;

    while (!error && in.at < in.end && (*in.at & 0xe0) == 0x20)
        error = resize(hpack, &in);
    while (!error && in.at < in.end) {
        hpack->last = (uint32_t)(in.at - data);
        error = (*in.at & 0xe0) == 0x20 ? -EBADMSG
                                        : read_line(hpack, &in, wanted, &line);
        copied += text.len;
        if (!error && copied > LINES_MAX)
            error = -EFBIG;
        if (!error && wanted)
            wanted = field(user, (struct llmobs_text){text.data, line.name},
                           (struct llmobs_text){text.data + line.name,
                                                text.len - line.name});
        llmobs_wiped_cut(&text, 0);
    }
    llmobs_wiped_fini(&text);
    return error;
}
