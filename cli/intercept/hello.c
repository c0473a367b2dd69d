/* Parses the ClientHello of TLS: host, ALPN and the kind of client. */
#include "cli/intercept/hello.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mix.h"

#define HANDSHAKE 22
#define CLIENT_HELLO 1
#define RECORD_HEAD 5
#define MESSAGE_HEAD 4
#define VERSION_AND_RANDOM 34
#define SERVER_NAME 0
#define ALPN 16

/* Bytes that are left to be read. */
struct rest {
    const unsigned char *at;
    size_t len;
};

/* Takes a number of so many bytes off; -1: there are not so many. */
static long take_number(struct rest *rest, size_t bytes)
{
    long number = 0;

    if (rest->len < bytes)
        return -1;
    for (size_t i = 0; i < bytes; i++)
        number = number << 8 | rest->at[i];
    rest->at += bytes;
    rest->len -= bytes;
    return number;
}

/* Takes a part off that stands behind its length. */
static bool take_part(struct rest *rest, size_t bytes, struct rest *part)
{
    long len = take_number(rest, bytes);

    if (len < 0 || (size_t)len > rest->len)
        return false;
    *part = (struct rest){rest->at, (size_t)len};
    rest->at += len;
    rest->len -= (size_t)len;
    return true;
}

static bool read_body(struct rest body, struct llmobs_hello *hello)
{
    struct rest part, extensions, text, list, name;

    if (body.len < VERSION_AND_RANDOM)
        return false;
    memcpy(hello->random, body.at + 2, sizeof(hello->random));
    body.at += VERSION_AND_RANDOM;
    body.len -= VERSION_AND_RANDOM;
    if (!take_part(&body, 1, &part) || !take_part(&body, 2, &part))
        return false;
    /* Some clients put numbers without a meaning between theirs, each time
     * others (RFC 8701). */
    for (long one; (one = take_number(&part, 2)) >= 0;)
        if ((one & 0x0f0f) != 0x0a0a || one >> 8 != (one & 255))
            hello->kind = llmobs_mix(hello->kind ^ (uint64_t)one);
    if (!take_part(&body, 1, &part) || !take_part(&body, 2, &extensions))
        return false;
    while (extensions.len > 0) {
        long type = take_number(&extensions, 2);

        if (type < 0 || !take_part(&extensions, 2, &text))
            return false;
        if (type == ALPN) {
            if (!take_part(&text, 2, &list) || list.len > sizeof(hello->alpn))
                return false;
            memcpy(hello->alpn, list.at, list.len);
            hello->alpn_len = list.len;
        } else if (type == SERVER_NAME) {
            if (!take_part(&text, 2, &list) || take_number(&list, 1) != 0 ||
                !take_part(&list, 2, &name) ||
                name.len >= sizeof(hello->name) ||
                memchr(name.at, '\0', name.len))
                return false;
            memcpy(hello->name, name.at, name.len);
            hello->name[name.len] = '\0';
        }
    }
    return true;
}

/* Joins the records of a message; gives its length, or the answer of
 * llmobs_hello_read. */
static int join(struct rest rest, unsigned char *whole)
{
    size_t have = 0;

    for (;;) {
        struct rest record, message = {whole, have};

        if (rest.len > 0 && *rest.at != HANDSHAKE)
            return -1;
        if (rest.len < RECORD_HEAD)
            return 0;
        rest.at += RECORD_HEAD - 2;
        rest.len -= RECORD_HEAD - 2;
        if (!take_part(&rest, 2, &record))
            return 0;
        if (record.len == 0 || have + record.len > LLMOBS_HELLO_MAX)
            return -1;
        memcpy(whole + have, record.at, record.len);
        message.len = have += record.len;
        if (*whole != CLIENT_HELLO)
            return -1;
        if (have < MESSAGE_HEAD)
            continue;
        (void)take_number(&message, 1);
        if (take_part(&message, 3, &record))
            return (int)record.len;
    }
}

int llmobs_hello_read(const unsigned char *bytes, size_t len,
                      struct llmobs_hello *hello)
{
    unsigned char *whole = malloc(LLMOBS_HELLO_MAX);
    int rc = whole ? join((struct rest){bytes, len}, whole) : -1;

    memset(hello, 0, sizeof(*hello));
    if (rc > 0)
        rc = read_body((struct rest){whole + MESSAGE_HEAD, (size_t)rc}, hello)
                 ? 1
                 : -1;
    free(whole);
    return rc;
}
