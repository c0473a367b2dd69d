/* Ends of processes, forks and cleanups beside deliveries over the network. A
 * count of -1 means: how many spans arrive depends on who is faster, but the
 * output does not. */
#include "tests/clients/cases.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const hang = ASK("hang", "");

static void nap(int ms)
{
    const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

static int number(const char *name, int fallback)
{
    const char *text = getenv(name);

    return text ? atoi(text) : fallback;
}

static void plain(const char *base)
{
    first_call(base);
}

/* -- the last thread --------------------------------------------------- */

/* More than the stack of our own thread has. */
static void use_stack(void)
{
    volatile char much[400 * 1024];

    for (size_t i = 0; i < sizeof(much); i += 4096)
        much[i] = 1;
    printf("at exit: %d\n", much[0]);
}

static void *ask_at_last(void *unused)
{
    (void)unused;
    usleep(50000);
    printf("last: %ld\n", ask_once(hello));
    return NULL;
}

/* The process ends with its last thread, which is not the first one. */
static void left_by_main(const char *base)
{
    pthread_attr_t attr;
    pthread_t thread;

    the_base = base;
    atexit(use_stack);
    pthread_attr_init(&attr); /* not each C library gives a thread so much */
    pthread_attr_setstacksize(&attr, (size_t)1024 * 1024);
    pthread_create(&thread, &attr, ask_at_last, NULL);
    pthread_attr_destroy(&attr);
    pthread_detach(thread);
    pthread_exit(NULL);
}

/* The worker waits for more to send, and nobody else is left. */
static void left_while_waiting(const char *base)
{
    the_base = base;
    atexit(use_stack);
    printf("first: %ld\n", ask_once(hello)); /* is sent at once */
    nap(100);
    printf("second: %ld\n", ask_once(hello));
    nap(100);
    pthread_exit(NULL);
}

/* No handler of an exit runs. */
static void left_by_system_call(const char *base)
{
    the_base = base;
    atexit(use_stack);
    printf("only: %ld\n", ask_once(hello));
    fflush(stdout);
    nap(number("AFTER_MS", 0));
    syscall(SYS_exit, 3);
}

static void (*at_last)(void);

static void call_at_last(void)
{
    if (at_last)
        at_last();
}

/* Its handler runs after that of the library, which any call registers. */
__attribute__((constructor)) static void register_at_last(void)
{
    atexit(call_at_last);
}

static void end_thread(void)
{
    pthread_exit(NULL);
}

static void left_by_handler(const char *base)
{
    the_base = base;
    printf("only: %ld\n", ask_once(hello));
    fflush(stdout);
    at_last = end_thread;
    exit(3);
}

static void ask_in_child(void)
{
    pid_t child = fork();

    if (child > 0) {
        waitpid(child, NULL, 0);
        return;
    }
    at_last = NULL;
    printf("child: %ld\n", ask_once(hello));
    exit(0);
}

static void fork_in_handler(const char *base)
{
    the_base = base;
    printf("parent: %ld\n", ask_once(hello));
    fflush(stdout);
    at_last = ask_in_child;
    exit(0);
}

static void *ask_twice(void *unused)
{
    printf("another: %ld\n", ask_once(hello));
    nap(2500);
    printf("another: %ld\n", ask_once(hello));
    fflush(stdout);
    return unused;
}

/* It goes on as long as that one does, and ends with its code. */
static void left_to_another(const char *base)
{
    pthread_t thread;

    the_base = base;
    pthread_create(&thread, NULL, ask_twice, NULL);
    pthread_detach(thread);
    syscall(SYS_exit, 3);
}

/* -- forks -------------------------------------------------------------- */

static int child_work(int i)
{
    struct addrinfo *list = NULL;
    const char *name = getenv("FORK_NAME");

    signal(SIGALRM, SIG_DFL);
    alarm(20);
    if (i % 4 == 0)
        return ask_once(hello) == 200 ? 0 : 1;
    if (i % 4 == 1)
        (void)getaddrinfo(name ? name : "localhost", "80", NULL, &list);
    if (list)
        freeaddrinfo(list);
    return 0;
}

/* FORKS children, every fourth with a call of its own; ends of all kinds. The
 * parent calls on meanwhile, so that its exporter is busy. */
static void forks(const char *base)
{
    int count = number("FORKS", 40), bad = 0;

    the_base = base;
    printf("parent: %ld\n", ask_once(hello));
    fflush(stdout);
    for (int i = 0; i < count; i++) {
        int status = -1;
        pid_t child = fork();

        if (child == 0) {
            int rc = child_work(i);

            if (i % 4 == 3)
                _exit(rc);
            exit(rc);
        }
        if (i % 40 == 0)
            bad += ask_once(hello) != 200;
        waitpid(child, &status, 0);
        bad += status != 0;
    }
    printf("bad=%d\n", bad);
}

/* The next child is the first process of a pid namespace. */
static bool enter_namespace(void)
{
    return unshare(CLONE_NEWPID) == 0 ||
           unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0;
}

static int exit_code_of(pid_t child)
{
    int status = -1;

    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

/* A pid of 1, with a call that is not delivered yet, and a child of the same
 * pid with a call of its own. */
static int first_in_namespace(void)
{
    pid_t child;

    signal(SIGALRM, SIG_DFL);
    alarm(20);
    printf("first: %d %ld\n", (int)getpid(), ask_once(hello));
    fflush(stdout);
    if (!enter_namespace())
        return 77;
    child = fork();
    if (child == 0) {
        alarm(15);
        printf("second: %d %ld\n", (int)getpid(), ask_once(hello));
        exit(0);
    }
    return exit_code_of(child);
}

static void forks_of_one_pid(const char *base)
{
    pid_t child;
    int rc = 77;

    the_base = base;
    if (enter_namespace()) {
        child = fork();
        if (child == 0)
            exit(first_in_namespace());
        rc = exit_code_of(child);
    }
    printf(rc == 77 ? "no pid namespaces\n" : "ended: %d\n", rc);
}

/* -- ends --------------------------------------------------------------- */

static void *ask_and_hang(void *arg)
{
    (void)arg;
    ask_noted(the_base, hang);
    return NULL;
}

static void *end_process(void *arg)
{
    wait_sent(2);
    nap(*(int *)arg);
    exit(0);
}

/* From another thread, with calls under way in two more. */
static void exit_from_thread(const char *base)
{
    int ms = number("AFTER_MS", 150);
    pthread_t thread;

    first_call(base);
    pthread_create(&thread, NULL, ask_and_hang, NULL);
    pthread_create(&thread, NULL, ask_and_hang, NULL);
    pthread_create(&thread, NULL, end_process, &ms);
    for (;;)
        pause();
}

static void exit_in_transfer(const char *base)
{
    pthread_t thread;

    first_call(base);
    pthread_create(&thread, NULL, ask_and_hang, NULL);
    wait_sent(1);
    nap(100);
    exit(4);
}

/* -- an exit in the middle of malloc ------------------------------------- */

static volatile sig_atomic_t ends_early;

static void end_early(void)
{
    if (ends_early && write(1, "ended\n", 6) == 6)
        _exit(9);
}

/* Not every C library gives a constructor its arguments. */
static bool is_case(const char *name)
{
    char line[512] = "";
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, line, sizeof(line) - 2);
    const char *first = line + strlen(line) + 1;

    close(fd);
    return n > 0 && strcmp(first, name) == 0;
}

/* Ends the process after all that libcurl's first init registers, which is
 * ours, and before the destructors of libraries, which free. For the same
 * reason without OpenSSL's own handler. */
__attribute__((constructor)) static void register_first(void)
{
    int (*init)(uint64_t, const void *);
    const uint64_t no_atexit = 0x00080000;

    if (!is_case("exit_in_malloc"))
        return;
    *(void **)&init = dlsym(RTLD_DEFAULT, "OPENSSL_init_crypto");
    if (init)
        init(no_atexit, NULL);
    atexit(end_early);
}

/* How often the other thread has had the main arena's lock. */
static atomic_uint moves;

/* The chunk is the main arena's, so that each change of its size takes the
 * arena's lock. */
static void *resize(void *chunk)
{
    sigset_t timer;

    sigemptyset(&timer);
    sigaddset(&timer, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &timer, NULL);
    for (unsigned i = 0;; i++) {
        void *other = realloc(chunk, 2000 + i % 2 * 60000);

        if (other)
            chunk = other;
        atomic_fetch_add(&moves, 1);
    }
    return NULL;
}

/* Ends only where the signal came while this thread had the lock: then the
 * other thread no longer gets it. */
static void end_in_handler(int sig)
{
    unsigned seen = atomic_load(&moves);

    (void)sig;
    for (int i = 0; i < 100; i++) {
        nap(1);
        if (atomic_load(&moves) != seen)
            return;
    }
    exit(0);
}

/* The handler finds the main arena's lock taken, by the very thread that it
 * runs in: who allocates or frees there now waits for ever. */
static void exit_in_malloc(const char *base)
{
    const struct itimerval soon = {.it_interval = {0, 5000},
                                   .it_value = {0, 20000}};
    void *list[64] = {NULL};
    pthread_t thread;

    first_call(base);
    nap(number("AFTER_MS", 50));
    ends_early = true;
    pthread_create(&thread, NULL, resize, malloc(2000));
    while (atomic_load(&moves) == 0)
        nap(1);
    signal(SIGALRM, end_in_handler);
    setitimer(ITIMER_REAL, &soon, NULL);
    for (unsigned i = 0;; i++) {
        free(list[i % 64]);
        list[i % 64] = malloc(2000 + (i * 7919U) % 60000);
    }
}

static void exit_in_child(const char *base)
{
    int status = -1;
    pid_t child;

    first_call(base);
    child = fork();
    if (child == 0)
        exit(ask_once(hello) == 200 ? 5 : 6);
    waitpid(child, &status, 0);
    printf("child: %d\n", WEXITSTATUS(status));
}

/* Tasks of ours. */
static int our_threads(void)
{
    DIR *list = opendir("/proc/self/task");
    int found = 0;

    for (struct dirent *entry; list && (entry = readdir(list));) {
        char path[300], name[8] = "";
        FILE *file;

        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
        file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (file && fgets(name, sizeof(name), file))
            found += strncmp(name, "llmobs", 6) == 0;
        if (file)
            fclose(file);
    }
    if (list)
        closedir(list);
    return found;
}

static void *nap_aside(void *unused)
{
    nap(100);
    return unused;
}

/* musl locks these only beside another thread. */
static void use_locks(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, nap_aside, NULL);
    atexit(end_early);
    fclose(fopen("/dev/null", "r"));
    pthread_join(thread, NULL);
}

/* Forbidden, and often done where no program could be executed. A sanitizer is
 * not to see how handlers of others act then. */
static void exit_in_vfork_child(const char *base)
{
    pid_t child;

    first_call(base);
    if (!getenv("SHOW_THREADS"))
        return;
    child = vfork();
    if (child == 0)
        exit(127);
    waitpid(child, NULL, 0);
    nap(number("AFTER_MS", 50));
    printf("threads=%d\n", our_threads());
    fflush(stdout);
    use_locks();
    _exit(0);
}

static void exit_hard(const char *base)
{
    first_call(base);
    nap(number("AFTER_MS", 300));
    _exit(7);
}

/* -- libcurl's global state --------------------------------------------- */

/* The request of ours for the first call is under way when libcurl goes. */
static void cleanup_in_flight(const char *base)
{
    the_base = base;
    for (int i = 0; i < 3; i++) {
        printf("%ld\n", ask_once(hello));
        nap(number("AFTER_MS", 50));
        curl_global_cleanup();
        nap(10);
        curl_global_init(CURL_GLOBAL_ALL);
    }
}

/* Never up again: all is left to the exit handler. */
static void cleanup_for_good(const char *base)
{
    first_call(base);
    end_libcurl();
    exit(0);
}

static void cleanup_often(const char *base)
{
    the_base = base;
    for (int i = 0; i < 30; i++) {
        long status = ask_once(hello);

        if (status != 200)
            printf("%ld\n", status);
        curl_global_cleanup();
        if (i % 2)
            curl_global_init(CURL_GLOBAL_ALL);
    }
    curl_global_init(CURL_GLOBAL_ALL);
}

static void *clean_up_often(void *arg)
{
    for (int i = 0; i < 10; i++) {
        curl_global_init(CURL_GLOBAL_ALL);
        ask_once(hello);
        curl_global_cleanup();
    }
    return arg;
}

/* Thread-safe in libcurl, and the last of them takes it down. */
static void cleanup_in_threads(const char *base)
{
    pthread_t threads[4];

    the_base = base;
    end_libcurl();
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, clean_up_often, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    puts("done");
}

/* Each takes libcurl down while a request of ours may be under way. */
static void cleanup_again(const char *base)
{
    the_base = base;
    for (int i = 0; i < 8; i++) {
        printf("%ld\n", ask_once(hello));
        nap(150);
        curl_global_cleanup();
        curl_global_init(CURL_GLOBAL_ALL);
    }
}

/* As a daemon does that wants the low numbers for itself. */
static void close_low(const char *base)
{
    int fds[6];

    first_call(base);
    nap(number("AFTER_MS", 400));
    for (int fd = 3; fd < 32; fd++)
        close(fd);
    for (int i = 0; i < 6; i++)
        fds[i] = open("/dev/null", O_RDWR);
    curl_global_cleanup();
    for (int i = 0; i < 6; i++)
        printf("%d: %d\n", fds[i], fcntl(fds[i], F_GETFD) >= 0);
}

/* A program that closes these opens them anew later, and counts on it. A
 * descriptor of the worker has a low number for an instant, from its opening to
 * its copy (docs/DECISIONS.md), so this asks more than once: none may stay. */
static void close_standard(const char *base)
{
    int kept = fcntl(1, F_DUPFD, 60), fd;

    the_base = base;
    close(0);
    close(1);
    close(2);
    ask_once(hello);
    nap(number("AFTER_MS", 300));
    fd = open("/dev/null", O_RDWR);
    for (int i = 0; fd != 0 && i < 20; i++) {
        close(fd);
        nap(10);
        fd = open("/dev/null", O_RDWR);
    }
    dup2(kept, 1);
    printf("%d\n", fd);
}

/* A second init is not undone by one cleanup. */
static void cleanup_of_two(const char *base)
{
    the_base = base;
    curl_global_init(CURL_GLOBAL_ALL);
    printf("%ld\n", ask_once(hello));
    curl_global_cleanup();
    printf("%ld\n", ask_once(hello));
    nap(number("AFTER_MS", 50));
}

/* The parent's calls are the parent's, whatever waits; the child's are its own,
 * before and after a cleanup. */
static void cleanup_in_child(const char *base)
{
    int status = -1;
    pid_t child;

    first_call(base);
    child = fork();
    if (child == 0) {
        bool good;

        curl_global_cleanup();
        curl_global_init(CURL_GLOBAL_ALL);
        good = ask_once(hello) == 200;
        curl_global_cleanup();
        exit(good ? 5 : 6);
    }
    waitpid(child, &status, 0);
    printf("child: %d\n", WEXITSTATUS(status));
    curl_global_cleanup();
}

static bool cleans_up_last;

/* As a library does that holds libcurl: the exit's handlers have run. */
__attribute__((destructor)) static void clean_up_last(void)
{
    if (cleans_up_last)
        curl_global_cleanup();
}

static void cleanup_by_destructor(const char *base)
{
    the_base = base;
    for (int i = 0; i < 2; i++) {
        printf("%ld\n", ask_once(hello));
        nap(number("AFTER_MS", 100));
    }
    curl_slist_free_all(json_headers);
    json_headers = NULL;
    cleans_up_last = true;
    exit(0);
}

/* -- the app's own allocator -------------------------------------------- */

static pthread_t the_thread;
static int foreign;

/* The thread that exits frees the app's memory; another may not touch it. */
static void *own_malloc(size_t size)
{
    foreign += !pthread_equal(pthread_self(), the_thread);
    return malloc(size);
}

static void *own_calloc(size_t count, size_t size)
{
    foreign += !pthread_equal(pthread_self(), the_thread);
    return calloc(count, size);
}

static void own_memory(const char *base)
{
    the_base = base;
    the_thread = pthread_self();
    end_libcurl();
    curl_global_init_mem(CURL_GLOBAL_ALL, own_malloc, free, realloc, strdup,
                         own_calloc);
    printf("%ld\n", ask_once(hello));
    nap(number("AFTER_MS", 200));
    if (getenv("SHOW_FOREIGN"))
        printf("foreign=%d\n", foreign);
}

static const struct one_case cases[] = {
    {"plain", plain, 1, 0},
    {"left_by_main", left_by_main, 1, 0},
    {"left_while_waiting", left_while_waiting, 2, 0},
    {"left_by_system_call", left_by_system_call, 1, 0},
    {"left_by_handler", left_by_handler, 1, 0},
    {"fork_in_handler", fork_in_handler, 2, 0},
    {"left_to_another", left_to_another, 2, 0},
    {"forks", forks, 12, 0},
    {"forks_of_one_pid", forks_of_one_pid, -1, 0},
    {"exit_from_thread", exit_from_thread, 3, 2},
    {"exit_in_transfer", exit_in_transfer, 2, 1},
    {"exit_in_malloc", exit_in_malloc, -1, 0},
    {"exit_in_child", exit_in_child, 2, 0},
    {"exit_in_vfork_child", exit_in_vfork_child, 1, 0},
    {"exit_hard", exit_hard, -1, 0},
    {"cleanup_in_flight", cleanup_in_flight, 3, 0},
    {"cleanup_for_good", cleanup_for_good, 1, 0},
    {"cleanup_often", cleanup_often, 30, 0},
    {"cleanup_in_threads", cleanup_in_threads, 40, 0},
    {"cleanup_again", cleanup_again, 8, 0},
    {"close_low", close_low, 1, 0},
    {"close_standard", close_standard, 1, 0},
    {"cleanup_of_two", cleanup_of_two, 2, 0},
    {"cleanup_in_child", cleanup_in_child, 2, 0},
    {"cleanup_by_destructor", cleanup_by_destructor, 2, 0},
    {"own_memory", own_memory, 1, 0},
};

CASES_MAIN(cases)
