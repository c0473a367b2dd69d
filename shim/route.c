#include "shim/route.h"

#include <dlfcn.h>

#include "shim/copies.h"
#include "shim/dl.h"
#include "shim/elf.h"
#include "shim/host.h"
#include "shim/scan.h"
#include "shim/server_libs.h"
#include "shim/turn.h"

static void *open_and_scan(const char *file, int mode)
{
    struct llmobs_turn *turn = llmobs_turn_begin(LLMOBS_TURN_OPEN);
    void *handle = llmobs_loader_open(file, mode);

    llmobs_turn_end(turn);
    if (handle)
        llmobs_scan();
    return handle;
}

struct caller {
    uintptr_t address;
    bool plain; /* the caller has no search paths of its own */
};

static int find_caller(struct dl_phdr_info *info, size_t size, void *argument)
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

/* True when the real dlopen finds the same file for the shim as for the caller.
 * $ORIGIN is the caller's directory, and a bare name is looked for in the
 * caller's RUNPATH or RPATH, and in the RPATH of the objects that needed the
 * caller. */
static bool caller_is_no_matter(const char *file, const void *address)
{
    struct caller caller = {(uintptr_t)address, false};

    if (llmobs_str_has(file, '$'))
        return false;
    if (llmobs_str_has(file, '/'))
        return true;
    if (llmobs_scan_met_rpath())
        return false;
    llmobs_libc.iterate(find_caller, &caller);
    return caller.plain;
}

llmobs_open_fn llmobs_route_open(const char *file, int mode, const void *caller)
{
    if (mode & RTLD_GLOBAL)
        llmobs_copies_note_global();
    llmobs_scan_late();
    if (llmobs_host_state() < LLMOBS_HOST_WATCHING || !file ||
        (mode & RTLD_NOLOAD))
        return llmobs_loader_open_fn();
    llmobs_scan_unseen();
    if (caller_is_no_matter(file, caller))
        return open_and_scan;
    llmobs_scan_expect_unseen();
    return llmobs_loader_open_fn();
}

/* The name by which programs ask dlsym for libc's dlclose. */
#define CLOSE "dlclose"

static void *thunk_of(const void *found)
{
    void *thunk = llmobs_copies_thunk(found);

    return thunk || !llmobs_host_inbound() ? thunk
                                           : llmobs_server_libs_thunk(found);
}

/* The thunk for the found function, even if the shim has not seen its object
 * being loaded. */
static void *observed(void *found)
{
    void *thunk = thunk_of(found);

    if (llmobs_loader_is(CLOSE, found))
        return llmobs_dl_ours(CLOSE);
    if (found && !thunk) {
        llmobs_scan();
        thunk = thunk_of(found);
    }
    return thunk ? thunk : found;
}

static void *sym_observed(void *handle, const char *name)
{
    return observed(llmobs_loader_sym(handle, name));
}

static void *vsym_observed(void *handle, const char *name, const char *version)
{
    return observed(llmobs_loader_vsym(handle, name, version));
}

/* RTLD_DEFAULT means the caller's scope, which may differ from the shim's. The
 * answers cannot differ while there is only one copy. */
static bool one_answer(const char *name)
{
    void *found = llmobs_loader_sym(RTLD_DEFAULT, name);

    if (llmobs_host_inbound() && llmobs_server_libs_certain(name))
        return llmobs_server_libs_thunk(found);
    return llmobs_copies_only() && llmobs_copies_thunk(found);
}

static bool is_hooked(const char *name)
{
    if (llmobs_str_begins(name, "curl_"))
        return llmobs_hook_find(name) != LLMOBS_HOOK_COUNT;
    if (llmobs_host_inbound() &&
        llmobs_servers_find(name) != LLMOBS_SERVER_HOOK_COUNT)
        return true;
    return llmobs_str_same(name, CLOSE);
}

/* False for RTLD_NEXT, by which interposers want the objects after them, and
 * within a dlclose: a look-up from here may make the loader keep an object that
 * is being unloaded. */
static bool may_observe(const void *handle, const char *name)
{
    llmobs_scan_late();
    if (llmobs_host_state() < LLMOBS_HOST_WATCHING)
        return false;
    llmobs_scan_unseen();
    if (handle == RTLD_NEXT || !is_hooked(name))
        return false;
    return !llmobs_turn_in_close() &&
           (handle != RTLD_DEFAULT || one_answer(name));
}

llmobs_sym_fn llmobs_route_sym(void *handle, const char *name)
{
    return may_observe(handle, name) ? sym_observed : llmobs_loader_sym_fn();
}

llmobs_vsym_fn llmobs_route_vsym(void *handle, const char *name)
{
    return may_observe(handle, name) ? vsym_observed : llmobs_loader_vsym_fn();
}
