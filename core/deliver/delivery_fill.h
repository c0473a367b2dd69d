/* delivery_fill - makes events of the items in the buffer, and of the calls
 * that other processes left, and gives them to the destinations.
 *
 * Owns:    nothing; it works on the delivery.
 * Threads: the thread that has the worker's turn.
 * Errors:  an item that cannot become an event is counted in stats.h, or waits
 *          on the disk.
 * Limits:  some events, of at most a megabyte, at a time.
 */
#ifndef LLMOBS_DELIVERY_FILL_H
#define LLMOBS_DELIVERY_FILL_H

#include "core/deliver/delivery_state.h"

/* Frees an item of the buffer; gives its approximate weight in bytes. */
void llmobs_delivery_free_item(struct llmobs_item *item);
size_t llmobs_delivery_weight(const struct llmobs_item *item);

/* True where the memory for events is used up. */
bool llmobs_delivery_is_over(const struct llmobs_delivery *delivery);

/* True where a run of this kind sends to the destination now. */
bool llmobs_delivery_is_due(const struct llmobs_delivery *delivery,
                            const struct llmobs_destination *destination,
                            enum llmobs_run how);

/* Encodes some of the items that wait; false: no item waited. */
bool llmobs_delivery_fill(struct llmobs_delivery *delivery,
                          enum llmobs_run how);

/* If the relay has gone, this process takes back what it had handed over,
 * unless its own peers are away, too. */
void llmobs_delivery_take_back(struct llmobs_delivery *delivery);

/* Takes some events out of the spools of ended processes, when it is time for
 * that. True while there is more to do. */
bool llmobs_delivery_adopt(struct llmobs_delivery *delivery,
                           enum llmobs_run how);

#endif
