/* Hooks of local_servers.api. */
#include <errno.h>

#include "rules/read/facts.h"
#include "rules/read/hooks.h"
#include "rules/read/text.h"
#include "rules/read/usage.h"
#include "rules/tables/interpreter.h"

/* A list of prompts has a list of answers, whose counts are added up. */
int llmobs_sglang_document(struct llmobs_reading *reading,
                           const struct llmobs_json *body)
{
    struct llmobs_json *list;
    int64_t in = llmobs_json_len(body) > 0 ? 0 : -1, out = in;
    int rc = 0;

    if (!llmobs_json_is_array(body))
        return llmobs_interpreter_document(reading, body);
    list = reading->span->output_messages = llmobs_json_array();
    LLMOBS_JSON_EACH (one, body, list && rc == 0) {
        const struct llmobs_json *meta = llmobs_json_get(one, "meta_info");
        int64_t asked = llmobs_usage_count(meta, "prompt_tokens");
        int64_t said = llmobs_usage_count(meta, "completion_tokens");

        in = in < 0 || asked < 0 ? -1 : llmobs_usage_add(in, asked);
        out = out < 0 || said < 0 ? -1 : llmobs_usage_add(out, said);
        llmobs_fact_finish(
            reading->span,
            llmobs_json_gets(llmobs_json_get(meta, "finish_reason"), "type"));
        rc = llmobs_message_add_text(
            list, NULL, llmobs_text_of(llmobs_json_gets(one, "text")));
    }
    llmobs_span_metric(reading->span, "input_tokens", in);
    llmobs_span_metric(reading->span, "output_tokens", out);
    llmobs_span_metric(reading->span, "total_tokens",
                       in < 0 || out < 0 ? -1 : in + out);
    return list ? rc : -ENOMEM;
}

/* The middle of a list has no answer as a whole, and no reason. */
int llmobs_sglang_ends(struct llmobs_reading *reading)
{
    struct llmobs_text head =
        llmobs_text_unblank(reading->classified->call->response);

    return llmobs_text_begins(head, "[") ? llmobs_reading_ends(reading)
                                         : llmobs_interpreter_ends(reading);
}

static const char vllm_score_says[] = "\"score\"\0";

/* Newer clients have other words for both texts. */
bool llmobs_vllm_ranks(const struct llmobs_reading *reading)
{
    return llmobs_json_gets(reading->request, "model") &&
           ((llmobs_reading_has(reading, "text_1") &&
             llmobs_reading_has(reading, "text_2")) ||
            (llmobs_reading_has(reading, "queries") &&
             llmobs_reading_has(reading, "documents"))) &&
           llmobs_answer_may_have(reading->classified->call, vllm_score_says);
}

static const char whisper_says[] = "{\"text\":\0";

/* Programs name no type of a sound, or that of sounds, films or any bytes. */
static bool whisper_plays(struct llmobs_text type)
{
    return !llmobs_text_begins(type, "image/") &&
           !llmobs_text_begins(type, "text/") &&
           !llmobs_text_is(type, "application/pdf");
}

/* Others take pictures and documents at such a path: a field of whisper.cpp's
 * own, or its answer, tells them apart. */
bool llmobs_whisper_hears(const struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    const struct llmobs_json *file = llmobs_json_get(reading->request, "file");
    const char *type = llmobs_json_gets(file, "type");

    return call->multipart && llmobs_json_is_object(file) &&
           whisper_plays(llmobs_text_of(type)) &&
           (llmobs_json_get(reading->request, "response_format") ||
            llmobs_text_has_any(call->response, whisper_says));
}
