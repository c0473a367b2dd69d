/* Matches a pattern against directories, one component at a time. */
#include "cli/doctor/find_files.h"

#include <dirent.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>

struct search {
    struct llmobs_allowance *allowance;
    llmobs_find_files_fn *each;
    void *ctx;
    char path[PATH_MAX];
};

static bool match(struct search *search, size_t len, const char *pattern);

/* Goes on with a name behind the first `len` bytes of the path; false: the
 * search is over. */
static bool match_in(struct search *search, size_t len, const char *name,
                     size_t name_len, const char *rest)
{
    if (len + name_len >= sizeof(search->path))
        return true;
    memcpy(search->path + len, name, name_len);
    search->path[len + name_len] = '\0';
    return match(search, len + name_len, rest);
}

/* `pattern`: the part of the pattern that is not matched yet. */
static bool match(struct search *search, size_t len, const char *pattern)
{
    size_t slashes = strspn(pattern, "/");
    size_t part = strcspn(pattern + slashes, "/");
    int64_t began = llmobs_allowance_clock();
    char name[NAME_MAX + 1];
    struct stat st;
    DIR *dir;
    const struct dirent *entry;
    bool more;

    if (pattern[0] == '\0') {
        bool there = lstat(search->path, &st) == 0;

        llmobs_allowance_path(search->allowance, began);
        return !there || search->each(search->ctx, search->path);
    }
    if (slashes > 0)
        return match_in(search, len, "/", 1, pattern + slashes);
    if (part > NAME_MAX)
        return true;
    memcpy(name, pattern, part);
    name[part] = '\0';
    if (!strpbrk(name, "*?["))
        return match_in(search, len, name, part, pattern + part);
    began = llmobs_allowance_clock();
    dir = opendir(len > 0 ? search->path : ".");
    more = true;
    llmobs_allowance_path(search->allowance, began);
    while (dir && more &&
           llmobs_allowance_take(search->allowance, LLMOBS_FIND_FILES_COST) &&
           (entry = readdir(dir)))
        if (fnmatch(name, entry->d_name, FNM_PERIOD) == 0)
            more = match_in(search, len, entry->d_name, strlen(entry->d_name),
                            pattern + part);
    if (dir)
        closedir(dir);
    return more;
}

void llmobs_find_files(const char *pattern, struct llmobs_allowance *allowance,
                       llmobs_find_files_fn *each, void *ctx)
{
    struct search search = {.allowance = allowance, .each = each, .ctx = ctx};

    if (pattern[0] != '\0')
        (void)match(&search, 0, pattern);
}
