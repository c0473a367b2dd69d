/* Follows the exchanges of a connection without libcurl. */
#include "core/capture/wire.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/capture/command.h"
#include "core/capture/global.h"
#include "core/capture/judge.h"
#include "core/capture/left.h"
#include "core/capture/rpc.h"
#include "core/capture/served.h"
#include "core/capture/call_origin.h"
#include "core/capture/wire_insert.h"
#include "core/capture/wire_request.h"
#include "core/capture/wire_socket.h"
#include "core/event/curlcode.h"
#include "lib/base/clock.h"
#include "lib/base/cold.h"
#include "lib/base/fork.h"
#include "core/capture/keyed.h"
#include "lib/base/log.h"
#include "lib/base/stats.h"
#include "lib/span/account.h"
#include "lib/span/allowlist.h"
#include "lib/text/h2.h"
#include "lib/text/websocket.h"

/* How many milliseconds the exit handler waits for a thread that is appending.
 */
#define EXIT_LOCK_MS 5
/* A body is judged by at most this many of its first bytes. */
#define JUDGED_MAX 4096
#define LINE_BITS 4
/* Requests of a connection at once, as HTTP/2 has them. */
#define OPEN_MAX 1024
#define REASON_MAX 200 /* bytes of why a call was cancelled */
/* So many bytes of TLS that the program has not read may be no answer: the
 * alert that ends a connection; and before, what TLS 1.3 sends behind its
 * handshake. */
#define ALERT_MOST 64
#define TICKETS_MOST 640

/* A request that may be a call, until its answer has ended. */
struct request {
    struct llmobs_h2_stream
        stream;      /* first; has its number, also of HTTP/1.1 */
    uint64_t served; /* whose it is by what the program told as its head was
                      * written: a key of served.h; 0: nobody's */
    uint64_t begins; /* bytes that went before the piece that ended its head */
    bool whole;      /* it was sent to its end */
    bool refused;    /* nobody took its head; a server may answer still */
    bool anew;       /* the event at work shows that it is a call */
    struct llmobs_wire_request *asked; /* NULL: it is judged */
    struct llmobs_buf seen;            /* first bytes of the body, until then */
    struct llmobs_match match; /* of its head if _wire_listed; then of all */
    int64_t blank;             /* bytes before them, of JSON none */
    struct llmobs_exchange *exchange; /* NULL: no call yet */
    /* Of a request that is a call by its head, whose context may have been sent
     * with it; until it is judged. */
    struct llmobs_exchange *early;
};

struct llmobs_wire {
    struct llmobs_keyed keyed; /* by a number of its own */
    struct llmobs_http1 http;
    struct llmobs_h2 *h2; /* instead of http; NULL: HTTP/1.1 */
    /* The last request asks for one that may have calls, which follows http
     * once it has begun; NULL: for none. */
    struct llmobs_websocket *ws;
    bool upgrades;      /* it asks for any */
    atomic_int process; /* that uses it (fork.h) */
    /* The thread at work here, of which all below is; 0: none. Others leave
     * their events, the newest first, and ends as bits. */
    atomic_uintptr_t worker;
    struct llmobs_left left;
    atomic_uint ends;
    atomic_bool missed; /* an event could not be left */
    enum llmobs_wire_end ended_as;
    /* As many bytes, at most, came that the program has not read here. */
    uint64_t unseen;
    /* Bytes that were received and sent here; the exit asks for `came`. */
    _Atomic uint64_t came;
    uint64_t went;
    struct llmobs_wire_socket socket;
    _Atomic(struct llmobs_insertions *) insertions; /* NULL, or a thread's */
    const struct llmobs_wire_event *event; /* of SENT or RECEIVED, at work */
    int64_t guessed_ns; /* when the bytes were sent that http keeps; 0: none */
    uint64_t guessed;   /* whose they are */
    uint64_t number;    /* the program's of the connection; 0: none */
    struct llmobs_told *told; /* of an event that was left, at work; NULL:
                               * the thread's own is */
    bool unsent;              /* nothing can be sent any more */
    bool called;              /* a request was a call */
    bool anew;                /* one is (request.anew) */
    bool counted;             /* as not followed */
    char *host;               /* NULL: unknown */
    const struct llmobs_wire_peer *peer; /* NULL: this process's connection */
    bool plain;                          /* http, not https */
    atomic_int holder; /* of the list, and of exchanges in it (exchange.h) */
    struct request **requests; /* in the order of their numbers */
    size_t count;
};

LLMOBS_COLD static struct llmobs_keyed_line lines[1 << LINE_BITS];
static struct llmobs_keyed_state state;
static const struct llmobs_keyed_table table = {
    lines, LINE_BITS, sizeof(struct llmobs_wire), &state};
static atomic_uintptr_t last_key;

/* Set once before any connection exists, constant afterwards. */
static struct llmobs_worker *worker;
static const struct llmobs_config *config;
/* Of a run with --intercept: the port of its proxy, ":4000", which reads what
 * it is asked for itself; NULL: no such run. */
static const char *proxy_port;

void llmobs_wire_init(const struct llmobs_config *the_config,
                      struct llmobs_worker *the_worker)
{
    const char *proxy = getenv("LLMOBS_INTERCEPT");

    proxy = proxy ? strchr(proxy, ':') : NULL;
    proxy_port = proxy ? strdup(proxy) : NULL;
    config = the_config;
    worker = the_worker;
}

#define KEY(wire) ((uintptr_t)llmobs_keyed_key(&(wire)->keyed))

/* -- requests -------------------------------------------------------------- */

/* Where the request is, or would be. */
static size_t place_of(const struct llmobs_wire *wire, uint32_t number)
{
    size_t low = 0, high = wire->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (wire->requests[middle]->stream.id < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct llmobs_h2_stream *find_stream(void *user, uint32_t number)
{
    const struct llmobs_wire *wire = user;
    size_t place = place_of(wire, number);

    return place < wire->count ? &wire->requests[place]->stream : NULL;
}

/* NULL: the request is no call. */
static struct request *find(struct llmobs_wire *wire, uint32_t number)
{
    struct llmobs_h2_stream *stream = find_stream(wire, number);

    return stream && stream->id == number ? (struct request *)stream : NULL;
}

/* Adds the newest request. NULL: memory ran out. */
static struct request *add_request(struct llmobs_wire *wire, uint32_t number)
{
    struct request *request = calloc(1, sizeof(*request));
    struct request **requests;

    if (!request)
        return NULL;
    request->stream.id = number;
    request->begins = wire->went;
    llmobs_buf_init(&request->seen, JUDGED_MAX);
    llmobs_holder_lock(&wire->holder);
    requests = realloc(wire->requests, (wire->count + 1) * sizeof(*requests));
    if (requests) {
        requests[wire->count++] = request;
        wire->requests = requests;
    }
    llmobs_holder_unlock(&wire->holder);
    if (requests)
        return request;
    free(request);
    return NULL;
}

static void forget_head(struct request *request)
{
    llmobs_wire_request_free(request->asked);
    request->asked = NULL;
    if (request->seen.len > 0)
        explicit_bzero(request->seen.data, request->seen.len);
    llmobs_buf_fini(&request->seen);
}

/* Frees the request, and gives its exchange; NULL: it has none. */
static struct llmobs_exchange *remove_request(struct llmobs_wire *wire,
                                              struct request *request)
{
    size_t place = place_of(wire, request->stream.id);
    struct llmobs_exchange *exchange;

    llmobs_holder_lock(&wire->holder);
    exchange = request->exchange;
    wire->count--;
    memmove(wire->requests + place, wire->requests + place + 1,
            (wire->count - place) * sizeof(*wire->requests));
    llmobs_holder_unlock(&wire->holder);
    forget_head(request);
    llmobs_exchange_free(request->early);
    free(request);
    return exchange;
}

static void cancel(struct llmobs_exchange *exchange)
{
    if (exchange)
        llmobs_worker_cancel(worker, exchange);
    llmobs_exchange_free(exchange);
}

static bool in_websocket(const struct llmobs_wire *wire)
{
    return wire->ws && wire->ws->begun;
}

/* True: the program waits for an answer, be it to a call or not. */
static bool is_asking(const struct llmobs_wire *wire)
{
    return in_websocket(wire) ? wire->ws->waiting > 0
           : wire->h2         ? wire->count > 0
                              : wire->http.asked != wire->http.answered;
}

/* -- the end of a call ----------------------------------------------------- */

static void end_exchange(struct llmobs_exchange *exchange, enum llmobs_end end)
{
    exchange->end = end;
    exchange->duration_ns = llmobs_clock_mono_ns() - exchange->start_mono_ns;
    llmobs_exchange_end(exchange);
    llmobs_worker_submit(worker, &exchange->item);
}

/* No more is known of the answer. Where the program let the connection go, an
 * answer that came and was not read, or whose body was not, is no failure:
 * nobody saw one. `first`: of the connection. */
static void end_answer(struct llmobs_wire *wire,
                       struct llmobs_exchange *exchange, bool first,
                       enum llmobs_http1_end how)
{
    bool cut = how == LLMOBS_HTTP1_CUT || how == LLMOBS_HTTP1_NONE;
    bool left = cut && wire->ended_as == LLMOBS_WIRE_FREED;
    uint64_t rest = wire->h2 || in_websocket(wire)
                        ? UINT64_MAX
                        : llmobs_http1_left(&wire->http);
    uint64_t of_tls = first && !exchange->status ? TICKETS_MOST : ALERT_MOST;
    bool came = how == LLMOBS_HTTP1_LOST ||
                (left && wire->unseen > (wire->plain ? 0 : of_tls) &&
                 (wire->unseen >= rest ||
                  (exchange->status && !exchange->response.total)));

    exchange->response.unseen = came;
    if (came) {
        llmobs_body_miss(&exchange->response,
                         exchange->status && rest < UINT64_MAX ? rest : 0);
    } else if (left || how == LLMOBS_HTTP1_GIVEN_UP) {
        end_exchange(exchange, LLMOBS_END_REMOVED);
        return;
    } else if (cut) {
        exchange->code = LLMOBS_CODE_CONNECTION_LOST;
        exchange->code_name = llmobs_curlcode_name(exchange->code);
        snprintf(exchange->error_text, sizeof(exchange->error_text),
                 "the %s ended before the answer did",
                 wire->h2 ? "HTTP/2 stream" : "connection");
    }
    end_exchange(exchange, LLMOBS_END_DONE);
}

/* Claims an exchange under way of this process, since a child has copies of its
 * parent's: that of the call of MCP, unless its request was refused, or, with
 * 0, any. Waits so long for a thread that works on the connection; NULL: there
 * is none, or that thread went on. */
static struct llmobs_exchange *claim(struct llmobs_wire *wire, uint64_t call,
                                     int ms, bool *refused)
{
    struct llmobs_exchange *exchange = NULL;

    if (!llmobs_holder_trylock(&wire->holder, ms))
        return NULL;
    for (size_t i = 0; i < wire->count && !exchange; i++) {
        struct request *request = wire->requests[i];
        struct llmobs_exchange *one = request->exchange;

        if (one && one->process == llmobs_fork_process() &&
            (!call || (one->rpc == call && !request->refused))) {
            exchange = one;
            *refused = request->refused && !one->status;
            request->exchange = NULL;
        }
    }
    llmobs_holder_unlock(&wire->holder);
    return exchange;
}

/* The reason is kept as it is written, without its quotes. */
static void cancel_call(uint64_t call, const char *reason)
{
    struct llmobs_exchange *exchange = NULL;
    bool refused;

    for (struct llmobs_keyed *record = atomic_load(&state.all);
         record && !exchange; record = record->next)
        if (atomic_load(&record->key))
            exchange = claim((struct llmobs_wire *)record, call, 0, &refused);
    if (!exchange)
        return;
    snprintf(exchange->error_text, sizeof(exchange->error_text), "%s", reason);
    end_exchange(exchange, LLMOBS_END_CANCELLED);
}

/* -- a call begins --------------------------------------------------------- */

/* Makes the exchange of a request's head; NULL without memory. `listed`: the
 * head as it was read, which gets trace headers, so that they name this
 * exchange. `served`: whose the request is. Inlined, as each frame costs the
 * search for the caller. */
__attribute__((always_inline)) static inline struct llmobs_exchange *
new_exchange(struct llmobs_wire *wire, uint64_t served,
             const struct llmobs_wire_request *asked,
             const struct llmobs_http1_head *listed, bool ids_alone,
             struct llmobs_insertions **to)
{
    struct llmobs_call_origin origin = {.found_at_add = false};
    struct llmobs_own_headers own;
    struct llmobs_inject_plan plan = {.baggage = NULL};
    struct llmobs_serving before = llmobs_served_enter(served);
    struct llmobs_exchange *exchange =
        llmobs_call_origin_new_exchange(&origin, 0, NULL);

    llmobs_served_leave(before);
    if (!exchange)
        return NULL;
    llmobs_worker_find_key(worker, exchange);
    exchange->account = llmobs_account_seal(
        llmobs_call_origin_read_head(asked->lines, asked->url, exchange));
    llmobs_call_origin_scan(&origin, asked->lines, asked->url, &own, &plan);
    llmobs_call_origin_continue(&plan, origin.from_span, exchange);
    plan.ids_alone = ids_alone;
    if (listed)
        llmobs_wire_insert(wire->event, to, listed, asked, &plan, wire->host,
                           wire->plain, exchange);
    free(origin.baggage);
    return exchange;
}

static bool fill_exchange(struct llmobs_exchange *exchange,
                          const struct llmobs_wire_request *asked,
                          const struct llmobs_match *match)
{
    struct llmobs_text query = llmobs_rules_query(match, asked->url);

    exchange->url = llmobs_allowlist_url_copy(asked->url);
    if (!exchange->url)
        return false;
    llmobs_exchange_set_begin(exchange, asked->began_ns);
    exchange->match = *match;
    exchange->wired = true;
    exchange->transfer.redirects = -1;
    exchange->transfer.bytes_sent = exchange->transfer.bytes_received = 0;
    llmobs_context_text(exchange->method, sizeof(exchange->method),
                        llmobs_text_of(asked->method));
    exchange->stands = asked->body.len > 0
                           ? llmobs_rules_seems(match, asked->body)
                           : llmobs_rules_stands(match);
    exchange->multipart = match->form;
    if (match->form)
        exchange->form =
            llmobs_form_new(llmobs_lines_value(asked->lines, "content-type:"));
    if (query.len > 0)
        (void)llmobs_body_add(&exchange->request, query.data, query.len);
    return true;
}

static void add_sent(struct llmobs_exchange *exchange, struct llmobs_text bytes)
{
    exchange->transfer.bytes_sent += (int64_t)bytes.len;
    if (bytes.data)
        llmobs_exchange_sent(exchange, bytes.data, bytes.len);
    else
        llmobs_body_miss(&exchange->request, bytes.len);
}

/* Judges the request by its head and the first bytes of its body, and wipes the
 * head, which holds keys. False: it is no call, and is removed. */
static bool judge(struct llmobs_wire *wire, struct request *request)
{
    struct llmobs_wire_request *asked = request->asked;
    struct llmobs_exchange *exchange;

    if (request->seen.len > 0)
        asked->body = llmobs_buf_text(&request->seen);
    if (!llmobs_judge_wire_request(asked, request->early != NULL,
                                   &request->match)) {
        (void)remove_request(wire, request);
        return false;
    }
    /* Makes the exchange of a request that is a call, or takes the `early` one.
     * Without one the call is lost. */
    exchange = request->early ? request->early
                              : new_exchange(NULL, request->served, asked, NULL,
                                             false, NULL);
    if (config->replay_url)
        llmobs_log_once(LLMOBS_LOG_WARN, "past the mock",
                        "LLMOBS_REPLAY leads calls of libcurl to the mock: a "
                        "call without libcurl went to its server");
    if (exchange && wire->peer) {
        exchange->peer = strdup(wire->peer->process);
        exchange->caller =
            wire->peer->caller ? strdup(wire->peer->caller) : NULL;
    }
    if (!exchange || !fill_exchange(exchange, asked, &request->match)) {
        llmobs_worker_count_lost(worker, LLMOBS_STAT_dropped_memory);
        llmobs_exchange_free(exchange);
        exchange = NULL;
    }
    request->early = NULL;
    if (exchange) {
        wire->called = wire->anew = request->anew = true;
        exchange->transfer.bytes_sent = request->blank;
        if (asked->body.len > 0)
            add_sent(exchange, asked->body);
        llmobs_worker_warm(worker);
        llmobs_holder_lock(&wire->holder);
        request->exchange = exchange;
        llmobs_holder_unlock(&wire->holder);
    }
    forget_head(request);
    return true;
}

/* Judges a request of whose body nothing is known. */
static bool judge_unseen(struct llmobs_wire *wire, struct request *request)
{
    bool is_call = judge(wire, request);

    if (!is_call)
        llmobs_stats_add(LLMOBS_STAT_unjudged, 1);
    return is_call;
}

/* -- what the reader says -------------------------------------------------- */

/* True where the connection leads to a model. */
static bool is_to_model(const struct llmobs_wire *wire)
{
    return wire->called || (wire->host && llmobs_judge_knows(wire->host));
}

/* A call may pass unseen: the connection is not followed any more, or was not
 * for a while. */
static void lose_track(struct llmobs_wire *wire, enum llmobs_http1_why why)
{
    static const char *const reasons[] = {
        [LLMOBS_HTTP1_FOREIGN] = "another protocol",
        [LLMOBS_HTTP1_H2] = "HTTP/2 in place of HTTP/1.1",
        [LLMOBS_HTTP1_DOUBT] = "bytes that can be read in two ways",
        [LLMOBS_HTTP1_UNASKED] = "an answer to no request",
        [LLMOBS_HTTP1_DEEP] = "too many requests without an answer",
        [LLMOBS_HTTP1_LARGE] = "a head or a message that is too large",
        [LLMOBS_HTTP1_MEMORY] = "no memory",
        [LLMOBS_HTTP1_MISSED] = "bytes that passed unseen",
    };

    if (wire->counted || !is_to_model(wire))
        return;
    wire->counted = true;
    llmobs_stats_add(LLMOBS_STAT_unfollowed, 1);
    llmobs_log_once(LLMOBS_LOG_WARN, "in part",
                    "not all calls by a connection to %s are seen: it had %s",
                    wire->host ? wire->host : "a model", reasons[why]);
}

static void on_passed(void *user, const char *what)
{
    const struct llmobs_wire *wire = user;

    if (!is_to_model(wire))
        return;
    llmobs_stats_add(LLMOBS_STAT_unread_streams, 1);
    llmobs_log_once(LLMOBS_LOG_WARN, what, "a request to %s is not seen: %s",
                    wire->host ? wire->host : "a model", what);
}

static const struct llmobs_http1_events events;

static uint64_t whose(struct llmobs_wire *wire, uint32_t number)
{
    if (wire->guessed_ns && wire->event->what == LLMOBS_WIRE_RECEIVED)
        return wire->guessed;
    return llmobs_served_head(wire->told ? wire->told
                                         : llmobs_thread_state_told(false),
                              wire->number, wire->h2 ? number : 0);
}

static void request_head(struct llmobs_wire *wire, uint32_t number,
                         const struct llmobs_http1_head *head)
{
    bool sends = head->framing != LLMOBS_HTTP1_BODILESS &&
                 (head->framing != LLMOBS_HTTP1_LENGTH || head->length > 0);
    struct llmobs_wire_request *asked = NULL;
    int error = llmobs_wire_request_copy(head, wire->host, wire->plain,
                                         wire->socket.port, &asked);
    struct request *request = NULL;

    llmobs_worker_count_call(worker);
    if (error == -ENOMEM)
        lose_track(wire, LLMOBS_HTTP1_MEMORY);
    if (error)
        return;
    if (wire->guessed_ns && wire->event->what == LLMOBS_WIRE_RECEIVED)
        asked->began_ns = wire->guessed_ns;
    llmobs_command_enter(asked->began_ns);
    if (!in_websocket(wire)) {
        /* Each request says anew whether a websocket may follow. */
        const struct llmobs_websocket_words *words =
            head->upgrades ? llmobs_judge_wire_upgrade(asked) : NULL;

        llmobs_websocket_free(wire->ws);
        wire->ws =
            words ? llmobs_websocket_new(head, words, &events, wire) : NULL;
        wire->upgrades = head->upgrades;
    }
    if (llmobs_judge_may_be_call(asked->url, sends)) {
        if (wire->count == OPEN_MAX)
            on_passed(wire, "too many at once");
        else if (!(request = add_request(wire, number)))
            llmobs_worker_count_lost(worker, LLMOBS_STAT_dropped_memory);
    }
    if (!request) {
        llmobs_wire_request_free(asked);
        return;
    }
    request->asked = asked;
    request->served = whose(wire, number);
    if (!sends)
        judge(wire, request);
    else if (!in_websocket(wire)) {
        /* A call to a listed gateway, or a named host, is one by its head
         * alone, so that its context can go with that. */
        struct llmobs_insertions **to = wire->event->insertions;

        if (llmobs_judge_wire_listed(request->asked, &request->match)) {
            if (to && !*to)
                *to = llmobs_wire_take(wire);
            if (to && !*to && atomic_load(&wire->insertions))
                to = NULL; /* a send that was left has them */
            request->early = new_exchange(
                wire, request->served, asked, head,
                llmobs_judge_ids_alone(asked->url, &request->match), to);
            if (to && *to && !(*to)->of) {
                (*to)->of = KEY(wire);
                (*to)->taken = !wire->plain;
                if (!wire->plain)
                    atomic_store(&wire->insertions, *to);
            }
        }
    }
}

/* Takes bytes of the body until there are enough to judge by. Of many blanks
 * before them, and a mark of their order, only the number stays. */
static int take_body(struct request *request, struct llmobs_text *bytes)
{
    static const char blanks[] = " \t\r\n\xEF\xBB\xBF";
    struct llmobs_buf *seen = &request->seen;

    while (bytes->len > 0 && seen->len < JUDGED_MAX) {
        size_t room = JUDGED_MAX - seen->len, blank = 0;
        size_t part = bytes->len < room ? bytes->len : room;

        if (llmobs_buf_add(seen, bytes->data, part) != 0)
            return -ENOMEM;
        bytes->data += part;
        bytes->len -= part;
        if (part < room)
            break;
        while (blank < seen->len &&
               memchr(blanks, seen->data[blank], sizeof(blanks) - 1))
            blank++;
        request->blank += (int64_t)blank;
        seen->len -= blank;
        memmove(seen->data, seen->data + blank, seen->len);
        explicit_bzero(seen->data + seen->len, blank);
    }
    return 0;
}

static void request_body(struct llmobs_wire *wire, struct request *request,
                         struct llmobs_text bytes)
{
    if (request->asked && !bytes.data) {
        if (!judge_unseen(wire, request))
            return;
    } else if (request->asked) {
        if (take_body(request, &bytes) != 0) {
            llmobs_worker_count_lost(worker, LLMOBS_STAT_dropped_memory);
            (void)remove_request(wire, request);
            return;
        }
        if (request->seen.len < JUDGED_MAX || !judge(wire, request))
            return;
    }
    llmobs_holder_lock(&wire->holder);
    if (request->exchange && bytes.len > 0)
        add_sent(request->exchange, bytes);
    llmobs_holder_unlock(&wire->holder);
}

static void on_head(void *user, enum llmobs_http1_side side, uint32_t number,
                    const struct llmobs_http1_head *head)
{
    struct llmobs_wire *wire = user;
    struct request *request;

    if (side == LLMOBS_HTTP1_REQUEST) {
        request_head(wire, number, head);
        return;
    }
    if (head->status == 101 && wire->ws)
        llmobs_websocket_begin(wire->ws, head);
    request = find(wire, number);
    /* The answer came before all of the body, which may have passed unseen. */
    if (!request ||
        (request->asked && !(request->seen.len == 0 && head->status < 300
                                 ? judge_unseen(wire, request)
                                 : judge(wire, request))))
        return;
    /* A client that follows a 307 or 308 sends the same request again,
     * elsewhere: that is the call. */
    if (head->status == 307 || head->status == 308) {
        cancel(remove_request(wire, request));
        return;
    }
    llmobs_holder_lock(&wire->holder);
    if (request->exchange) {
        struct llmobs_text rest = head->headers;

        llmobs_exchange_restart(request->exchange);
        request->exchange->status = (long)head->status;
        request->exchange->transfer.http_version =
            head->h2      ? CURL_HTTP_VERSION_2_0
            : head->minor ? CURL_HTTP_VERSION_1_1
                          : CURL_HTTP_VERSION_1_0;
        while (rest.len > 0) {
            const char *end = memchr(rest.data, '\n', rest.len);
            size_t len = end ? (size_t)(end + 1 - rest.data) : rest.len;

            llmobs_exchange_expect(request->exchange, rest.data, len);
            llmobs_headers_add_answer(&request->exchange->response_headers,
                                      rest.data, len);
            rest.data += len;
            rest.len -= len;
        }
    }
    llmobs_holder_unlock(&wire->holder);
}

static void on_body(void *user, enum llmobs_http1_side side, uint32_t number,
                    struct llmobs_text bytes)
{
    struct llmobs_wire *wire = user;
    struct request *request = find(wire, number);
    struct llmobs_exchange *exchange;

    if (!request)
        return;
    if (side == LLMOBS_HTTP1_REQUEST) {
        request_body(wire, request, bytes);
        return;
    }
    llmobs_holder_lock(&wire->holder);
    exchange = request->exchange;
    if (exchange) {
        exchange->transfer.bytes_received += (int64_t)bytes.len;
        llmobs_exchange_received(exchange, bytes.data, bytes.len);
    }
    llmobs_holder_unlock(&wire->holder);
}

static void on_end(void *user, enum llmobs_http1_side side, uint32_t number,
                   enum llmobs_http1_end how)
{
    struct llmobs_wire *wire = user;
    struct request *request = find(wire, number);
    struct llmobs_exchange *exchange;
    struct llmobs_rpc rpc = {.call = 0};
    char reason[REASON_MAX];
    bool whole;

    if (!request)
        return;
    if (side == LLMOBS_HTTP1_REQUEST) {
        if ((!request->asked || judge(wire, request)) &&
            how == LLMOBS_HTTP1_WHOLE) {
            request->whole = true;
            reason[0] = '\0';
            llmobs_holder_lock(&wire->holder);
            request->anew = false;
            if (request->exchange && !request->refused) {
                llmobs_worker_begin(worker, request->exchange,
                                    LLMOBS_STAGE_BEGIN);
                if (!llmobs_rpc_read(request->exchange, &rpc))
                    rpc.cancels = false;
                else if (!rpc.cancels)
                    request->exchange->rpc = rpc.call;
                else if (rpc.reason.len > 2 && *rpc.reason.data == '"')
                    llmobs_context_text(
                        reason, sizeof(reason),
                        (struct llmobs_text){rpc.reason.data + 1,
                                             rpc.reason.len - 2});
            }
            llmobs_holder_unlock(&wire->holder);
            if (rpc.cancels)
                cancel_call(rpc.call, reason);
        }
        return;
    }
    if (how == LLMOBS_HTTP1_REFUSED ||
        (request->refused && how == LLMOBS_HTTP1_NONE)) {
        cancel(remove_request(wire, request));
        return;
    }
    whole = request->whole;
    exchange = remove_request(wire, request);
    if (!exchange)
        return;
    if (!whole)
        llmobs_body_miss(&exchange->request, 0);
    end_answer(wire, exchange, number == (wire->h2 ? 1 : 0), how);
}

static void on_stopped(void *user, enum llmobs_http1_why why)
{
    const struct llmobs_wire *wire = user;

    if (why != LLMOBS_HTTP1_SWITCHED)
        lose_track(user, why);
    else if (wire->upgrades && !wire->ws)
        on_passed(user, "a websocket");
}

static const struct llmobs_http1_events events = {
    on_head, on_body, on_end, find_stream, on_passed, on_stopped};

/* -- the connection -------------------------------------------------------- */

struct llmobs_wire *llmobs_wire_begin(const char *host, int fd, bool http2)
{
    uintptr_t key = atomic_fetch_add(&last_key, 1) + 1;
    struct llmobs_wire *wire;
    int saved = errno;

    llmobs_global_deliver_at_exit();
    wire = llmobs_keyed_claim(&table, (void *)key);
    if (wire) {
        wire->ended_as = LLMOBS_WIRE_CLOSED;
        wire->came = 0;
        wire->unseen = wire->went = 0;
        wire->unsent = wire->called = wire->counted = wire->upgrades =
            wire->anew = false;
        wire->ws = NULL;
        wire->peer = NULL;
        wire->guessed_ns = 0;
        wire->told = NULL;
        wire->number = llmobs_served_number();
        atomic_store(&wire->worker, 0);
        atomic_store(&wire->left.newest, NULL);
        atomic_store(&wire->left.size, 0);
        atomic_store(&wire->ends, 0);
        atomic_store(&wire->missed, false);
        llmobs_http1_init(&wire->http, &events, wire);
        atomic_store(&wire->process, llmobs_fork_process());
        wire->host = host ? strdup(host) : NULL;
        wire->plain = fd != LLMOBS_WIRE_TLS;
        llmobs_wire_socket_init(&wire->socket, fd);
        if (proxy_port && wire->socket.loopback &&
            strcmp(wire->socket.port, proxy_port) == 0)
            wire->http.why = LLMOBS_HTTP1_FOREIGN;
        wire->h2 = http2 ? malloc(sizeof(*wire->h2)) : NULL;
        if (wire->h2) {
            llmobs_h2_init(wire->h2, &events, wire,
                           (const uint64_t[]){llmobs_context_random(),
                                              llmobs_context_random()});
        } else if (http2) {
            wire->http.why = LLMOBS_HTTP1_MEMORY;
            lose_track(wire, LLMOBS_HTTP1_MEMORY);
        }
    } else if (host && llmobs_judge_knows(host)) {
        llmobs_stats_add(LLMOBS_STAT_unfollowed, 1);
    }
    errno = saved;
    return wire;
}

void llmobs_wire_set_peer(struct llmobs_wire *wire,
                          const struct llmobs_wire_peer *peer)
{
    wire->peer = peer;
}

/* -- one thread after the other -------------------------------------------- */

static bool begin_work(struct llmobs_wire *wire)
{
    uintptr_t nobody = 0;

    return atomic_compare_exchange_strong(&wire->worker, &nobody,
                                          (uintptr_t)pthread_self());
}

/* Stops for bytes that the reader was not given. */
static void stop_at_gap(struct llmobs_wire *wire)
{
    if (in_websocket(wire))
        llmobs_websocket_miss(wire->ws);
    else if (wire->h2)
        llmobs_h2_miss(wire->h2);
    else
        llmobs_http1_miss(&wire->http);
}

/* True after the end of the connection, as the library said it. */
static bool is_over(const struct llmobs_wire *wire)
{
    return (wire->h2 ? wire->h2->why : wire->http.why) == LLMOBS_HTTP1_OVER;
}

/* The parent ends what it began. In a child one thread forgets it, at the first
 * use of the connection, and gives true where a request of the parent's is
 * under way. What a thread of the parent was changing may be half changed, and
 * is not freed. Nobody follows HTTP/2 in a child: its parent may go on, and
 * both change the tables of headers. */
static bool follow_fork(struct llmobs_wire *wire)
{
    uint8_t *why;
    bool asking;

    if (!llmobs_fork_begin_reset(&wire->process))
        return false;
    asking = is_asking(wire);
    atomic_store(&wire->holder, 0); /* a thread of the parent's may have it */
    wire->counted = false;
    if (wire->called)
        llmobs_worker_become_active(worker); /* which begins to count anew */
    for (struct llmobs_left_event *one = llmobs_left_claim(&wire->left); one;)
        one = llmobs_left_free(&wire->left, one);
    if (atomic_exchange(&wire->worker, 0)) {
        why = wire->h2 ? &wire->h2->why : &wire->http.why;
        *why = *why ? *why : LLMOBS_HTTP1_OVER;
        wire->count = 0;
        wire->requests = NULL;
        wire->ws = NULL;
    }
    while (wire->count > 0)
        llmobs_exchange_free(remove_request(wire, wire->requests[0]));
    if (wire->h2 && !wire->h2->why)
        llmobs_h2_fini(wire->h2);
    llmobs_websocket_free(wire->ws);
    wire->ws = NULL;
    llmobs_fork_end_reset(&wire->process);
    return asking;
}

/* Where a child sends, the answer that its parent waits for may come to either
 * of them. A connection that was said to be over, and is not, is followed anew.
 */
static void sent(struct llmobs_wire *wire,
                 const struct llmobs_wire_event *event, bool forked)
{
    struct llmobs_text bytes = {event->bytes, event->number};

    if (in_websocket(wire) && wire->unsent)
        return; /* as an answer to a ping, which nobody gets either */
    if (forked || (!event->bytes && event->number == LLMOBS_WIRE_OTHER_BYTES))
        stop_at_gap(wire);
    if (is_over(wire) && wire->h2)
        lose_track(wire, LLMOBS_HTTP1_MISSED);
    else if (is_over(wire))
        llmobs_http1_init(&wire->http, &events, wire);
    wire->unseen = 0;
    wire->unsent = false;
    wire->event = event;
    if ((wire->h2 || in_websocket(wire)) && event->what != LLMOBS_WIRE_SENT)
        stop_at_gap(wire);
    else if (in_websocket(wire))
        llmobs_websocket_read(wire->ws, LLMOBS_HTTP1_REQUEST, bytes);
    else if (wire->h2)
        llmobs_h2_sent(wire->h2, event->bytes, event->number);
    else if (event->what == LLMOBS_WIRE_SENT)
        llmobs_http1_sent(&wire->http, event->bytes, event->number);
    else
        llmobs_http1_skip(&wire->http, event->number);
    wire->went += event->number;
    if (!wire->http.guess) {
        wire->guessed_ns = 0;
    } else if (!wire->guessed_ns) {
        wire->guessed = whose(wire, 0);
        wire->guessed_ns = llmobs_clock_mono_ns();
    }
}

/* A server that got no byte of a request knows of no call: until somebody
 * takes it, the disk has none, either. A part of a record of TLS, which has up
 * to 16,384 bytes (RFC 8446, 5.1), is none. */
static void refused(struct llmobs_wire *wire, uint64_t bytes)
{
    uint64_t took;
    bool none;

    if (bytes == LLMOBS_WIRE_LEFT) {
        took = llmobs_wire_socket_taken(&wire->socket);
        bytes = took < wire->went ? wire->went - took : 0;
    }
    none = bytes == 0 || (!wire->plain && bytes > 16384);
    llmobs_holder_lock(&wire->holder);
    for (size_t i = wire->count; i-- > 0;) {
        struct request *request = wire->requests[i];
        struct llmobs_exchange *exchange = request->exchange;
        bool before = request->refused;

        request->refused = !none && wire->went <= request->begins + bytes;
        if (!exchange || before == request->refused)
            continue;
        if (request->refused)
            llmobs_worker_cancel(worker, exchange);
        else if (request->whole)
            llmobs_worker_begin(worker, exchange, LLMOBS_STAGE_BEGIN);
        else
            llmobs_worker_begin(worker, exchange, LLMOBS_STAGE_START);
    }
    llmobs_holder_unlock(&wire->holder);
}

static void received(struct llmobs_wire *wire,
                     const struct llmobs_wire_event *event, bool forked)
{
    size_t rest = event->number;

    if (forked || is_over(wire))
        lose_track(wire, LLMOBS_HTTP1_MISSED);
    atomic_store_explicit(&wire->came, wire->came + event->number,
                          memory_order_relaxed);
    wire->unseen = 0;
    wire->event = event;
    /* A server may say "HTTP/1.1 408" before it closes an idle connection. */
    if (wire->h2)
        llmobs_h2_received(wire->h2, event->bytes, event->number);
    else if (!in_websocket(wire) && (is_asking(wire) || event->number < 12 ||
                                     memcmp(event->bytes + 8, " 408", 4) != 0))
        rest = llmobs_http1_received(&wire->http, event->bytes, event->number);
    if (in_websocket(wire))
        llmobs_websocket_read(
            wire->ws, LLMOBS_HTTP1_ANSWER,
            (struct llmobs_text){event->bytes + event->number - rest, rest});
    if (!wire->http.guess)
        wire->guessed_ns = 0;
}

static void unseen(struct llmobs_wire *wire,
                   const struct llmobs_wire_event *event)
{
    uint64_t bytes = event->number, asked;

    if (!is_asking(wire))
        return;
    asked = llmobs_wire_socket_unread(&wire->socket, event->fd, wire->came);
    bytes = asked == LLMOBS_WIRE_READ_BESIDE ? asked : bytes + asked;
    if (bytes > wire->unseen) /* an end may be told twice */
        wire->unseen = bytes;
    if (bytes == LLMOBS_WIRE_READ_BESIDE && (wire->h2 || in_websocket(wire)))
        stop_at_gap(wire);
    else if (bytes == LLMOBS_WIRE_READ_BESIDE)
        llmobs_http1_unseen(&wire->http);
}

static void ended(struct llmobs_wire *wire, enum llmobs_wire_end how)
{
    if (how == LLMOBS_WIRE_UNSENT) {
        wire->unsent = true;
        return;
    }
    wire->ended_as =
        how == LLMOBS_WIRE_FREED && wire->unsent ? LLMOBS_WIRE_BROKEN : how;
    if (in_websocket(wire))
        llmobs_websocket_ended(wire->ws);
    else if (wire->h2)
        llmobs_h2_ended(wire->h2);
    else
        llmobs_http1_ended(&wire->http, how == LLMOBS_WIRE_CLOSED);
}

/* Writes a call to the disk whose request goes on, before more of it is sent.
 * One whose request ended with this event has its BEGIN there (on_end). */
static void start_calls(struct llmobs_wire *wire)
{
    llmobs_holder_lock(&wire->holder);
    for (size_t i = 0; i < wire->count; i++) {
        struct request *request = wire->requests[i];

        if (request->anew && request->exchange && !request->refused)
            llmobs_worker_begin(worker, request->exchange, LLMOBS_STAGE_START);
        request->anew = false;
    }
    wire->anew = false;
    llmobs_holder_unlock(&wire->holder);
}

static void apply(struct llmobs_wire *wire,
                  const struct llmobs_wire_event *event, bool forked)
{
    if (atomic_load(&wire->missed))
        stop_at_gap(wire);
    switch (event->what) {
    case LLMOBS_WIRE_SENT:
    case LLMOBS_WIRE_SKIPPED:
        sent(wire, event, forked);
        break;
    case LLMOBS_WIRE_RECEIVED:
        received(wire, event, forked);
        break;
    case LLMOBS_WIRE_UNSEEN:
        unseen(wire, event);
        break;
    case LLMOBS_WIRE_REFUSED:
        refused(wire, event->number);
        break;
    case LLMOBS_WIRE_ENDED:
        atomic_fetch_or(&wire->ends, 1u << event->number);
        break;
    }
    if (wire->anew)
        start_calls(wire);
}

static void apply_left(struct llmobs_wire *wire)
{
    for (struct llmobs_left_event *one = llmobs_left_claim(&wire->left); one;
         one = llmobs_left_free(&wire->left, one)) {
        wire->told = &one->told;
        apply(wire, &one->event, false);
        wire->told = NULL;
    }
}

/* Ends the connection, after the bytes that its threads left before. False if
 * it is freed. */
static bool apply_ends(struct llmobs_wire *wire)
{
    unsigned ends = atomic_exchange(&wire->ends, 0);

    apply_left(wire);
    for (unsigned how = 0; ends >> how; how++)
        if (ends >> how & 1)
            ended(wire, (enum llmobs_wire_end)how);
    if (!(ends >> LLMOBS_WIRE_FREED & 1))
        return true;
    free(wire->h2);
    wire->h2 = NULL;
    llmobs_websocket_free(wire->ws);
    wire->ws = NULL;
    llmobs_wire_insert_free(atomic_exchange(&wire->insertions, NULL));
    free(wire->host);
    wire->host = NULL;
    atomic_store(&wire->worker, 0);
    llmobs_keyed_release(&table, &wire->keyed);
    return false;
}

/* True for the end, in a child, of a plain connection that it has not used. It
 * may be a thread's child, whose locks nobody opens (_Fork), so its copy of the
 * record stays as it is. */
static bool is_left_alone(struct llmobs_wire *wire,
                          const struct llmobs_wire_event *event)
{
    return wire->plain &&
           (event->what == LLMOBS_WIRE_ENDED ||
            event->what == LLMOBS_WIRE_UNSEEN) &&
           abs(atomic_load(&wire->process)) != llmobs_fork_process();
}

/* Reads an event, and what other threads have left meanwhile. Nobody waits: who
 * finds another thread at work, as sockets and GnuTLS allow, leaves a copy. */
void llmobs_wire_event(struct llmobs_wire *wire,
                       const struct llmobs_wire_event *event)
{
    int saved = errno, cancel;
    bool forked, works;

    if (is_left_alone(wire, event))
        return;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    forked = follow_fork(wire);
    works = begin_work(wire);
    if (!works) {
        bool ends = event->what == LLMOBS_WIRE_ENDED;

        /* That thread will see the event. A signal handler, which interrupted
         * it, may not allocate. */
        if (ends)
            atomic_fetch_or(&wire->ends, 1u << event->number);
        if (ends || (atomic_load(&wire->worker) != (uintptr_t)pthread_self() &&
                     llmobs_left_append(&wire->left, event)))
            event = NULL;
        works = begin_work(wire); /* that thread may have gone by now */
        if (!works && event)
            atomic_store(&wire->missed, true);
    }
    while (works) {
        apply_left(wire);
        if (event)
            apply(wire, event, forked);
        event = NULL;
        if (!apply_ends(wire))
            break;
        atomic_store(&wire->worker, 0);
        works = (atomic_load(&wire->left.newest) || atomic_load(&wire->ends)) &&
                begin_work(wire);
    }
    pthread_setcancelstate(cancel, NULL);
    errno = saved;
}

/* Over TLS the connection keeps what a thread has taken, and frees with itself
 * what a jump out of a send has left. */
struct llmobs_insertions *llmobs_wire_take(struct llmobs_wire *wire)
{
    struct llmobs_insertions *all =
        wire->plain ? atomic_exchange(&wire->insertions, NULL)
                    : atomic_load(&wire->insertions);

    if (all && all->of != KEY(wire)) {
        atomic_store(&wire->insertions, NULL);
        llmobs_wire_insert_free(all);
        all = NULL;
    }
    if (all && all->taken)
        return NULL;
    if (all)
        all->taken = !wire->plain;
    return all;
}

/* Another thread may have ended the connection meanwhile. */
void llmobs_wire_give(struct llmobs_wire *wire,
                      struct llmobs_insertions *insertions)
{
    uintptr_t key = insertions->of;
    /* A handler that sends on a plain one may free nothing. */
    bool keeps = wire && (wire->plain || insertions->count ||
                          insertions->room || insertions->done);
    struct llmobs_insertions *before = NULL;

    llmobs_stats_add(LLMOBS_STAT_headers_lost, insertions->lost);
    insertions->lost = 0;
    insertions->taken = false;
    if (wire)
        before = atomic_exchange(&wire->insertions, keeps ? insertions : NULL);
    if (before != insertions)
        llmobs_wire_insert_free(before);
    if (!keeps)
        llmobs_wire_insert_free(insertions);
    if (wire && KEY(wire) != key)
        llmobs_wire_insert_free(atomic_exchange(&wire->insertions, NULL));
}

void llmobs_wire_unfollowed(const char *host)
{
    int saved = errno, cancel;

    if (host && !llmobs_judge_knows(host))
        return;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    llmobs_global_deliver_at_exit();
    llmobs_stats_add(LLMOBS_STAT_unfollowed, 1);
    if (!host)
        llmobs_log(LLMOBS_LOG_ERROR,
                   "a TLS library took more bytes than it was given: its calls "
                   "are not followed any more");
    else
        llmobs_log_once(
            LLMOBS_LOG_WARN, "unfollowed",
            "the program asks %s by functions that are not watched: "
            "its calls by that connection are not seen",
            host);
    pthread_setcancelstate(cancel, NULL);
    errno = saved;
}

void llmobs_wire_disturbed(struct llmobs_wire *wire, unsigned count)
{
    bool counts = !wire || (!atomic_exchange(&wire->missed, true) &&
                            !wire->counted && is_to_model(wire));

    if (counts)
        llmobs_stats_add(LLMOBS_STAT_unfollowed, count);
    if (counts && wire)
        wire->counted = true;
}

void llmobs_wire_abandon_all(void)
{
    struct llmobs_exchange *exchange;
    bool none, beside;

    for (struct llmobs_keyed *record = atomic_load(&state.all); record;
         record = record->next) {
        struct llmobs_wire *wire = (struct llmobs_wire *)record;
        const struct llmobs_wire_socket *socket = &wire->socket;

        while (atomic_load(&record->key) &&
               (exchange = claim(wire, 0, EXIT_LOCK_MS, &none))) {
            if (none) {
                cancel(exchange);
                continue;
            }
            /* The program may have it by functions that are not watched. */
            beside = socket->inode && llmobs_wire_socket_unread(
                                          socket, socket->fd, wire->came) ==
                                          LLMOBS_WIRE_READ_BESIDE;
            exchange->response.unseen = beside && !exchange->response.total;
            if (beside)
                llmobs_body_miss(&exchange->response, 0);
            end_exchange(exchange, beside ? LLMOBS_END_DONE : LLMOBS_END_EXIT);
        }
    }
}
