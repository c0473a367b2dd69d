/* http1_head - the head of a message of HTTP/1.1: its first line, its headers,
 * and how long its body is.
 *
 * Owns:    nothing; every text borrows from the head.
 * Threads: any.
 * Errors:  false: the head is of another protocol, or peers could read it in
 *          two ways.
 * Limits:  time is linear in the head.
 *
 * Lines end in LF, with or without CR. A line that begins with a blank goes on
 * with the header before it. A line without a colon is no header.
 */
#ifndef LLMOBS_HTTP1_HEAD_H
#define LLMOBS_HTTP1_HEAD_H

#include "lib/base/buf.h"

struct llmobs_http1_header {
    struct llmobs_text name;
    struct llmobs_text value; /* without the blanks around it */
    bool odd; /* blanks are beside the name, or the value has several lines */
};

/* Takes the next header off `rest`, which begins at the beginning of a line.
 * False: no header is left. */
bool llmobs_http1_header_next(struct llmobs_text *rest,
                              struct llmobs_http1_header *header);

enum llmobs_http1_framing {
    LLMOBS_HTTP1_BODILESS,
    LLMOBS_HTTP1_LENGTH,
    LLMOBS_HTTP1_CHUNKED,
    LLMOBS_HTTP1_TO_END /* the end of the connection ends it */
};

struct llmobs_http1_head {
    struct llmobs_text method, target; /* of a request */
    unsigned status;                   /* of an answer */
    unsigned minor;                    /* the 1 of HTTP/1.1 */
    bool h2;                           /* of HTTP/2 (h2.h) */
    struct llmobs_text headers;        /* for llmobs_http1_header_next */
    struct llmobs_text host;           /* empty: there is none */
    bool expects;                      /* Expect: 100-continue */
    bool upgrades;                     /* Upgrade: websocket */
    bool switches;                     /* Upgrade: whatever */
    enum llmobs_http1_framing framing;
    uint64_t length; /* LENGTH: of the body; else 0 */
    /* Of a request: where lines may be added, in the bytes just given to the
     * reader: before the CRLF of the empty line that ends it, by HTTP/2 before
     * the last line, so that bytes of the client's follow. NULL: nowhere, as
     * where it is not certain that this is a head. */
    const char *gap;
    const char *frame; /* of HTTP/2: which has the gap, whole in those bytes */
    int64_t spare;     /* of it: as much, as HPACK counts, may be added */
};

/* Read the first line of a whole head, clear the rest of `head`, and point
 * `headers` behind the line. */
bool llmobs_http1_head_request(struct llmobs_text text,
                               struct llmobs_http1_head *head);
bool llmobs_http1_head_answer(struct llmobs_text text,
                              struct llmobs_http1_head *head);

/* Reads the headers. A message that gives neither a length nor chunks gets
 * `otherwise`. */
bool llmobs_http1_head_framing(struct llmobs_http1_head *head,
                               enum llmobs_http1_framing otherwise);

#endif
