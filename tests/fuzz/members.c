/* A body whose secrets are masked as it lies, with jansson as the judge: JSON
 * stays JSON of the same structure, also as a text within JSON and where the
 * body is masked while it grows; no byte becomes anything but '*'; a member
 * that is a secret by its name keeps no more than four characters, and one that
 * is none stays. Bytes before an event of a stream do nothing to it. */
#include <ctype.h>
#include <jansson.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/span/links.h"
#include "lib/span/members.h"
#include "lib/span/names.h"
#include "tests/fuzz/fuzz.h"

#define FLAGS JSON_DECODE_ANY
#define LEVELS 3
#define KEPT 4
#define KEPT_FROM 12
#define NAME_MAX_BYTES 40 /* all of them escaped, at any level here */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef void mask_fn(char *data, size_t len);

enum named { NOT, MAY, MUST };

/* The body was masked before all of it had come: of a list the last text may
 * have been a name. */
static bool grown;

static json_t *parse(struct llmobs_text text)
{
    return json_loadb(text.data, text.len, FLAGS, NULL);
}

/* -- the judge ------------------------------------------------------------ */

/* A name with other characters than letters and what stands between words is
 * read in one way or the other; another member may make a value a secret. */
static enum named is_secret(const char *name)
{
    static const char *const values[] = {"value", "values", "val", "v"};
    enum llmobs_named named = llmobs_names_judge(name, strlen(name));

    for (const char *c = name; *c; c++)
        if (!isascii(*c) || (!isalnum(*c) && !strchr("-_. ", *c)))
            return MAY;
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
        if (strcasecmp(name, values[i]) == 0)
            return MAY;
    if (strlen(name) > NAME_MAX_BYTES)
        return MAY;
    if (named >= LLMOBS_NAMED_SECRET)
        return MUST;
    return named > LLMOBS_NAMED_PAIR && named != LLMOBS_NAMED_PARAM ? MAY : NOT;
}

static void check_text(const json_t *was, const json_t *is, enum named named)
{
    const char *text = json_string_value(is);
    size_t len = strlen(text), stars = strspn(text, "*");

    if (named == MUST)
        FUZZ_CHECK(stars == len || (len >= KEPT_FROM && len - stars <= KEPT));
    else if (named == NOT && !strchr(json_string_value(was), '"'))
        FUZZ_CHECK(json_equal(was, is));
}

/* An object that begins like a schema may be one. */
static enum named of_object(json_t *object, enum named named)
{
    const char *first = json_object_iter_key(json_object_iter(object));
    static const char *const secrets[] = {"value", "user", "a", "c"};

    for (size_t i = 0; first && i < sizeof(secrets) / sizeof(*secrets); i++)
        if (named == MUST && strcmp(first, secrets[i]) == 0)
            return MUST;
    return named == NOT ? NOT : MAY;
}

static void check_same(json_t *was, json_t *is, enum named named);

/* A name that holds JSON as a text is masked like any other text. */
static bool has_odd_name(json_t *object)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        if (strchr(name, '"'))
            return true;
    }
    return false;
}

static void check_object(json_t *was, json_t *is, enum named list)
{
    void *other = json_object_iter(is);
    const char *name;
    json_t *value;

    if ((list != NOT && grown) || has_odd_name(was))
        return;
    FUZZ_CHECK(json_object_size(was) == json_object_size(is));
    json_object_foreach(was, name, value)
    {
        json_t *now = json_object_iter_value(other);
        enum named named = list != NOT ? list : is_secret(name);

        FUZZ_CHECK(strcmp(name, json_object_iter_key(other)) == 0);
        if (list == NOT && json_is_object(value))
            named = of_object(value, named);
        check_same(value, now, named);
        other = json_object_iter_next(is, other);
    }
}

/* The same but for texts. */
static void check_same(json_t *was, json_t *is, enum named named)
{
    FUZZ_CHECK(json_typeof(was) == json_typeof(is));
    if (json_is_object(was)) {
        check_object(was, is, named);
    } else if (json_is_array(was)) {
        FUZZ_CHECK(json_array_size(was) == json_array_size(is));
        for (size_t i = 0; i < json_array_size(was); i++)
            check_same(json_array_get(was, i), json_array_get(is, i), named);
    } else if (json_is_string(was)) {
        check_text(was, is, named);
    } else {
        FUZZ_CHECK(json_equal(was, is));
    }
}

/* Nothing but characters of texts is masked: '*' stands nowhere else. */
static void check_stars(struct llmobs_text was, struct llmobs_text is)
{
    for (size_t i = 0; i < was.len; i++)
        FUZZ_CHECK(is.data[i] == was.data[i] || is.data[i] == '*');
}

/* A URL ends before a quote. */
static void check_quotes(struct llmobs_text was, struct llmobs_text is)
{
    for (size_t i = 0; i < was.len; i++)
        FUZZ_CHECK(was.data[i] != '"' || is.data[i] == '"');
}

static void check_json(struct llmobs_text was, struct llmobs_text is,
                       bool whole)
{
    json_t *before = parse(was), *after = before ? parse(is) : NULL;

    FUZZ_CHECK(!before == !after);
    if (before && whole)
        check_same(before, after, NOT);
    json_decref(before);
    json_decref(after);
}

static void check(struct llmobs_text was, struct llmobs_text is, bool whole)
{
    FUZZ_CHECK(was.len == is.len);
    check_stars(was, is);
    if (!whole)
        check_quotes(was, is);
    check_json(was, is, whole);
}

/* -- the ways that a body is masked --------------------------------------- */

static void mask_whole(struct llmobs_text in, mask_fn *mask, bool whole)
{
    char *once = fuzz_copy(in);

    mask(once, in.len);
    check(in, (struct llmobs_text){once, in.len}, whole);
    free(once);
}

/* Its beginning is masked before the rest has come. */
static void mask_grown(struct llmobs_text in, mask_fn *mask, bool whole,
                       size_t cut)
{
    char *all = fuzz_copy(in);
    char *part = fuzz_copy((struct llmobs_text){in.data, cut});

    mask(part, cut);
    memcpy(all, part, cut);
    mask(all, in.len);
    grown = true;
    check(in, (struct llmobs_text){all, in.len}, whole);
    grown = false;
    free(part);
    free(all);
}

/* Gives the text as a text of JSON; NULL: it is none. */
static char *wrap(struct llmobs_text in)
{
    json_t *json = json_pack("[s%]", in.data, in.len);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    return text;
}

/* The text within a text: `level` of them are taken off. */
static void check_within(struct llmobs_text was, struct llmobs_text is,
                         unsigned level, bool whole)
{
    json_t *json = level ? parse(is) : NULL;
    const json_t *text = json_array_get(json, 0);

    if (!level) {
        check_json(was, is, whole); /* of an escape each byte is masked */
        return;
    }
    FUZZ_CHECK(text != NULL);
    check_within(
        was,
        (struct llmobs_text){json_string_value(text), json_string_length(text)},
        level - 1, whole);
    json_decref(json);
}

static void mask_within(struct llmobs_text in, mask_fn *mask, bool whole)
{
    char *text = wrap(in);

    for (unsigned level = 1; text && level < LEVELS; level++) {
        struct llmobs_text now = {text, strlen(text)};
        char *next = wrap(now);

        mask(text, now.len);
        check_within(in, now, level, whole);
        free(text);
        text = next;
    }
    free(text);
}

/* A stream whose last event broke off goes on. */
static void mask_before_event(struct llmobs_text in, mask_fn *mask)
{
    static const char event[] = "\n\ndata: {\"secretary\":\"http://h?\\\"key\","
                                "\"c\":\"\\\"secret\\\": [\",\"d\":[\"e\"]}\n";
    size_t len = in.len + sizeof(event);
    char *text = malloc(len);

    FUZZ_CHECK(text != NULL);
    memcpy(text, in.data, in.len);
    memcpy(text + in.len, event, sizeof(event));
    mask(text, len);
    FUZZ_CHECK(memcmp(text + in.len, event, sizeof(event)) == 0);
    free(text);
}

/* A name may hold a URL: names are compared where members alone are masked. */
static void mask_all_ways(struct llmobs_text in, mask_fn *mask, bool whole)
{
    size_t first = in.len ? (unsigned char)in.data[in.len / 2] : 0;

    mask_whole(in, mask, whole);
    for (size_t cut = in.len * first / 256; cut < in.len; cut += 1 + in.len / 8)
        mask_grown(in, mask, whole, cut);
    if (!memchr(in.data, '\0', in.len))
        mask_within(in, mask, whole);
    mask_before_event(in, mask);
}

/* A URL loses its password and its key, of any letters and at any level of
 * quotes. */
static void check_link(struct llmobs_text in)
{
    char key[] = "Zq9XwV7uT5sR3pN1", text[256];
    char *wrapped;

    for (size_t i = 0; i < in.len && i < sizeof(key) - 1; i++)
        if (isalnum((unsigned char)in.data[i]))
            key[i] = in.data[i];
    snprintf(text, sizeof(text),
             "{\"u\":\"https://u:%s@h/?a=b&api_key=%s&c=d\"}", key, key);
    for (unsigned level = 0; level < LEVELS; level++) {
        wrapped = wrap((struct llmobs_text){text, strlen(text)});
        llmobs_links_mask(text, strlen(text), NULL);
        FUZZ_CHECK(!memmem(text, strlen(text), key, sizeof(key) - 1 - KEPT));
        snprintf(text, sizeof(text), "%s", wrapped);
        free(wrapped);
    }
}

static void mask_members(char *data, size_t len)
{
    llmobs_members_mask(data, len, NULL);
}

static void mask_links(char *data, size_t len)
{
    llmobs_links_mask(data, len, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};

    if (size == 0)
        return 0;
    mask_all_ways(in, mask_members, true);
    mask_all_ways(in, mask_links, false);
    check_link(in);
    fuzz_work();
    return 0;
}
