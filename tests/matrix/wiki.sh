#!/bin/sh
# usage: wiki.sh PROGRAM
#
# Makes a wiki of Debian's MediaWiki, with SQLite, in PROGRAM's folder, and
# PROGRAM: a maintenance script of it, which makes the calls. The folder may be
# copied: no path of its own is in it. Each step is quiet unless it fails.
set -eu
wiki=$(dirname "$1")
here=$(cd "$(dirname "$0")" && pwd)
code=/usr/share/mediawiki
mkdir "$wiki"

step() {
    php "$@" > "$wiki/log" 2>&1 || { cat "$wiki/log"; exit 1; }
}

step $code/maintenance/install.php --dbtype sqlite --dbpath "$wiki/db" \
    --dbname wiki --confpath "$wiki" --server http://localhost \
    --scriptpath '' --skins '' --pass 'a word of nobody' wiki nobody
sed -i "s|\"$wiki/db\"|__DIR__ . '/db'|" "$wiki/LocalSettings.php"
cat >> "$wiki/LocalSettings.php" <<'EOF'
$wgJobRunRate = 0;
WebRequest::overrideRequestId('of-nobody'); // it would be random
$wgAPIModules['ask'] = 'ApiAsk';
$wgAutoloadClasses['ApiAsk'] = __DIR__ . '/ApiAsk.php';
EOF
cp "$here/wiki.php" "$wiki/ApiAsk.php"
cat > "$1" <<'EOF'
#!/bin/sh
export MW_CONFIG_FILE="$(dirname "$0")/LocalSettings.php"
exec php "$(dirname "$0")/ApiAsk.php" "$@"
EOF
chmod +x "$1"
export MW_CONFIG_FILE="$wiki/LocalSettings.php"
step $code/maintenance/rebuildLocalisationCache.php --lang en
chmod -R a+rX "$wiki"
