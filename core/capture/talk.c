#include "core/capture/talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"
#include "lib/base/fork.h"
#include "lib/base/futex.h"
#include "core/capture/handle_url.h"
#include "core/capture/judge.h"
#include "core/capture/ours.h"
#include "core/capture/outgoing.h"
#include "core/event/curlcode.h"
#include "lib/span/account.h"
#include "lib/span/allowlist.h"

/* How many milliseconds the exit handler waits for a thread that is appending.
 */
#define EXIT_LOCK_MS 5

/* Of libcurl's websockets.h, which old headers lack: CURLWS_*. */
#define WS_CONTROL (8u | 16u | 64u) /* close, ping, pong */
#define WS_BINARY 2u
#define WS_CLOSE 8u

/* The status of the answer by which a connection becomes a websocket. */
#define SWITCHING_PROTOCOLS 101

enum phase {
    ASKED,
    REFUSED, /* an error came, which may be the answer */
    BEGUN,
    PAUSED, /* it has called tools, and may be over */
    WAITS   /* it has ended; the transcript of its input comes later */
};

struct turn {
    struct llmobs_exchange *exchange;
    enum phase phase;
    uint64_t missed;                /* bytes of pieces that were not kept */
    char id[LLMOBS_FRAME_VALUE];    /* the response's; empty: not begun */
    char event[LLMOBS_FRAME_VALUE]; /* the id of the frame that asked for it */
    char heard[LLMOBS_FRAME_VALUE]; /* the id of speech without transcript */
};

struct llmobs_talk {
    int process;
    struct llmobs_match match;
    char *url;
    struct llmobs_buf opening; /* what the URL says of the settings */
    uint64_t account; /* of this connection alone: its ids are its own */
    struct llmobs_talk_side sent, received;
    struct llmobs_body settings, input;
    uint64_t missed; /* bytes of the input that were not kept */
    bool transcribes;
    char heard[LLMOBS_FRAME_VALUE]; /* the same id, for the next turn */
    struct turn turns[LLMOBS_TALK_TURNS];
    size_t count;
};

/* Set once before any handle exists, constant afterwards. */
static struct llmobs_worker *worker;

void llmobs_talk_init(struct llmobs_worker *the_worker)
{
    worker = the_worker;
}

/* -- turns ----------------------------------------------------------------- */

static void end_exchange(const struct llmobs_handle *handle,
                         struct llmobs_exchange *exchange, enum llmobs_end end,
                         CURLcode code)
{
    const struct llmobs_real *real = handle->real;

    exchange->end = end;
    if (end == LLMOBS_END_DONE) {
        exchange->code = (int)code;
        exchange->code_name = llmobs_curlcode_name((int)code);
        if (code != CURLE_OK && real->easy_strerror)
            snprintf(exchange->error_text, sizeof(exchange->error_text), "%s",
                     real->easy_strerror(code));
    }
    if (exchange->duration_ns == 0)
        exchange->duration_ns =
            llmobs_clock_mono_ns() - exchange->start_mono_ns;
    llmobs_body_end(&exchange->response);
    llmobs_worker_give(worker, &exchange->item);
}

/* Takes the turn out of the list; later turns move up. */
static struct turn talk_take_turn(struct llmobs_handle *handle, size_t i)
{
    struct llmobs_talk *talk = handle->talk;
    struct turn turn;

    llmobs_handle_lock(handle);
    turn = talk->turns[i];
    talk->count--;
    memmove(&talk->turns[i], &talk->turns[i + 1],
            (talk->count - i) * sizeof(turn));
    llmobs_handle_unlock(handle);
    return turn;
}

/* True where the turn is complete although the connection ends. */
static bool talk_is_over(enum phase phase)
{
    return phase == PAUSED || phase == WAITS || phase == REFUSED;
}

static void talk_finish(struct llmobs_handle *handle, size_t i,
                        enum llmobs_end end, CURLcode code)
{
    struct turn turn = talk_take_turn(handle, i);

    if (!turn.exchange)
        return;
    if (turn.missed)
        llmobs_body_miss(&turn.exchange->response, turn.missed);
    if (talk_is_over(turn.phase))
        end_exchange(handle, turn.exchange, LLMOBS_END_DONE, CURLE_OK);
    else
        end_exchange(handle, turn.exchange, end, code);
}

static void finish_all(struct llmobs_handle *handle, enum phase phase)
{
    for (size_t i = handle->talk->count; i-- > 0;)
        if (handle->talk->turns[i].phase == phase)
            talk_finish(handle, i, LLMOBS_END_DONE, CURLE_OK);
}

/* The first turn in one of two phases; NULL: there is none. */
static struct turn *turn_in(struct llmobs_talk *talk, enum phase one,
                            enum phase other)
{
    for (size_t i = 0; i < talk->count; i++)
        if (talk->turns[i].phase == one || talk->turns[i].phase == other)
            return &talk->turns[i];
    return NULL;
}

static struct turn *turn_of(struct llmobs_talk *talk, const char *id)
{
    for (size_t i = 0; *id && i < talk->count; i++)
        if (talk->turns[i].phase == BEGUN && strcmp(talk->turns[i].id, id) == 0)
            return &talk->turns[i];
    return NULL;
}

/* Adds the kept ends of a body, a line each; a line that its limit cut is
 * ended. */
static void add_kept(struct llmobs_body *to, struct llmobs_body *from)
{
    struct llmobs_text head = llmobs_body_head(from);
    struct llmobs_text tail = llmobs_body_tail(from);

    (void)llmobs_body_add(to, head.data, head.len);
    if (!from->truncated)
        return;
    (void)llmobs_body_add(to, "\n", 1);
    (void)llmobs_body_add(to, tail.data, tail.len);
}

static void reset_body(struct llmobs_body *body, size_t max)
{
    llmobs_body_fini(body);
    llmobs_body_init(body, max);
}

static void talk_fill(struct llmobs_talk *talk,
                      struct llmobs_exchange *exchange, struct llmobs_text line)
{
    struct llmobs_body *request = &exchange->request;
    bool whole = !talk->settings.truncated && !talk->settings.lost &&
                 !talk->input.truncated && !talk->input.lost && !talk->missed;

    exchange->match = talk->match;
    strcpy(exchange->method, LLMOBS_METHOD_WEBSOCKET);
    exchange->account = talk->account;
    exchange->status = SWITCHING_PROTOCOLS;
    exchange->transfer.redirects = -1;
    (void)llmobs_body_add(request, talk->opening.data, talk->opening.len);
    add_kept(request, &talk->settings);
    add_kept(request, &talk->input);
    (void)llmobs_body_add(request, line.data, line.len);
    if (!whole)
        llmobs_body_miss(request, talk->missed ? talk->missed : 1);
    reset_body(&talk->input, LLMOBS_TALK_INPUT);
    talk->missed = 0;
}

/* Begins an exchange with the input so far and `line`. NULL: the exchange is
 * lost, and counted. */
static struct turn *begin_turn(struct llmobs_handle *handle,
                               struct llmobs_text line)
{
    struct llmobs_talk *talk = handle->talk;
    struct llmobs_exchange *exchange = NULL;
    struct turn *turn;

    if (talk->count < LLMOBS_TALK_TURNS)
        exchange = llmobs_ours_make(handle);
    if (exchange)
        exchange->url = strdup(talk->url);
    if (!exchange || !exchange->url) {
        llmobs_exchange_free(exchange);
        llmobs_worker_lose(worker, LLMOBS_STAT_dropped_memory);
        return NULL;
    }
    if (!talk->account)
        talk->account = llmobs_account_seal(exchange->context.span_id);
    talk_fill(talk, exchange, line);
    llmobs_worker_begin(worker, exchange);
    turn = &talk->turns[talk->count];
    memset(turn, 0, sizeof(*turn));
    turn->exchange = exchange;
    memcpy(turn->heard, talk->heard, sizeof(turn->heard));
    talk->heard[0] = '\0';
    llmobs_handle_lock(handle);
    talk->count++;
    llmobs_handle_unlock(handle);
    return turn;
}

/* The exit handler may have taken the exchange. */
static void talk_add_answer(struct llmobs_handle *handle, struct turn *turn,
                            struct llmobs_text line)
{
    llmobs_handle_lock(handle);
    if (turn->exchange)
        llmobs_exchange_received(turn->exchange, line.data, line.len);
    llmobs_handle_unlock(handle);
}

/* -- whole frames ---------------------------------------------------------- */

/* Of a frame whose end is missing, notes only that it came. */
static void talk_add_input(struct llmobs_talk *talk,
                           const struct llmobs_talk_side *side)
{
    if (side->cut)
        talk->missed += side->len;
    else
        (void)llmobs_body_add(&talk->input, side->text.data, side->text.len);
}

static void talk_set(struct llmobs_talk *talk,
                     const struct llmobs_talk_side *side, bool anew)
{
    struct llmobs_text text = {side->text.data, side->text.len};

    if (anew)
        reset_body(&talk->settings, LLMOBS_TALK_SETTINGS);
    if (side->cut) {
        llmobs_body_miss(&talk->settings, side->len);
        return;
    }
    (void)llmobs_body_add(&talk->settings, text.data, text.len);
    talk->transcribes = llmobs_rules_transcribes(&talk->match, text) ||
                        (talk->transcribes && !anew);
}

/* The line of the frame; nothing where it was cut. */
static struct llmobs_text talk_line_of(struct llmobs_talk *talk,
                                       const struct llmobs_talk_side *side,
                                       bool input)
{
    struct llmobs_text none = {"", 0};

    if (!side->cut)
        return (struct llmobs_text){side->text.data, side->text.len};
    if (input)
        talk->missed += side->len;
    return none;
}

/* The program asks again: an error after its last question was the answer. */
static void talk_ask(struct llmobs_handle *handle,
                     const struct llmobs_talk_side *side)
{
    struct turn *turn;

    finish_all(handle, REFUSED);
    finish_all(handle, WAITS);
    finish_all(handle, PAUSED);
    turn = begin_turn(handle, talk_line_of(handle->talk, side, true));
    if (turn)
        memcpy(turn->event, side->look.members[LLMOBS_FRAME_EVENT_ID],
               sizeof(turn->event));
}

/* A response begins: so an error before it was not the answer. */
static void talk_begin(struct llmobs_handle *handle,
                       const struct llmobs_talk_side *side)
{
    struct llmobs_talk *talk = handle->talk;
    struct llmobs_text none = {"", 0};
    struct turn *turn;

    finish_all(handle, WAITS);
    turn = turn_in(talk, ASKED, REFUSED);
    if (!turn)
        turn = begin_turn(handle, none);
    if (!turn)
        return;
    llmobs_handle_lock(handle);
    if (turn->phase == REFUSED && turn->exchange) {
        llmobs_exchange_restart(turn->exchange);
        turn->exchange->status = SWITCHING_PROTOCOLS;
    }
    turn->phase = BEGUN;
    llmobs_handle_unlock(handle);
    memcpy(turn->id, side->look.members[LLMOBS_FRAME_RESPONSE_ID],
           sizeof(turn->id));
    talk_add_answer(handle, turn, talk_line_of(talk, side, false));
}

/* Adds a piece to the turn's answer; does nothing without a turn. */
static void talk_add_piece(struct llmobs_handle *handle, struct turn *turn,
                           const struct llmobs_talk_side *side)
{
    if (turn && side->cut)
        turn->missed += side->len;
    else if (turn)
        talk_add_answer(handle, turn, talk_line_of(handle->talk, side, false));
}

static void talk_tell(struct llmobs_handle *handle,
                      const struct llmobs_talk_side *side)
{
    talk_add_piece(
        handle,
        turn_of(handle->talk, side->look.members[LLMOBS_FRAME_RESPONSE_ID]),
        side);
}

/* The last frame has the whole output: pieces that were lost do not count. */
static void talk_end(struct llmobs_handle *handle,
                     const struct llmobs_talk_side *side)
{
    struct llmobs_talk *talk = handle->talk;
    struct turn *turn =
        turn_of(talk, side->look.members[LLMOBS_FRAME_RESPONSE_ID]);

    if (!turn)
        return;
    turn->missed = side->cut ? side->len : 0;
    talk_add_answer(handle, turn, talk_line_of(talk, side, false));
    if (!turn->heard[0] || !talk->transcribes) {
        talk_finish(handle, (size_t)(turn - talk->turns), LLMOBS_END_DONE,
                    CURLE_OK);
        return;
    }
    llmobs_handle_lock(handle);
    turn->phase = WAITS;
    if (turn->exchange)
        turn->exchange->duration_ns =
            llmobs_clock_mono_ns() - turn->exchange->start_mono_ns;
    llmobs_handle_unlock(handle);
}

/* -- responses without an id ------ */

/* The last frame of an interrupted response comes before the first frame of the
 * next one. So a frame belongs to the oldest response. */
static struct turn *under_way(struct llmobs_talk *talk)
{
    for (size_t i = 0; i < talk->count; i++)
        if (talk->turns[i].phase != REFUSED && talk->turns[i].phase != WAITS)
            return &talk->turns[i];
    return NULL;
}

/* The first piece of an answer to speech begins a response. `pauses`: this
 * piece calls tools, so the response ends here unless more pieces follow. */
static void speak(struct llmobs_handle *handle,
                  const struct llmobs_talk_side *side, bool pauses)
{
    struct llmobs_text none = {"", 0};
    struct turn *turn = under_way(handle->talk);

    if (!turn)
        turn = begin_turn(handle, none);
    if (!turn)
        return;
    llmobs_handle_lock(handle);
    turn->phase = pauses ? PAUSED : BEGUN;
    if (turn->exchange)
        turn->exchange->duration_ns =
            pauses ? llmobs_clock_mono_ns() - turn->exchange->start_mono_ns : 0;
    llmobs_handle_unlock(handle);
    talk_add_piece(handle, turn, side);
}

static void close_turn(struct llmobs_handle *handle,
                       const struct llmobs_talk_side *side)
{
    struct llmobs_talk *talk = handle->talk;
    struct turn *turn = under_way(talk);

    if (!turn)
        return;
    talk_add_piece(handle, turn, side);
    talk_finish(handle, (size_t)(turn - talk->turns), LLMOBS_END_DONE,
                CURLE_OK);
}

/* The exit handler may have taken the exchange. */
static void talk_add_request(struct llmobs_handle *handle, struct turn *turn,
                             const struct llmobs_talk_side *side)
{
    llmobs_handle_lock(handle);
    if (turn->exchange && !side->cut)
        (void)llmobs_body_add(&turn->exchange->request, side->text.data,
                              side->text.len);
    llmobs_handle_unlock(handle);
}

static void take_speech(struct llmobs_handle *handle,
                        const struct llmobs_talk_side *side)
{
    struct turn *turn = under_way(handle->talk);

    if (turn)
        talk_add_request(handle, turn, side);
    else
        talk_add_input(handle->talk, side);
}

/* -- speech ------ */

static void talk_hear(struct llmobs_talk *talk,
                      const struct llmobs_talk_side *side)
{
    talk_add_input(talk, side);
    memcpy(talk->heard, side->look.members[LLMOBS_FRAME_ITEM_ID],
           sizeof(talk->heard));
}

/* The transcript belongs to the turn that had the speech as its input. */
static void take_words(struct llmobs_handle *handle,
                       const struct llmobs_talk_side *side)
{
    struct llmobs_talk *talk = handle->talk;
    const char *item = side->look.members[LLMOBS_FRAME_ITEM_ID];

    if (strcmp(talk->heard, item) == 0) {
        talk_add_input(talk, side);
        talk->heard[0] = '\0';
        return;
    }
    for (size_t i = 0; *item && i < talk->count; i++) {
        struct turn *turn = &talk->turns[i];

        if (strcmp(turn->heard, item) != 0)
            continue;
        talk_add_request(handle, turn, side);
        turn->heard[0] = '\0';
        if (turn->phase == WAITS)
            talk_finish(handle, i, LLMOBS_END_DONE, CURLE_OK);
        return;
    }
}

/* The turn whose question an error names; NULL: it names no turn. */
static struct turn *turn_named(struct llmobs_talk *talk, const char *event)
{
    for (size_t i = 0; *event && i < talk->count; i++)
        if (talk->turns[i].phase <= REFUSED &&
            strcmp(talk->turns[i].event, event) == 0)
            return &talk->turns[i];
    return NULL;
}

/* An error does not always name its cause. It ends a turn if it names the frame
 * that asked, or if it `declines`, which only questions cause. Any other error
 * that names no frame may be the answer to the oldest question: the next frames
 * show whether it is. */
static void talk_refuse(struct llmobs_handle *handle,
                        const struct llmobs_talk_side *side, bool declines)
{
    struct llmobs_talk *talk = handle->talk;
    const char *event = side->look.members[LLMOBS_FRAME_ERROR_EVENT];
    struct turn *turn = turn_named(talk, event);
    bool sure = turn || declines;

    if (!turn && (declines || !*event))
        turn = turn_in(talk, ASKED, ASKED);
    if (!turn)
        return;
    talk_add_answer(handle, turn, talk_line_of(talk, side, false));
    llmobs_handle_lock(handle);
    turn->phase = REFUSED;
    llmobs_handle_unlock(handle);
    if (sure)
        talk_finish(handle, (size_t)(turn - talk->turns), LLMOBS_END_DONE,
                    CURLE_OK);
}

static void talk_take_frame(struct llmobs_handle *handle,
                            const struct llmobs_talk_side *side, bool sent)
{
    struct llmobs_talk *talk = handle->talk;
    enum llmobs_frame_kind kind =
        llmobs_rules_frame(&talk->match, &side->look, sent);

    switch (kind) {
    case LLMOBS_FRAME_PASSES:
        break;
    case LLMOBS_FRAME_SETS:
    case LLMOBS_FRAME_ADJUSTS:
        talk_set(talk, side, kind == LLMOBS_FRAME_SETS);
        break;
    case LLMOBS_FRAME_BRINGS:
        talk_add_input(talk, side);
        break;
    case LLMOBS_FRAME_HEARD:
        talk_hear(talk, side);
        break;
    case LLMOBS_FRAME_WORDS:
        take_words(handle, side);
        break;
    case LLMOBS_FRAME_ASKS:
        talk_ask(handle, side);
        break;
    case LLMOBS_FRAME_BEGINS:
        talk_begin(handle, side);
        break;
    case LLMOBS_FRAME_TELLS:
        talk_tell(handle, side);
        break;
    case LLMOBS_FRAME_ENDS:
        talk_end(handle, side);
        break;
    case LLMOBS_FRAME_REFUSES:
    case LLMOBS_FRAME_DECLINES:
        talk_refuse(handle, side, kind == LLMOBS_FRAME_DECLINES);
        break;
    case LLMOBS_FRAME_SPEAKS:
    case LLMOBS_FRAME_PAUSES:
        speak(handle, side, kind == LLMOBS_FRAME_PAUSES);
        break;
    case LLMOBS_FRAME_ADDS:
        talk_add_piece(handle, under_way(talk), side);
        break;
    case LLMOBS_FRAME_CLOSES:
        close_turn(handle, side);
        break;
    case LLMOBS_FRAME_HEARS:
        take_speech(handle, side);
        break;
    }
}

/* -- the connection -------------------------------------------------------- */

static void free_talk(struct llmobs_talk *talk)
{
    for (size_t i = 0; i < talk->count; i++)
        llmobs_exchange_free(talk->turns[i].exchange);
    llmobs_talk_side_fini(&talk->sent);
    llmobs_talk_side_fini(&talk->received);
    llmobs_body_fini(&talk->settings);
    llmobs_body_fini(&talk->input);
    llmobs_buf_fini(&talk->opening);
    free(talk->url);
    free(talk);
}

static struct llmobs_talk *new_talk(const struct llmobs_match *match,
                                    const char *url)
{
    struct llmobs_talk *talk = calloc(1, sizeof(*talk));

    if (!talk)
        return NULL;
    talk->process = llmobs_fork_process();
    talk->match = *match;
    talk->url = llmobs_allowlist_url_copy(url);
    llmobs_talk_side_init(&talk->sent);
    llmobs_talk_side_init(&talk->received);
    llmobs_body_init(&talk->settings, LLMOBS_TALK_SETTINGS);
    llmobs_body_init(&talk->input, LLMOBS_TALK_INPUT);
    llmobs_buf_init(&talk->opening, LLMOBS_TALK_FRAME);
    if (talk->url && llmobs_rules_open(match, url, &talk->opening) == 0)
        return talk;
    free_talk(talk);
    return NULL;
}

/* ws is http and wss is https, up to the first frame. */
static char *http_url(const struct llmobs_handle *handle, CURL *curl)
{
    const char *url = llmobs_outgoing_ask(handle, curl, CURLINFO_EFFECTIVE_URL);
    char *owned = NULL, *made = NULL;

    if (!url || strncasecmp(url, "ws", 2) != 0)
        return NULL;
    url = llmobs_handle_url_at(handle, url, &owned);
    if (!url || asprintf(&made, "http%s", url + 2) < 0)
        made = NULL;
    free(owned);
    return made;
}

static void open_talk(struct llmobs_handle *handle, CURL *curl)
{
    struct llmobs_match match;
    struct llmobs_talk *talk = NULL;
    char *url = http_url(handle, curl);
    bool ours = url && llmobs_judge_connection(url, &match);

    if (ours)
        talk = new_talk(&match, url);
    if (ours && !talk)
        llmobs_worker_lose(worker, LLMOBS_STAT_dropped_memory);
    handle->talking = talk ? LLMOBS_TALK_ON : LLMOBS_TALK_NONE;
    llmobs_handle_lock(handle);
    handle->talk = talk;
    llmobs_handle_unlock(handle);
    free(url);
}

/* Values of talk_turn. */
enum { NOBODYS, TAKEN, AWAITED };

bool llmobs_talk_expect(struct llmobs_handle *handle)
{
    if (handle->app.connect_only != LLMOBS_CONNECT_FOR_FRAMES)
        return false;
    handle->talking = LLMOBS_TALK_EXPECTED;
    atomic_store(&handle->talk_deaf, false);
    atomic_store(&handle->talk_turn, NOBODYS);
    return true;
}

/* The parent ends what it began. */
static void settle_fork(struct llmobs_talk *talk)
{
    if (talk->process == llmobs_fork_process())
        return;
    for (size_t i = 0; i < talk->count; i++)
        llmobs_exchange_free(talk->turns[i].exchange);
    talk->count = 0;
    talk->process = llmobs_fork_process();
    talk->sent.look.over = talk->received.look.over = true;
}

static void talk_leave(struct llmobs_handle *handle)
{
    if (atomic_exchange(&handle->talk_turn, NOBODYS) == AWAITED)
        llmobs_futex_wake(&handle->talk_turn);
}

/* Sleeps until the thread that is in here has left; false where it does not
 * leave in time. */
static bool take_turn_to_hear(struct llmobs_handle *handle)
{
    unsigned nobodys = NOBODYS;
    int64_t until, left;

    if (atomic_compare_exchange_strong(&handle->talk_turn, &nobodys, TAKEN))
        return true;
    until = llmobs_futex_deadline(LLMOBS_TALK_WAIT_MS);
    while (atomic_exchange(&handle->talk_turn, AWAITED) != NOBODYS) {
        left = llmobs_futex_left(until);
        if (left == 0)
            atomic_store(&handle->talk_deaf, true);
        if (atomic_load(&handle->talk_deaf))
            return false;
        llmobs_futex_sleep(&handle->talk_turn, AWAITED, left);
    }
    return true;
}

/* False: the connection is no talk with a model, or cannot be observed. `curl`:
 * NULL where no talk is to begin. */
static bool talk_enter(struct llmobs_handle *handle, CURL *curl)
{
    if (atomic_load(&handle->talk_deaf) || !take_turn_to_hear(handle))
        return false;
    if (curl && handle->talking == LLMOBS_TALK_EXPECTED)
        open_talk(handle, curl);
    if (!handle->talk || atomic_load(&handle->talk_deaf)) {
        talk_leave(handle);
        return false;
    }
    settle_fork(handle->talk);
    return true;
}

static bool talk_reads(const struct llmobs_talk *talk, unsigned flags)
{
    return !(flags & WS_BINARY) || llmobs_rules_takes_binary(&talk->match);
}

void llmobs_talk_sent(struct llmobs_handle *handle, CURL *curl,
                      struct llmobs_text data, size_t given, curl_off_t size,
                      unsigned flags)
{
    struct llmobs_talk *talk;
    int saved = errno;

    if (!(flags & WS_CONTROL) && talk_enter(handle, curl)) {
        talk = handle->talk;
        if (talk_reads(talk, flags) &&
            llmobs_talk_side_send(&talk->sent, &talk->match, data, given, size,
                                  flags))
            talk_take_frame(handle, &talk->sent, true);
        talk_leave(handle);
    }
    errno = saved;
}

static void close_all(struct llmobs_handle *handle, enum llmobs_end end_as,
                      CURLcode code)
{
    while (handle->talk->count > 0)
        talk_finish(handle, 0, end_as, code);
}

void llmobs_talk_received(struct llmobs_handle *handle, CURL *curl,
                          struct llmobs_text data, curl_off_t left,
                          unsigned flags)
{
    struct llmobs_talk *talk;
    int saved = errno;

    if (!(flags & WS_CONTROL & ~WS_CLOSE) && talk_enter(handle, curl)) {
        talk = handle->talk;
        if (flags & WS_CLOSE)
            close_all(handle, LLMOBS_END_DONE, CURLE_OK);
        else if (talk_reads(talk, flags) &&
                 llmobs_talk_side_receive(&talk->received, &talk->match, data,
                                          left, flags))
            talk_take_frame(handle, &talk->received, false);
        talk_leave(handle);
    }
    errno = saved;
}

/* Frees nothing: another thread may be on its way in. */
void llmobs_talk_gone(struct llmobs_handle *handle, CURLcode code)
{
    int saved = errno;

    if (talk_enter(handle, NULL)) {
        close_all(handle, LLMOBS_END_DONE, code);
        atomic_store(&handle->talk_deaf, true);
        talk_leave(handle);
    }
    errno = saved;
}

void llmobs_talk_end(struct llmobs_handle *handle, enum llmobs_end end_as,
                     CURLcode code)
{
    struct llmobs_talk *talk = handle->talk;
    int saved = errno;

    handle->talking = LLMOBS_TALK_NONE;
    if (!talk)
        return;
    if (talk->process == llmobs_fork_process())
        close_all(handle, end_as, code);
    llmobs_handle_lock(handle);
    handle->talk = NULL;
    llmobs_handle_unlock(handle);
    free_talk(talk);
    errno = saved;
}

/* Only pointers change hands under the lock, as the frames' thread may be gone.
 */
void llmobs_talk_abandon(struct llmobs_handle *handle)
{
    struct turn *turns = NULL;
    struct llmobs_exchange *taken[LLMOBS_TALK_TURNS];
    bool ended[LLMOBS_TALK_TURNS];
    uint64_t missed[LLMOBS_TALK_TURNS];
    size_t count = 0;

    if (!llmobs_handle_trylock(handle, EXIT_LOCK_MS))
        return;
    if (handle->talk)
        turns = handle->talk->turns;
    for (size_t i = 0; turns && i < handle->talk->count; i++) {
        ended[count] = talk_is_over(turns[i].phase);
        taken[count] = turns[i].exchange;
        missed[count] = turns[i].missed;
        turns[i].exchange = NULL;
        count += taken[count] && taken[count]->process == llmobs_fork_process();
    }
    llmobs_handle_unlock(handle);
    for (size_t i = 0; i < count; i++) {
        if (missed[i])
            llmobs_body_miss(&taken[i]->response, missed[i]);
        end_exchange(handle, taken[i],
                     ended[i] ? LLMOBS_END_DONE : LLMOBS_END_EXIT, CURLE_OK);
    }
}
