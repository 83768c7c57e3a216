#!/usr/bin/env bash
# The README's pictures are there, small, and of today's programs.
. "$(dirname "$0")/lib.sh"

pictures=$root/packaging/pictures
same_terminal()
{
	python3 "$root/tests/pictures/terminal.py" "$build" >terminal.svg &&
	    diff "$pictures/terminal.svg" terminal.svg
}
is_png()
{
	equal 89504e470d0a1a0a "$(head -c 8 "$1" | od -An -tx1 | tr -d " \n")"
}

# The lines of the README's dry run, as they come today.
same_dry_run()
{
	make_conf
	conf_set dns rua_lookup never
	conf_set spool keep_days 3650
	"$build/tlsrpt-spool" --config tlsrpt.conf add --day 2026-11-21 \
	    "$root/tests/data/sample-day.jsonl" 2>/dev/null &&
	    "$build/tlsrpt-send" --config tlsrpt.conf --dry-run \
	    --day 2026-11-21 --domain example.com >dry.out || return
	sed 's/^/    /' dry.out >indented
	cat dry.out
	[[ $(grep -cxFf indented "$root/README.md") == $(wc -l <indented) ]]
}
check 'the dry run in the README is a real one' same_dry_run
check 'the terminal shows what the programs say; else: make pictures' \
    same_terminal
for file in "$pictures"/*; do
	name=${file##*/}
	check "$name: smaller than 200 KB" \
	    test "$(stat -c %s "$file")" -lt 200000
	check "$name: in the README" grep -qF "(packaging/pictures/$name)" \
	    "$root/README.md"
	case $name in
	*.svg) check "$name: is XML" python3 -c \
	    'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' "$file" ;;
	*.png) check "$name: is PNG" is_png "$file" ;;
	esac
done
finish
