/* item - the common head of everything that a queue carries: an exchange, an
 * encoded event, or only the place where the disk has an item.
 */
#ifndef LLMOBS_ITEM_H
#define LLMOBS_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event/event_kind.h"

enum llmobs_item_type {
    LLMOBS_ITEM_EXCHANGE,
    LLMOBS_ITEM_EVENT,  /* encoded already (item_entry.h) */
    LLMOBS_ITEM_SPOOLED /* memory has only its head, the disk has the rest */
};

/* The disk gets the START of a call, its BEGIN, or both, and then its END. */
#define LLMOBS_BEGUN 2

/* Where the disk has an item (spool.h). */
struct llmobs_spooled {
    uint64_t id;
    uint32_t file;    /* of all its entries; 0: it has none */
    uint32_t entries; /* in that file, of this process */
    uint32_t claim;   /* the claim by which it was adopted (adopt.c); 0: it is
                       * of this process */
    bool kept;        /* its END or EVENT is there */
    bool for_relay;   /* that entry: set before it is written, and only if this
                       * process will not deliver it */
    bool stored;      /* the local store has it: it is not to be stored again */
    uint64_t begun_at[LLMOBS_BEGUN]; /* its START and BEGIN; 0: it has none */
    uint64_t offset, size;           /* of its last entry */
};

/* The first member of everything that goes through a queue. */
struct llmobs_item {
    struct llmobs_item *next;
    enum llmobs_item_type type;
    enum llmobs_event_kind kind; /* the kind of its event */
    size_t weight;               /* bytes, roughly */
    unsigned delivered_to;       /* bit i: destination i has it already */
    struct llmobs_spooled spooled;
};

#endif
