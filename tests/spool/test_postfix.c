#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "spool/postfix.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))
#define NEWEST	1795392000	/* 2026-11-23T00:00:00Z */

/* What an SMTP client says at a time of 21 November, by process 347. */
#define AT(time, text)	\
	"2026-11-21T" time "Z mta1 postfix/smtp[347]: " text "\n"
#define SMTP(text)	AT("10:00:00", text)
#define OTHER(text)	\
	"2026-11-21T10:00:00Z mta1 postfix/smtp[348]: " text "\n"
#define PROXY(text)	\
	"2026-11-21T10:00:00Z mta1 postfix/tlsproxy[350]: " text "\n"

#define MX1	"mx1.example.com[192.0.2.1]"
#define MX2	"mx2.example.com[2001:db8::2]"
#define TLS(kind, mx)	kind " TLS connection established to " mx \
	":25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"
#define TO(to, mx)	"4F1A2B3C4D: to=<" to ">, relay=" mx ":25, " \
	"delay=0.16, delays=0.01/0.02/0.13/0, "
#define SENT(to, mx)	TO(to, mx) "dsn=2.0.0, status=sent (250 2.0.0 Ok)"
#define DEFERRED(to, mx, why) TO(to, mx) "dsn=4.7.5, status=deferred (" why ")"
#define TLSRPT(status, domain, mx) \
	"TLSRPT: status=" status ", domain=" domain ", receiving_mx=" mx
#define NOT_OFFERED(mx)	"TLS is required, but was not offered by host " mx
#define VERIFY(mx, what) "certificate verification failed for " mx ":25: " what
#define UNVERIFIED	"Server certificate not verified"
#define FINE		"example.com 0 - - -\n"
#define NO_HANDSHAKE	"Cannot start TLS: handshake failure"

static const struct {
	const char *name, *log;
	const char *sessions;	/* domain result mx address reason */
	uint64_t tlsrpt, uncorrelated, nameless;
} rows[] = {
	/* --- 3.10 and later --- */
	{ "TLSRPT success",
	    SMTP(TLS("Trusted", MX1))
	    SMTP(TLSRPT("success", "Example.COM", MX1))
	    SMTP(SENT("u@example.com", MX1)),
	    FINE, 1, 0, 0 },
	{ "TLSRPT failure",
	    SMTP(TLSRPT("failure", "example.com", MX1)
	    ", failure_type=certificate_expired"),
	    "example.com 204 mx1.example.com 192.0.2.1 -\n", 1, 0, 0 },
	{ "TLSRPT failure with a reason",
	    PROXY(TLSRPT("failure", "example.com", MX2)
	    ", failure_type=validation_failure, "
	    "failure_reason=self-signed_certificate"),
	    "example.com 205 mx2.example.com 2001:db8::2 "
	    "self-signed_certificate\n", 1, 0, 0 },
	{ "TLSRPT failure of a policy",
	    SMTP(TLSRPT("failure", "example.com", MX1)
	    ", failure_type=sts_webpki_invalid"),
	    "example.com 303 mx1.example.com 192.0.2.1 -\n", 1, 0, 0 },
	{ "TLSRPT failure of no known type",
	    SMTP(TLSRPT("failure", "example.com", MX1)
	    ", failure_type=failure_type_400"), "", 0, 0, 0 },
	{ "TLSRPT of no domain",
	    SMTP(TLSRPT("success", "a b", MX1)), "", 0, 0, 1 },
	{ "a host that speaks TLSRPT is believed in nothing else",
	    SMTP(TLSRPT("success", "example.com", MX1))
	    OTHER(TLS("Trusted", MX2))
	    OTHER(SENT("u@example.org", MX2))
	    OTHER(DEFERRED("u@example.net", MX2, NOT_OFFERED(MX2))),
	    FINE, 1, 0, 0 },
	{ "what waits when it begins to speak is not counted either",
	    OTHER(TLS("Trusted", MX2))
	    SMTP(TLSRPT("success", "example.com", MX1))
	    OTHER(SENT("u@example.org", MX2)),
	    FINE, 1, 0, 0 },
	{ "another host may be older",
	    SMTP(TLSRPT("success", "example.com", MX1))
	    "2026-11-21T10:00:00Z mta2 postfix/smtp[1]: "
	    TLS("Trusted", MX2) "\n"
	    "2026-11-21T10:00:00Z mta2 postfix/smtp[1]: "
	    SENT("u@example.org", MX2) "\n",
	    "example.com 0 - - -\nexample.org 0 - - -\n", 1, 0, 0 },

	/* --- older: sessions --- */
	{ "a trusted session", SMTP(TLS("Trusted", MX1))
	    SMTP(SENT("u@example.com", MX1)), FINE, 0, 0, 0 },
	{ "an anonymous one", SMTP(TLS("Anonymous", MX1))
	    SMTP(SENT("u@example.com", MX1)), FINE, 0, 0, 0 },
	{ "an untrusted one, which nobody minds",
	    SMTP(VERIFY(MX1, "self-signed certificate"))
	    SMTP(TLS("Untrusted", MX1))
	    SMTP(SENT("u@example.com", MX1)), FINE, 0, 0, 0 },
	{ "its mail is refused: TLS was a success",
	    SMTP(TLS("Verified", MX1))
	    SMTP("4F1A2B3C4D: to=<u@example.com>, relay=" MX1 ":25, delay=1, "
	    "delays=0/0/0/1, dsn=5.1.1, status=bounced (host " MX1 " said: "
	    "550 no (in reply to RCPT TO command))"),
	    FINE, 0, 0, 0 },
	{ "one session with three recipients",
	    SMTP(TLS("Trusted", MX1)) SMTP(SENT("a@example.com", MX1))
	    SMTP(SENT("b@example.com", MX1)) SMTP(SENT("c@example.com", MX1)),
	    FINE, 0, 0, 0 },
	{ "an alias: the recipient decides",
	    SMTP(TLS("Trusted", MX1))
	    SMTP("4F1A2B3C4D: to=<u@example.com>, orig_to=<root@example.net>, "
	    "relay=" MX1 ":25, delay=1, dsn=2.0.0, status=sent (250 Ok)"),
	    FINE, 0, 0, 0 },
	{ "a recipient that pretends",
	    SMTP(TLS("Trusted", MX1))
	    SMTP(SENT("\\\"x>, relay=" MX2 ":25@evil.test\\\"@example.com",
	    MX1)),
	    "", 0, 1, 0 },
	{ "a quoted recipient",
	    SMTP(TLS("Trusted", MX1))
	    SMTP(SENT("\"x\\\">, relay=" MX2 ":25@evil.test\"@example.com",
	    MX1)), FINE, 0, 0, 0 },
	{ "an address of Unicode",
	    SMTP(TLS("Trusted", MX1))
	    SMTP(SENT("u@b\xc3\xbc" "cher.example", MX1)),
	    "xn--bcher-kva.example 0 - - -\n", 0, 0, 0 },
	{ "a recipient without a domain", SMTP(TLS("Trusted", MX1))
	    SMTP(SENT("u@[192.0.2.1]", MX1)), "", 0, 0, 1 },
	{ "a reused session is no new one",
	    SMTP("Trusted TLS connection reused to " MX1 ":25: TLSv1.3")
	    SMTP(SENT("u@example.com", MX1)), "", 0, 0, 0 },
	{ "without TLS", SMTP(SENT("u@example.com", MX1)), "", 0, 0, 0 },
	{ "two processes at once",
	    SMTP(TLS("Trusted", MX1)) OTHER(TLS("Trusted", MX1))
	    SMTP(SENT("u@example.com", MX1)) OTHER(SENT("u@example.org", MX1)),
	    "example.com 0 - - -\nexample.org 0 - - -\n", 0, 0, 0 },
	{ "the first host does not take it, the second does",
	    SMTP(TLS("Trusted", MX1))
	    SMTP("4F1A2B3C4D: host " MX1 " said: 450 later")
	    SMTP(TLS("Trusted", MX2)) SMTP(SENT("u@example.com", MX2)),
	    "example.com 0 - - -\nexample.com 0 - - -\n", 0, 0, 0 },
	{ "and the second does not answer",
	    SMTP(TLS("Trusted", MX1))
	    SMTP("4F1A2B3C4D: host " MX1 " said: 450 later")
	    SMTP("connect to " MX2 ":25: Connection refused")
	    SMTP("4F1A2B3C4D: to=<u@example.com>, relay=none, delay=1, "
	    "dsn=4.4.1, status=deferred (connect to " MX2 ":25: Connection "
	    "refused)"), FINE, 0, 0, 0 },
	{ "other names of the program",
	    "2026-11-21T10:00:00Z mta1 postfix-out/smtp[1]: "
	    TLS("Trusted", MX1) "\n"
	    "2026-11-21T10:00:00Z mta1 postfix-out/smtp[1]: "
	    SENT("u@example.com", MX1) "\n"
	    "2026-11-21T10:00:00Z mta1 mail/relay/smtp[1]: "
	    TLS("Trusted", MX1) "\n"
	    "2026-11-21T10:00:00Z mta1 mail/relay/smtp[1]: "
	    SENT("u@example.org", MX1) "\n",
	    "example.com 0 - - -\nexample.org 0 - - -\n", 0, 0, 0 },
	{ "other programs",
	    "2026-11-21T10:00:00Z mta1 postfix/smtpd[1]: Trusted TLS "
	    "connection established from " MX1 ": TLSv1.3\n"
	    "2026-11-21T10:00:00Z mta1 postfix/lmtp[1]: "
	    TLS("Trusted", MX1) "\n"
	    "2026-11-21T10:00:00Z mta1 postfix/lmtp[1]: "
	    SENT("u@example.com", MX1) "\n"
	    "2026-11-21T10:00:00Z mta1 smtp[1]: " TLS("Trusted", MX1) "\n",
	    "", 0, 0, 0 },

	/* --- older: failures --- */
	{ "STARTTLS not offered",
	    SMTP(DEFERRED("u@example.com", MX1, NOT_OFFERED(MX1))),
	    "example.com 201 mx1.example.com 192.0.2.1 -\n", 0, 0, 0 },
	{ "to two recipients",
	    SMTP(DEFERRED("a@example.com", MX1, NOT_OFFERED(MX1)))
	    SMTP(DEFERRED("b@example.com", MX1, NOT_OFFERED(MX1))),
	    "example.com 201 mx1.example.com 192.0.2.1 -\n", 0, 0, 0 },
	{ "the same message, next time",
	    SMTP(DEFERRED("a@example.com", MX1, NOT_OFFERED(MX1)))
	    AT("10:05:00", DEFERRED("a@example.com", MX1, NOT_OFFERED(MX1))),
	    "example.com 201 mx1.example.com 192.0.2.1 -\n"
	    "example.com 201 mx1.example.com 192.0.2.1 -\n", 0, 0, 0 },
	{ "the same message, flushed at once",
	    SMTP(TLS("Trusted", MX1))
	    SMTP(DEFERRED("u@example.com", MX1, UNVERIFIED))
	    SMTP(TLS("Trusted", MX1))
	    SMTP(DEFERRED("u@example.com", MX1, UNVERIFIED)),
	    "example.com 202 mx1.example.com 192.0.2.1 -\n"
	    "example.com 202 mx1.example.com 192.0.2.1 -\n", 0, 0, 0 },
	{ "STARTTLS refused",
	    SMTP(DEFERRED("u@example.com", MX1, "TLS is required, but host "
	    MX1 " refused to start TLS: 454 4.7.0 TLS not available")),
	    "example.com 201 mx1.example.com 192.0.2.1 -\n", 0, 0, 0 },
	{ "not offered by the first host, fine at the second",
	    SMTP("4F1A2B3C4D: " NOT_OFFERED(MX1))
	    SMTP(TLS("Trusted", MX2)) SMTP(SENT("u@example.com", MX2)),
	    "example.com 201 mx1.example.com 192.0.2.1 -\n"
	    FINE, 0, 0, 0 },
	{ "a peer cannot put words into Postfix's mouth",
	    SMTP(DEFERRED("u@example.com", MX1, "host " MX1 " said: 450 "
	    NOT_OFFERED(MX2))), "", 0, 0, 0 },
	{ "no handshake",
	    SMTP("SSL_connect error to " MX1 ":25: lost connection")
	    SMTP(DEFERRED("u@example.com", MX1, NO_HANDSHAKE)),
	    "example.com 205 mx1.example.com 192.0.2.1 "
	    "tls-handshake-failure\n", 0, 0, 0 },
	{ "no handshake, then without TLS",
	    SMTP("SSL_connect error to " MX1 ":25: -1")
	    SMTP(SENT("u@example.com", MX1)),
	    "example.com 205 mx1.example.com 192.0.2.1 "
	    "tls-handshake-failure\n", 0, 0, 0 },
	{ "no handshake, as tlsproxy tells it",
	    PROXY("SSL_connect error to " MX1 ":25: lost connection")
	    SMTP(DEFERRED("u@example.com", MX1, NO_HANDSHAKE)),
	    "example.com 205 mx1.example.com 192.0.2.1 "
	    "tls-handshake-failure\n", 0, 0, 0 },
	{ "no handshake with either host",
	    SMTP("SSL_connect error to " MX1 ":25: lost connection")
	    SMTP("4F1A2B3C4D: " NO_HANDSHAKE)
	    SMTP("SSL_connect error to " MX2 ":25: lost connection")
	    SMTP(DEFERRED("u@example.com", MX2, NO_HANDSHAKE)),
	    "example.com 205 mx1.example.com 192.0.2.1 tls-handshake-failure\n"
	    "example.com 205 mx2.example.com 2001:db8::2 "
	    "tls-handshake-failure\n", 0, 0, 0 },
	{ "expired",
	    SMTP("server " VERIFY(MX1, "certificate has expired"))
	    SMTP(TLS("Untrusted", MX1))
	    SMTP(DEFERRED("u@example.com", MX1, UNVERIFIED)),
	    "example.com 204 mx1.example.com 192.0.2.1 -\n", 0, 0, 0 },
	{ "self-signed, before OpenSSL 3",
	    SMTP(VERIFY(MX1, "self signed certificate"))
	    SMTP(TLS("Untrusted", MX1))
	    SMTP(DEFERRED("u@example.com", MX1,
	    "Server certificate not trusted")),
	    "example.com 205 mx1.example.com 192.0.2.1 "
	    "self-signed_certificate\n", 0, 0, 0 },
	{ "of an unknown issuer, as tlsproxy tells it",
	    PROXY(VERIFY(MX1, "untrusted issuer /CN=Nobody"))
	    PROXY(TLS("Untrusted", MX1)) SMTP(TLS("Untrusted", MX1))
	    SMTP(DEFERRED("u@example.com", MX1, UNVERIFIED)),
	    "example.com 205 mx1.example.com 192.0.2.1 untrusted_issuer\n",
	    0, 0, 0 },
	{ "by OpenSSL's number",
	    SMTP("server " VERIFY(MX1, "num=62:hostname mismatch"))
	    SMTP(TLS("Untrusted", MX1))
	    SMTP(DEFERRED("u@example.com", MX1, UNVERIFIED)),
	    "example.com 202 mx1.example.com 192.0.2.1 -\n", 0, 0, 0 },
	{ "by a number without a name of its own",
	    SMTP("server " VERIFY(MX1, "num=65:no matching DANE TLSA records"))
	    SMTP(TLS("Untrusted", MX1))
	    SMTP(DEFERRED("u@example.com", MX1, UNVERIFIED)),
	    "example.com 203 mx1.example.com 192.0.2.1 -\n", 0, 0, 0 },
	{ "trusted, but not verified: the name",
	    SMTP(TLS("Trusted", MX1))
	    SMTP(DEFERRED("u@example.com", MX1, UNVERIFIED)),
	    "example.com 202 mx1.example.com 192.0.2.1 -\n", 0, 0, 0 },
	{ "not trusted, nobody says why",
	    SMTP(TLS("Untrusted", MX1))
	    SMTP(DEFERRED("u@example.com", MX1, UNVERIFIED)),
	    "example.com 203 mx1.example.com 192.0.2.1 -\n", 0, 0, 0 },
	{ "with smtp_tls_loglevel 0",
	    SMTP(DEFERRED("a@example.com", MX1, UNVERIFIED))
	    SMTP(DEFERRED("b@example.com", MX1, UNVERIFIED)),
	    "example.com 203 mx1.example.com 192.0.2.1 -\n", 0, 0, 0 },
	{ "the last reason counts",
	    SMTP(VERIFY(MX1, "self-signed certificate"))
	    AT("10:00:10", "server " VERIFY(MX1, "certificate has expired"))
	    AT("10:00:10", TLS("Untrusted", MX1))
	    AT("10:00:10", DEFERRED("u@example.com", MX1, UNVERIFIED)),
	    "example.com 204 mx1.example.com 192.0.2.1 -\n", 0, 0, 0 },
	{ "no handshake, whatever the certificate was",
	    SMTP("server " VERIFY(MX1, "certificate has expired"))
	    SMTP("SSL_connect error to " MX1 ":25: lost connection")
	    SMTP(DEFERRED("u@example.com", MX1, NO_HANDSHAKE)),
	    "example.com 205 mx1.example.com 192.0.2.1 "
	    "tls-handshake-failure\n", 0, 0, 0 },
	{ "another host's fault is not this one's",
	    SMTP(VERIFY(MX2, "self-signed certificate"))
	    SMTP(TLS("Untrusted", MX1))
	    SMTP(DEFERRED("u@example.com", MX1, UNVERIFIED)),
	    "example.com 203 mx1.example.com 192.0.2.1 -\n", 0, 0, 0 },
	{ "nor is that of an hour ago",
	    SMTP("server " VERIFY(MX1, "certificate has expired"))
	    AT("11:00:00", TLS("Untrusted", MX1))
	    AT("11:00:00", DEFERRED("u@example.com", MX1, UNVERIFIED)),
	    "example.com 203 mx1.example.com 192.0.2.1 -\n", 0, 0, 0 },
	{ "TLSA records that are no use: delivered, but not as wanted",
	    SMTP("warning: " MX1 ":25: all TLSA records unusable, fallback to "
	    "unauthenticated TLS")
	    SMTP(TLS("Untrusted", MX1)) SMTP(SENT("u@example.com", MX1)),
	    "example.com 304 mx1.example.com 192.0.2.1 "
	    "all-TLSA-records-unusable\n", 0, 0, 0 },

	/* --- what cannot be told --- */
	{ "no delivery", SMTP(TLS("Trusted", MX1)), "", 0, 1, 0 },
	{ "a delivery elsewhere", SMTP(TLS("Trusted", MX1))
	    SMTP(SENT("u@example.org", MX2)), "", 0, 1, 0 },
	{ "of another process", SMTP(TLS("Trusted", MX1))
	    OTHER(SENT("u@example.com", MX1)), "", 0, 1, 0 },
	{ "too late", SMTP(TLS("Trusted", MX1))
	    AT("11:00:01", SENT("u@example.com", MX1)), "", 0, 1, 0 },
	{ "just in time", SMTP(TLS("Trusted", MX1))
	    AT("11:00:00", SENT("u@example.com", MX1)),
	    FINE, 0, 0, 0 },
	{ "more hosts than are kept", SMTP(TLS("Trusted", MX1))
	    SMTP(TLS("Trusted", MX1)) SMTP(TLS("Trusted", MX1))
	    SMTP(TLS("Trusted", MX1)) SMTP(TLS("Trusted", MX1))
	    SMTP(TLS("Trusted", MX1)) SMTP(TLS("Trusted", MX1))
	    SMTP(TLS("Trusted", MX1)) SMTP(TLS("Trusted", MX1)), "", 0, 9, 0 },
	{ "lines that are cut", SMTP("Trusted TLS connection established to ")
	    SMTP("Trusted TLS connection established to mx[")
	    SMTP("Trusted TLS connection established to mx[]:25")
	    SMTP("Trusted TLS connection established to [192.0.2.1]:25")
	    SMTP("SSL_connect error to ") SMTP("certificate verification "
	    "failed for ") SMTP("TLSRPT: ") SMTP("TLSRPT: status=success")
	    SMTP("TLSRPT: status=failure, domain=example.com, receiving_mx="
	    MX1 ", failure") SMTP("4F: ") SMTP("4F: to=<") SMTP("4F: to=<u@e")
	    SMTP("4F: to=<\"u@e") SMTP("4F: to=<\"u\\") SMTP("4F: to=<u@>, ")
	    SMTP("4F: to=<u@example.com>, ") SMTP("4F: to=<u@example.com>, re")
	    SMTP("4F: to=<u@example.com>, orig_to=<") SMTP("TLS is required, "
	    "but was not offered by host ") SMTP(""), "", 0, 0, 0 },
};

static void
note(void *arg, const struct postfix_session *x)
{
	fprintf(arg, "%s %d %s %s %s\n", x->domain, (int)x->result,
	    x->mx ? x->mx : "-", x->address ? x->address : "-",
	    x->reason ? x->reason : "-");
}

static struct postfix_totals
read_log(const char *text, char **sessions)
{
	struct postfix_totals totals;
	struct postfix_log *l;
	const char *end;
	size_t len;
	FILE *f = xmemstream(sessions, &len);

	l = postfix_log_new(NEWEST, note, f);
	for (; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		/* Exactly as large as the line: a read beyond it is seen. */
		char *line = malloc((size_t)(end - text));

		memcpy(line, text, (size_t)(end - text));
		postfix_log_line(l, line, (size_t)(end - text));
		free(line);
	}
	totals = postfix_log_end(l);
	xmemclose(f);
	return totals;
}

static void
reads_logs(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct postfix_totals t;
		uint64_t sessions = 0;
		char *got;

		print_message("# %s\n", rows[i].name);
		t = read_log(rows[i].log, &got);
		assert_string_equal(got, rows[i].sessions);
		for (const char *p = got; *p != '\0'; p++)
			sessions += *p == '\n';
		assert_int_equal(t.tlsrpt, rows[i].tlsrpt);
		assert_int_equal(t.tls, sessions - rows[i].tlsrpt);
		assert_int_equal(t.uncorrelated, rows[i].uncorrelated);
		assert_int_equal(t.nameless, rows[i].nameless);
		assert_int_equal(t.undated, 0);
		free(got);
	}
}

static void
counts_lines_without_a_time(void **state)
{
	struct postfix_totals t;
	char *got;

	(void)state;
	t = read_log("Now 21 10:00:00 mta1 postfix/smtp[1]: "
	    TLSRPT("success", "example.com", MX1) "\n"
	    SMTP(TLSRPT("success", "example.com", MX1))
	    "nothing at all\n", &got);
	assert_int_equal(t.lines, 2);
	assert_int_equal(t.undated, 1);
	assert_int_equal(t.tlsrpt, 1);
	free(got);
}

static void
note_time(void *arg, const struct postfix_session *x)
{
	*(int64_t *)arg = x->t;
}

static void
a_session_is_of_the_time_of_its_handshake(void **state)
{
	static const char *lines[] = {
		"2026-11-21T23:59:59Z mta1 postfix/smtp[1]: "
		TLS("Trusted", MX1),
		"2026-11-22T00:00:30Z mta1 postfix/smtp[1]: "
		SENT("u@example.com", MX1),
	};
	int64_t t = 0;
	struct postfix_log *l = postfix_log_new(NEWEST, note_time, &t);

	(void)state;
	for (size_t i = 0; i < N(lines); i++)
		postfix_log_line(l, lines[i], strlen(lines[i]));
	postfix_log_end(l);
	assert_int_equal(t, 1795305599);
}

/* Each of very many hosts is believed its TLSRPT lines alone. */
static void
a_session_is_told_once(void **state)
{
	struct postfix_totals t;
	char *log, *got;
	size_t len;
	FILE *f = xmemstream(&log, &len);

	(void)state;
	for (int i = 0; i < 300; i++)
		for (int line = 0; line < 3; line++)
			fprintf(f, "2026-11-21T10:00:00Z mta%d postfix/smtp[1]"
			    ": %s\n", i, line == 0 ? TLS("Trusted", MX1) :
			    line == 1 ? TLSRPT("success", "example.com", MX1) :
			    SENT("u@example.com", MX1));
	xmemclose(f);
	t = read_log(log, &got);
	assert_int_equal(t.tlsrpt, 300);
	assert_int_equal(t.tls, 0);
	free(got);
	free(log);
}

static struct postfix_totals
read_line(const char *line, size_t len)
{
	char *sessions;
	size_t size;
	FILE *f = xmemstream(&sessions, &size);
	struct postfix_log *l = postfix_log_new(NEWEST, note, f);
	struct postfix_totals t;

	postfix_log_line(l, line, len);
	t = postfix_log_end(l);
	xmemclose(f);
	free(sessions);
	return t;
}

static void
a_nul_is_no_end_of_a_name(void **state)
{
	static const char domain[] =
	    "2026-11-21T10:00:00Z mta1 postfix/smtp[1]: "
	    TLSRPT("success", "example.com\0.evil.test", MX1);
	static const char peer[] =
	    "2026-11-21T10:00:00Z mta1 postfix/smtp[1]: "
	    TLSRPT("success", "example.com", "mx\0.evil.test[192.0.2.1]");
	struct postfix_totals t;

	(void)state;
	t = read_line(domain, sizeof(domain) - 1);
	assert_int_equal(t.nameless, 1);
	assert_int_equal(t.tlsrpt, 0);
	t = read_line(peer, sizeof(peer) - 1);
	assert_int_equal(t.tlsrpt, 0);
}

static void
what_is_too_long_is_not_looked_at(void **state)
{
	static const struct {
		size_t name, user;
		uint64_t sessions;
	} lines[] = {
		{ 255, 10, 1 },
		{ 256, 10, 0 },
		{ 10, 16000, 1 },
		{ 10, 17000, 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(lines); i++) {
		struct postfix_totals t;
		char *line = xasprintf("2026-11-21T10:00:00Z mta1 "
		    "postfix/smtp[1]: 4F: to=<%0*d@example.com>, relay=none, "
		    "dsn=4.7.4, status=deferred (TLS is required, but was not "
		    "offered by host %0*d[192.0.2.1])", (int)lines[i].user, 0,
		    (int)lines[i].name, 0);

		t = read_line(line, strlen(line));
		assert_int_equal(t.tls, lines[i].sessions);
		free(line);
	}
}

/* More processes than there is room for: the oldest are given up. */
static void
memory_is_bounded(void **state)
{
	const size_t many = 20000;
	struct postfix_totals t;
	char *log, *got;
	size_t len;
	FILE *f = xmemstream(&log, &len);

	(void)state;
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < many; i++)
			fprintf(f, "2026-11-21T10:00:00Z mta1 postfix/smtp[%zu]"
			    ": %s\n", i, round == 0 ? TLS("Trusted", MX1) :
			    SENT("u@example.com", MX1));
	xmemclose(f);
	t = read_log(log, &got);
	assert_int_equal(t.tls + t.uncorrelated, many);
	assert_in_range(t.tls, 3500, 4096);
	free(got);
	free(log);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_logs),
		cmocka_unit_test(counts_lines_without_a_time),
		cmocka_unit_test(a_session_is_of_the_time_of_its_handshake),
		cmocka_unit_test(a_session_is_told_once),
		cmocka_unit_test(a_nul_is_no_end_of_a_name),
		cmocka_unit_test(what_is_too_long_is_not_looked_at),
		cmocka_unit_test(memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
