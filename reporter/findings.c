#include "reporter/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "conf/mem.h"

const char *const severity_names[SEVERITIES] = {
	[SEVERITY_OK] = "ok",
	[SEVERITY_INFO] = "info",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_ERROR] = "error",
};

const char *const area_names[AREAS] = {
	[AREA_TLSRPT] = "tlsrpt",
	[AREA_MX] = "mx",
	[AREA_STS] = "mta-sts",
	[AREA_DANE] = "dane",
	[AREA_STARTTLS] = "starttls",
	[AREA_DKIM] = "dkim",
};

#define TLSRPT(name, severity, section, todo) \
	{ "tlsrpt-" name, AREA_TLSRPT, SEVERITY_##severity, section, todo }
#define MX(name, severity, section, todo) \
	{ "mx-" name, AREA_MX, SEVERITY_##severity, section, todo }
#define STS(name, severity, section, todo) \
	{ "mta-sts-" name, AREA_STS, SEVERITY_##severity, section, todo }
#define DANE(name, severity, section, todo) \
	{ "dane-" name, AREA_DANE, SEVERITY_##severity, section, todo }
#define STARTTLS(name, severity, section, todo) \
	{ "starttls-" name, AREA_STARTTLS, SEVERITY_##severity, section, todo }
#define DKIM(name, severity, section, todo) \
	{ "dkim-" name, AREA_DKIM, SEVERITY_##severity, section, todo }

#define SIGN_ANEW "Sign the zone anew, or mend its DS record: who validates " \
	"DNSSEC gets no answer."
#define TRY_LATER "Try again; if it stays so, look after the name servers."

static const struct finding_kind kinds[FINDING_IDS] = {
	[F_TLSRPT_FOUND] = TLSRPT("found", OK, "RFC 8460 section 3", NULL),
	[F_TLSRPT_NO_ANSWER] = TLSRPT("no-answer", ERROR, NULL, TRY_LATER),
	[F_TLSRPT_BOGUS] = TLSRPT("bogus", ERROR, "RFC 4035 section 5.5",
	    SIGN_ANEW),
	[F_TLSRPT_MISSING] = TLSRPT("missing", WARNING, "RFC 8460 section 3",
	    "Publish one, to hear from senders when TLS to your hosts fails."),
	[F_TLSRPT_DUPLICATE] = TLSRPT("duplicate", ERROR, "RFC 8460 section 3",
	    "Leave one of them, with all destinations in its rua=."),
	[F_TLSRPT_VERSION] = TLSRPT("version", ERROR, "RFC 8460 section 3",
	    "Let the text begin with \"v=TLSRPTv1;\", in this very "
	    "spelling."),
	[F_TLSRPT_STRAY] = TLSRPT("stray", INFO, "RFC 8460 section 3",
	    "Remove it, or the wildcard that it comes from."),
	[F_TLSRPT_SYNTAX] = TLSRPT("syntax", ERROR, "RFC 8460 section 3",
	    "Write it as \"v=TLSRPTv1; rua=mailto:...,https:...\"."),
	[F_TLSRPT_RUA_UNUSABLE] = TLSRPT("rua-unusable", ERROR,
	    "RFC 8460 section 3",
	    "Mend or remove it; allowed are mailto: and https: URIs."),
	[F_TLSRPT_RUA_NONE] = TLSRPT("rua-none", ERROR, "RFC 8460 section 3",
	    "Name at least one mailto: or https: URI that works."),
	[F_TLSRPT_RUA_NO_ADDRESS] = TLSRPT("rua-no-address", ERROR,
	    "RFC 8460 section 3",
	    "Publish an address for the host, or mend the URI."),
	[F_TLSRPT_RUA_PRIVATE] = TLSRPT("rua-private", ERROR,
	    "RFC 8460 section 7",
	    "Give the host an address that senders can reach."),
	[F_TLSRPT_RUA_NO_ANSWER] = TLSRPT("rua-no-answer", WARNING, NULL,
	    TRY_LATER),
	[F_TLSRPT_RUA_UNREACHABLE] = TLSRPT("rua-unreachable", ERROR,
	    "RFC 8460 section 5.4",
	    "Let the host answer HTTPS on that port to everybody."),
	[F_TLSRPT_RUA_CERTIFICATE] = TLSRPT("rua-certificate", WARNING,
	    "RFC 8460 section 3",
	    "Get a certificate for that name from a public CA; senders may, "
	    "but need not, forgive its lack."),
	[F_TLSRPT_RUA_EXPIRING] = TLSRPT("rua-expiring", WARNING, NULL,
	    "Renew it."),
	[F_TLSRPT_RUA_NO_MX] = TLSRPT("rua-no-mx", ERROR,
	    "RFC 5321 section 5.1",
	    "Use an address whose domain takes mail."),
	[F_TLSRPT_RUA_NULL_MX] = TLSRPT("rua-null-mx", ERROR,
	    "RFC 7505 section 3", "Use an address whose domain takes mail."),

	[F_MX_FOUND] = MX("found", OK, "RFC 5321 section 5.1", NULL),
	[F_MX_NO_ANSWER] = MX("no-answer", ERROR, NULL, TRY_LATER),
	[F_MX_BOGUS] = MX("bogus", ERROR, "RFC 4035 section 5.5", SIGN_ANEW),
	[F_MX_NONE] = MX("none", INFO, "RFC 5321 section 5.1",
	    "Publish an MX record: DANE and policies are clearer with one."),
	[F_MX_NULL] = MX("null", INFO, "RFC 7505 section 3", NULL),
	[F_MX_NULL_MIXED] = MX("null-mixed", ERROR, "RFC 7505 section 3",
	    "Remove it, or all the others."),
	[F_MX_NO_MAIL] = MX("no-mail", ERROR, "RFC 5321 section 5.1",
	    "Publish MX records, or \"MX 0 .\" when it takes no mail "
	    "(RFC 7505)."),
	[F_MX_MALFORMED] = MX("malformed", ERROR, "RFC 1035 section 3.3.9",
	    "Let the record name a host."),
	[F_MX_LITERAL] = MX("literal", ERROR, "RFC 5321 section 5.1",
	    "Name a host that has the address, not the address."),
	[F_MX_NO_ADDRESS] = MX("no-address", ERROR, "RFC 5321 section 5.1",
	    "Publish A or AAAA records for it, or remove the MX record."),
	[F_MX_ADDRESS_NO_ANSWER] = MX("address-no-answer", WARNING, NULL,
	    TRY_LATER),
	[F_MX_PRIVATE] = MX("private", WARNING, "RFC 6890 section 2.2.2",
	    "Publish public addresses only."),
	[F_MX_CNAME] = MX("cname", WARNING, "RFC 5321 section 5.1",
	    "Let the MX record name the host that the alias leads to."),
	[F_MX_MANY] = MX("many", INFO, NULL, NULL),

	[F_STS_FOUND] = STS("found", OK, "RFC 8461 section 3", NULL),
	[F_STS_NO_ANSWER] = STS("no-answer", ERROR, NULL, TRY_LATER),
	[F_STS_BOGUS] = STS("bogus", ERROR, "RFC 4035 section 5.5", SIGN_ANEW),
	[F_STS_MISSING] = STS("missing", WARNING, "RFC 8461 section 3.1",
	    "Publish a policy (tlsrpt-check --suggest writes one): without "
	    "it or DANE anybody on the way can strip TLS off."),
	[F_STS_DUPLICATE] = STS("duplicate", ERROR, "RFC 8461 section 3.1",
	    "Leave one of them: senders take several as none."),
	[F_STS_VERSION] = STS("version", ERROR, "RFC 8461 section 3.1",
	    "Let the text begin with \"v=STSv1;\", in this very spelling."),
	[F_STS_SYNTAX] = STS("syntax", ERROR, "RFC 8461 section 3.1",
	    "Write it as \"v=STSv1; id=...\" with 1 to 32 letters and "
	    "digits for the id."),
	[F_STS_NO_ADDRESS] = STS("no-address", ERROR, "RFC 8461 section 3.3",
	    "Publish an address for the policy host."),
	[F_STS_UNREACHABLE] = STS("unreachable", ERROR, "RFC 8461 section 3.3",
	    "Let the policy host answer HTTPS on port 443 to everybody."),
	[F_STS_TLS] = STS("tls", ERROR, "RFC 8461 section 3.3",
	    "Let the policy host speak TLS 1.2 or later."),
	[F_STS_CERTIFICATE] = STS("certificate", ERROR, "RFC 8461 section 3.3",
	    "Get the policy host a certificate for its name from a public "
	    "CA, and let it send the intermediate ones."),
	[F_STS_EXPIRING] = STS("expiring", WARNING, "RFC 8461 section 3.3",
	    "Renew it, or senders lose the policy."),
	[F_STS_REDIRECT] = STS("redirect", ERROR, "RFC 8461 section 3.3",
	    "Serve the policy there itself: senders do not follow."),
	[F_STS_STATUS] = STS("status", ERROR, "RFC 8461 section 3.3",
	    "Serve the policy with status 200."),
	[F_STS_CONTENT_TYPE] = STS("content-type", WARNING,
	    "RFC 8461 section 3.2", "Serve it as text/plain."),
	[F_STS_SIZE] = STS("size", ERROR, "RFC 8461 section 3.3",
	    "Keep it below 64 kilobytes: senders need not read more."),
	[F_STS_POLICY] = STS("policy", ERROR, "RFC 8461 section 3.2",
	    "Mend the policy file: senders take it as none."),
	[F_STS_POLICY_ODD] = STS("policy-odd", WARNING, "RFC 8461 section 3.2",
	    "Mend it: not all senders forgive."),
	[F_STS_MAX_AGE_SHORT] = STS("max-age-short", WARNING,
	    "RFC 8461 section 3.2",
	    "Let it be weeks: while senders remember it an attacker cannot "
	    "hide it."),
	[F_STS_TESTING] = STS("testing", INFO, "RFC 8461 section 5",
	    "Change it to enforce when reports show no failures; until then "
	    "it protects nothing."),
	[F_STS_MODE_NONE] = STS("mode-none", WARNING, "RFC 8461 section 5",
	    "Right only while the policy is on its way out."),
	[F_STS_MX_UNCOVERED] = STS("mx-uncovered", ERROR,
	    "RFC 8461 section 4.1",
	    "Add it to the policy and give the record a new id: senders do "
	    "not deliver to a host that the policy does not name."),
	[F_STS_MX_UNUSED] = STS("mx-unused", INFO, "RFC 8461 section 4.1",
	    "Remove it, unless a host of that name is to come."),

	[F_DANE_FOUND] = DANE("found", OK, "RFC 7672 section 2.2", NULL),
	[F_DANE_NONE] = DANE("none", INFO, "RFC 7672 section 2.2",
	    "Publish TLSA records for all MX hosts if their zones are "
	    "signed."),
	[F_DANE_NO_ANSWER] = DANE("no-answer", ERROR, "RFC 7672 section 2.1.2",
	    "Mend the zone's DNSSEC or its name servers: senders that do "
	    "DANE cannot deliver."),
	[F_DANE_UNVALIDATED] = DANE("unvalidated", INFO, NULL,
	    "Give --trust-anchor, or install dns-root-data, to have DNSSEC "
	    "checked."),
	[F_DANE_INSECURE] = DANE("insecure", WARNING, "RFC 7672 section 2.2",
	    "Sign the zone, or remove the records: nobody may use them."),
	[F_DANE_MX_INSECURE] = DANE("mx-insecure", WARNING,
	    "RFC 7672 section 2.2.1",
	    "Sign the domain's own zone too, or an attacker changes the MX "
	    "record instead."),
	[F_DANE_ADDRESS_INSECURE] = DANE("address-insecure", WARNING,
	    "RFC 7672 section 2.2.2",
	    "Sign the zone that holds the addresses: else senders do not "
	    "even ask for TLSA records."),
	[F_DANE_PARTIAL] = DANE("partial", WARNING, "RFC 7672 section 2.2.1",
	    "Publish TLSA records for all: an attacker leads senders to the "
	    "host that has none."),
	[F_DANE_MALFORMED] = DANE("malformed", ERROR, "RFC 6698 section 2.1",
	    "Mend or remove it."),
	[F_DANE_UNUSABLE] = DANE("unusable", WARNING, "RFC 7672 section 3.1",
	    "Replace it by a \"3 1 1\" or \"2 1 1\" record."),
	[F_DANE_ALL_UNUSABLE] = DANE("all-unusable", ERROR,
	    "RFC 7672 section 2.2",
	    "Publish a \"3 1 1\" record of the host's key: as it is senders "
	    "must use TLS, but cannot know with whom."),
	[F_DANE_MISMATCH] = DANE("mismatch", ERROR, "RFC 7672 section 2.2",
	    "Publish the record of the certificate that is served "
	    "(tlsrpt-check --suggest prints it), or serve the one that was "
	    "published: senders that do DANE do not deliver."),
	[F_DANE_STALE] = DANE("stale", INFO, "RFC 7671 section 8.1",
	    "Right for a key that is to come; remove it if it is of an old "
	    "one."),
	[F_DANE_ROLLOVER] = DANE("rollover", INFO, "RFC 7671 section 8.1",
	    "Before the key changes, publish the new key's record beside it "
	    "and wait two TTLs."),

	[F_STARTTLS_FOUND] = STARTTLS("found", OK, "RFC 3207 section 4", NULL),
	[F_STARTTLS_UNREACHABLE] = STARTTLS("unreachable", WARNING,
	    "RFC 5321 section 4.5.4.1",
	    "Let it answer on port 25 to everybody, or remove the address."),
	[F_STARTTLS_ALL_UNREACHABLE] = STARTTLS("all-unreachable", WARNING,
	    NULL,
	    "Run this from a host that may reach port 25 (many networks shut "
	    "it off), or use --no-probe."),
	[F_STARTTLS_SMTP] = STARTTLS("smtp", WARNING, "RFC 5321 section 4.2",
	    "See in the server's log why it does not serve us."),
	[F_STARTTLS_MISSING] = STARTTLS("missing", WARNING,
	    "RFC 3207 section 4",
	    "Configure a certificate and STARTTLS on this host."),
	[F_STARTTLS_REFUSED] = STARTTLS("refused", ERROR,
	    "RFC 3207 section 4",
	    "See in the server's log why it offers STARTTLS, but does not "
	    "start it."),
	[F_STARTTLS_HANDSHAKE] = STARTTLS("handshake", ERROR,
	    "RFC 3207 section 4",
	    "See in the server's log why the TLS handshake fails."),
	[F_STARTTLS_VERSION] = STARTTLS("version", WARNING,
	    "RFC 8996 section 1",
	    "Allow TLS 1.2 and 1.3 on this host."),
	[F_STARTTLS_EXPIRED] = STARTTLS("expired", INFO, "RFC 8461 section 4.2",
	    "Renew the certificate."),
	[F_STARTTLS_EXPIRING] = STARTTLS("expiring", WARNING,
	    "RFC 8461 section 4.2", "Renew the certificate."),
	[F_STARTTLS_NAME] = STARTTLS("name", INFO, "RFC 8461 section 4.1",
	    "Get a certificate with the MX host's name in it."),
	[F_STARTTLS_UNTRUSTED] = STARTTLS("untrusted", INFO,
	    "RFC 8461 section 4.2",
	    "Get a certificate from a public CA, and let the host send the "
	    "intermediate ones."),
	[F_STARTTLS_KEY] = STARTTLS("key", WARNING, "RFC 9325 section 4.5",
	    "Make a new key, RSA of 2048 bits or EC of 256."),
	[F_STARTTLS_CIPHER] = STARTTLS("cipher", INFO, "RFC 9325 section 4.1",
	    "Allow ECDHE, so that who gets the key cannot read old mail."),
	[F_STARTTLS_INJECTION] = STARTTLS("injection", ERROR,
	    "RFC 3207 section 4.2",
	    "Update the mail server, or take away the proxy in front of it."),
	[F_STARTTLS_NO_ROUTE] = STARTTLS("no-route", INFO, NULL,
	    "Run this where there is a way to it, too."),

	[F_DKIM_FOUND] = DKIM("found", OK, "RFC 8460 section 3", NULL),
	[F_DKIM_NO_ANSWER] = DKIM("no-answer", WARNING, NULL, TRY_LATER),
	[F_DKIM_WRONG] = DKIM("wrong", ERROR, "RFC 8460 section 3",
	    "Publish what tlsrpt-send --check-config prints."),
	[F_DKIM_NO_KEY] = DKIM("no-key", ERROR, "RFC 8460 section 3",
	    "Mend [dkim] in the configuration, or run this as a user who may "
	    "read the key."),
};

const struct finding_kind *
finding_kind(enum finding_id id)
{
	return &kinds[id];
}

void
findings_init(struct findings *f)
{
	memset(f, 0, sizeof(*f));
	for (size_t i = 0; i < AREAS; i++)
		f->worst[i] = -1;
}

void
findings_release(struct findings *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->n; i++) {
		free(f->list[i].subject);
		free(f->list[i].text);
	}
	free(f->list);
	for (size_t i = 0; i < AREAS; i++)
		free(f->verdicts[i]);
	findings_init(f);
}

/* Fit for any terminal, and cut where it is long. */
static char *
clean(const char *raw)
{
	char *text = log_escape(raw);
	size_t len = text == NULL ? 0 : strlen(text);

	if (text == NULL)
		fatal("out of memory");
	if (len > FINDING_MAX)
		memcpy(text + FINDING_MAX - 3, "...", 4);
	return text;
}

static char *
sentence(const char *format, va_list ap)
{
	char raw[FINDING_MAX + 2];	/* one more shows that it was cut */

	if (vsnprintf(raw, sizeof(raw), format, ap) < 0)
		fatal("vsnprintf: %m");
	return clean(raw);
}

static bool
equal(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
is_known(const struct findings *f, const struct finding *new)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].id == new->id &&
		    equal(f->list[i].subject, new->subject) &&
		    equal(f->list[i].text, new->text))
			return true;
	return false;
}

static void
add(struct findings *f, enum severity severity, enum finding_id id,
    const char *subject, const char *format, va_list ap)
{
	enum area area = kinds[id].area;
	struct finding new = {
		.id = id, .severity = severity,
		.subject = subject == NULL ? NULL : clean(subject),
		.text = sentence(format, ap),
	};
	bool known = is_known(f, &new);

	if (f->worst[area] < (int)severity)
		f->worst[area] = (int)severity;
	if (known || f->n == FINDINGS_MAX) {
		f->left_out += !known;
		free(new.subject);
		free(new.text);
		return;
	}
	f->list = xreallocarray(f->list, f->n + 1, sizeof(*f->list));
	f->list[f->n++] = new;
}

void
findings_add(struct findings *f, enum finding_id id, const char *subject,
    const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add(f, kinds[id].severity, id, subject, format, ap);
	va_end(ap);
}

void
findings_add_as(struct findings *f, enum severity severity,
    enum finding_id id, const char *subject, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add(f, severity, id, subject, format, ap);
	va_end(ap);
}

void
findings_verdict(struct findings *f, enum area area, const char *format, ...)
{
	va_list ap;

	free(f->verdicts[area]);
	va_start(ap, format);
	f->verdicts[area] = sentence(format, ap);
	va_end(ap);
	if (f->worst[area] == -1)
		f->worst[area] = SEVERITY_OK;
}

static bool
goes_before(const struct finding *a, const struct finding *b)
{
	return a->severity != b->severity ? a->severity > b->severity :
	    kinds[a->id].area < kinds[b->id].area;
}

void
findings_sort(struct findings *f)
{
	for (size_t i = 1; i < f->n; i++) {
		struct finding x = f->list[i];
		size_t at = i;

		for (; at > 0 && goes_before(&x, &f->list[at - 1]); at--)
			f->list[at] = f->list[at - 1];
		f->list[at] = x;
	}
}

enum severity
findings_worst(const struct findings *f)
{
	int worst = SEVERITY_OK;

	for (size_t i = 0; i < AREAS; i++)
		if (f->worst[i] > worst)
			worst = f->worst[i];
	return (enum severity)worst;
}

bool
findings_have(const struct findings *f, enum finding_id id)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].id == id)
			return true;
	return false;
}
