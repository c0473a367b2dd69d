/* Checks in /proc which user listens at a port or socket. */
#include "core/export/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "core/export/target.h"

#define UNIX "unix://"
#define AGENT_USER "dd-agent:"
#define USERS_MAX (1024 * 1024)
/* The number that the kernel shows for a user of another namespace. */
#define NOBODY_KNOWN 65534
#define CHUNK 4096
/* The kernel fills what it is given but for less than a line, unless its list
 * ends. To say so by an empty read it walks over the whole table of connections
 * again, for milliseconds. */
#define LINE_MOST 512
/* While many sockets come and go, the kernel's list may miss one of them. */
#define LOOKS 3
/* The kernel's number for the state of a TCP socket that listens. */
#define LISTENING 0x0A
/* Columns of a line in /proc/net/tcp. */
enum { LOCAL = 1, STATE = 3, USER = 7, INODE = 9, COLUMNS };

const char *llmobs_listener_guard(const struct llmobs_config *config)
{
    bool found = config->exporter && strcmp(config->exporter, "auto") == 0 &&
                 !config->agent_named;

    return found ? config->agent_url : NULL;
}

/* -- users ---------------------------------------------------------------- */

/* True for the user dd-agent, whose number /etc/passwd has in the third column.
 * The name service would also find users of other sources, but it would run
 * foreign code in the app. */
static bool is_agent(uid_t uid)
{
    struct llmobs_buf text;
    bool found = false;

    llmobs_buf_init(&text, USERS_MAX);
    if (llmobs_file_read("/etc/passwd", &text) == 0 && text.data)
        for (const char *at = text.data; at && !found;) {
            const char *user = strchr(at, ':');

            user = user ? strchr(user + 1, ':') : NULL;
            found = user && strncmp(at, AGENT_USER, strlen(AGENT_USER)) == 0 &&
                    strtoul(user + 1, NULL, 10) == uid;
            at = strchr(at, '\n');
            at += at != NULL;
        }
    llmobs_buf_fini(&text);
    return found;
}

static bool is_trusted(uid_t uid)
{
    return uid == 0 ||
           (uid != NOBODY_KNOWN && (uid == geteuid() || is_agent(uid)));
}

/* -- ports ---------------------------------------------------------------- */

struct look {
    unsigned port;
    uint64_t mark;
    bool somebody;
    bool stranger;
    bool over; /* no later socket listens */
};

/* True for an address that takes connections to localhost: loopback's first
 * address and the "any" address, of both families, printed as the kernel prints
 * its words of memory. */
static bool takes_localhost(const char *address, size_t len)
{
    static const char *const known[] = {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        "0100007F",
        "00000000000000000000000001000000",
        "0000000000000000FFFF00000100007F",
        "0000000000000000FFFF000000000000",
#else
        "7F000001",
        "00000000000000000000000000000001",
        "00000000000000000000FFFF7F000001",
        "00000000000000000000FFFF00000000",
#endif
        "00000000",
        "00000000000000000000000000000000"
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (strlen(known[i]) == len && strncmp(known[i], address, len) == 0)
            return true;
    return false;
}

/* "sl: address:port peer:port state queues timer retries user timeout inode" */
static void read_line(struct look *look, char *line)
{
    char *column[COLUMNS] = {NULL}, *rest = line, *colon;
    size_t count = 0;
    uid_t uid;

    while (count < COLUMNS && (column[count] = strtok_r(rest, " ", &rest)))
        count++;
    if (count < COLUMNS || !(colon = strchr(column[LOCAL], ':')))
        return; /* the headline */
    look->over = strtoul(column[STATE], NULL, 16) != LISTENING;
    if (look->over || strtoul(colon + 1, NULL, 16) != look->port ||
        !takes_localhost(column[LOCAL], (size_t)(colon - column[LOCAL])))
        return;
    uid = (uid_t)strtoul(column[USER], NULL, 10);
    look->somebody = true;
    look->stranger |= !is_trusted(uid);
    look->mark = look->mark * 31 + strtoull(column[INODE], NULL, 10) + uid;
}

/* Reads the complete lines; gives how many bytes they have. */
static size_t read_lines(struct look *look, char *text)
{
    char *at = text, *end;

    while (!look->over && (end = strchr(at, '\n'))) {
        *end = '\0';
        read_line(look, at);
        at = end + 1;
    }
    return (size_t)(at - text);
}

/* Reads the sockets that listen. The kernel prints them first; the other
 * sockets, which may be many, are not read. */
static int read_sockets(struct look *look, const char *path)
{
    char *text = malloc(CHUNK);
    int fd = text ? llmobs_fd_open(AT_FDCWD, path, O_RDONLY) : -1;
    size_t len = 0;
    ssize_t got = fd < 0 ? -1 : 1;

    look->over = false;
    while (fd >= 0 && !look->over && len < CHUNK - 1 &&
           (got = read(fd, text + len, CHUNK - 1 - len)) > 0) {
        bool ends = (size_t)got + LINE_MOST < CHUNK - 1 - len;
        size_t used;

        len += (size_t)got;
        text[len] = '\0';
        used = read_lines(look, text);
        memmove(text, text + used, len - used);
        len -= used;
        look->over |= ends;
    }
    if (fd >= 0)
        close(fd);
    free(text);
    return got < 0 || len == CHUNK - 1 ? -EPERM : 0;
}

/* -- Unix sockets --------------------------------------------------------- */

int llmobs_listener_peer(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(int);
    int family;

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len))
        return -EPERM;
    if (family != AF_UNIX)
        return 0;
    len = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
                   is_trusted(peer.uid)
               ? 0
               : -EPERM;
}

int llmobs_listener_check(const char *listener, uint64_t *mark)
{
    struct stat st;

    *mark = 0;
    if (strncmp(listener, UNIX, strlen(UNIX)) != 0) {
        struct llmobs_target target;
        struct look look = {0};
        int rc = llmobs_target_parse(listener, NULL, &target);

        if (rc)
            return rc;
        look.port = target.port;
        rc = read_sockets(&look, "/proc/thread-self/net/tcp");
        /* A kernel without IPv6 has no such file. */
        if (!rc && read_sockets(&look, "/proc/thread-self/net/tcp6") &&
            faccessat(AT_FDCWD, "/proc/thread-self/net/tcp6", F_OK, 0) == 0)
            rc = -EPERM;
        *mark = look.mark;
        if (!rc && look.stranger)
            rc = -EPERM;
        return !rc && !look.somebody ? -ECONNREFUSED : rc;
    }
    if (stat(listener + strlen(UNIX), &st))
        return errno == ENOENT ? -ECONNREFUSED : -EPERM;
    *mark = (uint64_t)st.st_ino * 31 + st.st_dev;
    return S_ISSOCK(st.st_mode) && is_trusted(st.st_uid) ? 0 : -EPERM;
}

int llmobs_listener_check_again(const char *listener, uint64_t before)
{
    uint64_t mark = 0;
    int rc = -EPERM;

    for (int i = 0; i < LOOKS && (rc != 0 || mark != before); i++)
        rc = llmobs_listener_check(listener, &mark);
    return rc == 0 && mark == before ? 0 : -EPERM;
}
