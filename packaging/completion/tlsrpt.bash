# shellcheck shell=bash
# Completion for bash: options and commands are what --help of the program
# says at that moment, so they cannot be those of another version.

# Words that --help names: long options, or commands, which begin a line after
# two blanks.
_tlsrpt_options()
{
	"$1" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u
}
_tlsrpt_commands()
{
	"$1" --help 2>/dev/null | sed -nE 's/^  ([a-z]+)( .*)?$/\1/p'
}

# What follows an option there: FILE, DAY and the like, or nothing.
_tlsrpt_argument()
{
	[[ $2 == --* ]] && "$1" --help 2>/dev/null |
	    sed -nE "s/.*$2 ([A-Z][A-Z@-]*).*/\1/p" | head -n 1
}

_tlsrpt()
{
	local program=$1 current=$2 before=$3 commands word

	COMPREPLY=()
	case $(_tlsrpt_argument "$program" "$before") in
	FILE | DIR)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return ;;
	DAY | YYYY-MM-DD)
		mapfile -t COMPREPLY < <(compgen -W "$(date -u -d yesterday +%F
		    )" -- "$current")
		return ;;
	?*)
		return ;;
	esac
	if [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
		    "$(_tlsrpt_options "$program")" -- "$current")
		return
	fi
	commands=$(_tlsrpt_commands "$program")
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ $'\n'$commands$'\n' == *$'\n'$word$'\n'* ]] && commands=
	done
	if [[ $commands ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
	fi
}

complete -o filenames -F _tlsrpt tlsrpt-send tlsrpt-spool tlsrpt-spoold \
    tlsrpt-show tlsrpt-check
