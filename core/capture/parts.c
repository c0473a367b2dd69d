#include "core/capture/parts.h"

#include <string.h>

/* Flags of struct curl_httppost, which old headers lack. */
enum {
    POST_FILENAME = 1 << 0, /* contents is the name of a file to send */
    POST_READFILE = 1 << 1, /* the same, of one that is sent as a text */
    POST_BUFFER = 1 << 4,   /* a file in memory */
    POST_CALLBACK = 1 << 6, /* the read function has it */
    POST_LARGE = 1 << 7     /* contentlen counts, and not contentslength */
};

static int64_t size_of(const struct curl_httppost *part)
{
    curl_off_t size = part->flags & POST_LARGE
                          ? part->contentlen
                          : (curl_off_t)part->contentslength;

    return size > 0 ? size : -1;
}

static void put(const struct curl_httppost *part, struct llmobs_text name,
                struct llmobs_body *out)
{
    int64_t size = size_of(part);

    if (part->flags & (POST_FILENAME | POST_READFILE))
        llmobs_form_file(out, name, part->contenttype, -1);
    else if (part->flags & POST_BUFFER)
        llmobs_form_file(out, name, part->contenttype, part->bufferlength);
    else if (part->flags & POST_CALLBACK)
        llmobs_form_file(out, name, part->contenttype, size);
    else if (part->contents && !part->showfilename)
        llmobs_form_text(out, name, part->contenttype,
                         (struct llmobs_text){part->contents,
                                              size < 0 ? strlen(part->contents)
                                                       : (size_t)size});
    else
        llmobs_form_file(out, name, part->contenttype, size);
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
            put(part, name, out);
    }
}
