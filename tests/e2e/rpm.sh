#!/usr/bin/env bash
# The RPM package has what the Debian package has, at the places of its own
# world, for the same owners.
#
#	make e2e-rpm
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
deb=$(ls "$root"/build/deb/tlsrpt_*.deb)
rpm=$(ls "$root"/build/rpm/RPMS/*/tlsrpt-*.rpm)
spec=$root/packaging/rpm/tlsrpt.spec

# Licence and changes are where each world has them, build-ids in the RPM only,
# and documents and manuals are compressed by the one and perhaps the other.
same_names()
{
	sed -E 's|^/lib/systemd/|/usr/lib/systemd/|; s|\.gz$||
	    s|/vendor-completions/|/site-functions/|' |
	    grep -vE '^/usr/(share/licenses|lib/\.build-id)/?|/(copyright|changelog|README.Debian)$' |
	    LC_ALL=C sort
}
deb_files()
{
	dpkg-deb -c "$deb" | awk '$1 !~ /^d/ { sub(/^\./, "", $6); print $6 }' |
	    same_names
}
rpm_files()
{
	rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' "$rpm" |
	    awk '$1 !~ /^d/ { print $2 }' | same_names
}
check 'the spec can be read' rpmspec -P --define "_sourcedir $T" "$spec"
check 'it builds with what the Makefile links' equal \
    "$(make -s -C "$root" print-LIBS_ALL | tr ' ' '\n' | sort)" \
    "$(sed -nE 's/^BuildRequires:.*pkgconfig\((.*)\)$/\1/p' "$spec" | sort)"
check 'files are those of the deb' equal "$(deb_files)" "$(rpm_files)"
check 'and there are many' test "$(rpm_files | wc -l)" -gt 25
check 'what operators change stays theirs' equal \
    $'/etc/cron.d/tlsrpt\n/etc/tlsrpt/tlsrpt.conf' "$(rpm -qpc "$rpm")"
owners()
{
	rpm -qp --qf '[%{FILEUSERNAME}:%{FILEGROUPNAME} %{FILEMODES:perms} %{FILENAMES}\n]' \
	    "$rpm" | grep -v '^root:root'
}
check 'owners are those of the deb' equal "$(cat <<-'END'
	root:tlsrpt drwxr-x--- /etc/tlsrpt
	root:tlsrpt -rw-r----- /etc/tlsrpt/tlsrpt.conf
	tlsrpt:tlsrpt drwxr-x--- /var/lib/tlsrpt
	tlsrpt:tlsrpt drwxr-x--- /var/spool/tlsrpt
	END
)" "$(owners)"
check 'the user is made first' grep -qF \
    "$(<"$root/packaging/sysusers.d/tlsrpt.conf")" <(rpm -qp --scripts "$rpm")
small()
{
	local bytes
	bytes=$(rpm -qp --qf '%{SIZE}' "$rpm")
	echo "$bytes bytes"
	((bytes < 2 << 20))
}
check 'it is below 2 MB' small
finish
