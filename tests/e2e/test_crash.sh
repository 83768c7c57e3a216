#!/usr/bin/env bash
# kill -9 in the middle of aggregation and of delivery, at one system call
# after the other, then start again: every report is made and delivered, none
# is missing, and what comes twice is the same to the byte.
. "$(dirname "$0")/lib.sh"

make_conf
conf_set dns rua_lookup never
conf_set log level error
for n in {1..20}; do
	text="v=TLSRPTv1; rua=mailto:tls@d$n.example,"
	text+=https://$https_host:$https_port/in/$n
	record "d$n.example" "$text"
	failure "d$n.example" "$text"
done >day.jsonl

# A spool in every state there is: sealed, left open by a collector that was
# killed in the middle of a line, and the drop-box.
mkdir -p spool/incoming
need spool add --day "$day" <(sed -n 1,15p day.jsonl)
{
	printf '{"tlsrpt-segment":1,"id":"mta2-%s","day":"%s",' "$day" "$day"
	printf '"source":"mta2","created":%s}\n' "$(date +%s)"
	sed -n 16,25p day.jsonl
	printf '{"d": "torn.exam'
} >"spool/days/$day/mta2-1.open"
sed -n 26,40p day.jsonl | at "$day" >spool/incoming/mta3.jsonl
cp -a spool spool.before

reports()
{
	sql 'select domain, day, part, report_id, filename, sessions,
	    failures, hex(body) from report order by domain, day, part'
}
fresh()
{
	rm -rf spool queue.db*
	cp -a spool.before spool
}

# Nobody listens yet: this is about making the reports.
send --once >undisturbed.out 2>&1
want=$(reports)
check 'the undisturbed run makes every report' equal 20 \
    "$(wc -l <<<"$want")"
check 'from every record' equal 40 "$(sql 'select sum(sessions) from report')"

writing=write,writev,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink
writing+=,unlinkat,link,linkat,ftruncate,fallocate,mkdir,mkdirat

# All of the day is in the queue, or none.
all_or_none()
{
	local n
	[[ -e queue.db ]] || return 0
	n=$(sql 'select count(*) from report' 2>/dev/null) || return 0
	((n == 0 || n == 20)) || { echo "$n reports"; return 1; }
}
again()
{
	all_or_none || return
	send --once
	(($? < 2)) || return
	diff <(echo "$want") <(reports)
}

kills=0
for ((n = 1; n < 100000; n += 1 + n / 40)); do
	fresh
	send_killed $n $writing --once >killed.out 2>&1
	(($? == 137)) || break
	((kills++))
	again >again.out 2>&1 && continue
	check "killed at write $n, then run again" cat again.out killed.out /dev/null
	check 'see above' false
done
check "killed at $kills points of making reports, the same come out" \
    test $kills -ge 10

# The same day again, now to be delivered; it is killed over and over again,
# going on each time from what the last one left.
fresh
dns_ours
need start_dns
need start_nginx
need start_postfix
check 'nothing is delivered yet' equal 0 "$(mails | wc -l)"
talking=$writing,sendto,sendmsg,read,recvfrom,poll,futex
kills=0
for ((n = 12; n < 100000; n += 1 + n / 12)); do
	send_killed $n $talking --once --now >killed.out 2>&1
	(($? == 137)) || break
	((kills++))
done
check "killed at $kills points, making or delivering them" \
    test $kills -ge 20
check 'the last run delivers the rest' send --once --now
check 'every delivery is marked as sent' equal '40 sent' \
    "$(sql "select count(*) || ' ' || state from delivery group by state")"
check 'ids and bytes are those of the undisturbed run' equal "$want" \
    "$(reports)"

every_post()
{
	equal "$(printf '/in/%s\n' {1..20} | sort)" \
	    "$(jq -r 'select(.status == 201).uri' posts.json | sort -u)"
}
# At most 20 distinct (URI, body) pairs: a repeat is the same.
same_posts()
{
	equal 20 "$(jq -r 'select(.status == 201) | [.uri, .file] | @tsv' \
	    posts.json | while IFS=$'\t' read -r uri file; do
		echo "$uri $(sha256sum <"$file")"
	done | sort -u | wc -l)"
}
check 'every report was POSTed' every_post
check 'a repeated POST has the same bytes' same_posts
every_mail()
{
	local found
	mapfile -t found < <(mails)
	mail digests "${found[@]}" | sort -u >digests.out
	equal 20 "$(cut -d ' ' -f 1,2 digests.out | sort -u | wc -l)"
}
check 'every report was mailed' wait_for 20 every_mail
check 'a repeated mail is the same to the byte' equal 20 "$(wc -l <digests.out)"
mapfile -t inbox < <(mails)
check 'and all are signed' mail dkim "${inbox[@]}"
echo "# $(wc -l <posts.json) POSTs and ${#inbox[@]} mails for 20 each"
finish
