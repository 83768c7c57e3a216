#!/usr/bin/env bash
# A real Postfix as smarthost: down, hanging, back again, greylisting, and
# refusing one recipient of many.
. "$(dirname "$0")/lib.sh"

trap 'kill $mute 2>/dev/null; stop_dns; stop_nginx; stop_postfix' EXIT
mute=

make_conf
conf_set dns rua_lookup never
conf_set mail timeout 2
conf_set mail parallel 1
conf_set mail messages_per_session 2
for n in {1..40}; do
	record "d$n.example" "v=TLSRPTv1; rua=mailto:tls@d$n.example"
done >day.jsonl
for name in refused greylisted; do
	record "$name.example" "v=TLSRPTv1; rua=mailto:$name@mail.example"
done >>day.jsonl

states()
{
	sql 'select count(*), state from delivery group by state order by 2'
}
# A run that leaves something, and takes less than 12 s.
short_run()
{
	local start=$SECONDS
	exits 1 send --once --now 2>log || return
	echo "$((SECONDS - start)) s"
	((SECONDS - start < 12))
}
held_back()
{
	grep -c 'not tried, the smarthost does not answer' log
}

check 'records go in' spool add --day "$day" day.jsonl
check 'nobody listens' short_run
check 'so all is put off' equal '42|pending' "$(states)"
check 'most of it without a try' test "$(held_back)" -ge 38

# It would cost each of 21 sessions a timeout of 2 s.
python3 -c "import socket, time
s = socket.create_server(('127.0.0.1', $smtp_port))
time.sleep(600)" &
mute=$!
need wait_for 10 port_open $smtp_port
check 'the smarthost takes connections and says nothing' short_run
check 'all is put off again' equal '42|pending' "$(states)"
check 'most of it without a try this time, too' test "$(held_back)" -ge 36
kill $mute
wait $mute 2>/dev/null

need start_postfix
check 'it is back' short_run
check 'all are delivered but the two' equal '1|failed
1|pending
40|sent' "$(states)"
reason()
{
	sql "select state || ' ' || note from delivery where uri like '%$1%'"
}
check 'one is refused for good' grep 'failed RCPT: 550 5.1.1' \
    <<<"$(reason refused)"
check 'one is greylisted' grep 'pending RCPT: 450 4.2.0' \
    <<<"$(reason greylisted)"
check 'it is, again' short_run

need postconf -c "$T/postfix/conf" -e \
    'smtpd_recipient_restrictions = permit_mynetworks, reject'
need postfix -c "$T/postfix/conf" reload
no_more_greylisting()
{
	send --once --now
	[[ $(reason greylisted) == sent* ]]
}
check 'until it is not' wait_for 20 no_more_greylisting
check '41 mails arrive' wait_for 20 mails_are 41
recipients()
{
	mails | xargs sed -n 's/^X-Original-To: //p' | sort | uniq -c |
	    awk '$1 != 1'
}
check 'each of them once' equal '' "$(recipients)"

# One that hangs up at the third recipient of every session: that mail is put
# off, and those behind it go on in the next session.
stop_postfix
rm -rf queue.db* spool
mkdir peer
printf 'RCPT=%s\n' '250 ok' '250 ok' close >peer/script
tail -f /dev/null | "$root/tests/reporter/smtp_server.py" peer >peer/port &
need wait_for 10 test -s peer/port
conf_set mail tls none
conf_set mail smarthost "127.0.0.1:$(<peer/port)"
conf_set mail parallel 1
conf_set mail messages_per_session 5
spool add --day "$day" <(head -n 10 day.jsonl) >/dev/null
check 'sessions that break half-way' short_run
check 'cost one mail each an attempt' equal $'2|pending\n8|sent' "$(states)"

# One that takes half a second for each, and we are killed in the middle of a
# session: what it had accepted is known.
rm -rf queue.db* spool
mkdir slow
echo '.=late|250 ok' >slow/script
tail -f /dev/null | "$root/tests/reporter/smtp_server.py" slow >slow/port &
need wait_for 10 test -s slow/port
conf_set mail smarthost "127.0.0.1:$(<slow/port)"
spool add --day "$day" <(head -n 5 day.jsonl) >/dev/null
taken()
{
	find slow -name 'message.*' | wc -l
}
three_taken()
{
	(($(taken) >= 3))
}
"$build/tlsrpt-send" --config "$T/tlsrpt.conf" --once --now 2>log &
run=$!
check 'a slow one takes a few' wait_for 20 three_taken
# Nice value and scheduling class (3: SCHED_BATCH) of each thread.
check 'while who mails gives way to all others' grep -x \
    "$(($(nice) + 10)) 3" <<<"$(awk '{ print $19, $41 }' /proc/$run/task/*/stat)"
kill -9 $run
wait $run 2>/dev/null
before=$(taken)
check 'killed, all but the last two are marked' test \
    "$(sql "select count(*) from delivery where state = 'sent'")" \
    -ge $((before - 2))
check 'it is run again' exits 0 send --once --now
check 'and sends no more than two again' test "$(taken)" -le 7
finish
