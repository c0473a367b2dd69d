#include "core/capture/parts.h"

#include <string.h>
#include <strings.h>

/* Flags of struct curl_httppost, which old headers lack. */
enum {
    POST_FILENAME = 1 << 0, /* contents is the name of a file to send */
    POST_READFILE = 1 << 1, /* contents names a file that is sent as a text */
    POST_BUFFER = 1 << 4,   /* a file in memory */
    POST_CALLBACK = 1 << 6, /* the read function gives the bytes */
    POST_LARGE = 1 << 7     /* the length is contentlen, not contentslength */
};

static int64_t parts_size_of(const struct curl_httppost *part)
{
    curl_off_t size = part->flags & POST_LARGE
                          ? part->contentlen
                          : (curl_off_t)part->contentslength;

    return size > 0 ? size : -1;
}

/* The value of the header, if it has that name, else NULL (as match_header of
 * libcurl's lib/mime.c). */
static const char *parts_value_of(const struct curl_slist *header,
                                  const char *name)
{
    const char *line = header->data;
    size_t len = strlen(name);

    if (!line || strncasecmp(line, name, len) != 0)
        return NULL;
    return line + len + strspn(line + len, " ");
}

struct llmobs_part_headers llmobs_parts_headers(
    const struct curl_slist *headers)
{
    struct llmobs_part_headers own = {NULL, false};

    for (; headers; headers = headers->next) {
        const char *type = parts_value_of(headers, "content-type:");
        const char *coding =
            parts_value_of(headers, "content-transfer-encoding:");

        if (type && !own.type)
            own.type = type;
        own.no_text = own.no_text || !llmobs_form_plain(coding) ||
                      parts_value_of(headers, "content-disposition:");
    }
    return own;
}

static bool parts_is_text(const struct curl_httppost *part,
                          const struct llmobs_part_headers *own)
{
    return part->contents && !part->showfilename && !own->no_text &&
           !(part->flags &
             (POST_FILENAME | POST_READFILE | POST_BUFFER | POST_CALLBACK));
}

static void parts_put(const struct curl_httppost *part, struct llmobs_text name,
                      struct llmobs_body *out)
{
    struct llmobs_part_headers own = llmobs_parts_headers(part->contentheader);
    const char *type = part->contenttype ? part->contenttype : own.type;
    int64_t size = parts_size_of(part);

    if (part->flags & (POST_FILENAME | POST_READFILE))
        size = -1;
    else if (part->flags & POST_BUFFER)
        size = part->bufferlength;
    if (parts_is_text(part, &own))
        llmobs_form_text(out, name, type,
                         (struct llmobs_text){part->contents,
                                              size < 0 ? strlen(part->contents)
                                                       : (size_t)size});
    else
        llmobs_form_file(out, name, type, size);
}

/* A name may have several files. */
void llmobs_parts_list(const struct curl_httppost *list,
                       struct llmobs_body *out)
{
    size_t parts = 0;

    for (; list && parts < LLMOBS_FORM_PARTS_MAX; list = list->next) {
        const struct curl_httppost *part = list;
        struct llmobs_text name = {list->name, 0};

        if (!name.data)
            continue;
        name.len = list->namelength > 0 ? (size_t)list->namelength
                                        : strlen(list->name);
        for (; part && name.len <= LLMOBS_FORM_NAME_MAX &&
               parts < LLMOBS_FORM_PARTS_MAX;
             part = part->more, parts++)
            parts_put(part, name, out);
    }
}
