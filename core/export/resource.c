/* Groups OTLP records by resource. */
#include "core/export/resource.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config.h"
#include "core/config/config_otlp.h"
#include "core/event/facts.h"
#include "core/export/fields.h"
#include "lib/base/fork.h"
#include "lib/base/machine.h"
#include "lib/base/program.h"
#include "llmobs.h"

#define LIBRARY "llmobs-preload"
#define LANGUAGE "c"
#define NAME_MAX_LEN 1024

#define TEXT(literal) ((struct llmobs_text){literal, sizeof(literal) - 1})

/* -- the origin ------------------------------------------------------------ */

/* In an evaluation the facts have what a span has in its tags. */
static void read_fact(const struct llmobs_json *facts, const char *key,
                      enum llmobs_origin_part part,
                      struct llmobs_otlp_origin *origin)
{
    const char *text = llmobs_json_gets(facts, key);

    if (text && *text)
        origin->parts[part] = llmobs_text_of(text);
}

/* The origin of an event: of a span, or of an evaluation. */
static void read_origin(const struct llmobs_json *event,
                        struct llmobs_otlp_origin *origin)
{
    static const struct {
        enum llmobs_origin_part part;
        const char *key;
    } known[] = {
        {LLMOBS_ORIGIN_DD_SERVICE, "service:"},
        {LLMOBS_ORIGIN_ENV, "env:"},
        {LLMOBS_ORIGIN_VERSION, "version:"},
        {LLMOBS_ORIGIN_ML_APP, "ml_app:"},
    };
    const struct llmobs_json *facts = llmobs_json_get(event, LLMOBS_FACTS_KEY);

    memset(origin, 0, sizeof(*origin));
    LLMOBS_JSON_EACH (tag, llmobs_json_get(event, "tags"), true)
        for (size_t k = 0; k < sizeof(known) / sizeof(*known); k++) {
            struct llmobs_text text = llmobs_text_of(llmobs_json_text(tag));
            size_t len = strlen(known[k].key);

            if (text.len > len && llmobs_text_begins(text, known[k].key))
                origin->parts[known[k].part] =
                    (struct llmobs_text){text.data + len, text.len - len};
        }
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

/* -- the user's attributes ------------------------------------------------- */

/* The resource that is being written. */
struct resource {
    const struct llmobs_otlp_origin *origin;
    struct llmobs_json *given; /* OTEL_RESOURCE_ATTRIBUTES: texts by key */
    struct llmobs_otlp_attributes attributes;
};

/* The configuration has checked the list, and discards a wrong list. Of several
 * members with a key the last counts. */
static void read_given(struct resource *r)
{
    struct llmobs_text rest = r->origin->parts[LLMOBS_ORIGIN_RESOURCE];
    struct llmobs_text key, value;
    struct llmobs_buf name, plain;
    int rc;

    r->given = llmobs_json_object();
    rc = r->given ? 0 : -ENOMEM;
    while (rc != -ENOMEM && llmobs_otel_list_next(&rest, &key, &value) > 0) {
        llmobs_buf_init(&name, key.len);
        llmobs_buf_init(&plain, value.len);
        rc = llmobs_otel_list_decode(key, true, &name);
        if (rc == 0)
            rc = llmobs_otel_list_decode(value, true, &plain);
        if (rc == 0 && name.len)
            rc = llmobs_json_set(r->given, name.data,
                                 llmobs_json_stringn(plain.data, plain.len));
        llmobs_buf_fini(&name);
        llmobs_buf_fini(&plain);
    }
    llmobs_otlp_fail(r->attributes.writer, rc == -ENOMEM ? rc : 0);
}

static struct llmobs_text given_text(const struct resource *r, const char *key)
{
    return llmobs_text_of(llmobs_json_gets(r->given, key));
}

/* -- the resource ---------------------------------------------------------- */

/* Writes an attribute that is known, unless the user gives it. */
static void put_known(struct resource *r, const char *key,
                      struct llmobs_text value)
{
    if (value.len && !llmobs_json_get(r->given, key))
        llmobs_otlp_attr_text(&r->attributes, key, value);
}

/* Writes the first of the names that is known, else "unknown_service", with the
 * name that was found for the application, or the executable's. */
static void put_service(struct resource *r)
{
    const struct llmobs_text *parts = r->origin->parts;
    struct llmobs_text name = parts[LLMOBS_ORIGIN_SERVICE];
    struct llmobs_text app = parts[LLMOBS_ORIGIN_ML_APP];
    bool has_app = !llmobs_text_is(app, LLMOBS_ML_APP_UNNAMED);
    struct llmobs_buf unknown;

    if (!name.len)
        name = given_text(r, "service.name");
    if (!name.len)
        name = parts[LLMOBS_ORIGIN_DD_SERVICE];
    if (!name.len && has_app && !r->origin->unnamed)
        name = app;
    if (name.len) {
        llmobs_otlp_attr_text(&r->attributes, "service.name", name);
        return;
    }
    if (!has_app || !r->origin->unnamed)
        app = parts[LLMOBS_ORIGIN_EXECUTABLE];
    llmobs_buf_init(&unknown, NAME_MAX_LEN);
    llmobs_buf_adds(&unknown, "unknown_service");
    if (app.len && llmobs_buf_adds(&unknown, ":") == 0)
        llmobs_buf_add(&unknown, app.data, app.len);
    llmobs_otlp_attr_text(&r->attributes, "service.name",
                          llmobs_buf_text(&unknown));
    llmobs_buf_fini(&unknown);
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
    put_known(&r, "service.version", origin->parts[LLMOBS_ORIGIN_VERSION]);
    put_known(&r, "deployment.environment.name",
              origin->parts[LLMOBS_ORIGIN_ENV]);
    put_known(&r, "service.instance.id", instance);
    llmobs_otlp_attr_text(&r.attributes, "telemetry.sdk.name", TEXT(LIBRARY));
    llmobs_otlp_attr_text(&r.attributes, "telemetry.sdk.language",
                          TEXT(LANGUAGE));
    llmobs_otlp_attr_text(&r.attributes, "telemetry.sdk.version",
                          TEXT(LLMOBS_VERSION));
    put_known(&r, "host.name", origin->parts[LLMOBS_ORIGIN_HOST]);
    put_known(&r, "process.executable.name",
              origin->parts[LLMOBS_ORIGIN_EXECUTABLE]);
    if (origin->pid > 0 && !llmobs_json_get(r.given, "process.pid"))
        llmobs_otlp_attr_int(&r.attributes, "process.pid", origin->pid);
    /* Leaves out attributes that stand elsewhere, or that the library itself
     * sets. */
    for (void *it = llmobs_json_iter(r.given); it;
         it = llmobs_json_next(r.given, it)) {
        const char *key = llmobs_json_iter_key(it);

        if (strcmp(key, "service.name") != 0 &&
            strncmp(key, "telemetry.sdk.", 14) != 0)
            llmobs_otlp_attr_text(&r.attributes, key, given_text(&r, key));
    }
    llmobs_otlp_close_list(w);
    llmobs_otlp_close(w);
    llmobs_json_free(r.given);
}

/* -- around the records ---------------------------------------------------- */

struct llmobs_text llmobs_otlp_schema_url(enum llmobs_semconv semconv)
{
    return semconv == LLMOBS_SEMCONV_LATEST
               ? TEXT("https://opentelemetry.io/schemas/gen-ai/1.42.0")
               : TEXT("https://opentelemetry.io/schemas/1.41.0");
}

/* The scope is this library. */
void llmobs_otlp_open_records(struct llmobs_otlp_writer *w,
                              const struct llmobs_otlp_lists *lists,
                              const struct llmobs_otlp_origin *origin,
                              struct llmobs_text instance)
{
    llmobs_otlp_item(w, lists->resources);
    llmobs_otlp_resource(w, origin, instance);
    llmobs_otlp_list(w, lists->scopes);
    llmobs_otlp_item(w, lists->scopes);
    llmobs_otlp_message(w, OTLP_SCOPE);
    llmobs_otlp_string(w, OTLP_SCOPE_NAME, TEXT(LIBRARY));
    llmobs_otlp_string(w, OTLP_SCOPE_VERSION, TEXT(LLMOBS_VERSION));
    llmobs_otlp_close(w);
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

/* -- a request of events --------------------------------------------------- */

struct entry {
    struct llmobs_json *event; /* NULL: written already */
    struct llmobs_otlp_origin origin;
};

static bool has_origin(const struct entry *entry,
                       const struct llmobs_otlp_origin *origin)
{
    const struct llmobs_otlp_origin *own = &entry->origin;

    for (size_t i = 0; i < LLMOBS_ORIGIN_PARTS; i++) {
        struct llmobs_text a = own->parts[i], b = origin->parts[i];

        if (a.len != b.len || (a.len && memcmp(a.data, b.data, a.len) != 0))
            return false;
    }
    return own->pid == origin->pid && own->unnamed == origin->unnamed;
}

/* Writes the events of the first event's origin, and frees them. */
static void write_group(const struct llmobs_otlp_batch *batch,
                        struct llmobs_otlp_writer *w, struct entry *entries,
                        size_t count)
{
    const struct llmobs_otlp_origin *origin = &entries[0].origin;
    struct llmobs_json *first = entries[0].event;

    llmobs_otlp_open_records(w, &batch->lists, origin,
                             (struct llmobs_text){NULL, 0});
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = &entries[i];

        if (!entry->event || !has_origin(entry, origin))
            continue;
        batch->write(batch, w, entry->event);
        if (entry->event != first)
            llmobs_json_free(entry->event);
        entry->event = NULL;
    }
    llmobs_otlp_close_records(w, batch->config->otlp.semconv);
    llmobs_json_free(first); /* `origin` borrows from it */
}

int llmobs_otlp_batch_write(const struct llmobs_otlp_batch *batch,
                            const struct llmobs_text *events, size_t count,
                            struct llmobs_buf *out, size_t *left_out)
{
    struct entry *entries = calloc(count ? count : 1, sizeof(*entries));
    struct llmobs_otlp_writer w;
    size_t read = 0;
    int rc = 0;

    *left_out = 0;
    if (!entries)
        return -ENOMEM;
    for (size_t i = 0; i < count && rc != -ENOMEM; i++) {
        struct entry *entry = &entries[read];

        rc = llmobs_json_parse(events[i], &entry->event);
        if (rc == 0 && batch->takes(batch, entry->event)) {
            read_origin(entry->event, &entry->origin);
            read++;
        } else if (rc != -ENOMEM) {
            llmobs_json_free(entry->event);
            entry->event = NULL;
        }
    }
    if (rc != -ENOMEM) {
        *left_out = count - read; /* they have no record */
        rc = read ? 0 : -EINVAL;
    }
    if (rc == 0) {
        llmobs_otlp_begin(&w, out,
                          batch->config->otlp.signals[batch->signal].json);
        llmobs_otlp_list(&w, batch->lists.resources);
        for (size_t i = 0; i < count; i++)
            if (entries[i].event)
                write_group(batch, &w, entries + i, count - i);
        llmobs_otlp_close_list(&w);
        rc = llmobs_otlp_end(&w);
    }
    for (size_t i = 0; i < count; i++)
        llmobs_json_free(entries[i].event);
    free(entries);
    return rc;
}
