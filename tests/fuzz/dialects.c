/* A call that any dialect may have to read, and the event made of it; the form
 * of the input is in fuzz.h. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "core/event/encode.h"
#include "rules/rules.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/es_frame.h"

#define PATH_MAX_LEN 1024
#define MARKS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A URL of the shape, its stars replaced. */
static void make_url(const char *path, struct llmobs_text star, char *url)
{
    struct llmobs_buf buf;

    llmobs_buf_init(&buf, PATH_MAX_LEN - 1);
    (void)llmobs_buf_adds(&buf, "https://host.test");
    for (; *path; path++) {
        if (*path == '*')
            (void)llmobs_buf_add(&buf, star.data, star.len);
        else
            (void)llmobs_buf_addc(&buf, *path);
    }
    memcpy(url, buf.data, buf.len + 1);
    llmobs_buf_fini(&buf);
}

/* Gives memory of exactly the text's size: a read beyond it is found. */
static struct llmobs_text copy(struct llmobs_text text)
{
    char *data = malloc(text.len ? text.len : 1);

    if (text.len)
        memcpy(data, text.data, text.len);
    return (struct llmobs_text){data, text.len};
}

static struct llmobs_text make_frames(struct llmobs_text in)
{
    struct llmobs_text out;
    struct llmobs_buf buf;

    llmobs_buf_init(&buf, 16 * in.len + 4096);
    while (in.len) {
        struct llmobs_text event = fuzz_take(&in, FUZZ_CUT);
        struct llmobs_text type = fuzz_take(&event, FUZZ_TYPE_END);

        if (es_frame_add_event(&buf, type, event))
            break;
    }
    out = copy((struct llmobs_text){buf.data, buf.len});
    llmobs_buf_fini(&buf);
    return out;
}

/* Takes the ends of a body apart; the middle third is lost. */
static void lose_middle(struct llmobs_text *head, struct llmobs_text *tail)
{
    tail->len = head->len / 3;
    tail->data = head->data + head->len - tail->len;
    head->len /= 3;
}

static void check(const struct llmobs_match *match,
                  const struct llmobs_call *call)
{
    struct llmobs_config config = {.event_max = 5000000};
    struct llmobs_buf event;
    struct llmobs_span span;
    int rc = llmobs_span_init(&span);

    FUZZ_CHECK(rc == 0);
    rc = llmobs_rules_read(match, call, &span);
    /* A dialect may let the body decide on hosts that are known, too. */
    FUZZ_CHECK(rc == 0 || (rc == -ENOENT && !match->proxied));
    if (rc == 0) {
        FUZZ_CHECK(span.name && span.metadata && span.metrics);
        FUZZ_CHECK(!span.proxied || !span.model_name);
        llmobs_buf_init(&event, (size_t)64 << 20);
        rc = llmobs_encode_span(&span, &config, &event);
        FUZZ_CHECK(rc == 0 || rc == -E2BIG);
        llmobs_buf_fini(&event);
    }
    llmobs_span_fini(&span);
}

static size_t make_marks(struct llmobs_mark *marks, size_t len)
{
    for (size_t i = 0; i < MARKS; i++)
        marks[i] = (struct llmobs_mark){(i + 1) * len / MARKS,
                                        2000000000 + (int64_t)i};
    return MARKS;
}

/* A call under way to being read; what it borrows lies here. */
struct attempt {
    struct llmobs_rule rule;
    struct llmobs_match match;
    struct llmobs_call call;
    struct llmobs_header header;
    struct llmobs_mark marks[MARKS];
    struct llmobs_text request;
    struct llmobs_text response;
    char url[PATH_MAX_LEN];
};

static void take_bodies(struct attempt *a, struct llmobs_text in, unsigned type)
{
    make_url(a->rule.shape->path, fuzz_take(&in, '\n'), a->url);
    a->request = copy(fuzz_take(&in, FUZZ_CUT));
    a->response = type == FUZZ_EVENTSTREAM ? make_frames(in) : copy(in);
    a->header = (struct llmobs_header){(char *)"content-type",
                                       (char *)(uintptr_t)fuzz_types[type]};
}

static void apply_flags(struct attempt *a, unsigned flags)
{
    static const long statuses[] = {200, 200, 200, 400, 500, 0, 302, 204};
    const struct llmobs_shape *shape = a->rule.shape;

    /* as matching decides: only paths of any host are to be confirmed, and no
     * header tells a gateway's calls */
    a->match.proxied = flags & FUZZ_PROXIED && !shape->signs;
    a->match.confirm =
        flags & FUZZ_CONFIRM && shape->any_host && !a->match.proxied;
    a->match.kind = a->match.proxied ? LLMOBS_KIND_WORKFLOW : shape->kind;
    a->call.status = statuses[flags >> FUZZ_STATUS_SHIFT];
    a->call.transport_ok = !(flags & FUZZ_TRANSPORT_FAILED);
    a->call.request_truncated = flags & FUZZ_REQUEST_CUT;
    a->call.response_truncated = flags & FUZZ_RESPONSE_CUT;
    if (a->call.request_truncated)
        lose_middle(&a->call.request, &a->call.request_tail);
    if (a->call.response_truncated)
        lose_middle(&a->call.response, &a->call.response_tail);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct attempt a = {.call = {.method = "POST", .start_ns = 1000000000}};

    if (size < 3)
        return 0;
    a.rule = fuzz_shape(data[0] % fuzz_shape_count());
    take_bodies(&a, (struct llmobs_text){(const char *)data + 3, size - 3},
                data[2] % FUZZ_MARKS % FUZZ_TYPES);
    a.match.rule = &a.rule;
    a.call.url = a.url;
    a.call.request_headers = a.call.response_headers = &a.header;
    a.call.response_header_count = a.header.value != NULL;
    a.call.request = a.request;
    a.call.response = a.response;
    apply_flags(&a, data[1]);
    a.call.marks = a.marks;
    if (data[2] & FUZZ_MARKS)
        a.call.mark_count = make_marks(a.marks, a.response.len);
    check(&a.match, &a.call);
    free((char *)(uintptr_t)a.request.data);
    free((char *)(uintptr_t)a.response.data);
    return 0;
}
