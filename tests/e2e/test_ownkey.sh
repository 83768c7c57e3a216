#!/usr/bin/env bash
# --check-config compares our DKIM keys with what DNS publishes.
. "$(dirname "$0")/lib.sh"

make_conf
check 'without an answer the configuration is still right' \
    send --check-config
dns_ours
need start_dns

published()
{
	send --check-config | grep -c 'is published and is our key'
}
check 'both keys are ours' equal 2 "$(published)"
check 'and the status is 0' send --check-config

stop_dns
: >dns.data
need start_dns
check 'a key that is not published is status 1' exits 1 send --check-config
check 'unless DNS is not to be asked' send --check-config --no-dns

stop_dns
dns_txt "rsa2026._domainkey.$submitter" 'v=DKIM1; k=rsa; p='
dns_txt "ed2026._domainkey.$submitter" 'v=DKIM1; k=ed25519; p=QUJD; t=y'
need start_dns
send --check-config >found.out
for text in "rsa2026._domainkey.$submitter: is revoked" \
    "ed2026._domainkey.$submitter: holds another key" \
    "ed2026._domainkey.$submitter: is in test mode"; do
	check "says: ${text#*: }" grep -F "$text" found.out
done
finish
