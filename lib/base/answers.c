/* Reads and writes the file of destinations' last answers. */
#include "lib/base/answers.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/file.h"

#define FORM "answer2"
#define LOCK_MS 5
#define NAME "answers"

static off_t place_of(int i)
{
    return (off_t)i * (off_t)sizeof(struct llmobs_answer);
}

/* Reads an answer that is whole, and of this version; else an empty one. */
static void read_one(int fd, int i, struct llmobs_answer *out)
{
    if (pread(fd, out, sizeof(*out), place_of(i)) != sizeof(*out) ||
        memcmp(out->form, FORM, sizeof(FORM)) != 0)
        memset(out, 0, sizeof(*out));
    llmobs_answer_limit(out);
}

/* Takes the destination's place in the file over, else that of the answer that
 * is the oldest. */
static int find(int fd, struct llmobs_answer *answer)
{
    struct llmobs_answer one;
    int64_t oldest_ns = INT64_MAX;
    int oldest = 0;

    for (int i = 0; i < LLMOBS_ANSWERS; i++) {
        read_one(fd, i, &one);
        if (strcmp(one.exporter, answer->exporter) == 0 &&
            strcmp(one.place, answer->place) == 0) {
            answer->since_ns = one.since_ns;
            answer->accepted_ns = one.accepted_ns;
            answer->accepted += one.accepted;
            return i;
        }
        if (one.last_ns < oldest_ns) {
            oldest = i;
            oldest_ns = one.last_ns;
        }
    }
    return oldest;
}

void llmobs_answers_put(int dir, struct llmobs_answer *answer)
{
    bool accepted = answer->accepted > 0;
    int at, fd;

    if (!llmobs_file_may_grow((uint64_t)place_of(LLMOBS_ANSWERS)))
        return;
    fd = llmobs_file_open(dir, NAME, O_RDWR);
    if (fd < 0)
        return;
    (void)llmobs_file_lock(fd, F_WRLCK, LOCK_MS);
    at = find(fd, answer);
    memcpy(answer->form, FORM, sizeof(FORM));
    answer->last_ns = llmobs_clock_wall_ns();
    if (accepted)
        answer->accepted_ns = answer->last_ns;
    if (accepted || answer->since_ns == 0)
        answer->since_ns = accepted ? 0 : answer->last_ns;
    (void)!pwrite(fd, answer, sizeof(*answer), place_of(at));
    close(fd);
}

void llmobs_answers_read(int dir, struct llmobs_answer out[LLMOBS_ANSWERS])
{
    int fd = llmobs_file_peek(dir, NAME);

    for (int i = 0; i < LLMOBS_ANSWERS; i++)
        read_one(fd, i, &out[i]);
    if (fd >= 0)
        close(fd);
}
