/* How fast calls are read and mapped, by dialect, beside jansson's own load of
 * the same bytes, in turn within one run.
 *
 *   bench-parse [-r ROUNDS] CASEDIR...
 *
 * A CASEDIR is one of the recordings. Ours is llmobs_rules_read of the whole
 * call; jansson's is json_loadb of the request and of the answer, or of each
 * event's data or each line where it is a stream, and of the document in an
 * event of Bedrock's, too. Printed are medians, and the median of the rounds'
 * ratios.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/text/eventstream.h"
#include "lib/text/sse.h"
#include "rules/custom.h"
#include "tests/support/corpus_case.h"
#include "tests/support/es_frame.h"

#define DIALECTS_MAX 64
#define ROUNDS_MAX 101
#define ROUND_NS 20000000 /* one arm's time at least */

/* The documents of a call, as jansson is given them. */
struct documents {
    struct llmobs_text *list;
    size_t count;
};

struct sample {
    struct corpus_case c;
    struct llmobs_exchange *exchange;
    struct llmobs_call call;
    struct documents documents;
    struct sample *next;
};

struct group {
    const char *dialect;
    struct sample *samples;
    size_t calls;
    size_t bytes;
    size_t repeat;
    double ours[ROUNDS_MAX]; /* seconds of CPU for all calls, once */
    double theirs[ROUNDS_MAX];
};

static struct group groups[DIALECTS_MAX];

static void *must(void *memory)
{
    if (!memory)
        exit(2);
    return memory;
}

static void add_document(struct documents *d, struct llmobs_text text)
{
    char *copy = must(malloc(text.len ? text.len : 1));

    memcpy(copy, text.data, text.len);
    d->list = must(realloc(d->list, (d->count + 1) * sizeof(*d->list)));
    d->list[d->count++] = (struct llmobs_text){copy, text.len};
}

static void add_events(struct documents *d, struct llmobs_text body)
{
    struct llmobs_sse_event event;
    struct llmobs_sse sse;

    llmobs_sse_init(&sse, body);
    while (llmobs_sse_next(&sse, &event))
        add_document(d, event.data);
    llmobs_sse_fini(&sse);
}

static void add_frames(struct documents *d, struct llmobs_text body)
{
    struct llmobs_eventstream_event event;
    struct llmobs_eventstream es;

    llmobs_eventstream_init(&es, body);
    while (llmobs_eventstream_next(&es, &event)) {
        struct llmobs_buf inner;

        add_document(d, event.payload);
        llmobs_buf_init(&inner, event.payload.len);
        if (es_frame_chunk(event.payload, &inner))
            add_document(d, (struct llmobs_text){inner.data, inner.len});
        llmobs_buf_fini(&inner);
    }
}

static void add_lines(struct documents *d, struct llmobs_text body)
{
    while (body.len > 0) {
        const char *end = memchr(body.data, '\n', body.len);
        size_t len = end ? (size_t)(end + 1 - body.data) : body.len;

        add_document(d, (struct llmobs_text){body.data, len});
        body.data += len;
        body.len -= len;
    }
}

static void find_documents(struct sample *s)
{
    const char *type =
        llmobs_header_find(s->call.response_headers,
                           s->call.response_header_count, "content-type");
    struct llmobs_text body = s->call.response;

    add_document(&s->documents, s->call.request);
    if (type && strstr(type, "amazon.eventstream"))
        add_frames(&s->documents, body);
    else if (type && strstr(type, "ndjson"))
        add_lines(&s->documents, body);
    else if (body.len > 0 && body.data[0] != '{' && body.data[0] != '[')
        add_events(&s->documents, body);
    else
        add_document(&s->documents, body);
}

static struct group *group_of(const char *dialect)
{
    struct group *g = groups;

    while (g->dialect && strcmp(g->dialect, dialect) != 0)
        g++;
    if (g == groups + DIALECTS_MAX - 1)
        exit(2);
    g->dialect = dialect;
    return g;
}

static void add_sample(const char *dir, const struct llmobs_rules *rules,
                       const struct llmobs_config *config)
{
    struct sample *s = must(calloc(1, sizeof(*s)));
    const char *why;
    struct group *g;

    if (corpus_case_load(&s->c, dir) ||
        corpus_case_exchange(&s->c, rules, config, &s->exchange, &why)) {
        corpus_case_fini(&s->c);
        free(s);
        return;
    }
    s->call = (struct llmobs_call){
        .method = s->exchange->method,
        .url = s->exchange->url,
        .request_headers = s->exchange->request_headers.list,
        .request_header_count = s->exchange->request_headers.count,
        .response_headers = s->exchange->response_headers.list,
        .response_header_count = s->exchange->response_headers.count,
        .request = llmobs_body_head(&s->exchange->request),
        .response = llmobs_body_head(&s->exchange->response),
        .status = s->exchange->status,
        .transport_ok = true,
    };
    find_documents(s);
    g = group_of(s->exchange->match.rule->dialect->name);
    s->next = g->samples;
    g->samples = s;
    g->calls++;
    g->bytes += s->call.request.len + s->call.response.len;
}

static void read_ours(const struct sample *s)
{
    struct llmobs_span span;

    if (llmobs_span_init(&span) == 0)
        (void)llmobs_rules_read(&s->exchange->match, &s->call, &span);
    llmobs_span_fini(&span);
}

static void read_theirs(const struct sample *s)
{
    for (size_t i = 0; i < s->documents.count; i++)
        json_decref(json_loadb(s->documents.list[i].data,
                               s->documents.list[i].len, JSON_DECODE_ANY,
                               NULL));
}

/* Other programs on the machine are not to count. */
static int64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Seconds of CPU for all calls of the group, once. */
static double run(const struct group *g, void (*read)(const struct sample *s))
{
    int64_t start = cpu_ns();

    for (size_t i = 0; i < g->repeat; i++)
        for (const struct sample *s = g->samples; s; s = s->next)
            read(s);
    return (double)(cpu_ns() - start) / 1e9 / (double)g->repeat;
}

static void calibrate(struct group *g)
{
    g->repeat = 1;
    while (run(g, read_theirs) * (double)g->repeat * 1e9 < ROUND_NS)
        g->repeat *= 2;
}

static void run_round(struct group *g, size_t round)
{
    if (round % 2)
        g->ours[round] = run(g, read_ours);
    g->theirs[round] = run(g, read_theirs);
    if (round % 2 == 0)
        g->ours[round] = run(g, read_ours);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *list, size_t count)
{
    qsort(list, count, sizeof(*list), by_size);
    return list[count / 2];
}

static void print_group(struct group *g, size_t rounds)
{
    double ratios[ROUNDS_MAX], mb = (double)g->bytes / 1e6, ratio;

    for (size_t i = 0; i < rounds; i++)
        ratios[i] = g->ours[i] / g->theirs[i];
    ratio = median(ratios, rounds);
    printf("%-24s %6zu %9zu %10.1f %10.1f %9.2f x <= 1.0 %s\n", g->dialect,
           g->calls, g->bytes, mb / median(g->ours, rounds),
           mb / median(g->theirs, rounds), ratio,
           ratio <= 1 ? "" : "PAST BUDGET");
}

static void free_group(struct group *g)
{
    while (g->samples) {
        struct sample *s = g->samples;

        g->samples = s->next;
        for (size_t i = 0; i < s->documents.count; i++)
            free((char *)(uintptr_t)s->documents.list[i].data);
        free(s->documents.list);
        llmobs_exchange_free(s->exchange);
        corpus_case_fini(&s->c);
        free(s);
    }
}

int main(int argc, char **argv)
{
    static const char *const env[] = {"DD_LLMOBS_ENABLED=1", NULL};
    struct llmobs_config *config = llmobs_config_load(env, NULL, NULL);
    struct llmobs_rules_config plain = {0};
    struct llmobs_rules *rules = llmobs_rules_new(&plain);
    size_t rounds = 15;
    int i = 1;

    if (argc > 2 && strcmp(argv[1], "-r") == 0) {
        rounds = strtoul(argv[2], NULL, 10);
        i = 3;
    }
    if (i >= argc || rounds == 0 || rounds > ROUNDS_MAX || !config || !rules) {
        fprintf(stderr, "usage: bench-parse [-r ROUNDS] CASEDIR...\n");
        return 2;
    }
    for (; i < argc; i++)
        add_sample(argv[i], rules, config);
    for (struct group *g = groups; g->dialect; g++)
        calibrate(g);
    for (size_t round = 0; round < rounds; round++)
        for (struct group *g = groups; g->dialect; g++)
            run_round(g, round);
    printf("%-24s %6s %9s %10s %10s %9s\n", "read and mapped", "calls", "bytes",
           "MB/s", "jansson", "figure");
    for (struct group *g = groups; g->dialect; g++) {
        print_group(g, rounds);
        free_group(g);
    }
    llmobs_rules_free(rules);
    llmobs_config_free(config);
    return 0;
}
