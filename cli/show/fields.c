#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/query/each.h"
#include "cli/shared/escape.h"
#include "cli/shared/options.h"
#include "cli/shared/suggest.h"
#include "cli/shared/tell.h"
#include "cli/show/forms.h"

enum form {
    FORM_TEXT,
    FORM_COUNT,
    FORM_LENGTH,
    FORM_TIME,
    FORM_REAL,
    FORM_MONEY
};

struct field {
    const char *name;
    enum form form;
    size_t at; /* in the row */
    bool words;
};

#define AT(member) offsetof(struct llmobs_row, member)
/* The status has no member of its own. */
#define AT_STATUS SIZE_MAX

static const struct field all[] = {
    {"start", FORM_TIME, AT(start_ns), false},
    {"trace_id", FORM_TEXT, AT(trace_id), false},
    {"span_id", FORM_TEXT, AT(span_id), false},
    {"parent_id", FORM_TEXT, AT(parent_id), false},
    {"kind", FORM_TEXT, AT(kind), false},
    {"name", FORM_TEXT, AT(name), false},
    {"model", FORM_TEXT, AT(model), false},
    {"provider", FORM_TEXT, AT(provider), false},
    {"status", FORM_TEXT, AT_STATUS, false},
    {"error_type", FORM_TEXT, AT(error_type), false},
    {"duration_s", FORM_LENGTH, AT(duration_ns), false},
    {"first_token_s", FORM_REAL, AT(first_token), false},
    {"input_tokens", FORM_COUNT, AT(input_tokens), false},
    {"output_tokens", FORM_COUNT, AT(output_tokens), false},
    {"cache_read_tokens", FORM_COUNT, AT(cache_read_tokens), false},
    {"cache_write_tokens", FORM_COUNT, AT(cache_write_tokens), false},
    {"reasoning_tokens", FORM_COUNT, AT(reasoning_tokens), false},
    {"cost_usd", FORM_MONEY, AT(cost), false},
    {"ml_app", FORM_TEXT, AT(ml_app), false},
    {"service", FORM_TEXT, AT(service), false},
    {"env", FORM_TEXT, AT(env), false},
    {"session", FORM_TEXT, AT(session), false},
    {"error_message", FORM_TEXT, AT(error_message), false},
    {"question", FORM_TEXT, AT(question), true},
    {"answer", FORM_TEXT, AT(answer), true},
};

#define ALL (sizeof(all) / sizeof(*all))

static void add_field(struct llmobs_fields *fields, size_t at)
{
    fields->at[fields->count] = at;
    fields->columns[fields->count++] =
        (struct llmobs_column){.name = all[at].name};
}

/* -EINVAL: it is no key of an event. */
static int add_key(struct llmobs_fields *fields, const char *word)
{
    struct llmobs_by_key *key = &fields->keys[fields->count];

    if (llmobs_key_read(key, word, strlen(word)) != 0 ||
        (key->key >= LLMOBS_KEY_OF_EVENT && key->key != LLMOBS_KEY_TAG &&
         key->key != LLMOBS_KEY_EVAL))
        return -EINVAL;
    fields->at[fields->count] = ALL;
    fields->columns[fields->count++] =
        (struct llmobs_column){.name = key->word};
    return 0;
}

/* -- names ---------------------------------------------------------------- */

static int refuse_field(const char *name)
{
    struct llmobs_suggest suggest;
    char shown[LLMOBS_ESCAPE_NAME];

    llmobs_suggest_init(&suggest, name);
    for (size_t i = 0; i < ALL; i++)
        llmobs_suggest_offer(&suggest, all[i].name);
    for (int i = 0; i < LLMOBS_KEY_OF_EVENT; i++)
        llmobs_suggest_offer(&suggest, llmobs_key_word((enum llmobs_key)i));
    llmobs_tell("llmobs view: --fields: no such field: %s",
                llmobs_escape_name(name, shown));
    llmobs_suggest_end(suggest.best,
                       "the first line of `llmobs view --csv` lists them");
    return -EINVAL;
}

static int add_named_field(struct llmobs_fields *fields, const char *name)
{
    if (fields->count == LLMOBS_FIELDS_MAX)
        return llmobs_cli_refuse("fields", NULL, "too many of them");
    for (size_t i = 0; i < ALL; i++) {
        if (strcmp(all[i].name, name) != 0)
            continue;
        add_field(fields, i);
        return 0;
    }
    return add_key(fields, name) == 0 ? 0 : refuse_field(name);
}

int llmobs_view_choose_fields(struct llmobs_fields *fields, const char *list)
{
    char name[LLMOBS_KEY_WORD];
    int rc = 0;

    fields->count = 0;
    for (;;) {
        size_t len = strcspn(list, ",");

        snprintf(name, sizeof(name), "%.*s", (int)(len < 999 ? len : 999),
                 list);
        rc = add_named_field(fields, name);
        if (rc != 0 || list[len] == '\0')
            return rc;
        list += len + 1;
    }
}

/* -- values --------------------------------------------------------------- */

static struct llmobs_cell cell_of(const struct llmobs_row *row,
                                  const struct field *field)
{
    const char *member = (const char *)row + field->at;

    if (field->at == AT(kind) && strcmp(row->kind, "-") == 0)
        return llmobs_cell_text(NULL);
    switch (field->form) {
    case FORM_COUNT:
        return llmobs_cell_count(*(const int64_t *)(const void *)member);
    case FORM_LENGTH:
        return llmobs_cell_length(*(const int64_t *)(const void *)member);
    case FORM_TIME:
        return llmobs_cell_time(*(const int64_t *)(const void *)member);
    case FORM_REAL:
        return llmobs_cell_real(LLMOBS_CELL_NUMBER,
                                *(const double *)(const void *)member);
    case FORM_MONEY:
        return llmobs_cell_real(LLMOBS_CELL_MONEY,
                                *(const double *)(const void *)member);
    case FORM_TEXT:
        break;
    }
    return llmobs_cell_text(llmobs_row_text(row, field->at));
}

/* The cell of a key; of an evaluation's number a number. */
static struct llmobs_cell cell_of_key(const struct llmobs_by_key *key,
                                      const struct llmobs_row *row,
                                      const struct llmobs_json *event,
                                      struct llmobs_texts *texts)
{
    struct llmobs_score score;

    if (key->key == LLMOBS_KEY_EVAL &&
        llmobs_evaluations_find(row->judged, event, strchr(key->word, ':') + 1,
                                &score) > 0 &&
        score.number)
        return (struct llmobs_cell){LLMOBS_CELL_NUMBER, NULL, 0, score.score};
    return llmobs_cell_text(llmobs_key_of(key, row, event, texts));
}

/* -- the form ------------------------------------------------------------- */

struct table {
    struct llmobs_sheet sheet;
    const struct llmobs_fields *fields;
};

static int print_fields(void *ctx, const struct llmobs_row *row,
                        const struct llmobs_json *event)
{
    struct table *table = ctx;
    const struct llmobs_fields *fields = table->fields;
    struct llmobs_cell cells[LLMOBS_FIELDS_MAX];
    struct llmobs_texts texts = {0};
    int rc;

    for (size_t i = 0; i < fields->count; i++) {
        size_t at = fields->at[i];

        if (at == ALL)
            cells[i] = cell_of_key(&fields->keys[i], row, event, &texts);
        else if (all[at].at == AT_STATUS)
            cells[i] = llmobs_cell_text(row->failed ? "error" : "ok");
        else
            cells[i] = cell_of(row, &all[at]);
    }
    rc = texts.failed ? -ENOMEM : llmobs_sheet_add(&table->sheet, cells);
    llmobs_texts_fini(&texts);
    return rc;
}

int llmobs_view_fields(struct llmobs_view *view)
{
    struct llmobs_fields *fields = &view->fields;
    struct table table = {.fields = fields};
    struct llmobs_load *load = &view->load;
    struct llmobs_labels labels = {.count = 0};
    int rc = llmobs_load_evaluations(load, view->reader);

    if (fields->count == 0) {
        llmobs_labels_add_all(&labels, &load->evaluations);
        for (size_t i = 0; i < ALL; i++)
            add_field(fields, i);
        for (int i = 0; i < LLMOBS_KEY_OF_EVENT; i++)
            (void)add_key(fields, llmobs_key_word((enum llmobs_key)i));
        for (size_t i = 0; i < labels.count; i++)
            (void)add_key(fields, labels.list[i]);
    }
    load->parts = LLMOBS_ROW_FACTS;
    for (size_t i = 0; i < fields->count; i++) {
        if (fields->at[i] < ALL && all[fields->at[i]].at == AT(cost))
            llmobs_view_prices(view);
        if (fields->at[i] < ALL && all[fields->at[i]].words)
            load->parts = LLMOBS_ROW_ALL;
    }
    load->newest = view->newest;
    llmobs_sheet_init(&table.sheet, &view->screen, view->format,
                      fields->columns, fields->count);
    if (rc == 0)
        rc = llmobs_sheet_begin(&table.sheet);
    if (rc == 0)
        rc = llmobs_each(load, view->reader, print_fields, &table);
    llmobs_sheet_fini(&table.sheet);
    if (rc == 0)
        llmobs_view_report_prices(view);
    return rc;
}
