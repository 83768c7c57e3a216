#!/usr/bin/env bash
# A full disk below the queue: what could not be marked as sent would be sent
# again, run after run, to strangers.
. "$(dirname "$0")/lib.sh"

if [[ ! $ISOLATED ]]; then
	skip 'a full disk makes no repeats' 'mounts a small disk'
	finish
fi
make_conf
mkdir disk
mount -t tmpfs -o size=12m tmpfs disk
conf_set queue database "$T/disk/queue.db"
need start_nginx

for i in {1..30}; do
	record "web$i.example" "v=TLSRPTv1; rua=https://$https_host:$https_port/$i"
done >day.jsonl
posts()
{
	jq -s length posts.json 2>/dev/null || echo 0
}
need spool add --day "$day" day.jsonl
send --once --domain nobody.example 2>/dev/null
check 'thirty reports wait' equal 30 "$(sqlite3 'file:disk/queue.db?immutable=1' \
    "select count(*) from delivery where state = 'pending'")"
dd if=/dev/zero of=disk/fill bs=64k status=none 2>/dev/null
check 'on a full disk nothing is sent' fails send --once
cp check.out log
check 'which is said' grep -q 'no room to note what is sent' log
check 'nor is it at the next try' fails send --once
check 'so that nobody gets anything twice' equal 0 "$(posts)"
rm disk/fill
check 'with room all is sent' send --once
check 'once' equal 30 "$(posts)"
finish
