#include "cli/doctor/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/shared/escape.h"

#define JSON_MAX (4u * 1024 * 1024)

static const char *const levels[] = {"ok", "note", "bad"};

void llmobs_report_init(struct llmobs_report *report)
{
    *report = (struct llmobs_report){.facts = llmobs_json_object(),
                                     .findings = llmobs_json_array()};
    report->no_memory = report->facts == NULL || report->findings == NULL;
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
                       const char *format, ...)
{
    struct llmobs_json *finding = llmobs_json_object();
    char text[LLMOBS_REPORT_TEXT];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report->bad |= level == LLMOBS_REPORT_BAD;
    if (llmobs_json_sets(finding, "about", about) != 0 ||
        llmobs_json_sets(finding, "level", levels[level]) != 0 ||
        llmobs_json_sets(finding, "text", text) != 0)
        report->no_memory = true;
    if (llmobs_json_add(report->findings, finding) != 0)
        report->no_memory = true;
}

/* Escapes texts, since a file's name may contain any byte. */
int llmobs_report_print_text(const struct llmobs_report *report)
{
    static const char *const marks[] = {"ok ", "-- ", "NO "};
    const char *last = "";
    int rc = report->no_memory ? -ENOMEM : 0;

    for (size_t i = 0; i < llmobs_json_len(report->findings) && rc == 0; i++) {
        const struct llmobs_json *one = llmobs_json_at(report->findings, i);
        const char *about = llmobs_json_gets(one, "about");
        const char *level = llmobs_json_gets(one, "level");
        int mark = *level == 'o' ? 0 : *level == 'n' ? 1 : 2;
        struct llmobs_buf text;

        llmobs_buf_init(&text, 8 * LLMOBS_REPORT_TEXT);
        rc = llmobs_escape_adds(&text, llmobs_json_gets(one, "text"),
                                LLMOBS_REPORT_TEXT);
        if (rc == 0)
            printf("%-10s %s%s\n", strcmp(about, last) != 0 ? about : "",
                   marks[mark], text.data);
        llmobs_buf_fini(&text);
        last = about;
    }
    return rc;
}

int llmobs_report_print_json(const struct llmobs_report *report)
{
    struct llmobs_buf text;
    int rc = report->no_memory ? -ENOMEM : 0;

    llmobs_buf_init(&text, JSON_MAX);
    if (rc == 0)
        rc = llmobs_json_set(report->facts, "works",
                             llmobs_json_bool(!report->bad));
    if (rc == 0)
        rc = llmobs_json_set(report->facts, "findings",
                             llmobs_json_share(report->findings));
    if (rc == 0)
        rc = llmobs_json_dump(report->facts, LLMOBS_JSON_KEEP_ORDER, &text);
    if (rc == 0)
        printf("%s\n", text.data);
    llmobs_buf_fini(&text);
    return rc;
}
