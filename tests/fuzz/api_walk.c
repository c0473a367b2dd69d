/* A random walk over libcurl's API, by a seed: handles are made, set, used by
 * perform and by multis, copied, reset, removed and thrown away, with callbacks
 * that pause, abort, take too little and change things. What is printed depends
 * on the seed and on libcurl's behaviour alone, not on how bytes arrive in
 * time: so two runs of a seed, bare and observed, print the same.
 *
 * usage: api_walk SEED STEPS THREADS BASE
 */
#include "tests/clients/cases.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#define HANDLES 5
#define THREADS_MAX 8

enum act { NOTHING, PAUSE, REFUSE, TOO_LITTLE, SWITCH, RELIST, TWIN, PERFORM };
#define ACTS 8

/* One easy handle and what its callbacks are up to. */
struct item {
    struct walk *walk;
    CURL *curl;
    CURL *twin;              /* made in a callback, used afterwards */
    FILE *file;              /* for libcurl's own fread */
    struct curl_slist *list; /* NULL: the common one */
    CURLM *multi;
    char *body; /* borrowed by libcurl */
    size_t body_at;
    size_t read_most;
    enum act on_header, on_body, on_read;
    int header_at; /* which line the act is for */
    int headers, bodies, reads;
    bool paused, refused;
    uint64_t head_hash, body_hash;
    size_t head_len, body_len;
};

struct walk {
    uint64_t state;
    const char *base;
    int steps;
    struct item items[HANDLES];
    struct text trace;
};

static uint64_t next(struct walk *walk)
{
    uint64_t z = (walk->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static unsigned any(struct walk *walk, unsigned below)
{
    return (unsigned)(next(walk) % below);
}

__attribute__((format(printf, 2, 3))) static void say(struct walk *walk,
                                                      const char *format, ...)
{
    char line[300];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    text_add(&walk->trace, line, (size_t)len);
}

static int index_of(const struct item *item)
{
    return (int)(item - item->walk->items);
}

/* ---- callbacks ---------------------------------------------------------- */

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

/* Its lists and bodies are the model's: gone before they are freed. */
static void drop_twin(struct item *item)
{
    curl_easy_cleanup(item->twin);
    item->twin = NULL;
}

static void relist(struct item *item)
{
    struct curl_slist *fresh =
        curl_slist_append(NULL, "Content-Type: application/json");

    fresh = curl_slist_append(fresh, "X-Walk: again");
    say(item->walk, " relist=%d",
        (int)curl_easy_setopt(item->curl, CURLOPT_HTTPHEADER, fresh));
    drop_twin(item);
    curl_slist_free_all(item->list);
    item->list = fresh;
}

static void twin(struct item *item)
{
    drop_twin(item);
    item->twin = curl_easy_duphandle(item->curl);
    say(item->walk, " twin=%d", item->twin != NULL);
}

/* What a callback answers; `len` is what it was given. */
static size_t act(struct item *item, enum act what, size_t len, size_t pause)
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
        say(item->walk, " switch=%d",
            (int)curl_easy_setopt(item->curl, CURLOPT_WRITEFUNCTION,
                                  second_sink));
        break;
    case RELIST:
        relist(item);
        break;
    case TWIN:
        twin(item);
        break;
    case PERFORM:
        say(item->walk, " inner=%d", (int)curl_easy_perform(item->curl));
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
        took = act(item, item->on_body, len, CURL_WRITEFUNC_PAUSE);
    if (took == len)
        add_hash(&item->body_hash, &item->body_len, data, len);
    return took;
}

static size_t on_header(char *data, size_t size, size_t count, void *to)
{
    struct item *item = to;
    size_t len = size * count, took = len;

    if (item->headers++ == item->header_at)
        took = act(item, item->on_header, len, CURL_WRITEFUNC_PAUSE);
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

static void go_on(struct item *item)
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
    go_on(to);
    return 0;
}

/* ---- settings ----------------------------------------------------------- */

static const char *const models[] = {
    "gpt-4o-mini",     "gpt-4o-mini", "error-429", "redirect-307", "empty",
    "malformed",       "auth",        "gzip",      "drop",         "no-finish",
    "truncated-stream"};

static void set_body(struct item *item, const char *model)
{
    struct walk *walk = item->walk;
    bool stream = any(walk, 3) == 0;
    char *old = item->body;

    item->body = malloc(400);
    if (!item->body)
        exit(3);
    snprintf(item->body, 400,
             "{\"model\": \"%s\", \"messages\": [{\"role\": \"user\", "
             "\"content\": \"step %u\"}]%s}",
             model, any(walk, 1000), stream ? ", \"stream\": true" : "");
    curl_easy_setopt(item->curl, CURLOPT_POSTFIELDSIZE, -1L);
    curl_easy_setopt(item->curl, CURLOPT_POSTFIELDS, item->body);
    drop_twin(item);
    free(old);
}

static void set_any_body(struct item *item)
{
    struct walk *walk = item->walk;
    const char *model = models[any(walk, sizeof(models) / sizeof(models[0]))];

    set_body(item, model);
    say(walk, " %s", model);
    if (any(walk, 3) == 0) {
        curl_easy_setopt(item->curl, CURLOPT_POSTFIELDSIZE,
                         (long)strlen(item->body));
        say(walk, " copy=%d",
            (int)curl_easy_setopt(item->curl, CURLOPT_COPYPOSTFIELDS,
                                  item->body));
    }
}

static void set_upload(struct item *item)
{
    set_body(item, "gpt-4o-mini");
    curl_easy_setopt(item->curl, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(item->curl, CURLOPT_POST, 1L);
    if (any(item->walk, 2))
        curl_easy_setopt(item->curl, CURLOPT_POSTFIELDSIZE,
                         (long)strlen(item->body));
    curl_easy_setopt(item->curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(item->curl, CURLOPT_READDATA, item);
    if (any(item->walk, 2)) {
        curl_easy_setopt(item->curl, CURLOPT_SEEKFUNCTION, on_seek);
        curl_easy_setopt(item->curl, CURLOPT_SEEKDATA, item);
    }
    item->read_most = 1 + any(item->walk, 200);
    item->on_read =
        any(item->walk, 3) ? NOTHING : (enum act)(PAUSE + any(item->walk, 2));
    say(item->walk, " upload");
}

/* By libcurl's own fread, which it rewinds itself. */
static void set_file(struct item *item)
{
    set_body(item, any(item->walk, 2) ? "redirect-307" : "gpt-4o-mini");
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
    say(item->walk, " file");
}

static void set_path(struct item *item)
{
    static const char *const paths[] = {CHAT,         CHAT,        CHAT,
                                        "/v1/models", "/upload/x", "/away/x"};
    const char *path = paths[any(item->walk, 6)];
    char *url = url_of(item->walk->base, path);

    say(item->walk, " url %s=%d", path,
        (int)curl_easy_setopt(item->curl, CURLOPT_URL, url));
    free(url);
}

static void set_callbacks(struct item *item)
{
    struct walk *walk = item->walk;

    item->on_body = any(walk, 2) ? NOTHING : (enum act)any(walk, ACTS);
    item->on_header = any(walk, 2) ? NOTHING : (enum act)any(walk, ACTS);
    item->header_at = (int)any(walk, 6);
    /* Whether a body that waited behind a paused header is refused in
     * curl_easy_pause or in the transfer is the network's choice. */
    if (item->on_header == PAUSE && item->on_body != PAUSE)
        item->on_body = NOTHING;
    curl_easy_setopt(item->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(item->curl, CURLOPT_WRITEDATA, item);
    curl_easy_setopt(item->curl, CURLOPT_HEADERFUNCTION,
                     any(walk, 5) ? on_header : NULL);
    curl_easy_setopt(item->curl, CURLOPT_HEADERDATA, item);
    say(walk, " acts %d %d@%d", (int)item->on_body, (int)item->on_header,
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
    unsigned i = any(item->walk, sizeof(flags) / sizeof(flags[0]));

    say(item->walk, " set %d %ld=%d", (int)flags[i].option, flags[i].value,
        (int)curl_easy_setopt(item->curl, flags[i].option, flags[i].value));
}

/* What every handle needs, so that it ends and leaves the terminal alone. */
static void set_needed(struct item *item)
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

static void set_all(struct item *item)
{
    CURL *curl = item->curl;

    set_needed(item);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER,
                     item->list ? item->list : json_headers);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING,
                     any(item->walk, 2) ? "" : NULL);
    curl_easy_setopt(curl, CURLOPT_USERPWD, "a:b");
    set_callbacks(item);
    set_any_body(item);
}

static void set_something(struct item *item)
{
    switch (any(item->walk, 7)) {
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
        relist(item);
        break;
    default:
        set_flag(item);
        break;
    }
}

/* ---- transfers ---------------------------------------------------------- */

static void begin(struct item *item)
{
    item->headers = item->bodies = item->reads = 0;
    item->head_len = item->body_len = item->body_at = 0;
    item->head_hash = item->body_hash = 0;
    item->paused = item->refused = false;
}

/* Of one that was refused or broken off, how much of a piece had come is the
 * network's choice. */
static void tell(struct item *item, CURLcode rc)
{
    char *own = NULL;
    long status = -1, redirects = -1;

    curl_easy_getinfo(item->curl, CURLINFO_PRIVATE, &own);
    curl_easy_getinfo(item->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(item->curl, CURLINFO_REDIRECT_COUNT, &redirects);
    say(item->walk, " rc=%d own=%d status=%ld redirects=%ld", (int)rc,
        own == (char *)item, status, redirects);
    if (!item->refused)
        say(item->walk, " head=%zu:%llx body=%zu:%llx", item->head_len,
            (unsigned long long)item->head_hash, item->body_len,
            (unsigned long long)item->body_hash);
}

/* With what it inherited, which a busy handle's twin got in its middle; the
 * model may be gone by then. */
static void use_twin(struct item *item)
{
    CURL *model = item->curl;
    bool alone = any(item->walk, 2);

    if (!item->twin)
        return;
    if (alone)
        curl_easy_cleanup(model);
    item->curl = item->twin;
    item->twin = NULL;
    item->on_header = item->on_body = NOTHING;
    if (any(item->walk, 2))
        curl_easy_setopt(item->curl, CURLOPT_HTTPGET, 1L);
    if (item->file)
        rewind(item->file);
    begin(item);
    tell(item, curl_easy_perform(item->curl));
    if (alone)
        return;
    curl_easy_cleanup(item->curl);
    item->curl = model;
}

static void perform(struct item *item)
{
    CURLcode rc;

    if (item->file)
        rewind(item->file);
    begin(item);
    rc = curl_easy_perform(item->curl);
    tell(item, rc);
    use_twin(item);
}

static void add(struct item *item, CURLM *multi)
{
    CURLMcode rc;

    begin(item);
    rc = curl_multi_add_handle(multi, item->curl);
    say(item->walk, " add=%d", (int)rc);
    if (rc == CURLM_OK)
        item->multi = multi;
}

static void step(struct walk *walk, CURLM *multi, int *running)
{
    if (curl_multi_perform(multi, running) != CURLM_OK)
        exit(4);
    for (int i = 0; i < HANDLES; i++)
        if (walk->items[i].multi == multi)
            go_on(&walk->items[i]);
    if (*running)
        curl_multi_poll(multi, NULL, 0, 20, NULL);
}

/* Codes by handle: which ends first is the network's choice. */
static void read_news(struct walk *walk, CURLM *multi)
{
    int codes[HANDLES], left;
    CURLMsg *message;

    for (int i = 0; i < HANDLES; i++)
        codes[i] = -1;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        char *own = NULL;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &own);
        codes[index_of((struct item *)own)] = (int)message->data.result;
    }
    for (int i = 0; i < HANDLES; i++)
        if (codes[i] >= 0)
            say(walk, " news %d=%d", i, codes[i]);
}

static void remove_one(struct item *item)
{
    say(item->walk, " remove=%d",
        (int)curl_multi_remove_handle(item->multi, item->curl));
    item->multi = NULL;
}

/* Several at once, to their end; then read or not, removed or cleaned up. Acts
 * that print would print in the order of arrival. */
static void run_multi(struct walk *walk)
{
    CURLM *multi = curl_multi_init();
    unsigned count = 1 + any(walk, HANDLES), way = any(walk, 4);
    int running = 1;

    for (unsigned i = 0; i < count; i++) {
        struct item *item = &walk->items[i];

        if (count > 1 && item->on_header >= SWITCH)
            item->on_header = NOTHING;
        if (count > 1 && item->on_body >= SWITCH)
            item->on_body = NOTHING;
        if (item->file)
            rewind(item->file);
        add(item, multi);
    }
    while (running)
        step(walk, multi, &running);
    if (way == 3 && walk->items[0].multi)
        remove_one(&walk->items[0]);
    if (way & 1)
        read_news(walk, multi);
    for (unsigned i = 0; i < count; i++) {
        if (way == 2 && i % 2)
            remove_one(&walk->items[i]);
        tell(&walk->items[i], CURLE_OK);
    }
    for (unsigned i = 0; i < count; i++)
        if (walk->items[i].multi)
            remove_one(&walk->items[i]);
    say(walk, " cleanup=%d", (int)curl_multi_cleanup(multi));
}

static void renew(struct item *item)
{
    curl_easy_cleanup(item->curl);
    item->curl = curl_easy_init();
    if (!item->curl)
        exit(3);
    set_all(item);
}

static void use_midway(struct item *item)
{
    switch (any(item->walk, 6)) {
    case 0:
        relist(item);
        break;
    case 1:
        twin(item);
        break;
    case 2:
        say(item->walk, " perform=%d", curl_easy_perform(item->curl) != 0);
        break;
    case 3:
        act(item, SWITCH, 0, 0);
        break;
    case 4:
        say(item->walk, " pause=%d %d",
            (int)curl_easy_pause(item->curl, CURLPAUSE_ALL),
            (int)curl_easy_pause(item->curl, CURLPAUSE_CONT));
        break;
    default:
        curl_easy_reset(item->curl);
        say(item->walk, " reset");
        break;
    }
}

/* Until the request is on its way, or its answer where there is one. */
static void get_under_way(struct item *item, bool answered)
{
    int running = 1;
    long sent = 0;

    while (running && (answered ? item->bodies == 0 : sent == 0)) {
        step(item->walk, item->multi, &running);
        curl_easy_getinfo(item->curl, CURLINFO_REQUEST_SIZE, &sent);
    }
}

/* One that never ends by itself: used while it is under way, then ended. */
static void break_off(struct walk *walk)
{
    struct item *item = &walk->items[any(walk, HANDLES)];
    CURLM *multi = curl_multi_init();
    unsigned way = any(walk, 3);
    bool answered = any(walk, 2);

    renew(item);
    item->on_body = item->on_header = NOTHING;
    set_body(item, answered ? "stall" : "hang");
    strcpy(strrchr(item->body, ']'), "], \"stream\": true}");
    add(item, multi);
    get_under_way(item, answered);
    for (unsigned i = any(walk, 3); i > 0; i--)
        use_midway(item);
    if (way == 0)
        remove_one(item);
    if (way == 1)
        renew(item);
    say(walk, " cleanup=%d", (int)curl_multi_cleanup(multi));
    item->multi = NULL;
    if (way != 1)
        renew(item);
}

/* ---- the walk ----------------------------------------------------------- */

static void copy(struct walk *walk, struct item *item)
{
    struct item *other = &walk->items[any(walk, HANDLES)];
    CURL *made = curl_easy_duphandle(item->curl);

    say(walk, " to %d=%d", index_of(other), made != NULL);
    if (!made)
        return;
    curl_easy_cleanup(other->curl);
    other->curl = made;
    set_all(other);
}

static void walk_on(struct walk *walk)
{
    struct item *item = &walk->items[any(walk, HANDLES)];

    say(walk, "%d:", index_of(item));
    switch (any(walk, 20)) {
    case 0:
        renew(item);
        break;
    case 1:
        curl_easy_reset(item->curl);
        if (any(walk, 2))
            set_all(item);
        else
            set_needed(item);
        break;
    case 2:
        copy(walk, item);
        break;
    case 3:
    case 4:
        run_multi(walk);
        break;
    case 5:
        break_off(walk);
        break;
    case 6:
    case 7:
    case 8:
    case 9:
        perform(item);
        break;
    default:
        set_something(item);
        break;
    }
    say(walk, "\n");
}

static void *run(void *arg)
{
    struct walk *walk = arg;

    for (int i = 0; i < HANDLES; i++) {
        walk->items[i].walk = walk;
        walk->items[i].read_most = 100;
        renew(&walk->items[i]);
    }
    say(walk, "\n");
    for (int i = 0; i < walk->steps; i++)
        walk_on(walk);
    for (int i = 0; i < HANDLES; i++) {
        curl_easy_cleanup(walk->items[i].curl);
        drop_twin(&walk->items[i]);
        if (walk->items[i].file)
            fclose(walk->items[i].file);
        curl_slist_free_all(walk->items[i].list);
        free(walk->items[i].body);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static struct walk walks[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    int count = argc == 5 ? atoi(argv[3]) : 0;

    if (count < 1 || count > THREADS_MAX) {
        fprintf(stderr, "usage: %s SEED STEPS THREADS BASE\n", argv[0]);
        return 2;
    }
    curl_global_init(CURL_GLOBAL_ALL);
    json_headers = curl_slist_append(NULL, "Content-Type: application/json");
    for (int i = 0; i < count; i++) {
        walks[i].state = strtoull(argv[1], NULL, 10) * 1000 + (unsigned)i;
        walks[i].steps = atoi(argv[2]);
        walks[i].base = argv[4];
        if (pthread_create(&threads[i], NULL, run, &walks[i]))
            return 3;
    }
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        fwrite(walks[i].trace.data, 1, walks[i].trace.len, stdout);
        free(walks[i].trace.data);
    }
    curl_slist_free_all(json_headers);
    curl_global_cleanup();
    return 0;
}
