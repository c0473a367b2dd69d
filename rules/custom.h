/* custom - rules that a user adds: the file named by LLMOBS_RULES.
 *
 * Owns:    the list owns its rules and their texts, until llmobs_custom_free.
 * Threads: constant after parse.
 * Errors:  -EINVAL: the file is bad, and no rule of it counts; -ENOMEM.
 * Limits:  LLMOBS_CUSTOM_MAX rules; a file with more is bad.
 *
 * The file is text in the language of docs/RULES.md, with lines `host` and
 * sections `api`; or a JSON array of objects with the columns host, path,
 * method, operation, dialect, provider, name and header, all texts. dialect and
 * one of host, path and header must be there; '*' in the first two stands for
 * any bytes, and both must match completely. method is POST and operation the
 * dialect's first unless given; name is the span's name. A request without a
 * body needs a rule that names its method: GET, HEAD, DELETE.
 *
 * A rule may have kind, the span's kind, in place of dialect and operation.
 * Such a rule may say by JSON pointers where the bodies have their values
 * (rules/read/layout.h); a retrieval says at least where the documents are.
 *
 * With multipart, which is true or missing, the rule also takes forms: their
 * fields are the members of the request.
 *
 * header is the name of a field that the request's header must have, with a
 * value; behind a colon, a part of the value, in any case. Such a rule counts
 * for requests that no other rule takes, and reads their header list.
 *
 * never, which is true or missing, says that the request is no call. Such a
 * rule has host, path and method only, and covers all methods unless it names
 * one.
 */
#ifndef LLMOBS_CUSTOM_H
#define LLMOBS_CUSTOM_H

#include "rules/apis/make.h"
#include "rules/read/dialect.h"

#define LLMOBS_CUSTOM_MAX 1000
#define LLMOBS_CUSTOM_SPEECH 64 /* APIs of a host */

/* How one kind of request is read. A rule of a built-in dialect sets only the
 * first two members. */
struct llmobs_rule {
    const struct llmobs_dialect *dialect; /* NULL: the rule is a `never` */
    const struct llmobs_shape *shape;
    char *host;
    char *path;
    char *method;
    char *provider; /* NULL: as the host says */
    char *name;     /* NULL: the shape's */
    char *places;   /* NULL: no places */
    char *header;   /* "name" or "name: part of the value"; NULL: none */
    char *text; /* of an API of the user's: its lines, for a note; or NULL */
    bool multipart; /* the request may be a form */
    bool never;     /* no call, whatever else would match */
};

/* A line `host`: whose host speaks which APIs, NULL-terminated. */
struct llmobs_custom_host {
    char *host;
    char *provider;
    const struct llmobs_dialect **dialects;
};

struct llmobs_custom {
    struct llmobs_rule *rules;
    size_t count;
    struct llmobs_custom_host *hosts;
    size_t host_count;
    struct llmobs_made **made; /* the dialects of the user's APIs */
    size_t made_count;
};

/* The fault of a file, for the user. */
struct llmobs_custom_fault {
    size_t rule;     /* the first rule is 1; 0: the file as a whole */
    const char *why; /* static */
    /* Called with each fault of a file that is no JSON, with its line. */
    void (*complain)(void *context, unsigned line, const char *why);
    void *context;
};

/* Reads the text of the file. On failure `fault` is filled and the list is
 * empty. */
int llmobs_custom_parse(struct llmobs_text text, struct llmobs_custom *custom,
                        struct llmobs_custom_fault *fault);
void llmobs_custom_free(struct llmobs_custom *custom);

/* Gives each host, path of an API and rule in JSON as a line. */
void llmobs_custom_list(const struct llmobs_custom *custom,
                        void (*each)(void *context, const char *text),
                        void *context);

/* The line of a host; NULL: no line has it. */
const struct llmobs_custom_host *llmobs_custom_host_of(
    const struct llmobs_custom *custom, struct llmobs_text host);

/* True where a line is for this host, or a rule that makes calls names it. */
bool llmobs_custom_names(const struct llmobs_custom *custom, const char *host);

/* True when requests of the rule's method have no body. */
bool llmobs_custom_bodyless(const struct llmobs_rule *rule);

/* True where a rule with a header has this method. */
bool llmobs_custom_asks(const struct llmobs_custom *custom, const char *method);

/* True where the line, "Name: value", is a rule's header. */
bool llmobs_custom_is_sign(const struct llmobs_custom *custom,
                           const char *line);

/* The first rule whose header this line is, and which this request fits; NULL:
 * none. */
const struct llmobs_rule *llmobs_custom_find_signed(
    const struct llmobs_custom *custom, const char *method,
    const struct llmobs_url *url, const char *line);

/* The first rule without a header for this request; NULL: none. */
const struct llmobs_rule *llmobs_custom_find(const struct llmobs_custom *custom,
                                             const char *method,
                                             const struct llmobs_url *url);

#endif
