/* tools - the names of the tools that the answers of a store have called, by
 * the ids of the calls. A request brings the result of a tool without its call
 * where the server keeps the history, as it does over a websocket.
 *
 * Owns:    the names, until _of is called again.
 * Threads: one.
 * Errors:  none: of a store that cannot be read no name is known.
 */
#ifndef LLMOBS_QUERY_TOOLS_H
#define LLMOBS_QUERY_TOOLS_H

#include "lib/base/buf.h"

/* Sets the store, which is read once the first name is asked for. Borrows the
 * path. */
void llmobs_tools_of(const char *store);

/* Adds the calls of a line that came later. */
void llmobs_tools_add(struct llmobs_text line);

/* The name of the tool that a call of this id called; NULL: none is known, the
 * id is one that a server may give twice, or it has two names. */
const char *llmobs_tools_name(const char *id);

#endif
