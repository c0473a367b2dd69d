/* The configuration file. Its limits matter as much as its work:
 * hang, leak a line of it, or beat the environment. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/config/config.h"
#include "tests/unit/config_case.h"
#include "tests/unit/unit.h"

static char path[] = "/tmp/llmobs-conf-XXXXXX";
static char named[64];

static void write_file(const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    close(fd);
}

static void set_up(void)
{
    int fd;

    strcpy(path + strlen(path) - 6, "XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    snprintf(named, sizeof(named), "LLMOBS_CONFIG=%s", path);
}

static void tear_down(void)
{
    unlink(path);
}

static const struct {
    const char *text;
    const char *version; /* NULL: unset */
    int complaints;
} lines[] = {
    {"", NULL, 0},
    {"\n\n \t\n# DD_VERSION=no\n   #x\n", NULL, 0},
    {"DD_VERSION=a", "a", 0},
    {"DD_VERSION=a\n", "a", 0},
    {"DD_VERSION=a\r\n", "a", 0},
    {"  DD_VERSION \t= a b \t\n", "a b", 0},
    {"DD_VERSION=\"a b\"\n", "a b", 0},
    {"DD_VERSION=' a '\n", " a ", 0},
    {"DD_VERSION='a\"b'\n", "a\"b", 0},
    {"DD_VERSION=a # b\n", "a # b", 0},
    {"DD_VERSION=a=b\n", "a=b", 0},
    {"DD_VERSION=\n", NULL, 0},
    {"DD_VERSION=\"\"\n", NULL, 0},
    {"DD_VERSION=a\nDD_VERSION=b\n", "b", 0},
    {"DD_VERSION=a\nDD_VERSION=\n", NULL, 0},
    {"DD_VERSION=\"a\n", NULL, 1},
    {"DD_VERSION=\"\n", NULL, 1},
    {"DD_VERSION='a\"\n", NULL, 1},
    {"DD_VERSION='a'b'\n", NULL, 1},
    {"export DD_VERSION=a\n", "a", 0},
    {" export \t DD_VERSION = 'a' \n", "a", 0},
    {"export DD_VERSION='a b'\n", "a b", 0},
    {"DD_VERSION=a\nexport DD_VERSION=b DD_ENV=c\n", "a", 1},
    {"export DD_VERSION=b # c\n", NULL, 1},
    {"exportDD_VERSION=a\n", NULL, 1},
    {"export export DD_VERSION=a\n", NULL, 1},
    {"export DD_VERSION\n", NULL, 1},
    {"export =a\n", NULL, 1},
    {"declare DD_VERSION=a\n", NULL, 1},
    {"DD_VERSION\n", NULL, 1},
    {"=a\n", NULL, 1},
    {"1DD_VERSION=a\n", NULL, 1},
    {"DD-SERVICE=a\n", NULL, 1},
    {"dd_version=a\n", NULL, 1},
    {"PATH=/x\nDD_VERSION=a\n", "a", 1},
    {"DD_VERSION=a\n" SECRET "\n", "a", 1},
    {"LLMOBS_NO_SUCH=" SECRET "\nDD_VERSION=a\n", "a", 1},
    {"LLMOBS_CONFIG=/other\nDD_VERSION=a\n", "a", 1},
    {"DD_PROFILING_ENABLED=1\nDD_VERSION=a\n", "a", 0},
    {"\xef\xbb\xbf"
     "DD_VERSION=a\n",
     "a", 0},
};

UNIT_FIXTURE(set_up, tear_down);

TEST(lines_as_documented)
{
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        struct llmobs_config *c;

        write_file(lines[i].text, strlen(lines[i].text));
        c = LOAD(named);
        if (lines[i].version)
            ck_assert_msg(c->version &&
                              strcmp(c->version, lines[i].version) == 0,
                          "%s: %s", lines[i].text, c->version);
        else
            ck_assert_msg(!c->version, "%s: %s", lines[i].text, c->version);
        ck_assert_msg(complaint_count == lines[i].complaints, "%s: %s",
                      lines[i].text, complaints);
    }
}

TEST(a_bad_line_is_told_by_its_number)
{
    static const char text[] = "# one\nDD_ENV=e\n\n" SECRET "\nDD_SERVICE=s";
    struct llmobs_config *c;
    char want[128];

    write_file(text, sizeof(text) - 1);
    c = LOAD(named);
    ck_assert_str_eq(c->env, "e");
    ck_assert_str_eq(c->service, "s");
    snprintf(want, sizeof(want), "LLMOBS_CONFIG: %s: line 4: ", path);
    ck_assert_int_eq(complaint_count, 1);
    ck_assert_msg(strstr(complaints, want) == complaints, "%s", complaints);
}

TEST(the_environment_wins_by_variable)
{
    static const char text[] = "DD_SERVICE=file\nDD_ENV=file\n"
                               "DD_LLMOBS_ENABLED=1\nLLMOBS_THREAD=off\n"
                               "LLMOBS_STORE_MAX=65536\nDD_API_KEY='k'\n"
                               "SSL_CERT_FILE=/f\n";
    struct llmobs_config *c;

    write_file(text, sizeof(text) - 1);
    c = LOAD("DD_SERVICE=env", "DD_ENV=", "DD_LLMOBS_ENABLED=false", named);
    ck_assert_str_eq(c->service, "env");
    ck_assert_str_eq(c->env, "file");
    ck_assert(!c->enabled);
    ck_assert(!c->thread);
    ck_assert_int_eq(c->store_max, 65536);
    ck_assert_str_eq(c->api_key, "k");
    ck_assert_str_eq(c->ca_file, "/f");
    ck_assert_int_eq(complaint_count, 0);
    c = LOAD(named);
    ck_assert(c->enabled);
}

/* A bad value of the environment falls back on the default, not on the file:
 * what stands in the environment has been said. */
TEST(a_bad_value_hides_the_file)
{
    static const char text[] = "LLMOBS_STORE_MAX=65536\nLLMOBS_LOG_LEVEL=x\n";
    struct llmobs_config *c;

    write_file(text, sizeof(text) - 1);
    c = LOAD("LLMOBS_STORE_MAX=1", named);
    ck_assert_int_eq(c->store_max, 268435456);
    ck_assert_int_eq(complaint_count, 2);
}

/* A setting that belongs to one process would make one trace of a whole
 * machine. */
TEST(no_parent_and_no_home_from_a_file)
{
    static const char text[] = "TRACEPARENT=tp\nTRACESTATE=ts\nBAGGAGE=b\n"
                               "HTTP_TRACEPARENT=h\nHOME=/h\n"
                               "HTTP_X_DATADOG_TRACE_ID=1\n"
                               "XDG_STATE_HOME=/x\n";
    struct llmobs_config *c;

    write_file(text, sizeof(text) - 1);
    c = LOAD(named);
    ck_assert_ptr_null(c->carrier.traceparent);
    ck_assert_ptr_null(c->carrier.tracestate);
    ck_assert_ptr_null(c->carrier.baggage);
    ck_assert_ptr_null(c->carrier.x_datadog_trace_id);
    ck_assert_ptr_null(c->home);
    ck_assert_ptr_null(c->xdg_state_home);
    ck_assert_int_eq(complaint_count, 7);
}

TEST(what_is_no_file_is_told_when_named)
{
    struct llmobs_config *c;

    unlink(path);
    c = LOAD(named);
    ck_assert_int_eq(complaint_count, 1);
    ck_assert_ptr_nonnull(strstr(complaints, "No such file"));
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    c = LOAD(named);
    ck_assert_int_eq(complaint_count, 2);
    ck_assert_ptr_nonnull(strstr(complaints, "regular"));
    c = LOAD("LLMOBS_CONFIG=/dev/zero");
    ck_assert_int_eq(complaint_count, 2);
    c = LOAD("LLMOBS_CONFIG=/tmp");
    ck_assert_int_eq(complaint_count, 2);
    /* Its size is not that of its text, as of a file that others write. */
    c = LOAD("LLMOBS_CONFIG=/proc/self/status");
    ck_assert_int_eq(complaint_count, 2);
    ck_assert_int_eq(c->privacy.content, LLMOBS_CONTENT_OFF);
}

TEST(a_file_has_a_size)
{
    size_t max = 65536;
    char *text = unit_own(malloc(max + 1));
    struct llmobs_config *c;

    memset(text, '\n', max + 1);
    memcpy(text + max - 12, "DD_SERVICE=a", 12);
    write_file(text, max);
    c = LOAD(named);
    ck_assert_str_eq(c->service, "a");
    ck_assert_int_eq(complaint_count, 0);
    write_file(text, max + 1);
    c = LOAD(named);
    ck_assert_ptr_null(c->service);
    ck_assert_int_eq(complaint_count, 2);
    ck_assert_int_eq(c->privacy.content, LLMOBS_CONTENT_OFF);
}

/* At the ends of a line as in it: the shim says no to such a line too. */
TEST(a_nul_makes_a_bad_line)
{
    static const char text[] = "DD_VERSION=a\0\n\0DD_ENV=e\nDD_SERVICE=s\0s\n";
    struct llmobs_config *c;

    write_file(text, sizeof(text) - 1);
    c = LOAD(named);
    ck_assert_ptr_null(c->version);
    ck_assert_ptr_null(c->env);
    ck_assert_ptr_null(c->service);
    ck_assert_int_eq(complaint_count, 4);
    ck_assert_int_eq(c->privacy.content, LLMOBS_CONTENT_OFF);
}

/* One complaint stays one line of the log. */
TEST(complaints_are_one_line)
{
    LOAD("DD_LLMOBS_ML_APP=a\nb\x1b[31m", "DD_TRACE_PROPAGATION_STYLE=x\ny",
         "LLMOBS_CONFIG=/no\nsuch");

    ck_assert_int_eq(complaint_count, 3);
    ck_assert_ptr_null(strchr(complaints, 27));
    for (char *at = complaints; *at; at++)
        complaint_count -= *at == '\n';
    ck_assert_int_eq(complaint_count, 0);
}

static const struct {
    const char *text;
    size_t len;
    bool off;
} closed[] = {
#define FILE_OF(text, off)          \
    {                               \
        text, sizeof(text) - 1, off \
    }
    FILE_OF("LLMOBS_CONTENT=off\n", true),
    FILE_OF("LLMOBS_CONTENT=off", true),
    FILE_OF("LLMOBS_CONTENT=OFF\r\n", true),
    FILE_OF("LLMOBS_CONTENT='off'\n", true),
    FILE_OF("LLMOBS_CONTENT=of\n", true),
    FILE_OF("LLMOBS_CONTENT=off # for all\n", true),
    FILE_OF("\xef\xbb\xbfLLMOBS_CONTENT=off\n", true),
    FILE_OF("export LLMOBS_CONTENT=off\n", true),
    FILE_OF("export DD_ENV=a LLMOBS_CONTENT=off\n", true),
    FILE_OF("LLMOBS_CONTENT: off\n", true),
    FILE_OF("LLMOBS_CONTENT=\"off\n", true),
    FILE_OF("llmobs_content=off\n", true),
    FILE_OF("\xc2\xa0LLMOBS_CONTENT=off\n", true),
    FILE_OF("DD_ENV=a\rLLMOBS_CONTENT=off\r", true),
    FILE_OF("export LLMOBS_REDACT=/x\n", true),
    FILE_OF("LLMOBS_REDACT=/no/such/file\n", true),
    FILE_OF("LLMOBS_REDACT=/dev/null\n", true),
    FILE_OF("D\0D\0_\0E\0N\0V\0=\0a\0\n\0", true),
    FILE_OF("\xff\xfeL\0L\0M\0O\0B\0S\0\n\0", true),
    FILE_OF("# LLMOBS_CONTENT=off\n", false),
    FILE_OF("export DD_ENV=a\n", false),
    FILE_OF("LLMOBS_CONTENT=off\nLLMOBS_CONTENT=full\n", false),
#undef FILE_OF
};

TEST(a_setting_of_content_that_is_unread_closes)
{
    for (size_t i = 0; i < sizeof(closed) / sizeof(*closed); i++) {
        struct llmobs_config *c;

        write_file(closed[i].text, closed[i].len);
        c = LOAD(named);
        ck_assert_msg((c->privacy.content == LLMOBS_CONTENT_OFF) ==
                          closed[i].off,
                      "%s: %s", closed[i].text, complaints);
    }
}

/* The file cannot change what the environment says; it may name patterns. */
TEST(the_environment_opens_what_a_file_closes)
{
    static const char pattern[] = "use keys\n";
    char redact[64];
    struct llmobs_config *c;

    snprintf(redact, sizeof(redact), "LLMOBS_REDACT=%s", path);
    write_file(pattern, sizeof(pattern) - 1);
    c = LOAD("LLMOBS_CONFIG=/tmp", "LLMOBS_CONTENT=full");
    ck_assert_int_eq(c->privacy.content, LLMOBS_CONTENT_OFF);
    c = LOAD("LLMOBS_CONFIG=/tmp", redact);
    ck_assert_int_eq(c->privacy.content, LLMOBS_CONTENT_OFF);
    c = LOAD("LLMOBS_CONFIG=/tmp", "LLMOBS_CONTENT=full", redact);
    ck_assert_int_eq(c->privacy.content, LLMOBS_CONTENT_FULL);
    ck_assert_ptr_nonnull(c->privacy.redact);
    ck_assert_int_eq(c->request_tags, LLMOBS_REQUEST_TAGS_OFF);
    c = LOAD("LLMOBS_CONFIG=/tmp", "LLMOBS_REQUEST_TAGS=plain", redact);
    ck_assert_int_eq(c->request_tags, LLMOBS_REQUEST_TAGS_OFF);
    c = LOAD("LLMOBS_CONFIG=/tmp", "LLMOBS_CONTENT=full",
             "LLMOBS_REQUEST_TAGS=hash", redact);
    ck_assert_int_eq(c->request_tags, LLMOBS_REQUEST_TAGS_OFF);
    c = LOAD("LLMOBS_CONFIG=/tmp", "LLMOBS_CONTENT=full", "LLMOBS_HASH_KEY=k",
             "LLMOBS_REQUEST_TAGS=hash", redact);
    ck_assert_int_eq(c->request_tags, LLMOBS_REQUEST_TAGS_HASH);
    c = LOAD("LLMOBS_CONFIG=/dev/null");
    ck_assert_int_eq(c->privacy.content, LLMOBS_CONTENT_FULL);
    ck_assert_int_eq(c->request_tags, LLMOBS_REQUEST_TAGS_PLAIN);
    ck_assert_int_eq(complaint_count, 0);
    c = LOAD("LLMOBS_CONFIG=/dev/null/x");
    ck_assert_int_eq(c->privacy.content, LLMOBS_CONTENT_FULL);
}

static const struct {
    const char *text;
    size_t len;
    bool off;
} patterns[] = {
#define FILE_OF(text, off)          \
    {                               \
        text, sizeof(text) - 1, off \
    }
    FILE_OF("use keys\n", false),    FILE_OF("\xef\xbb\xbfuse keys\r\n", false),
    FILE_OF("a = x\rb = y\r", true), FILE_OF("a = x\0y\n", true),
    FILE_OF("a = (\n", true),        FILE_OF("", true),
#undef FILE_OF
};

TEST(patterns_that_are_unread_close)
{
    char redact[64];

    snprintf(redact, sizeof(redact), "LLMOBS_REDACT=%s", path);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
        struct llmobs_config *c;

        write_file(patterns[i].text, patterns[i].len);
        c = LOAD(redact, "LLMOBS_CONFIG=/dev/null");
        ck_assert_msg((c->privacy.content == LLMOBS_CONTENT_OFF) ==
                          patterns[i].off,
                      "%zu: %s", i, complaints);
        ck_assert((c->request_tags == LLMOBS_REQUEST_TAGS_OFF) ==
                  patterns[i].off);
    }
}

/* No descriptor is left: the file may be there. */
TEST(a_file_that_cannot_be_opened_closes)
{
    struct rlimit was, none;
    struct llmobs_config *c;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = was.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    c = LOAD(named);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
    ck_assert_int_eq(c->privacy.content, LLMOBS_CONTENT_OFF);
}

TEST(rubbish_is_told_in_few_lines)
{
    size_t len = 60000;
    char *text = unit_own(malloc(len));
    struct llmobs_config *c;

    for (size_t i = 0; i < len; i++)
        text[i] = (char)(i % 7 == 0 ? '\n' : (int)((i * 31) % 251));
    memcpy(text, "DD_SERVICE=a\0b\nDD_ENV=e\n", 24);
    write_file(text, len);
    c = LOAD(named);
    ck_assert_ptr_null(c->service);
    ck_assert_str_eq(c->env, "e");
    ck_assert_int_le(complaint_count, 10);
    ck_assert_int_gt(complaint_count, 1);
}
