#!/usr/bin/env bash
# The main job on the bundled sample: a day of records of an outbound Postfix
# becomes reports, up to the point where they would leave.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${1:-$root/build}")
day=2026-11-21
dir=$(mktemp -d "${TMPDIR:-/tmp}/tlsrpt-demo.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"

say()
{
	printf '\n== %s\n' "$*"
}

# run PROGRAM [ARG]...: as an operator would type it
run()
{
	printf '\n$ %s\n' "$*"
	PATH=$build:$PATH "$@"
}

openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 \
    -out dkim.key
mkdir spool
cat >tlsrpt.conf <<END
[report]
organization_name = Example Sender
contact_info = tls-reports@sender.example
[spool]
directory = $dir/spool
runtime_directory = $dir
source = mta1
[queue]
database = $dir/queue.db
[dns]
rua_lookup = never
[dkim]
selector = demo
key_file = $dir/dkim.key
[log]
level = warn
END

say "A day of records as Postfix sends them, $(
    wc -l <"$root/tests/data/sample-day.jsonl") lines; two of them:"
grep -h -m 1 '"policy-type":9,"t":0' "$root/tests/data/sample-day.jsonl"
grep -h -m 1 '"c":204' "$root/tests/data/sample-day.jsonl"

say 'They go into the spool. What cannot be read is kept aside, with the reason.'
run tlsrpt-spool --config tlsrpt.conf add --day $day \
    "$root/tests/data/sample-day.jsonl"
cut -c 1-160 "spool/rejected/$day.jsonl"
run tlsrpt-spool --config tlsrpt.conf list

say 'What would be reported, and to whom. Nothing is sent, nothing is changed.'
run tlsrpt-send --config tlsrpt.conf --dry-run --day $day --out reports ||
    (($? == 1))

say 'One report, as the domain that asked for it gets it by HTTPS:'
json=$(echo reports/*'!example.net!'*.json)
cat "$json"

say 'And as mail, signed:'
eml=$(grep -l '^To: .*tls@example.net' reports/*.eml | head -n 1)
head -n 60 "$eml"
