/* Redirects a transfer to the mock (LLMOBS_REPLAY). */
#include "core/capture/replay.h"

#include <stdlib.h>
#include <string.h>

#define HTTP 1 /* CURLPROTO_HTTP */

/* The settings that would lead a call elsewhere than to the mock. */
static const struct led {
    int option;
    int twin; /* the option that sets the same in libcurl; 0: none */
    bool text;
    const void *value; /* libcurl's value while the call goes to the mock */
} all[] = {
    {CURLOPT_PROXY, 0, true, ""},
    {LLMOBS_OPT_REQUEST_TARGET, 0, true, NULL}, /* the URL has it */
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

static size_t index_of_option(int option)
{
    size_t i = 0;

    while (i < COUNT && all[i].option != option)
        i++;
    return i;
}

static void drop_value(struct llmobs_replay *replay, size_t i)
{
    if (all[i].text)
        free(replay->values[i]);
    replay->values[i] = NULL;
    replay->set[i] = false;
}

static bool set_value(struct llmobs_replay *replay, size_t i, const void *arg)
{
    void *value = (void *)(uintptr_t)arg;

    if (all[i].text && arg && !(value = strdup(arg)))
        return false;
    drop_value(replay, i);
    if (all[i].twin)
        drop_value(replay, index_of_option(all[i].twin));
    replay->values[i] = value;
    replay->set[i] = true;
    return true;
}

static bool claim_values(struct llmobs_replay **replay)
{
    if (!*replay)
        *replay = calloc(1, sizeof(**replay));
    return *replay;
}

void llmobs_replay_set(struct llmobs_replay **replay, CURLoption option,
                       const void *arg)
{
    size_t i = base ? index_of_option((int)option) : COUNT;

    if (i < COUNT && claim_values(replay))
        (void)set_value(*replay, i, arg);
}

bool llmobs_replay_copy(struct llmobs_replay **to,
                        const struct llmobs_replay *from)
{
    llmobs_replay_forget(to);
    if (!from)
        return true;
    if (!claim_values(to))
        return false;
    for (size_t i = 0; i < COUNT; i++)
        if (from->set[i] && !set_value(*to, i, from->values[i]))
            return false;
    return true;
}

void llmobs_replay_forget(struct llmobs_replay **replay)
{
    for (size_t i = 0; *replay && i < COUNT; i++)
        drop_value(*replay, i);
    free(*replay);
    *replay = NULL;
}

/* -- a transfer ------------------------------------------------------------ */

/* Makes the mock's URL with the path and the query of `url`; NULL without
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

void llmobs_replay_lead(struct llmobs_replay **replay,
                        const struct llmobs_settings *app,
                        const struct llmobs_real *real, CURL *curl,
                        const char *url)
{
    char *made = base && claim_values(replay) ? url_at_mock(url) : NULL;

    if (made) {
        /* Sets what the program has not set, too, where libcurl may read it
         * from the environment. */
        if (llmobs_shown(app->curlu))
            (void)real->easy_setopt(curl, CURLOPT_CURLU, NULL);
        (void)real->easy_setopt(curl, CURLOPT_URL, (void *)(uintptr_t)made);
        if (app->port)
            (void)real->easy_setopt(curl, CURLOPT_PORT, NULL);
        for (size_t i = 0; i < COUNT; i++)
            if ((*replay)->set[i] || i == BY_ENVIRONMENT)
                (void)real->easy_setopt(curl, (CURLoption)all[i].option,
                                        (void *)(uintptr_t)all[i].value);
        (*replay)->led = true;
    }
    free(made);
}

void llmobs_replay_restore(const struct llmobs_replay *replay,
                           const struct llmobs_settings *app,
                           const struct llmobs_real *real, CURL *curl)
{
    void *curlu = llmobs_shown(app->curlu);

    if (!replay || !replay->led)
        return;
    for (size_t i = 0; i < COUNT; i++)
        if (replay->set[i] || i == BY_ENVIRONMENT)
            (void)real->easy_setopt(curl, (CURLoption)all[i].option,
                                    replay->values[i]);
    if (app->port)
        (void)real->easy_setopt(curl, CURLOPT_PORT,
                                (void *)(intptr_t)app->port);
    (void)real->easy_setopt(curl, CURLOPT_URL, app->url);
    if (curlu)
        (void)real->easy_setopt(curl, CURLOPT_CURLU, curlu);
}

void llmobs_replay_end(struct llmobs_replay *replay)
{
    if (replay)
        replay->led = false;
}

bool llmobs_replay_owns(const struct llmobs_replay *replay, CURLoption option)
{
    return replay && replay->led &&
           (option == CURLOPT_URL || option == CURLOPT_CURLU ||
            option == CURLOPT_PORT || index_of_option((int)option) < COUNT);
}
