/* Builds the list of trace headers for a transfer. */
#include "core/trace/carrier.h"
#include "core/trace/inject.h"

#include <string.h>
#include <strings.h>

#include "rules/rules.h"

/* -- names --------------------------------------------------------------- */

enum name {
    DD_TRACE_ID,
    DD_PARENT_ID,
    DD_PRIORITY,
    DD_ORIGIN,
    DD_TAGS,
    TRACEPARENT,
    TRACESTATE,
    BAGGAGE,
    B3,
    B3_TRACE_ID,
    B3_SPAN_ID,
    B3_SAMPLED,
    B3_FLAGS,
    NAMES
};

/* The names end with their colons: for a node with only such a text libcurl
 * sends no header. The second column is the carrier's member. */
static const struct {
    const char *text;
    size_t member;
} names[NAMES] = {
#define ROW(text, member)                                 \
    {                                                     \
        text ":", offsetof(struct llmobs_carrier, member) \
    }
    [DD_TRACE_ID] = ROW("x-datadog-trace-id", x_datadog_trace_id),
    [DD_PARENT_ID] = ROW("x-datadog-parent-id", x_datadog_parent_id),
    [DD_PRIORITY] =
        ROW("x-datadog-sampling-priority", x_datadog_sampling_priority),
    [DD_ORIGIN] = ROW("x-datadog-origin", x_datadog_origin),
    [DD_TAGS] = ROW("x-datadog-tags", x_datadog_tags),
    [TRACEPARENT] = ROW("traceparent", traceparent),
    [TRACESTATE] = ROW("tracestate", tracestate),
    [BAGGAGE] = ROW("baggage", baggage),
    [B3] = ROW("b3", b3),
    [B3_TRACE_ID] = ROW("x-b3-traceid", x_b3_traceid),
    [B3_SPAN_ID] = ROW("x-b3-spanid", x_b3_spanid),
    [B3_SAMPLED] = ROW("x-b3-sampled", x_b3_sampled),
    [B3_FLAGS] = ROW("x-b3-flags", x_b3_flags),
#undef ROW
};

#define BIT(name) (1u << (name))
#define ALL_DATADOG                                            \
    (BIT(DD_TRACE_ID) | BIT(DD_PARENT_ID) | BIT(DD_PRIORITY) | \
     BIT(DD_ORIGIN) | BIT(DD_TAGS))
#define ALL_W3C (BIT(TRACEPARENT) | BIT(TRACESTATE))
#define ALL_B3MULTI \
    (BIT(B3_TRACE_ID) | BIT(B3_SPAN_ID) | BIT(B3_SAMPLED) | BIT(B3_FLAGS))
#define IDS                                                    \
    (BIT(DD_TRACE_ID) | BIT(DD_PARENT_ID) | BIT(DD_PRIORITY) | \
     BIT(TRACEPARENT) | BIT(B3) | ALL_B3MULTI)

/* The name of `len` bytes; NAMES: an unknown name. */
static enum name name_of(const char *text, size_t len)
{
    /* The shortest name has 2 bytes; most headers begin with other letters. */
    if (len < 2 || !strchr("xXtTbB", text[0]))
        return NAMES;
    for (enum name name = 0; name < NAMES; name++) {
        if (strncasecmp(names[name].text, text, len) == 0 &&
            names[name].text[len] == ':')
            return name;
    }
    return NAMES;
}

/* -- the app's own headers ----------------------------------------------- */

/* Reads a list like "traceparent;x-amz-date", whose ';' may be "%3B". */
static unsigned signed_names(const char *list)
{
    unsigned found = 0;

    while (*list) {
        size_t len = strcspn(list, ";%, &\t\r\n");
        enum name name = name_of(list, len);

        if (name != NAMES)
            found |= BIT(name);
        list += len;
        if (strncasecmp(list, "%3b", 3) == 0)
            list += 3;
        else if (*list == ';')
            list++;
        else
            break;
    }
    return found;
}

/* Reads the list of signed headers behind "name=" in an AWS signature. */
static unsigned find_signed(const char *text, const char *name)
{
    const char *at = text ? strcasestr(text, name) : NULL;

    return at ? signed_names(at + strlen(name)) : 0;
}

static void read_own_header(const char *line, struct llmobs_own_headers *own)
{
    static const char authorization[] = "authorization:";
    size_t len = strcspn(line, ":;");
    enum name name = name_of(line, len);
    const char **value;

    if (strncasecmp(line, authorization, sizeof(authorization) - 1) == 0)
        own->names |= find_signed(line, "SignedHeaders=");
    /* "Name:" and "Name;" are also decisions of the app about this header. */
    if (name == NAMES || line[len] == '\0')
        return;
    own->names |= BIT(name);
    value = (const char **)((char *)&own->carrier + names[name].member);
    if (line[len] == ':' && !*value)
        *value = line + len + 1 + strspn(line + len + 1, " \t");
}

void llmobs_inject_scan(const struct curl_slist *list, const char *url,
                        struct llmobs_own_headers *own)
{
    const char *query = url ? strchr(url, '?') : NULL;

    memset(own, 0, sizeof(*own));
    for (; list; list = list->next) {
        if (list->data)
            read_own_header(list->data, own);
    }
    if (query)
        own->names |= find_signed(query, "X-Amz-SignedHeaders=");
}

/* -- the headers to add ---------------------------------------------------- */

static unsigned of_styles(const struct llmobs_styles *styles)
{
    static const unsigned sets[LLMOBS_STYLE_COUNT] = {
        [LLMOBS_STYLE_DATADOG] = ALL_DATADOG,
        [LLMOBS_STYLE_TRACECONTEXT] = ALL_W3C,
        [LLMOBS_STYLE_BAGGAGE] = BIT(BAGGAGE),
        [LLMOBS_STYLE_B3] = BIT(B3),
        [LLMOBS_STYLE_B3MULTI] = ALL_B3MULTI,
    };
    unsigned found = 0;

    for (size_t i = 0; i < styles->count; i++)
        found |= sets[styles->list[i]];
    return found;
}

/* If the app sends its own trace id and that id is the parent, the library adds
 * only the members by which a reader finds the library's span in the same trace
 * (WIRE 5.5). If that id is not the parent, the library adds no header. */
static unsigned choose_names(const struct llmobs_inject_plan *plan)
{
    static const unsigned whole[] = {ALL_DATADOG, ALL_W3C, BIT(BAGGAGE),
                                     BIT(B3), ALL_B3MULTI};
    unsigned styles = of_styles(&plan->config->inject_styles);
    unsigned own = plan->own->names;
    unsigned wanted = plan->ids_alone ? styles & IDS : styles;

    /* A style of which the app sends a header itself is the app's. */
    for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
        if (own & whole[i])
            wanted &= ~whole[i];

    if (!(own & (BIT(DD_TRACE_ID) | BIT(TRACEPARENT))))
        return plan->continued ? wanted & ~BIT(BAGGAGE) : wanted;
    if (!plan->continued || plan->ids_alone)
        return 0;
    if (own & BIT(DD_TRACE_ID))
        return styles & ~own & BIT(DD_TAGS);
    return wanted & ALL_DATADOG;
}

/* -- writing ------------------------------------------------------------- */

/* Room behind "name: " of the next node; NULL when no node is free. */
static char *value_room(struct llmobs_inject *inject, enum name name,
                        size_t *cap)
{
    size_t len = strlen(names[name].text);

    if (inject->count == LLMOBS_INJECT_NODES ||
        inject->len + len + 2 > sizeof(inject->text))
        return NULL;
    memcpy(inject->text + inject->len, names[name].text, len);
    inject->text[inject->len + len] = ' ';
    *cap = sizeof(inject->text) - inject->len - len - 1;
    return inject->text + inject->len + len + 1;
}

/* Makes the node of the value just written, unless that is empty. */
static void add_node(struct llmobs_inject *inject, enum name name,
                     const char *value, size_t len)
{
    if (len == 0)
        return;
    inject->nodes[inject->count].data = inject->text + inject->len;
    inject->blanks[inject->count] = names[name].text;
    inject->count++;
    inject->len = (size_t)(value - inject->text) + len + 1;
}

static void put_value(struct llmobs_inject *inject, enum name name,
                      const char *text, size_t len)
{
    size_t cap;
    char *value = value_room(inject, name, &cap);

    if (!value || len + 1 > cap)
        return;
    memcpy(value, text, len);
    value[len] = '\0';
    add_node(inject, name, value, len);
}

/* Copies the URL's scheme and authority. Later a redirect is compared with
 * them. */
static bool copy_base(struct llmobs_inject *inject, const char *url)
{
    const char *host = strstr(url, "://");
    size_t len;

    if (!host)
        return false;
    len = (size_t)(host + 3 - url) + strcspn(host + 3, "/?#");
    if (len >= sizeof(inject->base))
        return false;
    memcpy(inject->base, url, len);
    inject->base[len] = '\0';
    return true;
}

bool llmobs_inject_fill(struct llmobs_inject *inject,
                        const struct llmobs_inject_plan *plan)
{
    const struct llmobs_sender *sender = &plan->sender;
    const struct llmobs_context *context = sender->context;
    unsigned wanted = choose_names(plan);
    struct llmobs_text baggage;
    char text[64], *value;
    size_t cap, max;

    inject->count = 0;
    inject->len = 0;
    inject->blanked = false;
    if (!wanted || !copy_base(inject, plan->url))
        return false;
    if (wanted & BIT(DD_TRACE_ID))
        put_value(inject, DD_TRACE_ID, text,
                  llmobs_text_decimal(context->apm_trace_id.lo, text));
    if (wanted & BIT(DD_PARENT_ID))
        put_value(inject, DD_PARENT_ID, text,
                  llmobs_text_decimal(sender->apm_span_id, text));
    if (wanted & BIT(DD_PRIORITY))
        put_value(inject, DD_PRIORITY, text,
                  llmobs_propagate_int(context->priority, text));
    if (wanted & BIT(DD_ORIGIN))
        put_value(inject, DD_ORIGIN, context->origin, strlen(context->origin));
    if ((wanted & BIT(DD_TAGS)) && plan->config->tags_header_max > 0 &&
        (value = value_room(inject, DD_TAGS, &cap)) != NULL) {
        max = (size_t)plan->config->tags_header_max;
        if (max > LLMOBS_TAGS_LEN)
            max = LLMOBS_TAGS_LEN;
        add_node(inject, DD_TAGS, value,
                 llmobs_propagate_tags(sender, !(wanted & BIT(DD_TRACE_ID)),
                                       max, value, cap));
    }
    if (wanted & BIT(TRACEPARENT)) {
        value = value_room(inject, TRACEPARENT, &cap);
        if (value)
            add_node(inject, TRACEPARENT, value,
                     llmobs_propagate_traceparent(sender, value, cap));
    }
    if (wanted & BIT(TRACESTATE)) {
        value = value_room(inject, TRACESTATE, &cap);
        if (value)
            add_node(inject, TRACESTATE, value,
                     llmobs_propagate_tracestate(sender, value, cap));
    }
    if ((wanted & BIT(BAGGAGE)) &&
        llmobs_context_baggage(plan->config, plan->baggage, &baggage))
        put_value(inject, BAGGAGE, baggage.data, baggage.len);
    if (wanted & BIT(B3))
        put_value(inject, B3, text,
                  llmobs_propagate_b3(sender, text, sizeof(text)));
    if (wanted & BIT(B3_TRACE_ID)) {
        put_value(inject, B3_TRACE_ID, text,
                  llmobs_propagate_b3_trace(context->apm_trace_id, text));
        put_value(inject, B3_SPAN_ID, text,
                  llmobs_propagate_hex64(sender->apm_span_id, text));
        if (context->priority > 1)
            put_value(inject, B3_FLAGS, "1", 1);
        else
            put_value(inject, B3_SAMPLED, context->priority > 0 ? "1" : "0", 1);
    }
    return inject->count > 0;
}

bool llmobs_inject_has_state(const struct llmobs_inject *inject)
{
    for (size_t i = 0; i < inject->count; i++)
        if (inject->blanks[i] == names[TRACESTATE].text)
            return true;
    return false;
}

/* -- in the app's list ----------------------------------------------------- */

void llmobs_inject_blank(struct llmobs_inject *inject)
{
    /* libcurl reads a list's texts and never writes them. */
    for (size_t i = 0; i < inject->count; i++)
        inject->nodes[i].data = (char *)(uintptr_t)inject->blanks[i];
    inject->blanked = true;
}

struct curl_slist *llmobs_inject_link(struct llmobs_inject *inject,
                                      struct curl_slist *list)
{
    for (size_t i = 0; i + 1 < inject->count; i++)
        inject->nodes[i].next = &inject->nodes[i + 1];
    inject->nodes[inject->count - 1].next = list;
    return inject->nodes;
}

void llmobs_inject_relink(struct llmobs_inject *inject, struct curl_slist *list)
{
    struct llmobs_own_headers own;

    if (inject->count == 0)
        return;
    llmobs_inject_scan(list, NULL, &own);
    if (own.names)
        llmobs_inject_blank(inject);
    (void)llmobs_inject_link(inject, list);
}

void llmobs_inject_response(struct llmobs_inject *inject, const char *line,
                            size_t len)
{
    static const char location[] = "location:";
    size_t name = sizeof(location) - 1;

    if (inject->blanked || inject->count == 0 || len < name ||
        strncasecmp(line, location, name) != 0)
        return;
    if (!llmobs_rules_same_origin(
            inject->base, (struct llmobs_text){line + name, len - name}))
        llmobs_inject_blank(inject);
}
