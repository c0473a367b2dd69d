#include "cli/log/show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shared/escape.h"
#include "cli/shared/screen.h"
#include "cli/shared/spool_dirs.h"
#include "lib/base/clock.h"
#include "lib/text/json.h"

#define FRAME_COLUMNS 200

static const char *const states[] = {[LLMOBS_PS_UNKNOWN] = "-",
                                     [LLMOBS_PS_WAITING] = "waiting",
                                     [LLMOBS_PS_STREAMING] = "streaming"};

/* A process in another namespace may have another monotonic clock. */
static int64_t age_of(const struct llmobs_ps_call *call)
{
    int64_t age = call->elsewhere
                      ? llmobs_clock_wall_ns() - call->start_wall_ns
                      : llmobs_clock_mono_ns() - call->start_mono_ns;

    return age > 0 ? age : 0;
}

/* -- for people ------------------------------------------------------------ */

static void write_age(int64_t ns, char *out, size_t cap)
{
    int64_t s = ns / 1000000000;

    if (s < 60)
        snprintf(out, cap, "%" PRId64 ".%d s", s, (int)(ns / 100000000 % 10));
    else if (s < 3600)
        snprintf(out, cap, "%" PRId64 "m%02ds", s / 60, (int)(s % 60));
    else
        snprintf(out, cap, "%" PRId64 "h%02dm", s / 3600, (int)(s / 60 % 60));
}

/* Prints a row; behind a column's text there is at least one blank. */
static int show_print_row(bool users, const char *const cells[7])
{
    static const size_t columns[] = {8,  12, 8, sizeof("streaming "),
                                     16, 20, 24};
    const size_t last = sizeof(columns) / sizeof(*columns) - 1;
    int rc = 0;

    for (size_t i = 0; i <= last && rc == 0; i++)
        if (i != 1 || users)
            rc = llmobs_screen_cell(llmobs_has_text(cells[i]) ? cells[i] : "-",
                                    columns[i] - 1, i < last ? columns[i] : 0);
    putchar('\n');
    return rc;
}

void llmobs_ps_show_title(bool users)
{
    static const char *const titles[] = {"PID",     "USER",  "AGE", "STATE",
                                         "PROGRAM", "MODEL", "HOST"};

    (void)show_print_row(users, titles);
}

int llmobs_ps_show_call(const struct llmobs_ps_call *call, bool users)
{
    char pid[16], user[64] = "", age[32];
    const char *const cells[] = {pid,
                                 user,
                                 age,
                                 states[call->state],
                                 call->text[LLMOBS_PS_PROGRAM],
                                 call->text[LLMOBS_PS_MODEL],
                                 call->text[LLMOBS_PS_HOST]};
    int rc;

    snprintf(pid, sizeof(pid), "%ld", (long)call->pid);
    write_age(age_of(call), age, sizeof(age));
    if (users)
        llmobs_user_name(call->uid, user, sizeof(user));
    rc = show_print_row(users, cells);
    if (rc == 0 && call->elsewhere)
        printf("    that pid counts in another pid namespace (%" PRIu64
               "); whether it lives is not known here\n",
               call->pidns);
    return rc;
}

/* Calls `see` with each line. */
static int each_frame(const struct llmobs_ps_stack *stack,
                      int (*see)(void *ctx, size_t number,
                                 struct llmobs_text frame),
                      void *ctx)
{
    const char *at = stack->frames.data, *stop;
    const char *end = at + stack->frames.len;
    int rc = 0;

    for (size_t i = 0;
         rc == 0 && at < end && (stop = memchr(at, '\n', (size_t)(end - at)));
         i++, at = stop + 1)
        rc = see(ctx, i, (struct llmobs_text){at, (size_t)(stop - at)});
    return rc;
}

static int see_line(void *ctx, size_t number, struct llmobs_text frame)
{
    struct llmobs_buf line;
    int rc;

    (void)ctx;
    llmobs_buf_init(&line, (size_t)4096);
    rc = llmobs_escape_add(&line, frame, FRAME_COLUMNS);
    if (rc == 0)
        printf("    #%-2zu %.*s\n", number, (int)line.len, line.data);
    llmobs_buf_fini(&line);
    return rc;
}

int llmobs_ps_show_stack(const struct llmobs_ps_call *call,
                         const struct llmobs_ps_stack *stack)
{
    if (*stack->problem != '\0') {
        printf("    no stack: %s\n", stack->problem);
        return 0;
    }
    printf("    thread %ld was stopped for %.1f ms to read its stack:\n",
           (long)call->thread,
           (double)stack->stopped_ns / (double)LLMOBS_NS_PER_MS);
    return each_frame(stack, see_line, NULL);
}

/* -- JSON ------------------------------------------------------------------ */

static int show_add_number(struct llmobs_json *out, const char *name,
                           int64_t number)
{
    return llmobs_json_set(out, name, llmobs_json_int(number));
}

static int see_json(void *ctx, size_t number, struct llmobs_text frame)
{
    (void)number;
    return llmobs_json_add(ctx, llmobs_json_stringn(frame.data, frame.len));
}

static int add_stack(struct llmobs_json *out,
                     const struct llmobs_ps_stack *stack)
{
    struct llmobs_json *list;
    int rc;

    if (!stack)
        return 0;
    if (*stack->problem != '\0')
        return llmobs_json_sets(out, "no_stack", stack->problem);
    list = llmobs_json_array();
    rc = each_frame(stack, see_json, list);
    rc |= show_add_number(out, "stopped_ns", stack->stopped_ns);
    return rc | llmobs_json_set(out, "stack", list);
}

static int show_add_facts(struct llmobs_json *out,
                          const struct llmobs_ps_call *call)
{
    char trace[40], span[24];
    int rc = show_add_number(out, "pid", call->pid);

    snprintf(trace, sizeof(trace), "%016" PRIx64 "%016" PRIx64,
             call->trace_high, call->trace_low);
    snprintf(span, sizeof(span), "%" PRIu64, call->id);
    rc |= show_add_number(out, "uid", call->uid);
    rc |= show_add_number(out, "start_ns", call->start_wall_ns);
    rc |= show_add_number(out, "age_ns", age_of(call));
    if (call->elsewhere)
        rc |= show_add_number(out, "pid_namespace", (int64_t)call->pidns);
    rc |= llmobs_json_set_texts(
        out, "program", call->text[LLMOBS_PS_PROGRAM], "model_name",
        call->text[LLMOBS_PS_MODEL], "model_provider",
        call->text[LLMOBS_PS_PROVIDER], "host", call->text[LLMOBS_PS_HOST],
        "ml_app", call->text[LLMOBS_PS_ML_APP], "trace_id", trace, "span_id",
        span, NULL);
    if (call->thread != 0)
        rc |= show_add_number(out, "thread", call->thread);
    if (call->state == LLMOBS_PS_UNKNOWN)
        return rc;
    rc |= show_add_number(out, "received_bytes", (int64_t)call->received);
    return rc | llmobs_json_sets(out, "state", states[call->state]);
}

int llmobs_ps_show_json(const struct llmobs_ps_call *call,
                        const struct llmobs_ps_stack *stack)
{
    struct llmobs_json *out = llmobs_json_object();
    int rc = show_add_facts(out, call) | add_stack(out, stack);
    char *text = rc == 0 ? llmobs_json_dumps(out, LLMOBS_JSON_ASCII) : NULL;

    if (text)
        puts(text);
    else if (rc == 0)
        rc = -ENOMEM;
    free(text);
    llmobs_json_free(out);
    return rc;
}
