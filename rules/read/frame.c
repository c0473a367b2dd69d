#include "rules/read/frame.h"

#include <string.h>

#include "rules/read/text.h"

enum key {
    KEY_OTHER,
    KEY_TYPE,
    KEY_EVENT_ID,
    KEY_RESPONSE_ID,
    KEY_ITEM_ID,
    KEY_ID,
    KEY_CODE,
    KEY_RESPONSE,
    KEY_ERROR,
    KEY_NAMED /* this and later keys: names that were given */
};

static const char *const names[] = {
    [KEY_TYPE] = "type",
    [KEY_EVENT_ID] = "event_id",
    [KEY_RESPONSE_ID] = "response_id",
    [KEY_ITEM_ID] = "item_id",
    [KEY_ID] = "id",
    [KEY_CODE] = "code",
    [KEY_RESPONSE] = "response",
    [KEY_ERROR] = "error",
};

void llmobs_look_begin(struct llmobs_look *frame, const char *given)
{
    memset(frame, 0, sizeof(*frame));
    frame->names = given;
}

/* The member whose value comes now; LLMOBS_FRAME_MEMBERS: not noted.
 */
static enum llmobs_frame_member member_of(const struct llmobs_look *frame)
{
    if (!frame->value || frame->depth > 2 || !frame->object[frame->depth - 1])
        return LLMOBS_FRAME_MEMBERS;
    if (frame->depth == 2 && frame->key[0] == KEY_RESPONSE)
        return frame->key[1] == KEY_ID ? LLMOBS_FRAME_RESPONSE_ID
                                       : LLMOBS_FRAME_MEMBERS;
    if (frame->depth == 2 && frame->key[0] == KEY_ERROR)
        return frame->key[1] == KEY_EVENT_ID ? LLMOBS_FRAME_ERROR_EVENT
               : frame->key[1] == KEY_CODE   ? LLMOBS_FRAME_ERROR_CODE
                                             : LLMOBS_FRAME_MEMBERS;
    if (frame->depth == 2)
        return LLMOBS_FRAME_MEMBERS;
    switch (frame->key[0]) {
    case KEY_TYPE:
        return LLMOBS_FRAME_TYPE;
    case KEY_EVENT_ID:
        return LLMOBS_FRAME_EVENT_ID;
    case KEY_RESPONSE_ID:
        return LLMOBS_FRAME_RESPONSE_ID;
    case KEY_ITEM_ID:
        return LLMOBS_FRAME_ITEM_ID;
    default:
        return LLMOBS_FRAME_MEMBERS;
    }
}

static bool frame_is_key(const struct llmobs_look *frame)
{
    return frame->depth <= 2 && frame->object[frame->depth - 1] &&
           !frame->value;
}

static void begin_string(struct llmobs_look *frame)
{
    frame->string = true;
    frame->escaped = frame->token_lost = false;
    frame->token_len = 0;
    frame->noting =
        frame_is_key(frame) || member_of(frame) != LLMOBS_FRAME_MEMBERS;
}

static uint8_t frame_key_of(const struct llmobs_look *frame)
{
    uint8_t key = KEY_TYPE;

    while (key < KEY_NAMED && strcmp(names[key], frame->token) != 0)
        key++;
    if (key < KEY_NAMED)
        return key;
    key = KEY_NAMED;
    LLMOBS_WORDS_EACH (name, frame->names) {
        if (key == KEY_NAMED + LLMOBS_FRAME_NAMES)
            break;
        if (strcmp(name, frame->token) == 0)
            return key;
        key++;
    }
    return KEY_OTHER;
}

/* Sets the bit of the key at the present depth, if `names` has the key. */
static void frame_mark(const struct llmobs_look *frame, uint32_t bits[2])
{
    uint8_t key = frame->key[frame->depth - 1];

    if (key >= KEY_NAMED)
        bits[frame->depth - 1] |= UINT32_C(1) << (key - KEY_NAMED);
}

static void end_string(struct llmobs_look *frame)
{
    enum llmobs_frame_member member = member_of(frame);

    frame->string = false;
    if (!frame->noting)
        return;
    if (frame->token_lost)
        frame->token_len = 0;
    frame->token[frame->token_len] = '\0';
    if (frame_is_key(frame)) {
        frame->key[frame->depth - 1] = frame_key_of(frame);
        frame_mark(frame, frame->seen);
    } else if (member != LLMOBS_FRAME_MEMBERS) {
        memcpy(frame->members[member], frame->token,
               (size_t)frame->token_len + 1);
    }
}

/* Keeps a part of a string, if the string is looked for. */
static void frame_note(struct llmobs_look *frame, const char *from,
                       const char *to)
{
    size_t len = (size_t)(to - from);

    if (len > sizeof(frame->token) - 1 - frame->token_len ||
        memchr(from, '\\', len))
        frame->token_lost = true;
    if (frame->token_lost)
        return;
    memcpy(frame->token + frame->token_len, from, len);
    frame->token_len = (uint8_t)(frame->token_len + len);
}

/* Passes over bytes of a string; gives where to go on behind them. A quote ends
 * the string unless an odd number of backslashes stands before it. */
static const char *frame_pass_string(struct llmobs_look *frame, const char *at,
                                     const char *end)
{
    const char *quote = memchr(at, '"', (size_t)(end - at));
    const char *stop = quote ? quote : end, *slash = stop;
    bool escaped;

    while (slash > at && slash[-1] == '\\')
        slash--;
    escaped = ((stop - slash) & 1) != (slash == at && frame->escaped);
    if (frame->noting)
        frame_note(frame, at, stop);
    frame->escaped = !quote && escaped;
    if (!quote)
        return end;
    if (!escaped)
        end_string(frame);
    else if (frame->noting)
        frame->token_lost = true;
    return quote + 1;
}

static void open_bracket(struct llmobs_look *frame, bool object)
{
    if (frame->depth == UINT32_MAX) { /* the count would overflow */
        frame->over = true;
        return;
    }
    frame->depth++;
    frame->value = !object;
    if (frame->depth > 2)
        return;
    frame->object[frame->depth - 1] = object;
    frame->key[frame->depth - 1] = KEY_OTHER;
}

/* Behind a comma of an object comes a key. */
static void frame_take(struct llmobs_look *frame, char c)
{
    if (frame->depth == 0 && c != '{')
        frame->over = c != ' ' && c != '\t' && c != '\r' && c != '\n';
    else if (c == '"')
        begin_string(frame);
    else if (c == '{' || c == '[')
        open_bracket(frame, c == '{');
    else if (c == '}' || c == ']')
        frame->over = --frame->depth == 0;
    else if (c == ':')
        frame->value = true;
    else if (c == 't' && frame->value && frame->depth <= 2 &&
             frame->object[frame->depth - 1])
        frame_mark(frame, frame->truths);
    else if (c == ',' && frame->depth <= 2)
        frame->value = !frame->object[frame->depth - 1];
}

void llmobs_look_add(struct llmobs_look *frame, const char *data, size_t len)
{
    const char *end = data + len;

    while (data < end && !frame->over) {
        if (frame->string)
            data = frame_pass_string(frame, data, end);
        else
            frame_take(frame, *data++);
    }
}
