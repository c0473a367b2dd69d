/* node - has Node load the hook of LLMOBS_INBOUND, and takes its commands.
 *
 * Node ends if it cannot read a file that NODE_OPTIONS name. So no environment
 * names the hook: Node gets it as it asks for NODE_OPTIONS, if the file can be
 * read. Once the hook runs, the variable has its own value again. JavaScript
 * cannot call a function of C, but it can write to any descriptor: the hook
 * writes its commands (core/capture/command.h) to one that no process has.
 *
 * Owns:    the value that Node gets.
 * Threads: Node asks before it starts threads; commands come from any thread.
 * Errors:  without the hook Node runs as it does without the library.
 */
#ifndef LLMOBS_NODE_H
#define LLMOBS_NODE_H

#include "shim/libc_calls.h"

/* Within a scan: true, once, where the slots of LLMOBS_LIBC_NODE_CALLS are to
 * be patched from now on. */
bool llmobs_node_decide(void);

/* The function for the patched slots of such a call. */
void *llmobs_node_function(enum llmobs_libc_call call);

#endif
