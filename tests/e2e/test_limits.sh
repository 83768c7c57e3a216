#!/usr/bin/env bash
# What strangers cannot make us do: send one address or host more than so many
# reports, or reports about our own reports for ever.
. "$(dirname "$0")/lib.sh"

base=https://$https_host:$https_port
for i in 1 2 3 4 5; do
	dns_txt "_smtp._tls.mail$i.example" \
	    'v=TLSRPTv1; rua=mailto:victim@mail.example'
	dns_txt "_smtp._tls.web$i.example" "v=TLSRPTv1; rua=$base/$i"
	record mail$i.example >>day.jsonl
	record web$i.example >>day.jsonl
done

make_conf
conf_set deliver per_address_day 3
conf_set deliver per_host_day 4
conf_set dns timeout 1
need start_nginx
need start_postfix

days_ago()
{
	day=$(date -u -d "$1 days ago" +%F)
}

# states MAIL-OR-HTTPS
states()
{
	sql "select count(*) || ' ' || state from delivery
	    where transport = '$1' group by state order by state"
}

# One way: DNS says at once where reports are wanted.
need start_dns
days_ago 3
check 'records go in' spool add --day "$day" day.jsonl
# What a dry run lists: "https", "mailto", or over which limit one is.
listed()
{
	send --dry-run --day "$day" 2>/dev/null | sed -E "/^$day /!d
	    s/.*  //; s/.*refused.* one (address|host) .*/over \1/; s/:.*//" |
	    sort | uniq -c | xargs
}
check 'a dry run, the first ever, says what is too many' equal \
    '4 https 3 mailto 2 over address 1 over host' "$(listed)"
check 'too many for one address and for one host: status 1' \
    exits 1 send --once --now
cp check.out log
check 'one address gets three mails' equal $'2 failed\n3 sent' \
    "$(states mailto)"
check 'one host gets four posts' equal $'1 failed\n4 sent' "$(states https)"
check 'the rest is in the log' equal \
"address=mailto:victim@mail.example limit=3 left-out=2
host=$https_host limit=4 left-out=1" \
    "$(sed -n "s/.*reports left out day=$day //p" log | sort)"
check 'each with its reason in the queue' equal \
'left out: more than 3 reports of one day to one address ([deliver] per_address_day)
left out: more than 4 reports of one day to one host ([deliver] per_host_day)' \
    "$(sql "select distinct note from delivery where state = 'failed'
    order by 1")"
check 'a further part of the day has no more' spool add --day "$day" \
    <(sed 's/}$/,"n":2}/' day.jsonl)
check 'than what is left' exits 1 send --once --now
check 'which is nothing' equal $'7 failed\n3 sent' "$(states mailto)"

# The other way: DNS does not answer before the second run.
stop_dns
days_ago 4
spool add --day "$day" day.jsonl
check 'without DNS all wait' exits 1 send --once --now
check 'none is counted yet' equal '10 pending' "$(states lookup)"
need start_dns
check 'when it answers, the limits are the same' exits 1 send --once --now
check 'for mail' equal $'9 failed\n6 sent' "$(states mailto)"
check 'for https' equal $'7 failed\n8 sent' "$(states https)"
check 'all mails arrived, and no more' wait_for 20 mails_are 6
check 'all posts arrived, and no more' equal 8 "$(grep -c . posts.json)"

# Our own reports.  What was mailed today is counted today, and today is not
# over: two days ago, then.
ledger()
{
	sql 'select domain, mails from ledger'
}
check 'the ledger has what was mailed' equal 'mail.example|6' "$(ledger)"
days_ago 2
sql "update ledger set day = day - 2"
dns_txt _smtp._tls.mail.example 'v=TLSRPTv1; rua=mailto:tls@mail.example'
stop_dns
need start_dns
record mail.example | sed 's/}$/,"n":6}/' >own.jsonl
check 'as many sessions go in' spool add --day "$day" own.jsonl
check 'a dry run makes no report of them' send --dry-run --day "$day"
check 'it says so' grep -q 'no report domain=mail.example .*own reports only' \
    <(send --dry-run --day "$day" 2>&1)
check '--explain, too' grep -q 'no report: own reports only' \
    <(send --explain mail.example --day "$day" 2>&1)
check 'nor does a run' send --once --now --day "$day"
check 'nothing was sent' equal 6 "$(mails | wc -l)"
check 'one session more' spool add --day "$day" <(record mail.example)
check 'is other traffic' send --once --now --day "$day"
check 'and reported' wait_for 20 mails_are 7
check 'to whom it belongs' grep -rq '^To: tls@mail.example' mail/inbox/new

# Copies are the operator's own wish.
conf_set mail bcc copies@copies.example
days_ago 5
spool add --day "$day" day.jsonl
check 'copies of what is mailed have no limit' exits 1 send --once --now
check 'there is one of each' equal 5 "$(sql "select count(*) from delivery
    where state = 'sent' and uri = 'mailto:copies@copies.example'")"

# A mail that receivers would not take, because of what a peer made up: texts
# that do not pack, and as much of them as there can be.
made_up()
{
	python3 - "$@" <<-'END'
	import json, random, sys

	domain = sys.argv[1]

	def text(n):
	    return "".join(chr(random.randrange(0x10000, 0x10ffff))
	        for _ in range(n // 4))

	def record(**policy):
	    print(json.dumps({"d": domain, "policies": [dict(policy,
	        **{"policy-type": 2})]}, ensure_ascii=False))

	random.seed(8460)
	for i in range(3000):
	    if i == 720:
	        record(**{"f": 0, "policy-string":
	            [text(8000) for _ in range(31)]})
	    record(**{"mx-host": [f"mx{i % 60}.{domain}"], "f": 1,
	        "failure-details": [{"c": 205, "s": f"192.0.2.{i % 250}",
	        "n": f"mx{i}.{domain}", "f": text(512)}]})
	END
}
days_ago 6
check 'a peer makes up what he can' spool add --day "$day" \
    <(made_up mail1.example)
check 'the mail about it is not held back' send --dry-run --day "$day" \
    --out made-up
check 'nor larger than receivers take' equal '' \
    "$(find made-up -name '*.eml' -size +1048576c)"

# Nor do many of them fill our memory: a session has fewer then.
check 'others make up the same' spool add --day "$day" \
    <(made_up mail2.example; made_up mail3.example; made_up mail4.example)
conf_set deliver per_address_day 100
sessions=$(grep -c ': connect from' postfix/log)
check 'all of it is mailed' exits 0 send --once --now --day "$day"
check 'in more than one session' test $((sessions + 2)) -le \
    "$(grep -c ': connect from' postfix/log)"
finish
