#!/usr/bin/env bash
# Make a root of a Debian in the folder named, with these packages, from the
# mirror that apt is configured with; nothing to do when it is there.  A .deb
# among them stands for what it depends on and recommends.  Says why when it
# cannot.
set -eu
usage='usage: debian-root.sh SUITE FOLDER [PACKAGE|DEB]...'
suite=${1:?$usage} dir=${2:?$usage}
shift 2

needs=
for package; do
	if [[ $package == *.deb ]]; then
		package=$(dpkg-deb -f "$package" Depends Recommends |
		    sed 's/^[A-Z][a-z]*: //; s/ ([^)]*)//g; s/, /,/g' |
		    paste -sd ,)
	fi
	needs+=${needs:+,}$package
done
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
    "$suite" "$dir.new" "$mirror" >"$dir.log" 2>&1; then
	echo "debootstrap failed: $(tail -n 1 "$dir.log")"
	exit 1
fi
echo "$needs" >"$dir.new/.needs"
mv "$dir.new" "$dir"
