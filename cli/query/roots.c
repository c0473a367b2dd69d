/* Collects the names of roots by the ids of their traces. */
#include "cli/query/roots.h"

#include <stdlib.h>
#include <string.h>

#include "cli/query/texts.h"
#include "cli/shared/reader.h"
#include "lib/base/grow.h"

struct root {
    const char *trace, *name;
    int64_t start_ns;
};

static struct {
    const char *store; /* NULL: it was read */
    struct llmobs_texts texts;
    struct root *list;
    size_t count, cap;
} roots;

static int by_trace(const void *left, const void *right)
{
    return strcmp(((const struct root *)left)->trace,
                  ((const struct root *)right)->trace);
}

/* The oldest of a trace comes first. */
static int by_age(const void *left, const void *right)
{
    const struct root *a = left, *b = right;
    int order = by_trace(a, b);

    return order != 0
               ? order
               : (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
}

static int read_line(void *ctx, struct llmobs_text text,
                     struct llmobs_place place)
{
    static const char none[] = "\"undefined\"";
    struct llmobs_json *event = NULL;
    const char *trace, *name;

    (void)ctx, (void)place;
    if (!memmem(text.data, text.len, none, sizeof(none) - 1) ||
        llmobs_json_parse(text, &event) != 0)
        return 0;
    trace = llmobs_json_gets(event, "trace_id");
    name = llmobs_json_gets(event, "name");
    if (trace && llmobs_has_text(name) &&
        llmobs_json_says(event, "parent_id", "undefined") &&
        llmobs_grow(&roots.list, &roots.cap, roots.count,
                    sizeof(*roots.list)) == 0)
        roots.list[roots.count++] = (struct root){
            llmobs_texts_share(&roots.texts, trace),
            llmobs_texts_share(&roots.texts, name),
            llmobs_json_to_int(llmobs_json_get(event, "start_ns"))};
    llmobs_json_free(event);
    return roots.texts.failed ? -ENOMEM : 0;
}

void llmobs_roots_of(const char *store)
{
    llmobs_texts_fini(&roots.texts);
    roots.count = 0;
    roots.store = store;
}

static void read_store(void)
{
    struct llmobs_reader *reader = NULL;
    size_t kept = 0;

    if (llmobs_reader_open(roots.store, &reader) == 0 &&
        llmobs_reader_walk(reader, 0, NULL, read_line, NULL) != 0)
        roots.count = 0;
    llmobs_reader_close(reader);
    roots.store = NULL;
    if (roots.count == 0)
        return;
    qsort(roots.list, roots.count, sizeof(*roots.list), by_age);
    for (size_t i = 1; i < roots.count; i++)
        if (by_trace(&roots.list[kept], &roots.list[i]) != 0)
            roots.list[++kept] = roots.list[i];
    roots.count = kept + 1;
}

const char *llmobs_roots_name(const char *trace)
{
    const struct root key = {.trace = trace}, *found;

    if (roots.store)
        read_store();
    found = trace && roots.count > 0 ? bsearch(&key, roots.list, roots.count,
                                               sizeof(*roots.list), by_trace)
                                     : NULL;
    return found ? found->name : NULL;
}
