/* The index of the shapes finds what a walk over all of them finds. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rules/providers.h"
#include "rules/read/match.h"
#include "rules/read/text.h"
#include "rules/shapes.h"
#include "rules/shapes_index.h"
#include "tests/unit/json_case.h"
#include "tests/unit/unit.h"

#define PATH_MAX_LEN 512

static struct llmobs_shapes shapes;
static struct llmobs_shapes_index made; /* here */
static size_t found; /* by both, so that it is seen that some are */

static void set_up(void)
{
    found = 0;
    ck_assert_int_eq(
        llmobs_shapes_init(&shapes, llmobs_dialects, &llmobs_shapes_known), 0);
}

static void tear_down(void)
{
    llmobs_shapes_fini(&shapes);
}

static void check_as(const char *method, struct llmobs_text path, bool any_host)
{
    const struct llmobs_dialect *dialect = NULL;
    const struct llmobs_shape *wanted =
        llmobs_match_shape(llmobs_dialects, method, path, any_host, &dialect);
    const struct llmobs_rule *rule =
        llmobs_shapes_find(&shapes, method, path, any_host);

    ck_assert_msg((rule ? rule->shape : NULL) == wanted,
                  "%s %.*s, any host %d: %s, not %s", method, (int)path.len,
                  path.data, any_host, rule ? rule->shape->path : "none",
                  wanted ? wanted->path : "none");
    ck_assert(!rule || rule->dialect == dialect);
    found += rule != NULL;
}

static void check_text(struct llmobs_text path)
{
    static const char *const methods[] = {"POST", "GET",  "DELETE",
                                          "HEAD", "post", ""};

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        check_as(methods[i], path, false);
        check_as(methods[i], path, true);
    }
}

/* And without each number of bytes at its ends. */
static void check_cuts(const char *path)
{
    size_t len = strlen(path);

    for (size_t cut = 0; cut <= len; cut++) {
        check_text((struct llmobs_text){path, len - cut});
        check_text((struct llmobs_text){path + cut, len - cut});
    }
}

/* The pattern with `value` for each star. */
static void fill_stars(const char *pattern, const char *value, char *out)
{
    for (; *pattern; pattern++)
        if (*pattern == '*')
            out = stpcpy(out, value);
        else
            *out++ = *pattern;
    *out = '\0';
}

UNIT_FIXTURE(set_up, tear_down);

TEST(index_of_the_build_is_that_of_the_tables)
{
    ck_assert_uint_eq(llmobs_shapes_index(llmobs_dialects, &made),
                      shapes.count);
    for (size_t i = 0; i < shapes.count; i++) {
        const struct llmobs_shape *s = shapes.rules[i].shape;

        ck_assert_uint_lt(strnlen(s->path, sizeof(s->path)), sizeof(s->path));
        ck_assert_uint_lt(strnlen(s->operation, sizeof(s->operation)),
                          sizeof(s->operation));
        ck_assert_uint_lt(strnlen(s->span_name, sizeof(s->span_name)),
                          sizeof(s->span_name));
    }
    ck_assert_mem_eq(&made, &llmobs_shapes_known, sizeof(made));
}

TEST(each_shape_is_found_as_by_a_walk)
{
    static const char *const values[] = {
        "m", "a.b-1", "", "x:y", "x/y", "*", "resp_embedding_of_a_long_name"};
    static const char *const before[] = {"", "/v1", "/a:b", "x", "/", "//"};
    static const char *const behind[] = {"", "/", "///", "/x", ":x", "x"};
    char filled[PATH_MAX_LEN], path[2 * PATH_MAX_LEN];

    for (size_t i = 0; i < shapes.count; i++)
        for (size_t v = 0; v < 7; v++) {
            fill_stars(shapes.rules[i].shape->path, values[v], filled);
            if (v == 0)
                check_cuts(filled);
            for (size_t n = v; n < 36; n += 7) {
                snprintf(path, sizeof(path), "%s%s%s", before[n / 6], filled,
                         behind[n % 6]);
                check_text(llmobs_text_of(path));
            }
        }
    ck_assert_uint_gt(found, shapes.count);
}

/* Some segments of some shapes, one behind the other. */
static void mix(uint64_t *state, char *path)
{
    size_t pieces = 1 + json_case_random(state) % 5, len = 0;

    while (pieces-- > 0) {
        const struct llmobs_shape *shape =
            shapes.rules[json_case_random(state) % shapes.count].shape;
        const char *at = shape->path, *end;

        for (uint64_t n = json_case_random(state) % 4; n > 0; n--)
            at = strpbrk(at + 1, "/:") ? strpbrk(at + 1, "/:") : at;
        end = strpbrk(at + 1, "/:");
        len += (size_t)snprintf(path + len, PATH_MAX_LEN - len, "%.*s",
                                end ? (int)(end - at) : (int)strlen(at), at);
    }
}

TEST(mixed_paths_are_found_as_by_a_walk)
{
    uint64_t state = 7;
    char path[PATH_MAX_LEN];

    for (size_t i = 0; i < 5000; i++) {
        mix(&state, path);
        check_text(llmobs_text_of(path));
    }
    ck_assert_uint_gt(found, 1000);
}

/* A dialect whose shapes have no key, or one at each level, and some that
 * differ before their last 8 bytes only. */
TEST(any_pattern_is_found_as_by_a_walk)
{
    static const struct llmobs_shape rows[] = {
        {.method = "POST", .path = "/a/*/*/*/*"},
        {.method = "POST", .path = "/b/**"},
        {.method = "POST", .path = "/one-and-a-long-common-end"},
        {.method = "POST", .path = "/two-and-a-long-common-end"},
        {.method = "POST", .path = "/*-a-long-common-end", .any_host = true},
        {.method = "POST", .path = "/c:*/d*"},
        {.method = "GET", .path = "end"},
        {.method = "POST", .path = "*e"},
    };
    static const struct llmobs_dialect dialect = {LLMOBS_SHAPES(rows)};
    const struct llmobs_dialect *const own[] = {&dialect, NULL}, *of;
    static const struct {
        const char *method, *path;
        bool any_host;
        int row;
    } asked[] = {
        {"POST", "/a/1/2/3/4", false, 0},
        {"POST", "/b/1/2/", false, 1},
        {"POST", "/one-and-a-long-common-end", false, 2},
        {"POST", "/x/two-and-a-long-common-end", false, 3},
        {"POST", "/two-and-a-long-common-end", true, 4},
        {"POST", "/xxx-and-a-long-common-end", false, 4},
        {"POST", "/c:1/d2", false, 5},
        {"GET", "/any-end", false, 6},
        {"POST", "/c:1/e", false, 7},
        {"POST", "/c:1/f", false, -1},
    };

    tear_down();
    ck_assert_uint_eq(llmobs_shapes_index(own, &made), 8);
    ck_assert_int_eq(llmobs_shapes_init(&shapes, own, &llmobs_shapes_known),
                     -EINVAL);
    ck_assert_int_eq(llmobs_shapes_init(&shapes, own, &made), 0);
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        struct llmobs_text path = llmobs_text_of(asked[i].path);
        const struct llmobs_rule *rule = llmobs_shapes_find(
            &shapes, asked[i].method, path, asked[i].any_host);
        const struct llmobs_shape *wanted =
            asked[i].row < 0 ? NULL : &rows[asked[i].row];

        ck_assert_msg((rule ? rule->shape : NULL) == wanted, "%s",
                      asked[i].path);
        ck_assert(llmobs_match_shape(own, asked[i].method, path,
                                     asked[i].any_host, &of) == wanted);
    }
}
