/* config_peers - where events go: the agent and the intake, with their keys;
 * and the URLs of the app's own telemetry, which is never observed. */
#ifndef LLMOBS_CONFIG_PEERS_H
#define LLMOBS_CONFIG_PEERS_H

#include "core/config/config_load.h"

void llmobs_config_read_peers(struct llmobs_config_loading *loading);

/* True where a variable names a destination of Datadog's for spans. */
bool llmobs_config_names_datadog(const struct llmobs_config_loading *loading);

/* True for "http://host..." and "https://host...". */
bool llmobs_config_is_http(const char *url);

/* False if an http URL names a port to which no request can be sent. A URL
 * without a port, even with a bare colon, has the port of its scheme. */
bool llmobs_config_has_port(const char *url);

#endif
