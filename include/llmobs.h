/* llmobs - the public face of llmobs-preload for C programs.
 *
 * Today it holds the version only; the calls of the C API are declared here
 * when they exist.
 */
#ifndef LLMOBS_H
#define LLMOBS_H

#define LLMOBS_VERSION "0.1.0"

#endif
