/* lack - the calls that told no tokens, and how to have true ones: nothing is
 * estimated.
 *
 * Threads: any.
 * Errors:  none.
 *
 * OpenAI's API ends a stream with its tokens where the request asks for them
 * (platform.openai.com/docs/api-reference/chat/create, stream_options).
 */
#ifndef LLMOBS_LACK_H
#define LLMOBS_LACK_H

#include "cli/query/row.h"

#define LLMOBS_LACK_NOTE 160
/* The end of the note, in the terminal and in the page. */
#define LLMOBS_LACK_REMEDY \
    ": OpenAI's API tells them with stream_options {\"include_usage\": true}"

/* All zero: none. */
struct llmobs_lack {
    size_t calls;   /* of the kind llm, not failed, without any tokens */
    size_t streams; /* those of them that have a time to the first token */
};

/* Counts the row where it is such a call. */
void llmobs_lack_add(struct llmobs_lack *lack, const struct llmobs_row *row);

/* Writes "3 streamed calls told no tokens: ...", or without streams "3 calls
 * told no tokens", or nothing where there is no such call; answers `room`. */
const char *llmobs_lack_note(const struct llmobs_lack *lack,
                             char room[LLMOBS_LACK_NOTE]);

#endif
