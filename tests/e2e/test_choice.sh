#!/usr/bin/env bash
# What the operator chooses: whom to leave out, what to send elsewhere, what to
# keep; and --explain, which says so before, and afterwards what became of it.
. "$(dirname "$0")/lib.sh"

base=https://$https_host:$https_port

# tlsrpt DOMAIN RUA: what it asks for, as the MTA saw it
tlsrpt()
{
	record "$1" "v=TLSRPTv1; rua=$2" >>day.jsonl
	failure "$1" "v=TLSRPTv1; rua=$2" >>day.jsonl
}
tlsrpt plain.example mailto:tls@plain.example
tlsrpt out.example mailto:tls@out.example
tlsrpt sub.below.example mailto:tls@sub.below.example
tlsrpt victim.example "mailto:Victim@analyser.example,$base/in/victim"
tlsrpt port.example "https://$https_host:1/,$base/in/port"
tlsrpt replaced.example mailto:tls@replaced.example
tlsrpt added.example mailto:tls@added.example
tlsrpt gone.example mailto:tls@gone.example,mailto:two@gone.example
tlsrpt typo.example mailto:tls@analyzer.example
tlsrpt old.example "$base/in/v1/old"
tlsrpt odd.example "mailto:tls%2Frpt=o'x@odd.example"
tlsrpt folder.example mailto:tls@folder.example
record well.example 'v=TLSRPTv1; rua=mailto:tls@well.example' >>day.jsonl
record unpublished.example >>day.jsonl
# Two that DNS has to be asked about.
for name in looked-up not-kept; do
	failure $name.example >>day.jsonl
	dns_txt "_smtp._tls.$name.example" \
	    "v=TLSRPTv1; rua=mailto:tls@$name.example"
done
dns_txt _smtp._tls.quiet.example "v=TLSRPTv1; rua=$base/in/quiet"

make_conf
cat >exclude <<-END
	# They asked us to.
	out.example
	.below.example
	victim@analyser.example	# in whatever case
END
cat >map <<-END
	replaced.example. REPLACE $base/in/replaced
	domain:added.example APPEND mailto:more@added.example,directory:$T/added
	gone.example DISCARD
	regexp:^folder\. REPLACE directory:$T/folder
	not-kept.example REPLACE directory:$T/folder
	. ACCEPT
END
cat >mail.map <<-'END'
	regexp:@analyzer\.example$ REGEXP analy(z)er \g<0>s
	analyzer.example DISCARD
END
cat >https.map <<-END
	$https_host REGEXP /in/v1/(.*) /in/v2/\1
END
conf_set deliver exclude_file "$T/exclude"
conf_set deliver map_file "$T/map"
conf_set mail map_file "$T/mail.map"
conf_set https map_file "$T/https.map"
conf_set https ports "443, $https_port"
conf_set mail bcc "copy@$submitter"
conf_set deliver archive_dir "$T/archive"
conf_set report send failures
dns_ours
need start_dns
need start_nginx
need start_postfix
need spool add --day "$day" day.jsonl

explain()
{
	send --explain "$@" 2>err.log
}
# explains DOMAIN LINE...: after the heading, its destinations without time
explains()
{
	local domain=$1
	shift
	equal "$domain on $day, sessions: 2, failed: 1
$(printf '  %s\n' "$@")" "$(explain "$domain" | sed '/TLSRPT record/d
	    s/, first tried at .*//')"
}
check 'explained: nothing special' explains plain.example \
    'to mailto:tls@plain.example' \
    "to mailto:copy@$submitter, by [mail] bcc"
check 'explained: an excluded domain' explains out.example \
    "no report: excluded by $T/exclude:2"
check 'explained: one below an excluded domain' explains sub.below.example \
    "no report: excluded by $T/exclude:3"
check 'explained: an excluded address' explains victim.example \
    "not to mailto:Victim@analyser.example: excluded by $T/exclude:4" \
    "to $base/in/victim"
check 'explained: a port that is not allowed' explains port.example \
    "not to https://$https_host:1/: its port is not among [https] ports" \
    "to $base/in/port"
check 'explained: a destination that is replaced' explains replaced.example \
    "not to mailto:tls@replaced.example: replaced by $T/map:1" \
    "to $base/in/replaced, by $T/map:1"
check 'explained: one more, and a folder' explains added.example \
    'to mailto:tls@added.example' \
    "to mailto:more@added.example, by $T/map:2" \
    "to mailto:copy@$submitter, by [mail] bcc" "to directory:$T/added"
check 'explained: discarded' explains gone.example \
    "not to mailto:tls@gone.example: discarded by $T/map:3" \
    "not to mailto:two@gone.example: discarded by $T/map:3" \
    'no report: none of the places that its record names is to be used'
check 'explained: an address that is rewritten' explains typo.example \
    "not to mailto:tls@analyzer.example: rewritten by $T/mail.map:1" \
    "to mailto:tls@analyzers.example, by $T/mail.map:1" \
    "to mailto:copy@$submitter, by [mail] bcc"
check 'explained: a URL that is rewritten' explains old.example \
    "not to $base/in/v1/old: rewritten by $T/https.map:1" \
    "to $base/in/v2/old, by $T/https.map:1"
check 'explained: a folder only' explains folder.example \
    "not to mailto:tls@folder.example: replaced by $T/map:4" \
    "to directory:$T/folder"
check 'explained: all was well' equal \
    "well.example on $day, sessions: 1, failed: 0
  no report: all went well, and [report] send is failures" \
    "$(explain well.example)"
check 'explained: a record from DNS' grep -F \
    'TLSRPT record from DNS: v=TLSRPTv1; rua=mailto:tls@looked-up.example' \
    <(explain looked-up.example)
check 'explained: a domain without sessions' equal \
    "quiet.example: no sessions of a day that is over and not reported
  a report would go
  to $base/in/quiet" "$(explain quiet.example)"
check 'explained: a domain without sessions or record' equal \
    "silent.example on $day: no sessions
  there would be no report: no TLSRPT record" \
    "$(explain silent.example --day "$day")"
check 'explaining changes nothing' test ! -e queue.db -a ! -e archive

# One that has to wait for DNS until the second run.
stop_dns
need exits 1 send --once --now
check 'folders have what is for them before DNS answers' equal \
    "$(printf '%s\n' added folder)" "$(ls -d added folder)"
need start_dns
check 'all is delivered' send --once --now

# file DOMAIN: the name of its report
file()
{
	echo "$submitter!$1!$(date -u -d "$day" +%s)!$(date -u \
	    -d "$day 23:59:59" +%s)"
}
check 'by https: what was to be' equal "$(printf '%s\n' /in/port \
    /in/replaced /in/v2/old /in/victim)" "$(jq -r .uri posts.json | sort)"
check 'mails arrive' wait_for 20 mails_are 11
mapfile -t inbox < <(mails)
check 'by mail: what was to be, and copies' equal "$(printf '%s\n' \
    "copy@$submitter" "copy@$submitter" "copy@$submitter" "copy@$submitter" \
    "copy@$submitter" "tls/rpt=o'x@odd.example" more@added.example tls@added.example \
    tls@analyzers.example tls@looked-up.example tls@plain.example |
    sort)" "$(sed -n 's/^X-Original-To: //p' "${inbox[@]}" |
    sort)"
check 'every report is archived' equal "$(for name in added folder \
    looked-up not-kept odd old plain port replaced typo victim; do
	(cd archive/"$day" && ls -- *"!$name.example!"*)
    done)" "$(ls archive/"$day")"
check 'as it was sent' cmp "$(jq -r 'select(.uri == "/in/port").file' \
    posts.json)" archive/"$day"/*'!port.example!'*
check 'a folder has those that were replaced by it' equal \
    "$(cd folder && ls -- *!folder.example!* *!not-kept.example!*)" \
    "$(ls folder)"
check 'the copies say what the records said' equal \
    "$(expected <(grep -E '(plain|folder)\.example' day.jsonl))" \
    "$(reported archive/"$day"/*'!plain.'* folder/*'!folder.'*)"

check 'explained afterwards: what became of it' grep -E "^$(
    )  sent to mailto:tls@plain\.example, at 20.*Z, tries: 1, .*250 2\.0\.0" \
    <(explain plain.example)
stop_dns
check 'explained: that DNS does not answer' grep -F \
    'where a report would go is not known: DNS did not answer' \
    <(explain quiet.example)
check 'of that day, as it would be decided now' grep -F \
    'reported already, this is what would be decided now' \
    <(explain plain.example --day "$day")

# What the queue knows counts as well.
need spool add --day "$day" <(failure victim.example \
    "v=TLSRPTv1; rua=$base/in/victim")
conf_set deliver per_host_day 1
check 'explained: that it would be one too many' grep -E \
    "^  not to $base/in/victim: left out: more than 1 reports of one day" \
    <(explain victim.example)
today=$(date -u +%F)
need spool add --day "$today" <(record plain.example \
    'v=TLSRPTv1; rua=mailto:tls@plain.example')
conf_set report send all
check 'explained: that there were but our own reports' equal \
    "plain.example on $today, sessions: 1, failed: 0
  no report: own reports only" "$(explain plain.example --day "$today" |
    sed '/TLSRPT record/d')"

# A copy that cannot be kept, when DNS answers at last.
rm -rf queue.db* spool folder
: >folder
need spool add --day "$day" <(failure not-kept.example)
need exits 1 send --once --now
need start_dns
check 'a copy that cannot be kept is status 1' exits 1 send --once --now
cp check.out log
check 'and is named' grep 'no copy of .*!not-kept.example!.*: Not a dir' log
stop_dns

# Files that are wrong.
printf 'out.example\na b\n' >exclude
printf '. REPLACED x\nx REGEXP ( y\n' >map
complaints()
{
	send "$@" 2>err.log >/dev/null
	cat err.log
}
check 'bad lines are configuration errors' exits 2 send --check-config
check 'each is named by its file and line' equal "$(printf '%s\n' \
    "$T/exclude:2: " "$T/map:1: " "$T/map:2: ")" \
    "$(complaints --once | sed 's/\(:[0-9]*: \).*/\1/')"
check 'nobody is no domain' exits 2 send --explain ..
check '--out does not go with it' exits 2 send --explain a.example --out x
finish
