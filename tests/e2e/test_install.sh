#!/usr/bin/env bash
# `make install` honours DESTDIR, PREFIX and SYSCONFDIR, and leaves the
# configuration of an operator alone.
. "$(dirname "$0")/lib.sh"

install_to()
{
	make -s -C "$root" install DESTDIR="$T/$1" PREFIX=/usr SYSCONFDIR=/etc
}
check 'it installs' install_to root
for program in "$build"/tlsrpt-*; do
	program=${program##*/}
	check "$program is there and runs" \
	    "$(find root/usr/*bin -name "$program")" --version
done
check 'so is the sample configuration' diff "$root/conf/tlsrpt.conf" \
    root/etc/tlsrpt/tlsrpt.conf
check 'and the documents' ls root/usr/share/doc/tlsrpt/LICENSE
pages()
{
	local page
	for page in "$root"/*/*.[158]; do
		[[ -e $page ]] || continue
		cmp "$page" "root/usr/share/man/man${page##*.}/${page##*/}" ||
			return
	done
}
check 'and every manual page there is' pages

completions()
{
	local program
	cmp "$root/packaging/completion/_tlsrpt" \
	    root/usr/share/zsh/site-functions/_tlsrpt || return
	for program in "$build"/tlsrpt-*; do
		cmp "$root/packaging/completion/tlsrpt.bash" \
		    "root/usr/share/bash-completion/completions/${program##*/}" ||
			return
	done
}
check 'completions where bash and zsh look' completions

# The threshold is in tenths.
for unit in tlsrpt-send tlsrpt-spoold; do
	if command -v systemd-analyze >/dev/null; then
		check "exposure of $unit.service is 2.0 at the most" \
		    systemd-analyze security --offline=true --threshold=20 \
		    "root/usr/lib/systemd/system/$unit.service"
	else
		skip "exposure of $unit.service" 'no systemd-analyze'
	fi
done

# What the README has an operator do after it.
give_to_user()
{
	systemd-sysusers --root="$T/made" &&
	    systemd-tmpfiles --root="$T/made" --create tlsrpt.conf
}
owners()
{
	(cd made && stat -c '%A %u:%g %n' var/spool/tlsrpt var/lib/tlsrpt \
	    etc/tlsrpt/tlsrpt.conf)
}
if command -v systemd-tmpfiles >/dev/null; then
	cp -a root made
	check 'user and folders can be made' give_to_user
	id=$(sed -n 's/^tlsrpt:x:\([0-9]*\):.*/\1/p' made/etc/passwd)
	check 'and are his' equal "drwxr-x--- $id:$id var/spool/tlsrpt
drwxr-x--- $id:$id var/lib/tlsrpt
-rw-r----- 0:$id etc/tlsrpt/tlsrpt.conf" "$(owners)"
else
	skip 'user and folders' 'no systemd-tmpfiles'
fi

echo '# mine' >>root/etc/tlsrpt/tlsrpt.conf
check 'a second time' install_to root
check 'it keeps the configuration that is there' \
    grep -q '^# mine' root/etc/tlsrpt/tlsrpt.conf
check 'it puts nothing anywhere else' equal 'etc usr' "$(cd root && echo *)"
finish
