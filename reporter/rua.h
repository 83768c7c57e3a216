#ifndef REPORTER_RUA_H
#define REPORTER_RUA_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The TLSRPT record (RFC 8460 section 3) and the places it names.  Its text
 * is a stranger's: what comes out of here is safe to put into a header, an
 * SMTP command, a URL for libcurl and a log line.
 */
#define TLSRPT_VERSION "v=TLSRPTv1"

#define RUA_URI_MAX	2048	/* what HTTP servers take at least, and more
				   than an e-mail address needs */
#define RUA_SKIPPED_MAX	64	/* said to be unusable; any more of them are
				   skipped in silence */

enum rua_scheme { RUA_MAILTO, RUA_HTTPS };

struct rua {
	enum rua_scheme scheme;
	char *uri;	/* canonical: what the queue keeps and the log says;
			   "mailto:local@host" or "https://host[:port]/path" */
	char *target;	/* mailto: the address, decoded, without "mailto:";
			   https: the URL */
	char *host;	/* lower-case A-labels; https: also an IPv4 address, or
			   an IPv6 address in brackets */
	char *by;	/* who put it there; NULL: the record names it */
	bool ours;	/* the operator alone chose it, no stranger */
};

struct rua_skipped {
	char *uri;	/* as published */
	char *why;
};

struct rua_list {
	size_t n, nskipped;
	struct rua *list;		/* in the record's order, no repeats */
	struct rua_skipped *skipped;	/* unusable, or beyond max */
	size_t nfolders;
	char **folders;			/* the operator's: get a copy */
	size_t where;			/* after a failed rua_parse: the byte of
					   the text that the reason is about */
};

/*
 * Of all TXT records at _smtp._tls.<domain>, each already joined from its
 * character-strings, the index of the one that is the TLSRPT record.  -1 when
 * there is none or more than one, with the reason in *why (static).
 * RFC 8460 section 3.
 */
int	rua_pick(const char *const *txts, size_t n, const char **why);

/*
 * Read a TLSRPT record by its grammar.  0 when the record is well-formed,
 * though all its URIs may be unusable (list->n is 0 then): unusable ones are
 * in skipped with the reason, as are those beyond max usable ones.  White
 * space around a field or URI is forgiven also where the grammar has none:
 * after "rua=" and at the very end.  -1 when the record breaks the grammar
 * otherwise: *why (static) says how, list->where says where, the list is
 * empty.  The caller releases the list in both cases.
 */
int	rua_parse(struct rua_list *list, const char *txt, size_t max,
	    const char **why);
void	rua_list_release(struct rua_list *list);

/*
 * Put a destination at the list's end; r is empty afterwards.  Nothing changes
 * when it is listed already.
 */
void	rua_list_add(struct rua_list *list, struct rua *r);
void	rua_list_add_folder(struct rua_list *list, const char *path);
void	rua_list_skip(struct rua_list *list, const char *uri, const char *why);

/*
 * Take one URI apart, published or from the queue.  Different spellings of a
 * destination come out as one canonical URI, which comes out as itself when
 * read again: scheme and host in lower case, "%" encoding undone where it
 * hides something, no mailto: header fields, no fragment, no default port.
 * A size limit as DMARC has it ("!10m") is ignored.  Refused: what is not a
 * mailto: or https: URI of printable ASCII, credentials, control characters
 * and blanks however encoded, mail to an address literal or to a domain of
 * one label.  On -1 *why is static text.
 */
int	rua_uri(struct rua *r, const char *uri, size_t len, const char **why);
/* The same for a plain address, as people write it. */
int	rua_mailto(struct rua *r, const char *address, const char **why);
void	rua_release(struct rua *r);
/* The port of an https destination. */
long	rua_port(const struct rua *r);

/*
 * Is this an e-mail address that may stand in a header and in an SMTP
 * command: a dot-atom or quoted local part of at most 64 bytes, "@", and a
 * domain or address literal; ASCII only, no control characters?
 */
bool	rua_address(const char *address);

#endif
