/* php_request - the headers of the request that PHP serves now.
 *
 * A SAPI gives the headers to PHP's pages as $_SERVER, and puts them into no
 * environment. Its table, sapi_module, has a function that reads them and
 * allocates nothing. The built-in server's table lacks it: php_server.h reads
 * that server's headers. The process's own symbols lead to the table. So a page
 * needs no line for this, and a pool with its own root or open_basedir no file.
 *
 * Source:  main/SAPI.h of PHP 5.2 to 8.5; a later table may have another form.
 * Threads: the thread that serves the requests of a PHP without threads. In a
 *          PHP with threads nothing is read.
 */
#ifndef LLMOBS_PHP_REQUEST_H
#define LLMOBS_PHP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "core/config/php_server.h"

/* True while a request of php-fpm, FastCGI, CGI, Apache's module or the
 * built-in server is served. */
bool llmobs_php_request(void);

/* From now on calls a function as each request ends; to be called once. It
 * takes the place of PHP's own in that table, and calls PHP's. */
void llmobs_php_request_at_end(void (*end)(void));

/* Sets each of `values`, all NULL before the call, to the header that has the
 * name at the same place of `names`; NULL: the request has no such header. Only
 * while llmobs_php_request() is true. The values are borrowed until the next
 * call or the request's end. False: the headers cannot be read, and `values`
 * must not be used. */
bool llmobs_php_request_read(const struct llmobs_php_name *names, size_t count,
                             const char **values);

#endif
