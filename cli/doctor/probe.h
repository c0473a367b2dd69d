/* probe - one call of a language model by libcurl, as a program of its own that
 * doctor runs observed where there is no curl.
 *
 * Owns:    nothing when it returns. Threads: one. Fork: nothing to do.
 * Errors:  the answer is an exit status, one of those below; 0: answered.
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
