/* Reads a request's headers from the running Perl. */
#include "core/config/perl_request.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "core/config/theirs.h"

#define SV_GMAGIC 2 /* sv.h: runs the FETCH of a tied scalar */

/* Perl's own symbols, as a Perl with threads declares them; only such a Perl
 * has PL_thr_key. NULL if the process is not Perl. */
extern void *Perl_get_sv(void *perl, const char *name, int32_t flags);
extern const char *Perl_sv_2pv_flags(void *perl, void *sv, size_t *len,
                                     uint32_t flags);
extern const int PL_thr_key;
/* A table that Perl opens before a script runs, and frees last of all. */
extern const int *const PL_perlio_fd_refcnt;

/* In a Perl without threads no interpreter is the first argument. */
typedef void *get_sv_fn(const char *name, int32_t flags);
typedef const char *text_fn(void *sv, size_t *len, uint32_t flags);
typedef void any_fn(void);

/* In a Perl without threads: the thread that asked first. */
static atomic_ulong owner;

bool llmobs_perl_found(void)
{
    return THEIR(Perl_get_sv) && THEIR(Perl_sv_2pv_flags);
}

/* When the process exits, Perl has freed its interpreter, but the thread still
 * has its address. */
static bool has_ended(void)
{
    return &THEIR(PL_perlio_fd_refcnt) && !THEIR(PL_perlio_fd_refcnt);
}

void *llmobs_perl_interpreter(void)
{
    return &THEIR(PL_thr_key) && !has_ended()
               ? pthread_getspecific((pthread_key_t)THEIR(PL_thr_key))
               : NULL;
}

static const char *read_plain(const char *name, size_t *len)
{
    get_sv_fn *get_sv = (get_sv_fn *)(any_fn *)THEIR(Perl_get_sv);
    text_fn *text = (text_fn *)(any_fn *)THEIR(Perl_sv_2pv_flags);
    unsigned long none = 0, self = (unsigned long)pthread_self();
    bool owns =
        atomic_compare_exchange_strong(&owner, &none, self) || none == self;
    void *sv = owns && !has_ended() ? get_sv(name, 0) : NULL;

    return sv ? text(sv, len, SV_GMAGIC) : NULL;
}

/* Perl 5.40 does not export Perl_get_context, its own function for this. */
static const char *read_threaded(const char *name, size_t *len)
{
    void *perl = llmobs_perl_interpreter();
    void *sv = perl ? THEIR(Perl_get_sv)(perl, name, 0) : NULL;

    return sv ? THEIR(Perl_sv_2pv_flags)(perl, sv, len, SV_GMAGIC) : NULL;
}

static const char *read_scalar(const char *name, size_t *len)
{
    const char *text = NULL;
    int saved = errno;

    *len = 0;
    if (llmobs_perl_found())
        text = &THEIR(PL_thr_key) ? read_threaded(name, len)
                                  : read_plain(name, len);
    errno = saved;
    if (text)
        return text;
    *len = 0;
    return "";
}

const char *llmobs_perl_read_request(size_t *len)
{
    return read_scalar("Llmobs::Hook::request", len);
}

void llmobs_perl_before_fork(void)
{
    size_t len;

    (void)read_scalar("Llmobs::Hook::fork", &len);
}
