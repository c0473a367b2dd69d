/* report - the doctor's findings, for people and for programs.
 *
 * Owns:    its texts and values, from init to fini.
 * Threads: one.
 * Errors:  -ENOMEM, remembered until it is printed.
 * Limits:  LLMOBS_REPORT_TEXT bytes a finding.
 */
#ifndef LLMOBS_REPORT_H
#define LLMOBS_REPORT_H

#include "lib/text/json.h"

#define LLMOBS_REPORT_TEXT 8192

/* In the order of their weight: the heaviest one decides the last line and the
 * exit status of the doctor. */
enum llmobs_report_level {
    LLMOBS_REPORT_OK,
    LLMOBS_REPORT_NOTE, /* worth knowing, and as the settings want it */
    LLMOBS_REPORT_WARN, /* observing works, but not as the settings want it */
    LLMOBS_REPORT_UNKNOWN, /* what the doctor did not look at */
    LLMOBS_REPORT_FAIL     /* observing cannot work, or does not work */
};

struct llmobs_report {
    struct llmobs_json *facts;    /* values for programs, by subject */
    struct llmobs_json *findings; /* sentences, in their order */
    enum llmobs_report_level worst;
    bool no_memory;
    char holds[64]; /* the calls that are observed, each with ", " before it */
};

void llmobs_report_init(struct llmobs_report *report);
void llmobs_report_fini(struct llmobs_report *report);

/* Adds a sentence about "reach", "preload", ... The `remedy` says what its
 * reader can do about it: a command, a variable, a value; a warning has one.
 * All texts are copied. */
void llmobs_report_add(struct llmobs_report *report,
                       enum llmobs_report_level level, const char *about,
                       const char *remedy, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The exit status for the verdict in the last line of the report. */
int llmobs_report_status(const struct llmobs_report *report);

/* Sets a fact; takes the value. */
void llmobs_report_fact(struct llmobs_report *report, const char *name,
                        struct llmobs_json *value);

/* Print all findings; the texts end with a line that is the verdict. */
int llmobs_report_print_text(const struct llmobs_report *report);
int llmobs_report_print_json(const struct llmobs_report *report);

#endif
