#!/bin/sh
# usage: copy-lib.sh DIR
#
# An init container runs this: it copies the pair, the tool and the launcher into a
# volume, for containers of any user. Each file comes by a rename, when it is whole:
# in a volume of the node, programs of other pods may have loaded an earlier copy,
# and a file that changed below them would end them.
umask 022
to=${1:?the volume}
cd "$(dirname "$0")" && new=$(mktemp -d "$to/.new.XXXXXX") || exit
trap 'rm -rf "$new"' EXIT
trap 'exit 1' INT TERM HUP
# Of runs that were killed; another one may be under way.
find "$to" -maxdepth 1 -name '.new.*' -mtime +0 -exec rm -rf {} +
cp -R -P bin lib share "$new/" || exit
find bin lib share -type d | while read -r folder; do
    mkdir -p "$to/$folder" || exit
done && find bin lib share ! -type d | while read -r file; do
    mv -f "$new/$file" "$to/$file" || exit
done
