#!/usr/bin/env bash
# A real Postfix cannot deliver a report: its bounce comes back to the address
# it is about, and that gets no more reports.
. "$(dirname "$0")/lib.sh"

make_conf
conf_set mail envelope_from 'tls-bounces+%h@sender.example'
dns_ours
for user in gone alive; do
	dns_txt "_smtp._tls.$user.example" \
	    "v=TLSRPTv1; rua=mailto:$user@mail.example"
	failure $user.example >>day.jsonl
done
need start_dns
need start_postfix

# What Postfix makes of an address: to a dead end, or, for bounces, to us, the
# way that the manual page has it.
postfix_transport()
{
	postconf -c postfix/conf "transport_maps = regexp:$T/transport" \
	    'tlsrpt-bounce_destination_recipient_limit = 1'
	postfix -c "$T/postfix/conf" reload
}
# A copy: whoever Postfix runs it as may not get at ours.
install -m 755 "$build/tlsrpt-send" bounce
cat >>postfix/conf/master.cf <<END
tlsrpt-bounce unix - n n - 1 pipe
  flags=DORX user=nobody argv=$T/bounce --config $T/tlsrpt.conf --bounce
dead-end unix - n n - - pipe flags=R user=nobody argv=/bin/false
END
echo '/^gone@mail\.example$/ dead-end:' >transport
need postfix_transport

days_ago()
{
	day=$(date -u -d "$1 days ago" +%F)
}

suppressed()
{
	sql 'select destination from suppression'
}

# Of each report, its delivery to the address that is gone.
states()
{
	sql "select d.state, d.note from delivery d
	    join report r on r.id = d.report
	    where uri = 'mailto:gone@mail.example' order by r.day"
}

bounces()
{
	grep -l '^Content-Type: message/delivery-status' mail/inbox/new/*
}

# with_hash SED-SCRIPT: the bounce, its address changed
with_hash()
{
	sed -E "/^(To|X-Original-To|Delivered-To):/ $1" "$(bounces)"
}

days_ago 4
check 'records go in' spool add --day "$day" day.jsonl
check 'both reports are taken by the smarthost' send --once --now
check 'one arrives, of the other a bounce' wait_for 20 mails_are 2
check 'the bounce has an address of its own' equal 2 "$(sed -nE \
    's/^(Return-Path: <|To: )(tls-bounces\+[0-9a-f]{20}@.*[a-z])>?$/\2/p' \
    mail/inbox/new/* | sort -u | wc -l)"
with_hash 's/\+./+z/' >not-a-hash
with_hash 's/\+[0-9a-f]{4}/+0000/' >forged
check 'a bounce to something else is passed over' send --bounce <not-a-hash
check 'a forged one, too' send --bounce <forged
check 'and suppresses nobody' equal '' "$(suppressed)"

days_ago 3
conf_set deliver spread 4h
check 'a further day is queued and waits' spool add --day "$day" day.jsonl
send --once
conf_set deliver spread 0
check 'the bounce is taken while a run has the lock' \
    flock queue.db.lock "$build/tlsrpt-send" --config tlsrpt.conf --bounce \
    <"$(bounces)"
check 'it suppresses the address it is about' equal \
    mailto:gone@mail.example "$(suppressed)"
show()
{
	"$build/tlsrpt-show" --config tlsrpt.conf queue "$@"
}
check 'tlsrpt-show lists it' grep -A 1 \
    '^20..-..-..T..:..:..Z  mailto:gone@mail.example$' <(show)
check 'as JSON, too' equal mailto:gone@mail.example \
    "$(show --json | jq -r '.suppressed // empty')"
check 'what waited for it fails' exits 1 send --once --now

days_ago 2
spool add --day "$day" day.jsonl
check 'what comes after is not even tried' send --once --now
check 'with the reason' equal \
"sent
failed suppressed until : it bounced: 5.3.0
failed suppressed until : it bounced: 5.3.0" \
    "$(states | sed -E 's/^sent.*/sent/; s/\|/ /
    s/until [0-9-]+/until /; s/(5\.3\.0).*/\1/')"
check 'the other address got all three' wait_for 20 mails_are 4

sql 'update suppression set until = 1'
echo '/^tls-bounces[+].*@sender[.]example$/ tlsrpt-bounce:' >>transport
chown -R nobody spool queue.db* ./*.key	# as if it had been theirs all the time
chown nobody .
need postfix_transport
days_ago 5
spool add --day "$day" day.jsonl
send --once --now >/dev/null
again()
{
	[[ $(sql 'select count(*) from suppression where until > 1') == 1 ]]
}
check 'Postfix pipes the next one to us' wait_for 30 again
check 'and is content' wait_for 20 \
    grep -q 'relay=tlsrpt-bounce.*status=sent' postfix/log

conf_set mail envelope_from tls-bounces@sender.example
check 'without %h there is nothing to take in' exits 2 send --bounce \
    </dev/null
finish
