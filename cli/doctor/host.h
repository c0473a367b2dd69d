/* host - the processes of this host that call models or could: which are
 * observed, why the others are not, and how to switch the library on for them.
 *
 * It reads files, /proc and the tables of sockets, looks names up, and changes
 * nothing. A process counts if libcurl is in its memory or linked into its
 * file, or if it has a connection to a model's host, to a gateway, or to port
 * 443 of any host.
 *
 * Owns:    the rows, until the command ends.
 * Threads: one.
 * Errors:  -ENOMEM; a process that ends while it is read is left out, one of
 *          another user is counted.
 * Limits:  ROWS_MAX (host.c) processes; those of object, process and
 *          host_sockets.
 */
#ifndef LLMOBS_DOCTOR_HOST_H
#define LLMOBS_DOCTOR_HOST_H

#include <stdbool.h>

/* Runs the command; true in *missed: a process calls a model, and is not
 * observed. */
int llmobs_doctor_host(bool json, bool *missed);

#endif
