#ifndef SPOOL_RECORD_CANON_H
#define SPOOL_RECORD_CANON_H

#include <stddef.h>

#include "spool/arena.h"

/*
 * Contract 5: one form for what peers write in many ways, so that equal
 * things count as equal.  Each takes a terminated text of valid UTF-8 and
 * returns it in that form, in the arena, or NULL when there is nothing of the
 * kind in it.
 */

/* record_domain without and with "*." in front. */
const char *record_host(struct arena *a, const char *s);
const char *record_mx(struct arena *a, const char *s);

/*
 * An IP address as inet_ntop writes it, given like that or as the literal of
 * RFC 5321 section 4.1.3, "[IPv6:2001:db8::1]", with or without brackets.
 */
const char *record_address(struct arena *a, const char *s);

/*
 * The name of an EHLO reply.  Postfix sends all of it, codes and line ends
 * included; the name is the first word of the first line, behind its code.  A
 * first line with only a code names nobody.
 */
const char *record_helo(struct arena *a, const char *s);

/* A line of an STS policy: what came before its end, without controls. */
const char *record_line(struct arena *a, const char *s);
/* Additional information or a failure reason. */
const char *record_reason(struct arena *a, const char *s);

/*
 * A TLSA record as RFC 8460 section 4.4 has it: "3 1 1 0A..", single blanks,
 * upper-case hex.  What is no TLSA record is taken as a line.
 */
const char *record_tlsa(struct arena *a, const char *s);

/* Sort by strcmp and drop repeats. */
void	record_sort(const char **list, size_t *n);

#endif
