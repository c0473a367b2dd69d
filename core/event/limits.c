/* Cuts an event's values to their limits. */
#include "core/event/limits.h"

#include <errno.h>
#include <string.h>

#include "lib/text/json_clean.h"

#define KIB 1024u
#define KEY_MAX 256
#define BARE_MAX 256
#define ERROR_TYPE_MAX 256
#define DEPTH_MAX 12
#define MARK "\xe2\x80\xa6"
#define MARK_LEN (sizeof(MARK) - 1)

/* The objects of an event whose members have limits. */
enum part {
    NONE, /* the value itself: a text, or anything of the app or the provider */
    EVENT,
    META,
    FAILURE,
    TOOL,
    METADATA,
    METRICS,
    SIDE,
    MESSAGE,
    CALL,
    DOCUMENT,
    PROMPT,
    DEFINITION
};

/* The limits of a member. For an array they hold for each of its elements. The
 * rows of an object stand together. */
static const struct row {
    unsigned char in, below; /* enum part: of the object; of the value */
    const char *key;         /* NULL: all members that no other row names */
    unsigned bytes;          /* 0: no limit */
    /* For the elements, or for the members that no row names: */
    unsigned count, all;
} rows[] = {
    {EVENT, NONE, "name", KIB, 0, 0},
    {EVENT, NONE, "tags", KIB, 0, 0},
    {EVENT, METRICS, "metrics", 0, 256, 0},
    {EVENT, NONE, "span_links", 2 * KIB, 1000, 256 * KIB},
    {EVENT, META, "meta", 0, 0, 0},
    {META, NONE, "model_name", 512, 0, 0},
    {META, NONE, "model_provider", 128, 0, 0},
    {META, FAILURE, "error", 0, 0, 0},
    {META, TOOL, "tool", 0, 0, 0},
    {META, NONE, "intent", 64 * KIB, 0, 0},
    {META, METADATA, "metadata", 0, 1000, 1024 * KIB},
    {META, SIDE, "input", 0, 0, 0},
    {META, SIDE, "output", 0, 0, 0},
    {META, DEFINITION, "tool_definitions", 0, 0, 0},
    {FAILURE, NONE, "type", ERROR_TYPE_MAX, 0, 0},
    {FAILURE, NONE, "message", 64 * KIB, 0, 0},
    {FAILURE, NONE, "stack", 64 * KIB, 0, 0},
    {TOOL, NONE, "version", 256, 0, 0},
    {METADATA, NONE, "transfer", 64 * KIB, 0, 0},
    {METADATA, NONE, "caller", 64 * KIB, 0, 0},
    {METADATA, NONE, "truncated", 64 * KIB, 0, 0},
    {METADATA, NONE, "_dd", 256 * KIB, 0, 0},
    {METADATA, NONE, NULL, 256 * KIB, 0, 0},
    {SIDE, MESSAGE, "messages", 0, 0, 0},
    {SIDE, DOCUMENT, "documents", 0, 0, 0},
    {SIDE, PROMPT, "prompt", 0, 0, 0},
    {MESSAGE, NONE, "role", 256, 0, 0},
    {MESSAGE, CALL, "tool_calls", 0, 0, 0},
    {MESSAGE, CALL, "tool_results", 0, 0, 0},
    {CALL, NONE, "name", 512, 0, 0},
    {CALL, NONE, "tool_id", KIB, 0, 0},
    {CALL, NONE, "type", 256, 0, 0},
    {DOCUMENT, NONE, "id", KIB, 0, 0},
    {DOCUMENT, NONE, "name", KIB, 0, 0},
    {PROMPT, NONE, "id", 512, 0, 0},
    {PROMPT, NONE, "version", 512, 0, 0},
    {PROMPT, NONE, "label", 512, 0, 0},
    {DEFINITION, NONE, "name", 512, 0, 0},
    {DEFINITION, NONE, "version", 256, 0, 0},
    {NONE, NONE, NULL, 0, 0, 0}, /* the end */
};

static const struct row whole = {NONE, EVENT, "", 0, 0, 0};

/* `row`: the first of the object's. */
static const struct row *row_of(const struct row *row, const char *key)
{
    for (unsigned char in = row->in; in && row->in == in; row++)
        if (!row->key || (*row->key == *key && strcmp(row->key, key) == 0))
            return row;
    return NULL;
}

static size_t weight(const struct llmobs_json *json, size_t max, int depth)
{
    size_t len = llmobs_json_is_string(json) ? llmobs_json_text_len(json) : 1;

    if (depth >= DEPTH_MAX)
        return len;
    if (llmobs_json_is_array(json))
        for (size_t i = 0; i < llmobs_json_len(json) && len <= max; i++)
            len += weight(llmobs_json_at(json, i), max - len, depth + 1);
    else
        for (void *it = llmobs_json_iter(json); it && len <= max;
             it = llmobs_json_next(json, it)) {
            len += strlen(llmobs_json_iter_key(it));
            if (len <= max)
                len += weight(llmobs_json_iter_value(it), max - len, depth + 1);
        }
    return len;
}

size_t llmobs_limits_weight(const struct llmobs_json *json, size_t max)
{
    return weight(json, max, 0);
}

/* -- one value ------------------------------------------------------------ */

/* How many bytes of the text may stay. The tag of the error's type is cut at
 * the same place as the type. */
static size_t bytes_of(const struct row *row, const struct llmobs_json *text,
                       bool bare)
{
    static const char type[] = "error_type:";
    const size_t len = sizeof(type) - 1;

    if (row->in == EVENT && strncmp(llmobs_json_text(text), type, len) == 0)
        return len + ERROR_TYPE_MAX;
    return bare && row->bytes > BARE_MAX ? BARE_MAX : row->bytes;
}

/* False for a value whose size counts as a whole, even if it has parts. */
static bool has_parts(const struct row *row, const struct llmobs_json *json)
{
    return llmobs_json_is_container(json) &&
           (row->below != NONE ||
            (row->in == EVENT && llmobs_json_is_array(json)));
}

/* -- a walk: the first time it looks, the second time it copies ------------ */

struct walk {
    const struct row *row;
    struct llmobs_json *out; /* NULL: the walk only looks */
    bool bare;
    size_t count, all;
};

static struct llmobs_json *within_limits(const struct row *row,
                                         struct llmobs_json *json, bool bare);
static bool fits_limits(const struct row *row, struct llmobs_json *json,
                        bool bare);

/* True while the container's own limits have room for another member. */
static bool has_room_for(struct walk *walk, const struct row *member,
                         const char *key, const struct llmobs_json *json)
{
    const struct row *row = walk->row;

    if (row->count == 0)
        return true;
    if (walk->count == row->count || strlen(key) > KEY_MAX)
        return false;
    if (row->all) {
        size_t left = row->all - walk->all;
        size_t len = weight(json, left, 0);

        if (member && llmobs_json_is_string(json) && len > member->bytes)
            len = member->bytes; /* it is going to be cut */
        if (len > left)
            return false;
        walk->all += len;
    }
    walk->count++;
    return true;
}

/* Visits a member or, with the key "", an element. If the walk only looks
 * (walk->out is NULL), returns 1 for one that does not fit; else adds what fits
 * to walk->out. */
static int pass_member(struct walk *walk, const struct row *row,
                       const char *key, struct llmobs_json *json)
{
    struct llmobs_json *made;
    bool named = row && row->key && *key;
    bool stays = !(row && row->bytes && llmobs_json_is_container(json) &&
                   !has_parts(row, json) && /* it can only be left out */
                   weight(json, row->bytes, 0) > row->bytes) &&
                 (named || has_room_for(walk, row, key, json));

    if (!walk->out)
        return !stays || (row && !fits_limits(row, json, walk->bare));
    if (!stays)
        return 0;
    made = row ? within_limits(row, json, walk->bare) : llmobs_json_share(json);
    if (!made)
        return -ENOMEM;
    return llmobs_json_is_array(walk->out)
               ? llmobs_json_add(walk->out, made)
               : llmobs_json_set(walk->out, key, made);
}

static int walk_members(struct walk *walk, struct llmobs_json *json)
{
    const struct row *first = rows;
    int rc = 0;

    if (llmobs_json_is_array(json)) {
        for (size_t i = 0; i < llmobs_json_len(json) && !rc; i++)
            rc = pass_member(walk, walk->row, "", llmobs_json_at(json, i));
        return rc;
    }
    while (first->in && first->in != walk->row->below)
        first++;
    for (void *it = llmobs_json_iter(json); it && !rc;
         it = llmobs_json_next(json, it)) {
        const char *key = llmobs_json_iter_key(it);

        rc = pass_member(walk, row_of(first, key), key,
                         llmobs_json_iter_value(it));
    }
    return rc;
}

static bool fits_limits(const struct row *row, struct llmobs_json *json,
                        bool bare)
{
    struct walk walk = {.row = row, .bare = bare};

    if (llmobs_json_is_string(json))
        return !row->bytes ||
               llmobs_json_text_len(json) <= bytes_of(row, json, bare);
    return !has_parts(row, json) || walk_members(&walk, json) == 0;
}

/* Gives the value within its limits; NULL when memory runs out. */
static struct llmobs_json *within_limits(const struct row *row,
                                         struct llmobs_json *json, bool bare)
{
    struct walk walk = {.row = row, .bare = bare};

    if (fits_limits(row, json, bare))
        return llmobs_json_share(json);
    if (llmobs_json_is_string(json)) {
        const char *text = llmobs_json_text(json);
        size_t max = bytes_of(row, json, bare);
        size_t len = llmobs_utf8_fit(text, max - MARK_LEN);
        struct llmobs_json *made = NULL;
        struct llmobs_buf buf;

        llmobs_buf_init(&buf, max);
        if (llmobs_buf_add(&buf, text, len) == 0 &&
            llmobs_buf_add(&buf, MARK, MARK_LEN) == 0)
            made = llmobs_json_stringn(buf.data, buf.len);
        llmobs_buf_fini(&buf);
        return made;
    }
    walk.out =
        llmobs_json_is_array(json) ? llmobs_json_array() : llmobs_json_object();
    if (walk.out && walk_members(&walk, json) == 0)
        return walk.out;
    llmobs_json_free(walk.out);
    return NULL;
}

int llmobs_limits_apply(struct llmobs_json **event, bool bare)
{
    struct llmobs_json *made = within_limits(&whole, *event, bare);

    if (!made)
        return -ENOMEM;
    llmobs_json_free(*event);
    *event = made;
    return 0;
}
