/* Locks, writes and checks the relay's file. */
#include "core/log/relay_sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "core/log/spool_file.h"

/* The content of the file. */
struct content {
    char magic[8];
    uint32_t version;
    uint32_t count;
    uint8_t hashes[LLMOBS_RELAY_HASHES][LLMOBS_OWNER_HASH];
};

static const char magic[8] = "LLMRELAY";

/* True where the file was written within so many milliseconds. A time further
 * in the future is none of those: the clock was set back. Fills *st. */
static bool is_younger(int fd, int64_t ms, struct stat *st)
{
    int64_t age;

    if (fstat(fd, st) != 0)
        return false;
    age = llmobs_clock_wall_ns() - llmobs_clock_ns(st->st_mtim);
    return age < ms * LLMOBS_NS_PER_MS && age > -ms * LLMOBS_NS_PER_MS;
}

/* A process that is about to start a relay writes this. */
#define STARTS "s"
/* A relay that is started has its sign within this time. */
#define START_MS 3000
#define NAME_MAX_BYTES (sizeof(LLMOBS_RELAY_SIGN) + 40)

/* "relay.UID", or of the relay of one owner's destinations "relay.UID.HEX". */
static void name_sign(const struct llmobs_owner *owner,
                      char name[NAME_MAX_BYTES])
{
    size_t len = sizeof(LLMOBS_RELAY_SIGN) - 1;
    uint64_t hash;

    memcpy(name, LLMOBS_RELAY_SIGN, len);
    len += llmobs_text_decimal(geteuid(), name + len);
    if (!owner)
        return;
    memcpy(&hash, owner->origin.hash, sizeof(hash));
    name[len++] = '.';
    for (int at = 60; at >= 0; at -= 4)
        name[len++] = "0123456789abcdef"[hash >> at & 15];
    name[len] = '\0';
}

static int open_sign(int dir, const struct llmobs_owner *owner, int how)
{
    char name[NAME_MAX_BYTES];

    name_sign(owner, name);
    return llmobs_file_open(dir, name, how);
}

/* -- the relay's side ---------------------------------------------------- */

static int try_lock(int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
        return 0;
    return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

int llmobs_relay_sign_write(struct llmobs_relay_sign *sign, int dir,
                            const struct llmobs_owner *const *owners,
                            size_t count)
{
    struct content content = {.version = LLMOBS_ENTRY_VERSION,
                              .count = (uint32_t)count};
    int rc, fd = open_sign(dir, sign->owner, O_RDWR);

    sign->fd = -1;
    if (fd < 0)
        return fd;
    rc = count <= LLMOBS_RELAY_HASHES ? try_lock(fd) : -E2BIG;
    if (rc == 0) /* somebody may have removed the file meanwhile */
        rc = llmobs_file_check(fd, geteuid());
    memcpy(content.magic, magic, sizeof(magic));
    for (size_t i = 0; rc == 0 && i < count; i++)
        memcpy(content.hashes[i], owners[i]->origin.hash, LLMOBS_OWNER_HASH);
    /* A process that reads meanwhile finds a short file, or a file without its
     * hash, and delivers by itself. */
    if (rc == 0 && ftruncate(fd, 0))
        rc = -errno;
    if (rc == 0 && pwrite(fd, &content, sizeof(content), 0) != sizeof(content))
        rc = -EIO;
    if (rc)
        close(fd);
    else
        sign->fd = fd;
    return rc;
}

int llmobs_relay_sign_renew(const struct llmobs_relay_sign *sign)
{
    return futimens(sign->fd, NULL) ? -errno : 0;
}

bool llmobs_relay_sign_is_there(const struct llmobs_relay_sign *sign, int dir)
{
    struct stat mine, there;
    int fd = open_sign(dir, sign->owner, O_RDONLY);
    bool same;

    if (fd < 0)
        return false;
    same = fstat(fd, &there) == 0 && fstat(sign->fd, &mine) == 0 &&
           mine.st_ino == there.st_ino && mine.st_dev == there.st_dev;
    close(fd);
    return same;
}

void llmobs_relay_sign_remove(struct llmobs_relay_sign *sign, int dir)
{
    char name[NAME_MAX_BYTES];

    if (sign->fd < 0)
        return;
    (void)!ftruncate(sign->fd, 0);
    if (sign->owner && llmobs_relay_sign_is_there(sign, dir)) {
        name_sign(sign->owner, name);
        (void)unlinkat(dir, name, 0);
    }
    close(sign->fd);
    sign->fd = -1;
}

/* -- the others' side ---------------------------------------------------- */

static bool is_locked(int fd)
{
    struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type == F_WRLCK;
}

static bool read_content(int fd, struct content *content)
{
    return pread(fd, content, sizeof(*content), 0) == sizeof(*content) &&
           memcmp(content->magic, magic, sizeof(magic)) == 0;
}

/* Closes the descriptor. A relay of another version would not read this
 * process's files. */
static bool is_up(int fd, const struct llmobs_owner *owner)
{
    struct content content;
    struct stat st;
    bool up = fd >= 0 && is_locked(fd) &&
              is_younger(fd, LLMOBS_RELAY_STALE_MS, &st) &&
              read_content(fd, &content) &&
              content.count <= LLMOBS_RELAY_HASHES;
    bool named = !owner;

    for (size_t i = 0; up && !named && i < content.count &&
                       content.version == LLMOBS_ENTRY_VERSION;
         i++)
        named = memcmp(content.hashes[i], owner->origin.hash,
                       LLMOBS_OWNER_HASH) == 0;
    if (fd >= 0)
        close(fd);
    return up && named;
}

bool llmobs_relay_sign_is_up(int dir, const struct llmobs_owner *owner)
{
    return is_up(open_sign(dir, NULL, O_RDONLY), owner) ||
           (owner && is_up(open_sign(dir, owner, O_RDONLY), owner));
}

static bool is_held(int dir, const struct llmobs_owner *owner)
{
    int fd = open_sign(dir, owner, O_RDONLY);
    struct content content;
    bool held = fd >= 0 && is_locked(fd) &&
                (!read_content(fd, &content) ||
                 content.version == LLMOBS_ENTRY_VERSION);

    if (fd >= 0)
        close(fd);
    return held;
}

bool llmobs_relay_sign_is_held(int dir, const struct llmobs_owner *owner,
                               const struct llmobs_relay_sign *mine)
{
    return ((!mine || mine->owner) && is_held(dir, NULL)) ||
           ((!mine || !mine->owner) && is_held(dir, owner));
}

/* With the lock: true where the file is the mark of a start under way. */
static bool is_starting(int fd)
{
    struct stat st;

    return is_younger(fd, START_MS, &st) && st.st_size == sizeof(STARTS) - 1;
}

int llmobs_relay_sign_begin(int dir, const struct llmobs_owner *owner)
{
    int rc, fd = open_sign(dir, owner, O_RDWR);

    if (fd < 0)
        return fd;
    rc = try_lock(fd);
    if (rc == 0 && is_starting(fd))
        rc = -EBUSY;
    if (rc == 0 && (ftruncate(fd, 0) != 0 ||
                    pwrite(fd, STARTS, sizeof(STARTS) - 1, 0) < 1))
        rc = -errno;
    close(fd);
    return rc;
}

void llmobs_relay_sign_give_up(int dir, const struct llmobs_owner *owner)
{
    struct llmobs_relay_sign sign = {open_sign(dir, owner, O_RDWR), owner};

    if (sign.fd >= 0 && try_lock(sign.fd) == 0 && is_starting(sign.fd))
        llmobs_relay_sign_remove(&sign, dir);
    else if (sign.fd >= 0)
        close(sign.fd);
}

bool llmobs_relay_sign_meet(int dir, const struct llmobs_owner *owner)
{
    int fd = open_sign(dir, NULL, O_RDONLY);
    struct stat st;

    /* a directory of several users */
    if (fd == -ENOENT && fstat(dir, &st) == 0 && (st.st_mode & S_ISVTX) &&
        st.st_uid != geteuid())
        fd = open_sign(dir, NULL, O_RDWR);
    return is_up(fd, owner) || is_up(open_sign(dir, owner, O_RDONLY), owner);
}

bool llmobs_relay_sign_parse(const char *name, uid_t *uid)
{
    const size_t len = sizeof(LLMOBS_RELAY_SIGN) - 1;
    unsigned long number;
    char *end;

    if (strncmp(name, LLMOBS_RELAY_SIGN, len) != 0 || name[len] < '0' ||
        name[len] > '9')
        return false;
    number = strtoul(name + len, &end, 10);
    *uid = (uid_t)number;
    return (*end == '\0' || *end == '.') && *uid == number;
}

enum llmobs_relay llmobs_relay_find(const struct llmobs_config *config)
{
    struct llmobs_owner *owner = llmobs_owner_new(config);
    enum llmobs_relay relay = LLMOBS_RELAY_NONE;
    int base;

    if (owner && llmobs_spool_open_dir(config, false, &base) == 0) {
        if (llmobs_relay_sign_is_up(base, owner))
            relay = LLMOBS_RELAY_UP;
        else if (llmobs_relay_sign_is_up(base, NULL))
            relay = LLMOBS_RELAY_OF_OTHERS;
        close(base);
    }
    llmobs_owner_free(owner);
    return relay;
}
