/* Calls of which parts are missing, as a damaged entry of the spool gives
 * them, through every shape of every dialect: a sanitizer looks at what is done
 * with nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/event/exchange.h"
#include "rules/providers.h"
#include "rules/read/dialect.h"
#include "tests/unit/unit.h"

static const char *const urls[] = {"",
                                   "/",
                                   "x",
                                   "http://",
                                   "http://h",
                                   "http://h?q",
                                   "https://api.openai.com",
                                   "https://bedrock.amazonaws.com",
                                   "https://generativelanguage.googleapis.com"};

static const char *const types[] = {NULL,
                                    "",
                                    "application/json",
                                    "text/event-stream",
                                    "application/vnd.amazon.eventstream",
                                    "application/x-ndjson"};

static const struct llmobs_text bodies[] = {
    {NULL, 0}, {"", 0}, {"{", 1}, {"{}", 2}, {"data:", 5}};

static void read_one(const struct llmobs_match *match,
                     const struct llmobs_call *call)
{
    UNIT_ENDS(llmobs_span) span;
    int rc;

    ck_assert_int_eq(llmobs_span_init(&span), 0);
    rc = llmobs_rules_read(match, call, &span);
    ck_assert(rc == 0 || rc == -ENOENT);
}

/* Each body as answer, beside requests that `turn` changes: all pairs come, as
 * the places and types turn. A tail is there where a body is cut, and may be as
 * empty. */
static void read_bodies(const struct llmobs_match *match,
                        struct llmobs_call *call, size_t turn)
{
    enum { BODIES = sizeof(bodies) / sizeof(bodies[0]) };

    for (size_t k = 0; k < BODIES; k++) {
        size_t i = (k + turn) % BODIES;

        call->request = bodies[i];
        call->response = call->response_tail = bodies[k];
        call->response_truncated = call->request_truncated = k == i;
        read_one(match, call);
    }
}

static void read_shape(const struct llmobs_dialect *dialect,
                       const struct llmobs_shape *shape, const char *flags)
{
    struct llmobs_recalls *recalls = NULL;
    struct llmobs_match match;
    char note[512];

    snprintf(note, sizeof(note), "%s\t%s%s%s\t%d\t%s\t\t", dialect->name,
             strcmp(shape->method, "POST") == 0 ? "" : shape->method,
             strcmp(shape->method, "POST") == 0 ? "" : " ", shape->path,
             shape->kind, flags);
    ck_assert_int_eq(
        llmobs_rules_recall(&recalls, llmobs_text_of(NULL),
                            (struct llmobs_text){note, strlen(note)}, &match),
        0);
    for (size_t u = 0; u < sizeof(urls) / sizeof(urls[0]); u++) {
        for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
            struct llmobs_header type = {"content-type", (char *)types[t]};
            struct llmobs_call call = {.method = "",
                                       .url = urls[u],
                                       .response_headers = &type,
                                       .response_header_count = types[t] != 0,
                                       .status = t % 2 ? 200 : 500,
                                       .transport_ok = true};

            read_bodies(&match, &call, u + t);
        }
    }
    llmobs_recalls_free(recalls);
}

static void read_dialect(const struct llmobs_dialect *dialect)
{
    LLMOBS_SHAPES_EACH (s, dialect) {
        read_shape(dialect, s, "");
        read_shape(dialect, s, "c");
        read_shape(dialect, s, "p");
    }
}

TEST(nothing_is_read_of_nothing)
{
    for (size_t i = 0; llmobs_dialects[i]; i++)
        read_dialect(llmobs_dialects[i]);
    for (size_t i = 0; llmobs_observed[i]; i++)
        read_dialect(llmobs_observed[i]);
    read_dialect(&llmobs_dialect_generic);
}
