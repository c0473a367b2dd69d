#include "rules/read/media.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "rules/read/message_content.h"
#include "rules/read/text.h"

#define SIZE_LEN 40

int llmobs_media_mark(struct llmobs_buf *text, const char *what,
                      const char *detail, uint64_t bytes)
{
    const char *between = ": ";
    char size[SIZE_LEN] = "";
    int rc = llmobs_message_content_append(text, text->len > 0 ? "\n[" : "[");

    if (rc == 0)
        rc = llmobs_message_content_append(text, what);
    if (rc == 0 && detail && *detail) {
        rc = llmobs_message_content_append(text, between);
        if (rc == 0)
            rc = llmobs_message_content_append(text, detail);
        between = ", ";
    }
    if (bytes > 0)
        snprintf(size, sizeof(size), "%s%" PRIu64 " bytes", between, bytes);
    if (rc == 0)
        rc = llmobs_message_content_append(text, size);
    return rc < 0 ? rc : llmobs_message_content_append(text, "]");
}

int llmobs_media_url(struct llmobs_buf *text, const char *what, const char *url)
{
    const char *comma = url ? strchr(url, ',') : NULL;
    bool inline_data = url && strncasecmp(url, "data:", strlen("data:")) == 0;

    if (url && !inline_data && strstr(url, "://"))
        return llmobs_media_mark(text, what, url, 0);
    if (inline_data)
        url = comma ? comma + 1 : "";
    return llmobs_media_mark(text, what, NULL,
                             llmobs_media_base64(llmobs_text_of(url)));
}

uint64_t llmobs_media_base64(struct llmobs_text text)
{
    while (text.len > 0 && text.data[text.len - 1] == '=')
        text.len--;
    return (uint64_t)text.len * 3 / 4;
}
