#ifndef CONF_DRAFT_H
#define CONF_DRAFT_H

#include <stddef.h>
#include <stdio.h>

/*
 * A configuration of ours in the making, out of one of tlsrpt-reporter; see
 * foreign.h.
 */

/* A setting, or with value NULL a comment in its place. */
struct draft_line {
	const char *section, *key;	/* NULL: has no place */
	char *from;			/* what it is made of, or NULL */
	char *value;
	const char *note, *note2;	/* static, or NULL */
};

/* All-zero at first. */
struct draft {
	struct draft_line *lines;
	size_t n;
};

/*
 * One more line, a comment so far; its from and value, once set, are freed with
 * the draft.  It may move when the next one is added.
 */
struct draft_line *draft_add(struct draft *d, const char *section,
	    const char *key);
/* Of settings that do not go together, change or leave out; notes say so. */
void	draft_settle(struct draft *d);
/*
 * In the order of our settings; of those that are needed and not there, what to
 * set.
 */
void	draft_print(const struct draft *d, FILE *out);
void	draft_release(struct draft *d);

#endif
