#!/usr/bin/env bash
# SIGTERM while DNS does not answer: for a new day, and for deliveries that
# wait for it; posts go on meanwhile.  (What hangs otherwise: test_peers.sh.)
. "$(dirname "$0")/lib.sh"

trap 'kill $mute $run 2>/dev/null; stop_dns; stop_nginx' EXIT
mute='' run=''
domains=300			# more than are asked for at a time
base=https://$https_host:$https_port

make_conf
conf_set dns rua_lookup always
conf_set dns timeout 60
conf_set deliver metrics_file "$T/metrics.prom"
need start_nginx

# Takes questions and says nothing.
start_mute_dns()
{
	: >questions
	python3 -c "import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', $dns_port))
while True:
    s.recv(4096)
    print('question', flush=True)" >questions &
	mute=$!
	need wait_for 10 grep -q ":$(printf '%04X' $dns_port)" \
	    /proc/net/udp
}
stop_mute_dns()
{
	kill $mute
	wait $mute 2>/dev/null
	mute=
}
start_run()
{
	rm -f metrics.prom
	: >questions
	"$build/tlsrpt-send" --config "$T/tlsrpt.conf" "$@" 2>log &
	run=$!
}
# What a run does that is told to stop, though it would wait much longer.
stops()
{
	local start=$SECONDS status
	kill "$run"
	wait "$run"
	status=$?
	echo "status $status after $((SECONDS - start)) s"
	((SECONDS - start < 5)) && equal 1 "$status" && grep summary log &&
	    grep -q '^tlsrpt_' metrics.prom
}

for ((n = 0; n < domains; n++)); do
	record "d$n.example"
	echo "local-data: '_smtp._tls.d$n.example 60 TXT $(
	    )\"v=TLSRPTv1; rua=$base/d$n\"'" >>dns.data
done >day.jsonl
check 'records go in' spool add --day "$day" day.jsonl

start_mute_dns
start_run
need wait_for 10 test -s questions
check 'SIGTERM ends a run that asks DNS for a new day' stops
check 'which is left for later' grep -q 'stopped while DNS was asked' log
check 'none of it is in the queue' equal '0 0' "$(sql "select
    (select count(*) from day) || ' ' || (select count(*) from report)")"

# Deliveries whose record is not known, and some whose record is.
conf_set dns rua_lookup if-missing
conf_set dns timeout 1
conf_set deliver spread 20h
for n in {1..20}; do
	record "known$n.example" "v=TLSRPTv1; rua=$base/known"
done | spool add --day "$day" /dev/stdin
check 'without an answer all is queued' exits 1 send --once
check 'to be looked up' equal $domains \
    "$(sql "select count(*) from delivery where transport = 'lookup'")"
tried()
{
	sql "select sum(tries) from delivery where transport = 'lookup'"
}
before=$(tried)
posted()
{
	(($(grep -c '"status":201' posts.json) == 20))
}
conf_set dns timeout 60
start_run --once --now
check 'posts do not wait for DNS' wait_for 10 posted
check 'which is asked' test -s questions
check 'SIGTERM ends a run that waits for DNS' stops
check 'what was asked for stays as it was' equal "$before" "$(tried)"
check 'and so do the others' equal "20 https sent
$domains lookup pending" "$(sql "select count(*) || ' ' || transport ||
    ' ' || state from delivery group by transport, state order by 1")"
stop_mute_dns

need start_dns
check 'DNS is back, and the next run delivers all' send --once --now
check 'each once' equal "$domains" \
    "$(grep -o '"uri":"/d[0-9]*"' posts.json | sort -u | wc -l)"
check 'and no more' equal $((domains + 20)) "$(grep -c . posts.json)"

spool add --day "$day" <(record later.example "v=TLSRPTv1; rua=$base/later")
start_run
need wait_for 10 grep -q 'day reported' log
check 'SIGTERM ends a run that waits for the time of a try' stops
check 'which is still to come' equal 1 \
    "$(sql "select count(*) from delivery where state = 'pending'")"
finish
