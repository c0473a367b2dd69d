#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/config.h"
#include "core/context.h"
#include "tests/unit/unit.h"

static struct llmobs_config base = {
    .ml_app = (char *)"local-app",
    .sample_rate = 1,
    .trace_id_128 = true,
    .extract_styles = {
        {LLMOBS_STYLE_DATADOG, LLMOBS_STYLE_TRACECONTEXT, LLMOBS_STYLE_BAGGAGE},
        3}};

#define TRACE "6affe73a00000000c3d1e2f3a4b5c6d7"
#define PARENT "00-" TRACE "-6573f78e6e7bca2b-01"

static bool from(struct llmobs_context *c, const char *traceparent,
                 const char *tracestate)
{
    struct llmobs_carrier carrier = {.traceparent = traceparent,
                                     .tracestate = tracestate};

    return llmobs_context_from_carrier(c, &base, &carrier);
}

static bool same(struct llmobs_id128 a, struct llmobs_id128 b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

START_TEST(a_root_is_whole)
{
    struct llmobs_context c;
    time_t now = time(NULL);

    llmobs_context_root(&c, &base);
    ck_assert(same(c.trace_id, c.apm_trace_id));
    ck_assert_uint_le((uint64_t)now - 1, c.trace_id.hi >> 32);
    ck_assert_uint_ge((uint64_t)now + 1, c.trace_id.hi >> 32);
    ck_assert_uint_eq(c.trace_id.hi & 0xffffffff, 0);
    ck_assert_uint_ne(c.trace_id.lo, 0);
    ck_assert_uint_ne(c.span_id, 0);
    ck_assert_uint_eq(c.parent_id, 0);
    ck_assert_str_eq(c.ml_app, "local-app");
    ck_assert_str_eq(c.session_id, "");
    ck_assert_str_eq(c.sample_rate, "1");
    ck_assert_str_eq(c.sampled, "1");
}
END_TEST

static const struct {
    double rate;
    const char *text;
} rates[] = {{1, "1"},
             {0, "0"},
             {0.5, "0.5"},
             {0.000001, "0.000001"},
             {0.1234567, "0.123457"},
             {0.9999999, "1"},
             {0.25, "0.25"},
             {1.0 / 3, "0.333333"}};

START_TEST(rates_are_written_short)
{
    struct llmobs_config config = base;
    struct llmobs_context c;

    for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
        config.sample_rate = rates[i].rate;
        llmobs_context_root(&c, &config);
        ck_assert_str_eq(c.sample_rate, rates[i].text);
    }
}
END_TEST

START_TEST(sampling_follows_the_formula)
{
    struct llmobs_config config = base;
    struct llmobs_context c;
    int kept = 0;

    config.sample_rate = 0.3;
    for (int i = 0; i < 20000; i++) {
        uint64_t hash;
        bool keep;

        llmobs_context_root(&c, &config);
        hash = c.apm_trace_id.lo * 1111111111111111111u;
        keep = (double)hash <= 0.3 * 18446744073709551615.0;
        ck_assert_str_eq(c.sampled, keep ? "1" : "0");
        kept += keep;
    }
    ck_assert_int_gt(kept, 5400);
    ck_assert_int_lt(kept, 6600);
    config.sample_rate = 0;
    llmobs_context_root(&c, &config);
    ck_assert_str_eq(c.sampled, "0");
}
END_TEST

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

#define IDS 20000
static uint64_t ids[4 * IDS];

static void *draw(void *arg)
{
    uint64_t *list = arg;

    for (int i = 0; i < IDS; i++)
        list[i] = llmobs_context_random();
    return NULL;
}

START_TEST(no_id_comes_twice)
{
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, draw, ids + i * IDS);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    qsort(ids, 4 * IDS, sizeof(*ids), by_number);
    for (int i = 0; i < 4 * IDS - 1; i++)
        ck_assert_uint_ne(ids[i], ids[i + 1]);
    ck_assert_uint_ne(ids[0], 0);
}
END_TEST

START_TEST(a_child_draws_others)
{
    uint64_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    llmobs_context_random();
    for (int child = 0; child < 2; child++) {
        pid_t pid = fork();

        if (pid == 0) {
            shared[child] = llmobs_context_random();
            _exit(0);
        }
        waitpid(pid, NULL, 0);
    }
    shared[2] = llmobs_context_random();
    ck_assert_uint_ne(shared[0], 0);
    ck_assert_uint_ne(shared[0], shared[1]);
    ck_assert_uint_ne(shared[0], shared[2]);
    ck_assert_uint_ne(shared[1], shared[2]);
    munmap(shared, 4096);
}
END_TEST

static const struct {
    struct llmobs_id128 id;
    const char *decimal;
} numbers[] = {
    {{0, 0}, "0"},
    {{0, 1}, "1"},
    {{0, UINT64_MAX}, "18446744073709551615"},
    {{1, 0}, "18446744073709551616"},
    {{UINT64_MAX, UINT64_MAX}, "340282366920938463463374607431768211455"},
    {{0x6affe73a00000000, 0xc3d1e2f3a4b5c6d7},
     "142226893083979332950388645837860619991"},
};

START_TEST(numbers_of_128_bits)
{
    char text[40];

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        llmobs_id128_decimal(numbers[i].id, text);
        ck_assert_str_eq(text, numbers[i].decimal);
    }
    llmobs_id128_hex(numbers[5].id, text);
    ck_assert_str_eq(text, TRACE);
    llmobs_id128_hex(numbers[1].id, text);
    ck_assert_str_eq(text, "00000000000000000000000000000001");
}
END_TEST

START_TEST(a_traceparent_alone_makes_a_root_of_ours)
{
    struct llmobs_context c;

    ck_assert(from(&c, PARENT, NULL));
    ck_assert(same(c.apm_trace_id, numbers[5].id));
    ck_assert(!same(c.trace_id, c.apm_trace_id));
    ck_assert_uint_eq(c.parent_id, 0);
    ck_assert_str_eq(c.ml_app, "local-app");
    ck_assert_str_eq(c.sample_rate, "1");
    ck_assert_int_eq(c.priority, 1);
}
END_TEST

static const char full_state[] =
    "dd=p:6573f78e6e7bca2b;s:2;o:rum;t.dm:-4;t.tid:6affe73a00000000;"
    "t.llmobs_parent_id:7310458811263470123;"
    "t.llmobs_trace_id:142226893083979332950388645837860619991;"
    "t.llmobs_sd:0;t.llmobs_sr:0.5;t.llmobs_ml_app:upstream~app;"
    "t.llmobs_sid:sess-7;t.llmobs_pagent_span_id:99;"
    "t.llmobs_pagent_name:planner,other=1,third=2";

START_TEST(a_distributed_parent_is_inherited)
{
    struct llmobs_context c;

    ck_assert(from(&c, PARENT, full_state));
    ck_assert_uint_eq(c.parent_id, 7310458811263470123u);
    ck_assert(same(c.trace_id, numbers[5].id));
    ck_assert_uint_ne(c.span_id, 0);
    ck_assert_uint_ne(c.span_id, c.parent_id);
    ck_assert_str_eq(c.ml_app, "upstream=app");
    ck_assert_str_eq(c.sample_rate, "0.5");
    ck_assert_str_eq(c.sampled, "0");
    ck_assert_str_eq(c.session_id, "sess-7");
    ck_assert_uint_eq(c.pagent_span_id, 99);
    ck_assert_str_eq(c.pagent_name, "planner");
    ck_assert_int_eq(c.priority, 2);
    ck_assert_str_eq(c.origin, "rum");
    ck_assert_str_eq(c.dm, "-4");
    ck_assert_str_eq(c.vendors, "other=1,third=2");
}
END_TEST

START_TEST(what_was_not_sent_is_not_made_up)
{
    struct llmobs_context c;

    ck_assert(from(&c, PARENT, "dd=t.llmobs_parent_id:5"));
    ck_assert_uint_eq(c.parent_id, 5);
    ck_assert_str_eq(c.sample_rate, "");
    ck_assert_str_eq(c.sampled, "");
    ck_assert(same(c.trace_id, c.apm_trace_id));
    /* Not a parent, yet its names count. */
    ck_assert(from(&c, PARENT,
                   "dd=t.llmobs_parent_id:undefined;t.llmobs_ml_app:up;"
                   "t.llmobs_sid:s;t.llmobs_sr:0.1;t.llmobs_sd:0"));
    ck_assert_uint_eq(c.parent_id, 0);
    ck_assert_str_eq(c.ml_app, "up");
    ck_assert_str_eq(c.session_id, "s");
    ck_assert_str_eq(c.sample_rate, "1");
}
END_TEST

static const struct {
    const char *text;
    struct llmobs_id128 id;
} trace_ids[] = {
    {"00000000000000000000000000000010", {0, 0x10}},
    {"6affe73a00000000c3d1e2f3a4b5c6d7",
     {0x6affe73a00000000, 0xc3d1e2f3a4b5c6d7}},
    {"12345", {0, 12345}},
    {"11111111111111111111111111111111", {602334540269u, 0}},
    /* Not readable: the APM trace stands in. */
    {"340282366920938463463374607431768211456", {0, 0}},
    {"340282366920938463463374607431768211457", {0, 0}},
    {"99999999999999999999999999999999999999999", {0, 0}},
    {"xyz", {0, 0}},
    {"0", {0, 0}},
    {"6affe73a00000000c3d1e2f3a4b5c6d", {0, 0}},
    {"6affe73a00000000c3d1e2f3a4b5c6d77", {0, 0}},
    {"-5", {0, 0}},
};

START_TEST(trace_ids_in_both_forms)
{
    for (size_t i = 0; i < sizeof(trace_ids) / sizeof(*trace_ids); i++) {
        struct llmobs_context c;
        char state[256];
        struct llmobs_id128 want = trace_ids[i].id;

        snprintf(state, sizeof(state),
                 "dd=t.llmobs_parent_id:5;t.llmobs_trace_id:%s",
                 trace_ids[i].text);
        ck_assert(from(&c, PARENT, state));
        if (i == 3) {
            char decimal[40];

            llmobs_id128_decimal(c.trace_id, decimal);
            ck_assert_str_eq(decimal, trace_ids[i].text);
            continue;
        }
        if (!want.hi && !want.lo)
            want = numbers[5].id;
        ck_assert_msg(same(c.trace_id, want), "%s", trace_ids[i].text);
    }
}
END_TEST

static const char *const bad_parents[] = {
    "",
    "00",
    "00-" TRACE "-6573f78e6e7bca2b-0",
    "00-" TRACE "-6573f78e6e7bca2b-01-x",
    "00-" TRACE "-6573f78e6e7bca2b-011",
    "ff-" TRACE "-6573f78e6e7bca2b-01",
    "00-00000000000000000000000000000000-6573f78e6e7bca2b-01",
    "00-" TRACE "-0000000000000000-01",
    "00-6AFFE73A00000000C3D1E2F3A4B5C6D7-6573f78e6e7bca2b-01",
    "00-" TRACE "_6573f78e6e7bca2b-01",
    "0x-" TRACE "-6573f78e6e7bca2b-01",
    "01-" TRACE "-6573f78e6e7bca2b-01x",
    "00-" TRACE "-6573f78e6e7bca2\xc3-01",
    "00-" TRACE "-6573f78e6e7bca2b-01\n",
};

START_TEST(a_bad_traceparent_is_no_parent)
{
    for (size_t i = 0; i < sizeof(bad_parents) / sizeof(*bad_parents); i++) {
        struct llmobs_context c;

        ck_assert_msg(!from(&c, bad_parents[i], full_state), "%s",
                      bad_parents[i]);
        ck_assert(same(c.trace_id, c.apm_trace_id));
        ck_assert_str_eq(c.ml_app, "local-app");
        ck_assert_uint_eq(c.parent_id, 0);
    }
}
END_TEST

START_TEST(a_later_version_is_read)
{
    struct llmobs_context c;

    ck_assert(from(&c, "01-" TRACE "-6573f78e6e7bca2b-01-more", NULL));
    ck_assert(from(&c, " " PARENT " ", NULL));
}
END_TEST

static const char *const bad_states[] = {
    "dd=no colon here",
    "dd=s:x;t.llmobs_parent_id:5",
    "dd=t.llmobs_parent_id:5;nocolon",
    "dd=t.llmobs_parent_id:5\x01",
    "dd=t.llmobs_parent_id:\xc3\xa9",
    "other=t.llmobs_parent_id:5",
    "dd=t.llmobs_parent_id:0",
    "dd=t.llmobs_parent_id:-1",
    "dd=t.llmobs_parent_id:18446744073709551616",
    "dd=t.llmobs_parent_id:5x",
    "dd=t.llmobs_parent_id:",
    "dd=t.llmobs_parent_id:5,dd=s:1",
    "dd=",
    ",",
    "=",
};

START_TEST(a_bad_tracestate_is_no_parent)
{
    for (size_t i = 0; i < sizeof(bad_states) / sizeof(*bad_states); i++) {
        struct llmobs_context c;

        ck_assert(from(&c, PARENT, bad_states[i]));
        ck_assert_msg(c.parent_id == 0, "%s", bad_states[i]);
    }
}
END_TEST

START_TEST(hostile_lengths_are_bounded)
{
    size_t len = 200000;
    char *text = malloc(len + 1);
    struct llmobs_context c;
    char state[2048];

    memset(text, 'a', len);
    text[len] = '\0';
    ck_assert(!from(&c, text, text));
    ck_assert(from(&c, PARENT, text));
    memcpy(text, "dd=t.llmobs_ml_app:", 19);
    ck_assert(from(&c, PARENT, text));
    ck_assert_str_eq(c.ml_app, "local-app");
    text[3000] = '\0';
    ck_assert(from(&c, PARENT, text));
    ck_assert_uint_eq(strlen(c.ml_app), LLMOBS_ML_APP_LEN * 4);
    ck_assert_int_eq(llmobs_context_tracestate(&c, state, sizeof(state)), 0);
    ck_assert_ptr_null(strstr(state, "ml_app"));
    memset(text, ',', 8000);
    text[8000] = '\0';
    ck_assert(from(&c, PARENT, text));
    free(text);
}
END_TEST

START_TEST(priorities_join)
{
    static const struct {
        const char *parent;
        const char *state;
        int priority;
    } cases[] = {
        {PARENT, "dd=s:2", 2},
        {PARENT, "dd=s:0", 1},
        {PARENT, "dd=s:-1", 1},
        {PARENT, "x=y", 1},
        {"00-" TRACE "-6573f78e6e7bca2b-00", "dd=s:2", 0},
        {"00-" TRACE "-6573f78e6e7bca2b-00", "dd=s:-1", -1},
        {"00-" TRACE "-6573f78e6e7bca2b-00", NULL, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct llmobs_context c;

        ck_assert(from(&c, cases[i].parent, cases[i].state));
        ck_assert_int_eq(c.priority, cases[i].priority);
    }
}
END_TEST

START_TEST(datadog_headers)
{
    struct llmobs_carrier carrier = {
        .x_datadog_trace_id = "14110308643596781271",
        .x_datadog_parent_id = "42",
        .x_datadog_sampling_priority = "2",
        .x_datadog_tags =
            "_dd.p.tid=6affe73a00000000,_dd.p.llmobs_parent_id=7,"
            "_dd.p.llmobs_trace_id=142226893083979332950388645837860619991,"
            "_dd.p.llmobs_ml_app=up=stream",
    };
    struct llmobs_context c;

    ck_assert(llmobs_context_from_carrier(&c, &base, &carrier));
    ck_assert(same(c.apm_trace_id, numbers[5].id));
    ck_assert(same(c.trace_id, numbers[5].id));
    ck_assert_uint_eq(c.parent_id, 7);
    ck_assert_str_eq(c.ml_app, "up=stream");
    ck_assert_int_eq(c.priority, 2);
    /* One bad entry: no tag counts, the trace does. */
    carrier.x_datadog_tags = "_dd.p.llmobs_parent_id=7,bad";
    ck_assert(llmobs_context_from_carrier(&c, &base, &carrier));
    ck_assert_uint_eq(c.parent_id, 0);
    ck_assert_uint_eq(c.apm_trace_id.lo, numbers[5].id.lo);
    ck_assert_uint_eq(c.apm_trace_id.hi, 0);
    /* Its span is that of traceparent, where the trace is the same. */
    carrier.x_datadog_tags = "_dd.p.llmobs_parent_id=8";
    carrier.x_datadog_parent_id = NULL;
    ck_assert(llmobs_context_from_carrier(&c, &base, &carrier));
    ck_assert_uint_eq(c.parent_id, 0);
    carrier.traceparent = PARENT;
    ck_assert(llmobs_context_from_carrier(&c, &base, &carrier));
    ck_assert_uint_eq(c.parent_id, 8);
    /* The first style has the word; its tags are the only ones. */
    carrier.traceparent = PARENT;
    carrier.tracestate = full_state;
    carrier.x_datadog_tags = "_dd.p.llmobs_parent_id=8";
    ck_assert(llmobs_context_from_carrier(&c, &base, &carrier));
    ck_assert_uint_eq(c.parent_id, 8);
    ck_assert_str_eq(c.ml_app, "local-app");
    for (size_t i = 0; i < 4; i++) {
        static const char *const bad[] = {"0", "x", "18446744073709551616",
                                          "-1"};
        struct llmobs_carrier only = {.x_datadog_trace_id = bad[i],
                                      .x_datadog_parent_id = "1"};

        ck_assert(!llmobs_context_from_carrier(&c, &base, &only));
    }
}
END_TEST

START_TEST(long_datadog_tags_are_ignored)
{
    char tags[600] = "_dd.p.llmobs_parent_id=8,_dd.p.x=";
    struct llmobs_carrier carrier = {.x_datadog_trace_id = "1",
                                     .x_datadog_parent_id = "2",
                                     .x_datadog_tags = tags};
    struct llmobs_context c;

    memset(tags + strlen(tags), 'y', 512 - strlen(tags));
    ck_assert_uint_eq(strlen(tags), 512);
    ck_assert(llmobs_context_from_carrier(&c, &base, &carrier));
    ck_assert_uint_eq(c.parent_id, 8);
    tags[512] = 'y';
    ck_assert(llmobs_context_from_carrier(&c, &base, &carrier));
    ck_assert_uint_eq(c.parent_id, 0);
}
END_TEST

/* What counts are the members without the p and without the semicolons. */
static size_t counted(const char *state)
{
    size_t n = 0;

    for (state = strchr(state, ';'); state && *state; state++)
        n += *state != ';';
    return n;
}

START_TEST(the_256_characters_are_exact)
{
    struct llmobs_context c;
    char state[600];
    size_t most = 0;

    llmobs_context_root(&c, &base);
    for (size_t len = 1; len <= 193; len++) {
        memset(c.ml_app, 'm', len);
        c.ml_app[len] = '\0';
        ck_assert_int_eq(llmobs_context_tracestate(&c, state, sizeof(state)),
                         0);
        ck_assert_uint_le(counted(state), 256);
        if (counted(state) > most)
            most = counted(state);
    }
    ck_assert_uint_eq(most, 256);
}
END_TEST

START_TEST(carriers_as_documented)
{
    struct llmobs_context c;
    char text[600];

    llmobs_context_root(&c, &base);
    c.trace_id = c.apm_trace_id = numbers[5].id;
    c.span_id = 7310458811263470123u;
    strcpy(c.ml_app, "my-ml-app");
    ck_assert_int_eq(llmobs_context_traceparent(&c, text, sizeof(text)), 0);
    ck_assert_str_eq(text, PARENT);
    ck_assert_int_eq(llmobs_context_tracestate(&c, text, sizeof(text)), 0);
    ck_assert_str_eq(
        text, "dd=p:6573f78e6e7bca2b;s:1;t.tid:6affe73a00000000;"
              "t.llmobs_parent_id:7310458811263470123;"
              "t.llmobs_trace_id:142226893083979332950388645837860619991;"
              "t.llmobs_sd:1;t.llmobs_sr:1;t.llmobs_ml_app:my-ml-app");
    ck_assert_int_eq(llmobs_context_traceparent(&c, text, 55), -ENOSPC);
    ck_assert_int_eq(llmobs_context_traceparent(&c, text, 56), 0);
    ck_assert_int_eq(llmobs_context_tracestate(&c, text, 20), -ENOSPC);
}
END_TEST

START_TEST(written_and_read_it_is_the_same)
{
    struct llmobs_context c, back;
    char parent[64], state[600];

    ck_assert(from(&c, PARENT, full_state));
    strcpy(c.ml_app, "caf\xc3\xa9,;a=b");
    ck_assert_int_eq(llmobs_context_traceparent(&c, parent, sizeof(parent)), 0);
    ck_assert_int_eq(llmobs_context_tracestate(&c, state, sizeof(state)), 0);
    ck_assert(from(&back, parent, state));
    ck_assert_uint_eq(back.parent_id, c.span_id);
    ck_assert(same(back.trace_id, c.trace_id));
    ck_assert(same(back.apm_trace_id, c.apm_trace_id));
    ck_assert_str_eq(back.session_id, c.session_id);
    ck_assert_str_eq(back.sample_rate, c.sample_rate);
    ck_assert_str_eq(back.sampled, c.sampled);
    ck_assert_str_eq(back.ml_app, "caf_a=b");
    ck_assert_str_eq(back.vendors, c.vendors);
    ck_assert_int_eq(back.priority, c.priority);
    ck_assert_str_eq(back.origin, "rum");
}
END_TEST

START_TEST(a_long_member_is_skipped_and_a_short_one_follows)
{
    struct llmobs_context c;
    char state[600];
    const char *end;

    llmobs_context_root(&c, &base);
    memset(c.ml_app, 'm', 193);
    c.ml_app[193] = '\0';
    strcpy(c.session_id, "s1");
    ck_assert_int_eq(llmobs_context_tracestate(&c, state, sizeof(state)), 0);
    ck_assert_ptr_null(strstr(state, "ml_app"));
    ck_assert_ptr_nonnull(strstr(state, ";t.llmobs_sid:s1"));
    end = strchr(state, ',');
    ck_assert_ptr_null(end);
    memset(c.vendors, 'v', 399);
    memcpy(c.vendors, "a=1,b=", 6);
    ck_assert_int_eq(llmobs_context_tracestate(&c, state, sizeof(state)), 0);
    ck_assert_uint_le(strlen(state), 512);
    ck_assert_str_eq(strchr(state, ','), ",a=1");
}
END_TEST

START_TEST(a_child_inherits)
{
    struct llmobs_context parent, child;

    ck_assert(from(&parent, PARENT, full_state));
    llmobs_context_child(&child, &parent);
    ck_assert_uint_eq(child.parent_id, parent.span_id);
    ck_assert_uint_ne(child.span_id, parent.span_id);
    ck_assert(same(child.trace_id, parent.trace_id));
    ck_assert_str_eq(child.ml_app, parent.ml_app);
    ck_assert_str_eq(child.sampled, "0");
    llmobs_context_child(&parent, &parent);
    ck_assert_uint_eq(parent.parent_id, child.parent_id);
}
END_TEST

static const struct {
    const char *name;
    const char *out;
    bool fine;
} names[] = {
    {"my-app", "my-app", true},
    {"a_b:c.d/e-9", "a_b:c.d/e-9", true},
    {"My-App", "My-App", false},
    {"a,b", "a_b", false},
    {"a__b", "a__b", false},
    {"a_", "a_", false},
    {"a b", "a b", false},
    {"caf\xc3\xa9", "caf\xc3\xa9", true},
    {"", "", false},
    {"a,,b", "a__b", false},
};

START_TEST(ml_app_names)
{
    char out[LLMOBS_ML_APP_LEN * 4 + 1], longest[1024];

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        ck_assert_msg(llmobs_ml_app_normal(names[i].name, out) == names[i].fine,
                      "%s", names[i].name);
        ck_assert_str_eq(out, names[i].out);
    }
    memset(longest, 'a', 194);
    longest[193] = '\0';
    ck_assert(llmobs_ml_app_normal(longest, out));
    longest[193] = 'a';
    longest[194] = '\0';
    ck_assert(!llmobs_ml_app_normal(longest, out));
    ck_assert_uint_eq(strlen(out), 193);
    for (int i = 0; i < 200; i++)
        memcpy(longest + 4 * i, "\xf0\x9f\x98\x80", 4);
    longest[800] = '\0';
    ck_assert(!llmobs_ml_app_normal(longest, out));
    ck_assert_uint_eq(strlen(out), 193 * 4);
    memset(longest, 0x80, 1023);
    longest[1023] = '\0';
    ck_assert(!llmobs_ml_app_normal(longest, out));
    ck_assert_uint_le(strlen(out), 193 * 4);
}
END_TEST

#define W3C LLMOBS_STYLE_TRACECONTEXT
#define DATADOG LLMOBS_STYLE_DATADOG
#define B3 LLMOBS_STYLE_B3
#define B3MULTI LLMOBS_STYLE_B3MULTI

/* One carrier with a trace in each style: 1 in Datadog's, 2 in W3C's, 3 and 4
 * in b3's. */
static const struct llmobs_carrier every = {
    .traceparent = "00-00000000000000000000000000000002-0000000000000022-01",
    .tracestate = "dd=t.llmobs_parent_id:222,o=2",
    .x_datadog_trace_id = "1",
    .x_datadog_parent_id = "17",
    .x_datadog_tags = "_dd.p.llmobs_parent_id=111",
    .b3 = "00000000000000000000000000000003-0000000000000033-d",
    .x_b3_traceid = "0000000000000004",
    .x_b3_spanid = "0000000000000044",
    .x_b3_sampled = "0",
};

static const struct {
    struct llmobs_styles styles;
    uint64_t trace, span, parent;
    int priority;
} orders[] = {
    {{{DATADOG, W3C}, 2}, 1, 17, 111, 1},
    {{{W3C, DATADOG}, 2}, 2, 0x22, 222, 1},
    {{{W3C}, 1}, 2, 0x22, 222, 1},
    {{{LLMOBS_STYLE_BAGGAGE, DATADOG}, 2}, 1, 17, 111, 1},
    {{{B3, DATADOG}, 2}, 3, 0x33, 0, 2},
    {{{B3MULTI}, 1}, 4, 0x44, 0, 0},
    {{{B3MULTI, B3}, 2}, 4, 0x44, 0, 0},
    {{{LLMOBS_STYLE_BAGGAGE}, 1}, 0, 0, 0, 1},
    {{{0}, 0}, 0, 0, 0, 1},
};

START_TEST(the_first_style_has_the_word)
{
    struct llmobs_config config = base;

    for (size_t i = 0; i < 2 * sizeof(orders) / sizeof(*orders); i++) {
        struct llmobs_context c;
        size_t row = i / 2;
        bool found;

        config.extract_styles = orders[row].styles;
        config.extract_first = i % 2;
        found = llmobs_context_from_carrier(&c, &config, &every);
        ck_assert_msg(found == (orders[row].trace != 0), "row %zu", row);
        if (!found)
            continue;
        ck_assert_uint_eq(c.apm_trace_id.lo, orders[row].trace);
        ck_assert_uint_eq(c.apm_parent_id, orders[row].span);
        ck_assert_uint_eq(c.parent_id, orders[row].parent);
        ck_assert_int_eq(c.priority, orders[row].priority);
    }
}
END_TEST

START_TEST(the_first_alone_where_asked_for)
{
    struct llmobs_config config = base;
    struct llmobs_carrier both = every;
    struct llmobs_context c;

    both.traceparent =
        "00-00000000000000000000000000000001-0000000000000022-01";
    ck_assert(llmobs_context_from_carrier(&c, &config, &both));
    ck_assert_uint_eq(c.apm_parent_id, 0x22);
    ck_assert_uint_eq(c.parent_id, 111);
    ck_assert_str_eq(c.vendors, "o=2");
    config.extract_first = true;
    ck_assert(llmobs_context_from_carrier(&c, &config, &both));
    ck_assert_uint_eq(c.apm_parent_id, 17);
    ck_assert_str_eq(c.vendors, "");
    /* Another trace lends nothing. */
    ck_assert(llmobs_context_from_carrier(&c, &base, &every));
    ck_assert_str_eq(c.vendors, "");
}
END_TEST

START_TEST(behaviours)
{
    struct llmobs_config config = base;
    struct llmobs_context c;
    struct llmobs_text bag;

    for (int i = 0; i < 2; i++) {
        config.extract = i ? LLMOBS_EXTRACT_RESTART : LLMOBS_EXTRACT_IGNORE;
        ck_assert(!llmobs_context_from_carrier(&c, &config, &every));
        ck_assert_uint_eq(c.parent_id, 0);
        ck_assert_uint_eq(c.apm_parent_id, 0);
        ck_assert_str_eq(c.ml_app, "local-app");
        ck_assert(same(c.trace_id, c.apm_trace_id));
        ck_assert(llmobs_context_baggage(&config, "a=b", &bag) == (i == 1));
    }
    ck_assert(llmobs_context_baggage(&base, " a=b ", &bag));
    ck_assert_uint_eq(bag.len, 3);
    ck_assert(!llmobs_context_baggage(&base, NULL, &bag));
}
END_TEST

static const char *const bad_b3[] = {
    "",
    "0",
    "-",
    "--",
    "00000000000000000000000000000003",
    "00000000000000000000000000000003-",
    "00000000000000000000000000000003-0000000000000000-1",
    "00000000000000000000000000000000-0000000000000033-1",
    "0000000000000000000000000000003-0000000000000033-1",
    "0000000000000000000000000000000g-0000000000000033-1",
    "00000000000000000000000000000003-33-1",
    "00000000000000000000000000000003-00000000000000000000000000000033-1",
    "00000000000000000000000000000003-000000000000003\n-1",
};

START_TEST(b3_is_checked)
{
    struct llmobs_config config = base;
    struct llmobs_context c;
    struct llmobs_carrier carrier = {0};

    config.extract_styles = (struct llmobs_styles){{B3, B3MULTI}, 2};
    for (size_t i = 0; i < sizeof(bad_b3) / sizeof(*bad_b3); i++) {
        carrier.b3 = bad_b3[i];
        ck_assert_msg(!llmobs_context_from_carrier(&c, &config, &carrier), "%s",
                      bad_b3[i]);
    }
    carrier.b3 = "6AFFE73A00000000C3D1E2F3A4B5C6D7-6573F78E6E7BCA2B";
    ck_assert(llmobs_context_from_carrier(&c, &config, &carrier));
    ck_assert(same(c.apm_trace_id, numbers[5].id));
    ck_assert_int_eq(c.priority, 1);
    carrier = (struct llmobs_carrier){.x_b3_traceid = "0000000000000004",
                                      .x_b3_spanid = "0000000000000044",
                                      .x_b3_flags = "1"};
    ck_assert(llmobs_context_from_carrier(&c, &config, &carrier));
    ck_assert_int_eq(c.priority, 2);
    carrier.x_b3_spanid = NULL;
    ck_assert(!llmobs_context_from_carrier(&c, &config, &carrier));
}
END_TEST

START_TEST(a_starters_context_is_read_in_any_style)
{
    struct llmobs_config config = base;
    struct llmobs_carrier carrier = {.traceparent = PARENT,
                                     .tracestate = full_state};
    struct llmobs_context c;

    config.extract_styles = (struct llmobs_styles){{DATADOG}, 1};
    ck_assert(!llmobs_context_from_carrier(&c, &config, &carrier));
    carrier.process = true;
    ck_assert(llmobs_context_from_carrier(&c, &config, &carrier));
    ck_assert_uint_eq(c.parent_id, 7310458811263470123u);
    config.extract = LLMOBS_EXTRACT_IGNORE;
    ck_assert(!llmobs_context_from_carrier(&c, &config, &carrier));
}
END_TEST

START_TEST(apm_ids_of_64_bits)
{
    struct llmobs_config config = base;
    struct llmobs_context c;
    struct llmobs_carrier carrier = every;

    config.trace_id_128 = false;
    llmobs_context_root(&c, &config);
    ck_assert_uint_eq(c.apm_trace_id.hi, 0);
    ck_assert_uint_ne(c.trace_id.hi, 0);
    ck_assert_uint_eq(c.apm_trace_id.lo, c.trace_id.lo);
    carrier.x_datadog_tags = "_dd.p.tid=6affe73a00000000";
    ck_assert(llmobs_context_from_carrier(&c, &config, &carrier));
    ck_assert_uint_eq(c.apm_trace_id.hi, 0);
    ck_assert(llmobs_context_from_carrier(&c, &base, &carrier));
    ck_assert_uint_eq(c.apm_trace_id.hi, 0x6affe73a00000000);
}
END_TEST

UNIT_SUITE(context)
{
    Suite *s = suite_create("context");

    UNIT_TEST(s, a_root_is_whole);
    UNIT_TEST(s, rates_are_written_short);
    UNIT_TEST(s, sampling_follows_the_formula);
    UNIT_TEST(s, no_id_comes_twice);
    UNIT_TEST(s, a_child_draws_others);
    UNIT_TEST(s, numbers_of_128_bits);
    UNIT_TEST(s, a_traceparent_alone_makes_a_root_of_ours);
    UNIT_TEST(s, a_distributed_parent_is_inherited);
    UNIT_TEST(s, what_was_not_sent_is_not_made_up);
    UNIT_TEST(s, trace_ids_in_both_forms);
    UNIT_TEST(s, a_bad_traceparent_is_no_parent);
    UNIT_TEST(s, a_later_version_is_read);
    UNIT_TEST(s, a_bad_tracestate_is_no_parent);
    UNIT_TEST(s, hostile_lengths_are_bounded);
    UNIT_TEST(s, priorities_join);
    UNIT_TEST(s, datadog_headers);
    UNIT_TEST(s, long_datadog_tags_are_ignored);
    UNIT_TEST(s, the_256_characters_are_exact);
    UNIT_TEST(s, carriers_as_documented);
    UNIT_TEST(s, written_and_read_it_is_the_same);
    UNIT_TEST(s, a_long_member_is_skipped_and_a_short_one_follows);
    UNIT_TEST(s, the_first_style_has_the_word);
    UNIT_TEST(s, the_first_alone_where_asked_for);
    UNIT_TEST(s, behaviours);
    UNIT_TEST(s, b3_is_checked);
    UNIT_TEST(s, a_starters_context_is_read_in_any_style);
    UNIT_TEST(s, apm_ids_of_64_bits);
    UNIT_TEST(s, a_child_inherits);
    UNIT_TEST(s, ml_app_names);
    return s;
}
