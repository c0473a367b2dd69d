/* url - absolute http and https URLs in pieces, and the structural match of
 * configured entries (WIRE 4.5).
 *
 * Owns:    llmobs_url: nothing; its path borrows the parsed text or lies in
 *          the value itself, which must therefore not be copied.
 *          llmobs_url_list: its entries, until llmobs_url_list_free.
 * Threads: any; parsing and matching allocate nothing.
 * Errors:  -EINVAL: not such a URL; -ENOMEM when adding entries only.
 * Limits:  LLMOBS_URL_HOST_MAX bytes of host, else -EINVAL; a path beyond
 *          LLMOBS_URL_PATH_MAX is compared as it stands, not normalised.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_URL_H
#define LLMOBS_URL_H

#include <stdint.h>

#include "core/base/buf.h"

#define LLMOBS_URL_HOST_MAX 255
#define LLMOBS_URL_PATH_MAX 2048

enum llmobs_scheme {
    LLMOBS_SCHEME_ANY, /* an entry that names none */
    LLMOBS_SCHEME_HTTP,
    LLMOBS_SCHEME_HTTPS
};

struct llmobs_url {
    enum llmobs_scheme scheme;
    uint16_t port;             /* effective; 0: any default one (entries) */
    bool ipv6;                 /* address holds the host */
    unsigned char address[16]; /* only when ipv6 */
    size_t host_len;
    struct llmobs_text path; /* without query; empty or begins with '/' */
    char host[LLMOBS_URL_HOST_MAX + 1]; /* lower case, no brackets, no dot at
                                         * the end */
    char path_buf[LLMOBS_URL_PATH_MAX];
};

/* Parses a request's URL. Userinfo, query and fragment are dropped; dot
 * segments and needless percent-encoding of the path are undone. */
int llmobs_url_parse(struct llmobs_text text, struct llmobs_url *url);

/* The same for a configured entry: the scheme may be absent, a bare IPv6
 * address may go without brackets, blanks make it invalid, slashes at the end
 * of its path are dropped. */
int llmobs_url_parse_entry(struct llmobs_text text, struct llmobs_url *url);

/* True when `url` lies under `entry`: scheme, host and port equal, the
 * entry's path a prefix at a '/'. */
bool llmobs_url_under(const struct llmobs_url *entry,
                      const struct llmobs_url *url);

/* True when a reference (a Location's value) surely leads to scheme, host and
 * port of `base`; relative forms do. */
bool llmobs_url_stays(const struct llmobs_url *base,
                      struct llmobs_text reference);

/* Undoes all percent-encoding of a piece of a path. Gives a C string; NULL
 * without memory. */
char *llmobs_url_decode(struct llmobs_text text);

/* Entries in a list; NULL is the empty one. */
struct llmobs_url_list;

/* Puts an entry into the list; copies `text`. */
int llmobs_url_list_add(struct llmobs_url_list **list, struct llmobs_text text);
bool llmobs_url_list_has(const struct llmobs_url_list *list,
                         const struct llmobs_url *url);
void llmobs_url_list_free(struct llmobs_url_list *list);

#endif
