# Sourced by the bench scripts.  What is compared is measured in turns, in the
# same run: on a busy machine the ratio of medians says more than any time.
# shellcheck shell=bash
set -eu
export LC_ALL=C
build=$(realpath "${1:?usage: $0 BUILD-DIR}")
bench=$build/tests/bench
data=$build/bench		# what is expensive to make is kept there
day=$(date -u -d yesterday +%F)	# one that is over
mkdir -p "$data"
scratch=$(mktemp -d "$data/scratch.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
unset wall rss cpu
declare -A wall rss cpu		# samples of each name: us, KB, us
may_exit=0			# the highest exit status that is no failure

# sample NAME COMMAND [ARG]...: run it once and keep what it took.
sample()
{
	local name=$1 start end status=0 kb user system
	shift
	start=${EPOCHREALTIME/./}
	/usr/bin/time -q -o "$scratch/time" -f '%M %U %S' "$@" \
	    >"$scratch/out" 2>"$scratch/err" || status=$?
	end=${EPOCHREALTIME/./}
	((status <= may_exit)) || {
		echo "exit status $status: $*" >&2
		cat "$scratch/err" >&2
		exit 1
	}
	read -r kb user system <"$scratch/time"
	wall[$name]+=" $((end - start))"
	rss[$name]+=" $kb"
	cpu[$name]+=" $(awk "BEGIN { printf \"%.0f\",
	    1000000 * ($user + $system) }")"
}

# configure: a configuration in $scratch, whose first tries are hours away.
configure()
{
	cat >"$scratch/tlsrpt.conf" <<-END
	[report]
	organization_name = Example Sender
	contact_info = tls-reports@sender.example
	[spool]
	directory = $scratch/spool
	runtime_directory = $scratch
	source = bench
	[queue]
	database = $scratch/queue.db
	[dns]
	rua_lookup = never
	[deliver]
	spread = 20h
	[log]
	level = warn
	END
}

# sample_add NAME FILE: into a spool that is new.
sample_add()
{
	rm -rf "$scratch/spool"
	sample "$1" "$build/tlsrpt-spool" --config "$scratch/tlsrpt.conf" \
	    add --day "$day" "$2"
}

# sample_send NAME: to queued reports; their delivery stays pending (1).
sample_send()
{
	rm -f "$scratch"/queue.db*
	may_exit=1
	sample "$1" "$build/tlsrpt-send" --config "$scratch/tlsrpt.conf" \
	    --day "$day" --once
	may_exit=0
}

# make_due: all that is queued, also the few that have been sent by now.
make_due()
{
	sqlite3 "$scratch/queue.db" "update delivery set next_try = 0,
	    state = 'pending', first_try = 0, tries = 0, ended = 0, note = NULL"
}

# record N RUA: of domain number N, which wants its reports there.
record()
{
	printf '{"d":"d%d.example","pr":"v=TLSRPTv1; rua=%s",' "$1" "$2"
	printf '"policies":[{"policy-type":9,"t":1,"f":1,'
	printf '"failure-details":[{"c":202,"s":"192.0.2.%d",' $(($1 % 250))
	printf '"n":"mx%d.example","r":"198.51.100.7"}]}]}\n' "$1"
}

# median NUMBER...
median()
{
	printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"
}

# times NAME: medians of a name's samples, for people.
times()
{
	# shellcheck disable=SC2086 # lists of numbers
	printf '  %-28s %8.3f s  %8.3f s CPU  %7.1f MB\n' "$1" \
	    "$(median ${wall[$1]})e-6" "$(median ${cpu[$1]})e-6" \
	    "$(awk "BEGIN { print $(median ${rss[$1]}) / 1024 }")"
}

# ratio wall|cpu|rss NAME YARDSTICK: of their medians.
ratio()
{
	local -n samples=$1
	# shellcheck disable=SC2086 # lists of numbers
	awk "BEGIN { printf \"%.2f\",
	    $(median ${samples[$2]}) / $(median ${samples[$3]}) }"
}

# goal WHAT VALUE MOST [UNIT]: say whether a goal is met.
goal()
{
	local verdict=met
	awk "BEGIN { exit !($2 > $3) }" && verdict=MISSED
	printf 'goal: %s: %s%s, at most %s%s: %s\n' "$1" "$2" "${4-}" "$3" \
	    "${4-}" "$verdict"
}

# records NAME OPTION...: the file $data/NAME.jsonl by these options, and the
# totals to expect of it, $data/NAME.json.  Reads it once, to have it cached.
records()
{
	local file=$data/$1.jsonl
	shift
	if [[ ! -e $file || $bench/gen -nt $file ]]; then
		"$bench/gen" --expect "${file%l}" "$@" >"$file.new"
		mv "$file.new" "$file"
	fi
	cat "$file" >/dev/null
}
