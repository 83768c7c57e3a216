#!/usr/bin/env bash
# Make a root of Debian 13 with the Postfix that speaks TLSRPT in the folder
# named, from the mirror that apt is configured with; nothing to do when it is
# there.  Says why when it cannot.
set -eu
dir=${1:?usage: trixie-root.sh FOLDER}

[[ -x $dir/usr/lib/postfix/sbin/smtp ]] && exit
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
if ! debootstrap --variant=minbase --include=postfix,libtlsrpt0 trixie \
    "$dir.new" "$mirror" >"$dir.log" 2>&1; then
	echo "debootstrap failed: $(tail -n 1 "$dir.log")"
	exit 1
fi
mv "$dir.new" "$dir"
