/* intercept - runs a command whose https goes by a proxy of this run alone.
 *
 * Three processes: this one, which runs the command as if in its place; the
 * proxy; and between them one that stands by for it. That one has the same
 * listening socket, so that the command keeps its network if the proxy dies.
 * Both live as long as a process has the proxy in its variables, also after the
 * command and this process. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/intercept/peer.h"
#include "cli/intercept/proxy.h"
#include "cli/run/child.h"
#include "cli/shared/cli.h"
#include "cli/shared/descriptors.h"
#include "cli/shared/environment.h"
#include "cli/shared/options.h"
#include "cli/shared/preload.h"
#include "cli/shared/tell.h"
#include "lib/base/log.h"
#include "rules/read/url.h"

#define SELF "llmobs intercept"
#define MARK "LLMOBS_INTERCEPT"
#define LOOPBACK "localhost,127.0.0.1,::1"
#define WHERE_MAX 32
/* Connections whose program has ended get so long to be passed on. */
#define STILL_MS 200
#define STEP_MS 2
/* So often somebody looks whether a process still needs the proxy. */
#define LOOK_S 1
/* The launcher waits so long for the proxy's end, and its last delivery. */
#define END_S 10

struct run {
    const char *preload;
    char **command;
    struct llmobs_environment environment;
    struct llmobs_proxy proxy;
    char where[WHERE_MAX]; /* the proxy's "address:port" */
    pid_t launcher;
    pid_t stand_by; /* 0: there is no proxy */
};

/* -- the end --------------------------------------------------------------- */

/* True for a process that has the proxy in its variables. */
static bool has_mark(const char *pid, const char *mark)
{
    char path[64], text[4096];
    size_t len = strlen(mark) + 1, kept = 0;
    bool found = false;
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%.16s/environ", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && !found &&
           (n = read(fd, text + kept, sizeof(text) - kept)) > 0) {
        kept += (size_t)n;
        found = memmem(text, kept, mark, len);
        if (kept >= len) { /* it may be in two pieces */
            memmove(text, text + kept - len + 1, len - 1);
            kept = len - 1;
        }
    }
    if (fd >= 0)
        close(fd);
    return found;
}

static bool is_needed(const struct run *run)
{
    char mark[sizeof(MARK "=") + WHERE_MAX];
    DIR *all = opendir("/proc");
    struct dirent *one;
    bool needed = false;

    snprintf(mark, sizeof(mark), MARK "=%s", run->where);
    while (all && !needed && (one = readdir(all)))
        needed = *one->d_name >= '1' && *one->d_name <= '9' &&
                 has_mark(one->d_name, mark);
    if (all)
        closedir(all);
    return needed;
}

/* TERM says that the command or its launcher has ended. */
static void wait_for_end(bool ended, struct run *run)
{
    sigset_t term;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    while (!ended)
        ended = sigwaitinfo(&term, NULL) == SIGTERM;
    for (int ms = 0; ms < STILL_MS && atomic_load(&run->proxy.open) > 0;
         ms += STEP_MS)
        usleep(STEP_MS * 1000);
    for (bool told = false; is_needed(run); told = true) {
        if (!told)
            kill(getppid(), SIGUSR1); /* it need not wait */
        sleep(LOOK_S);
    }
}

/* -- the proxy, and who stands by for it ----------------------------------- */

static void *serve(void *proxy)
{
    llmobs_proxy_serve(proxy);
    return NULL;
}

static bool begin_to_serve(struct run *run)
{
    pthread_t thread;

    return pthread_create(&thread, NULL, serve, &run->proxy) == 0;
}

/* TERM, if the parent dies; it may have died before. */
static void end_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        raise(SIGTERM);
}

_Noreturn static void be_proxy(struct run *run, pid_t parent)
{
    end_with(parent);
    if (!begin_to_serve(run) ||
        write(STDERR_FILENO, run->where, sizeof(run->where)) < 0)
        _exit(LLMOBS_CLI_FAILED);
    dup2(STDOUT_FILENO, STDERR_FILENO);
    wait_for_end(false, run);
    exit(LLMOBS_CLI_OK);
}

/* On a port of the kernel's choice. Whoever is served is known by the kernel's
 * list of sockets; where it cannot be asked, nobody is. */
static bool listen_here(struct run *run)
{
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(here);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), other = -1;
    struct llmobs_peer peer;
    bool knows = false;

    if (fd >= 0 && probe >= 0 && bind(fd, (struct sockaddr *)&here, len) == 0 &&
        listen(fd, SOMAXCONN) == 0 &&
        getsockname(fd, (struct sockaddr *)&here, &len) == 0 &&
        connect(probe, (struct sockaddr *)&here, len) == 0)
        other = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (other >= 0)
        knows = llmobs_peer_find(other, &peer) && peer.uid == geteuid();
    close(other);
    close(probe);
    run->proxy.listener = fd;
    snprintf(run->where, sizeof(run->where), "127.0.0.1:%u",
             ntohs(here.sin_port));
    return knows;
}

/* `ready`: the end of a pipe, by which the launcher gets the proxy's place. As
 * the standard error it outlives the closing of all that the command has. */
_Noreturn static void stand_by(struct run *run, int ready)
{
    bool ended = false;
    pid_t own, proxy;
    sigset_t all;

    dup2(ready, STDERR_FILENO);
    llmobs_cli_release_descriptors(true);
    setsid();
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGCHLD, SIG_DFL);
    end_with(run->launcher);
    own = getpid();
    proxy = listen_here(run) ? fork() : -1;
    if (proxy == 0)
        be_proxy(run, own);
    dup2(STDOUT_FILENO, STDERR_FILENO);
    for (int status; proxy > 0;) {
        int which = sigwaitinfo(&all, NULL);

        if (which == SIGTERM) {
            ended = true;
            kill(proxy, SIGTERM);
        } else if (which == SIGUSR1 && getppid() == run->launcher) {
            kill(run->launcher, SIGUSR1);
        }
        if (waitpid(proxy, &status, WNOHANG) != proxy)
            continue;
        if (!WIFEXITED(status) && begin_to_serve(run))
            wait_for_end(ended, run);
        break;
    }
    _exit(LLMOBS_CLI_OK);
}

/* -- the launcher ---------------------------------------------------------- */

static void start_proxy(struct run *run)
{
    ssize_t got = -1;
    int ready[2];

    run->launcher = getpid();
    if (pipe2(ready, O_CLOEXEC) != 0)
        return;
    run->stand_by = fork();
    if (run->stand_by == 0)
        stand_by(run, ready[1]);
    close(ready[1]);
    while (run->stand_by > 0 &&
           (got = read(ready[0], run->where, sizeof(run->where))) < 0 &&
           errno == EINTR)
        ;
    close(ready[0]);
    if (got != (ssize_t)sizeof(run->where))
        run->stand_by = 0;
}

/* Until it has delivered, or a process outlives the command. All signals are
 * blocked since the command ran. */
static void wait_for_proxy(const struct run *run)
{
    struct timespec most = {END_S, 0};
    sigset_t news;
    int which;

    if (run->stand_by <= 0)
        return;
    sigemptyset(&news);
    sigaddset(&news, SIGCHLD);
    sigaddset(&news, SIGUSR1);
    kill(run->stand_by, SIGTERM);
    while (waitpid(run->stand_by, NULL, WNOHANG) == 0) {
        which = sigtimedwait(&news, NULL, &most);
        if (which == SIGUSR1 || (which < 0 && errno == EAGAIN))
            return;
    }
}

/* True where the user asks for calls to a gateway on loopback to be read. */
static bool reads_loopback(void)
{
    const char *urls = getenv("DD_LLMOBS_INSTRUMENTED_PROXY_URLS");
    struct llmobs_text rest = llmobs_text_of(urls), one;
    struct llmobs_url url;

    while (llmobs_text_next(&rest, &one))
        if (llmobs_url_parse(one, &url) == 0 &&
            (strcmp(url.host, "localhost") == 0 ||
             strncmp(url.host, "127.", 4) == 0 || strchr(url.host, ':')))
            return true;
    return false;
}

/* Where the user has no proxy, calls of this host go to it directly; one of
 * his gets them, unless he says NO_PROXY. */
static int set_variables(struct run *run)
{
    static const char *const names[] = {"HTTPS_PROXY", "https_proxy"};
    static const char *const not [] = {"NO_PROXY", "no_proxy"};
    bool spares = !run->proxy.way.any && !reads_loopback();
    char url[WHERE_MAX + sizeof("http://")];
    int rc = llmobs_environment_set(&run->environment, MARK, run->where);

    snprintf(url, sizeof(url), "http://%s", run->where);
    for (size_t i = 0; i < 2 && rc == 0; i++)
        rc = llmobs_environment_set(&run->environment, names[i], url);
    for (size_t i = 0; i < 2 && rc == 0 && spares; i++)
        rc = llmobs_environment_join(&run->environment, not [i], LOOPBACK, ",",
                                     false);
    return rc;
}

static int run_command(struct run *run)
{
    struct llmobs_child_command command = {.argv = run->command,
                                           .environment = &run->environment};
    struct llmobs_child_result result;

    if (llmobs_child_run(&command, &result) != 0)
        return llmobs_environment_become(&run->environment, SELF, run->command);
    if (result.exec_error != 0)
        (void)llmobs_environment_fail(SELF, run->command[0], result.exec_error);
    wait_for_proxy(run);
    return llmobs_child_status(&result);
}

int llmobs_cmd_intercept(int argc, char **argv)
{
    static struct run run; /* the proxy's threads have it to the end */
    const struct llmobs_cli_option options[] = {
        LLMOBS_CLI_VALUE("preload", llmobs_cli_text, &run.preload),
        LLMOBS_CLI_COMMAND(&run.command)};
    int status = llmobs_cli_parse(argc, argv, options);
    const char *why = NULL;

    if (status >= 0)
        return status;
    llmobs_log_init(getenv("LLMOBS_LOG"), LLMOBS_LOG_WARN);
    if (llmobs_environment_init(&run.environment, environ) != 0 ||
        llmobs_preload_join(&run.environment, run.preload) != 0)
        return llmobs_environment_become(&run.environment, SELF, run.command);
    if (!getenv(MARK)) { /* else an outer one reads this command, too */
        why = llmobs_way_out_read(&run.proxy.way);
        if (!why)
            start_proxy(&run);
        if (!why && (run.stand_by <= 0 || set_variables(&run) != 0))
            why = "no proxy can be started here";
        if (why)
            llmobs_tell(SELF ": %s; the command runs without\n", why);
    }
    return run_command(&run);
}
