#!/usr/bin/env bash
# Settings of tlsrpt-reporter become ours, which then work: once there is a
# key, --check-config has nothing to say, and its maps are used as they are.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

cp "$root"/tests/data/move/*.cfg .
for map in record mail http; do
	echo ". ACCEPT" >"$map.map"
done
echo 'example.com DISCARD' >record.map
sed -i "s|/etc/tlsrpt/\([a-z]*.map\)|$T/\1|" reportd.cfg

imported()
{
	"$build/tlsrpt-send" --import-config collectd.cfg reportd.cfg \
	    >tlsrpt.conf
}
check 'it reads their files' imported
check 'as it says, the DKIM key is to be set' \
    grep -qx '#key_file = /etc/tlsrpt/dkim.key' tlsrpt.conf
need openssl genrsa -out dkim.key 2048
sed -i "s|^#selector|selector|; s|^#key_file.*|key_file = $T/dkim.key|" \
    tlsrpt.conf
mkdir spool
conf_set spool directory "$T/spool"
conf_set queue database "$T/queue.db"
check 'then all is well' send --check-config --no-dns
has()
{
	send --print-config | grep -qx "$1"
}
check 'the identity is theirs' has 'organization_name = Example Sender; 100% mail'
check 'who signs is above both addresses' has 'domain = sender.example'
check 'their map is ours' has "map_file = $T/record.map"

spool add --day "$day" < <(
	record example.com 'v=TLSRPTv1; rua=mailto:tls@example.com'
	record example.net 'v=TLSRPTv1; rua=mailto:tls@example.net'
) >/dev/null
send --dry-run --day "$day" >said 2>&1
check 'and does what it did' grep -q 'record.map:1' said
check 'the rest is reported' grep -q tls@example.net said

cp tlsrpt.conf before
echo 'keepdays = 1' >>reportd.cfg
bad()
{
	equal "reportd.cfg:38: keepdays: tlsrpt-reporter has no such setting $(
	    )in [tlsrpt_reportd]" "$("$build/tlsrpt-send" \
	    --import-config collectd.cfg reportd.cfg 2>&1)"
}
check 'a bad line is named, and nothing else printed' bad
check 'status 2' exits 2 "$build/tlsrpt-send" --import-config reportd.cfg
check 'and without files' exits 2 "$build/tlsrpt-send" --import-config
finish
