#!/usr/bin/env bash
# 5,000 mails to Postfix's smtp-sink, against Postfix's smtp-source with as
# many sessions and messages of the same size; and what signing them costs,
# against bare RSA signatures by OpenSSL's own benchmark.  With 4096 bits,
# signing is the limit.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

rounds=3 short=9			# of these, what does not sign has more
mails=5000 few=1000 sessions=4
port=18525
[[ -x /usr/sbin/smtp-sink ]] && PATH+=:/usr/sbin

# Several may listen, and would share what comes.
if (: </dev/tcp/127.0.0.1/$port) 2>/dev/null; then
	echo "port $port is taken"
	exit 1
fi
smtp-sink -c -u "$(id -un)" 127.0.0.1:$port 100 >/dev/null 2>&1 &
trap 'kill %1; rm -rf "$scratch"' EXIT

# Reports whose mails are due, in full.db; in few.db fewer.
make_queue()
{
	local n bits
	configure
	cat >>"$scratch/tlsrpt.conf" <<-END
	[mail]
	smarthost = 127.0.0.1:$port
	tls = none
	parallel = $sessions
	[dkim]
	signer = smarthost
	END
	for bits in 2048 4096; do
		openssl genpkey -quiet -algorithm RSA \
		    -pkeyopt rsa_keygen_bits:$bits -out "$scratch/rsa$bits"
		chmod 600 "$scratch/rsa$bits"
		sed "s|^signer = .*|selector = rsa\nkey_file = $(
		    )$scratch/rsa$bits|" "$scratch/tlsrpt.conf" \
		    >"$scratch/rsa$bits.conf"
	done
	for ((n = 0; n < mails; n++)); do
		record $n "mailto:tls@d$n.example"
	done >"$scratch/day.jsonl"
	sample_add "tlsrpt-spool add" "$scratch/day.jsonl"
	sample_send queue
	make_due
	mv "$scratch/queue.db" "$scratch/full.db"
	cp "$scratch/full.db" "$scratch/few.db"
	sqlite3 "$scratch/few.db" \
	    "update delivery set state = 'sent' where id > $few"
}

# deliver NAME QUEUE: a sample of sending all of it by NAME.conf.
deliver()
{
	rm -f "$scratch"/queue.db*
	cp "$scratch/$2.db" "$scratch/queue.db"
	sync "$scratch/queue.db"	# or it would have to
	sample "$1" "$build/tlsrpt-send" --config "$scratch/$1.conf" \
	    --once
}

# signatures BITS: a second, by one core
signatures()
{
	openssl speed -mr -seconds 1 "rsa$1" 2>/dev/null |
	    awk -F: '/^\+F2:/ { print $4 }'
}

make_queue
"$build/tlsrpt-send" --config "$scratch/tlsrpt.conf" --day "$day" --dry-run \
    --domain d7.example --out "$scratch/reports" >/dev/null 2>"$scratch/err"
size=$(find "$scratch/reports" -name '*.eml' -printf '%s\n')

rsa2048=() rsa4096=()
for ((i = 0; i < short; i++)); do
	deliver tlsrpt full
	sample smtp-source smtp-source -d -c -s $sessions -m $mails -l "$size" \
	    127.0.0.1:$port
done
for ((i = 0; i < rounds; i++)); do
	deliver rsa2048 full
	rsa2048+=("$(signatures 2048)")
	deliver rsa4096 few
	rsa4096+=("$(signatures 4096)")
done
echo "$mails mails of $size bytes in $sessions sessions ($few of them with" \
    "rsa4096), medians of $short and $rounds:"
for name in smtp-source tlsrpt rsa2048 rsa4096; do
	times "$name"
done
# 60 % of the rate the other way round
goal "time of tlsrpt-send, unsigned / smtp-source" \
    "$(ratio wall tlsrpt smtp-source)" 1.67

# shellcheck disable=SC2086 # lists of numbers
{
	unsigned=$(median ${cpu[tlsrpt]})
	added=$(($(median ${cpu[rsa2048]}) - unsigned))
	whole=$(median ${cpu[rsa4096]})
}
# 85 % the other way round
goal "CPU time that signing adds / openssl speed rsa2048" \
    "$(awk "BEGIN { printf \"%.3f\",
    $added * 1e-6 * $(median "${rsa2048[@]}") / $mails }")" 1.176
goal "CPU time of tlsrpt-send, signing / openssl speed rsa4096" \
    "$(awk "BEGIN { printf \"%.3f\",
    $whole * 1e-6 * $(median "${rsa4096[@]}") / $few }")" 1.176
