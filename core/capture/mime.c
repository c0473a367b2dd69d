/* Records the parts of curl_mime_* forms. */
#include "core/capture/mime.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cold.h"
#include "core/capture/keyed.h"

struct form;

struct part {
    struct llmobs_keyed keyed; /* by its curl_mimepart */
    /* The thread that changes this word owns the other members; NULL: no thread
     * does. Where the library did not see a form end, another form may claim
     * one of its parts. */
    _Atomic(struct form *) form;
    char *name;        /* NULL: none */
    char *type;        /* NULL: none */
    char *text;        /* `size` bytes; NULL: the part is not text */
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

static struct part *find_part(curl_mimepart *part)
{
    return llmobs_keyed_find(&parts, part);
}

static bool count_up(atomic_size_t *of, size_t n, size_t max)
{
    if (atomic_fetch_add(of, n) + n <= max)
        return true;
    atomic_fetch_sub(of, n);
    return false;
}

/* -- life ------------------------------------------------------------------ */

static void drop_text(struct part *part)
{
    if (part->text)
        atomic_fetch_sub(&text_bytes, (size_t)part->size);
    free(part->text);
    part->text = NULL;
}

static void drop_data(struct part *part)
{
    drop_text(part);
    part->size = -1;
}

static void release_if_of(struct part *part, struct form *form)
{
    if (form && atomic_compare_exchange_strong(&part->form, &form, NULL)) {
        drop_data(part);
        free(part->name);
        free(part->type);
        free(part->header_type);
        part->name = part->type = part->header_type = NULL;
        part->named = part->coded = part->headed = false;
        llmobs_keyed_release(&parts, &part->keyed);
        atomic_fetch_sub(&live_parts, 1);
    }
}

static void drop_parts(struct form *form)
{
    for (size_t i = 0; i < form->count; i++)
        release_if_of(form->parts[i], form);
    form->count = 0;
}

static void forget_form(curl_mime *mime)
{
    struct form *form = llmobs_keyed_find(&forms, mime);

    if (!form)
        return;
    drop_parts(form);
    llmobs_keyed_release(&forms, &form->keyed);
    atomic_fetch_sub(&live_forms, 1);
}

uint64_t llmobs_mime_now(void)
{
    return atomic_fetch_add(&numbers, 1) + 1;
}

/* Forgets an earlier form at the same address, whose end the library did not
 * see. */
static void add_form(curl_mime *mime)
{
    struct form *form;

    forget_form(mime);
    if (!count_up(&live_forms, 1, LLMOBS_MIME_FORMS_MAX))
        return;
    form = llmobs_keyed_claim(&forms, mime);
    if (!form) {
        atomic_fetch_sub(&live_forms, 1);
        return;
    }
    form->missing = false;
    form->number = llmobs_mime_now();
}

static struct part *new_part(curl_mimepart *part)
{
    struct part *record = NULL;

    if (!count_up(&live_parts, 1, LLMOBS_MIME_PARTS_MAX))
        return NULL;
    if (!find_part(part)) /* else another thread is about to release it */
        record = llmobs_keyed_claim(&parts, part);
    if (!record)
        atomic_fetch_sub(&live_parts, 1);
    return record;
}

static void add_part(curl_mime *mime, curl_mimepart *part)
{
    struct form *form = llmobs_keyed_find(&forms, mime);
    struct part *record = find_part(part);

    /* The library may not have seen the end of an earlier part there. */
    if (record)
        release_if_of(record, atomic_load(&record->form));
    if (!form || form->missing || form->count == LLMOBS_FORM_PARTS_MAX)
        return;
    record = new_part(part);
    if (!record) {
        drop_parts(form);
        form->missing = true;
        return;
    }
    record->size = -1;
    form->parts[form->count++] = record;
    atomic_store(&record->form, form);
}

curl_mime *llmobs_ops_mime_init(const struct llmobs_real *real, CURL *curl)
{
    curl_mime *mime = real->mime_init(curl);
    int saved = errno;

    if (mime)
        add_form(mime);
    errno = saved;
    return mime;
}

/* libcurl may give the address to another form as soon as this one is freed. */
void llmobs_ops_mime_free(const struct llmobs_real *real, curl_mime *mime)
{
    int saved = errno;

    forget_form(mime);
    errno = saved;
    real->mime_free(mime);
}

curl_mimepart *llmobs_ops_mime_addpart(const struct llmobs_real *real,
                                       curl_mime *mime)
{
    curl_mimepart *part = real->mime_addpart(mime);
    int saved = errno;

    if (part)
        add_part(mime, part);
    errno = saved;
    return part;
}

/* -- what a part is -------------------------------------------------------- */

/* Headers that a program gives a part of a form (formadd or mime). libcurl
 * sends them in place of its own headers, except a Content-Type if the program
 * has also set the part's type (lib/mime.c, Curl_mime_prepare_headers). */
struct own_headers {
    const char *type; /* borrowed from the list; NULL: none of them is one */
    bool no_text;     /* a header names a coding, or may name a file */
};

/* The value of the header, if it has that name, else NULL (as match_header of
 * libcurl's lib/mime.c). */
static const char *header_value(const struct curl_slist *header,
                                const char *name)
{
    const char *line = header->data;
    size_t len = strlen(name);

    if (!line || strncasecmp(line, name, len) != 0)
        return NULL;
    return line + len + strspn(line + len, " ");
}

static struct own_headers read_headers(const struct curl_slist *headers)
{
    struct own_headers own = {NULL, false};

    for (; headers; headers = headers->next) {
        const char *type = header_value(headers, "content-type:");
        const char *coding =
            header_value(headers, "content-transfer-encoding:");

        if (type && !own.type)
            own.type = type;
        own.no_text = own.no_text || !llmobs_form_plain(coding) ||
                      header_value(headers, "content-disposition:");
    }
    return own;
}

/* Defines the operation of that name on a part: `note` is done to the part's
 * record after libcurl's function has answered `rc`. */
#define ON_PART(name, arguments, note, ...)                           \
    CURLcode llmobs_ops_mime_##name(const struct llmobs_real *real,   \
                                    curl_mimepart *part, __VA_ARGS__) \
    {                                                                 \
        CURLcode rc = real->mime_##name arguments;                    \
        int saved = errno;                                            \
        struct part *record = find_part(part);                        \
                                                                      \
        if (record)                                                   \
            note;                                                     \
        errno = saved;                                                \
        return rc;                                                    \
    }
#define ON_ACCEPTED(name, arguments, note, ...) \
    ON_PART(name, arguments, if (rc == CURLE_OK) note, __VA_ARGS__)

/* No memory for a part's name or type: without these the part must be missing,
 * or it would look like a text. */
static void lose_part(struct part *part)
{
    struct form *form = atomic_load(&part->form);

    if (form)
        form->missing = true;
}

static void set_name(struct part *part, const char *name)
{
    free(part->name);
    part->name = NULL;
    if (!name || strnlen(name, LLMOBS_FORM_NAME_MAX + 1) > LLMOBS_FORM_NAME_MAX)
        return;
    part->name = strdup(name);
    if (!part->name)
        lose_part(part);
}

ON_ACCEPTED(name, (part, name), set_name(record, name), const char *name)

static void set_filename(struct part *part, const char *name)
{
    part->named = name != NULL;
    if (part->named)
        drop_text(part);
}

ON_ACCEPTED(filename, (part, name), set_filename(record, name),
            const char *name)

static char *copy_text(const char *data, size_t size)
{
    char *copy;

    if (!count_up(&text_bytes, size, LLMOBS_MIME_TEXTS_MAX))
        return NULL;
    copy = malloc(size + 1);
    if (copy)
        memcpy(copy, data, size);
    else
        atomic_fetch_sub(&text_bytes, size);
    return copy;
}

static void set_data(struct part *part, const char *data, size_t size)
{
    drop_data(part);
    if (!data)
        return;
    if (size == CURL_ZERO_TERMINATED)
        size = strlen(data);
    part->size = (int64_t)size;
    if (!part->named && !part->coded && !part->headed &&
        size <= LLMOBS_FORM_TEXT_MAX)
        part->text = copy_text(data, size);
}

/* libcurl drops the part's former bytes, also where it refuses the new ones. */
ON_PART(data, (part, data, size),
        set_data(record, rc == CURLE_OK ? data : NULL, size), const char *data,
        size_t size)

/* The part's bytes are not text; `size` below 0: unknown. */
static void set_file(struct part *part, int64_t size)
{
    drop_data(part);
    part->size = size < 0 ? -1 : size;
}

static void set_filedata(struct part *part, CURLcode rc, const char *path)
{
    set_file(part, -1);
    if (rc == CURLE_OK) /* libcurl names the part after the file */
        set_filename(part, path);
}

ON_PART(filedata, (part, path), set_filedata(record, rc, path),
        const char *path)

ON_PART(data_cb, (part, size, read, seek, end, user), set_file(record, size),
        curl_off_t size, curl_read_callback read, curl_seek_callback seek,
        curl_free_callback end, void *user)

/* Drops the record of the form within: libcurl frees that form with the part
 * unseen, and no call can send it by itself. */
CURLcode llmobs_ops_mime_subparts(const struct llmobs_real *real,
                                  curl_mimepart *part, curl_mime *within)
{
    CURLcode rc = real->mime_subparts(part, within);
    int saved = errno;
    struct part *record = find_part(part);

    if (rc == CURLE_OK)
        forget_form(within);
    if (record)
        set_file(record, -1);
    errno = saved;
    return rc;
}

/* A cut type is longer than any that a field can have, so it matches none. */
static void set_type(struct part *part, char **to, const char *type)
{
    free(*to);
    *to = type ? strndup(type, LLMOBS_FORM_TYPE_MAX + 1) : NULL;
    if (type && !*to)
        lose_part(part);
}

ON_ACCEPTED(type, (part, type), set_type(record, &record->type, type),
            const char *type)

static void set_coding(struct part *part, const char *coding)
{
    part->coded = !llmobs_form_plain(coding);
    if (part->coded)
        drop_text(part);
}

ON_ACCEPTED(encoder, (part, coding), set_coding(record, coding),
            const char *coding)

static void set_headers(struct part *part, const struct curl_slist *headers)
{
    struct own_headers own = read_headers(headers);

    set_type(part, &part->header_type, own.type);
    part->headed = own.no_text;
    if (part->headed)
        drop_text(part);
}

ON_ACCEPTED(headers, (part, headers, owned), set_headers(record, headers),
            struct curl_slist *headers, int owned)

/* -- a form ---------------------------------------------------------------- */

static void append_part(const struct part *part, struct llmobs_body *out)
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

void llmobs_mime_append_form(const curl_mime *mime, uint64_t since,
                             struct llmobs_body *out)
{
    struct form *form = llmobs_keyed_find(&forms, mime);

    if (!form || form->missing || form->number > since)
        return;
    for (size_t i = 0; i < form->count; i++)
        if (atomic_load(&form->parts[i]->form) == form)
            append_part(form->parts[i], out);
}

/* -- a list (curl_formadd) ------------------------------------------------- */

/* Flags of struct curl_httppost, which old headers lack. */
enum {
    POST_FILENAME = 1 << 0, /* contents is the name of a file to send */
    POST_READFILE = 1 << 1, /* contents names a file that is sent as a text */
    POST_BUFFER = 1 << 4,   /* a file in memory */
    POST_CALLBACK = 1 << 6, /* the read function gives the bytes */
    POST_LARGE = 1 << 7     /* the length is contentlen, not contentslength */
};

/* A name may have several files. */
void llmobs_mime_append_list(const struct curl_httppost *list,
                             struct llmobs_body *out)
{
    size_t count = 0;

    for (; list && count < LLMOBS_FORM_PARTS_MAX; list = list->next) {
        const struct curl_httppost *part = list;
        struct llmobs_text name = {list->name, 0};

        if (!name.data)
            continue;
        name.len = list->namelength > 0 ? (size_t)list->namelength
                                        : strlen(list->name);
        for (; part && name.len <= LLMOBS_FORM_NAME_MAX &&
               count < LLMOBS_FORM_PARTS_MAX;
             part = part->more, count++) {
            const long no_text =
                POST_FILENAME | POST_READFILE | POST_BUFFER | POST_CALLBACK;
            struct own_headers own = read_headers(part->contentheader);
            const char *type = part->contenttype ? part->contenttype : own.type;
            int64_t size = part->flags & POST_LARGE
                               ? (int64_t)part->contentlen
                               : (int64_t)part->contentslength;

            if (part->flags & (POST_FILENAME | POST_READFILE))
                size = -1;
            else if (part->flags & POST_BUFFER)
                size = part->bufferlength;
            else if (size <= 0)
                size = -1;
            if (part->contents && !part->showfilename && !own.no_text &&
                !(part->flags & no_text))
                llmobs_form_text(
                    out, name, type,
                    (struct llmobs_text){part->contents,
                                         size < 0 ? strlen(part->contents)
                                                  : (size_t)size});
            else
                llmobs_form_file(out, name, type, size);
        }
    }
}
