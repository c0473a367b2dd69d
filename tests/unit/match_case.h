/* match_case - requests, and what the rules make of them. */
#ifndef LLMOBS_MATCH_CASE_H
#define LLMOBS_MATCH_CASE_H

#include <stdbool.h>
#include <stddef.h>

#include "rules/rules.h"
#include "tests/unit/unit.h"

#define CHAT "/v1/chat/completions"
#define BODY "{\"model\":\"m\",\"messages\":[]}"

/* The complaints of the newest rules in one text, and their count. */
extern char match_complaints[1024];
extern int match_complaint_count;

/* Gives rules with these proxies and this text of LLMOBS_RULES (NULL: none),
 * which never observe the Agent and a receiver of OTLP. The caller frees them.
 */
struct llmobs_rules *match_make(const char *proxies, const char *json);

enum body { NONE, JSON, TEXT, PENDING, FORM };

/* One request and what becomes of it; rule 0: not ours. */
struct match_row {
    const char *method;
    const char *url;
    enum body body;
    const char *type;
    int rule; /* 1, 2 or 3; 11: generic */
    const char *provider;
};

/* True where the request is ours; gives the match. */
bool match_run(const struct llmobs_rules *rules, const struct match_row *row,
               struct llmobs_match *match);

/* Checks each row. */
void match_check(const struct llmobs_rules *rules, const struct match_row *rows,
                 size_t count);

#endif
