/* url - splits absolute http and https URLs, and matches them with configured
 * entries (WIRE 4.5).
 *
 * Owns:    llmobs_url: nothing; its path points into the parsed text or into
 *          the value itself, so the value must not be copied. llmobs_url_list:
 *          its entries, until llmobs_url_list_free.
 * Threads: any; parsing and matching allocate nothing.
 * Errors:  -EINVAL: not such a URL; -ENOMEM only from llmobs_url_list_add.
 * Limits:  LLMOBS_URL_HOST_MAX bytes of host, else -EINVAL; a path beyond
 *          LLMOBS_URL_PATH_MAX is compared unchanged, not normalised.
 */
#ifndef LLMOBS_URL_H
#define LLMOBS_URL_H

#include <stdint.h>

#include "lib/base/buf.h"

#define LLMOBS_URL_HOST_MAX 255
#define LLMOBS_URL_PATH_MAX 2048

enum llmobs_scheme {
    LLMOBS_SCHEME_ANY, /* an entry without a scheme */
    LLMOBS_SCHEME_HTTP,
    LLMOBS_SCHEME_HTTPS
};

struct llmobs_url {
    enum llmobs_scheme scheme;
    uint16_t port;             /* or the scheme's; 0: any default (entries) */
    bool ipv6;                 /* `address` holds the host */
    unsigned char address[16]; /* only when ipv6 */
    size_t host_len;
    struct llmobs_text path; /* without query; begins with '/', or empty
                              * (entries) */
    char host[LLMOBS_URL_HOST_MAX + 1]; /* lower case, no brackets, no dot at
                                         * the end */
    char path_buf[LLMOBS_URL_PATH_MAX];
};

/* Parses a request's URL. Userinfo, query and fragment are dropped; dot
 * segments and needless percent-encoding of the path are undone. */
int llmobs_url_parse(struct llmobs_text text, struct llmobs_url *url);

/* Frees a URL from llmobs_scratch_alloc that was parsed; NULL does nothing. */
void llmobs_url_free(struct llmobs_url *url);

/* Puts the ASCII letters of a pattern of hosts in lower case, as those of a
 * parsed URL are. Other letters are compared as they are written. */
void llmobs_url_lower(char *host);

/* True when a reference (a Location's value) surely leads to scheme, host and
 * port of `base`, as relative references do. */
bool llmobs_url_stays(const struct llmobs_url *base,
                      struct llmobs_text reference);

/* Gives a piece of a path, with all percent-encoding undone, as a C string;
 * NULL when memory runs out. */
char *llmobs_url_decode(struct llmobs_text text);

/* How many segments stand behind this place of a path; NULL: none. */
size_t llmobs_url_behind(const char *at);

/* Gives the path's segment that is `back` places before its last segment,
 * decoded; "" if the path has no such segment, NULL when memory runs out.
 * Slashes at its end do not count. */
char *llmobs_url_segment(struct llmobs_text path, size_t back);

/* A list of entries; NULL is the empty list. */
struct llmobs_url_list;

/* Puts an entry into the list; copies `text`. An entry is a URL that may lack
 * its scheme, and the brackets of an IPv6 address without a port. Blanks make
 * it invalid; slashes at the end of its path are dropped. */
int llmobs_url_list_add(struct llmobs_url_list **list, struct llmobs_text text);

/* True when `url` lies under an entry: scheme (unless the entry lacks it), host
 * and port are equal, and the path is the entry's, or goes on behind it with a
 * '/'. */
bool llmobs_url_list_has(const struct llmobs_url_list *list,
                         const struct llmobs_url *url);

/* False where no entry can have this absolute URL, by its host alone. Cheap. */
bool llmobs_url_list_may_have(const struct llmobs_url_list *list,
                              const char *url);
void llmobs_url_list_free(struct llmobs_url_list *list);

#endif
