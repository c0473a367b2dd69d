/* symbol - finds the function that an address is in, by the symbol tables of
 * its object.
 *
 * Owns:    nothing; each call closes the file that it opened.
 * Threads: in_memory and head inside the callback of loaded.h, others outside.
 * Errors:  false or -ENOENT: the tables have no such function; -ENODATA: the
 *          file has no table.
 * Limits:  LLMOBS_SYMBOL_NAME bytes of a name, LLMOBS_SYMBOL_COUNT entries of a
 *          file's table, LLMOBS_SYMBOL_QUICK of one in memory. A function
 * without a size covers LLMOBS_SYMBOL_REACH.
 *
 * Names are as in the tables, so those of C++ are mangled. The suffix that a
 * compiler adds to the name of a function that it changed (".constprop.0") is
 * cut.
 */
#ifndef LLMOBS_SYMBOL_H
#define LLMOBS_SYMBOL_H

#include "lib/elf/loaded.h"

#define LLMOBS_SYMBOL_NAME 128
#define LLMOBS_SYMBOL_COUNT 1000000
#define LLMOBS_SYMBOL_QUICK 20000
#define LLMOBS_SYMBOL_REACH 4096
/* These bytes from an object's beginning show whether a file is the loaded one:
 * they hold its headers, and its build id, which linkers put next. */
#define LLMOBS_SYMBOL_HEAD 1024

struct llmobs_symbol {
    char name[LLMOBS_SYMBOL_NAME];
    uintptr_t offset; /* of the address, from the function's begin */
};

/* A build id as text. */
#define LLMOBS_SYMBOL_ID 65

struct llmobs_symbol_head {
    size_t len; /* 0: these bytes are not in memory */
    unsigned char data[LLMOBS_SYMBOL_HEAD];
};

/* `address` is relative to the object's base, as in its tables. */
bool llmobs_symbol_in_memory(const struct llmobs_loaded *object,
                             uintptr_t address, struct llmobs_symbol *symbol);
void llmobs_symbol_head(const struct llmobs_loaded *object,
                        struct llmobs_symbol_head *head);

/* The build id that is in the first bytes of an object, or, without one, a hash
 * of them; false: there are too few. */
bool llmobs_symbol_id(const struct llmobs_symbol_head *head,
                      char id[LLMOBS_SYMBOL_ID]);

/* Searches the file of an object that this or another process has loaded: the
 * names that it exports, and, unless it is stripped, those of static functions.
 * -ESTALE: the file is gone, or has another build id. */
int llmobs_symbol_by_id(const char *path, const char *id, uintptr_t address,
                        struct llmobs_symbol *symbol);

#endif
