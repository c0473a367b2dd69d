/* view - one question of `llmobs view` to the store, and the form of the answer
 * (forms.h).
 *
 * Owns:    nothing; the command owns all of it while a form runs.
 * Threads: one.
 * Errors:  a form answers 0 or -errno; -EPIPE: stdout is gone. Messages are the
 *          form's own, except for -errno; -ECANCELED: it has printed all.
 */
#ifndef LLMOBS_VIEW_H
#define LLMOBS_VIEW_H

#include "cli/query/metrics.h"
#include "cli/query/samples.h"
#include "cli/query/sheet.h"
#include "cli/query/prices.h"
#include "cli/query/filter.h"
#include "cli/query/load.h"
#include "cli/shared/reader.h"
#include "cli/shared/screen.h"
#include "cli/show/fields.h"
#include "core/config/config.h"

/* Without a number a terminal gets the newest, as many as this. */
#define LLMOBS_VIEW_NEWEST 20

struct llmobs_view {
    struct llmobs_filter filter;
    int (*form)(struct llmobs_view *view); /* one of forms.h */
    enum llmobs_sheet_form format;         /* of a form that has several */
    struct llmobs_fields fields;           /* count 0: all */
    enum llmobs_samples_by by;             /* of tables of calls */
    struct llmobs_metrics metrics;
    int64_t step_ns; /* of a series; 0: a round one */
    bool messages;
    bool whole;    /* every line of them */
    size_t newest; /* the number of traces or spans; 0: all */
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

/* Looks how wide the terminal is. */
void llmobs_view_look_at_screen(struct llmobs_view *view);

/* Loads the prices, for a form that shows what calls cost; tells of files that
 * cannot be read, and goes on without them. */
void llmobs_view_prices(struct llmobs_view *view);

/* Says on stderr where the costs on stdout come from, which has no place to say
 * it. */
void llmobs_view_tell_prices(const struct llmobs_view *view);

#endif
