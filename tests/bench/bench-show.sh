#!/usr/bin/env bash
# tlsrpt-show: 10,000 report files against a plain loop in Python, and a page
# of 30 days times 10,000 domains.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

rounds=5
domains=10000
days=30
if [[ ! -x $build/tlsrpt-show ]]; then
	echo "tlsrpt-show is not there"
	exit 0
fi
configure

# queue_day DAY RECORDS PERCENT: the reports on a day, their delivery pending.
queue_day()
{
	"$bench/gen" --records "$2" --domains $domains --failures "$3" \
	    --seed "${1//-/}" --day "$1" --ts >"$scratch/day.jsonl"
	"$build/tlsrpt-spool" --config "$scratch/tlsrpt.conf" add --day "$1" \
	    "$scratch/day.jsonl" >/dev/null
	"$build/tlsrpt-send" --config "$scratch/tlsrpt.conf" --once --day "$1" \
	    2>"$scratch/err" || (($? == 1))
}

queue_day "$day" 1000000 2
mkdir "$scratch/reports"
(cd "$scratch/reports" && sqlite3 "$scratch/queue.db" \
    "SELECT writefile(filename || '.json.gz', body) FROM report") >/dev/null
n=$(find "$scratch/reports" -name '*.json.gz' | wc -l)
for ((i = 0; i < rounds; i++)); do
	sample "Python, json and gzip" python3 "${0%/*}/totals_loop.py" \
	    "$scratch/reports"
	want=$(tail -n 1 "$scratch/out")
	sample "tlsrpt-show --summary" "$build/tlsrpt-show" report --summary \
	    "$scratch/reports"
	got=$(tail -n 1 "$scratch/out")
	[[ $got == "$want"* ]] || {
		printf 'not the same totals:\n%s\n%s\n' "$want" "$got"
		exit 1
	}
	sample "open, read, unpack alone" "$bench/unpack_loop" \
	    "$scratch/reports"
	sample "and jansson's parser" "$bench/unpack_loop" -j \
	    "$scratch/reports"
	may_exit=1 sample "tlsrpt-show --lint" "$build/tlsrpt-show" report \
	    --lint "$scratch/reports"
done
echo "$n report files, $(gzip -dc "$scratch"/reports/*.gz | wc -c) bytes of" \
    "JSON, $(nproc) processors, medians of $rounds:"
times "Python, json and gzip"
times "tlsrpt-show --summary"
times "tlsrpt-show --lint"
times "open, read, unpack alone"
times "and jansson's parser"
echo "of Python's time, opening, reading and unpacking alone take" \
    "$(ratio wall 'open, read, unpack alone' 'Python, json and gzip')," \
    "with jansson's parser" \
    "$(ratio wall "and jansson's parser" 'Python, json and gzip')"
goal "time per file, as part of Python's" \
    "$(ratio wall 'tlsrpt-show --summary' 'Python, json and gzip')" 0.05

for ((i = 2; i <= days; i++)); do
	queue_day "$(date -u -d "$i days ago" +%F)" 100000 5
done
page()
{
	sample "$1" "$build/tlsrpt-show" --config "$scratch/tlsrpt.conf" html \
	    --out "$scratch/page.html"
}
page "tlsrpt-show html"
echo "$(sqlite3 "$scratch/queue.db" 'SELECT count(*) FROM report') reports of" \
    "$days days, $(grep -c '^<tr><th scope=row>' "$scratch/page.html")" \
    "failing domains:"
times "tlsrpt-show html"
# shellcheck disable=SC2086 # a list of numbers
goal "memory to build the page" \
    "$(awk "BEGIN { printf \"%.0f\", $(median ${rss[tlsrpt-show html]}) / 1024 }")" \
    300 ' MB'
goal "size of the page" "$(stat -c %s "$scratch/page.html" |
    awk '{ printf "%.1f", $1 / 1000000 }')" 8 ' MB'
echo "opened in Chromium, at most 2 s wanted:" \
    "$(python3 "${0%/*}/../browser/load.py" "$scratch/page.html")"
