/* Reads a process's TCP connections from /proc. */
#include "cli/doctor/host_sockets.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/grow.h"
#include "lib/base/buf.h"
#include "lib/base/file.h"

/* The states of linux/tcp_states.h in which a connection has another end. */
#define ESTABLISHED 1
#define SYN_SENT 2
#define CLOSE_WAIT 8

void llmobs_sockets_fini(struct llmobs_socket_tables *tables)
{
    for (size_t i = 0; i < tables->count; i++)
        free(tables->tables[i].sockets);
    tables->count = 0;
}

/* -- a namespace's table -------------------------------------------------- */

/* An address is written in words of four bytes, each as a number of the
 * machine's byte order. */
static bool read_address(const char *text, unsigned char bytes[16])
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    size_t len = strlen(text), words = len / 8;
    unsigned char *at = words == 1 ? bytes + 12 : bytes;

    if (len != 8 && len != 32)
        return false;
    memcpy(bytes, mapped, sizeof(mapped));
    for (size_t i = 0; i < words; i++) {
        char word[9];
        uint32_t value;

        snprintf(word, sizeof(word), "%.8s", text + 8 * i);
        value = (uint32_t)strtoul(word, NULL, 16);
        memcpy(at + 4 * i, &value, sizeof(value));
    }
    return true;
}

static int read_table(struct llmobs_socket_table *table, pid_t pid,
                      const char *name, size_t *room)
{
    struct llmobs_socket socket;
    struct llmobs_buf text;
    char path[64], other[33];
    unsigned port, state;
    int rc;

    snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)pid, name);
    llmobs_buf_init(&text, LLMOBS_SOCKET_TEXT);
    rc = llmobs_file_read(path, &text);
    for (char *at = text.data, *line; rc == 0 && (line = strsep(&at, "\n"));)
        /* "  0: LOCAL:PORT OTHER:PORT STATE queues timer retransmits uid
         * timeout INODE" */
        if (sscanf(line,
                   "%*d: %*[0-9A-F]:%*X %32[0-9A-F]:%X %X %*s %*s %*s %*s %*s "
                   "%" SCNu64,
                   other, &port, &state, &socket.inode) == 4 &&
            (state == ESTABLISHED || state == SYN_SENT ||
             state == CLOSE_WAIT) &&
            (socket.peer.port = (uint16_t)port) != 0 &&
            read_address(other, socket.peer.bytes)) {
            rc = llmobs_grow(&table->sockets, room, table->count,
                             sizeof(*table->sockets));
            if (rc == 0)
                table->sockets[table->count++] = socket;
        }
    llmobs_buf_fini(&text);
    return rc == -ENOMEM ? rc : 0;
}

static int by_inode(const void *a, const void *b)
{
    uint64_t x = ((const struct llmobs_socket *)a)->inode;
    uint64_t y = ((const struct llmobs_socket *)b)->inode;

    return (x > y) - (x < y);
}

/* The table of the process's namespace; the last place is used again where
 * there are too many. */
static int table_of(struct llmobs_socket_tables *tables, pid_t pid,
                    struct llmobs_socket_table **out)
{
    struct llmobs_socket_table *table;
    char path[64], space[64];
    size_t room = 0;
    ssize_t len;
    int rc;

    snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
    len = readlink(path, space, sizeof(space) - 1);
    if (len < 0)
        return -errno;
    space[len] = '\0';
    for (size_t i = 0; i < tables->count; i++)
        if (strcmp(tables->tables[i].space, space) == 0) {
            *out = &tables->tables[i];
            return 0;
        }
    if (tables->count == LLMOBS_SOCKET_TABLES)
        free(tables->tables[--tables->count].sockets);
    table = *out = &tables->tables[tables->count++];
    memset(table, 0, sizeof(*table));
    memcpy(table->space, space, sizeof(space));
    rc = read_table(table, pid, "tcp", &room);
    if (rc == 0)
        rc = read_table(table, pid, "tcp6", &room);
    if (table->count > 0)
        qsort(table->sockets, table->count, sizeof(*table->sockets), by_inode);
    return rc;
}

/* -- a process's sockets -------------------------------------------------- */

int llmobs_sockets_of(struct llmobs_socket_tables *tables, pid_t pid,
                      struct llmobs_host_address *out, size_t *count)
{
    struct llmobs_socket_table *table = NULL;
    struct llmobs_socket key = {0, {{0}, 0}};
    const struct llmobs_socket *found;
    struct dirent *entry;
    char path[64];
    DIR *dir;
    int rc;

    *count = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    dir = opendir(path);
    if (!dir)
        return -errno;
    rc = table_of(tables, pid, &table);
    while (rc == 0 && (entry = readdir(dir))) {
        char link[64];
        ssize_t len =
            readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

        link[len > 0 ? len : 0] = '\0';
        if (*count == LLMOBS_SOCKETS || table->count == 0 ||
            sscanf(link, "socket:[%" SCNu64 "]", &key.inode) != 1)
            continue;
        found =
            bsearch(&key, table->sockets, table->count, sizeof(key), by_inode);
        if (found)
            out[(*count)++] = found->peer;
    }
    closedir(dir);
    return rc;
}
