/* Opens the memory of links, and links each call by its parts. */
#include "core/event/linker.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/work.h"

/* The session's place; if it has none, the place of the session whose last use
 * is the oldest. */
static size_t place_of_session(const struct llmobs_link_sessions *sessions,
                               struct llmobs_hash128 key)
{
    size_t oldest = 0;

    for (size_t i = 0; i < LLMOBS_LINK_SESSIONS; i++) {
        if (sessions->list[i].used && sessions->list[i].key.hi == key.hi &&
            sessions->list[i].key.lo == key.lo)
            return i;
        if (sessions->list[i].used < sessions->list[oldest].used)
            oldest = i;
    }
    return oldest;
}

/* Remembers the span's own tags for its session, which `key` stands for. A span
 * without such tags gets the tags that were remembered. */
static void tag_session(struct llmobs_link_sessions *sessions,
                        struct llmobs_hash128 key, struct llmobs_span *span)
{
    const size_t at = place_of_session(sessions, key);
    struct llmobs_json *own = NULL;
    const bool known = sessions->list[at].used &&
                       sessions->list[at].key.hi == key.hi &&
                       sessions->list[at].key.lo == key.lo;
    const size_t len = strlen(span->session_tags);

    /* The span's own tags of the session, as a new array; NULL: no such tags.
     */
    for (size_t i = 0; i < llmobs_json_len(span->extra_tags); i++) {
        struct llmobs_json *tag = llmobs_json_at(span->extra_tags, i);
        const char *text = llmobs_json_text(tag);

        if (!text || strncmp(text, span->session_tags, len) != 0)
            continue;
        if (!own)
            own = llmobs_json_array();
        if (llmobs_json_len(own) < LLMOBS_LINK_SESSION_TAGS)
            (void)llmobs_json_add(own, llmobs_json_string(text));
    }
    if (!own && !known)
        return;
    if (own) {
        llmobs_json_free(sessions->list[at].tags);
        sessions->list[at].tags = own;
        sessions->list[at].key = key;
    } else {
        const struct llmobs_json *tags = sessions->list[at].tags;

        if (!span->extra_tags)
            span->extra_tags = llmobs_json_array();
        for (size_t i = 0; i < llmobs_json_len(tags); i++)
            (void)llmobs_json_add(
                span->extra_tags,
                llmobs_json_string(llmobs_json_text(llmobs_json_at(tags, i))));
    }
    sessions->list[at].used = ++sessions->calls;
}

void llmobs_linker_init(struct llmobs_linker *linker)
{
    llmobs_link_table_init(&linker->table);
    memset(&linker->sessions, 0, sizeof(linker->sessions));
    memset(&linker->calls, 0, sizeof(linker->calls));
}

void llmobs_linker_close(struct llmobs_linker *linker)
{
    llmobs_link_table_end(&linker->table);
}

void llmobs_linker_reset(struct llmobs_linker *linker)
{
    llmobs_link_table_reset(&linker->table);
    memset(&linker->sessions, 0, sizeof(linker->sessions));
    memset(&linker->calls, 0, sizeof(linker->calls));
}

void llmobs_linker_set_file(struct llmobs_linker *linker, const char *path)
{
    linker->table.path = path;
}

/* -- retries --------------------------------------------------------------- */

static void link_retries(const struct llmobs_linking *l)
{
    struct llmobs_link_record *found, last = {.at_ns = 0};
    const struct llmobs_span *span = l->span;
    const uint64_t self = span->context.span_id;
    const long status = span->http_status;
    const struct llmobs_text request = l->call->request;
    /* The program may send it again where the server was busy or broken, or was
     * not reached. */
    bool again = span->failed && !l->call->aborted &&
                 (status < 300 || status == 408 || status == 409 ||
                  status == 429 || status >= 500);
    struct llmobs_hash128 place, key;
    struct llmobs_siphash hash;
    size_t count, before = 0;
    bool crowded = false;

    if (request.len == 0)
        return;
    /* Most requests fail nowhere: their bytes are hashed only where one of this
     * length has failed at this address. */
    llmobs_linking_begin(l, LLMOBS_LINK_RETRY, &hash);
    llmobs_linking_add(&hash, l->call->method);
    llmobs_linking_add(&hash, l->call->url);
    llmobs_siphash_add(&hash, &request.len, sizeof(request.len));
    place = llmobs_siphash_now(&hash);
    if ((!again && !llmobs_link_table_find(l->table, place, &found)) ||
        !llmobs_work_do(request.len))
        return;
    llmobs_siphash_add(&hash, request.data, request.len);
    key = llmobs_siphash_now(&hash);
    count = llmobs_link_table_find(l->table, key, &found);
    /* Ends the failures that this call retries, which ended before it began; a
     * success also ends those that overlap with it. Their records get this
     * call's id as the check, because a failure has only one retry. Links to a
     * failure only if no other failure comes into question. */
    for (size_t i = 0; i < count; i++) {
        crowded = crowded || found[i].crowded;
        if (found[i].span_id == self ||
            (found[i].check != 0 && found[i].check != self) ||
            (found[i].at_ns > span->start_ns && span->failed))
            continue;
        if (found[i].at_ns <= span->start_ns &&
            span->start_ns - found[i].at_ns <= LLMOBS_LINK_RETRY_NS) {
            last = found[i];
            before++;
        }
        found[i].check = self;
        llmobs_link_table_put(l->table, &found[i]);
    }
    if (before == 1 && !crowded)
        llmobs_linking_link(l, &last, "input", "retry_of");
    if (again) {
        llmobs_linking_put(l, place, 0);
        llmobs_linking_put(l, key, 0);
    }
}

/* -- jobs ------------------------------------------------------------------ */

/* Jobs may go on for hours; no intake accepts a call that is older than this.
 */
#define LIFE_NS (INT64_C(24) * 3600 * 1000000000)

/* The key has no end user, because a request that asks for a job names no end
 * user. The id belongs to one job. */
static struct llmobs_hash128 key_of_job(const struct llmobs_linking *l)
{
    struct llmobs_siphash hash;

    llmobs_link_table_hash(l->table, LLMOBS_LINK_JOB, &hash);
    llmobs_siphash_add(&hash, &l->owner, sizeof(l->owner));
    llmobs_linking_add(&hash, l->span->job.id);
    return llmobs_siphash_now(&hash);
}

/* The key of the note that a job's tokens are told, by a span that knows who
 * began it, or by one that does not. It has no account, as another key may ask
 * for the job; both are in one row, which has forgotten both or none. */
static struct llmobs_hash128 key_of_end(const struct llmobs_linking *l,
                                        bool begun)
{
    struct llmobs_hash128 key =
        llmobs_linking_session(l, llmobs_text_of(l->span->job.id));

    key.hi ^= begun;
    return key;
}

static bool is_told(const struct llmobs_linking *l, bool begun)
{
    struct llmobs_link_record *found;

    return llmobs_link_table_find(l->table, key_of_end(l, begun), &found) > 0;
}

/* Notes that the span tells the job's tokens; false: it must not. Of two that
 * note it at once, in either way, one sees the other. */
static bool tell_job(const struct llmobs_linking *l, bool begun)
{
    const struct llmobs_link_record note = {
        .key = key_of_end(l, begun), .at_ns = l->end_ns > 0 ? l->end_ns : 1};

    return (l->table->file.fd >= 0 || (begun && !l->table->path)) &&
           !is_told(l, !begun) &&
           llmobs_link_table_claim(l->table, &note,
                                   begun ? 1 : l->span->context.span_id,
                                   begun ? INT64_MAX : l->span->job.since_ns) &&
           !is_told(l, !begun);
}

/* If the span is linked a second time, its record stays as it is, because
 * another span may have counted the tokens already. A stream takes the place of
 * those before it, and may have counted its tokens itself. A call that brings
 * the result loses its tokens where a fetch was quicker and has told them. */
static void begin_job(const struct llmobs_linking *l, struct llmobs_hash128 key)
{
    const uint64_t self = l->span->context.span_id;
    const bool stream = l->span->job.part == LLMOBS_JOB_STREAM;
    const bool done = l->span->job.part == LLMOBS_JOB_DONE;
    struct llmobs_json *none = done && !tell_job(l, true) && is_told(l, false)
                                   ? llmobs_json_object()
                                   : NULL;
    struct llmobs_link_record *found;
    size_t count = llmobs_link_table_find(l->table, key, &found);

    if (none) {
        llmobs_json_free(l->span->metrics);
        l->span->metrics = none;
    }
    for (size_t i = 0; i < count; i++)
        if (found[i].span_id == self)
            return;
    for (size_t i = 0; stream && i < count; i++)
        llmobs_link_table_drop(l->table, key, found[i].span_id);
    llmobs_linking_put(
        l, key,
        done || (stream && llmobs_json_get(l->span->metrics, "output_tokens"))
            ? self
            : 0);
}

/* The first span that finds the job ended gets its counts; where nobody saw the
 * begin, if the file shows that no span has them. Lack of memory loses them. */
static void link_to_job(const struct llmobs_linking *l,
                        struct llmobs_hash128 key)
{
    const struct llmobs_json *counts = l->span->job.metrics;
    struct llmobs_link_record record, *found;
    size_t i = 0, count = llmobs_link_table_find(l->table, key, &found);

    /* The call that began the job: a record whose tokens this span has counted
     * comes first, as the span may be linked a second time. */
    while (i < count && found[i].check != l->span->context.span_id)
        i++;
    if (i < count)
        record = found[i];
    else if (count > 0 && (!llmobs_linking_pick(l, key, &record) ||
                           l->span->start_ns - record.at_ns > LIFE_NS))
        return;
    if (count > 0)
        llmobs_linking_link(l, &record, "output", "job");
    if (!counts ||
        (count > 0 ? !llmobs_link_table_claim(l->table, &record,
                                              l->span->context.span_id, -1)
                   : !l->span->job.alone) ||
        !tell_job(l, count > 0))
        return;
    for (void *it = llmobs_json_iter(counts); it;
         it = llmobs_json_next(counts, it))
        (void)llmobs_json_set(l->span->metrics, llmobs_json_iter_key(it),
                              llmobs_json_share(llmobs_json_iter_value(it)));
}

/* -- all of it ------------------------------------------------------------- */

static bool has_messages(const struct llmobs_span *span)
{
    return (span->kind == LLMOBS_KIND_LLM || span->proxied) &&
           (span->input_messages || span->output_messages);
}

void llmobs_linker_link(struct llmobs_linker *linker,
                        const struct llmobs_linker_call *call,
                        struct llmobs_span *span)
{
    struct llmobs_linking l = {.table = &linker->table,
                               .calls = &linker->calls,
                               .call = call,
                               .span = span};
    const bool named =
        llmobs_span_fact_is_set(&span->facts, LLMOBS_FACT_CONVERSATION_ID);
    const struct llmobs_text session = {
        span->facts.text.data + span->facts.values[LLMOBS_FACT_MCP_SESSION].at,
        span->facts.values[LLMOBS_FACT_MCP_SESSION].len};

    llmobs_work_begin(LLMOBS_WORK_BODY / 8);
    llmobs_link_table_begin(l.table);
    llmobs_linking_set_scope(&l);
    l.end_ns = span->start_ns + span->duration_ns;
    l.output = span->output_behind;
    if (has_messages(span)) {
        l.input = span->input_messages;
        l.output = span->output_messages;
    }
    if (l.input || l.output)
        llmobs_link_tools(&l);
    /* An agent and a workflow have no messages, but may be a turn of the
     * conversation that they name. */
    if (call->stitch != LLMOBS_STITCH_OFF &&
        (has_messages(span) || (named && (span->kind == LLMOBS_KIND_AGENT ||
                                          span->kind == LLMOBS_KIND_WORKFLOW))))
        llmobs_link_turns(&l);
    else if (call->stitch != LLMOBS_STITCH_OFF && named)
        llmobs_link_turns_name(&l);
    llmobs_link_runs(&l);
    link_retries(&l);
    llmobs_link_inferred_end(&l);
    if (span->job.part == LLMOBS_JOB_ASKED)
        link_to_job(&l, key_of_job(&l));
    else if (span->job.part != LLMOBS_JOB_NONE)
        begin_job(&l, key_of_job(&l));
    if (session.len > 0 && span->session_tags)
        tag_session(&linker->sessions, llmobs_linking_session(&l, session),
                    span);
    (void)llmobs_work_end();
}

/* -- tools of the program's own -------------------------------------------- */

void llmobs_linker_add_tool(struct llmobs_linker *linker,
                            struct llmobs_text event)
{
    struct llmobs_link_run run = {.name = NULL};
    struct llmobs_json *json = NULL, *arguments = NULL;
    const struct llmobs_json *meta;
    const char *text, *trace, *span;
    bool ours;

    if (!memmem(event.data, event.len, "\"tool\"", 6))
        return;
    llmobs_work_begin(LLMOBS_WORK_BODY / 8);
    (void)llmobs_json_parse(event, &json);
    meta = llmobs_json_get(json, "meta");
    trace = llmobs_json_gets(json, "trace_id");
    span = llmobs_json_gets(json, "span_id");
    run.name = llmobs_json_gets(json, "name");
    ours = llmobs_json_says(llmobs_json_get(meta, "span"), "kind", "tool") &&
           run.name && span && trace &&
           llmobs_id128_parse(llmobs_text_of(trace), &run.trace_id);
    LLMOBS_JSON_EACH (tag, llmobs_json_get(json, "tags"), ours) {
        text = llmobs_json_text(tag);
        ours = !text || strcmp(text, LLMOBS_LINK_INFERRED_TAG) != 0;
    }
    if (ours) {
        run.span_id = strtoull(span, NULL, 10);
        run.start_ns = llmobs_json_to_int(llmobs_json_get(json, "start_ns"));
        run.end_ns = run.start_ns +
                     llmobs_json_to_int(llmobs_json_get(json, "duration"));
        text = llmobs_json_gets(llmobs_json_get(meta, "input"), "value");
        if (text)
            (void)llmobs_json_parse(llmobs_text_of(text), &arguments);
        run.arguments = arguments;
        llmobs_link_table_begin(&linker->table);
        llmobs_link_inferred_measured(&linker->table, &run);
        llmobs_json_free(arguments);
    }
    llmobs_json_free(json);
    (void)llmobs_work_end();
}
