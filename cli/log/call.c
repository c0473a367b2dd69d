/* Collects the calls in flight, and looks at their processes. */
#include "cli/log/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/event/to_span.h"
#include "lib/base/file.h"
#include "lib/base/listing.h"
#include "lib/base/process_id.h"

/* -- from the spool -------------------------------------------------------- */

static void set_text(struct llmobs_ps_call *call, enum llmobs_ps_field field,
                     const char *text)
{
    snprintf(call->text[field], LLMOBS_PS_TEXT, "%.*s", LLMOBS_PS_TEXT - 1,
             text ? text : "");
}

/* Makes a span of the request alone: a call under way has no span yet. */
int llmobs_ps_call_of(const struct llmobs_adopt_call *from,
                      struct llmobs_ps_call *call)
{
    struct llmobs_exchange *exchange = from->exchange;
    const char *begin = strstr(exchange->url, "://"), *end, *at;
    struct llmobs_span span;
    int rc;

    exchange->end = LLMOBS_END_KILLED;
    rc = llmobs_exchange_to_span(exchange, &span);
    if (rc != 0)
        return rc;
    *call = (struct llmobs_ps_call){.pid = from->pid,
                                    .start = from->start,
                                    .pidns = from->pidns,
                                    .elsewhere = from->elsewhere,
                                    .id = from->id,
                                    .trace_high = exchange->context.trace_id.hi,
                                    .trace_low = exchange->context.trace_id.lo,
                                    .place = from->place,
                                    .start_wall_ns = exchange->start_wall_ns,
                                    .start_mono_ns = exchange->start_mono_ns};
    set_text(call, LLMOBS_PS_MODEL, span.model_name);
    set_text(call, LLMOBS_PS_PROVIDER, span.model_provider);
    set_text(call, LLMOBS_PS_PROGRAM, from->config->executable);
    set_text(call, LLMOBS_PS_ML_APP, exchange->context.ml_app);
    llmobs_span_fini(&span);
    /* Of the URL the host, with its port. */
    begin = begin ? begin + 3 : exchange->url;
    end = begin + strcspn(begin, "/?#");
    at = memrchr(begin, '@', (size_t)(end - begin));
    if (at)
        begin = at + 1;
    if (end - begin < LLMOBS_PS_TEXT)
        snprintf(call->text[LLMOBS_PS_HOST], LLMOBS_PS_TEXT, "%.*s",
                 (int)(end - begin), begin);
    return 0;
}

int llmobs_ps_calls_add(struct llmobs_ps_calls *calls,
                        const struct llmobs_ps_call *call, uid_t uid)
{
    struct llmobs_ps_call *own;

    calls->more |= calls->count == LLMOBS_PS_CALLS;
    if (calls->count == LLMOBS_PS_CALLS || call->pid <= 0)
        return 0;
    if (!calls->list)
        calls->list = malloc(LLMOBS_PS_CALLS * sizeof(*calls->list));
    if (!calls->list)
        return -ENOMEM;
    own = &calls->list[calls->count++];
    *own = *call;
    own->uid = uid;
    own->elsewhere = *(const unsigned char *)&call->elsewhere != 0;
    own->thread = 0;
    own->state = LLMOBS_PS_UNKNOWN;
    for (size_t i = 0; i < LLMOBS_PS_FIELDS; i++)
        own->text[i][LLMOBS_PS_TEXT - 1] = '\0';
    return 0;
}

/* -- a list ---------------------------------------------------------------- */

static int by_age(const void *a, const void *b)
{
    const struct llmobs_ps_call *x = a, *y = b;

    if (x->start_wall_ns != y->start_wall_ns)
        return x->start_wall_ns > y->start_wall_ns ? 1 : -1;
    if (x->pid != y->pid)
        return x->pid > y->pid ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

void llmobs_ps_calls_keep(struct llmobs_ps_calls *calls,
                          bool (*keep)(struct llmobs_ps_call *))
{
    size_t kept = 0;

    if (calls->count > 1)
        qsort(calls->list, calls->count, sizeof(*calls->list), by_age);
    for (size_t i = 0; i < calls->count; i++) {
        struct llmobs_ps_call *call = &calls->list[i];
        const struct llmobs_ps_call *last =
            kept > 0 ? &calls->list[kept - 1] : NULL;

        /* A copy of a process's file has the same call again. */
        if ((!last || call->pid != last->pid || call->pidns != last->pidns ||
             call->id != last->id) &&
            keep(call))
            calls->list[kept++] = *call;
    }
    calls->count = kept;
}

void llmobs_ps_calls_free(struct llmobs_ps_calls *calls)
{
    free(calls->list);
    *calls = (struct llmobs_ps_calls){0};
}

/* The head of a thread's list of robust mutexes is in the C library's record of
 * the thread, and so is the thread pointer: they are closer than this. Records
 * of two threads are farther apart than that, by a stack. */
#define RECORD_MAX 4096

/* -- the process ----------------------------------------------------------- */

static const char *after(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at ? at + strlen(name) : NULL;
}

/* True where any user id of the process is `uid`. Its threads may outlive the
 * first thread, which is a zombie then. */
static bool is_of(pid_t pid, uid_t uid)
{
    unsigned real = 0, effective = 0, saved = 0, threads = 0;
    char path[64], text[4096], state = 'X';
    const char *at;

    snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
    if (llmobs_file_begin(AT_FDCWD, path, text, sizeof(text)) <= 0)
        return false;
    at = after(text, "\nState:");
    if (!at || sscanf(at, " %c", &state) != 1)
        return false;
    at = after(text, "\nThreads:");
    if (!at || sscanf(at, "%u", &threads) != 1 ||
        ((state == 'Z' || state == 'X') && threads <= 1))
        return false;
    at = after(text, "\nUid:");
    return at && sscanf(at, "%u %u %u", &real, &effective, &saved) == 3 &&
           (real == uid || effective == uid || saved == uid);
}

bool llmobs_ps_lives(pid_t pid, uint64_t start)
{
    const struct llmobs_process_id who = {.pid = pid, .start = start};
    uint64_t now;

    return llmobs_process_start(pid, &now) == 0 &&
           !llmobs_process_is_another(&who, now);
}

/* -- how far the call is, and its thread ----------------------------------- */

/* A process with one thread needs no proof. */
static void find_thread(struct llmobs_ps_call *call)
{
    struct llmobs_listing list;
    const uint64_t record = call->place.thread;
    uintptr_t head = 0;
    pid_t only = 0;
    size_t count = 0, len = 0;
    const char *name;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%ld/task", (long)call->pid);
    if (llmobs_listing_open_in(&list, AT_FDCWD, path))
        return;
    while ((name = llmobs_listing_next(&list))) {
        pid_t number = (pid_t)strtol(name, NULL, 10);

        count += number > 0;
        if (number > 0)
            only = number;
        if (number > 0 && record != 0 &&
            syscall(SYS_get_robust_list, number, &head, &len) == 0 &&
            head != 0 && head + RECORD_MAX > record &&
            head < record + RECORD_MAX)
            call->thread = number;
    }
    if (call->thread == 0 && count == 1)
        call->thread = only;
    llmobs_listing_close(&list);
}

/* Checks the process before and after the reads: so they read its memory. */
bool llmobs_ps_call_look(struct llmobs_ps_call *call)
{
    struct llmobs_progress progress = {0};
    struct iovec here = {&progress, sizeof(progress)};
    struct iovec there = {(void *)(uintptr_t)call->place.progress,
                          sizeof(progress)};

    if (call->elsewhere)
        return true;
    if (!llmobs_ps_lives(call->pid, call->start) ||
        !is_of(call->pid, call->uid))
        return false;
    errno = 0;
    if (call->place.progress != 0 &&
        process_vm_readv(call->pid, &here, 1, &there, 1, 0) ==
            sizeof(progress)) {
        if (progress.sign != LLMOBS_PROGRESS_SIGN || progress.id != call->id)
            return false; /* the process has no such call any more */
        call->received = progress.received;
        call->state =
            progress.received > 0 ? LLMOBS_PS_STREAMING : LLMOBS_PS_WAITING;
    } else if (errno == EFAULT || errno == ESRCH) {
        return false;
    }
    find_thread(call);
    return llmobs_ps_lives(call->pid, call->start);
}
