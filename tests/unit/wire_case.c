/* Feeds bytes of a connection to the core. */
#include "tests/unit/wire_case.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/capture/call_origin.h"
#include "core/capture/judge.h"
#include "core/sdk/own_span.h"
#include "lib/base/stats.h"
#include "tests/unit/context_case.h"
#include "tests/unit/unit.h"

_Static_assert(sizeof(BODY) - 1 == 65, "LENGTH");
_Static_assert(sizeof(ANSWER_BODY) - 1 == 131, "ANSWER");

void wire_sent(struct llmobs_wire *to, const void *bytes, size_t len)
{
    llmobs_wire_event(to, &(struct llmobs_wire_event){LLMOBS_WIRE_SENT, bytes,
                                                      len, .fd = -1});
}

void wire_received(struct llmobs_wire *to, const void *bytes, size_t len)
{
    llmobs_wire_event(to, &(struct llmobs_wire_event){LLMOBS_WIRE_RECEIVED,
                                                      bytes, len, .fd = -1});
}

void wire_skipped(struct llmobs_wire *to, uint64_t bytes)
{
    llmobs_wire_event(to, &(struct llmobs_wire_event){LLMOBS_WIRE_SKIPPED, NULL,
                                                      bytes, .fd = -1});
}

void wire_unseen(struct llmobs_wire *to, uint64_t bytes, int fd)
{
    llmobs_wire_event(to, &(struct llmobs_wire_event){LLMOBS_WIRE_UNSEEN, NULL,
                                                      bytes, .fd = fd});
}

void wire_ended(struct llmobs_wire *to, enum llmobs_wire_end how)
{
    llmobs_wire_event(to, &(struct llmobs_wire_event){LLMOBS_WIRE_ENDED, NULL,
                                                      how, .fd = -1});
}

void wire_refused(struct llmobs_wire *to, uint64_t bytes)
{
    llmobs_wire_event(to, &(struct llmobs_wire_event){LLMOBS_WIRE_REFUSED, NULL,
                                                      bytes, .fd = -1});
}

static struct llmobs_rules *rules;
struct llmobs_wire *wire;

void wire_begin(void)
{
    const struct llmobs_rules_config any = {.proxy_urls = NULL};

    fake_begin(false, 1 << 20);
    fake_config->ml_app = context_base.ml_app;
    fake_config->sample_rate = 1;
    fake_replace(&keeper, 1 << 20);
    rules = llmobs_rules_new(&any);
    llmobs_own_span_init(fake_config, worker);
    llmobs_judge_init(fake_config, rules);
    llmobs_call_origin_init(fake_config);
    llmobs_wire_init(fake_config, worker);
    keeper_count = 0;
    wire = llmobs_wire_begin("api.openai.com", LLMOBS_WIRE_TLS, false);
    ck_assert_ptr_nonnull(wire);
}

bool wire_says(int i, const char *text)
{
    return i < keeper_count && strstr(keeper_events[i], text);
}

void wire_end(int count)
{
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    ck_assert_int_eq(keeper_count, count);
    for (int i = 0; i < count; i++)
        ck_assert_msg(!wire_says(i, "SECRETKEY"), "%s", keeper_events[i]);
    worker_case_sum(worker);
    llmobs_rules_free(rules);
}

void wire_send(const char *text)
{
    wire_sent(wire, text, strlen(text));
}

void wire_receive(const char *text)
{
    wire_received(wire, text, strlen(text));
}

void wire_over(enum llmobs_wire_end how)
{
    if (how != LLMOBS_WIRE_FREED)
        wire_ended(wire, how);
    wire_ended(wire, LLMOBS_WIRE_FREED);
}
void wire_leave(unsigned calls, unsigned unfollowed)
{
    _exit(llmobs_stats_get(LLMOBS_STAT_captured) != calls ||
          llmobs_stats_get(LLMOBS_STAT_unfollowed) != unfollowed);
}

void wire_child_ends_well(pid_t child)
{
    int status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
