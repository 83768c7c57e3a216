#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stddef.h>
#include <stdio.h>

#include "conf/value.h"

/*
 * The configuration, contract 6.  One table in conf.c holds section, key,
 * type, default and bounds of every setting; parser, --print-config, the
 * sample file and the manual follow it.  A string that was not set and has
 * no default is NULL.  Times are seconds, sizes bytes.
 */
#define CONF_FILE SYSCONFDIR "/tlsrpt/tlsrpt.conf"

enum conf_send { SEND_ALL, SEND_FAILURES };
enum conf_rua_lookup { LOOKUP_IF_MISSING, LOOKUP_ALWAYS, LOOKUP_NEVER };
enum conf_tls { TLS_NONE, TLS_OPTIONAL, TLS_REQUIRED };
enum conf_signer { SIGNER_SELF, SIGNER_SMARTHOST };
enum conf_own_reports { OWN_REPORTS_DROP, OWN_REPORTS_KEEP };

/* Hexadecimal digits that %h in [mail] envelope_from becomes. */
#define CONF_HASH	20

struct conf {
	struct {
		char *organization_name, *contact_info, *domain;
		long compression_level, details_max, send;
	} report;
	struct {
		char *directory, *runtime_directory, *source, *socket;
		char *socket_owner, *socket_group, *user, *metrics_file;
		long ring_size, socket_mode, sync_interval, segment_size;
		long grace, keep_days;
	} spool;
	struct {
		char *database;
		long keep_days;
	} queue;
	struct {
		char *resolver, *trust_anchor;
		long timeout, rua_lookup;
	} dns;
	struct {
		char *ca_file, *ports, *map_file;
		long parallel, per_host, timeout, verify, allow_private;
	} https;
	struct {
		char *smarthost, *ca_file, *user, *password_file;
		char *from, *envelope_from, *bcc, *map_file;
		long tls, timeout, parallel, messages_per_session;
	} mail;
	struct {
		char *domain, *selector, *key_file;
		char *ed25519_selector, *ed25519_key_file;
		long signer;
	} dkim;
	struct {
		char *exclude_file, *map_file, *archive_dir, *metrics_file;
		long spread, retry_min, retry_max, give_up_after;
		long destinations_max, own_reports;
		long per_host_day, per_address_day, suppress_for;
	} deliver;
	struct {
		long target, format, level;
	} log;
};

/* Which settings a program cannot do without. */
enum conf_need {
	CONF_NEED_NOTHING,	/* the spool tools: defaults will do */
	CONF_NEED_REPORT	/* who we are: tlsrpt-send */
};

/*
 * Read the file (NULL: defaults only).  Every bad line is reported to err as
 * `file:line: key: reason, what is allowed`, and what does not hang together
 * as `file: …`.  Returns 0, or -1 when anything was reported.  The caller
 * releases c in both cases.
 */
int	conf_load(struct conf *c, const char *file, enum conf_need need,
	    FILE *err);
void	conf_release(struct conf *c);

/* As a file that conf_load would read back to the same, passwords unread. */
void	conf_print(const struct conf *c, FILE *out);

/* log_open with this configuration's [log]. */
void	conf_log(const struct conf *c, const char *program, int verbose);

/*
 * The table, for tests and generated documents.  Returns 1 and row i, or 0
 * after the last.  deflt is NULL where there is none.
 */
struct conf_row {
	const char *section, *key, *deflt, *help;
};
int	conf_row(size_t i, struct conf_row *row);
/* The rule for its values, or NULL when there is no such setting. */
const struct value_rule *conf_rule(const char *section, const char *key);

/* Text as a comment of a configuration file, wrapped at 76 columns. */
void	conf_comment(const char *text, FILE *out);

#endif
