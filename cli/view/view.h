/* view - the command `llmobs view`: one question to the store, and the form of
 * the answer. Each form is a file of its own, which has one function here.
 *
 * Owns:    nothing; the command owns all of it while a form runs.
 * Threads: one.
 * Errors:  a form answers 0 or -errno; -EPIPE: stdout is gone. Messages are the
 *          form's own, except for -errno; -ECANCELED: it has said all.
 */
#ifndef LLMOBS_VIEW_H
#define LLMOBS_VIEW_H

#include "cli/figures/metrics.h"
#include "cli/figures/samples.h"
#include "cli/figures/sheet.h"
#include "cli/prices/prices.h"
#include "cli/rows/filter.h"
#include "cli/rows/load.h"
#include "cli/shared/reader.h"
#include "cli/term/screen.h"
#include "cli/view/fields.h"
#include "core/config/config.h"

/* Without a number a terminal gets the newest, as many as this. */
#define LLMOBS_VIEW_NEWEST 20

struct llmobs_view {
    struct llmobs_filter filter;
    int (*form)(struct llmobs_view *view); /* one of those below */
    enum llmobs_sheet_form format;         /* of a form that has several */
    struct llmobs_fields fields;           /* count 0: all */
    enum llmobs_samples_by by;             /* of tables of calls */
    struct llmobs_metrics metrics;
    int64_t step_ns; /* of a series; 0: a round one */
    bool messages;
    bool whole;    /* every line of them */
    size_t newest; /* so many; 0: all */
    bool counted;  /* `newest` was asked for */
    bool reverse;  /* the newest first */
    bool follow;   /* the form goes on with what comes */
    bool full;     /* no text is cut */
    bool wide;     /* rows are not fitted to the terminal */
    bool ascii;    /* lines are drawn with ASCII alone */
    bool no_pager;
    enum llmobs_screen_when colour;
    const char
        *html; /* the page's file, "-": stdout; NULL: a name of its own */
    bool open; /* starts a browser for it */
    struct llmobs_buf asked; /* the filters, as a person wrote them */

    /* Set before the form runs. */
    const char *store; /* the directory */
    struct llmobs_config *config;
    struct llmobs_screen screen;
    struct llmobs_reader *reader;
    struct llmobs_prices *prices; /* NULL until llmobs_view_prices */
    struct llmobs_load load;      /* the form fills its counts at least */

    /* While it follows (follow.c). */
    bool more;      /* the form of events gives those that are new */
    bool cost_told; /* the origin of costs stands above */
    struct llmobs_table_kept *kept; /* from print to print */
};

/* Shows the newest, and then what comes, until a signal or until nobody reads
 * stdout; opens and closes the store itself, and waits for one that does not
 * exist yet (follow.c). */
int llmobs_view_follow(struct llmobs_view *view);
/* True for a form that can go on. */
bool llmobs_view_follows(const struct llmobs_view *view);

/* Looks how wide the terminal is. */
void llmobs_view_look_at_screen(struct llmobs_view *view);

/* Loads the prices, for a form that shows what calls cost; tells of files that
 * cannot be read, and goes on without them. */
void llmobs_view_prices(struct llmobs_view *view);

/* Says on stderr where the costs on stdout come from, which has no place to say
 * it. */
void llmobs_view_tell_prices(const struct llmobs_view *view);

/* Traces as trees, or one list of spans (show_rows.c). */
int llmobs_view_tree(struct llmobs_view *view);
int llmobs_view_list(struct llmobs_view *view);

/* The events as stored, or as lines of OTLP (show_events.c). */
int llmobs_view_json(struct llmobs_view *view);
int llmobs_view_otlp(struct llmobs_view *view);

/* Nothing; `load` says whether there is a span (show_events.c). */
int llmobs_view_quiet(struct llmobs_view *view);

/* A line for each span: CSV, or JSON of the fields (show_fields.c). */
int llmobs_view_fields(struct llmobs_view *view);

/* Numbers about calls, in groups (show_summary.c). */
int llmobs_view_summary(struct llmobs_view *view);

/* The same over time (show_series.c). */
int llmobs_view_series(struct llmobs_view *view);

/* The sessions, with sums of each (show_sessions.c). */
int llmobs_view_sessions(struct llmobs_view *view);

/* Calls that nobody needed (show_waste.c). */
int llmobs_view_waste(struct llmobs_view *view);

/* A file for the viewers of Chrome's trace events (show_chrome.c). */
int llmobs_view_chrome(struct llmobs_view *view);

/* One HTML file (show_page.c). */
int llmobs_view_html(struct llmobs_view *view);

#endif
