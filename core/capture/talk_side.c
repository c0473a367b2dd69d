#include "core/capture/talk_side.h"

#include <string.h>

/* Of libcurl's websockets.h, which old headers lack: CURLWS_*. */
#define WS_TEXT 1u
#define WS_BINARY 2u
#define WS_CONT 4u
#define WS_OFFSET 32u

/* Memory beyond this many bytes is freed after the frame. */
#define TEXT_KEPT ((size_t)16 * 1024)

void llmobs_talk_side_init(struct llmobs_talk_side *side)
{
    llmobs_buf_init(&side->text, LLMOBS_TALK_FRAME);
}

void llmobs_talk_side_fini(struct llmobs_talk_side *side)
{
    llmobs_buf_fini(&side->text);
}

/* -- pieces ---------------------------------------------------------------- */

static void begin_frame(struct llmobs_talk_side *side,
                        const struct llmobs_match *match)
{
    llmobs_rules_look(match, &side->look);
    if (side->text.cap > TEXT_KEPT) {
        llmobs_buf_fini(&side->text);
        llmobs_buf_init(&side->text, LLMOBS_TALK_FRAME);
    }
    llmobs_buf_cut(&side->text, 0);
    side->len = 0;
    side->cut = side->passes = false;
}

/* JSON has line ends between its values only: the frame becomes one line. */
static void make_line(struct llmobs_talk_side *side)
{
    char *at = side->text.data;
    size_t len = side->text.len;

    for (char *c = at; len && (c = memchr(c, '\n', len - (size_t)(c - at)));)
        *c = ' ';
    for (char *c = at; len && (c = memchr(c, '\r', len - (size_t)(c - at)));)
        *c = ' ';
    if (llmobs_buf_addc(&side->text, '\n') < 0)
        side->cut = true;
}

static void talk_side_keep(struct llmobs_talk_side *side,
                           const struct llmobs_match *match,
                           struct llmobs_text data, bool sent)
{
    side->len += data.len;
    if (!side->passes && !side->cut &&
        llmobs_buf_add(&side->text, data.data, data.len) < 0)
        side->cut = true;
    if (side->passes || !side->look.members[LLMOBS_FRAME_TYPE][0])
        return;
    side->passes =
        llmobs_rules_frame(match, &side->look, sent) == LLMOBS_FRAME_PASSES;
    if (side->passes)
        llmobs_buf_cut(&side->text, 0);
}

/* The frame ends where its JSON object ends, whatever libcurl says of
 * fragments: versions differ in that. True: the frame is whole, and kept. */
static bool talk_side_add_piece(struct llmobs_talk_side *side,
                                const struct llmobs_match *match,
                                struct llmobs_text data, bool sent)
{
    if (side->look.over || data.len == 0)
        return false;
    llmobs_look_add(&side->look, data.data, data.len);
    talk_side_keep(side, match, data, sent);
    if (!side->look.over || side->passes)
        return false;
    if (!side->cut)
        llmobs_buf_cut(&side->text, llmobs_rules_shrink(match, side->text.data,
                                                        side->text.len));
    make_line(side);
    side->passes = true;
    return true;
}

/* -- what libcurl says of them --------------------------------------------- */

/* Begins a frame if none is under way. */
static void begin_with(struct llmobs_talk_side *side,
                       const struct llmobs_match *match, unsigned flags)
{
    if (side->left == 0 && !side->goes_on && (flags & (WS_TEXT | WS_BINARY)))
        begin_frame(side, match);
}

bool llmobs_talk_side_send(struct llmobs_talk_side *side,
                           const struct llmobs_match *match,
                           struct llmobs_text data, size_t given,
                           curl_off_t size, unsigned flags)
{
    bool whole;

    begin_with(side, match, flags);
    if (side->left == 0 && (flags & WS_OFFSET) && size > 0)
        side->left = size;
    else if (side->left == 0 || !(flags & WS_OFFSET))
        side->left = (curl_off_t)given;
    whole = talk_side_add_piece(side, match, data, true);
    side->left = side->left > (curl_off_t)data.len
                     ? side->left - (curl_off_t)data.len
                     : 0;
    if (side->left == 0)
        side->goes_on = flags & WS_CONT;
    return whole;
}

bool llmobs_talk_side_receive(struct llmobs_talk_side *side,
                              const struct llmobs_match *match,
                              struct llmobs_text data, curl_off_t left,
                              unsigned flags)
{
    bool whole;

    begin_with(side, match, flags);
    whole = talk_side_add_piece(side, match, data, false);
    side->left = left;
    /* libcurl 8.1 to 8.12 sets CONT for all pieces but the first, also for the
     * last; newer versions set it beside TEXT while more pieces are to come. */
    if (left == 0)
        side->goes_on = (flags & (WS_TEXT | WS_BINARY)) && (flags & WS_CONT);
    return whole;
}
