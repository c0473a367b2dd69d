/* Budgets of work: whose they are, and that each pass keeps to them. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/sanitizer.h"
#include "lib/base/work.h"
#include "core/deliver/delivery.h"
#include "core/event/encode.h"
#include "core/event/exchange.h"
#include "lib/span/mask.h"
#include "lib/span/redact.h"
#include "lib/text/json.h"
#include "lib/text/sse.h"
#include "tests/unit/unit.h"

#define MANY 100000

TEST(without_a_budget_all_is_done)
{
    ck_assert(llmobs_work_do(SIZE_MAX));
    ck_assert(llmobs_work_do(SIZE_MAX));
}

TEST(a_budget_ends_once)
{
    llmobs_work_begin(100);
    ck_assert(llmobs_work_do(100));
    ck_assert(!llmobs_work_do(1));
    ck_assert(!llmobs_work_do(0));
    ck_assert_int_eq(llmobs_work_end(), -E2BIG);
    ck_assert(llmobs_work_do(1000));
    llmobs_work_begin(100);
    ck_assert(llmobs_work_do(1));
    ck_assert_int_eq(llmobs_work_end(), 0);
}

static void *work_elsewhere(void *arg)
{
    *(bool *)arg = llmobs_work_do(1000000);
    return NULL;
}

TEST(it_is_one_threads)
{
    pthread_t thread;
    bool did = false;

    llmobs_work_begin(10);
    ck_assert_int_eq(pthread_create(&thread, NULL, work_elsewhere, &did), 0);
    pthread_join(thread, NULL);
    ck_assert(did);
    ck_assert_int_eq(llmobs_work_end(), 0);
}

/* As the app's thread does for the C API. */
static void *encode_elsewhere(void *arg)
{
    struct llmobs_config config = {.event_max = 1 << 20};
    struct llmobs_span span;
    struct llmobs_buf buf;

    llmobs_buf_init(&buf, 1 << 20);
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    for (int i = 0; i < 100; i++) {
        llmobs_buf_cut(&buf, 0);
        ck_assert_int_eq(llmobs_encode_span(&span, &config, &buf), 0);
    }
    llmobs_span_fini(&span);
    llmobs_buf_fini(&buf);
    return arg;
}

TEST(no_other_thread_ends_it)
{
    pthread_t thread;

    for (int i = 0; i < 2; i++) {
        llmobs_work_begin(100);
        ck_assert(llmobs_work_do(i == 0 ? 1 : 101) == (i == 0));
        ck_assert_int_eq(pthread_create(&thread, NULL, encode_elsewhere, NULL),
                         0);
        pthread_join(thread, NULL);
        ck_assert(!llmobs_work_do(100));
        ck_assert_int_eq(llmobs_work_end(), -E2BIG);
    }
}

#if !LLMOBS_TSAN /* it ends a process in which an id comes twice */
/* It holds the budget that it began until the process ends. */
static void *hold_a_budget(void *arg)
{
    llmobs_work_begin(0);
    (void)llmobs_work_do(1);
    atomic_store((atomic_int *)arg, 1);
    pause();
    return NULL;
}

/* The child's first thread has the stack of the one that is not there, and so
 * its id. */
static void check_child(void)
{
    pthread_t thread;
    bool did = false;

    if (pthread_create(&thread, NULL, work_elsewhere, &did) == 0)
        pthread_join(thread, NULL);
    _exit(did ? 0 : 1);
}

TEST(a_child_has_none)
{
    static atomic_int begun;
    pthread_t thread;
    int status;
    pid_t pid;

    ck_assert_int_eq(pthread_create(&thread, NULL, hold_a_budget, &begun), 0);
    while (!atomic_load(&begun))
        sched_yield();
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        check_child();
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
#endif

static void check_late(bool late)
{
    llmobs_work_begin(LLMOBS_WORK_ALL);
    for (int i = 0; i < 3; i++)
        (void)llmobs_work_do(LLMOBS_WORK_LOOK);
    ck_assert_int_eq(llmobs_work_end(), late ? -ETIMEDOUT : 0);
}

TEST(time_ends_it_too)
{
    llmobs_work_until(llmobs_clock_mono_ns());
    check_late(true);
    llmobs_work_until(INT64_MAX);
    check_late(false);
    llmobs_work_by(llmobs_clock_mono_ns());
    check_late(true);
    llmobs_work_by(INT64_MAX);
    llmobs_work_begin(LLMOBS_WORK_ALL);
    ck_assert(llmobs_work_do(LLMOBS_WORK_LOOK));
    ck_assert_int_eq(llmobs_work_end(), 0);
}

static struct llmobs_delivery delivery;
static atomic_int turn;
static int64_t since;

#define TURNS 20000

/* A retreat that ends. */
static void *unbind(void *arg)
{
    for (int i = 1; i <= TURNS; i++) {
        while (atomic_load(&turn) != i)
            sched_yield();
        llmobs_delivery_unbound(&delivery, since);
        atomic_store(&turn, -i);
    }
    return arg;
}

/* An exit that begins as a retreat ends has its bound. */
TEST(the_last_bound_stands)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, unbind, NULL), 0);
    for (int i = 1; i <= TURNS; i++) {
        since = llmobs_delivery_bound(&delivery, 1000000);
        atomic_store(&turn, i);
        for (volatile int wait = i % 128; wait > 0; wait--)
            ;
        (void)llmobs_delivery_bound(&delivery, 0);
        while (atomic_load(&turn) != -i)
            sched_yield();
        check_late(true);
    }
    pthread_join(thread, NULL);
    since = llmobs_delivery_bound(&delivery, 0);
    llmobs_delivery_unbound(&delivery, since);
    check_late(false);
}

/* A text of `piece` again and again, between the two. */
static struct llmobs_text repeat(struct llmobs_buf *buf, const char *begin,
                                 const char *piece, const char *end)
{
    llmobs_buf_cut(buf, 0);
    llmobs_buf_adds(buf, begin);
    for (int i = 0; i < MANY; i++)
        llmobs_buf_adds(buf, piece);
    llmobs_buf_adds(buf, end);
    return (struct llmobs_text){buf->data, buf->len};
}

/* More than a quarter of its bytes is asked for. */
static void check_parse(struct llmobs_text text)
{
    struct llmobs_json *json;

    llmobs_work_begin((int64_t)text.len / 4);
    ck_assert_int_eq(llmobs_json_parse(text, &json), -ENOMEM);
    ck_assert_ptr_null(json);
    ck_assert_int_eq(llmobs_work_end(), -E2BIG);
}

/* Bodies that cost more than their bytes, with a budget for the bytes alone. */
TEST(each_kind_of_json_counts)
{
    static const char *const pieces[][3] = {
        {"\"", "\xff", "\""},
        {"\"", "\x01", "\""},
        {"\"", "\\u00e9", "\""},
        {"\"", "\\\"", "\""},
        {"\"", "\xc3\xa9", "\""},
        {"[", "0,", "0]"},
        {"[", "{},", "0]"},
        {"[", "[\"\"],", "0]"},
        {"{\"a\":0", ",\"b\":1", "}"},
        {"[", "1e999,", "0]"},
    };
    struct llmobs_json *json;
    UNIT_ENDS(llmobs_buf) buf;

    llmobs_buf_init(&buf, 1 << 24);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        struct llmobs_text text =
            repeat(&buf, pieces[i][0], pieces[i][1], pieces[i][2]);

        check_parse(text);
        llmobs_work_begin((int64_t)text.len * 2);
        ck_assert_int_eq(llmobs_json_parse(text, &json), -ENOMEM);
        ck_assert_int_eq(llmobs_work_end(), -E2BIG);
    }
}

/* Values that are built from a body count, too. */
TEST(values_count)
{
    struct llmobs_json *list = llmobs_json_array(), *text = NULL;
    UNIT_ENDS(llmobs_buf) out;

    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(llmobs_json_add(list, llmobs_json_string("\xff")), 0);
    llmobs_work_begin(1000);
    ck_assert_ptr_null(llmobs_json_clone(list));
    ck_assert_int_eq(llmobs_work_end(), -E2BIG);
    llmobs_work_begin(1000);
    llmobs_buf_init(&out, 1 << 20);
    ck_assert_int_eq(llmobs_json_dump(list, LLMOBS_JSON_ASCII, &out), -ENOMEM);
    ck_assert_uint_eq(out.len, 0);
    ck_assert_int_eq(llmobs_work_end(), -E2BIG);
    llmobs_work_begin(1000);
    for (int i = 0; i < 1000; i++) {
        llmobs_json_free(text);
        text = llmobs_json_string("a");
    }
    ck_assert_ptr_null(text);
    ck_assert_int_eq(llmobs_work_end(), -E2BIG);
    llmobs_json_free(list);
}

TEST(other_passes_count)
{
    static const char patterns[] = "use email\nuse keys\n";
    struct llmobs_text file = {patterns, sizeof(patterns) - 1};
    struct llmobs_redact_fault fault;
    struct llmobs_redaction redaction;
    struct llmobs_redact *redact;
    struct llmobs_sse_event event;
    struct llmobs_sse sse;
    struct llmobs_buf in, out;
    struct llmobs_text text;
    bool changed;
    int n = 0;

    llmobs_buf_init(&in, 1 << 24);
    llmobs_buf_init(&out, 1 << 24);
    text = repeat(&in, "", "data:1\n\n", "");
    llmobs_work_begin((int64_t)text.len / 2);
    llmobs_sse_init(&sse, text);
    while (llmobs_sse_next(&sse, &event))
        n++;
    llmobs_sse_fini(&sse);
    ck_assert_int_lt(n, MANY / 2);
    ck_assert_int_eq(llmobs_work_end(), -E2BIG);
    llmobs_work_begin((int64_t)text.len);
    ck_assert_int_eq(llmobs_mask_body(text.data, &out), -ENOMEM);
    ck_assert_int_eq(llmobs_work_end(), -E2BIG);
    llmobs_buf_cut(&out, 0);
    ck_assert_int_eq(llmobs_redact_parse(file, &redact, &fault), 0);
    llmobs_redaction_begin(&redaction, redact);
    llmobs_work_begin((int64_t)text.len);
    ck_assert_int_eq(llmobs_redaction_text(&redaction, text, &out, &changed),
                     0);
    ck_assert_str_eq(out.data, LLMOBS_REDACTED);
    ck_assert_int_eq(llmobs_work_end(), -E2BIG);
    llmobs_redaction_end(&redaction);
    llmobs_redact_free(redact);
    llmobs_buf_fini(&in);
    llmobs_buf_fini(&out);
}
