#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * One setting's text: is it of its type and within its bounds, and what does
 * it mean?  The layer below the settings table.
 */
#define VALUE_NAME_BYTES \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

enum value_type {
	VALUE_TEXT,	/* any UTF-8 text */
	VALUE_PATH,	/* absolute */
	VALUE_NAME,	/* of VALUE_NAME_BYTES, no '.' in front */
	VALUE_DOMAIN,	/* A-labels */
	VALUE_ADDRESS,	/* e-mail, local@domain */
	VALUE_HOSTPORT,	/* host:port, name or IPv4 */
	VALUE_PORTS,	/* any, or ports and ranges: 443, 8000-8999 */
	VALUE_RESOLVER,	/* ip or ip@port */
	VALUE_INT,
	VALUE_SECONDS,	/* with s, m, h, d */
	VALUE_SIZE,	/* with K, M, G */
	VALUE_MODE,	/* octal */
	VALUE_BOOL,	/* yes, no */
	VALUE_CHOICE	/* one of choices, a list that ends with NULL */
};

struct value_rule {
	enum value_type type;
	long min, max;
	const char *const *choices;
};

/* Is it kept as a string (else as a long)? */
int	value_is_string(enum value_type t);

/*
 * Check text; for a type that is not a string, *number is set.  Returns NULL
 * or what is wrong (static).  Strings: "" is never accepted.
 */
const char *value_check(const struct value_rule *r, const char *text,
	    long *number);

/* What is allowed, in words, as in "300s to 1d". */
void	value_allowed(const struct value_rule *r, FILE *out);
/* "TEXT" is WHY, allowed: and that; the caller frees it. */
char	*value_refusal(const struct value_rule *r, const char *text,
	    const char *why);

/* Is the port among those of a VALUE_PORTS that value_check accepted? */
bool	value_has_port(const char *ports, long port);

/* The domain of a VALUE_ADDRESS that value_check accepted. */
const char *value_domain(const char *address);

/* Is it the same domain, or below that? */
bool	value_is_within(const char *domain, const char *parent);

/*
 * How many bytes of a file's first line are a byte order mark, which editors
 * of other systems put there and nobody sees: 3 or 0.
 */
size_t	value_bom(const char *line);

/* A number as value_check would read it back. */
void	value_print(const struct value_rule *r, long number, FILE *out);

#endif
