#!/usr/bin/env bash
# Completion in bash and in zsh offers what the programs have, and nothing
# else.
. "$(dirname "$0")/lib.sh"
. "$root/packaging/completion/tlsrpt.bash"

# offers "WANTED..." PROGRAM WORD...: for the last word, which may be empty
offers()
{
	local want=$1
	shift
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_tlsrpt "$build/$1" "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}"
	equal "$want" "${COMPREPLY[*]}"
}
check 'an option of tlsrpt-send' offers '--dry-run' tlsrpt-send --dr
check 'options that begin alike' offers '--day --domain --dry-run' \
    tlsrpt-send --d
check 'none that it does not have' offers '' tlsrpt-spoold --dr
check 'commands of tlsrpt-spool' offers 'add import list seal verify' \
    tlsrpt-spool ''
check 'commands of tlsrpt-show' offers 'report' tlsrpt-show --json r
touch records.jsonl
check 'files after a command' offers 'records.jsonl' tlsrpt-spool add rec
check 'and after --config' offers 'records.jsonl' tlsrpt-send --config rec
check 'yesterday after --day' offers "$(date -u -d yesterday +%F)" \
    tlsrpt-send --day ''
check 'nothing where nobody knows' offers '' tlsrpt-send --domain ''
check 'files after an option that is new' offers 'records.jsonl' \
    tlsrpt-check --trust-anchor rec
for program in "$build"/tlsrpt-*; do
	check "${program##*/} is completed" complete -p "${program##*/}"
done

# The same of a real zsh, which takes a while.
zsh_offers()
{
	local want=$1 got
	got=$(PATH=$build:$PATH "$root/tests/e2e/complete.zsh" \
	    "$root/packaging/completion" "$2") && equal "$want" "${got//$'\n'/ }"
}
# All options that --help names.
all_options()
{
	"$build/$1" --help | grep -oE -- '--[a-z][a-z-]*' | sort -u |
	    paste -sd ' '
}
for program in "$build"/tlsrpt-*; do
	program=${program##*/}
	check "zsh: all options of $program" zsh_offers \
	    "$(all_options "$program")" "$program --"
done
while IFS='|' read -r want line; do
	check "zsh: $line" zsh_offers "$want" "$line"
done <<END
add import list seal verify|tlsrpt-spool 
report|tlsrpt-show --json r
records.jsonl|tlsrpt-spool add rec
records.jsonl|tlsrpt-check --ca-file rec
records.jsonl|tlsrpt-send --import-config rec
$(date -u -d yesterday +%F)|tlsrpt-send --day 
|tlsrpt-send --domain 
END
finish
