#include "core/config/otel_list.h"

#include <errno.h>
#include <string.h>

#include "lib/text/json_clean.h"

int llmobs_otel_list_next(struct llmobs_text *rest, struct llmobs_text *key,
                          struct llmobs_text *value)
{
    struct llmobs_text member = {NULL, 0};

    while (member.len == 0 && llmobs_text_next(rest, &member))
        continue;
    if (member.len == 0)
        return 0;
    if (!memchr(member.data, '=', member.len))
        return -EINVAL;
    (void)llmobs_text_split(&member, '=', key);
    *key = llmobs_text_trim(*key);
    if (key->len == 0)
        return -EINVAL;
    *value = llmobs_text_trim(member);
    return 1;
}

bool llmobs_otel_list_plain(struct llmobs_text text)
{
    while (text.len) {
        uint32_t point;
        size_t len = llmobs_utf8_decode(text, &point);

        if (len == 0 || point < ' ' || (point >= 0x7f && point < 0xa0))
            return false;
        text.data += len;
        text.len -= len;
    }
    return true;
}

int llmobs_otel_list_decode(struct llmobs_text text, bool exact,
                            struct llmobs_buf *out)
{
    size_t begin = out->len;
    int rc = llmobs_buf_add(out, "", 0);

    for (size_t i = 0; i < text.len && !rc; i++) {
        int byte = text.data[i] == '%' ? llmobs_text_escape(text, i) : -1;

        if (byte >= 0)
            i += 2;
        else if (text.data[i] == '%' && exact)
            return -EINVAL;
        rc = llmobs_buf_addc(out, byte >= 0 ? (char)byte : text.data[i]);
    }
    if (rc)
        return rc;
    return llmobs_otel_list_plain(
               (struct llmobs_text){out->data + begin, out->len - begin})
               ? 0
               : -EINVAL;
}
