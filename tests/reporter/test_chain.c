/* Certificates, and the TLSA records that are about them: no network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <unistd.h>

#include "conf/mem.h"
#include "reporter/chain.h"
#include "reporter/tlsa.h"
#include "tests/reporter/certs.h"
#include "tests/reporter/expect.h"

#define ROWS(a)	(sizeof(a) / sizeof((a)[0]))

static struct cert ca, stranger, inter, old_inter, leaf, under_old, self,
    self_expired, nameless, late, early, wild, by_stranger, many;
static X509_STORE *store;

static int
set_up(void **state)
{
	(void)state;
	ca = cert_make("Test CA", "CA", NULL, -100, 100);
	stranger = cert_make("Other CA", "CA", NULL, -100, 100);
	inter = cert_make("Intermediate", "CA", &ca, -100, 100);
	old_inter = cert_make("Old Intermediate", "CA", &ca, -100, -1);
	leaf = cert_make("mx.example.com",
	    "DNS:mx.example.com,DNS:mx2.example.com,IP:192.0.2.1", &inter,
	    -10, 10);
	under_old = cert_make("mx", "DNS:mx.example.com", &old_inter, -10, 10);
	self = cert_make("mx", "DNS:mx.example.com", NULL, -10, 10);
	self_expired = cert_make("mx", "DNS:other.example", NULL, -10, -1);
	nameless = cert_make("mx.example.com", NULL, &ca, -10, 10);
	late = cert_make("mx", "DNS:mx.example.com", &ca, -10, -1);
	early = cert_make("mx", "DNS:mx.example.com", &ca, 1, 10);
	wild = cert_make("mx", "DNS:*.example.com,DNS:m*.example.net", &ca,
	    -10, 10);
	by_stranger = cert_make("mx", "DNS:mx.example.com", &stranger, -10,
	    10);
	many = cert_make("mx", "DNS:a.example,DNS:b.example,DNS:c.example,"
	    "DNS:d.example,IP:2001:db8::1", &ca, -10, 10);
	store = X509_STORE_new();
	assert_int_equal(X509_STORE_add_cert(store, ca.x509), 1);
	return 0;
}

static int
tear_down(void **state)
{
	struct cert *all[] = { &ca, &stranger, &inter, &old_inter, &leaf,
	    &under_old, &self, &self_expired, &nameless, &late, &early, &wild,
	    &by_stranger, &many };

	(void)state;
	for (size_t i = 0; i < ROWS(all); i++)
		cert_free(all[i]);
	X509_STORE_free(store);
	return 0;
}

/* As a handshake leaves it. */
static struct chain
chain_of(const struct cert *first, const struct cert *second)
{
	struct chain c = { .certs = sk_X509_new_null() };

	assert_true(sk_X509_push(c.certs, first->x509) > 0);
	X509_up_ref(first->x509);
	if (second != NULL) {
		assert_true(sk_X509_push(c.certs, second->x509) > 0);
		X509_up_ref(second->x509);
	}
	return c;
}

#define MX	"mx.example.com"

static const struct {
	const char *name;
	const struct cert *first, *second;
	const char *host;
	unsigned faults;
	const char *words;
} judged[] = {
	{ "whole chain", &leaf, &inter, MX, 0, "good" },
	{ "another of its names", &leaf, &inter, "mx2.example.com", 0,
	    "good" },
	{ "its address", &leaf, &inter, "192.0.2.1", 0, "good" },
	{ "another address", &leaf, &inter, "192.0.2.2", CHAIN_WRONG_NAME,
	    "for other names: mx.example.com mx2.example.com 192.0.2.1" },
	{ "capitals", &leaf, &inter, "MX.example.com", 0, "good" },
	{ "intermediate not served", &leaf, NULL, MX, CHAIN_UNKNOWN_ISSUER,
	    "from an unknown issuer (CN=Intermediate, whose certificate is"
	    " not served)" },
	{ "unknown CA", &by_stranger, &stranger, MX, CHAIN_UNKNOWN_ISSUER,
	    "from an unknown issuer (CN=Other CA)" },
	{ "expired", &late, NULL, MX, CHAIN_EXPIRED,
	    "expired on 2027-01-14" },
	{ "not yet valid", &early, NULL, MX, CHAIN_NOT_YET,
	    "not valid before 2027-01-16" },
	{ "self-signed", &self, NULL, MX, CHAIN_SELF_SIGNED, "self-signed" },
	{ "all of it", &self_expired, NULL, MX, CHAIN_EXPIRED |
	    CHAIN_SELF_SIGNED | CHAIN_WRONG_NAME, "expired on 2027-01-14, "
	    "self-signed, for other names: other.example" },
	{ "no subjectAltName", &nameless, NULL, MX, CHAIN_WRONG_NAME,
	    "without a name (no subjectAltName)" },
	{ "wildcard", &wild, NULL, MX, 0, "good" },
	{ "wildcard, two labels", &wild, NULL, "a.mx.example.com",
	    CHAIN_WRONG_NAME,
	    "for other names: *.example.com m*.example.net" },
	{ "wildcard, no label", &wild, NULL, "example.com", CHAIN_WRONG_NAME,
	    "for other names: *.example.com m*.example.net" },
	{ "wildcard in a label", &wild, NULL, "mx.example.net",
	    CHAIN_WRONG_NAME,
	    "for other names: *.example.com m*.example.net" },
	{ "many names", &many, NULL, MX, CHAIN_WRONG_NAME,
	    "for other names: a.example b.example c.example and 2 more" },
	{ "an issuer that has expired", &under_old, &old_inter, MX, CHAIN_BAD,
	    "of its issuer: certificate has expired" },
};

static void
verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(judged); i++) {
		struct chain c = chain_of(judged[i].first, judged[i].second);

		for (int again = 0; again < 2; again++) {
			chain_judge(&c, store, judged[i].host, NOW);
			expect(judged[i].name, chain_words(&c),
			    judged[i].words);
			if (c.faults != judged[i].faults)
				fail_msg("%s: %x", judged[i].name, c.faults);
		}
		chain_release(&c);
		chain_release(&c);
	}
	chain_release(NULL);
}

static void
time_is_an_argument(void **state)
{
	struct chain c = chain_of(&leaf, &inter);

	(void)state;
	chain_judge(&c, store, MX, NOW + 10 * DAY + 1);
	assert_int_equal(c.faults, CHAIN_EXPIRED);
	chain_judge(&c, store, MX, NOW - 10 * DAY - 1);
	assert_int_equal(c.faults, CHAIN_NOT_YET);
	chain_judge(&c, store, MX, NOW);
	assert_int_equal(c.faults, 0);
	chain_release(&c);
}

static void
what_is_in_it(void **state)
{
	struct chain c = chain_of(&leaf, &inter), none = { 0 };

	(void)state;
	chain_judge(&c, store, MX, NOW);
	assert_string_equal(c.subject, "CN=mx.example.com");
	assert_string_equal(c.issuer, "CN=Intermediate");
	assert_string_equal(c.key, "EC 256");
	assert_int_equal(c.nnames, 3);
	assert_string_equal(c.names[1], "mx2.example.com");
	assert_string_equal(c.names[2], "192.0.2.1");
	assert_int_equal(c.not_before, NOW - 10 * DAY);
	assert_int_equal(c.not_after, NOW + 10 * DAY);
	assert_int_equal(strlen(c.spki), 64);
	chain_release(&c);

	chain_judge(&none, store, MX, NOW);
	assert_int_equal(none.faults, CHAIN_NONE);
	expect("none", chain_words(&none), "no certificate");
	assert_null(none.subject);
	chain_release(&none);
}

/* Bytes that would play with a terminal, and more names than anybody has. */
static void
hostile_names(void **state)
{
	static const char evil[] = "a\0b\033[2J\n\xff.example";
	struct cert bad = cert_make("x\033y\n", NULL, NULL, -1, 1);
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	struct chain c;

	(void)state;
	for (int i = 0; i < CHAIN_NAMES_MAX + 5; i++) {
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_IA5STRING *s = ASN1_IA5STRING_new();

		ASN1_STRING_set(s, evil, sizeof(evil) - 1);
		GENERAL_NAME_set0_value(name, GEN_DNS, s);
		sk_GENERAL_NAME_push(names, name);
	}
	assert_int_equal(X509_add1_ext_i2d(bad.x509, NID_subject_alt_name,
	    names, 0, 0), 1);
	assert_true(X509_sign(bad.x509, bad.key, EVP_sha256()) > 0);
	c = chain_of(&bad, NULL);
	chain_judge(&c, store, "a", NOW);
	assert_int_equal(c.faults, CHAIN_SELF_SIGNED | CHAIN_WRONG_NAME);
	assert_string_equal(c.subject, "CN=x\\1By\\0A");
	assert_int_equal(c.nnames, CHAIN_NAMES_MAX);
	assert_string_equal(c.names[0], "a?b?[2J??.example");
	chain_release(&c);
	GENERAL_NAMES_free(names);
	cert_free(&bad);
}

/* Three bytes and seventeen are no address; neither is read as one. */
static void
hostile_addresses(void **state)
{
	struct cert odd = cert_make("mx", "DER:30:1C:87:03:01:02:03:"
	    "87:11:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:01:"
	    "82:02:61:62", NULL, -10, 10);
	struct chain c = chain_of(&odd, NULL);

	(void)state;
	chain_judge(&c, store, "mx.example.com", NOW);
	assert_int_equal(c.nnames, 1);
	assert_string_equal(c.names[0], "ab");
	chain_release(&c);
	cert_free(&odd);
}

static void
stores(void **state)
{
	char path[] = "/tmp/test_chain.XXXXXX", *why;
	const struct cert *list[] = { &ca };
	struct chain c = chain_of(&leaf, &inter);
	X509_STORE *s;

	(void)state;
	close(mkstemp(path));
	assert_null(chain_store(path, &why));
	assert_non_null(strstr(why, ": no certificates: "));
	free(why);
	cert_write(path, false, list, 1);
	assert_non_null(s = chain_store(path, &why));
	chain_judge(&c, s, MX, NOW);
	assert_int_equal(c.faults, 0);
	X509_STORE_free(s);
	unlink(path);
	assert_null(chain_store("/nonexistent", &why));
	free(why);
	assert_non_null(s = chain_store(NULL, &why));
	chain_judge(&c, s, MX, NOW);
	assert_int_equal(c.faults, CHAIN_UNKNOWN_ISSUER);
	X509_STORE_free(s);
	chain_release(&c);
}

/* --- TLSA --------------------------------------------------------------- */

static void
digest(const EVP_MD *md, const unsigned char *der, int len,
    unsigned char *out, size_t *n)
{
	unsigned size;

	assert_true(len > 0);
	assert_int_equal(EVP_Digest(der, (size_t)len, out, &size, md, NULL),
	    1);
	*n = size;
}

/* The rdata of a record that is right for this certificate. */
static struct tlsa
record_for(const struct cert *c, int usage, int selector, int matching)
{
	unsigned char rdata[4096] = { (unsigned char)usage,
	    (unsigned char)selector, (unsigned char)matching }, *der = NULL;
	int len = selector == 0 ? i2d_X509(c->x509, &der) :
	    i2d_PUBKEY(c->key, &der);
	struct tlsa t;
	size_t n;

	if (matching == 0)
		memcpy(rdata + 3, der, n = (size_t)len);
	else
		digest(matching == 1 ? EVP_sha256() : EVP_sha512(), der, len,
		    rdata + 3, &n);
	OPENSSL_free(der);
	assert_int_equal(tlsa_parse(&t, rdata, n + 3), 0);
	return t;
}

static const struct {
	const char *name;
	const struct cert *about;
	int usage;
	const struct cert *first, *second;
	const char *names[2];
	const char *why;	/* NULL: fits */
} fitting[] = {
	{ "its own", &leaf, 3, &leaf, &inter, { MX }, NULL },
	{ "its own, chain not whole", &leaf, 3, &leaf, NULL, { MX }, NULL },
	{ "its own, another name", &leaf, 3, &leaf, &inter,
	    { "other.example" }, NULL },
	{ "its own, self-signed and expired", &self_expired, 3,
	    &self_expired, NULL, { MX }, NULL },
	{ "another's", &self, 3, &leaf, &inter, { MX },
	    "no matching DANE TLSA records" },
	{ "the issuer's with usage 3", &inter, 3, &leaf, &inter, { MX },
	    "no matching DANE TLSA records" },
	{ "the issuer's", &inter, 2, &leaf, &inter, { MX }, NULL },
	{ "the issuer's, for the domain", &inter, 2, &leaf, &inter,
	    { "other.example", MX }, NULL },
	{ "the issuer's, another name", &inter, 2, &leaf, &inter,
	    { "other.example" }, "hostname mismatch" },
	{ "the issuer's, no subjectAltName", &ca, 2, &nameless, &ca, { MX },
	    NULL },
	{ "the issuer's, not served", &inter, 2, &leaf, NULL, { MX },
	    "no matching DANE TLSA records" },
	{ "the issuer's, expired", &ca, 2, &late, &ca, { MX },
	    "certificate has expired" },
	{ "the root's, served", &stranger, 2, &by_stranger, &stranger, { MX },
	    NULL },
	{ "another issuer's", &stranger, 2, &leaf, &inter, { MX },
	    "no matching DANE TLSA records" },
};

static void
records_that_fit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(fitting); i++)
		for (int kind = 0; kind < 6; kind++) {
			struct tlsa t = record_for(fitting[i].about,
			    fitting[i].usage, kind % 2, kind / 2);
			struct chain c = chain_of(fitting[i].first,
			    fitting[i].second);
			char *why;
			bool fits = tlsa_fits(&t, &c, fitting[i].names,
			    fitting[i].names[1] ? 2 : 1, NOW, &why);

			assert_null(tlsa_unusable(&t));
			/* All of a CA or its key need not be served. */
			if (kind < 2 && strcmp(fitting[i].name,
			    "the issuer's, not served") == 0) {
				assert_true(fits);
			} else {
				char *name = xasprintf("%s %d",
				    fitting[i].name, kind);

				assert_int_equal(fits, why == NULL);
				expect(name, why, fitting[i].why);
				free(name);
			}
			tlsa_release(&t);
			chain_release(&c);
		}
}

static void
nothing_served(void **state)
{
	struct tlsa t = record_for(&leaf, 3, 1, 1);
	const char *names[] = { MX };
	struct chain none = { 0 };
	char *why;

	(void)state;
	assert_false(tlsa_fits(&t, &none, names, 1, NOW, &why));
	expect("nothing", why, "no certificate was served");
	assert_null(tlsa_suggest(&none));
	tlsa_release(&t);
}

/* What is published next fits, and reads as a zone file has it. */
static void
suggested(void **state)
{
	struct tlsa t = record_for(&leaf, 3, 1, 1);
	struct chain c = chain_of(&leaf, &inter);
	char *text = tlsa_text(&t);

	(void)state;
	chain_judge(&c, store, MX, NOW);
	expect("suggested", tlsa_suggest(&c), text);
	assert_int_equal(strlen(text), 6 + 64);
	assert_memory_equal(text, "3 1 1 ", 6);
	free(text);
	tlsa_release(&t);
	chain_release(&c);
}

static const struct {
	const char *name;
	unsigned char head[3];
	size_t len;		/* of zeros that follow */
	const char *why;
} odd[] = {
	{ "good", { 3, 1, 1 }, 32, NULL },
	{ "good with SHA-512", { 2, 0, 2 }, 64, NULL },
	{ "usage 0", { 0, 0, 1 }, 32,
	    "usages 0 and 1 (PKIX) are not for SMTP" },
	{ "usage 1", { 1, 1, 1 }, 32,
	    "usages 0 and 1 (PKIX) are not for SMTP" },
	{ "usage 4", { 4, 1, 1 }, 32, "its usage is unknown" },
	{ "usage 255", { 255, 1, 1 }, 32, "its usage is unknown" },
	{ "selector 2", { 3, 2, 1 }, 32, "its selector is unknown" },
	{ "matching type 3", { 3, 1, 3 }, 32,
	    "its matching type is unknown" },
	{ "short digest", { 3, 1, 1 }, 31, "a SHA-256 digest has 32 bytes" },
	{ "long digest", { 3, 1, 1 }, 33, "a SHA-256 digest has 32 bytes" },
	{ "SHA-1", { 3, 1, 1 }, 20, "a SHA-256 digest has 32 bytes" },
	{ "short SHA-512", { 3, 1, 2 }, 32,
	    "a SHA-512 digest has 64 bytes" },
	{ "no certificate", { 3, 0, 0 }, 100,
	    "its data is not a certificate" },
	{ "no key", { 3, 1, 0 }, 100, "its data is not a public key" },
};

static void
usable_records(void **state)
{
	unsigned char rdata[128];
	struct tlsa t;

	(void)state;
	for (size_t i = 0; i < ROWS(odd); i++) {
		const char *why;

		memset(rdata, 0, sizeof(rdata));
		memcpy(rdata, odd[i].head, 3);
		assert_int_equal(tlsa_parse(&t, rdata, 3 + odd[i].len), 0);
		why = tlsa_unusable(&t);
		expect(odd[i].name, why ? xstrdup(why) : NULL, odd[i].why);
		tlsa_release(&t);
	}
	for (size_t len = 0; len < 4; len++) {
		assert_int_equal(tlsa_parse(&t, rdata, len), -1);
		assert_null(t.data);
	}
	tlsa_release(&t);
	tlsa_release(NULL);
}

static void
a_certificate_and_more(void **state)
{
	struct tlsa t = record_for(&leaf, 3, 0, 0);

	(void)state;
	assert_null(tlsa_unusable(&t));
	t.len--;
	assert_non_null(tlsa_unusable(&t));
	t.len++;
	t.data = xreallocarray(t.data, 1, t.len + 1);
	t.data[t.len++] = 0;
	assert_non_null(tlsa_unusable(&t));
	tlsa_release(&t);
}

static void
names_to_ask_for(void **state)
{
	char name[TLSA_NAME_SIZE], host[300];

	(void)state;
	assert_int_equal(tlsa_name(name, MX, 25), 0);
	assert_string_equal(name, "_25._tcp.mx.example.com");
	memset(host, 'a', 299);
	host[299] = '\0';
	assert_int_equal(tlsa_name(name, host, 25), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(verdicts),
		TEST(time_is_an_argument),
		TEST(what_is_in_it),
		TEST(hostile_names),
		TEST(hostile_addresses),
		TEST(stores),
		TEST(records_that_fit),
		TEST(nothing_served),
		TEST(suggested),
		TEST(usable_records),
		TEST(a_certificate_and_more),
		TEST(names_to_ask_for),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
