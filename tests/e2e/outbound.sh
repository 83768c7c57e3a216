# shellcheck shell=bash
# Sourced after lib.sh, inside namespaces only: the outside world that a
# sending Postfix meets.  Domains in the zone test., DNSSEC-signed, and a mail
# server for each on an address of its own, with all that can be wrong about
# TLS.  A validating resolver is on 127.0.0.1.

# shellcheck source=tests/e2e/signed.sh
. "${root:?}/tests/e2e/signed.sh"

# A domain a line: its name, what its mail server is (see sinks.py), its TLSA
# record (`-`: none), the policy to send to it under (what follows the name in
# smtp_tls_policy_maps; `-`: the default, dane).
outbound_domains()
{
	cat <<-'END'
	good.test           good.pem     -         -
	untrusted.test      selfsigned.pem -       -
	may-plain.test      plain        -         -
	dane.test           good.pem     right     -
	dane-wrong.test     good.pem     wrong     -
	dane-unusable.test  good.pem     unusable  -
	dane-plain.test     plain        right     -
	encrypt-refuse.test refuse       -         encrypt
	verify-name.test    wrongname.pem -        secure match=mx.DOMAIN
	sts.test            good.pem     -         sts
	sts-expired.test    expired.pem  -         sts
	sts-name.test       wrongname.pem -        sts
	sts-self.test       selfsigned.pem -       sts
	sts-plain.test      plain        -         sts
	sts-cut.test        cut          -         sts
	END
}

# --- certificates: ca.pem, and files with a certificate and its key ---------

# outbound_request FILE SAN
outbound_request()
{
	openssl req -newkey ec -nodes -pkeyopt ec_paramgen_curve:P-256 \
	    -subj /CN=mx -addext "subjectAltName=$2" -keyout "$1.key" \
	    -out "$1.csr"
}

# outbound_sign FILE DAYS OPTION...: a certificate of the request, with its key
outbound_sign()
{
	local file=$1 days=$2
	shift 2
	openssl x509 -req -in "$file.csr" -days "$days" \
	    -copy_extensions copy -out "$file.crt" "$@" &&
	    cat "$file.crt" "$file.key" >"$file.pem"
}

outbound_pki()
{
	local names ca=(-CA ca.pem -CAkey ca.key)

	names=$(outbound_domains | awk '{ printf "%sDNS:mx.%s", s, $1; s = "," }')
	openssl req -x509 -newkey ec -nodes -days 3 -subj '/CN=Test CA' \
	    -pkeyopt ec_paramgen_curve:P-256 -keyout ca.key -out ca.pem &&
	    outbound_request good "$names" &&
	    outbound_request expired "$names" &&
	    outbound_request wrongname DNS:mx.elsewhere.test &&
	    outbound_request selfsigned "$names" &&
	    outbound_sign good 3 "${ca[@]}" &&
	    outbound_sign expired -1 "${ca[@]}" &&
	    outbound_sign wrongname 3 "${ca[@]}" &&
	    outbound_sign selfsigned 3 -key selfsigned.key
}

# --- DNS ---------------------------------------------------------------------

# tlsa KIND: the data of a TLSA record
outbound_tlsa()
{
	case $1 in
	right)
		echo "3 1 1 $(openssl x509 -in good.pem -noout -pubkey |
		    openssl pkey -pubin -outform DER | sha256sum |
		    cut -d ' ' -f 1)" ;;
	wrong) printf '3 1 1 %064d\n' 0 ;;
	unusable) echo '3 1 1 00' ;;
	esac
}

outbound_zone()
{
	local domain tlsa n=0

	cat <<-'END'
	$ORIGIN test.
	$TTL 60
	@ SOA ns hostmaster 1 3600 600 86400 60
	@ NS ns
	ns A 127.0.0.1
	END
	while read -r domain _ tlsa _; do
		((n++))
		cat <<-END
		$domain. MX 10 mx.$domain.
		mx.$domain. A 192.0.2.$n
		_smtp._tls.$domain. TXT "v=TLSRPTv1; rua=mailto:tls@$domain"
		END
		[[ $tlsa == - ]] ||
		    echo "_25._tcp.mx.$domain. TLSA $(outbound_tlsa "$tlsa")"
	done < <(outbound_domains)
}

outbound_dns()
{
	local key

	outbound_zone >test.zone
	key=$(signed_key test) &&
	    ldns-signzone -f test.signed test.zone "$key" &&
	    signed_start 127.0.0.1@5300 "$key" test=test.signed
}

# --- mail servers --------------------------------------------------------------

outbound_sinks()
{
	local kind n=0 list=()

	while read -r _ kind _; do
		ip address add "192.0.2.$((++n))/32" dev lo
		list+=("192.0.2.$n=$kind")
	done < <(outbound_domains)
	ip address add 192.0.2.254/32 dev lo	# ours
	# shellcheck disable=SC2154 # root is of lib.sh
	"$root/tests/e2e/sinks.py" 25 "${list[@]}" >sinks.out 2>sinks.err &
	sinks=$!
	wait_for 10 grep -q ready sinks.out
}

outbound_start()
{
	outbound_pki && outbound_dns && outbound_sinks
}

outbound_stop()
{
	[[ ${sinks:-} ]] && kill "$sinks"
	signed_stop
}

# --- Postfix -------------------------------------------------------------------

# outbound_policies tlsrpt|plain: the table for smtp_tls_policy_maps, as an MTA-STS
# plug-in would answer, with the attributes that Postfix 3.10 reports or without
outbound_policies()
{
	local domain policy attributes=

	[[ $1 == tlsrpt ]] && attributes='policy_type=sts policy_domain=DOMAIN
	    { policy_string = version: STSv1 }
	    { policy_string = mode: enforce }
	    { policy_string = mx: mx.DOMAIN }
	    { policy_string = max_age: 604800 }
	    mx_host_pattern=mx.DOMAIN'

	while read -r domain _ _ policy; do
		case $policy in
		-) continue ;;
		sts) policy="secure match=mx.DOMAIN $attributes" ;;
		esac
		tr '\n' ' ' <<<"$domain ${policy//DOMAIN/$domain}"
		echo
	done < <(outbound_domains)
}

# What is ours in main.cf.
outbound_main()
{
	cat <<-END
	myhostname = mta1.sender.example
	mydestination =
	inet_interfaces = 127.0.0.1
	inet_protocols = ipv4
	smtp_bind_address = 192.0.2.254
	alias_maps =
	smtp_dns_support_level = dnssec
	smtp_host_lookup = dns
	smtp_tls_security_level = dane
	smtp_tls_loglevel = 1
	smtp_tls_CAfile = $1/ca.pem
	smtp_tls_policy_maps = texthash:$1/tls_policy
	smtp_connection_cache_on_demand = no
	default_destination_concurrency_failed_cohort_limit = 0
	notify_classes =
	END
}

outbound_master()
{
	postfix_receives
	postfix_sends
	echo 'smtp unix - - n - - smtp'
	echo 'tlsproxy unix - - n - 0 tlsproxy'
}

# outbound_attempts FILE N: Postfix's log tells of N attempts at delivery
outbound_attempts()
{
	equal "$2" "$(grep -c ' status=\(sent\|deferred\|bounced\)' "$1")"
}

# --- what came of it -----------------------------------------------------------

# outbound_sums SPOOL: for each domain a line with its successful and failed
# sessions and what failed, whatever the policy: a log does not tell that.
outbound_sums()
{
	"$root/tests/data/totals.py" records "$1"/days/*/*.seg | jq -r '
	    .domains | to_entries[] | "\(.key) " +
	    "\([.value[].successful] | add) \([.value[].failed] | add)" +
	    ([.value[].results | to_entries[] | " \(.key)*\(.value)"] | add //
	    "")' | sort
}

# What they are to be when Postfix sends two mails to each.
outbound_expected()
{
	cat <<-'END'
	dane-plain.test 0 2 starttls-not-supported*2
	dane-unusable.test 0 2 tlsa-invalid*2
	dane-wrong.test 0 2 certificate-not-trusted*2
	dane.test 2 0
	encrypt-refuse.test 0 2 starttls-not-supported*2
	good.test 2 0
	sts-cut.test 0 2 validation-failure*2
	sts-expired.test 0 2 certificate-expired*2
	sts-name.test 0 2 certificate-host-mismatch*2
	sts-plain.test 0 2 starttls-not-supported*2
	sts-self.test 0 2 validation-failure*2
	sts.test 2 0
	untrusted.test 2 0
	verify-name.test 0 2 certificate-host-mismatch*2
	END
}
