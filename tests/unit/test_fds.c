/* Tests the shim's table of descriptors. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/fds.h"
#include "tests/unit/unit.h"

/* One end of a socket pair, with an id. */
static int connected(uint64_t *id)
{
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    *id = llmobs_fds_begin(ends[0]);
    ck_assert_uint_ne(*id, 0);
    ck_assert_uint_eq(llmobs_fds_id(ends[0]), *id);
    close(ends[1]);
    return ends[0];
}

TEST(fds_of_others_have_no_id)
{
    int fd;
    uint64_t id;

    ck_assert_uint_eq(llmobs_fds_id(0), 0);
    fd = connected(&id);
    ck_assert_uint_eq(llmobs_fds_id(-1), 0);
    ck_assert_uint_eq(llmobs_fds_id(fd + 1), 0);
    ck_assert_uint_eq(llmobs_fds_id(LLMOBS_FDS), 0);
    ck_assert_uint_eq(llmobs_fds_begin(LLMOBS_FDS), 0);
    ck_assert_uint_eq(llmobs_fds_begin(open("/dev/null", O_RDONLY)), 0);
    ck_assert(llmobs_fds_end(fd, id));
    ck_assert_uint_eq(llmobs_fds_id(fd), 0);
}

TEST(fds_are_used_again)
{
    uint64_t first, second;
    int fd = connected(&first), again;

    ck_assert(llmobs_fds_is(fd, first));
    close(fd); /* unseen */
    again = open("/dev/null", O_RDONLY);
    ck_assert_int_eq(again, fd);
    ck_assert(!llmobs_fds_is(fd, first));
    close(again);
    ck_assert_int_eq(socket(AF_UNIX, SOCK_STREAM, 0), fd);
    ck_assert(!llmobs_fds_is(fd, first));
    ck_assert(llmobs_fds_end(fd, first));
    second = llmobs_fds_begin(fd);
    ck_assert_uint_ne(second, first);
    ck_assert_ptr_ne(llmobs_fds_key(second), llmobs_fds_key(first));
    ck_assert(!llmobs_fds_end(fd, first));
    ck_assert_uint_eq(llmobs_fds_id(fd), second);
    ck_assert(llmobs_fds_end(fd, second));
}

TEST(fds_that_share_a_connection)
{
    uint64_t id, other;
    int fd = connected(&id), copy = dup(fd), more = dup(fd);

    llmobs_fds_share(fd, copy);
    llmobs_fds_share(copy, more);
    ck_assert_uint_eq(llmobs_fds_id(more), id);
    ck_assert(llmobs_fds_is(more, id));
    ck_assert(!llmobs_fds_end(fd, id));
    ck_assert(!llmobs_fds_end(fd, id)); /* once */
    /* Another connection gets the number, and a place of its own. */
    close(fd);
    ck_assert_int_eq(connected(&other), fd);
    ck_assert(llmobs_fds_is(more, id));
    ck_assert(!llmobs_fds_end(copy, id));
    ck_assert(llmobs_fds_end(more, id));
    ck_assert(llmobs_fds_is(fd, other));
    ck_assert(llmobs_fds_end(fd, other));
}

/* A child lets the number go, and takes it for a connection of its own. Gives
 * what it could not. vfork may not call this, as the compiler sees; a thread
 * that shares all but the descriptors is the same. */
static int child_has(bool shares)
{
    uint64_t id;
    int fd = connected(&id), status;
    pid_t child = shares ? vfork() : fork();

    if (child == 0) {
        bool shared, ended;

        llmobs_fds_share(fd, fd + 1);
        shared = llmobs_fds_id(fd + 1) == id;
        ended = llmobs_fds_end(fd, id) || llmobs_fds_id(fd) == 0;
        if (!shares)
            ended &= llmobs_fds_end(fd + 1, id) && llmobs_fds_begin(fd) &&
                     llmobs_fds_id(fd) != id;
        _exit((shared ? 0 : 1) + (ended ? 0 : 2));
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_uint_eq(llmobs_fds_id(fd), id);
    ck_assert_uint_eq(llmobs_fds_id(fd + 1), 0);
    ck_assert(llmobs_fds_end(fd, id));
    close(fd);
    return WEXITSTATUS(status);
}

#ifdef __SANITIZE_THREAD__
#define OF_VFORK 0 /* it makes a fork of it */
#else
#define OF_VFORK 3
#endif

TEST(fds_of_a_parent_in_its_children)
{
    ck_assert_int_eq(child_has(false), 0);
    ck_assert_int_eq(child_has(true), OF_VFORK);
    llmobs_fds_own();
    ck_assert_int_eq(child_has(false), 0);
    ck_assert_int_eq(child_has(true), OF_VFORK);
}

/* A child of the bare system call, which no function tells of. */
TEST(fds_of_a_parent_in_a_bare_child)
{
    uint64_t id;
    int fd = connected(&id), status;
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (child == 0)
        _exit(!llmobs_fds_end(fd, id));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert(llmobs_fds_end(fd, id));
    close(fd);
}

/* The number of a new socket, behind those that the test itself inherits. */
static int high_socket(void)
{
    int low = socket(AF_UNIX, SOCK_STREAM, 0);
    int fd = fcntl(low, F_DUPFD, 600);

    ck_assert_int_ge(fd, 600);
    close(low);
    return fd;
}

/* A child that closes them unseen has the numbers of its parent's connections.
 */
TEST(fds_of_a_child_after_many_of_its_parent)
{
    uint64_t ids[300];
    int fds[300], status;
    pid_t child;

    for (int i = 0; i < 300; i++) {
        fds[i] = high_socket();
        ids[i] = llmobs_fds_begin(fds[i]);
    }
    child = fork();
    if (child == 0) {
        for (int i = 0; i < 300; i++)
            close(fds[i]);
        _exit(llmobs_fds_begin(high_socket()) == 0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    for (int i = 0; i < 300; i++) {
        ck_assert(llmobs_fds_end(fds[i], ids[i]));
        close(fds[i]);
    }
    ck_assert_int_eq(status, 0);
}

static void *use_numbers(void *ends)
{
    for (int i = 0; i < 2000; i++) {
        uint64_t id;
        int fd = connected(&id), copy = dup(fd);
        bool last;

        llmobs_fds_share(fd, copy);
        last = llmobs_fds_end(fd, id);
        close(fd);
        last += llmobs_fds_end(copy, id);
        close(copy);
        if (!last)
            return ends;
    }
    return NULL;
}

TEST(fds_of_many_threads)
{
    pthread_t threads[8];
    void *wrong;

    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, use_numbers, threads), 0);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
        ck_assert_ptr_null(wrong);
    }
}
