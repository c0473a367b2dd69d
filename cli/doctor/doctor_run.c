/* Runs a command for `doctor --run`, and lists what left it. */
#include "cli/doctor/doctor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/doctor/host_sockets.h"
#include "cli/shared/options.h"
#include "cli/shared/tell.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"

#define LOG_MAX (64u * 1024 * 1024)
#define TICK_NS (20 * LLMOBS_NS_PER_MS)
#define PEERS_MAX 256
#define DEPTH_MAX 64

/* A connection that was seen open; `by` is the program that held it. */
struct peer {
    struct llmobs_host_address address;
    char by[32];
};

static struct run {
    pid_t pid;
    struct peer peers[PEERS_MAX];
    size_t count;
    struct llmobs_socket_tables tables; /* of one round */
    struct llmobs_host_names names;     /* of what is told already */
} run;

/* -- while it runs -------------------------------------------------------- */

/* Notes the connections of the command and of all that it has started. */
static bool look_at(void *ctx, pid_t pid)
{
    static struct llmobs_process process;
    struct llmobs_host_address found[LLMOBS_SOCKETS];
    pid_t above = pid;
    size_t count = 0;

    (void)ctx;
    for (int i = 0; i < DEPTH_MAX && above > 1 && above != run.pid; i++)
        above = llmobs_process_parent(above);
    if (above != run.pid ||
        llmobs_sockets_of(&run.tables, pid, found, &count) != 0)
        return true;
    for (size_t i = 0; i < count && run.count < PEERS_MAX; i++) {
        struct peer *peer = run.peers;

        while (peer < run.peers + run.count &&
               memcmp(&peer->address, &found[i], sizeof(found[i])) != 0)
            peer++;
        if (peer < run.peers + run.count ||
            llmobs_process_open(&process, pid) != 0)
            continue;
        peer->address = found[i];
        snprintf(peer->by, sizeof(peer->by), "%s",
                 llmobs_program_base(process.exe));
        /* Those of --intercept's proxy are its clients', and theirs go to it.
         */
        run.count += strcmp(peer->by, LLMOBS_DOCTOR_TOOL) != 0;
        llmobs_host_names_add(&run.names,
                              llmobs_process_env(&process, "HTTPS_PROXY"));
        llmobs_process_close(&process);
    }
    return true;
}

/* Gives the status as a shell does; -errno. */
static int run_command(char **words)
{
    const struct timespec tick = {.tv_nsec = TICK_NS};
    void (*on_child)(int) = signal(SIGCHLD, SIG_DFL);
    int status = 0;

    run.pid = fork();
    if (run.pid == 0) {
        signal(SIGCHLD, on_child);
        execv(words[0], words);
        _exit(127);
    }
    if (run.pid < 0)
        return -errno;
    signal(SIGINT, SIG_IGN); /* the terminal's signals are the command's */
    signal(SIGQUIT, SIG_IGN);
    while (waitpid(run.pid, &status, WNOHANG) == 0) {
        llmobs_process_all(look_at, NULL);
        llmobs_sockets_fini(&run.tables);
        nanosleep(&tick, NULL);
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* -- what came of it ------------------------------------------------------ */

/* Adds the host of an address without a scheme, as the log has it: whatever the
 * scheme, a connection there is none that cannot be read. */
static void know(const char *address)
{
    char urls[2 * LLMOBS_HOST_NAME + 32];
    int len = (int)strcspn(address, "/ ");

    snprintf(urls, sizeof(urls), "http://%.*s,https://%.*s", len, address, len,
             address);
    llmobs_host_names_add(&run.names, urls);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void keep(void *text)
{
    (void)text;
}

/* Tells each request once: "TIME PID debug METHOD ADDRESS: VERDICT (WHY)". */
static size_t tell_requests(char *log)
{
    static const char *const verdicts[] = {": captured (", ": not ours ("};
    void *seen = NULL, *one;
    size_t told = 0;
    char *line;

    while ((line = strsep(&log, "\n"))) {
        char *text = strstr(line, " debug "), *verdict = NULL;
        char *hook = strstr(line, "a hook of LLMOBS_INBOUND failed");

        if (hook && (one = tsearch(hook, &seen, by_text)) &&
            *(char **)one == hook)
            llmobs_tell("  %s\n", hook);
        for (size_t i = 0; i < 2 && text && !verdict; i++)
            verdict = strstr(text, verdicts[i]);
        if (!verdict || !(one = tsearch(text, &seen, by_text)) ||
            *(char **)one != text)
            continue;
        *verdict = '\0';
        text += strlen(" debug ");
        know(strchr(text, ' ') + 1);
        llmobs_tell("  %.8s   %s %s\n", verdict + 2, text,
                    strchr(verdict + 2, '('));
        *verdict = ':';
        told++;
    }
    tdestroy(seen, keep);
    return told;
}

static size_t tell_peers(void)
{
    bool gateway, plain, asked = false;
    size_t told = 0;
    char name[LLMOBS_HOST_NAME + 16];

    (void)llmobs_host_names_look_up(&run.names, false);
    for (struct peer *at = run.peers; at < run.peers + run.count; at++) {
        const unsigned char *bytes = at->address.bytes;
        bool four = bytes[10] == 0xff; /* ::ffff:a.b.c.d */
        char number[INET6_ADDRSTRLEN] = "";

        if (llmobs_host_names_find(&run.names, &at->address, name, sizeof(name),
                                   &gateway, &plain) &&
            gateway)
            continue;
        if (!asked && !llmobs_host_names_is_local(&at->address))
            (void)llmobs_host_names_look_up(&run.names, asked = true);
        (void)inet_ntop(four ? AF_INET : AF_INET6, bytes + (four ? 12 : 0),
                        number, sizeof(number));
        if (!llmobs_host_names_find(&run.names, &at->address, name,
                                    sizeof(name), &gateway, &plain))
            snprintf(name, sizeof(name), "%s port %u", number,
                     (unsigned)at->address.port);
        llmobs_tell("  not read   %s, by %s (TLS of its own, for which there "
                    "is `llmobs-run --intercept`, or no HTTP)\n",
                    name, at->by);
        told++;
    }
    return told;
}

int llmobs_doctor_run(char **words)
{
    static struct llmobs_preload preload;
    char dir[LLMOBS_DOCTOR_DIR] = "", log[sizeof(dir) + 8] = "";
    struct llmobs_config *config = llmobs_cli_config(NULL);
    struct llmobs_buf text;
    size_t count = 3, told;
    char **all;
    int rc = llmobs_preload_find(&preload);

    while (words[count - 3])
        count++;
    all = calloc(count + 1, sizeof(*all));
    if (rc == 0)
        rc = all && config ? llmobs_doctor_make_dir(dir) : -ENOMEM;
    if (rc == 0)
        rc = llmobs_host_names_init(&run.names);
    llmobs_buf_init(&text, LOG_MAX);
    if (rc == 0) {
        snprintf(log, sizeof(log), "%s/log", dir);
        memcpy(all, (char *[]){preload.tool, "run", "--"}, 3 * sizeof(*all));
        memcpy(all + 3, words, (count - 3) * sizeof(*all));
        (void)setenv("LLMOBS_LOG", log, 1);
        (void)setenv("LLMOBS_LOG_LEVEL", "debug", 1);
        /* A relay would outlive this log: the next command starts one. */
        (void)setenv("LLMOBS_RELAY", "off", 1);
        rc = run_command(all);
    }
    if (rc >= 0) {
        static const char *const proxies[] = {"http_proxy", "https_proxy",
                                              "HTTPS_PROXY", "ALL_PROXY"};
        char intake[LLMOBS_HOST_NAME];

        (void)llmobs_file_read(log, &text);
        llmobs_tell("llmobs doctor: what left %s:\n", words[0]);
        told = tell_requests(text.data ? text.data : log);
        /* Adds where the library itself, and a proxy, are connected to. */
        for (size_t i = 0; i < sizeof(proxies) / sizeof(*proxies); i++)
            llmobs_host_names_add(&run.names, getenv(proxies[i]));
        for (char **url = config->never_urls; url && *url; url++)
            llmobs_host_names_add(&run.names, *url);
        snprintf(intake, sizeof(intake), "llmobs-intake.%s", config->site);
        know(intake);
        if (told + tell_peers() == 0)
            llmobs_tell("  nothing that is seen: `llmobs doctor` and the same "
                        "words, without --run, says whether calls can be\n");
    } else {
        llmobs_tell("llmobs doctor: %s\n", strerror(-rc));
    }
    (void)unlink(log);
    (void)rmdir(dir);
    llmobs_host_names_fini(&run.names);
    llmobs_buf_fini(&text);
    llmobs_config_free(config);
    free(all);
    return rc < 0 ? 1 : rc;
}
