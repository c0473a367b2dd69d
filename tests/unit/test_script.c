/* Tests the script of a command line. */
#include "lib/base/script.h"

#include <string.h>

#include "tests/unit/unit.h"

#define OTHER LLMOBS_SCRIPT_OTHER
#define FILE_ LLMOBS_SCRIPT_FILE
#define CODE LLMOBS_SCRIPT_CODE
#define TOOL LLMOBS_SCRIPT_TOOL

/* '|' stands for the NUL between two words. */
static const struct {
    const char *words;
    enum llmobs_script kind;
    const char *path;
} rows[] = {
    {"", OTHER, ""},
    {"|", OTHER, ""},
    {"curl|-s|x.sh", OTHER, ""},
    {"/usr/local/bin/app|x.py", OTHER, ""},
    {"bash|/srv/job.sh|--key|k", FILE_, "/srv/job.sh"},
    {"/bin/bash|-eu|-o|pipefail|job.sh", FILE_, "job.sh"},
    {"bash|+x|job.sh", FILE_, "job.sh"},
    {"bash|--rcfile|rc|job.sh", FILE_, "job.sh"},
    {"bash|--norc|job.sh", FILE_, "job.sh"},
    {"-bash", OTHER, ""},
    {"-bash|job.sh", FILE_, "job.sh"},
    {"bash", OTHER, ""},
    {"bash|-s|x", CODE, "x"},
    {"sh|-c|curl x|name", CODE, "curl x"},
    {"sh|-ec|curl x", CODE, "curl x"},
    {"sh|-c", OTHER, ""},
    {"sh|-c|", OTHER, ""},
    {"sh|--|job", FILE_, "job"},
    {"sh|-", OTHER, ""},
    {"python3|job.py", FILE_, "job.py"},
    {"python3.11|-u|-X|dev|-W|ignore|job.py|-c|x", FILE_, "job.py"},
    {"python3|-Wignore|job.py", FILE_, "job.py"},
    {"python3|-m|pkg.mod|x.py", FILE_, "pkg.mod"},
    {"python3|-mpkg", FILE_, "pkg"},
    {"python3|-c|import x", CODE, "import x"},
    {"php|-d|a=b|page.php", FILE_, "page.php"},
    {"php8.2|-f|page.php", FILE_, "page.php"},
    {"php|-r|echo 1;", CODE, "echo 1;"},
    {"php-fpm: pool www", OTHER, ""},
    {"perl|-Ilib|-w|job.pl", FILE_, "job.pl"},
    {"perl|-MCarp|-ne|print|x", CODE, "print"},
    {"perl|-i.bak|-pe|s/a/b/|x", CODE, "s/a/b/"},
    {"perl|-nle|print|x", CODE, "print"},
    {"perl|-F:|-l012ane|print|x", CODE, "print"},
    {"perl|-0777ne|print|x", CODE, "print"},
    {"perl|-CSDe|print", CODE, "print"},
    {"perl|-I|lib|job.pl", FILE_, "job.pl"},
    {"ruby|-0ne|p|x", CODE, "p"},
    {"ruby|-W0|-T1|job.rb", FILE_, "job.rb"},
    {"ruby|-W:no-deprecated|job.rb", FILE_, "job.rb"},
    {"php|--run|echo", CODE, "echo"},
    {"php|--php-ini|x.ini|page.php", FILE_, "page.php"},
    {"node|--eval|f()", CODE, "f()"},
    {"node|--require|x.js|job.js", FILE_, "job.js"},
    {"emacs|-batch|-eval|(f)|-l|a.el", CODE, "(f)"},
    {"octave|--eval|f()", CODE, "f()"},
    {"fish|--command|f", CODE, "f"},
    {"awk|{print}|x", CODE, "{print}"},
    {"awk|-F,|-v|a=b|{print}|x", CODE, "{print}"},
    {"gawk|-e|{print}|x", CODE, "{print}"},
    {"bash|/dev/fd/63|x", OTHER, ""},
    {"sh|/dev/stdin", OTHER, ""},
    {"python3|/proc/self/fd/3", OTHER, ""},
    {"bash|/dev/shm/job.sh", FILE_, "/dev/shm/job.sh"},
    {"ruby|-rjson|-Ilib|job.rb", FILE_, "job.rb"},
    {"ruby|-e|p 1", CODE, "p 1"},
    {"lua5.4|-l|x|job.lua", FILE_, "job.lua"},
    {"/usr/lib/R/bin/exec/R|--no-echo|--no-restore|--file=a.R", FILE_, "a.R"},
    {"R|-f|a.R", FILE_, "a.R"},
    {"Rscript|a.R", FILE_, "a.R"},
    {"emacs|--batch|-l|a.el", FILE_, "a.el"},
    {"awk|-f|a.awk|x", FILE_, "a.awk"},
    {"awk|-F|:|-v|a=b|-f|a.awk", FILE_, "a.awk"},
    {"awk|{print}|x", CODE, "{print}"},
    {"gawk|--|{print}|x", CODE, "{print}"},
    {"node|--eval|f('k')", CODE, "f('k')"},
    {"node|--eval=f('k')|a.js", FILE_, "a.js"},
    {"node|--require|x|a.js", FILE_, "a.js"},
    {"php|--run|f('k');", CODE, "f('k');"},
    {"fish|--command|f", CODE, "f"},
    {"fish|--command", OTHER, ""},
    {"timeout|5|curl|x", TOOL, ""},
    {"sudo|-u|x|sh|job.sh", TOOL, ""},
    {"make|report", TOOL, ""},
};

TEST(reads)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char text[128];
        size_t len = strlen(rows[i].words);
        struct llmobs_text path;
        enum llmobs_script kind;

        for (size_t k = 0; k <= len; k++)
            text[k] = rows[i].words[k] == '|' ? '\0' : rows[i].words[k];
        kind = llmobs_script_read((struct llmobs_text){text, len + (len > 0)},
                                  &path);
        ck_assert_msg(
            kind == rows[i].kind && llmobs_text_is(path, rows[i].path),
            "%s: %d, %.*s", rows[i].words, kind, (int)path.len, path.data);
        /* Cut anywhere, and without its last NUL, it is read as well. */
        for (size_t cut = 0; cut <= len; cut++)
            (void)llmobs_script_read((struct llmobs_text){text, cut}, &path);
    }
}

TEST(bases)
{
    static const char *const names[][2] = {
        {"job.py", "job"},
        {"/srv/x/job.sh", "job"},
        {"job", "job"},
        {"a.b.php", "a.b"},
        {".sh", ".sh"},
        {"pkg.mod", "pkg.mod"},
        {"/srv/", ""},
        {"", ""},
        {"x.tar.gz", "x.tar.gz"},
        {"report.R", "report"},
        {"long.suffixxxx", "long.suffixxxx"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct llmobs_text base =
            llmobs_script_base(llmobs_text_of(names[i][0]));

        ck_assert_msg(llmobs_text_is(base, names[i][1]), "%s: %.*s",
                      names[i][0], (int)base.len, base.data);
    }
}

TEST(servers)
{
    static const struct {
        const char *words;
        bool serves;
    } lines[] = {
        {"php-fpm: pool www|", true},
        {"/usr/sbin/apache2|-k|start|", true},
        {"nginx: worker process|", true},
        {"/usr/bin/python3|/usr/bin/gunicorn|a:b|", true},
        {"python3|-m|celery|worker|", true},
        {"php8.2|-S|127.0.0.1:8000|", true},
        {"php|/srv/shop/cron.php|", false},
        {"python3|celery_report.py|", false},
        {"bash|init.sh|nginx|", false},
        {"curl|-S|http://nginx|", false},
        {"", false},
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        size_t len = strlen(lines[i].words);
        struct llmobs_text words, script;
        enum llmobs_script kind;
        char text[100];

        for (size_t k = 0; k <= len; k++)
            text[k] = lines[i].words[k] == '|' ? '\0' : lines[i].words[k];
        words = (struct llmobs_text){text, len};
        kind = llmobs_script_read(words, &script);
        ck_assert_msg(llmobs_script_serves(words, kind, script) ==
                          lines[i].serves,
                      "%s", lines[i].words);
    }
}

TEST(languages)
{
    static const char *const programs[][2] = {
        {"/usr/bin/python3.11", "python"},
        {"/srv/app/venv/bin/python", "python"},
        {"pypy3.10", "python"},
        {"/usr/bin/node", "javascript"},
        {"nodejs", "javascript"},
        {"/usr/local/bin/bun", "javascript"},
        {"deno", "javascript"},
        {"/opt/bin/claude.exe", "javascript"},
        {"/usr/bin/ruby3.1", "ruby"},
        {"/usr/sbin/php-fpm8.2", "php"},
        {"php8.2", "php"},
        {"php-cgi8.2", "php"},
        {"/usr/bin/perl", "perl"},
        {"perl5.36-x86_64-linux-gnu", "perl"},
        {"luajit", "lua"},
        {"/usr/lib/R/bin/exec/R", "r"},
        {"tclsh8.6", "tcl"},
        {"emacs-nox", "elisp"},
        {"/usr/lib/jvm/java-17-openjdk-amd64/bin/java", "java"},
        {"/usr/bin/curl", NULL},
        {"bash", NULL},
        {"gawk", NULL},
        {"/srv/node/agent", NULL},
        {"phpstorm", NULL},
        {"nodemon.sh", NULL},
        {"bunzip2", NULL},
        {"perlbug", NULL},
        {"", NULL},
    };

    for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
        const char *is = llmobs_script_language(programs[i][0]);

        ck_assert_msg(!is == !programs[i][1] &&
                          (!is || strcmp(is, programs[i][1]) == 0),
                      "%s: %s", programs[i][0], is ? is : "none");
    }
}

TEST(homes)
{
    static const char *const homes_of[][3] = {
        {"/srv/ada/x.sh", "/srv/ada", "/x.sh"},
        {"/srv/ada/x.sh", NULL, NULL},
        {"/srv/ada/x.sh", "/srv/ada//", "/x.sh"},
        {"/home"
         "//bob/x.sh",
         NULL, "/x.sh"},
        {"/srv/ada/x.sh", "/srv/ada//", "/x.sh"},
        {"/home"
         "//bob/x.sh",
         NULL, "/x.sh"},
        {"/srv/adam/x.sh", "/srv/ada", NULL},
        {"/srv/ada", "/srv/ada", NULL},
        {"/home"
         "/bob/a/x.sh",
         "/srv/ada", "/a/x.sh"},
        {"/home"
         "/bob/x.sh",
         "/home"
         "/bo",
         "/x.sh"},
        {"/home"
         "/bob",
         NULL, NULL},
        {"/home/", NULL, NULL},
        {"/root"
         "/x.sh",
         NULL, "/x.sh"},
        {"/rooted/x.sh", NULL, NULL},
        {"/x.sh", "/", NULL},
        {"", "", NULL},
    };

    for (size_t i = 0; i < sizeof(homes_of) / sizeof(*homes_of); i++) {
        struct llmobs_text path = llmobs_text_of(homes_of[i][0]);
        const char *left = homes_of[i][2] ? homes_of[i][2] : homes_of[i][0];

        ck_assert_int_eq(llmobs_script_cut_home(&path, homes_of[i][1]),
                         homes_of[i][2] != NULL);
        ck_assert_msg(llmobs_text_is(path, left), "%s: %.*s", homes_of[i][0],
                      (int)path.len, path.data);
    }
}
