#include "core/config/php_request.h"

#include <string.h>

#define WEAK __attribute__((weak))

/* The first tables of PHP that nobody has checked here. */
#define VERSION_UNKNOWN 80500

/* The head of sapi_module_struct. */
struct sapi {
    const char *name;
    const char *pretty_name;
    void (*first[3])(void); /* startup, shutdown, activate */
    int (*deactivate)(void);
    void (*others[2])(void); /* ub_write, flush */
    void (*get_stat)(void);
    char *(*getenv)(const char *name, size_t len);
};

/* The head of sapi_globals_struct. */
struct sapi_state {
    const void *server_context; /* NULL between requests */
};

/* PHP's own; NULL where the process is none. A PHP with threads has no
 * sapi_globals, and one before 8.3 no php_version_id. */
extern struct sapi sapi_module WEAK;
extern const struct sapi_state sapi_globals WEAK;
extern unsigned php_version_id(void) WEAK;

static bool is_known(const struct sapi *sapi)
{
    if (!sapi->name || !sapi->getenv ||
        (php_version_id && php_version_id() >= VERSION_UNKNOWN))
        return false;
    return strcmp(sapi->name, "apache2handler") == 0 ||
           ((strcmp(sapi->name, "fpm-fcgi") == 0 ||
             strcmp(sapi->name, "cgi-fcgi") == 0) &&
            !sapi->get_stat); /* these have none: the form is the known one */
}

bool llmobs_php_request(void)
{
    const struct sapi *sapi = &sapi_module;
    const struct sapi_state *state = &sapi_globals;

    return sapi && state && state->server_context && is_known(sapi);
}

static void (*at_end)(void);
static int (*own_deactivate)(void);

static int deactivate(void)
{
    at_end();
    return own_deactivate ? own_deactivate() : 0;
}

void llmobs_php_request_at_end(void (*end)(void))
{
    if (at_end)
        return;
    at_end = end;
    own_deactivate = sapi_module.deactivate;
    sapi_module.deactivate = deactivate;
}

const char *llmobs_php_request_get(const char *name, size_t len)
{
    return sapi_module.getenv(name, len);
}
