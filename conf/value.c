#include "conf/value.h"

#include <arpa/inet.h>

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "conf/mem.h"

/* Units of one kind, largest first; the last has factor 1. */
struct unit {
	char letter;
	long factor;
};
static const struct unit seconds[] = {
	{ 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 }
};
static const struct unit bytes[] = {
	{ 'G', 1L << 30 }, { 'M', 1L << 20 }, { 'K', 1L << 10 }, { '\0', 1 }
};
#define UNITS	4

int
value_is_string(enum value_type t)
{
	return t <= VALUE_RESOLVER;
}

static bool
is_name(const char *s)
{
	return s[strspn(s, VALUE_NAME_BYTES)] == '\0' && s[0] != '.';
}

static bool
is_domain(const char *s)
{
	size_t label = 0;
	const char *p;

	if (strlen(s) > 253)
		return false;
	for (p = s; *p != '\0'; p++) {
		if (*p == '.') {
			if (label == 0 || p[-1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-')
			return false;
		if ((*p == '-' && label == 0) || ++label > 63)
			return false;
	}
	return label > 0 && p[-1] != '-';
}

/* Narrower than RFC 5322 allows: what every mail system takes unquoted. */
static bool
is_address(const char *s)
{
	const char *at = strrchr(s, '@');
	size_t len;

	if (at == NULL || at == s || (len = (size_t)(at - s)) > 64)
		return false;
	if (strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789!#$%&'*+-/=?^_`{|}~.") != len)
		return false;
	if (s[0] == '.' || at[-1] == '.' || memmem(s, len, "..", 2) != NULL)
		return false;
	return is_domain(at + 1) && strchr(at, '.') != NULL;
}

static bool
is_port(const char *s)
{
	char *end;
	long port;

	if (!isdigit((unsigned char)*s))
		return false;
	port = strtol(s, &end, 10);
	return *end == '\0' && port >= 1 && port <= 65535;
}

#define BLANKS	" \t"

/* Take "PORT" or "PORT-PORT" off the front of *s, and the comma behind it. */
static bool
next_range(const char **s, long *first, long *last)
{
	char *end;

	if (!isdigit((unsigned char)**s))
		return false;
	*first = *last = strtol(*s, &end, 10);
	if (*end == '-') {
		if (!isdigit((unsigned char)end[1]))
			return false;
		*last = strtol(end + 1, &end, 10);
	}
	end += strspn(end, BLANKS);
	if (*end == ',') {
		end += 1 + strspn(end + 1, BLANKS);
		if (*end == '\0')
			return false;
	} else if (*end != '\0')
		return false;
	*s = end;
	return *first >= 1 && *first <= *last && *last <= 65535;
}

static bool
is_ports(const char *s)
{
	long first, last;

	if (strcmp(s, "any") == 0)
		return true;
	while (*s != '\0')
		if (!next_range(&s, &first, &last))
			return false;
	return true;
}

bool
value_has_port(const char *ports, long port)
{
	long first, last;

	if (strcmp(ports, "any") == 0)
		return true;
	while (*ports != '\0' && next_range(&ports, &first, &last))
		if (port >= first && port <= last)
			return true;
	return false;
}

static bool
is_ip(const char *s, size_t len)
{
	unsigned char addr[sizeof(struct in6_addr)];
	char ip[INET6_ADDRSTRLEN];

	return fmt(ip, sizeof(ip), "%.*s", (int)len, s) != -1 &&
	    (inet_pton(AF_INET, ip, addr) == 1 ||
	    inet_pton(AF_INET6, ip, addr) == 1);
}

/* Not [IPv6]:port, which libesmtp cannot take. */
static bool
is_hostport(const char *s)
{
	const char *colon = strrchr(s, ':');
	char host[254];

	return colon != NULL && is_port(colon + 1) &&
	    fmt(host, sizeof(host), "%.*s", (int)(colon - s), s) != -1 &&
	    is_domain(host);
}

static bool
is_resolver(const char *s)
{
	const char *at = strchr(s, '@');

	return at == NULL ? is_ip(s, strlen(s)) :
	    is_ip(s, (size_t)(at - s)) && is_port(at + 1);
}

static bool
has_control(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

static bool
is_utf8(const char *s)
{
	json_t *text = json_string(s);
	bool valid = text != NULL;

	json_decref(text);
	return valid;
}

const char *
value_domain(const char *address)
{
	return strrchr(address, '@') + 1;
}

bool
value_is_within(const char *domain, const char *parent)
{
	size_t len = strlen(domain), plen = strlen(parent);

	return len >= plen &&
	    strcasecmp(domain + len - plen, parent) == 0 &&
	    (len == plen || domain[len - plen - 1] == '.');
}

static const char *
check_string(enum value_type type, const char *s)
{
	if (*s == '\0')
		return "empty";
	if (has_control(s))
		return "not free of control characters";
	switch (type) {
	case VALUE_PATH:
		return *s == '/' ? NULL : "not an absolute path";
	case VALUE_NAME:
		return is_name(s) ? NULL : "not a plain name";
	case VALUE_DOMAIN:
		return is_domain(s) ? NULL : "not a domain name";
	case VALUE_ADDRESS:
		return is_address(s) ? NULL : "not an e-mail address";
	case VALUE_HOSTPORT:
		return is_hostport(s) ? NULL : "not host:port";
	case VALUE_PORTS:
		return is_ports(s) ? NULL : "not a list of ports";
	case VALUE_RESOLVER:
		return is_resolver(s) ? NULL : "not an IP address";
	default:
		return is_utf8(s) ? NULL : "not UTF-8";
	}
}

static const struct unit *
units_of(enum value_type type)
{
	return type == VALUE_SECONDS ? seconds :
	    type == VALUE_SIZE ? bytes : NULL;
}

static const char *
check_number(const struct value_rule *r, const char *s, long *number)
{
	const struct unit *units = units_of(r->type);
	char *end;
	size_t i;
	long n;

	if (!isdigit((unsigned char)*s))
		return "not a number";
	/* What is more than a long holds becomes LONG_MAX, which is too much. */
	n = strtol(s, &end, r->type == VALUE_MODE ? 8 : 10);
	if (*end != '\0') {
		if (units == NULL || end[1] != '\0')
			return "not a number";
		for (i = 0; i < UNITS && units[i].letter != *end; i++)
			;
		if (i == UNITS)
			return "not a known unit";
		if (__builtin_mul_overflow(n, units[i].factor, &n))
			return "out of range";
	}
	if (n < r->min || n > r->max)
		return "out of range";
	*number = n;
	return NULL;
}

static const char *
check_choice(const char *const *choices, const char *s, long *number)
{
	for (long i = 0; choices[i] != NULL; i++)
		if (strcmp(choices[i], s) == 0) {
			*number = i;
			return NULL;
		}
	return "no such choice";
}

static const char *const yes_no[] = { "no", "yes", NULL };

const char *
value_check(const struct value_rule *r, const char *text, long *number)
{
	if (value_is_string(r->type))
		return check_string(r->type, text);
	if (r->type == VALUE_BOOL)
		return check_choice(yes_no, text, number);
	if (r->type == VALUE_CHOICE)
		return check_choice(r->choices, text, number);
	return check_number(r, text, number);
}

static void
allowed_choices(const char *const *choices, FILE *out)
{
	for (size_t i = 0; choices[i] != NULL; i++)
		fprintf(out, "%s%s", i == 0 ? "" :
		    choices[i + 1] != NULL ? ", " : " or ", choices[i]);
}

void
value_allowed(const struct value_rule *r, FILE *out)
{
	static const char *const strings[] = {
		[VALUE_TEXT] = "a text in UTF-8",
		[VALUE_PATH] = "a path that begins with /",
		[VALUE_NAME] = "letters, digits, '.', '_' and '-'",
		[VALUE_DOMAIN] = "a domain such as example.org, in A-labels",
		[VALUE_ADDRESS] = "an address such as tls-reports@example.org",
		[VALUE_HOSTPORT] = "host:port, such as localhost:25",
		[VALUE_PORTS] = "any, or ports such as 443, 8000-8999",
		[VALUE_RESOLVER] = "ip or ip@port, such as 127.0.0.1@53",
	};

	switch (r->type) {
	case VALUE_BOOL:
		fputs("yes or no", out);
		break;
	case VALUE_CHOICE:
		allowed_choices(r->choices, out);
		break;
	case VALUE_MODE:
		fprintf(out, "an octal mode from %04lo to %04lo", r->min,
		    r->max);
		break;
	case VALUE_INT:
	case VALUE_SECONDS:
	case VALUE_SIZE:
		value_print(r, r->min, out);
		fputs(" to ", out);
		value_print(r, r->max, out);
		break;
	default:
		fputs(strings[r->type], out);
	}
}

char *
value_refusal(const struct value_rule *r, const char *text, const char *why)
{
	char *refusal;
	size_t len;
	FILE *f = xmemstream(&refusal, &len);

	fprintf(f, "\"%s\" is %s, allowed: ", text, why);
	value_allowed(r, f);
	xmemclose(f);
	return refusal;
}

size_t
value_bom(const char *line)
{
	static const char bom[] = "\xef\xbb\xbf";

	return strncmp(line, bom, strlen(bom)) == 0 ? strlen(bom) : 0;
}

void
value_print(const struct value_rule *r, long n, FILE *out)
{
	const struct unit *units = units_of(r->type);
	size_t i = UNITS - 1;

	switch (r->type) {
	case VALUE_BOOL:
		fputs(yes_no[n != 0], out);
		break;
	case VALUE_CHOICE:
		fputs(r->choices[n], out);
		break;
	case VALUE_MODE:
		fprintf(out, "%04lo", n);
		break;
	case VALUE_SECONDS:
	case VALUE_SIZE:
		for (i = 0; i < UNITS - 1 && (n == 0 ||
		    n % units[i].factor != 0); i++)
			;
		fprintf(out, "%ld", n / units[i].factor);
		if (n != 0 && units[i].letter != '\0')
			putc(units[i].letter, out);
		break;
	default:
		fprintf(out, "%ld", n);
	}
}
