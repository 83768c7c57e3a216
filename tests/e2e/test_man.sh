#!/usr/bin/env bash
# The manual pages: what they say of options, commands, settings and exit is
# what the programs say themselves.
. "$(dirname "$0")/lib.sh"

# Pages of other packages need not be installed where this runs.
clean_page()
{
	mandoc -T lint "$1" 2>&1 | grep -vE \
	    'referenced manual not found|outdated mandoc.db|missing mandoc.db'
	return $((PIPESTATUS[1] == 0))
}

# What --help of a program, or its page, names: options, commands, statuses.
help_options()
{
	"$build/$1" --help | grep -oE -- '(^|[ [,])--?[a-z][a-z-]*' |
	    tr -d ' [,' | sort -u
}
page_options()
{
	sed -nE '/^\.It Fl/!d; s/^\.It //; s/ Ar .*//; s/Fl //g; s/ , /\n/g; p' \
	    "$1" | sed 's/^/-/' | sort -u
}
synopsis_options()
{
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$1" |
	    grep -oE 'Fl [a-z-]+' | sed 's/Fl /-/' | sort -u
}
help_commands()
{
	"$build/$1" --help | sed -nE 's/^  ([a-z]+)( .*)?$/\1/p' | sort -u
}
page_commands()
{
	sed -n '/^The commands are/,/^The options are/p' "$1" |
	    sed -nE 's/^\.It Cm ([a-z]+)$/\1/p' | sort -u
}
help_statuses()
{
	"$build/$1" --help | sed -n '/^Exit status/,$p' | tr '\n' ' ' |
	    grep -oE '(: |; ?)[0-9]+ ' | tr -cd '0-9\n'
}
page_statuses()
{
	sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EXAMPLES/p' "$1" |
	    sed -nE 's/^\.It ([0-9]+)$/\1/p'
}
# same WHAT PROGRAM PAGE: both say the same, and something.
same()
{
	local said
	said=$("help_$1" "$2")
	[[ $said ]] && equal "$said" "$("page_$1" "$3")"
}
# Long names of -v are in the list of options only.
in_synopsis()
{
	equal "$(page_options "$1" | grep -vx -- --verbose)" \
	    "$(synopsis_options "$1")"
}

# A line per setting: section, key, default, bounds.  The sample is what the
# table in conf.c says, which a test of its own sees to.
sample_settings()
{
	awk '/^\[/ { section = $1; next }
	/^# / { text = text substr($0, 2); next }
	match($0, / =/) {
		key = substr($0, 1, RSTART - 1)
		value = substr($0, RSTART + 3)
		if (!sub(/^#/, "", key))
			value = ""	# an example
		sub(/.* Allowed: /, "", text)
		print section "|" key "|" value "|" text
	}
	{ text = "" }' "$root/conf/tlsrpt.conf"
}
page_settings()
{
	awk '/^\.Ss / { section = $3 }
	/^\.It Cm / {
		key = $3
		value = ""
		if (sub(/.* No = Li /, ""))
			value = $0
	}
	sub(/^Allowed: /, "") { print section "|" key "|" value "|" $0 }' \
	    "$root/conf/tlsrpt.conf.5"
}

for page in "$root"/*/*.[158]; do
	name=${page##*/}
	program=${name%.*}
	check "$name: mandoc has nothing to say" clean_page "$page"
	[[ $name == *.[18] ]] || continue
	check "$name: options are those of --help" same options \
	    "$program" "$page"
	check "$name: all of them are in the synopsis" in_synopsis "$page"
	check "$name: exit statuses are those of --help" same statuses \
	    "$program" "$page"
	[[ $(help_commands "$program") ]] || continue
	check "$name: commands are those of --help" same commands \
	    "$program" "$page"
done
for program in "$build"/tlsrpt-*; do
	check "${program##*/} has a page" ls "$root"/*/"${program##*/}".[18]
done
check 'tlsrpt.conf.5 has each key, its default and its bounds' equal \
    "$(sample_settings)" "$(page_settings)"
check 'and there are some' test "$(sample_settings | wc -l)" -gt 50
finish
