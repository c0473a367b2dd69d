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
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/intercept/peer.h"
#include "cli/intercept/proxy.h"
#include "cli/intercept/refusals.h"
#include "cli/intercept/tls.h"
#include "cli/run/child.h"
#include "cli/shared/cli.h"
#include "cli/shared/descriptors.h"
#include "cli/shared/environment.h"
#include "cli/shared/options.h"
#include "cli/shared/preload.h"
#include "cli/shared/tell.h"
#include "core/config/state_dir.h"
#include "include/engine.h"
#include "lib/base/dirs.h"
#include "lib/base/log.h"
#include "lib/base/process_id.h"
#include "rules/providers.h"
#include "rules/read/url.h"

#define SELF "llmobs intercept"
#define MARK "LLMOBS_INTERCEPT"
/* Says that the command or its launcher has ended; TERM may be sent to all
 * processes of a service, whose command may go on for long. */
#define ENDED SIGURG
#define LOOPBACK "localhost,127.0.0.1,::1"
#define WHERE_MAX 32
/* Connections whose program has ended get so long to be passed on. */
#define STILL_MS 200
#define STEP_MS 2
#define NAMES_MAX ((size_t)64 * 1024)
/* So often somebody looks whether a process still needs the proxy. */
#define LOOK_S 1
/* The launcher waits so long for the proxy's end, and its last delivery. */
#define END_S 10
#define SHARED_DIR "/var/tmp"

struct run {
    const char *preload;
    char **command;
    struct llmobs_environment environment;
    struct llmobs_run_proxy proxy;
    char where[WHERE_MAX]; /* the proxy's "address:port" */
    char dir[PATH_MAX];    /* of the files by which programs trust */
    char link[PATH_MAX];   /* to it, beside the store */
    char refusals[PATH_MAX];
    pid_t launcher;
    pid_t stand_by; /* 0: there is no proxy */
};

/* -- trust ------------------------------------------------------------------
 */

#define NODE "NODE_EXTRA_CA_CERTS"

/* The fewest, for each goes before what a program's own settings say of all
 * hosts. Programs trust what is in such a file alone, or beside a store of
 * their own (MORE). Some need their variable only where the user has set it
 * (OWN): else another of these is what they read. Node's gRPC trusts its file,
 * and without one NODE's, too (GRPC). None is for programs that use libcurl,
 * whose calls go past the proxy, or that ask no model: CURL_CA_BUNDLE,
 * GIT_SSL_CAINFO, CARGO_HTTP_CAINFO, PIP_CERT. REQUESTS_CA_BUNDLE is for the
 * AWS CLI, and for Pythons whose calls the library does not see: it takes it
 * out of others (shim/host.h). */
static const struct {
    const char *name;
    enum { ALONE, MORE, OWN, GRPC } kind;
} trusts[] = {{"SSL_CERT_FILE", ALONE},
              {NODE, MORE},
              {"CODEX_CA_CERTIFICATE", OWN},
              {"REQUESTS_CA_BUNDLE", ALONE},
              {"AWS_CA_BUNDLE", OWN},
              {"DENO_CERT", MORE},
              {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", GRPC}};
#define TRUSTS (sizeof(trusts) / sizeof(*trusts))

static const char *const stores[] = {
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"};

static void path_of(const char *dir, const char *name, char out[PATH_MAX])
{
    if (snprintf(out, PATH_MAX, "%s/%s.pem", dir, name) >= PATH_MAX)
        *out = '\0';
}

/* The user's own file of certificates; NULL: none. */
static const char *own_of(size_t i)
{
    const char *own = getenv(trusts[i].name);

    if (!llmobs_has_text(own) &&
        strcmp(trusts[i].name, "REQUESTS_CA_BUNDLE") == 0)
        own = getenv("CURL_CA_BUNDLE"); /* which it reads as well */
    return llmobs_has_text(own) ? own : NULL;
}

/* The certificates that a program has without us; NULL: none are known. */
static const char *base_of(size_t i)
{
    const char *own = own_of(i);

    if (own || trusts[i].kind == MORE || trusts[i].kind == OWN)
        return own;
    for (size_t k = 0; k < sizeof(stores) / sizeof(*stores); k++)
        if (access(stores[k], R_OK) == 0)
            return stores[k];
    return NULL;
}

static bool adds_node(size_t i)
{
    return trusts[i].kind == GRPC && !own_of(i) &&
           llmobs_has_text(getenv(NODE));
}

/* The name of the variable's file, which is one for all that the user has not
 * set. NULL: the variable stays as it is. */
static const char *file_of(size_t i)
{
    return own_of(i) || trusts[i].kind == MORE || adds_node(i) ? trusts[i].name
           : trusts[i].kind == OWN                             ? NULL
                                   : LLMOBS_INTERCEPT_STORE;
}

static bool copy_file(const char *path, FILE *to)
{
    FILE *from = fopen(path, "re");
    char piece[16384];
    bool good = from;
    size_t n;

    while (good && (n = fread(piece, 1, sizeof(piece), from)) > 0)
        good = fwrite(piece, 1, n, to) == n;
    good = good && !ferror(from) && fputc('\n', to) != EOF;
    if (from)
        fclose(from);
    return good;
}

/* Copies certificates: of a folder those that OpenSSL finds in it, by the names
 * that c_rehash(1) gives. */
static bool copy_base(const char *base, FILE *to)
{
    char path[PATH_MAX];
    struct dirent *one;
    DIR *all = opendir(base);

    if (!all)
        return copy_file(base, to);
    while ((one = readdir(all)))
        if (strspn(one->d_name, "0123456789abcdef") == 8 &&
            one->d_name[8] == '.' && llmobs_is_digit(one->d_name[9]) &&
            snprintf(path, sizeof(path), "%s/%s", base, one->d_name) < PATH_MAX)
            (void)copy_file(path, to); /* a link may lead nowhere */
    closedir(all);
    return true;
}

/* A program whose only store is unknown keeps it, and goes unread. */
static bool write_trust(const char *dir)
{
    char path[PATH_MAX];
    bool good = true;

    for (size_t i = 0; i < TRUSTS && good; i++) {
        const char *name = file_of(i), *base = base_of(i);
        FILE *to;

        if (!name || (!base && trusts[i].kind != MORE) ||
            (base && access(base, R_OK) != 0))
            continue;
        path_of(dir, name, path);
        if (access(path, F_OK) == 0)
            continue;
        to = fopen(path, "wxe");
        good = to && fchmod(fileno(to), 0644) == 0 &&
               (!base || copy_base(base, to));
        if (good && adds_node(i))
            (void)copy_file(getenv(NODE), to); /* it may be away */
        good = good && llmobs_tls_write_authority(to);
        good = to && fclose(to) == 0 && good;
    }
    return good;
}

static void remove_trust(const char *dir, const char *link)
{
    char path[PATH_MAX];

    for (size_t i = 0; i <= TRUSTS; i++) {
        path_of(dir, i < TRUSTS ? trusts[i].name : LLMOBS_INTERCEPT_STORE,
                path);
        unlink(path);
    }
    rmdir(dir);
    unlink(link);
}

/* Has the folder, so that no other run takes it for one of a killed run, and
 * systemd-tmpfiles(8) not for an old one; or has it alone. -1: it is another's,
 * or away. A lock that the disk cannot give is none that another could take. */
static int hold(const char *dir, int how)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd >= 0 && ((flock(fd, how | LOCK_NB) != 0 &&
                     (how == LOCK_EX || errno == EWOULDBLOCK)) ||
                    fstat(fd, &st) != 0 || st.st_uid != geteuid())) {
        close(fd);
        fd = -1;
        errno = EWOULDBLOCK;
    }
    return fd;
}

/* Makes the folder where a sandbox that hides the home has it, and a program
 * of another user may read it; else beside the store. In a shared place nobody
 * else may replace it. A link beside the store leads to it from when it is
 * held. Gives it held, or -1. */
static int make_dir(struct run *run, const char *base, uint64_t id)
{
    struct stat st;
    int held = -1;

    if (snprintf(run->link, sizeof(run->link), "%s/run-%016" PRIx64, base,
                 id) >= PATH_MAX)
        return -1;
    for (int i = 0; i < 2 && held < 0; i++) {
        const char *in = i ? base : SHARED_DIR;

        if (snprintf(run->dir, sizeof(run->dir),
                     "%s" LLMOBS_INTERCEPT_TRUST "%016" PRIx64, in,
                     id) < PATH_MAX &&
            stat(in, &st) == 0 && (i || st.st_uid == 0) &&
            ((st.st_mode & S_ISVTX) || !(st.st_mode & 022)) &&
            mkdir(run->dir, 0755) == 0 && chmod(run->dir, 0755) == 0)
            held = hold(run->dir, LOCK_SH);
    }
    if (held >= 0 && symlink(run->dir, run->link) != 0) {
        rmdir(run->dir);
        close(held);
        held = -1;
    }
    return held;
}

/* Removes what runs have left whose processes were all killed. */
static void sweep(const char *base)
{
    char link[PATH_MAX], dir[PATH_MAX];
    struct dirent *one;
    DIR *all = opendir(base);
    ssize_t len;
    int fd;

    while (all && (one = readdir(all))) {
        if (strncmp(one->d_name, "run-", 4) != 0 ||
            snprintf(link, sizeof(link), "%s/%s", base, one->d_name) >=
                PATH_MAX ||
            (len = readlink(link, dir, sizeof(dir) - 1)) < 0)
            continue;
        dir[len] = '\0';
        fd = hold(dir, LOCK_EX);
        if (fd >= 0)
            remove_trust(dir, link);
        else if (errno == ENOENT)
            unlink(link);
        if (fd >= 0)
            close(fd);
    }
    if (all)
        closedir(all);
}

/* -- the end --------------------------------------------------------------- */

/* Waits until the command has ended, and then until no process has the proxy in
 * its variables. */
static void wait_for_end(bool ended, pid_t parent, struct run *run)
{
    struct dirent *one;
    bool needed = true;
    sigset_t end;
    DIR *all;

    sigemptyset(&end);
    sigaddset(&end, ENDED);
    while (!ended)
        ended = sigwaitinfo(&end, NULL) == ENDED;
    for (int ms = 0; atomic_load(&run->proxy.untold) > 0 ||
                     (ms < STILL_MS && atomic_load(&run->proxy.open) > 0);
         ms += STEP_MS)
        usleep(STEP_MS * 1000);
    for (bool told = false; needed; told = true) {
        if (told)
            sleep(LOOK_S);
        needed = false;
        all = opendir("/proc");
        while (all && !needed && (one = readdir(all)))
            needed = llmobs_is_digit(*one->d_name) &&
                     llmobs_peer_has(one->d_name, run->proxy.run.mark);
        if (all)
            closedir(all);
        if (needed && !told && getppid() == parent)
            kill(parent, SIGUSR1); /* it need not wait */
    }
}

/* -- the proxy, and who stands by for it ----------------------------------- */

static bool begin_to_serve(struct run *run)
{
    pthread_t thread;

    return pthread_create(&thread, NULL, llmobs_proxy_serve, &run->proxy) == 0;
}

/* The parent may have died before. */
static void end_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, ENDED);
    if (getppid() != parent)
        raise(ENDED);
}

/* Permits the domain of a host, or of a pattern's end. */
static void permit(struct llmobs_buf *names, struct llmobs_text host)
{
    const char *star = memrchr(host.data, '*', host.len), *end;

    if (star) {
        end = host.data + host.len;
        star = memchr(star, '.', (size_t)(end - star));
        host = star ? (struct llmobs_text){star + 1, (size_t)(end - star - 1)}
                    : (struct llmobs_text){"", 0};
    }
    (void)llmobs_buf_adds(names, names->len ? ",permitted;DNS:"
                                            : "critical,permitted;DNS:");
    (void)llmobs_buf_add(names, host.data, host.len);
}

/* The keys are in this process alone: it leaves no core, and no process of the
 * user may look into it. The authority signs names of models' domains and of
 * gateways alone, unless the user has rules, whose hosts are known later. */
_Noreturn static void be_proxy(struct run *run, pid_t parent)
{
    struct llmobs_text rest = llmobs_text_of(run->proxy.config->proxy_urls),
                       url;
    const struct llmobs_provider *provider;
    struct rlimit none = {0, 0};
    struct llmobs_target to;
    struct llmobs_buf names;
    char copy[PATH_MAX];

    end_with(parent);
    llmobs_buf_init(&names, NAMES_MAX);
    for (size_t i = 0; (provider = llmobs_provider_at(i)); i++)
        permit(&names, llmobs_provider_host(provider));
    while (llmobs_text_next(&rest, &url))
        if (snprintf(copy, sizeof(copy), "%.*s", (int)url.len, url.data) > 0 &&
            llmobs_target_parse(copy, "https", &to) == 0)
            permit(&names, llmobs_text_of(to.host));
    /* The frames of a call would be those of this process. */
    run->proxy.reads =
        setenv("LLMOBS_CALLSITE", "off", 1) == 0 &&
        setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0 &&
        llmobs_tls_open(getenv("NODE_EXTRA_CA_CERTS"),
                        run->proxy.config->rules_path ? NULL : names.data) &&
        write_trust(run->dir);
    llmobs_buf_fini(&names);
    llmobs_peer_listen(run->where);
    if (!run->proxy.reads || !begin_to_serve(run) ||
        write(STDERR_FILENO, run->where, sizeof(run->where)) < 0)
        _exit(LLMOBS_CLI_FAILED);
    dup2(STDOUT_FILENO, STDERR_FILENO);
    wait_for_end(false, parent, run);
    remove_trust(run->dir, run->link);
    exit((int)atomic_load(&run->proxy.unread));
}

/* `ready`: the end of a pipe, by which the launcher gets the proxy's place. As
 * the standard error it outlives the closing of all that the command has. */
_Noreturn static void stand_by(struct run *run, int ready)
{
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int type = SOCK_STREAM | SOCK_CLOEXEC, fd, probe, other = -1;
    socklen_t len = sizeof(here);
    struct rlimit files;
    struct llmobs_peer peer;
    pid_t own, proxy = -1;
    bool ended = false;
    int unread = 0;
    sigset_t all;

    dup2(ready, STDERR_FILENO);
    llmobs_cli_release_descriptors(true);
    setsid();
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGCHLD, SIG_DFL);
    end_with(run->launcher);
    (void)hold(run->dir, LOCK_SH); /* so does the proxy */
    /* A connection takes two of the proxy's for one of a program's. */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    own = getpid();
    /* Listens on a port of the kernel's choice. The kernel's list of sockets
     * tells whose a connection is; where it cannot be asked, nobody is served,
     * and there is no proxy. */
    run->proxy.listener = fd = socket(AF_INET, type, 0);
    probe = socket(AF_INET, type, 0);
    if (fd >= 0 && probe >= 0 && bind(fd, (struct sockaddr *)&here, len) == 0 &&
        listen(fd, SOMAXCONN) == 0 &&
        getsockname(fd, (struct sockaddr *)&here, &len) == 0 &&
        connect(probe, (struct sockaddr *)&here, len) == 0)
        other = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    snprintf(run->where, sizeof(run->where), "127.0.0.1:%u",
             ntohs(here.sin_port));
    snprintf(run->proxy.run.mark, sizeof(run->proxy.run.mark), MARK "=%s",
             run->where);
    if (other >= 0 &&
        llmobs_peer_find(&run->proxy.run, other, &peer) == LLMOBS_PEER_OURS)
        proxy = fork();
    else if (other >= 0)
        (void)!write(STDERR_FILENO, (char[WHERE_MAX]){""}, WHERE_MAX);
    close(other);
    close(probe);
    if (proxy == 0)
        be_proxy(run, own);
    dup2(STDOUT_FILENO, STDERR_FILENO);
    for (int status; proxy > 0;) {
        int which = sigwaitinfo(&all, NULL);

        if (which == ENDED) {
            ended = true;
            kill(proxy, ENDED);
        } else if (which == SIGUSR1 && ended && getppid() == run->launcher) {
            kill(run->launcher, SIGUSR1);
        }
        if (waitpid(proxy, &status, WNOHANG) != proxy)
            continue;
        run->proxy.reads = false;
        unread = WIFEXITED(status) ? WEXITSTATUS(status) : LLMOBS_UNREAD_KILLED;
        if (!WIFEXITED(status)) {
            llmobs_unread_tell(run->refusals, LLMOBS_UNREAD_KILLED);
            if (begin_to_serve(run))
                wait_for_end(ended, run->launcher, run);
            remove_trust(run->dir, run->link);
        }
        break;
    }
    _exit(unread);
}

/* -- the launcher ---------------------------------------------------------- */

/* NULL, or why there is none. */
static const char *start_proxy(struct run *run)
{
    static const char cannot[] = "no proxy can be started here";
    struct llmobs_config *config = llmobs_config_load(
        (const char *const *)environ, llmobs_log_complaint, NULL);
    static const char *const names[] = {"HTTPS_PROXY", "https_proxy"};
    static const char *const but[] = {"NO_PROXY", "no_proxy"};
    struct llmobs_environment *environment = &run->environment;
    const char *past = run->proxy.way.tls.url;
    char base[PATH_MAX], own[WHERE_MAX + sizeof("http://")], path[PATH_MAX];
    struct llmobs_text rest, url;
    ssize_t got = -1;
    int parent, ready[2], rc, held;
    bool spares;
    uint64_t id;

    if (!config || getrandom(&id, sizeof(id), 0) != sizeof(id) ||
        llmobs_config_base_dir(config, "/intercept", base, sizeof(base)) != 0 ||
        llmobs_dirs_have(base, false, &parent) != 0)
        return cannot;
    close(parent);
    sweep(base);
    held = make_dir(run, base, id);
    rest = llmobs_text_of(config->proxy_urls);
    while (llmobs_text_next(&rest, &url))
        (void)llmobs_url_list_add(&run->proxy.gateways, url);
    if (llmobs_refusals_path(config, run->refusals))
        run->proxy.refusals = run->refusals;
    run->proxy.config = config;
    run->proxy.trust = run->dir;
    run->launcher = run->proxy.run.launcher = getpid();
    (void)llmobs_process_start(run->launcher, &run->proxy.run.begun);
    if (held < 0 || pipe2(ready, O_CLOEXEC) != 0)
        return cannot;
    run->stand_by = fork();
    if (run->stand_by == 0)
        stand_by(run, ready[1]);
    close(ready[1]);
    while (run->stand_by > 0 &&
           (got = read(ready[0], run->where, sizeof(run->where))) < 0 &&
           errno == EINTR)
        ;
    close(ready[0]);
    close(held); /* who stands by has it */
    if (got != (ssize_t)sizeof(run->where) || !*run->where) {
        run->stand_by = 0;
        remove_trust(run->dir, run->link);
        return got > 0 ? "the kernel does not tell here whose a connection is"
                       : cannot;
    }
    /* Where the user has no proxy and lists no gateway of this host, calls of
     * it go to it directly; a proxy of his gets them, unless he says NO_PROXY.
     */
    spares =
        !run->proxy.way.any &&
        !llmobs_url_list_may_have(run->proxy.gateways, "https://localhost") &&
        !llmobs_url_list_may_have(run->proxy.gateways, "https://127.0.0.1");
    snprintf(own, sizeof(own), "http://%s", run->where);
    rc = llmobs_environment_set(environment, MARK, run->where);
    for (size_t i = 0; i < 2 && rc == 0; i++)
        rc = llmobs_environment_set(environment, names[i], own);
    for (size_t i = 0; i < 2 && rc == 0 && spares; i++)
        rc = llmobs_environment_join(environment, but[i], LOOPBACK, ",", false);
    if (rc == 0)
        rc =
            llmobs_environment_set(environment, MARK "_PAST", past ? past : "");
    for (size_t i = 0; i < TRUSTS && rc == 0; i++) {
        if (file_of(i))
            path_of(run->dir, file_of(i), path);
        if (file_of(i) && access(path, R_OK) == 0)
            rc = llmobs_environment_set(environment, trusts[i].name, path);
    }
    return rc == 0 ? NULL : cannot;
}

/* On the terminal, as the command's standard error may be read by others, and
 * is closed here. `status`: of who stood by. */
static void tell_unread(int status)
{
    int fd = WIFEXITED(status) && WEXITSTATUS(status)
                 ? open("/dev/tty", O_WRONLY | O_NOCTTY | O_CLOEXEC)
                 : -1;

    for (size_t i = 0; fd >= 0 && i < LLMOBS_UNREAD_WHYS; i++)
        if (WEXITSTATUS(status) >> i & 1)
            dprintf(fd, SELF ": calls passed unread: %s\n",
                    llmobs_unread_whys[i]);
    if (fd >= 0)
        close(fd);
}

/* Ends by the signal that has ended the command: a parent sees it. */
static void end_as(const struct llmobs_child_result *result)
{
    int number = WTERMSIG(result->status);
    struct rlimit none = {0, 0}; /* the core is the command's */
    sigset_t one;

    if (result->exec_error != 0 || !WIFSIGNALED(result->status) ||
        setrlimit(RLIMIT_CORE, &none) != 0)
        return;
    sigemptyset(&one);
    sigaddset(&one, number);
    signal(number, SIG_DFL);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
}

int llmobs_cmd_intercept(int argc, char **argv)
{
    static struct run run; /* the proxy's threads have it to the end */
    const struct llmobs_cli_option options[] = {
        LLMOBS_CLI_VALUE("preload", llmobs_cli_text, &run.preload),
        LLMOBS_CLI_VALUE("not", llmobs_cli_text, &run.proxy.leaves),
        LLMOBS_CLI_COMMAND(&run.command)};
    int status = llmobs_cli_parse(argc, argv, options), end = 0;
    bool tells = isatty(STDERR_FILENO);
    struct llmobs_child_command command = {.environment = &run.environment};
    struct timespec most = {END_S, 0};
    struct llmobs_child_result result;
    const char *why = NULL;
    sigset_t news;

    if (status >= 0)
        return status;
    llmobs_log_init(getenv("LLMOBS_LOG"), LLMOBS_LOG_WARN);
    if (llmobs_environment_init(&run.environment, environ) != 0 ||
        llmobs_preload_join(&run.environment, run.preload) != 0)
        return llmobs_environment_become(&run.environment, SELF, run.command);
    if (!getenv(MARK)) { /* else an outer one reads this command, too */
        why = llmobs_way_out_read(&run.proxy.way);
        if (!why)
            why = start_proxy(&run);
        if (why)
            llmobs_tell(SELF ": %s; the command runs without\n", why);
    }
    command.argv = run.command;
    if (llmobs_child_run(&command, &result) != 0)
        return llmobs_environment_become(&run.environment, SELF, run.command);
    if (result.exec_error != 0)
        (void)llmobs_environment_fail(SELF, run.command[0], result.exec_error);
    /* Until the proxy has delivered, or a process outlives the command. All
     * signals are blocked since that ran. */
    sigemptyset(&news);
    sigaddset(&news, SIGCHLD);
    sigaddset(&news, SIGUSR1);
    if (run.stand_by > 0)
        kill(run.stand_by, ENDED);
    while (run.stand_by > 0 && waitpid(run.stand_by, &end, WNOHANG) == 0) {
        int which = sigtimedwait(&news, NULL, &most);

        if (which == SIGUSR1 || (which < 0 && errno == EAGAIN))
            break;
    }
    if (tells)
        tell_unread(end);
    end_as(&result);
    return llmobs_child_status(&result);
}
