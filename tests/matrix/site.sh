#!/bin/sh
# usage: site.sh KIND FOLDER
#
# Makes what a quiet program fetches: a repository of git, of apt, of ostree (and
# flatpak), a raster for GDAL, a disk image, a journal. No clock, no name of this
# machine and no person is in it.
set -eu
cd "$2"
export HOME="$2" GIT_CONFIG_NOSYSTEM=1
stamp='Tue, 14 Nov 2023 22:13:20 +0000'
case $1 in
git)
    export GIT_AUTHOR_DATE="$stamp" GIT_COMMITTER_DATE="$stamp" \
        GIT_AUTHOR_NAME=nobody GIT_COMMITTER_NAME=nobody \
        GIT_AUTHOR_EMAIL=nobody@localhost GIT_COMMITTER_EMAIL=nobody@localhost
    git -c init.defaultBranch=main init -q tree
    for number in 1 2 3; do
        seq $number 4000 > tree/numbers
        git -C tree add numbers
        git -C tree commit -q -m "number $number"
    done
    git clone -q --bare tree repo.git
    git -C repo.git repack -adq # loose ones come in an order that git chooses
    git -C repo.git update-server-info
    rm -r tree
    ;;
apt | apt-filtered)
    printf '%s\n' 'Package: nothing' 'Version: 1' 'Architecture: all' \
        'Maintainer: nobody <nobody@localhost>' 'Description: nothing' \
        > control
    seq 90000 > nothing.deb
    { cat control
      echo 'Filename: ./nothing.deb'
      echo "Size: $(wc -c < nothing.deb)"
      echo "SHA256: $(sha256sum < nothing.deb | cut -d' ' -f1)"
    } > Packages
    { echo "Date: $stamp"
      echo 'SHA256:'
      echo " $(sha256sum < Packages | cut -d' ' -f1) $(wc -c < Packages) Packages"
    } > Release
    ;;
gdal)
    gdal_create -q -of GTiff -outsize 700 700 -burn 7 -co TILED=YES raster.tif
    ;;
ostree | flatpak)
    ostree --repo=repo init --mode=archive
    mkdir -p tree/files
    seq 30000 > tree/files/numbers
    printf '[Runtime]\nname=org.example.Nothing\n' > tree/metadata
    ostree --repo=repo commit --timestamp="$stamp" --owner-uid=0 \
        --owner-gid=0 --no-xattrs --canonical-permissions --add-metadata-string=\
xa.metadata="$(cat tree/metadata)
" -b runtime/org.example.Nothing/x86_64/stable tree > commit
    ostree --repo=repo summary -u
    rm -r tree
    ;;
systemd-pull)
    seq 200000 | head -c 1048576 > disk.raw
    ;;
systemd-journal-upload)
    for number in 1 2 3; do
        printf '%s=%s\n' __REALTIME_TIMESTAMP 1700000000000000 \
            __MONOTONIC_TIMESTAMP $number _BOOT_ID "$(printf '%032d' 1)" \
            MESSAGE "number $number"
        echo
    done | /lib/systemd/systemd-journal-remote -o entries.journal -
    ;;
esac
