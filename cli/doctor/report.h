/* report - the doctor's findings, for people and for programs.
 *
 * Owns:    its texts and values, from init to fini.
 * Threads: one.
 * Errors:  -ENOMEM, remembered until it is printed.
 * Limits:  LLMOBS_REPORT_TEXT bytes a finding.
 */
#ifndef LLMOBS_REPORT_H
#define LLMOBS_REPORT_H

#include "core/text/json.h"

#define LLMOBS_REPORT_TEXT 8192

enum llmobs_report_level {
    LLMOBS_REPORT_OK,
    LLMOBS_REPORT_NOTE, /* worth knowing */
    LLMOBS_REPORT_BAD   /* with this, observing cannot work or does not */
};

struct llmobs_report {
    struct llmobs_json *facts;    /* values for programs, by subject */
    struct llmobs_json *findings; /* sentences, in their order */
    bool bad;
    bool no_memory;
};

void llmobs_report_init(struct llmobs_report *report);
void llmobs_report_fini(struct llmobs_report *report);

/* Adds a sentence about "reach", "preload", ... */
void llmobs_report_add(struct llmobs_report *report,
                       enum llmobs_report_level level, const char *about,
                       const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Sets a fact; takes the value. */
void llmobs_report_fact(struct llmobs_report *report, const char *name,
                        struct llmobs_json *value);

int llmobs_report_print_text(const struct llmobs_report *report);
int llmobs_report_print_json(const struct llmobs_report *report);

#endif
