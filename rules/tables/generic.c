/* The dialect for endpoints of a configured proxy that no other dialect knows:
 * it keeps the bodies as texts (WIRE 4.6, 6.12). */
#include <errno.h>
#include <string.h>

#include "rules/read/dialect.h"
#include "rules/read/error.h"
#include "rules/read/request.h"
#include "rules/read/text.h"

static char *output_text(const struct llmobs_call *call)
{
    if (call->encoded)
        return llmobs_text_word("encoded", call->encoded);
    if (!call->response.data)
        return strdup("");
    if (!llmobs_text_readable(call->response))
        return strdup("[binary]");
    return strndup(call->response.data, call->response.len);
}

static int generic_read(const struct llmobs_classified *classified,
                        struct llmobs_span *span)
{
    const struct llmobs_call *call = classified->call;
    struct llmobs_json *body = NULL;
    int rc;

    span->input_dropped = call->request_truncated;
    span->output_dropped = call->response_truncated;
    span->complete = call->transport_ok;
    span->input_value = llmobs_request_text(call);
    span->output_value = output_text(call);
    if (!span->input_value || !span->output_value)
        return -ENOMEM;
    if (call->status < 300)
        return 0;
    if (!call->encoded && !call->response_truncated && call->response.data &&
        llmobs_json_parse(call->response, &body) == -ENOMEM)
        return -ENOMEM;
    rc = llmobs_error_of_status(body, call, span);
    llmobs_json_free(body);
    return rc;
}

static const struct llmobs_shape shapes[] = {
    {.method = "POST",
     .kind = LLMOBS_KIND_WORKFLOW,
     .path = "*",
     .operation = "request",
     .span_name = "llm_proxy.request"},
};

const struct llmobs_dialect llmobs_dialect_generic = {
    .name = "http",
    .integration = "http",
    LLMOBS_SHAPES(shapes),
    .read = generic_read,
};
