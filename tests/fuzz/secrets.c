/* A credential in each documented field and form, in a text that the input
 * shapes: with fields before and behind, escapes, texts within texts, a cut at
 * either end. At most its last characters are left of it
 * anywhere, and nothing becomes anything but '*'. The same text is the request,
 * the answer and the error of a call, in pieces and cut: neither the spool's
 * entries nor its event nor its recording have the credential. */
#include <ctype.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/encode.h"
#include "core/event/recording.h"
#include "core/event/to_span.h"
#include "core/log/item_entry.h"
#include "lib/span/allowlist.h"
#include "lib/span/leads.h"
#include "lib/span/secrets.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/credential_fields.h"

#define PART 9 /* so much of it may be nowhere */
#define DEPTHS 3
#define TEXT_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The masking may leave the beginning in place, never the rest. */
static const struct {
    const char *lead, *rest;
} sentinels[] = {{"", "Zq9xWv7uT5sR3pN1kM8j"},
                 {"gho_", "ZqyxWvzuTtsRqpNokMlj"},
                 {"", "9f8e7d6c5b4a3f2e1d0c"}},
  *sentinel;

static const char *const forms[] = {
#define EXAMPLE(api, field, example, source) example,
    CREDENTIAL_FIELDS(EXAMPLE) "a=b&client_secret=@&c=d",
    "api%5Fkey=@",
    "x: y\napi_key: @\nz: 1\n",
    "[db]\npassword = @\n",
    "export API_TOKEN=@\n",
    "Authorization: Bearer @\r\nHost: h\r\n",
    "Cookie: sid=@; b=c\r\n",
    "X-Api-Key: @\r\n",
    "curl --api-key @ -d x",
    "Server=h;Password=@;User=a",
    "AccountKey=@==;Suffix=b",
    "postgres://me:@@h/db",
    "-----BEGIN PRIVATE KEY-----\n@\n-----END PRIVATE KEY-----\n",
    "{\"name\":\"X-Api-Key\",\"value\":\"@\"}",
    "{\"value\":\"@\",\"key\":\"password\"}",
};

struct text {
    char data[TEXT_MAX];
    size_t len;
};

static void add(struct text *text, const char *data, size_t len)
{
    if (len > sizeof(text->data) - 1 - text->len)
        len = sizeof(text->data) - 1 - text->len;
    memcpy(text->data + text->len, data, len);
    text->len += len;
    text->data[text->len] = '\0';
}

/* Puts the sentinel in the place of the first "@", and of each that no host
 * follows. */
static void add_form(struct text *text, const char *form)
{
    for (const char *at = form; *at; at++)
        if (*at == '@' && (at == form || at[-1] != '@')) {
            add(text, sentinel->lead, strlen(sentinel->lead));
            add(text, sentinel->rest, strlen(sentinel->rest));
        } else {
            add(text, at, 1);
        }
}

/* Text of the input that holds no quote, no bracket and no word beside the
 * form: such bytes may make the form part of another one. */
static void add_noise(struct text *text, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = (char)tolower(data[i] & 0x7f); /* no part of a sentinel */

        add(text, isalpha((unsigned char)c) || c == '.' ? &c : " ", 1);
    }
}

/* Makes it a text of JSON, with some letters as \\u units. */
static void wrap(struct text *text, uint8_t how)
{
    json_t *json = json_pack("{s:[{s:s,s:s%}]}", "messages", "role", "user",
                             "content", text->data, text->len);
    char *dump = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    if (!dump)
        return;
    text->len = 0;
    for (size_t i = 0; dump[i]; i++) {
        char unit[8];

        if (strchr("-_=:", dump[i]) && how &&
            ((size_t)dump[i] + i) % how == 1 && dump[i ? i - 1 : 0] != '"' &&
            dump[i ? i - 1 : 0] != '\\') {
            snprintf(unit, sizeof(unit), "\\u%04x", (unsigned)dump[i]);
            add(text, unit, 6);
        } else {
            add(text, dump + i, 1);
        }
    }
    free(dump);
}

static void search(const char *data, size_t len)
{
    for (size_t i = 0; data && i + PART <= strlen(sentinel->rest); i++)
        FUZZ_CHECK(!memmem(data, len, sentinel->rest + i, PART));
}

static void check(const struct text *text)
{
    struct llmobs_text in = {text->data, text->len};
    char *masked = fuzz_copy(in);

    llmobs_secrets_mask(masked, in.len);
    for (size_t i = 0; i < in.len; i++)
        FUZZ_CHECK(masked[i] == in.data[i] || masked[i] == '*');
    search(masked, in.len);
    free(masked);
}

/* -- a call ---------------------------------------------------------------- */

static struct llmobs_exchange *make(const struct text *text, size_t piece,
                                    size_t capture_max)
{
    static const struct llmobs_rules_config config;
    static struct llmobs_rules *rules;
    struct llmobs_exchange *e = llmobs_exchange_new(capture_max);
    struct llmobs_request asked = {
        .method = "POST",
        .url = "https://api.openai.com/v1/chat/completions",
        .content_type = "application/json",
        .body = {text->data, text->len}};

    if (!rules)
        rules = llmobs_rules_new(&config);
    FUZZ_CHECK(e && llmobs_rules_match(rules, &asked, &e->match));
    e->url = llmobs_allowlist_url_copy(asked.url);
    strcpy(e->method, "POST");
    e->context.span_id = 1;
    e->status = piece % 2 ? 200 : 400;
    llmobs_headers_add(&e->request_headers, "content-type: application/json",
                       12);
    llmobs_headers_add_answer(&e->response_headers,
                              "content-type: application/json", 30);
    for (size_t at = 0, n; at < text->len; at += n) {
        n = text->len - at < piece ? text->len - at : piece;
        llmobs_exchange_sent_text(e, text->data + at, n);
        llmobs_exchange_received(e, text->data + at, n);
    }
    if (text->len < sizeof(e->error_text))
        memcpy(e->error_text, text->data, text->len);
    if (text->len < sizeof(e->context.session_id))
        strcpy(e->context.session_id, text->data);
    if (text->len < sizeof(e->context.page))
        strcpy(e->context.page, text->data);
    e->annotations = strdup(text->data);
    llmobs_exchange_end(e);
    return e;
}

static void write_entry(struct llmobs_exchange *e, enum llmobs_entry_type type,
                        enum llmobs_stage stage)
{
    static const struct llmobs_entry_key key = {1, {2, 3}};
    static struct llmobs_entry_writer writer;
    struct llmobs_exchange_facts facts;

    llmobs_exchange_prepare(e, stage, false);
    llmobs_entry_begin(&writer, type, 1);
    llmobs_exchange_add(e, false, &facts, &writer);
    FUZZ_CHECK(llmobs_entry_end(&writer, &key) > 0);
    for (int i = 0; i < writer.pieces; i++)
        search(writer.iov[i].iov_base, writer.iov[i].iov_len);
}

/* Also of a call that no spool has seen. */
static void keep(const struct text *text, size_t piece, size_t capture_max)
{
    struct llmobs_exchange *e = make(text, piece, capture_max);
    struct llmobs_config config = {.event_max = 5000000};
    struct llmobs_recording recording;
    struct llmobs_span span;
    struct llmobs_buf event;

    llmobs_buf_init(&event, (size_t)64 << 20);
    if (piece % 3) {
        write_entry(e, LLMOBS_ENTRY_START, LLMOBS_STAGE_START);
        write_entry(e, LLMOBS_ENTRY_BEGIN, LLMOBS_STAGE_BEGIN);
        write_entry(e, LLMOBS_ENTRY_END, LLMOBS_STAGE_END);
    }
    if (llmobs_exchange_to_span(e, &span) == 0) {
        (void)llmobs_encode_call(&span, &config, &event);
        search(event.data, event.len);
        (void)llmobs_recording_make(e, "a", &recording);
        search(recording.head.data, recording.head.len);
        search(recording.request.data, recording.request.len);
        search(recording.answer.data, recording.answer.len);
        llmobs_recording_fini(&recording);
        llmobs_span_fini(&span);
    }
    llmobs_buf_fini(&event);
    llmobs_exchange_free(e);
}

/* Of a form the head that is kept; what follows it is lost, but for its end. */
static void keep_cut(struct text *text, size_t piece, size_t head)
{
    size_t len = text->len;

    for (size_t i = 0; i < 3 * len; i++)
        add(text, i % 8 ? "a" : " ", 1);
    if (len * 4 < sizeof(text->data))
        keep(text, piece, 2 * head);
}

static void try(const char *form, const uint8_t *data, size_t size)
{
    static struct text text;
    size_t half = size / 2, piece = size ? 1 + data[0] : 1;

    text.len = 0;
    add_form(&text, form);
    keep(&text, piece, sizeof(text.data));
    if (size > 1 && strncmp(form, "{\"value\"", 8) != 0)
        keep_cut(&text, piece, text.len * data[1] / 256);

    text.len = 0;
    add_noise(&text, data, half);
    add(&text, "\n", 1);
    add_form(&text, form);
    add(&text, "\n", 1);
    add_noise(&text, data + half, size - half);
    check(&text);
    for (int depth = 0; depth < DEPTHS; depth++) {
        wrap(&text, size ? data[0] : 0);
        check(&text);
        keep(&text, piece, sizeof(text.data));
    }
    /* Of a value before its name the cut may take the name. */
    if (size > 1 && strncmp(form, "{\"value\"", 8) != 0) {
        text.len = text.len * data[1] / 256;
        check(&text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char lead[160];
    size_t count = sizeof(forms) / sizeof(*forms);
    size_t which = size ? data[size - 1] : 0;

    if (size > 200)
        size = 200;
    sentinel = &sentinels[size % 3];
    if (which < count) {
        try(forms[which], data, size);
    } else {
        const char *text = llmobs_leads[which % LLMOBS_LEADS].text;

        /* A JSON Web Token has parts; other base64 begins so, too. As long as
         * the longest of the keys. */
        snprintf(lead, sizeof(lead), "%s%s%s%s%s%s", text,
                 strcmp(text, "eyJ") == 0 ? "." : "", sentinel->rest,
                 sentinel->rest, sentinel->rest, sentinel->rest);
        try(lead, data, size);
    }
    fuzz_work();
    return 0;
}
