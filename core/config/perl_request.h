/* perl_request - the thread's Perl, and the headers of the request that a
 * hooked Perl serves now.
 *
 * The hook (examples/inbound/hook.pl) has two tied scalars. When one is read,
 * Perl runs its FETCH: one gives the headers, the other puts them into the
 * environment. So neither is done for a request that calls no model and starts
 * no program. To read a tied scalar the library calls Perl's public API, as
 * Perl itself does in the middle of its operators. The hook runs on its own
 * stack, and no error leaves it.
 *
 * Source:  perlapi: get_sv, sv_2pv_flags; since Perl 5.14 with these names.
 * Threads: any. In a Perl with threads each thread has its own interpreter. In
 *          a Perl without, the interpreter belongs to the thread that asks
 *          first, and other threads read nothing.
 */
#ifndef LLMOBS_PERL_REQUEST_H
#define LLMOBS_PERL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

/* True where the process is a Perl that exports its API. */
bool llmobs_perl_found(void);

/* The interpreter that this thread runs, borrowed; NULL: it runs none, this is
 * a Perl without threads, or the process's Perl has ended. */
void *llmobs_perl_interpreter(void);

/* Gives the request's entries, "HTTP_TRACEPARENT=..." as CGI has them, each
 * with a zero byte behind it, and their length; "" and 0 where no request or no
 * hook is there. Borrowed until the next call. */
const char *llmobs_perl_read_request(size_t *len);

/* Makes the hook put the request into the environment, for a program that is
 * about to start. */
void llmobs_perl_before_fork(void);

#endif
