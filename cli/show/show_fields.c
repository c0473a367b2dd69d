#include "cli/query/each.h"
#include "cli/show/fields.h"
#include "cli/show/forms.h"

struct table {
    struct llmobs_sheet sheet;
    const struct llmobs_fields *fields;
};

static int show_fields_take_row(void *ctx, const struct llmobs_row *row,
                                const struct llmobs_json *event)
{
    struct table *table = ctx;
    struct llmobs_cell cells[LLMOBS_FIELDS_MAX];
    struct llmobs_key_room room;

    llmobs_fields_cells(table->fields, row, event, &room, cells);
    return llmobs_sheet_add(&table->sheet, cells);
}

int llmobs_view_fields(struct llmobs_view *view)
{
    struct llmobs_fields *fields = &view->fields;
    struct table table = {.fields = fields};
    struct llmobs_load *load = &view->load;
    int rc;

    if (fields->count == 0)
        llmobs_fields_all(fields);
    if (llmobs_fields_have_cost(fields))
        llmobs_view_prices(view);
    load->parts = llmobs_fields_parts(fields);
    load->newest = view->newest;
    llmobs_sheet_init(&table.sheet, &view->screen, view->format,
                      fields->columns, fields->count);
    rc = llmobs_sheet_begin(&table.sheet);
    if (rc == 0)
        rc = llmobs_each(load, view->reader, show_fields_take_row, &table);
    llmobs_sheet_fini(&table.sheet);
    if (rc == 0)
        llmobs_view_tell_prices(view);
    return rc;
}
