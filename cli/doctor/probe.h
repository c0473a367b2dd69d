/* probe - one call of a language model by libcurl. Where the host has no curl,
 * the doctor runs this as the observed program.
 *
 * Threads: one.
 * Errors:  the result is one of the exit statuses below; 0: the call was
 *          answered.
 * Limits:  LLMOBS_PROBE_S seconds.
 */
#ifndef LLMOBS_PROBE_H
#define LLMOBS_PROBE_H

#define LLMOBS_PROBE_S 15
#define LLMOBS_PROBE_FAILED 1
#define LLMOBS_PROBE_NO_LIBCURL 3
#define LLMOBS_PROBE_BODY                              \
    "{\"model\": \"llmobs-self-test\", \"messages\": " \
    "[{\"role\": \"user\", \"content\": \"ping\"}]}"

int llmobs_probe_run(const char *url);

#endif
