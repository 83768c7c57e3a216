#!/bin/sh
# Make a CA and certificates in the folder named: what test_https.c needs.
set -eu
cd "$1"
exec 2>openssl.log

key() {
	openssl ecparam -genkey -name prime256v1 -noout -out "$1.key"
}

# signed NAME SAN DAYS
signed() {
	key "$1"
	openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
	printf 'subjectAltName=%s\n' "$2" >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key \
	    -CAcreateserial -extfile "$1.ext" -days "$3" -out "$1.crt"
}

key ca
openssl req -x509 -new -key ca.key -subj "/CN=Test CA" -days 2 -out ca.crt
signed good DNS:localhost,IP:127.0.0.1 2
signed wrong DNS:other.example 2
signed expired DNS:localhost -1
key self
openssl req -x509 -new -key self.key -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -days 2 -out self.crt
