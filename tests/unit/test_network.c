/* Tests private addresses and hosts. */
#include "lib/base/network.h"

#include <stddef.h>

#include "tests/unit/unit.h"

static const char *const near_hosts[] = {"localhost",
                                         "127.0.0.1",
                                         "127.9.9.9",
                                         "127.1",
                                         "0x7f.1",
                                         "0x7f000001",
                                         "2130706433",
                                         "0177.0.0.1",
                                         "017700000001",
                                         "10.0.0.1",
                                         "10.1",
                                         "0xa.1",
                                         "172.16.0.1",
                                         "172.31.255.255",
                                         "192.168.1.1",
                                         "192.168.257",
                                         "100.64.0.1",
                                         "100.127.255.255",
                                         "169.254.169.254",
                                         "0.0.0.0",
                                         "0",
                                         "::1",
                                         "::",
                                         "fc00::1",
                                         "fdff::1",
                                         "fe80::1",
                                         "febf::1",
                                         "::ffff:10.0.0.1",
                                         "::ffff:7f00:1",
                                         "gateway",
                                         "llm-gw_1",
                                         "gw.local",
                                         "a.b.internal",
                                         "x.lan",
                                         "x.home.arpa",
                                         "me.localhost",
                                         "x.test",
                                         "vllm.models.svc",
                                         "vllm.models.svc.cluster.local",
                                         "x.corp",
                                         "x.intranet",
                                         "x.private",
                                         "evil.com.local"};

static const char *const far_hosts[] = {"",
                                        ".",
                                        "api.deepinfra.com",
                                        "ai-gateway.vercel.sh",
                                        "8.8.8.8",
                                        "134744072",
                                        "0x8080808",
                                        "0x08.0x08.0x08.0x08",
                                        "010.8.8.8",
                                        "172.32.0.1",
                                        "172.15.255.255",
                                        "192.169.0.1",
                                        "100.63.0.1",
                                        "100.128.0.1",
                                        "169.255.0.1",
                                        "11.0.0.1",
                                        "4294967296",
                                        "0x100000000",
                                        "1.2.3.4.5",
                                        "127.0.0.1.",
                                        "127.0.0.256",
                                        "127.0.0.08",
                                        "10.0.0.1.evil.com",
                                        "localhost.evil.com",
                                        "evil-local.com",
                                        "evillocal.com",
                                        "internal.com",
                                        ".local",
                                        "x.locals",
                                        "evil%2ecom",
                                        "evil\343\200\202com",
                                        "a b",
                                        "a/b",
                                        "a@b",
                                        "2001:db8::1",
                                        "fec0::1",
                                        "::2",
                                        "::10.0.0.1",
                                        "::ffff:8.8.8.8",
                                        "64:ff9b::a00:1",
                                        "fe80::1%eth0",
                                        "1:",
                                        ":",
                                        "0x",
                                        "0x.1",
                                        "12ab",
                                        "xn--e1afmkfd"};

static void check(bool (*asks)(const char *), bool wanted,
                  const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(asks(list[i]) == wanted, "%s",
                      list[i] ? list[i] : "NULL");
}

#define CHECK(asks, wanted, list) \
    check(asks, wanted, list, sizeof(list) / sizeof(*(list)))

TEST(hosts_that_are_near)
{
    CHECK(llmobs_network_private_host, true, near_hosts);
}

TEST(hosts_that_are_not)
{
    CHECK(llmobs_network_private_host, false, far_hosts);
}

TEST(callers)
{
    static const char *const strangers[] = {
        "8.8.8.8",           "8.8.8.8:443",    "2001:db8::1",
        "[2001:db8::1]:443", "::ffff:8.8.8.8", "100.63.1.1"};
    static const char *const known[] = {NULL,           "",
                                        "127.0.0.1",    "127.0.0.1:80",
                                        "::1",          "fe80::1%eth0",
                                        "[fd00::1]:80", "::ffff:10.1.1.1",
                                        "unix:",        "@",
                                        "localhost"};

    CHECK(llmobs_network_public_caller, true, strangers);
    CHECK(llmobs_network_public_caller, false, known);
}

/* A caller that is not known to be private is a stranger there. */
TEST(proxies)
{
    static const char *const strangers[] = {
        "8.8.8.8",
        "10.0.0.1, 8.8.8.8",
        "8.8.8.8, 10.0.0.1",
        "unknown",
        "10.0.0.1,unknown",
        "localhost",
        "_hidden",
        "for=8.8.8.8",
        "For=\"[2001:db8::1]:80\";proto=https",
        "proto=http;for=_x;by=10.0.0.1",
        "for=10.0.0.1, for=9.9.9.9",
        "for = 9.9.9.9",
        "for=",
        "010.0.0.1",
        "10.0.0.1 8.8.8.8"};
    static const char *const known[] = {
        NULL,
        "",
        " ",
        "10.0.0.1",
        " 10.0.0.1 , ::1,",
        "10.0.0.1:5000",
        "for=10.0.0.1",
        "for=\"[fd00::1]:80\";by=8.8.8.8;host=evil.com",
        "by=8.8.8.8",
        "\"127.0.0.1\""};

    CHECK(llmobs_network_public_forwarded, true, strangers);
    CHECK(llmobs_network_public_forwarded, false, known);
}
