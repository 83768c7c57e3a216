#include "reporter/sender.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/queue_db.h"
#include "spool/day.h"

/* RFC 2104 section 5: no less than 80 bits of a MAC. */
#define HASH_BYTES	(CONF_HASH / 2)

/* Whoever comes first makes the key. */
static int
make_key(struct queue *q)
{
	sqlite3_stmt *s = queue_statement(q, SECRET_SET,
	    "INSERT OR IGNORE INTO secret (name, value)"
	    " VALUES ('sender', ?1)");
	unsigned char key[SENDER_KEY];

	if (RAND_bytes(key, sizeof(key)) != 1)
		fatal("no random numbers for a key");
	bind_blob(s, 1, key, sizeof(key));
	return queue_step(q, s, "cannot keep a key");
}

/* 1, 0 when there is none, -1. */
static int
get_key(struct sender *k, struct queue *q)
{
	sqlite3_stmt *s = queue_statement(q, SECRET_GET,
	    "SELECT value FROM secret WHERE name = 'sender'");
	int rc = queue_step(q, s, "cannot read a key");

	if (rc != 1)
		return rc;
	if (sqlite3_column_bytes(s, 0) == sizeof(k->key))
		memcpy(k->key, sqlite3_column_blob(s, 0), sizeof(k->key));
	else
		rc = queue_fail(q, "the key for %%h is of the wrong size");
	sqlite3_reset(s);
	return rc;
}

int
sender_init(struct sender *s, struct queue *q, const char *template)
{
	int rc;

	memset(s, 0, sizeof(*s));
	s->template = template;
	if ((s->mark = strstr(template, "%h")) == NULL)
		return 0;
	if ((rc = get_key(s, q)) == 0)
		rc = make_key(q) == -1 ? -1 : get_key(s, q);
	return rc == 1 ? 0 : -1;
}

static void
hash_of(const struct sender *s, const char *destination,
    char hash[CONF_HASH + 1])
{
	unsigned char mac[EVP_MAX_MD_SIZE];

	if (HMAC(EVP_sha256(), s->key, sizeof(s->key),
	    (const unsigned char *)destination, strlen(destination), mac,
	    NULL) == NULL)
		fatal("HMAC does not work");
	for (size_t i = 0; i < HASH_BYTES; i++)
		fmt(hash + 2 * i, 3, "%02x", mac[i]);
}

/* Known, and used within this day?  Then there is nothing to write. */
static int
is_known(struct queue *q, const char *hash, int64_t now)
{
	sqlite3_stmt *s = queue_statement(q, SENDER_KNOWN,
	    "SELECT 1 FROM sender WHERE hash = ?1 AND used > ?2");
	int64_t one;

	bind_text(s, 1, hash);
	bind_int(s, 2, now - DAY_SECONDS);
	return queue_ask(q, s, "cannot read senders", &one);
}

static int
add(struct queue *q, const char *hash, const char *destination, int64_t now)
{
	sqlite3_stmt *s = queue_statement(q, SENDER_ADD,
	    "INSERT INTO sender (hash, destination, used) VALUES (?1, ?2, ?3)"
	    " ON CONFLICT (hash) DO UPDATE SET used = excluded.used");

	bind_text(s, 1, hash);
	bind_text(s, 2, destination);
	bind_int(s, 3, now);
	return queue_step(q, s, "cannot write a sender");
}

int
sender_for(const struct sender *s, struct queue *q, const char *destination,
    int64_t now, char **from, bool *fresh)
{
	char hash[CONF_HASH + 1];
	int known;

	*from = NULL;
	if (s->mark == NULL) {
		*from = xstrdup(s->template);
		return 0;
	}
	hash_of(s, destination, hash);
	if ((known = is_known(q, hash, now)) == -1 ||
	    (known == 0 && add(q, hash, destination, now) == -1))
		return -1;
	if (known == 0)
		*fresh = true;
	*from = xasprintf("%.*s%s%s", (int)(s->mark - s->template),
	    s->template, hash, s->mark + 2);
	return 0;
}

static bool
is_hash(const char *text)
{
	for (size_t i = 0; i < CONF_HASH; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	return true;
}

const char *
sender_find(const struct sender *s, const char *text,
    char hash[CONF_HASH + 1])
{
	size_t before = (size_t)(s->mark - s->template);
	const char *after = s->mark + 2;

	for (; *text != '\0'; text++) {
		const char *h = text + before;

		if (strncasecmp(text, s->template, before) != 0 ||
		    !is_hash(h) || strncasecmp(h + CONF_HASH, after,
		    strlen(after)) != 0)
			continue;
		for (size_t i = 0; i < CONF_HASH; i++)
			hash[i] = (char)tolower((unsigned char)h[i]);
		hash[CONF_HASH] = '\0';
		return h + CONF_HASH + strlen(after);
	}
	return NULL;
}

/* Ours only if our key makes it of that destination, whatever the table has. */
int
sender_whose(const struct sender *k, struct queue *q, const char *hash,
    char **destination)
{
	sqlite3_stmt *s = queue_statement(q, SENDER_FIND,
	    "SELECT destination FROM sender WHERE hash = ?1");
	const char *found;
	char ours[CONF_HASH + 1];
	int rc;

	*destination = NULL;
	bind_text(s, 1, hash);
	if ((rc = queue_step(q, s, "cannot read senders")) != 1)
		return rc;
	rc = 0;
	if ((found = (const char *)sqlite3_column_text(s, 0)) != NULL) {
		hash_of(k, found, ours);
		if (strlen(hash) == CONF_HASH &&
		    CRYPTO_memcmp(hash, ours, CONF_HASH) == 0) {
			*destination = xstrdup(found);
			rc = 1;
		}
	}
	sqlite3_reset(s);
	return rc;
}

int
sender_purge(struct queue *q, int64_t before)
{
	sqlite3_stmt *s = queue_statement(q, SENDER_PURGE,
	    "DELETE FROM sender WHERE used < ?1");

	bind_int(s, 1, before);
	return queue_step(q, s, "cannot forget senders");
}
