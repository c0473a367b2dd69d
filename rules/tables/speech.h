/* speech - what the makers of voices and transcripts have in common: a text
 * that becomes a sound, and a sound that becomes a text. No sound is ever kept:
 * words with its size stand for it.
 *
 * Owns:    nothing; all values are constant.
 * Threads: any; no state.
 * Limits:  those of message_content.h.
 */
#ifndef LLMOBS_SPEECH_H
#define LLMOBS_SPEECH_H

#include <stdint.h>

#include "rules/read/reading.h"

/* The names of the members of a request for a sound: form->variant of a
 * voice. */
struct llmobs_speech_voice {
    const char *text;     /* key of the text to say */
    const char *turns;    /* key of a list of objects that have such a
                           * text, each said by another voice; NULL: the
                           * request has the text itself */
    const char *model;    /* key of the model; NULL: "model" */
    const char *settings; /* keys that become metadata */
};

/* The members of a request with a sound, and the function that reads the
 * transcript in its answer: form->variant of an ear. */
struct llmobs_speech_ear {
    const char *url; /* key of the sound's address; NULL: the sound is the body,
                      * or is in a form */
    const char *file;  /* key of the form's file; NULL: "file" */
    const char *model; /* key of the model; NULL: "model" */
    int (*read)(struct llmobs_reading *reading, const struct llmobs_json *body);
    const char *settings;
};

/* Functions for the forms of voices. */
int llmobs_speech_begin_voice(struct llmobs_reading *reading);
int llmobs_speech_say(struct llmobs_reading *reading);
int llmobs_speech_sound(struct llmobs_reading *reading,
                        const struct llmobs_json *body);
int llmobs_speech_piece(struct llmobs_reading *reading,
                        const struct llmobs_event *event);
int llmobs_speech_finish(struct llmobs_reading *reading);
int llmobs_speech_cut(struct llmobs_reading *reading);

/* reading->state of a voice; all zeros is empty. */
struct llmobs_speech_state {
    uint64_t sound; /* bytes so far */
    uint64_t end;   /* where the last event ended */
};

/* Functions for the forms of ears. */
int llmobs_speech_begin_ear(struct llmobs_reading *reading);
int llmobs_speech_settings(struct llmobs_reading *reading);
int llmobs_speech_heard(struct llmobs_reading *reading,
                        const struct llmobs_json *body);

/* ear->read of an answer that has `text`, `language` and `duration`. */
int llmobs_speech_plain(struct llmobs_reading *reading,
                        const struct llmobs_json *body);

/* Sets the transcript, and how many seconds the sound had: a number from 0 on,
 * or another value for unknown. */
int llmobs_speech_transcript(struct llmobs_span *span, const char *text,
                             const struct llmobs_json *seconds);

/* The same for a list of objects with a `text`, one a line. */
int llmobs_speech_transcripts(struct llmobs_span *span,
                              const struct llmobs_json *list,
                              const struct llmobs_json *seconds);

#endif
