/* The ways in which apps treat their header lists, before, in and after a
 * transfer. */
#include "tests/clients/cases.h"

#include <pthread.h>

#define THREADS 4
#define OWN \
    "traceparent: 00-6affe73a00000000c3d1e2f3a4b5c6d7-6573f78e6e7bca2b-01"

static struct curl_slist *fresh_list(void)
{
    return curl_slist_append(NULL, "Content-Type: application/json");
}

/* The same handle, now for a request that is no call. */
static void list_models(const char *base, CURL *curl, struct text *text)
{
    char *models = url_of(base, "/v1/models");

    curl_easy_setopt(curl, CURLOPT_URL, models);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    run_one("models", curl, text);
    free(models);
}

static void freed_after(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);
    struct curl_slist *list = fresh_list();

    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    run_one("ask", curl, &text);
    curl_slist_free_all(list);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    run_one("bare", curl, &text);
    list_models(base, curl, &text);
    curl_easy_cleanup(curl);
}

static void appended(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);
    struct curl_slist *list = fresh_list();

    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    run_one("ask", curl, &text);
    curl_slist_append(list, "X-More: 1");
    run_one("more", curl, &text);
    for (const struct curl_slist *node = list; node; node = node->next)
        printf("%s\n", node->data);
    list_models(base, curl, &text);
    curl_easy_cleanup(curl);
    curl_slist_free_all(list);
}

static void *ask_often(void *arg)
{
    const char *base = arg;

    for (int i = 0; i < 5; i++) {
        struct text text = {0};
        CURL *curl = asking(base, CHAT, hello, &text);

        if (curl_easy_perform(curl) != CURLE_OK)
            exit(4);
        free(text.data);
        curl_easy_cleanup(curl);
    }
    return NULL;
}

static void shared(const char *base)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, ask_often, (void *)base))
            exit(3);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%s\n", json_headers->data);
}

struct changing {
    struct text text;
    CURL *curl;
    CURL *twin;
    struct curl_slist *old;
    struct curl_slist *set;
};

/* Once: the app's list becomes another one, and the old one is gone. */
static void change(struct changing *changing)
{
    if (!changing->old)
        return;
    printf("set=%d\n", (int)curl_easy_setopt(changing->curl, CURLOPT_HTTPHEADER,
                                             changing->set));
    curl_slist_free_all(changing->old);
    changing->old = NULL;
}

static size_t change_on_body(char *data, size_t size, size_t count, void *to)
{
    struct changing *changing = to;

    change(changing);
    text_add(&changing->text, data, size * count);
    return size * count;
}

static size_t change_on_header(char *data, size_t size, size_t count, void *to)
{
    (void)data;
    change(to);
    return size * count;
}

static size_t copy_on_body(char *data, size_t size, size_t count, void *to)
{
    struct changing *changing = to;

    if (!changing->twin)
        changing->twin = curl_easy_duphandle(changing->curl);
    text_add(&changing->text, data, size * count);
    return size * count;
}

static struct changing changing_for(const char *base, const char *body)
{
    struct changing changing = {.old = fresh_list()};

    changing.curl = asking(base, CHAT, body, NULL);
    curl_easy_setopt(changing.curl, CURLOPT_HTTPHEADER, changing.old);
    return changing;
}

static void nulled_inside(const char *base)
{
    struct changing changing = changing_for(base, streamed);

    write_to(changing.curl, change_on_body, &changing);
    run_one("ask", changing.curl, &changing.text);
    run_one("again", changing.curl, &changing.text);
    list_models(base, changing.curl, &changing.text);
    curl_easy_cleanup(changing.curl);
}

/* Before a redirect: the second request has the new list, and no header
 * twice. */
static void redirected_with(const char *base, struct curl_slist *set)
{
    struct changing changing = changing_for(base, moved);

    changing.set = set;
    curl_easy_setopt(changing.curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(changing.curl, CURLOPT_HEADERFUNCTION, change_on_header);
    curl_easy_setopt(changing.curl, CURLOPT_HEADERDATA, &changing);
    write_to(changing.curl, collect, &changing.text);
    run_one("moved", changing.curl, &changing.text);
    list_models(base, changing.curl, &changing.text);
    curl_easy_cleanup(changing.curl);
    curl_slist_free_all(set);
}

static void replaced_on_redirect(const char *base)
{
    redirected_with(base, curl_slist_append(fresh_list(), "X-More: 1"));
}

static void own_on_redirect(const char *base)
{
    redirected_with(base, curl_slist_append(fresh_list(), OWN));
}

static void copied_inside(const char *base)
{
    struct changing changing = changing_for(base, streamed);
    struct text text = {0};

    write_to(changing.curl, copy_on_body, &changing);
    run_one("ask", changing.curl, &changing.text);
    curl_easy_cleanup(changing.curl);
    write_to(changing.twin, collect, &text);
    list_models(base, changing.twin, &text);
    curl_easy_cleanup(changing.twin);
    curl_slist_free_all(changing.old);
}

/* Replaced and freed between add and the first step, and once more when done,
 * before anybody asked for the news. */
static void replaced_in_multi(const char *base)
{
    struct changing changing = changing_for(base, hello);
    struct curl_slist *set = curl_slist_append(fresh_list(), "X-More: 1");
    CURLM *multi = curl_multi_init();

    write_to(changing.curl, collect, &changing.text);
    curl_multi_add_handle(multi, changing.curl);
    changing.set = set;
    change(&changing);
    drive(multi);
    curl_slist_free_all(set);
    printf("remove=%d\n", (int)curl_multi_remove_handle(multi, changing.curl));
    curl_easy_setopt(changing.curl, CURLOPT_HTTPHEADER, json_headers);
    list_models(base, changing.curl, &changing.text);
    curl_easy_cleanup(changing.curl);
    curl_multi_cleanup(multi);
}

static void reset_in_multi(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);
    CURLM *multi = curl_multi_init();

    add_and_drive(multi, curl);
    curl_easy_reset(curl);
    curl_multi_remove_handle(multi, curl);
    write_to(curl, collect, &text);
    list_models(base, curl, &text);
    clean_up(curl, multi);
}

/* The request goes elsewhere than it was when it was added. */
static void led_elsewhere(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);
    CURLM *multi = curl_multi_init();
    char *models = url_of(base, "/v1/models");

    curl_multi_add_handle(multi, curl);
    curl_easy_setopt(curl, CURLOPT_URL, models);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    drive(multi);
    curl_multi_remove_handle(multi, curl);
    show("elsewhere", curl, CURLE_OK, &text);
    free(models);
    clean_up(curl, multi);
}

static const struct one_case cases[] = {
    {"freed_after", freed_after, 2, 0},
    {"appended", appended, 2, 0},
    {"shared", shared, 5 * THREADS, 0},
    {"nulled_inside", nulled_inside, 2, 0},
    {"replaced_on_redirect", replaced_on_redirect, 1, 0},
    {"own_on_redirect", own_on_redirect, 1, 0},
    {"copied_inside", copied_inside, 1, 0},
    {"replaced_in_multi", replaced_in_multi, 1, 0},
    {"reset_in_multi", reset_in_multi, 1, 0},
    {"led_elsewhere", led_elsewhere, 0, 0},
};

CASES_MAIN(cases)
