#include "core/spool/adopt_inner.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/crash_point.h"
#include "core/spool/spool_file.h"

struct llmobs_adopt *llmobs_adopt_new(const struct llmobs_config *config,
                                      enum llmobs_adopt_whose whose)
{
    struct llmobs_adopt *adopt = calloc(1, sizeof(*adopt));

    if (!adopt)
        return NULL;
    adopt->config = config;
    adopt->whose = whose;
    atomic_init(&adopt->until_ns, INT64_MAX);
    llmobs_buf_init(&adopt->text, LLMOBS_SPOOL_TEXT);
    if (llmobs_spool_dir(config, adopt->base, sizeof(adopt->base)) == 0)
        return adopt;
    llmobs_adopt_free(adopt);
    return NULL;
}

static void forget_dir(struct llmobs_adopt *adopt)
{
    memset(&adopt->released, 0, sizeof(adopt->released));
    memset(&adopt->begun, 0, sizeof(adopt->begun));
    memset(&adopt->ended, 0, sizeof(adopt->ended));
    adopt->delivered_to = NULL;
    adopt->delivered_to_count = adopt->had_cap = 0;
    adopt->owner = NULL;
    adopt->recalls = NULL;
    llmobs_buf_init(&adopt->text, LLMOBS_SPOOL_TEXT);
    adopt->at = adopt->file = adopt->file_count = 0;
    adopt->out = adopt->kept = 0;
    adopt->open = false;
}

void llmobs_adopt_abandon(struct llmobs_adopt *adopt)
{
    if (adopt->self)
        llmobs_owner_renew(&adopt->self, adopt->config);
    atomic_store(&adopt->until_ns, INT64_MAX);
    adopt->given_up = NULL;
    adopt->files = NULL;
    adopt->given_up_count = 0;
    forget_dir(adopt);
}

void llmobs_adopt_leave(struct llmobs_adopt *adopt)
{
    free(adopt->released.list);
    free(adopt->begun.list);
    free(adopt->ended.list);
    free(adopt->delivered_to);
    llmobs_owner_free(adopt->owner);
    llmobs_recalls_free(adopt->recalls);
    llmobs_buf_fini(&adopt->text);
    forget_dir(adopt);
}

void llmobs_adopt_free(struct llmobs_adopt *adopt)
{
    if (!adopt)
        return;
    llmobs_adopt_leave(adopt);
    free(adopt->given_up);
    free(adopt->files);
    llmobs_owner_free(adopt->self);
    free(adopt);
}

void llmobs_adopt_until(struct llmobs_adopt *adopt, int64_t mono_ns)
{
    atomic_store(&adopt->until_ns, mono_ns);
}

void llmobs_adopt_living(struct llmobs_adopt *adopt,
                         const struct llmobs_live_namespaces *living)
{
    adopt->living = living;
}

void llmobs_adopt_except(struct llmobs_adopt *adopt,
                         const struct llmobs_spool *own)
{
    adopt->own = own;
}

/* Nothing is left: its files and the directory go. */
static void remove_dir(struct llmobs_adopt *adopt)
{
    char path[PATH_MAX];

    for (size_t i = 0; i < adopt->file_count; i++) {
        llmobs_adopt_path(adopt, adopt->dir, adopt->files[i], path);
        llmobs_crash_point("removing an adopted file");
        unlink(path);
    }
    llmobs_crash_point("removing an adopted directory");
    rmdir(adopt->dir);
    llmobs_crash_point("removed an adopted directory");
}

static void close_if_done(struct llmobs_adopt *adopt)
{
    if (!adopt->open || adopt->out > 0 || adopt->file < adopt->file_count)
        return;
    if (adopt->kept == 0)
        remove_dir(adopt);
    else
        llmobs_adopt_give_up(adopt);
    llmobs_adopt_leave(adopt);
}

int llmobs_adopt_next(struct llmobs_adopt *adopt, struct llmobs_adopted *out)
{
    int rc;

    for (;;) {
        if (adopt->open) {
            rc = llmobs_adopt_next_here(adopt, out);
            if (rc != 0)
                return rc;
            if (adopt->out > 0)
                return -EAGAIN;
            close_if_done(adopt);
        }
        rc = llmobs_adopt_find(adopt);
        if (rc != 1)
            return rc;
    }
}

/* A file of the present directory, which is ours alone. The key is read again:
 * it may not be that of the file that was read last. */
static int open_target(const struct llmobs_adopt *adopt, uint32_t file,
                       char path[PATH_MAX], struct llmobs_entry_key *key,
                       struct llmobs_spool_target *out)
{
    *out = (struct llmobs_spool_target){.path = path, .alone = true};
    llmobs_adopt_path(adopt, adopt->dir, file, path);
    if (adopt->old)
        return 0;
    out->key = key;
    return llmobs_spool_key(path, key);
}

/* The first of `list` that are in one file, at most as many as a note holds. */
static size_t note_some(const struct llmobs_adopt *adopt,
                        const struct llmobs_spooled *list, size_t count)
{
    uint64_t ids[LLMOBS_RELEASE_MAX];
    struct llmobs_spool_target target;
    struct llmobs_entry_key key;
    char path[PATH_MAX];
    size_t n = 0;

    for (; n < count && n < LLMOBS_RELEASE_MAX && list[n].file == list->file;
         n++)
        ids[n] = list[n].id;
    if (open_target(adopt, list->file, path, &key, &target) == 0)
        (void)llmobs_spool_note(&target, ids, n);
    return n;
}

void llmobs_adopt_let_go(struct llmobs_adopt *adopt,
                         const struct llmobs_spooled *list, size_t count)
{
    bool stays = adopt->out > count || adopt->file < adopt->file_count ||
                 adopt->kept > 0;

    for (size_t i = 0; stays && i < count;)
        i += note_some(adopt, list + i, count - i);
    adopt->out -= count < adopt->out ? count : adopt->out;
    close_if_done(adopt);
}

void llmobs_adopt_note_delivered_to(struct llmobs_adopt *adopt,
                                    const struct llmobs_spooled *spooled,
                                    unsigned delivered_to)
{
    struct llmobs_spool_target target;
    struct llmobs_entry_key key;
    char path[PATH_MAX];

    if (open_target(adopt, spooled->file, path, &key, &target) == 0)
        (void)llmobs_spool_write_delivered_to(&target, spooled->id,
                                              delivered_to);
}

void llmobs_adopt_give_back(struct llmobs_adopt *adopt, size_t count)
{
    adopt->out -= count < adopt->out ? count : adopt->out;
    adopt->kept += count;
    close_if_done(adopt);
}
