/* Keeps the requests that a program serves, by their keys. */
#include "core/capture/served.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "core/capture/keyed.h"
#include "lib/base/fork.h"

/* -- records -----------------------------------------------------------------
 */

#define LINE_BITS 4

struct served {
    struct llmobs_keyed keyed;
    atomic_int holder; /* the process whose thread has it; 0: none */
    bool kept;         /* this and the rest are the holder's */
    uint64_t entry;
    struct llmobs_caller *caller;
};

static struct llmobs_keyed_line lines[1 << LINE_BITS];
static struct llmobs_keyed_state state;
static const struct llmobs_keyed_table table = {lines, LINE_BITS,
                                                sizeof(struct served), &state};
static atomic_uint kept;

static bool hold(struct served *one)
{
    int mine = llmobs_fork_process(), holder = 0;

    while (!atomic_compare_exchange_weak(&one->holder, &holder, mine)) {
        if (holder != 0 && holder != mine)
            return false;
        holder = 0;
        sched_yield();
    }
    return true;
}

static void let_go(struct served *one)
{
    atomic_store(&one->holder, 0);
}

/* Gives the key's record, held; NULL: it has none. Another key may get the
 * record at any moment until it is held. */
static struct served *find(uintptr_t key)
{
    struct served *one = llmobs_keyed_find(&table, (void *)key);

    if (!one || !hold(one))
        return NULL;
    if (one->kept && llmobs_keyed_key(&one->keyed) == (void *)key)
        return one;
    let_go(one);
    return NULL;
}

int llmobs_served_keep(uintptr_t key, struct llmobs_caller *caller)
{
    struct served *one = NULL;
    int rc = 0;

    if (atomic_fetch_add(&kept, 1) >= LLMOBS_SERVED_MAX)
        rc = -EMFILE;
    if (!rc && (!(one = llmobs_keyed_claim(&table, (void *)key)) || !hold(one)))
        rc = -ENOMEM;
    if (!rc && one->kept)
        rc = -EEXIST;
    if (!rc) {
        one->kept = true;
        one->entry = 0;
        one->caller = caller;
    }
    if (rc == 0 || rc == -EEXIST)
        let_go(one);
    if (rc) {
        llmobs_caller_leave(caller);
        atomic_fetch_sub(&kept, 1);
    }
    return rc;
}

uint64_t llmobs_served_set_entry(uintptr_t key, uint64_t entry)
{
    struct served *one = find(key);
    uint64_t before = one ? one->entry : 0;

    if (one) {
        one->entry = entry;
        let_go(one);
    }
    return before;
}

bool llmobs_served_forget(uintptr_t key)
{
    struct served *one = find(key);

    if (!one)
        return false;
    one->kept = false;
    llmobs_caller_leave(one->caller);
    one->caller = NULL;
    let_go(one);
    llmobs_keyed_release(&table, &one->keyed);
    atomic_fetch_sub(&kept, 1);
    return true;
}

/* -- a thread works for one ---------------------------------------------------
 */

struct llmobs_serving llmobs_served_enter(uintptr_t key)
{
    struct served *one = key ? find(key) : NULL;
    struct llmobs_serving now = {.request = key};

    if (one) {
        now.entry = one->entry;
        now.caller = one->caller;
        if (now.caller)
            atomic_fetch_add(&now.caller->users, 1);
        let_go(one);
    }
    return llmobs_thread_state_serve(now);
}

void llmobs_served_leave(struct llmobs_serving before)
{
    before = llmobs_thread_state_serve(before);
    llmobs_caller_leave(before.caller);
}

/* -- what the program tells
 * ---------------------------------------------------- */

/* Reads a number, and passes the character behind it. */
static uint64_t next_number(const char **text)
{
    uint64_t number = 0;

    while (**text >= '0' && **text <= '9')
        number = number * 10 + (uint64_t)(*(*text)++ - '0');
    *text += **text != '\0';
    return number;
}

/* The TLS connections with a number and without a request, by their address. */
struct numbered {
    struct llmobs_keyed keyed;
    _Atomic uint64_t number;
};

static struct llmobs_keyed_line numbered_lines[1 << LINE_BITS];
static struct llmobs_keyed_state numbered_state;
static const struct llmobs_keyed_table numbered = {
    numbered_lines, LINE_BITS, sizeof(struct numbered), &numbered_state};
static const void *(*current_tls)(void); /* constant after init */

void llmobs_served_init(const void *(*current)(void))
{
    current_tls = current;
}

uint64_t llmobs_served_number(void)
{
    const void *tls = current_tls ? current_tls() : NULL;
    struct numbered *one = llmobs_keyed_find(&numbered, tls);
    uint64_t number = one ? atomic_exchange(&one->number, 0) : 0;

    if (number)
        llmobs_keyed_release(&numbered, &one->keyed);
    return number;
}

static void tell_connection(const char *text)
{
    const void *tls = current_tls ? current_tls() : NULL;
    struct numbered *one =
        tls ? llmobs_keyed_claim(&numbered, (void *)(uintptr_t)tls) : NULL;

    if (one)
        atomic_store(&one->number, next_number(&text));
}

static void tell_stream(struct llmobs_told *told, uint64_t connection,
                        const char **text)
{
    uint32_t stream = (uint32_t)next_number(text);

    if (told)
        told->of[told->next++ % LLMOBS_TOLD_MAX] =
            (struct llmobs_told_stream){connection, next_number(text), stream};
}

static void tell_serve(const char *text)
{
    uint64_t key = next_number(&text);
    struct llmobs_told *told = llmobs_thread_state_told(key || *text);

    for (size_t i = 0; told && told->streams && i < LLMOBS_TOLD_MAX; i++)
        if (!told->of[i].connection)
            told->of[i].key = 0;
    if (told) {
        told->key = key;
        told->streams = *text != '\0';
    }
    while (told && *text)
        tell_stream(told, 0, &text);
    llmobs_caller_leave(llmobs_served_enter(key).caller);
}

static void tell_connections_stream(const char *text)
{
    uint64_t connection = next_number(&text);

    if (connection)
        tell_stream(llmobs_thread_state_told(true), connection, &text);
}

bool llmobs_served_tell(const char *text)
{
    if (strncmp(text, "serve ", 6) == 0)
        tell_serve(text + 6);
    else if (strncmp(text, "stream ", 7) == 0)
        tell_connections_stream(text + 7);
    else if (strncmp(text, "connection ", 11) == 0)
        tell_connection(text + 11);
    else
        return false;
    return true;
}

uint64_t llmobs_served_head(struct llmobs_told *told, uint64_t connection,
                            uint32_t stream)
{
    uint64_t key = 0;

    if (!told || (told->key && !stream))
        return told ? told->key : 0;
    for (unsigned i = 0; !key && i < LLMOBS_TOLD_MAX; i++) {
        struct llmobs_told_stream *one = &told->of[i];

        if (one->key && one->stream == stream &&
            (!one->connection || one->connection == connection)) {
            key = one->key;
            one->key = 0;
        }
    }
    return key;
}
