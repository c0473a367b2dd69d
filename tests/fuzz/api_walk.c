/* A random walk over libcurl's API, by a seed: handles are made, set, used by
 * perform and by multis, copied, reset, removed and thrown away, with callbacks
 * that pause, abort, take too little and change things. The output depends
 * on the seed and on libcurl's behaviour alone, not on how bytes arrive in
 * time: so two runs of a seed, bare and observed, print the same.
 *
 * usage: api_walk SEED STEPS THREADS BASE
 */
#include "tests/fuzz/walk.h"

#include <pthread.h>

#define THREADS_MAX 8

static int index_of(const struct item *item)
{
    return (int)(item - item->walk->items);
}

/* -- transfers ------------------------------------------------------------ */

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
    walk_say(item->walk, " rc=%d own=%d status=%ld redirects=%ld", (int)rc,
             own == (char *)item, status, redirects);
    if (!item->refused)
        walk_say(item->walk, " head=%zu:%llx body=%zu:%llx", item->head_len,
                 (unsigned long long)item->head_hash, item->body_len,
                 (unsigned long long)item->body_hash);
}

/* With what it inherited, which a busy handle's twin got in its middle; the
 * model may be gone by then. */
static void use_twin(struct item *item)
{
    CURL *model = item->curl;
    bool alone = walk_any(item->walk, 2);

    if (!item->twin)
        return;
    if (alone)
        curl_easy_cleanup(model);
    item->curl = item->twin;
    item->twin = NULL;
    item->on_header = item->on_body = NOTHING;
    if (walk_any(item->walk, 2))
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
    walk_say(item->walk, " add=%d", (int)rc);
    if (rc == CURLM_OK)
        item->multi = multi;
}

static void step(struct walk *walk, CURLM *multi, int *running)
{
    if (curl_multi_perform(multi, running) != CURLM_OK)
        exit(4);
    for (int i = 0; i < HANDLES; i++)
        if (walk->items[i].multi == multi)
            item_go_on(&walk->items[i]);
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
            walk_say(walk, " news %d=%d", i, codes[i]);
}

static void remove_one(struct item *item)
{
    walk_say(item->walk, " remove=%d",
             (int)curl_multi_remove_handle(item->multi, item->curl));
    item->multi = NULL;
}

/* Several at once, to their end; then read or not, removed or cleaned up. Acts
 * that print would print in the order of arrival. */
static void run_multi(struct walk *walk)
{
    CURLM *multi = curl_multi_init();
    unsigned count = 1 + walk_any(walk, HANDLES), way = walk_any(walk, 4);
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
    walk_say(walk, " cleanup=%d", (int)curl_multi_cleanup(multi));
}

static void renew(struct item *item)
{
    curl_easy_cleanup(item->curl);
    item->curl = curl_easy_init();
    if (!item->curl)
        exit(3);
    item_set_all(item);
}

static void use_midway(struct item *item)
{
    switch (walk_any(item->walk, 6)) {
    case 0:
        item_relist(item);
        break;
    case 1:
        item_twin(item);
        break;
    case 2:
        walk_say(item->walk, " perform=%d", curl_easy_perform(item->curl) != 0);
        break;
    case 3:
        item_act(item, SWITCH, 0, 0);
        break;
    case 4:
        walk_say(item->walk, " pause=%d %d",
                 (int)curl_easy_pause(item->curl, CURLPAUSE_ALL),
                 (int)curl_easy_pause(item->curl, CURLPAUSE_CONT));
        break;
    default:
        curl_easy_reset(item->curl);
        walk_say(item->walk, " reset");
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
    struct item *item = &walk->items[walk_any(walk, HANDLES)];
    CURLM *multi = curl_multi_init();
    unsigned way = walk_any(walk, 3);
    bool answered = walk_any(walk, 2);

    renew(item);
    item->on_body = item->on_header = NOTHING;
    item_set_body(item, answered ? "stall" : "hang");
    strcpy(strrchr(item->body, ']'), "], \"stream\": true}");
    add(item, multi);
    get_under_way(item, answered);
    for (unsigned i = walk_any(walk, 3); i > 0; i--)
        use_midway(item);
    if (way == 0)
        remove_one(item);
    if (way == 1)
        renew(item);
    walk_say(walk, " cleanup=%d", (int)curl_multi_cleanup(multi));
    item->multi = NULL;
    if (way != 1)
        renew(item);
}

/* -- the walk ------------------------------------------------------------- */

static void copy(struct walk *walk, struct item *item)
{
    struct item *other = &walk->items[walk_any(walk, HANDLES)];
    CURL *made = curl_easy_duphandle(item->curl);

    walk_say(walk, " to %d=%d", index_of(other), made != NULL);
    if (!made)
        return;
    curl_easy_cleanup(other->curl);
    other->curl = made;
    item_set_all(other);
}

static void walk_on(struct walk *walk)
{
    struct item *item = &walk->items[walk_any(walk, HANDLES)];

    walk_say(walk, "%d:", index_of(item));
    switch (walk_any(walk, 20)) {
    case 0:
        renew(item);
        break;
    case 1:
        curl_easy_reset(item->curl);
        if (walk_any(walk, 2))
            item_set_all(item);
        else
            item_set_needed(item);
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
        item_set_something(item);
        break;
    }
    walk_say(walk, "\n");
}

static void *run(void *arg)
{
    struct walk *walk = arg;

    for (int i = 0; i < HANDLES; i++) {
        walk->items[i].walk = walk;
        walk->items[i].read_most = 100;
        renew(&walk->items[i]);
    }
    walk_say(walk, "\n");
    for (int i = 0; i < walk->steps; i++)
        walk_on(walk);
    for (int i = 0; i < HANDLES; i++) {
        curl_easy_cleanup(walk->items[i].curl);
        item_drop_twin(&walk->items[i]);
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
        walks[i].headers = json_headers;
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
