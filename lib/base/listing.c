/* Lists a directory by getdents64, without malloc. */
#include "lib/base/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/scratch.h"
#include "lib/base/sys.h"

/* Where the members of struct linux_dirent64 lie. */
enum { OFF = 8, RECLEN = 16, NAME = 19 };

int llmobs_listing_open(struct llmobs_listing *listing, int fd)
{
    *listing = (struct llmobs_listing){.fd = fd, .left = LLMOBS_LISTING_MAX};
    if (fd < 0)
        return -EBADF;
    listing->block = llmobs_scratch_alloc(LLMOBS_SCRATCH_SIZE);
    if (!listing->block) {
        close(fd);
        return -ENOMEM;
    }
    return 0;
}

int llmobs_listing_open_in(struct llmobs_listing *listing, int dir,
                           const char *name)
{
    int fd = llmobs_fd_open(dir, name, O_RDONLY | O_DIRECTORY);
    int saved = errno;
    int rc = llmobs_listing_open(listing, fd);

    return fd < 0 ? -saved : rc;
}

const char *llmobs_listing_next(struct llmobs_listing *listing)
{
    const char *entry;
    unsigned short size;

    if (listing->left == 0)
        return NULL;
    if (listing->at == listing->len) {
        listing->at = 0;
        listing->len = llmobs_sys(SYS_getdents64, listing->fd, listing->block,
                                  LLMOBS_SCRATCH_SIZE);
    }
    if (listing->len <= 0)
        return NULL;
    listing->left--;
    entry = listing->block + listing->at;
    memcpy(&size, entry + RECLEN, sizeof(size));
    memcpy(&listing->next, entry + OFF, sizeof(listing->next));
    listing->at += size;
    return entry + NAME;
}

void llmobs_listing_seek(struct llmobs_listing *listing, int64_t next)
{
    listing->at = listing->len = 0;
    (void)lseek(listing->fd, next, SEEK_SET);
}

void llmobs_listing_close(struct llmobs_listing *listing)
{
    llmobs_scratch_free(listing->block);
    close(listing->fd);
}
