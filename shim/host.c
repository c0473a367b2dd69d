/* Decides whether to observe, and copies the environment. */
#include "shim/host.h"

#include "lib/base/cold.h"
#include "lib/base/glob.h"
#include "lib/base/maps.h"
#include "lib/base/sandbox.h"
#include "lib/base/tls_auto.h"
#include "shim/conf.h"
#include "shim/libc.h"

#define OWN "LLMOBS_"

#define PREFIXES(X) X("DD_") X("_DD_") X(OWN) X("OTEL_") X("HTTP_X_DATADOG_")
#define WHOLE(X)                 \
    X("TRACEPARENT")             \
    X("TRACESTATE")              \
    X("BAGGAGE")                 \
    X("HTTP_TRACEPARENT")        \
    X("HTTP_TRACESTATE")         \
    X("HTTP_BAGGAGE")            \
    X("KUBERNETES_SERVICE_HOST") \
    X("POD_NAME")                \
    X("POD_NAMESPACE")           \
    X("POD_UID")                 \
    X("INVOCATION_ID")           \
    X("NOTIFY_SOCKET")           \
    X("HTTPS_PROXY")             \
    X("https_proxy")             \
    X("http_proxy")              \
    X("ALL_PROXY")               \
    X("all_proxy")               \
    X("NO_PROXY")                \
    X("no_proxy")                \
    X("SSL_CERT_DIR")            \
    X("XDG_STATE_HOME") X("HOME") X("SSL_CERT_FILE") X("CURL_CA_BUNDLE")

#define X(name) name,
static const char prefixes[][16] = {PREFIXES(X)};
static const char whole[][24] = {WHOLE(X)};
#undef X

static enum llmobs_host_state state;
static bool began_late;    /* constructors ran before the shim's */
static bool file_decides;  /* the environment does not decide: the file does */
static bool file_excludes; /* the environment excludes no programs: the file may
                            */
static enum llmobs_tls_mode tls_mode;
static bool file_tls; /* the file decides tls_mode */
static enum llmobs_tls_mode sockets_mode;
static bool file_sockets;   /* the file decides sockets_mode */
static bool may_be_client;  /* one of LLMOBS_SOCKET_CLIENTS, as far as known */
static bool sockets;        /* libc's sockets are hooked */
static bool sockets_chosen; /* as tls_chosen */
static bool lists_plain; /* a gateway by http:// is listed, as far as known */
static bool file_lists;  /* the file decides lists_plain */
static bool connects;    /* an object of the program's calls connect */
/* How long connections begin that are followed: for good, or until it listens.
 */
enum { FOR_GOOD, UNTIL, LISTENS };
static int watch;
/* For the doctor, once the program listens. */
LLMOBS_COLD static char listens[sizeof(LLMOBS_LISTENS)];
static bool traced; /* a tracer in the language reports the program's calls */
static bool is_php; /* the process runs PHP, as far as is known */
static int inside;  /* tls_inside of struct llmobs_host */
static bool tls_found;   /* a library of TLS is there */
static bool tls;         /* libraries of TLS are hooked */
static bool tls_chosen;  /* for the program, by the user or since it is PHP */
static bool node_traced; /* NODE_OPTIONS load a tracer */
static bool node_hook;   /* LLMOBS_NODE_HOOK is set */
static bool limited;     /* the permission model of Node is on */
static bool accepts_tls; /* the program is a server of TLS */
static bool intercepted; /* in a run of llmobs-run --intercept */
static bool no_other_proxy; /* and the user has none of his own */
static bool excluded;       /* by LLMOBS_EXCLUDE */
static char own_proxy[32];  /* of the run; "": none is known */
static const char *file_log, *file_log_level; /* NULL: it was not read */
static size_t env_count, env_len;
/* The strings; behind them the list of pointers to them, and the core's path,
 * which are made when they are needed. Most often all lie in one page. */
LLMOBS_COLD_FIRST static char
    env_bytes[LLMOBS_HOST_ENV_MAX +
              (LLMOBS_HOST_ENV_COUNT + 2) * sizeof(char *) +
              LLMOBS_HOST_PATH_MAX];
/* The shim's path, in memory of the loader that stays valid; NULL where the
 * core's path has been made. */
static const char *own_path;

enum llmobs_host_state llmobs_host_state(void)
{
    return __atomic_load_n(&state, __ATOMIC_ACQUIRE);
}

static void set_state(enum llmobs_host_state value)
{
    __atomic_store_n(&state, value, __ATOMIC_RELEASE);
}

void llmobs_host_off(void)
{
    set_state(LLMOBS_HOST_OFF);
}

bool llmobs_host_claim(void)
{
    enum llmobs_host_state before =
        __atomic_exchange_n(&state, LLMOBS_HOST_OFF, __ATOMIC_ACQ_REL);

    if (before != LLMOBS_HOST_NEW)
        set_state(before);
    return before == LLMOBS_HOST_NEW;
}

bool llmobs_host_is_shim(const struct dl_phdr_info *info)
{
    return llmobs_elf_spans(info, (uintptr_t)&state);
}

/* True for the first letters of the names above: most variables begin with none
 * of them. */
static inline bool may_be_wanted(const char *entry)
{
#define X(name) | UINT64_C(1) << (name[0] & 63)
    const uint64_t letters = 0 PREFIXES(X) WHOLE(X);
#undef X

    return letters >> (entry[0] & 63) & 1;
}

/* The value in "NAME=value"; NULL when the entry is another variable. */
static const char *value_in_entry(const char *entry, const char *name)
{
    for (; *name && *entry == *name; name++)
        entry++;
    return *name == '\0' && *entry == '=' ? entry + 1 : NULL;
}

static bool is_wanted(const char *entry)
{
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (entry[0] == prefixes[i][0] && llmobs_str_begins(entry, prefixes[i]))
            return true;
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
        if (entry[0] == whole[i][0] && value_in_entry(entry, whole[i]))
            return true;
    return false;
}

/* Copies the strings whose names begin with OWN (the others if `own` is false)
 * behind the first `used` bytes. Returns the number of bytes used. */
static size_t copy_some(char **env, bool own, size_t used)
{
    for (; env && *env && env_count < LLMOBS_HOST_ENV_COUNT; env++) {
        size_t len;

        if (!may_be_wanted(*env) || llmobs_str_begins(*env, OWN) != own ||
            !is_wanted(*env))
            continue;
        len =
            llmobs_str_copy(env_bytes + used, LLMOBS_HOST_ENV_MAX - used, *env);
        used += len;
        env_count += len > 0;
    }
    return used;
}

static const char **env_list(void)
{
    uintptr_t end = (uintptr_t)env_bytes + env_len;

    return (const char **)((end + sizeof(char *) - 1) / sizeof(char *) *
                           sizeof(char *));
}

const char *const *llmobs_host_env(void)
{
    const char **list = env_list();
    const char *at = env_bytes;

    for (size_t i = 0; i < env_count; i++) {
        list[i] = at;
        at += llmobs_str_len(at) + 1;
    }
    list[env_count] = NULL;
    return list;
}

/* LLMOBS_HOST_PATH_MAX bytes. */
static char *core_path(void)
{
    return (char *)(env_list() + env_count + 1);
}

/* The value of the first variable of that name; NULL when unset or empty. */
static const char *setting_in(const char *const *env, const char *name)
{
    const char *value = NULL;

    for (; env && *env && !value; env++)
        value = value_in_entry(*env, name);
    return value && *value ? value : NULL;
}

/* The settings that every process needs. */
enum { ENABLED, URLS, EXCLUDE, TLS, SOCKETS, SETTINGS };

/* Reads them, and what tells of a tracer, in one pass. NULL for a setting that
 * is unset or empty. */
static void read_settings(char **env, const char *values[SETTINGS])
{
    static const char names[SETTINGS][36] = {
        "DD_LLMOBS_ENABLED", "DD_LLMOBS_INSTRUMENTED_PROXY_URLS",
        "LLMOBS_EXCLUDE", "LLMOBS_TLS", "LLMOBS_SOCKETS"};

    for (size_t i = 0; i < SETTINGS; i++)
        values[i] = NULL;
    for (; env && *env; env++) {
        const char *options = value_in_entry(*env, "NODE_OPTIONS");
        const char *proxy = value_in_entry(*env, "HTTPS_PROXY");
        bool own = llmobs_str_begins(*env, OWN);
        bool may_be = own || llmobs_str_begins(*env, "DD_LLMOBS_");
        const char *past =
            own ? value_in_entry(*env, "LLMOBS_INTERCEPT_PAST") : NULL;
        const char *run = own ? value_in_entry(*env, "LLMOBS_INTERCEPT") : NULL;

        for (size_t i = 0; may_be && i < SETTINGS; i++)
            if (!values[i])
                values[i] = value_in_entry(*env, names[i]);
        node_traced |= options && llmobs_tracer_module(options);
        limited |= options && llmobs_tracer_has(options, "-permission");
        /* Some programs start others without our variables, but with those. */
        intercepted |=
            run || (proxy && llmobs_str_begins(proxy, "http://127.0.0.1:"));
        if (run)
            llmobs_str_copy(own_proxy, sizeof(own_proxy), run);
        no_other_proxy |= past && !*past;
        node_hook |= own && value_in_entry(*env, "LLMOBS_NODE_HOOK");
        if (llmobs_tracer_set(*env))
            llmobs_host_is_traced();
    }
    for (size_t i = 0; i < SETTINGS; i++)
        if (values[i] && !*values[i])
            values[i] = NULL;
}

struct own {
    const char *path;
    size_t index;
    bool second; /* another copy of the shim comes first in load order */
};

/* The program is first, and is not a copy. */
static int find_shim(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct own *own = argument;
    struct llmobs_elf elf;

    (void)size;
    if (llmobs_host_is_shim(info)) {
        own->path = info->dlpi_name ? info->dlpi_name : "";
        return 1;
    }
    if (own->index++ > 0 && !llmobs_libc_brings(info->dlpi_addr) &&
        llmobs_elf_open(&elf, info) == 0 &&
        llmobs_str_same(elf.soname, LLMOBS_SHIM_SONAME))
        own->second = true;
    return 0;
}

/* Makes the core's path: it lies beside the shim. */
static void make_core_path(const char *own)
{
    char *path = core_path();
    size_t len = 0;
    size_t dir = (size_t)(llmobs_str_base(own) - own);

    if (own[0] != '/') {
        if (!llmobs_libc_directory(path, LLMOBS_HOST_PATH_MAX))
            goto none;
        len = llmobs_str_len(path);
        if (len + 1 >= LLMOBS_HOST_PATH_MAX)
            goto none;
        path[len++] = '/';
    }
    if (dir + sizeof(LLMOBS_CORE_FILE) > LLMOBS_HOST_PATH_MAX - len)
        goto none;
    llmobs_bytes_copy(path + len, own, dir);
    llmobs_bytes_copy(path + len + dir, LLMOBS_CORE_FILE,
                      sizeof(LLMOBS_CORE_FILE));
    return;
none:
    path[0] = '\0';
}

const char *llmobs_host_core_path(void)
{
    LLMOBS_COLD static char file[LLMOBS_HOST_PATH_MAX];

    if (own_path)
        make_core_path(own_path);
    /* The shim's path may be a link to it, which has no core beside it. */
    if (!llmobs_libc_may(core_path(), F_OK))
        llmobs_maps_path((uintptr_t)llmobs_host_off, file, sizeof(file));
    if (file[0])
        make_core_path(file);
    return *core_path() ? core_path() : NULL;
}

static bool names_socket_client(const char *path)
{
    return llmobs_str_has(LLMOBS_SOCKET_CLIENTS_LETTERS,
                          *llmobs_str_base(path)) &&
           llmobs_glob_listed(LLMOBS_SOCKET_CLIENTS, path);
}

/* A rule for most programs, which costs no system call. Of a script the kernel
 * has executed the interpreter, whose name comes first among the arguments
 * (execve(2)). `first`: that argument; NULL: it is not known. */
static bool may_be_socket_client(const char *first)
{
    const char *asked = (const char *)llmobs_libc.auxval(AT_EXECFN);

    return !first || !asked || names_socket_client(first) ||
           names_socket_client(asked);
}

/* A program as the loader's list has it, where it comes first. */
struct listed {
    const char *path; /* "" with glibc; with musl, the name that was asked for
                       */
    uintptr_t inside; /* an address of the program's */
};

static int read_program(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct listed *listed = argument;

    (void)size;
    listed->path = info->dlpi_name ? info->dlpi_name : "";
    listed->inside = (uintptr_t)info->dlpi_phdr;
    return 1;
}

/* Writes the path of the running program's file, without links. If a loader was
 * started with the program as its argument, the kernel has executed the loader.
 * Then glibc has corrected AT_EXECFN, and *asked becomes the name in musl's
 * list. */
static void find_program(char *file, size_t cap, const char **asked)
{
    struct listed listed = {NULL, 0};
    long len;

    if (llmobs_libc.auxval(AT_BASE) != 0) {
        len = llmobs_sys(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", file,
                         cap - 1);
        file[len > 0 ? len : 0] = '\0';
        return;
    }
    llmobs_libc.iterate(read_program, &listed);
    llmobs_maps_path(listed.inside, file, cap);
    if (listed.path && listed.path[0])
        *asked = listed.path;
}

/* True where the list has the program: by its file, without links, or by the
 * name that was executed, which for a script is the only one. */
static bool lists_program(const char *list)
{
    LLMOBS_COLD static char file[LLMOBS_HOST_PATH_MAX];
    static const char *asked;

    if (!list[0])
        return false;
    if (!file[0]) {
        asked = (const char *)llmobs_libc.auxval(AT_EXECFN);
        find_program(file, sizeof(file), &asked);
    }
    if (asked && llmobs_glob_listed(list, asked))
        return true;
    return llmobs_glob_listed(list, file);
}

void llmobs_host_init(const char *first, char **env, bool late)
{
    struct own own = {.path = NULL};
    const char *values[SETTINGS];
    bool later;

    began_late = late;
    read_settings(env, values);
    lists_plain = llmobs_lists_plain(values[URLS]);
    later = !values[EXCLUDE] && !lists_plain &&
            llmobs_tls_mode(values[SOCKETS]) != LLMOBS_TLS_ON &&
            llmobs_libc_is_all(&own.path);
    if (values[ENABLED] && !llmobs_conf_is_true(values[ENABLED]))
        return;
    if (!later) {
        if (!llmobs_libc_find() || llmobs_libc.auxval(AT_SECURE))
            return;
        excluded = values[EXCLUDE] && lists_program(values[EXCLUDE]);
        if (excluded)
            return;
        llmobs_libc.iterate(find_shim, &own);
    }
    if (!own.path || own.second)
        return;
    file_decides = !values[ENABLED];
    file_excludes = !values[EXCLUDE];
    file_tls = !values[TLS];
    tls_mode = llmobs_tls_mode(values[TLS]);
    file_sockets = !values[SOCKETS];
    file_lists = !values[URLS];
    sockets_mode = llmobs_tls_mode(values[SOCKETS]);
    may_be_client = !later && may_be_socket_client(first);
    /* This library's own variables are copied first, so that a long list of
     * tags cannot displace a variable that withholds texts. The list of
     * pointers is made when the core is loaded, because most processes never
     * load it. */
    env_len = copy_some(env, false, copy_some(env, true, 0));
    /* A relative path is valid only in the directory that the process was
     * started in, so the core's path is made from it at once. From an absolute
     * path it is made later, because most processes never need it. */
    if (own.path[0] == '/')
        own_path = own.path;
    else
        make_core_path(own.path);
    set_state(later ? LLMOBS_HOST_LATER : LLMOBS_HOST_WATCHING);
}

bool llmobs_host_began_late(void)
{
    return began_late;
}

void llmobs_host_begin(void)
{
    if (llmobs_host_state() == LLMOBS_HOST_LATER)
        set_state(llmobs_libc.auxval(AT_SECURE) ? LLMOBS_HOST_OFF
                                                : LLMOBS_HOST_WATCHING);
}

static void read_file(struct llmobs_conf *conf)
{
    const char *path = setting_in(llmobs_host_env(), "LLMOBS_CONFIG");

    llmobs_conf_read(path ? path : LLMOBS_CONFIG_FILE, conf);
    if (file_tls)
        tls_mode = conf->tls;
    if (file_sockets)
        sockets_mode = conf->sockets;
    /* Only programs with a libcurl or a TLS library come here. */
    if (file_lists)
        lists_plain = connects = conf->plain;
    file_tls = file_sockets = file_lists = false;
}

/* Reads the configuration file, also where the environment decides the state:
 * the file may name the log. */
void llmobs_host_decide(void)
{
    struct llmobs_conf conf;

    if (llmobs_host_state() != LLMOBS_HOST_WATCHING)
        return;
    if (llmobs_libc_may(LLMOBS_DISABLED_FILE, F_OK)) {
        set_state(LLMOBS_HOST_OFF);
        return;
    }
    read_file(&conf);
    file_log = conf.log;
    file_log_level = conf.log_level;
    set_state(file_excludes && lists_program(conf.exclude) ? LLMOBS_HOST_OFF
              : file_decides && !conf.enabled              ? LLMOBS_HOST_UNASKED
                                                           : LLMOBS_HOST_ON);
}

/* -- TLS ------------------------------------------------------------------- */

/* Defined by each program and library that has PHP in it, whatever its name. */
#define PHP "php_request_startup"

bool llmobs_host_may_tls(void)
{
    return tls_mode != LLMOBS_TLS_OFF || sockets_mode != LLMOBS_TLS_OFF;
}

void llmobs_host_check_php(const struct llmobs_elf *elf)
{
    is_php = is_php || llmobs_elf_symbol(elf, PHP);
}

bool llmobs_host_seeks_connect(void)
{
    return lists_plain && !connects;
}

void llmobs_host_found_connect(void)
{
    connects = true;
}

void llmobs_host_found_tls(void)
{
    tls_found = true;
}

void llmobs_host_accepts_tls(void)
{
    __atomic_store_n(&accepts_tls, true, __ATOMIC_RELEASE);
}

void llmobs_host_is_traced(void)
{
    __atomic_store_n(&traced, true, __ATOMIC_RELEASE);
}

bool llmobs_host_is_intercepted(void)
{
    return intercepted;
}

const char *llmobs_host_proxy(void)
{
    return own_proxy[0] ? own_proxy : NULL;
}

const char *llmobs_host_tls_stopped(void)
{
    if (tls_chosen)
        return NULL;
    if (__atomic_load_n(&traced, __ATOMIC_ACQUIRE))
        return "a tracer reports the program's calls: those over TLS libraries "
               "are left to it, unless LLMOBS_TLS=on";
    return __atomic_load_n(&accepts_tls, __ATOMIC_ACQUIRE)
               ? "the program accepts TLS: its calls over TLS libraries are "
                 "not observed, unless LLMOBS_TLS=on"
               : NULL;
}

bool llmobs_host_tls(void)
{
    return __atomic_load_n(&tls, __ATOMIC_ACQUIRE);
}

/* Whether the calls are observed where nobody said so. `list`: of programs. A
 * tracer is loaded by the options of Node: those of the variable, or the first
 * arguments of the process. */
static bool is_client(const char *list)
{
    LLMOBS_COLD static char text[LLMOBS_HOST_PATH_MAX];
    long fd, len;

    if (is_php)
        return true;
    if (!lists_program(LLMOBS_NODE))
        return lists_program(list);
    fd = node_traced ? -1
                     : llmobs_sys(SYS_openat, AT_FDCWD, "/proc/self/cmdline",
                                  O_RDONLY | O_CLOEXEC);
    len = fd < 0 ? 0 : llmobs_sys(SYS_read, fd, text, sizeof(text) - 1);
    if (fd >= 0)
        llmobs_sys(SYS_close, fd);
    if (node_traced || (len > 0 && llmobs_tracer_arguments(text, (size_t)len)))
        llmobs_host_is_traced();
    for (const char *at = text; at < text + len; at += llmobs_str_len(at) + 1)
        limited |= llmobs_str_same(at, "--permission") ||
                   llmobs_str_same(at, "--experimental-permission");
    return true;
}

const char *llmobs_host_node_hook(void)
{
    const char *path =
        node_hook ? setting_in(llmobs_host_env(), "LLMOBS_NODE_HOOK") : NULL;

    return path && llmobs_host_state() == LLMOBS_HOST_ON &&
                   lists_program(LLMOBS_NODE) && is_client("") && !limited &&
                   !__atomic_load_n(&traced, __ATOMIC_ACQUIRE) &&
                   llmobs_libc_may(path, R_OK)
               ? path
               : NULL;
}

bool llmobs_host_tls_inside(void)
{
    return llmobs_host_tls() &&
           (tls_mode == LLMOBS_TLS_ON || lists_program(LLMOBS_NODE));
}

void llmobs_host_set_inside(int result)
{
    inside = result;
}

int llmobs_host_inside(void)
{
    return inside;
}

bool llmobs_host_decide_tls(void)
{
    static bool no_client; /* asked once, as the lists do not change */
    struct llmobs_conf conf;

    if (!tls_found || tls)
        return false;
    /* The file decides, where the environment does not say. */
    if (file_tls || file_sockets)
        read_file(&conf);
    no_client = tls_mode == LLMOBS_TLS_AUTO && !is_php &&
                (no_client || !is_client(LLMOBS_CLIENTS));
    if (tls_mode == LLMOBS_TLS_OFF || no_client)
        return false;
    tls_chosen = tls_mode == LLMOBS_TLS_ON || is_php;
    llmobs_host_decide();
    if (llmobs_host_state() != LLMOBS_HOST_ON)
        return false;
    __atomic_store_n(&tls, true, __ATOMIC_RELEASE);
    return true;
}

/* The path in a variable of the run's certificates; NULL: it is another. */
static const char *trust_in(const char *entry)
{
    const char *path;

    while (*entry && *entry != '=')
        entry++;
    path = *entry ? ++entry : entry;
    while (*entry && !llmobs_str_begins(entry, LLMOBS_INTERCEPT_TRUST))
        entry++;
    return *entry ? path : NULL;
}

/* A module ssl that is no library of its own contains its TLS library. */
static int find_ssl(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct llmobs_elf elf;

    (void)size;
    (void)argument;
    return llmobs_elf_open(&elf, info) == 0 &&
           llmobs_elf_symbol(&elf, "PyInit__ssl");
}

/* True in a Python whose calls over TLS the library sees. */
static bool is_seen_python(void)
{
    enum llmobs_host_state how = llmobs_host_state();

    return (how == LLMOBS_HOST_LATER || how >= LLMOBS_HOST_WATCHING) &&
           !traced && tls_mode != LLMOBS_TLS_OFF &&
           lists_program(LLMOBS_PYTHON) &&
           llmobs_libc.iterate(find_ssl, NULL) == 0;
}

void llmobs_host_leave_run(char **env)
{
    bool alone, python;
    char **to = env;

    if (!intercepted || !llmobs_libc_find() || llmobs_libc.auxval(AT_SECURE))
        return;
    alone = no_other_proxy && (llmobs_host_tls() || excluded) &&
            lists_program(LLMOBS_ALONE);
    python = is_seen_python();
    for (; *env; env++) {
        const char *trust = trust_in(*env);
        bool proxy = value_in_entry(*env, "HTTPS_PROXY") ||
                     value_in_entry(*env, "https_proxy");

        if (!(alone && proxy) && !(trust && !llmobs_libc_may(trust, R_OK)) &&
            !(python && trust && value_in_entry(*env, "REQUESTS_CA_BUNDLE") &&
              llmobs_str_same(llmobs_str_base(trust),
                              LLMOBS_INTERCEPT_STORE ".pem")))
            *to++ = *env;
    }
    *to = NULL;
}

/* -- sockets --------------------------------------------------------------- */

/* A sanitizer's runtime has functions of libc's names itself. */
static int find_sanitizer(struct dl_phdr_info *info, size_t size,
                          void *argument)
{
    struct llmobs_elf elf;

    (void)size;
    (void)argument;
    return llmobs_elf_open(&elf, info) == 0 &&
           (llmobs_elf_symbol(&elf, "__asan_init") ||
            llmobs_elf_symbol(&elf, "__tsan_init"));
}

bool llmobs_host_decide_sockets(void)
{
    struct llmobs_conf conf;

    if (sockets && is_php) {
        sockets_chosen = true;
        __atomic_store_n(&watch, FOR_GOOD, __ATOMIC_RELAXED);
    }
    if (sockets || (sockets_mode == LLMOBS_TLS_AUTO && !is_php &&
                    !may_be_client && !(lists_plain && connects)))
        return false;
    if (file_sockets)
        read_file(&conf);
    if (sockets_mode == LLMOBS_TLS_OFF)
        return false;
    sockets_chosen = sockets_mode == LLMOBS_TLS_ON || is_php;
    may_be_client =
        sockets_chosen || (may_be_client && is_client(LLMOBS_SOCKET_CLIENTS));
    if (!may_be_client && !(lists_plain && connects))
        return false;
    if (sockets_mode != LLMOBS_TLS_ON &&
        (llmobs_libc.iterate(find_sanitizer, NULL) ||
         (!may_be_client &&
          llmobs_sandbox_is("/proc/self/status", "/proc/1/status")))) {
        may_be_client = lists_plain = false;
        return false;
    }
    if (!may_be_client)
        __atomic_store_n(&watch, UNTIL, __ATOMIC_RELAXED);
    llmobs_host_decide();
    sockets = llmobs_host_state() == LLMOBS_HOST_ON;
    return sockets;
}

bool llmobs_host_until(void)
{
    return __atomic_load_n(&watch, __ATOMIC_RELAXED) == UNTIL;
}

bool llmobs_host_listened(void)
{
    return __atomic_load_n(&watch, __ATOMIC_RELAXED) == LISTENS;
}

void llmobs_host_listens(void)
{
    int now = UNTIL;

    if (__atomic_compare_exchange_n(&watch, &now, LISTENS, false,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        llmobs_str_copy(listens, sizeof(listens), LLMOBS_LISTENS);
}

const char *llmobs_host_sockets_stopped(void)
{
    return __atomic_load_n(&traced, __ATOMIC_ACQUIRE) && !sockets_chosen
               ? "a tracer reports the program's calls: those by plain HTTP "
                 "are left to it, unless LLMOBS_SOCKETS=on"
               : NULL;
}

/* -- the log --------------------------------------------------------------- */

static const char *setting_or(const char *name, const char *other)
{
    const char *value = setting_in(llmobs_host_env(), name);

    return value ? value : other && *other ? other : NULL;
}

const char *llmobs_host_log(bool error)
{
    const char *level = setting_or("LLMOBS_LOG_LEVEL", file_log_level);

    if (level && (llmobs_str_same(level, "off") ||
                  (!error && llmobs_str_same(level, "error"))))
        return NULL;
    return setting_or("LLMOBS_LOG", file_log);
}

bool llmobs_host_enable(void)
{
    enum llmobs_host_state now;

    llmobs_host_decide();
    now = LLMOBS_HOST_UNASKED;
    return __atomic_compare_exchange_n(&state, &now, LLMOBS_HOST_ON, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
