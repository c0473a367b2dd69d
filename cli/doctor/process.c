/* Reads maps, environment, title and parent of a running process. */
#include "cli/doctor/process.h"

#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/tls_auto.h"
#include "lib/base/proc_stat.h"

#define DELETED " (deleted)"

static int slurp(pid_t pid, const char *name, struct llmobs_buf *out)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    return llmobs_file_read(path, out);
}

static int read_link(pid_t pid, const char *name, char *out, size_t cap)
{
    char path[64];
    ssize_t len;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    len = readlink(path, out, cap - 1);
    if (len < 0) {
        *out = '\0';
        return -errno;
    }
    out[len] = '\0';
    return 0;
}

/* Cuts the mark that the kernel puts after the path of a deleted file. */
static bool cut_deleted(char *path)
{
    size_t len = strlen(path), more = sizeof(DELETED) - 1;

    if (len <= more || strcmp(path + len - more, DELETED) != 0)
        return false;
    path[len - more] = '\0';
    return true;
}

void llmobs_process_title(pid_t pid, char *out, size_t cap)
{
    struct llmobs_buf text;

    *out = '\0';
    llmobs_buf_init(&text, LLMOBS_PROCESS_TEXT);
    if (slurp(pid, "cmdline", &text) == 0 && text.len > 0)
        snprintf(out, cap, "%s", text.data);
    llmobs_buf_fini(&text);
}

bool llmobs_process_loads_tracer(pid_t pid)
{
    struct llmobs_buf text;
    bool does;

    llmobs_buf_init(&text, LLMOBS_PROCESS_TEXT);
    does = slurp(pid, "cmdline", &text) == 0 && text.len > 0 &&
           llmobs_tracer_arguments(text.data, text.len);
    llmobs_buf_fini(&text);
    return does;
}

/* -- environment ---------------------------------------------------------- */

/* Splits `text`, which ends with a NUL, into entries; `variables`: only those
 * of the form "NAME=value". */
static int split_env(struct llmobs_process *process, bool variables)
{
    static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789_";
    struct llmobs_buf *text = &process->env_text;
    size_t count = 0, at = 0;

    for (size_t i = 0; i < text->len; i++)
        count += text->data[i] == '\0';
    free(process->env);
    process->env = calloc(count + 2, sizeof(*process->env));
    if (!process->env)
        return -ENOMEM;
    for (size_t i = 0; i < text->len && at <= count;) {
        char *entry = text->data + i;
        size_t len = strspn(entry, name);

        if (!variables || (len > 0 && entry[len] == '='))
            process->env[at++] = entry;
        i += strlen(entry) + 1;
    }
    return 0;
}

/* Reads the shim's variables; the caller frees them. -1, and NULL: they cannot
 * be read. */
static ssize_t read_data(const struct llmobs_process *process, char **data)
{
    size_t len = (size_t)(process->data_to - process->data_from);
    char path[64];
    ssize_t got = -1;
    int fd;

    *data = NULL;
    if (len == 0 || len > LLMOBS_PROCESS_TEXT)
        return -1;
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)process->pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    *data = malloc(len);
    if (fd >= 0 && *data)
        got = pread(fd, *data, len, (off_t)process->data_from);
    if (fd >= 0)
        close(fd);
    return got;
}

bool llmobs_process_note(const struct llmobs_process *process,
                         const char *beginning, char *out, size_t cap)
{
    char *data, *at = NULL;
    ssize_t got = read_data(process, &data);

    if (got > 0)
        at = memmem(data, (size_t)got, beginning, strlen(beginning));
    if (at)
        snprintf(out, cap, "%.*s", (int)(data + got - at), at);
    free(data);
    return at != NULL;
}

static int read_env(struct llmobs_process *process)
{
    struct llmobs_buf *text = &process->env_text;
    int rc = slurp(process->pid, "environ", text);
    char *data;
    ssize_t got;

    process->env_known = rc == 0;
    rc = split_env(process, false);
    for (const char **env = process->env; rc == 0 && *env; env++)
        if (strchr(*env, '='))
            return 0;
    if (rc != 0 || text->len == 0)
        return rc;
    /* A title, followed by NULs, has replaced the environment: there is the
     * shim's copy in its data. No other text there has the form of a variable.
     */
    got = read_data(process, &data);
    llmobs_buf_cut(text, 0);
    rc = got > 0 ? llmobs_buf_add(text, data, (size_t)got) : 0;
    free(data);
    process->env_known = process->env_copied = got > 0;
    return rc != 0 ? rc : split_env(process, true);
}

const char *llmobs_process_env(const struct llmobs_process *process,
                               const char *name)
{
    size_t len = strlen(name);

    for (const char **env = process->env; *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return (*env)[len + 1] != '\0' ? *env + len + 1 : NULL;
    return NULL;
}

/* -- objects -------------------------------------------------------------- */

/* Reads the lines of maps: "from-to rights offset device inode   path". Adds a
 * file once, though it has several mappings, one after another. Notes the
 * shim's writable mappings, and the anonymous one after them. */
static int read_maps(struct llmobs_process *process)
{
    unsigned long from, to;
    char *at, *line, rights[5];

    process->objects =
        calloc(LLMOBS_PROCESS_OBJECTS, sizeof(*process->objects));
    if (!process->objects)
        return -ENOMEM;
    process->maps_known =
        slurp(process->pid, "maps", &process->maps_text) == 0 &&
        process->maps_text.len > 0;
    at = process->maps_known ? process->maps_text.data : NULL;
    while ((line = strsep(&at, "\n"))) {
        const char *slash = strrchr(line, '/');
        bool ours = slash && strncmp(slash + 1, LLMOBS_PROCESS_SHIM,
                                     strlen(LLMOBS_PROCESS_SHIM)) == 0;
        bool known = sscanf(line, "%lx-%lx %4s", &from, &to, rights) == 3;
        bool writable = known && strncmp(rights, "rw", 2) == 0, deleted;
        size_t count = process->object_count;

        if (known && !writable && ours &&
            process->data_from == process->data_to)
            process->data_from = process->data_to = to;
        else if (writable && process->data_to == from && (ours || !slash))
            process->data_to = to;
        for (int fields = 0; fields < 5 && *line != '\0'; fields++) {
            line += strcspn(line, " ");
            line += strspn(line, " ");
        }
        deleted = cut_deleted(line);
        if (*line == '/' && count < LLMOBS_PROCESS_OBJECTS &&
            (count == 0 || strcmp(process->objects[count - 1].path, line) != 0))
            process->objects[process->object_count++] =
                (struct llmobs_process_object){line, deleted};
    }
    return 0;
}

const struct llmobs_process_object *llmobs_process_object(
    const struct llmobs_process *process, const char *name)
{
    for (size_t i = 0; i < process->object_count; i++) {
        const char *slash = strrchr(process->objects[i].path, '/');

        if (strcmp(slash + 1, name) == 0)
            return &process->objects[i];
    }
    return NULL;
}

/* -- the process ---------------------------------------------------------- */

pid_t llmobs_process_parent(pid_t pid)
{
    struct llmobs_buf text;
    pid_t parent = 0;

    llmobs_buf_init(&text, 4096);
    if (slurp(pid, "stat", &text) == 0 && text.len > 0)
        parent = (pid_t)atoi(llmobs_proc_field(text.data, LLMOBS_PROC_PARENT));
    llmobs_buf_fini(&text);
    return parent;
}

int llmobs_process_open(struct llmobs_process *process, pid_t pid)
{
    char path[64], root[PATH_MAX] = "", ours[64] = "", theirs[64] = "";
    struct stat st;
    int rc;
    struct llmobs_buf text;
    uint64_t pair[2];

    memset(process, 0, sizeof(*process));
    process->pid = pid;
    process->root = AT_FDCWD;
    llmobs_buf_init(&process->env_text, LLMOBS_PROCESS_TEXT);
    llmobs_buf_init(&process->maps_text, LLMOBS_PROCESS_TEXT);
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    if (stat(path, &st) != 0)
        return -ESRCH;
    rc = read_link(pid, "exe", process->exe, sizeof(process->exe));
    (void)cut_deleted(process->exe);
    if (rc == -ENOENT) /* a thread of the kernel, or a process that has ended */
        return -ESRCH;
    /* With another root, or other mounts, it sees other files under the same
     * names. */
    if (read_link(pid, "root", root, sizeof(root)) == 0 &&
        read_link(pid, "ns/mnt", theirs, sizeof(theirs)) == 0 &&
        read_link(getpid(), "ns/mnt", ours, sizeof(ours)) == 0 &&
        (strcmp(root, "/") != 0 || strcmp(ours, theirs) != 0)) {
        snprintf(process->prefix, sizeof(process->prefix), "/proc/%d/root",
                 (int)pid);
        process->root = open(process->prefix, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (process->root < 0) {
            process->root = AT_FDCWD;
            process->prefix[0] = '\0';
        }
    }
    llmobs_buf_init(&text, 4096);
    if (slurp(process->pid, "auxv", &text) == 0)
        for (size_t i = 0; i + sizeof(pair) <= text.len; i += sizeof(pair)) {
            memcpy(pair, text.data + i, sizeof(pair));
            process->secure |= pair[0] == AT_SECURE && pair[1] != 0;
        }
    llmobs_buf_fini(&text);
    rc = read_maps(process);
    if (rc == 0)
        rc = read_env(process);
    return rc;
}

void llmobs_process_close(struct llmobs_process *process)
{
    if (process->root >= 0)
        close(process->root);
    process->root = AT_FDCWD;
    free(process->env);
    free(process->objects);
    llmobs_buf_fini(&process->env_text);
    llmobs_buf_fini(&process->maps_text);
}

void llmobs_process_all(bool (*each)(void *ctx, pid_t pid), void *ctx)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    bool more = true;

    while (dir && more && (entry = readdir(dir)))
        if (isdigit((unsigned char)entry->d_name[0]))
            more = each(ctx, (pid_t)atoi(entry->d_name));
    if (dir)
        closedir(dir);
}
