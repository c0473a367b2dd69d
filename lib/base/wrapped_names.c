/* Reads and writes the file of wrapping objects. */
#include "lib/base/wrapped_names.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/scratch.h"

#define NAME "wrapped"

/* A name is copied, as the loader frees it with its object. Once `ready` is
 * set, the copy belongs to the writer. */
static struct {
    atomic_bool ready;
    char path[LLMOBS_WRAPPED_PATH];
} names[LLMOBS_WRAPPED_NAMES];
static atomic_uint count;

void llmobs_wrapped_add(const char *path)
{
    unsigned at = atomic_fetch_add(&count, 1);
    size_t len = strlen(path);

    if (at >= LLMOBS_WRAPPED_NAMES || len >= LLMOBS_WRAPPED_PATH)
        return;
    memcpy(names[at].path, path, len + 1);
    atomic_store(&names[at].ready, true);
}

static bool has_line(const char *text, const char *line, size_t len)
{
    for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
        if (strncmp(text, line, len) == 0)
            return true;
    return false;
}

static size_t line_of(const char *path, char line[PATH_MAX + 1])
{
    ssize_t len = *path ? (ssize_t)strlen(path)
                        : readlink("/proc/self/exe", line, PATH_MAX);

    if (len <= 0 || len >= PATH_MAX)
        return 0;
    if (*path)
        memcpy(line, path, (size_t)len);
    for (ssize_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < ' ')
            return 0;
    line[len] = '\n';
    return (size_t)len + 1;
}

static void add_line(int dir, const char *path, char *text, char *line)
{
    size_t len = line_of(path, line);
    ssize_t now = llmobs_file_begin(dir, NAME, text, LLMOBS_WRAPPED_FILE);
    int fd;

    if (len == 0 || (now > 0 && has_line(text, line, len)) ||
        (now > 0 && (size_t)now + len >= LLMOBS_WRAPPED_FILE))
        return;
    fd = llmobs_file_open(dir, NAME, O_RDWR | O_APPEND);
    if (fd < 0)
        return;
    (void)llmobs_file_write(fd, line, len);
    close(fd);
}

void llmobs_wrapped_write(int dir)
{
    char *text, *line;

    if (atomic_load(&count) == 0)
        return;
    text = llmobs_scratch_alloc(LLMOBS_WRAPPED_FILE);
    line = llmobs_scratch_alloc(PATH_MAX + 1);
    for (unsigned i = 0; text && line && i < LLMOBS_WRAPPED_NAMES; i++) {
        if (atomic_exchange(&names[i].ready, false))
            add_line(dir, names[i].path, text, line);
    }
    llmobs_scratch_free(line);
    llmobs_scratch_free(text);
}

void llmobs_wrapped_read(const char *dir, char out[LLMOBS_WRAPPED_FILE])
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    out[0] = '\0';
    if (fd < 0)
        return;
    if (llmobs_file_begin(fd, NAME, out, LLMOBS_WRAPPED_FILE) < 0)
        out[0] = '\0';
    close(fd);
}
