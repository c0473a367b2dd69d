#include "core/capture/replay.h"

#include <stdlib.h>
#include <string.h>

#define HTTP 1 /* CURLPROTO_HTTP */

/* The settings that would lead a call elsewhere than to the mock. */
static const struct led {
    int option;
    int twin; /* the option that sets the same in libcurl; 0: none */
    bool text;
    const void *value; /* while the call is led */
} all[] = {
    {CURLOPT_PROXY, 0, true, ""},
    {LLMOBS_OPT_PRE_PROXY, 0, true, NULL},
    {LLMOBS_OPT_UNIX_SOCKET, LLMOBS_OPT_ABSTRACT_SOCKET, true, NULL},
    {LLMOBS_OPT_ABSTRACT_SOCKET, LLMOBS_OPT_UNIX_SOCKET, true, NULL},
    {LLMOBS_OPT_PROTOCOLS_STR, LLMOBS_OPT_PROTOCOLS, true, "http"},
    {LLMOBS_OPT_PROTOCOLS, LLMOBS_OPT_PROTOCOLS_STR, false, (void *)HTTP},
    {LLMOBS_OPT_CONNECT_TO, 0, false, NULL},
    {CURLOPT_HTTP_VERSION, 0, false, (void *)CURL_HTTP_VERSION_NONE},
};

#define COUNT (sizeof(all) / sizeof(*all))
#define BY_ENVIRONMENT                                    \
    0 /* the index of the proxy, which is led in any case \
       */

struct llmobs_replay {
    bool led;
    bool set[COUNT];
    void *values[COUNT]; /* texts are owned */
};

static const char *base;

void llmobs_replay_init(const char *the_base)
{
    base = the_base;
}

static size_t index_of(int option)
{
    size_t i = 0;

    while (i < COUNT && all[i].option != option)
        i++;
    return i;
}

static void drop(struct llmobs_replay *replay, size_t i)
{
    if (all[i].text)
        free(replay->values[i]);
    replay->values[i] = NULL;
    replay->set[i] = false;
}

static bool keep(struct llmobs_replay *replay, size_t i, const void *arg)
{
    void *value = (void *)(uintptr_t)arg;

    if (all[i].text && arg && !(value = strdup(arg)))
        return false;
    drop(replay, i);
    if (all[i].twin)
        drop(replay, index_of(all[i].twin));
    replay->values[i] = value;
    replay->set[i] = true;
    return true;
}

static bool have(struct llmobs_handle *handle)
{
    if (!handle->replay)
        handle->replay = calloc(1, sizeof(*handle->replay));
    return handle->replay;
}

void llmobs_replay_note(struct llmobs_handle *handle, CURLoption option,
                        const void *arg)
{
    size_t i = base ? index_of((int)option) : COUNT;

    if (i < COUNT && have(handle))
        (void)keep(handle->replay, i, arg);
}

bool llmobs_replay_copy(struct llmobs_handle *to,
                        const struct llmobs_handle *from)
{
    llmobs_replay_forget(to);
    if (!from->replay)
        return true;
    if (!have(to))
        return false;
    for (size_t i = 0; i < COUNT; i++)
        if (from->replay->set[i] &&
            !keep(to->replay, i, from->replay->values[i]))
            return false;
    return true;
}

void llmobs_replay_forget(struct llmobs_handle *handle)
{
    for (size_t i = 0; handle->replay && i < COUNT; i++)
        drop(handle->replay, i);
    free(handle->replay);
    handle->replay = NULL;
}

/* ---- a transfer ---------------------------------------------------------- */

/* Gives the mock's URL with the path and the query of `url`; NULL without
 * memory. */
static char *url_at_mock(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path;
    char *made;
    size_t len = strlen(base);

    host = host ? host + 3 : url;
    path = host + strcspn(host, "/?#");
    made = malloc(len + 1 + strlen(path) + 1);
    if (!made)
        return NULL;
    memcpy(made, base, len);
    if (*path != '/')
        made[len++] = '/';
    strcpy(made + len, path);
    return made;
}

/* Sets what the program has not set, too, where libcurl may take it from the
 * environment. */
static void lead(const struct llmobs_handle *handle, CURL *curl,
                 const char *url)
{
    const struct llmobs_real *real = handle->real;

    if (handle->curlu)
        (void)real->easy_setopt(curl, CURLOPT_CURLU, NULL);
    (void)real->easy_setopt(curl, CURLOPT_URL, (void *)(uintptr_t)url);
    if (handle->port)
        (void)real->easy_setopt(curl, CURLOPT_PORT, NULL);
    for (size_t i = 0; i < COUNT; i++)
        if (handle->replay->set[i] || i == BY_ENVIRONMENT)
            (void)real->easy_setopt(curl, (CURLoption)all[i].option,
                                    (void *)(uintptr_t)all[i].value);
}

void llmobs_replay_lead(struct llmobs_handle *handle, CURL *curl,
                        const char *url)
{
    char *made = base && have(handle) ? url_at_mock(url) : NULL;

    if (made) {
        lead(handle, curl, made);
        handle->replay->led = true;
    }
    free(made);
}

static bool is_led(const struct llmobs_handle *handle)
{
    return handle->replay && handle->replay->led;
}

void llmobs_replay_restore(const struct llmobs_handle *handle, CURL *curl)
{
    const struct llmobs_real *real = handle->real;

    if (!is_led(handle))
        return;
    for (size_t i = 0; i < COUNT; i++)
        if (handle->replay->set[i] || i == BY_ENVIRONMENT)
            (void)real->easy_setopt(curl, (CURLoption)all[i].option,
                                    handle->replay->values[i]);
    if (handle->port)
        (void)real->easy_setopt(curl, CURLOPT_PORT,
                                (void *)(intptr_t)handle->port);
    (void)real->easy_setopt(curl, CURLOPT_URL, handle->url);
    if (handle->curlu)
        (void)real->easy_setopt(curl, CURLOPT_CURLU, handle->curlu);
}

void llmobs_replay_unlead(struct llmobs_handle *handle)
{
    if (handle->replay)
        handle->replay->led = false;
}

bool llmobs_replay_owns(const struct llmobs_handle *handle, CURLoption option)
{
    return is_led(handle) &&
           (option == CURLOPT_URL || option == CURLOPT_CURLU ||
            option == CURLOPT_PORT || index_of((int)option) < COUNT);
}
