/* Reads, as spans, the calls that wait in the spool for their delivery. */
#include "cli/log/waiting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/query/texts.h"
#include "cli/shared/apart.h"
#include "cli/shared/guard.h"
#include "cli/shared/options.h"
#include "core/event/encode.h"
#include "core/event/exchange.h"
#include "core/event/tags.h"
#include "core/event/to_span.h"
#include "core/log/adopt.h"
#include "lib/base/file.h"
#include "lib/span/content_filter.h"

#define READ_MS 10000
#define BYTES ((size_t)256 << 20)
#define DIGITS 24
/* The keys of an event are in their order, so that its own id, of all that it
 * names, stands before its start, and its tags stand behind that. */
#define ID "\"span_id\": \""
#define NEXT "\", \"start_ns\": "
#define TAGS "\"tags\": ["

/* -- in the child ---------------------------------------------------------- */

/* Writes the event as a delivery would make it. */
static int send_event(void *ctx, const struct llmobs_adopted *one)
{
    struct llmobs_exchange *exchange = (struct llmobs_exchange *)one->item;
    const struct llmobs_privacy *privacy = &one->config->privacy;
    struct llmobs_text text;
    struct llmobs_span span;
    struct llmobs_buf out;
    int rc = -1;

    llmobs_buf_init(&out, LLMOBS_READER_LINE_MAX);
    if (one->item->type == LLMOBS_ITEM_EVENT) {
        text = llmobs_event_item_text(one->item);
        rc = llmobs_privacy_applies(privacy)
                 ? llmobs_content_filter_json(privacy, text, &out)
                 : llmobs_buf_add(&out, text.data, text.len);
    } else if (llmobs_exchange_to_span(exchange, &span) == 0) {
        llmobs_tags_add_requested(&span, exchange->tags, one->config);
        rc = llmobs_encode_call(&span, one->config, &out);
        llmobs_span_fini(&span);
    }
    /* An event that cannot be made is passed over, as in a delivery. */
    rc = rc == 0 && llmobs_buf_addc(&out, '\n') == 0
             ? llmobs_file_write(*(const int *)ctx, out.data, out.len)
             : 0;
    llmobs_buf_fini(&out);
    return rc;
}

static int read_spool(void *ctx, int entered, int fd)
{
    struct llmobs_live_namespaces living;
    struct llmobs_adopt *adopt;

    (void)entered;
    llmobs_guard_begin();
    (void)llmobs_live_namespaces_read("/proc", &living);
    adopt = llmobs_adopt_new(ctx, LLMOBS_ADOPT_ANY, &living);
    return !adopt || llmobs_adopt_waiting(adopt, send_event, &fd) != 0;
}

/* -- those that the store lacks -------------------------------------------- */

/* The id of a line's span; "": it has none, as an evaluation. */
static struct llmobs_text id_of(struct llmobs_text line)
{
    const char *end = line.data + line.len, *at = line.data;

    while ((at = memmem(at, (size_t)(end - at), ID, strlen(ID)))) {
        size_t n = 0;

        at += strlen(ID);
        while (at + n < end && at[n] >= '0' && at[n] <= '9')
            n++;
        if (n < DIGITS && (size_t)(end - at) > n + strlen(NEXT) &&
            memcmp(at + n, NEXT, strlen(NEXT)) == 0)
            return (struct llmobs_text){at, n};
    }
    return (struct llmobs_text){"", 0};
}

struct search {
    struct llmobs_texts waiting, stored; /* ids; those of them in the store */
};

static void note(struct llmobs_texts *texts, struct llmobs_text id)
{
    char digits[DIGITS];

    snprintf(digits, sizeof(digits), "%.*s", (int)id.len, id.data);
    (void)llmobs_texts_share(texts, digits);
}

static int look(void *ctx, struct llmobs_text line, struct llmobs_place place)
{
    struct search *search = ctx;
    struct llmobs_text id = id_of(line);

    (void)place;
    if (id.len > 0 && llmobs_texts_has(&search->waiting, id.data, id.len))
        note(&search->stored, id);
    return 0;
}

/* Gives how many lines go to `out`. */
static int choose(struct llmobs_text text, struct llmobs_reader *store,
                  struct llmobs_buf *out)
{
    struct llmobs_text rest = text, line, id;
    struct search search = {0};
    int64_t since_ns = INT64_MAX, start_ns;
    int count = 0;

    while (llmobs_text_split(&rest, '\n', &line))
        if ((id = id_of(line)).len > 0) {
            start_ns = strtoll(id.data + id.len + strlen(NEXT), NULL, 10);
            since_ns = start_ns < since_ns ? start_ns : since_ns;
            note(&search.waiting, id);
        }
    if (store && search.waiting.count > 0)
        (void)llmobs_reader_walk(store, since_ns, NULL, look, &search);
    for (rest = text; llmobs_text_split(&rest, '\n', &line);) {
        const char *end = line.data + line.len, *tags;

        id = id_of(line);
        tags = memmem(id.data, id.len > 0 ? (size_t)(end - id.data) : 0, TAGS,
                      strlen(TAGS));
        if (!tags || llmobs_texts_has(&search.stored, id.data, id.len))
            continue;
        tags += strlen(TAGS);
        llmobs_buf_add(out, line.data, (size_t)(tags - line.data));
        llmobs_buf_adds(out, "\"" LLMOBS_READER_WAITING ":spool\"");
        llmobs_buf_adds(out, *tags == ']' ? "" : ", ");
        llmobs_buf_add(out, tags, (size_t)(end - tags));
        llmobs_buf_addc(out, '\n');
        count++;
    }
    llmobs_texts_fini(&search.waiting);
    llmobs_texts_fini(&search.stored);
    return count;
}

int llmobs_waiting_join(struct llmobs_config *config,
                        struct llmobs_reader **reader)
{
    struct llmobs_apart child;
    struct llmobs_buf text, out;
    int fd = -1, rc, count = 0;

    llmobs_cli_have_spool(config);
    llmobs_buf_init(&text, BYTES);
    llmobs_buf_init(&out, 2 * BYTES);
    if (llmobs_apart_start(&child, 0, NULL, config, read_spool, config) == 0) {
        rc = llmobs_apart_receive(&child, READ_MS, &text);
        (void)llmobs_apart_end(&child, rc != 0);
        /* A child that was ended may have been within a line. */
        while (text.len > 0 && text.data[text.len - 1] != '\n')
            llmobs_buf_cut(&text, text.len - 1);
        count = choose(llmobs_buf_text(&text), *reader, &out);
    }
    rc = out.error;
    if (count > 0 && rc == 0) {
        fd = (int)syscall(SYS_memfd_create, "llmobs", MFD_CLOEXEC);
        rc = fd < 0 ? -errno : llmobs_file_write(fd, out.data, out.len);
    }
    if (fd >= 0 && rc == 0 && !*reader)
        rc = llmobs_reader_open(NULL, reader);
    if (fd >= 0 && rc == 0)
        rc = llmobs_reader_join(*reader, fd);
    else if (fd >= 0)
        close(fd);
    llmobs_buf_fini(&text);
    llmobs_buf_fini(&out);
    return rc ? rc : count;
}
