#include "spool/postfix_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"

#define PEER_NAME_MAX	255
#define PEER_ADDRESS_MAX 64
#define QUEUE_ID_MAX	32
#define FAILURE_TYPE_MAX 64

const struct fault fault_starttls = { "", STARTTLS_NOT_SUPPORTED, NULL };
const struct fault fault_handshake = { "", VALIDATION_FAILURE,
	"tls-handshake-failure" };
const struct fault fault_name = { "", CERTIFICATE_HOST_MISMATCH, NULL };
const struct fault fault_untrusted = { "", CERTIFICATE_NOT_TRUSTED, NULL };

static const struct fault fault_tlsa = { "", TLSA_INVALID,
	"all-TLSA-records-unusable" };

/*
 * "certificate verification failed for PEER: " and then.  What Postfix has no
 * words for it gives as OpenSSL's number.
 */
static const struct fault certificate_faults[] = {
	{ "certificate has expired", CERTIFICATE_EXPIRED, NULL },
	{ "certificate not yet valid", VALIDATION_FAILURE,
	    "certificate_is_not_yet_valid" },
	{ "self-signed certificate", VALIDATION_FAILURE,
	    "self-signed_certificate" },
	{ "self signed certificate", VALIDATION_FAILURE,
	    "self-signed_certificate" },
	{ "untrusted issuer ", VALIDATION_FAILURE, "untrusted_issuer" },
	{ "not designated for use as ", VALIDATION_FAILURE,
	    "unsupported_certificate_purpose" },
	{ "certificate chain longer than limit", VALIDATION_FAILURE,
	    "certificate_chain_too_long" },
	{ "num=10:", CERTIFICATE_EXPIRED, NULL },
	{ "num=18:", VALIDATION_FAILURE, "self-signed_certificate" },
	{ "num=19:", VALIDATION_FAILURE, "untrusted_issuer" },
	{ "num=20:", VALIDATION_FAILURE, "untrusted_issuer" },
	{ "num=62:", CERTIFICATE_HOST_MISMATCH, NULL },
	{ "", CERTIFICATE_NOT_TRUSTED, NULL },
};

const char *
text_of(struct span s, struct arena *a)
{
	char *text;

	if (s.n == 0)
		return NULL;
	text = arena_alloc(a, s.n + 1);
	for (size_t i = 0; i < s.n; i++)
		text[i] = isprint((unsigned char)s.p[i]) ? s.p[i] : '?';
	text[s.n] = '\0';
	return text;
}

/* --- peers ---------------------------------------------------------------- */

static bool
is_word(struct span s, size_t max)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isgraph((unsigned char)s.p[i]))
			return false;
	return s.n > 0 && s.n <= max;
}

/* "name[address]" and, if there is one, ":port". */
static bool
eat_peer(struct span *s, struct peer_span *p)
{
	struct span rest = *s;

	if (!span_cut(&rest, "[", &p->name) ||
	    !span_cut(&rest, "]", &p->address) ||
	    !is_word(p->name, PEER_NAME_MAX) ||
	    !is_word(p->address, PEER_ADDRESS_MAX))
		return false;
	if (span_eat(&rest, ":"))
		while (rest.n > 0 && isdigit((unsigned char)*rest.p)) {
			rest.p++;
			rest.n--;
		}
	*s = rest;
	return true;
}

void
peer_copy(struct peer *p, const struct peer_span *from)
{
	p->name = xstrndup(from->name.p, from->name.n);
	p->address = xstrndup(from->address.p, from->address.n);
}

void
peer_release(struct peer *p)
{
	free(p->name);
	free(p->address);
	*p = (struct peer){ 0 };
}

struct peer_span
peer_span(const struct peer *p)
{
	if (p->name == NULL)
		return (struct peer_span){ { "", 0 }, { "", 0 } };
	return (struct peer_span){ { p->name, strlen(p->name) },
		{ p->address, strlen(p->address) } };
}

static bool
equal(struct span a, struct span b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

bool
peer_equal(const struct peer *p, const struct peer_span *other)
{
	struct peer_span one = peer_span(p);

	return equal(one.name, other->name) &&
	    equal(one.address, other->address);
}

/* --- messages ------------------------------------------------------------- */

/* "certificate_expired" is libtlsrpt's certificate-expired. */
static enum result_type
failure_type(struct span s)
{
	char name[FAILURE_TYPE_MAX];

	if (s.n >= sizeof(name))
		return 0;
	for (size_t i = 0; i < s.n; i++)
		name[i] = s.p[i] == '_' ? '-' : s.p[i];
	name[s.n] = '\0';
	return code_of(result_types, name);
}

static bool
parse_tlsrpt(struct tlsrpt_line *r, struct span s)
{
	struct span type;
	bool success;

	*r = (struct tlsrpt_line){ 0 };
	success = span_eat(&s, "status=success, domain=");
	if ((!success && !span_eat(&s, "status=failure, domain=")) ||
	    !span_cut(&s, ", receiving_mx=", &r->domain) ||
	    !eat_peer(&s, &r->peer))
		return false;
	if (success)
		return true;
	if (!span_eat(&s, ", failure_type="))
		return false;
	if (span_cut(&s, ", failure_reason=", &type))
		r->reason = s;
	else
		type = s;
	return (r->result = failure_type(type)) != 0;
}

static bool
parse_established(struct message *m, struct span s)
{
	m->trusted = span_eat(&s, "Trusted") || span_eat(&s, "Verified");
	return (m->trusted || span_eat(&s, "Untrusted") ||
	    span_eat(&s, "Anonymous")) &&
	    span_eat(&s, " TLS connection established to ") &&
	    eat_peer(&s, &m->peer);
}

static bool
parse_fault(struct message *m, struct span s)
{
	const struct fault *f = certificate_faults;

	if (!span_eat(&s, "server "))
		span_eat(&s, "CA ");
	if (span_eat(&s, "certificate verification failed for ")) {
		if (!eat_peer(&s, &m->peer) || !span_eat(&s, ": "))
			return false;
		while (!span_eat(&s, f->text))	/* the last one fits all */
			f++;
		m->fault = f;
		return true;
	}
	m->fault = &fault_tlsa;
	return eat_peer(&s, &m->peer) &&
	    span_eat(&s, ": all TLSA records unusable");
}

static bool
parse_refusal(struct refusal *r, struct span s)
{
	*r = (struct refusal){ 0 };
	if (span_eat(&s, "Cannot start TLS: handshake failure"))
		r->kind = REFUSAL_HANDSHAKE;
	else if (span_eat(&s, "Server certificate not verified") ||
	    span_eat(&s, "Server certificate not trusted"))
		r->kind = REFUSAL_CERTIFICATE;
	else if (span_eat(&s, "TLS is required, but ") &&
	    (span_eat(&s, "was not offered by host ") ||
	    span_eat(&s, "host ")) && eat_peer(&s, &r->peer))
		r->kind = REFUSAL_NO_TLS;
	return r->kind != REFUSAL_NONE;
}

static bool
eat_queue_id(struct span *s, struct span *id)
{
	size_t n = 0;

	while (n < s->n && n < QUEUE_ID_MAX && isalnum((unsigned char)s->p[n]))
		n++;
	*id = (struct span){ s->p, n };
	s->p += n;
	s->n -= n;
	return n > 0 && span_eat(s, ": ");
}

/*
 * "user@domain>, " with a quoted user perhaps, in which anything may be: the
 * domain is what comes between its last @ and the >.
 */
static bool
eat_domain(struct span *s, struct span *domain)
{
	struct span address;
	const char *at;
	size_t n = 0;

	if (s->n > 0 && s->p[0] == '"')
		for (n = 1; n < s->n && s->p[n] != '"'; n++)
			n += s->p[n] == '\\';
	if (n >= s->n)
		return false;
	s->p += n;
	s->n -= n;
	if (!span_cut(s, ">, ", &address) ||
	    (at = memrchr(address.p, '@', address.n)) == NULL)
		return false;
	domain->p = at + 1;
	domain->n = (size_t)(address.p + address.n - domain->p);
	return domain->n > 0;
}

static bool
parse_delivery(struct delivery *d, struct span s)
{
	struct span skipped, status;

	*d = (struct delivery){ 0 };
	if (!eat_queue_id(&s, &d->queue_id) || !span_eat(&s, "to=<") ||
	    !eat_domain(&s, &d->domain))
		return false;
	if (span_eat(&s, "orig_to=<") && !span_cut(&s, ">, ", &skipped))
		return false;
	if (!span_eat(&s, "relay="))
		return false;
	if (!eat_peer(&s, &d->relay))	/* "none", or what is no host */
		d->relay = (struct peer_span){ 0 };
	if (span_cut(&s, ", status=", &skipped) && span_cut(&s, " (", &status))
		parse_refusal(&d->refusal, s);
	return true;
}

static bool
parse_bare_refusal(struct refusal *r, struct span s)
{
	struct span id;

	return eat_queue_id(&s, &id) && parse_refusal(r, s);
}

void
message_parse(struct message *m, struct span s)
{
	*m = (struct message){ 0 };
	if (span_eat(&s, "TLSRPT: ")) {
		if (parse_tlsrpt(&m->tlsrpt, s))
			m->kind = MESSAGE_TLSRPT;
		return;
	}
	span_eat(&s, "warning: ");
	if (parse_established(m, s))
		m->kind = MESSAGE_ESTABLISHED;
	else if (parse_fault(m, s))
		m->kind = MESSAGE_FAULT;
	else if (span_eat(&s, "SSL_connect error to ")) {
		if (eat_peer(&s, &m->peer))
			m->kind = MESSAGE_BROKEN;
	} else if (parse_delivery(&m->delivery, s))
		m->kind = MESSAGE_DELIVERY;
	else if (parse_bare_refusal(&m->refusal, s))
		m->kind = MESSAGE_REFUSAL;
}
