# shellcheck shell=bash
# Sourced first by every end-to-end script, which is called with the build
# directory.  The script runs in a temporary folder, $T, as process 1 of its
# own process, network and mount namespaces where the system allows that: it
# has all ports to itself, and nothing survives it.  It speaks TAP.
#
#	E2E_KEEP=1	leave $T behind, to look at
set -u

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(realpath "${1:-$root/build}")

enter()
{
	local ns=(unshare -n -m -p --fork --kill-child --mount-proc)

	T=$(mktemp -d "${TMPDIR:-/tmp}/tlsrpt-e2e.XXXXXX")
	trap '[[ ${E2E_KEEP:-} ]] && echo "# kept $T" || rm -rf "$T"' EXIT
	chmod 755 "$T"
	if "${ns[@]}" true 2>/dev/null; then
		T=$T ISOLATED=1 "${ns[@]}" "$0" "$@"
	else
		T=$T ISOLATED='' "$0" "$@"
	fi
}

if [[ ! -x $build/tlsrpt-send || ! -x $build/tlsrpt-spool ]]; then
	echo "Bail out! nothing to test in $build"
	exit 1
fi
if [[ ! ${ISOLATED+set} ]]; then
	enter "$@"
	exit
fi
cd "$T" || exit 1
trap 'stop_dns; stop_nginx; stop_postfix' EXIT

# What the scripts talk about.  A day that is over whatever the clock says,
# and young enough to be kept.
day=$(date -u -d '2 days ago' +%F)
dns_port=15353 https_port=18443 smtp_port=10025
submitter=sender.example
export T day DNS_PORT=$dns_port

if [[ $ISOLATED ]]; then
	ip link set lo up
	https_host=reports.example
	echo 'nameserver 127.0.0.1' >resolv.conf
	echo "127.0.0.1 localhost $https_host collector.test" >hosts
	printf '%s: files dns\n' hosts passwd group shadow >nsswitch.conf
	for file in resolv.conf hosts nsswitch.conf; do
		mount --bind $file /etc/$file
	done
else
	https_host=localhost
fi

# shellcheck source=tests/e2e/servers.sh
. "$root/tests/e2e/servers.sh"

# --- cases -----------------------------------------------------------------

cases=0 bad=0

# check NAME COMMAND...: a case; what the command says is shown if it fails.
check()
{
	local name=$1
	shift
	((cases++))
	if "$@" >check.out 2>&1; then
		echo "ok $cases - $name"
	else
		echo "not ok $cases - $name"
		set -- "${*//$'\n'/ }"
		printf '#   %.200s\n' "$1"
		tail -n 30 check.out | sed 's/^/#   /'
		((bad++))
		return 1
	fi
}

skip()
{
	((cases++))
	echo "ok $cases - $1 # SKIP $2"
}

# check_slice NAME PID: one of its threads asked not to be kept waiting, which
# Linux takes notice of since 6.12
check_slice()
{
	if printf '6.12\n%s\n' "$(uname -r)" | sort -CV &&
	    grep -q '^se.slice' /proc/self/sched 2>/dev/null; then
		check "$1" equal 1 "$(cat "/proc/$2/task/"*/sched |
		    grep -c '^se.slice *: *100000$')"
	else
		skip "$1" "this kernel has no slices, or hides them"
	fi
}

# As the last line of a script.
finish()
{
	echo "1..$cases"
	exit $((bad > 0))
}

# Nothing makes sense without this.
need()
{
	"$@" >need.out 2>&1 && return
	echo "Bail out! $*"
	cat need.out
	echo 'not ok - set-up'
	exit 1
}

# equal WANT GOT
equal()
{
	diff -u --label wanted --label got <(echo "$1") <(echo "$2")
}

# exits STATUS COMMAND...
exits()
{
	local want=$1
	shift
	"$@"
	equal "exit $want" "exit $?"
}

# fails COMMAND...
fails()
{
	! "$@"
}

# A deadline, never a sleep in hope: wait_for SECONDS COMMAND...
wait_for()
{
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS >= end)); then
			echo "waited in vain for: $*"
			return 1
		fi
		sleep 0.05
	done
}

port_open()
{
	: <>"/dev/tcp/127.0.0.1/$1"
}

gone()
{
	! kill -0 "$1"
}

# --- records ---------------------------------------------------------------

# record DOMAIN [PR]: a success without policy; the text of the TLSRPT record
# is left out when it is not given.
record()
{
	printf '{"d": "%s"%s,"policies":[{"policy-type":9,"t":0,"f":0}]}\n' \
	    "$1" "${2+,\"pr\": \"$2\"}"
}

# failure DOMAIN [PR]: the same, but the certificate has expired.
failure()
{
	record "$@" | sed 's/"t":0,"f":0/"failure-details":[{"c":204,'$(
	    )'"s": "192.0.2.1","n": "mx.'"$1"'","r": "192.0.2.9"}],'$(
	    )'"t":1,"f":1/'
}

# at DAY: give records the time of noon of a day
at()
{
	sed "s/^{/{\"ts\":\"$1T12:00:00Z\",/"
}

# --- our programs ----------------------------------------------------------

# A key pair for each algorithm and a configuration that uses everything
# started here.  Settings are changed afterwards by conf_set.
make_conf()
{
	[[ -e rsa.key ]] || openssl genpkey -quiet -algorithm RSA \
	    -pkeyopt rsa_keygen_bits:2048 -out rsa.key
	[[ -e ed25519.key ]] ||
	    openssl genpkey -algorithm ED25519 -out ed25519.key
	[[ -e ca.pem ]] || make_pki
	cat >tlsrpt.conf <<-END
	[report]
	organization_name = Example Sender
	contact_info = tls-reports@$submitter
	[spool]
	directory = $T/spool
	runtime_directory = $T/run
	socket = $T/tlsrpt.sock
	source = mta1
	[queue]
	database = $T/queue.db
	[dns]
	resolver = 127.0.0.1@$dns_port
	timeout = 2
	[https]
	ca_file = $T/ca.pem
	allow_private = yes
	timeout = 20
	[mail]
	smarthost = localhost:$smtp_port
	ca_file = $T/ca.pem
	tls = required
	timeout = 20
	[dkim]
	selector = rsa2026
	key_file = $T/rsa.key
	ed25519_selector = ed2026
	ed25519_key_file = $T/ed25519.key
	[deliver]
	spread = 0
	retry_min = 1s
	END
	mkdir -p spool run
}

# conf_set SECTION KEY VALUE
conf_set()
{
	local line section='' set=''

	while IFS= read -r line; do
		[[ $line == \[* ]] && section=$line
		[[ $section == "[$1]" && $line == "$2 = "* ]] && continue
		echo "$line"
		[[ $line == "[$1]" ]] && echo "$2 = $3" && set=1
	done <tlsrpt.conf >changed.conf
	[[ $set ]] || printf '[%s]\n%s = %s\n' "$1" "$2" "$3" >>changed.conf
	mv changed.conf tlsrpt.conf
}

spool()
{
	"$build/tlsrpt-spool" --config "$T/tlsrpt.conf" "$@"
}

# Bounded, whatever the retries do.
send()
{
	timeout 300 "$build/tlsrpt-send" --config "$T/tlsrpt.conf" "$@"
}

# send_killed N CALLS [ARG]...: kill -9 it at the N-th of these system calls
# that any of its threads makes.  Status 137 when it came to that.
send_killed()
{
	local n=$1 calls=$2
	shift 2
	# LeakSanitizer does not work under a tracer.
	ASAN_OPTIONS=detect_leaks=0 timeout 120 strace -f -qq -o /dev/null \
	    -e trace="$calls" -e inject="$calls:signal=KILL:when=$n" \
	    "$build/tlsrpt-send" --config "$T/tlsrpt.conf" "$@"
}

# sql STATEMENT: on the queue
sql()
{
	sqlite3 -cmd '.timeout 10000' "$T/queue.db" "$1"
}

# The same from the records and from the reports.  expected FILE..., reported
# FILE...
expected()
{
	"$root/tests/data/totals.py" records "$@" | jq -S .domains
}
reported()
{
	"$root/tests/data/totals.py" reports "$@" | jq -S .domains
}
