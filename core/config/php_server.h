/* php_server - the headers of the request that PHP's built-in server serves,
 * `php -S`.
 *
 * Its table has no function that gives a header. The one that fills $_SERVER
 * hands each variable to the table's input filter first, and leaves out those
 * that the filter does not pass; from PHP 8.2 on it puts the ones that no
 * client names into the array itself. So the library calls that function with
 * an array and a filter of its own, which keeps what is asked for and passes
 * nothing: no array of the page's changes, and no filter of the site's runs.
 *
 * The function takes PHP's memory. If the page has used up all that its
 * memory_limit allows, PHP would leave the function, and the library, by a
 * jump. So the library lends PHP memory of its own for the length of the call:
 * the page's memory stays as it was, and so do the numbers that PHP gives about
 * it.
 *
 * Source:  sapi/cli/php_cli_server.c, main/php_variables.c and
 *          Zend/zend_alloc.h of PHP 7.3 to 8.4.
 * Owns:    the values of the last request that was read.
 * Threads: the one that serves the requests.
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
 * same one again afterwards. Only if llmobs_php_server_known(). False also
 * where PHP does not use its own memory manager, where two headers have one
 * name in CGI, as X-A and X_A have, or if the values have more than 16 KiB. */
bool llmobs_php_server_read(void (*fill)(void *array),
                            llmobs_php_filter **filter,
                            const struct llmobs_php_name *names, size_t count,
                            const char **values);

#endif
