/* Prints spans in OTLP's JSON form, one a line, without network.
 *
 *   otlp-case [NAME=VALUE]... < EVENTS      of events, one a line
 *   otlp-case -r [NAME=VALUE]... < PATHS  of cases of tests/rules, read as
 * the core would; an empty line stands for a case that is no call
 *
 * NAME=VALUE  a variable of the configuration: the form, content, limits
 * -e          prints the events
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/export/otlp_traces.h"
#include "core/export/writer.h"
#include "tests/support/corpus_case.h"
#include "tests/unit/rule_case.h"

#define TEXT_MAX ((size_t)64 << 20)

static int print_span(const struct llmobs_config *config,
                      struct llmobs_text line)
{
    struct llmobs_otlp_writer writer;
    struct llmobs_json *event;
    struct llmobs_buf out;
    int rc = llmobs_json_parse(line, &event);

    if (rc)
        return rc;
    llmobs_buf_init(&out, TEXT_MAX);
    llmobs_otlp_begin(&writer, &out, true);
    llmobs_otlp_span(&writer, config, config->otlp.span_content, event);
    rc = llmobs_otlp_end(&writer);
    if (rc == 0)
        printf("%s\n", out.data);
    llmobs_buf_fini(&out);
    llmobs_json_free(event);
    return rc;
}

static struct llmobs_json *headers_of(const struct llmobs_header *list,
                                      size_t count)
{
    struct llmobs_json *headers = llmobs_json_object();

    for (size_t i = 0; i < count; i++)
        llmobs_json_sets(headers, list[i].name, list[i].value);
    return headers;
}

/* All fields of the request's header: one of them may show the call. */
static struct llmobs_json *lines_of(const struct rule_case *from)
{
    struct llmobs_json *headers = llmobs_json_object();
    char name[64];

    for (size_t i = 0; i < from->line_count; i++) {
        const char *line = from->lines[i];
        size_t len = strcspn(line, ":");

        if (len >= sizeof(name) || !line[len])
            continue;
        snprintf(name, sizeof(name), "%.*s", (int)len, line);
        llmobs_json_sets(headers, name,
                         line + len + 1 + strspn(line + len + 1, " "));
    }
    return headers;
}

/* A body of which a case gives the reader the ends alone. */
static struct llmobs_text whole(struct llmobs_text head,
                                struct llmobs_text tail)
{
    if (tail.len)
        head.len = (size_t)(tail.data + tail.len - head.data);
    return head;
}

static int add_text(struct llmobs_buf *to, struct llmobs_text text)
{
    return llmobs_buf_add(to, text.data, text.len);
}

/* As if the case were a recorded exchange; both are due a fini. */
static int as_recorded(const struct rule_case *from, struct corpus_case *to)
{
    const struct llmobs_call *call = &from->call;
    int rc;

    memset(to, 0, sizeof(*to));
    llmobs_buf_init(&to->request_body, TEXT_MAX);
    llmobs_buf_init(&to->response_body, TEXT_MAX);
    to->multipart = call->multipart;
    to->request = llmobs_json_object();
    to->response = llmobs_json_object();
    rc = llmobs_json_sets(to->request, "url", call->url);
    if (rc == 0)
        rc = llmobs_json_sets(to->request, "method", call->method);
    if (rc == 0)
        rc = llmobs_json_set(to->request, "headers", lines_of(from));
    if (rc == 0)
        rc = llmobs_json_set(
            to->response, "headers",
            headers_of(call->response_headers, call->response_header_count));
    if (rc == 0)
        rc = llmobs_json_set(to->response, "status",
                             llmobs_json_int(call->status));
    if (rc == 0)
        rc = add_text(&to->request_body,
                      whole(call->request, call->request_tail));
    if (rc == 0)
        rc = add_text(&to->response_body,
                      whole(call->response, call->response_tail));
    return rc;
}

/* Appends the event of a case; -ENOENT: its call has none. */
static int read_case(const struct llmobs_config *config, const char *path,
                     struct llmobs_buf *event)
{
    struct corpus_case recorded = {0};
    struct rule_case c;
    const char *why;
    int rc = rule_case_find(&c, path);

    if (rc == 0)
        rc = as_recorded(&c, &recorded);
    if (rc == 0)
        rc = corpus_case_event(&recorded, c.rules, config, event, &why);
    corpus_case_fini(&recorded);
    rule_case_fini(&c);
    return rc;
}

static int print_case(const struct llmobs_config *config, const char *path,
                      bool span)
{
    struct llmobs_buf event;
    int rc;

    llmobs_buf_init(&event, TEXT_MAX);
    rc = read_case(config, path, &event);
    if (rc == 0 && !span)
        printf("%s\n", event.data);
    else if (rc == 0)
        rc = print_span(config, (struct llmobs_text){event.data, event.len});
    llmobs_buf_fini(&event);
    if (rc != -ENOENT)
        return rc;
    putchar('\n');
    return 0;
}

static int print_lines(const struct llmobs_config *config, bool cases,
                       bool spans)
{
    size_t cap = 0;
    char *line = NULL;
    ssize_t len;
    int bad = 0;

    while ((len = getline(&line, &cap, stdin)) > 0) {
        int rc;

        line[strcspn(line, "\n")] = '\0';
        rc = cases
                 ? print_case(config, line, spans)
                 : print_span(config, (struct llmobs_text){line, strlen(line)});
        if (rc)
            fprintf(stderr, "%.200s: %s\n", line, strerror(-rc));
        bad |= rc != 0;
    }
    free(line);
    return bad;
}

int main(int argc, char **argv)
{
    static const char *const fixed[] = {
        "DD_LLMOBS_ENABLED=1", "DD_LLMOBS_ML_APP=cases", "DD_SERVICE=cases"};
    const size_t own = sizeof(fixed) / sizeof(*fixed);
    const char **env = calloc(own + (size_t)argc + 1, sizeof(*env));
    bool cases = false, spans = true;
    struct llmobs_config *config;
    int option, bad = 0;

    while ((option = getopt(argc, argv, "re")) != -1) {
        cases |= option == 'r';
        spans &= option != 'e';
        bad |= option == '?';
    }
    if (bad || !env)
        return 2;
    memcpy(env, fixed, sizeof(fixed));
    memcpy(env + own, argv + optind, (size_t)(argc - optind) * sizeof(*env));
    config = llmobs_config_load(env, NULL, NULL);
    bad = config ? print_lines(config, cases, spans) : 2;
    llmobs_config_free(config);
    free(env);
    return bad;
}
