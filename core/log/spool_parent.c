#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/hazard.h"
#include "core/log/process_files.h"
#include "core/log/spool.h"
#include "core/log/spool_state.h"

void llmobs_spool_note_parent(struct llmobs_spool *spool)
{
    struct llmobs_spool_parent *parent = &spool->parent;

    parent->process = atomic_load(&spool->named) ? spool->process : 0;
    if (!parent->process)
        return;
    parent->key = spool->key;
    memcpy(parent->prefix, spool->prefix, strlen(spool->prefix) + 1);
}

static int append_to_parents(const char *path, void *ctx)
{
    struct llmobs_entry_writer *writer = ctx;
    struct llmobs_spool_written written;
    int fd = llmobs_spool_open(path, O_WRONLY | O_APPEND);
    int rc = fd < 0 ? -errno
                    : llmobs_spool_write(fd, (struct llmobs_text){"", 0},
                                         writer, &written);

    if (fd >= 0)
        close(fd);
    return rc;
}

/* Until the child has entries of its own, the names are still its parent's. */
static const struct llmobs_entry_key *find_parents(
    const struct llmobs_spool *spool, int process, const char **prefix)
{
    if (atomic_load(&spool->named) && spool->process == process) {
        *prefix = spool->prefix;
        return &spool->key;
    }
    *prefix = spool->parent.prefix;
    return spool->parent.process == process ? &spool->parent.key : NULL;
}

/* The parent writes an END, too, if it ends in order: its own then counts. */
void llmobs_spool_end_parents(struct llmobs_spool *spool,
                              struct llmobs_exchange *exchange)
{
    uint32_t home = llmobs_spool_home_of(&exchange->item.spooled);
    const char *prefix;
    const struct llmobs_entry_key *key =
        find_parents(spool, exchange->process, &prefix);
    struct llmobs_spool_writing *writing =
        home && key ? llmobs_scratch_take(sizeof(*writing)) : NULL;
    bool bare = llmobs_privacy_withholds(&spool->config->privacy);

    if (!writing)
        return;
    llmobs_entry_begin(&writing->writer, LLMOBS_ENTRY_END,
                       exchange->item.spooled.id);
    if (llmobs_exchange_add(exchange, bare, &writing->facts,
                            &writing->writer) == 0) {
        writing->writer.start.head.type = LLMOBS_ENTRY_CHILDS_END;
        if (llmobs_entry_end(&writing->writer, key) <= LLMOBS_ENTRY_MAX)
            (void)llmobs_spool_with_of(prefix, home, append_to_parents,
                                       &writing->writer);
    }
    llmobs_scratch_give(writing);
}
