#include "reporter/password.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"

char *
password_read(const char *file, char **why)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	FILE *f;

	*why = NULL;
	if ((f = fopen(file, "re")) == NULL) {
		*why = xasprintf("%s: %s", file, strerror(errno));
		return NULL;
	}
	if ((n = getline(&line, &size, f)) > 0)
		line[strcspn(line, "\r\n")] = '\0';
	fclose(f);
	if (n > 0 && line[0] != '\0')
		return line;
	*why = xasprintf("%s: its first line holds no password", file);
	free(line);
	return NULL;
}
