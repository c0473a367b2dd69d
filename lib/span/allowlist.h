/* allowlist - says which parts of headers and URLs may be kept. A part that is
 * not on its lists is never copied.
 *
 * Threads: any.
 * Errors:  -ENOMEM.
 *
 * Of a URL the scheme, host, port and path may be kept. In the path, parameters
 * are dropped, and a text is masked (mask.h) that looks like a key or has the
 * beginning of a known kind of key. User, password, query and fragment may not
 * be kept.
 */
#ifndef LLMOBS_ALLOWLIST_H
#define LLMOBS_ALLOWLIST_H

#include "lib/base/buf.h"

/* X(name, says): the headers of gateways that say what became of a call: its
 * cost, the model, who or which way served it, the key of a cache's hit,
 * whether it was one, or how much is billed (docs.fireworks.ai, elevenlabs.io,
 * docs.litellm.ai/docs/proxy/response_headers, portkey.ai/docs,
 * developers.cloudflare.com/ai-gateway, docs.helicone.ai, developer.konghq.com,
 * ngrok.com, vllm-semantic-router.com, openrouter.ai, truefoundry.com). */
#define LLMOBS_GATEWAY_HEADERS(X)               \
    X("x-litellm-response-cost", COST)          \
    X("ngrok-aig-model", MODEL)                 \
    X("cf-aig-model", MODEL)                    \
    X("x-vsr-selected-model", MODEL)            \
    X("x-kong-llm-model", MODEL)                \
    X("helicone-provider", BY)                  \
    X("x-tfy-resolved-model", BY)               \
    X("x-portkey-provider", BY)                 \
    X("cf-aig-provider", BY)                    \
    X("x-portkey-last-used-option-index", WAY)  \
    X("x-litellm-cache-key", KEY)               \
    X("cf-aig-cache-status", HIT)               \
    X("x-portkey-cache-status", HIT)            \
    X("helicone-cache", HIT)                    \
    X("x-openrouter-cache-status", HIT)         \
    X("x-cache-status", HIT) /* Kong */         \
    X("fireworks-prompt-tokens", INPUT)         \
    X("fireworks-cached-prompt-tokens", CACHED) \
    X("character-cost", CHARACTERS) /* ElevenLabs */

/* X(name, tag): the headers of a request whose value is that of a tag; of
 * several for one tag the first counts. The last ones are those of coding
 * agents: Claude Code (code.claude.com/docs), OpenCode, Kilo Code, Codex, the
 * CLI of Copilot, Open WebUI, goose; llama.cpp's server. */
#define LLMOBS_TAG_HEADERS(X)                             \
    X("helicone-user-id", "user_id")                      \
    X("x-litellm-end-user-id", "user_id")                 \
    X("x-litellm-customer-id", "user_id")                 \
    X("langfuse_trace_user_id", "user_id")                \
    X("helicone-session-id", "session_id")                \
    X("x-litellm-session-id", "session_id")               \
    X("langfuse_session_id", "session_id")                \
    X("x-claude-code-session-id", "session_id")           \
    X("x-opencode-session", "session_id")                 \
    X("x-kilocode-taskid", "session_id")                  \
    X("x-roo-task-id", "session_id")                      \
    X("session-id", "session_id")                         \
    X("session_id", "session_id")                         \
    X("x-client-session-id", "session_id")                \
    X("x-openwebui-chat-id", "session_id")                \
    X("agent-session-id", "session_id")                   \
    X("x-conversation-id", "session_id")                  \
    X("x-session-id", "session_id") /* OpenRouter's */    \
    X("x-session-affinity", "session_id")                 \
    X("x-claude-code-agent-id", "agent_id")               \
    X("thread-id", "agent_id") /* Codex */                \
    X("x-claude-code-parent-agent-id", "parent_agent_id") \
    X("x-codex-parent-thread-id", "parent_agent_id")      \
    X("x-claude-code-agent-type", "agent_type")           \
    X("x-openai-subagent", "agent_type")                  \
    X("x-claude-code-request-class", "request_class")     \
    X("x-title", "app")                                   \
    X("x-openrouter-title", "app")                        \
    X("http-referer", "app")                              \
    X("openai-organization", "openai.organization")       \
    X("openai-project", "openai.project")

/* Gives the name of a header that may be kept, static and in lower case; NULL:
 * it may not be kept. `name` may have upper and lower case. */
const char *llmobs_allowlist_header(const char *name, size_t len);

/* Like llmobs_allowlist_header, but for a header that says to whom the request
 * belongs. All headers that begin "helicone-property-" have this one name. */
const char *llmobs_allowlist_tag(const char *name, size_t len);

/* The part of such a header that may be kept; of a URL the host alone. `line`
 * is "Name: value", `name_len` is where its colon is. Where names differ in
 * their ends, the part begins with the end of the name: "Team: value". */
struct llmobs_text llmobs_allowlist_tag_value(const char *name,
                                              const char *line,
                                              size_t name_len);

/* Like llmobs_allowlist_header, but for a header of an answer. More of these
 * may be kept: the provider's words about the call. */
const char *llmobs_allowlist_answer(const char *name, size_t len);

/* True where only a hash of the value may be kept: the value is a key to
 * something, and only tells which things go together. `name`: as the functions
 * above gave it. */
bool llmobs_allowlist_hashed(const char *name);

/* Appends the parts of a URL that may be kept, their secrets masked. */
int llmobs_allowlist_url(const char *url, struct llmobs_buf *out);

/* Like llmobs_allowlist_url, but gives a new text; NULL when memory runs out.
 */
char *llmobs_allowlist_url_copy(const char *url);

/* Appends the parts of a URL that the log may tell, also of a request that is
 * no call to a model: host, port, and the words of the path ("chat", "v1"). Any
 * other part of the path may be a key and becomes "*". */
int llmobs_allowlist_words(const char *url, struct llmobs_buf *out);

#endif
