#!/usr/bin/env bash
# The alert rules ask for metrics that our programs write, and raise what they
# should; that with promtool (Debian package prometheus), where it is.
. "$(dirname "$0")/lib.sh"

rules=$root/packaging/prometheus/tlsrpt.rules.yml
make_conf
conf_set dns rua_lookup never
conf_set deliver metrics_file "$T/send.prom"
conf_set spool metrics_file "$T/spoold.prom"
conf_set spool socket "$T/tlsrpt.sock"
send --once >send.out 2>&1

check 'tlsrpt-send writes its metrics' test -s send.prom
"$build/tlsrpt-spoold" --config tlsrpt.conf 2>spoold.err &
spoold=$!
check 'tlsrpt-spoold writes its metrics' wait_for 20 test -s spoold.prom
kill $spoold
wait $spoold

while read -r name; do
	check "$name is one of them" grep -qE "^${name}[ {]" send.prom \
	    spoold.prom
done < <(grep -oE 'tlsrpt_(send|spoold)_[a-z_]+' "$rules" | sort -u)
while read -r alert; do
	check "$alert: what to do is in OPERATIONS.md" \
	    grep -qF "| \`$alert\` |" "$root/packaging/OPERATIONS.md"
done < <(sed -n 's/.*alert: //p' "$rules")

if command -v promtool >/dev/null; then
	check 'the rules are well-formed' promtool check rules "$rules"
	check 'they raise what they should, and nothing on a quiet day' \
	    promtool test rules "$root/tests/data/prometheus.yml"
else
	skip 'the rules are well-formed' 'no promtool'
	skip 'they raise what they should' 'no promtool'
fi
finish
