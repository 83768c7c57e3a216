#include "reporter/ownkey.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/dns.h"

#define KEYS	2		/* RSA and Ed25519 */
#define FWS	" \t\r\n"

/* What there is to say of one record, worst first kept. */
struct judge {
	const char *name;
	FILE *out;
	enum ownkey worst;
};

static void __attribute__((format(printf, 3, 4)))
find(struct judge *j, enum ownkey how, const char *format, ...)
{
	va_list ap;

	if (how > j->worst)
		j->worst = how;
	fprintf(j->out, "%s: ", j->name);
	va_start(ap, format);
	vfprintf(j->out, format, ap);
	va_end(ap);
	putc('\n', j->out);
}

/* s without the white space in it, which base64 may be folded with. */
static char *
without_blanks(const char *s, size_t len)
{
	char *copy = xmalloc(len + 1), *p = copy;

	for (; len > 0; s++, len--)
		if (strchr(FWS, *s) == NULL)
			*p++ = *s;
	*p = '\0';
	return copy;
}

/*
 * The value of a tag of a tag list (RFC 6376 section 3.2), without white
 * space, or NULL when the tag is not there.  The caller frees it.
 */
static char *
tag_value(const char *list, const char *tag)
{
	size_t len = strlen(tag), n, name;

	for (; *list != '\0'; list += n + (list[n] == ';')) {
		list += strspn(list, FWS);
		n = strcspn(list, ";");
		name = strcspn(list, "=;" FWS);
		if (name != len || strncmp(list, tag, len) != 0)
			continue;
		name += strspn(list + name, FWS);
		if (list[name] == '=')
			return without_blanks(list + name + 1, n - name - 1);
	}
	return NULL;
}

/* Is the word in a list with colons? */
static bool
lists(const char *list, const char *word)
{
	size_t len = strlen(word), n;

	for (; list != NULL && *list != '\0';
	    list += n + (list[n] == ':')) {
		n = strcspn(list, ":");
		if (n == len && strncasecmp(list, word, len) == 0)
			return true;
	}
	return false;
}

static void
judge_key(struct judge *j, const char *found, const char *wanted)
{
	char *p = tag_value(found, "p"), *own = tag_value(wanted, "p");
	char *k = tag_value(found, "k"), *type = tag_value(wanted, "k");

	if (strcasecmp(k != NULL ? k : "rsa", type) != 0)
		find(j, OWNKEY_WRONG, "is for k=%s, but our key is %s",
		    k != NULL ? k : "rsa", type);
	else if (p == NULL)
		find(j, OWNKEY_WRONG, "holds no key: p= is missing");
	else if (*p == '\0')
		find(j, OWNKEY_WRONG, "is revoked: p= is empty");
	else if (strcmp(p, own) != 0)
		find(j, OWNKEY_WRONG, "holds another key than the one we "
		    "sign with");
	free(type);
	free(k);
	free(own);
	free(p);
}

static void
judge_flags(struct judge *j, const char *found)
{
	char *v = tag_value(found, "v"), *t = tag_value(found, "t");
	char *h = tag_value(found, "h");

	if (v != NULL && strcmp(v, "DKIM1") != 0)
		find(j, OWNKEY_WRONG, "is of version %s, not DKIM1", v);
	if (lists(t, "y"))
		find(j, OWNKEY_WRONG, "is in test mode: with t=y receivers may "
		    "take our mails as unsigned (RFC 6376 section 3.6.1)");
	if (h != NULL && !lists(h, "sha256"))
		find(j, OWNKEY_WRONG, "allows h=%s only, but we sign with "
		    "sha256", h);
	free(h);
	free(t);
	free(v);
}

/* RFC 8460 section 3 wants s=tlsrpt; the default, all services, covers it. */
static void
judge_services(struct judge *j, const char *found)
{
	char *s = tag_value(found, "s");

	if (s == NULL)
		return;
	if (!lists(s, "*") && !lists(s, "tlsrpt"))
		find(j, OWNKEY_WRONG, "s=%s shuts out tlsrpt: receivers may "
		    "ignore our reports (RFC 8460 section 3); leave s= out", s);
	else if (!lists(s, "*") && !lists(s, "email"))
		find(j, OWNKEY_WRONG, "s=%s shuts out ordinary mail, as which "
		    "most verifiers take a report; leave s= out", s);
	else
		find(j, OWNKEY_GOOD, "s=%s is right, but some verifiers do "
		    "not understand it; better leave s= out", s);
	free(s);
}

enum ownkey
ownkey_judge(const char *name, const char *found, const char *wanted,
    FILE *out)
{
	struct judge j = { name, out, OWNKEY_GOOD };

	judge_key(&j, found, wanted);
	judge_flags(&j, found);
	judge_services(&j, found);
	if (j.worst == OWNKEY_GOOD)
		find(&j, OWNKEY_GOOD, "is published and is our key");
	return j.worst;
}

/* One key's question, and what became of it. */
struct question {
	char *name, *wanted;
	FILE *out;
	enum ownkey verdict;
};

static void
on_answer(void *arg, enum dns_status status, bool secure,
    const char *const *data, const size_t *len, size_t n)
{
	struct question *q = arg;
	struct judge j = { q->name, q->out, OWNKEY_GOOD };
	char *found;

	(void)secure;
	(void)len;
	if (status == DNS_FAILED)
		find(&j, OWNKEY_NO_ANSWER, "DNS did not answer, so whether "
		    "our key is published is not known");
	else if (status == DNS_NONE || n == 0)
		find(&j, OWNKEY_WRONG, "is not published: receivers must "
		    "ignore our mails (RFC 8460 section 3)");
	else if (n > 1)
		find(&j, OWNKEY_WRONG, "has %zu TXT records, and which of them "
		    "a receiver takes is chance (RFC 6376 section 3.6.2.2)",
		    n);
	else {
		found = log_escape(data[0]);
		j.worst = ownkey_judge(q->name, found, q->wanted, q->out);
		free(found);
	}
	q->verdict = j.worst;
}

static enum ownkey
ask(struct dns *dns, struct question *q, size_t n)
{
	enum ownkey worst = OWNKEY_GOOD;

	for (size_t i = 0; i < n; i++)
		if (dns_ask_txt(dns, q[i].name, on_answer, &q[i]) == -1) {
			fprintf(q[i].out, "%s: is no name that can be "
			    "published\n", q[i].name);
			q[i].verdict = OWNKEY_WRONG;
		}
	dns_wait(dns);
	for (size_t i = 0; i < n; i++)
		if (q[i].verdict > worst)
			worst = q[i].verdict;
	return worst;
}

enum ownkey
ownkey_check(const struct conf *c, const struct dkim *d, FILE *out)
{
	const struct dns_config config = {
		.resolver = c->dns.resolver,
		.trust_anchor = c->dns.trust_anchor,
		.timeout = c->dns.timeout,
	};
	struct question q[KEYS];
	enum ownkey worst = OWNKEY_NO_ANSWER;
	struct dns *dns;
	size_t n = 0;
	char *why;

	for (int key = 0; key < KEYS; key++) {
		q[n] = (struct question){ .out = out };
		if ((q[n].wanted = dkim_record(d, key, &q[n].name)) != NULL)
			n++;
	}
	if ((dns = dns_new(&config, &why)) != NULL)
		worst = ask(dns, q, n);
	else {
		fprintf(out, "cannot ask DNS for our key: %s\n", why);
		free(why);
	}
	dns_free(dns);
	while (n-- > 0) {
		free(q[n].name);
		free(q[n].wanted);
	}
	return worst;
}
