/* Resolves names in a helper thread. */
#include "core/export/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/futex.h"
#include "lib/base/fork_gate.h"
#include "core/export/target.h"

#define NS_PER_S INT64_C(1000000000)
#define KEEP_S 300
/* While the name server does not answer, an old answer is used for this much
 * longer. */
#define KEEP_STALE_S 30
/* A younger answer is taken as right: if it does not work, the host is down. */
#define DOUBT_S 30
#define ANSWERS 4
/* Modules of the name service need more stack than the worker's thread has. */
#define STACK_SIZE (512 * 1024)

enum seeker_state { RUNNING, DONE };

/* A look-up under way, and the thread that does it, which then ends. At the end
 * of a thread the C library takes a lock to free the thread's part of the
 * resolver: a fork waits until the thread is gone (llmobs_thread_rest). */
struct seeker {
    atomic_uint state;  /* the client sleeps on it */
    atomic_int holders; /* client and thread: the last one frees it */
    int rc;
    char host[LLMOBS_TARGET_HOST_MAX];
    char text[LLMOBS_RESOLVE_TEXT_MAX];
};

struct answer {
    char host[LLMOBS_TARGET_HOST_MAX]; /* "": free */
    char text[LLMOBS_RESOLVE_TEXT_MAX];
    int64_t made_ns;
    int64_t until_ns;
};

struct llmobs_resolve {
    struct answer answers[ANSWERS];
    struct seeker *seeker; /* NULL: none yet */
};

/* -- the look-up -------------------------------------------------------- */

static void add_address(char *text, const struct addrinfo *info)
{
    char one[NI_MAXHOST];
    size_t len = strlen(text);

    if (getnameinfo(info->ai_addr, info->ai_addrlen, one, sizeof(one), NULL, 0,
                    NI_NUMERICHOST) != 0)
        return;
    /* libcurl accepts no address with a scope, such as "%eth0". */
    if (strchr(one, '%') ||
        len + 1 + strlen(one) >= (size_t)LLMOBS_RESOLVE_TEXT_MAX)
        return;
    if (len)
        text[len++] = ',';
    strcpy(text + len, one);
}

static int look_up(const char *host, char text[LLMOBS_RESOLVE_TEXT_MAX])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    int rc;

    text[0] = '\0';
    rc = getaddrinfo(host, NULL, &hints, &list);
    if (rc == 0) {
        for (const struct addrinfo *at = list; at; at = at->ai_next)
            add_address(text, at);
        freeaddrinfo(list);
    }
    if (rc == EAI_MEMORY)
        return -ENOMEM;
    return text[0] ? 0 : -EHOSTUNREACH;
}

static void release(struct seeker *seeker)
{
    if (atomic_fetch_sub(&seeker->holders, 1) == 1)
        free(seeker);
}

static void seeker_main(void *arg)
{
    struct seeker *seeker = arg;

    seeker->rc = look_up(seeker->host, seeker->text);
    atomic_store(&seeker->state, DONE);
    llmobs_futex_wake(&seeker->state);
    release(seeker);
}

static int start_seeker(struct llmobs_resolve *resolve, const char *host)
{
    struct seeker *seeker = calloc(1, sizeof(*seeker));

    if (!seeker)
        return -ENOMEM;
    atomic_store(&seeker->holders, 2);
    strcpy(seeker->host, host);
    if (llmobs_fork_gate_thread(seeker_main, seeker, STACK_SIZE, NULL) != 0) {
        free(seeker);
        return -ENOMEM;
    }
    resolve->seeker = seeker;
    return -EINPROGRESS;
}

/* -- answers ------------------------------------------------------------ */

static struct answer *find_answer(struct llmobs_resolve *resolve,
                                  const char *host)
{
    for (size_t i = 0; i < ANSWERS; i++) {
        if (strcmp(resolve->answers[i].host, host) == 0)
            return &resolve->answers[i];
    }
    return NULL;
}

/* Stores an answer; if the look-up failed, lets an old answer be used on. */
static int store_answer(struct llmobs_resolve *resolve, const char *host,
                        int rc, const char *text)
{
    struct answer *answer = find_answer(resolve, host);
    int64_t now = llmobs_clock_mono_ns();

    if (rc != 0 && answer) {
        answer->until_ns = now + KEEP_STALE_S * NS_PER_S;
        return 0;
    }
    if (rc != 0)
        return rc;
    if (!answer) {
        answer = &resolve->answers[0]; /* then the oldest */
        for (size_t i = 1; i < ANSWERS; i++)
            if (resolve->answers[i].made_ns < answer->made_ns)
                answer = &resolve->answers[i];
    }
    strcpy(answer->host, host);
    strcpy(answer->text, text);
    answer->made_ns = now;
    answer->until_ns = now + KEEP_S * NS_PER_S;
    return 0;
}

static void end_seeker(struct llmobs_resolve *resolve)
{
    if (resolve->seeker)
        release(resolve->seeker);
    resolve->seeker = NULL;
}

/* Stores the answer of the look-up under way, if it has come; -ENOENT: the
 * answer is for another host, or there is none. */
static int collect(struct llmobs_resolve *resolve, const char *host)
{
    struct seeker *seeker = resolve->seeker;
    int rc;

    if (!seeker)
        return -ENOENT;
    if (atomic_load(&seeker->state) == RUNNING)
        return -EINPROGRESS;
    rc = store_answer(resolve, seeker->host, seeker->rc, seeker->text);
    if (strcmp(seeker->host, host) != 0)
        rc = -ENOENT;
    end_seeker(resolve);
    return rc;
}

static bool find_fresh(struct llmobs_resolve *resolve, const char *host,
                       char *out)
{
    const struct answer *answer = find_answer(resolve, host);

    if (!answer || llmobs_clock_mono_ns() >= answer->until_ns)
        return false;
    strcpy(out, answer->text);
    return true;
}

bool llmobs_resolve_is_local(const char *host)
{
    size_t len = strlen(host);

    if (len && host[len - 1] == '.')
        len--;
    return len >= 9 && strncmp(host + len - 9, "localhost", 9) == 0 &&
           (len == 9 || host[len - 10] == '.');
}

int llmobs_resolve_get(struct llmobs_resolve *resolve, const char *host,
                       bool thread, char out[LLMOBS_RESOLVE_TEXT_MAX])
{
    char text[LLMOBS_RESOLVE_TEXT_MAX];
    int rc;

    if (strlen(host) >= LLMOBS_TARGET_HOST_MAX)
        return -EHOSTUNREACH;
    if (llmobs_resolve_is_local(host)) {
        strcpy(out, "127.0.0.1,::1");
        return 0;
    }
    if (find_fresh(resolve, host, out))
        return 0;
    rc = collect(resolve, host);
    if (rc == -ENOENT && thread)
        rc = start_seeker(resolve, host);
    else if (rc == -ENOENT)
        rc = store_answer(resolve, host, look_up(host, text), text);
    if (rc == 0)
        rc = find_fresh(resolve, host, out) ? 0 : -EHOSTUNREACH;
    return rc;
}

void llmobs_resolve_wait(struct llmobs_resolve *resolve, int64_t ms)
{
    if (resolve->seeker)
        llmobs_futex_sleep(&resolve->seeker->state, RUNNING, ms);
}

void llmobs_resolve_doubt(struct llmobs_resolve *resolve, const char *host)
{
    struct answer *answer = find_answer(resolve, host);
    int64_t now = llmobs_clock_mono_ns();

    if (answer && now - answer->made_ns >= DOUBT_S * NS_PER_S)
        answer->until_ns = now;
}

struct llmobs_resolve *llmobs_resolve_new(void)
{
    if (llmobs_fork_gate_init() != 0)
        return NULL;
    return calloc(1, sizeof(struct llmobs_resolve));
}

void llmobs_resolve_free(struct llmobs_resolve *resolve)
{
    if (resolve)
        end_seeker(resolve);
    free(resolve);
}

void llmobs_resolve_forget(struct llmobs_resolve *resolve)
{
    memset(resolve, 0, sizeof(*resolve));
}
