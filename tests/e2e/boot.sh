#!/usr/bin/env bash
# The Debian package on a Debian 12 that is booted, in a container, with
# systemd, Postfix and cron: what README.Debian says is done to the letter, and
# then what happens to a mail server: restarts, upgrades, reboots, mistakes.
#
#	make e2e-boot
here=$(dirname "$0")
tree=$(realpath "$here/../..")
cache=$tree/build/bookworm-boot
deb=$(ls "$tree"/build/deb/tlsrpt_*.deb)
if [[ ! ${ISOLATED+set} ]] && ! why=$("$here/debian-root.sh" bookworm \
    "$cache" "$deb" openssl systemd-sysv postfix cron procps python3-minimal \
    libpython3-stdlib); then
	echo "ok 1 - the package, booted # SKIP no root: $why"
	echo 1..1
	exit
fi
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
if [[ ! $ISOLATED ]] || ! command -v systemd-nspawn >/dev/null; then
	skip 'the package, booted' 'it needs namespaces and systemd-nspawn'
	finish
fi
trap 'shut_down' EXIT
R=$T/root			# a copy, thrown away

# --- the machine -----------------------------------------------------------

boot()
{
	systemd-nspawn --quiet --directory="$R" --boot --register=no \
	    --keep-unit --machine=mta1 --link-journal=no --resolv-conf=off \
	    --timezone=off --console=read-only </dev/null >console 2>&1 &
	nspawn=$!
	wait_for 60 running
}
# Process 1 of the container, another after each reboot.
first()
{
	pgrep -P "$nspawn" -x systemd
}
inside()
{
	nsenter -t "$(first)" -m -u -i -p -C -- env -i HOME=/root \
	    PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
	    "$@"
}
running()
{
	[[ $(inside systemctl is-system-running) == @(running|degraded) ]]
}
boot_id()
{
	inside systemctl show -p UserspaceTimestampMonotonic
}
rebooted()
{
	local before
	before=$(boot_id)
	inside systemctl reboot
	wait_for 60 boots_after "$before" && wait_for 60 running
}
# Where it does not come back by itself it is switched on again.
boots_after()
{
	local now
	if gone "$nspawn" 2>/dev/null; then
		boot
	fi
	now=$(boot_id) && [[ $now && $now != "$1" ]]
}
shut_down()
{
	[[ ${nspawn:-} ]] || return
	kill -TERM "$nspawn" 2>/dev/null
	wait_for 20 gone "$nspawn" || kill -KILL "$nspawn"
}

# --- what is asked of it ---------------------------------------------------

# is UNIT STATE
is()
{
	equal "$2" "$(inside systemctl is-active "$1")"
}
result()
{
	equal "Result=$2" "$(inside systemctl show -p Result "$1")"
}
as_tlsrpt()
{
	inside runuser -u tlsrpt -- "$@"
}
journal()
{
	inside journalctl -q -o cat -u "$1"
}
install()
{
	inside apt-get install -q -y --reinstall --allow-downgrades \
	    "/root/${deb##*/}"
}
gone_from_root()
{
	local path
	for path; do
		[[ ! -e $R/$path && ! -L $R/$path ]] || { echo "$path"; return 1; }
	done
}
failed_units()
{
	inside systemctl --failed --plain --no-legend
}

# Datagrams as Postfix sends them: its user, from its chroot, not waiting.
cat >sender.py <<'END'
import os, pwd, socket, sys, time
postfix = pwd.getpwnam("postfix")
os.chroot("/var/spool/postfix")
os.chdir("/")
os.setgroups([])
os.setgid(postfix.pw_gid)
os.setuid(postfix.pw_uid)
record = (b'{"dpv":"1","d":"load.example","pr":"v=TLSRPTv1; '
          b'rua=mailto:reader@reports.example","policies":'
          b'[{"policy-type":9,"policy-domain":"load.example","f":0}]}')
sent = failed = 0
while not os.path.exists("/tmp-enough"):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        s.sendto(record, socket.MSG_DONTWAIT, "run/tlsrpt/tlsrpt.sock")
        sent += 1
    except OSError as e:
        failed += 1
        print(e, file=sys.stderr)
    s.close()
    time.sleep(0.003)
print(sent, failed)
END
# through COMMAND...: datagrams all the while; none may fail
sent=0
through()
{
	local sender rc n failed
	rm -f "$R/var/spool/postfix/tmp-enough"
	inside python3 /root/sender.py >sent 2>errors &
	sender=$!
	sleep 0.3
	"$@"
	rc=$?
	sleep 0.3
	touch "$R/var/spool/postfix/tmp-enough"
	wait "$sender"
	read -r n failed <sent
	((sent += n))
	echo "# $n sent, $failed failed"
	head -n 3 errors
	((n > 100)) && equal 0 "$failed" && return "$rc"
}
collected()
{
	jq -s 'map(select(.d == "load.example") | .n // 1) | add' \
	    "$R"/var/spool/tlsrpt/days/*/*.seg
}
all_there()
{
	inside systemctl stop tlsrpt-spoold.service &&
	    equal "$sent" "$(collected)" &&
	    inside systemctl start tlsrpt-spoold.service
}
inbox()
{
	cat "$R/var/mail/reader" 2>/dev/null
}
mailed()
{
	inbox | grep -q "^TLS-Report-Domain: $1"
}

# --- installed by the book -------------------------------------------------

need cp -a "$cache" "$R"
cp "$deb" sender.py "$R/root/"
# The container has no say in this; what the package sets is its neighbour's.
need dpkg-deb -x "$deb" package
check 'the kernel takes what the package asks of it' \
    sysctl -q -p package/usr/lib/sysctl.d/60-tlsrpt.conf
need boot
check 'apt installs the package' install || finish
check 'nothing runs' is tlsrpt-spoold.socket inactive
check 'nor will it' is tlsrpt-send.timer inactive
inside useradd -m reader
inside postconf -e 'mydestination = localhost, reports.example' \
    myhostname=mta1.example.org
check 'Postfix is content' inside postfix check

# What an operator has to write by himself, of steps 1 and 2.
sed -i 's|^#organization_name =.*|organization_name = Example Org|
s|^#contact_info =.*|contact_info = tls-reports@example.org|
s|^#selector =$|selector = tlsrpt|
s|^#key_file =$|key_file = /etc/tlsrpt/dkim.key|
s|^#rua_lookup.*|rua_lookup = never|
s|^#spread = .*|spread = 0|' "$R/etc/tlsrpt/tlsrpt.conf"
while read -r command; do
	case $command in
	*--check-config) command+=' --no-dns' ;;
	esac
	check "README.Debian: $command" inside sh -c "$command"
done < <(sed -n 's/^     //p' "$root/packaging/debian/tlsrpt.README.Debian")
postfix_lines()
{
	grep -o 'postconf -e .*' "$root/$1"
}
check 'the README has the same lines for Postfix' equal \
    "$(postfix_lines packaging/debian/tlsrpt.README.Debian)" \
    "$(postfix_lines README.md)"
check 'the settings are for tlsrpt, too' as_tlsrpt tlsrpt-send \
    --check-config --no-dns
check 'the collector runs' is tlsrpt-spoold.service active
check_slice 'and reads its socket at once' "$(pgrep -x tlsrpt-spoold)"
check 'the timer waits' is tlsrpt-send.timer active
check 'Postfix, in its chroot, finds the socket' equal \
    '/var/spool/postfix/run/tlsrpt/tlsrpt.sock root:postfix 660' \
    "$(inside stat -c '%n %U:%G %a' \
	/var/spool/postfix/run/tlsrpt/tlsrpt.sock)"
check 'no unit has failed' equal '' "$(failed_units)"

# --- what comes in ---------------------------------------------------------

restarts()
{
	for _ in 1 2 3; do
		inside systemctl restart tlsrpt-spoold.service || return
	done
}
check 'datagrams through three restarts: all taken' through restarts
check 'and all in the spool' all_there
before=$(inside systemctl show -p MainPID tlsrpt-spoold.service)
check 'through an upgrade' through install
check 'which starts the new collector' fails equal "$before" \
    "$(inside systemctl show -p MainPID tlsrpt-spoold.service)"
check 'all in the spool' all_there
killed()
{
	inside systemctl kill -s KILL tlsrpt-spoold.service
	wait_for 10 is tlsrpt-spoold.service active
}
check 'through a crash, too' through killed
# What a killed process had just taken from the socket dies with it.
all_but_a_batch()
{
	local got
	inside systemctl stop tlsrpt-spoold.service
	got=$(collected)
	echo "# $got of $sent"
	((got <= sent && got >= sent - 32)) && sent=$got &&
	    inside systemctl start tlsrpt-spoold.service
}
check 'all in the spool then, but for a batch' all_but_a_batch

# --- what goes out ---------------------------------------------------------

add()
{
	record "$1" "v=TLSRPTv1; rua=$2" >"$R/root/records.jsonl"
	inside tlsrpt-spool add --day "$day" /root/records.jsonl
}
start_send()
{
	inside systemctl start tlsrpt-send.service
}
check 'a day is added' add good.example mailto:reader@reports.example
check 'the service reports it' start_send
check 'and is done' is tlsrpt-send.service inactive
check 'the mail is in the mailbox' wait_for 10 mailed good.example
check 'signed' grep -q '^DKIM-Signature:.*' <(inbox)
check 'the journal has the delivery' grep -q \
    'delivery report=.*good.example.* outcome=delivered' \
    <(journal tlsrpt-send.service)
check 'and the summary' grep -q 'tlsrpt-send: summary .*sent=1' \
    <(journal tlsrpt-send.service)

# No way there: it is tried again, so the service goes on.
check 'a host that is away' add away.example https://away.example/in
inside systemctl start --no-block tlsrpt-send.service
tried()
{
	journal tlsrpt-send.service | grep -q 'away.example.*outcome=deferred'
}
check 'is tried' wait_for 20 tried
check 'and waited for' is tlsrpt-send.service activating
check 'another run leaves it alone' exits 75 as_tlsrpt tlsrpt-send --once
check 'stopped meanwhile' inside systemctl stop tlsrpt-send.service
check 'that is no failure' result tlsrpt-send.service success
check 'what is pending: status 1' exits 1 as_tlsrpt tlsrpt-send --once --now
check 'what is refused is added' add refused.example https://192.0.2.1/in
check 'and is no failure of the unit' inside systemctl start --no-block \
    tlsrpt-send.service
refused()
{
	journal tlsrpt-send.service | grep -q 'refused.example.*outcome=refused'
}
check 'but said' wait_for 20 refused
inside systemctl stop tlsrpt-send.service
check 'the result is' result tlsrpt-send.service success
sed -i 's/^contact_info/#&/' "$R/etc/tlsrpt/tlsrpt.conf"
check 'without contact_info' fails start_send
check 'the unit has failed' result tlsrpt-send.service exit-code
sed -i 's/^#\(contact_info = \)/\1/' "$R/etc/tlsrpt/tlsrpt.conf"
inside mv /var/lib/tlsrpt/queue.db /var/lib/tlsrpt/kept
inside mkdir /var/lib/tlsrpt/queue.db
# Status 1, as with a refused report; so it is the log that has to tell.
queue_error()
{
	journal tlsrpt-send.service | grep -q 'error: \[queue\] database'
}
check 'without its queue' start_send
check 'an error is said' wait_for 20 queue_error
inside rmdir /var/lib/tlsrpt/queue.db
inside mv /var/lib/tlsrpt/kept /var/lib/tlsrpt/queue.db
inside systemctl reset-failed

# --- a reboot --------------------------------------------------------------

inside systemctl start --no-block tlsrpt-send.service
check 'a reboot while it delivers' rebooted
check 'the collector is back' is tlsrpt-spoold.service active
check 'so is the timer' is tlsrpt-send.timer active
check 'no unit has failed then' equal '' "$(failed_units)"
check 'datagrams are taken as before' through true
check 'and none is gone' all_there
timer()
{
	inside systemctl show -p TimersMonotonic tlsrpt-send.timer |
	    grep -q OnBootUSec=5min
}
check 'what is pending is tried again soon' timer

# --- by cron ---------------------------------------------------------------

inside systemctl disable -q --now tlsrpt-send.timer
check 'another day is added' add cron.example mailto:reader@reports.example
sed -i 's/^#23 1 \* \* \*\(.*tlsrpt-send\)$/* * * * *\1 --once/' \
    "$R/etc/cron.d/tlsrpt"
check 'the line for cron' grep '^\* ' "$R/etc/cron.d/tlsrpt"
check 'cron reports it' wait_for 130 mailed cron.example
sed -i '/^\*/d' "$R/etc/cron.d/tlsrpt"

# --- gone again ------------------------------------------------------------

check 'removed' inside apt-get remove -q -y tlsrpt
check 'the collector is gone' is tlsrpt-spoold.service inactive
check 'and the socket' gone_from_root \
    var/spool/postfix/run/tlsrpt/tlsrpt.sock
check 'what was collected is there' equal "$sent" "$(collected)"
check 'purged' inside apt-get purge -q -y tlsrpt
check 'nothing is left of it' gone_from_root var/spool/tlsrpt var/lib/tlsrpt \
    etc/systemd/system/multi-user.target.wants/tlsrpt-spoold.service \
    etc/systemd/system/timers.target.wants/tlsrpt-send.timer
finish
