#!/usr/bin/env bash
# The collector as an operator meets it: sockets, signals, privileges, disks
# that are full, read-only or gone, and kill -9.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

spoold=$build/tlsrpt-spoold
today=$(date -u +%F)
if [[ ! -x $spoold ]]; then
	skip "the collector" "it is not there"
	finish
fi

# configure [KEY VALUE]...: in [spool], for everything that follows
configure()
{
	local -A settings=(
		[directory]=$T/spool
		[runtime_directory]=$T/run
		[socket]=$T/sock/tlsrpt.sock
		[source]=mta1
		[ring_size]=4M
		[sync_interval]=0
	)
	local key
	while (($# > 0)); do
		settings[$1]=$2
		shift 2
	done
	echo '[spool]' >tlsrpt.conf
	for key in "${!settings[@]}"; do
		echo "$key = ${settings[$key]}" >>tlsrpt.conf
	done
}

# run [ARG]...: the collector in the background, ready when this returns
run()
{
	: >log
	"$@" "$spoold" --config "$T/tlsrpt.conf" 2>>log &
	pid=$!
	wait_for 10 grep -q 'listens to' log
}

# Its exit status is ours.
stop()
{
	kill -TERM "$pid" && wait "$pid"
}

load()
{
	timeout 60 "$root/tests/e2e/spoold.py" "$@"
}
put()
{
	load send "$T/sock/tlsrpt.sock" "$@"
}
all_there()
{
	load count "$T/spool" "$@"
}
said()
{
	wait_for 10 grep -q "$1" log
}
# written N: so many records are in the open segment, below its header
written()
{
	(($(cat spool/days/*/*.open 2>/dev/null | wc -l) > $1))
}
# There is one.
open_segment()
{
	[[ $(find spool -name '*.open' 2>/dev/null) ]]
}
fresh()
{
	rm -rf spool run sock
}

# --- a day's work ----------------------------------------------------------

configure metrics_file "$T/metrics"
need run
check "one that runs already is left alone" exits 75 "$spoold" \
    --config tlsrpt.conf
check "records are taken" put 0 2000
check "and what is none" load junk "$T/sock/tlsrpt.sock"
kill -USR1 "$pid"
check "SIGUSR1 logs the counters" said 'counters received=2002 rejected=2'
check "SIGTERM: all is written, exit 0" stop
check "and sealed" test -z "$(find spool -name '*.open')"
check "each is there once" all_there 0 2000
check "what is none is kept, with the reason" \
    equal '"no record" does not begin with '"'{'" "$(jq -r \
    'select(.line == "no record") | "\(.line | tojson) \(.reason)"' \
    "spool/rejected/$today.jsonl" spool/rejected/*.jsonl | head -n 1)"
check "tlsrpt-spool verify finds nothing" spool verify
check "the socket is gone" test ! -e sock/tlsrpt.sock
check "the ring is gone" test ! -e run/ring
check "the metrics say the same" grep -qx 'tlsrpt_spoold_synced_total 2000' \
    metrics

fresh
need run
load junk "$T/sock/tlsrpt.sock"
check "the metrics have the end, too" stop
check "whatever the last thing was" grep -qx \
    'tlsrpt_spoold_received_total 2' metrics

# --- the kernel's queue ----------------------------------------------------

if [[ $ISOLATED ]]; then
	# nice of the threads: main, receive, write, seal
	fresh
	configure
	sysctl -qw net.unix.max_dgram_qlen=512
	need run
	check "a long queue is good" exits 1 grep -q max_dgram_qlen log
	if [[ $(nice -n -20 nice 2>/dev/null) == -20 ]]; then
		nices()
		{
			[[ $(for i in "/proc/$pid/task/"*; do
				awk '{ print $19 }' "$i/stat"
			    done | xargs) == "$1" ]]
		}
		check "who reads it goes first" wait_for 10 nices \
		    "-20 -20 0 10"
	else
		skip "who reads it goes first" "no CAP_SYS_NICE"
	fi
	check_slice "and at once" "$pid"
	check "stops" stop
	sysctl -qw net.unix.max_dgram_qlen=10
	need run
	check "a short one is warned of" grep -q 'max_dgram_qlen is 10' log
	check "stops" stop
else
	skip "the kernel's queue" "no network namespace"
fi

# --- the socket ------------------------------------------------------------

fresh
configure socket_mode 0620 socket_owner nobody socket_group daemon
need run
check "owner, group and mode are as wanted" equal "nobody daemon 620" \
    "$(stat -c '%U %G %a' sock/tlsrpt.sock)"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
check "a dead one's socket is replaced" run
configure runtime_directory "$T/run2"
"$spoold" --config tlsrpt.conf 2>log2
check "a live one's is not" equal 1 "$?"
check "which is said" grep -q 'another program listens' log2
check "and still works" put 0 10
check "as before" stop
mkdir -p sock
echo precious >sock/tlsrpt.sock
check "a file of that name is left alone" exits 1 "$spoold" \
    --config tlsrpt.conf
check "and has what it had" equal precious "$(cat sock/tlsrpt.sock)"
touch file
configure runtime_directory "$T/file"
"$spoold" --config tlsrpt.conf 2>log2
check "a file for a folder is status 1" equal 1 "$?"
check "and the setting is named" \
    grep -qF "[spool] runtime_directory $T/file: Not a directory" log2

configure user nosuch socket_group nosuch-either
check "a user that does not exist is told before the start" exits 2 "$spoold" \
    --config tlsrpt.conf --check-config
check "so is a group" equal \
    'tlsrpt.conf: [spool] user nosuch: there is no such user
tlsrpt.conf: [spool] socket_group nosuch-either: there is no such group' \
    "$(<check.out)"

# --- privileges ------------------------------------------------------------

if ((EUID == 0)) && id nobody >/dev/null 2>&1; then
	fresh
	configure user nobody
	chmod 755 "$T"
	need run
	check "it is somebody else" equal "$(id -u nobody)" \
	    "$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")"
	check "with that one's groups only" equal "$(id -G nobody)" \
	    "$(awk '/^Groups:/ { $1 = ""; print }' "/proc/$pid/status" |
	    xargs)"
	check "and without capabilities" equal 0000000000000000 \
	    "$(awk '/^CapEff:/ { print $2 }' "/proc/$pid/status")"
	check "takes records" put 0 100
	check "stops" stop
	check "and has written them" all_there 0 100
else
	skip "privileges" "not root"
fi

# --- signals, service manager ----------------------------------------------

fresh
configure
need run
configure segment_size 8K directory "$T/elsewhere"
kill -HUP "$pid"
check "SIGHUP: what needs a restart is said" said 'directory has changed'
check "what does not is used" said 'has been read again'
echo 'nonsense = 1' >>tlsrpt.conf
kill -HUP "$pid"
check "a wrong one changes nothing" said 'going on with the old'
configure
put 0 1000
check "stops" stop
check "all is there" all_there 0 1000
check "in more than one segment" test "$(find spool -name '*.seg' |
    wc -l)" -gt 5

fresh
check "the service manager is told" load notify "$spoold" "$T/tlsrpt.conf"
fresh
check "and goes on to be while the disk does not answer" load stuck "$spoold" \
    "$T/tlsrpt.conf" "$T/sock/tlsrpt.sock"

if command -v systemd-socket-activate >/dev/null; then
	fresh
	mkdir sock
	: >log
	systemd-socket-activate --datagram -l "$T/sock/tlsrpt.sock" \
	    "$spoold" --config "$T/tlsrpt.conf" 2>>log &
	pid=$!
	wait_for 10 test -S sock/tlsrpt.sock
	check "systemd's socket is taken" put 0 500
	check "and said" said 'listens to the socket passed to it'
	wait_for 10 open_segment
	check "stops" stop
	check "all is there" all_there 0 500
	check "the socket stays" test -S sock/tlsrpt.sock
else
	skip "systemd's socket" "no systemd-socket-activate"
fi

fresh
configure
mkfifo log.pipe
exec 8<>log.pipe
exec 9>log.pipe
exec 8<&-
"$spoold" --config tlsrpt.conf 2>&9 &
pid=$!
need wait_for 10 test -S sock/tlsrpt.sock
put 0 100
kill -USR1 "$pid"
put 100 100
check "nobody reads its log: it goes on, and stops with 0" stop
check "nothing is missing, nothing twice" all_there 0 200
exec 9>&-

# --- disks -----------------------------------------------------------------

if [[ $ISOLATED ]]; then
	fresh
	configure
	mkdir spool
	mount -t tmpfs -o size=1m tmpfs spool
	need run
	put 0 100
	wait_for 10 open_segment
	dd if=/dev/zero of=spool/ballast bs=4k status=none 2>/dev/null
	check "disk full: records are taken" put 100 4000
	check "and the disk is named" said "$T/spool: .*No space left"
	rm spool/ballast
	check "when there is room again, that is said" said 'written again'
	check "stops" stop
	check "nothing is missing, nothing twice" all_there 0 4100
	check "no warning about torn lines" exits 1 grep torn log
	umount spool

	fresh
	mkdir spool
	mount -t tmpfs tmpfs spool
	mkdir -p spool/{days,incoming,rejected}
	mount -o remount,ro spool
	need run
	check "read-only: records are taken" put 0 1000
	check "and that is said" said "$T/spool: .*Read-only"
	mount -o remount,rw spool
	check "when it can be written again, that is said" said 'written again'
	put 1000 1000
	check "stops" stop
	check "nothing is missing, nothing twice" all_there 0 2000
	umount spool

	fresh
	configure ring_size 8M
	mkdir run
	mount -t tmpfs -o size=6m tmpfs run
	check "no memory for the ring: exit 1" exits 1 timeout 20 "$spoold" \
	    --config tlsrpt.conf
	check "and nothing of it is left" test -z "$(ls run)"
	configure
	need run
	put 0 100
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	fallocate -p -o 2M -l 1M run/ring
	dd if=/dev/zero of=run/ballast bs=4k status=none 2>/dev/null
	check "nor for what somebody took out of it: exit 1" exits 1 \
	    timeout 20 "$spoold" --config tlsrpt.conf
	rm run/ballast
	check "there is: it runs" run
	check "stops" stop
	check "nothing is missing, nothing twice" all_there 0 100
	umount run
else
	skip "disk full, read-only" "no namespace to mount in"
fi

# While a segment is open, only an error makes a file system read-only: ext4
# does that with itself when it is told that there is one.
mount_disk()
{
	mount -o loop,errors=remount-ro disk spool
}
breaker()
{
	local dev
	dev=$(findmnt -n -o SOURCE spool) &&
	    echo "/sys/fs/ext4/${dev##*/}/trigger_fs_error"
}
fresh
configure
mkdir spool
if [[ $ISOLATED ]] && truncate -s 16M disk &&
    mke2fs -q -F -t ext4 disk 2>/dev/null && mount_disk 2>/dev/null &&
    [[ -w $(breaker) ]]; then
	need run
	put 0 1000
	need wait_for 10 written 1000
	echo 1 >"$(breaker)"
	check "read-only under an open segment: records are taken" put 1000 1000
	check "and that is said" said "$T/spool: .*Read-only"
	check "what was written can be read" all_there 0 1000
	kill -TERM "$pid"
	wait "$pid"
	check "exit 1, as it stays so" equal 1 "$?"
	umount spool
	e2fsck -fy disk >/dev/null 2>&1
	mount_disk
	check "repaired: the next one" run
	check "takes more" put 2000 100
	check "stops" stop
	check "nothing is missing, nothing twice" all_there 0 2100
	umount spool
else
	skip "read-only under an open segment" "no ext4 on a loop device here"
fi

fresh
configure sync_interval 1
need run
put 0 100
need wait_for 10 written 100
mv spool gone
check "folders vanish: records are taken" put 100 100
check "which is said" said 'taken away'
check "stops" stop
check "what came then is in new ones" all_there 100 100

fresh
configure ring_size 1M
need run
rm -r spool
echo 'in the way' >spool
for ((i = 1; i <= 4; i++)); do
	put $((8000 * (i - 1))) 8000
	kill -USR1 "$pid"
	wait_for 10 grep -q "counters received=$((8000 * i)) " log
done
check "the ring is full: what is lost is said, not each time" equal 1 \
    "$(grep -c 'datagrams were lost since the start' log)"
rm spool
check "there is room again" said 'written again'
check "stops" stop
lost=$(grep -o ' lost=[0-9]*' log | tail -n 1 | cut -d= -f2)
check "all but what was counted as lost is there" equal $((32000 - lost)) \
    "$(cat spool/days/*/*.seg | grep -c '"number"')"
check "each once" exits 1 grep -q '"n":' spool/days/*/*.seg

fresh
configure
need run
rm -r spool
echo 'in the way' >spool
check "something is in the way: records are taken" put 0 100
check "which is said" said "$T/spool: "
kill -TERM "$pid"
wait "$pid"
check "exit 1 when the ring could not be emptied" equal 1 "$?"
rm spool
check "the next one" run
check "stops" stop
check "and has written what was left" all_there 0 100

# --- death -----------------------------------------------------------------

mkdir death
check "kill -9 at 50 random moments" load kill "$spoold" "$T/death" 8460 50

finish
