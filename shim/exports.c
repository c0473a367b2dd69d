/* Defines dlopen, dlsym and the other symbols that the shim exports. */
#include "shim/exports.h"

#include <dlfcn.h>

#include "lib/base/cold.h"
#include "shim/alone.h"
#include "shim/copies.h"
#include "shim/elf.h"
#include "shim/host.h"
#include "shim/libc_calls.h"
#include "shim/load.h"
#include "shim/loader_calls.h"
#include "shim/lookup.h"
#include "shim/scan.h"
#include "shim/libs.h"
#include "shim/thunks.h"
#include "shim/tls_now.h"
#include "shim/turn.h"
#include "shim/wrappers.h"

#define VISIBLE __attribute__((visibility("default")))
#define EXPORTED(name) __attribute__((alias(name), visibility("default")))

void *llmobs_dl_open(const char *file, int mode);
void *llmobs_dl_sym(void *handle, const char *name);
void *llmobs_dl_vsym(void *handle, const char *name, const char *version);
int llmobs_dl_close(void *handle);
extern __typeof__(dlopen) dlopen EXPORTED("llmobs_dl_open");
extern __typeof__(dlsym) dlsym EXPORTED("llmobs_dl_sym");
extern __typeof__(dlclose) dlclose EXPORTED("llmobs_dl_close");
void *dlvsym(void *handle, const char *name, const char *version)
    EXPORTED("llmobs_dl_vsym");
VISIBLE const struct llmobs_api *llmobs_get_api(
    unsigned version, const struct llmobs_enable_options *enable);
VISIBLE void llmobs_command(const char **text);

/* -- for programs that make spans themselves ------------------------------- */

/* Loads the core if the program or its environment wants it. NULL: nothing is
 * observed. */
static const struct llmobs_ops *ops_for(
    const struct llmobs_enable_options *enable)
{
    enum llmobs_scan_question asked =
        enable ? LLMOBS_SCAN_ENABLE : LLMOBS_SCAN_DECIDE;

    llmobs_scan_late(llmobs_dl_find);
    if (llmobs_host_state() <= LLMOBS_HOST_OFF || !llmobs_scan_ask(asked))
        return NULL;
    return llmobs_load_without_copy(enable);
}

const struct llmobs_api *llmobs_get_api(
    unsigned version, const struct llmobs_enable_options *enable)
{
    const struct llmobs_ops *ops = ops_for(enable);

    return ops ? ops->api(version) : NULL;
}

/* Does a command of the program. Returns its answer; NULL: there is none. */
static const char *run_command(const char *text)
{
    const struct llmobs_ops *ops = ops_for(NULL);

    if (ops)
        llmobs_tls_now_watch();
    return ops ? ops->command(text) : NULL;
}

void llmobs_command(const char **text)
{
    const char *answer = run_command(*text);

    *text = answer ? answer : "";
}

/* -- dlopen ---------------------------------------------------------------- */

static void *open_and_scan(const char *file, int mode)
{
    struct llmobs_turn *turn = llmobs_turn_begin(LLMOBS_TURN_OPEN);
    void *handle = llmobs_loader_open_fn()(file, mode);

    llmobs_turn_end(turn);
    if (handle)
        llmobs_scan();
    return handle;
}

struct caller {
    uintptr_t address;
    bool plain; /* the caller has no search paths of its own */
};

static int find_calling_object(struct dl_phdr_info *info, size_t size,
                               void *argument)
{
    struct caller *caller = argument;
    struct llmobs_elf elf;

    (void)size;
    if (llmobs_elf_open(&elf, info) != 0 ||
        !llmobs_elf_covers(&elf, caller->address, 1, PF_X))
        return 0;
    caller->plain = !elf.rpath && !elf.runpath;
    return 1;
}

/* True if the real dlopen finds the same file, whether the shim or the
 * program's own code calls it. The caller decides two things: $ORIGIN is its
 * directory, and a bare name is searched in its RUNPATH or RPATH and in the
 * RPATH of the objects that needed it. */
static bool same_for_any_caller(const char *file, const void *address)
{
    struct caller caller = {(uintptr_t)address, false};

    if (llmobs_str_has(file, '$'))
        return false;
    if (llmobs_str_has(file, '/'))
        return true;
    if (llmobs_scan_any_rpath())
        return false;
    llmobs_libc.iterate(find_calling_object, &caller);
    return caller.plain;
}

/* This and route_of must not be inlined: a caller that has their variables in
 * its frame cannot end in a jump. */
__attribute__((noinline)) static llmobs_open_fn route_open(const char *file,
                                                           int mode,
                                                           const void *caller)
{
    if (mode & RTLD_GLOBAL)
        llmobs_copies_set_global();
    if (mode & RTLD_DEEPBIND)
        llmobs_copies_set_deep();
    llmobs_scan_late(llmobs_dl_find);
    if (llmobs_host_state() < LLMOBS_HOST_WATCHING || !file ||
        (mode & RTLD_NOLOAD))
        return llmobs_loader_open_fn();
    llmobs_scan_unseen();
    if (same_for_any_caller(file, caller))
        return open_and_scan;
    llmobs_scan_expect_unseen();
    return llmobs_loader_open_fn();
}

/* -- dlsym and dlvsym ------------------------------------------------------ */

/* The name by which programs ask dlsym for libc's dlclose. */
#define CLOSE "dlclose"

static void *thunk_of(const void *found)
{
    void *thunk = llmobs_thunk_of(found);

    if (!thunk)
        thunk = llmobs_thunk_of_libc(found);
    return thunk || !llmobs_host_tls() ? thunk : llmobs_libs_thunk(found);
}

/* The thunk for the found function, even if the shim has not seen its object
 * being loaded. */
static void *observed(void *found)
{
    void *thunk = thunk_of(found);

    if (llmobs_loader_is(CLOSE, found))
        return (void *)llmobs_dl_close;
    if (found && !thunk) {
        llmobs_scan();
        thunk = thunk_of(found);
    }
    return thunk ? thunk : found;
}

static bool is_hooked(const char *name)
{
    unsigned sets = llmobs_name_sets[llmobs_name_find(name)];

    if (sets & LLMOBS_NAME_OF_CURL ||
        (sets & LLMOBS_NAME_OF_LIB && llmobs_host_tls()))
        return true;
    llmobs_alone_asked(sets);
    return llmobs_libc_calls_watched(sets) || llmobs_str_same(name, CLOSE);
}

/* A call of dlsym or, with a version, of dlvsym. */
struct query {
    void *handle;
    const char *name, *version;
    const void *caller;
    bool versioned;
};

/* The caller gets a function of libcurl, from the shim or, `unseen`, from the
 * real dlsym. */
static void record_answer(struct llmobs_lookup *lookup, bool unseen)
{
    if (unseen && lookup->from.start)
        llmobs_wrappers_stray(&lookup->from, lookup->hook);
    else
        llmobs_wrappers_reach(lookup->caller, lookup->hook);
}

/* An answer that does not depend on the caller. If another object has the
 * function, that object is a wrapper. If no object of this list has it, a
 * libcurl in another namespace of the loader has it. */
static void *by_handle(const struct query *query, struct llmobs_lookup *lookup)
{
    void *found = query->versioned
                      ? llmobs_loader_vsym_fn()(query->handle, query->name,
                                                query->version)
                      : llmobs_loader_sym_fn()(query->handle, query->name);
    void *thunk = observed(found);
    bool unseen = found && thunk == found && !llmobs_lookup_lists(found);

    if (lookup->hook == LLMOBS_HOOK_COUNT || !found)
        return thunk;
    if (unseen)
        (void)llmobs_lookup(lookup);
    record_answer(lookup, unseen);
    return thunk;
}

/* RTLD_DEFAULT means the caller's scope, which may differ from the shim's. The
 * answers cannot differ while there is only one copy. */
static bool one_answer(const char *name)
{
    void *found = llmobs_loader_sym_fn()(RTLD_DEFAULT, name);

    if (llmobs_thunk_of_libc(found))
        return true;
    if (llmobs_host_tls() && llmobs_libs_certain(name))
        return llmobs_libs_thunk(found);
    return llmobs_copies_only() && llmobs_thunk_of(found);
}

/* Lasting answers for the objects that asked first: a wrapper may ask at each
 * of its calls. */
#define KNOWN 4

struct known {
    uintptr_t start, end; /* of the caller; 0: free, 1: being written */
    bool next;
    void *answer; /* NULL: the real dlsym's */
};

LLMOBS_COLD static struct known known[LLMOBS_HOOK_COUNT][KNOWN];

static bool recall(const struct llmobs_lookup *lookup, void **answer)
{
    uintptr_t at = (uintptr_t)lookup->caller;

    for (unsigned i = 0; i < KNOWN && !lookup->version; i++) {
        const struct known *one = &known[lookup->hook][i];
        uintptr_t start = __atomic_load_n(&one->start, __ATOMIC_ACQUIRE);

        if (start > 1 && at >= start && at < one->end &&
            one->next == lookup->next) {
            *answer = one->answer;
            return true;
        }
    }
    return false;
}

static void remember(const struct llmobs_lookup *lookup, void *answer)
{
    for (unsigned i = 0; i < KNOWN && !lookup->version; i++) {
        struct known *one = &known[lookup->hook][i];
        uintptr_t there = 0;

        if (!__atomic_compare_exchange_n(&one->start, &there, 1, false,
                                         __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            continue;
        one->end = lookup->from.end;
        one->next = lookup->next;
        one->answer = answer;
        __atomic_store_n(&one->start, lookup->from.start, __ATOMIC_RELEASE);
        return;
    }
}

/* An answer that depends on the caller's address; NULL: the real dlsym must
 * answer. */
static void *by_place(struct llmobs_lookup *lookup)
{
    enum llmobs_lookup_result result = llmobs_lookup(lookup);
    void *thunk = NULL;

    if (result == LLMOBS_LOOKUP_COPY)
        thunk = llmobs_thunk(lookup->copy, lookup->hook);
    record_answer(lookup, result == LLMOBS_LOOKUP_UNSURE);
    if (lookup->lasting && result != LLMOBS_LOOKUP_UNSURE)
        remember(lookup, thunk);
    return thunk;
}

/* False within a dlclose: a look-up from here may make the loader keep an
 * object that is being unloaded. */
static bool may_observe(const char *name)
{
    llmobs_scan_late(llmobs_dl_find);
    if (llmobs_host_state() < LLMOBS_HOST_WATCHING)
        return false;
    llmobs_scan_unseen();
    return is_hooked(name) && !llmobs_turn_in_close();
}

/* True: the caller gets *answer; false: the real function must answer. */
static bool answers(const struct query *query, void **answer)
{
    struct llmobs_lookup lookup = {
        .next = query->handle == RTLD_NEXT,
        .caller = query->caller,
        .hook = llmobs_hook_find(query->name),
        .start = llmobs_scan_start_objects(),
        .version = query->version,
    };

    if (!lookup.next &&
        (query->handle != RTLD_DEFAULT || one_answer(query->name))) {
        *answer = by_handle(query, &lookup);
        return true;
    }
    if (lookup.hook == LLMOBS_HOOK_COUNT)
        return false;
    if (!recall(&lookup, answer)) {
        /* A constructor may ask while its library and libcurl are being opened.
         */
        llmobs_scan();
        *answer = llmobs_copies_any() ? by_place(&lookup) : NULL;
    }
    if (*answer)
        llmobs_loader_drop_error();
    return *answer != NULL;
}

static void *return_answer(void *answer, const char *name)
{
    (void)name;
    return answer;
}

static void *return_versioned(void *answer, const char *name,
                              const char *version)
{
    (void)name;
    (void)version;
    return answer;
}

/* The answer to a command that the program passes as a symbol's name, as Perl
 * does, which can call no other function of C. NULL: the name is not a command.
 */
#define COMMAND "llmobs://"

/* The function to jump to, and the handle that it gets. */
struct route {
    void *next, *handle;
};

__attribute__((noinline)) static struct route route_of(void *handle,
                                                       const char *name,
                                                       const char *version,
                                                       bool versioned,
                                                       const void *caller)
{
    const struct query query = {handle, name, version, caller, versioned};
    void *answer =
        llmobs_str_begins(name, COMMAND) && !llmobs_turn_in_close()
            ? (void *)(uintptr_t)run_command(name + sizeof(COMMAND) - 1)
            : NULL;

    if (answer || (may_observe(name) && answers(&query, &answer)))
        return (struct route){versioned ? (void *)return_versioned
                                        : (void *)return_answer,
                              answer};
    return (struct route){versioned ? (void *)llmobs_loader_vsym_fn()
                                    : (void *)llmobs_loader_sym_fn(),
                          handle};
}

/* -- what is exported ------------------------------------------------------ */

void *llmobs_dl_open(const char *file, int mode)
{
    llmobs_open_fn next = route_open(file, mode, __builtin_return_address(0));

    return next(file, mode);
}

void *llmobs_dl_sym(void *handle, const char *name)
{
    struct route route =
        route_of(handle, name, NULL, false, __builtin_return_address(0));

    return ((llmobs_sym_fn)route.next)(route.handle, name);
}

void *llmobs_dl_vsym(void *handle, const char *name, const char *version)
{
    struct route route =
        route_of(handle, name, version, true, __builtin_return_address(0));

    return ((llmobs_vsym_fn)route.next)(route.handle, name, version);
}

/* The loader calls the destructors from within. */
int llmobs_dl_close(void *handle)
{
    llmobs_close_fn next = llmobs_loader_close_fn();
    struct llmobs_turn *turn;
    int result;

    if (llmobs_host_state() == LLMOBS_HOST_OFF)
        return next(handle);
    turn = llmobs_turn_begin(LLMOBS_TURN_CLOSE);
    result = next(handle);
    llmobs_turn_end(turn);
    return result;
}

void *llmobs_dl_find(const char *name)
{
    if (name[0] != 'd' || name[1] != 'l')
        return NULL;
    if (llmobs_str_same(name, "dlopen"))
        return (void *)llmobs_dl_open;
    if (llmobs_str_same(name, "dlsym"))
        return (void *)llmobs_dl_sym;
    if (llmobs_str_same(name, "dlvsym"))
        return (void *)llmobs_dl_vsym;
    if (llmobs_str_same(name, "dlclose"))
        return (void *)llmobs_dl_close;
    return NULL;
}
