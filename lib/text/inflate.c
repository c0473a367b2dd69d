/* Decompresses gzip, deflate, brotli and zstd. */
#include "lib/text/inflate.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>
#ifdef LLMOBS_BROTLI
#include <brotli/decode.h>
#endif
#ifdef LLMOBS_ZSTD
#include <zstd.h>
#include <zstd_errors.h>
#endif

#include "lib/base/work.h"

#define CHUNK 8192

/* Where decoded bytes go. */
struct sink {
    struct llmobs_buf *out;   /* NULL: `body` is used */
    struct llmobs_body *body; /* where `out` is NULL */
    size_t left;              /* bytes that may still be added */
    bool full;                /* more bytes came than `left` */
};

/* Adds as many bytes as there is room for. */
static int sink_add(struct sink *sink, const void *data, size_t len)
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

/* -- gzip and deflate ---------------------------------------------------- */

/* The format around the data, as the window bits of zlib's inflateInit2. */
enum wrapper {
    WRAPPER_RAW = -MAX_WBITS,
    WRAPPER_ZLIB = MAX_WBITS,
    WRAPPER_GZIP = MAX_WBITS + 16
};

/* One decoding by zlib. */
struct stage {
    z_stream z;
    struct llmobs_text in; /* not yet given to zlib */
    struct sink *sink;
};

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

/* Runs one member to its end. 0: ended or the output is full; 1: the input
 * ended first. */
static int run_member(struct stage *s)
{
    unsigned char chunk[CHUNK];
    int rc = 0;

    for (;;) {
        int z;

        feed(s);
        s->z.next_out = chunk;
        s->z.avail_out = sizeof(chunk);
        z = inflate(&s->z, Z_NO_FLUSH);
        rc = sink_add(s->sink, chunk, sizeof(chunk) - s->z.avail_out);
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

static int run_zlib(struct llmobs_text in, enum wrapper wrapper,
                    struct sink *sink)
{
    struct stage s;
    int rc;

    memset(&s, 0, sizeof(s));
    s.in = in;
    s.sink = sink;
    if (inflateInit2(&s.z, wrapper) != Z_OK)
        return -ENOMEM;
    rc = run_member(&s);
    /* Bytes behind a gzip member that begin no other are padding. */
    while (rc == 0 && !sink->full && wrapper == WRAPPER_GZIP &&
           (feed(&s), s.z.avail_in >= 2) && s.z.next_in[0] == 0x1F &&
           s.z.next_in[1] == 0x8B) {
        (void)inflateReset(&s.z);
        rc = run_member(&s);
    }
    /* Raw data have no checksum, and any text may happen to unpack to
     * something. So data count as raw only if they end exactly where the input
     * ends. */
    if (rc == 0 && !sink->full && wrapper == WRAPPER_RAW &&
        s.z.avail_in + s.in.len > 0)
        rc = -EBADMSG;
    (void)inflateEnd(&s.z);
    return rc;
}

static int run_deflate(struct llmobs_text in, struct sink *sink)
{
    const unsigned char *at = (const unsigned char *)in.data;
    size_t before = sink->left;
    int rc;

    /* Both bytes of zlib's header have to be there and right. */
    if (in.len < 2 || (at[0] & 0xF) != Z_DEFLATED || at[0] >> 4 > 7 ||
        (at[0] * 256 + at[1]) % 31 != 0)
        return run_zlib(in, WRAPPER_RAW, sink);
    rc = run_zlib(in, WRAPPER_ZLIB, sink);
    if (rc != -EBADMSG || sink->left < before)
        return rc;
    /* Raw data can look like a header by chance. */
    return run_zlib(in, WRAPPER_RAW, sink);
}

/* -- br ------------------------------------------------------------------ */

#ifdef LLMOBS_BROTLI

static int decode_br(BrotliDecoderState *state, struct llmobs_text in,
                     struct sink *sink)
{
    const uint8_t *next_in = (const uint8_t *)in.data;
    size_t left = in.len;

    for (;;) {
        uint8_t chunk[CHUNK], *next_out = chunk;
        size_t room = sizeof(chunk);
        BrotliDecoderResult result = BrotliDecoderDecompressStream(
            state, &left, &next_in, &room, &next_out, NULL);
        int rc = sink_add(sink, chunk, sizeof(chunk) - room);

        if (rc != 0 || sink->full)
            return rc;
        if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT)
            continue;
        if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT)
            return 1;
        /* br has no checksum either, so its data must end where the input
         * ends. */
        return result == BROTLI_DECODER_RESULT_SUCCESS && left == 0 ? 0
                                                                    : -EBADMSG;
    }
}

static int run_br(struct llmobs_text in, struct sink *sink)
{
    BrotliDecoderState *state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    int rc;

    if (state == NULL)
        return -ENOMEM;
    rc = decode_br(state, in, sink);
    BrotliDecoderDestroyInstance(state);
    return rc;
}

#endif

/* -- zstd ---------------------------------------------------------------- */

#ifdef LLMOBS_ZSTD

/* No content coding may ask for more (RFC 9659). */
#define WINDOW_LOG_MAX 23

/* zstd calls these two functions where the process has them, as a tracer may
 * bring them. The copy of zstd in this object finds these here instead, so it
 * never calls another's; 0: no trace. */
unsigned long long ZSTD_trace_decompress_begin(const ZSTD_DCtx *context);
void ZSTD_trace_decompress_end(unsigned long long trace, const void *what);

unsigned long long ZSTD_trace_decompress_begin(const ZSTD_DCtx *context)
{
    (void)context;
    return 0;
}

void ZSTD_trace_decompress_end(unsigned long long trace, const void *what)
{
    (void)trace;
    (void)what;
}

/* True when a frame begins here, a skippable one included; any other bytes
 * behind a frame that ended are padding. */
static bool is_frame(const ZSTD_inBuffer *in)
{
    const unsigned char *at = (const unsigned char *)in->src + in->pos;

    return in->size - in->pos >= 4 &&
           (memcmp(at, "\x28\xb5\x2f\xfd", 4) == 0 ||
            (at[0] >> 4 == 5 && memcmp(at + 1, "\x2a\x4d\x18", 3) == 0));
}

static int decode_zstd(ZSTD_DCtx *context, struct llmobs_text text,
                       struct sink *sink)
{
    ZSTD_inBuffer in = {text.data, text.len, 0};

    /* The library may read older formats too, which have no limit of the
     * window. */
    if (in.size >= 4 && !is_frame(&in))
        return -EBADMSG;
    for (;;) {
        char chunk[CHUNK];
        ZSTD_outBuffer out = {chunk, sizeof(chunk), 0};
        size_t result = ZSTD_decompressStream(context, &out, &in);
        int rc = sink_add(sink, chunk, out.pos);

        if (rc != 0 || sink->full)
            return rc;
        if (ZSTD_isError(result))
            return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation
                       ? -ENOMEM
                       : -EBADMSG;
        if (result == 0 && !is_frame(&in))
            return 0;
        if (result != 0 && in.pos == in.size && out.pos < out.size)
            return 1;
    }
}

static int run_zstd(struct llmobs_text in, struct sink *sink)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    int rc;

    if (context == NULL)
        return -ENOMEM;
    (void)ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    rc = decode_zstd(context, in, sink);
    ZSTD_freeDCtx(context);
    return rc;
}

#endif

/* -- lists of codings ---------------------------------------------------- */

typedef int coding_fn(struct llmobs_text in, struct sink *sink);

static int run_gzip(struct llmobs_text in, struct sink *sink)
{
    return run_zlib(in, WRAPPER_GZIP, sink);
}

static const struct {
    const char *word;
    coding_fn *run;
} known[] = {
    {"gzip", run_gzip}, {"x-gzip", run_gzip}, {"deflate", run_deflate},
#ifdef LLMOBS_BROTLI
    {"br", run_br},
#endif
#ifdef LLMOBS_ZSTD
    {"zstd", run_zstd},
#endif
};

struct codings {
    coding_fn *list[LLMOBS_INFLATE_CODINGS_MAX];
    size_t count;
};

static int add_coding(struct codings *codings, struct llmobs_text word)
{
    size_t i = 0;

    if (word.len == 0 || llmobs_text_is_word(word, "identity"))
        return 0;
    while (i < sizeof(known) / sizeof(*known) &&
           !llmobs_text_is_word(word, known[i].word))
        i++;
    if (i == sizeof(known) / sizeof(*known) ||
        codings->count == LLMOBS_INFLATE_CODINGS_MAX)
        return -ENOTSUP;
    codings->list[codings->count++] = known[i].run;
    return 0;
}

static int read_codings(const char *list, struct codings *codings)
{
    struct llmobs_text rest = llmobs_text_of(list), word;
    int rc = 0;

    codings->count = 0;
    while (rc == 0 && llmobs_text_next(&rest, &word))
        rc = add_coding(codings, word);
    return rc;
}

static int undo(struct llmobs_text in, coding_fn *run, struct sink *sink,
                bool *cut)
{
    int rc;

    if (in.len == 0)
        return sink_add(sink, "", 0);
    rc = run(in, sink);
    *cut = *cut || rc != 0 || sink->full;
    return rc < 0 ? rc : 0;
}

/* Undoes all codings; between two of them there may be `max` bytes. */
static int undo_all(struct llmobs_text in, struct codings *codings, size_t max,
                    struct sink *sink, bool *cut)
{
    struct llmobs_buf from, to;
    int worst = 0, rc = 0;

    llmobs_buf_init(&from, max);
    /* Damage in an outer coding does not stop the inner ones: they take the
     * bytes before the damage as a cut input. */
    while (rc == 0 && codings->count > 0) {
        coding_fn *last = codings->list[--codings->count];
        struct sink next = {&to, NULL, max, false};

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
    struct sink sink = {NULL, out, max, false};
    struct codings codings;
    int rc = read_codings(coding, &codings);

    *cut = false;
    if (rc == 0 && codings.count > 0)
        rc = undo_all(in, &codings, max, &sink, cut);
    else if (rc == 0)
        rc = sink_add(&sink, in.data, in.len);
    *cut = *cut || rc != 0 || sink.full;
    return rc;
}

/* True for a body without a coding, which libcurl has undone although the
 * header still names it. A compressed body always has a control character or an
 * invalid byte in its first bytes, besides zlib's own 'x'. */
static bool is_plain_text(struct llmobs_text body)
{
    const unsigned char *data = (const unsigned char *)body.data;
    size_t len = body.len < 64 ? body.len : 64;

    if (len >= 2 && (data[0] & 0x0f) == 8 &&
        (data[0] * 256 + data[1]) % 31 == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        if ((data[i] < 0x20 && !memchr("\t\n\r", data[i], 3)) ||
            data[i] == 0x7f)
            return false;
        if (i == 0 && data[i] >= 0x80 && data[i] != 0xef)
            return false;
    }
    return true;
}

bool llmobs_inflate_is_coded(struct llmobs_text body, const char *coding)
{
    const char *magic = NULL; /* every body of the coding begins with it */

    if (!coding || !*coding || body.len == 0)
        return false;
    if (strcasecmp(coding, "gzip") == 0 || strcasecmp(coding, "x-gzip") == 0)
        magic = "\x1f\x8b";
    else if (strcasecmp(coding, "zstd") == 0)
        magic = "\x28\xb5\x2f\xfd";
    if (magic && body.len >= strlen(magic))
        return memcmp(body.data, magic, strlen(magic)) == 0;
    return !is_plain_text(body);
}
