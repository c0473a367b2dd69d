/* mhd - libmicrohttpd's requests: while the program's access handler runs,
 * which may be several times in a request.
 *
 * The calls and their numbers: microhttpd.h of libmicrohttpd 0.9. */
#include <stdarg.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include "shim/library.h"

#define HEADER_KIND 1
#define CLIENT_ADDRESS 2
#define YES 1
#define NO 0

typedef int iterator(void *argument, int kind, const char *name,
                     const char *value);
typedef int access(void *argument, void *connection, const char *url,
                   const char *method, const char *version, const char *data,
                   size_t *len, void **of_request);

union connection_info {
    const struct sockaddr *address;
};

/* Stand for the library's functions of their names, of which the types alone
 * count. */
int MHD_get_connection_values(void *connection, int kind, iterator *each,
                              void *argument);
const union connection_info *MHD_get_connection_info(void *connection, int type,
                                                     ...);

#define REAL LLMOBS_LIB_REAL

/* Looks no further than at the first one that carries a trace. */
static int look_at_header(void *argument, int kind, const char *name,
                          const char *value)
{
    bool *called = argument;

    (void)kind, (void)value;
    *called = llmobs_server_carries(name);
    return *called ? NO : YES;
}

static int add_header(void *argument, int kind, const char *name,
                      const char *value)
{
    (void)kind;
    llmobs_server_add(argument, name, value);
    return YES;
}

static char *mhd_put(char *to, unsigned value, unsigned base)
{
    static const char digits[] = "0123456789abcdef";

    if (value >= base)
        to = mhd_put(to, value / base, base);
    *to++ = digits[value % base];
    return to;
}

/* Writes an address of IPv4 or IPv6, without abbreviation. NULL: another kind,
 * such as that of a socket of this host. */
static const char *write_address(const struct sockaddr *address, char to[48])
{
    const struct sockaddr_in *four = (const void *)address;
    const struct sockaddr_in6 *six = (const void *)address;
    bool is_six = address && address->sa_family == AF_INET6;
    const unsigned char *bytes = is_six
                                     ? six->sin6_addr.s6_addr
                                     : (const unsigned char *)&four->sin_addr;
    char *at = to;

    if (!address || (!is_six && address->sa_family != AF_INET))
        return NULL;
    for (unsigned i = 0; i < (is_six ? 16U : 4U); i += is_six ? 2 : 1) {
        if (i)
            *at++ = is_six ? ':' : '.';
        at = is_six ? mhd_put(at, (unsigned)bytes[i] << 8 | bytes[i + 1], 16)
                    : mhd_put(at, bytes[i], 10);
    }
    *at = '\0';
    return to;
}

/* A function of its own, so that the list is not in the frame below which the
 * program's handler runs. */
__attribute__((noinline)) static void begin_called(
    struct llmobs_server_run *run, void *connection)
{
    struct llmobs_server_fields fields;
    const union connection_info *info;
    char address[48];

    llmobs_server_clear(&fields);
    REAL(MHD_get_connection_values)
    (connection, HEADER_KIND, add_header, &fields);
    info = REAL(MHD_get_connection_info)(connection, CLIENT_ADDRESS);
    if (info)
        llmobs_server_add_address(&fields,
                                  write_address(info->address, address));
    llmobs_server_run(run, &fields);
}

static void mhd_begin(struct llmobs_server_run *run, void *connection)
{
    bool called = false;

    REAL(MHD_get_connection_values)
    (connection, HEADER_KIND, look_at_header, &called);
    if (called)
        begin_called(run, connection);
    else
        llmobs_server_run(run, NULL);
}

static int on_access(void *argument, void *connection, const char *url,
                     const char *method, const char *version, const char *data,
                     size_t *len, void **of_request)
{
    const struct llmobs_server_handler *handler = argument;
    struct llmobs_server_run run;
    int result;

    mhd_begin(&run, connection);
    result =
        ((access *)handler->function)(handler->argument, connection, url,
                                      method, version, data, len, of_request);
    llmobs_server_done(&run);
    return result;
}

static void *MHD_start_daemon_va(unsigned flags, uint16_t port, void *accept,
                                 void *of_accept, access *function,
                                 void *argument, va_list rest)
{
    const struct llmobs_server_handler *handler =
        llmobs_server_handler((void *)function, argument);

    if (handler)
        return REAL(MHD_start_daemon_va)(flags, port, accept, of_accept,
                                         on_access, (void *)(uintptr_t)handler,
                                         rest);
    return REAL(MHD_start_daemon_va)(flags, port, accept, of_accept, function,
                                     argument, rest);
}

/* The library's own function calls its va_list form in the same way. */
static void *MHD_start_daemon(unsigned flags, uint16_t port, void *accept,
                              void *of_accept, access *function, void *argument,
                              ...)
{
    void *daemon;
    va_list rest;

    va_start(rest, argument);
    daemon = MHD_start_daemon_va(flags, port, accept, of_accept, function,
                                 argument, rest);
    va_end(rest);
    return daemon;
}

void *llmobs_lib_mhd(enum llmobs_lib_call hook)
{
    switch (hook) {
        LLMOBS_LIB_MHD_HOOKS(LLMOBS_LIB_CASE)
    default:
        return NULL;
    }
}
