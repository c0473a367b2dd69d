/* rule_case - one recorded exchange, read by rules/ as the core would.
 *
 * Owns:    what a rule_case holds, from load to fini.
 * Threads: one at a time.
 * Errors:  load answers -errno; a malformed case is -EINVAL.
 * Limits:  RULE_CASE_HEADERS_MAX headers a side.
 * Fork:    plain memory.
 *
 * A case of tests/rules/DIALECT has the sections (case_file.h) `request` ("POST
 * url", headers, a blank line, the body), `answer` ("HTTP/1.1 200", headers, a
 * blank line, the body; empty: none came), `span`, what is expected, and
 * perhaps `settings`: rules      the text of LLMOBS_RULES, as JSON transport
 * false: libcurl saw an error encoded    the content coding that could not be
 * undone edge       bodies are cut to this many bytes at either end multipart
 * true: the request body is a form pending    true: the body only comes while
 * sending observe    false: LLMOBS_OBSERVE is unset; else it has all its words
 */
#ifndef LLMOBS_RULE_CASE_H
#define LLMOBS_RULE_CASE_H

#include "lib/text/form.h"
#include "lib/text/json.h"
#include "rules/rules.h"
#include "tests/support/case_file.h"

#define RULE_CASE_HEADERS_MAX 32
#define RULE_CASE_PROXY "http://proxy.test:4000"

struct rule_case {
    char where[256]; /* for messages */
    struct llmobs_buf request;
    struct llmobs_buf response;
    struct llmobs_json *config;
    struct llmobs_json *expected; /* NULL: no span */
    struct llmobs_header headers[2][RULE_CASE_HEADERS_MAX];
    char *lines[RULE_CASE_HEADERS_MAX]; /* of the request's header */
    size_t line_count;
    struct llmobs_body fields; /* of a form (lib/text/form.h) */
    struct llmobs_call call;
    struct llmobs_rules *rules;
    struct llmobs_match match;
    bool ours;
};

int rule_case_load(struct rule_case *c, const struct case_text *text);

/* Of "FOLDER/CASE"; the texts of the folder stay for the next one. */
int rule_case_find(struct rule_case *c, const char *path);
void rule_case_fini(struct rule_case *c);

/* Reads a call that differs from the case's in its response or marks; gives
 * the span in normal form: what the section `span` holds. */
struct llmobs_json *rule_case_read(const struct rule_case *c,
                                   const struct llmobs_call *call);

#endif
