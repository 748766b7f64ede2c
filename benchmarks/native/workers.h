/* A worker as it goes from the process that is it to the load process that plays it. */
#ifndef BENCHMARKS_WORKERS_H
#define BENCHMARKS_WORKERS_H

#include <sys/socket.h>

enum { COMMANDS, EVENTS, EMITS, SOCKETS };

struct worker {
    char user[64], secret[65], sockets[256];
    int core;
    int listening[SOCKETS];
};

/* Room for three descriptors beside a message. */
union beside {
    char room[CMSG_SPACE(sizeof(int) * SOCKETS)];
    struct cmsghdr aligned;
};

static inline struct msghdr message_of(struct iovec *all, union beside *beside) {
    struct msghdr message = {.msg_iov = all, .msg_iovlen = 1, .msg_control = beside->room, .msg_controllen = sizeof beside->room};
    return message;
}

static inline void hand_over(int host, struct worker *worker) {
    union beside beside = {{0}};
    struct iovec all = {worker, sizeof *worker};
    struct msghdr message = message_of(&all, &beside);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof worker->listening);
    memcpy(CMSG_DATA(head), worker->listening, sizeof worker->listening);
    if (sendmsg(host, &message, 0) != (ssize_t)sizeof *worker) die("sendmsg: %s", strerror(errno));
}

static inline void take_over(int from, struct worker *worker) {
    union beside beside;
    struct iovec all = {worker, sizeof *worker};
    struct msghdr message = message_of(&all, &beside);
    if (recvmsg(from, &message, MSG_WAITALL) != (ssize_t)sizeof *worker) die("a worker has not handed itself over");
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (!head || head->cmsg_type != SCM_RIGHTS) die("a worker came without its sockets");
    memcpy(worker->listening, CMSG_DATA(head), sizeof worker->listening);
}

#endif
