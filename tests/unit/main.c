/* Runs every registered suite, one forked process a test (CK_FORK=no: in one
 * process, so that a sanitizer's first finding ends the run). */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

#define SUITES_MAX 64

static Suite *(*makers[SUITES_MAX])(void);
static size_t maker_count;

void unit_register(Suite *(*make)(void))
{
    if (maker_count == SUITES_MAX) {
        fprintf(stderr, "too many suites\n");
        exit(2);
    }
    makers[maker_count++] = make;
}

int main(void)
{
    SRunner *runner = srunner_create(NULL);
    int ran, failed;

    for (size_t i = 0; i < maker_count; i++)
        srunner_add_suite(runner, makers[i]());
    srunner_run_all(runner, CK_NORMAL);
    ran = srunner_ntests_run(runner);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    printf("%d passed, %d failed\n", ran - failed, failed);
    return ran == 0 || failed != 0;
}
