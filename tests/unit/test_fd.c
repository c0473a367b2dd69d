/* Tests the library's descriptors. */
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

struct request {
    const char *name;
    int flags, fd, error;
};

static void *open_it(void *arg)
{
    struct request *request = arg;

    request->fd = llmobs_fd_open(AT_FDCWD, request->name, request->flags);
    request->error = errno;
    return NULL;
}

static void *open_it_as_ours(void *arg)
{
    llmobs_fd_thread_begins();
    open_it(arg);
    llmobs_fd_thread_ends();
    return NULL;
}

static struct request on(void *(*how)(void *), const char *name, int flags)
{
    struct request request = {.name = name, .flags = flags};
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, how, &request), 0);
    pthread_join(thread, NULL);
    return request;
}

static int lowest_free(void)
{
    int fd = dup(2);

    close(fd);
    return fd;
}

TEST(low_on_the_apps_threads)
{
    int lowest = lowest_free();
    struct request one = on(open_it, "/dev/null", O_RDONLY);

    ck_assert_int_eq(one.fd, lowest);
    ck_assert_int_eq(fcntl(one.fd, F_GETFD), FD_CLOEXEC);
    close(one.fd);
}

TEST(high_on_ours)
{
    int lowest = lowest_free();
    struct request one = on(open_it_as_ours, "/dev/null", O_RDONLY);

    ck_assert_int_ge(one.fd, LLMOBS_FD_HIGH);
    ck_assert_int_eq(fcntl(one.fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(lowest_free(), lowest);
    close(one.fd);
    one = on(open_it_as_ours, "/dev/null/none", O_RDONLY);
    ck_assert_int_eq(one.fd, -1);
    ck_assert_int_eq(one.error, ENOTDIR);
}

/* The C library gives the app's next thread the stack of the one that ended. */
TEST(low_where_ours_was)
{
    int lowest = lowest_free();
    struct request ours = on(open_it_as_ours, "/dev/null", O_RDONLY);
    struct request one = on(open_it, "/dev/null", O_RDONLY);

    ck_assert_int_eq(one.fd, lowest);
    close(one.fd);
    close(ours.fd);
}

/* A link that is not followed, and one that is: both are what was opened. */
TEST(by_links)
{
    char dir[UNIT_DIRECTORY], path[96];
    struct request one;

    unit_directory(dir);
    snprintf(path, sizeof(path), "%s/link", dir);
    ck_assert_int_eq(symlink("/dev/null", path), 0);
    one = on(open_it_as_ours, path, O_RDONLY);
    ck_assert_int_ge(one.fd, LLMOBS_FD_HIGH);
    close(one.fd);
    one = on(open_it_as_ours, path, O_PATH | O_NOFOLLOW);
    ck_assert_int_ge(one.fd, LLMOBS_FD_HIGH);
    close(one.fd);
    unit_remove(dir);
}

TEST(for_us_alone)
{
    char dir[UNIT_DIRECTORY], path[96];
    struct request one;
    struct stat st;

    unit_directory(dir);
    snprintf(path, sizeof(path), "%s/file", dir);
    one = on(open_it_as_ours, path, O_WRONLY | O_CREAT | O_EXCL);
    ck_assert_int_ge(one.fd, LLMOBS_FD_HIGH);
    ck_assert_int_eq(fstat(one.fd, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    close(one.fd);
    unit_remove(dir);
}

/* Of a program whose limit leaves no high ones. */
TEST(none_is_high)
{
    struct rlimit all, few;
    struct request one;
    int lowest;

    getrlimit(RLIMIT_NOFILE, &all);
    few = all;
    few.rlim_cur = LLMOBS_FD_HIGH;
    lowest = lowest_free();
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    one = on(open_it_as_ours, "/dev/null", O_RDONLY);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
    ck_assert_int_eq(one.fd, lowest);
    close(one.fd);
}

TEST(lifted)
{
    int lowest = lowest_free();
    int fd = llmobs_fd_lift(socket(AF_UNIX, SOCK_STREAM, 0));

    ck_assert_int_ge(fd, LLMOBS_FD_HIGH);
    ck_assert_int_eq(lowest_free(), lowest);
    close(fd);
}

/* A number that the app has closed meanwhile, or taken, is not ours. */
TEST(lifted_too_late)
{
    int fd = open("/dev/null", O_RDONLY);

    ck_assert_int_eq(llmobs_fd_lift(fd), -1);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(llmobs_fd_lift(fd), -1);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_int_eq(llmobs_fd_lift(-1), -1);
}

struct replacing {
    char dir[UNIT_DIRECTORY], path[96], other[96];
    atomic_bool ends;
};

static void *replace_it(void *arg)
{
    struct replacing *one = arg;

    while (!atomic_load(&one->ends) &&
           renameat2(AT_FDCWD, one->other, AT_FDCWD, one->path,
                     RENAME_EXCHANGE) == 0)
        ;
    return NULL;
}

static void *open_it_often(void *arg)
{
    intptr_t failed = 0;

    llmobs_fd_thread_begins();
    for (int i = 0; i < 20000; i++) {
        int fd = llmobs_fd_open(AT_FDCWD, arg, O_RDONLY);

        failed += fd < 0;
        if (fd >= 0)
            close(fd);
    }
    llmobs_fd_thread_ends();
    return (void *)failed;
}

/* By another process, as the store's file is, if not as often: that must not
 * make an opening fail. */
TEST(replaced_meanwhile)
{
    struct replacing one = {.ends = false};
    pthread_t replacer, opener;
    void *failed;

    unit_directory(one.dir);
    snprintf(one.path, sizeof(one.path), "%s/file", one.dir);
    snprintf(one.other, sizeof(one.other), "%s/other", one.dir);
    close(open(one.path, O_WRONLY | O_CREAT, 0600));
    close(open(one.other, O_WRONLY | O_CREAT, 0600));
    pthread_create(&replacer, NULL, replace_it, &one);
    pthread_create(&opener, NULL, open_it_often, one.path);
    pthread_join(opener, &failed);
    atomic_store(&one.ends, true);
    pthread_join(replacer, NULL);
    ck_assert_int_eq((intptr_t)failed, 0);
    unit_remove(one.dir);
}

/* The soft limit that leaves so many numbers free. */
static void leave_free(int count)
{
    struct rlimit limit;
    int fd = 0, seen = 0;

    getrlimit(RLIMIT_NOFILE, &limit);
    while (seen < count)
        seen += fcntl(fd++, F_GETFD) < 0;
    limit.rlim_cur = (rlim_t)fd;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static struct request asked(bool ours)
{
    struct request one =
        on(ours ? open_it_as_ours : open_it, "/dev/null", O_RDONLY);

    if (one.fd >= 0)
        close(one.fd);
    return one;
}

TEST(the_last_are_the_apps)
{
    leave_free(1);
    ck_assert_int_gt(asked(false).fd, 2); /* in a process of ours */
    llmobs_fd_guest(false);
    leave_free(3);
    ck_assert_int_eq(asked(false).fd, -1);
    ck_assert_int_eq(asked(false).error, EMFILE);
    leave_free(4);
    ck_assert_int_gt(asked(false).fd, 2);
    ck_assert_int_eq(asked(true).fd, -1);
    leave_free(25);
    ck_assert_int_eq(asked(true).fd, -1);
    leave_free(26);
    ck_assert_int_gt(asked(true).fd, 2);
    llmobs_fd_guest(true);
    leave_free(1);
    ck_assert_int_gt(asked(false).fd, 2);
    ck_assert_int_eq(asked(true).fd, -1);
}

TEST(an_answer_holds_for_a_moment)
{
    llmobs_fd_guest(false);
    leave_free(100);
    ck_assert_int_gt(asked(false).fd, 2);
    leave_free(3);
    usleep(2000);
    ck_assert_int_eq(asked(false).fd, -1);
}
