#!/usr/bin/env bash
# 5,000 reports to 50 host names, all of them one nginx, against others that
# post the same: h2load over HTTP/2, with as many connections as there are
# hosts, and curl --parallel.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/bench/nginx.sh
. "$(dirname "$0")/nginx.sh"

rounds=3
reports=5000 hosts=50 parallel=64

# The reports in a queue, all of them due; and as files.
make_queue()
{
	local n
	configure
	configure_https
	echo "parallel = $parallel" >>"$scratch/tlsrpt.conf"
	for ((n = 0; n < reports; n++)); do
		record $n "https://h$((n % hosts)).live.localhost:$port/$n"
	done >"$scratch/day.jsonl"
	sample_add "tlsrpt-spool add" "$scratch/day.jsonl"
	sample_send queue
	make_due
	mv "$scratch/queue.db" "$scratch/full.db"
	"$build/tlsrpt-send" --config "$scratch/tlsrpt.conf" --day "$day" \
	    --dry-run --out "$scratch/reports" >/dev/null 2>"$scratch/err" ||
	    (($? == 1))
}

deliver()
{
	rm -f "$scratch"/queue.db*
	cp "$scratch/full.db" "$scratch/queue.db"
	sample tlsrpt-send "$build/tlsrpt-send" --config \
	    "$scratch/tlsrpt.conf" --once
}

by_curl()
{
	local n=0 file
	for file in "$scratch"/reports/*.json.gz; do
		((n++ == 0)) || echo next
		echo "url = https://h$((n % hosts)).live.localhost:$port/$n"
		echo "data-binary = @$file"
		echo 'header = "Content-Type: application/tlsrpt+gzip"'
		echo 'output = /dev/null'
		echo http1.1
		echo "cacert = $scratch/cert.pem"
	done >"$scratch/curlrc"
}

start_nginx
make_queue
by_curl
body=$(find "$scratch/reports" -name '*.json.gz' | head -n 1)
for ((i = 0; i < rounds; i++)); do
	deliver
	sample h2load h2load -n $reports -c $hosts -m 1 -t 1 -d "$body" \
	    -H 'Content-Type: application/tlsrpt+gzip' \
	    --connect-to "127.0.0.1:$port" "https://h0.live.localhost:$port/"
	sample "curl --parallel" curl --silent --parallel --parallel-max \
	    $parallel --config "$scratch/curlrc"
done
echo "$reports POSTs to $hosts hosts, $parallel at a time," \
    "medians of $rounds:"
for name in tlsrpt-send h2load "curl --parallel"; do
	times "$name"
done
echo "  $(ratio wall tlsrpt-send h2load) times h2load, whose bodies are one," \
    "from memory"
# 60 % of the rate the other way round
goal "time of tlsrpt-send / curl --parallel" \
    "$(ratio wall tlsrpt-send 'curl --parallel')" 1.67
