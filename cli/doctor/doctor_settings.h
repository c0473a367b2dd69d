/* doctor_settings - the program's settings, and the exporter that they choose.
 *
 * Threads: one.
 * Errors:  findings of the report; -ENOMEM.
 */
#ifndef LLMOBS_DOCTOR_SETTINGS_H
#define LLMOBS_DOCTOR_SETTINGS_H

#include "cli/doctor/doctor.h"
#include "core/net/http.h"

/* Reports the configuration, and whether its exporter takes spans. */
int llmobs_doctor_settings(struct llmobs_doctor *doctor);

/* Reports only whether the program's settings switch it on, and asks nobody.
 * `proxy_urls`: gives the URLs of its gateways; NULL: none. */
int llmobs_doctor_switch(struct llmobs_doctor *doctor, char **proxy_urls);

/* Gives a value in a form that may be shown; keys, tokens and headers are
 * never shown. NULL without memory. */
char *llmobs_doctor_shown(const char *name, const char *value);

/* Gives a client that reaches a peer as the program would, beside the same
 * other preload that holds connect; NULL without memory. */
struct llmobs_http *llmobs_doctor_open_http(const struct llmobs_doctor *doctor,
                                            const struct llmobs_config *config);

/* Reports a peer that the other preload keeps from being asked. */
void llmobs_doctor_tell_held(struct llmobs_doctor *doctor,
                             enum llmobs_report_level level, const char *about,
                             const char *place);

#endif
