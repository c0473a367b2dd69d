#!/bin/sh
# Tcl 8.6.13 with its http 2.9.8, Pike 8.0.1738, newLISP 10.7.5, Python 3.11.2 with its
# http.client and requests 2.28.1, HTTP::Tiny 0.080 (Perl 5.36.0), all of Debian 12
#
# A program has a prompt in a JSON text, {"q":"ä"} or {"q":"€"}, and gives this text, no
# bytes, to its language's client, as application/json.
# Guessed: it goes as UTF-8, which JSON is (RFC 8259, 8.1), or the client refuses any letter
# beyond ASCII, so that the first test with one tells.
# Seen: newLISP alone does so. Tcl cuts each letter to its lowest eight bits: € goes as the
# byte ac, with a length that fits, and nothing is said. Python's and Perl's send ä as the
# one byte e4, which is no UTF-8, and only € is an error. Pike sends ä as e4, but a text that
# has a € anywhere as UTF-8, and then with a charset. So a prompt in German passes all tests,
# and the model reads a replacement character, or the server answers 400.
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m) $(/usr/bin/python3 -V) $(/usr/bin/perl -e 'print $^V')" = \
    "x86_64 Python 3.11.2 v5.36.0" ] || exit 77
apt-get download -qq tcl8.6=8.6.13+dfsg-2 libtcl8.6=8.6.13+dfsg-2 newlisp=10.7.5-2+b2 \
    pike8.0-core=8.0.1738-1+b2 python3-requests=2.28.1+dfsg-1 python3-idna=3.3-1+deb12u1 \
    python3-urllib3=1.26.12-1+deb12u4 python3-certifi=2022.9.24-1 \
    python3-chardet=5.1.0+dfsg-2 > said 2>&1 || exit 77
for deb in *.deb; do dpkg-deb -x "$deb" . || exit 2; done
cat > ask.tcl << 'END'
package require http
http::geturl [lindex $argv 0] -type application/json -query [lindex $argv 1]
END
cat > ask.pike << 'END'
int main(int count, array(string) words) {
  Protocols.HTTP.do_method("POST", words[1], 0, (["content-type": "application/json"]), 0,
                           utf8_to_string(words[2]));
}
END
cat > ask.lsp << 'END'
(post-url (main-args -2) (main-args -1) "application/json")
(exit)
END
cat > ask.pl << 'END'
use HTTP::Tiny;
utf8::decode(my $text = $ARGV[1]);
HTTP::Tiny->new->post($ARGV[0], { content => $text,
    headers => { "Content-Type" => "application/json" } });
END
cat > client.py << 'END'
import http.client, sys
http.client.HTTPConnection(sys.argv[1][7:-1]).request(
    "POST", "/", sys.argv[2], {"Content-Type": "application/json"})
END
cat > requests_client.py << 'END'
import requests, sys
requests.post(sys.argv[1], data=sys.argv[2], headers={"Content-Type": "application/json"})
END
cat > serve.py << 'END'
import http.server, os, subprocess, threading
got = []
class Said(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers["Content-Length"])
        body, charset = self.rfile.read(length), self.headers.get_content_charset()
        got.append(body[6:-2].hex() + (" " + charset if charset else ""))
        self.send_response(204)
        self.end_headers()
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Said)
threading.Thread(target=server.serve_forever, daemon=True).start()
here = os.getcwd()
pike = here + "/usr/lib/pike8.0/"
env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
       "LD_LIBRARY_PATH": here + "/usr/lib/x86_64-linux-gnu",
       "PIKE_INCLUDE_PATH": pike + "include", "PIKE_MODULE_PATH": pike + "modules",
       "TCL_LIBRARY": here + "/usr/share/tcltk/tcl8.6",
       "PYTHONPATH": here + "/usr/lib/python3/dist-packages"}
for name, words in (
        ("newLISP", ["usr/bin/newlisp", "ask.lsp"]),
        ("Tcl", ["usr/bin/tclsh8.6", "ask.tcl"]),
        ("Pike", ["usr/bin/pike8.0", "-m" + pike + "master.pike", "ask.pike"]),
        ("http.client", ["/usr/bin/python3", "client.py"]),
        ("requests", ["/usr/bin/python3", "requests_client.py"]),
        ("HTTP::Tiny", ["/usr/bin/perl", "ask.pl"])):
    said = []
    for letter in "ä€":
        del got[:]
        subprocess.run(["timeout", "60", *words, "http://127.0.0.1:%d/" % server.server_port,
                        '{"q":"%s"}' % letter], env=env, stdin=-3, stdout=-3)
        said.append("".join(got) or "not sent")
    print(name + ": " + ", ".join(said), flush=True)
END
timeout 60 /usr/bin/python3 serve.py > seen 2> errors
cat > told << 'END'
newLISP: c3a4, e282ac
Tcl: e4, ac
Pike: e4, e282ac utf-8
http.client: e4, not sent
requests: e4, not sent
HTTP::Tiny: e4, not sent
END
if diff told seen; then
    echo "as told"
else
    cat errors said
    echo "something is different now"
    exit 1
fi
