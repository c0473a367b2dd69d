/* Files of a local store, ended by FUZZ_CUT, as the tool reads and shows them:
 * each line is had whole, from both ends and again, and nothing that is shown
 * controls a terminal. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/shared/escape.h"
#include "cli/shared/reader.h"
#include "lib/base/mix.h"
#include "lib/text/json.h"
#include "tests/fuzz/fuzz.h"

#define FILES 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_shown(struct llmobs_text text)
{
    struct llmobs_buf out;

    llmobs_buf_init(&out, (size_t)1 << 20);
    FUZZ_CHECK(llmobs_escape_add(&out, text, 80) == 0);
    for (size_t i = 0; i < out.len; i++)
        FUZZ_CHECK((unsigned char)out.data[i] >= ' ' && out.data[i] != 0x7f);
    llmobs_buf_fini(&out);
}

/* The lines that a walk has given; `sum` does not depend on their order. */
struct lines {
    struct llmobs_reader *reader;
    size_t bytes, count;
    uint64_t sum;
};

static uint64_t sum_of(struct llmobs_text text, struct llmobs_place place)
{
    uint64_t sum = llmobs_mix(place.at * FILES + place.file);

    for (size_t i = 0; i < text.len; i++)
        sum = llmobs_mix(sum ^ (unsigned char)text.data[i]);
    return sum;
}

static int line_back(void *ctx, struct llmobs_text text,
                     struct llmobs_place place)
{
    struct lines *lines = ctx;
    struct llmobs_buf again;

    FUZZ_CHECK(text.len > 0 && !memchr(text.data, '\n', text.len));
    lines->bytes += text.len;
    lines->count++;
    lines->sum += sum_of(text, place);
    llmobs_buf_init(&again, LLMOBS_READER_LINE_MAX);
    FUZZ_CHECK(llmobs_reader_again(lines->reader, place, &again) == 0);
    FUZZ_CHECK(again.len == text.len && place.len == text.len &&
               !memcmp(again.data, text.data, text.len));
    llmobs_buf_fini(&again);
    return 0;
}

static int line(void *ctx, struct llmobs_text text, struct llmobs_place place)
{
    struct llmobs_json *json;

    check_shown(text);
    if (llmobs_json_parse(text, &json) == 0)
        llmobs_json_free(json);
    return line_back(ctx, text, place);
}

static char base[64];

static void end(void)
{
    (void)rmdir(base);
}

static void begin(void)
{
    snprintf(base, sizeof(base), "/dev/shm/llmobs-fuzz.XXXXXX");
    if (!mkdtemp(base)) {
        snprintf(base, sizeof(base), "/tmp/llmobs-fuzz.XXXXXX");
        FUZZ_CHECK(mkdtemp(base) != NULL);
    }
    atexit(end);
}

static void put(size_t i, struct llmobs_text text, bool remove)
{
    char path[PATH_MAX];
    int fd;

    snprintf(path, sizeof(path), "%s/spans-%zu.jsonl", base, i);
    if (remove) {
        (void)unlink(path);
        return;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_CHECK(fd >= 0);
    FUZZ_CHECK(write(fd, text.data, text.len) == (ssize_t)text.len);
    close(fd);
}

/* Reads the files from both ends. */
static void check_store(size_t files, size_t size)
{
    struct llmobs_reader *reader = NULL;
    struct lines on = {0}, back = {0};
    const struct llmobs_reader_report *report;

    FUZZ_CHECK(llmobs_reader_open(base, &reader) == 0);
    on.reader = back.reader = reader;
    report = llmobs_reader_report(reader);
    FUZZ_CHECK(llmobs_reader_walk(reader, 0, NULL, line, &on) == 0);
    FUZZ_CHECK(report->files == files && report->unreadable == 0);
    FUZZ_CHECK(llmobs_reader_walk_back(reader, 0, NULL, line_back, &back) == 0);
    FUZZ_CHECK(on.bytes <= size && on.bytes == back.bytes &&
               on.count == back.count && on.sum == back.sum);
    llmobs_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size}, none = {"", 0};
    size_t n = 0;

    if (!base[0])
        begin();
    while (in.len && n < FILES)
        put(n++, fuzz_take(&in, FUZZ_CUT), false);
    check_store(n, size);
    while (n > 0)
        put(--n, none, true);
    return 0;
}
