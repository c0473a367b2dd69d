/* forms - the forms in which `llmobs view` answers. Each is a file of its own.
 *
 * Threads: one.
 * Errors:  those of view.h.
 */
#ifndef LLMOBS_FORMS_H
#define LLMOBS_FORMS_H

#include "cli/show/view.h"

/* Shows the newest spans, and then new spans as they come, until a signal or
 * until nobody reads stdout. Opens and closes the store itself, and waits for a
 * store that does not exist yet (follow.c). */
int llmobs_view_follow(struct llmobs_view *view);
/* True for a form that can show new spans as they come. */
bool llmobs_view_follows(const struct llmobs_view *view);

/* Traces as trees, or one list of spans (show_rows.c). */
int llmobs_view_tree(struct llmobs_view *view);
int llmobs_view_list(struct llmobs_view *view);
/* Their steps, for rows as they come: sets in `load` which rows to load, and
 * which parts of the rows; prints rows that are in order. */
void llmobs_show_prepare(struct llmobs_view *view, struct llmobs_load *load,
                         bool tree);
int llmobs_show_print(struct llmobs_view *view, const struct llmobs_load *load,
                      bool tree);

/* The events as stored, or as lines of OTLP (show_events.c). */
int llmobs_view_json(struct llmobs_view *view);
int llmobs_view_otlp(struct llmobs_view *view);

/* Prints nothing; `load` says whether there is a span (show_events.c). */
int llmobs_view_quiet(struct llmobs_view *view);

/* A line for each span: CSV, or JSON of the fields (fields.c). */
int llmobs_view_fields(struct llmobs_view *view);
/* Reads the list of --fields, such as "start,model,script,tag:team", into the
 * option's struct llmobs_fields. -EINVAL, after a message: there is no such
 * field, or there are too many. */
int llmobs_view_set_fields(const struct llmobs_cli_option *option,
                           const char *list);

/* Chooses all fields where none was chosen, and sets in `load` what they need,
 * the evaluations included. */
int llmobs_view_all_fields(struct llmobs_view *view);

/* A database of SQLite (show_sqlite.c). */
int llmobs_view_sqlite(struct llmobs_view *view);

/* Numbers about calls, in groups (show_summary.c). */
int llmobs_view_summary(struct llmobs_view *view);

/* Numbers about calls over time (show_series.c). */
int llmobs_view_series(struct llmobs_view *view);

/* Why caches of prompts broke (show_breaks.c). */
int llmobs_view_breaks(struct llmobs_view *view);

/* One HTML file (show_page.c). */
int llmobs_view_html(struct llmobs_view *view);

/* The same page on loopback, with new spans as they come, until a signal or
 * until nobody asks (show_serve.c). Opens and closes the store itself. */
int llmobs_view_serve(struct llmobs_view *view);

/* Opens an address in a browser, by a file that only this user may read, and
 * that leads there: other users see a browser's arguments. -ECANCELED, after a
 * message: there is no browser (show_page.c). */
int llmobs_view_open_address(const char *address);

#endif
