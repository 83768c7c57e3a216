#!/usr/bin/env bash
# A generated day in several segments: all its reports together say what the
# generator expects, per domain, policy type and result type.
. "$(dirname "$0")/lib.sh"

make_conf
conf_set dns rua_lookup never
# Few enough that the ceiling is met: beyond it sums must stay right.
conf_set report details_max 20

"$build/tests/bench/gen" --records 100000 --domains 1000 --failures 5 \
    --seed 8460 --rua 'mailto:tls@%d' --expect expect.json >day.jsonl
need split -n l/3 day.jsonl part.
for part in part.*; do
	check "add $part" spool add --day "$day" "$part"
done
check 'a dry run reports the day' send --dry-run --out out

equal_totals()
{
	diff <(jq -S .domains expect.json) "$1"
}
check 'the sums of the records are what the generator expects' \
    equal_totals <(expected day.jsonl)
check 'and so are those of the reports' \
    equal_totals <(reported out/*.json.gz)
check 'the ceiling was met and kept' equal 20 "$(cat out/*.json |
    jq -s '[.[].policies[] | [."failure-details"[]? |
	select(has("receiving-ip"))] | length] | max')"
finish
