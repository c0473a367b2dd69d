/* Loads a directory of recordings. */
#include "cli/run/cassette.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/shared/escape.h"
#include "cli/shared/tell.h"
#include "lib/base/file.h"
#include "lib/base/grow.h"
#include "lib/span/allowlist.h"
#include "lib/span/secrets.h"
#include "core/event/recording.h"

/* A host before a target, so that it is a URL. */
#define HOST "http://mock"

struct load {
    const char *dir;
    const char *command;
    int fd;       /* of the directory */
    size_t bytes; /* of files so far */
};

/* -- bodies and paths ------------------------------------------------------ */

void llmobs_cassette_read_body(struct llmobs_cassette_body *body,
                               struct llmobs_buf *bytes)
{
    body->text = *bytes;
    body->json = NULL;
    llmobs_buf_init(bytes, 0);
    if (body->text.len == 0)
        return;
    llmobs_secrets_mask(body->text.data, body->text.len);
    (void)llmobs_json_parse(
        (struct llmobs_text){body->text.data, body->text.len}, &body->json);
}

void llmobs_cassette_free_body(struct llmobs_cassette_body *body)
{
    llmobs_json_free(body->json);
    llmobs_buf_fini(&body->text);
    body->json = NULL;
}

char *llmobs_cassette_path(const char *url)
{
    char *whole = NULL, *kept, *path = NULL;
    const char *host;

    if (strstr(url, "://"))
        kept = llmobs_allowlist_url_copy(url);
    else if (asprintf(&whole, HOST "%s", url) < 0)
        return NULL;
    else
        kept = llmobs_allowlist_url_copy(whole);
    host = kept ? strstr(kept, "://") : NULL;
    if (host) {
        host = strchr(host + 3, '/');
        path = strdup(host ? host : "/");
    }
    free(whole);
    free(kept);
    return path;
}

/* -- one recording --------------------------------------------------------- */

static int wrong(const struct load *load, const char *name, const char *file,
                 const char *why)
{
    char room[LLMOBS_ESCAPE_NAME];

    llmobs_tell("%s: %s/%s/%s: %s\n", load->command,
                llmobs_escape_name(load->dir, room), name, file, why);
    return -EINVAL;
}

/* Anybody may have made the recording: no link may lead out of it, to a file of
 * this user that a client would get. */
static int read_file(struct load *load, const char *name, const char *file,
                     struct llmobs_buf *out)
{
    int rc, dir = openat(load->fd, name,
                         O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    llmobs_buf_init(out, LLMOBS_CASSETTE_BYTES - load->bytes);
    rc = dir < 0 ? -errno : llmobs_file_read_in(dir, file, out);
    if (dir >= 0)
        close(dir);
    if (rc == -ELOOP || (rc == -ENOTDIR && dir < 0))
        return wrong(load, name, file, "a link is not followed");
    if (rc == -EFBIG)
        return wrong(load, name, file, "too long");
    if (rc != 0)
        return wrong(load, name, file, strerror(-rc));
    load->bytes += out->len;
    return 0;
}

static int read_body(struct load *load, const char *name,
                     const struct llmobs_json *side, struct llmobs_buf *out)
{
    const char *file = llmobs_json_gets(side, "body");

    llmobs_buf_init(out, 0);
    return !file ? 0 : read_file(load, name, file, out);
}

/* Chunks that do not grow, as after an edit, are passed over. */
static int read_chunks(struct llmobs_cassette_item *item,
                       const struct llmobs_json *list)
{
    size_t count = llmobs_json_len(list), end = 0;
    int64_t ms = 0;

    item->chunks = calloc(count + 1, sizeof(*item->chunks));
    if (!item->chunks)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct llmobs_json *pair = llmobs_json_at(list, i);
        int64_t to = llmobs_json_to_int(llmobs_json_at(pair, 0));
        int64_t at = llmobs_json_to_int(llmobs_json_at(pair, 1));

        if (to <= (int64_t)end || (uint64_t)to > item->answer.len)
            continue;
        end = (size_t)to;
        ms = at > ms ? at : ms;
        item->chunks[item->chunk_count++] =
            (struct llmobs_cassette_chunk){end, ms};
    }
    if (end < item->answer.len)
        item->chunks[item->chunk_count++] =
            (struct llmobs_cassette_chunk){item->answer.len, ms};
    return 0;
}

static int read_item(struct load *load, struct llmobs_cassette_item *item)
{
    const struct llmobs_json *side, *status;
    struct llmobs_buf bytes;
    const char *url;
    int64_t code;
    int rc = read_file(load, item->name, LLMOBS_RECORDING_HEAD, &bytes);

    if (rc == 0 &&
        (llmobs_json_parse(llmobs_buf_text(&bytes), &item->head) != 0 ||
         llmobs_json_to_int(llmobs_json_get(item->head, "format")) !=
             LLMOBS_RECORDING_FORMAT))
        rc = wrong(load, item->name, LLMOBS_RECORDING_HEAD,
                   "no recording of this format");
    llmobs_buf_fini(&bytes);
    if (rc != 0)
        return rc;
    side = llmobs_json_get(item->head, "request");
    item->method = llmobs_json_gets(side, "method");
    url = llmobs_json_gets(side, "url");
    if (!item->method || !url)
        return wrong(load, item->name, LLMOBS_RECORDING_HEAD,
                     "no method or url of a request");
    item->form = llmobs_json_is_true(llmobs_json_get(side, "form"));
    item->cut = llmobs_json_gets(side, "cut");
    item->path = llmobs_cassette_path(url);
    rc = read_body(load, item->name, side, &bytes);
    llmobs_cassette_read_body(&item->request, &bytes);
    if (rc != 0 || !item->path)
        return rc != 0 ? rc : -ENOMEM;
    side = llmobs_json_get(item->head, "answer");
    status = llmobs_json_get(side, "status");
    code = llmobs_json_to_int(status);
    if (!llmobs_json_is_int(status) ||
        (code != 0 && (code < 200 || code > 999)))
        return wrong(load, item->name, LLMOBS_RECORDING_HEAD,
                     "no status of an answer");
    item->status = (int)code;
    item->type = llmobs_json_gets(side, "content_type");
    item->faulty = llmobs_json_gets(side, "fault") != NULL;
    if (!item->cut)
        item->cut = llmobs_json_gets(side, "cut");
    rc = read_body(load, item->name, side, &item->answer);
    return rc != 0 ? rc : read_chunks(item, llmobs_json_get(side, "chunks"));
}

/* -- the directory --------------------------------------------------------- */

/* The number that a name is; 0: not a number. */
static unsigned number_of(const char *name)
{
    char *end;
    unsigned long number = strtoul(name, &end, 10);

    return *name >= '0' && *name <= '9' && *end == '\0' &&
                   strlen(name) < LLMOBS_CASSETTE_NAME
               ? (unsigned)number
               : 0;
}

static int by_number(const void *a, const void *b)
{
    const struct llmobs_cassette_item *one = a, *two = b;

    return (one->number > two->number) - (one->number < two->number);
}

int llmobs_cassette_load(struct llmobs_cassette *cassette, const char *dir,
                         const char *command)
{
    struct load load = {dir, command, -1, 0};
    char room[LLMOBS_ESCAPE_NAME];
    const struct dirent *entry;
    DIR *all = opendir(dir);
    int rc = all ? 0 : -errno;

    memset(cassette, 0, sizeof(*cassette));
    while (rc == 0 && (entry = readdir(all))) {
        unsigned number = number_of(entry->d_name);

        if (number == 0)
            continue;
        rc = cassette->count == LLMOBS_CASSETTE_MAX
                 ? -E2BIG
                 : llmobs_grow(&cassette->items, &cassette->cap,
                               cassette->count, sizeof(*cassette->items));
        if (rc != 0)
            break;
        cassette->items[cassette->count] =
            (struct llmobs_cassette_item){.number = number};
        strcpy(cassette->items[cassette->count++].name, entry->d_name);
    }
    if (all)
        closedir(all);
    if (cassette->count > 0)
        qsort(cassette->items, cassette->count, sizeof(*cassette->items),
              by_number);
    if (rc != 0)
        llmobs_tell("%s: %s: %s\n", command, llmobs_escape_name(dir, room),
                    strerror(-rc));
    else
        load.fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < cassette->count && rc == 0; i++)
        rc = read_item(&load, &cassette->items[i]);
    if (load.fd >= 0)
        close(load.fd);
    return rc;
}

void llmobs_cassette_free(struct llmobs_cassette *cassette)
{
    for (size_t i = 0; i < cassette->count; i++) {
        struct llmobs_cassette_item *item = &cassette->items[i];

        free(item->path);
        free(item->chunks);
        llmobs_cassette_free_body(&item->request);
        llmobs_buf_fini(&item->answer);
        llmobs_json_free(item->head);
    }
    free(cassette->items);
    memset(cassette, 0, sizeof(*cassette));
}
