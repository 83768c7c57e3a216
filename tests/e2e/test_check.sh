#!/usr/bin/env bash
# tlsrpt-check against real servers: nsd, unbound, nginx and Postfix.  A good
# set-up, and all that can be wrong about one, a row each.
#
# shellcheck disable=SC2016,SC2034 # row expands what it is given
. "$(dirname "$0")/lib.sh"
. "$root/tests/e2e/check_world.sh"

if [[ ! $ISOLATED ]]; then
	skip 'set-ups to check' 'no namespaces'
	finish
fi
trap world_stop EXIT

version=$'version: STSv1\n' mode=$'mode: enforce\n' age=$'max_age: 604800\n'
all_mx=$'mx: *.mx.test\n'
world_begin
row good '' - - -
row two 'mx=("10 good.mx.test." "20 also.mx.test.")' - - -
row issuer 'mx=("10 issuer.mx.test.")' - - -

# --- TLSRPT
row no-record 'tlsrpt=()' warning tlsrpt-missing \
    'no TLSRPT record at _smtp._tls.no-record.test'
row two-records 'tlsrpt+=("v=TLSRPTv1; rua=mailto:a@good.test")' error \
    tlsrpt-duplicate 'more than one TLSRPT record'
row bad-syntax 'tlsrpt=("v=TLSRPTv1; rua=mailto:a@good.test;;")' error \
    tlsrpt-syntax 'breaks the grammar at byte'
row other-version 'tlsrpt=("v=TLSRPTv2; rua=mailto:a@good.test")' error \
    tlsrpt-version 'does not begin with'
row http-rua 'tlsrpt=("v=TLSRPTv1; rua=http://rua.test/")' error \
    tlsrpt-rua-unusable 'neither mailto: nor https:'
row bare-rua 'tlsrpt=("v=TLSRPTv1; rua=tls@good.test")' error \
    tlsrpt-rua-none 'no destination that can be used'
row rua-no-mail 'tlsrpt=("v=TLSRPTv1; rua=mailto:a@nomail.test")' error \
    tlsrpt-rua-no-mx 'nomail.test has neither'
row rua-null-mx 'tlsrpt=("v=TLSRPTv1; rua=mailto:a@null-mx.test")' error \
    tlsrpt-rua-null-mx 'takes no mail'
row rua-bad-cert 'tlsrpt=("v=TLSRPTv1; rua=https://badrua.test/")' warning \
    tlsrpt-rua-certificate 'expired on'
row rua-down 'tlsrpt=("v=TLSRPTv1; rua=https://rua.test:444/")' error \
    tlsrpt-rua-unreachable 'port 444 of rua.test'
row rua-nowhere 'tlsrpt=("v=TLSRPTv1; rua=https://nowhere.test/")' error \
    tlsrpt-rua-no-address 'nowhere.test has no address'

# --- MTA-STS
row no-sts 'sts=() mx=("10 nodane.mx.test.")' warning mta-sts-missing \
    'no MTA-STS record'
row two-sts 'sts+=("v=STSv1; id=2;")' error mta-sts-duplicate 'more than one'
row sts-syntax 'sts=("v=STSv1; id=2026-01-31;")' error mta-sts-syntax \
    'letters and digits'
row no-host 'web=' error mta-sts-no-address 'has no address'
row no-policy 'policy=' error mta-sts-status 'status 404'
row broken-web 'web=broken' error mta-sts-status 'status 500'
row moved 'web=moved' error mta-sts-redirect 'status 301.*https://rua.test/'
row html-type 'web=html' warning mta-sts-content-type 'served as .text/html'
row web-expired 'web=expired' error mta-sts-certificate 'expired on'
row web-self 'web=self' error mta-sts-certificate 'self-signed'
row web-name 'web=name' error mta-sts-certificate \
    'for other names: elsewhere.test'
row no-mode 'policy=$version$all_mx$age' error mta-sts-policy \
    'mode is missing'
row no-version 'policy=$mode$all_mx$age' error mta-sts-policy \
    'version is missing'
row bad-mx 'policy=$version$mode$age"mx: m*.mx.test"' error \
    mta-sts-policy 'line 4: .*wildcard'
row short-age 'policy=$version$mode$all_mx"max_age: 3600"' warning \
    mta-sts-max-age-short '3600 seconds'
row uncovered 'mx+=("20 other.mx.test.")
    policy=$version$mode$age"mx: good.mx.test"' error mta-sts-mx-uncovered \
    'not among the policy'

# --- MX
row null-mx 'mx=("0 .") sts=() tlsrpt=()' info mx-null 'takes no mail'
row mixed-null 'mx+=("0 .")' error mx-null-mixed 'beside others'
row no-mx 'mx=()' error mx-no-mail 'neither MX records nor an address'
row mx-no-address 'mx=("10 noaddr.mx.test.")' error mx-no-address \
    'no address'

# --- DANE
row mismatch 'mx=("10 mismatch.mx.test.")' error dane-mismatch \
    'no TLSA record matches'
row pkix-only 'mx=("10 unusable.mx.test.")' error dane-all-unusable \
    'no TLSA record of the host is usable'
row short-digest 'mx=("10 short.mx.test.")' warning dane-unusable \
    'SHA-256 digest has 32 bytes'
row stale 'mx=("10 stale.mx.test.")' info dane-stale 'matches nothing'
row insecure 'mx=("10 mx.plain.test.")
    policy=$version$mode$age"mx: mx.plain.test"' warning dane-insecure \
    'DNSSEC does not secure them'
row bogus-mx 'mx=("10 mx.bogus.test.")
    policy=$version$mode$age"mx: mx.bogus.test"' error \
    dane-no-answer 'validation failure'
row bogus 'parent=bogus.test zone=bogus' error mx-bogus 'validation failure'
row dane-expired 'mx=("10 dexpired.mx.test.") sts=()' info \
    starttls-expired 'the certificate is expired'

# --- STARTTLS
row no-starttls 'mx=("10 plain.mx.test.")' error starttls-missing \
    'not at all because of the MTA-STS policy'
row no-starttls-dane 'mx=("10 dplain.mx.test.") sts=()' error starttls-missing \
    'not at all because of the TLSA records'
row plain-text 'mx=("10 plain.mx.test.") sts=()' warning starttls-missing \
    'mail comes in plain text'
row expired 'mx=("10 expired.mx.test.")' error starttls-expired \
    'the certificate is expired'
row self-signed 'mx=("10 self.mx.test.")' error starttls-untrusted \
    'it is self-signed'
row self-testing 'mx=("10 self.mx.test.")
    policy=$version"mode: testing"$'\''\n'\''$all_mx$age' warning \
    starttls-untrusted 'once the MTA-STS policy is enforced'
row wrong-name 'mx=("10 name.mx.test.")' error starttls-name \
    'but for mx.elsewhere.test'
row old-tls 'mx=("10 old.mx.test.")' error starttls-version 'TLSv1.1'
row hangs 'mx=("10 hang.mx.test.")' warning starttls-smtp \
    'greeting: no answer within'
row down 'mx=("10 nobody.mx.test.")' warning starttls-all-unreachable \
    'Connection refused'

# To be helped later on.
row bare 'mx=("10 fresh.mx.test.") tlsrpt=() sts=() policy=' warning \
    tlsrpt-missing 'no TLSRPT record'
need world_start; 
tool()
{
	timeout 120 "$build/tlsrpt-check" --resolver "$resolver" \
	    --trust-anchor "$T/$key.ds" --ca-file "$T/ca.pem" \
	    --allow-private --timeout 7 "$@"
}

resolver=127.0.0.1
cut -f 1 rows >domains
check 'so much that is wrong is status 1' exits 1 eval \
    'tool --json --file domains >all.json'

# Domain, severity, id and text of each finding.
list()
{
	jq -r '.domain as $domain | .findings[] |
	    [$domain, .severity, .id, .text] | @tsv' "$1"
}
list all.json >all.list
# what DOMAIN: its findings
what()
{
	sed -n "s/^$1\t//p" "${2:-all.list}"
}
# judged DOMAIN SEVERITY ID WORDS
judged()
{
	what "$1" | grep -E "^$2"$'\t'"$3"$'\t'".*$4" || ! what "$1"
}
# well DOMAIN [FILE]
well()
{
	what "$@" >what.out
	cat what.out
	[[ -s what.out ]] && ! grep -qE '^(warning|error)' what.out
}
while IFS=$'\t' read -r domain severity id words; do
	if [[ $severity == - ]]; then
		check "$domain is well" well "$domain"
	else
		check "$domain: $severity $id" judged "$domain" "$severity" \
		    "$id" "$words"
	fi
done <rows
check 'a good one is status 0' tool good.test
check 'a warning is status 1' exits 1 tool no-record.test
check 'an error is status 1' exits 1 tool bad-syntax.test
check 'what is only to be known is status 0' tool null-mx.test
check 'nobody followed the redirect' fails grep -q 'GET / ' requests.log
check 'private addresses are let alone' eval 'timeout 60 \
    "$build/tlsrpt-check" --resolver $resolver --trust-anchor "$T/$key.ds" \
    --ca-file ca.pem --json good.test >private.json;
    jq -e ".areas.starttls.verdict == \"not looked at\"" private.json'

# --- what others think -----------------------------------------------------

finger()
{
	MAIL_CONFIG=$T/postfix/conf posttls-finger -c -t 10 -l dane "$1" 2>&1
}
check 'Postfix finds the good one good' eval \
    'finger good.test | grep "Verified TLS connection"'
check 'and the issuer'\''s record' eval \
    'finger issuer.test | grep "Verified TLS connection"'
check 'and the mismatch' eval \
    'finger mismatch.test | grep -E "Untrusted|Server certificate not"'
check 'and the records that are not usable' eval \
    'finger pkix-only.test | grep -Ei "unusable"'
check 'OpenSSL finds the record of the good one to match' eval \
    'openssl s_client -starttls smtp -connect 127.0.1.1:25 -dane_tlsa_domain \
    good.mx.test -dane_tlsa_rrdata "$(world_tlsa right)" </dev/null 2>&1 |
    grep "DANE TLSA 3 1 1 .*matched"'
check 'ldns finds it to match' ldns-dane -c mx.crt -k "$T/$key.ds" -T \
    verify good.mx.test 25
check 'ldns finds the mismatch' fails ldns-dane -c mx.crt -k "$T/$key.ds" \
    -T verify mismatch.mx.test 25

# --- a domain that does as it is told ----------------------------------------

resolver=127.0.0.2
tool --json --suggest bare.test >suggest.json
check 'all of it is suggested' equal 'SOME
_25._tcp.fresh.mx.test
_mta-sts.bare.test
_smtp._tls.bare.test' "$(echo SOME; jq -r '.suggestion.records[]' \
    suggest.json | awk '{ print $1 }' | sed 's/\.$//' | sort)"
publish()
{
	jq -r '.suggestion.records[]' suggest.json >>test.zone
	world_policy bare.test "$(jq -r .suggestion.policy suggest.json)
"
	world_sign && signed_again
}
check 'it is published' publish
check 'and then nothing is wrong' eval \
    'tool --json bare.test >after.json; list after.json >after.list;
    well bare.test after.list'
finish
