/* Reads where the agent and the intake are, and their keys. */
#include "core/config/config_peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define AGENT_SOCKET "/var/run/datadog/apm.socket"
#define AGENT_HOST "localhost"
#define AGENT_PORT 8126

static bool has_scheme(const char *url, const char *scheme)
{
    size_t len = strlen(scheme);

    return strncasecmp(url, scheme, len) == 0 && url[len] != '\0' &&
           url[len] != '?' && url[len] != '#';
}

bool llmobs_config_is_http(const char *url)
{
    const char *host = has_scheme(url, "http://")    ? url + 7
                       : has_scheme(url, "https://") ? url + 8
                                                     : "/";

    return !strchr("/:@", *host) &&
           (*host != '[' || strcspn(host, "]") < strcspn(host, "/?#"));
}

/* The ":port" of a URL; without a port, "" at the end of its host. */
static struct llmobs_text port_of(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    const char *end = host + strcspn(host, "/?#"), *at;

    at = memrchr(host, '@', (size_t)(end - host));
    if (at)
        host = at + 1;
    if (*host == '[')
        host += strcspn(host, "]") + 1;
    at = host < end ? memchr(host, ':', (size_t)(end - host)) : NULL;
    at = at ? at + 1 : end;
    return (struct llmobs_text){at, (size_t)(end - at)};
}

bool llmobs_config_has_port(const char *url)
{
    struct llmobs_text port = port_of(url);
    long value = port.len ? 0 : 1;

    for (size_t i = 0; i < port.len; i++) {
        if (port.data[i] < '0' || port.data[i] > '9' || value > 65535)
            return false;
        value = value * 10 + (port.data[i] - '0');
    }
    return value >= 1 && value <= 65535;
}

/* Removes blanks around the URL and slashes at its end. Reports and unsets a
 * URL to which no request can be sent. */
static void read_url(struct llmobs_config_loading *loading, char **url,
                     const char *name)
{
    struct llmobs_text text = llmobs_text_trim(llmobs_text_of(*url));
    bool http;

    if (!*url)
        return;
    while (text.len > 1 && text.data[text.len - 1] == '/')
        text.len--;
    llmobs_config_set(loading, url, text);
    for (char *c = *url; *c && *c != ':'; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
    http = llmobs_config_is_http(*url);
    if (llmobs_config_is_clean(llmobs_text_of(*url), false) &&
        (http ? llmobs_config_has_port(*url) : has_scheme(*url, "unix:///")))
        return;
    llmobs_config_complain(loading, "%s: no %s", name,
                           http && !llmobs_config_has_port(*url)
                               ? "port from 1 to 65535"
                               : "URL of http, https or unix");
    llmobs_config_unset(url);
}

/* -- the agent ------------------------------------------------------------ */

static void read_host(struct llmobs_config_loading *loading, char **host,
                      const char *name)
{
    struct llmobs_text text = llmobs_text_trim(llmobs_text_of(*host));

    if (!*host)
        return;
    llmobs_config_set(loading, host, text);
    if (**host && llmobs_config_is_clean(llmobs_text_of(*host), false) &&
        !strpbrk(*host, "/?#@\\"))
        return;
    llmobs_config_complain(loading, "%s: no host", name);
    llmobs_config_unset(host);
}

/* Gives "http://host:port". */
static char *host_url(struct llmobs_config_loading *loading)
{
    const char *host = loading->agent_hostname ? loading->agent_hostname
                       : loading->agent_host   ? loading->agent_host
                                               : AGENT_HOST;
    int64_t port = loading->trace_agent_port ? loading->trace_agent_port
                   : loading->agent_port     ? loading->agent_port
                                             : AGENT_PORT;
    bool bare = strchr(host, ':') && host[0] != '[';
    char *url;

    if (asprintf(&url, bare ? "http://[%s]:%lld" : "http://%s:%lld", host,
                 (long long)port) >= 0)
        return url;
    loading->no_memory = true;
    return NULL;
}

static bool has_host(const struct llmobs_config_loading *loading)
{
    return loading->agent_hostname || loading->agent_host ||
           loading->trace_agent_port || loading->agent_port;
}

/* Looks for the agent in the order of WIRE 2.3. */
static void find_agent(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;
    struct stat st;

    read_url(loading, &loading->agent_url, "DD_TRACE_AGENT_URL");
    read_host(loading, &loading->agent_hostname, "DD_TRACE_AGENT_HOSTNAME");
    read_host(loading, &loading->agent_host, "DD_AGENT_HOST");
    config->agent_configured = true;
    config->agent_named = loading->agent_url        ? LLMOBS_AGENT_BY_URL
                          : loading->agent_hostname ? LLMOBS_AGENT_BY_HOSTNAME
                          : has_host(loading)       ? LLMOBS_AGENT_BY_HOST
                                                    : LLMOBS_AGENT_UNNAMED;
    if (loading->agent_url) {
        llmobs_config_set(loading, &config->agent_url,
                          llmobs_text_of(loading->agent_url));
    } else if (!has_host(loading) && stat(AGENT_SOCKET, &st) == 0) {
        llmobs_config_set(loading, &config->agent_url,
                          llmobs_text_of("unix://" AGENT_SOCKET));
    } else {
        config->agent_url = host_url(loading);
        config->agent_configured = has_host(loading);
    }
}

/* -- the intake ----------------------------------------------------------- */

/* Datadog's sites, by the short names that its pages have for them. */
static const char *const sites[][2] = {
    {"us3", "us3.datadoghq.com"}, {"us5", "us5.datadoghq.com"},
    {"ap1", "ap1.datadoghq.com"}, {"ap2", "ap2.datadoghq.com"},
    {"us", LLMOBS_SITE},          {"eu", "datadoghq.eu"},
    {"gov", "ddog-gov.com"},
};

const char *llmobs_config_site(const char *site, bool *known)
{
    const char *meant = NULL;

    *known = false;
    for (size_t i = 0; i < sizeof(sites) / sizeof(*sites) && !meant; i++) {
        const char *name = sites[i][0], *full = sites[i][1];

        *known = strcasecmp(site, full) == 0;
        if (*known || strcasestr(site, full) ||
            strncasecmp(site, name, strlen(name)) == 0)
            meant = full;
    }
    return meant;
}

/* Reports a wrong site, and does not replace it: the data must not go to a site
 * that the user did not name (WIRE 3.2, DD_SITE). An unknown one matters only
 * where a key would go there. */
static void read_site(struct llmobs_config_loading *loading)
{
    char **site = &loading->config.site;
    struct llmobs_text text = llmobs_text_trim(llmobs_text_of(*site));
    static const char government[] = "ddog-gov.com";
    const size_t more = sizeof(government) - 1;
    const char *meant;
    size_t len;
    bool known;

    if (text.len == 0)
        text = llmobs_text_of(LLMOBS_SITE);
    llmobs_config_set(loading, site, text);
    if (loading->no_memory)
        return;
    meant = llmobs_config_site(*site, &known);
    len = strlen(*site);
    if (len >= more && strcasecmp(*site + len - more, government) == 0 &&
        (len == more || (*site)[len - more - 1] == '.'))
        llmobs_config_complain(
            loading, "DD_SITE: LLM Observability is not available on %s",
            *site);
    else if (!known && (loading->config.api_key || strpbrk(*site, "/?#@\\") ||
                        !llmobs_config_is_clean(llmobs_text_of(*site), false)))
        llmobs_config_complain(loading,
                               "DD_SITE: no site of Datadog that is known "
                               "(datadoghq.com, us3.datadoghq.com, "
                               "us5.datadoghq.com, datadoghq.eu, "
                               "ap1.datadoghq.com, ap2.datadoghq.com)%s%s",
                               meant ? "; perhaps it is " : "",
                               meant ? meant : "");
}

/* The value goes into a header. A value with a control character is refused,
 * because it could end the header's line. */
static void read_secret(struct llmobs_config_loading *loading, char **text,
                        const char *name)
{
    struct llmobs_text trimmed = llmobs_text_trim(llmobs_text_of(*text));

    if (!*text)
        return;
    if (trimmed.len > 0 && llmobs_config_is_clean(trimmed, true)) {
        llmobs_config_set(loading, text, trimmed);
        return;
    }
    if (trimmed.len > 0)
        llmobs_config_complain(loading, "%s: control characters in its value",
                               name);
    llmobs_config_unset(text);
}

bool llmobs_config_names_datadog(const struct llmobs_config_loading *loading)
{
    const struct llmobs_config *config = &loading->config;

    return loading->agent_url || has_host(loading) || config->api_key ||
           config->agentless >= 0 || config->override_origin ||
           strstr(config->exporter, "agent");
}

/* -- requests that are never observed -------------------------------------- */

/* A request to one of these URLs is the user's own telemetry, not an LLM call.
 * An agent with a Unix socket also listens on its port. */
static void list_never_urls(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;
    const char *const *otlp =
        (const char *const *)loading->otlp[LLMOBS_OTLP_ENDPOINT];
    const char *urls[] = {config->agent_url,
                          config->override_origin,
                          otlp[0],
                          otlp[1 + LLMOBS_SIGNAL_TRACES],
                          otlp[1 + LLMOBS_SIGNAL_METRICS],
                          otlp[1 + LLMOBS_SIGNAL_LOGS]};
    size_t n = sizeof(urls) / sizeof(*urls), at = 0;

    config->never_urls = calloc(n + 2, sizeof(char *));
    if (!config->never_urls) {
        loading->no_memory = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (urls[i] && llmobs_config_is_http(urls[i]))
            llmobs_config_set(loading, &config->never_urls[at++],
                              llmobs_text_of(urls[i]));
    }
    if (!config->agent_url || !llmobs_config_is_http(config->agent_url) ||
        (loading->agent_url && has_host(loading)))
        config->never_urls[at] = host_url(loading);
}

void llmobs_config_read_peers(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;
    const char *bundle = loading->ssl_cert_file ? loading->ssl_cert_file
                                                : loading->curl_ca_bundle;

    find_agent(loading);
    read_secret(loading, &config->api_key, "DD_API_KEY");
    read_site(loading);
    read_url(loading, &config->override_origin, "DD_LLMOBS_OVERRIDE_ORIGIN");
    read_secret(loading, &config->external_env, "DD_EXTERNAL_ENV");
    if (!config->ca_file && bundle)
        llmobs_config_set(loading, &config->ca_file, llmobs_text_of(bundle));
    list_never_urls(loading);
}
