#include "conf/conf.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/inifile.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "conf/together.h"
#include "conf/value.h"

#define MINUTE	60L
#define HOUR	3600L
#define DAY	86400L
#define MB	(1L << 20)
#define GB	(1L << 30)

/* In the order of the enums in conf.h. */
static const char *const send_choices[] = { "all", "failures", NULL };
static const char *const lookup_choices[] = { "if-missing", "always", "never",
	NULL };
static const char *const tls_choices[] = { "none", "optional", "required",
	NULL };
static const char *const signer_choices[] = { "self", "smarthost", NULL };
static const char *const own_choices[] = { "drop", "keep", NULL };
static const char *const target_choices[] = { "stderr", "syslog", NULL };
static const char *const format_choices[] = { "text", "json", NULL };
static const char *const level_choices[] = { "error", "warn", "info", "debug",
	NULL };

struct setting {
	const char *section, *key;
	size_t offset;
	const char *deflt;		/* NULL: none, or derived */
	struct value_rule rule;
	const char *help;
};

#define AT(s, k)	#s, #k, offsetof(struct conf, s.k)
#define STRING(t)	{ VALUE_##t, 0, 0, NULL }
#define NUMBER(t, a, b)	{ VALUE_##t, a, b, NULL }
#define BOOL		{ VALUE_BOOL, 0, 1, NULL }
#define CHOICE(c)	{ VALUE_CHOICE, 0, 0, c }

static const struct setting settings[] = {
	{ AT(report, organization_name), NULL, STRING(TEXT),
	    "Who is responsible for these reports, for people to read. "
	    "Needed." },
	{ AT(report, contact_info), NULL, STRING(ADDRESS),
	    "Address of whoever can answer questions about them. Needed." },
	{ AT(report, domain), NULL, STRING(DOMAIN),
	    "The submitter. Must be, and is by default, the domain of "
	    "contact_info." },
	{ AT(report, compression_level), "6", NUMBER(INT, 1, 9),
	    "gzip level." },
	{ AT(report, details_max), "500", NUMBER(INT, 1, 10000),
	    "Different failure details per policy; more are counted in one "
	    "per result type." },
	{ AT(report, send), "all", CHOICE(send_choices),
	    "Report every domain, or only those with failures." },

	{ AT(spool, directory), "/var/spool/tlsrpt", STRING(PATH),
	    "Where the outcome records are." },
	{ AT(spool, runtime_directory), "/run/tlsrpt", STRING(PATH),
	    "Where the collector keeps its ring." },
	{ AT(spool, ring_size), "64M", NUMBER(SIZE, MB, 16 * GB),
	    "What the collector holds while the disk is slow." },
	{ AT(spool, source), NULL, STRING(NAME),
	    "This host's name in segments and report-ids. The host name by "
	    "default." },
	{ AT(spool, socket), "/var/spool/postfix/run/tlsrpt/tlsrpt.sock",
	    STRING(PATH), "Where the collector listens." },
	{ AT(spool, socket_owner), NULL, STRING(NAME),
	    "Owner of the socket. The collector's user by default." },
	{ AT(spool, socket_group), NULL, STRING(NAME),
	    "Group of the socket: postfix, where that sends." },
	{ AT(spool, socket_mode), "0660", NUMBER(MODE, 0, 0777),
	    "Mode of the socket." },
	{ AT(spool, user), NULL, STRING(NAME),
	    "Whom the collector becomes when it is started as root." },
	{ AT(spool, sync_interval), "1s", NUMBER(SECONDS, 0, HOUR),
	    "How much a power cut may cost." },
	{ AT(spool, segment_size), "1G", NUMBER(SIZE, 4096, 4 * GB),
	    "An open segment of this size is sealed." },
	{ AT(spool, grace), "15m", NUMBER(SECONDS, 0, 12 * HOUR),
	    "How long after midnight UTC a day is over." },
	{ AT(spool, keep_days), "7", NUMBER(INT, 0, 3650),
	    "Reported days are kept for so many days." },
	{ AT(spool, metrics_file), NULL, STRING(PATH),
	    "The collector's counters as a Prometheus text file." },

	{ AT(queue, database), "/var/lib/tlsrpt/queue.db", STRING(PATH),
	    "Reports and their deliveries." },
	{ AT(queue, keep_days), "30", NUMBER(INT, 1, 3650),
	    "Finished reports are kept for so many days." },

	{ AT(dns, resolver), NULL, STRING(RESOLVER),
	    "Whom to ask. What /etc/resolv.conf names by default." },
	{ AT(dns, trust_anchor), NULL, STRING(PATH),
	    "DNSSEC trust anchor; without one answers are not validated." },
	{ AT(dns, timeout), "10s", NUMBER(SECONDS, 1, 5 * MINUTE),
	    "For one look-up." },
	{ AT(dns, rua_lookup), "if-missing", CHOICE(lookup_choices),
	    "Ask for a domain's TLSRPT record where the MTA gave none or "
	    "several." },

	{ AT(https, parallel), "64", NUMBER(INT, 1, 1000),
	    "Transfers at a time, but for those that slow hosts keep "
	    "waiting." },
	{ AT(https, per_host), "4", NUMBER(INT, 1, 100),
	    "Transfers at a time to one host." },
	{ AT(https, timeout), "60s", NUMBER(SECONDS, 1, HOUR),
	    "For a whole transfer; half to connect, half for a silence." },
	{ AT(https, ca_file), NULL, STRING(PATH),
	    "Certificates to trust. The system's by default." },
	{ AT(https, verify), "yes", BOOL,
	    "Check the certificates of https destinations." },
	{ AT(https, allow_private), "no", BOOL,
	    "Connect to private and loopback addresses too." },
	{ AT(https, ports), "any", STRING(PORTS),
	    "Ports of https destinations that are used." },
	{ AT(https, map_file), NULL, STRING(PATH),
	    "Rules that change https destinations, by their host or URL." },

	{ AT(mail, smarthost), "localhost:25", STRING(HOSTPORT),
	    "Where mail is handed in." },
	{ AT(mail, tls), "optional", CHOICE(tls_choices),
	    "STARTTLS with the smarthost. With user set, optional is "
	    "required." },
	{ AT(mail, ca_file), NULL, STRING(PATH),
	    "Certificates to trust. The system's by default." },
	{ AT(mail, user), NULL, STRING(TEXT), "AUTH, where it is wanted." },
	{ AT(mail, password_file), NULL, STRING(PATH),
	    "File whose first line is the password." },
	{ AT(mail, from), NULL, STRING(ADDRESS),
	    "From of the mails. contact_info by default." },
	{ AT(mail, envelope_from), NULL, STRING(ADDRESS),
	    "Where bounces go. The value of from by default. %h in it becomes "
	    "a keyed hash of the recipient, by which tlsrpt-send --bounce "
	    "knows it again." },
	{ AT(mail, bcc), NULL, STRING(ADDRESS),
	    "Gets a copy, as a mail of its own, of each report that is "
	    "mailed." },
	{ AT(mail, map_file), NULL, STRING(PATH),
	    "Rules that change mail destinations, by their host or URI." },
	{ AT(mail, timeout), "60s", NUMBER(SECONDS, 1, HOUR),
	    "For one reply of the smarthost." },
	{ AT(mail, parallel), "4", NUMBER(INT, 1, 100),
	    "Sessions at a time." },
	{ AT(mail, messages_per_session), "100", NUMBER(INT, 1, 10000),
	    "Mails handed in one after the other in a session." },

	{ AT(dkim, signer), "self", CHOICE(signer_choices),
	    "Who signs the mails." },
	{ AT(dkim, domain), NULL, STRING(DOMAIN),
	    "d= of the signature: the submitter, by default, or a parent of "
	    "it." },
	{ AT(dkim, selector), NULL, STRING(DOMAIN), "Of the RSA key." },
	{ AT(dkim, key_file), NULL, STRING(PATH),
	    "RSA private key, PEM, 1024 bits or more (2048 recommended)." },
	{ AT(dkim, ed25519_selector), NULL, STRING(DOMAIN),
	    "Of the Ed25519 key." },
	{ AT(dkim, ed25519_key_file), NULL, STRING(PATH),
	    "Ed25519 private key, PEM." },

	{ AT(deliver, spread), "4h", NUMBER(SECONDS, 0, 20 * HOUR),
	    "First tries are spread over this time." },
	{ AT(deliver, retry_min), "5m", NUMBER(SECONDS, 1, HOUR),
	    "Shortest time between tries." },
	{ AT(deliver, retry_max), "4h", NUMBER(SECONDS, 1, DAY),
	    "Longest time between tries." },
	{ AT(deliver, give_up_after), "1d", NUMBER(SECONDS, MINUTE, 7 * DAY),
	    "After the first try." },
	{ AT(deliver, destinations_max), "10", NUMBER(INT, 1, 100),
	    "Destinations used of one TLSRPT record." },
	{ AT(deliver, metrics_file), NULL, STRING(PATH),
	    "What monitoring wants to know after a run, as a Prometheus text "
	    "file." },
	{ AT(deliver, own_reports), "drop", CHOICE(own_choices),
	    "What to do where our own reports were a domain's only sessions: "
	    "no report, or one all the same." },
	{ AT(deliver, per_host_day), "10000", NUMBER(INT, 0, 10000000),
	    "Reports of one day to one host at the most, by mail and https; "
	    "0: no limit." },
	{ AT(deliver, per_address_day), "1000", NUMBER(INT, 0, 10000000),
	    "Reports of one day to one mail address at the most; 0: no "
	    "limit." },
	{ AT(deliver, suppress_for), "30d", NUMBER(SECONDS, HOUR, 3650 * DAY),
	    "How long an address that bounced gets no reports; see "
	    "envelope_from." },
	{ AT(deliver, exclude_file), NULL, STRING(PATH),
	    "Policy domains, addresses and hosts that get no reports, one a "
	    "line; .example.com for all below it." },
	{ AT(deliver, map_file), NULL, STRING(PATH),
	    "Rules that change all destinations of a policy domain." },
	{ AT(deliver, archive_dir), NULL, STRING(PATH),
	    "Keeps every report that is queued, in a folder per day. Nothing "
	    "is ever removed from it." },

	{ AT(log, target), "stderr", CHOICE(target_choices), "Where to." },
	{ AT(log, format), "text", CHOICE(format_choices), "How." },
	{ AT(log, level), "info", CHOICE(level_choices), "How much." },
};
#define SETTINGS	(sizeof(settings) / sizeof(settings[0]))

static char **
string_at(const struct conf *c, const struct setting *s)
{
	return (char **)((char *)(uintptr_t)c + s->offset);
}

static long *
number_at(const struct conf *c, const struct setting *s)
{
	return (long *)((char *)(uintptr_t)c + s->offset);
}

/* What is known while a file is being read. */
struct reading {
	struct conf *conf;
	struct inifile in;
	int seen[SETTINGS];		/* line of each setting */
};

static const struct setting *
find(const char *section, const char *key)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (strcmp(settings[i].section, section) == 0 &&
		    strcmp(settings[i].key, key) == 0)
			return &settings[i];
	return NULL;
}

/* Told of where it begins, whether there is anything in it or not. */
static void
on_section(void *arg, const char *section)
{
	struct reading *r = arg;
	char *name;

	for (size_t i = 0; i < SETTINGS; i++)
		if (strcmp(settings[i].section, section) == 0)
			return;
	name = xasprintf("[%s]", section);
	inifile_complain(&r->in, name, "no such section, allowed: report, "
	    "spool, queue, dns, https, mail, dkim, deliver, log");
	free(name);
}

static void
unknown(struct reading *r, const char *section, const char *key)
{
	char *reason = *section == '\0' ?
	    xstrdup("stands before the first [section]") :
	    xasprintf("no such setting in [%s]", section);

	inifile_complain(&r->in, key, reason);
	free(reason);
}

static void
set(struct conf *c, const struct setting *s, const char *text, long number)
{
	if (value_is_string(s->rule.type)) {
		free(*string_at(c, s));
		*string_at(c, s) = xstrdup(text);
	} else
		*number_at(c, s) = number;
}

static int
on_setting(void *arg, const char *section, const char *key, const char *value)
{
	struct reading *r = arg;
	const struct setting *s = find(section, key);
	const char *why;
	char *reason;
	long number = 0;

	if (s == NULL) {
		unknown(r, section, key);
		return 1;
	}
	if (r->seen[s - settings] != 0) {
		reason = xasprintf("is already set in line %d",
		    r->seen[s - settings]);
		inifile_complain(&r->in, key, reason);
		free(reason);
		return 1;
	}
	r->seen[s - settings] = r->in.line;
	if ((why = value_check(&s->rule, value, &number)) != NULL) {
		reason = value_refusal(&s->rule, value, why);
		inifile_complain(&r->in, key, reason);
		free(reason);
		return 1;
	}
	set(r->conf, s, value, number);
	return 1;
}

int
conf_load(struct conf *c, const char *file, enum conf_need need, FILE *err)
{
	struct reading r = { .conf = c, .in = { .err = err,
	    .file = file != NULL ? file : "configuration",
	    .on_section = on_section } };
	long number = 0;

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < SETTINGS; i++)
		if (settings[i].deflt != NULL) {
			value_check(&settings[i].rule, settings[i].deflt,
			    &number);
			set(c, &settings[i], settings[i].deflt, number);
		}
	if (file != NULL && inifile_read(&r.in, on_setting, &r) == -1)
		return -1;
	together_derive(c);
	return together_check(c, need, r.in.file, err);
}

void
conf_release(struct conf *c)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (value_is_string(settings[i].rule.type)) {
			free(*string_at(c, &settings[i]));
			*string_at(c, &settings[i]) = NULL;
		}
}

static void
print_section(const struct setting *s, FILE *out)
{
	if (s == settings || strcmp(s->section, s[-1].section) != 0)
		fprintf(out, "%s[%s]\n", s == settings ? "" : "\n", s->section);
}

void
conf_print(const struct conf *c, FILE *out)
{
	for (const struct setting *s = settings; s < settings + SETTINGS; s++) {
		print_section(s, out);
		if (!value_is_string(s->rule.type)) {
			fprintf(out, "%s = ", s->key);
			value_print(&s->rule, *number_at(c, s), out);
			putc('\n', out);
		} else if (*string_at(c, s) != NULL)
			fprintf(out, "%s = %s\n", s->key, *string_at(c, s));
		else
			fprintf(out, "#%s =\n", s->key);
	}
}

void
conf_log(const struct conf *c, const char *program, int verbose)
{
	log_open(program, (enum log_target)c->log.target,
	    (enum log_format)c->log.format,
	    verbose ? LOG_LEVEL_DEBUG : (enum log_level)c->log.level);
}

int
conf_row(size_t i, struct conf_row *row)
{
	if (i >= SETTINGS)
		return 0;
	*row = (struct conf_row){ settings[i].section, settings[i].key,
	    settings[i].deflt, settings[i].help };
	return 1;
}

const struct value_rule *
conf_rule(const char *section, const char *key)
{
	const struct setting *s = find(section, key);

	return s != NULL ? &s->rule : NULL;
}

void
conf_comment(const char *text, FILE *out)
{
	size_t column = 0, len;

	for (; *text != '\0'; text += len + (text[len] == ' ')) {
		len = strcspn(text, " ");
		if (column == 0 || column + len > 74) {
			fprintf(out, "%s#", column == 0 ? "" : "\n");
			column = 0;
		}
		fprintf(out, " %.*s", (int)len, text);
		column += len + 1;
	}
	putc('\n', out);
}
