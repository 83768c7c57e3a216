#!/usr/bin/env bash
# A dry run does everything that a run does but deliver: it changes nothing,
# and without look-ups to make it opens no socket.
. "$(dirname "$0")/lib.sh"

make_conf
need spool add --day "$day" "$root/tests/data/sample-day.jsonl"
mkdir -p spool/incoming
record dropped.example 'v=TLSRPTv1; rua=mailto:tls@dropped.example' |
    at "$day" >spool/incoming/batch.jsonl

# Everything below $T that is ours to change.
state()
{
	find spool run queue.db* -printf '%p %y %m %s %T@\n' \
	    -type f -exec sha256sum {} + 2>/dev/null | sort
}
unchanged()
{
	local before
	before=$(state)
	"$@" && diff <(echo "$before") <(state)
}

conf_set dns rua_lookup never
check 'before there is a queue, it changes nothing' unchanged \
    send --dry-run --out first
check 'and makes no queue' test ! -e queue.db
check 'it has read the drop-box' compgen -G 'first/*!dropped.example!*.eml'

# LeakSanitizer cannot work under strace.
ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=%network -o strace.out \
    "$build/tlsrpt-send" --config tlsrpt.conf --dry-run >traced.out 2>&1
check 'it opens no socket' equal '' "$(cat strace.out)"

bare()
{
	sed "s|^directory = .*|directory = $T/bare|" tlsrpt.conf >bare.conf
	timeout 60 "$build/tlsrpt-send" --config bare.conf --dry-run
}
check 'a folder that is no spool yet is an error' exits 1 bare
check 'and it does not become one' test ! -e bare
mkdir bare
check 'nor is a folder with nothing in it' exits 1 bare
check 'and when that is so is said' \
    grep 'none before the first record, or \[spool\] directory' <(bare 2>&1)
check 'and it stays so' test -z "$(ls bare)"
mkdir -p bare/{days,incoming,rejected}
check 'of an empty spool there is nothing to report' bare
unread()
{
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null -P "$T/bare/$1" \
	    -e trace=getdents64 -e inject=getdents64:error=EIO \
	    "$build/tlsrpt-send" --config bare.conf --dry-run
}
check 'a drop-box that cannot be read is status 1' exits 1 unread incoming
cp check.out log
check 'and is named' grep 'drop-box cannot be read: Input/output error' log

# Mail that nobody signs is not sent, and a dry run says so.
sed '/^\(ed25519_\)\?\(selector\|key_file\) = /d' tlsrpt.conf >unsigned.conf
unsigned()
{
	"$build/tlsrpt-send" --config unsigned.conf --dry-run
}
check 'without a DKIM key the status is 1' exits 1 unsigned
cp check.out log
check 'mail is refused' grep -q '(mailto:.*: refused: no DKIM key' log
check 'and https is not' grep -q '  https:' log
full()
{
	send --dry-run >/dev/full
}
check 'what cannot be printed is status 1' exits 1 full
cp check.out log
check 'and that is said' grep 'standard output: No space left' log

today=$(date -u +%F)
check 'a record of today' spool add --day "$today" <(
    record today.example 'v=TLSRPTv1; rua=mailto:tls@today.example')
check 'a day that is not over, when it is named' unchanged \
    send --dry-run --day "$today" --out today
check 'is reported on as far as it is' \
    compgen -G 'today/*!today.example!*.json.gz'
check 'and not without --dry-run' exits 2 send --day "$today"

# A real run with nobody listening: reports are queued, not delivered.
need exits 1 send --once --now
bodies()
{
	local name
	mkdir -p queued
	while read -r name; do
		sql "select writefile('queued/$name.json.gz', body)
		    from report where filename = '$name'" >/dev/null
	done < <(sql 'select filename from report')
	ls queued
}
check 'the queue has reports' bodies
same_as_queued()
{
	local file
	for file in queued/*; do
		cmp "$file" "first/${file##*/}" || return
	done
	equal "$(ls queued)" "$(cd first && ls -- *.gz)"
}
check 'the very bytes of the dry run were queued' same_as_queued
check 'with a queue, it changes nothing either' unchanged \
    send --dry-run
ends_its_lines()
{
	local file
	for file in first/*.json; do
		(($(tail -c 1 "$file" | wc -l) == 1)) || return
	done
}
check 'files for people end with an end of line' ends_its_lines
# A name of 253 bytes makes a file name that no file system takes.
label=$(printf 'l%.0s' {1..49})
long=$label.$label.$label.$label.$label.com
check 'a record of a domain with a long name' spool add --day "$day" <(
    record "$long" 'v=TLSRPTv1; rua=mailto:a@long.example,mailto:b@long.example')
check 'its report and mails are written' send --dry-run --domain "$long" \
    --out long
check 'under a shorter name' equal '2 eml 1 gz 1 json' \
    "$(find long -type f | sed 's/.*\.//' | sort | uniq -c | xargs)"
finish
