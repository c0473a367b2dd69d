/* Tests patterns of LLMOBS_EXCLUDE. */
#include "lib/base/glob.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static const struct {
    const char *list;
    const char *path;
    bool covers;
} rows[] = {
    {"", "/usr/bin/php", false},
    {"php", "/usr/bin/php", true},
    {"php", "php", true},
    {"php", "/usr/bin/php8.2", false},
    {"php", "/opt/php/bin/tool", false},
    {"PHP", "/usr/bin/php", false},
    {"php*", "/usr/bin/php8.2", true},
    {"*", "/usr/bin/php8.2", true},
    {"**", "/usr/bin/php8.2", true},
    {"*2", "/usr/bin/php8.2", true},
    {"p*p*2", "/usr/bin/php8.2", true},
    {"p*3", "/usr/bin/php8.2", false},
    {"ph?", "/usr/bin/php", true},
    {"php?", "/usr/bin/php", false},
    {"/usr/bin/php", "/usr/bin/php", true},
    {"bin/php", "/usr/bin/php", false},
    {"*/bin/php", "/usr/bin/php", true},
    {"/opt/*", "/opt/vendor/bin/agent", true},
    {"/opt/*", "/usr/opt/agent", false},
    {"python3.[0-9]", "/usr/bin/python3.9", true},
    {"python3.[0-9]", "/usr/bin/python3.x", false},
    {"python3.[0-9]*", "/usr/bin/python3.11", true},
    {"[!p]*", "/usr/bin/php", false},
    {"[!a-oq-z]hp", "/usr/bin/php", true},
    {"[]a]", "/bin/]", true},
    {"[a-]", "/bin/-", true},
    {"[", "/usr/bin/[", true},
    {"[ab", "/usr/bin/[ab", true},
    {"[ab", "/usr/bin/a", false},
    {"[!", "/usr/bin/[!", true},
    {"[]", "/usr/bin/[]", true},
    {"git,curl", "/usr/bin/curl", true},
    {" git , curl ", "/usr/bin/curl", true},
    {"git\t,\tcurl", "/usr/bin/git", true},
    {",,", "/usr/bin/curl", false},
    {" , ,", "", false},
    {"git,,", "/usr/bin/git", true},
    {"my tool", "/opt/my tool", true},
    {"curl/", "/usr/bin/curl", false},
    {"*", "", true},
    {"?", "", false},
    {"a", "/", false},
};

TEST(test_glob_rows)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(llmobs_glob_listed(rows[i].list, rows[i].path) ==
                          rows[i].covers,
                      "\"%s\" for \"%s\"", rows[i].list, rows[i].path);
}

/* Every cut of a pattern of all kinds is read within its bytes. */
TEST(test_glob_cuts)
{
    static const char whole[] = "[!a-c]*?[]-x],*[z-,/opt/[";

    for (size_t len = 0; len < sizeof whole; len++) {
        char *list = strndup(whole, len);

        ck_assert_ptr_nonnull(list);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            (void)llmobs_glob_listed(list, rows[i].path);
        free(list);
    }
}
