/* Finds the process at the other end of a connection, and whose it is. */
#include "cli/intercept/peer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "include/engine.h"
#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/base/maps.h"
#include "lib/base/mix.h"
#include "lib/base/proc_stat.h"

#define VARIABLES_MAX ((size_t)8 * 1024 * 1024)
#define LATEST 8
#define FOLLOWED 1024
#define PAUSE_US 1000

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 what;
};

struct answer {
    struct nlmsghdr head;
    struct inet_diag_msg socket;
    char rest[512];
};

/* True where the kernel knows the owner of the socket with the two ends of this
 * one. Of one that is closed it tells root's number, and no inode; and one that
 * only begins may get the ends of another that has been reset. */
static bool ask(int fd, struct llmobs_peer *peer)
{
    struct sockaddr_in from, to;
    struct tcp_info here = {.tcpi_state = TCP_CLOSE};
    socklen_t from_len = sizeof(from), to_len = sizeof(to), len = sizeof(here);
    struct question question = {.head = {.nlmsg_len = sizeof(question),
                                         .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                                         .nlmsg_flags = NLM_F_REQUEST}};
    struct answer answer;
    ssize_t got = -1;
    int ways;

    if (getpeername(fd, (struct sockaddr *)&from, &from_len) != 0 ||
        getsockname(fd, (struct sockaddr *)&to, &to_len) != 0 ||
        from.sin_family != AF_INET)
        return false;
    question.what = (struct inet_diag_req_v2){
        .sdiag_family = AF_INET,
        .sdiag_protocol = IPPROTO_TCP,
        .idiag_states = ~0u,
        .id = {.idiag_sport = from.sin_port,
               .idiag_dport = to.sin_port,
               .idiag_src = {from.sin_addr.s_addr},
               .idiag_dst = {to.sin_addr.s_addr},
               .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}};
    ways = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (ways >= 0 && send(ways, &question, sizeof(question), 0) > 0)
        got = recv(ways, &answer, sizeof(answer), 0);
    if (ways >= 0)
        close(ways);
    if (got < (ssize_t)(sizeof(answer.head) + sizeof(answer.socket)) ||
        answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return false;
    peer->uid = answer.socket.idiag_uid;
    peer->inode = answer.socket.idiag_inode;
    return peer->inode && answer.socket.idiag_state != TCP_SYN_SENT &&
           getsockopt(fd, IPPROTO_TCP, TCP_INFO, &here, &len) == 0 &&
           here.tcpi_state != TCP_CLOSE;
}

/* -- processes of the run ---------------------------------------------------
 */

bool llmobs_peer_has(const char *pid, const char *variable)
{
    char path[300], *text = malloc(VARIABLES_MAX);
    ssize_t len = -1;
    bool has;
    int fd;

    snprintf(path, sizeof(path), "/proc/%s/environ", pid);
    fd = text ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        len = read(fd, text, VARIABLES_MAX);
        close(fd);
    }
    has = len > 0 && memmem(text, (size_t)len, variable, strlen(variable) + 1);
    if (len > 0)
        explicit_bzero(text, (size_t)len); /* it may have keys */
    free(text);
    return has;
}

/* Climbs to the launcher. A number may be another process's by now: no parent
 * is younger than its child. */
static bool descends(const struct llmobs_peer_run *run, pid_t pid)
{
    uint64_t start, born = UINT64_MAX;
    char path[40], text[1024];

    while (pid > 0) {
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        if (llmobs_file_begin(AT_FDCWD, path, text, sizeof(text)) <= 0)
            return false;
        start = strtoull(llmobs_proc_field(text, LLMOBS_PROC_START), NULL, 10);
        if (start == 0 || start > born)
            return false;
        if (pid == run->launcher)
            return start == run->begun;
        born = start;
        pid = (pid_t)strtol(llmobs_proc_field(text, LLMOBS_PROC_PARENT), NULL,
                            10);
    }
    return false;
}

/* 1: the process has the socket; 0: not; -1: its files cannot be seen, and it
 * is that user's. */
static int has(const char *pid, const struct llmobs_peer *peer)
{
    char path[300], to[64], socket[40], text[2048];
    const char *uids;
    struct dirent *one;
    unsigned uid;
    bool denied;
    int found = 0;
    DIR *all;

    snprintf(socket, sizeof(socket), "socket:[%lu]", peer->inode);
    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    all = opendir(path);
    denied = !all && errno == EACCES;
    while (all && !found && (one = readdir(all))) {
        ssize_t len = readlinkat(dirfd(all), one->d_name, to, sizeof(to) - 1);

        denied |= len < 0 && errno == EACCES;
        to[len > 0 ? len : 0] = '\0';
        found = strcmp(to, socket) == 0;
    }
    if (all)
        closedir(all);
    if (found || !denied)
        return found;
    snprintf(path, sizeof(path), "/proc/%s/status", pid);
    return llmobs_file_begin(AT_FDCWD, path, text, sizeof(text)) > 0 &&
                   (uids = strstr(text, "\nUid:")) &&
                   sscanf(uids + 5, "%*u %*u %*u %u", &uid) == 1 &&
                   uid == peer->uid
               ? -1
               : 0;
}

static int is_process(const struct dirent *one)
{
    return llmobs_is_digit(*one->d_name);
}

/* Begins with the youngest, which are last in /proc. A process may hide its
 * files, or have another user: then its descent and its user must do. Without
 * `climb`: by the variable alone, which costs less and nearly all have. */
static pid_t look(const struct llmobs_peer_run *run,
                  const struct llmobs_peer *peer, bool climb)
{
    struct dirent **list;
    pid_t pid, found = -1, hidden = -1;
    char path[300];
    struct stat st;

    for (int n = scandir("/proc", &list, is_process, NULL), i = n; i-- > 0;) {
        const char *name = list[i]->d_name;
        int known;

        pid = (pid_t)strtol(name, NULL, 10);
        snprintf(path, sizeof(path), "/proc/%s", name);
        if (found < 0 && stat(path, &st) == 0 &&
            (st.st_uid == peer->uid || st.st_uid == 0) &&
            (climb ? descends(run, pid) : llmobs_peer_has(name, run->mark))) {
            known = has(name, peer);
            found = known > 0 ? pid : found;
            hidden = known < 0 ? pid : hidden;
        }
        free(list[i]);
        if (i == 0)
            free(list);
    }
    return found < 0 && climb ? hidden : found;
}

enum llmobs_peer_whose llmobs_peer_find(const struct llmobs_peer_run *run,
                                        int fd, struct llmobs_peer *peer)
{
    static atomic_int latest[LATEST]; /* a program opens more than one */
    static atomic_uint next;
    char name[16];

    peer->pid = -1;
    if (!ask(fd, peer))
        return LLMOBS_PEER_STRANGER;
    for (size_t i = 0; i < LATEST && peer->pid < 0; i++) {
        pid_t pid = atomic_load(&latest[i]);

        if (pid == 0 && i == 0)
            pid = getpid(); /* who tries whether the kernel tells */
        snprintf(name, sizeof(name), "%d", (int)pid);
        if (pid > 0 && has(name, peer) > 0 &&
            (llmobs_peer_has(name, run->mark) || descends(run, pid)))
            peer->pid = pid;
    }
    for (int climb = 0; climb < 2 && peer->pid < 0; climb++) {
        peer->pid = look(run, peer, climb);
        if (peer->pid > 0)
            atomic_store(&latest[atomic_fetch_add(&next, 1) % LATEST],
                         peer->pid);
    }
    return peer->pid < 0            ? LLMOBS_PEER_STRANGER
           : peer->uid == geteuid() ? LLMOBS_PEER_OURS
                                    : LLMOBS_PEER_OTHER;
}

/* -- what the library follows ----------------------------------------------
 */

static int announces = -1;
static struct llmobs_follows followed[FOLLOWED];
static pthread_mutex_t announced = PTHREAD_MUTEX_INITIALIZER;

/* Takes what has come, of this user. Others cannot keep it for ever: what has
 * come before the call is within the length of the queue. */
static void take_announced(void)
{
    static size_t next;
    struct sockaddr_un from;
    struct ucred who;
    socklen_t len, who_len;
    int fd;

    for (int i = 0; i < SOMAXCONN; i++) {
        len = sizeof(from);
        who_len = sizeof(who);
        fd = accept4(announces, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (len == offsetof(struct sockaddr_un, sun_path) + 1 +
                       sizeof(*followed) &&
            getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_len) == 0 &&
            who.uid == geteuid())
            memcpy(&followed[next++ % FOLLOWED], from.sun_path + 1,
                   sizeof(*followed));
        close(fd);
    }
}

/* Connections that go past the proxy are announced as well. */
static void *listen_on(void *user)
{
    struct pollfd one = {announces, POLLIN, 0};

    while (poll(&one, 1, -1) > 0) {
        pthread_mutex_lock(&announced);
        take_announced();
        pthread_mutex_unlock(&announced);
        usleep(PAUSE_US); /* no files may be left */
    }
    return user;
}

void llmobs_peer_listen(const char *where)
{
    struct sockaddr_un here = {.sun_family = AF_UNIX};
    int len = snprintf(here.sun_path + 1, sizeof(here.sun_path) - 1,
                       LLMOBS_INTERCEPT_FOLLOWS "%s", where);
    pthread_t thread;

    announces = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind(announces, (struct sockaddr *)&here,
             offsetof(struct sockaddr_un, sun_path) + 1 + (socklen_t)len) ==
            0 &&
        listen(announces, SOMAXCONN) == 0)
        pthread_create(&thread, NULL, listen_on, NULL);
}

bool llmobs_peer_follows(const struct llmobs_peer *peer,
                         const unsigned char random[32])
{
    bool found = false;

    pthread_mutex_lock(&announced);
    take_announced();
    for (size_t i = 0; i < FOLLOWED && !found; i++) {
        found = followed[i].inode ? followed[i].inode == peer->inode
                                  : memcmp(followed[i].random, random, 32) == 0;
        if (found)
            followed[i] = (struct llmobs_follows){.inode = 0};
    }
    pthread_mutex_unlock(&announced);
    return found;
}

uint64_t llmobs_peer_program(pid_t pid, char program[LLMOBS_PEER_PROGRAM])
{
    char path[64], file[PATH_MAX], words[PATH_MAX];
    const char *named, *asked;
    ssize_t len;

    /* Its file's name may have a version that nobody has asked for:
     * "python3.11" was begun as python3. */
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    len = readlink(path, file, sizeof(file) - 1);
    file[len > 0 ? llmobs_maps_cut(file, (size_t)len) : 0] = '\0';
    named = basename(file);
    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    len = llmobs_file_begin(AT_FDCWD, path, words, sizeof(words));
    asked = basename(len > 0 ? words : "");
    if (*asked && strncmp(named, asked, strlen(asked)) == 0)
        named = asked;
    snprintf(program, LLMOBS_PEER_PROGRAM, "%.*s", LLMOBS_PEER_PROGRAM - 1,
             named);
    explicit_bzero(words, sizeof(words)); /* it may have keys */
    return llmobs_mix_bytes(file, strlen(file));
}
