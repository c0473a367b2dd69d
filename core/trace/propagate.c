/* Formats the values of trace headers. */
#include "core/trace/propagate.h"

#include <errno.h>
#include <string.h>

#include "lib/base/scratch.h"

/* The limit of tracestate counts members without their ';', without "dd=" and
 * without the member p (WIRE 5.2). */
#define DD_MEMBER_MAX 256

struct llmobs_sender llmobs_propagate_span(const struct llmobs_context *context)
{
    return (struct llmobs_sender){context, context->span_id, context->span_id};
}

/* -- numbers: on the app's thread, so without printf --------------------- */

size_t llmobs_propagate_hex64(uint64_t number, char out[17])
{
    for (int i = 15; i >= 0; i--, number >>= 4)
        out[i] = "0123456789abcdef"[number & 15];
    out[16] = '\0';
    return 16;
}

size_t llmobs_propagate_int(int number, char out[12])
{
    char digits[21];
    size_t minus = number < 0;
    size_t len = llmobs_text_decimal(
        minus ? (uint64_t) - (int64_t)number : (uint64_t)number, digits);

    out[0] = '-';
    memcpy(out + minus, digits, len + 1);
    return minus + len;
}

size_t llmobs_propagate_b3_trace(struct llmobs_id128 id, char out[33])
{
    size_t len = id.hi ? llmobs_propagate_hex64(id.hi, out) : 0;

    return len + llmobs_propagate_hex64(id.lo, out + len);
}

/* -- a list of members --------------------------------------------------- */

/* A text that is written from the left; `counted` must stay below `max`. */
struct line {
    char *text;
    size_t cap;
    size_t len;
    size_t counted;
    size_t max;
};

/* How a style writes its members. */
struct form {
    const char *key_prefix;
    char between; /* between members */
    char equals;  /* between key and value */
    bool count_between;
    size_t (*encode)(const char *value, char *out, size_t cap);
};

/* A value may hold 0x20 to 0x7e except ',', and no blanks at its ends (WIRE
 * 5.1). Any other value is not written. */
static size_t encode_tag(const char *value, char *out, size_t cap)
{
    size_t len;

    while (*value == ' ')
        value++;
    for (len = 0; value[len]; len++) {
        unsigned char c = (unsigned char)value[len];

        if (len == cap || c < 0x20 || c > 0x7e || c == ',')
            return 0;
        out[len] = (char)c;
    }
    while (len > 0 && out[len - 1] == ' ')
        len--;
    return len;
}

/* Encodes a value as WIRE 5.2, "Value characters", says. */
static size_t encode_state(const char *value, char *out, size_t cap)
{
    size_t len = 0;
    bool in_run = false;

    for (; *value && len < cap; value++) {
        unsigned char c = (unsigned char)*value;
        bool bad = c < 0x20 || c > 0x7e || c == ',' || c == ';' || c == '~';

        if (bad && in_run)
            continue;
        in_run = bad;
        if (bad)
            out[len++] = '_';
        else
            out[len++] = c == '=' ? '~' : (char)c;
    }
    return len;
}

static const struct form tags_form = {"_dd.p.", ',', '=', true, encode_tag};
static const struct form state_form = {"t.", ';', ':', false, encode_state};

/* Adds nothing if the member would exceed the limit; a smaller member may still
 * fit later. The value is encoded, or needs no encoding. */
static void add_encoded(struct line *line, const struct form *form,
                        const char *prefix, const char *key, const char *value,
                        size_t len)
{
    size_t prefix_len = strlen(prefix), key_len = strlen(key);
    size_t between = line->len > 0;
    size_t total = prefix_len + key_len + 1 + len;
    size_t counted = total + (form->count_between ? between : 0);
    char *at = line->text + line->len;

    if (len == 0 || line->counted + counted > line->max ||
        line->len + between + total + 1 > line->cap)
        return;
    if (between)
        *at++ = form->between;
    memcpy(at, prefix, prefix_len);
    memcpy(at + prefix_len, key, key_len);
    at += prefix_len + key_len;
    *at++ = form->equals;
    memcpy(at, value, len);
    at[len] = '\0';
    line->len += between + total;
    line->counted += counted;
}

static void add_prefixed(struct line *line, const struct form *form,
                         const char *prefix, const char *key, const char *value)
{
    const size_t cap = LLMOBS_ML_APP_LEN * 4 + 1;
    char *encoded = llmobs_scratch_alloc(cap);

    if (!encoded)
        return;
    add_encoded(line, form, prefix, key, encoded,
                form->encode(value, encoded, cap));
    llmobs_scratch_free_text(encoded);
}

static void add_value(struct line *line, const struct form *form,
                      const char *key, const char *value)
{
    add_prefixed(line, form, form->key_prefix, key, value);
}

static void add_number(struct line *line, const struct form *form,
                       const char *key, uint64_t number)
{
    char text[21];

    if (number == 0)
        return;
    add_encoded(line, form, form->key_prefix, key, text,
                llmobs_text_decimal(number, text));
}

/* The upper half of the APM trace id. */
static void add_tid(struct line *line, const struct form *form,
                    const struct llmobs_context *context)
{
    char text[17];

    if (context->apm_trace_id.hi == 0)
        return;
    add_encoded(line, form, form->key_prefix, "tid", text,
                llmobs_propagate_hex64(context->apm_trace_id.hi, text));
}

/* Writes the members of LLM Observability, most needed first. Where the parent
 * there is unknown, its trace is unknown, too. */
static void add_llm_members(struct line *line, const struct form *form,
                            const struct llmobs_sender *sender)
{
    const struct llmobs_context *context = sender->context;
    char text[40];

    if (sender->parent_id != 0) {
        add_number(line, form, "llmobs_parent_id", sender->parent_id);
        llmobs_id128_decimal(context->trace_id, text);
        add_encoded(line, form, form->key_prefix, "llmobs_trace_id", text,
                    strlen(text));
        add_value(line, form, "llmobs_sd", context->sampled);
        add_value(line, form, "llmobs_sr", context->sample_rate);
    } else {
        add_value(line, form, "llmobs_parent_id", "undefined");
    }
    if (context->app != LLMOBS_APP_GUESSED)
        add_value(line, form, "llmobs_ml_app", context->ml_app);
    add_value(line, form, "llmobs_sid", context->session_id);
    add_number(line, form, "llmobs_pagent_span_id", context->pagent_span_id);
    add_value(line, form, "llmobs_pagent_name", context->pagent_name);
}

size_t llmobs_propagate_tags(const struct llmobs_sender *sender, bool llm_only,
                             size_t max, char *out, size_t cap)
{
    struct line line = {.text = out, .cap = cap, .max = max};

    out[0] = '\0';
    if (!llm_only) {
        add_tid(&line, &tags_form, sender->context);
        add_value(&line, &tags_form, "dm", sender->context->dm);
    }
    add_llm_members(&line, &tags_form, sender);
    return line.len;
}

size_t llmobs_propagate_traceparent(const struct llmobs_sender *sender,
                                    char *out, size_t cap)
{
    const struct llmobs_context *context = sender->context;

    if (cap < LLMOBS_TRACEPARENT_LEN + 1)
        return 0;
    memcpy(out, "00-", 3);
    (void)llmobs_propagate_hex64(context->apm_trace_id.hi, out + 3);
    (void)llmobs_propagate_hex64(context->apm_trace_id.lo, out + 19);
    out[35] = '-';
    (void)llmobs_propagate_hex64(sender->apm_span_id, out + 36);
    memcpy(out + 52, context->priority > 0 ? "-01" : "-00", 4);
    return LLMOBS_TRACEPARENT_LEN;
}

size_t llmobs_propagate_tracestate(const struct llmobs_sender *sender,
                                   char *out, size_t cap)
{
    const struct llmobs_context *context = sender->context;
    struct line line = {.text = out, .cap = cap, .max = DD_MEMBER_MAX};
    char text[12];
    size_t room;
    size_t all;
    size_t len;

    /* Writes the member only where its longest form has room. */
    if (cap < sizeof("dd=p:") + 16 + DD_MEMBER_MAX + 16)
        return 0;
    memcpy(out, "dd=p:", 5);
    line.len = 5 + llmobs_propagate_hex64(sender->apm_span_id, out + 5);
    (void)llmobs_propagate_int(context->priority, text);
    add_prefixed(&line, &state_form, "", "s", text);
    add_prefixed(&line, &state_form, "", "o", context->origin);
    add_value(&line, &state_form, "dm", context->dm);
    add_tid(&line, &state_form, context);
    add_llm_members(&line, &state_form, sender);
    /* Writes the members of other vendors that fit as a whole. */
    len = line.len;
    room = cap - 1 < LLMOBS_TRACESTATE_LEN ? cap - 1 : LLMOBS_TRACESTATE_LEN;
    all = strlen(context->vendors);
    while (all && len + 1 + all > room) {
        while (all && context->vendors[all - 1] != ',')
            all--;
        if (all)
            all--;
    }
    if (all) {
        out[len++] = ',';
        memcpy(out + len, context->vendors, all);
        len += all;
    }
    out[len] = '\0';
    return len;
}

size_t llmobs_propagate_b3(const struct llmobs_sender *sender, char *out,
                           size_t cap)
{
    const struct llmobs_context *context = sender->context;
    size_t len;

    if (cap < 32 + 1 + 16 + 2 + 1)
        return 0;
    len = llmobs_propagate_b3_trace(context->apm_trace_id, out);
    out[len++] = '-';
    len += llmobs_propagate_hex64(sender->apm_span_id, out + len);
    out[len++] = '-';
    out[len++] = context->priority <= 0   ? '0'
                 : context->priority == 1 ? '1'
                                          : 'd';
    out[len] = '\0';
    return len;
}

int llmobs_context_traceparent(const struct llmobs_context *context, char *out,
                               size_t cap)
{
    struct llmobs_sender sender = llmobs_propagate_span(context);

    return llmobs_propagate_traceparent(&sender, out, cap) ? 0 : -ENOSPC;
}

int llmobs_context_tracestate(const struct llmobs_context *context, char *out,
                              size_t cap)
{
    struct llmobs_sender sender = llmobs_propagate_span(context);

    return llmobs_propagate_tracestate(&sender, out, cap) ? 0 : -ENOSPC;
}
