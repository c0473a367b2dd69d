/* Lets threads take turns at loading and unloading. */
#include "shim/turn.h"

#include <sys/stat.h>

#define LOAD 0
#define CLOSE LLMOBS_TURN_CLOSE
#define OPEN LLMOBS_TURN_OPEN
#define KINDS 3

struct llmobs_turn {
    int who;          /* the pid of a process that loads; negative: CLOSE or
                       * OPEN; 0: free */
    uintptr_t thread; /* 0: not known yet */
};

static const int wait_us[KINDS] = {LLMOBS_TURN_LOAD_US, LLMOBS_TURN_CLOSE_US,
                                   LLMOBS_TURN_OPEN_US};

enum whose { NOBODY, ANOTHER, MINE };

static struct llmobs_turn turns[LLMOBS_TURNS];
static int crowd; /* the number of the app's turns without a structure */
static int ends;  /* counts ended turns; threads wait on it */
static int waiting;
/* A wait for a turn of that kind timed out: no other wait begins. */
static bool in_vain[KINDS];

static bool is_mine(const struct llmobs_turn *turn)
{
    return __atomic_load_n(&turn->thread, __ATOMIC_ACQUIRE) ==
           llmobs_sys_thread();
}

/* True for the turn of a parent's thread that was loading. Asks the kernel for
 * the pid only if a thread loads. */
static bool is_orphan(const struct llmobs_turn *turn, int who)
{
    return who > 0 && who != llmobs_libc_pid() && !is_mine(turn);
}

static struct llmobs_turn *claim_turn(int who)
{
    for (size_t i = 0; i < LLMOBS_TURNS; i++) {
        struct llmobs_turn *turn = &turns[i];
        int now = __atomic_load_n(&turn->who, __ATOMIC_ACQUIRE);

        if ((now && !is_orphan(turn, now)) ||
            !__atomic_compare_exchange_n(&turn->who, &now, who, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            continue;
        __atomic_store_n(&turn->thread, llmobs_sys_thread(), __ATOMIC_RELEASE);
        return turn;
    }
    return NULL;
}

static void free_turn(struct llmobs_turn *turn)
{
    if (turn) {
        __atomic_store_n(&turn->thread, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&turn->who, 0, __ATOMIC_SEQ_CST);
    }
    __atomic_fetch_add(&ends, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST))
        llmobs_libc_wake(&ends);
}

/* The owner of a turn of that kind; this thread's own turn counts before those
 * of others. */
static enum whose whose(int kind)
{
    enum whose found = NOBODY;

    if (kind == CLOSE && __atomic_load_n(&crowd, __ATOMIC_SEQ_CST))
        found = ANOTHER;
    for (size_t i = 0; i < LLMOBS_TURNS; i++) {
        int who = __atomic_load_n(&turns[i].who, __ATOMIC_SEQ_CST);

        if (!who || (who > 0 ? LOAD : -who) != kind ||
            is_orphan(&turns[i], who))
            continue;
        if (is_mine(&turns[i]))
            return MINE;
        found = ANOTHER;
    }
    return found;
}

/* Waits until a turn of that kind ends that had not ended when `seen` was read.
 * False: it did not end in time; immediately, for turns of a parent's threads,
 * as others' turns are in a process with one thread. */
static bool wait_for_end(int kind, int seen, int64_t *until)
{
    struct stat st;
    bool more;

    if (__atomic_load_n(&in_vain[kind], __ATOMIC_RELAXED))
        return false;
    if (*until == 0)
        *until = llmobs_sys(SYS_newfstatat, AT_FDCWD, "/proc/self/task", &st,
                            0) == 0 &&
                         st.st_nlink == 3
                     ? 1
                     : llmobs_libc_monotonic_us() + wait_us[kind];
    __atomic_fetch_add(&waiting, 1, __ATOMIC_SEQ_CST);
    more = llmobs_libc_wait(&ends, seen, *until);
    __atomic_fetch_sub(&waiting, 1, __ATOMIC_SEQ_CST);
    if (!more)
        __atomic_store_n(&in_vain[kind], true, __ATOMIC_RELAXED);
    return more;
}

/* A turn of either kind first announces itself and then looks for others. So if
 * two begin at once, at least one sees the other. The loading turn waits for
 * the other. */
struct llmobs_turn *llmobs_turn_begin(enum llmobs_turn_kind kind)
{
    bool inside = whose(CLOSE) == MINE || whose(OPEN) == MINE;
    struct llmobs_turn *turn = claim_turn(-(int)kind);
    int64_t until = 0;
    int seen;

    if (!turn)
        __atomic_fetch_add(&crowd, 1, __ATOMIC_SEQ_CST);
    do
        seen = __atomic_load_n(&ends, __ATOMIC_SEQ_CST);
    while (!inside && whose(LOAD) == ANOTHER &&
           wait_for_end(LOAD, seen, &until));
    return turn;
}

void llmobs_turn_end(struct llmobs_turn *turn)
{
    if (!turn)
        __atomic_fetch_sub(&crowd, 1, __ATOMIC_SEQ_CST);
    free_turn(turn);
}

/* The owner and the kind of the turn that keeps this thread from loading. In
 * its own dlopen this thread may load, because it holds the loader's lock; but
 * not with a turn in `crowd`, which may be a dlclose of this thread. */
static enum whose hindered(int *by)
{
    enum whose closes = whose(CLOSE);
    enum whose opens = whose(OPEN);

    *by = closes == NOBODY ? OPEN : CLOSE;
    if (closes == MINE)
        return MINE;
    if (opens == MINE && !__atomic_load_n(&crowd, __ATOMIC_SEQ_CST))
        return NOBODY;
    return closes == NOBODY ? opens : closes;
}

struct llmobs_turn *llmobs_turn_begin_load(void)
{
    struct llmobs_turn *turn;
    int64_t until = 0;
    int seen, by;

    do {
        seen = __atomic_load_n(&ends, __ATOMIC_SEQ_CST);
        turn = hindered(&by) == NOBODY ? claim_turn(llmobs_libc_pid()) : NULL;
        if (turn && hindered(&by) != NOBODY) {
            free_turn(turn);
            turn = NULL;
        }
    } while (!turn && hindered(&by) != MINE && wait_for_end(by, seen, &until));
    return turn;
}

void llmobs_turn_end_load(struct llmobs_turn *turn)
{
    free_turn(turn);
}

bool llmobs_turn_in_close(void)
{
    return whose(CLOSE) == MINE;
}
