/* php_request - the headers of the request that PHP serves now.
 *
 * A SAPI gives them to PHP's pages as $_SERVER, and has them in no environment.
 * Its table, sapi_module, has a function for them that allocates nothing. That
 * of the built-in server has none: php_server.h reads its headers. The
 * process's own symbols lead to the table, so a page needs no line for it, and
 * a pool with a root or an open_basedir of its own no file.
 *
 * Source:  main/SAPI.h of PHP 5.2 to 8.4; a later table may have another form.
 * Threads: the one that serves the requests of a PHP without threads. Of a PHP
 *          with threads nothing is read.
 */
#ifndef LLMOBS_PHP_REQUEST_H
#define LLMOBS_PHP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "core/config/php_server.h"

/* True while a request of php-fpm, FastCGI, CGI, Apache's module or the
 * built-in server is served. */
bool llmobs_php_request(void);

/* Has a function called as each request ends, from now on; once. It takes the
 * place of PHP's own in that table, and calls that. */
void llmobs_php_request_at_end(void (*end)(void));

/* Sets each of `values`, all NULL before the call, to the header that has the
 * name at the same place of `names`; NULL: the request has no such header. Only
 * while llmobs_php_request() is true. The values are borrowed until the next
 * call or the request's end. False: the headers cannot be read, and `values`
 * must not be used. */
bool llmobs_php_request_read(const struct llmobs_php_name *names, size_t count,
                             const char **values);

#endif
