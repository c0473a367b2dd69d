/* Tests regular expressions. */
#include <errno.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text/regex.h"
#include "tests/unit/unit.h"

/* More groups in groups than are read. */
#define DEEP \
    "((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))"

static struct llmobs_regex *make(const char *pattern)
{
    struct llmobs_regex *regex;
    const char *why;

    ck_assert_msg(llmobs_regex_compile(llmobs_text_of(pattern), &regex, &why) ==
                      0,
                  "%s: %s", pattern, why);
    return regex;
}

/* The text with each match between < and >. */
static char *marked(const struct llmobs_regex *regex, struct llmobs_text text)
{
    struct llmobs_regex_memory memory = {NULL};
    struct llmobs_founds founds = {NULL, 0, 0};
    struct llmobs_buf out;
    size_t at = 0;

    llmobs_buf_init(&out, 1 << 20);
    ck_assert_int_eq(llmobs_regex_find(regex, &memory, text, 7, &founds), 0);
    for (size_t i = 0; i < founds.count; i++) {
        const struct llmobs_found *found = &founds.list[i];

        ck_assert_uint_eq(found->what, 7);
        ck_assert_uint_ge(found->start, at);
        llmobs_buf_add(&out, text.data + at, found->start - at);
        llmobs_buf_adds(&out, "<");
        llmobs_buf_add(&out, text.data + found->start, found->len);
        llmobs_buf_adds(&out, ">");
        at = found->start + found->len;
    }
    llmobs_buf_add(&out, text.data + at, text.len - at);
    free(founds.list);
    llmobs_regex_memory_free(&memory);
    return llmobs_buf_take(&out, NULL);
}

TEST(test_matches)
{
    static const char *const rows[][3] = {
        {"abc", "xabcabcx", "x<abc><abc>x"},
        {"a|ab|abc", "abcd", "<abc>d"},
        {"b+", "abbbab", "a<bbb>a<b>"},
        {"(ab)?c", "abcc", "<abc><c>"},
        {"a{2,3}", "aaaaa", "<aaa><aa>"},
        {"a{2}", "aaaaa", "<aa><aa>a"},
        {"a{2,}", "a aaaa", "a <aaaa>"},
        {"a{0}b", "ab", "a<b>"},
        {"[a-c]x", "ax dx cx", "<ax> dx <cx>"},
        {"[]a]b", "]b ab bb", "<]b> <ab> bb"},
        {"[^]a]b", "]b ab cb", "]b ab <cb>"},
        {"[a\\]\\-]+", "-a]\\", "<-a]>\\"},
        {"[[:digit:][:space:]]+x", "1 2x", "<1 2x>"},
        {"[0-9]{3}-[0-9]{2}-[0-9]{4}", "is 123-45-6789.", "is <123-45-6789>."},
        {"\\d+\\s\\w+", "a12 b_c!", "a<12 b_c>!"},
        {"\\D\\S\\W", "1a !", "1a !"},
        {"[1\\D]+", "1a2 b", "<1a>2< b>"},
        {"\\bcat\\b", "cat concat cat's", "<cat> concat <cat>'s"},
        {"\\Bcat", "cat concat", "cat con<cat>"},
        {"^a", "aa\naa", "<a>a\n<a>a"},
        {"a$", "aa\naa", "a<a>\na<a>"},
        {"^a.*$", "ab\nba\na", "<ab>\nba\n<a>"},
        {"^(ab)+$", "abab\nabb", "<abab>\nabb"},
        {"(^|x)a", "axa", "<a><xa>"},
        {"a.c", "a\nc abc", "a\nc <abc>"},
        {"a[^b]c", "a\nc axc", "a\nc <axc>"},
        {"a\\.b", "a.b axb", "<a.b> axb"},
        {"a\\nb", "a\nb", "<a\nb>"},
        {"(?i)Key", "key KEY kEy", "<key> <KEY> <kEy>"},
        {"(?i)[^a]b", "ABab Cb", "ABab <Cb>"},
        {"(?:a|b)c", "ac bc", "<ac> <bc>"},
        {"é+", "caf\xc3\xa9\xc3\xa9s", "caf<\xc3\xa9\xc3\xa9>s"},
        {"a}", "a}", "<a}>"},
        {"x*y", "xxyzy", "<xxy>z<y>"},
        {"a@|b|c-", "b a@c c-", "<b> <a@>c <c->"},
        {"(a@|b)c", "bc a@c c", "<bc> <a@c> c"},
        {"a@{0,2}-?b@{1,2}", "ab@ a-b@@@ ab", "<ab@> <a-b@@>@ ab"},
        {"(a*)+b", "aaab", "<aaab>"},
        {"(){2}()*a", "a", "<a>"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llmobs_regex *regex = make(rows[i][0]);
        char *got = marked(regex, llmobs_text_of(rows[i][1]));

        ck_assert_msg(strcmp(got, rows[i][2]) == 0, "%s on %s: %s", rows[i][0],
                      rows[i][1], got);
        free(got);
        llmobs_regex_free(regex);
    }
}

TEST(test_refused)
{
    static const char *const bad[] = {
        "",         "a*",     "(a|)",    "^",
        "\\b",      "^$",     "(",       "a)",
        "(a",       "[a",     "[",       "[]",
        "[^]",      "[b-a]",  "[é]",     "[[:x:]]",
        "[[:al",    "*a",     "+",       "a**",
        "a+*",      "{2}",    "a{",      "a{2",
        "a{3,2}",   "a{256}", "a{x}",    "a{,2}",
        "\\",       "a\\1",   "\\q",     "(?=a)",
        "(?P<x>a)", "(?i)",   "a{2}{2}", "((a{255}){255}){255}",
        DEEP};
    struct llmobs_regex *regex;
    char text[LLMOBS_REGEX_LEN + 2];
    const char *why;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        ck_assert_msg(llmobs_regex_compile(llmobs_text_of(bad[i]), &regex,
                                           &why) == -EINVAL,
                      "%s", bad[i]);
        ck_assert_ptr_null(regex);
        ck_assert_uint_gt(strlen(why), 0);
    }
    memset(text, 'a', sizeof(text));
    ck_assert_int_eq(
        llmobs_regex_compile((struct llmobs_text){text, LLMOBS_REGEX_LEN + 1},
                             &regex, &why),
        -EINVAL);
    ck_assert_int_eq(
        llmobs_regex_compile((struct llmobs_text){"a\0b", 3}, &regex, &why),
        -EINVAL);
}

/* -- beside libc's -------------------------------------------------------- */

static uint32_t seed = 1;

static unsigned draw(unsigned n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static void add_random(char *out, int depth)
{
    static const char *const atoms[] = {"a", "b", "c", ".", "[ab]", "[^a]"};
    static const char *const repeats[] = {"*", "+", "?", "{1,3}", "{2}"};

    for (unsigned i = 1 + draw(3); i > 0; i--) {
        if (depth > 0 && draw(3) == 0) {
            strcat(out, "(");
            add_random(out, depth - 1);
            if (draw(2)) {
                strcat(out, "|");
                add_random(out, depth - 1);
            }
            strcat(out, ")");
        } else {
            strcat(out, atoms[draw(6)]);
        }
        if (draw(2))
            strcat(out, repeats[draw(5)]);
    }
}

/* libc's finding, in the same form. Assertions are left out: in groups, glibc
 * has them wrong ("a(c|^)b" matches "acb" there, "(c|^){2}" "c" too). */
static void expect_same(const regex_t *theirs, const char *text,
                        const char *ours, const char *pattern)
{
    char want[256] = "";
    size_t at = 0, len = strlen(text);
    regmatch_t match;

    for (;;) {
        match.rm_so = (regoff_t)at;
        match.rm_eo = (regoff_t)len;
        if (at > len || regexec(theirs, text, 1, &match, REG_STARTEND) != 0)
            break;
        strncat(want, text + at, (size_t)match.rm_so - at);
        if (match.rm_eo > match.rm_so) {
            strcat(want, "<");
            strncat(want, text + match.rm_so,
                    (size_t)(match.rm_eo - match.rm_so));
            strcat(want, ">");
            at = (size_t)match.rm_eo;
        } else {
            strncat(want, text + match.rm_so, 1);
            at = (size_t)match.rm_so + 1;
        }
    }
    if (at < len)
        strcat(want, text + at);
    ck_assert_msg(strcmp(want, ours) == 0, "%s on \"%s\": %s, libc %s", pattern,
                  text, ours, want);
}

TEST(test_beside_libc)
{
    int compared = 0;

    for (int i = 0; i < 3000; i++) {
        char pattern[4096] = "", text[32];
        struct llmobs_regex *regex;
        const char *why;
        regex_t theirs;

        add_random(pattern, 2);
        if (llmobs_regex_compile(llmobs_text_of(pattern), &regex, &why) != 0)
            continue;
        ck_assert_int_eq(regcomp(&theirs, pattern, REG_EXTENDED | REG_NEWLINE),
                         0);
        for (int k = 0; k < 4; k++) {
            size_t len = draw(sizeof(text) - 1);
            char *got;

            for (size_t n = 0; n < len; n++)
                text[n] = "aabbc\nd"[draw(7)];
            text[len] = '\0';
            got = marked(regex, llmobs_text_of(text));
            expect_same(&theirs, text, got, pattern);
            free(got);
            compared++;
        }
        regfree(&theirs);
        llmobs_regex_free(regex);
    }
    ck_assert_int_gt(compared, 8000);
}

/* Patterns and texts for which others take minutes: each ends, with an answer
 * or a refusal, after steps in proportion to the text. */
TEST(test_hostile)
{
    static const char *const patterns[] = {"[a-z.]+@[a-z.]+\\.[a-z]{2,}",
                                           "(a|aa)+b",
                                           "(a*)*b",
                                           "c(a|b){14}a(a|b)*",
                                           "a|a.*b",
                                           "(a|b)*a(a|b){14}",
                                           "(x+x+)+y",
                                           "(.*a){12}b",
                                           "(a?){40}a{40}b"};
    size_t len = 1 << 18;
    char *text = malloc(len);

    for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
        struct llmobs_regex *regex = make(patterns[i]);

        for (unsigned kind = 0; kind < 3; kind++) {
            struct llmobs_regex_memory memory = {NULL};
            struct llmobs_founds founds = {NULL, 0, 0};
            int rc;

            for (size_t n = 0; n < len; n++)
                text[n] = kind == 0 ? 'a' : kind == 1 ? "ab"[draw(2)] : 'x';
            rc = llmobs_regex_find(regex, &memory,
                                   (struct llmobs_text){text, len}, 0, &founds);
            ck_assert_msg(rc == 0 || rc == -E2BIG, "%s: %d", patterns[i], rc);
            free(founds.list);
            llmobs_regex_memory_free(&memory);
        }
        llmobs_regex_free(regex);
    }
    free(text);
}

/* A search that goes many ways at once finds what each of them finds. */
TEST(test_many_ways)
{
    struct llmobs_regex *regex = make("c[ab]{11}a[ab]*d");
    size_t len = 60000, found = 0;
    char *text = malloc(len + 1), *got;

    for (size_t n = 0; n < len; n++)
        text[n] = draw(200) ? "ab"[draw(2)] : "cd"[draw(2)];
    text[len] = '\0';
    got = marked(regex, llmobs_text_of(text));
    for (size_t n = 0; got[n]; n++) {
        if (got[n] != '<')
            continue;
        found++;
        ck_assert_int_eq(got[n + 1], 'c');
        ck_assert_int_eq(got[n + 13], 'a');
    }
    ck_assert_uint_gt(found, 10);
    free(got);
    free(text);
    llmobs_regex_free(regex);
}

static void *match_big(void *unused)
{
    char pattern[LLMOBS_REGEX_LEN + 1] = "((a?){10}){100}b";
    struct llmobs_regex *regex = make(pattern);
    char *got = marked(regex, llmobs_text_of("aab"));

    ck_assert_str_eq(got, "<aab>");
    free(got);
    llmobs_regex_free(regex);
    strcpy(pattern, "a");
    while (strlen(pattern) + 2 <= LLMOBS_REGEX_LEN)
        strcat(pattern, "|a");
    regex = make(pattern);
    got = marked(regex, llmobs_text_of("aab"));
    ck_assert_str_eq(got, "<a><a>b");
    free(got);
    llmobs_regex_free(regex);
    return unused;
}

/* A pattern's size does not decide how much stack it takes. */
TEST(test_small_stack)
{
    pthread_attr_t attr;
    pthread_t thread;

    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 64 << 10), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, match_big, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attr);
}
