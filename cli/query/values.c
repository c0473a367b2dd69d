/* Collects the values that the newest spans of a store have. */
#include "cli/query/values.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "cli/query/load.h"
#include "cli/shared/escape.h"

/* The ids of traces have an option, and are not in the table. */
static const struct llmobs_key_words traces = {.option = "trace"};

static const struct llmobs_key_words *words_of(enum llmobs_key key)
{
    return key == LLMOBS_KEY_TRACE_ID ? &traces : llmobs_key_words(key);
}

struct search {
    struct llmobs_values *values;
    struct llmobs_by_key key;
    size_t lines, bytes;
};

/* Returns 1 where no room is left for another value. */
static int add_value(struct llmobs_values *values, const char *text)
{
    struct llmobs_buf shown;
    bool plain;

    if (!text || *text == '\0' ||
        llmobs_texts_has(&values->texts, text, strlen(text)))
        return 0;
    llmobs_buf_init(&shown, LLMOBS_VALUES_BYTES);
    plain = llmobs_escape_adds(&shown, text, strlen(text)) == 0 &&
            strcmp(shown.data, text) == 0;
    llmobs_buf_fini(&shown);
    if (!plain) /* a terminal shows it in another way */
        return 0;
    text = llmobs_texts_share(&values->texts, text);
    if (!text)
        return -ENOMEM;
    values->list[values->count++] = text;
    return values->count == LLMOBS_VALUES_MAX ? 1 : 0;
}

static int read_line(void *ctx, struct llmobs_text text,
                     struct llmobs_place place)
{
    struct search *search = ctx;
    struct llmobs_json *event = NULL;
    struct llmobs_texts texts = {0};
    int rc;

    (void)place;
    search->bytes += text.len;
    if (search->lines++ == LLMOBS_VALUES_LINES ||
        search->bytes > LLMOBS_VALUES_BYTES)
        return 1;
    rc = llmobs_json_parse(text, &event);
    if (rc == 0 && llmobs_load_is_span(event)) {
        rc = add_value(search->values,
                       search->key.key == LLMOBS_KEY_TRACE_ID
                           ? llmobs_json_gets(event, "trace_id")
                           : llmobs_key_of(&search->key, NULL, event, &texts));
        rc = texts.failed ? -ENOMEM : rc;
    }
    llmobs_texts_fini(&texts);
    llmobs_json_free(event);
    return rc == -ENOMEM || rc > 0 ? rc : 0;
}

static int read_values(struct llmobs_values *values,
                       struct llmobs_reader *reader, enum llmobs_key key)
{
    struct search search = {values, {key, ""}, 0, 0};
    int rc;

    memset(values, 0, sizeof(*values));
    values->name = words_of(key)->option;
    rc = llmobs_reader_walk_back(reader, 0, NULL, read_line, &search);
    return rc < 0 ? rc : 0;
}

int llmobs_values_read(struct llmobs_values *values,
                       struct llmobs_reader *reader, const char *member)
{
    for (int i = 0; i < LLMOBS_KEY_TAG; i++) {
        const char *option = words_of((enum llmobs_key)i)->option;

        if (option && strcmp(option, member) == 0)
            return read_values(values, reader, (enum llmobs_key)i);
    }
    memset(values, 0, sizeof(*values));
    return -EINVAL;
}

static int read_newest(void *ctx, struct llmobs_text text,
                       struct llmobs_place place)
{
    struct llmobs_json *event = NULL;
    int64_t *start_ns = ctx;

    (void)place;
    if (llmobs_json_parse(text, &event) == 0 && llmobs_load_is_span(event))
        *start_ns = llmobs_json_to_int(llmobs_json_get(event, "start_ns"));
    llmobs_json_free(event);
    return *start_ns != 0;
}

int64_t llmobs_values_newest(struct llmobs_reader *reader)
{
    int64_t start_ns = 0;

    (void)llmobs_reader_walk_back(reader, 0, NULL, read_newest, &start_ns);
    return start_ns;
}

void llmobs_values_fini(struct llmobs_values *values)
{
    llmobs_texts_fini(&values->texts);
}

/* -- a filter that selects nothing ---------------------------------------- */

int llmobs_values_missed(const struct llmobs_filter *filter,
                         struct llmobs_reader *reader,
                         void (*tell)(const struct llmobs_values *values))
{
    struct llmobs_values values;
    int rc = 0;

    for (int i = 0; rc == 0 && i < LLMOBS_KEY_TAG; i++) {
        const enum llmobs_key key = (enum llmobs_key)i;
        bool of_trace = key == LLMOBS_KEY_TRACE_ID, missed = true;

        if (of_trace ? !filter->trace : !filter->keys[i].pattern)
            continue;
        rc = read_values(&values, reader, key);
        for (size_t k = 0; rc == 0 && k < values.count; k++)
            missed &= of_trace ? strncasecmp(values.list[k], filter->trace,
                                             strlen(filter->trace)) != 0
                               : !llmobs_filter_key_match(filter, key,
                                                          values.list[k]);
        if (rc == 0 && values.count > 0 && missed)
            tell(&values);
        llmobs_values_fini(&values);
    }
    return rc;
}
