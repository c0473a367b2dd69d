/* es_frame - frames of AWS's event stream, made for tests.
 *
 * Owns:    nothing.
 * Threads: any.
 * Errors:  those of lib/base/buf.h; the buffer is then of no use.
 * Limits:  the buffer's cap.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_ES_FRAME_H
#define LLMOBS_ES_FRAME_H

#include "lib/base/buf.h"

/* Adds a frame of these headers and payload, with right checksums; where
 * `total` is not 0 it stands for the frame's length. */
int es_frame_add(struct llmobs_buf *buf, struct llmobs_text headers,
                 struct llmobs_text payload, size_t total);

/* Adds an event as Bedrock sends it; of type "chunk" with the payload in
 * base64 within an object. */
int es_frame_add_event(struct llmobs_buf *buf, struct llmobs_text type,
                       struct llmobs_text payload);

/* Adds the document within such a chunk; false where there is none. */
bool es_frame_chunk(struct llmobs_text payload, struct llmobs_buf *out);

/* Makes the checksums of all frames right, as far as lengths allow. */
void es_frame_repair(char *data, size_t len);

#endif
