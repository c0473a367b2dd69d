#!/bin/sh
# lua-cjson 2.1.0+dfsg-2.2 with lua5.1 5.1.5-9 of Debian 12
#
# Guessed: a gateway in Lua that decodes a body, sets one member and encodes it again, as
# plugins of OpenResty and Kong do with this library, changes that member alone; where numbers
# are doubles, whole ones are exact to 2^53, as in JavaScript.
# Seen: it writes numbers with 14 digits, so a seed of 16 digits, an id and a time in
# nanoseconds or with microseconds come out as others, in the form of 1.79e+18; and an
# empty list comes out as {}: "tools": [], "stop": [], which servers refuse.
# Nothing that is set helps: encode_number_precision refuses more than 14, and what keeps
# lists elsewhere (empty_array, decode_array_with_array_mt) is of OpenResty's copy alone.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
apt-get download -qq lua-cjson=2.1.0+dfsg-2.2 lua5.1=5.1.5-9 > said 2>&1 || exit 77
for deb in *.deb; do dpkg-deb -x "$deb" . || exit 2; done
cat > pass.lua << 'END'
local cjson = require "cjson"
for _, body in ipairs { '{"seed":9007199254740991}', '{"start_ns":1795965135254917454}',
    '{"created":1795965135.123456}', '{"tools":[]}', '{"properties":{}}' } do
    print(cjson.encode(cjson.decode(body)))
end
print(tostring(pcall(cjson.encode_number_precision, 15)) .. " " ..
    tostring(cjson.empty_array) .. " " .. tostring(cjson.decode_array_with_array_mt))
END
seen=$(LUA_CPATH="usr/lib/x86_64-linux-gnu/lua/5.1/?.so" timeout 60 usr/bin/lua5.1 pass.lua 2>> said)
[ "$seen" = '{"seed":9.007199254741e+15}
{"start_ns":1.7959651352549e+18}
{"created":1795965135.1235}
{"tools":{}}
{"properties":{}}
false nil nil' ] && echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
