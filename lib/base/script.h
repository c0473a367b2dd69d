/* script - finds in a command line the script that an interpreter runs.
 *
 * A command line may hold a whole program, keys and passwords: of all its words
 * only the path of the script, or a module's name, leaves this file.
 *
 * Owns:    nothing; borrows the words, and gives a part of them.
 * Threads: any.
 * Errors:  none: a command line that is not understood has no script.
 * Limits:  knows the options of the interpreters in script.c. In an unknown
 *          option's value the path of another file may be seen.
 */
#ifndef LLMOBS_SCRIPT_H
#define LLMOBS_SCRIPT_H

#include "lib/base/buf.h"

enum llmobs_script {
    LLMOBS_SCRIPT_OTHER, /* no interpreter, or one that reads its stdin */
    LLMOBS_SCRIPT_FILE,  /* an interpreter with a file */
    LLMOBS_SCRIPT_CODE,  /* an interpreter with a program among its words */
    LLMOBS_SCRIPT_TOOL   /* a tool that runs a command, such as timeout */
};

/* Reads a command line: words, each with a NUL behind it. *out: the path or the
 * module of LLMOBS_SCRIPT_FILE, the program of LLMOBS_SCRIPT_CODE; else empty.
 */
enum llmobs_script llmobs_script_read(struct llmobs_text words,
                                      struct llmobs_text *out);

/* True for the command line of a program that one of these patterns (glob.h)
 * fits: the base name of its first word, without the '-' of a shell that was
 * logged in to. */
bool llmobs_script_is_of(struct llmobs_text words, const char *patterns);

/* True for the command line of a program that serves requests, or starts the
 * work of many, such as php-fpm, gunicorn or cron: what it does is not one run.
 * Knows those in script.c alone. `kind`, `script`: as llmobs_script_read reads
 * it. */
bool llmobs_script_serves(struct llmobs_text words, enum llmobs_script kind,
                          struct llmobs_text script);

/* The part of a path behind its last '/', without the suffix of a script. */
struct llmobs_text llmobs_script_base(struct llmobs_text path);

/* The language of the scripts that a program runs, in small letters, by the
 * name or path of its file; NULL: it runs none. */
const char *llmobs_script_language(const char *program);

/* Takes the folder of a user off the begin of a path, whose name is a person's:
 * `home`, if it is not NULL, /root or /home/NAME. False: it begins with none,
 * or is one; then it stays. */
bool llmobs_script_cut_home(struct llmobs_text *path, const char *home);

#endif
