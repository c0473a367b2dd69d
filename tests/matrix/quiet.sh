#!/bin/sh
# usage: quiet.sh KIND URL FOLDER
#
# A program that fetches or posts what is no model's: what site.sh has made for
# it in FOLDER is at URL.
set -eu
url=$2
export GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_SSL_CAINFO="${CA_FILE:-}"
case $1 in
git)
    git clone -q "$url/repo.git" clone 2>&1
    git -C clone log --format=%h%s
    rm -r clone/.git # an index has times in it
    ;;
apt | apt-filtered)
    mkdir -p lists/partial cache/archives/partial
    echo "deb [trusted=yes] $url ./" > sources
    : > status
    here=$(pwd) filter=false
    [ "$1" = apt ] || filter=true
    apt() {
        apt-get -q -o Dir::State::lists="$here/lists" -o Dir::Cache="$here/cache" \
            -o Dir::State::status="$here/status" \
            -o Dir::Etc::sourcelist="$here/sources" -o Dir::Etc::sourceparts=- \
            -o Dir::Etc::parts=- -o Dir::Etc::main=- \
            -o APT::Sandbox::User=root -o APT::Sandbox::Seccomp=$filter \
            -o Acquire::https::CAInfo="${CA_FILE:-}" -o Acquire::Languages=none \
            "$@"
    }
    apt update 2>&1 | sed 's/ in [0-9]*s (.*//; s/^Fetched.*/Fetched/'
    apt download nothing 2>&1 | sed 's/ in [0-9]*s (.*//; s/^Fetched.*/Fetched/'
    rm -r cache # a map of memory, with what it happened to have
    ;;
gdal)
    gdalinfo -checksum "/vsicurl/$url/raster.tif"
    gdal_translate -q -srcwin 100 100 50 50 "/vsicurl/$url/raster.tif" part.tif
    ! gdalinfo "/vsicurl/$url/nothing.tif" || exit 1
    ;;
ostree)
    ostree --repo=here init --mode=archive
    ostree --repo=here remote add --no-gpg-verify there "$url/repo"
    ostree --repo=here pull there runtime/org.example.Nothing/x86_64/stable \
        > /dev/null # it counts bytes a second
    ostree --repo=here fsck > /dev/null
    ;;
flatpak)
    flatpak --user remote-add --no-gpg-verify there "$url/repo"
    flatpak --user remote-ls -a --columns=ref there
    ;;
systemd-pull)
    SYSTEMD_LOG_LEVEL=err /lib/systemd/systemd-pull raw --verify=no \
        --image-root="$(pwd)" "$url/disk.raw" disk 2> told
    sort -o told told # it asks for all at once
    ;;
systemd-journal-upload)
    /lib/systemd/systemd-journal-upload --url="$url" --follow=no \
        --file="$3/entries.journal" --save-state="$(pwd)/state"
    ;;
esac
