/* Options that name memory of the app, which is freed and replaced at each
 * point where libcurl allows it. */
#include "tests/clients/cases.h"
#include "tests/clients/pages.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define AUDIO "/v1/audio/transcriptions"

/* When the option gets other memory, or only loses what it has. UNSET: it has
 * none of its own until the handle was added. WAITING: the first drive is over,
 * and nothing was sent. */
enum moment {
    UNSET,
    ADDED,
    WAITING,
    SOCKET,
    PREREQ,
    ANSWER,
    DONE,
    REMOVED,
    MOMENTS
};

#define BIT(moment) (1U << (moment))
#define BEFORE_DRIVE (BIT(UNSET) | BIT(ADDED))
#define AFTER_ALL (BIT(ANSWER) | BIT(DONE) | BIT(REMOVED))
#define AT_REQUEST (BIT(WAITING) | BIT(SOCKET) | BIT(PREREQ))

struct asked;

/* One option: puts memory of a kind in, takes it back. */
struct option {
    void *(*make)(struct asked *asked, int turn);
    void (*put)(struct asked *asked, void *memory);
    void (*drop)(void *memory);
    unsigned moments;
};

struct asked {
    const struct option *option;
    enum moment moment;
    CURL *curl;
    const char *base;
    struct text text;
    void *memory[2];
    bool replaced;
};

/* -- the options ----------------------------------------------------------- */

static void *make_fields(struct asked *asked, int turn)
{
    (void)asked;
    return paged(texts[turn], false);
}

/* The size, as it may, comes last; both have the same. */
static void put_fields(struct asked *asked, void *memory)
{
    curl_easy_setopt(asked->curl, CURLOPT_POSTFIELDS, memory);
    curl_easy_setopt(asked->curl, CURLOPT_POSTFIELDSIZE, -1L);
    curl_easy_setopt(asked->curl, CURLOPT_POSTFIELDSIZE,
                     (long)strlen(texts[0]));
}

static void *make_string(struct asked *asked, int turn)
{
    (void)asked;
    return paged(texts[turn], true);
}

static void put_string(struct asked *asked, void *memory)
{
    curl_easy_setopt(asked->curl, CURLOPT_POSTFIELDS, memory);
}

/* A node in a page of its own, its text behind it. */
static void *make_list(const char *text)
{
    char room[512];
    struct curl_slist *node;
    size_t len = (strlen(text) + sizeof(*node)) / sizeof(*node) * sizeof(*node);

    memset(room, '.', sizeof(room));
    room[sizeof(*node) + len] = '\0';
    node = (struct curl_slist *)(void *)paged(room, false);
    node->next = NULL;
    node->data = (char *)(node + 1);
    strcpy(node->data, text);
    return node;
}

static void *make_header(struct asked *asked, int turn)
{
    (void)asked;
    return make_list(turn ? "Content-Type: application/json; charset=utf-8"
                          : "Content-Type: application/json");
}

static void put_header(struct asked *asked, void *memory)
{
    curl_easy_setopt(asked->curl, CURLOPT_HTTPHEADER, memory);
}

static void *make_url(struct asked *asked, int turn)
{
    CURLU *url = curl_url();
    char *text = url_of(asked->base, CHAT);

    curl_url_set(url, CURLUPART_URL, text, 0);
    curl_url_set(url, CURLUPART_FRAGMENT, turn ? "new" : "old", 0);
    free(text);
    return url;
}

static void put_url(struct asked *asked, void *memory)
{
    curl_easy_setopt(asked->curl, CURLOPT_CURLU, memory);
}

static void drop_url(void *memory)
{
    curl_url_cleanup(memory);
}

static void *make_mime(struct asked *asked, int turn)
{
    curl_mime *mime = curl_mime_init(asked->curl);
    curl_mimepart *part = curl_mime_addpart(mime);

    curl_mime_name(part, "prompt");
    curl_mime_data(part, turn ? "new" : "old", CURL_ZERO_TERMINATED);
    return mime;
}

static void put_mime(struct asked *asked, void *memory)
{
    curl_easy_setopt(asked->curl, CURLOPT_MIMEPOST, memory);
}

static void drop_mime(void *memory)
{
    curl_mime_free(memory);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static void *make_form(struct asked *asked, int turn)
{
    struct curl_httppost *form = NULL, *last = NULL;

    (void)asked;
    curl_formadd(&form, &last, CURLFORM_COPYNAME, "prompt",
                 CURLFORM_COPYCONTENTS, turn ? "new" : "old", CURLFORM_END);
    return form;
}

static void put_form(struct asked *asked, void *memory)
{
    curl_easy_setopt(asked->curl, CURLOPT_HTTPPOST, memory);
}

static void drop_form(void *memory)
{
    curl_formfree(memory);
}
#pragma GCC diagnostic pop

static void *make_resolve(struct asked *asked, int turn)
{
    const char *port = strrchr(asked->base, ':') + 1;
    char entry[64];

    snprintf(entry, sizeof(entry), "%s.test:%.5s:127.0.0.1",
             turn ? "new" : "old", port);
    return make_list(entry);
}

static void put_resolve(struct asked *asked, void *memory)
{
    curl_easy_setopt(asked->curl, CURLOPT_RESOLVE, memory);
}

static void *make_reason(struct asked *asked, int turn)
{
    char room[CURL_ERROR_SIZE + 1];

    (void)asked;
    memset(room, turn ? 'n' : 'o', sizeof(room) - 1);
    room[CURL_ERROR_SIZE] = '\0';
    return paged(room, false);
}

static void put_reason(struct asked *asked, void *memory)
{
    curl_easy_setopt(asked->curl, CURLOPT_ERRORBUFFER, memory);
}

/* A reader's state, its text within. */
struct reading {
    size_t at;
    char text[120];
};

static size_t read_paged(char *to, size_t size, size_t count, void *from)
{
    struct reading *reading = from;
    size_t len = strlen(reading->text + reading->at);

    if (len > size * count)
        len = size * count;
    memcpy(to, reading->text + reading->at, len);
    reading->at += len;
    return len;
}

static void *make_reading(struct asked *asked, int turn)
{
    char room[sizeof(struct reading) + 1];
    struct reading *reading;

    (void)asked;
    memset(room, '.', sizeof(room) - 1);
    room[sizeof(room) - 1] = '\0';
    reading = (struct reading *)(void *)paged(room, false);
    reading->at = 0;
    strcpy(reading->text, texts[turn]);
    return reading;
}

static void put_reading(struct asked *asked, void *memory)
{
    curl_easy_setopt(asked->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(asked->curl, CURLOPT_POSTFIELDSIZE,
                     (long)strlen(texts[0]));
    curl_easy_setopt(asked->curl, CURLOPT_READFUNCTION, read_paged);
    curl_easy_setopt(asked->curl, CURLOPT_READDATA, memory);
}

/* libcurl's own reader, of a file. */
static void *make_file(struct asked *asked, int turn)
{
    FILE *file = tmpfile();

    (void)asked;
    if (!file || fputs(texts[turn], file) < 0)
        exit(3);
    rewind(file);
    return file;
}

static void put_file(struct asked *asked, void *memory)
{
    curl_easy_setopt(asked->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(asked->curl, CURLOPT_POSTFIELDSIZE,
                     (long)strlen(texts[0]));
    curl_easy_setopt(asked->curl, CURLOPT_READDATA, memory);
}

static void drop_file(void *memory)
{
    fclose(memory);
}

static const struct option fields = {make_fields, put_fields, unpage,
                                     BEFORE_DRIVE | AT_REQUEST | AFTER_ALL};
static const struct option string = {make_string, put_string, unpage,
                                     BEFORE_DRIVE | AT_REQUEST | AFTER_ALL};
static const struct option header = {make_header, put_header, unpage,
                                     BEFORE_DRIVE | AT_REQUEST | AFTER_ALL};
static const struct option curlu = {make_url, put_url, drop_url,
                                    BEFORE_DRIVE | AT_REQUEST | AFTER_ALL};
static const struct option mime = {make_mime, put_mime, drop_mime,
                                   BIT(ADDED) | BIT(WAITING) | BIT(SOCKET) |
                                       BIT(DONE) | BIT(REMOVED)};
static const struct option form = {make_form, put_form, drop_form,
                                   BIT(ADDED) | BIT(WAITING) | BIT(SOCKET) |
                                       BIT(DONE) | BIT(REMOVED)};
static const struct option resolve = {make_resolve, put_resolve, unpage,
                                      BIT(ADDED) | AFTER_ALL};
static const struct option reason = {make_reason, put_reason, unpage,
                                     BIT(ADDED) | AT_REQUEST | AFTER_ALL};
static const struct option reading = {make_reading, put_reading, unpage,
                                      BEFORE_DRIVE | AFTER_ALL};
static const struct option file = {make_file, put_file, drop_file,
                                   BEFORE_DRIVE | AFTER_ALL};

/* -- moments ----------------------------------------------------------------
 */

/* Before the request is made the option gets new memory, later it keeps the
 * address of what is gone. */
static void at(struct asked *asked, enum moment moment)
{
    if (asked->moment != moment || asked->replaced)
        return;
    asked->replaced = true;
    if (moment < ANSWER) {
        asked->memory[1] = asked->option->make(asked, 1);
        asked->option->put(asked, asked->memory[1]);
    }
    if (moment != UNSET)
        asked->option->drop(asked->memory[0]);
}

static size_t at_answer(char *data, size_t size, size_t count, void *user)
{
    struct asked *asked = user;

    at(asked, ANSWER);
    return collect(data, size, count, &asked->text);
}

static curl_socket_t at_socket(void *user, curlsocktype purpose,
                               struct curl_sockaddr *address)
{
    (void)purpose;
    at(user, SOCKET);
    return socket(address->family, address->socktype, address->protocol);
}

static int at_request(void *user, char *a, char *b, int c, int d)
{
    (void)a, (void)b, (void)c, (void)d;
    at(user, PREREQ);
    return 0;
}

static void begin(struct asked *asked, const struct option *option,
                  enum moment moment, const char *base)
{
    asked->option = option;
    asked->moment = moment;
    asked->base = base;
    asked->curl = asking(base, CHAT, hello, NULL);
    curl_easy_setopt(asked->curl, CURLOPT_IPRESOLVE, CURL_IPRESOLVE_V4);
    write_to(asked->curl, at_answer, asked);
    curl_easy_setopt(asked->curl, CURLOPT_OPENSOCKETFUNCTION, at_socket);
    curl_easy_setopt(asked->curl, CURLOPT_OPENSOCKETDATA, asked);
    curl_easy_setopt(asked->curl, PREREQFUNCTION, at_request);
    curl_easy_setopt(asked->curl, PREREQDATA, asked);
    if (option == &reading || option == &file)
        curl_easy_setopt(asked->curl, CURLOPT_POSTFIELDS, NULL);
    asked->memory[0] = option->make(asked, 0);
    option->put(asked, asked->memory[0]);
    if (moment == UNSET)
        option->drop(asked->memory[0]);
}

static void end(struct asked *asked, CURLcode rc)
{
    char label[16];

    snprintf(label, sizeof(label), "moment %d", (int)asked->moment);
    show(label, asked->curl, rc, &asked->text);
    curl_easy_cleanup(asked->curl);
    if (!asked->replaced)
        asked->option->drop(asked->memory[0]);
    else if (asked->memory[1])
        asked->option->drop(asked->memory[1]);
}

/* To wait for a multi drives nothing: the memory of the added handle is still
 * the app's. */
static void wait_in_vain(CURLM *multi)
{
    fd_set in, out, wrong;
    long ms;
    int n;

    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&wrong);
    if (curl_multi_timeout(multi, &ms) != CURLM_OK ||
        curl_multi_fdset(multi, &in, &out, &wrong, &n) != CURLM_OK ||
        curl_multi_wait(multi, NULL, 0, 0, &n) != CURLM_OK ||
        curl_multi_poll(multi, NULL, 0, 0, &n) != CURLM_OK)
        exit(3);
}

/* Before, header list and body are read as the transfer begins. */
static bool has_prereq(void)
{
    return curl_version_info(CURLVERSION_NOW)->version_num >= 0x075000;
}

/* A listener that nobody answers for, and the transfer that connects to it. */
struct holder {
    int fd;
    CURL *curl;
};

/* Takes the only connection that the multi may have. */
static void hold(struct holder *holder, CURLM *multi)
{
    struct sockaddr_in place = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(place);
    char base[64];

    holder->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(holder->fd, (struct sockaddr *)&place, len) != 0 ||
        listen(holder->fd, 1) != 0 ||
        getsockname(holder->fd, (struct sockaddr *)&place, &len) != 0)
        exit(3);
    snprintf(base, sizeof(base), "http://127.0.0.1:%u", ntohs(place.sin_port));
    holder->curl = asking(base, "/", NULL, NULL);
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 1L);
    if (curl_multi_add_handle(multi, holder->curl) != CURLM_OK)
        exit(3);
}

static void let_go(const struct holder *holder, CURLM *multi)
{
    curl_multi_remove_handle(multi, holder->curl);
    curl_easy_cleanup(holder->curl);
    close(holder->fd);
}

static void in_multi(const struct option *option, enum moment moment,
                     const char *base)
{
    struct asked asked = {0};
    CURLM *multi = curl_multi_init();
    /* Beside another transfer nobody can tell which address libcurl takes. */
    bool holds = moment == WAITING && option != &curlu && has_prereq();
    struct holder holder;
    CURLMsg *message;
    CURLcode rc = CURLE_OK;
    int left;

    if (holds)
        hold(&holder, multi);
    begin(&asked, option, moment, base);
    if (curl_multi_add_handle(multi, asked.curl) != CURLM_OK)
        exit(3);
    wait_in_vain(multi);
    at(&asked, UNSET);
    at(&asked, ADDED);
    curl_multi_perform(multi, &left);
    at(&asked, WAITING);
    if (holds)
        let_go(&holder, multi);
    drive(multi);
    at(&asked, DONE);
    while ((message = curl_multi_info_read(multi, &left)) != NULL)
        rc = message->data.result;
    curl_multi_remove_handle(multi, asked.curl);
    at(&asked, REMOVED);
    end(&asked, rc);
    curl_multi_cleanup(multi);
}

static void alone(const struct option *option, enum moment moment,
                  const char *base)
{
    struct asked asked = {0};
    CURLcode rc;

    begin(&asked, option, moment, base);
    rc = curl_easy_perform(asked.curl);
    at(&asked, DONE);
    end(&asked, rc);
}

/* By a name that has to be looked up. */
static char *named(const char *base)
{
    char *url = malloc(strlen(base) + 16);

    if (!url)
        exit(3);
    sprintf(url, "http://localhost%s", strrchr(base, ':'));
    return url;
}

static void each(const struct option *option, const char *base)
{
    char *url = named(base);

#ifdef M_PERTURB
    mallopt(M_PERTURB, 0xa5);
#endif
    for (int i = 0; i < MOMENTS; i++) {
        if (option->moments & BIT(i))
            in_multi(option, (enum moment)i, url);
        if (option->moments & BIT(i) & ~(BEFORE_DRIVE | BIT(WAITING)))
            alone(option, (enum moment)i, url);
    }
    free(url);
}

#define CASE(name)                            \
    static void name##_goes(const char *base) \
    {                                         \
        each(&name, base);                    \
    }

CASE(fields)
CASE(string)
CASE(header)
CASE(curlu)
CASE(mime)
CASE(form)
CASE(resolve)
CASE(reading)
CASE(file)

/* Where nobody listens libcurl writes its reason, as it fails. */
static void reason_goes(const char *base)
{
    (void)base;
    each(&reason, "http://127.0.0.1:1");
}

/* From 8.3 on libcurl reads the list of a form in its first transfer alone. */
static bool reads_once(void)
{
    return curl_version_info(CURLVERSION_NOW)->version_num >= 0x080300;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
/* The list's own text lies in a page that goes with the list. */
static void send_form_twice(const char *base, const char *first, bool in_multi)
{
    struct text text = {0};
    CURL *curl = asking(base, first, NULL, &text);
    CURLM *multi = curl_multi_init();
    struct curl_httppost *list = NULL, *last = NULL;
    char *model = paged("whisper-1", true);

    curl_formadd(&list, &last, CURLFORM_COPYNAME, "model", CURLFORM_PTRCONTENTS,
                 model, CURLFORM_END);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(curl, CURLOPT_HTTPPOST, list);
    for (int i = 0; i < 2; i++) {
        if (in_multi) {
            add_and_drive(multi, curl);
            curl_multi_remove_handle(multi, curl);
        } else {
            printf("%d\n", (int)curl_easy_perform(curl));
        }
        if (i == 0 && reads_once()) {
            curl_formfree(list);
            list = NULL;
            unpage(model);
        }
        set_url(curl, base, AUDIO);
    }
    show("twice", curl, CURLE_OK, &text);
    clean_up(curl, multi);
    curl_formfree(list);
}
#pragma GCC diagnostic pop

static void form_goes_between(const char *base)
{
    for (int i = 0; i < 4; i++)
        send_form_twice(base, i / 2 ? "/other" : AUDIO, i % 2);
}

/* Nothing was there to be read, and libcurl never came to read it. */
static void never_sent(const char *base)
{
    (void)base;
    for (int i = 0; i < 2; i++) {
        CURL *curl = asking("http://127.0.0.1:1", CHAT, NULL, NULL);
        char *body = paged(texts[0], false);
        void *list = make_list("Content-Type: application/json");
        FILE *gone = tmpfile();

        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
        curl_easy_setopt(curl, CURLOPT_READDATA, gone);
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        if (i == 0)
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(texts[0]));
        if (has_prereq()) {
            unpage(body);
            unpage(list);
            fclose(gone);
        }
        printf("rc=%d\n", (int)curl_easy_perform(curl));
        curl_easy_cleanup(curl);
    }
}

/* Body and URL of no LLM, both without an end until libcurl looks. */
static void size_after_add(const char *base)
{
    static const char *const paths[] = {"/other", CHAT};

    for (int i = 0; i < 2; i++) {
        struct text text = {0};
        CURLM *multi = curl_multi_init();
        char *body = paged(texts[0], false);
        CURL *curl = asking(base, paths[i], body, &text);

        curl_multi_add_handle(multi, curl);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(texts[0]));
        drive(multi);
        curl_multi_remove_handle(multi, curl);
        show("late", curl, CURLE_OK, &text);
        curl_easy_cleanup(curl);
        curl_multi_cleanup(multi);
        unpage(body);
    }
}

/* A handle that is used again is added first and gets its options then, a
 * fresh body, list and URL handle each time. */
static void added_first(const char *base)
{
    struct text text = {0};
    CURLM *multi = curl_multi_init();
    CURL *curl = curl_easy_init();
    struct asked asked = {.curl = curl, .base = base};

#ifdef M_PERTURB
    mallopt(M_PERTURB, 0xa5);
#endif
    write_to(curl, collect, &text);
    for (int i = 0; i < 50; i++) {
        char *body = strdup(texts[i % 2]);
        struct curl_slist *list =
            curl_slist_append(NULL, "Content-Type: application/json");
        CURLU *url = make_url(&asked, 0);

        curl_multi_add_handle(multi, curl);
        curl_easy_setopt(curl, CURLOPT_CURLU, url);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        drive(multi);
        curl_multi_remove_handle(multi, curl);
        free(body);
        curl_slist_free_all(list);
        curl_url_cleanup(url);
    }
    printf("%d answers, %zu bytes\n", text.calls, text.len);
    free(text.data);
    clean_up(curl, multi);
}

/* The app refuses the request, and its body is gone by then. */
static int refuse(void *user, char *a, char *b, int c, int d)
{
    (void)a, (void)b, (void)c, (void)d;
    unpage(user);
    return 1;
}

static void refused(const char *base)
{
    CURL *curl =
        asking(has_prereq() ? base : "http://127.0.0.1:1", CHAT, NULL, NULL);
    char *body = paged(texts[0], false);

    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(texts[0]));
    curl_easy_setopt(curl, PREREQFUNCTION, refuse);
    curl_easy_setopt(curl, PREREQDATA, body);
    printf("rc=%d\n", (int)curl_easy_perform(curl));
    curl_easy_cleanup(curl);
}

/* libcurl tells of its timer while it adds; the app drives it at once, which
 * libcurl refuses, and gives the handle its body then. */
static int drive_at_once(CURLM *multi, long ms, void *user)
{
    int running;

    if (ms >= 0 && *(int *)user < 0)
        *(int *)user = curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0,
                                                &running) != CURLM_OK;
    return 0;
}

static void driven_while_added(const char *base)
{
    struct text text = {0};
    CURLM *multi = curl_multi_init();
    char *gone = paged(texts[0], true), *body = paged(texts[1], true);
    CURL *curl = asking(base, CHAT, gone, &text);
    /* Before 7.82 it would drive. */
    bool refuses = curl_version_info(CURLVERSION_NOW)->version_num >= 0x075200;
    int refusal = refuses ? -1 : 0;

    unpage(gone);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, drive_at_once);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, &refusal);
    curl_multi_add_handle(multi, curl);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    drive(multi);
    finish("driven", curl, multi, &text);
    unpage(body);
}

/* libcurl settles whom it reads from when it begins; both are there. */
static void reader_fixed(const char *base)
{
    struct text text = {0};
    struct asked asked = {0};
    CURLM *multi = curl_multi_init();
    char *url = named(base);
    struct reading *first = make_reading(&asked, 0);
    struct reading *second = make_reading(&asked, 1);
    int running;

    asked.curl = asking(url, CHAT, NULL, &text);
    put_reading(&asked, first);
    curl_multi_add_handle(multi, asked.curl);
    curl_multi_perform(multi, &running);
    curl_easy_setopt(asked.curl, CURLOPT_READDATA, second);
    drive(multi);
    curl_multi_remove_handle(multi, asked.curl);
    show("fixed", asked.curl, CURLE_OK, &text);
    second->at = 0;
    run_one("next", asked.curl, &text);
    curl_easy_cleanup(asked.curl);
    curl_multi_cleanup(multi);
    free(url);
}

/* The app's own callback of that kind: called for each request, whenever it was
 * set, and for those of the same handle that are none of ours. */
static int counted(void *user, char *a, char *b, int c, int d)
{
    (void)a, (void)b, (void)c, (void)d;
    ++*(int *)user;
    return 0;
}

static curl_socket_t set_inside(void *user, curlsocktype purpose,
                                struct curl_sockaddr *address)
{
    struct asked *asked = user;

    (void)purpose;
    curl_easy_setopt(asked->curl, PREREQDATA, &((int *)asked->memory[0])[1]);
    return socket(address->family, address->socktype, address->protocol);
}

static void own_prereq(const char *base)
{
    struct text text = {0};
    int counts[3] = {0};
    struct asked asked = {.memory = {counts}};
    CURL *curl = asking(base, CHAT, moved, &text), *twin;

    asked.curl = curl;
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, PREREQFUNCTION, counted);
    curl_easy_setopt(curl, PREREQDATA, counts);
    run_one("first", curl, &text);
    twin = curl_easy_duphandle(curl);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, set_inside);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &asked);
    run_one("inside", curl, &text);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    set_url(curl, base, "/v1/models");
    run_one("get", curl, &text);
    run_one("twin", twin, &text);
    curl_easy_reset(curl);
    set_url(curl, base, "/v1/models");
    write_to(curl, collect, &text);
    run_one("reset", curl, &text);
    printf("%d %d %d\n", counts[0], counts[1], counts[2]);
    curl_easy_cleanup(curl);
    curl_easy_cleanup(twin);
}

/* -- a URL handle that another transfer's callback replaces -----------------
 */

struct led {
    CURL *curl;
    CURLU *url; /* freed when its transfer was added */
    const char *base;
};

static size_t lead(char *data, size_t size, size_t count, void *user)
{
    struct led *led = user;
    struct asked asked = {.base = led->base};

    (void)data;
    if (led->url)
        return size * count;
    led->url = make_url(&asked, 1);
    curl_easy_setopt(led->curl, CURLOPT_CURLU, led->url);
    return size * count;
}

/* In the drive in which libcurl begins with the other one, before that. */
static CURL *leading(struct led *led)
{
    CURL *curl = curl_easy_init();

    curl_easy_setopt(curl, CURLOPT_URL, "file:///etc/passwd");
    write_to(curl, lead, led);
    return curl;
}

static void led_to(const char *base)
{
    struct led led = {.base = base};
    struct asked asked = {.base = base};
    struct text text = {0};
    CURLM *multi = curl_multi_init();
    CURL *first = leading(&led);

    led.curl = curl_easy_init();
    led.url = make_url(&asked, 0);
    curl_easy_setopt(led.curl, CURLOPT_CURLU, led.url);
    curl_easy_setopt(led.curl, CURLOPT_HTTPHEADER, json_headers);
    curl_easy_setopt(led.curl, CURLOPT_COPYPOSTFIELDS, hello);
    write_to(led.curl, collect, &text);
    curl_multi_add_handle(multi, first);
    curl_multi_add_handle(multi, led.curl);
    curl_url_cleanup(led.url);
    led.url = NULL;
    drive(multi);
    curl_multi_remove_handle(multi, led.curl);
    show("led", led.curl, CURLE_OK, &text);
    curl_multi_remove_handle(multi, first);
    curl_easy_cleanup(led.curl);
    clean_up(first, multi);
    curl_url_cleanup(led.url);
}

static void url_goes_beside(const char *base)
{
#ifdef M_PERTURB
    mallopt(M_PERTURB, 0xa5);
#endif
    led_to(base);
    led_to("http://127.0.0.1:1");
}

/* -- bodies that libcurl sends later than the request, or never --------------
 */

struct late {
    const char *path;
    long auth;
    const char *expect;
    const char *line; /* of the answer with which the body may be read */
    size_t size;
    bool another; /* it is another body then */
};

struct waiting {
    const struct late *late;
    CURL *curl;
    char *body, *other;
    struct text text;
};

/* A text and white space, which nobody may read yet. */
static char *hidden(const char *text, size_t size)
{
    char *body = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (body == MAP_FAILED)
        exit(3);
    memset(body, ' ', size);
    memcpy(body, text, strlen(text));
    if (mprotect(body, size, PROT_NONE) != 0)
        exit(3);
    return body;
}

static void reveal(const struct waiting *waiting)
{
    char *body = waiting->body;

    if (waiting->late->another) {
        body = waiting->other;
        curl_easy_setopt(waiting->curl, CURLOPT_POSTFIELDS, body);
    }
    mprotect(body, waiting->late->size, PROT_READ);
}

/* With the answer it is gone. */
static size_t at_line(char *data, size_t size, size_t count, void *user)
{
    const struct waiting *waiting = user;
    const char *line = waiting->late->line;

    if (line && strncmp(data, line, strlen(line)) == 0)
        reveal(waiting);
    else if (strncmp(data, "HTTP/1.1 200", 12) == 0)
        for (int i = 0; i < 2; i++)
            mprotect(i ? waiting->other : waiting->body, waiting->late->size,
                     PROT_NONE);
    return size * count;
}

static void ask_late(const struct late *late, const char *base, bool alone)
{
    struct waiting waiting = {.late = late};
    struct curl_slist *list =
        curl_slist_append(NULL, "Content-Type: application/json");
    CURL *curl = asking(base, late->path, NULL, &waiting.text);
    CURLM *multi = curl_multi_init();

    if (late->expect)
        list = curl_slist_append(list, late->expect);
    waiting.curl = curl;
    waiting.body = hidden(texts[0], late->size);
    waiting.other = hidden(texts[1], late->size);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, waiting.body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)late->size);
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, late->auth);
    curl_easy_setopt(curl, CURLOPT_USERPWD, "user:pw-Unspeakable77");
    /* Where an answer tells when the body may be read, libcurl waits for that
     * answer, also on a slow machine. */
    curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS,
                     late->line ? 20000L : 50L);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, at_line);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &waiting);
    if (!late->line && !late->another)
        mprotect(waiting.body, late->size, PROT_READ);
    if (alone) {
        printf("%d\n", (int)curl_easy_perform(curl));
    } else {
        add_and_drive(multi, curl);
        curl_multi_remove_handle(multi, curl);
    }
    show("late", curl, CURLE_OK, &waiting.text);
    clean_up(curl, multi);
    curl_slist_free_all(list);
}

#define BIG ((size_t)1536 * 1024)
#define BASIC CURLAUTH_BASIC
#define EXPECT "Expect: 100-continue"

static const struct late lates[] = {
    {"/auth" CHAT, CURLAUTH_DIGEST, NULL, "HTTP/1.1 401", PAGE, false},
    {"/auth" CHAT, CURLAUTH_DIGEST, NULL, "HTTP/1.1 401", PAGE, true},
    {"/auth" CHAT, (long)CURLAUTH_ANY, NULL, NULL, PAGE, false},
    {"/auth" CHAT, CURLAUTH_DIGEST, EXPECT, "HTTP/1.1 401", PAGE, false},
    {CHAT, BASIC, EXPECT, "HTTP/1.1 100", PAGE, false},
    {CHAT, BASIC, NULL, "HTTP/1.1 100", BIG, false},
    {"/unasked" CHAT, BASIC, EXPECT, NULL, PAGE, false},
};

#define LATES (sizeof(lates) / sizeof(*lates))

static void fields_late(const char *base)
{
    for (size_t i = 0; i < 2 * LATES; i++)
        ask_late(&lates[i / 2], base, i % 2);
}

/* Nobody reads them. */
static void fields_refused(const char *base)
{
    static const struct late refused[] = {
        {"/refused" CHAT, BASIC, EXPECT, NULL, PAGE, true},
        {"/refused" CHAT, BASIC, NULL, NULL, BIG, true},
    };

    for (size_t i = 0; i < 4; i++)
        ask_late(&refused[i / 2], base, i % 2);
}

/* A multi's says when it may be read, another one's is as long as the call. */
static void fields_unanswered(const char *base)
{
    static const char *const paths[] = {CHAT, "/unasked" CHAT};
    struct curl_slist *list = curl_slist_append(NULL, EXPECT);

    list = curl_slist_append(list, "Content-Type: application/json");
    for (int i = 0; i < 2; i++) {
        CURL *curl = asking(base, paths[i], ASK("hang", ""), NULL);
        CURLM *multi = curl_multi_init();

        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE,
                         (long)strlen(ASK("hang", "")));
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
        curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, 50L);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 1500L);
        if (i == 0) {
            add_and_drive(multi, curl);
            curl_multi_remove_handle(multi, curl);
        } else {
            printf("%d\n", (int)curl_easy_perform(curl));
        }
        curl_easy_cleanup(curl);
        curl_multi_cleanup(multi);
    }
    curl_slist_free_all(list);
}

static void none(const char *base)
{
    (void)base;
}

int main(int argc, char **argv)
{
    const bool later = has_prereq();
    const int led = has_prereq() ? 1 : 0;
    const struct one_case cases[] = {
        {"fields_goes", fields_goes, 13, 0},
        {"string_goes", string_goes, 13, 0},
        {"header_goes", header_goes, 13, 0},
        {"curlu_goes", curlu_goes, 13, 0},
        {"mime_goes", mime_goes, 0, 0},
        {"form_goes", form_goes, 0, 0},
        {"form_goes_between", form_goes_between, 6, 0},
        {"resolve_goes", resolve_goes, 7, 0},
        {"reason_goes", reason_goes, 12, 12},
        {"reading_goes", reading_goes, 8, 0},
        {"file_goes", file_goes, 8, 0},
        {"never_sent", never_sent, 2, 2},
        {"size_after_add", size_after_add, 1, 0},
        {"added_first", added_first, 50, 0},
        {"refused", refused, 1, 1},
        {"driven_while_added", driven_while_added, 1, 0},
        {"reader_fixed", reader_fixed, 2, 0},
        {"own_prereq", own_prereq, 3, 0},
        {"fields_late", later ? fields_late : none, later ? 14 : 0, 0},
        {"fields_refused", later ? fields_refused : none, later ? 4 : 0,
         later ? 4 : 0},
        {"fields_unanswered", later ? fields_unanswered : none, later ? 2 : 0,
         later ? 2 : 0},
        {"url_goes_beside", url_goes_beside, 2 * led, led},
    };

    return cases_main(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}
