/* Parses addresses, and tests whether they are private. */
#include "lib/base/network.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buf.h"

#define PARTS 4
#define NAME_MAX_LEN 64 /* an address with quotes, brackets, zone and port */

/* -- addresses ----------------------------------------------------------- */

static bool is_private4(uint32_t address)
{
    static const struct {
        uint32_t net;
        int bits;
    } nets[] = {{0x00000000, 8}, /* this host */
                {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},
                {0xa9fe0000, 16}, {0xac100000, 12}, {0xc0a80000, 16}};

    for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
        if ((address ^ nets[i].net) >> (32 - nets[i].bits) == 0)
            return true;
    return false;
}

static bool is_private6(const uint8_t address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t zeros[15];

    if (memcmp(address, mapped, sizeof(mapped)) == 0)
        return is_private4((uint32_t)address[12] << 24 |
                           (uint32_t)address[13] << 16 |
                           (uint32_t)address[14] << 8 | address[15]);
    if (memcmp(address, zeros, sizeof(zeros)) == 0)
        return address[15] <= 1; /* this host */
    return (address[0] & 0xfe) == 0xfc ||
           (address[0] == 0xfe && (address[1] & 0xc0) == 0x80);
}

/* -- hosts --------------------------------------------------------------- */

/* Reads a part of an address: decimal, octal or hexadecimal; NULL: no
 * number. */
static const char *read_part(const char *at, uint64_t *out)
{
    int digit, base = *at != '0' ? 10 : at[1] == 'x' ? 16 : 8;
    const char *first;

    at += base == 16 ? 2 : 0;
    first = at;
    for (*out = 0; (digit = llmobs_text_hex(*at)) >= 0 && digit < base; at++) {
        *out = *out * (unsigned)base + (unsigned)digit;
        if (*out > UINT32_MAX)
            return NULL;
    }
    return at > first && (*at == '.' || *at == '\0') ? at : NULL;
}

/* Reads an address as inet_aton does: the last part fills all bytes that are
 * left. */
static bool read_address(const char *host, uint32_t *out)
{
    uint64_t part;

    *out = 0;
    for (int i = 0; i < PARTS; i++) {
        host = read_part(host, &part);
        if (!host)
            return false;
        if (*host == '\0') {
            *out |= (uint32_t)part;
            return part >> (32 - 8 * i) == 0;
        }
        if (part > 0xff)
            return false;
        *out |= (uint32_t)part << (24 - 8 * i);
        host++;
    }
    return false;
}

bool llmobs_network_private_host(const char *host)
{
    static const char *const ends[] = {
        ".local", ".internal", ".lan",  ".home.arpa", ".localhost",
        ".test",  ".svc",      ".corp", ".intranet",  ".private"};
    size_t len = strlen(host);
    uint8_t wide[16];
    uint32_t address;
    const char *dot;
    const char *last;

    if (strchr(host, ':'))
        return inet_pton(AF_INET6, host, wide) == 1 && is_private6(wide);
    if (read_address(host, &address))
        return is_private4(address);
    /* A name has ordinary letters only. One whose last part begins with a digit
     * is meant as an address. */
    dot = strrchr(host, '.');
    last = dot ? dot + 1 : host;
    if (!*last || (*last >= '0' && *last <= '9') ||
        host[strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.")] != '\0')
        return false;
    if (!strchr(host, '.')) /* in "xn--" IDNA may have hidden a dot */
        return strncmp(host, "xn--", 4) != 0;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        size_t end = strlen(ends[i]);

        if (len > end && strcmp(host + len - end, ends[i]) == 0)
            return true;
    }
    return false;
}

/* -- callers ------------------------------------------------------------- */

/* Copies an address without the blanks, quotes, brackets, zone and port that
 * may be around it. */
static bool copy_bare(const char *text, size_t len, char out[NAME_MAX_LEN])
{
    const char *colon;

    while (len > 0 && strchr(" \t\"[", *text))
        text++, len--;
    while (len > 0 && strchr(" \t\"", text[len - 1]))
        len--;
    if (len == 0 || len >= NAME_MAX_LEN)
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    colon = strchr(out, ':');
    if (colon && !strchr(colon + 1, ':')) /* a port, not IPv6 */
        out[colon - out] = '\0';
    out[strcspn(out, "]%")] = '\0';
    return true;
}

enum network { UNKNOWN, PRIVATE, PUBLIC };

static enum network network_of(const char *text, size_t len)
{
    char address[NAME_MAX_LEN];
    struct in_addr narrow;
    uint8_t wide[16];

    if (!copy_bare(text, len, address))
        return UNKNOWN;
    if (inet_pton(AF_INET, address, &narrow) == 1)
        return is_private4(ntohl(narrow.s_addr)) ? PRIVATE : PUBLIC;
    if (inet_pton(AF_INET6, address, wide) == 1)
        return is_private6(wide) ? PRIVATE : PUBLIC;
    return UNKNOWN;
}

bool llmobs_network_public_caller(const char *address)
{
    return address && network_of(address, strlen(address)) == PUBLIC;
}

/* True for an address that is not known to be private: the address itself, or
 * "for=..." of a Forwarded header, of which other members do not count. */
static bool is_stranger(const char *text, size_t len)
{
    const char *equals = memchr(text, '=', len);
    size_t blank = strspn(text, " \t");

    if (blank >= len)
        return false;
    if (equals) {
        text += blank;
        len -= blank;
        if (strncasecmp(text, "for", 3) != 0 ||
            text + 3 + strspn(text + 3, " \t") != equals)
            return false;
        len -= (size_t)(equals + 1 - text);
        text = equals + 1;
    }
    return network_of(text, len) != PRIVATE;
}

bool llmobs_network_public_forwarded(const char *value)
{
    while (value && *value) {
        size_t len = strcspn(value, ",;");

        if (is_stranger(value, len))
            return true;
        value += len + (value[len] != '\0');
    }
    return false;
}
