/* Tests the HTTP/1.1 reader. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/sanitizer.h"
#include "lib/text/http1.h"
#include "tests/support/http1_log.h"
#include "tests/unit/unit.h"

#define SENT HTTP1_SENT
#define GOT HTTP1_RECEIVED
#define CLOSED HTTP1_CLOSED
#define LOST HTTP1_LOST
#define SKIP HTTP1_SKIPPED

#define E "\r\n"
#define END "\r\n\r\n"
#define V " HTTP/1.1" E
#define HOST V "Host: h" E
#define GET "GET /a" HOST E
#define POST "POST /a" HOST
#define OK "HTTP/1.1 200 OK" E
#define EMPTY OK "Content-Length: 0" END
#define CHUNKED "Transfer-Encoding: chunked" E

#define G0 ">0 GET /a h 1.1|>0 whole|"
#define G1 ">1 GET /a h 1.1|>1 whole|"
#define A0 "<0 200 1.1 length 0|<0 whole|"
#define A1 "<1 200 1.1 length 0|<1 whole|"
#define P(n) ">0 POST /a h 1.1 length " #n "|"
#define PC ">0 POST /a h 1.1 chunked|"
#define DOUBT "doubt|"
#define LOST0 "<0 lost|" DOUBT
#define STATUS "<0 200 1.1|"

#define BYTES(text) (text), sizeof(text) - 1

struct row {
    const char *in;
    size_t len;
    const char *out;
};

static const struct row whole[] = {
    {BYTES(""), ""},
    {BYTES(SENT GET GOT EMPTY CLOSED), G0 A0},
    {BYTES(SENT GET GOT EMPTY SENT GET GOT EMPTY), G0 A0 G1 A1},
    {BYTES(SENT POST "Content-Length: 5" END "hello" GOT OK
                     "content-length:2" END "{}"),
     P(5) ">0 = hello|>0 whole|<0 200 1.1 length 2|<0 = {}|<0 whole|"},
    {BYTES(SENT POST "TRANSFER-ENCODING:  CHUNKED " END "5" E "hello" E
                     "00c;x=\"y\";z" E "hello, world" E "0" END GOT OK CHUNKED E
                     "A  " E "0123456789" E "000" E "A: b" E "C: d" END),
     PC ">0 = hellohello, world|>0 whole|<0 200 1.1 chunked|<0 = 0123456789|"
        "<0 whole|"},
    /* LF alone, empty lines before a head, a status without a reason */
    {BYTES(SENT "GET /a HTTP/1.0\nHost: h\n\n\r\n\nPOST /b HTTP/1.1\n"
                "Transfer-Encoding: chunked\n\n2\nab\n0\n\n" GOT
                "HTTP/1.0 204\n\n\r\nHTTP/1.1 404 \nContent-Length: 1\n\nx"),
     ">0 GET /a h 1.0|>0 whole|>1 POST /b  1.1 chunked|>1 = ab|>1 whole|"
     "<0 204 1.0|<0 whole|<1 404 1.1 length 1|<1 = x|<1 whole|"},
    {BYTES(SENT E E "\n" E E E E E E E E E E E E GET GOT EMPTY), G0 A0},
    /* headers: folded, empty, without a colon, of several colons */
    {BYTES(SENT "GET /a?b=c d" V "A: b" E "  c" E "\td" E "no colon" E
                "HOST:\th:1 \t" E "B:" E ":x" E "C : d" E " e: f" E
                "D: e:f" END GOT "HTTP/1.1 299 A: b c" E "A:x" E "B: y" E
                "Content-Length: 0" END),
     ">0 GET /a?b=c d h:1 1.1 A=b\r\n  c\r\n\td B= C=d\r\n e: f D=e:f|"
     ">0 whole|<0 299 1.1 length 0 A=x B=y|<0 whole|"},
    {BYTES(SENT "GET http://u:p@h/a" V E "OPTIONS *" V E "x-y_z /" V E
                "GET h" V E GOT EMPTY),
     ">0 GET http://u:p@h/a  1.1|>0 whole|>1 OPTIONS *  1.1|>1 whole|"
     ">2 x-y_z /  1.1|>2 whole|>3 GET h  1.1|>3 whole|" A0},
    /* chunks win over a length, whatever the order */
    {BYTES(SENT POST "Content-Length: 99" E CHUNKED E "1" E "x" E
                     "0" END GOT OK CHUNKED "Content-Length: 1" END "2" E "xy" E
                     "0" END),
     PC ">0 = x|>0 whole|<0 200 1.1 chunked|<0 = xy|<0 whole|"},
    {BYTES(SENT GET GOT OK "Content-Length: 3" E "content-length: 03" END
                           "abc"),
     G0 "<0 200 1.1 length 3|<0 = abc|<0 whole|"},
    {BYTES(SENT GET GOT OK "Transfer-Encoding: identity" E
                           "Content-Length: 1" END "a"),
     G0 "<0 200 1.1 length 1|<0 = a|<0 whole|"},
    {BYTES(SENT GET GOT OK "Transfer-Encoding: gzip, chunked" END "1" E "a" E
                           "0" END),
     G0 "<0 200 1.1 chunked|<0 = a|<0 whole|"},
};

static const struct row bodiless[] = {
    {BYTES(SENT "HEAD /a" V E GET GOT OK "Content-Length: 999" END OK
                "Content-Length: 1" END "x"),
     ">0 HEAD /a  1.1|>0 whole|" G1 "<0 200 1.1|<0 whole|"
     "<1 200 1.1 length 1|<1 = x|<1 whole|"},
    {BYTES(SENT GET GET GOT "HTTP/1.1 204 No" E CHUNKED E "HTTP/1.1 304 No" E
                            "Content-Length: 7" END),
     G0 G1 "<0 204 1.1|<0 whole|<1 304 1.1|<1 whole|"},
    {BYTES(SENT GET GOT "HTTP/1.1 100 Continue" END "HTTP/1.1 103 Early" E
                        "Link: </a>" E "Content-Length: 5" END EMPTY),
     G0 A0},
    {BYTES(SENT GET GOT "HTTP/1.1 101 Switch" E "Upgrade: x" END "\x81yes" SENT
                        "\x81more"),
     G0 "<0 101 1.1 to end|<0 lost|switched|"},
    {BYTES(SENT "CONNECT h:1" HOST E GOT OK END SENT GET),
     ">0 CONNECT h:1 h 1.1|>0 whole|<0 200 1.1 to end|<0 lost|switched|"},
    {BYTES(SENT "CONNECT h:1" HOST E GOT "HTTP/1.1 407 Who" E
                "Content-Length: 1" END "x" SENT "CONNECT h:1" HOST E GET),
     ">0 CONNECT h:1 h 1.1|>0 whole|<0 407 1.1 length 1|<0 = x|<0 whole|"
     ">1 CONNECT h:1 h 1.1|>1 whole|"},
};

/* How connections end. */
static const struct row ends[] = {
    {BYTES(SENT GET GOT OK E "all" CLOSED),
     G0 "<0 200 1.1 to end|<0 = all|<0 closed|"},
    {BYTES(SENT GET GET GOT "HTTP/1.0 200 OK" END "all" LOST),
     G0 G1 "<0 200 1.0 to end|<0 = all|<0 cut|<1 none|"},
    {BYTES(SENT GET GOT OK "Content-Length: 3" END "al" CLOSED GOT "l"),
     G0 "<0 200 1.1 length 3|<0 = al|<0 cut|"},
    {BYTES(SENT GET GOT OK CHUNKED E "2" E "al" E "0" E "A: b" E CLOSED),
     G0 "<0 200 1.1 chunked|<0 = al|<0 cut|"},
    {BYTES(SENT GET GOT "HTTP/1.1 200" CLOSED), G0 "<0 none|"},
    {BYTES(SENT GET GOT "HTTP/1.1 102 Wait" END LOST CLOSED LOST),
     G0 "<0 none|"},
    {BYTES(SENT GET SENT "POST /b" LOST), G0 "<0 none|"},
    {BYTES(SENT "POST" CLOSED SENT GET), ""},
    {BYTES(SENT POST "Content-Length: 3" END "ab" LOST),
     P(3) ">0 = ab|>0 cut|<0 none|"},
    {BYTES(SENT GET POST "Content-Length: 3" END "ab" GOT EMPTY CLOSED),
     G0 ">1 POST /a h 1.1 length 3|>1 = ab|" A0 ">1 cut|<1 none|"},
};

/* Answers that come before the whole request is sent. */
#define EARLY "<0 413 1.1 length 3|<0 = big|<0 whole|"
#define BIG "HTTP/1.1 413 Big" E "Content-Length: 3" END "big"
#define EXPECT POST "Expect: 100-Continue" E "Content-Length: 6" END
#define REFUSED "<0 417 1.1 length 0|<0 whole|"
#define REFUSE "HTTP/1.1 417 No" E "Content-Length: 0" END

static const struct row early[] = {
    {BYTES(SENT POST "Content-Length: 5" END "he" GOT BIG SENT
                     "llo" GET GOT EMPTY),
     P(5) ">0 = he|" EARLY ">0 = llo|>0 whole|" G1 A1},
    {BYTES(SENT POST CHUNKED E "5" E "he" GOT BIG LOST),
     PC ">0 = he|" EARLY ">0 cut|"},
    {BYTES(SENT POST "Content-Length: 5" END GOT BIG SENT "GET /a" GOT EMPTY),
     P(5) EARLY ">0 = GET /|>0 whole|unasked|"},
    {BYTES(SENT GET POST "Content-Length: 5" END "he" GOT EMPTY SENT "llo"),
     G0 ">1 POST /a h 1.1 length 5|>1 = he|" A0 ">1 = llo|>1 whole|"},
    /* Expect: the server wants the body, refuses it, answers without it */
    {BYTES(SENT EXPECT GOT "HTTP/1.1 100 Go" END SENT "GET /a" GOT EMPTY),
     P(6) ">0 = GET /a|>0 whole|" A0},
    {BYTES(SENT EXPECT GOT "HTTP/1.1 103 Hint" END REFUSE SENT GET GOT EMPTY),
     P(6) REFUSED ">0 cut|" G1 A1},
    {BYTES(SENT EXPECT GOT REFUSE SENT "{\"a\":1" GET GOT EMPTY),
     P(6) REFUSED ">0 = {\"a\":1|>0 whole|" G1 A1},
    {BYTES(SENT EXPECT GOT REFUSE SENT "POST {" GET GOT EMPTY),
     P(6) REFUSED ">0 = POST {|>0 whole|" G1 A1},
    {BYTES(SENT EXPECT "{\"" GOT REFUSE SENT "a\":1" GET GOT EMPTY),
     P(6) ">0 = {\"|" REFUSED ">0 = a\":1|>0 whole|" G1 A1},
    {BYTES(SENT EXPECT GOT REFUSE CLOSED), P(6) REFUSED ">0 cut|"},
    {BYTES(SENT EXPECT GOT REFUSE SENT "GET" LOST), P(6) REFUSED ">0 cut|"},
    {BYTES(SENT POST "Expect: 100-continue" END GOT EMPTY SENT "{}" GET),
     ">0 POST /a h 1.1|>0 whole|" A0 DOUBT},
    /* the body passed unseen: an answer that is no error says so */
    {BYTES(SENT POST "Content-Length: 5" END GOT EMPTY SENT E GET GOT EMPTY),
     P(5) "<0 200 1.1 length 0|<0 whole|>0 cut|" G1 A1},
    {BYTES(SENT POST "Content-Length: 5" END GOT EMPTY SENT E "{1}" GET),
     P(5) "<0 200 1.1 length 0|<0 whole|>0 = \r\n{1}|>0 whole|" G1},
};

/* Bytes that begin like a request where the framing does not prove that they
 * are one. GET has 28 of them. */
#define AS_BODY ">0 = " GET
#define CONNECT "CONNECT h:1" HOST E
#define C0 ">0 CONNECT h:1 h 1.1|>0 whole|"
#define UPGRADE "GET /a" HOST "Upgrade: x" END
#define OF_28 SENT POST "Content-Length: 28" END GOT EMPTY
#define EXPECT_28 \
    SENT POST "Expect: 100-continue" E "Content-Length: 28" END GOT REFUSE

static const struct row guessed[] = {
    /* the body, whole, short, and with a request behind it */
    {BYTES(OF_28 SENT GET CLOSED), P(28) A0 AS_BODY "|>0 whole|"},
    {BYTES(OF_28 SENT GET LOST), P(28) A0 AS_BODY "|>0 whole|"},
    {BYTES(EXPECT_28 SENT GET CLOSED), P(28) REFUSED AS_BODY "|>0 whole|"},
    {BYTES(SENT POST "Content-Length: 30" END GOT EMPTY SENT GET CLOSED),
     P(30) A0 AS_BODY "|>0 cut|"},
    {BYTES(OF_28 SENT GET SENT GET GOT EMPTY),
     P(28) A0 AS_BODY "|>0 whole|" G1 A1},
    {BYTES(OF_28 SENT GET GET GET GOT EMPTY EMPTY),
     P(28) A0 AS_BODY "|>0 whole|" G1 ">2 GET /a h 1.1|>2 whole|" A1
                      "<2 200 1.1 length 0|<2 whole|"},
    {BYTES(SENT POST "Content-Length: 31" END "he" GOT EMPTY SENT GET "!" GET),
     P(31) ">0 = he|" A0 AS_BODY "!|>0 whole|" G1},
    {BYTES(SENT POST "Content-Length: 30" END GOT EMPTY SENT GET SKIP
                     "!!" SENT GET),
     P(30) A0 AS_BODY "??|>0 whole|" G1},
    /* an answer to it: a request, though the body is not all there, or would
     * end within it */
    {BYTES(OF_28 SENT GET GOT EMPTY), P(28) A0 ">0 cut|" G1 A1},
    {BYTES(EXPECT_28 SENT GET GOT EMPTY SENT GET GOT EMPTY),
     P(28) REFUSED ">0 cut|" G1 A1 ">2 GET /a h 1.1|>2 whole|"
                   "<2 200 1.1 length 0|<2 whole|"},
    {BYTES(SENT POST "Content-Length: 5" END GOT EMPTY SENT GET GOT EMPTY),
     P(5) A0 ">0 cut|" G1 A1},
    {BYTES(SENT POST "Content-Length: 5" END GOT EMPTY SENT GET CLOSED),
     P(5) A0 ">0 cut|" DOUBT},
    {BYTES(SENT POST "Content-Length: 5" END GOT EMPTY SENT GET LOST),
     P(5) A0 ">0 cut|" DOUBT},
    {BYTES(OF_28 SENT "GET /a" GOT EMPTY), P(28) A0 ">0 cut|unasked|"},
    {BYTES(OF_28 SENT GET GOT "220 mail" END), P(28) A0 ">0 lost|unasked|"},
    {BYTES(OF_28 SENT GET GOT "HT" END EMPTY), P(28) A0 ">0 lost|unasked|"},
    {BYTES(OF_28 SENT GET GOT "HTTP/1.1 200" SENT GET GOT " OK" E),
     P(28) A0 AS_BODY "|>0 whole|" G1},
    /* in chunks */
    {BYTES(SENT POST CHUNKED E "1c" E GOT EMPTY SENT GET E "0" E
                               "A: b" END GET GOT EMPTY),
     PC A0 AS_BODY "|>0 whole|" G1 A1},
    {BYTES(SENT POST CHUNKED E "1c" E GOT EMPTY SENT GET E "0" END CLOSED),
     PC A0 AS_BODY "|>0 whole|"},
    {BYTES(SENT POST CHUNKED E "ff" E GOT EMPTY SENT GET LOST),
     PC A0 AS_BODY "|>0 cut|"},
    {BYTES(SENT POST CHUNKED E GOT EMPTY SENT GET GOT EMPTY),
     PC A0 ">0 cut|" G1 A1},
    /* behind what may become a tunnel */
    {BYTES(SENT CONNECT GET GOT OK END), C0 "<0 200 1.1 to end|<0 lost|"
                                            "switched|"},
    {BYTES(SENT CONNECT GET LOST), C0 "<0 none|"},
    {BYTES(SENT CONNECT GET GOT "HTTP/1.1 100 Go" END REFUSE EMPTY),
     C0 REFUSED G1 A1},
    {BYTES(SENT GET CONNECT GET GOT EMPTY REFUSE EMPTY),
     G0 ">1 CONNECT h:1 h 1.1|>1 whole|" A0
        "<1 417 1.1 length 0|<1 whole|>2 GET /a h 1.1|>2 whole|"
        "<2 200 1.1 length 0|<2 whole|"},
    {BYTES(SENT UPGRADE GET GOT "HTTP/1.1 101 Go" END),
     G0 "<0 101 1.1 to end|<0 lost|switched|"},
    {BYTES(SENT UPGRADE "\x81more" GOT EMPTY), G0 A0},
    {BYTES(SENT UPGRADE GET GET GOT EMPTY EMPTY EMPTY),
     G0 A0 G1 ">2 GET /a h 1.1|>2 whole|" A1 "<2 200 1.1 length 0|<2 whole|"},
    {BYTES(SENT UPGRADE UPGRADE SKIP "x"), G0 "<0 lost|missed|"},
};

/* Bytes that the client sends and nobody sees. */
#define MISSED0 ">0 lost|<0 lost|missed|"

static const struct row skipped[] = {
    {BYTES(SENT POST "Content-Length: 7" END SKIP "hello" SENT
                     "me" GET GOT EMPTY EMPTY),
     P(7) ">0 = ?????me|>0 whole|" G1 A0 A1},
    {BYTES(SENT POST CHUNKED E "5" E SKIP "hello" SENT E "0" END GOT EMPTY),
     PC ">0 = ?????|>0 whole|" A0},
    {BYTES(SENT EXPECT GOT "HTTP/1.1 100 Go" END SKIP "GET /a" GOT EMPTY),
     P(6) ">0 = ??????|>0 whole|" A0},
    {BYTES(SENT EXPECT GOT REFUSE SKIP "GET /a" SENT GET),
     P(6) REFUSED ">0 = ??????|>0 whole|" G1},
    {BYTES(SENT EXPECT GOT REFUSE SENT "G" SKIP "ET"),
     P(6) REFUSED ">0 lost|missed|"},
    {BYTES(SENT POST "Content-Length: 2" END SKIP "hello"),
     P(2) ">0 = ??|>0 whole|<0 lost|missed|"},
    {BYTES(SENT POST CHUNKED E SKIP "5" E "hello"), PC MISSED0},
    {BYTES(SENT "GET /a" SKIP HOST E), "missed|"},
    {BYTES(SKIP GET SENT GET), "missed|"},
};

/* Connections that are none of ours. */
static const struct row foreign[] = {
    {BYTES(GOT "220 mail" E SENT GET GOT EMPTY), "foreign|"},
    {BYTES(GOT "\r\n" SENT GET GOT EMPTY), "foreign|"},
    {BYTES(SENT "GE" GOT "x" SENT "T /" V E), "foreign|"},
    {BYTES(SENT "EHLO me" E SENT "POST / HTTP/1.1" END GOT EMPTY), "foreign|"},
    {BYTES(SENT "EHLO host" E SENT "POST / HTTP/1.1" END GOT EMPTY),
     "foreign|"},
    {BYTES(SENT "GET /a" END GOT EMPTY), "foreign|"},
    {BYTES(SENT "GET /a HTTP/2.0" END GOT EMPTY), "foreign|"},
    {BYTES(SENT "GET /a HTTP/1.x" END GOT EMPTY), "foreign|"},
    {BYTES(SENT "GET /a HTTP/1.1x" END GOT EMPTY), "foreign|"},
    {BYTES(SENT "GET / " V E), ">0 GET /   1.1|>0 whole|"},
    {BYTES(SENT "GET /\r/b" V E), "foreign|"},
    {BYTES(SENT "PRI * HTTP/2.0" END "SM" END), "h2|"},
    {BYTES(SENT "PRI * HTTP/1.1" END), ">0 PRI *  1.1|>0 whole|"},
    {BYTES(SENT "PRI /" V E), ">0 PRI /  1.1|>0 whole|"},
    {BYTES(SENT "ABCDEFGHIJKLMNOPQRSTUV /" V E),
     ">0 ABCDEFGHIJKLMNOPQRSTUV /  1.1|>0 whole|"},
    {BYTES(SENT "ABCDEFGHIJKLMNOPQRSTUVW /" V E), "foreign|"},
    {BYTES(SENT "\0\0\0\x10"), "foreign|"},
    {BYTES(SENT " GET /" V E), "foreign|"},
    {BYTES(SENT "GET  /" V E), "foreign|"},
    {BYTES(SENT "GET\t/" V E), "foreign|"},
    {BYTES(SENT "CONNECT  h" V E), "foreign|"},
    {BYTES(SENT "CONNECTS x" V E), "foreign|"},
    {BYTES(SENT "{\"a\": /}"), "foreign|"},
    {BYTES(SENT "* OK"), "foreign|"},
    {BYTES(SENT "a1 LOGIN"), "foreign|"},
};

/* Heads and chunks that peers could read in two ways. */
#define REQUEST(headers) SENT "POST /a" HOST headers END "0" END GET
#define ANSWER(headers) SENT GET GOT OK headers END "0" END EMPTY

static const struct row doubtful[] = {
    {BYTES(REQUEST("Content-Length: 1" E "Content-Length: 2")), DOUBT},
    {BYTES(REQUEST("Content-Length: 1, 1")), DOUBT},
    {BYTES(REQUEST("Content-Length: -1")), DOUBT},
    {BYTES(REQUEST("Content-Length: +1")), DOUBT},
    {BYTES(REQUEST("Content-Length: 0x1")), DOUBT},
    {BYTES(REQUEST("Content-Length: 1 1")), DOUBT},
    {BYTES(REQUEST("Content-Length:")), DOUBT},
    {BYTES(REQUEST("Content-Length : 1")), DOUBT},
    {BYTES(REQUEST("Content-Length: 9223372036854775808")), DOUBT},
    {BYTES(REQUEST("Content-Length: 18446744073709551617")), DOUBT},
    {BYTES(REQUEST("Content-Length:" E " 1")), DOUBT},
    {BYTES(REQUEST("no colon" E " Content-Length: 1")), DOUBT},
    {BYTES(REQUEST("Transfer-Encoding: xchunked")), DOUBT},
    {BYTES(REQUEST("Transfer-Encoding: chunked, identity")), DOUBT},
    {BYTES(REQUEST("Transfer-Encoding: chunked, chunked")), DOUBT},
    {BYTES(REQUEST("Transfer-Encoding: chunked;a=b")), DOUBT},
    {BYTES(REQUEST("Transfer-Encoding: \"chunked\"")), DOUBT},
    {BYTES(REQUEST("Transfer-Encoding:")), DOUBT},
    {BYTES(REQUEST("Transfer-Encoding : chunked")), DOUBT},
    {BYTES(REQUEST("Transfer-Encoding:" E "\tchunked")), DOUBT},
    {BYTES(REQUEST("Transfer-Encoding:\vchunked")), DOUBT},
    {BYTES(REQUEST(CHUNKED "Transfer-Encoding: gzip")), DOUBT},
    {BYTES(REQUEST("A: b\rTransfer-Encoding: chunked")), DOUBT},
    {BYTES(REQUEST("A: \0")), DOUBT},
    {BYTES(REQUEST("A: \x7f")), DOUBT},
    {BYTES(ANSWER("Content-Length: 1" E "Content-Length: 2")), G0 STATUS LOST0},
    {BYTES(ANSWER("Transfer-Encoding: gzip")), G0 STATUS LOST0},
    {BYTES(ANSWER("A: \0")), G0 STATUS LOST0},
    {BYTES(SENT GET GOT "HTTP/2 200" END), G0 LOST0},
    {BYTES(SENT GET GOT "HTTP/1.1 2x0" END), G0 LOST0},
    {BYTES(SENT GET GOT "HTTP/1.1 099" END), G0 LOST0},
    {BYTES(SENT GET GOT "HTTP/1.1 2000" END), G0 LOST0},
    {BYTES(SENT GET GOT "HTTP/1.1  200" END), G0 LOST0},
    {BYTES(SENT GET GOT "HTTP/1.1" END), G0 LOST0},
    {BYTES(SENT GET GOT "ICY 200 OK" END), G0 LOST0},
    {BYTES(SENT GET "nonsense" END), G0 LOST0},
    {BYTES(SENT GET GOT EMPTY "HTTP"), G0 A0 "unasked|"},
    {BYTES(SENT GET GOT EMPTY "\r\n\n" SENT GET GOT EMPTY), G0 A0 G1 A1},
};

#define CHUNK(text) SENT POST CHUNKED E text
#define STOPS(body) PC body ">0 lost|<0 lost|doubt|"

static const struct row chunks[] = {
    {BYTES(CHUNK("10000000000000005" E "hello" E "0" END)), STOPS("")},
    {BYTES(CHUNK("fffffffffffffffff" E "hello")), STOPS("")},
    {BYTES(CHUNK("ffffffffffffff" E "hello" LOST)),
     PC ">0 = hello|>0 cut|<0 none|"},
    {BYTES(CHUNK("0000000000000000000000005" E "hello" E "0" END)),
     PC ">0 = hello|>0 whole|"},
    {BYTES(CHUNK("-5" E "hello")), STOPS("")},
    {BYTES(CHUNK("+5" E "hello")), STOPS("")},
    {BYTES(CHUNK("0x5" E "hello")), STOPS("")},
    {BYTES(CHUNK(" 5" E "hello")), STOPS("")},
    {BYTES(CHUNK("5 5" E "hello")), STOPS("")},
    {BYTES(CHUNK("5g" E "hello")), STOPS("")},
    {BYTES(CHUNK(E "5" E "hello")), STOPS("")},
    {BYTES(CHUNK(";a" E "hello")), STOPS("")},
    {BYTES(CHUNK("5\rhello")), STOPS("")},
    {BYTES(CHUNK("5;a\rb" E "hello")), STOPS("")},
    {BYTES(CHUNK("5" E "hello!" E)), STOPS(">0 = hello|")},
    {BYTES(CHUNK("5" E "hello\r!" E)), STOPS(">0 = hello|")},
    {BYTES(CHUNK("5" E "hello0" END)), STOPS(">0 = hello|")},
    {BYTES(CHUNK("\0")), STOPS("")},
};

static char *log_of(const struct row *row, struct http1_cuts cuts)
{
    struct llmobs_buf out;

    llmobs_buf_init(&out, 1 << 20);
    ck_assert(http1_log((struct llmobs_text){row->in, row->len}, &cuts, &out));
    return llmobs_buf_take(&out, NULL);
}

static void check(const struct row *row, struct http1_cuts cuts)
{
    char *out = log_of(row, cuts);

    if (strcmp(out, row->out) != 0)
        ck_abort_msg("cut at %zu and %zu, seed %u\n%s\ngives\n%s\nand not\n%s",
                     cuts.at[0], cuts.at[1], (unsigned)cuts.seed, row->in, out,
                     row->out);
    free(out);
}

static void check_all(const struct row *rows, size_t count)
{
    for (const struct row *row = rows; row < rows + count; row++) {
        check(row, (struct http1_cuts){.each = false});
        check(row, (struct http1_cuts){.each = true});
        for (size_t i = 2; i < row->len; i++) {
            check(row, (struct http1_cuts){.at = {i}});
            for (size_t k = i + 1; k < row->len; k++)
                check(row, (struct http1_cuts){.at = {i, k}});
        }
        for (uint64_t seed = 1; seed < 300; seed++)
            check(row, (struct http1_cuts){.seed = seed});
    }
}

#define ROWS_TEST(name, of)                        \
    TEST(name)                                     \
    {                                              \
        check_all(of, sizeof(of) / sizeof(of[0])); \
    }

ROWS_TEST(http1_whole, whole)
ROWS_TEST(http1_bodiless, bodiless)
ROWS_TEST(http1_ends, ends)
ROWS_TEST(http1_early, early)
ROWS_TEST(http1_guessed, guessed)
ROWS_TEST(http1_skipped, skipped)
ROWS_TEST(http1_foreign, foreign)
ROWS_TEST(http1_doubtful, doubtful)
ROWS_TEST(http1_chunks, chunks)

/* Requests in a row, up to as many as may be without an answer. */
static void ask(size_t requests, const char *end, struct llmobs_buf *out)
{
    UNIT_ENDS(llmobs_buf) in;

    llmobs_buf_init(&in, 1 << 20);
    llmobs_buf_init(out, 1 << 20);
    ck_assert_int_eq(llmobs_buf_adds(&in, SENT), 0);
    for (size_t i = 0; i < requests; i++)
        ck_assert_int_eq(llmobs_buf_adds(&in, i % 3 ? GET : "HEAD /" V E), 0);
    ck_assert_int_eq(llmobs_buf_adds(&in, end), 0);
    ck_assert(
        http1_log(llmobs_buf_text(&in), &(struct http1_cuts){.seed = 0}, out));
}

TEST(http1_depth)
{
    UNIT_ENDS(llmobs_buf) out;

    ask(LLMOBS_HTTP1_DEPTH, GOT EMPTY SENT GET, &out);
    ck_assert_ptr_nonnull(strstr(out.data, ">64 whole|"));
    ck_assert_ptr_null(strstr(out.data, "deep|"));
    llmobs_buf_fini(&out);
    ask(LLMOBS_HTTP1_DEPTH + 1, "", &out);
    ck_assert_ptr_nonnull(strstr(out.data, "<63 lost|deep|"));
    ck_assert_ptr_null(strstr(out.data, ">64"));
}

/* A head of `len` bytes. */
static char *head_log(size_t len, struct http1_cuts cuts)
{
    static const char begin[] = SENT "GET /a" V "A: ", end[] = END;
    char *text = malloc(len + 1), *out;
    struct row row = {text, len + 1, NULL};

    memset(text, 'a', len + 1);
    memcpy(text, begin, sizeof(begin) - 1);
    memcpy(text + len + 1 - 4, end, 4);
    out = log_of(&row, cuts);
    free(text);
    return out;
}

TEST(http1_large_head)
{
    for (int each = 0; each < 2; each++) {
        struct http1_cuts cuts = {.each = each};
        char *out = head_log(LLMOBS_HTTP1_HEAD_MAX, cuts);

        ck_assert_ptr_nonnull(strstr(out, "aa|>0 whole|"));
        free(out);
        out = head_log(LLMOBS_HTTP1_HEAD_MAX + 1, cuts);
        ck_assert_str_eq(out, "large|");
        free(out);
    }
}

static void no_head(void *user, enum llmobs_http1_side side, uint32_t number,
                    const struct llmobs_http1_head *head)
{
    (void)side;
    (void)number;
    *(const char **)user = head->headers.data;
}

static void no_body(void *user, enum llmobs_http1_side side, uint32_t number,
                    struct llmobs_text bytes)
{
    (void)user;
    (void)side;
    (void)number;
    (void)bytes;
}

static void no_end(void *user, enum llmobs_http1_side side, uint32_t number,
                   enum llmobs_http1_end how)
{
    (void)user;
    (void)side;
    (void)number;
    (void)how;
}

static void no_stop(void *user, enum llmobs_http1_why why)
{
    (void)user;
    (void)why;
}

static const struct llmobs_http1_events silent = {no_head, no_body, no_end,
                                                  NULL,    NULL,    no_stop};

/* Memory that malloc gives again has no key in it. The first block that the
 * copy had is of 1 KiB, and so on. */
static void check_wiped(void)
{
    for (size_t size = 1024; size <= 4096; size *= 2) {
        char *again = malloc(size);

        ck_assert_ptr_null(memmem(again, size, "sk-secret", 9));
        free(again);
    }
}

#define KEY "Authorization: Bearer sk-secret" E
#define LONG "0123456789012345678901234567890123456789" E

static void send_key(struct llmobs_http1 *http, const char *end)
{
    static const char head[] = "GET /a" HOST KEY "A: ";

    llmobs_http1_sent(http, head, 9);
    llmobs_http1_sent(http, head + 9, sizeof(head) - 10);
    for (int i = 0; i < 80; i++)
        llmobs_http1_sent(http, "A: " LONG, sizeof("A: " LONG) - 1);
    llmobs_http1_sent(http, end, strlen(end));
}

TEST(http1_wiped)
{
    const char *headers = NULL;
    struct llmobs_http1 http;

    llmobs_http1_init(&http, &silent, &headers);
    send_key(&http, E);
    ck_assert_ptr_nonnull(headers);
    check_wiped();
    send_key(&http, "\a: x" END); /* which is doubtful */
    ck_assert_int_eq(http.why, LLMOBS_HTTP1_DOUBT);
    check_wiped();
    llmobs_http1_init(&http, &silent, &headers);
    send_key(&http, "");
    llmobs_http1_fini(&http);
    check_wiped();
    ck_assert_int_ne(http.why, LLMOBS_HTTP1_READS);
}

/* A head of one piece is read where it lies. */
TEST(http1_borrowed)
{
    static const char head[] = "GET /a" HOST E;
    const char *headers = NULL;
    UNIT_ENDS(llmobs_http1) http;

    llmobs_http1_init(&http, &silent, &headers);
    llmobs_http1_sent(&http, head, sizeof(head) - 1);
    ck_assert_ptr_eq(headers, head + sizeof("GET /a" V) - 1);
    ck_assert_ptr_null(http.ways[LLMOBS_HTTP1_REQUEST].head.data);
}

/* Takes all memory that is left for a head of the largest size. */
static void take_memory(void)
{
    struct rlimit limit;
    void *volatile last;

    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = 0;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    do
        last = malloc(LLMOBS_HTTP1_HEAD_MAX);
    while (last);
}

TEST(http1_no_memory)
{
    static char part[LLMOBS_HTTP1_HEAD_MAX - 64] = "A: ";
    const char *headers = NULL;
    struct llmobs_http1 http;

    if (LLMOBS_ASAN || LLMOBS_TSAN)
        return; /* these ask for memory of their own */
    memset(part + 3, 'x', sizeof(part) - 3);
    llmobs_http1_init(&http, &silent, &headers);
    llmobs_http1_sent(&http, "GET /a" V, sizeof("GET /a" V) - 1);
    ck_assert_int_eq(http.why, LLMOBS_HTTP1_READS);
    take_memory();
    llmobs_http1_sent(&http, part, sizeof(part));
    ck_assert_int_eq(http.why, LLMOBS_HTTP1_MEMORY);
    ck_assert_ptr_null(http.ways[LLMOBS_HTTP1_REQUEST].head.data);
}

/* A body is followed to its end, in any pieces, and no further. */
TEST(http1_chunks_alone)
{
    static const struct {
        const char *body, *rest; /* of the last three it ends in doubt */
    } rows[] = {
        {"3\r\nabc\r\n0\r\n\r\n", "GET"},
        {"3;x=\"y\"\r\nabc\r\nA \r\n0123456789\r\n0\r\nT: u\r\n\r\n", "\r\n"},
        {"0\n\n", "0"},
        {"3\nabc\n0\n\n", ""},
        {"3\r\nabcd", "\r\n"},
        {"x", "3\r\n"},
        {"\r", "\n"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        size_t want = strlen(rows[i].body), at, len;
        char text[100];

        len = (size_t)snprintf(text, sizeof(text), "%s%s", rows[i].body,
                               rows[i].rest);
        for (size_t piece = 1; piece <= len; piece++) {
            struct llmobs_http1_way way;

            llmobs_http1_chunks_begin(&way);
            for (at = 0; at < len && way.step;) {
                size_t n = piece < len - at ? piece : len - at;
                size_t took = llmobs_http1_chunks(&way, text + at, n);

                ck_assert(took == n || !way.step);
                at += took;
            }
            ck_assert_uint_eq(at, want);
            ck_assert_int_eq(way.step, 0);
        }
    }
}
