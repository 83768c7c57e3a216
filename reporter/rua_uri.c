#include "reporter/rua.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "spool/record.h"

#define LOCAL_MAX	64	/* RFC 5321 section 4.5.3.1.1 */
#define ADDRESS_MAX	254	/* section 4.5.3.1.3, without "<>" */

#define ALNUM	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define HEX	"0123456789ABCDEFabcdef"
/* RFC 5322 section 3.2.3, and the dots of a dot-atom. */
#define ATEXT	ALNUM "!#$%&'*+-/=?^_`{|}~."
/* May stand in quotes besides: RFC 5321 section 4.1.2, less what has misled
   mail software before: blanks, "<", ">", "," and the backslash. */
#define QTEXT	ATEXT "():;@[]"
/* RFC 3986, less the three that a record has to write as %21, %2C, %3B. */
#define URI_TEXT ALNUM "-._~:/?#[]@$&'()*+=%"

static bool
consists_of(const char *s, size_t len, const char *set)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] == '\0' || strchr(set, s[i]) == NULL)
			return false;
	return true;
}

static const char *
uri_refuse(const char *s, size_t len)
{
	if (len == 0)
		return "empty";
	if (len > RUA_URI_MAX)
		return "longer than 2048 bytes";
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '!' || s[i] == ',' || s[i] == ';')
			return "\"!\", \",\" and \";\" have to be written as "
			    "%21, %2C and %3B";
		if (!consists_of(s + i, 1, URI_TEXT))
			return "a character that no URI holds";
		if (s[i] == '%' &&
		    (len - i < 3 || !consists_of(s + i + 1, 2, HEX)))
			return "\"%\" without two hex digits";
	}
	return NULL;
}

/*
 * DMARC's size limit, "!10m" (RFC 7489 section 6.2), has no meaning here but
 * is often copied along.  As the grammar allows no "!" inside a URI, what
 * stands before the limit is the URI and nothing else: use it, rather than
 * lose the reports.  Any other "!" is somebody's guess and not cut.
 */
static size_t
without_size_limit(const char *uri, size_t len)
{
	size_t end = len, start;

	if (end > 0 && consists_of(uri + end - 1, 1, "kmgtKMGT"))
		end--;
	for (start = end; start > 0; start--)
		if (!isdigit((unsigned char)uri[start - 1]))
			break;
	if (start == end || start == 0 || uri[start - 1] != '!')
		return len;
	return start - 1;
}

/* What inet_aton would take as an address, or as the end of one. */
static bool
ends_in_number(const char *host)
{
	const char *dot = strrchr(host, '.');
	const char *label = dot == NULL ? host : dot + 1;

	if (strncmp(label, "0x", 2) == 0)
		return label[2 + strspn(label + 2, HEX)] == '\0';
	return label[strspn(label, "0123456789")] == '\0';
}

/* Lower-case A-labels, which the caller frees, or NULL. */
static char *
host_name(const char *s)
{
	char name[RECORD_DOMAIN_MAX + 1];

	return record_domain_text(s, false, name) == 0 ||
	    ends_in_number(name) ? NULL : xstrdup(name);
}

static bool
is_dot_atom(const char *s, size_t len)
{
	return len > 0 && consists_of(s, len, ATEXT) &&
	    s[0] != '.' && s[len - 1] != '.' &&
	    memmem(s, len, "..", 2) == NULL;
}

static bool
is_local_part(const char *s, size_t len)
{
	if (len > LOCAL_MAX)
		return false;
	if (len > 2 && s[0] == '"' && s[len - 1] == '"')
		return consists_of(s + 1, len - 2, QTEXT);
	return is_dot_atom(s, len);
}

/* RFC 5321 section 4.1.3, in brackets. */
static bool
is_literal(const char *s, size_t len)
{
	char ip[sizeof("[IPv6:]") + INET6_ADDRSTRLEN];
	struct in6_addr bin;

	if (len < 3 || s[0] != '[' || s[len - 1] != ']' ||
	    fmt(ip, sizeof(ip), "%.*s", (int)len - 2, s + 1) == -1)
		return false;
	if (strncasecmp(ip, "IPv6:", 5) == 0)
		return inet_pton(AF_INET6, ip + 5, &bin) == 1;
	return inet_pton(AF_INET, ip, &bin) == 1;
}

static bool
is_host_name(const char *s)
{
	char *host;

	if (s[strspn(s, ALNUM "-_.")] != '\0' ||
	    (host = host_name(s)) == NULL)
		return false;
	free(host);
	return true;
}

bool
rua_address(const char *address)
{
	const char *at = strrchr(address, '@');

	if (at == NULL || strlen(address) > ADDRESS_MAX ||
	    !is_local_part(address, (size_t)(at - address)))
		return false;
	at++;
	return is_literal(at, strlen(at)) || is_host_name(at);
}

static int
hex_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Take "%" and two hex digits as the byte; at most size - 1 of them. */
static int
decode(char *buf, size_t size, const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (c == '%') {
			c = (char)(hex_value(s[i + 1]) << 4 |
			    hex_value(s[i + 2]));
			i += 2;
		}
		if (c == '\0' || n == size - 1)
			return -1;
		buf[n++] = c;
	}
	buf[n] = '\0';
	return 0;
}

/* Three bytes for one at the most. */
static void
encode(char *out, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *s != '\0'; s++) {
		if (strchr(ALNUM "-._~+", *s) != NULL) {
			*out++ = *s;
			continue;
		}
		*out++ = '%';
		*out++ = hex[(unsigned char)*s >> 4];
		*out++ = hex[(unsigned char)*s & 15];
	}
	*out = '\0';
}

static char *
mailto_uri(const char *local, const char *host)
{
	char *encoded = xmalloc(3 * strlen(local) + 1), *uri;

	encode(encoded, local);
	uri = xasprintf("mailto:%s@%s", encoded, host);
	free(encoded);
	return uri;
}

/* The same mailbox in fewer ways: quotes that are not needed go. */
static void
unquote(char *local)
{
	size_t len = strlen(local);

	if (len > 2 && local[0] == '"' && is_dot_atom(local + 1, len - 2)) {
		memmove(local, local + 1, len - 2);
		local[len - 2] = '\0';
	}
}

/*
 * RFC 6068 with one address, as the comma has to be encoded.  Header fields
 * after "?" are the stranger's wishes for our mail: not granted.
 */
static int
read_mailto(struct rua *r, const char *s, const char **why)
{
	char local[RUA_URI_MAX + 1], *at;

	if (strncmp(s, "//", 2) == 0) {
		*why = "\"//\" after mailto:";
		return -1;
	}
	if (decode(local, sizeof(local), s, strcspn(s, "?#")) == -1 ||
	    (at = strrchr(local, '@')) == NULL) {
		*why = "not an e-mail address";
		return -1;
	}
	*at++ = '\0';
	if (!is_local_part(local, strlen(local))) {
		*why = "not an e-mail address: the part before \"@\"";
		return -1;
	}
	if (*at == '[') {
		*why = "mail to an address literal";
		return -1;
	}
	/* A name without a dot would be one of our own network. */
	if ((r->host = host_name(at)) == NULL ||
	    strchr(r->host, '.') == NULL) {
		*why = "not an e-mail address: the domain";
		return -1;
	}
	unquote(local);
	if (strlen(local) + 1 + strlen(r->host) > ADDRESS_MAX) {
		*why = "not an e-mail address: longer than 254 bytes";
		return -1;
	}
	r->scheme = RUA_MAILTO;
	r->uri = mailto_uri(local, r->host);
	r->target = xasprintf("%s@%s", local, r->host);
	return 0;
}

/*
 * The host as libcurl will see it: it has turned hex, octal and 32-bit
 * notations of an IPv4 address into four decimals, but not those that appear
 * only once "%" is decoded; host_name refuses these.
 */
static char *
url_host(const char *s)
{
	unsigned char bin[sizeof(struct in6_addr)];
	char ip[INET6_ADDRSTRLEN + 2];
	size_t len = strlen(s);

	if (inet_pton(AF_INET, s, bin) == 1)
		return xstrdup(s);
	if (s[0] != '[')
		return host_name(s);
	if (s[len - 1] != ']' ||
	    fmt(ip, sizeof(ip), "%.*s", (int)len - 2, s + 1) == -1 ||
	    inet_pton(AF_INET6, ip, bin) != 1 ||
	    inet_ntop(AF_INET6, bin, ip, sizeof(ip)) == NULL)
		return NULL;
	return xasprintf("[%s]", ip);
}

/* The part of the URL, in curl's memory; NULL when it has none. */
static char *
url_part(CURLU *u, CURLUPart part)
{
	char *s = NULL;

	return curl_url_get(u, part, &s, 0) == CURLUE_OK ? s : NULL;
}

/* Make u canonical; NULL, or what is wrong with it. */
static const char *
url_normalise(CURLU *u, struct rua *r)
{
	char *host = url_part(u, CURLUPART_HOST);
	char *port = url_part(u, CURLUPART_PORT);
	char *zone = url_part(u, CURLUPART_ZONEID);
	const char *why = NULL;

	if (zone != NULL)
		why = "a zone in the address";
	else if (port != NULL && strcmp(port, "0") == 0)
		why = "port 0";
	else if (host == NULL || (r->host = url_host(host)) == NULL)
		why = "not a host name";
	else if (curl_url_set(u, CURLUPART_HOST, r->host, 0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK ||
	    (port != NULL && strcmp(port, "443") == 0 &&
	    curl_url_set(u, CURLUPART_PORT, NULL, 0) != CURLUE_OK))
		why = "not a URL";
	curl_free(host);
	curl_free(port);
	curl_free(zone);
	return why;
}

static int
read_https(struct rua *r, const char *uri, const char **why)
{
	const char *authority = uri + strlen("https:");
	CURLU *u = NULL;
	CURLUcode code;
	char *url = NULL;
	int rc = -1;

	/* libcurl takes one slash or three as well. */
	if (strncmp(authority, "//", 2) != 0 || authority[2] == '/') {
		*why = "https: without a host";
		goto out;
	}
	if ((u = curl_url()) == NULL)
		fatal("curl_url: out of memory");
	code = curl_url_set(u, CURLUPART_URL, uri, CURLU_DISALLOW_USER);
	if (code != CURLUE_OK) {
		*why = code == CURLUE_USER_NOT_ALLOWED ?
		    "user name or password in the URL" : "not a URL";
		goto out;
	}
	if ((*why = url_normalise(u, r)) != NULL)
		goto out;
	if ((url = url_part(u, CURLUPART_URL)) == NULL) {
		*why = "not a URL";
		goto out;
	}
	if ((*why = uri_refuse(url, strlen(url))) != NULL)
		goto out;
	r->scheme = RUA_HTTPS;
	r->uri = xstrdup(url);
	r->target = xstrdup(url);
	rc = 0;
out:
	curl_free(url);
	curl_url_cleanup(u);
	return rc;
}

static int
read_uri(struct rua *r, const char *uri, const char **why)
{
	size_t scheme = strspn(uri, ALNUM "+-.");

	if (strncasecmp(uri, "mailto:", 7) == 0)
		return read_mailto(r, uri + 7, why);
	if (strncasecmp(uri, "https:", 6) == 0)
		return read_https(r, uri, why);
	if (scheme > 0 && uri[scheme] == ':' && isalpha((unsigned char)*uri))
		*why = "the scheme is neither mailto: nor https:";
	else
		*why = "not a URI: mailto: or https: is missing";
	return -1;
}

int
rua_uri(struct rua *r, const char *uri, size_t len, const char **why)
{
	char *text;
	int rc;

	memset(r, 0, sizeof(*r));
	len = without_size_limit(uri, len);
	if ((*why = uri_refuse(uri, len)) != NULL)
		return -1;
	text = xstrndup(uri, len);
	if ((rc = read_uri(r, text, why)) == -1)
		rua_release(r);
	free(text);
	return rc;
}

int
rua_mailto(struct rua *r, const char *address, const char **why)
{
	const char *at = strrchr(address, '@');
	char *local, *uri;
	int rc;

	memset(r, 0, sizeof(*r));
	if (at == NULL) {
		*why = "not an e-mail address";
		return -1;
	}
	local = xstrndup(address, (size_t)(at - address));
	uri = mailto_uri(local, at + 1);
	rc = rua_uri(r, uri, strlen(uri), why);
	free(uri);
	free(local);
	return rc;
}

long
rua_port(const struct rua *r)
{
	const char *colon = r->uri + strlen("https://") + strlen(r->host);

	return *colon == ':' ? strtol(colon + 1, NULL, 10) : 443;
}

void
rua_release(struct rua *r)
{
	if (r == NULL)
		return;
	free(r->uri);
	free(r->target);
	free(r->host);
	free(r->by);
	memset(r, 0, sizeof(*r));
}
