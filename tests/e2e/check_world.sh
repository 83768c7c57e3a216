# shellcheck shell=bash
# Sourced after lib.sh, inside namespaces only: mail domains for tlsrpt-check
# to look at, each right but for one thing, and the servers they need.  All
# are in the zone test., DNSSEC-signed, but for plain.test (not signed, as its
# parent says) and bogus.test (not signed, though its parent says so).  The
# name server is on 127.0.0.2, a validating resolver on 127.0.0.1, nginx with
# all policy files on 127.0.0.3, and a Postfix is the MX of everybody:
#
#	HOST.mx.test	127.0.1.N by what it is, see world_hosts

# shellcheck source=tests/e2e/signed.sh
. "${root:?}/tests/e2e/signed.sh"

# Name, address, what its smtpd is told, certificate, TLSA records.
world_hosts()
{
	cat <<-'END'
	good	1	may	mx	right
	also	1	may	mx	right
	other	1	may	mx	right
	mismatch 1	may	mx	wrong
	unusable 1	may	mx	pkix
	short	1	may	mx	short
	stale	1	may	mx	right,wrong
	issuer	1	may	mx	ca
	noaddr	-	may	mx	none
	fresh	1	may	mx	none
	nodane	1	may	mx	none
	plain	2	none	mx	none
	dplain	2	none	mx	right
	expired	3	may	mxold	none
	dexpired 3	may	mxold	old
	self	4	may	mxself	none
	name	5	may	mxname	none
	old	6	old	mx	none
	hang	7	-	mx	none
	nobody	8	-	mx	none
	END
}

# --- domains ---------------------------------------------------------------

# row NAME CHANGES SEVERITY ID WORDS: a domain, good but for the changes
# (assignments), and what is to be said of it.  In what is assigned, NAME is
# the domain's.
#
#	mx tlsrpt sts	data of the records, arrays
#	policy		the policy file; empty: none
#	web		the kind of its policy host; empty: it has no address
row()
{
	local mx=("10 good.mx.test.") web=ok record parent=test zone=test
	local tlsrpt=('v=TLSRPTv1; rua=mailto:tls@good.test,https://rua.test/')
	local sts=('v=STSv1; id=1;')
	local policy=$'version: STSv1\nmode: enforce\nmx: *.mx.test\n'
	policy+=$'max_age: 604800\n'

	eval "$2"
	printf '%s\t%s\t%s\t%s\n' "$1.$parent" "$3" "$4" "$5" >>rows
	{
		for record in "${mx[@]}"; do
			echo "$1.$parent. MX $record"
		done
		for record in "${tlsrpt[@]}"; do
			echo "_smtp._tls.$1.$parent. TXT \"$record\""
		done
		for record in "${sts[@]}"; do
			echo "_mta-sts.$1.$parent. TXT \"$record\""
		done
		[[ $web ]] && echo "mta-sts.$1.$parent. A 127.0.0.3"
	} >>"$zone.zone"
	[[ $web ]] || return 0
	echo "mta-sts.$1.$parent $web" >>webs
	world_policy "$1.$parent" "$policy"
}

# world_policy DOMAIN TEXT
world_policy()
{
	local folder=www/mta-sts.$1/.well-known

	mkdir -p "$folder"
	[[ -z $2 ]] || printf %s "$2" >"$folder/mta-sts.txt"
}

world_begin()
{
	local zone

	for zone in test plain bogus; do
		{
			echo "\$ORIGIN $([[ $zone == test ]] ||
			    echo "$zone.")test."
			echo "\$TTL 60"
			echo '@ SOA ns.test. hostmaster.test. 1 60 60 86400 60'
			echo '@ NS ns.test.'
		} >$zone.zone
	done
	cat >>test.zone <<-END
	ns A 127.0.0.2
	rua A 127.0.0.3
	badrua A 127.0.0.3
	nomail TXT "no MX and no address"
	plain NS ns
	bogus NS ns
	END
	for zone in plain bogus; do
		cat >>$zone.zone <<-END
		mx A 127.0.1.1
		_25._tcp.mx TLSA 3 1 1 $(printf %064d 0)
		END
	done
	echo 'rua.test ok' >webs
	echo 'badrua.test expired' >>webs
}

# --- certificates ----------------------------------------------------------

# world_cert FILE SAN DAYS [OPTION]...
world_cert()
{
	local file=$1 san=$2 days=$3
	shift 3
	openssl req -newkey ec -nodes -pkeyopt ec_paramgen_curve:P-256 \
	    -subj /CN=x -addext "subjectAltName=$san" -keyout "$file.key" \
	    -out "$file.csr" 2>/dev/null &&
	    openssl x509 -req -in "$file.csr" -days "$days" \
	    -copy_extensions copy -out "$file.crt" "$@" 2>/dev/null &&
	    cat "$file.crt" "$file.key" >"$file.pem"
}

world_pki()
{
	local ca=(-CA ca.pem -CAkey ca.key) web
	local names='DNS:*.mx.test,DNS:mx.plain.test,DNS:mx.bogus.test'

	web=$(awk '{ printf "%sDNS:%s", s, $1; s = "," }' webs)

	openssl req -x509 -newkey ec -nodes -days 90 -subj '/CN=Test CA' \
	    -pkeyopt ec_paramgen_curve:P-256 -keyout ca.key -out ca.pem \
	    2>/dev/null &&
	    world_cert mx "$names" 60 "${ca[@]}" &&
	    world_cert mxold "$names" -1 "${ca[@]}" &&
	    world_cert mxname DNS:mx.elsewhere.test 60 "${ca[@]}" &&
	    world_cert mxself "$names" 60 -key mxself.key &&
	    world_cert web "$web" 60 "${ca[@]}" &&
	    world_cert webold "$web" -1 "${ca[@]}" &&
	    world_cert webself "$web" 60 -key webself.key &&
	    world_cert webname DNS:elsewhere.test 60 "${ca[@]}" || return
	# Usage 2 wants the issuer to be served.
	cat mx.crt ca.pem mx.key >mx.pem
}

# world_hash FILE: of its public key
world_hash()
{
	openssl x509 -in "$1" -noout -pubkey |
	    openssl pkey -pubin -outform DER | sha256sum | cut -d ' ' -f 1
}

world_tlsa()
{
	local kind

	for kind in ${1//,/ }; do
		case $kind in
		right) echo "3 1 1 $(world_hash mx.crt)" ;;
		old) echo "3 1 1 $(world_hash mxold.crt)" ;;
		ca) echo "2 1 1 $(world_hash ca.pem)" ;;
		wrong) printf '3 1 1 %064d\n' 0 ;;
		short) echo '3 1 1 00' ;;
		pkix) echo "1 1 1 $(world_hash mx.crt)" ;;
		esac
	done
}

# --- DNS ---------------------------------------------------------------------

world_zone()
{
	local name n tlsa

	while read -r name n _ _ tlsa; do
		[[ $n == - ]] && continue
		echo "$name.mx.test. A 127.0.1.$n"
		world_tlsa "$tlsa" | sed "s/^/_25._tcp.$name.mx.test. TLSA /"
	done < <(world_hosts) >>test.zone
}

world_sign()
{
	cat test.zone bogus.ds >test.whole &&
	    ldns-signzone -f test.signed test.whole "$key"
}

world_dns()
{
	key=$(signed_key test) &&
	    cp "$(signed_key bogus.test).ds" bogus.ds && world_sign &&
	    signed_start 127.0.0.2 "$key" test=test.signed \
	    plain.test=plain.zone bogus.test=bogus.zone
}

# --- web ---------------------------------------------------------------------

# world_server NAME KIND
world_server()
{
	local cert=web type=text/plain extra=''

	case $2 in
	expired) cert=webold ;;
	self) cert=webself ;;
	name) cert=webname ;;
	html) type=text/html ;;
	moved) extra='return 301 https://rua.test/;' ;;
	broken) extra='return 500;' ;;
	esac
	cat <<-END
	server {
	    listen 127.0.0.3:443 ssl;
	    server_name $1;
	    ssl_certificate $T/$cert.crt;
	    ssl_certificate_key $T/$cert.key;
	    default_type $type;
	    root $T/www/$1;
	    $extra
	}
	END
}

world_web()
{
	local name kind

	{
		nginx_head nginx/tmp
		cat <<-END
		server_names_hash_bucket_size 128;
		access_log $T/requests.log;
		types { }
		END
		while read -r name kind; do
			world_server "$name" "$kind"
		done <webs
		echo '}'
	} >nginx.conf
	nginx -p "$T" -c "$T/nginx.conf"
}

# --- mail --------------------------------------------------------------------

# A listener on each address of world_hosts, told apart by options.
world_services()
{
	local n level cert

	while read -r _ n level cert _; do
		[[ $level == - || $n == - ]] && continue
		echo "127.0.1.$n:25 inet n - n - - smtpd"
		echo " -o smtpd_tls_cert_file=$T/$cert.pem"
		echo " -o smtpd_tls_key_file=$T/$cert.pem"
		if [[ $level == old ]]; then
			echo ' -o smtpd_tls_protocols=>=TLSv1,<=TLSv1.1'
			echo ' -o tls_medium_cipherlist=ALL:@SECLEVEL=0'
			level=may
		fi
		echo " -o smtpd_tls_security_level=$level"
	done < <(world_hosts | awk '!seen[$2]++')
	postfix_receives
}

world_mail()
{
	postfix_home
	cat >>postfix/conf/main.cf <<-END
	myhostname = mx.test
	mydestination =
	inet_protocols = ipv4
	mynetworks = 127.0.0.0/8
	alias_maps =
	smtpd_peername_lookup = no
	import_environment = MAIL_CONFIG MAIL_LOGTAG LANG=C POSTLOG_SERVICE
	    POSTLOG_HOSTNAME OPENSSL_CONF=$T/openssl.cnf
	END
	# The system's would not speak TLS 1.0 whatever Postfix is told.
	printf '%s\n' 'openssl_conf = a' '[a]' >openssl.cnf
	world_services >postfix/conf/master.cf
	postfix -c "$T/postfix/conf" start 2>/dev/null || return
	# It takes connections, and says nothing.
	socat TCP-LISTEN:25,bind=127.0.1.7,fork,reuseaddr SYSTEM:'sleep 60' &
	socat=$!
	wait_for 20 bash -c ': <>/dev/tcp/127.0.1.1/25'
}

world_stop()
{
	[[ ${socat:-} ]] && kill "$socat"
	signed_stop
	stop_nginx
	stop_postfix
}

world_start()
{
	world_pki && world_zone && world_dns && world_web && world_mail
}
