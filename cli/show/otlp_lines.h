/* otlp_lines - spans of the store on stdout as lines of OTLP's JSON, as the
 * file exporter of a Collector writes them and its otlpjsonfile receiver reads
 * them: one ExportTraceServiceRequest a line.
 *
 * Owns:    the texts that wait for their line, until fini; borrows `config`.
 * Threads: one.
 * Errors:  -ENOMEM; -EPIPE: stdout takes no more.
 * Limits:  a line holds LLMOBS_OTLP_LINES_SPANS spans, of LLMOBS_OTLP_LINES_MAX
 *          bytes in the store, or a single span: that receiver cuts a line
 *          after 1 MiB.
 *
 * Sources: OpenTelemetry, protocol/file-exporter.md: a file has one kind of
 *          data. So evaluations are not written.
 */
#ifndef LLMOBS_OTLP_LINES_H
#define LLMOBS_OTLP_LINES_H

#include "core/config/config.h"
#include "lib/text/json.h"

#define LLMOBS_OTLP_LINES_SPANS 64
#define LLMOBS_OTLP_LINES_MAX (256u * 1024)

struct llmobs_otlp_lines {
    const struct llmobs_config *config;
    bool content;
    struct llmobs_buf text; /* events, one behind the other */
    size_t ends[LLMOBS_OTLP_LINES_SPANS];
    size_t count;
    size_t bad; /* events that OTLP cannot hold */
};

/* Writes the texts of messages unless LLMOBS_CONTENT is off: the owner let the
 * library store them, and the same owner runs this command. */
void llmobs_otlp_lines_init(struct llmobs_otlp_lines *lines,
                            struct llmobs_config *config);
void llmobs_otlp_lines_fini(struct llmobs_otlp_lines *lines);

/* Takes a copy of one span's event; prints a line when it is full. */
int llmobs_otlp_lines_add(struct llmobs_otlp_lines *lines,
                          struct llmobs_text event);

/* Prints what waits. */
int llmobs_otlp_lines_flush(struct llmobs_otlp_lines *lines);

#endif
