/* Turns exchanges into events, and gives them to destinations. */
#include "core/deliver/delivery.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/commit.h"
#include "lib/base/crash_point.h"
#include "lib/base/log.h"
#include "lib/base/mix.h"
#include "lib/base/scratch.h"
#include "lib/base/work.h"
#include "core/event/encode.h"
#include "core/event/processor.h"
#include "core/event/exchange.h"
#include "core/event/tags.h"
#include "core/event/to_span.h"
#include "lib/span/content_filter.h"
#include "core/log/item_entry.h"
#include "core/log/spool_file.h"
#include "core/log/try.h"

#include "lib/text/json.h"

/* -- items --------------------------------------------------------------- */

size_t llmobs_delivery_weight(const struct llmobs_item *item)
{
    const struct llmobs_exchange *exchange;

    if (item->type == LLMOBS_ITEM_EVENT)
        return sizeof(struct llmobs_event_item) +
               llmobs_event_item_text(item).len;
    exchange = (const struct llmobs_exchange *)item;
    return sizeof(*exchange) +
           (exchange->caller ? strlen(exchange->caller) : 0) +
           (exchange->annotations ? strlen(exchange->annotations) : 0) +
           exchange->request.head.cap + exchange->request.tail_len +
           exchange->response.head.cap + exchange->response.tail_len +
           exchange->mark_cap * sizeof(*exchange->marks);
}

/* At most this many events are encoded ahead of a send. */
#define FILL_EVENTS 64
#define FILL_BYTES ((size_t)1024 * 1024)
#define SCRATCH_KEPT ((size_t)2 * 1024 * 1024)
#define EXPIRED_NS (INT64_C(24) * 3600 * 1000000000)
/* A smaller spool has no room for the file of remembered spans. */
#define LINKS_SPOOL ((int64_t)4 * LLMOBS_LINK_FILE_SIZE)
/* The time between two looks for spools of processes that have ended. */
#define ADOPT_EVERY_MS 30000

bool llmobs_delivery_is_over(const struct llmobs_delivery *delivery)
{
    return delivery->account.bytes >= (size_t)delivery->config->buffer_max;
}

/* True where this kind of run may send to the destination at all. */
static bool serves(const struct llmobs_destination *d, enum llmobs_run how)
{
    return how != LLMOBS_RUN_INLINE || !atomic_load(&d->exporter->remote);
}

bool llmobs_delivery_is_due(const struct llmobs_delivery *delivery,
                            const struct llmobs_destination *d,
                            enum llmobs_run how)
{
    if (!d->count || !serves(d, how))
        return false;
    if (how == LLMOBS_RUN_ALL)
        return d->tries > 0;
    return ((llmobs_delivery_is_over(delivery) || delivery->eager) &&
            !d->due_ns) ||
           llmobs_destination_due(d) <= llmobs_clock_mono_ns();
}

/* -- encoding ------------------------------------------------------------ */

/* The path of this user's file of remembered spans (link_file.h) in the spool;
 * the user may change. NULL: no or a small spool, too long a path, or no
 * memory. */
static const char *links_path(struct llmobs_delivery *delivery)
{
    const size_t cap = PATH_MAX;
    uid_t uid = geteuid();
    size_t len;
    char *path;

    if (delivery->config->spool_max < LINKS_SPOOL)
        return NULL;
    if (delivery->links_path && delivery->links_uid == uid)
        return delivery->links_path;
    llmobs_linker_close(&delivery->linker);
    free(delivery->links_path);
    delivery->links_path = NULL;
    delivery->links_uid = uid;
    path = llmobs_scratch_alloc(cap);
    if (path && llmobs_spool_dir(delivery->config, path, cap) == 0) {
        len = strlen(path);
        if ((size_t)snprintf(path + len, cap - len, "/" LLMOBS_LINK_FILE "%lu",
                             (unsigned long)uid) < cap - len)
            delivery->links_path = strdup(path);
    }
    llmobs_scratch_free(path);
    return delivery->links_path;
}

/* Every destination refuses the source. */
#define ALL (~0u)

/* An item of the queue or of a spool, which is to become an event. */
struct source {
    struct llmobs_item *item;
    const struct llmobs_config *config;
    unsigned refusing;               /* bit i: destination i has no room */
    int64_t began_ns, mono_ns;       /* of one that was adopted (adopt.h) */
    struct llmobs_inferred inferred; /* its spans, until they are items */
};

/* True for a span that began over a day ago, which every intake refuses (WIRE
 * 2.4). Somebody may have set the wall clock since. In the boot of the call its
 * age is at least what the monotonic clock says, and at most that with the
 * time that the machine slept. */
static bool is_old(const struct source *source)
{
    int64_t wall = source->began_ns, mono = source->mono_ns, age, least, most;

    if (source->item->kind != LLMOBS_EVENT_SPAN)
        return false;
    if (source->item->type == LLMOBS_ITEM_EXCHANGE &&
        !source->item->spooled.claim) {
        wall = ((const struct llmobs_exchange *)source->item)->start_wall_ns;
        mono = ((const struct llmobs_exchange *)source->item)->start_mono_ns;
    }
    if (wall == 0)
        return false;
    age = llmobs_clock_wall_ns() - wall;
    least = mono > 0 ? llmobs_clock_mono_ns() - mono : -1;
    if (least >= 0) {
        most = llmobs_clock_boot_ns() - mono;
        age = age < least ? least : age > most ? most : age;
    }
    return age > EXPIRED_NS;
}

/* Makes the event's text, in the item or in `scratch`. */
static int encode(struct llmobs_delivery *delivery, struct source *source,
                  struct llmobs_text *text)
{
    struct llmobs_exchange *exchange = (struct llmobs_exchange *)source->item;
    struct llmobs_buf *scratch = &delivery->scratch;
    struct llmobs_buf *spare = &delivery->account.spare;
    bool whole, adopted = source->item->spooled.claim;
    struct llmobs_linker_call call;
    struct llmobs_span span;
    int enough, rc;

    /* If a long event has taken the buffer's memory, continues with the memory
     * of an event that was sent, so that the kernel need not give new memory.
     */
    if (!scratch->data && spare->data) {
        scratch->data = spare->data;
        scratch->cap = spare->cap;
        llmobs_buf_init(spare, 0);
    }
    if (source->item->type == LLMOBS_ITEM_EVENT) {
        *text = llmobs_event_item_text(source->item);
        if (!adopted || !llmobs_privacy_applies(&source->config->privacy))
            return 0;
        /* The work needs no limit, as the size of an event has a limit. */
        llmobs_work_begin(LLMOBS_WORK_ALL);
        rc = llmobs_content_filter_json(&source->config->privacy, *text,
                                        scratch);
        enough = llmobs_work_end();
        *text = llmobs_buf_text(scratch);
        return rc && enough ? enough : rc;
    }
    exchange->lends = adopted || !delivery->config->record_dir;
    rc = llmobs_exchange_to_span(exchange, &span);
    if (rc)
        return rc;
    if (!adopted)
        llmobs_recorder_write(&delivery->recorder, delivery->config, exchange,
                              span.name);
    llmobs_tags_add_requested(&span, exchange->tags, source->config);
    whole = llmobs_exchange_request_whole(exchange);
    call = (struct llmobs_linker_call){
        .method = exchange->method,
        .url = exchange->url,
        .account = exchange->account,
        .whole = whole && llmobs_exchange_answer_whole(exchange) &&
                 !llmobs_json_get(span.metadata, "truncated"),
        .aborted = exchange->end != LLMOBS_END_DONE,
        .stitch = delivery->config->stitch,
        .inferred = delivery->config->tools == LLMOBS_TOOLS_INFERRED
                        ? &source->inferred
                        : NULL,
    };
    if (whole)
        call.request = llmobs_body_head(&exchange->request);
    llmobs_linker_set_file(&delivery->linker, links_path(delivery));
    llmobs_linker_link(&delivery->linker, &call, &span);
    rc = llmobs_processor_run(&span);
    if (!rc)
        rc = llmobs_encode_call(&span, source->config, scratch);
    llmobs_span_fini(&span);
    *text = llmobs_buf_text(scratch);
    return rc;
}

/* Pushes an event to all destinations that take its kind, except those that
 * refuse it or have it already. */
static int push_event(struct llmobs_delivery *delivery,
                      const struct source *source, struct llmobs_text text)
{
    struct llmobs_event *event = llmobs_event_new(
        &delivery->account, source->item->kind, text, &delivery->scratch);
    enum llmobs_stat fate = LLMOBS_STAT_delivered;

    if (!event)
        return -ENOMEM;
    event->spooled = source->item->spooled;
    event->delivered_to = source->item->delivered_to;
    event->old = is_old(source);
    for (size_t i = 0; i < delivery->count; i++) {
        struct llmobs_destination *d = &delivery->list[i];
        int rc = 0;

        if (source->item->delivered_to & 1u << d->bit ||
            !llmobs_destination_takes(d, source->item->kind))
            continue;
        rc = source->refusing & 1u << d->bit
                 ? -ENOSPC
                 : llmobs_destination_push(d, event);
        if (rc)
            fate = rc == -ENOMEM ? LLMOBS_STAT_dropped_memory
                                 : LLMOBS_STAT_dropped_full;
    }
    llmobs_event_release(&delivery->account, event, fate);
    return 0;
}

/* An event for another host may wait for long. If the privacy settings kept its
 * content from the disk, the disk now gets the redacted event in its place, for
 * the relay if one delivers. The event gets an id of its own, so that the
 * release of one entry does not release the other. If the process dies between
 * the two steps, the call is delivered twice. The entry stays as it is if the
 * disk is full, or if this process cannot release it any more. */
static void replace_on_disk(struct llmobs_delivery *delivery,
                            struct source *source, struct llmobs_text text)
{
    struct llmobs_spool *spool = delivery->account.spool;
    struct llmobs_spooled *spooled = &source->item->spooled;
    struct llmobs_spooled anew = {.for_relay = delivery->relayed};
    bool remote = delivery->relayed;

    for (size_t i = 0; i < delivery->count; i++)
        remote |= atomic_load(&delivery->list[i].exporter->remote);
    if (!remote || source->item->type == LLMOBS_ITEM_EVENT || spooled->claim ||
        !llmobs_privacy_withholds(&source->config->privacy) || !spool ||
        !spooled->kept || llmobs_spool_is_away(spool, spooled) ||
        llmobs_spool_write_event(spool, &anew, source->item->kind, text) != 0)
        return;
    llmobs_spool_release(spool, spooled, 1);
    *spooled = anew;
}

void llmobs_delivery_count_lost(struct llmobs_delivery *delivery, int error)
{
    bool memory = error == -ENOMEM;
    enum llmobs_stat stat = LLMOBS_STAT_dropped_export;

    if (error == -ENOENT)
        stat = LLMOBS_STAT_unconfirmed;
    else if (error == -EXDEV)
        stat = LLMOBS_STAT_left;
    else if (error == -ENOSPC)
        stat = LLMOBS_STAT_dropped_full;
    else if (error == -ECANCELED)
        stat = LLMOBS_STAT_dropped_program;
    else if (memory)
        stat = LLMOBS_STAT_dropped_memory;
    llmobs_account_count(&delivery->account, stat);
    if (error == -ENOSPC)
        llmobs_log_once(LLMOBS_LOG_ERROR, "buffer full",
                        "the buffer is full (LLMOBS_BUFFER_MAX): spans are "
                        "dropped");
    else if (error != -ENOENT && error != -EXDEV && error != -ECANCELED)
        llmobs_log_once(LLMOBS_LOG_ERROR, memory ? "encode memory" : "encode",
                        "a span was dropped: %s", strerror(-error));
}

/* Counts a source that could not become an event as lost, or lets it wait on
 * the disk. */
static void fail_source(struct llmobs_delivery *delivery,
                        const struct source *source, int error)
{
    struct llmobs_account *account = &delivery->account;
    const struct llmobs_spooled *spooled = &source->item->spooled;

    if ((error == -ENOMEM || error == -ETIMEDOUT ||
         (error == -ENOSPC && source->refusing == ALL) ||
         (error == -EXDEV &&
          llmobs_spool_may_return(account->spool, spooled))) &&
        llmobs_account_wait(account, spooled, source->item->kind,
                            source->item->delivered_to))
        return;
    llmobs_delivery_count_lost(delivery, error);
    if (error != -EXDEV)
        llmobs_account_release(account, spooled);
}

/* -- inferred spans --------------------------------------------------------
 */

/* A span that was inferred from a call, as its own source. */
struct tool_source {
    struct source source;
    struct llmobs_item item; /* the source's: its kind and its place */
    struct llmobs_buf text;
    int rc; /* of the encoding */
};

/* Writes the inferred span's event to the log, beside the call's entry; false
 * where the process has no spool, or the write fails. */
static bool write_tool(struct llmobs_delivery *delivery,
                       const struct source *source, struct tool_source *tool)
{
    const struct llmobs_account *account = &delivery->account;
    const struct llmobs_text text = {tool->text.data, tool->text.len};
    const struct llmobs_spooled *beside = &source->item->spooled;
    struct llmobs_spooled *spooled = &tool->item.spooled;

    if (beside->claim) {
        if (llmobs_adopt_add(account->adopt, beside, spooled->id, text,
                             spooled) != 0)
            return false;
        llmobs_stats_add(LLMOBS_STAT_kept, 1);
        return true;
    }
    spooled->file = beside->file;
    spooled->for_relay =
        delivery->relayed && llmobs_privacy_withholds(&source->config->privacy);
    return account->spool &&
           llmobs_spool_write_event(account->spool, spooled, LLMOBS_EVENT_SPAN,
                                    text) == 0;
}

/* Makes items of the spans that were inferred from the call, once, before the
 * call itself can be released. On error no item is made. */
static int add_inferred(struct llmobs_delivery *delivery, struct source *source)
{
    struct llmobs_inferred *inferred = &source->inferred;
    struct tool_source *tools;
    size_t count = 0;
    int rc = 0;

    if (!inferred->count || source->item->delivered_to & LLMOBS_INFERRED)
        return 0;
    tools = calloc(inferred->count, sizeof(*tools));
    if (!tools)
        return -ENOMEM;
    for (size_t i = 0; i < inferred->count && !rc; i++) {
        struct llmobs_span *span = &inferred->list[i];
        struct tool_source *tool = &tools[count];
        /* Of its entry, by the call's id: a process that adopts both entries
         * need not make the span again. */
        uint64_t id =
            source->item->spooled.id
                ? llmobs_mix(source->item->spooled.id ^ span->context.span_id)
                : 0;

        if (id && source->item->spooled.claim &&
            llmobs_adopt_has(delivery->account.adopt, id))
            continue;
        count++;
        tool->item =
            (struct llmobs_item){.kind = LLMOBS_EVENT_SPAN, .spooled.id = id};
        tool->source = (struct source){.item = &tool->item,
                                       .config = source->config,
                                       .refusing = source->refusing};
        llmobs_buf_init(&tool->text, delivery->scratch.max);
        tool->rc = llmobs_processor_run(span);
        if (!tool->rc)
            tool->rc = llmobs_encode_call(span, source->config, &tool->text);
        if (tool->rc == -ETIMEDOUT) /* the time for all of them is over */
            rc = tool->rc;
    }
    /* From here on the inferred spans are counted, and the disk has them. */
    for (size_t i = 0; i < count && !rc; i++) {
        if (tools[i].rc || !write_tool(delivery, source, &tools[i]))
            tools[i].item.spooled = (struct llmobs_spooled){.for_relay = false};
        llmobs_stats_add(LLMOBS_STAT_captured, 1);
        atomic_fetch_add(&delivery->account.pending, 1);
        llmobs_crash_point("kept an inferred span");
    }
    /* Writes to the call's entry that its inferred spans have their own. */
    if (!rc) {
        unsigned bits =
            (source->item->delivered_to & ~LLMOBS_MEASURED) | LLMOBS_INFERRED;

        source->item->delivered_to |= LLMOBS_INFERRED;
        llmobs_account_write_delivered_to(&delivery->account,
                                          &source->item->spooled, bits);
        llmobs_crash_point("noted the inferred spans");
    }
    for (size_t i = 0; i < count; i++) {
        const struct llmobs_text text = llmobs_buf_text(&tools[i].text);
        int failure = tools[i].rc;

        if (!rc && !failure)
            failure = tools[i].source.refusing == ALL
                          ? -ENOSPC
                          : push_event(delivery, &tools[i].source, text);
        if (!rc && failure)
            fail_source(delivery, &tools[i].source, failure);
        llmobs_buf_fini(&tools[i].text);
    }
    free(tools);
    return rc;
}

/* -- sources --------------------------------------------------------------- */

/* Makes an event of one source for the destinations, or counts its loss. Takes
 * the item. False where memory is short or the time is over. */
static bool add_source(struct llmobs_delivery *delivery, struct source *source)
{
    struct llmobs_account *account = &delivery->account;
    struct llmobs_meter *meter = delivery->meter;
    struct llmobs_item *item;
    struct llmobs_text text;
    bool is_span, own;
    int rc = 0;

    /* Reads the item again if memory has only its head. */
    if (source->item->type == LLMOBS_ITEM_SPOOLED) {
        rc = llmobs_spool_load(account->spool, source->item, &delivery->recalls,
                               &item);
        if (!rc) {
            free(source->item);
            source->item = item;
        }
    }
    is_span = source->item->kind == LLMOBS_EVENT_SPAN;
    own = !source->item->spooled.claim;
    if (!rc)
        rc = encode(delivery, source, &text);
    if (!rc)
        rc = add_inferred(delivery, source);
    else if (rc == -ECANCELED) /* the program does not want this span */
        (void)add_inferred(delivery, source);
    if (!rc) {
        /* Tells the linker of a tool's span that the program has made. */
        if (delivery->config->tools == LLMOBS_TOOLS_INFERRED && is_span &&
            source->item->type == LLMOBS_ITEM_EVENT) {
            llmobs_linker_set_file(&delivery->linker, links_path(delivery));
            llmobs_linker_add_tool(&delivery->linker, text);
        }
        replace_on_disk(delivery, source, text);
    }
    /* Counts a span in the metrics. The disk has no trace of that, so no other
     * process counts the span again. */
    if (!rc && meter && own && is_span &&
        !(source->item->delivered_to & LLMOBS_MEASURED)) {
        int sent = meter->base.ops->send(&meter->base, &text, 1);

        if (sent > 0)
            source->item->delivered_to |= LLMOBS_MEASURED;
        rc = sent < 0 ? sent : 0; /* -ETIMEDOUT: the time is over */
    }
    if (!rc)
        rc = push_event(delivery, source, text);
    llmobs_inferred_fini(&source->inferred);
    if (rc == -ETIMEDOUT && own) {
        /* The time is over: a later run begins with this item. */
        llmobs_queue_put_back(account->queue, source->item);
    } else {
        if (rc)
            fail_source(delivery, source, rc);
        llmobs_item_free(source->item);
    }
    if (delivery->scratch.cap > SCRATCH_KEPT)
        llmobs_buf_fini(&delivery->scratch);
    else
        llmobs_buf_cut(&delivery->scratch, 0);
    return rc != -ENOMEM && rc != -ETIMEDOUT;
}

/* Lets the rescue exporter have some events of a destination that is behind,
 * where there is no spool; false where it takes none. */
static bool rescue_some(struct llmobs_delivery *delivery,
                        struct llmobs_destination *d)
{
    int rc;

    if (!delivery->rescue || !atomic_load(&d->exporter->remote) || !d->count ||
        delivery->account.spool)
        return false;
    rc = llmobs_destination_rescue(d, delivery->rescue);
    llmobs_commit_end();
    if (rc > 0)
        llmobs_log_once(LLMOBS_LOG_WARN, "rescue full",
                        "exporter %s is behind: its oldest spans are kept in "
                        "the local store",
                        d->exporter->ops->name);
    return rc > 0;
}

/* Takes the item. False where memory is short or the time is over. */
static bool add_item(struct llmobs_delivery *delivery, struct llmobs_item *item,
                     enum llmobs_run how)
{
    struct source source = {.item = item, .config = delivery->config};
    struct llmobs_text text;
    bool wanted = false;

    for (size_t i = 0; i < delivery->count; i++) {
        struct llmobs_destination *d = &delivery->list[i];

        if (!llmobs_destination_takes(d, item->kind))
            continue;
        /* If the memory for events is used up, only destinations that have sent
         * all earlier events get newer ones. */
        if (llmobs_delivery_is_over(delivery) && d->count &&
            (d->due_ns || !serves(d, how)) && d != delivery->busy &&
            !rescue_some(delivery, d))
            source.refusing |= 1u << d->bit;
        else
            wanted = true;
    }
    if (wanted)
        return add_source(delivery, &source);
    /* No destination accepts the item now. It waits on the disk (as the
     * redacted event, if the disk may not have its content), or it is lost. */
    source.refusing = ALL;
    if (item->type == LLMOBS_ITEM_EXCHANGE &&
        llmobs_privacy_withholds(&source.config->privacy) &&
        encode(delivery, &source, &text) == 0 &&
        add_inferred(delivery, &source) == 0)
        replace_on_disk(delivery, &source, text);
    llmobs_inferred_fini(&source.inferred);
    llmobs_buf_cut(&delivery->scratch, 0);
    fail_source(delivery, &source, -ENOSPC);
    llmobs_item_free(item);
    return true;
}

/* An item that waits on the disk for room is taken once half of the memory for
 * events is free again. */
bool llmobs_delivery_fill(struct llmobs_delivery *delivery, enum llmobs_run how)
{
    struct llmobs_account *account = &delivery->account;
    size_t bytes = account->bytes;
    size_t n = 0;

    while (n < FILL_EVENTS && account->bytes < bytes + FILL_BYTES) {
        struct llmobs_item *item = llmobs_queue_take(account->queue);
        const struct llmobs_item *head =
            llmobs_queue_first_waiting(account->queue);

        if (!item && head &&
            account->bytes * 2 < (size_t)delivery->config->buffer_max &&
            !llmobs_spool_may_return(account->spool, &head->spooled))
            item = llmobs_queue_take_waiting(account->queue);
        if (!item || !add_item(delivery, item, how))
            break;
        n++;
    }
    llmobs_linker_close(&delivery->linker);
    delivery->taken += n;
    return n > 0;
}

/* -- adopting ------------------------------------------------------------ */

/* If the relay has gone, this process reclaims the entries that it had left to
 * the relay, unless its own peers are away, too. */
static void reclaim(struct llmobs_delivery *delivery)
{
    struct llmobs_adopt *adopt = delivery->account.adopt;

    if (delivery->relayed || delivery->drains || !adopt ||
        atomic_load(&delivery->end_ns))
        return;
    for (size_t i = 0; i < delivery->count; i++)
        if (delivery->list[i].due_ns)
            return;
    llmobs_adopt_begin_reclaim(adopt);
}

/* True if it is time to look for spools of ended processes and every exporter
 * works. If one does not work, their events are safer on the disk. */
static bool may_adopt(const struct llmobs_delivery *delivery)
{
    struct llmobs_adopt *adopt = delivery->account.adopt;
    int64_t now = llmobs_clock_mono_ns();
    bool back = adopt && llmobs_adopt_reclaims(adopt);

    if (!adopt || (delivery->relayed && !back) ||
        atomic_load(&delivery->end_ns) ||
        delivery->account.bytes >= FILL_BYTES ||
        (!back && delivery->adopted_ns &&
         now - delivery->adopted_ns < ADOPT_EVERY_MS * LLMOBS_NS_PER_MS))
        return false;
    for (size_t i = 0; i < delivery->count; i++) {
        const struct llmobs_exporter *exporter = delivery->list[i].exporter;
        /* An exporter works that has sent an event of any kind; or it takes no
         * spans, and then may have nothing to send for long. */
        bool works =
            delivery->drains || back ||
            (exporter->kinds && !(exporter->kinds & 1u << LLMOBS_EVENT_SPAN));

        for (size_t j = 0; j < delivery->count && !works; j++)
            works = delivery->list[j].exporter == exporter &&
                    delivery->list[j].sent_ns;
        if (delivery->list[i].due_ns || !works)
            return false;
    }
    return true;
}

bool llmobs_delivery_adopt(struct llmobs_delivery *delivery,
                           enum llmobs_run how)
{
    struct llmobs_adopted adopted;
    struct source source;
    size_t n = 0;
    int rc = 1;

    reclaim(delivery);
    if (!may_adopt(delivery))
        return false;
    if (!delivery->drains && !llmobs_adopt_reclaims(delivery->account.adopt)) {
        if (how == LLMOBS_RUN_DUE) {
            atomic_store(&delivery->found,
                         llmobs_adopt_has_left(delivery->account.adopt));
            delivery->adopted_ns = llmobs_clock_mono_ns();
        }
        return false;
    }
    llmobs_account_flush(&delivery->account);
    while (n < FILL_EVENTS && may_adopt(delivery)) {
        rc = llmobs_adopt_next(delivery->account.adopt, &adopted);
        if (rc != 1)
            break;
        source = (struct source){.item = adopted.item,
                                 .config = adopted.config,
                                 .began_ns = adopted.began_ns,
                                 .mono_ns = adopted.mono_ns};
        llmobs_stats_add(LLMOBS_STAT_kept, 1);
        llmobs_stats_add(
            adopted.uncounted ? LLMOBS_STAT_captured : LLMOBS_STAT_adopted, 1);
        atomic_fetch_add(&delivery->account.pending, 1);
        (void)add_source(delivery, &source);
        llmobs_try_end();
        n++;
    }
    llmobs_linker_close(&delivery->linker);
    if (rc != 1 && rc != -EAGAIN)
        delivery->adopted_ns = llmobs_clock_mono_ns();
    delivery->eager = n > 0 || rc == -EAGAIN;
    for (size_t i = 0; i < delivery->count && rc == -EAGAIN; i++)
        if (llmobs_delivery_is_due(delivery, &delivery->list[i], how))
            return true;
    return n > 0;
}
