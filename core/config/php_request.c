#include "core/config/php_request.h"

#include <string.h>

#define WEAK __attribute__((weak))

/* From this version of PHP on nobody has checked the form of its tables. */
#define VERSION_UNKNOWN 80600

/* The head of sapi_module_struct. */
struct sapi {
    const char *name;
    const char *pretty_name;
    void (*first[3])(void); /* startup, shutdown, activate */
    int (*deactivate)(void);
    void (*others[2])(void); /* ub_write, flush */
    void (*get_stat)(void);
    char *(*getenv)(const char *name, size_t len);
    /* The members from here on have the form of the checked versions: */
    void (*answers[6])(void); /* sapi_error to read_cookies */
    void (*register_server_variables)(void *array);
    void (*process[3])(void); /* log_message to terminate_process */
    const char *ini_path;
    void (*readers[2])(void); /* default_post_reader, treat_data */
    const char *executable;
    int ini_ignored[2];
    void (*connection[4])(void); /* get_fd to get_target_gid */
    llmobs_php_filter *input_filter;
};

/* The head of sapi_globals_struct. */
struct sapi_state {
    const void *server_context; /* NULL between requests */
};

/* PHP's own symbols; NULL where the process is no PHP. A PHP with threads has
 * no sapi_globals, and a PHP before 8.3 no php_version_id. */
extern struct sapi sapi_module WEAK;
extern const struct sapi_state sapi_globals WEAK;
extern unsigned php_version_id(void) WEAK;

static bool is_server(const struct sapi *sapi)
{
    return strcmp(sapi->name, "cli-server") == 0;
}

static bool php_request_is_known(const struct sapi *sapi)
{
    if (!sapi->name || (php_version_id && php_version_id() >= VERSION_UNKNOWN))
        return false;
    if (is_server(sapi))
        return !sapi->getenv && llmobs_php_server_known();
    if (!sapi->getenv)
        return false;
    return strcmp(sapi->name, "apache2handler") == 0 ||
           ((strcmp(sapi->name, "fpm-fcgi") == 0 ||
             strcmp(sapi->name, "cgi-fcgi") == 0) &&
            !sapi->get_stat); /* they lack it: the known form */
}

bool llmobs_php_request(void)
{
    const struct sapi *sapi = &sapi_module;
    const struct sapi_state *state = &sapi_globals;

    return sapi && state && state->server_context && php_request_is_known(sapi);
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

bool llmobs_php_request_read(const struct llmobs_php_name *names, size_t count,
                             const char **values)
{
    if (is_server(&sapi_module))
        return llmobs_php_server_read(sapi_module.register_server_variables,
                                      &sapi_module.input_filter, names, count,
                                      values);
    for (size_t i = 0; i < count; i++)
        values[i] = sapi_module.getenv(names[i].text, names[i].len);
    return true;
}
