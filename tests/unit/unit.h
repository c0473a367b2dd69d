/* unit - how a unit test file joins the runner: it defines its cases with
 * Check and one UNIT_SUITE, and is compiled in; there is no list to keep. */
#ifndef LLMOBS_UNIT_H
#define LLMOBS_UNIT_H

#include <stddef.h>
#include <stdint.h>

#include <check.h>

/* Check tells the parent of each assertion that holds, in case the test dies: a
 * write, and time there which grows with the square of them. Of each place one
 * is enough to say how far the test came. From any thread. */
#define _mark_point(file, line) unit_reached(file, line)
void unit_reached(const char *file, int line);

/* By the monotonic clock, of which start_ns is a reading. */
int64_t unit_ms_since(int64_t start_ns);

#define UNIT_DIRECTORY 64

/* Makes a directory of the test's own, and gives its path. */
void unit_directory(char path[UNIT_DIRECTORY]);

/* With all that it holds. */
void unit_remove(const char *dir);

/* How many names are in it, those with a dot before them aside. */
int unit_entries(const char *dir);

/* How many bytes may be taken for the reading of a body: takes them, and gives
 * them back. */
size_t unit_budget_left(void);

void unit_register(const char *name, Suite *(*make)(void));

/* UNIT_SUITE(json) { Suite *s = suite_create("json"); ...; return s; }
 * Twice the same name: it is how one suite is run (CK_RUN_SUITE). */
#define UNIT_SUITE(name)                                            \
    static Suite *unit_suite_##name(void);                          \
    __attribute__((constructor)) static void unit_join_##name(void) \
    {                                                               \
        unit_register(#name, unit_suite_##name);                    \
    }                                                               \
    static Suite *unit_suite_##name(void)

/* Adds one test case of its own name. */
#define UNIT_TEST(suite, function)                  \
    do {                                            \
        TCase *unit_case = tcase_create(#function); \
        tcase_set_timeout(unit_case, 1200);         \
        tcase_add_test(unit_case, function);        \
        suite_add_tcase(suite, unit_case);          \
    } while (0)

#endif
