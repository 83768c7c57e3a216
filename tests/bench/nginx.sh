# Sourced after lib.sh: an nginx that takes every POST, as any host below
# live.localhost, and writes the time of each to $scratch/posts.
# shellcheck shell=bash
port=18543
: "${scratch:?}"

start_nginx()
{
	openssl req -x509 -newkey ec -nodes -days 3 -subj /CN=bench \
	    -pkeyopt ec_paramgen_curve:P-256 \
	    -addext 'subjectAltName=DNS:*.live.localhost' \
	    -keyout "$scratch/key.pem" -out "$scratch/cert.pem" 2>/dev/null
	mkdir "$scratch/nginx"
	cat >"$scratch/nginx.conf" <<-END
	worker_processes 1;
	pid $scratch/nginx.pid;
	error_log $scratch/nginx.log;
	worker_rlimit_nofile 8192;
	events { worker_connections 4096; }
	http {
	    log_format time '\$msec';
	    access_log $scratch/posts time buffer=4k flush=100ms;
	    client_body_temp_path $scratch/nginx;
	    proxy_temp_path $scratch/nginx;
	    fastcgi_temp_path $scratch/nginx;
	    uwsgi_temp_path $scratch/nginx;
	    scgi_temp_path $scratch/nginx;
	    server {
	        listen 127.0.0.1:$port ssl http2 backlog=1024;
	        ssl_certificate $scratch/cert.pem;
	        ssl_certificate_key $scratch/key.pem;
	        keepalive_requests 1000000;
	        location / { return 201; }
	    }
	}
	END
	nginx -p "$scratch" -c "$scratch/nginx.conf"
	trap stop_nginx EXIT
}

stop_nginx()
{
	local pid
	pid=$(cat "$scratch/nginx.pid")
	kill "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
	rm -rf "$scratch"
}

# What tlsrpt-send needs to post to it; the section stays open at the end.
configure_https()
{
	cat >>"$scratch/tlsrpt.conf" <<-END
	[https]
	ca_file = $scratch/cert.pem
	allow_private = yes
	END
}
