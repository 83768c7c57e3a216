#!/usr/bin/env bash
# What a run promises by itself: there is one at a time, its exit status says
# what is left, and of what it keeps some stays and some goes.
. "$(dirname "$0")/lib.sh"

trap 'kill $mute 2>/dev/null; stop_nginx' EXIT
mute=

make_conf
conf_set dns rua_lookup never
need start_nginx
record="v=TLSRPTv1; rua=https://$https_host:$https_port"

# --- one at a time ---------------------------------------------------------

need spool add --day "$day" <(record one.example "$record/one")
# locked FILE COMMAND...: while somebody else has the lock on it
locked()
{
	local status

	exec 9>>"$1"
	flock -n 9 || return
	shift
	"$@" 9>&-
	status=$?
	exec 9>&-
	return "$status"
}
umask 0
check 'while another one runs: exit 75' locked queue.db.lock \
    exits 75 send --once
check 'and nothing is done' test ! -e queue.db
check 'a dry run may run beside it' locked queue.db.lock send --dry-run
rm queue.db.lock
check 'without another it runs' send --once --now
check 'lock and queue are ours' equal '600
640' "$(stat -c %a queue.db.lock queue.db)"
umask 022
check 'the report was delivered' equal 'one.example|sent' \
    "$(sql 'select domain, state from report join delivery
    on report.id = delivery.report')"

# --- the exit status -------------------------------------------------------

check 'nothing to do: 0' send --once --now
need spool add --day "$day" \
    <(record late.example 'v=TLSRPTv1; rua=https://localhost:1/late')
check 'a delivery is pending: 1' exits 1 send --once --now
check 'pending it is' equal 'pending' "$(sql "select state from delivery
    where uri like '%late'")"
sql "update delivery set first_try = first_try - 100000 where state = 'pending'"
check 'one has expired: 1' exits 1 send --once --now
check 'expired it is' equal 'expired' "$(sql "select state from delivery
    where uri like '%late'")"
check 'which is said once: 0' send --once --now
need spool add --day "$day" \
    <(record gone.example "$record/gone")
check 'one is refused: 1' exits 1 send --once --now
check 'refused it is' equal 'failed' "$(sql "select state from delivery
    where uri like '%gone'")"

check '--max-runtime 0 is none: 2' exits 2 send --max-runtime 0
check '--out without --dry-run: 2' exits 2 send --out out
check '--no-dns without --check-config: 2' exits 2 send --no-dns
check 'nor with --explain: 2' exits 2 send --explain one.example --out out
check 'and makes nothing' test ! -e out

# A log that nobody reads any more ends no run, and neither does a terminal.
mkfifo log.pipe
exec 8<>log.pipe
exec 9>log.pipe
exec 8<&-
unread()
{
	send "$@" 2>&9
}
need spool add --day "$day" <(record unread.example "$record/unread")
check 'nobody reads the log: all well' unread --once --now
exec 9>&-
need spool add --day "$day" \
    <(record wait.example 'v=TLSRPTv1; rua=https://localhost:1/wait')
timeout 60 "$build/tlsrpt-send" --config tlsrpt.conf --now 2>log &
pid=$!
tried()
{
	grep -q "outcome=deferred.* tries=$1 " log
}
need wait_for 20 tried 1
kill -HUP "$pid"
check 'SIGHUP ends nothing' wait_for 20 tried 3
stopped()
{
	kill -TERM "$pid"
	wait "$pid"
}
check 'SIGTERM does: pending, 1' exits 1 stopped

check 'a run ends when its time is up, whatever is pending' exits 1 \
    timeout 20 "$build/tlsrpt-send" --config tlsrpt.conf --max-runtime 1
sql "delete from delivery where state = 'pending'"

# One pass lasts as long as the slowest answer.
python3 -c "import socket
s = socket.create_server(('127.0.0.1', 18444))
held = []
while True:
    held.append(s.accept())
    print('connection', flush=True)" >connections &
mute=$!
need wait_for 10 port_open 18444
conf_set https timeout 8
need spool add --day "$day" <(
    record mute.example 'v=TLSRPTv1; rua=https://localhost:18444/mute'
    record shut.example "v=TLSRPTv1; rua=https://$https_host:1/shut")
check 'one does not answer' exits 1 send --once --now
check 'and is asked once in a pass, after us' equal 2 "$(wc -l <connections)"
check 'as is one that refuses at once, however soon it is due' \
    equal '1 1' "$(sql "select group_concat(tries, ' ') from delivery
    where uri like '%/mute' or uri like '%/shut'")"
kill "$mute"
conf_set https timeout 20
sql "delete from delivery where state = 'pending'"

conf_set deliver spread 4h
need spool add --day "$day" <(for name in {1..9}; do
	record "s$name.example" "$record/s$name"
done)
check 'with a window to spread over' exits 1 send --once
check 'they are due within it, not at once' equal 1 "$(sql "select
    count(distinct next_try) > 5 and max(next_try) < $EPOCHSECONDS + 14400 and
    min(next_try) > $EPOCHSECONDS - 60 from delivery
    where state = 'pending'")"
check 'and at once when that is wanted' send --once --now
conf_set deliver spread 0

sed "s|$T/queue.db|$T/none/queue.db|" tlsrpt.conf >none.conf
cat >>none.conf <<-END
	[mail]
	envelope_from = bounces+%h@$submitter
END
bounce()
{
	"$build/tlsrpt-send" --config none.conf --bounce </dev/null
}
check 'a bounce that cannot be kept: the MTA is to come again' exits 75 bounce

# --- segments --------------------------------------------------------------

days=spool/days/$day
# segment ID: its header
segment()
{
	printf '{"tlsrpt-segment":1,"id":"%s","day":"%s","source":"f",' \
	    "$1" "$day"
	echo '"created":1}'
}
parts()
{
	sql "select group_concat(part || ' ' || sessions, ', ') from report
	    where domain = '$1'"
}
{
	segment live
	record live.example "$record/live"
} >"$days/live.open"
need spool add --day "$day" <(record other.example "$record/other")
check 'one that is being written' locked "$days/live.open" \
    send --once --now
check 'stops no other' equal '1' "$(parts other.example | cut -d' ' -f2)"
check 'is left to its writer' test -e "$days/live.open"
check 'and not reported' equal '' "$(parts live.example)"
check 'when nobody writes it any more' send --once --now
check 'it is' equal 1 "$(parts live.example | grep -o '[0-9]*$')"
check 'sealed' test ! -e "$days/live.open"
check 'once' send --once --now
check 'and for all' equal 1 "$(sql "select count(*) from report
    where domain = 'live.example'")"

need spool add --day "$day" <(record two.example "$record/two")
need spool add --day "$day" <(record two.example "$record/two")
check 'two of them' send --once --now
check 'are one report' equal 2 "$(parts two.example | cut -d' ' -f2)"
check 'and none the next time' send --once --now
check 'when both are known' equal 1 "$(sql "select count(*) from report
    where domain = 'two.example'")"

# As many sessions as we mailed reports there, that day: our own.
own()
{
	sql "insert into ledger (day, domain, mails) values ($(
	    date -u -d "$day" +%s) / 86400, '$1', 2)"
	spool add --day "$day" <(record "$1" "$record/$1"; "$2" "$1" "$record/$1")
}
need own own.example record
need own failed.example failure
check 'traffic that may be our own' send --once --now
check 'is not reported' equal '' "$(parts own.example)"
check 'but a failure is' equal 2 "$(parts failed.example | cut -d' ' -f2)"

# Strangers write TLSRPT records; a terminal is not to do what they say.
need spool add --day "$day" \
    <(record escape.example 'v=TLSRPTv1; rua=https://a.example/\u001b[2J')
send --explain escape.example >said 2>log
check 'what a stranger wrote is shown' grep -qF 'a.example/\x1b[2J' said
check 'and not obeyed' exits 1 grep -q $'\x1b' said

# A look changes nothing, and counts what sealing would put into other days.
other=$(date -u -d '3 days ago' +%F)
{
	segment mixed
	record mixed.example "$record/mixed"
	record mixed.example "$record/mixed" | at "$other"
	echo '{"d":"no policies"}'
} >"$days/mixed.open"
cp -a spool spool.before
check 'a dry run of an open one' send --dry-run --day "$day" \
    --domain mixed.example
cp check.out dry
check 'counts those of its day' grep -Eq ' mixed.example +1 +0 ' dry
check 'seals nothing and rejects nothing' diff -r spool.before spool

# --- what stays, what goes -------------------------------------------------

conf_set spool keep_days 1
conf_set queue keep_days 10
old=$(date -u -d '30 days ago' +%F)
then=$(date -u -d '30 days ago' +%s)
mkdir -p "spool/days/$old"
segment cut | sed "s/$day/$old/; s/}\$/,\"lines\":2}/" \
    >"spool/days/$old/cut.seg"
record old.example "$record/old" >>"spool/days/$old/cut.seg"
{
	segment whole | sed "s/$day/$old/"
	record beside.example "$record/beside"
} >"spool/days/$old/whole.seg"
good=$(date -u -d '25 days ago' +%F)
mkdir -p "spool/days/$good"
{
	segment good | sed "s/$day/$good/"
	record good.example "$record/good"
} >"spool/days/$good/good.seg"
echo '{}' >spool/rejected/1999-01-01.jsonl
touch -d '20 days ago' spool/rejected/1999-01-01.jsonl
check 'a run for another day' send --once --now --day "$day"
check 'removes nothing that is not reported' test -e \
    "spool/days/$good/good.seg"
sql "update delivery set ended = $then where uri like '%/one';
    insert into ledger values ($then / 86400, 'a.example', 1, 1);
    insert into quota values ($then / 86400, 'a.example', 1);
    insert into sender values ('00', 'mailto:a@a.example', $then);
    insert into suppression values ('mailto:a@a.example', 1, $then, 'x')"
check 'a segment that is cut is said' exits 1 send --once --now
check 'and stays, however old' test -e "spool/days/$old/cut.seg"
check 'what is beside it is reported' equal '1 1' "$(parts beside.example)"
check 'so is a day after it, which goes' equal '1 1 gone' \
    "$(parts good.example) $([[ -e spool/days/$good ]] || echo gone)"
check 'a day within keep_days stays' test -d "$days"
check 'what was rejected long ago goes' test ! -e \
    spool/rejected/1999-01-01.jsonl
check 'what ended long ago goes' equal 0 "$(sql "select count(*) from report
    where domain = 'one.example'")"
check 'and what was counted then' equal '0 0 0 0' "$(sql "select
    (select count(*) from ledger where domain = 'a.example') || ' ' ||
    (select count(*) from quota where destination = 'a.example') || ' ' ||
    (select count(*) from sender where hash = '00') || ' ' ||
    (select count(*) from suppression where destination glob 'mailto:*')")"
check 'what ended lately stays' equal live.example "$(sql "select domain
    from report where domain = 'live.example'")"
record old.example "$record/old" >>"spool/days/$old/cut.seg"
check 'once it is whole' send --once --now
check 'it is reported' equal '2 2' "$(parts old.example)"
check 'and goes' test ! -e "spool/days/$old"
finish
