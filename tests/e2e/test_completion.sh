#!/usr/bin/env bash
# Completion in bash offers what the programs have, and nothing else.
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
for program in "$build"/tlsrpt-*; do
	check "${program##*/} is completed" complete -p "${program##*/}"
done
finish
