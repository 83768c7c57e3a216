#!/usr/bin/env bash
# 10,000 reports to one dead collector hold up nobody and make no 10,000
# attempts, nor does a low limit on files; mail sessions run side by side, with
# so many mails each.
. "$(dirname "$0")/lib.sh"

trap 'kill $dead $sink 2>/dev/null; stop_nginx' EXIT
dead='' sink=''
dead_port=18444
base=https://$https_host:$https_port

make_conf
conf_set dns rua_lookup never
conf_set https timeout 4
conf_set mail tls none
conf_set dkim signer smarthost
conf_set mail parallel 3
conf_set mail messages_per_session 4
need start_nginx

# Takes connections, writes a line for each, and says nothing.
python3 -c "import socket
s = socket.create_server(('127.0.0.1', $dead_port), backlog=512)
held = []
while True:
    held.append(s.accept())
    print('connection', flush=True)" >connections &
dead=$!
need wait_for 10 port_open $dead_port

awk -v dead="https://dead.localhost:$dead_port" -v live="$base" 'BEGIN {
	for (n = 0; n < 10100; n++)
		printf("{\"d\":\"d%d.example\",\"pr\":\"v=TLSRPTv1; " \
		    "rua=%s/%d\",\"policies\":[{\"policy-type\":9," \
		    "\"t\":1,\"f\":0}]}\n", n, n % 101 ? dead : live, n)
}' >day.jsonl
check 'records go in' spool add --day "$day" day.jsonl
posted()
{
	(($(grep -c '"status":201' posts.json) == 100))
}
start=$SECONDS
: >connections
timeout 30 "$build/tlsrpt-send" --config "$T/tlsrpt.conf" --once 2>log &
run=$!
check 'what goes to another host does not wait' wait_for 20 posted
echo "# $((SECONDS - start)) s"
ended()
{
	wait "$run"
	equal 1 $?
}
check 'the run ends soon' ended
echo "# $((SECONDS - start)) s"
attempts()
{
	local n
	n=$(wc -l <connections)
	echo "$n connections"
	((n > 0 && n <= 10))
}
check 'the dead one was hardly tried' attempts
check 'all of its reports wait for the next try' equal '10000 pending 1
100 sent 1' "$(sql "select count(*) || ' ' || state || ' ' || tries
    from delivery group by state, tries order by 1 desc" | sort -rn)"
check 'most of them were not tried now' test 9900 -lt "$(sql "select count(*)
    from delivery where note like 'not tried%'")"

# Where few files may be open, posts wait for one another.
rm -rf queue.db* spool
mkdir spool
conf_set https verify no
for n in {0..99}; do
	record "d$n.example" "v=TLSRPTv1; rua=https://h$n.localhost:$https_port/"
done >hosts.jsonl
check 'records for many hosts go in' spool add --day "$day" hosts.jsonl
with_few_files()
{
	(ulimit -n 70 && send --once)
}
check 'with few files all are sent' with_few_files

# A smarthost that answers DATA only when so many sessions are at it, each
# time; writes a line for each session that ends: its number of mails.
rm -rf queue.db* spool
mkdir spool
python3 - "$smtp_port" 3 >sessions <<'EOS' &
import os, socketserver, sys, threading

together = threading.Barrier(int(sys.argv[2]))

def say(what):      # in one write, since others do it, too
    os.write(1, f"{what}\n".encode())

class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text + b"\r\n")

    def handle(self):
        mails = 0
        self.say(b"220 smarthost.example ESMTP")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"DATA":
                if mails == 0:
                    try:
                        together.wait(10)
                    except threading.BrokenBarrierError:
                        say("alone")
                self.say(b"354 go on")
                while self.rfile.readline() != b".\r\n":
                    pass
                mails += 1
                self.say(b"250 taken")
            elif verb == b"QUIT":
                self.say(b"221 bye")
                break
            elif verb:
                self.say(b"250 well")
        if mails:
            say(mails)

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

Server(("127.0.0.1", int(sys.argv[1])), Session).serve_forever()
EOS
sink=$!
need wait_for 10 port_open "$smtp_port"
for n in {1..24}; do
	record "d$n.example" "v=TLSRPTv1; rua=mailto:tls@d$n.example"
done >mails.jsonl
check 'records for mails go in' spool add --day "$day" mails.jsonl
check 'all are sent' send --once
six_sessions()
{
	(($(grep -c . sessions) >= 6))
}
check 'all sessions end' wait_for 10 six_sessions
check 'each had four mails, and three were under way at a time' equal \
    $'4\n4\n4\n4\n4\n4' "$(<sessions)"
finish
