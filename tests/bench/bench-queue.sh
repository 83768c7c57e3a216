#!/usr/bin/env bash
# What the queue takes for 1,000 deliveries that are due, of 10,000 pending
# ones, of 100,000 and of 1,000,000: the same, but for the depth of its trees.
# Among 10,000 they share pages.  What looks at all rows would take ten times.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

rounds=3
sizes=(10000 100000 1000000)
declare -A pick mark
for rows in "${sizes[@]}"; do
	"$bench/queue_bench" fill "$scratch/$rows.db" "$rows"
done
for ((i = 0; i < rounds; i++)); do
	for rows in "${sizes[@]}"; do
		read -r us1 us2 < <("$bench/queue_bench" pick \
		    "$scratch/$rows.db")
		pick[$rows]+=" $us1"
		mark[$rows]+=" $us2"
	done
done
echo "1,000 that are due, medians of $rounds:"
for rows in "${sizes[@]}"; do
	# shellcheck disable=SC2086 # lists of numbers
	printf '  of %7d: %7d us to pick, %7d us to mark\n' "$rows" \
	    "$(median ${pick[$rows]})" "$(median ${mark[$rows]})"
done
goal "time to pick 1,000 of 1,000,000 / of 100,000" \
    "$(ratio pick 1000000 100000)" 2
goal "time to mark 1,000 of 1,000,000 / of 100,000" \
    "$(ratio mark 1000000 100000)" 4
