#!/usr/bin/env bash
# 100,000 deliveries to 500 hosts, a tenth of which are dead: no packet to them
# is ever answered.  When are those to the live ones done, against a run
# without the dead ones?
if [[ ! ${ISOLATED+set} ]]; then
	if unshare -n true 2>/dev/null; then
		ISOLATED=1 exec unshare -n "$0" "$@"
	fi
	echo "needs a network of its own (root, or unshare): left out"
	exit 0
fi
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/bench/nginx.sh
. "$(dirname "$0")/nginx.sh"

rounds=2
reports=100000 hosts=500

# The loopback device brings it back, and it is nobody's: dropped unanswered.
ip link set lo up
ip route add 192.0.2.0/24 dev lo

# By host number, every tenth is dead.
make_records()
{
	awk -v reports=$reports -v hosts=$hosts -v port=$port 'BEGIN {
		for (n = 0; n < reports; n++) {
			h = n % hosts
			host = "h" h ".live.localhost:" port
			if (h % 10 == 0)
				host = "192.0.2." (h / 10 + 1)
			printf("{\"d\":\"d%d.example\",\"pr\":\"v=TLSRPTv1; " \
			    "rua=https://%s/%d\",\"policies\":[{" \
			    "\"policy-type\":9,\"t\":1,\"f\":0}]}\n",
			    n, host, n)
		}
	}'
}

# until_done NAME DATABASE COUNT: a run until so many posts were answered, and
# the time from its start to the last of them.
until_done()
{
	local start begun run
	rm -f "$scratch"/queue.db*
	cp "$scratch/$2" "$scratch/queue.db"
	: >"$scratch/posts"
	start=$SECONDS begun=$EPOCHREALTIME
	/usr/bin/time -q -o "$scratch/time" -f '%U %S' "$build/tlsrpt-send" \
	    --config "$scratch/tlsrpt.conf" --once 2>"$scratch/err" &
	run=$!
	while (($(wc -l <"$scratch/posts") < $3)); do
		((SECONDS < start + 60)) || {
			echo "not done after a minute"
			exit 1
		}
		sleep 0.2
	done
	pkill -KILL -P $run || :
	wait $run || :
	cpu[$1]+=" $(tail -n 1 "$scratch/time" | awk '{ printf "%d", ($1 + $2) * 1000000 }')"
	wall[$1]+=" $(tail -n 1 "$scratch/posts" |
	    awk '{ printf "%d", ($1 - '"$begun"') * 1000000 }')"
}

start_nginx
configure
configure_https
make_records >"$scratch/day.jsonl"
sample_add "tlsrpt-spool add" "$scratch/day.jsonl"
sample_send queue
make_due
mv "$scratch/queue.db" "$scratch/all.db"
cp "$scratch/all.db" "$scratch/live.db"
sqlite3 "$scratch/live.db" "delete from delivery where host like '192.%'"
live=$((reports * 9 / 10))
for ((i = 0; i < rounds; i++)); do
	until_done "without the dead" live.db $live
	until_done "with the dead" all.db $live
done
echo "$live deliveries to live hosts, medians of $rounds:"
for name in "without the dead" "with the dead"; do
	# shellcheck disable=SC2086 # lists of numbers
	printf '  %-28s %8.3f s  %8.3f s CPU\n' "$name" \
	    "$(median ${wall[$name]})e-6" "$(median ${cpu[$name]})e-6"
done
goal "time with dead hosts / without" \
    "$(ratio wall 'with the dead' 'without the dead')" 1.2
