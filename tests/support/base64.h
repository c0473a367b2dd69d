/* base64 - to and fro, for tests; errors are those of core/buf.h. */
#ifndef LLMOBS_TEST_BASE64_H
#define LLMOBS_TEST_BASE64_H

#include "core/buf.h"

/* Adds the text in base64. */
int base64_add(struct llmobs_buf *buf, struct llmobs_text text);

/* Adds what base64 says up to its first byte that is none, and tells where
 * that is. */
int base64_undo(struct llmobs_buf *buf, const char *text, const char **end);

#endif
