/* options - options of commands, read in one way.
 *
 * Threads: one.
 * Errors:  -EINVAL; the message is on stderr then.
 */
#ifndef LLMOBS_OPTIONS_H
#define LLMOBS_OPTIONS_H

struct option;

/* Hands each option to `apply` ("h" too), which answers 0 or -EINVAL. `letters`
 * are further short options, as getopt takes them. No other arguments may
 * follow. Prints the fault. */
int llmobs_cli_parse(int argc, char **argv, const char *letters,
                     const struct option *options,
                     int (*apply)(void *ctx, int code, const char *value),
                     void *ctx);

/* The same, and hands over each further argument with LLMOBS_CLI_WORD. */
#define LLMOBS_CLI_WORD 1
int llmobs_cli_parse_words(int argc, char **argv, const char *letters,
                           const struct option *options,
                           int (*apply)(void *ctx, int code, const char *value),
                           void *ctx);

/* Tells of the option for which getopt_long has just answered ? or :, and which
 * one may have been meant. opterr is 0 then, and the letters begin with a
 * colon. */
void llmobs_cli_refuse_option(char **argv, const struct option *options,
                              int code);

/* Reads an option's value, 1 to LLMOBS_CLI_SECONDS_MAX. Else -EINVAL and a
 * message with the names of the command and the option. */
#define LLMOBS_CLI_SECONDS_MAX 86400
int llmobs_cli_seconds(const char *command, const char *name, const char *value,
                       long *out);

/* Gives the environment's configuration, with another store where one is
 * named; NULL without memory. */
struct llmobs_config *llmobs_cli_config(const char *store);

/* Says that there is no such directory, and where to look for the reason. */
void llmobs_cli_no_store(const char *command, const char *dir);

/* Lets a command deliver from a spool that the configuration switches off. */
void llmobs_cli_have_spool(struct llmobs_config *config);

#endif
