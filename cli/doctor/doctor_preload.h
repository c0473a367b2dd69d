/* doctor_preload - whether the loader brings the shim into the program.
 *
 * Threads: one.
 * Errors:  findings of the report.
 */
#ifndef LLMOBS_DOCTOR_PRELOAD_H
#define LLMOBS_DOCTOR_PRELOAD_H

#include "cli/doctor/doctor.h"

/* True where the program's loader is musl's. */
bool llmobs_doctor_has_musl(const struct llmobs_doctor *doctor);

/* Reports whether anything can be preloaded into the program's file. */
void llmobs_doctor_possible(struct llmobs_doctor *doctor);

/* Reports whether shim and core are in the process, or would be in the
 * command. */
void llmobs_doctor_on(struct llmobs_doctor *doctor);

#endif
