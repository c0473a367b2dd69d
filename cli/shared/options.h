/* options - options of commands, read in one way.
 *
 * Threads: one.
 * Errors:  -EINVAL; the message is on stderr then: one line that names the
 *          command, the reason, and the remedy.
 */
#ifndef LLMOBS_OPTIONS_H
#define LLMOBS_OPTIONS_H

#include <inttypes.h>
#include <stdint.h>

#include "lib/base/buf.h"

/* A row of a command's table of options. The last row has no name: its `set`
 * takes each further argument; NULL: there may be none. Every command has
 * --help and -h. */
struct llmobs_cli_option {
    const char *name;
    /* Takes the value, NULL where there is none. 0, -EINVAL after a message, or
     * another -errno, whose text llmobs_cli_parse prints. */
    int (*set)(const struct llmobs_cli_option *option, const char *value);
    void *to;   /* where `set` puts the value; borrowed */
    int letter; /* 0: none */
    int arg;    /* no_argument, required_argument or optional_argument */
    int value;  /* the number that the option stands for */
    struct llmobs_buf *asked; /* notes the option as it was typed; NULL: no */
};

#define LLMOBS_CLI_FLAG(name, to)                   \
    {                                               \
        name, llmobs_cli_flag, to, 0, 0, true, NULL \
    }
#define LLMOBS_CLI_PICK(name, to, value)             \
    {                                                \
        name, llmobs_cli_pick, to, 0, 0, value, NULL \
    }
#define LLMOBS_CLI_VALUE(name, set, to) \
    {                                   \
        name, set, to, 0, 1, 0, NULL    \
    }
#define LLMOBS_CLI_WORDS(set, to)    \
    {                                \
        NULL, set, to, 0, 0, 0, NULL \
    }
#define LLMOBS_CLI_END LLMOBS_CLI_WORDS(NULL, NULL)
/* The last row where a command to run stands behind the options: an option
 * behind its name is its own. `to`, a char **, gets its words. A `value` that
 * is not 0: there need be none. */
#define LLMOBS_CLI_COMMAND(to) LLMOBS_CLI_WORDS(llmobs_cli_command, to)

/* A `set` for a bool and an enum, which get option->value, a text, a text that
 * is not empty (const char *), a long of 1 to LLMOBS_CLI_SECONDS_MAX, and a
 * port (unsigned) or 0. */
#define LLMOBS_CLI_SECONDS_MAX 86400
int llmobs_cli_flag(const struct llmobs_cli_option *option, const char *value);
int llmobs_cli_pick(const struct llmobs_cli_option *option, const char *value);
int llmobs_cli_text(const struct llmobs_cli_option *option, const char *value);
int llmobs_cli_filled(const struct llmobs_cli_option *option,
                      const char *value);
int llmobs_cli_seconds(const struct llmobs_cli_option *option,
                       const char *value);
int llmobs_cli_port(const struct llmobs_cli_option *option, const char *value);
int llmobs_cli_command(const struct llmobs_cli_option *option,
                       const char *value);

/* Reads the arguments by the rows. Returns -1 where the command goes on, else
 * its exit status: it has printed the help or a message. */
int llmobs_cli_parse(int argc, char **argv,
                     const struct llmobs_cli_option *rows);

/* Prints why the command refuses the value of an option, or with NULL the
 * option; returns -EINVAL. llmobs_cli_parse must have begun, also for the next.
 */
int llmobs_cli_refuse(const char *option, const char *value, const char *why);

/* Prints why the command refuses its arguments, `why` and `what` behind each
 * other, and where its help is; returns LLMOBS_CLI_USAGE. */
int llmobs_cli_wrong(const char *why, const char *what);

/* Why a value of --kind is refused. */
#define LLMOBS_CLI_KINDS                                                \
    "no such kind of span; there are llm, embedding, workflow, agent, " \
    "task, tool, retrieval"

/* Gives the argument that comes after the option that is being read; NULL:
 * there is none. A `set` that uses it adds 1 to optind. */
const char *llmobs_cli_next(void);

/* Gives the environment's configuration, with `store` as its store unless that
 * is NULL; NULL without memory. */
struct llmobs_config *llmobs_cli_config(const char *store);

/* Prints that the directory `dir` does not exist, and where to look for the
 * reason. */
void llmobs_cli_no_store(const char *command, const char *dir);

/* Returns false, after a message, if writing the output to `path` would replace
 * a file of the store, or make a file that the store would read as its own.
 * NULL and "-" are no files. */
bool llmobs_cli_spares_store(const char *command, const char *path,
                             const char *store);

/* The end of a line, with its numbers: so many files are of another version,
 * and this version leaves them alone. */
#define LLMOBS_CLI_VERSIONS(files)                                   \
    "%" PRIu64 " file%s of another version of llmobs-preload: only " \
    "that version reads %s",                                         \
        files, (files) == 1 ? "" : "s", (files) == 1 ? "it" : "them"

/* Lets a command deliver from a spool that the configuration switches off. */
void llmobs_cli_have_spool(struct llmobs_config *config);

#endif
