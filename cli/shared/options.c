/* Parses command lines by tables of options, and explains mistakes. */
#include "cli/shared/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/shared/cli.h"
#include "cli/shared/embed.h"
#include "cli/shared/escape.h"
#include "cli/shared/reader.h"
#include "cli/shared/suggest.h"
#include "cli/shared/tell.h"
#include "core/config/config.h"

#define PORT_MAX 65535

/* The bound of a spool, in bytes, that a command takes care of where the
 * configuration has none. */
#define SPOOL_MAX ((int64_t)256 * 1024 * 1024)

static char **arguments;

/* -- refusals -------------------------------------------------------------- */

int llmobs_cli_refuse(const char *option, const char *value, const char *why)
{
    llmobs_tell("%s: --%s%s%s: %s\n", arguments[0], option, value ? " " : "",
                value && *value == '\0' ? "''"
                : value                 ? value
                                        : "",
                why);
    return -EINVAL;
}

int llmobs_cli_wrong(const char *why, const char *what)
{
    llmobs_tell("%s: %s%s", arguments[0], why, what);
    llmobs_suggest_option(NULL, arguments[0]);
    return LLMOBS_CLI_USAGE;
}

/* Options that there were once, and what does the same now. */
static const struct {
    const char *command, *name, *instead;
} gone[] = {
    {"llmobs doctor", "cost", "docs/PERFORMANCE.md has what observing costs"},
    {"llmobs drain", "watch", "llmobs relay goes on until TERM"},
    {"llmobs ps", "stack", "gdb and py-spy show where a program waits"},
    {"llmobs ps", "watch", "watch -n 1 llmobs ps lists them anew"},
    {"llmobs view", "chrome-trace", "the page of --html draws the waterfall"},
    {"llmobs view", "diff", "Compare on the page of --html compares traces"},
    {"llmobs view", "sessions", "--summary --by session has a line of each"},
    {"llmobs view", "waste", "docs/VIEW.md finds such calls with SQLite"},
};

/* Reports the option for which getopt_long has just returned ? or :, and the
 * option that the user may have meant. */
static void refuse_option(char **argv, const struct option *options, int code)
{
    char name[LLMOBS_SUGGEST_MAX], shown[LLMOBS_ESCAPE_NAME];
    char letter[] = {'-', (char)optopt, '\0'};
    bool is_letter = strncmp(argv[optind - 1], "--", 2) != 0;
    const char *typed = is_letter ? letter : argv[optind - 1];
    const char *instead = NULL;
    struct llmobs_suggest suggest;

    llmobs_escape_name(typed, shown);
    if (code == ':' || (!is_letter && optopt != 0)) {
        llmobs_cli_wrong(shown,
                         code == ':' ? " needs a value" : " takes no value");
        return;
    }
    llmobs_suggest_init(&suggest, "");
    if (!is_letter) {
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(typed + 2, "="),
                 typed + 2);
        for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
            if (strcmp(gone[i].command, argv[0]) == 0 &&
                strcmp(gone[i].name, name) == 0)
                instead = gone[i].instead;
        llmobs_suggest_init(&suggest, name);
        for (const struct option *at = options; at->name; at++)
            llmobs_suggest_offer(&suggest, at->name);
    }
    llmobs_tell("%s: no such option: %s", argv[0], shown);
    if (instead)
        llmobs_tell("; %s\n", instead);
    else
        llmobs_suggest_option(suggest.best, argv[0]);
}

/* -- the command line ------------------------------------------------------ */

#define ROWS_MAX 63
#define LONG_ONLY 256 /* the code of the first row without a letter */

static bool help_wanted;

const char *llmobs_cli_next(void)
{
    return arguments[optind];
}

int llmobs_cli_flag(const struct llmobs_cli_option *option, const char *value)
{
    (void)value;
    *(bool *)option->to = option->value;
    return 0;
}

int llmobs_cli_pick(const struct llmobs_cli_option *option, const char *value)
{
    (void)value;
    *(int *)option->to = option->value;
    return 0;
}

int llmobs_cli_text(const struct llmobs_cli_option *option, const char *value)
{
    *(const char **)option->to = value;
    return 0;
}

int llmobs_cli_filled(const struct llmobs_cli_option *option, const char *value)
{
    return *value != '\0'
               ? llmobs_cli_text(option, value)
               : llmobs_cli_refuse(option->name, value, "an empty name");
}

int llmobs_cli_port(const struct llmobs_cli_option *option, const char *value)
{
    unsigned *out = option->to;
    char *end;
    long port = strtol(value, &end, 10);

    if (end == value || *end != '\0' || port < 0 || port > PORT_MAX)
        return llmobs_cli_refuse(option->name, value,
                                 "no port from 0 to 65535");
    *out = (unsigned)port;
    return 0;
}

int llmobs_cli_seconds(const struct llmobs_cli_option *option,
                       const char *value)
{
    long *out = option->to;
    char *end, why[64];

    *out = strtol(value, &end, 10);
    if (end != value && *end == '\0' && *out >= 1 &&
        *out <= LLMOBS_CLI_SECONDS_MAX)
        return 0;
    snprintf(why, sizeof(why), "no number of seconds from 1 to %d",
             LLMOBS_CLI_SECONDS_MAX);
    return llmobs_cli_refuse(option->name, value, why);
}

int llmobs_cli_command(const struct llmobs_cli_option *option,
                       const char *value)
{
    (void)value;
    *(char ***)option->to = arguments + optind;
    if (arguments[optind] || option->value != 0 || help_wanted)
        return 0;
    llmobs_cli_wrong("no command to run", "");
    return -EINVAL;
}

/* Fills the tables of getopt_long; gives the row behind the last option. */
static const struct llmobs_cli_option *list(
    const struct llmobs_cli_option *rows, struct option *longs, char *shorts)
{
    const struct llmobs_cli_option *row = rows;

    shorts += sprintf(shorts, ":h");
    for (; row->name && row < rows + ROWS_MAX; row++, longs++) {
        int code =
            row->letter != 0 ? row->letter : LONG_ONLY + (int)(row - rows);

        *longs = (struct option){row->name, row->arg, NULL, code};
        if (row->letter != 0)
            shorts += sprintf(shorts, "%c%s", row->letter,
                              row->arg != no_argument ? ":" : "");
    }
    longs[0] = (struct option){"help", no_argument, NULL, 'h'};
    longs[1] = (struct option){0};
    return row;
}

/* -- what --help prints --------------------------------------------------- */

#define TEXTS(X)  \
    X(doctor)     \
    X(drain)      \
    X(entrypoint) \
    X(evaluate)   \
    X(feedback)   \
    X(intercept)  \
    X(limit)      \
    X(mock)       \
    X(ps)         \
    X(purge)      \
    X(relay)      \
    X(span)       \
    X(stats)      \
    X(view)       \
    X(workflow)

#define X(name) LLMOBS_EMBED(llmobs_help_##name, "cli/help/" #name ".txt");
TEXTS(X)
#undef X

/* -- all of them ----------------------------------------------------------- */

int llmobs_cli_parse(int argc, char **argv,
                     const struct llmobs_cli_option *rows)
{
    static const struct {
        const char *command, *text;
    } texts[] = {
#define X(name) {"llmobs " #name, llmobs_help_##name},
        TEXTS(X)
#undef X
    };
    struct option longs[ROWS_MAX + 2];
    char all[2 * ROWS_MAX + 4] = "+", *shorts = all + 1;
    char room[LLMOBS_ESCAPE_NAME];
    const struct llmobs_cli_option *words = list(rows, longs, shorts);
    bool command = words->set == llmobs_cli_command;
    int code, rc = 0;
    size_t i = 0;

    arguments = argv;
    help_wanted = false;
    opterr = 0;
    shorts -= command;
    while (rc == 0 &&
           (code = getopt_long(argc, argv, shorts, longs, NULL)) >= 0) {
        const struct llmobs_cli_option *row = rows;

        if (code == '?' || code == ':') {
            refuse_option(argv, longs, code);
            rc = -EINVAL;
            break;
        }
        help_wanted |= code == 'h';
        if (code == 'h')
            continue;
        while (row->letter != code && LONG_ONLY + (row - rows) != code)
            row++;
        if (row->asked &&
            llmobs_buf_addf(row->asked, "%s--%s%s%s",
                            row->asked->len > 0 ? " " : "", row->name,
                            optarg ? " " : "", optarg ? optarg : "") != 0)
            rc = -ENOMEM;
        else
            rc = row->set(row, optarg);
    }
    /* The arguments behind the options, if the command takes any. */
    if (rc == 0 && command)
        rc = words->set(words, NULL);
    for (; rc == 0 && !command && optind < argc; optind++)
        if (words->set) {
            rc = words->set(words, argv[optind]);
        } else {
            llmobs_cli_wrong("unexpected argument: ",
                             llmobs_escape_name(argv[optind], room));
            rc = -EINVAL;
        }
    if (rc != 0 && rc != -EINVAL)
        llmobs_tell("%s: %s\n", argv[0], strerror(-rc));
    if (rc == 0 && help_wanted) {
        while (strcmp(texts[i].command, argv[0]) != 0)
            i++;
        fputs(texts[i].text, stdout);
    }
    return rc != 0 ? LLMOBS_CLI_USAGE : help_wanted ? LLMOBS_CLI_OK : -1;
}

/* -- the configuration ----------------------------------------------------- */

static void ignore(void *ctx, const char *text)
{
    (void)ctx;
    (void)text;
}

struct llmobs_config *llmobs_cli_config(const char *store)
{
    struct llmobs_config *config =
        llmobs_config_load((const char *const *)environ, ignore, NULL);

    if (!config || !store)
        return config;
    free(config->store_dir);
    config->store_dir = strdup(store);
    if (config->store_dir)
        return config;
    llmobs_config_free(config);
    return NULL;
}

void llmobs_cli_no_store(const char *command, const char *dir)
{
    char room[LLMOBS_ESCAPE_NAME];

    llmobs_tell(
        "%s: no such directory: %s (nothing was recorded there; `llmobs "
        "doctor --run CMD` tells why)\n",
        command, llmobs_escape_name(dir, room));
}

/* Writes the path of a file, which may not exist yet, without links; "" if that
 * is not possible. */
static void locate(const char *path, char at[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX] = ".", dir[PATH_MAX];

    if (realpath(path, at))
        return;
    if (slash)
        snprintf(folder, sizeof(folder), "%.*s/", (int)(slash - path), path);
    if (!realpath(folder, dir) ||
        snprintf(at, PATH_MAX, "%s/%s", dir, slash ? slash + 1 : path) >=
            PATH_MAX)
        at[0] = '\0';
}

bool llmobs_cli_spares_store(const char *command, const char *path,
                             const char *store)
{
    char at[PATH_MAX], dir[PATH_MAX], room[LLMOBS_ESCAPE_NAME];
    const char *file;

    if (!path || strcmp(path, "-") == 0 || !realpath(store, dir))
        return true;
    locate(path, at);
    /* A store's directory may also have other files than its own, as where it
     * is the only directory that a service may write to. */
    file = at + strlen(dir);
    if (strncmp(at, dir, strlen(dir)) != 0 || *file++ != '/' ||
        !(strncmp(file, "stats/", 6) == 0 || strncmp(file, "spool/", 6) == 0 ||
          strcmp(file, LLMOBS_MARKS_FILE) == 0 ||
          (!strchr(file, '/') && llmobs_reader_takes(file))))
        return true;
    llmobs_tell("%s: %s: that is a name of the store's files\n", command,
                llmobs_escape_name(path, room));
    return false;
}

void llmobs_cli_have_spool(struct llmobs_config *config)
{
    if (config->spool_max <= 0)
        config->spool_max = SPOOL_MAX;
}
