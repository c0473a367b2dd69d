/* doctor_selftest - one observed call of the doctor's own.
 *
 * Threads: one.
 * Errors:  findings of the report.
 */
#ifndef LLMOBS_DOCTOR_SELFTEST_H
#define LLMOBS_DOCTOR_SELFTEST_H

#include "cli/doctor/doctor.h"

/* Makes a call that is observed by the settings of this environment, and
 * reports the step at which it failed, if any. */
void llmobs_doctor_selftest(struct llmobs_doctor *doctor);

#endif
