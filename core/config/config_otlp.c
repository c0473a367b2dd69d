/* Reads OpenTelemetry's variables. */
#include "core/config/config_otlp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/config/config_peers.h"
#include "lib/base/floats.h"
#include "lib/text/json_clean.h"

int llmobs_otel_list_next(struct llmobs_text *rest, struct llmobs_text *key,
                          struct llmobs_text *value)
{
    struct llmobs_text member = {NULL, 0};

    while (member.len == 0 && llmobs_text_next(rest, &member))
        continue;
    if (member.len == 0)
        return 0;
    if (!memchr(member.data, '=', member.len))
        return -EINVAL;
    (void)llmobs_text_split(&member, '=', key);
    *key = llmobs_text_trim(*key);
    if (key->len == 0)
        return -EINVAL;
    *value = llmobs_text_trim(member);
    return 1;
}

bool llmobs_otel_list_plain(struct llmobs_text text)
{
    while (text.len) {
        uint32_t point;
        size_t len = llmobs_utf8_decode(text, &point);

        if (len == 0 || point < ' ' || (point >= 0x7f && point < 0xa0))
            return false;
        text.data += len;
        text.len -= len;
    }
    return true;
}

int llmobs_otel_list_decode(struct llmobs_text text, bool exact,
                            struct llmobs_buf *out)
{
    size_t begin = out->len;
    int rc = llmobs_buf_add(out, "", 0);

    for (size_t i = 0; i < text.len && !rc; i++) {
        int byte = text.data[i] == '%' ? llmobs_text_escape(text, i) : -1;

        if (byte >= 0)
            i += 2;
        else if (text.data[i] == '%' && exact)
            return -EINVAL;
        rc = llmobs_buf_addc(out, byte >= 0 ? (char)byte : text.data[i]);
    }
    if (rc)
        return rc;
    return llmobs_otel_list_plain(
               (struct llmobs_text){out->data + begin, out->len - begin})
               ? 0
               : -EINVAL;
}

#define BASE_URL "http://localhost:4318"
#define TIMEOUT_MS 10000
#define TIMEOUT_MAX 2147483647.0
#define GRPC_PORT "4317"
#define SAMPLERS (LLMOBS_OTLP_SAMPLER_RATIO + 1)
#define RESOURCE_MAX 16384 /* each event has the resource and the service */
#define SERVICE_MAX 1024
#define HALF 9223372036854775808.0 /* 2^63 */
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)
#define HEADERS_MAX TEXT(LLMOBS_CONFIG_LIST_MAX)

/* A column of the variables: first the general variable, then each signal's. */
#define GENERAL 0
#define COLUMN(signal) (1 + (signal))

static const char *const column_names[] = {
    [GENERAL] = "",
    [COLUMN(LLMOBS_SIGNAL_TRACES)] = "TRACES_",
    [COLUMN(LLMOBS_SIGNAL_METRICS)] = "METRICS_",
    [COLUMN(LLMOBS_SIGNAL_LOGS)] = "LOGS_",
};

static const char *const paths[] = {
    [LLMOBS_SIGNAL_TRACES] = "v1/traces",
    [LLMOBS_SIGNAL_METRICS] = "v1/metrics",
    [LLMOBS_SIGNAL_LOGS] = "v1/logs",
};

static const char *const part_names[] = {
    [LLMOBS_OTLP_ENDPOINT] = "ENDPOINT",
    [LLMOBS_OTLP_HEADERS] = "HEADERS",
    [LLMOBS_OTLP_PROTOCOL] = "PROTOCOL",
    [LLMOBS_OTLP_TIMEOUT] = "TIMEOUT",
    [LLMOBS_OTLP_COMPRESSION] = "COMPRESSION",
    [LLMOBS_OTLP_CERTIFICATE] = "CERTIFICATE",
    [LLMOBS_OTLP_CLIENT_CERTIFICATE] = "CLIENT_CERTIFICATE",
    [LLMOBS_OTLP_CLIENT_KEY] = "CLIENT_KEY",
    [LLMOBS_OTLP_INSECURE] = "INSECURE",
};

/* -- what is reported ----------------------------------------------------- */

/* The app's own telemetry also uses these variables. Mistakes in them are only
 * reported where this library may send by OTLP. */
static void complain(const struct llmobs_config_loading *loading,
                     const char *name, const char *why)
{
    const char *exporter = loading->config.exporter;
    char *const *endpoints = loading->otlp[LLMOBS_OTLP_ENDPOINT];

    if (strcmp(exporter, "auto") == 0
            ? endpoints[GENERAL] || endpoints[COLUMN(LLMOBS_SIGNAL_TRACES)]
            : strstr(exporter, "otlp") != NULL)
        llmobs_config_complain(loading, "%s: %s", name, why);
}

static void complain_of(const struct llmobs_config_loading *loading,
                        enum llmobs_otlp_part part, size_t column,
                        const char *why)
{
    char name[64];

    if (column == GENERAL && loading->otlp_reported)
        return;
    snprintf(name, sizeof(name), "OTEL_EXPORTER_OTLP_%s%s",
             column_names[column], part_names[part]);
    complain(loading, name, why);
}

/* -- the endpoint ---------------------------------------------------------- */

/* True for a URL to which the library can send a request. */
static bool is_endpoint(const char *url)
{
    struct llmobs_text text = llmobs_text_of(url);

    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.data[i] >= 0x7f)
            return false;
    }
    return llmobs_config_is_clean(text, false) && llmobs_config_is_http(url) &&
           llmobs_config_has_port(url);
}

/* True where the URL names gRPC's port. */
static bool has_grpc_port(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    struct llmobs_text place = {host, strcspn(host, "/?#")};
    static const char port[] = ":" GRPC_PORT;
    size_t len = sizeof(port) - 1;

    return place.len > len &&
           memcmp(place.data + place.len - len, port, len) == 0;
}

/* Gives the URL with its path: `path` behind the path of a base, else at least
 * "/". The query stays behind it, and the fragment is dropped. */
static char *with_path(struct llmobs_config_loading *loading, const char *url,
                       const char *path)
{
    const char *host = strstr(url, "://") + 3;
    size_t len = (size_t)(host - url) + strcspn(host, "?#");
    const char *query = url + len;
    const char *slash = memchr(host, '/', len - (size_t)(host - url));
    char *whole = NULL;

    while (path && slash && url[len - 1] == '/')
        len--;
    if (asprintf(&whole, "%.*s%s%s%.*s", (int)len, url,
                 path || !slash ? "/" : "", path ? path : "",
                 (int)strcspn(query, "#"), query) < 0) {
        loading->no_memory = true;
        return NULL;
    }
    return whole;
}

/* Trims the value, which core/config/config_peers.c also reads. */
static void trim_endpoint(struct llmobs_config_loading *loading, size_t column)
{
    char **url = &loading->otlp[LLMOBS_OTLP_ENDPOINT][column];

    if (!*url)
        return;
    llmobs_config_set(loading, url, llmobs_text_trim(llmobs_text_of(*url)));
    if (**url == '\0')
        llmobs_config_unset(url);
    else if (!is_endpoint(*url))
        complain_of(loading, LLMOBS_OTLP_ENDPOINT, column,
                    llmobs_config_is_http(*url) && !llmobs_config_has_port(*url)
                        ? "no port from 1 to 65535: nothing is sent"
                        : "no URL of http or https: nothing is sent");
}

/* With a bad URL the signal has no endpoint: the data and its keys must not go
 * to a place that the user did not name. */
static void read_endpoint(struct llmobs_config_loading *loading, size_t column,
                          const char *path, struct llmobs_otlp_signal *signal)
{
    const char *url = loading->otlp[LLMOBS_OTLP_ENDPOINT][column];

    if (!url)
        return;
    llmobs_config_unset(&signal->url);
    signal->given = is_endpoint(url);
    if (signal->given)
        signal->url = with_path(loading, url, path);
}

/* -- headers --------------------------------------------------------------- */

/* Adds the header, or replaces the header of that name. -EINVAL: it may not be
 * sent; -ENOSPC: the list is full. */
static int put_header(struct llmobs_config_loading *loading, char **list,
                      struct llmobs_text key, struct llmobs_text value)
{
    struct llmobs_buf plain;
    char *header = NULL;
    size_t at = 0;

    llmobs_buf_init(&plain, value.len + 1);
    if (llmobs_otel_list_decode(value, false, &plain) == 0)
        header = llmobs_config_header(
            loading, key, llmobs_text_trim(llmobs_buf_text(&plain)));
    llmobs_buf_fini(&plain);
    while (header && list[at] &&
           strncasecmp(list[at], header, key.len + 1) != 0)
        at++;
    if (!header || at == LLMOBS_CONFIG_LIST_MAX) {
        free(header);
        return header ? -ENOSPC : -EINVAL;
    }
    free(list[at]);
    list[at] = header;
    return 0;
}

static void read_signal_headers(struct llmobs_config_loading *loading,
                                size_t column, struct llmobs_text rest,
                                struct llmobs_otlp_signal *signal)
{
    struct llmobs_text key, value;
    bool bad = false, full = false;
    int rc;

    llmobs_config_free_list(signal->headers);
    signal->headers = calloc(LLMOBS_CONFIG_LIST_MAX + 1, sizeof(char *));
    if (!signal->headers) {
        loading->no_memory = true;
        return;
    }
    while ((rc = llmobs_otel_list_next(&rest, &key, &value)) != 0) {
        if (rc > 0)
            rc = put_header(loading, signal->headers, key, value);
        bad |= rc == -EINVAL;
        full |= rc == -ENOSPC;
    }
    if (bad)
        complain_of(loading, LLMOBS_OTLP_HEADERS, column,
                    "left out what is no header that may be added");
    if (full)
        complain_of(loading, LLMOBS_OTLP_HEADERS, column,
                    "left out what is beyond " HEADERS_MAX " headers");
}

/* -- a signal -------------------------------------------------------------- */

/* Overwrites the signal's present values by the variables of one column. A
 * blank word counts as unset. */
static void read_part(struct llmobs_config_loading *loading,
                      enum llmobs_otlp_part part, size_t column,
                      struct llmobs_otlp_signal *signal)
{
    char **const files[LLMOBS_OTLP_PARTS] = {
        [LLMOBS_OTLP_CERTIFICATE] = &signal->ca_file,
        [LLMOBS_OTLP_CLIENT_CERTIFICATE] = &signal->cert_file,
        [LLMOBS_OTLP_CLIENT_KEY] = &signal->key_file,
    };
    const char *text = loading->otlp[part][column];
    struct llmobs_text whole = llmobs_text_of(text),
                       word = llmobs_text_trim(whole);

    if (!text)
        return;
    if (part == LLMOBS_OTLP_HEADERS)
        read_signal_headers(loading, column, whole, signal);
    else if (part == LLMOBS_OTLP_PROTOCOL && word.len) {
        bool json = llmobs_text_is_word(word, "http/json"),
             grpc = llmobs_text_is_word(word, "grpc");

        if (json || grpc || llmobs_text_is_word(word, "http/protobuf")) {
            signal->json = json;
            signal->grpc = grpc;
        } else
            complain_of(loading, part, column, "unknown protocol");
        if (grpc)
            complain_of(loading, part, column,
                        "grpc is not spoken: http/protobuf is sent");
    } else if (part == LLMOBS_OTLP_TIMEOUT) {
        double value;

        if (llmobs_config_decimal(text, &value) && value >= 0 &&
            value <= TIMEOUT_MAX && !strchr(text, '.'))
            signal->timeout_ms = (int64_t)value;
        else
            complain_of(loading, LLMOBS_OTLP_TIMEOUT, column,
                        "no milliseconds");
    } else if (part == LLMOBS_OTLP_COMPRESSION && word.len) {
        bool gzip = llmobs_text_is_word(word, "gzip");

        if (gzip || llmobs_text_is_word(word, "none"))
            signal->gzip = gzip;
        else
            complain_of(loading, LLMOBS_OTLP_COMPRESSION, column,
                        "neither gzip nor none");
    }
    if (!files[part])
        return;
    llmobs_config_set(loading, files[part], whole);
    llmobs_config_absolute(files[part]);
}

static void read_column(struct llmobs_config_loading *loading, size_t column,
                        struct llmobs_otlp_signal *signal)
{
    for (int part = LLMOBS_OTLP_HEADERS; part <= LLMOBS_OTLP_CLIENT_KEY; part++)
        read_part(loading, (enum llmobs_otlp_part)part, column, signal);
}

/* For traces, only `none` without `otlp` switches off; the other signals need
 * `otlp`. The library knows no other exporter's name. */
static bool is_on(const struct llmobs_config_loading *loading,
                  enum llmobs_signal signal)
{
    struct llmobs_text rest = llmobs_text_of(loading->otel_exporter[signal]);
    struct llmobs_text word;
    bool otlp = false, none = false;

    while (llmobs_text_next(&rest, &word)) {
        otlp |= llmobs_text_is_word(word, "otlp");
        none |= llmobs_text_is_word(word, "none");
    }
    if (loading->otel_off)
        return false;
    return otlp || (signal == LLMOBS_SIGNAL_TRACES && !none);
}

/* Metrics and logs stay off if the protocol is gRPC, because then the variables
 * are meant for the program's own telemetry. For traces the exporter decides.
 */
static void read_signal(struct llmobs_config_loading *loading,
                        enum llmobs_signal i)
{
    struct llmobs_otlp_signal *signal = &loading->config.otlp.signals[i];
    size_t column = COLUMN(i);

    signal->timeout_ms = TIMEOUT_MS;
    signal->url = with_path(loading, BASE_URL, paths[i]);
    read_endpoint(loading, GENERAL, paths[i], signal);
    read_column(loading, GENERAL, signal);
    loading->otlp_reported = true;
    read_endpoint(loading, column, NULL, signal);
    read_column(loading, column, signal);
    signal->on = is_on(loading, i);
    signal->misplaced = signal->on && !signal->url;
    signal->on &= !signal->misplaced;
    if (!signal->url)
        signal->url = with_path(loading, BASE_URL, paths[i]);
    if (signal->url)
        signal->grpc |= has_grpc_port(signal->url);
    if (signal->grpc && i != LLMOBS_SIGNAL_TRACES)
        signal->on = false;
}

void llmobs_config_free_otlp(struct llmobs_otlp_config *otlp)
{
    for (size_t i = 0; i < LLMOBS_SIGNAL_COUNT; i++) {
        struct llmobs_otlp_signal *signal = &otlp->signals[i];

        llmobs_config_free_list(signal->headers);
        free(signal->url);
        free(signal->ca_file);
        free(signal->cert_file);
        free(signal->key_file);
    }
}

/* -- the rest -------------------------------------------------------------- */

/* True for a text that fits in each event. */
static bool is_attribute(struct llmobs_text text)
{
    struct llmobs_buf plain;
    int rc;

    llmobs_buf_init(&plain, text.len + 1);
    rc = llmobs_otel_list_decode(text, true, &plain);
    llmobs_buf_fini(&plain);
    return rc == 0;
}

/* OpenTelemetry, resource/sdk.md: an error discards the whole variable. */
static void check_resource(struct llmobs_config_loading *loading)
{
    struct llmobs_otlp_config *otlp = &loading->config.otlp;
    struct llmobs_text service = llmobs_text_of(otlp->service);
    struct llmobs_text rest = llmobs_text_of(otlp->resource), key, value;
    bool good = rest.len <= RESOURCE_MAX;
    int rc = 1;

    while (good && (rc = llmobs_otel_list_next(&rest, &key, &value)) > 0)
        good = is_attribute(key) && is_attribute(value);
    if (otlp->resource && rc != 0) {
        complain(loading, "OTEL_RESOURCE_ATTRIBUTES",
                 "not key=value,key=value: ignored as a whole");
        llmobs_config_unset(&otlp->resource);
    }
    if (service.len > SERVICE_MAX || !llmobs_otel_list_plain(service)) {
        llmobs_config_complain(loading, "OTEL_SERVICE_NAME: no name");
        llmobs_config_unset(&otlp->service);
    }
}

/* The row's words are the samplers, then the samplers that ask the parent
 * first. */
static void read_sampler(struct llmobs_config_loading *loading)
{
    struct llmobs_otlp_config *otlp = &loading->config.otlp;
    const char *arg = loading->sampler_arg;

    otlp->sampler =
        (enum llmobs_otlp_sampler)(loading->otel_sampler % SAMPLERS);
    otlp->parent_based = loading->otel_sampler >= SAMPLERS;
    otlp->sampler_flags =
        !llmobs_config_names_datadog(loading) && !loading->has_styles;
    otlp->sampler_ratio = 1;
    if (!arg || otlp->sampler != LLMOBS_OTLP_SAMPLER_RATIO)
        return;
    if (!llmobs_config_decimal(arg, &otlp->sampler_ratio) ||
        otlp->sampler_ratio < 0 || otlp->sampler_ratio > 1) {
        otlp->sampler_ratio = 1;
        complain(loading, "OTEL_TRACES_SAMPLER_ARG", "not 0 to 1: 1 is taken");
    }
}

/* OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT decides for this
 * destination if it is set, else LLMOBS_CONTENT=full if given. If content is
 * off everywhere, it is off here. */
static void choose_content(struct llmobs_config_loading *loading)
{
    struct llmobs_otlp_config *otlp = &loading->config.otlp;
    struct llmobs_text word =
        llmobs_text_trim(llmobs_text_of(loading->capture));
    bool both = llmobs_text_is_word(word, "SPAN_AND_EVENT"), by_file;
    bool full = loading->config.privacy.content == LLMOBS_CONTENT_FULL;
    bool asked =
        !loading->capture && llmobs_config_value(&loading->config, loading->env,
                                                 "LLMOBS_CONTENT", &by_file);
    bool logs = otlp->signals[LLMOBS_SIGNAL_LOGS].on;

    otlp->span_content =
        full &&
        (asked || both || llmobs_text_is_word(word, "SPAN_ONLY") ||
         llmobs_text_is_word(word, "true") || llmobs_text_is_word(word, "1"));
    otlp->event_content =
        full && logs &&
        (asked || both || llmobs_text_is_word(word, "EVENT_ONLY"));
    otlp->event_details = otlp->event_content && !asked;
    otlp->content_unasked = full && !asked && !loading->capture;
}

void llmobs_config_read_otlp(struct llmobs_config_loading *loading)
{
    struct llmobs_otlp_config *otlp = &loading->config.otlp;
    struct llmobs_otlp_signal *traces =
        &loading->config.otlp.signals[LLMOBS_SIGNAL_TRACES];

    for (size_t i = 0; i <= LLMOBS_SIGNAL_COUNT; i++)
        trim_endpoint(loading, i);
    for (size_t i = 0; i < LLMOBS_SIGNAL_COUNT; i++)
        read_signal(loading, (enum llmobs_signal)i);
    if (traces->url && traces->on && has_grpc_port(traces->url))
        complain(loading, "OTEL_EXPORTER_OTLP_ENDPOINT",
                 "port " GRPC_PORT " is gRPC's, which is not spoken; that of "
                 "OTLP by HTTP is 4318");
    check_resource(loading);
    read_sampler(loading);
    choose_content(loading);
    if (loading->span_value_max >= 0)
        otlp->value_max = loading->span_value_max;
    if (otlp->value_max < 0)
        otlp->value_max = INT64_MAX;
    if (loading->span_attribute_max > 0)
        otlp->attribute_max = loading->span_attribute_max;
    otlp->delta = loading->temporality != 0;
    if (otlp->semconv == LLMOBS_SEMCONV_1_37)
        otlp->semconv = LLMOBS_SEMCONV_1_41;
    if (loading->stability)
        complain(loading, "OTEL_SEMCONV_STABILITY_OPT_IN",
                 "without effect: LLMOBS_OTLP_SEMCONV picks the conventions");
}

/* -- the sampler ----------------------------------------------------------- */

LLMOBS_FLOATS_WITHIN static bool is_within(double ratio, uint64_t trace_lo)
{
    return ratio >= 1 || trace_lo >> 1 < (uint64_t)(ratio * HALF);
}

bool llmobs_otlp_samples(const struct llmobs_otlp_config *config,
                         uint64_t trace_lo)
{
    struct llmobs_floats floats;
    bool within;

    switch (config->sampler) {
    case LLMOBS_OTLP_SAMPLER_OFF:
        return false;
    case LLMOBS_OTLP_SAMPLER_RATIO:
        floats = llmobs_floats_begin();
        within = is_within(config->sampler_ratio, trace_lo);
        llmobs_floats_end(floats);
        return within;
    default:
        return true;
    }
}
