/* open_libcurl - libcurl for this command's own requests.
 *
 * Opened when it is needed and not linked: most runs send nothing, and the
 * store must work on a host without it. Stays open until the process ends.
 * Threads: the main one, before others. Errors: none: without it what would
 * have been sent is kept in the local store.
 */
#ifndef LLMOBS_OPEN_LIBCURL_H
#define LLMOBS_OPEN_LIBCURL_H

void llmobs_cli_open_libcurl(void);

#endif
