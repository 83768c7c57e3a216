#!/usr/bin/env bash
# The collector against a bare sink, which takes datagrams by recvmmsg and
# throws them away, with the same senders.  In a network namespace of its own:
# the kernel's queue length is a setting of that.
if [[ ! ${ISOLATED+set} ]]; then
	if unshare -n true 2>/dev/null; then
		ISOLATED=1 exec unshare -n "$0" "$@"
	fi
	echo "no network namespace: the collector is not measured"
	exit 0
fi
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

spoold=$build/tlsrpt-spoold
dgram=$bench/dgram
shim=$build/tests/shim/slow_sync.so
lines=$(dirname "$0")/../data/postfix-3.10.jsonl
rounds=3
if [[ ! -x $spoold ]]; then
	echo "tlsrpt-spoold is not there"
	exit 0
fi
configure
# The ring is in memory, as in /run: a disk would write it now and then.
run=$(mktemp -d /dev/shm/tlsrpt-bench.XXXXXX)
trap 'rm -rf "$scratch" "$run"' EXIT
sed -i "/^\[spool\]/a socket = $scratch/s
    s|^\(runtime_directory = \).*|\1$run|" "$scratch/tlsrpt.conf"
sed -i 's/^level = warn/level = info/' "$scratch/tlsrpt.conf"

queue()
{
	sysctl -qw "net.unix.max_dgram_qlen=$1"
}

# start sink|spoold [VARIABLE=VALUE]...: listens when this returns
start()
{
	local what=$1 i
	shift
	rm -rf "$scratch/spool"
	# As they are on every day but the first.
	mkdir -p "$scratch/spool/"{incoming,rejected,"days/$(date -u +%F)"}
	if [[ $what == sink ]]; then
		"$dgram" sink "$scratch/s" >/dev/null &
	else
		/usr/bin/time -q -o "$scratch/time" -f %M env "$@" "$spoold" \
		    --config "$scratch/tlsrpt.conf" 2>"$scratch/log" &
	fi
	job=$!
	for ((i = 0; i < 200; i++)); do
		if [[ -S $scratch/s ]]; then
			pid=$(pgrep -P "$job") || pid=$job
			return
		fi
		sleep 0.05
	done
	cat "$scratch/log" >&2
	exit 1
}
# stop: sets kb, the most memory that a collector ever had, its ring included
stop()
{
	kill "$pid"
	wait "$job"
	[[ $pid == "$job" ]] || kb=$(<"$scratch/time")
}
# counter NAME: its last value in the log
counter()
{
	grep -o "counters .*" "$scratch/log" | tail -n 1 |
	    grep -o " $1=[0-9]*" | cut -d= -f2
}

# --- intake ----------------------------------------------------------------

# blast WHAT: what got through in 2 seconds, and is not lost behind that.  A
# collector that has lost what it took has taken nothing.
blast()
{
	local sent rate lost=0
	start "$1"
	read -r sent rate < <("$dgram" blast "$scratch/s" 2 "$lines")
	stop
	[[ $1 == sink ]] || lost=$(counter lost)
	intake[$1]+=" $(awk "BEGIN { print $rate * ($sent - $lost) / $sent }")"
	lost_in_blast=$((lost_in_blast + lost))
}
queue 512
declare -A intake
lost_in_blast=0
for ((i = 0; i < rounds + 2; i++)); do
	blast sink
	blast spoold
done
# shellcheck disable=SC2086 # lists of numbers
{
	sink=$(median ${intake[sink]}) taken=$(median ${intake[spoold]})
}
echo "blocking sender: $sink/s into the sink, $taken/s into the collector," \
    "$lost_in_blast of them lost"
goal "sustained intake, sink / collector" \
    "$(awk "BEGIN { printf \"%.2f\", $sink / $taken }")" 1.43

# --- senders that do not wait ----------------------------------------------

# paced WHAT SECONDS RATE [VARIABLE=VALUE]...: sets lost
paced()
{
	local what=$1 seconds=$2 rate=$3 sent real
	shift 3
	start "$what" "$@"
	read -r sent lost real < <("$dgram" paced "$scratch/s" "$seconds" \
	    "$lines" "$rate")
	stop
	echo "  $what: $real/s: $lost of $((sent + lost)) lost in the kernel"
	[[ $what == sink ]] && return
	echo "    and $(counter lost) in the ring, $(counter ring_high_water)" \
	    "bytes at most"
	lost=$((lost + $(counter lost)))
}
slow=(LD_PRELOAD="$shim" SLOW_SYNC_MS=500 ASAN_OPTIONS=verify_asan_link_order=0)

echo "20,000/s for 20 s, every sync takes 500 ms (a sink that loses, too, is" \
    "a machine that has other things to do):"
paced sink 20 20000
paced spoold 20 20000 "${slow[@]}"
goal "lost at 20,000/s with a slow disk" "$lost" 0 " records"

# compare RATE SECONDS [VARIABLE=VALUE]...: sets of_sink and of_spoold, in turns
compare()
{
	local i rate=$1 seconds=$2
	shift 2
	of_sink=0 of_spoold=0
	for ((i = 0; i < rounds; i++)); do
		paced sink "$seconds" "$rate"
		of_sink=$((of_sink + lost))
		paced spoold "$seconds" "$rate" "$@"
		of_spoold=$((of_spoold + lost))
	done
}
echo "50,000/s, the same:"
compare 50000 5 "${slow[@]}"
goal "lost at 50,000/s, compared with the sink's $of_sink" "$of_spoold" \
    "$of_sink" " records"

queue 10
echo "20,000/s with the kernel's own queue of 10, syncs as they are:"
rounds=12	# what is lost here is lost in a few moments
compare 20000 5
goal "lost with a queue of 10, collector / sink" "$(awk "BEGIN {
    printf \"%.2f\", $of_spoold / ($of_sink > 0 ? $of_sink : 1) }")" 2
queue 512

# --- memory ----------------------------------------------------------------

# memory WHAT DGRAM-ARG...: the most it had until its end, the sealing of all
# that came included, but for the ring
memory()
{
	local what=$1
	shift
	start spoold
	"$dgram" "$@" >/dev/null
	stop
	kb=$((kb - $(counter ring_size) / 1024))
	goal "memory besides the ring, $what" \
	    "$(awk "BEGIN { printf \"%.1f\", $kb / 1024 }")" 16 " MB"
}
# No two failures are the same: nothing folds.
different()
{
	awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf("{\"d\":" \
	    "\"a.example\",\"policies\":[{\"policy-type\":9,\"t\":1,\"f\":1," \
	    "\"failure-details\":[{\"c\":202,\"n\":\"mx%d.example\"}]}]}\n", i) }'
}
memory "1 million records" count "$scratch/s" 1000000 "$lines"
memory "10 million records" count "$scratch/s" 10000000 "$lines"
memory "1 million different ones" send "$scratch/s" <(different 1000000)

# --- what comes out --------------------------------------------------------

[[ -x $build/tlsrpt-send ]] || exit 0
# Every record with a second of a day that is over.
records "ts-$day" --records 1000000 --domains 20000 --zipf 1.0 --failures 2 \
    --day "$day" --ts
start spoold
"$dgram" send "$scratch/s" "$data/ts-$day.jsonl" >/dev/null
stop
mv "$scratch/spool" "$scratch/collected"
for ((i = 0; i < rounds; i++)); do
	rm -rf "$scratch/spool"
	cp -r "$scratch/collected" "$scratch/spool"
	sample_send "tlsrpt-send, collected"
	sample_add "tlsrpt-spool add" "$data/ts-$day.jsonl"
	sample_send "tlsrpt-send, added"
done
times "tlsrpt-send, collected"
times "tlsrpt-send, added"
goal "tlsrpt-send, collected / added" \
    "$(ratio wall 'tlsrpt-send, collected' 'tlsrpt-send, added')" 1.2
rm -f "$data"/ts-*.json*
