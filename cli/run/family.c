#include "cli/run/family.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/grow.h"
#include "lib/base/proc_stat.h"

static void add(struct llmobs_family *family,
                struct llmobs_family_member member)
{
    if (llmobs_grow(&family->list, &family->cap, family->count,
                    sizeof(*family->list)) == 0)
        family->list[family->count++] = member;
}

/* False for a process that has ended. */
static bool family_read(const char *pid, struct llmobs_family_member *out)
{
    char path[64], text[1024], state;
    const char *start;

    snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
    if (llmobs_file_begin(AT_FDCWD, path, text, sizeof(text)) <= 0)
        return false;
    start = llmobs_proc_field(text, LLMOBS_PROC_START);
    if (!*start)
        return false;
    state = *llmobs_proc_field(text, LLMOBS_PROC_STATE);
    *out = (struct llmobs_family_member){
        atoi(pid), atoi(llmobs_proc_field(text, LLMOBS_PROC_PARENT)),
        strtoull(start, NULL, 10)};
    return state != 'Z' && state != 'X';
}

static void list_all(struct llmobs_family *all)
{
    struct llmobs_family_member member;
    struct dirent *entry;
    DIR *proc = opendir("/proc");

    while (proc && (entry = readdir(proc)))
        if (isdigit((unsigned char)*entry->d_name) &&
            family_read(entry->d_name, &member))
            add(all, member);
    if (proc)
        closedir(proc);
}

static const struct llmobs_family_member *find(
    const struct llmobs_family *family, pid_t pid)
{
    for (size_t i = 0; i < family->count; i++)
        if (family->list[i].pid == pid)
            return &family->list[i];
    return NULL;
}

static void drop_ended(struct llmobs_family *family,
                       const struct llmobs_family *all)
{
    size_t left = 0;

    for (size_t i = 0; i < family->count; i++) {
        const struct llmobs_family_member *now = find(all, family->list[i].pid);

        if (now && now->start == family->list[i].start)
            family->list[left++] = *now;
    }
    family->count = left;
}

void llmobs_family_gather(struct llmobs_family *family, pid_t first)
{
    struct llmobs_family all = {NULL, 0, 0};
    const struct llmobs_family_member *found;
    size_t before;

    list_all(&all);
    if (all.count > 0)
        drop_ended(family, &all);
    found = find(&all, first);
    if (first > 0)
        add(family,
            found ? *found : (struct llmobs_family_member){first, 0, 0});
    do {
        before = family->count;
        for (size_t i = 0; i < all.count; i++)
            if (find(family, all.list[i].parent) &&
                !find(family, all.list[i].pid))
                add(family, all.list[i]);
    } while (family->count > before);
    llmobs_family_fini(&all);
}

void llmobs_family_signal(const struct llmobs_family *family, int signal)
{
    for (size_t i = 0; i < family->count; i++)
        kill(family->list[i].pid, signal);
}

void llmobs_family_fini(struct llmobs_family *family)
{
    free(family->list);
    memset(family, 0, sizeof(*family));
}
