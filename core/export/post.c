/* Posts events, and classifies each answer. */
#include "core/export/post.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "core/export/reason.h"

#define BODY_KEPT ((size_t)1024 * 1024)
/* Half of the least limit that proxies have by default. */
#define SMALL ((size_t)512 * 1024)
#define TOO_LARGE 413

void llmobs_post_init(struct llmobs_post *post,
                      struct llmobs_exporter *exporter,
                      const struct llmobs_config *config)
{
    memset(post, 0, sizeof(*post));
    post->exporter = exporter;
    post->peer.exporter = exporter;
    post->peer.config = config;
    post->request.method = "POST";
    post->limit = post->most = LLMOBS_SEND_MAX;
    post->fits = SMALL;
}

void llmobs_post_fini(struct llmobs_post *post)
{
    free(post->peer.url);
    for (size_t i = 0; i < post->header_count; i++)
        free(post->headers[i]);
    free(post->headers);
}

void llmobs_post_forget(struct llmobs_post *post)
{
    llmobs_peer_forget(&post->peer);
    post->most = post->limit;
}

/* -- headers ------------------------------------------------------------- */

/* True where the list has the name of the header. */
static bool is_in(const char *header, const char *const *list)
{
    for (; *list; list++) {
        size_t len = strlen(*list);

        if (strncasecmp(header, *list, len) == 0 &&
            header[len + strspn(header + len, " \t")] == ':')
            return true;
    }
    return false;
}

static bool is_clean(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 && *text != '\t')
            return false;
    }
    return true;
}

/* Does not use printf: each process with an exporter over HTTP makes some
 * headers, before it knows whether it sends anything. */
static char *join(const char *name, const char *value)
{
    size_t len = strlen(name), size = strlen(value) + 1;
    char *header = malloc(len + size);

    if (header) {
        memcpy(header, name, len);
        memcpy(header + len, value, size);
    }
    return header;
}

void llmobs_post_add_header(struct llmobs_post *post, const char *name,
                            const char *value)
{
    size_t room = (post->header_count + 2) * sizeof(char *);
    char *header, **list;

    if (!is_clean(name) || !is_clean(value)) {
        llmobs_log_once(LLMOBS_LOG_WARN, "header",
                        "a header with a control character is left out");
        return;
    }
    list = realloc(post->headers, room);
    header = list ? join(name, value) : NULL;
    if (!header)
        post->error = -ENOMEM;
    if (!list)
        return;
    post->headers = list;
    post->request.headers = (const char *const *)list;
    list[post->header_count] = header;
    post->header_count += header != NULL;
    list[post->header_count] = NULL;
}

int llmobs_post_add_headers(struct llmobs_post *post, char *const *headers,
                            const char *const *reserved)
{
    static const char *const body[] = {"Content-Type",     "Content-Length",
                                       "Content-Encoding", "Transfer-Encoding",
                                       "Expect",           NULL};

    for (; headers && *headers; headers++) {
        if (!is_in(*headers, body) && !is_in(*headers, reserved))
            llmobs_post_add_header(post, *headers, "");
    }
    return post->error;
}

/* -- the meaning of an answer -------------------------------------------- */

/* `code`: libcurl's. */
static int read_silence(struct llmobs_post *post, int rc, int code,
                        int64_t began_ns)
{
    if (llmobs_peer_failed(&post->peer, rc, began_ns, post->silent_ms) &&
        rc == -ECANCELED)
        llmobs_peer_note(&post->peer, post->form->name, 0, -ETIMEDOUT, 0, 0);
    if (rc == -ECANCELED || rc == -ENOTCONN)
        return rc;
    llmobs_peer_note(&post->peer, post->form->name, 0, rc, code, 0);
    llmobs_log_once(LLMOBS_LOG_WARN, post->form->silent,
                    "exporter %s: no answer (%s); %s are tried again",
                    post->form->name, strerror(-rc), post->events);
    return rc;
}

/* True where the refusal of one event may be about no event. */
static bool is_doubtful(struct llmobs_post *post,
                        const struct llmobs_http_reply *reply)
{
    int64_t now = llmobs_clock_mono_ns();

    if (reply->status != TOO_LARGE || post->body->len > post->fits ||
        post->cleared)
        return false;
    if (!post->refusing_ns)
        post->refusing_ns = now;
    return reply->retry_after_ms > 0 ||
           now - post->refusing_ns < LLMOBS_POST_REFUSING_MS * LLMOBS_NS_PER_MS;
}

/* 0: fewer events have to be sent. */
static int read_answer(struct llmobs_post *post,
                       const struct llmobs_http_reply *reply, size_t count)
{
    const struct llmobs_post_form *form = post->form;
    enum llmobs_verdict verdict = llmobs_http_reply_is_page(reply)
                                      ? LLMOBS_VERDICT_DENIED
                                      : form->judge(reply->status);
    struct llmobs_answer answer = {.status = (int)reply->status};
    const char *why = NULL; /* the peer's words, or ours */
    int64_t ms = reply->retry_after_ms;

    snprintf(answer.exporter, sizeof(answer.exporter), "%s", form->name);
    if (verdict != LLMOBS_VERDICT_ACCEPTED && form->hint)
        why = form->hint(post, reply);
    if (!why)
        why = llmobs_reason(&answer);
    llmobs_peer_answered(&post->peer);
    if (verdict == LLMOBS_VERDICT_REFUSED && count > 1) {
        post->suspects = count;
        post->most = count / 2;
        return 0;
    }
    llmobs_peer_note(&post->peer, form->name, reply->status, 0, 0,
                     verdict == LLMOBS_VERDICT_ACCEPTED ? count : 0);
    post->doubtful =
        verdict == LLMOBS_VERDICT_REFUSED && is_doubtful(post, reply);
    switch (post->doubtful ? LLMOBS_VERDICT_LATER : verdict) {
    case LLMOBS_VERDICT_ACCEPTED:
        /* A request with more events may be accepted next time. */
        post->most = count * 2 > post->limit ? post->limit : count * 2;
        if (post->body->len > post->fits)
            post->fits = post->body->len;
        post->cleared = post->suspects > count;
        post->suspects -= post->cleared ? count : post->suspects;
        post->refusing_ns = 0;
        if (form->accepted)
            form->accepted(post, reply, count);
        return (int)count;
    case LLMOBS_VERDICT_LATER:
        if (ms > form->retry_after_max_ms)
            ms = form->retry_after_max_ms;
        post->exporter->retry_ms = ms > 0 ? ms : 0;
        llmobs_log_once(LLMOBS_LOG_WARN, form->later,
                        "exporter %s: status %ld: %s; %s are tried again",
                        form->name, reply->status, why, post->events);
        return -EAGAIN;
    case LLMOBS_VERDICT_DENIED:
        llmobs_log_once(LLMOBS_LOG_ERROR, form->denied,
                        "exporter %s: status %ld: %s; %s are kept and tried "
                        "again",
                        form->name, reply->status, why, post->events);
        post->exporter->retry_ms = form->pause_ms;
        return -EACCES;
    case LLMOBS_VERDICT_REFUSED:
        break;
    }
    post->cleared = false;
    llmobs_log_once(
        LLMOBS_LOG_ERROR, form->refused,
        "exporter %s: status %ld for a single event, which is dropped: %s",
        form->name, reply->status, why);
    return -EBADMSG;
}

/* -- sending ------------------------------------------------------------- */

/* Sends one request. An answer counts as soon as its status is there, even if
 * the rest of it fails: events that were accepted must not be sent twice. An
 * interim answer (1xx) says nothing. */
static int transfer(struct llmobs_post *post, struct llmobs_http_reply *reply)
{
    struct llmobs_http_request request = post->request;
    int64_t start = llmobs_clock_mono_ns();
    int rc;

    request.tick = post->exporter->tick;
    request.body = llmobs_buf_text(post->body);
    rc = llmobs_http_send(post->http, &request, reply);
    if (reply->status >= 200)
        rc = 0;
    else if (!rc)
        rc = -EIO;
    return rc ? read_silence(post, rc, reply->code, start) : 0;
}

/* 0: fewer events have to be sent. */
static int post_some(struct llmobs_post *post, const struct llmobs_text *events,
                     size_t count)
{
    struct llmobs_http_reply reply;
    int rc = post->form->write(post, events, count, post->body);

    if (rc == -E2BIG && count > 1) {
        post->most = count / 2;
        rc = 0;
    } else if (!rc) {
        rc = transfer(post, &reply);
        if (!rc)
            rc = read_answer(post, &reply, count);
        llmobs_http_reply_fini(&reply);
    }
    if (post->body->cap > BODY_KEPT || post->body->error)
        llmobs_buf_fini(post->body);
    else
        llmobs_buf_cut(post->body, 0);
    return rc;
}

int llmobs_post_send(struct llmobs_post *post, const struct llmobs_text *events,
                     size_t count)
{
    int rc = llmobs_peer_begin(&post->peer);

    post->first_refused = post->doubtful = false;
    if (rc)
        return rc;
    do {
        size_t bytes = post->frame, n = 0; /* that go into one request */

        while (n < count && n < post->most) {
            bytes += post->around + events[n].len;
            if (n > 0 && bytes > post->room)
                break;
            n++;
        }
        rc = post_some(post, events, n);
    } while (rc == 0);
    /* Asks by the next event whether the peer refuses all. */
    if (rc != -EAGAIN || !post->doubtful || count < 2)
        return rc;
    post->first_refused = post_some(post, events + 1, 1) == 1;
    post->cleared = false;
    return post->first_refused ? 2 : rc;
}

void llmobs_post_warm(struct llmobs_post *post)
{
    struct llmobs_http_request request = post->request;
    int64_t began = llmobs_clock_mono_ns();
    int rc;

    if (!llmobs_peer_may_ask(&post->peer))
        return;
    request.tick = post->exporter->tick;
    rc = llmobs_http_warm(post->http, &request);
    if (rc)
        (void)read_silence(post, rc, 0, began);
}
