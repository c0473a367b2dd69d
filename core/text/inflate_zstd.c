#include "core/text/inflate_inner.h"

#include <errno.h>

#ifdef LLMOBS_ZSTD

#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

/* No content coding may ask for more (RFC 9659). */
#define WINDOW_LOG_MAX 23

const bool llmobs_inflate_has_zstd = true;

/* zstd calls these two where a process defines them, as a tracer may. Ours
 * answer for our copy of it, so that it looks for nobody else's; 0: no trace.
 */
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

/* Whether a frame begins here, a skippable one included; anything else behind
 * one that ended is padding. */
static bool is_frame(const ZSTD_inBuffer *in)
{
    const unsigned char *at = (const unsigned char *)in->src + in->pos;

    return in->size - in->pos >= 4 &&
           (memcmp(at, "\x28\xb5\x2f\xfd", 4) == 0 ||
            (at[0] >> 4 == 5 && memcmp(at + 1, "\x2a\x4d\x18", 3) == 0));
}

static int run(ZSTD_DCtx *context, struct llmobs_text text,
               struct llmobs_sink *sink)
{
    ZSTD_inBuffer in = {text.data, text.len, 0};

    /* The library may read older formats too, which know no such limits. */
    if (in.size >= 4 && !is_frame(&in))
        return -EBADMSG;
    for (;;) {
        char chunk[LLMOBS_INFLATE_CHUNK];
        ZSTD_outBuffer out = {chunk, sizeof(chunk), 0};
        size_t result = ZSTD_decompressStream(context, &out, &in);
        int rc = llmobs_sink_add(sink, chunk, out.pos);

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

int llmobs_inflate_zstd(struct llmobs_text in, struct llmobs_sink *sink)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    int rc;

    if (context == NULL)
        return -ENOMEM;
    (void)ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    rc = run(context, in, sink);
    ZSTD_freeDCtx(context);
    return rc;
}

#else

const bool llmobs_inflate_has_zstd = false;

int llmobs_inflate_zstd(struct llmobs_text in, struct llmobs_sink *sink)
{
    (void)in;
    (void)sink;
    return -ENOTSUP;
}

#endif
