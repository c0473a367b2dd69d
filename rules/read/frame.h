/* frame - a few members of a JSON object that passes by in pieces, by which a
 * dialect knows the kind of a frame of a conversation over a websocket. If an
 * API's frames have no type, the names of their members tell their kind.
 *
 * It parses nothing: it counts brackets, and looks at strings that are keys or
 * values of the object itself and of the objects in it. So a frame costs its
 * thread about what copying it costs, wherever its type stands.
 *
 * Owns:    nothing but itself.
 * Threads: one thread at a time.
 * Errors:  none. A text that is no object ends at once, without members.
 * Limits:  a value of LLMOBS_FRAME_VALUE bytes or more, or with an escape in
 *          it, counts as empty. Time is linear in the bytes, however they are
 *          cut.
 */
#ifndef LLMOBS_FRAME_H
#define LLMOBS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LLMOBS_FRAME_VALUE 80
#define LLMOBS_FRAME_NAMES 32

/* The method of a websocket's connection; no request has it. */
#define LLMOBS_METHOD_WEBSOCKET "WEBSOCKET"

/* The members that are noted, such as "type", and "id" of "response". */
enum llmobs_frame_member {
    LLMOBS_FRAME_TYPE,
    LLMOBS_FRAME_EVENT_ID,
    LLMOBS_FRAME_RESPONSE_ID, /* "response_id", or the response's "id" */
    LLMOBS_FRAME_ITEM_ID,
    LLMOBS_FRAME_ERROR_EVENT, /* "event_id" of "error" */
    LLMOBS_FRAME_ERROR_CODE,
    LLMOBS_FRAME_MEMBERS
};

/* The part of a frame in the account of its connection. */
enum llmobs_frame_kind {
    LLMOBS_FRAME_PASSES,  /* not kept: sound, news of limits */
    LLMOBS_FRAME_SETS,    /* the settings from here on, instead of all before */
    LLMOBS_FRAME_ADJUSTS, /* a change of the settings */
    LLMOBS_FRAME_BRINGS,  /* a part of the next response's input */
    LLMOBS_FRAME_HEARD,   /* as BRINGS: speech; its words may come later */
    LLMOBS_FRAME_WORDS,   /* the words of speech that was heard */
    LLMOBS_FRAME_ASKS,    /* asks for a response; may have input */
    LLMOBS_FRAME_BEGINS,  /* begins a response */
    LLMOBS_FRAME_TELLS,   /* a piece of a response */
    LLMOBS_FRAME_ENDS,    /* ends a response */
    LLMOBS_FRAME_REFUSES, /* the server refuses a frame of the program's */
    LLMOBS_FRAME_DECLINES, /* the server refuses an ASKS frame */
    /* For an API whose responses have no id: its response under way is the
     * oldest that has not ended. */
    LLMOBS_FRAME_SPEAKS, /* a piece of this or of a new response */
    LLMOBS_FRAME_ADDS,   /* a piece of the response, if one is under way */
    LLMOBS_FRAME_PAUSES, /* as SPEAKS, and then the program has to act */
    LLMOBS_FRAME_CLOSES, /* the response's last piece */
    LLMOBS_FRAME_HEARS   /* words of the speech that it or the next one
                          * answers */
};

struct llmobs_look {
    uint32_t depth;    /* open brackets */
    bool over;         /* the object has ended, or the text is not an object */
    bool string;       /* within a string */
    bool escaped;      /* behind a backslash in the string */
    bool noting;       /* the string's bytes go to `token` */
    bool value;        /* a value comes next, or an element of a list */
    bool object[2];    /* the containers at depth 1 and 2 are objects */
    uint8_t key[2];    /* the present keys at depth 1 and 2 (frame.c) */
    const char *names; /* from llmobs_look_begin */
    uint32_t seen[2];  /* at depth 1 and 2 a bit for each name that was a key */
    uint32_t truths[2]; /* as `seen`, for names whose value is true */
    uint8_t token_len;
    bool token_lost;
    char token[LLMOBS_FRAME_VALUE];
    char members[LLMOBS_FRAME_MEMBERS][LLMOBS_FRAME_VALUE];
};

/* `names`: keys to look for, at most LLMOBS_FRAME_NAMES; NULL: no keys.
 * Borrowed until the next begin. */
void llmobs_look_begin(struct llmobs_look *frame, const char *names);

/* Takes the next bytes of the text. */
void llmobs_look_add(struct llmobs_look *frame, const char *data, size_t len);

#endif
