/* Writes the page: template, script, index and events. */
#include "cli/show/page.h"

#include <errno.h>

#include "cli/show/body.h"
#include "cli/show/page_row.h"
#include "cli/query/cost.h"
#include "cli/query/evaluations.h"
#include "cli/query/keys.h"
#include "cli/query/load.h"
#include "cli/shared/embed.h"
#include "lib/base/clock.h"
#include "llmobs.h"

/* The build sets the paths, and the hashes by which the page's policy names its
 * script and its style. */
LLMOBS_EMBED(llmobs_page_js, LLMOBS_PAGE_JS);
LLMOBS_EMBED(llmobs_page_css, "cli/show/page.css");

#define INDEX_MAX ((size_t)1 << 30)
#define NS_PER_MS 1000000
#define TEXTS_OF 1024 /* rows whose texts are kept together */
#define BUFFER ((size_t)256 * 1024)

struct writer {
    struct llmobs_page *page;
    struct llmobs_reader *reader;
    FILE *out;
    struct llmobs_page_body body;
    struct llmobs_buf index, key;
    struct llmobs_texts texts;   /* of the last rows */
    struct llmobs_texts written; /* the ids of the spans in the page */
    struct llmobs_places evaluations;
};

/* -- spans ---------------------------------------------------------------- */

/* The store is read from its end: of spans with the same ids the last one comes
 * first, and only it is written. */
static int write_span(struct writer *w, struct llmobs_text line,
                      const struct llmobs_json *event)
{
    size_t before = w->written.count;
    struct llmobs_row *row = NULL;
    int rc = llmobs_load_key(&w->key, llmobs_json_gets(event, "trace_id"),
                             llmobs_json_gets(event, "span_id"));

    if (rc != 0)
        return rc;
    if (!llmobs_texts_share(&w->written, w->key.data))
        return -ENOMEM;
    if (w->written.count == before) {
        w->page->repeated++;
        w->page->matching--;
        return 0;
    }
    rc = llmobs_page_body_write(&w->body, line, event);
    if (rc == 0)
        rc = llmobs_row_new(event, (struct llmobs_place){0}, LLMOBS_ROW_ALL,
                            &w->texts, &row);
    if (rc == 0)
        llmobs_cost_estimate(row, w->page->prices);
    if (rc == 0)
        rc = llmobs_buf_adds(&w->index, w->page->spans == 0 ? "\n" : ",\n");
    if (rc == 0)
        rc = llmobs_page_row_add(&w->index, row, event);
    llmobs_row_free(row);
    if (++w->page->spans % TEXTS_OF == 0)
        llmobs_texts_fini(&w->texts);
    return rc;
}

/* -- the store ------------------------------------------------------------ */

static bool is_full(const struct llmobs_page *page)
{
    return page->newest > 0 && page->spans >= page->newest;
}

static int read_page_line(void *ctx, struct llmobs_text line,
                          struct llmobs_place place)
{
    struct writer *w = ctx;
    struct llmobs_page *page = w->page;
    struct llmobs_json *event = NULL;
    bool selects_all = llmobs_filter_passes_all(page->filter);
    int rc;

    /* No evaluation, and a span that the filter does not select, or that is one
     * too many. */
    if (!(selects_all ? !is_full(page)
                      : llmobs_filter_may_match(page->filter, line, false)) &&
        !llmobs_evaluations_may_be_one(line)) {
        page->events++;
        page->matching += selects_all ? 1 : 0;
        return 0;
    }
    rc = llmobs_json_parse(line, &event);
    if (rc == -EINVAL || rc == -E2BIG) {
        page->bad++;
        return 0;
    }
    if (rc == 0 && llmobs_load_is_span(event)) {
        page->events++;
        if (llmobs_filter_match(page->filter, event)) {
            page->matching++;
            rc = is_full(page) ? 0 : write_span(w, line, event);
        }
    } else if (rc == 0 && llmobs_evaluations_is_one(event)) {
        rc = llmobs_places_add(&w->evaluations, place);
    } else if (rc == 0) {
        page->bad++;
    }
    llmobs_json_free(event);
    return rc;
}

/* -- evaluations ---------------------------------------------------------- */

static int write_evaluation(struct writer *w, struct llmobs_place place,
                            struct llmobs_buf *line, size_t *written)
{
    const struct llmobs_json *span = NULL;
    struct llmobs_json *event = NULL;
    struct llmobs_text text;
    int rc = llmobs_reader_again(w->reader, place, line);

    if (rc != 0) /* the exporter has removed the file */
        return rc == -ESTALE ? 0 : rc;
    text = (struct llmobs_text){line->data, line->len};
    rc = llmobs_json_parse(text, &event);
    if (rc == 0)
        span = llmobs_json_get(llmobs_json_get(event, "join_on"), "span");
    /* One of a span in the page, and every one by a tag: it may have several
     * spans, which the page's script finds. */
    if (rc == 0 &&
        (!span || (llmobs_load_key(&w->key, llmobs_json_gets(span, "trace_id"),
                                   llmobs_json_gets(span, "span_id")) == 0 &&
                   llmobs_texts_has(&w->written, w->key.data, w->key.len)))) {
        if ((*written)++ > 0)
            fputc(',', w->out);
        rc = llmobs_page_body_write(&w->body, text, event);
    }
    llmobs_json_free(event);
    return rc == -ENOMEM || rc == -EIO ? rc : 0;
}

/* -- the file ------------------------------------------------------------- */

/* Only a page that is live may ask for something: its own server. */
static void write_head(FILE *out, bool live)
{
    fprintf(out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
            "<meta charset=\"utf-8\">\n"
            "<!-- This file holds texts that programs sent to language models,"
            "\n     and the answers. -->\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\""
            "default-src 'none'; script-src 'sha256-%s'; "
            "style-src 'sha256-%s'; img-src data:; %sbase-uri 'none'; "
            "form-action 'none'\">\n"
            "<meta name=\"referrer\" content=\"no-referrer\">\n"
            "<meta name=\"viewport\" "
            "content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n"
            "<title>llmobs</title>\n<style>",
            LLMOBS_PAGE_JS_HASH, LLMOBS_PAGE_CSS_HASH,
            live ? "connect-src 'self'; " : "");
    fwrite(llmobs_page_css, 1, (size_t)(llmobs_page_css_end - llmobs_page_css),
           out);
    fputs("</style>\n"
          "</head>\n"
          "<body>\n"
          "<div id=\"app\"></div>\n"
          "<noscript><p>This page shows its traces by a script of its own, "
          "and the browser does not run scripts. The file needs no network. "
          "<code>llmobs view</code> shows the same in a terminal.</p>"
          "</noscript>\n"
          "<script type=\"text/plain\" id=\"bodies\">",
          out);
}

/* Writes the object that says how the page was made. */
static int write_meta(struct writer *w)
{
    const struct llmobs_page *page = w->page;
    const char *date = llmobs_prices_date(page->prices);
    const char *mark = date ? "\"" : "";
    struct llmobs_buf out;
    int rc;

    llmobs_buf_init(&out, INDEX_MAX);
    llmobs_buf_adds(&out, "{\"version\":\"" LLMOBS_VERSION "\",\"store\":");
    llmobs_page_string_add(&out, page->store, SIZE_MAX - 1);
    llmobs_buf_adds(&out, ",\"filters\":");
    llmobs_page_string_add(&out, page->asked, SIZE_MAX - 1);
    llmobs_buf_adds(&out, ",\"lack\":");
    llmobs_page_string_add(&out, LLMOBS_LACK_REMEDY, SIZE_MAX - 1);
    for (int i = 0; i < LLMOBS_KEY_TAG; i++) {
        const struct llmobs_key_words *words =
            llmobs_key_words((enum llmobs_key)i);

        llmobs_buf_addf(&out, "%s[\"%s\",\"%s\",\"%.1s\",%d,\"%s\"]",
                        i == 0 ? ",\"keys\":[" : ",", words->word, words->title,
                        &words->letter, words->uses,
                        words->tag ? words->tag : "");
    }
    llmobs_buf_addc(&out, ']');
    if (w->reader)
        llmobs_buf_addf(
            &out, ",\"trimmed\":%lld",
            (long long)(llmobs_reader_trimmed(w->reader) / NS_PER_MS));
    if (page->live)
        llmobs_buf_addf(&out, ",\"live\":\"%s\"", page->live);
    llmobs_buf_addf(&out,
                    ",\"made\":%lld,\"spans_in_store\":%zu,\"spans\":%zu,"
                    "\"cut\":{\"texts\":%zu,\"images\":%zu,\"spans\":%zu},"
                    "\"prices\":%s%s%s}",
                    (long long)(llmobs_clock_wall_ns() / NS_PER_MS),
                    page->matching, page->spans, w->body.texts, w->body.images,
                    w->body.spans, mark, date ? date : "null", mark);
    rc = out.error;
    if (rc == 0)
        rc = llmobs_page_body_put(w->out, llmobs_buf_text(&out));
    llmobs_buf_fini(&out);
    return rc;
}

/* The evaluations are in the order of the store. */
static int write_page(struct writer *w)
{
    static const char script[] =
        "</script>\n<script type=\"application/json\" id=\"";
    FILE *out = w->out;
    struct llmobs_pick pick;
    struct llmobs_buf line;
    size_t written = 0;
    int rc = 0;

    write_head(out, w->page->live != NULL);
    if (w->reader)
        rc = llmobs_reader_walk_back(w->reader, w->page->filter->since_ns,
                                     llmobs_filter_pick(w->page->filter, &pick),
                                     read_page_line, w);
    if (rc < 0)
        return rc;
    fprintf(out, "%sindex\">[", script);
    if (w->index.len > 0)
        fwrite(w->index.data, 1, w->index.len, out);
    fprintf(out, "]%sevals\">[", script);
    llmobs_buf_init(&line, LLMOBS_READER_LINE_MAX);
    for (size_t i = w->evaluations.count; rc == 0 && i-- > 0;)
        rc = write_evaluation(w, w->evaluations.list[i], &line, &written);
    llmobs_buf_fini(&line);
    if (rc != 0)
        return rc;
    fprintf(out, "]%smeta\">", script);
    rc = write_meta(w);
    if (rc != 0)
        return rc;
    fputs("</script>\n<script>", out);
    fwrite(llmobs_page_js, 1, (size_t)(llmobs_page_js_end - llmobs_page_js),
           out);
    fputs("</script>\n</body>\n</html>\n", out);
    if (fflush(out) != 0 || ferror(out))
        return -EIO;
    w->page->bytes = ftello(out) > 0 ? (uint64_t)ftello(out) : 0;
    return 0;
}

int llmobs_page_make(struct llmobs_page *page, struct llmobs_reader *reader,
                     FILE *out)
{
    struct writer w = {.page = page, .reader = reader, .out = out};
    int rc;

    llmobs_page_body_init(&w.body, out, page->full);
    llmobs_buf_init(&w.index, INDEX_MAX);
    llmobs_buf_init(&w.key, INDEX_MAX);
    (void)setvbuf(out, NULL, _IOFBF, BUFFER);
    rc = write_page(&w);
    page->cut = w.body.texts + w.body.images;
    llmobs_page_body_fini(&w.body);
    llmobs_buf_fini(&w.index);
    llmobs_buf_fini(&w.key);
    llmobs_texts_fini(&w.texts);
    llmobs_texts_fini(&w.written);
    llmobs_places_fini(&w.evaluations);
    return rc;
}
