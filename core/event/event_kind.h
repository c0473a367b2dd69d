/* event_kind - what there is to deliver. Everything from the buffer to the
 * peer's answer is the same for each; what differs is said by tables that this
 * indexes, and a request holds one kind only.
 *
 * The numbers are on the disk, as tags of the spool's entries: they stay.
 */
#ifndef LLMOBS_EVENT_KIND_H
#define LLMOBS_EVENT_KIND_H

enum llmobs_event_kind {
    LLMOBS_EVENT_SPAN,
    LLMOBS_EVENT_EVALUATION,
    LLMOBS_EVENT_KINDS
};

#endif
