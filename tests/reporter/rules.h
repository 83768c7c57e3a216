/*
 * For tests of files that an operator writes: the file is called RULES and
 * lies in a fresh folder, which the tests run in.
 */
#define RULES	"rules"
#define ROWS(a)	(sizeof(a) / sizeof((a)[0]))

#include <unistd.h>

static char rules_folder[] = "/tmp/tlsrpt-rules.XXXXXX";

static int
rules_begin(void **state)
{
	(void)state;
	return mkdtemp(rules_folder) == NULL || chdir(rules_folder) == -1;
}

static int
rules_end(void **state)
{
	(void)state;
	unlink(RULES);
	return chdir("/") == -1 || rmdir(rules_folder) == -1;
}

static void
rules_write(const char *text)
{
	FILE *f = fopen(RULES, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}
