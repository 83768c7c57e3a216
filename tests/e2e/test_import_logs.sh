#!/usr/bin/env bash
# Logs of many processes on several hosts, as large sites have them, in every
# format that a syslog or the journal writes, over the turn of the year.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
export TZ=EST5		# of the stamps that name none: the model's ZONE

# sums: what the spool has of each day and domain
sums()
{
	local folder
	for folder in spool/days/*; do
		"$root/tests/data/totals.py" records "$folder"/*.seg |
		    jq -r --arg day "${folder##*/}" '.domains | to_entries[] |
		    "\($day) \(.key) \([.value[].successful] | add) " +
		    "\([.value[].failed] | add)" + ([.value[].results |
		    to_entries[] | " \(.key)*\(.value)"] | add // "")'
	done | sort
}

make_conf
need "$root/tests/e2e/maillog.py" . 8460 8000
total=$(awk '{ n += $3 + $4 } END { print n }' expected)
check 'the model has two years' \
    equal '2025 2026' "$(cut -c1-4 expected | sort -u | xargs)"
for format in traditional rsyslog short-iso; do
	rm -rf spool
	check "$format: imported" spool import "log.$format"
	check "$format: each session, its day and its fault" \
	    equal "$(sort expected)" "$(sums)"
done

# Rotated in the midst of deliveries: what is torn apart is lost, and said.
rm -rf spool
lines=$(($(wc -l <log.rsyslog) / 2))
head -n $lines log.rsyslog | gzip -c >log.2.gz
tail -n +$((lines + 1)) log.rsyslog >log.1
spool import log.2.gz log.1 >said 2>&1
read -r sessions torn < <(sed -E \
    's/.* ([0-9]+) sessions.* ([0-9]+) handshakes without.*/\1 \2/' said |
    awk '{ s += $1; t += $2 } END { print s, t }')
check "rotated: $((total - sessions)) of $total lost, $torn torn" \
    test $((total - sessions)) -ge 0 -a $((total - sessions)) -le "$torn" \
    -a "$torn" -gt 0 -a "$torn" -le 120
finish
