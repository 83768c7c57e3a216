#!/usr/bin/env bash
# Ways in: the drop-box, segments copied from another host, and texts of
# TLSRPT records that only DNS has.
. "$(dirname "$0")/lib.sh"

make_conf
dns_ours
need start_nginx
url=https://$https_host:$https_port/in
record='v=TLSRPTv1; rua='$url

# posts PATH: how often it was asked for
posts()
{
	grep -c "\"uri\":\"/in/$1\"" posts.json
}
sessions()
{
	sql "select coalesce(sum(sessions), 0) from report
	    where domain = '$1'"
}

# The drop-box: hidden and unfinished files stay, a finished one counts once.
mkdir -p spool/incoming
{
	record drop.example "$record/drop" | at "$day"
	record drop.example "$record/drop" | at "$day"
	echo 'not a record'
} >spool/incoming/mta2.jsonl
cp spool/incoming/mta2.jsonl spool/incoming/.unfinished
check 'a run takes in what is in the drop-box' send --once --now
check 'the file is gone, an unfinished one is not' equal .unfinished \
    "$(ls -A spool/incoming)"
check 'both of its sessions were reported' equal 2 "$(sessions drop.example)"
check 'its bad line was kept' grep -q 'not a record' \
    spool/rejected/*.jsonl
check 'a further run reports nothing twice' send --once --now
check 'there was one POST' equal 1 "$(posts drop)"

# Late records of the same day make a further report with its own id.
record drop.example "$record/drop" | at "$day" >spool/incoming/late.jsonl
check 'records that come late' send --once --now
check 'make a second part' equal '1|2 2|1' "$(sql "select part, sessions
    from report where domain = 'drop.example' order by part" | xargs)"
check 'with an id of its own' equal 2 \
    "$(sql 'select count(distinct report_id) from report')"

# Another host's segments, copied in twice.
need mkdir -p other
sed "s|$T/spool|$T/other|; s/^source = .*/source = mta2/" tlsrpt.conf \
    >other.conf
need "$build/tlsrpt-spool" --config other.conf add --day "$day" <(
    record copied.example "$record/copied"
    record copied.example "$record/copied"
    record copied.example "$record/copied")
for segment in other/days/"$day"/*.seg; do
	cp "$segment" "spool/days/$day/"
	cp "$segment" "spool/days/$day/again-${segment##*/}"
done
check 'segments of another host' send --once --now
check 'count once, however often copied' equal 3 "$(sessions copied.example)"

# A segment that others have made, half copied, and then with a line that is
# no record.
segment=spool/days/$day/foreign.seg
{
	printf '{"tlsrpt-segment":1,"id":"f1","day":"%s","source":"f",' "$day"
	echo '"created":1}'
	record foreign.example "$record/foreign"
	echo '{"d":"no policies"}'
	record foreign.example "$record/foreign"
} >foreign.seg
head -c -20 foreign.seg >"$segment"
check 'a segment cut within a line' exits 1 send --once --now
check 'does not count' equal 0 "$(sessions foreign.example)"
need cp foreign.seg "$segment"
check 'when it is whole' send --once --now
cp check.out log
check 'it does' equal 2 "$(sessions foreign.example)"
check 'but for what cannot be read: it is said' grep -q \
    "days/$day/foreign.seg: 1 lines cannot be read and do not count" log
check 'and kept' equal "{\"d\":\"no policies\"}" "$(jq -r \
    'select(.origin | test("foreign")).line' "spool/rejected/$day.jsonl")"

# No text with the records and no DNS: nothing is lost.
dns_txt _smtp._tls.asked.example "$record/asked"
need spool add --day "$day" <(record asked.example; record asked.example
    record unwanted.example)
dns_txt _smtp._tls.unwanted.example "$record/unwanted"
check 'without DNS a run ends with deliveries pending' \
    exits 1 send --once --now
check 'nothing was sent' equal 0 "$(posts asked)"
check 'the report waits' equal 2 "$(sessions asked.example)"
need start_dns
echo unwanted.example >exclude
conf_set deliver exclude_file "$T/exclude"
check 'when DNS is back' exits 1 send --once --now
check 'it is delivered' equal 1 "$(posts asked)"
check 'what is excluded since is not' equal 0 "$(posts unwanted)"

# The text changed during the day: the current one is asked for.
dns_txt _smtp._tls.changed.example "$record/current"
stop_dns
need start_dns
dns_txt _smtp._tls.partly.example "$record/now"
stop_dns
need start_dns
need spool add --day "$day" <(
    record partly.example
    record partly.example "$record/seen"
    record changed.example "$record/before"
    record changed.example "$record/after")
check 'where texts differ' send --once --now
check 'the one in DNS is used' equal '0 0 1' \
    "$(posts before) $(posts after) $(posts current)"
check 'and where some have none' equal '0 1' "$(posts seen) $(posts now)"

# A host that was off for weeks; [spool] keep_days is 7.
old=$(date -u -d '20 days ago' +%F)
need spool add --day "$old" <(record old.example "$record/old")
check 'a day of long ago is reported' send --once --now
check 'it was delivered' equal 1 "$(posts old)"
check 'and its folder goes' test ! -e "spool/days/$old"
check 'those of late stay' test -d "spool/days/$day"
finish
