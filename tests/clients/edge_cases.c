/* Callbacks, files and orders of options that leave the usual way. */
#include "tests/clients/cases.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

static CURL *uploading(const char *base, FILE *file, struct text *text)
{
    CURL *curl = asking(base, CHAT, NULL, text);

    if (!file)
        exit(3);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_READDATA, file);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(moved));
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    return curl;
}

static void fmem_redirected(const char *base)
{
    struct text text = {0};
    FILE *file = fmemopen((void *)(uintptr_t)moved, strlen(moved), "r");
    CURL *curl = uploading(base, file, &text);

    run_last("fmemopen", curl, &text);
    fclose(file);
}

static size_t refuse_once(char *data, size_t size, size_t count, void *user)
{
    if (count == 2 && memcmp(data, "\r\n", 2) == 0 && !*(int *)user) {
        *(int *)user = 1;
        return 0;
    }
    return size * count;
}

/* A transfer that ended between a redirect and the next request: libcurl
 * rewinds the file at the beginning of the next transfer. */
static void rewound_first(const char *base)
{
    struct text text = {0};
    FILE *file = tmpfile();
    CURL *curl = uploading(base, file, &text);
    int refused = 0;

    if (fputs(moved, file) < 0)
        exit(3);
    rewind(file);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, refuse_once);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &refused);
    run_one("refused", curl, &text);
    run_last("rewound", curl, &text);
    fclose(file);
}

struct jar {
    size_t at;
};

static ssize_t jar_read(void *user, char *to, size_t len)
{
    struct jar *jar = user;
    size_t left = strlen(moved) - jar->at;

    if (len > left)
        len = left;
    memcpy(to, moved + jar->at, len);
    jar->at += len;
    return (ssize_t)len;
}

static int jar_seek(void *user, off64_t *offset, int whence)
{
    struct jar *jar = user;

    if (whence == SEEK_CUR)
        *offset += (off64_t)jar->at;
    else if (whence != SEEK_SET)
        return -1;
    jar->at = (size_t)*offset;
    return 0;
}

static void cookie_redirected(const char *base)
{
    for (int seeks = 1; seeks >= 0; seeks--) {
        cookie_io_functions_t io = {.read = jar_read,
                                    .seek = seeks ? jar_seek : NULL};
        struct jar jar = {0};
        struct text text = {0};
        FILE *file = fopencookie(&jar, "r", io);
        CURL *curl = uploading(base, file, &text);

        run_one(seeks ? "seeks" : "does not seek", curl, &text);
        curl_easy_cleanup(curl);
        fclose(file);
    }
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

struct restarting {
    struct source source;
    int restarts;
};

static curlioerr restart(CURL *curl, int command, void *from)
{
    struct restarting *restarting = from;

    (void)curl;
    if (command != CURLIOCMD_RESTARTREAD)
        return CURLIOE_UNKNOWNCMD;
    restarting->source.at = 0;
    restarting->restarts++;
    return CURLIOE_OK;
}

static void ioctl_redirected(const char *base)
{
    struct restarting restarting = {{moved, 0, SIZE_MAX}, 0};
    struct text text = {0};
    CURL *curl = uploading(base, stdin, &text);

    curl_easy_setopt(curl, CURLOPT_READFUNCTION, feed);
    curl_easy_setopt(curl, CURLOPT_READDATA, &restarting.source);
    curl_easy_setopt(curl, CURLOPT_IOCTLFUNCTION, restart);
    curl_easy_setopt(curl, CURLOPT_IOCTLDATA, &restarting);
    run_one("ioctl", curl, &text);
    restarting.source.at = 0;
    run_one("again", curl, &text);
    printf("restarts=%d\n", restarting.restarts);
    curl_easy_cleanup(curl);
}
#pragma GCC diagnostic pop

/* Lines are taken apart where they lie, as strtok does. */
static size_t take_apart(char *data, size_t size, size_t count, void *to)
{
    text_add(to, data, size * count);
    for (size_t i = 0; i < size * count; i++)
        data[i] = data[i] == '\n' ? '\0' : (char)toupper(data[i]);
    return size * count;
}

static void changed_in_place(const char *base)
{
    struct text text = {0}, head = {0};
    CURL *curl = asking(base, CHAT, streamed, &text);

    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_apart);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_apart);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &head);
    run_one("apart", curl, &text);
    printf("%s\n", head.data);
    free(head.data);
    curl_easy_cleanup(curl);
}

struct pausing {
    struct text text;
    CURL *curl;
    int calls;
    bool paused;
};

static size_t pause_often(char *data, size_t size, size_t count, void *to)
{
    struct pausing *pausing = to;

    if (pausing->calls++ % 2 == 0) {
        pausing->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    text_add(&pausing->text, data, size * count);
    return size * count;
}

static int go_on(void *to, curl_off_t a, curl_off_t b, curl_off_t c,
                 curl_off_t d)
{
    struct pausing *pausing = to;

    (void)a, (void)b, (void)c, (void)d;
    if (pausing->paused) {
        pausing->paused = false;
        curl_easy_pause(pausing->curl, CURLPAUSE_CONT);
    }
    return 0;
}

static void paused(const char *base)
{
    struct pausing pausing = {0};
    CURL *curl = asking(base, CHAT, streamed, NULL);

    pausing.curl = curl;
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, pause_often);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &pausing);
    write_to(curl, pause_often, &pausing);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, go_on);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &pausing);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    run_last("both", curl, &pausing.text);
}

static size_t refuse_end(char *data, size_t size, size_t count, void *to)
{
    text_add(to, data, size * count);
    return strstr(((struct text *)to)->data, "[DONE]") ? 0 : size * count;
}

/* The bytes that arrived count: the stream was whole when the app refused its
 * end. */
static void refused_at_the_end(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, streamed, &text);

    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, refuse_end);
    run_last("refused", curl, &text);
}

static void address_in_query(const char *base)
{
    struct text text = {0};
    CURL *curl =
        asking(strstr(base, "://") + 3, CHAT "?u=http://x", hello, &text);

    run_last("no scheme", curl, &text);
}

static void body_not_sent(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, NULL, &text);

    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, hello);
    run_one("head", curl, &text);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    run_last("post", curl, &text);
}

/* More than the cap of a captured body. */
static void big_copy(const char *base)
{
    static const char begin[] = "{\"model\": \"gpt-4o-mini\", \"messages\": "
                                "[{\"role\": \"user\", \"content\": \"";
    static const char end[] = "\"}]}";
    size_t len = 20 << 20;
    struct text text = {0};
    char *body = malloc(len + 1);
    CURL *curl = asking(base, CHAT, NULL, &text);

    if (!body)
        exit(3);
    memset(body, 'x', len);
    memcpy(body, begin, sizeof(begin) - 1);
    memcpy(body + len - sizeof(end) + 1, end, sizeof(end));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)len);
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body);
    free(body);
    printf("rc=%d\n", (int)curl_easy_perform(curl));
    free(text.data);
    curl_easy_cleanup(curl);
}

static void read_news(CURLM *multi)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        char *name = NULL;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &name);
        printf("%s: rc=%d left=%d\n", name, (int)message->data.result, left);
    }
}

/* Removed, cleaned up, or left to the multi's cleanup before anybody read the
 * news: the rest of the news is as it would have been. */
static void news_unread(const char *base)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    struct text texts[5] = {{0}};
    CURLM *multi = curl_multi_init();
    CURL *curls[5];

    for (int i = 0; i < 5; i++) {
        curls[i] = asking(base, CHAT, hello, &texts[i]);
        curl_easy_setopt(curls[i], CURLOPT_PRIVATE, names[i]);
        curl_multi_add_handle(multi, curls[i]);
        drive(multi);
    }
    curl_multi_remove_handle(multi, curls[1]);
    read_news(multi);
    curl_multi_remove_handle(multi, curls[0]);
    curl_multi_add_handle(multi, curls[0]);
    drive(multi);
    curl_multi_add_handle(multi, curls[1]);
    drive(multi);
    curl_easy_cleanup(curls[1]);
    read_news(multi);
    curl_multi_remove_handle(multi, curls[2]);
    curl_multi_add_handle(multi, curls[2]);
    drive(multi);
    curl_multi_cleanup(multi);
    for (int i = 0; i < 5; i++) {
        free(texts[i].data);
        if (i != 1)
            curl_easy_cleanup(curls[i]);
    }
}

/* As many programs do, which know by the count of running transfers alone. */
static void done_and_removed(const char *base)
{
    struct text text = {0};
    CURLM *multi = curl_multi_init();
    CURL *curl = asking(base, "/other", hello, &text);

    add_and_drive(multi, curl);
    finish("done", curl, multi, &text);
}

static void set_after_add(const char *base)
{
    struct text text = {0};
    char unended[200];
    CURLM *multi = curl_multi_init();
    CURL *curl = asking(base, CHAT, NULL, &text);

    memset(unended, 'x', sizeof(unended));
    memcpy(unended, hello, strlen(hello));
    for (int i = 0; i < 2; i++) {
        curl_multi_add_handle(multi, curl);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, unended);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(hello));
        drive(multi);
        read_news(multi);
        curl_multi_remove_handle(multi, curl);
        show("after", curl, CURLE_OK, &text);
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    }
    clean_up(curl, multi);
}

static void reset_in_multi(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, ASK("slow", ", \"stream\": true"), &text);
    CURLM *multi = curl_multi_init();
    int running = 1;

    curl_multi_add_handle(multi, curl);
    while (running && !text.len) {
        curl_multi_perform(multi, &running);
        curl_multi_poll(multi, NULL, 0, 100, NULL);
    }
    curl_easy_reset(curl);
    printf("refused=%d\n", curl_easy_perform(curl) != CURLE_OK);
    curl_multi_remove_handle(multi, curl);
    free(text.data);
    clean_up(curl, multi);
}

static void errno_kept(const char *base)
{
    struct text text = {0};
    FILE *file = fmemopen((void *)(uintptr_t)moved, strlen(moved), "r");
    CURL *curl = uploading(base, file, &text);
    CURLM *multi = curl_multi_init();

    curl_easy_setopt(curl, CURLOPT_READDATA, stdin);
    errno = 12345;
    curl_multi_add_handle(multi, curl);
    printf("add: errno %d\n", errno);
    curl_multi_remove_handle(multi, curl);
    printf("remove: errno %d\n", errno);
    curl_easy_reset(curl);
    printf("reset: errno %d\n", errno);
    curl_easy_cleanup(curl);
    printf("cleanup: errno %d\n", errno);
    curl_multi_cleanup(multi);
    fclose(file);
}

/* A text that an earlier transfer left, in a buffer that is full of it. */
static void stale_reason(const char *base)
{
    char reason[CURL_ERROR_SIZE];
    CURL *curl = asking("http://127.0.0.1:1", CHAT, hello, NULL);

    (void)base;
    memset(reason, 'S', sizeof(reason));
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    for (int i = 0; i < 2; i++) {
        printf("rc=%d\n", (int)curl_easy_perform(curl));
        printf("stale=%d\n", reason[0] == 'S');
    }
    curl_easy_cleanup(curl);
}

static const struct one_case cases[] = {
    {"fmem_redirected", fmem_redirected, 1, 0},
    {"rewound_first", rewound_first, 2, 1},
    {"cookie_redirected", cookie_redirected, 2, 1},
    {"ioctl_redirected", ioctl_redirected, 2, 0},
    {"changed_in_place", changed_in_place, 1, 0},
    {"paused", paused, 1, 0},
    {"refused_at_the_end", refused_at_the_end, 1, 0},
    {"address_in_query", address_in_query, 1, 0},
    {"body_not_sent", body_not_sent, 1, 0},
    {"big_copy", big_copy, 1, 0},
    {"news_unread", news_unread, 8, 0},
    {"done_and_removed", done_and_removed, 0, 0},
    {"set_after_add", set_after_add, 2, 0},
    {"reset_in_multi", reset_in_multi, 1, 1},
    {"errno_kept", errno_kept, 0, 0},
    {"stale_reason", stale_reason, 2, 2},
};

CASES_MAIN(cases)
