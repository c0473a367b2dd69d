/* The tokens of what goes on behind a call: one span counts them, or none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/link_case.h"

#define HOUR (3600 * SECOND)
#define URL "https://api.example.com/v1/responses"
#define ID "resp_68a1f2"

static void end(void)
{
    link_end();
}

struct part {
    uint64_t span;
    enum llmobs_job_part part;
    const char *id; /* NULL: ID */
    int in, out;    /* tokens of the job that has ended */
    const char *url, *body;
    uint64_t account, trace; /* 0: a trace of its own */
    bool failed, off;
    bool alone;            /* counts, even if nobody saw the job begin */
    int64_t since;         /* the job ended then or later, in ns */
    bool counted;          /* the call's own tokens are known */
    enum llmobs_kind kind; /* _LLM: as the part says */
    const char *thread;    /* the provider's id of the conversation */
    const char *calls;     /* messages behind the output */
    const char *results;   /* messages of the input */
};

static void fill(const struct part *part, struct llmobs_span *span)
{
    ck_assert_int_eq(llmobs_span_init(span), 0);
    span->kind = part->kind                       ? part->kind
                 : part->part != LLMOBS_JOB_ASKED ? LLMOBS_KIND_LLM
                                                  : LLMOBS_KIND_TASK;
    span->context.span_id = part->span;
    span->context.trace_id =
        (struct llmobs_id128){1, part->trace ? part->trace : part->span};
    span->start_ns = link_now;
    span->duration_ns = SECOND / 2;
    span->failed = part->failed;
    span->job.part = part->part;
    ck_assert_int_eq(llmobs_span_set(&span->job.id, part->id ? part->id : ID),
                     0);
    llmobs_span_fact(&span->facts, LLMOBS_FACT_CONVERSATION_ID, part->thread);
    span->output_behind = link_json(part->calls);
    span->input_messages = link_json(part->results);
    span->job.alone = part->alone;
    span->job.since_ns = part->since;
    if (part->counted)
        llmobs_span_metric(span, "output_tokens", 5);
    if (part->part == LLMOBS_JOB_DONE)
        llmobs_span_metric(span, "input_tokens", 7);
    if (part->in == 0)
        return;
    span->job.metrics = llmobs_json_object();
    ck_assert_int_eq(llmobs_json_set(span->job.metrics, "input_tokens",
                                     llmobs_json_int(part->in)),
                     0);
    ck_assert_int_eq(llmobs_json_set(span->job.metrics, "output_tokens",
                                     llmobs_json_int(part->out)),
                     0);
}

/* "1:job 7/5": the links of the span, and the tokens that it counts; then its
 * tag. */
static const char *text_of(const struct llmobs_span *span)
{
    static char text[256];
    const struct llmobs_json *in =
        llmobs_json_get(span->metrics, "input_tokens");
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < llmobs_json_len(span->links); i++) {
        const struct llmobs_json *link = llmobs_json_at(span->links, i);
        const struct llmobs_json *ends = llmobs_json_get(link, "attributes");

        const char *kind = llmobs_json_gets(ends, "kind");

        ck_assert_str_eq(llmobs_json_gets(ends, "from"), "output");
        ck_assert_str_eq(llmobs_json_gets(ends, "to"), "input");
        len += (size_t)snprintf(
            text + len, sizeof(text) - len, "%s%s:%s", i > 0 ? " " : "",
            llmobs_json_gets(link, "span_id"), kind ? kind : "");
    }
    if (in)
        len += (size_t)snprintf(text + len, sizeof(text) - len, " %lld/%lld",
                                (long long)llmobs_json_to_int(in),
                                (long long)llmobs_json_to_int(llmobs_json_get(
                                    span->metrics, "output_tokens")));
    if (span->extra_tags)
        snprintf(text + len, sizeof(text) - len, " %s",
                 llmobs_json_text(llmobs_json_at(span->extra_tags, 0)));
    return text;
}

static const char *link_part(const struct part *part)
{
    struct llmobs_linker_call call = {
        .method = "GET",
        .url = part->url ? part->url : URL,
        .account = part->account,
        .whole = true,
        .stitch = part->off ? LLMOBS_STITCH_OFF : LLMOBS_STITCH_TAG,
    };
    struct llmobs_span span;
    const char *text;

    if (part->body)
        call.request = (struct llmobs_text){part->body, strlen(part->body)};
    fill(part, &span);
    link_now += SECOND;
    llmobs_linker_link(&linker, &call, &span);
    llmobs_linker_close(&linker);
    text = text_of(&span);
    llmobs_span_fini(&span);
    return text;
}

#define BEGINS(number, ...)   \
    link_part(&(struct part){ \
        .span = (number), .part = LLMOBS_JOB_BEGUN, .in = 0, __VA_ARGS__})
#define STREAMS(number, ...)  \
    link_part(&(struct part){ \
        .span = (number), .part = LLMOBS_JOB_STREAM, .in = 0, __VA_ARGS__})
#define ASKS(number, ...)     \
    link_part(&(struct part){ \
        .span = (number), .part = LLMOBS_JOB_ASKED, .in = 0, __VA_ARGS__})
#define FINDS(number, ...)                             \
    link_part(&(struct part){.span = (number),         \
                             .part = LLMOBS_JOB_ASKED, \
                             .in = 7,                  \
                             .out = 5,                 \
                             __VA_ARGS__})

#define DONE(number)          \
    link_part(&(struct part){ \
        .span = (number), .part = LLMOBS_JOB_DONE, .counted = true})
/* Finds a job that counts, even if nobody saw it begin. */
#define SEES(number, ...) FINDS(number, .alone = true, __VA_ARGS__)

TEST(the_first_that_finds_the_end_counts)
{
    link_begin();
    ck_assert_str_eq(BEGINS(1, .failed = false), "");
    ck_assert_str_eq(ASKS(2, .failed = false), "1:job");
    ck_assert_str_eq(FINDS(3, .failed = false), "1:job 7/5");
    ck_assert_str_eq(FINDS(4, .failed = false), "1:job");
    ck_assert_str_eq(ASKS(5, .failed = false), "1:job");
    end();
}

/* As after a kill: the next process makes the span again. */
TEST(a_span_that_is_made_again_is_the_same)
{
    link_begin();
    BEGINS(1, .failed = false);
    ck_assert_str_eq(FINDS(2, .failed = false), "1:job 7/5");
    ck_assert_str_eq(FINDS(2, .failed = false), "1:job 7/5");
    BEGINS(1, .failed = false);
    ck_assert_str_eq(FINDS(3, .failed = false), "1:job");
    end();
}

TEST(what_nobody_began_is_not_counted)
{
    link_begin();
    ck_assert_str_eq(FINDS(1, .failed = false), "");
    BEGINS(2, .account = 7);
    ck_assert_str_eq(FINDS(3, .account = 8), "");
    ck_assert_str_eq(FINDS(4, .failed = false), "");
    ck_assert_str_eq(
        FINDS(5, .account = 7, .url = "https://api.example.org/v1/x"), "");
    ck_assert_str_eq(
        FINDS(6, .account = 7, .url = "https://api.example.com:8443/v1/x"), "");
    ck_assert_str_eq(FINDS(7, .account = 7, .id = "resp_68a1f3"), "");
    ck_assert_str_eq(
        FINDS(8, .account = 7, .url = "https://api.example.com/v2/other"),
        "2:job 7/5");
    end();
}

TEST(what_does_not_matter)
{
    link_begin();
    /* A request that asks names no end user, and failed calls count: a stream
     * in the background was cut. */
    BEGINS(1, .body = "{\"user\":\"ann\"}", .failed = true);
    ck_assert_str_eq(FINDS(2, .off = true, .failed = true), "1:job 7/5");
    end();
}

TEST(an_id_that_is_given_twice)
{
    link_begin();
    BEGINS(1, .trace = 90);
    BEGINS(2, .trace = 91);
    ck_assert_str_eq(FINDS(3, .failed = false), "");
    ck_assert_str_eq(FINDS(4, .trace = 91), "2:job 7/5");
    /* It may be the one that is counted. */
    ck_assert_str_eq(FINDS(5, .failed = false), "");
    ck_assert_str_eq(FINDS(6, .trace = 90), "1:job 7/5");
    ck_assert_str_eq(FINDS(7, .trace = 90), "1:job");
    BEGINS(8, .failed = false);
    ck_assert_str_eq(FINDS(9, .failed = false), "");
    for (uint64_t i = 20; i < 30; i++)
        BEGINS(i, .id = "1");
    ck_assert_str_eq(FINDS(31, .id = "1"), "");
    end();
}

/* Each call of a conversation has its id; the last one is meant, which may have
 * counted its tokens itself. */
TEST(a_stream_takes_the_place_of_those_before_it)
{
    link_begin();
    STREAMS(1, .counted = false);
    ck_assert_str_eq(ASKS(2, .failed = false), "1:job");
    ck_assert_str_eq(FINDS(3, .failed = false), "1:job 7/5");
    STREAMS(4, .counted = true);
    ck_assert_str_eq(FINDS(5, .failed = false), "4:job");
    for (uint64_t i = 20; i < 40; i++)
        STREAMS(i, .counted = false);
    ck_assert_str_eq(FINDS(41, .failed = false), "39:job 7/5");
    STREAMS(39, .counted = false);
    ck_assert_str_eq(FINDS(42, .failed = false), "39:job");
    end();
}

TEST(a_job_of_yesterday)
{
    link_begin();
    BEGINS(1, .failed = false);
    BEGINS(2, .id = "resp_2");
    link_now += 23 * HOUR;
    ck_assert_str_eq(FINDS(3, .failed = false), "1:job 7/5");
    link_now += 2 * HOUR;
    ck_assert_str_eq(FINDS(4, .id = "resp_2"), "");
    end();
}

TEST(each_part_in_a_process_of_its_own)
{
    link_begin_file();
    BEGINS(1, .failed = false);
    link_next_process();
    ck_assert_str_eq(ASKS(2, .failed = false), "1:job");
    link_next_process();
    ck_assert_str_eq(FINDS(3, .failed = false), "1:job 7/5");
    link_next_process();
    ck_assert_str_eq(FINDS(4, .failed = false), "1:job");
    link_next_process();
    ck_assert_str_eq(FINDS(3, .failed = false), "1:job 7/5");
    unlink(link_path);
    ck_assert_str_eq(FINDS(5, .failed = false), "");
    link_end_file();
}

/* Begins when the pipe has ended. */
static void poll_at_once(int start, uint64_t span)
{
    char byte;

    link_next_process();
    (void)!read(start, &byte, 1);
    _exit(strstr(FINDS(span, .failed = false), "7/5") ? 1 : 0);
}

TEST(processes_that_find_the_end_at_once)
{
    for (int round = 0; round < 20; round++) {
        int ends[2], counted = 0, status;

        link_begin_file();
        BEGINS(1, .failed = false);
        ck_assert_int_eq(pipe(ends), 0);
        for (uint64_t i = 0; i < 8; i++) {
            pid_t pid = fork();

            ck_assert_int_ge(pid, 0);
            if (pid)
                continue;
            close(ends[1]);
            poll_at_once(ends[0], 10 + i);
        }
        close(ends[0]);
        close(ends[1]);
        while (wait(&status) > 0) {
            ck_assert(WIFEXITED(status));
            counted += WEXITSTATUS(status);
        }
        ck_assert_int_eq(counted, 1);
        link_end_file();
    }
}

TEST(a_job_whose_begin_nobody_saw)
{
    link_begin_file();
    ck_assert_str_eq(ASKS(1, .alone = true), "");
    ck_assert_str_eq(SEES(2, .id = ID), " 7/5");
    ck_assert_str_eq(SEES(3, .id = ID), "");
    link_next_process();
    ck_assert_str_eq(SEES(4, .id = ID), "");
    ck_assert_str_eq(SEES(2, .id = ID), " 7/5");
    ck_assert_str_eq(SEES(5, .body = "{\"user\":\"ann\"}"), "");
    ck_assert_str_eq(SEES(6, .account = 8), "");
    ck_assert_str_eq(FINDS(7, .id = ID), "");
    link_now += 25 * HOUR;
    ck_assert_str_eq(SEES(8, .id = ID), "");
    ck_assert_str_eq(SEES(9, .id = "resp_2"), " 7/5");
    ck_assert_str_eq(SEES(10, .url = "https://api.example.org/v1/x"), " 7/5");
    link_end_file();
}

/* The span of the call that began the job came late, or is another key's. */
TEST(a_begin_behind_the_end)
{
    link_begin_file();
    ck_assert_str_eq(SEES(1, .id = ID), " 7/5");
    ck_assert_str_eq(BEGINS(2, .failed = false), "");
    ck_assert_str_eq(SEES(3, .id = ID), "2:job");
    ck_assert_str_eq(SEES(4, .id = ID), "2:job");
    BEGINS(5, .id = "resp_2", .account = 7);
    ck_assert_str_eq(SEES(6, .id = "resp_2", .account = 7), "5:job 7/5");
    ck_assert_str_eq(SEES(7, .id = "resp_2"), "");
    BEGINS(8, .id = "resp_3", .account = 7);
    ck_assert_str_eq(SEES(9, .id = "resp_3"), " 7/5");
    ck_assert_str_eq(SEES(10, .id = "resp_3", .account = 7), "8:job");
    BEGINS(11, .id = "resp_4");
    link_now += 25 * HOUR;
    ck_assert_str_eq(SEES(12, .id = "resp_4"), "");
    link_end_file();
}

TEST(a_call_that_has_the_result_itself)
{
    link_begin_file();
    ck_assert_str_eq(DONE(1), " 7/5");
    ck_assert_str_eq(SEES(2, .id = ID), "1:job");
    ck_assert_str_eq(SEES(3, .account = 7), "");
    ck_assert_str_eq(DONE(1), " 7/5");
    link_end_file();
    link_begin_file();
    ck_assert_str_eq(SEES(4, .id = ID), " 7/5");
    ck_assert_str_eq(DONE(5), "");
    ck_assert_str_eq(SEES(6, .id = ID), "5:job");
    link_end_file();
    link_begin();
    ck_assert_str_eq(DONE(7), " 7/5");
    ck_assert_str_eq(SEES(8, .id = ID), "7:job");
    end();
}

/* Then no process can know what another has told. */
TEST(an_end_without_the_file)
{
    link_begin();
    ck_assert_str_eq(SEES(1, .id = ID), "");
    end();
    link_begin_file();
    ck_assert_int_eq(mkdir(link_path, 0700), 0);
    ck_assert_str_eq(SEES(2, .id = ID), "");
    ck_assert_int_eq(rmdir(link_path), 0);
    ck_assert_str_eq(SEES(3, .id = ID), " 7/5");
    link_end_file();
}

/* What a row has forgotten was there before its oldest records, also where one
 * of these came late. */
TEST(an_end_that_the_file_may_have_forgotten)
{
    int64_t ended;

    link_begin_file();
    ck_assert_str_eq(SEES(1, .since = link_now), " 7/5");
    ended = link_now;
    link_now += HOUR;
    for (uint64_t i = 0; i < 50000; i++)
        BEGINS(100 + i, .id = "x", .trace = i, .account = i + 1);
    ck_assert_str_eq(SEES(2, .since = ended), "");
    ck_assert_str_eq(SEES(3, .id = ID), "");
    ck_assert_str_eq(SEES(4, .id = "resp_2", .since = link_now + HOUR), " 7/5");
    ck_assert_str_eq(SEES(5, .id = "resp_2", .since = link_now + HOUR), "");
    link_now -= 50000 * SECOND + 2 * HOUR;
    for (uint64_t i = 0; i < 20000; i++)
        BEGINS(200000 + i, .id = "y", .trace = i, .account = i + 1);
    link_now += 50000 * SECOND + HOUR;
    ck_assert_str_eq(SEES(6, .since = ended), "");
    link_end_file();
}

/* Begins when the pipe has ended; half of them know the begin. */
static void see_at_once(int start, uint64_t span)
{
    const uint64_t account = span % 2 ? 7 : 0;
    char byte;

    link_next_process();
    (void)!read(start, &byte, 1);
    _exit(strstr(SEES(span, .account = account), "7/5") ? 1 : 0);
}

TEST(processes_that_see_the_end_at_once)
{
    int total = 0;

    for (int round = 0; round < 40; round++) {
        int ends[2], counted = 0, status;

        link_begin_file();
        if (round % 2)
            BEGINS(1, .account = 7);
        ck_assert_int_eq(pipe(ends), 0);
        for (uint64_t i = 0; i < 8; i++) {
            pid_t pid = fork();

            ck_assert_int_ge(pid, 0);
            if (pid)
                continue;
            close(ends[1]);
            see_at_once(ends[0], 10 + i);
        }
        close(ends[0]);
        close(ends[1]);
        while (wait(&status) > 0) {
            ck_assert(WIFEXITED(status));
            counted += WEXITSTATUS(status);
        }
        ck_assert_int_le(counted, 1);
        total += counted;
        link_end_file();
    }
    ck_assert_int_gt(total, 0);
}

#define RESULTS "[" BRINGS(CALL) "]"
#define TAG " conversation_id:thread_1"

/* A run of an agent, which no call has messages of. */
TEST(a_run_that_calls_a_tool)
{
    link_begin();
    ck_assert_str_eq(BEGINS(1, .kind = LLMOBS_KIND_AGENT, .thread = "thread_1"),
                     TAG);
    ck_assert_str_eq(ASKS(2, .thread = "thread_1"), "1:job" TAG);
    ck_assert_str_eq(ASKS(3, .calls = ASKED), "1:job");
    /* The same calls again: the first poll has brought them. */
    ck_assert_str_eq(ASKS(4, .calls = ASKED), "1:job");
    ck_assert_str_eq(BEGINS(5, .id = "resp_2", .results = RESULTS), "3:");
    ck_assert_str_eq(
        BEGINS(6, .id = "resp_3", .results = RESULTS, .account = 7), "");
    ck_assert_str_eq(FINDS(7, .off = true, .thread = "thread_1"), "1:job 7/5");
    /* The next run is the next turn; a poll is none. */
    ck_assert_str_eq(BEGINS(8, .id = "run_2", .kind = LLMOBS_KIND_AGENT,
                            .thread = "thread_1"),
                     "1:turn" TAG);
    end();
}
