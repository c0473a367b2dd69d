/* open_libcurl - libcurl for this command's own requests.
 *
 * It is not linked but opened when needed: most runs send nothing, and the
 * store must work on a host without libcurl. It stays open until the process
 * ends.
 */
#ifndef LLMOBS_OPEN_LIBCURL_H
#define LLMOBS_OPEN_LIBCURL_H

void llmobs_cli_open_libcurl(void);

#endif
