/* Loads a case of tests/rules or tests/rare. */
#include "tests/unit/rule_case.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/span/allowlist.h"
#include "lib/span/vectors.h"

/* Ends the line at `at` with a NUL and answers where the next begins. */
static char *take_line(char *at)
{
    char *end = strchr(at, '\n');

    if (!end)
        return at + strlen(at);
    *end = '\0';
    return end + 1;
}

/* Splits "Name: value" lines up to the blank one; answers the body. */
static char *take_headers(char *at,
                          const char *(*kept)(const char *name, size_t len),
                          struct llmobs_header *list, size_t *count)
{
    *count = 0;
    while (*at && *at != '\n') {
        char *next = take_line(at), *colon = strchr(at, ':');

        if (colon && kept(at, (size_t)(colon - at)) &&
            *count < RULE_CASE_HEADERS_MAX) {
            *colon = '\0';
            for (char *c = at; *c; c++)
                if (*c >= 'A' && *c <= 'Z')
                    *c = (char)(*c + 32);
            list[*count].name = at;
            list[(*count)++].value = colon + 1 + strspn(colon + 1, " ");
        }
        at = next;
    }
    return *at ? at + 1 : at;
}

static const char *kept_of_request(const char *name, size_t len)
{
    const char *found = llmobs_allowlist_header(name, len);

    return found ? found : llmobs_allowlist_tag(name, len);
}

/* Keeps the request's header list as it is. */
static void keep_lines(struct rule_case *c, const char *at)
{
    while (*at && *at != '\n' && c->line_count < RULE_CASE_HEADERS_MAX) {
        size_t len = strcspn(at, "\n");

        c->lines[c->line_count++] = strndup(at, len);
        at += len + (at[len] == '\n');
    }
}

static bool flag(const struct llmobs_json *config, const char *key, bool fall)
{
    const struct llmobs_json *value = llmobs_json_get(config, key);

    return value ? llmobs_json_is_true(value) : fall;
}

/* Leaves the ends of a body that is longer than both. */
static bool cut(struct llmobs_text *head, struct llmobs_text *tail, size_t edge)
{
    if (edge == 0 || head->len <= 2 * edge)
        return false;
    tail->data = head->data + head->len - edge;
    tail->len = edge;
    head->len = edge;
    return true;
}

static int split(struct rule_case *c)
{
    struct llmobs_call *call = &c->call;
    char *at = c->request.data, *next, *space;
    size_t edge =
        (size_t)llmobs_json_to_int(llmobs_json_get(c->config, "edge"));

    next = at ? take_line(at) : NULL;
    space = at ? strchr(at, ' ') : NULL;
    if (!space)
        return -EINVAL;
    *space = '\0';
    call->method = at;
    call->url = space + 1;
    call->request_headers = c->headers[0];
    keep_lines(c, next);
    at = take_headers(next, kept_of_request, c->headers[0],
                      &call->request_header_count);
    call->request = (struct llmobs_text){
        at, c->request.len - (size_t)(at - c->request.data)};
    call->transport_ok = flag(c->config, "transport", true);
    call->encoded = llmobs_json_gets(c->config, "encoded");
    call->multipart = flag(c->config, "multipart", false);
    call->request_truncated = cut(&call->request, &call->request_tail, edge);
    if (call->multipart) /* libcurl's own form has no body */
        call->request = (struct llmobs_text){NULL, 0};
    if (c->response.len == 0)
        return 0;
    at = c->response.data;
    next = take_line(at);
    if (sscanf(at, "HTTP/%*s %ld", &call->status) != 1)
        return -EINVAL;
    call->response_headers = c->headers[1];
    at = take_headers(next, llmobs_allowlist_answer, c->headers[1],
                      &call->response_header_count);
    call->response = (struct llmobs_text){
        at, c->response.len - (size_t)(at - c->response.data)};
    call->response_size = call->response.len;
    call->response_truncated = cut(&call->response, &call->response_tail, edge);
    return 0;
}

static bool match_signs(struct rule_case *c,
                        const struct llmobs_request *request)
{
    for (size_t i = 0; i < c->line_count; i++)
        if (llmobs_rules_is_sign(c->rules, c->lines[i]) &&
            llmobs_rules_match_sign(c->rules, request, c->lines[i], &c->match))
            return true;
    return false;
}

/* As the core does, before anything reads them. */
static void mask_vectors(struct rule_case *c)
{
    const struct llmobs_text texts[] = {c->call.request, c->call.request_tail,
                                        c->call.response,
                                        c->call.response_tail};

    if (!c->ours || !llmobs_rules_has_vectors(&c->match))
        return;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].len > 0)
            llmobs_vectors_mask((char *)(uintptr_t)texts[i].data, texts[i].len,
                                i % 2 == 0);
}

/* Of a form the fields are kept, as the core does. */
static void keep_fields(struct rule_case *c, const char *content_type)
{
    struct llmobs_form_parser *form;

    if (!c->ours || !c->match.form)
        return;
    c->call.multipart = true;
    form = llmobs_form_new(content_type);
    llmobs_body_init(&c->fields, LLMOBS_FORM_KEPT_MAX);
    if (form) {
        llmobs_form_feed(form, c->call.request.data, c->call.request.len,
                         &c->fields);
        llmobs_form_gap(form);
        llmobs_form_feed(form, c->call.request_tail.data,
                         c->call.request_tail.len, &c->fields);
    }
    llmobs_form_free(form);
    c->call.request = llmobs_body_head(&c->fields);
    c->call.request_tail = (struct llmobs_text){NULL, 0};
    c->call.request_truncated = false;
}

/* Of this header nothing is kept. */
static bool says_place(const struct rule_case *c)
{
    for (size_t i = 0; i < c->line_count; i++)
        if (strncmp(c->lines[i], "Last-Event-ID: ", 15) == 0)
            return true;
    return false;
}

static int classify(struct rule_case *c)
{
    const struct llmobs_json *rules = llmobs_json_get(c->config, "rules");
    char *text = rules ? llmobs_json_dumps(rules, 0) : NULL;
    struct llmobs_rules_config config = {
        .proxy_urls = RULE_CASE_PROXY,
        .rules_json = {text, text ? strlen(text) : 0},
        .vector = flag(c->config, "observe", true),
        .search = flag(c->config, "observe", true),
    };
    struct llmobs_request request = {
        .method = c->call.method,
        .url = c->call.url,
        .content_type =
            llmobs_header_find(c->call.request_headers,
                               c->call.request_header_count, "content-type"),
        .body = c->call.request,
        .body_pending = flag(c->config, "pending", false),
        .multipart = c->call.multipart,
    };

    request.says_form = llmobs_form_type(request.content_type);
    request.resumes = says_place(c);
    if (request.body_pending)
        request.body = (struct llmobs_text){NULL, 0};
    c->rules = llmobs_rules_new(&config);
    free(text);
    if (!c->rules)
        return -ENOMEM;
    c->ours = llmobs_rules_match(c->rules, &request, &c->match) ||
              (c->match.asks && match_signs(c, &request));
    if (c->ours && c->call.request.len == 0)
        c->call.request = llmobs_rules_query(&c->match, c->call.url);
    mask_vectors(c);
    keep_fields(c, request.content_type);
    return 0;
}

static int take_json(struct llmobs_text text, struct llmobs_json **out)
{
    return text.len > 0 ? llmobs_json_parse(text, out) : 0;
}

int rule_case_load(struct rule_case *c, const struct case_text *text)
{
    static const char names[] = "request\0answer\0settings\0span\0";
    const struct llmobs_text request = case_text_section(text, "request");
    const struct llmobs_text answer = case_text_section(text, "answer");
    int rc = 0;

    memset(c, 0, sizeof(*c));
    snprintf(c->where, sizeof(c->where), "%s", text->where);
    llmobs_buf_init(&c->request, SIZE_MAX);
    llmobs_buf_init(&c->response, SIZE_MAX);
    for (size_t i = 0; i < text->count; i++)
        if (!llmobs_words_have(names, text->sections[i].name))
            rc = -EINVAL;
    if (rc == 0)
        rc = llmobs_buf_add(&c->request, request.data, request.len);
    if (rc == 0)
        rc = llmobs_buf_add(&c->response, answer.data, answer.len);
    if (rc == 0)
        rc = take_json(case_text_section(text, "settings"), &c->config);
    if (rc == 0)
        rc = take_json(case_text_section(text, "span"), &c->expected);
    if (rc == 0)
        rc = split(c);
    return rc == 0 ? classify(c) : rc;
}

int rule_case_find(struct rule_case *c, const char *path)
{
    static char folder[1024]; /* whose texts these are */
    static struct case_texts texts;
    const char *name = strrchr(path, '/');
    size_t len = name ? (size_t)(name - path) : 0;
    const struct case_text *text;

    memset(c, 0, sizeof(*c));
    if (!name || len >= sizeof(folder))
        return -EINVAL;
    if (strlen(folder) != len || memcmp(folder, path, len) != 0) {
        case_texts_fini(&texts);
        snprintf(folder, sizeof(folder), "%.*s", (int)len, path);
        if (case_texts_read(&texts, folder) != 0)
            return -EINVAL;
    }
    text = case_texts_find(&texts, name + 1);
    return text ? rule_case_load(c, text) : -ENOENT;
}

void rule_case_fini(struct rule_case *c)
{
    while (c->line_count > 0)
        free(c->lines[--c->line_count]);
    llmobs_rules_free(c->rules);
    llmobs_body_fini(&c->fields);
    llmobs_buf_fini(&c->request);
    llmobs_buf_fini(&c->response);
    llmobs_json_free(c->config);
    llmobs_json_free(c->expected);
}

static struct llmobs_json *side(const struct llmobs_json *messages,
                                const struct llmobs_json *documents,
                                const char *value)
{
    struct llmobs_json *io = llmobs_json_object();

    if (documents)
        llmobs_json_set(io, "documents", llmobs_json_clone(documents));
    if (messages)
        llmobs_json_set(io, "messages", llmobs_json_clone(messages));
    llmobs_json_sets(io, "value", value);
    return io;
}

static void put_facts(const struct llmobs_span *span, struct llmobs_json *out)
{
    struct llmobs_facts none;
    struct llmobs_json *facts;
    struct llmobs_buf text;

    llmobs_span_facts_init(&none);
    llmobs_buf_init(&text, 1 << 20);
    if (llmobs_span_facts_write(&span->facts, &none, &text) == 0 &&
        llmobs_json_parse((struct llmobs_text){text.data, text.len}, &facts) ==
            0) {
        if (llmobs_json_len(facts) > 0)
            llmobs_json_set(out, "_call", llmobs_json_share(facts));
        llmobs_json_free(facts);
    }
    llmobs_buf_fini(&text);
}

static void put_job(const struct llmobs_job *job, struct llmobs_json *out)
{
    struct llmobs_json *value;

    if (job->part == LLMOBS_JOB_NONE)
        return;
    value = llmobs_json_object();
    llmobs_json_sets(value,
                     job->part == LLMOBS_JOB_BEGUN    ? "begun"
                     : job->part == LLMOBS_JOB_STREAM ? "stream"
                     : job->part == LLMOBS_JOB_DONE   ? "done"
                                                      : "asked",
                     job->id);
    if (job->metrics)
        llmobs_json_set(value, "metrics", llmobs_json_clone(job->metrics));
    if (job->metrics && job->alone)
        llmobs_json_set(value, "alone", llmobs_json_int(job->since_ns));
    llmobs_json_set(out, "job", value);
}

static void put_said(const struct llmobs_json *said, struct llmobs_json *out)
{
    struct llmobs_json *list = llmobs_json_array();

    for (void *it = llmobs_json_iter(said); it; it = llmobs_json_next(said, it))
        llmobs_json_add(list, llmobs_json_clone(llmobs_json_iter_value(it)));
    if (llmobs_json_len(list) > 0)
        llmobs_json_set(out, "said", llmobs_json_share(list));
    llmobs_json_free(list);
}

static struct llmobs_json *normal(const struct llmobs_span *span)
{
    struct llmobs_json *out = llmobs_json_object();
    struct llmobs_json *error;

    llmobs_json_sets(out, "kind", llmobs_kind_name(span->kind));
    llmobs_json_sets(out, "name", span->name);
    llmobs_json_sets(out, "model_name", span->model_name);
    llmobs_json_sets(out, "model_provider", span->model_provider);
    llmobs_json_sets(out, "integration", span->integration);
    llmobs_json_set(
        out, "input",
        side(span->input_messages, span->input_documents, span->input_value));
    llmobs_json_sets(out, "intent", span->intent);
    llmobs_json_set(out, "output",
                    side(span->output_messages, span->output_documents,
                         span->output_value));
    if (span->input_prompt)
        llmobs_json_set(llmobs_json_get(out, "input"), "prompt",
                        llmobs_json_clone(span->input_prompt));
    if (span->output_behind)
        llmobs_json_set(out, "output_behind",
                        llmobs_json_clone(span->output_behind));
    if (span->extra_tags)
        llmobs_json_set(out, "tags", llmobs_json_clone(span->extra_tags));
    put_said(span->said, out);
    llmobs_json_set(out, "metadata", llmobs_json_clone(span->metadata));
    llmobs_json_set(out, "metrics", llmobs_json_clone(span->metrics));
    if (span->tool_definitions)
        llmobs_json_set(out, "tool_definitions",
                        llmobs_json_clone(span->tool_definitions));
    put_facts(span, out);
    put_job(&span->job, out);
    if (span->failed) {
        error = llmobs_json_object();
        llmobs_json_sets(error, "type", span->error_type);
        llmobs_json_sets(error, "message", span->error_message);
        llmobs_json_set(out, "error", error);
    }
    llmobs_json_set(out, "complete", llmobs_json_bool(span->complete));
    if (span->proxied)
        llmobs_json_set(out, "proxied", llmobs_json_bool(true));
    if (span->streamed)
        llmobs_json_set(out, "streamed", llmobs_json_bool(true));
    if (span->input_dropped)
        llmobs_json_set(out, "input_dropped", llmobs_json_bool(true));
    if (span->output_dropped)
        llmobs_json_set(out, "output_dropped", llmobs_json_bool(true));
    return out;
}

struct llmobs_json *rule_case_read(const struct rule_case *c,
                                   const struct llmobs_call *call)
{
    struct llmobs_json *out = NULL;
    struct llmobs_span span;
    int rc = llmobs_span_init(&span);

    if (rc == 0)
        rc = c->ours ? llmobs_rules_read(&c->match, call, &span) : -ENOENT;
    if (rc == 0)
        out = normal(&span);
    if (rc == -ENOENT) {
        out = llmobs_json_object();
        llmobs_json_sets(out, "not_ours",
                         c->ours ? "not confirmed" : c->match.why);
    }
    llmobs_span_fini(&span);
    return out;
}
