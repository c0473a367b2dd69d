/* Builds OTLP requests, and reads what receivers answer. */
#include "core/export/otlp_route.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/log.h"
#include "lib/base/network.h"
#include "core/export/target.h"
#include "core/export/fields.h"
#include "core/export/letters.h"
#include "lib/text/gzip.h"
#include "lib/text/json.h"
#include "lib/text/json_clean.h"
#include "lib/span/mask.h"
#include "llmobs.h"

/* How much of the receiver's words is read. */
#define WORDS_MAX ((size_t)4096)

/* -- protobuf -------------------------------------------------------------- */

/* A field: its number, and its value by its wire type. */
struct field {
    uint64_t number;
    enum llmobs_otlp_wire wire;
    uint64_t value;           /* WIRE_VARINT */
    struct llmobs_text bytes; /* WIRE_BYTES */
};

static bool read_varint(struct llmobs_text *in, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 70 && in->len; shift += 7) {
        unsigned char byte = (unsigned char)*in->data++;

        in->len--;
        *out |= shift < 64 ? (uint64_t)(byte & 0x7F) << shift : 0;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool read_bytes(struct llmobs_text *in, uint64_t len,
                       struct llmobs_text *out)
{
    if (len > in->len)
        return false;
    *out = (struct llmobs_text){in->data, (size_t)len};
    in->data += len;
    in->len -= (size_t)len;
    return true;
}

/* 1: a field; 0: the end of the message; -EINVAL: it is cut, or not a message.
 */
static int read_field(struct llmobs_text *in, struct field *out)
{
    uint64_t tag, len;
    bool there;

    if (in->len == 0)
        return 0;
    if (!read_varint(in, &tag) || tag >> 3 == 0)
        return -EINVAL;
    out->number = tag >> 3;
    out->wire = (enum llmobs_otlp_wire)(tag & 7);
    switch (out->wire) {
    case WIRE_VARINT:
        there = read_varint(in, &out->value);
        break;
    case WIRE_BYTES:
        there = read_varint(in, &len) && read_bytes(in, len, &out->bytes);
        break;
    case WIRE_FIXED64:
        there = read_bytes(in, 8, &out->bytes);
        break;
    case WIRE_FIXED32:
        there = read_bytes(in, 4, &out->bytes);
        break;
    default:
        return -EINVAL;
    }
    return there ? 1 : -EINVAL;
}

/* Finds the last field with the number and type. */
static int find_field(struct llmobs_text in, uint64_t number,
                      enum llmobs_otlp_wire wire, struct field *out)
{
    struct field field;
    int rc;

    while ((rc = read_field(&in, &field)) > 0)
        if (field.number == number && field.wire == wire)
            *out = field;
    return rc;
}

/* -- the words ------------------------------------------------------------- */

/* Sets a line without secrets; empty when memory runs out. Masking looks at
 * bytes and may cut a character, so the text is made UTF-8 last. */
static void set_words(struct llmobs_otlp_answer *answer,
                      struct llmobs_text words)
{
    struct llmobs_buf line, masked, clean;
    size_t len;

    llmobs_buf_init(&line, WORDS_MAX);
    llmobs_buf_init(&masked, 4 * WORDS_MAX);
    llmobs_buf_init(&clean, 16 * WORDS_MAX);
    if (words.len > WORDS_MAX)
        words.len = WORDS_MAX;
    if (words.len && llmobs_buf_add(&line, words.data, words.len) == 0) {
        for (size_t i = 0; i < line.len; i++)
            if ((unsigned char)line.data[i] < ' ' || line.data[i] == 0x7F)
                line.data[i] = ' ';
        if (llmobs_mask_text(line.data, &masked) == 0)
            (void)llmobs_letters_add(&clean, LLMOBS_QUOTED_NOT,
                                     llmobs_buf_text(&masked));
    }
    len = clean.len;
    if (len >= sizeof(answer->message))
        len = llmobs_utf8_fit(clean.data, sizeof(answer->message) - 1);
    if (len)
        memcpy(answer->message, clean.data, len);
    answer->message[len] = '\0';
    llmobs_buf_fini(&line);
    llmobs_buf_fini(&masked);
    llmobs_buf_fini(&clean);
}

static void set_rejected(struct llmobs_otlp_answer *answer, int64_t rejected)
{
    answer->rejected = rejected > 0 ? rejected : 0;
}

/* -- the answers ----------------------------------------------------------- */

/* A number, or its decimal text; 0 for any other value. */
static int64_t integer_of(const struct llmobs_json *json)
{
    const char *text = llmobs_json_text(json);

    return text ? strtoll(text, NULL, 10) : llmobs_json_to_int(json);
}

int llmobs_otlp_read_answer(struct llmobs_text body, bool json,
                            struct llmobs_otlp_answer *answer)
{
    struct llmobs_json *value;
    int rc;

    memset(answer, 0, sizeof(*answer));
    if (!json || body.len == 0) {
        /* Export...ServiceResponse has the field partial_success = 1, which has
         * rejected_... = 1 and error_message = 2. */
        struct field partial = {0}, rejected = {0}, words = {0};
        int inner;

        rc = find_field(body, 1, WIRE_BYTES, &partial);
        inner = find_field(partial.bytes, 1, WIRE_VARINT, &rejected);
        (void)find_field(partial.bytes, 2, WIRE_BYTES, &words);
        set_rejected(answer, (int64_t)rejected.value);
        set_words(answer, words.bytes);
        return rc ? rc : inner;
    }
    rc = llmobs_json_parse(body, &value);
    if (rc == 0) {
        static const char *const names[] = {
            "rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"};
        const struct llmobs_json *partial =
            llmobs_json_get(value, "partialSuccess");
        const char *words = llmobs_json_gets(partial, "errorMessage");

        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
            const struct llmobs_json *rejected =
                llmobs_json_get(partial, names[i]);

            if (rejected)
                set_rejected(answer, integer_of(rejected));
        }
        set_words(answer, llmobs_text_of(words));
        rc = llmobs_json_is_object(value) ? 0 : -EINVAL;
    }
    llmobs_json_free(value);
    return rc ? -EINVAL : 0;
}

/* google.rpc.Status has the field message = 2. */
int llmobs_otlp_read_refusal(struct llmobs_text body, bool json,
                             struct llmobs_otlp_answer *answer)
{
    struct field words = {0};
    struct llmobs_json *value;
    const char *text;
    int rc;

    memset(answer, 0, sizeof(*answer));
    if (!json) {
        rc = find_field(body, 2, WIRE_BYTES, &words);
        if (rc == 0)
            set_words(answer, words.bytes);
        return rc;
    }
    rc = llmobs_json_parse(body, &value);
    text = rc ? NULL : llmobs_json_gets(value, "message");
    set_words(answer, llmobs_text_of(text));
    llmobs_json_free(value);
    return text ? 0 : -EINVAL;
}

#define USER_AGENT \
    "llmobs/" LLMOBS_VERSION " OTel-OTLP-Exporter-C/" LLMOBS_VERSION
#define KEPT ((size_t)1024 * 1024)
/* A request without its own time limit ends after a day. */
#define NO_LIMIT_MS (INT64_C(86400) * 1000)

static const struct llmobs_backoff backoff = {.first_ms = 1000,
                                              .most_ms = 30000,
                                              .growth = 150,
                                              .jitter = 100,
                                              .firm = true};

/* -- life ---------------------------------------------------------------- */

/* True for a receiver on this host or network: a TLS handshake takes longer
 * than an exit waits for such a neighbour. */
static bool is_near(const char *url)
{
    struct llmobs_target target;

    return llmobs_target_parse(url, NULL, &target) == 0 &&
           strcmp(target.scheme, "http") == 0 &&
           llmobs_network_private_host(target.host);
}

int llmobs_otlp_route_init(struct llmobs_otlp_route *route,
                           struct llmobs_exporter *exporter,
                           const struct llmobs_config *config,
                           enum llmobs_signal kind,
                           const struct llmobs_post_form *form,
                           struct llmobs_http *http, const char *events)
{
    static const char *const reserved[] = {"User-Agent", "Host", NULL};
    const struct llmobs_otlp_signal *signal = &config->otlp.signals[kind];
    bool near = is_near(signal->url);
    struct llmobs_post *post = &route->post;
    struct llmobs_http_request *request = &post->request;

    memset(route, 0, sizeof(*route));
    route->signal = signal;
    route->own_http = !http;
    llmobs_buf_init(&route->body, LLMOBS_POST_BODY_MAX);
    llmobs_buf_init(&route->plain, LLMOBS_POST_BODY_MAX);
    llmobs_post_init(post, exporter, config);
    post->form = form;
    post->http = http ? http : llmobs_http_new(config);
    post->events = events;
    post->body = &route->body;
    post->silent_ms = near ? LLMOBS_SILENT_NEAR_MS : LLMOBS_SILENT_FAR_MS;
    post->room = LLMOBS_OTLP_REQUEST_MAX;
    if (config->otlp.batch_max > 0 &&
        config->otlp.batch_max < (int64_t)post->limit)
        post->limit = post->most = (size_t)config->otlp.batch_max;
    request->url = signal->url;
    request->local = near;
    request->timeout_ms =
        signal->timeout_ms > 0 ? signal->timeout_ms : NO_LIMIT_MS;
    request->user_agent = USER_AGENT;
    request->ca_file = signal->ca_file;
    request->cert_file = signal->cert_file;
    request->key_file = signal->key_file;
    request->body_max = LLMOBS_OTLP_ANSWER_MAX;
    exporter->backoff = &backoff;
    exporter->wants_warm = !near;
    atomic_store(&exporter->remote, true);
    atomic_store(&exporter->exit_ms,
                 near ? LLMOBS_EXIT_AGENT_MS : LLMOBS_EXIT_INTAKE_MS);
    post->peer.url = strdup(signal->url);
    if (!post->http || !post->peer.url)
        return -ENOMEM;
    llmobs_post_add_header(post, "Content-Type: ",
                           signal->json ? "application/json"
                                        : "application/x-protobuf");
    if (signal->gzip)
        llmobs_post_add_header(post, "Content-Encoding: ", "gzip");
    return llmobs_post_add_headers(post, signal->headers, reserved);
}

void llmobs_otlp_route_fini(struct llmobs_otlp_route *route)
{
    if (route->own_http)
        llmobs_http_free(route->post.http);
    llmobs_post_fini(&route->post);
    llmobs_buf_fini(&route->body);
    llmobs_buf_fini(&route->plain);
}

void llmobs_otlp_route_forget(struct llmobs_otlp_route *route)
{
    if (route->own_http)
        llmobs_http_forget(route->post.http);
    llmobs_buf_init(&route->body, LLMOBS_POST_BODY_MAX);
    llmobs_buf_init(&route->plain, LLMOBS_POST_BODY_MAX);
    llmobs_post_forget(&route->post);
}

/* -- requests ------------------------------------------------------------ */

struct llmobs_buf *llmobs_otlp_route_begin(struct llmobs_otlp_route *route)
{
    llmobs_buf_cut(&route->plain, 0);
    return route->signal->gzip ? &route->plain : &route->body;
}

int llmobs_otlp_route_end(struct llmobs_otlp_route *route, size_t count)
{
    struct llmobs_buf *plain = &route->plain;
    size_t len = route->signal->gzip ? plain->len : route->body.len;
    int rc = 0;

    if (len > LLMOBS_OTLP_REQUEST_MAX && count > 1)
        return -E2BIG;
    if (route->signal->gzip)
        rc = llmobs_gzip(llmobs_buf_text(plain), &route->body);
    if (plain->cap > KEPT)
        llmobs_buf_fini(plain);
    return rc;
}

/* -- events -------------------------------------------------------------- */

void llmobs_otlp_pick(struct llmobs_otlp_picked *picked,
                      struct llmobs_text event, size_t place)
{
    picked->places[picked->count] = place;
    picked->events[picked->count++] = event;
}

int llmobs_otlp_send_picked(struct llmobs_otlp_route *route,
                            const struct llmobs_otlp_picked *picked,
                            size_t count)
{
    size_t sent;
    int rc;

    if (picked->count == 0)
        return (int)count;
    rc = llmobs_post_send(&route->post, picked->events, picked->count);
    /* The caller expects the refused event to be the first. */
    if (rc == -EBADMSG && picked->places[0] > 0)
        return (int)picked->places[0];
    if (rc <= 0)
        return rc;
    sent = (size_t)rc;
    if (route->post.first_refused)
        llmobs_exporter_set_outcome(route->post.exporter, picked->places[0],
                                    LLMOBS_OUTCOME_REFUSED);
    /* A receiver does not say which records of a request it threw away. */
    for (size_t i = 0; i < (size_t)route->rejected && i < sent; i++)
        llmobs_exporter_set_outcome(route->post.exporter,
                                    picked->places[sent - 1 - i],
                                    LLMOBS_OUTCOME_REJECTED);
    return (int)(sent < picked->count ? picked->places[sent] : count);
}

/* -- answers ------------------------------------------------------------- */

enum llmobs_verdict llmobs_otlp_judge(long status)
{
    if (status >= 200 && status < 300)
        return LLMOBS_VERDICT_ACCEPTED;
    if (status == 429 || (status >= 502 && status <= 504))
        return LLMOBS_VERDICT_LATER;
    if (status < 400 ||
        (status >= 401 && status <= 407 && status != 402 && status != 406) ||
        status == 415)
        return LLMOBS_VERDICT_DENIED;
    return LLMOBS_VERDICT_REFUSED;
}

/* True for a body in one of the two forms of OTLP. */
static bool has_form(const struct llmobs_http_reply *reply, bool *json)
{
    *json = strcasecmp(reply->type, "application/json") == 0;
    return *json || strcasecmp(reply->type, "application/x-protobuf") == 0;
}

const char *llmobs_otlp_hint(struct llmobs_post *post,
                             const struct llmobs_http_reply *reply)
{
    struct llmobs_otlp_route *route = (struct llmobs_otlp_route *)post;
    struct llmobs_text body = llmobs_buf_text(&reply->body);
    struct llmobs_otlp_answer answer = {0};
    bool json;

    if (body.len == 0 || !has_form(reply, &json) ||
        llmobs_otlp_read_refusal(body, json, &answer) != 0 ||
        answer.message[0] == '\0')
        return NULL;
    (void)snprintf(route->words, sizeof(route->words), "%s", answer.message);
    return route->words;
}

/* True for a text that the log does not have yet. After LLMOBS_OTLP_SAID_MAX
 * texts the log gets no other text. */
static bool is_new(struct llmobs_otlp_route *route, const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < route->said_count; i++)
        if (route->said[i] == hash)
            return false;
    if (route->said_count == LLMOBS_OTLP_SAID_MAX)
        return false;
    route->said[route->said_count++] = hash;
    return true;
}

void llmobs_otlp_accepted(struct llmobs_post *post,
                          const struct llmobs_http_reply *reply, size_t count)
{
    struct llmobs_otlp_route *route = (struct llmobs_otlp_route *)post;
    struct llmobs_text body = llmobs_buf_text(&reply->body);
    struct llmobs_otlp_answer answer = {0};
    bool json;

    route->rejected = 0;
    if (body.len == 0)
        return;
    if (!has_form(reply, &json) ||
        llmobs_otlp_read_answer(body, json, &answer) != 0)
        llmobs_log_once(LLMOBS_LOG_INFO, "otlp answer",
                        "exporter %s: an answer of status %ld cannot be read: "
                        "it counts as accepted",
                        post->form->name, reply->status);
    if (answer.rejected > 0)
        route->rejected =
            answer.rejected > (int64_t)count ? (int64_t)count : answer.rejected;
    if ((!route->rejected && !*answer.message) ||
        !is_new(route, answer.message))
        return;
    if (route->rejected)
        llmobs_log(LLMOBS_LOG_ERROR,
                   "exporter %s: the receiver threw %lld %s away: %s",
                   post->form->name, (long long)route->rejected, post->events,
                   answer.message);
    else
        llmobs_log(LLMOBS_LOG_WARN, "exporter %s: the receiver warns: %s",
                   post->form->name, answer.message);
}
