/* unit - how a unit test file joins the runner: it defines its cases by
 * TEST(name), and is compiled in; there is no list to keep. The suite of
 * test_json.c is `json`: CK_RUN_SUITE=json runs it alone. */
#ifndef LLMOBS_UNIT_H
#define LLMOBS_UNIT_H

#include <stdbool.h>
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

/* So many ms a busy machine may need for an end that no test judges. */
#define UNIT_LONG_MS 60000

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

/* Calls free_it(what) when the case has ended. */
void unit_frees(void *what, void (*free_it)(void *what));

/* Takes `memory`, which malloc gave, and frees it when the case has ended. NULL
 * fails the case. Returns `memory`. */
void *unit_own(void *memory);

/* Of all that the library and the tests allocate on this thread from now on,
 * the n-th fails, and only that; 0: nothing does. */
void unit_memory_ends(long n);

/* True: it has failed. */
bool unit_memory_ended(void);

/* A variable that ends with its block: UNIT_ENDS(llmobs_buf) out; */
#define UNIT_ENDS(type) __attribute__((cleanup(type##_fini))) struct type

/* Frees all that unit_frees and unit_own were given, the last first. */
void unit_free_all(void);

/* A test case; the runner has it. */
struct unit_case {
    const char *name;
    const char *file; /* tests/unit/test_SUITE.c names its suite */
    TFun run;
    int line;
    int from, to; /* the case runs once for each number of from..to-1 */
    SFun set_up, tear_down; /* a fixture alone, with neither name nor run */
};

/* The program adds what it has before main. Borrows `one` for good. */
void unit_add(struct unit_case *one);

/* TEST(name) { ... }: a case, of the suite whose file this is. */
#define TEST(name) TEST_EACH(name, 0, 1)

/* The same for each `_i` from `first` on, below `end`. */
#define TEST_EACH(name, first, end)                                            \
    static void name(int _i);                                                  \
    __attribute__((constructor)) static void name##_joins(void)                \
    {                                                                          \
        static struct unit_case unit_own = {                                   \
            #name, __FILE__, name, __LINE__, (first), (int)(end), NULL, NULL}; \
        unit_add(&unit_own);                                                   \
    }                                                                          \
    static void name(int _i CK_ATTRIBUTE_UNUSED)

/* Once a file, before its cases: `before` and `after` run around each. */
#define UNIT_FIXTURE(before, after)                                      \
    __attribute__((constructor)) static void unit_fixture_joins(void)    \
    {                                                                    \
        static struct unit_case unit_own = {                             \
            .file = __FILE__, .set_up = (before), .tear_down = (after)}; \
        unit_add(&unit_own);                                             \
    }                                                                    \
    struct unit_case

#endif
