/* Fills a row from an event: words, numbers, links and facts. */
#include "cli/query/row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query/stored.h"

/* -- pieces --------------------------------------------------------------- */

/* Shares a text of the event among rows. Where memory runs out the field keeps
 * its value, and `texts` knows. */
static void share(struct llmobs_texts *texts, const char **field,
                  const char *text)
{
    const char *shared =
        texts->borrows ? text : llmobs_texts_share(texts, text);

    if (shared)
        *field = shared;
}

/* The same, unless the text is empty or NULL. */
static void share_full(struct llmobs_texts *texts, const char **field,
                       const char *text)
{
    if (llmobs_has_text(text))
        share(texts, field, text);
}

/* Copies a text, cut to `max` bytes, unless it is empty or NULL. */
static void copy(struct llmobs_texts *texts, const char **field,
                 const char *text, size_t max)
{
    if (llmobs_has_text(text))
        *field = llmobs_texts_copy(texts, text, llmobs_texts_cut(text, max));
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

/* -- words ---------------------------------------------------------------- */

/* The text of the user's last message that has a text; where the user has none,
 * the text of the last message that has a text. */
static const char *last_message(const struct llmobs_json *messages)
{
    const char *last = NULL;

    for (size_t i = llmobs_json_len(messages); i-- > 0;) {
        const struct llmobs_json *message = llmobs_json_at(messages, i);
        const char *text = llmobs_json_gets(message, "content");

        if (!text || *text == '\0')
            continue;
        /* A coding agent writes some words of its own in the name of its user.
         */
        if (llmobs_json_says(message, "role", "user") &&
            !(llmobs_text_begins(llmobs_text_of(text), "<system-reminder>") ||
              llmobs_text_begins(llmobs_text_of(text), "<task-notification>")))
            return text;
        if (!last)
            last = text;
    }
    return last;
}

/* Copies the first words of the input or the output. The value of a proxied
 * call is the JSON text of its messages. */
static void read_words(struct llmobs_texts *texts, const char **field,
                       const struct llmobs_json *side)
{
    const struct llmobs_json *messages = llmobs_json_get(side, "messages");
    const struct llmobs_json *documents = llmobs_json_get(side, "documents");
    const char *value = llmobs_json_gets(side, "value"), *words;
    struct llmobs_json *proxied = NULL;

    words = last_message(messages);
    if (!words)
        words = llmobs_json_gets(llmobs_json_at(documents, 0), "text");
    if (!words) /* the name of a tool that an answer without a text asks for */
        words = llmobs_json_gets(
            llmobs_json_at(
                llmobs_json_get(llmobs_json_at(messages, 0), "tool_calls"), 0),
            "name");
    if (!words && value && *value == '[' &&
        llmobs_json_parse(llmobs_text_of(value), &proxied) == 0)
        words = last_message(proxied);
    copy(texts, field, words ? words : value, LLMOBS_ROW_WORDS);
    llmobs_json_free(proxied);
}

/* -- parts ---------------------------------------------------------------- */

/* The span of a tool that nobody measured (core/event/linker.h). */
static bool is_inferred(const struct llmobs_json *event)
{
    const char *value = llmobs_stored_tag(event, "inferred");

    return value && strcmp(value, "true") == 0;
}

/* Reads by which a call is priced: the model that answered, unless that is but
 * a short form of its name, as in the bodies of Bedrock. */
static void read_price(struct llmobs_row *row, const struct llmobs_json *event,
                       struct llmobs_texts *texts)
{
    const struct llmobs_json *meta = llmobs_json_get(event, "meta");
    const struct llmobs_json *metadata = llmobs_json_get(meta, "metadata");
    const struct llmobs_json *others =
        llmobs_json_get(metadata, "usage_by_model");
    static const char loopback[] = "localhost\0::1\0"
                                   "0.0.0.0\0host.docker.internal\0";
    const char *host = llmobs_json_text(llmobs_stored_call(event, "host"));
    char *text = others ? llmobs_json_dumps(others, 0) : NULL;

    share_full(texts, &row->price_model, llmobs_json_gets(meta, "model_name"));
    if (!row->price_model ||
        (row->response_model && !strstr(row->price_model, row->response_model)))
        row->price_model =
            row->response_model ? row->response_model : row->model;
    if (text)
        row->others = llmobs_texts_share(texts, text);
    share_full(
        texts, &row->tier,
        llmobs_json_text(llmobs_stored_call(event, "response_service_tier")));
    row->local =
        host && !llmobs_json_get(metadata, "served_by") &&
        (strncmp(host, "127.", 4) == 0 || llmobs_words_have(loopback, host));
    free(text);
}

static void read_facts(struct llmobs_row *row, const struct llmobs_json *event,
                       struct llmobs_texts *texts)
{
    const struct llmobs_json *meta = llmobs_json_get(event, "meta");
    const struct llmobs_json *error = llmobs_json_get(meta, "error");
    const char *type = llmobs_json_gets(error, "type"), *status;
    const char *kind = llmobs_stored_kind(event);
    const char *path = llmobs_stored_script(event);
    const char *name = llmobs_json_gets(event, "name");
    char room[LLMOBS_STORED_ROOM];
    struct llmobs_buf text;

    llmobs_buf_init(&text, SIZE_MAX);
    if (is_inferred(event)) {
        llmobs_buf_addf(&text, "%s (inferred)", name ? name : "");
        texts->failed |= text.error != 0;
        name = text.data ? llmobs_texts_share(texts, text.data) : NULL;
    }
    share_full(texts, &row->name, name);
    llmobs_buf_fini(&text);
    if (kind)
        share(texts, &row->kind, kind);
    share_full(texts, &row->model, llmobs_stored_model(event));
    share_full(texts, &row->response_model,
               llmobs_stored_response_model(event));
    read_price(row, event, texts);
    share_full(texts, &row->provider, llmobs_json_gets(meta, "model_provider"));
    share_full(texts, &row->ml_app, llmobs_stored_tag(event, "ml_app"));
    share_full(texts, &row->session, llmobs_stored_session(event));
    row->billed = llmobs_stored_billed(event);
    row->waiting = llmobs_stored_tag(event, LLMOBS_READER_WAITING) != NULL;
    /* Reads the run, and the name of the script that runs, else of the program.
     */
    name = path ? llmobs_stored_path_end(path, NULL) : NULL;
    if (!llmobs_has_text(name))
        name = llmobs_json_text(llmobs_stored_call(event, "executable"));
    share_full(texts, &row->program, name);
    name = llmobs_stored_run(event, room);
    row->run = name ? llmobs_texts_share(texts, name) : NULL;
    row->failed = llmobs_json_says(event, "status", "error");
    if (!row->failed)
        return;
    status = llmobs_stored_tag(event, "http.status_code");
    if (status && strlen(status) == 3 && *status >= '3')
        row->http_status = atoi(status);
    share_full(texts, &row->error_type,
               type ? type : llmobs_stored_tag(event, "error_type"));
    copy(texts, &row->error_message, llmobs_json_gets(error, "message"),
         LLMOBS_ROW_ERROR);
}

/* Reads the numbers, and the cost that the provider gave, as a total or in
 * parts. A span that repeats the cost of another must not count it twice. */
static void read_numbers(struct llmobs_row *row,
                         const struct llmobs_json *event)
{
    const struct llmobs_json *metrics = llmobs_json_get(event, "metrics");
    const struct llmobs_json *first =
        llmobs_json_get(metrics, "time_to_first_token");
    const struct llmobs_json *total = llmobs_json_get(metrics, "total_cost");
    const struct llmobs_json *in = llmobs_json_get(metrics, "input_cost");
    const struct llmobs_json *out = llmobs_json_get(metrics, "output_cost");
    double cost = -1;

    row->duration_ns = count_of(event, "duration");
    row->input_tokens = count_of(metrics, "input_tokens");
    row->output_tokens = count_of(metrics, "output_tokens");
    row->cache_read_tokens = count_of(metrics, "cache_read_input_tokens");
    row->cache_write_tokens = count_of(metrics, "cache_write_input_tokens");
    row->cache_write_hour_tokens =
        count_of(metrics, "ephemeral_1h_input_tokens");
    row->reasoning_tokens = count_of(metrics, "reasoning_output_tokens");
    row->searches = count_of(metrics, "web_search_requests");
    row->first_token =
        llmobs_json_is_number(first) ? llmobs_json_to_real(first) : -1;
    if (llmobs_json_is_number(total))
        cost = llmobs_json_to_real(total);
    else if (llmobs_json_is_number(in) && llmobs_json_is_number(out))
        cost = llmobs_json_to_real(in) + llmobs_json_to_real(out);
    if (!(cost >= 0 && cost <= LLMOBS_COST_MAX) || !llmobs_row_counts(row))
        cost = -1;
    row->cost = cost;
    row->given = cost >= 0;
}

/* -- links ---------------------------------------------------------------- */

#define LINKS_MAX 8 /* in one row; the event has all of them */

static void add_link(struct llmobs_row *row, struct llmobs_buf *lines,
                     const struct llmobs_json *link, struct llmobs_texts *texts)
{
    const struct llmobs_json *ends = llmobs_json_get(link, "attributes");
    const char *id = llmobs_json_gets(link, "span_id");
    const char *kind = llmobs_json_gets(ends, "kind");
    const char *said = "takes up the output of";

    if (!id || strlen(id) > 20 || id[strspn(id, "0123456789")] != '\0')
        return;
    if (kind && strcmp(kind, "turn") == 0) {
        share_full(texts, &row->turn_trace, llmobs_json_gets(link, "trace_id"));
        share_full(texts, &row->turn_span, id);
        llmobs_buf_addf(lines, LLMOBS_ROW_TURN "%s\n", id);
        return;
    }
    if (kind && strcmp(kind, "agent") == 0) {
        /* In the tree of its trace it is below. */
        if (llmobs_json_says(link, "trace_id", row->trace_id))
            share_full(texts, &row->parent_id, id);
        said = "was started by";
    } else if (kind && strcmp(kind, "retry_of") == 0)
        said = "is a retry of";
    else if (kind && strcmp(kind, "job") == 0)
        said = "asks for the job of";
    else if (kind)
        said = "is linked to";
    llmobs_buf_addf(lines, "%s %s\n", said, id);
}

/* -- rows ----------------------------------------------------------------- */

int llmobs_row_fill(struct llmobs_row *row, const struct llmobs_json *event,
                    enum llmobs_row_parts parts, struct llmobs_texts *texts)
{
    const struct llmobs_json *meta = llmobs_json_get(event, "meta");
    const struct llmobs_json *links = llmobs_json_get(event, "span_links");
    struct llmobs_buf lines;

    if (parts == LLMOBS_ROW_IDS)
        return 0;
    read_facts(row, event, texts);
    read_numbers(row, event);
    /* A call that was killed has no length. */
    if (row->duration_ns == 0 && row->error_type &&
        strcmp(row->error_type, "process_killed") == 0)
        row->duration_ns = -1;
    llmobs_buf_init(&lines, 1024);
    if (is_inferred(event))
        llmobs_buf_adds(&lines, "took no longer than this\n");
    for (size_t i = 0; i < llmobs_json_len(links) && i < LINKS_MAX; i++)
        add_link(row, &lines, llmobs_json_at(links, i), texts);
    if (lines.len > 0)
        row->links = llmobs_texts_copy(texts, lines.data, lines.len);
    texts->failed |= lines.error != 0;
    llmobs_buf_fini(&lines);
    if (parts == LLMOBS_ROW_ALL) {
        read_words(texts, &row->question, llmobs_json_get(meta, "input"));
        read_words(texts, &row->answer, llmobs_json_get(meta, "output"));
    }
    row->filled = !texts->failed;
    return texts->failed ? -ENOMEM : 0;
}

static const struct llmobs_row unknown = {
    .name = "",
    .kind = "-",
    .duration_ns = -1,
    .input_tokens = -1,
    .output_tokens = -1,
    .cache_read_tokens = -1,
    .cache_write_tokens = -1,
    .reasoning_tokens = -1,
    .estimate = -1,
    .first_token = -1,
};

int llmobs_row_new(const struct llmobs_json *event, struct llmobs_place place,
                   enum llmobs_row_parts parts, struct llmobs_texts *texts,
                   struct llmobs_row **out)
{
    const char *trace = llmobs_json_gets(event, "trace_id");
    const char *span = llmobs_json_gets(event, "span_id");
    const char *parent = llmobs_json_gets(event, "parent_id");
    struct llmobs_row *row;
    int rc;

    if (!trace || !span)
        return -EINVAL;
    row = malloc(sizeof(*row));
    if (!row)
        return -ENOMEM;
    *row = unknown;
    row->place = place;
    row->start_ns = llmobs_json_to_int(llmobs_json_get(event, "start_ns"));
    share(texts, &row->trace_id, trace);
    row->span_id =
        texts->borrows ? span : llmobs_texts_copy(texts, span, strlen(span));
    if (parent && strcmp(parent, "undefined") != 0)
        share_full(texts, &row->parent_id, parent);
    rc = llmobs_row_fill(row, event, parts, texts);
    if (rc == 0 && texts->failed)
        rc = -ENOMEM;
    if (rc != 0) {
        llmobs_row_free(row);
        return rc;
    }
    *out = row;
    return 0;
}

bool llmobs_row_is_call(const struct llmobs_row *row)
{
    return row->kind && (strcmp(row->kind, "llm") == 0 ||
                         strcmp(row->kind, "embedding") == 0);
}

bool llmobs_row_counts(const struct llmobs_row *row)
{
    return row->billed || llmobs_row_is_call(row);
}

void llmobs_row_free(struct llmobs_row *row)
{
    free(row);
}
