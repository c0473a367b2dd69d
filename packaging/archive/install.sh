#!/bin/sh
# Installs llmobs-preload from the directory of this script. It needs no compiler and
# no network.
#
# usage: install.sh [--prefix DIR] [--uninstall [--purge]]
#        DIR/lib/llmobs/uninstall [--purge]
#
# DIR is /usr/local for root, and ~/.local for others. Each file comes by a rename, when
# all are there: programs that run have the files before in their memory. An uninstall
# removes what was installed and nothing else; --purge: also the recordings of this
# user, and as root /etc/llmobs. DESTDIR=ROOT, for packages: below ROOT, without a list
# and without `uninstall`. Units and a line of cron that run DIR's programs as root come
# along only if root alone may write there; those for a user always do.
set -eu
umask 022
unset CDPATH
export LC_ALL=C # names are bytes
nl='
'
name=${0##*/}
here=$(cd "$(dirname "$0")" && pwd)
remove='' purge='' made='' list='' known='' files='' extra='' leave=''
DESTDIR=${DESTDIR:-}

say() { printf '%s: %s\n' "$name" "$1"; }
fail() {
    say "$1" >&2
    exit 1
}

prefix=${HOME:-/nonexistent}/.local state=${XDG_STATE_HOME:-${HOME:-}/.local/state}/llmobs
[ "$(id -u)" -ne 0 ] || prefix=/usr/local state=/var/lib/llmobs
[ "$name" != uninstall ] || prefix=${here%/lib/llmobs} remove=yes
while [ $# -gt 0 ]; do
    case $1 in
    --prefix) prefix=${2:-} && shift ;;
    --prefix=*) prefix=${1#*=} ;;
    --uninstall) remove=yes ;;
    --purge) purge=yes ;;
    *) prefix='' ;;
    esac
    [ -n "$prefix" ] || { sed -n '5,13s/^# \{0,1\}//p' "$0" && exit 2; } >&2
    shift
done
case $prefix in /*) ;; *) prefix=$(pwd)/$prefix ;; esac
case $DESTDIR in '' | /*) ;; *) DESTDIR=$(pwd)/$DESTDIR ;; esac
for tool in cat chmod cp find grep id mkdir mv readlink rm rmdir sed sort tr; do
    command -v "$tool" > /dev/null || fail "there is no $tool, which this needs"
done

# With its parents, unless it is there; "made" has them, the deepest first.
plan_folder() { # DIR
    case $nl$made in *"$nl$1/$nl"*) return ;; esac
    [ ! -d "$1/" ] || return 0
    plan_folder "${1%/*}"
    made=$1/$nl$made
}

# Nothing of somebody else's is overwritten, to be removed some day.
plan() { # FILE
    to=$root/$1
    plan_folder "${to%/*}"
    case $nl$known$nl in *"$nl$to$nl"*) return ;; esac
    [ -n "$DESTDIR" ] || { [ ! -e "$to" ] && [ ! -L "$to" ]; } || fail \
        "$to is of a package, or yours: it has to go first, or take --prefix"
}

# Archives are also unpacked by those whose umask leaves others nothing.
stage() { # FILE: beside its place
    to=$root/$1 mode=644
    [ ! -d "$to" ] || fail "$to is a directory"
    [ -d "${to%/*}" ] || mkdir -p "${to%/*}"
    rm -f "$to.llmobs-new"
    case $1 in
    */systemd/* | *.cron* | *.pc) sed "s|@PREFIX@|$prefix|" "$1" > "$to.llmobs-new" ;;
    lib/llmobs/uninstall) cp install.sh "$to.llmobs-new" ;;
    *) cp -P "$1" "$to.llmobs-new" ;;
    esac
    [ ! -x "$to.llmobs-new" ] || mode=755
    [ -L "$to.llmobs-new" ] || chmod $mode "$to.llmobs-new"
}

undo() {
    trap '' INT TERM HUP
    for file in $files; do rm -f "$root/$file.llmobs-new"; done
    rm -f "$list.llmobs-new"
    printf %s "$made" | while read -r folder; do
        rmdir "$folder" 2> /dev/null || :
    done
    fail "nothing is installed"
}

# By the path as it is given, whose links another may lead elsewhere, and as it is; a
# folder that is not there yet becomes root's. To /usr/local custom lets a group write.
roots_alone() {
    [ "$(id -u)" -eq 0 ] || return 1
    for folder in "$prefix/bin" "$prefix/lib/llmobs"; do
        until [ -d "$folder/" ]; do folder=${folder%/*}; done
        for at in "$folder" "$(cd "$folder/" && pwd -P)"; do
            while :; do
                [ -z "$(find "$at/." -prune \( ! -user 0 -o ! -perm -1000 \( -perm -002 \
                    -o -perm -020 ! -group 0 ! -path '/usr/local/*' \) \))" ] || return 1
                [ -n "$at" ] || break
                at=${at%/*}
            done
        done
    done
}

# Those that hand the library on, with their units. PHP-FPM, and Perl by $0, write a title
# over their environment: with a first word that is no setting, whoever has the library
# loaded counts. One that has it by /etc/ld.so.preload hands nothing on, and in another
# root the path is another's.
programs_that_need_it() {
    at=$(cd "$root/lib/llmobs" && pwd -P)
    {
        for folder in "$root/lib/llmobs" "$at"; do
            grep -lsF -e "$folder/libllmobs_preload.so" -e "$folder/behind-libasan.so/" \
                /proc/[0-9]*/environ || :
        done
        for maps in $(grep -lsF "$at/libllmobs_preload.so" /proc/[0-9]*/maps); do
            first=$(tr '\0' '\n' < "${maps%maps}environ" |
                sed -n '1{/^[^ =][^ =]*=/!s/^/title/p;}')
            [ -z "$first" ] || echo "$maps"
        done
    } 2> /dev/null | while IFS=/ read -r _ _ pid _; do
        [ "/proc/$pid/root$at" -ef "$at" ] || [ ! -e "/proc/$pid/root/." ] || continue
        unit=$(sed -n '/\.scope$/d; s|.*/\([^/]*\.service\)\(/.*\)*$|, of \1|p' \
            "/proc/$pid/cgroup" | sed 1q)
        comm=$(tr -cd '[:print:]' < "/proc/$pid/comm") && echo "$pid $comm$unit"
    done 2> /dev/null
}

# Files that name it, in the folders of units and elsewhere, and programs. A path may lead
# here by links. The package's prerm has this function, too (debian/with-needed).
what_needs_it() { # UNITS...
    grep -RHsoE '(/[^[:space:]:="]*)?/(lib|bin)/llmobs[^[:space:]:="]*' \
        /etc/ld.so.preload /etc/crontab /etc/cron.d /var/spool/cron "$@" |
        while IFS=: read -r file path; do
            folder=${path%/lib/llmobs/*}/lib/llmobs
            [ ! "$folder" -ef "$root/lib/llmobs" ] &&
                [ ! "$path" -ef "$root/bin/llmobs" ] || echo "$file"
        done
    ! crontab -l 2> /dev/null | grep -qF -e "$root/bin/llmobs" \
        -e "$prefix/bin/llmobs" || echo "crontab -l"
    programs_that_need_it
}

# The loader would speak of a missing library on the stderr of every program, also of
# those that running ones start.
refuse_while_needed() {
    set -- /etc/systemd/system /home/*/.config/systemd/user \
        "${XDG_CONFIG_HOME:-${HOME:-}/.config}/systemd/user"
    needed=$(
        for units; do
            for link in "$units"/*.wants/llmobs-*; do
                [ ! "$link" -ef "$root/lib/systemd/system/${link##*/}" ] &&
                    [ ! "$link" -ef "$root/share/systemd/user/${link##*/}" ] ||
                    echo "$link"
            done
        done
        what_needs_it "$@"
    ) || :
    needed=$(echo "$needed" | sort -u)
    [ -z "$needed" ] || fail "these still need it: disable the units, take out the \
lines, end the programs
$needed"
}

# One run at a time. One that was killed has left its list beside that of the files
# before. The prefix may have been renamed since then, or be a copy: another's files
# stay.
take_up_list() {
    [ ! -d "$root" ] || exec 9< "$root"
    flock 9 2> /dev/null || : # where there is none, and on some networks' disks
    list=$root/lib/llmobs/installed
    [ ! -e "$list.llmobs-new" ] || {
        cat "$list.llmobs-new" >> "$list"
        rm "$list.llmobs-new"
    }
    [ ! -e "$list" ] || known=$(
        was=$(sed -n '\|/lib/llmobs/installed$|{s///p;q;}' "$list")
        while read -r path; do
            case $path in "$was"/*) path=$root/${path#"$was"/} ;; esac
            echo "$path"
        done < "$list"
    )
}

uninstall() {
    prefix=$(cd "$prefix" 2> /dev/null && pwd || echo "$prefix")
    root=$(cd "$prefix" 2> /dev/null && pwd -P) || root=$prefix
    take_up_list
    if [ -e "$list" ]; then
        refuse_while_needed
        echo "$known" | while read -r path; do
            case $path in
            */) rmdir "$path" 2> /dev/null || : ;; # others have files there
            *) rm -f "$path" "$path.llmobs-new" ;;
            esac
        done
        say "removed from $prefix"
    else
        say "nothing from here is below $prefix"
    fi
    [ -z "$purge" ] || rm -rf -- "$state" "/var/tmp/llmobs-$(id -u)"
    [ -z "$purge" ] || rm -rf -- "/var/tmp/llmobs-$(id -u)".[1-9] 2> /dev/null || :
    [ -z "$purge" ] || [ "$(id -u)" -ne 0 ] || rm -rf /etc/llmobs
}

# Nothing but renames is between the old files and the new: a full disk, or a signal
# before, leaves the old ones. After a kill the next run, or an uninstall, finds by the
# list what is there.
install() {
    cd "$here"
    trap undo EXIT
    trap 'exit 1' INT TERM HUP
    check_names "$prefix"
    plan_folder "$root"
    mkdir -p "$root"
    if [ -z "$DESTDIR" ]; then
        version=$(bin/llmobs version) ||
            fail "the programs of this archive do not run here, on $(uname -m)"
        prefix=$(cd "$root" && pwd) root=$(cd "$root" && pwd -P)
        check_names "$root"
        take_up_list
        extra=lib/llmobs/uninstall
        roots_alone || leave='^lib/systemd/\|\.cron$'
    fi
    files=$(find lib share include bin ! -type d | grep -v "${leave:-^$}")$nl$extra
    for file in $files; do plan "$file"; done
    [ -n "$DESTDIR" ] || write_list
    for file in $files; do stage "$file"; done
    trap '' INT TERM HUP
    for file in $files; do mv -f "$root/$file.llmobs-new" "$root/$file"; done
    trap - EXIT
    [ -n "$DESTDIR" ] || end_install
}

# For uninstall, in its order; folders of an older install are still ours.
write_list() {
    mkdir -p "${list%/*}"
    {
        for file in $files lib/llmobs/installed; do echo "$root/$file"; done
        { printf %s "$made" && echo "$known"; } | sort -ru | grep '/$' || :
    } > "$list.llmobs-new"
}

end_install() {
    echo "$known" | grep -vxF -f "$list.llmobs-new" | while read -r path; do
        rm -f "$path" # what this version has no more
    done
    mv "$list.llmobs-new" "$list"
    say "$version is installed; $prefix/lib/llmobs/uninstall removes it"
    found=$(command -v llmobs-run) || :
    [ -z "$leave" ] || say "a user's delivery of what ended programs left:
    systemctl --user link $prefix/share/systemd/user/* &&
        systemctl --user enable --now llmobs-drain.timer    # or llmobs-relay.service
without systemd:
    (crontab -l; cat $prefix/share/llmobs/llmobs-drain.crontab) | crontab -"
    [ "$(readlink -f "$found")" = "$root/bin/llmobs" ] || say "PATH leads to ${found:-no \
llmobs-run}: write $prefix/bin/llmobs-run, or export PATH=\"$prefix/bin:\$PATH\""
}

# The loader takes a blank, ':' and '$' for its own, units, cron and its shell the others.
check_names() { # DIR
    case $1 in
    *[[:space:][:cntrl:]:\$\\\|\&%\"\'\`\;\<\>\(\)*?[#]*)
        fail "no program can preload from $1: a blank or one of :\$\\|&%\"'\`;<>()*?[#"
        ;;
    esac
}

if [ -n "$remove" ]; then
    uninstall
elif [ -n "$purge" ]; then
    fail "--purge is for --uninstall"
else
    root=$DESTDIR$prefix
    install
fi
