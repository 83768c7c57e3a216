#!/usr/bin/env bash
# The image of packaging/Containerfile is built, upon a Debian that debootstrap
# made since no registry may be in reach, and its programs do their work: as
# their own user, with what they keep in volumes.
#
#	make e2e-container
here=$(dirname "$0")
tree=$(realpath "$here/../..")
store=$tree/build/containers
stored=(--root "$store/root" --runroot "$store/run")
base=docker.io/library/debian:12-slim

build_image()
{
	mkdir -p "$store"
	if ! command -v buildah >/dev/null || ! command -v podman >/dev/null; then
		echo 'buildah or podman is not installed'
		return 1
	fi
	"$here/debian-root.sh" bookworm "$tree/build/bookworm-slim" || return
	podman "${stored[@]}" image exists $base ||
	    tar -C "$tree/build/bookworm-slim" -c . |
	    podman "${stored[@]}" import - $base >/dev/null || return
	# crun knows no hierarchy of both kinds of control groups.
	if ! unshare -m sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null; "$@"' \
	    sh buildah "${stored[@]}" bud --format docker --network host \
	    --pull-never -f "$tree/packaging/Containerfile" -t tlsrpt "$tree" \
	    >"$store/log" 2>&1; then
		tail -n 1 "$store/log"
		return 1
	fi
}
if [[ ! ${ISOLATED+set} ]] && ! why=$(build_image); then
	echo "ok 1 - the image # SKIP it cannot be built here: $why"
	echo 1..1
	exit
fi
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
if [[ ! $ISOLATED ]]; then
	skip 'the image' 'it needs namespaces of its own'
	finish
fi
umount /sys/fs/cgroup/unified 2>/dev/null
trap 'podman "${stored[@]}" rm -fa >/dev/null 2>&1' EXIT

# contain ARG...: podman run with the volumes
contain()
{
	podman "${stored[@]}" run --network host --security-opt seccomp=unconfined \
	    -v "$T/etc:/etc/tlsrpt:ro" -v "$T/spool:/var/spool/tlsrpt" \
	    -v "$T/queue:/var/lib/tlsrpt" -v "$T/ring:/run/tlsrpt" \
	    -v "$T/sock:/var/spool/postfix/run/tlsrpt" "$@"
}
inspect()
{
	podman "${stored[@]}" inspect --format "$1" tlsrpt
}

check 'its programs are not run by root' equal tlsrpt \
    "$(inspect '{{.Config.User}}')"
# shellcheck disable=SC2016 # podman's variables, not ours
check 'it has volumes for what it keeps' equal \
    '/run/tlsrpt /var/lib/tlsrpt /var/spool/tlsrpt' \
    "$(inspect '{{range $k, $v := .Config.Volumes}}{{$k}} {{end}}' |
	tr ' ' '\n' | grep . | sort | paste -sd ' ')"
mkdir etc spool queue ring sock
chown 990:990 spool queue ring sock
cat >etc/tlsrpt.conf <<'END'
[report]
organization_name = Example Org
contact_info = tls-reports@example.org
[dns]
rua_lookup = never
[dkim]
signer = smarthost
END
check 'no compiler is left in it' fails contain --rm tlsrpt \
    sh -c 'command -v gcc'
check 'the settings are read' contain --rm tlsrpt tlsrpt-send \
    --check-config --no-dns
check 'the collector starts' contain -d --name spoold tlsrpt
check 'it listens' wait_for 20 test -S sock/tlsrpt.sock
healthy()
{
	podman "${stored[@]}" healthcheck run spoold
}
check 'it is healthy' wait_for 10 healthy
record local.example 'v=TLSRPTv1; rua=https://away.example/in' | tr -d '\n' |
    socat -u STDIN UNIX-SENDTO:sock/tlsrpt.sock
check 'stopped, it ends by itself' podman "${stored[@]}" stop -t 20 spoold
check 'with status 0' equal 0 "$(podman "${stored[@]}" inspect \
    --format '{{.State.ExitCode}}' spoold)"
check 'what came in is in the volume' equal 1 \
    "$(jq -s 'map(select(.d == "local.example")) | length' spool/days/*/*.seg)"
record good.example 'v=TLSRPTv1; rua=https://away.example/in' >spool/records
check 'a day is added' contain --rm tlsrpt tlsrpt-spool add --day "$day" \
    /var/spool/tlsrpt/records
rm spool/records
check 'and reported; what waits is status 1' exits 1 contain --rm tlsrpt \
    tlsrpt-send --once --now
check 'the queue is in its volume' equal 1 "$(sqlite3 queue/queue.db \
    "select count(*) from delivery where state = 'pending'")"
check 'and belongs to the user' equal 990:990 \
    "$(stat -c %u:%g queue/queue.db)"
finish
