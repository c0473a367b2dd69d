/* cases - small libcurl programs whose every observable is printed.
 *
 * Each client program is a table of cases: `PROGRAM --list` prints a line
 * "name spans errors" for each (how many spans a run must make, and how many
 * of them have status error); `PROGRAM NAME BASE` runs one against a test
 * server, `PROGRAM all BASE` all of them. A run must print the same with and
 * without the preload.
 */
#ifndef LLMOBS_CASES_H
#define LLMOBS_CASES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

struct one_case {
    const char *name;
    void (*run)(const char *base);
    int spans;
    int errors;
};

struct text {
    char *data;
    size_t len, room;
    int calls;
};

static struct curl_slist *json_headers;

/* The room doubles, as a sanitizer takes a minute to move an answer of 20 MB
 * for each of its pieces. */
static inline void text_add(struct text *text, const char *data, size_t len)
{
    if (text->room < text->len + len + 1) {
        text->room = 2 * (text->len + len + 1);
        text->data = realloc(text->data, text->room);
        if (!text->data)
            exit(3);
    }
    memcpy(text->data + text->len, data, len);
    text->len += len;
    text->data[text->len] = '\0';
}

static inline size_t collect(char *data, size_t size, size_t count, void *to)
{
    struct text *text = to;

    text->calls++;
    text_add(text, data, size * count);
    return size * count;
}

static inline char *url_of(const char *base, const char *path)
{
    char *url = malloc(strlen(base) + strlen(path) + 1);

    if (!url)
        exit(3);
    strcpy(url, base);
    strcat(url, path);
    return url;
}

#define CHAT "/v1/chat/completions"
#define ASK(model, rest)                                              \
    "{\"model\": \"" model "\", \"messages\": [{\"role\": \"user\", " \
    "\"content\": \"say hello to the test\"}]" rest "}"

static const char *const hello = ASK("gpt-4o-mini", "");
static const char *const streamed = ASK("gpt-4o-mini", ", \"stream\": true");
static const char *const slow = ASK("slow", ", \"stream\": true");
static const char *const moved = ASK("redirect-307", "");

static inline void write_to(CURL *curl, curl_write_callback call, void *data)
{
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, call);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, data);
}

/* Makes a handle with default settings post `body` (borrowed; NULL: a GET) to a
 * path of the server. */
static inline void make_ask(CURL *curl, const char *base, const char *path,
                            const char *body, struct text *into)
{
    char *url = url_of(base, path);

    curl_easy_setopt(curl, CURLOPT_URL, url);
    free(url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, json_headers);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (body)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    if (into)
        write_to(curl, collect, into);
}

static inline CURL *asking(const char *base, const char *path, const char *body,
                           struct text *into)
{
    CURL *curl = curl_easy_init();

    if (!curl)
        exit(3);
    make_ask(curl, base, path, body, into);
    return curl;
}

static inline void show(const char *label, CURL *curl, CURLcode rc,
                        struct text *text)
{
    long status = 0;
    char *type = NULL;
    char *private_data = NULL;

    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(curl, CURLINFO_PRIVATE, &private_data);
    printf("%s: rc=%d status=%ld type=%s private=%s len=%zu\n%s\n", label,
           (int)rc, status, type ? type : "-",
           private_data ? private_data : "-", text ? text->len : 0,
           text && text->data ? text->data : "");
    if (text) {
        free(text->data);
        memset(text, 0, sizeof(*text));
    }
}

static inline void run_one(const char *label, CURL *curl, struct text *text)
{
    show(label, curl, curl_easy_perform(curl), text);
}

static inline void run_last(const char *label, CURL *curl, struct text *text)
{
    run_one(label, curl, text);
    curl_easy_cleanup(curl);
}

/* The status of an answer from this path; 0: none came. */
static inline long status_at(const char *base, const char *path,
                             const char *body)
{
    struct text text = {0};
    CURL *curl = asking(base, path, body, &text);
    long status = 0;

    curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    free(text.data);
    return status;
}

static inline long status_of(const char *base, const char *body)
{
    return status_at(base, CHAT, body);
}

/* For a case whose threads and handlers ask too. */
__attribute__((unused)) static const char *the_base;

static inline long ask_once(const char *body)
{
    return status_of(the_base, body);
}

static inline void first_call(const char *base)
{
    the_base = base;
    printf("%ld\n", ask_once(hello));
    fflush(stdout);
}

static inline void set_url(CURL *curl, const char *base, const char *path)
{
    char *url = url_of(base, path);

    curl_easy_setopt(curl, CURLOPT_URL, url);
    free(url);
}

/* For what happens while another thread's request is under way. */
__attribute__((unused)) static atomic_int requests_sent;

static inline int note_sent(void *noted, curl_off_t a, curl_off_t b,
                            curl_off_t total, curl_off_t now)
{
    (void)a, (void)b;
    if (total > 0 && now >= total && !*(int *)noted) {
        *(int *)noted = 1;
        atomic_fetch_add(&requests_sent, 1);
    }
    return 0;
}

static inline void ask_noted(const char *base, const char *body)
{
    struct text text = {0};
    int noted = 0;
    CURL *curl = asking(base, CHAT, body, &text);

    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, note_sent);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &noted);
    curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    free(text.data);
}

static inline void wait_sent(int count)
{
    while (atomic_load(&requests_sent) < count)
        usleep(1000);
}

/* Until nothing runs. */
static inline void drive(CURLM *multi)
{
    int running = 1;

    while (running) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            exit(3);
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
}

static inline void add_and_drive(CURLM *multi, CURL *curl)
{
    curl_multi_add_handle(multi, curl);
    drive(multi);
}

static inline void clean_up(CURL *curl, CURLM *multi)
{
    curl_easy_cleanup(curl);
    curl_multi_cleanup(multi);
}

static inline void finish(const char *label, CURL *curl, CURLM *multi,
                          struct text *text)
{
    curl_multi_remove_handle(multi, curl);
    show(label, curl, CURLE_OK, text);
    clean_up(curl, multi);
}

static inline int deny_push(CURL *parent, CURL *pushed, size_t count,
                            struct curl_pushheaders *headers, void *user)
{
    (void)parent, (void)pushed, (void)count, (void)headers, (void)user;
    return CURL_PUSH_DENY;
}

/* A body for a read callback, at most `most` bytes at a time. */
struct source {
    const char *data;
    size_t at;
    size_t most;
};

static inline size_t feed(char *to, size_t size, size_t count, void *from)
{
    struct source *source = from;
    size_t len = strlen(source->data) - source->at;

    if (len > size * count)
        len = size * count;
    if (len > source->most)
        len = source->most;
    memcpy(to, source->data + source->at, len);
    source->at += len;
    return len;
}

static inline int seek_source(void *from, curl_off_t offset, int origin)
{
    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    ((struct source *)from)->at = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* A handle that is copied by its own write callback. */
struct twinning {
    struct text text;
    CURL *curl;
    CURL *twin;
};

static inline size_t make_twin(char *data, size_t size, size_t count, void *to)
{
    struct twinning *twinning = to;

    if (!twinning->twin)
        twinning->twin = curl_easy_duphandle(twinning->curl);
    text_add(&twinning->text, data, size * count);
    return size * count;
}

static inline void end_libcurl(void)
{
    curl_slist_free_all(json_headers);
    json_headers = NULL;
    curl_global_cleanup();
}

static inline void run_case(const struct one_case *one, const char *base)
{
    curl_global_init(CURL_GLOBAL_ALL);
    json_headers = curl_slist_append(NULL, "Content-Type: application/json");
    json_headers =
        curl_slist_append(json_headers, "Authorization: Bearer sk-SECRETKEY");
    one->run(base);
    end_libcurl();
}

static inline int cases_main(const struct one_case *cases, size_t count,
                             int argc, char **argv)
{
    bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
    bool all = argc == 3 && strcmp(argv[1], "all") == 0;
    bool found = list || all;

    for (const struct one_case *one = cases; one < cases + count; one++) {
        if (list)
            printf("%s %d %d\n", one->name, one->spans, one->errors);
        if (argc != 3 || (!all && strcmp(one->name, argv[1]) != 0))
            continue;
        run_case(one, argv[2]);
        found = true;
    }
    if (!found)
        fprintf(stderr, "usage: %s --list | all BASE | NAME BASE\n", argv[0]);
    return found ? 0 : 2;
}

/* The program whose cases are this array. */
#define CASES_MAIN(cases)                                                \
    int main(int argc, char **argv)                                      \
    {                                                                    \
        return cases_main(cases, sizeof(cases) / sizeof(*(cases)), argc, \
                          argv);                                         \
    }

#endif
