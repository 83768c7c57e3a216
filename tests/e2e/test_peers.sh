#!/usr/bin/env bash
# Some 2,000 deliveries to far ends that do all that far ends do wrong, by a
# random script that a seed decides: SEED=N tests/e2e/test_peers.sh BUILD-DIR.
# At the end each delivery is in the state that its last answer means.
. "$(dirname "$0")/lib.sh"

seed=${SEED:-$(date +%s)}
echo "# SEED=$seed"
if [[ ! $ISOLATED ]]; then
	skip 'deliveries to peers of every kind' 'needs its own network'
	finish
fi
trap 'kill $peer 2>/dev/null; stop_dns' EXIT

peer()
{
	"$root/tests/e2e/peer.py" "$@"
}

make_conf
conf_set dns rua_lookup never
conf_set https timeout 2
conf_set https parallel 64
conf_set mail tls optional
conf_set mail timeout 1
conf_set mail messages_per_session 20
conf_set dkim signer smarthost
conf_set deliver retry_max 8s
conf_set deliver give_up_after 60s
conf_set log format json
start_peer()
{
	: >peer.out
	"$root/tests/e2e/peer.py" serve "$seed" 443 $smtp_port "$T/peer.pem" \
	    "$1" >>peer.out 2>>peer.err &
	peer=$!
	need wait_for 10 grep -q ready peer.out
}
certificate()
{
	openssl req -x509 -newkey ec -nodes -days 3 -CA ca.pem -CAkey ca.key \
	    -pkeyopt ec_paramgen_curve:P-256 -subj '/CN=peer' \
	    -addext "subjectAltName=DNS:$2" \
	    -addext basicConstraints=critical,CA:FALSE \
	    -keyout peer.key -out peer.crt 2>/dev/null
	cat peer.crt peer.key >"$1"
}
certificate peer.pem '*.peer.test'
certificate peer.pem.other another.test
echo "local-zone: 'peer.test.' redirect
local-data: 'peer.test. 60 A 127.0.0.1'" >dns.data
need start_dns
start_peer journal

peer records "$seed" 1400 650 >day.jsonl
check 'a day of many destinations goes in' spool add --day "$day" day.jsonl

pending()
{
	sql "select count(*) from delivery where state = 'pending'"
}
# Ends by itself, with a summary, as soon as nothing is under way.
stopped()
{
	local start=$SECONDS status
	timeout -s TERM 3 "$build/tlsrpt-send" --config "$T/tlsrpt.conf" \
	    --now 2>log.1
	status=$?
	echo "status $status after $((SECONDS - start)) s"
	((status == 124 && SECONDS - start < 20)) && grep -q summary log.1
}
check 'SIGTERM ends a run within the time of a transfer' stopped
settle()
{
	for n in 2 3; do
		exits 1 send --once --now 2>"log.$n" || return
		echo "$n: $(pending) pending"
	done
}
check 'runs with --once --now settle some' settle
settled()
{
	send -v 2>log.4
	(($? < 2)) && equal 0 "$(pending)"
}
check 'one without settles all, or gives up in time' settled
check 'each is in the state of its last answer' peer check "$seed" journal \
    queue.db log.1 log.2 log.3 free log.4
sed 's/^/# /' check.out

# By host: 60 deliveries to one that never answers.
dead()
{
	local n
	n=$(grep -c '"place": "dead' journal)
	echo "$n attempts"
	((n < 60))
}
check 'a dead host is not tried for each of its reports' dead
check 'the peer had no trouble of its own' fails grep -A 5 Traceback peer.err

# When a run is to stop, what has no answer gets half a minute, no more, and
# is left in the queue as it was.
conf_set https timeout 600
conf_set mail timeout 600
rm -rf queue.db* spool
kill $peer
wait $peer
start_peer journal.5
web=$(peer find "$seed" m silent)
mail=$(peer find "$seed" k 'silent after the dot')
mkdir spool
record quiet.example "v=TLSRPTv1; rua=https://many.peer.test/$web,$(
    )mailto:tls@$mail.example" | spool add --day "$day" /dev/stdin
both_are_silent()
{
	(($(grep -c silent journal.5) == 2))
}
given_up()
{
	local start
	"$build/tlsrpt-send" --config "$T/tlsrpt.conf" 2>log.5 &
	wait_for 30 both_are_silent || return
	start=$SECONDS
	kill $!
	wait $!
	equal 1 $? && grep summary log.5 || return
	start=$((SECONDS - start))
	echo "$start s"
	((start >= 29 && start <= 35))
}
check 'SIGTERM gives up what has no answer after half a minute' given_up
check 'and leaves it in the queue as it was' equal 'pending 0
pending 0' "$(sql "select state || ' ' || tries from delivery")"
finish
