#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reporter/bounce.h"
#include "reporter/suppress.h"
#include "tests/reporter/queue_dir.h"

#define FROM	"tls-bounces+%h@sender.example"
#define GONE	"mailto:gone@rua.example"
#define CORPUS	"tests/corpus/bounce/"

/* No key: the corpus names hashes of nobody's making. */
static struct sender
any_sender(void)
{
	struct sender s = { .template = FROM };

	s.mark = strstr(s.template, "%h");
	return s;
}

static const struct {
	const char *file;
	enum bounce_verdict verdict;
	size_t n;
	const char *reason;
} messages[] = {
	{ "valid/postfix-no-such-user", BOUNCE_PERMANENT, 1,
	    "5.1.1 smtp; 550 5.1.1 <gone@rua.example>: Recipient address "
	    "rejected: User unknown" },
	{ "valid/failed-without-status", BOUNCE_PERMANENT, 1,
	    "smtp; 550 mailbox is not here" },
	{ "valid/second-recipient-failed", BOUNCE_PERMANENT, 1,
	    "5.2.1" },
	{ "valid/utf8-delivery-status", BOUNCE_PERMANENT, 1, "5.1.1" },
	{ "valid/headers-quoted-before-the-status", BOUNCE_PERMANENT, 1,
	    "5.4.1" },
	{ "valid/address-in-capitals", BOUNCE_PERMANENT, 1, "5.1.1" },
	{ "valid/address-folded", BOUNCE_PERMANENT, 1, "5.1.1" },
	{ "valid/qmail", BOUNCE_PERMANENT, 1,
	    "Sorry, no mailbox here by that name. (#5.1.1)" },
	{ "valid/text-with-a-reply", BOUNCE_PERMANENT, 1, NULL },
	{ "valid/postfix-delayed", BOUNCE_TEMPORARY, 1, "" },
	{ "valid/delayed-by-a-5", BOUNCE_TEMPORARY, 1, "" },
	{ "valid/delayed-by-the-status-alone", BOUNCE_TEMPORARY, 1, "" },
	{ "valid/postfix-expired", BOUNCE_TEMPORARY, 1, "" },
	{ "valid/relayed", BOUNCE_TEMPORARY, 1, "" },
	{ "valid/text-that-is-late", BOUNCE_TEMPORARY, 1, "" },
	{ "valid/text-codes-only-in-what-is-quoted", BOUNCE_NONE, 1, "" },
	{ "valid/text-of-numbers", BOUNCE_NONE, 1, "" },
	{ "valid/vacation", BOUNCE_NONE, 1, "" },
	{ "invalid/no-hash", BOUNCE_PERMANENT, 0, "5.1.1" },
	{ "invalid/hash-too-short", BOUNCE_PERMANENT, 0, NULL },
	{ "invalid/hash-not-hexadecimal", BOUNCE_PERMANENT, 0, NULL },
	{ "invalid/another-domain", BOUNCE_PERMANENT, 0, NULL },
	{ "invalid/hash-in-the-body-only", BOUNCE_PERMANENT, 0, NULL },
	{ "invalid/many-hashes", BOUNCE_PERMANENT, BOUNCE_HASHES, NULL },
	{ "invalid/control-characters", BOUNCE_PERMANENT, 1,
	    "5.1.1 smtp; 550 [2J \"%s%n\" \\ end" },
	{ "invalid/long-line", BOUNCE_NONE, 1, "" },
	{ "invalid/null-bytes", BOUNCE_PERMANENT, 1, "550 5.1.1 gone" },
	{ "invalid/no-end-of-header", BOUNCE_NONE, 1, "" },
	{ "invalid/ends-in-the-status", BOUNCE_TEMPORARY, 1, "" },
	{ "invalid/only-line-ends", BOUNCE_NONE, 0, "" },
	{ "invalid/only-blanks", BOUNCE_NONE, 0, "" },
	{ "invalid/empty", BOUNCE_NONE, 0, "" },
};

static void
messages_are_judged(void **state)
{
	const struct sender s = any_sender();
	struct bounce b;
	char name[128];
	FILE *f;

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		print_message("  %s\n", messages[i].file);
		snprintf(name, sizeof(name), CORPUS "%s", messages[i].file);
		assert_non_null(f = fopen(name, "r"));
		bounce_read(&b, &s, f);
		fclose(f);
		assert_int_equal(b.verdict, messages[i].verdict);
		assert_int_equal(b.n, messages[i].n);
		if (messages[i].reason != NULL)
			assert_string_equal(b.reason, messages[i].reason);
		if (b.n == 1)
			assert_string_equal(b.hash[0], "0123456789abcdef0123");
	}
}

static void
what_is_beyond_the_limit_does_not_count(void **state)
{
	const struct sender s = any_sender();
	static const char status[] = "\nContent-Type: message/delivery-status\n"
	    "\nAction: failed\nStatus: 5.1.1\n";
	size_t size = BOUNCE_MAX + sizeof(status);
	char *text = xmalloc(size);
	struct bounce b;

	(void)state;
	for (size_t room = sizeof(status); room >= sizeof(status) - 12;
	    room -= 12) {
		FILE *f;

		memset(text, 'x', size);
		memcpy(text, "From: a@b\n\n", 11);
		memcpy(text + BOUNCE_MAX - room, status, sizeof(status) - 1);
		f = fmemopen(text, size, "r");
		bounce_read(&b, &s, f);
		assert_int_equal(b.verdict, room == sizeof(status) ?
		    BOUNCE_PERMANENT : BOUNCE_TEMPORARY);
		fclose(f);
	}
	free(text);
}

static char *
sender_of(struct queue *q, const char *destination, bool *fresh)
{
	struct sender s;
	char *from;

	must(q, sender_init(&s, q, FROM));
	must(q, sender_for(&s, q, destination, NOW, &from, fresh));
	return from;
}

/* The corpus's message, but to this address. */
static void
take(struct queue *q, const char *file, const char *to)
{
	struct conf c = { 0 };
	char name[128], *line = NULL, *text;
	FILE *in, *f;
	size_t len, size = 0;

	c.mail.envelope_from = (char *)(uintptr_t)FROM;
	c.deliver.suppress_for = 30 * DAY_SECONDS;
	snprintf(name, sizeof(name), CORPUS "%s", file);
	assert_non_null(in = fopen(name, "r"));
	f = xmemstream(&text, &len);
	while (getline(&line, &size, in) > 0)
		if (strncmp(line, "To: tls-", 8) == 0)
			fprintf(f, "To: %s\n", to);
		else
			fputs(line, f);
	fclose(in);
	xmemclose(f);
	in = fmemopen(text, len, "r");
	must(q, bounce_take(&c, q, in, NOW));
	assert_int_equal(getc(in), EOF);	/* all of it was read */
	fclose(in);
	free(text);
	free(line);
}

#define SUPPRESSED	"SELECT destination, until - since, reason" \
	" FROM suppression"

static void
a_permanent_failure_suppresses_its_address(void **state)
{
	bool fresh = false;
	char *from = sender_of(*state, GONE, &fresh);
	char *other = sender_of(*state, "mailto:alive@rua.example", &fresh);

	take(*state, "valid/qmail", from);
	assert_rows(SUPPRESSED, GONE " 2592000 it bounced: Sorry, no mailbox "
	    "here by that name. (#5.1.1)\n");
	take(*state, "valid/postfix-no-such-user", other);
	assert_rows("SELECT count(*) FROM suppression", "2\n");
	free(from);
	free(other);
}

static void
anything_else_suppresses_nothing(void **state)
{
	bool fresh;
	char *from = sender_of(*state, GONE, &fresh);

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (messages[i].verdict != BOUNCE_PERMANENT) {
			print_message("  %s\n", messages[i].file);
			take(*state, messages[i].file, from);
		}
	assert_rows(SUPPRESSED, "");
	free(from);
}

static void
a_hash_that_we_did_not_make_suppresses_nothing(void **state)
{
	bool fresh;
	char *from = sender_of(*state, GONE, &fresh);

	/* Unknown; in the table without our key's consent; cut. */
	take(*state, "valid/qmail",
	    "tls-bounces+0123456789abcdef0123@sender.example");
	sql_run("INSERT INTO sender VALUES ('0123456789abcdef0123',"
	    " 'mailto:victim@rua.example', 1)");
	take(*state, "valid/qmail",
	    "tls-bounces+0123456789abcdef0123@sender.example");
	/* Another one's key. */
	sql_run("UPDATE secret SET value = zeroblob(32)");
	take(*state, "valid/qmail", from);
	assert_rows(SUPPRESSED, "");
	free(from);
}

static void
each_destination_has_its_own_sender_and_keeps_it(void **state)
{
	bool fresh = false;
	char *a = sender_of(*state, GONE, &fresh), *b, *again;

	assert_true(fresh);
	b = sender_of(*state, "mailto:b@rua.example", &fresh);
	assert_string_not_equal(a, b);
	assert_true(strncmp(a, "tls-bounces+", 12) == 0);
	assert_string_equal(a + 12 + CONF_HASH, "@sender.example");
	*state = queue_reopen(*state, QUEUE_WRITE);
	fresh = false;
	again = sender_of(*state, GONE, &fresh);
	assert_false(fresh);
	assert_string_equal(a, again);
	free(again);
	free(b);

	/* Another queue has another key. */
	queue_dir_teardown(state);
	queue_dir_setup(state);
	b = sender_of(*state, GONE, &fresh);
	assert_string_not_equal(a, b);
	free(a);
	free(b);
}

static void
senders_long_unused_are_forgotten(void **state)
{
	struct sender s;
	bool fresh = false;
	char *from;

	must(*state, sender_init(&s, *state, FROM));
	for (int day = 0; day < 3; day++) {
		fresh = false;
		must(*state, sender_for(&s, *state, GONE,
		    NOW + day * DAY_SECONDS, &from, &fresh));
		assert_true(fresh);	/* its use is written down, daily */
		free(from);
	}
	must(*state, sender_purge(*state, NOW + 2 * DAY_SECONDS));
	assert_rows("SELECT destination FROM sender", GONE "\n");
	must(*state, sender_purge(*state, NOW + 2 * DAY_SECONDS + 1));
	assert_rows("SELECT destination FROM sender", "");
}

static void
without_a_mark_there_is_one_sender(void **state)
{
	struct sender s;
	bool fresh = false;
	char *from;

	must(*state, sender_init(&s, *state, "tls@sender.example"));
	must(*state, sender_for(&s, *state, GONE, NOW, &from, &fresh));
	assert_string_equal(from, "tls@sender.example");
	assert_false(fresh);
	free(from);
	assert_rows("SELECT count(*) FROM secret", "0\n");
	assert_rows("SELECT count(*) FROM sender", "0\n");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, queue_dir_setup, \
	queue_dir_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_judged),
		cmocka_unit_test(what_is_beyond_the_limit_does_not_count),
		TEST(a_permanent_failure_suppresses_its_address),
		TEST(anything_else_suppresses_nothing),
		TEST(a_hash_that_we_did_not_make_suppresses_nothing),
		TEST(each_destination_has_its_own_sender_and_keeps_it),
		TEST(senders_long_unused_are_forgotten),
		TEST(without_a_mark_there_is_one_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
