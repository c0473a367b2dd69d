/* config_content - LLMOBS_REDACT, the last half of LLMOBS_CONTENT. */
#include "core/config/config_load.h"

#include <string.h>

#include "core/base/file.h"
#include "core/privacy/redact.h"

#define FILE_MAX_BYTES ((size_t)64 * 1024)

static void refuse(struct llmobs_config_loading *loading, size_t line,
                   const char *why)
{
    loading->config.privacy.content = LLMOBS_CONTENT_OFF;
    if (line)
        llmobs_config_complain(
            loading, "LLMOBS_REDACT: %s: line %zu: %s; LLMOBS_CONTENT is off",
            loading->redact_path, line, why);
    else
        llmobs_config_complain(loading,
                               "LLMOBS_REDACT: %s: %s; LLMOBS_CONTENT is off",
                               loading->redact_path, why);
}

void llmobs_config_settle_content(struct llmobs_config_loading *loading)
{
    struct llmobs_redact_fault fault;
    struct llmobs_buf text;
    int rc;

    if (!loading->redact_path ||
        loading->config.privacy.content == LLMOBS_CONTENT_OFF)
        return;
    llmobs_buf_init(&text, FILE_MAX_BYTES);
    rc = llmobs_file_read(loading->redact_path, &text);
    if (rc)
        refuse(loading, 0, strerror(-rc));
    else if (llmobs_redact_parse((struct llmobs_text){text.data, text.len},
                                 &loading->config.privacy.redact, &fault) != 0)
        refuse(loading, fault.line, fault.why);
    llmobs_buf_fini(&text);
}
