/* Resolves the hosts of models and gateways, to compare addresses. */
#include "cli/doctor/host_names.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/grow.h"
#include "lib/base/clock.h"
#include "rules/providers.h"
#include "rules/read/url.h"

#define ASKERS 8
#define LISTED 4096

static void add_name(struct llmobs_host_names *names, const char *name,
                     uint16_t port, bool plain)
{
    struct llmobs_host_name *to = &names->names[names->count];

    if (names->count == LLMOBS_HOST_NAMES || strlen(name) >= sizeof(to->name))
        return;
    for (size_t i = 0; i < names->count; i++)
        if (names->names[i].port == port &&
            strcmp(names->names[i].name, name) == 0)
            return;
    snprintf(to->name, sizeof(to->name), "%s", name);
    to->port = port;
    to->plain = plain;
    names->count++;
}

int llmobs_host_names_init(struct llmobs_host_names *names)
{
    const struct llmobs_provider *provider;
    char name[LLMOBS_HOST_NAME];

    memset(names, 0, sizeof(*names));
    names->names = calloc(LLMOBS_HOST_NAMES + 1, sizeof(*names->names));
    if (!names->names)
        return -ENOMEM;
    /* Adds "*.example.com" as api.example.com; skips another pattern. */
    for (size_t i = 0; (provider = llmobs_provider_at(i)); i++) {
        struct llmobs_text host = llmobs_provider_host(provider);
        bool below = host.len > 2 && memcmp(host.data, "*.", 2) == 0;
        size_t from = below ? 2 : 0;

        if (!memchr(host.data + from, '*', host.len - from) &&
            snprintf(name, sizeof(name), "%s%.*s", below ? "api." : "",
                     (int)(host.len - from),
                     host.data + from) < (int)sizeof(name))
            add_name(names, name, 0, false);
    }
    return 0;
}

void llmobs_host_names_fini(struct llmobs_host_names *names)
{
    free(names->names);
    free(names->known);
    memset(names, 0, sizeof(*names));
}

void llmobs_host_names_add(struct llmobs_host_names *names, const char *urls)
{
    struct llmobs_text rest = llmobs_text_of(urls), text;
    static struct llmobs_url url;

    while (llmobs_text_next(&rest, &text))
        if (text.len > 0 && llmobs_url_parse(text, &url) == 0)
            add_name(names, url.host, url.port,
                     url.scheme != LLMOBS_SCHEME_HTTPS);
}

/* -- looking them up ------------------------------------------------------ */

/* In a child: writes the addresses of one name to the pipe. A write of less
 * than PIPE_BUF bytes is not mixed with others. */
static void look_up(const struct llmobs_host_names *names, size_t i, int out)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;

    if (getaddrinfo(names->names[i].name, NULL, &hints, &list) != 0)
        return;
    for (struct addrinfo *at = list; at; at = at->ai_next) {
        const void *from = at->ai_addr;
        struct llmobs_host_known known;

        memset(&known, 0, sizeof(known));
        known.name = i;
        if (at->ai_family == AF_INET6) {
            memcpy(known.bytes, &((const struct sockaddr_in6 *)from)->sin6_addr,
                   16);
        } else if (at->ai_family == AF_INET) {
            known.bytes[10] = known.bytes[11] = 0xff; /* ::ffff:a.b.c.d */
            memcpy(known.bytes + 12,
                   &((const struct sockaddr_in *)from)->sin_addr, 4);
        } else {
            continue;
        }
        if (write(out, &known, sizeof(known)) != (ssize_t)sizeof(known))
            break;
    }
    freeaddrinfo(list);
}

/* Reads until all children have ended, or the time is over. */
static int gather(struct llmobs_host_names *names, int in)
{
    int64_t end =
        llmobs_clock_mono_ns() + LLMOBS_HOST_LOOKUP_MS * LLMOBS_NS_PER_MS;
    struct llmobs_host_known known;

    for (;;) {
        struct pollfd ready = {in, POLLIN, 0};
        int64_t left = (end - llmobs_clock_mono_ns()) / LLMOBS_NS_PER_MS;
        int got = left > 0 ? poll(&ready, 1, (int)left) : 0;

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 ||
            read(in, &known, sizeof(known)) != (ssize_t)sizeof(known))
            return 0;
        if (known.name >= names->count || names->known_count == LISTED)
            continue;
        if (llmobs_grow(&names->known, &names->known_room, names->known_count,
                        sizeof(*names->known)) != 0)
            return -ENOMEM;
        names->known[names->known_count++] = known;
    }
}

int llmobs_host_names_look_up(struct llmobs_host_names *names, bool models)
{
    pid_t children[ASKERS];
    int ends[2], rc = 0;
    size_t started = 0;

    if (pipe(ends) != 0)
        return -errno;
    while (started < ASKERS && rc == 0) {
        children[started] = fork();
        /* Gateways come first: they were added last, and are the fewest. */
        if (children[started] == 0) {
            close(ends[0]);
            for (size_t i = started; i < names->count; i += ASKERS)
                if (models || names->names[names->count - 1 - i].port != 0)
                    look_up(names, names->count - 1 - i, ends[1]);
            _exit(0);
        }
        if (children[started] < 0)
            rc = -errno;
        else
            started++;
    }
    close(ends[1]);
    if (rc == 0)
        rc = gather(names, ends[0]);
    close(ends[0]);
    for (size_t i = 0; i < started; i++) {
        kill(children[i], SIGKILL);
        while (waitpid(children[i], NULL, 0) < 0 && errno == EINTR)
            ;
    }
    return rc;
}

/* -- finding one ---------------------------------------------------------- */

bool llmobs_host_names_is_local(const struct llmobs_host_address *address)
{
    static const unsigned char six[16] = {[15] = 1};
    const unsigned char *bytes = address->bytes;

    return memcmp(bytes, six, 16) == 0 ||
           (bytes[10] == 0xff && bytes[12] == 127);
}

bool llmobs_host_names_find(const struct llmobs_host_names *names,
                            const struct llmobs_host_address *address,
                            char *out, size_t cap, bool *gateway, bool *plain)
{
    const struct llmobs_host_name *name = NULL, *at;
    static struct llmobs_url url;
    const char *local = NULL;

    /* A gateway comes before a model, and must have the address's port as well.
     */
    for (size_t i = 0; i < names->known_count; i++) {
        at = &names->names[names->known[i].name];
        if (memcmp(names->known[i].bytes, address->bytes, 16) == 0 &&
            (at->port == address->port || (at->port == 0 && !name)))
            name = at;
        if (name && name->port != 0)
            break;
    }
    /* A model's server of this host is known by its usual port. */
    url.port = address->port;
    if (!name && llmobs_host_names_is_local(address))
        local = llmobs_provider_by_port(&url);
    *gateway = name && name->port != 0;
    *plain = local || (name && name->plain);
    if (name)
        snprintf(out, cap, "%s:%u", name->name, (unsigned)address->port);
    else if (local)
        snprintf(out, cap, "localhost:%u (%s)", (unsigned)address->port, local);
    return name || local;
}
