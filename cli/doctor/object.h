/* object - reads the tables of one ELF file, and never runs it.
 *
 * Owns:    its descriptor and lists, from open to close.
 * Threads: one.
 * Errors:  -ENOEXEC: no ELF file; -EINVAL: not a regular file; else -errno. A
 *          table at a wrong offset counts as absent, and `damaged` is set.
 * Limits:  LLMOBS_OBJECT_NEEDED libraries, LLMOBS_OBJECT_TABLE bytes of a
 *          table, LLMOBS_OBJECT_FIND bytes searched for texts; all files
 *          together: LLMOBS_ALLOWANCE_MAX.
 *
 * Of a file with another class or byte order than this program's, only the
 * header is read.
 */
#ifndef LLMOBS_OBJECT_H
#define LLMOBS_OBJECT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/elf/prologue.h"

#define LLMOBS_OBJECT_NEEDED 256
#define LLMOBS_OBJECT_TABLE (64u * 1024 * 1024)
#define LLMOBS_OBJECT_FIND (512u * 1024 * 1024)
#define LLMOBS_OBJECT_NAME 512

/* The budget of bytes to read from all files that one program leads to, so that
 * their authors cannot keep the doctor busy for long. To open a file, or to
 * find a text, costs some thousand bytes. */
struct llmobs_allowance {
    uint64_t left;
    bool spent; /* the budget was too small: something was left out */
};

#define LLMOBS_ALLOWANCE_MAX ((uint64_t)2 * 1024 * 1024 * 1024)
#define LLMOBS_ALLOWANCE_OPEN ((uint64_t)64 * 1024)

/* Takes `cost` from the budget; false where less is left. */
bool llmobs_allowance_take(struct llmobs_allowance *allowance, uint64_t cost);

/* Takes what the kernel has worked for a path since `began`, when the thread
 * had used so much of a processor: a nanosecond costs a byte. Links may lead
 * over links, each a thousand directories long. */
int64_t llmobs_allowance_clock(void);
void llmobs_allowance_path(struct llmobs_allowance *allowance, int64_t began);

/* The functions of a TLS library whose beginnings are read: SSL_read,
 * SSL_write, SSL_read_ex, SSL_write_ex. */
#define LLMOBS_OBJECT_ENTRIES 4

struct llmobs_object_entry {
    uint64_t address, size; /* 0: the object does not define it for others */
    unsigned char code[LLMOBS_PROLOGUE_CODE];
};

struct llmobs_object {
    int fd;
    struct llmobs_allowance *allowance; /* borrowed */
    struct stat st;
    unsigned machine; /* EM_... */
    bool wide;        /* 64 bits */
    bool native;      /* same class, byte order and machine as this program */
    bool program;     /* an executable, fixed or position-independent; else a
                       * library or another kind of file */
    bool damaged;
    char interp[PATH_MAX]; /* its loader; "": none */
    char soname[LLMOBS_OBJECT_NAME];
    char *needed[LLMOBS_OBJECT_NEEDED];
    size_t needed_count;
    const char *symbol; /* the symbol to look for; borrowed */
    bool defines;       /* defines the symbol for other objects */
    bool holds;         /* has the symbol for itself only */
    uint64_t curl;      /* bits: the functions of LLMOBS_REAL_FUNCTIONS that it
                         * defines for other objects */
    bool asks;          /* needs dlsym or dlvsym, as a wrapper of these does */
    bool connects; /* needs connect, or dlopen: what it opens may need it */
    struct llmobs_object_entry entries[LLMOBS_OBJECT_ENTRIES];
};

/* True where the kernel gives the program rights that its user lacks
 * (AT_SECURE), for the user who runs the doctor. */
bool llmobs_object_is_secure(const struct llmobs_object *object);

/* True where the object defines the functions that make it a libcurl. */
bool llmobs_object_is_libcurl(const struct llmobs_object *object);

/* True where the object is no libcurl, but defines functions of libcurl. Writes
 * as many of their names as fit into the text. */
bool llmobs_object_wraps(const struct llmobs_object *object, char *names,
                         size_t cap);

/* Opens a file as a process does whose root is the directory `root` (AT_FDCWD:
 * this process's root). The errors of open(2); -EINVAL: no regular file. */
int llmobs_object_at(int root, const char *path);

/* Opens a file as above, reads it, and looks for `symbol`; NULL:
 * curl_easy_perform. */
int llmobs_object_open(struct llmobs_object *object, int root, const char *path,
                       struct llmobs_allowance *allowance, const char *symbol);

/* True where a needed library's name begins so. */
bool llmobs_object_needs(const struct llmobs_object *object,
                         const char *beginning);

void llmobs_object_close(struct llmobs_object *object);

/* The name of an entry. */
const char *llmobs_object_entry_name(size_t index);

/* True where the file has the text. */
bool llmobs_object_has(const struct llmobs_object *object, const char *text);

/* Calls `each` for every place of `needle` in the file, with the printable text
 * around it, at most LLMOBS_OBJECT_NAME bytes on each side, and the needle's
 * offset in that text. False ends the search. */
void llmobs_object_find(const struct llmobs_object *object, const char *needle,
                        bool (*each)(void *ctx, const char *text, size_t at),
                        void *ctx);

#endif
