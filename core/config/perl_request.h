/* perl_request - the thread's Perl, and the headers of the request that a
 * hooked Perl serves now.
 *
 * The hook (examples/inbound/hook.pl) has two tied scalars, whose FETCH Perl
 * runs when somebody reads them: one gives the headers, the other puts them
 * into the environment. So neither is done for a request that calls no model
 * and starts no program. A read of a tied scalar is a call of Perl's public API
 * that Perl itself makes in the middle of its operators: the hook runs on a
 * stack of its own, and lets no error out.
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

/* The interpreter that this thread runs, borrowed; NULL where it runs none, in
 * a Perl without threads, and once the Perl of the process has ended. */
void *llmobs_perl_interpreter(void);

/* Gives the request's entries, "HTTP_TRACEPARENT=..." as CGI has them, each
 * with a zero byte behind it, and their length; "" and 0 where no request or no
 * hook is there. Borrowed until the next call. */
const char *llmobs_perl_read_request(size_t *len);

/* Makes the hook put the request into the environment, for a program that is
 * about to start. */
void llmobs_perl_before_fork(void);

#endif
