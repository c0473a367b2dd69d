#include "core/export/resource.h"

#include <errno.h>
#include <string.h>

#include "lib/base/fork.h"
#include "lib/base/machine.h"
#include "lib/base/program.h"
#include "core/config/config.h"
#include "core/config/otel_list.h"
#include "core/event/facts.h"
#include "core/export/fields.h"
#include "llmobs.h"

#define LIBRARY "llmobs-preload"
#define LANGUAGE "c"
#define NAME_MAX_LEN 1024

#define TEXT(literal) ((struct llmobs_text){literal, sizeof(literal) - 1})

/* -- the origin ------------------------------------------------------------ */

/* The value of "key:value"; an empty text where the tag has another key. */
static struct llmobs_text tag_value(const char *tag, const char *key)
{
    size_t len = strlen(key);

    if (!tag || strncmp(tag, key, len) != 0 || tag[len] != ':')
        return (struct llmobs_text){NULL, 0};
    return llmobs_text_of(tag + len + 1);
}

static void read_tags(const struct llmobs_json *tags,
                      struct llmobs_otlp_origin *origin)
{
    static const struct {
        enum llmobs_origin_part part;
        const char *key;
    } known[] = {
        {LLMOBS_ORIGIN_DD_SERVICE, "service"},
        {LLMOBS_ORIGIN_ENV, "env"},
        {LLMOBS_ORIGIN_VERSION, "version"},
        {LLMOBS_ORIGIN_ML_APP, "ml_app"},
    };

    for (size_t i = 0; i < llmobs_json_len(tags); i++) {
        const char *tag = llmobs_json_text(llmobs_json_at(tags, i));

        for (size_t k = 0; k < sizeof(known) / sizeof(*known); k++) {
            struct llmobs_text value = tag_value(tag, known[k].key);

            if (value.len)
                origin->parts[known[k].part] = value;
        }
    }
}

/* In an evaluation the facts have what a span has in its tags. */
static void read_fact(const struct llmobs_json *facts, const char *key,
                      enum llmobs_origin_part part,
                      struct llmobs_otlp_origin *origin)
{
    const char *text = llmobs_json_gets(facts, key);

    if (text && *text)
        origin->parts[part] = llmobs_text_of(text);
}

void llmobs_otlp_origin_read(const struct llmobs_json *event,
                             struct llmobs_otlp_origin *origin)
{
    const struct llmobs_json *facts = llmobs_json_get(event, LLMOBS_FACTS_KEY);

    memset(origin, 0, sizeof(*origin));
    read_tags(llmobs_json_get(event, "tags"), origin);
    read_fact(facts, "dd_service", LLMOBS_ORIGIN_DD_SERVICE, origin);
    read_fact(facts, "env", LLMOBS_ORIGIN_ENV, origin);
    read_fact(facts, "version", LLMOBS_ORIGIN_VERSION, origin);
    read_fact(facts, "service", LLMOBS_ORIGIN_SERVICE, origin);
    read_fact(facts, "resource", LLMOBS_ORIGIN_RESOURCE, origin);
    read_fact(facts, "executable", LLMOBS_ORIGIN_EXECUTABLE, origin);
    read_fact(facts, "hostname", LLMOBS_ORIGIN_HOST, origin);
    origin->pid = llmobs_json_to_int(llmobs_json_get(facts, "pid"));
    origin->unnamed = llmobs_json_to_int(llmobs_json_get(facts, "flags")) &
                      LLMOBS_FLAG_APP_FOUND;
}

void llmobs_otlp_origin_own(const struct llmobs_config *config,
                            struct llmobs_otlp_origin *origin)
{
    *origin = (struct llmobs_otlp_origin){
        .parts =
            {
                [LLMOBS_ORIGIN_SERVICE] = llmobs_text_of(config->otlp.service),
                [LLMOBS_ORIGIN_RESOURCE] =
                    llmobs_text_of(config->otlp.resource),
                [LLMOBS_ORIGIN_DD_SERVICE] = llmobs_text_of(config->service),
                [LLMOBS_ORIGIN_ENV] = llmobs_text_of(config->env),
                [LLMOBS_ORIGIN_VERSION] = llmobs_text_of(config->version),
                [LLMOBS_ORIGIN_ML_APP] = llmobs_text_of(config->ml_app),
                [LLMOBS_ORIGIN_EXECUTABLE] =
                    llmobs_text_of(llmobs_program_name()),
                [LLMOBS_ORIGIN_HOST] = llmobs_text_of(llmobs_machine_name()),
            },
        .pid = llmobs_fork_pid(),
        .unnamed = config->app != LLMOBS_APP_NAMED,
    };
}

static bool is_same(struct llmobs_text a, struct llmobs_text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool llmobs_otlp_origin_equal(const struct llmobs_otlp_origin *a,
                              const struct llmobs_otlp_origin *b)
{
    for (size_t i = 0; i < LLMOBS_ORIGIN_PARTS; i++)
        if (!is_same(a->parts[i], b->parts[i]))
            return false;
    return a->pid == b->pid && a->unnamed == b->unnamed;
}

/* -- the user's attributes ------------------------------------------------- */

/* The resource that is being written. */
struct resource {
    const struct llmobs_otlp_origin *origin;
    struct llmobs_json *given; /* OTEL_RESOURCE_ATTRIBUTES: texts by key */
    struct llmobs_otlp_attributes attributes;
};

/* Takes a member of the list; of several members with a key the last counts. */
static int take_given(struct llmobs_json *given, struct llmobs_text key,
                      struct llmobs_text value)
{
    struct llmobs_buf name, plain;
    int rc;

    llmobs_buf_init(&name, key.len);
    llmobs_buf_init(&plain, value.len);
    rc = llmobs_otel_list_decode(key, true, &name);
    if (rc == 0)
        rc = llmobs_otel_list_decode(value, true, &plain);
    if (rc == 0 && name.len)
        rc = llmobs_json_set(given, name.data,
                             llmobs_json_stringn(plain.data, plain.len));
    llmobs_buf_fini(&name);
    llmobs_buf_fini(&plain);
    return rc == -ENOMEM ? rc : 0;
}

/* The configuration has checked the list, and discards a wrong list. */
static void read_given(struct resource *r)
{
    struct llmobs_text rest = r->origin->parts[LLMOBS_ORIGIN_RESOURCE];
    struct llmobs_text key, value;
    int rc;

    r->given = llmobs_json_object();
    rc = r->given ? 0 : -ENOMEM;
    while (rc == 0 && llmobs_otel_list_next(&rest, &key, &value) > 0)
        rc = take_given(r->given, key, value);
    llmobs_otlp_fail(r->attributes.writer, rc);
}

static struct llmobs_text given_text(const struct resource *r, const char *key)
{
    return llmobs_text_of(llmobs_json_gets(r->given, key));
}

/* True for attributes that stand elsewhere, or that the library itself sets. */
static bool is_reserved(const char *key)
{
    return strcmp(key, "service.name") == 0 ||
           strncmp(key, "telemetry.sdk.", 14) == 0;
}

static void put_given(struct resource *r)
{
    for (void *it = llmobs_json_iter(r->given); it;
         it = llmobs_json_next(r->given, it)) {
        const char *key = llmobs_json_iter_key(it);

        if (!is_reserved(key))
            llmobs_otlp_attr_text(&r->attributes, key, given_text(r, key));
    }
}

/* -- the resource ---------------------------------------------------------- */

/* Writes an attribute that is known, unless the user gives it. */
static void put(struct resource *r, const char *key, struct llmobs_text value)
{
    if (value.len && !llmobs_json_get(r->given, key))
        llmobs_otlp_attr_text(&r->attributes, key, value);
}

static bool is_unnamed(const struct llmobs_text *parts)
{
    return is_same(parts[LLMOBS_ORIGIN_ML_APP], TEXT(LLMOBS_ML_APP_UNNAMED));
}

/* "unknown_service", with the name that was found for the application, else the
 * executable's, if known. */
static void put_unknown_service(struct resource *r)
{
    const struct llmobs_text *parts = r->origin->parts;
    struct llmobs_text found = parts[LLMOBS_ORIGIN_EXECUTABLE];
    struct llmobs_buf name;

    if (r->origin->unnamed && !is_unnamed(parts))
        found = parts[LLMOBS_ORIGIN_ML_APP];
    llmobs_buf_init(&name, NAME_MAX_LEN);
    if (llmobs_buf_adds(&name, "unknown_service") == 0 && found.len &&
        llmobs_buf_adds(&name, ":") == 0)
        (void)llmobs_buf_add(&name, found.data, found.len);
    llmobs_otlp_attr_text(&r->attributes, "service.name",
                          (struct llmobs_text){name.data, name.len});
    llmobs_buf_fini(&name);
}

/* Writes the first of the names that is known. */
static void put_service(struct resource *r)
{
    const struct llmobs_text *parts = r->origin->parts;
    struct llmobs_text name = parts[LLMOBS_ORIGIN_SERVICE];

    if (!name.len)
        name = given_text(r, "service.name");
    if (!name.len)
        name = parts[LLMOBS_ORIGIN_DD_SERVICE];
    if (!name.len && !r->origin->unnamed && !is_unnamed(parts))
        name = parts[LLMOBS_ORIGIN_ML_APP];
    if (name.len)
        llmobs_otlp_attr_text(&r->attributes, "service.name", name);
    else
        put_unknown_service(r);
}

static void put_process(struct resource *r)
{
    put(r, "host.name", r->origin->parts[LLMOBS_ORIGIN_HOST]);
    put(r, "process.executable.name",
        r->origin->parts[LLMOBS_ORIGIN_EXECUTABLE]);
    if (r->origin->pid > 0 && !llmobs_json_get(r->given, "process.pid"))
        llmobs_otlp_attr_int(&r->attributes, "process.pid", r->origin->pid);
}

void llmobs_otlp_resource(struct llmobs_otlp_writer *w,
                          const struct llmobs_otlp_origin *origin,
                          struct llmobs_text instance)
{
    struct resource r = {
        .origin = origin,
        .attributes = {.writer = w, .list = OTLP_RESOURCE_ATTRIBUTES},
    };

    read_given(&r);
    llmobs_otlp_message(w, OTLP_RESOURCE);
    llmobs_otlp_list(w, OTLP_RESOURCE_ATTRIBUTES);
    put_service(&r);
    put(&r, "service.version", origin->parts[LLMOBS_ORIGIN_VERSION]);
    put(&r, "deployment.environment.name", origin->parts[LLMOBS_ORIGIN_ENV]);
    put(&r, "service.instance.id", instance);
    llmobs_otlp_attr_text(&r.attributes, "telemetry.sdk.name", TEXT(LIBRARY));
    llmobs_otlp_attr_text(&r.attributes, "telemetry.sdk.language",
                          TEXT(LANGUAGE));
    llmobs_otlp_attr_text(&r.attributes, "telemetry.sdk.version",
                          TEXT(LLMOBS_VERSION));
    put_process(&r);
    put_given(&r);
    llmobs_otlp_close_list(w);
    llmobs_otlp_close(w);
    llmobs_json_free(r.given);
}

/* -- the scope ------------------------------------------------------------- */

/* The scope is this library. */
static void put_scope(struct llmobs_otlp_writer *w)
{
    llmobs_otlp_message(w, OTLP_SCOPE);
    llmobs_otlp_string(w, OTLP_SCOPE_NAME, TEXT(LIBRARY));
    llmobs_otlp_string(w, OTLP_SCOPE_VERSION, TEXT(LLMOBS_VERSION));
    llmobs_otlp_close(w);
}

struct llmobs_text llmobs_otlp_schema_url(enum llmobs_semconv semconv)
{
    return semconv == LLMOBS_SEMCONV_LATEST
               ? TEXT("https://opentelemetry.io/schemas/gen-ai/1.42.0")
               : TEXT("https://opentelemetry.io/schemas/1.41.0");
}

/* -- around the records ---------------------------------------------------- */

void llmobs_otlp_open_records(struct llmobs_otlp_writer *w,
                              const struct llmobs_otlp_lists *lists,
                              const struct llmobs_otlp_origin *origin,
                              struct llmobs_text instance)
{
    llmobs_otlp_item(w, lists->resources);
    llmobs_otlp_resource(w, origin, instance);
    llmobs_otlp_list(w, lists->scopes);
    llmobs_otlp_item(w, lists->scopes);
    put_scope(w);
    llmobs_otlp_list(w, lists->records);
}

void llmobs_otlp_close_records(struct llmobs_otlp_writer *w,
                               enum llmobs_semconv semconv)
{
    llmobs_otlp_close_list(w);
    llmobs_otlp_string(w, OTLP_SCHEMA_URL, llmobs_otlp_schema_url(semconv));
    llmobs_otlp_close(w);
    llmobs_otlp_close_list(w);
    llmobs_otlp_close(w);
}
