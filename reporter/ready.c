#include "reporter/ready.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/mem.h"
#include "reporter/cas.h"
#include "reporter/chain.h"
#include "reporter/dns.h"
#include "reporter/https.h"
#include "reporter/password.h"
#include "reporter/queue.h"
#include "reporter/smtp.h"

struct ready {
	const char *config;
	FILE *err;
	int rc;
};

static void __attribute__((format(printf, 2, 3)))
wrong(struct ready *r, const char *format, ...)
{
	va_list ap;

	fprintf(r->err, "%s: ", r->config);
	va_start(ap, format);
	vfprintf(r->err, format, ap);
	va_end(ap);
	putc('\n', r->err);
	r->rc = -1;
}

/* For the user in whose name we run, whoever started us. */
static bool
may(const char *path, int how)
{
	return faccessat(AT_FDCWD, path, how, AT_EACCESS) == 0;
}

static const char *
user_name(void)
{
	const struct passwd *p = getpwuid(geteuid());

	return p != NULL ? p->pw_name : "this user";
}

/* The CAs of a run, which OpenSSL may make nothing of. */
static void
want_certificates(struct ready *r, const char *key, const char *file)
{
	char *why;
	X509_STORE *store = chain_store(file, &why);

	if (store == NULL)
		wrong(r, "%s %s", key, why);
	X509_STORE_free(store);
	free(why);
}

static void
want_password(struct ready *r, const char *key, const char *file)
{
	char *why, *password = password_read(file, &why);

	if (password == NULL)
		wrong(r, "%s %s", key, why);
	free(password);
	free(why);
}

/* libunbound reads them when it is set up, and asks nobody yet. */
static void
want_resolver(struct ready *r, const struct conf *c)
{
	const struct dns_config config = {
		.resolver = c->dns.resolver,
		.trust_anchor = c->dns.trust_anchor,
		.timeout = c->dns.timeout,
	};
	struct dns *dns;
	char *why;

	if ((dns = dns_new(&config, &why)) == NULL) {
		wrong(r, "[dns] %s", why);
		free(why);
	}
	dns_free(dns);
}

int
ready_files(const struct conf *c, const char *config, FILE *err)
{
	const struct {
		const char *key, *file;
		void (*want)(struct ready *, const char *, const char *);
	} files[] = {
		{ "[dns] trust_anchor", c->dns.trust_anchor, NULL },
		{ "[https] ca_file", c->https.ca_file, want_certificates },
		{ "[mail] ca_file", c->mail.ca_file, want_certificates },
		{ "[mail] password_file", c->mail.password_file,
		    want_password },
	};
	struct ready r = { .config = config, .err = err };

	if (!may(config, R_OK))		/* root could, before he became him */
		wrong(&r, "%s may not read it", user_name());
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (files[i].file == NULL)
			continue;
		if (!may(files[i].file, R_OK))
			wrong(&r, "%s %s: %s", files[i].key, files[i].file,
			    strerror(errno));
		else if (files[i].want != NULL)
			files[i].want(&r, files[i].key, files[i].file);
	}
	if (r.rc == 0 && c->dns.rua_lookup != LOOKUP_NEVER)
		want_resolver(&r, c);
	return r.rc;
}

static void
want_cas(struct ready *r, const char *key, int (*look)(char **why))
{
	char *why;

	if (look(&why) == -1)
		wrong(r, "%s: not set, and this system has %s", key, why);
	free(why);
}

int
ready_cas(const struct conf *c, const char *config, FILE *err)
{
	const struct smtp_config smtp = {
		.tls = (enum smtp_tls)c->mail.tls, .user = c->mail.user,
	};
	struct ready r = { .config = config, .err = err };

	if (c->https.verify && c->https.ca_file == NULL)
		want_cas(&r, "[https] ca_file", https_look_for_cas);
	if (smtp_tls_of(&smtp) == SMTP_TLS_REQUIRED && c->mail.ca_file == NULL)
		want_cas(&r, "[mail] ca_file", cas_look_default);
	return r.rc;
}

/* The folder that holds it; the caller frees it. */
static char *
parent(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	while (len > 1 && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	return xstrndup(path, len);
}

static void
want_folder(struct ready *r, const char *key, const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		wrong(r, "%s: folder %s: %s", key, path, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		wrong(r, "%s: %s is not a folder", key, path);
	else if (!may(path, R_OK | W_OK | X_OK))
		wrong(r, "%s: %s may not write in folder %s", key, user_name(),
		    path);
}

/* One that is made when it is not there: then by what is above it. */
static void
want_made(struct ready *r, const char *key, const char *path)
{
	char *above, *at = xstrdup(path);

	while (access(at, F_OK) == -1 && errno == ENOENT) {
		above = parent(at);
		free(at);
		at = above;
	}
	want_folder(r, key, at);
	free(at);
}

static void
want_spool(struct ready *r, const char *path)
{
	static const char *const folders[] = { "days", "incoming", "rejected" };

	want_folder(r, "[spool] directory", path);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		char *name = xasprintf("%s/%s", path, folders[i]);

		/* What is not there yet is no other's. */
		if (access(name, F_OK) == 0)
			want_folder(r, "[spool] directory", name);
		free(name);
	}
}

static void
want_folder_of(struct ready *r, const char *key, const char *file)
{
	char *path = parent(file);

	want_folder(r, key, path);
	free(path);
}

/* Is it a queue that a run can use, if only after bringing it up to date? */
static void
want_queue(struct ready *r, const char *file)
{
	char *why;
	struct queue *q = queue_open(file, QUEUE_LOOK, &why);

	if (q == NULL)
		wrong(r, "[queue] database %s", why);
	queue_close(q);
	free(why);
}

/* With what is beside it: its log, and the lock of a run. */
static void
want_database(struct ready *r, const char *file)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", ".lock" };
	struct stat st;
	/* A link to nothing, too: a run would not make what it names. */
	bool allowed = lstat(file, &st) == 0;

	want_folder_of(r, "[queue] database", file);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char *name = xasprintf("%s%s", file, suffixes[i]);

		if (access(name, F_OK) == 0 && !may(name, R_OK | W_OK)) {
			wrong(r, "[queue] database: %s may not write %s",
			    user_name(), name);
			allowed = false;
		}
		free(name);
	}
	if (allowed)
		want_queue(r, file);
}

int
ready_folders(const struct conf *c, const char *config, FILE *err)
{
	struct ready r = { .config = config, .err = err };

	want_spool(&r, c->spool.directory);
	want_database(&r, c->queue.database);
	if (c->deliver.archive_dir != NULL)
		want_made(&r, "[deliver] archive_dir", c->deliver.archive_dir);
	if (c->deliver.metrics_file != NULL)
		want_folder_of(&r, "[deliver] metrics_file",
		    c->deliver.metrics_file);
	return r.rc;
}

int
ready_secrets(const struct conf *c, const char *config, FILE *err)
{
	const struct {
		const char *key, *file;
	} files[] = {
		{ "[dkim] key_file", c->dkim.key_file },
		{ "[dkim] ed25519_key_file", c->dkim.ed25519_key_file },
		{ "[mail] password_file", c->mail.password_file },
	};
	struct ready r = { .config = config, .err = err };
	struct stat st;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (files[i].file == NULL || stat(files[i].file, &st) == -1)
			continue;
		if ((st.st_mode & (S_IWGRP | S_IRWXO)) != 0)
			wrong(&r, "%s %s: mode %04o lets others %s it: chmod "
			    "%s", files[i].key, files[i].file,
			    (unsigned)st.st_mode & 07777,
			    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 ?
			    "change" : "read",
			    (st.st_mode & S_IRGRP) != 0 ? "640" : "600");
	}
	return r.rc;
}
