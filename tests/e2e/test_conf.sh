#!/usr/bin/env bash
# The configuration as an operator meets it, and one instance at a time.
. "$(dirname "$0")/lib.sh"

corpus=$root/tests/corpus/conf
make_conf
touch exclude map password root.key

# NAME.conf draws one complaint per line of NAME.out, which begins with it.
complains()
{
	local conf=$1 n=0 want got
	(cd "$corpus/invalid" &&
	    "$build/tlsrpt-send" --config "$conf" --check-config) 2>err >out
	equal 'exit 2' "exit $?" || return
	while IFS= read -r want <&3; do
		IFS= read -r got <&4
		((n++))
		[[ $got == "$want"* ]] && continue
		printf 'complaint %d\nwanted: %s...\ngot:    %s\n' "$n" \
		    "$want" "$got"
		return 1
	done 3<"$corpus/invalid/${conf%.conf}.out" 4<err
	equal "$n complaints" "$(grep -c . err) complaints"
}
# Keys are read, so they have to be there.
accepts()
{
	sed "s|/etc/tlsrpt/|$T/|; s|/usr/share/dns/|$T/|" "$corpus/valid/$1" >accepted.conf
	"$build/tlsrpt-send" --config accepted.conf --print-config
}

for file in "$corpus"/invalid/*.conf; do
	file=${file##*/}
	check "refused: ${file%.conf}" complains "$file"
done
for file in "$corpus"/valid/*.conf; do
	file=${file##*/}
	check "accepted: ${file%.conf}" accepts "$file"
done

print()
{
	"$build/tlsrpt-send" --config "$1" --print-config
}
print tlsrpt.conf >printed.conf
check 'what --print-config prints reads back the same' \
    diff printed.conf <(print printed.conf)
check 'the sample file is not enough to send reports' exits 2 \
    "$build/tlsrpt-send" --config "$root/conf/tlsrpt.conf" --once
check 'it is said what has to be set' equal \
    $'[report] organization_name: not set\n[report] contact_info: not set' \
    "$(sed -n 's/.*tlsrpt.conf: \(.*\), allowed:.*/\1/p' check.out)"
check 'the tools of the spool are content with it' "$build/tlsrpt-spool" \
    --config "$root/conf/tlsrpt.conf" --help
# What is opened only when it is needed is looked for now.
misses()
{
	sed "/^$2 /d; /^\\[$1\\]/a $2 = $T/nowhere" tlsrpt.conf >misses.conf
	"$build/tlsrpt-send" --config misses.conf --check-config --no-dns \
	    2>&1 | grep -qF "[$1] $2 $T/nowhere: No such file"
}
check 'a trust anchor that is not there is told' misses dns trust_anchor
check 'so are certificates for https' misses https ca_file

# holds SECTION KEY FILE TEXT: this is told of what is in it
holds()
{
	sed "/^$2 /d; /^\\[$1\\]/a $2 = $T/$3" tlsrpt.conf >holds.conf
	exits 2 timeout 20 "$build/tlsrpt-send" --config holds.conf \
	    --check-config --no-dns >said 2>&1
	cat said
	grep -qxF "holds.conf: $4" said
}
echo >line
echo none >anchor
none='no certificates: no certificate or crl found'
check 'a file with no certificates for https' holds https ca_file line \
    "[https] ca_file $T/line: $none"
check 'and for the smarthost' holds mail ca_file line \
    "[mail] ca_file $T/line: $none"
check 'a folder in its place' holds https ca_file spool \
    "[https] ca_file $T/spool: $none"
check 'a trust anchor that is none' holds dns trust_anchor anchor \
    "[dns] $T/anchor: initialization failure"
check 'a folder in its place' holds dns trust_anchor spool \
    "[dns] trust_anchor $T/spool: not a plain file"
conf_set mail user someone
check 'a file with no password' holds mail password_file line \
    "[mail] password_file $T/line: its first line holds no password"
sed -i '/^user = someone/d' tlsrpt.conf

# As a run would find it.
ready()
{
	"$build/tlsrpt-send" --config ready.conf --check-config --no-dns
}
as_nobody()
{
	setpriv --reuid nobody --regid nogroup --clear-groups \
	    "$build/tlsrpt-send" --config "$T/ready.conf" --check-config \
	    --no-dns
}
# objects KEY TEXT [COMMAND]: with this text about this key, and status 1
objects()
{
	exits 1 "${3:-ready}" >said 2>&1
	cat said
	grep -qF "ready.conf: $1: $2" said && fails grep 'all well' said
}
make_ready()
{
	rm -rf ready
	mkdir -p ready/{spool,lib}
	sed "/^database /d; /^directory /d; /^archive_dir/d
	    /^\[queue\]/a database = $T/ready/lib/queue.db
	    /^\[spool\]/a directory = $T/ready/spool
	    /^\[deliver\]/a archive_dir = $T/ready/made/later
	    /^\[deliver\]/a metrics_file = $T/ready/lib/tlsrpt.prom" \
	    tlsrpt.conf >ready.conf
	chown -R nobody ready
	chgrp nogroup rsa.key ed25519.key
	chmod 640 rsa.key ed25519.key
}
make_ready
check 'where folders are there, or can be made, all is well' ready
check 'for another user, too' as_nobody
check 'looking makes nothing' equal 'ready ready/lib ready/spool' \
    "$(find ready | sort | xargs)"
rmdir ready/lib
check 'a folder for the queue is missed' objects '[queue] database' \
    "folder $T/ready/lib: No such file"
check 'one for metrics is missed' objects '[deliver] metrics_file' \
    "folder $T/ready/lib: No such file"
touch ready/lib
check 'a file is no folder' objects '[queue] database' \
    "$T/ready/lib is not a folder"
make_ready
chown root ready/lib
check 'one that is not his is told to who runs it' objects \
    '[queue] database' "nobody may not write in folder $T/ready/lib" as_nobody
check 'and not to others' ready
make_ready
check 'what root runs by hand' "$build/tlsrpt-send" --config ready.conf --once
check 'leaves nothing that is his' equal '' \
    "$(find ready/spool ready/lib ! -user nobody)"
check 'so that the nightly run goes on' setpriv --reuid nobody \
    --regid nogroup --clear-groups "$build/tlsrpt-send" \
    --config "$T/ready.conf" --once
chmod 600 rsa.key
check 'a key for root only is told to root' exits 2 ready
chmod 640 rsa.key
chmod 600 ready.conf
check 'so are settings' grep -qxF 'ready.conf: nobody may not read it' \
    <(ready 2>&1)
make_ready
chmod 644 ready.conf
touch ready/lib/queue.db-wal
chmod 600 ready/lib/queue.db-wal
check "so is a file of another's" objects '[queue] database' \
    "nobody may not write $T/ready/lib/queue.db-wal" as_nobody
make_ready
echo mistyped >ready/lib/queue.db
chown nobody ready/lib/queue.db
check 'what is no queue is told' objects \
    "[queue] database $T/ready/lib/queue.db" \
    'cannot read: file is not a database'
make_ready
mkdir ready/spool/days
check 'a folder of the spool' objects '[spool] directory' \
    "nobody may not write in folder $T/ready/spool/days" as_nobody
make_ready
rmdir ready/spool
chown root ready
check 'a spool that is not there' objects '[spool] directory' \
    "folder $T/ready/spool: No such file or directory" as_nobody
check 'an archive that cannot be made' objects '[deliver] archive_dir' \
    "nobody may not write in folder $T/ready" as_nobody
make_ready
chmod 644 rsa.key
check 'a key that all may read' objects "[dkim] key_file $T/rsa.key" \
    'mode 0644 lets others read it: chmod 640'
chmod 660 ed25519.key
check 'a key that others may change' objects \
    "[dkim] ed25519_key_file $T/ed25519.key" \
    'mode 0660 lets others change it: chmod 640'
make_ready
# The system's certificates, for those who did not set their own.
trusting()
{
	SSL_CERT_FILE=$T/line SSL_CERT_DIR=$T/spool ready
}
sed -i '/^ca_file/d' ready.conf
bundle=/etc/ssl/certs/ca-certificates.crt
check 'with the certificates of the system, all is well' ready
check 'a system without is told, of the smarthost' objects '[mail] ca_file' \
    "not set, and this system has no certificates in $T/line" trusting
if [[ $ISOLATED && -e $bundle ]]; then
	mount --bind line $bundle
	check 'and of https' objects '[https] ca_file' \
	    "not set, and this system has no certificates in $bundle"
	umount $bundle
else
	skip 'and of https' 'not among mounts of its own'
fi
make_ready

unheard()
{
	"$build/tlsrpt-send" --config tlsrpt.conf --once 2>&-
}
unwritten()
{
	"$build/tlsrpt-send" --config tlsrpt.conf --print-config >/dev/full
	equal 1 $?
}
check 'with standard error closed, the log goes nowhere' unheard
check 'above all into no file of ours' equal 0 "$(stat -c %s queue.db.lock)"
check 'settings that could not be printed are no success' unwritten
check 'more seconds than there are' exits 2 \
    "$build/tlsrpt-send" --config tlsrpt.conf --max-runtime 9223372036854775807
# DNS does not answer, for longer than anybody waits.
sed '/^timeout = 2$/s/2/5m/' tlsrpt.conf >patient.conf
interrupted()
{
	timeout -s "$1" 1 "$build/tlsrpt-send" --config patient.conf \
	    "${@:2}"
	equal 124 $?
}
check 'a look at what DNS says can be interrupted' interrupted INT \
    --explain nowhere.example
check 'a file that is not there is status 2' \
    exits 2 "$build/tlsrpt-send" --config nowhere.conf --check-config

for program in tlsrpt-send tlsrpt-spool tlsrpt-spoold tlsrpt-show \
    tlsrpt-check; do
	[[ -x $build/$program ]] || continue
	check "$program --version" "$build/$program" --version
	check "$program --help" "$build/$program" --help
	check "$program refuses an option it does not have" \
	    exits 2 "$build/$program" --no-such-option
done

# A first instance that has work left: its destination answers 503.
need start_nginx
need spool add --day "$day" <(record busy.example \
    "v=TLSRPTv1; rua=https://$https_host:$https_port/busy")
conf_set dns rua_lookup never
conf_set deliver retry_min 1h
start_dns && dns_ours
send --now >first.out 2>&1 &
first=$!
need wait_for 20 test -s posts.json
second()
{
	local start=$SECONDS
	exits 75 send && ((SECONDS - start < 5))
}
check 'a second instance exits 75 at once' second
check 'with --once too' exits 75 send --once
check 'but may do a dry run' send --dry-run
check 'the first goes on' kill -0 $first
pkill -TERM -P $first
wait $first
check 'after it has gone the lock is free' exits 1 send --once
conf_set queue database "$T/tlsrpt.conf/queue.db"
check 'where no run is possible the status is 1' exits 1 send --once
conf_set queue database "$T/queue.db"
conf_set spool directory "$T/spol"
mistyped()
{
	exits 1 send --once 2>err && grep -q "$T/spol: No such file" err &&
	    [[ ! -e spol ]]
}
check 'a spool that nobody ever wrote to is not made' mistyped
finish
