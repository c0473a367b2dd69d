/* config_table - the table of variables, and where each value goes; for
 * core/config/config_read.c, and for its help, which the tool alone prints. */
#ifndef LLMOBS_CONFIG_TABLE_H
#define LLMOBS_CONFIG_TABLE_H

#include "core/config/config_load.h"

/* How a value is read. */
enum form {
    FORM_TEXT,
    FORM_SHOWN, /* a text of spans or of the spool: its secrets are masked */
    FORM_BOOL,
    FORM_TRISTATE, /* int: 1, 0, and -1 when unset */
    FORM_NUMBER,   /* int64_t, from least to most */
    FORM_SECONDS,  /* a decimal number of seconds, kept as ms in int64_t */
    FORM_RATE,     /* double */
    FORM_PRIVACY,  /* as _CHOICE; a bad value is the last, which tells least */
    FORM_CALLSITE, /* int: a number of frames, or a value of config.h */
    FORM_CHOICE    /* an enum: the index of the word in the row's type */
};

struct row {
    uint8_t form;
    uint8_t name; /* its bytes with a NUL; type and fallback: theirs */
    uint16_t type;
    uint16_t fallback;
    uint16_t offset; /* in struct llmobs_config_loading */
    double least;
    double most;
};

#define IN(field) (uint16_t) offsetof(struct llmobs_config_loading, field)
#define CONF(field) IN(config.field)
#define MIB (1024.0 * 1024)
#define STYLES "datadog, tracecontext, baggage, b3, b3multi or none"

/* The variables of one part of OTEL_EXPORTER_OTLP_: the general variable, then
 * a variable for each signal. */
#define OTLP(V, part, type, help, signal_help)                \
    V("OTEL_EXPORTER_OTLP_" #part, type, "", help, FORM_TEXT, \
      IN(otlp[LLMOBS_OTLP_##part][0]), 0, 0)                  \
    OTLP_OF(V, part, TRACES, type, signal_help)               \
    OTLP_OF(V, part, METRICS, type, signal_help)              \
    OTLP_OF(V, part, LOGS, type, signal_help)
#define OTLP_OF(V, part, signal, type, help)                              \
    V("OTEL_EXPORTER_OTLP_" #signal "_" #part, type, "", help, FORM_TEXT, \
      IN(otlp[LLMOBS_OTLP_##part][1 + LLMOBS_SIGNAL_##signal]), 0, 0)

/* V(name, type, default, help, form, where, least, most): all variables. The
 * default is read as a given value would be. */
#define PROXY(V, id, text)                                             \
    V("HTTP_" #id, "address", "", "likewise, from proxies", FORM_TEXT, \
      IN(carried[LLMOBS_CARRIED_HTTP_##id]), 0, 0)
#define VARIABLES(V)                                                           \
    V("LLMOBS_EXPORTER", "auto or names, comma-separated", "auto",             \
      "where spans go: agent, agentless, otlp, store, several of them; auto "  \
      "chooses",                                                               \
      FORM_TEXT, CONF(exporter), 0, 0)                                         \
    V("LLMOBS_STORE_DIR", "directory", "",                                     \
      "place of the local store; else by user", FORM_TEXT, CONF(store_dir), 0, \
      0)                                                                       \
    V("LLMOBS_STORE_MAX", "bytes, from 4096", "268435456",                     \
      "beyond it the oldest spans of the store go", FORM_NUMBER,               \
      CONF(store_max), 4096, 1024 * 1024 * MIB)                                \
    V("LLMOBS_SPOOL_DIR", "directory", "",                                     \
      "place of the spool (calls not yet delivered); else beside the store",   \
      FORM_TEXT, CONF(spool_dir), 0, 0)                                        \
    V("LLMOBS_SPOOL_MAX", "bytes; 0: nothing", "268435456",                    \
      "beyond it newer calls wait in memory, and fall back to the store",      \
      FORM_NUMBER, CONF(spool_max), 0, 1024 * 1024 * MIB)                      \
    V("LLMOBS_RELAY", "boolean", "on",                                         \
      "off: the process delivers by itself, also beside a relay, and starts "  \
      "none",                                                                  \
      FORM_BOOL, CONF(relay), 0, 0)                                            \
    V("LLMOBS_CA_FILE", "file", "",                                            \
      "certificates to trust for the intake; else SSL_CERT_FILE, "             \
      "CURL_CA_BUNDLE, libcurl's own",                                         \
      FORM_TEXT, CONF(ca_file), 0, 0)                                          \
    V("LLMOBS_OTLP_SEMCONV", "1.41, latest, 1.37", "1.41",                     \
      "OpenTelemetry's conventions whose names OTLP uses; 1.37 is 1.41",       \
      FORM_CHOICE, CONF(otlp.semconv), 0, 0)                                   \
    V("LLMOBS_CONTENT", "full, off", "full",                                   \
      "off: no prompt, answer, tool, document or error text leaves the "       \
      "process; any other value means off",                                    \
      FORM_PRIVACY, CONF(privacy.content), 0, 0)                               \
    V("LLMOBS_REDACT", "file", "",                                             \
      "patterns whose matches are replaced in all texts; a bad file switches " \
      "content off",                                                           \
      FORM_TEXT, IN(redact_path), 0, 0)                                        \
    V("LLMOBS_EXCLUDE", "patterns, comma-separated", "",                       \
      "programs that are never observed: by file name, or by path where a "    \
      "pattern has a /",                                                       \
      FORM_TEXT, CONF(exclude), 0, 0)                                          \
    V("LLMOBS_OBSERVE", "vector, search, key, -NAME, comma-separated", "",     \
      "observed beside calls to models: vector: searches in vector "           \
      "databases; search: web searches; key: of each call the first eight "    \
      "digits of its API key's SHA-256 (tag key, --by key), by which a weak "  \
      "key can be guessed; -NAME: none of that API (tag integration)",         \
      FORM_TEXT, CONF(observe), 0, 0)                                          \
    V("LLMOBS_RULES", "file", "", "rules and APIs of your own", FORM_TEXT,     \
      CONF(rules_path), 0, 0)                                                  \
    V("LLMOBS_RECORD", "directory", "",                                        \
      "raw exchanges with models are written there, with their texts "         \
      "(llmobs-run --record); never from the file",                            \
      FORM_TEXT, CONF(record_dir), 0, 0)                                       \
    V("LLMOBS_REPLAY", "http://127.0.0.1:PORT", "",                            \
      "calls to models go there, to a mock (llmobs-run --replay); never from " \
      "the file",                                                              \
      FORM_TEXT, CONF(replay_url), 0, 0)                                       \
    V("LLMOBS_SESSION_ID", "text", "", "session of the spans", FORM_SHOWN,     \
      CONF(session_id), 0, 0)                                                  \
    V("LLMOBS_CALLSITE", "stack:N (1 to 16), address, off", "stack:8",         \
      "the caller in a span: N frames by name, the address alone, nothing",    \
      FORM_CALLSITE, CONF(callsite), 0, 0)                                     \
    V("LLMOBS_SCRIPT", "file", "",                                             \
      "script of the command, as llmobs-run sets it for its children; else "   \
      "from the command lines of the process and its parents",                 \
      FORM_TEXT, CONF(script), 0, 0)                                           \
    V("LLMOBS_RUN", "text", "",                                                \
      "the run that the spans belong to, as llmobs-run tells the command; "    \
      "else the process of the script is the run; never from the file",        \
      FORM_SHOWN, CONF(run), 0, 0)                                             \
    V("LLMOBS_LAUNCHED", "boolean", "off",                                     \
      "llmobs-run sets it for the command: a service, too, may start a relay", \
      FORM_BOOL, CONF(launched), 0, 0)                                         \
    V("LLMOBS_RUN_STORE", "boolean", "off",                                    \
      "on: spans go to the local store as well, and no relay delivers them "   \
      "(llmobs-run --max-tokens, --max-cost); never from the file",            \
      FORM_BOOL, CONF(run_store), 0, 0)                                        \
    V("LLMOBS_STITCH", "off, tag, session", "tag",                             \
      "tag: the turns of a conversation get links and the tag "                \
      "conversation_id; session: it is also their session; off: neither",      \
      FORM_CHOICE, CONF(stitch), 0, 0)                                         \
    V("LLMOBS_TOOLS", "off, inferred", "off",                                  \
      "inferred: a span, tagged inferred:true, for each tool of a model that " \
      "makes no observed call itself",                                         \
      FORM_CHOICE, CONF(tools), 0, 0)                                          \
    V("LLMOBS_REQUEST_TAGS", "plain, hash, off", "plain",                      \
      "tags of what a request says of itself: its user, session, app, names "  \
      "of its own: plain: an e-mail address is hashed; hash: each user is; "   \
      "off: no such tags",                                                     \
      FORM_PRIVACY, CONF(request_tags), 0, 0)                                  \
    V("LLMOBS_CONTENT_TAGS", "names, comma-separated", "",                     \
      "tags that requests name, which stay where LLMOBS_CONTENT is off",       \
      FORM_TEXT, CONF(kept_tags), 0, 0)                                        \
    V("LLMOBS_HASH_KEY", "text", "",                                           \
      "key of the hashes of users and addresses (HMAC-SHA-256); without it "   \
      "a hash can be guessed; never logged, never in a span",                  \
      FORM_TEXT, CONF(hash_key), 0, 0)                                         \
    V("LLMOBS_TLS", "auto, on, off", "auto",                                   \
      "programs whose calls over OpenSSL or GnuTLS, without libcurl, are "     \
      "observed: auto: PHP, Python, Ruby, Perl, Lua, wget, Emacs, Node; on: "  \
      "every program; off: none",                                              \
      FORM_CHOICE, CONF(tls), 0, 0)                                            \
    V("LLMOBS_SOCKETS", "auto, on, off", "auto",                               \
      "programs whose calls by plain HTTP, without libcurl, are observed: "    \
      "auto: those of LLMOBS_TLS, and claude, opencode, copilot, bun, deno; "  \
      "with a listed gateway by http:// every other, until it listens; on: "   \
      "every program; off: none",                                              \
      FORM_CHOICE, CONF(sockets), 0, 0)                                        \
    V("LLMOBS_INBOUND", "boolean", "off",                                      \
      "a server in Node, PHP, Perl, Python, R, Ruby or Lua takes each "        \
      "request's trace from its headers; switches LLMOBS_COMMANDS on",         \
      FORM_BOOL, CONF(inbound), 0, 0)                                          \
    V("LLMOBS_INBOUND_TRUST", "default, all, none", "default",                 \
      "callers whose ml_app, session and sampling count: those without a "     \
      "public address; all; none",                                             \
      FORM_CHOICE, CONF(trust), 0, 0)                                          \
    V("LLMOBS_ENTRY", "text", "",                                              \
      "name of a span around each request that a program serves; 1: "          \
      "chat-proxy-entrypoint; 0: none",                                        \
      FORM_TEXT, CONF(entry), 0, 0)                                            \
    V("LLMOBS_COMMANDS", "boolean", "off",                                     \
      "the program describes the request that it serves, by requests to "      \
      "llmobs: URLs",                                                          \
      FORM_BOOL, CONF(commands), 0, 0)                                         \
    V("LLMOBS_INJECT", "default, all, none or hosts, comma-separated",         \
      "default",                                                               \
      "hosts whose calls get trace headers: gateways; with libcurl also "      \
      "those of private networks, or all; those named here, from each client " \
      "(api.example.com, *.example.com, gateway:4000, [::1]); none",           \
      FORM_TEXT, CONF(inject_hosts), 0, 0)                                     \
    V("LLMOBS_CAPTURE_MAX", "bytes, from 1024", "16777216",                    \
      "a bigger body is kept as head and tail, as is one that takes too much " \
      "work to read, or a fifth of LLMOBS_BUFFER_MAX",                         \
      FORM_NUMBER, CONF(capture_max), 1024, 1024 * MIB)                        \
    V("LLMOBS_BUFFER_MAX", "bytes, from 65536", "67108864",                    \
      "memory for the bodies of all calls under way; beyond it heads and "     \
      "tails are kept. Queue and encoded events may have as much each; "       \
      "beyond that spans are dropped",                                         \
      FORM_NUMBER, CONF(buffer_max), 65536, 1024 * MIB)                        \
    V("LLMOBS_EXIT_FLUSH_MS", "milliseconds", "-1",                            \
      "longest wait at exit; -1: by exporter", FORM_NUMBER,                    \
      CONF(exit_flush_ms), -1, 600000)                                         \
    V("LLMOBS_GRACE_MS", "milliseconds", "3000",                               \
      "how long llmobs-entrypoint delivers after its command has ended, at "   \
      "most",                                                                  \
      FORM_NUMBER, CONF(grace_ms), 0, 600000)                                  \
    V("LLMOBS_THREAD", "boolean", "on",                                        \
      "off: no thread, spans are delivered at exit", FORM_BOOL, CONF(thread),  \
      0, 0)                                                                    \
    V("LLMOBS_CONFIG", "file", LLMOBS_CONFIG_FILE,                             \
      "file with these names, a NAME=value a line; the environment wins",      \
      FORM_TEXT, IN(file_path), 0, 0)                                          \
    V("LLMOBS_LOG", "file", "",                                                \
      "file of the library's log, owned by this user or root; else there is "  \
      "none",                                                                  \
      FORM_TEXT, CONF(log_path), 0, 0)                                         \
    V("LLMOBS_LOG_LEVEL", "off, error, warn, info, debug", "warn",             \
      "least weight of a log line", FORM_CHOICE, CONF(log_level), 0, 0)        \
    V("DD_LLMOBS_ENABLED", "boolean", "false",                                 \
      "master switch: without it nothing is observed; llmobs-run sets it to "  \
      "1 where it is unset",                                                   \
      FORM_BOOL, CONF(enabled), 0, 0)                                          \
    V("DD_LLMOBS_ML_APP", "text", "",                                          \
      "name of the application; else the service, else the systemd unit, "     \
      "PHP-FPM's pool, the script or the program, "                            \
      "else " LLMOBS_ML_APP_UNNAMED,                                           \
      FORM_TEXT, CONF(ml_app), 0, 0)                                           \
    V("DD_LLMOBS_AGENTLESS_ENABLED", "boolean", "",                            \
      "true: to Datadog's intake; false: to the agent; unset: "                \
      "LLMOBS_EXPORTER decides",                                               \
      FORM_TRISTATE, CONF(agentless), 0, 0)                                    \
    V("DD_LLMOBS_INSTRUMENTED_PROXY_URLS", "URLs, comma-separated", "",        \
      "gateways: requests to them become workflow spans", FORM_TEXT,           \
      CONF(proxy_urls), 0, 0)                                                  \
    V("DD_LLMOBS_SAMPLE_RATE", "0 to 1", "1",                                  \
      "share of traces that the backend retains", FORM_RATE,                   \
      CONF(sample_rate), 0, 1)                                                 \
    V("DD_LLMOBS_EVENT_SIZE_BYTES", "bytes, from 1024", "5000000",             \
      "a bigger event loses its input and output, then more; a bigger "        \
      "evaluation is refused",                                                 \
      FORM_NUMBER, CONF(event_max), 1024, 1024 * MIB)                          \
    V("DD_LLMOBS_PAYLOAD_SIZE_BYTES", "bytes, from 1024", "5242880",           \
      "most of one request to the agent or intake", FORM_NUMBER,               \
      CONF(payload_max), 1024, 1024 * MIB)                                     \
    V("DD_LLMOBS_OVERRIDE_ORIGIN", "URL: http, https or unix", "",             \
      "deliveries go there instead of to the agent or intake", FORM_TEXT,      \
      CONF(override_origin), 0, 0)                                             \
    V("_DD_LLMOBS_WRITER_INTERVAL", "seconds", "1",                            \
      "pause between deliveries", FORM_SECONDS, CONF(flush_interval_ms),       \
      0.001, 3600)                                                             \
    V("_DD_LLMOBS_WRITER_TIMEOUT", "seconds", "5",                             \
      "longest wait for one delivery", FORM_SECONDS, CONF(writer_timeout_ms),  \
      0.001, 3600)                                                             \
    V("_DD_TRACE_WRITER_ADDITIONAL_HEADERS",                                   \
      "Name:value, comma- or space-separated", "",                             \
      "further headers of deliveries", FORM_TEXT, IN(headers_text), 0, 0)      \
    V("DD_API_KEY", "text", "",                                                \
      "key for the intake; never logged, never in a span", FORM_TEXT,          \
      CONF(api_key), 0, 0)                                                     \
    V("DD_SITE", "host", LLMOBS_SITE, "Datadog site of the intake", FORM_TEXT, \
      CONF(site), 0, 0)                                                        \
    V("DD_TRACE_AGENT_URL", "URL: http, https or unix", "",                    \
      "the agent; else from host and port; else /var/run/datadog/apm.socket "  \
      "when it is there; else http://localhost:8126",                          \
      FORM_TEXT, IN(agent_url), 0, 0)                                          \
    V("DD_AGENT_HOST", "host", "", "host of the agent; else localhost",        \
      FORM_TEXT, IN(agent_host), 0, 0)                                         \
    V("DD_AGENT_PORT", "port", "", "port of the agent; else 8126",             \
      FORM_NUMBER, IN(agent_port), 1, 65535)                                   \
    V("DD_TRACE_AGENT_HOSTNAME", "host", "",                                   \
      "older name of DD_AGENT_HOST; wins", FORM_TEXT, IN(agent_hostname), 0,   \
      0)                                                                       \
    V("DD_TRACE_AGENT_PORT", "port", "", "older name of DD_AGENT_PORT; wins",  \
      FORM_NUMBER, IN(trace_agent_port), 1, 65535)                             \
    V("DD_TRACE_AGENT_TIMEOUT_SECONDS", "seconds", "2",                        \
      "longest wait for the agent's description of itself", FORM_SECONDS,      \
      CONF(agent_timeout_ms), 0.001, 3600)                                     \
    V("DD_EXTERNAL_ENV", "text", "", "name of the container, for the agent",   \
      FORM_TEXT, CONF(external_env), 0, 0)                                     \
    V("DD_SERVICE", "text", "",                                                \
      "tag service; else service in DD_TAGS, else OTEL_SERVICE_NAME",          \
      FORM_SHOWN, CONF(service), 0, 0)                                         \
    V("DD_ENV", "text", "", "tag env; else env in DD_TAGS", FORM_SHOWN,        \
      CONF(env), 0, 0)                                                         \
    V("DD_VERSION", "text", "", "tag version; else version in DD_TAGS",        \
      FORM_SHOWN, CONF(version), 0, 0)                                         \
    V("DD_TAGS", "key:value, comma- or space-separated", "",                   \
      "tags of every span", FORM_TEXT, IN(tags_text), 0, 0)                    \
    V("DD_GIT_REPOSITORY_URL", "URL", "", "tag git.repository_url",            \
      FORM_SHOWN, CONF(git_url), 0, 0)                                         \
    V("DD_GIT_COMMIT_SHA", "text", "", "tag git.commit.sha", FORM_SHOWN,       \
      CONF(git_sha), 0, 0)                                                     \
    V("DD_TRACE_GIT_METADATA_ENABLED", "boolean", "true",                      \
      "false: no git tags", FORM_BOOL, IN(git), 0, 0)                          \
    V("DD_TRACE_PROPAGATION_STYLE", STYLES, "datadog,tracecontext,baggage",    \
      "forms of trace context, written and read; none: neither", FORM_TEXT,    \
      IN(styles), 0, 0)                                                        \
    V("DD_TRACE_PROPAGATION_STYLE_INJECT", STYLES, "",                         \
      "the same for writing alone; wins", FORM_TEXT, IN(styles_inject), 0, 0)  \
    V("DD_TRACE_PROPAGATION_STYLE_EXTRACT", STYLES, "",                        \
      "the same for reading alone; wins", FORM_TEXT, IN(styles_extract), 0, 0) \
    V("DD_TRACE_PROPAGATION_EXTRACT_FIRST", "boolean", "false",                \
      "true: only the first style is read", FORM_BOOL, CONF(extract_first), 0, \
      0)                                                                       \
    V("DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT", "continue, restart, ignore",    \
      "continue",                                                              \
      "continue: a parent from outside is the parent; restart: a new trace, "  \
      "with its baggage; ignore: it is not read",                              \
      FORM_CHOICE, CONF(extract), 0, 0)                                        \
    V("DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH", "bytes", "512",                    \
      "longest x-datadog-tags header; 0: none is written", FORM_NUMBER,        \
      CONF(tags_header_max), -2147483648.0, 2147483647)                        \
    V("DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED", "boolean", "true",        \
      "false: APM trace ids have 64 bits", FORM_BOOL, CONF(trace_id_128), 0,   \
      0)                                                                       \
    V("DD_TRACE_DEBUG", "boolean", "false", "true: LLMOBS_LOG_LEVEL is debug", \
      FORM_BOOL, IN(debug), 0, 0)                                              \
    V("OTEL_SERVICE_NAME", "text", "", "the last choice for the service",      \
      FORM_SHOWN, CONF(otlp.service), 0, 0)                                    \
    V("OTEL_PROPAGATORS", "tracecontext, baggage, b3, b3multi or none", "",    \
      "forms of trace context where no DD_TRACE_PROPAGATION_STYLE is set; "    \
      "jaeger, xray and ottrace are skipped",                                  \
      FORM_TEXT, IN(propagators), 0, 0)                                        \
    OTLP(V, ENDPOINT, "URL: http or https",                                    \
         "the base, http://localhost:4318 where unset: v1/traces, v1/metrics " \
         "and v1/logs are appended. The program's own telemetry goes there "   \
         "too: never observed",                                                \
         "the whole URL, never observed either")                               \
    OTLP(V, PROTOCOL, "http/protobuf, http/json",                              \
         "form of the requests; http/protobuf where unset, and in the place "  \
         "of grpc",                                                            \
         "the same for one signal; wins")                                      \
    OTLP(V, HEADERS, "name=value, comma-separated",                            \
         "headers of the requests, values percent-encoded; never logged, "     \
         "never in a span",                                                    \
         "the same for one signal, in place of the general ones")              \
    OTLP(V, TIMEOUT, "milliseconds; 0: no limit",                              \
         "longest wait for one request; 10000 where unset",                    \
         "the same for one signal; wins")                                      \
    OTLP(V, COMPRESSION, "gzip, none",                                         \
         "of the requests' bodies; none where unset",                          \
         "the same for one signal; wins")                                      \
    OTLP(V, CERTIFICATE, "file",                                               \
         "certificates to trust, PEM; else as LLMOBS_CA_FILE says",            \
         "the same for one signal; wins")                                      \
    OTLP(V, CLIENT_CERTIFICATE, "file", "certificate of the program, PEM",     \
         "the same for one signal; wins")                                      \
    OTLP(V, CLIENT_KEY, "file", "key of that certificate, PEM",                \
         "the same for one signal; wins")                                      \
    OTLP(V, INSECURE, "true or false", "for gRPC alone: no effect",            \
         "likewise")                                                           \
    V("OTEL_SDK_DISABLED", "true or false", "false",                           \
      "true: nothing is sent by OTLP", FORM_BOOL, IN(otel_off), 0, 0)          \
    V("OTEL_TRACES_EXPORTER", "otlp or none", "",                              \
      "none: no spans by OTLP; other exporters of this name are not the "      \
      "library's",                                                             \
      FORM_TEXT, IN(otel_exporter[LLMOBS_SIGNAL_TRACES]), 0, 0)                \
    V("OTEL_METRICS_EXPORTER", "otlp or none", "", "otlp: metrics too",        \
      FORM_TEXT, IN(otel_exporter[LLMOBS_SIGNAL_METRICS]), 0, 0)               \
    V("OTEL_LOGS_EXPORTER", "otlp or none", "",                                \
      "otlp: log records too: evaluations and errors", FORM_TEXT,              \
      IN(otel_exporter[LLMOBS_SIGNAL_LOGS]), 0, 0)                             \
    V("OTEL_RESOURCE_ATTRIBUTES", "key=value, comma-separated", "",            \
      "attributes of the resource in OTLP, percent-encoded; ignored as a "     \
      "whole if one is wrong",                                                 \
      FORM_SHOWN, CONF(otlp.resource), 0, 0)                                   \
    V("OTEL_TRACES_SAMPLER",                                                   \
      "always_on, always_off, traceidratio, parentbased_always_on, "           \
      "parentbased_always_off, parentbased_traceidratio",                      \
      "parentbased_always_on", "spans that go by OTLP", FORM_CHOICE,           \
      IN(otel_sampler), 0, 0)                                                  \
    V("OTEL_TRACES_SAMPLER_ARG", "0 to 1", "",                                 \
      "ratio of traceidratio; 1 where unset", FORM_TEXT, IN(sampler_arg), 0,   \
      0)                                                                       \
    V("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "spans", "512",                        \
      "most spans of one OTLP request", FORM_NUMBER, CONF(otlp.batch_max), 1,  \
      65536)                                                                   \
    V("OTEL_METRIC_EXPORT_INTERVAL", "milliseconds", "60000",                  \
      "pause between two requests with metrics", FORM_NUMBER,                  \
      CONF(otlp.metric_interval_ms), 1, 2147483647)                            \
    V("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",                     \
      "cumulative, delta, lowmemory", "cumulative",                            \
      "sums since the process began, or since the last request", FORM_CHOICE,  \
      IN(temporality), 0, 0)                                                   \
    V("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "bytes; -1: no limit", "-1",        \
      "longest text in an attribute of OTLP", FORM_NUMBER,                     \
      CONF(otlp.value_max), -1, 2147483647)                                    \
    V("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "bytes; -1: unset", "-1",      \
      "likewise; wins", FORM_NUMBER, IN(span_value_max), -1, 2147483647)       \
    V("OTEL_ATTRIBUTE_COUNT_LIMIT", "number, from 1", "128",                   \
      "most attributes of a span in OTLP", FORM_NUMBER,                        \
      CONF(otlp.attribute_max), 1, 2147483647)                                 \
    V("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "number, from 1", "",                 \
      "likewise; wins", FORM_NUMBER, IN(span_attribute_max), 1, 2147483647)    \
    V("OTEL_SEMCONV_STABILITY_OPT_IN", "words", "",                            \
      "no effect: see LLMOBS_OTLP_SEMCONV", FORM_TEXT, IN(stability), 0, 0)    \
    V("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",                    \
      "NO_CONTENT, SPAN_ONLY, EVENT_ONLY, SPAN_AND_EVENT, true", "",           \
      "texts go by OTLP too, on spans or on log records; unset: only if "      \
      "LLMOBS_CONTENT=full is set. LLMOBS_CONTENT=off wins",                   \
      FORM_TEXT, IN(capture), 0, 0)                                            \
    V("TRACEPARENT", "W3C trace context", "",                                  \
      "parent of the process's spans; read anew at each call while the "       \
      "program has one thread; never from the file",                           \
      FORM_TEXT, IN(carried[LLMOBS_CARRIED_TRACEPARENT]), 0, 0)                \
    V("TRACESTATE", "W3C trace context", "", "likewise", FORM_TEXT,            \
      IN(carried[LLMOBS_CARRIED_TRACESTATE]), 0, 0)                            \
    V("BAGGAGE", "W3C baggage", "",                                            \
      "passed on with the trace headers; an "                                  \
      "experiment's also becomes tags",                                        \
      FORM_TEXT, IN(carried[LLMOBS_CARRIED_BAGGAGE]), 0, 0)                    \
    V("HTTP_TRACEPARENT", "W3C trace context", "",                             \
      "the same from a CGI server, where TRACEPARENT is absent", FORM_TEXT,    \
      IN(carried[LLMOBS_CARRIED_HTTP_TRACEPARENT]), 0, 0)                      \
    V("HTTP_TRACESTATE", "W3C trace context", "", "likewise", FORM_TEXT,       \
      IN(carried[LLMOBS_CARRIED_HTTP_TRACESTATE]), 0, 0)                       \
    V("HTTP_BAGGAGE", "W3C baggage", "", "likewise", FORM_TEXT,                \
      IN(carried[LLMOBS_CARRIED_HTTP_BAGGAGE]), 0, 0)                          \
    V("HTTP_X_DATADOG_TRACE_ID", "number", "", "likewise", FORM_TEXT,          \
      IN(carried[LLMOBS_CARRIED_HTTP_TRACE_ID]), 0, 0)                         \
    V("HTTP_X_DATADOG_PARENT_ID", "number", "", "likewise", FORM_TEXT,         \
      IN(carried[LLMOBS_CARRIED_HTTP_PARENT_ID]), 0, 0)                        \
    V("HTTP_X_DATADOG_TAGS", "tags", "", "likewise", FORM_TEXT,                \
      IN(carried[LLMOBS_CARRIED_HTTP_TAGS]), 0, 0)                             \
    V("HTTP_X_DATADOG_SAMPLING_PRIORITY", "number", "", "likewise", FORM_TEXT, \
      IN(carried[LLMOBS_CARRIED_HTTP_PRIORITY]), 0, 0)                         \
    V("HTTP_X_DATADOG_ORIGIN", "text", "", "likewise", FORM_TEXT,              \
      IN(carried[LLMOBS_CARRIED_HTTP_ORIGIN]), 0, 0)                           \
    V("REQUEST_METHOD", "text", "",                                            \
      "with the path of REQUEST_URI, else SCRIPT_NAME, the page of the "       \
      "request that a CGI server gives to the process",                        \
      FORM_TEXT, IN(carried[LLMOBS_CARRIED_METHOD]), 0, 0)                     \
    V("REQUEST_URI", "text", "", "likewise", FORM_TEXT,                        \
      IN(carried[LLMOBS_CARRIED_URI]), 0, 0)                                   \
    V("SCRIPT_NAME", "text", "", "likewise", FORM_TEXT,                        \
      IN(carried[LLMOBS_CARRIED_SCRIPT]), 0, 0)                                \
    V("REMOTE_ADDR", "address", "",                                            \
      "of the caller, from a CGI server: LLMOBS_INBOUND_TRUST", FORM_TEXT,     \
      IN(carried[LLMOBS_CARRIED_REMOTE_ADDR]), 0, 0)                           \
    LLMOBS_NETWORK_HEADERS(PROXY, V)                                           \
    V("SSL_CERT_FILE", "file", "", "see LLMOBS_CA_FILE", FORM_TEXT,            \
      IN(ssl_cert_file), 0, 0)                                                 \
    V("CURL_CA_BUNDLE", "file", "", "see LLMOBS_CA_FILE", FORM_TEXT,           \
      IN(curl_ca_bundle), 0, 0)                                                \
    V("XDG_STATE_HOME", "directory", "", "for the place of the store",         \
      FORM_TEXT, CONF(xdg_state_home), 0, 0)                                   \
    V("HOME", "directory", "", "likewise", FORM_TEXT, CONF(home), 0, 0)        \
    V("KUBERNETES_SERVICE_HOST", "address", "",                                \
      "set in each pod of Kubernetes: there the next three count", FORM_TEXT,  \
      CONF(kubernetes), 0, 0)                                                  \
    V("POD_NAME", "text", "",                                                  \
      "of the pod (downward API): tag pod_name, in OTLP k8s.pod.name; else "   \
      "the host's name, where the pod has its own network",                    \
      FORM_TEXT, CONF(pod_name), 0, 0)                                         \
    V("POD_NAMESPACE", "text", "",                                             \
      "tag kube_namespace, in OTLP k8s.namespace.name; else that of the "      \
      "service account",                                                       \
      FORM_TEXT, CONF(pod_namespace), 0, 0)                                    \
    V("POD_UID", "text", "",                                                   \
      "in OTLP k8s.pod.uid, where neither control group nor mounts show it",   \
      FORM_TEXT, CONF(pod_uid), 0, 0)

#endif
