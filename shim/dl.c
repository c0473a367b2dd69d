#include "shim/dl.h"

#include "lib/base/hazard.h"
#include "shim/host.h"
#include "shim/libc.h"
#include "shim/route.h"
#include "shim/turn.h"

#define EXPORTED(ours) __attribute__((alias(ours), visibility("default")))

void *llmobs_dl_open(const char *file, int mode);
void *llmobs_dl_sym(void *handle, const char *name);
void *llmobs_dl_vsym(void *handle, const char *name, const char *version);
int llmobs_dl_close(void *handle);
int dlclose(void *handle) EXPORTED("llmobs_dl_close");
void *dlopen(const char *file, int mode) EXPORTED("llmobs_dl_open");
void *dlsym(void *handle, const char *name) EXPORTED("llmobs_dl_sym");
void *dlvsym(void *handle, const char *name, const char *version)
    EXPORTED("llmobs_dl_vsym");

void *llmobs_dl_open(const char *file, int mode)
{
    llmobs_open_fn next =
        llmobs_route_open(file, mode, __builtin_return_address(0));

    return next(file, mode);
}

void *llmobs_dl_sym(void *handle, const char *name)
{
    struct llmobs_route_sym route =
        llmobs_route_sym(handle, name, __builtin_return_address(0));

    return route.next(route.handle, name);
}

void *llmobs_dl_vsym(void *handle, const char *name, const char *version)
{
    struct llmobs_route_vsym route =
        llmobs_route_vsym(handle, name, version, __builtin_return_address(0));

    return route.next(route.handle, name, version);
}

/* The loader calls the destructors from within. */
int llmobs_dl_close(void *handle)
{
    llmobs_close_fn next = llmobs_loader_close_fn();
    struct llmobs_turn *turn;
    int result;

    if (LLMOBS_HAZARD(loads_in_dlclose, llmobs_host_state() == LLMOBS_HOST_OFF,
                      llmobs_host_state() >= LLMOBS_HOST_OFF))
        return next(handle);
    turn = llmobs_turn_begin(LLMOBS_TURN_CLOSE);
    result = next(handle);
    llmobs_turn_end(turn);
    return result;
}

void *llmobs_dl_ours(const char *name)
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

bool llmobs_dl_hashed(const struct llmobs_elf *elf)
{
    const uint32_t hashes[] = {
        llmobs_elf_hash("dlopen"), llmobs_elf_hash("dlsym"),
        llmobs_elf_hash("dlvsym"), llmobs_elf_hash("dlclose")};

    return llmobs_elf_hashes(elf, hashes, sizeof hashes / sizeof hashes[0]);
}
