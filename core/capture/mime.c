#include "core/capture/mime.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cold.h"
#include "core/base/keyed.h"

struct part {
    struct llmobs_keyed keyed;   /* by its curl_mimepart */
    _Atomic(curl_mime *) mime;   /* that it is a part of; NULL: none */
    _Atomic(curl_mime *) within; /* the form that it is; NULL: none */
    uint64_t number;             /* in the order of their making */
    char *name;                  /* NULL: none */
    char *text;                  /* NULL: it is none */
    int64_t size;                /* -1: unknown */
    bool file;                   /* it has a file's name */
};

/* One level is enough for a hundred parts. */
#define LINE_BITS 6

LLMOBS_COLD static struct llmobs_keyed_line lines[1 << LINE_BITS];
static struct llmobs_keyed_state state;
static const struct llmobs_keyed_table table = {lines, LINE_BITS,
                                                sizeof(struct part), &state};
static atomic_uint_least64_t numbers;

static struct part *find(curl_mimepart *part)
{
    return llmobs_keyed_find(&table, part);
}

/* ---- life ---------------------------------------------------------------- */

static void drop_text(struct part *part)
{
    free(part->text);
    part->text = NULL;
    part->size = -1;
}

/* Forms within forms are as deep as the program made them; libcurl goes down to
 * them in the same way. */
static void drop_data(struct part *part)
{
    curl_mime *within = atomic_exchange(&part->within, NULL);

    drop_text(part);
    if (within)
        llmobs_mime_end(within);
}

static void drop_all(struct part *part)
{
    atomic_store(&part->mime, NULL);
    drop_data(part);
    free(part->name);
    part->name = NULL;
    part->file = false;
}

/* libcurl has taken the form out of the part that it was. */
static void part_from(struct part *part, curl_mime *within)
{
    (void)atomic_compare_exchange_strong(&part->within, &within, NULL);
}

static struct part *next_of(struct llmobs_keyed *record, const curl_mime *mime)
{
    for (; record; record = record->next)
        if (atomic_load(&((struct part *)record)->mime) == mime)
            return (struct part *)record;
    return NULL;
}

static struct part *first_of(const curl_mime *mime)
{
    return next_of(atomic_load_explicit(&state.all, memory_order_acquire),
                   mime);
}

void llmobs_mime_end(curl_mime *mime)
{
    struct llmobs_keyed *record =
        mime ? atomic_load_explicit(&state.all, memory_order_acquire) : NULL;

    for (; record; record = record->next) {
        struct part *part = (struct part *)record;

        part_from(part, mime);
        if (atomic_load(&part->mime) != mime)
            continue;
        drop_all(part);
        llmobs_keyed_release(&table, record);
    }
}

void llmobs_mime_begin(curl_mime *mime)
{
    llmobs_mime_end(mime);
}

void llmobs_mime_part(curl_mime *mime, curl_mimepart *part)
{
    struct part *noted = llmobs_keyed_claim(&table, part);

    if (!noted)
        return;
    drop_all(noted);
    noted->number = llmobs_mime_now();
    atomic_store(&noted->mime, mime);
}

uint64_t llmobs_mime_now(void)
{
    return atomic_fetch_add(&numbers, 1) + 1;
}

/* ---- what a part is ------------------------------------------------------ */

void llmobs_mime_name(curl_mimepart *part, const char *name)
{
    struct part *noted = find(part);

    if (!noted)
        return;
    free(noted->name);
    noted->name =
        name && strnlen(name, LLMOBS_FORM_NAME_MAX + 1) <= LLMOBS_FORM_NAME_MAX
            ? strdup(name)
            : NULL;
}

void llmobs_mime_data(curl_mimepart *part, const char *data, size_t size)
{
    struct part *noted = find(part);

    if (!noted)
        return;
    drop_data(noted);
    if (!data)
        return;
    if (size == CURL_ZERO_TERMINATED)
        size = strlen(data);
    noted->size = (int64_t)size;
    if (noted->file || size > LLMOBS_FORM_TEXT_MAX)
        return;
    noted->text = malloc(size + 1);
    if (noted->text)
        memcpy(noted->text, data, size);
}

void llmobs_mime_file(curl_mimepart *part, int64_t size, curl_mime *within)
{
    struct part *noted = find(part);

    if (!noted || (within && atomic_load(&noted->within) == within))
        return;
    drop_data(noted);
    noted->size = size < 0 ? -1 : size;
    atomic_store(&noted->within, within);
}

void llmobs_mime_filename(curl_mimepart *part, const char *name)
{
    struct part *noted = find(part);

    if (!noted)
        return;
    noted->file = name != NULL;
    if (!noted->file)
        return;
    free(noted->text);
    noted->text = NULL;
}

/* ---- a form -------------------------------------------------------------- */

static void put(const struct part *part, struct llmobs_body *out)
{
    struct llmobs_text name = {part->name, part->name ? strlen(part->name) : 0};

    if (name.len == 0)
        return;
    if (part->text)
        llmobs_form_text(out, name, NULL,
                         (struct llmobs_text){part->text, (size_t)part->size});
    else
        llmobs_form_file(out, name, NULL, part->size);
}

/* The part of the form that was made next after that number. */
static const struct part *next_made(const curl_mime *mime, uint64_t number)
{
    const struct part *part = first_of(mime), *next = NULL;

    for (; part; part = next_of(part->keyed.next, mime))
        if (part->number > number && (!next || part->number < next->number))
            next = part;
    return next;
}

void llmobs_mime_fields(const curl_mime *mime, uint64_t since,
                        struct llmobs_body *out)
{
    const struct part *part = mime ? next_made(mime, 0) : NULL;

    if (part && part->number > since)
        return;
    for (size_t i = 0; part && i < LLMOBS_FORM_PARTS_MAX; i++) {
        put(part, out);
        part = next_made(mime, part->number);
    }
}
