/* handle - the app's settings of each of its easy handles, and the transfer
 * that is captured there.
 *
 * Owns:    one record per live easy handle, by its address (keyed.h), with the
 *          strings and copies in it.
 * Threads: those of keyed.h. The exit handler also reaches `exchange`, and
 *          nothing else, once it holds it.
 * Errors:  without memory a handle has no record: it is not instrumented.
 * Limits:  Where the app sets the reader of a transfer more than
 *          LLMOBS_READERS_MAX times within it, the body is not seen.
 * Fork:    the child has its own copies; by the pid in an exchange the child
 *          knows that the parent began it.
 */
#ifndef LLMOBS_HANDLE_H
#define LLMOBS_HANDLE_H

#include <stdatomic.h>
#include <stddef.h>

#include "core/capture/hidden.h"
#include "core/capture/keyed.h"
#include "core/capture/multi_members.h"
#include "core/capture/replay.h"
#include "core/capture/settings.h"
#include "core/event/exchange.h"
#include "core/trace/inject.h"

/* The read callbacks that the library follows in one transfer. */
#define LLMOBS_READERS_MAX 8

/* Whether a transfer is a call. */
enum llmobs_verdict {
    LLMOBS_UNJUDGED,
    LLMOBS_NO_CALL,
    LLMOBS_PASSES_ON,      /* makes no span, but may carry a context on */
    LLMOBS_HEADERS_DECIDE, /* the header list, which is not read yet, decides */
    LLMOBS_PERHAPS_CALL
};

/* How far the transfer of a handle is. From BEGUN on `outgoing` is valid. Until
 * libcurl makes the request, `origin.url` is set. */
enum llmobs_step {
    LLMOBS_STEP_NONE,    /* libcurl has begun none, or it is not observed */
    LLMOBS_STEP_BEGUN,   /* not known to be a call */
    LLMOBS_STEP_ADDRESS, /* a URL handle has the address, and libcurl alone may
                          * ask it */
    LLMOBS_STEP_HEADERS, /* the header list, which is not read yet, decides */
    LLMOBS_STEP_CALL     /* perhaps a call: `exchange` is set, and the worker
                          * does not have it yet */
};

/* The READDATA for our read callback. Each time that libcurl needs a
 * connection it reads the newest READDATA, and uses it to the end; so each
 * reader that the app sets gets its own record. */
struct llmobs_reader {
    struct llmobs_handle *handle;
    struct llmobs_callback app;
    bool unseekable; /* a file that cannot seek */
};

/* The request of the transfer under way. libcurl reads some settings as a
 * transfer begins, so these have the values of that moment: a setting that the
 * app changes later is for the next transfer. All zero where none has begun. */
struct llmobs_outgoing {
    enum llmobs_http_verb request;
    curl_off_t size; /* of POSTFIELDS; -1: not sent */
    /* Other handles are in the same multi: their callbacks may still change
     * this one before libcurl begins with it, or just after. */
    bool early;
    bool request_changed; /* URL or method, since the rules judged them */
    bool verb_unsure;  /* which request libcurl makes: the body stays unread */
    bool target_set;   /* REQUEST_TARGET was set, which libcurl reads late */
    bool address_lost; /* a URL handle that the app set since may replace it */
    /* libcurl's copy of an address that the app has set since then; at the step
     * ADDRESS, libcurl's address before the URL handle's. Only compared, never
     * read. */
    struct llmobs_hidden seen_url;
    bool auth_rounds;  /* libcurl may authenticate first, without a body */
    bool proxy_rounds; /* the same, where a proxy sees the request */
    /* POSTFIELDS go when the server asks for them, or never: `fields_sent`
     * bytes of `fields` were read so far, as libcurl has sent them. */
    bool body_later;
    struct llmobs_hidden fields; /* NULL: libcurl sends none */
    uint64_t fields_sent;
    bool got_100; /* the server has answered 100 */
};

/* Where a call comes from: found when the app makes it, and needed until
 * libcurl makes the request. */
struct llmobs_call_origin {
    bool found_at_add; /* in a multi: before the transfer begins */
    enum llmobs_proxying proxying;
    uint64_t span;     /* the thread's current one, or the entry of the request
                        * that it serves (span_table.h); 0: none */
    char *annotations; /* thread_state.h; until the exchange has them */
    bool from_span;    /* that span is the parent */
    bool from_carrier; /* the carrier of the request or process is the parent */
    bool from_stranger; /* that carrier comes from a public network */
    char *baggage;      /* the carrier's; NULL: none */
    struct llmobs_exchange *exchange; /* NULL: not made yet, or moved on */
    char *url;            /* the whole URL, until libcurl makes the request */
    bool headers_exposed; /* hosts beside the peer may see the headers */
    int64_t began_ns;     /* its begin, monotonic, if the rest is found later */
};

struct llmobs_handle {
    struct llmobs_keyed keyed; /* by its easy handle */

    /* Each call of setopt reads these members. With many handles each cache
     * line comes from far memory, so they stand with the key in the record's
     * first cache line. */
    unsigned char step;    /* a llmobs_step */
    bool in_perform;       /* libcurl is in easy_perform */
    bool readers_full;     /* no room was left for another reader */
    unsigned char verdict; /* a llmobs_verdict, by its settings when `origin`
                            * was found, and since */
    unsigned in;           /* our values that libcurl has, bits (settings.h) */
    struct llmobs_settings app;
    const struct llmobs_real *real;

    struct llmobs_wire *raw; /* of bytes that the app sends; NULL: none */

    /* The rest of the transfer being captured. */
    struct llmobs_outgoing outgoing;
    uintptr_t called_from;      /* where the program began it (stack.h) */
    atomic_int exchange_holder; /* of `exchange`; 0: nobody */
    struct llmobs_exchange *exchange;
    /* The multi that the handle is in; a multi's cleanup reads it. */
    _Atomic(struct llmobs_hidden) multi;
    struct llmobs_inject *inject; /* also for the next transfer; NULL: none */
    struct llmobs_member member;  /* of its multi */
    size_t message_at; /* the place of its message, if any (multi_messages.h) */
    struct llmobs_call_origin origin;
    struct llmobs_reader readers[LLMOBS_READERS_MAX];
    size_t reader_count;
    struct llmobs_reader *reading; /* libcurl has read from it; NULL: none */
    struct llmobs_replay *replay;  /* NULL: no call goes to a mock */
    /* The frames of the thread that set the transfer up, if it runs Ruby; or
     * NULL. */
    struct llmobs_script_frames *script;
};

_Static_assert(offsetof(struct llmobs_handle, app.header) <= LLMOBS_KEYED_ALIGN,
               "a call of setopt takes one line of the record");

static inline struct llmobs_handle *llmobs_handle_of(
    struct llmobs_member *member)
{
    return (struct llmobs_handle *)((char *)member -
                                    offsetof(struct llmobs_handle, member));
}

/* The multi that the handle is in; NULL: none. */
static inline CURLM *llmobs_handle_multi(const struct llmobs_handle *handle)
{
    return llmobs_shown(atomic_load(&handle->multi));
}

static inline void llmobs_handle_join(struct llmobs_handle *handle,
                                      CURLM *multi)
{
    atomic_store(&handle->multi, llmobs_hide(multi));
}

static inline struct curl_slist *llmobs_handle_headers(
    const struct llmobs_handle *handle)
{
    return llmobs_shown(handle->app.headers);
}

static inline CURLU *llmobs_handle_curlu(const struct llmobs_handle *handle)
{
    return llmobs_shown(handle->app.curlu);
}

/* True where the library knows the program's own value of a callback, and so
 * can put it back. */
static inline bool llmobs_handle_knows(const struct llmobs_handle *handle,
                                       const struct llmobs_callback *callback)
{
    return !handle->app.unseen ||
           (callback->function_set && callback->data_set);
}

/* Gets the right to touch `exchange` (exchange.h). */
static inline void llmobs_handle_lock(struct llmobs_handle *handle)
{
    llmobs_holder_lock(&handle->exchange_holder);
}

static inline void llmobs_handle_unlock(struct llmobs_handle *handle)
{
    llmobs_holder_unlock(&handle->exchange_holder);
}

/* Called before any handle exists. */
void llmobs_handle_init(void);

/* The record of an easy handle; NULL when there is none. */
struct llmobs_handle *llmobs_handle_find(CURL *curl);

/* Makes or resets the record of a handle whose settings are all defaults, and
 * drops what is of an earlier handle at this address. NULL without memory. */
struct llmobs_handle *llmobs_handle_create(const struct llmobs_real *real,
                                           CURL *curl);

/* Copies the settings of `from`; false (and an unusable record) without
 * memory. */
bool llmobs_handle_copy(struct llmobs_handle *to,
                        const struct llmobs_handle *from);

/* Records that libcurl has none of the library's callbacks any more: swap_out
 * has set the app's callbacks, or a reset has removed all. Sets nothing in
 * libcurl. */
void llmobs_handle_unswap(struct llmobs_handle *handle);

/* Frees the origin of a call, and forgets it. */
void llmobs_handle_drop_origin(struct llmobs_handle *handle);

/* Returns the exchange, which the caller then owns; NULL: there is none, or the
 * exit handler has it. */
struct llmobs_exchange *llmobs_handle_claim_exchange(
    struct llmobs_handle *handle);

/* Forgets the transfer, except its exchange. */
void llmobs_handle_drop_transfer(struct llmobs_handle *handle);

/* A transfer begins: reads the settings that libcurl reads now, and measures a
 * body that is a string unless the transfer is early. `step`: all but NONE and
 * CALL. At HEADERS _measure measures the body later, once the request is known
 * to be a call. */
void llmobs_handle_begin_transfer(struct llmobs_handle *handle,
                                  enum llmobs_step step);
void llmobs_handle_measure(struct llmobs_handle *handle);

/* True when callbacks of other handles may run before libcurl begins with this
 * handle. */
bool llmobs_handle_early(const struct llmobs_handle *handle);

/* Forgets all settings and callbacks, as curl_easy_reset does, but not the
 * transfer. From here on all settings are known. */
void llmobs_handle_reset(struct llmobs_handle *handle);

/* detach makes the record unfindable, because libcurl may give another handle
 * the address at any moment; release returns the record for recycling. */
void llmobs_handle_detach(struct llmobs_handle *handle);
void llmobs_handle_release(struct llmobs_handle *handle);

/* The app has set an option that libcurl has accepted, or that the capture
 * owns. `copy_max`: cap of a COPYPOSTFIELDS copy. Trace headers that are in
 * follow at once: they go before a new list, and are blanked where the option
 * changes the request's address, or the hosts it passes. */
void llmobs_handle_set(struct llmobs_handle *handle,
                       const struct llmobs_setting *setting, void *arg,
                       size_t copy_max);

/* libcurl has refused a value, with `rc`. To 8.20 libcurl frees the old text
 * before it copies the new one (Curl_setstropt in lib/setopt.c). So after a
 * text that is too long, or for which there is no memory, the option has no
 * text. Options of other types have their old value. */
void llmobs_handle_refuse(struct llmobs_handle *handle,
                          const struct llmobs_setting *setting, CURLcode rc);

/* libcurl's version number; 0: unknown. */
unsigned llmobs_real_version(const struct llmobs_real *real);

/* Calls `visit` for every live record. */
void llmobs_handle_each(void (*visit)(struct llmobs_handle *, void *),
                        void *ctx);

/* The method that libcurl will send, and the body as far as it is known before
 * that (data NULL: none, or not known): of the transfer under way, else of
 * the next one. The body may be the app's memory: ask for it only where
 * libcurl reads it. */
const char *llmobs_handle_method(const struct llmobs_handle *handle);
enum llmobs_http_verb llmobs_handle_verb(const struct llmobs_handle *handle);
struct llmobs_text llmobs_handle_body(const struct llmobs_handle *handle);

/* The value of a header in a list of lines, or in the app's list; NULL: it is
 * not there. `name` ends with its colon. */
const char *llmobs_lines_value(const struct curl_slist *list, const char *name);
const char *llmobs_handle_header(const struct llmobs_handle *handle,
                                 const char *name);

/* The absolute URL that libcurl will use; NULL when there is none, it is not
 * HTTP, or memory ran out. The result is the handle's own string or `*owned`,
 * which the caller frees. _at makes it from the address that libcurl itself
 * has. */
const char *llmobs_handle_url(const struct llmobs_handle *handle, char **owned);
const char *llmobs_handle_url_at(const struct llmobs_handle *handle,
                                 const char *url, char **owned);

/* True when libcurl might send HTTPHEADER to a CONNECT proxy, or sign it. */
bool llmobs_handle_exposes_headers(const struct llmobs_handle *handle);

/* True when the request has a body: asks its kind, not its name. */
bool llmobs_handle_sends_body(const struct llmobs_handle *handle);

/* libcurl is about to make a request: finds out which POSTFIELDS it sends, and
 * whether they go with the request or later. llmobs_handle_body returns no
 * fields that go later. Reads the header list, and measures a string. */
void llmobs_handle_defer(struct llmobs_handle *handle);

/* The first `most` bytes, or fewer, of a body that goes later. They are the
 * app's memory. */
struct llmobs_text llmobs_handle_fields(const struct llmobs_handle *handle,
                                        uint64_t most);

/* True where the memory with the body, which libcurl has not read, is there; of
 * more than 1 MiB nobody asks. */
bool llmobs_handle_body_is_there(const struct llmobs_handle *handle);

/* A transfer of the handle begins unread, or is over: the app may free its list
 * of HTTPPOST from now on, even if it performs again, because from 8.3 on
 * libcurl reads the list once (lib/http.c, state.formp). */
void llmobs_handle_forget_list(struct llmobs_handle *handle);

/* Sends the body of a form, as far as it is known before libcurl sends it, to
 * an exchange, which copies its text fields. */
void llmobs_handle_send_form(struct llmobs_handle *handle,
                             struct llmobs_exchange *exchange);

/* Copies the body, as far as it is known before libcurl sends it, to the
 * exchange, whose request is empty. */
void llmobs_handle_copy_body(const struct llmobs_handle *handle,
                             struct llmobs_exchange *exchange);

#endif
