#!/usr/bin/env bash
# What OPERATIONS.md tells people to type does what it says, here with folders
# of our own and without changing the user.
# shellcheck disable=SC2016 # single quotes for eval
. "$(dirname "$0")/lib.sh"

# page WORD [SED]: the commands that stand together with this word in them,
# after this change.
page()
{
	awk -v RS= -v word="$1" 'index($0, word) && /^    /' \
	    "$root/packaging/OPERATIONS.md" | sed -e 's/^    //' \
	    -e 's/runuser -u tlsrpt -- //' -e "s|/tmp/|$T/|g" \
	    -e "${2:-}" -e "s|/var/lib/tlsrpt|$T|g" \
	    -e "s|mta1:/var/spool/tlsrpt|$T/mta1|g" \
	    -e "s|/var/spool/tlsrpt|$T/spool|g" \
	    -e "s|tlsrpt-spool add|$build/tlsrpt-spool --config tlsrpt.conf add|" \
	    >typed
	[[ -s typed ]] || {
		echo "nothing with $1 on the page"
		return 1
	}
	sh -e ./typed
}
ids()
{
	sql "select report_id from report order by report_id"
}

make_conf
conf_set dns rua_lookup never
conf_set spool keep_days 3650
conf_set deliver spread 20h
before=$(date -u -d "$day - 1 day" +%F)
wanted='v=TLSRPTv1; rua=mailto:tls@example.test'
for d in a.example example.com; do
	record $d "$wanted"
done >records.jsonl

# --- backup ----------------------------------------------------------------

need spool add --day "$before" records.jsonl
"$build/tlsrpt-send" --config tlsrpt.conf 2>send.err &
sender=$!
check 'reports are queued, and it waits' wait_for 20 \
    eval '[[ $(sql "select count(*) from report") == 2 ]]'
check 'a backup while it runs' page .backup
check 'is whole' equal ok "$(sqlite3 queue.backup 'pragma integrity_check')"
check 'has what was reported' equal 2 \
    "$(sqlite3 queue.backup 'select count(*) from report')"
check 'is for its owner only' equal 600 "$(stat -c %a queue.backup)"
kill $sender
wait $sender
need spool add --day "$day" records.jsonl
send --once >/dev/null 2>&1
ids >ids.before
check 'the next day is reported' equal 4 "$(wc -l <ids.before)"
rm queue.db*
cp queue.backup queue.db
send --once >/dev/null 2>&1
check 'after the backup was put back it is again, with the same report-ids' \
    equal "$(cat ids.before)" "$(ids)"

# --- rejected lines --------------------------------------------------------

echo broken | need spool add --day 2026-11-21
check 'rejected lines, mended, are added' page 'jq -r .line' "
    s|rejected/|$T/spool/&|
    s|sed … |echo '$(record mended.example)' |"
check 'and there' grep -rq mended.example spool/days/2026-11-21

# --- a domain that wants no more -------------------------------------------

check 'a report as a file' page writefile
check 'is the report' eval 'gzip -dc ./*!example.com!*.json.gz |
    jq -e ".policies[0].policy[\"policy-domain\"] == \"example.com\""'
check 'what is queued for a domain is taken back' page 'they asked us'
check 'all of it, and nothing else' equal 'a.example pending
example.com failed' "$(sql 'select distinct domain, state from delivery join
    report on report.id = report order by 1' | tr '|' ' ')"
check 'with the reason' eval '"$build/tlsrpt-show" --config tlsrpt.conf \
    queue --domain example.com | grep "they asked us to stop"'

# --- several hosts ---------------------------------------------------------

sed "s|^directory = .*|directory = $T/mta1|; s|^source = .*|source = mta1|" \
    tlsrpt.conf >mta1.conf
mkdir mta1
record c.example "$wanted" | need "$build/tlsrpt-spool" --config mta1.conf \
    add --day "$day"
check 'segments of another host' page rsync
check 'twice' page rsync
sql 'delete from delivery; delete from report; delete from day;
    delete from segment'
send --once >/dev/null 2>&1
check 'are reported with our own, once' equal "a.example 1
c.example 1
example.com 1" "$(sql "select domain, sessions from report
    where day = $(($(date -u -d "$day" +%s) / 86400)) order by 1" | tr '|' ' ')"
touch -d '9 days ago' "spool/days/$before"
check 'old days of a host that does not report' page 'find'
check 'are removed, the others not' equal "$day" \
    "$(find spool/days -mindepth 1 -name "$day" -printf '%f\n'
       find spool/days -mindepth 1 -name "$before" -printf '%f\n')"
finish
