#include "cli/query/digest.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "cli/query/filter.h"
#include "lib/base/mix.h"

struct llmobs_digest llmobs_digest_seed(void)
{
    struct llmobs_digest seed = {0};
    struct timespec now = {0};

    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed))
        return seed;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    seed.a = llmobs_mix((uint64_t)now.tv_nsec);
    seed.b = llmobs_mix(seed.a ^ (uint64_t)now.tv_sec);
    return seed;
}

int llmobs_digest_compare(struct llmobs_digest left, struct llmobs_digest right)
{
    if (left.a != right.a)
        return left.a < right.a ? -1 : 1;
    return (left.b > right.b) - (left.b < right.b);
}

/* -- values --------------------------------------------------------------- */

static void digest_add_number(struct llmobs_digest *digest, uint64_t number)
{
    digest->a = llmobs_mix(digest->a ^ number);
    digest->b = llmobs_mix(digest->b ^ number);
}

/* Adds the length first: "ab", "c" and "a", "bc" have different digests. */
static void digest_add_text(struct llmobs_digest *digest, const char *text,
                            size_t len)
{
    uint64_t piece;

    digest_add_number(digest, len);
    for (; len >= sizeof(piece); text += sizeof(piece), len -= sizeof(piece)) {
        memcpy(&piece, text, sizeof(piece));
        digest_add_number(digest, piece);
    }
    if (len > 0) {
        piece = 0;
        memcpy(&piece, text, len);
        digest_add_number(digest, piece);
    }
}

static void digest_add_value(struct llmobs_digest seed,
                             struct llmobs_digest *digest,
                             const struct llmobs_json *value);

/* Adds the members but for those that `without` names. The sum of their digests
 * is the same in any order. */
static void digest_add_object(struct llmobs_digest seed,
                              struct llmobs_digest *digest,
                              const struct llmobs_json *object,
                              const char *without)
{
    struct llmobs_digest sum = {0};

    for (void *at = llmobs_json_iter(object); at;
         at = llmobs_json_next(object, at)) {
        const char *key = llmobs_json_iter_key(at);
        struct llmobs_digest member = seed;

        if (llmobs_words_have(without, key))
            continue;
        digest_add_text(&member, key, strlen(key));
        digest_add_value(seed, &member, llmobs_json_iter_value(at));
        sum.a += member.a;
        sum.b += member.b;
    }
    digest->a = llmobs_mix(digest->a ^ sum.a);
    digest->b = llmobs_mix(digest->b ^ sum.b);
}

/* A number counts by its value: 1 and 1.0 are equal. */
static void digest_add_real(struct llmobs_digest *digest, double real)
{
    uint64_t bits;

    memcpy(&bits, &real, sizeof(bits));
    digest_add_number(digest, bits);
}

/* The parser bounds the depth. */
static void digest_add_value(struct llmobs_digest seed,
                             struct llmobs_digest *digest,
                             const struct llmobs_json *value)
{
    if (llmobs_json_is_string(value)) {
        digest_add_number(digest, 's');
        digest_add_text(digest, llmobs_json_text(value),
                        llmobs_json_text_len(value));
    } else if (llmobs_json_is_object(value)) {
        digest_add_number(digest, 'o');
        digest_add_object(seed, digest, value, NULL);
    } else if (llmobs_json_is_array(value)) {
        digest_add_number(digest, 'a');
        for (size_t i = 0; i < llmobs_json_len(value); i++)
            digest_add_value(seed, digest, llmobs_json_at(value, i));
        digest_add_number(digest, 'e');
    } else if (llmobs_json_is_number(value)) {
        digest_add_number(digest, 'n');
        digest_add_real(digest, llmobs_json_is_int(value)
                                    ? (double)llmobs_json_to_int(value)
                                    : llmobs_json_to_real(value));
    } else {
        digest_add_number(digest, llmobs_json_is_true(value)    ? 't'
                                  : llmobs_json_is_false(value) ? 'f'
                                                                : '0');
    }
}

/* -- requests ------------------------------------------------------------- */

/* True for an answered call of OpenAI's Responses: the answer repeats the
 * settings, and has a default for each setting that the request lacks. */
static bool repeats_settings(const struct llmobs_json *event)
{
    static const char end[] = ".createResponse";
    const char *name = llmobs_json_gets(event, "name");
    size_t len = name ? strlen(name) : 0;

    return len >= sizeof(end) - 1 &&
           strcmp(name + len - (sizeof(end) - 1), end) == 0;
}

static void add_settings(struct llmobs_digest seed,
                         struct llmobs_digest *digest,
                         const struct llmobs_json *event,
                         const struct llmobs_json *meta)
{
#define NO_SETTINGS "caller\0transfer\0stop_reason\0"
    static const char without[] = NO_SETTINGS;
    static const char repeated[] =
        NO_SETTINGS "temperature\0max_output_tokens\0top_p\0tool_choice\0"
                    "truncation\0text\0user\0";

    digest_add_object(seed, digest, llmobs_json_get(meta, "metadata"),
                      repeats_settings(event) ? repeated : without);
}

/* True where there is any text or object to compare. */
static bool has_input(const struct llmobs_json *input)
{
    for (void *at = llmobs_json_iter(input); at;
         at = llmobs_json_next(input, at)) {
        const struct llmobs_json *value = llmobs_json_iter_value(at);

        if (llmobs_json_len(value) > 0 || llmobs_json_text_len(value) > 0)
            return true;
    }
    return false;
}

bool llmobs_digest_request(struct llmobs_digest seed,
                           const struct llmobs_json *event,
                           struct llmobs_digest *out)
{
    const struct llmobs_json *meta = llmobs_json_get(event, "meta");
    const struct llmobs_json *input = llmobs_json_get(meta, "input");
    const char *model =
        llmobs_json_text(llmobs_filter_fact_of(event, "request_model"));

    if (!has_input(input) ||
        llmobs_json_get(llmobs_json_get(meta, "metadata"), "truncated"))
        return false;
    if (!model) /* the answer's model, if the answer names one */
        model = llmobs_json_gets(meta, "model_name");
    *out = seed;
    digest_add_text(out, model ? model : "", model ? strlen(model) : 0);
    digest_add_value(seed, out, input);
    digest_add_value(seed, out, llmobs_json_get(meta, "tool_definitions"));
    add_settings(seed, out, event, meta);
    return true;
}

/* -- tools ---------------------------------------------------------------- */

struct llmobs_digest llmobs_digest_tool(struct llmobs_digest seed,
                                        const char *name,
                                        const struct llmobs_json *arguments)
{
    struct llmobs_digest digest = seed;
    struct llmobs_json *read = NULL;
    struct llmobs_text text = {llmobs_json_text(arguments),
                               llmobs_json_text_len(arguments)};

    digest_add_text(&digest, name, strlen(name));
    if (text.data && llmobs_json_parse(text, &read) == 0)
        arguments = read;
    digest_add_value(seed, &digest, arguments);
    llmobs_json_free(read);
    return digest;
}
