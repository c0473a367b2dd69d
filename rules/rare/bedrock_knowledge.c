/* Knowledge bases of Amazon Bedrock: Retrieve finds texts, Rerank orders them,
 * RetrieveAndGenerate makes a model answer from them. Paths, members and events
 * as the models of @aws-sdk/client-bedrock-agent-runtime have them. */

#include "rules/vendors/bedrock.h"
#include "rules/read/documents.h"
#include "rules/read/request.h"
#include "rules/read/values.h"

/* -- Retrieve -------------------------------------------------------------- */

static const char retrieve_keys[] = "retrievalConfiguration\0";

static bool is_retrieve(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "retrievalQuery");
}

static int retrieve_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *query =
        llmobs_json_get(reading->request, "retrievalQuery");
    int rc =
        llmobs_request_metadata(reading->request, retrieve_keys, reading->span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    return llmobs_value_input(reading->span, llmobs_json_get(query, "text"));
}

/* A location is an object that has one other object, of its type, with a URI or
 * a URL: {"type": "S3", "s3Location": {"uri": ...}}. */
static const struct llmobs_json *address_of(const struct llmobs_json *location)
{
    static const char *const ways[][2] = {
        {"s3Location", "uri"},         {"webLocation", "url"},
        {"confluenceLocation", "url"}, {"salesforceLocation", "url"},
        {"sharePointLocation", "url"}, {"kendraDocumentLocation", "uri"},
    };
    const struct llmobs_json *found = NULL;

    for (size_t i = 0; !found && i < sizeof(ways) / sizeof(ways[0]); i++)
        found =
            llmobs_json_get(llmobs_json_get(location, ways[i][0]), ways[i][1]);
    return found;
}

/* The text of a result. The columns of a table's row become JSON; a picture's
 * bytes are left out. */
static const struct llmobs_json *text_of(const struct llmobs_json *content)
{
    const struct llmobs_json *text = llmobs_json_get(content, "text");

    return text ? text : llmobs_json_get(content, "row");
}

static int add_result(struct llmobs_reading *reading,
                      const struct llmobs_json *result)
{
    const struct llmobs_json *metadata = llmobs_json_get(result, "metadata");
    const struct llmobs_json *id = llmobs_json_get(result, "documentId");
    struct llmobs_found found = {
        .text = text_of(llmobs_json_get(result, "content")),
        .name = address_of(llmobs_json_get(result, "location")),
        .id = id ? id : llmobs_json_get(metadata, "x-amz-bedrock-kb-chunk-id"),
        .score = llmobs_json_get(result, "score"),
    };

    return llmobs_json_is_object(result)
               ? llmobs_documents_add(reading->span, &found)
               : 0;
}

static int retrieve_document(struct llmobs_reading *reading,
                             const struct llmobs_json *body)
{
    if (reading->classified->call->status >= 300)
        return 0;
    return llmobs_documents_each(
        reading, llmobs_json_get(body, "retrievalResults"), add_result);
}

const struct llmobs_form llmobs_form_bedrock_knowledge_retrieve = {
    .keys = retrieve_keys,
    .confirm = is_retrieve,
    .place = "knowledge_base_id\0",
    .request = retrieve_request,
    .document = retrieve_document,
    .ends = llmobs_bedrock_ends,
};

/* -- RetrieveAndGenerate --------------------------------------------------- */

static bool is_generate(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "input") &&
           (llmobs_reading_has(reading, "retrieveAndGenerateConfiguration") ||
            llmobs_reading_has(reading, "sessionId"));
}

static void set_session(struct llmobs_reading *reading,
                        const struct llmobs_json *body)
{
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_CONVERSATION_ID,
                     llmobs_json_gets(body, "sessionId"));
}

static int generate_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *input =
        llmobs_json_get(reading->request, "input");
    int rc;
    static const char *const types[] = {"knowledgeBaseConfiguration",
                                        "externalSourcesConfiguration"};
    const struct llmobs_json *all =
        llmobs_json_get(reading->request, "retrieveAndGenerateConfiguration");

    /* Notes the knowledge base and the model, which stand below the
     * configuration of either type. */
    rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof(types) / sizeof(types[0]); i++) {
        const struct llmobs_json *one = llmobs_json_get(all, types[i]);

        rc = llmobs_reading_model(reading, llmobs_json_gets(one, "modelArn"));
        if (rc == 0)
            rc = llmobs_json_sets(reading->span->metadata, "knowledge_base_id",
                                  llmobs_json_gets(one, "knowledgeBaseId"));
    }

    set_session(reading, reading->request);
    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    return llmobs_value_input(reading->span, llmobs_json_get(input, "text"));
}

static int generate_document(struct llmobs_reading *reading,
                             const struct llmobs_json *body)
{
    struct llmobs_span *span = reading->span;
    const struct llmobs_json *citations = llmobs_json_get(body, "citations");
    int rc = 0;

    if (reading->classified->call->status >= 300)
        return 0;
    set_session(reading, body);
    if (llmobs_json_is_array(citations))
        rc = llmobs_json_set(
            span->metadata, "citations",
            llmobs_json_int((int64_t)llmobs_json_len(citations)));
    if (rc < 0)
        return rc;
    return llmobs_value_output(
        span, llmobs_json_get(llmobs_json_get(body, "output"), "text"));
}

static int generate_event(struct llmobs_reading *reading,
                          const struct llmobs_event *event)
{
    const char *action = llmobs_json_gets(event->json, "action");
    int rc = 0;

    if (event->failed)
        return 0;
    if (llmobs_text_is(event->type, "output"))
        rc = llmobs_bedrock_stream_text(
            reading, event,
            llmobs_text_of(llmobs_json_gets(event->json, "text")));
    else if (llmobs_text_is(event->type, "guardrail"))
        rc = llmobs_json_sets(reading->span->metadata, "guardrail_action",
                              action);
    llmobs_bedrock_stream_at(reading, event);
    return rc;
}

const struct llmobs_form llmobs_form_bedrock_knowledge_generate = {
    .keys = "sessionId\0",
    .confirm = is_generate,
    .request = generate_request,
    .document = generate_document,
    .event = generate_event,
    .finish = llmobs_bedrock_stream_finish,
    .ends = llmobs_bedrock_ends,
    LLMOBS_STATE(struct llmobs_bedrock_stream, llmobs_bedrock_stream_fini),
    .framing = LLMOBS_FRAMING_AWS,
};

/* -- Rerank ---------------------------------------------------------------- */

static bool is_rerank(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "queries") &&
           llmobs_reading_has(reading, "sources");
}

static int rerank_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *query =
        llmobs_json_at(llmobs_json_get(reading->request, "queries"), 0);
    const struct llmobs_json *settings = llmobs_json_get(
        llmobs_json_get(reading->request, "rerankingConfiguration"),
        "bedrockRerankingConfiguration");
    static const char count[] = "numberOfResults\0";
    int rc = llmobs_reading_model(
        reading,
        llmobs_json_gets(llmobs_json_get(settings, "modelConfiguration"),
                         "modelArn"));

    if (rc == 0)
        rc = llmobs_request_metadata(settings, count, reading->span);
    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    return llmobs_value_input(
        reading->span,
        llmobs_json_get(llmobs_json_get(query, "textQuery"), "text"));
}

/* The answer's document, else the request's with that index. */
static const struct llmobs_json *ranked(const struct llmobs_reading *reading,
                                        const struct llmobs_json *result)
{
    const struct llmobs_json *document = llmobs_json_get(result, "document");
    const struct llmobs_json *index = llmobs_json_get(result, "index");
    const struct llmobs_json *text;
    int64_t at = llmobs_json_to_int(index);

    if (!document && !reading->beyond && llmobs_json_is_int(index) && at >= 0)
        document = llmobs_json_get(
            llmobs_json_at(llmobs_json_get(reading->request, "sources"),
                           (size_t)at),
            "inlineDocumentSource");
    text = llmobs_json_get(document, "textDocument");
    return text ? text : llmobs_json_get(document, "jsonDocument");
}

static int add_ranked(struct llmobs_reading *reading,
                      const struct llmobs_json *result)
{
    struct llmobs_found found = {
        .text = ranked(reading, result),
        .id = llmobs_json_get(result, "index"),
        .score = llmobs_json_get(result, "relevanceScore"),
    };

    return llmobs_json_is_object(result)
               ? llmobs_documents_add(reading->span, &found)
               : 0;
}

static int rerank_document(struct llmobs_reading *reading,
                           const struct llmobs_json *body)
{
    return reading->classified->call->status >= 300
               ? 0
               : llmobs_documents_each(
                     reading, llmobs_json_get(body, "results"), add_ranked);
}

const struct llmobs_form llmobs_form_bedrock_knowledge_rerank = {
    .confirm = is_rerank,
    .request = rerank_request,
    .document = rerank_document,
    .ends = llmobs_bedrock_ends,
};
