/* agent_manifest - the description of an agent that the program gives, as
 * Datadog's SDK sends it.
 *
 * Owns:    nothing.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 *
 * Source:  dd-trace-py, ddtrace/llmobs/types.py, AgentManifest, and
 *          _integrations/agent_manifest.py. Settings of the model outside its
 *          list may hold keys (extra_headers): they never leave the process.
 */
#ifndef LLMOBS_AGENT_MANIFEST_H
#define LLMOBS_AGENT_MANIFEST_H

#include "lib/text/json.h"

/* Gives the part of the description that may be sent in *out; NULL: there is
 * none. */
int llmobs_agent_manifest(const struct llmobs_json *given,
                          struct llmobs_json **out);

#endif
