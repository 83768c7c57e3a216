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
	"$build/tlsrpt-send" --config accepted.conf --check-config --no-dns
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
check 'the sample file is accepted' \
    "$build/tlsrpt-send" --config "$root/conf/tlsrpt.conf" --check-config
# What is opened only when it is needed is looked for now.
misses()
{
	sed "/^$2 /d; /^\\[$1\\]/a $2 = $T/nowhere" tlsrpt.conf >misses.conf
	"$build/tlsrpt-send" --config misses.conf --check-config --no-dns \
	    2>&1 | grep -qF "[$1] $2 $T/nowhere: No such file"
}
check 'a trust anchor that is not there is told' misses dns trust_anchor
check 'so are certificates for https' misses https ca_file
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
finish
