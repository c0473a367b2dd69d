/* tls_auto - of which programs the calls over a TLS library are observed
 * without a variable (LLMOBS_TLS=auto), beside PHP, and by which signs they are
 * left to a tracer in the program's language: theirs and ours would be two
 * spans of one call.
 *
 * Python's ddtrace and OpenTelemetry, and Ruby's, come by a variable that their
 * launchers set, or bring objects of their own; Node's by an option. A tracer
 * that the program starts itself, and that is of its language alone, has no
 * sign until it reports a call (core/capture/judge.c).
 *
 * Owns:    nothing.
 * Threads: any.
 * Errors:  never fails.
 */
#ifndef LLMOBS_TLS_AUTO_H
#define LLMOBS_TLS_AUTO_H

#include "lib/base/glob.h"

/* Patterns of programs (glob.h), whose bytes, status and output are known to
 * stay the same. */
#define LLMOBS_CLIENTS \
    LLMOBS_PYTHON ",ruby*,perl*,lua*,wget,wget2,emacs*," LLMOBS_NODE

/* Its library requests takes a variable before what a program says. */
#define LLMOBS_PYTHON "python*"

/* Those that may have the TLS library inside, and tracers by options. */
#define LLMOBS_NODE "node*"

/* Programs that start no others, and so need no proxy of a run where they are
 * observed or left alone. wget tells servers that it has one, wget2 1.99 speaks
 * TLS to one of plain http, and `curl -i` shows its head. */
#define LLMOBS_ALONE "curl,wget,wget2"

/* Coding agents and runtimes of JavaScript whose TLS is out of reach, but not
 * their plain HTTP. (Agents that are scripts run as node.) */
#define LLMOBS_AGENTS \
    "claude,claude.exe,opencode*,copilot,bun,bun.exe,bunx*,deno"

/* All whose plain HTTP is observed for good, and the letters with which their
 * names begin. */
#define LLMOBS_SOCKET_CLIENTS LLMOBS_CLIENTS "," LLMOBS_AGENTS
#define LLMOBS_SOCKET_CLIENTS_LETTERS "prlwencobd"

/* True where the list of gateways has one by http://. The plain HTTP of any
 * other program is then observed until it listens: servers, such as databases
 * and proxies, are left alone. NULL: no list. */
static inline bool llmobs_lists_plain(const char *urls)
{
    while (urls && *urls)
        if (llmobs_glob_listed("[hH][tT][tT][pP]:/*",
                               llmobs_glob_next(&urls).at))
            return true;
    return false;
}

/* LLMOBS_TLS, and LLMOBS_SOCKETS likewise, says for which programs the library
 * observes calls over a TLS library. AUTO: for programs whose bytes, status and
 * output are known to stay the same. */
enum llmobs_tls_mode { LLMOBS_TLS_AUTO, LLMOBS_TLS_ON, LLMOBS_TLS_OFF };

/* True for the word, which is in small letters, in any case. */
static inline bool llmobs_is_word(const char *value, const char *word)
{
    while (*word && (*value | 0x20) == *word) {
        value++;
        word++;
    }
    return *word == '\0' && *value == '\0';
}

/* `value`: NULL or an unknown one is AUTO. */
static inline enum llmobs_tls_mode llmobs_tls_mode(const char *value)
{
    if (!value)
        return LLMOBS_TLS_AUTO;
    if ((value[0] == '1' && value[1] == '\0') ||
        llmobs_is_word(value, "true") || llmobs_is_word(value, "on"))
        return LLMOBS_TLS_ON;
    return (value[0] == '0' && value[1] == '\0') ||
                   llmobs_is_word(value, "false") ||
                   llmobs_is_word(value, "off")
               ? LLMOBS_TLS_OFF
               : LLMOBS_TLS_AUTO;
}

/* A variable, and a part of its value. */
struct llmobs_tracer_sign {
    char name[20];
    char part[52];
};

static const struct llmobs_tracer_sign llmobs_tracer_signs[] = {
    {"PYTHONPATH", "ddtrace/bootstrap"},
    {"PYTHONPATH", "opentelemetry/instrumentation/auto_instrumentation"},
    {"RUBYOPT", "ddtrace"},
    {"RUBYOPT", "datadog"},
    {"RUBYOPT", "opentelemetry"},
    {"PERL5OPT", "OpenTelemetry"},
    {"TRACELOOP_API_KEY", ""},
    {"TRACELOOP_BASE_URL", ""},
};
#define LLMOBS_TRACER_SIGNS \
    (sizeof(llmobs_tracer_signs) / sizeof(llmobs_tracer_signs[0]))

/* The text behind `with`; NULL: the text does not begin so. */
static inline const char *llmobs_tracer_after(const char *text,
                                              const char *with)
{
    while (*with && *text == *with) {
        text++;
        with++;
    }
    return *with ? NULL : text;
}

static inline bool llmobs_tracer_has(const char *text, const char *part)
{
    while (*text && !llmobs_tracer_after(text, part))
        text++;
    return *text || !*part;
}

/* True for "NAME=value" that is a sign. The names begin with letters from P to
 * T, and those of most variables do not. */
static inline bool llmobs_tracer_set(const char *entry)
{
    bool may_be = entry[0] >= 'P' && entry[0] <= 'T';

    for (size_t i = 0; may_be && i < LLMOBS_TRACER_SIGNS; i++) {
        const struct llmobs_tracer_sign *sign = &llmobs_tracer_signs[i];
        const char *value = entry[0] == sign->name[0]
                                ? llmobs_tracer_after(entry, sign->name)
                                : NULL;

        if (value && *value == '=' && llmobs_tracer_has(value + 1, sign->part))
            return true;
    }
    return false;
}

/* Modules of Node that report a program's calls. */
static const char llmobs_tracer_modules[][16] = {"dd-trace", "opentelemetry",
                                                 "traceloop", "openinference"};

/* True for the value of NODE_OPTIONS, or another text, that names one. */
static inline bool llmobs_tracer_module(const char *text)
{
    for (size_t i = 0;
         i < sizeof(llmobs_tracer_modules) / sizeof(llmobs_tracer_modules[0]);
         i++)
        if (llmobs_tracer_has(text, llmobs_tracer_modules[i]))
            return true;
    return false;
}

/* True for an argument of Node that loads one. `before`: the argument before
 * it. */
static inline bool llmobs_tracer_argument(const char *before,
                                          const char *argument)
{
    static const char options[][22] = {"-r", "--require", "--import",
                                       "--loader", "--experimental-loader"};

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (llmobs_tracer_after(argument, options[i]) ||
            llmobs_tracer_after(before, options[i]))
            return llmobs_tracer_module(argument);
    return false;
}

/* The same in the arguments of a process (/proc/PID/cmdline): `len` bytes, and
 * a NUL behind them. */
static inline bool llmobs_tracer_arguments(const char *text, size_t len)
{
    const char *before = "", *end = text + len;

    while (text < end) {
        if (llmobs_tracer_argument(before, text))
            return true;
        for (before = text; *text;)
            text++;
        text++;
    }
    return false;
}

/* True where a tracer brings the object with that path. `base`: its name. */
static inline bool llmobs_tracer_brings(const char *path, const char **base)
{
    bool brings = false;

    for (*base = path; *path; path++)
        if (*path == '/') {
            *base = path + 1;
            brings = brings || llmobs_tracer_after(path, "/ddtrace/") ||
                     llmobs_tracer_after(path, "/datadog_");
        }
    return brings;
}

#endif
