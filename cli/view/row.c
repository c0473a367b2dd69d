#include "cli/view/row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shared/escape.h"
#include "cli/view/filter.h"

#define DETAIL_MAX (256u * 1024)
#define ERROR_TEXT 160

static int copy(char **field, const char *text)
{
    if (text == NULL)
        return 0;
    *field = strdup(text);
    return *field == NULL ? -ENOMEM : 0;
}

static int copy_shown(char **field, const char *text, size_t columns)
{
    struct llmobs_buf buf;
    int rc;

    if (text == NULL)
        return 0;
    llmobs_buf_init(&buf, DETAIL_MAX);
    rc = llmobs_escape_adds(&buf, text, columns);
    if (rc == 0 && buf.data == NULL)
        rc = llmobs_buf_adds(&buf, "");
    if (rc == 0) {
        *field = buf.data != NULL ? llmobs_buf_take(&buf, NULL) : strdup("");
        rc = *field == NULL ? -ENOMEM : 0;
    }
    llmobs_buf_fini(&buf);
    return rc;
}

/* A count; one that was not sent is unknown (-1), never 0. */
static int64_t count_of(const struct llmobs_json *metrics, const char *key)
{
    const struct llmobs_json *number = llmobs_json_get(metrics, key);
    double real;

    if (llmobs_json_is_int(number))
        return llmobs_json_to_int(number);
    if (!llmobs_json_is_number(number))
        return -1;
    real = llmobs_json_to_real(number);
    return real >= 0 && real < 9e15 ? (int64_t)real : -1;
}

static int read_error(struct llmobs_row *row, const struct llmobs_json *event)
{
    const struct llmobs_json *error =
        llmobs_json_get(llmobs_json_get(event, "meta"), "error");
    const char *type = llmobs_json_gets(error, "type");
    const char *message = llmobs_json_gets(error, "message");
    struct llmobs_buf buf;
    int rc = 0;

    row->failed = strcmp(llmobs_json_gets(event, "status") != NULL
                             ? llmobs_json_gets(event, "status")
                             : "",
                         "error") == 0;
    if (type == NULL)
        type = llmobs_filter_tag_of(event, "error_type");
    if (!row->failed || (type == NULL && message == NULL))
        return 0;
    llmobs_buf_init(&buf, DETAIL_MAX);
    if (type != NULL && *type != '\0')
        rc = llmobs_buf_adds(&buf, type);
    if (rc == 0 && buf.len > 0 && message != NULL && *message != '\0')
        rc = llmobs_buf_adds(&buf, ": ");
    if (rc == 0 && message != NULL)
        rc = llmobs_buf_add(&buf, message, strnlen(message, 4096));
    if (rc == 0 && buf.len > 0)
        rc = copy_shown(&row->error, buf.data, ERROR_TEXT);
    llmobs_buf_fini(&buf);
    return rc;
}

/* A line of detail while it is written: "in   user: text". */
struct detail {
    struct llmobs_buf *out;
    const char *side;
};

static int line(const struct detail *detail, const char *who, const char *text,
                size_t len)
{
    struct llmobs_text shown = {text, len};
    struct llmobs_buf *out = detail->out;
    int rc = llmobs_buf_addf(out, "%-4s ", detail->side);

    if (rc == 0 && who != NULL && *who != '\0') {
        rc = llmobs_escape_adds(out, who, 24);
        if (rc == 0)
            rc = llmobs_buf_adds(out, ": ");
    }
    if (rc == 0)
        rc = llmobs_escape_add(out, shown, LLMOBS_ROW_TEXT);
    return rc == 0 ? llmobs_buf_addc(out, '\n') : rc;
}

static int tool_line(const struct detail *detail, const char *role,
                     const struct llmobs_json *call)
{
    const char *name = llmobs_json_gets(call, "name");
    char *arguments = llmobs_json_dumps(llmobs_json_get(call, "arguments"), 0);
    struct llmobs_buf text;
    int rc;

    llmobs_buf_init(&text, LLMOBS_ROW_TEXT * 64);
    rc = llmobs_buf_addf(&text, "%.200s(%.4000s)", name != NULL ? name : "",
                         arguments != NULL ? arguments : "");
    if (rc == 0)
        rc = line(detail, role, text.data, text.len);
    llmobs_buf_fini(&text);
    free(arguments);
    return rc;
}

static int message_lines(const struct detail *detail,
                         const struct llmobs_json *message)
{
    const char *role = llmobs_json_gets(message, "role");
    const char *content = llmobs_json_gets(message, "content");
    const struct llmobs_json *calls = llmobs_json_get(message, "tool_calls");
    const struct llmobs_json *results =
        llmobs_json_get(message, "tool_results");
    int rc = 0;

    if (content != NULL && *content != '\0')
        rc = line(detail, role, content, strlen(content));
    for (size_t i = 0;
         rc == 0 && i < llmobs_json_len(calls) && i < LLMOBS_ROW_MESSAGES; i++)
        rc = tool_line(detail, role, llmobs_json_at(calls, i));
    for (size_t i = 0;
         rc == 0 && i < llmobs_json_len(results) && i < LLMOBS_ROW_MESSAGES;
         i++) {
        const char *text =
            llmobs_json_gets(llmobs_json_at(results, i), "result");

        if (text != NULL)
            rc = line(detail, role, text, strlen(text));
    }
    return rc;
}

/* Writes the last messages only, since an input repeats all earlier ones. */
static int messages_lines(const struct detail *detail,
                          const struct llmobs_json *messages)
{
    size_t count = llmobs_json_len(messages), skip;
    int rc = 0;

    skip = count > LLMOBS_ROW_MESSAGES ? count - LLMOBS_ROW_MESSAGES : 0;
    if (skip > 0)
        rc = llmobs_buf_addf(detail->out, "%-4s … %zu earlier\n", detail->side,
                             skip);
    for (size_t i = skip; rc == 0 && i < count; i++)
        rc = message_lines(detail, llmobs_json_at(messages, i));
    return rc;
}

static int documents_lines(const struct detail *detail,
                           const struct llmobs_json *documents)
{
    size_t count = llmobs_json_len(documents);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count && i < LLMOBS_ROW_MESSAGES; i++) {
        const char *text =
            llmobs_json_gets(llmobs_json_at(documents, i), "text");

        rc = line(detail, "document", text != NULL ? text : "",
                  text != NULL ? strlen(text) : 0);
    }
    if (rc == 0 && count > LLMOBS_ROW_MESSAGES)
        rc = llmobs_buf_addf(detail->out, "%-4s … %zu more\n", detail->side,
                             count - LLMOBS_ROW_MESSAGES);
    return rc;
}

static int side_lines(const struct detail *detail,
                      const struct llmobs_json *side)
{
    const char *value = llmobs_json_gets(side, "value");
    int rc = messages_lines(detail, llmobs_json_get(side, "messages"));

    if (rc == 0)
        rc = documents_lines(detail, llmobs_json_get(side, "documents"));
    if (rc == 0 && value != NULL)
        rc = line(detail, NULL, value, strlen(value));
    return rc;
}

static int read_detail(struct llmobs_row *row, const struct llmobs_json *meta)
{
    struct llmobs_buf out;
    struct detail in = {&out, "in"}, answer = {&out, "out"};
    int rc;

    llmobs_buf_init(&out, DETAIL_MAX);
    rc = side_lines(&in, llmobs_json_get(meta, "input"));
    if (rc == 0)
        rc = side_lines(&answer, llmobs_json_get(meta, "output"));
    if (rc == -EFBIG) /* the part that fits is shown */
        rc = 0;
    if (rc == 0 && out.len > 0)
        row->detail = llmobs_buf_take(&out, NULL);
    llmobs_buf_fini(&out);
    return rc;
}

static int read_ids(struct llmobs_row *row, const struct llmobs_json *event)
{
    const char *parent = llmobs_json_gets(event, "parent_id");
    int rc;

    if (llmobs_json_gets(event, "trace_id") == NULL ||
        llmobs_json_gets(event, "span_id") == NULL)
        return -EINVAL;
    rc = copy(&row->trace_id, llmobs_json_gets(event, "trace_id"));
    if (rc == 0)
        rc = copy(&row->span_id, llmobs_json_gets(event, "span_id"));
    if (rc == 0 && parent != NULL && *parent != '\0' &&
        strcmp(parent, "undefined") != 0)
        rc = copy(&row->parent_id, parent);
    return rc;
}

static int read_texts(struct llmobs_row *row, const struct llmobs_json *event)
{
    const struct llmobs_json *meta = llmobs_json_get(event, "meta");
    const char *kind = llmobs_filter_kind(event);
    const char *name = llmobs_json_gets(event, "name");
    int rc = copy_shown(&row->name, name != NULL ? name : "", LLMOBS_ROW_NAME);

    if (rc == 0)
        rc = copy_shown(&row->kind, kind != NULL ? kind : "-", 12);
    if (rc == 0)
        rc = copy_shown(&row->model, llmobs_json_gets(meta, "model_name"),
                        LLMOBS_ROW_MODEL);
    if (rc == 0)
        rc = copy_shown(&row->ml_app, llmobs_filter_tag_of(event, "ml_app"),
                        LLMOBS_ROW_NAME);
    return rc == 0 ? read_error(row, event) : rc;
}

static void read_numbers(struct llmobs_row *row,
                         const struct llmobs_json *event)
{
    const struct llmobs_json *metrics = llmobs_json_get(event, "metrics");
    const struct llmobs_json *first =
        llmobs_json_get(metrics, "time_to_first_token");

    row->start_ns = llmobs_json_to_int(llmobs_json_get(event, "start_ns"));
    row->duration_ns = count_of(event, "duration");
    row->input_tokens = count_of(metrics, "input_tokens");
    row->output_tokens = count_of(metrics, "output_tokens");
    row->first_token =
        llmobs_json_is_number(first) ? llmobs_json_to_real(first) : -1;
}

int llmobs_row_new(const struct llmobs_json *event, bool wanted, bool messages,
                   struct llmobs_row **out)
{
    struct llmobs_row *row = calloc(1, sizeof *row);
    int rc;

    if (row == NULL)
        return -ENOMEM;
    row->wanted = wanted;
    rc = read_ids(row, event);
    if (rc == 0 && wanted) {
        read_numbers(row, event);
        rc = read_texts(row, event);
    }
    if (rc == 0 && wanted && messages)
        rc = read_detail(row, llmobs_json_get(event, "meta"));
    if (rc != 0) {
        llmobs_row_free(row);
        return rc;
    }
    *out = row;
    return 0;
}

int llmobs_row_below(struct llmobs_row *row, struct llmobs_text lines)
{
    size_t len = row->detail != NULL ? strlen(row->detail) : 0;
    char *detail = realloc(row->detail, len + lines.len + 1);

    if (detail == NULL)
        return -ENOMEM;
    memcpy(detail + len, lines.data, lines.len);
    detail[len + lines.len] = '\0';
    row->detail = detail;
    return 0;
}

void llmobs_row_free(struct llmobs_row *row)
{
    if (row == NULL)
        return;
    free(row->trace_id);
    free(row->span_id);
    free(row->parent_id);
    free(row->name);
    free(row->kind);
    free(row->model);
    free(row->ml_app);
    free(row->error);
    free(row->detail);
    free(row);
}
