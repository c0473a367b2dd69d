/* capture_inner - what the files of the capture share; capture.h holds the
 * contract. */
#ifndef LLMOBS_CAPTURE_INNER_H
#define LLMOBS_CAPTURE_INNER_H

#include "core/capture.h"

/* Puts our callbacks around the app's; after false, swap_out undoes the part
 * that went in. */
bool llmobs_capture_swap_in(struct llmobs_handle *handle, CURL *curl);

/* Our seek and ioctl callbacks, once the app's file may be asked whether it can
 * seek. */
bool llmobs_capture_swap_rewind(struct llmobs_handle *handle, CURL *curl);

/* libcurl is about to make the request: reads its header list and its body,
 * decides, and puts trace headers in. Nothing where that was done before. */
void llmobs_capture_settle(struct llmobs_handle *handle, CURL *curl);

/* Notes in the log that a request that was never made is captured. */
void llmobs_capture_log(const struct llmobs_handle *handle,
                        const struct llmobs_match *match);

struct llmobs_worker *llmobs_capture_worker(void);

#endif
