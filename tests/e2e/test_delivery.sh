#!/usr/bin/env bash
# Reports reach a real nginx and, through a real Postfix, a mailbox; what is
# refused, busy or dead is told apart; the signatures verify elsewhere.
. "$(dirname "$0")/lib.sh"

base=https://$https_host:$https_port

# Which destinations the domains of this day ask for.  None of the records
# brings its text, so all of these are looked up.
tlsrpt()
{
	dns_txt "_smtp._tls.$1" "v=TLSRPTv1; rua=$2"
	record "$1" >>day.jsonl
	failure "$1" >>day.jsonl
}
tlsrpt mail.example mailto:tls@mail.example
tlsrpt web.example "$base/in/web"
tlsrpt both.example "mailto:tls@both.example,$base/in/both"
tlsrpt two.example mailto:one@two.example,mailto:two@two.example
tlsrpt long.example "mailto:tls@long.example; x=$(printf 'y%.0s' {1..500})"
cp day.jsonl good.jsonl
tlsrpt refused.example mailto:refused@mail.example
tlsrpt greylisted.example mailto:greylisted@mail.example
tlsrpt gone.example "$base/gone"
tlsrpt busy.example "$base/busy"
tlsrpt dead.example "https://$https_host:1/,mailto:tls@dead.example"
record silent.example >>day.jsonl
cp day.jsonl all.jsonl

make_conf
conf_set report organization_name 'Müller & Söhne – Пошта'
dns_ours
need start_dns
need start_nginx
need start_postfix

states()
{
	sql "select r.domain || ' ' || d.state from delivery d
	    join report r on r.id = d.report order by 1" | uniq
}

# The bodies that nginx has kept, under their report's name.
posted()
{
	local file uri
	while IFS=$'\t' read -r file uri; do
		cp "$file" "posted/${uri##*/}"
	done < <(jq -r '[.file, .uri] | @tsv' posts.json)
}

check 'records go in' spool add --day "$day" good.jsonl
check 'all is delivered in one go' send --once --now
check 'by POST over TLS, as gzip, without encoding' equal '2
POST application/tlsrpt+gzip 201 yes' "$(jq -r '"\(.method) \(.type)" +
    "\(.encoding) \(.status) \(if .tls == "" then "no" else "yes" end)"' \
    posts.json | sort | uniq -c | sed 's/^ *//; s/ /\n/')"
check 'five mails arrive' wait_for 20 mails_are 5
mapfile -t inbox < <(mails)
check 'one to each address' equal "$(printf '%s\n' one@two.example \
    tls@both.example tls@long.example tls@mail.example two@two.example)" \
    "$(sed -n 's/^X-Original-To: //p' "${inbox[@]}" | sort)"
check 'dkimpy verifies both signatures of each' mail dkim "${inbox[@]}"

sed 's/^Date: .../&x/' "${inbox[0]}" >tampered
check 'but not when the date was changed' fails mail dkim tampered

opendkim()
{
	local name
	for name; do
		mail crlf "$name" | opendkim-testmsg || return
	done
}
if [[ $ISOLATED ]]; then
	check 'opendkim-testmsg verifies each' opendkim "${inbox[@]}"
	check 'but not when the date was changed' fails opendkim tampered
else
	skip 'opendkim-testmsg verifies each' 'needs its own resolv.conf'
fi
check 'the mails are plain ASCII' fails \
    env LC_ALL=C grep -l '[^ -~[:cntrl:]]' "${inbox[@]}"

mkdir mailed posted
mail reports mailed "${inbox[@]}"
posted
check 'reports by mail say what the records said' equal \
    "$(expected <(grep -v web.example good.jsonl))" "$(reported mailed/*)"
both=$(grep -l '^To: tls@both.example' "${inbox[@]}")
mkdir both && mail reports both "$both"
check 'mail and POST carry the same bytes' cmp both/* posted/both
check 'the organisation keeps its letters' equal \
    'Müller & Söhne – Пошта' "$(zcat posted/web |
    jq -r '."organization-name"')"

# Now with the ones that do not work.  Two days, so that every domain has one.
day=$(date -u -d '3 days ago' +%F)
check 'a day with bad destinations goes in' spool add --day "$day" all.jsonl
check 'it ends with status 1' exits 1 send --once --now --day "$day"
check 'the good ones were delivered all the same' wait_for 20 mails_are 11
check 'one pass over them tells each by its answer' equal \
"both.example sent
busy.example pending
dead.example pending
dead.example sent
gone.example failed
greylisted.example pending
long.example sent
mail.example sent
refused.example failed
two.example sent
web.example sent" "$(states)"
retried()
{
	send --once --now --day "$day"
	(($(grep -c '"/busy"' posts.json) == 2))
}
check 'what is pending is tried again' retried
check 'what was delivered is not' equal 11 "$(mails | wc -l)"
finish
