/* Explains a destination's refusal in words. */
#include "core/export/reason.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/config/config.h"
#include "core/export/curl_access.h"

enum kind {
    AGENT = 1,
    INTAKE = 2,
    OTLP = 4,
    STORE = 8,
    ALL = 15,
    BY_HOST = 16, /* an agent, by what names it */
    BY_HOSTNAME = 32
};

/* Statuses, errors, and codes of libcurl behind EPROTO. */
#define CODE(code) (-1000 - (code))

#define LATER "it takes nothing now; what is there is kept and sent later"

/* The first row that fits counts. */
static const struct row {
    unsigned kinds;
    int first, last;
    const char *text;
} rows[] = {
    {AGENT, 401, 403,
     "the agent's own key or site is refused: see `datadog-agent status`"},
    {INTAKE, 401, 403,
     "DD_API_KEY and DD_SITE do not belong together, or the key is revoked"},
    {OTLP, 401, 403,
     "OTEL_EXPORTER_OTLP_HEADERS names no key, or one that it does not accept "
     "(a space in a value is %20 there)"},
    {OTLP, 404, 405,
     "nothing takes OTLP at this path; OTEL_EXPORTER_OTLP_ENDPOINT is a base "
     "to which the path is added, and the variable of one signal is the whole "
     "URL"},
    {ALL, 200, 299, "a web page answers: nothing takes spans at this URL"},
    {ALL, 404, 405, "it has no EVP proxy: it is too old, or no agent"},
    {ALL, 407, 407, "a proxy on the way wants a password: see https_proxy"},
    {OTLP, 415, 415, "try the other OTEL_EXPORTER_OTLP_PROTOCOL"},
    {ALL, 300, 399,
     "it sends elsewhere, which is not followed, as the headers hold keys"},
    {ALL, 429, 429, LATER},
    {ALL, 500, 599, LATER},
    {ALL, 1, 999, "it refuses these events: see rejected.jsonl in the spool"},
    {ALL, CODE(CURLE_PEER_FAILED_VERIFICATION),
     CODE(CURLE_PEER_FAILED_VERIFICATION),
     "its certificate is not trusted, or is another host's: "
     "OTEL_EXPORTER_OTLP_CERTIFICATE, or for all LLMOBS_CA_FILE, names the "
     "file of a CA"},
    {ALL, CODE(CURLE_SSL_CACERT_BADFILE), CODE(CURLE_SSL_CACERT_BADFILE),
     "the file of CAs cannot be read (OTEL_EXPORTER_OTLP_CERTIFICATE, "
     "LLMOBS_CA_FILE)"},
    {ALL, CODE(CURLE_SSL_CERTPROBLEM), CODE(CURLE_SSL_CERTPROBLEM),
     "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and "
     "OTEL_EXPORTER_OTLP_CLIENT_KEY cannot be used"},
    {ALL, CODE(999), CODE(0),
     "the TLS handshake fails: it speaks no TLS there, or is a port of gRPC, "
     "or wants a client's certificate"},
    {STORE, -ENOSPC, -ENOSPC,
     "make room there (`llmobs purge`), or name another directory in "
     "LLMOBS_STORE_DIR, LLMOBS_SPOOL_DIR"},
    {STORE, -999, -1,
     "give this user the right to write there, or name another directory in "
     "LLMOBS_STORE_DIR, LLMOBS_SPOOL_DIR"},
    {AGENT, -EOPNOTSUPP, -EOPNOTSUPP,
     "it answers, but has no EVP proxy: it is too old, or no agent"},
    {AGENT, -EPERM, -EPERM,
     "it is neither root's, dd-agent's nor this user's: nothing is sent there "
     "unless DD_TRACE_AGENT_URL or DD_AGENT_HOST names it"},
    {AGENT | INTAKE, -EIO, -EIO, "it answers in no HTTP/1.1"},
    {OTLP, -EIO, -EIO,
     "it answers in no HTTP/1.1, as a port of gRPC does: OTLP by HTTP has "
     "another, 4318 as a rule"},
    {BY_HOST, -999, -1,
     "start the agent, or correct DD_AGENT_HOST and DD_TRACE_AGENT_PORT"},
    {BY_HOSTNAME, -999, -1,
     "start the agent, or correct DD_TRACE_AGENT_HOSTNAME and "
     "DD_TRACE_AGENT_PORT"},
    {AGENT, -999, -1,
     "start the agent, or name its address in DD_TRACE_AGENT_URL"},
    {INTAKE, -999, -1, "look at DD_SITE, https_proxy and the network"},
    {OTLP, -999, -1,
     "start the receiver, or name its address in OTEL_EXPORTER_OTLP_ENDPOINT: "
     "its port for HTTP is 4318 as a rule, and 4317 that of gRPC"},
};

static unsigned kind_of(const struct llmobs_answer *answer)
{
    const char *exporter = answer->exporter;

    if (strcmp(exporter, "agent") == 0)
        return AGENT |
               (answer->named == LLMOBS_AGENT_BY_HOST       ? BY_HOST
                : answer->named == LLMOBS_AGENT_BY_HOSTNAME ? BY_HOSTNAME
                                                            : 0);
    return strcmp(exporter, "agentless") == 0 ? INTAKE
           : strcmp(exporter, "store") == 0 || strcmp(exporter, "spool") == 0
               ? STORE
               : OTLP;
}

const char *llmobs_reason(const struct llmobs_answer *answer)
{
    unsigned kind = kind_of(answer);
    int number = answer->status             ? answer->status
                 : answer->error == -EPROTO ? CODE(answer->code)
                                            : answer->error;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (rows[i].kinds & kind && number >= rows[i].first &&
            number <= rows[i].last)
            return rows[i].text;
    return "it accepts nothing";
}
