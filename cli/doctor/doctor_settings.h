/* doctor_settings - the program's settings, and the exporter that they choose.
 *
 * Threads: one.
 * Errors:  findings of the report; -ENOMEM.
 */
#ifndef LLMOBS_DOCTOR_SETTINGS_H
#define LLMOBS_DOCTOR_SETTINGS_H

#include "cli/doctor/doctor.h"

/* Reports the configuration, and whether its exporter takes spans. */
int llmobs_doctor_settings(struct llmobs_doctor *doctor);

#endif
