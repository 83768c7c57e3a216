#!/usr/bin/env bash
# tlsrpt-check as a person or a script uses it, on what DNS alone can tell.
. "$(dirname "$0")/lib.sh"

[[ -x $build/tlsrpt-check ]] || need false
make_conf

# dns_data NAME TYPE DATA
dns_data()
{
	echo "local-data: '$1 60 $2 $3'" >>dns.data
}
# dns_good DOMAIN: nothing to complain of, as far as DNS goes
dns_good()
{
	dns_data "$1" MX "10 mx.$1."
	dns_data "mx.$1" A 192.0.2.1
	dns_txt "_smtp._tls.$1" "v=TLSRPTv1; rua=mailto:tls@$1"
	dns_txt "_mta-sts.$1" 'v=STSv1; id=1;'
	dns_data "mta-sts.$1" A 192.0.2.2
}
dns_ours
for i in {01..40}; do
	dns_good "good$i.example"
done
dns_data bare.example MX '10 mx.good01.example.'
dns_data hostile.example MX '10 mx.good01.example.'
dns_txt _smtp._tls.hostile.example $'v=TLSRPTv1; rua=ftp://\e]0;x\a\xe2\x80\xae'
dns_txt _mta-sts.hostile.example $'v=STSv1; id=\e[2J'
need start_dns

tool()
{
	timeout 60 "$build/tlsrpt-check" --resolver "127.0.0.1@$dns_port" \
	    --trust-anchor none --ca-file "$T/ca.pem" --no-probe \
	    --allow-private --timeout 5 "$@"
}

# --- usage -----------------------------------------------------------------

while IFS='|' read -r name options; do
	# shellcheck disable=SC2086 # words
	check "wrong usage: $name" exits 2 "$build/tlsrpt-check" $options
done <<END
no domain|
a name that is none|a..example
a port that is none|--port 0 a.example
a port that is too large|--port 65536 a.example
no number of seconds|--timeout soon a.example
a resolver that is none|--resolver dns.example a.example
certificates that are not there|--ca-file $T/nowhere a.example
a trust anchor that is not there|--trust-anchor $T/nowhere a.example
a configuration that is not there|--config $T/nowhere a.example
END

# --- one domain ------------------------------------------------------------

check 'all well is status 0' tool good01.example
check 'and says so' eval 'tool good01.example |
    grep -E "^  tlsrpt +ok +reports are wanted at mailto:tls@"'
check 'what is well is told with -v' eval \
    'tool -v good01.example | grep -q "^  ok .*tlsrpt-found"'
check 'a warning is status 1' exits 1 tool bare.example
check 'names are compared without case, and without the last dot' eval \
    'tool GOOD01.example. | grep -qx good01.example'
findings()
{
	tool --json "$1" | jq -r '.findings[] | .severity + " " + .id'
}
check 'JSON has the findings' equal $'warning tlsrpt-missing\nok mx-found' \
    "$(findings bare.example | grep -E '^ok mx|tlsrpt')"
check 'and a verdict on each area' equal \
    '["mx","mta-sts","dane","starttls","tlsrpt"]' \
    "$(tool --json good01.example | jq -c '.areas | keys_unsorted |
	sort_by(. == "tlsrpt")')"

# --- strangers' text -------------------------------------------------------

tool hostile.example >hostile.txt
tool --json hostile.example >hostile.json
check 'escapes reach no terminal' eval \
    '! grep -qP "[^\x20-\x7e]" hostile.txt && grep -qF "\\x1b" hostile.txt'
check 'nor JSON' eval \
    'jq -e . hostile.json && ! jq -r ".findings[].text" hostile.json |
     grep -P "[^\x20-\x7e]"'

# --- suggestions -----------------------------------------------------------

tool --suggest bare.example >suggested.out
check 'suggests a TLSRPT record' grep -qxF '_smtp._tls.bare.example. IN TXT '$(
    )'"v=TLSRPTv1; rua=mailto:tls-reports@bare.example"' suggested.out
check 'a policy of the MX hosts' grep -qx 'mx: mx.good01.example' suggested.out
check 'and its record' grep -qxE '_mta-sts.bare.example. IN TXT '$(
    )'"v=STSv1; id=[0-9a-f]{20};"' suggested.out
check 'which is the same every time' eval \
    'tool --suggest bare.example | cmp - suggested.out'
sed -n '/^version:/,/^$/p' suggested.out | sed '/^$/d; s/$/\r/' >policy.txt
check 'the policy in JSON is the file' eval 'tool --suggest --json \
    bare.example | jq -j .suggestion.policy | cmp - policy.txt'
grep '^[^;]* IN ' suggested.out | sed 's/ IN / 60 IN /' |
    while read -r line; do echo "local-data: '$line'"; done >>dns.data
stop_dns
need start_dns
check 'what was suggested is found right' eval \
    '! findings bare.example | grep -E "^(error|warning) tlsrpt|sts-syntax"'

# --- lists -----------------------------------------------------------------

printf 'good%02d.example # comment\n' {1..40} >domains
names()
{
	jq -r .domain | tr '\n' ' '
}
want=$(printf 'good%02d.example ' {1..40})
check 'a list, in its order' equal "$want" \
    "$(tool --json --file domains | names)"
check 'from standard input' equal "$want" \
    "$(tool --json - <domains | names)"
check 'all well is status 0 for a list, too' tool --file domains
sed -i '3s/.*/no..domain/' domains
check 'a line that is no domain is told, and is status 1' eval \
    'exits 1 tool --json --file domains >list.json 2>list.err &&
     grep -qxF "domains:3: \"no..domain\" is not a domain name" list.err'
check 'and the others are checked' test "$(wc -l <list.json)" = 39
check 'a list that is not there is status 1' exits 1 tool --file nowhere

# --- our own key -----------------------------------------------------------

own()
{
	tool --config "$T/tlsrpt.conf" "$@"
}
check 'with --config our DKIM keys are checked' own
check 'and the verdict told' eval 'own | grep -qE "^  dkim +ok "'
check 'beside domains' equal "good01.example $submitter " \
    "$(own --json good01.example | names)"
stop_dns
sed -i '/ed2026/d' dns.data
need start_dns
check 'a key that is not published is an error' exits 1 own
check 'of that key only' equal $'error dkim-wrong\nok dkim-found' \
    "$(own --json | jq -r '.findings[] | .severity + " " + .id' | sort)"

# --- DNSSEC, without being told of it --------------------------------------

# The system has the root's key, but what it asks knows no DNSSEC.
without_dnssec()
{
	timeout 60 "$build/tlsrpt-check" --resolver "127.0.0.1@$dns_port" \
	    --ca-file "$T/ca.pem" --no-probe --allow-private --timeout 2 \
	    good01.example 2>without.err &&
	    grep -F 'the resolver does not let DNSSEC through' without.err
}
if [[ $ISOLATED && -d /var/lib/unbound ]]; then
	mkdir anchor
	echo ". IN DS 20326 8 2 $(sha256sum <<<root | cut -d ' ' -f 1)" \
	    >anchor/root.key
	mount --bind anchor /var/lib/unbound
	check 'a resolver that knows no DNSSEC is told, and used' \
	    without_dnssec
else
	skip 'a resolver that knows no DNSSEC is told, and used' 'no namespace'
fi

# --- the terminal ----------------------------------------------------------

on_terminal()
{
	TERM=xterm script -qec "$build/tlsrpt-check --no-probe --resolver \
	    127.0.0.1@$dns_port --trust-anchor none --ca-file $T/ca.pem \
	    bare.example" /dev/null | grep -qP '\e\[\d+m'
}
check 'colour on a terminal' on_terminal
check 'none with NO_COLOR' eval '! NO_COLOR=1 on_terminal'
check 'none in a pipe' eval '! tool bare.example | grep -qP "\e"'
finish
