#!/bin/sh
# Installs those of the given Debian packages that are missing. Asks nothing when none is.
command -v dpkg-query > /dev/null || { echo "deps: not a Debian system; needed: $*"; exit 0; }
missing=
for package; do
    dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
echo "install$missing"
as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null || { echo "deps: run as root: apt-get install$missing" >&2; exit 1; }
    as_root=sudo
fi
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq || exit 1
# shellcheck disable=SC2086
exec $as_root apt-get install -y -qq --no-install-recommends $missing
