/* settings - what the app has set in one of its easy handles, and a table of
 * the options that matter.
 *
 * Owns:    the texts, and the copy of COPYPOSTFIELDS; all else is the app's
 *          memory, which only _set reads.
 * Threads: the thread that uses the handle.
 * Errors:  when memory runs out there is no address, rather than a wrong one.
 * Limits:  a copy has at most the bytes that _set gets as its cap.
 */
#ifndef LLMOBS_SETTINGS_H
#define LLMOBS_SETTINGS_H

#include <stddef.h>

#include "include/engine.h"
#include "core/capture/hidden.h"
#include "lib/text/body.h"

/* The kind of request that libcurl will make, as its own setopt derives it. */
enum llmobs_http_verb {
    LLMOBS_HTTP_GET,
    LLMOBS_HTTP_HEAD,
    LLMOBS_HTTP_POST,
    LLMOBS_HTTP_PUT,
    LLMOBS_HTTP_FORM
};

/* CURLOPT_CONNECT_ONLY: the app sends bytes itself. With 2 it sends frames of a
 * websocket. */
#define LLMOBS_CONNECT_FOR_BYTES 1

/* CURLOPT_PROXY. */
enum llmobs_proxy {
    LLMOBS_PROXY_BY_ENVIRONMENT,
    LLMOBS_PROXY_NONE, /* set to "" */
    LLMOBS_PROXY_SET
};

/* One callback pair of the app. */
struct llmobs_callback {
    void *function; /* NULL: libcurl's default */
    struct llmobs_hidden data;
    bool data_set; /* else libcurl's default */
    bool function_set;
};

struct llmobs_settings {
    /* Most calls of setopt read this (handle.h). */
    bool unseen; /* the library did not see the handle being made, and knows
                  * only the settings since then; of these it knows: */
    bool knows_url, knows_verb, knows_size;
    struct llmobs_callback write;
    struct llmobs_callback header;
    char *url; /* NULL: none; memory of url_cap bytes */
    size_t url_cap;
    struct llmobs_hidden headers;
    struct llmobs_hidden postfields; /* the app's memory */

    struct llmobs_hidden curlu;
    long port;
    char default_protocol[16];
    char custom_request[32];
    char *target; /* of REQUEST_TARGET; NULL: none */
    enum llmobs_http_verb request;
    struct llmobs_hidden list; /* of HTTPPOST, the app's memory */
    struct llmobs_hidden mime; /* of MIMEPOST; only its record is read
                                * (mime.h) */
    uint64_t mime_since;       /* when it was set (llmobs_mime_now) */
    bool no_body;              /* CURLOPT_NOBODY, as libcurl keeps it */
    bool has_copy;             /* COPYPOSTFIELDS was set; `copied` has it */
    bool form_copy;            /* `copied` has only the two ends of a form */
    struct llmobs_body copied;
    curl_off_t postfieldsize;
    long headeropt; /* CURLOPT_HEADEROPT; LONG_MIN: not set */
    enum llmobs_proxy proxy;
    bool list_signed; /* libcurl signs the headers of the list */
    /* Numbers in the place of USERPWD, USERNAME, PASSWORD and
     * XOAUTH2_BEARER, none of which is saved. */
    uint64_t account[4];
    long auth;       /* HTTPAUTH, as bits; 0: libcurl's default */
    long proxy_auth; /* PROXYAUTH, as bits; 0: libcurl's default */
    long connect_only;
    bool hosts_named; /* the app names the addresses of hosts (RESOLVE) */
    bool header_in_body;
    struct llmobs_callback read;
    struct llmobs_callback seek;
    struct llmobs_callback prereq;
    struct llmobs_callback ioctl; /* the app's; libcurl has the app's data */
    struct llmobs_hidden error_buffer;
};

/* The library's values that are at libcurl in the place of the app's, as bits.
 */
enum {
    LLMOBS_IN_ANY = 1, /* a transfer has begun to put some in */
    LLMOBS_IN_WRITE = 2,
    LLMOBS_IN_PREREQ = 4,
    LLMOBS_IN_READ = 8,
    LLMOBS_IN_SEEK = 16,
    LLMOBS_IN_IOCTL = 32,
    LLMOBS_IN_HEADER = 64,
    LLMOBS_IN_HEADERS = 128 /* our trace headers, before the app's list */
};

/* An option that matters. */
struct llmobs_setting {
    uint16_t option;
    uint16_t offset;
    uint8_t kind;
    uint8_t what; /* a part of its kind */
    uint8_t in;   /* the LLMOBS_IN bit of our value for it; 0: never replaced */
    /* The option changes where the request goes, or which other hosts see its
     * headers; libcurl drops the old text when it refuses a new one; the option
     * is about the body; a mock's value may replace the app's (replay.h). */
    bool redirects : 1, text : 1, body : 1, mocked : 1;
};

/* The row of an option; a row of zeros if the option has none. */
const struct llmobs_setting *llmobs_setting(CURLoption option);

/* _reset forgets all, as curl_easy_reset does; for memory that is all zero,
 * too. _fini frees all memory. */
void llmobs_settings_reset(struct llmobs_settings *app);
void llmobs_settings_fini(struct llmobs_settings *app);

/* Copies what a duplicate of the handle has; false without memory. */
bool llmobs_settings_copy(struct llmobs_settings *to,
                          const struct llmobs_settings *from);

/* The program has set an option of an unseen handle, whose value is known from
 * now on. `on`: to another value than 0. */
void llmobs_settings_learn(struct llmobs_settings *app,
                           const struct llmobs_setting *setting, bool on);

/* The program has set an option that libcurl has accepted. `copy_max`: cap of a
 * COPYPOSTFIELDS copy. */
void llmobs_settings_set(struct llmobs_settings *app,
                         const struct llmobs_setting *setting, void *arg,
                         size_t copy_max);

/* libcurl of this version has refused a COPYPOSTFIELDS; version 0: the refused
 * value was a string. */
void llmobs_settings_refuse_copy(struct llmobs_settings *app, unsigned version);

/* Sets the app's values at libcurl for each bit of `in`. False: libcurl has
 * refused one of the values. */
bool llmobs_settings_restore(const struct llmobs_settings *app, unsigned in,
                             const struct llmobs_real *real, CURL *curl);

static inline void *llmobs_callback_data(const struct llmobs_callback *callback,
                                         void *fallback)
{
    return callback->data_set ? llmobs_shown(callback->data) : fallback;
}

#endif
