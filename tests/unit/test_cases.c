/* Runs every case of tests/rules, and of tests/rare where those APIs are built,
 * or those of the dialect that LLMOBS_TEST_DIALECT names. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/sanitizer.h"
#include "lib/text/body.h"
#include "rules/read/text.h"
#include "tests/unit/first_token.h"
#include "tests/unit/rule_case.h"
#include "tests/unit/unit.h"

#define MARKS_MAX 64
/* A longer response is cut at every so-manieth byte only. A sanitizer makes a
 * reading take ten times as long: it tries every fortieth of what the bare
 * build tries; the fuzzer tries others. */
#if LLMOBS_ASAN
#define LESS 40
#else
#define LESS 1
#endif
#define CUTS_MAX (3000 / LESS)
#define REQUEST_CUTS_MAX (500 / LESS)
#define CHANGES (200 / LESS)

typedef void check(const struct rule_case *c);

static const char *const rooms[] = {
    "tests/rules",
#ifdef LLMOBS_RARE
    "tests/rare",
#endif
};

static size_t run_dialect(const char *room, const char *dialect, check *run)
{
    struct case_texts texts;
    char dir[1024];
    size_t count;

    snprintf(dir, sizeof(dir), "%s/%s", room, dialect);
    ck_assert_msg(case_texts_read(&texts, dir) == 0, "%s: stderr says why",
                  dir);
    count = texts.count;
    for (size_t i = 0; i < count; i++) {
        struct rule_case c;
        int rc = rule_case_load(&c, &texts.list[i]);

        ck_assert_msg(rc == 0, "%s: %s", c.where, strerror(-rc));
        ck_assert_msg(c.expected || getenv("LLMOBS_TEST_WRITE"),
                      "%s: no span (scripts/write-cases writes it)", c.where);
        run(&c);
        rule_case_fini(&c);
    }
    case_texts_fini(&texts);
    return count;
}

static const char *only_dialect(void)
{
    return getenv("LLMOBS_TEST_DIALECT");
}

static size_t run_room(const char *room, check *run)
{
    const char *only = only_dialect();
    struct dirent **dialects;
    size_t count = 0;
    int n = scandir(room, &dialects, NULL, alphasort);

    ck_assert_msg(n > 0, "%s: %s", room, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (only ? strcmp(dialects[i]->d_name, only) == 0
                 : dialects[i]->d_name[0] != '.')
            count += run_dialect(room, dialects[i]->d_name, run);
        free(dialects[i]);
    }
    free(dialects);
    return count;
}

static size_t run_all(check *run)
{
    size_t count = 0;

    for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++)
        count += run_room(rooms[i], run);
    return count;
}

/* Takes both. */
static void check_same(const char *where, struct llmobs_json *expected,
                       struct llmobs_json *got)
{
    char *want = llmobs_json_dumps(expected, 0);
    char *have = got ? llmobs_json_dumps(got, 0) : NULL;
    size_t same = 0, from;

    while (have && want[same] && want[same] == have[same])
        same++;
    from = same > 40 ? same - 40 : 0;
    ck_assert_msg(have && strcmp(want, have) == 0,
                  "%s: ...%.80s..., not ...%.80s...\nexpected %s\ngot      %s",
                  where, have ? have + from : "nothing", want + from, want,
                  have ? have : "nothing");
    free(want);
    free(have);
    llmobs_json_free(expected);
    llmobs_json_free(got);
}

/* For scripts/write-cases: adds the name and the span that was read, where it
 * is not the expected one, to a file. Takes `got`. */
static void write_span(const struct rule_case *c, struct llmobs_json *got,
                       const char *path)
{
    char *want = c->expected ? llmobs_json_dumps(c->expected, 0) : NULL;
    char *have = llmobs_json_dumps(got, 0);
    FILE *file;

    ck_assert_ptr_nonnull(have);
    if (!want || strcmp(want, have) != 0) {
        file = fopen(path, "a");
        ck_assert_ptr_nonnull(file);
        fprintf(file, "%s\t%s\n", c->where, have);
        fclose(file);
    }
    free(want);
    free(have);
    llmobs_json_free(got);
}

static void check_whole(const struct rule_case *c)
{
    const char *to = getenv("LLMOBS_TEST_WRITE");

    if (to) {
        write_span(c, rule_case_read(c, &c->call), to);
        return;
    }
    check_same(c->where, llmobs_json_clone(c->expected),
               rule_case_read(c, &c->call));
}

TEST(cases_read_as_expected)
{
    ck_assert_uint_ge(run_all(check_whole), only_dialect() ? 1 : 30);
}

/* True where the JSON of an event begins. */
static bool begins_event(struct llmobs_text text, size_t at)
{
    size_t from = at;

    if (text.data[at] != '{')
        return false;
    while (from > 0 && text.data[from - 1] == ' ')
        from--;
    return from == 0 || text.data[from - 1] == '\n' ||
           (from >= 5 && memcmp(text.data + from - 5, "data:", 5) == 0);
}

/* Gives the text with some blanks within each event, as many as in none of the
 * events before: so none is like another one, and each has a tree of its own.
 */
static struct llmobs_text set_apart(struct llmobs_text text)
{
    struct llmobs_buf out;
    size_t count = 0;

    llmobs_buf_init(&out, (size_t)1 << 28);
    for (size_t i = 0; i < text.len; i++) {
        ck_assert_int_eq(llmobs_buf_addc(&out, text.data[i]), 0);
        if (begins_event(text, i))
            ck_assert_int_eq(
                llmobs_buf_addf(&out, "%*s", (int)(++count % 9 + 1), ""), 0);
    }
    return (struct llmobs_text){out.data, out.len};
}

static void check_apart(const struct rule_case *c)
{
    struct llmobs_call call = c->call;

    if (!llmobs_json_get(c->expected, "streamed") || call.response.len == 0 ||
        call.response.data[0] == '\0')
        return;
    call.response = set_apart(c->call.response);
    call.response_tail = set_apart(c->call.response_tail);
    check_same(c->where, llmobs_json_clone(c->expected),
               rule_case_read(c, &call));
    free((char *)(uintptr_t)call.response.data);
    free((char *)(uintptr_t)call.response_tail.data);
}

/* Events that are much alike have one tree (json_series). */
TEST(cases_read_the_same_event_by_event)
{
    run_all(check_apart);
}

/* Marks only ever add one metric: the seconds to the first token. */
static void check_marks(const struct rule_case *c)
{
    struct llmobs_mark marks[MARKS_MAX];
    struct llmobs_call call = c->call;
    struct llmobs_json *got, *metrics, *first;
    uint64_t at = 0;

    call.start_ns = 1000000000;
    call.marks = marks;
    while (at < call.response.len && call.mark_count < MARKS_MAX) {
        at += 1 + (uint64_t)rand() % (1 + call.response.len / 8);
        marks[call.mark_count].offset =
            call.mark_count + 1 == MARKS_MAX || at > call.response.len
                ? call.response.len
                : at;
        marks[call.mark_count].at_ns =
            2000000000 + (int64_t)call.mark_count * 1000;
        call.mark_count++;
    }
    got = rule_case_read(c, &call);
    metrics = llmobs_json_get(got, "metrics");
    first = llmobs_json_get(metrics, "time_to_first_token");
    if (first) {
        ck_assert_msg(llmobs_json_get(got, "streamed") != NULL, "%s", c->where);
        ck_assert_msg(llmobs_json_get(got, "proxied") == NULL, "%s", c->where);
        ck_assert_double_ge(llmobs_json_to_real(first), 1.0);
        ck_assert_double_lt(llmobs_json_to_real(first), 1.001);
    }
    llmobs_json_unset(metrics, "time_to_first_token");
    check_same(c->where, llmobs_json_clone(c->expected), got);
}

TEST(cases_read_the_same_in_pieces)
{
    for (int i = 0; i < 5; i++)
        run_all(check_marks);
}

#define CHUNK(delta) "data: {\"choices\":[{\"delta\":{" delta "}}]}\n\n"
#define PART(message) "data: {\"delta\":{\"message\":{" message "}}}\n\n"
#define TEXT(text) "data: {\"choices\":[{\"text\":\"" text "\"}]}\n\n"
#define STEP(type, rest) "data: {\"type\":\"response." type "\"," rest "}\n\n"
#define LINE(message) "{\"message\":{\"role\":\"a\"," message "}}\n"

/* Streams by dialect: what comes first and is no token, then tokens, of which
 * each is the first of one stream, then what comes late. */
static const struct timed {
    const char *url, *head, *tail, *tokens[8];
} timed[] = {
    {"https://api.openai.com/v1/chat/completions",
     ": x\n\n" CHUNK("\"role\":\"a\",\"content\":\"\""),
     CHUNK("\"content\":\"late\""),
     {CHUNK("\"content\":\"x\""), CHUNK("\"reasoning_content\":\"x\""),
      CHUNK("\"reasoning\":\"x\""), CHUNK("\"refusal\":\"x\""),
      CHUNK("\"tool_calls\":[{\"index\":0,\"id\":\"c\"}]")}},
    {"https://api.openai.com/v1/completions",
     TEXT(""),
     TEXT("late"),
     {TEXT("x")}},
    {"https://api.openai.com/v1/responses",
     STEP("created", "\"response\":{\"output\":[]}")
         STEP("output_item.added", "\"item\":{\"type\":\"message\"}")
             STEP("output_text.delta", "\"delta\":\"\""),
     STEP("output_text.delta", "\"delta\":\"late\""),
     {STEP("output_text.delta", "\"delta\":\"x\""),
      STEP("refusal.delta", "\"delta\":\"x\""),
      STEP("reasoning_summary_text.delta", "\"delta\":\"x\""),
      STEP("reasoning_text.delta", "\"delta\":\"x\""),
      STEP("function_call_arguments.delta", "\"delta\":\"x\""),
      STEP("output_item.done", "\"item\":{\"type\":\"message\"}"),
      STEP("completed", "\"response\":{\"output\":[{}]}")}},
    {"https://api.mistral.ai/v1/chat/completions",
     CHUNK("\"role\":\"a\",\"content\":\"\""),
     CHUNK("\"content\":\"late\""),
     {CHUNK("\"content\":\"x\""),
      CHUNK("\"content\":[{\"type\":\"thinking\",\"thinking\":"
            "[{\"text\":\"x\"}]}]")}},
    {"https://api.cohere.com/v2/chat",
     PART("\"role\":\"a\",\"content\":[],\"tool_plan\":\"\"")
         PART("\"content\":{\"text\":\"\"}"),
     PART("\"content\":{\"text\":\"late\"}"),
     {PART("\"content\":{\"text\":\"x\"}"),
      PART("\"content\":{\"thinking\":\"x\"}"), PART("\"tool_plan\":\"x\""),
      PART("\"tool_calls\":{\"id\":\"c\"}")}},
    {"http://localhost:11434/api/chat",
     LINE("\"content\":\"\""),
     LINE("\"content\":\"late\""),
     {LINE("\"content\":\"x\""), LINE("\"thinking\":\"x\""),
      LINE("\"tool_calls\":[{\"function\":{}}]")}},
};

/* It counts from the event that holds the first token to that event's last
 * byte: not from a role, not to the answer's end. */
TEST(first_tokens_are_timed)
{
    char body[1024];

    for (size_t i = 0; i < sizeof(timed) / sizeof(timed[0]); i++) {
        const struct timed *s = &timed[i];

        for (size_t k = 0; s->tokens[k]; k++) {
            snprintf(body, sizeof(body), "%s%s%s", s->head, s->tokens[k],
                     s->tail);
            ck_assert_double_eq_tol(
                first_token(s->url, llmobs_text_of(body)),
                (double)(strlen(s->head) + strlen(s->tokens[k])) / 1000, 1e-9);
        }
        ck_assert_double_lt(first_token(s->url, llmobs_text_of(s->head)), 0);
    }
    ck_assert_double_lt(first_token(RULE_CASE_PROXY "/v1/chat/completions",
                                    llmobs_text_of(body)),
                        0);
}

#define GEMINI_CHUNK(parts) \
    "{\"candidates\":[{\"content\":{\"parts\":[" parts "]}}]}"

/* Neither signatures nor empty texts are tokens; an array's elements end at
 * their brace. */
TEST(first_tokens_of_gemini_are_timed)
{
    static const char *const tokens[] = {
        GEMINI_CHUNK("{\"text\":\"x\"}"),
        GEMINI_CHUNK("{\"text\":\"x\",\"thought\":true}"),
        GEMINI_CHUNK("{\"functionCall\":{\"name\":\"f\"}}")};
    static const char head[] =
        "[" GEMINI_CHUNK("{\"text\":\"\"},{\"thoughtSignature\":\"s\"}") ",";
    static const char url[] =
        "https://generativelanguage.googleapis.com/v1beta/models/"
        "m:streamGenerateContent";
    char body[1024];

    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        snprintf(body, sizeof(body), "%s%s,%s]", head, tokens[i], tokens[0]);
        ck_assert_double_eq_tol(
            first_token(url, llmobs_text_of(body)),
            (double)(strlen(head) + strlen(tokens[i])) / 1000, 1e-9);
    }
    ck_assert_double_lt(first_token(url, llmobs_text_of(head)), 0);
}

#define EVENT(json) "event: x\ndata: " json "\n\n"
#define BEGIN(block) \
    EVENT("{\"type\":\"content_block_start\",\"content_block\":" block "}")
#define DELTA(delta) \
    EVENT("{\"type\":\"content_block_delta\",\"delta\":" delta "}")

TEST(first_tokens_of_anthropic_are_timed)
{
    static const char *const tokens[] = {
        DELTA("{\"type\":\"text_delta\",\"text\":\"x\"}"),
        DELTA("{\"type\":\"thinking_delta\",\"thinking\":\"x\"}"),
        DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\"{\"}"),
        BEGIN("{\"type\":\"tool_use\",\"name\":\"f\"}"),
        BEGIN("{\"type\":\"text\",\"text\":\"x\"}")};
    static const char url[] = "https://api.anthropic.com/v1/messages";
    static const char head[] =
        EVENT("{\"type\":\"message_start\",\"message\":{\"role\":\"a\"}}")
            EVENT("{\"type\":\"ping\"}")
                BEGIN("{\"type\":\"text\",\"text\":\"\"}")
                    DELTA("{\"type\":\"text_delta\",\"text\":\"\"}");
    char body[1024];

    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        snprintf(body, sizeof(body), "%s%s%s", head, tokens[i], tokens[0]);
        ck_assert_double_eq_tol(
            first_token(url, llmobs_text_of(body)),
            (double)(strlen(head) + strlen(tokens[i])) / 1000, 1e-9);
    }
    ck_assert_double_lt(first_token(url, llmobs_text_of(head)), 0);
}

/* The texts of all messages with this role or none, one after another. */
static void collect(const struct llmobs_json *span, struct llmobs_buf *out)
{
    const struct llmobs_json *list =
        llmobs_json_get(llmobs_json_get(span, "output"), "messages");

    for (size_t i = 0; i < llmobs_json_len(list); i++) {
        const char *text = llmobs_json_gets(llmobs_json_at(list, i), "content");

        if (text)
            llmobs_buf_adds(out, text);
    }
}

/* A stream that is cut keeps what arrived: with one choice and no reasoning
 * its text is a beginning of the whole text, never shorter than before. A text
 * that tells the size of a sound changes as more of it arrives. */
static void check_prefixes(const struct rule_case *c)
{
    bool streamed = llmobs_json_get(c->expected, "streamed") != NULL;
    bool plain = streamed && !llmobs_json_get(c->expected, "error") &&
                 llmobs_json_len(llmobs_json_get(
                     llmobs_json_get(c->expected, "output"), "messages")) == 1;
    struct llmobs_call call = c->call;
    struct llmobs_buf whole, part;
    size_t step = 1 + c->call.response.len / CUTS_MAX, before = 0;

    if (!c->call.response.data || c->call.response_truncated)
        return;
    llmobs_buf_init(&whole, 1 << 24);
    llmobs_buf_init(&part, 1 << 24);
    collect(c->expected, &whole);
    if (whole.len > 0 && memmem(whole.data, whole.len, " bytes]", 7))
        plain = false;
    for (size_t n = 0; n < c->call.response.len; n += step) {
        struct llmobs_json *got;
        char *copy = malloc(n + 1);

        memcpy(copy, c->call.response.data, n);
        call.response = (struct llmobs_text){copy, n};
        got = rule_case_read(c, &call);
        free(copy);
        ck_assert_msg(got != NULL, "%s cut at %zu", c->where, n);
        llmobs_buf_cut(&part, 0);
        collect(got, &part);
        if (plain) {
            ck_assert_msg(part.len <= whole.len && part.len >= before &&
                              (part.len == 0 ||
                               memcmp(part.data, whole.data, part.len) == 0),
                          "%s cut at %zu: %.*s", c->where, n, (int)part.len,
                          part.data);
            before = part.len;
        }
        /* A call that brings only the answer to another is none without it. */
        if (streamed && n == 0 && !llmobs_json_get(got, "not_ours"))
            ck_assert_msg(
                llmobs_json_is_false(llmobs_json_get(got, "complete")),
                "%s cut at %zu", c->where, n);
        llmobs_json_free(got);
    }
    llmobs_buf_fini(&whole);
    llmobs_buf_fini(&part);
}

TEST(cut_answers_keep_what_arrived)
{
    run_all(check_prefixes);
}

/* Request bodies cut anywhere must do no harm either. */
static void check_requests(const struct rule_case *c)
{
    struct llmobs_call call = c->call;
    size_t step = 1 + c->call.request.len / REQUEST_CUTS_MAX;

    for (size_t n = 0; n < c->call.request.len; n += step) {
        struct llmobs_json *got;
        char *copy = malloc(n + 1);

        memcpy(copy, c->call.request.data, n);
        call.request = (struct llmobs_text){copy, n};
        got = rule_case_read(c, &call);
        free(copy);
        ck_assert_msg(got != NULL, "%s request cut at %zu", c->where, n);
        llmobs_json_free(got);
    }
}

TEST(cut_requests_do_no_harm)
{
    run_all(check_requests);
}

/* One changed byte at a time, the same ones in every run. */
static void check_noise(const struct rule_case *c)
{
    struct llmobs_call call = c->call;
    size_t len = c->call.response.len;
    char *copy = malloc(len + 1);

    for (int i = 0; len > 0 && i < CHANGES; i++) {
        size_t at = (size_t)rand() % len;
        struct llmobs_json *got;

        memcpy(copy, c->call.response.data, len);
        copy[at] = (char)rand();
        call.response = (struct llmobs_text){copy, len};
        got = rule_case_read(c, &call);
        ck_assert_msg(got != NULL, "%s changed at %zu", c->where, at);
        llmobs_json_free(got);
    }
    free(copy);
}

TEST(changed_answers_do_no_harm)
{
    srand(1);
    run_all(check_noise);
}

/* ---- pictures and sounds --------------------------------------------------
 */

#define BASE64                                                        \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+" \
    "/-_"
#define MORE 3000

/* Gives the text with all its pictures, sounds and vectors longer; their bytes
 * look random. */
static struct llmobs_text lengthen(struct llmobs_text text, unsigned media)
{
    struct llmobs_buf out;

    llmobs_buf_init(&out, (size_t)1 << 28);
    for (size_t at = 0, run; at < text.len; at += run) {
        struct llmobs_text before = {out.data, out.len};

        for (run = 0; at + run < text.len && text.data[at + run] &&
                      strchr(BASE64, text.data[at + run]);)
            run++;
        if (run >= 4 && at + run < text.len &&
            strchr("\"=", text.data[at + run]) &&
            llmobs_rules_stays(media, before) != SIZE_MAX)
            for (size_t i = 0; i < MORE; i++)
                ck_assert_int_eq(
                    llmobs_buf_addc(&out, BASE64[i * 40503 / 64 % 62]), 0);
        run += run == 0;
        ck_assert_int_eq(llmobs_buf_add(&out, text.data + at, run), 0);
    }
    return (struct llmobs_text){out.data, out.len};
}

/* Gives the text as a body has it. */
static struct llmobs_text leave_out(struct llmobs_text text, unsigned media)
{
    struct llmobs_blob blob = {.most = llmobs_rules_stays, .how = media};
    struct llmobs_body body;

    llmobs_body_init(&body, (size_t)1 << 28);
    for (size_t at = 0, n; at < text.len; at += n) {
        n = text.len - at < 500 ? text.len - at : 500;
        ck_assert_int_eq(llmobs_blob_add(&blob, &body, text.data + at, n), 0);
    }
    return llmobs_body_head(&body);
}

static size_t left_out;

static void check_left_out(const struct rule_case *c)
{
    struct llmobs_call call = c->call, less = c->call;
    const unsigned sent = c->match.sent_media;
    const unsigned answered = c->match.answered_media;

    if (!c->ours || call.multipart || call.request_truncated ||
        call.response_truncated || !(sent | answered) ||
        (call.response.len > 0 && call.response.data[0] == '\0'))
        return;
    call.mark_count = less.mark_count = 0;
    call.request = lengthen(call.request, sent);
    call.response = lengthen(call.response, answered);
    less.request = leave_out(call.request, sent);
    less.response = leave_out(call.response, answered);
    /* Of a model that nobody knows the span has the JSON as it is. */
    if (!strstr(c->where, "bedrock_invoke/stability") &&
        less.request.len + less.response.len <
            call.request.len + call.response.len) {
        check_same(c->where, rule_case_read(c, &call),
                   rule_case_read(c, &less));
        left_out++;
    }
    free((char *)(uintptr_t)call.request.data);
    free((char *)(uintptr_t)call.response.data);
    free((char *)(uintptr_t)less.request.data);
    free((char *)(uintptr_t)less.response.data);
}

/* A span has the sizes of what is left out of the bodies, and no more. */
TEST(cases_read_alike_without_media)
{
    run_all(check_left_out);
    ck_assert_uint_ge(left_out, only_dialect() ? 0 : 30);
}
