/* rules - which requests matter, and how to read them.
 *
 * Owns:    a llmobs_rules value owns its parsed tables; freed with
 *          llmobs_rules_free.
 * Threads: constant after llmobs_rules_new: match, confirm and read may run in
 *          any thread at once.
 * Errors:  `complain` gets each bad entry, which is skipped; nothing here fails
 *          a request.
 * Limits:  in match: no allocation, no I/O, no JSON parsing (it runs on the
 *          app's thread).
 */
#ifndef LLMOBS_RULES_H
#define LLMOBS_RULES_H

#include "lib/span/span.h"
#include "rules/read/call.h"

/* How the rules know whether a request goes to a proxy: by its URL, or because
 * the program says so.
 */
enum llmobs_proxying {
    LLMOBS_PROXYING_BY_URL,
    LLMOBS_PROXYING_YES,
    LLMOBS_PROXYING_NO
};

/* A request as far as it is known before libcurl sends it. Borrowed for the
 * call. */
struct llmobs_request {
    const char *method;           /* upper case as sent */
    const char *url;              /* absolute, with a scheme */
    const char *content_type;     /* NULL: not given */
    const char *content_encoding; /* the body's, NULL: none given */
    struct llmobs_text body;      /* data NULL: not known yet, or no body */
    bool body_pending;            /* a body will be read while sending */
    bool multipart;               /* a form that libcurl makes */
    bool says_form;               /* its content type is that of a form */
    bool resumes; /* its header may name where a stream shall go on
                   * (Last-Event-ID); true also before the header is read */
    enum llmobs_proxying proxying;
};

struct llmobs_rules;
struct llmobs_rule;
struct llmobs_websocket_words;

/* The result of classification; a plain value that may be copied. */
struct llmobs_match {
    const struct llmobs_rule *rule; /* lives as long as the rules */
    const char *provider;           /* lives as long as the rules;
                                     * NULL: unknown */
    enum llmobs_kind kind;          /* the span's; workflow when proxied */
    bool proxied;                   /* a configured proxy (rule 1) */
    bool confirm;                   /* the body decides when the call is read */
    bool bodyless;                  /* a call counts even without a body */
    bool asks;  /* no call by method and URL, but a field of its header may show
                 * a call (llmobs_rules_is_sign) */
    bool form;  /* the body is a form: only its text fields are kept */
    bool forms; /* the body may be a form */
    bool media; /* the two ends of a long answer in JSON suffice: its middle
                 * is a picture or a sound */
    unsigned sent_media, answered_media; /* for llmobs_rules_stays */
    bool inject;     /* trace headers may be sent: a configured proxy or host */
    bool near;       /* trace headers may be sent, as the host is in a
                      * private network */
    bool settled;    /* method and URL decide, unless the body is a form */
    bool goes_on;    /* a later request may bring its answer */
    const char *why; /* static text: what matched, or why no rule did */
};

struct llmobs_rules_config {
    const char *proxy_urls;        /* DD_LLMOBS_INSTRUMENTED_PROXY_URLS */
    const char *inject_hosts;      /* patterns of LLMOBS_INJECT, or NULL */
    const char *const *never_urls; /* rule 0; NULL-terminated, may be NULL */
    struct llmobs_text rules_json; /* of LLMOBS_RULES; data NULL: no rules */
    const char *observe; /* LLMOBS_OBSERVE, for its "-NAME"; or NULL */
    bool vector; /* LLMOBS_OBSERVE: searches in vector databases count */
    bool search; /* LLMOBS_OBSERVE: web searches count */
    void (*complain)(void *ctx, const char *text); /* called with a line */
    void *complain_ctx;
    bool *withhold; /* set where rules_json is bad and may say never: nobody
                     * knows whose content it keeps; or NULL */
};

/* Gives a rule set; NULL only when memory runs out. Copies what it needs. */
struct llmobs_rules *llmobs_rules_new(const struct llmobs_rules_config *config);
void llmobs_rules_free(struct llmobs_rules *rules);

/* Gives the user's rules, a line each. */
void llmobs_rules_list(const struct llmobs_rules *rules,
                       void (*each)(void *ctx, const char *text), void *ctx);

/* Classifies a request (WIRE 4.5, 6.1). True: it may be an LLM call, and
 * `match` is filled. False: it is no call; then only match->why and match->asks
 * are set, and match->inject if the request goes to a configured proxy.
 */
bool llmobs_rules_match(const struct llmobs_rules *rules,
                        const struct llmobs_request *request,
                        struct llmobs_match *match);

/* True where a match by only method and URL also holds for the header list and
 * the body of the request. A request that went to a configured proxy by that
 * match still goes there. False: the caller matches the whole request. */
bool llmobs_rules_holds(const struct llmobs_match *match,
                        const struct llmobs_request *request);

/* True where this line of a header list, "Name: value", shows a call. Cheap:
 * each line of most requests with headers comes here. */
bool llmobs_rules_is_sign(const struct llmobs_rules *rules, const char *line);

/* Matches a request by a line of its header list, if its match has `asks`. */
bool llmobs_rules_match_sign(const struct llmobs_rules *rules,
                             const struct llmobs_request *request,
                             const char *line, struct llmobs_match *match);

/* True for a body that begins as a form does, whatever its header says. */
bool llmobs_rules_is_form(struct llmobs_text body);

/* True where a body with this beginning may be kept unchanged. False: it may be
 * a form, whose files are never kept. */
bool llmobs_rules_keeps(const struct llmobs_match *match,
                        struct llmobs_text body);

/* True for the name of a host that is a known provider's, or that the user's
 * rules name; `rules`: NULL without them. */
bool llmobs_rules_knows(const struct llmobs_rules *rules, const char *host);

/* True when the configuration has at least one proxy, which may be at this
 * absolute URL; NULL: at any. Looks at the host alone. */
bool llmobs_rules_has_proxies(const struct llmobs_rules *rules,
                              const char *url);

/* True where the host of this absolute URL is a known provider's, or memory
 * lacks. */
bool llmobs_rules_is_provider(const char *url);

/* True when a request without a body to this URL may be a call. Most such
 * requests are no calls, so the caller matches a request against the rules only
 * where this is true. Takes any text, and walks over the text once. */
bool llmobs_rules_fetches(const char *url);

/* True when a user's rule names a method without a body, such as GET; or when
 * web searches are observed, as some have no body. */
bool llmobs_rules_has_bodyless(const struct llmobs_rules *rules);

/* True when a redirect to `location` (a header's value, in any form) surely
 * stays with scheme, host and port of the absolute URL `base`. */
bool llmobs_rules_same_origin(const char *base, struct llmobs_text location);

/* Reads a call, whose bodies are masked, into the upper half of `span`
 * (initialised by the caller): name, model, input, output, metadata, metrics,
 * tools, complete, and the provider's own error. Leaves out all that it cannot
 * read. -ENOENT: a match with `confirm` was no LLM call after all; -ENOMEM. */
int llmobs_rules_read(const struct llmobs_match *match,
                      const struct llmobs_call *call, struct llmobs_span *span);

/* True where method and URL alone show that the request was an LLM call: by the
 * user's settings, a known host or port, or a path that only this API has. For
 * a call whose body could not be read. */
bool llmobs_rules_stands(const struct llmobs_match *match);

/* Guesses whether the body will confirm the match: looks in it for a name that
 * such requests have. For a caller that will not have the body when the call is
 * read. */
bool llmobs_rules_seems(const struct llmobs_match *match,
                        struct llmobs_text body);

/* True for a whole body, of 64 KiB at most, that shows that a match with
 * `confirm` is no call: an object without any name that such requests have. For
 * the disk, which then does not get it; the reader has the last word. */
bool llmobs_rules_denies(const struct llmobs_match *match,
                         struct llmobs_text body);

/* How such calls go over a websocket; NULL: they do not. */
const struct llmobs_websocket_words *llmobs_rules_websocket(
    const struct llmobs_match *match);

/* True where the call is a search by vectors, whose numbers are never kept
 * (lib/span/vectors.h). */
bool llmobs_rules_has_vectors(const struct llmobs_match *match);

/* True where the request is a message of MCP. */
bool llmobs_rules_is_mcp(const struct llmobs_match *match);

/* How many characters the text of base64 behind `before` may have to stay in
 * the body; `media`: sent_media or answered_media of the match
 * (rules/read/left_out.h). For the program's thread: no allocation. */
size_t llmobs_rules_stays(unsigned media, struct llmobs_text before);

/* The text of a search in the URL, as it is written there: a part of `url`,
 * whose rest may hold a key; data NULL: no text of a search. */
struct llmobs_text llmobs_rules_query(const struct llmobs_match *match,
                                      const char *url);

/* Writes a match as a text, from which another process makes the match again,
 * whatever that process's configuration is. -ENOSPC. */
int llmobs_rules_note(const struct llmobs_match *match, char *out, size_t cap);

/* The lines of the user's API that a match is of, which another process needs
 * beside that text; NULL: it is an API of ours. Lives as long as the rules. */
const char *llmobs_rules_api(const struct llmobs_match *match);

/* Makes the match of such a text and the `api` beside it, which is empty for an
 * API of ours. It borrows from *recalls, which is NULL at first; the caller
 * frees *recalls when it needs none of the matches any more.
 * -EINVAL; -ENOTSUP: this version does not know the dialect; -ENOMEM. One
 * thread at a time. */
struct llmobs_recalls;
int llmobs_rules_recall(struct llmobs_recalls **recalls, struct llmobs_text api,
                        struct llmobs_text text, struct llmobs_match *match);
void llmobs_recalls_free(struct llmobs_recalls *recalls);

#endif
