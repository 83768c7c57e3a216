# shellcheck shell=bash
# Sourced after lib.sh, inside namespaces only: nsd with signed zones, and a
# validating resolver.

# signed_key ZONE: its name; the files are it.key, it.private and it.ds
signed_key()
{
	ldns-keygen -a ECDSAP256SHA256 -k -r /dev/urandom "$1"
}

# signed_start ADDRESS[@PORT] KEY ZONE=FILE...: nsd there, and on 127.0.0.1 an
# unbound that asks it about the first zone, whose key this is.
signed_start()
{
	local address=$1 key=$2 zone

	shift 2
	cat >nsd.conf <<-END
	server:
	    ip-address: $address
	    username: ""
	    chroot: ""
	    zonesdir: "$T"
	    pidfile: "$T/nsd.pid"
	    logfile: "$T/nsd.log"
	    database: ""
	    xfrdfile: ""
	    zonelistfile: "$T/nsd.zones"
	    server-count: 1
	    rrl-ratelimit: 0
	    rrl-whitelist-ratelimit: 0
	remote-control:
	    control-enable: no
	END
	for zone; do
		printf 'zone:\n name: %s\n zonefile: %s\n' \
		    "${zone%=*}" "${zone#*=}" >>nsd.conf
	done
	cat >resolver.conf <<-END
	server:
	    interface: 127.0.0.1
	    username: ""
	    chroot: ""
	    directory: "$T"
	    pidfile: "$T/resolver.pid"
	    use-syslog: no
	    logfile: "$T/resolver.log"
	    do-ip6: no
	    do-not-query-localhost: no
	    module-config: "validator iterator"
	    trust-anchor-file: "$T/$key.ds"
	    local-zone: "${1%=*}." nodefault
	stub-zone:
	    name: ${1%=*}
	    stub-addr: $address
	remote-control:
	    control-enable: no
	END
	nsd -c nsd.conf && unbound -c resolver.conf &&
	    wait_for 10 port_open 53
}

# After a zone has changed; the resolver may still have what it had.
signed_again()
{
	local pid

	pid=$(<nsd.pid)
	kill "$pid" && wait_for 10 gone "$pid" && nsd -c nsd.conf
}

signed_stop()
{
	local file

	for file in nsd.pid resolver.pid; do
		[[ -s $T/$file ]] && kill "$(<"$T/$file")"
	done
}
