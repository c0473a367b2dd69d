/* Chooses the recording that fits a request best. */
#include "cli/run/choose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A text that differs always counts for less than an equal text, however much
 * of it is equal. */
#define PART_MAX 0.9
#define SHOWN 60
#define PATH_MAX_BYTES 512

/* -- likeness -------------------------------------------------------------- */

static double text_likeness(const char *a, size_t a_len, const char *b,
                            size_t b_len)
{
    size_t least = a_len < b_len ? a_len : b_len;
    size_t most = a_len < b_len ? b_len : a_len;
    size_t front = 0, back = 0;

    while (front < least && a[front] == b[front])
        front++;
    if (front == most)
        return 1;
    while (back < least - front && a[a_len - 1 - back] == b[b_len - 1 - back])
        back++;
    return PART_MAX * (double)(front + back) / (double)most;
}

static double scalar_likeness(const struct llmobs_json *a,
                              const struct llmobs_json *b)
{
    if (llmobs_json_is_string(a) && llmobs_json_is_string(b))
        return text_likeness(llmobs_json_text(a), llmobs_json_text_len(a),
                             llmobs_json_text(b), llmobs_json_text_len(b));
    if (llmobs_json_is_number(a) && llmobs_json_is_number(b))
        return llmobs_json_is_int(a) && llmobs_json_is_int(b)
                   ? llmobs_json_to_int(a) == llmobs_json_to_int(b)
                   : llmobs_json_to_real(a) == llmobs_json_to_real(b);
    return (llmobs_json_is_null(a) && llmobs_json_is_null(b)) ||
           (llmobs_json_is_true(a) && llmobs_json_is_true(b)) ||
           (llmobs_json_is_false(a) && llmobs_json_is_false(b));
}

/* The number of values in a tree. */
static double weigh(const struct llmobs_json *json)
{
    double sum = 1;

    if (llmobs_json_is_array(json))
        for (size_t i = 0; i < llmobs_json_len(json); i++)
            sum += weigh(llmobs_json_at(json, i));
    if (llmobs_json_is_object(json))
        for (void *it = llmobs_json_iter(json); it;
             it = llmobs_json_next(json, it))
            sum += weigh(llmobs_json_iter_value(it));
    return sum;
}

/* The number of values that both trees have at the same place. */
static double common(struct llmobs_json *a, struct llmobs_json *b)
{
    double sum = 1;

    if (!llmobs_json_is_container(a) || !llmobs_json_is_container(b) ||
        llmobs_json_is_array(a) != llmobs_json_is_array(b))
        return llmobs_json_is_container(a) || llmobs_json_is_container(b)
                   ? 0
                   : scalar_likeness(a, b);
    if (llmobs_json_is_array(a)) {
        for (size_t i = 0; i < llmobs_json_len(a) && i < llmobs_json_len(b);
             i++)
            sum += common(llmobs_json_at(a, i), llmobs_json_at(b, i));
        return sum;
    }
    for (void *it = llmobs_json_iter(a); it; it = llmobs_json_next(a, it)) {
        struct llmobs_json *other =
            llmobs_json_get(b, llmobs_json_iter_key(it));

        if (other)
            sum += common(llmobs_json_iter_value(it), other);
    }
    return sum;
}

double llmobs_choose_likeness(const struct llmobs_cassette_body *one,
                              const struct llmobs_cassette_body *two)
{
    if (!one->json || !two->json)
        return one->json == two->json
                   ? text_likeness(one->text.data, one->text.len,
                                   two->text.data, two->text.len)
                   : 0;
    return 2 * common(one->json, two->json) /
           (weigh(one->json) + weigh(two->json));
}

/* -- differences ----------------------------------------------------------- */

struct telling {
    struct llmobs_buf *out;
    int told;
    char path[PATH_MAX_BYTES];
};

static void show(struct telling *telling, const struct llmobs_json *json)
{
    char *text = json ? llmobs_json_dumps(json, 0) : NULL;
    size_t len = text ? strlen(text) : 0;

    if (!json)
        (void)llmobs_buf_adds(telling->out, "absent");
    else if (len <= SHOWN)
        (void)llmobs_buf_add(telling->out, text, len);
    else
        (void)llmobs_buf_addf(telling->out, "%.*s...", SHOWN, text);
    free(text);
}

static void compare(struct telling *telling, struct llmobs_json *asked,
                    struct llmobs_json *recorded);

/* Compares the values of both at a place below telling->path. */
static void compare_at(struct telling *telling, const char *key, size_t index,
                       struct llmobs_json *asked, struct llmobs_json *recorded)
{
    size_t len = strlen(telling->path), room = sizeof(telling->path) - len;

    if (key)
        snprintf(telling->path + len, room, "%s%s", len > 0 ? "." : "", key);
    else
        snprintf(telling->path + len, room, "[%zu]", index);
    compare(telling, asked, recorded);
    telling->path[len] = '\0';
}

static void compare(struct telling *telling, struct llmobs_json *asked,
                    struct llmobs_json *recorded)
{
    size_t a = llmobs_json_len(asked), b = llmobs_json_len(recorded);

    if (telling->told >= LLMOBS_CHOOSE_DIFFERENCES)
        return;
    if (llmobs_json_is_array(asked) && llmobs_json_is_array(recorded))
        for (size_t i = 0; i < a || i < b; i++)
            compare_at(telling, NULL, i, llmobs_json_at(asked, i),
                       llmobs_json_at(recorded, i));
    else if (llmobs_json_is_object(asked) && llmobs_json_is_object(recorded)) {
        for (void *it = llmobs_json_iter(asked); it;
             it = llmobs_json_next(asked, it)) {
            const char *key = llmobs_json_iter_key(it);

            compare_at(telling, key, 0, llmobs_json_iter_value(it),
                       llmobs_json_get(recorded, key));
        }
        for (void *it = llmobs_json_iter(recorded); it;
             it = llmobs_json_next(recorded, it)) {
            const char *key = llmobs_json_iter_key(it);

            if (!llmobs_json_get(asked, key))
                compare_at(telling, key, 0, NULL, llmobs_json_iter_value(it));
        }
    } else if (!asked || !recorded || llmobs_json_is_container(asked) ||
               llmobs_json_is_container(recorded) ||
               scalar_likeness(asked, recorded) < 1) {
        if (telling->told++ < LLMOBS_CHOOSE_DIFFERENCES) {
            (void)llmobs_buf_addf(
                telling->out, "%s%s is ", telling->told > 1 ? "; " : "",
                *telling->path != '\0' ? telling->path : "the body");
            show(telling, asked);
            (void)llmobs_buf_adds(telling->out, ", recorded ");
            show(telling, recorded);
        }
    }
}

void llmobs_choose_differences(const struct llmobs_cassette_body *asked,
                               const struct llmobs_cassette_body *recorded,
                               struct llmobs_buf *out)
{
    struct telling telling = {.out = out};

    if (asked->json && recorded->json)
        compare(&telling, asked->json, recorded->json);
    else
        (void)llmobs_buf_addf(
            out, "the body has %zu bytes%s, recorded %zu bytes%s",
            asked->text.len, asked->json ? " of JSON" : "", recorded->text.len,
            recorded->json ? " of JSON" : "");
}

/* -- the choice ------------------------------------------------------------ */

struct llmobs_cassette_item *llmobs_choose(struct llmobs_cassette *cassette,
                                           const struct llmobs_asked *asked,
                                           bool nearest, struct llmobs_buf *why)
{
    struct llmobs_cassette_item *best = NULL;
    double most = 0;

    for (size_t i = 0; i < cassette->count; i++) {
        struct llmobs_cassette_item *item = &cassette->items[i];
        double like;

        if (strcmp(item->method, asked->method) != 0 ||
            strcmp(item->path, asked->path) != 0)
            continue;
        like = item->form
                   ? 1
                   : llmobs_choose_likeness(&asked->body, &item->request);
        /* Of several that fit equally the first is taken that was not served
         * yet; if all were served, the last one. */
        if (!best || like > most || (like == most && best->served > 0)) {
            best = item;
            most = like;
        }
    }
    if (best && (most >= 1 || nearest)) {
        if (!best->cut)
            return best;
        (void)llmobs_buf_addf(why, "recording %s cannot be served: %s",
                              best->name, best->cut);
        return NULL;
    }
    (void)llmobs_buf_addf(why, "no recording of %s %s", asked->method,
                          asked->path);
    if (best)
        (void)llmobs_buf_addf(why,
                              " is equal; the nearest is %s: ", best->name);
    else if (cassette->count > 0)
        (void)llmobs_buf_addf(why, "; the first one is of %s %s",
                              cassette->items[0].method,
                              cassette->items[0].path);
    if (best && best->cut)
        (void)llmobs_buf_adds(why, best->cut);
    else if (best)
        llmobs_choose_differences(&asked->body, &best->request, why);
    return NULL;
}
