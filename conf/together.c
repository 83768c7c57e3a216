#include "conf/together.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "conf/mem.h"
#include "conf/value.h"

static void
default_string(char **s, const char *value)
{
	if (*s == NULL && value != NULL)
		*s = xstrdup(value);
}

/* A host name as a source: nothing that has a meaning in a file name. */
static char *
host_source(void)
{
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) == -1 || host[0] == '\0' ||
	    host[0] == '.')
		return xstrdup("localhost");
	for (char *p = host; *p != '\0'; p++)
		if (strchr(VALUE_NAME_BYTES, *p) == NULL)
			*p = '-';
	return xstrdup(host);
}

void
together_derive(struct conf *c)
{
	if (c->report.contact_info != NULL)
		default_string(&c->report.domain,
		    value_domain(c->report.contact_info));
	for (char *p = c->report.domain; p != NULL && *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	default_string(&c->mail.from, c->report.contact_info);
	default_string(&c->mail.envelope_from, c->mail.from);
	default_string(&c->dkim.domain, c->report.domain);
	if (c->spool.source == NULL)
		c->spool.source = host_source();
}

struct checking {
	const struct conf *conf;
	const char *file;
	FILE *err;
	int rc;
};

static void
objection(struct checking *k, const char *text)
{
	fprintf(k->err, "%s: %s\n", k->file, text);
	k->rc = -1;
}

static void
both_or_none(struct checking *k, const char *a, const char *b,
    const char *names)
{
	char *text;

	if ((a == NULL) != (b == NULL)) {
		text = xasprintf("%s: one is set without the other", names);
		objection(k, text);
		free(text);
	}
}

/* Contract 6: "Identity hangs together". */
static void
check_identity(struct checking *k)
{
	const struct conf *c = k->conf;

	if (c->report.organization_name == NULL)
		objection(k, "[report] organization_name: not set, allowed: "
		    "a text such as Example Org");
	if (c->report.contact_info == NULL) {
		objection(k, "[report] contact_info: not set, allowed: "
		    "an address such as tls-reports@example.org");
		return;
	}
	if (strcasecmp(c->report.domain,
	    value_domain(c->report.contact_info)) != 0)
		objection(k, "[report] domain: is not the domain of "
		    "contact_info (RFC 8460 section 5.3: the submitter must "
		    "be)");
	if (!value_is_within(c->report.domain, c->dkim.domain))
		objection(k, "[dkim] domain: is neither [report] domain nor "
		    "a parent of it");
	if (!value_is_within(value_domain(c->mail.from), c->dkim.domain))
		objection(k, "[mail] from: its domain is not within [dkim] "
		    "domain, so receivers would not find the mail aligned");
}

static void
check_keys(struct checking *k)
{
	const char *rsa = k->conf->dkim.selector;
	const char *ed25519 = k->conf->dkim.ed25519_selector;

	both_or_none(k, rsa, k->conf->dkim.key_file,
	    "[dkim] selector and key_file");
	both_or_none(k, ed25519, k->conf->dkim.ed25519_key_file,
	    "[dkim] ed25519_selector and ed25519_key_file");
	if (rsa != NULL && ed25519 != NULL && strcasecmp(rsa, ed25519) == 0)
		objection(k, "[dkim] ed25519_selector: is the same as "
		    "selector, allowed: another (RFC 6376 section 3.6.2.2: a "
		    "name has one key)");
}

/* RFC 5321 section 4.5.3.1.1: 64 bytes before the @, hash included. */
static void
check_envelope(struct checking *k)
{
	const char *from = k->conf->mail.envelope_from, *mark;

	if (from == NULL || (mark = strstr(from, "%h")) == NULL)
		return;
	if (strchr(from, '@') - from - 2 + CONF_HASH > 64)
		objection(k, "[mail] envelope_from: is too long before the @ "
		    "once %h has become 20 digits, allowed: 64 bytes");
	if (strstr(mark + 2, "%h") != NULL)
		objection(k, "[mail] envelope_from: %h may stand in it once");
}

int
together_check(const struct conf *c, enum conf_need need, const char *file,
    FILE *err)
{
	struct checking k = { c, file, err, 0 };

	if (need == CONF_NEED_REPORT)
		check_identity(&k);
	if (c->deliver.retry_min > c->deliver.retry_max)
		objection(&k, "[deliver] retry_min: is more than retry_max");
	check_envelope(&k);
	check_keys(&k);
	both_or_none(&k, c->mail.user, c->mail.password_file,
	    "[mail] user and password_file");
	return k.rc;
}
