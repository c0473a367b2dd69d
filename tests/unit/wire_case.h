/* wire_case - a connection whose bytes a test gives to the core, and the spans
 * that come of it.
 *
 * Threads: wire_begin and wire_end: one; the rest: any.
 */
#ifndef LLMOBS_TEST_WIRE_CASE_H
#define LLMOBS_TEST_WIRE_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/capture/wire.h"
#include "tests/unit/keeper.h"
#include "tests/unit/worker_fake.h"

#define KEY "sk-SECRETKEY"
#define ASKS                                                         \
    "POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\n" \
    "Authorization: Bearer " KEY "\r\n"
#define JSON "Content-Type: application/json\r\n"
#define BODY                                                  \
    "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\"," \
    "\"content\":\"hello\"}]}"
#define LENGTH "Content-Length: 65\r\n\r\n"
#define ANSWER_BODY                                              \
    "{\"model\":\"gpt-4o\",\"choices\":[{\"message\":{\"role\":" \
    "\"assistant\",\"content\":\"there\"}}],"                    \
    "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}"
#define TO_END "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
#define ANSWER                                              \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" \
    "Content-Length: 131\r\n\r\n" ANSWER_BODY

extern struct llmobs_wire *wire; /* to api.openai.com by TLS, of wire_begin */

/* Events of a connection (engine.h). */
typedef void wire_pass_fn(struct llmobs_wire *to, const void *bytes,
                          size_t len);
wire_pass_fn wire_sent, wire_received;
void wire_skipped(struct llmobs_wire *to, uint64_t bytes);
void wire_unseen(struct llmobs_wire *to, uint64_t bytes, int fd);
void wire_ended(struct llmobs_wire *to, enum llmobs_wire_end how);
void wire_refused(struct llmobs_wire *to, uint64_t bytes);

/* Begins a case, with a worker, rules and `wire`. _end stops the worker: so
 * many events came in all, and none has a key. _says: the event has the text.
 */
void wire_begin(void);
void wire_end(int count);
bool wire_says(int i, const char *text);

/* For `wire`: a C string goes or comes; the connection ends so, and is freed.
 */
void wire_send(const char *text);
void wire_receive(const char *text);
void wire_over(enum llmobs_wire_end how);

/* Ends a child: so many calls and connections were counted in it. The parent
 * asserts that they were. */
void wire_leave(unsigned calls, unsigned unfollowed);
void wire_child_ends_well(pid_t child);

#endif
