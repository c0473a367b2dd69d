/* The credential fields that providers document, each with an example, "@" in
 * the place of the credential, and its source: a page, or where none names the
 * field, the file of the product's source code that does. "openAIApiKey" is an
 * input of Flowise's nodes by its source; that overrideConfig may hold inputs
 * says its page. docs/SECRETS.md names each field, and scripts/secret-scan
 * sends each example. */
#define CREDENTIAL_FIELDS(FIELD)                                               \
    FIELD("Anthropic", "mcp_servers[].authorization_token",                    \
          "{\"mcp_servers\":[{\"type\":\"url\",\"url\":\"https://h/sse\","     \
          "\"name\":\"a\",\"authorization_token\":\"@\"}]}",                   \
          "https://docs.anthropic.com/en/docs/agents-and-tools/mcp-connector") \
    FIELD("OpenAI", "tools[].headers",                                         \
          "{\"tools\":[{\"type\":\"mcp\",\"server_label\":\"a\","              \
          "\"server_url\":\"https://h/mcp\",\"headers\":{\"X-Token\":\"@\"}}"  \
          "]}",                                                                \
          "https://rubydoc.info/github/openai/openai-ruby/OpenAI/"             \
          "Models/Responses/Tool/Mcp")                                         \
    FIELD("OpenAI", "tools[].authorization",                                   \
          "{\"tools\":[{\"type\":\"mcp\",\"authorization\":\"@\"}]}",          \
          "https://reference.langchain.com/python/langchain-azure-ai/"         \
          "tools/builtin/_tools/McpTool")                                      \
    FIELD("OpenAI", "tools[].server_url",                                      \
          "{\"tools\":[{\"type\":\"mcp\",\"server_url\":"                      \
          "\"https://h/api/mcp/s/@/mcp\"}]}",                                  \
          "https://rubydoc.info/github/openai/openai-ruby/OpenAI/"             \
          "Models/Responses/Tool/Mcp")                                         \
    FIELD("OpenAI", "client_secret.value",                                     \
          "{\"client_secret\":{\"value\":\"@\",\"expires_at\":1}}",            \
          "https://docs.rs/crate/openai-client-base/latest/source/docs/"       \
          "RealtimeSessionCreateResponseGaClientSecret.md")                    \
    FIELD("Azure OpenAI", "data_sources[].parameters.authentication.key",      \
          "{\"data_sources\":[{\"type\":\"azure_search\",\"parameters\":{"     \
          "\"authentication\":{\"type\":\"api_key\",\"key\":\"@\"}}}]}",       \
          "https://learn.microsoft.com/en-us/azure/ai-services/openai/"        \
          "references/azure-search")                                           \
    FIELD("Azure OpenAI", "data_sources[].parameters.key",                     \
          "{\"dataSources\":[{\"type\":\"AzureCognitiveSearch\","              \
          "\"parameters\":{\"endpoint\":\"https://h\",\"key\":\"@\"}}]}",      \
          "https://github.com/Azure/azure-rest-api-specs/blob/main/"           \
          "specification/cognitiveservices/data-plane/AzureOpenAI/"            \
          "inference/preview/2023-12-01-preview/inference.yaml")               \
    FIELD("Azure OpenAI", "authentication.encoded_api_key",                    \
          "{\"authentication\":{\"type\":\"encoded_api_key\","                 \
          "\"encoded_api_key\":\"@\"}}",                                       \
          "https://learn.microsoft.com/en-us/azure/ai-services/openai/"        \
          "references/elasticsearch")                                          \
    FIELD("Azure OpenAI", "authentication.key_id",                             \
          "{\"authentication\":{\"type\":\"key_and_key_id\",\"key\":\"@\","    \
          "\"key_id\":\"@\"}}",                                                \
          "https://learn.microsoft.com/en-us/azure/ai-services/openai/"        \
          "references/elasticsearch")                                          \
    FIELD("Azure OpenAI", "authentication.access_token",                       \
          "{\"authentication\":{\"type\":\"access_token\","                    \
          "\"access_token\":\"@\"}}",                                          \
          "https://learn.microsoft.com/en-us/azure/ai-services/openai/"        \
          "references/azure-search")                                           \
    FIELD("Azure OpenAI", "authentication.connection_string",                  \
          "{\"authentication\":{\"type\":\"connection_string\","               \
          "\"connection_string\":\"@\"}}",                                     \
          "https://learn.microsoft.com/en-us/azure/ai-services/openai/"        \
          "references/cosmos-db")                                              \
    FIELD("Azure OpenAI", "authentication.password",                           \
          "{\"authentication\":{\"type\":\"username_and_password\","           \
          "\"username\":\"a\",\"password\":\"@\"}}",                           \
          "https://github.com/Azure/azure-sdk-for-js/blob/"                    \
          "248e9eee73b03d17dadd8e9e472c0cb9b4c6ec1e/sdk/openai/openai/src/"    \
          "types/"                                                             \
          "models.ts")                                                         \
    FIELD("Vertex AI", "authConfig.apiKeyConfig.apiKeyString",                 \
          "{\"authConfig\":{\"apiKeyConfig\":{\"name\":\"a\","                 \
          "\"apiKeyString\":\"@\"}}}",                                         \
          "https://googleapis.dev/dotnet/Google.Apis.Aiplatform."              \
          "v1beta1/latest/api/Google.Apis.Aiplatform.v1beta1.Data."            \
          "GoogleCloudAiplatformV1beta1AuthConfigApiKeyConfig.html")           \
    FIELD("Vertex AI", "oauthConfig.accessToken",                              \
          "{\"auth_config\":{\"oauthConfig\":{\"accessToken\":\"@\"}}}",       \
          "https://documentation.s3ns.fr/dotnet/docs/reference/Google."        \
          "Cloud.AIPlatform.V1Beta1/latest/Google.Cloud.AIPlatform."           \
          "V1Beta1.AuthConfig.Types.OauthConfig")                              \
    FIELD("Google", "private_key",                                             \
          "{\"type\":\"service_account\",\"private_key\":\"-----BEGIN "        \
          "PRIVATE KEY-----\\n@\\n-----END PRIVATE KEY-----\\n\"}",            \
          "https://cloud.google.com/iam/docs/keys-create-delete")              \
    FIELD("Cohere", "service_auth.token",                                      \
          "{\"service_auth\":{\"type\":\"bearer\",\"token\":\"@\"}}",          \
          "https://docs.cohere.com/reference/create-connector")                \
    FIELD("Cohere", "oauth.client_secret",                                     \
          "{\"oauth\":{\"client_id\":\"a\",\"client_secret\":\"@\"}}",         \
          "https://docs.cohere.com/reference/create-connector")                \
    FIELD("LiteLLM", "api_key", "{\"model\":\"a\",\"api_key\":\"@\"}",         \
          "https://docs.litellm.ai/docs/proxy/clientside_auth")                \
    FIELD("LiteLLM", "azure_ad_token", "{\"azure_ad_token\":\"@\"}",           \
          "https://github.com/BerriAI/litellm/blob/main/"                      \
          "litellm/types/router.py")                                           \
    FIELD("LiteLLM", "aws_secret_access_key",                                  \
          "{\"aws_secret_access_key\":\"@\",\"aws_session_token\":\"@\"}",     \
          "https://github.com/BerriAI/litellm/blob/main/"                      \
          "litellm/types/router.py")                                           \
    FIELD("LiteLLM", "vertex_credentials",                                     \
          "{\"vertex_credentials\":\"{\\\"private_key\\\":\\\"@\\\"}\"}",      \
          "https://github.com/BerriAI/litellm/blob/main/"                      \
          "litellm/types/router.py")                                           \
    FIELD("LiteLLM", "extra_headers", "{\"extra_headers\":{\"X-Any\":\"@\"}}", \
          "https://github.com/BerriAI/litellm/blob/main/"                      \
          "litellm/main.py")                                                   \
    FIELD("Portkey", "targets[].virtual_key",                                  \
          "{\"targets\":[{\"api_key\":\"@\"},{\"virtual_key\":\"@\"}]}",       \
          "https://www.mintlify.com/portkey-AI/gateway/concepts/configs")      \
    FIELD("Vercel AI Gateway", "providerOptions.gateway.byok",                 \
          "{\"providerOptions\":{\"gateway\":{\"byok\":{\"anthropic\":[{"      \
          "\"apiKey\":\"@\"}]}}}}",                                            \
          "https://vercel.com/docs/ai-gateway/authentication-and-byok/byok")   \
    FIELD("Databricks", "openai_config.openai_api_key_plaintext",              \
          "{\"openai_config\":{\"openai_api_key_plaintext\":\"@\"}}",          \
          "https://databricks.github.io/sdk-js/api/interfaces/"                \
          "_databricks_sdk-modelserving.v1.OpenAiConfig.html")                 \
    FIELD("Elastic", "service_settings.api_key",                               \
          "{\"service_settings\":{\"api_key\":\"@\",\"model_id\":\"a\"}}",     \
          "https://www.elastic.co/docs/api/doc/elasticsearch/operation/"       \
          "operation-inference-put-openai")                                    \
    FIELD("OpenSearch", "credential.openAI_key",                               \
          "{\"credential\":{\"openAI_key\":\"@\"}}",                           \
          "https://docs.opensearch.org/2.12/ml-commons-plugin/api/"            \
          "connector-apis/create-connector")                                   \
    FIELD("Flowise", "overrideConfig.openAIApiKey",                            \
          "{\"overrideConfig\":{\"openAIApiKey\":\"@\"}}",                     \
          "https://github.com/FlowiseAI/Flowise/blob/main/packages/"           \
          "components/credentials/OpenAIApi.credential.ts")                    \
    FIELD("n8n", "data.apiKey",                                                \
          "{\"type\":\"openAiApi\",\"data\":{\"apiKey\":\"@\"}}",              \
          "https://github.com/n8n-io/n8n/blob/master/packages/"                \
          "nodes-base/credentials/OpenAiApi.credentials.ts")                   \
    FIELD("AssemblyAI", "webhook_auth_header_value",                           \
          "{\"webhook_auth_header_name\":\"X-Any\","                           \
          "\"webhook_auth_header_value\":\"@\"}",                              \
          "https://assemblyai.com/docs/streaming/webhooks")                    \
    FIELD("A2A", "pushNotificationConfig.token",                               \
          "{\"pushNotificationConfig\":{\"url\":\"https://h\","                \
          "\"token\":\"@\"}}",                                                 \
          "https://rubydoc.info/gems/a2a/A2A/PushNotificationConfig")          \
    FIELD("A2A", "authentication.credentials",                                 \
          "{\"authentication\":{\"schemes\":[\"Bearer\"],"                     \
          "\"credentials\":\"@\"}}",                                           \
          "https://rubydoc.info/gems/a2a/A2A/"                                 \
          "PushNotificationAuthenticationInfo")                                \
    FIELD("IBM", "apikey", "grant_type=a&apikey=@",                            \
          "https://cloud.ibm.com/docs/"                                        \
          "iam?topic=iam-iamtoken_from_apikey")                                \
    FIELD("OAuth", "client_secret",                                            \
          "grant_type=a&client_secret=@&refresh_token=@&password=@",           \
          "https://www.rfc-editor.org/rfc/rfc6749")                            \
    FIELD("OAuth", "code", "https://h/callback?code=@&state=a",                \
          "https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2")
