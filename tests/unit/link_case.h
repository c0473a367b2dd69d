/* link_case - a linker, and the calls that it links, for the tests of
 * the linker. */
#ifndef LLMOBS_LINK_CASE_H
#define LLMOBS_LINK_CASE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event/linker.h"
#include "tests/unit/unit.h"

#define SECOND INT64_C(1000000000)
#define TURN_URL "https://api.example.com/v1/chat/completions"

#define CALL "call_4kTq8Wb2ZsX0pLm7RvN3"
#define OTHER "toolu_01A09q90qw90lq917835lq9"

/* Messages of the corpus. */
#define USER "{\"role\":\"user\",\"content\":\"Is it cold?\"}"
#define CALLS(id, name)                                         \
    "{\"role\":\"assistant\",\"tool_calls\":[{\"name\":\"" name \
    "\",\"arguments\":{\"city\":\"Oslo\"},\"tool_id\":\"" id "\"}]}"
#define BRINGS(id)                                                  \
    "{\"role\":\"tool\",\"tool_results\":[{\"tool_id\":\"" id "\"," \
    "\"result\":\"-3\"}]}"

#define ASKED "[" CALLS(CALL, "weather") "]"
#define BROUGHT "[" USER "," CALLS(CALL, "weather") "," BRINGS(CALL) "]"

#define SAYS(role, text) "{\"role\":\"" role "\",\"content\":\"" text "\"}"
#define HI SAYS("user", "Hi")
#define HELLO SAYS("assistant", "Hello! How can I help you today?")
#define MORE SAYS("user", "Tell me a story.")
#define STORY SAYS("assistant", "Once upon a time there was a byte.")
#define LAST SAYS("user", "And then?")

#define FIRST "[" HI "]"
#define SECOND_TURN "[" HI "," HELLO "," MORE "]"
#define THIRD "[" HI "," HELLO "," MORE "," STORY "," LAST "]"

#define BODY .body = "{\"q\":1}"
#define INFER .infer = true, .off = true, .body = "{}"

extern struct llmobs_linker linker;
extern int64_t link_now;                    /* when the next call begins */
extern struct llmobs_inferred link_tools;   /* of the last turn */
extern struct llmobs_span link_last;        /* that was linked, or zeroes */
extern char link_path[UNIT_DIRECTORY + 16]; /* of the file */

/* Begins with an empty linker, also in the midst of a case; the fixture of a
 * file without files is LINK_FIXTURE. */
void link_begin(void);
void link_end(void);
#define LINK_FIXTURE UNIT_FIXTURE(link_begin, link_end)

/* Such a list of a linker forgets all, and frees it: in the product a linker
 * lives as long as its process. */
void link_free_sessions(struct llmobs_link_sessions *sessions);
void link_free_calls(struct llmobs_link_calls *calls);

/* With a file, in a directory of its own. */
void link_begin_file(void);

/* Another process of the same user: all that was in memory is gone. */
void link_next_process(void);

void link_end_file(void);

/* Gives what the text says, the caller's to free; NULL: NULL. */
struct llmobs_json *link_json(const char *text);

struct turn {
    uint64_t id;
    const char *in, *out; /* messages, or NULL */
    const char *url, *body, *model;
    const char *response, *previous, *conversation; /* the provider's ids */
    const char *session, *tag; /* and what the answer says of it */
    const char *tool, *input;  /* of a tool's span */
    const char *intent;        /* that its input lacks */
    const char *tools;         /* definitions, or NULL */
    const char *said;          /* the request's tags, or NULL */
    uint64_t account;
    uint64_t trace; /* 0: one of its own */
    int64_t start;  /* 0: behind the last one */
    int choices;
    long status; /* 0: 200, or none where it failed */
    bool failed, cut, aborted, off, infer;
    uint64_t parent;
    enum llmobs_stitch stitch; /* _OFF: as by default */
};

/* "2 1:turn": the spans that it is linked to, and the kinds. */
const char *links_of(const struct llmobs_span *span);

/* "T1", "T2", ... for the id of an inferred span, in their order; else the id
 * itself. */
const char *link_short_id(const char *id);

/* Links a call; gives its links. */
const char *link_turn(const struct turn *turn);

#define TURN(number, before, answer) \
    link_turn(&(struct turn){.id = (number), .in = (before), .out = (answer)})
#define TURN_AS(number, before, answer, ...) \
    link_turn(&(struct turn){                \
        .id = (number), .in = (before), .out = (answer), __VA_ARGS__})

#endif
