/* The limits of an event's values, each at its edge. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/limits.h"
#include "tests/unit/unit.h"

#define KIB 1024u
#define MIB (1024u * KIB)

/* The event has a text of the given length in place of the @. */
static const struct {
    const char *event;
    const char *path; /* of that text; a number is an index */
    size_t max;
    bool bare; /* a bare event has less of it */
} texts[] = {
    {"{\"name\": \"@\"}", "name", KIB, true},
    {"{\"tags\": [\"a:b\", \"@\"]}", "tags/1", KIB, true},
    {"{\"meta\": {\"model_name\": \"@\"}}", "meta/model_name", 512, true},
    {"{\"meta\": {\"model_provider\": \"@\"}}", "meta/model_provider", 128,
     false},
    {"{\"meta\": {\"error\": {\"type\": \"@\"}}}", "meta/error/type", 256,
     false},
    {"{\"meta\": {\"error\": {\"message\": \"@\"}}}", "meta/error/message",
     64 * KIB, true},
    {"{\"meta\": {\"error\": {\"stack\": \"@\"}}}", "meta/error/stack",
     64 * KIB, true},
    {"{\"meta\": {\"tool\": {\"version\": \"@\"}}}", "meta/tool/version", 256,
     false},
    {"{\"meta\": {\"metadata\": {\"k\": \"@\"}}}", "meta/metadata/k", 256 * KIB,
     true},
    {"{\"meta\": {\"input\": {\"messages\": [{}, {\"role\": \"@\"}]}}}",
     "meta/input/messages/1/role", 256, false},
    {"{\"meta\": {\"output\": {\"messages\": [{\"tool_calls\": [{\"name\": "
     "\"@\"}]}]}}}",
     "meta/output/messages/0/tool_calls/0/name", 512, true},
    {"{\"meta\": {\"output\": {\"messages\": [{\"tool_calls\": [{\"tool_id\": "
     "\"@\"}]}]}}}",
     "meta/output/messages/0/tool_calls/0/tool_id", KIB, true},
    {"{\"meta\": {\"input\": {\"messages\": [{\"tool_results\": [{\"type\": "
     "\"@\"}]}]}}}",
     "meta/input/messages/0/tool_results/0/type", 256, false},
    {"{\"meta\": {\"output\": {\"documents\": [{\"id\": \"@\"}]}}}",
     "meta/output/documents/0/id", KIB, true},
    {"{\"meta\": {\"output\": {\"documents\": [{\"name\": \"@\"}]}}}",
     "meta/output/documents/0/name", KIB, true},
    {"{\"meta\": {\"input\": {\"prompt\": {\"id\": \"@\"}}}}",
     "meta/input/prompt/id", 512, true},
    {"{\"meta\": {\"input\": {\"prompt\": {\"version\": \"@\"}}}}",
     "meta/input/prompt/version", 512, true},
    {"{\"meta\": {\"input\": {\"prompt\": {\"label\": \"@\"}}}}",
     "meta/input/prompt/label", 512, true},
    {"{\"meta\": {\"tool_definitions\": [{\"name\": \"@\"}]}}",
     "meta/tool_definitions/0/name", 512, true},
    {"{\"meta\": {\"tool_definitions\": [{\"version\": \"@\"}]}}",
     "meta/tool_definitions/0/version", 256, false},
};

static const struct llmobs_json *at(const struct llmobs_json *value,
                                    const char *path)
{
    char copy[200], *save = NULL;

    snprintf(copy, sizeof(copy), "%s", path);
    for (char *part = strtok_r(copy, "/", &save); part;
         part = strtok_r(NULL, "/", &save))
        value = *part >= '0' && *part <= '9'
                    ? llmobs_json_at(value, (size_t)atoi(part))
                    : llmobs_json_get(value, part);
    return value;
}

static struct llmobs_json *read(const char *text, size_t len)
{
    struct llmobs_json *json;

    ck_assert_int_eq(llmobs_json_parse((struct llmobs_text){text, len}, &json),
                     0);
    return json;
}

/* Makes the event with a text of `len` bytes, of which the last ones before
 * `edge` are a character of three. */
static struct llmobs_json *make(const char *event, size_t len, size_t edge)
{
    const char *mark = strchr(event, '@');
    size_t head = (size_t)(mark - event), rest = strlen(mark + 1);
    char *text = malloc(head + len + rest);
    struct llmobs_json *json;

    memcpy(text, event, head);
    memset(text + head, 'x', len);
    if (edge)
        memcpy(text + head + edge - 1, "\xe2\x82\xac", 3);
    memcpy(text + head + len, mark + 1, rest);
    json = read(text, head + len + rest);
    free(text);
    return json;
}

/* Answers the length of the text within the limits. */
static size_t applied(size_t i, size_t len, size_t edge, bool bare)
{
    struct llmobs_json *json = make(texts[i].event, len, edge);
    struct llmobs_json *before = llmobs_json_share(json);
    const struct llmobs_json *text;
    const char *data;
    size_t got;

    ck_assert_int_eq(llmobs_limits_apply(&json, bare), 0);
    text = at(json, texts[i].path);
    data = llmobs_json_text(text);
    got = llmobs_json_text_len(text);
    ck_assert_msg(got == len || memcmp(data + got - 3, "\xe2\x80\xa6", 3) == 0,
                  "%s", texts[i].path);
    ck_assert_uint_eq(llmobs_json_text_len(at(before, texts[i].path)), len);
    llmobs_json_free(before);
    llmobs_json_free(json);
    return got;
}

TEST(each_text_at_its_edge)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        size_t max = texts[i].max;

        ck_assert_uint_eq(applied(i, max - 1, 0, false), max - 1);
        ck_assert_uint_eq(applied(i, max, 0, false), max);
        ck_assert_uint_eq(applied(i, max + 1, 0, false), max);
        ck_assert_uint_eq(applied(i, 10 * MIB, 0, false), max);
        ck_assert_uint_eq(applied(i, max + 1, max - 3, false), max - 1);
        ck_assert_uint_eq(applied(i, max + 1, max - 4, false), max - 2);
        ck_assert_uint_eq(applied(i, max + 9, max - 2, false), max);
        ck_assert_uint_eq(applied(i, max, 0, true), texts[i].bare ? 256 : max);
    }
}

/* Content has no limit of its own. */
TEST(content_stays)
{
    static const char *const events[] = {
        "{\"meta\": {\"input\": {\"value\": \"@\"}}}",
        "{\"meta\": {\"input\": {\"messages\": [{\"content\": \"@\"}]}}}",
        ("{\"meta\": {\"input\": {\"messages\": [{\"tool_calls\": "
         "[{\"arguments\": {\"name\": \"@\", \"role\": \"\"}}]}]}}}"),
        "{\"meta\": {\"input\": {\"documents\": [{\"text\": \"@\"}]}}}",
        "{\"meta\": {\"input\": {\"prompt\": {\"template\": \"@\"}}}}",
    };

    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
        struct llmobs_json *json = make(events[i], MIB, 0), *before = json;

        ck_assert_int_eq(llmobs_limits_apply(&json, true), 0);
        ck_assert_ptr_eq(json, before);
        llmobs_json_free(json);
    }
}

/* Makes a list, or an object if `keys`, of so many elements. */
static struct llmobs_json *many(size_t count, bool keys, const char *element)
{
    struct llmobs_json *json =
        keys ? llmobs_json_object() : llmobs_json_array();
    char key[32];

    for (size_t i = 0; i < count; i++) {
        snprintf(key, sizeof(key), "key %zu", i);
        if (keys)
            llmobs_json_set(json, key, read(element, strlen(element)));
        else
            llmobs_json_add(json, read(element, strlen(element)));
    }
    return json;
}

/* Puts `part` under the keys of the path; gives the event. */
static struct llmobs_json *below(struct llmobs_json *part, const char *key,
                                 bool meta)
{
    struct llmobs_json *event = llmobs_json_object(),
                       *object = meta ? llmobs_json_object() : event;

    llmobs_json_set(object, key, part);
    if (meta)
        llmobs_json_set(event, "meta", object);
    return event;
}

static const struct {
    const char *key;
    bool meta, keys;
    const char *element;
    size_t count, most;
} lists[] = {
    {"metrics", false, true, "1", 256, 256},
    {"metrics", false, true, "1", 257, 256},
    {"metrics", false, true, "1", 100000, 256},
    {"span_links", false, false, "{\"a\": 1}", 1000, 1000},
    {"span_links", false, false, "{\"a\": 1}", 1001, 1000},
    {"metadata", true, true, "[]", 1000, 1000},
    {"metadata", true, true, "[]", 1001, 1000},
    {"metadata", true, true, "true", 500000, 1000},
    {"tags", false, false, "\"a:b\"", 5000, 5000},
};

TEST(each_number_at_its_edge)
{
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        struct llmobs_json *json =
            below(many(lists[i].count, lists[i].keys, lists[i].element),
                  lists[i].key, lists[i].meta);
        const struct llmobs_json *part =
            lists[i].meta ? llmobs_json_get(json, "meta") : json;

        ck_assert_int_eq(llmobs_limits_apply(&json, false), 0);
        part = lists[i].meta ? llmobs_json_get(json, "meta") : json;
        ck_assert_uint_eq(llmobs_json_len(llmobs_json_get(part, lists[i].key)),
                          lists[i].most);
        llmobs_json_free(json);
    }
}

static struct llmobs_json *text_of(size_t len)
{
    char *text = malloc(len);
    struct llmobs_json *json;

    memset(text, 'x', len);
    json = llmobs_json_stringn(text, len);
    free(text);
    return json;
}

/* The library's own members stay, whatever else is there. */
TEST(metadata_as_a_whole)
{
    struct llmobs_json *metadata = llmobs_json_object(), *json, *heavy;
    char key[300];

    for (int i = 0; i < 7; i++) {
        snprintf(key, sizeof(key), "text %d", i);
        llmobs_json_set(metadata, key, text_of(200 * KIB));
    }
    heavy = llmobs_json_array();
    llmobs_json_add(heavy, text_of(256 * KIB));
    llmobs_json_set(metadata, "heavy", heavy);
    memset(key, 'k', 256);
    key[256] = '\0';
    llmobs_json_set(metadata, key, llmobs_json_int(1));
    memset(key, 'l', 257);
    key[257] = '\0';
    llmobs_json_set(metadata, key, llmobs_json_int(1));
    llmobs_json_set(metadata, "transfer", read("{\"a\": 1}", 8));
    json = below(metadata, "metadata", true);
    ck_assert_int_eq(llmobs_limits_apply(&json, false), 0);
    metadata = llmobs_json_get(llmobs_json_get(json, "meta"), "metadata");
    ck_assert_uint_eq(llmobs_json_len(metadata), 5 + 1 + 1);
    ck_assert_ptr_nonnull(llmobs_json_get(metadata, "text 4"));
    ck_assert_ptr_nonnull(llmobs_json_get(metadata, "transfer"));
    key[256] = '\0';
    memset(key, 'k', 256);
    ck_assert_ptr_nonnull(llmobs_json_get(metadata, key));
    llmobs_json_free(json);
}

/* Without a copy, as nearly every event is. */
TEST(what_fits_is_the_same)
{
    static const char text[] =
        "{\"name\": \"n\", \"meta\": {\"metadata\": {\"a\": [1, {\"b\": "
        "\"c\"}]}, \"input\": {\"messages\": [{\"role\": \"user\"}]}}}";
    struct llmobs_json *json = read(text, sizeof(text) - 1), *before = json;

    ck_assert_int_eq(llmobs_limits_apply(&json, false), 0);
    ck_assert_ptr_eq(json, before);
    llmobs_json_free(json);
}
