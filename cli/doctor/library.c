#include "cli/doctor/library.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CACHE_FILE "/etc/ld.so.cache"
/* The bit of an entry for certain processors. */
#define FOR_LEVEL 62
/* The cost of a look at one entry of the cache, in bytes of the budget. */
#define COST_ENTRY 32
#define MAGIC "glibc-ld.so.cache1.1"

#if defined(__x86_64__)
#define MUSL_DIRS "/etc/ld-musl-x86_64.path"
#define CACHE_FLAGS 0x0303
#define PLATFORMS "x86_64", "haswell", "xeon_phi"
#define LEVELS                                            \
    "glibc-hwcaps/x86-64-v4/", "glibc-hwcaps/x86-64-v3/", \
        "glibc-hwcaps/x86-64-v2/",
#else
#define MUSL_DIRS "/etc/ld-musl-aarch64.path"
#define CACHE_FLAGS 0x0a03
#define PLATFORMS "aarch64"
#define LEVELS
#endif

struct cache_head {
    char magic[sizeof(MAGIC) - 1];
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
    const struct llmobs_needer *by;
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
    while ((got = read(fd, block, sizeof(block))) > 0 &&
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
    if (root != AT_FDCWD || !getcwd(library->directory, PATH_MAX))
        library->directory[0] = '\0';
    read_whole(library, CACHE_FILE, &library->cache);
    read_whole(library, MUSL_DIRS, &library->dirs);
}

void llmobs_library_fini(struct llmobs_library *library)
{
    llmobs_buf_fini(&library->cache);
    llmobs_buf_fini(&library->dirs);
}

/* True, with the file open, when `by` can load the file at asked->path. A list
 * of folders may have objects of both C libraries, and one of glibc's would
 * make musl's loader end the program. */
static bool fits(const struct asked *asked)
{
    const struct llmobs_library *library = asked->library;
    struct llmobs_object *out = asked->out;

    if (!llmobs_allowance_take(library->allowance, LLMOBS_ALLOWANCE_OPEN) ||
        llmobs_object_open(out, library->root, asked->path, library->allowance,
                           NULL) != 0)
        return false;
    if (out->wide == asked->by->object->wide &&
        out->machine == asked->by->object->machine &&
        !(library->musl && llmobs_object_needs(out, "libc.so.6")))
        return true;
    llmobs_object_close(out);
    return false;
}

/* -- tokens --------------------------------------------------------------- */

/* The values that a token may have. Each loader has one of them, but the doctor
 * does not know which: it takes the first value with which a file exists. For
 * the platform it begins with this processor's. */
static const char *const libs[] = {("lib/" LLMOBS_LIBRARY_TRIPLET), "lib64",
                                   "lib"};
static const char *const platforms[] = {PLATFORMS};
#define COUNT(list) (sizeof(list) / sizeof(*list))

/* One choice of values. */
struct values {
    const char *origin; /* a path, of which origin_len bytes are directories */
    size_t origin_len;
    const char *lib, *platform;
    bool used; /* a token other than ORIGIN was met */
};

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

/* The value of a token, and the text after it; NULL: no token. musl knows one.
 */
static const char *expand(const struct asked *asked, struct values *values,
                          const char *text, const char *end, size_t *len,
                          const char **next)
{
    const char *value = values->origin;

    *len = values->origin_len;
    if ((*next = behind(text, end, "ORIGIN")))
        return value;
    if (asked->library->musl)
        return NULL;
    if ((*next = behind(text, end, "LIB")))
        value = values->lib;
    else if ((*next = behind(text, end, "PLATFORM")))
        value = values->platform;
    else
        return NULL;
    values->used = true;
    *len = strlen(value);
    return value;
}

/* Appends the text with its tokens expanded, made absolute. */
static int add_expanded(const struct asked *asked, struct values *values,
                        struct llmobs_buf *out, const char *text,
                        const char *end)
{
    int rc = 0;

    if (text == end || (*text != '/' && *text != '$')) {
        if (asked->library->directory[0] == '\0')
            return -ENOENT;
        rc = llmobs_buf_addf(out, "%s/", asked->library->directory);
    }
    while (text < end && rc == 0) {
        const char *next = NULL, *value = NULL;
        size_t len = 0;

        if (*text == '$')
            value = expand(asked, values, text, end, &len, &next);
        if (value)
            rc = llmobs_buf_add(out, value, len);
        else
            rc = llmobs_buf_addc(out, *text);
        text = value ? next : text + 1;
    }
    return rc;
}

/* -- lists of directories ------------------------------------------------- */

/* The subdirectories for certain processors; the last one, "", is for all. */
static const char *const levels[] = {LEVELS ""};

/* By the instruction cpuid: __builtin_cpu_supports would bring a constructor,
 * which the static tool must not have. */
static bool has_level(const char *level)
{
#if defined(__x86_64__)
    unsigned a, b = 0, c = 0, d;
    bool v2 = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2) &&
              (c & bit_SSSE3) && (c & bit_POPCNT);
    bool v3 = v2 && (c & bit_FMA) && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
              (b & bit_AVX2) && (b & bit_BMI2);

    if (strstr(level, "-v2/"))
        return v2;
    if (strstr(level, "-v3/"))
        return v3;
    if (strstr(level, "-v4/"))
        return v3 && (b & bit_AVX512F) && (b & bit_AVX512BW) &&
               (b & bit_AVX512VL);
#endif
    return *level == '\0';
}

/* The index of the word that glibc's loader has for $PLATFORM on this
 * processor: its init_platform (sysdeps/x86/cpu-features.c) says "haswell" on
 * Intel's of this level, and the machine's name on others. */
static size_t platform_here(void)
{
#if defined(__x86_64__)
    unsigned a, b = 0, c, d;

    if (__get_cpuid(0, &a, &b, &c, &d) && b == signature_INTEL_ebx &&
        has_level("-v3/"))
        return 1;
#endif
    return 0;
}

/* Looks for the name in a directory, or for the file where `name` is NULL. */
static bool is_at(const struct asked *asked, struct values *values,
                  const char *text, const char *end, const char *level,
                  const char *name)
{
    struct llmobs_buf path;
    bool found = false;

    llmobs_buf_init(&path, PATH_MAX - 1);
    if (add_expanded(asked, values, &path, text, end) == 0 &&
        (!name || llmobs_buf_addf(&path, "/%s%s", level, name) == 0)) {
        memcpy(asked->path, path.data, path.len + 1);
        found = fits(asked);
    }
    llmobs_buf_fini(&path);
    return found;
}

static bool at_levels(const struct asked *asked, struct values *values,
                      const char *text, const char *end, const char *name)
{
    bool found = false;

    for (size_t i = 0; i < COUNT(levels) && !found; i++)
        if (levels[i][0] == '\0' ||
            (name && !asked->library->musl && has_level(levels[i])))
            found = is_at(asked, values, text, end, levels[i], name);
    return found;
}

/* Like is_at, but tries all values of the tokens in `text`. `by_path`: the
 * object that has the text. */
static bool with_values(const struct asked *asked, const char *by_path,
                        const char *text, const char *end, const char *name)
{
    const char *slash = strrchr(by_path, '/');
    struct values values = {.origin = by_path};
    size_t here = platform_here();
    bool found = false;

    values.origin_len = slash ? (size_t)(slash - by_path) : 0;
    for (size_t l = 0; l < COUNT(libs) && !found; l++) {
        for (size_t p = 0; p < COUNT(platforms) && !found; p++) {
            values.lib = libs[l];
            values.platform = platforms[(here + p) % COUNT(platforms)];
            found = at_levels(asked, &values, text, end, name);
            if (!values.used)
                return found;
        }
    }
    return found;
}

/* Searches a list of directories. An empty element is the working directory for
 * glibc; musl passes it over. */
static bool in_list(const struct asked *asked, const char *by_path,
                    const char *list, const char *separators)
{
    const char *at = list;

    /* Once the budget is spent nothing can be opened, so it makes no names. */
    while (at && *list != '\0' && asked->library->allowance->left > 0) {
        size_t len = strcspn(at, separators);

        if ((len > 0 || !asked->library->musl) &&
            with_values(asked, by_path, at, at + len, asked->name))
            return true;
        at = at[len] != '\0' ? at + len + 1 : NULL;
    }
    return false;
}

/* -- the cache ------------------------------------------------------------ */

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

    if (entry->flags != CACHE_FLAGS || !name || !path ||
        strcmp(name, asked->name) != 0 || strnlen(path, PATH_MAX) == PATH_MAX)
        return false;
    if (entry->hwcap != 0 && !(entry->hwcap >> FOR_LEVEL & 1))
        return false;
    if (entry->hwcap != 0 && !has_level(path))
        return false;
    memcpy(asked->path, path, strlen(path) + 1);
    return fits(asked);
}

static bool in_cache(const struct asked *asked)
{
    const struct llmobs_buf *cache = &asked->library->cache;
    struct cache_head head;
    struct cache_entry entry;

    if (cache->len < sizeof(head) || !asked->by->object->native)
        return false;
    memcpy(&head, cache->data, sizeof(head));
    if (memcmp(head.magic, MAGIC, sizeof(head.magic)) != 0)
        return false;
    for (size_t i = 0;
         i < head.count && (cache->len - sizeof(head)) / sizeof(entry) > i &&
         llmobs_allowance_take(asked->library->allowance, COST_ENTRY);
         i++) {
        memcpy(&entry, cache->data + sizeof(head) + i * sizeof(entry),
               sizeof(entry));
        if (entry_fits(asked, &entry))
            return true;
    }
    return false;
}

/* -- all of it ------------------------------------------------------------ */

static bool by_musl(const struct asked *asked)
{
    const struct llmobs_buf *dirs = &asked->library->dirs;

    if (in_list(asked, "", asked->library->path, ":\n"))
        return true;
    for (const struct llmobs_needer *at = asked->by; at; at = at->by)
        if (in_list(asked, at->path, at->object->rpath, ":\n") ||
            in_list(asked, at->path, at->object->runpath, ":\n"))
            return true;
    return in_list(asked, "",
                   dirs->len > 0 ? dirs->data : "/lib:/usr/local/lib:/usr/lib",
                   ":\n");
}

/* An object's RPATH is also for all libraries that the object brings, unless
 * the needer has a RUNPATH. */
static bool by_search(const struct asked *asked)
{
    static const char standard[] =
        "/lib/" LLMOBS_LIBRARY_TRIPLET ":/usr/lib/" LLMOBS_LIBRARY_TRIPLET
        ":/lib64:/usr/lib64:/lib:/usr/lib";
    const struct llmobs_needer *by = asked->by, *program = by;

    for (; program->by; program = program->by)
        ;
    if (by->object->runpath[0] == '\0')
        for (; by; by = by->by)
            if (in_list(asked, by->path, by->object->rpath, ":"))
                return true;
    by = asked->by;
    return in_list(asked, program->path, asked->library->path, ":;") ||
           in_list(asked, by->path, by->object->runpath, ":") ||
           in_cache(asked) || in_list(asked, "", standard, ":");
}

int llmobs_library_find(const struct llmobs_library *library,
                        const struct llmobs_needer *by, const char *name,
                        char path[PATH_MAX], struct llmobs_object *out)
{
    struct asked asked = {library, by, name, path, out};
    bool found;

    if (strchr(name, '/'))
        found = with_values(&asked, by->path, name, name + strlen(name), NULL);
    else
        found = library->musl ? by_musl(&asked) : by_search(&asked);
    return found ? 0 : -ENOENT;
}
