/* Has the calls of civetweb, in the version that it is told, and keeps the
 * handler that it was given. */
#include <stddef.h>

const char *mg_version(void);
void mg_set_request_handler(void *context, const char *uri, void *handler,
                            void *argument);
void *mg_start(const void *callbacks, void *argument, const char **options);
void *mg_start2(void *init, void *error);
void *mg_get_request_info(const void *connection);
void be(const char *version);
void *handler_given(void);

static const char *own_version;
static void *given;

void be(const char *version)
{
    own_version = version;
}

const char *mg_version(void)
{
    return own_version;
}

void mg_set_request_handler(void *context, const char *uri, void *handler,
                            void *argument)
{
    (void)context, (void)uri, (void)argument;
    given = handler;
}

void *handler_given(void)
{
    return given;
}

/* A server is its callback. */
void *mg_start(const void *callbacks, void *argument, const char **options)
{
    (void)argument, (void)options;
    return callbacks ? *(void *const *)callbacks : NULL;
}

void *mg_start2(void *init, void *error)
{
    (void)error;
    return mg_start(*(void **)init, NULL, NULL);
}

void *mg_get_request_info(const void *connection)
{
    (void)connection;
    return NULL;
}
