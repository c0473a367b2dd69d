/* Values beside a plain model of them, and cases made to break their memory. */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>

#include "lib/text/json_value.h"
#include "tests/unit/json_case.h"

#define KEYS_MAX 80
#define KEY_SIZE 64
#define STEPS 20000
#define MANY 200000
#define DEEP 300000
#define CPU_SECONDS_MAX 20

/* Members in their order, and nothing else. */
struct model {
    int keys[KEYS_MAX]; /* numbers of texts */
    int64_t values[KEYS_MAX];
    size_t count;
};

/* Of some lengths, the empty one among them; every fourth has bad bytes. */
static void key_text(int number, char out[KEY_SIZE], char clean[KEY_SIZE])
{
    static const char tail[] = "-a-key-that-has-more-than-sixteen-bytes";
    int cut = number % 7 == 0 ? (int)sizeof(tail) : number % 3;

    if (number == 0)
        out[0] = clean[0] = '\0';
    else if (number % 4 == 0) {
        (void)snprintf(out, KEY_SIZE, "\xFF%d%.*s", number, cut, tail);
        (void)snprintf(clean, KEY_SIZE, BAD "%d%.*s", number, cut, tail);
    } else {
        (void)snprintf(out, KEY_SIZE, "%d%.*s", number, cut, tail);
        memcpy(clean, out, KEY_SIZE);
    }
}

static size_t model_find(const struct model *m, int key)
{
    size_t i = 0;

    while (i < m->count && m->keys[i] != key)
        i++;
    return i;
}

static void model_set(struct model *m, int key, int64_t value)
{
    size_t i = model_find(m, key);

    if (i == m->count)
        m->keys[m->count++] = key;
    m->values[i] = value;
}

static void model_unset(struct model *m, int key)
{
    size_t i = model_find(m, key);

    if (i == m->count)
        return;
    m->count--;
    memmove(m->keys + i, m->keys + i + 1, (m->count - i) * sizeof(*m->keys));
    memmove(m->values + i, m->values + i + 1,
            (m->count - i) * sizeof(*m->values));
}

static void check_order(const struct model *m, const struct llmobs_json *json)
{
    char raw[KEY_SIZE], clean[KEY_SIZE];
    size_t i = 0;

    ck_assert_uint_eq(llmobs_json_len(json), m->count);
    for (void *it = llmobs_json_iter(json); it;
         it = llmobs_json_next(json, it), i++) {
        ck_assert_uint_lt(i, m->count);
        key_text(m->keys[i], raw, clean);
        ck_assert_str_eq(llmobs_json_iter_key(it), clean);
        ck_assert_int_eq(llmobs_json_to_int(llmobs_json_iter_value(it)),
                         m->values[i]);
    }
    ck_assert_uint_eq(i, m->count);
}

static void check_key(const struct model *m, const struct llmobs_json *json,
                      int key)
{
    size_t i = model_find(m, key);
    struct llmobs_json *value;
    char raw[KEY_SIZE], clean[KEY_SIZE];

    key_text(key, raw, clean);
    value = llmobs_json_get(json, clean);
    if ((value != NULL) != (i < m->count))
        ck_abort_msg("key %d is %s", key, value ? "there" : "missing");
    if (value)
        ck_assert_int_eq(llmobs_json_to_int(value), m->values[i]);
}

/* The object takes the way of its clone, of what its text holds, or its own. */
static struct llmobs_json *reborn(struct llmobs_json *json, uint64_t kind)
{
    struct llmobs_json *again;
    char *text;

    if (kind == 0)
        return json;
    if (kind == 1) {
        again = llmobs_json_clone(json);
    } else {
        text = llmobs_json_dumps(json, LLMOBS_JSON_KEEP_ORDER);
        again = json_case_parsed(text);
        free(text);
    }
    llmobs_json_free(json);
    return again;
}

static void play(uint64_t seed, uint64_t keys, uint64_t unsets)
{
    struct model model = {.count = 0};
    struct llmobs_json *json = llmobs_json_object();
    char raw[KEY_SIZE], clean[KEY_SIZE];

    for (int64_t step = 0; step < STEPS; step++) {
        int key = (int)(json_case_random(&seed) % keys);

        key_text(key, raw, clean);
        if (json_case_random(&seed) % 100 < unsets) {
            llmobs_json_unset(json, clean);
            model_unset(&model, key);
        } else {
            ck_assert_int_eq(llmobs_json_set(json, raw, llmobs_json_int(step)),
                             0);
            model_set(&model, key, step);
        }
        check_key(&model, json, key);
        check_key(&model, json, (int)(json_case_random(&seed) % keys));
        if (step % 64 == 0) {
            check_order(&model, json);
            json = reborn(json, json_case_random(&seed) % 3);
        }
    }
    check_order(&model, json);
    llmobs_json_free(json);
}

TEST(objects_are_as_the_model)
{
    play(0x9E3779B97F4A7C15, 5, 50);
    play(0x243F6A8885A308D3, 20, 48);
    play(0x13198A2E03707344, KEYS_MAX, 30);
    play(0xA4093822299F31D0, KEYS_MAX, 70);
}

static struct llmobs_json *many_keys(const char *format)
{
    struct llmobs_json *json;
    struct llmobs_buf buf;

    llmobs_buf_init(&buf, SIZE_MAX);
    ck_assert_int_eq(llmobs_buf_adds(&buf, "{"), 0);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(llmobs_buf_adds(&buf, i ? ",\"" : "\""), 0);
        ck_assert_int_eq(llmobs_buf_addf(&buf, format, i), 0);
        ck_assert_int_eq(llmobs_buf_addf(&buf, "\":%d", i), 0);
    }
    ck_assert_int_eq(llmobs_buf_adds(&buf, "}"), 0);
    ck_assert_int_eq(json_case_parse(buf.data, buf.len, &json), 0);
    llmobs_buf_fini(&buf);
    return json;
}

/* A walk for each key would take minutes. */
static void limit_time(void)
{
    struct rlimit limit = {CPU_SECONDS_MAX, CPU_SECONDS_MAX};

    ck_assert_int_eq(setrlimit(RLIMIT_CPU, &limit), 0);
}

TEST(many_keys_take_no_square)
{
    struct llmobs_json *json;
    char key[16];

    limit_time();
    json = many_keys("k%06d");
    ck_assert_uint_eq(llmobs_json_len(json), MANY);
    for (int i = 0; i < MANY; i += 2) {
        (void)snprintf(key, sizeof(key), "k%06d", i);
        llmobs_json_unset(json, key);
        ck_assert_int_eq(llmobs_json_set(json, key, llmobs_json_int(-i)), 0);
    }
    ck_assert_uint_eq(llmobs_json_len(json), MANY);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(key, sizeof(key), "k%06d", i);
        ck_assert_int_eq(llmobs_json_to_int(llmobs_json_get(json, key)),
                         i % 2 ? i : -i);
    }
    ck_assert_str_eq(llmobs_json_iter_key(llmobs_json_iter(json)), "k000001");
    llmobs_json_free(json);
}

/* Set and taken out again and again, an object stays small. */
TEST(keys_that_come_and_go)
{
    struct llmobs_json *json = llmobs_json_object();
    char key[16];

    for (int i = 0; i < MANY; i++) {
        (void)snprintf(key, sizeof(key), "k%08d", i);
        ck_assert_int_eq(llmobs_json_set(json, key, llmobs_json_null()), 0);
        llmobs_json_unset(json, key);
    }
    ck_assert_uint_eq(llmobs_json_len(json), 0);
    ck_assert_ptr_null(llmobs_json_iter(json));
    ck_assert_uint_le(((struct llmobs_json_object *)json)->cap, 16);
    llmobs_json_free(json);
}

TEST(only_an_array_has_items_to_walk)
{
    static const char text[] =
        "{\"list\": [1, null, 2, 3], \"none\": [], \"text\": \"a\"}";
    static const char *const empty[] = {"none", "text", "absent"};
    struct llmobs_json *json;
    size_t count = 0;
    int64_t sum = 0;

    ck_assert_int_eq(llmobs_json_parse(llmobs_text_of(text), &json), 0);
    LLMOBS_JSON_EACH (one, llmobs_json_get(json, "list"), sum < 3) {
        count++;
        sum += llmobs_json_is_int(one) ? llmobs_json_to_int(one) : 0;
    }
    ck_assert_uint_eq(count, 3);
    ck_assert_int_eq(sum, 3);
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
        LLMOBS_JSON_EACH (one, llmobs_json_get(json, empty[i]), true)
            count++;
    LLMOBS_JSON_EACH (one, json, true)
        count++;
    ck_assert_uint_eq(count, 3);
    llmobs_json_free(json);
}

TEST(equal_keys_are_one)
{
    struct llmobs_json *json;

    limit_time();
    json = many_keys("k");
    ck_assert_uint_eq(llmobs_json_len(json), 1);
    ck_assert_int_eq(llmobs_json_to_int(llmobs_json_get(json, "k")), MANY - 1);
    llmobs_json_free(json);
}

/* The kernel's random bytes lie in memory that the process may write to, as
 * another runtime in it does: the first look at them counts. */
TEST(a_hash_hangs_on_the_seed)
{
    unsigned char *random =
        (unsigned char *)(uintptr_t)getauxval(AT_RANDOM); /* NOLINT */
    struct llmobs_text key = {BYTES("key")};
    uint32_t before = llmobs_json_hash(key);

    for (size_t i = 0; i < 16; i += 8) {
        uint64_t seed = atomic_load(&llmobs_json_seed[i / 8]);

        random[i] ^= 2;
        ck_assert_uint_eq(llmobs_json_hash(key), before);
        atomic_store(&llmobs_json_seed[i / 8], 0);
        ck_assert_uint_ne(llmobs_json_hash(key), before);
        random[i] ^= 2;
        atomic_store(&llmobs_json_seed[i / 8], seed);
    }
    ck_assert_uint_eq(llmobs_json_hash(key), before);
}

TEST(a_value_of_two_parents)
{
    struct llmobs_json *one = llmobs_json_object();
    struct llmobs_json *two = llmobs_json_array();
    struct llmobs_json *shared = json_case_parsed("{\"a\":[1,{\"b\":\"c\"}]}");

    ck_assert_int_eq(llmobs_json_set(one, "x", llmobs_json_share(shared)), 0);
    ck_assert_int_eq(llmobs_json_set(one, "y", llmobs_json_share(shared)), 0);
    ck_assert_int_eq(llmobs_json_add(two, shared), 0);
    ck_assert_int_eq(llmobs_json_set(one, "y", llmobs_json_null()), 0);
    ck_assert_int_eq(
        llmobs_json_set(one, "x", llmobs_json_share(llmobs_json_get(one, "x"))),
        0);
    ck_assert_int_eq(llmobs_json_sets(shared, "d", "e"), 0);
    ck_assert_str_eq(llmobs_json_gets(llmobs_json_get(one, "x"), "d"), "e");
    llmobs_json_free(one);
    ck_assert_str_eq(llmobs_json_gets(llmobs_json_at(two, 0), "d"), "e");
    llmobs_json_free(two);
}

static struct llmobs_json *nested(size_t depth)
{
    struct llmobs_json *json = llmobs_json_object();

    for (size_t i = 1; i < depth; i++) {
        struct llmobs_json *outer =
            i % 2 ? llmobs_json_array() : llmobs_json_object();

        ck_assert_int_eq(i % 2 ? llmobs_json_add(outer, json)
                               : llmobs_json_set(outer, "k", json),
                         0);
        json = outer;
    }
    return json;
}

TEST(a_deep_value_is_freed_and_not_copied)
{
    struct llmobs_json *json = nested(DEEP), *copy;

    ck_assert_ptr_null(llmobs_json_clone(json));
    llmobs_json_free(json);
    json = nested(1000);
    copy = llmobs_json_clone(json);
    ck_assert_ptr_nonnull(copy);
    llmobs_json_free(copy);
    llmobs_json_free(json);
}

/* Of a long text that is mostly escapes little memory is left unused, and a
 * document that ends early leaves nothing behind (asan). */
TEST(texts_of_escapes)
{
    static const char *const ends[] = {"\"]", "\"", "", "\\"};
    struct llmobs_json *json;
    UNIT_ENDS(llmobs_buf) buf;
    size_t len;

    llmobs_buf_init(&buf, SIZE_MAX);
    ck_assert_int_eq(llmobs_buf_adds(&buf, "[{\"\\u006b\\n\":1.5},\""), 0);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(llmobs_buf_adds(&buf, "\\u0041\x01\xFF"), 0);
    len = buf.len;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        llmobs_buf_cut(&buf, len);
        ck_assert_int_eq(llmobs_buf_adds(&buf, ends[i]), 0);
        ck_assert_int_eq(json_case_parse(buf.data, buf.len, &json) == 0,
                         i == 0);
        if (i > 0)
            continue;
        ck_assert_uint_eq(strlen(llmobs_json_text(llmobs_json_at(json, 1))),
                          5 * 1000);
        ck_assert(llmobs_json_to_real(
                      llmobs_json_get(llmobs_json_at(json, 0), "k\n")) == 1.5);
        llmobs_json_free(json);
    }
}
