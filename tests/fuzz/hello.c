/* The first bytes of a client of the proxy of `llmobs-run --intercept`, in
 * clear: the head of a CONNECT, or of a request for a whole URL; and within it,
 * a ClientHello. Read up to each of its bytes, a message is whole at one place,
 * and then stays as it is. */
#include <stdlib.h>
#include <string.h>

#include "cli/intercept/hello.h"
#include "cli/intercept/way_out.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_head(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1), *out = calloc(1, size + 64);
    const struct llmobs_way none = {.url = NULL};
    struct llmobs_http1_head head;
    struct llmobs_target to;

    FUZZ_CHECK(text && out);
    if (size > 0)
        memcpy(text, data, size);
    if (llmobs_way_out_asked(text, &head, &to)) {
        FUZZ_CHECK(to.host[0] && memchr(to.host, '\0', sizeof(to.host)) &&
                   to.port > 0 && to.port < 65536 &&
                   !strpbrk(to.host, " \r\n/@"));
        if (!llmobs_text_is(head.method, "CONNECT"))
            FUZZ_CHECK(llmobs_way_out_request(&none, text, &head, out) <= size);
    }
    (void)llmobs_way_out_stands(text);
    free(text);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_hello hello, again;
    int before = 0;

    read_head(data, size);
    for (size_t len = size > 600 ? size - 600 : 0; len <= size; len++) {
        int rc = llmobs_hello_read(data, len, &hello);

        FUZZ_CHECK(rc >= -1 && rc <= 1 && (before == 0 || rc == before));
        if (rc == 1 && before == 1)
            FUZZ_CHECK(memcmp(&hello, &again, sizeof(hello)) == 0);
        if (rc == 1)
            FUZZ_CHECK(memchr(hello.name, '\0', sizeof(hello.name)) &&
                       hello.alpn_len <= sizeof(hello.alpn));
        again = hello;
        before = rc;
    }
    return 0;
}
