#include "cli/query/values.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "cli/query/load.h"
#include "cli/query/row.h"
#include "cli/shared/escape.h"

static const struct member {
    const char *name, *plural;
    size_t row;    /* the offset of the value in a row; SIZE_MAX: `key` */
    size_t filter; /* the offset of the wanted value in a filter */
    enum llmobs_key key;
} members[] = {
#define MEMBER(name, plural, at, wanted)                             \
    {                                                                \
        name, plural, offsetof(struct llmobs_row, at),               \
            offsetof(struct llmobs_filter, wanted), LLMOBS_KEY_COUNT \
    }
#define KEYED(name, plural, id)                                              \
    {                                                                        \
        name, plural, SIZE_MAX, offsetof(struct llmobs_filter, keys[id]), id \
    }
    MEMBER("service", "services", service, service),
    MEMBER("ml-app", "ml-apps", ml_app, ml_app),
    MEMBER("model", "models", model, model),
    MEMBER("provider", "providers", provider, provider),
    MEMBER("kind", "kinds", kind, kind),
    MEMBER("name", "names", name, name),
    MEMBER("session", "sessions", session, session),
    KEYED("script", "scripts", LLMOBS_KEY_SCRIPT),
    KEYED("caller", "callers", LLMOBS_KEY_CALLER),
    KEYED("plugin", "plugins", LLMOBS_KEY_PLUGIN),
    KEYED("page", "pages", LLMOBS_KEY_PAGE),
    KEYED("unit", "units", LLMOBS_KEY_UNIT),
    KEYED("host", "hosts", LLMOBS_KEY_HOST),
    KEYED("os-user", "os-users", LLMOBS_KEY_OS_USER),
    KEYED("user", "users", LLMOBS_KEY_USER),
    KEYED("key", "keys", LLMOBS_KEY_KEY),
    KEYED("run", "runs", LLMOBS_KEY_RUN),
#undef MEMBER
#undef KEYED
    {"trace", "traces", offsetof(struct llmobs_row, trace_id), SIZE_MAX,
     LLMOBS_KEY_COUNT},
};

#define MEMBER_COUNT (sizeof(members) / sizeof(*members))

struct search {
    struct llmobs_values *values;
    const struct member *member;
    size_t lines, bytes;
};

/* True for a text that a terminal shows as it is. */
static bool is_plain(const char *text)
{
    struct llmobs_buf shown;
    bool plain;

    llmobs_buf_init(&shown, LLMOBS_VALUES_BYTES);
    plain = *text != '\0' &&
            llmobs_escape_adds(&shown, text, strlen(text)) == 0 &&
            strcmp(shown.data, text) == 0;
    llmobs_buf_fini(&shown);
    return plain;
}

/* Returns 1 where no room is left for another value. A row's "-" is no
 * value. */
static int add_value(struct llmobs_values *values, const char *text)
{
    if (!text || strcmp(text, "-") == 0 ||
        llmobs_texts_has(&values->texts, text, strlen(text)) || !is_plain(text))
        return 0;
    text = llmobs_texts_share(&values->texts, text);
    if (!text)
        return -ENOMEM;
    values->list[values->count++] = text;
    return values->count == LLMOBS_VALUES_MAX ? 1 : 0;
}

static int read_span(const struct search *search,
                     const struct llmobs_json *event, struct llmobs_place place)
{
    const struct member *member = search->member;
    const struct llmobs_by_key key = {member->key, ""};
    struct llmobs_texts texts = {0};
    struct llmobs_row *row = NULL;
    int rc = llmobs_row_new(event, place, LLMOBS_ROW_FACTS, &texts, &row);

    if (rc == 0)
        rc = add_value(search->values,
                       member->row == SIZE_MAX
                           ? llmobs_key_of(&key, row, event, &texts)
                           : llmobs_row_text(row, member->row));
    llmobs_row_free(row);
    llmobs_texts_fini(&texts);
    return rc;
}

static int read_line(void *ctx, struct llmobs_text text,
                     struct llmobs_place place)
{
    struct search *search = ctx;
    struct llmobs_json *event = NULL;
    int rc;

    search->bytes += text.len;
    if (search->lines++ == LLMOBS_VALUES_LINES ||
        search->bytes > LLMOBS_VALUES_BYTES)
        return 1;
    rc = llmobs_json_parse(text, &event);
    if (rc == 0 && llmobs_load_is_span(event))
        rc = read_span(search, event, place);
    llmobs_json_free(event);
    return rc == -ENOMEM || rc > 0 ? rc : 0;
}

static int read_values(struct llmobs_values *values,
                       struct llmobs_reader *reader,
                       const struct member *member)
{
    struct search search = {values, member, 0, 0};
    int rc;

    memset(values, 0, sizeof(*values));
    values->plural = member->plural;
    rc = llmobs_reader_walk_back(reader, 0, read_line, &search);
    return rc < 0 ? rc : 0;
}

int llmobs_values_read(struct llmobs_values *values,
                       struct llmobs_reader *reader, const char *member)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        if (strcmp(members[i].name, member) == 0)
            return read_values(values, reader, &members[i]);
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

    (void)llmobs_reader_walk_back(reader, 0, read_newest, &start_ns);
    return start_ns;
}

void llmobs_values_fini(struct llmobs_values *values)
{
    llmobs_texts_fini(&values->texts);
}

/* -- a filter that selects nothing ---------------------------------------- */

static const struct llmobs_filter_name *wanted_of(
    const struct llmobs_filter *filter, const struct member *member)
{
    return (const void *)((const char *)filter + member->filter);
}

static bool selects(const struct llmobs_filter *filter,
                    const struct member *member, const char *value)
{
    if (member->row == SIZE_MAX)
        return llmobs_filter_key_match(filter, member->key, value);
    if (member->filter != SIZE_MAX)
        return llmobs_filter_name_match(wanted_of(filter, member), value);
    return strncasecmp(value, filter->trace, strlen(filter->trace)) == 0;
}

int llmobs_values_missed(const struct llmobs_filter *filter,
                         struct llmobs_reader *reader,
                         void (*tell)(const struct llmobs_values *values))
{
    struct llmobs_values values;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < MEMBER_COUNT; i++) {
        const struct member *member = &members[i];
        bool missed = true;

        if (member->filter == SIZE_MAX ? !filter->trace
                                       : !wanted_of(filter, member)->pattern)
            continue;
        rc = read_values(&values, reader, member);
        for (size_t k = 0; rc == 0 && k < values.count; k++)
            missed = missed && !selects(filter, member, values.list[k]);
        if (rc == 0 && values.count > 0 && missed)
            tell(&values);
        llmobs_values_fini(&values);
    }
    return rc;
}
