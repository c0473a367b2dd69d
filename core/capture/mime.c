#include "core/capture/mime.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cold.h"
#include "lib/base/keyed.h"
#include "core/capture/parts.h"

struct form;

struct part {
    struct llmobs_keyed keyed; /* by its curl_mimepart */
    /* The thread that changes this owns the rest; NULL: no thread does. Where
     * no hook saw a form's end, another form may take a part from it. */
    _Atomic(struct form *) form;
    char *name;        /* NULL: none */
    char *type;        /* NULL: none */
    char *text;        /* `size` bytes; NULL: the part is no text */
    int64_t size;      /* -1: unknown */
    bool named;        /* it has a file's name */
    bool coded;        /* libcurl encodes the bytes (curl_mime_encoder) */
    char *header_type; /* from the part's headers, where `type` is NULL */
    bool headed;       /* the part's headers make it no text */
};

struct form {
    struct llmobs_keyed keyed; /* by its curl_mime */
    uint64_t number;           /* in the order of their making */
    bool missing;              /* a part of the form is not in `parts` */
    size_t count;
    struct part *parts[LLMOBS_FORM_PARTS_MAX]; /* in their order */
};

/* One level is enough for a hundred of each. */
#define LINE_BITS 6

LLMOBS_COLD static struct llmobs_keyed_line form_lines[1 << LINE_BITS];
LLMOBS_COLD static struct llmobs_keyed_line part_lines[1 << LINE_BITS];
static struct llmobs_keyed_state form_state, part_state;
static const struct llmobs_keyed_table forms = {
    form_lines, LINE_BITS, sizeof(struct form), &form_state};
static const struct llmobs_keyed_table parts = {
    part_lines, LINE_BITS, sizeof(struct part), &part_state};
static atomic_uint_least64_t numbers;
static atomic_size_t live_forms, live_parts, text_bytes;

static struct part *mime_find(curl_mimepart *part)
{
    return llmobs_keyed_find(&parts, part);
}

static bool mime_take(atomic_size_t *of, size_t n, size_t max)
{
    if (atomic_fetch_add(of, n) + n <= max)
        return true;
    atomic_fetch_sub(of, n);
    return false;
}

/* -- life ------------------------------------------------------------------ */

static void mime_drop_text(struct part *part)
{
    if (part->text)
        atomic_fetch_sub(&text_bytes, (size_t)part->size);
    free(part->text);
    part->text = NULL;
}

static void mime_drop_data(struct part *part)
{
    mime_drop_text(part);
    part->size = -1;
}

static void release_part(struct part *part)
{
    mime_drop_data(part);
    free(part->name);
    free(part->type);
    free(part->header_type);
    part->name = part->type = part->header_type = NULL;
    part->named = part->coded = part->headed = false;
    llmobs_keyed_release(&parts, &part->keyed);
    atomic_fetch_sub(&live_parts, 1);
}

static void release_if_of(struct part *part, struct form *form)
{
    if (form && atomic_compare_exchange_strong(&part->form, &form, NULL))
        release_part(part);
}

static void drop_parts(struct form *form)
{
    for (size_t i = 0; i < form->count; i++)
        release_if_of(form->parts[i], form);
    form->count = 0;
}

static void release_form(struct form *form)
{
    drop_parts(form);
    llmobs_keyed_release(&forms, &form->keyed);
    atomic_fetch_sub(&live_forms, 1);
}

void llmobs_mime_end(curl_mime *mime)
{
    struct form *form = llmobs_keyed_find(&forms, mime);

    if (form)
        release_form(form);
}

void llmobs_mime_begin(curl_mime *mime)
{
    struct form *form;

    llmobs_mime_end(mime);
    if (!mime_take(&live_forms, 1, LLMOBS_MIME_FORMS_MAX))
        return;
    form = llmobs_keyed_claim(&forms, mime);
    if (!form) {
        atomic_fetch_sub(&live_forms, 1);
        return;
    }
    form->missing = false;
    form->number = llmobs_mime_now();
}

/* Drops the record of a part whose end the library did not see. */
static void mime_forget(curl_mimepart *part)
{
    struct part *noted = mime_find(part);

    if (noted)
        release_if_of(noted, atomic_load(&noted->form));
}

static struct part *new_part(curl_mimepart *part)
{
    struct part *noted = NULL;

    if (!mime_take(&live_parts, 1, LLMOBS_MIME_PARTS_MAX))
        return NULL;
    if (!mime_find(part)) /* else another thread is about to release it */
        noted = llmobs_keyed_claim(&parts, part);
    if (!noted)
        atomic_fetch_sub(&live_parts, 1);
    return noted;
}

void llmobs_mime_part(curl_mime *mime, curl_mimepart *part)
{
    struct form *form = llmobs_keyed_find(&forms, mime);
    struct part *noted;

    mime_forget(part);
    if (!form || form->missing || form->count == LLMOBS_FORM_PARTS_MAX)
        return;
    noted = new_part(part);
    if (!noted) {
        drop_parts(form);
        form->missing = true;
        return;
    }
    noted->size = -1;
    form->parts[form->count++] = noted;
    atomic_store(&noted->form, form);
}

uint64_t llmobs_mime_now(void)
{
    return atomic_fetch_add(&numbers, 1) + 1;
}

/* -- what a part is -------------------------------------------------------- */

/* No memory for a part's name or type: without these the part must be missing,
 * or it would look like a text. */
static void mime_lose(struct part *part)
{
    struct form *form = atomic_load(&part->form);

    if (form)
        form->missing = true;
}

void llmobs_mime_name(curl_mimepart *part, const char *name)
{
    struct part *noted = mime_find(part);

    if (!noted)
        return;
    free(noted->name);
    noted->name = NULL;
    if (!name || strnlen(name, LLMOBS_FORM_NAME_MAX + 1) > LLMOBS_FORM_NAME_MAX)
        return;
    noted->name = strdup(name);
    if (!noted->name)
        mime_lose(noted);
}

static char *mime_copy_of(const char *data, size_t size)
{
    char *copy;

    if (!mime_take(&text_bytes, size, LLMOBS_MIME_TEXTS_MAX))
        return NULL;
    copy = malloc(size + 1);
    if (copy)
        memcpy(copy, data, size);
    else
        atomic_fetch_sub(&text_bytes, size);
    return copy;
}

void llmobs_mime_data(curl_mimepart *part, const char *data, size_t size)
{
    struct part *noted = mime_find(part);

    if (!noted)
        return;
    mime_drop_data(noted);
    if (!data)
        return;
    if (size == CURL_ZERO_TERMINATED)
        size = strlen(data);
    noted->size = (int64_t)size;
    if (noted->named || noted->coded || noted->headed ||
        size > LLMOBS_FORM_TEXT_MAX)
        return;
    noted->text = mime_copy_of(data, size);
}

void llmobs_mime_file(curl_mimepart *part, int64_t size, curl_mime *within)
{
    struct part *noted = mime_find(part);

    llmobs_mime_end(within);
    if (!noted)
        return;
    mime_drop_data(noted);
    noted->size = size < 0 ? -1 : size;
}

void llmobs_mime_filename(curl_mimepart *part, const char *name)
{
    struct part *noted = mime_find(part);

    if (!noted)
        return;
    noted->named = name != NULL;
    if (noted->named)
        mime_drop_text(noted);
}

void llmobs_mime_encoder(curl_mimepart *part, const char *coding)
{
    struct part *noted = mime_find(part);

    if (!noted)
        return;
    noted->coded = !llmobs_form_plain(coding);
    if (noted->coded)
        mime_drop_text(noted);
}

/* A cut type is longer than any that a field can have, so it matches none. */
static void mime_note_type(struct part *part, char **to, const char *type)
{
    free(*to);
    *to = type ? strndup(type, LLMOBS_FORM_TYPE_MAX + 1) : NULL;
    if (type && !*to)
        mime_lose(part);
}

void llmobs_mime_type(curl_mimepart *part, const char *type)
{
    struct part *noted = mime_find(part);

    if (noted)
        mime_note_type(noted, &noted->type, type);
}

void llmobs_mime_headers(curl_mimepart *part, const struct curl_slist *headers)
{
    struct llmobs_part_headers own = llmobs_parts_headers(headers);
    struct part *noted = mime_find(part);

    if (!noted)
        return;
    mime_note_type(noted, &noted->header_type, own.type);
    noted->headed = own.no_text;
    if (noted->headed)
        mime_drop_text(noted);
}

/* -- a form ---------------------------------------------------------------- */

static void mime_put(const struct part *part, struct llmobs_body *out)
{
    struct llmobs_text name = {part->name, part->name ? strlen(part->name) : 0};
    const char *type = part->type ? part->type : part->header_type;

    if (name.len == 0)
        return;
    if (part->text)
        llmobs_form_text(out, name, type,
                         (struct llmobs_text){part->text, (size_t)part->size});
    else
        llmobs_form_file(out, name, type, part->size);
}

void llmobs_mime_fields(const curl_mime *mime, uint64_t since,
                        struct llmobs_body *out)
{
    struct form *form = llmobs_keyed_find(&forms, mime);

    if (!form || form->missing || form->number > since)
        return;
    for (size_t i = 0; i < form->count; i++)
        if (atomic_load(&form->parts[i]->form) == form)
            mime_put(form->parts[i], out);
}
