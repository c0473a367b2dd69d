/* Which pid namespaces have processes, from a /proc made of links. */
#include "core/log/live_namespaces.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define FIRST "pid:[4026531836]"
#define FIRST_NUMBER UINT64_C(4026531836)

static char proc[UNIT_DIRECTORY];

/* A process; without a link where `link` is NULL. */
static void add(const char *pid, const char *link)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", proc, pid);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/%s/ns", proc, pid);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/%s/ns/pid", proc, pid);
    if (link != NULL)
        ck_assert_int_eq(symlink(link, path), 0);
}

TEST(lists_each_once)
{
    struct llmobs_live_namespaces living;
    int64_t old;

    unit_directory(proc);
    add("self", FIRST);
    add("1", FIRST);
    add("20", "pid:[4026532001]");
    add("21", "pid:[4026532001]");
    add("30", NULL); /* has ended */
    add("version", "pid:[7]");
    ck_assert_int_eq(llmobs_live_namespaces_read(proc, &living), 0);
    unit_remove(proc);
    ck_assert_uint_eq(living.count, 2);
    old = living.before_s - 1;
    ck_assert(!llmobs_live_namespaces_lacks(&living, FIRST_NUMBER, old));
    ck_assert(!llmobs_live_namespaces_lacks(&living, 4026532001, old));
    ck_assert(llmobs_live_namespaces_lacks(&living, 4026532002, old));
    /* A process that is new, or of an unknown namespace, may live. */
    ck_assert(
        !llmobs_live_namespaces_lacks(&living, 4026532002, living.before_s));
    ck_assert(!llmobs_live_namespaces_lacks(&living, 0, old));
    llmobs_live_namespaces_free(&living);
    ck_assert(!llmobs_live_namespaces_lacks(&living, 4026532002, old));
}

static void refuses(const char *self, const char *other)
{
    struct llmobs_live_namespaces living;

    unit_directory(proc);
    add("self", self);
    add("1", other);
    ck_assert_int_ne(llmobs_live_namespaces_read(proc, &living), 0);
    unit_remove(proc);
    ck_assert_ptr_null(living.list);
    ck_assert(!llmobs_live_namespaces_lacks(&living, 4026532002, 0));
}

TEST(knows_what_it_does_not_see)
{
    struct llmobs_live_namespaces living;

    refuses("pid:[4026532001]", FIRST); /* in a container */
    refuses(NULL, FIRST);
    refuses(FIRST, "mnt:[4026531836]");
    refuses(FIRST, "pid:[x]");
    refuses(FIRST, "pid:[4026531836]more");
    refuses(FIRST, "pid:[0]");
    ck_assert_int_eq(llmobs_live_namespaces_read("/nowhere", &living), -ENOENT);
    ck_assert_ptr_null(living.list);
}
