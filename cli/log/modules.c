#include "cli/log/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/elf/symbol.h"

/* One mapping of a process. */
struct mapping {
    uint64_t begin, end, offset, inode;
    struct llmobs_text path;
};

int llmobs_modules_read(pid_t pid, struct llmobs_modules *out)
{
    char path[64];

    out->pid = pid;
    llmobs_buf_init(&out->text, LLMOBS_MODULES_BYTES);
    snprintf(path, sizeof(path), "/proc/%ld/maps", (long)pid);
    return llmobs_file_read(path, &out->text);
}

static bool modules_parse(struct llmobs_text line, struct mapping *out)
{
    char head[128];
    size_t len = line.len < sizeof(head) - 1 ? line.len : sizeof(head) - 1;
    int path = 0;

    memcpy(head, line.data, len);
    head[len] = '\0';
    if (sscanf(head,
               "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*x:%*x %" SCNu64 " %n",
               &out->begin, &out->end, &out->offset, &out->inode, &path) != 4)
        return false;
    out->path = (struct llmobs_text){line.data + path,
                                     path > 0 ? line.len - (size_t)path : 0};
    return true;
}

static bool modules_find(const struct llmobs_modules *modules,
                         uintptr_t address, struct mapping *out)
{
    struct llmobs_text rest = {modules->text.data, modules->text.len}, line;

    while (llmobs_text_split(&rest, '\n', &line))
        if (modules_parse(line, out) && address >= out->begin &&
            address < out->end)
            return true;
    return false;
}

/* The file as the process sees it, which may have another root; "" where
 * another file, or none, is at that path by now. */
static void find_file(const struct llmobs_modules *modules,
                      const struct mapping *mapping, char out[PATH_MAX])
{
    struct stat st;

    if (mapping->path.len == 0 || mapping->path.data[0] != '/' ||
        snprintf(out, PATH_MAX, "/proc/%ld/root%.*s", (long)modules->pid,
                 (int)mapping->path.len, mapping->path.data) >= PATH_MAX ||
        stat(out, &st) != 0 || st.st_ino != mapping->inode)
        out[0] = '\0';
}

static struct llmobs_text base_name(struct llmobs_text path)
{
    const char *slash = memrchr(path.data, '/', path.len);
    size_t skip = slash ? (size_t)(slash + 1 - path.data) : 0;

    return (struct llmobs_text){path.data + skip, path.len - skip};
}

int llmobs_modules_name(const struct llmobs_modules *modules, uintptr_t address,
                        bool exact, struct llmobs_buf *out)
{
    uintptr_t inside = address - (exact ? 0 : 1);
    struct llmobs_symbol symbol;
    struct mapping mapping;
    char file[PATH_MAX];
    uint64_t at;
    int rc;

    if (!modules_find(modules, inside, &mapping) || mapping.path.len == 0)
        return llmobs_buf_addf(out, "0x%" PRIxPTR, address);
    find_file(modules, &mapping, file);
    at = inside - mapping.begin + mapping.offset;
    mapping.path = base_name(mapping.path);
    rc = llmobs_buf_add(out, mapping.path.data, mapping.path.len);
    if (rc != 0)
        return rc;
    if (file[0] == '\0' || llmobs_symbol_at(file, at, &symbol) != 0)
        return llmobs_buf_addf(out, "+0x%" PRIx64, at + (exact ? 0 : 1));
    return llmobs_buf_addf(out, "!%s+0x%" PRIxPTR, symbol.name,
                           symbol.offset + (exact ? 0 : 1));
}
