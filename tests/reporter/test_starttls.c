/* Against mail servers on the loopback: tls_peer.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "conf/clock.h"
#include "reporter/starttls.h"
#include "tests/reporter/expect.h"
#include "tests/reporter/tls_peer.h"

#define ROWS(a)	(sizeof(a) / sizeof((a)[0]))
#define SECONDS	3	/* enough for what works, even on a busy machine */
#define LATE(what)	what ": no answer within 3 s"

/* What a server's probe comes to; whatever is 0 here has to be. */
static const struct row {
	const char *server;
	enum starttls_stage stage;
	const char *why;
	bool late, injected;
	int version;		/* 0: TLS 1.3 once it is secured */
	unsigned faults;
} rows[] = {
	{ .server = "good", .stage = STARTTLS_WORKS },
	{ .server = "lower-case", .stage = STARTTLS_WORKS },
	{ .server = "long-greeting", .stage = STARTTLS_WORKS },
	{ .server = "plain", .stage = STARTTLS_PLAIN },
	{ .server = "one-line", .stage = STARTTLS_PLAIN },
	{ .server = "refusing", .stage = STARTTLS_CONNECTED,
	    .why = "greeting: 554 ?[2Jno?" },
	{ .server = "busy", .stage = STARTTLS_CONNECTED,
	    .why = "greeting: 421 mx.test too busy" },
	{ .server = "silent", .stage = STARTTLS_CONNECTED,
	    .why = LATE("greeting"), .late = true },
	{ .server = "drip", .stage = STARTTLS_CONNECTED,
	    .why = LATE("greeting"), .late = true },
	{ .server = "endless-line", .stage = STARTTLS_CONNECTED,
	    .why = "greeting: a line of more than 2047 bytes" },
	{ .server = "endless-lines", .stage = STARTTLS_CONNECTED,
	    .why = "greeting: a reply of more than 256 lines" },
	{ .server = "garbage", .stage = STARTTLS_CONNECTED,
	    .why = "greeting: not a reply of SMTP" },
	{ .server = "hang-up", .stage = STARTTLS_CONNECTED,
	    .why = "greeting: it hangs up" },
	{ .server = "ehlo-502", .stage = STARTTLS_GREETED,
	    .why = "EHLO: 502 what?" },
	{ .server = "ehlo-silent", .stage = STARTTLS_GREETED,
	    .why = LATE("EHLO"), .late = true },
	{ .server = "ehlo-endless", .stage = STARTTLS_GREETED,
	    .why = "EHLO: a reply of more than 256 lines" },
	{ .server = "ehlo-cut", .stage = STARTTLS_GREETED,
	    .why = "EHLO: it hangs up" },
	{ .server = "refuse-tls", .stage = STARTTLS_OFFERED,
	    .why = "STARTTLS: 454 TLS not available" },
	{ .server = "tls-silent", .stage = STARTTLS_ACCEPTED,
	    .why = LATE("TLS handshake"), .late = true },
	{ .server = "tls-cut", .stage = STARTTLS_ACCEPTED,
	    .why = "TLS handshake: it hangs up" },
	{ .server = "tls-garbage", .stage = STARTTLS_ACCEPTED,
	    .why = "TLS handshake: wrong version number" },
	{ .server = "tls-drip", .stage = STARTTLS_ACCEPTED,
	    .why = "TLS handshake: wrong version number" },
	{ .server = "tls-flood", .stage = STARTTLS_ACCEPTED,
	    .why = "TLS handshake: Protocol error" },
	{ .server = "injected", .stage = STARTTLS_ACCEPTED,
	    .why = "STARTTLS: more text in clear behind the reply",
	    .injected = true },
	{ .server = "tls10", .stage = STARTTLS_WORKS,
	    .version = TLS1_VERSION },
	{ .server = "tls11", .stage = STARTTLS_WORKS,
	    .version = TLS1_1_VERSION },
	{ .server = "tls12", .stage = STARTTLS_WORKS,
	    .version = TLS1_2_VERSION },
	{ .server = "self", .stage = STARTTLS_WORKS,
	    .faults = CHAIN_SELF_SIGNED },
	{ .server = "expired", .stage = STARTTLS_WORKS,
	    .faults = CHAIN_EXPIRED },
	{ .server = "other", .stage = STARTTLS_WORKS,
	    .faults = CHAIN_WRONG_NAME },
	{ .server = "inside-silent", .stage = STARTTLS_SECURED,
	    .why = LATE("EHLO"), .late = true },
	{ .server = "inside-cut", .stage = STARTTLS_SECURED,
	    .why = "EHLO: it hangs up" },
	{ .server = "inside-502", .stage = STARTTLS_SECURED,
	    .why = "EHLO: 502 no" },
	{ .server = "inside-flood", .stage = STARTTLS_SECURED,
	    .why = "EHLO: a reply of more than 256 lines" },
};

static struct starttls got[ROWS(rows)];

static struct starttls_config
config(void)
{
	return (struct starttls_config){ .store = peer.store,
	    .helo = "probe.test", .timeout = SECONDS, .port = peer.port,
	    .allow_private = true, .now = NOW };
}

static void
probe_row(void *arg, size_t i)
{
	starttls_probe(&got[i], arg, PEER_HOST, peer_address(rows[i].server));
}

static void
judge(const struct row *row, const struct starttls *s)
{
	int version = row->version != 0 ? row->version : TLS1_3_VERSION;

	expect(row->server, s->why ? xstrdup(s->why) : NULL, row->why);
	if (s->stage != row->stage || s->late != row->late ||
	    s->injected != row->injected || s->guarded)
		fail_msg("%s: stage %d, late %d, injected %d", row->server,
		    s->stage, s->late, s->injected);
	if (s->stage < STARTTLS_SECURED) {
		assert_int_equal(s->version, 0);
		assert_null(s->chain.certs);
		return;
	}
	if (s->version != version || s->chain.faults != row->faults)
		fail_msg("%s: version %x, faults %x", row->server, s->version,
		    s->chain.faults);
	assert_true(s->cipher[0] != '\0');
}

/* All at once, so that those that hang cost their timeout only once. */
static void
servers(void **state)
{
	struct starttls_config c = config();
	int64_t begin = clock_ms();

	(void)state;
	peer_all(ROWS(rows), probe_row, &c);
	/* Nobody can hold us for much longer than the timeout. */
	assert_true(clock_ms() - begin < (SECONDS + 5) * 1000);
	for (size_t i = 0; i < ROWS(rows); i++) {
		judge(&rows[i], &got[i]);
		assert_true(!got[i].late || got[i].ms >= SECONDS * 1000);
		starttls_release(&got[i]);
		starttls_release(&got[i]);
	}
	starttls_release(NULL);
}

static void
probe(struct starttls *s, const struct starttls_config *c, const char *server)
{
	starttls_probe(s, c, PEER_HOST, peer_address(server));
}

static void
what_is_kept(void **state)
{
	struct starttls_config c = config();
	struct starttls s;

	(void)state;
	probe(&s, &c, "long-greeting");
	assert_string_equal(s.greeting, "220-one");
	assert_string_equal(s.reply, "250-mx.test");
	assert_int_equal(s.code, 250);
	assert_string_equal(s.version_name, "TLSv1.3");
	assert_memory_equal(s.cipher, "TLS_", 4);
	assert_int_equal(sk_X509_num(s.chain.certs), 2);
	assert_string_equal(s.chain.subject, "CN=" PEER_HOST);
	assert_string_equal(s.chain.version, "TLSv1.3");
	starttls_release(&s);
	probe(&s, &c, "refuse-tls");
	assert_int_equal(s.code, 454);
	starttls_release(&s);
}

static void
the_dialogue(void **state)
{
	struct starttls_config c = config();
	struct starttls s;
	char *notes;

	(void)state;
	probe(&s, &c, "good");
	starttls_release(&s);
	notes = peer_notes("dialogue");
	assert_non_null(strstr(notes, "good: EHLO probe.test\ngood: STARTTLS\n"
	    "good: TLSv1.3\ngood: EHLO probe.test\ngood: QUIT\n"));
	free(notes);
	/* Polite to those it did not like, too. */
	probe(&s, &c, "refuse-tls");
	starttls_release(&s);
	notes = peer_notes("dialogue");
	assert_non_null(strstr(notes, "refuse-tls: STARTTLS\n"
	    "refuse-tls: QUIT\n"));
	free(notes);
}

static void
no_connection(void **state)
{
	struct starttls_config c = config();
	struct starttls s;

	(void)state;
	c.port = 1;
	probe(&s, &c, "good");
	assert_int_equal(s.stage, STARTTLS_NOWHERE);
	assert_string_equal(s.why, "connection: Connection refused");
	starttls_release(&s);
	starttls_probe(&s, &c, PEER_HOST, "mx.test");
	assert_string_equal(s.why, "connection: not an IP address");
	starttls_release(&s);
	starttls_probe(&s, &c, PEER_HOST, "::1");
	assert_int_equal(s.stage, STARTTLS_NOWHERE);
	starttls_release(&s);
}

static void
our_own_network(void **state)
{
	struct starttls_config c = config();
	struct starttls s;

	(void)state;
	c.allow_private = false;
	probe(&s, &c, "good");
	assert_true(s.guarded);
	assert_int_equal(s.stage, STARTTLS_NOWHERE);
	assert_non_null(strstr(s.why, "is not for us to use: loopback"));
	starttls_release(&s);
	starttls_probe(&s, &c, PEER_HOST, "::ffff:10.0.0.1");
	assert_true(s.guarded);
	starttls_release(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(servers),
		TEST(what_is_kept),
		TEST(the_dialogue),
		TEST(no_connection),
		TEST(our_own_network),
	};

	return cmocka_run_group_tests(tests, peer_start, peer_stop);
}
