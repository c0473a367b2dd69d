/* Many conversations at once, of several hosts, keys, users and models, whose
 * texts, answers and ids of tools are often equal; some branch, some edit their
 * history, some are another's word for word. A list of all that was ever
 * answered says which links there must be: it compares whole histories, has no
 * limits, and looks at every entry. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/link_case.h"

#define ROUNDS 12
#define TURNS 1000
#define TALKS 60
#define MESSAGES 40
#define HISTORY_TURNS 8 /* LLMOBS_LINK_TURNS */
#define ROOM 8192
#define LATE SECOND /* clocks may differ by so much */
#define HOUR (INT64_C(3600) * SECOND)

enum what { SAYS_USER, SAYS_MODEL, CALLS_TOOL, BRINGS_RESULT };

struct message {
    enum what what;
    unsigned text; /* or the tool's name */
    unsigned id;   /* of the tool's call */
};

struct talk {
    unsigned host, account, user, family;
    uint64_t trace; /* 0: each of its calls has one of its own */
    struct message list[MESSAGES];
    unsigned count;
};

/* One answer has left this: a history, or the call of a tool. */
struct left {
    uint64_t key, name, span, trace;
    int64_t end;
};

static struct talk talks[TALKS];
static struct left histories[TURNS], calls[TURNS];
static size_t history_count, call_count;
static uint64_t state;
static unsigned ids;

static unsigned any(unsigned below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % below;
}

/* -- messages ---------------------------------------------------------------
 */

static size_t write_id(char *at, size_t room, unsigned id)
{
    /* The ids differ in the middle, and have letters and digits by turns. */
    return (size_t)snprintf(at, room, "call_4kT%uq8Wb2ZsX0pLm7R", id);
}

static size_t write_message(char *at, size_t room, const struct message *m)
{
    char id[64];

    write_id(id, sizeof(id), m->id);
    switch (m->what) {
    case SAYS_USER:
        return (size_t)snprintf(at, room, SAYS("user", "Question %u"), m->text);
    case SAYS_MODEL:
        return (size_t)snprintf(at, room, SAYS("assistant", "Answer %u"),
                                m->text);
    case CALLS_TOOL:
        return (size_t)snprintf(at, room, CALLS("%s", "tool_%u"), m->text, id);
    default:
        return (size_t)snprintf(at, room, BRINGS("%s"), id);
    }
}

static void write_list(char *room, const struct message *list, unsigned count)
{
    size_t len = (size_t)sprintf(room, "[");

    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            room[len++] = ',';
        len += write_message(room + len, ROOM - len, &list[i]);
        ck_assert_uint_lt(len, ROOM - 2);
    }
    strcpy(room + len, "]");
}

/* -- the truth --------------------------------------------------------------
 */

static uint64_t add(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return (hash ^ 255) * UINT64_C(1099511628211);
}

static uint64_t whose(const struct talk *talk)
{
    char text[64];

    snprintf(text, sizeof(text), "%u %u %u", talk->host, talk->account,
             talk->user);
    return add(UINT64_C(14695981039346656037), text);
}

static uint64_t history_of(const struct talk *talk, unsigned count)
{
    uint64_t hash = whose(talk);
    char text[256];

    snprintf(text, sizeof(text), "family %u", talk->family);
    hash = add(hash, text);
    for (unsigned i = 0; i < count; i++) {
        write_message(text, sizeof(text), &talk->list[i]);
        hash = add(hash, text);
    }
    return hash;
}

static uint64_t call_of(const struct talk *talk, unsigned id)
{
    char text[64];

    write_id(text, sizeof(text), id);
    return add(whose(talk), text);
}

/* The one that is meant: the only one, or the only one in that trace. */
static const struct left *meant(const struct left *list, size_t count,
                                uint64_t key, uint64_t trace, int64_t start)
{
    const struct left *only = NULL, *near = NULL;
    size_t all = 0, in_trace = 0;

    for (size_t i = 0; i < count; i++) {
        if (list[i].key != key)
            continue;
        all++;
        only = &list[i];
        if (list[i].trace == trace) {
            in_trace++;
            near = &list[i];
        }
    }
    if (in_trace == 1)
        only = near;
    else if (all != 1)
        return NULL;
    return only->end <= start + LATE && start - only->end <= HOUR ? only : NULL;
}

static bool is_answer(const struct message *m)
{
    return m->what == SAYS_MODEL || m->what == CALLS_TOOL;
}

static const struct left *turn_before(const struct talk *talk, uint64_t trace,
                                      int64_t start)
{
    unsigned seen = 0;

    for (unsigned i = talk->count; i-- > 0 && seen < HISTORY_TURNS;) {
        const struct left *left;

        if (!is_answer(&talk->list[i]))
            continue;
        seen++;
        left = meant(histories, history_count, history_of(talk, i + 1), trace,
                     start);
        if (left)
            return left;
    }
    return NULL;
}

/* The tool of the first call with that id: where a history has the id twice, a
 * result is not certain to be that of the second. */
static unsigned name_of(const struct talk *talk, unsigned id)
{
    const struct message *m = talk->list;

    while (m->what != CALLS_TOOL || m->id != id)
        m++;
    return m->text;
}

static void expect(const struct talk *talk, uint64_t trace, int64_t start,
                   char *out)
{
    const struct message *last = &talk->list[talk->count - 1];
    const struct left *call = NULL, *turn = turn_before(talk, trace, start);

    if (last->what == BRINGS_RESULT) {
        call = meant(calls, call_count, call_of(talk, last->id), trace, start);
        /* An id that several calls have had is that of the answer before. */
        if (!call && turn && last[-1].what == CALLS_TOOL &&
            last[-1].id == last->id &&
            turn == meant(histories, history_count,
                          history_of(talk, talk->count - 1), trace, start))
            call = turn;
        else if (call && call->name != name_of(talk, last->id))
            call = NULL;
    }
    *out = '\0';
    if (call)
        out += sprintf(out, "%llu", (unsigned long long)call->span);
    if (turn && (!call || turn->span != call->span))
        sprintf(out, "%s%llu:turn", call ? " " : "",
                (unsigned long long)turn->span);
}

static void leave(const struct talk *talk, const struct message *answer,
                  struct left left)
{
    left.key = history_of(talk, talk->count);
    histories[history_count++] = left;
    if (answer->what != CALLS_TOOL)
        return;
    left.key = call_of(talk, answer->id);
    left.name = answer->text;
    calls[call_count++] = left;
}

/* -- the conversations ------------------------------------------------------
 */

static void begin_talk(struct talk *talk)
{
    *talk = (struct talk){
        .host = any(2), .account = any(3), .user = any(3), .family = any(2)};
    talk->trace = any(2) ? 0 : 1000000 + any(30);
    talk->list[talk->count++] = (struct message){SAYS_USER, any(4), 0};
}

/* Takes up a part of another conversation: goes on from it as the same caller,
 * as another one, or with an earlier message changed. */
static void copy_talk(struct talk *talk)
{
    const struct talk from = talks[any(TALKS)];
    unsigned how = any(3);

    begin_talk(talk);
    if (how != 1) {
        talk->host = from.host;
        talk->account = from.account;
        talk->user = from.user;
        talk->family = from.family;
        talk->trace = any(2) ? from.trace : talk->trace;
    }
    talk->count = 0;
    while (talk->count < from.count &&
           (talk->count == 0 || any(8) || !is_answer(&from.list[talk->count])))
        talk->list[talk->count] = from.list[talk->count], talk->count++;
    if (how == 2)
        talk->list[0].text = 4 + any(2);
}

static struct message make_answer(void)
{
    struct message answer = {any(3) ? SAYS_MODEL : CALLS_TOOL, any(3), 0};

    /* A few ids come again and again, at each host. */
    if (answer.what == CALLS_TOOL)
        answer.id = any(5) ? 100 + ids++ : any(4);
    return answer;
}

static void ask(struct talk *talk)
{
    const struct message *last = &talk->list[talk->count - 1];

    if (last->what == CALLS_TOOL)
        talk->list[talk->count++] =
            (struct message){BRINGS_RESULT, 0, last->id};
    else if (last->what == SAYS_MODEL)
        talk->list[talk->count++] = (struct message){SAYS_USER, any(4), 0};
}

/* Makes the next call of the conversation. True where it has the links that it
 * must have; a wrong one fails the test. */
static bool turn(struct talk *talk, uint64_t id)
{
    static const char *const urls[] = {TURN_URL, "https://else.test/v1/chat"};
    static const char *const users[] = {"{}", "{\"user\":\"a\"}",
                                        "{\"user\":\"b\"}"};
    static char in[ROOM], out[ROOM], want[128];
    const struct message answer = make_answer();
    const bool failed = any(12) == 0;
    struct turn call = {.id = id, .in = in, .out = failed ? NULL : out};
    const char *have;

    ask(talk);
    write_list(in, talk->list, talk->count);
    write_list(out, &answer, 1);
    call.trace = talk->trace ? talk->trace : id;
    call.url = urls[talk->host];
    call.account = talk->account;
    call.body = users[talk->user];
    call.model = talk->family ? "gpt-4o" : "claude-haiku";
    call.failed = failed;
    call.status = failed ? 400 : 200;
    /* Some begin before calls have ended that are linked sooner. */
    call.start = link_now - (any(6) ? 0 : SECOND * 9 / 4);
    expect(talk, call.trace, call.start, want);
    have = link_turn(&call);
    if (*have)
        ck_assert_msg(strcmp(have, want) == 0, "call %llu: %s, not %s",
                      (unsigned long long)id, have, want);
    if (failed)
        return strcmp(have, want) == 0;
    talk->list[talk->count++] = answer;
    leave(talk, &answer,
          (struct left){
              .span = id, .trace = call.trace, .end = call.start + SECOND / 2});
    return strcmp(have, want) == 0;
}

/* In memory the records have a key of the test's, so that each run is the
 * same. */
static void one_round(unsigned round, unsigned *linked, unsigned *missed)
{
    link_begin();
    linker.table.own[0] = 11 + round;
    linker.table.own[1] = 12;
    state = round + 1;
    history_count = call_count = 0;
    for (size_t i = 0; i < TALKS; i++)
        begin_talk(&talks[i]);
    for (uint64_t id = 1; id <= TURNS; id++) {
        struct talk *talk = &talks[any(TALKS)];

        if (talk->count + 3 > MESSAGES || any(15) == 0)
            copy_talk(talk);
        *missed += !turn(talk, id);
        *linked += llmobs_json_len(link_last.links) > 0;
        link_now += any(100) ? 0 : HOUR / 4;
    }
    link_end();
}

TEST(no_link_is_wrong_and_none_is_missing)
{
    unsigned linked = 0, missed = 0;

    for (unsigned round = 0; round < ROUNDS; round++)
        one_round(round, &linked, &missed);
    ck_assert_uint_gt(linked, ROUNDS * TURNS / 4);
    ck_assert_uint_lt(linked, ROUNDS * TURNS * 9 / 10);
    ck_assert_uint_le(missed, 2);
}
