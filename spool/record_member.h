#ifndef SPOOL_RECORD_MEMBER_H
#define SPOOL_RECORD_MEMBER_H

#include <stddef.h>

#include <jansson.h>

#include "spool/arena.h"
#include "spool/record.h"

/*
 * The members of a record's JSON objects, for record.c.  Each of these returns
 * 0, or -1 with the reason of the refusal in *why, which lives in the arena.
 */
struct member_reader {
	struct arena *a;
	const char **why;
	size_t policy, failure;		/* where we are in the record, counted
					   from 1; 0: not in one */
};

/* Refuse the record for what this key holds; -1. */
int	member_refuse(const struct member_reader *rd, const char *key,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A value as the reason shows it. */
const char *member_shown(struct arena *a, const json_t *value);

/* These leave NULL when the key is absent. */
int	member_string(const struct member_reader *rd, const json_t *obj,
	    const char *key, const char **s);
int	member_array(const struct member_reader *rd, const json_t *obj,
	    const char *key, size_t max, const json_t **array);

/* A required integer; `allowed` completes the sentence of the refusal. */
int	member_code(const struct member_reader *rd, const json_t *obj,
	    const char *key, int min, int max, const char *allowed, int *code);
/* The same, and the table must know it. */
int	member_named(const struct member_reader *rd, const json_t *obj,
	    const char *key, const struct name_code *table,
	    const char *allowed, int *code);

/* An optional text in its canonical form, which may be NULL. */
int	member_text(const struct member_reader *rd, const json_t *obj,
	    const char *key,
	    const char *(*canonical)(struct arena *, const char *),
	    const char **text);
/* The same for an array of them; what has no canonical form is left out. */
int	member_texts(const struct member_reader *rd, const json_t *obj,
	    const char *key,
	    const char *(*canonical)(struct arena *, const char *),
	    const char ***list, size_t *n);

#endif
