/* Against https servers on the loopback: tls_peer.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "conf/clock.h"
#include "reporter/fetch.h"
#include "tests/reporter/expect.h"
#include "tests/reporter/tls_peer.h"

#define ROWS(a)	(sizeof(a) / sizeof((a)[0]))
#define SECONDS	3	/* enough for what works, even on a busy machine */
#define LATE	"no answer within 3 s"
#define POLICY \
	"version: STSv1\nmode: enforce\nmx: mx.test\nmax_age: 86400\n"

/* What a server's policy comes to; whatever is 0 here has to be. */
static const struct row {
	const char *server;
	enum fetch_stage stage;
	const char *why;	/* the beginning; "": any */
	long status;
	const char *type, *body;	/* NULL: "" */
	unsigned faults;
	bool late, too_long;
} rows[] = {
	{ "ok", FETCH_COMPLETE, NULL, 200, "text/plain", POLICY, 0, 0, 0 },
	{ "ok-self", FETCH_COMPLETE, NULL, 200, "text/plain", POLICY,
	    CHAIN_SELF_SIGNED, 0, 0 },
	{ "ok-expired", FETCH_COMPLETE, NULL, 200, "text/plain", POLICY,
	    CHAIN_EXPIRED, 0, 0 },
	{ "ok-other", FETCH_COMPLETE, NULL, 200, "text/plain", POLICY,
	    CHAIN_WRONG_NAME, 0, 0 },
	{ "not-found", FETCH_COMPLETE, NULL, 404, "text/html",
	    "<html></html>", 0, 0, 0 },
	{ "moved", FETCH_COMPLETE, NULL, 301, "", "", 0, 0, 0 },
	{ "no-type", FETCH_COMPLETE, NULL, 200, "", POLICY, 0, 0, 0 },
	{ "odd-type", FETCH_COMPLETE, NULL, 200, "text/??plain", POLICY, 0, 0,
	    0 },
	{ "empty", FETCH_COMPLETE, NULL, 200, "text/plain", "", 0, 0, 0 },
	{ "too-long", FETCH_ANSWERED, "more than 65536 bytes", 200,
	    "text/plain", NULL, 0, 0, true },
	{ "endless", FETCH_ANSWERED, "more than 65536 bytes", 200,
	    "text/plain", NULL, 0, 0, true },
	{ "endless-headers", FETCH_SECURED,
	    "more than 65536 bytes of headers", 0, "", "", 0, 0, 0 },
	{ "body-silent", FETCH_ANSWERED, LATE, 200, "text/plain", "version",
	    0, true, 0 },
	{ "body-cut", FETCH_ANSWERED, "", 200, "text/plain",
	    "v", 0, 0, 0 },
	{ "says-nothing", FETCH_SECURED, LATE, 0, "", "", 0, true, 0 },
	{ "drips", FETCH_SECURED, LATE, 0, "", "", 0, true, 0 },
	{ "not-http", FETCH_SECURED, "Received HTTP/0.9", 0, "", "", 0, 0,
	    0 },
	{ "hangs-up", FETCH_SECURED, "", 0, "", "", 0, 0,
	    0 },
	{ "bare-silent", FETCH_CONNECTED, LATE, 0, "", "", 0, true, 0 },
	{ "bare-flood", FETCH_CONNECTED, "", 0, "", "", 0, 0, 0 },
	{ "bare-cut", FETCH_CONNECTED, "OpenSSL SSL_connect: ", 0, "", "", 0,
	    0, 0 },
	{ "bare-garbage", FETCH_CONNECTED, "", 0, "", "", 0, 0, 0 },
};

static struct fetch got[ROWS(rows)];

static struct fetch_config
config(void)
{
	return (struct fetch_config){ .store = peer.store,
	    .user_agent = "probe/1", .timeout = SECONDS, .port = peer.port,
	    .allow_private = true, .now = NOW };
}

static void
fetch(struct fetch *f, const struct fetch_config *c, const char *server)
{
	const char *address = peer_address(server);

	fetch_policy(f, c, PEER_HOST, &address, 1);
}

static void
fetch_row(void *arg, size_t i)
{
	fetch(&got[i], arg, rows[i].server);
}

static void
judge(const struct row *row, const struct fetch *f)
{
	if ((f->why == NULL) != (row->why == NULL) || (row->why != NULL &&
	    strncmp(f->why, row->why, strlen(row->why)) != 0))
		expect(row->server, f->why ? xstrdup(f->why) : NULL,
		    row->why);
	if (f->stage != row->stage || f->status != row->status ||
	    f->late != row->late || f->too_long != row->too_long ||
	    f->guarded)
		fail_msg("%s: stage %d, status %ld, late %d, too long %d (%s)",
		    row->server, f->stage, f->status, f->late, f->too_long,
		    f->why);
	assert_string_equal(f->address, peer_address(row->server));
	assert_string_equal(f->type, row->type);
	if (row->body != NULL)
		assert_string_equal(f->body, row->body);
	else
		assert_int_equal(f->len, FETCH_BODY_MAX);
	assert_int_equal(f->len, strlen(f->body));
	if (f->chain.faults != row->faults)
		fail_msg("%s: faults %x", row->server, f->chain.faults);
	assert_string_equal(f->version,
	    f->stage >= FETCH_SECURED ? "TLSv1.3" : "");
}

/* All at once, so that those that hang cost their timeout only once. */
static void
servers(void **state)
{
	struct fetch_config c = config();
	int64_t begin = clock_ms();

	(void)state;
	peer_all(ROWS(rows), fetch_row, &c);
	assert_true(clock_ms() - begin < (SECONDS + 5) * 1000);
	for (size_t i = 0; i < ROWS(rows); i++) {
		judge(&rows[i], &got[i]);
		fetch_release(&got[i]);
		fetch_release(&got[i]);
	}
	fetch_release(NULL);
}

static void
at_most_that_long(void **state)
{
	struct fetch_config c = config();
	struct fetch f;

	(void)state;
	fetch(&f, &c, "at-most");
	assert_int_equal(f.stage, FETCH_COMPLETE);
	assert_int_equal(f.len, FETCH_BODY_MAX);
	assert_false(f.too_long);
	fetch_release(&f);
}

static void
redirects_are_not_followed(void **state)
{
	struct fetch_config c = config();
	char *notes, *first;
	struct fetch f;

	(void)state;
	fetch(&f, &c, "moved");
	assert_string_equal(f.location,
	    "https://mta-sts." PEER_HOST "/elsewhere");
	fetch_release(&f);
	notes = peer_notes("requests");
	assert_non_null(first = strstr(notes, "moved: "));
	assert_null(strstr(first, "/elsewhere"));
	free(notes);
}

/* Neither port nor proxy nor password shows, whatever is set. */
static void
the_request(void **state)
{
	struct fetch_config c = config();
	struct fetch f;
	char *notes;

	(void)state;
	fetch(&f, &c, "ok");
	fetch_release(&f);
	notes = peer_notes("requests");
	assert_non_null(strstr(notes, "ok: mta-sts." PEER_HOST
	    " GET /.well-known/mta-sts.txt HTTP/1.1 | Host: mta-sts." PEER_HOST
	    " | User-Agent: probe/1 | Accept: */*\n"));
	free(notes);
}

static void
the_next_address(void **state)
{
	const char *two[] = { "127.0.3.1", peer_address("ok") };
	struct fetch_config c = config();
	struct fetch f;

	(void)state;
	fetch_policy(&f, &c, PEER_HOST, two, 2);
	assert_int_equal(f.stage, FETCH_COMPLETE);
	assert_string_equal(f.address, two[1]);
	fetch_release(&f);
}

static void
no_connection(void **state)
{
	const char *nobody = "127.0.3.1", *six = "::1";
	struct fetch_config c = config();
	struct fetch f;

	(void)state;
	fetch_policy(&f, &c, PEER_HOST, &nobody, 1);
	assert_int_equal(f.stage, FETCH_NOWHERE);
	assert_string_equal(f.address, "");
	assert_false(f.guarded);
	assert_string_equal(f.body, "");
	assert_non_null(f.why);
	fetch_release(&f);
	fetch_policy(&f, &c, PEER_HOST, &six, 1);
	assert_int_equal(f.stage, FETCH_NOWHERE);
	fetch_release(&f);
	/* The system's resolver knows this one. */
	fetch_hello(&f, &c, "localhost", peer.port, NULL, 0);
	assert_int_equal(f.stage, FETCH_NOWHERE);
	assert_string_equal(f.why, "it has no address");
	fetch_release(&f);
}

static void
our_own_network(void **state)
{
	const char *mapped = "::ffff:127.0.2.1", *six = "::1";
	struct fetch_config c = config();
	struct fetch f;

	(void)state;
	c.allow_private = false;
	fetch(&f, &c, "ok");
	assert_int_equal(f.stage, FETCH_NOWHERE);
	assert_true(f.guarded);
	assert_non_null(strstr(f.why, "is not for us to use: loopback"));
	fetch_release(&f);
	fetch_policy(&f, &c, PEER_HOST, &mapped, 1);
	assert_true(f.guarded);
	fetch_release(&f);
	fetch_hello(&f, &c, "127.0.2.1", peer.port, &mapped, 1);
	assert_true(f.guarded);
	fetch_release(&f);
	fetch_hello(&f, &c, "[::1]", peer.port, &six, 1);
	assert_true(f.guarded);
	assert_non_null(strstr(f.why, "::1 is not for us to use: loopback"));
	fetch_release(&f);
}

/* --- a handshake only --------------------------------------------------- */

static void
only_hello(void **state)
{
	struct fetch_config c = config();
	const char *address = peer_address("says-nothing");
	struct fetch f;
	char *notes;

	(void)state;
	fetch_hello(&f, &c, PEER_HOST, peer.port, &address, 1);
	assert_int_equal(f.stage, FETCH_SECURED);
	assert_null(f.why);
	assert_int_equal(f.chain.faults, 0);
	assert_int_equal(f.status, 0);
	fetch_release(&f);
	fetch_hello(&f, &c, "elsewhere.test", peer.port, &address, 1);
	assert_int_equal(f.chain.faults, CHAIN_WRONG_NAME);
	fetch_release(&f);
	fetch_hello(&f, &c, address, peer.port, &address, 1);
	assert_int_equal(f.stage, FETCH_SECURED);
	assert_int_equal(f.chain.faults, CHAIN_WRONG_NAME);
	fetch_release(&f);
	address = peer_address("bare-cut");
	fetch_hello(&f, &c, PEER_HOST, peer.port, &address, 1);
	assert_int_equal(f.stage, FETCH_CONNECTED);
	assert_non_null(f.why);
	fetch_release(&f);
	notes = peer_notes("requests");
	assert_non_null(strstr(notes,
	    "says-nothing: " PEER_HOST ", nothing\n"));
	assert_null(strstr(notes, "says-nothing: " PEER_HOST " "));
	free(notes);
}

static int
set_up(void **state)
{
	setenv("https_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	return peer_start(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(servers),
		TEST(at_most_that_long),
		TEST(redirects_are_not_followed),
		TEST(the_request),
		TEST(the_next_address),
		TEST(no_connection),
		TEST(our_own_network),
		TEST(only_hello),
	};

	return cmocka_run_group_tests(tests, set_up, peer_stop);
}
