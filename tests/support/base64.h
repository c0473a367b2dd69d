/* base64 - the way that rules/read/base64.h does not go, for tests; errors are
 * those of lib/base/buf.h. */
#ifndef LLMOBS_TEST_BASE64_H
#define LLMOBS_TEST_BASE64_H

#include "lib/base/buf.h"

/* Adds the text in base64. */
int base64_add(struct llmobs_buf *buf, struct llmobs_text text);

#endif
