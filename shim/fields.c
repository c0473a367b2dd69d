#include "shim/library.h"

/* In the order of the alphabet. `same`: the number of first letters that it
 * shares with the name before it. */
struct name {
    unsigned char same;
    bool carries; /* a trace */
    char text[28];
};

static const struct name names[] = {
    {0, true, "b3"},
    {1, true, "baggage"},
    {0, false, "cf-connecting-ip"},
    {16, false, "cf-connecting-ipv6"},
    {1, false, "cloudfront-viewer-address"},
    {0, false, "fastly-client-ip"},
    {1, false, "fly-client-ip"},
    {1, false, "forwarded"},
    {9, false, "forwarded-for"},
    {0, true, "traceparent"},
    {5, true, "tracestate"},
    {2, false, "true-client-ip"},
    {0, false, "via"},
    {0, false, "x-appengine-user-ip"},
    {3, false, "x-azure-clientip"},
    {8, false, "x-azure-socketip"},
    {2, true, "x-b3-flags"},
    {5, true, "x-b3-sampled"},
    {6, true, "x-b3-spanid"},
    {5, true, "x-b3-traceid"},
    {2, false, "x-client-ip"},
    {4, false, "x-cluster-client-ip"},
    {2, true, "x-datadog-origin"},
    {10, true, "x-datadog-parent-id"},
    {10, true, "x-datadog-sampling-priority"},
    {10, true, "x-datadog-tags"},
    {11, true, "x-datadog-trace-id"},
    {2, false, "x-envoy-external-address"},
    {2, false, "x-forwarded"},
    {11, false, "x-forwarded-for"},
    {2, false, "x-original-forwarded-for"},
    {2, false, "x-real-ip"},
    {2, false, "x-vercel-forwarded-for"},
};

#define END (names + sizeof(names) / sizeof(*names))

/* Many other headers begin with "x-", too. */
static const struct name *first_of_x(char third)
{
    switch (third | 0x20) {
    case 'a':
        return names + 13;
    case 'b':
        return names + 16;
    case 'c':
        return names + 20;
    case 'd':
        return names + 22;
    case 'e':
        return names + 27;
    case 'f':
        return names + 28;
    case 'o':
        return names + 30;
    case 'r':
        return names + 31;
    case 'v':
        return names + 32;
    default:
        return END;
    }
}

/* The first of the names that begin as the text does; END: none. */
static const struct name *shim_fields_first_of(const char *text)
{
    switch (text[0] | 0x20) {
    case 'b':
        return names;
    case 'c':
        return names + 2;
    case 'f':
        return names + 5;
    case 't':
        return names + 9;
    case 'v':
        return names + 12;
    case 'x':
        return text[1] ? first_of_x(text[2]) : END;
    default:
        return END;
    }
}

/* True for the same letter, be it a capital, and for CGI's '_' instead of '-';
 * never at the end of either. Control characters would count as others, but a
 * header's name has none. */
static inline bool shim_fields_is_letter(char ours, char text, bool cgi)
{
    return ours == (text | 0x20) || (cgi && text == '_' && ours == '-');
}

/* The name that the text is up to `end`, where it is left; NULL: none. Where it
 * differs from a name at a letter, it differs from each that begins with that
 * letter and those before. */
static inline const struct name *shim_fields_find(const char **text, char end,
                                                  bool cgi)
{
    const struct name *one = shim_fields_first_of(*text);
    const char *at = *text;

    while (one < END) {
        const char *ours = one->text + (at - *text);

        while (shim_fields_is_letter(*ours, *at, cgi)) {
            ours++;
            at++;
        }
        if (*ours == '\0' && *at == end) {
            *text = at;
            return one;
        }
        do
            one++;
        while (one < END && one->same > at - *text);
        if (one < END && one->same < at - *text)
            return NULL;
    }
    return NULL;
}

bool llmobs_server_is_carrier(const char *name)
{
    const struct name *one = shim_fields_find(&name, '\0', false);

    return one && one->carries;
}

bool llmobs_server_is_carrier_cgi(const char *name)
{
    const struct name *one = shim_fields_find(&name, '=', true);

    return one && one->carries;
}

static void shim_fields_add(struct llmobs_server_fields *fields,
                            const char *name, const char *value)
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
    const struct name *one =
        name && value ? shim_fields_find(&name, '\0', false) : NULL;

    if (one)
        shim_fields_add(fields, one->text, value);
}

void llmobs_server_add_address(struct llmobs_server_fields *fields,
                               const char *address)
{
    if (address)
        shim_fields_add(fields, ":remote-addr", address);
}

static const char *shim_fields_after(const char *text, const char *beginning)
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
    const char *name = llmobs_server_header_of(entry);
    const struct name *one = name ? shim_fields_find(&name, '=', true) : NULL;

    if (one)
        shim_fields_add(fields, one->text, name + 1);
    else if (entry[0] == 'R')
        llmobs_server_add_address(fields,
                                  shim_fields_after(entry, "REMOTE_ADDR="));
}
