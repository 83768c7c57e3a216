#!/usr/bin/env bash
# The 109 datagrams of a real Postfix 3.10, from the spool to those who asked
# for reports: every session counted, none rejected, nothing objected to.
. "$(dirname "$0")/lib.sh"

cp "$root/tests/data/postfix-3.10.jsonl" day.jsonl
[[ $ISOLATED ]] ||
	sed -i "s|https://collector.test|https://$https_host:$https_port|I" \
	    day.jsonl
make_conf
dns_ours
need start_dns
need start_nginx
need start_postfix

# These publish a record that names no place: no rua or an empty one, another
# scheme, no address, or blanks and 8-bit text where RFC 3986 has none.
nowhere=$(printf '["rr-%s.test"]\n' norua emptyrua versionsemi badscheme http \
    percent quote control spaces utf8 | jq -sc .)

check 'the records go in' spool add --day "$day" day.jsonl
check 'none is rejected' equal '' "$(ls spool/rejected)"
check 'all reports are delivered' send --once --now
check 'none was objected to' fails grep 'held back' check.out
check 'a report per domain that can be reached' equal \
    "$(expected day.jsonl | jq -r "delpaths($nowhere) | keys[]")" \
    "$(sql 'select domain from report order by 1')"
check 'each mail to its mailbox' wait_for 30 mails_are \
    "$(sql "select count(*) from delivery where transport = 'mailto'")"
mapfile -t inbox < <(mails)
mkdir mailed
mail reports mailed "${inbox[@]}"
check 'every session is in them' equal \
    "$(expected day.jsonl | jq -S "delpaths($nowhere)")" "$(reported mailed/* bodies/*)"
check 'all mails are signed' mail dkim "${inbox[@]}"
finish
