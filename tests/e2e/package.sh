#!/usr/bin/env bash
# The Debian package as an operator meets it, in a root of Debian 12 that
# debootstrap made and that is kept in build/bookworm; where none can be made
# this is skipped.
#
#	make e2e-deb
here=$(dirname "$0")
tree=$(realpath "$here/../..")
cache=$tree/build/bookworm
deb=$(ls "$tree"/build/deb/tlsrpt_*.deb)

# With what the package depends on: later there is no network.
if [[ ! ${ISOLATED+set} ]] &&
    ! why=$("$here/debian-root.sh" bookworm "$cache" "$deb" openssl); then
	echo "ok 1 - the package # SKIP no root: $why"
	echo 1..1
	exit
fi
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
if [[ ! $ISOLATED ]]; then
	skip 'the package' 'it needs namespaces of its own'
	finish
fi
R=$T/root			# a copy, thrown away
need cp -a "$cache" "$R"
need mount -t proc proc "$R/proc"
cp "$deb" "$root/tests/data/sample-day.jsonl" "$R/tmp/"

inside()
{
	chroot "$R" "$@"
}
as_tlsrpt()
{
	inside runuser -u tlsrpt -- "$@"
}
# owner PATH WANTED
owner()
{
	equal "$2" "$(inside stat -c '%U:%G %a' "$1")"
}
install()
{
	inside dpkg -i "/tmp/${deb##*/}"
}
gone_from()
{
	local path
	for path; do
		[[ ! -e $R/$path ]] || { echo "$path"; return 1; }
	done
}

small()
{
	local kbytes
	kbytes=$(dpkg-deb -f "$deb" Installed-Size)
	echo "installed: $kbytes KB"
	((kbytes < 2000))
}
check 'installed it is below 2 MB' small
need inside addgroup --system postfix
mkdir -p "$R/var/spool/postfix"
check 'it installs' install
check 'the settings are for the group' owner /etc/tlsrpt/tlsrpt.conf \
    'root:tlsrpt 640'
check 'keys beside them too' owner /etc/tlsrpt 'root:tlsrpt 750'
check 'the spool is the user'\''s' owner /var/spool/tlsrpt 'tlsrpt:tlsrpt 750'
check 'so is the queue' owner /var/lib/tlsrpt 'tlsrpt:tlsrpt 750'
check 'Postfix can reach the socket' owner /var/spool/postfix/run/tlsrpt \
    'tlsrpt:postfix 750'
check 'nothing is enabled' equal '' \
    "$(find "$R/etc/systemd" -name '*tlsrpt*')"
check 'cron is told nothing' fails grep -v '^#' "$R/etc/cron.d/tlsrpt"

need inside openssl genrsa -out /etc/tlsrpt/dkim.key 2048
need inside chgrp tlsrpt /etc/tlsrpt/dkim.key
chmod 640 "$R/etc/tlsrpt/dkim.key"
check 'it is said what has to be set' exits 2 as_tlsrpt tlsrpt-send \
    --check-config
sed -i 's/^#organization_name =$/organization_name = Example Sender/
s/^#contact_info =$/contact_info = tls-reports@sender.example/
s/^#selector =$/selector = tlsrpt/
s|^#key_file =$|key_file = /etc/tlsrpt/dkim.key|
s/^#rua_lookup.*/rua_lookup = never/' "$R/etc/tlsrpt/tlsrpt.conf"
check 'the user can read all of it' as_tlsrpt tlsrpt-send --check-config
check 'root adds a day' inside tlsrpt-spool add --day 2026-11-21 \
    /tmp/sample-day.jsonl
check 'which becomes reports' as_tlsrpt tlsrpt-send --dry-run \
    --day 2026-11-21 --out /tmp/reports
check 'of every domain that asks' equal 23 \
    "$(find "$R/tmp/reports" -name '*.json.gz' | wc -l)"

need inside dpkg-statoverride --update --add root root 0755 /etc/tlsrpt
check 'installed again' install
check 'it keeps what the operator wants' owner /etc/tlsrpt 'root:root 755'
check 'and has set' grep -q '^selector = tlsrpt' "$R/etc/tlsrpt/tlsrpt.conf"
touch "$R/var/lib/tlsrpt/queue.db"
check 'removed' inside dpkg -r tlsrpt
check 'it leaves what was collected' ls "$R/var/spool/tlsrpt/days/2026-11-21"
check 'purged' inside dpkg -P tlsrpt
check 'it leaves nothing but keys' gone_from var/spool/tlsrpt var/lib/tlsrpt \
    var/spool/postfix/run/tlsrpt etc/tlsrpt/tlsrpt.conf etc/cron.d/tlsrpt
umount "$R/proc"
finish
