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

/* A time namespace of its own has another monotonic clock. */
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

/* A column has a blank behind its text at least. */
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
    rc |=
        llmobs_json_set(out, "stopped_ns", llmobs_json_int(stack->stopped_ns));
    return rc | llmobs_json_set(out, "stack", list);
}

static int show_add_texts(struct llmobs_json *out,
                          const struct llmobs_ps_call *call)
{
    static const char *const names[LLMOBS_PS_FIELDS] = {
        "program", "model_name", "model_provider", "host", "ml_app"};
    char id[40];
    int rc = 0;

    for (size_t i = 0; i < LLMOBS_PS_FIELDS && rc == 0; i++)
        rc = llmobs_json_sets(out, names[i], call->text[i]);
    snprintf(id, sizeof(id), "%016" PRIx64 "%016" PRIx64, call->trace_high,
             call->trace_low);
    rc |= llmobs_json_sets(out, "trace_id", id);
    snprintf(id, sizeof(id), "%" PRIu64, call->id);
    return rc | llmobs_json_sets(out, "span_id", id);
}

static int add_state(struct llmobs_json *out, const struct llmobs_ps_call *call)
{
    int rc = 0;

    if (call->thread != 0)
        rc = llmobs_json_set(out, "thread", llmobs_json_int(call->thread));
    if (rc != 0 || call->state == LLMOBS_PS_UNKNOWN)
        return rc;
    rc = llmobs_json_set(out, "received_bytes",
                         llmobs_json_int((int64_t)call->received));
    return rc | llmobs_json_sets(out, "state", states[call->state]);
}

static int add_numbers(struct llmobs_json *out,
                       const struct llmobs_ps_call *call)
{
    int rc = llmobs_json_set(out, "pid", llmobs_json_int(call->pid));

    rc |= llmobs_json_set(out, "uid", llmobs_json_int(call->uid));
    rc |=
        llmobs_json_set(out, "start_ns", llmobs_json_int(call->start_wall_ns));
    rc |= llmobs_json_set(out, "age_ns", llmobs_json_int(age_of(call)));
    if (call->elsewhere)
        rc |= llmobs_json_set(out, "pid_namespace",
                              llmobs_json_int((int64_t)call->pidns));
    return rc;
}

int llmobs_ps_show_json(const struct llmobs_ps_call *call,
                        const struct llmobs_ps_stack *stack)
{
    struct llmobs_json *out = llmobs_json_object();
    char *text = NULL;
    int rc = add_numbers(out, call);

    rc |= show_add_texts(out, call);
    rc |= add_state(out, call);
    rc |= add_stack(out, stack);
    if (rc == 0)
        text = llmobs_json_dumps(out, LLMOBS_JSON_ASCII);
    if (text)
        puts(text);
    rc = rc == 0 && !text ? -ENOMEM : rc;
    free(text);
    llmobs_json_free(out);
    return rc;
}
