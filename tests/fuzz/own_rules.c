/* Lines of a user's form, and a body that such an API has as a request, an
 * answer, a stream, and without its middle. Input: a byte for reader, kind and
 * status, the lines up to FUZZ_CUT, the body. */
#include <errno.h>
#include <stdint.h>

#include "core/event/encode.h"
#include "rules/read/text.h"
#include "rules/rules.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define URL "http://own.test/v1/own"

static struct llmobs_rules *make_rules(unsigned choice,
                                       struct llmobs_text lines)
{
    static const char *const readers[] = {"table", "chat", "store", "search",
                                          "rerank"};
    static const char *const kinds[] = {"llm", "embedding", "retrieval", "tool",
                                        "agent"};
    struct llmobs_rules_config config = {.rules_json.len = 0};
    struct llmobs_rules *rules = NULL;
    struct llmobs_buf text;

    llmobs_buf_init(&text, lines.len + 256);
    llmobs_buf_adds(&text, "host own.test corp own\napi own\npath /v1/own ");
    llmobs_buf_adds(&text, kinds[choice / 5 % 5]);
    llmobs_buf_adds(&text, " chat own.call\nform main\nreads ");
    llmobs_buf_adds(&text, readers[choice % 5]);
    llmobs_buf_addc(&text, '\n');
    llmobs_buf_add(&text, lines.data, lines.len);
    config.rules_json = llmobs_buf_text(&text);
    if (!text.error)
        rules = llmobs_rules_new(&config);
    llmobs_buf_fini(&text);
    return rules;
}

static void read_call(const struct llmobs_match *match, struct llmobs_call call,
                      const char *type)
{
    struct llmobs_header header = {(char *)"content-type",
                                   (char *)(uintptr_t)type};
    struct llmobs_config config = {.event_max = 5000000};
    struct llmobs_buf event;
    struct llmobs_span span;
    int rc = llmobs_span_init(&span);

    FUZZ_CHECK(rc == 0);
    call.response_headers = &header;
    call.response_header_count = 1;
    rc = llmobs_rules_read(match, &call, &span);
    FUZZ_CHECK(rc == 0 || (rc == -ENOENT && !match->proxied));
    if (rc == 0) {
        llmobs_buf_init(&event, (size_t)64 << 20);
        rc = llmobs_encode_span(&span, &config, &event);
        FUZZ_CHECK(rc == 0 || rc == -E2BIG);
        llmobs_buf_fini(&event);
    }
    llmobs_span_fini(&span);
}

static void read_all(const struct llmobs_match *match, long status,
                     struct llmobs_text body)
{
    struct llmobs_call call = {.method = "POST",
                               .url = URL,
                               .request = body,
                               .response = body,
                               .status = status,
                               .transport_ok = true};
    struct llmobs_text tail = {body.data + body.len / 2, body.len / 3};
    struct llmobs_buf stream;

    read_call(match, call, "application/json");
    llmobs_buf_init(&stream, 2 * body.len + 64);
    for (int i = 0; i < 2; i++) {
        llmobs_buf_adds(&stream, "data: ");
        llmobs_buf_add(&stream, body.data, body.len);
        llmobs_buf_adds(&stream, "\n\n");
    }
    call.response = llmobs_buf_text(&stream);
    read_call(match, call, "text/event-stream");
    call.request.len = body.len / 3;
    call.response = call.request;
    call.request_tail = call.response_tail = tail;
    call.request_truncated = call.response_truncated = true;
    read_call(match, call, "application/json");
    llmobs_buf_fini(&stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};
    unsigned choice = fuzz_byte(&in);
    struct llmobs_rules *rules =
        make_rules(choice, fuzz_take(&in, (char)FUZZ_CUT));
    char *copy = fuzz_copy(in);
    struct llmobs_text body = {copy, in.len};
    struct llmobs_request request = {.method = "POST",
                                     .url = URL,
                                     .content_type = "application/json",
                                     .body = body};
    struct llmobs_match match;

    if (rules && llmobs_rules_match(rules, &request, &match))
        read_all(&match, choice & 128 ? 400 : 200, body);
    llmobs_rules_free(rules);
    fuzz_work();
    free(copy);
    return 0;
}
