#include "core/export/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/export/fields.h"

/* Each level takes up to four levels of the writer; a record needs ten. */
#define DEPTH_MAX 12

/* -- values of JSON -------------------------------------------------------- */

static void put(struct llmobs_otlp_writer *w, const struct llmobs_json *value,
                int depth);

static void put_value(struct llmobs_otlp_writer *w,
                      struct llmobs_otlp_field field,
                      const struct llmobs_json *value, int depth)
{
    llmobs_otlp_message(w, field);
    put(w, value, depth);
    llmobs_otlp_close(w);
}

static void put_list(struct llmobs_otlp_writer *w,
                     const struct llmobs_json *list, int depth)
{
    llmobs_otlp_message(w, OTLP_ARRAY_VALUE);
    llmobs_otlp_list(w, OTLP_VALUES);
    for (size_t i = 0; i < llmobs_json_len(list); i++) {
        llmobs_otlp_item(w, OTLP_VALUES);
        put(w, llmobs_json_at(list, i), depth + 1);
        llmobs_otlp_close(w);
    }
    llmobs_otlp_close_list(w);
    llmobs_otlp_close(w);
}

static void put_map(struct llmobs_otlp_writer *w,
                    const struct llmobs_json *object, int depth)
{
    llmobs_otlp_message(w, OTLP_KVLIST_VALUE);
    llmobs_otlp_list(w, OTLP_VALUES);
    for (void *it = llmobs_json_iter(object); it;
         it = llmobs_json_next(object, it)) {
        llmobs_otlp_item(w, OTLP_VALUES);
        llmobs_otlp_string(w, OTLP_KEY,
                           llmobs_text_of(llmobs_json_iter_key(it)));
        put_value(w, OTLP_VALUE, llmobs_json_iter_value(it), depth + 1);
        llmobs_otlp_close(w);
    }
    llmobs_otlp_close_list(w);
    llmobs_otlp_close(w);
}

static void put_deep(struct llmobs_otlp_writer *w,
                     const struct llmobs_json *value)
{
    char *text = llmobs_json_dumps(value, LLMOBS_JSON_KEEP_ORDER);

    if (text)
        llmobs_otlp_string(w, OTLP_STRING_VALUE, llmobs_text_of(text));
    else
        llmobs_otlp_fail(w, -ENOMEM);
    free(text);
}

/* Null is an AnyValue without a field. */
static void put(struct llmobs_otlp_writer *w, const struct llmobs_json *value,
                int depth)
{
    if (llmobs_json_is_container(value) && depth >= DEPTH_MAX)
        put_deep(w, value);
    else if (llmobs_json_is_object(value))
        put_map(w, value, depth);
    else if (llmobs_json_is_array(value))
        put_list(w, value, depth);
    else if (llmobs_json_is_string(value))
        llmobs_otlp_string(w, OTLP_STRING_VALUE,
                           llmobs_text_of(llmobs_json_text(value)));
    else if (llmobs_json_is_int(value))
        llmobs_otlp_int64(w, OTLP_INT_VALUE, llmobs_json_to_int(value));
    else if (llmobs_json_is_number(value))
        llmobs_otlp_double(w, OTLP_DOUBLE_VALUE, llmobs_json_to_real(value));
    else if (llmobs_json_is_true(value) || llmobs_json_is_false(value))
        llmobs_otlp_bool(w, OTLP_BOOL_VALUE, llmobs_json_is_true(value));
}

void llmobs_otlp_value(struct llmobs_otlp_writer *w,
                       struct llmobs_otlp_field field,
                       const struct llmobs_json *value)
{
    put_value(w, field, value, 0);
}

/* -- values that were written as JSON before ------------------------------- */

static void put_again(struct llmobs_otlp_writer *w,
                      const struct llmobs_json *any);

static void put_list_again(struct llmobs_otlp_writer *w,
                           const struct llmobs_json *list)
{
    llmobs_otlp_message(w, OTLP_ARRAY_VALUE);
    llmobs_otlp_list(w, OTLP_VALUES);
    for (size_t i = 0; i < llmobs_json_len(list); i++) {
        llmobs_otlp_item(w, OTLP_VALUES);
        put_again(w, llmobs_json_at(list, i));
        llmobs_otlp_close(w);
    }
    llmobs_otlp_close_list(w);
    llmobs_otlp_close(w);
}

/* An attribute of a span is a scalar or a list of texts. In this form whole
 * numbers are texts. */
static void put_again(struct llmobs_otlp_writer *w,
                      const struct llmobs_json *any)
{
    const struct llmobs_json *list = llmobs_json_get(any, "arrayValue");
    const struct llmobs_json *real = llmobs_json_get(any, "doubleValue");
    const struct llmobs_json *truth = llmobs_json_get(any, "boolValue");
    const char *whole = llmobs_json_gets(any, "intValue");
    const char *text = llmobs_json_gets(any, "stringValue");

    if (text)
        llmobs_otlp_string(w, OTLP_STRING_VALUE, llmobs_text_of(text));
    else if (whole)
        llmobs_otlp_int64(w, OTLP_INT_VALUE, strtoll(whole, NULL, 10));
    else if (real)
        llmobs_otlp_double(w, OTLP_DOUBLE_VALUE, llmobs_json_to_real(real));
    else if (truth)
        llmobs_otlp_bool(w, OTLP_BOOL_VALUE, llmobs_json_is_true(truth));
    else if (list)
        put_list_again(w, llmobs_json_get(list, "values"));
}

void llmobs_otlp_value_again(struct llmobs_otlp_writer *w,
                             struct llmobs_otlp_field field,
                             const struct llmobs_json *any)
{
    llmobs_otlp_message(w, field);
    put_again(w, any);
    llmobs_otlp_close(w);
}
