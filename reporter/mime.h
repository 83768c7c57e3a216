#ifndef REPORTER_MIME_H
#define REPORTER_MIME_H

#include <stddef.h>
#include <stdint.h>

#include "reporter/dkim.h"

/*
 * The report as a mail (RFC 8460 section 5.3): multipart/report with
 * report-type=tlsrpt, a text part for people and the gzip part.
 */
struct mime_report {
	const char *organization;	/* UTF-8, any text */
	const char *from;		/* address */
	const char *to;			/* address */
	const char *domain;		/* policy domain */
	const char *submitter;
	const char *report_id;		/* left@right */
	const char *filename;		/* without extension */
	const char *summary;		/* text part, UTF-8, lines end with \n */
	int64_t date;			/* seconds: Date, and t= of DKIM */
	const void *body;		/* gzip */
	size_t len;
};

/*
 * The whole message, CRLF line ends, 7-bit, no line over 998 bytes, signed
 * when d is not NULL; the same input gives the same bytes.  The Message-ID
 * is derived from report_id and to.  The caller frees it.  NULL with *why
 * (the caller frees it) when it cannot be signed.
 */
char	*mime_message(const struct mime_report *m, const struct dkim *d,
	    size_t *len, char **why);

#endif
