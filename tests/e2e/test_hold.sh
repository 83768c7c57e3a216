#!/usr/bin/env bash
# A report that its receivers would object to does not leave, whichever way it
# was to go; the others do.  What was made under another name of ours is
# nothing to object to.
. "$(dirname "$0")/lib.sh"

base=https://$https_host:$https_port
for name in good bad; do
	record $name.example "v=TLSRPTv1; $(
	    )rua=mailto:tls@$name.example,$base/in/$name" >>day.jsonl
done

make_conf
conf_set dns rua_lookup never
conf_set deliver spread 20h
need start_nginx
need start_postfix

check 'records go in' spool add --day "$day" day.jsonl
check 'their reports are queued, all for later' exits 1 send --once
check 'none has left' equal '4 pending' \
    "$(sql 'select count(*) || " " || state from delivery group by state')"

check 'they have been looked over' equal 2 \
    "$(sql 'select count(*) from report where seal <> 0')"

# One body takes the other's place: well-formed, but another report.
need sql "update report set body = (select body from report
    where domain = 'good.example') where domain = 'bad.example'"
check 'sending ends with status 1' exits 1 send --once --now
cp check.out log
check 'what is wrong with it is said for both its ways' equal 2 \
    "$(grep -c 'bad.example.*held back, a bug of ours: RFC 8460' log)"
check 'it has failed for good' equal "bad.example failed
bad.example failed
good.example sent
good.example sent" "$(sql "select r.domain || ' ' || d.state from delivery d
    join report r on r.id = d.report order by 1")"
check 'the good one was posted, and nothing else' equal /in/good \
    "$(jq -r .uri posts.json)"
check 'the good one was mailed' wait_for 20 mails_are 1
check 'and nothing else' equal tls@good.example \
    "$(mails | xargs sed -n 's/^X-Original-To: //p')"

record moved.example "v=TLSRPTv1; $(
    )rua=mailto:tls@moved.example,$base/in/moved" >day.jsonl
check 'a record comes late' spool add --day "$day" day.jsonl
check 'its report is queued' exits 1 send --once
conf_set report contact_info tls@renamed.example
conf_set dkim domain renamed.example
check 'we have another name: it leaves, both ways' exits 0 send --once --now
check 'it was posted' equal "/in/good
/in/moved" "$(jq -r .uri posts.json)"
check 'and mailed' wait_for 20 mails_are 2
mail=$(mails | xargs grep -l '^X-Original-To: tls@moved')
check 'as what it is' grep -q "^TLS-Report-Submitter: $submitter" "$mail"
check 'from who we are' grep -q '^From: .*<tls@renamed.example>' "$mail"
check 'and signed' grep -q 'd=renamed.example' "$mail"
finish
