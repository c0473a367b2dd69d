#include "lib/span/span_facts.h"

#include <stdlib.h>
#include <string.h>

#include "lib/span/mask.h"
#include "lib/text/json.h"
#include "lib/text/json_plain.h"

/* All facts together have fewer bytes. */
#define TEXT_MAX ((size_t)256 * 1024)

static const char *const keys[] = {
#define KEY(id, name) ", \"" name "\": ",
    LLMOBS_FACTS_LIST(KEY)
#undef KEY
};

void llmobs_span_facts_init(struct llmobs_facts *facts)
{
    memset(facts, 0, sizeof(*facts));
    llmobs_buf_init(&facts->text, TEXT_MAX);
}

void llmobs_span_facts_fini(struct llmobs_facts *facts)
{
    llmobs_buf_fini(&facts->text);
}

bool llmobs_span_fact_is_set(const struct llmobs_facts *facts,
                             enum llmobs_fact fact)
{
    return facts->values[fact].len > 0;
}

struct llmobs_text llmobs_span_fact_text(const struct llmobs_facts *facts,
                                         enum llmobs_fact fact)
{
    size_t len = facts->values[fact].len;

    return len < 2
               ? (struct llmobs_text){"", 0}
               : (struct llmobs_text){
                     facts->text.data + facts->values[fact].at + 1, len - 2};
}

void llmobs_span_fact_unset(struct llmobs_facts *facts, enum llmobs_fact fact)
{
    facts->values[fact].len = 0;
    facts->items[fact] = 0;
}

/* -- values as text ------------------------------------------------------- */

/* Adds a string as JSON writes it. */
static int add_string(struct llmobs_buf *out, const char *text)
{
    size_t len = strlen(text);
    struct llmobs_json *json;
    int rc;

    if (llmobs_json_run(text, len, LLMOBS_JSON_STOP_ODD) < len) {
        json = llmobs_json_stringn(text, len);
        rc = llmobs_json_dump(json, LLMOBS_JSON_ASCII, out);
        llmobs_json_free(json);
        return json ? rc : -1;
    }
    rc = llmobs_buf_addc(out, '"');
    if (!rc)
        rc = llmobs_buf_add(out, text, len);
    return rc ? rc : llmobs_buf_addc(out, '"');
}

/* Keeps as the value the text from `at` on, unless it could not be written. */
static void set_fact(struct llmobs_facts *facts, enum llmobs_fact fact,
                     size_t at, int rc)
{
    if (rc) {
        llmobs_buf_cut(&facts->text, at);
        return;
    }
    facts->values[fact].at = (uint32_t)at;
    facts->values[fact].len = (uint32_t)(facts->text.len - at);
}

void llmobs_span_fact_word(struct llmobs_facts *facts, enum llmobs_fact fact,
                           const char *text)
{
    size_t at = facts->text.len;

    if (text && *text)
        set_fact(facts, fact, at, add_string(&facts->text, text));
}

void llmobs_span_fact_true(struct llmobs_facts *facts, enum llmobs_fact fact)
{
    size_t at = facts->text.len;

    set_fact(facts, fact, at, llmobs_buf_add(&facts->text, "true", 4));
}

static int add_int(struct llmobs_buf *out, uint64_t number)
{
    char digits[21];

    return llmobs_buf_add(out, digits, llmobs_text_decimal(number, digits));
}

void llmobs_span_fact_int(struct llmobs_facts *facts, enum llmobs_fact fact,
                          int64_t number)
{
    size_t at = facts->text.len;

    if (number >= 0)
        set_fact(facts, fact, at, add_int(&facts->text, (uint64_t)number));
}

void llmobs_span_fact_ints(struct llmobs_facts *facts, enum llmobs_fact fact,
                           const uint64_t *numbers, size_t count)
{
    size_t at = facts->text.len;
    int rc = llmobs_buf_addc(&facts->text, '[');

    for (size_t i = 0; i < count && !rc; i++) {
        rc = i ? llmobs_buf_adds(&facts->text, ", ") : 0;
        if (!rc)
            rc = add_int(&facts->text, numbers[i]);
    }
    set_fact(facts, fact, at, rc ? rc : llmobs_buf_addc(&facts->text, ']'));
}

/* -- texts of others ------------------------------------------------------ */

/* Gives the text with its secrets masked; where that is a new text, also in
 * *owned. NULL: the text is empty or too long. */
static const char *masked_text(const char *text, char **owned)
{
    struct llmobs_mask_walk walk = {.kind = LLMOBS_MASK_BODY};
    struct llmobs_buf buf;

    *owned = NULL;
    if (!text || !*text || strnlen(text, LLMOBS_FACT_MAX + 1) > LLMOBS_FACT_MAX)
        return NULL;
    walk.text = (struct llmobs_text){text, text ? strlen(text) : 0};
    /* No part of a word such as "default" can mark a secret. */
    if (!text[strspn(text, "abcdefghijklmnopqrstuvwxyz")] ||
        !llmobs_mask_next(&walk))
        return text;
    llmobs_buf_init(&buf, 2 * LLMOBS_FACT_MAX);
    if (llmobs_mask_body(text, &buf) == 0)
        *owned = llmobs_buf_take(&buf, NULL);
    llmobs_buf_fini(&buf);
    return *owned;
}

void llmobs_span_fact(struct llmobs_facts *facts, enum llmobs_fact fact,
                      const char *text)
{
    char *owned;

    llmobs_span_fact_word(facts, fact, masked_text(text, &owned));
    free(owned);
}

/* Moves the list to the end of the text, where it can grow. */
static int open_list(struct llmobs_facts *facts, size_t at, size_t len)
{
    char *copy;
    int rc;

    if (len == 0)
        return llmobs_buf_addc(&facts->text, '[');
    if (at + len == facts->text.len) {
        llmobs_buf_cut(&facts->text, at + len - 1);
        return llmobs_buf_add(&facts->text, ", ", 2);
    }
    copy = strndup(facts->text.data + at, len - 1);
    rc = copy ? llmobs_buf_add(&facts->text, copy, len - 1) : -1;
    free(copy);
    return rc ? rc : llmobs_buf_add(&facts->text, ", ", 2);
}

void llmobs_span_fact_add_word(struct llmobs_facts *facts,
                               enum llmobs_fact fact, const char *text)
{
    size_t at = facts->values[fact].at, len = facts->values[fact].len;
    size_t begin = len && at + len == facts->text.len ? at : facts->text.len;
    int rc;

    if (facts->items[fact] == LLMOBS_FACT_ITEMS)
        return;
    rc = open_list(facts, at, len);
    if (!rc)
        rc = add_string(&facts->text, text);
    if (!rc)
        rc = llmobs_buf_addc(&facts->text, ']');
    facts->items[fact]++;
    if (rc)
        llmobs_span_fact_unset(facts, fact);
    set_fact(facts, fact, begin, rc);
}

void llmobs_span_fact_add(struct llmobs_facts *facts, enum llmobs_fact fact,
                          const char *text)
{
    char *owned;

    text = masked_text(text, &owned);
    llmobs_span_fact_add_word(facts, fact, text ? text : "_OTHER");
    free(owned);
}

/* -- the object ----------------------------------------------------------- */

int llmobs_span_facts_write(const struct llmobs_facts *span,
                            const struct llmobs_facts *core,
                            struct llmobs_buf *out)
{
#define ROOM(id, name) +sizeof(", \"" name "\": ")
    int rc =
        llmobs_buf_reserve(out, sizeof("{}") + core->text.len +
                                    span->text.len LLMOBS_FACTS_LIST(ROOM));
    size_t skip = 2; /* the comma before the first key */
    char *to = out->data + out->len;

    if (rc)
        return rc;
    *to++ = '{';
    for (size_t i = 0; i < LLMOBS_FACTS; i++) {
        const struct llmobs_facts *from = core->values[i].len ? core : span;

        if (from->values[i].len == 0)
            continue;
        to = mempcpy(to, keys[i] + skip, strlen(keys[i] + skip));
        to = mempcpy(to, from->text.data + from->values[i].at,
                     from->values[i].len);
        skip = 0;
    }
    *to++ = '}';
    *to = '\0';
    out->len = (size_t)(to - out->data);
    return 0;
}
