/* Collects the doctor's findings, and prints them as text or JSON. */
#include "cli/doctor/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/shared/cli.h"
#include "cli/shared/escape.h"
#include "cli/shared/json_out.h"

/* For each level: its name and the mark of its lines; and, for a report whose
 * heaviest level it is, the last line and the exit status. */
static const struct level {
    const char *name, *mark, *verdict;
    int status;
} levels[] = {
    {"ok", "ok", "All is well", LLMOBS_CLI_OK},
    {"note", "--", "All is well", LLMOBS_CLI_OK},
    {"warn", "!!", "It works, but not as wanted: see the lines with !!.",
     LLMOBS_CLI_WARNED},
    {"unknown", "??", "Not all is known: see the lines with ??.",
     LLMOBS_CLI_UNKNOWN},
    {"fail", "NO", "It does not work: see the lines with NO.",
     LLMOBS_CLI_FAILED},
};

void llmobs_report_init(struct llmobs_report *report)
{
    *report = (struct llmobs_report){.facts = llmobs_json_object(),
                                     .findings = llmobs_json_array()};
    report->no_memory = !report->facts || !report->findings;
}

void llmobs_report_fini(struct llmobs_report *report)
{
    llmobs_json_free(report->facts);
    llmobs_json_free(report->findings);
}

void llmobs_report_fact(struct llmobs_report *report, const char *name,
                        struct llmobs_json *value)
{
    if (llmobs_json_set(report->facts, name, value) != 0)
        report->no_memory = true;
}

void llmobs_report_add(struct llmobs_report *report,
                       enum llmobs_report_level level, const char *about,
                       const char *remedy, const char *format, ...)
{
    struct llmobs_json *finding = llmobs_json_object();
    char text[LLMOBS_REPORT_TEXT];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (level > report->worst)
        report->worst = level;
    if (llmobs_json_set_texts(finding, "about", about, "level",
                              levels[level].name, "text", text, "remedy",
                              remedy, NULL) != 0 ||
        llmobs_json_add(report->findings, finding) != 0)
        report->no_memory = true;
}

int llmobs_report_status(const struct llmobs_report *report)
{
    return levels[report->worst].status;
}

int llmobs_report_print_text(const struct llmobs_report *report)
{
    const char *last = "";
    int rc = report->no_memory ? -ENOMEM : 0;

    for (size_t i = 0; i < llmobs_json_len(report->findings) && rc == 0; i++) {
        const struct llmobs_json *one = llmobs_json_at(report->findings, i);
        const char *about = llmobs_json_gets(one, "about");
        const char *remedy = llmobs_json_gets(one, "remedy");
        struct llmobs_buf text;
        size_t level = 0;

        while (!llmobs_json_says(one, "level", levels[level].name))
            level++;
        /* Escapes texts, since a file's name may contain any byte. */
        llmobs_buf_init(&text, 16 * LLMOBS_REPORT_TEXT);
        rc = llmobs_escape_adds(&text, llmobs_json_gets(one, "text"),
                                LLMOBS_REPORT_TEXT);
        if (rc == 0 && remedy)
            rc = llmobs_buf_adds(&text, ": ");
        if (rc == 0 && remedy)
            rc = llmobs_escape_adds(&text, remedy, LLMOBS_REPORT_TEXT);
        if (rc == 0)
            printf("%-10s %s %s\n", strcmp(about, last) != 0 ? about : "",
                   levels[level].mark, text.data);
        llmobs_buf_fini(&text);
        last = about;
    }
    if (rc == 0 && report->worst >= LLMOBS_REPORT_WARN)
        puts(levels[report->worst].verdict);
    else if (rc == 0)
        printf("%s%s%s.%s\n", levels[report->worst].verdict,
               report->holds[0] ? " for calls" : "",
               report->holds + (report->holds[0] == ','),
               report->holds[0] ? " Still no span? `llmobs doctor --run CMD`"
                                : "");
    return rc;
}

int llmobs_report_print_json(const struct llmobs_report *report)
{
    struct llmobs_json *facts = report->facts;

    llmobs_json_set(facts, "works",
                    report->worst == LLMOBS_REPORT_UNKNOWN
                        ? llmobs_json_null()
                        : llmobs_json_bool(report->worst < LLMOBS_REPORT_FAIL));
    llmobs_json_sets(facts, "level", levels[report->worst].name);
    if (report->holds[0])
        llmobs_json_sets(facts, "holds_for", report->holds + 2);
    llmobs_json_set(facts, "findings", llmobs_json_share(report->findings));
    if (report->no_memory || llmobs_json_error(facts) != 0)
        return -ENOMEM;
    return llmobs_json_out_value(facts);
}
