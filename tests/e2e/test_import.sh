#!/usr/bin/env bash
# The log of a real Postfix, of whatever version is installed, becomes records:
# an MTA without TLSRPT takes part.  The same world of good and bad servers as
# in postfix-trixie.sh; what is to come out is what a log can tell.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
if [[ ! $ISOLATED ]]; then
	skip 'the log of a real Postfix' 'it needs namespaces of its own'
	finish
fi
# shellcheck source=tests/e2e/outbound.sh
. "$root/tests/e2e/outbound.sh"
trap 'stop_postfix; outbound_stop' EXIT

start_sender()
{
	postfix_home
	cp ca.pem postfix/conf/
	outbound_policies plain >postfix/conf/tls_policy
	outbound_main "$T/postfix/conf" >>postfix/conf/main.cf
	outbound_master >postfix/conf/master.cf
	postfix -c "$T/postfix/conf" start
}

mails()
{
	local domain i

	for i in 1 2; do
		while read -r domain _; do
			echo "mail $i" | sendmail -C "$T/postfix/conf" \
			    -f me@sender.example "user@$domain" || return
		done < <(outbound_domains)
	done
}

need outbound_start
make_conf
need start_sender
total=$((2 * $(outbound_domains | wc -l)))
need mails
check 'every mail is tried' wait_for 120 outbound_attempts postfix/log $total
stop_postfix

check 'its log is imported' spool import postfix/log
check 'the log tells what happened' \
    equal "$(outbound_expected)" "$(outbound_sums spool)"
again()
{
	gzip -c postfix/log | spool import >again.out 2>&1 &&
	    grep -q 'imported before' again.out
}
check 'the same log, rotated and compressed, is recognised' again
check 'and adds nothing' \
    equal "$(outbound_expected)" "$(outbound_sums spool)"
check 'the spool is in order' spool verify

# With connections of tlsproxy, which several messages share.
rm -r spool
postconf -c "$T/postfix/conf" -e maillog_file="$T/reuse.log" \
    smtp_tls_connection_reuse=yes
need postfix -c "$T/postfix/conf" start
need mails
check 'every mail is tried by way of tlsproxy' \
    wait_for 120 outbound_attempts reuse.log $total
stop_postfix
check 'its log is imported' spool import reuse.log
check 'the log tells what happened' \
    equal "$(outbound_expected)" "$(outbound_sums spool)"
finish
