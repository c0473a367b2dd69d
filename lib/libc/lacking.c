/* lacking - the functions that an older C library or musl lacks, or has under
 * another name, for the core alone.
 *
 * The core is built with one C library's headers and runs with the library of
 * each process: glibc from 2.17 on, or musl from 1.2.3 on. It requires no
 * library and no version of a symbol, and uses only symbols that all these
 * libraries have (scripts/check-imports). The build renames the core's calls of
 * the functions here to names that begin with llmobs_libc_ (Makefile), since a
 * function of libc's own name could not call libc's.
 *
 * Where libc has the function, that function is called, as a library of the
 * program's, such as fakechroot, may have replaced it.
 *
 * Owns:    nothing.
 * Threads: any.
 * Errors:  those of libc's functions.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/libc/lacking.h"

typedef void handler(void);

/* attach.c has it. */
extern HIDDEN void *const __dso_handle;
extern int __cxa_atexit(void (*function)(void *), void *argument, void *object);

extern MAYBE int stat(const char *restrict path, struct stat *restrict out);
extern MAYBE int fstat(int fd, struct stat *out);
extern MAYBE int fstatat(int dir, const char *restrict path,
                         struct stat *restrict out, int flags);
extern MAYBE int __xstat(int version, const char *path, struct stat *out);
extern MAYBE int __fxstat(int version, int fd, struct stat *out);
extern MAYBE int __fxstatat(int version, int dir, const char *path,
                            struct stat *out, int flags);
extern MAYBE int __register_atfork(handler *prepare, handler *parent,
                                   handler *child, void *object);
extern MAYBE int pthread_atfork(handler *prepare, handler *parent,
                                handler *child);

HIDDEN int llmobs_libc_atexit(handler *function);
HIDDEN int llmobs_libc_stat(const char *restrict path,
                            struct stat *restrict out);
HIDDEN int llmobs_libc_fstat(int fd, struct stat *out);
HIDDEN int llmobs_libc_fstatat(int dir, const char *restrict path,
                               struct stat *restrict out, int flags);
HIDDEN void llmobs_libc_explicit_bzero(void *at, size_t len);
HIDDEN int llmobs_libc_pthread_atfork(handler *prepare, handler *parent,
                                      handler *child);

/* glibc's atexit is not in its shared object but linked into each object, which
 * it tells apart by __dso_handle. */
int llmobs_libc_atexit(handler *function)
{
    return __cxa_atexit((void (*)(void *))(void (*)(void))function, NULL,
                        (void *)&__dso_handle);
}

/* Up to glibc 2.32 its shared object has no functions of <sys/stat.h>. */
int llmobs_libc_stat(const char *restrict path, struct stat *restrict out)
{
    return stat != NULL ? stat(path, out) : __xstat(STAT_VERSION, path, out);
}

int llmobs_libc_fstat(int fd, struct stat *out)
{
    return fstat != NULL ? fstat(fd, out) : __fxstat(STAT_VERSION, fd, out);
}

int llmobs_libc_fstatat(int dir, const char *restrict path,
                        struct stat *restrict out, int flags)
{
    return fstatat != NULL ? fstatat(dir, path, out, flags)
                           : __fxstatat(STAT_VERSION, dir, path, out, flags);
}

/* glibc has it from 2.25 on. The asm seems to read the zeros, so that the
 * compiler keeps the memset. */
void llmobs_libc_explicit_bzero(void *at, size_t len)
{
    memset(at, 0, len);
    __asm__ volatile("" : : "r"(at) : "memory");
}

/* glibc's pthread_atfork is not in its shared object, which has
 * __register_atfork; musl has only pthread_atfork. */
int llmobs_libc_pthread_atfork(handler *prepare, handler *parent,
                               handler *child)
{
    if (__register_atfork != NULL)
        return __register_atfork(prepare, parent, child, (void *)&__dso_handle);
    return pthread_atfork != NULL ? pthread_atfork(prepare, parent, child)
                                  : ENOSYS;
}
