/* Tests server-sent events. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text/sse.h"
#include "tests/unit/unit.h"

#define BYTES(text) (text), sizeof(text) - 1

/* Writes all events as "type|data@end;". */
static char *walk(const char *text, size_t len)
{
    char *exact = malloc(len > 0 ? len : 1);
    struct llmobs_sse_event event;
    struct llmobs_buf out;
    struct llmobs_sse sse;
    int rc;

    memcpy(exact, text, len);
    llmobs_buf_init(&out, 1 << 20);
    rc = llmobs_buf_adds(&out, "");
    llmobs_sse_init(&sse, (struct llmobs_text){exact, len});
    while (llmobs_sse_next(&sse, &event)) {
        rc |= llmobs_buf_add(&out, event.type.data, event.type.len);
        rc |= llmobs_buf_addc(&out, '|');
        rc |= llmobs_buf_add(&out, event.data.data, event.data.len);
        rc |= llmobs_buf_addf(&out, "@%zu;", event.end);
    }
    if (rc != 0 || llmobs_sse_next(&sse, &event))
        ck_abort_msg("the walk fails");
    llmobs_sse_fini(&sse);
    free(exact);
    return llmobs_buf_take(&out, NULL);
}

static const struct {
    const char *in;
    size_t len;
    const char *out;
} rows[] = {
    {BYTES(""), ""},
    {BYTES("\n"), ""},
    {BYTES("\r\n\r\n\n\n"), ""},
    {BYTES("data: a\n\n"), "|a@9;"},
    {BYTES("data:a\n\n"), "|a@8;"},
    {BYTES("data:  a \n\n"), "| a @11;"},
    {BYTES("data:\ta\n\n"), "|\ta@9;"},
    {BYTES("data: a:b\n\n"), "|a:b@11;"},
    {BYTES("data:\n\n"), "|@7;"},
    {BYTES("data\n\n"), "|@6;"},
    {BYTES("data: \n\n"), "|@8;"},
    {BYTES("data\ndata\n\n"), "|\n@11;"},
    {BYTES("data: a\ndata: b\n\n"), "|a\nb@17;"},
    {BYTES("data: a\ndata:\ndata: c\n\n"), "|a\n\nc@23;"},
    {BYTES("data:\ndata: b\n\n"), "|\nb@15;"},
    /* line ends */
    {BYTES("data: a\r\n\r\ndata: b\r\n\r\n"), "|a@11;|b@22;"},
    {BYTES("data: a\r\rdata: b\r\r"), "|a@9;|b@18;"},
    {BYTES("data: a\r\n\ndata: b\n\r\n"), "|a@10;|b@20;"},
    {BYTES("data: a\n\rdata: b\r\n\r"), "|a@9;|b@19;"},
    {BYTES("data: a\n\r\ndata: b"), "|a@10;|b@17;"},
    {BYTES("data: a\r\ndata: b\rdata: c\n\n"), "|a\nb\nc@26;"},
    {BYTES("data: a\r\r\ndata: b\n\n"), "|a@10;|b@19;"},
    /* the end of the buffer */
    {BYTES("data: a"), "|a@7;"},
    {BYTES("data: a\n"), "|a@8;"},
    {BYTES("data: a\r"), "|a@8;"},
    {BYTES("data: a\r\n"), "|a@9;"},
    {BYTES("data: a\r\n\r"), "|a@10;"},
    {BYTES("data: a\n\ndata: {\"b"), "|a@9;|{\"b@18;"},
    {BYTES("data: a\n\ndat"), "|a@9;"},
    {BYTES("data: a\ndat"), "|a@11;"},
    {BYTES("data: a\n\nevent: x\n"), "|a@9;"},
    {BYTES("data"), "|@4;"},
    {BYTES("dat"), ""},
    /* types */
    {BYTES("event: e\ndata: a\n\n"), "e|a@18;"},
    {BYTES("data: a\nevent: e\n\n"), "e|a@18;"},
    {BYTES("event:e\nevent: f\ndata: a\n\n"), "f|a@26;"},
    {BYTES("event: e\nevent\ndata: a\n\n"), "|a@24;"},
    {BYTES("event: e\n\ndata: a\n\n"), "|a@19;"},
    {BYTES("event: e\ndata: a\n\ndata: b\n\n"), "e|a@18;|b@27;"},
    /* what is skipped */
    {BYTES(": ping\n\ndata: a\n\n"), "|a@17;"},
    {BYTES(":\n\n:\n\n"), ""},
    {BYTES("data: a\n: c\ndata: b\n\n"), "|a\nb@21;"},
    {BYTES("id: 1\nretry: 5\ndata: a\n\n"), "|a@24;"},
    {BYTES("id: 1\nretry: 5\n\n"), ""},
    {BYTES("DATA: a\nDa: b\n data: c\ndata : d\ndatax: e\n\n"), ""},
    {BYTES("[1]\n\nhello\n"), ""},
    /* what servers write where they fail */
    {BYTES("{\"a\": \"b\"}\ndata: c\n"), "|{\"a\": \"b\"}@11;|c@19;"},
    {BYTES("error: {\"a\":1}\n\ndata: b\n\n"), "error|{\"a\":1}@16;|b@25;"},
    {BYTES("error\n\nerrors: a\n\n"), "error|@7;"},
    /* byte order mark: once, at the start */
    {BYTES("\xEF\xBB\xBF"
           "data: a\n\n"),
     "|a@12;"},
    {BYTES("\xEF\xBB\xBF\xEF\xBB\xBF"
           "data: a\n\n"),
     ""},
    {BYTES("\xEF\xBB"), ""},
    {BYTES("data: \xEF\xBB\xBF\n\n"), "|\xEF\xBB\xBF@11;"},
    /* what providers send */
    {BYTES("data: {\"a\":1}\n\ndata: [DONE]\n\n"), "|{\"a\":1}@15;|[DONE]@29;"},
    {BYTES("event: ping\ndata: {\"type\": \"ping\"}\n\n"),
     "ping|{\"type\": \"ping\"}@36;"},
};

TEST(test_sse_rows)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *out = walk(rows[i].in, rows[i].len);

        ck_assert_msg(strcmp(out, rows[i].out) == 0, "row %zu: %s", i, out);
        free(out);
    }
}

TEST(test_sse_nul)
{
    static const char text[] = "data: a\0b\nda\0ta: c\nevent: \0\n\n";
    struct llmobs_sse_event event;
    UNIT_ENDS(llmobs_sse) sse;

    llmobs_sse_init(&sse, (struct llmobs_text){text, sizeof(text) - 1});
    ck_assert(llmobs_sse_next(&sse, &event));
    ck_assert_uint_eq(event.data.len, 3);
    ck_assert_mem_eq(event.data.data, "a\0b", 3);
    ck_assert_uint_eq(event.type.len, 1);
    ck_assert(!llmobs_sse_next(&sse, &event));
    llmobs_sse_fini(&sse);
    llmobs_sse_init(&sse, (struct llmobs_text){NULL, 0});
    ck_assert(!llmobs_sse_next(&sse, &event));
}

/* The same walk told a second way: a byte at a time. */
struct model {
    char line[64];
    size_t line_len;
    char type[64];
    size_t type_len;
    char data[512];
    size_t data_len;
    bool has_data;
    bool after_cr;
    struct llmobs_buf out;
};

static void model_dispatch(struct model *m, size_t end)
{
    int rc = 0;

    if (m->has_data) {
        rc |= llmobs_buf_add(&m->out, m->type, m->type_len);
        rc |= llmobs_buf_addc(&m->out, '|');
        rc |= llmobs_buf_add(&m->out, m->data, m->data_len - 1);
        rc |= llmobs_buf_addf(&m->out, "@%zu;", end);
    }
    if (rc != 0)
        ck_abort_msg("the model fails");
    m->type_len = 0;
    m->data_len = 0;
    m->has_data = false;
}

static void model_line(struct model *m, size_t end)
{
    size_t name = 0;
    size_t value;

    if (m->line_len == 0) {
        model_dispatch(m, end);
        return;
    }
    while (name < m->line_len && m->line[name] != ':')
        name++;
    value = name < m->line_len ? name + 1 : name;
    if (value < m->line_len && m->line[value] == ' ')
        value++;
    if (name == 5 && memcmp(m->line, "error", 5) == 0)
        memcpy(m->type, m->line, m->type_len = name);
    if (*m->line == '{')
        value = 0;
    if (value == 0 || (name == 4 && memcmp(m->line, "data", 4) == 0) ||
        (name == 5 && memcmp(m->line, "error", 5) == 0)) {
        memcpy(m->data + m->data_len, m->line + value, m->line_len - value);
        m->data_len += m->line_len - value;
        m->data[m->data_len++] = '\n';
        m->has_data = true;
    } else if (name == 5 && memcmp(m->line, "event", 5) == 0) {
        m->type_len = m->line_len - value;
        memcpy(m->type, m->line + value, m->type_len);
    }
    m->line_len = 0;
    if (*m->line == '{')
        model_dispatch(m, end);
}

static char *model_walk(const char *text, size_t len)
{
    struct model m;

    memset(&m, 0, sizeof(m));
    llmobs_buf_init(&m.out, 1 << 20);
    if (llmobs_buf_adds(&m.out, "") != 0)
        ck_abort_msg("the model fails");
    for (size_t i = 0; i < len; i++) {
        bool skip = text[i] == '\n' && m.after_cr;

        m.after_cr = text[i] == '\r';
        if (skip)
            continue;
        if (text[i] != '\n' && text[i] != '\r')
            m.line[m.line_len++] = text[i];
        else
            model_line(&m, i + 1 < len && text[i] == '\r' && text[i + 1] == '\n'
                               ? i + 2
                               : i + 1);
    }
    if (m.line_len > 0)
        model_line(&m, len);
    model_dispatch(&m, len);
    return llmobs_buf_take(&m.out, NULL);
}

TEST(test_sse_fuzz)
{
    static const char *const parts[] = {
        "data", ":",     " ", "\n", "\r",       "\r\n",  "\n",
        "\n",   "event", "x", "id", "\r\n\r\n", "error", "{"};
    uint64_t state = 0x243F6A8885A308D3;
    size_t events = 0;

    for (size_t i = 0; i < 100000; i++) {
        char text[64];
        size_t len = 0;
        char *want;
        char *got;

        while (len < 50) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            const char *part = parts[(state >> 33) % 14];

            memcpy(text + len, part, strlen(part));
            len += strlen(part);
        }
        len -= state >> 59;
        want = model_walk(text, len);
        got = walk(text, len);
        if (strcmp(got, want) != 0)
            ck_abort_msg("%.*s: %s instead of %s", (int)len, text, got, want);
        events += strchr(got, ';') != NULL;
        free(want);
        free(got);
    }
    ck_assert_uint_gt(events, 10000);
}

static size_t count_events(const char *text, size_t len)
{
    struct llmobs_sse_event event;
    struct llmobs_sse sse;
    size_t count = 0;
    size_t last = 0;

    llmobs_sse_init(&sse, (struct llmobs_text){text, len});
    while (llmobs_sse_next(&sse, &event)) {
        if (event.end <= last)
            ck_abort_msg("event %zu ends at %zu", count, event.end);
        last = event.end;
        count++;
    }
    llmobs_sse_fini(&sse);
    return count;
}

/* Time in proportion to the length, whatever the line ends: the square of
 * these lengths would take hours. */
TEST(test_sse_long)
{
    static const struct {
        const char *unit;
        const char *end;
        size_t events;
    } longs[] = {
        {"data:x\n\n", "", 1000000},   {"data:x\r\r", "", 1000000},
        {"data\r\n\r\n", "", 1000000}, {"event:x\n", "data:\n", 1},
        {"data:xx\n", "", 1},          {"data:xx\r", "", 1},
        {":::::::\r", "", 0},          {"\r\r\r\r\r\r\r\r", "", 0},
        {"datadata", "", 0},           {"data:xxx", "\n\n", 1},
    };
    char *text = unit_own(malloc(8000016));

    for (size_t i = 0; i < sizeof(longs) / sizeof(longs[0]); i++) {
        size_t end = strlen(longs[i].end);

        for (size_t at = 0; at < 8000000; at += 8)
            memcpy(text + at, longs[i].unit, 8);
        memcpy(text + 8000000, longs[i].end, end);
        ck_assert_uint_eq(count_events(text, 8000000 + end), longs[i].events);
    }
}
