/* event_kind - the kinds of events that are delivered. The same code moves
 * every kind from the queue to the peer's answer; tables with a row for each
 * kind hold the differences. A request holds one kind only.
 *
 * The numbers are on the disk, as tags of the spool's entries: never change
 * them.
 */
#ifndef LLMOBS_EVENT_KIND_H
#define LLMOBS_EVENT_KIND_H

enum llmobs_event_kind {
    LLMOBS_EVENT_SPAN,
    LLMOBS_EVENT_EVALUATION,
    LLMOBS_EVENT_KINDS
};

#endif
