#include "cli/intercept/peer.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/base/maps.h"

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 what;
};

struct answer {
    struct nlmsghdr head;
    struct inet_diag_msg socket;
    char rest[512];
};

/* Asks for the socket with the two ends of this one, and no other. */
bool llmobs_peer_find(int fd, struct llmobs_peer *peer)
{
    struct sockaddr_in from, to;
    socklen_t from_len = sizeof(from), to_len = sizeof(to);
    struct question question = {.head = {.nlmsg_len = sizeof(question),
                                         .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                                         .nlmsg_flags = NLM_F_REQUEST}};
    struct answer answer;
    ssize_t got = -1;

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
    fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd >= 0 && send(fd, &question, sizeof(question), 0) > 0)
        got = recv(fd, &answer, sizeof(answer), 0);
    if (fd >= 0)
        close(fd);
    if (got < (ssize_t)(sizeof(answer.head) + sizeof(answer.socket)) ||
        answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return false;
    peer->uid = answer.socket.idiag_uid;
    peer->inode = answer.socket.idiag_inode;
    return true;
}

static bool has(const char *pid, const char *socket)
{
    char path[300], to[64];
    struct dirent *one;
    bool found = false;
    DIR *all;

    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    all = opendir(path);
    while (all && !found && (one = readdir(all))) {
        ssize_t len = readlinkat(dirfd(all), one->d_name, to, sizeof(to) - 1);

        to[len > 0 ? len : 0] = '\0';
        found = strcmp(to, socket) == 0;
    }
    if (all)
        closedir(all);
    return found;
}

pid_t llmobs_peer_process(const struct llmobs_peer *peer,
                          char program[LLMOBS_PEER_PROGRAM])
{
    static atomic_int last; /* a program opens more than one */
    char socket[40], name[16], path[64], file[PATH_MAX], words[PATH_MAX];
    const char *named, *asked;
    ssize_t len;
    struct dirent *one;
    pid_t pid = atomic_load(&last);
    DIR *all;

    *program = '\0';
    snprintf(socket, sizeof(socket), "socket:[%lu]", peer->inode);
    snprintf(name, sizeof(name), "%d", (int)pid);
    if (!peer->inode || pid <= 0 || !has(name, socket))
        pid = -1;
    all = peer->inode && pid < 0 ? opendir("/proc") : NULL;
    while (all && pid < 0 && (one = readdir(all)))
        if (llmobs_is_digit(*one->d_name) && has(one->d_name, socket))
            pid = atoi(one->d_name);
    if (all)
        closedir(all);
    atomic_store(&last, pid);
    if (pid < 0)
        return pid;
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
    return pid;
}
