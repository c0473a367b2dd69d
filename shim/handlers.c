/* Defers the program's signal handlers while the library works. */
#include "shim/handlers.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "lib/base/cold.h"
#include "lib/base/readable.h"
#include "shim/fds.h"
#include "shim/lib_calls.h"
#include "shim/libc.h"
#include "shim/say.h"

#define HANDLERS 128
#define WORDS 8 /* of a line, the size of a cache line */
#define INFO (sizeof(((struct llmobs_work *)0)->info) / sizeof(uint64_t))

/* Bytes of a stack. Coroutines have larger ones. */
#define NEAR (16 * 1024)

/* The program asked for this with a handler, and the kernel is not told. */
enum { SAYS_NOTHING = 1, ONCE = 2 };

/* A real-time signal that the thread has taken, and raised anew behind others
 * of its number: of each that comes until then, the handler gets the one
 * before. */
struct taken {
    int signal; /* 0: none */
    int thread; /* a child, or the next thread of this address, has none */
    unsigned char ignored;           /* as the number's was at that time */
    uint64_t info[INFO], last[INFO]; /* the next to hand on; as it was raised */
};

/* A thread that is at work, in a handler, or about to send. Only the thread
 * itself reads and writes it, and its own handlers. */
struct llmobs_thread {
    uintptr_t *word; /* the thread's number; NULL: in the first table */
    volatile uintptr_t work, handler; /* addresses of frames; 0: none */
    uintptr_t low;   /* where the handler's stack ends, if it has one */
    int signal;      /* the handler's */
    uintptr_t sends; /* the address of the send's frame; 0: none */
    const void *sends_to;
    struct llmobs_insertions *holds;
    struct taken taken;
};

/* The kernel's form of struct sigaction. */
struct action {
    uintptr_t handler;
    unsigned long flags;
    uintptr_t restorer;
    uint64_t mask;
};

/* Signals that the thread has caused itself by what it does just then. */
#define BIT(signal) (UINT64_C(1) << ((signal)-1))
#define FAULTS                                                               \
    (BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGILL) | BIT(SIGTRAP) | \
     BIT(SIGSYS) | BIT(SIGABRT))

/* Each is an address * 4, and what was asked for. */
static LLMOBS_COLD uint64_t handlers[HANDLERS];
/* A word is 0 where its place is free. The second table is mapped once lines of
 * the first are full; its places lie behind it. Handlers that find both full
 * have places behind the first. */
#define FIRST ((size_t)WORDS << 7)
#define SECOND ((size_t)WORDS << 13)
static LLMOBS_COLD _Alignas(64) uintptr_t threads[FIRST + WORDS];
static LLMOBS_COLD struct llmobs_thread places[FIRST + WORDS];
static uintptr_t *more; /* NULL: none yet */
static int process;     /* that sets handlers, and has the places */
static bool spares;     /* handlers have, or had, places behind the first */

/* How often the program has let all go that waited, by ignoring the signal. */
static unsigned char ignored[65];

/* -- threads --------------------------------------------------------------- */

/* The thread's place in a table; NULL: it has none there, or, for one that
 * claims, none is free. */
static inline struct llmobs_thread *place_in(uintptr_t *words, size_t size,
                                             struct llmobs_thread *of,
                                             uintptr_t self, bool claims)
{
    const uint64_t mixed = (uint64_t)self * UINT64_C(0x9E3779B97F4A7C15);
    const size_t line =
        (size_t)(mixed >> 32) * size >> 32 & ~(size_t)(WORDS - 1);
    size_t at = WORDS;

    words += line;
#pragma GCC unroll 8
    for (size_t i = 0; !claims && i < WORDS; i++)
        at = __atomic_load_n(&words[i], __ATOMIC_RELAXED) == self ? i : at;
    for (size_t i = 0; claims && at == WORDS && i < WORDS; i++) {
        uintptr_t none = 0;

        if (__atomic_compare_exchange_n(&words[i], &none, self, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            at = i;
    }
    return at < WORDS ? &of[line + at] : NULL;
}

/* In the second table. */
static struct llmobs_thread *place_in_more(uintptr_t self, bool claims)
{
    struct llmobs_thread *of = (struct llmobs_thread *)(more + SECOND), *place;

    place = place_in(more, SECOND, of, self, claims);
    if (place)
        place->word = &more[place - of];
    return place;
}

/* Maps the second table, or finds that another thread did. */
static bool has_more(void)
{
    const size_t size = SECOND * (sizeof(*more) + sizeof(struct llmobs_thread));
    uintptr_t *none = NULL;
    long made;

    if (__atomic_load_n(&more, __ATOMIC_ACQUIRE))
        return true;
    made = llmobs_sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (made < 0 && made > -4096)
        return false;
    if (!__atomic_compare_exchange_n(&more, &none, (uintptr_t *)made, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        llmobs_sys(SYS_munmap, made, size);
    return true;
}

/* Of a thread in a handler, behind the first table. */
static struct llmobs_thread *place_in_spares(uintptr_t self, bool claims)
{
    return place_in(threads + FIRST, WORDS, places + FIRST, self, claims);
}

/* The thread's place; NULL: it has none, and claims none, or none is free. */
static struct llmobs_thread *place_of(uintptr_t self, bool claims)
{
    struct llmobs_thread *place = place_in(threads, FIRST, places, self, false);

    if (!place && __builtin_expect(!!more, 0))
        place = place_in_more(self, false);
    if (!place && __builtin_expect(spares, 0))
        place = place_in_spares(self, false);
    if (place || !claims)
        return place;
    place = place_in(threads, FIRST, places, self, true);
    return place || !has_more() ? place : place_in_more(self, true);
}

/* True where the thread has taken a signal that it must still hand on. */
static bool has_taken(const struct llmobs_thread *place)
{
    return place->taken.signal &&
           place->taken.ignored ==
               __atomic_load_n(&ignored[place->taken.signal],
                               __ATOMIC_RELAXED) &&
           place->taken.thread == (int)llmobs_sys(SYS_gettid);
}

/* A handler that came meanwhile may have given the place back already. */
static void free_place(struct llmobs_thread *place, uintptr_t self)
{
    if (!place->work && !place->handler && !place->sends && !has_taken(place))
        (void)__atomic_compare_exchange_n(
            place->word ? place->word : &threads[place - places], &self, 0,
            false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

/* True while that frame is there: a jump leaves its address behind. The memory
 * may be gone, or another's. */
static bool is_alive(uintptr_t frame, uintptr_t low, uintptr_t below)
{
    return frame && low <= below && below < frame &&
           llmobs_readable((void *)frame, sizeof(frame)) &&
           *(volatile uintptr_t *)frame == ~frame;
}

/* True while the send may be under way whose frame is there: before it sends, a
 * wrapper of the program's may send to somebody else, and so may another
 * coroutine of the thread, on another stack. A jump to a frame shortly above
 * has left the send. */
static bool is_under_way(uintptr_t frame, uintptr_t here)
{
    return !(frame < here && here - frame < NEAR) &&
           llmobs_readable((void *)frame, sizeof(frame)) &&
           *(volatile uintptr_t *)frame == ~frame;
}

/* -- work ------------------------------------------------------------------ */

bool llmobs_handlers_begin(struct llmobs_work *work, uintptr_t *ends)
{
    const uintptr_t self = llmobs_sys_thread(), here = (uintptr_t)work;
    struct llmobs_thread *thread = place_of(self, true);

    work->thread = NULL;
    work->left = NULL;
    work->insertions = NULL;
    work->error = llmobs_libc_errno();
    work->signal = 0;
    if (!thread) {
        llmobs_say(false, "too many threads send at once, or no memory: ",
                   "not all of their calls by plain HTTP are seen");
        return false;
    }
    if (ends && thread->sends == (uintptr_t)ends)
        thread->sends = 0;
    if (ends)
        *ends = 0;
    /* The loader may call a malloc of the program's, which may send. */
    if ((thread->handler | thread->work) != 0 &&
        (is_alive(thread->handler, thread->low, here) ||
         is_alive(thread->work, 0, here)))
        return false;
    thread->handler = 0;
    work->self = ~here;
    work->thread = thread;
    thread->work = here;
    if (thread->sends && !is_under_way(thread->sends, here)) {
        thread->sends = 0;
        work->left = thread->sends_to;
        work->insertions = thread->holds;
    }
    return true;
}

void llmobs_handlers_sends(struct llmobs_work *work, uintptr_t *frame,
                           const void *key,
                           struct llmobs_insertions *insertions)
{
    *frame = ~(uintptr_t)frame;
    work->thread->sends = (uintptr_t)frame;
    work->thread->sends_to = key;
    work->thread->holds = insertions;
}

/* Lets the signal come again, behind others of its number. Where the user's
 * queue of signals is full, it comes without its words, and a real-time one may
 * come as one with another of its number: the thread has the words. */
static void raise_anew(struct llmobs_thread *thread, int signal,
                       const uint64_t *info)
{
    const int pid = (int)llmobs_sys(SYS_getpid);
    const int self = (int)llmobs_sys(SYS_gettid);
    const uint64_t none[16] = {(unsigned)signal}; /* of SI_USER */
    uint64_t words[16] = {0};
    bool queued;

    for (size_t i = 0; i < INFO; i++)
        words[i] = info[i];
    queued = llmobs_sys(SYS_rt_tgsigqueueinfo, pid, self, signal, words) == 0;
    if (!queued)
        llmobs_sys(SYS_rt_tgsigqueueinfo, pid, self, signal, none);
    if (signal < 32 || has_taken(thread))
        return;
    thread->taken.signal = signal;
    thread->taken.thread = self;
    thread->taken.ignored = __atomic_load_n(&ignored[signal], __ATOMIC_RELAXED);
    for (size_t i = 0; i < INFO; i++) {
        thread->taken.info[i] = words[i];
        thread->taken.last[i] = queued ? words[i] : none[i];
    }
}

void llmobs_handlers_end(struct llmobs_work *work)
{
    if (work->thread) {
        work->self = 0;
        work->thread->work = 0;
        if (work->signal)
            raise_anew(work->thread, work->signal, work->info);
        free_place(work->thread, llmobs_sys_thread());
    }
    llmobs_libc_errno_restore(work->error);
    if (work->signal)
        llmobs_sys(SYS_rt_sigprocmask, SIG_SETMASK, &work->mask, NULL, 8);
}

/* -- a signal -------------------------------------------------------------- */

static uintptr_t stack_of(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#else
    return context->uc_mcontext.sp;
#endif
}

/* The work goes on with all signals blocked, so that only one waits. */
static void let_wait(struct llmobs_work *work, int signal, const uint64_t *info,
                     ucontext_t *context)
{
    uint64_t *mask = (uint64_t *)&context->uc_sigmask;

    for (size_t i = 0; i < INFO; i++)
        work->info[i] = info[i];
    work->mask = *mask;
    work->signal = signal;
    *mask = ~FAULTS;
}

/* As the kernel does before it calls such a handler. */
static void forget_handler(int signal, uint64_t wanted)
{
    struct action action;

    if (llmobs_sys(SYS_rt_sigaction, signal, NULL, &action, 8) != 0)
        return;
    action.handler = (uintptr_t)SIG_DFL;
    action.flags |= SA_RESETHAND;
    if (wanted & SAYS_NOTHING)
        action.flags &= ~(unsigned long)SA_SIGINFO;
    llmobs_sys(SYS_rt_sigaction, signal, &action, NULL, 8);
}

/* The remains of a handler's frame may seem alive long after a jump out of it,
 * but the jump has let its signal come again. A handler of a fault may let it
 * come itself, and forks where malloc broke. */
static bool is_blocked(int signal)
{
    struct action action;
    uint64_t mask = 0;

    return llmobs_sys(SYS_rt_sigaction, signal, NULL, &action, 8) == 0 &&
           ((action.flags & SA_NODEFER) || (FAULTS & BIT(signal)) ||
            (llmobs_sys(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &mask, 8) == 0 &&
             (mask & BIT(signal))));
}

/* True where both signals say the same. An emulator leaves words undefined that
 * say nothing: of SI_USER and SI_TKILL the fourth, and the half behind a code.
 */
static bool say_same(const uint64_t *one, const uint64_t *other)
{
    const int code = (int)one[1];

    return one[0] == other[0] && code == (int)other[1] && one[2] == other[2] &&
           (code == SI_USER || code == SI_TKILL || one[3] == other[3]);
}

static bool waits(int signal)
{
    uint64_t waiting = 0;

    return llmobs_sys(SYS_rt_sigpending, &waiting, 8) == 0 &&
           (waiting & BIT(signal));
}

/* Where none of the number waits any more, the program has got the last one by
 * itself, or let go all: lets the one come that is still to be handed on. */
static void hand_on(struct llmobs_thread *thread)
{
    const int signal = thread->taken.signal;

    if (!has_taken(thread) || waits(signal))
        return;
    thread->taken.signal = 0;
    if (!say_same(thread->taken.info, thread->taken.last))
        raise_anew(thread, signal, thread->taken.info);
}

/* A signal comes that the thread has taken before, or another of its number:
 * puts the one in its place that came first. */
static void put_in_order(struct llmobs_thread *thread, uint64_t *info)
{
    struct taken *taken = &thread->taken;
    bool is_last = say_same(info, taken->last);

    if (!is_last && say_same(taken->info, taken->last))
        hand_on(thread);
    if (!taken->signal)
        return;
    for (size_t i = 0; i < INFO; i++) {
        uint64_t next = taken->info[i];

        taken->info[i] = info[i];
        info[i] = next;
    }
    if (is_last)
        taken->signal = 0;
    else
        hand_on(thread);
}

typedef void handler_fn(int, void *, void *);

/* The functions below come here. */
__attribute__((visibility("hidden"))) void llmobs_handlers_run(int signal,
                                                               void *info,
                                                               void *context,
                                                               unsigned which);

void llmobs_handlers_run(int signal, void *info, void *context, unsigned which)
{
    const uint64_t wanted = __atomic_load_n(&handlers[which], __ATOMIC_ACQUIRE);
    const uintptr_t self = llmobs_sys_thread();
    const stack_t *stack = &((ucontext_t *)context)->uc_stack;
    struct llmobs_thread *thread = place_of(self, false);
    volatile uintptr_t frame;
    uintptr_t here = (uintptr_t)&frame, outer = 0, low = 0;
    int outers = 0;
    bool came = !thread;

    if (thread && is_alive(thread->work, 0, stack_of(context) - 1) &&
        !(FAULTS & BIT(signal)) && llmobs_libc_pid() == process) {
        let_wait((struct llmobs_work *)thread->work, signal, info, context);
        return;
    }
    if (came) {
        thread = place_of(self, true);
    } else if (thread->taken.signal == signal && has_taken(thread)) {
        put_in_order(thread, info);
        came = true; /* nothing but this may have held the place */
    }
    if (!thread) {
        spares = true;
        thread = place_in_spares(self, true);
    }
    if (!thread)
        llmobs_handlers_unknown();
    else if (is_alive(thread->handler, thread->low, here) &&
             is_blocked(thread->signal))
        thread = NULL;
    frame = ~here;
    /* The outer handler of a nested one may lie on a stack further below. */
    if (thread) {
        outer = thread->handler;
        low = thread->low;
        outers = thread->signal;
        thread->low = here - (uintptr_t)stack->ss_sp < stack->ss_size
                          ? (uintptr_t)stack->ss_sp
                          : 0;
        thread->handler = here;
        thread->signal = signal;
    }
    if (wanted & ONCE)
        forget_handler(signal, wanted);
    ((handler_fn *)(uintptr_t)(wanted >> 2))(signal, info, context);
    frame = 0;
    if (thread) {
        thread->low = low;
        thread->signal = outers;
        thread->handler = outer;
        hand_on(thread);
    }
    if (thread && came)
        free_place(thread, self);
}

/* Each names its number and goes on there: the handler's frame lies where it
 * would, but for that one's. */
#if defined(__x86_64__)
#define STEPS "endbr64\n mov $number, %ecx\n jmp llmobs_handlers_run\n"
#else
#define STEPS "hint #34\n mov w3, #number\n b llmobs_handlers_run\n"
#endif
__asm__(".pushsection .text\n .balign 16\n .globl llmobs_handlers_first\n"
        ".hidden llmobs_handlers_first\n llmobs_handlers_first:\n"
        ".set number, 0\n .rept 128\n" STEPS
        ".balign 16\n .set number, number + 1\n .endr\n .popsection\n");
extern const char llmobs_handlers_first[][16]
    __attribute__((visibility("hidden")));

/* -- what the program sets ------------------------------------------------- */

static bool is_function(uintptr_t handler)
{
    return handler != (uintptr_t)SIG_DFL && handler != (uintptr_t)SIG_IGN &&
           handler != (uintptr_t)SIG_ERR && handler != 2; /* SIG_HOLD */
}

/* Bits of what the program asked for by these flags. */
static unsigned bits_of_flags(unsigned long flags)
{
    return (flags & SA_SIGINFO ? 0 : SAYS_NOTHING) |
           (flags & SA_RESETHAND ? ONCE : 0);
}

/* The function that stands for the handler; 0: no place is free. */
static uintptr_t wrapped(uintptr_t handler, unsigned long flags)
{
    const uint64_t wanted = (uint64_t)handler << 2 | bits_of_flags(flags);

    for (size_t i = 0; i < HANDLERS; i++) {
        uint64_t now = __atomic_load_n(&handlers[i], __ATOMIC_ACQUIRE);

        if (now == wanted ||
            (now == 0 &&
             (__atomic_compare_exchange_n(&handlers[i], &now, wanted, false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ||
              now == wanted)))
            return (uintptr_t)llmobs_handlers_first[i];
    }
    llmobs_handlers_unknown();
    return 0;
}

/* The handler for which that stands, and what the program asked for. */
static uint64_t unwrapped(uintptr_t handler)
{
    uintptr_t at = handler - (uintptr_t)llmobs_handlers_first;

    return at < HANDLERS * sizeof(*llmobs_handlers_first)
               ? handlers[at / sizeof(*llmobs_handlers_first)]
               : 0;
}

/* Wraps a handler that the kernel has already. */
static void wrap_known(int signal)
{
    struct action action;

    if (llmobs_sys(SYS_rt_sigaction, signal, NULL, &action, 8) != 0 ||
        !is_function(action.handler) || unwrapped(action.handler))
        return;
    action.handler = wrapped(action.handler, action.flags);
    action.flags |= SA_SIGINFO;
    action.flags &= ~(unsigned long)SA_RESETHAND;
    if (action.handler)
        llmobs_sys(SYS_rt_sigaction, signal, &action, NULL, 8);
}

#define REAL(name) ((name##_fn *)llmobs_libc_calls_real[LLMOBS_LIBC_##name])

typedef int sigaction_fn(int, const struct sigaction *, struct sigaction *);
static int of_sigaction(int signal, const struct sigaction *to,
                        struct sigaction *was)
{
    struct sigaction ours;
    uint64_t before;
    uintptr_t handler;
    int result;

    if (to && is_function((uintptr_t)to->sa_handler) &&
        (handler =
             wrapped((uintptr_t)to->sa_handler, (unsigned)to->sa_flags))) {
        ours = *to;
        ours.sa_sigaction = (void (*)(int, siginfo_t *, void *))handler;
        ours.sa_flags |= SA_SIGINFO;
        ours.sa_flags &= ~(int)SA_RESETHAND;
        to = &ours;
    }
    result = REAL(sigaction)(signal, to, was);
    if (result == 0 && to && to->sa_handler == SIG_IGN)
        __atomic_fetch_add(&ignored[signal], 1, __ATOMIC_RELAXED);
    before = result == 0 && was ? unwrapped((uintptr_t)was->sa_handler) : 0;
    if (before) {
        was->sa_handler = (void (*)(int))(uintptr_t)(before >> 2);
        was->sa_flags &= before & SAYS_NOTHING ? ~SA_SIGINFO : ~0;
        was->sa_flags |= before & ONCE ? (int)SA_RESETHAND : 0;
    }
    return result;
}

/* The flags are libc's secret (siginterrupt). */
#define SIGNAL(name)                                                   \
    typedef uintptr_t name##_fn(int, uintptr_t);                       \
    static uintptr_t of_##name(int signal, uintptr_t to)               \
    {                                                                  \
        uintptr_t was = REAL(name)(signal, to);                        \
        uint64_t before = unwrapped(was);                              \
                                                                       \
        if (was != (uintptr_t)SIG_ERR && is_function(to))              \
            wrap_known(signal);                                        \
        if (was != (uintptr_t)SIG_ERR && to == (uintptr_t)SIG_IGN)     \
            __atomic_fetch_add(&ignored[signal], 1, __ATOMIC_RELAXED); \
        return before ? (uintptr_t)(before >> 2) : was;                \
    }
SIGNAL(signal)
SIGNAL(__sysv_signal)
SIGNAL(sigset)

void llmobs_handlers_own(void)
{
    __atomic_store_n(&process, llmobs_libc_pid(), __ATOMIC_RELAXED);
}

/* In a process of two threads, as the library makes one, fork takes the locks
 * of malloc, and a handler may have interrupted that. */
typedef int fork_fn(void);
typedef int _Fork_fn(void);

/* Their places, too: what a thread was at is in this process's stack. */
static void forget_others(uintptr_t *words, struct llmobs_thread *of,
                          size_t size, uintptr_t self)
{
    for (size_t i = 0; i < size; i++)
        if (words[i] && words[i] != self) {
            words[i] = 0;
            of[i].work = of[i].handler = of[i].sends = 0;
        }
}

/* A child has this thread alone, and its own signals wait for its own work. */
static int known(int pid)
{
    const uintptr_t self = llmobs_sys_thread();
    struct llmobs_thread *own;

    if (pid != 0)
        return pid;
    llmobs_handlers_own();
    llmobs_fds_own();
    if ((own = place_of(self, false)))
        own->taken.signal = 0;
    forget_others(threads, places, FIRST + WORDS, self);
    if (more)
        forget_others(more, (struct llmobs_thread *)(more + SECOND), SECOND,
                      self);
    return pid;
}

static int of__Fork(void)
{
    return known(REAL(_Fork)());
}

static int of_fork(void)
{
    struct llmobs_thread *thread = place_of(llmobs_sys_thread(), false);
    bool inside = thread &&
                  is_alive(thread->handler, thread->low,
                           (uintptr_t)__builtin_frame_address(0)) &&
                  is_blocked(thread->signal);

    return known(inside && REAL(_Fork) ? REAL(_Fork)() : REAL(fork)());
}

void llmobs_handlers_watch(void)
{
    llmobs_handlers_own();
    for (int signal = 1; signal <= 64; signal++)
        if (signal < 32 || signal > 34) /* libc's own */
            wrap_known(signal);
}

void llmobs_handlers_unknown(void)
{
    llmobs_fds_stop();
    llmobs_say(false, "not all signal handlers are known: ",
               "calls by plain HTTP are not observed any more");
}

#define THUNK_OF(name, sets) \
    case LLMOBS_LIBC_##name: \
        return llmobs_lib_opaque((void *)(of_##name));

void *llmobs_handlers_function(enum llmobs_libc_call call)
{
    switch (call) {
        LLMOBS_LIBC_HANDLER_CALLS(THUNK_OF)
    default:
        return NULL;
    }
}
