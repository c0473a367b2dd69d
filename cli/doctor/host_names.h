/* host_names - the addresses of models and gateways, to recognise them at the
 * other end of a connection.
 *
 * A socket has an address and no name, so it looks up the names of
 * rules/providers.c and of the added gateways; for "*.example.com" the name
 * api.example.com. A service that shares its address with a model's host, as in
 * a content delivery network, is taken for that host.
 *
 * Owns:    its lists, from init to fini.
 * Threads: one, in a process that has no other: it forks.
 * Errors:  -ENOMEM, -errno of pipe and fork. A name that is not found in time
 *          is left out.
 * Limits:  LLMOBS_HOST_NAMES names, LLMOBS_HOST_LOOKUP_MS for all look-ups.
 */
#ifndef LLMOBS_HOST_NAMES_H
#define LLMOBS_HOST_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LLMOBS_HOST_NAMES 512
#define LLMOBS_HOST_LOOKUP_MS 3000
#define LLMOBS_HOST_NAME 256

/* The address of a socket's other end; one of IPv4 has the form ::ffff:a.b.c.d.
 */
struct llmobs_host_address {
    unsigned char bytes[16];
    uint16_t port;
};

struct llmobs_host_name {
    char name[LLMOBS_HOST_NAME];
    uint16_t port; /* of a gateway; 0: a model's host, any port */
    bool plain;    /* a gateway's URL is not https:// */
};

struct llmobs_host_known {
    unsigned char bytes[16];
    size_t name; /* the name's index in `names` */
};

struct llmobs_host_names {
    struct llmobs_host_name *names;
    size_t count;
    struct llmobs_host_known *known;
    size_t known_count, known_room;
};

/* Lists the hosts of models. */
int llmobs_host_names_init(struct llmobs_host_names *names);
void llmobs_host_names_fini(struct llmobs_host_names *names);

/* Adds the gateways of a comma-separated list of URLs, each once; NULL: none.
 */
void llmobs_host_names_add(struct llmobs_host_names *names, const char *urls);

/* Looks up the gateways, and with `models` the models' hosts too, in children
 * that end within the time. */
int llmobs_host_names_look_up(struct llmobs_host_names *names, bool models);

/* True for an address of this machine alone: no model's host has it. */
bool llmobs_host_names_is_local(const struct llmobs_host_address *address);

/* Writes "host:port" of a model or a gateway at this address; false: it is
 * neither. *plain: calls go there by plain http://. */
bool llmobs_host_names_find(const struct llmobs_host_names *names,
                            const struct llmobs_host_address *address,
                            char *out, size_t cap, bool *gateway, bool *plain);

#endif
