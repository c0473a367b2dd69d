#include "cli/intercept/peer.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 what;
};

struct answer {
    struct nlmsghdr head;
    struct inet_diag_msg socket;
    char rest[512];
};

/* Asks for the socket with these two ends, and no other. */
static bool ask(const struct sockaddr_in *from, const struct sockaddr_in *to,
                struct answer *answer)
{
    struct question question = {
        .head = {.nlmsg_len = sizeof(question),
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST},
        .what = {
            .sdiag_family = AF_INET,
            .sdiag_protocol = IPPROTO_TCP,
            .idiag_states = ~0u,
            .id = {.idiag_sport = from->sin_port,
                   .idiag_dport = to->sin_port,
                   .idiag_src = {from->sin_addr.s_addr},
                   .idiag_dst = {to->sin_addr.s_addr},
                   .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}}};
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    ssize_t got = -1;

    if (fd >= 0 && send(fd, &question, sizeof(question), 0) > 0)
        got = recv(fd, answer, sizeof(*answer), 0);
    if (fd >= 0)
        close(fd);
    return got >= (ssize_t)(sizeof(answer->head) + sizeof(answer->socket)) &&
           answer->head.nlmsg_type == SOCK_DIAG_BY_FAMILY;
}

bool llmobs_peer_find(int fd, struct llmobs_peer *peer)
{
    struct sockaddr_in from, to;
    socklen_t from_len = sizeof(from), to_len = sizeof(to);
    struct answer answer;

    if (getpeername(fd, (struct sockaddr *)&from, &from_len) != 0 ||
        getsockname(fd, (struct sockaddr *)&to, &to_len) != 0 ||
        from.sin_family != AF_INET || !ask(&from, &to, &answer))
        return false;
    peer->uid = answer.socket.idiag_uid;
    peer->inode = answer.socket.idiag_inode;
    return true;
}
