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

# --- certificates ----------------------------------------------------------

make_pki()
{
	local new=(openssl req -x509 -newkey ec -nodes -days 3
	    -pkeyopt ec_paramgen_curve:P-256)

	"${new[@]}" -subj '/CN=Test CA' -keyout ca.key -out ca.pem
	"${new[@]}" -CA ca.pem -CAkey ca.key -subj '/CN=server' \
	    -addext "subjectAltName=DNS:$https_host,DNS:localhost,$(
		)DNS:collector.test" \
	    -addext basicConstraints=critical,CA:FALSE \
	    -keyout server.key -out server.pem
} 2>/dev/null

# --- DNS: unbound with our own names ---------------------------------------

# dns_txt NAME TEXT, in character-strings of at most 255 bytes
dns_txt()
{
	echo "local-data: '$1 60 TXT $(fold -b -w 200 <<<"$2" |
	    sed 's/.*/"&"/' | xargs -d '\n')'" >>dns.data
}

# What verifiers need: our keys.
dns_ours()
{
	dns_txt "rsa2026._domainkey.$submitter" "v=DKIM1; k=rsa; p=$(
	    openssl pkey -in rsa.key -pubout -outform DER | base64 -w 0)"
	dns_txt "ed2026._domainkey.$submitter" "v=DKIM1; k=ed25519; p=$(
	    openssl pkey -in ed25519.key -pubout -outform DER |
	    tail -c 32 | base64 -w 0)"
}

start_dns()
{
	touch dns.data
	cat >unbound.conf <<-END
	server:
	    interface: 127.0.0.1@$dns_port
	    ${ISOLATED:+interface: 127.0.0.1@53}
	    username: ""
	    chroot: ""
	    directory: "$T"
	    pidfile: "$T/unbound.pid"
	    use-syslog: no
	    logfile: "$T/unbound.log"
	    log-queries: yes
	    num-threads: 1
	    do-ip6: no
	    module-config: "iterator"
	    local-zone: "." static
	    include: "$T/dns.data"
	remote-control:
	    control-enable: no
	END
	rm -f unbound.pid
	unbound -c unbound.conf || return 1
	wait_for 10 port_open "$dns_port"
}

stop_dns()
{
	[[ -s $T/unbound.pid ]] || return 0
	local pid
	pid=$(<"$T/unbound.pid")
	kill "$pid" 2>/dev/null
	wait_for 10 gone "$pid"
	rm -f "$T/unbound.pid"
}

# --- HTTPS: nginx, which keeps every body in a file ------------------------

# nginx_head BODIES: what each nginx.conf begins with, up to the first server;
# where bodies of requests are put.
nginx_head()
{
	mkdir -p nginx/tmp "$1"
	cat <<-END
	user root;
	worker_processes 1;
	pid $T/nginx.pid;
	error_log $T/nginx.log;
	events { worker_connections 512; }
	http {
	client_body_temp_path $T/$1;
	proxy_temp_path $T/nginx/tmp;
	fastcgi_temp_path $T/nginx/tmp;
	uwsgi_temp_path $T/nginx/tmp;
	scgi_temp_path $T/nginx/tmp;
	END
}

# Answers by path: /busy 503, /gone 410, all else 201.  One JSON object per
# request in posts.json; .file is the body.
start_nginx()
{
	nginx_head bodies >nginx.conf
	cat >>nginx.conf <<-END
	    log_format posts escape=json '{"method":"\$request_method",'
	        '"uri":"\$request_uri","host":"\$host","status":\$status,'
	        '"type":"\$content_type","tls":"\$ssl_protocol",'
	        '"encoding":"\$http_content_encoding",'
	        '"file":"\$request_body_file"}';
	    access_log off;
	    server {
	        listen 127.0.0.1:$https_port ssl;
	        ${ISOLATED:+listen 127.0.0.1:443 ssl;}
	        ssl_certificate $T/server.pem;
	        ssl_certificate_key $T/server.key;
	        access_log $T/posts.json posts;
	        client_max_body_size 20m;
	        client_body_in_file_only on;
	        location / { proxy_pass http://unix:$T/nginx/up.sock:; }
	    }
	    server {
	        listen unix:$T/nginx/up.sock;
	        client_body_temp_path $T/nginx/tmp;
	        location / { return 201; }
	        location /busy { return 503; }
	        location /gone { return 410; }
	    }
	}
	END
	touch posts.json
	rm -f nginx/up.sock
	nginx -p "$T" -c "$T/nginx.conf" || return 1
	wait_for 10 port_open "$https_port"
}

stop_nginx()
{
	[[ -s $T/nginx.pid ]] || return 0
	local pid
	pid=$(<"$T/nginx.pid")
	kill -QUIT "$pid" 2>/dev/null
	wait_for 10 gone "$pid"
}

# --- mail: Postfix as smarthost, every address delivered to one Maildir ----

# The folders of a Postfix of our own, and what its main.cf has of them.
postfix_home()
{
	mkdir -p postfix/conf postfix/spool postfix/data
	chown postfix postfix/data
	cat >postfix/conf/main.cf <<-END
	compatibility_level = 3.6
	queue_directory = $T/postfix/spool
	data_directory = $T/postfix/data
	command_directory = /usr/sbin
	daemon_directory = /usr/lib/postfix/sbin
	mail_owner = postfix
	setgid_group = postdrop
	maillog_file = $T/postfix/log
	maillog_file_prefixes = $T
	END
}

# Of master.cf, what each needs that receives mail, and what it needs besides
# to send it on.
postfix_receives()
{
	echo 'cleanup unix n - n - 0 cleanup'
	echo 'tlsmgr unix - - n 1000? 1 tlsmgr'
	echo 'rewrite unix - - n - - trivial-rewrite'
	echo 'proxymap unix - - n - - proxymap'
	echo 'anvil unix - - n - 1 anvil'
	echo 'postlog unix-dgram n - n - 1 postlogd'
}

postfix_sends()
{
	local service

	echo 'pickup unix n - n 60 1 pickup'
	echo 'qmgr unix n - n 300 1 qmgr'
	for service in bounce defer trace; do
		echo "$service unix - - n - 0 bounce"
	done
	for service in showq error discard; do
		echo "$service unix - - n - - $service"
	done
	echo 'retry unix - - n - - error'
}

start_postfix()
{
	postfix_home
	mkdir -p mail
	chown nobody mail
	cat >>postfix/conf/main.cf <<-END
	myhostname = smarthost.example
	mydestination =
	inet_interfaces = 127.0.0.1
	inet_protocols = ipv4
	mynetworks = 127.0.0.0/8
	alias_maps =
	smtpd_tls_security_level = may
	smtpd_tls_cert_file = $T/server.pem
	smtpd_tls_key_file = $T/server.key
	smtpd_recipient_restrictions =
	    check_recipient_access inline:{
	        {refused@mail.example = 550 5.1.1 No such user}
	        {greylisted@mail.example = 450 4.2.0 Come again} }
	    permit_mynetworks, reject
	virtual_mailbox_domains = static:all
	virtual_mailbox_maps = static:inbox/
	virtual_mailbox_base = $T/mail
	virtual_uid_maps = static:$(id -u nobody)
	virtual_gid_maps = static:$(id -g nobody)
	virtual_mailbox_limit = 0
	END
	{
		echo "127.0.0.1:$smtp_port inet n - n - - smtpd"
		echo 'virtual unix - n n - - virtual'
		postfix_receives
		postfix_sends
	} >postfix/conf/master.cf
	postfix -c "$T/postfix/conf" start || return 1
	wait_for 20 port_open "$smtp_port"
}

stop_postfix()
{
	[[ -s $T/postfix/spool/pid/master.pid ]] || return 0
	postfix -c "$T/postfix/conf" stop >/dev/null 2>&1
}

# mail COMMAND [ARG]...
mail()
{
	"$root/tests/e2e/mail.py" "$@"
}

# fails COMMAND...
fails()
{
	! "$@"
}

mails()
{
	find "$T/mail/inbox/new" -type f 2>/dev/null
}

# Accepted is not yet delivered: mails_are N
mails_are()
{
	(($(mails | wc -l) == $1))
}
