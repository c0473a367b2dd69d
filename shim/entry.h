/* entry - hooks the calls of an OpenSSL that is inside the program and has no
 * slots, as in the vendor's Node: the entries of its functions become jumps.
 *
 * The jump comes behind the first instruction of SSL_read, SSL_write,
 * SSL_read_ex and SSL_write_ex (lib/elf/prologue.h), and what undoes that one
 * comes before the shim's function. The instructions that were there have a
 * copy in a page below the program, where a jump behind them makes them the way
 * to the real function. The page has rights to write, then to execute. The text
 * is written by /proc/self/mem, which changes no right of it. Only where the
 * kernel does not allow that, the text's pages are writable and executable for
 * a moment; if they lost the right to execute meanwhile, SELinux might not give
 * it back.
 *
 * Owns:    one page, for good.
 * Threads: only while the process has one: at its start, under the scan's lock.
 * Errors:  all four functions are hooked, or none is and the program's memory
 *          is as it was; the doctor and the log give the reason.
 * Limits:  an unwinder that meets the page, for these few instructions, has no
 *          rows for it. SSL_clear and SSL_free are not hooked: the program's
 *          own calls free a connection, which ex_data shows.
 * Fork:    a child has its parent's hooks.
 */
#ifndef LLMOBS_SHIM_ENTRY_H
#define LLMOBS_SHIM_ENTRY_H

#include "shim/elf.h"

/* Hooks the functions that the program exports, and sets the copy's functions
 * of these names. False, and nothing is changed: not all of them can be. */
bool llmobs_entry_hook(const struct llmobs_elf *program, unsigned copy);

#endif
