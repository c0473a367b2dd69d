/* Writes and reads what identifies the writer of a spool file. */
#include "core/log/owner.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/fork.h"
#include "lib/base/machine.h"
#include "lib/base/process_id.h"
#include "lib/base/program.h"
#include "lib/base/scratch.h"
#include "lib/base/sha256.h"
#include "lib/span/account.h"
#include "lib/span/allowlist.h"
#include "lib/span/names.h"

#define TEXT_MAX ((size_t)1024 * 1024)
#define SECRET_LONG 24
#define SECRET_END 6

/* The fields. Their numbers are on the disk and never change. */
enum {
    TAG_ORIGIN = 1, /* struct llmobs_owner_origin */
    TAG_SERVICE,
    TAG_ENV,
    TAG_VERSION,
    TAG_GIT_URL,
    TAG_GIT_SHA,
    TAG_TAG, /* each of DD_TAGS */
    TAG_OTEL_SERVICE,
    TAG_OTEL_RESOURCE,
    TAG_EXECUTABLE,
    TAG_PID, /* int64_t */
    TAG_SCRIPT,
    TAG_UID, /* int64_t */
    TAG_MACHINE,
    TAG_RUN,
    TAG_PLACE,
    TAG_LANGUAGE,
    TAGS
};

_Static_assert(TAGS == LLMOBS_OWNER_TEXTS, "the texts by their tags");

/* The texts, and their places in a configuration. */
static const struct {
    uint32_t tag;
    size_t at;
} texts[] = {{TAG_SERVICE, offsetof(struct llmobs_config, service)},
             {TAG_ENV, offsetof(struct llmobs_config, env)},
             {TAG_VERSION, offsetof(struct llmobs_config, version)},
             {TAG_GIT_URL, offsetof(struct llmobs_config, git_url)},
             {TAG_GIT_SHA, offsetof(struct llmobs_config, git_sha)},
             {TAG_OTEL_SERVICE, offsetof(struct llmobs_config, otlp.service)},
             {TAG_OTEL_RESOURCE, offsetof(struct llmobs_config, otlp.resource)},
             {TAG_SCRIPT, offsetof(struct llmobs_config, script)},
             {TAG_RUN, offsetof(struct llmobs_config, run)},
             {TAG_LANGUAGE, offsetof(struct llmobs_config, language)},
             {TAG_EXECUTABLE, offsetof(struct llmobs_config, executable)},
             {TAG_MACHINE, offsetof(struct llmobs_config, machine)}};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

/* The functions that hash write into a buffer, which keeps the first error. */
static void hash_text(struct llmobs_buf *buf, const char *text)
{
    (void)llmobs_buf_add(buf, text ? text : "", text ? strlen(text) + 1 : 1);
}

/* Of a credential counts its length, and of a long one the end, as services
 * show it in their lists: that tells two of them apart, and nobody can try
 * guesses of the whole by the hash. In Basic the end is a password's. */
static void hash_secret(struct llmobs_buf *buf, const char *text)
{
    size_t len = strlen(text), end = len / 5;
    bool basic = strncasecmp(text, "Basic ", 6) == 0;

    if (len < (basic ? SECRET_LONG * 2 : SECRET_LONG))
        end = 0;
    if (end > SECRET_END)
        end = SECRET_END;
    (void)llmobs_buf_addf(buf, "%zu ", len);
    hash_text(buf, text + len - end);
}

static void hash_list(char *const *list, bool whole, struct llmobs_buf *buf)
{
    for (; list && *list && !buf->error; list++) {
        const char *value = strstr(*list, ": ");
        size_t name = value ? (size_t)(value - *list) : 0;

        if (whole || !value ||
            (strlen(value) < SECRET_LONG &&
             llmobs_names_judge(*list, name) == LLMOBS_NAMED_NOT)) {
            hash_text(buf, *list);
            continue;
        }
        (void)llmobs_buf_add(buf, *list, name);
        hash_secret(buf, value + 2);
    }
}

/* A URL may have a password, or a key among its parameters. */
static void hash_url(struct llmobs_buf *buf, const char *url, bool whole)
{
    if (whole || !url || !strpbrk(url, "@?")) {
        hash_text(buf, url);
        return;
    }
    (void)llmobs_allowlist_url(url, buf);
    hash_secret(buf, url);
}

/* `whole`: as builds before this rule made it, with each credential whole. Such
 * a hash serves to know their files, and is never written. */
static int find_hash(const struct llmobs_config *config, bool whole,
                     uint8_t out[LLMOBS_OWNER_HASH])
{
    static const enum llmobs_signal signals[] = {LLMOBS_SIGNAL_TRACES,
                                                 LLMOBS_SIGNAL_LOGS};
    const struct llmobs_otlp_config *otlp = &config->otlp;
    uint8_t hash[LLMOBS_SHA256_LEN];
    struct llmobs_buf buf;
    int rc;

    llmobs_buf_init(&buf, TEXT_MAX);
    /* Adds every setting that decides where events go, each with an end. A
     * header counts, too: it may name a tenant behind the same URL. For OTLP
     * also adds which texts it sends: if a process's user did not ask for
     * texts, a process whose user did must not send them. Sums never have other
     * processes' spans. */
    (void)llmobs_buf_addf(&buf, "%d", config->agentless);
    hash_text(&buf, config->exporter);
    hash_url(&buf, config->agent_url, whole);
    hash_text(&buf, config->site);
    if (whole || !config->api_key)
        hash_text(&buf, config->api_key);
    else
        hash_secret(&buf, config->api_key);
    if (config->hash_key) /* who lacks it leaves users out */
        hash_secret(&buf, config->hash_key);
    hash_url(&buf, config->override_origin, whole);
    hash_text(&buf, config->store_dir);
    hash_list(config->extra_headers, whole, &buf);
    /* Only a signal that may get the events of other processes counts. Spans go
     * there if the exporter says so, as an app's own telemetry settings are
     * nothing to other processes; log records go there beside every exporter.
     */
    for (size_t i = 0; config->exporter && i < 2; i++) {
        const struct llmobs_otlp_signal *one = &otlp->signals[signals[i]];

        if (!one->on ||
            (signals[i] != LLMOBS_SIGNAL_LOGS &&
             !strstr(config->exporter, "otlp") &&
             (strcmp(config->exporter, "auto") != 0 || !one->given)))
            continue;
        (void)llmobs_buf_addf(&buf, "%d %d%d%d ", (int)signals[i],
                              otlp->span_content, otlp->event_content,
                              otlp->event_details);
        hash_url(&buf, one->url, whole);
        hash_list(one->headers, whole, &buf);
    }
    rc = buf.error;
    if (!rc) {
        llmobs_sha256(buf.data, buf.len, hash);
        memcpy(out, hash, LLMOBS_OWNER_HASH);
    }
    if (buf.data)
        explicit_bzero(buf.data, buf.len);
    llmobs_buf_fini(&buf);
    return rc;
}

struct llmobs_owner *llmobs_owner_alloc(void)
{
    struct llmobs_owner *owner = calloc(1, sizeof(*owner));

    if (!owner)
        return NULL;
    llmobs_buf_init(&owner->lead, TEXT_MAX);
    return owner;
}

static int find_origin(struct llmobs_owner *owner,
                       const struct llmobs_config *config, uint64_t program)
{
    owner->origin.program = program;
    llmobs_process_namespace(&owner->origin.boot, &owner->origin.pidns);
    llmobs_account_set_boot(owner->origin.boot);
    return find_hash(config, false, owner->origin.hash);
}

/* Makes the beginning of a file and its OWNER entry. */
int llmobs_owner_fill(struct llmobs_owner *owner,
                      const struct llmobs_config *config, uint64_t program,
                      const struct llmobs_entry_key *key)
{
    struct llmobs_entry_writer *writer;
    struct llmobs_entry_file file;
    struct llmobs_buf place;
    const char *text;
    int64_t number;
    int rc = find_origin(owner, config, program);

    if (rc)
        return rc;
    writer = llmobs_scratch_alloc(sizeof(*writer));
    if (!writer)
        return -ENOMEM;
    llmobs_entry_begin(writer, LLMOBS_ENTRY_OWNER, 1);
    llmobs_entry_add(writer, TAG_ORIGIN, &owner->origin, sizeof(owner->origin));
    number = llmobs_fork_pid();
    llmobs_entry_add(writer, TAG_PID, &number, sizeof(number));
    number = llmobs_fork_uid();
    llmobs_entry_add(writer, TAG_UID, &number, sizeof(number));
    for (size_t i = 0; i < TEXTS; i++) {
        memcpy(&text, (const char *)config + texts[i].at, sizeof(text));
        if (texts[i].tag == TAG_EXECUTABLE)
            text = llmobs_program_name();
        else if (texts[i].tag == TAG_MACHINE)
            text = llmobs_machine_name();
        if (text)
            llmobs_entry_add(writer, texts[i].tag, text, strlen(text));
    }
    for (size_t i = 0; i < LLMOBS_OWNER_TAGS && config->tags && config->tags[i];
         i++)
        llmobs_entry_add(writer, TAG_TAG, config->tags[i],
                         strlen(config->tags[i]));
    llmobs_buf_init(&place, LLMOBS_OWNER_PLACE - 1);
    if (llmobs_config_place(config, &place) == 0 && place.len > 0)
        llmobs_entry_add(writer, TAG_PLACE, place.data, place.len);
    number = llmobs_entry_end(writer, key);
    llmobs_entry_file(&file, key);
    llmobs_buf_cut(&owner->lead, 0);
    rc = number < 0 ? (int)number
                    : llmobs_buf_add(&owner->lead, &file, sizeof(file));
    for (int i = 0; i < writer->pieces && !rc; i++)
        rc = llmobs_buf_add(&owner->lead, writer->iov[i].iov_base,
                            writer->iov[i].iov_len);
    llmobs_buf_fini(&place);
    llmobs_entry_free(writer);
    return rc;
}

struct llmobs_owner *llmobs_owner_new(const struct llmobs_config *config)
{
    struct llmobs_owner *owner = llmobs_owner_alloc();

    if (!owner || (find_origin(owner, config, 0) == 0 &&
                   find_hash(config, true, owner->whole) == 0))
        return owner;
    llmobs_owner_free(owner);
    return NULL;
}

int llmobs_owner_read(const struct llmobs_entry *entry,
                      struct llmobs_owner **out)
{
    struct llmobs_owner *owner = calloc(1, sizeof(*owner));
    struct llmobs_text value;
    size_t at = 0;
    uint32_t tag;
    int rc = owner ? 0 : -ENOMEM;

    *out = NULL;
    if (owner)
        owner->uid = -1;
    while (!rc && llmobs_entry_field(entry, &at, &tag, &value)) {
        if (tag == TAG_ORIGIN && value.len == sizeof(owner->origin))
            memcpy(&owner->origin, value.data, value.len);
        else if (tag == TAG_PID && value.len == sizeof(owner->pid))
            memcpy(&owner->pid, value.data, value.len);
        else if (tag == TAG_UID && value.len == sizeof(owner->uid))
            memcpy(&owner->uid, value.data, value.len);
        else if (tag == TAG_TAG && owner->tag_count < LLMOBS_OWNER_TAGS)
            rc = llmobs_entry_copy(&owner->tags[owner->tag_count++], value);
        else if (tag >= TAG_SERVICE && tag < TAGS && tag != TAG_PID &&
                 tag != TAG_UID)
            rc = llmobs_entry_copy(&owner->texts[tag], value);
    }
    if (rc)
        llmobs_owner_free(owner);
    else
        *out = owner;
    return rc;
}

void llmobs_owner_free(struct llmobs_owner *owner)
{
    if (!owner)
        return;
    for (size_t i = 0; i < TAGS; i++)
        free(owner->texts[i]);
    for (size_t i = 0; i < owner->tag_count; i++)
        free(owner->tags[i]);
    llmobs_buf_fini(&owner->lead);
    free(owner);
}

bool llmobs_owner_same_destinations(const struct llmobs_owner *owner,
                                    const struct llmobs_owner *other)
{
    return memcmp(owner->origin.hash, other->origin.hash, LLMOBS_OWNER_HASH) ==
               0 ||
           memcmp(owner->origin.hash, other->whole, LLMOBS_OWNER_HASH) == 0;
}

const char *llmobs_owner_place(const struct llmobs_owner *owner)
{
    return owner->texts[TAG_PLACE] ? owner->texts[TAG_PLACE] : "";
}

void llmobs_owner_config(const struct llmobs_owner *owner,
                         const struct llmobs_config *base,
                         struct llmobs_config *out)
{
    *out = *base;
    for (size_t i = 0; i < TEXTS; i++)
        memcpy((char *)out + texts[i].at, &owner->texts[texts[i].tag],
               sizeof(owner->texts[0]));
    out->tags = (char **)(uintptr_t)owner->tags;
    out->pid = owner->pid;
    out->uid = owner->uid;
}
