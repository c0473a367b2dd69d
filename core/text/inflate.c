#include "core/text/inflate.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "core/base/work.h"
#include "core/text/inflate_inner.h"

/* Window bits as zlib's inflateInit2 takes them: which frame to expect. */
enum frame {
    FRAME_RAW = -MAX_WBITS,
    FRAME_ZLIB = MAX_WBITS,
    FRAME_GZIP = MAX_WBITS + 16
};

enum coding { CODING_GZIP, CODING_DEFLATE, CODING_BR, CODING_ZSTD };

struct codings {
    enum coding list[LLMOBS_INFLATE_CODINGS_MAX];
    size_t count;
};

/* One decoding by zlib. */
struct stage {
    z_stream z;
    struct llmobs_text in; /* not yet given to zlib */
    struct llmobs_sink *sink;
};

static bool is_word(struct llmobs_text word, const char *text)
{
    return word.len == strlen(text) &&
           strncasecmp(word.data, text, word.len) == 0;
}

static int add_coding(struct codings *codings, struct llmobs_text word)
{
    enum coding coding;

    if (word.len == 0 || is_word(word, "identity"))
        return 0;
    if (is_word(word, "gzip") || is_word(word, "x-gzip"))
        coding = CODING_GZIP;
    else if (is_word(word, "deflate"))
        coding = CODING_DEFLATE;
    else if (llmobs_inflate_has_br && is_word(word, "br"))
        coding = CODING_BR;
    else if (llmobs_inflate_has_zstd && is_word(word, "zstd"))
        coding = CODING_ZSTD;
    else
        return -ENOTSUP;
    if (codings->count == LLMOBS_INFLATE_CODINGS_MAX)
        return -ENOTSUP;
    codings->list[codings->count++] = coding;
    return 0;
}

static int read_codings(const char *at, struct codings *codings)
{
    int rc = 0;

    codings->count = 0;
    while (rc == 0 && at != NULL && *at != '\0') {
        struct llmobs_text word;

        at += strspn(at, " \t,");
        word.data = at;
        word.len = strcspn(at, ",");
        at += word.len;
        while (word.len > 0 && strchr(" \t", word.data[word.len - 1]) != NULL)
            word.len--;
        rc = add_coding(codings, word);
    }
    return rc;
}

static void feed(struct stage *s)
{
    size_t len = s->in.len < UINT_MAX ? s->in.len : UINT_MAX;

    if (s->z.avail_in > 0 || len == 0)
        return;
    s->z.next_in = (Bytef *)(uintptr_t)s->in.data;
    s->z.avail_in = (uInt)len;
    s->in.data += len;
    s->in.len -= len;
}

int llmobs_sink_add(struct llmobs_sink *sink, const void *data, size_t len)
{
    int rc;

    (void)llmobs_work_do(len);
    if (len > sink->left) {
        len = sink->left;
        sink->full = true;
    }
    rc = sink->body ? llmobs_body_add(sink->body, data, len)
                    : llmobs_buf_add(sink->out, data, len);
    sink->left -= rc == 0 ? len : 0;
    return rc;
}

/* Runs one member to its end. 0: ended or the output is full; 1: the input
 * ended first. */
static int run_member(struct stage *s)
{
    unsigned char chunk[LLMOBS_INFLATE_CHUNK];
    int rc = 0;

    for (;;) {
        int z;

        feed(s);
        s->z.next_out = chunk;
        s->z.avail_out = sizeof(chunk);
        z = inflate(&s->z, Z_NO_FLUSH);
        rc = llmobs_sink_add(s->sink, chunk, sizeof(chunk) - s->z.avail_out);
        if (rc != 0 || s->sink->full || z == Z_STREAM_END)
            return rc;
        if (z == Z_MEM_ERROR)
            return -ENOMEM;
        if (z != Z_OK && z != Z_BUF_ERROR)
            return -EBADMSG;
        if (s->z.avail_out > 0 && s->z.avail_in == 0 && s->in.len == 0)
            return 1;
    }
}

/* Whether another gzip member follows the one that ended; anything else behind
 * it is padding. */
static bool more_members(struct stage *s)
{
    feed(s);
    return s->z.avail_in >= 2 && s->z.next_in[0] == 0x1F &&
           s->z.next_in[1] == 0x8B;
}

static int run_zlib(struct llmobs_text in, enum frame frame,
                    struct llmobs_sink *sink)
{
    struct stage s;
    int rc;

    memset(&s, 0, sizeof(s));
    s.in = in;
    s.sink = sink;
    if (inflateInit2(&s.z, frame) != Z_OK)
        return -ENOMEM;
    rc = run_member(&s);
    while (rc == 0 && !sink->full && frame == FRAME_GZIP && more_members(&s)) {
        (void)inflateReset(&s.z);
        rc = run_member(&s);
    }
    /* Raw data have no checksum; that they end where the input does is all
     * that tells them from text which happens to unpack to something. */
    if (rc == 0 && !sink->full && frame == FRAME_RAW &&
        s.z.avail_in + s.in.len > 0)
        rc = -EBADMSG;
    (void)inflateEnd(&s.z);
    return rc;
}

/* Both bytes of zlib's header have to be there and right. */
static bool has_zlib_header(struct llmobs_text in)
{
    const unsigned char *at = (const unsigned char *)in.data;

    return in.len >= 2 && (at[0] & 0xF) == Z_DEFLATED && at[0] >> 4 <= 7 &&
           (at[0] * 256 + at[1]) % 31 == 0;
}

static int run_deflate(struct llmobs_text in, struct llmobs_sink *sink)
{
    size_t before = sink->left;
    int rc;

    if (!has_zlib_header(in))
        return run_zlib(in, FRAME_RAW, sink);
    rc = run_zlib(in, FRAME_ZLIB, sink);
    if (rc != -EBADMSG || sink->left < before)
        return rc;
    /* Raw data can begin like a header by chance. */
    return run_zlib(in, FRAME_RAW, sink);
}

static int run_coding(struct llmobs_text in, enum coding coding,
                      struct llmobs_sink *sink)
{
    switch (coding) {
    case CODING_GZIP:
        return run_zlib(in, FRAME_GZIP, sink);
    case CODING_DEFLATE:
        return run_deflate(in, sink);
    case CODING_BR:
        return llmobs_inflate_br(in, sink);
    case CODING_ZSTD:
        return llmobs_inflate_zstd(in, sink);
    }
    return -ENOTSUP;
}

static int undo(struct llmobs_text in, enum coding coding,
                struct llmobs_sink *sink, bool *cut)
{
    int rc;

    if (in.len == 0)
        return llmobs_sink_add(sink, "", 0);
    rc = run_coding(in, coding, sink);
    *cut = *cut || rc != 0 || sink->full;
    return rc < 0 ? rc : 0;
}

static int copy(struct llmobs_text in, struct llmobs_sink *sink, bool *cut)
{
    int rc = llmobs_sink_add(sink, in.data, in.len);

    *cut = sink->full;
    return rc;
}

/* Undoes all of them; `max` bytes may be between two. */
static int undo_all(struct llmobs_text in, struct codings *codings, size_t max,
                    struct llmobs_sink *sink, bool *cut)
{
    struct llmobs_buf from, to;
    int worst = 0, rc = 0;

    llmobs_buf_init(&from, max);
    /* Damage in an outer coding does not stop the inner ones: what came before
     * it is a cut input to them. */
    while (rc == 0 && codings->count > 0) {
        enum coding last = codings->list[--codings->count];
        struct llmobs_sink next = {&to, NULL, max, false};

        llmobs_buf_init(&to, max);
        rc = undo(in, last, codings->count > 0 ? &next : sink, cut);
        if (rc == -EBADMSG) {
            worst = rc;
            rc = 0;
        }
        llmobs_buf_fini(&from);
        from = to;
        in.data = from.data;
        in.len = from.len;
    }
    llmobs_buf_fini(&from);
    return rc ? rc : worst;
}

int llmobs_inflate_body(struct llmobs_text in, const char *coding, size_t max,
                        struct llmobs_body *out, bool *cut)
{
    struct llmobs_sink sink = {NULL, out, max, false};
    struct codings codings;
    int rc = read_codings(coding, &codings);

    *cut = false;
    if (rc == 0)
        rc = codings.count > 0 ? undo_all(in, &codings, max, &sink, cut)
                               : copy(in, &sink, cut);
    *cut = *cut || rc != 0;
    return rc;
}
