/* Matches a method and a path with shapes. */
#include "rules/read/match.h"

#include <string.h>
#include <strings.h>

#include "rules/read/text.h"

/* How far from either end of a body a text of a sign is looked for. */
#define ENDS ((size_t)4096)

struct llmobs_text llmobs_match_bare(struct llmobs_text path)
{
    while (path.len > 1 && path.data[path.len - 1] == '/')
        path.len--;
    return path;
}

static struct llmobs_text find_rest(const char *suffix, const char *stars,
                                    struct llmobs_text path)
{
    const struct llmobs_text none = {"", 0};
    size_t before = (size_t)(stars - suffix);
    const char *end, *at;

    if (path.len == 0 || !llmobs_text_ends(path, stars + 2))
        return none;
    end = path.data + path.len - strlen(stars + 2);
    at = memmem(path.data, (size_t)(end - path.data), suffix, before);
    if (!at)
        return none;
    return (struct llmobs_text){at + before, (size_t)(end - at) - before};
}

/* The offset of the path's last segment, its slash included. */
static size_t last_segment(struct llmobs_text path)
{
    const char *slash = path.len > 0 ? memrchr(path.data, '/', path.len) : NULL;

    return slash ? (size_t)(slash - path.data) : 0;
}

/* How many bytes at the end of `path` match the suffix, 0: no match. Both are
 * compared segment by segment from their ends; no segment is empty. */
static size_t suffix_len(const char *suffix, struct llmobs_text path)
{
    struct llmobs_text wanted = llmobs_text_of(suffix), left = path;
    const char *stars;

    if (!llmobs_text_may_match(path, wanted))
        return 0;
    if (!strchr(suffix, '*'))
        return llmobs_text_ends(path, suffix) ? wanted.len : 0;
    stars = strstr(suffix, "**");
    if (stars) {
        struct llmobs_text rest = find_rest(suffix, stars, path);

        if (rest.len == 0)
            return 0;
        return path.len - (size_t)(rest.data - path.data) +
               (size_t)(stars - suffix);
    }
    while (wanted.len > 0) {
        size_t w = last_segment(wanted), l = last_segment(left);
        struct llmobs_text pattern = {wanted.data + w, wanted.len - w};
        struct llmobs_text segment = {left.data + l, left.len - l};

        if (segment.len <= 1 || !llmobs_text_matches(segment, pattern))
            return 0;
        wanted.len = w;
        left.len = l;
    }
    return path.len - left.len;
}

struct llmobs_text llmobs_match_rest(const struct llmobs_shape *shape,
                                     struct llmobs_text path)
{
    const char *stars = strstr(shape->path, "**");

    return stars ? find_rest(shape->path, stars, llmobs_match_bare(path))
                 : (struct llmobs_text){"", 0};
}

size_t llmobs_match_path(const struct llmobs_shape *shape,
                         struct llmobs_text path)
{
    struct llmobs_text bare = llmobs_match_bare(path);
    size_t n = suffix_len(shape->path, bare);

    if (n == 0 || (shape->whole && n != bare.len) ||
        (*shape->not_path && suffix_len(shape->not_path, bare) > 0))
        return 0;
    if (*shape->holds &&
        !llmobs_text_has_nocase(llmobs_match_rest(shape, bare), shape->holds))
        return 0;
    return n + path.len - bare.len;
}

bool llmobs_match_has(const struct llmobs_shape *shape, const char *method,
                      struct llmobs_text path, bool any_host)
{
    return (shape->any_host || !any_host) && !shape->signs &&
           strcmp(method, shape->method) == 0 &&
           llmobs_match_path(shape, path) > 0;
}

const struct llmobs_shape *llmobs_match_shape(
    const struct llmobs_dialect *const *dialects, const char *method,
    struct llmobs_text path, bool any_host, const struct llmobs_dialect **found)
{
    for (; *dialects; dialects++)
        LLMOBS_SHAPES_EACH (shape, *dialects) {
            if (!llmobs_match_has(shape, method, path, any_host))
                continue;
            *found = *dialects;
            return shape;
        }
    return NULL;
}

const char *llmobs_match_client(const struct llmobs_shape *shape,
                                const struct llmobs_url *url)
{
    struct llmobs_text host = {url->host, url->host_len};
    struct llmobs_text base = {
        url->path.data, url->path.len - llmobs_match_path(shape, url->path)};

    if (llmobs_text_has_nocase(host, "azure") ||
        llmobs_text_has_nocase(base, "azure"))
        return "AzureOpenAI";
    if (llmobs_text_has_nocase(host, "deepseek") ||
        llmobs_text_has_nocase(base, "deepseek"))
        return "Deepseek";
    return "OpenAI";
}

bool llmobs_match_intake(const struct llmobs_url *url)
{
    static const char *const sites[] = {".datadoghq.com", ".datadoghq.eu",
                                        ".datad0g.com", ".ddog-gov.com"};
    struct llmobs_text host = {url->host, url->host_len};

    for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++)
        if (llmobs_text_ends(host, sites[i]))
            return true;
    return false;
}

static bool has_value(const char *value, const struct llmobs_sign *sign)
{
    for (const char *const *part = sign->values; *part; part++)
        if (!llmobs_text_has_nocase(llmobs_text_of(value), *part))
            return false;
    return value[strspn(value, " \t\r\n")] != '\0';
}

const struct llmobs_sign *llmobs_match_sign(const struct llmobs_shape *shape,
                                            const char *line)
{
    const struct llmobs_sign *sign = shape->signs;

    for (; line[0] && sign->name; sign++) {
        size_t len;

        /* Most lines end here; `| 32` makes upper and lower case equal. */
        if ((line[0] | 32) != sign->name[0] || (line[1] | 32) != sign->name[1])
            continue;
        len = strlen(sign->name);
        if (strncasecmp(line, sign->name, len) == 0 &&
            has_value(line + len, sign))
            return sign;
    }
    return NULL;
}

bool llmobs_match_in_body(const struct llmobs_sign *sign,
                          struct llmobs_text body)
{
    size_t edge = body.len < ENDS ? body.len : ENDS, len;

    if (!sign->in_body || !body.data)
        return true;
    len = strlen(sign->in_body);
    return memmem(body.data, edge, sign->in_body, len) ||
           memmem(body.data + body.len - edge, edge, sign->in_body, len);
}

bool llmobs_match_json(struct llmobs_text body)
{
    body = llmobs_text_unblank(body);
    return llmobs_text_begins(body, "{") || llmobs_text_begins(body, "[");
}

bool llmobs_match_object(struct llmobs_text body)
{
    return llmobs_text_begins(llmobs_text_unblank(body), "{");
}

bool llmobs_match_json_type(const char *content_type)
{
    return !content_type || !*content_type ||
           llmobs_text_has_nocase(llmobs_text_of(content_type), "json");
}
