/* A credential in each documented field and form, in a text that the input
 * shapes: with fields before and behind, escapes, texts within texts, a cut at
 * either end. At most its last characters are left of it
 * anywhere, and nothing becomes anything but '*'. The filter is the one through
 * which spool, record, span, log and links have what they have. */
#include <ctype.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/span/leads.h"
#include "lib/span/secrets.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/credential_fields.h"

#define SENTINEL "Zq9xWv7uT5sR3pN1kM8j"
#define PART 9 /* so much of it may be nowhere */
#define DEPTHS 3
#define TEXT_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
        if (*at == '@' && (at == form || at[-1] != '@'))
            add(text, SENTINEL, strlen(SENTINEL));
        else
            add(text, at, 1);
}

/* Text of the input that holds no quote, no bracket and no word beside the
 * form: such bytes may make the form part of another one. */
static void add_noise(struct text *text, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = (char)(data[i] & 0x7f);

        add(text, isalpha((unsigned char)c) || c == '.' ? &c : " ", 1);
    }
}

/* Makes it a text of JSON, with some letters as \\u units. */
static void wrap(struct text *text, uint8_t how)
{
    json_t *json = json_pack("{s:s%}", "content", text->data, text->len);
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

static void check(const struct text *text)
{
    struct llmobs_text in = {text->data, text->len};
    char *masked = fuzz_copy(in);

    llmobs_secrets_mask(masked, in.len);
    for (size_t i = 0; i < in.len; i++)
        FUZZ_CHECK(masked[i] == in.data[i] || masked[i] == '*');
    for (size_t i = 0; i + PART <= strlen(SENTINEL); i++)
        FUZZ_CHECK(!memmem(masked, in.len, &SENTINEL[i], PART));
    free(masked);
}

static void try(const char *form, const uint8_t *data, size_t size)
{
    static struct text text;
    size_t half = size / 2;

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
    if (which < count) {
        try(forms[which], data, size);
    } else {
        const char *text = llmobs_leads[which % LLMOBS_LEADS].text;

        /* A JSON Web Token has parts; other base64 begins so, too. As long as
         * the longest of the keys. */
        snprintf(lead, sizeof(lead), "%s%s" SENTINEL SENTINEL SENTINEL "@",
                 text, strcmp(text, "eyJ") == 0 ? "." : "");
        try(lead, data, size);
    }
    fuzz_work();
    return 0;
}
