#!/usr/bin/env bash
# From a spool to queued reports on 20,000 domains, against zlib alone over the
# same bodies at the same level.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

rounds=5
level=6
if [[ ! -x $build/tlsrpt-send ]]; then
	echo "tlsrpt-send is not there"
	exit 0
fi
configure
records day --records 2000000 --domains 20000 --zipf 1.0 --failures 2
sample_add "tlsrpt-spool add" "$data/day.jsonl"
"$build/tlsrpt-send" --config "$scratch/tlsrpt.conf" --day "$day" --dry-run \
    --out "$scratch/reports" >/dev/null 2>"$scratch/err" || (($? == 1))

# zlib_alone init|reset: its own account of processor time, loading left out.
zlib_alone()
{
	sample "zlib, $1" "$bench/zlib_loop" "$1" $level "$scratch/reports"
	cpu[zlib, $1]=${cpu[zlib, $1]% *}" $(cat "$scratch/out")"
}

for ((i = 0; i < rounds; i++)); do
	sample_send "tlsrpt-send"
	zlib_alone init
	zlib_alone reset
done
find "$scratch/reports" -name '*.json.gz' | wc -l | tr '\n' ' '
echo "reports at level $level, medians of $rounds:"
times "tlsrpt-send"
times "zlib, init"
times "zlib, reset"
for how in init reset; do
	goal "CPU time of tlsrpt-send / zlib, $how" \
	    "$(ratio cpu tlsrpt-send "zlib, $how")" 3
done
