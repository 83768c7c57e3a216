#!/usr/bin/env bash
# Mails built and signed, against bare RSA signatures by OpenSSL's own
# benchmark: a second of one processor's time each, in turns.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

rounds=7
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 \
    -out "$scratch/rsa" 2>/dev/null
openssl genpkey -algorithm ED25519 -out "$scratch/ed25519"
chmod 600 "$scratch/rsa" "$scratch/ed25519"

bare=() rsa=() both=()
for ((i = 0; i < rounds; i++)); do
	# +F2:index:bits:signatures a second:verifications a second
	bare+=("$(openssl speed -mr -seconds 1 rsa2048 2>/dev/null |
	    awk -F: '/^\+F2:/ { print $4 }')")
	rsa+=("$("$bench/dkim_bench" 1 "$scratch/rsa")")
	both+=("$("$bench/dkim_bench" 1 "$scratch/rsa" "$scratch/ed25519")")
done

yardstick=$(median "${bare[@]}")
mails=$(median "${rsa[@]}")
echo "a second of one core, medians of $rounds:"
printf '  %-36s %8.1f\n' "openssl speed rsa2048, signatures" "$yardstick" \
    "mails signed with RSA" "$mails" \
    "mails signed with RSA and Ed25519" "$(median "${both[@]}")"
awk "BEGIN { printf \"  %.1f %% of the bare signatures\n\",
    100 * $mails / $yardstick }"
# 85 % the other way round
goal "openssl speed rsa2048 / mails signed with RSA" \
    "$(awk "BEGIN { printf \"%.3f\", $yardstick / $mails }")" 1.176
