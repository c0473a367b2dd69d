/* Evaluations from their struct to an exporter: their text, requests of one
 * kind only, each kind's own progress, and their way through the spool. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "core/deliver/delivery.h"
#include "core/deliver/worker.h"
#include "core/event/encode.h"
#include "core/event/evaluation.h"
#include "lib/base/stats.h"
#include "core/sdk/evaluation_submit.h"
#include "core/log/item_entry.h"
#include "llmobs.h"
#include "tests/unit/context_case.h"
#include "tests/unit/unit.h"
#include "core/log/spool.h"

#define TRACE "6affe73a00000000c3d1e2f3a4b5c6d7"

static struct llmobs_config config;

static struct llmobs_evaluation good(void)
{
    return (struct llmobs_evaluation){
        .label = "harmfulness",
        .type = LLMOBS_EVALUATION_SCORE,
        .value.score = 10,
        .span_id = "7310458811263470123",
        .trace_id = TRACE,
        .timestamp_ms = 1795155770999,
        .ml_app = "my-ml-app",
    };
}

/* -- the text ------------------------------------------------------------ */

static char *encoded(const struct llmobs_evaluation *e)
{
    struct llmobs_buf buf;

    config = context_base;
    config.event_max = 5000000;
    config.ml_app = (char[]){"the-service"};
    llmobs_buf_init(&buf, SIZE_MAX / 2);
    ck_assert_int_eq(llmobs_encode_evaluation(e, &config, &buf), 0);
    return llmobs_buf_take(&buf, NULL);
}

static void has(const struct llmobs_evaluation *e, const char *part)
{
    char *text = encoded(e);

    ck_assert_msg(strstr(text, part) != NULL, "no %s in %s", part, text);
    free(text);
}

TEST(feedback_is_the_wires)
{
    struct llmobs_evaluation e = good();
    char *text;

    e.type = LLMOBS_EVALUATION_WORDS;
    e.value.categorical = "so so";
    e.trace_id = NULL;
    e.submitter_id = "u7";
    e.submitter_type = "user";
    e.assessment = "fail";
    e.reasoning = "too long";
    text = encoded(&e);
    ck_assert_str_eq(text,
                     "{\"assessment\": \"fail\", \"event_kind\": \"feedback\", "
                     "\"label\": \"harmfulness\", \"metric_type\": \"text\", "
                     "\"ml_app\": \"my-ml-app\", \"reasoning\": \"too long\", "
                     "\"span_id\": \"7310458811263470123\", "
                     "\"submitter\": {\"id\": \"u7\", \"type\": \"user\"}, "
                     "\"tags\": [\"ddtrace.version:" LLMOBS_VERSION
                     "\", \"ml_app:my-ml-app\"], \"text_value\": \"so so\", "
                     "\"timestamp_ms\": 1795155770999}");
    free(text);
    e.span_id = NULL;
    e.submitter_type = NULL;
    e.session_id = "s1";
    has(&e, "\"session_id\": \"s1\", \"submitter\": {\"id\": \"u7\"}, ");
    e.session_id = NULL;
    e.join_key = "order 9";
    has(&e, "\"feedback_join_key\": \"order 9\", ");
    e.join_key = NULL;
    e.trace_id = TRACE;
    has(&e, "\"timestamp_ms\": 1795155770999, \"trace_id\": \"" TRACE "\"}");
}

TEST(the_text_is_the_wires)
{
    struct llmobs_evaluation_tag tags[] = {
        {"topic", "a,b"}, {"empty", NULL}, {"topic", "last"}};
    struct llmobs_evaluation e = good();
    struct llmobs_json *metadata;
    char *text;

    ck_assert_int_eq(llmobs_json_parse(
                         (struct llmobs_text){"{\"by\":[1,2]}", 12}, &metadata),
                     0);
    e.assessment = "pass";
    e.reasoning = "because";
    e.metadata = metadata;
    e.tags = tags;
    e.tag_count = 3;
    text = encoded(&e);
    ck_assert_str_eq(
        text,
        "{\"assessment\": \"pass\", \"eval_scope\": \"span\", "
        "\"event_kind\": \"evaluation\", \"join_on\": {\"span\": "
        "{\"span_id\": \"7310458811263470123\", \"trace_id\": \"" TRACE
        "\"}}, \"label\": \"harmfulness\", \"metadata\": {\"by\": [1, 2]}, "
        "\"metric_type\": \"score\", \"ml_app\": \"my-ml-app\", "
        "\"reasoning\": \"because\", \"score_value\": 10, \"tags\": "
        "[\"ddtrace.version:" LLMOBS_VERSION "\", \"ml_app:my-ml-app\", "
        "\"topic:last\", \"empty:\"], \"timestamp_ms\": 1795155770999}");
    free(text);
    llmobs_json_free(metadata);
}

TEST(each_type_has_its_value)
{
    struct llmobs_json *object = llmobs_json_object();
    struct llmobs_evaluation e = good();

    e.value.score = 0.25;
    has(&e, "\"score_value\": 0.25,");
    e.value.score = -3;
    has(&e, "\"score_value\": -3,");
    e.value.score = 1e300;
    has(&e, "\"score_value\": 1e+300,");
    e.value.score = -0.0;
    has(&e, "\"score_value\": 0,");
    e.type = LLMOBS_EVALUATION_CATEGORICAL;
    e.value.categorical = "polite";
    has(&e, "\"categorical_value\": \"polite\", ");
    has(&e, "\"metric_type\": \"categorical\"");
    e.type = LLMOBS_EVALUATION_BOOLEAN;
    e.value.boolean = true;
    has(&e, "\"boolean_value\": true, ");
    e.type = LLMOBS_EVALUATION_JSON;
    llmobs_json_sets(object, "a", "b");
    e.value.json = object;
    has(&e, "\"json_value\": {\"a\": \"b\"}, ");
    llmobs_json_free(object);
}

TEST(what_is_not_said_has_its_default)
{
    struct llmobs_evaluation e = good();
    int64_t before = llmobs_clock_wall_ns() / LLMOBS_NS_PER_MS, stamp;
    char *text;

    e.ml_app = NULL;
    e.timestamp_ms = 0;
    e.span_id = e.trace_id = NULL;
    e.tag_key = "msg_id";
    e.tag_value = "77,8";
    e.of_trace = true;
    has(&e, "\"join_on\": {\"tag\": {\"key\": \"msg_id\", "
            "\"value\": \"77,8\"}}");
    has(&e, "\"eval_scope\": \"trace\"");
    has(&e, "\"ml_app\": \"the-service\", ");
    has(&e, "\"ml_app:the-service\"]");
    text = encoded(&e);
    ck_assert_ptr_null(strstr(text, "assessment"));
    ck_assert_ptr_null(strstr(text, "reasoning"));
    ck_assert_ptr_null(strstr(text, "metadata"));
    stamp = atoll(strstr(text, "\"timestamp_ms\": ") + 16);
    ck_assert_int_ge(stamp, before);
    ck_assert_int_le(stamp, before + 600000);
    free(text);
}

/* The text is JSON in ASCII, whatever the bytes are. */
TEST(hostile_texts_are_escaped)
{
    static const char *const texts[] = {
        "\"}]}}}",
        "\\\"\\u0000\n\r\t\x01\x7f",
        "\xff\xfe\xc0\x80 bad",
        "\xed\xa0\x80 lone",
        "w\xc3\xb6rld \xf0\x9f\x98\x80 \xe2\x80\xa8",
        "],\"start_ns\": 1, \"span_id\": \"1\"",
        "\xf0\x9f",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct llmobs_evaluation_tag tag = {texts[i], texts[i]};
        struct llmobs_evaluation e = good();
        struct llmobs_json *json;
        char *text;

        e.type = LLMOBS_EVALUATION_CATEGORICAL;
        e.label = e.value.categorical = e.reasoning = e.ml_app = texts[i];
        e.tags = &tag;
        e.tag_count = 1;
        text = encoded(&e);
        for (const char *c = text; *c; c++)
            ck_assert(*c >= 0x20 && *c < 0x7f);
        ck_assert_int_eq(
            llmobs_json_parse((struct llmobs_text){text, strlen(text)}, &json),
            0);
        ck_assert_uint_eq(llmobs_json_len(json), 10);
        ck_assert_str_eq(llmobs_json_gets(json, "label"),
                         llmobs_json_gets(json, "reasoning"));
        llmobs_json_free(json);
        free(text);
    }
}

/* It may quote what was said. */
TEST(content_is_kept_back)
{
    struct llmobs_evaluation e = good();
    UNIT_ENDS(llmobs_buf) buf;

    e.type = LLMOBS_EVALUATION_CATEGORICAL;
    e.value.categorical = "they said a secret";
    e.reasoning = "it was a secret";
    config = context_base;
    config.event_max = 5000000;
    config.privacy.content = LLMOBS_CONTENT_OFF;
    llmobs_buf_init(&buf, SIZE_MAX / 2);
    ck_assert_int_eq(llmobs_encode_evaluation(&e, &config, &buf), 0);
    ck_assert_ptr_null(memmem(buf.data, buf.len, "secret", 6));
    ck_assert_ptr_nonnull(memmem(buf.data, buf.len, "harmfulness", 11));
}

/* Nothing of it may be cut: it is refused as a whole. */
TEST(too_big_is_refused)
{
    struct llmobs_evaluation e = good();
    char *big = unit_own(malloc(1001));
    UNIT_ENDS(llmobs_buf) buf;

    memset(big, 'x', 1000);
    big[1000] = '\0';
    e.reasoning = big;
    config = context_base;
    config.event_max = 1000;
    llmobs_buf_init(&buf, SIZE_MAX / 2);
    ck_assert_int_eq(llmobs_encode_evaluation(&e, &config, &buf), -E2BIG);
    ck_assert_uint_eq(buf.len, 0);
    config.event_max = 2000;
    ck_assert_int_eq(llmobs_encode_evaluation(&e, &config, &buf), 0);
}

/* -- delivery ------------------------------------------------------------ */

struct side {
    struct llmobs_exporter base;
    int error[LLMOBS_EVENT_KINDS];
    unsigned taken[LLMOBS_EVENT_KINDS];
    unsigned sends;
    unsigned strange; /* events of another kind than the send's */
    size_t most;      /* events of a send; 0: any */
};

static struct side far, near;
static struct llmobs_worker *worker;
static struct llmobs_worker *kept[16];
static size_t kept_count;

static int side_send(struct llmobs_exporter *exporter,
                     const struct llmobs_text *events, size_t count)
{
    struct side *side = (struct side *)exporter;
    enum llmobs_event_kind kind = exporter->kind;

    side->sends++;
    if (side->error[kind])
        return side->error[kind];
    if (side->most && count > side->most)
        count = side->most;
    for (size_t i = 0; i < count; i++) {
        bool evaluation =
            memmem(events[i].data, events[i].len, "\"event_kind\"", 12) != NULL;

        side->strange += evaluation != (kind == LLMOBS_EVENT_EVALUATION);
    }
    side->taken[kind] += (unsigned)count;
    return (int)count;
}

static void side_forget(struct llmobs_exporter *exporter)
{
    (void)exporter;
}

static const struct llmobs_exporter_ops far_ops = {
    "agent", side_send, side_forget, side_forget, NULL};
static const struct llmobs_exporter_ops near_ops = {
    "store", side_send, side_forget, side_forget, NULL};

static void begin(bool with_store)
{
    memset(&far, 0, sizeof(far));
    memset(&near, 0, sizeof(near));
    far.base.ops = &far_ops;
    near.base.ops = &near_ops;
    atomic_store(&far.base.remote, true);
    config = context_base;
    config.thread = false;
    config.event_max = 5000000;
    config.payload_max = 5242880;
    config.buffer_max = 1 << 24;
    config.exit_flush_ms = -1;
    llmobs_stats_reset();
    worker = llmobs_worker_new(&config, llmobs_queue_new(1 << 24), &far.base);
    ck_assert_ptr_nonnull(worker);
    kept[kept_count++ % 16] = worker;
    if (with_store)
        ck_assert_int_eq(
            llmobs_delivery_add(llmobs_worker_delivery(worker), &near.base), 0);
    llmobs_evaluation_init(&config, worker);
}

static void give_span(void)
{
    struct llmobs_span span;

    ck_assert_int_eq(llmobs_span_init(&span), 0);
    ck_assert_int_eq(llmobs_worker_submit_span(worker, &span), 0);
}

/* Turn about. */
static void give_both(int n)
{
    struct llmobs_evaluation e = good();

    for (int i = 0; i < n; i++) {
        give_span();
        ck_assert_int_eq(llmobs_evaluation_submit(&e), 0);
    }
}

static void check_sum(void)
{
    uint64_t sum = llmobs_worker_pending(worker);

    for (int i = 0; i < LLMOBS_STAT_COUNT; i++)
        if (llmobs_stats_is_outcome((enum llmobs_stat)i))
            sum += llmobs_stats_get((enum llmobs_stat)i);
    ck_assert_uint_eq(sum, llmobs_stats_get(LLMOBS_STAT_captured) +
                               llmobs_stats_get(LLMOBS_STAT_adopted));
}

TEST(a_send_has_one_kind)
{
    begin(true);
    give_both(300);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    for (int kind = 0; kind < LLMOBS_EVENT_KINDS; kind++) {
        ck_assert_uint_eq(far.taken[kind], 300);
        ck_assert_uint_eq(near.taken[kind], 300);
    }
    ck_assert_uint_eq(far.strange + near.strange, 0);
    /* Over the network what came turn about does not go so. */
    ck_assert_uint_lt(far.sends, 60);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_captured), 600);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_delivered), 600);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_evaluations), 300);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_sent_agent), 600);
    check_sum();
    llmobs_worker_stop(worker, UNIT_LONG_MS);
}

/* A peer may refuse the one kind: the other gets through. */
TEST(no_kind_holds_up_another)
{
    static const int errors[] = {-EACCES, -EAGAIN, -ECONNREFUSED, -EBADMSG};

    for (size_t i = 0; i < 2 * sizeof(errors) / sizeof(*errors); i++) {
        int bad = (int)(i % 2), good_kind = 1 - bad;
        bool refused = errors[i / 2] == -EBADMSG;

        begin(false);
        far.error[bad] = errors[i / 2];
        give_both(20);
        /* Refused events are gone by then, and the others there, however slow
         * the machine. */
        for (int n = 0; n < 40 && far.taken[good_kind] < 20; n++)
            (void)llmobs_worker_flush(worker, refused ? 60000 : 500);
        ck_assert_uint_eq(far.taken[good_kind], 20);
        ck_assert_uint_eq(far.taken[bad], 0);
        ck_assert_uint_eq(llmobs_worker_pending(worker), refused ? 0 : 20);
        ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_dropped_export),
                          refused ? 20 : 0);
        ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_evaluations),
                          good_kind == LLMOBS_EVENT_EVALUATION ? 20 : 0);
        check_sum();
        llmobs_worker_stop(worker, 100);
        check_sum();
    }
}

/* The store, here as the rescue, takes what a remote peer would not. */
TEST(what_is_left_is_rescued)
{
    begin(false);
    llmobs_worker_delivery(worker)->rescue = &near.base;
    far.error[LLMOBS_EVENT_SPAN] = far.error[LLMOBS_EVENT_EVALUATION] =
        -ECONNREFUSED;
    give_both(10);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    ck_assert_uint_eq(near.taken[LLMOBS_EVENT_SPAN], 10);
    ck_assert_uint_eq(near.taken[LLMOBS_EVENT_EVALUATION], 10);
    ck_assert_uint_eq(near.strange, 0);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_evaluations), 0);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_fell_back), 20);
    check_sum();
}

TEST(nobody_delivers)
{
    struct llmobs_evaluation e = good();

    llmobs_evaluation_init(&config, NULL);
    ck_assert_int_eq(llmobs_evaluation_submit(&e), -ENOTCONN);
}

/* -- the spool ----------------------------------------------------------- */

static char base[UNIT_DIRECTORY], stored[96], place[96];
static struct llmobs_spool *spool;

static void begin_spool(void)
{
    unit_directory(base);
    snprintf(stored, sizeof(stored), "%s/store", base);
    snprintf(place, sizeof(place), "%s/spool", base);
    begin(false);
    config.store_dir = stored;
    config.spool_dir = place;
    config.spool_max = 64 << 20;
    spool = llmobs_spool_new(&config);
    ck_assert_ptr_nonnull(spool);
    llmobs_account_set(&llmobs_worker_delivery(worker)->account, spool, NULL);
}

static void end_spool(void)
{
    unit_remove(base);
}

/* A process that submits n and is gone, nothing delivered. */
static void in_dead(int n)
{
    struct llmobs_evaluation e = good();
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        for (int i = 0; i < n; i++)
            if (llmobs_evaluation_submit(&e))
                _exit(1);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}

/* It is on the disk when submit returns. */
TEST(a_killed_process_leaves_them)
{
    struct llmobs_adopt *adopt;
    struct llmobs_adopted one;
    struct llmobs_adopt_counts left;
    int n = 0;

    begin_spool();
    in_dead(5);
    adopt = llmobs_adopt_new(&config, LLMOBS_ADOPT_SAME, NULL);
    ck_assert_int_eq(llmobs_adopt_count(adopt, &left), 0);
    ck_assert_uint_eq(left.ours, 5);
    ck_assert_uint_eq(left.unreadable, 0);
    ck_assert_int_gt(left.oldest_ns,
                     llmobs_clock_wall_ns() - 600 * 1000 * LLMOBS_NS_PER_MS);
    while (llmobs_adopt_next(adopt, &one) == 1) {
        struct llmobs_text text = llmobs_event_item_text(one.item);

        ck_assert_int_eq(one.item->kind, LLMOBS_EVENT_EVALUATION);
        ck_assert_ptr_nonnull(memmem(text.data, text.len, "harmfulness", 11));
        llmobs_item_free(one.item);
        llmobs_adopt_release(adopt, &one.spooled, 1);
        n++;
    }
    ck_assert_int_eq(n, 5);
    llmobs_adopt_free(adopt);
    end_spool();
}

/* A drain delivers them; each comes once. */
TEST(they_are_adopted)
{
    begin_spool();
    in_dead(5);
    llmobs_account_set(&llmobs_worker_delivery(worker)->account, spool,
                       llmobs_adopt_new(&config, LLMOBS_ADOPT_SAME, NULL));
    llmobs_worker_delivery(worker)->drains = true;
    give_span();
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    ck_assert_uint_eq(far.taken[LLMOBS_EVENT_SPAN], 1);
    ck_assert_uint_eq(far.taken[LLMOBS_EVENT_EVALUATION], 5);
    ck_assert_uint_eq(far.strange, 0);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_adopted), 5);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_evaluations), 5);
    check_sum();
    end_spool();
}

/* Delivered, nothing of them stays; not delivered, they wait. */
TEST(the_spool_lets_go)
{
    struct llmobs_adopt *adopt;
    struct llmobs_adopt_counts left;

    begin_spool();
    give_both(3);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    far.error[LLMOBS_EVENT_EVALUATION] = -EACCES;
    give_both(2);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    ck_assert_uint_eq(far.taken[LLMOBS_EVENT_SPAN], 5);
    ck_assert_uint_eq(far.taken[LLMOBS_EVENT_EVALUATION], 3);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_left), 2);
    check_sum();
    adopt = llmobs_adopt_new(&config, LLMOBS_ADOPT_SAME, NULL);
    ck_assert_int_eq(llmobs_adopt_count(adopt, &left), 0);
    ck_assert_uint_eq(left.ours, 2);
    llmobs_adopt_free(adopt);
    end_spool();
}

/* Where memory has no room the disk has it, and it comes back from there. */
TEST(they_wait_on_the_disk)
{
    struct llmobs_evaluation e = good();
    char *big = malloc(20001);

    begin_spool();
    config.buffer_max = 100000;
    memset(big, 'r', 20000);
    big[20000] = '\0';
    e.reasoning = big;
    far.error[LLMOBS_EVENT_EVALUATION] = -EAGAIN;
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(llmobs_evaluation_submit(&e), 0);
        if (i % 5 == 0)
            (void)llmobs_worker_flush(worker, 1);
    }
    (void)llmobs_worker_flush(worker, 1);
    ck_assert_uint_eq(llmobs_worker_pending(worker), 50);
    far.error[LLMOBS_EVENT_EVALUATION] = 0;
    far.most = 3;
    for (int i = 0; i < 1000 && llmobs_worker_pending(worker) > 0; i++)
        (void)llmobs_worker_flush(worker, 100);
    ck_assert_uint_eq(far.taken[LLMOBS_EVENT_EVALUATION], 50);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_delivered), 50);
    check_sum();
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    free(big);
    end_spool();
}

/* An entry of a kind that this version does not know is left where it is. */
TEST(an_unknown_kind_is_kept)
{
    struct llmobs_entry_writer writer;
    const int64_t now[2] = {7, 5};
    int64_t mono;
    char bytes[512];
    struct llmobs_entry entry;
    struct llmobs_entry_key key;
    struct llmobs_item *item;
    size_t at, len;

    llmobs_entry_key(&key);
    for (int k = 0; k <= LLMOBS_EVENT_KINDS; k++) {
        llmobs_entry_begin(&writer, LLMOBS_ENTRY_EVENT, 1);
        llmobs_event_add(&writer, (enum llmobs_event_kind)k,
                         (struct llmobs_text){"{\"start_ns\": 4}", 15}, now);
        ck_assert_int_gt(llmobs_entry_end(&writer, &key), 0);
        len = 0;
        for (int i = 0; i < writer.pieces; i++) {
            memcpy(bytes + len, writer.iov[i].iov_base, writer.iov[i].iov_len);
            len += writer.iov[i].iov_len;
        }
        at = 0;
        ck_assert(llmobs_entry_next(&key, (struct llmobs_text){bytes, len}, &at,
                                    &entry));
        ck_assert_int_eq(llmobs_item_read(&entry, NULL, &item),
                         k < LLMOBS_EVENT_KINDS ? 0 : -EINVAL);
        if (k < LLMOBS_EVENT_KINDS) {
            ck_assert_int_eq(item->kind, k);
            llmobs_item_free(item);
        }
        ck_assert_int_eq(llmobs_item_start(&entry, &mono),
                         k == LLMOBS_EVENT_SPAN ? 4 : 7);
        ck_assert_int_eq(mono, k == LLMOBS_EVENT_SPAN ? 2 : 5);
    }
}
