/* Transfers of one multi, the first of which changes the others from its
 * callback: before libcurl begins with them, while they wait for a connection
 * and while they make one; and transfers that change themselves. */
#include "tests/clients/cases.h"
#include "tests/clients/pages.h"

#include <poll.h>
#include <sys/socket.h>

/* Without a prereq callback the others are read as the first drive begins. */
#define PREREQ_SINCE 0x075000

enum moment { BEGINS, WAITS, CONNECTS, ANSWERED };

#define AT(moment) (1U << (moment))
#define ANY (AT(BEGINS) | AT(WAITS) | AT(CONNECTS))
#define TWICE (ANY | AT(ANSWERED)) /* of a request that is redirected */

struct one;

/* A source that libcurl reads, and how often libcurl rewound it. */
struct reading {
    struct source from;
    int rewound;
};

struct change {
    const char *name;
    unsigned moments;
    void (*prepare)(struct one *one); /* NULL: posts the first text */
    void (*apply)(struct one *one);
};

/* A transfer that is changed. */
struct one {
    const struct change *change;
    const char *base;
    CURL *curl, *twin;
    char *body;
    void *memory;
    struct text text, other;
    struct reading reading[3];
    FILE *file[2];
    char reason[CURL_ERROR_SIZE];
    int calls[2];
    bool changed;
};

static const char *secure; /* the same server, by TLS */

static bool since(unsigned version)
{
    return curl_version_info(CURLVERSION_NOW)->version_num >= version;
}

/* -- bodies ---------------------------------------------------------------- */

static void post(struct one *one)
{
    one->body = paged(texts[0], true);
    curl_easy_setopt(one->curl, CURLOPT_POSTFIELDS, one->body);
}

static void post_unended(struct one *one)
{
    one->body = paged(texts[0], false);
    curl_easy_setopt(one->curl, CURLOPT_POSTFIELDS, one->body);
}

static void give_size(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(texts[0]));
}

static void post_sized(struct one *one)
{
    post_unended(one);
    give_size(one);
}

static void another_body(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_POSTFIELDS, paged(texts[1], true));
    unpage(one->body);
}

static void shorter_body(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_POSTFIELDS, paged("{}", false));
    curl_easy_setopt(one->curl, CURLOPT_POSTFIELDSIZE, 2L);
    unpage(one->body);
}

static void no_body(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_HTTPGET, 1L);
    unpage(one->body);
}

static void get_too_late(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_HTTPGET, 1L);
}

static void a_form(struct one *one)
{
    curl_mime *mime = curl_mime_init(one->curl);
    curl_mimepart *part = curl_mime_addpart(mime);

    curl_mime_name(part, "prompt");
    curl_mime_data(part, "new", CURL_ZERO_TERMINATED);
    curl_easy_setopt(one->curl, CURLOPT_MIMEPOST, mime);
    one->memory = mime;
    unpage(one->body);
}

static void post_and_read(struct one *one)
{
    post_sized(one);
    one->reading[0].from = (struct source){texts[1], 0, PAGE};
    curl_easy_setopt(one->curl, CURLOPT_READFUNCTION, feed);
    curl_easy_setopt(one->curl, CURLOPT_READDATA, &one->reading[0]);
}

/* Another function with the same data, and the same with others. */
static size_t read_counted(char *to, size_t size, size_t count, void *from)
{
    struct one *one = from;

    one->calls[0]++;
    return feed(to, size, count, &one->reading[1]);
}

static void post_read(struct one *one)
{
    one->reading[0].from = (struct source){texts[0], 0, PAGE};
    one->reading[1].from = (struct source){texts[1], 0, PAGE};
    curl_easy_setopt(one->curl, CURLOPT_POST, 1L);
    give_size(one);
    curl_easy_setopt(one->curl, CURLOPT_READFUNCTION, feed);
    curl_easy_setopt(one->curl, CURLOPT_READDATA, &one->reading[0]);
}

static void another_source(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_READDATA, &one->reading[1]);
}

static void another_reader(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_READFUNCTION, read_counted);
    curl_easy_setopt(one->curl, CURLOPT_READDATA, one);
}

/* More often than anybody remembers. */
static void many_sources(struct one *one)
{
    one->reading[2].from = (struct source){texts[1], 0, PAGE};
    for (int i = 0; i <= 40; i++)
        curl_easy_setopt(one->curl, CURLOPT_READDATA, &one->reading[i % 3]);
}

static void same_source(struct one *one)
{
    for (int i = 0; i < 40; i++)
        curl_easy_setopt(one->curl, CURLOPT_READDATA, &one->reading[0]);
}

static void reader_for_body(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_POSTFIELDS, NULL);
    post_read(one);
    unpage(one->body);
}

static void body_for_reader(struct one *one)
{
    one->body = paged(texts[1], false);
    curl_easy_setopt(one->curl, CURLOPT_POSTFIELDS, one->body);
}

/* A libcurl before 8.1 may read the upload then; later ones post the body. */
static void upload_too_late(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_UPLOAD, 1L);
}

/* ---- bodies that are sent twice -------------------------------------------
 */

static int rewind_text(void *user, curl_off_t offset, int origin)
{
    struct reading *reading = user;

    reading->rewound++;
    return seek_source(&reading->from, offset, origin);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static curlioerr restart_text(CURL *curl, int command, void *user)
{
    (void)curl;
    if (command != CURLIOCMD_RESTARTREAD)
        return CURLIOE_UNKNOWNCMD;
    (void)rewind_text(user, 0, SEEK_SET);
    return CURLIOE_OK;
}

static void set_restart(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_IOCTLFUNCTION, restart_text);
    curl_easy_setopt(one->curl, CURLOPT_IOCTLDATA, &one->reading[0]);
}
#pragma GCC diagnostic pop

static void post_moved(struct one *one)
{
    post_read(one);
    one->reading[0].from = (struct source){moved, 0, PAGE};
    curl_easy_setopt(one->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(moved));
    curl_easy_setopt(one->curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(one->curl, CURLOPT_ERRORBUFFER, one->reason);
}

static void set_rewind(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_SEEKFUNCTION, rewind_text);
    curl_easy_setopt(one->curl, CURLOPT_SEEKDATA, &one->reading[0]);
}

static void post_rewound(struct one *one)
{
    post_moved(one);
    set_rewind(one);
    curl_easy_setopt(one->curl, CURLOPT_SEEKDATA, &one->reading[1]);
}

static void moved_source(struct one *one)
{
    one->reading[1].from = (struct source){moved, 0, PAGE};
    curl_easy_setopt(one->curl, CURLOPT_READDATA, &one->reading[1]);
}

static void no_rewind(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_SEEKFUNCTION, NULL);
}

static void restart_for_rewind(struct one *one)
{
    no_rewind(one);
    set_restart(one);
}

static void *text_file(const char *text)
{
    FILE *file = tmpfile();

    if (!file || fputs(text, file) < 0)
        exit(3);
    rewind(file);
    return file;
}

static void file_for_reader(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_READFUNCTION, NULL);
    curl_easy_setopt(one->curl, CURLOPT_READDATA, one->file[0]);
}

static void post_file(struct one *one)
{
    post_moved(one);
    one->file[0] = text_file(moved);
    one->file[1] = text_file(moved);
    curl_easy_setopt(one->curl, CURLOPT_READFUNCTION, NULL);
    curl_easy_setopt(one->curl, CURLOPT_READDATA, one->file[0]);
}

/* Which cannot be rewound; what is set then changes nothing. */
static void post_pipe(struct one *one)
{
    int ends[2];
    size_t len = strlen(moved);

    post_moved(one);
    if (pipe(ends) != 0 || write(ends[1], moved, len) != (ssize_t)len)
        exit(3);
    close(ends[1]);
    one->file[0] = fdopen(ends[0], "r");
    file_for_reader(one);
}

static void post_again(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_POST, 1L);
}

static void another_file(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_READDATA, one->file[1]);
}

static void reader_for_file(struct one *one)
{
    one->reading[1].from = (struct source){moved, 0, PAGE};
    curl_easy_setopt(one->curl, CURLOPT_READFUNCTION, read_counted);
    curl_easy_setopt(one->curl, CURLOPT_READDATA, one);
}

static void post_read_with_file(struct one *one)
{
    post_moved(one);
    one->file[0] = text_file(moved);
}

/* -- address, headers, callbacks ------------------------------------------- */

static void elsewhere(struct one *one)
{
    set_url(one->curl, one->base, "/other");
}

static void by_url_handle(struct one *one)
{
    CURLU *url = curl_url();
    char *text = url_of(one->base, "/other");

    curl_url_set(url, CURLUPART_URL, text, 0);
    free(text);
    curl_easy_setopt(one->curl, CURLOPT_CURLU, url);
    one->memory = url;
}

static void put_list(struct one *one)
{
    post(one);
    one->memory = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(one->curl, CURLOPT_HTTPHEADER, one->memory);
}

static void another_list(struct one *one)
{
    curl_slist_free_all(one->memory);
    one->memory = curl_slist_append(NULL, "X-Newer: 1");
    one->memory =
        curl_slist_append(one->memory, "Content-Type: application/json");
    curl_easy_setopt(one->curl, CURLOPT_HTTPHEADER, one->memory);
}

static void another_method(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_CUSTOMREQUEST, "PUT");
}

static void other_writers(struct one *one)
{
    curl_easy_setopt(one->curl, CURLOPT_WRITEDATA, &one->other);
    curl_easy_setopt(one->curl, CURLOPT_HEADERFUNCTION, collect);
    curl_easy_setopt(one->curl, CURLOPT_HEADERDATA, &one->other);
}

static int count_call(void *user, char *a, char *b, int c, int d)
{
    (void)a, (void)b, (void)c, (void)d;
    ++*(int *)user;
    return 0;
}

static void put_prereq(struct one *one)
{
    post(one);
    curl_easy_setopt(one->curl, PREREQFUNCTION, count_call);
    curl_easy_setopt(one->curl, PREREQDATA, &one->calls[0]);
}

static void another_prereq(struct one *one)
{
    curl_easy_setopt(one->curl, PREREQDATA, &one->calls[1]);
}

/* ---- the whole handle -----------------------------------------------------
 */

/* By an address that makes it a call, whatever it sends. */
static void post_to_deployment(struct one *one)
{
    post(one);
    set_url(one->curl, one->base,
            "/openai/deployments/dep1/chat/completions?api-version=1");
}

/* Somewhere else, where nobody is. */
static void begin_anew(struct one *one)
{
    curl_easy_reset(one->curl);
    set_url(one->curl, "http://127.0.0.1:1", "/other");
    curl_easy_setopt(one->curl, CURLOPT_NOSIGNAL, 1L);
    write_to(one->curl, collect, &one->other);
}

/* And nowhere any more. */
static void reset_alone(struct one *one)
{
    curl_easy_reset(one->curl);
}

/* Where nobody is, either. */
static void nowhere(struct one *one)
{
    set_url(one->curl, "http://127.0.0.1:1", "/other");
}

static void connect_alone(struct one *one)
{
    set_url(one->curl, "http://127.0.0.1:1", CHAT);
    curl_easy_setopt(one->curl, CURLOPT_CONNECT_ONLY, 1L);
}

static void duplicate(struct one *one)
{
    one->twin = curl_easy_duphandle(one->curl);
    curl_easy_setopt(one->twin, CURLOPT_WRITEDATA, &one->other);
}

static const struct change changes[] = {
    {"size", AT(BEGINS), post_unended, give_size},
    {"body", ANY, NULL, another_body},
    {"shorter body", AT(BEGINS), post_sized, shorter_body},
    {"no body", AT(BEGINS), NULL, no_body},
    {"get too late", AT(WAITS) | AT(CONNECTS), NULL, get_too_late},
    {"source", ANY, post_read, another_source},
    {"reader", ANY, post_read, another_reader},
    {"many sources", ANY, post_read, many_sources},
    {"same source", ANY, post_read, same_source},
    {"reader for body", AT(BEGINS), NULL, reader_for_body},
    {"body for reader", ANY, post_read, body_for_reader},
    {"moved source", TWICE, post_rewound, moved_source},
    {"rewind", TWICE, post_moved, set_rewind},
    {"restart", TWICE, post_moved, set_restart},
    {"other rewind", TWICE, post_rewound, set_rewind},
    {"no rewind", TWICE, post_rewound, no_rewind},
    {"restart for rewind", TWICE, post_rewound, restart_for_rewind},
    {"file", TWICE, post_file, another_file},
    {"reader for file", TWICE, post_file, reader_for_file},
    {"file for reader", TWICE, post_read_with_file, file_for_reader},
    {"pipe", TWICE, post_pipe, post_again},
    {"upload too late", AT(WAITS) | AT(CONNECTS), post_and_read,
     upload_too_late},
    {"form", AT(BEGINS), post_sized, a_form},
    {"address", ANY, NULL, elsewhere},
    {"url handle", AT(BEGINS), NULL, by_url_handle},
    {"list", ANY, put_list, another_list},
    {"method", ANY, NULL, another_method},
    {"writers", ANY, NULL, other_writers},
    {"prereq", ANY, put_prereq, another_prereq},
    {"nowhere", AT(BEGINS) | AT(WAITS), post_to_deployment, nowhere},
    {"connect alone", AT(BEGINS), post_to_deployment, connect_alone},
    {"reset alone", AT(BEGINS), post_to_deployment, reset_alone},
    {"reset", AT(BEGINS), post_to_deployment, begin_anew},
    {"twin", ANY, NULL, duplicate},
};

#define CHANGES (sizeof(changes) / sizeof(*changes))

/* ---- the transfers ---------------------------------------------------------
 */

struct all {
    struct one ones[CHANGES];
    CURLM *multi;
    int socket; /* of the first one */
    bool begun, armed, done;
};

static size_t change_all(char *data, size_t size, size_t count, void *user)
{
    struct all *all = user;

    (void)data;
    all->begun = true;
    if (!all->armed || all->done)
        return size * count;
    all->done = true;
    for (size_t i = 0; i < CHANGES; i++)
        if (all->ones[i].curl)
            all->ones[i].change->apply(&all->ones[i]);
    return size * count;
}

static curl_socket_t open_first(void *user, curlsocktype purpose,
                                struct curl_sockaddr *address)
{
    struct all *all = user;

    (void)purpose;
    all->socket = socket(address->family, address->socktype, address->protocol);
    return all->socket;
}

static CURL *start_first(struct all *all, const char *base)
{
    CURL *first = asking(base, CHAT, ASK("big", ", \"stream\": true"), NULL);
    int running;

    write_to(first, change_all, all);
    /* libcurl fills it a hundred times at most in one drive: that is less than
     * the answer, however much of it has come. */
    curl_easy_setopt(first, CURLOPT_BUFFERSIZE, 1024L);
    curl_easy_setopt(first, CURLOPT_OPENSOCKETFUNCTION, open_first);
    curl_easy_setopt(first, CURLOPT_OPENSOCKETDATA, all);
    curl_multi_add_handle(all->multi, first);
    do {
        curl_multi_perform(all->multi, &running);
        curl_multi_wait(all->multi, NULL, 0, 1000, NULL);
    } while (running && !all->begun);
    return first;
}

static void add(struct all *all, struct one *one, const char *base)
{
    one->base = base;
    one->curl = asking(base, CHAT, NULL, &one->text);
    curl_easy_setopt(one->curl, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(one->curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(one->curl, CURLOPT_SSL_VERIFYHOST, 0L);
    (one->change->prepare ? one->change->prepare : post)(one);
    curl_multi_add_handle(all->multi, one->curl);
}

static void end(struct all *all, struct one *one)
{
    curl_multi_remove_handle(all->multi, one->curl);
    show(one->change->name, one->curl, CURLE_OK, &one->text);
    if (one->twin)
        show("twin", one->twin, curl_easy_perform(one->twin), &one->other);
    printf("%d %d %zu, %zu %zu, %d %d, %s\n", one->calls[0], one->calls[1],
           one->other.len, one->reading[0].from.at, one->reading[1].from.at,
           one->reading[0].rewound, one->reading[1].rewound, one->reason);
    for (int i = 0; i < 2; i++)
        if (one->file[i])
            printf("file at %ld\n", ftell(one->file[i]));
    for (int i = 0; i < 2; i++)
        if (one->file[i])
            fclose(one->file[i]);
    free(one->other.data);
    curl_easy_cleanup(one->curl);
    curl_easy_cleanup(one->twin);
    if (one->change->apply == a_form)
        curl_mime_free(one->memory);
    if (one->change->apply == by_url_handle)
        curl_url_cleanup(one->memory);
    if (one->change->apply == another_list)
        curl_slist_free_all(one->memory);
}

/* Changed by a callback of its own, as the answer comes. */
static size_t change_own(char *data, size_t size, size_t count, void *user)
{
    struct one *one = user;

    (void)data;
    if (!one->changed)
        one->change->apply(one);
    one->changed = true;
    return size * count;
}

static void answered(const char *base)
{
    for (size_t i = 0; i < CHANGES; i++) {
        struct all all = {.multi = curl_multi_init()};
        struct one *one = &all.ones[0];

        one->change = &changes[i];
        if (changes[i].moments & AT(ANSWERED)) {
            add(&all, one, base);
            curl_easy_setopt(one->curl, CURLOPT_HEADERFUNCTION, change_own);
            curl_easy_setopt(one->curl, CURLOPT_HEADERDATA, one);
            drive(all.multi);
            end(&all, one);
        }
        curl_multi_cleanup(all.multi);
    }
}

/* More of the first one's answer, which is long, is there as the others come to
 * their moment: libcurl hands it over before it goes on with those. */
static void run(const char *base, enum moment moment)
{
    struct all all = {.multi = curl_multi_init()};
    CURL *first = start_first(&all, base);
    int running;

    if (moment == WAITS)
        curl_multi_setopt(all.multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 1L);
    for (size_t i = 0; i < CHANGES && since(PREREQ_SINCE); i++) {
        all.ones[i].change = &changes[i];
        if (changes[i].moments & AT(moment))
            add(&all, &all.ones[i], moment == CONNECTS ? secure : base);
    }
    if (moment != BEGINS)
        curl_multi_perform(all.multi, &running);
    if (poll(&(struct pollfd){.fd = all.socket, .events = POLLIN}, 1, 20000) !=
        1)
        exit(3);
    all.armed = true;
    drive(all.multi);
    curl_multi_remove_handle(all.multi, first);
    curl_easy_cleanup(first);
    for (size_t i = 0; i < CHANGES; i++)
        if (all.ones[i].curl)
            end(&all, &all.ones[i]);
    curl_multi_cleanup(all.multi);
}

static void begins(const char *base)
{
    run(base, BEGINS);
}

static void waits(const char *base)
{
    run(base, WAITS);
}

static void connects(const char *base)
{
    run(base, CONNECTS);
}

int main(int argc, char **argv)
{
    bool all = since(PREREQ_SINCE);
    const struct one_case cases[] = {
        {"begins", begins, all ? 23 : 1, all ? 3 : 0},
        {"waits", waits, all ? 22 : 1, all ? 3 : 0},
        {"answered", answered, 10, 3},
        {"connects", connects, all ? 24 : 1, all ? 3 : 0},
    };

    if (argc == 4)
        secure = argv[--argc];
    return cases_main(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}
