# shellcheck shell=bash
# Sourced by lib.sh: the servers that the scripts talk to, each of which is
# started where it is wanted, and what they have been sent.
# shellcheck disable=SC2154	# T and the ports are of lib.sh

# --- certificates ----------------------------------------------------------

make_pki()
{
	local new=(openssl req -x509 -newkey ec -nodes -days 3
	    -pkeyopt ec_paramgen_curve:P-256)

	"${new[@]}" -subj '/CN=Test CA' -keyout ca.key -out ca.pem
	"${new[@]}" -CA ca.pem -CAkey ca.key -subj '/CN=server' \
	    -addext "subjectAltName=DNS:$https_host,DNS:localhost,$(
		)DNS:collector.test" \
	    -addext basicConstraints=critical,CA:FALSE \
	    -keyout server.key -out server.pem
} 2>/dev/null

# --- DNS: unbound with our own names ---------------------------------------

# dns_txt NAME TEXT, in character-strings of at most 255 bytes
dns_txt()
{
	echo "local-data: '$1 60 TXT $(fold -b -w 200 <<<"$2" |
	    sed 's/.*/"&"/' | xargs -d '\n')'" >>dns.data
}

# What verifiers need: our keys.
dns_ours()
{
	dns_txt "rsa2026._domainkey.$submitter" "v=DKIM1; k=rsa; p=$(
	    openssl pkey -in rsa.key -pubout -outform DER | base64 -w 0)"
	dns_txt "ed2026._domainkey.$submitter" "v=DKIM1; k=ed25519; p=$(
	    openssl pkey -in ed25519.key -pubout -outform DER |
	    tail -c 32 | base64 -w 0)"
}

start_dns()
{
	touch dns.data
	cat >unbound.conf <<-END
	server:
	    interface: 127.0.0.1@$dns_port
	    ${ISOLATED:+interface: 127.0.0.1@53}
	    username: ""
	    chroot: ""
	    directory: "$T"
	    pidfile: "$T/unbound.pid"
	    use-syslog: no
	    logfile: "$T/unbound.log"
	    log-queries: yes
	    num-threads: 1
	    do-ip6: no
	    module-config: "iterator"
	    local-zone: "." static
	    include: "$T/dns.data"
	remote-control:
	    control-enable: no
	END
	rm -f unbound.pid
	unbound -c unbound.conf || return 1
	wait_for 10 port_open "$dns_port"
}

stop_dns()
{
	[[ -s $T/unbound.pid ]] || return 0
	local pid
	pid=$(<"$T/unbound.pid")
	kill "$pid" 2>/dev/null
	wait_for 10 gone "$pid"
	rm -f "$T/unbound.pid"
}

# --- HTTPS: nginx, which keeps every body in a file ------------------------

# nginx_head BODIES: what each nginx.conf begins with, up to the first server;
# where bodies of requests are put.
nginx_head()
{
	mkdir -p nginx/tmp "$1"
	cat <<-END
	user root;
	worker_processes 1;
	pid $T/nginx.pid;
	error_log $T/nginx.log;
	events { worker_connections 512; }
	http {
	client_body_temp_path $T/$1;
	proxy_temp_path $T/nginx/tmp;
	fastcgi_temp_path $T/nginx/tmp;
	uwsgi_temp_path $T/nginx/tmp;
	scgi_temp_path $T/nginx/tmp;
	END
}

# Answers by path: /busy 503, /gone 410, all else 201.  One JSON object per
# request in posts.json; .file is the body.
start_nginx()
{
	nginx_head bodies >nginx.conf
	cat >>nginx.conf <<-END
	    log_format posts escape=json '{"method":"\$request_method",'
	        '"uri":"\$request_uri","host":"\$host","status":\$status,'
	        '"type":"\$content_type","tls":"\$ssl_protocol",'
	        '"encoding":"\$http_content_encoding",'
	        '"file":"\$request_body_file"}';
	    access_log off;
	    server {
	        listen 127.0.0.1:$https_port ssl;
	        ${ISOLATED:+listen 127.0.0.1:443 ssl;}
	        ssl_certificate $T/server.pem;
	        ssl_certificate_key $T/server.key;
	        access_log $T/posts.json posts;
	        client_max_body_size 20m;
	        client_body_in_file_only on;
	        location / { proxy_pass http://unix:$T/nginx/up.sock:; }
	    }
	    server {
	        listen unix:$T/nginx/up.sock;
	        client_body_temp_path $T/nginx/tmp;
	        location / { return 201; }
	        location /busy { return 503; }
	        location /gone { return 410; }
	    }
	}
	END
	touch posts.json
	rm -f nginx/up.sock
	nginx -p "$T" -c "$T/nginx.conf" || return 1
	wait_for 10 port_open "$https_port"
}

stop_nginx()
{
	[[ -s $T/nginx.pid ]] || return 0
	local pid
	pid=$(<"$T/nginx.pid")
	kill -QUIT "$pid" 2>/dev/null
	wait_for 10 gone "$pid"
}

# --- mail: Postfix as smarthost, every address delivered to one Maildir ----

# The folders of a Postfix of our own, and what its main.cf has of them.
postfix_home()
{
	mkdir -p postfix/conf postfix/spool postfix/data
	chown postfix postfix/data
	cat >postfix/conf/main.cf <<-END
	compatibility_level = 3.6
	queue_directory = $T/postfix/spool
	data_directory = $T/postfix/data
	command_directory = /usr/sbin
	daemon_directory = /usr/lib/postfix/sbin
	mail_owner = postfix
	setgid_group = postdrop
	maillog_file = $T/postfix/log
	maillog_file_prefixes = $T
	END
}

# Of master.cf, what each needs that receives mail, and what it needs besides
# to send it on.
postfix_receives()
{
	echo 'cleanup unix n - n - 0 cleanup'
	echo 'tlsmgr unix - - n 1000? 1 tlsmgr'
	echo 'rewrite unix - - n - - trivial-rewrite'
	echo 'proxymap unix - - n - - proxymap'
	echo 'anvil unix - - n - 1 anvil'
	echo 'postlog unix-dgram n - n - 1 postlogd'
}

postfix_sends()
{
	local service

	echo 'pickup unix n - n 60 1 pickup'
	echo 'qmgr unix n - n 300 1 qmgr'
	for service in bounce defer trace; do
		echo "$service unix - - n - 0 bounce"
	done
	for service in showq error discard; do
		echo "$service unix - - n - - $service"
	done
	echo 'retry unix - - n - - error'
}

start_postfix()
{
	postfix_home
	mkdir -p mail
	chown nobody mail
	cat >>postfix/conf/main.cf <<-END
	myhostname = smarthost.example
	mydestination =
	inet_interfaces = 127.0.0.1
	inet_protocols = ipv4
	mynetworks = 127.0.0.0/8
	alias_maps =
	smtpd_tls_security_level = may
	smtpd_tls_cert_file = $T/server.pem
	smtpd_tls_key_file = $T/server.key
	smtpd_recipient_restrictions =
	    check_recipient_access inline:{
	        {refused@mail.example = 550 5.1.1 No such user}
	        {greylisted@mail.example = 450 4.2.0 Come again} }
	    permit_mynetworks, reject
	virtual_mailbox_domains = static:all
	virtual_mailbox_maps = static:inbox/
	virtual_mailbox_base = $T/mail
	virtual_uid_maps = static:$(id -u nobody)
	virtual_gid_maps = static:$(id -g nobody)
	virtual_mailbox_limit = 0
	END
	{
		echo "127.0.0.1:$smtp_port inet n - n - - smtpd"
		echo 'virtual unix - n n - - virtual'
		postfix_receives
		postfix_sends
	} >postfix/conf/master.cf
	postfix -c "$T/postfix/conf" start || return 1
	wait_for 20 port_open "$smtp_port"
}

stop_postfix()
{
	[[ -s $T/postfix/spool/pid/master.pid ]] || return 0
	postfix -c "$T/postfix/conf" stop >/dev/null 2>&1
}

# mail COMMAND [ARG]...
mail()
{
	"$root/tests/e2e/mail.py" "$@"
}

mails()
{
	find "$T/mail/inbox/new" -type f 2>/dev/null
}

# Accepted is not yet delivered: mails_are N
mails_are()
{
	(($(mails | wc -l) == $1))
}
