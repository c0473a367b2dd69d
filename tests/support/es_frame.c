/* Makes event stream frames for tests. */
#include "tests/support/es_frame.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "lib/text/json.h"
#include "rules/read/base64.h"
#include "tests/support/base64.h"

static void put(char *at, size_t number)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(number >> (24 - 8 * i));
}

static size_t get(const char *at)
{
    size_t number = 0;

    for (int i = 0; i < 4; i++)
        number = number << 8 | (unsigned char)at[i];
    return number;
}

static void put_checksum(char *data, size_t len)
{
    put(data + len, crc32(0, (const Bytef *)data, (uInt)len));
}

int es_frame_add(struct llmobs_buf *buf, struct llmobs_text headers,
                 struct llmobs_text payload, size_t total)
{
    static const char blank[12];
    size_t from = buf->len;
    size_t len = 16 + headers.len + payload.len;
    int rc = llmobs_buf_add(buf, blank, 12);

    if (rc == 0)
        rc = llmobs_buf_add(buf, headers.data, headers.len);
    if (rc == 0)
        rc = llmobs_buf_add(buf, payload.data, payload.len);
    if (rc == 0)
        rc = llmobs_buf_add(buf, blank, 4);
    if (rc)
        return rc;
    put(buf->data + from, total ? total : len);
    put(buf->data + from + 4, headers.len);
    put_checksum(buf->data + from, 8);
    put_checksum(buf->data + from, len - 4);
    return 0;
}

static int add_header(struct llmobs_buf *buf, const char *name,
                      struct llmobs_text value)
{
    int rc = llmobs_buf_addc(buf, (char)strlen(name));

    rc |= llmobs_buf_adds(buf, name);
    rc |= llmobs_buf_addc(buf, 7);
    rc |= llmobs_buf_addc(buf, (char)(value.len >> 8));
    rc |= llmobs_buf_addc(buf, (char)value.len);
    rc |= llmobs_buf_add(buf, value.data, value.len);
    return rc ? -ENOMEM : 0;
}

int es_frame_add_event(struct llmobs_buf *buf, struct llmobs_text type,
                       struct llmobs_text payload)
{
    static const struct llmobs_text event = {"event", 5};
    bool chunk = type.len == 5 && memcmp(type.data, "chunk", 5) == 0;
    struct llmobs_buf headers, body;
    int rc;

    llmobs_buf_init(&headers, 65536);
    llmobs_buf_init(&body, 4 * payload.len + 64);
    rc = add_header(&headers, ":event-type", type);
    rc |= add_header(&headers, ":message-type", event);
    if (chunk) {
        rc |= llmobs_buf_adds(&body, "{\"bytes\":\"");
        rc |= base64_add(&body, payload);
        rc |= llmobs_buf_adds(&body, "\"}");
        payload = (struct llmobs_text){body.data, body.len};
    }
    if (rc == 0)
        rc = es_frame_add(buf, (struct llmobs_text){headers.data, headers.len},
                          payload, 0);
    llmobs_buf_fini(&headers);
    llmobs_buf_fini(&body);
    return rc ? -ENOMEM : 0;
}

bool es_frame_chunk(struct llmobs_text payload, struct llmobs_buf *out)
{
    struct llmobs_json *json = NULL;
    const char *bytes = NULL;

    if (llmobs_json_parse(payload, &json) == 0)
        bytes = llmobs_json_gets(json, "bytes");
    if (bytes)
        (void)llmobs_base64_decode((struct llmobs_text){bytes, strlen(bytes)},
                                   out);
    llmobs_json_free(json);
    return bytes != NULL;
}

void es_frame_repair(char *data, size_t len)
{
    while (len >= 16) {
        size_t total = get(data);

        put_checksum(data, 8);
        if (total < 16 || total > len)
            return;
        put_checksum(data, total - 4);
        data += total;
        len -= total;
    }
}
