/* php_server - the headers of the request that PHP's built-in server serves,
 * `php -S`.
 *
 * Its table has no function that gives a header. Its function that fills
 * $_SERVER first hands each variable to the table's input filter, and leaves
 * out the variables that the filter refuses. From PHP 8.2 on, variables whose
 * name no client can choose go into the array without the filter. So the
 * library calls that function with its own array and its own filter, which
 * keeps the values that are asked for and refuses all. Thus the page's arrays
 * stay as they are, and the site's own filter does not run.
 *
 * The function allocates from PHP. If the page has used up its memory_limit,
 * PHP would leave the function, and the library, by a longjmp. So the library
 * lends PHP its own memory for the length of the call: the page's memory stays
 * as it was, and so do PHP's numbers about it.
 *
 * Source:  sapi/cli/php_cli_server.c, main/php_variables.c and
 *          Zend/zend_alloc.h of PHP 7.3 to 8.5.
 * Owns:    the values of the last request that was read.
 * Threads: the thread that serves the requests.
 */
#ifndef LLMOBS_PHP_SERVER_H
#define LLMOBS_PHP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

/* The name of a header in CGI, HTTP_TRACEPARENT, or REMOTE_ADDR. */
struct llmobs_php_name {
    const char *text;
    size_t len;
};

/* PHP's input filter: true passes a variable on. Its value has `len` bytes and
 * a NUL. */
typedef unsigned llmobs_php_filter(int kind, const char *name, char **value,
                                   size_t len, size_t *new_len);

/* True in a PHP that has all functions that the library calls here. */
bool llmobs_php_server_known(void);

/* Does llmobs_php_request_read() with `fill`, the table's function that fills
 * $_SERVER, and `filter`, the table's place for the input filter, which has the
 * same filter again afterwards. Only if llmobs_php_server_known(). False also
 * where PHP does not use its own memory manager, where two headers have one
 * name in CGI, such as X-A and X_A, or if the values have more than 16 KiB. */
bool llmobs_php_server_read(void (*fill)(void *array),
                            llmobs_php_filter **filter,
                            const struct llmobs_php_name *names, size_t count,
                            const char **values);

#endif
