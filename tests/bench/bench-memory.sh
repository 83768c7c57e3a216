#!/usr/bin/env bash
# Memory: bounded for many domains, and no more for more records of the same.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

send=$build/tlsrpt-send
configure

# Every step from a file of records to queued reports.
steps()
{
	local file=$data/$1.jsonl
	sample "$1: fold" "$bench/fold_bench" "$file"
	sample_add "$1: tlsrpt-spool add" "$file"
	[[ -x $send ]] && sample_send "$1: tlsrpt-send"
	for name in "$1: fold" "$1: tlsrpt-spool add" "$1: tlsrpt-send"; do
		[[ -n ${rss[$name]-} ]] && times "$name"
	done
	return 0
}

echo "1,000,000 records of 200,000 domains, 2 % failures:"
records wide --records 1000000 --domains 200000 --failures 2
steps wide
for step in "tlsrpt-spool add" "tlsrpt-send"; do
	[[ -n ${rss[wide: $step]-} ]] || continue
	kb=${rss[wide: $step]}
	goal "memory of $step" $((kb / 1024)) 400 " MB"
done
rm -f "$data"/wide.json*

echo "1, 4 and 16 times 125,000 records of 20,000 domains, all successes:"
for times in 1 4 16; do
	records "x$times" --records $((125000 * times)) --domains 20000 \
	    --zipf 0 --failures 0
	steps "x$times"
done
for step in "tlsrpt-spool add" "tlsrpt-send"; do
	[[ -n ${rss[x16: $step]-} ]] || continue
	goal "memory of $step, 16 times the records" \
	    "$(ratio rss "x16: $step" "x1: $step")" 1.1 " times"
done
rm -f "$data"/x*.json*
