#!/usr/bin/env zsh
# What zsh offers at the end of a command line, a word a line, sorted:
#
#	complete.zsh FOLDER LINE	FOLDER: of completion functions
#
# A zsh that believes itself at a terminal is given the line and a tab.
zmodload zsh/zpty
folder=$1 line=$2
work=$(mktemp -d)

cat >$work/init <<'END'
PROMPT=
fpath=($folder $fpath)
autoload -U compinit
compinit -u -d $work/dump
bindkey '^I' complete-word
# What is added for show goes to a file; what is for the functions' own use,
# to them.
compadd() {
	local -a hits
	if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
		builtin compadd "$@"
		return
	fi
	builtin compadd -A hits "$@"
	print -rl -- $hits >>$work/hits
	builtin compadd "$@"
}
_done() { : >$work/done }
comppostfuncs=(_done)
zle-line-init() { : >$work/ready }
zle -N zle-line-init
END

wait_for()
{
	repeat 200; do
		[[ -e $work/$1 ]] && return
		sleep 0.05
	done
	exit 1
}
zpty shell "folder=${(q)folder} work=${(q)work} zsh -f -i"
trap 'rm -rf $work' EXIT		# not before: it would be the child's, too
zpty -w shell ". ${(q)work}/init"
wait_for ready
zpty -w -n shell "$line"$'\t'
wait_for done
zpty -d shell
[[ ! -s $work/hits ]] || sort -u $work/hits
