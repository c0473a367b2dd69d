#include "lib/text/body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fork.h"
#include "lib/text/budget.h"

/* A body claims from the budget in these steps, the first while it is small.
 */
#define STEP_FIRST ((size_t)8 * 1024)
#define STEP ((size_t)64 * 1024)

/* -- its share of the budget --------------------------------------------- */

/* A child process has a new budget: it releases nothing that its parent
 * claimed. */
static void drop_parent_claim(struct llmobs_body *body)
{
    int process = llmobs_fork_process();

    if (body->charged_in != process)
        body->charged = 0;
    body->charged_in = process;
}

/* Claims from the budget until the body's share is `need` bytes; false: the
 * budget has no room, and the share stays. */
static bool charge(struct llmobs_body *body, size_t need,
                   enum llmobs_budget_for purpose)
{
    if (body->free)
        return true;
    drop_parent_claim(body);
    if (need <= body->charged)
        return true;
    if (need <= LLMOBS_BODY_SMALL)
        llmobs_budget_force(need - body->charged);
    else if (!llmobs_budget_claim(need - body->charged, purpose))
        return false;
    body->charged = need;
    return true;
}

/* Releases the share beyond `need`. */
static void uncharge(struct llmobs_body *body, size_t need)
{
    if (body->charged > 0)
        drop_parent_claim(body);
    if (need >= body->charged)
        return;
    llmobs_budget_release(body->charged - need);
    body->charged = need;
}

/* True when the budget has room for a whole body of `len` bytes. Up to the
 * length of two ends, a whole body costs no more than its ends would. */
static bool affords(struct llmobs_body *body, uint64_t len)
{
    size_t step = len < STEP ? STEP_FIRST : STEP;

    if (len <= body->charged || (body->room && len < LLMOBS_BODY_ROOM))
        return true;
    return charge(body, ((size_t)len + step - 1) / step * step,
                  len <= 2 * LLMOBS_BODY_EDGE ? LLMOBS_BUDGET_ENDS
                                              : LLMOBS_BUDGET_WHOLE);
}

/* -- the bytes ------------------------------------------------------------ */

void llmobs_body_limit(struct llmobs_body *body, size_t whole_max)
{
    if (body->total > 0 || whole_max >= body->whole_max)
        return;
    body->whole_max = whole_max;
    body->head.max = whole_max;
    if (body->expected > whole_max)
        body->expected = whole_max;
}

void llmobs_body_init(struct llmobs_body *body, size_t whole_max)
{
    memset(body, 0, sizeof(*body));
    body->whole_max = whole_max;
    llmobs_buf_init(&body->head, whole_max);
    body->head.raw = true;
}

static void drop_tail(struct llmobs_body *body)
{
    free(body->tail);
    body->tail = NULL;
    body->tail_len = 0;
    body->tail_at = 0;
}

void llmobs_body_fini(struct llmobs_body *body)
{
    llmobs_buf_fini(&body->head);
    drop_tail(body);
    uncharge(body, 0);
}

static void add_tail(struct llmobs_body *body, const char *data, size_t len)
{
    size_t edge = body->edge;
    size_t first;

    if (len > edge) {
        data += len - edge;
        len = edge;
    }
    first = edge - body->tail_at;
    if (first > len)
        first = len;
    if (len == 0)
        return;
    memcpy(body->tail + body->tail_at, data, first);
    memcpy(body->tail, data + first, len - first);
    body->tail_at = (body->tail_at + len) % edge;
    body->tail_len = body->tail_len + len < edge ? body->tail_len + len : edge;
}

/* Makes two ends of a body that was whole. The bytes that made it too long
 * follow: the head takes the first of them, the caller adds the rest. */
static int truncate_to_edges(struct llmobs_body *body, const char **data,
                             size_t *len)
{
    size_t edge;
    size_t fill;
    int rc = 0;

    /* Gives the length of an end: LLMOBS_BODY_EDGE, or less where the budget
     * has less room. Takes the share for both ends at once. */
    edge = body->whole_max / 2;
    if (edge > LLMOBS_BODY_EDGE)
        edge = LLMOBS_BODY_EDGE;
    if (edge > llmobs_body_len(body) / 2)
        edge = (size_t)(llmobs_body_len(body) / 2);

    while (!charge(body, 2 * edge, LLMOBS_BUDGET_ENDS))
        edge =
            edge / 4 > LLMOBS_BODY_SMALL / 2 ? edge / 4 : LLMOBS_BODY_SMALL / 2;
    uncharge(body, 2 * edge);

    body->edge = edge;
    body->tail = malloc(edge > 0 ? edge : 1);
    if (body->tail == NULL)
        return -ENOMEM;
    body->truncated = true;
    if (body->head.len < edge) {
        fill = edge - body->head.len;
        rc = llmobs_buf_add(&body->head, *data, fill);
        if (rc != 0)
            return rc;
        *data += fill;
        *len -= fill;
    }
    if (body->head.len > edge)
        add_tail(body, body->head.data + edge, body->head.len - edge);
    llmobs_buf_cut(&body->head, edge);
    llmobs_buf_fit(&body->head);
    return 0;
}

void llmobs_body_expect(struct llmobs_body *body, uint64_t len)
{
    body->expected =
        len < LLMOBS_BODY_EXPECT ? (size_t)len : LLMOBS_BODY_EXPECT;
    if (body->expected > body->whole_max)
        body->expected = body->whole_max;
}

void llmobs_body_end(struct llmobs_body *body)
{
    llmobs_buf_fit(&body->head);
}

int llmobs_body_add(struct llmobs_body *body, const void *data, size_t len)
{
    const char *at = data;
    uint64_t whole = llmobs_body_len(body) + len;
    int rc = 0;

    if (len == 0)
        return body->lost ? -ENOMEM : 0;
    body->total += len;
    if (body->lost)
        return -ENOMEM;
    if (!body->head.data && body->room)
        llmobs_buf_lend(&body->head, body->room, LLMOBS_BODY_ROOM);
    if (!body->truncated && whole <= body->whole_max && affords(body, whole)) {
        /* The memory that the body is expected to need: while it is untouched
         * it is free, and not claimed from the budget. */
        if (whole < body->expected && whole >= LLMOBS_BODY_ROOM) {
            (void)llmobs_buf_reserve(&body->head,
                                     body->expected - body->head.len);
            body->expected = 0;
        }
        rc = llmobs_buf_add(&body->head, at, len);
    } else {
        if (!body->truncated)
            rc = truncate_to_edges(body, &at, &len);
        if (rc == 0)
            add_tail(body, at, len);
    }
    body->lost = rc != 0;
    return rc;
}

/* Makes the ends of the copy as long as the ends of the original. */
static int clone_ends(struct llmobs_body *to, const struct llmobs_body *from)
{
    int rc = llmobs_buf_add(&to->head, from->head.data, from->head.len);

    if (!to->free) {
        drop_parent_claim(to);
        llmobs_budget_force(2 * from->edge);
        to->charged += 2 * from->edge;
    }
    to->edge = from->edge;
    to->tail = malloc(from->edge > 0 ? from->edge : 1);
    if (!to->tail)
        return -ENOMEM;
    memcpy(to->tail, from->tail, from->tail_len);
    to->tail_len = from->tail_len;
    to->tail_at = from->tail_at;
    to->truncated = true;
    to->total = from->total;
    return rc;
}

int llmobs_body_clone(struct llmobs_body *to, const struct llmobs_body *from)
{
    int rc = 0;

    to->whole_max = from->whole_max;
    to->head.max = from->head.max;
    if (from->tail)
        rc = clone_ends(to, from);
    else if (from->head.len > 0)
        rc = llmobs_body_add(to, from->head.data, from->head.len);
    else if (from->head.data)
        rc = llmobs_buf_add(&to->head, "", 0);
    llmobs_buf_fit(&to->head);
    to->total = from->total;
    to->left = from->left;
    to->lost = from->lost || rc != 0;
    return rc;
}

void llmobs_body_shrink(struct llmobs_body *body)
{
    const char *none = "";
    size_t len = 0;

    if (body->truncated || body->head.len <= 2 * LLMOBS_BODY_EDGE)
        return;
    if (truncate_to_edges(body, &none, &len) != 0)
        body->lost = true;
}

void llmobs_body_miss(struct llmobs_body *body, uint64_t len)
{
    body->total += len;
    body->lost = true;
}

void llmobs_body_omit(struct llmobs_body *body, size_t len)
{
    llmobs_buf_cut(&body->head, body->head.len - len);
    body->left += len;
}

void llmobs_body_pass(struct llmobs_body *body, size_t len)
{
    body->total += len;
    body->left += len;
}

void llmobs_body_stand_in(struct llmobs_body *body, const char *text,
                          size_t len)
{
    body->left -= len;
    body->total -= len;
    (void)llmobs_body_add(body, text, len);
}

void llmobs_body_rewind(struct llmobs_body *body, uint64_t total)
{
    bool gaps = body->left > 0 && total > 0;

    if (total >= body->total)
        return;
    body->total = total;
    body->left = 0;
    drop_tail(body);
    if (gaps || total > body->head.len) {
        body->lost = true;
        return;
    }
    llmobs_buf_cut(&body->head, (size_t)total);
    body->truncated = false;
    body->lost = false;
}

struct llmobs_text llmobs_body_head(const struct llmobs_body *body)
{
    struct llmobs_text head = {body->head.data, body->head.len};

    return head;
}

static void reverse(char *data, size_t len)
{
    for (size_t i = 0; i < len / 2; i++) {
        char byte = data[i];

        data[i] = data[len - 1 - i];
        data[len - 1 - i] = byte;
    }
}

struct llmobs_text llmobs_body_tail(struct llmobs_body *body)
{
    struct llmobs_text tail = {body->tail, body->tail_len};

    /* Three reversals turn the ring in place, so that no memory is needed. The
     * ring is full from its beginning: its oldest byte lies where the next byte
     * goes. */
    if (body->tail_at > 0) {
        reverse(body->tail, body->tail_at);
        reverse(body->tail + body->tail_at, body->tail_len - body->tail_at);
        reverse(body->tail, body->tail_len);
        body->tail_at = 0;
    }
    return tail;
}
