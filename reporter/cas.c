#include "reporter/cas.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "conf/mem.h"
#include "reporter/chain.h"

/* The hash of its subject, and a number: 0a1b2c3d.0 */
static bool
is_certificate(const char *name)
{
	return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' &&
	    isdigit((unsigned char)name[9]);
}

static bool
folder_has_one(const char *folder)
{
	const struct dirent *e = NULL;
	DIR *d = opendir(folder);

	if (d == NULL)
		return false;
	do
		e = readdir(d);
	while (e != NULL && !is_certificate(e->d_name));
	closedir(d);
	return e != NULL;
}

static bool
folders_have_one(const char *folders)
{
	char *list = xstrdup(folders), *rest = list, *folder;
	bool found = false;

	while (!found && (folder = strsep(&rest, ":")) != NULL)
		found = folder_has_one(folder);
	free(list);
	return found;
}

static bool
file_has_one(const char *file)
{
	char *why;
	X509_STORE *store = chain_store(file, &why);
	bool found = store != NULL;

	X509_STORE_free(store);
	free(why);
	return found;
}

int
cas_look(const char *file, const char *folders, char **why)
{
	*why = NULL;
	if ((file != NULL && file_has_one(file)) ||
	    (folders != NULL && folders_have_one(folders)))
		return 0;
	*why = xasprintf("no certificates in %s%s%s", file != NULL ? file : "",
	    file != NULL && folders != NULL ? " or " : "",
	    folders != NULL ? folders : "");
	return -1;
}

static const char *
from_environment(const char *name, const char *deflt)
{
	const char *value = secure_getenv(name);

	return value != NULL ? value : deflt;
}

int
cas_look_default(char **why)
{
	return cas_look(from_environment(X509_get_default_cert_file_env(),
	    X509_get_default_cert_file()),
	    from_environment(X509_get_default_cert_dir_env(),
	    X509_get_default_cert_dir()), why);
}
