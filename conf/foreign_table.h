#ifndef CONF_FOREIGN_TABLE_H
#define CONF_FOREIGN_TABLE_H

#include "conf/value.h"

/* The settings of tlsrpt-reporter, and what becomes of them; see foreign.h. */
#define COLLECTD	"tlsrpt_collectd"
#define FETCHER		"tlsrpt_fetcher"
#define REPORTD		"tlsrpt_reportd"

/*
 * Makes the value of ours, which the caller frees, from theirs.  NULL where
 * there is none, and when theirs is wrong, as *why says (static).  *note, if
 * it is set, is one more sentence for people (static).
 */
typedef char *foreign_convert(const struct value_rule *rule,
    const char *value, const char **note, const char **why);

struct foreign_row {
	const char *section, *key;
	const char *our_section, *our_key;	/* NULL: has no place */
	foreign_convert *convert;		/* NULL: only the note */
	const char *note;
};

extern const struct foreign_row foreign_rows[];
#define FOREIGN_ROWS	50

#endif
