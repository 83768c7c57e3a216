#!/usr/bin/env bash
# Who publishes a TLSRPT record cannot make us connect into our own network,
# whatever name, address or redirect he writes: with a name server and
# listeners on every address there is.
. "$(dirname "$0")/lib.sh"

if [[ ! $ISOLATED ]]; then
	skip 'nobody is connected to who should not' 'needs its own network'
	finish
fi
# Whatever the address, it is here.
if ! ip route add local default dev lo ||
    ! ip -6 route add local default dev lo; then
	skip 'nobody is connected to who should not' 'needs IPv6'
	finish
fi
ip route add unreachable 9.9.9.66 table local

trap 'kill $guard 2>/dev/null' EXIT
guard()
{
	"$root/tests/e2e/guard.py" "$@"
}

make_conf
openssl req -x509 -newkey ec -nodes -days 3 -CA ca.pem -CAkey ca.key \
    -pkeyopt ec_paramgen_curve:P-256 -subj /CN=guard \
    -addext 'subjectAltName=DNS:*.guard.test' \
    -addext basicConstraints=critical,CA:FALSE \
    -keyout guard.key -out guard.crt 2>/dev/null
cat guard.crt guard.key >guard.pem
guard serve guard.pem journal >guard.out 2>guard.err &
guard=$!
need wait_for 10 grep -q ready guard.out

# What must not matter to us.
export HOME=$T/home
export http_proxy=http://127.0.0.1:3128 https_proxy=http://127.0.0.1:3128
export HTTPS_PROXY=$http_proxy ALL_PROXY=$http_proxy all_proxy=$http_proxy
mkdir home
echo 'default login us password secret' >home/.netrc
printf '%s\n' "proxy = $http_proxy" location 'user = "us:secret"' \
    'header = "X-Of: curlrc"' >home/.curlrc
curl_uses_them()
{
	curl --max-time 5 https://public0.guard.test/
	curl --max-time 5 --noproxy '*' -kn https://public0.guard.test/
	grep '"port": 3128' journal && grep authorization journal &&
	    grep x-of journal
}
check 'proxies and files of the home folder are there to be used' \
    curl_uses_them
: >journal

guard records >day.jsonl
conf_set https allow_private no
conf_set https timeout 5
conf_set dns rua_lookup never
conf_set log format json
check 'a day goes in' spool add --day "$day" day.jsonl
check 'a run' exits 1 send --once --now
grep '^{' check.out >log
check 'and another, when names have changed' exits 1 send --once --now
check 'and another' exits 1 send --once --now
reached()
{
	guard check queue.db log journal
}
check 'no private address is connected to, each refusal has its reason' reached

# The same where it is allowed.
: >journal
rm -rf queue.db*
conf_set https allow_private yes
conf_set https verify no
spool_again()
{
	spool add --day "$day" day.jsonl
}
check 'the same records go in' spool_again
check 'a run that may' exits 1 send --once --now
reached()
{
	guard check-private queue.db journal
}
check 'connects to all of them' reached
check 'the servers had no trouble of their own' fails grep . guard.err
finish
