#!/usr/bin/env bash
# tlsrpt-spool(5) says what the code does: its keys, numbers and limits are
# those of the sources, and its examples, cut out and run, hand over what they
# say.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
trap '[[ ${spoold:-} ]] && kill "$spoold"' EXIT
page=$root/spool/tlsrpt-spool.5

# part TITLE: a .Sh or .Ss of the page
part()
{
	awk -v want="$1" '/^\.S[hs] / { inside = substr($0, 5) == want }
	    inside' "$page"
}
page_keys()
{
	local title
	for title; do
		part "$title" | sed -nE 's/^\.It Cm (.*)$/\1/p'
	done | sort -u
}
# Whatever a source file asks jansson or its own helpers for, but for what it
# does not look at.
code_keys()
{
	tr '\n' ' ' <"$root/$1" | grep -oE "$2" | grep -oE '"[a-z_-]+"' |
	    tr -d '"' | sort -u
}
getters='(json_object_get|(get|member)_[a-z]+)\((rd, )?(obj|root),[[:space:]]*"[^"]*"'
check 'keys of a record are those that are read' equal \
    "$({ code_keys spool/record.c "$getters|key = \"[^\"]*\""; echo t; } |
	sort -u)" \
    "$(page_keys 'Keys of the record' 'Keys of a policy' \
	'Keys of a failure detail')"
check 'keys of a header, too' equal \
    "$(code_keys spool/segment.c \
	'(text|number|json_object_get)\(o, "[^"]*"')" \
    "$(page_keys 'The header')"

code_results()
{
	sed -nE 's/^\t\{ "([a-z-]+)",\t+([A-Z_]+) \},$/\2 \1/p' \
	    "$root/spool/record.c" | while read -r name text; do
		sed -nE "s/^\t$name = ([0-9]{3}),?\$/\1 $text/p" \
		    "$root/spool/record.h"
	done | sort
}
page_results()
{
	sed -nE '/^\.It [0-9]{3}$/ { N; s/^\.It ([0-9]+)\n\.Li (.*)/\1 \2/p }' \
	    "$page" | sort
}
check 'result types are those of the table' equal "$(code_results)" \
    "$(page_results)"
check 'and there are eleven' equal 11 "$(page_results | wc -l)"

# limit HEADER NAME SENTENCE: with the value in place of N
limit()
{
	local value
	value=$(sed -nE "s/^#define $2[[:space:]]+([0-9]+).*/\1/p" "$root/$1")
	[[ $value ]] || return
	value=$(sed -E ':a; s/^([0-9]+)([0-9]{3})/\1,\2/; ta' <<<"$value")
	tr '\n' ' ' <"$page" | grep -qF -- "${3/N/$value}"
}
while IFS='|' read -r header name sentence; do
	check "limit $name" limit "$header" "$name" "$sentence"
done <<'END'
spool/record.h|RECORD_MAX|At most N bytes, in one line
spool/record.h|RECORD_POLICIES_MAX|array, required, of 1 to N objects
spool/record.h|RECORD_STRINGS_MAX|array of up to N texts. TLSA:
spool/record.h|RECORD_STRINGS_MAX|array of up to N texts: the mx patterns
spool/record.h|RECORD_STRING_MAX|Of a text N bytes are kept.
spool/record.h|RECORD_FAILURES_MAX|array of up to N objects
spool/record.h|RECORD_HELO_MAX|of h N.
spool/record.h|RECORD_TEXT_MAX|Of a and f N bytes are kept
spool/record.h|RECORD_TXT_MAX|More than N bytes are as none.
spool/segment.h|SEGMENT_HEADER_MAX|of at most N bytes with its newline
spool/segment.h|SEGMENT_ID_MAX|text of 1 to N bytes, required. Unique
END

# example LANGUAGE FILE: its program, without the escapes of the page
example()
{
	awk -v want="$1:" '/^\.S[hs] / { inside = $2 == want }
	    /^\.Bd/ { code = 1; next } /^\.Ed/ { code = 0 } inside && code' \
	    "$page" | sed 's/^\\&//; s/\\e/\\/g' >"$2"
	test -s "$2"
}

make_conf
spool add </dev/null >/dev/null
"$build/tlsrpt-spoold" --config tlsrpt.conf 2>spoold.log &
spoold=$!
need wait_for 20 test -S tlsrpt.sock

n=0
while read -r language file run; do
	check "$language has a program" example "$language" "$file"
	# shellcheck disable=SC2086 # words
	check "it runs: $run" $run "$file" "$T/spool" "$T/tlsrpt.sock"
	check 'a file is in the drop-box, whole' \
	    equal "$((++n))" "$(find spool/incoming -name '[!.]*.jsonl' | wc -l)"
	check 'and nothing else' \
	    equal "$n" "$(find spool/incoming -type f | wc -l)"
done <<END
Shell example.sh sh
Python example.py python3
Lua example.lua lua5.4
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
