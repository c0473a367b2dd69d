#!/bin/sh
# usage: copy-lib.sh DIR
#
# An init container runs this: it copies the pair, the tool and the launcher into a
# volume, for containers of any user.
umask 022
cd "$(dirname "$0")" && cp -R -P bin lib share "${1:?the volume}/"
