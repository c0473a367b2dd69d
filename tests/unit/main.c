/* Runs every registered suite, one forked process a test (CK_FORK=no: in one
 * process, so that a sanitizer's first finding ends the run).
 *
 * usage: unit           CK_RUN_SUITE=NAME: that one alone
 *        unit --list    their names (tests/unit/run runs several at a time)
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/theirs.h"
#include "tests/unit/unit.h"

#define CASES_MAX 4096
#define TIMEOUT_S 1200

static struct unit_case *cases[CASES_MAX];
static size_t case_count;
static TTest tests[CASES_MAX]; /* Check borrows them */
static size_t test_count;

void unit_add(struct unit_case *one)
{
    if (case_count == CASES_MAX) {
        fprintf(stderr, "too many cases\n");
        exit(2);
    }
    cases[case_count++] = one;
}

/* "json" of ".../test_json.c". Check keeps the pointer. */
static const char *suite_name(const struct unit_case *one)
{
    static char names[16 * 1024];
    static size_t used;
    const char *base = strrchr(one->file, '/');
    char *name = names + used;
    size_t len;

    base = base ? base + 1 : one->file;
    if (strncmp(base, "test_", 5) == 0)
        base += 5;
    len = strcspn(base, ".");
    if (len >= sizeof(names) - used)
        exit(2);
    memcpy(name, base, len); /* a NUL follows, as in all that is static */
    used += len + 1;
    return name;
}

static bool begins_suite(size_t i)
{
    return i == 0 || strcmp(cases[i]->file, cases[i - 1]->file) != 0;
}

static int list(void)
{
    for (size_t i = 0; i < case_count; i++)
        if (begins_suite(i))
            puts(suite_name(cases[i]));
    return 0;
}

static void add_case(Suite *suite, const struct unit_case *one,
                     const struct unit_case *fixture)
{
    TCase *c = tcase_create(one->name);

    tests[test_count] = (TTest){one->name, one->run, one->file, one->line};
    tcase_add_checked_fixture(c, NULL, unit_free_all);
    if (fixture)
        tcase_add_checked_fixture(c, fixture->set_up, fixture->tear_down);
    tcase_set_timeout(c, TIMEOUT_S);
    tcase_add_loop_test(c, &tests[test_count++], one->from, one->to);
    suite_add_tcase(suite, c);
}

static int run(void)
{
    SRunner *runner = srunner_create(NULL);
    const struct unit_case *fixture = NULL;
    Suite *suite = NULL;
    int ran, failed;

    for (size_t i = 0; i < case_count; i++) {
        struct unit_case *one = cases[i];

        if (begins_suite(i)) {
            suite = suite_create(suite_name(one));
            srunner_add_suite(runner, suite);
            fixture = NULL;
        }
        if (one->run)
            add_case(suite, one, fixture);
        else
            fixture = one;
    }
    srunner_run_all(runner, CK_NORMAL);
    ran = srunner_ntests_run(runner);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    printf("%d passed, %d failed\n", ran - failed, failed);
    return ran == 0 || failed != 0;
}

#define X(name) extern const char name[] __attribute__((weak));
LLMOBS_THEIRS_PHP(X)
LLMOBS_THEIRS_RUBY(X)
LLMOBS_THEIRS_PERL(X)
LLMOBS_THEIRS_PYTHON(X)
#undef X

/* The names that the tests define themselves. */
static void *find(const char *name)
{
#define X(one)                   \
    if (strcmp(name, #one) == 0) \
        return (void *)(uintptr_t)one;
    LLMOBS_THEIRS_PHP(X)
    LLMOBS_THEIRS_RUBY(X)
    LLMOBS_THEIRS_PERL(X)
    LLMOBS_THEIRS_PYTHON(X)
#undef X
    return NULL;
}

int main(int argc, char **argv)
{
    llmobs_theirs_find(find);
    if (argc == 1)
        return run();
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list();
    fprintf(stderr, "usage: %s [--list]\n", argv[0]);
    return 2;
}
