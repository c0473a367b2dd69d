#include "cli/doctor/library.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CACHE_FILE "/etc/ld.so.cache"
/* The cost of a look at one entry of the cache, in bytes of the budget. */
#define COST_ENTRY 32
#define MAGIC "glibc-ld.so.cache1.1"

#if defined(__x86_64__)
#define TRIPLET "x86_64-linux-gnu"
#define MUSL_DIRS "/etc/ld-musl-x86_64.path"
#define CACHE_FLAGS 0x0303
#else
#define TRIPLET "aarch64-linux-gnu"
#define MUSL_DIRS "/etc/ld-musl-aarch64.path"
#define CACHE_FLAGS 0x0a03
#endif

struct cache_head {
    char magic[sizeof MAGIC - 1];
    uint32_t count;
    uint32_t strings;
    uint32_t unused[5];
};

struct cache_entry {
    int32_t flags;
    uint32_t key, value; /* offsets of strings in the file */
    uint32_t unused;
    uint64_t hwcap;
};

/* One search. */
struct asked {
    const struct llmobs_library *library;
    const struct llmobs_object *by;
    const char *by_path;
    const char *name;
    char *path;
    struct llmobs_object *out;
};

static void read_whole(struct llmobs_library *library, const char *file,
                       struct llmobs_buf *out)
{
    char block[65536];
    ssize_t got;
    int fd = llmobs_object_at(library->root, file);

    if (fd < 0)
        return;
    while ((got = read(fd, block, sizeof block)) > 0 &&
           llmobs_buf_add(out, block, (size_t)got) == 0)
        continue;
    close(fd);
    if (got != 0 || llmobs_buf_addc(out, '\0') != 0)
        llmobs_buf_cut(out, 0);
}

void llmobs_library_init(struct llmobs_library *library, int root,
                         const char *path, struct llmobs_allowance *allowance)
{
    library->root = root;
    library->allowance = allowance;
    library->path = path;
    llmobs_buf_init(&library->cache, LLMOBS_LIBRARY_CACHE);
    llmobs_buf_init(&library->dirs, LLMOBS_LIBRARY_CACHE);
    library->musl = false;
    read_whole(library, CACHE_FILE, &library->cache);
    read_whole(library, MUSL_DIRS, &library->dirs);
}

void llmobs_library_fini(struct llmobs_library *library)
{
    llmobs_buf_fini(&library->cache);
    llmobs_buf_fini(&library->dirs);
}

/* True for an object of glibc, which musl's loader would end the program with:
 * a list of folders may have those of glibc, too. */
static bool is_of_glibc(const struct llmobs_object *object)
{
    for (size_t i = 0; i < object->needed_count; i++)
        if (strcmp(object->needed[i], "libc.so.6") == 0)
            return true;
    return false;
}

/* True, with the file open, when `by` can load the file at asked->path. */
static bool fits(const struct asked *asked)
{
    struct llmobs_allowance *allowance = asked->library->allowance;
    int fd = -1;

    if (llmobs_allowance_take(allowance, LLMOBS_ALLOWANCE_OPEN))
        fd = llmobs_object_at(asked->library->root, asked->path);
    if (fd < 0)
        return false;
    if (llmobs_object_open(asked->out, fd, allowance) == 0) {
        if (asked->out->wide == asked->by->wide &&
            asked->out->machine == asked->by->machine &&
            !(asked->library->musl && is_of_glibc(asked->out)))
            return true;
        llmobs_object_close(asked->out);
        return false;
    }
    close(fd);
    return false;
}

/* ---- lists of directories ----------------------------------------------- */

/* The text after one of the loader's tokens, NULL where `text` does not begin
 * with it. */
static const char *behind(const char *text, const char *end, const char *token)
{
    size_t len = strlen(token);

    if ((size_t)(end - text) > len && text[1] == '{' &&
        (size_t)(end - text) >= len + 3 && strncmp(text + 2, token, len) == 0 &&
        text[2 + len] == '}')
        return text + len + 3;
    if ((size_t)(end - text) >= len + 1 && strncmp(text + 1, token, len) == 0)
        return text + len + 1;
    return NULL;
}

/* The value of a token, and the text after it; NULL: no token. */
static const char *expand(const struct asked *asked, const char *text,
                          const char *end, size_t *len, const char **next)
{
    const char *slash = strrchr(asked->by_path, '/');

    if ((*next = behind(text, end, "ORIGIN")) != NULL) {
        *len = slash != NULL ? (size_t)(slash - asked->by_path) : 0;
        return asked->by_path;
    }
    if ((*next = behind(text, end, "LIB")) != NULL) {
        *len = strlen("lib/" TRIPLET);
        return "lib/" TRIPLET;
    }
    return NULL;
}

static int add_dir(const struct asked *asked, struct llmobs_buf *out,
                   const char *text, const char *end)
{
    int rc = 0;

    while (text < end && rc == 0) {
        const char *next = NULL, *value = NULL;
        size_t len = 0;

        if (*text == '$')
            value = expand(asked, text, end, &len, &next);
        if (value != NULL)
            rc = llmobs_buf_add(out, value, len);
        else
            rc = llmobs_buf_addc(out, *text);
        text = value != NULL ? next : text + 1;
    }
    return rc;
}

/* Looks for the name in one directory. */
static bool in_dir(const struct asked *asked, const char *text, const char *end)
{
    struct llmobs_buf path;
    bool found = false;

    llmobs_buf_init(&path, PATH_MAX - 1);
    /* A relative directory is passed over: it depends on where the process is
     * at that moment. */
    if (add_dir(asked, &path, text, end) == 0 && path.len > 0 &&
        path.data[0] == '/' && llmobs_buf_addc(&path, '/') == 0 &&
        llmobs_buf_adds(&path, asked->name) == 0) {
        memcpy(asked->path, path.data, path.len + 1);
        found = fits(asked);
    }
    llmobs_buf_fini(&path);
    return found;
}

static bool in_list(const struct asked *asked, const char *list,
                    const char *separators)
{
    for (const char *at = list; at != NULL && *at != '\0';) {
        size_t len = strcspn(at, separators);

        if (in_dir(asked, at, at + len))
            return true;
        at += len;
        at += *at != '\0';
    }
    return false;
}

/* ---- the cache ---------------------------------------------------------- */

/* A string of the cache; read_cache has put a NUL at the cache's end. */
static const char *cache_string(const struct llmobs_buf *cache, uint32_t at)
{
    return at < cache->len ? cache->data + at : NULL;
}

static bool entry_fits(const struct asked *asked,
                       const struct cache_entry *entry)
{
    const struct llmobs_buf *cache = &asked->library->cache;
    const char *name = cache_string(cache, entry->key);
    const char *path = cache_string(cache, entry->value);

    if (entry->hwcap != 0 || entry->flags != CACHE_FLAGS || name == NULL ||
        path == NULL || strcmp(name, asked->name) != 0 ||
        strnlen(path, PATH_MAX) == PATH_MAX)
        return false;
    memcpy(asked->path, path, strlen(path) + 1);
    return fits(asked);
}

static bool in_cache(const struct asked *asked)
{
    const struct llmobs_buf *cache = &asked->library->cache;
    struct cache_head head;
    struct cache_entry entry;

    if (cache->len < sizeof head || !asked->by->native)
        return false;
    memcpy(&head, cache->data, sizeof head);
    if (memcmp(head.magic, MAGIC, sizeof head.magic) != 0)
        return false;
    for (size_t i = 0;
         i < head.count && (cache->len - sizeof head) / sizeof entry > i &&
         llmobs_allowance_take(asked->library->allowance, COST_ENTRY);
         i++) {
        memcpy(&entry, cache->data + sizeof head + i * sizeof entry,
               sizeof entry);
        if (entry_fits(asked, &entry))
            return true;
    }
    return false;
}

/* ---- all of it ---------------------------------------------------------- */

static bool by_musl(const struct asked *asked, const struct asked *program)
{
    const struct llmobs_buf *dirs = &asked->library->dirs;

    return in_list(asked, asked->library->path, ":\n") ||
           in_list(asked, asked->by->rpath, ":\n") ||
           in_list(asked, asked->by->runpath, ":\n") ||
           in_list(program, program->by->rpath, ":\n") ||
           in_list(program, program->by->runpath, ":\n") ||
           in_list(asked,
                   dirs->len > 0 ? dirs->data : "/lib:/usr/local/lib:/usr/lib",
                   ":\n");
}

/* `program` is the object whose RPATH counts too. */
static bool by_search(const struct asked *asked, const struct asked *program)
{
    static const char standard[] =
        "/lib/" TRIPLET ":/usr/lib/" TRIPLET ":/lib64:/usr/lib64:/lib:/usr/lib";
    bool runpath = asked->by->runpath[0] != '\0';

    return (!runpath && (in_list(asked, asked->by->rpath, ":") ||
                         in_list(program, program->by->rpath, ":"))) ||
           in_list(asked, asked->library->path, ":;") ||
           in_list(asked, asked->by->runpath, ":") || in_cache(asked) ||
           in_list(asked, standard, ":");
}

int llmobs_library_find(const struct llmobs_library *library,
                        const struct llmobs_object *program,
                        const char *program_path,
                        const struct llmobs_object *by, const char *by_path,
                        const char *name, char path[PATH_MAX],
                        struct llmobs_object *out)
{
    struct asked asked = {library, by, by_path, name, path, out};
    struct asked by_program = {library, program, program_path, name, path, out};

    if (strchr(name, '/') == NULL && library->musl)
        return by_musl(&asked, &by_program) ? 0 : -ENOENT;
    if (strchr(name, '/') == NULL)
        return by_search(&asked, &by_program) ? 0 : -ENOENT;
    if (*name != '/' || strlen(name) >= PATH_MAX)
        return -ENOENT;
    memcpy(path, name, strlen(name) + 1);
    return fits(&asked) ? 0 : -ENOENT;
}
