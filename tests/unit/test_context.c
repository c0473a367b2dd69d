/* A context: its ids, its sampling, and how it is written. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/fork.h"
#include "lib/base/sanitizer.h"
#include "core/trace/carrier.h"
#include "core/trace/propagate.h"
#include "tests/unit/context_case.h"

TEST(a_root_is_whole)
{
    struct llmobs_context c;
    time_t now = time(NULL);

    llmobs_context_root(&c, &context_base);
    ck_assert(context_same(c.trace_id, c.apm_trace_id));
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

TEST(rates_are_written_short)
{
    struct llmobs_config config = context_base;
    struct llmobs_context c;

    for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
        config.sample_rate = rates[i].rate;
        llmobs_context_root(&c, &config);
        ck_assert_str_eq(c.sample_rate, rates[i].text);
    }
}

TEST(sampling_follows_the_formula)
{
    struct llmobs_config config = context_base;
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

TEST(no_id_comes_twice)
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

TEST(a_child_draws_others)
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

/* It is its parent by the page; who must know asks. */
TEST(a_child_may_share_our_memory)
{
    int status;
    pid_t pid;

    ck_assert_int_eq(llmobs_fork_init(), 0);
    llmobs_fork_record_pid();
    ck_assert(!llmobs_fork_shares());
    pid = vfork();
    if (pid == 0)
        _exit(llmobs_fork_shares() ? 3 : 2);
    waitpid(pid, &status, 0);
    /* ThreadSanitizer makes a fork of it. */
    ck_assert_int_eq(WEXITSTATUS(status), LLMOBS_TSAN ? 2 : 3);
    ck_assert(!llmobs_fork_shares());
}

static pid_t new_child(bool bare)
{
    return bare ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
}

/* Not its parent, nor its grandparent, and always the same. */
static int knows_itself(int parent, bool bare)
{
    int self = llmobs_fork_process(), status;
    pid_t pid;

    if (self <= 0 || self == parent || self != llmobs_fork_process())
        return 1;
    pid = new_child(bare);
    if (pid == 0) {
        int child = llmobs_fork_process();

        _exit(child == self || child == parent ? 2 : 0);
    }
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

/* However it was made, a child with its own memory is another process. */
TEST(a_process_knows_itself)
{
    int self, status;

    ck_assert_int_eq(llmobs_fork_init(), 0);
    self = llmobs_fork_process();
    ck_assert_int_gt(self, 0);
    for (int bare = 0; bare < 2; bare++) {
        pid_t pid = new_child(bare);

        if (pid == 0)
            _exit(knows_itself(self, bare));
        waitpid(pid, &status, 0);
        ck_assert_int_eq(WEXITSTATUS(status), 0);
        ck_assert_int_eq(llmobs_fork_process(), self);
    }
}

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

TEST(numbers_of_128_bits)
{
    char text[40];

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        llmobs_id128_decimal(numbers[i].id, text);
        ck_assert_str_eq(text, numbers[i].decimal);
    }
    llmobs_id128_hex(context_trace, text);
    ck_assert_str_eq(text, TRACE);
    llmobs_id128_hex(numbers[1].id, text);
    ck_assert_str_eq(text, "00000000000000000000000000000001");
}

/* Only the members without the p and without the semicolons count. */
static size_t counted(const char *state)
{
    size_t n = 0;

    for (state = strchr(state, ';'); state && *state; state++)
        n += *state != ';';
    return n;
}

TEST(the_256_characters_are_exact)
{
    struct llmobs_context c;
    char state[600];
    size_t most = 0;

    llmobs_context_root(&c, &context_base);
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

TEST(carriers_as_documented)
{
    struct llmobs_context c;
    char text[600];

    llmobs_context_root(&c, &context_base);
    c.trace_id = c.apm_trace_id = context_trace;
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

TEST(written_and_read_it_is_the_same)
{
    struct llmobs_context c, back;
    char parent[64], state[600];

    ck_assert(context_from(&c, PARENT, context_state));
    strcpy(c.ml_app, "caf\xc3\xa9,;a=b");
    ck_assert_int_eq(llmobs_context_traceparent(&c, parent, sizeof(parent)), 0);
    ck_assert_int_eq(llmobs_context_tracestate(&c, state, sizeof(state)), 0);
    ck_assert(context_from(&back, parent, state));
    ck_assert_uint_eq(back.parent_id, c.span_id);
    ck_assert(context_same(back.trace_id, c.trace_id));
    ck_assert(context_same(back.apm_trace_id, c.apm_trace_id));
    ck_assert_str_eq(back.session_id, c.session_id);
    ck_assert_str_eq(back.sample_rate, c.sample_rate);
    ck_assert_str_eq(back.sampled, c.sampled);
    ck_assert_str_eq(back.ml_app, "caf_a=b");
    ck_assert_str_eq(back.vendors, c.vendors);
    ck_assert_int_eq(back.priority, c.priority);
    ck_assert_str_eq(back.origin, "rum");
}

TEST(a_long_member_is_skipped_and_a_short_one_follows)
{
    struct llmobs_context c;
    char state[600];
    const char *end;

    llmobs_context_root(&c, &context_base);
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

TEST(a_child_inherits)
{
    struct llmobs_context parent, child;

    ck_assert(context_from(&parent, PARENT, context_state));
    llmobs_context_child(&child, &parent);
    ck_assert_uint_eq(child.parent_id, parent.span_id);
    ck_assert_uint_ne(child.span_id, parent.span_id);
    ck_assert(context_same(child.trace_id, parent.trace_id));
    ck_assert_str_eq(child.ml_app, parent.ml_app);
    ck_assert_str_eq(child.sampled, "0");
    llmobs_context_child(&parent, &parent);
    ck_assert_uint_eq(parent.parent_id, child.parent_id);
}

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

TEST(ml_app_names)
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
