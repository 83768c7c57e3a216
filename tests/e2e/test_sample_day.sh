#!/usr/bin/env bash
# The bundled sample, its recorded totals, and the demonstration of it.
. "$(dirname "$0")/lib.sh"

day=2026-11-21
data=$root/tests/data/sample-day
make_conf
conf_set dns rua_lookup never

check 'the recorded totals are those of the sample' diff -u \
    "$data.expected.json" <("$root/tests/data/totals.py" records "$data.jsonl")
check 'the sample goes in' spool add --day "$day" "$data.jsonl"
check 'what is not understood is kept' equal \
    "$(jq .rejected "$data.expected.json")" \
    "$(jq -s 'map(.n) | add' "spool/rejected/$day.jsonl")"
check 'a dry run reports on it' send --dry-run --day "$day" --out out
# Two of the domains name no place that a report could be sent to.
check 'totals per domain, policy type and result type' equal \
    "$(jq -S '.domains | del(."orchard.example", ."prairie.example")' \
	"$data.expected.json")" "$(reported out/*.json.gz)"
check 'readable and compressed form agree' equal \
    "$(reported out/*.json)" "$(reported out/*.json.gz)"

mkdir again
spool_again()
{
	sed -i "s|^directory = .*|directory = $T/again|" tlsrpt.conf
	shuf --random-source="$root/LICENSE" "$data.jsonl" |
	    spool add --day "$day" && send --dry-run --day "$day" --out out2
}
check 'in another order' spool_again
check 'the same reports come out' diff -r -x '*.eml' out out2

check 'the demonstration runs' "$root/tests/e2e/demo.sh" "$build"
finish
