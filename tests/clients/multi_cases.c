/* Odd and ordinary uses of the multi interface, each printed in full. */
#include "tests/clients/cases.h"

#include <poll.h>

/* Until the first body byte of `text` is there. */
static void drive_until(CURLM *multi, const struct text *text)
{
    int running = 1;

    while (running && !text->len) {
        curl_multi_perform(multi, &running);
        if (running && !text->len)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
}

static void read_news(CURLM *multi)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        char *name = NULL;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &name);
        printf("done %s: msg=%d rc=%d\n", name ? name : "-", (int)message->msg,
               (int)message->data.result);
    }
}

static void plain(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);
    CURLM *multi = curl_multi_init();

    curl_easy_setopt(curl, CURLOPT_PRIVATE, "one");
    printf("add=%d\n", (int)curl_multi_add_handle(multi, curl));
    drive(multi);
    read_news(multi);
    printf("remove=%d\n", (int)curl_multi_remove_handle(multi, curl));
    show("plain", curl, CURLE_OK, &text);
    clean_up(curl, multi);
}

static void many(const char *base)
{
    struct text texts[10] = {{0}};
    CURL *curls[10];
    CURLM *multi = curl_multi_init();

    for (int i = 0; i < 10; i++) {
        curls[i] = asking(base, CHAT, i % 2 ? hello : streamed, &texts[i]);
        curl_multi_add_handle(multi, curls[i]);
    }
    drive(multi);
    while (curl_multi_info_read(multi, &(int){0}))
        ;
    for (int i = 0; i < 10; i++) {
        curl_multi_remove_handle(multi, curls[i]);
        show("many", curls[i], CURLE_OK, &texts[i]);
        curl_easy_cleanup(curls[i]);
    }
    curl_multi_cleanup(multi);
}

#define CROWD 150

static void remove_each(CURLM *multi, CURL **curls, int from, int step)
{
    for (int i = from; i < CROWD; i += step)
        curl_multi_remove_handle(multi, curls[i]);
}

/* Half of them leave before anybody read how they ended; the rest of the
 * messages is as long as it would have been. */
static void crowd(const char *base)
{
    struct text texts[CROWD] = {{0}};
    CURL *curls[CROWD];
    CURLM *multi = curl_multi_init();
    int left = 0, read = 0;

    for (int i = 0; i < CROWD; i++) {
        curls[i] = asking(base, CHAT, hello, &texts[i]);
        curl_multi_add_handle(multi, curls[i]);
    }
    drive(multi);
    remove_each(multi, curls, 0, 2);
    while (curl_multi_info_read(multi, &left))
        printf("read=%d left=%d\n", ++read, left);
    remove_each(multi, curls, 1, 2);
    for (int i = 0; i < CROWD; i++) {
        show("crowd", curls[i], CURLE_OK, &texts[i]);
        curl_easy_cleanup(curls[i]);
    }
    curl_multi_cleanup(multi);
}

static void reused(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);
    CURLM *one = curl_multi_init(), *two = curl_multi_init();

    for (int i = 0; i < 2; i++) {
        CURLM *multi = i ? two : one;

        printf("add=%d\n", (int)curl_multi_add_handle(multi, curl));
        printf("again=%d\n", (int)curl_multi_add_handle(two, curl) != 0);
        drive(multi);
        read_news(multi);
        curl_multi_remove_handle(multi, curl);
        show("reused", curl, CURLE_OK, &text);
    }
    printf("perform rc=%d\n", (int)curl_easy_perform(curl));
    show("easy", curl, CURLE_OK, &text);
    curl_easy_cleanup(curl);
    curl_multi_cleanup(one);
    curl_multi_cleanup(two);
}

static void no_news(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, streamed, &text);
    CURLM *multi = curl_multi_init();

    add_and_drive(multi, curl);
    finish("no news", curl, multi, &text);
}

static void removed_early(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, slow, &text);
    CURLM *multi = curl_multi_init();

    curl_multi_add_handle(multi, curl);
    drive_until(multi, &text);
    printf("remove=%d\n", (int)curl_multi_remove_handle(multi, curl));
    printf("something=%d\n", text.len > 0);
    free(text.data);
    clean_up(curl, multi);
}

static void removed_and_reused(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, slow, &text);
    CURLM *multi = curl_multi_init();

    curl_multi_add_handle(multi, curl);
    drive_until(multi, &text);
    curl_multi_remove_handle(multi, curl);
    free(text.data);
    memset(&text, 0, sizeof(text));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, hello);
    show("after", curl, curl_easy_perform(curl), &text);
    clean_up(curl, multi);
}

static void cleaned_early(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, slow, &text);
    CURLM *multi = curl_multi_init();

    curl_multi_add_handle(multi, curl);
    drive_until(multi, &text);
    curl_easy_cleanup(curl);
    printf("cleanup=%d\n", (int)curl_multi_cleanup(multi));
    free(text.data);
}

static void multi_first(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, slow, &text);
    CURLM *multi = curl_multi_init();

    curl_multi_add_handle(multi, curl);
    drive_until(multi, &text);
    printf("cleanup=%d\n", (int)curl_multi_cleanup(multi));
    free(text.data);
    memset(&text, 0, sizeof(text));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, hello);
    show("after", curl, curl_easy_perform(curl), &text);
    curl_easy_cleanup(curl);
}

static void performed_inside(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, streamed, &text);
    CURLM *multi = curl_multi_init();

    curl_multi_add_handle(multi, curl);
    printf("perform rc=%d\n", (int)curl_easy_perform(curl));
    drive(multi);
    read_news(multi);
    finish("multi", curl, multi, &text);
}

static void set_inside(const char *base)
{
    struct text first = {0}, second = {0};
    CURL *curl = asking(base, CHAT, slow, &first);
    CURLM *multi = curl_multi_init();

    curl_multi_add_handle(multi, curl);
    drive_until(multi, &first);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &second);
    drive(multi);
    read_news(multi);
    curl_multi_remove_handle(multi, curl);
    printf("second=%d\n", second.len > 0);
    text_add(&first, second.data, second.len);
    show("both", curl, CURLE_OK, &first);
    free(second.data);
    memset(&second, 0, sizeof(second));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, hello);
    show("after", curl, curl_easy_perform(curl), &second);
    clean_up(curl, multi);
}

struct pausing {
    struct text text;
    int paused;
};

static size_t pause_first(char *data, size_t size, size_t count, void *to)
{
    struct pausing *pausing = to;

    if (!pausing->paused) {
        pausing->paused = 1;
        return CURL_WRITEFUNC_PAUSE;
    }
    text_add(&pausing->text, data, size * count);
    return size * count;
}

/* A transfer that waits for its app. */
static CURL *begin_paused(const char *base, CURLM *multi,
                          struct pausing *pausing)
{
    CURL *curl = asking(base, CHAT, streamed, NULL);
    int running = 1;

    write_to(curl, pause_first, pausing);
    curl_multi_add_handle(multi, curl);
    while (running && !pausing->paused) {
        curl_multi_perform(multi, &running);
        curl_multi_poll(multi, NULL, 0, 50, NULL);
    }
    return curl;
}

static void paused(const char *base)
{
    struct pausing pausing = {0};
    CURLM *multi = curl_multi_init();
    CURL *curl = begin_paused(base, multi, &pausing);

    curl_easy_pause(curl, CURLPAUSE_CONT);
    drive(multi);
    read_news(multi);
    finish("paused", curl, multi, &pausing.text);
}

static void paused_and_cleaned(const char *base)
{
    struct pausing pausing = {0};
    CURLM *multi = curl_multi_init();
    CURL *curl = begin_paused(base, multi, &pausing);

    curl_multi_remove_handle(multi, curl);
    clean_up(curl, multi);
    printf("text=%zu\n", pausing.text.len);
}

/* -- an event loop of its own: curl_multi_socket_action ------------------ */

struct loop {
    struct pollfd fds[16];
    int count;
    long timeout;
};

static int on_socket(CURL *curl, curl_socket_t fd, int what, void *user,
                     void *own)
{
    struct loop *loop = user;
    int i = 0;

    (void)curl, (void)own;
    while (i < loop->count && loop->fds[i].fd != fd)
        i++;
    if (what == CURL_POLL_REMOVE) {
        if (i < loop->count)
            loop->fds[i] = loop->fds[--loop->count];
        return 0;
    }
    if (i == loop->count)
        loop->fds[loop->count++].fd = fd;
    loop->fds[i].events = 0;
    if (what & CURL_POLL_IN)
        loop->fds[i].events |= POLLIN;
    if (what & CURL_POLL_OUT)
        loop->fds[i].events |= POLLOUT;
    return 0;
}

static int on_timer(CURLM *multi, long timeout, void *user)
{
    (void)multi;
    ((struct loop *)user)->timeout = timeout;
    return 0;
}

static int ready_bits(short events)
{
    int bits = 0;

    if (events & (POLLIN | POLLHUP | POLLERR))
        bits |= CURL_CSELECT_IN;
    if (events & POLLOUT)
        bits |= CURL_CSELECT_OUT;
    return bits;
}

static void turn(CURLM *multi, struct loop *loop, int *running)
{
    struct pollfd fds[16];
    int count = loop->count, got;

    memcpy(fds, loop->fds, sizeof(fds));
    got = poll(fds, (nfds_t)count,
               loop->timeout < 0 || loop->timeout > 100 ? 100
                                                        : (int)loop->timeout);
    if (got == 0)
        curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, running);
    for (int i = 0; i < count; i++) {
        if (fds[i].revents)
            curl_multi_socket_action(multi, fds[i].fd,
                                     ready_bits(fds[i].revents), running);
    }
}

static void event_loop(const char *base)
{
    struct text texts[4] = {{0}};
    struct loop loop = {.timeout = 0};
    CURL *curls[4];
    CURLM *multi = curl_multi_init();
    int running = 1;

    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, &loop);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, &loop);
    for (int i = 0; i < 4; i++) {
        curls[i] = asking(base, CHAT, i % 2 ? hello : streamed, &texts[i]);
        curl_multi_add_handle(multi, curls[i]);
    }
    while (running)
        turn(multi, &loop, &running);
    while (curl_multi_info_read(multi, &(int){0}))
        ;
    for (int i = 0; i < 4; i++) {
        curl_multi_remove_handle(multi, curls[i]);
        show("loop", curls[i], CURLE_OK, &texts[i]);
        curl_easy_cleanup(curls[i]);
    }
    curl_multi_cleanup(multi);
}

static void with_push(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);
    CURLM *multi = curl_multi_init();

    curl_multi_setopt(multi, CURLMOPT_PUSHFUNCTION, deny_push);
    add_and_drive(multi, curl);
    read_news(multi);
    finish("push", curl, multi, &text);
}

static void failing(const char *base)
{
    struct text text = {0};
    CURL *curl = asking("http://127.0.0.1:1", CHAT, hello, &text);
    CURLM *multi = curl_multi_init();

    (void)base;
    add_and_drive(multi, curl);
    read_news(multi);
    curl_multi_remove_handle(multi, curl);
    curl_easy_cleanup(curl);
    printf("add NULL=%d\n", (int)curl_multi_add_handle(multi, NULL));
    printf("remove NULL=%d\n", (int)curl_multi_remove_handle(multi, NULL));
    curl_multi_cleanup(multi);
    printf("cleanup NULL=%d\n", (int)curl_multi_cleanup(NULL));
}

static const struct one_case cases[] = {
    {"plain", plain, 1, 0},
    {"many", many, 10, 0},
    {"crowd", crowd, CROWD, 0},
    {"reused", reused, 3, 0},
    {"no_news", no_news, 1, 0},
    {"removed_early", removed_early, 1, 1},
    {"removed_and_reused", removed_and_reused, 2, 1},
    {"cleaned_early", cleaned_early, 1, 1},
    {"multi_first", multi_first, 2, 1},
    {"performed_inside", performed_inside, 1, 0},
    {"set_inside", set_inside, 2, 0},
    {"paused", paused, 1, 0},
    {"paused_and_cleaned", paused_and_cleaned, 1, 1},
    {"event_loop", event_loop, 4, 0},
    {"with_push", with_push, 1, 0},
    {"failing", failing, 1, 1},
};

CASES_MAIN(cases)
