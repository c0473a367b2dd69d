#include "shim/servers/library.h"

/* Those that carry a trace come first; names with the same beginning stand
 * together (range_of). */
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
    "x-forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "fastly-client-ip",
    "fly-client-ip",
    "forwarded",
    "forwarded-for",
};

#define COUNT (sizeof names / sizeof *names)
#define CARRIERS 13

static char fold(char c, bool cgi)
{
    if (cgi && c == '_')
        return '-';
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Numbers of names, the last one excluded. */
struct range {
    unsigned char from, to;
};

/* Of those that begin with "x-": most other headers that do have another third
 * letter. */
static struct range range_of_x(char third)
{
    switch (third | 0x20) {
    case 'b':
        return (struct range){4, 8};
    case 'd':
        return (struct range){8, 13};
    case 'f':
        return (struct range){13, 15};
    case 'r':
        return (struct range){15, 16};
    case 'c':
        return (struct range){16, 18};
    default:
        return (struct range){0, 0};
    }
}

/* Where the name is, if it is one, by its first letters. */
static struct range range_of(const char *text)
{
    char second = text[0] ? text[1] | 0x20 : ' ';

    switch (text[0] | 0x20) {
    case 't':
        if (second != 'r')
            return (struct range){0, 0};
        return (text[2] | 0x20) == 'u' ? (struct range){18, 19}
                                       : (struct range){0, 2};
    case 'b':
        return (struct range){2, 4};
    case 'x':
        return text[1] ? range_of_x(text[2]) : (struct range){0, 0};
    case 'c':
        return second == 'f' ? (struct range){19, 21} : (struct range){0, 0};
    case 'f':
        return (struct range){21, 25};
    default:
        return (struct range){0, 0};
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
    struct range range = range_of(text);

    for (size_t i = range.from; i < range.to; i++)
        if (is_name(names[i], text, end, cgi))
            return i;
    return COUNT;
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

/* Most of a request's variables are asked: by letter, without a loop. */
static inline bool is_http(const char *entry)
{
    return entry[0] == 'H' && entry[1] == 'T' && entry[2] == 'T' &&
           entry[3] == 'P' && entry[4] == '_';
}

void llmobs_server_add_cgi(struct llmobs_server_fields *fields,
                           const char *entry)
{
    const char *name = is_http(entry) ? entry + 5 : NULL;
    size_t i = name ? find(name, '=', true) : COUNT;

    if (i < COUNT) {
        while (*name++ != '=')
            continue;
        fields->carries |= i < CARRIERS;
        add(fields, names[i], name);
    } else if (entry[0] == 'R') {
        llmobs_server_add_address(fields, after(entry, "REMOTE_ADDR="));
    }
}
