/* Recordings: the texts of an exchange, and the directory that gets them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/span/secrets.h"
#include "lib/text/indent.h"
#include "core/event/recording.h"
#include "lib/text/json.h"
#include "tests/unit/unit.h"

static const struct {
    const char *text;
    const char *wanted; /* NULL: no document of JSON */
} documents[] = {
    {"{}", "{}\n"},
    {" [ ] ", "[]\n"},
    {"1.50", "1.50\n"},
    {"\"a\\\"b\"", "\"a\\\"b\"\n"},
    {"{\"a\":1,\"b\":[1, 2 ,3],\"c\":{}}",
     "{\n  \"a\": 1,\n  \"b\": [1, 2, 3],\n  \"c\": {}\n}\n"},
    {"[\"{\",[[1],[2]]]", "[\n  \"{\",\n  [\n    [1],\n    [2]\n  ]\n]\n"},
    {"", NULL},
    {"{", NULL},
    {"}", NULL},
    {"[1}", NULL},
    {"{\"a\":1]", NULL},
    {"\"a", NULL},
    {"\"a\\", NULL},
    {"1 2", NULL},
    {"{} {}", NULL},
    {",", NULL},
    {"{,}", NULL},
    {"[\"a\" \"b\"]", NULL},
};

TEST(a_document_is_laid_out)
{
    struct llmobs_buf out, again;

    for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
        const char *text = documents[i].text;
        int rc;

        llmobs_buf_init(&out, 1000);
        llmobs_buf_init(&again, 1000);
        rc = llmobs_indent(llmobs_text_of(text), 0, &out);
        ck_assert_msg(rc == (documents[i].wanted ? 0 : -EINVAL), "%s: %d", text,
                      rc);
        if (documents[i].wanted) {
            ck_assert_str_eq(out.data, documents[i].wanted);
            ck_assert_int_eq(llmobs_indent(llmobs_buf_text(&out), 0, &again),
                             0);
            ck_assert_str_eq(again.data, out.data);
        }
        llmobs_buf_fini(&out);
        llmobs_buf_fini(&again);
    }
}

TEST(short_containers_stand_in_one_line)
{
    static const char *const rows[][2] = {
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\": {\"b\": \"c\"}}\n"},
        {"{\"a\":1,\"b\":[\"c\",{}]}",
         "{\n  \"a\": 1,\n  \"b\": [\"c\", {}]\n}\n"},
        {"{\"a\":{\"b\":1,\"c\":2,\"d\":3}}",
         "{\n  \"a\": {\n    \"b\": 1,\n    \"c\": 2,\n    \"d\": 3\n  }\n}\n"},
        {"[\"longer than the few bytes\"]",
         "[\n  \"longer than the few bytes\"\n]\n"},
        {"[{\"a\":1]", NULL},
        {"[[", NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        UNIT_ENDS(llmobs_buf) out;
        int rc;

        llmobs_buf_init(&out, 1000);
        rc = llmobs_indent(llmobs_text_of(rows[i][0]), 20, &out);
        ck_assert_int_eq(rc, rows[i][1] ? 0 : -EINVAL);
        if (rows[i][1])
            ck_assert_str_eq(out.data, rows[i][1]);
    }
}

TEST(containers_have_a_depth)
{
    char text[2 * LLMOBS_INDENT_DEPTH + 4] = "";
    UNIT_ENDS(llmobs_buf) out;

    for (int i = 0; i <= LLMOBS_INDENT_DEPTH; i++)
        memcpy(text + i, "{", 2);
    llmobs_buf_init(&out, 1 << 20);
    ck_assert_int_eq(llmobs_indent(llmobs_text_of(text), 0, &out), -EINVAL);
}

static const char *const keys[][2] = {
    {"{\"api_key\":\"secretsecretsecret\"}",
     "{\"api_key\":\"**************cret\"}"},
    {"use sk-proj-Zq7fUnspeakable9Xw2AAAAAAAA now", "Zq7f"},
    {"see https://me:hunter2@example.com/", "hunter2"},
    {"Authorization: Bearer abcdefghijklmnopqrst", "abcdefghijkl"},
    {"a=b&user%5Bapi_key%5D=hunter2&c=d", "hunter2"},
    {"password[confirmation]=hunter2", "hunter2"},
    {"{\"password[confirmation]\":\"ab\"}\n",
     "{\"password[confirmation]\":\"**\"}\n"},
    {"no secret at all", NULL},
};

TEST(keys_of_a_body_are_masked)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        size_t len = strlen(keys[i][0]);
        char text[100];

        strcpy(text, keys[i][0]);
        llmobs_secrets_mask(text, len);
        ck_assert_uint_eq(strlen(text), len);
        if (!keys[i][1])
            ck_assert_str_eq(text, keys[i][0]);
        else if (*keys[i][1] == '{')
            ck_assert_str_eq(text, keys[i][1]);
        else
            ck_assert_msg(!strstr(text, keys[i][1]), "%s", text);
    }
}

/* A NUL ends a text, and not the body: neither the first byte nor a later one.
 */
TEST(keys_behind_a_nul_are_masked)
{
    static const char secret[] = "\0a\0\0 sk-proj-Zq7fUnspeakable9Xw2AAAAAAAA"
                                 "\0sk-proj-Zq7fUnspeakable9Xw2AAAAAAAA\0";
    char text[sizeof(secret)];

    for (size_t from = 0; from < 4; from++) {
        size_t len = sizeof(secret) - from;

        memcpy(text, secret + from, len);
        llmobs_secrets_mask(text, len - 1);
        ck_assert_ptr_null(memmem(text, len, "Zq7f", 4));
        ck_assert_mem_eq(text, secret + from, 4 - from);
        ck_assert_int_eq(text[len - 1], '\0');
    }
}

static void add_headers(struct llmobs_exchange *e, const char *type,
                        const char *coding)
{
    struct llmobs_headers *headers = &e->response_headers;

    if (type)
        llmobs_headers_add_answer(headers, type, strlen(type));
    if (coding)
        llmobs_headers_add_answer(headers, coding, strlen(coding));
}

static struct llmobs_exchange *exchange_of(const char *request,
                                           const char *answer, size_t len,
                                           const char *type)
{
    struct llmobs_exchange *e = llmobs_exchange_new(1000);

    strcpy(e->method, "POST");
    e->url = strdup("https://api.openai.com/v1/chat/completions");
    add_headers(e, type, NULL);
    (void)llmobs_body_add(&e->request, request, strlen(request));
    llmobs_exchange_received(e, answer, len);
    e->status = 200;
    return e;
}

static struct llmobs_json *head_of(const struct llmobs_recording *recording)
{
    struct llmobs_json *head;

    ck_assert_int_eq(
        llmobs_json_parse(
            (struct llmobs_text){recording->head.data, recording->head.len},
            &head),
        0);
    return head;
}

TEST(an_exchange_becomes_three_texts)
{
    struct llmobs_exchange *e =
        exchange_of("{\"model\":\"m\"}", "data: 1\n\n", 9,
                    "Content-Type: text/event-stream");
    UNIT_ENDS(llmobs_recording) r;
    struct llmobs_json *head, *answer, *chunks;

    e->start_mono_ns -= 1500000000;
    e->marks[0].at_ns = e->start_mono_ns + 40 * 1000000;
    llmobs_exchange_received(e, "data: 2\n\n", 9);
    e->marks[1].at_ns = e->start_mono_ns + 90 * 1000000;
    ck_assert_int_eq(llmobs_recording_make(e, "OpenAI.chat", &r), 0);
    ck_assert_str_eq(r.request_file, "request.json");
    ck_assert_str_eq(r.request.data, "{\n  \"model\": \"m\"\n}\n");
    ck_assert_str_eq(r.answer_file, "answer.sse");
    ck_assert_str_eq(r.answer.data, "data: 1\n\ndata: 2\n\n");
    head = head_of(&r);
    ck_assert_str_eq(llmobs_json_gets(head, "name"), "OpenAI.chat");
    answer = llmobs_json_get(head, "answer");
    ck_assert_int_eq(llmobs_json_to_int(llmobs_json_get(answer, "status")),
                     200);
    ck_assert_ptr_null(llmobs_json_get(answer, "fault"));
    chunks = llmobs_json_get(answer, "chunks");
    ck_assert_uint_eq(llmobs_json_len(chunks), 2);
    ck_assert_int_eq(
        llmobs_json_to_int(llmobs_json_at(llmobs_json_at(chunks, 1), 0)), 18);
    ck_assert_int_eq(
        llmobs_json_to_int(llmobs_json_at(llmobs_json_at(chunks, 1), 1)), 90);
    llmobs_json_free(head);
    llmobs_exchange_free(e);
}

static const struct {
    const char *type;
    const char *answer;
    size_t len;
    const char *file;
} answers[] = {
    {"Content-Type: application/json", "{}", 2, "answer.json"},
    {NULL, " [1]", 4, "answer.json"},
    {"Content-Type: application/x-ndjson", "{}\n{}\n", 6, "answer.ndjson"},
    {"Content-Type: text/plain", "{", 1, "answer.json"},
    {"Content-Type: text/html", "<p>", 3, "answer.txt"},
    {"Content-Type: application/vnd.amazon.eventstream", "\0\0\0\x10", 4,
     "answer.bin"},
    {"Content-Type: application/json", "\xff", 1, "answer.bin"},
    {"Content-Type: text/plain", "", 0, NULL},
};

/* An answer stays as it came, whatever it is. */
TEST(an_answer_has_a_file_of_its_kind)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        struct llmobs_exchange *e = exchange_of(
            "x", answers[i].answer, answers[i].len, answers[i].type);
        UNIT_ENDS(llmobs_recording) r;

        ck_assert_int_eq(llmobs_recording_make(e, "n", &r), 0);
        ck_assert_str_eq(r.request_file, "request.txt");
        if (answers[i].file)
            ck_assert_str_eq(r.answer_file, answers[i].file);
        else
            ck_assert_ptr_null(r.answer_file);
        ck_assert_uint_eq(r.answer.len, answers[i].len);
        ck_assert_int_eq(
            r.answer.len == 0 ||
                memcmp(r.answer.data, answers[i].answer, r.answer.len) == 0,
            1);
        llmobs_exchange_free(e);
    }
}

/* Frames are those of an answer of their type: any other body that begins with
 * a NUL is masked. */
TEST(frames_stay_as_they_are)
{
    static const char body[] = "\0\0 sk-proj-Zq7fUnspeakable9Xw2AAAAAAAA";
    static const char *const types[] = {
        "Content-Type: application/vnd.amazon.eventstream",
        "Content-Type: application/octet-stream"};

    for (size_t i = 0; i < 2; i++) {
        struct llmobs_exchange *e =
            exchange_of("x", body, sizeof(body) - 1, types[i]);
        UNIT_ENDS(llmobs_recording) r;

        ck_assert_int_eq(llmobs_recording_make(e, "n", &r), 0);
        ck_assert_uint_eq(r.answer.len, sizeof(body) - 1);
        ck_assert_int_eq(memmem(r.answer.data, r.answer.len, "Zq7f", 4) != NULL,
                         i == 0);
        llmobs_exchange_free(e);
    }
}

/* Nothing of it is written where a part is missing or cannot be masked. */
TEST(a_body_that_is_not_whole_says_so)
{
    struct llmobs_exchange *e =
        exchange_of("{}", "api_key", 7, "Content-Type: text/plain");
    UNIT_ENDS(llmobs_recording) r;
    struct llmobs_json *head;
    char more[2000];

    memset(more, 'a', sizeof(more));
    llmobs_exchange_received(e, more, sizeof(more));
    ck_assert_int_eq(llmobs_recording_make(e, "n", &r), 0);
    ck_assert_ptr_null(r.answer_file);
    head = head_of(&r);
    ck_assert_ptr_nonnull(
        llmobs_json_gets(llmobs_json_get(head, "answer"), "cut"));
    ck_assert_ptr_null(
        llmobs_json_gets(llmobs_json_get(head, "request"), "cut"));
    llmobs_json_free(head);
    llmobs_recording_fini(&r);
    llmobs_exchange_free(e);

    e = exchange_of("{}", "\x1f\x8b\x08 no gzip", 11, NULL);
    add_headers(e, NULL, "Content-Encoding: gzip");
    ck_assert_int_eq(llmobs_recording_make(e, "n", &r), 0);
    ck_assert_ptr_null(r.answer_file);
    llmobs_exchange_free(e);
}

TEST(an_end_is_told)
{
    static const struct {
        enum llmobs_end end;
        int code;
        const char *fault;
    } ends[] = {{LLMOBS_END_DONE, 0, NULL},
                {LLMOBS_END_DONE, 22, NULL},
                {LLMOBS_END_DONE, 28, "CURLE_UNKNOWN"},
                {LLMOBS_END_REMOVED, 0, "aborted by the program"},
                {LLMOBS_END_EXIT, 0, "the process ended"}};

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        struct llmobs_exchange *e = exchange_of("{}", "x", 1, NULL);
        UNIT_ENDS(llmobs_recording) r;
        struct llmobs_json *head;
        const char *fault;

        e->end = ends[i].end;
        e->code = ends[i].code;
        ck_assert_int_eq(llmobs_recording_make(e, "n", &r), 0);
        head = head_of(&r);
        fault = llmobs_json_gets(llmobs_json_get(head, "answer"), "fault");
        ck_assert_int_eq(!fault, !ends[i].fault);
        if (fault)
            ck_assert_str_eq(fault, ends[i].fault);
        llmobs_json_free(head);
        llmobs_exchange_free(e);
    }
}

/* -- the directory -------------------------------------------------------- */

static bool is_there(const char *dir, const char *name)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void record(struct llmobs_recorder *recorder, char *dir, int content)
{
    struct llmobs_config config = {.record_dir = dir,
                                   .privacy = {.content = content}};
    struct llmobs_exchange *e = exchange_of("{}", "x", 1, NULL);

    llmobs_recorder_write(recorder, &config, e, "n");
    llmobs_recorder_write(recorder, &config, e, "n"); /* no second time */
    llmobs_exchange_free(e);
}

TEST(each_exchange_has_a_number)
{
    struct llmobs_recorder one = {0}, two = {0};
    char dir[UNIT_DIRECTORY], below[UNIT_DIRECTORY + 20], path[200];
    struct stat st;

    unit_directory(dir);
    snprintf(below, sizeof(below), "%s/below", dir);
    umask(0777);
    record(&one, below, LLMOBS_CONTENT_FULL);
    record(&two, below, LLMOBS_CONTENT_FULL);
    record(&one, below, LLMOBS_CONTENT_FULL);
    snprintf(path, sizeof(path), "%s/0007", below);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(chmod(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/0007/kept", below);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    one = (struct llmobs_recorder){0};
    record(&one, below, LLMOBS_CONTENT_FULL);
    umask(022);
    ck_assert(is_there(below, "0001/exchange.json"));
    ck_assert(is_there(below, "0002/request.json"));
    ck_assert(is_there(below, "0003/answer.txt"));
    ck_assert(is_there(below, "0008/exchange.json"));
    ck_assert_int_eq(unit_entries(below), 5);
    snprintf(path, sizeof(path), "%s/0003", below);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0700);
    snprintf(path, sizeof(path), "%s/0003/exchange.json", below);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    unit_remove(dir);
}

TEST(settings_that_hide_content_win)
{
    struct llmobs_recorder recorder = {0};
    char dir[UNIT_DIRECTORY];

    unit_directory(dir);
    record(&recorder, dir, LLMOBS_CONTENT_OFF);
    ck_assert_int_eq(unit_entries(dir), 0);
    unit_remove(dir);
}

/* A recording that could not be written leaves nothing behind. */
TEST(a_failure_leaves_nothing)
{
    struct llmobs_recorder recorder = {.next = LLMOBS_RECORDER_MAX + 1};
    char dir[UNIT_DIRECTORY];

    unit_directory(dir);
    record(&recorder, dir, LLMOBS_CONTENT_FULL);
    ck_assert_int_eq(rmdir(dir), 0); /* not even a name with a dot */
}
