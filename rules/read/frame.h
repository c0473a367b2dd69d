/* frame - a few members of a JSON object that passes by in pieces: by them a
 * dialect says what a frame of a conversation over a websocket is. An API whose
 * frames have no type is known by the names of their members.
 *
 * It parses nothing: it counts brackets, and looks at strings that are keys or
 * values of the object itself and of the objects in it. So a frame costs the
 * thread that it passes about what copying it costs, wherever its type stands.
 *
 * Owns:    nothing but itself.
 * Threads: one at a time.
 * Errors:  none. A text that is no object is over at once, and has no members.
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

/* The members that are noted: "type", or "id" of the object "response". */
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
    LLMOBS_FRAME_PASSES, /* nothing of it is kept: sound, news of limits */
    LLMOBS_FRAME_SETS,   /* the settings from here on, in place of all before */
    LLMOBS_FRAME_ADJUSTS,  /* a change of them */
    LLMOBS_FRAME_BRINGS,   /* a part of the next response's input */
    LLMOBS_FRAME_HEARD,    /* likewise: speech, whose words may come later */
    LLMOBS_FRAME_WORDS,    /* of speech that was heard */
    LLMOBS_FRAME_ASKS,     /* for a response, and has input of its own */
    LLMOBS_FRAME_BEGINS,   /* a response */
    LLMOBS_FRAME_TELLS,    /* a piece of a response */
    LLMOBS_FRAME_ENDS,     /* a response */
    LLMOBS_FRAME_REFUSES,  /* a frame of the program's */
    LLMOBS_FRAME_DECLINES, /* one that asked for a response */
    /* Of an API whose responses have no id. The oldest that has not ended is
     * the one under way. */
    LLMOBS_FRAME_SPEAKS, /* a piece of it; begins one where there is none */
    LLMOBS_FRAME_ADDS,   /* a piece of it, if there is one */
    LLMOBS_FRAME_PAUSES, /* as SPEAKS: then the program has to do something */
    LLMOBS_FRAME_CLOSES, /* its last piece */
    LLMOBS_FRAME_HEARS   /* words of the speech that it, else the next one,
                          * answers */
};

struct llmobs_look {
    uint32_t depth;    /* open brackets */
    bool over;         /* the object has ended, or the text is none */
    bool string;       /* within one */
    bool escaped;      /* behind a backslash of it */
    bool noting;       /* its bytes go to `token` */
    bool value;        /* what comes is a value, or an element of a list */
    bool object[2];    /* the containers at depth 1 and 2 are objects */
    uint8_t key[2];    /* the keys there (frame.c) */
    const char *names; /* of llmobs_look_begin */
    uint32_t seen[2];  /* at depth 1 and 2: a bit for each name that is a key */
    uint32_t truths[2]; /* likewise: whose value is true */
    uint8_t token_len;
    bool token_lost;
    char token[LLMOBS_FRAME_VALUE];
    char members[LLMOBS_FRAME_MEMBERS][LLMOBS_FRAME_VALUE];
};

/* `names`: keys to look for, at most LLMOBS_FRAME_NAMES; NULL:
 * none. Borrowed until the next begin. */
void llmobs_look_begin(struct llmobs_look *frame, const char *names);

/* Takes the next bytes of the text. */
void llmobs_look_add(struct llmobs_look *frame, const char *data, size_t len);

#endif
