#include "conf/foreign_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/mem.h"

static char *
as_it_is(const struct value_rule *rule, const char *value, const char **note,
    const char **why)
{
	long ignored;

	(void)note;
	*why = value_check(rule, value, &ignored);
	return *why == NULL ? xstrdup(value) : NULL;
}

/* What is a number there is one here, but not all that is allowed there. */
static char *
number(const struct value_rule *rule, const char *value, const char **note,
    const char **why)
{
	char *end, *text;
	size_t len;
	long n;
	FILE *f;

	errno = 0;
	n = strtol(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0') {
		*why = "not a number";
		return NULL;
	}
	if (n < rule->min || n > rule->max)
		*note = "This is as near as is allowed here.";
	n = n < rule->min ? rule->min : n > rule->max ? rule->max : n;
	f = xmemstream(&text, &len);
	value_print(rule, n, f);
	xmemclose(f);
	return text;
}

static char *
compression(const struct value_rule *rule, const char *value,
    const char **note, const char **why)
{
	if (strcmp(value, "-1") != 0)
		return number(rule, value, note, why);
	*note = "That is zlib's default, which ours is, too.";
	return NULL;
}

/* Names and numbers of Python's logging. */
static const struct {
	const char *name, *number, *ours;
} levels[] = {
	{ "debug", "10", "debug" }, { "notset", "0", "debug" },
	{ "info", "20", "info" }, { "warn", "30", "warn" },
	{ "warning", "30", "warn" }, { "error", "40", "error" },
	{ "critical", "50", "error" }, { "fatal", "50", "error" },
};

static char *
log_level(const struct value_rule *rule, const char *value,
    const char **note, const char **why)
{
	(void)rule;
	(void)note;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcasecmp(levels[i].name, value) == 0 ||
		    strcmp(levels[i].number, value) == 0)
			return xstrdup(levels[i].ours);
	*why = "no log level";
	return NULL;
}

static char *
contact(const struct value_rule *rule, const char *value, const char **note,
    const char **why)
{
	const char *ignored;
	char *ours;

	if (strncasecmp(value, "mailto:", 7) == 0)
		value += 7;
	if (*value != '\0' && (ours = as_it_is(rule, value, note,
	    &ignored)) != NULL)
		return ours;
	*note = "It has to be a mail address (RFC 8460 section 4.4).";
	*why = NULL;
	return NULL;
}

/* Perhaps "NAME <ADDRESS>", of which the address is taken. */
static char *
sender(const struct value_rule *rule, const char *value, const char **note,
    const char **why)
{
	const char *open = strrchr(value, '<');
	char *address, *ours;

	if (open == NULL || value[strlen(value) - 1] != '>')
		return as_it_is(rule, value, note, why);
	address = xstrndup(open + 1, strlen(open) - 2);
	if ((ours = as_it_is(rule, address, note, why)) != NULL)
		*note = "The name before the address is left out.";
	free(address);
	return ours;
}

#define NO_FETCH	"Nothing is fetched: tlsrpt-send reads the spool."
#define NO_PID		"Nothing to set: our programs stay in the " \
	"foreground, under their service manager or cron."
#define NO_LOGFILE	"Nothing to set: we log to standard error, which " \
	"systemd keeps, or with target to syslog."
#define ONE_LEVEL	"At info, every delivery is a line with its outcome."
#define BY_UNIT(name)	"With systemd, " name " in tlsrpt-spoold.socket " \
	"counts instead: systemctl edit --full tlsrpt-spoold.socket."
#define TEST_ONLY(uri) "Not taken over: reports go where they are " \
	"asked for. To have them go there instead, write a file with the " \
	"line `. REPLACE " uri "' and name it in map_file."

/* What tlsrpt-reporter 0.6 knows. */
const struct foreign_row foreign_rows[FOREIGN_ROWS] = {
	{ COLLECTD, "storage", NULL, NULL, NULL, "Our spool is a folder of "
	    "text files, [spool] directory. The database is not taken over: "
	    "let the old programs finish its days." },
	{ COLLECTD, "socketname", "spool", "socket", as_it_is,
	    "What Postfix has in smtp_tlsrpt_socket_name stays. "
	    BY_UNIT("ListenDatagram") },
	{ COLLECTD, "socketuser", "spool", "socket_owner", as_it_is,
	    BY_UNIT("SocketUser") },
	{ COLLECTD, "socketgroup", "spool", "socket_group", as_it_is,
	    BY_UNIT("SocketGroup") },
	{ COLLECTD, "socketmode", "spool", "socket_mode", as_it_is,
	    BY_UNIT("SocketMode") },
	{ COLLECTD, "sockettimeout", NULL, NULL, NULL,
	    "Nothing to set: records are written as they come." },
	{ COLLECTD, "max_uncommited_datagrams", "spool", "sync_interval",
	    NULL, "No such count: sync_interval, 1s by default, says how "
	    "much a power cut may cost." },
	{ COLLECTD, "retry_commit_datagram_count", "spool", "ring_size", NULL,
	    "No such count: ring_size says how much is held while the disk "
	    "takes nothing." },
	{ COLLECTD, "pidfilename", NULL, NULL, NULL, NO_PID },
	{ COLLECTD, "logfilename", "log", "target", NULL, NO_LOGFILE },
	{ COLLECTD, "log_level", "log", "level", log_level, ONE_LEVEL },
	{ COLLECTD, "daily_rollover_script", NULL, NULL, NULL,
	    "No counterpart: a day needs no rollover. If the script sent the "
	    "day to another host: copy sealed segments there, with rsync "
	    "say, see tlsrpt-spool(5)." },
	{ COLLECTD, "dump_path_for_invalid_datagram", NULL, NULL, NULL,
	    "Nothing to set: what is no record is kept in rejected/ of the "
	    "spool, each line with its reason." },

	{ FETCHER, "storage", NULL, NULL, NULL, NO_FETCH },
	{ FETCHER, "logfilename", "log", "target", NULL, NO_LOGFILE },
	{ FETCHER, "log_level", "log", "level", log_level, ONE_LEVEL },

	{ REPORTD, "pidfilename", NULL, NULL, NULL, NO_PID },
	{ REPORTD, "logfilename", "log", "target", NULL, NO_LOGFILE },
	{ REPORTD, "log_level", "log", "level", log_level, ONE_LEVEL },
	{ REPORTD, "debug_db", NULL, NULL, NULL, "No counterpart." },
	{ REPORTD, "debug_send_mail_dest", "mail", "map_file", NULL,
	    TEST_ONLY("mailto:ADDRESS") },
	{ REPORTD, "debug_send_http_dest", "https", "map_file", NULL,
	    TEST_ONLY("https://HOST/PATH") },
	{ REPORTD, "debug_send_file_dest", "deliver", "archive_dir", as_it_is,
	    "Reports are in a folder per day there." },
	{ REPORTD, "dbname", NULL, NULL, NULL, "The queue is a database of "
	    "its own, [queue] database. This one is not taken over: let the "
	    "old programs deliver what is in it." },
	{ REPORTD, "keep_days", "queue", "keep_days", number, NULL },
	{ REPORTD, "fetchers", NULL, NULL, NULL, NO_FETCH " If there are "
	    "several hosts, copy the sealed segments of each into one spool, "
	    "with rsync say, see tlsrpt-spool(5)." },
	{ REPORTD, "organization_name", "report", "organization_name",
	    as_it_is, NULL },
	{ REPORTD, "contact_info", "report", "contact_info", contact, NULL },
	{ REPORTD, "sender_address", "mail", "from", sender, NULL },
	{ REPORTD, "compression_level", "report", "compression_level",
	    compression, NULL },
	{ REPORTD, "tlsrpt_record_map", "deliver", "map_file", as_it_is,
	    "The file needs no change." },
	{ REPORTD, "mail_destination_map", "mail", "map_file", as_it_is,
	    "The file needs no change." },
	{ REPORTD, "http_upload_map", "https", "map_file", as_it_is,
	    "The file needs no change." },
	{ REPORTD, "http_script", "https", "ca_file", NULL,
	    "Nothing is run: we post by ourselves. Of curl's options, ca_file "
	    "is --cacert, and verify = no is --insecure; there are no proxies "
	    "and no client certificates." },
	{ REPORTD, "http_timeout", "https", "timeout", number, NULL },
	{ REPORTD, "sendmail_script", "mail", "smarthost", NULL,
	    "Nothing is run: mails are handed in by SMTP, to localhost:25 "
	    "unless smarthost says otherwise, signed by ourselves, see "
	    "[dkim]. A milter for sendmail(1) does not see them." },
	{ REPORTD, "sendmail_timeout", "mail", "timeout", number, NULL },
	{ REPORTD, "spread_out_delivery", "deliver", "spread", number, NULL },
	{ REPORTD, "interval_main_loop", NULL, NULL, NULL,
	    "Nothing to set: tlsrpt-send is no daemon, it ends when nothing "
	    "is pending." },
	{ REPORTD, "max_collectd_timeout", NULL, NULL, NULL, NO_FETCH },
	{ REPORTD, "max_collectd_timediff", "spool", "grace", NULL,
	    "No such limit: grace, 15m by default, is how long after midnight "
	    "UTC a day is over, and may be more than clocks are apart." },
	{ REPORTD, "max_retries_delivery", "deliver", "give_up_after", NULL,
	    "Tries are not counted: they go on for give_up_after, a day by "
	    "default (RFC 8460 section 5.5)." },
	{ REPORTD, "min_wait_delivery", "deliver", "retry_min", number,
	    NULL },
	{ REPORTD, "max_wait_delivery", "deliver", "retry_max", number,
	    NULL },
	{ REPORTD, "max_retries_domainlist", NULL, NULL, NULL, NO_FETCH },
	{ REPORTD, "min_wait_domainlist", NULL, NULL, NULL, NO_FETCH },
	{ REPORTD, "max_wait_domainlist", NULL, NULL, NULL, NO_FETCH },
	{ REPORTD, "max_retries_domaindetails", NULL, NULL, NULL, NO_FETCH },
	{ REPORTD, "min_wait_domaindetails", NULL, NULL, NULL, NO_FETCH },
	{ REPORTD, "max_wait_domaindetails", NULL, NULL, NULL, NO_FETCH },
};
