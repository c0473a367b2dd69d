/* Derives names of application, script, unit and run from /proc. */
#include "core/config/origin.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

#include "core/config/container.h"
#include "core/config/perl_request.h"
#include "core/config/php_request.h"
#include "core/config/theirs.h"
#include "lib/base/file.h"
#include "lib/base/glob.h"
#include "lib/base/machine.h"
#include "lib/base/maps.h"
#include "lib/base/mix.h"
#include "lib/base/proc_stat.h"
#include "lib/base/scratch.h"
#include "lib/base/sha256.h"
#include "lib/base/script.h"
#include "lib/base/sole.h"
#include "lib/span/context.h"
#include "lib/span/secrets.h"

#define WORDS_MAX 7168
/* How many times a waiting thread looks whether another has found the names. */
#define PAUSES 400
#define PAUSE_NS 50000
#define PATH_MAX_LEN LLMOBS_ORIGIN_SCRIPT
#define UNIT_MAX LLMOBS_ORIGIN_NAME
#define PID_LEN 16
#define RUN_DIGITS 16
#define MOUNTS_MAX ((size_t)256 * 1024)
#define STAT_MAX 1024
#define RESOURCE_MAX ((size_t)64 * 1024)

/* The first line of a file that the kubelet writes for a pod with a network of
 * its own: there the machine is named after the pod. */
#define HOSTS_FILE "/etc/hosts"
#define HOSTS_OF_POD "# Kubernetes-managed hosts file.\n"
#define SPACE_FILE "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

/* A name with this many digits in a row is one of many. */
#define DIGITS_MAX 5
/* ... or with this many of 0-9a-f in a row, at least one of them a digit. */
#define HEX_MAX 7

/* Units under which programs of many people run. */
#define HOSTS                                                               \
    "cron,crond,anacron,atd,php*-fpm,php-fpm,apache2,httpd,nginx,lighttpd," \
    "caddy,docker,containerd,podman,crio,kubelet,snapd,ssh,sshd,user,"      \
    "user-runtime-dir,getty,serial-getty,systemd-*,dbus,gdm*,sddm,lightdm," \
    "display-manager,supervisor,supervisord,uwsgi,jenkins,*runner*,"        \
    "buildkite-agent,teamcity*,slurmd,init,tmux,screen"

/* Programs that run anybody's work. */
#define FOR_ALL                                                               \
    "curl,wget,wget2,aria2c,http,https,xh,php*,python*,pypy*,ruby*,perl*,sh," \
    "bash,dash,ash,ksh*,mksh,zsh,fish,rbash,busybox,lua*,node,nodejs,bun,"    \
    "deno,R,Rscript,tclsh*,wish*,emacs*,octave*,guile*,julia,java,awk,gawk,"  \
    "mawk,apache2,httpd,nginx,git,llmobs*"

#define SHELLS "sh,bash,dash,ash,ksh*,mksh,zsh,fish,rbash"
#define CRONS "cron,CRON,crond,CROND,anacron,atd"
#define TEMPORARY "/tmp/*,/var/tmp/*,/dev/shm/*,/run/user/*"

/* The facts that the library finds about a process. */
struct origin {
    const char *home; /* HOME; NULL: unset */
    char unit[UNIT_MAX];
    char pool[UNIT_MAX];
    char command[PATH_MAX_LEN]; /* script of the launcher's command */
    char script[PATH_MAX_LEN];  /* of the process, else of its parents */
    char job[PATH_MAX_LEN];     /* script in the program of a shell */
    struct llmobs_container container;
    bool pathless;           /* no group has a path: a namespace may hide it */
    char first[PID_LEN];     /* the process that began the run; "": none */
    bool by_shell;           /* that is a shell */
    bool served;             /* a process above it has many runs */
    char full[PATH_MAX_LEN]; /* the process's script, where it is found */
    char room[WORDS_MAX];    /* for a file of /proc, while it is read */
};

/* -- texts ----------------------------------------------------------------- */

/* True for a path that a span may show: a word of printable characters, in
 * which nothing looks like a key. */
static bool is_showable(char *path)
{
    size_t len = strlen(path);
    char *copy;
    bool fine;

    for (const char *at = path; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return false;
    copy = llmobs_scratch_alloc(len + 1);
    if (!copy)
        return false;
    memcpy(copy, path, len + 1);
    llmobs_secrets_mask(copy, len);
    fine = memcmp(copy, path, len) == 0;
    llmobs_scratch_free(copy);
    return fine;
}

/* Copies the path of a script, with "~" in the place of a home; "" for a path
 * that a span may not show. */
static void copy_path(const char *home, struct llmobs_text path,
                      char out[PATH_MAX_LEN])
{
    bool hidden;

    out[0] = llmobs_script_cut_home(&path, home) ? '~' : '\0';
    hidden = path.len == 0 || path.len + 2 > PATH_MAX_LEN;
    /* These characters are common in program text, but rare in paths: an option
     * that script.c does not know may have program text as its value. */
    for (size_t i = 0; i < path.len && !hidden; i++)
        hidden = strchr("\"'`$;|<>(){}*?\\", path.data[i]);
    if (hidden) {
        out[0] = '\0';
        return;
    }
    memcpy(out + (out[0] == '~'), path.data, path.len);
    out[path.len + (out[0] == '~')] = '\0';
    if (!is_showable(out))
        out[0] = '\0';
}

/* Copies the path of the process's own script, as an absolute path where the
 * script is below the folder that the process works in. The frames of an
 * interpreter have the absolute path, and both must give the script the same
 * name. */
static void copy_own_path(struct origin *origin, const char *pid,
                          struct llmobs_text path)
{
    char *full = origin->full, cwd[32];
    ssize_t len = 0;

    snprintf(cwd, sizeof(cwd), "/proc/%s/cwd", pid);
    if (*path.data != '/')
        len = readlink(cwd, full, PATH_MAX_LEN - 1);

    if (len > 1 && (size_t)len + path.len + 2 <= PATH_MAX_LEN) {
        full[len] = '/';
        memcpy(full + len + 1, path.data, path.len);
        full[(size_t)len + 1 + path.len] = '\0';
        if (faccessat(AT_FDCWD, full, F_OK, 0) == 0)
            copy_path(origin->home, llmobs_text_of(full), origin->script);
    }
    if (!origin->script[0])
        copy_path(origin->home, path, origin->script);
}

/* True for a name with a number, or an id, that only one run has. */
static bool is_one_of_many(struct llmobs_text name)
{
    size_t digits = 0, hex = 0, in_hex = 0;

    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        bool is_hex = llmobs_is_digit(c) || (c >= 'a' && c <= 'f');

        digits = llmobs_is_digit(c) ? digits + 1 : 0;
        hex = is_hex ? hex + 1 : 0;
        in_hex = is_hex ? in_hex + llmobs_is_digit(c) : 0;
        if (digits > DIGITS_MAX || (hex > HEX_MAX && in_hex > 0))
            return true;
    }
    return false;
}

/* Makes an ml_app of a name, by its rules (context.h); false: the name gives no
 * ml_app. */
static bool make_name(struct llmobs_text name, char *out, size_t cap)
{
    size_t len = 0;

    for (size_t i = 0; i < name.len && len + 1 < cap; i++) {
        char c = name.data[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if (!llmobs_is_digit(c) && !(c >= 'a' && c <= 'z') && !strchr("-.:", c))
            c = '_';
        if (c != '_' || (len > 0 && out[len - 1] != '_'))
            out[len++] = c;
    }
    while (len > 0 && out[len - 1] == '_')
        len--;
    out[len] = '\0';
    return len > 0 && !is_one_of_many((struct llmobs_text){out, len});
}

/* -- what the kernel tells ------------------------------------------------- */

/* The command line of a process, which is also a C string; "self": this
 * process. */
static struct llmobs_text words_of(const char *pid, char *out)
{
    char path[64];
    ssize_t len;

    out[0] = '\0';
    snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
    len = llmobs_file_begin(AT_FDCWD, path, out, WORDS_MAX);
    return (struct llmobs_text){out, len > 0 ? (size_t)len : 0};
}

/* Reads /proc/PID/stat into the room. */
static bool read_stat(struct origin *origin, const char *pid)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%s/stat", pid);
    return llmobs_file_begin(AT_FDCWD, path, origin->room, STAT_MAX) > 0;
}

/* Replaces *pid, a text, by the pid of its parent. */
static bool to_parent(struct origin *origin, char *pid, size_t cap)
{
    if (!read_stat(origin, pid))
        return false;
    snprintf(
        pid, cap, "%ld",
        strtol(llmobs_proc_field(origin->room, LLMOBS_PROC_PARENT), NULL, 10));
    return strcmp(pid, "0") != 0;
}

/* "php-fpm: pool shop" */
static void find_pool(struct origin *origin)
{
    static const char begin[] = "php-fpm: pool ";

    if (strncmp(origin->room, begin, sizeof(begin) - 1) == 0)
        snprintf(origin->pool, sizeof(origin->pool), "%.*s", UNIT_MAX - 1,
                 origin->room + sizeof(begin) - 1);
    if (!is_showable(origin->pool))
        origin->pool[0] = '\0';
}

/* The run begins with this process or with a known process above it. A program
 * that serves requests begins no run, and its children belong to no run. */
static void set_first(struct origin *origin, const char *pid,
                      struct llmobs_text words, enum llmobs_script kind,
                      struct llmobs_text script)
{
    origin->served |= llmobs_script_serves(words, kind, script);
    if (origin->served)
        return;
    memcpy(origin->first, pid, PID_LEN);
    origin->by_shell = llmobs_script_is_of(words, SHELLS);
}

/* Looks from a process upwards for one that runs a script. A shell that cron
 * starts has the script in its program. */
static void find_script(struct origin *origin)
{
    char pid[PID_LEN] = "self";
    struct llmobs_text words = words_of(pid, origin->room), found;
    enum llmobs_script kind = llmobs_script_read(words, &found);

    find_pool(origin);
    set_first(origin, pid, words, kind, found);
    if (kind == LLMOBS_SCRIPT_FILE) {
        copy_own_path(origin, pid, found);
        return;
    }
    for (int level = 0; kind != LLMOBS_SCRIPT_FILE; level++) {
        if (kind == LLMOBS_SCRIPT_CODE) {
            /* The first word of a program for a shell, where it is a path. */
            size_t len = 0;

            while (len < found.len && *found.data == '/' &&
                   !strchr(" \t\n;&|<>()$`\"'\\*?", found.data[len]))
                len++;
            found.len = len;
            copy_path(origin->home, found, origin->job);
        }
        if (level == LLMOBS_ORIGIN_LEVELS)
            origin->first[0] = '\0'; /* what is above it is not known */
        if (level == LLMOBS_ORIGIN_LEVELS || origin->command[0] ||
            !to_parent(origin, pid, sizeof(pid)))
            return;
        words = words_of(pid, origin->room);
        if (origin->job[0] && llmobs_script_is_of(words, CRONS)) {
            memcpy(origin->script, origin->job, sizeof(origin->job));
            return;
        }
        kind = llmobs_script_read(words, &found);
        if (kind == LLMOBS_SCRIPT_OTHER)
            return;
        set_first(origin, pid, words, kind, found);
    }
    copy_path(origin->home, found, origin->script);
}

/* -- the language ---------------------------------------------------------- */

/* Python's own, NULL if the process has none. */
extern int Py_IsInitialized(void);

/* Of a program that is not called after its language, such as a web server, the
 * language that it has inside. NULL: none is known. */
static const char *find_language(char path[WORDS_MAX])
{
    ssize_t len = readlink("/proc/self/exe", path, WORDS_MAX - 1);
    const char *program = (const char *)getauxval(AT_EXECFN), *language;

    path[len > 0 ? llmobs_maps_cut(path, (size_t)len) : 0] = '\0';
    language = llmobs_script_language(path);
    if (!language && program)
        language = llmobs_script_language(program);
    if (!language && llmobs_php_found())
        language = "php";
    if (!language && THEIR(Py_IsInitialized) && THEIR(Py_IsInitialized)())
        language = "python";
    return !language && llmobs_perl_found() ? "perl" : language;
}

/* -- the run --------------------------------------------------------------- */

/* Goes from a process to the process that it was forked from: a subshell or a
 * worker has its parent's command line, and belongs to its parent's run. */
static void to_forker(struct origin *origin)
{
    struct llmobs_text words = words_of(origin->first, origin->room);
    uint64_t own = llmobs_mix_bytes(words.data, words.len);
    char pid[PID_LEN];

    memcpy(pid, origin->first, PID_LEN);
    for (int level = 0; level < LLMOBS_ORIGIN_LEVELS && words.len > 0 &&
                        to_parent(origin, pid, sizeof(pid));
         level++) {
        words = words_of(pid, origin->room);
        if (llmobs_mix_bytes(words.data, words.len) != own)
            return;
        memcpy(origin->first, pid, PID_LEN);
    }
}

/* Gives the id of the run as hexadecimal digits, the same in all its processes:
 * a hash of the boot, the pid's namespace, the first process's pid and start.
 * A later process with this pid has another start. */
static bool make_run(struct origin *origin, char out[RUN_DIGITS + 1])
{
    char boot[40] = "", space[40] = "";
    unsigned long long began; /* in ticks since the boot */
    const char *start;
    long pid, parent;
    int len;

    if (!origin->first[0])
        return false;
    to_forker(origin);
    if (!read_stat(origin, origin->first))
        return false;
    start = llmobs_proc_field(origin->room, LLMOBS_PROC_START);
    began = strtoull(start, NULL, 10);
    pid = strtol(origin->room, NULL, 10); /* also of "self" */
    parent =
        strtol(llmobs_proc_field(origin->room, LLMOBS_PROC_PARENT), NULL, 10);
    /* A service has its own unit, was started by the first process, or is that
     * process. It is no run, because its calls have nothing in common. A shell
     * script is no service: it ends one day. */
    if (*start == '\0' ||
        (!origin->by_shell &&
         (parent == 1 || pid == 1 ||
          (origin->unit[0] && !llmobs_glob_listed(HOSTS, origin->unit)))))
        return false;
    (void)llmobs_file_begin(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot,
                            sizeof(boot));
    if (readlink("/proc/self/ns/pid", space, sizeof(space) - 1) < 0)
        space[0] = '\0';
    len =
        snprintf(origin->room, 256, "%s %s %ld %llu", boot, space, pid, began);
    llmobs_sha256_digits(origin->room, (size_t)len, RUN_DIGITS, out);
    return true;
}

/* Copies the last *.service of a group's path, without the name of an instance
 * behind '@'; "" if a scope is below it, because then something else runs
 * there. */
static void read_group(const char *path, char out[UNIT_MAX])
{
    static const char end[] = ".service";

    out[0] = '\0';
    for (; *path; path += strcspn(path, "/"), path += *path == '/') {
        size_t len = strcspn(path, "/"), tail = sizeof(end) - 1;

        if (len > 6 && memcmp(path + len - 6, ".scope", 6) == 0)
            out[0] = '\0';
        if (len <= tail || memcmp(path + len - tail, end, tail) != 0)
            continue;
        len =
            strcspn(path, "@/") < len - tail ? strcspn(path, "@/") : len - tail;
        snprintf(out, UNIT_MAX, "%.*s", (int)len, path);
    }
}

/* Lines are "0::/PATH", or of systemd's own hierarchy "1:name=systemd:/PATH".
 */
static void find_unit(struct origin *origin, const char *pid)
{
    char *rest = origin->room, *line, file[64];

    snprintf(file, sizeof(file), "/proc/%s/cgroup", pid);
    if (llmobs_file_begin(AT_FDCWD, file, rest, WORDS_MAX) <= 0)
        return;
    while ((line = strsep(&rest, "\n")) != NULL) {
        const char *path = strchr(line, '/');

        if (!path)
            continue;
        llmobs_container_read_group(llmobs_text_of(path), &origin->container);
        if (!origin->unit[0] &&
            (strstr(line, "::/") || strstr(line, "systemd:/")))
            read_group(path + 1, origin->unit);
        origin->pathless &= path[1] == '\0';
    }
    if (!is_showable(origin->unit) ||
        is_one_of_many(llmobs_text_of(origin->unit)))
        origin->unit[0] = '\0';
}

/* -- the container --------------------------------------------------------- */

#define SET(member, text) \
    llmobs_container_set(member, sizeof(member), llmobs_text_of(text))

static void find_container(struct origin *origin,
                           const struct llmobs_config *config)
{
    struct llmobs_container *container = &origin->container;
    bool pod = config->kubernetes || container->pod_uid[0];
    struct llmobs_buf mounts;

    llmobs_buf_init(&mounts, MOUNTS_MAX);
    if ((pod || (origin->pathless && !container->id[0])) &&
        llmobs_file_read("/proc/self/mountinfo", &mounts) == 0)
        llmobs_container_read_mounts(llmobs_buf_text(&mounts), pod, container);
    llmobs_buf_fini(&mounts);
    if (pod || container->pod_uid[0]) {
        /* A name in the environment wins: somebody set it for this purpose. */
        SET(container->pod_uid, config->pod_uid);
        SET(container->pod, config->pod_name);
        SET(container->space, config->pod_namespace);
        if (!container->space[0] &&
            llmobs_file_begin(AT_FDCWD, SPACE_FILE, origin->room,
                              sizeof(container->space)) > 0)
            SET(container->space, origin->room);
        if (!container->pod[0] &&
            llmobs_file_begin(AT_FDCWD, HOSTS_FILE, origin->room,
                              sizeof(HOSTS_OF_POD)) > 0 &&
            strcmp(origin->room, HOSTS_OF_POD) == 0)
            SET(container->pod, llmobs_machine_name());
    }
}

/* -- the configuration ----------------------------------------------------- */

/* The former values are not freed: another thread that has waited too long may
 * still read them. */
static void *volatile former[5];

static bool set_name(struct llmobs_config *config, struct llmobs_text name,
                     enum llmobs_app app)
{
    char text[LLMOBS_ML_APP_LEN];
    char *copy = make_name(name, text, sizeof(text)) ? strdup(text) : NULL;

    if (!copy)
        return false;
    former[0] = config->ml_app;
    config->ml_app = copy;
    config->app = app;
    return true;
}

static void set_by_path(struct llmobs_config *config, const char *path)
{
    if (!llmobs_glob_listed(TEMPORARY, path))
        (void)set_name(config, llmobs_script_base(llmobs_text_of(path)),
                       LLMOBS_APP_GUESSED);
}

static void name_app(struct llmobs_config *config, const struct origin *origin)
{
    const char *program = (const char *)getauxval(AT_EXECFN);

    if (origin->unit[0] && !llmobs_glob_listed(HOSTS, origin->unit) &&
        set_name(config, llmobs_text_of(origin->unit), LLMOBS_APP_FOUND))
        return;
    if (origin->pool[0] && strcmp(origin->pool, "www") != 0 &&
        set_name(config, llmobs_text_of(origin->pool), LLMOBS_APP_FOUND))
        return;
    if (origin->command[0] || origin->script[0])
        set_by_path(config,
                    origin->command[0] ? origin->command : origin->script);
    else if (program && !llmobs_glob_listed(FOR_ALL, program))
        set_by_path(config, program);
}

/* The findings: the key of Datadog's tag, the key in OpenTelemetry's resource
 * (NULL: it is not there), the member. */
#define FOUND(X)                                               \
    X("unit", NULL, unit)                                      \
    X("pool", NULL, pool)                                      \
    X("container_id", "container.id", container.id)            \
    X("pod_name", "k8s.pod.name", container.pod)               \
    X(NULL, "k8s.pod.uid", container.pod_uid)                  \
    X("kube_namespace", "k8s.namespace.name", container.space) \
    X("kube_container_name", "k8s.container.name", container.name)

/* Puts the tags before the user's, which win. */
static void add_tags(struct llmobs_config *config, const struct origin *origin)
{
#define TAG(tag, attribute, member) {tag, origin->member},
    const struct {
        const char *key, *value;
    } found[] = {FOUND(TAG)};
    const size_t most = sizeof(found) / sizeof(*found);
    size_t count = 0, n = 0;
    char **list;

    while (config->tags && config->tags[count])
        count++;
    list = calloc(count + most + 1, sizeof(*list));
    if (!list)
        return;
    for (size_t i = 0; i < most; i++)
        if (found[i].key && found[i].value[0] &&
            asprintf(&list[n], "%s:%s", found[i].key, found[i].value) > 0)
            n++;
    for (size_t i = 0; i <= count; i++)
        list[n + i] = i < count ? config->tags[i] : NULL;
    former[1] = config->tags;
    config->tags = list;
}

/* Puts the attributes before the user's, which win. Each event has the list, so
 * the attributes describe the caller's process even if another process delivers
 * the event. */
static void add_attributes(struct llmobs_config *config,
                           const struct origin *origin)
{
#define ATTRIBUTE(tag, attribute, member) {attribute, origin->member},
    const struct {
        const char *key, *value;
    } found[] = {FOUND(ATTRIBUTE)};
    struct llmobs_buf list;
    int rc = 0;

    llmobs_buf_init(&list, RESOURCE_MAX);
    for (size_t i = 0; rc == 0 && i < sizeof(found) / sizeof(*found); i++)
        if (found[i].key && found[i].value[0])
            rc = llmobs_buf_addf(&list, "%s=%s,", found[i].key, found[i].value);
    if (rc == 0 && list.len > 0 && config->otlp.resource)
        rc = llmobs_buf_adds(&list, config->otlp.resource);
    former[3] = config->otlp.resource;
    if (rc == 0 && list.len > 0)
        config->otlp.resource = strdup(list.data);
    if (!config->otlp.resource)
        config->otlp.resource = former[3];
    llmobs_buf_fini(&list);
}

static void find_names(struct llmobs_config *config)
{
    struct origin *origin = llmobs_scratch_alloc(sizeof(*origin));
    const char *path;
    char run[RUN_DIGITS + 1];

    if (!origin)
        return;
    origin->unit[0] = origin->pool[0] = '\0';
    origin->script[0] = origin->job[0] = origin->first[0] = '\0';
    origin->by_shell = origin->served = false;
    memset(&origin->container, 0, sizeof(origin->container));
    origin->pathless = true;
    origin->home = config->home;
    copy_path(origin->home, llmobs_text_of(config->script), origin->command);
    find_unit(origin, "self");
    find_container(origin, config);
    find_script(origin);
    if (config->app != LLMOBS_APP_NAMED)
        name_app(config, origin);
    add_tags(config, origin);
    add_attributes(config, origin);
    path = origin->script[0] ? origin->script : origin->command;
    former[2] = config->script;
    config->script =
        llmobs_config_names_callers(config) && path[0] ? strdup(path) : NULL;
    /* If the environment gives a run, a launcher began it, even one too far up
     * to be seen. A server under a launcher has no run, unless a limit counts
     * its calls. */
    if (!config->run ||
        (!config->run_store && !origin->first[0] && origin->served)) {
        former[4] = config->run;
        config->run = !config->run && !config->inbound && make_run(origin, run)
                          ? strdup(run)
                          : NULL;
    }
    config->language = find_language(origin->room);
    /* A command line may hold keys. */
    explicit_bzero(origin->room, sizeof(origin->room));
    llmobs_scratch_free(origin);
}

void llmobs_origin_read(pid_t pid, const struct llmobs_config *config,
                        struct llmobs_origin_names *out)
{
    struct origin *origin = llmobs_scratch_alloc(sizeof(*origin));
    struct llmobs_text words, path;
    char number[16];

    memset(out, 0, sizeof(*out));
    if (!origin)
        return;
    origin->unit[0] = origin->pool[0] = origin->script[0] = '\0';
    origin->home = config ? config->home : NULL;
    memset(&origin->container, 0, sizeof(origin->container));
    snprintf(number, sizeof(number), "%ld", (long)pid);
    find_unit(origin, number);
    words = words_of(number, origin->room);
    find_pool(origin);
    if (config && llmobs_script_read(words, &path) == LLMOBS_SCRIPT_FILE)
        copy_own_path(origin, number, path);
    else if (config)
        copy_path(origin->home, llmobs_text_of(config->script), origin->script);
    memcpy(out->unit, origin->unit, sizeof(out->unit));
    memcpy(out->pool, origin->pool, sizeof(out->pool));
    memcpy(out->script, origin->script, sizeof(out->script));
    explicit_bzero(origin->room, sizeof(origin->room));
    llmobs_scratch_free(origin);
}

/* The configuration whose names the library has not looked for yet; or NULL. */
static _Atomic(struct llmobs_config *) waiting;

void llmobs_origin_defer(struct llmobs_config *config)
{
    atomic_store(&waiting, config);
}

void llmobs_origin_find(void)
{
    int saved = errno;

    if (atomic_load_explicit(&waiting, memory_order_acquire)) {
        /* One thread looks, and others wait for it. Cancellation is off,
         * because a cancelled thread would hold the turn for ever. */
        static atomic_int turn;
        const struct timespec pause = {0, PAUSE_NS};
        struct llmobs_config *config;
        int state;

        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
        for (int i = 0; i < PAUSES && atomic_load(&waiting); i++) {
            if (!llmobs_sole_claim(&turn)) {
                nanosleep(&pause, NULL);
                continue;
            }
            config = atomic_load(&waiting);
            if (config)
                find_names(config);
            atomic_store(&waiting, NULL);
            llmobs_sole_release(&turn);
        }
        pthread_setcancelstate(state, NULL);
    }
    errno = saved;
}
