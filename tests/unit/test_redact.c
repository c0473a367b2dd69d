/* Tests patterns of LLMOBS_REDACT. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/work.h"
#include "lib/span/redact.h"
#include "tests/unit/unit.h"

static int parse(const char *file, struct llmobs_redact **redact,
                 struct llmobs_redact_fault *fault)
{
    return llmobs_redact_parse((struct llmobs_text){file, strlen(file)}, redact,
                               fault);
}

/* The text as the patterns of the file leave it. */
static char *redact(const char *file, const char *text)
{
    struct llmobs_redact_fault fault;
    struct llmobs_redaction redaction;
    struct llmobs_redact *redact;
    struct llmobs_buf out;
    bool changed;

    ck_assert_msg(parse(file, &redact, &fault) == 0, "%s: %zu %s", file,
                  fault.line, fault.why);
    llmobs_redaction_begin(&redaction, redact);
    llmobs_buf_init(&out, 1 << 24);
    ck_assert_int_eq(llmobs_redaction_text(
                         &redaction, (struct llmobs_text){text, strlen(text)},
                         &out, &changed),
                     0);
    ck_assert(changed == (out.data != NULL));
    llmobs_redaction_end(&redaction);
    llmobs_redact_free(redact);
    return changed ? llmobs_buf_take(&out, NULL) : strdup(text);
}

static void expect(const char *file, const char *text, const char *want)
{
    char *got = redact(file, text);

    ck_assert_msg(strcmp(got, want) == 0, "%s on %s: %s", file, text, got);
    free(got);
}

TEST(test_patterns)
{
    expect("ssn = [0-9]{3}-[0-9]{2}-[0-9]{4}", "is 123-45-6789.",
           "is [redacted:ssn].");
    expect("# why\n\n  a=x+ \r\n\tb = y\n", "axxy",
           "a[redacted:a][redacted:b]");
    expect("eq = a=b", "a=b", "[redacted:eq]");
    expect("none = q", "text", "text");
    expect("none = q", "", "");
    /* Matches that overlap go as one, whichever pattern comes first in the
     * file. */
    expect("one = bc+\ntwo = abc", "xabccx", "x[redacted:two]x");
    expect("num = [0-9]+\nline = id [0-9]+ of [a-z]+", "id 12 of bob 3",
           "[redacted:line] [redacted:num]");
    expect("a = xy\nb = xy", "xy", "[redacted:a]");
    /* No character is cut in two. */
    expect("any = a.", "a\xc3\xa9z", "[redacted:any]z");
    expect("any = .a",
           "z\xc3\xa9"
           "a",
           "z[redacted:any]");
    expect("any = .", "\xe2\x82\xac\xc3\xa9", "[redacted:any][redacted:any]");
}

TEST(test_ready_made)
{
    static const char *const all = "use email\nuse cards\nuse keys\nuse bearer";

    expect("use email", "to bob.x+1@mail.example.com, now",
           "to [redacted:email], now");
    expect("use email", "a@b, @x.com, b@c.d", "a@b, @x.com, b@c.d");
    expect("use cards", "4111 1111 1111 1111", "[redacted:cards]");
    expect("use cards", "card 4111-1111-1111-1111, cvv 123",
           "card [redacted:cards], cvv 123");
    expect("use cards", "4111111111111111 123", "[redacted:cards] 123");
    expect("use cards", "no 7 4111 1111 1111 1111", "no 7 [redacted:cards]");
    expect("use cards", "378282246310005 5555555555554444",
           "[redacted:cards] [redacted:cards]");
    /* Luhn's sum is wrong; it is part of a longer number; nobody issues it. */
    expect("use cards", "4111 1111 1111 1112", "4111 1111 1111 1112");
    expect("use cards", "41111111111111110000", "41111111111111110000");
    expect("use cards", "1700000000000000000", "1700000000000000000");
    expect("use cards", "0000000000000000", "0000000000000000");
    expect("use keys", "it is sk-abcdefghij1234, really",
           "it is sk-[redacted:keys], really");
    expect("use keys", "password: hunter2", "password: [redacted:keys]");
    expect("use keys", "http://bob:pw@h/", "http://[redacted:keys]@h/");
    expect("use keys", "AKIAABCDEFGHIJKLMNOP", "AKIA[redacted:keys]");
    expect("use keys",
           "password: [redacted:keys] {\"passwd\": \"[redacted:keys]\"}",
           "password: [redacted:keys] {\"passwd\": \"[redacted:keys]\"}");
    expect("use keys", "password: [redacted:other], password: [redacted:keys",
           "password: [redacted:keys]], password: [redacted:keys]");
    expect("use bearer", "Authorization: Bearer abcdef.ghi",
           "Authorization: Bearer [redacted:bearer]");
    expect("use bearer", "a bearer of news", "a bearer of news");
    expect(all, "nothing of it is here", "nothing of it is here");
}

TEST(test_bad_files)
{
    static const struct {
        const char *file;
        size_t line;
    } bad[] = {{"", 0},
               {"# nothing\n\n", 0},
               {"a = x\nb = (", 2},
               {"a = x\n\nuse nothing", 3},
               {"use", 1},
               {"x", 1},
               {"= x", 1},
               {"a b = x", 1},
               {"a = ", 1},
               {"a = x*", 1},
               {"123456789012345678901234567890123 = x", 1},
               {"\xff = x", 1},
               {"a = \\1", 1}};
    struct llmobs_redact_fault fault;
    struct llmobs_redact *redact;
    UNIT_ENDS(llmobs_buf) many;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        ck_assert_msg(parse(bad[i].file, &redact, &fault) == -EINVAL, "%s",
                      bad[i].file);
        ck_assert_ptr_null(redact);
        ck_assert_uint_eq(fault.line, bad[i].line);
        ck_assert_uint_gt(strlen(fault.why), 0);
    }
    llmobs_buf_init(&many, 1 << 20);
    for (int i = 0; i <= LLMOBS_REDACT_MAX; i++)
        llmobs_buf_addf(&many, "p%d = x%d\n", i, i);
    ck_assert_int_eq(parse(many.data, &redact, &fault), -EINVAL);
    ck_assert_uint_eq(fault.line, LLMOBS_REDACT_MAX + 1);
}

/* A text that takes too long is replaced, not let through. */
TEST(test_too_long)
{
    struct llmobs_redact_fault fault;
    struct llmobs_redaction redaction;
    struct llmobs_redact *redact;
    size_t len = 1 << 20;
    char *text = unit_own(malloc(len + 1));
    struct llmobs_buf out;
    bool changed;

    memset(text, 'a', len);
    text[len] = '\0';
    ck_assert_int_eq(parse("slow = a|a.*b", &redact, &fault), 0);
    llmobs_redaction_begin(&redaction, redact);
    llmobs_buf_init(&out, 1 << 24);
    ck_assert_int_eq(llmobs_redaction_text(&redaction,
                                           (struct llmobs_text){text, len},
                                           &out, &changed),
                     0);
    ck_assert(changed && redaction.too_long);
    ck_assert_str_eq(out.data, LLMOBS_REDACTED);
    llmobs_buf_fini(&out);
    llmobs_redaction_end(&redaction);
    llmobs_redact_free(redact);
}

/* A pattern with hundreds of ways at once costs a text no more than the budget
 * of the thread allows: the text is replaced as a whole, soon. */
TEST(test_many_ways_cost_work)
{
    enum { LEN = 1 << 20 };
    struct llmobs_redact_fault fault;
    struct llmobs_redaction redaction;
    struct llmobs_redact *redact;
    UNIT_ENDS(llmobs_buf) out;
    char *text = malloc(LEN);
    bool changed;

    ck_assert_ptr_nonnull(text);
    memset(text, 'a', LEN);
    ck_assert_int_eq(parse("slow = (a|b)*a(a|b){200}c", &redact, &fault), 0);
    llmobs_redaction_begin(&redaction, redact);
    llmobs_buf_init(&out, 1 << 16);
    llmobs_work_begin(LLMOBS_WORK_BODY);
    ck_assert_int_eq(llmobs_redaction_text(&redaction,
                                           (struct llmobs_text){text, LEN},
                                           &out, &changed),
                     0);
    ck_assert_str_eq(out.data, LLMOBS_REDACTED);
    ck_assert_int_eq(llmobs_work_end(), -E2BIG);
    llmobs_redaction_end(&redaction);
    llmobs_redact_free(redact);
    free(text);
}

/* Many texts of an event take no longer than one of their length: what each may
 * take is not counted anew. */
TEST(test_many_texts)
{
    enum { TEXTS = 10000, LEN = 400 };
    struct llmobs_redact_fault fault;
    struct llmobs_redaction redaction;
    struct llmobs_redact *redact;
    unsigned whole = 0;

    ck_assert_int_eq(parse("slow = a|a.*b", &redact, &fault), 0);
    llmobs_redaction_begin(&redaction, redact);
    for (int i = 0; i < TEXTS; i++) {
        char text[LEN + 1];
        UNIT_ENDS(llmobs_buf) out;
        bool changed;

        memset(text, 'a', LEN);
        text[LEN] = '\0';
        llmobs_buf_init(&out, 1 << 16);
        ck_assert_int_eq(llmobs_redaction_text(&redaction,
                                               (struct llmobs_text){text, LEN},
                                               &out, &changed),
                         0);
        whole += strcmp(out.data, LLMOBS_REDACTED) == 0;
    }
    ck_assert_uint_gt(whole, TEXTS / 2);
    llmobs_redaction_end(&redaction);
    llmobs_redact_free(redact);
}
