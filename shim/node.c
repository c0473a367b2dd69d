/* Gives Node the hook of LLMOBS_INBOUND, and takes the hook's commands. */
#include "shim/node.h"

#include <sys/types.h>

#include "lib/base/cold.h"
#include "shim/host.h"
#include "shim/lib_calls.h"
#include "shim/libc.h"
#include "shim/load.h"
#include "shim/tls_now.h"

#define NO_DESCRIPTOR INT_MAX /* the kernel gives no such number */
#define REAL(name) ((name##_fn *)llmobs_libc_calls_real[LLMOBS_LIBC_##name])

/* The hook, and behind it the variable's own value. */
LLMOBS_COLD static char options[2 * LLMOBS_HOST_PATH_MAX];
static size_t own_at; /* where that begins; 0: the hook runs, or is left out */

static bool add(const char *text)
{
    size_t len =
        llmobs_str_copy(options + own_at, sizeof(options) - own_at, text);

    own_at = len > 0 ? own_at + len - 1 : 0;
    return len > 0;
}

/* Node would read a quotation mark in the path as its end. */
bool llmobs_node_decide(void)
{
    const char *path = llmobs_libc_calls_watched(LLMOBS_LIBC_NODE)
                           ? NULL
                           : llmobs_host_node_hook();

    if (!path || llmobs_str_has(path, '"') || llmobs_str_has(path, '\\') ||
        !add("--require \"") || !add(path) || !add("\" "))
        return false;
    llmobs_libc_calls_watch(LLMOBS_LIBC_NODE);
    return true;
}

typedef char *getenv_fn(const char *name);
static char *node_getenv(const char *name)
{
    char *value = REAL(getenv)(name), *own = options + own_at;

    return own > options && llmobs_str_same(name, "NODE_OPTIONS") &&
                   llmobs_str_copy(own,
                                   (size_t)(options + sizeof(options) - own),
                                   value ? value : "") > 0
               ? options
               : value;
}

/* The text of a command, with its NUL. The first, which is empty, says that the
 * hook runs. */
static ssize_t take_command(const char *text, size_t len)
{
    const struct llmobs_ops *ops = len > 1 && text[len - 1] == '\0'
                                       ? llmobs_load_without_copy(NULL)
                                       : NULL;

    own_at = 0;
    if (ops) {
        llmobs_tls_now_watch();
        (void)ops->command(text);
    }
    return (ssize_t)len;
}

#define WRITES(name)                                                  \
    typedef ssize_t name##_fn(int, const void *, size_t, off_t);      \
    static ssize_t node_##name(int fd, const void *bytes, size_t len, \
                               off_t at)                              \
    {                                                                 \
        return fd == NO_DESCRIPTOR ? take_command(bytes, len)         \
                                   : REAL(name)(fd, bytes, len, at);  \
    }
WRITES(pwrite)
WRITES(pwrite64)

#define THUNK_OF(name, sets) \
    case LLMOBS_LIBC_##name: \
        return llmobs_lib_opaque((void *)(node_##name));

void *llmobs_node_function(enum llmobs_libc_call call)
{
    switch (call) {
        LLMOBS_LIBC_NODE_CALLS(THUNK_OF)
    default:
        return NULL;
    }
}
