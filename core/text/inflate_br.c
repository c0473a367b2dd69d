#include "core/text/inflate_inner.h"

#include <errno.h>

#ifdef LLMOBS_BROTLI

#include <brotli/decode.h>
#include <stdint.h>

const bool llmobs_inflate_has_br = true;

static int run(BrotliDecoderState *state, struct llmobs_text in,
               struct llmobs_sink *sink)
{
    const uint8_t *next_in = (const uint8_t *)in.data;
    size_t left = in.len;

    for (;;) {
        uint8_t chunk[LLMOBS_INFLATE_CHUNK], *next_out = chunk;
        size_t room = sizeof(chunk);
        BrotliDecoderResult result = BrotliDecoderDecompressStream(
            state, &left, &next_in, &room, &next_out, NULL);
        int rc = llmobs_sink_add(sink, chunk, sizeof(chunk) - room);

        if (rc != 0 || sink->full)
            return rc;
        if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT)
            continue;
        if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT)
            return 1;
        /* There is no checksum: that it ends where the input does is all that
         * tells it from text which happens to unpack to something. */
        return result == BROTLI_DECODER_RESULT_SUCCESS && left == 0 ? 0
                                                                    : -EBADMSG;
    }
}

int llmobs_inflate_br(struct llmobs_text in, struct llmobs_sink *sink)
{
    BrotliDecoderState *state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    int rc;

    if (state == NULL)
        return -ENOMEM;
    rc = run(state, in, sink);
    BrotliDecoderDestroyInstance(state);
    return rc;
}

#else

const bool llmobs_inflate_has_br = false;

int llmobs_inflate_br(struct llmobs_text in, struct llmobs_sink *sink)
{
    (void)in;
    (void)sink;
    return -ENOTSUP;
}

#endif
