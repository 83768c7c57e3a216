#include "reporter/password.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"

/* Why this first line is none; NULL for one.  error is of reading it. */
static char *
refusal(const char *line, int error)
{
	if (error != 0)
		return xstrdup(strerror(error));
	if (line[0] == '\0')
		return xstrdup("its first line holds no password");
	return strlen(line) <= PASSWORD_MAX ? NULL :
	    xasprintf("its first line is longer than %d bytes", PASSWORD_MAX);
}

char *
password_read(const char *file, char **why)
{
	char line[PASSWORD_MAX + sizeof("\r\n")] = "", *reason;
	char *password = NULL;
	FILE *f = fopen(file, "re");
	int error = f == NULL ? errno : 0;

	*why = NULL;
	if (f != NULL) {
		if (fgets(line, sizeof(line), f) == NULL && ferror(f))
			error = errno;
		fclose(f);
	}
	line[strcspn(line, "\r\n")] = '\0';
	if ((reason = refusal(line, error)) == NULL)
		password = xstrdup(line);
	else
		*why = xasprintf("%s: %s", file, reason);
	free(reason);
	explicit_bzero(line, sizeof(line));
	return password;
}
