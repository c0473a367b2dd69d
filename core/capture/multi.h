/* multi - the operations behind the thunks of curl_multi_*.
 *
 * A handle that a server pushes is libcurl's duplicate of its parent, our
 * callbacks included. So our callback in the place of the multi's push callback
 * restores the app's settings before the app sees it. It is no call.
 *
 * Owns:    nothing.
 * Threads: as the libcurl function of the same name.
 * Errors:  those of the real function, which each calls exactly once.
 * Limits:  LLMOBS_PUSH_FUNCTIONS_MAX push callbacks of the app in all multis. A
 *          further one is set as it is, and while a multi has it, no transfer
 *          that begins there is captured.
 */
#ifndef LLMOBS_MULTI_H
#define LLMOBS_MULTI_H

#include "core/capture/handle.h"

#define LLMOBS_PUSH_FUNCTIONS_MAX 32

/* How a transfer ended. */
struct llmobs_ending {
    enum llmobs_end end;
    CURLcode code;
};

/* How the transfer of a handle ends that is about to leave its multi: done when
 * libcurl has a message that says so, else removed. */
struct llmobs_ending llmobs_multi_ending(const struct llmobs_handle *handle,
                                         CURL *curl);

/* _perform, _socket, _socket_action and _socket_all drive a multi: the handles
 * that were added to it since begin. */
LLMOBS_MULTI_HOOKS(LLMOBS_OPERATION)

#endif
