#!/usr/bin/env bash
# The examples of spool/FORMAT do what it says: each is cut out and run, and
# what it handed over is counted.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
trap '[[ ${spoold:-} ]] && kill "$spoold"' EXIT

# example N FILE: the program of section 9.N
example()
{
	awk -v want="9.$1" '/^[^ ]/ { inside = $1 == want }
	    inside && /^  / { print substr($0, 3) }' \
	    "$root/spool/FORMAT" >"$2"
	test -s "$2"
}

make_conf
spool add </dev/null >/dev/null
"$build/tlsrpt-spoold" --config tlsrpt.conf 2>spoold.log &
spoold=$!
need wait_for 20 test -S tlsrpt.sock

n=0
while read -r number file run; do
	check "section 9.$number has a program" example "$number" "$file"
	# shellcheck disable=SC2086 # words
	check "it runs: $run" $run "$file" "$T/spool" "$T/tlsrpt.sock"
	check 'a file is in the drop-box, whole' \
	    equal "$((++n))" "$(find spool/incoming -name '[!.]*.jsonl' | wc -l)"
	check 'and nothing else' \
	    equal "$n" "$(find spool/incoming -type f | wc -l)"
done <<END
1 example.sh sh
2 example.py python3
3 example.lua lua5.4
END
kill "$spoold"
wait "$spoold"
spoold=
check 'the datagrams of shell and Python are in the spool' \
    equal 2 "$(jq -s 'map(select(.d) | .n // 1) | add' spool/days/*/*.seg)"
check 'all records are good' spool verify

# What is in the drop-box comes into the report, of whatever day it is.
while read -r day; do
	send --dry-run --day "$day" --out reports >/dev/null
done < <({ ls spool/days; TZ=UTC find spool/incoming -name "*.jsonl" -printf "%TF\n"; } | sort -u)
sum()
{
	jq -cs "[.[].policies[] |
	    select(.policy.\"policy-type\" == \"$1\").summary] |
	    [(map(.\"total-successful-session-count\") | add),
	    (map(.\"total-failure-session-count\") | add)]" reports/*.json
}
check 'shell: success without policy, Lua: failure' \
    equal '[2,1]' "$(sum no-policy-found)"
check 'Python: success with MTA-STS' equal '[2,0]' "$(sum sts)"
finish
