#!/bin/bash
# Verify the first DKIM signature of a message with OpenDKIM.
#
#	opendkim.sh RECORDS <message
#
# opendkim-testmsg asks the system's name server: it gets a network and an
# /etc/resolv.conf of its own, with nsd there serving RECORDS (lines of name,
# tab, TXT text).  Exits 0: verified, 1: not, 77: no such sandbox here.
set -eu

if [ "${OPENDKIM_INSIDE-}" = "" ]; then
	unshare -rmn true 2>/dev/null || exit 77
	OPENDKIM_INSIDE=1 exec unshare -rmn "$0" "$1"
fi

PATH=$PATH:/usr/sbin:/sbin
dir=$(mktemp -d)
nsd=
# nsd's children may still write as it ends: wait for it.
finish()
{
	[ -n "$nsd" ] && kill "$nsd" 2>/dev/null && wait "$nsd" 2>/dev/null
	rm -rf "$dir" || { sleep 0.2; rm -rf "$dir"; }
}
trap finish EXIT
ip link set lo up
echo nameserver 127.0.0.1 >"$dir/resolv.conf"
mount --bind "$dir/resolv.conf" /etc/resolv.conf

{
	echo "\$TTL 60"
	echo '@ IN SOA ns.example. hostmaster.example. 1 60 60 60 60'
	echo '@ IN NS ns.example.'
	while IFS=$'\t' read -r name text; do
		printf '%s. IN TXT' "$name"
		fold -w 200 <<<"$text" | sed 's/.*/ "&"/' | tr -d '\n'
		echo
	done <"$1"
} >"$dir/zone"
cat >"$dir/nsd.conf" <<END
server:
	ip-address: 127.0.0.1
	username: ""
	zonesdir: "$dir"
	database: ""
	pidfile: "$dir/pid"
	xfrdfile: "$dir/xfrd"
	zonelistfile: "$dir/zonelist"
	xfrdir: "$dir"
	logfile: "$dir/log"
	server-count: 1
remote-control:
	control-enable: no
zone:
	name: "."
	zonefile: "$dir/zone"
END
nsd -d -c "$dir/nsd.conf" &
nsd=$!
for _ in $(seq 100); do
	(: </dev/tcp/127.0.0.1/53) 2>/dev/null && break
	sleep 0.05
done

# It exits 0 whatever it found, and says nothing when all is well.
said=$(opendkim-testmsg -t "$dir" 2>&1) || { echo "$said"; exit 1; }
echo "$said"
[ -z "$said" ]
