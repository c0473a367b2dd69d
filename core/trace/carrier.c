/* Parses trace context, and makes root and child contexts. */
#include "core/trace/carrier.h"

#include <stddef.h>
#include <string.h>

#include "core/config/config.h"
#include "core/config/origin.h"
#include "core/config/config_otlp.h"
#include "lib/span/secrets.h"

/* A longer carrier is hostile: the documented limits are far below. */
#define CARRIER_MAX 8192
#define DATADOG_TAGS_MAX 512
#define BAGGAGE_ITEMS_MAX 64

/* -- pieces -------------------------------------------------------------- */

/* A carrier's tags about LLM Observability, borrowed; data NULL where
 * absent. */
struct tags {
    struct llmobs_text tid;
    struct llmobs_text dm;
    struct llmobs_text parent_id;
    struct llmobs_text trace_id;
    struct llmobs_text ml_app;
    struct llmobs_text rate;
    struct llmobs_text sampled;
    struct llmobs_text session;
    struct llmobs_text pagent_id;
    struct llmobs_text pagent_name;
};

/* One carrier, parsed. */
struct inbound {
    struct llmobs_id128 trace_id;
    uint64_t span_id; /* 0: the carrier has no span */
    int priority;
    char equals;   /* the character that stands for '=' in its values */
    bool vendored; /* other members of tracestate belong to this trace */
    struct llmobs_text origin;
    struct tags tags;
};

static void set_tag(struct tags *tags, struct llmobs_text key,
                    struct llmobs_text value)
{
    static const struct {
        const char *key;
        size_t at;
    } known[] = {
        {"tid", offsetof(struct tags, tid)},
        {"dm", offsetof(struct tags, dm)},
        {"llmobs_parent_id", offsetof(struct tags, parent_id)},
        {"llmobs_trace_id", offsetof(struct tags, trace_id)},
        {"llmobs_ml_app", offsetof(struct tags, ml_app)},
        {"llmobs_sr", offsetof(struct tags, rate)},
        {"llmobs_sd", offsetof(struct tags, sampled)},
        {"llmobs_sid", offsetof(struct tags, session)},
        {"llmobs_pagent_span_id", offsetof(struct tags, pagent_id)},
        {"llmobs_pagent_name", offsetof(struct tags, pagent_name)},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (strlen(known[i].key) == key.len &&
            memcmp(known[i].key, key.data, key.len) == 0)
            memcpy((char *)tags + known[i].at, &value, sizeof(value));
    }
}

/* Moves the text before the first `mark` from `rest` to `part`, and drops the
 * mark; false at the end. An empty part counts. */
static bool next_part(struct llmobs_text *rest, char mark,
                      struct llmobs_text *part)
{
    const char *end;

    if (!rest->data)
        return false;
    end = rest->len ? memchr(rest->data, mark, rest->len) : NULL;
    *part = *rest;
    if (!end) {
        rest->data = NULL;
        rest->len = 0;
        return true;
    }
    part->len = (size_t)(end - part->data);
    rest->data = end + 1;
    rest->len -= part->len + 1;
    return true;
}

/* Gives a carrier's text; data NULL where it is too long, or not printable
 * ASCII. */
static struct llmobs_text checked(const char *value)
{
    struct llmobs_text text = {value, 0};

    if (!value)
        return text;
    text.len = strnlen(value, CARRIER_MAX + 1);
    for (size_t i = 0; i < text.len; i++) {
        if (value[i] < 0x20 || value[i] > 0x7e)
            return (struct llmobs_text){NULL, 0};
    }
    if (text.len > CARRIER_MAX)
        return (struct llmobs_text){NULL, 0};
    return llmobs_text_trim(text);
}

/* Reads x-datadog-tags: if one entry is malformed, all are ignored (WIRE 5.3).
 */
static void read_datadog_tags(const char *value, struct tags *out)
{
    struct llmobs_text rest = checked(value);
    struct llmobs_text part;
    struct tags tags = {0};

    if (!rest.data || rest.len == 0 || rest.len > DATADOG_TAGS_MAX)
        return;
    while (next_part(&rest, ',', &part)) {
        struct llmobs_text key;

        if (!next_part(&part, '=', &key) || key.len == 0 || part.len == 0 ||
            memchr(key.data, ' ', key.len))
            return;
        if (llmobs_text_begins(key, "_dd.p.")) {
            key.data += strlen("_dd.p.");
            key.len -= strlen("_dd.p.");
            set_tag(&tags, key, llmobs_text_trim(part));
        }
    }
    *out = tags;
}

static bool parse_int(struct llmobs_text text, int *out)
{
    bool minus = text.len > 0 && text.data[0] == '-';
    int value = 0;

    if (text.len == minus || text.len > 4)
        return false;
    for (size_t i = minus; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (text.data[i] - '0');
    }
    *out = minus ? -value : value;
    return true;
}

/* Reads the parts of the dd member; without a priority in it, `priority` stays.
 * False: the member is malformed, and the caller ignores all of it. */
static bool read_dd_member(struct llmobs_text member, struct inbound *in,
                           bool *has_priority)
{
    struct llmobs_text part;
    struct llmobs_text origin = {NULL, 0};
    struct tags tags = {0};

    *has_priority = false;
    while (next_part(&member, ';', &part)) {
        struct llmobs_text key;

        if (!next_part(&part, ':', &key) || !part.data)
            return false;
        if (llmobs_text_begins(key, "t.")) {
            key.data += 2;
            key.len -= 2;
            set_tag(&tags, key, part);
        } else if (key.len == 1 && key.data[0] == 's') {
            if (!parse_int(part, &in->priority))
                return false;
            *has_priority = true;
        } else if (key.len == 1 && key.data[0] == 'o') {
            origin = part;
        }
    }
    in->tags = tags;
    in->origin = origin;
    return true;
}

__attribute__((noinline)) static void read_tracestate(const char *value,
                                                      bool flag,
                                                      struct inbound *in)
{
    struct llmobs_text rest = checked(value);
    struct llmobs_text member, dd = {NULL, 0};
    struct inbound read = *in;
    bool has = false;

    while (next_part(&rest, ',', &member)) {
        member = llmobs_text_trim(member);
        if (llmobs_text_begins(member, "dd="))
            dd = (struct llmobs_text){member.data + 3, member.len - 3};
    }
    if (dd.data && read_dd_member(dd, &read, &has))
        *in = read;
    else
        has = false;
    /* "Priority from both" (WIRE 5.2) */
    if (!has || (flag ? in->priority <= 0 : in->priority >= 0))
        in->priority = flag;
}

/* Checks only the form; the flags go to `flag`. */
static bool read_traceparent(const char *value, struct inbound *in, bool *flag)
{
    struct llmobs_text text = checked(value);
    uint64_t version, flags;

    if (!text.data || text.len < 55 || text.data[2] != '-' ||
        text.data[35] != '-' || text.data[52] != '-')
        return false;
    if (!llmobs_id128_parse_hex64(text.data, 2, &version) || version == 0xff ||
        !llmobs_id128_parse_hex64(text.data + 3, 16, &in->trace_id.hi) ||
        !llmobs_id128_parse_hex64(text.data + 19, 16, &in->trace_id.lo) ||
        !llmobs_id128_parse_hex64(text.data + 36, 16, &in->span_id) ||
        !llmobs_id128_parse_hex64(text.data + 53, 2, &flags))
        return false;
    if (text.len > 55 && (version == 0 || text.data[55] != '-'))
        return false;
    *flag = flags & 1;
    return in->span_id != 0 && (in->trace_id.hi != 0 || in->trace_id.lo != 0);
}

static bool read_w3c(const struct llmobs_carrier *carrier, struct inbound *in)
{
    bool flag = false;

    memset(in, 0, sizeof(*in));
    if (!read_traceparent(carrier->traceparent, in, &flag))
        return false;
    in->equals = '~';
    in->vendored = true;
    read_tracestate(carrier->tracestate, flag, in);
    return true;
}

/* An id of b3 has 16 hex digits, a trace id may have 32, in either case. */
static bool read_b3_id(struct llmobs_text text, struct llmobs_id128 *id)
{
    char lower[32];

    if (text.len != 16 && text.len != 32)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        lower[i] = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
    }
    id->hi = 0;
    return (text.len == 16 || llmobs_id128_parse_hex64(lower, 16, &id->hi)) &&
           llmobs_id128_parse_hex64(lower + text.len - 16, 16, &id->lo);
}

static bool read_b3_pair(struct llmobs_text trace, struct llmobs_text span,
                         char sampled, struct inbound *in)
{
    struct llmobs_id128 id = {0, 0};

    memset(in, 0, sizeof(*in));
    if (!read_b3_id(trace, &in->trace_id) || span.len != 16 ||
        !read_b3_id(span, &id))
        return false;
    in->span_id = id.lo;
    in->priority = sampled == 'd' ? 2 : sampled == '0' ? 0 : 1;
    in->equals = '=';
    return in->span_id != 0 && (in->trace_id.hi != 0 || in->trace_id.lo != 0);
}

/* -- styles -------------------------------------------------------------- */

static bool read_in_style(enum llmobs_style style,
                          const struct llmobs_config *config,
                          const struct llmobs_carrier *carrier,
                          struct inbound *in)
{
    switch (style) {
    case LLMOBS_STYLE_DATADOG: {
        struct llmobs_text trace = checked(carrier->x_datadog_trace_id);
        struct llmobs_text parent = checked(carrier->x_datadog_parent_id);
        struct llmobs_text priority =
            checked(carrier->x_datadog_sampling_priority);
        uint64_t high;

        memset(in, 0, sizeof(*in));
        if (!llmobs_id128_parse_decimal64(trace, &in->trace_id.lo) ||
            in->trace_id.lo == 0)
            return false;
        if (parent.len && !llmobs_id128_parse_decimal64(parent, &in->span_id))
            return false;
        if (!parse_int(priority, &in->priority))
            in->priority = 1;
        in->equals = '=';
        in->origin = checked(carrier->x_datadog_origin);
        read_datadog_tags(carrier->x_datadog_tags, &in->tags);
        if (config->trace_id_128 && in->tags.tid.len == 16 &&
            llmobs_id128_parse_hex64(in->tags.tid.data, 16, &high))
            in->trace_id.hi = high;
        return true;
    }
    case LLMOBS_STYLE_TRACECONTEXT:
        return read_w3c(carrier, in);
    case LLMOBS_STYLE_B3: {
        struct llmobs_text rest = checked(carrier->b3);
        struct llmobs_text trace, span, sampled = {NULL, 0};

        if (!next_part(&rest, '-', &trace) || !next_part(&rest, '-', &span))
            return false;
        (void)next_part(&rest, '-', &sampled);
        return read_b3_pair(trace, span,
                            sampled.len == 1 ? sampled.data[0] : '\0', in);
    }
    case LLMOBS_STYLE_B3MULTI: {
        struct llmobs_text sampled = checked(carrier->x_b3_sampled);
        struct llmobs_text flags = checked(carrier->x_b3_flags);
        char mark = sampled.len == 1 ? sampled.data[0] : '\0';

        if (flags.len == 1 && flags.data[0] == '1')
            mark = 'd';
        return read_b3_pair(checked(carrier->x_b3_traceid),
                            checked(carrier->x_b3_spanid), mark, in);
    }
    default: /* baggage has no context */
        return false;
    }
}

/* Reads the first style that gives a context (WIRE 5.3). If a traceparent is of
 * the same trace, it names the span, and its tracestate is sent on. Not
 * inlined, because otherwise one stack frame would hold all parsed carriers. */
__attribute__((noinline)) static bool read_carrier(
    const struct llmobs_config *config, const struct llmobs_carrier *carrier,
    struct inbound *in)
{
    const struct llmobs_styles *styles = &config->extract_styles;
    struct inbound other;
    bool found = false;

    for (size_t i = 0; i < styles->count; i++) {
        if (!read_in_style(styles->list[i], config, carrier, &other))
            continue;
        if (!found)
            *in = other;
        /* The upper half of an id may be missing. */
        else if (other.vendored && in->trace_id.lo == other.trace_id.lo &&
                 (in->trace_id.hi == 0 || other.trace_id.hi == 0 ||
                  in->trace_id.hi == other.trace_id.hi)) {
            in->span_id = other.span_id;
            in->vendored = true;
        }
        found = true;
        if (config->extract_first)
            break;
    }
    return found || (carrier->process && read_w3c(carrier, in));
}

/* -- contexts ------------------------------------------------------------ */

/* Members of other vendors, within the header's limit. */
static bool is_vendors(struct llmobs_text member)
{
    return member.len > 0 && member.len <= 128 &&
           !llmobs_text_begins(member, "dd=");
}

static bool is_of_experiment(struct llmobs_text member)
{
    return llmobs_text_begins(member, LLMOBS_EXPERIMENT);
}

/* Copies the members that are wanted, to send them on, as many as fit. */
static void copy_members(char *out, size_t cap, struct llmobs_text rest,
                         bool (*wanted)(struct llmobs_text member))
{
    struct llmobs_text member;
    size_t used = 0;

    while (next_part(&rest, ',', &member)) {
        member = llmobs_text_trim(member);
        if (!wanted(member) || used + 1 + member.len >= cap)
            continue;
        if (used)
            out[used++] = ',';
        memcpy(out + used, member.data, member.len);
        used += member.len;
    }
    out[used] = '\0';
}

/* In tracestate another character stands for '=' (WIRE 5.2, Decode). */
static void copy_value(char *out, size_t cap, struct llmobs_text text,
                       char equals)
{
    llmobs_context_text(out, cap, text);
    for (; *out; out++) {
        if (*out == equals)
            *out = '=';
    }
}

static bool is_rate(struct llmobs_text text)
{
    if (text.len == 0 || text.len > 11)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!strchr("0123456789.eE+-", text.data[i]))
            return false;
    }
    return true;
}

bool llmobs_carrier_is_trusted(const struct llmobs_config *config,
                               const struct llmobs_carrier *carrier)
{
    if (carrier->process || config->trust == LLMOBS_TRUST_ALL)
        return true;
    return config->trust == LLMOBS_TRUST_DEFAULT && !carrier->stranger;
}

/* Continues the trace of a parent in another process. */
static bool inherit_parent(struct llmobs_context *context,
                           const struct inbound *in)
{
    uint64_t id;

    if (!llmobs_id128_parse_decimal64(in->tags.parent_id, &id) || id == 0)
        return false;
    context->parent_id = id;
    if (!llmobs_id128_parse(in->tags.trace_id, &context->trace_id))
        context->trace_id = in->trace_id;
    return true;
}

/* A caller that is not trusted gives only the ids: everything else stays as the
 * configuration made it for a root. That includes LLM Observability's sampling
 * decision: the caller's id must not choose it. */
static void inherit(struct llmobs_context *context, const struct inbound *in,
                    bool trusted, double rate)
{
    bool parent = in->span_id != 0 && inherit_parent(context, in);

    if (!trusted)
        return;
    context->priority = in->priority;
    copy_value(context->origin, sizeof(context->origin), in->origin,
               in->equals);
    llmobs_context_text(context->dm, sizeof(context->dm), in->tags.dm);
    if (in->span_id != 0) {
        /* WIRE 5.3, the part on LLM Observability, without the ids. */
        const struct tags *tags = &in->tags;
        uint64_t id;

        if (tags->ml_app.len) {
            copy_value(context->ml_app, sizeof(context->ml_app), tags->ml_app,
                       in->equals);
            llmobs_secrets_mask(context->ml_app, strlen(context->ml_app));
            context->app = LLMOBS_APP_NAMED;
        }
        if (tags->session.len)
            copy_value(context->session_id, sizeof(context->session_id),
                       tags->session, in->equals);
        if (llmobs_id128_parse_decimal64(tags->pagent_id, &id) && id != 0) {
            context->pagent_span_id = id;
            copy_value(context->pagent_name, sizeof(context->pagent_name),
                       tags->pagent_name, in->equals);
        }
    }
    if (!parent) {
        llmobs_context_sample(context, rate);
        return;
    }
    /* Copies the parent's sampling decision as it was sent. If the parent sent
     * no decision, this makes none. */
    context->sample_rate[0] = '\0';
    context->sampled[0] = '\0';
    if (is_rate(in->tags.rate))
        llmobs_context_text(context->sample_rate, sizeof(context->sample_rate),
                            in->tags.rate);
    if (in->tags.sampled.len == 1 &&
        (in->tags.sampled.data[0] == '0' || in->tags.sampled.data[0] == '1'))
        llmobs_context_text(context->sampled, sizeof(context->sampled),
                            in->tags.sampled);
}

/* Asks OTEL_TRACES_SAMPLER where a trace begins in this process or enters it;
 * all spans below follow its answer. A ratio reads the spans' trace id, so that
 * the services of one trace agree. `joined`: the parent's flag counts. */
static void decide_sampling(struct llmobs_context *context,
                            const struct llmobs_config *config, bool joined)
{
    const struct llmobs_otlp_config *otlp = &config->otlp;
    bool sampled = joined && otlp->parent_based
                       ? context->priority > 0
                       : llmobs_otlp_samples(otlp, context->apm_trace_id.lo);

    context->unsampled = !sampled;
    if (otlp->sampler_flags && sampled != (context->priority > 0))
        context->priority = sampled;
}

void llmobs_context_root(struct llmobs_context *context,
                         const struct llmobs_config *config)
{
    llmobs_origin_find();
    memset(context, 0, sizeof(*context));
    context->trace_id = llmobs_context_trace_id();
    context->apm_trace_id = context->trace_id;
    /* Only the APM id loses its upper half. trace_id keeps it: peers would
     * write an id of 64 bits in decimal, and would not find this trace (WIRE
     * 5.3). */
    if (!config->trace_id_128)
        context->apm_trace_id.hi = 0;
    context->span_id = llmobs_context_random();
    context->priority = 1;
    llmobs_context_text(context->ml_app, sizeof(context->ml_app),
                        llmobs_text_of(config->ml_app));
    context->app = config->app;
    llmobs_context_text(context->session_id, sizeof(context->session_id),
                        llmobs_text_of(config->session_id));
    llmobs_context_sample(context, config->sample_rate);
    decide_sampling(context, config, false);
}

/* Names the page by method and path: what stands behind the path may be secret,
 * as what stands before it in "http://NAME:PASSWORD@HOST/PATH". A page that has
 * no room is not known: of a part the masks of secrets know nothing. */
static void name_page(struct llmobs_context *context,
                      const struct llmobs_carrier *carrier)
{
    struct llmobs_text method = checked(carrier->method);
    struct llmobs_text path = checked(carrier->target);
    const char *host;

    path.len = path.data ? strcspn(path.data, "?#; ") : 0;
    host = path.len ? memmem(path.data, path.len, "://", 3) : NULL;
    if (host && path.data[0] != '/') {
        size_t skip = (size_t)(host + 3 - path.data);

        skip += strcspn(path.data + skip, "/?#; ");
        path.data += skip;
        path.len -= skip < path.len ? skip : path.len;
    }
    if (method.len == 0 || path.len == 0 || path.data[0] != '/' ||
        method.len + path.len + 2 > sizeof(context->page))
        return;
    memcpy(context->page, method.data, method.len);
    context->page[method.len] = ' ';
    memcpy(context->page + method.len + 1, path.data, path.len);
    context->page[method.len + 1 + path.len] = '\0';
}

bool llmobs_context_from_carrier(struct llmobs_context *context,
                                 const struct llmobs_config *config,
                                 const struct llmobs_carrier *carrier)
{
    struct inbound in;
    bool trusted = llmobs_carrier_is_trusted(config, carrier);

    llmobs_context_root(context, config);
    name_page(context, carrier);
    if (carrier->baggage && trusted) {
        /* The baggage of a process is read whatever the configured styles are.
         */
        const struct llmobs_styles *styles = &config->extract_styles;
        bool read = carrier->process;
        struct llmobs_text baggage;

        for (size_t i = 0; i < styles->count; i++)
            read = read || styles->list[i] == LLMOBS_STYLE_BAGGAGE;
        if (read && llmobs_context_baggage(config, carrier->baggage, &baggage))
            copy_members(context->experiment, sizeof(context->experiment),
                         baggage, is_of_experiment);
    }
    if (config->extract != LLMOBS_EXTRACT_CONTINUE ||
        !read_carrier(config, carrier, &in))
        return false;
    context->apm_trace_id = in.trace_id;
    context->apm_parent_id = in.span_id;
    context->remote = in.span_id != 0;
    if (in.vendored && trusted)
        copy_members(context->vendors, sizeof(context->vendors),
                     checked(carrier->tracestate), is_vendors);
    inherit(context, &in, trusted, config->sample_rate);
    decide_sampling(context, config, trusted);
    return true;
}

/* If one pair is malformed, the whole baggage is ignored (WIRE 5.4). */
bool llmobs_context_baggage(const struct llmobs_config *config,
                            const char *value, struct llmobs_text *out)
{
    struct llmobs_text rest = checked(value), pair;
    size_t items = 0;

    if (config->extract == LLMOBS_EXTRACT_IGNORE || rest.len == 0)
        return false;
    *out = rest;
    while (next_part(&rest, ',', &pair)) {
        struct llmobs_text key;

        if (!next_part(&pair, '=', &key) || llmobs_text_trim(key).len == 0 ||
            llmobs_text_trim(pair).len == 0 || ++items > BAGGAGE_ITEMS_MAX)
            return false;
    }
    return true;
}
