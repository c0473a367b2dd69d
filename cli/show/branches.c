#include "cli/show/branches.h"

/* The drawn row that is `levels` above `row`. */
static const struct llmobs_row *up(const struct llmobs_row *row, size_t levels)
{
    while (levels-- > 0)
        row = row->parent;
    return row;
}

static const char *bar(bool more)
{
    return more ? "│  " : "   ";
}

static const char *branch(bool more)
{
    return more ? "├─ " : "└─ ";
}

int llmobs_branches_add(struct llmobs_buf *out, const struct llmobs_row *row,
                        bool own, size_t max)
{
    size_t depth = 0;
    int rc = 0;

    for (const struct llmobs_row *at = row->parent; at && depth < max;
         at = at->parent)
        depth++;
    for (size_t i = depth; rc == 0 && i > 1; i--)
        rc = llmobs_buf_adds(out, bar(up(row, i - 1)->next != NULL));
    if (rc == 0 && depth > 0)
        rc = llmobs_buf_adds(out, own ? branch(row->next != NULL)
                                      : bar(row->next != NULL));
    if (rc == 0 && !own)
        rc = llmobs_buf_adds(out, bar(row->child != NULL));
    return rc;
}
