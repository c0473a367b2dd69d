/* Writes an exchange for `llmobs-run --record`. */
#include "core/event/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/dirs.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/base/listing.h"
#include "lib/base/log.h"
#include "lib/span/secrets.h"
#include "lib/text/indent.h"
#include "lib/text/inflate.h"
#include "lib/text/json.h"
#include "lib/text/json_clean.h"

#define NAME_MAX_BYTES 40
/* How many names are tried: a process that was killed may have left a directory
 * under each. */
#define TRIES 1000

#define HEAD_MAX ((size_t)1024 * 1024)
/* libcurl's number, whose header this file does not include: the program asked
 * libcurl to fail where the status is 400 or more. */
#define CODE_HTTP_RETURNED_ERROR 22

enum form { BINARY, TEXT, JSON, LINES, EVENTS };

/* One of the two bodies of an exchange. */
struct side {
    struct llmobs_body *body;
    const struct llmobs_headers *headers;
    const char *const *files; /* by form */
    bool lays_out;            /* JSON is written with a member on each line */
    bool may_be_frames;       /* it may be frames of an event stream */
    struct llmobs_buf *out;
    const char *file; /* NULL: the side has no body */
    const char *cut;  /* why the body is not complete, or NULL */
    bool decoded;     /* the body is not as it came */
};

static const char *header_of(const struct llmobs_headers *headers,
                             const char *name)
{
    return llmobs_header_find(headers->list, headers->count, name);
}

/* -- a body --------------------------------------------------------------- */

static bool has_word(const char *type, const char *word)
{
    return type && strcasestr(type, word);
}

/* True for frames of an event stream. Their payloads were masked when the span
 * was made: masking the frames would break their checksums. */
static bool is_event_frames(const struct side *side, struct llmobs_text text)
{
    return side->may_be_frames && text.len > 0 && *text.data == '\0' &&
           has_word(header_of(side->headers, "content-type"),
                    "vnd.amazon.eventstream");
}

/* If the program names no type, libcurl calls the body a form. So the first
 * byte decides whether it is JSON. */
static enum form form_of(const char *type, struct llmobs_text text)
{
    struct llmobs_text inner = llmobs_text_trim(text);
    uint32_t point;
    size_t len;

    while (text.len > 0) {
        len = llmobs_utf8_decode(text, &point);
        if (len == 0 || point == 0)
            return BINARY;
        text.data += len;
        text.len -= len;
    }
    if (has_word(type, "event-stream"))
        return EVENTS;
    if (has_word(type, "ndjson") || has_word(type, "jsonl") ||
        has_word(type, "json-seq"))
        return LINES;
    if (has_word(type, "json") ||
        (inner.len > 0 && (*inner.data == '{' || *inner.data == '[')))
        return JSON;
    return TEXT;
}

/* Copies the body without its content coding. Leaves out bytes that cannot be
 * masked: bytes that are still compressed, and frames within a coding. */
static int copy_body(struct side *side)
{
    const char *coding = header_of(side->headers, "content-encoding");
    struct llmobs_text text = llmobs_body_head(side->body);
    struct llmobs_body plain;
    bool cut = false;
    int rc;

    if (!llmobs_inflate_is_coded(text, coding))
        return llmobs_buf_add(side->out, text.data, text.len);
    llmobs_body_init(&plain, LLMOBS_RECORDING_MAX);
    plain.free = true;
    rc = llmobs_inflate_body(text, coding, LLMOBS_RECORDING_MAX, &plain, &cut);
    text = llmobs_body_head(&plain);
    side->decoded = true;
    if (rc == -ENOTSUP || rc == -EBADMSG || cut ||
        is_event_frames(side, text)) {
        side->cut = "its content coding cannot be undone";
        rc = 0;
    } else if (!rc) {
        rc = llmobs_buf_add(side->out, text.data, text.len);
    }
    llmobs_body_fini(&plain);
    return rc;
}

static int read_side(struct side *side)
{
    struct llmobs_text text;
    enum form form;
    int rc;
    struct llmobs_buf out;
    struct llmobs_buf *body;

    if (side->body->truncated || side->body->lost)
        side->cut = "it was too long to be kept whole";
    if (side->body->total == 0 || side->cut)
        return 0;
    rc = copy_body(side);
    if (rc || side->out->len == 0)
        return rc;
    text = (struct llmobs_text){side->out->data, side->out->len};
    if (!is_event_frames(side, text))
        llmobs_secrets_mask(side->out->data, side->out->len);
    form = form_of(header_of(side->headers, "content-type"), text);
    side->file = side->files[form];
    if (form != JSON || !side->lays_out)
        return 0;
    /* Indents JSON; a body that is not JSON stays as it is. */
    body = side->out;
    llmobs_buf_init(&out, LLMOBS_RECORDING_MAX);
    rc = llmobs_indent(llmobs_buf_text(body), 0, &out);
    if (rc) {
        llmobs_buf_fini(&out);
        return rc == -EINVAL || rc == -EFBIG ? 0 : rc;
    }
    llmobs_buf_fini(body);
    *body = out;
    return 0;
}

/* -- the head ------------------------------------------------------------- */

static int64_t ms_of(int64_t ns)
{
    return ns > 0 ? (ns + LLMOBS_NS_PER_MS / 2) / LLMOBS_NS_PER_MS : 0;
}

/* Each item is a list of two numbers: how many bytes had come, and after how
 * many milliseconds. */
static struct llmobs_json *chunks_of(const struct llmobs_exchange *exchange)
{
    struct llmobs_json *list = llmobs_json_array();

    for (size_t i = 0; i < exchange->mark_count; i++) {
        const struct llmobs_mark *mark = &exchange->marks[i];
        int64_t ms = ms_of(mark->at_ns - exchange->start_mono_ns);
        struct llmobs_json *pair;

        if (i + 1 < exchange->mark_count &&
            ms_of(mark[1].at_ns - exchange->start_mono_ns) == ms)
            continue;
        pair = llmobs_json_array();
        (void)llmobs_json_add(pair, llmobs_json_int((int64_t)mark->offset));
        (void)llmobs_json_add(pair, llmobs_json_int(ms));
        (void)llmobs_json_add(list, pair);
    }
    return list;
}

/* How libcurl ended a transfer that failed; NULL: it did not fail. */
static const char *fault_of(const struct llmobs_exchange *exchange)
{
    if (exchange->end == LLMOBS_END_REMOVED)
        return "aborted by the program";
    if (exchange->end != LLMOBS_END_DONE)
        return "the process ended";
    if (exchange->code == 0 || exchange->code == CODE_HTTP_RETURNED_ERROR)
        return NULL;
    return exchange->code_name ? exchange->code_name : "CURLE_UNKNOWN";
}

static int set_body(struct llmobs_json *object, const struct side *side)
{
    int rc = llmobs_json_sets(object, "content_type",
                              header_of(side->headers, "content-type"));

    if (!rc)
        rc = llmobs_json_sets(object, "body", side->file);
    return rc ? rc : llmobs_json_sets(object, "cut", side->cut);
}

static struct llmobs_json *request_of(const struct llmobs_exchange *exchange,
                                      const struct side *side)
{
    struct llmobs_json *object = llmobs_json_object();
    bool form = exchange->multipart;

    if (llmobs_json_sets(object, "method", exchange->method) ||
        llmobs_json_sets(object, "url", exchange->url ? exchange->url : "") ||
        (form && llmobs_json_set(object, "form", llmobs_json_bool(true))) ||
        set_body(object, side)) {
        llmobs_json_free(object);
        return NULL;
    }
    return object;
}

static struct llmobs_json *answer_of(const struct llmobs_exchange *exchange,
                                     const struct side *side)
{
    struct llmobs_json *object = llmobs_json_object();
    bool timed = exchange->mark_count > 0 && !side->decoded && !side->cut;

    if (llmobs_json_set(object, "status", llmobs_json_int(exchange->status)) ||
        set_body(object, side) ||
        llmobs_json_sets(object, "fault", fault_of(exchange)) ||
        llmobs_json_set(object, "ms",
                        llmobs_json_int(ms_of(exchange->duration_ns))) ||
        (timed && llmobs_json_set(object, "chunks", chunks_of(exchange)))) {
        llmobs_json_free(object);
        return NULL;
    }
    return object;
}

/* -- the whole ------------------------------------------------------------ */

/* Vectors of a search are removed before the bodies are read. */
static const char *lack_of(const struct llmobs_exchange *exchange)
{
    if (exchange->bare)
        return "its bodies were not to be on the disk";
    return llmobs_rules_has_vectors(&exchange->match)
               ? "the vectors of a search are not kept"
               : NULL;
}

int llmobs_recording_make(struct llmobs_exchange *exchange, const char *name,
                          struct llmobs_recording *recording)
{
    static const char *const requests[] = {"request.bin", "request.txt",
                                           "request.json", "request.ndjson",
                                           "request.sse"};
    static const char *const answers[] = {"answer.bin", "answer.txt",
                                          "answer.json", "answer.ndjson",
                                          "answer.sse"};
    struct side request = {.body = &exchange->request,
                           .headers = &exchange->request_headers,
                           .files = requests,
                           .lays_out = true,
                           .out = &recording->request,
                           .cut = lack_of(exchange)};
    struct side answer = {.body = &exchange->response,
                          .headers = &exchange->response_headers,
                          .files = answers,
                          .may_be_frames = true,
                          .out = &recording->answer,
                          .cut = lack_of(exchange)};
    int rc;

    memset(recording, 0, sizeof(*recording));
    llmobs_buf_init(&recording->head, HEAD_MAX);
    llmobs_buf_init(&recording->request, LLMOBS_RECORDING_MAX);
    llmobs_buf_init(&recording->answer, LLMOBS_RECORDING_MAX);
    rc = read_side(&request);
    /* Only the text fields of a form stay, and they are not compared. */
    if (exchange->multipart)
        request.cut = lack_of(exchange);
    if (!rc)
        rc = read_side(&answer);
    if (!rc) {
        struct llmobs_json *head = llmobs_json_object();
        struct llmobs_buf text;
        llmobs_buf_init(&text, HEAD_MAX);
        rc = llmobs_json_set(head, "format",
                             llmobs_json_int(LLMOBS_RECORDING_FORMAT));
        if (!rc)
            rc = llmobs_json_sets(head, "name", name);
        if (!rc)
            rc = llmobs_json_set(head, "request",
                                 request_of(exchange, &request));
        if (!rc)
            rc = llmobs_json_set(head, "answer", answer_of(exchange, &answer));
        if (!rc)
            rc = llmobs_json_dump(head, LLMOBS_JSON_KEEP_ORDER, &text);
        if (!rc)
            rc = llmobs_indent(llmobs_buf_text(&text), 0, &recording->head);
        llmobs_buf_fini(&text);
        llmobs_json_free(head);
    }
    recording->request_file = request.file;
    recording->answer_file = answer.file;
    return rc;
}

void llmobs_recording_fini(struct llmobs_recording *recording)
{
    llmobs_buf_fini(&recording->head);
    llmobs_buf_fini(&recording->request);
    llmobs_buf_fini(&recording->answer);
}

/* -- the directory --------------------------------------------------------- */

static int write_file(int dir, const char *name, const struct llmobs_buf *text)
{
    int fd, rc;

    if (!name)
        return 0;
    fd = llmobs_fd_open(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    rc = fchmod(fd, 0600) ? -errno
                          : llmobs_file_write(fd, text->data, text->len);
    if (close(fd) != 0 && !rc)
        rc = -errno;
    return rc;
}

/* The largest number in use: a look at the names saves most tries. */
static unsigned last_number(int base)
{
    struct llmobs_listing list;
    unsigned last = 0;
    const char *name;

    if (llmobs_listing_open_in(&list, base, "."))
        return 0;
    list.left = 2 * LLMOBS_RECORDER_MAX;
    while ((name = llmobs_listing_next(&list))) {
        char *end;
        unsigned long number = strtoul(name, &end, 10);

        if (name[0] >= '0' && name[0] <= '9' && !*end && number > last &&
            number <= LLMOBS_RECORDER_MAX)
            last = (unsigned)number;
    }
    llmobs_listing_close(&list);
    return last;
}

/* Gives the finished directory the next free number. If many were used since
 * the look, the next recording begins after them. */
static int claim_number(struct llmobs_recorder *recorder, int base,
                        const char *from)
{
    char name[NAME_MAX_BYTES];

    if (recorder->next == 0)
        recorder->next = last_number(base) + 1;
    for (int i = 0; i < TRIES && recorder->next <= LLMOBS_RECORDER_MAX;
         i++, recorder->next++) {
        snprintf(name, sizeof(name), "%04u", recorder->next);
        if (renameat(base, from, base, name) == 0) {
            recorder->next++;
            return 0;
        }
        /* ENOTDIR: a file has that name. */
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
            return -errno;
    }
    return -ENOSPC;
}

static int write_in(struct llmobs_recorder *recorder, int base,
                    const struct llmobs_recording *recording)
{
    char name[NAME_MAX_BYTES];
    int rc = -EEXIST, dir;

    for (int i = 0; i < TRIES && rc == -EEXIST; i++) {
        snprintf(name, sizeof(name), ".new-%ld-%u", (long)getpid(),
                 ++recorder->temporary);
        rc = llmobs_dirs_make(base, name);
    }

    if (rc)
        return rc;
    dir = llmobs_fd_open(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (dir < 0) {
        rc = -errno;
        (void)unlinkat(base, name, AT_REMOVEDIR);
        return rc;
    }
    rc = write_file(dir, recording->request_file, &recording->request);
    if (!rc)
        rc = write_file(dir, recording->answer_file, &recording->answer);
    if (!rc)
        rc = write_file(dir, LLMOBS_RECORDING_HEAD, &recording->head);
    if (!rc)
        rc = claim_number(recorder, base, name);
    if (rc) {
        if (recording->request_file)
            (void)unlinkat(dir, recording->request_file, 0);
        if (recording->answer_file)
            (void)unlinkat(dir, recording->answer_file, 0);
        (void)unlinkat(dir, LLMOBS_RECORDING_HEAD, 0);
        (void)unlinkat(base, name, AT_REMOVEDIR);
    }
    close(dir);
    return rc;
}

static int write_recording(struct llmobs_recorder *recorder, const char *path,
                           struct llmobs_exchange *exchange, const char *name)
{
    struct llmobs_recording recording;
    int rc = llmobs_recording_make(exchange, name, &recording), base;

    if (!rc)
        rc = llmobs_dirs_have(path, true, &base);
    if (!rc) {
        rc = write_in(recorder, base, &recording);
        close(base);
    }
    llmobs_recording_fini(&recording);
    return rc;
}

void llmobs_recorder_write(struct llmobs_recorder *recorder,
                           const struct llmobs_config *config,
                           struct llmobs_exchange *exchange, const char *name)
{
    int rc;

    if (!config->record_dir || exchange->recorded)
        return;
    if (llmobs_privacy_withholds(&config->privacy)) {
        llmobs_log_once(
            LLMOBS_LOG_ERROR, "record privacy",
            "LLMOBS_RECORD: nothing is recorded, as LLMOBS_CONTENT, "
            "LLMOBS_REDACT or the program takes content out of "
            "calls");
        return;
    }
    exchange->recorded = true;
    rc = write_recording(recorder, config->record_dir, exchange, name);
    if (rc)
        llmobs_log(LLMOBS_LOG_ERROR,
                   "LLMOBS_RECORD: %s: a call is not recorded: %s",
                   config->record_dir, strerror(-rc));
}
