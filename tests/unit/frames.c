/* Makes event stream frames for unit tests. */
#include "tests/unit/frames.h"

#include <string.h>

#include "tests/support/es_frame.h"
#include "tests/unit/unit.h"

void frame_add(struct llmobs_buf *buf, const char *headers, size_t len,
               const char *payload, size_t lie)
{
    ck_assert_int_eq(
        es_frame_add(buf, (struct llmobs_text){headers, len},
                     (struct llmobs_text){payload, strlen(payload)}, lie),
        0);
}
