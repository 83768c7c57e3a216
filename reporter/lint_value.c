#include "reporter/lint_value.h"

#include <string.h>

#include "spool/record.h"

static size_t
label_length(const char *s)
{
	size_t n = 0;

	while ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= '0' && s[n] <= '9') ||
	    s[n] == '-' || s[n] == '_')
		n++;
	return n;
}

bool
lint_is_domain(const char *s)
{
	size_t len;

	if (strlen(s) > RECORD_DOMAIN_MAX)
		return false;
	for (;; s += len + 1) {
		len = label_length(s);
		if (len < 1 || len > 63 || s[0] == '-' || s[len - 1] == '-')
			return false;
		if (s[len] == '\0')
			return true;
		if (s[len] != '.')
			return false;
	}
}

bool
lint_is_nearly_domain(const char *s)
{
	char name[RECORD_DOMAIN_MAX + 2] = "";
	size_t len = strlen(s);

	if (len == 0 || len >= sizeof(name))
		return false;
	for (size_t i = 0; i < len; i++)
		name[i] = s[i] >= 'A' && s[i] <= 'Z' ?
		    (char)(s[i] - 'A' + 'a') : s[i];
	if (name[len - 1] == '.')
		name[len - 1] = '\0';
	return lint_is_domain(name);
}

bool
lint_is_dot_atom(const char *s, size_t len)
{
	static const char atext[] = LINT_ALNUM "!#$%&'*+-/=?^_`{|}~.";

	return len > 0 && s[0] != '.' && s[len - 1] != '.' &&
	    strspn(s, atext) >= len && memmem(s, len, "..", 2) == NULL;
}
