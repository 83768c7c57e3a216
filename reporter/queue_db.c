#include "reporter/queue_db.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/log.h"
#include "conf/mem.h"

#define APPLICATION_ID	0x544c5352	/* "TLSR", in the file's header */
#define WAL_HEADER	32		/* bytes */
#define BUSY_MS		10000		/* a person's sqlite3 in our way */

/* Step i brings a database of version i to version i + 1. */
static const char *const migrations[] = {
	"CREATE TABLE day ("
	"  day INTEGER NOT NULL,"
	"  part INTEGER NOT NULL CHECK (part > 0),"
	"  done INTEGER NOT NULL,"
	"  PRIMARY KEY (day, part)) WITHOUT ROWID;"
	"CREATE TABLE segment ("
	"  day INTEGER NOT NULL,"
	"  segment TEXT NOT NULL,"
	"  PRIMARY KEY (day, segment)) WITHOUT ROWID;"
	"CREATE TABLE report ("
	"  id INTEGER PRIMARY KEY,"
	"  day INTEGER NOT NULL,"
	"  part INTEGER NOT NULL,"
	"  made INTEGER NOT NULL,"
	"  domain TEXT NOT NULL,"
	"  report_id TEXT NOT NULL,"
	"  filename TEXT NOT NULL,"
	"  summary TEXT NOT NULL,"
	"  sessions INTEGER NOT NULL,"
	"  failures INTEGER NOT NULL,"
	"  body BLOB NOT NULL,"
	"  UNIQUE (domain, day, part),"
	"  FOREIGN KEY (day, part) REFERENCES day"
	"    DEFERRABLE INITIALLY DEFERRED);"
	"CREATE TABLE delivery ("
	"  id INTEGER PRIMARY KEY,"
	"  report INTEGER NOT NULL REFERENCES report ON DELETE CASCADE,"
	"  transport TEXT NOT NULL"
	"    CHECK (transport = 'mailto' OR transport = 'https'"
	"      OR transport = 'lookup'),"
	"  uri TEXT NOT NULL,"
	"  host TEXT NOT NULL,"
	"  state TEXT NOT NULL"
	"    CHECK (state = 'pending' OR state = 'sent' OR state = 'failed'"
	"      OR state = 'expired'),"
	"  next_try INTEGER NOT NULL,"
	"  first_try INTEGER NOT NULL DEFAULT 0,"
	"  tries INTEGER NOT NULL DEFAULT 0,"
	"  ended INTEGER NOT NULL DEFAULT 0,"
	"  note TEXT,"
	"  UNIQUE (report, uri));"
	"CREATE INDEX delivery_due ON delivery (next_try)"
	"  WHERE state = 'pending';"
	"CREATE INDEX delivery_ended ON delivery (ended)"
	"  WHERE state <> 'pending';",

	/* What was mailed and queued before counts as well. */
	"CREATE TABLE ledger ("
	"  day INTEGER NOT NULL,"
	"  domain TEXT NOT NULL,"
	"  mails INTEGER NOT NULL,"
	"  sessions INTEGER NOT NULL DEFAULT 0,"
	"  PRIMARY KEY (day, domain)) WITHOUT ROWID;"
	"INSERT INTO ledger (day, domain, mails)"
	"  SELECT ended / 86400, host, count(*) FROM delivery"
	"  WHERE transport = 'mailto' AND state = 'sent' GROUP BY 1, 2;"
	"CREATE TRIGGER ledger_of_mails AFTER UPDATE OF state ON delivery"
	"  WHEN new.transport = 'mailto' AND new.state = 'sent'"
	"  BEGIN"
	"    INSERT INTO ledger (day, domain, mails)"
	"    VALUES (new.ended / 86400, new.host, 1)"
	"    ON CONFLICT (day, domain) DO UPDATE SET mails = mails + 1;"
	"  END;"
	"CREATE TABLE quota ("
	"  day INTEGER NOT NULL,"
	"  destination TEXT NOT NULL,"
	"  reports INTEGER NOT NULL,"
	"  PRIMARY KEY (day, destination)) WITHOUT ROWID;"
	"INSERT INTO quota (day, destination, reports)"
	"  SELECT day, host, count(*) FROM delivery"
	"  JOIN report ON report.id = delivery.report"
	"  WHERE transport <> 'lookup' GROUP BY 1, 2;"
	"INSERT INTO quota (day, destination, reports)"
	"  SELECT day, uri, count(*) FROM delivery"
	"  JOIN report ON report.id = delivery.report"
	"  WHERE transport = 'mailto' GROUP BY 1, 2;"
	"CREATE TABLE secret ("
	"  name TEXT PRIMARY KEY,"
	"  value BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE sender ("
	"  hash TEXT PRIMARY KEY,"
	"  destination TEXT NOT NULL,"
	"  used INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX sender_used ON sender (used);"
	"CREATE TABLE suppression ("
	"  destination TEXT PRIMARY KEY,"
	"  since INTEGER NOT NULL,"
	"  until INTEGER NOT NULL,"
	"  reason TEXT NOT NULL) WITHOUT ROWID;",

	/* It was more than the report, from which it can be written. */
	"ALTER TABLE report DROP COLUMN summary;",

	/* What is there already has neither: it is read when it leaves. */
	"ALTER TABLE report ADD COLUMN seal INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE report ADD COLUMN figures TEXT;",
};
#define VERSION_NOW	(int)(sizeof(migrations) / sizeof(migrations[0]))

const char *const queue_states[4] = {
	[QUEUE_PENDING] = "pending",
	[QUEUE_SENT] = "sent",
	[QUEUE_FAILED] = "failed",
	[QUEUE_EXPIRED] = "expired",
};

const char *const queue_transports[3] = {
	[QUEUE_MAILTO] = "mailto",
	[QUEUE_HTTPS] = "https",
	[QUEUE_LOOKUP] = "lookup",
};

const char *
queue_error(const struct queue *q)
{
	return q->error;
}

int
queue_fail(struct queue *q, const char *format, ...)
{
	va_list ap;

	if (q->in_day && q->failed)
		return -1;
	q->failed = q->in_day;
	va_start(ap, format);
	vsnprintf(q->error, sizeof(q->error), format, ap);
	va_end(ap);
	return -1;
}

int
queue_fail_sql(struct queue *q, const char *doing)
{
	return queue_fail(q, "%s: %s", doing, sqlite3_errmsg(q->db));
}

sqlite3_stmt *
queue_statement(struct queue *q, enum statement which, const char *text)
{
	if (q->stmt[which] == NULL)
		sqlite3_prepare_v3(q->db, text, -1, SQLITE_PREPARE_PERSISTENT,
		    &q->stmt[which], NULL);
	return q->stmt[which];
}

static void
bound(int rc)
{
	if (rc != SQLITE_OK)
		fatal("queue: cannot bind: %s", sqlite3_errstr(rc));
}

void
bind_int(sqlite3_stmt *s, int i, int64_t n)
{
	if (s != NULL)
		bound(sqlite3_bind_int64(s, i, n));
}

void
bind_text(sqlite3_stmt *s, int i, const char *text)
{
	if (s != NULL)
		bound(sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC));
}

void
bind_blob(sqlite3_stmt *s, int i, const void *p, size_t len)
{
	if (s != NULL)
		bound(sqlite3_bind_blob64(s, i, len ? p : "", len,
		    SQLITE_STATIC));
}

int
queue_step(struct queue *q, sqlite3_stmt *s, const char *doing)
{
	int rc = sqlite3_step(s);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		queue_fail_sql(q, doing);
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? 0 : -1;
}

int
queue_ask(struct queue *q, sqlite3_stmt *s, const char *doing, int64_t *value)
{
	int rc = queue_step(q, s, doing);

	if (rc == 1) {
		if (sqlite3_column_type(s, 0) != SQLITE_NULL)
			*value = sqlite3_column_int64(s, 0);
		sqlite3_reset(s);
	}
	return rc;
}

int
queue_exec(struct queue *q, const char *text, const char *doing)
{
	if (sqlite3_exec(q->db, text, NULL, NULL, NULL) != SQLITE_OK)
		return queue_fail_sql(q, doing);
	return 0;
}

static int
pragma_int(struct queue *q, const char *text, int64_t *value)
{
	sqlite3_stmt *s = NULL;
	int rc;

	sqlite3_prepare_v2(q->db, text, -1, &s, NULL);
	rc = queue_ask(q, s, "cannot read", value);
	sqlite3_finalize(s);
	return rc == 1 ? 0 : -1;
}

/* Is the file ours, and of which version?  A new one is of version 0. */
static int
check_version(struct queue *q, int64_t *version)
{
	int64_t application = 0, objects = 0;

	*version = 0;
	if (pragma_int(q, "PRAGMA application_id", &application) == -1 ||
	    pragma_int(q, "PRAGMA user_version", version) == -1 ||
	    pragma_int(q, "SELECT count(*) FROM sqlite_schema",
	    &objects) == -1)
		return -1;
	if (application == 0 && *version == 0 && objects == 0)
		return 0;
	if (application != APPLICATION_ID)
		return queue_fail(q,
		    "not a queue: it is another program's database");
	if (*version > VERSION_NOW)
		return queue_fail(q, "made by a newer release: its version "
		    "is %lld, this release knows up to %d",
		    (long long)*version, VERSION_NOW);
	return 0;
}

static int
migrate(struct queue *q)
{
	int64_t version;
	char mark[96];

	if (queue_exec(q, "BEGIN IMMEDIATE", "cannot write") == -1 ||
	    check_version(q, &version) == -1)	/* now that nobody else can */
		return -1;
	for (; version < VERSION_NOW; version++)
		if (queue_exec(q, migrations[version], "cannot migrate") == -1)
			return -1;
	snprintf(mark, sizeof(mark),
	    "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
	    APPLICATION_ID, VERSION_NOW);
	return queue_exec(q, mark, "cannot migrate");
}

static int
set_up_writer(struct queue *q)
{
	int64_t version, on = 1;
	sqlite3_stmt *s = NULL;
	const unsigned char *mode;
	int rc;

	if (check_version(q, &version) == -1)
		return -1;
	sqlite3_prepare_v2(q->db, "PRAGMA journal_mode = WAL", -1, &s, NULL);
	if ((rc = queue_step(q, s, "cannot write")) == 1 &&
	    ((mode = sqlite3_column_text(s, 0)) == NULL ||
	    strcmp((const char *)mode, "wal") != 0))
		rc = queue_fail(q, "write-ahead logging does not work here: "
		    "is this a network file system?");
	sqlite3_finalize(s);
	if (rc != 1)
		return -1;
	/* Readers of another user cannot make these files: leave them. */
	sqlite3_file_control(q->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &on);
	if (version < VERSION_NOW && migrate(q) == -1)
		return -1;
	return queue_exec(q, "PRAGMA synchronous = NORMAL;"
	    "PRAGMA foreign_keys = ON; PRAGMA cache_size = -32768;"
	    "PRAGMA journal_size_limit = 67108864", "cannot set up");
}

/*
 * Nobody asks SQLite how much memory it has taken, so it need not keep count
 * under a lock.  Refused when it has begun to, which is as well.
 */
static void
set_up_library(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int
open_writer(struct queue *q, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	/* Never close a file that SQLite may have open: its locks would go. */
	if (fd != -1)
		close(fd);
	else if (errno != EEXIST)
		return queue_fail(q, "%s", strerror(errno));
	if (sqlite3_open_v2(path, &q->db, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return queue_fail_sql(q, "cannot open");
	if (sqlite3_db_readonly(q->db, "main") == 1)
		return queue_fail(q, "no permission to write");
	sqlite3_busy_timeout(q->db, BUSY_MS);
	/*
	 * SQLite takes and gives back memory with each page it fills; glibc
	 * would pass it on to the kernel each time, which costs more than all
	 * the rest.
	 */
	mallopt(M_TRIM_THRESHOLD, 4 << 20);
	return set_up_writer(q);
}

/* The size of a file of SQLite's beside the database, -1 without one. */
static off_t
size_beside(const char *path, const char *suffix)
{
	char *name = xasprintf("%s%s", path, suffix);
	struct stat st;
	off_t size = stat(name, &st) == 0 ? st.st_size : -1;

	free(name);
	return size;
}

/*
 * Reading the usual way makes and changes files beside the database, which is
 * more than a look at it should do and may be allowed to.  Those a writer
 * left are read as they are.  Without a log all is in the database itself;
 * so it is with a log that is a header only, which some SQLite cannot read
 * this way.  A log without its index, which we have to make, was copied here.
 * Who just looks makes none: the version is in the database, too, or nothing
 * is in it yet.
 */
static const char *
reader_option(const char *path, enum queue_mode mode)
{
	off_t size = size_beside(path, "-wal");

	if (size == -1 || size == WAL_HEADER)
		return "immutable=1";
	if (size_beside(path, "-shm") != -1)
		return "readonly_shm=1";
	return mode == QUEUE_LOOK ? "immutable=1" : "mode=ro";
}

/* Each byte in hexadecimal: what of a path means something in a URI? */
static char *
reader_uri(const char *path, enum queue_mode mode)
{
	char *uri;
	size_t len;
	FILE *f = xmemstream(&uri, &len);

	fputs("file:", f);
	for (const char *s = path; *s != '\0'; s++)
		fprintf(f, "%%%02x", (unsigned char)*s);
	fprintf(f, "?%s", reader_option(path, mode));
	xmemclose(f);
	return uri;
}

static int
open_reader(struct queue *q, const char *path, enum queue_mode mode)
{
	char *uri = reader_uri(path, mode);
	int64_t version;
	int rc = sqlite3_open_v2(uri, &q->db, SQLITE_OPEN_READONLY |
	    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);

	free(uri);
	if (access(path, R_OK) == -1)
		return queue_fail(q, "%s", strerror(errno));
	if (rc != SQLITE_OK)
		return queue_fail_sql(q, "cannot open");
	sqlite3_busy_timeout(q->db, BUSY_MS);
	if (check_version(q, &version) == -1)
		return -1;
	if (version < VERSION_NOW && mode != QUEUE_LOOK)
		return queue_fail(q, "made by an older release: "
		    "tlsrpt-send will bring it up to date");
	return 0;
}

/* SQLite waits for ever for what a pipe has to say. */
static int
want_plain_file(struct queue *q, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return queue_fail(q, "not a plain file");
	return 0;
}

struct queue *
queue_open(const char *path, enum queue_mode mode, char **why)
{
	struct queue *q = xcalloc(1, sizeof(*q));

	*why = NULL;
	set_up_library();
	if (want_plain_file(q, path) == 0 && (mode == QUEUE_WRITE ?
	    open_writer(q, path) : open_reader(q, path, mode)) == 0)
		return q;
	*why = xasprintf("%s: %s", path, q->error);
	queue_close(q);
	return NULL;
}

void
queue_close(struct queue *q)
{
	if (q == NULL)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(q->stmt[i]);
	sqlite3_close(q->db);	/* rolls back */
	free(q);
}

