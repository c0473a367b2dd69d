/* Runs `llmobs-run`: prepares the environment and executes a command. */
#include "cli/run/run.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/shared/environment.h"
#include "cli/shared/preload.h"
#include "cli/shared/suggest.h"
#include "cli/shared/tell.h"
#include "cli/shared/with_hooks.h"
#include "core/config/state_dir.h"
#include "lib/base/glob.h"
#include "lib/base/script.h"

/* -- hooks ----------------------------------------------------------------- */

/* The variables by which interpreters load the hooks of share/llmobs/inbound as
 * they start. Each value that the environment has stays in force. A hook that
 * cannot be read is left out; all hooks are, if their path has a character with
 * a meaning for one of the interpreters (docs/SDK.md). */

/* Ruby stops with an error if it cannot load the file. */
static int add_ruby(struct llmobs_environment *environment, const char *file)
{
    char item[PATH_MAX + 2];

    snprintf(item, sizeof(item), "-r%s", file);
    return llmobs_environment_join(environment, "RUBYOPT", item, " ", false);
}

/* Perl reads -M as a line of its own language: it loads strict, which every
 * perl has, without an import, and then the hook, if that exists. */
static int add_perl(struct llmobs_environment *environment, const char *file)
{
    static const char begin[] = "-Mstrict();BEGIN{local($@,$!);eval{require(q<";
    char item[sizeof(begin) + PATH_MAX + 4];

    snprintf(item, sizeof(item), "%s%s>)}}", begin, file);
    return llmobs_environment_join(environment, "PERL5OPT", item, " ", false);
}

/* A variable has code, or the name of a file behind an '@'. Of a file that it
 * cannot read Lua says why, and shows no stack: later versions show none for an
 * error that makes its own text, 5.1 where nothing can. NULL: no memory. */
static char *lua_value(const char *item, const char *own)
{
    static const char last[] =
        "'if f then return f()end if _VERSION=='Lua 5.1'then "
        "debug.traceback=nil error(e,0)end "
        "error(setmetatable({},{__tostring=function()return e end}))";
    char *value = malloc(strlen(item) + 4 * strlen(own) + sizeof(last) + 32);
    char *at = value;

    if (!value)
        return NULL;
    at += sprintf(at, "%s;%s", item, own[0] == '@' ? "" : own);
    if (own[0] == '@') {
        at += sprintf(at, "local f,e=loadfile'");
        for (own++; *own != '\0'; own++)
            at += sprintf(at, "\\%03u", (unsigned char)*own);
        strcpy(at, last);
    }
    return value;
}

/* Lua 5.2 and later first look for a variable with their version in its name.
 */
static int add_lua(struct llmobs_environment *environment, const char *file)
{
    static const char *const names[] = {"LUA_INIT", "LUA_INIT_5_2",
                                        "LUA_INIT_5_3", "LUA_INIT_5_4",
                                        "LUA_INIT_5_5"};
    char item[2 * PATH_MAX + 32];
    int rc = 0;

    snprintf(item, sizeof(item), "pcall(loadfile'%s','%.*s')", file,
             (int)(strrchr(file, '/') - file), file);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && rc == 0; i++) {
        const char *own = llmobs_environment_get(environment, names[i]);
        char *value;

        if ((i > 0 && !*own) || strncmp(own, item, strlen(item)) == 0)
            continue;
        value = lua_value(item, own);
        if (!value)
            return -ENOMEM;
        rc = llmobs_environment_set(environment, names[i], value);
        free(value);
    }
    return rc;
}

/* Goes before the user's own, since Python takes the first with a name. Its
 * folder has no other file, since it stays in sys.path under `python -S`. */
static int add_python(struct llmobs_environment *environment, const char *file)
{
    char dir[PATH_MAX];

    snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(file, '/') - file), file);
    return llmobs_environment_join(environment, "PYTHONPATH", dir, ":", true);
}

/* R reads only one file of its site, and none if the variable is empty. The
 * hook runs the user's file itself. Another installation's hook is dropped. */
static int add_r(struct llmobs_environment *environment, const char *file)
{
    static const char hook[] = "/inbound/hook.R";
    const char *own = llmobs_environment_get(environment, "R_PROFILE");
    size_t len = strlen(own);
    int rc = 0;

    if (!*own && llmobs_environment_has(environment, "R_PROFILE"))
        return 0;
    if (len < strlen(hook) || strcmp(own + len - strlen(hook), hook) != 0) {
        llmobs_environment_unset(environment, "LLMOBS_R_PROFILE");
        if (*own)
            rc = llmobs_environment_set(environment, "LLMOBS_R_PROFILE", own);
    }
    return rc ? rc : llmobs_environment_set(environment, "R_PROFILE", file);
}

/* Node ends if it cannot load a file: the library names it to Node, where Node
 * can read it (shim/node.h). */
static int add_node(struct llmobs_environment *environment, const char *file)
{
    return llmobs_environment_set(environment, "LLMOBS_NODE_HOOK", file);
}

static const struct {
    const char *file;
    int (*add)(struct llmobs_environment *environment, const char *path);
} hooks[] = {
    {"hook.rb", add_ruby},
    {"hook.pl", add_perl},
    {"python/sitecustomize.py", add_python},
    {"hook.lua", add_lua},
    {"hook.R", add_r},
    {"node/llmobs_hook.cjs", add_node},
};

/* Sets the variables for a command and all that it starts. */
static int hooks_add(struct llmobs_environment *environment)
{
    char named[PATH_MAX], dir[PATH_MAX], path[PATH_MAX];
    int rc = 0;

    if (llmobs_preload_share("inbound", named) != 0 || !realpath(named, dir))
        return 0;
    for (const char *at = dir; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("/._+-~", *at))
            return 0;
    for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks) && rc == 0; i++) {
        int need = snprintf(path, sizeof(path), "%s/%s", dir, hooks[i].file);

        if (need < PATH_MAX && access(path, R_OK) == 0)
            rc = hooks[i].add(environment, path);
    }
    return rc;
}

#define STATUS_FAILED 1
#define STATUS_USAGE 2
#define STATUS_REFUSED 126
#define STATUS_ABSENT 127

/* The longest string that the kernel takes, its NUL included. */
#define STRING_MAX_BYTES ((size_t)128 * 1024)
#define STRINGS_MAX_BYTES (6L * 1024 * 1024)
/* Space for LD_PRELOAD, TRACEPARENT and TRACESTATE, which the tools add later.
 */
#define ADDED_LATER ((size_t)8 * 1024)
/* The number of words that the tools put before a command. */
#define TOOL_WORDS 35
#define RUN_DIGITS 16
#define SHELLS "sh,bash,dash,ash,ksh*,mksh,zsh,fish,rbash"

enum name { LAUNCHER, COMMAND, ENTRYPOINT, NAME_COUNT };

static const char *const names[NAME_COUNT] = {"llmobs-run", "llmobs run",
                                              "llmobs-entrypoint"};

/* Where two options set the same variable, the later option counts. */
enum option {
    ML_APP,
    AGENT_SERVICE,
    SERVICE,
    ENV,
    SESSION,
    RECORD,
    REPLAY,
    WORKFLOW,
    MAX_COST,
    MAX_TOKENS,
    INTERCEPT_NOT,
    RELAY, /* this and the next two are switches, without a value */
    INBOUND,
    INTERCEPT,
    OPTION_COUNT
};

static const struct {
    const char *name;
    const char *variable;
} options[OPTION_COUNT] = {
    [ML_APP] = {"--ml-app", "DD_LLMOBS_ML_APP"},
    [AGENT_SERVICE] = {"--agent-service", "DD_LLMOBS_ML_APP"},
    [SERVICE] = {"--service", "DD_SERVICE"},
    [ENV] = {"--env", "DD_ENV"},
    [SESSION] = {"--session", "LLMOBS_SESSION_ID"},
    [RECORD] = {"--record", "LLMOBS_RECORD"},
    [REPLAY] = {"--replay", NULL},
    [WORKFLOW] = {"--workflow", NULL},
    [MAX_COST] = {"--max-cost", NULL},
    [MAX_TOKENS] = {"--max-tokens", NULL},
    [INTERCEPT_NOT] = {"--intercept-not", NULL},
    [RELAY] = {"--relay", NULL},
    [INBOUND] = {"--inbound", "LLMOBS_INBOUND"},
    [INTERCEPT] = {"--intercept", NULL},
};

struct launch {
    bool entrypoint;
    const char *self;
    char *given[OPTION_COUNT]; /* NULL: not given */
    char **command;
    char *workflow;                 /* NULL: no span around the command */
    bool stays;                     /* the tool stays as the first process */
    struct llmobs_environment bare; /* the environment without additions */
    struct llmobs_environment environment; /* with the variables of the options
                                            */
    struct llmobs_environment whole;       /* also with the library */
    struct llmobs_preload preload;
};

static const char help_text[] =
    "\n"
    "Runs CMD with its calls to language models observed. CMD behaves as it "
    "would\n"
    "without; `llmobs view` shows what it did. llmobs-entrypoint is for "
    "containers:\n"
    "it passes signals on, waits for orphans, and delivers the remaining spans "
    "when\n"
    "CMD has ended (LLMOBS_GRACE_MS).\n"
    "\n"
    "  --ml-app A       name of the application (DD_LLMOBS_ML_APP)\n"
    "  --agent-service A\n"
    "                   the same, by Datadog's newer name\n"
    "  --service S      service (DD_SERVICE)\n"
    "  --env E          environment, such as prod (DD_ENV)\n"
    "  --session ID     session of a conversation (LLMOBS_SESSION_ID)\n"
    "  --workflow NAME  one workflow span around all that CMD does\n"
    "  --max-tokens N   end CMD once its calls have taken more tokens than N\n"
    "  --max-cost USD   end CMD once its calls have cost more, by the prices "
    "of\n"
    "                   `llmobs view`\n"
    "  --record DIR     keep the raw exchanges with models as files in DIR, "
    "with "
    "their\n"
    "                   texts, for `llmobs mock` (LLMOBS_RECORD)\n"
    "  --replay DIR     answer CMD's calls from these files, wherever it sends "
    "them;\n"
    "                   for tests of a CMD whose base URL cannot be set\n"
    "  --relay          a relay delivers for CMD: one that runs, or one that "
    "this\n"
    "                   starts, which ends when it has been idle for a "
    "minute\n"
    "  --inbound        a server in Lua, Node, PHP, Perl, Python, R or Ruby\n"
    "                   serves each request in its caller's trace, without a "
    "line\n"
    "                   in it (LLMOBS_INBOUND)\n"
    "  --intercept      also observe programs whose TLS no library shows, such "
    "as\n"
    "                   coding agents: their https goes by a proxy for CMD "
    "alone,\n"
    "                   whose certificates they trust\n"
    "  --intercept-not HOST\n"
    "                   leave that host's connections unread, such as *.corp; "
    "more\n"
    "                   by commas or by more such options\n";

/* -- the command line ------------------------------------------------------ */

/* Prints the usage, which begins with the name that was typed. */
static int usage(const struct launch *launch)
{
    printf("usage: %s [OPTIONS] [--] CMD...\n", launch->self);
    for (int i = 0; i < NAME_COUNT; i++)
        if (strcmp(names[i], launch->self) != 0)
            printf("       %s [OPTIONS] [--] CMD...\n", names[i]);
    fputs(help_text, stdout);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : STATUS_FAILED;
}

/* The option that CMD must not be run without; NULL: none. Without it the
 * answers would be a model's, or no limit would hold. */
static const char *bound(const struct launch *launch)
{
    static const enum option bounds[] = {REPLAY, MAX_COST, MAX_TOKENS};

    for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++)
        if (launch->given[bounds[i]])
            return options[bounds[i]].name;
    return NULL;
}

static int wrong(const struct launch *launch, const char *text,
                 const char *rest, const char *near)
{
    llmobs_tell("%s: %s%s", launch->self, text, rest);
    llmobs_suggest_option(near, launch->self);
    return -EINVAL;
}

/* Takes the option at *argv and its value, and moves *argv behind them. */
static int take(struct launch *launch, char ***argv)
{
    static char on[] = "1";
    char *word = *(*argv)++, *joined = strchr(word, '='), *value = on;
    struct llmobs_suggest suggest;
    int i = 0;

    if (joined)
        *joined++ = '\0';
    while (i < OPTION_COUNT && strcmp(word, options[i].name) != 0)
        i++;
    if (i == OPTION_COUNT) {
        llmobs_suggest_init(&suggest, word + strspn(word, "-"));
        for (i = 0; i < OPTION_COUNT; i++)
            llmobs_suggest_offer(&suggest, options[i].name + 2);
        return wrong(launch, "no such option: ", word, suggest.best);
    }
    if (i >= RELAY && joined)
        return wrong(launch, word, " takes no value", NULL);
    if (i < RELAY)
        value = joined ? joined : *(*argv)++;
    if (!value)
        return wrong(launch, word, " needs a value", NULL);
    if (i == WORKFLOW && *value == '\0')
        return wrong(launch, word, " needs a name", NULL);
    /* Only its characters: the tool reads it before anything runs. */
    if ((i == MAX_COST || i == MAX_TOKENS) &&
        (*value == '\0' ||
         value[strspn(value, i == MAX_COST ? "0123456789." : "0123456789")]))
        return wrong(launch, word, " needs a number", NULL);
    if (i == INTERCEPT_NOT && launch->given[i] &&
        asprintf(&value, "%s,%s", launch->given[i], value) < 0)
        return -ENOMEM;
    launch->given[i] = value;
    return 0;
}

/* 1: the help is wanted. */
static int parse(struct launch *launch, char **argv)
{
    int rc = 0;

    while (rc == 0 && *argv && **argv == '-') {
        if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0)
            return 1;
        if (strcmp(*argv, "--") == 0) {
            argv++;
            break;
        }
        rc = take(launch, &argv);
    }
    launch->command = argv;
    if (rc == 0 && !*argv)
        return wrong(launch, "no command to run", "", NULL);
    /* The proxy would lead calls to the models. */
    if (rc == 0 && launch->given[REPLAY] && launch->given[INTERCEPT])
        return wrong(launch, "--replay and --intercept", " exclude each other",
                     NULL);
    if (rc == 0 && launch->given[INTERCEPT_NOT] && !launch->given[INTERCEPT])
        return wrong(launch, "--intercept-not", " needs --intercept", NULL);
    return rc;
}

/* -- recording ------------------------------------------------------------- */

/* Cut bodies cannot be served again: so, if the user sets no limit, memory
 * keeps more of a body than usual. */
static const char *const record_limits[][2] = {
    {"LLMOBS_CAPTURE_MAX", "134217728"}, {"LLMOBS_BUFFER_MAX", "1073741824"}};

/* Hands an id on to all that the command starts, unless this command belongs to
 * a run already, or is to get one with its limit (cli/limit.c). An interactive
 * shell, a server and a container have no end that would make one run of their
 * calls. */
static int add_run(struct launch *launch, struct llmobs_text words,
                   enum llmobs_script kind, struct llmobs_text script)
{
    struct llmobs_environment *environment = &launch->environment;
    char text[RUN_DIGITS + 1];
    uint64_t id;

    if (*llmobs_environment_get(environment, "LLMOBS_RUN") ||
        launch->given[MAX_COST] || launch->given[MAX_TOKENS] ||
        launch->entrypoint || launch->given[INBOUND] ||
        llmobs_script_serves(words, kind, script) ||
        (kind == LLMOBS_SCRIPT_OTHER && llmobs_script_is_of(words, SHELLS) &&
         isatty(STDIN_FILENO)) ||
        getrandom(&id, sizeof(id), 0) != sizeof(id))
        return 0;
    snprintf(text, sizeof(text), "%016" PRIx64, id);
    return llmobs_environment_set(environment, "LLMOBS_RUN", text);
}

/* Tells the command's children which script and which run they belong to: by
 * their parents alone each would have to find out, and some would not. */
static int add_origin(struct launch *launch)
{
    struct llmobs_text path, all;
    size_t len = 0;
    enum llmobs_script kind;
    char *words, *at, *text = NULL;
    int rc = 0;

    for (char **word = launch->command; *word; word++)
        len += strlen(*word) + 1;
    at = words = malloc(len);
    for (char **word = launch->command; at && *word; word++)
        at = stpcpy(at, *word) + 1;
    if (!words)
        return 0;
    all = (struct llmobs_text){words, len};
    kind = llmobs_script_read(all, &path);
    if (kind == LLMOBS_SCRIPT_FILE)
        text = strndup(path.data, path.len);
    if (text)
        rc =
            llmobs_environment_set(&launch->environment, "LLMOBS_SCRIPT", text);
    if (rc == 0)
        rc = add_run(launch, all, kind, path);
    free(words);
    free(text);
    return rc;
}

static int add_options(struct launch *launch)
{
    int rc = llmobs_environment_init(&launch->environment, environ);

    /* A user who names the launcher wants a relay, in a service too; the
     * entrypoint delivers by itself at the end. */
    if (rc == 0 && !launch->entrypoint && !getenv("LLMOBS_LAUNCHED"))
        rc = llmobs_environment_set(&launch->environment, "LLMOBS_LAUNCHED",
                                    "1");
    for (int i = 0; i < OPTION_COUNT && rc == 0; i++)
        if (options[i].variable && launch->given[i])
            rc = llmobs_environment_set(&launch->environment,
                                        options[i].variable, launch->given[i]);
    if (rc == 0 && launch->given[RECORD]) {
        for (size_t i = 0;
             i < sizeof(record_limits) / sizeof(*record_limits) && rc == 0; i++)
            if (!getenv(record_limits[i][0]))
                rc = llmobs_environment_set(&launch->environment,
                                            record_limits[i][0],
                                            record_limits[i][1]);
    }
    launch->workflow = launch->given[WORKFLOW];
    return rc == 0 ? add_origin(launch) : rc;
}

/* -- what is run ----------------------------------------------------------- */

static int run_tell(const struct launch *launch, const char *text,
                    const char *what, const char *rest)
{
    llmobs_tell("%s: %s%s%s%s\n", launch->self, text, what, rest,
                bound(launch) ? "" : ": not observed");
    return STATUS_ABSENT;
}

/* Finds library and tool. 0, or the exit status. */
static int run_find(struct launch *launch)
{
    struct llmobs_preload *preload = &launch->preload;

    switch (llmobs_preload_find(preload)) {
    case 0:
        return 0;
    case -ENOTDIR:
        return run_tell(launch, "LLMOBS_BUILD: no such directory: ",
                        getenv("LLMOBS_BUILD"), "");
    case -ENOENT:
        return run_tell(launch, "", preload->library,
                        llmobs_preload_remedy(preload->library));
    case -EINVAL:
        run_tell(launch,
                 "cannot preload from a path with ':', '$' or a blank in it: ",
                 preload->library, "");
        return STATUS_REFUSED;
    default:
        return run_tell(launch, "cannot find its own directory", "", "");
    }
}

/* Runs the tool without output, or with its standard error; true where it exits
 * with 0. SIGCHLD must have its default here, or the status would be lost; in
 * the tool all signals have theirs, whatever CMD will have. */
static bool tool_does(char **words, char *const *environment, bool tells)
{
    struct sigaction before, by_default = {.sa_handler = SIG_DFL};
    posix_spawn_file_actions_t quiet;
    posix_spawnattr_t how;
    sigset_t all, none;
    int status = -1;
    pid_t pid;

    if (posix_spawn_file_actions_init(&quiet) != 0)
        return false;
    posix_spawnattr_init(&how);
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&how, &all);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setflags(&how,
                             POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    sigaction(SIGCHLD, &by_default, &before);
    for (int fd = 0; fd < (tells ? 2 : 3); fd++)
        posix_spawn_file_actions_addopen(&quiet, fd, "/dev/null", O_RDWR, 0);
    if (posix_spawn(&pid, words[0], &quiet, &how, words, environment) == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    sigaction(SIGCHLD, &before, NULL);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&quiet);
    return status == 0;
}

/* A variable of CMD's environment; NULL: it is unset or empty. */
static char *variable(const struct launch *launch, const char *name)
{
    const char *value = llmobs_environment_get(&launch->environment, name);

    return *value ? (char *)(uintptr_t)value : NULL;
}

/* True where a process has left a file in the spool, at its usual place or that
 * of the environment. */
static bool has_files(const struct launch *launch)
{
    const struct llmobs_config config = {
        .store_dir = variable(launch, "LLMOBS_STORE_DIR"),
        .xdg_state_home = variable(launch, "XDG_STATE_HOME"),
        .home = variable(launch, "HOME")};
    const char *spool = variable(launch, "LLMOBS_SPOOL_DIR");
    char path[PATH_MAX];
    struct dirent *entry;
    bool any = false;
    DIR *dir = NULL;

    if (spool ||
        llmobs_config_base_dir(&config, "/spool", path, sizeof(path)) == 0)
        dir = opendir(spool ? spool : path);
    while (dir && !any && (entry = readdir(dir)))
        any = entry->d_name[0] && strchr("ocr", entry->d_name[0]) &&
              entry->d_name[1] == '.';
    if (dir)
        closedir(dir);
    return any;
}

/* -- the exec -------------------------------------------------------------- */

/* The size as the kernel counts it: the strings, and a pointer to each. */
static size_t weigh(char *const *strings, bool *fits)
{
    size_t sum = 0;

    for (; *strings; strings++) {
        size_t len = strlen(*strings) + 1;

        *fits = *fits && len <= STRING_MAX_BYTES;
        sum += len + sizeof(*strings);
    }
    return sum;
}

static char **add_tool(char **at, struct launch *launch, char *command)
{
    *at++ = launch->preload.tool;
    *at++ = command;
    *at++ = "--preload";
    *at++ = launch->preload.listed;
    return at;
}

/* Gives the command with the words of the tools that stay around it; NULL: no
 * tool stays, or memory ran out. */
static char **around(struct launch *launch)
{
    size_t count = 0;
    char **words, **at;

    if (!launch->stays && !launch->workflow && !bound(launch) &&
        !launch->given[INTERCEPT])
        return NULL;
    while (launch->command[count])
        count++;
    at = words = calloc(TOOL_WORDS + count + 1, sizeof(*words));
    if (!words)
        return NULL;
    if (launch->stays) {
        at = add_tool(at, launch, "entrypoint");
        *at++ = "--";
    }
    if (launch->given[REPLAY]) {
        at = add_tool(at, launch, "mock");
        *at++ = "--replay";
        *at++ = launch->given[REPLAY];
        *at++ = "--";
    }
    if (launch->workflow) {
        at = add_tool(at, launch, "workflow");
        *at++ = "--name";
        *at++ = launch->workflow;
        *at++ = "--";
    }
    if (launch->given[MAX_COST] || launch->given[MAX_TOKENS]) {
        at = add_tool(at, launch, "limit");
        for (enum option i = MAX_COST; i <= MAX_TOKENS; i++)
            if (launch->given[i]) {
                *at++ = (char *)(uintptr_t)options[i].name;
                *at++ = launch->given[i];
            }
        *at++ = "--";
    }
    /* The innermost: its spans have what the others say of the command. */
    if (launch->given[INTERCEPT]) {
        at = add_tool(at, launch, "intercept");
        if (launch->given[INTERCEPT_NOT]) {
            *at++ = "--not";
            *at++ = launch->given[INTERCEPT_NOT];
        }
        *at++ = "--";
    }
    memcpy(at, launch->command, count * sizeof(*at));
    return words;
}

static int run_refuse(const struct launch *launch)
{
    llmobs_tell("%s: %s: no memory, or no room for its variables\n",
                launch->self, bound(launch));
    return STATUS_REFUSED;
}

static int run_run(struct launch *launch)
{
    char *tool = launch->preload.tool;
    char *try[] = {tool, (char[]){"version"}, NULL};
    char *relay[] = {tool, (char[]){"relay"}, (char[]){"--background"}, NULL};
    char *waits[] = {tool, (char[]){"drain"}, (char[]){"--waits"}, NULL};
    struct llmobs_environment *environment = &launch->environment;
    long max = sysconf(_SC_ARG_MAX);
    const char *inbound;
    bool fits = true;
    char **words;
    size_t sum;
    int rc;

    /* A tool that was built for another libc does not start. */
    launch->stays = launch->entrypoint && tool_does(try, environ, false);
    if (launch->entrypoint && !launch->stays)
        launch->workflow = NULL;
    if ((launch->workflow || launch->given[INTERCEPT] || bound(launch)) &&
        access(launch->preload.tool, X_OK) != 0) {
        llmobs_tell("%s: %s%s%s\n", launch->self, launch->preload.tool,
                    llmobs_preload_remedy(launch->preload.tool),
                    bound(launch)      ? ""
                    : launch->workflow ? ": --workflow is left out"
                                       : ": --intercept is left out");
        if (bound(launch))
            return STATUS_ABSENT;
        launch->workflow = launch->given[INTERCEPT] = NULL;
    }
    if (launch->given[INBOUND] &&
        llmobs_glob_listed(LLMOBS_UNSERVED, *launch->command))
        llmobs_tell(
            "%s: --inbound has no effect on %s, but on " LLMOBS_SERVED_WORDS
            "\n",
            launch->self, *launch->command);
    /* The variables for the tools, and for a command without a tool. */
    rc = llmobs_preload_enable(environment);
    inbound = llmobs_environment_get(environment, "LLMOBS_INBOUND");
    if (rc == 0 &&
        (strcmp(inbound, "1") == 0 || strcasecmp(inbound, "true") == 0 ||
         strcasecmp(inbound, "on") == 0))
        rc = hooks_add(environment);
    if (rc == 0)
        rc = llmobs_environment_init(&launch->whole, environment->entries);
    if (rc == 0)
        rc = llmobs_preload_join(&launch->whole, launch->preload.listed);
    if (rc != 0)
        return bound(launch)
                   ? run_refuse(launch)
                   : llmobs_environment_become(&launch->bare, launch->self,
                                               launch->command);
    /* Returns when a relay delivers. If no relay can be had, CMD delivers by
     * itself, and the tool has said why in the log. Not if CMD is the first
     * process of a pid namespace: the kernel would kill the relay with it,
     * before the last calls are sent. */
    if (launch->given[RELAY] && (launch->stays || getpid() != 1))
        (void)tool_does(relay, environment->entries, false);
    /* Calls that wait would end unseen where nobody asks for them. On a
     * terminal alone, for cron mails what stands on stderr. */
    if (isatty(STDERR_FILENO) && has_files(launch))
        (void)tool_does(waits, environment->entries, true);
    words = around(launch);
    /* The kernel might refuse the command with all added variables. That is
     * decided early, since the tool cannot leave anything out later. */
    max = max > STRINGS_MAX_BYTES ? STRINGS_MAX_BYTES : max;
    sum = words ? weigh(launch->whole.entries, &fits) + weigh(words, &fits) : 0;
    if (words && fits && sum + ADDED_LATER <= (size_t)max)
        return llmobs_environment_become(&launch->environment, launch->self,
                                         words);
    if (bound(launch))
        return run_refuse(launch);
    return llmobs_environment_become(&launch->whole, launch->self,
                                     launch->command);
}

int llmobs_cmd_run(int argc, char **argv)
{
    static struct launch launch;
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *last = slash ? slash + 1 : argc > 0 ? argv[0] : "";
    const char *record;
    enum name name = NAME_COUNT - 1; /* any unknown one is the launcher's */
    int rc;

    while (name > LAUNCHER && strcmp(last, names[name]) != 0)
        name--;
    launch.self = names[name];
    launch.entrypoint = name == ENTRYPOINT;
    rc = parse(&launch, argv + (argc > 0));
    if (rc != 0)
        return rc > 0 ? usage(&launch) : STATUS_USAGE;
    /* Makes the directory if it is missing, and takes its absolute path, since
     * CMD may change its own directory. Says why nothing can be recorded:
     * otherwise the user would only notice it later. */
    record = launch.given[RECORD];
    launch.given[RECORD] = NULL;
    if (record && (mkdir(record, 0700) == 0 || errno == EEXIST) &&
        access(record, R_OK | W_OK | X_OK) == 0)
        launch.given[RECORD] = realpath(record, NULL);
    if (record && !launch.given[RECORD]) {
        llmobs_tell("%s: --record %s: %s\n", launch.self, record,
                    strerror(errno));
        return STATUS_USAGE;
    }
    if (add_options(&launch) != 0)
        return bound(&launch) ? run_refuse(&launch)
                              : llmobs_environment_become(
                                    &launch.bare, launch.self, launch.command);
    rc = run_find(&launch);
    if (rc == 0)
        return run_run(&launch);
    return bound(&launch)
               ? rc
               : llmobs_environment_become(&launch.environment, launch.self,
                                           launch.command);
}
