/* Writes the spans into a database of SQLite (--sqlite). */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query/each.h"
#include "cli/shared/new_file.h"
#include "cli/shared/tell.h"
#include "cli/show/forms.h"

#define LIBRARY "libsqlite3.so.0"
#define READWRITE 2 /* SQLITE_OPEN_READWRITE */
#define DONE 101    /* SQLITE_DONE */
#define NS_PER_S 1e9

/* Functions of sqlite3.h, whose interface never changes. The library is opened
 * when it is needed: most hosts never ask for a database. */
#define FUNCTIONS(X)                                                        \
    X(int, open_v2, (const char *, void **, int, const char *))             \
    X(int, exec, (void *, const char *, void *, void *, char **))           \
    X(int, prepare_v2, (void *, const char *, int, void **, const char **)) \
    X(int, bind_text, (void *, int, const char *, int, void (*)(void *)))   \
    X(int, bind_int64, (void *, int, long long))                            \
    X(int, bind_double, (void *, int, double))                              \
    X(int, step, (void *))                                                  \
    X(int, reset, (void *))                                                 \
    X(int, clear_bindings, (void *))                                        \
    X(int, finalize, (void *))                                              \
    X(int, close, (void *))                                                 \
    X(const char *, errmsg, (void *))

static struct {
#define X(result, name, arguments) result(*name) arguments;
    FUNCTIONS(X)
#undef X
} lite;

enum table { SPANS, TAGS, MESSAGES, TABLES };

struct database {
    struct llmobs_view *view;
    void *handle;
    void *inserts[TABLES];
    struct llmobs_buf line, text;
};

static bool open_library(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    bool whole = library != NULL;

#define X(result, name, arguments)                               \
    if (whole) {                                                 \
        *(void **)&lite.name = dlsym(library, "sqlite3_" #name); \
        whole = lite.name != NULL;                               \
    }
    FUNCTIONS(X)
#undef X
    if (!whole)
        llmobs_tell("llmobs view: --sqlite needs " LIBRARY
                    ", which is not on this host; --csv needs no library\n");
    return whole;
}

/* Tells what the library says; gives the error of what was told. */
static int told(const struct database *db)
{
    llmobs_tell("llmobs view: %s: %s\n", db->view->sqlite,
                lite.errmsg(db->handle));
    return -ECANCELED;
}

static int run(struct database *db, const char *sql)
{
    return lite.exec(db->handle, sql, NULL, NULL, NULL) == 0 ? 0 : told(db);
}

/* -- rows ----------------------------------------------------------------- */

/* Binds a text, which is borrowed until `insert`; NULL: the value is NULL. */
static void bind(void *row, int column, const char *text)
{
    if (text)
        (void)lite.bind_text(row, column, text, -1, NULL);
}

static int insert(struct database *db, enum table table)
{
    void *row = db->inserts[table];
    bool done = lite.step(row) == DONE;
    int rc = done ? 0 : told(db);

    (void)lite.reset(row);
    (void)lite.clear_bindings(row);
    return rc;
}

static int add_span(struct database *db, const struct llmobs_row *row,
                    const struct llmobs_json *event)
{
    const struct llmobs_fields *fields = &db->view->fields;
    void *to = db->inserts[SPANS];
    struct llmobs_texts texts = {0};
    int rc;

    llmobs_buf_cut(&db->text, 0);
    for (size_t i = 0; i < fields->count; i++) {
        struct llmobs_cell cell =
            llmobs_key_cell(&fields->keys[i], row, event, &texts);
        int column = (int)i + 1;

        if (cell.kind == LLMOBS_CELL_COUNT) {
            (void)lite.bind_int64(to, column, cell.whole);
        } else if (cell.kind == LLMOBS_CELL_LENGTH) {
            (void)lite.bind_double(to, column, (double)cell.whole / NS_PER_S);
        } else if (cell.kind == LLMOBS_CELL_TIME) { /* one of a row */
            (void)llmobs_cell_add_csv(&db->text, cell, false);
            bind(to, column, db->text.data);
        } else if (cell.kind == LLMOBS_CELL_TEXT) {
            bind(to, column, cell.text);
        } else if (cell.kind != LLMOBS_CELL_UNKNOWN) {
            (void)lite.bind_double(to, column, cell.real);
        }
    }
    rc = texts.failed || db->text.error ? -ENOMEM : insert(db, SPANS);
    llmobs_texts_fini(&texts);
    return rc;
}

static int add_tag(struct database *db, const struct llmobs_row *row,
                   const char *tag)
{
    const char *colon = tag ? strchr(tag, ':') : NULL;
    void *to = db->inserts[TAGS];

    if (!colon)
        return 0;
    bind(to, 1, row->trace_id);
    bind(to, 2, row->span_id);
    (void)lite.bind_text(to, 3, tag, (int)(colon - tag), NULL);
    bind(to, 4, colon + 1);
    return insert(db, TAGS);
}

static int add_message(struct database *db, const struct llmobs_row *row,
                       const char *side, size_t number, const char *role,
                       const char *content, const struct llmobs_json *message)
{
    const struct llmobs_json *calls = llmobs_json_get(message, "tool_calls");
    const struct llmobs_json *results =
        llmobs_json_get(message, "tool_results");
    char *called = calls ? llmobs_json_dumps(calls, 0) : NULL;
    char *answered = results ? llmobs_json_dumps(results, 0) : NULL;
    void *to = db->inserts[MESSAGES];
    int rc;

    bind(to, 1, row->trace_id);
    bind(to, 2, row->span_id);
    bind(to, 3, side);
    (void)lite.bind_int64(to, 4, (long long)number);
    bind(to, 5, role);
    bind(to, 6, content);
    bind(to, 7, called);
    bind(to, 8, answered);
    rc = (calls && !called) || (results && !answered) ? -ENOMEM
                                                      : insert(db, MESSAGES);
    free(called);
    free(answered);
    return rc;
}

/* The messages of one side; of a span that is no call its text. */
static int add_side(struct database *db, const struct llmobs_row *row,
                    const char *side, const struct llmobs_json *said)
{
    const char *value = llmobs_json_gets(said, "value");
    size_t number = 0;
    int rc = 0;

    LLMOBS_JSON_EACH (message, llmobs_json_get(said, "messages"), rc == 0)
        rc = add_message(db, row, side, ++number,
                         llmobs_json_gets(message, "role"),
                         llmobs_json_gets(message, "content"), message);
    LLMOBS_JSON_EACH (document, llmobs_json_get(said, "documents"), rc == 0)
        rc = add_message(db, row, side, ++number, "document",
                         llmobs_json_gets(document, "text"), NULL);
    if (rc == 0 && value)
        rc = add_message(db, row, side, ++number, NULL, value, NULL);
    return rc;
}

/* The row's event has its long texts cut, so its line is read again. */
static int add_row(void *ctx, const struct llmobs_row *row,
                   const struct llmobs_json *event)
{
    struct database *db = ctx;
    struct llmobs_json *whole = NULL;
    const struct llmobs_json *meta;
    int rc = add_span(db, row, event);

    if (rc == 0)
        rc = llmobs_reader_event(db->view->reader, row->place, &db->line,
                                 &whole);
    meta = llmobs_json_get(whole, "meta");
    LLMOBS_JSON_EACH (tag, llmobs_json_get(whole, "tags"), rc == 0)
        rc = add_tag(db, row, llmobs_json_text(tag));
    if (rc == 0)
        rc = add_side(db, row, "input", llmobs_json_get(meta, "input"));
    if (rc == 0)
        rc = add_side(db, row, "output", llmobs_json_get(meta, "output"));
    llmobs_json_free(whole);
    return rc;
}

/* -- the file ------------------------------------------------------------- */

static const char *type_of(const struct llmobs_by_key *key)
{
    switch (llmobs_key_kind(key)) {
    case LLMOBS_CELL_COUNT:
        return " integer";
    case LLMOBS_CELL_LENGTH:
    case LLMOBS_CELL_SECONDS:
    case LLMOBS_CELL_MONEY:
        return " real";
    default: /* an evaluation may be a number or a text */
        return key->key == LLMOBS_KEY_EVAL ? "" : " text";
    }
}

static int make_tables(struct database *db)
{
    const struct llmobs_fields *fields = &db->view->fields;
    static const char *const inserts[TABLES] = {
        [TAGS] = "insert into tags values (?, ?, ?, ?)",
        [MESSAGES] = "insert into messages values (?, ?, ?, ?, ?, ?, ?, ?)"};
    int rc;

    /* No file stands beside the unfinished one: a fault removes both. */
    llmobs_buf_adds(&db->text, "pragma journal_mode = off; "
                               "pragma synchronous = off; begin; "
                               "create table spans (");
    for (size_t i = 0; i < fields->count; i++)
        llmobs_buf_addf(&db->text, "%s\"%s\"%s", i > 0 ? ", " : "",
                        fields->keys[i].word, type_of(&fields->keys[i]));
    llmobs_buf_adds(
        &db->text,
        "); create table tags (trace_id text, span_id text, tag text, value "
        "text); create table messages (trace_id text, span_id text, side text, "
        "number integer, role text, content text, tool_calls text, "
        "tool_results text)");
    rc = db->text.error ? db->text.error : run(db, db->text.data);
    llmobs_buf_cut(&db->text, 0);
    llmobs_buf_adds(&db->text, "insert into spans values (?");
    for (size_t i = 1; i < fields->count; i++)
        llmobs_buf_adds(&db->text, ", ?");
    llmobs_buf_addc(&db->text, ')');
    if (rc == 0)
        rc = db->text.error;
    for (int i = 0; rc == 0 && i < TABLES; i++)
        if (lite.prepare_v2(db->handle, inserts[i] ? inserts[i] : db->text.data,
                            -1, &db->inserts[i], NULL) != 0)
            rc = told(db);
    return rc;
}

/* `out` has a name, which the library finds by the descriptor. */
static int write_database(void *ctx, FILE *out)
{
    struct database *db = ctx;
    struct llmobs_view *view = db->view;
    char path[64];
    int rc = -ENOMEM;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(out));
    if (lite.open_v2(path, &db->handle, READWRITE, NULL) == 0)
        rc = make_tables(db);
    else if (db->handle)
        rc = told(db);
    if (rc == 0)
        rc = llmobs_each(&view->load, view->reader, NULL, add_row, db);
    for (int i = 0; i < TABLES; i++)
        (void)lite.finalize(db->inserts[i]);
    if (rc == 0)
        rc = run(db, "create index span on spans (span_id, trace_id); "
                     "create index trace on spans (trace_id); "
                     "create index parent on spans (parent_id); "
                     "create index began on spans (start); "
                     "create index session on spans (session); "
                     "create index tag on tags (tag, value); "
                     "create index tagged on tags (span_id); "
                     "create index said on messages (span_id); commit");
    if (lite.close(db->handle) != 0 && rc == 0)
        rc = -EIO;
    return rc == 0 && view->load.shown == 0 && view->must_find ? -ENODATA : rc;
}

int llmobs_view_sqlite(struct llmobs_view *view)
{
    struct database db = {.view = view};
    int rc = open_library() ? llmobs_view_all_fields(view) : -ECANCELED;

    llmobs_buf_init(&db.text, SIZE_MAX / 2);
    llmobs_buf_init(&db.line, SIZE_MAX / 2);
    if (rc == 0)
        rc = llmobs_new_file(view->sqlite, 0600, write_database, &db);
    llmobs_buf_fini(&db.text);
    llmobs_buf_fini(&db.line);
    if (rc == -ENODATA) /* the command says so */
        return 0;
    rc = llmobs_new_file_tell("llmobs view", view->sqlite, rc);
    if (rc == 0) {
        llmobs_tell("llmobs view: %zu span%s, in %s\n", view->load.shown,
                    view->load.shown == 1 ? "" : "s", view->sqlite);
        llmobs_view_report_prices(view);
    }
    return rc;
}
