/* Serves the page and its news on loopback (--serve). */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "cli/shared/site.h"
#include "cli/shared/tell.h"
#include "cli/show/forms.h"
#include "cli/show/page.h"
#include "lib/base/clock.h"
#include "cli/query/cost.h"
#include "cli/query/evaluations.h"
#include "cli/query/filter.h"
#include "cli/query/load.h"
#include "cli/query/prices.h"
#include "cli/query/tools.h"
#include "cli/shared/reader.h"
#include "cli/show/body.h"
#include "cli/show/page_row.h"

/* The digits of 128 bits that nobody guesses. */
#define TOKEN 32
/* A server that nobody has asked for so long ends. */
#define IDLE_MS (30 * 60 * 1000)
/* Texts that are being sent at a time: a page may have 64 MiB and more. */
#define TEXTS_MAX 8
#define NEWS "news?after="

/* Fetched scripts and frames of other sites see nothing of the page. */
#define HEADERS                                                   \
    "Content-Security-Policy: frame-ancestors 'none'\r\n"         \
    "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n" \
    "X-Content-Type-Options: nosniff\r\n"                         \
    "Cross-Origin-Resource-Policy: same-origin\r\n"

/* Of the newest lines at least KEPT are known, at most twice as many; an answer
 * has LINES of them, and not many more than BYTES. */
#define KEPT 10000
#define LINES 500
#define BYTES (1024u * 1024)
/* The least time between two looks at the store. */
#define LOOK_MS 100
/* "EPOCH-NUMBER": the epoch counts the directories that have had the store's
 * name; the number counts the lines that came to this one. */
#define POSITION 48

/* The lines that came to a store since a moment, for an open page. */
struct live {
    /* The caller sets these. */
    const char *store;            /* the directory */
    struct llmobs_filter *filter; /* borrowed */
    struct llmobs_prices *prices; /* borrowed; NULL: no cost is estimated */
    bool full;                    /* no text is cut */

    struct llmobs_reader *reader; /* NULL: there is no store */
    dev_t dev;                    /* the directory that is read */
    ino_t ino;
    unsigned long epoch;
    struct llmobs_places places; /* of the newest lines */
    size_t first;                /* the number of places.list[0] */
    int64_t looked_ns;
};

/* The body of an answer, in a file without a name. */
struct text {
    FILE *file;
    size_t len;
    unsigned users;
};

struct serve {
    struct llmobs_view *view;
    struct llmobs_site site;
    struct live live;
    char token[TOKEN + 1];
    struct text *page; /* the last that was made; or NULL */
    char page_at[POSITION];
    unsigned texts;
    int64_t asked_ns;
};

/* -- the store ------------------------------------------------------------- */

static size_t lines_end(const struct live *live)
{
    return live->first + live->places.count;
}

static int add_place(void *ctx, struct llmobs_text text,
                     struct llmobs_place place)
{
    struct live *live = ctx;
    struct llmobs_places *places = &live->places;

    (void)text;
    if (places->count >= 2 * KEPT) {
        memmove(places->list, places->list + places->count - KEPT,
                KEPT * sizeof(*places->list));
        live->first += places->count - KEPT;
        places->count = KEPT;
    }
    return llmobs_places_add(places, place);
}

static void live_close(struct live *live)
{
    llmobs_reader_close(live->reader);
    live->reader = NULL;
    llmobs_places_fini(&live->places);
    live->places = (struct llmobs_places){0};
    live->first = 0;
}

/* Finds the lines that have come by now. */
static int live_look(struct live *live)
{
    int64_t now = llmobs_clock_mono_ns();
    struct stat st;
    int rc = 0;

    if (live->looked_ns != 0 &&
        now - live->looked_ns < LOOK_MS * LLMOBS_NS_PER_MS)
        return 0;
    live->looked_ns = now;
    if (stat(live->store, &st) != 0)
        st = (struct stat){.st_ino = 0};
    if (st.st_ino != 0 &&
        (!live->reader || st.st_dev != live->dev || st.st_ino != live->ino)) {
        live_close(live); /* another directory has the store's name */
        live->epoch++;
        live->dev = st.st_dev;
        live->ino = st.st_ino;
        rc = llmobs_reader_open(live->store, &live->reader);
    }
    if (rc == 0 && live->reader)
        rc = llmobs_reader_more(live->reader, add_place, live);
    return rc == -ENOENT ? 0 : rc;
}

/* -- positions ------------------------------------------------------------- */

static void write_position(const struct live *live, size_t number,
                           char out[POSITION])
{
    snprintf(out, POSITION, "%lu-%zu", live->epoch, number);
}

/* Writes the position behind the last line that is known. */
static void live_position(const struct live *live, char out[POSITION])
{
    write_position(live, lines_end(live), out);
}

/* True where no line is known behind the position. */
static bool live_is_last(const struct live *live, const char *position)
{
    char last[POSITION];

    live_position(live, last);
    return strcmp(position, last) == 0;
}

/* -- events ---------------------------------------------------------------- */

struct writer {
    struct live *live;
    struct llmobs_page_body body;
    struct llmobs_buf line, rows;
};

/* Writes a line, and its row; of what is no span null. A line that is gone, or
 * is no event, is passed over. */
static int write_line(struct writer *w, struct llmobs_place place)
{
    struct llmobs_texts texts = {0};
    struct llmobs_row *row = NULL;
    struct llmobs_json *event = NULL;
    int rc = llmobs_reader_event(w->live->reader, place, &w->line, &event);
    bool span = rc == 0 && event && llmobs_load_is_span(event);

    if (rc == 0 && event &&
        (span ? llmobs_filter_match(w->live->filter, event)
              : llmobs_evaluations_is_one(event))) {
        rc = w->rows.len > 0 ? llmobs_buf_addc(&w->rows, ',') : 0;
        if (rc == 0 && span)
            rc = llmobs_row_new(event, (struct llmobs_place){0}, LLMOBS_ROW_ALL,
                                &texts, &row);
        if (rc == 0 && span)
            llmobs_cost_estimate(row, w->live->prices);
        if (rc == 0)
            rc = span ? llmobs_page_row_add(&w->rows, row, event)
                      : llmobs_buf_adds(&w->rows, "null");
        if (rc == 0)
            rc = llmobs_page_body_write(&w->body, llmobs_buf_text(&w->line),
                                        event);
    }
    llmobs_row_free(row);
    llmobs_texts_fini(&texts);
    llmobs_json_free(event);
    return rc == -ENOMEM || rc == -EIO ? rc : 0;
}

/* Writes the events behind a position: a line each, as in a page (body.h), and
 * a last line, {"at":POSITION,"more":BOOL,"rows":[...]}, whose row N belongs to
 * line N; null for an evaluation. The answer to an unknown position is
 * {"again":true}: the page has to be read again. */
static int live_write(struct live *live, const char *position, FILE *out)
{
    struct writer w = {.live = live};
    size_t number, end;
    char at[POSITION], *dash;
    int rc = 0;

    number = strtoul(position, &dash, 10) == live->epoch && *dash == '-'
                 ? strtoul(dash + 1, NULL, 10)
                 : SIZE_MAX;
    write_position(live, number, at);
    if (strcmp(at, position) != 0 || number < live->first ||
        number > lines_end(live)) {
        fputs("{\"again\":true}", out);
        return 0;
    }
    llmobs_page_body_init(&w.body, out, live->full);
    llmobs_buf_init(&w.line, LLMOBS_READER_LINE_MAX);
    llmobs_buf_init(&w.rows, SIZE_MAX / 2);
    end = lines_end(live) > number + LINES ? number + LINES : lines_end(live);
    while (rc == 0 && number < end && w.body.written < BYTES)
        rc = write_line(&w, live->places.list[number++ - live->first]);
    if (rc == 0) {
        write_position(live, number, at);
        fprintf(out, "{\"at\":\"%s\",\"more\":%s,\"rows\":[%s]}", at,
                number < lines_end(live) ? "true" : "false",
                w.rows.len > 0 ? w.rows.data : "");
    }
    llmobs_page_body_fini(&w.body);
    llmobs_buf_fini(&w.line);
    llmobs_buf_fini(&w.rows);
    return rc;
}

/* -- texts ----------------------------------------------------------------- */

static void text_release(struct serve *serve, struct text *text)
{
    if (!text || --text->users > 0)
        return;
    fclose(text->file);
    free(text);
    serve->texts--;
}

static struct text *text_new(struct serve *serve)
{
    struct text *text =
        serve->texts < TEXTS_MAX ? calloc(1, sizeof(*text)) : NULL;

    if (!text)
        return NULL;
    text->file = tmpfile();
    if (!text->file) {
        free(text);
        return NULL;
    }
    text->users = 1;
    serve->texts++;
    return text;
}

/* Ends the writing. False, and the text is released: it is not whole. */
static bool text_end(struct serve *serve, struct text *text, int rc)
{
    off_t len = rc == 0 && fflush(text->file) == 0 && !ferror(text->file)
                    ? ftello(text->file)
                    : -1;

    if (len >= 0)
        text->len = (size_t)len;
    else
        text_release(serve, text);
    return len >= 0;
}

static void end_answer(struct llmobs_site_visit *visit)
{
    struct serve *serve = visit->site->ctx;

    text_release(serve, visit->answer);
    visit->answer = NULL;
}

static void feed_answer(struct llmobs_site_visit *visit)
{
    const struct text *text = visit->answer;
    char piece[LLMOBS_SITE_PIECE];
    ssize_t n = 0;

    if (!visit->bodyless && visit->at < text->len)
        n = pread(fileno(text->file), piece, sizeof(piece), (off_t)visit->at);
    if (n > 0) {
        (void)llmobs_buf_add(&visit->out, piece, (size_t)n);
        visit->at += (size_t)n;
    }
    if (n > 0 && visit->at < text->len)
        return;
    visit->broken = !visit->bodyless && visit->at < text->len;
    end_answer(visit);
}

/* -- answers --------------------------------------------------------------- */

static void say(struct llmobs_site_visit *visit, int status, const char *text)
{
    llmobs_site_head(visit, status, "text/plain; charset=utf-8", strlen(text));
    if (!visit->bodyless)
        (void)llmobs_buf_adds(&visit->out, text);
}

static void refuse_request(struct llmobs_site_visit *visit, int status)
{
    say(visit, status, "this request cannot be read\n");
}

/* Sends a text, which it takes over; NULL: there is none. */
static void send_text(struct llmobs_site_visit *visit, struct text *text,
                      const char *type)
{
    if (!text) {
        say(visit, 503, "no memory or no room for this answer\n");
        return;
    }
    visit->answer = text;
    visit->at = 0;
    llmobs_site_head(visit, 200, type, text->len);
}

/* The page, which is made again only when the store has more. */
static struct text *fresh_page(struct serve *serve)
{
    struct llmobs_view *view = serve->view;
    struct llmobs_page page = {
        .filter = &view->filter,
        .store = view->store,
        .asked = view->asked.data ? view->asked.data : "",
        .prices = view->prices,
        .newest = view->counted ? view->newest : LLMOBS_PAGE_SPANS,
        .full = view->full,
        .live = serve->page_at,
    };
    int rc;

    if (!serve->page || !live_is_last(&serve->live, serve->page_at)) {
        text_release(serve, serve->page);
        live_position(&serve->live, serve->page_at);
        llmobs_tools_of(view->store); /* there may be more of them */
        serve->page = text_new(serve);
        if (!serve->page)
            return NULL;
        rc = llmobs_page_make(&page, serve->live.reader, serve->page->file);
        if (!text_end(serve, serve->page, rc))
            serve->page = NULL;
    }
    if (serve->page)
        serve->page->users++;
    return serve->page;
}

/* True for this server's own names. Other names may also lead to loopback:
 * without this check, the owner of such a name could read the page from a page
 * of that name. */
static bool is_own_host(const char *host)
{
    static const char *const names[] = {"127.0.0.1", "localhost"};

    for (size_t i = 0; host && i < sizeof(names) / sizeof(*names); i++) {
        size_t len = strlen(names[i]);

        if (strncmp(host, names[i], len) == 0 &&
            (host[len] == '\0' || host[len] == ':'))
            return true;
    }
    return false;
}

/* The path behind the token; NULL: it is another token. Compares in constant
 * time, so that a stranger who guesses learns nothing from how long it takes.
 */
static const char *path_behind_token(const struct serve *serve,
                                     const char *target)
{
    unsigned char other = 0;

    if (strlen(target) < TOKEN + 2 || target[0] != '/' ||
        target[TOKEN + 1] != '/')
        return NULL;
    for (size_t i = 0; i < TOKEN; i++)
        other |= (unsigned char)(target[i + 1] ^ serve->token[i]);
    return other == 0 ? target + TOKEN + 2 : NULL;
}

static void answer_request(struct llmobs_site_visit *visit)
{
    const struct llmobs_site_request *request = &visit->request;
    struct serve *serve = visit->site->ctx;
    const char *path = path_behind_token(serve, request->target);
    const char *origin = request->origin;
    const size_t scheme = sizeof("http://") - 1;

    if (!is_own_host(request->host))
        say(visit, 421, "ask 127.0.0.1 or localhost\n");
    else if (origin && (strncmp(origin, "http://", scheme) != 0 ||
                        strcmp(origin + scheme, request->host) != 0))
        say(visit, 403, "this page is for itself alone\n");
    else if (!path)
        say(visit, 404, "not found\n");
    else if (strcmp(request->method, "GET") != 0 && !visit->bodyless)
        say(visit, 405, "it can only be read\n");
    else {
        serve->asked_ns = llmobs_clock_mono_ns();
        if (live_look(&serve->live) != 0)
            say(visit, 503, "the store cannot be read\n");
        else if (*path == '\0')
            send_text(visit, fresh_page(serve), "text/html; charset=utf-8");
        else if (strncmp(path, NEWS, sizeof(NEWS) - 1) != 0)
            say(visit, 404, "not found\n");
        else if (live_is_last(&serve->live, path + sizeof(NEWS) - 1))
            say(visit, 200, "{}");
        else {
            struct text *text = text_new(serve);

            if (text &&
                !text_end(serve, text,
                          live_write(&serve->live, path + sizeof(NEWS) - 1,
                                     text->file)))
                text = NULL;
            send_text(visit, text, "text/plain; charset=utf-8");
        }
    }
}

/* -- the form -------------------------------------------------------------- */

static volatile sig_atomic_t serve_ends;

static void on_end(int number)
{
    (void)number;
    serve_ends = 1;
}

int llmobs_view_serve(struct llmobs_view *view)
{
    struct serve serve = {
        .view = view,
        .site = {.port = view->port,
                 .headers = HEADERS,
                 .ctx = &serve,
                 .answer = answer_request,
                 .refuse = refuse_request,
                 .feed = feed_answer,
                 .leave = end_answer,
                 .listener = -1},
        .live = {.store = view->store,
                 .filter = &view->filter,
                 .full = view->full},
    };
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction ending = {.sa_handler = on_end};
    char address[64 + TOKEN];
    uint64_t digits[2];
    sigset_t taken, waiting;
    int rc = 0;

    llmobs_view_prices(view);
    serve.live.prices = view->prices;
    /* The signals come only while the server waits, so that none is missed. */
    sigemptyset(&taken);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        sigaddset(&taken, numbers[i]);
        sigaction(numbers[i], &ending, NULL);
    }
    sigprocmask(SIG_BLOCK, &taken, &waiting);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        sigdelset(&waiting, numbers[i]);
    if (getrandom(digits, sizeof(digits), 0) != sizeof(digits))
        rc = -errno;
    snprintf(serve.token, sizeof(serve.token), "%016" PRIx64 "%016" PRIx64,
             digits[0], digits[1]);
    if (rc == 0)
        rc = llmobs_site_open(&serve.site);
    if (rc == 0)
        rc = live_look(&serve.live);
    if (rc == 0)
        rc = llmobs_view_empty_file(view);
    if (rc == 0) {
        snprintf(address, sizeof(address), "http://127.0.0.1:%u/%s/",
                 serve.site.port, serve.token);
        printf("%s\n", address);
        rc = fflush(stdout) != 0 ? -EPIPE : 0;
    }
    if (rc == 0) {
        llmobs_tell("llmobs view: who has this address can read the page; "
                    "Ctrl-C ends it\n");
        rc = view->open ? llmobs_view_open_address(address) : 0;
    }
    serve.asked_ns = llmobs_clock_mono_ns();
    while ((rc == 0 || rc == -ECANCELED) && !serve_ends &&
           llmobs_clock_mono_ns() - serve.asked_ns < IDLE_MS * LLMOBS_NS_PER_MS)
        llmobs_site_step(&serve.site, &waiting);
    if ((rc == 0 || rc == -ECANCELED) && !serve_ends)
        llmobs_tell("llmobs view: nobody has asked for half an hour\n");
    llmobs_site_close(&serve.site);
    text_release(&serve, serve.page);
    live_close(&serve.live);
    return rc == -ECANCELED ? 0 : rc;
}
