/*
 * tlsrpt-check: is what a domain publishes on TLS right, and do its hosts keep
 * to it?  Changes nothing.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "conf/conf.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/check.h"
#include "reporter/check_dkim.h"
#include "reporter/check_options.h"
#include "reporter/check_output.h"

#define BATCH		32	/* domains that take each step together */
#define TIMEOUT		15	/* seconds; some servers greet late */
#define HELO_SIZE	256
#define TYPE_DS		43

struct program {
	struct check_options o;
	struct conf conf;
	struct check_config config;
	struct dns *dns;
	struct show look;
	char helo[HELO_SIZE];
	enum severity worst;
};

static void
load_conf(struct program *p)
{
	const char *file = p->o.config;

	if (file == NULL && access(CONF_FILE, R_OK) == 0)
		file = CONF_FILE;
	if (conf_load(&p->conf, file, CONF_NEED_NOTHING, stderr) == -1)
		exit(CHECK_USAGE);
}

/* What the command line says is stronger. */
static void
replace(char **setting, const char *option)
{
	if (option == NULL)
		return;
	free(*setting);
	*setting = xstrdup(option);
}

static void
apply_options(struct program *p)
{
	const struct check_options *o = &p->o;

	replace(&p->conf.dns.resolver, o->resolver);
	replace(&p->conf.https.ca_file, o->ca_file);
	replace(&p->conf.dns.trust_anchor, o->trust_anchor);
	if (o->trust_anchor != NULL && strcmp(o->trust_anchor, "none") == 0) {
		free(p->conf.dns.trust_anchor);
		p->conf.dns.trust_anchor = NULL;
	}
	if (o->timeout > 0)
		p->conf.dns.timeout = o->timeout;
}

static struct dns *
dns_with(const struct program *p, const char *trust_anchor, char **why)
{
	const struct dns_config c = {
		.resolver = p->conf.dns.resolver,
		.trust_anchor = trust_anchor,
		.timeout = p->conf.dns.timeout,
	};

	return dns_new(&c, why);
}

/* Where systems keep the root's key. */
static const char *
root_key(void)
{
	static const char *const files[] = {
		"/usr/share/dns/root.key",
		"/var/lib/unbound/root.key",
		"/etc/unbound/root.key",
		"/etc/trusted-key.key",
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (access(files[i], R_OK) == 0)
			return files[i];
	return NULL;
}

static void
on_ds(void *arg, enum dns_status status, bool secure, const char *const *data,
    const size_t *len, size_t n)
{
	(void)data;
	(void)len;
	(void)n;
	*(bool *)arg = status == DNS_FOUND && secure;
}

/*
 * With the root's key, and a resolver that lets DNSSEC through; many a home
 * router's does not, and then every answer would look false.
 */
static struct dns *
dns_validating(const struct program *p)
{
	const char *key = root_key();
	bool works = false;
	struct dns *dns;
	char *why;

	if (key == NULL || p->o.trust_anchor != NULL)
		return NULL;
	if ((dns = dns_with(p, key, &why)) == NULL) {
		free(why);
		return NULL;
	}
	dns_ask(dns, "com", TYPE_DS, on_ds, &works);
	dns_wait(dns);
	if (works)
		return dns;
	log_warn("the resolver does not let DNSSEC through: answers are not "
	    "validated");
	dns_free(dns);
	return NULL;
}

static void
open_dns(struct program *p)
{
	char *why;

	if (p->conf.dns.trust_anchor == NULL &&
	    (p->dns = dns_validating(p)) != NULL) {
		p->config.validates = true;
		return;
	}
	p->config.validates = p->conf.dns.trust_anchor != NULL;
	p->dns = dns_with(p, p->conf.dns.trust_anchor, &why);
	if (p->dns == NULL) {
		fprintf(stderr, "tlsrpt-check: DNS: %s\n", why);
		exit(CHECK_USAGE);
	}
}

static X509_STORE *
open_store(const struct program *p)
{
	char *why;
	X509_STORE *store = chain_store(p->conf.https.ca_file, &why);

	if (store == NULL) {
		fprintf(stderr, "tlsrpt-check: certificates to trust: %s\n",
		    why);
		exit(CHECK_USAGE);
	}
	return store;
}

static void
configure(struct program *p)
{
	long timeout = p->o.timeout > 0 ? p->o.timeout : TIMEOUT;
	bool private = p->o.allow_private || p->conf.https.allow_private;
	X509_STORE *store = open_store(p);

	if (gethostname(p->helo, sizeof(p->helo) - 1) == -1 ||
	    p->helo[0] == '\0')
		memcpy(p->helo, "localhost", sizeof("localhost"));
	p->config.probe = !p->o.no_probe;
	p->config.now = time(NULL);
	p->config.https = (struct fetch_config){ .store = store,
	    .user_agent = "tlsrpt-check/" VERSION, .timeout = timeout,
	    .allow_private = private, .now = p->config.now };
	p->config.smtp = (struct starttls_config){ .store = store,
	    .helo = p->helo, .timeout = timeout,
	    .port = (unsigned)p->o.port, .allow_private = private,
	    .now = p->config.now };
	p->look.colour = show_wants_colour();
}

static void
put(struct program *p, const char *title, struct findings *f,
    const struct suggestion *s)
{
	enum severity worst = findings_worst(f);

	findings_sort(f);
	if (worst > p->worst)
		p->worst = worst;
	if (p->o.json)
		check_json(title, f, s, stdout);
	else
		check_text(title, f, s, p->o.verbose, &p->look, stdout);
}

static void
finish(struct program *p, struct check *c)
{
	struct suggestion s;

	check_judge(c, &p->config);
	if (p->o.suggest) {
		suggestion_make(&s, c, &p->config);
		put(p, c->domain, &c->findings, &s);
		suggestion_release(&s);
	} else {
		put(p, c->domain, &c->findings, NULL);
	}
	check_release(c);
}

/* Each step for all of them, so that the waiting is done together. */
static void
check_batch(struct program *p, char **domains, size_t n, const char *what)
{
	struct check list[BATCH];

	log_progress("%s: DNS", what);
	for (size_t i = 0; i < n; i++) {
		check_init(&list[i], domains[i]);
		check_ask_domain(&list[i], p->dns);
	}
	dns_wait(p->dns);
	for (size_t i = 0; i < n; i++) {
		check_read_domain(&list[i]);
		check_ask_hosts(&list[i], p->dns);
	}
	dns_wait(p->dns);
	for (size_t i = 0; i < n; i++)
		check_read_hosts(&list[i]);
	if (p->config.probe)
		check_probe(list, n, &p->config, what);
	log_progress(NULL);
	for (size_t i = 0; i < n; i++)
		finish(p, &list[i]);
	fflush(stdout);
}

static void
check_all(struct program *p)
{
	char what[80];

	for (size_t i = 0; i < p->o.n; i += BATCH) {
		size_t n = p->o.n - i < BATCH ? p->o.n - i : BATCH;

		fmt(what, sizeof(what), "domains %zu to %zu of %zu", i + 1,
		    i + n, p->o.n);
		check_batch(p, p->o.domains + i, n, what);
	}
}

/* Only for whom it is: others need not have a configuration. */
static void
check_own_key(struct program *p)
{
	struct findings f;

	if (p->o.config == NULL)
		return;
	findings_init(&f);
	check_dkim(&f, &p->conf);
	put(p, p->conf.dkim.domain != NULL ? p->conf.dkim.domain :
	    p->o.config, &f, NULL);
	findings_release(&f);
}

int
main(int argc, char **argv)
{
	static struct program p;
	bool wrong;

	log_standard();
	check_options_parse(&p.o, argc, argv);
	log_open("tlsrpt-check", LOG_TO_STDERR, LOG_AS_TEXT,
	    p.o.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		fatal("curl_global_init failed");
	load_conf(&p);
	apply_options(&p);
	configure(&p);
	open_dns(&p);
	check_all(&p);
	check_own_key(&p);
	if (fflush(stdout) != 0 || ferror(stdout))
		fatal("standard output: %m");
	dns_free(p.dns);
	X509_STORE_free(p.config.https.store);
	conf_release(&p.conf);
	curl_global_cleanup();
	wrong = p.o.bad_list || p.worst >= SEVERITY_WARNING;
	check_options_release(&p.o);
	return wrong ? CHECK_WRONG : CHECK_OK;
}
