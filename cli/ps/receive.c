#include "cli/ps/receive.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "core/base/clock.h"

int llmobs_ps_receive(int fd, int64_t ms, struct llmobs_buf *text)
{
    int64_t until = llmobs_clock_mono_ns() + ms * LLMOBS_NS_PER_MS;
    char part[16384];
    ssize_t n;

    for (;;) {
        struct pollfd ready = {fd, POLLIN, 0};
        int64_t left = (until - llmobs_clock_mono_ns()) / LLMOBS_NS_PER_MS;

        if (left <= 0)
            return -ETIMEDOUT;
        if (poll(&ready, 1, (int)left) <= 0)
            continue;
        n = read(fd, part, sizeof part);
        if (n <= 0)
            return n < 0 ? -errno : 0;
        if (llmobs_buf_add(text, part, (size_t)n) != 0)
            return -EFBIG;
    }
}
