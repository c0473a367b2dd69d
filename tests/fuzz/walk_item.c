/* Makes and drives the easy handles of the random walk. */
#include "tests/fuzz/walk.h"

#include <stdarg.h>
#include <unistd.h>

#include "lib/base/mix.h"

static uint64_t next(struct walk *walk)
{
    walk->state += UINT64_C(0x9e3779b97f4a7c15);
    return llmobs_mix(walk->state);
}

unsigned walk_any(struct walk *walk, unsigned below)
{
    return (unsigned)(next(walk) % below);
}

void walk_say(struct walk *walk, const char *format, ...)
{
    char line[300];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    text_add(&walk->trace, line, (size_t)len);
}

/* -- callbacks ------------------------------------------------------------ */

static void add_hash(uint64_t *hash, size_t *total, const char *data,
                     size_t len)
{
    if (*total == 0)
        *hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++)
        *hash = (*hash ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
    *total += len;
}

static size_t second_sink(char *data, size_t size, size_t count, void *to)
{
    struct item *item = to;

    item->bodies++;
    add_hash(&item->body_hash, &item->body_len, data, size * count);
    return size * count;
}

void item_drop_twin(struct item *item)
{
    curl_easy_cleanup(item->twin);
    item->twin = NULL;
}

void item_relist(struct item *item)
{
    struct curl_slist *fresh =
        curl_slist_append(NULL, "Content-Type: application/json");

    fresh = curl_slist_append(fresh, "X-Walk: again");
    walk_say(item->walk, " relist=%d",
             (int)curl_easy_setopt(item->curl, CURLOPT_HTTPHEADER, fresh));
    item_drop_twin(item);
    curl_slist_free_all(item->list);
    item->list = fresh;
}

void item_twin(struct item *item)
{
    item_drop_twin(item);
    item->twin = curl_easy_duphandle(item->curl);
    walk_say(item->walk, " twin=%d", item->twin != NULL);
}

size_t item_act(struct item *item, enum act what, size_t len, size_t pause)
{
    switch (what) {
    case PAUSE:
        item->paused = true;
        return pause;
    case REFUSE:
    case TOO_LITTLE:
        item->refused = true;
        return what == REFUSE || len < 2 ? 0 : len - 1;
    case SWITCH:
        walk_say(item->walk, " switch=%d",
                 (int)curl_easy_setopt(item->curl, CURLOPT_WRITEFUNCTION,
                                       second_sink));
        break;
    case RELIST:
        item_relist(item);
        break;
    case TWIN:
        item_twin(item);
        break;
    case PERFORM:
        walk_say(item->walk, " inner=%d", (int)curl_easy_perform(item->curl));
        break;
    default:
        break;
    }
    return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *to)
{
    struct item *item = to;
    size_t len = size * count, took = len;

    /* The first piece only: where others begin is the network's choice. */
    if (item->bodies++ == 0)
        took = item_act(item, item->on_body, len, CURL_WRITEFUNC_PAUSE);
    if (took == len)
        add_hash(&item->body_hash, &item->body_len, data, len);
    return took;
}

static size_t on_header(char *data, size_t size, size_t count, void *to)
{
    struct item *item = to;
    size_t len = size * count, took = len;

    if (item->headers++ == item->header_at)
        took = item_act(item, item->on_header, len, CURL_WRITEFUNC_PAUSE);
    if (took == len)
        add_hash(&item->head_hash, &item->head_len, data, len);
    return took;
}

static size_t on_read(char *to, size_t size, size_t count, void *from)
{
    struct item *item = from;
    size_t len = strlen(item->body) - item->body_at;

    if (item->reads++ == 1 && item->on_read == PAUSE) {
        item->paused = true;
        return CURL_READFUNC_PAUSE;
    }
    if (item->reads == 2 && item->on_read == REFUSE)
        return CURL_READFUNC_ABORT;
    if (len > size * count)
        len = size * count;
    if (len > item->read_most)
        len = item->read_most;
    memcpy(to, item->body + item->body_at, len);
    item->body_at += len;
    return len;
}

static int on_seek(void *from, curl_off_t offset, int origin)
{
    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    ((struct item *)from)->body_at = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

void item_go_on(struct item *item)
{
    if (!item->paused)
        return;
    item->paused = false;
    curl_easy_pause(item->curl, CURLPAUSE_CONT);
}

static int on_progress(void *to, curl_off_t a, curl_off_t b, curl_off_t c,
                       curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    item_go_on(to);
    return 0;
}

/* -- settings ------------------------------------------------------------- */

static const char *const models[] = {
    "gpt-4o-mini",     "gpt-4o-mini", "error-429", "redirect-307", "empty",
    "malformed",       "auth",        "gzip",      "drop",         "no-finish",
    "truncated-stream"};

void item_set_body(struct item *item, const char *model)
{
    struct walk *walk = item->walk;
    bool stream = walk_any(walk, 3) == 0;
    char *old = item->body;

    item->body = malloc(400);
    if (!item->body)
        exit(3);
    snprintf(item->body, 400,
             "{\"model\": \"%s\", \"messages\": [{\"role\": \"user\", "
             "\"content\": \"step %u\"}]%s}",
             model, walk_any(walk, 1000), stream ? ", \"stream\": true" : "");
    curl_easy_setopt(item->curl, CURLOPT_POSTFIELDSIZE, -1L);
    curl_easy_setopt(item->curl, CURLOPT_POSTFIELDS, item->body);
    item_drop_twin(item);
    free(old);
}

static void set_any_body(struct item *item)
{
    struct walk *walk = item->walk;
    const char *model =
        models[walk_any(walk, sizeof(models) / sizeof(models[0]))];

    item_set_body(item, model);
    walk_say(walk, " %s", model);
    if (walk_any(walk, 3) == 0) {
        curl_easy_setopt(item->curl, CURLOPT_POSTFIELDSIZE,
                         (long)strlen(item->body));
        walk_say(walk, " copy=%d",
                 (int)curl_easy_setopt(item->curl, CURLOPT_COPYPOSTFIELDS,
                                       item->body));
    }
}

static void set_upload(struct item *item)
{
    item_set_body(item, "gpt-4o-mini");
    curl_easy_setopt(item->curl, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(item->curl, CURLOPT_POST, 1L);
    if (walk_any(item->walk, 2))
        curl_easy_setopt(item->curl, CURLOPT_POSTFIELDSIZE,
                         (long)strlen(item->body));
    curl_easy_setopt(item->curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(item->curl, CURLOPT_READDATA, item);
    if (walk_any(item->walk, 2)) {
        curl_easy_setopt(item->curl, CURLOPT_SEEKFUNCTION, on_seek);
        curl_easy_setopt(item->curl, CURLOPT_SEEKDATA, item);
    }
    item->read_most = 1 + walk_any(item->walk, 200);
    item->on_read = walk_any(item->walk, 3)
                        ? NOTHING
                        : (enum act)(PAUSE + walk_any(item->walk, 2));
    walk_say(item->walk, " upload");
}

/* By libcurl's own fread, which it rewinds itself. */
static void set_file(struct item *item)
{
    item_set_body(item,
                  walk_any(item->walk, 2) ? "redirect-307" : "gpt-4o-mini");
    if (!item->file)
        item->file = tmpfile();
    if (!item->file || ftruncate(fileno(item->file), 0))
        exit(3);
    rewind(item->file);
    fputs(item->body, item->file);
    rewind(item->file);
    curl_easy_setopt(item->curl, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(item->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(item->curl, CURLOPT_POSTFIELDSIZE,
                     (long)strlen(item->body));
    curl_easy_setopt(item->curl, CURLOPT_READFUNCTION, NULL);
    curl_easy_setopt(item->curl, CURLOPT_READDATA, item->file);
    curl_easy_setopt(item->curl, CURLOPT_SEEKFUNCTION, NULL);
    walk_say(item->walk, " file");
}

static void set_path(struct item *item)
{
    static const char *const paths[] = {CHAT,         CHAT,        CHAT,
                                        "/v1/models", "/upload/x", "/away/x"};
    const char *path = paths[walk_any(item->walk, 6)];
    char *url = url_of(item->walk->base, path);

    walk_say(item->walk, " url %s=%d", path,
             (int)curl_easy_setopt(item->curl, CURLOPT_URL, url));
    free(url);
}

static void set_callbacks(struct item *item)
{
    struct walk *walk = item->walk;

    item->on_body =
        walk_any(walk, 2) ? NOTHING : (enum act)walk_any(walk, ACTS);
    item->on_header =
        walk_any(walk, 2) ? NOTHING : (enum act)walk_any(walk, ACTS);
    item->header_at = (int)walk_any(walk, 6);
    /* Whether a body that waited behind a paused header is refused in
     * curl_easy_pause or in the transfer is the network's choice. */
    if (item->on_header == PAUSE && item->on_body != PAUSE)
        item->on_body = NOTHING;
    curl_easy_setopt(item->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(item->curl, CURLOPT_WRITEDATA, item);
    curl_easy_setopt(item->curl, CURLOPT_HEADERFUNCTION,
                     walk_any(walk, 5) ? on_header : NULL);
    curl_easy_setopt(item->curl, CURLOPT_HEADERDATA, item);
    walk_say(walk, " acts %d %d@%d", (int)item->on_body, (int)item->on_header,
             item->header_at);
}

static void set_flag(struct item *item)
{
    static const struct {
        CURLoption option;
        long value;
    } flags[] = {{CURLOPT_FOLLOWLOCATION, 1}, {CURLOPT_FOLLOWLOCATION, 0},
                 {CURLOPT_HEADER, 1},         {CURLOPT_HEADER, 0},
                 {CURLOPT_HTTPGET, 1},        {CURLOPT_NOBODY, 1},
                 {CURLOPT_NOBODY, 0},         {CURLOPT_FAILONERROR, 1},
                 {CURLOPT_FAILONERROR, 0},    {CURLOPT_POST, 1},
                 {CURLOPT_UPLOAD, 0},         {CURLOPT_CONNECT_ONLY, 0},
                 {CURLOPT_HTTPAUTH, 3},       {CURLOPT_FRESH_CONNECT, 1}};
    unsigned i = walk_any(item->walk, sizeof(flags) / sizeof(flags[0]));

    walk_say(
        item->walk, " set %d %ld=%d", (int)flags[i].option, flags[i].value,
        (int)curl_easy_setopt(item->curl, flags[i].option, flags[i].value));
}

void item_set_needed(struct item *item)
{
    CURL *curl = item->curl;
    char *url = url_of(item->walk->base, CHAT);

    curl_easy_setopt(curl, CURLOPT_URL, url);
    free(url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 20000L);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, item);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, item);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, second_sink);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, item);
}

void item_set_all(struct item *item)
{
    CURL *curl = item->curl;

    item_set_needed(item);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER,
                     item->list ? item->list : item->walk->headers);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING,
                     walk_any(item->walk, 2) ? "" : NULL);
    curl_easy_setopt(curl, CURLOPT_USERPWD, "a:b");
    set_callbacks(item);
    set_any_body(item);
}

void item_set_something(struct item *item)
{
    switch (walk_any(item->walk, 7)) {
    case 0:
        set_path(item);
        break;
    case 6:
        set_file(item);
        break;
    case 1:
        set_any_body(item);
        break;
    case 2:
        set_callbacks(item);
        break;
    case 3:
        set_upload(item);
        break;
    case 4:
        item_relist(item);
        break;
    default:
        set_flag(item);
        break;
    }
}
