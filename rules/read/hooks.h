/* hooks - the functions that lines `hook` of rules/apis name, without
 * "llmobs_"; each is of the form that reading.h, store.h or message.h has for
 * its place.
 *
 * Owns, threads, errors: as there.
 */
#ifndef LLMOBS_READ_HOOKS_H
#define LLMOBS_READ_HOOKS_H

#include "rules/read/message_content.h"
#include "rules/read/reading.h"

/* batches.c */
bool llmobs_batch_asks(const struct llmobs_reading *reading);
int llmobs_batch_results(struct llmobs_reading *reading);
int llmobs_batch_result(struct llmobs_reading *reading,
                        const struct llmobs_event *event);

/* bedrock.c */
int llmobs_bedrock_embed_begin(struct llmobs_reading *reading);
int llmobs_bedrock_embed_document(struct llmobs_reading *reading,
                                  const struct llmobs_json *body);

/* cloudflare.c */
int llmobs_cloudflare_tries(struct llmobs_reading *reading);

/* dashscope.c */
int llmobs_dashscope_part(struct llmobs_message_content *content,
                          const struct llmobs_json *part);
int llmobs_dashscope_read_ranks(struct llmobs_reading *reading,
                                const struct llmobs_json *body);
bool llmobs_dashscope_reranks(const struct llmobs_reading *reading);

/* local_servers.c */
int llmobs_sglang_document(struct llmobs_reading *reading,
                           const struct llmobs_json *body);
int llmobs_sglang_ends(struct llmobs_reading *reading);
bool llmobs_vllm_ranks(const struct llmobs_reading *reading);
bool llmobs_whisper_hears(const struct llmobs_reading *reading);

/* older.c */
int llmobs_cohere_chat_event(struct llmobs_reading *reading,
                             const struct llmobs_event *event);
int llmobs_cohere_chat_request(struct llmobs_reading *reading);

/* openai_embeddings.c */
bool llmobs_openai_embeddings_asks(const struct llmobs_reading *reading);
bool llmobs_openai_embeddings_asks_inputs(const struct llmobs_reading *reading);
int llmobs_openai_embeddings_document(struct llmobs_reading *reading,
                                      const struct llmobs_json *body);
int llmobs_openai_embeddings_ends(struct llmobs_reading *reading);
int llmobs_openai_embeddings_request(struct llmobs_reading *reading);

/* openai_vector_stores.c */
int llmobs_openai_vector_stores_document(struct llmobs_reading *reading,
                                         const struct llmobs_json *body);

/* stores.c */
int llmobs_chroma_read_document(struct llmobs_reading *reading,
                                const struct llmobs_json *body);
int llmobs_milvus_fail(struct llmobs_reading *reading,
                       const struct llmobs_json *body);
bool llmobs_opensearch_is_search(const struct llmobs_reading *reading);
int llmobs_qdrant_fail(struct llmobs_reading *reading,
                       const struct llmobs_json *body);
int llmobs_typesense_fail(struct llmobs_reading *reading,
                          const struct llmobs_json *body);

/* vercel.c */
int llmobs_vercel_begin(struct llmobs_reading *reading);
int llmobs_vercel_document(struct llmobs_reading *reading,
                           const struct llmobs_json *body);
int llmobs_vercel_event(struct llmobs_reading *reading,
                        const struct llmobs_event *event);

/* watsonx.c */
int llmobs_watsonx_begin(struct llmobs_reading *reading);
bool llmobs_watsonx_chats(const struct llmobs_reading *reading);
int llmobs_watsonx_name_model(struct llmobs_reading *reading);
int llmobs_watsonx_rank_ends(struct llmobs_reading *reading);
int llmobs_watsonx_read_ranks(struct llmobs_reading *reading,
                              const struct llmobs_json *body);
bool llmobs_watsonx_reranks(const struct llmobs_reading *reading);

/* web_search.c */
int llmobs_exa_read(struct llmobs_reading *reading,
                    const struct llmobs_json *body);

/* tables/renders.c */
int llmobs_render_begin_poll(struct llmobs_reading *reading);

/* renders.c */
bool llmobs_openai_videos_asks(const struct llmobs_reading *reading);
bool llmobs_xai_speaks(const struct llmobs_reading *reading);
char *llmobs_hyperbolic_model(const struct llmobs_reading *reading);
char *llmobs_fal_model(const struct llmobs_reading *reading);

/* voices.c */
int llmobs_elevenlabs_read(struct llmobs_reading *reading,
                           const struct llmobs_json *body);
int llmobs_deepgram_read(struct llmobs_reading *reading,
                         const struct llmobs_json *body);
int llmobs_deepgram_request(struct llmobs_reading *reading);
int llmobs_deepgram_document(struct llmobs_reading *reading,
                             const struct llmobs_json *body);
int llmobs_deepgram_ends(struct llmobs_reading *reading);
int llmobs_assembly_read(struct llmobs_reading *reading,
                         const struct llmobs_json *body);
int llmobs_assembly_asked(struct llmobs_reading *reading);
int llmobs_assembly_begin(struct llmobs_reading *reading);
int llmobs_assembly_job(struct llmobs_reading *reading,
                        const struct llmobs_json *body);

/* tables/huggingface.c */
bool llmobs_huggingface_predicts(const struct llmobs_reading *reading);
bool llmobs_huggingface_has_inputs(const struct llmobs_reading *reading);
char *llmobs_huggingface_path_model(const struct llmobs_reading *reading);

/* tables/llama_cpp.c */
bool llmobs_llama_cpp_embeds(const struct llmobs_reading *reading);
bool llmobs_llama_cpp_resumes(const struct llmobs_reading *reading);
int llmobs_llama_cpp_resumed(struct llmobs_reading *reading);

/* tables/mistral.c */
int llmobs_mistral_request(struct llmobs_reading *reading);

/* tables/oci.c */
int llmobs_oci_chat_request(struct llmobs_reading *reading);
int llmobs_oci_chat_document(struct llmobs_reading *reading,
                             const struct llmobs_json *body);
int llmobs_oci_chat_event(struct llmobs_reading *reading,
                          const struct llmobs_event *event);
int llmobs_oci_chat_finish(struct llmobs_reading *reading);
int llmobs_oci_chat_ends(struct llmobs_reading *reading);

/* vendors/chat.c */
bool llmobs_completion_asks(const struct llmobs_reading *reading);

/* vendors/vertex_chat.c */
bool llmobs_vertex_chat_asks(const struct llmobs_reading *reading);
int llmobs_vertex_chat_request(struct llmobs_reading *reading);
bool llmobs_vertex_models_asks(const struct llmobs_reading *reading);

/* tables/bedrock_agentcore.c */
bool llmobs_agentcore_asks(const struct llmobs_reading *reading);
int llmobs_agentcore_begin(struct llmobs_reading *reading);
int llmobs_agentcore_request(struct llmobs_reading *reading);
int llmobs_agentcore_document(struct llmobs_reading *reading,
                              const struct llmobs_json *body);
int llmobs_agentcore_event(struct llmobs_reading *reading,
                           const struct llmobs_event *event);
int llmobs_agentcore_finish(struct llmobs_reading *reading);

/* tables/mcp.c: a dialect without a form (dialect.h). */
int llmobs_mcp_read(const struct llmobs_classified *classified,
                    struct llmobs_span *span);

#endif
