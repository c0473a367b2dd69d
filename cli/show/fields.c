/* Prints chosen facts of spans as CSV or JSON (--fields). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/query/each.h"
#include "cli/shared/escape.h"
#include "cli/shared/options.h"
#include "cli/shared/suggest.h"
#include "cli/shared/tell.h"
#include "cli/show/forms.h"

/* -EINVAL: it is no field; *near, where near is not NULL, may be meant. */
static int add_field(struct llmobs_fields *fields, const char *word,
                     const char **near)
{
    struct llmobs_by_key *key = &fields->keys[fields->count];
    int rc = llmobs_key_read(key, word, strlen(word), LLMOBS_KEY_FIELD, near);

    if (rc == 0)
        fields->columns[fields->count++] =
            (struct llmobs_column){.name = key->word};
    return rc;
}

int llmobs_view_set_fields(const struct llmobs_cli_option *option,
                           const char *list)
{
    struct llmobs_fields *fields = option->to;
    char name[LLMOBS_KEY_WORD], shown[LLMOBS_ESCAPE_NAME];
    const char *near;
    size_t len = 0;

    for (fields->count = 0;; list += len + 1) {
        len = strcspn(list, ",");
        snprintf(name, sizeof(name), "%.*s", (int)(len < 999 ? len : 999),
                 list);
        if (fields->count == LLMOBS_FIELDS_MAX)
            return llmobs_cli_refuse("fields", NULL, "too many of them");
        if (add_field(fields, name, &near) != 0)
            break;
        if (list[len] == '\0')
            return 0;
    }
    llmobs_tell("llmobs view: --fields: no such field: %s",
                llmobs_escape_name(name, shown));
    llmobs_suggest_end(near,
                       "the first line of `llmobs view --csv` lists them");
    return -EINVAL;
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

    for (size_t i = 0; i < fields->count; i++)
        cells[i] = llmobs_key_cell(&fields->keys[i], row, event, &texts);
    rc = texts.failed ? -ENOMEM : llmobs_sheet_add(&table->sheet, cells);
    llmobs_texts_fini(&texts);
    return rc;
}

int llmobs_view_all_fields(struct llmobs_view *view)
{
    struct llmobs_fields *fields = &view->fields;
    struct llmobs_load *load = &view->load;
    struct llmobs_labels labels = {.count = 0};
    int rc = llmobs_load_evaluations(load, view->reader, view->filter.since_ns);

    if (fields->count == 0) {
        llmobs_labels_add_all(&labels, &load->evaluations);
        for (int i = 0; i < LLMOBS_KEY_TAG; i++)
            (void)add_field(fields, llmobs_key_words((enum llmobs_key)i)->word,
                            NULL);
        for (size_t i = 0; i < labels.count; i++)
            (void)add_field(fields, labels.list[i], NULL);
    }
    load->bare = true;
    load->parts = LLMOBS_ROW_FACTS;
    for (size_t i = 0; i < fields->count; i++) {
        enum llmobs_key key = fields->keys[i].key;

        if (key == LLMOBS_KEY_COST || key == LLMOBS_KEY_ESTIMATE)
            llmobs_view_prices(view);
        if (llmobs_key_is_said(&fields->keys[i]))
            load->parts = LLMOBS_ROW_ALL;
    }
    load->newest = view->newest;
    return rc;
}

int llmobs_view_fields(struct llmobs_view *view)
{
    struct llmobs_fields *fields = &view->fields;
    struct table table = {.fields = fields};
    int rc = llmobs_view_all_fields(view);

    llmobs_sheet_init(&table.sheet, &view->screen, view->format,
                      fields->columns, fields->count);
    if (rc == 0)
        rc = llmobs_sheet_begin(&table.sheet);
    if (rc == 0)
        rc = llmobs_each(&view->load, view->reader, NULL, print_fields, &table);
    llmobs_sheet_fini(&table.sheet);
    if (rc == 0)
        llmobs_view_report_prices(view);
    return rc;
}
