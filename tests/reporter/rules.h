/*
 * For tests of files that an operator writes: the file is called RULES and
 * lies in a fresh folder, which the tests run in.  Begun in the root of the
 * source, whose corpus is found from there.
 */
#define RULES	"rules"
#define ROWS(a)	(sizeof(a) / sizeof((a)[0]))

#include <fcntl.h>
#include <unistd.h>

#include "spool/file.h"

static int rules_root;
static char rules_folder[] = "/tmp/tlsrpt-rules.XXXXXX";

static int
rules_begin(void **state)
{
	(void)state;
	rules_root = open(".", O_RDONLY | O_DIRECTORY);
	return mkdtemp(rules_folder) == NULL || chdir(rules_folder) == -1;
}

static int
rules_end(void **state)
{
	(void)state;
	unlink(RULES);
	close(rules_root);
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

/* Every file of the corpus that is of this kind and valid, or is not. */
static inline void
rules_corpus(const char *kind, bool valid, bool (*load)(const char *file,
    FILE *err))
{
	char folder[64], path[512], *complaints;
	struct file_names names;
	size_t len, n = 0;
	FILE *err;
	int fd;

	fmt(folder, sizeof(folder), "tests/corpus/rules/%s",
	    valid ? "valid" : "invalid");
	fd = openat(rules_root, folder, O_RDONLY | O_DIRECTORY);
	assert_true(fd != -1);
	assert_int_equal(file_names(&names, fd, ""), 0);
	for (size_t i = 0; i < names.n; i++) {
		if (strncmp(names.name[i], kind, strlen(kind)) != 0)
			continue;
		fmt(path, sizeof(path), "/proc/self/fd/%d/%s", fd,
		    names.name[i]);
		err = xmemstream(&complaints, &len);
		print_message("  %s\n", names.name[i]);
		assert_int_equal(load(path, err), valid);
		xmemclose(err);
		assert_int_equal(len == 0, valid);
		free(complaints);
		n++;
	}
	assert_true(n > 0);
	file_names_free(&names);
	close(fd);
}
