/* php_request - the headers of the request that PHP serves now.
 *
 * A SAPI gives the headers to PHP's pages as $_SERVER, and puts them into no
 * environment. Its table, sapi_module, has a function that reads them and
 * allocates nothing. The process's own symbols lead to the table. So a page
 * needs no line for this, and a pool with its own root or open_basedir no file.
 *
 * The built-in server, `php -S`, has no function there that gives a header. Its
 * function that fills $_SERVER first passes each variable to the table's input
 * filter, and leaves out the variables that the filter refuses. From PHP 8.2
 * on, variables whose name no client can choose go into the array without the
 * filter. So the library calls that function with its own array and its own
 * filter, which copies the values that are asked for and refuses all. So the
 * page's arrays stay as they are, and the site's own filter does not run.
 *
 * The function allocates from PHP. If the page has used up its memory_limit,
 * PHP would leave the function, and the library, by a longjmp. So the library
 * lends PHP its own memory for the length of the call: the page's memory stays
 * as it was, and so do PHP's numbers about it.
 *
 * Source:  main/SAPI.h of PHP 5.2 to 8.5, and for the built-in server
 *          sapi/cli/php_cli_server.c, main/php_variables.c and
 *          Zend/zend_alloc.h of PHP 7.3 to 8.5; a later table may have another
 *          form.
 * Owns:    the values of the built-in server's last request that was read.
 * Threads: the thread that serves the requests of a PHP without threads. In a
 *          PHP with threads nothing is read.
 */
#ifndef LLMOBS_PHP_REQUEST_H
#define LLMOBS_PHP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

/* The name of a header in CGI, HTTP_TRACEPARENT, or REMOTE_ADDR. */
struct llmobs_php_name {
    const char *text;
    size_t len;
};

/* True where PHP without threads is in the process. */
bool llmobs_php_found(void);

/* True while a request of php-fpm, FastCGI, CGI, Apache's module or the
 * built-in server is served. */
bool llmobs_php_has_request(void);

/* From now on calls a function as each request ends; to be called once. The
 * function replaces PHP's own function in the table. PHP's own is called after
 * it. */
void llmobs_php_on_request_end(void (*end)(void));

/* Sets each of `values`, all NULL before the call, to the header that has the
 * name at the same place of `names`; NULL: the request has no such header. Only
 * while llmobs_php_has_request() is true. The values are borrowed until the
 * next call or the request's end. False: the headers cannot be read, and
 * `values` must not be used. */
bool llmobs_php_read_request(const struct llmobs_php_name *names, size_t count,
                             const char **values);

/* -- the built-in server, for this file and its test ----------------------- */

/* PHP's input filter: true passes a variable on. Its value has `len` bytes and
 * a NUL. */
typedef unsigned llmobs_php_filter(int kind, const char *name, char **value,
                                   size_t len, size_t *new_len);

/* True in a PHP that has all functions that the library calls here. */
bool llmobs_php_server_known(void);

/* Does llmobs_php_read_request() with `fill`, the table's function that fills
 * $_SERVER, and `filter`, the table's place for the input filter, which has the
 * same filter again afterwards. Only if llmobs_php_server_known(). False also
 * where PHP does not use its own memory manager, where two headers have one
 * name in CGI, such as X-A and X_A, or if the values have more than 16 KiB. */
bool llmobs_php_server_read(void (*fill)(void *array),
                            llmobs_php_filter **filter,
                            const struct llmobs_php_name *names, size_t count,
                            const char **values);

#endif
