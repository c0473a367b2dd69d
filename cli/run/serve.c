#include "cli/run/serve.h"

#include <stdlib.h>
#include <string.h>

#include "cli/run/choose.h"
#include "cli/shared/escape.h"
#include "cli/shared/tell.h"
#include "lib/base/clock.h"
#include "lib/text/inflate.h"

#define WHY_MAX ((size_t)16 * 1024)
#define MESSAGE_COLUMNS 4000
/* A recording may have been edited: longer pauses are cut to this. */
#define PAUSE_MS 600000

/* Answers in the form of OpenAI's errors, which most clients show. */
static void answer_error(struct llmobs_site_visit *one, int status,
                         const char *code, const char *message)
{
    struct llmobs_json *body = llmobs_json_object();
    struct llmobs_json *error = llmobs_json_object();
    char *text = NULL;

    if (llmobs_json_sets(error, "message", message) == 0 &&
        llmobs_json_sets(error, "type", "invalid_request_error") == 0 &&
        llmobs_json_set(error, "param", llmobs_json_null()) == 0 &&
        llmobs_json_sets(error, "code", code) == 0 &&
        llmobs_json_set(body, "error", llmobs_json_share(error)) == 0)
        text = llmobs_json_dumps(body, LLMOBS_JSON_KEEP_ORDER);
    one->chunked = one->broken = false;
    llmobs_site_head(one, status, "application/json", text ? strlen(text) : 0);
    if (text && !one->bodyless)
        (void)llmobs_buf_adds(&one->out, text);
    free(text);
    llmobs_json_free(error);
    llmobs_json_free(body);
}

static void serve_refuse(struct llmobs_site_visit *one, int status)
{
    answer_error(one, status, "bad_request",
                 status == 408 ? "the request did not come"
                               : "llmobs mock cannot read this request");
}

static void print_miss(struct llmobs_serve *serve, const char *why)
{
    struct llmobs_buf shown;

    serve->misses++;
    llmobs_buf_init(&shown, WHY_MAX);
    if (llmobs_escape_adds(&shown, why, MESSAGE_COLUMNS) == 0)
        llmobs_tell("%s: %s\n", serve->command, shown.data);
    llmobs_buf_fini(&shown);
}

static bool is_stream(const char *type)
{
    return type &&
           (strcasestr(type, "event-stream") || strcasestr(type, "ndjson") ||
            strcasestr(type, "eventstream"));
}

/* Begins to serve a recording. If the recorded answer broke off, the answer has
 * no length, and its last chunk never comes. */
static void begin(const struct llmobs_serve *serve,
                  struct llmobs_site_visit *one,
                  struct llmobs_cassette_item *item)
{
    bool in_pieces = item->faulty || is_stream(item->type) ||
                     (serve->timed && item->chunk_count > 1);

    item->served++;
    one->broken = item->faulty;
    one->last = one->last || one->broken;
    if (item->status == 0)
        return;
    one->bodyless |= item->status == 204 || item->status == 304;
    one->chunked = in_pieces && !one->request.old && !one->bodyless;
    one->answer = item;
    one->chunk = one->at = 0;
    llmobs_site_head(one, item->status, item->type, item->answer.len);
}

/* Undoes the coding of a request, as the recording has no coding. */
static void decode(struct llmobs_site_request *http)
{
    struct llmobs_text text = {http->body.data, http->body.len};
    struct llmobs_body plain;
    bool cut;

    if (!llmobs_inflate_is_coded(text, http->coding))
        return;
    llmobs_body_init(&plain, LLMOBS_SITE_BODY_MAX);
    plain.free = true;
    if (llmobs_inflate_body(text, http->coding, LLMOBS_SITE_BODY_MAX, &plain,
                            &cut) == 0) {
        text = llmobs_body_head(&plain);
        llmobs_buf_cut(&http->body, 0);
        (void)llmobs_buf_add(&http->body, text.data, text.len);
    }
    llmobs_body_fini(&plain);
}

static void serve_answer(struct llmobs_site_visit *one)
{
    struct llmobs_serve *serve = one->site->ctx;
    struct llmobs_site_request *http = &one->request;
    char *path = llmobs_cassette_path(http->target);
    struct llmobs_asked asked = {.method = http->method, .path = path};
    struct llmobs_cassette_item *item = NULL;
    struct llmobs_buf why;

    llmobs_buf_init(&why, WHY_MAX);
    decode(http);
    llmobs_cassette_read_body(&asked.body, &http->body);
    if (path)
        item = llmobs_choose(serve->cassette, &asked, serve->nearest, &why);
    if (item) {
        begin(serve, one, item);
    } else {
        print_miss(serve, why.data ? why.data : "no memory");
        answer_error(one, 404, "no_recording",
                     why.data ? why.data : "no memory");
    }
    llmobs_cassette_free_body(&asked.body);
    llmobs_buf_fini(&why);
    free(path);
}

/* -- the body of an answer ------------------------------------------------- */

/* When the answer's next chunk is due. */
static int64_t serve_due_ns(const struct llmobs_site_visit *one)
{
    const struct llmobs_serve *serve = one->site->ctx;
    const struct llmobs_cassette_item *item = one->answer;
    int64_t ms;

    if (!serve->timed || one->chunk >= item->chunk_count)
        return 0;
    ms = item->chunks[one->chunk].ms;
    return one->began_ns + (ms < PAUSE_MS ? ms : PAUSE_MS) * LLMOBS_NS_PER_MS;
}

static void add_piece(struct llmobs_site_visit *one, size_t len)
{
    const struct llmobs_cassette_item *item = one->answer;

    if (one->chunked)
        (void)llmobs_buf_addf(&one->out, "%zx\r\n", len);
    (void)llmobs_buf_add(&one->out, item->answer.data + one->at, len);
    if (one->chunked)
        (void)llmobs_buf_adds(&one->out, "\r\n");
    one->at += len;
}

/* Adds the part of the answer that is due, as far as it fits; then its end. */
static void serve_feed(struct llmobs_site_visit *one)
{
    const struct llmobs_serve *serve = one->site->ctx;
    const struct llmobs_cassette_item *item = one->answer;

    while (!one->bodyless && one->at < item->answer.len &&
           one->out.len < LLMOBS_SITE_PIECE) {
        size_t to =
            serve->timed ? item->chunks[one->chunk].end : item->answer.len;

        if (serve_due_ns(one) > llmobs_clock_mono_ns())
            return;
        add_piece(one, to - one->at < LLMOBS_SITE_PIECE ? to - one->at
                                                        : LLMOBS_SITE_PIECE);
        one->chunk += one->at == to;
    }
    if (!one->bodyless && one->at < item->answer.len)
        return;
    if (one->chunked && !one->broken)
        (void)llmobs_buf_adds(&one->out, "0\r\n\r\n");
    one->answer = NULL;
}

void llmobs_serve_init(struct llmobs_serve *serve)
{
    struct llmobs_site *site = &serve->site;

    site->body_max = LLMOBS_SITE_BODY_MAX;
    site->ctx = serve;
    site->answer = serve_answer;
    site->refuse = serve_refuse;
    site->feed = serve_feed;
    site->due_ns = serve_due_ns;
}
