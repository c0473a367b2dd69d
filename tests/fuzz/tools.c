/* Cuts a fuzzer's bytes into numbers and strings. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/fuzz/fuzz.h"

/* With sanitizers, on a machine that does other work as well. */
#define WORK_NS INT64_C(3000000000)

struct llmobs_text fuzz_take(struct llmobs_text *in, char end)
{
    const char *at = in->len ? memchr(in->data, end, in->len) : NULL;
    struct llmobs_text part = {in->data,
                               at ? (size_t)(at - in->data) : in->len};

    in->data += part.len + (at != NULL);
    in->len -= part.len + (at != NULL);
    return part;
}

unsigned fuzz_byte(struct llmobs_text *in)
{
    unsigned byte = in->len ? (unsigned char)in->data[0] : 0;

    in->data += in->len > 0;
    in->len -= in->len > 0;
    return byte;
}

char *fuzz_copy(struct llmobs_text text)
{
    char *data = malloc(text.len ? text.len : 1);

    FUZZ_CHECK(data != NULL);
    if (text.len)
        memcpy(data, text.data, text.len);
    return data;
}

char *fuzz_string(struct llmobs_text text)
{
    char *data = malloc(text.len + 1);

    FUZZ_CHECK(data != NULL);
    if (text.len)
        memcpy(data, text.data, text.len);
    data[text.len] = '\0';
    return data;
}

const char *fuzz_file(struct llmobs_text text)
{
    static char path[64];
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        FUZZ_CHECK(fd >= 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    FUZZ_CHECK(ftruncate(fd, 0) == 0);
    FUZZ_CHECK(pwrite(fd, text.data, text.len, 0) == (ssize_t)text.len);
    return path;
}

void fuzz_work(void)
{
    static int64_t last_ns;
    int64_t now_ns = llmobs_clock_read_ns(CLOCK_THREAD_CPUTIME_ID);

    FUZZ_CHECK(last_ns == 0 || now_ns - last_ns < WORK_NS);
    last_ns = now_ns;
}
