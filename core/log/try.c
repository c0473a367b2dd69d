/* Keeps the entry in hand, and the note of it for the handler to write. */
#include "core/log/try.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "llmobs.h"
#include "lib/base/scratch.h"
#include "lib/base/sys.h"

static struct {
    bool armed;
    atomic_uintptr_t thread; /* that has an entry in hand; 0: none */
    size_t len;
    char note[256];
    char path[PATH_MAX];
} hand;

void llmobs_try_arm(void)
{
    hand.armed = true;
}

void llmobs_try_end(void)
{
    if (hand.armed)
        atomic_store(&hand.thread, 0);
}

void llmobs_try_begin(const char *path, const struct llmobs_entry_key *key,
                      uint64_t id)
{
    struct llmobs_entry_writer *writer;
    int64_t size;

    llmobs_try_end();
    writer = hand.armed ? llmobs_scratch_alloc(sizeof(*writer)) : NULL;
    if (!writer)
        return;
    llmobs_entry_begin(writer, LLMOBS_ENTRY_TRIED, id);
    llmobs_entry_add(writer, LLMOBS_TRIED_FIELD, LLMOBS_VERSION,
                     strlen(LLMOBS_VERSION));
    size = llmobs_entry_end(writer, key);
    if (size > 0 && (size_t)size <= sizeof(hand.note)) {
        memcpy(hand.note, &writer->start, (size_t)size);
        hand.len = (size_t)size;
        snprintf(hand.path, sizeof(hand.path), "%s", path);
        atomic_store(&hand.thread, llmobs_sys_thread());
    }
    llmobs_entry_free(writer);
}

void llmobs_try_note(void)
{
    uintptr_t thread = llmobs_sys_thread();
    long fd;

    if (!atomic_compare_exchange_strong(&hand.thread, &thread, 0))
        return;
    fd = llmobs_sys(SYS_openat, AT_FDCWD, hand.path,
                    O_WRONLY | O_APPEND | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK |
                        O_CLOEXEC);
    if (fd < 0)
        return;
    (void)llmobs_sys(SYS_write, fd, hand.note, hand.len);
    (void)llmobs_sys(SYS_close, fd);
}
