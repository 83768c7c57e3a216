#!/usr/bin/env bash
# The Postfix of Debian 13, which speaks TLSRPT, sends mail to a world of good
# and bad servers; tlsrpt-spoold listens, and the reports must say what
# happened.  Its log is then imported, and must say the same, as far as it
# goes.  Postfix runs in a root made by debootstrap, which is kept in
# build/trixie; where none can be made this is skipped.
#
#	make e2e-postfix
here=$(dirname "$0")
cache=$(realpath "$here/../..")/build/trixie
if [[ ! ${ISOLATED+set} ]] && ! why=$("$here/debian-root.sh" trixie "$cache" \
    postfix libtlsrpt0); then
	echo "ok 1 - the Postfix of Debian 13 # SKIP no root for it: $why"
	echo 1..1
	exit
fi
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
if [[ ! $ISOLATED ]]; then
	skip 'the Postfix of Debian 13' 'it needs namespaces of its own'
	finish
fi
# shellcheck source=tests/e2e/outbound.sh
. "$root/tests/e2e/outbound.sh"
trap 'stop_trixie; outbound_stop' EXIT

R=$T/root			# an overlay over the cache, thrown away
queue=$R/var/spool/postfix

# Where there is no overlay, a copy will do.
start_trixie()
{
	mkdir -p layer "$R" && mount -t tmpfs none layer &&
	    mkdir layer/upper layer/work || return
	mount -t overlay none -o "lowerdir=$cache,upperdir=layer/upper,$(
	    )workdir=layer/work" "$R" || cp -a "$cache/." "$R" || return
	mount --bind /dev "$R/dev" || return
	cp ca.pem "$R/etc/postfix/"
	cp resolv.conf "$R/etc/"
	outbound_policies tlsrpt >"$R/etc/postfix/tls_policy"
	{
		echo 'compatibility_level = 3.6'
		outbound_main /etc/postfix
		echo 'maillog_file = /var/log/postfix.log'
		echo 'smtp_tlsrpt_enable = yes'
		echo 'smtp_tlsrpt_socket_name = run/tlsrpt/tlsrpt.sock'
	} >"$R/etc/postfix/main.cf"
	outbound_master >"$R/etc/postfix/master.cf"
	chroot "$R" postfix start
}

stop_trixie()
{
	[[ -s $queue/pid/master.pid ]] &&
	    chroot "$R" postfix stop >/dev/null 2>&1
}

# The collector as an operator would set it up: its socket where Postfix, which
# is not root then, can write to it.
start_spoold()
{
	mkdir -p "$queue/run/tlsrpt"
	conf_set spool socket "$queue/run/tlsrpt/tlsrpt.sock"
	conf_set spool socket_mode 0666
	"$build/tlsrpt-spoold" --config "$T/tlsrpt.conf" 2>spoold.log &
	spoold=$!
	wait_for 20 test -S "$queue/run/tlsrpt/tlsrpt.sock"
}

stop_spoold()
{
	kill "$spoold" && wait "$spoold"
}

# Two mails to each domain: one failure must not hide the next.
mails()
{
	local domain i

	for i in 1 2; do
		while read -r domain _; do
			echo "mail $i" | chroot "$R" sendmail \
			    -f me@sender.example "user@$domain" || return
		done < <(outbound_domains)
	done
}

reports()
{
	local d

	# Midnight may have passed in between.
	for d in spool/days/*; do
		send --dry-run --day "${d##*/}" --out reports || return
	done
}

# seen DOMAIN: policy type, sessions, and what failed, in one line
seen()
{
	jq -rs --arg domain "$1" '[.[].policies[]] |
	    group_by(.policy."policy-type") | map(
	    [.[0].policy."policy-type",
	    (map(.summary."total-successful-session-count") | add),
	    (map(.summary."total-failure-session-count") | add),
	    (map(."failure-details"[]? | "\(."result-type")" +
	    (if ."failure-reason-code" then "/\(."failure-reason-code")"
	    else "" end) + "*\(."failed-session-count")") | .[])] |
	    map(tostring) | join(" ")) | join("; ")' \
	    reports/*"!$1!"*.json 2>/dev/null
}

says()
{
	equal "$2" "$(seen "$1")"
}

need outbound_start
make_conf
need start_trixie
need start_spoold
total=$((2 * $(outbound_domains | wc -l)))
need mails
check 'every mail is tried' wait_for 120 \
    outbound_attempts "$R/var/log/postfix.log" $total
stop_trixie
cp "$R/var/log/postfix.log" .
check 'the collector drains and ends' stop_spoold
check 'the reports are made' reports
echo "# $(spool list | tail -n 1)"

while IFS='|' read -r name domain want; do
	check "$name" says "$domain" "$want"
done <<END
good, without policy|good.test|no-policy-found 2 0
self-signed, without policy|untrusted.test|no-policy-found 2 0
no STARTTLS, none wanted: Postfix says nothing|may-plain.test|
DANE|dane.test|tlsa 2 0
DANE with another key|dane-wrong.test|tlsa 0 2 certificate-not-trusted*2
DANE with a record that is no use|dane-unusable.test|tlsa 0 2 tlsa-invalid/all-TLSA-records-unusable*2
DANE without STARTTLS|dane-plain.test|tlsa 0 2 starttls-not-supported*2
STARTTLS refused|encrypt-refuse.test|no-policy-found 0 2 starttls-not-supported*2
wrong name, by local policy|verify-name.test|no-policy-found 0 2 certificate-host-mismatch*2
MTA-STS|sts.test|sts 2 0
MTA-STS, expired|sts-expired.test|sts 0 2 certificate-expired*2
MTA-STS, wrong name|sts-name.test|sts 0 2 certificate-host-mismatch*2
MTA-STS, self-signed|sts-self.test|sts 0 2 validation-failure/self-signed_certificate*2
MTA-STS without STARTTLS|sts-plain.test|sts 0 2 starttls-not-supported*2
MTA-STS, cut in the handshake|sts-cut.test|sts 0 2 validation-failure/tls-handshake-failure*2
END

# What a report says of a failure, and of the policy.
detail()
{
	jq -r '.policies[]."failure-details"[] | [."sending-mta-ip",
	    ."receiving-mx-hostname", ."receiving-mx-helo", ."receiving-ip"] |
	    join(" ")' reports/*"!$1!"*.json
}
policy()
{
	jq -r '.policies[].policy | [."policy-domain",
	    (."policy-string" | length), ."policy-string"[0],
	    ."mx-host"[]?] | map(tostring) | join(" ")' \
	    reports/*"!$1!"*.json
}
sts_expired='192.0.2.254 mx.sts-expired.test sink.test 192.0.2.11'
check 'a failure names both hosts' \
    equal "$sts_expired" "$(detail sts-expired.test)"
check 'MTA-STS: the policy of the domain' \
    equal 'sts.test 4 version: STSv1 mx.sts.test' "$(policy sts.test)"
dane="mx.dane.test 1 $(outbound_tlsa right | tr a-f A-F)"
check 'DANE: the TLSA record of the MX host' equal "$dane" "$(policy dane.test)"

sed -i "s|^directory = .*|directory = $T/imported|" tlsrpt.conf
check 'its log is imported' spool import postfix.log
check 'the datagrams tell what happened' \
    equal "$(outbound_expected)" "$(outbound_sums spool)"
check 'and so does the log' \
    equal "$(outbound_expected)" "$(outbound_sums imported)"
finish
