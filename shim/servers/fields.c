#include "shim/servers/library.h"

/* Those that carry a trace come first. */
static const char names[][28] = {
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-sampled",
    "x-b3-flags",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-tags",
    "x-datadog-sampling-priority",
    "x-datadog-origin",
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "x-forwarded",
    "forwarded-for",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "fastly-client-ip",
    "fly-client-ip",
};

#define COUNT (sizeof names / sizeof *names)
#define CARRIERS 13

static char fold(char c, bool cgi)
{
    if (cgi && c == '_')
        return '-';
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* True for two letters with which one of the names begins: few other headers'
 * do. */
static bool may_name(char first, char second)
{
    switch (first) {
    case 't':
        return second == 'r';
    case 'x':
        return second == '-';
    case 'b':
        return second == 'a' || second == '3';
    case 'c':
        return second == 'f';
    case 'f':
        return second == 'o' || second == 'a' || second == 'l';
    default:
        return false;
    }
}

/* True where the text is the name, up to the letter `end`. */
static bool is_name(const char *name, const char *text, char end, bool cgi)
{
    while (*name && *name == fold(*text, cgi)) {
        name++;
        text++;
    }
    return *name == '\0' && *text == end;
}

static size_t find(const char *text, char end, bool cgi)
{
    size_t i = 0;

    if (!text[0] || !may_name(fold(text[0], cgi), fold(text[1], cgi)))
        return COUNT;
    while (i < COUNT && !is_name(names[i], text, end, cgi))
        i++;
    return i;
}

static void add(struct llmobs_server_fields *fields, const char *name,
                const char *value)
{
    if (fields->count < LLMOBS_SERVER_FIELDS)
        fields->list[fields->count++] =
            (struct llmobs_served_header){name, value};
    else
        fields->full = true;
}

void llmobs_server_add(struct llmobs_server_fields *fields, const char *name,
                       const char *value)
{
    size_t i = name && value ? find(name, '\0', false) : COUNT;

    if (i == COUNT)
        return;
    fields->carries |= i < CARRIERS;
    add(fields, names[i], value);
}

void llmobs_server_add_address(struct llmobs_server_fields *fields,
                               const char *address)
{
    if (address)
        add(fields, ":remote-addr", address);
}

static const char *after(const char *text, const char *beginning)
{
    while (*beginning && *text == *beginning) {
        text++;
        beginning++;
    }
    return *beginning ? NULL : text;
}

void llmobs_server_add_cgi(struct llmobs_server_fields *fields,
                           const char *entry)
{
    const char *name = after(entry, "HTTP_");
    size_t i = name ? find(name, '=', true) : COUNT;

    if (i < COUNT) {
        while (*name++ != '=')
            continue;
        fields->carries |= i < CARRIERS;
        add(fields, names[i], name);
    } else if (!name) {
        llmobs_server_add_address(fields, after(entry, "REMOTE_ADDR="));
    }
}
