/* Parses similar documents by their differences. */
#include "lib/text/json_series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/work.h"
#include "lib/text/json_clean.h"
#include "lib/text/json_plain.h"
#include "lib/text/json_value.h"

#define DEPTH_MAX 10
#define CONTAINERS_MAX 48
#define ALIKE_MIN 8   /* equal first bytes of documents that are alike */
#define SPARE 32      /* more bytes, for a longer string in its place */
#define GAPS_MAX 4    /* values that are looked at before they differ */
#define DIGITS_MAX 18 /* a number with no more digits fits 64 bits */

/* The looks of a value's text. */
enum form {
    PLAIN,   /* bytes of a string, digits of a number */
    ESCAPED, /* a string with escapes, or beyond ASCII */
    ODD      /* only the parser can read it */
};

/* A string or a number of a document. */
struct leaf {
    size_t gap;  /* bytes between this value and the value before */
    size_t len;  /* of its text, with a string's quotes */
    size_t room; /* bytes that its string may have; 0: not known */
    struct llmobs_json **place;
};

struct change {
    struct leaf *leaf;
    struct llmobs_text text;
    enum form form;
    struct llmobs_json *value; /* NULL: the old value is changed in its place */
};

/* An object or a list of a model, and how it looked when the model was made. A
 * user of the series must not change it. If a user did so all the same, the
 * places of its values are not known any more. */
struct box {
    struct llmobs_json **place;
    struct llmobs_json *json; /* borrowed from `place` */
    const void *block;        /* of its members or items */
    size_t len;
};

struct llmobs_json_model {
    struct llmobs_json *json;
    struct llmobs_text text; /* the document whose values `json` has: it is
                              * borrowed, or lies in: */
    struct llmobs_buf copy;
    bool ready;  /* the lists below are filled */
    bool odd;    /* the lists cannot be filled */
    size_t work; /* steps that were not counted yet (work.h) */
    size_t leaf_count;
    size_t container_count;
    struct leaf leaves[LLMOBS_JSON_SERIES_VALUES];
    struct box containers[CONTAINERS_MAX]; /* each stands behind its parent */
    struct llmobs_json_changes changes;    /* by the last document, in: */
    struct change next[LLMOBS_JSON_SERIES_NEW]; /* while they are found */
    struct leaf *gaps[LLMOBS_JSON_SERIES_NEW];
    size_t same[LLMOBS_JSON_SERIES_NEW]; /* bytes from one gap to the next */
};

/* -- tokens -------------------------------------------------------------- */

/* Gives the length of the escape or character at a byte that is not plain. */
static size_t odd_len(struct llmobs_text text, enum form *form)
{
    unsigned char byte = (unsigned char)*text.data;
    uint32_t point;
    size_t len;

    if (byte == '\\') {
        if (text.len < 2 || !memchr("\"\\/bfnrt", text.data[1], 8))
            *form = ODD;
        return 2;
    }
    len = llmobs_utf8_decode(text, &point);
    if (len == 0 || byte < ' ')
        *form = ODD;
    return len == 0 ? 1 : len;
}

/* Gives the length of the string at `text`, with its quotes; 0: the string does
 * not end. *odd: how many of its characters are not plain bytes. */
static size_t string_len(struct llmobs_text text, enum form *form, size_t *odd)
{
    size_t at = 1;

    *form = PLAIN;
    for (*odd = 0;; ++*odd) {
        at += llmobs_json_run(text.data + at, text.len - at,
                              *form == ODD ? LLMOBS_JSON_STOP_QUOTE
                                           : LLMOBS_JSON_STOP_ODD);
        if (at >= text.len)
            return 0;
        if (text.data[at] == '"')
            return at + 1;
        if (*form == PLAIN)
            *form = ESCAPED;
        at +=
            odd_len((struct llmobs_text){text.data + at, text.len - at}, form);
        if (at >= text.len)
            return 0;
    }
}

/* Gives the length of the number at `text`; 0: no number. A number of few
 * digits and nothing else is plain. */
static size_t number_len(struct llmobs_text text, enum form *form)
{
    size_t at = 0;
    bool plain;

    while (at < text.len && llmobs_is_digit(text.data[at]))
        at++;
    plain = at == 1 || (at <= DIGITS_MAX && at > 0 && text.data[0] != '0');
    *form = plain ? PLAIN : ODD;
    for (; at < text.len && (llmobs_is_digit(text.data[at]) ||
                             memchr(".-+eE", text.data[at], 5));
         at++)
        *form = ODD;
    return at;
}

/* The number that the digits make. */
static int64_t number_of(struct llmobs_text text)
{
    int64_t number = 0;

    for (size_t i = 0; i < text.len; i++)
        number = number * 10 + (text.data[i] - '0');
    return number;
}

/* The string has room for the text. */
static void put_string(struct llmobs_json *json, struct llmobs_text text)
{
    memcpy(llmobs_json_bytes(json), text.data, text.len);
    llmobs_json_bytes(json)[text.len] = '\0';
    json->len = text.len;
}

/* Gives the value of a token, as the parser does; a plain string gets SPARE
 * bytes more. */
static int read_token(struct llmobs_text text, enum form form,
                      struct llmobs_json **out)
{
    const struct llmobs_text inner = {text.data + 1, text.len - 2};

    if (text.data[0] != '"') {
        *out = llmobs_json_int(number_of(text));
    } else if (form == ESCAPED) {
        *out = llmobs_json_value_text(inner);
    } else {
        *out = llmobs_json_value_string(inner.len + SPARE);
        if (*out)
            put_string(*out, inner);
    }
    return *out ? 0 : -ENOMEM;
}

/* -- where the values lie ------------------------------------------------ */

/* An open container while its text is walked. */
struct level {
    struct llmobs_json *json;
    struct llmobs_json_member *member; /* the next member of an object */
    size_t at;                         /* the next element of an array */
    bool has_key;                      /* the member's key has been passed */
};

struct walk {
    struct llmobs_json_model *model;
    struct llmobs_text text; /* the rest of the document */
    const char *end;         /* of the last leaf */
    size_t depth;
    struct level levels[DEPTH_MAX];
};

static void move_on(struct walk *w, size_t len)
{
    w->text.data += len;
    w->text.len -= len;
}

/* Gives the place of the next value of the innermost container. NULL: it has no
 * further place, because the text has a key twice. */
static struct llmobs_json **next_place(struct walk *w)
{
    struct level *level = &w->levels[w->depth - 1];
    struct llmobs_json_array *array = (struct llmobs_json_array *)level->json;
    struct llmobs_json **place;

    if (level->json->type == LLMOBS_JSON_ARRAY)
        return level->at < level->json->len ? &array->items[level->at++] : NULL;
    if (!level->has_key)
        return NULL;
    place = &level->member->value;
    level->member = llmobs_json_next(level->json, level->member);
    level->has_key = false;
    return place;
}

static const void *block_of(const struct llmobs_json *json)
{
    return json->type == LLMOBS_JSON_OBJECT
               ? (const void *)((const struct llmobs_json_object *)json)
                     ->members
               : (const void *)((const struct llmobs_json_array *)json)->items;
}

static bool enter_container(struct walk *w, enum llmobs_json_type type)
{
    struct llmobs_json_model *model = w->model;
    struct llmobs_json **place = w->depth ? next_place(w) : &model->json;

    if (w->depth == DEPTH_MAX || model->container_count == CONTAINERS_MAX ||
        !place || !llmobs_json_is(*place, type))
        return false;
    model->containers[model->container_count++] =
        (struct box){place, *place, block_of(*place), (*place)->len};
    w->levels[w->depth++] =
        (struct level){.json = *place, .member = llmobs_json_iter(*place)};
    move_on(w, 1);
    return true;
}

static bool pass_leaf(struct walk *w, size_t len)
{
    struct llmobs_json_model *model = w->model;
    size_t gap = (size_t)(w->text.data - w->end);
    struct llmobs_json **place = next_place(w);

    if (len == 0 || !place || model->leaf_count == LLMOBS_JSON_SERIES_VALUES)
        return false;
    model->leaves[model->leaf_count++] = (struct leaf){gap, len, 0, place};
    move_on(w, len);
    w->end = w->text.data;
    return true;
}

static bool pass_string(struct walk *w)
{
    struct level *level = &w->levels[w->depth - 1];
    enum form form;
    size_t odd;

    if (level->json->type == LLMOBS_JSON_OBJECT && !level->has_key) {
        /* True where the text of the key is that of the next member. */
        const struct llmobs_json_member *member = level->member;
        size_t len = string_len(w->text, &form, &odd);

        if (form != PLAIN || !member || member->len != len - 2 ||
            memcmp(member->key, w->text.data + 1, len - 2) != 0)
            return false;
        level->has_key = true;
        move_on(w, len);
        return true;
    }
    return pass_leaf(w, string_len(w->text, &form, &odd));
}

/* Walks the text of a parsed document, so its grammar is right. */
static bool pass_value(struct walk *w)
{
    char c = *w->text.data;
    const struct level *level;
    enum form form;

    if (c == '{' || c == '[')
        return enter_container(w, c == '{' ? LLMOBS_JSON_OBJECT
                                           : LLMOBS_JSON_ARRAY);
    if (memchr(" \t\r\n,:", c, 6)) {
        move_on(w, 1);
        return true;
    }
    if (w->depth == 0)
        return false;
    if (c == '}' || c == ']') {
        level = &w->levels[--w->depth];
        move_on(w, 1);
        return c == ']' ? level->at == level->json->len : !level->member;
    }
    if (c == '"')
        return pass_string(w);
    if (c == 't' || c == 'f' || c == 'n') { /* one form each: no leaf */
        while (w->text.len > 0 && *w->text.data >= 'a' && *w->text.data <= 'z')
            move_on(w, 1);
        return next_place(w) != NULL;
    }
    return (c == '-' || llmobs_is_digit(c)) &&
           pass_leaf(w, number_len(w->text, &form));
}

/* Finds the values of the model in its text; false: the model has too many
 * values, or the walk cannot follow its text. */
static __attribute__((noinline)) bool find_values(
    struct llmobs_json_model *model)
{
    struct llmobs_text text = model->text;
    struct walk w = {.model = model, .text = text, .end = text.data};

    model->odd = !llmobs_work_do(text.len);
    while (!model->odd && w.text.len > 0)
        model->odd = !pass_value(&w);
    model->odd = model->odd || w.depth > 0;
    model->ready = !model->odd;
    return model->ready;
}

/* -- what differs -------------------------------------------------------- */

/* Compares a model with a document. The model's bytes before `was` equal the
 * document's bytes before `is`, except for the changes. */
struct match {
    struct llmobs_json_model *model;
    struct llmobs_text text;
    size_t was, is;
    size_t next; /* the first leaf behind `was` */
    size_t odd;  /* characters of the changes that are not plain bytes */
    size_t count;
    bool goes_on; /* behind the document, no string of which has a raw line
                   * feed; and the text stays */
};

/* Finds the leaf in which the byte `at` of the model's text lies; a number may
 * also go on where it ended. NULL: the byte lies in no leaf. Passes over the
 * leaves before it. */
static struct leaf *find_leaf(struct match *m, size_t at)
{
    struct llmobs_json_model *model = m->model;

    for (; m->next < model->leaf_count; m->next++) {
        struct leaf *leaf = &model->leaves[m->next];
        size_t end = m->was + leaf->gap + leaf->len;
        bool string;

        if (at <= end) {
            string = model->text.data[end - leaf->len] == '"';
            if (at < end - leaf->len + string)
                return NULL;
            if (at < end + !string)
                return leaf;
        }
        m->is += end - m->was;
        m->was = end;
    }
    return NULL;
}

/* Reads the document's value that stands in the leaf's place. 1: done; 0: it is
 * no string or number, or too many values differ; -ENOMEM. */
static int add_change(struct match *m, struct leaf *leaf)
{
    struct change *change = &m->model->next[m->count];
    struct llmobs_text text = m->text;
    const struct llmobs_json *was = *leaf->place;
    bool string;
    enum form form;
    size_t odd = 0;
    int rc = 0;

    m->is += leaf->gap;
    if (m->count == LLMOBS_JSON_SERIES_NEW || m->is >= text.len)
        return 0;
    text.data += m->is;
    text.len -= m->is;
    string = *text.data == '"';
    text.len = string ? string_len(text, &form, &odd) : number_len(text, &form);
    if (text.len == 0 || (m->goes_on && string && form == ODD))
        return 0;
    *change = (struct change){leaf, text, form, NULL};
    if (form == ODD)
        rc = llmobs_json_parse(text, &change->value);
    else if (form != PLAIN ||
             was->type != (string ? LLMOBS_JSON_STRING : LLMOBS_JSON_INT) ||
             (string && text.len - 2 > leaf->room) ||
             atomic_load_explicit(&was->owners, memory_order_acquire) != 1)
        rc = read_token(text, form, &change->value);
    if (rc < 0)
        return rc == -ENOMEM ? rc : 0;
    m->count++;
    m->odd += odd;
    m->was += leaf->gap + leaf->len;
    m->is += text.len;
    m->next++;
    return 1;
}

/* -- the model ----------------------------------------------------------- */

/* False where somebody shares a container of the model, or has changed it. */
static bool is_untouched(const struct llmobs_json_model *model)
{
    for (size_t i = 0; i < model->container_count; i++) {
        const struct box *box = &model->containers[i];
        const struct llmobs_json *json = *box->place;

        if (json != box->json || json->len != box->len ||
            block_of(json) != box->block ||
            atomic_load_explicit(&json->owners, memory_order_acquire) > 1)
            return false;
    }
    return true;
}

static void copy_text(struct llmobs_json_model *model)
{
    llmobs_buf_cut(&model->copy, 0);
    model->odd =
        llmobs_buf_add(&model->copy, model->text.data, model->text.len) != 0;
    model->text = llmobs_buf_text(&model->copy);
}

/* Gives the model the document's values. */
static int apply_changes(struct match *m)
{
    struct llmobs_json_model *model = m->model;
    const char *from = m->text.data;

    model->changes.count = m->count;
    for (size_t i = 0; i < m->count; i++) {
        struct change *change = &model->next[i];
        struct llmobs_json *old = *change->leaf->place;
        struct llmobs_text text = change->text;
        bool string = text.data[0] == '"';

        model->changes.places[i] = change->leaf->place;
        model->gaps[i] = change->leaf;
        model->same[i] = (size_t)(text.data - from);
        from = text.data + text.len;
        change->leaf->len = text.len;
        if (change->value) {
            *change->leaf->place = change->value;
            change->leaf->room =
                string && change->form == PLAIN ? text.len - 2 + SPARE : 0;
            llmobs_json_free(old);
        } else if (string) {
            put_string(old, (struct llmobs_text){text.data + 1, text.len - 2});
        } else {
            old->whole = number_of(text);
        }
    }
    model->text = m->text;
    if (!m->goes_on)
        copy_text(model);
    model->ready = !model->odd;
    return 1;
}

/* 1: the model now has the document's values; 0: they differ too much;
 * -ENOMEM. Where the text goes on behind the document, only the same values may
 * be others again, and the text's length becomes the document's. */
static int try_model(struct llmobs_json_model *model, struct llmobs_text *text,
                     bool goes_on)
{
    struct match m;
    size_t was, is, same;
    struct leaf *leaf;
    int rc = 1;

    if (!model || model->odd || text->len < ALIKE_MIN ||
        model->text.len < ALIKE_MIN ||
        memcmp(model->text.data, text->data, ALIKE_MIN) != 0 ||
        !(model->ready || find_values(model)) || !is_untouched(model))
        return 0;
    m.model = model;
    m.text = *text;
    m.was = m.is = m.next = m.odd = m.count = 0;
    m.goes_on = goes_on;
    /* Often the same values are others again. */
    for (size_t i = 0; rc == 1 && i < model->changes.count; i++) {
        same = model->same[i];
        leaf = model->gaps[i];
        if (i == GAPS_MAX || m.text.len - m.is <= same ||
            memcmp(model->text.data + m.was, m.text.data + m.is, same) != 0)
            break;
        m.was += same - leaf->gap;
        m.is += same - leaf->gap;
        m.next = (size_t)(leaf - model->leaves);
        rc = add_change(&m, leaf);
    }
    while (rc == 1) {
        was = model->text.len - m.was;
        is = m.text.len - m.is;
        if ((was == is || (goes_on && was < is)) &&
            memcmp(model->text.data + m.was, m.text.data + m.is, was) == 0)
            break; /* the changes are all */
        same = llmobs_json_same(model->text.data + m.was, m.text.data + m.is,
                                was < is ? was : is);
        leaf = goes_on ? NULL : find_leaf(&m, m.was + same);
        rc = leaf ? add_change(&m, leaf) : 0;
    }
    if (goes_on)
        m.text.len = text->len = m.is + (rc == 1 ? was : 0);
    if (!llmobs_work_some(&model->work, m.text.len +
                                            m.count * LLMOBS_WORK_VALUE +
                                            m.odd * LLMOBS_WORK_ODD))
        rc = -ENOMEM;
    if (rc == 1)
        return apply_changes(&m);
    for (size_t i = 0; i < m.count; i++)
        llmobs_json_free(model->next[i].value);
    return rc;
}

static void free_model(struct llmobs_json_model *model)
{
    if (!model)
        return;
    llmobs_json_free(model->json);
    llmobs_buf_fini(&model->copy);
    free(model);
}

/* -- the series ---------------------------------------------------------- */

void llmobs_json_series_fini(struct llmobs_json_series *series)
{
    free_model(series->models[0]);
    free_model(series->models[1]);
    llmobs_json_free(series->other);
    *series = (struct llmobs_json_series){.other = NULL};
}

/* Swaps the two models. */
static void swap_models(struct llmobs_json_series *series)
{
    struct llmobs_json_model *last = series->models[0];

    series->models[0] = series->models[1];
    series->models[1] = last;
}

/* Remembers the document in the memory of the older model, if there is any.
 * Takes `json`. */
static void remember_text(struct llmobs_json_series *series,
                          struct llmobs_text text, struct llmobs_json *json)
{
    static _Atomic uint64_t trees;
    struct llmobs_json_model *model = series->models[1];

    if (text.len <= LLMOBS_JSON_SERIES_LEN && model) {
        llmobs_json_free(model->json);
    } else if (text.len <= LLMOBS_JSON_SERIES_LEN &&
               (model = malloc(sizeof(*model)))) {
        llmobs_buf_init(&model->copy, LLMOBS_JSON_SERIES_LEN);
        series->models[1] = model;
    } else {
        series->other = json;
        return;
    }
    model->ready = false;
    model->leaf_count = model->container_count = model->changes.count = 0;
    model->work = 0;
    model->changes.tree = ++trees;
    model->json = json;
    model->text = text;
    copy_text(model);
    swap_models(series);
}

int llmobs_json_series_parse(struct llmobs_json_series *series,
                             struct llmobs_text text, struct llmobs_json **out)
{
    bool older = series->turns; /* the model whose turn it is */
    int rc;

    *out = NULL;
    if (series->other)
        llmobs_json_free(series->other);
    series->other = NULL;
    rc = try_model(series->models[older], &text, false);
    if (rc == 0) {
        older = !older;
        rc = try_model(series->models[older], &text, false);
    }
    series->alike = NULL;
    if (rc == 1) {
        if (older)
            swap_models(series);
        series->turns = older;
        series->alike = &series->models[0]->changes;
        *out = series->models[0]->json;
        return 0;
    }
    if (rc == 0)
        rc = llmobs_json_parse(text, out);
    if (*out)
        remember_text(series, text, *out);
    return rc;
}

size_t llmobs_json_series_again(struct llmobs_json_series *series,
                                struct llmobs_text text)
{
    if (text.len > LLMOBS_JSON_SERIES_LEN)
        text.len = LLMOBS_JSON_SERIES_LEN;
    return series->alike && !series->turns &&
                   try_model(series->models[0], &text, true) == 1
               ? text.len
               : 0;
}
