/* Takes a recorded exchange through the core. */
#include "tests/support/corpus_case.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/encode.h"
#include "core/event/tags.h"
#include "core/event/to_span.h"
#include "core/trace/carrier.h"
#include "rules/read/base64.h"
#include "tests/support/case_file.h"

#define BODY_MAX ((size_t)64 << 20)

static int read_body(const struct llmobs_json *side, struct llmobs_buf *buf)
{
    const char *coded = llmobs_json_gets(side, "body_base64");
    const char *text = llmobs_json_gets(side, "body");

    llmobs_buf_init(buf, BODY_MAX);
    if (!coded)
        return llmobs_buf_adds(buf, text ? text : "");
    return llmobs_base64_decode((struct llmobs_text){coded, strlen(coded)},
                                buf);
}

int corpus_case_load(struct corpus_case *c, const char *dir)
{
    int rc;

    memset(c, 0, sizeof(*c));
    rc = case_file_json(dir, "request.json", &c->request);
    if (rc == 0)
        rc = case_file_json(dir, "response.json", &c->response);
    if (rc == 0 &&
        (!llmobs_json_gets(c->request, "url") ||
         !llmobs_json_gets(c->request, "method") ||
         !llmobs_json_is_int(llmobs_json_get(c->response, "status"))))
        rc = -EINVAL;
    if (rc == 0)
        rc = read_body(c->request, &c->request_body);
    if (rc == 0)
        rc = read_body(c->response, &c->response_body);
    return rc;
}

void corpus_case_fini(struct corpus_case *c)
{
    llmobs_json_free(c->request);
    llmobs_json_free(c->response);
    llmobs_buf_fini(&c->request_body);
    llmobs_buf_fini(&c->response_body);
}

static void keep_headers(const struct llmobs_json *side,
                         struct llmobs_headers *headers)
{
    const struct llmobs_json *from = llmobs_json_get(side, "headers");

    for (void *it = llmobs_json_iter(from); it;
         it = llmobs_json_next(from, it)) {
        const char *name = llmobs_json_iter_key(it);
        const char *value = llmobs_json_text(llmobs_json_iter_value(it));
        char line[8192];

        if (!value || strcmp(name, "content-encoding") == 0 ||
            strcmp(name, "transfer-encoding") == 0)
            continue;
        snprintf(line, sizeof(line), "%s: %s", name, value);
        llmobs_headers_add(headers, line, strlen(name));
        llmobs_headers_add_tag(headers, line, strlen(name));
    }
}

/* By a line of its header list, where method and URL do not show it. */
static bool match_signs(const struct corpus_case *c,
                        const struct llmobs_rules *rules,
                        const struct llmobs_request *request,
                        struct llmobs_match *match)
{
    const struct llmobs_json *from = llmobs_json_get(c->request, "headers");

    for (void *it = llmobs_json_iter(from); it;
         it = llmobs_json_next(from, it)) {
        const char *value = llmobs_json_text(llmobs_json_iter_value(it));
        char line[8192];

        snprintf(line, sizeof(line), "%s: %s", llmobs_json_iter_key(it),
                 value ? value : "");
        if (llmobs_rules_is_sign(rules, line) &&
            llmobs_rules_match_sign(rules, request, line, match))
            return true;
    }
    return false;
}

static bool classify(const struct corpus_case *c,
                     const struct llmobs_rules *rules,
                     struct llmobs_exchange *exchange)
{
    struct llmobs_request request = {
        .method = exchange->method,
        .url = exchange->url,
        .content_type =
            llmobs_header_find(exchange->request_headers.list,
                               exchange->request_headers.count, "content-type"),
        .multipart = c->multipart,
    };

    if (c->request_body.len)
        request.body =
            (struct llmobs_text){c->request_body.data, c->request_body.len};
    return llmobs_rules_match(rules, &request, &exchange->match) ||
           (exchange->match.asks &&
            match_signs(c, rules, &request, &exchange->match));
}

int corpus_case_exchange(const struct corpus_case *c,
                         const struct llmobs_rules *rules,
                         const struct llmobs_config *config,
                         struct llmobs_exchange **out, const char **why)
{
    struct llmobs_exchange *exchange =
        llmobs_exchange_new((size_t)config->capture_max);

    *why = NULL;
    *out = NULL;
    if (!exchange)
        return -ENOMEM;
    exchange->url = strdup(llmobs_json_gets(c->request, "url"));
    snprintf(exchange->method, sizeof(exchange->method), "%s",
             llmobs_json_gets(c->request, "method"));
    keep_headers(c->request, &exchange->request_headers);
    if (!exchange->url || !classify(c, rules, exchange)) {
        *why = exchange->match.why;
        llmobs_exchange_free(exchange);
        return -ENOENT;
    }
    llmobs_context_root(&exchange->context, config);
    (void)llmobs_body_add(&exchange->request, c->request_body.data,
                          c->request_body.len);
    keep_headers(c->response, &exchange->response_headers);
    llmobs_exchange_received(exchange, c->response_body.data,
                             c->response_body.len);
    exchange->multipart = c->multipart;
    exchange->status =
        (long)llmobs_json_to_int(llmobs_json_get(c->response, "status"));
    *out = exchange;
    return 0;
}

int corpus_case_event(const struct corpus_case *c,
                      const struct llmobs_rules *rules,
                      const struct llmobs_config *config,
                      struct llmobs_buf *event, const char **why)
{
    struct llmobs_exchange *exchange;
    struct llmobs_span span;
    int rc = corpus_case_exchange(c, rules, config, &exchange, why);

    if (rc)
        return rc;
    rc = llmobs_exchange_to_span(exchange, &span);
    if (rc == -ENOENT)
        *why = "not confirmed";
    if (rc == 0) {
        llmobs_tags_add_requested(&span, exchange->tags, config);
        rc = llmobs_encode_span(&span, config, event);
        llmobs_span_fini(&span);
    }
    llmobs_exchange_free(exchange);
    return rc;
}
