/* engine - the boundary between shim and core: the tables of libcurl's real
 * functions and of the core's operations, the facts of the process, and the
 * options that are watched.
 *
 * Owns:    nothing. The shim owns one llmobs_real per loaded libcurl copy and
 *          one llmobs_host for the process; both live until the process ends.
 *          The core owns its llmobs_ops, which lives as long.
 * Threads: every operation may be called from any thread that may call the
 *          libcurl function of the same name.
 * Errors:  an operation gives the real function's answer; a failed observation
 *          is never the caller's error.
 * Fork:    all of them are constant and stay valid in a child.
 */
#ifndef LLMOBS_ENGINE_H
#define LLMOBS_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <curl/curl.h>

#include "lib/base/paths.h"

struct dl_phdr_info;

/* Raised whenever a table or a list below changes. The shim does not use a core
 * with another number. */
#define LLMOBS_ENGINE_ABI 27

/* A certificate of the proxy of `llmobs-run --intercept` has an issuer whose
 * name begins with this. */
#define LLMOBS_INTERCEPT_ISSUER "llmobs-run "

/* The run's files of certificates have this in their paths. The one for all
 * variables that the user has not set has this name, and then ".pem". */
#define LLMOBS_INTERCEPT_TRUST "/llmobs-run-"
#define LLMOBS_INTERCEPT_STORE "store"

/* Before a program's TLS library sends its first message, the shim tells that
 * proxy that it will follow the connection. It connects to a socket of unix(7)
 * whose abstract name is this and the value of LLMOBS_INTERCEPT. The abstract
 * name of its own end is the message: so it is there as soon as the end is. */
#define LLMOBS_INTERCEPT_FOLLOWS "llmobs-intercept-"
struct llmobs_follows {
    uint64_t inode;           /* of the program's socket; 0: it is not known */
    unsigned char random[32]; /* or that of the ClientHello */
};

/* The only name that the core exports. */
#define LLMOBS_CORE_ATTACH "llmobs_core_attach"

/* When the shim has given up, a text in its variables begins with this; the
 * reason follows. The doctor looks for it in the process's memory. The
 * program's calls go on. */
#define LLMOBS_NO_CORE "libllmobs_core.so is not loaded: "
#define LLMOBS_NO_CORE_MAX 96

/* The same where the shim leaves the TLS library inside the program alone. */
#define LLMOBS_NO_ENTRY "the TLS library inside the program is left alone: "
#define LLMOBS_NO_ENTRY_MAX 128

/* Likewise, where the shim has let a program go that listens. */
#define LLMOBS_LISTENS "calls by plain HTTP were observed until it listened"

/* X(result, name, arguments, ...): the functions of libcurl that the shim
 * hooks, without "curl_", each with the arguments of its operation in the core,
 * behind the llmobs_real. Each has a thunk in shim/thunk_set.h, and an
 * operation in core/capture. All exist since 7.29, except mime_* (7.56). */
#define LLMOBS_AS(X, result, name, ...) \
    X(result, name, (__VA_ARGS__), __VA_ARGS__)
#define LLMOBS_GLOBAL_HOOKS(X)                                                 \
    LLMOBS_AS(X, CURLcode, global_init, long)                                  \
    LLMOBS_AS(X, CURLcode, global_init_mem, long, curl_malloc_callback,        \
              curl_free_callback, curl_realloc_callback, curl_strdup_callback, \
              curl_calloc_callback)                                            \
    X(void, global_cleanup, (void))
#define LLMOBS_EASY_HOOKS(X)                                                \
    X(CURL *, easy_init, (void))                                            \
    X(CURLcode, easy_setopt, (CURL *, CURLoption, ...), CURL *, CURLoption, \
      void *)                                                               \
    LLMOBS_AS(X, CURLcode, easy_perform, CURL *)                            \
    LLMOBS_AS(X, void, easy_reset, CURL *)                                  \
    LLMOBS_AS(X, CURL *, easy_duphandle, CURL *)                            \
    LLMOBS_AS(X, void, easy_cleanup, CURL *)
#define LLMOBS_MULTI_HOOKS(X)                                                 \
    LLMOBS_AS(X, CURLMcode, multi_add_handle, CURLM *, CURL *)                \
    LLMOBS_AS(X, CURLMcode, multi_remove_handle, CURLM *, CURL *)             \
    LLMOBS_AS(X, CURLMcode, multi_perform, CURLM *, int *)                    \
    LLMOBS_AS(X, CURLMcode, multi_socket, CURLM *, curl_socket_t, int *)      \
    LLMOBS_AS(X, CURLMcode, multi_socket_action, CURLM *, curl_socket_t, int, \
              int *)                                                          \
    LLMOBS_AS(X, CURLMcode, multi_socket_all, CURLM *, int *)                 \
    LLMOBS_AS(X, CURLMsg *, multi_info_read, CURLM *, int *)                  \
    LLMOBS_AS(X, CURLMcode, multi_cleanup, CURLM *)                           \
    X(CURLMcode, multi_setopt, (CURLM *, CURLMoption, ...), CURLM *,          \
      CURLMoption, void *)
/* The app sends and receives bytes itself. */
#define LLMOBS_OWN_HOOKS(X)                                                   \
    LLMOBS_AS(X, CURLcode, easy_send, CURL *, const void *, size_t, size_t *) \
    LLMOBS_AS(X, CURLcode, easy_recv, CURL *, void *, size_t, size_t *)
#define LLMOBS_FORM_HOOKS(X)                                                   \
    LLMOBS_AS(X, curl_mime *, mime_init, CURL *)                               \
    LLMOBS_AS(X, void, mime_free, curl_mime *)                                 \
    LLMOBS_AS(X, curl_mimepart *, mime_addpart, curl_mime *)                   \
    LLMOBS_AS(X, CURLcode, mime_name, curl_mimepart *, const char *)           \
    LLMOBS_AS(X, CURLcode, mime_filename, curl_mimepart *, const char *)       \
    LLMOBS_AS(X, CURLcode, mime_data, curl_mimepart *, const char *, size_t)   \
    LLMOBS_AS(X, CURLcode, mime_filedata, curl_mimepart *, const char *)       \
    LLMOBS_AS(X, CURLcode, mime_data_cb, curl_mimepart *, curl_off_t,          \
              curl_read_callback, curl_seek_callback, curl_free_callback,      \
              void *)                                                          \
    LLMOBS_AS(X, CURLcode, mime_subparts, curl_mimepart *, curl_mime *)        \
    LLMOBS_AS(X, CURLcode, mime_type, curl_mimepart *, const char *)           \
    LLMOBS_AS(X, CURLcode, mime_encoder, curl_mimepart *, const char *)        \
    LLMOBS_AS(X, CURLcode, mime_headers, curl_mimepart *, struct curl_slist *, \
              int)
#define LLMOBS_TRANSFER_HOOKS(X) \
    LLMOBS_GLOBAL_HOOKS(X) LLMOBS_EASY_HOOKS(X) LLMOBS_MULTI_HOOKS(X)
#define LLMOBS_HOOKS(X) \
    LLMOBS_TRANSFER_HOOKS(X) LLMOBS_OWN_HOOKS(X) LLMOBS_FORM_HOOKS(X)

/* All functions of one libcurl copy that the shim looks up by name; url_get
 * exists since 7.62. A name that the copy lacks is NULL in its table. */
#define LLMOBS_REAL_FUNCTIONS(X)                                              \
    LLMOBS_HOOKS(X)                                                           \
    X(CURLcode, easy_getinfo, (CURL *, CURLINFO, ...))                        \
    X(const char *, easy_strerror, (CURLcode))                                \
    X(CURLM *, multi_init, (void))                                            \
    X(CURLMcode, multi_timeout, (CURLM *, long *))                            \
    X(CURLMcode, multi_wait,                                                  \
      (CURLM *, struct curl_waitfd *, unsigned, int, int *))                  \
    X(struct curl_slist *, slist_append, (struct curl_slist *, const char *)) \
    X(void, slist_free_all, (struct curl_slist *))                            \
    X(curl_version_info_data *, version_info, (CURLversion))                  \
    X(CURLUcode, url_get, (const CURLU *, CURLUPart, char **, unsigned))      \
    X(void, free, (void *))

/* The real functions of one loaded libcurl copy. */
struct llmobs_real {
#define X(result, name, args, ...) result(*name) args;
    LLMOBS_REAL_FUNCTIONS(X)
#undef X
};

/* Declares the operation of a hooked function, llmobs_ops_NAME. */
#define LLMOBS_OPERATION(result, name, args, ...) \
    result llmobs_ops_##name(const struct llmobs_real *, ##__VA_ARGS__);

/* Types of the public header, which the shim passes on and does not read. */
struct llmobs_api;
struct llmobs_enable_options;

/* Objects whose calls of hooked functions may bypass the thunks. A bit's number
 * is a hook's number. The shim writes an entry at any time, by atomic stores;
 * it is complete once its path is set, which then stays. */
#define LLMOBS_WRAPPERS 8
#define LLMOBS_WRAPPER_PATH 512
struct llmobs_wrapper {
    uint64_t defines; /* functions that the object defines, before libcurl */
    uint64_t reaches; /* functions for which the loader gave the object the next
                       * definition: a thunk, or another wrapper's function */
    uint64_t strays;  /* functions that the object looked up, and for which it
                       * may have got libcurl's own instead of a thunk */
    const char *path; /* "": the program itself */
};
struct llmobs_wrappers {
    struct llmobs_wrapper list[LLMOBS_WRAPPERS];
    uint64_t unseen; /* functions with calls that may bypass the thunks */
    const char *(*name)(unsigned hook);
};

/* The facts about the process that the shim gives the core. `env` is the shim's
 * copy of DD_*, LLMOBS_*, OTEL_* and the trace carriers ("NAME=value"), made in
 * its constructor, with NULL at the end. */
struct llmobs_host {
    unsigned abi;
    const char *const *env;
    /* The options of the public header's enable, if that call loads the core;
     * else NULL. Borrowed until attach returns. */
    const struct llmobs_enable_options *enable;
    /* libc's own dl_iterate_phdr, which another preload may have replaced. */
    int (*objects)(int (*)(struct dl_phdr_info *, size_t, void *), void *);
    /* Another preload has replaced connect, or the look-up of names. */
    bool connect_held;
    const struct llmobs_wrappers *wrappers;
    /* The core calls it before it starts its first thread (shim/alone.h). */
    void (*watch_alone)(void);
    /* Finds a name in the objects that came with the program, or were opened
     * for all; NULL: none has it. */
    void *(*symbol)(const char *name);
    /* The SSL in whose SSL_read or SSL_write the calling thread is; NULL: in
     * none. */
    const void *(*tls_now)(void);
    int tls_inside; /* 1: the OpenSSL inside the program is observed; -1: it is
                     * left alone; 0: there is none, or nobody asked for it */
};

/* A call of the program puts the program into no sandbox (_NOT), into one
 * (_HERE), or into one under which the core must stop working (_STILL). */
enum llmobs_confined {
    LLMOBS_CONFINED_NOT,
    LLMOBS_CONFINED_HERE,
    LLMOBS_CONFINED_STILL
};
enum llmobs_rest { LLMOBS_REST_NOT, LLMOBS_REST_HERE, LLMOBS_REST_HINDERED };

/* How a connection ended: the peer said so (by TLS, close_notify); it broke;
 * nothing can be sent any more, though an answer may still come; the program
 * let it go, or made it ready for another connection. */
enum llmobs_wire_end {
    LLMOBS_WIRE_CLOSED,
    LLMOBS_WIRE_BROKEN,
    LLMOBS_WIRE_UNSENT,
    LLMOBS_WIRE_FREED
};

/* An event of a connection, and the number that belongs to it. */
enum llmobs_wire_what {
    LLMOBS_WIRE_SENT,     /* of bytes */
    LLMOBS_WIRE_RECEIVED, /* of bytes */
    /* The kernel sent so many bytes of a file or a pipe, which nobody saw.
     * OTHER_BYTES: the program sent others than SENT had shown, or lets bytes
     * pass in a way that cannot be followed. */
    LLMOBS_WIRE_SKIPPED,
    /* Bytes came that the core was not given: READ_BESIDE, the program read
     * them by a function that is not watched; else it lets the connection go
     * without having read so many, and those that wait at `fd`. Of a plain one
     * the kernel tells whether the program read others. */
    LLMOBS_WIRE_UNSEEN,
    /* So many of the last bytes that SENT showed nobody has taken yet; if
     * nobody does, no server got them. LLMOBS_WIRE_LEFT: the program left the
     * call that sent them, and the kernel knows. */
    LLMOBS_WIRE_REFUSED,
    /* enum llmobs_wire_end. After FREED the connection is gone; after CLOSED
     * and BROKEN it stays, and no byte of it counts any more. */
    LLMOBS_WIRE_ENDED
};
#define LLMOBS_WIRE_READ_BESIDE UINT64_MAX
#define LLMOBS_WIRE_OTHER_BYTES UINT64_MAX
#define LLMOBS_WIRE_LEFT UINT64_MAX
#define LLMOBS_WIRE_TLS (-1)
#define LLMOBS_WIRE_PLAIN (-2)

/* Trace headers that the shim puts among the bytes that a program sends to a
 * listed gateway, in the order of `at`. They stand before the empty line that
 * ends a head of HTTP/1.1, or the last line of one of HTTP/2: as long as a part
 * of them is unsent, the program has bytes left to send, and calls again. By
 * HTTP/2, over TLS alone, one before each gives the frame its length. */
#define LLMOBS_INSERTIONS 256   /* of 128 requests at once by HTTP/2 */
#define LLMOBS_INSERT_PIECES 16 /* of a call; a longer vector gets none */
struct llmobs_insertion {
    size_t at;        /* as many bytes of the next call go before it */
    size_t from, len; /* in `text`: what has not been sent of it */
    bool instead;     /* of as many bytes of the call, which is one piece; the
                       * next one must follow once a part of it has gone */
};
struct llmobs_insertions { /* a thread's, or the connection's */
    uintptr_t of; /* the connection, whose record may be another's by now */
    bool taken;   /* a thread has it: over TLS, where it stays */
    size_t count; /* of `list` */
    bool torn;    /* a part of the first has gone, or of the one `instead`
                   * before it, so that its rest must */
    size_t lost;  /* of which nothing will go, without those `instead` */
    size_t shown; /* as many bytes must come next, of this `sum` */
    uint64_t sum, first; /* the latter of one byte */
    char *text;
    size_t text_len;
    char *room; /* a copy of them for a TLS library, which must be given the
                 * same bytes until it has taken them; NULL: none */
    size_t room_size;
    size_t given; /* the program's bytes in `room`, or of a call that failed as
                   * there were no insertions, which the library has */
    size_t done;  /* bytes of the next call that have gone: more of them were
                   * given than the time before, and failed */
    /* 17 KB, of which nothing is read before it is written: */
    struct llmobs_insertion list[LLMOBS_INSERTIONS];
    struct iovec pieces[LLMOBS_INSERT_PIECES + 2 * LLMOBS_INSERTIONS];
};

struct llmobs_wire_event {
    enum llmobs_wire_what what;
    const char *bytes; /* borrowed; NULL: none are known */
    uint64_t number;
    int fd; /* of UNSEEN; -1: unknown */
    /* Of SENT: `before` bytes of the call go before these, and the core may add
     * insertions, to a list of its own if there is none. NULL: it may not. */
    size_t before;
    struct llmobs_insertions **insertions;
};

/* The connections of clients of HTTP, over a TLS library or plain. The shim
 * calls these after the library's own function has returned, with the bytes
 * that the program gave or got. They keep errno. Where two threads may use one
 * connection at once, as with GnuTLS and sockets, SENT comes before the real
 * function. Neither waits for the other. */
struct llmobs_wire;
struct llmobs_wire_ops {
    /* A client's first bytes were seen. Borrows `host`, the name that the
     * client wants the peer's certificate to have; NULL: unknown. `fd`: the
     * number of a connection by http; or TLS, or PLAIN where the number is not
     * known; `http2`: by that. NULL: the core does not follow the connection.
     */
    struct llmobs_wire *(*begin)(const char *host, int fd, bool http2);
    void (*event)(struct llmobs_wire *, const struct llmobs_wire_event *);
    /* A client asked `host` (borrowed) by functions that are not watched; the
     * connection is not followed. The core counts it if the host is a
     * provider's. NULL: a TLS library did something impossible, and no
     * connection is followed from now on. */
    void (*unfollowed)(const char *host);
    /* Signal handlers of the program sent or received by that connection, and
     * the core was not given the bytes: it follows that no more. NULL: by so
     * many that it does not know. May be called within a handler. */
    void (*disturbed)(struct llmobs_wire *, unsigned count);
    /* The thread that sends takes what is left of the connection's insertions,
     * NULL: nothing, and gives it back after the call; without a connection the
     * core frees it. May be called within a handler. */
    struct llmobs_insertions *(*take)(struct llmobs_wire *);
    void (*give)(struct llmobs_wire *, struct llmobs_insertions *);
    /* Makes `room` of so many pieces, or none without memory; 0: wipes it. */
    void (*join)(struct llmobs_insertions *, size_t count);
    const bool *inserts; /* false: no connection ever gets insertions */
};

/* The operations of the core, one for each hooked function.
 * Each calls the real function itself, exactly once. */
struct llmobs_ops {
    unsigned abi;
#define X(result, name, args, ...) \
    result (*name)(const struct llmobs_real *, ##__VA_ARGS__);
    LLMOBS_HOOKS(X)
#undef X
    /* The public header's table of that version; NULL: an unknown version. */
    const struct llmobs_api *(*api)(unsigned version);
    /* Does a command "NAME JSON" of a program (core/capture/command.h), and
     * gives its answer. */
    const char *(*command)(const char *text);
    /* The shim calls `rest` before, and `rested` after, a call that the program
     * should make without a thread of the library (core/capture/attach.c). If
     * that call fails, it calls `rest_longer` between them: true where no such
     * thread is left. After LLMOBS_REST_NOT it calls neither. */
    enum llmobs_rest (*rest)(enum llmobs_confined how, const void *filter);
    bool (*rest_longer)(void);
    void (*rested)(enum llmobs_confined how);
    /* The calling thread is about to call pthread_exit. */
    void (*leaves)(void);
    struct llmobs_wire_ops wire;
};

/* The type of llmobs_core_attach, which the shim calls once, after it loaded
 * the core. Borrows `host` for ever. Gives a table that lives as long as the
 * process. NULL: the core will not work here, and the shim passes all calls
 * through for good. */
typedef const struct llmobs_ops *(*llmobs_core_attach_fn)(
    const struct llmobs_host *host);

/* Options by number: old headers of libcurl lack the first two (since 7.80) and
 * the options of proxies, sockets and protocols (7.40 to 7.85); new headers
 * call the others deprecated. */
#define LLMOBS_OPT_PREREQFUNCTION ((CURLoption)20312)
#define LLMOBS_OPT_PREREQDATA ((CURLoption)10313)
#define LLMOBS_OPT_IOCTLFUNCTION ((CURLoption)20130)
#define LLMOBS_OPT_PUT ((CURLoption)54)
#define LLMOBS_OPT_UNIX_SOCKET ((CURLoption)10231)
#define LLMOBS_OPT_ABSTRACT_SOCKET ((CURLoption)10264)
#define LLMOBS_OPT_CONNECT_TO ((CURLoption)10243)
#define LLMOBS_OPT_REQUEST_TARGET ((CURLoption)10266) /* since 7.55 */
#define LLMOBS_OPT_PRE_PROXY ((CURLoption)10262)
#define LLMOBS_OPT_PROTOCOLS ((CURLoption)181)
#define LLMOBS_OPT_PROTOCOLS_STR ((CURLoption)10318)

/* X(with, option, member, kind, ...): the options whose value the core
 * remembers. The core alone reads what stands behind the option, which says
 * how: core/capture/settings.c. */
#define LLMOBS_WATCHED(X, with)                                             \
    X(with, CURLOPT_HTTPHEADER, headers, POINTER, IN(HEADERS))              \
    X(with, CURLOPT_WRITEFUNCTION, write, FUNCTION, IN(WRITE))              \
    X(with, CURLOPT_WRITEDATA, write, DATA, IN(WRITE), OF(DATA_STDOUT))     \
    X(with, CURLOPT_HEADERFUNCTION, header, FUNCTION, IN(HEADER))           \
    X(with, CURLOPT_HEADERDATA, header, DATA, IN(HEADER))                   \
    X(with, LLMOBS_OPT_PREREQFUNCTION, prereq, FUNCTION, IN(PREREQ))        \
    X(with, LLMOBS_OPT_PREREQDATA, prereq, DATA, IN(PREREQ))                \
    X(with, CURLOPT_READFUNCTION, read, FUNCTION, IN(READ), BODY)           \
    X(with, CURLOPT_READDATA, read, DATA, IN(READ), OF(DATA_STDIN), BODY)   \
    X(with, CURLOPT_SEEKFUNCTION, seek, FUNCTION, IN(SEEK), BODY)           \
    X(with, CURLOPT_SEEKDATA, seek, DATA, IN(SEEK), BODY)                   \
    X(with, LLMOBS_OPT_IOCTLFUNCTION, ioctl, FUNCTION, IN(IOCTL), BODY)     \
    X(with, CURLOPT_URL, url, ADDRESS, LEADS, TEXT)                         \
    X(with, CURLOPT_CURLU, curlu, POINTER, LEADS)                           \
    X(with, CURLOPT_PORT, port, NUMBER, LEADS)                              \
    X(with, CURLOPT_DEFAULT_PROTOCOL, default_protocol, NAME, LEADS, TEXT)  \
    X(with, CURLOPT_CUSTOMREQUEST, custom_request, NAME, TEXT)              \
    X(with, LLMOBS_OPT_REQUEST_TARGET, target, TARGET, LEADS, TEXT, MOCKED) \
    X(with, CURLOPT_HTTPGET, request, VERB, OF(LLMOBS_HTTP_GET))            \
    X(with, CURLOPT_POST, request, VERB, OF(LLMOBS_HTTP_POST), BODY)        \
    X(with, CURLOPT_UPLOAD, request, VERB, OF(LLMOBS_HTTP_PUT), BODY)       \
    X(with, LLMOBS_OPT_PUT, request, VERB, OF(LLMOBS_HTTP_PUT), BODY)       \
    X(with, CURLOPT_NOBODY, no_body, NO_BODY)                               \
    X(with, 10024 /* CURLOPT_HTTPPOST */, list, LIST)                       \
    X(with, CURLOPT_MIMEPOST, mime, MIME)                                   \
    X(with, CURLOPT_POSTFIELDS, postfields, FIELDS, BODY)                   \
    X(with, CURLOPT_COPYPOSTFIELDS, copied, COPY, BODY)                     \
    X(with, CURLOPT_POSTFIELDSIZE, postfieldsize, SIZE)                     \
    X(with, CURLOPT_POSTFIELDSIZE_LARGE, postfieldsize, SIZE)               \
    X(with, CURLOPT_HEADER, header_in_body, FLAG)                           \
    X(with, CURLOPT_CONNECT_ONLY, connect_only, NUMBER)                     \
    X(with, CURLOPT_ERRORBUFFER, error_buffer, POINTER)                     \
    X(with, CURLOPT_PROXY, proxy, PROXY, LEADS, TEXT, MOCKED)               \
    X(with, CURLOPT_HTTPAUTH, auth, NUMBER)                                 \
    X(with, CURLOPT_PROXYAUTH, proxy_auth, NUMBER)                          \
    X(with, CURLOPT_USERPWD, account[0], SECRET, OF(0))                     \
    X(with, CURLOPT_USERNAME, account[1], SECRET, OF(1), TEXT)              \
    X(with, CURLOPT_PASSWORD, account[2], SECRET, OF(2), TEXT)              \
    X(with, CURLOPT_XOAUTH2_BEARER, account[3], SECRET, OF(3), TEXT)        \
    X(with, 229 /* CURLOPT_HEADEROPT */, headeropt, NUMBER, LEADS)          \
    X(with, CURLOPT_RESOLVE, hosts_named, EVER, LEADS)                      \
    X(with, LLMOBS_OPT_CONNECT_TO, hosts_named, EVER, LEADS, MOCKED)        \
    X(with, 10305 /* CURLOPT_AWS_SIGV4 */, list_signed, FLAG, LEADS)        \
    X(with, LLMOBS_OPT_PRE_PROXY, url, NOTHING, TEXT, MOCKED)               \
    X(with, LLMOBS_OPT_UNIX_SOCKET, url, NOTHING, TEXT, MOCKED)             \
    X(with, LLMOBS_OPT_ABSTRACT_SOCKET, url, NOTHING, TEXT, MOCKED)         \
    X(with, LLMOBS_OPT_PROTOCOLS, url, NOTHING, MOCKED)                     \
    X(with, LLMOBS_OPT_PROTOCOLS_STR, url, NOTHING, MOCKED)                 \
    X(with, CURLOPT_HTTP_VERSION, url, NOTHING, MOCKED)

/* True for the options above. The shim asks this before any other work, so that
 * nearly every other option costs only a look at one bit. */
static inline bool llmobs_option_watched(CURLoption option)
{
#define BIT(word, option, ...) \
    | (((option)&511) >> 6 == (word) ? UINT64_C(1) << ((option)&63) : 0)
#define WORD(word) 0 LLMOBS_WATCHED(BIT, word)
    static const uint64_t words[8] = {WORD(0), WORD(1), WORD(2), WORD(3),
                                      WORD(4), WORD(5), WORD(6), WORD(7)};
#undef WORD
#undef BIT

    if (__builtin_expect(!(words[(option & 511) >> 6] >> (option & 63) & 1), 1))
        return false;
    switch ((int)option) {
#define CASE(with, option, ...) case option:
        LLMOBS_WATCHED(CASE, )
#undef CASE
        return true;
    default:
        return false;
    }
}

#endif
