/* Files of a local store, ended by FUZZ_CUT, as the tool reads and shows them:
 * each line is had whole, and nothing that is shown controls a terminal. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/shared/escape.h"
#include "cli/shared/reader.h"
#include "core/text/json.h"
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

static int line(void *ctx, struct llmobs_text text)
{
    size_t *bytes = ctx;
    struct llmobs_json *json;

    FUZZ_CHECK(text.len > 0 && !memchr(text.data, '\n', text.len));
    *bytes += text.len;
    check_shown(text);
    if (llmobs_json_parse(text, &json) == 0)
        llmobs_json_free(json);
    return 0;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size}, none = {"", 0};
    struct llmobs_reader_report report = {0};
    size_t bytes = 0, n = 0;

    if (!base[0])
        begin();
    while (in.len && n < FILES)
        put(n++, fuzz_take(&in, FUZZ_CUT), false);
    FUZZ_CHECK(llmobs_reader_walk(base, 0, line, &bytes, &report) == 0);
    FUZZ_CHECK(report.files == n && report.unreadable == 0);
    FUZZ_CHECK(bytes <= size);
    while (n > 0)
        put(--n, none, true);
    return 0;
}
