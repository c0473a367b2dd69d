/* account - tells calls with different credentials apart, and keeps none of
 * them.
 *
 * The thread that sends a request hashes its credentials while they are at
 * hand: the headers by which APIs and gateways know their caller, and the
 * parameters of the URL that hold a key. The number says no more than whether
 * two requests have the same credentials. Of a signature of AWS, which changes
 * with each request, only the name of the key counts.
 *
 * In memory the number is a quick hash. A number that leaves the process, to
 * the disk, is sealed: hashed again under a key of this boot, so that nobody
 * can look it up in a list made elsewhere, nor on this host after the next
 * boot.
 *
 * Owns:    nothing; the key is one number of the process.
 * Threads: any.
 * Errors:  none.
 */
#ifndef LLMOBS_ACCOUNT_H
#define LLMOBS_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

/* Adds a header, "Name: value", to the number where it is a credential; else
 * gives the same number. `len`: of the name, behind which the colon is. The
 * order of headers does not count. 0: no credential yet. */
uint64_t llmobs_account_header(uint64_t account, const char *line, size_t len);

/* Adds the user, the password and the keys that a URL holds to the number; else
 * gives the same number. */
uint64_t llmobs_account_url(uint64_t account, const char *url);

/* The number of a credential that libcurl writes into a header itself; `name`
 * says which. NULL: 0. Such numbers may be added up. */
uint64_t llmobs_account_secret(const char *name, const char *text);

/* The 32 bits that SHA-256 of a key begins with, and bit 32; 0: the header, or
 * the URL, has no key. They group the calls of a key on every host and for
 * good, and confirm a guess of a weak key: only for who asks for it. The key is
 * the word behind "Bearer", the name of AWS's key, the value of x-api-key,
 * api-key or x-goog-api-key, the parameter "key" of a URL. */
uint64_t llmobs_account_key(const char *line, size_t len);
uint64_t llmobs_account_url_key(const char *url);

/* Sets the key; the last call counts. */
void llmobs_account_set_boot(uint64_t boot);

/* The number in the form that may be written to the disk; 0 stays 0. */
uint64_t llmobs_account_seal(uint64_t account);

#endif
