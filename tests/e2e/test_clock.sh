#!/usr/bin/env bash
# Nights that were missed, and a clock that jumps by days, back or forth: each
# day is reported all the same, once, with its own date-range, and delivered.
. "$(dirname "$0")/lib.sh"

shim=$build/tests/shim/wrong_clock.so
base=https://$https_host:$https_port
make_conf
conf_set dns rua_lookup never
conf_set https verify no
conf_set deliver retry_min 1s
conf_set deliver retry_max 1h
need test -e "$shim"
need start_nginx

# by SECONDS COMMAND...: with a clock that is wrong by as many
by()
{
	echo "$1" >wrong
	shift
	"$@"
}
run()
{
	LD_PRELOAD=$shim CLOCK_WRONG=$T/wrong \
	    ASAN_OPTIONS=verify_asan_link_order=0 send "$@"
}
# on DAYS-AGO NAME: a session at NAME.example
on()
{
	spool add --day "$(date -u -d "$1 days ago" +%F)" <(record "$2.example" \
	    "v=TLSRPTv1; rua=$base/$2") >/dev/null
}
# The reports that were posted to a path, as sessions, part and date-range.
posted()
{
	local file
	for file in $(jq -r "select(.uri == \"/$1\").file" posts.json); do
		zcat <"$file"
	done | jq -r '[(.policies[0].summary | .["total-successful-session-count"]
	    + .["total-failure-session-count"]),
	    .["report-id"][:10], .["date-range"][]] | join(" ")' | sort
}
# ranges DAYS-AGO...: what one session of each of these days comes to
ranges()
{
	local d
	for d; do
		d=$(date -u -d "$d days ago" +%F)
		echo "1 $d ${d}T00:00:00Z ${d}T23:59:59Z"
	done | sort
}
delivery()
{
	sql "select state, tries from delivery where uri = '$base/$1'"
}
days=86400

# A host that was off for a week, of which the records are there.
for n in 3 4 5 6 7 8 9; do
	on $n week
done
check 'after a week without a run, one does' by 0 run --once
check 'it makes a report of each day' equal "$(ranges 3 4 5 6 7 8 9)" \
    "$(posted week)"

# A clock that was days ahead, when spread and retries go by it.
conf_set deliver spread 4h
on 2 ahead
on 0 today
check 'a run with a clock 5 days ahead' exits 1 by $((5 * days)) run --once
check 'has put off all' equal '' "$(posted ahead)$(posted today)"
conf_set deliver spread 0
check 'one with the right clock' by 0 run --once
check 'takes that for what it is' equal "$(ranges 2)" "$(posted ahead)"
check 'today was reported early' equal "$(ranges 0)" "$(posted today)"
on 0 today
check 'tomorrow, the rest of today' by $days run --once
check 'is a further report' equal "$(ranges 0 0)" "$(posted today)"
check 'with its own id' equal 2 "$(sql "select count(distinct report_id)
    from report where domain = 'today.example'")"

# A day is over a quarter of an hour after midnight.
on 0 grace
midnight=$((days - $(date +%s) % days))
check 'five minutes after midnight' by $((midnight + 300)) run --once
check 'the day is not over' equal '' "$(posted grace)"
check 'twenty minutes after' by $((midnight + 1200)) run --once
check 'it is' equal "$(ranges 0)" "$(posted grace)"

# …and days behind.
on 2 behind
check 'for a clock 5 days behind nothing is over' by $((-5 * days)) run --once
check 'and nothing is lost' equal '' "$(posted behind)"
check 'a right one' by 0 run --once
check 'finds it' equal "$(ranges 2)" "$(posted behind)"

# Even one that is so far ahead that all is old.
on 2 old
check 'a run 90 days ahead' by $((90 * days)) run --once
on 2 old
check 'and one as it should be' by 0 run --once
check 'report nothing twice, and all' equal "$(ranges 2 2)" "$(posted old)"

# First tried in the future: it is no older than its tries are many.
on 2 busy
check 'tried with a clock ahead' exits 1 by $((5 * days)) run --once
check 'and again with the right one' exits 1 by 0 run --once
check 'it is still pending' equal 'pending|2' "$(delivery busy)"
check 'a day behind it is due' exits 1 by $((-5 * days)) run --once
check 'and pending' equal 'pending|3' "$(delivery busy)"

# While a run waits for the next try.
sql 'delete from delivery' && sql 'delete from report'
tries_are()
{
	(($(sql "select max(tries) from delivery") >= $1))
}
jump()
{
	conf_set deliver retry_min "$1"
	on "$2" busy
	echo 0 >wrong
	LD_PRELOAD=$shim CLOCK_WRONG=$T/wrong \
	    ASAN_OPTIONS=verify_asan_link_order=0 timeout 60 \
	    "$build/tlsrpt-send" --config "$T/tlsrpt.conf" \
	    --max-runtime "$3" >run.out 2>&1 &
	run=$!
	wait_for 20 tries_are 1
}
jump_back()
{
	jump 1h 3 6 || return
	echo $((-5 * days)) >wrong
	wait_for 10 tries_are 2 || return
	wait "$run"
	equal 1 $? && ((SECONDS - start < 12))
}
start=$SECONDS
check 'the clock goes back: it tries again, and ends in its time' jump_back
sql 'delete from delivery' && sql 'delete from report'
jump_forth()
{
	jump 1h 4 50 || return
	echo $((5 * days)) >wrong
	wait_for 10 tries_are 2 || return
	wait "$run"
	equal 1 $?
}
check 'it goes forth: it tries again' jump_forth
check 'which was the last time, by the clock' equal 'expired|2' \
    "$(delivery busy)"

# A day that is over while a run still waits for a dead destination.
dead_is_tried()
{
	[[ $(delivery busy) == 'pending|1' ]]
}
over_midnight()
{
	echo $((days - $(date +%s) % days + 900 - 4)) >wrong
	LD_PRELOAD=$shim CLOCK_WRONG=$T/wrong \
	    ASAN_OPTIONS=verify_asan_link_order=0 timeout 60 \
	    "$build/tlsrpt-send" --config "$T/tlsrpt.conf" \
	    --max-runtime 50 >run.out 2>&1 &
	run=$!
	wait_for 20 dead_is_tried && on 0 night && equal '' "$(posted night)" &&
	    wait_for 20 grep -q /night posts.json
}
sql 'delete from delivery' && sql 'delete from report'
conf_set deliver retry_min 1h
on 2 busy
check 'a run goes on over midnight: it reports that day too' over_midnight
kill -TERM "$run"
wait "$run"
check 'and that day only' equal "$(ranges 0)" "$(posted night)"
check 'the dead one was tried once' equal 'pending|1' "$(delivery busy)"
sql 'delete from delivery' && sql 'delete from report'
echo 0 >wrong

# In the middle of a pass: what fails then is not due in that pass.
cat >slow <<-END
	#!/bin/sh
	echo >>$T/tries
	while [ -e $T/hold ]; do sleep .05; done
	printf 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n'
	printf 'Connection: close\r\n\r\n'
END
chmod +x slow
socat OPENSSL-LISTEN:$((https_port + 1)),reuseaddr,fork,verify=0,cert=server.pem,key=server.key \
    EXEC:./slow >/dev/null 2>&1 &
socat=$!
trap 'kill $socat; stop_nginx' EXIT
base=https://$https_host:$((https_port + 1))
need wait_for 10 port_open $((https_port + 1))
conf_set deliver retry_min 5m
# in_a_pass SECONDS DAYS-AGO
in_a_pass()
{
	echo 0 >wrong
	: >tries
	: >hold
	on "$2" slow
	LD_PRELOAD=$shim CLOCK_WRONG=$T/wrong \
	    ASAN_OPTIONS=verify_asan_link_order=0 timeout 10 \
	    "$build/tlsrpt-send" --config "$T/tlsrpt.conf" --once \
	    >run.out 2>&1 &
	run=$!
	wait_for 10 test -s tries
	echo "$1" >wrong
	rm hold
	wait "$run"
	equal 'exit 1, 1 try' "exit $?, $(wc -l <tries) try" || return
	sql 'delete from delivery' && sql 'delete from report'
}
check 'in a pass it goes back by an hour: one try' in_a_pass -3600 5
check 'by days' in_a_pass $((-5 * days)) 6
check 'it goes forth by an hour' in_a_pass 3600 7
check 'by days' in_a_pass $((5 * days)) 8

# While DNS is asked where a report is wanted: it goes there in that pass.
base=https://$https_host:$https_port
conf_set dns rua_lookup if-missing
conf_set dns timeout 1
for name in hour-back days-back hour-forth; do
	dns_txt "_smtp._tls.$name.example" "v=TLSRPTv1; rua=$base/$name"
	need spool add --day "$day" <(record $name.example)
done
check 'without DNS nothing is sent' exits 1 by 0 run --once
need start_dns
need wait_for 10 test -s unbound.pid
dns=$(<unbound.pid)
conf_set dns timeout 10
asked()
{
	ss -Hlun "sport = :$dns_port" | awk '$2 > 0 { asked = 1 }
	    END { exit !asked }'
}
# in_a_look_up SECONDS NAME
in_a_look_up()
{
	echo 0 >wrong
	kill -STOP "$dns"
	LD_PRELOAD=$shim CLOCK_WRONG=$T/wrong \
	    ASAN_OPTIONS=verify_asan_link_order=0 timeout 30 \
	    "$build/tlsrpt-send" --config "$T/tlsrpt.conf" --once --now \
	    --domain "$2.example" >run.out 2>&1 &
	run=$!
	wait_for 10 asked || return
	echo "$1" >wrong
	kill -CONT "$dns"
	wait "$run"
	equal 'sent|1' "$(delivery "$2")"
}
check 'in a look-up it goes back by an hour: sent' in_a_look_up -3600 hour-back
check 'by days' in_a_look_up $((-5 * days)) days-back
check 'it goes forth by an hour' in_a_look_up 3600 hour-forth
stop_dns
finish
