/* doctor_fpm - a pool of php-fpm, by its settings and its processes.
 *
 * Threads: one.
 * Errors:  findings of the report; -ENOMEM and the like end the command.
 */
#ifndef LLMOBS_DOCTOR_FPM_H
#define LLMOBS_DOCTOR_FPM_H

#include "cli/doctor/doctor.h"

/* Looks at a pool of php-fpm, which `pool` names, or the path of its file. */
int llmobs_doctor_fpm(struct llmobs_doctor *doctor, const char *pool);

#endif
