#ifndef CONF_TOGETHER_H
#define CONF_TOGETHER_H

#include <stdio.h>

#include "conf/conf.h"

/*
 * What settings have to do with each other, once each of them is known to be
 * allowed by itself (identity above all).
 */

/* Set what was not set and follows from others, or from this host. */
void	together_derive(struct conf *c);

/* 0, or -1 when something was said to err, a line each: `file: …`. */
int	together_check(const struct conf *c, enum conf_need need,
	    const char *file, FILE *err);

#endif
