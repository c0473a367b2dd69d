/* Runs every registered suite, one forked process a test (CK_FORK=no: in one
 * process, so that a sanitizer's first finding ends the run).
 *
 * usage: unit           CK_RUN_SUITE=NAME: that one alone
 *        unit --list    their names (tests/unit/run runs several at a time)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define SUITES_MAX 256

static struct {
    const char *name;
    Suite *(*make)(void);
} suites[SUITES_MAX];
static size_t suite_count;

void unit_register(const char *name, Suite *(*make)(void))
{
    if (suite_count == SUITES_MAX) {
        fprintf(stderr, "too many suites\n");
        exit(2);
    }
    suites[suite_count].name = name;
    suites[suite_count++].make = make;
}

static int list(void)
{
    for (size_t i = 0; i < suite_count; i++)
        puts(suites[i].name);
    return 0;
}

static int run(void)
{
    SRunner *runner = srunner_create(NULL);
    int ran, failed;

    for (size_t i = 0; i < suite_count; i++)
        srunner_add_suite(runner, suites[i].make());
    srunner_run_all(runner, CK_NORMAL);
    ran = srunner_ntests_run(runner);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    printf("%d passed, %d failed\n", ran - failed, failed);
    return ran == 0 || failed != 0;
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return run();
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list();
    fprintf(stderr, "usage: %s [--list]\n", argv[0]);
    return 2;
}
