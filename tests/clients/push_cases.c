/* Multis with a server push callback, against a server that pushes: BASE is
 * where CURLOPT_CONNECT_TO leads, "::ADDRESS:PORT". */
#include <stdbool.h>

#include "cases.h"

#define PUSHED_MAX 4
#define HOST "http://llm.test"

/* The app's PUSHDATA. */
struct pushes {
    const char *name;
    int answer;
    bool plain; /* a pushed handle keeps what it inherits */
    int calls;
    CURLM *multi; /* to be cleaned within the callback */
    CURL *list[PUSHED_MAX];
    struct text texts[PUSHED_MAX];
    CURL *twin; /* of the first one, where `twins` */
    bool twins;
};

static const char *path_of(struct curl_pushheaders *headers)
{
    const char *path = curl_pushheader_byname(headers, ":path");

    return path ? path : "-";
}

static void take(struct pushes *pushes, CURL *pushed, int i)
{
    if (!pushes->plain) {
        write_to(pushed, collect, &pushes->texts[i]);
        curl_easy_setopt(pushed, CURLOPT_PRIVATE, (void *)"pushed");
    }
    if (pushes->twins && i == 0)
        pushes->twin = curl_easy_duphandle(pushed);
    pushes->list[i] = pushed;
}

static int on_push(CURL *parent, CURL *pushed, size_t count,
                   struct curl_pushheaders *headers, void *user)
{
    struct pushes *pushes = user;
    int i = pushes->calls++;

    printf("%s %d: %zu headers, %s, first %s, parent %d\n", pushes->name, i,
           count, path_of(headers), curl_pushheader_bynum(headers, 0),
           parent != pushed);
    if (pushes->multi)
        printf("cleanup=%d\n", (int)curl_multi_cleanup(pushes->multi));
    if (pushes->answer == CURL_PUSH_OK && i < PUSHED_MAX)
        take(pushes, pushed, i);
    return pushes->answer;
}

static int other_push(CURL *parent, CURL *pushed, size_t count,
                      struct curl_pushheaders *headers, void *user)
{
    printf("other: ");
    return on_push(parent, pushed, count, headers, user);
}

#define PUSH_ASK(rest)                                                  \
    "{\"model\": \"gpt-4o-mini\", \"messages\": [{\"role\": \"user\", " \
    "\"content\": \"say hello to the test\"}]" rest "}"

static const char *const one = PUSH_ASK(", \"push\": [\"/one.css\"]");
static const char *const two =
    PUSH_ASK(", \"push\": [\"/one.css\", \"/two.js\"]");

/* The server's, as CURLOPT_CONNECT_TO has it. */
static struct curl_slist *place;

static CURL *asking2(const char *base, const char *body, struct text *into)
{
    CURL *curl = asking(HOST, CHAT, body, into);

    if (!place)
        place = curl_slist_append(NULL, base);
    curl_easy_setopt(curl, CURLOPT_CONNECT_TO, place);
    /* libcurl 7.88 sends nothing on a connection of prior knowledge that it
     * uses again. */
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
                     (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, (void *)"asked");
    return curl;
}

static CURLM *pushed_to(struct pushes *pushes)
{
    CURLM *multi = curl_multi_init();

    curl_multi_setopt(multi, CURLMOPT_PUSHFUNCTION, on_push);
    curl_multi_setopt(multi, CURLMOPT_PUSHDATA, pushes);
    return multi;
}

/* How many ended, and how, in no order. */
static void count_news(CURLM *multi)
{
    int left, done = 0, bad = 0;
    CURLMsg *message;

    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        done++;
        bad += message->data.result != CURLE_OK;
    }
    printf("done=%d bad=%d\n", done, bad);
}

static void show_pushed(struct pushes *pushes, CURLM *multi)
{
    for (int i = 0; i < PUSHED_MAX && pushes->list[i]; i++) {
        CURL *pushed = pushes->list[i];

        printf("again=%d\n", (int)curl_multi_add_handle(multi, pushed));
        printf("performed=%d\n", (int)curl_easy_perform(pushed));
        printf("removed=%d\n", (int)curl_multi_remove_handle(multi, pushed));
        show(pushes->name, pushed, CURLE_OK, &pushes->texts[i]);
        curl_easy_cleanup(pushed);
        pushes->list[i] = NULL;
    }
    pushes->calls = 0;
}

static void ask(CURLM *multi, CURL *curl, struct text *text)
{
    printf("add=%d\n", (int)curl_multi_add_handle(multi, curl));
    drive(multi);
    count_news(multi);
    curl_multi_remove_handle(multi, curl);
    show("asked", curl, CURLE_OK, text);
}

/* By a new handle, which is gone afterwards. */
static void ask_by(CURLM *multi, const char *base, const char *body,
                   struct pushes *pushes)
{
    struct text text = {0};
    CURL *curl = asking2(base, body, &text);

    ask(multi, curl, &text);
    show_pushed(pushes, multi);
    curl_easy_cleanup(curl);
}

static void ask_with(const char *base, const char *body, struct pushes *pushes)
{
    CURLM *multi = pushed_to(pushes);

    ask_by(multi, base, body, pushes);
    curl_multi_cleanup(multi);
}

static void accepted(const char *base)
{
    struct pushes pushes = {.name = "pushed"};

    ask_with(base, two, &pushes);
}

/* Body and headers of all three go where the app's callbacks of the first say.
 */
static void inherited(const char *base)
{
    struct pushes pushes = {.name = "pushed", .plain = true};
    struct text head = {0}, text = {0};
    CURL *curl = asking2(base, two, &text);
    CURLM *multi = pushed_to(&pushes);

    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &head);
    ask(multi, curl, &text);
    printf("head of %d lines\n%s", head.calls, head.data);
    free(head.data);
    show_pushed(&pushes, multi);
    clean_up(curl, multi);
}

static void denied(const char *base)
{
    struct pushes pushes = {.name = "denied", .answer = CURL_PUSH_DENY};

    ask_with(base, two, &pushes);
}

/* The call itself fails, then. */
static void failed(const char *base)
{
    struct pushes pushes = {.name = "failed", .answer = 2};

    ask_with(base, one, &pushes);
}

/* The first call's handle is gone when the pushed bodies come. */
static void outlived(const char *base)
{
    struct pushes pushes = {.name = "pushed"};
    struct text text = {0};
    CURL *curl = asking2(base, two, &text);
    CURLM *multi = pushed_to(&pushes);
    CURLMsg *message = NULL;
    int left, running = 1;

    curl_multi_add_handle(multi, curl);
    while (running && !message) {
        curl_multi_perform(multi, &running);
        message = curl_multi_info_read(multi, &left);
        if (!message)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    if (message && message->easy_handle == curl)
        printf("ended first\n");
    curl_multi_remove_handle(multi, curl);
    show("asked", curl, CURLE_OK, &text);
    curl_easy_cleanup(curl);
    drive(multi);
    show_pushed(&pushes, multi);
    curl_multi_cleanup(multi);
}

/* Set after the add, changed between calls, its data alone, and taken away. */
static void changed(const char *base)
{
    struct pushes pushes = {.name = "pushed"}, others = {.name = "others"};
    struct text text = {0};
    CURL *curl = asking2(base, two, &text);
    CURLM *multi = curl_multi_init();

    curl_multi_setopt(multi, CURLMOPT_PUSHDATA, &pushes);
    curl_multi_add_handle(multi, curl);
    curl_multi_setopt(multi, CURLMOPT_PUSHFUNCTION, on_push);
    drive(multi);
    count_news(multi);
    curl_multi_remove_handle(multi, curl);
    show("asked", curl, CURLE_OK, &text);
    show_pushed(&pushes, multi);
    curl_multi_setopt(multi, CURLMOPT_PUSHDATA, &others);
    ask(multi, curl, &text);
    show_pushed(&others, multi);
    curl_multi_setopt(multi, CURLMOPT_PUSHFUNCTION, other_push);
    ask(multi, curl, &text);
    show_pushed(&others, multi);
    curl_multi_setopt(multi, CURLMOPT_PUSHFUNCTION, NULL);
    ask(multi, curl, &text);
    printf("calls=%d\n", pushes.calls + others.calls);
    curl_multi_setopt(multi, CURLMOPT_PUSHFUNCTION, on_push);
    ask(multi, curl, &text);
    show_pushed(&others, multi);
    clean_up(curl, multi);
}

/* A cleanup that libcurl refuses leaves the callback what it is. */
static void cleaned_inside(const char *base)
{
    struct pushes pushes = {.name = "pushed"};
    struct text text = {0};
    CURL *curl = asking2(base, two, &text);
    CURLM *multi = pushed_to(&pushes);

    pushes.multi = multi;
    ask(multi, curl, &text);
    show_pushed(&pushes, multi);
    pushes.multi = NULL;
    ask(multi, curl, &text);
    show_pushed(&pushes, multi);
    clean_up(curl, multi);
}

/* A multi that libcurl may put where one with a push callback was. */
static void multi_again(const char *base)
{
    struct pushes pushes = {.name = "pushed"};

    for (int i = 0; i < 3; i++) {
        CURLM *multi = i == 1 ? curl_multi_init() : pushed_to(&pushes);

        ask_by(multi, base, one, &pushes);
        curl_multi_cleanup(multi);
    }
}

/* libcurl sends the call of its parent again, by a duplicate of the pushed
 * handle and then by itself. */
static void used_again(const char *base)
{
    struct pushes pushes = {.name = "pushed", .twins = true};
    struct text text = {0};
    CURL *curl = asking2(base, one, &text), *pushed;
    CURLM *multi = pushed_to(&pushes);

    ask(multi, curl, &text);
    pushed = pushes.list[0];
    pushes.list[0] = NULL;
    curl_multi_remove_handle(multi, pushed);
    show("pushed", pushed, CURLE_OK, &pushes.texts[0]);
    curl_multi_setopt(multi, CURLMOPT_PUSHFUNCTION, deny_push);
    ask(multi, pushes.twin, &pushes.texts[0]);
    ask(multi, pushed, &pushes.texts[0]);
    curl_easy_cleanup(pushes.twin);
    curl_easy_cleanup(pushed);
    clean_up(curl, multi);
}

/* The same with a body that libcurl reads from the app, and rewinds. */
static void uploaded(const char *base)
{
    struct pushes pushes = {.name = "pushed"};
    struct source source = {one, 0, 7};
    struct text text = {0};
    CURL *curl = asking2(base, NULL, &text), *pushed;
    CURLM *multi = pushed_to(&pushes);

    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(one));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, feed);
    curl_easy_setopt(curl, CURLOPT_READDATA, &source);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_source);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, &source);
    ask(multi, curl, &text);
    curl_easy_cleanup(curl);
    pushed = pushes.list[0];
    curl_multi_remove_handle(multi, pushed);
    show("pushed", pushed, CURLE_OK, &pushes.texts[0]);
    curl_multi_setopt(multi, CURLMOPT_PUSHFUNCTION, deny_push);
    source.at = 0;
    ask(multi, pushed, &pushes.texts[0]);
    printf("read %zu of %zu\n", source.at, strlen(one));
    clean_up(pushed, multi);
}

/* Pushed handles that the app cleans while their bodies are to come. */
static void left_behind(const char *base)
{
    struct pushes pushes = {.name = "pushed"};
    struct text text = {0};
    CURL *curl = asking2(base, two, &text);
    CURLM *multi = pushed_to(&pushes);
    int running = 1;

    curl_multi_add_handle(multi, curl);
    while (running && pushes.calls < 2) {
        curl_multi_perform(multi, &running);
        if (pushes.calls < 2)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    curl_easy_cleanup(pushes.list[0]);
    curl_multi_remove_handle(multi, pushes.list[1]);
    curl_easy_cleanup(pushes.list[1]);
    drive(multi);
    curl_multi_remove_handle(multi, curl);
    show("asked", curl, CURLE_OK, &text);
    free(pushes.texts[0].data);
    free(pushes.texts[1].data);
    clean_up(curl, multi);
}

/* Nobody takes them out before the multi goes. */
static void multi_first(const char *base)
{
    struct pushes pushes = {.name = "pushed"};
    struct text text = {0};
    CURL *curl = asking2(base, two, &text);
    CURLM *multi = pushed_to(&pushes);

    add_and_drive(multi, curl);
    curl_multi_cleanup(multi);
    show("asked", curl, CURLE_OK, &text);
    for (int i = 0; i < 2; i++) {
        show("pushed", pushes.list[i], CURLE_OK, &pushes.texts[i]);
        curl_easy_cleanup(pushes.list[i]);
    }
    curl_easy_cleanup(curl);
}

/* More functions than we have places for. */
#define FUNCTION(n)                                                   \
    static int push_##n(CURL *parent, CURL *pushed, size_t count,     \
                        struct curl_pushheaders *headers, void *user) \
    {                                                                 \
        printf("%s ", #n);                                            \
        return on_push(parent, pushed, count, headers, user);         \
    }
#define NAME(n) push_##n,
#define TEN(X, n) \
    X(n##0)       \
    X(n##1) X(n##2) X(n##3) X(n##4) X(n##5) X(n##6) X(n##7) X(n##8) X(n##9)
#define FORTY(X) TEN(X, a) TEN(X, b) TEN(X, c) TEN(X, d)

FORTY(FUNCTION)

static void many_functions(const char *base)
{
    static const curl_push_callback all[] = {FORTY(NAME)};
    struct pushes pushes = {.name = "pushed"};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        CURLM *multi = pushed_to(&pushes);

        curl_multi_setopt(multi, CURLMOPT_PUSHFUNCTION, all[i]);
        if (i % 13 == 0) /* 0, 13, 26, 39: the last one too many */
            ask_by(multi, base, one, &pushes);
        if (i == 39) { /* a multi that comes back to one of the first */
            curl_multi_setopt(multi, CURLMOPT_PUSHFUNCTION, all[0]);
            ask_by(multi, base, one, &pushes);
        }
        curl_multi_cleanup(multi);
    }
}

/* Beside a multi of a function too many, others go on. */
static void one_too_many(const char *base)
{
    static const curl_push_callback all[] = {FORTY(NAME)};
    struct pushes pushes = {.name = "pushed"};
    struct text text = {0};
    CURL *curl = asking2(base, one, &text);
    CURLM *multi = NULL;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        curl_multi_cleanup(multi);
        multi = pushed_to(&pushes);
        if (i == 39) /* set between its add and its drive */
            curl_multi_add_handle(multi, curl);
        curl_multi_setopt(multi, CURLMOPT_PUSHFUNCTION, all[i]);
    }
    drive(multi);
    finish("asked", curl, multi, &text);
    multi = pushed_to(&pushes);
    ask_by(multi, base, one, &pushes);
    curl_multi_cleanup(multi);
}

static const struct one_case cases[] = {
    {"accepted", accepted, 1, 0},
    {"inherited", inherited, 1, 0},
    {"denied", denied, 1, 0},
    {"failed", failed, 1, 1},
    {"outlived", outlived, 1, 0},
    {"changed", changed, 5, 0},
    {"cleaned_inside", cleaned_inside, 2, 0},
    {"multi_again", multi_again, 3, 0},
    {"used_again", used_again, 3, 0},
    {"uploaded", uploaded, 2, 0},
    {"many_functions", many_functions, 4, 0},
    {"one_too_many", one_too_many, 1, 0},
    {"left_behind", left_behind, 1, 0},
    {"multi_first", multi_first, 1, 0},
};

CASES_MAIN(cases)
