/* Tests variables and directories of a configuration. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "core/config/config.h"
#include "core/config/state_dir.h"
#include "tests/unit/config_case.h"
#include "tests/unit/unit.h"

TEST(defaults)
{
    struct llmobs_config *c = LOAD("PATH=/bin");

    ck_assert(!c->enabled);
    ck_assert_str_eq(c->ml_app, "unnamed-ml-app");
    ck_assert_ptr_null(c->service);
    ck_assert_ptr_null(c->tags[0]);
    ck_assert_ptr_null(c->store_dir);
    ck_assert_str_eq(c->exporter, "auto");
    ck_assert_int_eq(c->event_max, 5000000);
    ck_assert_int_eq(c->capture_max, 16 << 20);
    ck_assert_int_eq(c->exit_flush_ms, -1);
    ck_assert_int_eq(c->flush_interval_ms, 1000);
    ck_assert(c->sample_rate == 1);
    ck_assert(c->thread);
    ck_assert_int_eq(c->log_level, LLMOBS_LOG_WARN);
    ck_assert_ptr_null(c->carrier.traceparent);
    ck_assert_str_eq(c->never_urls[0], "http://localhost:8126");
    ck_assert_ptr_null(c->never_urls[1]);
    ck_assert_int_eq(complaint_count, 0);
    c = config_case_load(NULL);
    llmobs_config_free(NULL);
}

TEST(the_script_is_freed_once)
{
    struct llmobs_config *c = LOAD("LLMOBS_SCRIPT=/srv/job.sh");

    ck_assert_str_eq(c->script, "/srv/job.sh");
}

/* Every row of the table names a default that its own parser takes. */
TEST(the_table_is_whole)
{
    struct llmobs_config_variable v = {.name = NULL};
    const char *names[256];
    size_t n = 0;

    for (; llmobs_config_next(&v); n++) {
        ck_assert_uint_lt(n, 256);
        names[n] = v.name;
        ck_assert(v.type[0]);
        for (size_t k = 0; k < n; k++)
            ck_assert_str_ne(names[k], v.name);
        /* The file of that name need not be there. */
        if (v.fallback[0] && strcmp(v.name, "LLMOBS_CONFIG") != 0) {
            char env[256];

            snprintf(env, sizeof(env), "%s=%s", v.name, v.fallback);
            LOAD(env);
            ck_assert_msg(complaint_count == 0, "%s", complaints);
        }
    }
    ck_assert_uint_gt(n, 25);
}

TEST(empty_is_unset_and_the_first_wins)
{
    struct llmobs_config *c =
        LOAD("DD_SERVICE=", "DD_ENV=one", "DD_ENV=two",
             "DD_LLMOBS_ENABLED=", "LLMOBS_STORE_MAX=", "DD_SERVICEX=no");

    ck_assert_ptr_null(c->service);
    ck_assert_str_eq(c->env, "one");
    ck_assert(!c->enabled);
    ck_assert_int_eq(complaint_count, 0);
}

static const struct {
    const char *value;
    bool on;
    int complaints;
} booleans[] = {
    {"DD_LLMOBS_ENABLED=1", true, 0},       {"DD_LLMOBS_ENABLED=true", true, 0},
    {"DD_LLMOBS_ENABLED=TRUE", true, 0},    {"DD_LLMOBS_ENABLED=0", false, 0},
    {"DD_LLMOBS_ENABLED=no", false, 0},     {"DD_LLMOBS_ENABLED=yes", false, 1},
    {"DD_LLMOBS_ENABLED= true ", false, 1},
};

TEST(booleans_as_documented)
{
    for (size_t i = 0; i < sizeof(booleans) / sizeof(*booleans); i++) {
        struct llmobs_config *c = LOAD(booleans[i].value);

        ck_assert_msg(c->enabled == booleans[i].on, "%s", booleans[i].value);
        ck_assert_int_eq(complaint_count, booleans[i].complaints);
    }
}

/* Each of them: a bad one is told, by name; for the effect of each there are
 * tests of their own. */
TEST(every_boolean)
{
    static const char *const values[] = {"1",     "true", "tRuE", "0",
                                         "false", "No",   "2",    "on!",
                                         "yes",   " 1 ",  "tru",  "-1"};
    struct llmobs_config_variable v = {.name = NULL};
    int count = 0;

    while (llmobs_config_next(&v)) {
        if (strcmp(v.type, "boolean") != 0)
            continue;
        count++;
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            char env[128];

            snprintf(env, sizeof(env), "%s=%s", v.name, values[i]);
            LOAD(env);
            ck_assert_msg(complaint_count == (i > 5), "%s: %s", env,
                          complaints);
            ck_assert(i <= 5 ||
                      strncmp(complaints, v.name, strlen(v.name)) == 0);
        }
    }
    ck_assert_int_ge(count, 7);
}

TEST(the_thread_stays_on_by_mistake)
{
    struct llmobs_config *c = LOAD("LLMOBS_THREAD=off");

    ck_assert(!c->thread);
    c = LOAD("LLMOBS_THREAD=offf");
    ck_assert(c->thread);
    ck_assert_int_eq(complaint_count, 1);
}

static const char *const bad[] = {
    "DD_LLMOBS_SAMPLE_RATE=1.1",
    "DD_LLMOBS_SAMPLE_RATE=-0.1",
    "DD_LLMOBS_SAMPLE_RATE=half",
    "DD_LLMOBS_SAMPLE_RATE=nan",
    "DD_LLMOBS_SAMPLE_RATE=0,5",
    "LLMOBS_STORE_MAX=12",
    "LLMOBS_STORE_MAX=1e9",
    "LLMOBS_STORE_MAX=99999999999999999999999",
    "LLMOBS_STORE_MAX= 65536",
    "LLMOBS_STORE_MAX=65536.5",
    "DD_LLMOBS_EVENT_SIZE_BYTES=1023",
    "LLMOBS_EXIT_FLUSH_MS=-2",
    "_DD_LLMOBS_WRITER_INTERVAL=0",
    "_DD_LLMOBS_WRITER_INTERVAL=.",
    "LLMOBS_LOG_LEVEL=loud",
    "DD_TRACE_AGENT_PORT=70000",
    "LLMOBS_BUFFER_MAX=-",
};

TEST(a_bad_value_is_told_once_and_its_default_stands)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct llmobs_config *c = LOAD(bad[i]);

        ck_assert_msg(complaint_count == 1, "%s", bad[i]);
        ck_assert(strncmp(complaints, bad[i], strcspn(bad[i], "=")) == 0);
        ck_assert(c->sample_rate == 1);
        ck_assert_int_eq(c->store_max, 268435456);
        ck_assert_int_eq(c->event_max, 5000000);
        ck_assert_int_eq(c->exit_flush_ms, -1);
        ck_assert_int_eq(c->flush_interval_ms, 1000);
        ck_assert_int_eq(c->log_level, LLMOBS_LOG_WARN);
    }
}

TEST(numbers)
{
    struct llmobs_config *c =
        LOAD("DD_LLMOBS_SAMPLE_RATE=0.25", "LLMOBS_STORE_MAX=65536",
             "_DD_LLMOBS_WRITER_INTERVAL=0.5", "LLMOBS_EXIT_FLUSH_MS=0",
             "LLMOBS_LOG_LEVEL=Debug", "LLMOBS_CAPTURE_MAX=2048");

    ck_assert(c->sample_rate == 0.25);
    ck_assert_int_eq(c->store_max, 65536);
    ck_assert_int_eq(c->flush_interval_ms, 500);
    ck_assert_int_eq(c->exit_flush_ms, 0);
    ck_assert_int_eq(c->log_level, LLMOBS_LOG_DEBUG);
    ck_assert_int_eq(c->capture_max, 2048);
    ck_assert_int_eq(complaint_count, 0);
    c = LOAD("DD_TRACE_DEBUG=1", "LLMOBS_LOG_LEVEL=error");
    ck_assert_int_eq(c->log_level, LLMOBS_LOG_DEBUG);
}

static const struct {
    const char *value;
    const char *tags[6];
} tag_maps[] = {
    {"DD_TAGS=a:1,b:2", {"a:1", "b:2"}},
    {"DD_TAGS=a:1 b:2", {"a:1", "b:2"}},
    {"DD_TAGS= a : 1 , b:2 ", {"a:1", "b:2"}},
    {"DD_TAGS=a:1,a:2,b:3", {"a:2", "b:3"}},
    {"DD_TAGS=url:http://x:1/y", {"url:http://x:1/y"}},
    {"DD_TAGS=lonely,:empty,b:", {"lonely:", "b:"}},
    {"DD_TAGS=,, ,", {NULL}},
    {"DD_TAGS=a:x y,b:2", {"a:x y", "b:2"}},
};

TEST(tag_maps_as_documented)
{
    for (size_t i = 0; i < sizeof(tag_maps) / sizeof(*tag_maps); i++) {
        struct llmobs_config *c = LOAD(tag_maps[i].value);

        for (size_t k = 0; k < 6; k++) {
            if (!tag_maps[i].tags[k]) {
                ck_assert_ptr_null(c->tags[k]);
                break;
            }
            ck_assert_ptr_nonnull(c->tags[k]);
            ck_assert_str_eq(c->tags[k], tag_maps[i].tags[k]);
        }
    }
}

TEST(too_many_tags_are_bounded)
{
    size_t cap = 64 * 1024;
    char *env = unit_own(malloc(cap));
    size_t len = (size_t)snprintf(env, cap, "DD_TAGS=");
    struct llmobs_config *c;
    int n = 0;

    for (int i = 0; i < 1000; i++)
        len += (size_t)snprintf(env + len, cap - len, "k%d:v,", i);
    c = LOAD(env);
    while (c->tags[n])
        n++;
    ck_assert_int_eq(n, 256);
    ck_assert_int_eq(complaint_count, 1);
}

TEST(service_and_env_fall_back)
{
    struct llmobs_config *c = LOAD("DD_TAGS=service:tagged,env:prod,version:7",
                                   "OTEL_SERVICE_NAME=otel");

    ck_assert_str_eq(c->service, "tagged");
    ck_assert_str_eq(c->env, "prod");
    ck_assert_str_eq(c->version, "7");
    ck_assert_str_eq(c->ml_app, "tagged");
    c = LOAD("OTEL_SERVICE_NAME=otel");
    ck_assert_str_eq(c->service, "otel");
    ck_assert_str_eq(c->ml_app, "otel");
    c = LOAD("DD_SERVICE=svc", "DD_TAGS=service:tagged,env:prod", "DD_ENV=dev",
             "DD_LLMOBS_ML_APP=app");
    ck_assert_str_eq(c->service, "svc");
    ck_assert_str_eq(c->env, "dev");
    ck_assert_str_eq(c->ml_app, "app");
}

TEST(an_odd_ml_app_is_kept_and_told_once)
{
    struct llmobs_config *c = LOAD("DD_LLMOBS_ML_APP=My App,2");

    ck_assert_str_eq(c->ml_app, "My App_2");
    ck_assert_int_eq(complaint_count, 1);
}

/* No text is cut: an address at its end has no password to come. */
TEST(texts_without_secrets)
{
#define KEY "ghp_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"
#define HIDDEN "ghp_********************************V1wX"
    struct llmobs_config *c = LOAD(
        "DD_TAGS=at:https://host:port,token:" KEY, "DD_SERVICE=a-" KEY,
        "DD_ENV=" KEY, "DD_VERSION=https://host:port",
        "DD_GIT_REPOSITORY_URL=git@host:" KEY "/r", "DD_GIT_COMMIT_SHA=" KEY,
        "LLMOBS_RUN=" KEY, "OTEL_SERVICE_NAME=" KEY,
        "OTEL_RESOURCE_ATTRIBUTES=key=" KEY ",b=c", "LLMOBS_OBSERVE=" KEY);

    ck_assert_str_eq(c->tags[0], "at:https://host:port");
    ck_assert_str_eq(c->tags[1], "token:" HIDDEN);
    ck_assert_str_eq(c->service, "a-" HIDDEN);
    ck_assert_str_eq(c->env, HIDDEN);
    ck_assert_str_eq(c->version, "https://host:port");
    ck_assert_str_eq(c->git_url, "git@host:" HIDDEN "/r");
    ck_assert_str_eq(c->git_sha, HIDDEN);
    ck_assert_str_eq(c->run, HIDDEN);
    ck_assert_str_eq(c->otlp.service, HIDDEN);
    ck_assert_str_eq(c->otlp.resource, "key=" HIDDEN ",b=c");
    ck_assert_ptr_nonnull(strstr(complaints, "\"" HIDDEN "\" is not vector"));
}

TEST(git_tags_without_passwords)
{
    struct llmobs_config *c =
        LOAD("DD_GIT_REPOSITORY_URL=https://me:secret@host/r.git",
             "DD_GIT_COMMIT_SHA=abc");

    ck_assert_str_eq(c->git_url, "https://host/r.git");
    ck_assert_str_eq(c->git_sha, "abc");
    c = LOAD(
        "DD_TAGS=git.repository_url:https://t0ken@h/r,git.commit.sha:d,a:b");
    ck_assert_str_eq(c->git_url, "https://h/r");
    ck_assert_str_eq(c->git_sha, "d");
    ck_assert_str_eq(c->tags[0], "a:b");
    ck_assert_ptr_null(c->tags[1]);
    c = LOAD("DD_GIT_COMMIT_SHA=abc", "DD_TRACE_GIT_METADATA_ENABLED=false");
    ck_assert_ptr_null(c->git_sha);
}

TEST(carriers)
{
    struct llmobs_config *c =
        LOAD("TRACEPARENT=tp", "TRACESTATE=ts", "HTTP_TRACEPARENT=h",
             "HTTP_X_DATADOG_TRACE_ID=1");

    ck_assert_str_eq(c->carrier.traceparent, "tp");
    ck_assert_str_eq(c->carrier.tracestate, "ts");
    ck_assert_ptr_null(c->carrier.x_datadog_trace_id);
    c = LOAD("HTTP_TRACEPARENT=h", "HTTP_X_DATADOG_TRACE_ID=1",
             "HTTP_X_DATADOG_PARENT_ID=2", "HTTP_X_DATADOG_TAGS=t");
    ck_assert_str_eq(c->carrier.traceparent, "h");
    ck_assert_str_eq(c->carrier.x_datadog_trace_id, "1");
    ck_assert_str_eq(c->carrier.x_datadog_parent_id, "2");
    ck_assert_str_eq(c->carrier.x_datadog_tags, "t");
}

TEST(never_urls_are_ours)
{
    struct llmobs_config *c =
        LOAD("DD_TRACE_AGENT_URL=unix:///run/x.sock", "DD_AGENT_HOST=agent",
             "DD_TRACE_AGENT_PORT=9000",
             "OTEL_EXPORTER_OTLP_ENDPOINT=http://otel:4318");

    ck_assert_str_eq(c->never_urls[0], "http://otel:4318");
    ck_assert_str_eq(c->never_urls[1], "http://agent:9000");
    ck_assert_ptr_null(c->never_urls[2]);
    c = LOAD("DD_TRACE_AGENT_URL=http://one:1/base", "DD_AGENT_HOST=two",
             "DD_LLMOBS_OVERRIDE_ORIGIN=https://three/x/",
             "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://four:4");
    ck_assert_str_eq(c->never_urls[0], "http://one:1/base");
    ck_assert_str_eq(c->never_urls[1], "https://three/x");
    ck_assert_str_eq(c->never_urls[2], "http://four:4");
    ck_assert_str_eq(c->never_urls[3], "http://two:8126");
    ck_assert_ptr_null(c->never_urls[4]);
    c = LOAD("DD_AGENT_PORT=1");
    ck_assert_str_eq(c->never_urls[0], "http://localhost:1");
    ck_assert_ptr_null(c->never_urls[1]);
}

static void expect_dir(struct llmobs_config *c, const char *want)
{
    char dir[512];

    ck_assert_int_eq(llmobs_config_store_dir(c, dir, sizeof(dir)), 0);
    ck_assert_str_eq(dir, want);
}

TEST(the_store_of_root_and_of_choice)
{
    char here[256], want[512], small[8];
    struct llmobs_config *c;

    expect_dir(LOAD("LLMOBS_STORE_DIR=/x/y", "HOME=/tmp"), "/x/y");
    ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
    snprintf(want, sizeof(want), "%s/rel", here);
    expect_dir(LOAD("LLMOBS_STORE_DIR=rel"), want);
    if (geteuid() == 0)
        expect_dir(LOAD("HOME=/tmp"), "/var/lib/llmobs/store");
    c = LOAD("LLMOBS_STORE_DIR=/a/long/path");
    ck_assert_int_eq(llmobs_config_store_dir(c, small, sizeof(small)),
                     -ENAMETOOLONG);
}

/* A worker that dropped its rights has root's HOME: that is not its place. */
TEST(the_store_of_others)
{
    char base[UNIT_DIRECTORY], home[80], xdg[96], want[128];

    if (geteuid() != 0)
        return;
    unit_directory(base);
    ck_assert_int_eq(chown(base, 12345, 12345), 0);
    ck_assert_int_eq(seteuid(12345), 0);
    snprintf(home, sizeof(home), "HOME=%s", base);
    snprintf(xdg, sizeof(xdg), "XDG_STATE_HOME=%s/state", base);
    snprintf(want, sizeof(want), "%s/.local/state/llmobs/store", base);
    expect_dir(LOAD(home), want);
    snprintf(want, sizeof(want), "%s/state/llmobs/store", base);
    expect_dir(LOAD(home, xdg), want);
    expect_dir(LOAD("HOME=/root"), "/var/tmp/llmobs-12345/store");
    expect_dir(LOAD("HOME=/nonexistent/x"), "/var/tmp/llmobs-12345/store");
    expect_dir(LOAD("HOME=relative"), "/var/tmp/llmobs-12345/store");
    expect_dir(LOAD("PATH=/"), "/var/tmp/llmobs-12345/store");
    ck_assert_int_eq(seteuid(0), 0);
    rmdir(base);
}
