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
#include "core/config/config.h"

/* How many of the newest a terminal gets, if the user gives no number. */
#define LLMOBS_VIEW_NEWEST 20

#define LLMOBS_FIELDS_MAX 64

/* The chosen fields; count 0: all. A column borrows its key's word. */
struct llmobs_fields {
    struct llmobs_by_key keys[LLMOBS_FIELDS_MAX];
    struct llmobs_column columns[LLMOBS_FIELDS_MAX];
    size_t count;
};

struct llmobs_view {
    struct llmobs_filter filter;
    int (*form)(struct llmobs_view *view); /* one of forms.h */
    enum llmobs_sheet_form format;         /* for forms with several formats */
    struct llmobs_fields fields;           /* count 0: all */
    struct llmobs_by by;                   /* the groups of tables of calls */
    struct llmobs_metrics metrics;
    struct llmobs_metrics sort; /* of a summary's groups; count 0: the usual */
    int64_t step_ns; /* the length of a bar of a series; 0: a round length */
    bool messages;
    bool whole;    /* shows every line of the messages */
    size_t newest; /* the number of traces or spans; 0: all */
    bool counted;  /* the user has given `newest` */
    bool reverse;  /* the newest first */
    bool follow;   /* the form goes on with new spans */
    bool full;     /* no text is cut */
    bool wide;     /* rows are not fitted to the terminal */
    bool ascii;    /* lines are drawn with ASCII alone */
    bool no_pager;
    bool must_find; /* nothing found is a failure */
    enum llmobs_screen_when colour;
    const char
        *html; /* the page's file, "-": stdout; NULL: the tool's own name */
    const char *sqlite;      /* the database; NULL: none */
    bool open;               /* starts a browser with the page */
    unsigned port;           /* of a page that is live; 0: a free one */
    struct llmobs_buf asked; /* the filters, as a person wrote them */

    /* Set before the form runs. */
    bool into_file;    /* stdout is a file of the user's, not yet emptied */
    const char *store; /* the directory */
    struct llmobs_config *config;
    struct llmobs_screen screen;
    struct llmobs_reader *reader;
    int waiting; /* spans of the reader that are in the spool, not the store */
    struct llmobs_prices *prices; /* NULL until llmobs_view_prices */
    struct llmobs_load load;      /* the form fills its counts at least */

    /* While it follows (follow.c). */
    bool more;         /* the form of events prints only new events */
    bool cost_printed; /* the origin of costs was printed before */
    struct llmobs_table_kept *kept; /* from print to print */
};

/* Looks how wide the terminal is. */
void llmobs_view_look_at_screen(struct llmobs_view *view);

/* Empties the user's file, for a form that goes on: once it has begun. */
int llmobs_view_empty_file(const struct llmobs_view *view);

/* Loads the prices, for a form that shows what calls cost; reports files that
 * cannot be read, and goes on without these files. */
void llmobs_view_prices(struct llmobs_view *view);

/* Prints on stderr where the costs come from, for forms whose stdout has no
 * place for that. */
void llmobs_view_report_prices(const struct llmobs_view *view);

#endif
