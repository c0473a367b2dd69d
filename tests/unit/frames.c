#include "tests/unit/frames.h"

#include <string.h>
#include <zlib.h>

#include "tests/unit/unit.h"

void frame_number(struct llmobs_buf *buf, size_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        ck_assert_int_eq(llmobs_buf_addc(buf, (char)(number >> shift)), 0);
}

void frame_checksum(struct llmobs_buf *buf, size_t from)
{
    frame_number(buf, crc32(0, (const Bytef *)buf->data + from,
                            (uInt)(buf->len - from)));
}

void frame_add(struct llmobs_buf *buf, const char *headers, size_t len,
               const char *payload, size_t lie)
{
    size_t from = buf->len;

    frame_number(buf, lie ? lie : 16 + len + strlen(payload));
    frame_number(buf, len);
    frame_checksum(buf, from);
    ck_assert_int_eq(llmobs_buf_add(buf, headers, len), 0);
    ck_assert_int_eq(llmobs_buf_adds(buf, payload), 0);
    frame_checksum(buf, from);
}
