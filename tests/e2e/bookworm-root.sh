#!/usr/bin/env bash
# Make a root of Debian 12 in the folder named, with these packages and what
# the .deb depends on and recommends, from the mirror that apt is configured with; nothing to
# do when it is there.  - for the .deb: none.  Says why when it cannot.
set -eu
dir=${1:?usage: bookworm-root.sh FOLDER DEB [PACKAGE]...} deb=$2
shift 2

needs=
[[ $deb == - ]] || needs=$(dpkg-deb -f "$deb" Depends Recommends |
    sed 's/^[A-Z][a-z]*: //; s/ ([^)]*)//g; s/, /,/g' | paste -sd ,)
(($# == 0)) || needs+=$(printf ',%s' "$@")
[[ -e $dir/.needs && $(<"$dir/.needs") == "$needs" ]] && exit
if ((EUID != 0)); then
	echo 'only root can make one'
	exit 1
fi
if ! command -v debootstrap >/dev/null; then
	echo 'debootstrap is not installed'
	exit 1
fi
# shellcheck disable=SC2016 # apt's variable, not ours
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' \
    'Label: Debian' | head -n 1)
if [[ ! $mirror ]]; then
	echo 'apt knows no mirror of Debian'
	exit 1
fi
mkdir -p "${dir%/*}"
rm -rf "$dir.new" "$dir"
export DEBIAN_FRONTEND=noninteractive
if ! debootstrap --variant=minbase ${needs:+--include="$needs"} \
    bookworm "$dir.new" "$mirror" >"$dir.log" 2>&1; then
	echo "debootstrap failed: $(tail -n 1 "$dir.log")"
	exit 1
fi
echo "$needs" >"$dir.new/.needs"
mv "$dir.new" "$dir"
