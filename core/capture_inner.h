/* capture_inner - what the files of the capture share; capture.h holds the
 * contract. */
#ifndef LLMOBS_CAPTURE_INNER_H
#define LLMOBS_CAPTURE_INNER_H

#include "core/capture.h"

/* Puts our callbacks around the app's; after false, swap_out undoes the part
 * that went in. */
bool llmobs_capture_swap_in(struct llmobs_handle *handle, CURL *curl);

/* At the first callback of a late one: reads its body, or drops the exchange
 * when another request was sent. The gate is held. */
void llmobs_capture_settle(struct llmobs_handle *handle);

#endif
