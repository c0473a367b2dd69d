/* Initializes, fills and frees a span. */
#include "lib/span/span.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text/json.h"
#include "lib/text/json_plain.h"
#include "lib/span/mask.h"
#include "lib/span/secrets.h"

/* A greater number is not a token count: a double could not hold it (WIRE 8.4).
 */
#define METRIC_MAX ((int64_t)1 << 53)

int llmobs_span_init(struct llmobs_span *span)
{
    memset(span, 0, sizeof(*span));
    span->metadata = llmobs_json_object();
    span->metrics = llmobs_json_object();
    llmobs_span_facts_init(&span->facts);
    if (span->metadata && span->metrics)
        return 0;
    llmobs_span_fini(span);
    return -ENOMEM;
}

void llmobs_span_no_job(struct llmobs_span *span)
{
    free(span->job.id);
    llmobs_json_free(span->job.metrics);
    memset(&span->job, 0, sizeof(span->job));
}

void llmobs_span_fini(struct llmobs_span *span)
{
    free(span->name);
    free(span->model_name);
    free(span->model_provider);
    free(span->tool_version);
    free(span->intent);
    free(span->input_value);
    free(span->output_value);
    free(span->error_type);
    free(span->error_message);
    free(span->error_stack);
    llmobs_json_free(span->input_messages);
    llmobs_json_free(span->output_messages);
    llmobs_json_free(span->input_documents);
    llmobs_json_free(span->output_documents);
    llmobs_json_free(span->output_behind);
    llmobs_json_free(span->input_prompt);
    llmobs_json_free(span->metadata);
    llmobs_json_free(span->metadata_dd);
    llmobs_json_free(span->metrics);
    llmobs_span_facts_fini(&span->facts);
    llmobs_json_free(span->tool_definitions);
    llmobs_json_free(span->extra_tags);
    llmobs_json_free(span->said);
    llmobs_json_free(span->links);
    llmobs_span_no_job(span);
    memset(span, 0, sizeof(*span));
}

const char *llmobs_kind_name(enum llmobs_kind kind)
{
    static const char *const names[] = {
        [LLMOBS_KIND_LLM] = "llm",
        [LLMOBS_KIND_EMBEDDING] = "embedding",
        [LLMOBS_KIND_WORKFLOW] = "workflow",
        [LLMOBS_KIND_AGENT] = "agent",
        [LLMOBS_KIND_TASK] = "task",
        [LLMOBS_KIND_TOOL] = "tool",
        [LLMOBS_KIND_RETRIEVAL] = "retrieval",
    };

    return kind < sizeof(names) / sizeof(*names) ? names[kind] : "task";
}

int llmobs_kind_read(const char *name, enum llmobs_kind *out)
{
    for (int kind = LLMOBS_KIND_LLM; name && kind <= LLMOBS_KIND_RETRIEVAL;
         kind++) {
        if (strcmp(llmobs_kind_name((enum llmobs_kind)kind), name) == 0) {
            *out = (enum llmobs_kind)kind;
            return 0;
        }
    }
    return -EINVAL;
}

/* Gives a copy of text with its secrets masked. */
static char *masked_copy(const char *text)
{
    struct llmobs_buf buf;
    int rc;

    llmobs_buf_init(&buf, (size_t)1 << 31);
    rc = llmobs_mask_text(text, &buf);
    if (rc || !buf.data) {
        llmobs_buf_fini(&buf);
        return rc ? NULL : strdup("");
    }
    return llmobs_buf_take(&buf, NULL);
}

int llmobs_span_fail(struct llmobs_span *span, const char *type,
                     const char *message)
{
    char *copy;

    if (span->failed)
        return 0;
    /* The status is set even where no memory is left for its texts. */
    span->failed = true;
    copy = masked_copy(type ? type : "");
    free(span->error_type);
    span->error_type = copy;
    span->error_message = masked_copy(message ? message : "");
    return span->error_type && span->error_message ? 0 : -ENOMEM;
}

int llmobs_span_set_masked(char **field, const char *text)
{
    char *copy = text ? masked_copy(text) : NULL;

    if (text && !copy)
        return -ENOMEM;
    free(*field);
    *field = copy;
    return 0;
}

int llmobs_span_set(char **field, const char *text)
{
    char *copy = NULL;

    if (text && *field && strcmp(*field, text) == 0)
        return 0;
    if (text) {
        copy = strdup(text);
        if (!copy)
            return -ENOMEM;
    }
    free(*field);
    *field = copy;
    return 0;
}

int llmobs_span_set_format(char **field, const char *format, ...)
{
    va_list args;
    char *text;
    int len;

    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        return -ENOMEM;
    free(*field);
    *field = text;
    return 0;
}

void llmobs_span_metric(struct llmobs_span *span, const char *key,
                        int64_t number)
{
    if (number >= 0 && number <= METRIC_MAX)
        llmobs_json_set(span->metrics, key,
                        llmobs_json_searched(llmobs_json_int(number)));
}

/* -- cost tags ------------------------------------------------------------ */

#define COST_TAGS "cost_tags"

static int add_cost_tag(struct llmobs_span *span, const char *key)
{
    struct llmobs_json *list = llmobs_json_get(span->metadata_dd, COST_TAGS);
    int rc = 0;

    if (!span->metadata_dd)
        span->metadata_dd = llmobs_json_object();
    if (!list) {
        rc = llmobs_json_set(span->metadata_dd, COST_TAGS, llmobs_json_array());
        list = llmobs_json_get(span->metadata_dd, COST_TAGS);
    }
    LLMOBS_JSON_EACH (one, list, rc == 0)
        if (strcmp(llmobs_json_text(one), key) == 0)
            return 0;
    if (rc)
        return rc;
    return llmobs_json_add(list, llmobs_json_string(key));
}

int llmobs_span_cost_tags(struct llmobs_span *span,
                          const struct llmobs_json *keys,
                          const struct llmobs_json *tags)
{
    static const char own[] = "ml_app\0agent_service\0service\0env\0version\0";
    int rc = 0;

    for (size_t i = 0; i < llmobs_json_len(keys) && !rc; i++) {
        const char *key = llmobs_json_text(llmobs_json_at(keys, i));

        if (key && (llmobs_words_have(own, key) || llmobs_json_get(tags, key)))
            rc = add_cost_tag(span, key);
    }
    return rc;
}

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

/* Copies the text with its secrets masked; NULL: it is empty or too long. */
static const char *masked_text(const char *text, char copy[LLMOBS_FACT_MAX + 1])
{
    size_t len = text ? strnlen(text, LLMOBS_FACT_MAX + 1) : 0;

    if (len == 0 || len > LLMOBS_FACT_MAX)
        return NULL;
    if (llmobs_mask_is_plain(text))
        return text;
    llmobs_secrets_mask_whole(memcpy(copy, text, len + 1), len);
    return copy;
}

void llmobs_span_fact(struct llmobs_facts *facts, enum llmobs_fact fact,
                      const char *text)
{
    char copy[LLMOBS_FACT_MAX + 1];

    llmobs_span_fact_word(facts, fact, masked_text(text, copy));
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
    char copy[LLMOBS_FACT_MAX + 1];

    text = masked_text(text, copy);
    llmobs_span_fact_add_word(facts, fact, text ? text : "_OTHER");
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
