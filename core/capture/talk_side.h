/* talk_side - the frames of one direction of a talk, put together from the
 * pieces that libcurl sends or has received. At most one is under way.
 *
 * Owns:    the text of the frame, until fini.
 * Threads: one at a time, as its talk.
 * Errors:  without memory the frame is cut.
 * Limits:  LLMOBS_TALK_FRAME bytes of a frame; a longer one is cut.
 */
#ifndef LLMOBS_TALK_SIDE_H
#define LLMOBS_TALK_SIDE_H

#include <curl/curl.h>

#include "lib/base/buf.h"
#include "rules/rules.h"

#define LLMOBS_TALK_FRAME ((size_t)256 * 1024)

struct llmobs_talk_side {
    struct llmobs_look look;
    struct llmobs_buf text; /* the frame so far; empty if it is not kept */
    uint64_t len;           /* the frame's length so far */
    bool cut;               /* the text lacks bytes */
    bool passes;            /* the frame is not kept */
    bool goes_on;           /* the next fragment belongs to this frame */
    curl_off_t left;        /* bytes of the frame that are still to come */
};

void llmobs_talk_side_init(struct llmobs_talk_side *side);
void llmobs_talk_side_fini(struct llmobs_talk_side *side);

/* The program sends `data`, a piece of `given` bytes that it has handed over,
 * of a frame of `size` bytes if the flags have an offset; flags are those of
 * curl_ws_send. True: the frame is whole, one line of text, until the next call
 * about this side. */
bool llmobs_talk_side_send(struct llmobs_talk_side *side,
                           const struct llmobs_match *match,
                           struct llmobs_text data, size_t given,
                           curl_off_t size, unsigned flags);

/* The program receives `data`, a piece after which `left` bytes of its frame
 * are still to come; flags are those of curl_ws_frame. */
bool llmobs_talk_side_receive(struct llmobs_talk_side *side,
                              const struct llmobs_match *match,
                              struct llmobs_text data, curl_off_t left,
                              unsigned flags);

#endif
