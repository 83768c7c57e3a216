#!/usr/bin/env bash
# tlsrpt-show as a person uses it: on what we made, and on what others send.
# shellcheck disable=SC2016 # single quotes for eval
. "$(dirname "$0")/lib.sh"

[[ -x $build/tlsrpt-show ]] || need false
corpus=$root/tests/corpus/report
make_conf
conf_set dns rua_lookup never
conf_set https timeout 1
conf_set mail smarthost localhost:1
conf_set spool keep_days 3650
day=2026-11-21 before=2026-11-20	# what the sample says

show()
{
	timeout 60 "$build/tlsrpt-show" --config "$T/tlsrpt.conf" "$@"
}
# shows WORDS COMMAND...: these words in one line, whatever the blanks.
shows()
{
	local words=$1
	shift
	"$@" >shown.out
	tr -s ' ' <shown.out | grep -F -- "$words" && return
	cat shown.out
	return 1
}
# value JQ-EXPRESSION WANT COMMAND...
value()
{
	local expression=$1 want=$2
	shift 2
	equal "$want" "$("$@" | jq -c "$expression")"
}

# --- day -------------------------------------------------------------------

check 'day: no spool is said' shows 'No such file' eval \
    'sed "s|^directory = .*|directory = $T/none|" tlsrpt.conf >none.conf;
    "$build/tlsrpt-show" --config none.conf day 2>&1 || :'
need spool add --day "$day" "$root/tests/data/sample-day.jsonl"
need spool add --day "$before" <(failure kestrel.example; record b.example)
check 'day: totals' shows "$day: 25 domains, 483 sessions, 58 failed, 87.9 %" \
    show day "$day"
check 'day: policies' shows 'sts 8 106 35 66.9 %' show day "$day"
check 'day: the worst first' shows 'fabrik.example 9 9 0.0 % validation-failure' \
    show day "$day"
check 'day: result types' shows 'validation-failure 6 25' show day "$day"
check 'day: what failed before as well is not new' value \
    '[.new[] | select(.domain == "kestrel.example") | .["result-type"]]' \
    '["validation-failure"]' show day --json "$day"
check 'day: without a day before, nothing is called new' value .new null \
    show day --json "$before"
check 'day: JSON adds up to the text' value \
    '[.domains, .successful + .failed, .failed]' '[25,483,58]' \
    show day --json "$day"
check 'day: today, with what is in the drop-box' shows '1 domains, 1 sessions' \
    eval 'mkdir -p spool/incoming; record now.example |
    at "$(date -u +%F)" >spool/incoming/x.jsonl; show day'
rm spool/incoming/x.jsonl
mkdir bare
check 'day: no spool yet is said' shows 'none before the first record' \
    eval 'sed "s|^directory = .*|directory = $T/bare|" tlsrpt.conf >bare.conf
    "$build/tlsrpt-show" --config bare.conf day 2>&1 || :'

# --- queue -----------------------------------------------------------------

check 'queue: none yet is said' shows 'none before the first run' \
    eval 'show queue 2>&1 || :'
send --once >send.out 2>&1
reports=$(sql 'SELECT count(*) FROM report')
check 'queue: what is pending, and why' shows 'example.net pending' show queue
check 'queue: with the reason' shows 'localhost:1' show queue
check 'queue: one domain' value .destination \
    '"mailto:tls-reports@example.com"
"https://reports.example/v1/tlsrpt"' show queue --domain Example.COM --json
check 'queue: every delivery is there' equal \
    "$(sql 'SELECT count(*) FROM delivery')" "$(show queue --json | wc -l)"
sql "UPDATE delivery SET state = 'sent', ended = 1 WHERE uri LIKE '%example.net'"
check 'queue: what was sent is not listed' shows '1 sent is not shown' show queue
check 'queue: unless one asks' shows 'example.net sent 1970-01-01T00:00:01Z' \
    show queue --domain example.net
check 'queue: the counts of one domain' shows \
    'example.net: 0 pending, 1 sent, 0 failed, 0 expired' \
    show queue --domain example.net
check 'queue: a domain without reports' shows \
    'tlsrpt-send --explain nothing.example' show queue --domain nothing.example
sql "UPDATE delivery SET state = 'failed', ended = 1, tries = 3,
    note = 'HTTP 403' WHERE uri LIKE '%tlsrpt.example.org%'"
check 'queue: what failed, with the tries' shows \
    'example.org failed 1970-01-01T00:00:01Z 3 https://tlsrpt.example.org' \
    show queue
check 'queue: and the reason' shows 'HTTP 403' show queue
sql "INSERT INTO suppression VALUES ('mailto:gone@example.net', 1,
    32503680000, '5.1.1 no such user')"
check 'queue: what is suppressed' shows \
    '3000-01-01T00:00:00Z mailto:gone@example.net' show queue
check 'queue: and why' shows '5.1.1 no such user' show queue
check 'queue: suppressed, as JSON' value 'select(.suppressed) | .reason' \
    '"5.1.1 no such user"' show queue --json
check 'queue: counts' shows "$(sql "SELECT count(*) FROM delivery
    WHERE state = 'pending'") pending, 1 sent, 1 failed, 0 expired" show queue

# --- report ----------------------------------------------------------------

sqlite3 queue.db "SELECT writefile(filename || '.json.gz', body) FROM report
    WHERE day = (SELECT max(day) FROM report)" >/dev/null
mkdir -p made && mv ./*.json.gz made
check 'report: ours have nothing wrong with them' \
    shows '0 things wrong, 0 odd' show report made
check 'report: and add up to the day, but for those nobody wants' \
    shows '23 reports, 476 sessions, 58 failed' show report made
check 'report: no configuration needed' eval \
    '"$build/tlsrpt-show" --config nowhere report made >/dev/null'
check 'report: from standard input' shows 'about example.net' eval \
    'show report - <"$corpus/valid/one-policy.json" || :'
check 'report: gzip from standard input' shows '38 sessions, 3 failed' eval \
    'show report - <"$(echo made/*!example.net!*)"'
check 'report: a mail from standard input' shows 'about example.net' eval \
    'show report - <"$corpus/valid/mail.eml"'
check 'report: a mail' shows '7 sessions, 2 failed, 71.4 % successful' \
    show report "$corpus/valid/mail.eml"
check 'report: hosts and addresses' shows \
    '2 mx1.example.net [192.0.2.1], which calls itself mx1, from 2001:db8::1' \
    show report "$corpus/valid/mail.eml"
check 'report: JSON holds the report as it came' value \
    '[.domain, .failed, .report["report-id"], .findings]' \
    '["example.net",2,"1@sender.example",[]]' \
    show report --json "$corpus/valid/mail.eml"
check 'report: a summary' shows \
    '2026-11-21 example.net 7 2 71.4 % Example Inc.' \
    show report --summary "$corpus/valid/mail.eml"
check 'report: one domain' shows '1 reports' \
    show report --domain kestrel.example made
check 'report: what is wrong is status 1' \
    exits 1 show report --lint "$corpus/invalid/null-everywhere.json"
check 'report: with the section' shows \
    'wrong: RFC 8460 section 4.4: contact-info: not a string' eval \
    'show report --lint "$corpus/invalid/null-everywhere.json" || :'
check 'report: what is odd is not' \
    exits 0 show report --lint "$corpus/valid/one-policy.json"
check 'report: a file that is not there' exits 1 show report nowhere
check 'report: no orders to the terminal' eval \
    '! show report "$corpus/invalid/hostile-texts.json" | grep -q "$(printf "\033")"'
check 'report: broken files do not hide the others' shows \
    '4 files could not be read' show report "$corpus"

maildir=$T/Maildir
mkdir -p "$maildir"/{cur,new,tmp}
cp "$corpus/valid/mail.eml" "$maildir/cur/1:2,S"
printf 'Subject: lunch?\n\nnoon?\n' >"$maildir/new/2"
cp "$corpus/valid/mail.eml" "$maildir/tmp/3"
check 'report: a Maildir, other mails passed over' \
    exits 0 eval 'show report "$maildir" >maildir.out'
check 'report: once each' shows '1 reports, 7 sessions' cat maildir.out

# --- colours ---------------------------------------------------------------

terminal()
{
	TERM=xterm script -qec "$build/tlsrpt-show report $corpus/valid/mail.eml" \
	    /dev/null
}
coloured()
{
	"$@" | grep -q "$(printf '\033\\[31m')"
}
check 'colours on a terminal' coloured terminal
check 'not with NO_COLOR' eval '! NO_COLOR=1 coloured terminal'
check 'not into a pipe' eval '! coloured show report "$corpus/valid/mail.eml"'

# --- html ------------------------------------------------------------------

check 'html: from the queue' \
    show html --from $before --to $day --out page.html
check 'html: all reports' shows " $reports reports" cat page.html
check 'html: all failing domains have a section' equal 13 \
    "$(grep -c '<section class=domain' page.html)"
check 'html: deliveries' shows '1 failed, 0 expired.' cat page.html
check 'html: from files, the same failures' equal 13 \
    "$(show html --from $before --to $day --out - made | grep -c '<section class=domain')"
check 'html: only the days asked for' shows 'There are none for these days' \
    show html --from 2001-01-01 --to 2001-01-02 --out -
check 'html: whole or not at all' eval \
    '! show html --out nowhere/page.html && ! compgen -G ".page*"'
check 'html: nothing from elsewhere' eval \
    '! grep -oE "(src|href)=\"?[^#\"][^ >]*" page.html'

# --- usage -----------------------------------------------------------------

while read -r arguments; do
	# shellcheck disable=SC2086 # several words
	check "wrong usage: $arguments" exits 2 show $arguments
done <<-END

	reports
	report
	report --out x made
	report --json --lint made
	day 2026-13-01
	day --domain example.com
	queue example.com
	queue --domain no_such..domain
	html
	html --out x --json
	html --out x --from 2026-11-21 --to 2026-11-20
END

finish
