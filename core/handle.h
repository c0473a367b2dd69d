/* handle - what an app has set on each of its easy handles.
 *
 * Owns:    one record per live easy handle, found by its address; records are
 *          recycled, never freed, so that a late reader never meets freed
 *          memory. Strings and copies in it.
 * Threads: a record belongs to the thread that uses the easy handle (libcurl's
 *          own rule). Finding one takes no lock: chains only grow, and a
 *          record is claimed or released by one atomic store. `exchange` alone
 *          is also reached by the exit handler, under the gate.
 * Errors:  without memory a handle has no record: it is not instrumented.
 * Limits:  LLMOBS_HANDLE_BUCKETS chains.
 * Fork:    the child has its own copies; an exchange of the parent's is
 *          recognised by its pid.
 */
#ifndef LLMOBS_HANDLE_H
#define LLMOBS_HANDLE_H

#include <stdatomic.h>

#include "core/engine.h"
#include "core/exchange.h"

#define LLMOBS_HANDLE_BUCKETS 1024

/* What libcurl will do, as its own setopt derives it. */
enum llmobs_http_request {
    LLMOBS_HTTP_GET,
    LLMOBS_HTTP_HEAD,
    LLMOBS_HTTP_POST,
    LLMOBS_HTTP_PUT,
    LLMOBS_HTTP_FORM
};

/* One callback pair of the app. */
struct llmobs_callback {
    void *function; /* NULL: libcurl's default */
    void *data;
    bool data_set; /* else libcurl's default */
};

struct llmobs_handle {
    _Atomic(CURL *) key; /* NULL: free to be recycled */
    struct llmobs_handle *next;
    const struct llmobs_real *real;

    /* The app's own settings. */
    char *url; /* NULL: none; memory of url_cap bytes */
    size_t url_cap;
    CURLU *curlu;
    long port;
    char default_protocol[16];
    char custom_request[32];
    enum llmobs_http_request request;
    const char *postfields; /* the app's memory, or `copied` */
    char *copied;           /* our copy of COPYPOSTFIELDS */
    size_t copied_len;
    bool copy_skipped; /* COPYPOSTFIELDS not worth a copy */
    curl_off_t postfieldsize;
    struct curl_slist *headers;
    bool header_in_body;
    bool connect_only;
    bool ioctl_set;
    struct llmobs_callback write;
    struct llmobs_callback header;
    struct llmobs_callback read;
    struct llmobs_callback seek;
    const char *error_buffer;

    /* The transfer being captured. */
    atomic_int gate; /* 1: somebody is at `exchange` */
    struct llmobs_exchange *exchange;
    _Atomic(CURLM *) multi; /* while in one; read by a multi's cleanup */
    bool capturing;         /* `exchange` was set and not yet given away */
    bool swapped;           /* our write and header callbacks are in */
    bool swapped_read;      /* our read callback too */
    bool swapped_seek;      /* our seek callback too */
};

/* The record of an easy handle; NULL when there is none. */
struct llmobs_handle *llmobs_handle_find(CURL *curl);

/* Makes or resets the record of a handle whose settings are all defaults;
 * NULL without memory. */
struct llmobs_handle *llmobs_handle_born(const struct llmobs_real *real,
                                         CURL *curl);

/* Copies the settings of `from`; false (and an unusable record) without
 * memory. */
bool llmobs_handle_copy(struct llmobs_handle *to,
                        const struct llmobs_handle *from);

/* Forgets all settings, as curl_easy_reset does; keeps the transfer. */
void llmobs_handle_reset(struct llmobs_handle *handle);

/* Makes the record unfindable (the address may come back any moment), and
 * gives it back for recycling. */
void llmobs_handle_detach(struct llmobs_handle *handle);
void llmobs_handle_release(struct llmobs_handle *handle);

/* Notes an option that libcurl has accepted, or that the capture owns.
 * `copy_max`: cap of a COPYPOSTFIELDS copy. */
void llmobs_handle_note(struct llmobs_handle *handle, CURLoption option,
                        void *arg, size_t copy_max);

/* Calls `visit` for every live record. */
void llmobs_handle_each(void (*visit)(struct llmobs_handle *, void *),
                        void *ctx);

/* The right to touch `exchange`: taken for the length of an append. _try gives
 * up after about `ms` milliseconds (a thread may be gone with the gate). */
void llmobs_handle_lock(struct llmobs_handle *handle);
bool llmobs_handle_trylock(struct llmobs_handle *handle, int ms);
void llmobs_handle_unlock(struct llmobs_handle *handle);

/* The method that will be sent; the body as far as it is known before sending
 * (data NULL: none or not known). */
const char *llmobs_handle_method(const struct llmobs_handle *handle);
struct llmobs_text llmobs_handle_body(const struct llmobs_handle *handle);

/* The absolute URL that libcurl will use; NULL when there is none or it is not
 * HTTP. The result is the handle's own string or `*owned`, which the caller
 * frees. */
const char *llmobs_handle_url(const struct llmobs_handle *handle, char **owned);

#endif
